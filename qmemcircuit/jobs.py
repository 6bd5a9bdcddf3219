"""`submit`, `resume`, `collect`: circuits sent to a service that answers tomorrow, without loss.

A submission is a folder. In this order, each file whole or absent:

1. `part000.qpy`, … the compiled circuits of each part;
2. `plan.json`: model, times, settings, which circuit is which time and setting, target, layout,
   calibration, versions, and one unique tag per part. From here on the submission exists.
3. `part000.json`, … the attempts at each part. An attempt is written with its tag *before* the
   service is called, and again with the job id afterwards.
4. `part000.counts.npz`, … the counts, as soon as a job is done.

Killed at any moment, `resume` finds attempts without a job id and asks the service for a job that
carries the tag, so that nothing is submitted twice. What no client can exclude: a service that
accepts a request and lists it only after `resume` has asked.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.absorption import absorb_device_decay
from qmemcircuit.ancillas import BestAncilla, resolve_ancilla
from qmemcircuit.checks import IntArray, check_integer
from qmemcircuit.circuits import CircuitSet, build_circuits
from qmemcircuit.collision import CollisionForm
from qmemcircuit.devices import scheduled_device
from qmemcircuit.execution import Record
from qmemcircuit.memristors import Model
from qmemcircuit.provenance import make_provenance
from qmemcircuit.serialization import describe_model, restore_model
from qmemcircuit.splitting import Splitting
from qmemcircuit.storage import FileFormatError, load_file, save_file, write_atomically
from qmemcircuit.trajectory import Samples

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

DONE, FAILED = ("DONE",), ("ERROR", "CANCELLED")


class JobService(Protocol):
    """What jobs are sent to: four questions that any service answers."""

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Start a job that carries `tag`; return its id."""
        ...

    def find(self, tag: str) -> str | None:
        """Return the id of the job that carries `tag`, or None."""
        ...

    def status(self, job: str) -> tuple[str, str]:
        """Return the job's state (QUEUED, RUNNING, DONE, ERROR or CANCELLED) and a reason."""
        ...

    def counts(self, job: str) -> list[Mapping[int, int]]:
        """Return for each circuit of a finished job how often each outcome was seen."""
        ...


@runtime_checkable
class Submittable(Protocol):
    """A target whose circuits are sent as jobs; `ibm(name)` is one."""

    def place(self, circuits: CircuitSet) -> Submittable:
        """Return the target with its qubits chosen."""
        ...

    def prepare(self, circuits: CircuitSet) -> list[QuantumCircuit]:
        """Return the circuits as the service takes them, time-major."""
        ...

    def parts(self, circuits: int, shots: int) -> list[range]:
        """Return which circuits go into which job."""
        ...

    def connect(self, folder: Path) -> JobService:
        """Return the service that runs the jobs of the submission in `folder`."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Return name, layout, options and calibration as JSON values; never a token."""
        ...


@dataclass(frozen=True)
class MissingPart:
    """One part of a submission whose counts are not there.

    `state` is NOT SUBMITTED, QUEUED, RUNNING, ERROR or CANCELLED.
    """

    part: int
    job: str | None
    state: str
    circuits: int
    reason: str

    def __str__(self) -> str:
        """Return the part in one line, with what to do."""
        remedy = {
            "NOT SUBMITTED": "resume the submission",
            "ERROR": "resume(…, retry=True) submits it again",
            "CANCELLED": "resume(…, retry=True) submits it again",
        }.get(self.state, "collect again later")
        reason = f" ({self.reason})" if self.reason else ""
        return (
            f"part {self.part}, {self.circuits} circuits, job {self.job or '—'}: "
            f"{self.state}{reason}; {remedy}."
        )


