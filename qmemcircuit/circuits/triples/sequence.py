"""Collisions and two-qubit gates of a triple in turn, as one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.circuit.library import CXGate, UnitaryGate
from scipy.linalg import schur

from qmemcircuit.circuits.channels.pauli_maps import damping_maps, unitary_map
from qmemcircuit.circuits.splitting import Collision, Element, Operation, embed
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object

FLIP: ComplexArray = np.asarray(CXGate().to_matrix(), dtype=complex)
"""CNOT, the first memristor of the pair controls."""

YY: ComplexArray = np.array(np.fliplr(np.diag([-1, 1, 1, -1])), dtype=complex)
ZZ: FloatArray = np.array([1.0, -1.0, -1.0, 1.0])
"""The diagonal."""

PARITY_PAIRS = ((0, 2), (1, 2), (0, 1), *((0, 2), (1, 2)) * 2, (0, 1), (0, 2), (1, 2))
"""The pairs of `split_parity_gate`."""


@data_object
@dataclass(frozen=True, eq=False)
class TripleSequence:
    """n times a collision of each memristor, then the gates on `pairs`.

    Attributes:
        pairs: of memristors, in the order of application, the first one least significant.
        gates: shape (n, len(pairs), 4, 4).
        probabilities: shape (n, 3). n = 0 is the identity: the circuit of t = 0.
    """

    pairs: tuple[tuple[int, int], ...]
    gates: ComplexArray
    probabilities: FloatArray

    def elements(self) -> tuple[Element, ...]:
        """Return collisions and gates in the order of application."""
        found: list[Element] = []
        for row, gates in zip(self.probabilities, self.gates, strict=True):
            found += [Collision(j, float(p)) for j, p in enumerate(row) if p > 0]
            found += [
                Operation(pair, UnitaryGate(gate))
                for pair, gate in zip(self.pairs, gates, strict=True)
            ]
        return tuple(found)

    def map(self) -> FloatArray:
        """Return what the whole sequence does to the means of three memristors, (64, 64)."""
        total = np.eye(64)
        for row, gates in zip(self.probabilities, self.gates, strict=True):
            first, second, third = damping_maps(row)
            total = np.kron(third, np.kron(second, first)) @ total
            for pair, gate in zip(self.pairs, gates, strict=True):
                total = unitary_map(embed(gate, list(pair), 3)) @ total
        return total


def nothing(pairs: Sequence[tuple[int, int]]) -> TripleSequence:
    """Return the sequence of t = 0."""
    return TripleSequence(
        tuple(pairs), np.empty((0, len(pairs), 4, 4), dtype=complex), np.empty((0, 3))
    )


def split_parity_gate(matrix: ComplexArray) -> ComplexArray:
    """Return an 8×8 unitary that keeps the parity as ten gates on `PARITY_PAIRS`, (10, 4, 4).

    Two CNOTs write the parity into memristor 2. Then memristors 0 and 1 turn by A0 or A1: with
    A0 A1† = V D² V† these are V D W and V D† W, W = D V† A1, and D or D† is a Z rotation of
    memristor 2 by an angle that the other two select: four CNOTs. W is made up to a diagonal gate,
    which takes two and passes D into V, with three; two undo the first ones: 13 (Shende, Bullock
    and Markov, IEEE Trans. CAD 25, 1000, 2006).
    """
    flips = [embed(FLIP, list(pair), 3) for pair in PARITY_PAIRS[:2]]
    collected = flips[1] @ flips[0] @ matrix @ flips[0] @ flips[1]
    even, odd = collected[:4, :4], collected[4:, 4:]
    triangle, basis = schur(even @ odd.conj().T, output="complex")
    phases = np.angle(np.diag(triangle))
    before = np.exp(0.5j * phases)[:, None] * (basis.conj().T @ odd)
    # Signs of the four rotations where memristors 0 and 1 are 00, 10, 01, 11.
    signs = np.array([[1, 1, 1, 1], [1, -1, -1, 1], [1, 1, -1, -1], [1, -1, 1, -1]])
    angles = -signs.T @ phases / 4
    turned = [FLIP @ np.kron(np.diag(np.exp([-0.5j * a, 0.5j * a])), np.eye(2)) for a in angles]
    diagonal = _cheapening(before)
    after = basis * diagonal.conj()
    return np.array([FLIP, FLIP, diagonal[:, None] * before, *turned, after, FLIP, FLIP])


def _cheapening(gate: ComplexArray) -> ComplexArray:
    """Return the diagonal of D = exp(−iψZZ) such that D·gate takes two CNOTs, not three.

    They are enough where Tr(U·YY·Uᵀ·YY) is real, det U = 1 (Shende, Bullock and Markov, Phys. Rev.
    A 69, 062321, 2004); D commutes with YY, so that the trace is cos(2ψ)·a − i·sin(2ψ)·b, where
    a and b are the traces of U·YY·Uᵀ·YY and of the same times ZZ.
    """
    special = gate / np.linalg.det(gate) ** 0.25
    turned = special @ YY @ special.T @ YY
    plain, signed = np.trace(turned), np.trace(turned * ZZ[:, None])
    return np.asarray(np.exp(-0.5j * np.arctan2(plain.imag, signed.real) * ZZ))
