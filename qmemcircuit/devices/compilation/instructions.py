"""A device's instructions: those on chosen qubits, who has only these, how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.checks import FloatArray

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


class Backend(Protocol):
    """What is asked of a device: any of Qiskit's `BackendV2` has it, and so may a user's object."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def target(self) -> QiskitTarget:
        """Its qubits, couplers and instructions, as calibrated."""
        ...


NOT_SIMULATED = ("measure_2", "reset_2")
"""Mid-circuit variants that few devices have and Aer does not know; the plain ones are used."""

ANGLE_BOUNDS = {"rzz": [(0.0, np.pi / 2)]}
"""Angles that IBM's fractional gates take. Qiskit's `Target` tells that a gate is bounded, and
whether an angle is allowed, but not the bounds, so that a restricted target needs them again."""


def restrict_target(target: QiskitTarget, qubits: Sequence[int]) -> QiskitTarget:
    """Return the part of `target` on `qubits`, renumbered from 0 in the order given.

    Control flow and instructions without a fixed set of qubits are left out, and gates whose
    angles are bounded otherwise than in `ANGLE_BOUNDS`.
    """
    from qiskit.transpiler import Target

    place = {qubit: index for index, qubit in enumerate(qubits)}
    known = target.qubit_properties
    part = Target(
        num_qubits=len(qubits),
        dt=target.dt,
        granularity=target.granularity,
        min_length=target.min_length,
        pulse_alignment=target.pulse_alignment,
        acquire_alignment=target.acquire_alignment,
        qubit_properties=None if known is None else [known[qubit] for qubit in qubits],
    )
    for name in target.operation_names:
        properties = target[name]
        if properties is None or None in properties or name in NOT_SIMULATED:
            continue
        bounded = target.gate_has_angle_bounds(name)
        if bounded and name not in ANGLE_BOUNDS:
            continue
        kept = {
            tuple(place[qubit] for qubit in where): value
            for where, value in properties.items()
            if all(qubit in place for qubit in where)
        }
        if kept:
            part.add_instruction(
                target.operation_from_name(name),
                kept,
                name=name,
                angle_bounds=ANGLE_BOUNDS[name] if bounded else None,
            )
    return part


def require_instructions(circuit: QuantumCircuit, target: QiskitTarget, device: str) -> None:
    """Raise ValueError where `circuit` resets qubits and the device cannot."""
    if "reset" in circuit.count_ops() and "reset" not in target.operation_names:
        raise ValueError(
            f"Argument backend must have the instruction reset for recycled ancillas, but "
            f"{device} has only {', '.join(sorted(target.operation_names))}; use "
            "ancilla='fresh', which needs no reset."
        )


def require_isa(circuit: QuantumCircuit, target: QiskitTarget, device: str) -> None:
    """Raise ValueError naming the first instruction of `circuit` that `target` does not take."""
    for instruction in circuit.data:
        name = instruction.operation.name
        places = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        if name in ("barrier", "delay"):
            continue
        if name not in target.operation_names or not target.instruction_supported(name, places):
            raise ValueError(
                f"Argument circuits must hold only instructions of {device}, but it has no "
                f"{name} on qubits {places}; compile for it first, as device(backend) and "
                "ibm(name) do."
            )
        angles = list(instruction.operation.params)
        if target.gate_has_angle_bounds(name) and not target.supported_angle_bound(name, angles):
            raise ValueError(
                f"Argument circuits must hold only angles that {device} takes, but it has no "
                f"{name}({', '.join(f'{float(angle):g}' for angle in angles)}); compile for it "
                "first, as device(backend) and ibm(name) do."
            )


def widen(circuit: QuantumCircuit, qubits: Sequence[int], width: int) -> QuantumCircuit:
    """Return `circuit` on a register of `width` qubits, its qubit k on `qubits[k]`."""
    from qiskit.circuit import QuantumRegister

    wide = QuantumCircuit(QuantumRegister(width, "q"), *circuit.cregs, name=circuit.name)
    wide.metadata = dict(circuit.metadata or {})
    wide.compose(circuit, list(qubits), circuit.clbits, inplace=True)
    return wide


def start_times(circuit: QuantumCircuit, part: QiskitTarget) -> FloatArray:
    """Return when each instruction of a scheduled circuit starts, in seconds.

    Delays are explicit in a scheduled circuit, so qubit by qubit the durations add up.
    """
    clock = np.zeros(circuit.num_qubits)
    starts = np.zeros(len(circuit.data))
    for number, instruction in enumerate(circuit.data):
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        begin = float(clock[places].max())
        starts[number] = begin
        clock[places] = begin + operation_duration(instruction, places, part)
    return starts


def operation_duration(instruction: Any, places: Sequence[int], part: QiskitTarget) -> float:
    """Return the duration of an instruction in seconds; 0 where the device states none."""
    operation = instruction.operation
    if operation.name == "barrier":
        return 0.0
    if operation.name == "delay":
        scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}
        unit = float(part.dt) if operation.unit == "dt" else scale[operation.unit]
        return float(operation.duration) * unit
    properties = part[operation.name].get(tuple(places)) if operation.name in part else None
    return float(getattr(properties, "duration", None) or 0.0)
