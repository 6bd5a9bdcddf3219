"""Figures of hardware.fig8: death and rebirth of entanglement, and the parts of the distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.hardware.pair_verdicts import LIE
from experiments.hardware.params import pair
from experiments.results import Result
from qmemcircuit.common.states import concurrence_of_states
from qmemcircuit.plotting.figures import PALETTE, REFERENCE_COLOUR, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    LIE: f"{LIE} (paper)",
    "fused": "fused (10 steps)",
    "compiled": "compiled",
    "absorbed": "compiled, decay absorbed",
    "mitigated": "compiled, mitigated",
}
COLOURS = dict(
    zip(LABELS, (PALETTE[4], PALETTE[3], PALETTE[5], PALETTE[0], PALETTE[1]), strict=True)
)
PERIOD = 2 * np.pi


def draw_pair(result: Result) -> dict[str, Figure]:
    """Draw concurrence and distance against time, and the budget of FakeTorino."""
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.9)
    _draw_concurrence(result, axes[0])
    _draw_distances(result, axes[1])
    letter_panels(
        axes,
        (
            "FakeTorino",
            "filled, solid: FakeTorino; open, dotted: FakeFez",
        ),
    )
    for ax in axes:
        ax.set_xlabel("time t/T")
    handles = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, fontsize=7)
    budget_figure, ax = make_figure(width=5.2, height=2.9)
    _draw_budget(result, ax)
    return {"": figure, "budget": budget_figure}


def _draw_rows(result: Result, ax: Axes, quantity: str, device: str, **style: Any) -> None:
    """Draw one quantity of the exact noisy states of four protocols on one device."""
    exact = result.data["exact"]
    if device != "FakeTorino":
        style["markerfacecolor"] = "white"
    for name in (LIE, "fused", "compiled", "absorbed"):
        row = f"{device} {name}"
        if row in exact.row:
            label = LABELS[name] if device == "FakeTorino" else None
            values = exact[quantity].sel(row=row)
            ax.plot(exact.time / PERIOD, values, color=COLOURS[name], label=label, **style)


def _draw_concurrence(result: Result, ax: Axes) -> None:
    fine = np.linspace(0, result.data["master"].times[-1], 241)
    smooth = concurrence_of_states(qm.master_equation(pair(), fine).states)
    ax.plot(fine / PERIOD, smooth, color=REFERENCE_COLOUR, label="master equation")
    _draw_rows(result, ax, "concurrence", "FakeTorino", marker="s", linewidth=0.6)
    sampled = result.data["sampled_FakeTorino"]
    values = sampled.concurrence.sel(stage="mitigated")
    ax.errorbar(
        sampled.time / PERIOD,
        values.mean("seed"),
        yerr=values.std("seed"),
        fmt="o",
        color=COLOURS["mitigated"],
        label=f"{LABELS['mitigated']}: mean ± spread of {values.seed.size} seeds",
    )
    ax.set_ylabel("concurrence C")


def _draw_distances(result: Result, ax: Axes) -> None:
    for device, line, face, shift in (
        ("FakeTorino", "-", None, 0.0),
        ("FakeFez", ":", "white", 0.4),
    ):
        _draw_rows(result, ax, "trace_distance", device, ls=line, marker="s", linewidth=0.8)
        if f"sampled_{device}" not in result.data:
            continue
        sampled = result.data[f"sampled_{device}"].trace_distance.sel(stage="mitigated")
        low, middle, high = sampled.quantile([0.05, 0.5, 0.95], dim="seed")
        ax.errorbar(
            sampled.time / PERIOD + shift,
            middle,
            yerr=[middle - low, high - middle],
            fmt="o",
            color=COLOURS["mitigated"],
            markerfacecolor=face,
            markersize=3.5,
            label="the same: median and 5–95 % of the seeds" if shift == 0 else None,
        )
    ax.axhline(
        0.02,
        color=REFERENCE_COLOUR,
        linewidth=0.5,
        linestyle="--",
        label="our goal for shots, 0.02",
    )
    ax.set_yscale("log")
    ax.set_ylim(bottom=6e-4)
    ax.set_ylabel("trace distance to master equation")


def _draw_budget(result: Result, ax: Axes) -> None:
    """One seed's raw measurement on FakeTorino, split into its parts."""
    data, shots = result.data, int(result.parameters["shots"])
    budget = qm.error_budget(
        data["raw_FakeTorino"],
        noisy=data["noisy_FakeTorino"],
        exact=data["noiseless"],
        master=data["master"],
    )
    qm.plot_budget(budget, ax=ax, unit=PERIOD)
    ax.set_title(f"compiled, decay absorbed, raw: {shots} shots × 9 settings, FakeTorino")
