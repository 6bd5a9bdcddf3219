"""The dynamics tools on systems with closed solutions; the neuron only where it is the question."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from qmemcircuit.neurons.dynamics.continuation import follow_periodic_orbits
from qmemcircuit.neurons.dynamics.cycles import (
    ConvergenceError,
    find_limit_cycle,
    find_periodic_orbit,
)
from qmemcircuit.neurons.dynamics.equilibria import find_equilibrium, find_hopf, hopf_normal_form
from qmemcircuit.neurons.dynamics.lyapunov import lyapunov_spectrum
from qmemcircuit.neurons.dynamics.maps import rotation_number, stroboscopic_map
from qmemcircuit.neurons.dynamics.sections import poincare_section
from qmemcircuit.neurons.dynamics.spectra import identify_line, power_spectrum, spectral_lines
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    compile_field,
    integrate,
)
from qmemcircuit.neurons.hodgkin_huxley.membrane import Membrane, simulate_membrane
from qmemcircuit.neurons.shuttle.bifurcations import find_hopf_points, find_steady_states
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)


def stuart_landau_rate(t: float, s: Any, d: Any, p: Any) -> None:
    """ż = (μ + iω)z + (a + ib)|z|²z, in w = (u, v) with u = Re z − κ(Im z)²: quadratic terms."""
    y = s[1]
    x = s[0] + p[4] * y * y
    r = x * x + y * y
    dx = p[0] * x - p[1] * y + r * (p[2] * x - p[3] * y)
    dy = p[1] * x + p[0] * y + r * (p[3] * x + p[2] * y)
    d[0] = dx - 2 * p[4] * y * dy
    d[1] = dy


def stuart_landau_jacobian(t: float, s: Any, m: Any, p: Any) -> None:
    y = s[1]
    k = p[4]
    x = s[0] + k * y * y
    r = x * x + y * y
    dy = p[1] * x + p[0] * y + r * (p[3] * x + p[2] * y)
    g, h = p[2] * x - p[3] * y, p[3] * x + p[2] * y
    xx = p[0] + 2 * x * g + r * p[2]
    xy = -p[1] + 2 * y * g - r * p[3]
    yx = p[1] + 2 * x * h + r * p[3]
    yy = p[0] + 2 * y * h + r * p[2]
    # ∂x/∂u = 1, ∂x/∂v = 2ky.
    du_dx, du_dy = xx - 2 * k * y * yx, xy - 2 * k * y * yy - 2 * k * dy
    m[0, 0], m[0, 1] = du_dx, du_dx * 2 * k * y + du_dy
    m[1, 0], m[1, 1] = yx, yx * 2 * k * y + yy


def oscillator_rate(t: float, s: Any, d: Any, p: Any) -> None:
    """x″ + 2βx′ + ω₀²x = F cos ωt: parameters β, ω₀, F, ω."""
    d[0] = s[1]
    d[1] = -2 * p[0] * s[1] - p[1] ** 2 * s[0] + p[2] * np.cos(p[3] * t)


def oscillator_jacobian(t: float, s: Any, m: Any, p: Any) -> None:
    m[0, 0], m[0, 1], m[1, 0], m[1, 1] = 0.0, 1.0, -(p[1] ** 2), -2 * p[0]


def duffing_rate(t: float, s: Any, d: Any, p: Any) -> None:
    """x″ + 2βx′ + ω₀²x + γx³ = F cos ωt: parameters β, ω₀, F, ω, γ."""
    d[0] = s[1]
    d[1] = -2 * p[0] * s[1] - p[1] ** 2 * s[0] - p[4] * s[0] ** 3 + p[2] * np.cos(p[3] * t)


def duffing_jacobian(t: float, s: Any, m: Any, p: Any) -> None:
    m[0, 0], m[0, 1] = 0.0, 1.0
    m[1, 0], m[1, 1] = -(p[1] ** 2) - 3 * p[4] * s[0] ** 2, -2 * p[0]


def lorenz_rate(t: float, s: Any, d: Any, p: Any) -> None:
    d[0] = p[0] * (s[1] - s[0])
    d[1] = s[0] * (p[1] - s[2]) - s[1]
    d[2] = s[0] * s[1] - p[2] * s[2]


def lorenz_jacobian(t: float, s: Any, m: Any, p: Any) -> None:
    m[0, 0], m[0, 1], m[0, 2] = -p[0], p[0], 0.0
    m[1, 0], m[1, 1], m[1, 2] = p[1] - s[2], -1.0, -s[0]
    m[2, 0], m[2, 1], m[2, 2] = s[1], s[0], -p[2]


@cache
def stuart_landau() -> DynamicalSystem:
    """μ = 0.1, ω = 3, a = −0.4, b = 0.7, κ = 0.3."""
    field = compile_field(stuart_landau_rate, stuart_landau_jacobian, dimension=2)
    return DynamicalSystem(field, np.array([0.1, 3.0, -0.4, 0.7, 0.3]), ("u", "v"))


@cache
def oscillator() -> DynamicalSystem:
    field = compile_field(oscillator_rate, oscillator_jacobian, dimension=2)
    return DynamicalSystem(field, np.array([0.05, 2.0, 1.0, 1.3]), period=2 * np.pi / 1.3)


@cache
def lorenz() -> DynamicalSystem:
    field = compile_field(lorenz_rate, lorenz_jacobian, dimension=3)
    return DynamicalSystem(field, np.array([10.0, 28.0, 8 / 3]))


@pytest.mark.parametrize("system", [stuart_landau, oscillator, lorenz])
def test_jacobians_of_the_test_systems(system: Any) -> None:
    built = system()
    rng = np.random.default_rng(3)
    state, h = rng.normal(size=built.dimension), 1e-6
    columns = [
        (built.rate(state + h * e) - built.rate(state - h * e)) / (2 * h)
        for e in np.eye(built.dimension)
    ]
    assert np.abs(np.array(columns).T - built.jacobian(state)).max() < 1e-7


def test_limit_cycle_has_the_closed_radius_period_and_multiplier() -> None:
    """r² = −μ/a, ω_c = ω + b r², the other multiplier e^{−2μT}; κ changes none of them."""
    mu, omega, a, b, _ = stuart_landau().parameters
    square = -mu / a
    period = 2 * np.pi / (omega + b * square)
    cycle = find_limit_cycle(stuart_landau(), [0.3, 0.1], transient=40.0)
    assert cycle.period == pytest.approx(period, rel=1e-10)
    assert cycle.transverse_multipliers[0] == pytest.approx(np.exp(-2 * mu * period), rel=1e-9)
    assert cycle.stable
    # v = Im z swings between ±r; parabolas leave (2π/4096)⁴ of it.
    assert cycle.span(1) == pytest.approx(2 * np.sqrt(square), rel=1e-10)


def test_unstable_cycle_is_found_where_it_is_subcritical() -> None:
    system = stuart_landau().with_parameters([-0.1, 3.0, 0.4, 0.7, 0.0])
    cycle = find_limit_cycle(system, [0.49, 0.0], period=2.0)
    assert cycle.span(1) == pytest.approx(1.0, rel=1e-10)
    assert not cycle.stable


def test_hopf_point_and_its_normal_form() -> None:
    """l₁ = a|scale|²/ω: with q = (1, −i)/√2, z = √2·coordinate, Re c₁ = 2a, so l₁ = 2a/ω."""
    system = stuart_landau()

    def at(mu: float) -> DynamicalSystem:
        return system.with_parameters([mu, *system.parameters[1:]])

    mu, equilibrium = find_hopf(at, (-0.05, 0.08), [0.0, 0.0])
    assert abs(mu) < 1e-12
    assert equilibrium.leading_pair.imag == pytest.approx(3.0)
    form = hopf_normal_form(at(0.0), [0.0, 0.0])
    # Polynomials of degree below 8: the differences are exact but for rounding/step³.
    assert form.coefficient == pytest.approx(2 * -0.4 / 3.0, abs=1e-9)
    assert form.supercritical
    assert form.span(0.1, variable=1) == pytest.approx(2 * np.sqrt(0.1 / 0.4), rel=1e-8)
    other = hopf_normal_form(at(0.0).with_parameters([0, 3.0, 0.4, 0.7, 0.3]), [0.0, 0.0])
    assert not other.supercritical
    with pytest.raises(ValueError, match="must be positive here"):
        form.span(-0.1)


def test_normal_form_predicts_the_neurons_small_cycles() -> None:
    """span from shooting / span from l₁ → 1 linearly in the distance from the Hopf point."""
    point = find_hopf_points(NEURON)[0]
    at_hopf = replace(NEURON, bias=point.bias).system()
    form = hopf_normal_form(at_hopf, [point.voltage, 1, 0, 0])
    assert form.supercritical
    ratios = []
    for distance in (2e-3, 1e-3):
        neuron = replace(NEURON, bias=point.bias + distance)
        steady = find_steady_states(neuron)[0]
        predicted = form.span(float(steady.eigenvalues[0].real))
        start = np.array([steady.voltage, 1, 0, 0]) + form.eigenvector.real * (
            predicted / (2 * abs(form.eigenvector[0]))
        )
        cycle = find_limit_cycle(neuron.system(), start, period=2 * np.pi / form.frequency)
        ratios.append(cycle.span() / predicted - 1)
    assert abs(ratios[1]) < 0.02
    assert np.log2(abs(ratios[0] / ratios[1])) == pytest.approx(1.0, abs=0.2)


def test_the_neurons_cycles_to_eight_digits() -> None:
    """Multipliers against Liouville's formula and a run with another tolerance and start."""
    for bias in (0.23, 1.73, 3.2):
        neuron = replace(NEURON, bias=bias)
        first = find_limit_cycle(neuron.system(), [0.15 * (1 + bias), 0.98, 0.1, 0], transient=3000)
        moved = first.sample(8)[1][3]
        second = find_limit_cycle(neuron.system(), moved, period=first.period * 1.001)
        assert first.period == pytest.approx(second.period, rel=1e-10)
        assert (
            np.abs(np.sort(abs(first.multipliers)) - np.sort(abs(second.multipliers))).max() < 1e-8
        )
        assert np.abs(first.multipliers - 1).min() < 1e-9
        times, states = first.sample(2001)
        divergence = [np.trace(neuron.system().jacobian(state)) for state in states]
        product = np.exp(np.trapezoid(divergence, times))  # periodic: spectrally accurate
        assert np.prod(first.multipliers).real == pytest.approx(product, rel=1e-8)


