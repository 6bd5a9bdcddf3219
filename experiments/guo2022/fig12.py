"""I–V loops for the other non-native couplings: CR_x, CR_z, partial SWAP and partial iSWAP.

To see: loops for four more couplings: the partial SWAP leaves identical memristors as they are
(e, f); the partial iSWAP destroys their pinch (g, h).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.coupled_pairs import compute_couplings, draw_couplings
from experiments.guo2022.params import PAIR_STRENGTH, pair
from experiments.results import Quantity, Result, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUPLINGS = {
    "CR_x": (qm.ControlledRotation("x", PAIR_STRENGTH), ("lost", "lost")),
    "CR_z": (qm.ControlledRotation("z", PAIR_STRENGTH), ("lost", "lost")),
    "partial SWAP": (qm.PartialSwap(PAIR_STRENGTH), ("lost", "lost")),
    "partial iSWAP": (qm.PartialISwap(PAIR_STRENGTH), None),
}


def compute(settings: Settings) -> Result:
    """Measure the couplings; the paper has no partial iSWAP, ours stands in for what it saw."""
    result = compute_couplings(COUPLINGS, settings)
    caption = Quantity.erratum(
        "couplings of panels (c, d)",
        "CR_z",
        "Controlled-Rotation-Y in the caption, controlled-Z in the text",
        "caption and text disagree; CR_y is Fig. 9 already, so the text is taken",
        source="Fig. 12, appendix",
    )
    swapped = result.data["master partial SWAP"]
    alone = qm.master_equation(
        qm.Network(pair(COUPLINGS["partial SWAP"][0]).memristors), swapped.times
    )
    nothing = Quantity.erratum(
        "largest |ΔV| that the partial SWAP makes to two uncoupled memristors",
        np.abs(swapped.voltage - alone.voltage).max(),
        "completely destroys the memristive dynamics",
        "exchanging two identical devices in equal states changes nothing, at any "
        "strength; the paper's gate must be another (a partial iSWAP, say) or its states differ",
        unit="√(mħω)",
        source="appendix",
    )
    quantities = (*result.quantities, nothing, caption)
    return Result(result.data, quantities, result.parameters)


def draw(result: Result) -> Figure:
    """Draw a row for each coupling, a column for each memristor."""
    return draw_couplings(COUPLINGS, result)
