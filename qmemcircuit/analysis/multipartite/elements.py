"""Criteria for genuine entanglement that read a few elements of the density matrix.

Gühne and Seevinck, New J. Phys. 12, 053002 (2010); Huber, Mintert, Gabriel and Hiesmayr, Phys. Rev.
Lett. 104, 210501 (2010). With |g> a product of basis states, ḡ its flip of all N parties and e_k
that of party k alone, every biseparable ρ obeys

    GHZ type   |ρ_gḡ| ≤ Σ √(ρ_jj ρ_j̄j̄)                       over the other pairs {j, j̄},
    W type     Σ |ρ_{e_k e_l}| ≤ Σ √(ρ_gg ρ_{e_kl e_kl}) + (N − 2)/2 Σ_k ρ_{e_k e_k}   over k < l.

The left side less the right is the *violation*; it is the largest over g and over the bases Z, X, Y
(the same for all parties). GHZ and W themselves violate theirs by 1/2. No programme is solved: the
two are weaker than `mixtures`, and their witnesses need few settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from qmemcircuit.common.checks import ComplexArray, FloatArray

BASES = ("Z", "X", "Y")
# Columns are |+1>, |−1> of the letter.
_EIGENSTATES = {
    "Z": np.eye(2, dtype=complex),
    "X": np.array([[1, 1], [1, -1]], dtype=complex) / np.sqrt(2),
    "Y": np.array([[1, 1], [1j, -1j]], dtype=complex) / np.sqrt(2),
}
# White noise in the state that a witness is tuned to: a population of 0 would make it infinite.
_NOISE = 1e-4


@dataclass(frozen=True)
class Elements:
    """One inequality: coherences of |first><second|, and what bounds them, in one product basis.

    Attributes:
        kind: `"GHZ"` or `"W"`.
        basis: the letter all parties are turned to.
        coherences: pairs of basis states whose |ρ| stand on the left.
        bounds: pairs whose √(ρ ρ) stand on the right; a population itself is such a pair twice.
        weight: of the populations on the right, as (state, weight).
    """

    kind: str
    basis: str
    coherences: tuple[tuple[int, int], ...]
    bounds: tuple[tuple[int, int], ...]
    populations: tuple[tuple[int, float], ...] = ()

    def violation(self, states: ComplexArray) -> FloatArray:
        """Return left less right for states (T, d, d) in the computational basis, (T,)."""
        turned = _turn(states, self.basis)
        diagonal = np.maximum(np.einsum("tii->ti", turned).real, 0.0)
        left = sum(np.abs(turned[:, first, second]) for first, second in self.coherences)
        right = sum(np.sqrt(diagonal[:, j] * diagonal[:, k]) for j, k in self.bounds)
        right = right + sum(weight * diagonal[:, j] for j, weight in self.populations)
        return np.asarray(left - right)

    def witness(self, state: ComplexArray) -> ComplexArray:
        """Return W (d, d) with Tr(Wσ) ≥ 0 for biseparable σ, and −Tr(Wρ) the violation of ρ.

        Linear because |c| ≥ Re(c e^{−iφ}) and √(ab) ≤ (ta + b/t)/2 for any φ and t > 0, which are
        taken at `state`, mixed with a ten-thousandth of white noise.
        """
        size = state.shape[-1]
        turned = _turn(((1 - _NOISE) * state + _NOISE * np.eye(size) / size)[None], self.basis)[0]
        found = np.zeros((size, size), dtype=complex)
        for first, second in self.coherences:
            element = turned[first, second]
            phase = element / abs(element) if abs(element) > 0 else 1.0
            # Tr(|second><first| ρ) = ρ_{first, second}
            found[second, first] -= phase.conjugate() / 2
            found[first, second] -= phase / 2
        for j, k in self.bounds:
            ratio = np.sqrt(turned[k, k].real / turned[j, j].real)
            found[j, j] += ratio / 2
            found[k, k] += 1 / ratio / 2
        for j, weight in self.populations:
            found[j, j] += weight
        turn = _rotation(self.basis, size)
        return np.asarray(turn @ found @ turn.conj().T)


def all_elements(parties: int) -> tuple[Elements, ...]:
    """Return the inequalities of both kinds for every local flip and basis."""
    size = 2**parties
    found = []
    for basis in BASES:
        for ground in range(size):
            opposite = size - 1 - ground
            if ground < opposite:
                others = [(j, size - 1 - j) for j in range(size // 2) if j != ground]
                found.append(Elements("GHZ", basis, ((ground, opposite),), tuple(others)))
            single = [ground ^ (1 << party) for party in range(parties)]
            pairs = tuple(combinations(single, 2))
            double = tuple((ground, ground ^ (ground ^ j) ^ (ground ^ k)) for j, k in pairs)
            kept = tuple((state, (parties - 2) / 2) for state in single)
            found.append(Elements("W", basis, pairs, double, kept))
    return tuple(found)


def strongest(states: ComplexArray) -> list[dict[str, tuple[float, Elements]]]:
    """Return for each state (T, d, d) the most violated inequality of either kind."""
    parties = int(states.shape[-1]).bit_length() - 1
    candidates = all_elements(parties)
    violations = np.array([item.violation(states) for item in candidates])
    found = []
    for column in violations.T:
        best = {}
        for kind in ("GHZ", "W"):
            places = [n for n, item in enumerate(candidates) if item.kind == kind]
            place = places[int(np.argmax(column[places]))]
            best[kind] = (float(column[place]), candidates[place])
        found.append(best)
    return found


def _rotation(basis: str, size: int) -> ComplexArray:
    found = np.ones((1, 1), dtype=complex)
    for _ in range(size.bit_length() - 1):
        found = np.kron(_EIGENSTATES[basis], found)
    return found


def _turn(states: ComplexArray, basis: str) -> ComplexArray:
    turn = _rotation(basis, states.shape[-1])
    return np.asarray(turn.conj().T @ states @ turn)
