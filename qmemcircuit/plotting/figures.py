"""Figures: functions (data, ax) -> ax with one style; the only importer of matplotlib.

The palette is Okabe and Ito's, which readers with any colour vision can tell apart. References
are lines, measured data are points with error bars, the pinch is a black ring and the start a
filled green circle, everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmemcircuit.analysis.budget import check_same_times
from qmemcircuit.analysis.comparison_text import first_loop_text
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    FloatArray,
    check_choice,
    check_integer,
    check_real,
    check_work,
)
from qmemcircuit.common.storage import write_atomically
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
    """Draw in the house style inside this context; matplotlib's own settings stay untouched.

    >>> from qmemcircuit import plotting
    >>> with plotting.house_style():
    ...     figure, axes = plotting.make_figure()
    """
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

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import plotting
    >>> figure, axes = plotting.make_figure(1, 2)
    >>> len(axes)
    2
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
    """Write `figure` as `path`.png and `path`.pdf, each whole or not at all; return both paths.

    >>> import tempfile
    >>> import qmemcircuit as qm
    >>> from qmemcircuit import plotting
    >>> figure, axes = plotting.make_figure()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in plotting.save_figure(figure, f"{folder}/loop")]
    ['loop.png', 'loop.pdf']
    """
    check_arguments(save_figure, locals())
    import io

    written = []
    for suffix in (".png", ".pdf"):
        buffer = io.BytesIO()
        with house_style():
            figure.savefig(buffer, format=suffix[1:])
        written.append(write_atomically(Path(f"{os.fspath(path)}{suffix}"), buffer.getvalue()))
    return written


def check_marker(name: str, marker: str) -> None:
    """Raise ValueError for a marker that Matplotlib does not know."""
    from matplotlib.markers import MarkerStyle

    if marker not in MarkerStyle.markers:
        raise ValueError(
            f"Argument {name} must be a marker that Matplotlib knows, such as 'o', 's' or '^', but "
            f"{marker!r} was given."
        )


def check_color(name: str, color: Any) -> None:
    """Raise ValueError for a colour that Matplotlib does not know."""
    from matplotlib.colors import is_color_like

    if not is_color_like(color):
        raise ValueError(
            f"Argument {name} must be a colour that Matplotlib knows, such as 'C1' or '#0072B2', "
            f"but {color!r} was given."
        )


def data_look(
    color: str | None, label: str | None, marker: str | None, *, exact: bool
) -> dict[str, Any]:
    """Return Matplotlib's keywords for the data: what was asked for, or else the house's.

    Measured data are points and have a marker; what is exact is a line and has one only where it
    is asked for. Raises ValueError for a colour or a marker that Matplotlib does not know.
    """
    if color is not None:
        check_color("color", color)
    if marker is not None:
        check_marker("marker", marker)
    if label is None:
        label = "exact" if exact else "digital"
    return {
        "color": color or DATA_COLOUR,
        "label": label,
        "marker": marker or ("" if exact else "o"),
    }


def place_legend(ax: Axes, *, own: bool, **options: Any) -> None:
    """Add the legend: above the panel in a figure of our own, so that it hides no data.

    In a panel that the caller arranged there may be a title above; there the emptiest corner is
    taken, and `ax.legend(…)` moves it.
    """
    if own:
        options = {
            "loc": "lower center",
            "bbox_to_anchor": (0.5, 1.0),
            "ncols": 4,
            "columnspacing": 1.0,
            "handlelength": 1.4,
            **options,
        }
    else:
        options = {"loc": "best", **options}
    if ax.get_legend_handles_labels()[0]:  # labels may all be empty
        ax.legend(frameon=False, **options)


# More than eight parameters: color, label and marker are Matplotlib's own.
def plot_loop(
    trajectory: Trajectory,
    *,
    reference: Trajectory | None = None,
    device: int = 0,
    normalise: bool = True,
    ax: Axes | None = None,
    color: str | None = None,
    label: str | None = None,
    marker: str | None = None,
) -> Axes:
    """Draw the I–V curve of one device: data as points with error bars, the reference as a line.

    Args:
        trajectory: what was measured, or an exact trajectory (then a line).
        reference: drawn below it as a black line.
        device: which device.
        normalise: divide both by the largest |V| and |I| of the reference (of the trajectory,
            where there is none), as guo2022's figures do.
        ax: where to draw; None makes a figure.
        color, label, marker: of the data, as Matplotlib names them; None is the house's.

    The start is a filled green circle, the pinch (the origin, where I = ΓV must pass) a black
    ring. Where the reference (or the trajectory) is exact, the legend has the form factor of its
    first loop, the bound that no loop with such lobes exceeds, and the lobes' balance. Returns the
    axes.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> axes = qm.plot_loop(
    ...     qm.estimate(record), reference=qm.master_equation(memristor, record.times)
    ... )
    """
    check_arguments(plot_loop, locals())
    series = trajectory[device]
    base_of = trajectory if reference is None else reference
    base = base_of[device]
    by = [float(abs(item).max()) or 1.0 for item in (base.voltage, base.current)]
    by = by if normalise else [1.0, 1.0]
    exact = series.voltage_error is None or series.current_error is None
    look = data_look(color, label, marker, exact=exact)
    own = ax is None
    if ax is None:
        ax = make_figure(width=4.0, height=3.4)[1]
    if reference is not None:
        line = reference[device]
        ax.plot(
            line.voltage / by[0], line.current / by[1], color=REFERENCE_COLOUR, label="reference"
        )
    if series.voltage_error is None or series.current_error is None:
        ax.plot(series.voltage / by[0], series.current / by[1], **look)
    else:
        ax.errorbar(
            series.voltage / by[0],
            series.current / by[1],
            xerr=series.voltage_error / by[0],
            yerr=series.current_error / by[1],
            linestyle="",
            markersize=3.5,
            elinewidth=0.6,
            alpha=0.8,
            **look,
        )
    _mark(ax, base.voltage[0] / by[0], base.current[0] / by[1])
    suffix = "/max" if normalise else ""
    ax.set_xlabel(f"voltage V{suffix}" + ("" if normalise else _unit(trajectory, "voltage")))
    ax.set_ylabel(f"current I{suffix}" + ("" if normalise else _unit(trajectory, "current")))
    shown = first_loop_text(base_of, device) if normalise else None
    if shown is not None and reference is not None:
        # Whose it is: the measured loop's stands in `compare`.
        shown = "reference's " + shown.replace(" ≤", "\n≤")
    place_legend(ax, own=own, title=shown, title_fontsize=7)
    return ax


# More than eight parameters: color, label and marker are Matplotlib's own.
def plot_series(
    trajectory: Trajectory,
    quantity: str = "voltage",
    *,
    reference: Trajectory | None = None,
    device: int = 0,
    certificate: Certificate | None = None,
    ax: Axes | None = None,
    color: str | None = None,
    label: str | None = None,
    marker: str | None = None,
) -> Axes:
    """Draw `"voltage"`, `"current"` or another series of one device against time in periods.

    Args:
        trajectory: what was measured, or an exact trajectory (then a line).
        quantity: `"voltage"`, `"current"`, or the name of one of `trajectory.variables`, such as
            the components `"X"`, `"Y"`, `"Z"` of a neuron's Bloch vector.
        reference: drawn below it as a black line.
        device: which device.
        certificate: of `certify`; a band about the reference.
        ax: where to draw; None makes a figure.
        color, label, marker: of the data, as Matplotlib names them; None is the house's.

    Data are points with error bars, the reference a line. Times are divided by the device's
    period where it is known. A certificate (`certify`) is a band about the reference, within which
    the circuits stay without shots and device, whatever the input. Returns the axes.

    Raises:
        ValueError: for a series that is not there, and for a certificate without a reference, of
            other times, or with another series than voltage and current.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> axes = qm.plot_series(
    ...     qm.estimate(record), "current", reference=qm.master_equation(memristor, record.times)
    ... )
    """
    check_arguments(plot_series, locals())
    known: tuple[str, ...] = ("voltage", "current")
    if certificate is None:
        known += tuple(name for name, item in trajectory.variables.items() if item.ndim <= 2)
    check_choice("quantity", quantity, known)
    if reference is not None and quantity not in ("voltage", "current", *reference.variables):
        raise ValueError(
            f"Argument reference must have the series {quantity!r}, but it has none; draw without "
            "a reference."
        )
    if certificate is not None:
        if reference is None:
            raise ValueError(
                "Argument reference must be given with a certificate, which is a band about it, "
                "but it is None; master_equation(model, times) is the one that is meant."
            )
        check_same_times(certificate, reference.times)
    series = trajectory[device]
    values, errors = _values(trajectory, quantity, device)
    look = data_look(color, label, marker, exact=errors is None)
    own = ax is None
    if ax is None:
        ax = make_figure(width=5.0, height=2.6)[1]
    unit = series.period or 1.0
    if reference is not None:
        line = reference[device]
        middle, _ = _values(reference, quantity, device)
        ax.plot(line.times / unit, middle, color=REFERENCE_COLOUR, label="reference")
        if certificate is not None:
            width = getattr(certificate, quantity)[:, device]
            ax.fill_between(
                line.times / unit,
                middle - width,
                middle + width,
                color=PALETTE[2],
                alpha=0.35,
                linewidth=0,
                label="splitting, any input",
            )
    if errors is None:
        ax.plot(series.times / unit, values, **look)
    else:
        ax.errorbar(
            series.times / unit,
            values,
            yerr=errors,
            linestyle="",
            markersize=3.5,
            elinewidth=0.6,
            **look,
        )
    ax.set_xlabel("time t/T" if series.period else f"time t{_unit(trajectory, 'times')}")
    name = {"voltage": "voltage V", "current": "current I"}.get(quantity, quantity)
    ax.set_ylabel(f"{name}{_unit(trajectory, quantity)}")
    if own and (reference is not None or label is not None):
        place_legend(ax, own=True)
    return ax


def _values(
    trajectory: Trajectory, quantity: str, device: int
) -> tuple[FloatArray, FloatArray | None]:
    """Return one series of one device and its standard errors, None where it is exact."""
    series = trajectory[device]
    if quantity in ("voltage", "current"):
        return getattr(series, quantity), getattr(series, f"{quantity}_error")
    values = trajectory.variables[quantity]
    return (values if values.ndim == 1 else values[:, device]), None


def _unit(trajectory: Trajectory, quantity: str) -> str:
    """Return the unit as a label's ending; none for pure numbers and where nobody said."""
    unit = trajectory.units.get(quantity, "1")
    return "" if unit == "1" else f"  [{unit}]"


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
