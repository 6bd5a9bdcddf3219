"""Which of a device's qubits carry the memristors and their ancillas, by calibrated error rates.

A circuit needs a few neighbouring qubits of a large device. Every way to lay its interaction
graph onto the device's coupling graph gets a predicted error,

    Σ two-qubit errors + Σ one-qubit errors + Σ readout errors of the memristors
    + Σ_j (own duration of memristor j) × (1/T1 + 1/T2)/2,

to first order in each, and the smallest wins. Where there is no such way, ancillas may share
qubits (`sharing`); the last resort is Qiskit's router. It is a ranking, not a prediction of a
result: `exact_circuit(…, target=device(…))` predicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler.exceptions import TranspilerError

from qmemcircuit.common.checks import check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.compilation.calibrated_errors import couplers_of
from qmemcircuit.devices.compilation.demands import Demand, demand_of, predicted_error
from qmemcircuit.devices.compilation.instructions import Backend
from qmemcircuit.devices.compilation.sharing import search_seats

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

MOST_EMBEDDINGS = 20_000
"""At most so many embeddings are scored: a chain of 20 on 133 qubits has more than one can."""

MOST_BESIDE = 500
"""Of these so many are scored where `search_seats` has looked all over the device."""

MOST_CALLS = 5_000_000
"""The search for embeddings stops after so many steps, a few seconds; then Qiskit routes."""

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
        seats: where ancillas share qubits, the index in `qubits` of each circuit qubit (see
            `sharing`); empty where circuit qubit k sits on `qubits[k]`.
    """

    qubits: tuple[int, ...]
    embedded: bool
    predicted_error: float | None
    reason: str
    seats: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """How many circuit qubits it has a place for."""
        return len(self.seats) or len(self.qubits)

    def describe(self) -> dict[str, Any]:
        """Return the placement as JSON values."""
        return {
            "qubits": list(self.qubits),
            "embedded": self.embedded,
            "predicted_error": self.predicted_error,
            "reason": self.reason,
            **({"seats": list(self.seats)} if self.seats else {}),
        }


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
    return rank_placements(circuit, target, memristors=memristors, seed=seed, most=1)[0]


def rank_placements(
    circuit: QuantumCircuit, target: QiskitTarget, *, memristors: int, seed: int, most: int
) -> list[Placement]:
    """Return up to `most` placements as `choose_placement` ranks them, the best first.

    There is only one where ancillas share qubits or Qiskit routes.
    """
    if circuit.num_qubits > (target.num_qubits or 0):
        raise ValueError(
            f"Argument backend must have at least {circuit.num_qubits} qubits for these circuits, "
            f"but it has {target.num_qubits}; use ancilla='reset' (one recycled ancilla a "
            "memristor), or a larger device."
        )
    demand = demand_of(circuit, memristors)
    found = list(islice(_embeddings(demand, target), MOST_EMBEDDINGS))
    everything = len(found) < MOST_EMBEDDINGS
    # Where there are too many, the first ones differ in their last qubits only.
    shared = None if found and everything else search_seats(demand, target)
    scored = found if shared is None else found[:MOST_BESIDE]
    ranked = nsmallest(
        most, ((predicted_error(demand, target, qubits), qubits) for qubits in scored)
    )
    if shared is not None and (not ranked or shared.predicted_error < ranked[0][0]):
        with_seats = " with shared ancillas" if shared.seats else ""
        reason = f"smallest predicted error of {shared.searched} embeddings{with_seats}"
        return [Placement(shared.qubits, True, shared.predicted_error, reason, shared.seats)]
    if not ranked:
        return [_routed(circuit, target, seed)]
    which = "all" if everything else "the first"
    reason = f"smallest predicted error of {which} {len(scored)} embeddings"
    return [
        Placement(qubits, True, error, f"{place}. {reason}" if place > 1 else reason)
        for place, (error, qubits) in enumerate(ranked, start=1)
    ]


def _embeddings(demand: Demand, target: QiskitTarget) -> Iterator[tuple[int, ...]]:
    """Yield every placement of the circuit's qubits in which interacting ones are coupled."""
    import rustworkx

    device = rustworkx.PyGraph(multigraph=False)
    device.add_nodes_from(range(target.num_qubits))
    for first, second in couplers_of(target):
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


def _routed(circuit: QuantumCircuit, target: QiskitTarget, seed: int) -> Placement:
    """Let the seeded preset pass manager route on the whole device; keep the qubits it used."""
    from qiskit.transpiler import generate_preset_pass_manager

    manager = generate_preset_pass_manager(
        optimization_level=3, target=target, seed_transpiler=seed
    )
    try:
        compiled = manager.run(circuit)
    except TranspilerError as error:
        raise ValueError(
            f"Argument backend must couple enough qubits to hold {circuit.num_qubits} of a "
            f"circuit, but it does not ({error.message}); use fewer ancillas or another device."
        ) from None
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


def given_placement(layout: Sequence[int], backend: Backend) -> Placement:
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
    circuit: QuantumCircuit, placement: Placement, backend: Backend, memristors: int
) -> None:
    """Raise ValueError where two qubits that interact in `circuit` sit on uncoupled ones."""
    couplers = backend.target.qargs  # None where any two are coupled
    if couplers is None:
        return
    coupled = set(couplers)
    size = (placement.size - memristors) // memristors
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
