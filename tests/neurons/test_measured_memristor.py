"""The measured memristor: averages are the master equation's, one run keeps its information."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qmemcircuit.neurons.photonic.measured import MeasuredMemristor, simulate_measured

RESISTOR = MeasuredMemristor(modulation=0.0, relaxation_rate=0.08, measurement_strength=0.05)


def unconditional_moments(memristor, times):
    """Eqs. 8–10 without the record (dW averaged out): linear, by matrix exponential."""
    from scipy.linalg import expm

    g, k, lam = memristor.relaxation_rate, memristor.measurement_strength, memristor.temperature
    # Order: <φ>, <q>, <φφ>, <φq>, <qq> (central), 1; C = L = ħ = 1.
    drift = np.zeros((6, 6))
    drift[0, 1], drift[1, 0], drift[1, 1] = 1, -1, -2 * g
    drift[2, 3], drift[2, 5] = 2, 2 * k
    drift[3, 4], drift[3, 2], drift[3, 3] = 1, -1, -2 * g
    drift[4, 3], drift[4, 4], drift[4, 5] = -2, -4 * g, 4 * lam * g
    start = np.array([memristor.flux, memristor.charge, 0.5, 0, 0.5, 1])
    return np.array([expm(drift * t) @ start for t in times])


def test_ensemble_average_is_the_master_equation():
    times = np.array([0.0, 1.3, 4.0])
    runs = 3000
    got = simulate_measured(RESISTOR, times, trajectories=runs, seed=3, steps_per_period=800)
    wanted = unconditional_moments(RESISTOR, times)
    for k, name in ((0, "flux"), (1, "charge")):
        values = got.variables[name][1:]
        error = values.std(axis=1, ddof=1) / np.sqrt(runs)
        z = (values.mean(axis=1) - wanted[1:, k]) / error
        assert np.abs(z).max() < 3.3  # 4 checks: p = 0.004 of a false alarm for a true model
        # Total variance: within runs plus between runs; its relative error is √(2/3000) = 2.6 %
        # of the part between runs.
        within = got.variables[f"{name}_variance"][1:].mean(axis=1)
        total = within + values.var(axis=1)
        assert np.abs(total - wanted[1:, 2 + 2 * k]).max() < 4 * 0.026 * values.var(axis=1).max()
    # Mutant: 10 % more relaxation is seen.
    wrong = unconditional_moments(replace(RESISTOR, relaxation_rate=0.16), times)
    assert abs(got.variables["charge"][2].mean() - wrong[2, 1]) > 5 * error[1]


def test_one_run_stays_pure_where_only_the_measurement_acts():
    silent = replace(RESISTOR, relaxation_rate=0.0)
    errors = []
    for steps in (1000, 2000):
        run = simulate_measured(silent, [0, 5.0], trajectories=1, seed=1, steps_per_period=steps)
        v = {key: value[-1, 0] for key, value in run.variables.items()}
        determinant = v["flux_variance"] * v["charge_variance"] - v["covariance"] ** 2
        errors.append(abs(determinant - 0.25))
    # An efficient measurement keeps a pure state pure: ħ²/4, up to Euler's first order.
    assert errors[1] < 2e-3
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


def test_without_noise_the_memory_is_the_flux_and_the_loop_is_pinched():
    memristor = MeasuredMemristor()
    times = np.linspace(0, 3 * memristor.period, 601)
    run = simulate_measured(memristor, times, trajectories=1, seed=0, noise=False)
    charge, current = run.variables["charge"][:, 0], run.current[:, 0]
    # d<φ>/dt = <q>/C and C dμ/dt = <q> start together: equal up to Euler's first order.
    np.testing.assert_allclose(run.variables["memory"], run.variables["flux"], atol=1e-12)
    zero = np.flatnonzero(np.diff(np.sign(charge)) != 0)
    assert zero.size >= 5
    # I = 2γq exactly, so between the two samples around a zero of q, |I| ≤ 2γ_max |q|.
    assert np.all(np.abs(current[zero]) <= 2 * 0.05 * 1.8 * np.abs(charge[zero]) + 1e-15)


def test_bad_input():
    with pytest.raises(ValueError, match="modulation must be in"):
        MeasuredMemristor(modulation=1.0)
    with pytest.raises(ValueError, match="capacitance must be greater than 0"):
        MeasuredMemristor(capacitance=-1.0)
    with pytest.raises(ValueError, match="trajectories must be at least 1"):
        simulate_measured(RESISTOR, [0, 1.0], trajectories=0, seed=1)
