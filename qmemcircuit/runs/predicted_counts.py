"""What a measurement is predicted to count, and what its own estimators would make of it.

Predicted are the exact states of the noiseless circuits, drawn towards the fully mixed state as the
device's calibration does it at `MOST_TIMES` times (interpolated between them, and to the power f at
noise factor f), measured, and flipped by the calibrated readout.

It is a prediction of error bars, not of results: a few percent of the state's size that this
misses move 1 − <P>², and so the error, by less. Drift, and what no calibration knows, are missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qmemcircuit.circuits.constant_depth import stored_circuits
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.compilation.folding import UNFOLDED
from qmemcircuit.devices.noise.calibrated import readout_matrices
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.results.estimation import CurrentEstimator, estimate, mitigate
from qmemcircuit.results.records import Record
from qmemcircuit.results.requirements import missing_requirements
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.measurement import Measurement, join_runs, mitigated_samples
from qmemcircuit.runs.planned_runs import describe_run
from qmemcircuit.simulation.exact import circuit_states, setting_probabilities

if TYPE_CHECKING:
    from qmemcircuit.circuits.build import CircuitSet

MOST_TIMES = 6
"""The device's noise is simulated at so many times."""


def predicted_chances(measurement: Measurement) -> list[FloatArray]:
    """Return the predicted outcome probabilities of each run's settings, (T, B, 2^M).

    Circuits with an X after a reset are taken for those without: its inverse is of small weight.
    """
    circuits = replace(measurement.circuits, branch=None)  # the mean of all, not the first alone
    ideal = circuit_states(replace(circuits, absorbed=()))
    device = measurement.target.predict()
    left, rest, matrix = np.ones(len(ideal)), np.zeros_like(ideal), None
    if isinstance(device, DeviceTarget):
        left, rest = _noise(circuits, device, ideal)
        matrix = readout_of(measurement.circuits, device)
    mixed = np.eye(ideal.shape[1]) / ideal.shape[1]
    found = []
    for item in measurement.runs:
        factor = item.noise_factor
        if factor is not None:
            share = (left**factor)[:, np.newaxis, np.newaxis]
            states = mixed + share * (ideal - mixed) + factor * rest
            chances = outcomes_of_states(states, item.circuits.bases)
        else:  # the readout's calibration, of one time and setting
            chances = setting_probabilities(item.circuits)
        found.append(chances if matrix is None else chances @ matrix.T)
    return found


def predicted_trajectory(
    measurement: Measurement,
    chances: Sequence[FloatArray],
    shots: int,
    random: np.random.Generator | None,
) -> Trajectory:
    """Return what would be estimated of random counts, or of the mean counts without `random`."""
    circuits, mitigation = measurement.circuits, measurement.mitigation
    drawn = drawn_counts(measurement, chances, shots, random)
    described = [describe_run(item, circuits.bases) for item in measurement.runs]
    _, counts = join_runs(described, drawn, len(circuits.bases))
    mitigated = None
    if mitigation is not None:
        excess = measurement.forecast.excess
        mitigated = mitigated_samples(mitigation, circuits.bases, counts, excess)
    record = Record(
        circuits.network,
        circuits.times,
        Samples(circuits.bases, counts[0]),
        {},
        mitigated,
        stored_circuits(circuits.compiled),
    )
    needs = missing_requirements(circuits.network, circuits.times, circuits.bases, shots=shots)
    # With too few times to differentiate, the error of I is that of I = ΓV.
    method: CurrentEstimator | None = "current_operator" if needs["current"] else None
    return (estimate if mitigation is None else mitigate)(record, current=method)


def drawn_counts(
    measurement: Measurement,
    chances: Sequence[FloatArray],
    shots: int,
    random: np.random.Generator | None,
) -> list[IntArray]:
    """Return the counts of each run: random ones, or the mean ones without `random`."""
    each = [max(1, -(-item.shots * shots // measurement.shots_asked)) for item in measurement.runs]
    return [
        _rounded(table, own) if random is None else random.multinomial(own, _normal(table))
        for table, own in zip(chances, each, strict=True)
    ]


def _normal(chances: FloatArray) -> FloatArray:
    found = np.maximum(chances, 0.0)
    return np.asarray(found / found.sum(axis=2, keepdims=True))


def _noise(
    circuits: CircuitSet, device: DeviceTarget, ideal: ComplexArray
) -> tuple[FloatArray, ComplexArray]:
    """Return at every time the factor r and the rest R of the device's noise, (T,) and (T, d, d).

    noisy − 1/d = r (ideal − 1/d) + R, with r of least squares, interpolated between the times that
    are simulated: r is smooth where the state oscillates, and R is small.
    """
    last = len(circuits.times) - 1
    only = sorted({round(place) for place in np.linspace(0, last, min(last + 1, MOST_TIMES))})
    bare = replace(device.unsuppressed(), folding=UNFOLDED)
    noisy = np.mean(
        [bare.noisy_states(branch, only=only)[0] for branch in circuits.branches], axis=0
    )
    mixed = np.eye(ideal.shape[1]) / ideal.shape[1]
    bloch = ideal[only] - mixed
    overlap = np.einsum("tij,tji->t", noisy - mixed, bloch).real
    size = np.einsum("tij,tji->t", bloch, bloch).real
    share = np.divide(overlap, size, out=np.ones_like(overlap), where=size > 0)
    share = np.clip(share, 0.0, 1.0)
    rest = noisy - mixed - share[:, np.newaxis, np.newaxis] * bloch
    known = circuits.times[only]
    return (
        np.asarray(np.interp(circuits.times, known, share)),
        np.apply_along_axis(lambda entry: np.interp(circuits.times, known, entry), 0, rest),
    )


TURNS = {
    "X": np.array([[1, 1], [1, -1]]) / math.sqrt(2),
    "Y": np.array([[1, -1j], [1, 1j]]) / math.sqrt(2),
    "Z": np.eye(2),
}
"""What turns each setting's eigenstates to |0> and |1>."""


def outcomes_of_states(states: ComplexArray, bases: Sequence[str]) -> FloatArray:
    """Return the outcome probabilities of every setting, (T, B, 2^M)."""
    found = []
    for setting in bases:
        turn: ComplexArray = np.eye(1, dtype=complex)
        for letter in setting:
            turn = np.asarray(np.kron(TURNS[letter], turn))
        found.append(np.einsum("ai,tij,aj->ta", turn, states, turn.conj()).real)
    return _normal(np.stack(found, axis=1))


def readout_of(circuits: CircuitSet, device: DeviceTarget) -> FloatArray:
    """Return P(read | true) of all memristors together, (2^M, 2^M); bit j is memristor j."""
    each = readout_matrices(device.place(circuits).restricted())
    memristors = len(circuits.network.memristors)
    found: FloatArray = np.eye(1)
    for matrix in each[:memristors]:
        found = np.asarray(np.kron(matrix, found))
    return found


def _rounded(chances: FloatArray, shots: int) -> IntArray:
    """Return whole counts that add up to `shots` and are nearest to their means."""
    means = chances * shots
    whole = np.floor(means).astype(np.int64)
    order = np.argsort(whole - means, axis=2)  # the largest remainders first
    rank = np.argsort(order, axis=2)
    short = shots - whole.sum(axis=2, keepdims=True)
    return np.asarray(whole + (rank < short))
