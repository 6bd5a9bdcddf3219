"""The concurrence's interval from mitigated counts: coverage under a noise that is known.

The noise is undone exactly on average: depolarizing by 0.03 a noise factor, which a straight line
extrapolates, and independent readout flips. So what misses the truth is statistics alone.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from shot_statistics import z_of

import qmemcircuit as qm
from qmemcircuit.common.states import outcome_probabilities
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout, confusion_matrix
from qmemcircuit.counts.witnesses import pair_counts

SETTINGS = tuple("".join(letters) for letters in product("XYZ", repeat=2))
FLIPS = np.array([[0.02, 0.05], [0.01, 0.04]])
FACTORS = (1, 3, 5)
SHARE = 0.03
SHOTS = 4000

SINGLET = np.outer([0, 1, -1, 0], [0, 1, -1, 0]) / 2
STATES = {
    # name: state, concurrence
    "ground": (np.diag([0.0, 0.0, 0.0, 1.0]), 0.0),
    "separable": (0.3 * SINGLET + 0.7 * np.eye(4) / 4, 0.0),
    "werner": (0.6 * SINGLET + 0.4 * np.eye(4) / 4, 0.4),
    "bell": (SINGLET, 1.0),
}


def _chances(state: np.ndarray, factor: int) -> np.ndarray:
    """Outcome probabilities of the nine settings at a noise factor, flips included, (9, 4)."""
    noisy = (1 - SHARE * factor) * state + SHARE * factor * np.eye(4) / 4
    joint = np.kron(confusion_matrix(FLIPS[1]), confusion_matrix(FLIPS[0]))
    return np.array([joint @ outcome_probabilities(noisy[None], s)[0] for s in SETTINGS])


def _drawn(state: np.ndarray, repeats: int, seed: int, *, calibration: int) -> MitigatedSamples:
    """Return `repeats` experiments as if at as many times, with one calibration for all."""
    random = np.random.default_rng(seed)
    runs = tuple(
        qm.Samples(SETTINGS, random.multinomial(SHOTS, _chances(state, f), size=(repeats, 9)))
        for f in FACTORS
    )
    joint = np.kron(confusion_matrix(FLIPS[1]), confusion_matrix(FLIPS[0]))
    readout = Readout(random.multinomial(calibration, joint.T[[0, 3]]))
    return MitigatedSamples(Mitigation(FACTORS), runs, readout)


def _concurrence(data: MitigatedSamples | qm.Samples, *, seed: int = 0) -> object:
    samples = data if isinstance(data, qm.Samples) else None
    count = (samples or data.runs[0]).counts.shape[0]
    zeros = np.zeros((count, 2))
    trajectory = qm.Trajectory(
        np.arange(count) * 1.0,
        zeros,
        zeros,
        samples=samples,
        mitigated=None if samples else data,
    )
    return trajectory.concurrence(0, 1, seed=seed)


@pytest.mark.parametrize("name", STATES)
def test_the_interval_covers(name: str) -> None:
    state, truth = STATES[name]
    repeats = 400
    found = _concurrence(_drawn(state, repeats, 1, calibration=10**9))
    # The bound is one-sided at 0.975; 8 such shares are looked at in this file.
    allowed = 0.025 + z_of(8) * np.sqrt(0.025 * 0.975 / repeats)
    assert np.mean(found.lower > truth + 1e-9) <= allowed
    assert np.mean(found.upper < truth - 1e-9) <= allowed


def test_the_interval_of_raw_counts_does_not() -> None:
    """The mutant: without mitigation the limits are those of the noisy state."""
    state, truth = STATES["werner"]
    data = _drawn(state, 400, 1, calibration=10**9)
    found = _concurrence(data.runs[0])
    assert np.mean(found.upper < truth) > 0.5


def test_the_interval_knows_its_price() -> None:
    state, _ = STATES["werner"]
    data = _drawn(state, 100, 2, calibration=10**9)
    mitigated, raw = _concurrence(data), _concurrence(data.runs[0])
    price = np.mean(mitigated.upper - mitigated.lower) / np.mean(raw.upper - raw.lower)
    # Coefficients of a straight line through 1, 3, 5: 13/12, 4/12, −5/12.
    line = np.sqrt(13**2 + 4**2 + 5**2) / 12
    contrasts = np.prod(1 - FLIPS.sum(axis=1))
    # The noisier state's own spread is a little different: 5 %.
    assert price == pytest.approx(line / contrasts, rel=0.05)


def test_a_rough_calibration_widens_the_interval_and_it_still_covers() -> None:
    """Each of 120 experiments has its own calibration of 200 shots."""
    state, truth = STATES["werner"]
    inside, widths = [], []
    for seed in range(120):
        data = _drawn(state, 1, seed, calibration=200)
        found = _concurrence(data, seed=seed)
        inside.append(found.lower[0] <= truth <= found.upper[0])
        widths.append(found.upper[0] - found.lower[0])
    known = _concurrence(_drawn(state, 120, 3, calibration=10**9))
    assert np.mean(widths) > 1.2 * np.mean(known.upper - known.lower)
    assert 1 - np.mean(inside) <= 0.05 + z_of(8) * np.sqrt(0.05 * 0.95 / 120)


def test_without_noise_and_correction_it_is_the_plain_interval() -> None:
    state, _ = STATES["werner"]
    counts = np.random.default_rng(5).multinomial(500, _chances(state, 1), size=(20, 9))
    plain = qm.Samples(SETTINGS, counts)
    trivial = MitigatedSamples(Mitigation(readout=False), (plain,), None)
    one, other = _concurrence(plain), _concurrence(trivial)
    np.testing.assert_array_equal(one.lower, other.lower)
    np.testing.assert_array_equal(one.upper, other.upper)


def test_a_pair_of_three_has_its_own_flips() -> None:
    flips = np.array([[0.02, 0.05], [0.2, 0.1], [0.01, 0.04]])
    outcomes = np.arange(8)
    chances = [
        np.prod([np.where((outcomes >> j) & 1, one, 1 - one) for j, one in enumerate(ones)], axis=0)
        for ones in (flips[:, 0], 1 - flips[:, 1])
    ]
    readout = Readout(np.round(10**9 * np.array(chances)).astype(np.int64))
    settings = tuple("".join(letters) for letters in product("XYZ", repeat=3))
    samples = qm.Samples(settings, np.full((1, 27, 8), 10))
    data = MitigatedSamples(Mitigation(), (samples,), readout)
    pair = pair_counts(data, 0, 2)
    np.testing.assert_allclose(pair.combination.flips, flips[[0, 2]], atol=1e-8)
    assert len(pair.moved) == 4
    assert pair.counts.shape == (1, 9, 4)