def test_forced_linear_oscillator() -> None:
    """Response F/√((ω₀²−ω²)²+(2βω)²) and multipliers e^{(−β ± iν)T}."""
    beta, natural, force, omega = oscillator().parameters
    orbit = find_periodic_orbit(oscillator(), [0.0, 0.0])
    amplitude = force / np.hypot(natural**2 - omega**2, 2 * beta * omega)
    assert orbit.span() == pytest.approx(2 * amplitude, rel=1e-10)
    exponents = -beta + 1j * np.sqrt(natural**2 - beta**2) * np.array([1, -1])
    expected = np.exp(exponents * orbit.period)
    assert np.abs(np.sort_complex(orbit.multipliers) - np.sort_complex(expected)).max() < 1e-10
    found = lyapunov_spectrum(oscillator(), [1.0, 0.0], transient=0, duration=400, blocks=4)
    # Both exponents are −β; the angle of the vectors enters as O(1)/duration.
    assert found.exponents == pytest.approx([-beta, -beta], abs=5e-3)
    assert found.exponents.sum() == pytest.approx(-2 * beta, abs=1e-8)  # the divergence, exactly


def test_branch_passes_the_folds_of_duffings_oscillator() -> None:
    """Follow the resonance curve in ω through both folds; one multiplier is 1 at each fold."""
    field = compile_field(duffing_rate, duffing_jacobian, dimension=2)

    def at(omega: float) -> DynamicalSystem:
        return DynamicalSystem(
            field, np.array([0.05, 1.0, 0.2, omega, 0.5]), period=2 * np.pi / omega
        )

    start = find_periodic_orbit(at(0.9), integrate(at(0.9), [0.0, 300.0], [0.0, 0.0])[-1])
    branch = follow_periodic_orbits(
        at, start, 0.9, step=0.08, count=150, stop=lambda omega, orbit: omega > 2.2
    )
    steps = np.diff(branch.parameters)
    turns = np.flatnonzero(steps[:-1] * steps[1:] < 0) + 1
    assert len(turns) == 2
    stable = [orbit.stable for orbit in branch.orbits]
    middle = (turns[0] + turns[1]) // 2
    assert stable[turns[0] - 2]
    assert not stable[middle]
    assert stable[-1]
    # Steady amplitude by harmonic balance with γ = 0.5: off by the third harmonic, some percent.
    omega, amplitude = branch.parameters[-1], branch.orbits[-1].span() / 2
    force = np.hypot(amplitude * (1 - omega**2) + 0.375 * amplitude**3, 0.1 * omega * amplitude)
    assert force == pytest.approx(0.2, rel=0.02)


