"""Submitting and collecting against a stub service: a folder that plays the server.

The stub survives a kill of the client because its jobs are files. It never fakes physics: its
counts are the noise model's.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import qpy
from qiskit.circuit import QuantumCircuit

import qmemcircuit as qm
from qmemcircuit.runs.jobs import collection
from qmemcircuit.runs.jobs import folder as job_folder
from qmemcircuit.runs.jobs import submission as jobs
from qmemcircuit.runs.jobs.collection import collect
from qmemcircuit.runs.jobs.ibm import IbmTarget, ibm
from qmemcircuit.runs.jobs.services import LocalJobs, fake_backend
from qmemcircuit.runs.jobs.submission import resume, submit

SHOTS = 50


class StubService:
    """A stub of IBM's service: jobs are files in `server`, states are what the test writes."""

    def __init__(self, server: Path, *, die: str = "", on_part: int = 0) -> None:
        self.server, self.die, self.on_part = server, die, on_part
        server.mkdir(exist_ok=True)

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        number = len(list(self.server.glob("*.job")))
        if self.die == "before acceptance" and number == self.on_part:
            os.kill(os.getpid(), signal.SIGKILL)
        job = f"job{number}"
        settings = [circuit.metadata["basis"] for circuit in circuits]
        # A job of one time: its circuits are told by their settings, in whatever order they stand.
        alone = sorted(settings) == ["X", "Y"]
        rows = ["XY".index(basis) for basis in settings] if alone else list(range(len(circuits)))
        content = {"tag": tag, "shots": shots, "rows": rows, "state": "DONE"}
        (self.server / f"{job}.job").write_text(json.dumps(content))
        if self.die == "after acceptance" and number == self.on_part:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    def _job(self, job: str) -> dict[str, Any]:
        return json.loads((self.server / f"{job}.job").read_text())

    def find(self, tag: str) -> str | None:
        found = [
            path.stem for path in self.server.glob("*.job") if self._job(path.stem)["tag"] == tag
        ]
        assert len(found) <= 1, "submitted twice"
        return found[0] if found else None

    def status(self, job: str) -> tuple[str, str]:
        content = self._job(job)
        return content["state"], content.get("reason", "")

    def counts(self, job: str) -> list[Mapping[int, int]]:
        content = self._job(job)
        shots = content.get("returned", content["shots"])
        # Which circuit counts belong to can be told from them: outcome 1 is seen `row` times.
        return [{0: shots - row, 1: row} for row in content["rows"]]

    def change(self, job: str, **values: Any) -> None:
        (self.server / f"{job}.job").write_text(json.dumps({**self._job(job), **values}))

    def count(self) -> int:
        return len(list(self.server.glob("*.job")))


@pytest.fixture(scope="module")
def target() -> IbmTarget:
    return ibm("fake_manila", channel="local", seed=1)


@pytest.fixture(scope="module")
def memristor() -> qm.Memristor:
    return qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)


