"""The directed test of a common factor on the decay rates: its derivative, size and power."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from decay_laws import Sine, Steps
from scipy.stats import chi2, kstest
from shot_statistics import coverage_bounds, draw_record

import qmemcircuit as qm
from qmemcircuit.analysis.counts_test import _chi_square
from qmemcircuit.analysis.rate_factor import RateFactor, measure_rate_factor, states_with_factor
from qmemcircuit.circuits.settings import parse_bases

PAPER = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
PAIR = qm.Network(
    [
        qm.Memristor(qm.SquidRate(0.1), a=0.7, b=0.4),
        qm.Memristor(qm.ConstantRate(0.05), a=1.1, b=-0.3, omega=1.2),
    ],
    {(0, 1): qm.Native("x", 0.2)},
)
CHAIN = qm.Network(
    [PAPER, qm.Memristor(Sine(0.3, 9.0), a=1.2), qm.Memristor(qm.ConstantRate(1.0), a=0.3)],
    {(0, 1): qm.Native("y", 0.3), (2, 1): qm.ControlledRotation("x", 0.4)},
)


def test_states_are_those_of_the_closed_form():
    memristor = qm.Memristor(Steps([1.0, 1.1], [0.1, 9.0, 0.0]), a=0.7, b=0.4, omega=2.0)
    times = np.linspace(0, 3, 7)
    found = states_with_factor(qm.Network([memristor]), times, 1.3)
    decay = 1.3 * memristor.rate.integral(0.0, times)
    start = memristor.initial_state
    assert found[:, 1, 1] == pytest.approx(start[1, 1] * np.exp(-decay))
    assert found[:, 1, 0] == pytest.approx(start[1, 0] * np.exp(-decay / 2 - 2j * times))


@pytest.mark.parametrize("network", [PAIR, CHAIN])
def test_states_are_those_of_the_master_equation(network):
    times = network.periods(1, points=4)
    found = states_with_factor(network, times, 1.0)
    # Strang's splitting with steps of 0.2 rad: 0.2² Γ T / 24 = 0.01 at Γ = 1 if nothing cancels.
    assert np.abs(found - qm.master_equation(network, times).states).max() < 0.01
    assert np.trace(found, axis1=1, axis2=2) == pytest.approx(1)


@functools.cache
def exact_side(name: str) -> qm.Trajectory:
    model, times = CASES[name][0], CASES[name][1]
    return qm.master_equation(model, times)


CASES = {
    "paper": (PAPER, PAPER.periods(3, points=30), ("X", "Y")),
    "one period": (PAPER, PAPER.periods(1, points=30), ("X", "Y")),
    "pair": (PAIR, PAIR.periods(1, points=8), parse_bases("tomography", 2)),
    "chain": (CHAIN, CHAIN.periods(1, points=6), ("XYZ", "YYY", "ZZX")),
}


def measure(name: str, truth: qm.Trajectory, shots: int, runs: int, directed: int | None = None):
    """Return κ, error, p and the p-values of χ² of `runs` records drawn from `truth`."""
    model, times, bases = CASES[name]
    exact = exact_side(name)
    network = model if isinstance(model, qm.Network) else qm.Network([model])
    rows = []
    for seed in range(runs):
        samples = draw_record(network, truth, bases, shots, seed).samples
        sampled = qm.Trajectory(times, exact.voltage, exact.current, samples=samples)
        found = measure_rate_factor(sampled, exact)
        rows.append(
            (found.value, found.error, found.p_value, chi2.sf(*_chi_square(sampled, exact)[:2]))
        )
    return np.array(rows).T


@pytest.fixture(autouse=True)
def derivative_once(monkeypatch):
    """The same two integrations serve all seeds of a case."""
    import qmemcircuit.analysis.rate_factor as module

    kept: dict = {}

    def cached(network, times, factor):
        key = (repr(network), times.tobytes(), factor)
        if key not in kept:
            kept[key] = states_with_factor(network, times, factor)
        return kept[key]

    monkeypatch.setattr(module, "states_with_factor", cached)


@pytest.mark.slow
@pytest.mark.parametrize("shots", [30, 5000])
@pytest.mark.parametrize("name", ["paper", "pair", "chain"])
def test_true_models_are_rejected_as_often_as_they_should(name, shots):
    runs = 400
    value, error, p_value, _ = measure(name, exact_side(name), shots, runs)
    for level in (0.01, 0.05, 0.3):
        low, high = coverage_bounds(level, runs, checks=3)
        assert low <= np.mean(p_value < level) <= high
    assert kstest(p_value, "uniform").pvalue > 1e-4
    score = (value - 1) / error
    # The mean and the spread of 400 scores to 4.5 of their errors.
    assert abs(score.mean()) < 4.5 / np.sqrt(runs)
    assert score.std() == pytest.approx(1, abs=4.5 / np.sqrt(2 * runs))


def test_a_tenth_more_damping_is_rejected():
    """One period of 1000 shots: χ² sees it in less than six of ten runs, this in all but a few."""
    strong = qm.Memristor(qm.SquidRate(0.44), a=np.pi / 4, b=np.pi / 5)
    truth = qm.master_equation(strong, CASES["one period"][1])
    runs = 200
    value, error, p_value, of_chi_square = measure("one period", truth, 1000, runs)
    assert np.mean(of_chi_square < 0.01) < 0.6
    assert np.mean(p_value < 0.01) > 0.95
    # To first order: what is left is of the order of the square of a tenth.
    assert value.mean() == pytest.approx(1.1, abs=0.01 + 4.5 * error.mean() / np.sqrt(runs))


def test_a_tenth_more_damping_of_a_pair_is_rejected():
    strong = qm.Network(
        [
            qm.Memristor(qm.SquidRate(0.11), a=0.7, b=0.4),
            qm.Memristor(qm.ConstantRate(0.055), a=1.1, b=-0.3, omega=1.2),
        ],
        PAIR.couplings,
    )
    truth = qm.master_equation(strong, CASES["pair"][1])
    value, error, p_value, of_chi_square = measure("pair", truth, 1500, 60)
    assert np.mean(p_value < 0.01) > 0.9
    assert np.mean(of_chi_square < 0.01) < 0.5
    assert value.mean() == pytest.approx(1.1, abs=0.01 + 4.5 * error.mean() / np.sqrt(60))


def sampled_paper(shots: int, gamma0: float = 0.4, seed: int = 1, **options) -> qm.Trajectory:
    memristor = qm.Memristor(qm.SquidRate(gamma0), a=np.pi / 4, b=np.pi / 5)
    times = CASES["one period"][1]
    return qm.estimate(qm.run(memristor, times, target=qm.aer(seed=seed), shots=shots, **options))


def test_compare_reports_it_and_counts_it():
    master = exact_side("one period")
    true = qm.compare(sampled_paper(1000), master)
    assert isinstance(true.rate_factor, RateFactor)
    assert "common factor on the decay rates" in str(true)
    assert true.agree is True
    assert true.rate_factor == qm.compare(master, sampled_paper(1000)).rate_factor
    wrong = [qm.compare(sampled_paper(1000, 0.45, seed=seed), master) for seed in range(5)]
    assert not any(comparison.agree for comparison in wrong)
    assert all("do not agree" in comparison.verdict for comparison in wrong)
    assert max(comparison.p_value for comparison in wrong) > 0.01  # χ² alone would agree here


def test_it_says_why_it_is_not_available():
    from dataclasses import replace

    master, sampled = exact_side("one period"), sampled_paper(1000)
    nameless = replace(master, provenance={})
    ground = qm.Memristor(qm.SquidRate(0.4), state=[1, 0])
    reasons = {
        "neither side was sampled": (master, master),
        "both sides were sampled": (sampled, sampled),
        "the other side has no states": (sampled, replace(master, states=None)),
        "the exact side does not know its model": (sampled, nameless),
        "the counts do not depend on the decay rates": (
            sampled,
            qm.master_equation(ground, master.times),
        ),
    }
    for reason, sides in reasons.items():
        found = qm.compare(*sides).rate_factor
        assert (found.value, found.error, found.p_value) == (None, None, None)
        assert found.tested == reason
        assert f"not available ({reason})" in str(found)
