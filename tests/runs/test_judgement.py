"""`judge`: a record beside its master equation, from the record alone."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance

TIMES = np.array([0.0, 1.0, 2.0])
MEMRISTOR = qm.Memristor(qm.SquidRate(0.1), a=np.pi / 4)
PAIR = qm.Network([MEMRISTOR, MEMRISTOR], {(0, 1): qm.Native("x", 0.2)})
DEVICE = {"t1": 4e-5, "t2": 3e-5, "gate_error": 2e-3, "readout": 0.03}


def noisy_target(seed: int = 1) -> qm.DeviceTarget:
    return qm.device(PlainBackend(**DEVICE), seed=seed)


def test_on_the_ideal_simulator_the_device_has_no_part():
    record = qm.run(PAIR, TIMES, target=qm.aer(seed=1), shots=2000)
    judgement = qm.judge(record)
    assert judgement.budget is not None
    np.testing.assert_array_equal(judgement.budget.device, 0)
    # Lie's error is there, and it is what the two independent solvers say.
    exact, master = qm.exact_circuit(PAIR, TIMES), qm.master_equation(PAIR, TIMES)
    np.testing.assert_allclose(
        judgement.budget.splitting, trace_distance(exact.states, master.states), atol=1e-12
    )
    assert judgement.reference == master
    assert judgement.trajectory == qm.estimate(record)
    assert judgement.comparison == qm.compare(qm.estimate(record), master, noisy=exact, exact=exact)


def test_one_channel_from_zero_to_each_time_has_no_splitting_error():
    """It was judged by the split step of that length: a budget of 0.57 for a distance of 0.014."""
    drive = qm.Drive("x", 0.6, frequency=1.0)
    driven = qm.Memristor(qm.ConstantRate(0.5), a=0.7, b=0.3, drive=drive)
    times = driven.periods(1, points=10)
    target = qm.aer(seed=1)
    record = qm.run(driven, times, target=target, shots=1000, ancilla="merged")
    judged = qm.judge(record, certificate=True)
    assert judged.agree
    assert judged.budget.splitting.max() < 1e-9
    assert judged.comparison.certificate.largest < 1e-8
    stepwise = qm.run(driven, times, target=target, shots=1000)
    mutant = qm.judge(stepwise, certificate=True)  # these steps are split, and are said to be
    assert mutant.budget.splitting.max() > 0.05
    assert mutant.comparison.certificate.largest > 0.05


def test_a_wrong_model_is_seen():
    """The mutant: the same counts with a record that says another rate."""
    record = qm.run(MEMRISTOR, MEMRISTOR.periods(1), target=qm.aer(seed=1), shots=4000)
    assert qm.judge(record).agree
    other = qm.Network([qm.Memristor(qm.SquidRate(0.2), a=np.pi / 4)])
    judged = qm.judge(dataclasses.replace(record, network=other))
    assert judged.agree is False
    assert "do not agree" in judged.verdict
    assert "do not agree" in str(judged)


@pytest.mark.parametrize("options", [{}, {"splitting": "strang"}, {"absorb_decay": True}])
def test_a_device_is_predicted_from_the_saved_record(tmp_path, options):
    """What the file gives is what the live target gives, options of the circuits included."""
    if "absorb_decay" in options:
        model, built = MEMRISTOR, None
    else:
        model, built = PAIR, qm.build_circuits(PAIR, TIMES, **options)
    record = qm.run(model, TIMES, target=noisy_target(), shots=500, **options)
    judgement = qm.judge(qm.Record.load(record.save(tmp_path / "record.json")))
    assert judgement.noisy is not None
    assert judgement.budget.device.max() > 0.01
    assert np.all(
        judgement.budget.total
        <= judgement.budget.splitting + judgement.budget.device + judgement.budget.sampling + 1e-12
    )
    if built is not None:
        live = qm.expected_trajectory(built, noisy_target())
        np.testing.assert_allclose(judgement.noisy.voltage, live.voltage, atol=1e-9)
        np.testing.assert_allclose(judgement.noisy.states, live.states, atol=1e-9)


def test_absorbed_circuits_are_the_ones_predicted():
    """Absorbing changes what the device should show; the judgement must follow the record."""
    plain = qm.run(MEMRISTOR, TIMES, target=noisy_target(), shots=500)
    absorbed = qm.run(MEMRISTOR, TIMES, target=noisy_target(), shots=500, absorb_decay=True)
    difference = qm.judge(plain).noisy.voltage - qm.judge(absorbed).noisy.voltage
    assert np.abs(difference).max() > 1e-3
    direct = qm.judge(dataclasses.replace(absorbed, provenance={
        **absorbed.provenance, "absorption": None,
    }))  # fmt: skip
    np.testing.assert_allclose(direct.noisy.voltage, qm.judge(plain).noisy.voltage, atol=1e-9)


def test_an_incomplete_record_is_judged_by_the_circuits_that_were_planned():
    """With times missing, later circuits still stepped through them: Lie's error is theirs."""
    planned = np.array([0.5, 1.0, 1.5, 2.0])
    whole = qm.run(PAIR, planned, target=qm.aer(seed=1), shots=500)
    kept = [1, 3]
    part = qm.Record(
        whole.network,
        planned[kept],
        qm.Samples(whole.samples.bases, whole.samples.counts[kept]),
        {**whole.provenance, "planned_times": planned.tolist()},
    )
    full, judged = qm.judge(whole), qm.judge(part)
    np.testing.assert_allclose(judged.budget.splitting, full.budget.splitting[kept], atol=1e-12)
    np.testing.assert_allclose(judged.budget.total, full.budget.total[kept], atol=1e-9)
    coarse = trace_distance(
        qm.exact_circuit(PAIR, planned[kept]).states, qm.master_equation(PAIR, planned[kept]).states
    )
    assert np.all(coarse > 1.5 * judged.budget.splitting)


