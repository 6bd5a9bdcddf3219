"""`CircuitBuilder`: one circuit under construction, prepared and then grown by its elements."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from qiskit.circuit import AncillaRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import StatePreparation, UnitaryGate

from qmemcircuit.circuits.collision import collision_circuit
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.circuits.splitting import (
    Collision,
    Element,
    Operation,
    Synthesis,
)
from qmemcircuit.common.checks import ComplexArray
from qmemcircuit.model.memristors import Network


class CircuitBuilder:
    """A circuit under construction: the prepared system, and who used which ancilla last.

    An ancilla is reset before it is used again and never after its last collision.
    """

    def __init__(
        self,
        network: Network,
        options: CircuitOptions,
        collisions: int,
        flipped: Sequence[int] = (),
    ) -> None:
        """Prepare the initial state.

        `collisions` is the most that any memristor will have, `flipped` names the resets that an X
        follows.
        """
        self._network, self._collision, self._flipped = network, options.collision, flipped
        count = len(network.memristors)
        purified = [_is_mixed(memristor.initial_state) for memristor in network.memristors]
        needed = collisions + any(purified)
        size, self._resets = options.pool.size, options.pool.resets
        self._size = needed if size is None else min(size, needed)
        self._used = [0] * count
        system = QuantumRegister(count, "system")
        self.circuit = QuantumCircuit(system)
        if self._size:
            self.circuit.add_register(AncillaRegister(count * self._size, "ancilla"))
        self._prepare()

    def append(self, elements: Sequence[Element]) -> None:
        """Append collisions and gates."""
        for element in elements:
            if isinstance(element, Collision):
                gadget = collision_circuit(
                    element.probability, form=self._collision, kind=element.kind
                )
                qubits = [element.memristor, self._next_ancilla(element.memristor)]
                self.circuit.compose(gadget, qubits, inplace=True)
            elif isinstance(element, Synthesis):
                gadget = element.half.circuit()
                qubits = [element.memristor, self._next_ancilla(element.memristor)]
                self.circuit.compose(gadget, qubits, inplace=True)
            else:
                self.circuit.append(element.gate, list(element.memristors))

    def _next_ancilla(self, memristor: int) -> int:
        turn = self._used[memristor]
        self._used[memristor] += 1
        qubit = len(self._network.memristors) + memristor * self._size + turn % self._size
        if turn >= self._size:
            for _ in range(self._resets):
                self.circuit.reset(qubit)
            if (turn - self._size) * len(self._network.memristors) + memristor in self._flipped:
                self.circuit.x(qubit)
        return qubit

    def _prepare(self) -> None:
        if self._network.state is not None:
            vector = pure_vector(self._network.initial_state)
            if len(self._network.memristors) == 2:
                prepare_pair(self.circuit, vector)
            else:
                self.circuit.append(StatePreparation(vector), self.circuit.qregs[0])
            return
        for j, memristor in enumerate(self._network.memristors):
            weights, vectors = np.linalg.eigh(memristor.initial_state)
            major, minor = vectors[:, 1], float(max(weights[0], 0.0))
            if _is_mixed(memristor.initial_state):
                # Purify: the ancilla is left entangled and is reset before its first collision.
                qubit = self._next_ancilla(j)
                self.circuit.ry(2 * math.asin(math.sqrt(minor)), qubit)
                self.circuit.cx(qubit, j)
            theta = 2 * math.atan2(abs(major[1]), abs(major[0]))
            self.circuit.u(theta, float(np.angle(major[1]) - np.angle(major[0])), 0.0, j)


def prepare_pair(circuit: QuantumCircuit, vector: ComplexArray) -> None:
    """Append the preparation of a pure state of qubits 0 and 1, with one CNOT: its Schmidt form."""
    left, weights, right = np.linalg.svd(vector.reshape(2, 2))
    circuit.ry(2 * math.atan2(weights[1], weights[0]), 0)
    if weights[1] > 1e-12:
        circuit.cx(0, 1)
    circuit.append(UnitaryGate(right.T), [0])
    circuit.append(UnitaryGate(left), [1])


def absorb_first_gate(
    network: Network, elements: tuple[Element, ...]
) -> tuple[Network, tuple[Element, ...]]:
    """Move a first gate on a whole pair into the prepared state, where that state is pure."""
    state = network.initial_state
    if not elements or not isinstance(elements[0], Operation):
        return network, elements
    if np.trace(state @ state).real < 1 - 1e-12:
        return network, elements
    vector = elements[0].gate.to_matrix() @ pure_vector(state)
    return Network(network.memristors, network.couplings, state=vector), elements[1:]


def pure_vector(state: ComplexArray) -> ComplexArray:
    """Return the vector of a pure density matrix; ValueError if it is mixed."""
    weights, vectors = np.linalg.eigh(state)
    if weights[-1] < 1 - 1e-9:
        raise ValueError(
            "Argument state must be pure for circuits to prepare a joint state, but its largest "
            f"eigenvalue is {weights[-1]:.6g}; give each memristor its own mixed state, or use "
            "exact_circuit, which needs no preparation."
        )
    return np.asarray(vectors[:, -1])


def _is_mixed(state: ComplexArray) -> bool:
    return bool(np.linalg.eigvalsh(state)[0] > 1e-12)


def most_collisions(elements: Sequence[Element]) -> int:
    """Return the largest number of collisions that any one memristor has."""
    counts: dict[int, int] = {}
    for element in elements:
        if isinstance(element, Collision | Synthesis):
            counts[element.memristor] = counts.get(element.memristor, 0) + 1
    return max(counts.values(), default=0)
