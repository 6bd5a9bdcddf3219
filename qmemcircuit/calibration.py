"""A device's calibration in a record, and the device as it was when the record was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.compilation import ANGLE_BOUNDS

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

TIMING = ("granularity", "min_length", "pulse_alignment", "acquire_alignment")


@dataclass(frozen=True, eq=False)
class RecordedBackend:
    """A device of which only the calibration of the used qubits is left, renumbered from 0."""

    name: str
    target: QiskitTarget


def describe_calibration(part: QiskitTarget) -> dict[str, Any]:
    """Return T1, T2, timing and every operation's error and duration as JSON values.

    Args:
        part: the device restricted to the used qubits, numbered from 0.
    """
    known = part.qubit_properties or [None] * part.num_qubits
    operations = {}
    for name in part.operation_names:
        operations[name] = [
            {
                "qubits": list(where),
                "error": _number(getattr(properties, "error", None)),
                "duration": _number(getattr(properties, "duration", None)),
            }
            for where, properties in part[name].items()
        ]
    return {
        "t1": [_number(getattr(item, "t1", None)) for item in known],
        "t2": [_number(getattr(item, "t2", None)) for item in known],
        "dt": _number(part.dt),
        "timing": {name: getattr(part, name) for name in TIMING},
        "operations": operations,
        "bounded_angles": [name for name in operations if part.gate_has_angle_bounds(name)],
    }


def recorded_backend(name: str, calibration: Mapping[str, Any]) -> RecordedBackend:
    """Return the device that `describe_calibration` described, on its used qubits.

    Raises ValueError where an operation is not one of Qiskit's standard ones.
    """
    from qiskit.circuit.library import get_standard_gate_name_mapping
    from qiskit.transpiler import InstructionProperties, QubitProperties, Target

    standard = get_standard_gate_name_mapping()
    qubits = [
        QubitProperties(t1=t1, t2=t2)
        for t1, t2 in zip(calibration["t1"], calibration["t2"], strict=True)
    ]
    target = Target(
        num_qubits=len(qubits),
        dt=calibration["dt"],
        qubit_properties=qubits,
        **calibration["timing"],
    )
    for operation, entries in calibration["operations"].items():
        if operation not in standard:
            raise ValueError(
                f"Argument calibration must hold standard operations, but {name} has "
                f"{operation!r}; predict with device(backend) of a backend that knows it."
            )
        properties = {
            tuple(entry["qubits"]): InstructionProperties(
                duration=entry["duration"], error=entry["error"]
            )
            for entry in entries
        }
        # Records without the word were compiled without bounds.
        bounded = operation in calibration.get("bounded_angles", ())
        target.add_instruction(
            standard[operation],
            properties,
            name=operation,
            angle_bounds=ANGLE_BOUNDS[operation] if bounded else None,
        )
    return RecordedBackend(name, target)


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
