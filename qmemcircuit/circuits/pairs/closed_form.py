"""The closed form of a pair's channel: two collisions and the gates about them, at every t.

It exists where both memristors have the same frequency and the same Γ(t), and H has the blocks
{gg, ee} and {ge, eg} only. The proof is in experiments/derivations/compiled_pair.md.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from qmemcircuit.circuits.collision import damping_probability
from qmemcircuit.circuits.pairs.sequence import PairSequence
from qmemcircuit.circuits.splitting import pair_hamiltonian
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.common.states import evolve
from qmemcircuit.model.memristors import Network, require_cold

NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


def damping_integrals(network: Network, times: FloatArray) -> tuple[FloatArray, FloatArray]:
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


def closed_form_applies(network: Network, damping: FloatArray) -> bool:
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


def closed_form(
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