def test_lorenz_spectrum() -> None:
    """Sprott (2003): 0.9056, 0, −14.5723; the sum is −(σ + 1 + β) exactly."""
    found = lyapunov_spectrum(lorenz(), [1.0, 1.0, 1.0], transient=100, duration=2000, interval=0.5)
    assert abs(found.exponents.sum() + 10 + 1 + 8 / 3) < 1e-7
    # Three comparisons: 4 standard errors each; the zero exponent adds O(1)/duration.
    assert abs(found.exponents[0] - 0.9056) < 4 * found.errors[0]
    assert abs(found.exponents[1]) < 4 * found.errors[1] + 2 / 2000
    assert found.errors[0] < 0.01
    assert found.kaplan_yorke_dimension == pytest.approx(2.062, abs=0.003)
    # A mutant: the spectrum of ρ = 40 must be rejected by the same bound.
    mutant = lyapunov_spectrum(
        lorenz().with_parameters([10.0, 40.0, 8 / 3]), [1.0, 1.0, 1.0], transient=100, duration=2000
    )
    assert abs(mutant.exponents[0] - 0.9056) > 4 * found.errors[0]


def test_lyapunov_exponents_of_a_cycle_are_its_multipliers() -> None:
    cycle = find_limit_cycle(NEURON.system(), [0.85, 0.98, 0.1, 0], transient=2000)
    expected = np.sort(np.log(np.abs(cycle.multipliers)) / cycle.period)[::-1]
    found = lyapunov_spectrum(NEURON.system(), cycle.state, transient=300, duration=3000)
    # The rotating tangent vectors average to the exponents like O(1)/duration.
    assert np.abs(found.exponents - expected).max() < 2e-3


