"""`collect`: what a submission has brought so far, kept on disk, and what is missing.

`run_jobs` is both ends in one call: submit, wait, collect.
"""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import BoolArray, FloatArray, IntArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.storage import FileFormatError, load_file, save_file
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import restore_mitigation
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.calibration import describe_calibration
from qmemcircuit.devices.compilation.instructions import restrict_target
from qmemcircuit.model.serialization import restore_model
from qmemcircuit.results.records import Record
from qmemcircuit.runs.jobs.folder import (
    FAILED,
    attempts_of,
    file_name,
    locked,
    plan_of,
    write_attempts,
)
from qmemcircuit.runs.jobs.protocols import CalibratedService, JobService, submittable
from qmemcircuit.runs.jobs.submission import service_of, submit_measurement
from qmemcircuit.runs.measurement import (
    Measurement,
    join_runs,
    mitigated_samples,
)


@data_object
@dataclass(frozen=True)
class MissingPart:
    """One part of a submission whose counts are not all there.

    `state` is NOT SUBMITTED, QUEUED, RUNNING, ERROR or CANCELLED; ERROR also where the job is done
    but circuits came back without counts.
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


@data_object
@dataclass(frozen=True, eq=False)
class Collection:
    """What a submission has brought so far.

    Attributes:
        record: the times of which every setting is there; None where no time is complete. It has
            `mitigated` counts where all noise factors and the readout calibration are there too.
        missing: the parts whose counts are not all there.
        incomplete_times: times left out of the record because a setting is missing.
        remarks: what is odd about what is there, e.g. fewer shots than asked.

    >>> import qmemcircuit as qm
    >>> import tempfile
    >>> from pathlib import Path
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = qm.ibm("FakeManilaV2", channel="local", seed=1)  # the client's local mode
    ...     sent = qm.submit(
    ...         memristor, [0.3], target=target, shots=100, folder=Path(folder, "tonight")
    ...     )
    ...     found = qm.collect(sent)
    >>> found.missing, found.incomplete_times  # nothing: all was measured
    ((), ())
    """

    record: Record | None
    missing: tuple[MissingPart, ...]
    incomplete_times: tuple[float, ...]
    remarks: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self)

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

    Counts of a whole part are read from the disk and never asked for again. Raises
    FileNotFoundError where the folder holds no submission.

    >>> import qmemcircuit as qm
    >>> import tempfile
    >>> from pathlib import Path
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = qm.ibm("FakeManilaV2", channel="local", seed=1)  # the client's local mode
    ...     sent = qm.submit(
    ...         memristor, [0.3], target=target, shots=100, folder=Path(folder, "tonight")
    ...     )
    ...     found = qm.collect(sent)
    >>> found.missing, int(found.record.samples.counts.sum())
    ((), 200)
    """
    check_arguments(collect, locals(), infinite=("wait",))
    place = Path(folder)
    wait = check_real("wait", wait, minimum=0) if wait != math.inf else wait
    interval = check_real("interval", interval, minimum=0)
    plan_of(place)  # before the lock, which a folder without a plan must not get
    deadline = time.monotonic() + wait
    with locked(place):
        plan, arrays = plan_of(place)
        connected = service
        while True:
            missing = []
            for number in range(len(plan["parts"])):
                if (place / file_name(number, "counts.npz")).exists():
                    continue
                if connected is None:
                    connected = service_of(place)
                state = _fetch(place, number, plan, connected)
                if state is not None:
                    missing.append(state)
            pending = any(item.state not in (*FAILED, "NOT SUBMITTED") for item in missing)
            if not pending or time.monotonic() >= deadline:
                break
            time.sleep(min(interval, max(0.0, deadline - time.monotonic())))
        return _collection(place, plan, arrays, tuple(missing))


def run_jobs(measurement: Measurement) -> Record:
    """Submit, wait and collect, in a new folder of the working directory.

    Raises RuntimeError where a job fails, naming the folder that holds what was measured.
    """
    now = time.strftime("%Y%m%dT%H%M%S")
    folder = Path(f"qmemcircuit-jobs-{now}-{uuid.uuid4().hex[:6]}")
    try:
        submit_measurement(measurement, folder)
        found = collect(
            folder, service=submittable(measurement.target).connect(folder), wait=math.inf
        )
    except BaseException as error:
        error.add_note(f"The submission is in {str(folder)!r}: resume and collect continue it.")
        raise
    if not found.complete or found.record is None:
        raise RuntimeError(
            f"Argument target must finish all jobs, but it did not; {folder} keeps what was "
            f"measured, resume({str(folder)!r}, retry=True) continues.\n{found}"
        )
    return found.record


