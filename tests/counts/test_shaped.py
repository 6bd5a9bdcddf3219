"""Extrapolation shaped by a model: oracles are a noise that is exact, and closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.common.states import (
    expectation,
    nearest_physical,
    outcome_probabilities,
    pauli_matrix,
    trace_distance,
)
from qmemcircuit.counts.allocation import predicted_shares
from qmemcircuit.counts.chi_squared import ChiSquared
from qmemcircuit.counts.extrapolations.shaped import NOISE_SCALE
from qmemcircuit.counts.mitigated import MitigatedSamples, restore_mitigated
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout, confusion_matrix

SETTINGS = tuple(a + b for a in "XYZ" for b in "XYZ")
LABELS = tuple(a + b for a in "IXYZ" for b in "IXYZ")[1:]
FLIPS = np.array([[0.03, 0.08], [0.01, 0.05]])
JOINT = np.kron(confusion_matrix(FLIPS[1]), confusion_matrix(FLIPS[0]))
KNOWN = Readout(np.round(10**12 * JOINT.T[[0, 3]]).astype(np.int64))
DECLARED = Mitigation((1, 3), extrapolation="shaped", drift=0.0)
TIMES = 3
SHOTS = np.array([4000, 400])
"""At factors 1 and 3: a tenth for the scale."""


def _states(seed: int, *, symmetric: bool = True) -> np.ndarray:
    """Mixed two-qubit states (T, 4, 4), symmetric under exchange or not."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(TIMES, 4, 4)) + 1j * random.normal(size=(TIMES, 4, 4))
    found = root @ np.swapaxes(root.conj(), 1, 2)
    if symmetric:
        swapped = found[:, [0, 2, 1, 3]][:, :, [0, 2, 1, 3]]
        found = found + swapped
    return found / np.trace(found, axis1=1, axis2=2)[:, None, None]


def _outcomes(states: np.ndarray) -> np.ndarray:
    """Return the probabilities before readout, (T, 9, 4)."""
    return np.stack([outcome_probabilities(states, setting) for setting in SETTINGS], axis=1)


def _excess(states: np.ndarray) -> np.ndarray:
    """Return what a noise that is not alike for the two qubits adds at factors 1 and 3."""
    clean, found = _outcomes(states), []
    for factor in (1, 3):
        noisy = np.zeros_like(states)
        for label in ("II", *LABELS):
            keep = np.exp(-factor * (0.04 * (label[0] != "I") + 0.07 * (label[1] != "I")))
            mean = expectation(states, pauli_matrix(label))
            noisy += keep * mean[:, None, None] * pauli_matrix(label) / 4
        found.append(_outcomes(noisy) - clean)
    return np.array(found)


STATES = _states(1)
EXCESS = _excess(STATES)
CLEAN = _outcomes(STATES)


def _draw(
    scale: float, random: np.random.Generator | None, excess: np.ndarray = EXCESS
) -> tuple[qm.Samples, ...]:
    found = []
    for shots, own in zip(SHOTS, excess, strict=True):
        chances = (CLEAN + scale * own) @ JOINT.T
        if random is None:
            counts = np.round(chances * 10**12).astype(np.int64)
        else:
            counts = random.multinomial(shots, chances / chances.sum(axis=2, keepdims=True))
        found.append(qm.Samples(SETTINGS, counts))
    return tuple(found)


def test_a_noise_of_the_right_shape_and_the_wrong_size_is_taken_off_exactly() -> None:
    found = MitigatedSamples(DECLARED, _draw(1.3, None), KNOWN, EXCESS[None])
    assert found.fitted[NOISE_SCALE].value == pytest.approx(1.3, abs=1e-8)
    # Rounding of the flips and the counts, 1e-12 each, over contrasts of 0.9.
    assert trace_distance(found.states(), STATES).max() < 1e-9
    believed = replace(DECLARED, factors=(1,))
    assert trace_distance(found.under(believed).states(), STATES).max() > 5e-3
    straight = Mitigation((1, 3))
    assert trace_distance(found.under(straight).states(), STATES).max() > 1e-3


