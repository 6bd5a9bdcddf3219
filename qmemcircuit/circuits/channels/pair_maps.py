"""Channels of two qubits as 16×16 matrices: the exact map of a pair's master equation.

A channel Φ is its Pauli transfer matrix R[a, b] = ¼ Tr(P_a Φ(P_b)), real, with the P in the order
of Qiskit's `PTM`: `qiskit.quantum_info.PTM(R)` is the channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from qmemcircuit.circuits.collision import damping_kraus
from qmemcircuit.circuits.splitting import pair_hamiltonian
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_times
from qmemcircuit.common.states import IDENTITY, PAULI_X, PAULI_Y, PAULI_Z
from qmemcircuit.model.marching import WatchedLaws
from qmemcircuit.model.memristors import Network, require_cold

ONE_QUBIT = np.array([IDENTITY, PAULI_X, PAULI_Y, PAULI_Z])
TWO_QUBIT = np.array([np.kron(second, first) for second in ONE_QUBIT for first in ONE_QUBIT])
"""The 16 Pauli products in the order of Qiskit's `PTM`: memristor 0's letter changes fastest."""

_FLAT = TWO_QUBIT.reshape(16, 16)


def pair_maps(network: Network, times: ArrayLike) -> FloatArray:
    """Return the exact maps of a pair's master equation over [0, t], shape (T, 16, 16).

    R' = (L_H + Γ1 L_1 + Γ2 L_2) R is integrated by SciPy's DOP853 at rtol 1e-10, atol 1e-12:
    about 1e-9 after 20 periods. Neither QuTiP nor any circuit takes part. No step crosses a
    breakpoint of a law; each Γ is integrated along, and where the result is not the law's own
    integral to 1e-9 the step is shortened. Raises ValueError for a network that is not a pair,
    and where no step makes the integrals agree.
    """
    check_pair(network)
    require_cold(network, "a pair's compiled map")
    checked = check_times(times)
    watched = WatchedLaws([item.rate.at_frequency(item.omega) for item in network.memristors])
    lower = np.array([[0, 1], [0, 0]], dtype=complex)
    hamiltonian = pair_hamiltonian(network, (0, 1))
    coherent = transfer_matrix(-1j * (hamiltonian @ TWO_QUBIT - TWO_QUBIT @ hamiltonian))
    decays = [_decay(np.kron(IDENTITY, lower)), _decay(np.kron(lower, IDENTITY))]

    # A step must not jump over a period of a rate.
    longest = 0.25 * min(memristor.period for memristor in network.memristors)

    def derivative(time: float, flat: FloatArray) -> FloatArray:
        rates = [watched.rate(j, time) for j in range(2)]
        generator = coherent + rates[0] * decays[0] + rates[1] * decays[1]
        return np.concatenate([(generator @ flat[:256].reshape(16, 16)).ravel(), rates])

    def solve(state: FloatArray, start: float, stop: float) -> FloatArray:
        solved = solve_ivp(
            derivative,
            (start, stop),
            state,
            method="DOP853",
            t_eval=[stop],
            rtol=1e-10,
            atol=1e-12,
            max_step=longest,
        )
        if not solved.success:
            raise ValueError(
                f"Argument network must have rates that can be integrated, but: {solved.message}"
            )
        return np.asarray(solved.y[:, -1])

    states = watched.march(checked, np.concatenate([np.eye(16).ravel(), [0.0, 0.0]]), solve)
    return np.array(states)[:, :256].reshape(-1, 16, 16)


def map_distance(first: FloatArray, second: FloatArray) -> float:
    """Return a bound on the trace distance between the outputs of two maps for any input.

    Args:
        first, second: Pauli transfer matrices of two qubits, shape (16, 16).

    ½‖Tr_out |J|‖_∞ with J = Σ_kl |k><l| ⊗ ΔΦ(|k><l|): an upper bound of half the diamond norm
    (of ΔΦ = Φ+ − Φ− split by the signs of J), at most 4 times the trace distance of the two
    Choi states, which is a lower bound.
    """
    return float(map_distances(np.asarray(first)[None], np.asarray(second)[None])[0])


def map_distances(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return `map_distance` of each of T pairs of maps, (T, 16, 16) each, shape (T,)."""
    # Σ_ab Δ_ab P_a[i, j] P_b[l, k] at [k, i, l, j].
    choi = _FLAT.T @ (first - second) @ _FLAT / 4
    choi = choi.reshape(-1, 4, 4, 4, 4).transpose(0, 4, 1, 3, 2)
    weights, vectors = np.linalg.eigh(choi.reshape(-1, 16, 16))
    size = (vectors * np.abs(weights)[:, None, :]) @ vectors.conj().swapaxes(1, 2)
    traced = np.einsum("tkili->tkl", size.reshape(-1, 4, 4, 4, 4))
    return np.asarray(0.5 * np.linalg.eigvalsh(traced)[:, -1])


def check_pair(network: Network) -> None:
    """Raise ValueError unless `network` has exactly two memristors."""
    if not isinstance(network, Network) or len(network.memristors) != 2:
        found = len(network.memristors) if isinstance(network, Network) else 1
        raise ValueError(
            f"Argument model must be two or three memristors where splitting='compiled', but this "
            f"one has {found}: the exact map is needed. Use 'fused' or 'strang' for other "
            "networks; one memristor alone needs a single collision, ancilla='merged'."
        )


def transfer_matrix(images: ComplexArray) -> FloatArray:
    """Return ¼ Tr(P_a Φ(P_b)) from the images Φ(P_b), shape (16, 4, 4)."""
    return np.asarray(np.einsum("aij,bji->ab", TWO_QUBIT, images).real / 4)


def unitary_map(gate: ComplexArray) -> FloatArray:
    """Return U ρ U† of a 4×4 unitary as a Pauli transfer matrix."""
    return transfer_matrix(gate @ TWO_QUBIT @ gate.conj().T)


def unitary_maps(gates: ComplexArray) -> FloatArray:
    """Return `unitary_map` of each of many gates, (…, 4, 4) to (…, 16, 16)."""
    products = np.einsum("...ij,...kl->...ikjl", gates, gates.conj())
    superoperators = products.reshape(*gates.shape[:-2], 16, 16)
    return np.asarray((_FLAT.conj() @ superoperators @ _FLAT.T).real / 4)


def _decay(lower: ComplexArray) -> FloatArray:
    """Return L ρ L† − ½{L†L, ρ} as a Pauli transfer matrix."""
    number = lower.conj().T @ lower
    images = lower @ TWO_QUBIT @ lower.conj().T - 0.5 * (number @ TWO_QUBIT + TWO_QUBIT @ number)
    return transfer_matrix(images)


def damping_map(probability: float) -> FloatArray:
    """Return amplitude damping as a 4×4 Pauli transfer matrix."""
    images = sum(k @ ONE_QUBIT @ k.conj().T for k in damping_kraus(float(probability)))
    return np.asarray(np.einsum("aij,bji->ab", ONE_QUBIT, images).real / 2)
