"""How a closed loop on a device gets from one step to the next: the ways to run the qubit.

Each way is one class with `bases`, `target`, `count(shots, step)` and `advance(voltage_change,
seen)`: what is measured, where, and what the step that follows needs to know. Two more have
modules of their own: `shuttle.bath.BathLoop` and `shuttle.composed.ComposedLoop`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.neurons.shuttle.circuits import history_circuits, reprepare_circuits
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron


class Feedback(Protocol):
    """One way to run the qubit of a closed loop."""

    bases: str
    target: Target

    def count(self, shots: int, step: int) -> IntArray:
        """Return the counts of outcomes 0 and 1 in each basis, (B, 2), in the step's middle."""
        ...

    def advance(self, voltage_change: float, seen: FloatArray) -> None:
        """Take note of what the step did, and of what was measured in it, (B,)."""
        ...


class HistoryLoop:
    """Every step runs again from t = 0 with the recorded angles; step k costs k steps of gates."""

    bases = "XZ"

    def __init__(
        self,
        neuron: ShuttleNeuron,
        step: float,
        bloch_vector: FloatArray,
        target: Target,
        *,
        steps: int,
    ) -> None:
        """Choose the qubits for the last of `steps` steps, whose circuits are the longest."""
        self._neuron, self._step, self._start = neuron, step, bloch_vector
        self._changes: list[float] = []
        self.target = target.place(self._circuits([0.0] * (steps - 1)))

    def count(self, shots: int, step: int) -> IntArray:
        """Run the history so far."""
        return _counted(self.target, self._circuits(self._changes), shots, step)

    def advance(self, voltage_change: float, seen: FloatArray) -> None:
        """Make the history longer."""
        self._changes.append(voltage_change)

    def _circuits(self, changes: list[float]) -> list[QuantumCircuit]:
        return history_circuits(
            self._neuron, changes, self._step, bloch_vector=self._start, bases=self.bases
        )


class ReprepareLoop:
    """The measured Bloch vector is prepared anew at every step, whose circuit is short."""

    bases = "XYZ"

    def __init__(
        self, neuron: ShuttleNeuron, step: float, bloch_vector: FloatArray, target: Target
    ) -> None:
        """Choose the qubits for a mixed state, which takes an ancilla to prepare."""
        self._neuron, self._step, self._bloch = neuron, step, bloch_vector
        self._change: float | None = None
        self.target = target.place(
            reprepare_circuits(neuron, 0.0, step, bloch_vector=0.9 * bloch_vector)
        )

    def count(self, shots: int, step: int) -> IntArray:
        """Run one step from the state that the last one found."""
        if self._change is None:
            circuits = history_circuits(
                self._neuron, [], self._step, bloch_vector=self._bloch, bases=self.bases
            )
        else:
            circuits = reprepare_circuits(
                self._neuron, self._change, self._step, bloch_vector=self._bloch
            )
        return _counted(self.target, circuits, shots, step)

    def advance(self, voltage_change: float, seen: FloatArray) -> None:
        """Keep what was seen, shortened to a state's Bloch vector."""
        self._change = voltage_change
        self._bloch = seen / max(1.0, float(np.linalg.norm(seen)))


def _counted(target: Target, circuits: list[QuantumCircuit], shots: int, step: int) -> IntArray:
    found = target.independent(step).count(circuits, shots)
    return np.array([[item.get(0, 0), item.get(1, 0)] for item in found], dtype=np.int64)
