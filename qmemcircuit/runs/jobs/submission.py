"""`submit`, `resume`, `collect`: circuits sent to a service that answers tomorrow, without loss.

A submission is a folder. In this order, each file whole or absent:

1. `part000.qpy`, … the compiled circuits of each part;
2. `plan.json`: model, times, settings, which circuit is which run (noise factor or readout
   calibration), time and setting, target, layout, calibration, versions, and one unique tag per
   part. From here on the submission exists.
3. `part000.json`, … the attempts at each part. An attempt is written with its tag *before* the
   service is called, and again with the job id afterwards.
4. `part000.counts.npz`, … the counts, as soon as a job is done and every circuit was measured.

A done job whose counts lack circuits leaves what it has in `part000.attempt0.npz` and the reason
as the attempt's `failure`: `resume(…, retry=True)` sends the part again, and shots add up.

Killed at any moment, `resume` finds attempts without a job id and asks the service for a job that
carries the tag, so that nothing is submitted twice. What no client can exclude: a service that
accepts a request and lists it only after `resume` has asked.
"""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.constant_depth import stored_circuits
from qmemcircuit.circuits.options import AnySplitting, CircuitOptions
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.storage import FileFormatError, save_file, write_atomically
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.devices.ancillas import BestAncilla
from qmemcircuit.devices.best import BestForm
from qmemcircuit.model.memristors import Model
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.runs.jobs.arrangement import arranged_jobs
from qmemcircuit.runs.jobs.folder import (
    FAILED,
    attempts_of,
    file_name,
    locked,
    plan_of,
    write_attempts,
)
from qmemcircuit.runs.jobs.protocols import JobService, Submittable, submittable
from qmemcircuit.runs.jobs.services import connect
from qmemcircuit.runs.measurement import (
    Measurement,
    MeasurementOptions,
    describe_circuits,
    plan_measurement,
)
from qmemcircuit.runs.planned_runs import describe_run
from qmemcircuit.runs.planning import Plan, ask_on_terminal, on_terminal, plan_of_measurement
from qmemcircuit.runs.precision import Precision, parse_shots

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


# More than eight parameters: a public verb takes its options as plain keywords, and makes
# one value of them at once.
def submit(
    model: Model,
    times: ArrayLike,
    *,
    target: Submittable,
    shots: int | Precision | str,
    folder: str | os.PathLike[str],
    bases: str | Sequence[str | Sequence[str]] | None = None,
    ancilla: BestAncilla = "reset",
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
    absorb_decay: bool = False,
    form: BestForm | None = None,
    mitigation: Mitigation | None = None,
    quantities: Sequence[str] = (),
    service: JobService | None = None,
    confirm: Callable[[Plan], bool] | None = None,
) -> Path:
    """Compile and send the circuits of `model`; return the submission's folder at once.

    Args:
        model, times, shots, bases, ancilla, splitting, steps, collision, absorb_decay, mitigation,
            quantities: as in `run`. All noise factors and the readout calibration go into one
            batch or session.
        target: `ibm(name)`.
        folder: new or empty; everything that `collect` needs is written to it.
        service: instead of the target's own, for tests.
        confirm: asked with the plan (see `plan`) before anything is written or sent. None: on a
            terminal, print the plan and ask; elsewhere go on.

    Raises:
        RuntimeError: where the plan is declined.
        ValueError: where `folder` already holds a submission (resume that one) or an argument is
            bad.
        OSError: where the disk is full; what was accepted is never submitted twice.

    >>> import qmemcircuit as qm
    >>> import tempfile
    >>> from pathlib import Path
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = qm.ibm("FakeManilaV2", channel="local", seed=1)  # the client's local mode
    ...     sent = qm.submit(
    ...         memristor, [0.3], target=target, shots=100, folder=Path(folder, "tonight")
    ...     )
    ...     sorted(path.name for path in sent.iterdir())
    ['.lock', 'local', 'part000.json', 'part000.qpy', 'plan.json']
    """
    check_arguments(submit, locals(), own=("target", "quantities"))
    built = CircuitOptions(bases, ancilla, splitting, steps, collision)
    options = MeasurementOptions(
        parse_shots(shots), built, absorb_decay, mitigation, quantities, form
    )
    measurement = plan_measurement(model, times, submittable(target), options)
    # Without anybody to read it no plan is made: it takes as long as compiling.
    asked = confirm or (ask_on_terminal if on_terminal() else None)
    if asked is not None and not asked(plan_of_measurement(measurement)):
        raise RuntimeError("The plan was declined: nothing was sent and nothing was written.")
    return submit_measurement(measurement, folder, service=service)


