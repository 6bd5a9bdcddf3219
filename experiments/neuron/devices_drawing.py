"""The figure of neuron.devices."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.neuron.params import (
    ACTIVE,
    DRIVES,
    FIRST,
    FREQUENCY,
    RAMP,
    SILENT,
    SURVIVORS,
    WAYS,
    WINDOW,
)
from experiments.results import Result
from qmemcircuit.plotting.figures import PALETTE, REFERENCE_COLOUR, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = dict(zip(WAYS, (PALETTE[2], PALETTE[0], PALETTE[1], PALETTE[4], PALETTE[3]), strict=True))
MARKERS = dict(zip(WAYS, "Do^sv", strict=True))
CARRIED = {
    "bath": "bath: device evolves the qubit, T1 and T2 its decay",
    "composed": "composed: computer multiplies the steps' maps",
    "window": f"window: composed, last {WINDOW} steps on the device",
    "history": "history: device runs all steps, ancilla resets",
    "reprepare": "reprepare: device runs one step from measured state",
}


def draw_devices(result: Result) -> Figure:
    """Draw the voltage, spans and g2 by device, the hysteresis and the stroboscopic maps."""
    figure, axes = make_figure(3, 2, width=TWO_COLUMNS, height=8.4)
    _draw_series(result, axes[0, 0])
    _draw_history(result, axes[0, 1])
    _draw_spans(result, axes[1, 0])
    _draw_ratios(result, axes[1, 1])
    _draw_ramps(result, axes[2, 0])
    _draw_strobe(result, axes[2, 1])
    shots = result.parameters["shots"]
    letter_panels(
        axes.ravel(),
        (
            f"{FIRST}, {shots} shots a basis, V$_n$ = 2",
            f"history, {FIRST}, from a point of the cycle",
            "span per period over the exact loop's",
            "cycle (g2 = 1) or noise (g2 = 2), V$_n$ = 2",
            f"slow ramps of V$_n$, {FIRST}",
            f"driven, once a drive period, {FIRST}",
        ),
    )
    return figure


def _draw_series(result: Result, ax: Any) -> None:
    series = result.data["series"]
    last = float(series.time[-1])
    shown = series.time.values > last - 2.7
    time = series.time.values[shown] - (last - 2.7)
    ax.plot(time, series["exact"].values[shown], color=REFERENCE_COLOUR, label="exact loop")
    for way in SURVIVORS:
        ax.plot(
            time,
            series[way].values[shown],
            MARKERS[way],
            markersize=3,
            color=COLOURS[way],
            label=f"{way}, after {last * FREQUENCY / (2 * np.pi):.0f} periods",
        )
    _label(ax, "time t", "voltage V", 0.45)


def _draw_history(result: Result, ax: Any) -> None:
    history = result.data["history"]
    ax.plot(history.time, history["exact"], color=REFERENCE_COLOUR, label="exact loop")
    look = {"markersize": 3, "color": COLOURS["history"]}
    ax.plot(history.time, history["history"], MARKERS["history"], label="history", **look)
    _label(ax, "time t", "voltage V", 0.3)


def _draw_spans(result: Result, ax: Any) -> None:
    runs = result.data["runs"]
    names = list(result.parameters["devices"])
    for number, way in enumerate(WAYS):
        places = np.arange(len(names)) + 0.12 * (number - 2)
        cycles = [runs.sel(run=f"{name} {way} {ACTIVE:g}") for name in names]
        silent = [runs.sel(run=f"{name} {way} {SILENT:g}") for name in names]
        look = {"color": COLOURS[way], "markersize": 4}
        values = [float(row.span / row.exact_span) for row in cycles]
        ax.plot(places, values, MARKERS[way], label=CARRIED[way], **look)
        control = [
            float(row.span / cycle.exact_span) for row, cycle in zip(silent, cycles, strict=True)
        ]
        ax.plot(places, control, MARKERS[way], mfc="none", **look)
    ax.axhspan(0.97, 1.03, color=REFERENCE_COLOUR, alpha=0.15, label="our goal, ± 3 %")
    _name_devices(ax, names)
    ax.set_ylim(-0.05, 2.3)
    ax.set_ylabel("ratio of spans (open: V$_n$ = 0.2)")
    ax.legend(loc="upper right", fontsize=5.8)


def _draw_ratios(result: Result, ax: Any) -> None:
    runs = result.data["runs"]
    names = list(result.parameters["devices"])
    for number, way in enumerate(WAYS):
        places = np.arange(len(names)) + 0.12 * (number - 2)
        values = [float(runs.sel(run=f"{name} {way} {ACTIVE:g}").g2) for name in names]
        look = {"color": COLOURS[way], "markersize": 4}
        ax.plot(places, values, MARKERS[way], label=way, **look)
    for level in (1, 2):
        ax.axhline(level, color=REFERENCE_COLOUR, linewidth=0.6, linestyle=":")
    _name_devices(ax, names)
    ax.set_ylabel("g2 = ⟨R⁴⟩/⟨R²⟩²")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.35 * (high - low))
    ax.legend(loc="upper right", fontsize=6.5, ncols=2)


def _name_devices(ax: Any, names: list[str]) -> None:
    ax.set_xticks(range(len(names)), [name.removeprefix("Fake") for name in names])
    ax.set_xlim(-0.5, len(names) - 0.5)


def _label(ax: Any, across: str, up: str, room: float) -> None:
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + room * (high - low))
    ax.legend(loc="upper right", fontsize=6.5)


def _draw_ramps(result: Result, ax: Any) -> None:
    ramps = result.data["ramps"]
    low, high, _ = RAMP
    share = ramps.time / ramps.time[-1]
    for name, inputs in (("up", low + (high - low) * share), ("down", high - (high - low) * share)):
        first = name == "up"
        for way in SURVIVORS:
            ax.plot(
                inputs,
                ramps[f"V {name} {way}"],
                ".",
                markersize=2,
                color=COLOURS[way],
                label=way if first else None,
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
    pairs = list(product(DRIVES.items(), SURVIVORS))
    for ((name, (frequency, _)), way), colour in zip(pairs, PALETTE[:4], strict=True):
        points = locking[f"strobe {name} {way}"]
        ratio = float(locking[f"g2 {name} {way}"])
        ax.plot(
            points[:, 0],
            points[:, 1] - points[:, 1].mean(),
            MARKERS[way],
            markersize=2,
            color=colour,
            label=f"{name}, {way}: ω = {frequency:g}, g2 = {ratio:.2f}",
        )
    ax.set_xlabel("V(kT) − mean")
    ax.set_ylabel("V(kT + T/4) − mean")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.5 * (high - low))
    ax.legend(loc="upper right", fontsize=6.5)
