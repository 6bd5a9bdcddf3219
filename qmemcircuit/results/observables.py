"""What is read off a state: V, I, Pauli means, concurrence, purity. Both sides use this file.

The circuits and the master equation produce density matrices independently; how a voltage or a
current is read from one is stated once, here, so that a sign can be wrong only once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.model.couplings import IDENTITY, PAPER_SIGMA, PAULI_X, PAULI_Y, PAULI_Z
from qmemcircuit.model.memristors import Network
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.results.units import memristor_units

PAULI: dict[str, ComplexArray] = {"I": IDENTITY, "X": PAULI_X, "Y": PAULI_Y, "Z": PAULI_Z}
FLIP: ComplexArray = np.kron(PAULI_Y, PAULI_Y)
"""Wootters' spin flip Y ⊗ Y."""

Reduced = Callable[[tuple[int, ...]], ComplexArray]
"""Gives the reduced states of one or two memristors, shape (T, 2^k, 2^k), first one least
significant."""


def pauli_matrix(label: str) -> ComplexArray:
    """Return the matrix of a Pauli label, letters in memristor order (0 first)."""
    matrix = np.ones((1, 1), dtype=complex)
    for letter in label:
        matrix = np.kron(PAULI[letter], matrix)
    return matrix


def expectation(states: ArrayLike, operator: ArrayLike) -> FloatArray:
    """Return Tr(ρ A) of a Hermitian A for states of shape (T, d, d); shape (T,)."""
    values = np.einsum("tij,ji->t", np.asarray(states), np.asarray(operator))
    return np.asarray(values.real)


def reduce_states(states: ComplexArray, keep: Sequence[int]) -> ComplexArray:
    """Return the reduced states of the memristors `keep`; keep[0] becomes least significant.

    Args:
        states: shape (T, 2^M, 2^M), memristor 0 the least significant bit.
        keep: different memristors, in the order that the result shall have.

    Returns shape (T, 2^k, 2^k).
    """
    count = int(states.shape[-1]).bit_length() - 1
    tensor = states.reshape(states.shape[0], *(2,) * (2 * count))
    # Axis 1 + (M − 1 − j) is memristor j's row index, M further on its column index.
    rows = [1 + count - 1 - j for j in range(count)]
    columns = [row + count for row in rows]
    labels = list(range(2 * count + 1))
    for j in range(count):
        if j not in keep:
            labels[columns[j]] = labels[rows[j]]
    kept = [rows[j] for j in reversed(keep)] + [columns[j] for j in reversed(keep)]
    # NumPy's stubs do not know this calling form.
    reduced = np.einsum(tensor, labels, [0, *kept])  # type: ignore[arg-type]
    return np.asarray(reduced.reshape(len(states), 2 ** len(keep), 2 ** len(keep)))


def interaction_terms(
    network: Network, memristor: int
) -> list[tuple[tuple[int, int], ComplexArray]]:
    """Return [(pair, i[H_ij, σy]/ħ)] for every coupling that `memristor` takes part in.

    The 4×4 matrices are in the pair's own order. Their sum's mean is what the couplings add to
    d<σy>/dt; where a matrix vanishes, that coupling leaves I = ΓV untouched.
    """
    terms = []
    for pair, coupling in network.couplings:
        if memristor in pair:
            sigma_y = PAPER_SIGMA["y"]
            factors = (sigma_y, IDENTITY) if pair[0] == memristor else (IDENTITY, sigma_y)
            operator = np.kron(factors[1], factors[0])
            hamiltonian = coupling.hamiltonian()
            terms.append((pair, 1j * (hamiltonian @ operator - operator @ hamiltonian)))
    return terms


def pauli_terms(matrix: ComplexArray, pair: tuple[int, int], count: int) -> dict[str, float]:
    """Return a Hermitian 4×4 matrix of `pair` as {Pauli label of `count` letters: coefficient}."""
    terms = {}
    for first in "IXYZ":
        for second in "IXYZ":
            weight = float(np.trace(matrix @ pauli_matrix(first + second)).real) / 4
            if abs(weight) > 1e-14 * max(1.0, float(np.abs(matrix).max())):
                letters = ["I"] * count
                letters[pair[0]], letters[pair[1]] = first, second
                terms["".join(letters)] = weight
    return terms