def _fetch(
    place: Path, number: int, plan: Mapping[str, Any], service: JobService
) -> MissingPart | None:
    """Write the counts of one part if its job is done, else say what is the matter."""
    attempts = attempts_of(place, number)
    size, outcomes = _shape(plan, number)
    job = attempts[-1]["job"] if attempts else None
    if job is None:
        return MissingPart(number, None, "NOT SUBMITTED", size, "interrupted")
    state, reason = service.status(job)
    if state != "DONE":
        return MissingPart(number, job, state, size, reason)
    found = service.counts(job)
    ran = {job: _execution(plan, service, job)}
    table = _table(found, outcomes)
    total, executed = _kept(place, number, plan, len(attempts) - 1)
    failure = ""
    if len(found) != size:
        failure = f"{len(found)} results came back for {size} circuits"
    elif table.shape[1] != outcomes:
        failure = f"an outcome came back that is not one of {outcomes}"
    else:
        total, executed = total + table, {**executed, **ran}
        absent = int(np.count_nonzero(total.sum(axis=1) == 0))
        if absent:
            failure = f"{absent} of {size} circuits came back with 0 shots"
    if not failure:
        path = place / file_name(number, "counts.npz")
        save_file(path, "counts", _counts_header(plan, executed), {"counts": total})
        return None
    path = place / _attempt_name(number, len(attempts) - 1)
    save_file(path, "counts", _counts_header(plan, ran), {"counts": table})
    attempts[-1]["failure"] = failure
    write_attempts(place, number, attempts)
    return MissingPart(number, job, "ERROR", size, f"{failure}; {path.name} keeps what there is")


def _execution(plan: Mapping[str, Any], service: JobService, job: str) -> dict[str, Any]:
    """Return when a job began and the used qubits' calibration then, or why it is not known.

    Counts are worth more than this: a service that does not answer is written down and no error.
    """
    if not isinstance(service, CalibratedService):
        return {"unknown": "the service does not tell"}
    try:
        found = service.execution(job)
    except RuntimeError as error:
        return {"unknown": str(error)}
    described: dict[str, Any] = {"started": found.started}
    layout = plan["target"].get("layout")
    if found.device is not None and layout:
        part = restrict_target(found.device, layout["qubits"])
        described["calibration"] = describe_calibration(part)
    return described


def _counts_header(plan: Mapping[str, Any], executed: Mapping[str, Any]) -> dict[str, Any]:
    return {"jobs": list(executed), "executed": dict(executed), **_identity(plan)}


