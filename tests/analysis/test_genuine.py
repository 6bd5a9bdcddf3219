"""Genuine entanglement of three and four: closed forms, biseparable states, fresh counts."""

from dataclasses import replace
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit.analysis.multipartite.elements import elements_of_letters, strongest
from qmemcircuit.analysis.multipartite.mixtures import (
    best_witnesses,
    cuts,
    partial_transpose,
    pauli_labels,
)
from qmemcircuit.analysis.multipartite.ranking import _without_least
from qmemcircuit.common.states import outcome_probabilities, pauli_matrix
from qmemcircuit.counts.means import measured_labels

SOLVER = 5e-5  # tolerance of the programme, a few times
T = 2 * np.pi


def ghz(parties):
    vector = np.zeros(2**parties, dtype=complex)
    vector[[0, -1]] = np.sqrt(0.5)
    return np.outer(vector, vector)


def w(parties):
    vector = np.zeros(2**parties, dtype=complex)
    vector[[1 << k for k in range(parties)]] = parties**-0.5
    return np.outer(vector, vector)


def noisy(state, share):
    return (1 - share) * state + share * np.eye(len(state)) / len(state)


def random_state(rng, size):
    matrix = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    weights = rng.dirichlet(np.full(size, 0.3))
    vectors, _ = np.linalg.qr(matrix)
    return (vectors * weights) @ vectors.conj().T


def place(first, second, side, parties):
    """first on the parties of `side`, second on the others; party 0 is least significant."""
    rest = [j for j in range(parties) if j not in side]
    state = np.zeros((2**parties, 2**parties), dtype=complex)
    for row, column in product(range(2**parties), repeat=2):
        a, b = (
            (
                sum(((row >> j) & 1) << n for n, j in enumerate(group)),
                sum(((column >> j) & 1) << n for n, j in enumerate(group)),
            )
            for group in (side, rest)
        )
        state[row, column] = first[a] * second[b]
    return state


def biseparable(rng, parties):
    weights = rng.dirichlet(np.ones(len(cuts(parties))))
    return sum(
        weight
        * place(
            random_state(rng, 2 ** len(side)), random_state(rng, 2 ** (parties - len(side))), side,
            parties,
        )
        for weight, side in zip(weights, cuts(parties), strict=True)
    )  # fmt: skip


@cache
def matrices(parties):
    return np.array([pauli_matrix(label) for label in pauli_labels(parties)])


def expectation(coefficients, state):
    means = np.einsum("pij,ji->p", matrices(len(state).bit_length() - 1), state).real
    return float(coefficients @ means)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.56, 0.6])
def test_noisy_ghz_states_have_their_fidelity_above_a_half(share):
    """E = max(0, F − ½), F = 1 − 7/8 share: Gühne and Seevinck, eq. 5, tight for GHZ-diagonal."""
    state = noisy(ghz(3), share)
    (witness,) = best_witnesses(state[None])
    expected = max(0.0, 0.5 - 7 / 8 * share)
    assert -expectation(witness, state) == pytest.approx(expected, abs=SOLVER)
    # GHZ type: 1/2 (1 − share) − 3 share/8, the same number.
    assert strongest(state[None])[0]["GHZ"][0] == pytest.approx(0.5 - 7 / 8 * share, abs=1e-12)


def test_w_and_ghz_of_three_and_four():
    assert -expectation(best_witnesses(w(3)[None])[0], w(3)) == pytest.approx(0.44281, abs=SOLVER)
    four = ghz(4)
    assert -expectation(best_witnesses(four[None])[0], four) == pytest.approx(0.5, abs=SOLVER)
    for parties in (3, 4):
        for kind, state in (("GHZ", ghz(parties)), ("W", w(parties))):
            best = strongest(state[None])[0]
            assert best[kind][0] == pytest.approx(0.5, abs=1e-9)
            other = "W" if kind == "GHZ" else "GHZ"
            assert best[other][0] < 0.5


