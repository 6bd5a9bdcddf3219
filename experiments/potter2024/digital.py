"""Digital neuron (new): oscillation, cycle and hysteresis from circuits with shot noise.

To see: with `history` the digital neuron oscillates on the exact cycle at any number of shots; with
`reprepare` few shots make it wander.

The paper's neuron at R_n = 5, Γ = 0.1 with its qubit run as circuits in closed loop with the
classical voltage, for two ways of feeding back what was measured: `history` (every step's
circuit rerun from t = 0) and `reprepare` (the measured state prepared anew). Nobody has published
a digital version; the ODE of the paper is the reference.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray

from experiments.potter2024.digital_drawing import draw_device, draw_modes, draw_statistics
from experiments.potter2024.params import OSCILLATION
from experiments.ramps import final_state
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.cycles import PeriodicOrbit, find_limit_cycle
from qmemcircuit.neurons.dynamics.oscillations import (
    CYCLE_BELOW,
    NOISE_ABOVE,
    measure_oscillation,
    phase_diffusion,
)
from qmemcircuit.neurons.shuttle.bifurcations import find_folds
from qmemcircuit.neurons.shuttle.device import execute_on, run_digital
from qmemcircuit.neurons.shuttle.digital import simulate_digital
from qmemcircuit.neurons.shuttle.neuron import LinearRamp, ShuttleNeuron
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.sweeps.sweep import sweep

ACTIVE, SILENT = 2.0, 0.20  # V_n: on the cycle; below the Hopf point at 0.2254, the control
STEP = 0.05
TRANSIENT = 200.0
START = (0.3, 1.0, 0.0, 0.0)
FREQUENCY = 7.03  # near which the oscillation is sought; the ODE's is 7.0364
SHOTS = (1000, 10_000, 100_000)
SAMPLED = ("history", "reprepare")
RAMP = (1.5, 5.0, 0.01)  # V_n from, to, rate
JUMP_BOUND = 0.02  # in V_n: how far a kept hysteresis may move its jumps
SHOWN = 9.0  # time units in the panels: ten periods
DEVICE_STEPS, DEVICE_SHOTS = 20, 4000


def compute(settings: Settings) -> Result:
    """Run every mode; measure cycles, controls, jumps and phase diffusion over seeds."""
    advance = settings.stages(6)
    shots = SHOTS if settings.shots is None else (settings.shots,)
    orbit = find_limit_cycle(_neuron(ACTIVE).system(), START, transient=300.0)
    accuracy = _accuracy(orbit)
    advance()
    series = _series(shots, settings.seed)
    advance()
    record, seeds = (100.0, 2) if settings.quick else (300.0, 8)
    grid = {
        "bias": [ACTIVE, SILENT],
        "feedback": SAMPLED,
        "shots": shots,
        "seed": settings.seed + np.arange(seeds),
    }
    exact = {bias: _oscillation(bias, "exact", 0, 0, record=record) for bias in (ACTIVE, SILENT)}
    with ThreadPoolExecutor(1) as executor:
        cycles = sweep(partial(_oscillation, record=record), grid, executor=executor)
        advance()
        grid = {
            "feedback": SAMPLED,
            "shots": [10**k for k in range(3, 5 if settings.quick else 7)],
            "seed": settings.seed + np.arange(seeds),
        }
        length = 750.0 if settings.quick else 2500.0
        diffusion = sweep(partial(_diffusion, record=length), grid, executor=executor)
    advance()
    rate = 5 * RAMP[2] if settings.quick else RAMP[2]
    hysteresis = _hysteresis(shots, settings.seed, rate)
    advance()
    device = _device(settings)
    advance()
    quantities = (
        *accuracy,
        *_cycle_quantities(cycles, exact, shots, record),
        *_jump_quantities(hysteresis, shots),
        *_diffusion_quantities(diffusion, length),
        *_device_quantities(device),
    )
    datasets = {
        "series": series,
        "cycles": cycles,
        "diffusion": diffusion,
        "hysteresis": hysteresis,
        "device": device,
    }
    parameters = {
        "biases": [ACTIVE, SILENT],
        "feedbacks": list(SAMPLED),
        "device_shots": DEVICE_SHOTS,
        "step": STEP,
        "shots": list(shots),
        "record": record,
        "ramp": list(RAMP),
        "folds": [fold.bias for fold in find_folds(_neuron(ACTIVE))],
        "exact_span": exact[ACTIVE]["span"],
    }
    return Result(datasets, quantities, parameters)


def _neuron(bias: float) -> ShuttleNeuron:
    return replace(OSCILLATION, bias=bias)


def _run(
    neuron: ShuttleNeuron, duration: float, feedback: str, shots: int, seed: int, state: Any
) -> Trajectory:
    times = STEP * np.arange(round(duration / STEP) + 1)
    options: Any = {} if feedback == "exact" else {"shots": shots, "seed": seed}
    return simulate_digital(neuron, times, feedback=feedback, state=state, **options)


def _accuracy(orbit: PeriodicOrbit) -> tuple[Quantity, ...]:
    """Compare span and period of the exact digital cycle with the ODE's, and their order."""
    errors = []
    for dt in (0.04, 0.02):
        times = dt * np.arange(round(500 / dt) + 1)
        run = simulate_digital(_neuron(ACTIVE), times, state=START)
        late = times > TRANSIENT
        found = measure_oscillation(times[late], run.voltage[late, 0], frequency=FREQUENCY)
        errors.append((found.span / orbit.span() - 1, found.period / orbit.period - 1))
    orders = np.log2(np.array(errors[0]) / np.array(errors[1]))
    evidence = "exact feedback at V_n = 2 against the ODE's cycle by shooting"
    return (
        *Quantity.each(
            {
                "span of the ODE's cycle at V_n = 2": (orbit.span(), 1e-9),
                "period of the ODE's cycle at V_n = 2": (orbit.period, 1e-9),
            }
        ),
        *Quantity.each(
            {
                "relative error of the span, Δt = 0.02": errors[1][0],
                "relative error of the period, Δt = 0.02": errors[1][1],
            },
            evidence=evidence,
        ),
        *Quantity.each(
            {
                "order in Δt of the span": orders[0],
                "order in Δt of the period": orders[1],
            },
            evidence="from Δt = 0.04 and 0.02",
        ),
    )


