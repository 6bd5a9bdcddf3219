"""Concurrence of a pair and its interval; derivations in tests/oracles/entanglement.md."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit.analysis.entanglement import find_deaths_and_births
from qmemcircuit.analysis.loops import Loop
from qmemcircuit.analysis.relations import inverse_relation
from qmemcircuit.common.states import (
    concurrence_of_states,
    expectation,
    outcome_probabilities,
    pauli_matrix,
    signed_concurrence,
)
from qmemcircuit.counts import witnesses
from qmemcircuit.counts.concurrence import Concurrence
from qmemcircuit.counts.estimates import Estimate
from qmemcircuit.counts.means import combine_paulis, pauli_mean, tomography_states
from qmemcircuit.counts.samples import Samples
from qmemcircuit.counts.witnesses import PairCounts, entanglement_witness, pair_counts
from qmemcircuit.results.trajectory import Trajectory

SETTINGS = tuple("".join(letters) for letters in product("XYZ", repeat=2))
SINGLET = np.array([[0, 0, 0, 0], [0, 1, -1, 0], [0, -1, 1, 0], [0, 0, 0, 0]], dtype=complex) / 2
PERIOD = 2 * np.pi


def werner(p: float) -> np.ndarray:
    return p * SINGLET + (1 - p) * np.eye(4) / 4


def pure_product(first: list[complex], second: list[complex]) -> np.ndarray:
    vector = np.kron(second, first) / (np.linalg.norm(first) * np.linalg.norm(second))
    return np.outer(vector, vector.conj())


def leaking_exchange() -> np.ndarray:
    # C = 0.1 hangs on <11|ρ|11> = 0: what damping leaves of an exchanged excitation.
    state = np.zeros((4, 4), dtype=complex)
    state[0, 0] = 0.9
    state[1:3, 1:3] = 0.05
    return state


def random_states(seed: int, rank: int, count: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    shape = (count, 4, rank)
    factor = random.normal(size=shape) + 1j * random.normal(size=shape)
    states = factor @ np.swapaxes(factor.conj(), 1, 2)
    return states / np.trace(states, axis1=1, axis2=2)[:, None, None]


def draw(states: np.ndarray, shots: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.stack(
        [random.multinomial(shots, outcome_probabilities(states, s)) for s in SETTINGS], axis=1
    )


def sampled(counts: np.ndarray, bases: tuple[str, ...] = SETTINGS) -> Trajectory:
    memristors = len(bases[0])
    zeros = np.zeros((len(counts), memristors))
    return Trajectory(np.arange(len(counts)) * 1.0, zeros, zeros, samples=Samples(bases, counts))


def intervals(state: np.ndarray, shots: int, seed: int, repeats: int, level: float) -> Concurrence:
    """The interval of `repeats` independent experiments on one state, as if at as many times."""
    counts = draw(np.broadcast_to(state, (repeats, 4, 4)), shots, seed)
    return sampled(counts).concurrence(0, 1, level=level, seed=seed)


def misses(found: Concurrence, truth: float) -> tuple[float, float]:
    assert found.lower is not None
    assert found.upper is not None
    # 1e-9: the true C of product states is known to rounding's square root only.
    return float(np.mean(found.lower > truth + 1e-9)), float(np.mean(found.upper < truth - 1e-9))


def allowed(level: float, repeats: int, z: float) -> float:
    """Largest share of misses that a coverage of `level` explains."""
    return (1 - level) + z * np.sqrt(level * (1 - level) / repeats)


@pytest.fixture(scope="module")
def yy_pair() -> Trajectory:
    """The paper's pair, Fig. 8: γ0 = 0.02, g = 1/15, 20 periods."""
    memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 1 / 15)})
    return qm.master_equation(pair, memristor.periods(20, points=30))


