"""Which gates stand between the collisions of a compiled triple: the smallest group that holds H.

The damping of a triple and its couplings do not commute, but the gates that are worth fitting
form the same group as its coherent evolution. Three such groups are known here:

- *diagonal*: couplings of σz only; one gate a coupling, two CNOTs each;
- *matchgates*: a chain of couplings of σx and σy, which are free fermions in the order of the chain
  (Terhal and DiVincenzo, Phys. Rev. A 65, 032325, 2002); three gates, two CNOTs each;
- *parity*: everything else that keeps the parity of the excitations (rings, σzσz beside an
  exchange): any 8×8 unitary with two blocks of four, 14 CNOTs (`sequence.split_parity_gate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import pauli_products
from qmemcircuit.circuits.splitting import embed
from qmemcircuit.common.checks import ComplexArray, IntArray
from qmemcircuit.common.states import PAULI_Z
from qmemcircuit.model.memristors import Network

NEGLIGIBLE = 1e-12
"""A Pauli term of a coupling below this part of its largest one is rounding."""

LETTERS = "IXYZ"
DIAGONAL = ("IZ", "ZI", "ZZ")
FERMIONS = ("IZ", "ZI", "XX", "XY", "YX", "YY")


@dataclass(frozen=True)
class Slot:
    """A gate's memristors, and the Paulis (places among the 64) that generate its group."""

    members: tuple[int, ...]
    paulis: tuple[int, ...]


def layer_of(network: Network) -> tuple[Slot, ...]:
    """Return the gates between two collisions, in the order of application.

    Raises:
        ValueError: unless `network` has three coupled memristors without drives, whose couplings
            keep the parity of the number of excitations.
    """
    _check_triple(network)
    pairs = tuple(dict.fromkeys((min(pair), max(pair)) for pair, _ in network.couplings))
    words = {word for _, coupling in network.couplings for word in _words(coupling.hamiltonian())}
    if words <= set(DIAGONAL):
        return tuple(Slot(pair, _paulis(pair, DIAGONAL)) for pair in pairs)
    if words <= set(FERMIONS) and len(pairs) == 2:
        (middle,) = set(pairs[0]) & set(pairs[1])
        first, last = (next(j for j in pair if j != middle) for pair in pairs)
        order = ((first, middle), (middle, last), (first, middle))
        return tuple(Slot(pair, _paulis(pair, FERMIONS)) for pair in order)
    if all((word.count("X") + word.count("Y")) % 2 == 0 for word in words):
        return (Slot((0, 1, 2), _even_paulis()),)
    raise ValueError(
        "Argument model must have couplings that keep the parity of the excitations where "
        f"splitting='compiled' and it has three memristors, but these contain {sorted(words)}; use "
        "splitting='strang'."
    )


def triple_hamiltonian(network: Network) -> ComplexArray:
    """Return H/ħ of three memristors up to a constant, 8×8, memristor 0 least significant."""
    total: ComplexArray = np.zeros((8, 8), dtype=complex)
    for j, item in enumerate(network.memristors):
        total = total + embed(np.asarray(-0.5 * item.omega * PAULI_Z, dtype=complex), [j], 3)
    for pair, coupling in network.couplings:
        total = total + embed(coupling.hamiltonian(), list(pair), 3)
    return total


@cache
def generator(pauli: int) -> tuple[IntArray, IntArray]:
    """Return rows and signs of ρ → −(i/2)[P, ρ] on the means: entry (rows[b], b) is signs[b]."""
    basis = pauli_products(3)
    turned = -0.5j * (basis[pauli] @ basis - basis @ basis[pauli])
    entries = np.einsum("aij,bji->ab", basis, turned).real / 8
    rows = np.abs(entries).argmax(axis=0)
    signs = np.rint(entries[rows, np.arange(64)]).astype(np.int64)
    return rows, signs


def _check_triple(network: Network) -> None:
    count = len(network.memristors)
    joined = {j for pair, _ in network.couplings for j in pair}
    pairs = {frozenset(pair) for pair, _ in network.couplings}
    if count != 3 or len(joined) < 3 or len(pairs) < 2:
        raise ValueError(
            "Argument model must be a pair or three coupled memristors where "
            f"splitting='compiled', but {count} were given with {len(pairs)} coupled pairs; leave "
            "out what is not coupled."
        )
    if any(item.drive is not None for item in network.memristors):
        raise ValueError(
            "Argument model must have no drive where splitting='compiled', but one of its three "
            "memristors has; use splitting='strang'."
        )


def _words(hamiltonian: ComplexArray) -> list[str]:
    """Return the two letters of each Pauli term of a coupling, the identity left out."""
    basis = pauli_products(2)
    weights = np.abs(np.einsum("aij,ji->a", basis, hamiltonian))
    kept = np.flatnonzero(weights > NEGLIGIBLE * weights.max())
    return [LETTERS[k % 4] + LETTERS[k // 4] for k in kept if k > 0]


def _paulis(pair: tuple[int, int], words: tuple[str, ...]) -> tuple[int, ...]:
    first, second = pair
    return tuple(
        LETTERS.index(word[0]) * 4**first + LETTERS.index(word[1]) * 4**second for word in words
    )


def _even_paulis() -> tuple[int, ...]:
    """Return the 31 Paulis with an even number of X and Y: those that keep the parity."""
    digits = [[place // 4**j % 4 for j in range(3)] for place in range(64)]
    even = [sum(digit in (1, 2) for digit in row) % 2 == 0 for row in digits]
    return tuple(int(place) for place in np.flatnonzero(even) if place > 0)
