"""Ancillas that share qubits and couplings through them: the same channel, on fewer neighbours."""

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.circuit.library import CRYGate, RXXGate, RYYGate, RZZGate
from qiskit.quantum_info import Operator

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.compilation.demands import demand_of
from qmemcircuit.devices.compilation.sharing import coupling_through_ancilla, search_seats
from qmemcircuit.devices.recorded import recorded_device
from qmemcircuit.devices.states import device_states

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
HOW = {"splitting": "strang", "steps": 2}


def network(coupling):
    return qm.chain([MEMRISTOR] * 3, coupling)


def leak(circuit, gate):
    """How far a circuit on (first, ancilla, second) is from the gate with its ancilla in |0>."""
    whole = Operator(circuit).data.reshape((2,) * 6)
    inside = whole[:, 0, :, :, 0, :].reshape(4, 4)  # qubits 2 and 0; ancilla |0> before and after
    return np.abs(inside - Operator(gate).data).max()


@pytest.mark.parametrize("gate", [RXXGate(0.3), RYYGate(0.3), RZZGate(0.3), CRYGate(0.3)])
def test_a_coupling_through_an_ancilla_is_the_coupling(gate):
    through = coupling_through_ancilla(gate)
    assert leak(through, gate) < 1e-12
    wrong = coupling_through_ancilla(type(gate)(-0.3))
    assert leak(wrong, gate) > 0.1  # the mutant turns the other way


@pytest.mark.parametrize("coupling", [qm.Native("y", 0.1), qm.PartialSwap(0.1)])
def test_a_line_of_qubits_carries_a_chain_with_shared_ancillas(coupling):
    """Without noise the device's states are the circuit's own; no SWAP is there."""
    model, times = network(coupling), [0.0, 2.0]
    target = qm.device(PlainBackend(qubits=6, t1=1e3, t2=1e3, bad_qubit=0), seed=1)
    circuits = qm.build_circuits(model, times, bases="Y", **HOW)
    placed = target.place(circuits)
    assert placed.placement.seats
    assert len(placed.placement.qubits) < circuits.num_qubits  # qubit 0 is bad
    noisy = device_states(model, times, target=placed, **HOW)
    exact = qm.exact_circuit(model, times, **HOW)
    assert trace_distance(noisy.states, exact.states).max() < 1e-6
    # What is recorded makes the same circuits again.
    again = recorded_device(placed.describe()).compile(circuits)
    before = placed.compile(circuits)
    assert [item.circuit for item in again] == [item.circuit for item in before]


def test_a_search_finds_the_good_half_of_a_line():
    circuits = qm.build_circuits(network(qm.Native("y", 0.1)), [2.0], bases="Y", **HOW)
    demand = demand_of(circuits.evolution(0), 3)
    found = search_seats(demand, PlainBackend(qubits=12, bad_qubit=2, gate_error=1e-3).target)
    assert 2 not in found.qubits
    # A star of four has no place on a line, shared or not.
    star = qm.star([MEMRISTOR] * 5, qm.Native("y", 0.1))
    demand = demand_of(qm.build_circuits(star, [2.0], **HOW).evolution(0), 5)
    assert search_seats(demand, PlainBackend(qubits=12).target) is None
