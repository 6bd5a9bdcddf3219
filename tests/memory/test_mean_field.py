"""Mean-field feedback: against the nonlinear master equation, in order, and in its scatter."""

from __future__ import annotations

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.memory import (
    PhaseMemory,
    RelaxingMemory,
    exact_feedback,
    feedback_ensemble,
    feedback_equation,
    run_feedback,
)

BARE = qm.Memristor(qm.ConstantRate(0.0), a=np.pi / 4, b=0.3)
SQUID = PhaseMemory(0.4, gain=2 * np.sqrt(2), initial=np.pi / 2 + 1)
TIMES = BARE.periods(1, points=24)


class Clipped:
    """Γ = 0.1 + |μ|, negative or no number where asked."""

    initial = 0.0

    def __init__(self, rate):
        self._rate = rate

    def flow(self, memory, voltage):
        return 5 * voltage

    def rate(self, memory):
        return np.full(np.shape(memory), self._rate)


def test_the_limit_of_a_law_without_feedback_is_the_prescribed_memristor():
    law = PhaseMemory(0.2, gain=0.0, initial=0.0)
    prescribed = qm.master_equation(qm.Memristor(qm.ConstantRate(0.4), a=np.pi / 4, b=0.3), TIMES)
    for found in (feedback_equation(BARE, law, TIMES), exact_feedback(BARE, law, TIMES)):
        assert found.voltage == pytest.approx(prescribed.voltage, abs=1e-9)
        assert found.current == pytest.approx(prescribed.current, abs=1e-9)
    own = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=0.3)
    beside = exact_feedback(own, PhaseMemory(0.0, gain=1.0), TIMES)
    assert beside.current == pytest.approx(qm.master_equation(own, TIMES).current, abs=1e-9)


@pytest.mark.parametrize(
    "law",
    [SQUID, PhaseMemory(2.0, gain=20.0), RelaxingMemory(0.5, gain=-30.0, lifetime=0.4)],
    ids=["paper", "strong", "forgetting"],
)
def test_the_loop_is_of_order_two(law):
    points = np.array([96, 192, 384])
    reference = feedback_equation(BARE, law, BARE.periods(2, points=12)).voltage[:, 0]
    errors = [
        np.abs(
            exact_feedback(BARE, law, BARE.periods(2, points=int(n))).voltage[:: n // 12, 0]
            - reference
        ).max()
        for n in points
    ]
    assert -np.polyfit(np.log(points), np.log(errors), 1)[0] == pytest.approx(2, abs=0.15)


def test_error_bars_hold_the_noise_that_is_fed_back():
    """Standard deviations over 2000 runs, whose own relative error is 1/√4000 = 1.6 %."""
    law, shots = PhaseMemory(0.4, gain=9.0), 20_000
    voltage, current = feedback_ensemble(BARE, law, TIMES, shots=shots, runs=2000, seed=3)
    exact = exact_feedback(BARE, law, TIMES)
    stated = [
        run_feedback(BARE, law, TIMES, target=qm.aer(seed=seed), shots=shots) for seed in (0, 1)
    ]
    for one in stated:
        # The flow is linearised at a noisy run, a few per cent off; eight for the smallest I.
        assert one.voltage_error[:, 0] == pytest.approx(voltage.std(axis=0), rel=0.08)
        error = current.std(axis=0)
        assert one.current_error[:, 0] == pytest.approx(error, rel=0.08, abs=0.08 * error.max())
        pulls = (one.voltage - exact.voltage)[:, 0] / one.voltage_error[:, 0]
        assert np.abs(pulls).max() < 4  # 25 correlated numbers
        # The mutant, the binomial error of I at the Γ that was used, is rejected.
        alone = one.variables["decay_rate"][:, 0] * 0.5 * BARE.current_scale / np.sqrt(shots)
        assert np.max(error[8:16] / alone[8:16]) > 1.5


def test_on_a_noisy_device_and_a_sampler():
    device = qm.device(PlainBackend(gate_error=1e-4, readout=0.0), seed=1)
    exact = exact_feedback(BARE, SQUID, TIMES[::4])
    found = run_feedback(BARE, SQUID, TIMES[::4], target=device, shots=20_000)
    assert np.abs(found.voltage - exact.voltage).max() < 0.02
    mixed = qm.Memristor(qm.ConstantRate(0.1), state=[[0.6, 0.3j], [-0.3j, 0.4]])
    found = run_feedback(mixed, SQUID, TIMES[::4], seed=1, shots=20_000)
    exact = exact_feedback(mixed, SQUID, TIMES[::4])
    assert np.abs(found.voltage - exact.voltage).max() < 5 * found.voltage_error.max()


@pytest.mark.parametrize("rate", [-0.1, np.nan])
def test_bad_rates_are_named_with_their_time(rate):
    with pytest.raises(ValueError, match=r"Argument law must give a rate ≥ 0 .* at t = 0"):
        run_feedback(BARE, Clipped(rate), TIMES, target=qm.aer(seed=1), shots=10)
    with pytest.raises(ValueError, match="Argument law must give a rate"):
        feedback_equation(BARE, Clipped(rate), TIMES)
    with pytest.raises(TypeError, match="initial, flow"):
        run_feedback(BARE, "law", TIMES, target=qm.aer(seed=1), shots=10)
    with pytest.raises(ValueError, match="begin at 0"):
        exact_feedback(BARE, SQUID, [0.1, 0.2])
