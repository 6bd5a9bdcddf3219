"""`collect`: what a submission has brought so far, kept on disk, and what is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qmemcircuit.checks import IntArray
from qmemcircuit.execution import Record
from qmemcircuit.jobs import (
    FAILED,
    JobService,
    attempts_of,
    file_name,
    locked,
    plan_of,
    service_of,
)
from qmemcircuit.serialization import restore_model
from qmemcircuit.storage import load_file, save_file
from qmemcircuit.trajectory import Samples


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
        return not self.missing and not self.incomplete_times

    def __str__(self) -> str:
        """Return what is there and what is missing."""
        there = 0 if self.record is None else self.record.times.size
        lines = [f"{there} of {there + len(self.incomplete_times)} times are complete."]
        return "\n".join([*lines, *map(str, self.missing), *self.remarks])


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
    with locked(place):
        plan, arrays = plan_of(place)
        connected = service
        while True:
            missing = []
            for number, part in enumerate(plan["parts"]):
                if (place / file_name(number, "counts.npz")).exists():
                    continue
                if connected is None:
                    connected = service_of(place)
                state = _fetch(place, number, part, connected)
                if state is not None:
                    missing.append(state)
            pending = any(item.state not in (*FAILED, "NOT SUBMITTED") for item in missing)
            if not pending or time.monotonic() >= deadline:
                break
            time.sleep(min(interval, max(0.0, deadline - time.monotonic())))
        return _collection(place, plan, arrays, tuple(missing))


def _fetch(
    place: Path, number: int, part: Mapping[str, Any], service: JobService
) -> MissingPart | None:
    """Write the counts of one part if its job is done, else say what is the matter."""
    attempts = attempts_of(place, number)
    size = len(part["pubs"])
    job = attempts[-1]["job"] if attempts else None
    if job is None:
        return MissingPart(number, None, "NOT SUBMITTED", size, "interrupted")
    state, reason = service.status(job)
    if state != "DONE":
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
    save_file(place / file_name(number, "counts.npz"), "counts", {"job": job}, {"counts": table})
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
        path = place / file_name(number, "counts.npz")
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
        provenance = {**plan["provenance"], "jobs": jobs, "complete": bool(kept.all())}
        if not kept.all():
            # The circuits stepped through all planned times, not only through those kept.
            provenance["planned_times"] = times.tolist()
        record = Record(network, times[kept], Samples(bases, counts[kept]), provenance)
    left_out = tuple(float(value) for value in times[~kept])
    return Collection(record, missing, left_out, tuple(remarks))