# ---- the witness ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), rank=st.integers(1, 4))
def test_witness_touches_its_state_and_never_exceeds_the_concurrence(seed: int, rank: int) -> None:
    at = random_states(seed, 4)
    witness = entanglement_witness(at)
    assert expectation(at, witness[0])[0] == pytest.approx(signed_concurrence(at)[0], abs=1e-10)
    others = random_states(seed + 1, rank, count=20)
    # 1e-8 · ‖G‖: rounding in the roots of singular states.
    slack = 1e-8 * np.linalg.norm(witness)
    assert np.all(expectation(others, witness[0]) <= signed_concurrence(others) + slack)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_witness_is_the_partial_transpose_of_a_matrix_of_determinant_one(seed: int) -> None:
    witness = entanglement_witness(random_states(seed, 4))[0]
    transposed = -witness.reshape(2, 2, 2, 2).swapaxes(0, 2).reshape(4, 4)
    values, vectors = np.linalg.eigh(transposed)
    # Rank one: the rest is rounding, amplified by the condition number of the state.
    assert np.abs(values[:3]).max() < 1e-9 * values[3]
    a = np.sqrt(values[3]) * vectors[:, 3]
    assert abs(a[0] * a[3] - a[1] * a[2]) == pytest.approx(1.0, rel=1e-6)


def test_witness_of_a_noisy_bell_state_is_its_fidelity() -> None:
    np.testing.assert_allclose(
        entanglement_witness(werner(0.7)[None])[0], 2 * SINGLET - np.eye(4), atol=1e-12
    )


# ---- exact ---------------------------------------------------------------------------------------


def test_exact_concurrence_of_werner_states_has_no_interval() -> None:
    p = np.linspace(0, 1, 21)
    states = np.array([werner(value) for value in p])
    zeros = np.zeros((p.size, 2))
    found = Trajectory(np.arange(p.size) * 1.0, zeros, zeros, states=states).concurrence(0, 1)
    np.testing.assert_allclose(found.signed, (3 * p - 1) / 2, atol=1e-12)
    np.testing.assert_allclose(found.value, np.maximum(0, (3 * p - 1) / 2), atol=1e-12)
    assert found.lower is None
    assert found.upper is None
    assert found.level is None


def test_exact_concurrence_of_one_pair_in_three() -> None:
    # A singlet of 0 and 2 beside |1> on memristor 1: all of the entanglement is in that pair.
    state = np.zeros(8, dtype=complex)
    state[0b011], state[0b110] = 1 / np.sqrt(2), -1 / np.sqrt(2)
    zeros = np.zeros((1, 3))
    trajectory = Trajectory(np.zeros(1), zeros, zeros, states=np.outer(state, state.conj())[None])
    for pair, wanted in {(0, 2): 1.0, (2, 0): 1.0, (0, 1): 0.0, (1, 2): 0.0}.items():
        assert trajectory.concurrence(*pair).value[0] == pytest.approx(wanted, abs=1e-7)


# ---- the statistics of the counts ----------------------------------------------------------------


def test_least_variance_weights_are_unbiased_and_not_worse_than_pooling() -> None:
    states = random_states(3, 2, count=6)
    counts = draw(states, 300, seed=4)
    # Means of the exact frequencies, with weights that came from noisy counts.
    exact = np.stack([outcome_probabilities(states, s) for s in SETTINGS], axis=1)
    ours = witnesses._weighed(PairCounts(counts))
    means = np.einsum("tskp,tsk->tp", ours.weights, exact)
    for p, letters in enumerate(product("IXYZ", repeat=2)):
        label = "".join(letters)
        np.testing.assert_allclose(
            means[:, p], expectation(states, pauli_matrix(label)), atol=1e-10
        )
        if p > 0:
            error = np.sqrt(witnesses._variance(np.eye(16)[p] * np.ones((6, 1)), ours))
            # The witnesses' posterior has shots + 1 where the means' has shots + 2: 1/600.
            assert np.all(error <= pauli_mean(Samples(SETTINGS, counts), label)[1] * (1 + 1 / 500))


def test_variance_is_that_of_repeated_experiments() -> None:
    state, repeats = random_states(8, 3)[0], 4000
    counts = draw(np.broadcast_to(state, (repeats, 4, 4)), 500, seed=9)
    weights = np.repeat(witnesses._weighed(PairCounts(counts[:1])).weights, repeats, axis=0)
    data = replace(witnesses._weighed(PairCounts(counts)), weights=weights)
    witness = np.random.default_rng(2).normal(size=16) * np.ones((repeats, 1))
    seen = np.var(witnesses._mean(witness, data, weights))
    said = np.mean(witnesses._variance(witness, data))
    # Sampling error of a variance is √(2/4000) = 2.2 %; 4 of those. 1.25 would be a mutant.
    assert said / seen == pytest.approx(1.0, abs=0.09)