@given(seed=st.integers(0, 2**32 - 1), parties=st.sampled_from([3, 4]))
@settings(max_examples=20, deadline=None)
def test_no_inequality_calls_a_biseparable_state_entangled(seed, parties):
    state = biseparable(np.random.default_rng(seed), parties)
    assert np.trace(state).real == pytest.approx(1)
    for item in elements_of_letters(parties, alike=True):
        assert item.violation(state[None])[0] < 1e-12


def random_turn(rng, parties):
    turn = np.ones((1, 1))
    for _ in range(parties):
        unitary, _ = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))
        turn = np.kron(unitary, turn)
    return turn


@pytest.mark.parametrize("parties", [3, 4])
def test_the_best_local_bases_are_found(parties):
    """The violation of a state does not know how its parties were turned; the kind is known.

    In a GHZ state with white noise of share p the element is (1 − p)/2 and each of the d/2 − 1
    roots is p/d; in a W state the N(N − 1)/2 elements and N populations are (1 − p)/N, and the
    noise adds p/d to each population and root.
    """
    rng, share, size = np.random.default_rng(11), 0.15, 2**parties
    pairs = parties * (parties - 1) / 2
    expected = {
        "GHZ": (1 - share) / 2 - share * (size / 2 - 1) / size,
        "W": (1 - share) / 2 - share * (pairs + parties * (parties - 2) / 2) / size,
    }
    for kind, state in (("GHZ", ghz(parties)), ("W", w(parties))):
        for _ in range(2):
            turn = random_turn(rng, parties)
            turned = turn @ noisy(state, share) @ turn.conj().T
            best = strongest(turned[None])[0]
            assert best[kind][0] == pytest.approx(expected[kind], abs=1e-6)
            assert best["W" if kind == "GHZ" else "GHZ"][0] < best[kind][0] - 0.1
            # Along the three axes alone it is not seen.
            letters = elements_of_letters(parties, alike=True)
            assert max(item.violation(turned[None])[0] for item in letters) < 0.8 * expected[kind]
    # What is a mixture of separable cuts is not called entangled in any basis.
    states = np.array([biseparable(rng, parties) for _ in range(4)])
    assert all(value < 1e-9 for best in strongest(states) for value, _ in best.values())


def test_a_star_of_four_is_like_a_ghz_state():
    """exp(−iπ/4 ZZ) on the edges of a star of |+> makes a GHZ state up to local turns."""
    star = np.ones(16, dtype=complex) / 4
    for leaf in (1, 2, 3):
        signs = [(-1) ** ((row & 1) + ((row >> leaf) & 1)) for row in range(16)]
        star *= np.exp(-1j * np.pi / 4 * np.array(signs))
    states = np.array([noisy(np.outer(star, star.conj()), 0.2)])
    still = qm.Trajectory([0.0], np.zeros((1, 4)), np.zeros((1, 4)), states=states)
    found = qm.genuine_entanglement(still, criterion="elements")
    assert found.kinds == ("GHZ",)
    # 15/16 of the noise is beside the state; the white noise of the linear form costs 1e-3.
    assert found.violation.value[0] == pytest.approx(0.5 - 15 / 16 * 0.2, abs=1e-3)


def test_settings_are_dropped_that_the_witness_needs_least():
    """Of four parties, ZZZZ and two more hold all that this witness needs."""
    labels = pauli_labels(4)
    settings = [label for label in labels if "I" not in label]
    needs = {"ZZII": 1.0, "IZZZ": 1.0, "XXXX": 0.5, "XYXY": 0.2}
    witness = np.array([needs.get(label, 0.0) for label in labels])
    assert set(_without_least(settings, 3, witness, labels)) == {"ZZZZ", "XXXX", "XYXY"}
    assert len(_without_least(settings, 60, witness, labels)) == 60


