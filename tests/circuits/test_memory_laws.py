"""Rates that turn negative: one merged collision against the master equation and closed forms.

The law is that of a Lorentzian bath of width λ and strength γ0 on resonance, whose amplitude
G(t) = e^{−λt/2}(cosh(dt/2) + (λ/d) sinh(dt/2)), d² = λ² − 2γ0λ, is also that of an excitation which
is exchanged at g = √(γ0λ/2) with one memory qubit damped at 2λ: that is the independent oracle.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import qmemcircuit as qm

STRENGTH, WIDTH = 1.0, 0.8
BEAT = math.sqrt(2 * STRENGTH * WIDTH - WIDTH**2)  # d = i·BEAT: the excitation comes back
FIRST_ZERO = 2 / BEAT * (math.pi - math.atan(BEAT / WIDTH))
TIMES = np.linspace(0.0, 0.97 * FIRST_ZERO, 14)


def amplitude(times: np.ndarray) -> np.ndarray:
    turn = 0.5 * BEAT * np.asarray(times)
    return np.exp(-0.5 * WIDTH * times) * (np.cos(turn) + WIDTH / BEAT * np.sin(turn))


def rate_with_revival(time: float) -> float:
    """Γ = ½γ0(1 + sin 3t) − 0.3: negative for a while in every period, ∫Γ ≥ 0 throughout."""
    return 0.5 * STRENGTH * (1 + math.sin(3 * time)) - 0.3


def lorentzian_rate(time: float) -> float:
    """−2Ġ/G, up to the first zero of G."""
    turn = 0.5 * BEAT * time
    slope = -STRENGTH * WIDTH / BEAT * math.sin(turn) * math.exp(-0.5 * WIDTH * time)
    return -2 * slope / float(amplitude(np.array(time)))


def memory_qubit(times, state, *, strength=STRENGTH, width=WIDTH) -> np.ndarray:
    """Return the system's states beside one damped memory qubit, by QuTiP."""
    import qutip

    lower = qutip.destroy(2)
    system, memory = qutip.tensor(lower, qutip.qeye(2)), qutip.tensor(qutip.qeye(2), lower)
    exchange = system.dag() * memory
    energy = system.dag() * system + memory.dag() * memory
    hamiltonian = energy + math.sqrt(strength * width / 2) * (exchange + exchange.dag())
    solved = qutip.mesolve(
        hamiltonian,
        qutip.tensor(qutip.Qobj(state), qutip.fock_dm(2, 0)),
        times,
        c_ops=[math.sqrt(2 * width) * memory],
        options={"atol": 1e-12, "rtol": 1e-10, "nsteps": 100_000},
    )
    return np.array([item.ptrace(0).full() for item in solved.states])


def test_the_lorentzian_bath_is_one_damped_memory_qubit_and_one_merged_collision():
    device = qm.Memristor(qm.FunctionRate(lorentzian_rate), a=0.7, b=0.4)
    merged = qm.exact_circuit(device, TIMES, ancilla="merged")
    assert merged.states == pytest.approx(memory_qubit(TIMES, device.initial_state), abs=1e-8)
    survived = amplitude(TIMES) ** 2 * device.initial_state[1, 1].real
    assert merged.states[:, 1, 1].real == pytest.approx(survived, abs=1e-10)
    assert qm.master_equation(device, TIMES).states == pytest.approx(merged.states, abs=1e-8)


@pytest.mark.parametrize(("strength", "width"), [(1.0, 0.1), (3.0, 0.8), (0.4, 0.8), (0.3, 5.0)])
def test_the_law_of_a_lorentzian_bath_beyond_the_zeros_of_its_amplitude(strength, width):
    """Strong, weak, critical (γ0 = λ/2) and fast baths, Γ < 0 and poles included."""
    device = qm.Memristor(qm.LorentzianRate(strength, width), a=0.7, b=0.4)
    times = np.linspace(0.0, 15.0, 12)
    merged = qm.exact_circuit(device, times, ancilla="merged")
    expected = memory_qubit(times, device.initial_state, strength=strength, width=width)
    # G < 0 turns the coherence over, which 1 − p = |G|² alone does not know.
    assert merged.states == pytest.approx(expected, abs=1e-8)
    aer = qm.exact_circuit(device, times, ancilla="merged", engine="aer")
    assert aer.states == pytest.approx(expected, abs=1e-8)
    has_memory = strength > width / 2
    assert (device.decay_rate(times[1:]).min() < 0) == has_memory


def test_a_current_flows_back_and_the_loop_leaves_the_passive_quadrants():
    device = qm.Memristor(qm.FunctionRate(rate_with_revival), a=0.7, b=0.4)
    times = device.periods(2, points=60)
    merged = qm.exact_circuit(device, times, ancilla="merged")
    master = qm.master_equation(device, times)
    assert merged.states == pytest.approx(master.states, abs=1e-8)
    power = (merged.current * merged.voltage)[:, 0]
    negative = device.decay_rate(times) < 0
    assert 0.2 < negative.mean() < 0.6
    assert np.all(power[negative] <= 0)
    assert power.min() < -0.001
    assert np.all(power[~negative] >= 0)
    # Information comes back: two states grow apart again, which no divisible map does.
    excited = merged.states[:, 1, 1].real
    assert np.diff(excited).max() > 0.01


def test_steps_are_refused_and_name_the_way():
    device = qm.Memristor(qm.FunctionRate(rate_with_revival), a=0.7)
    with pytest.raises(ValueError, match="ancilla='merged'"):
        qm.exact_circuit(device, device.periods(1, points=12))
    # More comes back than was taken: the first such time is named.
    gaining = qm.Memristor(qm.FunctionRate(lambda t: math.cos(t) - 0.2), a=0.7)
    # sin t = 0.2 t at t = 2.59574.
    message = r"from t = 0 to 3\.14159265 its integral is -0\.628.*none from t = 2\.59574 on"
    with pytest.raises(ValueError, match=message):
        qm.exact_circuit(gaining, gaining.periods(1, points=4), ancilla="merged")


def test_a_lorentzian_law_travels_and_is_estimated(tmp_path):
    device = qm.Memristor(qm.LorentzianRate(1.0, 0.3), a=0.7, b=0.4)
    times = device.periods(1.5, points=30)
    record = qm.run(device, times, target=qm.aer(seed=8), shots=4000, ancilla="merged")
    record.save(tmp_path / "memory.npz")
    again = qm.Record.load(tmp_path / "memory.npz")
    assert again.network.memristors[0] == device
    found, exact = qm.estimate(again), qm.exact_circuit(device, times, ancilla="merged")
    pull = (found.voltage - exact.voltage)[:, 0] / found.voltage_error[:, 0]
    assert np.abs(pull).max() < 4.0  # 46 values: 0.3 % by chance
    with pytest.raises(ValueError, match="strength"):
        qm.LorentzianRate(-1.0, 1.0)
    with pytest.raises(ValueError, match="width"):
        qm.LorentzianRate(1.0, 0.0)


def test_shots_of_a_law_with_memory():
    device = qm.Memristor(qm.FunctionRate(rate_with_revival), a=0.7, b=0.4)
    times = device.periods(1, points=24)
    record = qm.run(device, times, target=qm.aer(seed=5), shots=4000, ancilla="merged")
    verdict = qm.compare(qm.estimate(record), qm.master_equation(device, times))
    assert verdict.p_value > 1e-3
    mutant = qm.Memristor(qm.FunctionRate(lambda t: abs(rate_with_revival(t))), a=0.7, b=0.4)
    assert qm.compare(qm.estimate(record), qm.master_equation(mutant, times)).p_value < 1e-6