def test_halves_add_up_and_differ_by_at_most_one_shot() -> None:
    counts = draw(random_states(1, 4, count=30), 101, seed=2)
    half, rest = witnesses._halve(counts, np.random.default_rng(0))
    np.testing.assert_array_equal(half + rest, counts)
    assert half.min() >= 0
    assert rest.min() >= 0
    assert np.abs(half.sum(axis=2) - rest.sum(axis=2)).max() == 1


def test_pair_of_three_is_marginalised_onto_its_own_settings() -> None:
    random = np.random.default_rng(5)
    bases = tuple("".join(letters) for letters in product("XYZ", repeat=3))
    counts = random.integers(0, 50, (2, 27, 8))
    for first, second in ((0, 1), (0, 2), (2, 1)):
        pair = Samples(SETTINGS, pair_counts(Samples(bases, counts), first, second).counts)
        for letters in product("IXYZ", repeat=2):
            if letters == ("I", "I"):
                continue
            label = ["I"] * 3
            label[first], label[second] = letters
            np.testing.assert_allclose(
                pauli_mean(pair, "".join(letters))[0],
                pauli_mean(Samples(bases, counts), "".join(label))[0],
                atol=1e-12,
            )


def test_value_is_a_projected_state_s_within_the_interval_and_repeatable() -> None:
    counts = draw(random_states(6, 2, count=40), 400, seed=7)
    found = sampled(counts).concurrence(0, 1)
    assert found.lower is not None
    assert found.upper is not None
    np.testing.assert_array_equal(
        found.value, np.clip(np.maximum(found.signed, 0), found.lower, found.upper)
    )
    assert np.all((found.lower >= 0) & (found.upper <= 1))
    np.testing.assert_array_equal(found.lower, sampled(counts).concurrence(0, 1).lower)
    other = sampled(counts).concurrence(0, 1, seed=1)
    np.testing.assert_array_equal(found.signed, other.signed)
    assert np.any(found.lower != other.lower)


def _plain_states(samples: Samples) -> np.ndarray:
    """Tomography with equal weights for all settings that measure a Pauli."""
    return tomography_states(lambda terms: combine_paulis(samples, terms), 2)


@pytest.mark.parametrize("name", ["plus", "leaking", "werner"])
def test_value_is_nearer_to_the_truth_than_that_of_equal_weights(name: str) -> None:
    state, repeats = STATES[name], 300
    truth = float(concurrence_of_states(state[None])[0])
    counts = draw(np.broadcast_to(state, (repeats, 4, 4)), 3000, seed=8)
    plain = concurrence_of_states(_plain_states(Samples(SETTINGS, counts)))
    ours = sampled(counts).concurrence(0, 1).value
    # Werner states gain nothing: 4 % is the sampling error of a root mean square of 300.
    assert np.mean((ours - truth) ** 2) <= 1.08 * np.mean((plain - truth) ** 2)


def test_value_is_biased_at_zero_and_at_one() -> None:
    # The statement of the docstring, so that nobody reads `value` as a mean.
    for name, sign in (("plus", 1), ("bell", -1)):
        found = intervals(STATES[name], 1000, 6, 200, 0.95)
        truth = float(concurrence_of_states(STATES[name][None])[0])
        bias = sign * float(np.mean(np.maximum(found.signed, 0)) - truth)
        assert float(np.std(found.signed)) < bias < 3 / np.sqrt(1000)


# ---- coverage ------------------------------------------------------------------------------------

