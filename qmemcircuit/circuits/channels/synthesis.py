"""Any channel of one qubit as at most two circuits with one ancilla and two two-qubit gates each.

Every channel of one qubit is the mean of two channels with two Kraus operators (Ruskai, Szarek
and Werner, Linear Algebra Appl. 347, 159 (2002), quant-ph/0101003), and each of these takes one
ancilla (Wang, Berry, de Oliveira and Sanders, Phys. Rev. Lett. 111, 130504 (2013)). So whatever
happens to a qubit from 0 to t, however long t is, costs two circuits of the same small depth; half
of the shots go to each. Where one circuit is enough it is one.

How the rotations are found, and why the four vectors there are orthogonal:
experiments/derivations/channel_synthesis.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate

from qmemcircuit.circuits.channels.pauli_maps import PAULIS
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object

MAGIC: ComplexArray = np.sqrt(0.5 + 0j) * np.array(
    [[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]], dtype=complex
)
"""Columns 1, iX, iY, iZ over √2, row-major: in this basis P⊗Q of SU(2)² is a rotation in R⁴."""

SLOTS = (0, 3, 2, 1)
"""Where Re and Im of the first, Re and Im of the second Kraus operator stand in that basis."""

NO_WEIGHT = 3e-8
"""A root of an eigenvalue of A or B below this is rounding's: what it divides is left out."""

RANK_TOLERANCE = 1e-14
"""The second least eigenvalue of the Choi matrix below which two Kraus operators are enough."""

ROUNDING = 1e-14
"""Kraus operators smaller than this are rounding."""

MOST_UNPHYSICAL = 1e-9
"""How far a map may be from a channel, by rounding."""


@data_object
@dataclass(frozen=True, eq=False)
class ChannelHalf:
    """A channel with two Kraus operators: after · F · before, F0 = diag(cos β, cos α), and F1.

    F1 = [[0, sin α], [sin β, 0]]. Attributes: `before` and `after`, 2×2 unitary; the angles.
    """

    before: ComplexArray
    alpha: float
    beta: float
    after: ComplexArray

    def __post_init__(self) -> None:
        check_fields(self, complex_numbers=("before", "after"))

    def kraus(self) -> list[ComplexArray]:
        """Return the two Kraus operators."""
        keep = np.diag([math.cos(self.beta), math.cos(self.alpha)])
        flip = np.array([[0, math.sin(self.alpha)], [math.sin(self.beta), 0]])
        return [self.after @ item @ self.before for item in (keep, flip)]

    def circuit(self) -> QuantumCircuit:
        """Return the circuit on qubit 0 with an ancilla in |0> (qubit 1), which it leaves dirty.

        With the ancilla in |0>, RY(β−α), CZ, RY(β+α) turn it by 2β where the qubit is in |0> and
        by 2α where it is in |1>; the CNOT then flips the qubit where the ancilla is found in |1>.
        A unitary needs none of them.
        """
        circuit = QuantumCircuit(2, name="channel")
        if max(abs(math.sin(self.alpha)), abs(math.sin(self.beta))) < ROUNDING:
            circuit.append(UnitaryGate(self.kraus()[0]), [0])
            return circuit
        circuit.append(UnitaryGate(self.before), [0])
        circuit.ry(self.beta - self.alpha, 1)
        circuit.cz(0, 1)
        circuit.ry(self.beta + self.alpha, 1)
        circuit.cx(1, 0)
        circuit.append(UnitaryGate(self.after), [0])
        return circuit


def split_channel(pauli_map: FloatArray) -> tuple[ChannelHalf, ...]:
    """Return one channel with two Kraus operators, or two whose mean is the given one.

    Args:
        pauli_map: the channel on the means of (1, X, Y, Z), 4×4 real, first row (1, 0, 0, 0).

    Raises:
        ValueError: where it is no channel.

    >>> from qmemcircuit.circuits.channels.pauli_maps import damping_maps
    >>> len(split_channel(damping_maps(0.3)))                  # a collision is one by itself
    1
    >>> len(split_channel(np.diag([1.0, 0.5, 0.4, 0.3])))      # three Paulis at random
    2
    """
    check_arguments(split_channel, locals())
    choi = choi_matrix(pauli_map)
    values, vectors = np.linalg.eigh(choi)
    if values[0] < -MOST_UNPHYSICAL or abs(pauli_map[0] - [1, 0, 0, 0]).max() > MOST_UNPHYSICAL:
        raise ValueError(
            "Argument pauli_map must be a channel (completely positive, trace preserving), but "
            f"its Choi matrix has the eigenvalue {values[0]:.3g} and its first row is "
            f"{pauli_map[0]}."
        )
    if values[1] < RANK_TOLERANCE:
        weights = np.where(values[2:] < RANK_TOLERANCE, 0.0, values[2:])
        return (_canonical(vectors[:, 2:] * np.sqrt(weights)),)
    return tuple(_canonical(operators) for operators in _halves(choi))


