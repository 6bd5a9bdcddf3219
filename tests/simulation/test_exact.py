from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmemcircuit as qm

PAIR = qm.Network(
    [
        qm.Memristor(qm.SquidRate(0.1), a=0.7, b=0.4),
        qm.Memristor(qm.ConstantRate(0.2), state=[[0.6, 0.1j], [-0.1j, 0.4]], omega=1.3),
    ],
    {(1, 0): qm.ControlledRotation("x", 0.3)},
)


@pytest.mark.parametrize("steps", [None, 2])
@pytest.mark.parametrize("ancilla", ["fresh", "reset", qm.pool(2)])
@pytest.mark.parametrize("splitting", ["lie", "strang", "fused"])
def test_kraus_form_equals_the_ancilla_circuit(ancilla, splitting, steps):
    times = [0.3, 0.8]  # fresh ancillas: ten qubits, of which a density matrix has 4^10 numbers
    traced = qm.exact_circuit(PAIR, times, splitting=splitting, steps=steps)
    full = qm.exact_circuit(
        PAIR, times, ancilla=ancilla, splitting=splitting, steps=steps, engine="aer"
    )
    # Rounding of some 30 operations on 16 to 256 numbers.
    assert full.states == pytest.approx(traced.states, abs=1e-12)


def test_traced_states_equal_qiskits_own_simulation():
    from qiskit.quantum_info import DensityMatrix, partial_trace

    times = [0.3, 0.8]
    exact = qm.exact_circuit(PAIR, times)
    circuit = qm.build_circuits(PAIR, times).evolution(1)
    found = partial_trace(DensityMatrix(circuit), range(2, circuit.num_qubits)).data
    assert found == pytest.approx(exact.states[1], abs=1e-12)


@settings(max_examples=15)
@given(st.floats(0, 2), st.floats(0, 6), st.floats(-3, 3), st.floats(0.3, 3))
def test_states_stay_physical_and_follow_the_closed_form(gamma0, a, b, omega):
    memristor = qm.Memristor(qm.SquidRate(gamma0), a=a, b=b, omega=omega)
    times = np.array([0.0, 0.4, 2.0, 7.0])
    exact = qm.exact_circuit(memristor, times)
    assert np.trace(exact.states, axis1=1, axis2=2) == pytest.approx(1, abs=1e-12)
    assert np.linalg.eigvalsh(exact.states).min() > -1e-12
    kappa = -0.5 * memristor.decay_integral(0.0, times)
    coherence = memristor.initial_state[1, 0] * np.exp(kappa - 1j * omega * times)
    assert exact.states[:, 1, 0] == pytest.approx(coherence, abs=1e-12)
    voltage = memristor.current_scale * coherence.imag
    assert exact.voltage[:, 0] == pytest.approx(voltage, abs=1e-12)
    assert exact.current[:, 0] == pytest.approx(memristor.decay_rate(times) * voltage, abs=1e-12)


def test_too_many_fresh_ancillas_name_qubits_and_remedy():
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.3)
    times = memristor.periods(3)
    with pytest.raises(ValueError, match="has 91; use ancilla='reset'"):
        qm.exact_circuit(memristor, times, ancilla="fresh", engine="aer")
    with pytest.raises(ValueError, match="has 91"):
        qm.run(memristor, times, target=qm.aer(seed=1), shots=10, ancilla="fresh")


def test_provenance_says_how():
    exact = qm.exact_circuit(PAIR, [1.0], ancilla=qm.pool(2), splitting="strang", steps=2)
    assert exact.provenance["ancilla"] == "pool(2)"
    assert exact.provenance["splitting"] == "strang"
    assert exact.provenance["steps"] == 2
    assert "qiskit-aer" in exact.provenance["versions"]
