"""Ancillas that share qubits, where a device has too few neighbours for one each.

A heavy-hexagonal device cannot give every memristor of a long chain an ancilla of its own: every
second qubit has two neighbours only. But an ancilla is in |0> between its collisions. So one qubit
may be the ancilla of several memristors, reset between them, and two memristors on either side of
it are coupled through it: it takes up the parity of the two, turns by it, and gives it back. That
costs four two-qubit gates instead of two, where a SWAP would cost three more each way.

`search_seats` finds such a placement, `share_ancillas` rewrites a circuit for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import TYPE_CHECKING

from qiskit.circuit import Gate, QuantumCircuit, QuantumRegister

from qmemcircuit.devices.compilation.calibrated_errors import (
    couplers_of,
    decoherence_rate,
    properties_of,
    two_qubit_gate,
)
from qmemcircuit.devices.compilation.demands import Demand, predicted_error

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

KEPT = 4
"""Partial placements that are kept after each memristor, for each qubit that it may have taken:
those with the smallest error so far. Without the qubits all of them would huddle in one corner."""

MOST_SHARING = 3
"""Memristors that one ancilla may serve: each waits for the resets of the others."""


@dataclass(frozen=True)
class SharedSeats:
    """The best placement found: `qubits`, memristors first; `seats` of the circuit's qubits.

    `seats` is empty where circuit qubit k has `qubits[k]` to itself after all.
    """

    qubits: tuple[int, ...]
    seats: tuple[int, ...]
    predicted_error: float
    searched: int


@dataclass(frozen=True)
class _Partial:
    """The first memristors of an order, placed: their qubits, their ancillas', and the error."""

    error: float
    memristors: tuple[int, ...]
    ancillas: tuple[int, ...]
    bridges: frozenset[int]

    @property
    def helpers(self) -> frozenset[int]:
        """The qubits that are no memristor's seat any more."""
        return self.bridges | frozenset(self.ancillas)


def search_seats(demand: Demand, target: QiskitTarget) -> SharedSeats | None:
    """Return the placement with shared ancillas of the smallest predicted error, None without one.

    For circuits with one ancilla a memristor that meets it alone. Memristors are placed one after
    another, coupled ones beside each other or on both sides of an ancilla; of all beginnings that
    end on a qubit the `KEPT` best go on (a beam search: the best of what is left at the end, some
    hundred placements, not of all there are).
    """
    count = len(demand.measured)
    coupled = [pair for pair in demand.pairs if pair[1] < count]
    own = {pair for pair in demand.pairs if pair[1] >= count}
    if demand.count != 2 * count or own != {(k, count + k) for k in range(count)}:
        return None
    partners = {k: sorted(a + b - k for a, b in coupled if k in (a, b)) for k in range(count)}
    order = _order(partners)
    device = _Device(target)
    kept = [_Partial(0.0, (), (), frozenset())]
    for place, memristor in enumerate(order):
        before = [
            (order.index(other), demand.pairs[min(memristor, other), max(memristor, other)])
            for other in partners[memristor]
            if order.index(other) < place
        ]
        collisions = demand.pairs[memristor, count + memristor]
        resets = demand.resets.get(count + memristor, 0)
        found = {
            (item.memristors, item.ancillas): item
            for partial in kept
            for item in device.extensions(partial, before, collisions, resets)
        }
        by_qubit: dict[int, list[_Partial]] = {}
        for item in found.values():
            by_qubit.setdefault(item.memristors[-1], []).append(item)
        kept = [
            item
            for some in by_qubit.values()
            for item in nsmallest(KEPT, some, key=lambda item: item.error)
        ]
    scored = (_scored(item, order, demand, device, len(kept)) for item in kept)
    return min(scored, key=lambda item: item.predicted_error, default=None)


def _order(partners: dict[int, list[int]]) -> list[int]:
    """Return the memristors, each but a first one after a partner: from the ends, breadth first."""
    order: list[int] = []
    for start in sorted(partners, key=lambda k: (len(partners[k]), k)):
        queue = [start]
        while queue:
            first = queue.pop(0)
            if first not in order:
                order.append(first)
                queue += partners[first]
    return order


