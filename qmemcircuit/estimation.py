"""`estimate`: counts become Pauli means, voltages, currents and states, with standard errors.

Bit order lives here: bit j of an outcome is memristor j, and outcome 0 is the eigenvalue +1.
Values are raw means. Errors are the standard deviation of the Jeffreys posterior, so that a
count of all ones is never taken for certainty.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Literal

import numpy as np

from qmemcircuit.checks import ComplexArray, FloatArray, check_choice
from qmemcircuit.currents import CurrentEstimate, finite_difference, local_fit
from qmemcircuit.execution import Record
from qmemcircuit.memristors import Network
from qmemcircuit.observables import interaction_terms, nearest_physical, pauli_matrix, pauli_terms
from qmemcircuit.provenance import make_provenance
from qmemcircuit.trajectory import Samples, Trajectory

CurrentEstimator = Literal["finite_difference", "local_fit", "current_operator"]


def pauli_mean(samples: Samples, label: str) -> tuple[FloatArray, FloatArray]:
    """Return the mean of a Pauli operator and its standard error, each of shape (T,).

    Args:
        samples: the counts.
        label: one letter I, X, Y or Z per memristor, memristor 0 first. Every setting that
            measures it contributes, weighted by its shots.

    Raises ValueError where no setting measures it.
    """
    return combine_paulis(samples, {label: 1.0})


def combine_paulis(
    samples: Samples, coefficients: Mapping[str, float]
) -> tuple[FloatArray, FloatArray]:
    """Return Σ coefficient × <Pauli> and its standard error, each (T,), correlations included.

    Means that share a setting are correlated; the sum is treated as one linear function of each
    setting's frequencies, with the covariance of their Jeffreys posterior.
    """
    shots = samples.shots.astype(float)
    weights = np.zeros(samples.counts.shape)
    for label, coefficient in coefficients.items():
        chosen = _settings_of(samples, label)
        share = shots[:, chosen] / shots[:, chosen].sum(axis=1, keepdims=True)
        weights[:, chosen, :] += coefficient * share[:, :, None] * _signs(label)
    outcomes = samples.counts.shape[2]
    frequencies = samples.counts / np.maximum(shots, 1)[:, :, None]
    mean = np.einsum("tsk,tsk->t", weights, frequencies)
    # 1/K each: the marginal of any two-valued function is then Beta(½, ½), Jeffreys' prior.
    posterior = (samples.counts + 1 / outcomes) / (shots + 1)[:, :, None]
    first = np.einsum("tsk,tsk->ts", weights, posterior)
    second = np.einsum("tsk,tsk->ts", weights**2, posterior)
    variance = ((second - first**2) / (shots + 2)).sum(axis=1)
    return mean, np.sqrt(np.maximum(variance, 0.0))


def estimate(record: Record, *, current: CurrentEstimator | None = None) -> Trajectory:
    """Return voltages and currents with standard errors, and states where tomography allows.

    Args:
        record: the counts of a run.
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
    network, samples, times = record.network, record.samples, record.times
    default: CurrentEstimator = "current_operator" if network.couplings else "local_fit"
    method = current or default
    check_choice("current", method, ("finite_difference", "local_fit", "current_operator"))
    shape = (times.size, len(network.memristors))
    voltage, voltage_error, value, error = (np.empty(shape) for _ in range(4))
    covariance = np.zeros((shape[1], times.size, times.size))
    rates = np.empty(shape)
    for j, memristor in enumerate(network.memristors):
        label = _single(j, "Y", shape[1])
        y, y_error = pauli_mean(samples, label)
        voltage[:, j] = 0.5 * memristor.current_scale * y
        voltage_error[:, j] = 0.5 * memristor.current_scale * y_error
        rates[:, j] = memristor.decay_rate(times)
        if method == "current_operator":
            value[:, j], error[:, j] = _operator_current(network, samples, j, rates[:, j])
            covariance[j] = np.diag(error[:, j] ** 2)
            continue
        x, x_error = pauli_mean(samples, _single(j, "X", shape[1]))
        estimator = finite_difference if method == "finite_difference" else local_fit
        found: CurrentEstimate = estimator(
            times, x, y, x_error, y_error, omega=memristor.omega, scale=memristor.current_scale
        )
        value[:, j], error[:, j], covariance[j] = found.value, found.error, found.covariance
    return Trajectory(
        times,
        voltage,
        value,
        voltage_error=voltage_error,
        current_error=error,
        current_covariance=covariance,
        states=estimate_states(samples) if _is_tomography(samples) else None,
        samples=samples,
        variables={"decay_rate": rates},
        periods=np.array([memristor.period for memristor in network.memristors]),
        provenance=make_provenance("estimate", current=method, record=dict(record.provenance)),
    )


