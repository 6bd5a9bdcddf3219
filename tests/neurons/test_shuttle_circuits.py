"""The shuttle's circuits as channels, against the Bloch equations of Potter et al., Eq. 10."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Choi, DensityMatrix, SuperOp, partial_trace
from scipy.linalg import expm

from qmemcircuit.neurons.shuttle.circuits import (
    append_drift,
    append_preparation,
    append_step,
    history_circuits,
    measured,
    reprepare_circuits,
    shuttle_qubits,
)
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, bloch_states

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.3)
PAULIS = [
    np.eye(2),
    np.array([[0, 1], [1, 0]]),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1.0, -1.0]),
]


def bloch_generator(neuron: ShuttleNeuron, slope: float) -> np.ndarray:
    """Eq. 10 as d(1, X, Y, Z)/dt = M (1, X, Y, Z) at constant V̇ = `slope`."""
    gamma, omega = neuron.decoherence_rate, neuron.frequency
    longitudinal = neuron.relaxation_ratio * gamma
    return np.array(
        [
            [0, 0, 0, 0],
            [0, -gamma, omega, 2 * slope],
            [0, -omega, -gamma, 0],
            [longitudinal * neuron.thermal_polarisation, -2 * slope, 0, -longitudinal],
        ]
    )


def channel(circuit: QuantumCircuit) -> SuperOp:
    """The shuttle's channel: the other qubits start in |0⟩ and are traced out."""
    whole = SuperOp(circuit)
    rest = np.zeros((2 ** (circuit.num_qubits - 1),) * 2)
    rest[0, 0] = 1
    columns = np.empty((4, 4), complex)
    others = list(range(1, circuit.num_qubits))
    for column in range(4):
        basis = np.zeros(4)
        basis[column] = 1
        matrix = basis.reshape(2, 2, order="F")
        full = DensityMatrix(np.kron(rest, matrix)).evolve(whole)
        columns[:, column] = partial_trace(full, others).data.ravel(order="F")
    return SuperOp(columns)


def bloch_map(superoperator: SuperOp) -> np.ndarray:
    """Pauli transfer matrix: acts on (1, X, Y, Z)."""
    images = [(superoperator.data @ p.ravel(order="F")).reshape(2, 2, order="F") for p in PAULIS]
    return np.array([[np.trace(p @ image).real / 2 for image in images] for p in PAULIS])


def drift(neuron: ShuttleNeuron, duration: float) -> SuperOp:
    circuit = QuantumCircuit(shuttle_qubits(neuron))
    append_drift(circuit, neuron, duration)
    return channel(circuit)


@pytest.mark.parametrize("polarisation", [1.0, 0.99, 0.4, 0.0])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0, 2.0])
def test_the_drift_is_the_bloch_equations_exactly(polarisation: float, ratio: float) -> None:
    neuron = replace(NEURON, thermal_polarisation=polarisation, relaxation_ratio=ratio)
    for duration in (0.05, 1.7):
        found = drift(neuron, duration)
        wanted = expm(duration * bloch_generator(neuron, 0.0))
        np.testing.assert_allclose(bloch_map(found), wanted, atol=1e-13)  # rounding only
        assert Choi(found).is_cptp()


@pytest.mark.parametrize(
    "change",
    [
        {"decoherence_rate": 0.33},
        {"relaxation_ratio": 1.1},
        {"thermal_polarisation": 0.5},
        {"frequency": 7.01},
    ],
)
def test_the_drift_test_sees_a_wrong_rate(change: dict[str, float]) -> None:
    neuron = replace(NEURON, thermal_polarisation=0.6)
    wrong = bloch_map(drift(replace(neuron, **change), 0.05))
    wanted = expm(0.05 * bloch_generator(neuron, 0.0))
    assert np.abs(wrong - wanted).max() > 1e-4


