"""Ring: N identical memristors in a closed chain.

To see: neighbours are entangled for a few periods, all others never; the loops stay pinched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import qmemcircuit as qm
from experiments.network.identical import compute_graph, draw_graph
from experiments.results import Result, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Simulate it from 3 memristors up."""
    return compute_graph(qm.ring, 3, settings)


def draw(result: Result) -> Figure:
    """Draw loops, concurrence map and form factors."""
    return draw_graph(result, {"any memristor": 0})
