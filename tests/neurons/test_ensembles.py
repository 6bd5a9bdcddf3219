"""Orbits side by side against closed solutions, and against SciPy's own DOP853."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from qmemcircuit.neurons.dynamics.ensembles import Ensemble, integrate_many
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, IntegrationError, compile_field
from qmemcircuit.neurons.inputs import PiecewiseInput
from qmemcircuit.neurons.shuttle.conductance import conductance_elements
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive

NEURON = ShuttleNeuron(resistance=5, bias=0.23, decoherence_rate=0.1)


def oscillator_rate(t: float, s: Any, d: Any, p: Any) -> None:
    """x″ + 2βx′ + ω₀²x + γx³ = F cos ωt: parameters β, ω₀, F, ω, γ."""
    d[0] = s[1]
    d[1] = -2 * p[0] * s[1] - p[1] ** 2 * s[0] - p[4] * s[0] ** 3 + p[2] * np.cos(p[3] * t)


def oscillator_jacobian(t: float, s: Any, m: Any, p: Any) -> None:
    m[0, 0], m[0, 1] = 0.0, 1.0
    m[1, 0], m[1, 1] = -(p[1] ** 2) - 3 * p[4] * s[0] ** 2, -2 * p[0]


@cache
def oscillator() -> DynamicalSystem:
    field = compile_field(oscillator_rate, oscillator_jacobian, dimension=2)
    return DynamicalSystem(field, np.array([0.2, 2.0, 1.0, 1.3, 0.0]), period=2 * np.pi / 1.3)


def closed_position(p: Any, t: Any) -> Any:
    """Return x(t) of the oscillator from rest at the origin."""
    response = p[2] / (p[1] ** 2 - p[3] ** 2 + 2j * p[0] * p[3])
    eigen = -p[0] + 1j * np.sqrt(p[1] ** 2 - p[0] ** 2)
    # The transient c e^{λt} cancels the response's position and velocity at t = 0.
    place, speed = -response.real, response.imag * p[3]
    transient = place - 1j * (speed - eigen.real * place) / eigen.imag
    return (response * np.exp(1j * p[3] * t)).real + (transient * np.exp(eigen * t)).real


def run_oscillators(**settings: Any) -> tuple[Any, Ensemble]:
    """Run more oscillators than there are lanes, each with its own numbers and times."""
    draw = np.random.default_rng(5)
    numbers = np.column_stack(
        [draw.uniform(low, high, 300) for low, high in ((0.1, 0.5), (1, 3), (0.5, 2), (0.5, 4))]
        + [np.zeros(300)]
    )
    systems = [oscillator().with_parameters(row) for row in numbers]
    times = np.array([0.0, 1.0, 7.0, 11.0]) * draw.uniform(0.5, 2.0, (300, 1))
    return (numbers, times), integrate_many(systems, times, [0.0, 0.0], **settings)


def test_each_orbit_is_the_closed_solution_of_its_own_numbers() -> None:
    (numbers, times), found = run_oscillators(rtol=1e-10, atol=1e-12)
    expected = np.array([closed_position(p, t) for p, t in zip(numbers, times, strict=True)])
    # Some twenty to a hundred steps of 1e-10 each.
    assert np.abs(found.states[:, :, 0] - expected).max() < 1e-8
    assert np.abs(np.roll(expected, 1, axis=0) - expected).max() > 0.1  # no neighbour's


def test_error_falls_with_the_tolerance() -> None:
    tolerances, errors = [1e-5, 1e-7, 1e-9], []
    for rtol in tolerances:
        (numbers, times), found = run_oscillators(rtol=rtol, atol=rtol / 100)
        expected = [closed_position(p, t[-1]) for p, t in zip(numbers, times, strict=True)]
        errors.append(np.median(np.abs(found.states[:, -1, 0] - expected)))
    slope = np.polyfit(np.log(tolerances), np.log(errors), 1)[0]
    assert 0.85 < slope < 1.15, (slope, errors)


def test_extremes_are_the_amplitude_of_the_settled_oscillation() -> None:
    p = np.array([0.2, 2.0, 1.0, 1.3, 0.0])
    amplitude = abs(p[2] / (p[1] ** 2 - p[3] ** 2 + 2j * p[0] * p[3]))
    settled = integrate_many(
        oscillator(), [0.0, 130.0, 140.0], [0.3, 0.0], extremes_from=1, rtol=1e-10, atol=1e-12
    )
    # What is left of the transient is e^{−26}; the interpolant is of order 7.
    assert settled.maxima[0, 0] == pytest.approx(amplitude, abs=3e-9)
    assert settled.minima[0, 0] == pytest.approx(-amplitude, abs=3e-9)
    assert settled.maxima[0, 1] == pytest.approx(amplitude * p[3], abs=3e-8)


def test_growth_of_all_tangent_vectors_is_the_trace() -> None:
    """Liouville: the volume shrinks as e^{−2βt} on any orbit; here a Duffing oscillator's."""
    systems = [
        oscillator().with_parameters([damping, 1.0, 0.4, 1.2, 1.0]) for damping in (0.1, 0.3)
    ]
    found = integrate_many(systems, np.linspace(0, 20, 21), [0.5, 0.0], exponents=2)
    assert np.allclose(found.growth.sum((1, 2)), [-4.0, -12.0], atol=1e-6)
    assert found.growth[:, 0].tolist() == [[0.0, 0.0]] * 2


