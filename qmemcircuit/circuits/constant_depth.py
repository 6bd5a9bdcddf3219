"""`compile_pair`: the whole channel of two memristors over [0, t] in a few collisions each.

Damping and couplings do not commute, so the circuits of small steps grow with t. But the exact
map of a *pair* is only 16×16: it is computed classically, and the circuit is

    gate, collisions, gate, collisions, gate, …

with the two-qubit gates and the collision probabilities chosen for that t. The circuit has the
same depth at every t. What it is not: a stepwise simulation, or a way to networks that cannot be
solved classically; the angles need the pair's master equation.

Where both memristors have the same frequency and the same Γ(t), and the coupling is a sum of
σxσx, σyσy and σzσz (so `Native`, `PartialSwap`, `PartialISwap`), two collisions and their gates
have a closed form. It is exact where the coupling conserves the number of excitations (σzσz,
`PartialSwap`, `PartialISwap`); for σxσx and σyσy the error is of the order of g²/2ω² and γg/ω²,
whatever t. Where there is none, or where it misses the tolerance, gates and probabilities are
fitted to the exact map, with as many collisions as the tolerance needs. The proof is in
experiments/derivations/compiled_pair.md.

**Nothing is approximated in silence.** The `residual` of every circuit bounds the trace distance to
the master equation for every input state. Where it exceeds the tolerance, ValueError is raised.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.channels import check_pair, map_distances, pair_maps
from qmemcircuit.circuits.collision import damping_probability
from qmemcircuit.circuits.pair_fit import fit_sequences, quadrature_start, shaken
from qmemcircuit.circuits.pair_sequence import NOTHING, PairSequence
from qmemcircuit.circuits.splitting import Element, pair_hamiltonian
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    IntArray,
    check_choice,
    check_integer,
    check_real,
    check_times,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import evolve
from qmemcircuit.model.memristors import Network, require_cold

CompiledMethod = Literal["closed form", "fitted"]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)

TOLERANCE = 0.005
"""Default of the largest residual: what the closed form keeps at the paper's coupling, doubled."""
MOST_COLLISIONS = 8
"""Of each memristor: 57 two-qubit gates at most. Beyond, steps are no dearer (`fused`)."""
PROBES = 12
"""So many of the times, evenly chosen, are tried first: a number of collisions that fails at one
of them is not tried at the others."""
HOPELESS = 6.0
"""A residual above so many tolerances is not tried again from other starts: experience with random
pairs (experiments/benchmarks/compiled_pairs.py) is that a start matters by less."""
EXACT = 0.002
"""A residual below this part of the tolerance is not improved by a fit."""
SHAKES = ((0.02, 1), (0.02, 2), (0.1, 3))
"""Size and seed of what breaks the symmetry of each start (see `pair_fit`); the first one goes
to every time, the others to those where it fails."""


@data_object
@dataclass(frozen=True, eq=False)
class CompiledPair:
    """The circuit of a pair for one time, as gates and collisions, and how far it is from the map.

    Attributes:
        time: t.
        sequence: gates on both memristors and collisions between them; none at t = 0.
        residual: no input state, entangled with other systems or not, comes out farther from the
            master equation's result than this, in trace distance: ½‖Tr_out |J|‖ with J the
            difference of the two Choi matrices, an upper bound of half the diamond norm. It
            includes the error of the integrated map, about 1e-9. It does *not* include what a
            transpiler adds: Qiskit's synthesis takes a two-qubit gate for one of a special class
            within an infidelity of 1e-9, up to 6e-5 in operator norm a gate.
        method: `"closed form"` or `"fitted"`.
    """

    time: float
    sequence: PairSequence
    residual: float
    method: CompiledMethod

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def elements(self) -> tuple[Element, ...]:
        """Gates and collisions in the order of application; none at t = 0."""
        return self.sequence.elements()

    @property
    def collisions(self) -> int:
        """Collisions of each memristor; 0 at t = 0."""
        return len(self.sequence.probabilities)


