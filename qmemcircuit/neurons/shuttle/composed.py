"""The shuttle's qubit at constant depth: the known steps composed, and the last few of them real.

Each step of the closed loop is RY(2ΔV) and a drift whose map is known, so all of them up to t_k
are one channel of one qubit, which takes two circuits with one ancilla and two two-qubit gates
each, whatever k is (`qmemcircuit.circuits.channels.synthesis`). The device's error does not grow
with k then, and nothing is kept on the device either: a composed map is a 4×4 matrix on a classical
computer, and after some 10/Γ it has forgotten its input. With a window of m the last m steps run
as steps, so that this much of the dynamics is the device's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import ParameterVector, QuantumCircuit

from qmemcircuit.circuits.channels.pauli_maps import unitary_map
from qmemcircuit.circuits.channels.synthesis import ChannelHalf, split_channel
from qmemcircuit.circuits.protocols import Prepared, Target
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.neurons.shuttle.circuits import (
    ANCILLA,
    SHUTTLE,
    append_drift,
    measured,
    shuttle_qubits,
)
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron


def drift_map(neuron: ShuttleNeuron, duration: float) -> FloatArray:
    """Return RZ(−Ωt), relaxation towards Z_T and dephasing as a map on (1, X, Y, Z), 4×4."""
    angle, rate = neuron.frequency * duration, neuron.decoherence_rate * duration
    transverse, longitudinal = math.exp(-rate), math.exp(-neuron.relaxation_ratio * rate)
    found = np.zeros((4, 4))
    found[0, 0] = 1
    found[1, 1:3] = transverse * math.cos(angle), transverse * math.sin(angle)
    found[2, 1:3] = -transverse * math.sin(angle), transverse * math.cos(angle)
    found[3, 0], found[3, 3] = neuron.thermal_polarisation * (1 - longitudinal), longitudinal
    return found


def turn_map(voltage_change: float) -> FloatArray:
    """Return RY(2ΔV) as a map on (1, X, Y, Z), 4×4."""
    cosine, sine = math.cos(2 * voltage_change), math.sin(2 * voltage_change)
    found = np.eye(4)
    found[1, [1, 3]] = cosine, sine
    found[3, [1, 3]] = -sine, cosine
    return found


def preparation_map(bloch_vector: ArrayLike) -> FloatArray:
    """Return a channel that takes |0> to the state with this Bloch vector: a rotation if pure."""
    vector = np.asarray(bloch_vector, dtype=float)
    length = float(np.linalg.norm(vector))
    if length < 1 - 1e-12:
        found = np.zeros((4, 4))
        found[0, 0] = 1
        found[1:, 0] = vector
        return found
    x, y, z = vector / length
    half = 0.5 * math.atan2(math.hypot(x, y), z)
    phase = np.exp(1j * math.atan2(y, x))
    rotation = np.array(
        [[math.cos(half), -math.sin(half)], [phase * math.sin(half), phase * math.cos(half)]]
    )
    return unitary_map(rotation)


FIXED_ANGLES = 7
"""Open angles of the composed part: two of the preparation, two of the ancilla, three after."""


class ComposedLoop:
    """The circuits of a closed loop at constant depth, step by step; see the module."""

    bases = "XZ"

    def __init__(
        self,
        neuron: ShuttleNeuron,
        step: float,
        bloch_vector: ArrayLike,
        target: Target,
        *,
        window: int = 0,
    ) -> None:
        """Start from a state, half a drift later, on qubits that `target` chooses now."""
        self.neuron, self.step, self.window = neuron, step, window
        self._composed = drift_map(neuron, step / 2) @ preparation_map(bloch_vector)
        self._recent: list[float] = []
        self._ready: dict[int, Prepared] = {}
        longest = self._template(window, "X")
        self.target = target.place([longest.assign_parameters(np.full(FIXED_ANGLES + window, 0.1))])

    def count(self, shots: int, step: int) -> IntArray:
        """Return the counts of outcomes 0 and 1 of X and of Z, (2, 2); each half gets half."""
        halves = split_channel(self._composed)
        recent = len(self._recent)
        if recent not in self._ready:
            circuits = [self._template(recent, basis) for basis in self.bases]
            self._ready[recent] = self.target.compile_once(circuits)
        counts = np.zeros((len(self.bases), 2), dtype=np.int64)
        for number, half in enumerate(halves):
            # An odd shot goes to the first half at one step and to the second at the next.
            share = (shots + (step + number) % 2) // 2 if len(halves) > 1 else shots
            if share == 0:
                continue
            values = np.array([*_angles(half), *(2 * change for change in self._recent)])
            given = [values] * len(self.bases)
            found = self._ready[recent].count(given, share, 2 * step + number)
            for place, outcome in enumerate(found):
                counts[place] += outcome.get(0, 0), outcome.get(1, 0)
        return counts

    def advance(self, voltage_change: float, seen: FloatArray) -> None:
        """Append a step to the history; what was seen has no part in it but through V."""
        self._recent.append(voltage_change)
        if len(self._recent) > self.window:
            turned = turn_map(self._recent.pop(0))
            self._composed = drift_map(self.neuron, self.step) @ turned @ self._composed

    def _template(self, recent: int, basis: str) -> QuantumCircuit:
        """Return one half with open angles, `recent` real steps, and a measurement."""
        angles = ParameterVector("angle", FIXED_ANGLES + recent)
        circuit = QuantumCircuit(shuttle_qubits(self.neuron) if recent else 2, 1)
        circuit.ry(angles[0], SHUTTLE)
        circuit.rz(angles[1], SHUTTLE)
        circuit.ry(angles[2], ANCILLA)
        circuit.cz(SHUTTLE, ANCILLA)
        circuit.ry(angles[3], ANCILLA)
        circuit.cx(ANCILLA, SHUTTLE)
        circuit.rz(angles[4], SHUTTLE)
        circuit.ry(angles[5], SHUTTLE)
        circuit.rz(angles[6], SHUTTLE)
        for place in range(recent):
            circuit.ry(angles[FIXED_ANGLES + place], SHUTTLE)
            append_drift(circuit, self.neuron, self.step)
        return measured(circuit, basis)


def _angles(half: ChannelHalf) -> list[float]:
    """Return the angles of the template for one half of the channel."""
    first, second = half.before[:, 0]  # from |0>, only two angles of the first rotation matter
    theta = 2 * math.atan2(abs(second), abs(first))
    phase = float(np.angle(second) - np.angle(first))
    return [theta, phase, half.beta - half.alpha, half.beta + half.alpha, *_euler(half.after)]


def _euler(unitary: ComplexArray) -> tuple[float, float, float]:
    """Return (a, b, c) with unitary = RZ(c) RY(b) RZ(a) up to a phase."""
    middle = 2 * math.atan2(abs(unitary[1, 0]), abs(unitary[0, 0]))
    phases = np.angle(unitary)
    if abs(unitary[1, 0]) < 1e-12:  # RZ(a + c) alone
        return 0.0, 0.0, float(phases[1, 1] - phases[0, 0])
    if abs(unitary[0, 0]) < 1e-12:
        return 0.0, math.pi, float(phases[1, 0] - np.angle(-unitary[0, 1]))
    return float(phases[1, 1] - phases[1, 0]), middle, float(phases[1, 0] - phases[0, 0])