def test_neuron_locks_and_drifts_as_published() -> None:
    """V_Amp = 0.2 locked, 0.1 a torus with ω₀ near 7.028 (driven2026, Figs. 11, 12)."""
    free = replace(NEURON, bias=0.23)
    locked, drifting = (replace(free, drive=SinusoidalDrive(a, 6.0)).system() for a in (0.2, 0.1))
    guess = [find_steady_states(free)[0].voltage, 1.0, 0.0, 0.0]
    assert find_periodic_orbit(locked, guess).stable
    orbit = find_periodic_orbit(drifting, guess)
    assert not orbit.stable
    turns = rotation_number(
        drifting, [0.2, 0.9, 0.1, 0.1], periods=300, transient=600, plane=(3, 2), centre=orbit
    )
    assert turns.value * 6.0 == pytest.approx(7.0283, abs=2e-4)
    points = stroboscopic_map(locked, guess, count=3, transient=2000)
    # Multipliers of modulus 0.996: 2000 periods leave 5e-4 of the start.
    assert np.ptp(points, axis=0).max() < 1e-3


def test_rotation_number_of_a_linear_oscillator_in_its_own_frame() -> None:
    """The decaying free oscillation turns √(ω₀² − β²)/ω times per drive period."""
    beta, natural, _, omega = oscillator().parameters
    orbit = find_periodic_orbit(oscillator(), [0.0, 0.0])
    start = orbit.state + np.array([3.0, 0.0])
    turns = rotation_number(
        oscillator(), start, periods=24, transient=0, plane=(0, 1), centre=orbit
    )
    expected = -np.sqrt(natural**2 - beta**2) / omega  # clockwise in (x, ẋ)
    # An ellipse turns unevenly: the weighted mean over 24 periods leaves some 1e-3.
    assert turns.value == pytest.approx(expected, abs=5e-3)
    settled = rotation_number(oscillator(), orbit.state, periods=8, transient=0, centre=orbit)
    assert np.isnan(settled.value)


