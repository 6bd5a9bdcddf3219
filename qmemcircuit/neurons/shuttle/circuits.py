"""The shuttle's qubit as circuits: rotation, relaxation towards Z_T and dephasing by collisions.

Qubit 0 is the shuttle (|0⟩ its ground state, Z = +1), qubit 1 an ancilla that is reset before
each collision, qubit 2 (only where Z_T < 1 or a mixed state is prepared) purifies the ancilla's
thermal state. The couplings form the line 0–1–2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import XXPlusYYGate

from qmemcircuit.circuits.protocols import Chain
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_choice
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

SHUTTLE, ANCILLA, PURIFIER = range(3)


def shuttle_qubits(neuron: ShuttleNeuron) -> int:
    """Return how many qubits the neuron's circuits need: 2 at zero temperature, else 3."""
    check_arguments(shuttle_qubits, locals())
    return 2 if neuron.thermal_polarisation == 1 else 3


def append_drift(circuit: QuantumCircuit, neuron: ShuttleNeuron, duration: float) -> None:
    """Append the evolution at constant voltage for a time `duration`: exact, no splitting error.

    RZ(−Ωt); then a partial swap with a thermal ancilla (|1⟩ with probability (1 − Z_T)/2) of
    probability 1 − e^{−αΓt}, which is generalised amplitude damping towards Z_T; then an RZZ(χ)
    collision (a controlled phase up to local Z rotations) with an ancilla in |+⟩,
    cos χ = e^{−Γ(1−α/2)t}, which multiplies the coherence by cos χ. The three commute.
    """
    check_arguments(append_drift, locals())
    relaxation = neuron.relaxation_ratio * neuron.decoherence_rate * duration
    dephasing = (1 - neuron.relaxation_ratio / 2) * neuron.decoherence_rate * duration
    circuit.rz(-neuron.frequency * duration, SHUTTLE)
    if relaxation > 0:
        circuit.reset(ANCILLA)
        if neuron.thermal_polarisation < 1:
            circuit.reset(PURIFIER)
            _append_mixture(circuit, neuron.thermal_polarisation, ANCILLA, PURIFIER)
        # XXPlusYY(θ) swaps |01⟩ and |10⟩ with probability sin²(θ/2); sin²(θ/2) = 1 − e^{−αΓt}
        # through the cosine, which keeps its digits where the probability is small.
        angle = 2 * math.atan2(math.sqrt(-math.expm1(-relaxation)), math.exp(-relaxation / 2))
        # Its definition (two CX), not the gate: simulators without a transpiler know its parts.
        swap = XXPlusYYGate(angle, -math.pi / 2).definition
        circuit.compose(swap, [SHUTTLE, ANCILLA], inplace=True)
    if dephasing > 0:
        circuit.reset(ANCILLA)
        circuit.h(ANCILLA)
        angle = math.atan2(math.sqrt(-math.expm1(-2 * dephasing)), math.exp(-dephasing))
        circuit.rzz(angle, SHUTTLE, ANCILLA)


def history_chain(
    neuron: ShuttleNeuron, step: float, *, bloch_vector: ArrayLike, bases: str = "XZ"
) -> Chain:
    """Return the circuits of `history_circuits` in pieces, with each step's RY open.

    The pieces: `bloch_vector` and half a step; RY(angle) and a whole step; and the readouts.
    """
    qubits = shuttle_qubits(neuron)
    start = QuantumCircuit(qubits)
    append_preparation(start, bloch_vector)
    append_drift(start, neuron, step / 2)
    repeated = QuantumCircuit(qubits)
    repeated.ry(Parameter("angle"), SHUTTLE)
    append_drift(repeated, neuron, step)
    empty = QuantumCircuit(qubits, 1)
    return Chain(start, repeated, tuple(measured(empty, basis) for basis in bases))


def append_step(
    circuit: QuantumCircuit, neuron: ShuttleNeuron, voltage_change: float, duration: float
) -> None:
    """Append one step of the closed loop: RY(2ΔV), then the evolution for `duration`."""
    check_arguments(append_step, locals())
    circuit.ry(2 * voltage_change, SHUTTLE)
    append_drift(circuit, neuron, duration)


