"""What hardware.suppression switches on, under which noises, and how it judges each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

import qmemcircuit as qm
from experiments.hardware.params import FIRST_SEED
from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.drawing import draw_counts
from qmemcircuit.common.states import nearest_physical, pauli_matrix, trace_distance
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.compilation.suppression import UNSUPPRESSED, Suppression
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.runs.measurement import measure_readout

DETUNING = 2 * math.pi * 3e3
"""σ in rad/s, assumed: 3 kHz. Alone it would end a Ramsey decay (1/e) at √2/σ.

Calibrations state T2 by an echo, which this offset does not touch; the T2* that both give
together is the result's first row. Burnett et al. (npj Quantum Inf. 5, 54, 2019) measured a mean
T2* of 95 µs on transmons over days: the assumption is a bad qubit, not an impossible one.
"""

TWO_QUBIT_ANGLE = math.sqrt(5e-3)
"""ε in rad, assumed: RZZ(ε) of infidelity (4/5) sin²(ε/2) = 1e-3 after every CZ.

It comes on top of the calibrated error; the result's second row is their ratio.
"""

NODES = {"pair": 2, "memristor": 4, "scan": 8}
"""Gauss–Hermite nodes of each qubit's detuning: σt ≤ 0.06, 0.8 and 2: errors of 2e-4 at most."""

NOISES: dict[str, CoherentErrors | None] = {
    "calibrated": None,
    "detuned": CoherentErrors(detuning=DETUNING),
    "coherent": CoherentErrors(two_qubit_angle=TWO_QUBIT_ANGLE),
}
FACTORS = (1, 3, 5)
"""Noise factors, extrapolated linearly.

They, the assumed errors and the thresholds below were fixed before the first run. After it the
combinations were added, with "undecided", and the instances were cut to what 5 minutes allow.
"""

TWIRLS, SEEDS = 10, 40
"""Random instances of a twirled circuit, and repetitions of the shots."""


@dataclass(frozen=True)
class Method:
    """What is switched on: what the device does, what is done to the counts, and the rival."""

    name: str
    suppression: Suppression = UNSUPPRESSED
    extrapolated: bool = False
    readout: bool = False
    projected: bool = False
    rival: str = "none"


_TWIRLED = Suppression(twirling=TWIRLS)
METHODS = (
    Method("none"),
    Method("decoupling XX", Suppression("XX")),
    Method("decoupling XpXm", Suppression("XpXm")),
    Method("decoupling XY4", Suppression("XY4")),
    Method("twirling", _TWIRLED),
    Method("twirling, IBM's", Suppression(twirling=TWIRLS, as_service=True)),
    Method("readout correction", readout=True),
    Method("extrapolation", extrapolated=True),
    Method("physical projection", projected=True),
    Method("readout + extrapolation", UNSUPPRESSED, True, True),
    Method("+ projection", UNSUPPRESSED, True, True, True, "readout + extrapolation"),
    Method("+ twirling", _TWIRLED, True, True, True, "+ projection"),
    Method("+ decoupling XX", Suppression("XX", TWIRLS), True, True, True, "+ twirling"),
)
RIVALS = {method.name: method.rival for method in METHODS}
QUICK = ("none", "decoupling XX", "readout correction", "physical projection")


def judge(
    method: Method,
    target: DeviceTarget,
    circuits: CircuitSet,
    chances: list[FloatArray],
    master: ComplexArray,
    shots: int,
    seeds: int,
) -> tuple[float, float, float, float, float]:
    """Return the distance without shot noise, with it, each with its error, and the error bar.

    `chances` holds for each noise factor the probabilities (N, T, B, K) of the instances.
    """
    memristors = len(circuits.network.memristors)
    mitigation = qm.Mitigation(FACTORS[: len(chances)], readout=method.readout)
    many = 10**12  # shots that leave no noise
    known = measure_readout(target, memristors, shots=many) if method.readout else None

    def exact(runs: list[FloatArray]) -> float:
        samples = tuple(
            Samples(circuits.bases, np.rint(many * run).astype(np.int64)) for run in runs
        )
        mitigated = qm.MitigatedSamples(mitigation, samples, known)
        return float(_distances(mitigated, master, projected=method.projected).mean())

    bias = exact([run.mean(axis=0) for run in chances])
    count = len(chances[0])
    spread = 0.0
    if count > 1:
        # Leaving out one instance at a time: the error of having so few.
        left = [
            exact([np.delete(run, instance, axis=0).mean(axis=0) for run in chances])
            for instance in range(count)
        ]
        spread = float(np.sqrt((count - 1) * np.var(left)))
    distances, errors = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        random = np.random.default_rng(seed)
        runs = tuple(Samples(circuits.bases, draw_counts(run, shots, random)) for run in chances)
        measured = None if known is None else known.redrawn(shots, random)
        mitigated = qm.MitigatedSamples(mitigation, runs, measured)
        distances.append(_distances(mitigated, master, projected=method.projected).mean())
        if seed == FIRST_SEED:
            errors = [mitigated.combine({label: 1.0})[1] for label in _labels(memristors)]
    sampled_error = math.hypot(float(np.std(distances)) / math.sqrt(seeds), spread)
    growth = float(np.sqrt(np.mean(np.square(errors))))
    return bias, spread, float(np.mean(distances)), sampled_error, growth


def _labels(memristors: int) -> list[str]:
    return ["".join(letters) for letters in product("IXYZ", repeat=memristors)][1:]


def _distances(
    mitigated: qm.MitigatedSamples, master: ComplexArray, *, projected: bool
) -> FloatArray:
    """Return the trace distances ½‖ρ − master‖₁ at each time, ρ from linear inversion.

    Unless `projected`, ρ need not be a physical state; the distance is defined all the same.
    """
    dimension = master.shape[-1]
    states = np.tile(np.eye(dimension, dtype=complex) / dimension, (len(master), 1, 1))
    for label in _labels(len(mitigated.bases[0])):
        mean = mitigated.combine({label: 1.0})[0]
        states += mean[:, None, None] * pauli_matrix(label) / dimension
    return trace_distance(nearest_physical(states) if projected else states, master)
