"""Means of Pauli operators, and of sums of them, as linear functions of counts.

Bit order lives here: bit j of an outcome is memristor j, and outcome 0 is the eigenvalue +1.
Values are raw means. Errors are the larger one of a posterior's standard deviation and half of
Wilson's interval (see `weighted_mean`), so that a count of all ones is never taken for certainty:
two of them on either side hold the mean in at least 94 % of runs of 100 shots, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.common.states import nearest_physical, pauli_matrix
from qmemcircuit.counts.samples import Samples, marginal_samples

Terms = Mapping[str, float | FloatArray]
"""A sum of Pauli operators: label → coefficient, one number or one for each time, (T,)."""

Combine = Callable[[Terms], tuple[FloatArray, FloatArray]]
"""Gives the mean of a sum of Pauli operators and its standard error, each (T,)."""


def pauli_mean(samples: Samples, label: str) -> tuple[FloatArray, FloatArray]:
    """Return the mean of a Pauli operator and its standard error, each of shape (T,).

    Args:
        samples: the counts.
        label: one letter I, X, Y or Z per memristor, memristor 0 first. Every setting that
            measures it contributes, weighted by its shots.

    Raises:
        ValueError: where no setting measures it.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> mean, error = qm.pauli_mean(record.samples, "Y")
    >>> mean.shape, error.shape
    ((10,), (10,))
    """
    check_arguments(pauli_mean, locals())
    return combine_paulis(samples, {label: 1.0})


def combine_paulis(samples: Samples, terms: Terms) -> tuple[FloatArray, FloatArray]:
    """Return Σ coefficient × <Pauli> and its standard error, each (T,), correlations included.

    Means that share a setting are correlated; the sum is treated as one linear function of each
    setting's frequencies, with the covariance of their posterior.
    """
    members = members_of(samples, terms)
    if members is not None:
        samples, terms = marginal_samples(samples, members), marginal_terms(terms, members)
    mean, variance = weighted_mean(samples.counts, pauli_weights(samples, terms))
    return mean, np.sqrt(variance)


ALL_OUTCOMES_UP_TO = 6
"""Of so many memristors all 2^M outcomes are as quick as those of a few."""


def members_of(samples: Samples, terms: Terms) -> tuple[int, ...] | None:
    """Return the memristors that a sum of Paulis is about; None where all outcomes are taken.

    A weight that depends on some bits alone gives the same mean and error on the marginal counts:
    the posteriors' priors, 1/2^M for each outcome, have these marginals, and so have flips of
    single qubits. Raises ValueError where one is measured by no setting.
    """
    count = len(samples.bases[0])
    if count <= ALL_OUTCOMES_UP_TO:
        return None
    for label in terms:
        _settings_of(samples, label)
    members = tuple(j for j in range(count) if any(label[j] != "I" for label in terms))
    return members if 0 < len(members) < count else None


def marginal_terms(terms: Terms, members: Sequence[int]) -> Terms:
    """Return a sum of Paulis with the letters of `members` alone; the others are all I."""
    return {"".join(label[j] for j in members): factor for label, factor in terms.items()}


def pauli_weights(samples: Samples, terms: Terms) -> FloatArray:
    """Return w with Σ coefficient × <Pauli> = Σ_sk w[t, s, k] f[t, s, k], f the frequencies.

    Shape (T, B, 2^M). A Pauli that several settings measure pools all their shots. Raises
    ValueError where one is measured by none, with the remedy.
    """
    shots = samples.shots.astype(float)
    weights = np.zeros(samples.counts.shape)
    for label, coefficient in terms.items():
        chosen = _settings_of(samples, label)
        share = shots[:, chosen] / shots[:, chosen].sum(axis=1, keepdims=True)
        share = share * np.asarray(coefficient, dtype=float).reshape(-1, 1)
        weights[:, chosen, :] += share[:, :, None] * _signs(label)
    return weights


def measured_labels(bases: Sequence[str]) -> tuple[str, ...]:
    """Return the Pauli labels that `bases` measure, without the identity.

    >>> measured_labels(["XZ"])
    ('IZ', 'XI', 'XZ')
    """
    return tuple(sorted({label for setting in bases for label in _labels_of(setting)}))


def joint_weights(samples: Samples, flips: FloatArray | None = None) -> FloatArray:
    """Return the weights of every measured Pauli's mean from all settings jointly.

    Shape (T, B, 2^M, P), P counting `measured_labels(samples.bases)`: <P> = Σ w f. In the setting
    ZZ the errors of <ZZ> and of <ZI> are correlated, and <ZI> is measured in ZX and ZY as well;
    generalised least squares with the covariance that the counts show (Jeffreys posterior) uses
    that. For a pair near |00> the variance of <ZZ> halves. Weights come from the same counts: the
    bias is of the order of 1/shots.

    Args:
        samples: the counts, of few memristors: a setting of M has 2^M − 1 labels.
        flips: readout flips to undo, shape (M, 2), or None.
    """
    return joint_estimate(samples, flips)[0]


def joint_estimate(
    samples: Samples, flips: FloatArray | None = None, *, exchange: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return `joint_weights`, and the covariance (T, P, P) of the means that they give.

    With `exchange` the means of a pair are taken for symmetric, <AB> = <BA>, and both are one
    parameter that all settings of either tell of: nine instead of fifteen in a tomography.
    """
    labels = measured_labels(samples.bases)
    values, precisions, places = setting_estimates(samples, flips)
    normal = np.zeros((samples.counts.shape[0], len(labels), len(labels)))
    for precision, place in zip(precisions, places, strict=True):
        normal[:, place[:, None], place] += precision
    alike = exchange_classes(labels) if exchange else np.eye(len(labels))
    covariance = np.asarray(alike @ np.linalg.inv(alike.T @ normal @ alike) @ alike.T)
    weights = [
        np.einsum("tpq,tqr,rk->tkp", covariance[:, :, place], precision, value, optimize=True)
        for place, precision, value in zip(places, precisions, values, strict=True)
    ]
    return np.stack(weights, axis=1), covariance