@pytest.fixture
def three_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two circuits a job instead of 300: four times and two settings make four parts."""
    monkeypatch.setattr("qmemcircuit.runs.jobs.ibm.MOST_CIRCUITS", 2)


TIMES = np.array([0.0, 0.5, 1.0, 1.5])


def _submit(folder: Path, service: Any, target: IbmTarget, memristor: qm.Memristor) -> Path:
    return submit(memristor, TIMES, target=target, shots=SHOTS, folder=folder, service=service)


@pytest.mark.usefixtures("three_parts")
def test_everything_is_on_disk_before_the_first_call(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    seen: list[set[str]] = []

    class Watching(StubService):
        def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
            folder = tmp_path / "s"
            seen.append({path.name for path in folder.iterdir()})
            number = len(seen) - 1
            attempts = json.loads((folder / f"part{number:03d}.json").read_text())["attempts"]
            assert attempts == [{"tag": tag, "job": None}]
            return super().submit(circuits, shots, tag)

    _submit(tmp_path / "s", Watching(tmp_path / "server"), target, memristor)
    assert len(seen) == 4
    assert {"plan.json", "part000.qpy", "part003.qpy", "part000.json"} <= seen[0]
    plan = json.loads((tmp_path / "s" / "plan.json").read_text())["header"]
    for key in ("layout", "options", "calibration", "seed"):
        assert key in plan["target"]
    assert plan["target"]["calibration"]["t1"]
    assert plan["provenance"]["versions"]["qiskit"]
    # Run, time, setting; which setting is first changes from time to time.
    assert sorted(plan["parts"][1]["pubs"]) == [[0, 1, 0], [0, 1, 1]]


@pytest.mark.usefixtures("three_parts")
def test_counts_go_to_their_time_and_setting(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    found = collect(folder, service=service)
    assert found.complete
    assert found.record is not None
    # Setting X has outcome 1 never, Y once.
    assert found.record.samples.counts[:, :, 1].tolist() == [[0, 1]] * 4
    assert found.record.provenance["jobs"] == ["job0", "job1", "job2", "job3"]
    found.record.save(tmp_path / "record.json")
    again = qm.Record.load(tmp_path / "record.json")
    assert np.array_equal(again.samples.counts, found.record.samples.counts)


def test_noise_factors_and_calibration_are_one_submission(
    tmp_path: Path,
    target: IbmTarget,
    memristor: qm.Memristor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Times 0 to 1.5 in X and Y at factors 1 and 3, and two calibration circuits: 18 circuits."""
    monkeypatch.setattr("qmemcircuit.runs.jobs.ibm.MOST_CIRCUITS", 8)
    service = StubService(tmp_path / "server")
    declared = qm.Mitigation(factors=(1, 3))
    folder = submit(
        memristor,
        TIMES,
        target=target,
        shots=SHOTS,
        folder=tmp_path / "s",
        mitigation=declared,
        service=service,
    )
    assert [len(service._job(f"job{k}")["rows"]) for k in range(4)] == [4, 4, 6, 4]
    plan = json.loads((folder / "plan.json").read_text())["header"]
    assert [run["role"] for run in plan["runs"]] == [
        "factor 1",
        "factor 3",
        "readout 0",
        "readout 1",
    ]
    # A time in each, all factors of a circuit together; the calibration in the middle of all.
    parts = [part["pubs"] for part in plan["parts"]]
    assert parts[0] == [[0, 0, 0], [1, 0, 0], [0, 0, 1], [1, 0, 1]]  # run, time, setting
    assert parts[2] == [[0, 2, 0], [1, 2, 0], [2, 0, 0], [3, 0, 0], [0, 2, 1], [1, 2, 1]]
    with (folder / "part001.qpy").open("rb") as stream:
        gates = [circuit.count_ops()["cx"] for circuit in qpy.load(stream)]
    # 0.618 + 1/2 is 0.118 modulo 1: Y comes first at this time.
    assert parts[1][0] == [0, 1, 1]
    assert gates == [gates[0], 3 * gates[0]] * 2
    # A job that lacks takes its time with it, and not the mitigation of the others.
    service.change("job1", state="QUEUED")
    first = collect(folder, service=service)
    assert not first.complete
    assert first.record is not None
    assert first.record.times.tolist() == [0.0, 1.0, 1.5]
    assert first.record.mitigated is not None
    # Without the calibration there is a raw record and no mitigated one.
    (folder / "part002.counts.npz").unlink()
    service.change("job2", state="QUEUED")
    first = collect(folder, service=service)
    assert first.record is not None
    assert first.record.times.tolist() == [0.0, 1.5]
    assert first.record.mitigated is None
    assert "readout 1 is incomplete" in str(first)
    with pytest.raises(ValueError, match="not there yet; collect again"):
        qm.mitigate(first.record)
    service.change("job1", state="DONE")
    service.change("job2", state="DONE")
    found = collect(folder, service=service)
    assert found.complete
    assert found.record is not None
    mitigated = found.record.mitigated
    assert mitigated is not None
    assert mitigated.mitigation == declared
    # The stub's row k has outcome 1 k times; every job starts anew.
    for pubs in parts:
        for row, (number, time, setting) in enumerate(pubs):
            if number < 2:
                assert mitigated.runs[number].counts[time, setting, 1] == row
    assert mitigated.readout is not None
    assert mitigated.readout.counts.tolist() == [[48, 2], [47, 3]]