@data_object
@dataclass(frozen=True, eq=False)
class ConstantDepth:
    """How `splitting="compiled"` is to be done: give this instead of the word, to be explicit.

    Attributes:
        tolerance: the largest residual that any of the circuits may have (see `CompiledPair`).
        collisions: of each memristor, 1 to 8; None takes 2 and more until the tolerance is met at
            all times.
        exceeded: what happens where it cannot be met: `"refuse"` raises ValueError, `"warn"` warns
            and goes on; both name the residual.
        pairs: circuits that are already compiled, for exactly the times that are asked. Then
            nothing is computed: `rebuild_circuits(record)` does so with what ran.

    >>> loose = ConstantDepth(tolerance=0.02, exceeded="warn")
    """

    tolerance: float = TOLERANCE
    collisions: int | None = None
    exceeded: Literal["refuse", "warn"] = "refuse"
    pairs: tuple[CompiledPair, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        _check_options(self.tolerance, self.collisions, self.exceeded)

    def describe(self) -> dict[str, Any]:
        """Return the options, without the pairs, as JSON values."""
        return {
            "compiled_tolerance": self.tolerance,
            "compiled_collisions_asked": self.collisions,
            "compiled_exceeded": self.exceeded,
        }

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> ConstantDepth:
        """Return what `describe` described; what it leaves out has its default."""
        check_arguments(ConstantDepth.restore, locals())
        return cls(
            described.get("compiled_tolerance", TOLERANCE),
            described.get("compiled_collisions_asked"),
            described.get("compiled_exceeded", "refuse"),
        )

    def compile(self, network: Network, times: FloatArray) -> tuple[CompiledPair, ...]:
        """Return the pair's circuits at `times`: those of `pairs`, or newly compiled ones."""
        check_arguments(ConstantDepth.compile, locals())
        if not self.pairs:
            return compile_pairs(
                network,
                times,
                collisions=self.collisions,
                tolerance=self.tolerance,
                exceeded=self.exceeded,
            )
        check_pair(network)
        if not np.array_equal([pair.time for pair in self.pairs], times):
            raise ValueError(
                f"Argument times must be those of the compiled pairs, {len(self.pairs)} from "
                f"{self.pairs[0].time:g} to {self.pairs[-1].time:g}, but {len(times)} from "
                f"{times[0]:g} to {times[-1]:g} were given; leave pairs out to compile anew."
            )
        return self.pairs


def compile_pair(
    network: Network,
    time: float,
    *,
    method: CompiledMethod | None = None,
    collisions: int | None = None,
    tolerance: float = TOLERANCE,
    exceeded: Literal["refuse", "warn"] = "refuse",
) -> CompiledPair:
    """Return the constant-depth circuit of two memristors over [0, time].

    Args:
        network: exactly two memristors, with any couplings between them.
        time: t ≥ 0.
        method: `"closed form"` or `"fitted"`; None takes the closed form where there is one and it
            meets the tolerance.
        collisions: of each memristor, 1 to 8; None takes 2 and more until the tolerance is met.
            The closed form has two; any other number is fitted.
        tolerance: the largest residual, above 0 (see `CompiledPair`).
        exceeded: where it cannot be met, `"refuse"` raises ValueError, `"warn"` warns.

    n collisions cost at most 1 + 7n two-qubit gates from a pure state (13 for the closed form of a
    coupling that only exchanges). Raises ValueError for a network that is not a pair, a negative
    rate, a closed form where there is none, or a tolerance that is not met.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    >>> pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 0.06)})
    >>> compiled = compile_pair(pair, 20 * pair.period)
    >>> compiled.method, len(compiled.elements), compiled.residual < 0.005
    ('closed form', 7, True)
    """
    check_arguments(compile_pair, locals())
    moment = check_real("time", time, minimum=0)
    check_work("time", moment / network.period, 10**6, "periods")
    (found,) = compile_pairs(
        network,
        [moment],
        method=method,
        collisions=collisions,
        tolerance=tolerance,
        exceeded=exceeded,
    )
    return found


def compile_pairs(
    network: Network,
    times: ArrayLike,
    *,
    method: CompiledMethod | None = None,
    collisions: int | None = None,
    tolerance: float = TOLERANCE,
    exceeded: Literal["refuse", "warn"] = "refuse",
    balance: float = 0.0,
) -> tuple[CompiledPair, ...]:
    """Return `compile_pair` at every one of `times`, with one integration of the exact map.

    All times have the same number of collisions: the smallest one with which all are within the
    tolerance. Within it, the closed form is preferred, for it has the fewest gates; else the
    best of several fits is taken (see `_fitted`). The closed form takes milliseconds a time, fits
    10 to 100 milliseconds a time (python -m experiments.benchmarks.compiled_pairs).

    `balance`, between −1 and 1, moves damping from the second collision of the closed form
    (w2) to the first (w1): w1 − w2 = balance × min(|z+|, |z−|). The chord through z turns, the
    channel stays the same: every balance has the same residual. Fits ignore it.
    """
    check_pair(network)
    checked = check_times(times)
    if abs(check_real("balance", balance)) > 1:
        raise ValueError(
            f"Argument balance must be between -1 and 1, but {balance:g} was given: the weights "
            "of a chord through z differ by at most |z|."
        )
    if method is not None:
        check_choice("method", method, ("closed form", "fitted"))
    _check_options(tolerance, collisions, exceeded)
    later = checked[checked > 0]
    knots, damping = _damping_integrals(network, later)
    closed = collisions in (None, 2) and _closed_form_applies(network, damping)
    if method == "closed form" and not closed:
        raise ValueError(
            "Argument method must not be 'closed form' for this pair, but it was given; the "
            "closed form needs equal frequencies, equal Γ(t), a coupling made of σxσx, σyσy and "
            "σzσz, and two collisions. Use method='fitted' or None."
        )
    start = () if later.size == checked.size else (0.0,)
    if not later.size:
        return tuple(_nothing(time, closed and method != "fitted") for time in start)
    ends = np.flatnonzero(np.isin(knots, later))
    problem = _Problem(network, later, damping[:, ends], pair_maps(network, later), tolerance)
    formula: list[PairSequence] = []
    if closed and method != "fitted":
        formula = _closed_form(network, knots, damping[0], ends, balance)
    found = _search(problem, formula, method == "closed form", collisions)
    worst = int(np.argmax([pair.residual for pair in found]))
    if found[worst].residual > tolerance:
        _report(found[worst], tolerance, exceeded)
    return tuple(_nothing(time, found[0].method == "closed form") for time in start) + found


def stored_pairs(pairs: tuple[CompiledPair, ...]) -> dict[str, Any]:
    """Return compiled circuits as arrays for a file; `restored_pairs` brings back every bit.

    `times` (T,), `gates` (T, n + 1, 4, 4), `probabilities` (T, n, 2), `residuals` (T,) and
    `closed_form` (T,), 1 where the closed form was taken. t = 0 has gates 1 and no damping.
    """
    if not pairs:
        return {}
    most = max(pair.collisions for pair in pairs)
    gates = np.tile(np.eye(4, dtype=complex), (len(pairs), most + 1, 1, 1))
    probabilities = np.zeros((len(pairs), most, 2))
    for place, pair in enumerate(pairs):
        if pair.time > 0:
            gates[place], probabilities[place] = pair.sequence.gates, pair.sequence.probabilities
    return {
        "times": np.array([pair.time for pair in pairs]),
        "gates": gates,
        "probabilities": probabilities,
        "residuals": np.array([pair.residual for pair in pairs]),
        "closed_form": np.array([int(pair.method == "closed form") for pair in pairs]),
    }


def restored_pairs(stored: Mapping[str, Any]) -> tuple[CompiledPair, ...]:
    """Return what `stored_pairs` made arrays of."""
    return tuple(
        CompiledPair(
            float(time),
            PairSequence(gates, probabilities) if time > 0 else NOTHING,
            float(residual),
            "closed form" if closed else "fitted",
        )
        for time, gates, probabilities, residual, closed in zip(
            stored["times"],
            stored["gates"],
            stored["probabilities"],
            stored["residuals"],
            stored["closed_form"],
            strict=True,
        )
    )


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is to be compiled: times (T,), ∫Γ to each (2, T), exact maps (T, 16, 16)."""

    network: Network
    times: FloatArray
    damping: FloatArray
    maps: FloatArray
    tolerance: float

    def at(self, places: IntArray) -> _Problem:
        """Return the problem at some of the times."""
        return _Problem(
            self.network,
            self.times[places],
            self.damping[:, places],
            self.maps[places],
            self.tolerance,
        )

    def residuals(self, sequences: list[PairSequence]) -> FloatArray:
        return map_distances(np.array([sequence.map() for sequence in sequences]), self.maps)


def _search(
    problem: _Problem, formula: list[PairSequence], only: bool, collisions: int | None
) -> tuple[CompiledPair, ...]:
    """Return the circuits with the fewest collisions that meet the tolerance, else the best ones.

    `formula` is the closed form, or empty; `only`: nothing else is allowed.
    """
    count = problem.times.size
    methods: list[CompiledMethod] = ["closed form" if formula else "fitted"] * count
    best, residuals = formula, np.full(count, np.inf)
    if formula:
        residuals = problem.residuals(formula)
        if only or residuals.max() <= problem.tolerance:
            return _pairs(problem, best, residuals, methods)
    probes = np.unique(np.linspace(0, count - 1, min(count, PROBES)).round().astype(int))
    numbers = range(2, MOST_COLLISIONS + 1) if collisions is None else (collisions,)
    for number in numbers:
        allowed = formula if number == 2 else []
        if number < numbers[-1] and probes.size < count:
            # Not worth trying at every time what fails at one of a dozen.
            tried, _ = _fitted(problem.at(probes), number, [allowed[k] for k in probes if allowed])
            if problem.at(probes).residuals(tried).max() > problem.tolerance:
                continue
        sequences, kept = _fitted(problem, number, allowed)
        reached = problem.residuals(sequences)
        if reached.max() < residuals.max() or not best:
            best, residuals = sequences, reached
            methods = ["closed form" if k in kept else "fitted" for k in range(count)]
        if residuals.max() <= problem.tolerance:
            break
    return _pairs(problem, best, residuals, methods)


def _fitted(
    problem: _Problem, collisions: int, formula: list[PairSequence]
) -> tuple[list[PairSequence], set[int]]:
    """Return the best circuits with so many collisions, and where they are the closed form.

    Tried in this order, each where the tolerance is not met yet: the closed form, or Gauss's rule
    where that is as good as exact; a fit from Gauss's rule; a fit from the closed form; fits from
    what was found at the neighbouring times, on either side, the coherent evolution between put
    after it; fits from Gauss's rule with other seeds.
    """
    count = problem.times.size
    best: list[PairSequence] = list(formula)
    reached = problem.residuals(best) if best else np.full(count, np.inf)
    kept = set(range(count)) if best else set()
    wrong = np.flatnonzero(reached > problem.tolerance)

    def attempt(places: IntArray, starts: list[PairSequence]) -> None:
        part = problem.at(places)
        found = fit_sequences(starts, part.maps)
        for place, sequence, residual in zip(places, found, part.residuals(found), strict=True):
            if residual < reached[place]:
                best[place], reached[place] = sequence, residual
                kept.discard(int(place))

    def quadrature(places: IntArray, size: float, seed: int) -> list[PairSequence]:
        starts = [
            quadrature_start(
                problem.network, float(problem.times[k]), problem.damping[:, k], collisions
            )
            for k in places
        ]
        return [shaken(start, size, seed) for start in starts] if size else starts

    first, *others = SHAKES
    if not best:
        # Where the rule is as good as exact (no damping, say), it is not shaken and fitted again.
        best = quadrature(np.arange(count), 0.0, 0)
        reached = problem.residuals(best)
        wrong = np.flatnonzero(reached > EXACT * problem.tolerance)
    if wrong.size:
        attempt(wrong, quadrature(wrong, *first))
        if formula:
            attempt(wrong, [shaken(formula[k], *first) for k in wrong])
    hamiltonian = pair_hamiltonian(problem.network, (0, 1))
    for side in (-1, 1, 0, 0):
        wrong = np.flatnonzero(reached > problem.tolerance)
        if not wrong.size or reached.max() > HOPELESS * problem.tolerance:
            break
        if side == 0:
            attempt(wrong, quadrature(wrong, *others.pop(0)))
            continue
        near = wrong[(wrong + side >= 0) & (wrong + side < count)]
        if near.size:
            starts = [
                _carried(best[k + side], hamiltonian, problem.times[k] - problem.times[k + side])
                for k in near
            ]
            attempt(near, [shaken(start, *first) for start in starts])
    return best, kept


def _carried(sequence: PairSequence, hamiltonian: ComplexArray, duration: float) -> PairSequence:
    """Return a sequence with the coherent evolution for `duration` after it."""
    gates = sequence.gates.copy()
    gates[-1] = evolve(hamiltonian, float(duration)) @ gates[-1]
    return PairSequence(gates, sequence.probabilities)


def _pairs(
    problem: _Problem,
    sequences: list[PairSequence],
    residuals: FloatArray,
    methods: list[CompiledMethod],
) -> tuple[CompiledPair, ...]:
    return tuple(
        CompiledPair(float(time), sequence, float(residual), method)
        for time, sequence, residual, method in zip(
            problem.times, sequences, residuals, methods, strict=True
        )
    )


def _nothing(time: float, closed: bool) -> CompiledPair:
    return CompiledPair(time, NOTHING, 0.0, "closed form" if closed else "fitted")


def _check_options(tolerance: float, collisions: int | None, exceeded: str) -> None:
    if check_real("tolerance", tolerance) <= 0:
        raise ValueError(
            f"Argument tolerance must be above 0, but {tolerance:g} was given: no circuit is "
            "exact to the last digit; 1 accepts any."
        )
    if collisions is not None and (
        check_integer("collisions", collisions, minimum=1) > MOST_COLLISIONS
    ):
        raise ValueError(
            f"Argument collisions must be at most {MOST_COLLISIONS}, but {collisions} was given; "
            "with so many, steps are cheaper: splitting='fused'."
        )
    check_choice("exceeded", exceeded, ("refuse", "warn"))


def _report(worst: CompiledPair, tolerance: float, exceeded: str) -> None:
    """Refuse or warn: the tolerance is not met."""
    found = (
        f"its circuits in {worst.collisions} collisions a memristor reach {worst.residual:.2g} "
        f"at t = {worst.time:g}"
    )
    if exceeded == "warn":
        warnings.warn(
            f"The compiled pair exceeds its tolerance of {tolerance:g}: {found}; no input comes "
            "out farther from the master equation than that.",
            UserWarning,
            stacklevel=3,
        )
        return
    raise ValueError(
        f"Argument tolerance must be one that the compiled pair can meet, but {tolerance:g} was "
        f"asked and {found}. Use splitting='fused' with enough steps, allow more collisions or "
        "a larger tolerance, or go on with exceeded='warn' (ConstantDepth(…) as the splitting)."
    )


def _damping_integrals(network: Network, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return instants (K,) among which are 0 and `times`, and ∫Γ from 0 to each, shape (2, K).

    They are the ends of panels and the Gauss nodes inside. A panel is at most an eighth of a
    period, and short on the scale of the couplings.
    """
    require_cold(network, "splitting='compiled'")
    strength = float(np.abs(np.linalg.eigvalsh(pair_hamiltonian(network, (0, 1)))).max())
    longest = min(min(m.period for m in network.memristors) / 8, 1 / max(strength, 1e-300))
    marks = np.unique(np.concatenate([[0.0], times]))
    edges = [0.0]
    for start, stop in pairwise(marks):
        count = math.ceil((stop - start) / longest)
        # The last edge is `stop` itself, to the bit: times are looked up among the instants.
        edges += [*np.linspace(start, stop, count + 1)[1:-1], stop]
    bounds = np.array(edges)
    for memristor in network.memristors:
        for start, stop in pairwise(bounds):
            damping_probability(memristor, float(start), float(stop))  # refuses a negative rate
    middle, half = 0.5 * (bounds[1:] + bounds[:-1]), 0.5 * np.diff(bounds)
    inside = middle[:, None] + half[:, None] * NODES
    knots = np.concatenate([[0.0], np.hstack([inside, bounds[1:, None]]).ravel()])
    steps = [m.decay_integral(knots[:-1], knots[1:]) for m in network.memristors]
    return knots, np.array([np.concatenate([[0.0], np.cumsum(step)]) for step in steps])


def _closed_form_applies(network: Network, damping: FloatArray) -> bool:
    """Whether rates and frequencies agree and H has the blocks {gg, ee} and {ge, eg} only."""
    hamiltonian = pair_hamiltonian(network, (0, 1))
    tolerance = 1e-12 * max(1.0, float(np.abs(hamiltonian).max()))
    mixing = hamiltonian[np.ix_([0, 3], [1, 2])]
    return bool(
        np.abs(mixing).max() <= tolerance
        and abs(hamiltonian[1, 1] - hamiltonian[2, 2]) <= tolerance
        and abs(hamiltonian[1, 2].imag) <= tolerance
        and np.allclose(damping[0], damping[1], rtol=1e-12, atol=1e-14)
    )


def _closed_form(
    network: Network, knots: FloatArray, damping: FloatArray, ends: IntArray, balance: float
) -> list[PairSequence]:
    """Return the chords through z± and what follows from them, at each of `ends` (one or more).

    With b = balance × min(|z+|, |z−|)/w the weights are w1, w2 = w (1 ± b)/2, for both chords:
    w1, w2 and |z| are the sides of a triangle, whose angles at z give θ1 and θ2.

    The names are those of experiments/derivations/compiled_pair.md.
    """
    hamiltonian = pair_hamiltonian(network, (0, 1))
    dressing = _dressing(hamiltonian)
    dressed = dressing.conj().T @ hamiltonian @ dressing
    exchange = float(dressed[1, 2].real)
    shift = float((dressed[1, 1] + dressed[2, 2] - dressed[0, 0] - dressed[3, 3]).real)
    lost = -np.expm1(-damping)  # w
    centres = [_phase_average(knots, lost, shift + sign * 2 * exchange) for sign in (1, -1)]
    ratios = [
        np.minimum(np.divide(np.abs(z), lost, out=np.ones_like(lost), where=lost > 0), 1.0)
        for z in centres  # rounding can leave |z|/w = 1 + 1e-16
    ]
    uneven = balance * np.minimum(*ratios)
    chords = []
    # A chord may be walked from either end. This pairing leaves no σzσz in the gates of a pair
    # that only exchanges (z− is the conjugate of z+), and no exchange where there is none.
    order = -1.0 if abs(exchange) > 1e-12 * np.abs(hamiltonian).max() else 1.0
    for centre, ratio, first in zip(centres, ratios, (-1.0, -order), strict=True):
        openings = np.array([_opening(ratio, uneven), -_opening(ratio, -uneven)])
        chords.append(np.angle(centre) + first * openings)
    plus, minus = chords
    shapes = []
    for end in ends:
        turns = [
            _turn((plus[k, end] - minus[k, end]) / 4, (plus[k, end] + minus[k, end]) / 4)
            for k in range(2)
        ]
        gates = [
            turns[0] @ dressing.conj().T,
            turns[1] @ turns[0].conj().T,
            dressing @ evolve(dressed, float(knots[end])) @ turns[1].conj().T,
        ]
        before, after = 0.5 * lost[end] * np.array([1 + uneven[end], 1 - uneven[end]])
        probabilities = np.array([[before, before], [after / (1 - before)] * 2])
        shapes.append(PairSequence(np.array(gates), probabilities))
    return shapes


def _opening(ratio: FloatArray, uneven: FloatArray) -> FloatArray:
    """Return the angle between z and the chord's end of weight w (1 + uneven)/2, |z| = ratio w.

    The law of cosines, (w1² + |z|² − w2²) / 2 w1 |z| with w1² − w2² = uneven w².
    """
    sides = (1 + uneven) * ratio
    cosine = np.divide(uneven + ratio**2, sides, out=np.ones_like(ratio), where=sides > 0)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))