def choi_matrix(pauli_map: FloatArray) -> ComplexArray:
    """Return <i|E(|j><k|)|l> with rows (i, j) and columns (l, k), 4×4: Σ vec(A)vec(A)†, row-major.

    Its trace is 2.
    """
    check_arguments(choi_matrix, locals())
    if np.shape(pauli_map) != (4, 4):
        raise ValueError(
            f"Argument pauli_map must have shape (4, 4), but {np.shape(pauli_map)} was given."
        )
    # |j><k| = ½ Σ_b P_b[k, j] P_b, and E(P_b) = Σ_a R_ab P_a.
    blocks = 0.5 * np.einsum("ab,bkj,ail->ijlk", pauli_map, PAULIS, PAULIS)
    return np.asarray(blocks.reshape(4, 4))


def _halves(choi: ComplexArray) -> list[ComplexArray]:
    """Return the two Kraus operators, as columns (4, 2), of each of the two halves."""
    # By output index, [[A, C], [C†, B]] with A + B = 1: they share their eigenvectors.
    kept, basis = np.linalg.eigh(choi[:2, :2])
    kept = np.clip(kept, 0.0, 1.0)
    root, other = np.sqrt(kept), np.sqrt(1 - kept)
    crossed = basis.conj().T @ choi[:2, 2:] @ basis
    scale = np.outer(root, other)
    known = (root[:, None] >= NO_WEIGHT) & (other[None, :] >= NO_WEIGHT)
    contraction = np.where(known, crossed / np.where(known, scale, 1.0), 0.0)
    left, cosines, right = np.linalg.svd(contraction)
    angles = np.arccos(np.minimum(cosines, 1.0))
    found = []
    for sign in (1, -1):
        unitary = (left * np.exp(1j * sign * angles)) @ right
        top = basis * root
        bottom = (basis * other) @ unitary.conj().T
        found.append(np.concatenate([top, bottom]))
    return found


def _canonical(operators: ComplexArray) -> ChannelHalf:
    """Return two Kraus operators (columns (4, 2), row-major) as rotations around F0 and F1."""
    columns = MAGIC.conj().T @ operators
    columns = columns @ _takagi(columns.T @ columns).conj()
    vectors = [columns[:, 0].real, columns[:, 0].imag, columns[:, 1].real, columns[:, 1].imag]
    rotation = _orthogonal(vectors)
    canonical = MAGIC @ (rotation.T @ columns)
    keep, flip = (canonical[:, place].real.reshape(2, 2) for place in (0, 1))
    after, before = _factors(MAGIC @ rotation @ MAGIC.conj().T)
    return ChannelHalf(
        before.T,
        math.atan2(flip[0, 1], keep[1, 1]),
        math.atan2(flip[1, 0], keep[0, 0]),
        after,
    )


def _takagi(matrix: ComplexArray) -> ComplexArray:
    """Return the unitary U with U† M U* diagonal and ≥ 0, for a symmetric 2×2 matrix M."""
    real, imaginary = matrix.real, matrix.imag
    joint = np.block([[real, imaginary], [imaginary, -real]])
    top = np.linalg.eigh(joint)[1][:, -1]
    first = top[:2] + 1j * top[2:]
    # The orthogonal complement, not the next eigenvector: for a value of 0 that mixes ±.
    second = np.array([-first[1].conj(), first[0].conj()])
    value = second.conj() @ matrix @ second.conj()
    second = second * np.exp(0.5j * np.angle(value))
    return np.stack([first, second], axis=1)


def _orthogonal(vectors: list[FloatArray]) -> FloatArray:
    """Return the rotation of R⁴ whose columns `SLOTS` point along the four vectors.

    They are orthogonal, but some may vanish; they are made orthonormal from the longest on, and
    the last one turns round where the determinant asks for it.
    """
    order = sorted(range(4), key=lambda k: -float(np.linalg.norm(vectors[k])))
    rotation = np.zeros((4, 4))
    done: list[FloatArray] = []
    for k in order:
        candidates = [vectors[k], *np.eye(4)]
        best = None
        for place, candidate in enumerate(candidates):
            rest = candidate.astype(float)
            for _ in range(2):  # once more, for what rounding left of the others
                for one in done:
                    rest = rest - (one @ rest) * one
            length = float(np.linalg.norm(rest))
            if place == 0 and length > 0.5 * np.linalg.norm(candidate) and length > 1e-12:
                best = rest / length
                break
            if place > 0 and length > 0.49:
                best = rest / length
                break
        assert best is not None  # of four axes one is always half outside three others
        done.append(best)
        rotation[:, SLOTS[k]] = best
    if np.linalg.det(rotation) < 0:
        rotation[:, SLOTS[order[-1]]] *= -1
    return rotation


def _factors(matrix: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    """Return P and Q of P⊗Q, each unitary."""
    tensor = matrix.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4)
    left, values, right = np.linalg.svd(tensor)
    scale = math.sqrt(values[0])
    first = np.asarray(scale * left[:, 0].reshape(2, 2), dtype=complex)
    second = np.asarray(scale * right[0].reshape(2, 2), dtype=complex)
    return first, second