@pytest.mark.parametrize("polarisation", [1.0, 0.6])
def test_one_step_is_the_bloch_equations_to_third_order(polarisation: float) -> None:
    """Half drift, RY(2ΔV), half drift against Eq. 10 at constant V̇: local error ~ Δt³."""
    neuron = replace(NEURON, thermal_polarisation=polarisation)
    slope, errors = 0.7, []
    for dt in (0.04, 0.02, 0.01):
        circuit = QuantumCircuit(shuttle_qubits(neuron))
        append_drift(circuit, neuron, dt / 2)
        append_step(circuit, neuron, slope * dt, dt / 2)
        wanted = expm(dt * bloch_generator(neuron, slope))
        errors.append(np.abs(bloch_map(channel(circuit)) - wanted).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[0] < 1e-3
    np.testing.assert_allclose(orders, 3, atol=0.1)


def test_drifts_compose() -> None:
    neuron = replace(NEURON, thermal_polarisation=0.6)
    twice = bloch_map(drift(neuron, 0.3)) @ bloch_map(drift(neuron, 0.5))
    np.testing.assert_allclose(twice, bloch_map(drift(neuron, 0.8)), atol=1e-13)


vectors = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array)


@settings(deadline=None, max_examples=30)
@given(vectors)
def test_any_state_of_the_ball_is_prepared(vector: np.ndarray) -> None:
    vector = vector / max(1.0, float(np.linalg.norm(vector)))
    circuit = QuantumCircuit(2)
    circuit.h(0)  # whatever was there before
    circuit.cx(0, 1)
    append_preparation(circuit, vector)
    state = partial_trace(DensityMatrix(circuit), [1])
    # acos loses half the digits where the vector is nearly of length 1.
    np.testing.assert_allclose(state.data, bloch_states(*vector), atol=1e-8)


@pytest.mark.parametrize("vector", [(1.0, 0.1, 0.0), (0.0, 0.0), (np.nan, 0.0, 0.0)])
def test_states_outside_the_ball_are_refused(vector: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="Argument bloch_vector must"):
        append_preparation(QuantumCircuit(2), vector)


@pytest.mark.parametrize(("basis", "sign"), [("X", 1), ("Y", -1), ("Z", 1)])
def test_each_basis_measures_its_axis(basis: str, sign: int) -> None:
    vector = np.array([0.3, -0.5, 0.7])
    circuit = QuantumCircuit(2, 1)
    append_preparation(circuit, vector)
    rotated = measured(circuit, basis)
    rotated.remove_final_measurements()
    zero, one = DensityMatrix(rotated).probabilities([0])
    assert zero - one == pytest.approx(vector["XYZ".index(basis)], abs=1e-12)
    assert np.sign(zero - one) == sign


def test_circuits_have_the_steps_that_they_say() -> None:
    cold = history_circuits(NEURON, [0.1, 0.2], 0.05, bloch_vector=(0, 0, 1))
    assert len(cold) == 2
    assert cold[0].num_qubits == 2
    # A drift needs two CX for the partial swap and one RZZ; half a step and two whole ones.
    assert cold[0].count_ops()["cx"] == 6
    assert cold[0].count_ops()["rzz"] == 3
    warm = reprepare_circuits(
        replace(NEURON, thermal_polarisation=0.5), 0.1, 0.05, bloch_vector=(0.3, 0, 0.2)
    )
    assert len(warm) == 3
    assert warm[0].num_qubits == 3
    pairs = {
        tuple(sorted(circuit.find_bit(q).index for q in item.qubits))
        for circuit in warm
        for item in circuit.data
        if len(item.qubits) == 2
    }
    assert pairs == {(0, 1), (1, 2)}  # a line: no routing needed on any device


def test_no_decoherence_needs_no_ancilla_gates() -> None:
    circuit = QuantumCircuit(2)
    append_drift(circuit, replace(NEURON, decoherence_rate=0.0), 0.1)
    assert dict(circuit.count_ops()) == {"rz": 1}
