"""Feedback shot by shot: maps against Aer's dynamic circuits, and against the continuous limit."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.primitives import BackendSamplerV2
from qiskit_aer.primitives import SamplerV2

import qmemcircuit as qm
from qmemcircuit.memory import (
    LeakyBit,
    exact_shotwise,
    run_shotwise,
    shotwise_circuits,
    shotwise_equation,
    shotwise_maps,
)

BARE = qm.Memristor(qm.ConstantRate(0.0), a=0.6, b=0.4)
DRIVE = qm.Drive("y", 0.8, frequency=1.0, phase=0.5)
DRIVEN = replace(BARE, drive=DRIVE)
BIT = LeakyBit(2.0, quiet_rate=0.4, clicked_rate=1.5)


def test_equal_rates_are_the_prescribed_memristor():
    bit = LeakyBit(1.0, 0.2, 0.2)
    own = qm.Memristor(qm.ConstantRate(0.1), a=0.6, b=0.4)
    times = own.periods(1, points=12)
    prescribed = qm.master_equation(qm.Memristor(qm.ConstantRate(0.3), a=0.6, b=0.4), times)
    for found in (exact_shotwise(own, bit, times), shotwise_equation(own, bit, times)):
        assert np.abs(found.states - prescribed.states).max() < 1e-9
        assert np.abs(found.current - prescribed.current).max() < 1e-9


@pytest.mark.parametrize("bit", [BIT, LeakyBit(0.3, 1.0, 0.0), LeakyBit(np.inf, 0.2, 2.0)])
def test_the_continuous_limit_is_reached_in_first_order(bit):
    mixed = qm.Memristor(qm.SquidRate(0.2), state=[[0.4, 0.2j], [-0.2j, 0.6]], drive=DRIVE)
    errors, numbers = [], np.array([160, 320, 640])
    reference = shotwise_equation(mixed, bit, [4.0]).states[-1]
    for n in numbers:
        found = exact_shotwise(mixed, bit, np.linspace(0, 4, n + 1))
        errors.append(np.linalg.norm(found.states[-1] - reference))
    assert -np.polyfit(np.log(numbers), np.log(errors), 1)[0] == pytest.approx(1, abs=0.1)


def test_without_a_drive_a_click_is_the_end():
    times = BARE.periods(1, points=12)
    still = exact_shotwise(BARE, BIT, times)
    assert np.abs(still.variables["voltage_clicked"]).max() < 1e-15
    prescribed = qm.master_equation(qm.Memristor(qm.ConstantRate(0.4), a=0.6, b=0.4), times)
    assert np.abs(still.states - prescribed.states).max() < 1e-9


def test_equal_rates_are_the_driven_master_equation():
    bit, times = LeakyBit(1.0, 0.3, 0.3), np.linspace(0, 6, 13)
    driven = qm.Memristor(qm.ConstantRate(0.3), a=0.6, b=0.4, drive=DRIVE)
    ours, theirs = shotwise_equation(DRIVEN, bit, times), qm.master_equation(driven, times)
    assert np.abs(ours.states - theirs.states).max() < 1e-7
    assert np.abs(ours.current - theirs.current).max() < 1e-7
    with pytest.raises(ValueError, match="driven along y"):
        exact_shotwise(replace(BARE, drive=qm.Drive("x", 0.1)), bit, times)


def test_a_bit_of_the_last_outcome_has_no_continuous_limit():
    """Its effect on the current vanishes with the step; that of a leaky bit does not."""

    def effect(lifetime, n):
        times = np.linspace(0, 4, n + 1)
        found = exact_shotwise(BARE, LeakyBit(lifetime(4 / n), 0.4, 1.5), times)
        return found.variables["clicked"].max()

    assert effect(lambda dt: dt / 5, 20) > 3.5 * effect(lambda dt: dt / 5, 80)
    assert effect(lambda dt: 2.0, 20) < 1.1 * effect(lambda dt: 2.0, 80)


def test_aer_runs_the_dynamic_circuits():
    """χ² of (bit, outcome) in three bases at six times against the hybrid state."""
    times, shots = np.linspace(0.4, 2.4, 6), 1500
    maps = shotwise_maps(DRIVEN, BIT, times)
    means = maps @ np.array([1, *exact_bloch(BARE)])
    squares, wrong, degrees = 0.0, 0.0, 0
    swapped = shotwise_maps(DRIVEN, LeakyBit(2.0, 1.5, 0.4), times) @ np.array(
        [1, *exact_bloch(BARE)]
    )
    for seed, (letter, row) in enumerate(zip("XYZ", (1, 2, 3), strict=True)):
        circuits = shotwise_circuits(DRIVEN, BIT, times, basis=letter)
        results = SamplerV2(seed=seed).run(circuits, shots=shots).result()
        for k, result in enumerate(results):
            bits, outcomes = (
                getattr(result.data, name).array[:, 0] & 1 for name in ("memory", "outcome")
            )
            counts = np.zeros((2, 2))
            np.add.at(counts, (bits, outcomes), 1)
            for found, model in ((0, means), (1, swapped)):
                expected = (
                    0.5
                    * shots
                    * np.stack(
                        [model[k, :, 0] + model[k, :, row], model[k, :, 0] - model[k, :, row]],
                        axis=1,
                    )
                )
                kept = expected > 5
                value = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
                if found == 0:
                    squares, degrees = squares + value, degrees + kept.sum() - 1
                else:
                    wrong += value
    assert degrees > 45
    assert 0.55 < squares / degrees < 1.6  # 4σ of χ² with 50 degrees of freedom
    assert wrong / degrees > 3  # the mutant: the two rates exchanged


def exact_bloch(memristor):
    rho = memristor.initial_state
    return 2 * rho[1, 0].real, 2 * rho[1, 0].imag, (rho[0, 0] - rho[1, 1]).real


def test_a_million_shots_at_sixty_times_agree_with_the_exact_state():
    times = BARE.periods(1, points=60)[1:]
    begun = time.monotonic()
    found = run_shotwise(DRIVEN, BIT, times, shots=10**6, seed=3)
    assert time.monotonic() - begun < 10
    exact = exact_shotwise(DRIVEN, BIT, times)
    for name in ("voltage", "current"):
        pulls = (getattr(found, name) - getattr(exact, name)) / getattr(found, f"{name}_error")
        assert np.abs(pulls).max() < 4.2
        assert np.mean(pulls**2) == pytest.approx(1, abs=0.75)
    sampled = run_shotwise(DRIVEN, BIT, times[:4], shots=2000, sampler=SamplerV2(seed=1))
    pulls = (sampled.current - exact.current[:4]) / sampled.current_error
    assert np.abs(pulls).max() < 4


def test_the_current_is_that_of_its_definition_and_the_mean_is_not_pinched():
    fine = np.linspace(0, 20, 4001)
    found = shotwise_equation(DRIVEN, BIT, fine)
    scale = BARE.current_scale
    sigma_y, sigma_x = -2 * found.states[:, 1, 0].imag, 2 * found.states[:, 1, 0].real
    slope = np.gradient(sigma_y, fine, edge_order=2)
    # Central differences at this step are good to dt²/6 of the third derivative.
    assert np.abs(scale * (slope - sigma_x) - found.current[:, 0])[1:-1].max() < 2e-5
    voltage, current = found.voltage[:, 0], found.current[:, 0]
    at = np.flatnonzero(voltage[1:] * voltage[:-1] < 0)[1:]
    assert at.size >= 3
    assert np.abs(current[at]).max() > 0.01 * np.abs(current).max()


def test_bad_input():
    with pytest.raises(ValueError, match="if_else"):
        run_shotwise(BARE, BIT, [0.1], shots=10, sampler=BackendSamplerV2(backend=PlainBackend()))
    with pytest.raises(ValueError, match="seed must be given"):
        run_shotwise(BARE, BIT, [0.1], shots=10)
    with pytest.raises(ValueError, match="no continuous limit"):
        LeakyBit(0.0, 0.1, 0.2)
    with pytest.raises(ValueError, match="quiet_rate"):
        LeakyBit(1.0, -0.1, 0.2)
    warm = qm.Memristor(qm.ConstantRate(0.1), a=0.3, occupation=0.1)
    with pytest.raises(ValueError, match="zero temperature"):
        exact_shotwise(warm, BIT, [0.1])