def _oscillation(
    bias: float, feedback: str, shots: int, seed: int, *, record: float
) -> dict[str, float]:
    """Measure the oscillation in a record after the transient."""
    run = _run(_neuron(bias), TRANSIENT + record, feedback, shots, seed, START)
    late = run.times > TRANSIENT
    voltage = run.voltage[late, 0]
    found = measure_oscillation(run.times[late], voltage, frequency=FREQUENCY)
    return {
        "span": found.span,
        "amplitude_ratio": found.amplitude_ratio,
        "raw_span": float(np.ptp(voltage)),
    }


def _diffusion(feedback: str, shots: int, seed: int, *, record: float) -> dict[str, float]:
    """Measure D of the oscillation at V_n = 2; NaN where it is no cycle."""
    run = _run(_neuron(ACTIVE), TRANSIENT + record, feedback, shots, seed, START)
    late = run.times > TRANSIENT
    series = run.times[late], run.voltage[late, 0]
    found = measure_oscillation(*series, frequency=FREQUENCY)
    value = np.nan
    if found.kind == "cycle":
        value = phase_diffusion(*series, frequency=found.frequency)
    return {"diffusion": value, "amplitude_ratio": found.amplitude_ratio}


def _series(shots: tuple[int, ...], seed: int) -> xarray.Dataset:
    """Return ten periods of V and of the Bloch vector for both biases and every mode."""
    runs = {}
    for bias in (ACTIVE, SILENT):
        runs[bias, "exact", 0] = _run(_neuron(bias), TRANSIENT + SHOWN, "exact", 0, 0, START)
        for feedback in SAMPLED:
            for count in shots:
                runs[bias, feedback, count] = _run(
                    _neuron(bias), TRANSIENT + SHOWN, feedback, count, seed, START
                )
    data = {}
    for (bias, feedback, count), run in runs.items():
        late = run.times >= TRANSIENT
        key = f"{bias:g} {feedback} {count}"
        data[f"V {key}"] = ("time", run.voltage[late, 0])
        for name in "XYZ":
            data[f"{name} {key}"] = ("time", run.variables[name][late])
        times = run.times[late] - TRANSIENT
    return xarray.Dataset(data, coords={"time": times})