class _Device:
    """A device's couplers and calibrated errors, looked up once."""

    def __init__(self, target: QiskitTarget) -> None:
        self.target = target
        self.neighbours: dict[int, list[int]] = {q: [] for q in range(target.num_qubits or 0)}
        self.gate: dict[tuple[int, int], float] = {}
        for first, second in sorted(couplers_of(target)):
            self.neighbours[first].append(second)
            self.neighbours[second].append(first)
            error = two_qubit_gate(target, first, second)[0]
            self.gate[first, second] = self.gate[second, first] = error
        self.readout = [properties_of(target, "measure", (q,))[0] for q in self.neighbours]
        self.reset = [properties_of(target, "reset", (q,))[1] for q in self.neighbours]
        self.decay = [decoherence_rate(target, q) for q in self.neighbours]

    def extensions(
        self, partial: _Partial, before: list[tuple[int, int]], collisions: int, resets: int
    ) -> Iterator[_Partial]:
        """Yield the ways to place one more memristor.

        `before` are its partners' places in the order and the gates with each.
        """
        taken, helpers = set(partial.memristors), partial.helpers
        for qubit in self._candidates(partial, before):
            if qubit in taken or qubit in helpers:
                continue
            ways = [(0.0, partial.bridges)]
            for place, gates in before:
                ways = [
                    (error + more, bridges | used)
                    for error, bridges in ways
                    for more, used in self._ways(partial.memristors[place], qubit, taken, gates)
                ]
            for ancilla in self.neighbours[qubit]:
                sharing = partial.ancillas.count(ancilla)
                if ancilla in taken or sharing >= MOST_SHARING:
                    continue
                error = collisions * self.gate[qubit, ancilla] + self.readout[qubit]
                # All who share it wait for one more reset.
                waits = resets * self.reset[ancilla] * (1 + sharing)
                error += self.decay[qubit] * waits
                for more, bridges in ways:
                    if qubit not in bridges:
                        yield _Partial(
                            partial.error + error + more,
                            (*partial.memristors, qubit),
                            (*partial.ancillas, ancilla),
                            bridges,
                        )

    def _candidates(self, partial: _Partial, before: list[tuple[int, int]]) -> set[int]:
        """Return the qubits within two couplers of all partners."""
        found = set(self.neighbours)
        for place, _ in before:
            here = partial.memristors[place]
            near = set(self.neighbours[here])
            found &= near | {far for one in near for far in self.neighbours[one]}
        return found

    def _ways(
        self, first: int, second: int, taken: set[int], gates: int
    ) -> Iterator[tuple[float, frozenset[int]]]:
        """Yield error and qubit used of each way to couple two: directly, or through an ancilla."""
        if second in self.neighbours[first]:
            yield gates * self.gate[first, second], frozenset()
            return
        for middle in self.neighbours[first]:
            if middle not in taken and middle in self.neighbours[second]:
                error = gates * (self.gate[first, middle] + self.gate[middle, second])
                yield error, frozenset({middle})


def _scored(
    found: _Partial, order: list[int], demand: Demand, device: _Device, searched: int
) -> SharedSeats:
    """Return a whole placement with its predicted error, of the circuit as it will be rewritten."""
    count = len(order)
    places = sorted(range(count), key=lambda place: order[place])
    memristors = [found.memristors[place] for place in places]
    ancillas = [found.ancillas[place] for place in places]
    qubits = (*memristors, *sorted(found.helpers))
    seats = (*range(count), *(qubits.index(ancilla) for ancilla in ancillas))
    coupled = _coupled_seats(qubits, device.neighbours)
    pairs: Counter[tuple[int, int]] = Counter()
    for (first, second), gates in demand.pairs.items():
        one, two = seats[first], seats[second]
        middle = bridge_of(one, two, count, coupled)
        for end in (one, two) if middle is not None else ():
            pairs[min(end, middle or 0), max(end, middle or 0)] += gates
        if middle is None:
            pairs[min(one, two), max(one, two)] += gates
    singles: Counter[int] = Counter()
    resets: Counter[int] = Counter()
    for kind, table in ((singles, demand.singles), (resets, demand.resets)):
        for qubit, number in table.items():
            kind[seats[qubit]] += number
    rewritten = replace(demand, count=len(qubits), pairs=pairs, singles=singles, resets=resets)
    error = predicted_error(rewritten, device.target, qubits)
    if len(set(ancillas)) == count and not found.bridges:
        return SharedSeats((*memristors, *ancillas), (), error, searched)
    return SharedSeats(qubits, seats, error, searched)


def _coupled_seats(
    qubits: Sequence[int], neighbours: dict[int, list[int]]
) -> frozenset[tuple[int, int]]:
    return frozenset(
        (a, b)
        for a, one in enumerate(qubits)
        for b, two in enumerate(qubits)
        if two in neighbours[one]
    )


