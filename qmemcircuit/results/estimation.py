"""`estimate` and `mitigate`: counts become voltages, currents and states, with standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np

from qmemcircuit.common.checks import FloatArray, check_choice
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.states import pauli_matrix
from qmemcircuit.counts.currents import CurrentEstimate, finite_difference, local_fit
from qmemcircuit.counts.means import (
    Combine,
    Terms,
    combine_paulis,
    is_tomography,
    tomography_states,
)
from qmemcircuit.counts.readout import describe_readout
from qmemcircuit.counts.samples import Samples
from qmemcircuit.model.memristors import Network
from qmemcircuit.results.observables import interaction_terms, pauli_terms
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory

CurrentEstimator = Literal["finite_difference", "local_fit", "current_operator"]


def estimate(record: Record, *, current: CurrentEstimator | None = None) -> Trajectory:
    """Return voltages and currents with standard errors, and states where tomography allows.

    Args:
        record: the counts of a run; those of the device as it is, also where mitigation was
            declared (`mitigate` uses the rest).
        current: how the current is estimated. `"local_fit"` (default for one memristor) and
            `"finite_difference"` (the paper's) differentiate the measured means, see `currents`.
            `"current_operator"` (default for networks) is I = ΓV + √(mħω/2) <i[H_int, σy]>/ħ from
            measured Paulis: it differentiates nothing, but it assumes the damping law, so it is
            no evidence that a device is memristive.

    Returns a `Trajectory` with errors and the counts. For tomography of one or two memristors
    `states` holds the physical states nearest to the linear inversion; their trace distance to
    the truth is not free of a bias upwards, of the order of the shot noise.
    Raises ValueError where a setting that is needed was not measured, naming it.
    """
    samples = record.samples

    def combine(terms: Terms) -> tuple[FloatArray, FloatArray]:
        return combine_paulis(samples, terms)

    residual = record.compilation_residual

    method = chosen_current(record.network, current)
    return trajectory_of_means(
        record.network,
        record.times,
        widened(combine, residual),
        current=method,
        samples=samples,
        residual=residual,
        complete=is_tomography(samples),
        provenance=make_provenance("estimate", current=method, record=dict(record.provenance)),
    )


def mitigate(record: Record, *, current: CurrentEstimator | None = None) -> Trajectory:
    """Return what `estimate` does, from the counts as the declared mitigation combines them.

    Args:
        record: of `run(…, mitigation=…)`, or collected from `submit(…, mitigation=…)`.
        current: as in `estimate`.

    Standard errors include the price of the mitigation and the errors of the readout calibration
    and of fitted decay rates, which all times have in common. They do not include the bias that
    extrapolation leaves: noise that was not folded (waits, unless `fold_all`; resets with errors)
    and a dependence on the factor other than the declared one.
    Raises ValueError where no mitigation was declared or some of it is not measured yet.
    """
    mitigated = record.mitigated
    if mitigated is None:
        declared = record.provenance.get("mitigation")
        reason, remedy = "none was declared", "run(…, mitigation=Mitigation(…)) declares it"
        if declared:
            reason, remedy = "some of its runs are not there yet", "collect again later"
        raise ValueError(
            f"Argument record must hold all runs of its mitigation, but {reason}; {remedy}."
        )
    method = chosen_current(record.network, current)
    readout = mitigated.readout
    found = trajectory_of_means(
        record.network,
        record.times,
        widened(mitigated.combine, record.compilation_residual),
        current=method,
        complete=is_tomography(record.samples),
        residual=record.compilation_residual,
        provenance=make_provenance(
            "mitigate",
            current=method,
            mitigation=mitigated.mitigation.describe(),
            decay_rates={kind: asdict(rate) for kind, rate in mitigated.decay_rates.items()},
            readout=None if readout is None else describe_readout(readout),
            record=dict(record.provenance),
        ),
    )
    return replace(found, mitigated=mitigated)


def widened(combine: Combine, residual: FloatArray | None) -> Combine:
    """Return `combine` with what compilation may have changed joined to the errors.

    A state at trace distance D from another has a mean of the observable O that differs by at
    most (largest − smallest eigenvalue of O) D: 2D for a Pauli. That bound is joined in
    quadrature, as the bias of a current is. Where means are differentiated, the residuals of
    different times count as independent.
    """
    if residual is None:
        return combine

    def wider(terms: Terms) -> tuple[FloatArray, FloatArray]:
        mean, error = combine(terms)
        operator = sum(
            np.multiply.outer(np.broadcast_to(weight, residual.shape), pauli_matrix(label))
            for label, weight in terms.items()
        )
        values = np.linalg.eigvalsh(operator)
        return mean, np.hypot(error, residual * (values[:, -1] - values[:, 0]))

    return wider


def chosen_current(network: Network, current: CurrentEstimator | None) -> CurrentEstimator:
    """Return how the current is estimated: `current`, checked, or the network's default."""
    default: CurrentEstimator = "current_operator" if network.couplings else "local_fit"
    method = current or default
    check_choice("current", method, ("finite_difference", "local_fit", "current_operator"))
    return method


def trajectory_of_means(
    network: Network,
    times: FloatArray,
    combine: Combine,
    *,
    current: CurrentEstimator,
    complete: bool,
    provenance: Mapping[str, Any],
    samples: Samples | None = None,
    residual: FloatArray | None = None,
) -> Trajectory:
    """Return the trajectory of Pauli means, wherever these come from: raw or mitigated counts.

    Args:
        network, times: the model.
        combine: gives means and errors.
        current: how the current is estimated.
        complete: whether all Pauli means are there, for states.
        provenance, samples, residual: go into the trajectory.
    """
    count = len(network.memristors)
    shape = (times.size, count)
    voltage, voltage_error, value, error = (np.empty(shape) for _ in range(4))
    covariance = np.zeros((count, times.size, times.size))
    rates = np.empty(shape)
    for j, memristor in enumerate(network.memristors):
        scale = memristor.current_scale
        y, y_error = combine({_single(j, "Y", count): 1.0})
        voltage[:, j], voltage_error[:, j] = 0.5 * scale * y, 0.5 * scale * y_error
        rates[:, j] = memristor.decay_rate(times)
        if current == "current_operator":
            value[:, j], error[:, j] = combine(_operator_terms(network, j, rates[:, j]))
            covariance[j] = np.diag(error[:, j] ** 2)
            continue
        x, x_error = combine({_single(j, "X", count): 1.0})
        estimator = finite_difference if current == "finite_difference" else local_fit
        found: CurrentEstimate = estimator(
            times, x, y, x_error, y_error, omega=memristor.omega, scale=scale
        )
        value[:, j], error[:, j], covariance[j] = found.value, found.error, found.covariance
    return Trajectory(
        times,
        voltage,
        value,
        voltage_error=voltage_error,
        current_error=error,
        current_covariance=covariance,
        states=tomography_states(combine, count) if complete else None,
        samples=samples,
        variables={
            "decay_rate": rates,
            **({} if residual is None else {"compilation_residual": residual}),
        },
        periods=np.array([memristor.period for memristor in network.memristors]),
        provenance=provenance,
    )


def _operator_terms(network: Network, memristor: int, rate: FloatArray) -> Terms:
    """Return I = Γ(t) V + √(mħω/2) <i[H_int, σy]>/ħ as a sum of Paulis."""
    scale, count = network.memristors[memristor].current_scale, len(network.memristors)
    terms: dict[str, float | FloatArray] = {_single(memristor, "Y", count): 0.5 * scale * rate}
    for pair, operator in interaction_terms(network, memristor):
        for label, weight in pauli_terms(operator, pair, count).items():
            terms[label] = terms.get(label, 0.0) + scale * weight
    return terms


def _single(memristor: int, letter: str, count: int) -> str:
    return "I" * memristor + letter + "I" * (count - memristor - 1)
