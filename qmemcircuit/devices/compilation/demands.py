"""What a circuit asks of its qubits, and the error that a calibration predicts for it on some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.compilation.calibrated_errors import (
    decoherence_rate,
    properties_of,
    two_qubit_gate,
)

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


@data_object
@dataclass(frozen=True)
class Demand:
    """What a circuit asks of its qubits: gate counts by qubit and by pair.

    `pairs` counts two-qubit gates of unordered pairs, `singles` one-qubit gates, `resets` resets;
    `measured` are the qubits that carry memristors.
    """

    count: int
    pairs: Mapping[tuple[int, int], int]
    singles: Mapping[int, int]
    resets: Mapping[int, int]
    measured: tuple[int, ...]


def demand_of(circuit: QuantumCircuit, memristors: int) -> Demand:
    """Count the gates of `circuit` once it is broken down into CZ and one-qubit gates."""
    from qiskit import transpile

    plain = transpile(
        circuit,
        basis_gates=["cz", "u", "reset", "measure"],
        optimization_level=1,
        seed_transpiler=0,
    )
    pairs: Counter[tuple[int, int]] = Counter()
    singles: Counter[int] = Counter()
    resets: Counter[int] = Counter()
    for instruction in plain.data:
        places = [plain.find_bit(qubit).index for qubit in instruction.qubits]
        if instruction.operation.name == "reset":
            resets[places[0]] += 1
        elif len(places) == 2:
            pairs[min(places), max(places)] += 1
        elif instruction.operation.name == "u":
            singles[places[0]] += 1
    return Demand(circuit.num_qubits, pairs, singles, resets, tuple(range(memristors)))


def predicted_error(demand: Demand, target: QiskitTarget, qubits: Sequence[int]) -> float:
    """Return the error predicted for `demand` on `qubits`, to first order in every error rate."""
    total = 0.0
    busy = dict.fromkeys(demand.measured, 0.0)
    for pair, number in demand.pairs.items():
        error, duration = two_qubit_gate(target, qubits[pair[0]], qubits[pair[1]])
        total += number * error
        for place in pair:
            if place in busy:
                busy[place] += number * duration
        # A memristor waits while its ancilla is reset.
        ancilla = [place for place in pair if place not in busy]
        if len(ancilla) == 1:
            waiting = demand.resets.get(ancilla[0], 0)
            length = properties_of(target, "reset", (qubits[ancilla[0]],))[1]
            busy[next(place for place in pair if place in busy)] += waiting * length
    for place, number in demand.singles.items():
        error, duration = properties_of(target, "sx", (qubits[place],))
        total += 2 * number * error
        if place in busy:
            busy[place] += 2 * number * duration
    for place, duration in busy.items():
        total += properties_of(target, "measure", (qubits[place],))[0]
        total += duration * decoherence_rate(target, qubits[place])
    return total
