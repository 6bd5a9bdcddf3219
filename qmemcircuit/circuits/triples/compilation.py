"""`compile_triples`: the whole map of three memristors over [0, t] in a few collisions each.

The exact map of three memristors is 64×64: it is computed classically, and the circuit is

    collisions, gates, collisions, gates, …,

n times, with the gates and the collision probabilities fitted to the map of that t. Where one such
circuit is not enough, the mean of two or four is fitted, which run with equal shots each: that
costs no gate. What it is not: a stepwise simulation, or a way to networks that cannot be solved
classically.

A round costs six two-qubit gates for the three collisions, and six for the gates on a chain of σx
and σy couplings, two a coupling of σz, 13 for a ring or a partial SWAP. How far this and other
ideas get, with measured numbers: experiments/derivations/compiled_triple.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from qmemcircuit.circuits.channels.diamond_norms import half_diamond_norms
from qmemcircuit.circuits.channels.exact_maps import exact_maps
from qmemcircuit.circuits.residuals import (
    MOST_COLLISIONS,
    TOLERANCE,
    Exceeded,
    report_exceeded,
)
from qmemcircuit.circuits.splitting import Element
from qmemcircuit.circuits.triples.ansatz import Slot, layer_of, triple_hamiltonian
from qmemcircuit.circuits.triples.fit import TripleFit, fit_mixture, fit_triple, gate_map
from qmemcircuit.circuits.triples.sequence import PARITY_PAIRS, TripleSequence, nothing
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import evolve
from qmemcircuit.model.memristors import Network, require_cold

INTEGRATION_ERROR = 1e-9
"""Of the exact map, added to every residual."""
PROBES = 3
"""So many of the times, evenly chosen, are tried first: a number of collisions that fails at one
of them is not tried at the others."""
MOST_CERTAIN = 0.9
"""Probability of a collision in a start: what comes before a certain loss has no slope."""
MIXTURES = (1, 2, 4)
"""Numbers of circuits that are tried, in turn, with each number of collisions."""
MOST_ROUNDS = 16
"""Of all circuits of a mixture together: beyond, a fit takes half a minute."""
SHAKES = ((0.05, 1), (0.3, 2), (0.1, 3))
"""Size and seed of the turns that break the symmetry of each start (compiled_pair.md, section 7);
the later ones are for times at which the earlier ones fail."""
SPREAD = 1.0
"""The nodes of mixed circuits are taken to powers between 2^−SPREAD and 2^SPREAD."""
HOPELESS = 3.0
"""A residual above so many tolerances is not tried again from other starts."""
TURNS = 6
"""Starts of the search for the slots' gates that make up exp(−iHt)."""


@data_object
@dataclass(frozen=True, eq=False)
class CompiledTriple:
    """The circuit of three memristors for one time, and how far it is from the master equation.

    Attributes:
        time: t.
        sequences: collisions and gates in turn, of each of the circuits whose mean is meant, with
            equal shots (`CircuitSet.branches`); at t = 0 one with none.
        residual: an upper bound of half the diamond norm of the difference of their mean to the
            exact map (`certify` brackets it): no input, entangled with other systems or not, comes
            out farther from the master equation's result, in trace distance. It says nothing of
            each circuit alone. It includes the error of the integrated map, about 1e-9; not what a
            transpiler adds (see `CompiledPair`).

    >>> import qmemcircuit as qm
    >>> chain = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 3, qm.Native("z", 0.06))
    >>> how = qm.ConstantDepth(collisions=2)
    >>> (compiled,) = qm.build_circuits(chain, [5.0], splitting=how, bases="Z").compiled
    >>> compiled.collisions, compiled.residual < 0.005
    (2, True)
    """

    time: float
    sequences: tuple[TripleSequence, ...]
    residual: float

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def method(self) -> Literal["fitted"]:
        """As of `CompiledPair`; no closed form is known."""
        return "fitted"

    @property
    def branches(self) -> tuple[tuple[Element, ...], ...]:
        """Collisions and gates of each circuit in the order of application; none at t = 0."""
        return tuple(sequence.elements() for sequence in self.sequences)

    @property
    def collisions(self) -> int:
        """Collisions of each memristor; 0 at t = 0."""
        return len(self.sequences[0].probabilities)


