"""A compiled circuit's instructions and a calibration's errors as maps on Pauli means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.pauli_maps import density_matrices, pauli_means, unitary_map
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
    part: QiskitTarget, reset_error: float
) -> dict[tuple[str, tuple[int, ...]], FloatArray]:
    """Return the noise after each instruction, as in `noise.noise_model`, as maps."""
    from qiskit.quantum_info import SuperOp
    from qiskit_aer.noise.device import basic_device_gate_errors

    flip = (1 - reset_error) * np.eye(4) + reset_error * np.diag([1.0, 1.0, -1.0, -1.0])
    found: dict[tuple[str, tuple[int, ...]], FloatArray] = {}
    for name, qubits, error in basic_device_gate_errors(target=part):
        found[name, tuple(qubits)] = _pauli_map(np.asarray(SuperOp(error).data))
    if reset_error > 0 and "reset" in part.operation_names:
        for (qubit,) in part["reset"]:
            found["reset", (qubit,)] = flip @ found.get(("reset", (qubit,)), np.eye(4))
    return found


def _pauli_map(superoperator: Any) -> FloatArray:
    """Return a column-stacking superoperator as a map on Pauli means."""
    dimension = math.isqrt(len(superoperator))
    labels = np.eye(dimension**2)
    # The matrices whose means are the unit vectors, through the channel, and their means.
    inputs = density_matrices(labels)
    columns = inputs.transpose(0, 2, 1).reshape(len(labels), -1) @ superoperator.T
    outputs = columns.reshape(-1, dimension, dimension).transpose(0, 2, 1)
    return np.ascontiguousarray(pauli_means(outputs).T)
