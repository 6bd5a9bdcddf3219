"""The devices and methods of hardware.certainty: every circuit simulated once, shots drawn later.

A device here is the calibrated one with something else true of it. What it is, is put into the
state; the few gates before a measurement keep their calibrated noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import qmemcircuit as qm
from experiments.hardware.params import TRANSPILER_SEED, pair, pair_times
from experiments.hardware.suppression_methods import TWO_QUBIT_ANGLE
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.common.drawing import rounded
from qmemcircuit.common.states import outcome_probabilities
from qmemcircuit.counts.allocation import predicted_shares
from qmemcircuit.counts.readout import read_probabilities
from qmemcircuit.counts.resets import inversion_weights
from qmemcircuit.devices.drift import drifted_part
from qmemcircuit.devices.excess import predicted_excess
from qmemcircuit.devices.noise.calibrated import simulate
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors
from qmemcircuit.devices.resets import flipped_resets
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.measurement import measure_readout
from qmemcircuit.simulation.exact import setting_probabilities

DEVICE = "FakeTorino"
DRIFTED = 0.2
COVERED = 12
"""Experiments on each of the drifted devices of the coverage."""

READOUT_SHOTS, RESET_SHOTS = 20_000, 100_000

NOISELESS = "no noise but readout's"
BELIEVED, EXCHANGED, INVERTED = "calibration believed", "shaped, identical", "shaped, inverted"


@dataclass(frozen=True)
class Method:
    """One way to spend the shots."""

    mitigation: qm.Mitigation
    assumption: str


_SHAPED = qm.Mitigation((1, 3), fold_all=True, extrapolation="shaped", allocation="predicted")

METHODS: Mapping[str, Method] = {
    "readout": Method(qm.Mitigation(), "assumes that readout is all that errs"),
    "damping undone": Method(
        qm.Mitigation(),
        "assumes T1 of all waits known and its inverse from {1, Z, reset} without errors of its "
        "own: the waits' damping is left out of the device, the shots divided by the price squared",
    ),
    "line (1, 3, 5)": Method(
        qm.Mitigation((1, 3, 5), fold_all=True), "assumes that noise grows evenly with folds"
    ),
    "line (1, 3)": Method(
        qm.Mitigation((1, 3), fold_all=True, allocation="predicted"),
        "assumes that noise grows evenly with folds; shots shared 3 to 1",
    ),
    BELIEVED: Method(
        replace(_SHAPED, factors=(1,)), "assumes the calibrated noise, shape and size"
    ),
    "shaped": Method(_SHAPED, "assumes the shape of the calibrated noise"),
    EXCHANGED: Method(
        replace(_SHAPED, exchange=True), "assumes that shape, and identical memristors"
    ),
    INVERTED: Method(_SHAPED, "assumes that shape, and the measured reset errors"),
}


# More than ten fields: all that is simulated once, for every method and device.
@dataclass(frozen=True, eq=False)
class Bench:
    """Exact outcome probabilities of all devices, and what the methods know.

    Attributes:
        times, bases, master, noiseless, residual: of the model and its compiled circuits.
        devices: for each, read probabilities by (factor, X after which resets).
        drifted: the same for the devices of the coverage.
        noiseless_device: the same of a device on which nothing errs but readout.
        excess: the prediction of the calibration, with its drift.
        readout: known flips.
        shares: of the shots, by method.
        damping_price: of the inverse of the waits' damping.
        resets: true reset errors of each device.
    """

    times: FloatArray
    bases: tuple[str, ...]
    master: ComplexArray
    noiseless: ComplexArray
    residual: FloatArray
    devices: Mapping[str, Mapping[Any, FloatArray]]
    drifted: Mapping[str, Mapping[Any, FloatArray]]
    noiseless_device: Mapping[Any, FloatArray]
    excess: FloatArray
    readout: qm.Readout
    shares: Mapping[str, FloatArray]
    damping_price: float
    resets: Mapping[str, float]

    def measured(
        self, device: str, method: str, shots: int, random: np.random.Generator | None
    ) -> qm.MitigatedSamples:
        """Return one experiment with `shots` a time; the mean counts without `random`."""
        mitigation = METHODS[method].mitigation
        found = {**self.devices, **self.drifted, NOISELESS: self.noiseless_device}[device]
        variants: list[tuple[int, ...]] = [()]
        weights = np.ones(1)
        if method == INVERTED:
            mitigation = replace(mitigation, resets=self._calibrated(device, random))
            variants = [(), (0,), (1,), (0, 1)]
            weights = np.abs(inversion_weights(mitigation.resets.errors))
            weights /= weights.sum()
        runs = []
        for factor, shares in zip(mitigation.factors, self.shares[method], strict=True):
            for flipped, weight in zip(variants, weights, strict=True):
                key = (factor, flipped)
                spent = shots
                if method == "damping undone":
                    key = ("undamped", ())
                    spent = shots / self.damping_price**2
                each = np.maximum(np.round(spent * shares * weight), 50).astype(np.int64)
                runs.append(qm.Samples(self.bases, _counts(found[key], each, random)))
        readout = self.readout
        if random is not None:
            readout = readout.redrawn(READOUT_SHOTS, random)
        excess = self.excess[:, : len(mitigation.factors)] if mitigation.predicts else None
        return qm.MitigatedSamples(mitigation, tuple(runs), readout, excess)

    def _calibrated(self, device: str, random: np.random.Generator | None) -> qm.ResetCalibration:
        """Return the calibration of both resets, with the readout's flips of the memristors."""
        r, shots = self.resets[device], RESET_SHOTS
        table = []
        for low, high in self.readout.flips:
            ones = np.array([low, 1 - high, *[low + r * (1 - low - high)] * 3])
            seen = np.round(shots * ones) if random is None else random.binomial(shots, ones)
            table.append(np.stack([shots - seen, seen], axis=-1))
        return qm.ResetCalibration(np.array(table).astype(np.int64))