def test_lines_of_a_synthetic_signal() -> None:
    times = np.arange(0, 200, 0.05)
    signal = 0.3 + 2 * np.cos(3.1 * times + 0.4) + 0.01 * np.sin(7.7 * times)
    lines = spectral_lines(times, signal, count=2)
    assert lines[0].frequency == pytest.approx(3.1, abs=1e-6)
    assert lines[0].amplitude == pytest.approx(2.0, rel=1e-5)
    assert lines[0].phase == pytest.approx(0.4, abs=1e-4)
    assert lines[1].frequency == pytest.approx(7.7, abs=1e-4)
    assert identify_line(7.7 + 3.1, (3.1, 7.7))[:2] == (1, 1)
    spectrum = power_spectrum(times, signal)
    total = np.sum(spectrum.density) * spectrum.frequencies[1]
    assert total == pytest.approx(2.0, rel=0.01)  # variance of 2 cos: 2


def test_bad_arguments_and_failures() -> None:
    system = stuart_landau()
    with pytest.raises(ValueError, match=r"state must hold 2 finite numbers \(u, v\)"):
        integrate(system, [0.0, 1.0], [1.0])
    with pytest.raises(ValueError, match="times must be two or more increasing"):
        integrate(system, [1.0, 0.0], [1.0, 0.0])
    with pytest.raises(ConvergenceError, match="does not oscillate"):
        find_limit_cycle(system.with_parameters([-1.0, 3, -0.4, 0, 0]), [0.1, 0.0], transient=50.0)
    with pytest.raises(ValueError, match="use find_limit_cycle"):
        find_periodic_orbit(system, [0.1, 0.0])
    with pytest.raises(ValueError, match="use find_periodic_orbit"):
        find_limit_cycle(oscillator(), [0.1, 0.0])
    with pytest.raises(ValueError, match="must be autonomous"):
        find_equilibrium(oscillator(), [0.0, 0.0])
    with pytest.raises(ValueError, match="must be driven"):
        stroboscopic_map(system, [0.1, 0.0], count=3)
    with pytest.raises(ValueError, match="must enclose a Hopf point"):
        find_hopf(
            lambda mu: system.with_parameters([mu, *system.parameters[1:]]), (0.1, 0.2), [0, 0]
        )
    blowing = system.with_parameters([1.0, 3.0, 5.0, 0.0, 0.0])  # |z|² explodes in finite time
    with pytest.raises(IntegrationError, match=r"stopped at t = 0\.09"):
        integrate(blowing, [0.0, 50.0], [1.0, 0.0])
    with pytest.raises(IntegrationError, match="tangent vectors"):
        lyapunov_spectrum(blowing, [1.0, 0.0], transient=0, duration=50)
    with pytest.raises(ValueError, match="count must be at most 2"):
        lyapunov_spectrum(system, [1.0, 0.0], count=3)
    with pytest.raises(ValueError, match="equidistant"):
        power_spectrum(np.geomspace(1, 2, 50), np.ones(50))