STATES = {
    "ground": pure_product([1, 0], [1, 0]),
    "plus": pure_product([1, 1], [1, 1]),
    "product": pure_product([0.92, 0.3 + 0.25j], [1, 1]),
    "werner below": werner(0.3),
    "werner at zero": werner(1 / 3),
    "werner above": werner(0.37),
    "werner": werner(0.45),
    "nearly bell": werner(0.99),
    "bell": werner(1.0),
    "leaking": leaking_exchange(),
}
PERIODS = (0.5, 3.0, 6.5, 7.03, 7.5, 8.0, 11.0, 14.5, 18.0)


@pytest.mark.parametrize(
    ("name", "shots"),
    [("plus", 1000), ("werner at zero", 1000), ("werner", 300), ("bell", 500), ("leaking", 3000)],
)
def test_coverage_is_at_least_nominal(name: str, shots: int) -> None:
    truth, repeats = float(concurrence_of_states(STATES[name][None])[0]), 600
    found = intervals(STATES[name], shots, 21, repeats, 0.95)
    low, high = misses(found, truth)
    # 3.1 standard errors: five tests pass by chance of 0.5 % each.
    assert low + high <= allowed(0.95, repeats, 3.1)
    # Entanglement is claimed wrongly with (1 − level)/2 only.
    assert low <= allowed(0.975, repeats, 3.1)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.68, 0.95])
@pytest.mark.parametrize("shots", [100, 1000, 20000])
def test_coverage_over_states_and_shots(yy_pair: Trajectory, shots: int, level: float) -> None:
    assert yy_pair.states is not None
    states = dict(STATES)
    for period in PERIODS:
        states[f"yy {period}T"] = yy_pair.states[round(30 * period)]
    repeats = 150
    for place, (name, state) in enumerate(states.items()):
        state = (state + state.conj().T) / 2
        truth = float(concurrence_of_states(state[None])[0])
        found = intervals(state, shots, 100 + place, repeats, level)
        low, high = misses(found, truth)
        # 19 states × 6 cases × 3 checks: 3.7 standard errors are passed by chance of 4 % in all.
        assert low + high <= allowed(level, repeats, 3.7), (name, low, high)
        # What deaths and births rest on: neither entanglement nor separability is claimed wrongly
        # with more than (1 − level)/2.
        assert low <= allowed((1 + level) / 2, repeats, 3.7), (name, low)
        separable = 0.0 if truth < 1e-6 else float(np.mean(found.upper == 0))
        assert separable <= allowed((1 + level) / 2, repeats, 3.7), (name, separable)


def test_a_narrower_interval_is_rejected() -> None:
    # The mutant: 80 % intervals sold as 95 % ones.
    repeats = 600
    truth = float(concurrence_of_states(STATES["werner"][None])[0])
    low, high = misses(intervals(STATES["werner"], 300, 21, repeats, 0.80), truth)
    assert low + high > allowed(0.95, repeats, 3.1)


def test_a_bootstrap_of_the_projected_estimate_fails_at_zero() -> None:
    # Percentiles of resampled, projected tomography: at C = 0 nearly every 95 % interval lies
    # above zero, since both the data and the resampling are biased upwards.
    repeats, resamples, shots = 40, 200, 1000
    counts = draw(np.broadcast_to(STATES["ground"], (repeats, 4, 4)), shots, seed=3)
    random = np.random.default_rng(4)
    excluded = 0
    for one in counts:
        resampled = random.multinomial(shots, one / shots, size=(resamples, 9))
        values = concurrence_of_states(_plain_states(Samples(SETTINGS, resampled)))
        excluded += bool(np.quantile(values, 0.025) > 0)
    assert excluded / repeats > 0.5
    ours = sampled(counts).concurrence(0, 1)
    assert misses(ours, 0.0)[0] <= allowed(0.975, repeats, 3.1)


def test_a_witness_tested_on_the_shots_that_chose_it_fails_at_zero() -> None:
    repeats = 400
    counts = draw(np.broadcast_to(STATES["ground"], (repeats, 4, 4)), 1000, seed=5)
    data = witnesses._weighed(PairCounts(counts))
    witness = witnesses._best_witness(data, 1.96)
    error = np.sqrt(witnesses._variance(witness, data))
    lower = witnesses._mean(witness, data, data.weights) - 1.96 * error
    assert np.mean(lower > 0) > allowed(0.975, repeats, 3.1)


