"""A digital neuron that keeps oscillating on noisy devices: cycle, control, hysteresis, locking.

To see: with `bath` or `composed` the cycle is there after 252 periods and the control is silent;
run as it is (`history`) it dies at once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import product
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
    QUICK_KEPT,
    RAMP,
    READOUT_SHOTS,
    RESET_ERROR,
    SHOTS,
    SILENT,
    START,
    STEP,
    STEPS,
    SURVIVORS,
    WAYS,
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
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Run the loop on every device in all ways; ramps and drives on the first device."""
    names = DEVICES[:1] if settings.quick else DEVICES
    # Twenty periods are what an oscillation is measured on: little more than them when quick.
    steps = 380 if settings.quick else STEPS
    kept = QUICK_KEPT if settings.quick else KEPT
    shots = settings.shots_or(SHOTS)
    advance = settings.stages(len(names) + 3)
    rows: list[dict[str, Any]] = []
    series: dict[str, Any] = {}
    for name in names:
        for way in WAYS:
            ready = prepare_way(name, way, settings)
            for bias in (ACTIVE, SILENT):
                count = min(steps, WINDOW_STEPS) if way == "window" else steps
                run = _from_start(bias, count, shots, ready)
                rows.append(_measured(name, way, bias, run, kept))
                if name == FIRST and bias == ACTIVE:
                    series[way] = ("time", _padded(run, steps))
        if name == FIRST:
            rows += _worse(steps, settings, shots, kept)
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
        "reset_error": RESET_ERROR,
        "neuron": "R_n = 5, Γ = 0.1, α = 1, Z_T = 1, Δt = 0.05",
    }
    quantities = (
        *_cycle_quantities(rows),
        *_history_quantities(history),
        *_ramp_quantities(ramps),
        *_locking_quantities(locking),
    )
    return Result(data, quantities, parameters)


@lru_cache(maxsize=1)
def _backend(name: str) -> Any:
    """Return a fake backend, whose calibration takes a while to read."""
    return fake_backend(name)


def _target(name: str, way: str, settings: Settings, **options: Any) -> Target:
    """Return a device whose qubits are chosen for one way to run the loop."""
    target = qm.device(_backend(name), seed=settings.seed, **options)
    return place_digital(_neuron(ACTIVE), STEP, target, feedback=_feedback(way))


def _feedback(way: str) -> Any:
    return "composed" if way == "window" else way


def prepare_way(name: str, way: str, settings: Settings, **options: Any) -> dict[str, Any]:
    """Return target, way and measured readout errors as arguments of `run_digital`."""
    target = _target(name, way, settings, **options)
    return {
        "target": target,
        "feedback": _feedback(way),
        "window": WINDOW if way == "window" else 0,
        "readout": calibrate_readout(target, shots=READOUT_SHOTS),
    }


def _neuron(bias: float) -> ShuttleNeuron:
    return replace(OSCILLATION, bias=bias)


def _exact(bias: float, steps: int) -> Trajectory:
    return simulate_digital(_neuron(bias), STEP * np.arange(steps + 1), state=START)


def _from_start(bias: float, steps: int, shots: int, ready: dict[str, Any]) -> Trajectory:
    times = STEP * np.arange(steps + 1)
    return run_digital(_neuron(bias), times, state=START, shots=shots, **ready)


def _worse(steps: int, settings: Settings, shots: int, kept: float) -> list[dict[str, Any]]:
    """Return rows of the first device with readout as it is read, and with resets that err."""
    rows = []
    for way in SURVIVORS[: 1 if settings.quick else None]:
        ready = {**prepare_way(FIRST, way, settings), "readout": None}
        run = _from_start(ACTIVE, steps, shots, ready)
        rows.append(_measured(FIRST, f"{way}, readout not inverted", ACTIVE, run, kept))
    for way in ("window",) if settings.quick else ("bath", "composed", "window", "history"):
        ready = prepare_way(FIRST, way, settings, reset_error=RESET_ERROR)
        run = _from_start(ACTIVE, min(steps, WINDOW_STEPS), shots, ready)
        rows.append(_measured(FIRST, f"{way}, reset error {RESET_ERROR:g}", ACTIVE, run, kept))
    return rows


def _padded(run: Trajectory, steps: int) -> np.ndarray:
    return np.pad(run.voltage[:, 0], (0, steps + 1 - run.times.size), constant_values=np.nan)


def _measured(name: str, way: str, bias: float, run: Trajectory, kept: float) -> dict[str, Any]:
    """Return span per period, period and g2 of a run and of the exact loop of as many steps."""
    exact = _exact(bias, run.times.size - 1)
    found = {
        "device": name,
        "way": way,
        "bias": bias,
        "periods": run.times[-1] * FREQUENCY / 6.2832,
    }
    for label, one in (("", run), ("exact_", exact)):
        late = one.times > (1 - kept) * one.times[-1]
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
    target = qm.device(_backend(FIRST), seed=settings.seed)
    run = run_digital(_neuron(ACTIVE), times, target=target, shots=shots, state=state)
    exact = simulate_digital(_neuron(ACTIVE), times, state=state)
    return xarray.Dataset(
        {"history": ("time", run.voltage[:, 0]), "exact": ("time", exact.voltage[:, 0])},
        coords={"time": times},
    )


