"""What Figs. 7–12 share: two coupled memristors, measured by tomography, beside their master."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import qmemcircuit as qm
from experiments.drawing import mark_pinch, mark_start
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH, SHOTS, pair, pair_times
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import (
    DATA_COLOUR,
    PALETTE,
    REFERENCE_COLOUR,
    make_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STOP_COLOUR = PALETTE[1]
PRESERVED_BELOW = 1e-12  # of a current of 2e-3: rounding, where the commutator vanishes


def measure_pair(coupling: qm.Coupling, settings: Settings) -> qm.Judgement:
    """Measure one coupled pair and judge its record against the master equation."""
    model = pair(coupling)
    times = pair_times(model, quick=settings.quick)
    target = settings.target or qm.aer(seed=settings.seed)
    record = qm.run(model, times, target=target, shots=settings.shots_or(SHOTS), bases="tomography")
    return qm.judge(record)


def parameters(settings: Settings) -> dict[str, Any]:
    """Return what the summary of a pair experiment records."""
    return {
        "shots": settings.shots_or(SHOTS),
        "seed": settings.seed,
        "strength": PAIR_STRENGTH,
        "inference": PAIR_INFERENCE,
    }


def defect_quantities(
    name: str, master: qm.Trajectory, claims: tuple[str, str] | None
) -> list[Quantity]:
    """Return the memristive defect of both devices beside what the paper says of each.

    `claims` are the paper's words, "preserved" or "lost" (None where it has no such coupling);
    what counts as preserved is `PRESERVED_BELOW`.
    """
    defects = qm.memristive_defect(master)
    signals = np.sqrt(np.mean(master.current**2, axis=0))
    quantities = []
    for j, (defect, signal) in enumerate(zip(defects, signals, strict=True)):
        claim = None if claims is None else claims[j]
        found = "preserved" if defect < PRESERVED_BELOW else "lost"
        quantities.append(
            Quantity(
                f"{name}, memristor {j + 1}: memristive defect, RMS of I − ΓV",
                defect,
                unit="ω√(mħω)",
                published=claim,
                source=claim and "Sec. III B, appendix",
                verdict="new" if claim is None else "agrees" if found == claim else "erratum",
                evidence=f"{found}; RMS of I itself {signal:.2g}",
            )
        )
    return quantities


def agreement(name: str, comparison: qm.Comparison) -> Quantity:
    """Return the verdict of the comparison: splitting at 30 points a period and shots."""
    assert comparison.p_value is not None
    return Quantity(
        f"{name}: p-value of χ² = {comparison.chi_square:.0f} "
        f"({comparison.degrees_of_freedom} degrees of freedom), Lie circuit against master",
        comparison.p_value,
        evidence="the Lie steps' splitting error shows above the shots"
        if not comparison.agree
        else "the splitting error of 30 steps a period is below the shots",
    )


def draw_pair_loops(
    ax: Axes,
    digital: qm.Trajectory,
    master: qm.Trajectory,
    device: int,
    start: float,
    stop: float,
) -> None:
    """Draw the I–V curve of `device` from `start` to `stop` periods, normalised by the maxima.

    Digital points with error bars on the master-equation line; start green, end red, pinch ring.
    """
    series, line = digital[device], master[device]
    assert series.voltage_error is not None
    assert series.current_error is not None
    by_v, by_i = (float(np.abs(item).max()) for item in (line.voltage, line.current))
    period = float(line.period or 1.0)
    inside = (line.times >= start * period - 1e-9) & (line.times <= stop * period + 1e-9)
    v, i = line.voltage[inside] / by_v, line.current[inside] / by_i
    ax.errorbar(
        series.voltage[inside] / by_v,
        series.current[inside] / by_i,
        xerr=series.voltage_error[inside] / by_v,
        yerr=series.current_error[inside] / by_i,
        fmt="o",
        color=DATA_COLOUR,
        markersize=1.6,
        elinewidth=0.4,
        alpha=0.6,
        label="digital",
    )
    ax.plot(v, i, color=REFERENCE_COLOUR, linewidth=0.8, zorder=3, label="master equation")
    mark_start(ax, v[0], i[0], zorder=5)
    ax.plot(v[-1], i[-1], "o", color=STOP_COLOUR, markersize=5, zorder=5, label="end")
    mark_pinch(ax, mew=1.2, ms=7, zorder=5, label="origin")
    ax.set_xlabel("voltage V/max")
    ax.set_ylabel("current I/max")


def draw_coupling_row(
    axes: Any, digital: qm.Trajectory, master: qm.Trajectory, name: str, letters: str
) -> None:
    """Draw both memristors of one coupling over the whole time, one panel each."""
    last = float(master.times[-1] / master.periods[0])
    for device, (ax, letter) in enumerate(zip(axes, letters, strict=True)):
        draw_pair_loops(ax, digital, master, device, 0, last)
        ax.set_title(f"({letter}) {name}, memristor {device + 1}", loc="left")


def compute_couplings(
    couplings: dict[str, tuple[qm.Coupling, tuple[str, str] | None]], settings: Settings
) -> Result:
    """Measure each coupling; its defects stand beside what the paper says of them."""
    data: dict[str, Any] = {}
    quantities: list[Quantity] = []
    for name, (coupling, claims) in settings.track(couplings.items()):
        judgement = measure_pair(coupling, settings)
        master = judgement.reference
        data[f"master {name}"], data[f"digital {name}"] = master, judgement.trajectory
        quantities += [
            agreement(name, judgement.comparison),
            *defect_quantities(name, master, claims),
            Quantity.inferred(
                f"{name}: peak concurrence, master equation",
                master.concurrence(0, 1).value.max(),
                PAIR_INFERENCE,
            ),
        ]
    return Result(data, tuple(quantities), parameters(settings))


def draw_couplings(couplings: dict[str, Any], result: Result) -> Figure:
    """Draw a row for each coupling, a column for each memristor."""
    figure, axes = make_figure(len(couplings), 2, width=7.0, height=2.4 * len(couplings))
    for row, name in enumerate(couplings):
        letters = "abcdefgh"[2 * row : 2 * row + 2]
        digital, master = result.data[f"digital {name}"], result.data[f"master {name}"]
        draw_coupling_row(axes[row], digital, master, name, letters)
    place_legend(figure, axes[0, 0])
    return figure


def place_legend(figure: Figure, ax: Axes) -> None:
    """Put the legend of `ax` above all panels, where it covers no data."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
