"""The order of operations: a network and its time steps become collisions and gates.

One step of duration dt contains three things that do not commute: the damping of each memristor,
its free evolution RZ(−ω dt), and the couplings. A splitting says in which order, and in what
halves, they are applied:

- `lie`: damp, free evolution, couplings (guo2022, Figs. 2, 3, 5). First order in dt.
- `strang`: half the damping and free evolution, the couplings (half of each and then the other
  halves in reverse order, where they do not commute), the other half of the damping and free
  evolution. Second order. Neighbouring half-steps merge, so n steps cost the couplings of n Lie
  steps and n + 1 collisions a memristor. Weak couplings belong inside: outside, they would give
  up to twice the trace distance to the master equation.
- `fused`: half the damping, the exact coherent evolution exp(−i(H1 + H2 + H12)dt) of each coupled
  pair as one two-qubit gate, the other half of the damping. Second order, and exact wherever the
  damping vanishes. Only for graphs in which each memristor has at most one coupling partner.

A driven memristor is also turned by exp(−iσ_axis ∫Ω): after its free evolution in `lie`, in two
halves around the couplings in the others, which stay of second order.

Another one, `compiled`, has no steps at all: see `qmemcircuit.circuits.constant_depth`.
"""

# More than 400 lines: the parts of a step, their order in each splitting, as gates and as maps.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from qiskit.circuit import Gate
from qiskit.circuit.library import RXGate, RYGate, RZGate, UnitaryGate, ZGate

from qmemcircuit.circuits.channels.pauli_maps import damping_maps, evolution_maps, turning_maps
from qmemcircuit.circuits.channels.synthesis import ChannelHalf
from qmemcircuit.circuits.collision import CollisionKind, bath_probabilities
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_choice
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import IDENTITY, PAULI_Z, evolve
from qmemcircuit.model.couplings import Coupling
from qmemcircuit.model.laws.rates import finite_results
from qmemcircuit.model.memristors import Memristor, Network

Splitting = Literal["lie", "strang", "couplings_first", "fused", "compiled"]


@data_object
@dataclass(frozen=True)
class Collision:
    """One meeting of a memristor with a fresh ancilla: amplitude damping with probability p.

    `kind` says where to: `"cool"` to |0>, `"heat"` to |1>; `"dephase"` flips the phase instead.
    """

    memristor: int
    probability: float
    kind: CollisionKind = "cool"


@data_object
@dataclass(frozen=True, eq=False)
class Operation:
    """A gate on some memristors, in the order of the gate's qubits."""

    memristors: tuple[int, ...]
    gate: Gate


@data_object
@dataclass(frozen=True, eq=False)
class Synthesis:
    """A channel with two Kraus operators on one memristor, by one meeting with a fresh ancilla."""

    memristor: int
    half: ChannelHalf


Element = Collision | Operation | Synthesis
"""What circuits and exact simulation are made of."""


@dataclass(frozen=True)
class Damping:
    """Damping of one memristor from `start` to `stop`."""

    memristor: int
    start: float
    stop: float


@dataclass(frozen=True)
class Free:
    """Free evolution of one memristor."""

    memristor: int
    duration: float


@dataclass(frozen=True)
class Rotation:
    """What a drive does to one memristor from `start` to `stop`."""

    memristor: int
    start: float
    stop: float


@dataclass(frozen=True)
class Interaction:
    """The coupling with this index in `network.couplings`."""

    index: int
    duration: float


@dataclass(frozen=True)
class Coherent:
    """Free evolution and couplings of one pair together."""

    pair: tuple[int, int]
    duration: float


Part = Damping | Free | Rotation | Interaction | Coherent


@dataclass(frozen=True)
class _Graph:
    """What the order of the parts depends on: who is driven, and who is coupled how."""

    driven: tuple[bool, ...]
    couplings: tuple[tuple[tuple[int, int], Coupling], ...]

    @classmethod
    def of(cls, network: Network) -> _Graph:
        return cls(tuple(m.drive is not None for m in network.memristors), network.couplings)


