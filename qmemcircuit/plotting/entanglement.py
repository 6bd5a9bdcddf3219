"""The concurrence against time, with intervals, deaths and births."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmemcircuit.analysis.entanglement import Event
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.counts.concurrence import Concurrence
from qmemcircuit.plotting.figures import (
    PALETTE,
    REFERENCE_COLOUR,
    data_look,
    make_figure,
    place_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_concurrence(
    concurrence: Concurrence,
    *,
    reference: Concurrence | None = None,
    events: Sequence[Event] = (),
    ax: Axes | None = None,
    color: str | None = None,
    label: str | None = None,
    marker: str | None = None,
) -> Axes:
    """Draw the concurrence against time: points with intervals, the reference as a line.

    Args:
        concurrence: from `Trajectory.concurrence`; a line where it is exact.
        reference: drawn as a black line.
        events: from `find_deaths_and_births`: a vertical line at each, dashed for deaths and dotted
            for births, with a band from its lower to its upper bound.
        ax: where to draw; None makes a figure.
        color, label, marker: of the data, as Matplotlib names them; None is the house's.

    Times are divided by the period where it is known. Returns the axes.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> axes = qm.plot_concurrence(qm.master_equation(pair, pair.periods(2)).concurrence(0, 1))
    """
    check_arguments(plot_concurrence, locals())
    exact = concurrence.lower is None or concurrence.upper is None
    if label is None and not exact:
        level = concurrence.level
        label = "within stated errors" if level is None else f"digital, {level:.0%} intervals"
        label = label.replace("%", " %")
    look = data_look(color, label, marker, exact=exact)
    own = ax is None
    if ax is None:
        ax = make_figure(width=5.0, height=2.6)[1]
    unit = concurrence.period or 1.0
    for kind, style, colour in (("death", "--", PALETTE[1]), ("birth", ":", PALETTE[2])):
        for place, event in enumerate(event for event in events if event.kind == kind):
            label = f"sudden {kind}" if place == 0 else None
            ax.axvspan(event.lower / unit, event.upper / unit, color=colour, alpha=0.18, lw=0)
            ax.axvline(event.time / unit, color=colour, linestyle=style, label=label)
    if concurrence.lower is None or concurrence.upper is None:
        ax.plot(concurrence.times / unit, concurrence.value, **look)
    else:
        ax.errorbar(
            concurrence.times / unit,
            concurrence.value,
            yerr=(concurrence.value - concurrence.lower, concurrence.upper - concurrence.value),
            linestyle="",
            elinewidth=0.6,
            markersize=2.5,
            alpha=0.8,
            **look,
        )
    if reference is not None:
        ax.plot(
            reference.times / unit,
            reference.value,
            color=REFERENCE_COLOUR,
            zorder=3,
            label="reference",
        )
    ax.set_ylim(bottom=0)
    ax.set_xlabel("time t/T" if concurrence.period else "time t")
    ax.set_ylabel("concurrence C")
    place_legend(ax, own=own)
    return ax
