"""Thermal quanta and pure dephasing: meetings with ancillas against closed forms and QuTiP."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Choi, Kraus, Operator

import qmemcircuit as qm
from qmemcircuit.circuits.channels.pauli_maps import PAULIS, damping_maps
from qmemcircuit.circuits.collision import collision_circuit, damping_kraus
from qmemcircuit.model.serialization import describe_model, restore_model

WARM = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6, occupation=0.35, dephasing=0.07)
TIMES = WARM.periods(2, points=12)
STATE = WARM.initial_state


def closed_form(item: qm.Memristor, times: np.ndarray) -> np.ndarray:
    """Return the states: both relax to p_e = n̄/(2n̄+1), the coherence turns and shrinks."""
    quanta = item.occupation
    decay = np.exp(-(2 * quanta + 1) * item.decay_integral(0.0, times))
    excited = decay * STATE[1, 1].real + (1 - decay) * quanta / (2 * quanta + 1)
    coherence = np.sqrt(decay) * np.exp(-(item.dephasing + 1j * item.omega) * times) * STATE[1, 0]
    states = np.empty((times.size, 2, 2), dtype=complex)
    states[:, 1, 1], states[:, 0, 0] = excited, 1 - excited
    states[:, 1, 0], states[:, 0, 1] = coherence, coherence.conj()
    return states


@pytest.mark.parametrize("kind", ["cool", "heat", "dephase"])
@pytest.mark.parametrize("form", ["compact", "paper"])
@pytest.mark.parametrize("p", [0.0, 1e-9, 0.3, 1.0])
def test_a_meeting_is_one_channel_as_gates_kraus_and_map(kind, form, p):
    isometry = Operator(collision_circuit(p, form=form, kind=kind)).data.reshape(2, 2, 2, 2)
    gates = Choi(Kraus([isometry[k, :, 0, :] for k in range(2)])).data
    kraus = damping_kraus(p, kind)
    assert gates == pytest.approx(Choi(Kraus(kraus)).data, abs=1e-13)
    images = sum(k @ PAULIS @ k.conj().T for k in kraus)
    found = np.einsum("aij,bji->ab", PAULIS, images).real / 2
    assert found == pytest.approx(damping_maps(p, kind), abs=1e-15)


@pytest.mark.parametrize("ancilla", ["traced", "merged", "fresh", "reset"])
def test_any_ancilla_gives_the_closed_form(ancilla):
    times = TIMES[:4] if ancilla == "fresh" else TIMES
    found = qm.exact_circuit(WARM, times, ancilla=ancilla)
    assert found.states == pytest.approx(closed_form(WARM, times), abs=1e-12)
    cold = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    assert np.abs(qm.exact_circuit(cold, times).states - found.states).max() > 0.02


@pytest.mark.parametrize(
    ("quanta", "dephasing"), [(0.0, 0.5), (1e-6, 0.0), (0.4, 0.1), (20.0, 0.0)]
)
def test_master_equation_and_the_law_of_the_current(quanta, dephasing):
    item = qm.Memristor(qm.SquidRate(0.3), state=STATE, occupation=quanta, dephasing=dephasing)
    found = qm.master_equation(item, TIMES)
    assert found.states == pytest.approx(closed_form(item, TIMES), abs=1e-8)
    # I by its definition: the coherence c e^{−iωt} of the closed form, differentiated.
    step = 1e-4
    near = closed_form(item, np.concatenate([TIMES[1:] - step, TIMES[1:] + step]))[:, 1, 0]
    slow = near * np.exp(1j * np.concatenate([TIMES[1:] - step, TIMES[1:] + step]))
    slope = np.diff(slow.reshape(2, -1), axis=0)[0] / (2 * step)
    current = -2 * item.current_scale * (slope * np.exp(-1j * TIMES[1:])).imag
    assert found.current[1:, 0] == pytest.approx(current, abs=3e-6)  # (step²/6) × third derivative
    assert qm.memristive_defect(found)[0] < 1e-15


def test_coupled_warm_memristors_converge_at_second_order():
    """The circuits' splitting error against QuTiP falls as 1/steps²."""
    other = qm.Memristor(qm.ConstantRate(0.2), a=0.3, occupation=0.1, dephasing=0.02)
    pair = qm.Network([WARM, other], {(0, 1): qm.Native("x", 0.4)})
    reference = qm.master_equation(pair, [4.0]).states
    gaps = [
        np.abs(
            qm.exact_circuit(pair, [4.0], splitting="strang", steps=steps).states - reference
        ).max()
        for steps in (20, 40, 80)
    ]
    slopes = np.log2(np.array(gaps[:-1]) / np.array(gaps[1:]))
    assert slopes == pytest.approx(2.0, abs=0.1)
    aer = qm.exact_circuit(pair, [4.0], splitting="strang", steps=20, engine="aer").states
    maps = qm.exact_circuit(pair, [4.0], splitting="strang", steps=20).states
    assert aer == pytest.approx(maps, abs=1e-12)