def split_evolution(
    network: Network, boundaries: FloatArray, splitting: Splitting
) -> tuple[Element, ...]:
    """Return the collisions and gates that evolve `network` through the steps `boundaries`.

    Args:
        network: the memristors and their couplings.
        boundaries: the n + 1 instants that bound the n steps.
        splitting: `"lie"`, `"strang"`, `"couplings_first"` or `"fused"`.

    Parts of neighbouring steps that act alike are merged where everything between them commutes;
    merging changes no channel. Raises ValueError where a rate is negative, or where `fused`
    meets a memristor with several partners, or for `compiled`, which has no steps.
    """
    check_choice("splitting", splitting, ("lie", "strang", "couplings_first", "fused"))
    graph = _Graph.of(network)
    parts: list[Part] = []
    for start, stop in pairwise(boundaries):
        parts += _step(graph, float(start), float(stop), splitting)
    merged = _merge(graph, parts) if splitting != "lie" else parts
    elements = (element for part in merged for element in _elements(network, part))
    return tuple(
        element
        for element in elements
        if not (isinstance(element, Collision) and element.probability == 0)
    )


def step_maps(
    network: Network, starts: FloatArray, stops: FloatArray, splitting: Splitting
) -> list[tuple[tuple[int, ...], FloatArray]]:
    """Return what one step does, for n steps at once: (memristors, their maps (n, 4^k, 4^k)).

    The same parts in the same order as `split_evolution` of each single step, as maps on Pauli
    means (`circuits.channels.pauli_maps`), what acts on one memristor alone already joined.
    """
    lengths = stops - starts
    found: list[tuple[tuple[int, ...], FloatArray]] = []
    local: dict[int, list[Damping | Free | Rotation]] = {}
    made: dict[tuple[Any, ...], FloatArray] = {}  # one memristor may stand in several places

    def take(members: Iterable[int]) -> None:
        """Put what these memristors go through alone in front of what comes next."""
        for j in members:
            if parts := local.pop(j, None):
                item = network.memristors[j]
                key = (id(item), *(_without_place(part) for part in parts))
                if key not in made:
                    each = (_local_maps(item, part, starts, lengths) for part in parts)
                    made[key] = reduce(lambda before, after: after @ before, each)
                found.append(((j,), made[key]))

    for part in step_parts(network, splitting):
        match part:
            case Interaction(index, share):
                pair, coupling = network.couplings[index]
                _check_gate(coupling)
                matrix = coupling.hamiltonian()
            case Coherent(pair, share):
                matrix = pair_hamiltonian(network, pair)
            case _:
                local.setdefault(part.memristor, []).append(part)
                continue
        take(pair)
        found.append((pair, evolution_maps(matrix, share * lengths)))
    take(tuple(local))
    return found


def _without_place(part: Damping | Free | Rotation) -> tuple[Any, ...]:
    _, *times = vars(part).values()
    return (type(part), *times)


def _local_maps(
    item: Memristor, part: Damping | Free | Rotation, starts: FloatArray, lengths: FloatArray
) -> FloatArray:
    """Return what a part of the step from 0 to 1 does in each step, (n, 4, 4)."""
    match part:
        case Free(_, share):
            return turning_maps(item.omega * share * lengths)
        case Damping(_, first, last):
            return _damping_of(item, starts + first * lengths, starts + last * lengths)
        case Rotation(_, first, last):
            assert item.drive is not None
            angles = drive_angles(item, starts + first * lengths, starts + last * lengths)
            return evolution_maps(item.drive.operator, angles)


def step_parts(network: Network, splitting: Splitting) -> Sequence[Part]:
    """Return the parts of the step from 0 to 1, merged: every step has them at these fractions."""
    graph = _Graph.of(network)
    known = all(_stays(coupling) for _, coupling in graph.couplings)
    return _known_parts(graph, splitting) if known else _parts_of(graph, splitting)


def _parts_of(graph: _Graph, splitting: Splitting) -> tuple[Part, ...]:
    return tuple(_merge(graph, _step(graph, 0.0, 1.0, splitting)))


_known_parts = lru_cache(256)(_parts_of)


def _damping_of(item: Memristor, starts: FloatArray, stops: FloatArray) -> FloatArray:
    """Return what the bath does over each [start, stop], (n, 4, 4)."""
    bath = bath_probabilities(item, starts, stops)
    meetings = [damping_maps(p, kind) for kind, p in bath.items()]
    turned = item.coherence_sign(starts, stops) < 0
    if turned.any():
        meetings.append(damping_maps(turned, "dephase"))  # for certain: Z
    return reduce(lambda before, after: after @ before, meetings)


def _check_gate(coupling: Coupling) -> None:
    """Raise ValueError where a coupling's gate is not what its Hamiltonian does in that time."""
    known: Any = coupling
    apart = _known_gate_error(known) if _stays(coupling) else _gate_error(coupling)
    if apart > 1e-9:
        raise ValueError(
            f"Argument coupling must have gate(dt) = exp(−i·hamiltonian()·dt), but for "
            f"{coupling!r} they differ by {apart:.2g} at dt = 0.5; correct one of the two."
        )


