"""From counts back to parameters: right, with intervals that cover, and a wrong family is seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

import qmemcircuit as qm

TRUE = qm.Memristor(qm.SquidRate(0.3), a=1.1, b=0.6)
TIMES = TRUE.periods(1, points=12)
FAMILY = qm.Family(
    qm.Memristor(qm.SquidRate(0.2), a=1.2, b=0.9),
    {"rate.gamma0": (0.0, 1.0), "a": (0.8, 1.5), "b": (-1.0, 2.0)},
)


def measure(model, seed, shots=400, **options):
    return qm.run(model, TIMES, target=qm.aer(seed=seed), shots=shots, **options)


def test_intervals_cover():
    """30 runs × 3 parameters at 90 %: within a two-sided 1e-4 region of the binomial."""
    truth = {"rate.gamma0": 0.3, "a": 1.1, "b": 0.6}
    runs = 30
    fits = [qm.fit(measure(TRUE, seed), FAMILY, level=0.9, starts=1) for seed in range(runs)]
    low, high = binom.ppf([0.5e-4, 1 - 0.5e-4], runs, 0.9)
    for name, value in truth.items():
        covered = sum(f[name].lower <= value <= f[name].upper for f in fits)
        assert low <= covered <= high
        pulls = np.array([(f[name].value - value) / f[name].standard_error for f in fits])
        assert abs(pulls.mean()) < 4 / np.sqrt(runs)
        # A mutant whose errors are half as large would be caught by the scatter of the pulls.
        assert 0.55 < pulls.std() < 1.6
    rejected = sum(f.p_value < 0.05 for f in fits)
    assert rejected <= binom.ppf(1 - 1e-4, runs, 0.08)


def test_a_pairs_coupling_comes_back():
    members = [qm.Memristor(qm.SquidRate(0.2), a=a, b=0.5) for a in (0.8, 1.1)]
    pair = qm.Network(members, {(0, 1): qm.Native("y", 0.12)})
    family = qm.Family(
        qm.Network(members, {(0, 1): qm.Native("y", 0.05)}),
        {"couplings.0.strength": (0.0, 0.4), "memristors.1.rate.gamma0": (0.0, 1.0)},
    )
    record = qm.run(pair, TIMES, target=qm.aer(seed=3), shots=500, splitting="strang")
    found = qm.fit(record, family, starts=2)
    assert (
        abs(found["couplings.0.strength"].value - 0.12)
        < 4 * found["couplings.0.strength"].standard_error
    )
    assert found["couplings.0.strength"].standard_error < 0.01
    assert found.p_value > 1e-3
    assert found.at_bounds == ()


def test_a_wrong_family_is_rejected():
    other = qm.Memristor(qm.ConstantRate(0.3), a=1.1, b=0.6)
    found = qm.fit(measure(other, 1, shots=20000), FAMILY)
    assert found.p_value < 1e-3


def test_what_counts_leave_open_is_named():
    """γ and n̄ shrink the coherence alike; X and Y alone do not tell them apart."""
    family = qm.Family(TRUE, {"rate.gamma0": (0.0, 1.0), "occupation": (0.0, 1.0)})
    true = qm.Memristor(qm.SquidRate(0.3), a=1.1, b=0.6, occupation=0.3)
    with pytest.raises(ValueError, match=r"leaves rate\.gamma0, occupation open"):
        qm.fit(measure(true, 2), family)


def test_bad_input():
    pair = qm.Network([TRUE, TRUE], {(0, 1): qm.Native("y", 0.1)})
    with pytest.raises(ValueError, match="as many memristors as the record"):
        qm.fit(measure(pair, 1), FAMILY)
    stepped = measure(pair, 1, steps=3)
    with pytest.raises(ValueError, match="whose steps its times bound"):
        qm.fit(stepped, qm.Family(pair, {"couplings.0.strength": (0.0, 1.0)}))
    with pytest.raises(ValueError, match="level must be below 1"):
        qm.fit(measure(TRUE, 1), FAMILY, level=1.0)
