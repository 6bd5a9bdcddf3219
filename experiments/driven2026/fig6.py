"""Fig. 6: the conductance functions on x_V in [−3, 3], beyond which the paper sets them to zero.

To see: the three functions vanish beyond |x_V| = 2, so that cutting them off at 3 is harmless.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.potter2024 import fig7 as matrix
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.shuttle.conductance import conductance_elements


def compute(settings: Settings) -> Result:
    """Evaluate F_ij and what is left of it at |x_V| = 3."""
    result = matrix.compute(settings)
    edge = float(np.abs(conductance_elements(3.0)).max())
    quantities = (
        Quantity.against(
            "largest |F_ij| at |x_V| = 3",
            edge,
            "tended to zero",
            source="Fig. 6",
            holds=edge < 1e-6,
            evidence="small beside F00(0) = 0.404, but far above rounding: our table reaches 6.2",
        ),
        Quantity.erratum(
            "λ of the figure",
            0.13,
            0.12,
            "the text and potter2024 have 0.13",
            source="Fig. 2's caption",
        ),
    )
    return Result(result.data, quantities)


def draw(result: Result) -> Any:
    """Draw the three functions."""
    return matrix.draw(result)