def weights_covariance(samples: Samples, weights: FloatArray, shots: IntArray) -> FloatArray:
    """Return the covariance (T, P, P) of the means Σ w f of so many shots, (T, B).

    Args:
        samples: counts that tell how single shots spread (Jeffreys posterior); of the same
            settings, and not necessarily those that the weights are applied to.
        weights: of P means, (T, B, 2^M, P).
        shots: behind each frequency.
    """
    counts = samples.counts
    posterior = (counts + 1 / counts.shape[2]) / (samples.shots + 1)[:, :, None]
    first = np.einsum("tskp,tsk->tsp", weights, posterior)
    second = np.einsum("tskp,tsk,tskq->tspq", weights, posterior, weights, optimize=True)
    spread = second - first[:, :, :, None] * first[:, :, None, :]
    return np.asarray(np.einsum("tspq,ts->tpq", spread, 1 / (shots + 2)))


def exchange_classes(labels: Sequence[str]) -> FloatArray:
    """Return (P, C), 1 where a label of a pair is of a class: itself and its mirror image.

    >>> exchange_classes(["IX", "XI", "XX"])
    array([[1., 0.],
           [1., 0.],
           [0., 1.]])
    """
    classes = sorted({min(label, label[::-1]) for label in labels})
    found = np.zeros((len(labels), len(classes)))
    for row, label in enumerate(labels):
        found[row, classes.index(min(label, label[::-1]))] = 1.0
    return found


def setting_estimates(
    samples: Samples, flips: FloatArray | None
) -> tuple[list[FloatArray], list[FloatArray], list[IntArray]]:
    """Return for each setting what estimates its labels, and how precisely.

    Three lists over the settings: the outcomes' values of its labels (L, K), the precision
    matrices of their means (T, L, L), and where these labels stand among all.
    """
    labels = measured_labels(samples.bases)
    outcomes = np.arange(samples.counts.shape[2])
    signs = _corrected_signs(len(samples.bases[0]), flips)
    values, precisions, places = [], [], []
    for setting, here in zip(samples.bases, np.moveaxis(samples.counts, 1, 0), strict=True):
        parts = _labels_of(setting)
        value = np.ones((len(parts), outcomes.size))
        for row, label in enumerate(parts):
            for j, letter in enumerate(label):
                if letter != "I":
                    value[row] *= signs[j][(outcomes >> j) & 1]
        shots = here.sum(axis=1)
        posterior = (here + 1 / outcomes.size) / (shots + 1)[:, None]
        first = posterior @ value.T
        second = np.einsum("pk,qk,tk->tpq", value, value, posterior)
        covariance = second - first[:, :, None] * first[:, None, :]
        precisions.append(np.linalg.inv(covariance) * (shots + 2)[:, None, None])
        values.append(value)
        places.append(np.array([labels.index(label) for label in parts]))
    return values, precisions, places


