"""Locked or torus, told from device data alone, for every way to run the loop.

To see: with `bath`, `composed` and `window` what is left beside the drive's own period is an
oscillation on the torus (g2 near 1) and noise where the neuron is locked (near 2); with `history`
and `reprepare` it is noise in both, for there is no oscillation of the neuron's own to lock.

driven2026's two regimes at V_DC = 2. Nothing but measured voltages is used: the mean over the
periods of the drive is taken off, and the rest judged by g2 = ⟨R⁴⟩/⟨R²⟩² of its amplitude.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from experiments.driven2026.params import driven
from experiments.neuron.devices import prepare_way
from experiments.neuron.devices_drawing import COLOURS, MARKERS
from experiments.neuron.params import (
    ACTIVE,
    DRIVE_PERIODS,
    DRIVES,
    FIRST,
    FREQUENCY,
    KEPT,
    POINTS,
    SHOTS,
    START,
    SURVIVORS,
    WAYS,
)
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.oscillations import CYCLE_BELOW, NOISE_ABOVE, measure_oscillation
from qmemcircuit.neurons.shuttle.device import run_digital
from qmemcircuit.plotting.figures import REFERENCE_COLOUR, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Drive the neuron in both regimes with every way on the first device."""
    ways = ("composed", "history") if settings.quick else WAYS
    periods = 72 if settings.quick else DRIVE_PERIODS
    shots = settings.shots_or(SHOTS)
    advance = settings.stages(len(ways))
    data: dict[str, Any] = {}
    for way in ways:
        ready = prepare_way(FIRST, way, settings)
        for name, (frequency, amplitude) in DRIVES.items():
            times = 2 * np.pi / frequency / POINTS * np.arange(periods * POINTS + 1)
            neuron = driven(amplitude, frequency, ACTIVE)
            run = run_digital(neuron, times, state=START, shots=shots, **ready)
            first = round((1 - KEPT) * periods) * POINTS
            late, voltage = times[first:-1], run.voltage[first:-1, 0].reshape(-1, POINTS)
            rest = (voltage - voltage.mean(axis=0)).ravel()
            found = measure_oscillation(late, rest, frequency=FREQUENCY)
            halves = [
                measure_oscillation(late[part], rest[part], frequency=FREQUENCY).amplitude_ratio
                for part in (slice(None, rest.size // 2), slice(rest.size // 2, None))
            ]
            data[f"g2 {name} {way}"] = found.amplitude_ratio
            data[f"error {name} {way}"] = abs(halves[1] - halves[0]) / 2
            data[f"span {name} {way}"] = found.span
            strobe = voltage[:, 0] - voltage[:, 0].mean(), voltage[:, POINTS // 4]
            data[f"strobe {name} {way}"] = ((f"period {name}", "axis"), np.stack(strobe, axis=1))
        advance()
    locking = xarray.Dataset(data)
    quantities = [quantity for way in ways for quantity in _quantities(locking, way, periods)]
    parameters = {"ways": list(ways), "shots": shots, "device": FIRST, "periods": periods}
    return Result({"locking": locking}, tuple(quantities), parameters)


def _quantities(locking: xarray.Dataset, way: str, periods: int) -> list[Quantity]:
    found, right = [], {}
    for name, (frequency, amplitude) in DRIVES.items():
        ratio = float(locking[f"g2 {name} {way}"])
        told = "torus" if ratio < CYCLE_BELOW else "locked" if ratio > NOISE_ABOVE else "neither"
        right[name] = told == name
        found.append(
            Quantity(
                f"{way}, ω = {frequency:g}, V_Amp = {amplitude:g} ({name}): g2 beside the drive",
                ratio,
                float(locking[f"error {name} {way}"]),
                evidence=f"says {told}, {'rightly' if told == name else 'wrongly'}; span "
                f"{float(locking[f'span {name} {way}']):.4f} of what is left, {periods} drive "
                "periods; the error is half the difference of two halves",
            )
        )
    both = all(right.values())
    reason = "" if both else "; what it calls locked is noise, whatever the drive: it has no cycle"
    goal = ""
    if way in SURVIVORS:
        goal = f"; our goal: told apart; {'reached' if both else 'not reached'}"
    found.append(
        Quantity(
            f"{way}: regimes told apart",
            "yes" if both else "no",
            evidence=f"below {CYCLE_BELOW:g} is a torus, above {NOISE_ABOVE:g} is locked, from "
            f"device data alone{reason}{goal}",
        )
    )
    return found


def draw(result: Result) -> Figure:
    """Draw g2 of both regimes by way, and what is seen once a period of the drive."""
    locking, ways = result.data["locking"], result.parameters["ways"]
    figure, axes = make_figure(1, 2, width=7.0, height=3.0)
    ax = axes[0]
    for place, way in enumerate(ways):
        for name, face in (("torus", None), ("locked", "none")):
            ax.errorbar(
                place,
                float(locking[f"g2 {name} {way}"]),
                float(locking[f"error {name} {way}"]),
                fmt=MARKERS[way],
                color=COLOURS[way],
                mfc=face,
                capsize=2,
            )
    for level in (CYCLE_BELOW, NOISE_ABOVE):
        ax.axhline(level, color=REFERENCE_COLOUR, lw=0.6, ls=":")
    ax.set_xticks(range(len(ways)), ways, rotation=30)
    ax.set_ylabel("g2 beside the drive's period")
    ax.set_title("filled: torus (ω = 6), open: locked (ω = 7)", fontsize=8)
    ax = axes[1]
    for way in (way for way in ("composed", "history") if way in ways):
        for name, face in (("torus", None), ("locked", "none")):
            points = locking[f"strobe {name} {way}"].values
            look = {"color": COLOURS[way], "mfc": face or COLOURS[way], "markersize": 2.5}
            ax.plot(*points.T, MARKERS[way], lw=0, label=f"{way}, {name}", **look)
    ax.set(xlabel="V − mean at phase 0", ylabel="V a quarter of a period later")
    ax.legend(fontsize=6)
    ax.set_title(f"once a drive period, {result.parameters['device']}", fontsize=8)
    return figure