def bridge_of(
    first: int, second: int, memristors: int, coupled: frozenset[tuple[int, int]]
) -> int | None:
    """Return the ancilla's seat through which two seats are coupled; None where they are directly.

    Raises:
        ValueError: where there is neither.
    """
    if (first, second) in coupled or (second, first) in coupled:
        return None
    for middle in sorted({seat for pair in coupled for seat in pair if seat >= memristors}):
        if {(first, middle), (middle, first)} & coupled and {
            (second, middle),
            (middle, second),
        } & coupled:
            return middle
    raise ValueError(
        f"Argument layout must put interacting qubits beside each other or on both sides of an "
        f"ancilla, but seats {first} and {second} are neither; layout=None chooses."
    )


def share_ancillas(
    circuit: QuantumCircuit, seats: Sequence[int], memristors: int, part: QiskitTarget
) -> QuantumCircuit:
    """Return a circuit on the seats' qubits, its ancillas sharing them.

    Args:
        circuit: memristors first, then one ancilla each; an ancilla's operations on one meeting
            stand together, as `CircuitBuilder` writes them.
        seats: of `Placement.seats`.
        memristors: their number; their seats are 0, 1, ….
        part: the device restricted to the placement's qubits.

    A qubit is reset wherever another ancilla takes it over. A coupling between memristors whose
    seats have no coupler goes through the ancilla between them, which it finds in |0> and leaves
    in |0>.
    """
    coupled = frozenset(couplers_of(part))
    register = QuantumRegister(part.num_qubits or 0, "q")
    shared = QuantumCircuit(register, *circuit.cregs, name=circuit.name)
    shared.metadata = circuit.metadata
    used: dict[int, int | None] = {}  # whose letters each helper holds; None once it is in |0>

    def clear(seat: int, taker: int | None) -> None:
        """Reset a helper that holds another ancilla's state."""
        holder = used.get(seat)
        if holder is not None and holder != taker:
            shared.reset(seat)
            used[seat] = None

    for instruction in circuit.data:
        operation = instruction.operation
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        places = [seats[qubit] for qubit in qubits]
        if operation.name in ("barrier", "measure"):
            shared.append(operation, list(dict.fromkeys(places)), instruction.clbits)
            continue
        if operation.name == "reset":
            if used.get(places[0]) is not None:
                shared.reset(places[0])
                used[places[0]] = None
            continue
        for qubit, seat in zip(qubits, places, strict=True):
            if seat >= memristors:
                clear(seat, qubit)
                used[seat] = qubit
        middle = None
        if len(places) == 2:
            middle = bridge_of(places[0], places[1], memristors, coupled)
        if middle is None:
            shared.append(operation, places)
        else:
            clear(middle, None)
            bridged = coupling_through_ancilla(operation)
            shared.compose(bridged, [places[0], middle, places[1]], inplace=True)
    return shared


TO_Z = {"rxx": ("h",), "ryy": ("sdg", "h"), "rzz": ()}
"""What turns each rotation's Pauli into Z."""


def coupling_through_ancilla(gate: Gate) -> QuantumCircuit:
    """Return a two-qubit gate on qubits 0 and 2 through qubit 1, which is in |0> before and after.

    RXX, RYY and RZZ take four two-qubit gates: the parity of the two is written on the ancilla,
    which turns by it. Any other gate takes four more than its own: the first state is moved to the
    ancilla and back.

    >>> from qiskit.circuit.library import RYYGate
    >>> coupling_through_ancilla(RYYGate(0.1)).count_ops()["cx"]
    4
    """
    bridged = QuantumCircuit(3, name="coupling through an ancilla")
    if gate.name not in TO_Z:
        bridged.cx(0, 1)
        bridged.cx(1, 0)
        bridged.append(gate, [1, 2])
        bridged.cx(1, 0)
        bridged.cx(0, 1)
        return bridged
    turns = TO_Z[gate.name]
    for end in (0, 2):
        for name in turns:
            getattr(bridged, name)(end)
    bridged.cx(0, 1)
    bridged.cx(2, 1)
    bridged.rz(gate.params[0], 1)
    bridged.cx(2, 1)
    bridged.cx(0, 1)
    for end in (0, 2):
        for name in reversed(turns):
            getattr(bridged, {"sdg": "s"}.get(name, name))(end)
    return bridged
