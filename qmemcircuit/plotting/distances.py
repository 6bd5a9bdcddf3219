"""How far a result is from its reference: residuals in standard errors, and the error budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmemcircuit.analysis.budget import ErrorBudget
from qmemcircuit.analysis.comparison import Comparison
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_real
from qmemcircuit.plotting.figures import (
    PALETTE,
    REFERENCE_COLOUR,
    check_color,
    check_marker,
    make_figure,
    place_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_residuals(
    comparison: Comparison,
    *,
    device: int = 0,
    ax: Axes | None = None,
    unit: float = 1.0,
    colors: tuple[str, str] | None = None,
    markers: tuple[str, str] = ("o", "s"),
) -> Axes:
    """Draw voltage and current residuals in standard errors against time; bands at ±1 and ±2.

    Args:
        comparison: what `compare` returned, with errors on at least one side.
        device: which device.
        ax: where to draw; None makes a figure.
        unit: times are divided by it, e.g. the period.
        colors, markers: of V and of I, as Matplotlib names them; None is the house's.

    Returns the axes.

    Raises:
        ValueError: where the comparison has no residuals.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> axes = qm.plot_residuals(
    ...     qm.compare(qm.estimate(record), qm.master_equation(memristor, record.times))
    ... )
    """
    check_arguments(plot_residuals, locals())
    for marker in markers:
        check_marker("markers", marker)
    for color in colors or ():
        check_color("colors", color)
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
    own = ax is None
    if ax is None:
        ax = make_figure(width=5.0, height=2.0)[1]
    for width, alpha in ((2, 0.12), (1, 0.18)):
        ax.axhspan(-width, width, color="#000000", alpha=alpha, linewidth=0)
    times = comparison.times / unit
    residuals = (comparison.voltage_residual, comparison.current_residual)
    looks = zip("VI", residuals, colors or PALETTE[:2], markers, strict=True)
    for name, values, color, marker in looks:
        ax.plot(times, values[:, device], marker=marker, ls="none", color=color, label=name)
    ax.set_xlabel("time t/T" if unit != 1.0 else "time t")
    ax.set_ylabel("residual / standard error")
    place_legend(ax, own=own)
    return ax


def plot_budget(
    budget: ErrorBudget,
    *,
    ax: Axes | None = None,
    unit: float = 1.0,
    colors: tuple[str, str, str] | None = None,
    marker: str = "o",
) -> Axes:
    """Draw an error budget: its parts stacked against time, the total as points.

    Args:
        budget: of `error_budget`.
        ax: where to draw; None makes a figure.
        unit: times are divided by it, e.g. the period.
        colors: of splitting, device and sampling, as Matplotlib names them; None is the house's.
        marker: of the total.

    The points lie at or below the stack: distances obey the triangle inequality. Returns the axes.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> exact = qm.exact_circuit(memristor, record.times)
    >>> budget = qm.error_budget(
    ...     qm.estimate(record),
    ...     noisy=exact,
    ...     exact=exact,
    ...     master=qm.master_equation(memristor, record.times),
    ... )
    >>> axes = qm.plot_budget(budget)
    """
    check_arguments(plot_budget, locals())
    for color in colors or ():
        check_color("colors", color)
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
        colors or (PALETTE[2], PALETTE[1], PALETTE[5]),
        strict=True,
    ):
        ax.bar(times, values, width, bottom=bottom, color=colour, label=name)
        bottom = bottom + values
    ax.plot(times, budget.total, marker, color=REFERENCE_COLOUR, label="total")
    if budget.certificate is not None:
        ax.plot(times, budget.certificate, "_", color=PALETTE[4], label="splitting, any input")
    ax.set_xlabel("time t/T" if unit != 1.0 else "time t")
    symbol = "|ΔV|  [√(mħω)]" if budget.measure == "voltage" else "trace distance"
    ax.set_ylabel(f"{symbol} to master eq.")
    # Room above the bars for the legend, wherever they are.
    ax.set_ylim(0, 1.35 * float(max(bottom.max(), budget.total.max(), 1e-12)))
    ax.legend(loc="upper right", ncols=4, columnspacing=1.0, handlelength=1.2)
    return ax
