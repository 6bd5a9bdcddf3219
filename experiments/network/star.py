"""Star: N identical memristors, one coupled to all others.

To see: the more leaves, the less entanglement each shares with the centre.
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
    return compute_graph(qm.star, 3, settings)


def draw(result: Result) -> Figure:
    """Draw loops, concurrence map and form factors."""
    return draw_graph(result, {"centre": 0, "leaf": 1})
