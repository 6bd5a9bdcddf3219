"""Half the diamond norm, bracketed from both sides without a semidefinite programme.

The half diamond norm of the difference of two channels is the largest trace distance of what they
give, over all inputs, also those entangled with something that neither touches: the one number
that holds whatever the circuit is used for. Here it is bracketed from both sides without a
semidefinite programme: for every state σ > 0,

    ½‖(√σ⊗1)J(√σ⊗1)‖₁ ≤ ½‖Δ‖⋄ ≤ ½‖σ^{−½} Tr_out|(√σ⊗1)J(√σ⊗1)| σ^{−½}‖_∞,

J the Choi matrix of Δ = digital − exact, input first. (Above: Z = σ^{−½}|·|σ^{−½} ≥ ±J, so
(Z + J)/2 is feasible in Watrous's programme, and Tr_out J = 0; below: an input whose reduced state
is σᵀ.) Both are valid for every σ; σ ← Tr_out|·|/Tr brings them together, which is observed, not
proved.
"""

from __future__ import annotations

import math

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import pauli_products
from qmemcircuit.common.checks import ComplexArray, FloatArray

ITERATIONS = 60
CLOSE_ENOUGH = 1.002
"""Upper over lower bound at which the iteration ends."""


def half_diamond_norms(differences: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of ½‖Δ‖⋄ for differences of channels, each (T,).

    `differences` are real maps on Pauli means, (T, 4^k, 4^k), with a first row of zeros.
    """
    choi = choi_matrices(differences)
    dimension = math.isqrt(len(choi[0]))
    even = np.eye(dimension, dtype=complex) / dimension
    sigma: ComplexArray = np.broadcast_to(even, (len(choi), dimension, dimension))
    lower, upper = np.zeros(len(choi)), np.full(len(choi), np.inf)
    for _ in range(ITERATIONS):
        root, inverse = _roots(sigma)
        wide = np.einsum("tij,kl->tikjl", root, np.eye(dimension)).reshape(choi.shape)
        values, vectors = np.linalg.eigh(wide @ choi @ wide)
        size = (vectors * np.abs(values)[:, None, :]) @ vectors.conj().transpose(0, 2, 1)
        reduced = np.einsum("tikjk->tij", size.reshape(-1, *(dimension,) * 4))
        bound = np.linalg.eigvalsh(inverse @ reduced @ inverse)[:, -1]
        lower = np.maximum(lower, 0.5 * np.abs(values).sum(axis=1))
        upper = np.minimum(upper, 0.5 * bound)
        if np.all(upper <= CLOSE_ENOUGH * lower + 1e-15):
            break
        weight = np.trace(reduced, axis1=1, axis2=2).real
        known = weight > 1e-30
        scaled = reduced / np.where(known, weight, 1.0)[:, None, None]
        # Never singular: a state that some input lacks could not be divided by.
        mixed = (1 - 1e-7) * scaled + 1e-7 * even
        sigma = np.where(known[:, None, None], mixed, sigma)
    return lower, np.maximum(upper, lower)


def choi_matrices(differences: FloatArray) -> ComplexArray:
    """Return Σ |k><l| ⊗ Δ(|k><l|), (T, d², d²): (1/d) Σ D_ab P_bᵀ ⊗ P_a."""
    size = differences.shape[-1]
    qubits = (int(size).bit_length() - 1) // 2
    basis, dimension = pauli_products(qubits), 2**qubits
    found = np.einsum("tab,blk,aij->tkilj", differences, basis, basis, optimize=True) / dimension
    return np.asarray(found.reshape(-1, dimension**2, dimension**2))


def _roots(states: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    values, vectors = np.linalg.eigh(states)
    turned = vectors.conj().transpose(0, 2, 1)
    root = np.sqrt(np.maximum(values, 1e-300))[:, None, :]
    return (vectors * root) @ turned, (vectors / root) @ turned
