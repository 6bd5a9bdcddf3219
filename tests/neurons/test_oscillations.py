"""Cycle or noise: records whose answer is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from qmemcircuit.neurons.dynamics.oscillations import (
    demodulate,
    measure_oscillation,
    phase_diffusion,
)

STEP = 0.05
TIMES = np.arange(0, 600, STEP)


def test_a_waveform_with_harmonics_is_measured_to_rounding() -> None:
    phase = 7.0123 * TIMES + 0.4
    values = 0.8 + 0.03 * np.cos(phase) + 0.01 * np.sin(2 * phase) + 0.004 * np.cos(3 * phase)
    found = measure_oscillation(TIMES, values, frequency=7.0)
    angle = np.linspace(0, 2 * np.pi, 400_001)
    wave = 0.03 * np.cos(angle + 0.4) + 0.01 * np.sin(2 * angle + 0.8)
    wave += 0.004 * np.cos(3 * angle + 1.2)
    # 1e-6 of the frequency is far below a bin (2π/600); the fold has 4096 phases: (π/4096)²/2.
    assert found.frequency == pytest.approx(7.0123, rel=1e-6)
    assert found.span == pytest.approx(np.ptp(wave), rel=1e-6)
    assert found.amplitude_ratio == pytest.approx(1, abs=1e-4)
    assert found.kind == "cycle"
    assert found.period == pytest.approx(2 * np.pi / 7.0123, rel=1e-6)


def resonant_noise(seed: int) -> np.ndarray:
    """A damped linear oscillator driven by white noise: no cycle, g2 = 2."""
    random = np.random.default_rng(seed)
    decay = np.exp((-0.1 + 7j) * STEP)
    noise = random.normal(size=TIMES.size) + 1j * random.normal(size=TIMES.size)
    amplitude = np.zeros(TIMES.size, complex)
    for k in range(1, TIMES.size):
        amplitude[k] = decay * amplitude[k - 1] + noise[k]
    return amplitude.real


def test_resonant_noise_is_noise() -> None:
    ratios = [
        measure_oscillation(TIMES, resonant_noise(seed), frequency=7.0).amplitude_ratio
        for seed in range(8)
    ]
    # 600 time units at a decay rate of 0.1 are some 60 independent amplitudes per record, so
    # g2 scatters by about 0.3 per record, 0.1 in the mean of eight.
    assert np.mean(ratios) == pytest.approx(2, abs=0.35)
    assert measure_oscillation(TIMES, resonant_noise(0), frequency=7.0).kind == "noise"


def test_a_cycle_stays_a_cycle_under_noise_that_triples_its_raw_span() -> None:
    random = np.random.default_rng(3)
    values = 0.5 * np.cos(7.01 * TIMES) + random.normal(scale=0.4, size=TIMES.size)
    assert np.ptp(values) > 2.5
    found = measure_oscillation(TIMES, values, frequency=7.0)
    # Noise of 0.4 on 12 000 points: each coefficient has an error of 0.4·√(2/12000) = 0.005;
    # eight of them at three sigma move the span by less than 0.04.
    assert found.span == pytest.approx(1.0, abs=0.04)


def test_phase_diffusion_of_a_wiener_phase() -> None:
    true = 2e-3
    times = np.arange(0, 4000, STEP)
    values = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        walk = np.cumsum(random.normal(scale=np.sqrt(2 * true * STEP), size=times.size))
        record = np.cos(7 * times + walk) + random.normal(scale=0.05, size=times.size)
        values.append(phase_diffusion(times, record, frequency=7.0))
    mean, error = np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))
    # Lags of 80 periods (72 time units) give some 50 independent increments per record: 20 %
    # each, below 10 % in the mean. z = 4 for one check.
    assert error < 0.12 * true
    assert abs(mean - true) < 4 * error
    assert abs(2 * true - mean) > 4 * error  # the estimator would see a factor of 2


def test_demodulation_of_a_line_off_centre() -> None:
    amplitude = demodulate(TIMES, 3 * np.cos(7.1 * TIMES + 0.2), frequency=7.0)
    turning = np.diff(np.unwrap(np.angle(amplitude))) / STEP
    np.testing.assert_allclose(np.abs(amplitude), 3, rtol=0.01)  # the edges of the band-pass
    np.testing.assert_allclose(np.median(turning), 0.1, rtol=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": TIMES[:100], "values": TIMES[:100]}, "20 periods"),
        ({"times": TIMES**1.01, "values": TIMES}, "equidistant"),
        ({"times": TIMES, "values": TIMES[1:]}, "shapes"),
        ({"frequency": 0.0}, "frequency must be greater"),
        ({"search": 0.0}, "search must"),
        ({"harmonics": 0}, "harmonics must be at least 1"),
        ({"harmonics": 40}, "sampling limit"),
    ],
)
def test_bad_input(arguments: dict, message: str) -> None:
    good = {"times": TIMES, "values": np.cos(7 * TIMES), "frequency": 7.0}
    with pytest.raises(ValueError, match=message):
        measure_oscillation(**{**good, **arguments})


def test_diffusion_needs_a_long_record() -> None:
    with pytest.raises(ValueError, match="ten times the longer"):
        phase_diffusion(TIMES, np.cos(7 * TIMES), frequency=7.0)