def append_preparation(circuit: QuantumCircuit, bloch_vector: ArrayLike) -> None:
    """Append the preparation of the state with Bloch vector (X, Y, Z) from reset qubits.

    A mixed state is the shuttle's half of a pure state of shuttle and ancilla. Raises
    ValueError where the vector is longer than 1.
    """
    check_arguments(append_preparation, locals())
    vector = np.asarray(bloch_vector, dtype=float)
    if vector.shape != (3,) or not np.all(np.isfinite(vector)):
        raise ValueError(
            f"Argument bloch_vector must hold three finite numbers (X, Y, Z), but {bloch_vector!r} "
            "was given."
        )
    x, y, z = vector.tolist()
    length = math.sqrt(x * x + y * y + z * z)
    if length > 1 + 1e-9:  # rounding of a normalised vector, not of a measured one
        raise ValueError(
            "Argument bloch_vector must lie inside the unit sphere, but its length is "
            f"{length:.6g}; divide by it."
        )
    circuit.reset(SHUTTLE)
    if length < 1 - 1e-15:
        circuit.reset(ANCILLA)
        _append_mixture(circuit, length, SHUTTLE, ANCILLA)
    if length > 0:
        circuit.ry(math.atan2(math.hypot(x, y), z), SHUTTLE)
        circuit.rz(math.atan2(y, x), SHUTTLE)


def history_circuits(
    neuron: ShuttleNeuron,
    voltage_changes: Sequence[float],
    step: float,
    *,
    bloch_vector: ArrayLike,
    bases: str = "XZ",
) -> list[QuantumCircuit]:
    """Return the circuits, one per letter of `bases`, that measure the shuttle after a history.

    From `bloch_vector` (X, Y, Z) half a step passes, then every change of the voltage turns the
    shuttle and a whole step passes; with K changes the measurement is at time (K + ½) `step`.
    """
    check_arguments(history_circuits, locals())
    circuit = QuantumCircuit(shuttle_qubits(neuron), 1)
    append_preparation(circuit, bloch_vector)
    append_drift(circuit, neuron, step / 2)
    for change in voltage_changes:
        append_step(circuit, neuron, float(change), step)
    return [measured(circuit, basis) for basis in bases]


def reprepare_circuits(
    neuron: ShuttleNeuron, voltage_change: float, step: float, *, bloch_vector: ArrayLike
) -> list[QuantumCircuit]:
    """Return the circuits that take a prepared `bloch_vector` through one step, to X, Y and Z."""
    check_arguments(reprepare_circuits, locals())
    circuit = QuantumCircuit(shuttle_qubits(neuron), 1)
    append_preparation(circuit, bloch_vector)
    append_step(circuit, neuron, voltage_change, step)
    return [measured(circuit, basis) for basis in "XYZ"]


def reprepare_templates(neuron: ShuttleNeuron, step: float) -> list[QuantumCircuit]:
    """Return the circuits of `reprepare_circuits` for any state and change of the voltage.

    Their open angles, in order: those of `preparation_angles`, and twice the change.
    """
    mixing, polar, azimuth, turn = ParameterVector("angle", 4)
    circuit = QuantumCircuit(shuttle_qubits(neuron), 1)
    circuit.ry(mixing, SHUTTLE)
    circuit.cx(SHUTTLE, ANCILLA)
    circuit.ry(polar, SHUTTLE)
    circuit.rz(azimuth, SHUTTLE)
    circuit.ry(turn, SHUTTLE)
    append_drift(circuit, neuron, step)
    return [measured(circuit, basis) for basis in "XYZ"]


def preparation_angles(bloch_vector: ArrayLike) -> tuple[float, float, float]:
    """Return RY's angle before the CX that mixes, and RY's and RZ's after it; 1 is the longest."""
    x, y, z = np.asarray(bloch_vector, dtype=float)
    length = min(1.0, math.hypot(x, y, z))
    return math.acos(length), math.atan2(math.hypot(x, y), z), math.atan2(y, x)


def measured(circuit: QuantumCircuit, basis: str) -> QuantumCircuit:
    """Return a copy of `circuit` that measures the shuttle in `basis` (X, Y or Z) to bit 0."""
    check_arguments(measured, locals())
    check_choice("basis", basis, ("X", "Y", "Z"))
    if circuit.num_qubits <= SHUTTLE:
        raise ValueError("Argument circuit must have the shuttle's qubit, but it has none.")
    copy = circuit.copy(name=f"shuttle {basis}")
    if basis == "Y":
        copy.sdg(SHUTTLE)
    if basis in "XY":
        copy.h(SHUTTLE)
    copy.measure(SHUTTLE, 0)
    return copy


def _append_mixture(circuit: QuantumCircuit, polarisation: float, qubit: int, other: int) -> None:
    """Append ⟨Z⟩ = `polarisation`, ⟨X⟩ = ⟨Y⟩ = 0 on `qubit` by entangling it with `other`."""
    circuit.ry(math.acos(polarisation), qubit)
    circuit.cx(qubit, other)
