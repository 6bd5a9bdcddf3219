"""The device as it was when a record was measured, from the record alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.compilation.circuits import Compilation
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.devices.compilation.instructions import ANGLE_BOUNDS
from qmemcircuit.devices.compilation.placement import Placement
from qmemcircuit.devices.compilation.suppression import Suppression
from qmemcircuit.devices.forms import Form
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors
from qmemcircuit.devices.target import DeviceTarget

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


@data_object
@dataclass(frozen=True, eq=False)
class RecordedBackend:
    """A device of which only the calibration of the used qubits is left, renumbered from 0."""

    name: str
    target: QiskitTarget


def recorded_backend(name: str, calibration: Mapping[str, Any]) -> RecordedBackend:
    """Return the device that `describe_calibration` described, on its used qubits.

    Raises:
        ValueError: where an operation is not one of Qiskit's standard ones.
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


def recorded_device(described: Mapping[str, Any]) -> DeviceTarget:
    """Return the noise model of a device as it was calibrated when a record was measured.

    Args:
        described: `record.provenance["target"]` of a run on `device(…)` or `ibm(…)`.

    Compilation is repeated with the recorded seed and qubits, so the prediction is of the very
    circuits that ran. Raises ValueError where the record has no calibration.
    """
    calibration = described.get("calibration")
    if not calibration:
        raise ValueError(
            f"Argument described must hold a calibration, but the record of "
            f"{described.get('name')!r} has none; only device(…) and ibm(…) leave one."
        )
    count = len(calibration["t1"])
    layout = described["layout"]
    seats = tuple(int(seat) for seat in layout.get("seats", ()))
    assumed = described.get("coherent_errors")
    return DeviceTarget(
        backend=recorded_backend(str(described["name"]), calibration),
        compilation=Compilation.restore(described),
        placement=Placement(tuple(range(count)), bool(layout["embedded"]), None, "recorded", seats),
        forms=tuple(Form(**form) for form in described.get("forms", ())),
        folding=Folding.restore(described),
        suppression=Suppression.restore(described),
        reset_error=float(described.get("reset_error", 0.0)),
        coherent_errors=None if assumed is None else CoherentErrors(**assumed),
    )