def test_shuttle_is_that_of_scipy_with_the_integrals_themselves() -> None:
    """Two drives and a voltage where F vanishes, against F by quadrature and SciPy's DOP853."""
    drives = (SinusoidalDrive(0.3, 6.0, 0.4), SinusoidalDrive(10.0, 2.0))
    start = np.array([[0.0, 0.98, 0.15, 0.0], [-9.0, 0.5, 0.3, -0.2]])
    neurons = [replace(NEURON, drive=drive) for drive in drives]
    found = integrate_many(
        [neuron.system() for neuron in neurons], [0.0, 2.0], start, rtol=1e-10, atol=1e-12
    )

    def rate(t: float, state: Any, drive: SinusoidalDrive) -> Any:
        v, z, x, y = state
        f00, f01, f11 = conductance_elements(0.8 - 0.5 * np.sqrt(2) * v)
        conductance = 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01
        wave = drive.amplitude * np.sin(drive.frequency * t + drive.phase)
        slope = NEURON.bias + wave - (1 + NEURON.resistance * conductance) * v
        return [
            slope, -2 * slope * x - 0.1 * (z - 1), 7 * y + 2 * slope * z - 0.1 * x, -7 * x - 0.1 * y
        ]  # fmt: skip

    for k, drive in enumerate(drives):
        expected = solve_ivp(
            rate, (0, 2), start[k], "DOP853", rtol=1e-10, atol=1e-12, args=(drive,)
        ).y[:, -1]
        assert np.abs(found.states[k, -1] - expected).max() < 1e-8
        assert np.abs(found.states[1 - k, -1] - expected).max() > 0.1


def test_shuttle_tangents_are_differences_of_orbits() -> None:
    system = replace(NEURON, drive=SinusoidalDrive(0.3, 6.0)).system()
    start, shift = np.array([0.1, 0.9, 0.15, 0.1]), 1e-6 * np.eye(4)[0]
    ends = integrate_many(
        system, [0.0, 3.0], [start + shift, start - shift], rtol=1e-12, atol=1e-13
    ).states[:, -1]
    growth = integrate_many(system, [0.0, 3.0], start, exponents=1).growth[0, 1, 0]
    expected = np.log(np.linalg.norm(ends[0] - ends[1]) / 2e-6)
    assert growth == pytest.approx(expected, abs=1e-6)  # the difference's own error


def test_threads_change_nothing() -> None:
    one, two = (run_oscillators(threads=threads)[1] for threads in (1, 2))
    assert np.abs(one.states - two.states).max() < 1e-9


@pytest.mark.parametrize("changes", [{"decoherence_rate": 1e8}, {"resistance": 1e9}])
def test_a_stiff_orbit_is_refused_and_names_the_method_for_it(changes: dict[str, float]) -> None:
    """Before, five million steps went by, some minute for each orbit."""
    neuron = replace(ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1), **changes)
    with pytest.raises(IntegrationError, match=r"Orbit 0 of 2 stopped .* stiff there.*implicit"):
        integrate_many([neuron.system()] * 2, [0, 100.0], [0, 1, 0, 0])


def test_what_cannot_be_run_is_refused() -> None:
    system = oscillator()
    with pytest.raises(ValueError, match=r"states must be finite numbers of shape \(K, 2\)"):
        integrate_many(system, [0.0, 1.0], [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="times must be two or more increasing"):
        integrate_many(system, [1.0, 0.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="systems must hold one row, or 3"):
        integrate_many([system] * 2, [0.0, 1.0], np.zeros((3, 2)))
    with pytest.raises(ValueError, match="extremes_from must be at most 0"):
        integrate_many(system, [0.0, 1.0], [0.0, 0.0], extremes_from=1)
    pulse = replace(NEURON, drive=PiecewiseInput((1.0,), (0.0, 0.5))).system()
    with pytest.raises(ValueError, match="breakpoints; integrate"):
        integrate_many(pulse, [0.0, 1.0], [0.0, 1.0, 0.0, 0.0])
    other = [NEURON.system(), replace(NEURON, tunnelling_length=0.2).system()]
    with pytest.raises(ValueError, match=r"systems must agree in the parameters from 15 on"):
        integrate_many(other, [0.0, 1.0], [0.0, 1.0, 0.0, 0.0])
    unbound = system.with_parameters([0.0, 1.0, 0.0, 1.0, -1.0])  # x³ drives it outwards
    with pytest.raises(IntegrationError, match="Orbit 1 of 2 stopped at t = "):
        integrate_many([system, unbound], [0.0, 50.0], [2.0, 0.0])