def _gate_error(coupling: Coupling) -> float:
    return float(np.abs(coupling.gate(0.5).to_matrix() - evolve(coupling.hamiltonian(), 0.5)).max())


@lru_cache(1024)
def _known_gate_error(coupling: Any) -> float:
    return _gate_error(coupling)


def _stays(coupling: Coupling) -> bool:
    """Whether it is a frozen dataclass of numbers, which stays what it was once checked."""
    parameters = getattr(type(coupling), "__dataclass_params__", None)
    if parameters is None or not (parameters.frozen and parameters.eq):
        return False
    try:
        hash(coupling)
    except TypeError:  # it holds an array, say
        return False
    return True


def fused_pairs(network: Network | _Graph) -> tuple[tuple[int, int], ...]:
    """Return the coupled pairs if each memristor has at most one partner, else raise ValueError."""
    pairs = tuple(dict.fromkeys((min(pair), max(pair)) for pair, _ in network.couplings))
    members = [index for pair in pairs for index in pair]
    for index in members:
        if members.count(index) > 1:
            raise ValueError(
                f"Argument splitting must not be 'fused' where a memristor has several partners, "
                f"but memristor {index} has {members.count(index)}; use splitting='strang'."
            )
    return pairs


_FIRST_Z, _SECOND_Z = np.kron(IDENTITY, PAULI_Z), np.kron(PAULI_Z, IDENTITY)


def pair_hamiltonian(network: Network, pair: tuple[int, int]) -> ComplexArray:
    """Return (H_i + H_j + H_ij)/ħ of a pair up to a constant, 4×4, `pair[0]` least significant."""
    first, second = (network.memristors[index] for index in pair)
    # ω(σ+σ− + ½) is −ωZ/2 up to a constant, for |1> is the excited state.
    total = -0.5 * first.omega * _FIRST_Z - 0.5 * second.omega * _SECOND_Z
    for coupled, coupling in network.couplings:
        if coupled == pair:
            total = total + coupling.hamiltonian()
        elif coupled == (pair[1], pair[0]):
            total = total + _swap_factors(coupling.hamiltonian())
    return np.asarray(total)


def _step(graph: _Graph, start: float, stop: float, splitting: Splitting) -> list[Part]:
    duration, middle = stop - start, 0.5 * (start + stop)
    everyone = range(len(graph.driven))
    indices = range(len(graph.couplings))
    first, second = _driven(graph, start, middle), _driven(graph, middle, stop)
    if splitting == "fused":
        pairs = fused_pairs(graph)
        alone = [j for j in everyone if all(j not in pair for pair in pairs)]
        return [
            *(Damping(j, start, middle) for j in everyone),
            *first,
            *(Coherent(pair, duration) for pair in pairs),
            *(Free(j, duration) for j in alone),
            *second,
            *(Damping(j, middle, stop) for j in everyone),
        ]
    if splitting == "lie":
        return [
            *_local(everyone, start, stop),
            *_driven(graph, start, stop),
            *(Interaction(k, duration) for k in indices),
        ]
    if splitting == "couplings_first":
        return [
            *(Interaction(k, 0.5 * duration) for k in indices),
            *first,
            *_local(everyone, start, stop),
            *second,
            *(Interaction(k, 0.5 * duration) for k in reversed(indices)),
        ]
    return [
        *_local(everyone, start, middle),
        *first,
        *(Interaction(k, 0.5 * duration) for k in indices),
        *(Interaction(k, 0.5 * duration) for k in reversed(indices)),
        *second,
        *_local(everyone, middle, stop),
    ]


def _driven(graph: _Graph, start: float, stop: float) -> list[Part]:
    """Return the rotations of the driven memristors."""
    return [Rotation(j, start, stop) for j, driven in enumerate(graph.driven) if driven]


def _local(memristors: Sequence[int], start: float, stop: float) -> list[Part]:
    """Damping and free evolution, which commute."""
    return [part for j in memristors for part in (Damping(j, start, stop), Free(j, stop - start))]


def _merge(graph: _Graph, parts: Sequence[Part]) -> list[Part]:
    """Join each part to the latest earlier one of its kind that it can slide to."""
    merged: list[Part] = []
    for part in parts:
        for place in range(len(merged) - 1, -1, -1):
            joined = _join(merged[place], part)
            if joined is not None:
                merged[place] = joined
                break
            if not _commute(graph, merged[place], part):
                merged.append(part)
                break
        else:
            merged.append(part)
    return merged


