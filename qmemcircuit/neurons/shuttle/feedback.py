"""How a closed loop on a device gets from one step to the next: the ways to run the qubit.

Each way is one class with `bases`, `target`, `count(shots, step)` and `advance(voltage_change,
seen)`: what is measured, where, and what the step that follows needs to know. Two more have
modules of their own: `shuttle.bath.BathLoop` and `shuttle.composed.ComposedLoop`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.neurons.shuttle.circuits import (
    history_chain,
    history_circuits,
    preparation_angles,
    reprepare_circuits,
    reprepare_templates,
)
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
    """Every step runs again from t = 0 with the recorded angles: step k is k steps of gates."""

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
        """Choose the qubits for the last of `steps` steps; compile one step for all of them."""
        chain = history_chain(neuron, step, bloch_vector=bloch_vector, bases=self.bases)
        self.target = target.place(chain.circuits([np.zeros(1)] * (steps - 1)))
        self._chain = self.target.compile_chain(chain)

    def count(self, shots: int, step: int) -> IntArray:
        """Run the history so far."""
        return _table(self._chain.count(shots, step))

    def advance(self, voltage_change: float, seen: FloatArray) -> None:
        """Make the history longer."""
        self._chain.append(np.array([2 * voltage_change]))


class ReprepareLoop:
    """The measured Bloch vector is prepared anew at every step, whose circuit is short."""

    bases = "XYZ"

    def __init__(
        self, neuron: ShuttleNeuron, step: float, bloch_vector: FloatArray, target: Target
    ) -> None:
        """Choose the qubits, and compile the step for any state and change of the voltage."""
        self.target = target.place(
            reprepare_circuits(neuron, 0.0, step, bloch_vector=0.9 * bloch_vector)
        )
        self._first = history_circuits(
            neuron, [], step, bloch_vector=bloch_vector, bases=self.bases
        )
        self._prepared = self.target.compile_once(reprepare_templates(neuron, step))
        self._angles: FloatArray | None = None

    def count(self, shots: int, step: int) -> IntArray:
        """Run one step from the state that the last one found."""
        if self._angles is None:
            return _table(self.target.independent(step).count(self._first, shots))
        return _table(self._prepared.count([self._angles] * len(self.bases), shots, step))

    def advance(self, voltage_change: float, seen: FloatArray) -> None:
        """Keep what was seen, shortened to a state's Bloch vector."""
        self._angles = np.array([*preparation_angles(seen), 2 * voltage_change])


def _table(found: list[dict[int, int]]) -> IntArray:
    return np.array([[item.get(0, 0), item.get(1, 0)] for item in found], dtype=np.int64)
