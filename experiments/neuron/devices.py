"""A digital neuron that keeps oscillating on noisy devices: cycle, control, hysteresis, locking."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.driven2026.params import driven
from experiments.neuron.devices_drawing import draw_devices
from experiments.neuron.params import (
    ACTIVE,
    DEVICES,
    DRIVE_PERIODS,
    DRIVES,
    FIRST,
    FREQUENCY,
    HISTORY_STEPS,
    KEPT,
    POINTS,
    RAMP,
    READOUT_SHOTS,
    SHOTS,
    SILENT,
    START,
    STEP,
    STEPS,
    WINDOW,
    WINDOW_STEPS,
)
from experiments.potter2024.params import OSCILLATION
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.neurons.closed_loop import calibrate_readout
from qmemcircuit.neurons.dynamics.oscillations import measure_oscillation
from qmemcircuit.neurons.shuttle.bifurcations import find_folds
from qmemcircuit.neurons.shuttle.device import place_digital, run_digital
from qmemcircuit.neurons.shuttle.digital import simulate_digital
from qmemcircuit.neurons.shuttle.neuron import LinearRamp, ShuttleNeuron
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Run the loop on every device in three ways; ramps and drives on the first device."""
    names = DEVICES[:1] if settings.quick else DEVICES
    steps = 600 if settings.quick else STEPS
    shots = settings.shots_or(SHOTS)
    advance = settings.stages(len(names) + 3)
    rows: list[dict[str, Any]] = []
    series: dict[str, Any] = {}
    for name in names:
        target = _target(name, settings.seed)
        readout = calibrate_readout(target, shots=READOUT_SHOTS)
        options = {"target": target, "shots": shots, "readout": readout}
        ways: list[tuple[str, float, int, dict[str, Any]]] = [
            ("composed", ACTIVE, steps, {}),
            ("composed", SILENT, steps, {}),
            ("window", ACTIVE, min(steps, WINDOW_STEPS), {"window": WINDOW}),
        ]
        for way, bias, count, more in ways:
            run = _run(bias, count, feedback="composed", **options, **more)
            rows.append(_measured(name, way, bias, run))
            if name == FIRST:
                series[f"{way} {bias:g}"] = ("time", _padded(run, steps))
        advance()
    history = _history(settings, shots)
    advance()
    ramps = _ramps(settings, shots)
    advance()
    locking = _locking(settings, shots)
    advance()
    series["exact"] = ("time", _exact(ACTIVE, steps).voltage[:, 0])
    data = {
        "runs": _table(rows),
        "series": xarray.Dataset(series, coords={"time": STEP * np.arange(steps + 1)}),
        "history": history,
        "ramps": ramps,
        "locking": locking,
    }
    parameters = {
        "devices": list(names),
        "shots": shots,
        "readout_shots": READOUT_SHOTS,
        "steps": steps,
        "window": WINDOW,
        "neuron": "R_n = 5, Γ = 0.1, α = 1, Z_T = 1, Δt = 0.05",
    }
    quantities = (
        *_cycle_quantities(rows),
        *_history_quantities(history),
        *_ramp_quantities(ramps),
        *_locking_quantities(locking),
    )
    return Result(data, quantities, parameters)


def _target(name: str, seed: int, **options: Any) -> Target:
    """Return a device whose qubits are chosen for the composed circuits: the best coupled pair."""
    target = qm.device(fake_backend(name), seed=seed, **options)
    return place_digital(_neuron(ACTIVE), STEP, target, feedback="composed")


def _neuron(bias: float) -> ShuttleNeuron:
    return replace(OSCILLATION, bias=bias)


def _exact(bias: float, steps: int) -> Trajectory:
    return simulate_digital(_neuron(bias), STEP * np.arange(steps + 1), state=START)


def _run(bias: float, steps: int, **options: Any) -> Trajectory:
    return run_digital(_neuron(bias), STEP * np.arange(steps + 1), state=START, **options)


def _padded(run: Trajectory, steps: int) -> np.ndarray:
    return np.pad(run.voltage[:, 0], (0, steps + 1 - run.times.size), constant_values=np.nan)


def _measured(name: str, way: str, bias: float, run: Trajectory) -> dict[str, Any]:
    """Return span per period, period and g2 of a run and of the exact loop of as many steps."""
    exact = _exact(bias, run.times.size - 1)
    found = {
        "device": name,
        "way": way,
        "bias": bias,
        "periods": run.times[-1] * FREQUENCY / 6.2832,
    }
    for label, one in (("", run), ("exact_", exact)):
        late = one.times > (1 - KEPT) * one.times[-1]
        voltage = one.voltage[late, 0]
        oscillation = measure_oscillation(one.times[late], voltage, frequency=FREQUENCY)
        found[f"{label}span"] = _span_per_period(one.times[late], voltage)
        found[f"{label}period"] = oscillation.period
        found[f"{label}g2"] = oscillation.amplitude_ratio
    return found


