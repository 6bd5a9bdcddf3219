"""Who is coupled to whom: a network as a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.model.memristors import Network
from qmemcircuit.plotting.figures import DATA_COLOUR, house_style, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Edge = tuple[int, int]


def plot_graph(
    network: Network, *, weights: Mapping[Edge, float] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the memristors as numbered circles and their couplings as lines.

    Args:
        network: a chain is drawn as a row, a star about its centre, all else on a ring.
        weights: {(i, j): number ≥ 0} of pairs, coupled or not, such as peak concurrences: lines
            are coloured by them, with a colour bar, and coupled pairs that are not named are pale.
            None draws the couplings alone.
        ax: where to draw; None makes a figure.

    A line says that two memristors are coupled; it is an arrow to the second one where the two have
    different roles, as control and target have. Returns the axes. Raises ValueError for a pair that
    the network does not have, and for weights below zero.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> axes = qm.plot_graph(pair)
    """
    check_arguments(plot_graph, locals())
    count = len(network.memristors)
    shown = {} if weights is None else dict(weights)
    for (i, j), weight in shown.items():
        if not (0 <= i < count and 0 <= j < count and i != j) or not weight >= 0:
            raise ValueError(
                f"Argument weights must give pairs of different memristors from 0 to {count - 1} a "
                f"number not below 0, but {(i, j)} has {weight!r}."
            )
    if ax is None:
        ax = make_figure(width=3.4, height=3.0)[1]
    edges = [pair for pair, _ in network.couplings]
    places = _places(count, edges)
    with house_style():
        _draw_couplings(ax, network, places, pale=weights is not None)
        if shown:
            _draw_weights(ax, shown, places)
    ax.plot(*places.T, "o", color="white", markeredgecolor="black", markersize=15, zorder=3)
    for number, (x, y) in enumerate(places):
        ax.text(x, y, str(number), ha="center", va="center", zorder=4, fontsize=8)
    ax.set_aspect("equal")
    ax.margins(0.15 if count > 2 else 0.4)
    ax.axis("off")
    return ax


def _places(count: int, edges: list[Edge]) -> FloatArray:
    """Return (x, y) of each memristor: a row, a star, or a ring."""
    degree = np.bincount(np.array(edges, dtype=int).ravel(), minlength=count)
    row = {tuple(sorted(edge)) for edge in edges} == {(j, j + 1) for j in range(count - 1)}
    if count <= 2 or (row and len(edges) == count - 1):
        return np.column_stack([np.arange(count, dtype=float), np.zeros(count)])
    centre = int(degree.argmax())
    star = degree[centre] == count - 1 and len(edges) == count - 1
    around = [j for j in range(count) if not (star and j == centre)]
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(around)) / len(around)
    places = np.zeros((count, 2))
    places[around] = np.column_stack([np.cos(angle), np.sin(angle)])
    return places


def _draw_couplings(ax: Axes, network: Network, places: FloatArray, *, pale: bool) -> None:
    from matplotlib.patches import FancyArrowPatch

    colour = "0.8" if pale else DATA_COLOUR
    for (i, j), coupling in network.couplings:
        matrix = coupling.hamiltonian()
        exchanged = matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4)
        ordered = not np.allclose(matrix, exchanged)
        arrow = FancyArrowPatch(
            tuple(places[i]),
            tuple(places[j]),
            arrowstyle="-|>" if ordered else "-",
            mutation_scale=12,
            color=colour,
            linewidth=1.5,
            shrinkA=7,
            shrinkB=8,  # the head stops at the circle's rim
        )
        ax.add_patch(arrow)


def _draw_weights(ax: Axes, weights: Mapping[Edge, float], places: FloatArray) -> None:
    from matplotlib.collections import LineCollection

    lines = LineCollection([places[list(pair)] for pair in weights], linewidths=2.5, zorder=2)
    lines.set_array(np.array(list(weights.values())))
    lines.set_clim(0, max(max(weights.values()), 1e-12))
    ax.add_collection(lines)
    figure = ax.get_figure()
    assert figure is not None  # axes that nobody removed
    figure.colorbar(lines, ax=ax, shrink=0.8)
