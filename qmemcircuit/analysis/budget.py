"""`error_budget`: the distance to the master equation, split into splitting, device and shots.

Four trajectories of one model at the same times: the master equation, the exact circuit, the
circuit with the device's noise but infinitely many shots, and what was measured. Each neighbouring
pair differs in one thing only, so each part is measured, none is a remainder. Distances do not
add up: by the triangle inequality the total is at most the sum of the parts, and errors that
cancel make it smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import trace_distance
from qmemcircuit.results.certificate import Certificate
from qmemcircuit.results.trajectory import Trajectory


@data_object
@dataclass(frozen=True, eq=False)
class ErrorBudget:
    """Where the distance between a measurement and the master equation comes from.

    Attributes:
        times: shape (T,).
        splitting: distance of the exact circuit to the master equation, shape (T,).
        device: of the noisy circuit, readout included, to the exact circuit, shape (T,).
        sampling: of the measurement to the noisy circuit, shape (T,). On real hardware this also
            holds everything that the noise model does not know.
        total: of the measurement to the master equation, shape (T,).
        measure: `"trace distance"` of the states, or `"voltage"`: the largest |ΔV| of the devices
            where there are no states.
        compilation: for compiled circuits, the bound on `splitting` that was known before they
            ran, (T,): the residual, as a trace distance; None for others.
        certificate: the bound on `splitting` for any input, (T,), in trace distance (`certify`), or
            of |ΔV|, the largest of the devices', where `measure` is voltage; None where not given.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> exact = qm.exact_circuit(memristor, record.times)
    >>> budget = qm.error_budget(
    ...     qm.estimate(record),
    ...     noisy=exact,
    ...     exact=exact,
    ...     master=qm.master_equation(memristor, record.times),
    ... )
    >>> budget.measure
    'voltage'
    """

    times: FloatArray
    splitting: FloatArray
    device: FloatArray
    sampling: FloatArray
    total: FloatArray
    measure: str
    compilation: FloatArray | None = None
    certificate: FloatArray | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def __str__(self) -> str:
        """Return the budget as a table: largest and mean of each part."""
        rows = [f"error budget ({self.measure}):      largest      mean"]
        for name in ("splitting", "device", "sampling", "total"):
            values = getattr(self, name)
            rows.append(f"  {name:28s} {values.max():9.4f} {values.mean():9.4f}")
        if self.compilation is not None:
            values = self.compilation
            name = "compilation, trace distance ≤"
            rows.append(f"  {name:28s} {values.max():9.4f} {values.mean():9.4f}")
        if self.certificate is not None:
            values = self.certificate
            name = "splitting, any input        ≤"
            rows.append(f"  {name:28s} {values.max():9.4f} {values.mean():9.4f}")
        return "\n".join(rows)


def error_budget(
    measured: Trajectory,
    *,
    noisy: Trajectory,
    exact: Trajectory,
    master: Trajectory,
    certificate: Certificate | None = None,
) -> ErrorBudget:
    """Return the parts of the distance between `measured` and `master`.

    Args:
        measured: estimated from counts.
        noisy: the same circuits with the device's noise and no shot noise (`expected_trajectory`).
        exact: `exact_circuit` with the same splitting and steps.
        master: `master_equation`.
        certificate: of `certify` with the same splitting and steps: `splitting` of this input is
            then told from what it can be for any other.

    Trace distances of states where all four have them, else of voltages. A sampled state is at a
    distance of the order of the shot noise even from itself, so `sampling` is not zero on average.
    Raises ValueError where the times differ.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> exact = qm.exact_circuit(memristor, record.times)
    >>> budget = qm.error_budget(
    ...     qm.estimate(record),
    ...     noisy=exact,
    ...     exact=exact,
    ...     master=qm.master_equation(memristor, record.times),
    ... )
    >>> bool(budget.splitting.max() < 1e-6)  # one collision is exact for an uncoupled memristor
    True
    """
    check_arguments(error_budget, locals())
    everyone = (measured, noisy, exact, master)
    for other in everyone[1:]:
        if other.voltage.shape != measured.voltage.shape or not np.allclose(
            other.times, measured.times, rtol=1e-12
        ):
            raise ValueError(
                "Argument noisy, exact and master must have the times and devices of measured, "
                f"but shapes {other.voltage.shape} and {measured.voltage.shape} (or the times) "
                "differ; compute all at the same times."
            )
    if certificate is not None:
        check_same_times(certificate, measured.times)
    complete = all(item.states is not None for item in everyone)

    def distance(first: Trajectory, second: Trajectory) -> FloatArray:
        if complete:
            assert first.states is not None
            assert second.states is not None
            return trace_distance(first.states, second.states)
        return np.asarray(np.abs(first.voltage - second.voltage).max(axis=1))

    return ErrorBudget(
        measured.times,
        splitting=distance(exact, master),
        device=distance(noisy, exact),
        sampling=distance(measured, noisy),
        total=distance(measured, master),
        measure="trace distance" if complete else "voltage",
        compilation=exact.variables.get("compilation_residual"),
        certificate=(
            None
            if certificate is None
            else certificate.upper
            if complete
            else np.asarray(certificate.voltage.max(axis=1))
        ),
    )


def check_same_times(certificate: Certificate, times: FloatArray) -> None:
    """Raise ValueError where a certificate is not for these times."""
    if certificate.times.shape != times.shape or not np.allclose(
        certificate.times, times, rtol=1e-12
    ):
        raise ValueError(
            "Argument certificate must be for the times of the trajectories, but it is for "
            f"{certificate.times.size} of them up to t = {certificate.times[-1]:g}; "
            "certify(model, trajectory.times) is one that is."
        )
