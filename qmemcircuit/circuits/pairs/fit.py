"""Fits gates and collisions of a pair to exact maps, at many times at once.

Minimised is the squared distance ‖R − R_exact‖² of Pauli transfer matrices, by Levenberg's and
Marquardt's method on the manifold of the gates: a step turns each gate, U → exp(−i Σ θ_a P_a/2) U,
so that the derivatives are needed at θ = 0 only, where they are exact and cheap. No general solver
does that, nor many problems side by side; hence this one.

Three rules make the result the same on every machine, and steady in t:

- *No symmetric start.* From a start with the symmetry of the model (both memristors alike, say) the
  fit runs to a saddle, and rounding errors decide on which side it leaves. So every start is turned
  by small seeded angles, the same at every time.
- *A smallest damping of the steps* (`SOFTEST`): gates have directions in which nothing changes (a
  Z rotation passes a collision), and along them steps would be made of rounding errors alone.
- *No exact ending.* A fit that is good enough stops (`GOOD`), as does one that is flat (`FLAT`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmemcircuit.circuits.channels.pair_maps import TWO_QUBIT, transfer_matrix, unitary_maps
from qmemcircuit.circuits.pairs.sequence import PairSequence
from qmemcircuit.circuits.splitting import pair_hamiltonian
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import evolve
from qmemcircuit.model.memristors import Network

STEPS = 60
"""A fit takes at most so many steps; what it has not reached by then is in its residual."""
SOFTEST = 1e-5
"""Smallest addition to the diagonal of JᵀJ, whose entries are of order 1."""
GOOD = 2e-5
"""A fit stops where ‖R − R_exact‖ is below: the residual is then at most twice that."""
FLAT = 1e-5
"""A fit stops where a step lowers the squared distance by less than this part of it."""
SUREST = 0.9
"""Largest probability in a start: what comes before a certain loss would not count, nor move."""
STUCK = 1e8
"""A fit stops where its steps must be damped more than this."""
TOGETHER = 64
"""So many times are fitted side by side: more would need more memory, and win no time."""

TURNS = np.array(
    [transfer_matrix(-0.5j * (pauli @ TWO_QUBIT - TWO_QUBIT @ pauli)) for pauli in TWO_QUBIT[1:]]
)
"""The generators of the 15 Pauli rotations as Pauli transfer matrices."""


def quadrature_start(
    network: Network, time: float, damping: FloatArray, collisions: int
) -> PairSequence:
    """Return collisions at the nodes of Gauss's rule, the coherent evolution between them.

    That is what the closed form tends to for short t. `damping` is ∫Γ of each memristor, (2,);
    each collision has the share of the loss that the rule gives its node.
    """
    hamiltonian = pair_hamiltonian(network, (0, 1))
    nodes, weights = np.polynomial.legendre.leggauss(collisions)
    instants = 0.5 * time * (1 + nodes)
    durations = np.diff([0.0, *instants, time])
    gates = np.array([evolve(hamiltonian, float(duration)) for duration in durations])
    lost = np.outer(0.5 * weights, -np.expm1(-damping))
    left = 1 - np.cumsum(lost, axis=0) + lost
    return PairSequence(gates, np.minimum(lost / left, 1.0))  # rounding can give 1 + 1e-16


def shaken(sequence: PairSequence, size: float, seed: int) -> PairSequence:
    """Return a sequence whose gates and collisions are turned by seeded angles of this size."""
    random = np.random.default_rng(seed)
    turns = np.asarray(size * random.normal(size=(len(sequence.gates), 15)))
    angles = np.arcsin(np.sqrt(np.clip(sequence.probabilities, 0.0, SUREST)))
    angles = angles + size * random.normal(size=angles.shape)
    return PairSequence(_rotations(turns) @ sequence.gates, np.sin(angles) ** 2)


def fit_sequences(starts: Sequence[PairSequence], exact: FloatArray) -> list[PairSequence]:
    """Return each start fitted to its exact map.

    Args:
        starts: one for each map, all with the same number of collisions.
        exact: Pauli transfer matrices, shape (T, 16, 16).

    Each result depends on its own start and map only, not on those beside it.
    """
    found = []
    for begin in range(0, len(starts), TOGETHER):
        part = starts[begin : begin + TOGETHER]
        gates = np.array([start.gates for start in part])
        angles = np.arcsin(np.sqrt([start.probabilities for start in part]))
        gates, angles = _fit(gates, angles, exact[begin : begin + TOGETHER])
        found += [_sequence(g, a) for g, a in zip(gates, angles, strict=True)]
    return found


def _sequence(gates: ComplexArray, angles: FloatArray) -> PairSequence:
    """Return a fit's sequence: where cos(angle) < 0, the collision is damping and then a Z."""
    gates = gates.copy()
    for place, memristor in np.argwhere(np.cos(angles) < 0):
        gates[place + 1] = gates[place + 1] @ TWO_QUBIT[3 * 4**memristor]
    return PairSequence(gates, np.sin(angles) ** 2)


def sequence_maps(gates: ComplexArray, angles: FloatArray) -> FloatArray:
    """Return the maps of B sequences: gates (B, n + 1, 4, 4), √p = sin(angles), (B, n, 2)."""
    turned, damped = unitary_maps(gates), _damping(angles)[0]
    total = turned[:, 0]
    for place in range(angles.shape[1]):
        total = turned[:, place + 1] @ (damped[:, place] @ total)
    return np.asarray(total)