def _hysteresis(shots: tuple[int, ...], seed: int, rate: float) -> xarray.Dataset:
    """Return V on slow ramps of V_n up and down, and where it jumps."""
    low, high, _ = RAMP
    duration = (high - low) / rate
    middle = np.mean([fold.voltage for fold in find_folds(_neuron(ACTIVE))])
    data: dict[str, Any] = {}
    for feedback, count in [("exact", 0)] + [(f, n) for f in SAMPLED for n in shots]:
        rest = _run(_neuron(low), TRANSIENT, feedback, count, seed, START)
        state, key = final_state(rest), f"{feedback} {count}"
        for number, (name, start, slope) in enumerate([("up", low, rate), ("down", high, -rate)]):
            neuron = replace(OSCILLATION, bias=start, drive=LinearRamp(slope))
            run = _run(neuron, duration, feedback, count, seed + 100 * (number + 1), state)
            state, voltage = final_state(run), run.voltage[:, 0]
            crossed = voltage > middle if name == "up" else voltage < middle
            data[f"jump {name} {key}"] = run.variables["input"][np.argmax(crossed)]
            data[f"V {name} {key}"] = ("time", voltage[::4])
            times = run.times[::4]
    return xarray.Dataset(data, coords={"time": times})


def _device(settings: Settings) -> xarray.Dataset:
    """Run one period from a point of the cycle on a noisy five-qubit device, as scheduled."""
    from qiskit_aer import AerSimulator
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    backend = AerSimulator.from_backend(FakeManilaV2(), method="density_matrix")
    state = final_state(_run(_neuron(ACTIVE), TRANSIENT + 0.35, "exact", 0, 0, START))
    times = STEP * np.arange((3 if settings.quick else DEVICE_STEPS) + 1)
    exact = simulate_digital(_neuron(ACTIVE), times, state=state)
    data: dict[str, Any] = {"exact": ("time", exact.voltage[:, 0])}
    for feedback in SAMPLED:
        ideal = [
            simulate_digital(
                _neuron(ACTIVE), times, state=state, feedback=feedback, shots=DEVICE_SHOTS, seed=s
            ).voltage[:, 0]
            for s in range(100)
        ]
        run = run_digital(
            _neuron(ACTIVE),
            times,
            execute=execute_on(backend, seed=settings.seed),
            shots=DEVICE_SHOTS,
            feedback=feedback,
            state=state,
        )
        data[f"V {feedback}"] = ("time", run.voltage[:, 0])
        data[f"mean {feedback}"] = ("time", np.mean(ideal, axis=0))
        data[f"spread {feedback}"] = ("time", np.std(ideal, axis=0, ddof=1))
    return xarray.Dataset(data, coords={"time": times})