def test_witnesses_are_never_below_zero_on_biseparable_states():
    """Of the programme and of the elements, at random states; a mutant is."""
    rng = np.random.default_rng(5)
    targets = np.array([noisy(ghz(3), 0.1), noisy(w(3), 0.2), noisy(random_state(rng, 8), 0.1)])
    found = list(best_witnesses(targets))
    for target in targets:
        for element in (item for _, item in strongest(target[None])[0].values()):
            matrix = element.witness(target)
            found.append(np.einsum("ij,pji->p", matrix, matrices(3)).real / 8)
            # It shows what the inequality does, but for the noise mixed in.
            shown, violation = -np.trace(matrix @ target).real, element.violation(target[None])[0]
            assert violation - 1e-2 < shown <= violation + 1e-12
    tried = [biseparable(rng, 3) for _ in range(60)]
    for side, _ in product(cuts(3), range(40)):
        one, two = rng.normal(size=2) + 0j, rng.normal(size=4) + 1j * rng.normal(size=4)
        tried.append(place(np.outer(one, one), np.outer(two, two.conj()), side, 3))
    tried = [state / np.trace(state).real for state in tried]
    assert min(expectation(item, state) for item in found for state in tried) > -1e-9
    mutant = found[0] - np.eye(1, 64)[0] * 0.1
    assert min(expectation(mutant, state) for state in tried) < 0


def test_it_is_below_the_least_negativity_and_blind_to_local_turns():
    rng = np.random.default_rng(2)
    states = np.array([noisy(w(3), 0.15), noisy(ghz(3), 0.3), random_state(rng, 8)])
    turn = random_turn(rng, 3)
    turned = turn @ states @ turn.conj().T
    values = [
        [-expectation(c, s) for c, s in zip(best_witnesses(group), group, strict=True)]
        for group in (states, turned)
    ]
    assert values[0] == pytest.approx(values[1], abs=SOLVER)
    for value, state in zip(values[0], states, strict=True):
        least = min(
            -np.minimum(np.linalg.eigvalsh(partial_transpose(state, side)), 0).sum()
            for side in cuts(3)
        )
        assert value <= least + SOLVER


@pytest.fixture(scope="module")
def ring():
    memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    network = qm.ring([memristor] * 3, qm.Native("y", 1 / 15))
    times = np.array([1.25, 2.17, 3.25]) * T
    return network, qm.exact_circuit(network, times, splitting="strang", steps=40)


def test_fresh_counts_have_the_exact_value_in_their_errors(ring):
    network, exact = ring
    truth = qm.genuine_entanglement(exact)
    # An independent semidefinite programme (many.md): 0.2485 at 2.17T.
    assert truth.violation.value[1] == pytest.approx(0.2485, abs=1e-3)
    # In the same bases for all parties only the first and last are seen (many.md).
    assert truth.kinds == ("W", "GHZ", "GHZ")
    # The fixed witness of a mutant, whose coupling has the other sign, is not this one's.
    opposite = qm.ring(network.memristors, qm.Native("y", -1 / 15))
    scores, mutants = [], []
    for seed in range(8):
        how = {"shots": 2000, "bases": "tomography", "splitting": "strang", "steps": 40}
        for model, group in ((network, scores), (opposite, mutants)):
            if model is opposite and seed >= 2:
                continue
            measured = qm.estimate(qm.run(model, exact.times, target=qm.aer(seed=seed), **how))
            found = qm.genuine_entanglement(measured, truth).violation
            group.append((found.value - truth.violation.value) / found.standard_error)
    # 24 scores: z = 3.6 for all at 99 %, and their variance within its 99.9 % range.
    scores = np.array(scores)
    assert np.abs(scores).max() < 3.6
    assert 0.3 < scores.var() < 2.3
    assert np.abs(mutants).max() > 3.6
    assert found.value.shape == (3,)


