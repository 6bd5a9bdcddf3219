"""Which of a device's qubits carry the memristors and their ancillas, by calibrated error rates.

A circuit needs a few neighbouring qubits of a large device. Every way to lay its interaction
graph onto the device's coupling graph gets a predicted error,

    Σ two-qubit errors + Σ one-qubit errors + Σ readout errors of the memristors
    + Σ_j (own duration of memristor j) × (1/T1 + 1/T2)/2,

to first order in each, and the smallest wins. It is a ranking, not a prediction of a result:
`exact_circuit(…, target=device(…))` predicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.checks import check_integer
from qmemcircuit.common.data_objects import data_object

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

MOST_EMBEDDINGS = 20_000
"""At most so many embeddings are scored: a chain of 20 on 133 qubits has more than one can."""

MOST_CALLS = 5_000_000
"""The search for embeddings stops after so many steps, a few seconds; then Qiskit routes."""

UNCALIBRATED_ERROR = 0.5
"""Taken for a gate or a readout without a calibrated error, and for one reported as broken."""


GIVEN = "given"
"""The reason of a placement that is the user's layout."""


@data_object
@dataclass(frozen=True)
class Placement:
    """The physical qubits of a circuit.

    Attributes:
        qubits: physical qubits. Where `embedded`, circuit qubit k sits on `qubits[k]`.
        embedded: whether every interaction has a coupler, so that no SWAP is needed; otherwise
            `qubits` is a region in which the transpiler routes.
        predicted_error: the score of the placement; None where the user or the router chose.
        reason: how it came about, for the record.
    """

    qubits: tuple[int, ...]
    embedded: bool
    predicted_error: float | None
    reason: str

    def describe(self) -> dict[str, Any]:
        """Return the placement as JSON values."""
        return {
            "qubits": list(self.qubits),
            "embedded": self.embedded,
            "predicted_error": self.predicted_error,
            "reason": self.reason,
        }


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


def choose_placement(
    circuit: QuantumCircuit, target: QiskitTarget, *, memristors: int, seed: int
) -> Placement:
    """Return the placement of `circuit` on `target` with the smallest predicted error.

    Args:
        circuit: the most demanding circuit of a set; its first `memristors` qubits are measured.
        target: the device.
        seed: seeds the router, which is asked only where no embedding without SWAPs exists.

    Raises ValueError where the device has too few qubits.
    """
    if circuit.num_qubits > (target.num_qubits or 0):
        raise ValueError(
            f"Argument backend must have at least {circuit.num_qubits} qubits for these circuits, "
            f"but it has {target.num_qubits}; use ancilla='reset' (one recycled ancilla a "
            "memristor), or a larger device."
        )
    demand = demand_of(circuit, memristors)
    best: tuple[float, tuple[int, ...]] | None = None
    seen = 0
    for qubits in islice(_embeddings(demand, target), MOST_EMBEDDINGS):
        seen += 1
        candidate = (predicted_error(demand, target, qubits), qubits)
        best = candidate if best is None else min(best, candidate)
    if best is not None:
        everything = "all" if seen < MOST_EMBEDDINGS else "the first"
        reason = f"smallest predicted error of {everything} {seen} embeddings"
        return Placement(best[1], True, best[0], reason)
    return _routed(circuit, target, seed)


def predicted_error(demand: Demand, target: QiskitTarget, qubits: Sequence[int]) -> float:
    """Return the error predicted for `demand` on `qubits`, to first order in every error rate."""
    total = 0.0
    busy = dict.fromkeys(demand.measured, 0.0)
    for pair, number in demand.pairs.items():
        error, duration = _two_qubit_gate(target, qubits[pair[0]], qubits[pair[1]])
        total += number * error
        for place in pair:
            if place in busy:
                busy[place] += number * duration
        # A memristor waits while its ancilla is reset.
        ancilla = [place for place in pair if place not in busy]
        if len(ancilla) == 1:
            waiting = demand.resets.get(ancilla[0], 0)
            length = _properties(target, "reset", (qubits[ancilla[0]],))[1]
            busy[next(place for place in pair if place in busy)] += waiting * length
    for place, number in demand.singles.items():
        error, duration = _properties(target, "sx", (qubits[place],))
        total += 2 * number * error
        if place in busy:
            busy[place] += 2 * number * duration
    for place, duration in busy.items():
        total += _properties(target, "measure", (qubits[place],))[0]
        total += duration * _decoherence_rate(target, qubits[place])
    return total