def test_the_stable_cycle_is_found_from_rest() -> None:
    """V_n = 2 from the ground state, and the squid axon at 10 µA/cm² between its spikes."""
    cycle = find_limit_cycle(NEURON.system(), NEURON.ground_state)
    assert cycle.stable
    assert (cycle.period, cycle.span()) == pytest.approx((0.892959, 0.066993), abs=1e-6)
    axon = Membrane()
    firing = find_limit_cycle(axon.system(10.0), axon.resting_state)
    spikes = simulate_membrane(axon, [0.0, 300.0], current=10.0).events["spikes"]
    assert firing.stable
    # Its largest transverse multiplier is 0.074: after 20 spikes nothing is left of the start.
    assert firing.period == pytest.approx(np.diff(spikes)[-1], abs=1e-6)
    with pytest.raises(ConvergenceError, match="does not oscillate"):
        find_limit_cycle(axon.system(0.0), axon.resting_state)


def test_the_axons_lyapunov_exponents_are_its_cycles_multipliers() -> None:
    axon = Membrane()
    cycle = find_limit_cycle(axon.system(10.0), axon.resting_state)
    found = lyapunov_spectrum(
        axon.system(10.0), cycle.state, count=2, transient=0.0, duration=40 * cycle.period,
        interval=cycle.period / 10, blocks=40,
    )  # fmt: skip
    expected = [0.0, np.log(np.abs(cycle.transverse_multipliers[0])) / cycle.period]
    # Whole periods from a point of the cycle: only the first vectors' turn is left, some 1/40.
    assert found.exponents == pytest.approx(expected, abs=0.03 * abs(expected[1]))


def test_a_section_of_a_cycle_is_one_point_a_period() -> None:
    """Of the Stuart–Landau cycle: v = 0 upward at u = r, once a period of closed form."""
    system = stuart_landau()
    mu, omega, a, b, _ = system.parameters
    section = poincare_section(
        system, [0.3, 0.1], normal=[0.0, 1.0], level=0.0, transient=200.0, duration=40.0
    )
    period = 2 * np.pi / (omega - b * mu / a)
    assert np.diff(section.times) == pytest.approx(period, rel=1e-9)
    assert section.states[:, 0] == pytest.approx(np.sqrt(-mu / a), rel=1e-9)
    assert np.abs(section.states[:, 1]).max() < 1e-12
    with pytest.raises(ValueError, match="never through 3 in that direction"):
        poincare_section(system, [0.3, 0.1], normal=[0.0, 1.0], level=3.0)
    with pytest.raises(ValueError, match="normal must hold 2 finite numbers"):
        poincare_section(system, [0.3, 0.1], normal=[0.0, 0.0], level=0.0)


def test_a_system_is_pickled_as_its_functions_and_compiled_again():
    system = stuart_landau()
    again = pickle.loads(pickle.dumps(system))
    assert again == system
    assert again.field.rate != system.field.rate  # code of its own
    state = np.array([0.3, -0.2])
    np.testing.assert_array_equal(again.rate(state), system.rate(state))
    np.testing.assert_array_equal(again.jacobian(state), system.jacobian(state))
    assert copy.deepcopy(system).field is system.field
    other = replace(oscillator(), parameters=system.parameters, names=system.names)
    assert replace(other, period=None) != system
