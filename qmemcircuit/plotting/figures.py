"""Figures: functions (data, ax) -> ax with one style; the only importer of matplotlib.

The palette is Okabe and Ito's, which readers with any colour vision can tell apart. References
are lines, measured data are points with error bars, the pinch is a black ring and the start a
filled green circle, everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmemcircuit.analysis.budget import ErrorBudget, check_same_times
from qmemcircuit.analysis.comparison import Comparison
from qmemcircuit.analysis.comparison_text import first_loop_text
from qmemcircuit.analysis.entanglement import Event
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_choice, check_integer, check_real, check_work
from qmemcircuit.common.storage import write_atomically
from qmemcircuit.counts.concurrence import Concurrence
from qmemcircuit.results.certificate import Certificate
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # green
    "#CC79A7",  # purple
    "#E69F00",  # orange
    "#56B4E9",  # sky
    "#F0E442",  # yellow
    "#000000",  # black
)
REFERENCE_COLOUR = "#000000"
DATA_COLOUR = PALETTE[0]
START_COLOUR = PALETTE[2]

STYLE: dict[str, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "errorbar.capsize": 0,
    "image.cmap": "cividis",
    "pdf.fonttype": 42,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside this context; matplotlib's own settings stay untouched."""
    import matplotlib as mpl
    from cycler import cycler

    settings: Any = {**STYLE, "axes.prop_cycle": cycler(color=PALETTE)}
    with mpl.rc_context(settings):
        yield


def make_figure(
    rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 3.0, **options: Any
) -> tuple[Figure, Any]:
    """Return a new figure (inches) in the house style and its axes, as `plt.subplots` does.

    The figure is not registered with pyplot: it needs no display and no closing. `options`
    are those of `Figure.subplots`.
    """
    check_arguments(make_figure, locals())
    for name, number in (("rows", rows), ("columns", columns)):
        check_work(name, check_integer(name, number, minimum=1), 100, name)
    for name, length in (("width", width), ("height", height)):
        check_real(name, length, minimum=0, exclusive=True)
    from matplotlib.figure import Figure as MatplotlibFigure

    with house_style():
        figure = MatplotlibFigure(figsize=(width, height))
        axes = figure.subplots(rows, columns, **options)
    return figure, axes


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> list[Path]:
    """Write `figure` as `path`.png and `path`.pdf, each whole or not at all; return both paths."""
    check_arguments(save_figure, locals())
    import io

    written = []
    for suffix in (".png", ".pdf"):
        buffer = io.BytesIO()
        with house_style():
            figure.savefig(buffer, format=suffix[1:])
        written.append(write_atomically(Path(f"{os.fspath(path)}{suffix}"), buffer.getvalue()))
    return written