def _embeddings(demand: Demand, target: QiskitTarget) -> Iterator[tuple[int, ...]]:
    """Yield every placement of the circuit's qubits in which interacting ones are coupled."""
    import rustworkx

    device = rustworkx.PyGraph(multigraph=False)
    device.add_nodes_from(range(target.num_qubits))
    for first, second in _couplers(target):
        device.add_edge(first, second, None)
    pattern = rustworkx.PyGraph(multigraph=False)
    pattern.add_nodes_from(range(demand.count))
    for first, second in demand.pairs:
        pattern.add_edge(first, second, None)
    mappings = rustworkx.graph_vf2_mapping(
        device, pattern, subgraph=True, induced=False, call_limit=MOST_CALLS
    )
    for mapping in mappings:
        inverse = {wanted: physical for physical, wanted in mapping.items()}
        yield tuple(inverse[k] for k in range(demand.count))


def _couplers(target: QiskitTarget) -> set[tuple[int, int]]:
    found = set()
    for name in target.operation_names:
        for qubits in target[name] or ():
            if qubits is not None and len(qubits) == 2:
                found.add((min(qubits), max(qubits)))
    return found


def _two_qubit_gate(target: QiskitTarget, first: int, second: int) -> tuple[float, float]:
    """Return error and duration of the best two-qubit gate of a pair, in either direction."""
    found = []
    for name in target.operation_names:
        for qubits in ((first, second), (second, first)):
            if qubits in (target[name] or ()):
                found.append(_properties(target, name, qubits))
    return min(found)


def _properties(target: QiskitTarget, name: str, qubits: tuple[int, ...]) -> tuple[float, float]:
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


def _decoherence_rate(target: QiskitTarget, qubit: int) -> float:
    """Return (1/T1 + 1/T2)/2 of a qubit in 1/s; 0 where they are not known."""
    if target.qubit_properties is None or target.qubit_properties[qubit] is None:
        return 0.0
    known = (target.qubit_properties[qubit].t1, target.qubit_properties[qubit].t2)
    return float(sum(0.5 / value for value in known if value))


def _routed(circuit: QuantumCircuit, target: QiskitTarget, seed: int) -> Placement:
    """Let the seeded preset pass manager route on the whole device; keep the qubits it used."""
    from qiskit.transpiler import generate_preset_pass_manager

    manager = generate_preset_pass_manager(
        optimization_level=3, target=target, seed_transpiler=seed
    )
    compiled = manager.run(circuit)
    used = {
        compiled.find_bit(qubit).index
        for instruction in compiled.data
        for qubit in instruction.qubits
        if instruction.operation.name != "barrier"
    }
    return Placement(
        tuple(sorted(used)), False, None, "no embedding without SWAPs was found; routed by Qiskit"
    )


def qubit_roles(count: int, memristors: int, size: int) -> list[int]:
    """Return each circuit qubit's index in the longest circuit, which has `size` ancillas each.

    A shorter circuit may have fewer ancillas for each memristor; they keep their qubits.
    """
    own = (count - memristors) // memristors
    ancillas = [memristors + j * size + turn for j in range(memristors) for turn in range(own)]
    return [*range(memristors), *ancillas]


def given_placement(layout: Sequence[int], backend: Any) -> Placement:
    """Return the placement of a user's layout; ValueError for qubits that are not there."""
    if (
        isinstance(layout, str)
        or not isinstance(layout, Iterable)
        or getattr(layout, "ndim", 1) != 1
    ):
        raise TypeError(
            f"Argument layout must be a list of qubits, but {layout!r} was given; [0, 1] is one."
        )
    qubits = tuple(check_integer("layout", qubit, minimum=0) for qubit in layout)
    if len(set(qubits)) != len(qubits) or max(qubits, default=0) >= backend.target.num_qubits:
        raise ValueError(
            f"Argument layout must name different qubits from 0 to "
            f"{backend.target.num_qubits - 1} of {backend.name}, but {list(qubits)} was given."
        )
    return Placement(qubits, True, None, GIVEN)


def require_couplers(
    circuit: QuantumCircuit, placement: Placement, backend: Any, memristors: int
) -> None:
    """Raise ValueError where two qubits that interact in `circuit` sit on uncoupled ones."""
    couplers = backend.target.qargs  # None where any two are coupled
    if couplers is None:
        return
    coupled = set(couplers)
    size = (len(placement.qubits) - memristors) // memristors
    roles = qubit_roles(circuit.num_qubits, memristors, size)
    for instruction in circuit.data:
        if len(instruction.qubits) != 2 or instruction.operation.name == "barrier":
            continue
        first, second = (
            placement.qubits[roles[circuit.find_bit(qubit).index]] for qubit in instruction.qubits
        )
        if not coupled & {(first, second), (second, first)}:
            raise ValueError(
                f"Argument layout must put interacting qubits on coupled ones, but "
                f"{list(placement.qubits)} needs a coupler between {first} and {second}, and "
                f"{backend.name} has none; layout=None chooses."
            )
