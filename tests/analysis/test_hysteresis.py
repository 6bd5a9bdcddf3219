"""Is there a loop? A resistor has none, whatever the noise; derived in tests/oracles/loops.md."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2, kstest
from shot_statistics import coverage_bounds, draw_record

import qmemcircuit as qm
from qmemcircuit.analysis.hysteresis import (
    either_p_value,
    pinched_p_value,
    retraced_curve,
    smooth_curve,
)
from qmemcircuit.analysis.loop_errors import fit_period, joint_covariance

PERIOD = 2 * np.pi
TIMES = np.linspace(0, PERIOD, 31)
RUNS = 200


def noise_covariance(v_error: float, i_error: float, correlation: float) -> np.ndarray:
    """White noise of V; smooth noise of I, part of which is V's own noise, smoothed."""
    lag = (TIMES[:, None] - TIMES) * 1.6
    smooth = np.exp(-0.5 * lag**2)
    smooth /= np.sqrt((smooth**2).sum(axis=1, keepdims=True))
    own = i_error * np.sqrt(1 - correlation**2) * smooth
    shared = i_error * correlation * smooth
    both = np.block([[v_error * np.eye(31), np.zeros((31, 31))], [shared, own]])
    return both @ both.T


def series(voltage, current, covariance, seed: int):
    values, vectors = np.linalg.eigh(covariance)
    draw = np.random.default_rng(seed).normal(size=62) * np.sqrt(np.maximum(values, 0))
    noise = vectors @ draw
    return qm.Trajectory(
        TIMES,
        (voltage + noise[:31])[:, None],
        (current + noise[31:])[:, None],
        voltage_error=np.sqrt(np.diag(covariance)[:31])[:, None],
        current_error=np.sqrt(np.diag(covariance)[31:])[:, None],
        current_covariance=covariance[None, 31:, 31:],
        voltage_current_covariance=covariance[None, :31, 31:],
        periods=np.array([PERIOD]),
    )


def p_values(voltage, current, covariance, runs: int = RUNS) -> np.ndarray:
    found = []
    for seed in range(runs):
        one = series(voltage, current, covariance, seed)[0]
        data = fit_period(one, joint_covariance(one), 0.0, PERIOD)
        found.append(retraced_curve(data).p_value)
    return np.array(found)


DAMPED = 0.2 * np.exp(-0.2 * TIMES) * np.cos(TIMES + 0.6)


@pytest.mark.parametrize("correlation", [0.0, 0.7, -0.7])
def test_a_resistor_is_taken_for_a_loop_no_more_often_than_said(correlation):
    covariance = noise_covariance(0.002, 0.007, correlation)
    found = p_values(DAMPED, 0.4 * DAMPED, covariance)
    for level in (0.05, 0.2):
        assert np.mean(found < level) <= coverage_bounds(level, RUNS)[1], level
    # And not by never rejecting: three degrees cost less than that.
    assert np.mean(found < 0.2) >= 0.05


@pytest.mark.parametrize(("low", "count"), [(8, 18), (4, 30), (7, 7)])
def test_two_chi_squares_of_one_deviation_are_combined_exactly(low, count):
    """Of pure noise the p-value is uniform; Bonferroni's is not, and the mutant is rejected."""
    draws = np.random.default_rng(5).normal(size=(2000, count))
    found = [either_p_value(draw, low) for draw in draws]
    # 1e-3 for each of three: as seldom as three standard deviations.
    assert kstest(found, "uniform").pvalue > 1e-3 / 3
    parts = [chi2.sf(np.sum(draws[:, :n] ** 2, axis=1), n) for n in (low, count)]
    bonferroni = np.minimum(1.0, 2 * np.minimum(*parts))
    assert kstest(bonferroni, "uniform").pvalue < 1e-6


@pytest.mark.parametrize("shape", ["offset", "cubic", "vertical", "noise"])
def test_other_curves_without_hysteresis(shape):
    covariance = noise_covariance(0.002, 0.007, 0.5)
    voltage, current = {
        "offset": (DAMPED, 0.4 * DAMPED + 0.05),
        "cubic": (DAMPED, 0.1 * DAMPED + 0.3 * DAMPED**2 + 8 * DAMPED**3),
        "vertical": (0 * DAMPED, DAMPED),
        "noise": (0 * DAMPED, 0 * DAMPED),
    }[shape]
    found = p_values(voltage, current, covariance)
    assert np.mean(found < 0.05) <= coverage_bounds(0.05, RUNS)[1]


def test_neglecting_the_errors_of_the_voltage_finds_loops_in_resistors():
    """Mutant: errors of V set to a tenth."""
    covariance = noise_covariance(0.01, 0.004, 0.0)
    assert np.mean(p_values(DAMPED, 0.8 * DAMPED, covariance, 100) < 0.05) <= 0.15
    found = []
    for seed in range(100):
        one = series(DAMPED, 0.8 * DAMPED, covariance, seed)
        one = replace(one, voltage_error=one.voltage_error / 10)[0]
        data = fit_period(one, joint_covariance(one), 0.0, PERIOD)
        found.append(retraced_curve(data).p_value)
    assert np.mean(np.array(found) < 0.05) > 0.5


