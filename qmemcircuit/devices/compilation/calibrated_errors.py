"""What a calibration says of a device's operations: their errors, durations, couplers, decay."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

UNCALIBRATED_ERROR = 0.5
"""Taken for a gate or a readout without a calibrated error, and for one reported as broken."""


def couplers_of(target: QiskitTarget) -> set[tuple[int, int]]:
    """Return the pairs of qubits, smaller first, that have a two-qubit gate."""
    found = set()
    for name in target.operation_names:
        for qubits in target[name] or ():
            if qubits is not None and len(qubits) == 2:
                found.add((min(qubits), max(qubits)))
    return found


def two_qubit_gate(target: QiskitTarget, first: int, second: int) -> tuple[float, float]:
    """Return error and duration of the best two-qubit gate of a pair, in either direction."""
    found = []
    for name in target.operation_names:
        for qubits in ((first, second), (second, first)):
            if qubits in (target[name] or ()):
                found.append(properties_of(target, name, qubits))
    return min(found)


def properties_of(target: QiskitTarget, name: str, qubits: tuple[int, ...]) -> tuple[float, float]:
    """Return error and duration of an operation; an unknown error counts as a broken gate."""
    if name not in target.operation_names or qubits not in (target[name] or ()):
        return 0.0, 0.0
    found = target[name][qubits]
    error = getattr(found, "error", None)
    if name == "reset":
        error = 0.0 if error is None else error
    broken = error is None or error >= 1
    duration = float(getattr(found, "duration", None) or 0.0)
    return UNCALIBRATED_ERROR if broken or error is None else float(error), duration


def decoherence_rate(target: QiskitTarget, qubit: int) -> float:
    """Return (1/T1 + 1/T2)/2 of a qubit in 1/s.

    Where they are not known it is twice that of the worst known qubit, which then wins; 0 where no
    qubit's are.
    """
    rates = [
        0.5 / item.t1 + 0.5 / item.t2 if item is not None and item.t1 and item.t2 else None
        for item in target.qubit_properties or ()
    ]
    own = rates[qubit] if rates else None
    if own is None:
        return 2 * max((rate for rate in rates if rate is not None), default=0.0)
    return float(own)