def _span_per_period(times: np.ndarray, voltage: np.ndarray) -> float:
    """Return the mean over whole periods of max − min; shot noise biases it upwards."""
    period = round(2 * np.pi / FREQUENCY / STEP)
    count = voltage.size // period
    return float(np.ptp(voltage[: count * period].reshape(count, period), axis=1).mean())


def _table(rows: list[dict[str, Any]]) -> xarray.Dataset:
    names = [f"{row['device']} {row['way']} {row['bias']:g}" for row in rows]
    numbers = [key for key in rows[0] if key not in ("device", "way")]
    return xarray.Dataset(
        {key: ("run", [float(row[key]) for row in rows]) for key in numbers}, coords={"run": names}
    )


def _history(settings: Settings, shots: int) -> xarray.Dataset:
    """Run every step from t = 0 on the first device, from a point of the cycle."""
    late = _exact(ACTIVE, 4000)
    state = (late.voltage[-1, 0], *(late.variables[name][-1] for name in "ZXY"))
    steps = 2 if settings.quick else HISTORY_STEPS
    times = STEP * np.arange(steps + 1)
    target = qm.device(fake_backend(FIRST), seed=settings.seed, optimization_level=1)
    run = run_digital(_neuron(ACTIVE), times, target=target, shots=shots, state=state)
    exact = simulate_digital(_neuron(ACTIVE), times, state=state)
    return xarray.Dataset(
        {"history": ("time", run.voltage[:, 0]), "exact": ("time", exact.voltage[:, 0])},
        coords={"time": times},
    )


def _ramps(settings: Settings, shots: int) -> xarray.Dataset:
    """Ramp V_n up and down on the first device; each ramp starts from the exact resting state."""
    low, high, rate = RAMP
    rate = 0.25 if settings.quick else rate
    target = _target(FIRST, settings.seed)
    readout = calibrate_readout(target, shots=READOUT_SHOTS)
    middle = np.mean([fold.voltage for fold in find_folds(_neuron(ACTIVE))])
    times = STEP * np.arange(round((high - low) / rate / STEP) + 1)
    data: dict[str, Any] = {}
    rest = _last(simulate_digital(_neuron(low), STEP * np.arange(4001), state=START))
    # The upper branch is reached by ramping up to it.
    above = _last(simulate_digital(_ramped(low, rate), times, state=rest))
    for name, start, slope, state in (("up", low, rate, rest), ("down", high, -rate, above)):
        neuron = _ramped(start, slope)
        runs = _both(neuron, times, state, target=target, shots=shots, readout=readout)
        for way, run in runs.items():
            voltage = run.voltage[:, 0]
            crossed = voltage > middle if name == "up" else voltage < middle
            data[f"jump {name} {way}"] = run.variables["input"][np.argmax(crossed)]
            data[f"V {name} {way}"] = ("time", voltage[::8])
    return xarray.Dataset(data, coords={"time": times[::8]})


def _both(
    neuron: ShuttleNeuron, times: np.ndarray, state: tuple[float, ...], **options: Any
) -> dict[str, Trajectory]:
    """Return the exact loop and the composed circuits from the same state."""
    return {
        "exact": simulate_digital(neuron, times, state=state),
        "composed": run_digital(neuron, times, state=state, feedback="composed", **options),
    }


def _ramped(start: float, slope: float) -> ShuttleNeuron:
    return replace(OSCILLATION, bias=start, drive=LinearRamp(slope))


def _last(run: Trajectory) -> tuple[float, ...]:
    return (float(run.voltage[-1, 0]), *(float(run.variables[name][-1]) for name in "ZXY"))


