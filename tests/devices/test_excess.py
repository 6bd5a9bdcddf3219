"""The predicted excess, end to end: what a device adds is taken off, in `run` and from jobs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance
from qmemcircuit.counts.extrapolations.shaped import NOISE_SCALE
from qmemcircuit.devices.calibration import describe_calibration
from qmemcircuit.devices.drift import drifted_calibration
from qmemcircuit.devices.excess import DRAWS, predicted_excess
from qmemcircuit.runs.jobs.ibm import ibm

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
TIMES = [0.5, 1.5]
DECLARED = qm.Mitigation((1, 3), fold_all=True, extrapolation="shaped")
NOISY = PlainBackend(gate_error=0.002, readout=0.03, t1=60e-6, t2=50e-6)


def _record(shots: int, mitigation: qm.Mitigation) -> qm.Record:
    target = qm.device(NOISY, seed=3)
    return qm.run(
        MEMRISTOR, TIMES, target=target, shots=shots, bases="tomography", mitigation=mitigation
    )


def test_a_device_that_is_as_calibrated_is_undone(tmp_path: Path) -> None:
    record = _record(10**7, DECLARED)
    exact = qm.exact_circuit(MEMRISTOR, TIMES).states
    found = qm.mitigate(record, current="current_operator")
    scale = found.provenance["fitted"][NOISE_SCALE]
    # The readout's calibration counts the error of one gate, 0.002, as a flip of |1>, and all means
    # are then enlarged by that much.
    assert scale["value"] == pytest.approx(1.0, abs=2 * 0.002)
    assert scale["error"] < 2e-3
    assert trace_distance(found.states, exact).max() < 2 * 0.002
    assert trace_distance(record.mitigated.under(qm.Mitigation()).states(), exact).max() > 0.02
    assert found.provenance["remarks"][0].startswith("noise 1.0")
    assert record.mitigated.excess.shape == (1 + DRAWS, 2, 2, 3, 2)
    again = qm.Record.load(record.save(tmp_path / "record.npz"))
    assert again.mitigated == record.mitigated


def test_shares_as_predicted_keep_the_number_of_shots() -> None:
    record = _record(3000, replace(DECLARED, drift=0.0, allocation="predicted"))
    first, third = (run.shots for run in record.mitigated.runs)
    assert np.all(first > 1.5 * third)
    assert (first + third).sum(axis=1) == pytest.approx(2 * 3 * 3000, rel=5e-3)


def test_jobs_bring_what_a_run_does(tmp_path: Path) -> None:
    """Three settings with shots of their own, through the service's local mode."""
    declared = replace(DECLARED, drift=0.0, allocation="predicted")
    target = ibm("fake_manila", channel="local", seed=1)
    qm.submit(
        MEMRISTOR,
        TIMES[:1],
        target=target,
        shots=200,
        folder=tmp_path / "jobs",
        bases="tomography",
        mitigation=declared,
        ancilla="fresh",
    )
    found = qm.collect(tmp_path / "jobs")
    assert found.complete
    assert not found.remarks
    mitigated = found.record.mitigated
    assert mitigated.excess.shape == (1, 2, 1, 3, 2)
    assert mitigated.runs[0].shots.sum() > mitigated.runs[1].shots.sum()
    placed = target.predict().place(qm.build_circuits(MEMRISTOR, TIMES[:1], ancilla="fresh"))
    circuits = qm.build_circuits(MEMRISTOR, TIMES[:1], ancilla="fresh", bases="tomography")
    np.testing.assert_allclose(mitigated.excess, predicted_excess(circuits, placed, declared))


def test_drift_scales_what_a_calibration_states() -> None:
    target = qm.device(NOISY, seed=1).place(qm.build_circuits(MEMRISTOR, TIMES))
    described = describe_calibration(target.restricted())
    common = drifted_calibration(described, 0.25, None)
    np.testing.assert_allclose(np.array(common["t1"]) * 1.25, described["t1"])
    for name, entries in described["operations"].items():
        for entry, moved in zip(entries, common["operations"][name], strict=True):
            factor = 1.0 if name == "measure" else 1.25
            assert moved["error"] == pytest.approx(
                None if entry["error"] is None else factor * entry["error"]
            )
    own = drifted_calibration(described, 0.25, np.random.default_rng(1))
    ratio = np.array(own["t2"]) / described["t2"]
    assert np.all((ratio > 1 / 1.25) & (ratio < 1 / 0.75))
    assert np.ptp(ratio) > 1e-3
    with pytest.raises(ValueError, match="size must be between"):
        drifted_calibration(described, 1.0, None)


def test_what_a_target_or_a_model_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="must have a calibration"):
        qm.run(
            MEMRISTOR,
            TIMES,
            target=qm.aer(seed=1),
            shots=10,
            mitigation=replace(DECLARED, factors=(1,)),
        )
    with pytest.raises(ValueError, match="with absorb_decay"):
        qm.run(
            MEMRISTOR,
            TIMES,
            target=qm.device(NOISY),
            shots=10,
            absorb_decay=True,
            mitigation=DECLARED,
        )
    other = replace(MEMRISTOR, a=0.9)
    coupling = {(0, 1): qm.Native("y", 0.1)}
    for pair, coupled in (
        ([MEMRISTOR, other], coupling),
        ([MEMRISTOR] * 2, {(0, 1): qm.ControlledRotation("y", 0.1)}),
    ):
        with pytest.raises(ValueError, match="exchange must be False where the model changes"):
            qm.run(
                qm.Network(pair, coupled),
                [0.5],
                target=qm.aer(seed=1),
                shots=10,
                bases="tomography",
                mitigation=qm.Mitigation(exchange=True),
            )
    with pytest.raises(ValueError, match="allocation must be one of"):
        qm.Mitigation(allocation="best")