@pytest.mark.parametrize("name", ["werner", "werner above"])
def test_intervals_of_full_rank_states_are_not_wider_than_the_spread_needs(name: str) -> None:
    # An unbiased estimate of known error has half-widths of z spreads; 30 % more pays for the
    # choice of a witness. Only states of full rank, where the spread is of first order.
    found = intervals(STATES[name], 20000, 31, 300, 0.95)
    assert found.lower is not None
    assert found.upper is not None
    half = float(np.mean(found.upper - found.lower)) / 2
    assert half <= 1.3 * 1.96 * float(np.std(found.signed))


def test_no_interval_of_a_series_is_blown_up_by_a_hardly_measured_direction() -> None:
    # A CR_y pair is separable but for an early C < 0.03; its states come close to singular.
    memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.ControlledRotation("y", 1 / 15)})
    exact = qm.exact_circuit(pair, memristor.periods(20, points=10))
    assert exact.states is not None
    found = sampled(draw(exact.states, 5000, seed=1)).concurrence(0, 1)
    truth = concurrence_of_states(exact.states)
    assert found.upper is not None
    # As for a pure product state below: a few standard errors of a Pauli mean, at all 201 times.
    assert np.all(found.upper - truth <= 6 / np.sqrt(5000))


@pytest.mark.parametrize("shots", [300, 5000])
def test_upper_limit_of_a_pure_product_state_falls_as_the_noise(shots: int) -> None:
    # One Pauli mean has an error of up to 1/√shots, C a few of them: the limit must be of that
    # order, not of order one. 6/√shots is three errors of 1.96 such terms.
    found = intervals(STATES["plus"], shots, 41, 200, 0.95)
    assert found.upper is not None
    assert float(np.median(found.upper)) <= 6 / np.sqrt(shots)


# ---- deaths and births ---------------------------------------------------------------------------


def test_exact_roots_converge_at_second_order() -> None:
    errors = []
    for points in (7, 15, 31):
        times = np.linspace(0, 3.3, points)
        curve = Concurrence(times, np.maximum(0, np.cos(times)), np.cos(times))
        (event,) = find_deaths_and_births(curve)
        assert event.kind == "death"
        assert event.lower <= np.pi / 2 <= event.upper
        errors.append(abs(event.time - np.pi / 2) / (times[1] - times[0]) ** 2)
    # Linear interpolation of cos near its root: |f''| h²/8 with f'' = −f, so far below h²/8.
    assert max(errors) < 1 / 8


def test_growth_from_a_product_state_is_no_birth() -> None:
    times = np.linspace(0, 1, 11)
    assert find_deaths_and_births(Concurrence(times, np.sin(times), np.sin(times))) == ()


def test_exact_death_and_birth_of_the_papers_pair(yy_pair: Trajectory) -> None:
    events = find_deaths_and_births(yy_pair.concurrence(0, 1))
    # guo2022, Fig. 8, as read by physics.md: death near 7T, birth near 8T, second lobe to 15T,
    # where C oscillates at 2ω about zero and dies and is born several times.
    assert [event.kind for event in events[:3]] == ["death", "birth", "death"]
    assert events[0].time / PERIOD == pytest.approx(7, abs=0.5)
    assert events[1].time / PERIOD == pytest.approx(8, abs=0.5)
    assert 14 < events[2].time / PERIOD < 15


def test_sampled_death_and_birth_are_bracketed(yy_pair: Trajectory) -> None:
    assert yy_pair.states is not None
    death, birth = find_deaths_and_births(yy_pair.concurrence(0, 1))[:2]
    window = slice(180, 271)  # 6T to 9T: one death, one birth
    times, states = yy_pair.times[window], yy_pair.states[window]
    states = (states + np.swapaxes(states.conj(), 1, 2)) / 2
    repeats, wrong, complete = 16, 0, 0
    for seed in range(repeats):
        zeros = np.zeros((times.size, 2))
        record = Samples(SETTINGS, draw(states, 5000, seed))
        trajectory = Trajectory(times, zeros, zeros, samples=record)
        events = find_deaths_and_births(trajectory.concurrence(0, 1, seed=seed))
        kinds = [event.kind for event in events]
        wrong += kinds not in (["death", "birth"], ["death"], ["birth"], [])
        wrong += any(
            not event.lower <= (death if event.kind == "death" else birth).time <= event.upper
            for event in events
        )
        complete += kinds == ["death", "birth"]
        assert all(event.upper - event.lower < 1.2 * PERIOD for event in events)
    # At a level of 95 % each, more than 3 of 16 wrong ones have a probability of 0.7 %.
    assert wrong <= 3
    # 5000 shots tell both apart nearly always: the dead stretch is 29 times long.
    assert complete >= 12


