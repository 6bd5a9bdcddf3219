"""Zero-noise extrapolation of tomography with pooled exponential decays and efficient means.

For circuits that have the same gates at every time (`splitting="compiled"`), all of whose noise
is amplified (`device(…, fold=f, fold_all=True)`), a Pauli mean falls with the noise factor f as

    m(f) = m∞ + (m(0) − m∞) e^{−r f},

exactly for one Pauli or damping channel, nearly for a circuit's worth of them. One rate r for each
Pauli at each time is more than the shots can tell. Two simplifications leave few: dephasing and
damping act alike on X and Y, and the same gates lose the same at every time. So r is common to all
times and to all Paulis with as many transverse letters (X, Y) and as many Z: five rates for a
pair. With r known the extrapolation is linear: what it costs is that of a straight line, without
its bias by the decay's curvature.

Pauli means come from all settings jointly. In the setting ZZ the errors of <ZZ> and of <ZI> are
correlated, and <ZI> is measured in ZX and ZY as well; generalized least squares uses that, and
comes to the variance of maximum likelihood. For a pair near |00> the variance of <ZZ> halves.

Compared with `MitigatedMeans` (a polynomial for each Pauli), which assumes less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from qmemcircuit.checks import ComplexArray, FloatArray
from qmemcircuit.mitigation import Readout, states_of_means
from qmemcircuit.observables import concurrence_of_states
from qmemcircuit.trajectory import Samples

RATE_RANGE = (1e-3, 4.0)
"""Bounds of r × (largest − smallest factor). Below, the decay is a straight line; beyond, it is
over before the last factors and cannot be told."""


@dataclass(frozen=True, eq=False)
class PooledExtrapolation:
    """Tomography at several noise factors, corrected for readout, extrapolated to no noise.

    Attributes:
        runs: the counts at each factor, of the same settings and times.
        factors: the noise factors f, different, at least three.
        readout: the measured flips, or None where readout is faultless.
    """

    runs: tuple[Samples, ...]
    factors: tuple[int, ...]
    readout: Readout | None

    def __post_init__(self) -> None:
        if len(self.runs) != len(self.factors):
            raise ValueError(
                f"Argument factors must name one factor for each of {len(self.runs)} runs, but "
                f"{len(self.factors)} were given."
            )
        _check_factors(self.factors)
        first = self.runs[0]
        if any(
            samples.bases != first.bases or samples.counts.shape != first.counts.shape
            for samples in self.runs
        ):
            raise ValueError(
                "Argument runs must have the same times and settings, but they differ; collect all "
                "of them completely first."
            )

    def means(self) -> dict[str, FloatArray]:
        """Return <P> at no noise for every measured Pauli label, each of shape (T,)."""
        labels, values, _ = self._extrapolated()
        return {label: values[:, place] for place, label in enumerate(labels)}

    def rates(self) -> dict[str, float]:
        """Return the fitted decay per noise factor: "TZ" for labels of one X or Y and one Z."""
        return self._extrapolated()[2]

    def states(self) -> ComplexArray:
        """Return the physical states nearest to the extrapolated means, (T, 2^M, 2^M), M ≤ 2.

        Projection to physical states together with noise biases a concurrence near zero upwards.
        """
        memristors = len(self.runs[0].bases[0])
        if memristors > 2 or len(set(self.runs[0].bases)) < 3**memristors:
            raise ValueError(
                f"Argument runs must be tomography of one or two memristors for states, but have "
                f"{len(set(self.runs[0].bases))} settings of {memristors}; run again with "
                "bases='tomography'."
            )
        return states_of_means(self.means())

    def redrawn(self, *, repetitions: int, seed: int) -> Iterator[PooledExtrapolation]:
        """Yield copies whose counts and readout flips are redrawn from their frequencies."""
        random = np.random.default_rng(seed)
        for _ in range(repetitions):
            runs = tuple(
                Samples(
                    samples.bases,
                    random.multinomial(
                        samples.counts.sum(axis=2),
                        samples.counts / samples.counts.sum(axis=2, keepdims=True),
                    ),
                )
                for samples in self.runs
            )
            readout = self.readout
            if readout is not None:
                flips = random.binomial(readout.shots, readout.flips) / readout.shots
                readout = replace(readout, flips=flips)
            yield replace(self, runs=runs, readout=readout)

    def concurrence_error(self, *, repetitions: int = 200, seed: int = 0) -> FloatArray:
        """Return the standard deviation of the concurrence of two memristors, shape (T,).

        From a bootstrap through the whole procedure: counts at every factor, readout flips, rates,
        projection. Near zero concurrence it is no interval: the estimate is biased there.
        """
        drawn = [
            concurrence_of_states(copy.states())
            for copy in self.redrawn(repetitions=repetitions, seed=seed)
        ]
        return np.asarray(np.std(drawn, axis=0))

    def _extrapolated(self) -> tuple[tuple[str, ...], FloatArray, dict[str, float]]:
        labels = measured_labels(self.runs[0].bases)
        means = np.array([joint_means(samples, self.readout)[0] for samples in self.runs])
        return labels, *extrapolate_pooled(means, labels, self.factors)


def measured_labels(bases: Sequence[str]) -> tuple[str, ...]:
    """Return the Pauli labels that `bases` measure, without the identity.

    >>> measured_labels(["XZ"])
    ('IZ', 'XI', 'XZ')
    """
    found = {label for setting in bases for label in _parts(setting)}
    return tuple(sorted(found))


def joint_means(samples: Samples, readout: Readout | None) -> tuple[FloatArray, FloatArray]:
    """Return all Pauli means (T, P) from all settings jointly, and their covariance (T, P, P).

    P counts `measured_labels(samples.bases)`. Each setting gives 2^M − 1 means with the covariance
    of its multinomial distribution (Jeffreys posterior), corrected for readout; generalized least
    squares joins the settings. The covariance holds the shots and not the uncertainty of the
    flips. Weights come from the same counts: their bias is of the order of 1/shots.
    """
    labels = measured_labels(samples.bases)
    memristors = len(samples.bases[0])
    outcomes = np.arange(2**memristors)
    weights = np.tile([1.0, -1.0], (memristors, 1)) if readout is None else readout.weights()
    signs = [weights[j][(outcomes >> j) & 1] for j in range(memristors)]
    counts = samples.counts.astype(float)
    normal = np.zeros((counts.shape[0], len(labels), len(labels)))
    right = np.zeros((counts.shape[0], len(labels)))
    for place, setting in enumerate(samples.bases):
        parts = _parts(setting)
        values = np.array(
            [
                np.prod([signs[j] for j, letter in enumerate(part) if letter != "I"], axis=0)
                for part in parts
            ]
        )
        here = counts[:, place]
        shots = here.sum(axis=1, keepdims=True)
        posterior = (here + 1 / outcomes.size) / (shots + 1)
        first = posterior @ values.T
        second = np.einsum("pk,qk,tk->tpq", values, values, posterior)
        covariance = second - first[:, :, None] * first[:, None, :]
        precision = np.linalg.inv(covariance) * (shots[:, :, None] + 2)
        index = [labels.index(part) for part in parts]
        normal[:, np.array(index)[:, None], index] += precision
        means = (here / shots) @ values.T
        right[:, index] += np.einsum("tpq,tq->tp", precision, means)
    covariance = np.linalg.inv(normal)
    return np.asarray(np.einsum("tpq,tq->tp", covariance, right)), np.asarray(covariance)


def extrapolate_pooled(
    means: FloatArray, labels: Sequence[str], factors: Sequence[int]
) -> tuple[FloatArray, dict[str, float]]:
    """Return the means at noise factor 0, (T, P), and the pooled decay rates.

    Args:
        means: at each factor, shape (F, T, P).
        labels: the P Pauli labels.
        factors: the F factors, different, at least three.

    Least squares of m∞ + (m(0) − m∞) e^{−r f} for every label and time, with one r (within
    `RATE_RANGE`) for labels with as many transverse letters and as many Z.
    """
    from scipy.optimize import minimize_scalar

    _check_factors(factors)
    instants = np.array(factors, dtype=float)
    span = float(np.ptp(instants))
    found = np.empty(means.shape[1:])
    rates = {}
    kinds = np.array([_kind(label) for label in labels])
    for kind in sorted(set(kinds)):
        chosen = means[:, :, kinds == kind]
        flat = chosen.reshape(len(instants), -1)

        def left_over(rate: float, flat: FloatArray = flat) -> float:
            basis, _ = np.linalg.qr(_design(rate, instants))
            return float(np.sum((flat - basis @ (basis.T @ flat)) ** 2))

        low, high = (bound / span for bound in RATE_RANGE)
        rate = float(minimize_scalar(left_over, bounds=(low, high), method="bounded").x)
        weights = np.linalg.pinv(_design(rate, instants))[0]
        found[:, kinds == kind] = np.tensordot(weights, chosen, axes=1)
        rates[str(kind)] = rate
    return found, rates


def _design(rate: float, factors: FloatArray) -> FloatArray:
    """Return the columns 1 and e^{−rf} − 1: the first's coefficient is the value at f = 0."""
    return np.stack([np.ones_like(factors), np.expm1(-rate * factors)], axis=1)


def _kind(label: str) -> str:
    letters = label.replace("X", "T").replace("Y", "T").replace("I", "")
    return "".join(sorted(letters))


def _parts(setting: str) -> list[str]:
    """Return the labels that one setting measures: its letters, some replaced by I."""
    choices = product(*(("I", letter) for letter in setting))
    return ["".join(letters) for letters in choices][1:]


def _check_factors(factors: Sequence[int]) -> None:
    if len(factors) < 3 or len(set(factors)) < len(factors):
        raise ValueError(
            f"Argument factors must be at least three different noise factors, but "
            f"{list(factors)} were given: a decay and its asymptote need three."
        )