@pytest.mark.slow
def test_few_settings_show_less_but_some():
    """Two settings are enough for a GHZ state (Toth and Guehne 2005); one is for no state."""
    ranked = qm.rank_settings(noisy(ghz(3), 0.1))
    violations = [violation for _, violation in ranked]
    assert [len(names) for names, _ in ranked] == list(range(27, 0, -1))
    assert all(later <= before + SOLVER for before, later in pairwise(violations))
    assert violations[0] == pytest.approx(0.5 - 7 / 8 * 0.1, abs=SOLVER)
    nine = next(names for names, _ in ranked if len(names) == 9)
    (alone,) = best_witnesses(noisy(ghz(3), 0.1)[None], measured_labels(nine))
    assert violations[18] == pytest.approx(-expectation(alone, noisy(ghz(3), 0.1)), abs=SOLVER)
    assert violations[-2] > 0.05
    assert violations[-1] == 0


def test_fresh_counts_of_four_have_the_exact_value_in_their_errors():
    """A star, by its inequality: no programme, which would take a quarter of a minute."""
    memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    network = qm.star([memristor] * 4, qm.Native("z", 1 / 15))
    exact = qm.exact_circuit(network, [1.33 * T], splitting="strang", steps=4)
    truth = qm.genuine_entanglement(exact, criterion="elements")
    assert truth.kinds == ("GHZ",)
    weaker = qm.star(network.memristors, qm.Native("z", 0.9 / 15))
    how = {"shots": 500, "bases": "tomography", "splitting": "strang", "steps": 4}
    scores, mutants = [], []
    for seed in range(16):
        for model, group in ((network, scores), (weaker, mutants)):
            if model is weaker and seed >= 4:
                continue
            measured = qm.estimate(qm.run(model, exact.times, target=qm.aer(seed=seed), **how))
            found = qm.genuine_entanglement(measured, truth).violation
            group.append(float(found.value[0] - truth.violation.value[0]))
            group[-1] /= float(found.standard_error[0])
    # 16 scores: z = 3.4 for all at 99 %, and their variance within its 99.9 % range.
    assert np.abs(scores).max() < 3.4
    assert 0.2 < np.var(scores) < 2.6
    assert np.abs(np.mean(mutants)) * 2 > 3.4


def test_few_settings_show_the_inequality_that_they_hold(ring):
    """Nine settings hold the GHZ type in the basis of X, 0.149 at 3.25T (many.md)."""
    _, exact = ring
    bases = ("XXX", *("".join(word) for word in product("YZ", repeat=3)))
    shares = np.stack([outcome_probabilities(exact.states, basis) for basis in bases], axis=1)
    counts = qm.Samples(bases, np.rint(1e7 * shares).astype(int))
    measured = replace(exact, states=None, samples=counts)
    found = qm.genuine_entanglement(measured, exact, criterion="elements").violation
    # 40 Strang steps move it, as they move the negativity above.
    assert found.value[2] == pytest.approx(0.149, abs=3e-3)
    # With all settings the bases are free.
    free = qm.genuine_entanglement(exact, criterion="elements").violation
    assert free.value[2] > found.value[2] - 1e-3


def test_what_cannot_be_witnessed_is_refused(ring):
    _, exact = ring
    counts = qm.Samples(("ZZZ",), np.full((3, 1, 8), 100))
    measured = replace(exact, states=None, samples=counts)
    with pytest.raises(ValueError, match="allow none at any time; measure bases='tomography'"):
        qm.genuine_entanglement(measured, exact)
    with pytest.raises(ValueError, match="Argument reference must be given"):
        qm.genuine_entanglement(measured)
    with pytest.raises(ValueError, match="was not measured"):
        qm.genuine_entanglement(measured, exact, criterion="elements")
    with pytest.raises(ValueError, match="three or four different memristors from 0 to 2"):
        qm.genuine_entanglement(exact, memristors=(0, 1))
    with pytest.raises(ValueError, match=r"shape \(8, 8\) or \(16, 16\)"):
        qm.rank_settings(np.eye(4) / 4)
