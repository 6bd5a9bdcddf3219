"""The master equation's generators on Pauli means."""

from __future__ import annotations

import numpy as np

from qmemcircuit.circuits.pauli_maps import pauli_labels
from qmemcircuit.circuits.splitting import embed
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import PAULI_Z
from qmemcircuit.model.memristors import Network

DECAY: FloatArray = np.array([[0, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, -0.5, 0], [1.0, 0, 0, -1]])
"""d/dt of the means (1, X, Y, Z) at Γ = 1: all that leaves |1> arrives in |0>."""

HEATING: FloatArray = np.array([[0, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, -0.5, 0], [-1.0, 0, 0, -1]])
"""The same upwards: all that leaves |0> arrives in |1>."""

DEPHASING: FloatArray = np.diag([0, -1.0, -1.0, 0])
"""The same at Γφ = 1, the rate at which the coherence decays."""


def generators(network: Network) -> tuple[FloatArray, FloatArray]:
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
