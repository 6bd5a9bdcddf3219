"""What a trace distance does to V, I and the concurrence (tests/oracles/entanglement.md)."""

from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.common.states import concurrence_of_states, pauli_matrix
from qmemcircuit.counts.concurrence import concurrence_of_counts
from qmemcircuit.counts.witnesses import entanglement_witness
from qmemcircuit.results.estimation import widened

PHI = np.zeros((4, 4))
PHI[np.ix_([0, 3], [0, 3])] = 0.5


def x_state(share: float) -> np.ndarray:
    """The oracle's ρ_ε: 0.7 Φ + 0.3 |10><10|, a share ε of which is |01><01|."""
    start = 0.7 * PHI + 0.3 * np.diag([0, 0, 1.0, 0])
    return (1 - share) * start + share * np.diag([0, 1.0, 0, 0])


def test_bound_of_a_mean_is_attained_and_joined_in_quadrature():
    residual = np.array([0.01, 0.02])
    terms = {"YI": 0.3, "XZ": np.array([0.2, -0.7])}
    operators = 0.3 * pauli_matrix("YI") + np.multiply.outer([0.2, -0.7], pauli_matrix("XZ"))
    combine = widened(lambda _: (np.zeros(2), np.full(2, 0.003)), residual)
    _, error = combine(terms)
    for operator, r, found in zip(operators, residual, error, strict=True):
        _, vectors = np.linalg.eigh(operator)
        high, low = (np.outer(v, v.conj()) for v in (vectors[:, -1], vectors[:, 0]))
        # ρ = (1 − r) low + r high and σ = low: their trace distance is r.
        change = np.trace(operator @ (r * (high - low))).real
        assert np.hypot(0.003, change) == pytest.approx(found, rel=1e-12)


def test_concurrence_changes_as_the_square_root_of_the_distance():
    shares = np.array([1e-4, 1e-3, 5e-3])
    found = concurrence_of_states(np.array([x_state(share) for share in shares]))
    drops = 0.7 - found
    slope = np.polyfit(np.log(shares), np.log(drops), 1)[0]
    assert slope == pytest.approx(0.5, abs=0.03)
    assert drops[-1] > 15 * shares[-1]


@pytest.mark.parametrize("seed", range(6))
def test_every_witness_moves_by_its_spread_at_most(seed):
    random = np.random.default_rng(seed)
    states = []
    for _ in range(2):
        matrix = random.normal(size=(4, 4)) + 1j * random.normal(size=(4, 4))
        state = matrix @ matrix.conj().T
        states.append(state / np.trace(state).real)
    first, second = states
    second = first + 0.01 * (second - first)
    distance = 0.5 * np.abs(np.linalg.eigvalsh(first - second)).sum()
    values = np.linalg.eigvalsh(entanglement_witness(np.array([first]))[0])
    (signed,) = concurrence_of_states(second[None])
    witness = entanglement_witness(np.array([first]))[0]
    moved = np.trace(witness @ (second - first)).real
    assert abs(moved) <= (values[-1] - values[0]) * distance
    assert np.trace(witness @ second).real <= signed + 1e-9 or signed == 0


def test_interval_holds_the_concurrence_of_a_state_that_far_away():
    """Counts of ρ_0 with unlimited shots; the state that is meant is ρ_0.005, 0.08 below in C."""
    residual, shots = 0.005, 10**7
    state = x_state(0.0)
    bases = tuple(a + b for a in "XYZ" for b in "XYZ")
    counts = []
    for basis in bases:
        first, second = (pauli_matrix(letter) for letter in basis)
        chances = [
            np.trace(
                state
                @ np.kron(
                    (np.eye(2) + (1 - 2 * (k >> 1)) * second) / 2,
                    (np.eye(2) + (1 - 2 * (k & 1)) * first) / 2,
                )
            ).real
            for k in range(4)
        ]
        counts.append(np.round(np.array(chances) * shots).astype(int))
    data = qm.Samples(bases, np.array([counts]))
    times = np.array([1.0])
    blind = concurrence_of_counts(times, data, (0, 1))
    found = concurrence_of_counts(times, data, (0, 1), residual=np.array([residual]))
    (wanted,) = concurrence_of_states(x_state(residual)[None])
    assert found.lower[0] <= wanted <= found.upper[0]
    # Without it the interval is of the state that was measured, and misses.
    assert blind.lower[0] > wanted


@pytest.mark.slow
def test_mitigated_concurrence_covers_where_the_closed_form_is_poor():
    """(g, γ) = (0.2, 0.1): covered 2 % of the time before (issue 10)."""
    memristor = qm.Memristor(qm.SquidRate(0.1), a=np.pi / 4)
    network = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 0.2)})
    times = network.period * np.linspace(0.2, 8, 8)
    wanted = qm.master_equation(network, times).concurrence(0, 1).value
    coverage = {}
    for name, splitting in {
        "compiled": "compiled",
        "closed form": qm.ConstantDepth(tolerance=1.0),
    }.items():
        record = qm.run(
            network,
            times,
            target=qm.aer(seed=3),
            shots=10**6,
            splitting=splitting,
            bases="tomography",
            mitigation=qm.Mitigation(),
        )
        found = qm.mitigate(record).concurrence(0, 1)
        # Shots alone would miss one time in twenty; the bound of the compilation comes on top.
        assert np.all((found.lower <= wanted) & (wanted <= found.upper))
        data = qm.mitigate(record).mitigated
        blind = concurrence_of_counts(times, data, (0, 1))
        coverage[name] = np.mean((blind.lower <= wanted) & (wanted <= blind.upper))
    # Negative control: without the residual the closed form's interval is of another state.
    assert coverage["closed form"] <= 0.25
