"""What no device can do is refused in one sentence with the remedy, before anything runs."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from plain_backend import PlainBackend
from qiskit.transpiler import InstructionProperties, Target

import qmemcircuit as qm

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=math.pi / 4)
PAIR = qm.Network([MEMRISTOR, MEMRISTOR], {(0, 1): qm.Native("y", 0.07)})
TIMES = MEMRISTOR.periods(1, points=3)
SHAPED = qm.Mitigation(
    (1, 3), fold_all=True, extrapolation="shaped", allocation="predicted", drift=0.0
)


def without_durations() -> PlainBackend:
    backend = PlainBackend()
    for name in ("sx", "x", "cz"):
        for qubits in backend.target[name]:
            backend.target.update_instruction_properties(
                name, qubits, InstructionProperties(error=0.0)
            )
    return backend


def without_t1() -> PlainBackend:
    backend = PlainBackend()
    backend.target.qubit_properties = None
    return backend


def in_parts() -> PlainBackend:
    """Four pairs of qubits: no memristor can meet both another one and its ancilla."""
    backend = PlainBackend(qubits=8)
    whole = backend.target
    backend.target = Target(num_qubits=8, dt=whole.dt, qubit_properties=whole.qubit_properties)
    for name in whole.operation_names:
        table = dict(whole[name])
        if name == "cz":
            table = {pair: table[pair] for pair in table if min(pair) % 2 == 0}
        backend.target.add_instruction(whole.operation_from_name(name), table)
    return backend


@pytest.mark.parametrize(
    ("backend", "model", "said"),
    [
        (without_durations, MEMRISTOR, "must state how long its instructions last.*schedule=False"),
        (without_t1, MEMRISTOR, "T1"),
        (in_parts, PAIR, "Argument backend must"),
        (lambda: PlainBackend(qubits=3), PAIR, "at least 4 qubits.*or a larger device"),
    ],
)
def test_a_device_that_cannot_hold_or_predict_the_model(backend, model, said: str) -> None:
    splitting = "compiled" if model is PAIR else "lie"
    target = qm.device(backend(), seed=1)
    with pytest.raises(ValueError, match=said):
        qm.run(model, TIMES, target=target, shots=100, splitting=splitting)
    # Among several devices it is set aside, with the same words.
    found = qm.choose_device(
        model, TIMES[:2], [target], demand=0.1, executions=1000, splitting=splitting
    )
    assert found.predictions[0].reason
    assert "no device can run this model" in found.verdict


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"shots": 0}, "Argument shots must be at least 1"),
        ({"shots": 1, "mitigation": SHAPED}, "at least one for each setting.*give [0-9]+ or more"),
    ],
)
def test_budgets_below_one_shot_a_setting(words, said: str) -> None:
    target = qm.device(PlainBackend(gate_error=1e-3), seed=1)
    arguments = {"target": target, "splitting": "compiled", "bases": "tomography", **words}
    with pytest.raises(ValueError, match=said) as refused:
        qm.plan(PAIR, TIMES[1:2], **arguments)
    # What is asked for instead is enough.
    if "mitigation" in words:
        wanted = int(str(refused.value).split("give ")[1].split(" ")[0])
        record = qm.run(PAIR, TIMES[1:2], **{**arguments, "shots": wanted})
        assert record.mitigated is not None
        assert all((run.shots >= 1).all() for run in record.mitigated.runs)


@pytest.mark.parametrize(
    ("mitigation", "said"),
    [
        (SHAPED, "must have a calibration for extrapolation='shaped', but 'aer' has none"),
        (qm.Mitigation((1, 3)), "whose noise cannot be amplified"),
    ],
)
def test_a_mitigation_that_the_target_cannot_do(mitigation: qm.Mitigation, said: str) -> None:
    with pytest.raises(ValueError, match=f"{said}.*device"):
        qm.run(
            PAIR,
            TIMES[:2],
            target=qm.aer(seed=1),
            shots=100,
            splitting="compiled",
            mitigation=mitigation,
        )


def test_a_fake_asked_for_a_live_job(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a fake, to which no live job can be sent; use"):
        qm.ibm("FakeTorino")
    with pytest.raises(TypeError, match=r"a DeviceTarget does not; .* channel='local'"):
        qm.submit(
            MEMRISTOR,
            TIMES,
            target=qm.device(PlainBackend(), seed=1),
            shots=100,
            folder=tmp_path / "jobs",
        )
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(("days", "said"), [(3, True), (0.5, False)])
def test_a_calibration_older_than_a_day_is_said(days: float, said: bool) -> None:
    backend = PlainBackend()
    date = datetime.now().astimezone() - timedelta(days=days)
    backend.properties = lambda: SimpleNamespace(last_update_date=date)  # type: ignore[attr-defined]
    plan = qm.plan(
        MEMRISTOR,
        TIMES,
        target=qm.device(backend, seed=1),  # type: ignore[arg-type]
        shots=10,
        ancilla="merged",
    )
    assert plan.calibration_age == pytest.approx(days, abs=0.01)
    assert ("3 days old: the device may have changed" in str(plan)) == said
