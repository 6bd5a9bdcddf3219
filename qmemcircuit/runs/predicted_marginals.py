"""What a measurement of many memristors is predicted to count of each one of them alone.

V_k and, where I = ΓV, I_k are made of one memristor's counts in Y, and so are their error bars,
readout and extrapolation included: nothing joint has to be known. Predicted are the noiseless
circuits' <Y_k> by Pauli propagation, drawn towards 0 as the device's calibration does it at
`MOST_TIMES` times (interpolated between them, and to the power f at noise factor f), and flipped by
the calibrated readout. As in `predicted_counts`, that predicts error bars and not results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.compilation.folding import UNFOLDED
from qmemcircuit.devices.noise.calibrated import readout_matrices
from qmemcircuit.devices.noise.heisenberg import chances_of_ones
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.memristors import Network
from qmemcircuit.results.estimation import estimate, mitigate
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.measurement import Measurement, join_runs, mitigated_samples
from qmemcircuit.runs.planned_runs import describe_run
from qmemcircuit.runs.predicted_counts import MOST_TIMES, drawn_counts
from qmemcircuit.simulation.propagation import PauliPropagation
from qmemcircuit.simulation.trajectories import simulate_circuit

KEPT = PauliPropagation(5, 3e-4)
"""Of a device's noise: a mean that is off by 0.01 moves its error bar by less than a hundredth."""


def marginal_obstacle(measurement: Measurement) -> str:
    """Return why nothing can be predicted of each memristor alone, "" where it can."""
    options = measurement.circuits.options
    if options.channel or options.constant_depth is not None:
        return "error bars of compiled circuits are predicted for up to 5 memristors"
    if measurement.circuits.network.state is not None:
        return "error bars from a joint initial state are predicted for up to 5 memristors"
    if measurement.mitigation is not None and measurement.mitigation.method.fits:
        return "error bars of fitted extrapolations are predicted for up to 5 memristors"
    return ""


def predicted_ones(measurement: Measurement) -> list[FloatArray]:
    """Return the predicted probability of reading 1 in Y, of each run, (T, M).

    Raises ImportError where numba is missing, and ValueError where Pauli propagation does not
    reach to the last time.
    """
    circuits = measurement.circuits
    ideal = simulate_circuit(
        circuits.network,
        circuits.times,
        method=PauliPropagation(),
        splitting=circuits.splitting,
        steps=circuits.steps,
    )
    scale = np.array([item.current_scale for item in circuits.network.memristors])
    means = 2 * ideal.voltage / scale
    left, rest = np.ones(means.shape[0]), np.zeros_like(means)
    flips = np.zeros((scale.size, 2))
    device = measurement.target.predict()
    if isinstance(device, DeviceTarget):
        left, rest, flips = _noise(circuits, device, means)
    found = []
    for item in measurement.runs:
        factor = item.noise_factor
        if factor is not None:
            shown = left[:, np.newaxis] ** factor * means + factor * rest
            ones = np.clip(0.5 * (1 - shown), 0.0, 1.0)
        else:  # the readout's calibration, of one time: all in |0>, or all in |1>
            ones = np.full((1, scale.size), float(item.role == "readout 1"))
        found.append(ones * (1 - flips[:, 1]) + (1 - ones) * flips[:, 0])
    return found


def marginal_trajectory(
    measurement: Measurement,
    ones: Sequence[FloatArray],
    shots: int,
    random: np.random.Generator | None,
) -> Trajectory:
    """Return what would be estimated of random counts, or of the mean counts without `random`."""
    circuits = measurement.circuits
    each = [_of_one(measurement, ones, j, shots, random) for j in range(ones[0].shape[1])]

    def stacked(name: str) -> FloatArray:
        return np.concatenate([getattr(item, name) for item in each], axis=1)

    def joined(name: str) -> FloatArray:
        return np.concatenate([getattr(item, name) for item in each])

    return Trajectory(
        circuits.times,
        stacked("voltage"),
        stacked("current"),
        voltage_error=stacked("voltage_error"),
        current_error=stacked("current_error"),
        current_covariance=joined("current_covariance"),
        voltage_current_covariance=joined("voltage_current_covariance"),
        periods=joined("periods"),
    )


def _of_one(
    measurement: Measurement,
    ones: Sequence[FloatArray],
    memristor: int,
    shots: int,
    random: np.random.Generator | None,
) -> Trajectory:
    """Return one memristor's trajectory, from counts of its own bit in the letter Y."""
    circuits, mitigation = measurement.circuits, measurement.mitigation
    chances = []
    for item, table in zip(measurement.runs, ones, strict=True):
        own = table[:, memristor, np.newaxis]
        both = np.stack([1 - own, own], axis=2)
        chances.append(np.repeat(both, len(item.circuits.bases), axis=1))
    drawn = drawn_counts(measurement, chances, shots, random)
    described = [describe_run(item, circuits.bases) for item in measurement.runs]
    _, counts = join_runs(described, drawn, len(circuits.bases))
    # Settings that measure another letter hold no shots of this one's V.
    bases = tuple(basis[memristor] for basis in circuits.bases)
    mitigated = None
    if mitigation is not None:
        mitigated = mitigated_samples(mitigation, bases, counts)
    alone = Network([circuits.network.memristors[memristor]])
    record = Record(alone, circuits.times, Samples(bases, counts[0]), {}, mitigated)
    return (estimate if mitigated is None else mitigate)(record, current="current_operator")


def _noise(
    circuits: CircuitSet, device: DeviceTarget, means: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return at every time the factor r of the device's noise, (T,), its rest, and the flips.

    noisy <Y_k> = r <Y_k> + R_k, with r of least squares over the memristors, (T,) and (T, M); flips
    are (M, 2).
    """
    last, count = len(circuits.times) - 1, means.shape[1]
    only = sorted({round(place) for place in np.linspace(0, last, min(last + 1, MOST_TIMES))})
    in_y = replace(circuits, options=replace(circuits.options, bases=("Y" * count,)))
    bare = replace(device.unsuppressed(), folding=UNFOLDED, coherent_errors=None).place(in_y)
    compiled = bare.compile(in_y, only=only)
    part = bare.restricted()
    read = chances_of_ones(compiled, part, reset_error=device.reset_error, kept=KEPT).ones
    matrices = np.array(readout_matrices(part))[:count]
    flips = np.stack([matrices[:, 1, 0], matrices[:, 0, 1]], axis=1)
    noisy = 1 - 2 * (read - flips[:, 0]) / (1 - flips.sum(axis=1))
    ideal = means[only]
    size = np.sum(ideal**2, axis=1)
    share = np.divide(np.sum(noisy * ideal, axis=1), size, out=np.ones(len(only)), where=size > 0)
    share = np.clip(share, 0.0, 1.0)
    rest = noisy - share[:, np.newaxis] * ideal
    known = circuits.times[only]
    return (
        np.asarray(np.interp(circuits.times, known, share)),
        np.stack([np.interp(circuits.times, known, column) for column in rest.T], axis=1),
        flips,
    )