def test_no_event_is_claimed_where_nothing_happens_but_a_point_estimate_claims_many() -> None:
    found = intervals(werner(1 / 3), 1000, 51, 300, 0.95)
    assert find_deaths_and_births(found) == ()
    assert np.count_nonzero(np.diff((found.signed > 0).astype(int))) > 50


def test_what_the_shots_leave_open_is_said_and_how_many_would_decide() -> None:
    grazing = find_deaths_and_births(intervals(werner(1 / 3), 1000, 51, 300, 0.95))
    assert grazing.undecided
    assert sum(stretch.upper - stretch.lower for stretch in grazing.undecided) > 40 / 51
    # C = 0.04: 300 shots are too few, and the estimate is good to a factor of a few.
    weak = werner((1 + 2 * 0.04) / 3)
    found = find_deaths_and_births(intervals(weak, 300, 21, 300, 0.95))
    assert found == ()
    (stretch,) = found.undecided
    factor = stretch.shots_factor
    assert 3 < factor < 1000
    assert "times the shots would decide" in str(found)
    clear = find_deaths_and_births(intervals(weak, int(300 * 4 * factor), 21, 300, 0.95))
    assert clear == ()
    # Four times as many as estimated decide nearly everywhere; chance leaves gaps.
    left = sum(stretch.upper - stretch.lower for stretch in clear.undecided)
    assert left < 0.2 * (stretch.upper - stretch.lower)
    assert copy.copy(found).undecided == found.undecided


def test_exact_states_leave_nothing_undecided(yy_pair: Trajectory) -> None:
    assert find_deaths_and_births(yy_pair.concurrence(0, 1)).undecided == ()


# ---- the inverse relation ------------------------------------------------------------------------


def loop(index: int, form_factor: float) -> Loop:
    empty, one = np.zeros(0), Estimate(1.0)
    return Loop(index, index, index + 1.0, empty, empty, one, one, Estimate(form_factor), (), None)


@pytest.mark.parametrize("lag", [-2, 0, 1])
def test_lag_of_a_shifted_and_inverted_series_is_found(lag: int) -> None:
    random = np.random.default_rng(0)
    means = random.uniform(size=12)
    times = np.linspace(0, 12, 12 * 50 + 1)
    # Constant within each loop; its value at a boundary weighs 1/50.
    value = means[np.minimum(times.astype(int), 11)]
    factors = 1 - np.roll(means, lag)
    found = inverse_relation(
        Concurrence(times, value, value), [loop(n, f) for n, f in enumerate(factors)]
    )
    assert found.lag == lag
    assert found.pearson[found.lags == lag][0] == pytest.approx(-1, abs=0.01)


# ---- bad input -----------------------------------------------------------------------------------


def test_unmeasured_pair_is_refused_with_the_remedy() -> None:
    bases = ("XXX", "YYY", "ZZZ")
    counts = np.full((1, 3, 8), 100)
    with pytest.raises(ValueError, match=r"XY.*was not measured.*bases='tomography'"):
        sampled(counts, bases).concurrence(0, 2)