def _executed(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the jobs of a file of counts; those of up to November 2026 tell no calibration."""
    known = header.get("executed", {})
    return {job: known.get(job, {}) for job in header["jobs"]}


def _shape(plan: Mapping[str, Any], number: int) -> tuple[int, int]:
    """Return how many circuits a part has, and how many outcomes each of them."""
    return len(plan["parts"][number]["pubs"]), int(2 ** len(plan["bases"][0]))


def _table(found: Sequence[Mapping[int, int]], outcomes: int) -> IntArray:
    """Return counts as a table, wider than `outcomes` where there are outcomes beyond."""
    beyond = 1 + max((max(counts, default=0) for counts in found), default=0)
    table = np.zeros((len(found), max(outcomes, beyond)), dtype=np.int64)
    for row, counts in enumerate(found):
        for outcome, seen in counts.items():
            table[row, outcome] = seen
    return table


def _identity(plan: Mapping[str, Any]) -> dict[str, str]:
    return {"submission": str(plan["provenance"]["submission"])}


def _load_counts(path: Path, plan: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read kept counts; FileFormatError where they are damaged or another submission's."""
    try:
        header, content = load_file(path, "counts")
    except FileFormatError as error:
        raise FileFormatError(
            f"Argument folder must hold intact counts, but {str(path)!r} cannot be read; remove "
            "that file and collect again: the service still has the job."
        ) from error
    if header.get("submission") != _identity(plan)["submission"]:
        raise FileFormatError(
            f"Argument folder must hold the counts of its own submission, but {str(path)!r} is of "
            "another one; remove that file and collect again."
        )
    return header, content


def _attempt_name(number: int, attempt: int) -> str:
    return file_name(number, f"attempt{attempt}.npz")


def _kept(
    place: Path, number: int, plan: Mapping[str, Any], attempts: int
) -> tuple[IntArray, dict[str, Any]]:
    """Return the sum of what the first `attempts` left in files of their own, and their jobs.

    Counts that cannot be told to their circuits stay in their file and are not added.
    """
    total = np.zeros(_shape(plan, number), dtype=np.int64)
    executed: dict[str, Any] = {}
    for index in range(attempts):
        path = place / _attempt_name(number, index)
        if not path.exists():
            continue
        header, content = _load_counts(path, plan)
        if content["counts"].shape == total.shape:
            total += content["counts"]
            executed |= _executed(header)
    return total, executed


def _collection(
    place: Path,
    plan: Mapping[str, Any],
    arrays: Mapping[str, Any],
    missing: tuple[MissingPart, ...],
) -> Collection:
    times, bases = arrays["times"], tuple(plan["bases"])
    outcomes = 2 ** len(bases[0])
    counts = [np.zeros((*run["shape"], outcomes), dtype=np.int64) for run in plan["runs"]]
    remarks: list[str] = []
    executed: dict[str, Any] = {}
    for number, part in enumerate(plan["parts"]):
        path = place / file_name(number, "counts.npz")
        if path.exists():
            header, content = _load_counts(path, plan)
            table, used = content["counts"], _executed(header)
        else:
            table, used = _kept(place, number, plan, len(attempts_of(place, number)))
        executed |= used
        for row, (run, time_index, setting) in enumerate(part["pubs"]):
            # Calibration circuits may stand in several jobs.
            counts[run][time_index, setting] += table[row]
        shots = table.sum(axis=1)
        asked = int(part.get("shots", plan["shots"]))
        fewest = int(min(shots[shots > 0], default=asked))
        if fewest < asked:
            remarks.append(
                f"part {number}, job {', '.join(used)}: a circuit has {fewest} shots, fewer than "
                f"the {asked} asked; errors are those of the actual numbers."
            )
    roles, counts = join_runs(plan["runs"], counts, len(bases))
    kept = (counts[0].sum(axis=2) > 0).all(axis=1)
    mitigated, absent = _mitigated(plan, roles, counts, kept, arrays.get("excess"))
    if absent:
        remarks.append(
            f"The record has no mitigated counts yet, for {', '.join(absent)} is incomplete."
        )
    record = None
    if kept.any():
        told = {job: found for job, found in executed.items() if found.get("calibration")}
        provenance = {
            **plan["provenance"],
            "jobs": list(executed),
            "executed": told,
            "complete": not missing,
        }
        if not kept.all():
            # The circuits stepped through all planned times, not only through those kept.
            provenance["planned_times"] = times.tolist()
        network, samples = restore_model(plan["model"]), Samples(bases, counts[0][kept])
        group = "compiled/"
        compiled = {
            name.removeprefix(group): values
            for name, values in arrays.items()
            if name.startswith(group)
        }
        record = Record(network, times[kept], samples, provenance, mitigated, compiled)
    left_out = tuple(float(value) for value in times[~kept])
    return Collection(record, missing, left_out, tuple(remarks))


def _mitigated(
    plan: Mapping[str, Any],
    roles: Sequence[str],
    counts: Sequence[IntArray],
    kept: BoolArray,
    excess: FloatArray | None,
) -> tuple[MitigatedSamples | None, list[str]]:
    """Return the mitigated counts at the kept times, or None and the runs that lack some."""
    if plan["mitigation"] is None or not kept.any():
        return None, []
    mitigation = restore_mitigation(plan["mitigation"])
    # Every noise factor has the model's times; a readout calibration has one of its own.
    chosen = [
        table[kept] if role.startswith("factor") else table
        for role, table in zip(roles, counts, strict=True)
    ]
    absent = [
        role for role, table in zip(roles, chosen, strict=True) if not (table.sum(axis=2) > 0).all()
    ]
    if absent:
        return None, absent
    predicted = None if excess is None else excess[:, :, kept]
    return mitigated_samples(mitigation, tuple(plan["bases"]), chosen, predicted), absent
