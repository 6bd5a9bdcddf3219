"""Linear algebra of states and Pauli operators, in Qiskit's order: memristor 0 is the least bit.

Nothing here knows a memristor; both derivations, the circuits' and the master equation's, use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import ComplexArray, FloatArray

IDENTITY = np.eye(2, dtype=complex)
PAULI_X = np.array([[0, 1], [1, 0]], dtype=complex)
PAULI_Y = np.array([[0, -1j], [1j, 0]])
PAULI_Z = np.diag([1.0 + 0j, -1.0])
PAULI: dict[str, ComplexArray] = {"I": IDENTITY, "X": PAULI_X, "Y": PAULI_Y, "Z": PAULI_Z}
FLIP: ComplexArray = np.kron(PAULI_Y, PAULI_Y)
"""Wootters' spin flip Y ⊗ Y."""


def tensor_product(high: ComplexArray, low: ComplexArray) -> ComplexArray:
    """Return high ⊗ low of two square matrices: `numpy.kron`, without its overhead."""
    product = high[:, None, :, None] * low[None, :, None, :]
    return np.asarray(product.reshape((len(high) * len(low),) * 2))


def evolve(hamiltonian: ComplexArray, dt: float) -> ComplexArray:
    """Return exp(−iH dt) of a Hermitian matrix, by its eigenvectors."""
    energies, vectors = np.linalg.eigh(hamiltonian)
    return np.asarray((vectors * np.exp(-1j * energies * dt)) @ vectors.conj().T)


def pauli_matrix(label: str) -> ComplexArray:
    """Return the matrix of a Pauli label, letters in memristor order (0 first)."""
    matrix = np.ones((1, 1), dtype=complex)
    for letter in label:
        matrix = np.kron(PAULI[letter], matrix)
    return matrix


def expectation(states: ArrayLike, operator: ArrayLike) -> FloatArray:
    """Return Tr(ρ A) of a Hermitian A for states of shape (T, d, d); shape (T,)."""
    states, transposed = np.asarray(states), np.asarray(operator).T
    return np.asarray((states.reshape(-1, transposed.size) @ transposed.ravel()).real)


def reduce_states(states: ComplexArray, keep: Sequence[int]) -> ComplexArray:
    """Return the reduced states of the memristors `keep`; keep[0] becomes least significant.

    Args:
        states: shape (T, 2^M, 2^M), memristor 0 the least significant bit.
        keep: different memristors, in the order that the result shall have.

    Returns shape (T, 2^k, 2^k).
    """
    count = int(states.shape[-1]).bit_length() - 1
    if tuple(keep) == tuple(range(count)):
        return states
    reduced, left = states, list(range(count))
    for j in range(count):
        if j not in keep:
            # (T, above, j, below, above, j, below): the trace over memristor j alone.
            below = 2 ** left.index(j)
            above = 2 ** (len(left) - 1) // below
            parts = reduced.reshape(len(states), above, 2, below, above, 2, below)
            traced = parts[:, :, 0, :, :, 0] + parts[:, :, 1, :, :, 1]
            reduced = traced.reshape(len(states), above * below, above * below)
            left.remove(j)
    if left == list(keep):
        return np.asarray(reduced)
    # Axis `size` − place is the row index of the memristor there, `size` further its column.
    size = len(left)
    rows = [size - left.index(j) for j in reversed(keep)]
    tensor = reduced.reshape(len(states), *(2,) * (2 * size))
    tensor = tensor.transpose(0, *rows, *(row + size for row in rows))
    return np.asarray(tensor.reshape(reduced.shape))


def reduced_from_pairs(
    pair_states: Mapping[tuple[int, int], ComplexArray], keep: tuple[int, ...]
) -> ComplexArray:
    """Return the reduced states of one or two memristors from those of pairs; shape (T, d, d).

    Raises:
        ValueError: where no pair holds them.
    """
    for pair, states in pair_states.items():
        if set(keep) <= set(pair):
            places = [pair.index(j) for j in keep]
            return states if places == [0, 1] else reduce_states(states, places)
    raise ValueError(
        f"Argument keep must lie in one of the kept pairs, but {keep} does not; kept are "
        f"{', '.join(str(pair) for pair in pair_states) or 'none'}."
    )


