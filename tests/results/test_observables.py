from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import (
    DensityMatrix,
    Pauli,
    concurrence,
    partial_trace,
    random_density_matrix,
)

import qmemcircuit as qm
from qmemcircuit.common.states import (
    concurrence_of_states,
    expectation,
    outcome_probabilities,
    pauli_matrix,
    reduce_states,
    trace_distance,
)
from qmemcircuit.results.observables import interaction_terms, pauli_terms

seeds = st.integers(0, 2**31)


@given(seeds, st.permutations([0, 1, 2]), st.integers(1, 3))
def test_reduction_keeps_qiskits_bit_order(seed, order, size):
    state = random_density_matrix(8, seed=seed)
    keep = list(order[:size])
    found = reduce_states(state.data[None], keep)[0]
    others = [j for j in range(3) if j not in keep]
    expected = partial_trace(state, others) if others else DensityMatrix(state)
    # partial_trace keeps the order of the qubits; reduce_states takes the order asked for.
    ranks = np.argsort(np.argsort(keep))
    assert found == pytest.approx(_permute(expected.data, ranks), abs=1e-14)


def _permute(matrix: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Let new qubit k be the old qubit ranks[k]."""
    size = len(ranks)
    out = np.empty_like(matrix)
    for row in range(2**size):
        for column in range(2**size):
            old = [
                sum(((index >> k) & 1) << int(ranks[k]) for k in range(size))
                for index in (row, column)
            ]
            out[row, column] = matrix[old[0], old[1]]
    return out


@given(seeds, st.text("IXYZ", min_size=2, max_size=2))
def test_labels_are_in_memristor_order(seed, label):
    state = random_density_matrix(4, seed=seed)
    expected = state.expectation_value(Pauli(label[::-1])).real
    assert expectation(state.data[None], pauli_matrix(label))[0] == pytest.approx(expected)


@given(seeds, st.text("XYZ", min_size=2, max_size=2))
def test_probabilities_reproduce_the_means(seed, basis):
    state = random_density_matrix(4, seed=seed).data[None]
    p = outcome_probabilities(state, basis)[0]
    assert p.sum() == pytest.approx(1)
    first = p[0] + p[2] - p[1] - p[3]  # bit 0 is memristor 0
    assert first == pytest.approx(expectation(state, pauli_matrix(basis[0] + "I"))[0])
    second = p[0] + p[1] - p[2] - p[3]
    assert second == pytest.approx(expectation(state, pauli_matrix("I" + basis[1]))[0])


@given(seeds)
def test_concurrence_is_qiskits(seed):
    state = random_density_matrix(4, rank=2, seed=seed)
    # Qiskit takes square roots of eigenvalues: rounding of 1e-16 becomes 1e-8.
    assert concurrence_of_states(state.data[None])[0] == pytest.approx(concurrence(state), abs=1e-7)


@given(st.floats(0, 1))
def test_concurrence_of_werner_states(p):
    bell = np.array([0, 1, -1, 0]) / np.sqrt(2)
    state = p * np.outer(bell, bell) + (1 - p) * np.eye(4) / 4
    assert concurrence_of_states(state[None])[0] == pytest.approx(max(0, (3 * p - 1) / 2), abs=1e-9)


def test_concurrence_refuses_what_is_no_state():
    with pytest.raises(ValueError, match="must be positive semidefinite"):
        concurrence_of_states(np.diag([1.2, -0.2, 0, 0])[None])
    with pytest.raises(ValueError, match="must have shape"):
        concurrence_of_states(np.eye(2)[None] / 2)


@given(seeds)
def test_distances(seed):
    a, b = (random_density_matrix(4, seed=seed + k).data[None] for k in range(2))
    assert trace_distance(a, a) == pytest.approx(0)
    assert 0 <= trace_distance(a, b)[0] <= 1
    assert trace_distance(a, b) == pytest.approx(trace_distance(b, a))


def test_pauli_terms_restore_the_operator():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    matrix += matrix.conj().T
    terms = pauli_terms(matrix, (2, 0), 3)
    # Letter 2 is the pair's first memristor, letter 0 its second.
    back = sum(w * pauli_matrix(label[2] + label[0]) for label, w in terms.items())
    assert back == pytest.approx(matrix)
    assert all(label[1] == "I" for label in terms)


@pytest.mark.parametrize(
    ("coupling", "preserved"),
    [
        (qm.Native("y", 0.1), (True, True)),
        (qm.Native("x", 0.1), (False, False)),
        (qm.Native("z", 0.1), (False, False)),
        (qm.ControlledRotation("x", 0.1), (False, False)),
        (qm.ControlledRotation("y", 0.1), (False, True)),
        (qm.ControlledRotation("z", 0.1), (False, False)),
        (qm.PartialSwap(0.1), (False, False)),
        (qm.PartialISwap(0.1), (False, False)),
    ],
)
def test_commutator_rule(coupling, preserved):
    """I = ΓV survives exactly where [H_int, σy] = 0: yy on both, CR_y on the target."""
    memristor = qm.Memristor(qm.ConstantRate(0.1), a=0.5)
    network = qm.Network([memristor] * 2, {(0, 1): coupling})
    found = tuple(
        all(np.abs(matrix).max() < 1e-15 for _, matrix in interaction_terms(network, j))
        for j in range(2)
    )
    assert found == preserved