def voltages_and_currents(
    network: Network, times: FloatArray, reduced: Reduced
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return V, I and Γ, each of shape (T, M), from reduced states.

    V = −½ √(mħω/2) <σy>. I is its definition, √(mħω/2) (d<σy>/dt − ω<σx>), with the derivative
    that the master equation gives: I = ΓV + √(mħω/2) <i[H_int, σy]>/ħ.
    """
    voltage, current, rate = (np.empty((times.size, len(network.memristors))) for _ in range(3))
    for j, memristor in enumerate(network.memristors):
        sigma_y = expectation(reduced((j,)), PAPER_SIGMA["y"])
        voltage[:, j] = -0.5 * memristor.current_scale * sigma_y
        rate[:, j] = memristor.decay_rate(times)
        current[:, j] = rate[:, j] * voltage[:, j]
        for pair, operator in interaction_terms(network, j):
            current[:, j] += memristor.current_scale * expectation(reduced(pair), operator)
    return voltage, current, rate


def trajectory_of_states(
    network: Network, times: FloatArray, states: ComplexArray, provenance: Mapping[str, Any]
) -> Trajectory:
    """Return the exact trajectory of density matrices of shape (T, 2^M, 2^M)."""
    voltage, current, rate = voltages_and_currents(
        network, times, lambda keep: reduce_states(states, keep)
    )
    return Trajectory(
        times,
        voltage,
        current,
        states=states,
        variables={"decay_rate": rate},
        periods=np.array([memristor.period for memristor in network.memristors]),
        units=memristor_units(network),
        provenance=provenance,
    )


def trajectory_of_pairs(
    network: Network,
    times: FloatArray,
    pair_states: Mapping[tuple[int, int], ComplexArray],
    provenance: Mapping[str, Any],
) -> Trajectory:
    """Return the exact trajectory of the reduced states of all pairs, each of shape (T, 4, 4)."""
    voltage, current, rate = voltages_and_currents(
        network, times, lambda keep: reduced_from_pairs(pair_states, keep)
    )
    return Trajectory(
        times,
        voltage,
        current,
        pair_states=pair_states,
        variables={"decay_rate": rate},
        periods=np.array([memristor.period for memristor in network.memristors]),
        units=memristor_units(network),
        provenance=provenance,
    )


def reduced_from_pairs(
    pair_states: Mapping[tuple[int, int], ComplexArray], keep: tuple[int, ...]
) -> ComplexArray:
    """Return the reduced states of one or two memristors from those of pairs; shape (T, d, d).

    Raises ValueError where no pair holds them.
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


def concurrence_of_states(states: ArrayLike) -> FloatArray:
    """Return Wootters' concurrence of two-qubit density matrices of shape (T, 4, 4); shape (T,).

    C = max(0, λ1 − λ2 − λ3 − λ4), the positive part of `signed_concurrence`, which says what is
    raised.
    """
    return np.asarray(np.maximum(0.0, signed_concurrence(states)))


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


def memristive_defect(trajectory: Trajectory) -> FloatArray:
    """Return the RMS over time of I − Γ(t)V for each device, shape (M,).

    It is 0 where a device is memristive in the sense of guo2022, Eq. 9, with the prescribed Γ(t).
    I is that of `voltages_and_currents`: its definition with the derivative that the *master
    equation* gives at the trajectory's states, so the defect is what the couplings' commutators
    add, evaluated there. It is no test of the states themselves;
    tests/simulation/test_reference.py and `guo2022.couplings` check it against numerical
    derivatives.

    Raises ValueError where the trajectory does not know its decay rates.
    """
    rate = trajectory.variables.get("decay_rate")
    if rate is None:
        raise ValueError(
            "Argument trajectory must hold the variable decay_rate, but it does not; use the one "
            "that master_equation, exact_circuit or estimate returned."
        )
    return np.asarray(
        np.sqrt(np.mean((trajectory.current - rate * trajectory.voltage) ** 2, axis=0))
    )