@pytest.mark.usefixtures("three_parts")
def test_counts_of_another_submission_are_never_ours(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    assert collect(folder, service=service).complete
    plan = (folder / "plan.json").read_bytes()
    (folder / "plan.json").unlink()
    with pytest.raises(ValueError, match="nothing of another submission, but"):
        _submit(folder, service, target, memristor)
    # And if files were mixed by hand: the counts say whose they are.
    other = _submit(tmp_path / "t", service, target, memristor)
    (other / "part000.counts.npz").write_bytes((folder / "part000.counts.npz").read_bytes())
    with pytest.raises(jobs.FileFormatError, match="is of another one; remove that file"):
        collect(other, service=service)
    (other / "part000.counts.npz").unlink()
    assert collect(other, service=service).complete
    (folder / "plan.json").write_bytes(plan)
    assert collect(folder, service=service).complete


def test_arguments_of_the_wrong_kind_are_named(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    with pytest.raises(TypeError, match="Argument name must be a device's name, but 3"):
        ibm(3, channel="local")
    with pytest.raises(TypeError, match="Argument fold must be an integer, but '3'"):
        ibm("fake_manila", channel="local", fold="3")
    with pytest.raises(TypeError, match="Argument layout must be a list of qubits, but 3"):
        ibm("fake_manila", channel="local", layout=3)
    with pytest.raises(TypeError, match="Argument wait must be a real number, but 'x'"):
        collect(tmp_path, wait="x")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; choose another name"):
        submit(memristor, TIMES, target=target, shots=SHOTS, folder=tmp_path / "file")


@pytest.mark.usefixtures("three_parts")
def test_damaged_files_of_a_submission_name_the_remedy(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    service.change("job0", state="ERROR")
    whole = (folder / "part000.qpy").read_bytes()
    turned = bytearray(whole)
    turned[len(whole) // 2] ^= 1  # an angle's bit, perhaps: QPY would not notice
    for damaged in (whole[: len(whole) // 2], bytes(turned)):
        (folder / "part000.qpy").write_bytes(damaged)
        with pytest.raises(jobs.FileFormatError, match=r"part000\.qpy' cannot be read"):
            resume(folder, service=service, retry=True)
    (folder / "part000.qpy").write_bytes(whole)
    attempts = (folder / "part001.json").read_text()
    (folder / "part001.json").write_text(attempts.replace("-001", "-009"))
    with pytest.raises(jobs.FileFormatError, match="remove that file and resume"):
        resume(folder, service=service)
    (folder / "part001.json").write_text(attempts)
    (folder / "part001.json").write_text('{"attempts": [{"tag": "x", "job": 5}]}')
    with pytest.raises(jobs.FileFormatError, match="remove that file and resume"):
        collect(folder, service=service)
    (folder / "part001.json").unlink()
    resume(folder, service=service, retry=True)
    assert collect(folder, service=service).complete
    (folder / "part002.counts.npz").write_bytes(b"half")
    with pytest.raises(jobs.FileFormatError, match="the service still has the job"):
        collect(folder, service=service)


@pytest.mark.usefixtures("three_parts")
def test_mitigated_counts_have_the_times_of_their_record(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    """A time whose circuits are missing at factor 1 is left out at every factor."""
    service = StubService(tmp_path / "server")
    folder = submit(
        memristor,
        TIMES,
        target=target,
        shots=SHOTS,
        folder=tmp_path / "s",
        mitigation=qm.Mitigation(factors=(1, 3)),
        service=service,
    )
    service.change("job2", state="QUEUED")
    found = collect(folder, service=service)
    assert found.record is not None
    assert found.record.times.tolist() == [0.0, 1.0, 1.5]
    assert found.record.mitigated is not None
    for run in found.record.mitigated.runs:
        assert run.counts.shape[0] == 3


def test_run_on_a_device_of_jobs_is_one_submission(
    tmp_path: Path,
    target: IbmTarget,
    memristor: qm.Memristor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    declared = qm.Mitigation(factors=(1, 3))
    record = qm.run(memristor, TIMES[:2], target=target, shots=SHOTS, mitigation=declared)
    (folder,) = tmp_path.glob("qmemcircuit-jobs-*")
    assert len(list(folder.glob("*.counts.npz"))) == 1
    assert len(record.provenance["jobs"]) == 1
    assert record.mitigated is not None
    assert record.mitigated.runs[1].shots.tolist() == [[SHOTS] * 2] * 2


@pytest.mark.usefixtures("three_parts")
def test_a_partial_batch_says_what_is_missing_and_loses_nothing(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    service.change("job1", state="QUEUED")
    service.change("job3", state="ERROR", reason="qubit 3 is in maintenance")
    first = collect(folder, service=service)
    assert not first.complete
    assert first.record is not None
    assert first.record.times.tolist() == [0.0, 1.0]
    assert first.incomplete_times == (0.5, 1.5)
    assert [item.state for item in first.missing] == ["QUEUED", "ERROR"]
    text = str(first)
    assert "2 of 4 times are complete" in text
    assert "qubit 3 is in maintenance" in text
    assert "retry=True" in text
    # What was fetched stays, even if the server forgets it.
    service.change("job0", state="ERROR")
    service.change("job1", state="DONE")
    second = collect(folder, service=service)
    assert second.record is not None
    assert second.record.times.tolist() == [0.0, 0.5, 1.0]
    before = service.count()
    resume(folder, service=service)
    assert service.count() == before  # a failed job is not submitted again unasked
    resume(folder, service=service, retry=True)
    assert service.count() == before + 1
    assert collect(folder, service=service).complete


@pytest.mark.usefixtures("three_parts")
def test_fewer_shots_than_asked_are_said_and_used(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    service.change("job2", returned=30)
    found = collect(folder, service=service)
    assert "30 shots, fewer than the 50 asked" in found.remarks[0]
    assert found.record is not None
    assert found.record.samples.shots[2].tolist() == [30, 30]


@pytest.mark.usefixtures("three_parts")
@pytest.mark.parametrize(
    ("returned", "reason", "kept"),
    [
        ([{0: 20, 1: 30}], "1 results came back for 2 circuits", 0),
        ([{0: 20, 1: 30}, {}], "1 of 2 circuits came back with 0 shots", 50),
        ([{0: 50}, {5: 50}], "an outcome came back that is not one of 2", 0),
    ],
)
def test_malformed_counts_are_kept_and_sent_again_once_if_asked(
    tmp_path: Path,
    target: IbmTarget,
    memristor: qm.Memristor,
    returned: list[dict[int, int]],
    reason: str,
    kept: int,
) -> None:
    class Malformed(StubService):
        def counts(self, job: str) -> list[Mapping[int, int]]:
            return list(returned) if job == "job1" else super().counts(job)

    service = Malformed(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    for _ in range(2):  # asking twice neither adds counts nor jobs
        found = collect(folder, service=service)
        assert [item.state for item in found.missing] == ["ERROR"]
        assert reason in str(found)
        assert "retry=True" in str(found)
        assert found.incomplete_times == (0.5,)
    assert (folder / "part001.attempt0.npz").exists()
    assert not (folder / "part001.counts.npz").exists()
    resume(folder, service=service)
    assert service.count() == 4
    for _ in range(2):
        resume(folder, service=service, retry=True)
        assert service.count() == 5
    service.change("job4", state="QUEUED")
    assert [item.state for item in collect(folder, service=service).missing] == ["QUEUED"]
    service.change("job4", state="DONE")
    again = collect(folder, service=service)
    assert again.complete
    assert again.record is not None
    # What the first attempt measured of a circuit is added to the second's.
    wanted_shots = [SHOTS, SHOTS]
    wanted_shots[_first_setting(folder, part=1)] += kept
    assert again.record.samples.shots[1].tolist() == wanted_shots
    wanted = ["job0", *(["job1"] if kept else []), "job4", "job2", "job3"]
    assert again.record.provenance["jobs"] == wanted


def _first_setting(folder: Path, *, part: int) -> int:
    """Return the number of the setting that stands first in a job."""
    plan = json.loads((folder / "plan.json").read_text())["header"]
    return int(plan["parts"][part]["pubs"][0][2])


@pytest.mark.usefixtures("three_parts")
def test_two_incomplete_attempts_make_a_whole(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    class Halves(StubService):
        def counts(self, job: str) -> list[Mapping[int, int]]:
            halves = {"job1": [{0: 40}, {}], "job4": [{}, {1: 30}]}
            return list(halves.get(job) or super().counts(job))

    service = Halves(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    assert not collect(folder, service=service).complete
    resume(folder, service=service, retry=True)
    found = collect(folder, service=service)
    assert found.complete
    assert found.record is not None
    first = _first_setting(folder, part=1)
    assert found.record.samples.counts[1, first].tolist() == [40, 0]
    assert found.record.samples.counts[1, 1 - first].tolist() == [0, 30]
    assert "job job1, job4: a circuit has 30 shots" in found.remarks[0]


def _child(action: Callable[[], object]) -> int:
    """Run `action` in a forked child; return the signal that ended it, or 0."""
    process = os.fork()
    if process == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


@pytest.mark.usefixtures("three_parts")
@pytest.mark.parametrize("moment", ["before acceptance", "after acceptance"])
@pytest.mark.parametrize("on_part", [0, 2])
def test_killed_around_the_acceptance_nothing_is_lost_or_sent_twice(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor, moment: str, on_part: int
) -> None:
    folder = _planned(tmp_path, target, memristor)
    deadly = StubService(tmp_path / "server", die=moment, on_part=on_part)
    assert _child(lambda: resume(folder, service=deadly)) == signal.SIGKILL
    service = StubService(tmp_path / "server")
    assert service.count() == on_part + (moment == "after acceptance")
    resume(folder, service=service)
    _check_all_once(folder, service)


@pytest.mark.usefixtures("three_parts")
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", range(8))
def test_killed_at_every_write(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor, write: int, after: bool
) -> None:
    """Sending four parts writes eight files; the client is killed before and after each."""
    folder = _planned(tmp_path, target, memristor)
    service = StubService(tmp_path / "server")

    def deadly() -> None:
        real, done = jobs.write_atomically, [0]

        def counting(path: Any, content: bytes) -> Path:
            if done[0] == write and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(path, content)
            if done[0] == write:
                os.kill(os.getpid(), signal.SIGKILL)
            done[0] += 1
            return result

        # In the child only.
        jobs.write_atomically = job_folder.write_atomically = counting
        resume(folder, service=service)

    assert _child(deadly) == signal.SIGKILL
    resume(folder, service=service)
    _check_all_once(folder, service)


@pytest.mark.usefixtures("three_parts")
def test_killed_while_collecting(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)

    def deadly() -> None:
        real, done = collection.save_file, [0]

        def counting(*arguments: Any) -> Path:
            if done[0] == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            done[0] += 1
            return real(*arguments)

        collection.save_file = counting  # in the child only
        collect(folder, service=service)

    assert _child(deadly) == signal.SIGKILL
    assert len(list(folder.glob("*.counts.npz"))) == 2
    assert collect(folder, service=service).complete


def _planned(tmp_path: Path, target: IbmTarget, memristor: qm.Memristor) -> Path:
    """Return a submission killed right after its plan was written: nothing is sent yet."""

    class Refusing(StubService):
        def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
            raise ConnectionError("the network is down")

    with pytest.raises(ConnectionError):
        _submit(tmp_path / "s", Refusing(tmp_path / "server"), target, memristor)
    (tmp_path / "s" / "part000.json").unlink()
    return tmp_path / "s"


def _check_all_once(folder: Path, service: StubService) -> None:
    tags = [service._job(path.stem)["tag"] for path in service.server.glob("*.job")]
    assert len(tags) == len(set(tags)) == 4
    found = collect(folder, service=service)
    assert found.complete
    assert found.record is not None
    assert found.record.samples.counts[:, :, 1].tolist() == [[0, 1]] * 4


def test_a_full_disk_after_acceptance_names_job_and_remedy(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = StubService(tmp_path / "server")
    real = jobs.write_atomically

    def full(path: Any, content: bytes) -> Path:
        if b"job0" in content:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, content)

    for room in (jobs, job_folder):
        monkeypatch.setattr(room, "write_atomically", full)
    with pytest.raises(OSError, match=r"Job job0 .* was accepted .* resume"):
        _submit(tmp_path / "s", service, target, memristor)
    for room in (jobs, job_folder):
        monkeypatch.setattr(room, "write_atomically", real)
    resume(tmp_path / "s", service=service)
    assert service.count() == 1
    assert collect(tmp_path / "s", service=service).complete


def test_two_at_once_are_refused(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    folder = _submit(tmp_path / "s", service, target, memristor)
    with jobs.locked(folder), pytest.raises(RuntimeError, match="another process"):
        collect(folder, service=service)
    assert collect(folder, service=service).complete


def test_bad_folders_and_targets(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor
) -> None:
    service = StubService(tmp_path / "server")
    with pytest.raises(FileNotFoundError, match="nothing was sent"):
        collect(tmp_path / "empty", service=service)
    with pytest.raises(FileNotFoundError, match="check its name"):
        resume(tmp_path / "empty", service=service)
    assert not (tmp_path / "empty").exists()
    folder = _submit(tmp_path / "s", service, target, memristor)
    with pytest.raises(ValueError, match="resume"):
        _submit(folder, service, target, memristor)
    (folder / "part000.json").write_text("{")
    with pytest.raises(qm.FileFormatError, match="remove that file and resume"):
        collect(folder, service=service)
    with pytest.raises(TypeError, match="must take jobs"):
        submit(memristor, TIMES, target=qm.aer(seed=1), shots=1, folder=tmp_path / "x")  # type: ignore[arg-type]


def test_parts_respect_the_services_limit(target: IbmTarget) -> None:
    parts = target.parts(540, 50_000)  # 60 times × 9 settings × 50 000 shots = 27 million
    assert sum(len(part) for part in parts) == 540
    assert max(len(part) * 50_000 for part in parts) <= 10_000_000
    with pytest.raises(ValueError, match="Argument shots must be at most"):
        target.parts(1, 20_000_000)


def test_local_testing_mode_from_one_process_to_another(tmp_path: Path) -> None:
    """The real client, its local mode, and a fresh process that knows the folder alone."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    target = ibm("fake_manila", channel="local", seed=5)
    shots = 4000
    folder = submit(memristor, [0.0, 1.0], target=target, shots=shots, folder=tmp_path / "s")
    script = (
        "import sys, qmemcircuit as qm; found = qm.collect(sys.argv[1]); "
        "found.record.save(sys.argv[2]); print(found)"
    )
    command = [sys.executable, "-W", "error", "-c", script, str(folder), str(tmp_path / "r.json")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "2 of 2 times are complete" in result.stdout
    record = qm.Record.load(tmp_path / "r.json")
    wanted = target.prediction.probabilities(qm.build_circuits(memristor, [0.0, 1.0]))
    found = record.samples.counts / shots
    # Four independent means at 4.5 standard errors: a false alarm in 3e-5, at a fixed seed.
    error = np.sqrt(wanted * (1 - wanted) / shots)
    assert np.all(np.abs(found - wanted) < 4.5 * error)
    assert np.abs(found - wanted[::-1]).max() > 4.5 * error.max()


def test_run_on_a_job_target_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memristor: qm.Memristor
) -> None:
    monkeypatch.chdir(tmp_path)
    service = StubService(tmp_path / "server")
    target = ibm("fake_manila", channel="local", seed=1, service=service)
    record = qm.run(memristor, [0.0, 1.0], target=target, shots=SHOTS)
    assert record.samples.shots.tolist() == [[SHOTS, SHOTS]] * 2


def test_no_token_reaches_a_file(
    tmp_path: Path, memristor: qm.Memristor, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "a-token-that-must-not-be-written"
    monkeypatch.setenv("QISKIT_IBM_TOKEN", secret)
    target = ibm("fake_manila", channel="local", seed=1, instance=None)
    folder = submit(memristor, [0.5], target=target, shots=5, folder=tmp_path / "s")
    collect(folder)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret.encode() not in content
            assert b"token" not in content.lower()


def test_missing_account_and_unknown_devices_are_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE",
        str(tmp_path / "none.json"),
    )
    with pytest.raises(ValueError, match="save_account"):
        ibm("ibm_torino", instance="nowhere")
    with pytest.raises(ValueError, match="FakeTorino"):
        ibm("fake_nothing", channel="local")
    with pytest.raises(ValueError, match="twirling"):
        ibm("fake_manila", channel="local", twirling=True, fractional_gates=True)
    with pytest.raises(ValueError, match=r"fractional_gates must be False .* no rx and no rzz"):
        ibm("fake_torino", channel="local", fractional_gates=True)
    assert ibm("FakeFractionalBackend", channel="local", fractional_gates=True).fractional_gates
    with pytest.raises(ValueError, match="dynamical_decoupling"):
        ibm("fake_manila", channel="local", dynamical_decoupling="XYZ")


def test_options_reach_the_sampler() -> None:
    from qmemcircuit.runs.jobs.services import _sampler

    target = ibm("fake_manila", channel="local", dynamical_decoupling="XY4", twirling=True)
    options = _sampler(fake_backend("FakeManilaV2"), target.options, "the-tag").options
    assert options.dynamical_decoupling.enable
    assert options.dynamical_decoupling.sequence_type == "XY4"
    assert options.twirling.enable_gates
    assert options.environment.job_tags == ["the-tag"]


def test_local_jobs_know_a_lost_file(tmp_path: Path) -> None:
    service = LocalJobs(None, {}, tmp_path)
    assert service.find("t") is None
    assert service.status("local-t")[0] == "ERROR"


class StubRuntimeService:
    """A stub of `QiskitRuntimeService`: it lists and returns jobs, and runs nothing."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def jobs(self, *, job_tags: list[str], limit: int, instance: str | None) -> list[Any]:
        return [job for job in self.known.values() if job.tags == job_tags][:limit]

    def job(self, job: str) -> Any:
        return self.known[job]


def test_the_runtime_adapter_asks_the_right_questions(
    memristor: qm.Memristor, target: IbmTarget
) -> None:
    """`RuntimeJobs` with the client's own Sampler on a fake backend, and the stub for retrieval."""
    from qmemcircuit.runs.jobs.services import RuntimeJobs

    backend = fake_backend("fake_manila")
    circuits = target.prepare(qm.build_circuits(memristor, [0.5]))
    service = StubRuntimeService()
    adapter = RuntimeJobs(service, backend, {"simulator": {"seed_simulator": 1}}, "job")
    assert adapter.find("a-tag") is None
    job = adapter.submit(circuits, 40, "a-tag")
    assert job

    class Failed:
        tags: tuple[str, ...] = ()

        def status(self) -> str:
            return "ERROR"

        def error_message(self) -> str:
            return "calibrating"

    from qmemcircuit.runs.jobs.services import _sampler

    real = _sampler(backend, {}, "a-tag").run([(circuit,) for circuit in circuits], shots=40)
    real.tags = ["a-tag"]
    service.known = {real.job_id(): real, "bad": Failed()}
    assert adapter.find("a-tag") == real.job_id()
    assert sum(adapter.counts(real.job_id())[0].values()) == 40
    assert adapter.status("bad") == ("ERROR", "calibrating")


def test_killed_while_planning_nothing_was_sent_and_the_folder_is_free(
    tmp_path: Path, target: IbmTarget, memristor: qm.Memristor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = StubService(tmp_path / "server")

    def interrupted(*arguments: Any) -> Path:
        raise KeyboardInterrupt  # stands for the kill: the plan is never written

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "save_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _submit(tmp_path / "s", service, target, memristor)
    assert (tmp_path / "s" / "part000.qpy").exists()
    assert service.count() == 0
    with pytest.raises(FileNotFoundError, match="submit again"):
        resume(tmp_path / "s", service=service)
    _submit(tmp_path / "s", service, target, memristor)
    assert collect(tmp_path / "s", service=service).complete


@pytest.mark.live
def test_one_circuit_on_real_hardware(tmp_path: Path) -> None:
    """Needs an account and QMEMCIRCUIT_LIVE_DEVICE; sends one circuit of 100 shots."""
    name = os.environ.get("QMEMCIRCUIT_LIVE_DEVICE")
    if not name:
        pytest.skip("set QMEMCIRCUIT_LIVE_DEVICE to a device of your account")
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    folder = submit(
        memristor, [0.5], target=ibm(name, mode="job"), shots=100, folder=tmp_path / "live"
    )
    found = collect(folder, wait=3600)
    assert found.complete
    assert found.record is not None
    assert np.all(found.record.samples.shots >= 100)


def test_local_jobs_count_what_the_client_counts_on_the_whole_fake(tmp_path: Path) -> None:
    """The noise of the unused qubits is left out, and changes no count."""
    from qiskit_aer import AerSimulator

    from qmemcircuit.runs.jobs.services import _sampler

    fake = fake_backend("FakeManilaV2")
    circuit = QuantumCircuit(5, 2)
    for _ in range(3):
        circuit.sx(3)
        circuit.cx(3, 4)
        circuit.delay(2000, 3, unit="dt")
        circuit.reset(4)
    circuit.measure([3, 4], [0, 1])
    options = {"simulator": {"seed_simulator": 5}}
    service = LocalJobs(fake, options, tmp_path)
    (found,) = service.counts(service.submit([circuit], 500, "t"))

    def counted(mode: Any) -> dict[int, int]:
        job = _sampler(mode, service._seeded(0, 0), "t").run([(circuit,)], shots=500)
        return next(iter(job.result()[0].data.values())).get_int_counts()

    assert found == counted(fake)
    assert found != counted(AerSimulator())  # mutant: no noise at all
