"""Counts of many memristors against what is known of each one alone.

Twenty memristors have a million outcomes, whose probabilities nobody knows; but each one's share of
ones is known, from V or from a device's noise model. The shares of one time and setting come from
the same shots and are correlated, and how strongly, these shots tell: Hotelling's T² with the
variances of what is expected and the correlations that were seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, f

from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.counts.samples import Samples, bits_seen
from qmemcircuit.model.serialization import restore_model
from qmemcircuit.results.trajectory import Trajectory

FEWEST_OF_EITHER = 5.0
"""A bit is left out where fewer ones, or zeros, are expected: its share is not Gaussian enough."""

SHOTS_EACH = 5
"""Times the number of memristors: with fewer shots their correlations are hardly known."""


@dataclass(frozen=True)
class Expected:
    """Each memristor's probability of a 1 where `letter` is measured, and its error, (T, M)."""

    ones: FloatArray
    errors: FloatArray
    letter: str = "Y"


@dataclass(frozen=True)
class Deviations:
    """Shares of ones less what is expected, at one time in one setting.

    `members` (K,) are the memristors, `difference` (K,) theirs, `covariance` (K, K) that of the
    shots alone if the expected shares are true, `errors` (K,) those of what is expected.
    """

    time: int
    shots: int
    members: IntArray
    difference: FloatArray
    covariance: FloatArray
    errors: FloatArray


def expected_of(reference: Trajectory) -> Expected | None:
    """Return what a trajectory of V says of each memristor measured in Y; None where it may not.

    V = ½√(mħω/2)<Y>. Sampled trajectories have errors that are correlated in time: they may not.
    """
    known = reference.provenance
    propagated = known.get("route", {}).get("method") == "pauli_propagation"
    propagated = propagated or (
        known.get("method") == "predict_voltages" and known.get("shots") is None
    )
    sampled = reference.voltage_error is not None and not propagated
    if sampled or reference.samples is not None or reference.mitigated is not None:
        return None
    try:
        network = restore_model(reference.provenance["model"])
    except (KeyError, TypeError, ValueError):
        return None
    scale = np.array([item.current_scale for item in network.memristors])
    errors = reference.voltage_error
    if errors is None:
        errors = np.zeros(reference.voltage.shape)
    return Expected(np.clip(0.5 - reference.voltage / scale, 0.0, 1.0), errors / scale)


def deviations(samples: Samples, expected: Expected) -> Iterator[Deviations]:
    """Yield those of every time and setting in which enough was seen to test them."""
    cells, bits, numbers = bits_seen(samples)
    for time, setting in np.ndindex(samples.counts.shape[:2]):
        here = (cells[:, 0] == time) & (cells[:, 1] == setting)
        weights = numbers[here].astype(float)
        shots = float(weights.sum())
        chance = expected.ones[time]
        measured = np.array([letter == expected.letter for letter in samples.bases[setting]])
        likely = shots * np.minimum(chance, 1 - chance) >= FEWEST_OF_EITHER
        members = np.flatnonzero(measured & likely)
        if not members.size or shots < SHOTS_EACH * members.size:
            continue
        seen = bits[here][:, members].astype(float)
        share = weights @ seen / shots
        centred = seen - share
        spread = (weights[:, np.newaxis] * centred).T @ centred / shots
        width = np.sqrt(np.diag(spread))
        product = np.outer(width, width)
        # A bit that never changed has no correlation with any other.
        alike = np.divide(spread, product, out=np.eye(members.size), where=product > 0)
        own = chance[members]
        deviation = np.sqrt(own * (1 - own) / shots)
        yield Deviations(
            time,
            int(shots),
            members,
            share - own,
            alike * np.outer(deviation, deviation),
            expected.errors[time, members],
        )


def one_site_test(samples: Samples, expected: Expected) -> tuple[float, int]:
    """Return χ² of all shares of ones against what is expected, and its degrees of freedom.

    T² = dᵀ(C + E)⁻¹d with the covariance C of the shots and the squared errors E of what is
    expected. With C from n shots, T² (n − K)/(K (n − 1)) is F of K and n − K degrees of freedom;
    it goes in as the χ² of K degrees that is as improbable.
    """
    total, degrees = 0.0, 0
    for item in deviations(samples, expected):
        size = item.members.size
        covariance = item.covariance + np.diag(item.errors**2)
        square = float(item.difference @ np.linalg.solve(covariance, item.difference))
        ratio = square * (item.shots - size) / (size * (item.shots - 1))
        chance = float(f.sf(ratio, size, item.shots - size))
        # So improbable that no number stands for it: the square itself.
        total += square if chance < 1e-200 else float(chi2.isf(chance, size))
        degrees += size
    return total, degrees
