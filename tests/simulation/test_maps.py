"""Maps on Pauli means against Aer's simulation of the very circuits, and against NumPy alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit.circuits.channels.pauli_maps import (
    density_matrices,
    evolution_maps,
    pauli_means,
    swap_qubits,
    unitary_map,
)

RANDOM = np.random.default_rng(20261126)


def random_matrix(size: int, random: np.random.Generator = RANDOM) -> np.ndarray:
    return random.normal(size=(size, size)) + 1j * random.normal(size=(size, size))


def hermitian(size: int) -> np.ndarray:
    matrix = random_matrix(size)
    return matrix + matrix.conj().T


COUPLINGS = {
    "xx": qm.Native("x", 0.31),
    "yy": qm.Native("y", 1 / 15),
    "zz": qm.Native("z", -0.7),
    "CR": qm.ControlledRotation("y", 0.9),
    "swap": qm.PartialSwap(0.4),
    "iswap": qm.PartialISwap(1.3),
    "any": qm.MatrixCoupling(hermitian(4)),
}
MIXED = np.array([[0.7, 0.2 - 0.1j], [0.2 + 0.1j, 0.3]])
LAWS = (qm.SquidRate(0.4), qm.ConstantRate(1.7), qm.FunctionRate(lambda t: 0.2 + 0.1 * np.sin(t)))
MEMBERS = [
    qm.Memristor(LAWS[0], a=0.8, b=0.6),
    qm.Memristor(LAWS[1], state=MIXED, omega=1.37),
    qm.Memristor(LAWS[2], a=2.0, omega=0.6),
]
TIMES = np.array([0.3, 0.45, 1.9, 2.0])


def difference(model: qm.Memristor | qm.Network, **options: object) -> float:
    times = options.pop("times", TIMES)
    found, judge = (qm.exact_circuit(model, times, engine=e, **options) for e in ("maps", "aer"))
    assert found.provenance["engine"] == "maps"
    if found.states is None:
        return max(
            float(np.abs(found.pair_states[p] - judge.pair_states[p]).max())
            for p in judge.pair_states
        )
    return max(
        float(np.abs(found.states - judge.states).max()),
        float(np.abs(found.voltage - judge.voltage).max()),
        float(np.abs(found.current - judge.current).max()),
    )


@pytest.mark.parametrize("splitting", ["lie", "strang", "fused"])
@pytest.mark.parametrize("name", list(COUPLINGS))
def test_pairs_of_every_coupling_and_splitting(name: str, splitting: str) -> None:
    for pair in ((0, 1), (1, 0)):
        network = qm.Network(MEMBERS[:2], {pair: COUPLINGS[name]})
        assert difference(network, splitting=splitting) < 1e-12
        assert difference(network, splitting=splitting, steps=3) < 1e-12


@pytest.mark.parametrize("ancilla", ["reset", "fresh", "pool"])
@pytest.mark.parametrize("splitting", ["lie", "strang", "fused"])
def test_every_ancilla_choice(ancilla: str, splitting: str) -> None:
    chosen = qm.pool(2) if ancilla == "pool" else ancilla
    network = qm.Network(MEMBERS[:2], {(0, 1): COUPLINGS["CR"]})
    times = TIMES[:2]
    assert difference(network, ancilla=chosen, splitting=splitting, times=times) < 1e-12
    paper = {"collision": "paper", "splitting": splitting, "times": times}
    assert difference(network, ancilla=chosen, **paper) < 1e-12


def test_one_memristor_merged_and_by_steps() -> None:
    for member in MEMBERS:
        assert difference(member) < 1e-12
        assert difference(member, ancilla="merged") < 1e-12
        assert difference(member, steps=7) < 1e-12


def test_compiled_pairs() -> None:
    item = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    network = qm.chain([item] * 2, qm.Native("y", 1 / 15))
    assert difference(network, splitting="compiled") < 1e-12


@pytest.mark.parametrize("count", [3, 4, 5, 7])
@pytest.mark.parametrize("splitting", ["lie", "strang"])
def test_networks_whose_couplings_are_no_neighbours(count: int, splitting: str) -> None:
    """A chain, with a coupling of the ends and one across, in both orders of a pair."""
    names = list(COUPLINGS)
    couplings = {(j, j + 1): COUPLINGS[names[j % len(names)]] for j in range(count - 1)}
    couplings[count - 1, 0] = COUPLINGS["CR"]
    if count > 4:
        couplings[1, 3] = COUPLINGS["iswap"]
    network = qm.Network([MEMBERS[j % 3] for j in range(count)], couplings)
    assert difference(network, splitting=splitting, times=TIMES[:2]) < 1e-12


def test_a_joint_state_and_what_only_turns() -> None:
    vector = np.array([0.6, 0, 0, 0.8j])
    network = qm.Network(MEMBERS[::2], {(0, 1): COUPLINGS["yy"]}, state=vector)
    assert difference(network, splitting="strang") < 1e-12
    still = qm.Memristor(qm.ConstantRate(0.0), a=0.8)
    assert difference(still) < 1e-12
    several = qm.Network([still, MEMBERS[0], still, MEMBERS[1], still])
    assert difference(several, times=TIMES[:2]) < 1e-12


def test_a_gate_that_its_hamiltonian_does_not_make_is_refused() -> None:
    class Twice(qm.Native):
        def gate(self, dt: float):
            return super().gate(2 * dt)

    network = qm.Network(MEMBERS[:2], {(0, 1): Twice("y", 0.3)})
    with pytest.raises(ValueError, match="Argument coupling must have gate"):
        qm.exact_circuit(network, TIMES)


def test_a_swapped_pair_is_noticed() -> None:
    """Mutant: the same coupling with control and target exchanged is another network."""
    networks = [qm.Network(MEMBERS[:2], {p: COUPLINGS["CR"]}) for p in ((0, 1), (1, 0))]
    one, other = (qm.exact_circuit(network, TIMES).states for network in networks)
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize("count", [1, 2, 4])
def test_probabilities_of_settings_are_the_states(count: int) -> None:
    from qmemcircuit.common.states import outcome_probabilities
    from qmemcircuit.simulation.exact import setting_probabilities

    couplings = {(j, j + 1): COUPLINGS["CR"] for j in range(count - 1)}
    network = qm.Network([MEMBERS[j % 3] for j in range(count)], couplings)
    bases = ["ZXYX"[:count], "YZXY"[:count]]
    found = setting_probabilities(qm.build_circuits(network, TIMES[:2], bases=bases))
    states = qm.exact_circuit(network, TIMES[:2], engine="aer").states
    for place, basis in enumerate(bases):
        assert np.abs(found[:, place] - outcome_probabilities(states, basis)).max() < 1e-13
    assert np.abs(found[:, 0] - found[:, 1]).max() > 1e-3


@settings(max_examples=40, deadline=None)
@given(qubits=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_means_and_matrices_are_each_others_inverse(qubits: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    root = random_matrix(2**qubits, random)
    state = root @ root.conj().T / np.trace(root @ root.conj().T)
    means = pauli_means(np.array([state, state]))
    letters = "IXYZ"
    for digits in range(4**qubits):
        label = "".join(letters[digits // 4**j % 4] for j in range(qubits))
        wanted = np.trace(qm_pauli(label) @ state).real
        assert means[1, digits] == pytest.approx(wanted, abs=1e-13)
    assert np.allclose(density_matrices(means)[0], state, atol=1e-14)


def qm_pauli(label: str) -> np.ndarray:
    """Return the matrix of a label, letter 0 the least significant qubit: spelled out."""
    table = {
        "I": np.eye(2),
        "X": np.array([[0, 1], [1, 0]]),
        "Y": np.array([[0, -1j], [1j, 0]]),
        "Z": np.diag([1, -1]),
    }
    matrix = np.eye(1)
    for letter in label:
        matrix = np.kron(table[letter], matrix)
    return matrix


@pytest.mark.parametrize("size", [2, 4])
def test_evolution_is_the_unitarys(size: int) -> None:
    from scipy.linalg import expm

    hamiltonian = hermitian(size)
    for duration, found in zip(
        [0.0, 0.3, 7.0], evolution_maps(hamiltonian, [0, 0.3, 7]), strict=True
    ):
        wanted = unitary_map(expm(-1j * duration * hamiltonian))
        assert np.abs(found - wanted).max() < 1e-12
        assert np.abs(found @ found.T - np.eye(size**2)).max() < 1e-12


def test_swapping_qubits_is_conjugation_by_swap() -> None:
    unitary = np.linalg.qr(random_matrix(4))[0]
    swap = np.eye(4)[[0, 2, 1, 3]]
    found = swap_qubits(unitary_map(unitary))
    assert np.abs(found - unitary_map(swap @ unitary @ swap)).max() < 1e-14


def test_rates_that_turn_negative_are_refused_at_the_right_step() -> None:
    law = qm.FunctionRate(lambda t: 0.2 - 0.3 * np.exp(-((t - 1.2) ** 2) / 0.01))
    with pytest.raises(ValueError, match=r"from t = 0\.45 to 1\.9 it falls to -0"):
        qm.exact_circuit(qm.Memristor(law, a=0.8), TIMES)