@dataclass(frozen=True, eq=False)
class Collection:
    """What a submission has brought so far.

    Attributes:
        record: the times of which every setting is there; None where no time is complete.
        missing: the parts whose counts are not there.
        incomplete_times: times left out of the record because a setting is missing.
        remarks: what is odd about what is there, e.g. fewer shots than asked.
    """

    record: Record | None
    missing: tuple[MissingPart, ...]
    incomplete_times: tuple[float, ...]
    remarks: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everything that was submitted is in the record."""
        return not self.missing

    def __str__(self) -> str:
        """Return what is there and what is missing."""
        there = 0 if self.record is None else self.record.times.size
        lines = [f"{there} of {there + len(self.incomplete_times)} times are complete."]
        return "\n".join([*lines, *map(str, self.missing), *self.remarks])


def submit(
    model: Model,
    times: ArrayLike,
    *,
    target: Submittable,
    shots: int,
    folder: str | os.PathLike[str],
    bases: str | Sequence[str | Sequence[str]] | None = None,
    ancilla: BestAncilla = "reset",
    splitting: Splitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
    absorb_decay: bool = False,
    service: JobService | None = None,
) -> Path:
    """Compile and send the circuits of `model`; return the submission's folder at once.

    Args:
        model, times, shots, bases, ancilla, splitting, steps, collision, absorb_decay: as in `run`.
        target: `ibm(name)`.
        folder: new or empty; everything that `collect` needs is written to it.
        service: instead of the target's own, for tests.

    Raises ValueError where `folder` already holds a submission (resume that one) or an argument
    is bad, and OSError where the disk is full; what was accepted is never submitted twice.
    """
    shots = check_integer("shots", shots, minimum=1)
    if not isinstance(target, Submittable):
        raise TypeError(
            f"Argument target must take jobs, but {target!r} does not; ibm('ibm_torino') does, "
            "and run(…) measures on the others."
        )
    circuits, choice = resolve_ancilla(
        lambda pool: build_circuits(
            model,
            times,
            bases=bases,
            ancilla=pool,
            splitting=splitting,
            steps=steps,
            collision=collision,
        ),
        ancilla,
        target,
    )
    absorption = None
    if absorb_decay:
        target = target.place(circuits)
        circuits, report = absorb_device_decay(circuits, scheduled_device(target))
        absorption = report.describe()
    details = {
        "absorption": absorption,
        "ancilla_choice": None if choice is None else choice.describe(),
    }
    return submit_circuits(circuits, target, shots, folder, service=service, details=details)


def submit_circuits(
    circuits: CircuitSet,
    target: Submittable,
    shots: int,
    folder: str | os.PathLike[str],
    *,
    service: JobService | None = None,
    details: Mapping[str, Any] | None = None,
) -> Path:
    """Do what `submit` does for circuits that are already made; `details` go to the record."""
    place = Path(folder)
    with _locked(place):
        if (place / "plan.json").exists():
            raise ValueError(
                f"Argument folder must hold no submission, but {str(place)!r} does; "
                "resume(folder) continues it, or choose another folder."
            )
        placed = target.place(circuits)
        _write_plan(place, circuits, placed, shots, details or {})
        with _finished(service or placed.connect(place)) as connected:
            _send(place, connected, asked=False, retry=False)
    return place


def resume(
    folder: str | os.PathLike[str], *, service: JobService | None = None, retry: bool = False
) -> Path:
    """Continue an interrupted submission: find what was accepted, send what was not.

    Args:
        folder: of the submission.
        service: instead of the one in the plan.
        retry: also submit again the parts whose job failed or was cancelled.

    Raises FileNotFoundError where the folder holds no plan: then nothing was ever sent.
    """
    place = Path(folder)
    with _locked(place):
        with _finished(service or _service_of(place)) as connected:
            _send(place, connected, asked=True, retry=retry)
    return place


def collect(
    folder: str | os.PathLike[str],
    *,
    service: JobService | None = None,
    wait: float = 0.0,
    interval: float = 15.0,
) -> Collection:
    """Fetch what is done, keep it on disk, and return the record and what is missing.

    Args:
        folder: of the submission.
        service: instead of the one in the plan.
        wait: keep asking for at most so many seconds.
        interval: seconds between questions.

    Counts once fetched are read from the disk and never asked for again.
    """
    place = Path(folder)
    deadline = time.monotonic() + wait
    with _locked(place):
        plan, arrays = _plan(place)
        connected = service
        while True:
            missing = []
            for number, part in enumerate(plan["parts"]):
                if (place / _name(number, "counts.npz")).exists():
                    continue
                if connected is None:
                    connected = _service_of(place)
                state = _fetch(place, number, part, connected)
                if state is not None:
                    missing.append(state)
            pending = any(item.state not in (*FAILED, "NOT SUBMITTED") for item in missing)
            if not pending or time.monotonic() >= deadline:
                break
            time.sleep(min(interval, max(0.0, deadline - time.monotonic())))
        return _collection(place, plan, arrays, tuple(missing))


def _write_plan(
    place: Path,
    circuits: CircuitSet,
    target: Submittable,
    shots: int,
    details: Mapping[str, Any],
) -> None:
    """Write the circuits and then the plan, which makes them a submission."""
    import io

    from qiskit import qpy

    prepared = target.prepare(circuits)
    settings = len(circuits.bases)
    identity = uuid.uuid4().hex
    parts = []
    for number, chosen in enumerate(target.parts(len(prepared), shots)):
        buffer = io.BytesIO()
        qpy.dump([prepared[index] for index in chosen], buffer)
        write_atomically(place / _name(number, "qpy"), buffer.getvalue())
        parts.append(
            {
                "tag": f"qmemcircuit-{identity}-{number:03d}",
                "pubs": [[index // settings, index % settings] for index in chosen],
            }
        )
    header = {
        "model": describe_model(circuits.network, circuits.times),
        "bases": list(circuits.bases),
        "shots": shots,
        "parts": parts,
        "target": dict(target.describe()),
        "provenance": dict(
            make_provenance(
                "submit",
                target=dict(target.describe()),
                shots_asked=shots,
                ancilla=circuits.ancilla.describe(),
                splitting=circuits.splitting,
                steps=circuits.steps,
                collision=circuits.collision,
                submission=identity,
                **details,
            )
        ),
    }
    save_file(place / "plan.json", "submission", header, {"times": circuits.times})


def _send(place: Path, service: JobService, *, asked: bool, retry: bool) -> None:
    """Submit every part that no job carries yet. `asked`: ask the service before submitting."""
    from qiskit import qpy

    plan, _ = _plan(place)
    for number, part in enumerate(plan["parts"]):
        if (place / _name(number, "counts.npz")).exists():
            continue
        attempts = _attempts(place, number)
        if attempts and attempts[-1]["job"] is not None:
            if not (retry and service.status(attempts[-1]["job"])[0] in FAILED):
                continue
            attempts.append({"tag": f"{part['tag']}-{len(attempts)}", "job": None})
            _write_attempts(place, number, attempts)
        elif not attempts:
            attempts = [{"tag": part["tag"], "job": None}]
            _write_attempts(place, number, attempts)
        tag = attempts[-1]["tag"]
        job = service.find(tag) if asked else None
        if job is None:
            with (place / _name(number, "qpy")).open("rb") as stream:
                circuits = qpy.load(stream)
            job = service.submit(circuits, plan["shots"], tag)
        attempts[-1]["job"] = job
        try:
            _write_attempts(place, number, attempts)
        except OSError as error:
            raise OSError(
                f"Job {job} of part {number} was accepted with the tag {tag}, but its id could "
                f"not be written ({error}); make room on the disk and resume({str(place)!r}), "
                "which finds it by its tag."
            ) from error


def _fetch(
    place: Path, number: int, part: Mapping[str, Any], service: JobService
) -> MissingPart | None:
    """Write the counts of one part if its job is done, else say what is the matter."""
    attempts = _attempts(place, number)
    size = len(part["pubs"])
    job = attempts[-1]["job"] if attempts else None
    if job is None:
        return MissingPart(number, None, "NOT SUBMITTED", size, "interrupted")
    state, reason = service.status(job)
    if state not in DONE:
        return MissingPart(number, job, state, size, reason)
    found = service.counts(job)
    if len(found) != size:
        return MissingPart(
            number, job, "ERROR", size, f"{len(found)} results came back for {size} circuits"
        )
    outcomes = 1 + max((max(counts, default=0) for counts in found), default=0)
    table = np.zeros((size, outcomes), dtype=np.int64)
    for row, counts in enumerate(found):
        for outcome, seen in counts.items():
            table[row, outcome] = seen
    save_file(place / _name(number, "counts.npz"), "counts", {"job": job}, {"counts": table})
    return None


def _collection(
    place: Path,
    plan: Mapping[str, Any],
    arrays: Mapping[str, Any],
    missing: tuple[MissingPart, ...],
) -> Collection:
    times, bases = arrays["times"], tuple(plan["bases"])
    outcomes = 2 ** len(bases[0])
    counts: IntArray = np.zeros((times.size, len(bases), outcomes), dtype=np.int64)
    there = np.zeros((times.size, len(bases)), dtype=bool)
    remarks, jobs = [], []
    for number, part in enumerate(plan["parts"]):
        path = place / _name(number, "counts.npz")
        if not path.exists():
            continue
        header, content = load_file(path, "counts")
        jobs.append(header["job"])
        table = content["counts"]
        for row, (time_index, setting) in enumerate(part["pubs"]):
            counts[time_index, setting, : table.shape[1]] = table[row]
            there[time_index, setting] = table[row].sum() > 0
        fewest = int(table.sum(axis=1).min())
        if fewest < plan["shots"]:
            remarks.append(
                f"part {number}, job {header['job']}: a circuit has {fewest} shots, fewer than "
                f"the {plan['shots']} asked; errors are those of the actual numbers."
            )
    kept = there.all(axis=1)
    record = None
    if kept.any():
        network = restore_model(plan["model"])
        provenance = {**plan["provenance"], "jobs": jobs, "complete": not missing}
        record = Record(network, times[kept], Samples(bases, counts[kept]), provenance)
    left_out = tuple(float(value) for value in times[~kept])
    return Collection(record, missing, left_out, tuple(remarks))


def _service_of(place: Path) -> JobService:
    from qmemcircuit.runtime import connect

    plan, _ = _plan(place)
    return connect(plan["target"], place)


def _plan(place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    path = place / "plan.json"
    if not path.exists():
        raise FileNotFoundError(
            f"Argument folder must hold a submission, but {str(place)!r} has no plan.json: "
            "nothing was sent from it; submit again."
        )
    return load_file(path, "submission")


def _attempts(place: Path, number: int) -> list[dict[str, Any]]:
    path = place / _name(number, "json")
    if not path.exists():
        return []
    try:
        return list(json.loads(path.read_bytes())["attempts"])
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"Argument folder must hold an intact submission, but {str(path)!r} cannot be read; "
            "remove that file and resume, which asks the service for the plan's tag."
        ) from error


def _write_attempts(place: Path, number: int, attempts: list[dict[str, Any]]) -> None:
    content = json.dumps({"attempts": attempts}, indent=1).encode()
    write_atomically(place / _name(number, "json"), content)


def _name(number: int, suffix: str) -> str:
    return f"part{number:03d}.{suffix}"


@contextmanager
def _finished(service: JobService) -> Iterator[JobService]:
    """Tell the service, if it wants to know, that no more jobs will come: a batch is closed."""
    try:
        yield service
    finally:
        close = getattr(service, "close", None)
        if close is not None:
            close()


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Hold the folder alone; the lock vanishes with the process, however it ends."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"Argument folder must not be in use, but another process is submitting or "
                f"collecting {str(place)!r}; wait for it to finish."
            ) from None
        yield