def test_errors_are_the_spread_over_seeds_and_the_scale_is_in_them() -> None:
    """Of 100 experiments, counts and readout drawn anew; a deviation is known to 7 %."""
    values, errors, scales, squares = [], [], [], []
    for seed in range(100):
        random = np.random.default_rng([seed, 3])
        runs, readout = _draw(1.3, random), KNOWN.redrawn(20_000, random)
        found = MitigatedSamples(DECLARED, runs, readout, EXCESS[None])
        pairs = [found.combine({label: 1.0}) for label in ("XI", "ZZ")]
        values.append([mean for mean, _ in pairs])
        errors.append([error for _, error in pairs])
        scale = found.fitted[NOISE_SCALE]
        scales.append((scale.value, scale.error))
        squares.append(scale.residuals.value)
    wanted = np.array([expectation(STATES, pauli_matrix(label)) for label in ("XI", "ZZ")])
    pull = (np.array(values) - wanted) / np.array(errors)
    # Six deviations, each known to 7 %: z of the largest stays below 3.2 in 99 %.
    np.testing.assert_allclose(pull.std(axis=0), 1.0, rtol=0.23)
    value, error = np.array(scales).T
    assert value.std() == pytest.approx(error.mean(), rel=0.23)
    assert value.mean() == pytest.approx(1.3, abs=3.2 * error.mean() / np.sqrt(100))
    degrees = 15 * TIMES - 1
    assert np.mean(squares) == pytest.approx(degrees, abs=3.2 * np.sqrt(2 * degrees / 100))
    # The mutant: without the share of the scale and of the flips the error is too small.
    assert np.mean(errors) > 1.05 * np.mean(_without_the_scale())


def _without_the_scale() -> np.ndarray:
    found = MitigatedSamples(DECLARED, _draw(1.3, np.random.default_rng(0)), KNOWN, EXCESS[None])
    here = found.assumptions[0]
    return np.sqrt([found._value({label: 1.0}, here)[1] for label in ("XI", "ZZ")])


def test_a_wrong_shape_is_seen_by_its_residuals() -> None:
    other = _excess(_states(5))
    random = np.random.default_rng(2)
    wrong = MitigatedSamples(DECLARED, _draw(1.0, random, 6 * other), KNOWN, EXCESS[None])
    residuals = wrong.fitted[NOISE_SCALE].residuals
    assert residuals is not None
    assert residuals.p_value < 1e-6
    assert "p = " in wrong.remarks[0]


def test_drift_of_the_shape_is_in_the_error() -> None:
    """Two predictions that differ by a known shape: half of its square, for a share of ½ each."""
    change = np.zeros_like(EXCESS)
    change[0] = 0.01 * _excess(_states(5))[0]
    table = np.array([EXCESS, EXCESS + change, EXCESS + 3 * change])
    found = MitigatedSamples(
        replace(DECLARED, drift=0.1), _draw(1.0, np.random.default_rng(1)), KNOWN, table
    )
    one = MitigatedSamples(DECLARED, found.runs, KNOWN, EXCESS[None])
    mean, error = found.combine({"XX": 1.0})
    moved = [
        MitigatedSamples(DECLARED, found.runs, KNOWN, item[None]).combine({"XX": 1.0})[0] - mean
        for item in table[1:]
    ]
    wanted = one.combine({"XX": 1.0})[1] ** 2 + np.sum(np.square(moved), axis=0) / 2
    np.testing.assert_allclose(error**2, wanted, rtol=1e-9)


def test_exchange_halves_the_variance_where_two_means_are_one() -> None:
    """White noise: <XY> and <YX> together have twice the shots, <XX> gains nothing."""
    flat = qm.Samples(SETTINGS, np.full((1, 9, 4), 10**6))
    plain = MitigatedSamples(Mitigation(readout=False), (flat,), None)
    declared = replace(plain.mitigation, exchange=True)
    both = plain.under(declared)
    for label, ratio in (("XY", 0.5), ("IX", 0.5), ("XX", 1.0)):
        gain = (both.combine({label: 1.0})[1] / plain.combine({label: 1.0})[1]) ** 2
        assert gain[0] == pytest.approx(ratio, rel=1e-4)
    assert both.exchange_residuals == ChiSquared(0.0, 6)


def test_exchange_is_tested_by_the_antisymmetric_means() -> None:
    """As many degrees of freedom as antisymmetric means; the mutant is a pair that differs."""
    declared = replace(DECLARED, exchange=True)
    found = []
    for seed in range(40):
        random = np.random.default_rng([seed, 4])
        readout = KNOWN.redrawn(5000, random)
        one = MitigatedSamples(declared, _draw(1.2, random), readout, EXCESS[None])
        residuals = one.exchange_residuals
        assert residuals is not None
        assert residuals.degrees == 6 * TIMES
        found.append(residuals.value)
    # The mean of 40 χ², one check.
    assert np.mean(found) == pytest.approx(6 * TIMES, abs=3.1 * np.sqrt(12 * TIMES / 40))
    other = _states(3, symmetric=False)
    mixed = nearest_physical(0.7 * STATES + 0.3 * other)
    counts = np.round(_outcomes(mixed) @ JOINT.T * SHOTS[0]).astype(np.int64)
    wrong = MitigatedSamples(
        Mitigation(exchange=True), (qm.Samples(SETTINGS, counts),), KNOWN
    ).exchange_residuals
    assert wrong is not None
    assert wrong.p_value < 1e-6


