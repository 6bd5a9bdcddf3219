"""A Lorentzian bath as one damped memory qubit: closed form, a true mode, HEOM, circuits."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import transpile

import qmemcircuit as qm
from qmemcircuit.common.states import reduce_states
from qmemcircuit.memory import (
    design_memory,
    memory_amplitude,
    memory_network,
    memory_trajectory,
    shift_current,
)

STRONG = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=np.pi / 4, b=np.pi / 5)
TIMES = np.linspace(0, 14.4, 49)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Largest trace distance over all times."""
    return float(0.5 * np.abs(np.linalg.eigvalsh(first - second)).sum(axis=1).max())


def a_true_mode(memristor, detuning, times, levels):
    """QuTiP with a bosonic mode of several levels instead of a qubit: states of the memristor."""
    import qutip

    law = memristor.rate
    lower, mode = qutip.tensor(qutip.destroy(2), qutip.qeye(levels)), qutip.destroy(levels)
    mode = qutip.tensor(qutip.qeye(2), mode)
    hamiltonian = memristor.omega * lower.dag() * lower
    hamiltonian += (memristor.omega + detuning) * mode.dag() * mode
    strength = np.sqrt(law.strength * law.width / 2)
    hamiltonian += strength * (lower.dag() * mode + lower * mode.dag())
    first = qutip.tensor(qutip.Qobj(memristor.initial_state), qutip.fock_dm(levels, 0))
    solved = qutip.mesolve(
        hamiltonian,
        first,
        times,
        [np.sqrt(2 * law.width) * mode],
        options={"atol": 1e-12, "rtol": 1e-10, "nsteps": 100_000},
    )
    return np.array([state.ptrace(0).full() for state in solved.states])


@pytest.mark.parametrize(
    ("strength", "width", "detuning"),
    [(1.0, 0.1, 0.0), (0.2, 0.4, 0.0), (0.5, 2.0, 0.7), (3.0, 0.3, -0.6)],
    ids=["strong", "critical", "weak", "very strong"],
)
def test_the_closed_form_is_a_true_mode(strength, width, detuning):
    memristor = qm.Memristor(qm.LorentzianRate(strength, width), a=0.5, b=0.7)
    times = np.linspace(0, 8, 33)
    ours = memory_trajectory(memristor, times, detuning=detuning)
    for levels in (3, 4):  # a cold mode never holds more than the one excitation
        mode = a_true_mode(memristor, detuning, times, levels)
        assert distance(ours.states, mode) < 1e-8
    # The pair of qubits has the same states, and the current through its exchange is the same.
    pair = qm.master_equation(memory_network(memristor, detuning=detuning), times)
    assert distance(reduce_states(pair.states, (0,)), ours.states) < 1e-8
    assert np.abs(pair.voltage[:, 0] - ours.voltage[:, 0]).max() < 1e-8
    assert np.abs(pair.current[:, 0] - ours.current[:, 0]).max() < 1e-8


@pytest.mark.parametrize("detuning", [0.0, 0.6])
def test_the_law_holds_with_the_shifted_frequency(detuning):
    memristor = qm.Memristor(qm.LorentzianRate(0.8, 0.5), a=0.5, b=0.7)
    ours = memory_trajectory(memristor, np.linspace(0, 4, 40), detuning=detuning)
    x = 2 * ours.states[:, 0, 1].real
    shift, rate = (ours.variables[name][:, 0] for name in ("frequency_shift", "decay_rate"))
    bare = np.abs(ours.current[:, 0] - rate * ours.voltage[:, 0]).max()
    added = memristor.current_scale * shift * x
    defects = [
        np.abs(ours.current[:, 0] + sign * added - rate * ours.voltage[:, 0]).max()
        for sign in (-1, 1)
    ]
    assert defects[0] < 1e-13
    how = {"detuning": detuning, "frequency": "shifted"}
    pinched = memory_trajectory(memristor, ours.times, **how)
    expected = ours.variables["decay_rate"] * ours.voltage
    assert pinched.current == pytest.approx(expected, abs=1e-12)
    assert pinched.voltage == pytest.approx(ours.voltage, abs=0)
    if detuning:
        assert min(bare, defects[1]) > 0.01  # without it, or with the other sign, it does not