def _counts(chances: FloatArray, each: IntArray, random: np.random.Generator | None) -> IntArray:
    if random is None:
        return np.asarray(np.round(chances * each[:, None]).astype(np.int64))
    return random.multinomial(each, rounded(chances))


def make_bench(*, quick: bool) -> Bench:
    """Compile and simulate everything once: about a minute."""
    model = pair()
    times = pair_times(model, quick=quick)
    circuits = qm.build_circuits(model, times, splitting="compiled", bases="tomography")
    placed = qm.device(fake_backend(DEVICE), seed=TRANSPILER_SEED).place(circuits)
    part = placed.restricted()
    excess = predicted_excess(circuits, placed, replace(_SHAPED, drift=0.0 if quick else DRIFTED))
    clean = setting_probabilities(circuits)
    known = measure_readout(placed, 2, shots=10**12)

    amplified = {
        factor: placed.amplify(factor, fold_all=True) for factor in ((1, 3) if quick else (1, 3, 5))
    }
    compiled = {
        (factor, ()): device.compile(circuits, measured=False)
        for factor, device in amplified.items()
    }
    inverse = replace(_SHAPED, resets=qm.ResetCalibration(np.full((2, 5, 2), 50)))
    for flipped in [] if quick else flipped_resets(circuits, inverse)[1:]:
        own = circuits.with_flips(flipped)
        for factor in (1, 3):
            compiled[factor, flipped] = amplified[factor].compile(own, measured=False)

    def outcomes(key: Any, device: Any = part, reset: float = 0.0, errors: Any = None) -> Any:
        states = simulate(compiled[key], device, reset, errors, save="density_matrix").mean(axis=1)
        return np.stack([outcome_probabilities(states, basis) for basis in circuits.bases], axis=1)

    here = {key: outcomes(key) for key in compiled}
    measurement = {(f, ()): clean + excess[0, k] - here[f, ()] for k, f in enumerate((1, 3))}

    def read(key: Any, chances: FloatArray) -> FloatArray:
        # What the gates before the measurement do, as calibrated; of factor 5 that of factor 3.
        moved = chances + measurement[min(key[0], 3), ()]
        positive = np.maximum(read_probabilities(moved, known.flips), 0.0)
        return np.asarray(positive / positive.sum(axis=2, keepdims=True))

    def device(keys: Any, **what: Any) -> dict[Any, FloatArray]:
        return {key: read(key, outcomes(key, **what)) for key in keys}

    plain = [key for key in compiled if not key[1]]
    random = np.random.default_rng(FIRST_DRIFT)
    devices: dict[str, dict[Any, FloatArray]] = {"as calibrated": device(plain)}
    if not quick:
        devices |= {
            "all +20 %": device(plain, device=drifted_part(part, DRIFTED, None)),
            "all −20 %": device(plain, device=drifted_part(part, -DRIFTED, None)),
            "each ±20 %": device(plain, device=drifted_part(part, DRIFTED, random)),
            "coherent CZ": device(plain, errors=CoherentErrors(two_qubit_angle=TWO_QUBIT_ANGLE)),
            "reset 1 %": device(compiled, reset=0.01),
            "reset 3 %": device(compiled, reset=0.03),
        }
    undamped, price = _undamped(part, compiled[1, ()])
    for name, found in () if quick else devices.items():
        extra = devices[name][1, ()] - devices["as calibrated"][1, ()]
        without = read((1, ()), outcomes((1, ()), device=undamped)) + extra
        positive = np.maximum(without, 0.0)
        found["undamped", ()] = positive / positive.sum(axis=2, keepdims=True)
    drifted = {
        f"drifted {k}": device(plain[:2], device=drifted_part(part, DRIFTED, random))
        for k in range(1 if quick else 8)
    }
    shares = {}
    for name, method in METHODS.items():
        chosen = method.mitigation
        factors = len(chosen.factors)
        shares[name] = np.full((factors, 9), 1 / (9 * factors))
        if chosen.allocation == "predicted":
            shares[name] = predicted_shares(
                devices["as calibrated"][1, ()],
                circuits.bases,
                chosen,
                flips=known.flips,
                excess=excess[0, :factors] if chosen.predicts else None,
            )
    master = qm.master_equation(model, times).states
    exact = qm.exact_circuit(model, times, splitting="compiled")
    return Bench(
        times,
        circuits.bases,
        master,
        exact.states,
        exact.variables["compilation_residual"],
        devices,
        drifted,
        {(1, ()): read_probabilities(clean, known.flips)},
        excess,
        known,
        shares,
        price,
        {"reset 1 %": 0.01, "reset 3 %": 0.03},
    )


