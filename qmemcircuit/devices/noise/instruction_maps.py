"""A compiled circuit's instructions and a calibration's errors as maps on Pauli means."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.channels.pauli_maps import density_matrices, pauli_means, unitary_map
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.devices.compilation.instructions import operation_duration

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


def maps_of(
    operation: Any, places: tuple[int, ...], part: QiskitTarget
) -> list[tuple[tuple[int, ...], FloatArray]]:
    """Return the noiseless maps of an instruction; a wait's is the relaxation in it."""
    if operation.name == "reset":
        matrix = np.zeros((4, 4))
        matrix[0, 0] = matrix[3, 0] = 1
        return [(places, matrix)]
    if operation.name == "delay":
        return [(places, _relaxation(places[0], _duration(operation, places, part), part))]
    return [(places, unitary_map(np.asarray(operation.to_matrix())))]


def _duration(operation: Any, places: tuple[int, ...], part: QiskitTarget) -> float:
    holder = QuantumCircuit(1)
    holder.append(operation, [0])
    return operation_duration(holder.data[0], list(places), part)


def _relaxation(qubit: int, duration: float, part: QiskitTarget) -> FloatArray:
    properties = part.qubit_properties
    if properties is None or not all(p is not None and p.t1 and p.t2 for p in properties):
        return np.eye(4)
    t1 = properties[qubit].t1
    t2 = min(properties[qubit].t2, 2 * t1)  # a calibrated T2 above 2 T1 is not physical
    kept = math.exp(-duration / t1)
    matrix = np.diag([1.0, math.exp(-duration / t2), math.exp(-duration / t2), kept])
    matrix[3, 0] = 1 - kept
    return matrix


def gate_errors(
    part: QiskitTarget,
    reset_error: float,
    used: Collection[tuple[str, tuple[int, ...]]] | None = None,
) -> dict[tuple[str, tuple[int, ...]], FloatArray]:
    """Return the noise after each instruction, as in `noise.noise_model`, as maps.

    `used` lists the instructions and qubits wanted; None is all of them.
    """
    from qiskit_aer.noise.device import basic_device_gate_errors

    flip = (1 - reset_error) * np.eye(4) + reset_error * np.diag([1.0, 1.0, -1.0, -1.0])
    found: dict[tuple[str, tuple[int, ...]], FloatArray] = {}
    wanted = part if used is None else _only(part, used)
    for name, qubits, error in basic_device_gate_errors(target=wanted):
        found[name, tuple(qubits)] = _error_map(error)
    if reset_error > 0 and "reset" in wanted.operation_names:
        for (qubit,) in wanted["reset"]:
            found["reset", (qubit,)] = flip @ found.get(("reset", (qubit,)), np.eye(4))
    return found


def _only(part: QiskitTarget, used: Collection[tuple[str, tuple[int, ...]]]) -> QiskitTarget:
    """Return a device with these instructions alone."""
    from qiskit.transpiler import Target

    found = Target(num_qubits=part.num_qubits, dt=part.dt, qubit_properties=part.qubit_properties)
    for name in part.operation_names:
        kept = {qubits: value for qubits, value in part[name].items() if (name, qubits) in used}
        if kept:
            found.add_instruction(part.operation_from_name(name), kept, name=name)
    return found


_LETTERS = {
    "id": np.eye(4),
    "x": np.diag([1.0, 1.0, -1.0, -1.0]),
    "y": np.diag([1.0, -1.0, 1.0, -1.0]),
    "z": np.diag([1.0, -1.0, -1.0, 1.0]),
    "reset": np.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1.0, 0, 0, 0]]),
}


def _error_map(error: Any) -> FloatArray:
    """Return Aer's error as a map: a mixture of Paulis and resets of each qubit, term by term.

    An error with other terms (Kraus operators) takes Qiskit's conversion, which is slow.
    """
    from qiskit.quantum_info import SuperOp

    total: FloatArray = np.zeros((4**error.num_qubits,) * 2)
    for circuit, chance in zip(error.circuits, error.probabilities, strict=True):
        single: list[FloatArray] = [np.eye(4) for _ in range(error.num_qubits)]
        for instruction in circuit.data:
            operation = instruction.operation
            names = [operation.name]
            if operation.name == "pauli":  # its first letter is the last qubit's
                names = [letter.replace("I", "id").lower() for letter in operation.params[0][::-1]]
            if any(name not in _LETTERS for name in names):
                return _pauli_map(np.asarray(SuperOp(error).data))
            for name, qubit in zip(names, instruction.qubits, strict=True):
                place = circuit.find_bit(qubit).index
                single[place] = _LETTERS[name] @ single[place]
        joint: FloatArray = np.ones((1, 1))
        for one in single:  # the first qubit's digit is the least significant
            joint = np.asarray(np.kron(one, joint))
        total += chance * joint
    return np.asarray(total)


def _pauli_map(superoperator: Any) -> FloatArray:
    """Return a column-stacking superoperator as a map on Pauli means."""
    dimension = math.isqrt(len(superoperator))
    labels = np.eye(dimension**2)
    # The matrices whose means are the unit vectors, through the channel, and their means.
    inputs = density_matrices(labels)
    columns = inputs.transpose(0, 2, 1).reshape(len(labels), -1) @ superoperator.T
    outputs = columns.reshape(-1, dimension, dimension).transpose(0, 2, 1)
    return np.ascontiguousarray(pauli_means(outputs).T)
