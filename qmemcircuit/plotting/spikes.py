"""Raster plots of spikes: (trajectory, ax) -> ax, in the house style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.plotting.figures import data_look, make_figure
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_raster(
    trajectory: Trajectory,
    *,
    reference: Trajectory | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    color: str | None = None,
    marker: str | None = None,
) -> Axes:
    """Draw each event of `trajectory` as a row of ticks, the first one on top.

    Args:
        trajectory: any with events (spikes); inputs are grey.
        reference: another run's events of the same names, drawn as black rings (not the inputs).
        labels: event name -> text beside its row; only the events named are drawn, in this order.
        ax: where to draw; None makes a figure.
        color: of the ticks; None is the house's.
        marker: of the other run's events; None is a ring.

    Raises:
        ValueError: where there is nothing to draw.

    >>> import numpy as np
    >>> from qmemcircuit import neurons, plotting
    >>> found = neurons.simulate(neurons.IntegrateAndFire(), np.linspace(0, 5, 101), input=1.0)
    >>> axes = plotting.plot_raster(found)
    """
    check_arguments(plot_raster, locals())
    shown = dict(labels) if labels is not None else {name: name for name in trajectory.events}
    missing = [name for name in shown if name not in trajectory.events]
    if missing or not shown:
        raise ValueError(
            f"Argument trajectory must have the events {list(shown) or 'to draw'}, but it has "
            f"{list(trajectory.events) or 'none'}."
        )
    look = data_look(color, None, marker, exact=False)
    if ax is None:
        ax = make_figure(width=6.0, height=0.6 + 0.3 * len(shown))[1]
    colours = ["0.45" if name.startswith("input") else look["color"] for name in shown]
    ax.eventplot(
        [trajectory.events[name] for name in shown],
        colors=colours,
        linelengths=0.75,
        linewidths=1.6,
    )
    for row, name in enumerate(shown):
        if reference is not None and name in reference.events and not name.startswith("input"):
            times = reference.events[name]
            ring = {"marker": look["marker"], "markerfacecolor": "none", "markersize": 6}
            ax.plot(times, [row] * times.size, linestyle="", color="black", **ring)
    ax.set_yticks(range(len(shown)), list(shown.values()))
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set_xlabel("time t")
    return ax
