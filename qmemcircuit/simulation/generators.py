"""The master equation's generators on Pauli means."""

from __future__ import annotations

import numpy as np

from qmemcircuit.circuits.channels.exact_maps import DECAY, DEPHASING, HEATING
from qmemcircuit.circuits.channels.pauli_maps import pauli_products
from qmemcircuit.circuits.splitting import embed
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import PAULI_Z
from qmemcircuit.model.drives import constant_number
from qmemcircuit.model.memristors import Network


def generators(network: Network) -> tuple[FloatArray, FloatArray]:
    """Return the generators of what does not depend on time, (4^M, 4^M), and of each Γ, (M, …).

    Raises:
        ValueError: where more than Γ depends on time: n̄(t), Γφ(t) or a drive.
    """
    count = len(network.memristors)
    hamiltonian: ComplexArray = np.zeros((2**count, 2**count), dtype=complex)
    damping = []
    steady = np.zeros((4**count, 4**count))
    for j, memristor in enumerate(network.memristors):
        if memristor.drive is not None:
            raise ValueError(
                "Argument model must have no drive for the bounds of a large network, but "
                f"memristor {j} has {memristor.drive}; certify up to three memristors."
            )
        turning: ComplexArray = np.asarray(-0.5 * memristor.omega * PAULI_Z, dtype=complex)
        hamiltonian = hamiltonian + embed(turning, [j], count)
        above, below = np.eye(4 ** (count - 1 - j)), np.eye(4**j)
        quanta = constant_number("occupation", memristor.occupation)
        exchange = (quanta + 1) * DECAY + quanta * HEATING
        damping.append(np.kron(above, np.kron(exchange, below)))
        loss = constant_number("dephasing", memristor.dephasing)
        steady += loss * np.kron(above, np.kron(DEPHASING, below))
    for pair, coupling in network.couplings:
        hamiltonian = hamiltonian + embed(coupling.hamiltonian(), list(pair), count)
    basis = pauli_products(count)
    turned = -1j * (hamiltonian @ basis - basis @ hamiltonian)
    generator = np.einsum("aij,bji->ab", basis, turned).real / 2**count
    return np.asarray(generator + steady), np.array(damping)
