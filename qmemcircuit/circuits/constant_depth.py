"""`compile_pair`: the whole channel of two memristors over [0, t] in two collisions each.

Damping and couplings do not commute, so the circuits of small steps grow with t. But the exact
map of a *pair* is only 16×16: it is computed classically, and the circuit is

    gate, collisions, gate, collisions, gate,

with the three two-qubit gates and the collision probabilities chosen for that t. The circuit has
the same depth at every t. What it is not: a stepwise simulation, or a way to networks that cannot
be solved classically; the angles need the pair's master equation.

Where both memristors have the same frequency and the same Γ(t), and the coupling is a sum of
σxσx, σyσy and σzσz (so `Native`, `PartialSwap`, `PartialISwap`), the gates and probabilities have
a closed form. It is exact where the coupling conserves the number of excitations (σzσz,
`PartialSwap`, `PartialISwap`); for σxσx and σyσy the error is of the order of g²/2ω² and γg/ω²,
whatever t. For any other pair they are fitted to the exact map. The `residual` is computed in both
cases; more collisions lower it (`compile_pair(…, collisions=3)`). The proof is in
experiments/derivations/compiled_pair.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.channels import (
    check_pair,
    map_distance,
    pair_maps,
)
from qmemcircuit.circuits.collision import damping_probability
from qmemcircuit.circuits.pair_sequence import PairSequence, fit_pair_sequence
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
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import evolve
from qmemcircuit.model.memristors import Network

CompiledMethod = Literal["closed form", "fitted"]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


@data_object
@dataclass(frozen=True, eq=False)
class CompiledPair:
    """The circuit of a pair for one time, as elements, and how far it is from the pair's map.

    Attributes:
        time: t.
        elements: gates on both memristors and collisions, in the order of application; none at
            t = 0.
        residual: no input state, entangled with other systems or not, comes out farther from the
            master equation's result than this, in trace distance: ½‖Tr_out |J|‖ with J the
            difference of the two Choi matrices, an upper bound of half the diamond norm. It
            includes the error of the integrated map, about 1e-9.
        method: `"closed form"` or `"fitted"`.
    """

    time: float
    elements: tuple[Element, ...]
    residual: float
    method: CompiledMethod

    def __post_init__(self) -> None:
        check_fields(self)


def compile_pair(
    network: Network,
    time: float,
    *,
    method: CompiledMethod | None = None,
    collisions: int = 2,
) -> CompiledPair:
    """Return the constant-depth circuit of two memristors over [0, time].

    Args:
        network: exactly two memristors, with any couplings between them.
        time: t ≥ 0.
        method: `"closed form"` or `"fitted"`; None takes the closed form where there is one.
        collisions: of each memristor, 1 to 8. The closed form has two; any other number is
            fitted. The splitting `"compiled"` of circuits uses two.

    Raises ValueError for a network that is not a pair, a negative rate, or a closed form where
    there is none.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    >>> pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 0.06)})
    >>> compiled = compile_pair(pair, 20 * pair.period)
    >>> compiled.method, len(compiled.elements), compiled.residual < 0.005
    ('closed form', 7, True)
    """
    check_arguments(compile_pair, locals())
    moment = check_real("time", time, minimum=0)
    return compile_pairs(network, [moment], method=method, collisions=collisions)[0]


def compile_pairs(
    network: Network,
    times: ArrayLike,
    *,
    method: CompiledMethod | None = None,
    collisions: int = 2,
    balance: float = 0.0,
) -> tuple[CompiledPair, ...]:
    """Return `compile_pair` at every one of `times`, with one integration of the exact map.

    The closed form takes milliseconds a time, a fit tens of milliseconds.

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
    if check_integer("collisions", collisions, minimum=1) > 8:
        raise ValueError(
            f"Argument collisions must be at most 8, but {collisions} was given; with so many, "
            "steps are cheaper: splitting='fused'."
        )
    later = checked[checked > 0]
    knots, damping = _damping_integrals(network, later)
    closed = collisions == 2 and _closed_form_applies(network, damping)
    if method == "closed form" and not closed:
        raise ValueError(
            "Argument method must not be 'closed form' for this pair, but it was given; the "
            "closed form needs equal frequencies, equal Γ(t), a coupling made of σxσx, σyσy and "
            "σzσz, and two collisions. Use method='fitted' or None."
        )
    chosen: CompiledMethod = "closed form" if closed and method != "fitted" else "fitted"
    compiled = [CompiledPair(0.0, (), 0.0, chosen)] if later.size < checked.size else []
    if not later.size:
        return tuple(compiled)
    maps = pair_maps(network, later)
    ends = np.flatnonzero(np.isin(knots, later))
    if chosen == "closed form":
        shapes = _closed_form(network, knots, damping[0], ends, balance)
    else:
        shapes = [
            fit_pair_sequence(network, float(knots[end]), damping[:, end], exact, collisions)
            for end, exact in zip(ends, maps, strict=True)
        ]
    for time, shape, exact in zip(later, shapes, maps, strict=True):
        residual = map_distance(shape.map(), exact)
        compiled.append(CompiledPair(float(time), shape.elements(), residual, chosen))
    return tuple(compiled)


def _damping_integrals(network: Network, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return instants (K,) among which are 0 and `times`, and ∫Γ from 0 to each, shape (2, K).

    They are the ends of panels and the Gauss nodes inside. A panel is at most an eighth of a
    period, and short on the scale of the couplings.
    """
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
