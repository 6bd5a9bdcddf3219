"""A file that exists is not replaced in silence."""

from __future__ import annotations

import json

import pytest

import qmemcircuit as qm
from qmemcircuit.command_line.main import main

MODEL = """
[run]
periods = 1
points = 4
shots = 20
[[memristor]]
rate = "squid"
gamma = 0.4
a = 0.78
"""


def test_run_replaces_a_record_only_with_force(tmp_path, capsys):
    (tmp_path / "model.toml").write_text(MODEL)
    record = tmp_path / "record.json"
    record.write_text("collected with care")
    arguments = ["run", str(tmp_path / "model.toml"), "--out", str(record)]
    assert main(arguments) == 2
    assert "Argument --out must name a new file" in capsys.readouterr().err
    assert record.read_text() == "collected with care"
    assert main([*arguments, "--force"]) == 0
    assert json.loads(record.read_text())["kind"] == "record"


@pytest.mark.slow
def test_collect_replaces_its_own_earlier_record_only(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.toml").write_text(MODEL)
    record = tmp_path / "record.json"
    submit = ["submit", "model.toml", "--target", "fake:FakeManilaV2", "--folder"]
    for folder in ("one", "two"):
        assert main([*submit, folder]) == 0
    assert main(["collect", "one", "--wait", "60"]) == 0
    first = record.read_bytes()
    assert main(["collect", "one"]) == 0  # what is there is of the same submission
    assert record.read_bytes() == first
    assert main(["collect", "two", "--wait", "60"]) == 2
    assert "Argument --out must name a new file" in capsys.readouterr().err
    assert record.read_bytes() == first
    assert main(["collect", "two", "--force"]) == 0
    assert (
        qm.Record.load(record).provenance["submission"]
        != json.loads(first)["header"]["provenance"]["submission"]
    )
