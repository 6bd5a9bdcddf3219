"""`count_test`: χ² of the counts behind two trajectories, or of counts against exact states.

Counts are independent between times and settings, unlike the voltages and currents made of them.
Where the other side has no states, but voltages, each memristor's counts are tested (`one_site`).
Outcomes too rare for a χ² of their own, also those that should never be seen, are not lost in a
frequent one: those of all times and settings are added up and tested as one count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, chi2, poisson

from qmemcircuit.analysis.one_site import expected_of, one_site_test
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import outcome_probabilities
from qmemcircuit.counts.samples import Samples
from qmemcircuit.results.trajectory import Trajectory

SMALLEST_EXPECTED_COUNT = 5.0
"""Outcomes expected less often are pooled: below, counts are not Gaussian enough for χ²."""

NORMAL_FROM = 100.0
"""From this expected count on, the rare ones of all times together are taken for normal."""

SMALLEST_PROBABILITY = 1e-8
"""What exact states are known to: an outcome is not less probable than this."""


@data_object
@dataclass(frozen=True)
class CountsTest:
    """Pearson's or the homogeneity χ² of counts; None where there was nothing to test.

    Attributes:
        chi_square: of the independently sampled outcomes; the rare ones, pooled over all times and
            settings, are one of them (the χ² of one degree of freedom of their exact two-sided
            probability).
        degrees_of_freedom: of the outcomes left after pooling; 0 where nothing was tested.
        p_value: the probability of a χ² at least so large if both sides are the same.
        tested: what went in, or why nothing did.
    """

    chi_square: float | None
    degrees_of_freedom: int
    p_value: float | None
    tested: str

    def __post_init__(self) -> None:
        check_fields(self)


def count_test(a: Trajectory, b: Trajectory) -> CountsTest:
    """Return χ² of what was sampled: against the other side's states, or of both sides' counts.

    Raises:
        ValueError: where both were sampled in different settings.
    """
    chi_square, degrees, tested = _chi_square(a, b)
    if chi_square is None or degrees == 0:
        reason = tested if chi_square is None else "too few counts for a test"
        return CountsTest(None, degrees, None, reason)
    return CountsTest(chi_square, degrees, float(chi2.sf(chi_square, degrees)), tested)


def _chi_square(a: Trajectory, b: Trajectory) -> tuple[float | None, int, str]:
    if a.samples is not None and b.samples is not None:
        return (*_homogeneity(a.samples, b.samples), "counts of both sides")
    for sampled, other in ((a, b), (b, a)):
        if sampled.samples is not None and other.states is not None:
            return (*_pearson(sampled.samples, other.states), "counts against exact states")
    for sampled, other in ((a, b), (b, a)):
        expected = None if sampled.samples is None else expected_of(other)
        if sampled.samples is not None and expected is not None:
            tested = "each memristor's counts in Y against the voltages"
            if other.voltage_error is not None:
                tested += ", whose error is joined"
            return (*one_site_test(sampled.samples, expected), tested)
    if a.samples is not None or b.samples is not None:
        return None, 0, "the other side has no states that the counts could be tested against"
    if a.voltage_error is not None or b.voltage_error is not None:
        return None, 0, "the errors of V are known, but not how they are correlated in time"
    return None, 0, "neither side was sampled"


def _pearson(samples: Samples, states: ComplexArray) -> tuple[float, int]:
    chances = np.stack([outcome_probabilities(states, basis) for basis in samples.bases], axis=1)
    return pearson(samples.counts, chances)


def pearson(counts: IntArray | FloatArray, chances: FloatArray) -> tuple[float, int]:
    """Return χ² of counts (T, B, K) against probabilities, and its degrees of freedom."""
    total, degrees = 0.0, 0
    observed_rare, expected_rare = 0.0, 0.0
    outcomes = counts.shape[-1]
    for observed, chance in zip(
        counts.reshape(-1, outcomes).astype(float), chances.reshape(-1, outcomes), strict=True
    ):
        shots = observed.sum()
        if shots == 0:  # not measured at this time
            continue
        expected = np.maximum(chance, SMALLEST_PROBABILITY) * shots
        kept, rare = _pool(expected)
        observed_rare += float(observed[rare].sum())
        expected_rare += float(expected[rare].sum())
        seen, pooled = kept @ observed, kept @ expected
        pooled *= seen.sum() / pooled.sum()  # given how many of the shots were rare outcomes
        if seen.sum() > 0:
            total += float(np.sum((seen - pooled) ** 2 / pooled))
            degrees += len(kept) - 1
    if observed_rare > 0 or expected_rare >= 1:
        # Sums of rare counts of few shots scatter less than Poisson's: then this is conservative.
        tails = (
            poisson.sf(observed_rare - 1, expected_rare),
            poisson.cdf(observed_rare, expected_rare),
        )
        total += _one_degree(observed_rare - expected_rare, expected_rare, tails)
        degrees += 1
    return total, degrees


def _homogeneity(first: Samples, second: Samples) -> tuple[float, int]:
    if set(first.bases) != set(second.bases):
        raise ValueError(
            f"Argument b must be measured in the settings of a, {', '.join(first.bases)}, but "
            f"{', '.join(second.bases)} were; run both with the same bases."
        )
    total, degrees = 0.0, 0
    ours_rare, both_rare, expected_rare = 0.0, 0.0, 0.0
    for place, basis in enumerate(first.bases):
        ours = first.counts[:, place].astype(float)
        theirs = second.counts[:, second.bases.index(basis)].astype(float)
        for mine, other in zip(ours, theirs, strict=True):
            if mine.sum() == 0 or other.sum() == 0:  # not measured at this time
                continue
            # Pool by the smaller of the two expected counts of the joint distribution.
            part = mine.sum() / (mine.sum() + other.sum())
            kept, rare = _pool((mine + other) * min(part, 1 - part))
            ours_rare += float(mine[rare].sum())
            both_rare += float((mine + other)[rare].sum())
            expected_rare += part * float((mine + other)[rare].sum())
            one, two = kept @ mine, kept @ other
            if one.sum() > 0 and two.sum() > 0:
                ratio = np.sqrt(two.sum() / one.sum())
                total += float(np.sum((ratio * one - two / ratio) ** 2 / (one + two)))
                degrees += len(kept) - 1
    if both_rare > 0:
        share = expected_rare / both_rare
        tails = (binom.sf(ours_rare - 1, both_rare, share), binom.cdf(ours_rare, both_rare, share))
        variance = expected_rare * (1 - share)
        total += _one_degree(ours_rare - expected_rare, variance, tails)
        degrees += 1
    return total, degrees


def _one_degree(deviation: float, variance: float, tails: tuple[float, float]) -> float:
    """Return the χ² of one degree of freedom that is as improbable as a count, on two sides."""
    if variance >= NORMAL_FROM:
        return deviation**2 / variance
    return float(chi2.isf(np.clip(2 * min(tails), 1e-300, 1.0), 1))


def _pool(expected: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the 0/1 matrix (kept, K) of the cells that a χ² can take, and the outcomes left over.

    Rare outcomes are one cell where they are not rare together, or where there is nothing else.
    """
    order = np.argsort(-expected)
    groups = [[int(k)] for k in order if expected[k] >= SMALLEST_EXPECTED_COUNT]
    rare = [int(k) for k in order if expected[k] < SMALLEST_EXPECTED_COUNT]
    if rare and (not groups or float(expected[rare].sum()) >= SMALLEST_EXPECTED_COUNT):
        groups.append(rare)
        rare = []
    matrix = np.zeros((len(groups), expected.size), dtype=np.int64)
    for row, group in enumerate(groups):
        matrix[row, group] = 1
    return matrix, np.array(rare, dtype=np.int64)