def test_the_measured_current_with_the_shifted_frequency():
    """Counts of a detuned memory qubit obey I = ΓV once ω + S stands in I, with honest errors."""
    memristor, detuning = qm.Memristor(qm.LorentzianRate(0.8, 0.5), a=0.5, b=0.7), 0.6
    times, bases = np.linspace(0, 4, 9), ["XZ", "YY", "ZX"]
    pair = memory_network(memristor, detuning=detuning)
    how = {"splitting": "couplings_first", "steps": 6}
    closed = memory_trajectory(memristor, times, detuning=detuning, frequency="shifted")
    bare = qm.exact_circuit(pair, times, **how)
    exact = shift_current(bare, memristor, detuning=detuning)
    far = np.abs(exact.current[:, 0] - closed.current[:, 0]).max()
    assert far < 3e-3  # what is left is the splitting
    assert np.abs(bare.current[:, 0] - closed.current[:, 0]).max() > 20 * far
    assert exact.current[:, 1] == pytest.approx(bare.current[:, 1], abs=0)
    finer = qm.exact_circuit(pair, times, splitting="couplings_first", steps=24)
    nearer = shift_current(finer, memristor, detuning=detuning).current[:, 0]
    assert np.abs(nearer - closed.current[:, 0]).max() < far / 12
    pulls, wrong = [], []
    for seed in range(4):
        target = qm.aer(seed=seed)
        found = qm.estimate(qm.run(pair, times, target=target, shots=4000, bases=bases, **how))
        shifted = shift_current(found, memristor, detuning=detuning)
        error = shifted.current_error[:, 0]
        assert np.sqrt(np.diag(shifted.current_covariance[0])) == pytest.approx(error, abs=1e-15)
        pulls.append((shifted.current - exact.current)[:, 0] / error)
        wrong.append((found.current - exact.current)[:, 0] / error)
    assert np.abs(pulls).max() < 3.6  # 36 values: 1 %
    assert 0.5 < np.mean(np.square(pulls)) < 1.5  # χ² of 36 over 36 within 2 σ and a bit
    assert np.abs(wrong).max() > 5  # the mutant: the bare ω


def test_what_cannot_be_shifted():
    memristor = qm.Memristor(qm.LorentzianRate(0.8, 0.5), a=0.5, b=0.7)
    times = np.linspace(0.5, 4, 3)
    pair = qm.exact_circuit(memory_network(memristor), times, splitting="couplings_first")
    once = shift_current(pair, memristor)
    assert once == pair  # on resonance nothing shifts
    with pytest.raises(ValueError, match="shifted already"):
        shift_current(once, memristor)
    with pytest.raises(ValueError, match="two devices"):
        shift_current(memory_trajectory(memristor, times), memristor)
    bare = qm.Trajectory(times, pair.voltage, pair.current)
    with pytest.raises(ValueError, match="states or counts"):
        shift_current(bare, memristor)


def test_energy_comes_back_through_the_two_active_quadrants():
    ours = memory_trajectory(STRONG, np.linspace(0, 14.4, 2001))
    power = ours.voltage[:, 0] * ours.current[:, 0]
    assert power.min() < -0.05 * power.max()
    # The loop passes the origin where the phase turns V to zero. Where G = 0, Γ has a pole: V = 0
    # there too, and the current that flows back is not. So strong memory is not pinched for ever.
    amplitude = memory_amplitude(STRONG.rate, ours.times)[0].real
    voltage, current = ours.voltage[:, 0], ours.current[:, 0]
    crossings = np.flatnonzero(voltage[1:] * voltage[:-1] < 0)
    poles = amplitude[crossings + 1] * amplitude[crossings] < 0
    assert poles.sum() == 1
    assert np.abs(current[crossings[poles]]).min() > 0.4 * np.abs(current).max()
    assert np.abs(current[crossings[~poles]]).max() < 0.01 * np.abs(current).max()
    memoryless = qm.Memristor(qm.LorentzianRate(0.04, 0.1), a=np.pi / 4, b=np.pi / 5)
    passive = memory_trajectory(memoryless, TIMES)
    assert (passive.voltage * passive.current).min() > -1e-15


