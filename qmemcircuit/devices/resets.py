"""Resets that err on a device: how often, measured, and which circuits undo that."""

from __future__ import annotations

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.circuits.samplers import as_target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_integer, check_work
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.resets import MOST_RESETS, PREPARATIONS, ResetCalibration
from qmemcircuit.devices.target import scheduled_device

RESET_STREAM = 3_000_000
"""Random stream of the calibration circuits, beyond those of a measurement."""


def measure_resets(target: Target, memristors: int, *, shots: int) -> ResetCalibration:
    """Measure how often resets of the memristors' ancillas leave |1>, with five short circuits.

    Each ancilla is read after |0>, after |1>, after each of them and a reset, and after |1> and
    two resets; all ancillas at once.

    Args:
        target: the target of the run with its layout fixed, `target.place(circuits)`: of M
            memristors with one ancilla each (`ancilla="reset"`).
        memristors: their number M.
        shots: of each of the five circuits. r is known to about √(2 e/shots), e the readout's
            flips of |0>: 0.1 % at 20 000 shots and 1 %.

    Give the result to `Mitigation(resets=…)`. Raises ValueError for a target without qubits to
    choose, without a layout, or without `reset`.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit.runs.services import fake_backend
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    >>> target = qm.device(fake_backend("FakeTorino"), seed=1, reset_error=0.05)
    >>> placed = target.place(qm.build_circuits(memristor, [0.5, 1.0]))
    >>> bool(abs(measure_resets(placed, 1, shots=10**6).errors[0] - 0.05) < 0.005)
    True
    """
    check_arguments(measure_resets, locals(), own=("target",))
    count = check_integer("memristors", memristors, minimum=1)
    check_work("memristors", count, 100, "qubits")
    shots = check_integer("shots", shots, minimum=1)
    target = as_target(target)
    placement = scheduled_device(target).placement
    if placement is None or len(placement.qubits) < 2 * count:
        raise ValueError(
            f"Argument target must have a layout of {count} memristors with an ancilla each, but "
            f"it has {'none' if placement is None else len(placement.qubits)}; give "
            "target.place(circuits) with ancilla='reset'."
        )
    ancillas = placement.qubits[count : 2 * count]
    own = target.place_on(ancillas, "resets are calibrated").independent(RESET_STREAM)
    found = np.zeros((count, len(PREPARATIONS), 2), dtype=np.int64)
    for place, counts in enumerate(own.count(_reset_circuits(count), shots)):
        for outcome, seen in counts.items():
            for ancilla in range(count):
                found[ancilla, place, outcome >> ancilla & 1] += seen
    return ResetCalibration(found)


def _reset_circuits(count: int) -> list[QuantumCircuit]:
    """Return the circuits of `PREPARATIONS`, on all ancillas at once."""
    circuits = []
    for excited, resets in ((False, 0), (True, 0), (False, 1), (True, 1), (True, 2)):
        circuit = QuantumCircuit(count, count)
        if excited:
            circuit.x(range(count))
        for _ in range(resets):
            circuit.reset(range(count))
        circuit.measure(range(count), range(count))
        circuits.append(circuit)
    return circuits


def flipped_resets(circuits: CircuitSet, mitigation: Mitigation) -> list[tuple[int, ...]]:
    """Return which resets an X follows in each of the 2^R circuits that stand for one.

    Raises ValueError for more than four resets, and for a calibration of other ancillas.
    """
    count = circuits.resets
    if mitigation.resets is None or not count:
        return [()]
    memristors = len(circuits.network.memristors)
    if count > MOST_RESETS:
        raise ValueError(
            f"Argument resets must be None for circuits with more than {MOST_RESETS} resets, but "
            f"these have {count}: 2^{count} circuits would stand for each; give "
            "splitting='compiled' for a pair, ancilla='merged' for one memristor, or "
            "ancilla='fresh'."
        )
    if mitigation.resets.ancillas != memristors or circuits.ancilla.size != 1:
        raise ValueError(
            f"Argument resets must be a calibration of one ancilla for each of {memristors} "
            f"memristors, but it is of {mitigation.resets.ancillas} and these circuits use "
            f"{circuits.ancilla.describe()}; give ancilla='reset' and measure_resets(…) of the "
            "same model."
        )
    return [
        tuple(reset for reset in range(count) if variant >> reset & 1)
        for variant in range(2**count)
    ]


def reset_errors(circuits: CircuitSet, mitigation: Mitigation) -> FloatArray:
    """Return the measured error of each reset of the circuits, (R,); empty where none is undone."""
    count = len(flipped_resets(circuits, mitigation)).bit_length() - 1
    if mitigation.resets is None or not count:
        return np.zeros(0)
    return mitigation.resets.errors[np.arange(count) % mitigation.resets.ancillas]