def weighted_mean(counts: IntArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Σ w f of the frequencies and its squared standard error, each (T,).

    The error is the larger one of two. The first is the standard deviation of Jeffreys' posterior
    (½ added to either side of a two-valued function, ½/K twice for each of K outcomes). Near the
    ends, and about rare outcomes, it is too small: with 100 shots and a true mean of 0.97, two such
    errors about the raw mean hold it in 77 % of runs. The second is half the longer side of
    Wilson's interval at two standard deviations (J. Am. Stat. Assoc. 22, 209, 1927), measured from
    the raw mean: two errors then contain that interval. For a function of more than two values the
    4 = 2² added shots are spread over all K outcomes alike. What it costs: near a mean of ±1 the
    interval is one-sided, and two errors hold the truth too often (98.7 % at 200 shots, |mean|
    above 0.8).

    Args:
        counts, weights: shape (T, B, K); different settings are independent.
    """
    shots, outcomes = counts.sum(axis=2).astype(float), counts.shape[2]
    frequencies = counts / np.maximum(shots, 1)[:, :, None]

    def moments(share: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the variance of one shot's value in each setting, (T, B)."""
        first = np.einsum("tsk,tsk->ts", weights, share)
        return first, np.einsum("tsk,tsk->ts", weights**2, share) - first**2

    mean, spread = moments(frequencies)
    flat_mean, flat_spread = moments(np.full(frequencies.shape, 1 / outcomes))
    jeffreys = moments((counts + 1 / outcomes) / (shots + 1)[:, :, None])[1] / (shots + 2)
    added = 4.0
    half_width = np.sqrt(np.maximum(shots * spread + added * flat_spread, 0.0)) / (shots + added)
    shift = added * np.abs(mean - flat_mean) / (shots + added)  # Wilson's centre from the raw mean
    wilson = (half_width + shift / 2) ** 2
    return mean.sum(axis=1), np.maximum(jeffreys, wilson).sum(axis=1)


def is_tomography(samples: Samples) -> bool:
    """Whether one or two memristors were measured in all their settings."""
    count = len(samples.bases[0])
    return count <= 2 and len(set(samples.bases)) == 3**count


def tomography_states(combine: Combine, memristors: int) -> ComplexArray:
    """Return the physical states nearest to the linear inversion of full tomography, (T, d, d).

    Args:
        combine: gives the means, e.g. `lambda terms: combine_paulis(samples, terms)`.
        memristors: their number M, d = 2^M.

    Raises:
        ValueError: where a Pauli operator was not measured.
    """
    labels = ["".join(letters) for letters in product("IXYZ", repeat=memristors)][1:]
    return states_of_means({label: combine({label: 1.0})[0] for label in labels})


def states_of_means(means: Mapping[str, FloatArray]) -> ComplexArray:
    """Return the physical states nearest to ρ = (1 + Σ <P> P)/d, shape (T, d, d).

    Linear inversion, then the nearest density matrix in the Frobenius norm (Smolin, Gambetta and
    Smith, Phys. Rev. Lett. 108, 070502). The projection biases: the trace distance to the truth
    is of the order of the noise, and a concurrence near zero comes out too large.

    Args:
        means: for every Pauli label but the identity, its mean at each time, shape (T,).
    """
    label, first = next(iter(means.items()))
    dimension = 2 ** len(label)
    linear = np.zeros((first.size, dimension, dimension), dtype=complex)
    linear += np.eye(dimension) / dimension
    for name, mean in means.items():
        linear += mean[:, None, None] * pauli_matrix(name) / dimension
    return nearest_physical(linear)


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


def _labels_of(setting: str) -> list[str]:
    """Return the labels that one setting measures: its letters, some replaced by I."""
    choices = product(*(("I", letter) for letter in setting))
    return ["".join(letters) for letters in choices][1:]


def _corrected_signs(memristors: int, flips: FloatArray | None) -> FloatArray:
    """Return what stands for the eigenvalues ±1 of each memristor's outcomes 0 and 1, (M, 2).

    Its mean over the outcomes that are read, flips and all, is the true mean.
    """
    wrong = np.zeros((memristors, 2)) if flips is None else flips
    offset = (wrong[:, 0] - wrong[:, 1])[:, None]
    return np.asarray((np.array([1.0, -1.0]) + offset) / (1 - wrong.sum(axis=1))[:, None])


def _signs(label: str) -> FloatArray:
    """Return the eigenvalue of a Pauli label for each outcome, shape (2^M,)."""
    outcomes = np.arange(2 ** len(label))
    signs = np.ones(outcomes.size)
    for j, letter in enumerate(label):
        if letter != "I":
            signs *= 1 - 2.0 * ((outcomes >> j) & 1)
    return signs
