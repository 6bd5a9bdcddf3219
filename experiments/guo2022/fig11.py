"""I–V loops of two memristors coupled by σxσx and σzσz: memristivity is lost.

To see: σxσx and σzσz turn the pinched loops into rosettes that miss the origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import qmemcircuit as qm
from experiments.guo2022.coupled_pairs import compute_couplings, draw_couplings
from experiments.guo2022.params import PAIR_STRENGTH
from experiments.results import Result, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The printed caption calls both pairs of panels σxσx; the text says (c, d) are σzσz.
COUPLINGS = {
    "σxσx": (qm.Native("x", PAIR_STRENGTH), ("lost", "lost")),
    "σzσz": (qm.Native("z", PAIR_STRENGTH), ("lost", "lost")),
}


def compute(settings: Settings) -> Result:
    """Measure both couplings."""
    return compute_couplings(COUPLINGS, settings)


def draw(result: Result) -> Figure:
    """Draw a row for each coupling, a column for each memristor."""
    return draw_couplings(COUPLINGS, result)
