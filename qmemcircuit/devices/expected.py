"""What `estimate` would give for infinitely many shots on a noise model."""

from __future__ import annotations

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.results.estimation import CurrentEstimator, estimate
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory

INFINITE_SHOTS = 10**12
"""Probabilities are passed on as so many counts: their rounding is 1e-12."""


def expected_trajectory(
    circuits: CircuitSet, target: DeviceTarget, *, current: CurrentEstimator | None = None
) -> Trajectory:
    """Return what `estimate` gives in the limit of infinitely many shots on a noise model.

    Readout errors are included. Errors are left out: there are none.

    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> circuits = qm.build_circuits(memristor, memristor.periods(1, points=9))
    >>> expected = qm.expected_trajectory(circuits, qm.device(FakeManilaV2(), seed=1))
    >>> expected.voltage.shape
    (10, 1)
    """
    check_arguments(expected_trajectory, locals())
    return trajectory_of_probabilities(circuits, target.probabilities(circuits), current=current)


def trajectory_of_probabilities(
    circuits: CircuitSet, probabilities: FloatArray, *, current: CurrentEstimator | None = None
) -> Trajectory:
    """Return the trajectory of exact outcome probabilities of shape (T, B, 2^M)."""
    counts = np.round(np.asarray(probabilities) * INFINITE_SHOTS).astype(np.int64)
    record = Record(
        circuits.network,
        circuits.times,
        Samples(circuits.bases, counts),
        make_provenance("expected_trajectory"),
    )
    found = estimate(record, current=current)
    # With 10^12 shots the errors are those of the rounding.
    return found.replace(
        samples=None,
        voltage_error=None,
        current_error=None,
        current_covariance=None,
        voltage_current_covariance=None,
    )
