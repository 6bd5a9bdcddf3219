"""The error budget: each part must be what it is called, by switching the others off."""

from __future__ import annotations

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.target import device
from qmemcircuit.plotting.distances import plot_budget


@pytest.fixture(scope="module")
def pair() -> qm.Network:
    memristor = qm.Memristor(qm.SquidRate(0.1), a=np.pi / 4)
    return qm.Network([memristor, memristor], {(0, 1): qm.Native("x", 0.2)})


def test_the_parts_are_what_they_are_called(pair: qm.Network) -> None:
    times = np.array([1.0, 2.0, 3.0])
    master = qm.master_equation(pair, times)
    exact = qm.exact_circuit(pair, times, splitting="lie")
    circuits = qm.build_circuits(pair, times)
    target = device(PlainBackend(gate_error=5e-4, readout=0.02), seed=1)
    noisy = qm.expected_trajectory(circuits, target)
    perfect = qm.expected_trajectory(circuits, device(PlainBackend(t1=1e6, t2=1e6), seed=1))
    measured = qm.estimate(qm.run(pair, times, target=target, shots=2000))
    budget = qm.error_budget(measured, noisy=noisy, exact=exact, master=master)
    assert budget.measure == "trace distance"
    assert np.all(budget.total <= budget.splitting + budget.device + budget.sampling + 1e-12)
    # Lie's error of first order: halving the step halves it.
    half = qm.exact_circuit(pair, [0.5, 1, 1.5, 2, 2.5, 3.0], splitting="lie")
    fine = trace_distance(half.states[1::2], master.states)
    assert 1.6 < (budget.splitting / fine).mean() < 2.4
    # Without noise the device's part vanishes; without shots, the sampling's.
    clean = qm.error_budget(measured, noisy=perfect, exact=exact, master=master)
    assert clean.device.max() < 1e-6
    unsampled = qm.error_budget(noisy, noisy=noisy, exact=exact, master=master)
    assert unsampled.sampling.max() == 0
    assert "splitting" in str(budget)
    comparison = qm.compare(measured, master, noisy=noisy, exact=exact)
    assert comparison.budget is not None
    np.testing.assert_array_equal(comparison.budget.device, budget.device)
    assert "error budget (trace distance)" in str(comparison)
    ax = plot_budget(budget, unit=pair.period)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "total", "splitting", "device", "sampling",
    ]  # fmt: skip


def test_more_shots_shrink_the_sampling_part_only(pair: qm.Network) -> None:
    times = np.array([1.0, 2.0])
    master, exact = qm.master_equation(pair, times), qm.exact_circuit(pair, times)
    circuits = qm.build_circuits(pair, times)
    target = device(PlainBackend(gate_error=5e-4), seed=3)
    noisy = qm.expected_trajectory(circuits, target)
    found = []
    for shots in (400, 40_000):
        measured = qm.estimate(qm.run(pair, times, target=target, shots=shots))
        found.append(qm.error_budget(measured, noisy=noisy, exact=exact, master=master))
    # 100 times the shots, a tenth of the distance; a factor of 3 for luck with four numbers.
    assert found[1].sampling.mean() < 0.3 * found[0].sampling.mean()
    np.testing.assert_array_equal(found[0].device, found[1].device)


def test_one_memristor_is_compared_by_voltage_and_times_are_checked() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    times = memristor.periods(2, points=12)
    exact = qm.exact_circuit(memristor, times)
    measured = qm.estimate(qm.run(memristor, times, target=qm.aer(seed=1), shots=100))
    budget = qm.error_budget(
        measured, noisy=exact, exact=exact, master=qm.master_equation(memristor, times)
    )
    assert budget.measure == "voltage"
    assert budget.device.max() == 0
    with pytest.raises(ValueError, match="times and devices of measured"):
        qm.error_budget(
            measured, noisy=exact, exact=exact, master=qm.master_equation(memristor, times[1:])
        )


def test_coarse_times_compare_without_loops() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 0.1)})
    times = pair.periods(4, points=1)
    measured = qm.estimate(qm.run(pair, times, target=qm.aer(seed=1), shots=100))
    comparison = qm.compare(measured, qm.master_equation(pair, times))
    assert comparison.loops_a == ((), ())