def test_the_concurrence_takes_the_same_means() -> None:
    """A single number, exact counts: the interval closes on the concurrence of the true state."""
    bell = np.outer([0, 1, 1, 0], [0, 1, 1, 0]) / 2
    states = np.array([0.9 * bell + 0.1 * np.eye(4) / 4] * TIMES, dtype=complex)
    excess = _excess(states)
    runs = tuple(
        qm.Samples(
            SETTINGS,
            np.round((_outcomes(states) + 1.2 * own) @ JOINT.T * 10**9).astype(np.int64),
        )
        for own in excess
    )
    found = MitigatedSamples(replace(DECLARED, exchange=True), runs, KNOWN, excess[None])
    zeros = np.zeros((TIMES, 2))
    shown = qm.Trajectory(np.arange(3.0), zeros, zeros, mitigated=found).concurrence(0, 1)
    # (3 · 0.9 − 1)/2; the errors of 10^9 shots are 1e-4.
    np.testing.assert_allclose(shown.value, 0.85, atol=5e-4)
    assert shown.lower is not None
    assert np.all(shown.lower > 0.84)


def test_predicted_shares_are_the_best_of_their_neighbours() -> None:
    """The total variance, written out independently, rises in every direction that is tried."""

    bell = np.outer([0, 1, 1, 0], [0, 1, 1, 0]) / 2
    chances = _outcomes(
        np.array([0.8 * bell + np.diag([0.125, 0.025, 0.025, 0.025])], dtype=complex)
    )

    def variance(shares: np.ndarray) -> float:
        normal = np.zeros((15, 15))
        for share, (a, b), seen in zip(shares, SETTINGS, chances[0], strict=True):
            first, second = np.array([1, -1, 1, -1]), np.array([1, 1, -1, -1])
            signs = np.array([second, first, first * second])
            mean = signs @ seen
            covariance = (signs * seen) @ signs.T - np.outer(mean, mean)
            place = [LABELS.index(label) for label in ("I" + b, a + "I", a + b)]
            normal[np.ix_(place, place)] += share * np.linalg.inv(covariance)
        return float(np.trace(np.linalg.inv(normal)))

    found = predicted_shares(chances, SETTINGS, Mitigation(), flips=np.zeros((2, 2)))
    assert found.sum() == pytest.approx(1.0)
    best = variance(found[0])
    random = np.random.default_rng(0)
    for _ in range(20):
        other = np.maximum(found[0] + random.normal(size=9) * 0.01, 1e-3)
        assert variance(other / other.sum()) > best
    assert variance(np.full(9, 1 / 9)) > 1.001 * best


def test_a_shaped_record_is_restored_whole() -> None:
    found = MitigatedSamples(
        replace(DECLARED, exchange=True), _draw(1.0, np.random.default_rng(0)), KNOWN, EXCESS[None]
    )
    again = restore_mitigated(found.mitigation.describe(), SETTINGS, found.arrays())
    assert again == found
    assert str(again.mitigation) == (
        "readout tensored, two-qubit gates folded by [1, 3], shaped by the calibrated noise, "
        "identical memristors"
    )


def test_what_does_not_fit_is_refused() -> None:
    runs = _draw(1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"with factors \[1, 3, 5\]"):
        Mitigation((1, 3, 5), extrapolation="shaped")
    with pytest.raises(ValueError, match="Argument drift must be below 1"):
        Mitigation((1, 3), extrapolation="shaped", drift=1.0)
    with pytest.raises(ValueError, match="excess must be a prediction"):
        MitigatedSamples(DECLARED, runs, KNOWN)
    with pytest.raises(ValueError, match="it needs the model's prediction"):
        MitigatedSamples(Mitigation((1, 3)), runs, KNOWN).under(DECLARED)
    with pytest.raises(ValueError, match="folding changes nothing"):
        _ = MitigatedSamples(DECLARED, runs, KNOWN, np.zeros_like(EXCESS)[None]).fitted
    one = qm.Samples(("X",), np.array([[[5, 5]]]))
    with pytest.raises(ValueError, match="exchange must be False for 1 memristors"):
        MitigatedSamples(Mitigation(exchange=True, readout=False), (one,), None)
    with pytest.raises(ValueError, match="degrees must be at least 1"):
        ChiSquared(1.0, 0)