def _dressing(hamiltonian: ComplexArray) -> ComplexArray:
    """Return W, the rotation that diagonalises the block {gg, ee}, the one nearest to 1."""
    _, vectors = np.linalg.eigh(hamiltonian[np.ix_([0, 3], [0, 3])])
    if abs(vectors[0, 0]) < abs(vectors[1, 0]):
        vectors = vectors[:, ::-1]
    vectors = vectors * np.exp(-1j * np.angle(np.diag(vectors)))
    dressing = np.eye(4, dtype=complex)
    dressing[np.ix_([0, 3], [0, 3])] = vectors
    return dressing


def _phase_average(knots: FloatArray, lost: FloatArray, frequency: float) -> ComplexArray:
    """Return z(t) = ∫ e^{iΔs} dw(s) from 0 to each panel's end (other instants hold no result).

    By parts, z = w e^{iΔt} − iΔ ∫ w e^{iΔs} ds: the law's integral is used, never its value.
    """
    rotated = lost * np.exp(1j * frequency * knots)
    panels = rotated[1:].reshape(-1, NODES.size + 1)[:, :-1]
    ends = np.arange(0, knots.size, NODES.size + 1)
    half = 0.5 * np.diff(knots[ends])
    integral = np.zeros(knots.size, dtype=complex)
    integral[ends[1:]] = np.cumsum(half * (panels @ WEIGHTS))
    return np.asarray(rotated - 1j * frequency * integral)


def _turn(exchange: float, shift: float) -> ComplexArray:
    """Return exp(−i(α X + β 1)) on {ge, eg}, and 1 on {gg, ee}."""
    generator = np.zeros((4, 4), dtype=complex)
    generator[1, 1] = generator[2, 2] = shift
    generator[1, 2] = generator[2, 1] = exchange
    return evolve(generator, 1.0)