def compile_triples(
    network: Network,
    times: FloatArray,
    *,
    collisions: int | None = None,
    mixture: int = MIXTURES[-1],
    tolerance: float = TOLERANCE,
    exceeded: Exceeded = "refuse",
) -> tuple[CompiledTriple, ...]:
    """Return the circuits of three memristors at every one of `times`.

    All times have the same number of collisions: the smallest one with which all are within the
    tolerance, as the mean of at most `mixture` circuits, and then the smallest number of these.
    One to five seconds a time and number. Raises ValueError for a network that is not
    made of three coupled memristors (see `layer_of`), a negative rate, or a tolerance that is not
    met.
    """
    layer = layer_of(network)
    require_cold(network, "splitting='compiled'")
    later = times[times > 0]
    pairs = PARITY_PAIRS if len(layer) == 1 else tuple(_pair(slot) for slot in layer)
    found = [CompiledTriple(0.0, (nothing(pairs),), 0.0)] if later.size < times.size else []
    if not later.size:
        return tuple(found)
    exact = exact_maps(network, later)
    probes = np.unique(np.linspace(0, later.size - 1, min(later.size, PROBES)).round().astype(int))
    numbers = range(2, MOST_COLLISIONS + 1) if collisions is None else (collisions,)
    tried = [
        (number, mixed)
        for number in numbers
        for mixed in MIXTURES
        if mixed <= mixture and (mixed == 1 or number * mixed <= MOST_ROUNDS)
    ]
    best: list[CompiledTriple] = []
    for number, mixed in tried:
        known: dict[int, CompiledTriple] = {}
        for place in (*probes, *(k for k in range(later.size) if k not in probes)):
            known[int(place)] = compile_triple(
                network, float(later[place]), exact[place], (number, mixed), tolerance
            )
            if known[int(place)].residual > tolerance and (number, mixed) != tried[-1]:
                break
        else:
            best = [known[place] for place in range(later.size)]
            break
    worst = max(best, key=lambda item: item.residual)
    if worst.residual > tolerance:
        remedy = (
            "See experiments/derivations/compiled_triple.md for how far others get, use "
            "splitting='strang' with enough steps"
        )
        report_exceeded("triple", worst, tolerance, exceeded, remedy)
    return (*found, *best)


def stored_triples(triples: Sequence[CompiledTriple]) -> dict[str, Any]:
    """Return compiled circuits as arrays for a file; `restored_triples` brings back every bit.

    `times` (T,), `gates` (T, K, n, S, 4, 4) on `members` (S, 2), `probabilities` (T, K, n, 3) and
    `residuals` (T,), for K circuits. t = 0 has gates 1 and no damping.
    """
    most = max(item.collisions for item in triples)
    mixed = max(len(item.sequences) for item in triples)
    pairs = triples[-1].sequences[0].pairs
    gates = np.tile(np.eye(4, dtype=complex), (len(triples), mixed, most, len(pairs), 1, 1))
    probabilities = np.zeros((len(triples), mixed, most, 3))
    for place, item in enumerate(triples):
        if item.time > 0:
            gates[place] = [sequence.gates for sequence in item.sequences]
            probabilities[place] = [sequence.probabilities for sequence in item.sequences]
    return {
        "times": np.array([item.time for item in triples]),
        "gates": gates,
        "probabilities": probabilities,
        "residuals": np.array([item.residual for item in triples]),
        "members": np.array(pairs),
    }


def restored_triples(stored: Mapping[str, Any]) -> tuple[CompiledTriple, ...]:
    """Return what `stored_triples` made arrays of, also before circuits were mixed (no K)."""
    pairs = tuple((int(first), int(second)) for first, second in stored["members"])
    times, gates, probabilities, residuals = (
        np.asarray(stored[name]) for name in ("times", "gates", "probabilities", "residuals")
    )
    if probabilities.ndim == 3:
        gates, probabilities = gates[:, None], probabilities[:, None]
    found = []
    for place, time in enumerate(times):
        mixed = tuple(
            TripleSequence(pairs, *each)
            for each in zip(gates[place], probabilities[place], strict=True)
        )
        sequences = mixed if time > 0 else (nothing(pairs),)
        found.append(CompiledTriple(float(time), sequences, float(residuals[place])))
    return tuple(found)


