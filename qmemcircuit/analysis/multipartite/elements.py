"""Criteria for genuine entanglement that read a few elements of the density matrix.

Gühne and Seevinck, New J. Phys. 12, 053002 (2010); Huber, Mintert, Gabriel and Hiesmayr, Phys. Rev.
Lett. 104, 210501 (2010). With |g> a product of one basis state of each party, ḡ its flip of all N
parties and e_k that of party k alone, every biseparable ρ obeys

    GHZ type   |ρ_gḡ| ≤ Σ √(ρ_jj ρ_j̄j̄)                       over the other pairs {j, j̄},
    W type     Σ |ρ_{e_k e_l}| ≤ Σ √(ρ_gg ρ_{e_kl e_kl}) + (N − 2)/2 Σ_k ρ_{e_k e_k}   over k < l.

The left side less the right is the *violation*. It holds in any basis of each party, so it is
largest in the best ones, which a search over two angles of each party finds. It starts from the
eigenbases of X, Y and Z; a better optimum may be missed, which costs sensitivity and no validity.
GHZ and W themselves violate theirs by 1/2. No programme is solved: the two are weaker than
`mixtures`. In eigenbases of X, Y and Z their witnesses need few settings.

States that are positive under the partial transpose of any cut violate none of them: for a cut
with k and l on either side |ρ_{e_k e_l}|² ≤ ρ_gg ρ_{e_kl e_kl}, and others are below the mean of
their populations, of which there are at most N − 2 for each k; for GHZ likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from scipy.optimize import minimize

from qmemcircuit.analysis.multipartite.mixtures import least_negativities
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray

KINDS = ("GHZ", "W")
Angles = tuple[tuple[float, float], ...]
"""Of each party, θ and φ on the Bloch sphere: |0>' = cos(θ/2)|0> + e^{iφ} sin(θ/2)|1>."""

LETTERS = {"Z": (0.0, 0.0), "X": (np.pi / 2, 0.0), "Y": (np.pi / 2, np.pi / 2)}
_STARTS = 8  # of the search, beside the last state's optimum
_ROOT = 1e-12  # least population in the search: a root of 0 has no slope
_ENTANGLED = 1e-9  # least negativity below which a state is taken as positive: rounding
# White noise in the state that a witness is tuned to: a population of 0 would make it infinite.
_NOISE = 1e-4


@dataclass(frozen=True)
class Elements:
    """One inequality, in the product basis of `angles`, with g the state of all |0>'.

    Attributes:
        kind: `"GHZ"` or `"W"`.
        angles: of each party.
    """

    kind: str
    angles: Angles

    def violation(self, states: ComplexArray) -> FloatArray:
        """Return left less right for states (T, d, d) in the computational basis, (T,)."""
        return _violation(self.kind, _turn(states, self.angles))

    def witness(self, state: ComplexArray) -> ComplexArray:
        """Return W (d, d) with Tr(Wσ) ≥ 0 for biseparable σ, and −Tr(Wρ) the violation of ρ.

        Linear because |c| ≥ Re(c e^{−iφ}) and √(ab) ≤ (ta + b/t)/2 for any φ and t > 0, which are
        taken at `state`, mixed with a ten-thousandth of white noise.
        """
        size = state.shape[-1]
        mixed = (1 - _NOISE) * state + _NOISE * np.eye(size) / size
        turned = _turn(mixed[None], self.angles)[0]
        coherences, bounds, populations, weight = _places(self.kind, len(self.angles))
        found = np.zeros((size, size), dtype=complex)
        for first, second in coherences:
            element = turned[first, second]
            phase = element / abs(element) if abs(element) > 0 else 1.0
            # Tr(|second><first| ρ) = ρ_{first, second}
            found[second, first] -= phase.conjugate() / 2
            found[first, second] -= phase / 2
        for j, k in bounds:
            ratio = np.sqrt(turned[k, k].real / turned[j, j].real)
            found[j, j] += ratio / 2
            found[k, k] += 1 / ratio / 2
        found[populations, populations] += weight
        turn = _rotation(self.angles)
        return np.asarray(turn @ found @ turn.conj().T)