def test_circuits_are_of_order_two_and_cheap():
    exact = memory_trajectory(STRONG, TIMES).states
    pair = memory_network(STRONG)
    steps = np.array([8, 16, 32])
    far = {}
    for splitting in ("strang", "couplings_first"):
        states = [
            qm.exact_circuit(pair, TIMES, splitting=splitting, steps=int(n)).states for n in steps
        ]
        far[splitting] = [distance(reduce_states(item, (0,)), exact) for item in states]
        slope = -np.polyfit(np.log(steps), np.log(far[splitting]), 1)[0]
        assert slope == pytest.approx(2, abs=0.1)
    assert far["couplings_first"][0] < far["strang"][0] / 2
    four = qm.exact_circuit(pair, TIMES, splitting="couplings_first", steps=4)
    assert distance(reduce_states(four.states, (0,)), exact) < 3e-3
    circuits = qm.build_circuits(pair, TIMES[-1:], splitting="couplings_first", steps=4)
    circuit = circuits[0, circuits.bases[0]]
    compiled = transpile(circuit, basis_gates=["rz", "sx", "x", "cz"], optimization_level=2)
    counts = compiled.count_ops()
    assert (counts["cz"], counts["reset"]) == (18, 3)
    assert len({circuit.find_bit(q).index for i in circuit.data for q in i.qubits}) == 3
    by_aer = qm.exact_circuit(
        pair, TIMES[-3:], splitting="couplings_first", steps=2, engine="aer"
    ).states
    by_maps = qm.exact_circuit(pair, TIMES[-3:], splitting="couplings_first", steps=2).states
    assert np.abs(by_aer - by_maps).max() < 1e-12


@pytest.mark.slow
def test_heom_agrees_up_to_the_counter_rotating_terms():
    """HEOM couples by σx, so it holds at ω ≫ g: what is left falls with g/ω."""
    import qutip
    from qutip.solver.heom import BosonicBath, HEOMSolver

    law, times = qm.LorentzianRate(1.0, 0.5), np.linspace(0, 5, 21)
    weight = law.strength * law.width / 2
    far = []
    for omega in (40.0, 80.0):
        rates = [law.width + 1j * omega, law.width - 1j * omega]
        bath = BosonicBath(
            qutip.sigmax(),
            [weight / 2, weight / 2],
            rates,
            [-0.5j * weight, 0.5j * weight],
            rates,
        )
        lower = qutip.destroy(2)
        solver = HEOMSolver(
            omega * lower.dag() * lower, bath, 3, options={"nsteps": 100_000, "atol": 1e-10}
        )
        solved = solver.run(qutip.fock_dm(2, 1), times)
        excited = np.array([state.full()[1, 1].real for state in solved.states])
        far.append(np.abs(excited - memory_amplitude(law, times)[0].real ** 2).max())
    assert far[1] < 0.5 / 80
    assert far[1] < 0.7 * far[0]


def test_a_memory_designed_for_a_law_has_it():
    law = qm.LorentzianRate(1.0, 0.4)
    times = np.linspace(0.05, 2.0, 40)
    constant = design_memory(law, times, width=0.4)
    assert constant.exchange == pytest.approx(np.sqrt(0.2), abs=1e-6)
    assert constant.amplitude == pytest.approx(law.amplitude(times), abs=1e-12)
    wanted = qm.FunctionRate(lambda t: 0.6 * np.sin(t))
    grid = np.linspace(1e-3, 4.0, 4001)
    made = design_memory(wanted, grid, width=0.01)
    # Ġ = −g c, ċ = gG − λc from the designed exchange alone, by the midpoint rule.
    amplitude, memory = made.amplitude[0], np.sqrt(made.population[0])
    for k in range(len(grid) - 1):
        dt, g = grid[k + 1] - grid[k], 0.5 * (made.exchange[k] + made.exchange[k + 1])
        half = (
            amplitude - 0.5 * dt * g * memory,
            memory + 0.5 * dt * (g * amplitude - 0.01 * memory),
        )
        amplitude, memory = (
            amplitude - dt * g * half[1],
            memory + dt * (g * half[0] - 0.01 * half[1]),
        )
    assert amplitude == pytest.approx(made.amplitude[-1], abs=1e-6)
    with pytest.raises(ValueError, match="population would turn negative at t = "):
        design_memory(wanted, grid, width=2.0)


def test_refusals_name_the_way():
    with pytest.raises(ValueError, match="memory_network"):
        qm.exact_circuit(STRONG, TIMES)
    with pytest.raises(TypeError, match="design_memory"):
        memory_network(qm.Memristor(qm.SquidRate(0.4), a=0.8))
    warm = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8, occupation=0.1)
    with pytest.raises(ValueError, match="zero temperature"):
        memory_network(warm)
    with pytest.raises(ValueError, match="begin after 0"):
        design_memory(qm.ConstantRate(0.1), [0.0, 1.0], width=0.1)
