"""I–V loops of two memristors coupled by a controlled rotation about y.

To see: the coupling acts one way: memristor 1 loses I = ΓV, memristor 2 keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import qmemcircuit as qm
from experiments.guo2022.coupled_pairs import (
    agreement,
    defect_quantities,
    draw_coupling_row,
    measure_pair,
    parameters,
    place_legend,
)
from experiments.guo2022.params import PAIR_STRENGTH
from experiments.results import Result, Settings
from qmemcircuit.plotting.figures import make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Measure the pair; the control is memristor 1."""
    coupling = qm.ControlledRotation("y", PAIR_STRENGTH)
    judgement = measure_pair(coupling, settings)
    digital, master = judgement.trajectory, judgement.reference
    quantities = (
        agreement("CR_y", judgement.comparison),
        *defect_quantities("CR_y", master, ("lost", "preserved")),
    )
    return Result({"master": master, "digital": digital}, quantities, parameters(settings))


def draw(result: Result) -> Figure:
    """Draw control and target over all periods."""
    figure, axes = make_figure(1, 2, width=7.0, height=3.2)
    draw_coupling_row(axes, result.data["digital"], result.data["master"], "CR_y", "ab")
    place_legend(figure, axes[0])
    return figure
