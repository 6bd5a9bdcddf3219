"""form="best": every form's prediction is the exact one, the smallest wins, losers are recorded."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

import qmemcircuit as qm
from qmemcircuit.command_line.main import main
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.compilation.calibrated_errors import decoherence_rate
from qmemcircuit.devices.recorded import recorded_device

MEMRISTOR = qm.Memristor(qm.SquidRate(0.05), a=math.pi / 4)
PAIR = qm.Network([MEMRISTOR, MEMRISTOR], {(0, 1): qm.Native("y", 0.06)})
TIMES = [4 * math.pi]


def test_the_choice_is_the_smallest_of_the_exact_predictions() -> None:
    """The oracle: `device_states` of each form, asked for by the words of old."""
    backend = PlainBackend(
        t1=60e-6, t2=80e-6, qubits=6, gate_error=5e-4, reset_duration=2e-6, readout=0.02
    )
    target = qm.device(backend, seed=1)
    record = qm.run(PAIR, TIMES, target=target, shots=50, splitting="compiled", form="best")
    choice = record.provenance["form_choice"]
    predicted = {name: item["distance"] for name, item in choice["predicted"].items()}
    noiseless = qm.exact_circuit(PAIR, TIMES, splitting="compiled").states

    def largest(**words: object) -> float:
        states = qm.device_states(PAIR, TIMES, target=target, splitting="compiled", **words).states
        return float(trace_distance(states, noiseless).max())

    expected = {
        "reset, plain": largest(),
        "reset, absorbed": largest(absorb_decay=True),
        "fresh, plain": largest(ancilla="fresh"),
        "fresh, absorbed": largest(ancilla="fresh", absorb_decay=True),
    }
    for name, distance in expected.items():
        assert predicted[name] == pytest.approx(distance, abs=1e-10)
    best = min(predicted.values())
    assert predicted[choice["chosen"]] == best
    assert predicted["reset, selected"] <= expected["reset, plain"]
    # Negative control: a choice at random would be seen.
    assert max(predicted.values()) > best + 0.003
    # What runs is what was chosen: circuits and device of the record repeat the prediction.
    again = recorded_device(record.provenance["target"])
    circuits = qm.rebuild_circuits(record)
    if record.provenance.get("absorption"):
        circuits, _ = absorb_device_decay(circuits, again)
    states, _ = again.noisy_states(circuits)
    assert trace_distance(states, noiseless).max() == pytest.approx(best, abs=1e-9)


def test_a_device_without_reset_runs_fresh_ancillas_by_itself(tmp_path: Path) -> None:
    target = qm.device(PlainBackend(reset=False, qubits=6), seed=1)
    record = qm.run(PAIR, TIMES, target=target, shots=50, splitting="compiled", form="best")
    assert record.provenance["ancilla"] == "fresh"
    choice = record.provenance["form_choice"]
    assert choice["left_out"]["reset"] == "the device has no reset"
    with pytest.raises(ValueError, match="reset"):
        qm.run(PAIR, TIMES, target=target, shots=50, splitting="compiled")
    small = qm.device(PlainBackend(reset=False, qubits=4), seed=1)
    with pytest.raises(ValueError, match=r"none is.*the device has no reset.*it needs 6 qubits"):
        qm.plan(PAIR, TIMES, target=small, shots=50, splitting="compiled", form="best")


def test_one_memristor_takes_one_exact_collision() -> None:
    """Its circuits then have one collision at every time: no fewer gates are possible."""
    target = qm.device(PlainBackend(gate_error=1e-3), seed=1)
    fold = qm.Mitigation(factors=(1, 3), fold_all=True)
    times = [1.0, 2.0]
    plan = qm.plan(MEMRISTOR, times, target=target, shots=50, form="best", mitigation=fold)
    assert plan.form is not None
    assert plan.form["chosen"] == "merged, plain"
    assert "merged" in str(plan)
    assert "extrapolates all decay" in plan.form["left_out"]["reset, absorbed"]


def test_the_file_and_the_command_line_choose_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        '[run]\ntarget = "fake:FakeManilaV2"\npoints = 2\nshots = 20\nform = "best"\n'
        '[[memristor]]\nrate = "constant"\ngamma = 0.1\na = 0.8\n'
    )
    Path("model.toml").write_text(text)
    assert main(["submit", "model.toml", "--yes", "--folder", "s"]) == 0
    said = capsys.readouterr().out
    assert "predicted distance is the smallest" in said
    assert "days old: the device may have changed" in said  # a fake's calibration is of 2024
    record = qm.collect("s").record
    assert record is not None
    assert record.provenance["form_choice"]["chosen"]
    Path("model.toml").write_text(text.replace('form = "best"', ""))
    assert main(["plan", "model.toml", "--form", "best", "--target", "aer"]) == 2
    assert "form='best'" in capsys.readouterr().err
    Path("model.toml").write_text(text.replace('"best"', '"worst"'))
    assert main(["plan", "model.toml"]) == 2
    assert "Argument form must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"ancilla": "fresh"}, "Argument form must be None with ancilla='fresh'"),
        ({"absorb_decay": True}, "Argument form must be None with absorb_decay=True"),
        ({"target": qm.aer(seed=1)}, "Argument target must have a calibration"),
        ({"target": qm.device(PlainBackend(), schedule=False)}, "Argument target must be sched"),
    ],
)
def test_what_excludes_the_choice_is_said(words: dict[str, object], said: str) -> None:
    arguments = {"target": qm.device(PlainBackend(), seed=1), "shots": 5, "form": "best", **words}
    with pytest.raises(ValueError, match=said):
        qm.run(MEMRISTOR, np.array([0.5, 1.0]), **arguments)


def test_waits_without_t1_are_no_noiseless_waits() -> None:
    backend = PlainBackend()
    known = backend.target.qubit_properties
    backend.target.qubit_properties = [QubitProperties(t1=None, t2=None), *known[1:]]
    # Placements take an unknown qubit for twice as bad as the worst known one.
    assert decoherence_rate(backend.target, 0) == 2 * decoherence_rate(backend.target, 1) > 0
    there = qm.device(backend, seed=1, layout=[0, 1])
    with pytest.raises(ValueError, match="Argument backend must state T1 and T2 of the qubits"):
        qm.run(MEMRISTOR, [0.5, 1.0], target=there, shots=10)
    waitless = qm.device(backend, seed=1, layout=[0, 1], schedule=False)
    assert qm.run(MEMRISTOR, [0.5, 1.0], target=waitless, shots=10).samples.shots.min() == 10


def test_a_device_that_does_not_state_its_numbers_is_refused_with_the_remedy() -> None:
    """No durations, no T1, and couplers on islands of two qubits."""
    timeless, untimed, islands = PlainBackend(), PlainBackend(), PlainBackend(qubits=6)
    for (qubit,) in list(timeless.target["sx"]):
        unknown = InstructionProperties(duration=None, error=1e-3)
        timeless.target.update_instruction_properties("sx", (qubit,), unknown)
    untimed.target.qubit_properties = None
    whole = islands.target
    islands.target = Target(num_qubits=6, dt=1e-9, qubit_properties=whole.qubit_properties)
    for name in whole.operation_names:
        kept = {q: p for q, p in whole[name].items() if len(q) == 1 or q[0] // 2 == q[1] // 2}
        islands.target.add_instruction(whole.operation_from_name(name), kept)
    for backend, model, said in (
        (timeless, MEMRISTOR, "must state how long its instructions last"),
        (untimed, MEMRISTOR, "must state T1 and T2"),
        (islands, PAIR, "must couple enough qubits to hold 4"),
    ):
        splitting = "lie" if model is MEMRISTOR else "compiled"
        target = qm.device(backend, seed=1)
        with pytest.raises(ValueError, match=said):
            qm.plan(model, [1.0], target=target, shots=5, splitting=splitting)
