"""Tolerances of tests on random data: z from the number of checks, never a round number."""

from __future__ import annotations

from scipy.stats import binom, norm

FALSE_ALARM = 1e-4
"""Probability that a whole family of checks fails by chance (seeds are fixed all the same)."""


def z_of(checks: int) -> float:
    """Return z such that `checks` independent two-sided Gaussian checks all pass but for 1e-4."""
    return float(norm.isf(FALSE_ALARM / (2 * checks)))


def coverage_bounds(nominal: float, trials: int) -> tuple[float, float]:
    """Return the range in which an observed coverage of `trials` independent trials must lie."""
    low = binom.ppf(FALSE_ALARM / 2, trials, nominal) / trials
    high = binom.isf(FALSE_ALARM / 2, trials, nominal) / trials
    return float(low), float(high)