def test_a_memristor_is_found():
    current = 0.4 * (1 - np.sin(np.cos(TIMES))) * DAMPED
    found = p_values(DAMPED, current, noise_covariance(0.001, 0.0035, 0.5), 40)
    assert np.mean(found < 0.01) == 1.0


def test_a_pinched_loop_passes_through_the_origin_and_others_do_not():
    covariance = noise_covariance(0.002, 0.007, 0.5)
    gamma = 0.4 * (1 - np.sin(np.cos(TIMES)))

    def values(current, runs):
        found = []
        for seed in range(runs):
            one = series(DAMPED, current, covariance, seed)[0]
            data = fit_period(one, joint_covariance(one), 0.0, PERIOD)
            found.append(pinched_p_value(data, smooth_curve(data)))
        return np.array(found)

    assert kstest(values(gamma * DAMPED, RUNS), "uniform").pvalue > 1e-4
    assert np.all(values(gamma * DAMPED + 0.05, 20) < 1e-3)


# Through the whole chain: counts, estimate, find_loops, compare

RESISTOR = qm.Memristor(qm.ConstantRate(0.4), a=np.pi / 4, b=np.pi / 5)


@pytest.fixture(scope="module")
def exact() -> qm.Trajectory:
    return qm.exact_circuit(RESISTOR, RESISTOR.periods(3, points=30))


def measured(exact: qm.Trajectory, shots: int, seed: int, **options) -> qm.Trajectory:
    record = draw_record(qm.Network([RESISTOR]), exact, ("X", "Y"), shots, seed)
    return qm.estimate(record, **options)


@pytest.mark.parametrize("shots", [5000, 50_000])
def test_the_resistor_has_no_loop_by_all_defaults(exact, shots):
    """The first loop's interval excluded 0 in 87 % of runs, 100 % at 50 000 shots."""
    runs = 20
    lows, p_found = [], []
    for seed in range(runs):
        loops = qm.find_loops(measured(exact, shots, seed))
        lows.append([(loop.area_interval[0], loop.form_factor_interval[0]) for loop in loops])
        p_found.append([loop.no_loop_p_value for loop in loops])
    highest = coverage_bounds(0.05, runs)[1]
    assert np.all(np.mean(np.array(lows) > 0, axis=0) <= highest)
    assert np.all(np.mean(np.array(p_found) < 0.05, axis=0) <= highest)
    # An interval that starts above 0 says that no loop is rejected.
    assert np.all(np.array(p_found)[np.any(np.array(lows) > 0, axis=2)] < 0.05)


def test_compare_prints_the_probability_of_no_loop(exact):
    comparison = qm.compare(measured(exact, 5000, 0), exact)
    assert "p (no loop)" in str(comparison)
    assert comparison.agree is True
    assert comparison.differing_loops == ()


def test_compare_does_not_say_agree_where_the_loops_exclude_each_other(exact):
    """The counts are the model's, the current is not: a loop where there is none."""
    trajectory = measured(exact, 5000, 0)
    wrong = replace(trajectory, current=trajectory.current + 0.1 * np.sin(exact.times)[:, None])
    comparison = qm.compare(wrong, exact)
    assert comparison.agree is False
    assert comparison.differing_loops
    assert "do not agree in their loops" in comparison.verdict
    assert "The counts alone do not show it" in comparison.verdict


def test_straight_lines_do_not_stop_the_geometry(exact):
    """GEOS's noding does not converge on 8 of these 12 lines, which I = ΓV makes exactly straight.

    With the joint covariance, it is also known that there is no loop: the interval is a point.
    """
    for seed in range(12):
        trajectory = measured(exact, 5000, seed, current="current_operator")
        for loop in qm.find_loops(trajectory, samples=40):
            assert loop.form_factor_interval[1] < 1e-6  # rounding
            assert loop.no_loop_p_value == 1.0
        if seed < 2:
            assert qm.compare(trajectory, exact).agree is True


@pytest.mark.slow
def test_the_joint_covariance_is_that_of_repeated_runs(exact):
    runs = [measured(exact, 1000, seed, current="finite_difference") for seed in range(200)]
    voltage = np.array([run.voltage[:, 0] for run in runs])
    current = np.array([run.current[:, 0] for run in runs])
    voltage, current = voltage - voltage.mean(axis=0), current - current.mean(axis=0)
    at = np.array([0, 10, 40])
    found = np.einsum("ri,rj->ij", voltage[:, at], current) / len(runs)
    said = np.mean([run.voltage_current_covariance[0][at] for run in runs], axis=0)
    scale = np.outer(voltage.std(axis=0)[at], current.std(axis=0))
    # Standard error of a correlation: 1/√200; 3 × 91 of them.
    assert np.abs((found - said) / scale).max() < 4.5 / np.sqrt(len(runs))
    assert np.abs(said / scale).max() > 0.3  # and it is not zero
