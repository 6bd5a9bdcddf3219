"""A calibration as Aer's noise: gates, resets, waiting and readout of a (restricted) target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.checks import FloatArray
from qmemcircuit.compilation import CompiledCircuit

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget
    from qiskit_aer.noise import NoiseModel


def noise_model(part: QiskitTarget, reset_error: float = 0.0) -> NoiseModel:
    """Return the gate and reset noise of a (restricted) target; waiting and readout are apart."""
    from qiskit_aer.noise import NoiseModel, pauli_error
    from qiskit_aer.noise.device import basic_device_gate_errors

    model = NoiseModel(basis_gates=sorted(set(part.operation_names) - {"measure", "delay"}))
    flip = pauli_error([("X", reset_error), ("I", 1 - reset_error)])
    seen = set()
    for name, qubits, error in basic_device_gate_errors(target=part):
        if name == "reset" and reset_error > 0:
            error = error.compose(flip)
            seen.add(qubits[0])
        model.add_quantum_error(error, name, list(qubits), warnings=False)
    if reset_error > 0 and "reset" in part.operation_names:
        for (qubit,) in part["reset"]:
            if qubit not in seen:
                model.add_quantum_error(flip, "reset", [qubit], warnings=False)
    return model


def simulate(
    compiled: Sequence[CompiledCircuit], part: QiskitTarget, reset_error: float, *, save: str
) -> Any:
    """Run circuits with noise on Aer's density-matrix method; one saved array for each."""
    from qiskit.transpiler import PassManager
    from qiskit_aer import AerSimulator
    from qiskit_aer.library import SaveDensityMatrix, SaveProbabilities
    from qiskit_aer.noise import RelaxationNoisePass

    prepared = []
    for item in compiled:
        circuit = item.circuit
        kept = circuit.copy_empty_like()
        for instruction in circuit.data:
            if instruction.operation.name not in ("measure", "barrier"):
                kept.append(instruction)
        prepared.append(kept)
    qubits = part.qubit_properties
    if qubits is not None and all(item is not None and item.t1 and item.t2 for item in qubits):
        from qiskit.circuit import Delay

        waiting = RelaxationNoisePass(
            [item.t1 for item in qubits],
            # A calibrated T2 above 2 T1 is not physical; Aer refuses it.
            [min(item.t2, 2 * item.t1) for item in qubits],
            dt=part.dt,
            op_types=Delay,
        )
        prepared = PassManager([waiting]).run(prepared, num_processes=1)
    for circuit, item in zip(prepared, compiled, strict=True):
        if save == "probabilities":
            places = measured_qubits(item.circuit)
            circuit.append(SaveProbabilities(len(places), label="saved"), list(places))
        else:
            places = item.system
            circuit.append(SaveDensityMatrix(len(places), label="saved"), list(places))
    simulator = AerSimulator(
        method="density_matrix", noise_model=noise_model(part, reset_error), seed_simulator=0
    )
    result = simulator.run(prepared, shots=1).result()
    if not result.success:
        raise RuntimeError(f"Aer failed: {result.status}")
    return np.array([np.asarray(result.data(index)["saved"]) for index in range(len(prepared))])


def measured_qubits(circuit: QuantumCircuit) -> tuple[int, ...]:
    """Return the qubit measured into each classical bit, in the order of the bits."""
    found = {}
    for instruction in circuit.data:
        if instruction.operation.name == "measure":
            bit = circuit.find_bit(instruction.clbits[0]).index
            found[bit] = circuit.find_bit(instruction.qubits[0]).index
    return tuple(found[bit] for bit in sorted(found))


def readout_matrices(part: QiskitTarget) -> list[FloatArray]:
    """Return for each qubit the matrix P(read | true), columns summing to 1."""
    from qiskit_aer.noise.device import basic_device_readout_errors

    matrices = [np.eye(2) for _ in range(part.num_qubits)]
    properties = part["measure"]
    calibrated = [q for (q,) in properties if getattr(properties[(q,)], "error", None) is not None]
    if calibrated:
        errors = dict(
            (qubits[0], error)
            for qubits, error in basic_device_readout_errors(target=part)
            if qubits[0] in calibrated
        )
        for qubit, error in errors.items():
            matrices[qubit] = np.asarray(error.probabilities).T
    return matrices