def _ramps(settings: Settings, shots: int) -> xarray.Dataset:
    """Ramp V_n up and down on the first device; each ramp starts from the exact resting state."""
    low, high, rate = RAMP
    rate = 0.5 if settings.quick else rate
    ways = {way: prepare_way(FIRST, way, settings) for way in SURVIVORS}
    middle = np.mean([fold.voltage for fold in find_folds(_neuron(ACTIVE))])
    times = STEP * np.arange(round((high - low) / rate / STEP) + 1)
    data: dict[str, Any] = {}
    rest = _last(simulate_digital(_neuron(low), STEP * np.arange(4001), state=START))
    # The upper branch is reached by ramping up to it.
    above = _last(simulate_digital(_ramped(low, rate), times, state=rest))
    for name, start, slope, state in (("up", low, rate, rest), ("down", high, -rate, above)):
        neuron = _ramped(start, slope)
        for way, run in _all(neuron, times, state, shots, ways).items():
            voltage = run.voltage[:, 0]
            crossed = voltage > middle if name == "up" else voltage < middle
            data[f"jump {name} {way}"] = run.variables["input"][np.argmax(crossed)]
            data[f"V {name} {way}"] = ("time", voltage[::8])
    return xarray.Dataset(data, coords={"time": times[::8]})


def _all(
    neuron: ShuttleNeuron,
    times: np.ndarray,
    state: tuple[float, ...],
    shots: int,
    ways: dict[str, dict[str, Any]],
) -> dict[str, Trajectory]:
    """Return the exact loop and the circuits of each way from the same state."""
    found = {"exact": simulate_digital(neuron, times, state=state)}
    for way, ready in ways.items():
        found[way] = run_digital(neuron, times, state=state, shots=shots, **ready)
    return found


def _ramped(start: float, slope: float) -> ShuttleNeuron:
    return replace(OSCILLATION, bias=start, drive=LinearRamp(slope))


def _last(run: Trajectory) -> tuple[float, ...]:
    """Return the last V with the qubit of every equilibrium, Z = Z_T = 1, which is pure."""
    return (float(run.voltage[-1, 0]), 1.0, 0.0, 0.0)


def _locking(settings: Settings, shots: int) -> xarray.Dataset:
    """Drive the neuron; take the mean over drive periods off V, and judge what is left."""
    ways = {way: prepare_way(FIRST, way, settings) for way in SURVIVORS}
    periods = 26 if settings.quick else DRIVE_PERIODS
    kept = QUICK_KEPT if settings.quick else KEPT
    data: dict[str, Any] = {}
    for name, (frequency, amplitude) in DRIVES.items():
        times = 2 * np.pi / frequency / POINTS * np.arange(periods * POINTS + 1)
        neuron = driven(amplitude, frequency, ACTIVE)
        for way, run in _all(neuron, times, START, shots, ways).items():
            first = round((1 - kept) * periods) * POINTS
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
    cycles = {(row["device"], row["way"]): row for row in rows if row["bias"] == ACTIVE}
    for row in rows:
        label = f"{row['device']}, {row['way']}, V_n = {row['bias']:g}"
        goals = row["way"] in SURVIVORS
        if row["bias"] == SILENT:
            share = row["span"] / cycles[row["device"], row["way"]]["span"]
            goal = f"; {_goal('below 0.05', share < 0.05)}" if goals else ""
            found.append(
                Quantity(
                    f"{label}: span per period over the cycle's",
                    share,
                    evidence=f"the control{goal}",
                )
            )
            continue
        span = row["span"] / row["exact_span"] - 1
        period = row["period"] / row["exact_period"] - 1
        ratio = row["g2"]
        span_goal = f"; {_goal('within 0.03', abs(span) <= 0.03)}" if goals else ""
        period_goal = _goal("within 0.001", abs(period) <= 1e-3) if goals else ""
        ratio_goal = f"; {_goal('below 1.05', ratio < 1.05)}" if goals else ""
        found += [
            Quantity(
                f"{label}: span per period, relative to the exact loop",
                span,
                evidence=f"after {row['periods']:.0f} periods {row['span']:.5f}, the exact loop "
                f"over the same steps {row['exact_span']:.5f}{span_goal}",
            ),
            Quantity(f"{label}: period, relative to the exact loop", period, evidence=period_goal),
            Quantity(
                f"{label}: g2",
                ratio,
                evidence=f"1 is a cycle, 2 is noise, whatever its span{ratio_goal}",
            ),
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
    for way, name in product(SURVIVORS, ("up", "down")):
        jump, exact = (float(ramps[f"jump {name} {one}"]) for one in (way, "exact"))
        moved = jump - exact
        found.append(
            Quantity(
                f"{FIRST}, {way}: jump on the ramp {name}, V_n relative to the exact loop's",
                moved,
                evidence=f"at V_n = {jump:.3f}, exact {exact:.3f}; "
                f"{_goal('within 0.02', abs(moved) <= 0.02)}",
            )
        )
    return found


def _locking_quantities(locking: xarray.Dataset) -> list[Quantity]:
    found = []
    for way, (name, (frequency, amplitude)) in product(SURVIVORS, DRIVES.items()):
        ratio, exact = (float(locking[f"g2 {name} {one}"]) for one in (way, "exact"))
        found.append(
            Quantity(
                f"{FIRST}, {way}, driven at ω = {frequency:g}, V_Amp = {amplitude:g}: g2 of "
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
