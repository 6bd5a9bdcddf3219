"""A device's calibration as JSON values, for records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.common.data_objects import same_content
from qmemcircuit.devices.compilation.instructions import Backend

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

TIMING = ("granularity", "min_length", "pulse_alignment", "acquire_alignment")


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


def same_backend(first: Backend, second: Backend) -> bool:
    """Return whether two backends are of one class, name and calibration, wherever they live."""
    if first is second:
        return True
    if type(first) is not type(second) or first.name != second.name:
        return False
    return same_content(_content(first.target), _content(second.target))


def _content(target: QiskitTarget) -> dict[str, Any]:
    """Return what a Qiskit target says, which it does not compare itself."""
    # Operations without qubits of their own (control flow) stand at None.
    operations = {
        name: {
            where: (getattr(properties, "error", None), getattr(properties, "duration", None))
            for where, properties in target[name].items()
        }
        for name in target.operation_names
    }
    qubits = [
        (getattr(item, "t1", None), getattr(item, "t2", None))
        for item in target.qubit_properties or ()
    ]
    timing = [getattr(target, name) for name in TIMING]
    return {"operations": operations, "qubits": qubits, "timing": timing, "dt": target.dt}


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
