"""Designs: as good as known, within their constraints, and clear where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.designs import (
    CouplingStrength,
    DecayIntegral,
    FormFactor,
    LobeBalance,
    LoopAgreement,
    NoDerivativeError,
    PeakConcurrence,
    Reading,
    pareto_front,
)

SQUID = qm.Memristor(qm.SquidRate(0.2), a=np.pi / 4, b=0.6)
TIMES = SQUID.periods(1, points=60)
SQUIDS = qm.Family(SQUID, {"rate.gamma0": (0.0, 0.5), "b": (0.0, np.pi)})
PAIRS = qm.Family(
    qm.Network(
        [qm.Memristor(qm.SquidRate(0.1), a=a, b=0.5) for a in (0.8, 1.1)],
        {(0, 1): qm.Native("y", 0.1)},
    ),
    {"coupling": (0.0, 0.3), "rate": (0.01, 0.3)},
    {
        "coupling": ("couplings.0.strength",),
        "rate": ("memristors.0.rate.gamma0", "memristors.1.rate.gamma0"),
    },
)


def test_the_best_squid_is_that_of_a_grid():
    """0.359 was known; a grid of public loops finds nothing better, the bound's 1e-7 apart."""
    found = qm.design(
        SQUIDS, FormFactor(), [qm.Constraint(DecayIntegral(), upper=2.0)], times=TIMES, starts=3
    )
    assert dict(found.constraints) == pytest.approx({"DecayIntegral() <= 2": 2.0})
    assert "DecayIntegral() <= 2" in found.active
    best = 0.0
    for gamma in np.linspace(0.05, 2 / (2 * np.pi), 8):
        for b in np.linspace(0, np.pi, 13):
            trajectory = qm.exact_circuit(SQUIDS.at([gamma, b]), TIMES)
            best = max(best, qm.find_loops(trajectory)[0].form_factor)
    assert best - 1e-6 <= found.objective < best + 0.01
    loop = qm.find_loops(qm.exact_circuit(found.model, TIMES))[0]
    assert found.objective == pytest.approx(loop.form_factor, rel=1e-9)
    again = qm.design(
        SQUIDS, FormFactor(), [qm.Constraint(DecayIntegral(), upper=2.0)], times=TIMES, starts=3
    )
    assert again == found


def test_a_wanted_loop_is_found():
    wanted = qm.exact_circuit(SQUIDS.at([0.31, 1.1]), TIMES)
    found = qm.design(SQUIDS, LoopAgreement(wanted), times=TIMES, starts=3)
    assert found.objective > -1e-3
    assert dict(found.values) == pytest.approx({"rate.gamma0": 0.31, "b": 1.1}, abs=1e-3)


def test_a_front_is_a_front():
    times = PAIRS.model.periods(1, points=24)
    found = pareto_front(
        PAIRS,
        FormFactor(),
        PeakConcurrence(),
        [qm.Constraint(CouplingStrength(), upper=0.2)],
        times=times,
        points=4,
        starts=1,
    )
    assert len(found.first) >= 3
    assert np.all(np.diff(found.second) > 0)
    assert np.all(np.diff(found.first) <= 0)
    for one, second in zip(found.designs, found.second, strict=True):
        trajectory = qm.exact_circuit(one.model, times)
        assert trajectory.concurrence(0, 1).signed[1:].max() == pytest.approx(second, abs=1e-7)
        assert one.values["coupling"] <= 0.2 * (1 + 1e-6)


def test_constraints_that_exclude_everything_are_named():
    rules = [qm.Constraint(DecayIntegral(), lower=9.0), qm.Constraint(LobeBalance(), lower=0.0)]
    with pytest.raises(ValueError, match=r"missed: 9 <= DecayIntegral\(\) \(reached 3\.1"):
        qm.design(SQUIDS, FormFactor(), rules, times=SQUID.periods(1, points=20), starts=1)


def test_an_objective_without_derivative_at_the_start_says_so():
    family = qm.Family(qm.Memristor(qm.ConstantRate(0.1), a=0.7, b=0.4), {"b": (0.0, 1.0)})
    with pytest.raises(NoDerivativeError, match="at none of 2 starts it has one"):
        qm.design(family, FormFactor(), times=TIMES, starts=2)


def test_gates_are_held_before_the_search():
    times = PAIRS.model.periods(1, points=10)
    with pytest.raises(ValueError, match=r"at least \d+, which the steps of `times` need"):
        qm.design(PAIRS, FormFactor(), times=times, most_two_qubit_gates=10)


def test_families_without_sense():
    with pytest.raises(ValueError, match="at least one free parameter"):
        qm.Family(SQUID, {})
    with pytest.raises(ValueError, match=r"'rate\.gamma' is none"):
        qm.Family(SQUID, {"rate.gamma": (0.0, 1.0)})
    with pytest.raises(ValueError, match="lower < upper"):
        qm.Family(SQUID, {"b": (1.0, 1.0)})
    with pytest.raises(ValueError, match="must not be above upper"):
        qm.Constraint(Reading("voltage", 1), lower=2.0, upper=1.0)


def test_a_search_is_never_worse_than_where_it_started():
    """Also where SLSQP ends lower or outside: the larger family contains the smaller one."""
    times = SQUID.periods(1, points=16)
    rules = [
        qm.Constraint(DecayIntegral(), 0.5, 2.0),
        qm.Constraint(LobeBalance(), lower=0.9),
    ]
    best = []
    first = []
    for count in (1, 2):
        law = qm.HarmonicRate((0.4, -0.4, *(0.1,) * (2 * count - 1)))
        free = {f"rate.coefficients.{k}": (-1.5, 1.5) for k in range(2 * count + 1)}
        family = qm.Family(qm.Memristor(law, a=0.8, b=0.2), {**free, "b": (0.0, np.pi)})
        found = qm.design(
            family, FormFactor(), rules, times=times, starts=1 + count, first=first, seed=2
        )
        best.append(found.objective)
        values = list(found.values.values())
        first = [[*values[:-1], 0.0, 0.0, values[-1]]]
    assert best[1] >= best[0] - 1e-9