def elements_of_letters(parties: int, *, alike: bool = False) -> tuple[Elements, ...]:
    """Return the inequalities in the eigenbases of X, Y and Z, with every flip of the parties.

    `alike`: the same letter for all parties.
    """
    words = [(letter,) * parties for letter in LETTERS] if alike else _words(parties)
    return tuple(
        Elements(kind, _start(word, flips))
        for word in words
        for flips in product((False, True), repeat=parties)
        for kind in KINDS
    )


def strongest(states: ComplexArray) -> list[dict[str, tuple[float, Elements]]]:
    """Return for each state (T, d, d) the most violated inequality of either kind found."""
    entangled = least_negativities(states) > _ENTANGLED
    found = []
    last: dict[str, Angles] = {}
    for state, worth in zip(states, entangled, strict=True):
        starts = _best_starts(state, _STARTS if worth else 1)
        best = {}
        for kind in KINDS:
            tried = [Elements(kind, item) for item in starts[kind]]
            if worth:
                more = [last[kind]] if kind in last else []
                tried += [_improved(kind, state, item) for item in (*starts[kind], *more)]
            values = [float(item.violation(state[None])[0]) for item in tried]
            place = int(np.argmax(values))
            best[kind] = (values[place], tried[place])
            last[kind] = tried[place].angles
        found.append(best)
    return found


def _improved(kind: str, state: ComplexArray, start: Angles) -> Elements:
    """Return the inequality in the best bases near `start`: any end of the search is valid."""
    found = minimize(
        lambda angles: _opposite(kind, state, angles.reshape(-1, 2)),
        np.ravel(start),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 60},
    )
    return Elements(kind, tuple((float(t), float(p)) for t, p in found.x.reshape(-1, 2)))


def _opposite(kind: str, state: ComplexArray, angles: FloatArray) -> tuple[float, FloatArray]:
    """Return less the violation of `state` in the bases of `angles` (N, 2), and its gradient.

    With L the linear form that the violation is near ρ' = U†ρU, and dU = U G, it changes by
    Tr(L dρ') = Tr(G [L, ρ']), where G acts on one party.
    """
    parties = len(angles)
    turned = _turn(state[None], angles)[0]
    coherences, bounds, populations, weight = _places(kind, parties)
    linear = np.zeros_like(turned)
    elements = turned[coherences[:, 0], coherences[:, 1]]
    sizes = np.abs(elements)
    phases = elements / np.where(sizes > 0, sizes, 1.0)
    linear[coherences[:, 1], coherences[:, 0]] = phases.conjugate() / 2
    linear[coherences[:, 0], coherences[:, 1]] = phases / 2
    diagonal = np.maximum(turned.diagonal().real, _ROOT)
    roots = np.sqrt(diagonal[bounds[:, 0]] * diagonal[bounds[:, 1]])
    slopes = np.zeros(len(turned))
    for one in (0, 1):
        np.add.at(slopes, bounds[:, one], -0.5 * roots / diagonal[bounds[:, one]])
    slopes[populations] -= weight
    linear[np.diag_indices_from(linear)] += slopes
    commutator = linear @ turned - turned @ linear
    gradient = np.zeros((parties, 2))
    for party, (theta, phi) in enumerate(angles):
        shape = (2 ** (parties - 1 - party), 2, 2**party)
        own = np.einsum("aibajb->ij", commutator.reshape(shape * 2))
        sine, product_, phase = np.sin(theta / 2) ** 2, np.sin(theta) / 2, np.exp(1j * phi)
        turns = (
            0.5 * np.array([[0, -1 / phase], [phase, 0]]),
            1j * np.array([[sine, product_ / phase], [product_ * phase, -sine]]),
        )
        gradient[party] = [np.einsum("ij,ji->", turn, own).real for turn in turns]
    violation = sizes.sum() - roots.sum() - weight * diagonal[populations].sum()
    return -float(violation), -gradient.ravel()


