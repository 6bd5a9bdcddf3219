"""`estimate` and `mitigate`: counts become voltages, currents and states, with standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_choice
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.states import expectation, pauli_matrix, reduce_states, reduced_from_pairs
from qmemcircuit.counts.currents import (
    CurrentEstimate,
    ExpectedMeans,
    finite_difference,
    local_fit,
)
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
from qmemcircuit.model.units import memristor_units
from qmemcircuit.results.observables import (
    OWN_ERRORS,
    interaction_terms,
    is_driven,
    pauli_terms,
    rate_variables,
)
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory

CurrentEstimator = Literal["finite_difference", "local_fit", "current_operator"]


Bias = Literal["model", "data"] | Trajectory
"""Where the bias of an estimated current is known from, see `estimate`."""


def estimate(
    record: Record, *, current: CurrentEstimator | None = None, bias: Bias | None = None
) -> Trajectory:
    """Return voltages and currents with standard errors, and states where tomography allows.

    Args:
        record: the counts of a run, taken without mitigation even where some was declared
            (`mitigate` uses the rest).
        current: how the current is estimated. `"local_fit"` (default for one memristor without a
            drive) and `"finite_difference"` (the paper's) differentiate the measured means.
            `"current_operator"` (default for networks and driven ones) is
            I = ΓV + √(mħω/2) <i[H_int, σy]>/ħ from measured Paulis (H_int: couplings and drives).
            It differentiates nothing, but it assumes the damping law: it is *no* evidence that a
            device is memristive.
        bias: where the bias of a differentiating estimator is known from. `"model"` (default for
            uncoupled memristors): it is computed for the model and subtracted. `"data"` (default
            for coupled ones): it is bounded from the counts alone, with wider errors. Or an exact
            trajectory at the record's times, in place of the model.

    What was subtracted stands in `variables["current_bias"]`, (T, M). Where it exceeds
    `current_error`, the value rests on the model more than on the counts;
    `provenance["times_resting_on_model"]` counts these times. What that means, and how to check it:
    docs/pages/concepts/shots.md.

    Returns:
        Trajectory with errors and the counts. For tomography of one or two memristors `states`
        holds the physical states nearest to the linear inversion. Their trace distance to the
        truth is biased upwards, by about the shot noise.

    Raises:
        ValueError: where a setting that is needed was not measured, naming it, or where `bias`
            cannot be had.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> found = qm.estimate(record)
    >>> found.voltage.shape, found.voltage_error.shape
    ((10, 1), (10, 1))
    """
    check_arguments(estimate, locals())
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
        bias=bias,
        samples=samples,
        residual=residual,
        complete=is_tomography(samples),
        provenance=make_provenance("estimate", current=method, record=dict(record.provenance)),
    )


def mitigate(
    record: Record, *, current: CurrentEstimator | None = None, bias: Bias | None = None
) -> Trajectory:
    """Return what `estimate` does, from the counts as the declared mitigation combines them.

    Args:
        record: of `run(…, mitigation=…)`, or collected from `submit(…, mitigation=…)`.
        current, bias: as in `estimate`.

    Returns:
        Trajectory as of `estimate`. Standard errors include the price of the mitigation and the
        errors, common to all times, of the readout and reset calibrations and of what was fitted
        (decay rates, the noise's scale). For a shaped extrapolation they also include what
        calibrated numbers off by the declared drift would leave. They do *not* include the other
        bias of extrapolation: from noise that was not folded (waits, unless `fold_all`; resets,
        unless inverted), and from noise that depends on the factor otherwise than declared.
        `provenance["remarks"]` has what the counts say about the declaration: the noise's scale, χ²
        of its shape and of the exchange symmetry.

    Raises:
        ValueError: where no mitigation was declared or some of it is not measured yet.

    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> target = qm.device(FakeManilaV2(), seed=1)
    >>> record = qm.run(
    ...     memristor,
    ...     memristor.periods(1, points=9),
    ...     target=target,
    ...     shots=300,
    ...     mitigation=qm.Mitigation((1, 3)),
    ... )
    >>> found, raw = qm.mitigate(record), qm.estimate(record)
    >>> bool((found.voltage_error > raw.voltage_error).all())  # extrapolation costs shots
    True
    """
    check_arguments(mitigate, locals())
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
        bias=bias,
        complete=is_tomography(record.samples),
        residual=record.compilation_residual,
        provenance=make_provenance(
            "mitigate",
            current=method,
            mitigation=mitigated.mitigation.describe(),
            decay_rates={kind: asdict(rate) for kind, rate in mitigated.decay_rates.items()},
            fitted={
                name: {"value": item.value, "error": item.error}
                for name, item in mitigated.fitted.items()
            },
            remarks=list(mitigated.remarks),
            readout=None if readout is None else describe_readout(readout),
            record=dict(record.provenance),
        ),
    )
    return found.replace(mitigated=mitigated)


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
    simple = not network.couplings and not is_driven(network)
    default: CurrentEstimator = "local_fit" if simple else "current_operator"
    method = current or default
    check_choice("current", method, ("finite_difference", "local_fit", "current_operator"))
    return method


# More than eight parameters: the model, the counts, and what the two public verbs decide.
def trajectory_of_means(
    network: Network,
    times: FloatArray,
    combine: Combine,
    *,
    current: CurrentEstimator,
    bias: Bias | None,
    complete: bool,
    provenance: Mapping[str, Any],
    samples: Samples | None = None,
    residual: FloatArray | None = None,
) -> Trajectory:
    """Return the trajectory of Pauli means, wherever these come from: raw or mitigated counts.

    Args:
        network, times: the model.
        combine: gives means and errors.
        current, bias: how the current is estimated, and where its bias is known from.
        complete: whether all Pauli means are there, for states.
        provenance, samples, residual: go into the trajectory.
    """
    count = len(network.memristors)
    shape = (times.size, count)
    voltage, voltage_error, value, error = (np.empty(shape) for _ in range(4))
    covariance, joint = (np.zeros((count, times.size, times.size)) for _ in range(2))
    driven = is_driven(network)
    own, own_error, own_joint = (np.zeros(shape) for _ in range(3))
    rates = np.empty(shape)
    subtracted = np.zeros(shape)
    sources = []
    for j, memristor in enumerate(network.memristors):
        scale = memristor.current_scale
        y, y_error = combine({single_label(j, "Y", count): 1.0})
        voltage[:, j], voltage_error[:, j] = 0.5 * scale * y, 0.5 * scale * y_error
        rates[:, j] = memristor.decay_rate(times)
        if current == "current_operator":
            terms = operator_terms(network, j, times)
            value[:, j], error[:, j] = combine(terms)
            covariance[j] = np.diag(error[:, j] ** 2)
            voltage_terms: Terms = {single_label(j, "Y", count): 0.5 * scale}
            joint[j] = np.diag(covariance_of_terms(combine, voltage_terms, terms))
            if driven:
                terms = operator_terms(network, j, times, source=False)
                own[:, j], own_error[:, j] = combine(terms)
                own_joint[:, j] = covariance_of_terms(combine, voltage_terms, terms)
            continue
        x, x_error = combine({single_label(j, "X", count): 1.0})
        estimator = finite_difference if current == "finite_difference" else local_fit
        expected = expected_means(network, j, times, bias)
        sources.append("data" if expected is None else "model")
        found: CurrentEstimate = estimator(
            times, x, y, x_error, y_error, omega=memristor.omega, scale=scale, expected=expected
        )
        value[:, j], error[:, j], covariance[j] = found.value, found.error, found.covariance
        joint[j] = 0.5 * scale * found.y_covariance
        subtracted[:, j] = found.subtracted
    variables = rate_variables(network, times, rates)
    units = memristor_units(network)
    if driven and current == "current_operator":
        found_own = (value - own, own_error, own_joint)
        variables |= dict(zip(("source_current", *OWN_ERRORS), found_own, strict=True))
        units[OWN_ERRORS[0]] = units["current"]
        units[OWN_ERRORS[1]] = f"{units['voltage']} × {units['current']}"
    elif driven:
        del units["source_current"]  # joined with the rest, see `select_current`
    provenance = {**provenance, "driven": driven}
    if residual is not None:
        variables["compilation_residual"], units["compilation_residual"] = residual, "1"
    if sources:
        variables["current_bias"] = subtracted
        units["current_bias"] = units["current"]
        resting = np.sum(np.abs(subtracted) > error, axis=0)
        provenance = {
            **provenance,
            "current_bias": sources,
            "times_resting_on_model": [int(number) for number in resting],
        }
    return Trajectory(
        times,
        voltage,
        value,
        voltage_error=voltage_error,
        current_error=error,
        current_covariance=covariance,
        voltage_current_covariance=joint,
        states=tomography_states(combine, count) if complete else None,
        samples=samples,
        variables=variables,
        periods=np.array([memristor.period for memristor in network.memristors]),
        units=units,
        provenance=provenance,
    )


def expected_means(
    network: Network, memristor: int, times: FloatArray, bias: Bias | None
) -> ExpectedMeans | None:
    """Return the exact <X>, <Y> and I of one memristor as `bias` knows them, None for `"data"`.

    An uncoupled memristor has the closed form ρ_eg(t) = ρ_eg(0) exp(−½∫G − iωt), and I = GV with
    G = Γ(2n̄ + 1) + 2Γφ.
    Raises ValueError for `"model"` where it is coupled, and for a trajectory that does not fit.
    """
    if isinstance(bias, Trajectory):
        return _means_of(bias, network, memristor, times)
    if bias is not None:
        check_choice("bias", bias, ("model", "data"))
    is_coupled = any(memristor in pair for pair, _ in network.couplings)
    is_coupled = is_coupled or network.memristors[memristor].drive is not None
    if bias == "data" or (bias is None and is_coupled):
        return None
    if is_coupled:
        raise ValueError(
            "Argument bias must be a trajectory for a coupled or driven memristor, but 'model' "
            f"was given and memristor {memristor} is driven or coupled: it has no closed form; "
            "give bias=exact_circuit(model, times) with the record's splitting, or bias='data'."
        )
    member = network.memristors[memristor]
    state = member.initial_state
    if network.state is not None:
        state = reduce_states(network.initial_state[np.newaxis], (memristor,))[0]
    decay = member.conductance_integral(0.0, times)
    sign = member.coherence_sign(0.0, times)
    coherence = sign * state[1, 0] * np.exp(-0.5 * decay - 1j * member.omega * times)
    x, y = 2 * coherence.real, 2 * coherence.imag
    return ExpectedMeans(x, y, member.conductance(times) * 0.5 * member.current_scale * y)


def _means_of(
    exact: Trajectory, network: Network, memristor: int, times: FloatArray
) -> ExpectedMeans:
    fits = exact.times.shape == times.shape and bool(
        np.all(np.abs(exact.times - times) <= 1e-9 * times[-1])
    )
    if not fits or exact.device_count != len(network.memristors) or exact.voltage_error is not None:
        raise ValueError(
            f"Argument bias must be an exact trajectory of {len(network.memristors)} memristors at "
            f"the record's {times.size} times, but it has {exact.device_count}, "
            f"{exact.times.size} times and "
            f"{'no errors' if exact.voltage_error is None else 'errors'}; "
            "exact_circuit(record.network, record.times) is one."
        )
    if exact.states is not None:
        states = reduce_states(exact.states, (memristor,))
    else:
        states = reduced_from_pairs(exact.pair_states, (memristor,))
    x, y = (expectation(states, pauli_matrix(letter)) for letter in "XY")
    return ExpectedMeans(x, y, exact.current[:, memristor])


def operator_terms(
    network: Network, memristor: int, times: FloatArray, *, source: bool = True
) -> Terms:
    """Return I = G(t) V + √(mħω/2) <i[H_int, σy]>/ħ as a sum of Paulis, G = Γ(2n̄ + 1) + 2Γφ.

    H_int is of the couplings and, with its `source`, of the memristor's drive.
    """
    item, count = network.memristors[memristor], len(network.memristors)
    scale, rate = item.current_scale, item.conductance(times)
    terms: dict[str, float | FloatArray] = {single_label(memristor, "Y", count): 0.5 * scale * rate}
    for pair, operator in interaction_terms(network, memristor):
        for label, weight in pauli_terms(operator, pair, count).items():
            terms[label] = terms.get(label, 0.0) + scale * weight
    if source and item.drive is not None:
        for letter in "XYZ":
            weight = float(np.trace(item.drive.source @ pauli_matrix(letter)).real) / 2
            if weight != 0.0:
                label = single_label(memristor, letter, count)
                own = scale * weight * item.drive_amplitude(times)
                terms[label] = terms.get(label, 0.0) + own
    return terms


def covariance_of_terms(combine: Combine, first: Terms, second: Terms) -> FloatArray:
    """Return the covariance of two sums of Paulis at each time: of their sum and difference."""
    variances = []
    for sign in (1.0, -1.0):
        terms: dict[str, float | FloatArray] = dict(first)
        for label, weight in second.items():
            terms[label] = terms.get(label, 0.0) + sign * weight
        variances.append(combine(terms)[1] ** 2)
    return np.asarray((variances[0] - variances[1]) / 4)


def single_label(memristor: int, letter: str, count: int) -> str:
    """Return the label of one memristor's Pauli among `count`."""
    return "I" * memristor + letter + "I" * (count - memristor - 1)
