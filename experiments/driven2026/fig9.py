"""Fig. 9: self-oscillation at V_n = 0.23 without a drive.

To see: a small oscillation of nearly one frequency, and a flat circle near the pole of the Bloch
ball.
"""

from __future__ import annotations

from typing import Any

from experiments.potter2024 import fig3 as oscillation
from experiments.results import Quantity, Result, Settings


def compute(settings: Settings) -> Result:
    """Compute the oscillation of potter2024.fig3 and compare with this paper's numbers."""
    result = oscillation.compute(settings)
    frequency = next(q.value for q in result.quantities if q.name.startswith("frequency"))
    quantities = (
        Quantity.against(
            "frequency of the self-oscillation",
            frequency,
            7.0,
            digits=1,
            error=1e-8,
            source="Sec. III",
            evidence="by shooting; Fig. 4's caption repeats potter2024's 7.0246, see "
            "potter2024.fig3",
        ),
    )
    return Result(result.data, quantities, result.parameters)


def draw(result: Result) -> Any:
    """Draw time series, cycle and spectrum."""
    return oscillation.draw(result)
