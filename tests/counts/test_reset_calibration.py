"""The inverse of reset errors: oracles are the channel itself and the spread over seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.counts.resets import inversion_price, inversion_weights, restore_resets

SHOTS = 20_000
PREPARED = np.array([0.0, 1.0, 0.012, 0.02, 0.015])
"""How often each preparation leaves |1>: r is 1.2 % after |0>, 2 % after |1>."""


def _calibration(random: np.random.Generator | None, prepared: np.ndarray, shots: int = SHOTS):
    ones = prepared * (1 - 0.03) + (1 - prepared) * 0.01
    counts = shots * ones if random is None else random.binomial(shots, ones)
    counts = np.round(counts).astype(np.int64)
    return qm.ResetCalibration(np.stack([shots - counts, counts], axis=-1)[None])


def test_the_weights_are_the_inverse_of_the_channel() -> None:
    """Each reset leaves |1> with r of its own; a function of what all left is put right."""
    errors = np.array([0.01, 0.03, 0.2])
    weights = inversion_weights(errors)
    random = np.random.default_rng(0)
    mean_of = random.normal(size=(2, 2, 2))  # of a later measurement, by what resets left
    seen = []
    for variant in range(8):
        total = 0.0
        for left in itertools.product((0, 1), repeat=3):
            chance = np.prod([r if bit else 1 - r for r, bit in zip(errors, left, strict=True)])
            place = tuple(bit ^ (variant >> i & 1) for i, bit in enumerate(left))
            total += chance * mean_of[place]
        seen.append(total)
    assert weights @ np.array(seen) == pytest.approx(mean_of[0, 0, 0], abs=1e-12)
    assert weights.sum() == pytest.approx(1.0)
    assert np.abs(weights).sum() == pytest.approx(inversion_price(errors))
    # The mutant: twice the error is not undone.
    assert abs(inversion_weights(2 * errors) @ np.array(seen) - mean_of[0, 0, 0]) > 1e-3


def test_calibrated_errors_spread_as_they_say() -> None:
    exact = _calibration(None, PREPARED, 10**9)
    np.testing.assert_allclose(exact.by_input[0][0], PREPARED[2:], atol=1e-8)
    assert exact.errors[0] == pytest.approx(0.016, abs=1e-8)
    # Half of the difference of the two inputs, for nothing says which of them comes.
    assert exact.uncertainties[0] == pytest.approx(0.004, rel=1e-3)
    alike = np.array([0.0, 1.0, 0.02, 0.02, 0.02])
    drawn = [_calibration(np.random.default_rng(seed), alike) for seed in range(400)]
    rates = np.array([item.by_input[0][0] for item in drawn])
    errors = np.array([item.by_input[1][0] for item in drawn])
    # A deviation of 400 is known to 3.5 %; three times four of those.
    np.testing.assert_allclose(rates.std(axis=0), errors.mean(axis=0), rtol=0.14)
    pull = [(item.errors[0] - 0.02) / item.uncertainties[0] for item in drawn]
    assert np.mean(np.abs(pull) < 1.96) > 0.95 - 3.1 * np.sqrt(0.05 * 0.95 / 400)
    assert restore_resets(exact.describe()) == exact
    assert restore_resets(None) is None
    assert str(exact) == "resets err 1.60 ± 0.40 %"


def test_what_is_no_calibration_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have shape \(A, 5, 2\)"):
        qm.ResetCalibration(np.ones((5, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="shots of every preparation"):
        qm.ResetCalibration(np.zeros((1, 5, 2), dtype=np.int64))
    with pytest.raises(ValueError, match=r"below 0\.5"):
        inversion_weights(np.array([0.5]))
    blind = qm.ResetCalibration(np.full((1, 5, 2), 50))
    assert np.isinf(blind.uncertainties[0])