FIRST_DRIFT = 16
"""Of the drawn calibrations; the method draws its own."""


def _undamped(part: Any, compiled: Any) -> tuple[Any, float]:
    """Return the device whose waits do not damp, and the price of undoing that on the memristors.

    1/T1 is set to 0 with pure dephasing kept; gates keep their calibrated errors. The price is
    Π (1 + p)/(1 − p) over the memristors' waits, p = 1 − e^{−wait/T1}.
    """
    from qmemcircuit.devices.calibration import describe_calibration
    from qmemcircuit.devices.recorded import recorded_backend

    described = describe_calibration(part)
    t1, t2 = np.array(described["t1"]), np.array(described["t2"])
    dephasing = np.maximum(1 / np.minimum(t2, 2 * t1) - 1 / (2 * t1), 1e-3)
    never = 1e3 * np.ones_like(t1)
    free = {**described, "t1": never.tolist(), "t2": np.minimum(1 / dephasing, never).tolist()}
    price = 1.0
    last = compiled[-1].instances[0].circuit
    for instruction in last.data:
        qubit = last.find_bit(instruction.qubits[0]).index
        if instruction.operation.name == "delay" and qubit < 2:
            seconds = instruction.operation.duration * (
                part.dt if instruction.operation.unit == "dt" else 1.0
            )
            lost = 1 - np.exp(-seconds / t1[qubit])
            price *= (1 + lost) / (1 - lost)
    return recorded_backend("undamped", free).target, float(price)