def test_bad_arguments_are_refused() -> None:
    counts = draw(random_states(0, 4), 200, seed=0)
    trajectory = sampled(counts)
    with pytest.raises(ValueError, match="second must differ"):
        trajectory.concurrence(1, 1)
    with pytest.raises(ValueError, match="second must be from 0 to 1"):
        trajectory.concurrence(0, 2)
    with pytest.raises(ValueError, match="level must be below 1"):
        trajectory.concurrence(0, 1, level=1.0)
    with pytest.raises(ValueError, match="at least 50 shots"):
        sampled(counts // 10).concurrence(0, 1)
    with pytest.raises(ValueError, match="positive definite"):
        entanglement_witness(SINGLET[None])
    zeros = np.zeros((1, 2))
    with pytest.raises(ValueError, match="states or samples"):
        Trajectory(np.zeros(1), zeros, zeros).concurrence(0, 1)
    flat = Concurrence(np.linspace(0, 9, 91), np.ones(91), np.ones(91))
    with pytest.raises(ValueError, match="at least 9 loops"):
        inverse_relation(flat, [loop(n, 0.1 * n) for n in range(3)])
    with pytest.raises(ValueError, match="must cover the loops"):
        inverse_relation(flat, [loop(n, 0.1 * n) for n in range(10)])
    with pytest.raises(ValueError, match="constant"):
        inverse_relation(flat, [loop(n, 0.1 * n) for n in range(9)])


def test_plot_shows_points_reference_and_events() -> None:
    found = intervals(werner(0.5), 200, 1, 5, 0.95)
    event = qm.Event("death", 2.0, 1.0, 3.0)
    ax = qm.plot_concurrence(found, reference=found, events=[event])
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {
        "sudden death",
        "digital, 95 % intervals",
        "reference",
    }


def test_limits_within_stated_errors_hold_and_are_as_wide_as_those():
    """States of every rank, each Pauli mean anywhere within its error; the truth is QuTiP's."""
    random = np.random.default_rng(7)
    exact = [random_states(5, rank, 20) for rank in (1, 2, 3, 4)]
    exact.append(np.array([werner(p) for p in np.linspace(0, 1, 20)]))
    exact.append(np.repeat(leaking_exchange()[None], 20, axis=0))
    states = np.concatenate(exact)
    truth = [qutip.concurrence(qutip.Qobj(item, dims=[[2, 2], [2, 2]])) for item in states]
    matrices = np.array([pauli_matrix(a + b) for a in "IXYZ" for b in "IXYZ"])
    for scale in (1e-3, 0.03):
        errors = scale * random.uniform(0.1, 1, (len(states), 16))
        errors[:, 0] = 0
        off = np.tensordot(errors * random.uniform(-1, 1, errors.shape), matrices, axes=1) / 4
        lower, upper, _ = witnesses.concurrence_within(states + off, errors.reshape(-1, 4, 4))
        assert np.all(lower <= np.add(truth, 1e-7))
        assert np.all(truth <= upper + 1e-7)
        assert np.median(upper - lower) < 8 * scale
        # The mutant: errors said to be a tenth of what they are.
        lower, upper, _ = witnesses.concurrence_within(states + off, errors.reshape(-1, 4, 4) / 10)
        assert np.mean((lower > truth) | (truth > upper)) > 0.3


def test_witnesses_of_noisy_products_claim_no_entanglement():
    """Of a product with white noise λ1 = λ2: singular vectors instead of Takagi's were 10 off."""
    products = np.array([pure_product([1, 0.3j * k], [0.2, 1 - k]) for k in range(5)])
    noisy = np.concatenate([0.7 * products + 0.3 * np.eye(4) / 4, np.eye(4)[None] / 4])
    others = random_states(3, 1, 200)
    for state, witness in zip(noisy, entanglement_witness(noisy), strict=True):
        assert np.all(expectation(others, witness) <= signed_concurrence(others) + 1e-9)
        assert expectation(state[None], witness) == pytest.approx(
            signed_concurrence(state[None]), abs=1e-9
        )


def test_events_within_stated_errors_need_no_neighbours():
    times = np.linspace(0, 1, 6)
    signed = np.array([0.0, 0.2, 0.3, 0.05, -0.1, -0.2])
    made = Concurrence(
        times, np.maximum(signed, 0), signed, signed - 0.1, np.maximum(signed + 0.08, 0)
    )
    found = find_deaths_and_births(made)
    assert [(event.kind, event.lower, event.upper) for event in found] == [("death", 0.4, 0.8)]
    assert "too large" in str(found.undecided[0])
