"""A calibration as Aer's noise: gates, resets, waiting and readout of a (restricted) target.

Coherent errors, which no calibration states, are added where they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Instruction, Parameter, QuantumCircuit

from qmemcircuit.circuits.settings import measured_qubits
from qmemcircuit.common.aer import make_simulator
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.resources import Effort, progress_of, require
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.compilation.instructions import operation_duration
from qmemcircuit.devices.compilation.suppression import TwirledCircuit
from qmemcircuit.devices.noise.coherent_errors import (
    CoherentErrors,
    detuning_nodes,
    insert_coherent_errors,
)

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget
    from qiskit_aer.noise import NoiseModel


MOST_RUNS = 2_000
"""Runs in one call of Aer, whose results are all kept until the end."""

CALL_SECONDS = 2.0
"""What one call of Aer is meant to take."""


def noise_model(
    part: QiskitTarget,
    reset_error: float = 0.0,
    used: Collection[tuple[str, tuple[int, ...]]] | None = None,
) -> NoiseModel:
    """Return the gate and reset noise of a (restricted) target; waiting and readout are apart.

    Of the operations `used`, by name and qubits, alone: to make an error takes longer than to
    simulate it. None is all.
    """
    from qiskit_aer.noise import NoiseModel, pauli_error
    from qiskit_aer.noise.device import basic_device_gate_errors

    if part.qubit_properties is None:
        raise ValueError(
            "Argument backend must state T1 and T2 of its qubits to predict their noise, but it "
            "does not; give a backend with a calibration."
        )
    model = NoiseModel(basis_gates=sorted(set(part.operation_names) - {"measure", "delay"}))
    flip = pauli_error([("X", reset_error), ("I", 1 - reset_error)])
    seen = set()
    seen_by_aer = part if used is None else _part_of(part, used)
    for name, qubits, error in basic_device_gate_errors(target=seen_by_aer):
        if name == "reset" and reset_error > 0:
            error = error.compose(flip)
            seen.add(qubits[0])
        model.add_quantum_error(error, name, list(qubits), warnings=False)
    if reset_error > 0 and "reset" in part.operation_names:
        for (qubit,) in part["reset"]:
            if qubit not in seen:
                model.add_quantum_error(flip, "reset", [qubit], warnings=False)
    return model


def _part_of(part: QiskitTarget, used: Collection[tuple[str, tuple[int, ...]]]) -> QiskitTarget:
    """Return the target with some of its operations alone."""
    from qiskit.transpiler import Target

    found = Target(num_qubits=part.num_qubits, dt=part.dt, qubit_properties=part.qubit_properties)
    for name in part.operation_names:
        kept = {where: value for where, value in part[name].items() if (name, where) in used}
        if kept:
            found.add_instruction(part.operation_from_name(name), kept, name=name)
    return found


def simulate(
    compiled: Sequence[CompiledCircuit],
    part: QiskitTarget,
    reset_error: float,
    coherent_errors: CoherentErrors | None = None,
    *,
    save: str,
) -> Any:
    """Run circuits with noise on Aer's density-matrix method; return what was saved.

    The first two axes are the circuits and their instances (one without twirling). The average
    over slow frequency offsets is taken.
    """
    offsets, weights = detuning_nodes(coherent_errors or CoherentErrors(), part.num_qubits)
    runs = [len(weights) * len(item.instances) for item in compiled]
    operations = sum(
        len(weights) * len(instance.circuit.data)
        for item in compiled
        for instance in item.instances
    )
    qubits = part.num_qubits
    estimate = Effort(
        f"the noisy density matrix of {qubits} qubits, {operations:,} operations,",
        operations * (1e-4 + 1.9e-8 * 4.0**qubits),  # measured
        12 * 16 * 4.0**qubits,
    )
    require(
        estimate,
        "fewer times, ancilla=pool(1) (one ancilla for all memristors), fewer twirls or detuning "
        "nodes make it shorter, and simulate_circuit takes the noiseless circuit further",
        argument="circuits",
    )
    # In calls of some two seconds: Aer holds Python's lock, and Ctrl-C would wait for it.
    longest = max(runs)
    seconds = estimate.seconds / sum(runs)
    size = max(1, int(min(MOST_RUNS, CALL_SECONDS / seconds) // longest))
    found = []
    with progress_of(estimate) as report:
        for start in range(0, len(compiled), size):
            some = compiled[start : start + size]
            found.append(
                _simulate(some, part, reset_error, coherent_errors, save, offsets, weights)
            )
            report(start + len(some), len(compiled))
    return np.concatenate(found)


def _simulate(
    compiled: Sequence[CompiledCircuit],
    part: QiskitTarget,
    reset_error: float,
    coherent_errors: CoherentErrors | None,
    save: str,
    offsets: FloatArray,
    weights: FloatArray,
) -> Any:
    """Run some of the circuits in one call of Aer."""
    from qiskit_aer.library import SaveDensityMatrix, SaveProbabilities

    decay = _waiting_decay(part)
    prepared, bindings = [], []
    for item in compiled:
        for instance in item.instances:
            circuit = instance.circuit
            kept = circuit.copy_empty_like()
            for instruction in circuit.data:
                if instruction.operation.name not in ("measure", "barrier"):
                    kept.append(instruction)
            parameters: list[Parameter] = []
            if coherent_errors is not None:
                kept, parameters = insert_coherent_errors(kept, part, coherent_errors)
            prepared.append(_with_waiting(kept, part, decay))
            # Aer refuses a parameter that a circuit does not have.
            bindings.append(
                {
                    parameter: offsets[:, qubit].tolist()
                    for qubit, parameter in enumerate(parameters)
                    if parameter in kept.parameters
                }
            )
    running = [item for item in compiled for _ in item.instances]
    for circuit, item in zip(prepared, running, strict=True):
        if save == "probabilities":
            places = measured_qubits(item.circuit)
            circuit.append(SaveProbabilities(len(places), label="saved"), list(places))
        else:
            places = item.system
            circuit.append(SaveDensityMatrix(len(places), label="saved"), list(places))
    used = {
        (item.operation.name, tuple(circuit.find_bit(qubit).index for qubit in item.qubits))
        for circuit in prepared
        for item in circuit.data
    }
    simulator = make_simulator(
        "density_matrix", noise_model=noise_model(part, reset_error, used), seed_simulator=0
    )
    result = simulator.run(
        prepared, shots=1, parameter_binds=bindings if any(bindings) else None
    ).result()
    if not result.success:
        raise RuntimeError(f"Aer failed: {result.status}")
    saved = (np.asarray(result.data(index)["saved"]) for index in range(len(result.results)))
    # A circuit without any offset runs once, the others once for each node.
    means = []
    for binding in bindings:
        shares = weights if binding else np.ones(1)
        means.append(sum(share * next(saved) for share in shares))
    return np.array(means).reshape(len(compiled), -1, *means[0].shape)


def _waiting_decay(part: QiskitTarget) -> Callable[[int, float], Instruction] | None:
    """Return the thermal relaxation of a qubit that waits for so many seconds, made once each.

    None where the target does not state T1 and T2 of all qubits.
    """
    from qiskit_aer.noise import thermal_relaxation_error

    qubits = part.qubit_properties
    if qubits is None or not all(item is not None and item.t1 and item.t2 for item in qubits):
        return None

    @cache
    def decay(qubit: int, duration: float) -> Instruction:
        t1, t2 = qubits[qubit].t1, qubits[qubit].t2
        # A calibrated T2 above 2 T1 is not physical; Aer refuses it.
        return thermal_relaxation_error(t1, min(t2, 2 * t1), duration).to_instruction()

    return decay


def _with_waiting(
    circuit: QuantumCircuit,
    part: QiskitTarget,
    decay: Callable[[int, float], Instruction] | None,
) -> QuantumCircuit:
    """Return `circuit` with the relaxation of every wait."""
    if decay is None:
        return circuit
    found = circuit.copy_empty_like()
    for instruction in circuit.data:
        found.append(instruction)
        if instruction.operation.name == "delay":
            qubit = circuit.find_bit(instruction.qubits[0]).index
            duration = operation_duration(instruction, [qubit], part)
            found.append(decay(qubit, duration), [qubit])
    return found


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


def read_out(
    chances: FloatArray, instance: TwirledCircuit, matrices: Sequence[FloatArray]
) -> FloatArray:
    """Return the probabilities of what is read, bits flipped back that were flipped before.

    Args:
        chances: of the true outcomes, shape (2^M,).
        instance: the circuit, with its measurements.
        matrices: of `readout_matrices`, one for each qubit.
    """
    places = measured_qubits(instance.circuit)
    tensor = chances.reshape((2,) * len(places))
    for bit, qubit in enumerate(places):
        axis = len(places) - 1 - bit
        tensor = np.moveaxis(np.tensordot(matrices[qubit], tensor, axes=(1, axis)), 0, axis)
        if instance.flips[bit]:
            tensor = np.flip(tensor, axis)
    return tensor.reshape(-1)