def test_merged_warm_memristors_take_two_circuits_of_two_gates():
    circuits = qm.build_circuits(WARM, TIMES, ancilla="merged")
    branches = circuits.branches
    counts = {b.evolution(k).num_nonlocal_gates() for b in branches for k in range(1, len(TIMES))}
    assert len(branches) == 2
    assert counts == {2}
    assert circuits.num_qubits == 2


def test_shots_estimates_and_files(tmp_path):
    record = qm.run(WARM, TIMES, target=qm.aer(seed=11), shots=4000, ancilla="merged")
    exact = qm.master_equation(WARM, TIMES)
    found = qm.estimate(record)
    pull = (found.voltage - exact.voltage)[:, 0] / found.voltage_error[:, 0]
    assert np.abs(pull).max() < 3.7  # 25 values: 0.5 % by chance
    operator = qm.estimate(record, current="current_operator")
    pull = (operator.current - exact.current)[1:, 0] / operator.current_error[1:, 0]
    assert np.abs(pull).max() < 3.7
    # The mutant: the current read with the cold law, from the same counts.
    cold = operator.variables["decay_rate"] * operator.voltage
    assert np.abs((cold - exact.current)[1:, 0] / operator.current_error[1:, 0]).max() > 8
    record.save(tmp_path / "warm.npz")
    assert qm.Record.load(tmp_path / "warm.npz").network == record.network
    assert restore_model(describe_model(record.network, TIMES)) == record.network
    assert "occupation" not in str(describe_model(qm.Network([cold_one()]), TIMES))


def cold_one() -> qm.Memristor:
    return qm.Memristor(qm.ConstantRate(0.1), a=0.1)


def test_collapse_operators_are_those_of_the_equation():
    import qutip

    hamiltonian, collapse = WARM.to_qutip()
    options = {"atol": 1e-12, "rtol": 1e-10}
    solved = qutip.mesolve(
        hamiltonian, qutip.Qobj(STATE), [0.0, 3.0], c_ops=collapse, options=options
    )
    expected = closed_form(WARM, np.array([3.0]))[0]
    assert solved.states[-1].full() == pytest.approx(expected, abs=1e-8)


def test_what_is_refused():
    for name in ("occupation", "dephasing"):
        with pytest.raises(ValueError, match=f"Argument {name} must"):
            qm.Memristor(qm.ConstantRate(0.1), a=0.1, **{name: -0.1})
        with pytest.raises(ValueError, match=name):
            qm.Memristor(qm.ConstantRate(0.1), a=0.1, **{name: float("nan")})
    pair = qm.Network([WARM, WARM], {(0, 1): qm.Native("y", 0.1)})
    with pytest.raises(ValueError, match="zero temperature without dephasing"):
        qm.build_circuits(pair, TIMES, splitting="compiled")
