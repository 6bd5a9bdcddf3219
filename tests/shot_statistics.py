"""Tolerances of tests on random data: z from the number of checks, never a round number."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom, norm

import qmemcircuit as qm
from qmemcircuit.common.states import outcome_probabilities

FALSE_ALARM = 1e-4
"""Probability that a whole family of checks fails by chance (seeds are fixed all the same)."""


def z_of(checks: int) -> float:
    """Return z such that `checks` independent two-sided Gaussian checks all pass but for 1e-4."""
    return float(norm.isf(FALSE_ALARM / (2 * checks)))


def draw_record(model: qm.Network, exact: qm.Trajectory, bases, shots: int, seed: int) -> qm.Record:
    """Return counts drawn from known exact states: many repetitions of a run without its cost."""
    random = np.random.default_rng(seed)
    counts = [
        random.multinomial(shots, outcome_probabilities(exact.states, basis)) for basis in bases
    ]
    return qm.Record(model, exact.times, qm.Samples(tuple(bases), np.stack(counts, axis=1)))


def coverage_bounds(nominal: float, trials: int, *, checks: int = 1) -> tuple[float, float]:
    """Return the range in which an observed coverage of `trials` independent trials must lie.

    With `checks`, each of so many coverages must.
    """
    low = binom.ppf(FALSE_ALARM / (2 * checks), trials, nominal) / trials
    high = binom.isf(FALSE_ALARM / (2 * checks), trials, nominal) / trials
    return float(low), float(high)