def plot_loop(
    trajectory: Trajectory,
    *,
    reference: Trajectory | None = None,
    device: int = 0,
    normalise: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the I–V curve of one device: data as points with error bars, the reference as a line.

    Args:
        trajectory: what was measured, or an exact trajectory (then a line).
        reference: drawn below it as a black line.
        device: which device.
        normalise: divide both by the largest |V| and |I| of the reference (of the trajectory,
            where there is none), as guo2022's figures do.
        ax: where to draw; None makes a figure.

    The start is a filled green circle, the pinch (the origin, where I = ΓV must pass) a black
    ring. Where the reference (or the trajectory) is exact, the legend has the form factor of its
    first loop, the bound that no loop with such lobes exceeds, and the lobes' balance. Returns the
    axes.
    """
    check_arguments(plot_loop, locals())
    if ax is None:
        ax = make_figure(width=4.0, height=3.4)[1]
    series = trajectory[device]
    base_of = trajectory if reference is None else reference
    base = base_of[device]
    by = [float(abs(item).max()) or 1.0 for item in (base.voltage, base.current)]
    by = by if normalise else [1.0, 1.0]
    if reference is not None:
        line = reference[device]
        ax.plot(
            line.voltage / by[0], line.current / by[1], color=REFERENCE_COLOUR, label="reference"
        )
    if series.voltage_error is None or series.current_error is None:
        ax.plot(series.voltage / by[0], series.current / by[1], color=DATA_COLOUR, label="exact")
    else:
        ax.errorbar(
            series.voltage / by[0],
            series.current / by[1],
            xerr=series.voltage_error / by[0],
            yerr=series.current_error / by[1],
            fmt="o",
            color=DATA_COLOUR,
            markersize=3.5,
            elinewidth=0.6,
            alpha=0.8,
            label="digital",
        )
    _mark(ax, base.voltage[0] / by[0], base.current[0] / by[1])
    suffix = "/max" if normalise else ""
    ax.set_xlabel(f"voltage V{suffix}" + ("" if normalise else _unit(trajectory, "voltage")))
    ax.set_ylabel(f"current I{suffix}" + ("" if normalise else _unit(trajectory, "current")))
    shown = first_loop_text(base_of, device) if normalise else None
    if shown is not None and reference is not None:
        # Whose it is: the measured loop's stands in `compare`.
        shown = "reference's " + shown.replace(" ≤", "\n≤")
    ax.legend(loc="best", frameon=False, title=shown, title_fontsize=7)
    return ax


def plot_series(
    trajectory: Trajectory,
    quantity: str = "voltage",
    *,
    reference: Trajectory | None = None,
    device: int = 0,
    certificate: Certificate | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw `"voltage"` or `"current"` of one device against time in periods.

    Data are points with error bars, the reference a line. Times are divided by the device's
    period where it is known. A certificate (`certify`) is a band about the reference, within which
    the circuits stay without shots and device, whatever the input. Returns the axes.

    Raises ValueError for a certificate without a reference, or of other times.
    """
    check_arguments(plot_series, locals())
    check_choice("quantity", quantity, ("voltage", "current"))
    if certificate is not None:
        if reference is None:
            raise ValueError(
                "Argument reference must be given with a certificate, which is a band about it, "
                "but it is None; master_equation(model, times) is the one that is meant."
            )
        check_same_times(certificate, reference.times)
    if ax is None:
        ax = make_figure(width=5.0, height=2.6)[1]
    series = trajectory[device]
    unit = series.period or 1.0
    if reference is not None:
        line = reference[device]
        ax.plot(
            line.times / unit, getattr(line, quantity), color=REFERENCE_COLOUR, label="reference"
        )
        if certificate is not None:
            width, middle = getattr(certificate, quantity)[:, device], getattr(line, quantity)
            ax.fill_between(
                line.times / unit,
                middle - width,
                middle + width,
                color=PALETTE[2],
                alpha=0.35,
                linewidth=0,
                label="splitting, any input",
            )
    values, errors = getattr(series, quantity), getattr(series, f"{quantity}_error")
    if errors is None:
        ax.plot(series.times / unit, values, color=DATA_COLOUR, label="exact")
    else:
        ax.errorbar(
            series.times / unit,
            values,
            yerr=errors,
            fmt="o",
            color=DATA_COLOUR,
            markersize=3.5,
            elinewidth=0.6,
            label="digital",
        )
    ax.set_xlabel("time t/T" if series.period else f"time t{_unit(trajectory, 'times')}")
    symbol = "V" if quantity == "voltage" else "I"
    ax.set_ylabel(f"{quantity} {symbol}{_unit(trajectory, quantity)}")
    return ax


def plot_residuals(
    comparison: Comparison, *, device: int = 0, ax: Axes | None = None, unit: float = 1.0
) -> Axes:
    """Draw voltage and current residuals in standard errors against time; bands at ±1 and ±2.

    Args:
        comparison: what `compare` returned, with errors on at least one side.
        device: which device.
        ax: where to draw; None makes a figure.
        unit: times are divided by it, e.g. the period.

    Raises ValueError where the comparison has no residuals.
    """
    check_arguments(plot_residuals, locals())
    check_real("unit", unit, minimum=0, exclusive=True)
    if comparison.voltage_residual is None or comparison.current_residual is None:
        raise ValueError(
            "Argument comparison must have residuals, but neither of its sides has errors; "
            "compare an estimated trajectory."
        )
    devices = comparison.voltage_residual.shape[1]
    if not 0 <= device < devices:
        raise ValueError(
            f"Argument device must be from 0 to {devices - 1}, but {device} was given."
        )
    if ax is None:
        ax = make_figure(width=5.0, height=2.0)[1]
    for width, alpha in ((2, 0.12), (1, 0.18)):
        ax.axhspan(-width, width, color="#000000", alpha=alpha, linewidth=0)
    times = comparison.times / unit
    ax.plot(times, comparison.voltage_residual[:, device], "o", color=PALETTE[0], label="V")
    ax.plot(times, comparison.current_residual[:, device], "s", color=PALETTE[1], label="I")
    ax.set_xlabel("time t/T" if unit != 1.0 else "time t")
    ax.set_ylabel("residual / standard error")
    return ax


def _unit(trajectory: Trajectory, quantity: str) -> str:
    """Return the unit as a label's ending; none for pure numbers and where nobody said."""
    unit = trajectory.units.get(quantity, "1")
    return "" if unit == "1" else f"  [{unit}]"


def plot_budget(budget: ErrorBudget, *, ax: Axes | None = None, unit: float = 1.0) -> Axes:
    """Draw an error budget: its parts stacked against time, the total as points.

    Args:
        budget: of `error_budget`.
        ax: where to draw; None makes a figure.
        unit: times are divided by it, e.g. the period.

    The points lie at or below the stack: distances obey the triangle inequality. Returns the axes.
    """
    check_arguments(plot_budget, locals())
    check_real("unit", unit, minimum=0, exclusive=True)
    if ax is None:
        ax = make_figure(width=5.0, height=2.6)[1]
    times = budget.times / unit
    width = 0.6 * float((times[1:] - times[:-1]).min()) if times.size > 1 else 0.6
    bottom = 0 * times
    parts = (budget.splitting, budget.device, budget.sampling)
    for name, values, colour in zip(
        ("splitting", "device", "sampling"),
        parts,
        (PALETTE[2], PALETTE[1], PALETTE[5]),
        strict=True,
    ):
        ax.bar(times, values, width, bottom=bottom, color=colour, label=name)
        bottom = bottom + values
    ax.plot(times, budget.total, "o", color=REFERENCE_COLOUR, label="total")
    if budget.certificate is not None:
        ax.plot(times, budget.certificate, "_", color=PALETTE[4], label="splitting, any input")
    ax.set_xlabel("time t/T" if unit != 1.0 else "time t")
    symbol = "|ΔV|  [√(mħω)]" if budget.measure == "voltage" else "trace distance"
    ax.set_ylabel(f"{symbol} to master eq.")
    # Room above the bars for the legend, wherever they are.
    ax.set_ylim(0, 1.35 * float(max(bottom.max(), budget.total.max(), 1e-12)))
    ax.legend(loc="upper right", ncols=4, columnspacing=1.0, handlelength=1.2)
    return ax


def _mark(ax: Axes, start_voltage: float, start_current: float) -> None:
    """Mark the start of a loop and its pinch at the origin."""
    above = 5  # the marks must not drown in the data points
    ax.plot(
        start_voltage,
        start_current,
        "o",
        color=START_COLOUR,
        markersize=6,
        zorder=above,
        label="start",
    )
    ax.plot(
        0,
        0,
        "o",
        markerfacecolor="none",
        markeredgecolor="#000000",
        markeredgewidth=1.5,
        markersize=8,
        zorder=above,
        label="pinch",
    )


def plot_concurrence(
    concurrence: Concurrence,
    *,
    reference: Concurrence | None = None,
    events: Sequence[Event] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw the concurrence against time: points with intervals, the reference as a line.

    Args:
        concurrence: from `Trajectory.concurrence`; a line where it is exact.
        reference: drawn as a black line.
        events: from `find_deaths_and_births`: a vertical line at each, dashed for deaths and dotted
            for births, with a band from its lower to its upper bound.
        ax: where to draw; None makes a figure.

    Times are divided by the period where it is known. Returns the axes.
    """
    check_arguments(plot_concurrence, locals())
    if ax is None:
        ax = make_figure(width=5.0, height=2.6)[1]
    unit = concurrence.period or 1.0
    for kind, style, colour in (("death", "--", PALETTE[1]), ("birth", ":", PALETTE[2])):
        for place, event in enumerate(event for event in events if event.kind == kind):
            label = f"sudden {kind}" if place == 0 else None
            ax.axvspan(event.lower / unit, event.upper / unit, color=colour, alpha=0.18, lw=0)
            ax.axvline(event.time / unit, color=colour, linestyle=style, label=label)
    if concurrence.lower is None or concurrence.upper is None:
        ax.plot(concurrence.times / unit, concurrence.value, color=DATA_COLOUR, label="exact")
    else:
        ax.errorbar(
            concurrence.times / unit,
            concurrence.value,
            yerr=(concurrence.value - concurrence.lower, concurrence.upper - concurrence.value),
            fmt="o",
            color=DATA_COLOUR,
            elinewidth=0.6,
            markersize=2.5,
            alpha=0.8,
            label=f"digital, {100 * (concurrence.level or 0):.0f} % intervals",
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
    ax.legend(loc="best", frameon=False)
    return ax
