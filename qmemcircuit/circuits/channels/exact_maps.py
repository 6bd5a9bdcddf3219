"""The master equation's maps on Pauli means, by SciPy: for certificates and merged circuits.

QuTiP, which integrates states in `master_equation`, takes no part, and neither does a splitting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import pauli_products
from qmemcircuit.circuits.splitting import embed
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import PAULI_Z
from qmemcircuit.model.environment import longest_step, network_laws
from qmemcircuit.model.marching import WatchedLaws
from qmemcircuit.model.memristors import Network

DECAY: FloatArray = np.array([[0, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, -0.5, 0], [1.0, 0, 0, -1]])
"""d/dt of the means (1, X, Y, Z) at Γ = 1: all that leaves |1> arrives in |0>."""

HEATING: FloatArray = np.array([[0, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, -0.5, 0], [-1.0, 0, 0, -1]])
"""The same upwards: all that leaves |0> arrives in |1>."""

DEPHASING: FloatArray = np.diag([0, -1.0, -1.0, 0])
"""The same at Γφ = 1, the rate at which the coherence decays."""


@dataclass(frozen=True)
class _Term:
    """A generator times the product of the laws at these places."""

    generator: FloatArray
    laws: tuple[int, ...]


def exact_maps(network: Network, times: FloatArray) -> FloatArray:
    """Return the master equation's maps from 0 to each time on the Pauli means, (T, 4^M, 4^M).

    By SciPy's DOP853 on all columns at once; no step crosses a breakpoint of a law, and each
    law's integral is checked along the way as in `master_equation`.
    """
    from scipy.integrate import solve_ivp

    size = 4 ** len(network.memristors)
    laws = network_laws(network)
    watched = WatchedLaws([item.law for item in laws], [item.name for item in laws])
    steady, terms = _generators(network)
    number = len(laws)
    longest = longest_step(network)

    def slope(time: float, flat: FloatArray) -> FloatArray:
        values = np.array([watched.rate(k, time) for k in range(number)])
        generator = steady.copy()
        for term in terms:
            generator += np.prod(values[list(term.laws)]) * term.generator
        return np.concatenate([(generator @ flat[:-number].reshape(size, size)).ravel(), values])

    def solve(state: FloatArray, start: float, stop: float) -> FloatArray:
        found = solve_ivp(
            slope, (start, stop), state, method="DOP853", rtol=1e-11, atol=1e-13, max_step=longest
        )
        return np.asarray(found.y[:, -1])

    start = np.concatenate([np.eye(size).ravel(), np.zeros(number)])
    ends = watched.march(times, start, solve)
    return np.array([end[:-number].reshape(size, size) for end in ends])


def _generators(network: Network) -> tuple[FloatArray, list[_Term]]:
    """Return the generator of what does not depend on time, (4^M, 4^M), and the other terms."""
    count = len(network.memristors)
    places = {(item.memristor, item.kind): k for k, item in enumerate(network_laws(network))}
    hamiltonian: ComplexArray = np.zeros((2**count, 2**count), dtype=complex)
    steady, terms = np.zeros((4**count, 4**count)), []

    def on(j: int, generator: FloatArray) -> FloatArray:
        above, below = np.eye(4 ** (count - 1 - j)), np.eye(4**j)
        return np.asarray(np.kron(above, np.kron(generator, below)))

    for j, memristor in enumerate(network.memristors):
        turning: ComplexArray = np.asarray(-0.5 * memristor.omega * PAULI_Z, dtype=complex)
        hamiltonian = hamiltonian + embed(turning, [j], count)
        rate = places[j, "rate"]
        if (j, "occupation") in places:
            quanta = places[j, "occupation"]
            terms.append(_Term(on(j, DECAY), (rate,)))
            terms.append(_Term(on(j, DECAY + HEATING), (rate, quanta)))
        else:
            warm = float(memristor.thermal_quanta(0.0))
            exchange = (warm + 1) * DECAY + warm * HEATING
            terms.append(_Term(on(j, exchange), (rate,)))
        if (j, "dephasing") in places:
            terms.append(_Term(on(j, DEPHASING), (places[j, "dephasing"],)))
        else:
            steady += float(memristor.dephasing_rate(0.0)) * on(j, DEPHASING)
        if memristor.drive is not None:
            rotation = _commutator(embed(memristor.drive.operator, [j], count))
            terms.append(_Term(rotation, (places[j, "drive"],)))
    for pair, coupling in network.couplings:
        hamiltonian = hamiltonian + embed(coupling.hamiltonian(), list(pair), count)
    return steady + _commutator(hamiltonian), terms


def _commutator(hamiltonian: ComplexArray) -> FloatArray:
    """Return ρ → −i[H, ρ] on the Pauli means."""
    dimension = len(hamiltonian)
    basis = pauli_products(dimension.bit_length() - 1)
    turned = -1j * (hamiltonian @ basis - basis @ hamiltonian)
    return np.asarray(np.einsum("aij,bji->ab", basis, turned).real / dimension)