def _best_starts(state: ComplexArray, count: int) -> dict[str, list[Angles]]:
    """Return the most violated inequalities in eigenbases of X, Y and Z, of different words."""
    parties = len(state).bit_length() - 1
    words = _words(parties)
    flips = list(product((False, True), repeat=parties))
    turned = np.array([_turn(state[None], _start(word, flips[0]))[0] for word in words])
    found = {}
    for kind in KINDS:
        places = [_flipped(kind, parties, item) for item in flips]
        values = np.array([_violation_at(turned, *item) for item in places])  # (flips, words)
        best = np.argsort(-values.max(axis=0), kind="stable")[:count]
        found[kind] = [_start(words[n], flips[int(values[:, n].argmax())]) for n in best]
    return found


def _violation(kind: str, turned: ComplexArray) -> FloatArray:
    """Return the violations of states (T, d, d) that stand in the inequality's basis."""
    parties = int(turned.shape[-1]).bit_length() - 1
    return _violation_at(turned, *_places(kind, parties))


def _violation_at(
    turned: ComplexArray,
    coherences: IntArray,
    bounds: IntArray,
    populations: IntArray,
    weight: float,
) -> FloatArray:
    diagonal = np.maximum(np.einsum("tii->ti", turned).real, 0.0)
    left = np.abs(turned[:, coherences[:, 0], coherences[:, 1]]).sum(axis=1)
    right = np.sqrt(diagonal[:, bounds[:, 0]] * diagonal[:, bounds[:, 1]]).sum(axis=1)
    return np.asarray(left - right - weight * diagonal[:, populations].sum(axis=1))


@cache
def _places(kind: str, parties: int) -> tuple[IntArray, IntArray, IntArray, float]:
    """Return coherences and bounds (…, 2), populations, and their weight, with g = 0.

    The right side has √(ρ_jj ρ_kk) of every pair in `bounds`.
    """
    size = 2**parties
    if kind == "GHZ":
        bounds = np.array([(j, size - 1 - j) for j in range(1, size // 2)])
        return np.array([(0, size - 1)]), bounds, np.zeros(0, dtype=int), 0.0
    single = [1 << party for party in range(parties)]
    pairs = np.array(list(combinations(single, 2)))
    double = np.array([(0, j ^ k) for j, k in pairs])
    return pairs, double, np.array(single), (parties - 2) / 2


@cache
def _flipped(
    kind: str, parties: int, flips: tuple[bool, ...]
) -> tuple[IntArray, IntArray, IntArray, float]:
    """Return the places of the inequality in which the parties of `flips` are turned over."""
    mask = sum(1 << party for party, flip in enumerate(flips) if flip)
    coherences, bounds, populations, weight = _places(kind, parties)
    return coherences ^ mask, bounds ^ mask, populations ^ mask, weight


@cache
def _words(parties: int) -> tuple[tuple[str, ...], ...]:
    return tuple(product(LETTERS, repeat=parties))


def _start(word: Sequence[str], flips: Sequence[bool]) -> Angles:
    """Return the angles of a word of letters; a flip takes the other eigenstate."""
    return tuple(
        (np.pi - LETTERS[letter][0], LETTERS[letter][1] + np.pi) if flip else LETTERS[letter]
        for letter, flip in zip(word, flips, strict=True)
    )


def _rotation(angles: Angles | FloatArray) -> ComplexArray:
    """Return the unitary whose columns are the product basis, party 0 least."""
    found = np.ones((1, 1), dtype=complex)
    for theta, phi in angles:
        cosine, sine, phase = np.cos(theta / 2), np.sin(theta / 2), np.exp(1j * phi)
        found = np.kron([[cosine, -sine / phase], [phase * sine, cosine]], found)
    return found


def _turn(states: ComplexArray, angles: Angles | FloatArray) -> ComplexArray:
    turn = _rotation(angles)
    return np.asarray(turn.conj().T @ states @ turn)