def _fit(
    gates: ComplexArray, angles: FloatArray, exact: FloatArray
) -> tuple[ComplexArray, FloatArray]:
    """Levenberg and Marquardt's method with Nielsen's rule for the damping, B fits side by side."""
    turning = 15 * gates.shape[1]
    distance, curvature, slope = _linearised(gates, angles, exact)
    size = slope.shape[1]
    damping, growth = np.full(len(exact), 1e-3), np.full(len(exact), 2.0)
    running = distance > GOOD**2
    for _ in range(STEPS):
        now = np.flatnonzero(running)
        if not now.size:
            break
        stiff = curvature[now] + damping[now, None, None] * np.eye(size)
        step = -np.linalg.solve(stiff, slope[now, :, None])[..., 0]
        turns = np.asarray(step[:, :turning].reshape(now.size, -1, 15))
        new_gates = _rotations(turns) @ gates[now]
        new_angles = angles[now] + step[:, turning:].reshape(now.size, -1, 2)
        reached = sequence_maps(new_gates, new_angles) - exact[now]
        gain = distance[now] - np.sum(reached**2, axis=(1, 2))
        promised = np.sum(step * (damping[now, None] * step - slope[now]), axis=1)
        better = gain > 0
        taken, refused = now[better], now[~better]
        running[taken] = gain[better] > FLAT * distance[taken]
        gates[taken], angles[taken] = new_gates[better], new_angles[better]
        if taken.size:
            linear = _linearised(gates[taken], angles[taken], exact[taken])
            distance[taken], curvature[taken], slope[taken] = linear
        running[taken] &= distance[taken] > GOOD**2
        quality = np.minimum(gain[better] / promised[better], 1.0)
        damping[taken] *= np.maximum(0.2, 1 - (2 * quality - 1) ** 3)
        damping, growth[taken] = np.maximum(damping, SOFTEST), 2.0
        damping[refused] *= growth[refused]
        growth[refused] *= 2
        running[refused] = damping[refused] < STUCK
    return gates, angles


def _linearised(
    gates: ComplexArray, angles: FloatArray, exact: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ‖r‖², JᵀJ and Jᵀr of r = R − R_exact.

    Parameters: 15 turns after each of the n + 1 gates, then the n × 2 angles of the collisions.
    """
    turned, (damped, slopes) = unitary_maps(gates), _damping(angles)
    count, last = len(gates), angles.shape[1]
    arriving, leaving = [], [turned[:, 0]]  # before each collision, after each gate
    for place in range(last):
        arriving.append(leaving[-1])
        leaving.append(turned[:, place + 1] @ (damped[:, place] @ leaving[-1]))
    jacobian = np.empty((count, 15 * (last + 1) + 2 * last, 256))
    after = np.broadcast_to(np.eye(16), (count, 16, 16))
    for place in range(last, -1, -1):
        columns = after[:, None] @ (TURNS @ leaving[place][:, None])
        jacobian[:, 15 * place : 15 * place + 15] = columns.reshape(count, 15, 256)
        if place == 0:
            break
        after = after @ turned[:, place]
        columns = after[:, None] @ (slopes[:, place - 1] @ arriving[place - 1][:, None])
        index = 15 * (last + 1) + 2 * (place - 1)
        jacobian[:, index : index + 2] = columns.reshape(count, 2, 256)
        after = after @ damped[:, place - 1]
    missed = (leaving[-1] - exact).reshape(count, 256)
    curvature = jacobian @ jacobian.swapaxes(1, 2)
    slope = (jacobian @ missed[..., None])[..., 0]
    return np.sum(missed**2, axis=1), np.asarray(curvature), np.asarray(slope)


def _rotations(turns: FloatArray) -> ComplexArray:
    """Return exp(−i Σ θ_a P_a / 2) for turns θ of shape (…, 15)."""
    generators = 0.5 * np.einsum("...a,aij->...ij", turns, TWO_QUBIT[1:])
    energies, vectors = np.linalg.eigh(generators)
    phases = np.exp(-1j * energies)[..., None, :]
    return np.asarray((vectors * phases) @ vectors.conj().swapaxes(-1, -2))


def _damping(angles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return damping of both with √p = sin(angle), (…, 16, 16), and derivatives (…, 2, 16, 16)."""
    c, s = np.cos(angles), np.sin(angles)
    value, slope = np.zeros((*angles.shape, 4, 4)), np.zeros((*angles.shape, 4, 4))
    value[..., 0, 0] = 1.0
    for k in (1, 2):
        value[..., k, k], slope[..., k, k] = c, -s
    value[..., 3, 3], slope[..., 3, 3] = c * c, -2 * s * c
    value[..., 3, 0], slope[..., 3, 0] = s * s, 2 * s * c
    first, second = value[..., 0, :, :], value[..., 1, :, :]
    by_first, by_second = slope[..., 0, :, :], slope[..., 1, :, :]
    both = [_product(second, by_first), _product(by_second, first)]
    return _product(second, first), np.stack(both, axis=-3)


def _product(second: FloatArray, first: FloatArray) -> FloatArray:
    """Return the Kronecker products of 4×4 matrices on the last two axes."""
    products = np.einsum("...ij,...kl->...ikjl", second, first)
    return np.asarray(products.reshape(*products.shape[:-4], 16, 16))
