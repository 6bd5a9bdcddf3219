"""The live night, rehearsed: every trouble occurs, and nothing is lost or measured twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

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
