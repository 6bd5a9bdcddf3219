"""`rehearse`: repetitions of a measurement; `device_states(mitigation=…)`: the bias they share."""

from __future__ import annotations

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.common.states import nearest_physical, trace_distance

TIMES = np.array([0.0, 1.0, 2.0])
MEMRISTOR = qm.Memristor(qm.SquidRate(0.3), a=np.pi / 5, b=0.7)
PAIR = qm.Network([MEMRISTOR, MEMRISTOR], {(0, 1): qm.Native("y", 0.2)})
NOISY = {"t1": 4e-5, "t2": 3e-5, "gate_error": 2e-3, "readout": 0.03}
CURRENT = "current_operator"  # needs no derivative, so three times do
EXPONENTIAL = qm.Mitigation((1, 3, 5), fold_all=True, extrapolation="exponential")


def target(**options) -> qm.DeviceTarget:
    return qm.device(PlainBackend(**NOISY), seed=1, **options)


def test_the_bias_of_a_straight_line_is_its_combination_of_folded_states():
    found = qm.device_states(MEMRISTOR, TIMES, target=target(), mitigation=qm.Mitigation((1, 3)))
    once, thrice = (
        qm.device_states(MEMRISTOR, TIMES, target=target(fold=fold)).states for fold in (1, 3)
    )
    # The line through (1, ρ1) and (3, ρ3) is (3 ρ1 − ρ3)/2 at 0.
    np.testing.assert_allclose(found.states, nearest_physical((3 * once - thrice) / 2), atol=1e-12)
    assert found.provenance["mitigation"]["factors"] == [1, 3]


@pytest.mark.slow
@pytest.mark.parametrize("mitigation", [qm.Mitigation((1, 3, 5)), EXPONENTIAL], ids=str)
def test_the_bias_is_what_infinitely_many_shots_leave(mitigation):
    """Counts see the gates that turn the basis, too: an error of 2e-3 for each of two memristors.

    The line's weights, 13/12, 1/3 and −5/12, sum to 1.83 without their signs.
    """
    options = {"target": target(), "mitigation": mitigation, "splitting": "compiled"}
    states = qm.device_states(PAIR, TIMES, **options).states
    plain = qm.device_states(PAIR, TIMES, target=target(), splitting="compiled").states
    rehearsal = qm.rehearse(PAIR, TIMES, **options)
    counted = rehearsal.draw(10**12, np.random.default_rng(1)).states()
    assert trace_distance(counted, states).max() < 1.84 * 2 * 2e-3
    # What is mitigated is far more than that bound: another combination would be seen.
    assert trace_distance(plain, states)[1:].min() > 0.04


def test_a_finer_grid_is_looked_at_where_it_is_wanted():
    fine = np.linspace(0, 2, 9)
    options = {"target": target(), "splitting": "lie"}
    everywhere = qm.device_states(PAIR, fine, **options)
    some = qm.device_states(PAIR, fine, only=[4, 8], **options)
    np.testing.assert_array_equal(some.times, fine[[4, 8]])
    np.testing.assert_allclose(some.states, everywhere.states[[4, 8]], atol=1e-12)


def test_what_is_expected_is_what_the_library_expects():
    circuits = qm.build_circuits(MEMRISTOR, TIMES, bases="XYZ")
    found = qm.rehearse(MEMRISTOR, TIMES, target=target(), bases="XYZ").expected(current=CURRENT)
    known = qm.expected_trajectory(circuits, target(), current=CURRENT)
    np.testing.assert_allclose(found.voltage, known.voltage, atol=1e-12)


def test_repetitions_scatter_by_the_error_that_one_run_states():
    """The spread of 300 mitigated means has a relative error of 1/√598: four of them."""
    mitigation = qm.Mitigation((1, 3))
    options = {"target": target(), "bases": "XYZ", "mitigation": mitigation}
    record = qm.run(MEMRISTOR, TIMES, shots=2000, **options)
    mean, error = record.mitigated.combine({"Y": 1.0})
    rehearsal = qm.rehearse(MEMRISTOR, TIMES, **options)
    draws = np.array(
        [
            rehearsal.draw(2000, np.random.default_rng(seed)).combine({"Y": 1.0})[0]
            for seed in range(300)
        ]
    )
    np.testing.assert_allclose(draws.std(axis=0, ddof=1), error, rtol=4 / np.sqrt(598))
    assert (np.abs(mean - draws.mean(axis=0)) < 4 * error).all()


def test_twirled_shots_are_divided_over_the_instances():
    rehearsal = qm.rehearse(MEMRISTOR, TIMES, target=target(twirling=3), bases="XYZ")
    assert rehearsal.probabilities[0].shape == (3, 3, 3, 2)
    assert rehearsal.readout is None
    (samples,) = rehearsal.draw_counts(1000, np.random.default_rng(1))
    np.testing.assert_array_equal(samples.counts.sum(axis=2), 1000)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"target": qm.aer(seed=1)}, TypeError, "noise model"),
        ({"target": None}, TypeError, "Argument target must be a Target"),
        ({"mitigation": EXPONENTIAL}, ValueError, "grow with time"),
        ({"mitigation": EXPONENTIAL, "absorb_decay": True}, ValueError, "fold_all=False"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        qm.rehearse(PAIR, TIMES, **{"target": target(), **wrong})


def test_no_bias_of_pooled_rates_where_circuits_grow():
    with pytest.raises(ValueError, match="grow with time"):
        qm.device_states(PAIR, TIMES, target=target(), mitigation=EXPONENTIAL)


def test_no_shots_are_refused():
    rehearsal = qm.rehearse(MEMRISTOR, TIMES, target=target())
    with pytest.raises(ValueError, match="shots"):
        rehearsal.draw(0, np.random.default_rng(1))
