"""Two coupled memristors on Heron noise models: entanglement's death and rebirth, predicted.

To see: the paper's 600 steps leave no entanglement; compiled circuits, mitigated, show its death
and rebirth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import qmemcircuit as qm
from experiments.hardware.pair_figure import draw_pair
from experiments.hardware.pair_verdicts import LIE, LIE_STEPS, SHORT_LIE, STAGES, quantities_of_pair
from experiments.hardware.params import (
    DEVICES,
    FACTORS,
    FIRST_SEED,
    LINEAR_FACTORS,
    PAIR_SHOTS,
    RESET_ERRORS,
    SEEDS,
    TRANSPILER_SEED,
    declared,
    pair,
    pair_times,
)
from experiments.results import Result, Settings
from qmemcircuit.common.states import (
    concurrence_of_states,
    trace_distance,
)
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

COMPILED: dict[str, Any] = {"splitting": "compiled"}


def compute(settings: Settings) -> Result:
    """Predict exact noisy states, then shots, raw and mitigated, for many seeds."""

    model = pair()
    times = pair_times(model, quick=settings.quick)
    master = qm.master_equation(model, times)
    names = DEVICES[:1] if settings.quick else DEVICES
    errors = RESET_ERRORS[:1] if settings.quick else RESET_ERRORS
    shots = settings.shots or PAIR_SHOTS
    factors = FACTORS[:3] if settings.quick else FACTORS
    seeds = range(FIRST_SEED, FIRST_SEED + (5 if settings.quick else SEEDS))
    data: dict[str, Any] = {"master": master}
    exact: dict[str, qm.Trajectory] = {}
    advance = settings.stages(3 * len(names))
    for name in names:
        target = qm.device(fake_backend(name), seed=TRANSPILER_SEED)
        for protocol, states in _noisy_states(target, times, errors, quick=settings.quick):
            exact[f"{name} {protocol}"] = states
        advance()
        mitigated = {
            error: qm.device_states(
                model,
                times,
                target=replace(target, reset_error=error),
                mitigation=declared(factors),
                **COMPILED,
            )
            for error in errors
        }
        data[f"unlimited_{name}"] = _table("reset_error", mitigated, master)
        advance()
        data[f"sampled_{name}"], data[f"noisy_{name}"], data[f"raw_{name}"] = _sampled(
            target, master, factors, shots, seeds
        )
        advance()
    data["exact"] = _table("row", exact, master)
    for key, kept in (("two_qubit_gates", "two_qubit_gates"), ("duration", "durations")):
        rows = np.array([states.provenance[kept] for states in exact.values()])
        data["exact"][key] = (("row", "time"), rows)
    data["noiseless"] = qm.exact_circuit(model, times, **COMPILED)
    targets = {name: exact[f"{name} compiled"].provenance["target"] for name in names}
    parameters = {
        "devices": list(names),
        "shots": shots,
        "factors": list(factors),
        "shots_in_all": shots * 9 * len(factors) * len(times),
        "seeds": [FIRST_SEED, len(seeds)],
        "forms": {name: target["forms"] for name, target in targets.items()},
        "layouts": {name: target["layout"]["qubits"] for name, target in targets.items()},
    }
    return Result(data, quantities_of_pair(data, names, shots * 9 * len(factors)), parameters)


def _noisy_states(
    target: qm.DeviceTarget, times: np.ndarray, errors: tuple[float, ...], *, quick: bool
) -> Iterator[tuple[str, qm.Trajectory]]:
    """Yield the exact noisy states of each way to run the pair on a device, by its name."""

    def states(target: qm.DeviceTarget, grid: np.ndarray = times, **options: Any) -> qm.Trajectory:
        return qm.device_states(pair(), grid, target=target, **options)

    # The device's calibrated noise chooses among equivalent circuits (qmemcircuit.devices.forms);
    # that there is a choice was found on FakeTorino, so FakeFez is the fairer test of its worth.
    yield "compiled", states(replace(target, forms=None), **COMPILED)
    for error in errors:
        name = "absorbed" if error == 0 else f"absorbed, reset error {error:g}"
        yield name, states(replace(target, reset_error=error), absorb_decay=True, **COMPILED)
    if quick:
        return
    yield "compiled, plain form", states(target, **COMPILED)
    yield "compiled, fresh ancillas", states(target, ancilla="fresh", **COMPILED)
    yield "fused", states(target, splitting="fused")
    for name, count in zip((LIE, SHORT_LIE), LIE_STEPS, strict=True):
        grid = np.linspace(0, times[-1], count + 1)
        only = [int(np.argmin(np.abs(grid - time))) for time in times]
        yield name, states(target, grid, splitting="lie", collision="paper", only=only)


def _table(name: str, found: dict[Any, qm.Trajectory], master: qm.Trajectory) -> xarray.Dataset:
    """Return distance to the master equation and concurrence of each trajectory."""
    import xarray

    states = np.array([item.states for item in found.values()])
    distance = [trace_distance(these, master.states) for these in states]
    concurrence = [concurrence_of_states(these) for these in states]
    return xarray.Dataset(
        {
            "trace_distance": ((name, "time"), np.array(distance)),
            "concurrence": ((name, "time"), np.array(concurrence)),
        },
        coords={name: list(found), "time": master.times},
    )


def _sampled(
    target: qm.DeviceTarget,
    master: qm.Trajectory,
    factors: tuple[int, ...],
    shots: int,
    seeds: range,
) -> tuple[xarray.Dataset, qm.Trajectory, qm.Trajectory]:
    """Draw shots at every noise factor and reconstruct, seed by seed.

    Returns distances and concurrence of each stage and seed; and, of the circuits with the decay
    absorbed, the exact noisy states and those of the first seed's raw shots.
    """
    import xarray

    fewer = qm.Mitigation(LINEAR_FACTORS[: len(factors) - 1])
    best, linear = (
        qm.rehearse(pair(), master.times, target=target, mitigation=mitigation, **options)
        for mitigation, options in (
            (declared(factors), COMPILED),
            (fewer, {**COMPILED, "absorb_decay": True}),
        )
    )
    states, rates = [], []
    for seed in seeds:
        random = np.random.default_rng([seed, 0])
        runs, others = best.draw_counts(shots, random), linear.draw_counts(shots, random)
        readout = best.draw_readout(shots, random)
        mitigated = qm.MitigatedSamples(best.mitigation, runs, readout)
        straight = qm.MitigatedSamples(fewer, others, readout)
        stages = {
            "raw": mitigated.under(qm.Mitigation(readout=False)),
            "read": mitigated.under(qm.Mitigation()),
            "linear": straight,
            "mitigated": mitigated,
        }
        states.append([stages[stage].states() for stage in STAGES])
        rates.append({kind: rate.value for kind, rate in mitigated.decay_rates.items()})
        if seed == seeds[0]:
            # Of a trajectory the interval needs the counts, and what compiling may have moved.
            zeros = np.zeros((master.times.size, 2))
            counts = qm.Trajectory(master.times, zeros, zeros, mitigated=mitigated)
            interval = best.circuits.with_residuals(counts).concurrence(0, 1)
            raw = straight.under(qm.Mitigation(readout=False)).states()
    swapped = np.swapaxes(np.array(states), 0, 1)
    distance = [[trace_distance(one, master.states) for one in stage] for stage in swapped]
    concurrence = [[concurrence_of_states(one) for one in stage] for stage in swapped]
    dimensions = ("stage", "seed", "time")
    dataset = xarray.Dataset(
        {
            "trace_distance": (dimensions, np.array(distance)),
            "concurrence": (dimensions, np.array(concurrence)),
            "lower": (("time",), interval.lower),
            "upper": (("time",), interval.upper),
            "rate": (("seed", "kind"), np.array([list(found.values()) for found in rates])),
        },
        coords={
            "stage": list(STAGES),
            "seed": list(seeds),
            "time": master.times,
            "kind": list(rates[0]),
        },
    )
    noisy = linear.expected()
    return dataset, noisy, replace(noisy, states=raw)


def draw(result: Result) -> dict[str, Figure]:
    """Draw concurrence and distance against time, and the budget of FakeTorino."""
    return draw_pair(result)
