"""`count_test`: χ² of the counts behind two trajectories, or of counts against exact states.

Counts are independent between times and settings, unlike the voltages and currents made of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import outcome_probabilities
from qmemcircuit.counts.samples import Samples
from qmemcircuit.results.trajectory import Trajectory

SMALLEST_EXPECTED_COUNT = 5.0
"""Outcomes expected less often are pooled: below, counts are not Gaussian enough for χ²."""


@data_object
@dataclass(frozen=True)
class CountsTest:
    """Pearson's or the homogeneity χ² of counts; None where there was nothing to test.

    Attributes:
        chi_square: of the independently sampled outcomes, rare ones pooled.
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

    Raises ValueError where both were sampled in different settings.
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
    if a.samples is not None or b.samples is not None:
        return None, 0, "the other side has no states that the counts could be tested against"
    if a.voltage_error is not None or b.voltage_error is not None:
        return None, 0, "the errors of V are known, but not how they are correlated in time"
    return None, 0, "neither side was sampled"


def _pearson(samples: Samples, states: ComplexArray) -> tuple[float, int]:
    total, degrees = 0.0, 0
    for place, basis in enumerate(samples.bases):
        counts = samples.counts[:, place].astype(float)
        expected = outcome_probabilities(states, basis) * counts.sum(axis=1, keepdims=True)
        for observed, wanted in zip(counts, expected, strict=True):
            if observed.sum() == 0:  # not measured at this time
                continue
            kept = _pool(wanted)
            pooled = kept @ wanted
            total += float(np.sum((kept @ observed - pooled) ** 2 / pooled))
            degrees += len(kept) - 1
    return total, degrees


def _homogeneity(first: Samples, second: Samples) -> tuple[float, int]:
    if set(first.bases) != set(second.bases):
        raise ValueError(
            f"Argument b must be measured in the settings of a, {', '.join(first.bases)}, but "
            f"{', '.join(second.bases)} were; run both with the same bases."
        )
    total, degrees = 0.0, 0
    for place, basis in enumerate(first.bases):
        ours = first.counts[:, place].astype(float)
        theirs = second.counts[:, second.bases.index(basis)].astype(float)
        for mine, other in zip(ours, theirs, strict=True):
            if mine.sum() == 0 or other.sum() == 0:  # not measured at this time
                continue
            # Pool by the smaller of the two expected counts of the joint distribution.
            share = min(mine.sum(), other.sum()) / (mine.sum() + other.sum())
            kept = _pool((mine + other) * share)
            one, two = kept @ mine, kept @ other
            ratio = np.sqrt(two.sum() / one.sum())
            total += float(np.sum((ratio * one - two / ratio) ** 2 / (one + two)))
            degrees += len(kept) - 1
    return total, degrees


def _pool(expected: FloatArray) -> IntArray:
    """Return the 0/1 matrix (kept, K) that adds rare outcomes up until none is rare."""
    order = np.argsort(-expected)
    groups: list[list[int]] = [[int(k)] for k in order if expected[k] >= SMALLEST_EXPECTED_COUNT]
    rare = [int(k) for k in order if expected[k] < SMALLEST_EXPECTED_COUNT]
    if rare:
        if not groups or float(expected[rare].sum()) >= SMALLEST_EXPECTED_COUNT:
            groups.append(rare)
        else:
            groups[-1] += rare
    matrix = np.zeros((len(groups), expected.size), dtype=np.int64)
    for row, group in enumerate(groups):
        matrix[row, group] = 1
    return matrix
