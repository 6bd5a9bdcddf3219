"""The integrate-and-fire neuron: charge conservation, closed spike times, moments, Fock space."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmemcircuit.neurons.inputs import SinusoidalDrive
from qmemcircuit.neurons.integrate_and_fire import (
    IntegrateAndFire,
    UncertaintyWarning,
    levels_needed,
    simulate_classical,
    simulate_fock,
    simulate_moments,
    simulate_network,
)

OSCILLATOR = IntegrateAndFire(
    inductance=4.0, temperature=0.2, threshold=1.0, hbar=0.5, charge_range=3.0
)


def linear(**changes):
    """A neuron whose memristor is an ordinary resistor: closed forms."""
    return IntegrateAndFire(**({"on_resistance": 2.0, "off_resistance": 2.0} | changes))


def test_resistor_fires_at_the_closed_times():
    neuron = linear(threshold=0.8, refractory_time=0.3)
    run = simulate_classical(neuron, np.linspace(0, 20, 11), 0.6)
    interval = 2.0 * math.log(1.2 / (1.2 - 0.8))  # V = IR(1 − e^{−t/RC})
    wanted = interval + np.arange(run.events["spikes"].size) * (interval + 0.3)
    assert wanted.size == 8
    np.testing.assert_allclose(run.events["spikes"], wanted, rtol=1e-8)


def test_below_rheobase_nothing_fires():
    run = simulate_classical(linear(threshold=0.8), np.linspace(0, 50, 101), 0.399)
    assert run.events["spikes"].size == 0
    assert run.voltage[-1, 0] == pytest.approx(0.798, rel=1e-8)


@settings(max_examples=15, deadline=None)
@given(
    drive=st.floats(0.1, 1.5),
    off=st.floats(0.5, 20),
    threshold=st.floats(0.3, 2),
    hold=st.floats(0, 1),
)
def test_charge_is_conserved_through_spikes(drive, off, threshold, hold):
    """CV + q + CV_th·spikes = ∫I while neither saturated nor held."""
    neuron = IntegrateAndFire(
        capacitance=0.7, off_resistance=off, charge_range=1e3, threshold=threshold,
        refractory_time=hold,
    )  # fmt: skip
    times = np.linspace(0, 8, 81)
    run = simulate_classical(neuron, times, drive)
    spikes = run.events["spikes"]
    held = np.sum(np.clip(times[:, None] - spikes, 0, hold) * (times[:, None] > spikes), axis=1)
    fired = np.sum(spikes <= times[:, None], axis=1)
    balance = 0.7 * run.voltage[:, 0] + run.variables["charge"][:, 0] + 0.7 * threshold * fired
    # A sample within rounding of a spike may fall on either side of it.
    clear = np.abs(times[:, None] - spikes).min(axis=1, initial=1) > 1e-6
    np.testing.assert_allclose(balance[clear], drive * (times - held)[clear], atol=1e-6)


def test_the_neuron_adapts_to_silence_as_its_memory_saturates():
    neuron = IntegrateAndFire()
    run = simulate_classical(neuron, np.linspace(0, 100, 1001), 0.6)
    intervals = np.diff(run.events["spikes"])
    assert np.all(np.diff(intervals) > 0)
    assert run.variables["charge"][-1, 0] == pytest.approx(2.0)
    # Saturated: V → I R_on = 0.6 < V_th = 0.8, so the last half is silent.
    assert run.events["spikes"][-1] < 60
    assert run.voltage[-1, 0] == pytest.approx(0.6, rel=1e-6)


def test_caldeira_leggett_means_are_exactly_the_classical_circuit():
    times = np.linspace(0, 12, 121)

    def drive(t):
        return 0.9 + 0.2 * math.sin(3 * t)

    classical = simulate_classical(OSCILLATOR, times, drive)
    quantum = simulate_moments(OSCILLATOR, times, drive)
    assert classical.events["spikes"].size >= 4
    np.testing.assert_allclose(quantum.events["spikes"], classical.events["spikes"], rtol=1e-8)
    np.testing.assert_allclose(quantum.voltage, classical.voltage, atol=1e-7)
    # The thermal state is the form's fixed point at any resistance.
    energy = OSCILLATOR.thermal_energy
    np.testing.assert_allclose(quantum.variables["charge_variance"], energy, rtol=1e-7)
    assert quantum.provenance["uncertainty"]["violations"] == 0


def test_uncertainty_violation_is_reported_and_real():
    cold = IntegrateAndFire(
        inductance=1.0, threshold=math.inf, on_resistance=3.0, off_resistance=3.0
    )
    squeezed = (0.1, 0.0, 2.5)  # pure: 0.1 × 2.5 = 1/4
    with pytest.warns(UncertaintyWarning, match="not completely positive"):
        run = simulate_moments(cold, np.linspace(0, 2, 21), 0.0, covariance=squeezed)
    record = run.provenance["uncertainty"]
    assert record["violations"] > 0
    # d(det)/dt = −2Γ det + 2ΓCE σ_φφ: at t = 0, (4/ħ²)(−2/12 + 2·0.5·0.1/3) = −8/15.
    short = np.array([0, 1e-4])
    with pytest.warns(UncertaintyWarning):
        start = simulate_moments(cold, short, 0.0, covariance=squeezed, tolerance=1e-12)
    slope = np.diff(start.variables["uncertainty"][:, 0])[0] / 1e-4
    assert slope == pytest.approx(-8 / 15, rel=1e-3)
    # The completely positive form keeps the same state physical.
    fine = simulate_moments(
        cold, np.linspace(0, 2, 21), 0.0, dissipator="gksl", covariance=squeezed
    )
    assert fine.provenance["uncertainty"]["violations"] == 0


def test_gksl_leaks_match_the_circuit_in_their_limits():
    """s = 1: the underdamped envelope e^{−Γt/2}; s = 2: the leak e^{−Γt} as ω0 → 0."""
    free = linear(threshold=math.inf, inductance=0.01, on_resistance=10.0, off_resistance=10.0)
    kicked = [lambda t: 50.0 * (t < 0.02)]
    times = np.linspace(0, 10, 2001)
    energies = {}
    for name, options in (("cl", {}), ("one", {"leak_scale": 1.0}), ("two", {"leak_scale": 2.0})):
        form = "caldeira-leggett" if name == "cl" else "gksl"
        run = simulate_moments(free, times, kicked[0], dissipator=form, **options)
        energy = run.voltage[:, 0] ** 2 / 2 + run.variables["flux"][:, 0] ** 2 / 0.02
        energies[name] = np.log(energy[200] / energy[-1]) / (times[-1] - times[200])
    assert energies["cl"] == pytest.approx(0.1, rel=0.02)  # Γ, to order Γ/ω0 = 1 %
    assert energies["one"] == pytest.approx(0.1, rel=1e-5)
    assert energies["two"] == pytest.approx(0.2, rel=1e-5)
    slow = linear(threshold=math.inf, inductance=1e6)
    late = np.linspace(0, 3, 7)
    circuit = simulate_classical(slow, late, 0.5).voltage
    restored = simulate_moments(slow, late, 0.5, dissipator="gksl", leak_scale=2.0).voltage
    halved = simulate_moments(slow, late, 0.5, dissipator="gksl", leak_scale=1.0).voltage
    np.testing.assert_allclose(restored, circuit, rtol=1e-5, atol=1e-9)
    assert abs(halved[-1, 0] / circuit[-1, 0] - 1) > 0.1


def test_stochastic_threshold_fires_with_the_gaussian_probability():
    neuron = linear(threshold=0.8, temperature=0.02, refractory_time=100.0)
    times = np.array([0.0, 1.6, 2.0, 2.6])
    runs = 3000
    first = np.array(
        [
            np.append(
                simulate_moments(
                    neuron, times, 0.6, threshold="stochastic", seed=k, tolerance=1e-6,
                    solver="compiled",
                ).events["spikes"],
                np.inf,
            )[0]
            for k in range(runs)
        ]
    )  # fmt: skip
    expected = simulate_moments(replace(neuron, threshold=1e9), times, 0.6)
    deviation = np.sqrt(expected.variables["charge_variance"][:, 0])
    from scipy.special import ndtr

    probability = ndtr((expected.voltage[:, 0] - 0.8) / deviation)[1:]
    counts = (first[:, None] <= times[1:]).sum(axis=0)
    error = np.sqrt(probability * (1 - probability) / runs)
    assert np.abs(counts / runs - probability).max() < 3.2 * error.max()
    # Mutant: a deviation wrong by a fifth is told apart.
    wrong = ndtr((expected.voltage[1:, 0] - 0.8) / (1.2 * deviation[1:]))
    assert np.abs(counts / runs - wrong).max() > 3.2 * error.max()


@pytest.mark.parametrize("form", ["caldeira-leggett", "gksl"])
def test_compiled_solver_is_the_same_neuron(form):
    times = np.linspace(0, 30, 301)
    squeezed = (0.6, 0.1, 0.8)
    options = {"dissipator": form, "leak_scale": 2.0, "covariance": squeezed}
    neuron = replace(OSCILLATOR, inductance=40.0)
    wanted = simulate_moments(neuron, times, 0.9, **options, tolerance=1e-11)
    errors = []
    for tolerance in (1e-5, 1e-7, 1e-9):
        got = simulate_moments(
            neuron, times, 0.9, **options, tolerance=tolerance, solver="compiled"
        )
        assert got.events["spikes"].size == wanted.events["spikes"].size > 5
        clear = np.abs(times[:, None] - wanted.events["spikes"]).min(axis=1) > 1e-3
        errors.append(
            max(
                np.abs(got.variables[name] - wanted.variables[name])[clear].max()
                for name in ("flux", "charge", "flux_variance", "covariance", "charge_variance")
            )
        )
    # Errors follow the tolerance; 100 is what a step-wise tolerance may grow to over 30 times.
    assert all(e < 100 * t for e, t in zip(errors, (1e-5, 1e-7, 1e-9), strict=True)), errors
    assert errors[2] < errors[0] / 100


def test_compiled_solver_saturates_draws_and_reports_as_scipy_does():
    times = np.linspace(0, 60, 121)
    neuron = IntegrateAndFire(temperature=0.002)
    runs = [
        simulate_moments(neuron, times, 0.6, threshold="stochastic", seed=4, solver=solver)
        for solver in ("scipy", "compiled")
    ]
    np.testing.assert_allclose(runs[0].events["spikes"], runs[1].events["spikes"], rtol=1e-6)
    assert runs[1].variables["charge"][-1, 0] == pytest.approx(2.0)
    cold = IntegrateAndFire(inductance=1.0, threshold=math.inf)
    with pytest.warns(UncertaintyWarning):
        broken = simulate_moments(
            cold, [0, 2.0], 0.0, covariance=(0.1, 0.0, 2.5), solver="compiled"
        )
    assert broken.provenance["uncertainty"]["violations"] > 0
    with pytest.raises(ValueError, match="must have no plain function"):
        simulate_moments(neuron, times, lambda t: 0.1, solver="compiled")
    # Hundreds of spikes.
    quick = linear(threshold=0.01, refractory_time=0.0, temperature=1e-9)
    many = simulate_moments(quick, [0, 10.0], 1.0, solver="compiled")
    interval = 2.0 * math.log(2.0 / (2.0 - 0.01))
    assert many.events["spikes"].size == int(10 / interval)


def test_a_compiled_network_is_scipys_network():
    """Spikes of one neuron reach the others at their moment, whoever ran beyond it."""
    times, weights = np.linspace(0, 20, 201), np.array([[0, 0.5, -0.2], [0.3, 0, 0.4], [0.9, 0, 0]])
    neurons = [replace(IntegrateAndFire(temperature=0.1), threshold=v) for v in (0.6, 0.8, 0.3)]
    runs = [
        simulate_network(
            neurons, times, [0.6, 0.5, SinusoidalDrive(0.5, 2.0)], weights=weights,
            threshold="stochastic", seed=3, solver=solver,
        )
        for solver in ("scipy", "compiled")
    ]  # fmt: skip
    for i in range(3):
        one, other = (run.events[f"spikes_{i}"] for run in runs)
        # Tolerance 1e-9 a step of some dozens; the synapses of a spike missed move it by 1e-1.
        assert one.size == other.size > 5
        np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_allclose(runs[0].variables["charge"], runs[1].variables["charge"], atol=1e-6)
    apart = simulate_network(
        neurons, times, [0.6, 0.5, SinusoidalDrive(0.5, 2.0)], threshold="stochastic", seed=3,
        solver="compiled",
    )  # fmt: skip
    assert np.abs(apart.events["spikes_1"][:5] - runs[1].events["spikes_1"][:5]).max() > 1e-2


def test_a_threshold_touched_between_two_steps_fires():
    """V peaks at V_th + 1e-6 for 3e-3 of a unit: far within one step of order 8."""
    quiet = IntegrateAndFire(threshold=math.inf, refractory_time=100.0)
    times, drive = np.linspace(0, 6, 6001), SinusoidalDrive(1.0, 2.0)
    peak = float(simulate_classical(quiet, times, drive, solver="compiled").voltage.max())
    for level, spikes in ((peak - 1e-6, 1), (peak + 1e-6, 0)):
        touched = replace(quiet, threshold=level)
        found = simulate_classical(touched, [0, 6.0], drive, solver="compiled")
        assert found.events["spikes"].size == spikes


def test_fock_space_agrees_with_the_moments_and_its_error_falls_with_levels():
    times = np.linspace(0, 4, 41)
    neuron = replace(OSCILLATOR, hbar=1.0, temperature=0.1)
    moments = simulate_moments(neuron, times, 0.9, dissipator="gksl", leak_scale=2.0)
    errors = []
    for levels, limit in ((7, 1e-1), (24, 1e-8)):
        run = simulate_fock(
            neuron, times, 0.9, levels=levels, leak_scale=2.0, truncation_tolerance=limit,
            tolerance=1e-9,
        )  # fmt: skip
        errors.append(np.abs(run.voltage - moments.voltage).max())
        assert run.provenance["truncation_error"] < limit
    np.testing.assert_allclose(run.events["spikes"], moments.events["spikes"], rtol=1e-6)
    assert errors[1] < 1e-7 < 1e-3 < errors[0]


def test_fock_space_is_qutips_master_equation_at_constant_resistance():
    import qutip

    neuron = linear(threshold=math.inf, inductance=1.0, temperature=0.5)
    times = np.linspace(0, 3, 7)
    run = simulate_fock(neuron, times, 0.4, levels=24)
    a = qutip.destroy(24)
    flux, charge = (a + a.dag()) / math.sqrt(2), 1j * (a.dag() - a) / math.sqrt(2)
    mean = neuron.occupation
    solved = qutip.mesolve(
        a.dag() * a - 0.4 * flux,
        qutip.thermal_dm(24, mean),
        times,
        [math.sqrt((mean + 1) / 2) * a, math.sqrt(mean / 2) * a.dag()],
        e_ops=[flux, charge],
        options={"atol": 1e-12, "rtol": 1e-10},
    )
    np.testing.assert_allclose(run.variables["flux"][:, 0], solved.expect[0], atol=1e-8)
    np.testing.assert_allclose(run.voltage[:, 0], solved.expect[1], atol=1e-8)


def test_too_few_levels_are_refused_with_the_number_needed():
    needed = levels_needed(OSCILLATOR, voltage=1.0)
    with pytest.raises(ValueError, match=f"levels must be at least {needed}"):
        simulate_fock(OSCILLATOR, [0, 1.0], 0.5, levels=5)
    # The bound holds: the exact displaced thermal state has less than 1e-6 above it.
    import qutip

    size = 4 * needed
    scale = math.sqrt(0.5 * OSCILLATOR.frequency / 2) * 2
    state = qutip.thermal_dm(size, OSCILLATOR.occupation)
    shift = qutip.displace(size, 1j / scale)
    tail = (shift * state * shift.dag()).diag()[needed:].sum()
    assert tail.real < 1e-6
    # On the way: a threshold that is never reached, a drive that fills the space.
    quiet = replace(OSCILLATOR, threshold=math.inf, temperature=0.0)
    with pytest.raises(ValueError, match="levels must be at least"):
        simulate_fock(quiet, np.linspace(0, 5, 6), 2.0, levels=8)


def test_an_inhibitory_synapse_silences_and_an_excitatory_one_drives():
    neuron = linear(threshold=0.8, refractory_time=0.2)
    times = np.linspace(0, 20, 201)

    def drive(_):
        return np.array([0.6, 0.39])  # the second stays below its rheobase 0.4

    alone = simulate_network([neuron] * 2, times, drive, dissipator="classical")
    assert alone.events["spikes_1"].size == 0
    driven = simulate_network(
        [neuron] * 2, times, drive, weights=[[0, 0], [0.3, 0]], dissipator="classical"
    )
    assert driven.events["spikes_1"].size > 0
    np.testing.assert_allclose(driven.events["spikes_0"], alone.events["spikes_0"], rtol=1e-7)
    back = simulate_network(
        [neuron] * 2, times, drive, weights=[[0, -0.5], [0.3, 0]], dissipator="classical"
    )
    assert back.events["spikes_0"].size < alone.events["spikes_0"].size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacitance": 0.0}, "capacitance must be greater than 0"),
        ({"threshold": -1.0}, "threshold must be greater than 0"),
        ({"inductance": 0.0}, "inductance must be greater than 0"),
        ({"initial_charge": 3.0}, "initial_charge must be from 0 to charge_range = 2"),
        ({"refractory_time": -0.1}, "refractory_time must be at least 0"),
        ({"on_resistance": 0.0}, "on_resistance must be greater than 0"),
        ({"hbar": 0.0}, "hbar must be greater than 0"),
    ],
)
def test_bad_neurons_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        IntegrateAndFire(**change)


def test_bad_calls_are_refused():
    neuron = IntegrateAndFire(temperature=0.1)
    times = [0, 1.0]
    with pytest.raises(ValueError, match="inductance must be finite for dissipator='gksl'"):
        simulate_moments(neuron, times, 0.1, dissipator="gksl")
    with pytest.raises(ValueError, match="must come with a seed"):
        simulate_moments(neuron, times, 0.1, threshold="stochastic")
    with pytest.raises(ValueError, match="temperature must be positive where inductance"):
        simulate_moments(IntegrateAndFire(), times, 0.1)
    with pytest.raises(ValueError, match="dissipator must be one of"):
        simulate_moments(neuron, times, 0.1, dissipator="lindblad")
    with pytest.raises(ValueError, match="covariance must be"):
        simulate_moments(neuron, times, 0.1, covariance=(0.1, 0.0, 0.1))
    with pytest.raises(ValueError, match="at least one neuron"):
        simulate_network([], times, 0.1)
    with pytest.raises(ValueError, match=r"weights must have shape \(1, 1\)"):
        simulate_network([neuron], times, 0.1, weights=[[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="current must return a number or 1"):
        simulate_classical(neuron, times, lambda t: [1.0, 2.0])
    with pytest.raises(ValueError, match="inductance must be finite for a Fock space"):
        simulate_fock(neuron, times, 0.1, levels=10)
