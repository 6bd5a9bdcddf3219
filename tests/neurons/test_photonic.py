"""The photonic memristor: closed forms, circuits in closed loop, and the reservoir."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.neurons.photonic.memristor import (
    PhotonicMemristor,
    photonic_circuit,
    run_photonic,
    simulate_cascade,
    simulate_photonic,
)
from qmemcircuit.neurons.photonic.reservoir import (
    Reservoir,
    draw_reservoir,
    fit_readout,
    read_out,
    respond,
)


def squared_sine(times):
    return np.sin(np.pi * times) ** 2  # T0 = 1


@settings(max_examples=25, deadline=None)
@given(ratio=st.floats(0.05, 2.5))
def test_loop_area_is_the_closed_form(ratio):
    times = np.linspace(0, 1, 1001)
    run = simulate_photonic(PhotonicMemristor(ratio), times, squared_sine, period=1.0)
    wanted = np.sin(np.pi * ratio) ** 2 / (8 * ratio)
    (loop,) = find_loops(run, normalise=None)
    # Polygon of 1000 points: relative error (π/1000)²/6·4 ~ 1e-5; slivers under 1e-6 may be cut.
    assert loop.area == pytest.approx(wanted, rel=2e-5, abs=2e-6)


def test_reflectivity_is_the_closed_form_and_output_is_damped_input():
    x = 0.3
    times = np.linspace(0, 2, 41)
    run = simulate_photonic(PhotonicMemristor(x), times, squared_sine)
    closed = 0.5 - np.sin(np.pi * x) / (2 * np.pi * x) * np.cos(2 * np.pi * times - np.pi * x)
    np.testing.assert_allclose(run.variables["reflectivity"], closed, atol=1e-14)
    from qmemcircuit.circuits.collision import damping_kraus

    for k in (3, 17):
        n = float(squared_sine(times[k]))
        amplitudes = np.array([np.sqrt(1 - n), np.sqrt(n)])
        rho = np.outer(amplitudes, amplitudes)
        damped = sum(a @ rho @ a.conj().T for a in damping_kraus(float(closed[k])))
        np.testing.assert_allclose(run.states[k], damped, atol=1e-14)


def test_cascade_converges_to_the_single_device_at_second_order():
    """One device, an input that starts at rest (n = ½ before t = 0)."""
    errors = []

    def photons(times):
        return 0.5 + 0.4 * np.sin(2 * times) * (times > 0)

    for points in (101, 201, 401):
        times = np.linspace(0, 6, points)
        run = simulate_cascade([PhotonicMemristor(1.234)], times, photons(times))
        # ∫(n − ½) = 0.2 (1 − cos 2t)
        start = np.maximum(times - 1.234, 0)
        exact = 0.5 + 0.2 * (np.cos(2 * start) - np.cos(2 * times)) / 1.234
        errors.append(np.abs(run.variables["reflectivity"][:, 0] - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 2) < 0.15), orders


def test_two_devices_in_series_conserve_photons():
    times = np.linspace(0, 4, 801)
    run = simulate_cascade(
        [PhotonicMemristor(0.4), PhotonicMemristor(0.7)], times, squared_sine(times), period=1.0
    )
    np.testing.assert_allclose(run.voltage[:, 1], run.current[:, 0])
    reflected = run.variables["reflectivity"] * run.voltage
    total = run.current[:, 1] + reflected.sum(axis=1)
    np.testing.assert_allclose(total, run.voltage[:, 0], atol=1e-14)


def test_circuit_is_the_beam_splitter():
    from qiskit.quantum_info import Statevector

    circuit = photonic_circuit(0.7, 0.2)
    circuit.remove_final_measurements()
    probabilities = Statevector(circuit).probabilities()
    # Outcomes: none, transmitted, reflected, both.
    np.testing.assert_allclose(probabilities, [0.3, 0.7 * 0.8, 0.7 * 0.2, 0], atol=1e-14)


def test_closed_loop_circuits_follow_the_device_within_the_shots():
    device = PhotonicMemristor(0.4)
    times = np.linspace(0, 1.4, 57)
    shots = 4000

    run = run_photonic(device, times, squared_sine, shots=shots, seed=11)
    truth = squared_sine(times)
    # From t = T on the record covers the whole window and the device is the ideal one.
    late = times >= 0.4
    exact = simulate_photonic(device, times, squared_sine).current[late, 0]
    # n_out: binomial; R: a mean of 16 estimates. The feedback's own error, dt² n''/12 = 1e-3,
    # is 0.12 of that spread. 98 checks: z = 4.
    spread = np.sqrt(0.25 / shots + (0.25 / shots) / 16)
    assert np.abs(run.voltage[:, 0] - truth).max() < 4 * np.sqrt(0.25 / shots)
    assert np.abs(run.current[late, 0] - exact).max() < 4.2 * spread
    # The steps' shots are independent: equal seeds would shift all of them together.
    inside = (truth > 0.01) & (truth < 0.99)
    pull = (run.voltage[:, 0] - truth)[inside] / np.sqrt((truth * (1 - truth))[inside] / shots)
    assert abs(pull.mean()) < 3.3 / np.sqrt(pull.size)
    # Mutant: a reflectivity fixed at ½ (no memory) is told apart.
    assert np.abs(run.current[:, 0] - 0.5 * truth).max() > 8 * spread


def test_reservoir_without_memory_cannot_know_the_past():
    reservoir = draw_reservoir(6, longest_window=3, seed=1)
    random = np.random.default_rng(0)
    u = random.integers(0, 2, 300).astype(float)
    other = u.copy()
    other[:-1] = 1 - other[:-1]
    blind = reservoir.without_memory()
    assert np.array_equal(respond(blind, u)[-1], respond(blind, other)[-1])
    assert not np.allclose(respond(reservoir, u)[-1], respond(reservoir, other)[-1])


def test_memory_solves_temporal_xor_exactly_and_its_absence_does_not():
    u = np.random.default_rng(3).integers(0, 2, 600).astype(float)
    target = np.logical_xor(u[1:], u[:-1]).astype(float)
    # Four input pairs: three features of rank three and a constant can tell them apart.
    reservoir = Reservoir((1, 2, 2), (0.7, 0.6, 0.5), (0.2, 0.1, 0.3))
    features = respond(reservoir, u)[1:]
    weights = fit_readout(features[:300], target[:300], ridge=1e-12)
    assert np.abs(read_out(features[300:], weights) - target[300:]).max() < 1e-4
    blind = respond(reservoir.without_memory(), u)[1:]
    weights = fit_readout(blind[:300], target[:300], ridge=1e-12)
    error = np.mean((read_out(blind[300:], weights) > 0.5) != (target[300:] > 0.5))
    # A coin: 300 bits, 4 standard deviations.
    assert abs(error - 0.5) < 4 * 0.5 / np.sqrt(300)


def test_bad_input():
    with pytest.raises(ValueError, match="window must be greater than 0"):
        PhotonicMemristor(0.0)
    device = PhotonicMemristor(1.0)
    with pytest.raises(ValueError, match=r"photons must lie in \[0, 1\]"):
        simulate_photonic(device, [0, 1.0], lambda t: 1 + t)
    with pytest.raises(ValueError, match="shape of its argument"):
        simulate_photonic(device, [0, 1.0], lambda t: 0.5)
    with pytest.raises(ValueError, match="shape of times"):
        simulate_cascade([device], [0, 1.0], [0.1])
    with pytest.raises(ValueError, match="at least one device"):
        simulate_cascade([], [0, 1.0], [0.1, 0.2])
    with pytest.raises(ValueError, match="equal steps"):
        run_photonic(device, [0, 1.0, 3.0], squared_sine, shots=10, seed=1)
    with pytest.raises(ValueError, match="as many entries"):
        Reservoir((1, 2), (1.0,), (0.0,))
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        respond(draw_reservoir(2, longest_window=2, seed=0), [0.5, 1.5])
    with pytest.raises(ValueError, match="seed must be given with shots"):
        respond(draw_reservoir(2, longest_window=2, seed=0), [0.5], shots=5)


def test_compare_gives_distances_and_no_verdict_on_a_fed_back_reflectivity():
    device, times = PhotonicMemristor(window=0.4), np.linspace(0, 2, 41)
    counted = run_photonic(device, times, squared_sine, shots=1000, seed=1, period=1.0)
    ideal = simulate_photonic(device, times, squared_sine, period=1.0)
    comparison = qm.compare(counted, ideal)
    assert comparison.agree is None
    # n_in: 41 binomials of spread at most 0.016; n_out: that and the reflectivity's noise.
    assert 0 < comparison.voltage_max[0] < 0.08
    assert 0 < comparison.current_max[0] < 0.15