def _cycle_quantities(
    cycles: xarray.Dataset,
    exact: dict[float, dict[str, float]],
    shots: tuple[int, ...],
    record: float,
) -> list[Quantity]:
    quantities = []
    for feedback in SAMPLED:
        for count in shots:
            name = f"{feedback}, {count} shots"
            here = cycles.sel(feedback=feedback, shots=count, bias=ACTIVE)
            control = cycles.sel(feedback=feedback, shots=count, bias=SILENT)
            ratio, error = _mean(here["amplitude_ratio"])
            relative, spread = _mean(here["span"] / exact[ACTIVE]["span"])
            state = "kept" if ratio < CYCLE_BELOW else "lost" if ratio > NOISE_ABOVE else "marginal"
            raw = float(here["raw_span"].mean())
            quantities += [
                Quantity(
                    f"{name}: g2 at V_n = 2, records of {record:g} time units",
                    ratio,
                    error,
                    evidence=f"the cycle is {state} (1 is a cycle, 2 is noise)",
                ),
                Quantity(
                    f"{name}: folded span over the exact loop's, V_n = 2",
                    relative,
                    spread,
                    evidence=f"Δt = {STEP}; the raw max − min would be {raw:.3f}, biased",
                ),
                Quantity(
                    f"{name}: folded span of the control, V_n = 0.20",
                    *_mean(control["span"]),
                    evidence=f"raw max − min {float(control['raw_span'].mean()):.4f}",
                ),
            ]
    return quantities


def _jump_quantities(hysteresis: xarray.Dataset, shots: tuple[int, ...]) -> list[Quantity]:
    folds = sorted(fold.bias for fold in find_folds(_neuron(ACTIVE)))
    quantities = []
    for name, fold in (("up", folds[1]), ("down", folds[0])):
        exact = float(hysteresis[f"jump {name} exact 0"])
        quantities.append(
            Quantity(
                f"V_n of the jump {name}, exact loop, rate {RAMP[2]}",
                exact,
                evidence=f"the fold is at {fold:.6f}; a ramp jumps later",
            )
        )
        quantities += [
            _jump_quantity(
                f"jump {name}, {feedback}, {count} shots, minus the exact loop's",
                float(hysteresis[f"jump {name} {feedback} {count}"]) - exact,
            )
            for feedback in SAMPLED
            for count in shots
        ]
    return quantities


def _jump_quantity(name: str, shift: float) -> Quantity:
    kept = abs(shift) < JUMP_BOUND
    return Quantity(
        name,
        shift,
        evidence=f"one ramp; our goal for a hysteresis that is kept: within {JUMP_BOUND}; "
        f"{'reached' if kept else 'not reached'}",
    )


def _diffusion_quantities(diffusion: xarray.Dataset, record: float) -> list[Quantity]:
    quantities = []
    for feedback in SAMPLED:
        for count in diffusion["shots"].values:
            ratio = diffusion["amplitude_ratio"].sel(feedback=feedback, shots=count)
            quantities.append(
                Quantity(
                    f"{feedback}, {count} shots: g2 at V_n = 2, records of {record:g} time units",
                    *_mean(ratio),
                    evidence="the points of the figure's panel (a), from the same runs as D",
                )
            )
            here = diffusion["diffusion"].sel(feedback=feedback, shots=count)
            if bool(np.isfinite(here).all()):
                value, error = _mean(here * count)
                quantities.append(
                    Quantity(
                        f"phase diffusion D times shots, {feedback}, {count} shots",
                        value,
                        error,
                        "rad² per time",
                        evidence="D ~ 1/shots where this is constant",
                    )
                )
    return quantities


def _device_quantities(device: xarray.Dataset) -> list[Quantity]:
    steps = device.sizes["time"] - 1
    return [
        Quantity(
            f"largest |V − V_exact| in {steps} steps on FakeManilaV2, {feedback}",
            np.abs(device[f"V {feedback}"] - device["exact"]).max(),
            evidence=f"{DEVICE_SHOTS} shots; shots alone scatter V by up to "
            f"{float(device[f'spread {feedback}'].max()):.4f} (one standard deviation)",
        )
        for feedback in SAMPLED
    ]


def _mean(values: xarray.DataArray) -> tuple[float, float]:
    """Return mean and standard error over the seeds."""
    data = values.values
    return float(data.mean()), float(data.std(ddof=1) / np.sqrt(data.size))


def draw(result: Result) -> Any:
    """Draw both feedbacks, the statistics against shots, and the device."""
    return {
        "": draw_modes(result),
        "statistics": draw_statistics(result),
        "device": draw_device(result),
    }
