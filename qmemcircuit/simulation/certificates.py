"""`certify`: how far digital circuits can be from the exact evolution, for any input at all.

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
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.options import AnySplitting, CircuitOptions
from qmemcircuit.circuits.pauli_maps import pauli_labels
from qmemcircuit.circuits.splitting import embed
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import PAULI_Z
from qmemcircuit.model.marching import WatchedLaws
from qmemcircuit.model.memristors import Model, Network
from qmemcircuit.results.certificate import Certificate
from qmemcircuit.results.observables import current_operators
from qmemcircuit.simulation.maps import digital_maps

MOST_MEMRISTORS = 3
"""Maps of four have 256 × 256 real numbers, and Choi matrices as many complex ones."""

ITERATIONS = 60
CLOSE_ENOUGH = 1.002
"""Upper over lower bound at which the iteration ends."""

DECAY: FloatArray = np.array([[0, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, -0.5, 0], [1.0, 0, 0, -1]])
"""d/dt of the means (1, X, Y, Z) at Γ = 1: all that leaves |1> arrives in |0>."""

HEATING: FloatArray = np.array([[0, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, -0.5, 0], [-1.0, 0, 0, -1]])
"""The same upwards: all that leaves |0> arrives in |1>."""

DEPHASING: FloatArray = np.diag([0, -1.0, -1.0, 0])
"""The same at Γφ = 1, the rate at which the coherence decays."""

INTEGRATION_ERROR = 1e-9
"""Of the exact map, added to the upper bound and taken off the lower one."""


def certify(
    model: Model,
    times: ArrayLike,
    *,
    splitting: AnySplitting = "lie",
    steps: int | None = None,
) -> Certificate:
    """Return how far the circuits of `build_circuits` can be from the master equation, at worst.

    Args:
        model, times, splitting, steps: as in `build_circuits`; the initial state plays no part.
            All ancilla choices and both forms of a collision realise the same channel, and share
            the number.

    It is a bound on the splitting (or compilation) alone: no device noise, no shots. Raises
    ValueError for more than three memristors, and as `build_circuits` does.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> pair = qm.chain([memristor] * 2, qm.Native("y", 1 / 15))
    >>> times = memristor.periods(1, points=30)
    >>> qm.certify(pair, times).largest > qm.certify(pair, times, splitting="strang").largest
    True
    """
    check_arguments(certify, locals())
    return certificate_of(
        circuits_with(model, times, CircuitOptions("Z", "reset", splitting, steps))
    )


def certificate_of(circuits: CircuitSet) -> Certificate:
    """Return the certificate of circuits that are made already."""
    memristors = len(circuits.network.memristors)
    if memristors > MOST_MEMRISTORS:
        raise ValueError(
            f"Argument model must have at most {MOST_MEMRISTORS} memristors, but it has "
            f"{memristors}; certify the coupled pairs one by one."
        )
    lower, upper = half_diamond_norms(digital_maps(circuits) - exact_maps(circuits))
    upper = np.minimum(upper + INTEGRATION_ERROR, 1.0)
    scales = np.array([item.current_scale for item in circuits.network.memristors])
    return Certificate(
        circuits.times,
        np.maximum(lower - INTEGRATION_ERROR, 0.0),
        upper,
        # V is half of the scale times a mean between −1 and 1.
        upper[:, None] * scales,
        upper[:, None] * current_ranges(circuits.network, circuits.times),
    )


def current_ranges(network: Network, times: FloatArray) -> FloatArray:
    """Return the difference of the largest and the smallest current that any state has, (T, M)."""
    count = len(network.memristors)
    found = np.empty((times.size, count))
    for j, item in enumerate(network.memristors):
        voltage, rest = current_operators(network, j)
        whole = embed(voltage, [j], count)
        added = sum((embed(matrix, list(pair), count) for pair, matrix in rest), np.zeros(()))
        levels = np.linalg.eigvalsh(item.conductance(times)[:, None, None] * whole + added)
        found[:, j] = levels[:, -1] - levels[:, 0]
    return found


def exact_maps(circuits: CircuitSet) -> FloatArray:
    """Return the master equation's maps from 0 to each time on the Pauli means, (T, 4^M, 4^M).

    By SciPy's DOP853 on all columns at once; no step crosses a breakpoint of a law, and each
    law's integral is checked along the way as in `master_equation`.
    """
    from scipy.integrate import solve_ivp

    network = circuits.network
    count = len(network.memristors)
    size = 4**count
    turning, damping = _generators(network)
    watched = WatchedLaws([item.rate.at_frequency(item.omega) for item in network.memristors])
    longest = 0.25 * min(item.period for item in network.memristors)

    def slope(time: float, flat: FloatArray) -> FloatArray:
        rates = np.array([watched.rate(j, time) for j in range(count)])
        generator = turning + np.tensordot(rates, damping, axes=1)
        return np.concatenate([(generator @ flat[:-count].reshape(size, size)).ravel(), rates])

    def solve(state: FloatArray, start: float, stop: float) -> FloatArray:
        found = solve_ivp(
            slope, (start, stop), state, method="DOP853", rtol=1e-11, atol=1e-13, max_step=longest
        )
        return np.asarray(found.y[:, -1])

    start = np.concatenate([np.eye(size).ravel(), np.zeros(count)])
    ends = watched.march(circuits.times, start, solve)
    return np.array([end[:-count].reshape(size, size) for end in ends])


def half_diamond_norms(differences: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of ½‖Δ‖⋄ for differences of channels, each (T,).

    `differences` are real maps on Pauli means, (T, 4^k, 4^k), with a first row of zeros.
    """
    choi = _choi(differences)
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


