"""The figure of neuron.devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.drawing import letter_panels
from experiments.neuron.params import (
    ACTIVE,
    DRIVES,
    FIRST,
    FREQUENCY,
    RAMP,
    SILENT,
    WINDOW,
)
from experiments.results import Result
from qmemcircuit.plotting.figures import PALETTE, REFERENCE_COLOUR, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"composed": PALETTE[0], "window": PALETTE[1], "history": PALETTE[4]}


def draw_devices(result: Result) -> Figure:
    """Draw the voltage, the spans by device, the hysteresis and the stroboscopic maps."""
    figure, axes = make_figure(2, 2, width=7.4, height=5.6)
    _draw_series(result, axes[0, 0])
    _draw_spans(result, axes[0, 1])
    _draw_ramps(result, axes[1, 0])
    _draw_strobe(result, axes[1, 1])
    shots = result.parameters["shots"]
    letter_panels(
        axes.ravel(),
        (
            f"{FIRST}, {shots} shots a basis, V$_n$ = 2",
            "span per period over the exact loop's",
            f"slow ramps of V$_n$, {FIRST}",
            f"driven, once a drive period, {FIRST}",
        ),
    )
    return figure


def _draw_series(result: Result, ax: Any) -> None:
    series, history = result.data["series"], result.data["history"]
    last = float(series.time[-1])
    shown = series.time.values > last - 2.7
    time = series.time.values[shown] - (last - 2.7)
    ax.plot(time, series["exact"].values[shown], color=REFERENCE_COLOUR, label="exact loop")
    ax.plot(
        time,
        series["composed 2"].values[shown],
        "o",
        markersize=3,
        color=COLOURS["composed"],
        label=f"composed, after {last * FREQUENCY / (2 * np.pi):.0f} periods",
    )
    ax.plot(
        history.time,
        history["history"],
        "s",
        markersize=2.5,
        color=COLOURS["history"],
        label="history, from a point of the cycle",
    )
    ax.set_xlabel("time t")
    ax.set_ylabel("voltage V")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.45 * (high - low))
    ax.legend(loc="upper right", fontsize=6.5)


def _draw_spans(result: Result, ax: Any) -> None:
    runs = result.data["runs"]
    names = list(result.parameters["devices"])
    for way, bias, marker in (
        ("composed", ACTIVE, "o"),
        ("window", ACTIVE, "^"),
        ("composed", SILENT, "x"),
    ):
        places, values = [], []
        for place, name in enumerate(names):
            row = runs.sel(run=f"{name} {way} {bias:g}")
            cycle = runs.sel(run=f"{name} composed {ACTIVE:g}")
            places.append(place)
            values.append(float(row.span / (row.exact_span if bias == ACTIVE else cycle.span)))
        label = f"{way}, V$_n$ = {bias:g}" + (" (control)" if bias == SILENT else "")
        label += f", last {WINDOW} steps real" if way == "window" else ""
        colour = PALETTE[3] if bias == SILENT else COLOURS[way]
        ax.plot(places, values, marker, color=colour, label=label)
    ax.axhspan(0.97, 1.03, color=REFERENCE_COLOUR, alpha=0.15, label="our goal, ± 3 %")
    ax.set_xticks(range(len(names)), [name.removeprefix("Fake") for name in names])
    ax.set_ylim(-0.05, 1.6)
    ax.set_ylabel("ratio of spans")
    ax.legend(loc="upper right", fontsize=6.5)


def _draw_ramps(result: Result, ax: Any) -> None:
    ramps = result.data["ramps"]
    low, high, _ = RAMP
    share = ramps.time / ramps.time[-1]
    for name, inputs in (("up", low + (high - low) * share), ("down", high - (high - low) * share)):
        first = name == "up"
        ax.plot(
            inputs,
            ramps[f"V {name} composed"],
            ".",
            markersize=2,
            color=COLOURS["composed"],
            label="composed" if first else None,
        )
        ax.plot(
            inputs,
            ramps[f"V {name} exact"],
            color=REFERENCE_COLOUR,
            linewidth=0.6,
            label="exact loop" if first else None,
        )
    ax.set_xlabel("input V$_n$")
    ax.set_ylabel("voltage V")
    ax.legend(loc="upper left")


def _draw_strobe(result: Result, ax: Any) -> None:
    locking = result.data["locking"]
    for (name, (frequency, _)), colour in zip(DRIVES.items(), PALETTE[1::2], strict=False):
        points = locking[f"strobe {name} composed"]
        ratio = float(locking[f"g2 {name} composed"])
        ax.plot(
            points[:, 0],
            points[:, 1] - points[:, 1].mean(),
            ".",
            markersize=3,
            color=colour,
            label=f"{name}: ω = {frequency:g}, g2 = {ratio:.2f}",
        )
    ax.set_xlabel("V(kT) − mean")
    ax.set_ylabel("V(kT + T/4) − mean")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.3 * (high - low))
    ax.legend(loc="upper right")