def estimate_states(samples: Samples) -> ComplexArray:
    """Return the physical states nearest to the linear inversion of full tomography, (T, d, d).

    Linear inversion ρ = Σ <P> P / d, then the nearest density matrix in the Frobenius norm
    (Smolin, Gambetta and Smith, Phys. Rev. Lett. 108, 070502). Raises ValueError where a Pauli
    operator was not measured.
    """
    count = len(samples.bases[0])
    dimension = 2**count
    linear = np.zeros((samples.counts.shape[0], dimension, dimension), dtype=complex)
    for letters in product("IXYZ", repeat=count):
        label = "".join(letters)
        mean = np.ones(len(linear)) if set(label) == {"I"} else pauli_mean(samples, label)[0]
        linear += mean[:, None, None] * pauli_matrix(label) / dimension
    return nearest_physical(linear)


def _operator_current(
    network: Network, samples: Samples, memristor: int, rate: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return I = Γ(t) V + √(mħω/2) <i[H_int, σy]>/ħ and its error from measured Paulis."""
    scale, count = network.memristors[memristor].current_scale, len(network.memristors)
    interaction: dict[str, float] = {}
    for pair, operator in interaction_terms(network, memristor):
        for label, weight in pauli_terms(operator, pair, count).items():
            interaction[label] = interaction.get(label, 0.0) + scale * weight
    # Γ varies in time, the coefficients above do not: combine time by time only if both exist.
    label_y = _single(memristor, "Y", count)
    if not interaction:
        y, y_error = pauli_mean(samples, label_y)
        return 0.5 * scale * rate * y, 0.5 * scale * rate * y_error
    value, error = np.empty(rate.size), np.empty(rate.size)
    for index in range(rate.size):
        here = Samples(samples.bases, samples.counts[index : index + 1])
        terms = dict(interaction)
        terms[label_y] = terms.get(label_y, 0.0) + 0.5 * scale * float(rate[index])
        mean, deviation = combine_paulis(here, terms)
        value[index], error[index] = mean[0], deviation[0]
    return value, error


def _settings_of(samples: Samples, label: str) -> list[int]:
    count = len(samples.bases[0])
    if len(label) != count or set(label) - set("IXYZ"):
        raise ValueError(
            f"Argument label must be {count} letters I, X, Y or Z, but {label!r} was given."
        )
    chosen = [
        index
        for index, setting in enumerate(samples.bases)
        if all(wanted in ("I", measured) for wanted, measured in zip(label, setting, strict=True))
    ]
    if not chosen:
        raise ValueError(
            f"Argument bases must contain a setting that measures {label!r}, but only "
            f"{', '.join(samples.bases)} were measured; run again with bases='tomography', or "
            f"with {label.replace('I', 'Z')!r} among the bases."
        )
    return chosen


def _signs(label: str) -> FloatArray:
    """Return the eigenvalue of a Pauli label for each outcome, shape (2^M,)."""
    outcomes = np.arange(2 ** len(label))
    signs = np.ones(outcomes.size)
    for j, letter in enumerate(label):
        if letter != "I":
            signs *= 1 - 2.0 * ((outcomes >> j) & 1)
    return signs


def _single(memristor: int, letter: str, count: int) -> str:
    return "I" * memristor + letter + "I" * (count - memristor - 1)


def _is_tomography(samples: Samples) -> bool:
    count = len(samples.bases[0])
    return count <= 2 and len(set(samples.bases)) == 3**count