def _join(earlier: Part, later: Part) -> Part | None:
    match earlier, later:
        case Damping(j, start, middle), Damping(k, begin, stop) if j == k and middle == begin:
            return Damping(j, start, stop)
        case Free(j, first), Free(k, second) if j == k:
            return Free(j, first + second)
        case Rotation(j, start, middle), Rotation(k, begin, stop) if j == k and middle == begin:
            return Rotation(j, start, stop)
        case Interaction(j, first), Interaction(k, second) if j == k:
            return Interaction(j, first + second)
        case Coherent(j, first), Coherent(k, second) if j == k:
            return Coherent(j, first + second)
    return None


def _commute(graph: _Graph, first: Part, second: Part) -> bool:
    if not set(_members(graph, first)) & set(_members(graph, second)):
        return True
    local = (Damping, Free)
    if isinstance(first, local) and isinstance(second, local):
        return True
    if isinstance(first, Interaction) and isinstance(second, Interaction):
        return interactions_commute(graph, first.index, second.index)
    return False


def interactions_commute(network: Network | _Graph, first: int, second: int) -> bool:
    """Compare the two generators on the two or three memristors that they touch."""
    (pair_a, coupling_a), (pair_b, coupling_b) = network.couplings[first], network.couplings[second]
    members = sorted({*pair_a, *pair_b})
    a = embed(coupling_a.hamiltonian(), [members.index(j) for j in pair_a], len(members))
    b = embed(coupling_b.hamiltonian(), [members.index(j) for j in pair_b], len(members))
    return bool(np.abs(a @ b - b @ a).max() <= 1e-13 * np.abs(a).max() * np.abs(b).max())


def embed(matrix: ComplexArray, qubits: Sequence[int], count: int) -> ComplexArray:
    """Return a matrix on `qubits` (first one least significant) as one on `count` qubits."""
    from qiskit.quantum_info import Operator

    identity = Operator(np.eye(2**count))
    return np.asarray(identity.compose(Operator(matrix), qargs=list(qubits)).data)


def _members(graph: _Graph, part: Part) -> tuple[int, ...]:
    match part:
        case Damping(j, _, _) | Free(j, _) | Rotation(j, _, _):
            return (j,)
        case Interaction(index, _):
            return graph.couplings[index][0]
        case Coherent(pair, _):
            return pair


def _elements(network: Network, part: Part) -> list[Element]:
    if not isinstance(part, Damping):
        return [_operation(network, part)]
    item = network.memristors[part.memristor]
    bath = bath_probabilities(item, np.array([part.start]), np.array([part.stop]))
    found: list[Element] = [Collision(part.memristor, float(p[0]), k) for k, p in bath.items()]
    if item.coherence_sign(part.start, part.stop) < 0:
        found.append(Operation((part.memristor,), ZGate()))
    return found


def _operation(network: Network, part: Free | Rotation | Interaction | Coherent) -> Operation:
    match part:
        case Rotation(j, start, stop):
            return Operation((j,), rotation_gate(network.memristors[j], start, stop))
        case Free(j, duration):
            return Operation((j,), free_gate(network.memristors[j], duration))
        case Interaction(index, duration):
            pair, coupling = network.couplings[index]
            return Operation(pair, coupling.gate(duration))
        case Coherent(pair, duration):
            matrix = evolve(pair_hamiltonian(network, pair), duration)
            return Operation(pair, UnitaryGate(matrix, label="coherent step"))


def free_gate(memristor: Memristor, duration: float) -> Gate:
    """Return RZ(−ω dt): |1> = |e> gains the phase exp(−iω dt) relative to |0>."""
    return RZGate(-memristor.omega * duration)


def drive_angles(memristor: Memristor, starts: FloatArray, stops: FloatArray) -> FloatArray:
    """Return ∫Ω over each step of a driven memristor, (n,)."""
    assert memristor.drive is not None
    found = memristor.drive.at_frequency(memristor.omega).integral(starts, stops)
    return finite_results("integral", found, stops)


def rotation_gate(memristor: Memristor, start: float, stop: float) -> Gate:
    """Return exp(−iσ_axis ∫Ω); the paper's σy and σz are −Y and −Z."""
    assert memristor.drive is not None
    angle = float(drive_angles(memristor, np.array([start]), np.array([stop]))[0])
    turns = {"x": RXGate(2 * angle), "y": RYGate(-2 * angle), "z": RZGate(-2 * angle)}
    return turns[memristor.drive.axis]


def _swap_factors(matrix: ComplexArray) -> ComplexArray:
    return np.asarray(matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4))