def submit_measurement(
    measurement: Measurement, folder: str | os.PathLike[str], *, service: JobService | None = None
) -> Path:
    """Do what `submit` does for a measurement that is already planned."""
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise ValueError(
            f"Argument folder must be a folder, but {str(place)!r} is a file; choose another name."
        )
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        if (place / "plan.json").exists():
            raise ValueError(
                f"Argument folder must hold no submission, but {str(place)!r} does; "
                "resume(folder) continues it, or choose another folder."
            )
        # Circuits of a plan that was never written are replaced; jobs and counts are not ours.
        left = sorted(path.name for path in place.glob("part*") if path.suffix != ".qpy")
        if left:
            raise ValueError(
                f"Argument folder must hold nothing of another submission, but {str(place)!r} has "
                f"{left[0]} and no plan.json; restore the plan to collect it, or choose another "
                "folder."
            )
        _write_plan(place, measurement)
        with _finished(service or submittable(measurement.target).connect(place)) as connected:
            _send(place, connected, asked=False, retry=False)
    return place


def resume(
    folder: str | os.PathLike[str], *, service: JobService | None = None, retry: bool = False
) -> Path:
    """Continue an interrupted submission: find what was accepted, send what was not.

    Args:
        folder: of the submission.
        service: instead of the one in the plan.
        retry: also submit again the parts whose job failed or was cancelled, or of which
            `collect` found circuits without counts.

    Raises:
        FileNotFoundError: where the folder holds no plan: then nothing was ever sent.

    >>> import qmemcircuit as qm
    >>> import tempfile
    >>> from pathlib import Path
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = qm.ibm("FakeManilaV2", channel="local", seed=1)  # the client's local mode
    ...     sent = qm.submit(
    ...         memristor, [0.3], target=target, shots=100, folder=Path(folder, "tonight")
    ...     )
    ...     qm.resume(sent) == sent  # all was accepted: nothing is sent twice
    True
    """
    check_arguments(resume, locals())
    place = Path(folder)
    plan_of(place)  # before the lock, which a folder without a plan must not get
    with locked(place), _finished(service or service_of(place)) as connected:
        _send(place, connected, asked=True, retry=retry)
    return place


