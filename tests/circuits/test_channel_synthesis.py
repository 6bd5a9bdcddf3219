"""Any one-qubit channel as two circuits: Choi matrices, traces over the ancilla, gate counts."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import Choi, Kraus, Operator

from qmemcircuit.circuits.channels.pauli_maps import damping_maps, unitary_map
from qmemcircuit.circuits.channels.synthesis import ChannelHalf, choi_matrix, split_channel

X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
PAULIS = [np.eye(2), X, Y, Z]


def pauli_map(operators) -> np.ndarray:
    """Return R_ab = ½ Tr(P_a Σ K P_b K†), spelled out."""
    return np.array(
        [
            [sum(0.5 * np.trace(a @ k @ b @ k.conj().T) for k in operators).real for b in PAULIS]
            for a in PAULIS
        ]
    )


def random_channel(random, rank: int) -> np.ndarray:
    isometry = np.linalg.qr(
        random.normal(size=(2 * rank, 2)) + 1j * random.normal(size=(2 * rank, 2))
    )
    return pauli_map(isometry[0].reshape(rank, 2, 2))


def random_unitary(random) -> np.ndarray:
    return np.linalg.qr(random.normal(size=(2, 2)) + 1j * random.normal(size=(2, 2)))[0]


def error(wanted: np.ndarray) -> float:
    halves = split_channel(wanted)
    return float(np.abs(np.mean([pauli_map(h.kraus()) for h in halves], axis=0) - wanted).max())


def channel_of(circuit) -> np.ndarray:
    """Return the 4×4 map of a circuit on qubit 0 with its ancilla in |0> and traced out."""
    matrix = Operator(circuit).data.reshape(
        2, 2, 2, 2
    )  # (ancilla, system) out, (ancilla, system) in
    return pauli_map([matrix[outcome, :, 0, :] for outcome in (0, 1)])


def degenerate() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    flip = np.diag([1, 1, -1, -1.0])
    found = {}
    for p in (0, 1e-16, 1e-14, 1e-12, 1e-8, 0.3, 1 - 1e-12, 1):
        for heated in (0, 1e-13, 0.2, 0.5, 1):
            collision = damping_maps(p)
            name = f"generalised damping, p = {p}, p_e = {heated}"
            found[name] = (1 - heated) * collision + heated * flip @ collision @ flip
        found[f"dephasing {p}"] = np.diag([1, 1 - p, 1 - p, 1])
        found[f"depolarizing {p}"] = np.diag([1, 1 - p, 1 - p, 1 - p])
        for place in range(3):
            weights = random.dirichlet([1, 1, 1, 1]) * (np.arange(4) <= place + 1)
            weights = weights / weights.sum()
            paulis = [pauli_map([item]) for item in PAULIS]
            mixed = np.einsum("k,kab->ab", weights, paulis)
            found[f"Paulis {p} {place}"] = unitary_map(random_unitary(random)) @ mixed
    for length in (0, 0.5, 1 - 1e-12, 1):
        direction = random.normal(size=3)
        constant = np.zeros((4, 4))
        constant[0, 0] = 1
        constant[1:, 0] = length * direction / np.linalg.norm(direction)
        found[f"constant, length {length}"] = constant
    for small in (0, 1e-14, 1e-10, 1e-3):
        for sign in (1, -1):
            half = ChannelHalf(np.eye(2), 0.7, sign * 0.7 + small, np.eye(2))
            found[f"β = {sign}α + {small}"] = pauli_map(half.kraus())
    for small in (1e-15, 1e-14, 1e-12, 1e-9, 1e-6):
        mixed = (1 - small) * damping_maps(0.3) + small * random_channel(random, 4)
        found[f"almost of rank two, {small}"] = mixed
    return found


def test_two_thousand_random_channels() -> None:
    random = np.random.default_rng(1)
    for rank in (1, 2, 3, 4):
        worst = max(error(random_channel(random, rank)) for _ in range(500))
        assert worst < 1e-12
        assert len(split_channel(random_channel(random, rank))) == (1 if rank < 3 else 2)


@pytest.mark.parametrize("name", degenerate())
def test_degenerate_channels(name: str) -> None:
    assert error(degenerate()[name]) < 1e-12


def test_circuits_are_the_halves_and_take_two_gates_after_transpiling() -> None:
    random = np.random.default_rng(2)
    cases = [random_channel(random, rank) for rank in (1, 2, 3, 4) for _ in range(5)]
    for wanted in [*cases, *list(degenerate().values())[::7]]:
        halves = split_channel(wanted)
        found = [channel_of(half.circuit()) for half in halves]
        assert np.abs(np.mean(found, axis=0) - wanted).max() < 1e-12
        for half in halves:
            compiled = transpile(
                half.circuit(), basis_gates=["cz", "rz", "sx", "x"], optimization_level=1
            )
            assert compiled.num_nonlocal_gates() <= 2


def test_a_unitary_takes_no_ancilla() -> None:
    (half,) = split_channel(unitary_map(random_unitary(np.random.default_rng(4))))
    assert half.circuit().num_nonlocal_gates() == 0


def test_the_choi_matrix_is_qiskits() -> None:
    operators = [np.sqrt(0.6) * np.eye(2), np.sqrt(0.4) * Y @ np.diag([1, 1j])]
    ours = choi_matrix(pauli_map(operators)).reshape(2, 2, 2, 2)
    theirs = Choi(Kraus(operators)).data.reshape(2, 2, 2, 2)  # (in, out) rows, column-stacking
    assert np.abs(ours - theirs.transpose(1, 0, 3, 2)).max() < 1e-14


def test_a_flipped_sign_is_noticed() -> None:
    """Mutant: α → −α in one half of a channel."""
    wanted = random_channel(np.random.default_rng(5), 4)
    first, second = split_channel(wanted)
    wrong = ChannelHalf(first.before, -first.alpha, first.beta, first.after)
    found = np.mean([pauli_map(half.kraus()) for half in (wrong, second)], axis=0)
    assert np.abs(found - wanted).max() > 1e-2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.diag([1, 1, 1, -1.0]), "must be a channel"),  # a transpose
        (np.diag([0.9, 0, 0, 0]), "must be a channel"),
        (np.eye(3), r"must have shape \(4, 4\)"),
    ],
)
def test_what_is_no_channel_is_refused(bad: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_channel(bad)