def test_a_target_that_states_nothing_has_no_budget():
    from qiskit_aer.primitives import SamplerV2

    record = qm.run(MEMRISTOR, TIMES, target=qm.sampler(SamplerV2(seed=1)), shots=500)
    judgement = qm.judge(record)
    assert judgement.budget is judgement.noisy is judgement.exact is None
    assert "no error budget" in str(judgement)
    assert judgement.agree


def test_mitigated_counts_are_compared_too():
    declared = qm.Mitigation((1, 3))
    record = qm.run(PAIR, TIMES, target=noisy_target(), shots=4000, mitigation=declared)
    judgement = qm.judge(record)
    assert judgement.mitigated == qm.mitigate(record)
    raw, better = judgement.comparison, judgement.mitigated_comparison
    assert better.voltage_rms.max() < raw.voltage_rms.max()
    assert f"mitigated: {declared}" in str(judgement)
    assert str(better) in str(judgement)


def test_what_was_chosen_unasked_is_said():
    record = qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=500)
    judgement = qm.judge(record)
    assert "3 times are too few to differentiate" in judgement.notes[0]
    assert str(judgement).startswith(judgement.notes[0])
    assert qm.judge(record, current="current_operator").notes == ()
    with pytest.raises(ValueError, match="at least"):
        qm.judge(record, current="local_fit")


def test_it_is_a_data_object():
    judgement = qm.judge(qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=500))
    assert pickle.loads(pickle.dumps(judgement)) == judgement
    assert len(repr(judgement).splitlines()) <= 10
    assert judgement.verdict[:60] in judgement._repr_html_()


def test_only_records_are_judged():
    with pytest.raises(TypeError, match="must be a Record, but Trajectory was given"):
        qm.judge(qm.master_equation(MEMRISTOR, TIMES))


def test_a_device_whose_t1_has_jumped_is_not_the_one_that_was_predicted():
    """T1 falls by 30 % between the plan and the job; the record keeps the plan's calibration."""
    calm = {"t1": 8e-6, "t2": 8e-6, "gate_error": 1e-3, "readout": 0.02, "fast": 0.2}
    times = MEMRISTOR.periods(1, points=8)
    records = [
        qm.run(
            MEMRISTOR,
            times,
            target=qm.device(PlainBackend(**{**calm, "t1": t1}), seed=3),
            shots=50_000,
            ancilla="merged",
            bases="XYZ",  # <X> and <Y> alone know T2, not T1
        )
        for t1 in (calm["t1"], 0.7 * calm["t1"])
    ]
    same, jumped = records
    jumped = dataclasses.replace(jumped, provenance=same.provenance)
    assert "the device was as its recorded calibration predicts" in str(qm.judge(same))
    assert "the device was not the one that was predicted" in str(qm.judge(jumped))