def outcome_probabilities(states: ComplexArray, basis: str) -> FloatArray:
    """Return the probabilities of the 2^M outcomes in a setting, shape (T, 2^M)."""
    rotations = {
        "X": np.array([[1, 1], [1, -1]], dtype=complex) / np.sqrt(2),
        "Y": np.array([[1, -1j], [1, 1j]], dtype=complex) / np.sqrt(2),
        "Z": IDENTITY,
    }
    rotation = np.ones((1, 1), dtype=complex)
    for letter in basis:
        rotation = np.kron(rotations[letter], rotation)
    probabilities = np.einsum("tkj,kj->tk", rotation @ states, rotation.conj()).real
    # Rounding leaves values of −1e-17, and sums of 1 + 1e-15, which a multinomial refuses.
    probabilities = np.maximum(probabilities, 0.0)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def trace_distance(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Return ½‖ρ1 − ρ2‖₁ at each time for states of shape (T, d, d); shape (T,)."""
    difference = np.asarray(first) - np.asarray(second)
    return np.asarray(0.5 * np.abs(np.linalg.eigvalsh(difference)).sum(axis=-1))


def signed_concurrence(states: ArrayLike) -> FloatArray:
    """Return λ1 − λ2 − λ3 − λ4 of two-qubit density matrices of shape (T, 4, 4); shape (T,).

    λ are the decreasing square roots of the eigenvalues of ρ (YY) ρ* (YY). Not positive in
    separable states, where the concurrence is 0. Defined for physical states only; ValueError
    where one has an eigenvalue below −1e-9 (project tomographic estimates first).
    """
    states = np.asarray(states, dtype=complex)
    if states.shape[-2:] != (4, 4):
        raise ValueError(
            f"Argument states must have shape (T, 4, 4), but {states.shape} was given; "
            "reduce_states(states, (i, j)) gives the states of one pair."
        )
    smallest = float(np.linalg.eigvalsh(states).min())
    if smallest < -1e-9:
        raise ValueError(
            f"Argument states must be positive semidefinite, but an eigenvalue is {smallest:.3g}; "
            "project to physical states first, concurrence is not defined otherwise."
        )
    # The λ are the singular values of √ρ (YY) √ρ*: no roots of tiny negative eigenvalues.
    weights, vectors = np.linalg.eigh(states)
    roots = vectors * np.sqrt(np.maximum(weights, 0))[..., None, :]
    overlap = np.swapaxes(roots, -1, -2) @ FLIP @ roots
    values = np.linalg.svd(overlap, compute_uv=False)
    return np.asarray(values[..., 0] - values[..., 1:].sum(axis=-1))


def concurrence_of_states(states: ArrayLike) -> FloatArray:
    """Return Wootters' concurrence of two-qubit density matrices of shape (T, 4, 4); shape (T,).

    C = max(0, λ1 − λ2 − λ3 − λ4), the positive part of `signed_concurrence`, which says what is
    raised.
    """
    return np.asarray(np.maximum(0.0, signed_concurrence(states)))


def nearest_physical(matrices: ComplexArray) -> ComplexArray:
    """Return the density matrices nearest to Hermitian matrices of trace 1, shape (T, d, d).

    Nearest in the Frobenius norm: the eigenvalues are projected onto the probability simplex.
    """
    values, vectors = np.linalg.eigh(matrices)
    descending = values[..., ::-1]
    ranks = np.arange(1, values.shape[-1] + 1)
    excess = (np.cumsum(descending, axis=-1) - 1) / ranks
    kept = np.sum(descending - excess > 0, axis=-1)
    shift = np.take_along_axis(excess, kept[..., None] - 1, axis=-1)
    physical = np.maximum(values - shift, 0.0)
    return np.asarray((vectors * physical[..., None, :]) @ np.swapaxes(vectors.conj(), -1, -2))