def _locking(settings: Settings, shots: int) -> xarray.Dataset:
    """Drive the neuron; take the mean over drive periods off V, and judge what is left."""
    target = _target(FIRST, settings.seed)
    readout = calibrate_readout(target, shots=READOUT_SHOTS)
    periods = 40 if settings.quick else DRIVE_PERIODS
    data: dict[str, Any] = {}
    for name, (frequency, amplitude) in DRIVES.items():
        times = 2 * np.pi / frequency / POINTS * np.arange(periods * POINTS + 1)
        neuron = driven(amplitude, frequency, ACTIVE)
        runs = _both(neuron, times, START, target=target, shots=shots, readout=readout)
        for way, run in runs.items():
            first = round((1 - KEPT) * periods) * POINTS
            voltage = run.voltage[first:-1, 0].reshape(-1, POINTS)
            rest = (voltage - voltage.mean(axis=0)).ravel()
            found = measure_oscillation(times[first:-1], rest, frequency=FREQUENCY)
            data[f"g2 {name} {way}"] = found.amplitude_ratio
            data[f"span {name} {way}"] = found.span
            strobe = voltage[:, 0] - voltage[:, 0].mean(), voltage[:, POINTS // 4]
            data[f"strobe {name} {way}"] = ((f"period {name}", "axis"), np.stack(strobe, axis=1))
    return xarray.Dataset(data)


def _goal(wanted: str, reached: bool) -> str:
    return f"our goal: {wanted}; {'reached' if reached else 'not reached'}"


def _cycle_quantities(rows: list[dict[str, Any]]) -> list[Quantity]:
    found = []
    spans = {
        row["device"]: row["span"]
        for row in rows
        if row["way"] == "composed" and row["bias"] == ACTIVE
    }
    for row in rows:
        label = f"{row['device']}, {row['way']}, V_n = {row['bias']:g}"
        if row["bias"] == SILENT:
            share = row["span"] / spans[row["device"]]
            found.append(
                Quantity(
                    f"{label}: span per period over the cycle's",
                    share,
                    evidence=f"the control; {_goal('below 0.05', share < 0.05)}",
                )
            )
            continue
        span = row["span"] / row["exact_span"] - 1
        period = row["period"] / row["exact_period"] - 1
        goals = row["way"] == "composed"
        span_goal = f"; {_goal('within 0.03', abs(span) <= 0.03)}" if goals else ""
        period_goal = _goal("within 0.001", abs(period) <= 1e-3) if goals else ""
        found += [
            Quantity(
                f"{label}: span per period, relative to the exact loop",
                span,
                evidence=f"after {row['periods']:.0f} periods {row['span']:.5f}, the exact loop "
                f"over the same steps {row['exact_span']:.5f}; g2 = {row['g2']:.3f} "
                f"({row['exact_g2']:.3f}){span_goal}",
            ),
            Quantity(f"{label}: period, relative to the exact loop", period, evidence=period_goal),
        ]
    return found


def _history_quantities(history: xarray.Dataset) -> list[Quantity]:
    period = round(2 * np.pi / FREQUENCY / STEP)
    found = []
    for number in range(history.time.size // period):
        part = slice(number * period, (number + 1) * period + 1)
        span, exact = (float(np.ptp(history[name].values[part])) for name in ("history", "exact"))
        found.append(
            Quantity(
                f"{FIRST}, history, period {number + 1}: span over the exact loop's",
                span / exact,
                evidence=f"{span:.4f} against {exact:.4f}: the device carries all of the dynamics",
            )
        )
    return found


def _ramp_quantities(ramps: xarray.Dataset) -> list[Quantity]:
    found = []
    for name in ("up", "down"):
        jump, exact = (float(ramps[f"jump {name} {way}"]) for way in ("composed", "exact"))
        moved = jump - exact
        found.append(
            Quantity(
                f"{FIRST}, composed: jump on the ramp {name}, V_n relative to the exact loop's",
                moved,
                evidence=f"at V_n = {jump:.3f}, exact {exact:.3f}; "
                f"{_goal('within 0.02', abs(moved) <= 0.02)}",
            )
        )
    return found


def _locking_quantities(locking: xarray.Dataset) -> list[Quantity]:
    found = []
    for name, (frequency, amplitude) in DRIVES.items():
        ratio, exact = (float(locking[f"g2 {name} {way}"]) for way in ("composed", "exact"))
        found.append(
            Quantity(
                f"{FIRST}, composed, driven at ω = {frequency:g}, V_Amp = {amplitude:g}: g2 of "
                "what is not of the drive's period",
                ratio,
                evidence=f"{name}; 1 is a second oscillation (torus), 2 is noise (locked). Exact "
                f"loop {exact:.3f}, where a locked one has no noise either. At V_DC = 2: at "
                "driven2026's V_DC = 0.23, just above the Hopf point, noise hides both regimes",
            )
        )
    return found


def draw(result: Result) -> Figure:
    """Draw the voltage, the spans by device, the hysteresis and the stroboscopic maps."""
    return draw_devices(result)