def _pair(slot: Slot) -> tuple[int, int]:
    first, second = slot.members
    return first, second


def compile_triple(
    network: Network, time: float, exact: FloatArray, numbers: tuple[int, int], tolerance: float
) -> CompiledTriple:
    """Return the best of the fits to the exact map at one time, with these numbers.

    Of collisions and of circuits. Starts are tried until the tolerance is met or far away.
    """
    collisions, mixed = numbers
    layer = layer_of(network)
    spread = SPREAD * (2 * np.arange(mixed) + 1 - mixed) / mixed
    starts = [_start(network, layer, time, collisions, float(2.0**power)) for power in spread]
    best: CompiledTriple | None = None
    for size, seed in SHAKES:
        random = np.random.default_rng(seed)
        shaken = [start.turned(size * random.normal(size=start.parameters)) for start in starts]
        sequences = tuple(point.sequence() for point in fit_mixture(shaken, exact))
        mean = np.mean([sequence.map() for sequence in sequences], axis=0)
        _, upper = half_diamond_norms((mean - exact)[None])
        residual = float(min(upper[0] + INTEGRATION_ERROR, 1.0))
        if best is None or residual < best.residual:
            best = CompiledTriple(time, sequences, residual)
        if best.residual <= tolerance or best.residual > HOPELESS * tolerance:
            break
    assert best is not None
    return best


def _start(
    network: Network, layer: tuple[Slot, ...], time: float, collisions: int, power: float
) -> TripleFit:
    """Return Radau's rule with a node at 0: collisions at its nodes, H acting between them.

    The rule integrates polynomials of degree 2n − 2 (Abramowitz and Stegun, 25.4.31). A rule with a
    node at 0 saves the gates before the first collision. Circuits that are mixed have the nodes
    xᵖ, each with another power p: the mean of their starts is a rule with more nodes.
    """
    legendre = np.polynomial.legendre.Legendre.basis
    nodes = np.sort((legendre(collisions) + legendre(collisions - 1)).roots().real)
    weights = (1 - nodes) / (collisions * legendre(collisions - 1)(nodes)) ** 2 / 2
    nodes = np.append(np.clip((nodes + 1) / 2, 0.0, 1.0) ** power, 1.0)
    zero, end = np.zeros(1), np.array([time])
    losses = np.array([item.decay_integral(zero, end)[0] for item in network.memristors])
    lost = np.minimum(-np.expm1(-np.outer(weights, losses)), MOST_CERTAIN)
    hamiltonian = triple_hamiltonian(network)
    durations = np.diff(nodes) * time
    gates = np.array([_slots(layer, evolve(hamiltonian, float(d))) for d in durations])
    return TripleFit(layer, gates, np.arcsin(np.sqrt(lost)))


def _slots(layer: tuple[Slot, ...], wanted: ComplexArray) -> ComplexArray:
    """Return the slots' gates (slots, 8, 8) whose product is `wanted`, or the nearest one found."""
    if len(layer) == 1:
        return wanted[None]
    exact = gate_map(wanted)
    still = np.tile(np.eye(8, dtype=complex), (1, len(layer), 1, 1))
    plain = TripleFit(layer, still, np.zeros((1, 0)))
    best, nearest = plain, np.inf
    for seed in range(TURNS):
        random = np.random.default_rng(seed)
        fitted = fit_triple(plain.turned(0.7 * random.normal(size=plain.parameters)), exact)
        product = np.eye(64)
        for gate in fitted.gates[0]:
            product = gate_map(gate) @ product
        distance = float(np.linalg.norm(product - exact))
        if distance < nearest:
            best, nearest = fitted, distance
        if nearest < 1e-6:
            break
    return np.asarray(best.gates[0])
