"""What collisions and gates do to a state's Pauli means: real matrices, many steps at once.

A state of k qubits is its 4^k means Tr(Pρ), P over I, X, Y, Z on each qubit; one base-4 digit a
qubit, the first qubit's least significant. A channel is then a real 4^k × 4^k matrix, and no
density matrix is needed. The first row of a trace-preserving one is (1, 0, 0, …).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import IDENTITY, PAULI_X, PAULI_Y, PAULI_Z

PAULIS: ComplexArray = np.array([IDENTITY, PAULI_X, PAULI_Y, PAULI_Z])

WHOLE_UP_TO = 3
"""Qubits whose means and matrices are exchanged by one matrix; it has 16^k entries."""


def damping_maps(
    probabilities: ArrayLike, kind: Literal["cool", "heat", "dephase"] = "cool"
) -> FloatArray:
    """Return amplitude damping to |0> with probabilities p (…): (…, 4, 4).

    X and Y shrink by √(1−p); Z becomes (1−p)Z + p, for all that decays is in |0>. `"heat"`: to
    |1>, Z becomes (1−p)Z − p. `"dephase"`: X and Y shrink by 1−2p, Z stays.
    """
    p = np.asarray(probabilities, dtype=float)
    found = np.zeros((*p.shape, 4, 4))
    found[..., 0, 0] = 1
    if kind == "dephase":
        found[..., 1, 1] = found[..., 2, 2] = 1 - 2 * p
        found[..., 3, 3] = 1
        return found
    found[..., 1, 1] = found[..., 2, 2] = np.sqrt(1 - p)
    found[..., 3, 3] = 1 - p
    found[..., 3, 0] = p if kind == "cool" else -p
    return found


def turning_maps(angles: ArrayLike) -> FloatArray:
    """Return RZ(−φ), which turns X and Y by −φ, for angles φ = ω dt (…): (…, 4, 4)."""
    phi = np.asarray(angles, dtype=float)
    found = np.zeros((*phi.shape, 4, 4))
    found[..., 0, 0] = found[..., 3, 3] = 1
    found[..., 1, 1] = found[..., 2, 2] = np.cos(phi)
    found[..., 1, 2] = np.sin(phi)
    found[..., 2, 1] = -found[..., 1, 2]
    return found


def evolution_maps(hamiltonian: ComplexArray, durations: ArrayLike) -> FloatArray:
    """Return exp(−iH dt) of one or two qubits for durations (…): (…, 4^k, 4^k)."""
    frequencies, weights = _waves_of(np.asarray(hamiltonian, dtype=complex).tobytes())
    phases = np.multiply.outer(np.asarray(durations, dtype=float), frequencies)
    count = len(frequencies)
    waves = np.ones((*phases.shape[:-1], 2 * count + 1))
    np.cos(phases, out=waves[..., 1 : count + 1])
    np.sin(phases, out=waves[..., count + 1 :])
    size = math.isqrt(weights.shape[1])
    return np.asarray((waves @ weights).reshape(*phases.shape[:-1], size, size))


@lru_cache(256)
def _waves_of(content: bytes) -> tuple[FloatArray, FloatArray]:
    """Return what exp(−iH dt) is made of: frequencies, and the weights of 1, cosines and sines."""
    matrix = np.frombuffer(content, dtype=complex)
    dimension = math.isqrt(matrix.size)
    energies, vectors = np.linalg.eigh(matrix.reshape(dimension, dimension))
    # In H's own basis |k><l| only turns, by exp(−i(E_k − E_l)dt); |l><k| is its conjugate.
    turned = vectors.conj().T @ _basis(dimension) @ vectors
    still = turned.diagonal(axis1=1, axis2=2)
    low, high = np.triu_indices(dimension, 1)
    joint = 2 * turned[:, None, high, low] * turned[None, :, low, high]
    constant, frequencies = (still @ still.conj().T).real, energies[low] - energies[high]
    # Equal frequencies share a wave: equal to what the energies themselves are known to.
    known_to = 8 * np.spacing(np.abs(energies).max())
    waves: list[tuple[float, FloatArray, FloatArray]] = []
    for k, frequency in enumerate(frequencies):
        cosine, sine = joint[:, :, k].real, joint[:, :, k].imag
        if abs(frequency) <= known_to:
            constant = constant + cosine
            continue
        for place, (other, before, there) in enumerate(waves):
            sign = np.sign(frequency * other)
            if abs(frequency - sign * other) <= known_to:
                waves[place] = (other, before + cosine, there + sign * sine)
                break
        else:
            waves.append((float(frequency), cosine, sine))
    parts = [constant, *(wave[1] for wave in waves), *(wave[2] for wave in waves)]
    weights = np.array([part.ravel() for part in parts]) / dimension
    return np.array([wave[0] for wave in waves]), weights


def unitary_map(matrix: ComplexArray) -> FloatArray:
    """Return ρ → UρU† of one to three qubits, (4^k, 4^k)."""
    basis = _basis(len(matrix))
    after = matrix @ basis @ matrix.conj().T
    return np.asarray(np.einsum("aij,bji->ab", basis, after).real / len(matrix))


def kraus_map(operators: Sequence[ComplexArray]) -> FloatArray:
    """Return ρ → Σ KρK† of one or two qubits, (4^k, 4^k)."""
    return np.asarray(sum(unitary_map(operator) for operator in operators))


def swap_qubits(maps: FloatArray) -> FloatArray:
    """Return two-qubit maps (…, 16, 16) with the two qubits exchanged."""
    tensor = maps.reshape(*maps.shape[:-2], 4, 4, 4, 4)
    return np.asarray(np.einsum("...abcd->...badc", tensor).reshape(maps.shape))


def pauli_means(states: ComplexArray) -> FloatArray:
    """Return Tr(Pρ) of density matrices (…, 2^k, 2^k), all 4^k labels: (…, 4^k)."""
    qubits = int(states.shape[-1]).bit_length() - 1
    lead = states.shape[:-2]
    if qubits <= WHOLE_UP_TO:
        return np.asarray((states.reshape(*lead, -1) @ _exchanges(qubits)[0]).real)
    found = _paired(states.reshape(*lead, *(2,) * (2 * qubits)), len(lead), qubits)
    for _ in range(qubits):  # the first digit left is taken off and added at the end
        found = found.reshape(*lead, 4, -1)
        found = np.moveaxis(found, len(lead), -1) @ PAULIS.transpose(0, 2, 1).reshape(4, 4).T
    return np.asarray(found.reshape(*lead, 4**qubits).real)


def density_matrices(means: FloatArray) -> ComplexArray:
    """Return the density matrices of Pauli means (…, 4^k): the inverse of `pauli_means`."""
    size, lead = means.shape[-1], means.shape[:-1]
    qubits = (int(size).bit_length() - 1) // 2
    if qubits <= WHOLE_UP_TO:
        found = means @ _exchanges(qubits)[1]
        return np.asarray(found.reshape(*lead, 2**qubits, 2**qubits))
    found = means.astype(complex)
    for _ in range(qubits):
        found = found.reshape(*lead, 4, -1)
        found = np.moveaxis(found, len(lead), -1) @ (0.5 * PAULIS.reshape(4, 4))
    tensor = found.reshape(*lead, *(2, 2) * qubits)
    start = len(lead)
    rows = [start + 2 * k for k in range(qubits)]
    order = [*range(start), *rows, *(row + 1 for row in rows)]
    return np.asarray(tensor.transpose(order).reshape(*lead, 2**qubits, 2**qubits))


def _paired(tensor: ComplexArray, start: int, qubits: int) -> ComplexArray:
    """Put each qubit's row and column index beside each other."""
    order = [axis for k in range(qubits) for axis in (start + k, start + qubits + k)]
    return np.ascontiguousarray(tensor.transpose([*range(start), *order]))


@cache
def pauli_products(qubits: int) -> ComplexArray:
    """Return the 4^k products of Pauli matrices, the first qubit's digit least significant."""
    found: ComplexArray = np.ones((1, 1, 1), dtype=complex)
    for _ in range(qubits):
        found = np.array([np.kron(high, low) for high in PAULIS for low in found])
    found.flags.writeable = False
    return found


@cache
def _exchanges(qubits: int) -> tuple[ComplexArray, ComplexArray]:
    """Return what turns density matrices, row by row, into means, and means into them."""
    flat = pauli_products(qubits).reshape(4**qubits, -1)
    return np.ascontiguousarray(flat.conj().T), flat / 2**qubits


PAIRS: ComplexArray = pauli_products(2)
"""Of two qubits."""


def _basis(dimension: int) -> ComplexArray:
    return pauli_products(dimension.bit_length() - 1)