def _choi(differences: FloatArray) -> ComplexArray:
    """Return Σ |k><l| ⊗ Δ(|k><l|), (T, d², d²): (1/d) Σ D_ab P_bᵀ ⊗ P_a."""
    size = differences.shape[-1]
    qubits = (int(size).bit_length() - 1) // 2
    basis, dimension = pauli_labels(qubits), 2**qubits
    found = np.einsum("tab,blk,aij->tkilj", differences, basis, basis, optimize=True) / dimension
    return np.asarray(found.reshape(-1, dimension**2, dimension**2))


def _roots(states: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    values, vectors = np.linalg.eigh(states)
    turned = vectors.conj().transpose(0, 2, 1)
    root = np.sqrt(np.maximum(values, 1e-300))[:, None, :]
    return (vectors * root) @ turned, (vectors / root) @ turned


def _generators(network: Network) -> tuple[FloatArray, FloatArray]:
    """Return the generators of what does not depend on time, (4^M, 4^M), and of each Γ, (M, …)."""
    count = len(network.memristors)
    hamiltonian: ComplexArray = np.zeros((2**count, 2**count), dtype=complex)
    damping = []
    steady = np.zeros((4**count, 4**count))
    for j, memristor in enumerate(network.memristors):
        turning: ComplexArray = np.asarray(-0.5 * memristor.omega * PAULI_Z, dtype=complex)
        hamiltonian = hamiltonian + embed(turning, [j], count)
        above, below = np.eye(4 ** (count - 1 - j)), np.eye(4**j)
        quanta = memristor.occupation
        exchange = (quanta + 1) * DECAY + quanta * HEATING
        damping.append(np.kron(above, np.kron(exchange, below)))
        steady += memristor.dephasing * np.kron(above, np.kron(DEPHASING, below))
    for pair, coupling in network.couplings:
        hamiltonian = hamiltonian + embed(coupling.hamiltonian(), list(pair), count)
    basis = pauli_labels(count)
    turned = -1j * (hamiltonian @ basis - basis @ hamiltonian)
    generator = np.einsum("aij,bji->ab", basis, turned).real / 2**count
    return np.asarray(generator + steady), np.array(damping)
