"""The live night, rehearsed: every trouble occurs, and nothing is lost or measured twice."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.command_line.main import main
from qmemcircuit.command_line.rehearsal import in_a_new_process, rehearse_night

EXPERIMENT = """[run]
target = "ibm:ibm_torino"
points = 1
shots = 100
ancilla = "merged"
[[memristor]]
rate = "constant"
gamma = 0.4
a = 0.8
"""


def test_the_night_ends_with_the_record(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "experiment.toml").write_text(EXPERIMENT)
    typed: list[str] = []

    def here(arguments: Sequence[str]) -> int:
        """In this process: that nothing is kept in it, one command of another one shows."""
        typed.append(arguments[0])
        if typed.count("collect") == 1 and arguments[0] == "collect":
            return in_a_new_process(arguments)
        return main(arguments)

    assert rehearse_night(tmp_path, "FakeManilaV2", here) == 0
    assert typed[:4] == ["plan", "submit", "resume", "collect"]
    assert typed[-1] == "compare"
    said, errors = capsys.readouterr()
    assert "the connection broke" in errors
    for trouble in ("QUEUED", "taken down for maintenance", "came back with 0 shots"):
        assert trouble in said
    record = qm.Record.load(tmp_path / "rehearsal-record.json")
    assert record.provenance["complete"]
    # Four circuits; the partial job's three good ones count, and are added to the last one's.
    queue = json.loads((tmp_path / "rehearsal/local/queue.json").read_text())
    assert len(queue) == 3
    shots = record.samples.shots.ravel()
    assert sorted(shots) == [100, 200, 200, 200]
    with pytest.raises(ValueError, match="must have no rehearsal yet"):
        rehearse_night(tmp_path, "FakeManilaV2", here)


EACH = """[[memristor]]
rate = "squid"
gamma = {rate}
a = {angle}
b = 1.0
"""

THIRTEEN = """[run]
points = 1
shots = 2000
bases = ["YYYYYYYYYYYYY"]
splitting = "strang"
steps = 1
[mitigation]
readout = true
[[coupling]]
pair = [0, 1]
kind = "native"
axis = "y"
strength = 0.1
""" + "".join(EACH.format(rate=0.2 + 0.05 * k, angle=0.4 + 0.05 * k) for k in range(13))


def test_thirteen_memristors_are_planned_submitted_and_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """No density matrix holds their 21 qubits, and no master equation them: the way of twenty.

    A rehearsal's commands, without its troubles, which are those of a small job.
    """
    (tmp_path / "experiment.toml").write_text(THIRTEEN)
    experiment, folder = str(tmp_path / "experiment.toml"), str(tmp_path / "night")
    path = str(tmp_path / "record.json")
    submit = ["submit", experiment, "--target", "fake:FakeHanoiV2", "--folder", folder, "--yes"]
    with pytest.warns(UserWarning, match="correlations between memristors are not in"):
        assert main(submit) == 0  # prints the plan, too
    assert main(["collect", folder, "--out", path]) == 0
    assert main(["compare", path]) == 0
    said = capsys.readouterr().out
    planned = float(re.search(r"largest: voltage ±([0-9.]+)", said)[1])
    assert "judged by Pauli propagation, for the master equation of 13 memristors" in said
    assert "the device was as its recorded calibration predicts" in said
    record = qm.Record.load(path)
    measured = qm.mitigate(record, current="current_operator")
    assert measured.voltage_error.max() == pytest.approx(planned, rel=0.1)
    members = list(record.network.memristors)
    right = qm.reference_trajectory(record.network, record.times)
    within = np.abs(qm.compare(measured, right).voltage_residual) < 4  # 26 values: 0.2 % of seeds
    assert within.all()
    # The mutant: a model in which two of them stand in each other's place.
    members[3], members[10] = members[10], members[3]
    swapped = qm.reference_trajectory(qm.Network(members, record.network.couplings), record.times)
    assert np.any(np.abs(qm.compare(measured, swapped).voltage_residual) > 4)
    raw = qm.estimate(record, current="current_operator")
    assert qm.compare(raw, swapped).agree is False


def test_a_step_that_goes_wrong_stops_the_rehearsal(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(RuntimeError, match="qmemcircuit plan ended with 7"):
        rehearse_night(tmp_path / "new", "FakeManilaV2", lambda arguments: 7)
    assert "an example to change" in capsys.readouterr().out
    assert (tmp_path / "new/experiment.toml").exists()


def test_a_fake_takes_no_live_job() -> None:
    with pytest.raises(ValueError, match="is a fake, to which no live job can be sent"):
        qm.ibm("FakeTorino")