def _write_plan(place: Path, measurement: Measurement) -> None:
    """Write the circuits and then the plan, which makes them a submission."""
    from qiskit import qpy

    shots = measurement.shots
    prepared = [submittable(item.target).prepare(item.circuits) for item in measurement.runs]
    identity = uuid.uuid4().hex
    parts = []
    for number, (own, chosen) in enumerate(
        arranged_jobs(measurement.runs, submittable(measurement.target))
    ):
        buffer = io.BytesIO()
        qpy.dump([prepared[run][index] for run, index in chosen], buffer)
        content = buffer.getvalue()
        write_atomically(place / file_name(number, "qpy"), content)
        settings = [len(item.circuits.bases) for item in measurement.runs]
        parts.append(
            {
                "tag": f"qmemcircuit-{identity}-{number:03d}",
                "pubs": [
                    [run, index // settings[run], index % settings[run]] for run, index in chosen
                ],
                "shots": own,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    circuits, mitigation = measurement.circuits, measurement.mitigation
    target = dict(measurement.target.describe())
    header = {
        "model": describe_model(circuits.network, circuits.times),
        "bases": list(circuits.bases),
        "runs": [describe_run(item, circuits.bases) for item in measurement.runs],
        "mitigation": None if mitigation is None else mitigation.describe(),
        "shots": shots,
        "parts": parts,
        "target": target,
        "provenance": dict(
            make_provenance(
                "submit",
                target=target,
                shots_asked=measurement.shots_asked,
                submission=identity,
                **describe_circuits(circuits),
                **measurement.details,
            )
        ),
    }
    arrays = {"times": circuits.times}
    if measurement.forecast.excess is not None:
        arrays["excess"] = measurement.forecast.excess
    for name, values in stored_circuits(circuits.compiled).items():
        arrays[f"compiled/{name}"] = values
    save_file(place / "plan.json", "submission", header, arrays)


def _send(place: Path, service: JobService, *, asked: bool, retry: bool) -> None:
    """Submit every part that no job carries yet. `asked`: ask the service before submitting."""
    plan, _ = plan_of(place)
    for number, part in enumerate(plan["parts"]):
        if (place / file_name(number, "counts.npz")).exists():
            continue
        attempts = attempts_of(place, number)
        if attempts and attempts[-1]["job"] is not None:
            if not (retry and _failed(attempts[-1], service)):
                continue
            attempts.append({"tag": f"{part['tag']}-{len(attempts)}", "job": None})
            write_attempts(place, number, attempts)
        elif not attempts:
            attempts = [{"tag": part["tag"], "job": None}]
            write_attempts(place, number, attempts)
        tag = attempts[-1]["tag"]
        job = service.find(tag) if asked else None
        if job is None:
            own = part.get("shots", plan["shots"])  # plans of up to November 2026: one for all
            job = service.submit(_circuits_of(place, number, part), own, tag)
        attempts[-1]["job"] = job
        try:
            write_attempts(place, number, attempts)
        except OSError as error:
            raise OSError(
                f"Job {job} of part {number} was accepted with the tag {tag}, but its id could "
                f"not be written ({error}); make room on the disk and resume({str(place)!r}), "
                "which finds it by its tag."
            ) from error


def _circuits_of(place: Path, number: int, part: Mapping[str, Any]) -> list[QuantumCircuit]:
    """Return the circuits of a part; FileFormatError unless they are those of its plan."""
    from qiskit import qpy

    path = place / file_name(number, "qpy")
    remedy = "restore it from a copy, or submit again to a new folder"
    content = path.read_bytes()
    # Plans of up to November 2026 state no sum.
    if part.get("sha256") not in (None, hashlib.sha256(content).hexdigest()):
        raise FileFormatError(
            f"Argument folder must hold the circuits of its plan, but {str(path)!r} cannot be "
            f"read: it does not have the SHA-256 that the plan states; {remedy}."
        )
    try:
        return list(qpy.load(io.BytesIO(content)))
    except Exception as error:  # QPY's reader raises whatever the bytes make it do
        raise FileFormatError(
            f"Argument folder must hold an intact submission, but {str(path)!r} cannot be read "
            f"({type(error).__name__}); {remedy}."
        ) from error


def _failed(attempt: Mapping[str, Any], service: JobService) -> bool:
    """Whether an attempt's job ended without all of its counts."""
    return "failure" in attempt or service.status(attempt["job"])[0] in FAILED


def service_of(place: Path) -> JobService:
    """Return the service of a submission, from its plan."""
    plan, _ = plan_of(place)
    return connect(plan["target"], place)


@contextmanager
def _finished(service: JobService) -> Iterator[JobService]:
    """Tell the service, if it wants to know, that no more jobs will come: a batch is closed."""
    try:
        yield service
    finally:
        close = getattr(service, "close", None)
        if close is not None:
            close()
