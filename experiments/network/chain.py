"""Chain: N identical memristors in a row, each coupled to the next.

To see: entanglement stays between neighbours (b), and lives longest where there are only two (d).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import qmemcircuit as qm
from experiments.network.identical import compute_graph, draw_graph
from experiments.results import Result, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Simulate it from 2 memristors up."""
    return compute_graph(qm.chain, 2, settings)


def draw(result: Result) -> Figure:
    """Draw loops, concurrence map and form factors."""
    size = max(result.parameters["sizes"])
    return draw_graph(result, {"end": 0, "middle": size // 2})
