"""Gates and collisions of a pair in turn, as one object; `fit` fits them to an exact map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit.circuit.library import UnitaryGate

from qmemcircuit.circuits.channels.pair_maps import damping_map, unitary_map
from qmemcircuit.circuits.splitting import Collision, Element, Operation
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True, eq=False)
class PairSequence:
    """n + 1 gates with n collisions between them: gates (n + 1, 4, 4), probabilities (n, 2).

    No gates at all, gates (0, 4, 4), is the identity: the circuit of t = 0.
    """

    gates: ComplexArray
    probabilities: FloatArray  # [collision, memristor]

    def elements(self) -> tuple[Element, ...]:
        """Return gates and collisions in the order of application; certain survival is left out."""
        elements: list[Element] = []
        for place, gate in enumerate(self.gates):
            elements.append(Operation((0, 1), UnitaryGate(gate, label=f"V{place}")))
            if place < len(self.probabilities):
                elements += [
                    Collision(j, float(p)) for j, p in enumerate(self.probabilities[place]) if p > 0
                ]
        return tuple(elements)

    def map(self) -> FloatArray:
        """Return the Pauli transfer matrix of the whole sequence, shape (16, 16)."""
        total = np.eye(16)
        for place, gate in enumerate(self.gates):
            total = unitary_map(gate) @ total
            if place < len(self.probabilities):
                first, second = (damping_map(p) for p in self.probabilities[place])
                total = np.kron(second, first) @ total
        return total


NOTHING = PairSequence(np.empty((0, 4, 4), dtype=complex), np.empty((0, 2)))
"""The sequence of t = 0."""
