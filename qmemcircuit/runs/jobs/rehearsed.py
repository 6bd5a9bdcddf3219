"""A night at the service, rehearsed: jobs of the local testing mode that queue, fail and come late.

What happens is written in the submission's folder (`local/queue.json`), so that every process that
collects or resumes meets the same service. In this order: the first submission is accepted, but
its answer is lost; every job is queued and running before it is done; the first job ends in an
error; the second comes back with a circuit missing. Later ones are as they should be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmemcircuit.common.storage import write_atomically
from qmemcircuit.runs.jobs.protocols import CalibratedService, Execution, JobService

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

QUEUE = "queue.json"

FAILING, PARTIAL = 0, 1
"""Which job, in the order of submission, ends in an error, and which comes back incomplete."""


@dataclass(eq=False)
class RehearsedJobs:
    """Another service's jobs with the troubles of a night, behind `JobService`.

    Attributes:
        jobs: what really runs them, with the noise of a fake device.
        store: the folder of `queue.json`.
    """

    jobs: JobService
    store: Path

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Run the circuits; the answer to the first submission is lost.

        Of the job that will fail nobody sees the counts: one shot of each circuit is enough, which
        saves minutes where every shot is a matrix-product state of forty qubits.
        """
        queue = self._read()
        job = self.jobs.submit(circuits, 1 if len(queue) == FAILING else shots, tag)
        queue.append({"job": job, "asked": 0})
        self._write(queue)
        if len(queue) == 1:
            raise RuntimeError(
                "Rehearsed: the connection broke after the service had accepted the job; nothing "
                "is lost: resume finds it by its tag."
            )
        return job

    def find(self, tag: str) -> str | None:
        """Return the id of the job that carries `tag`, or None."""
        return self.jobs.find(tag)

    def status(self, job: str) -> tuple[str, str]:
        """Return QUEUED when asked the first time, then RUNNING, then how the job ended."""
        queue = self._read()
        place = [item["job"] for item in queue].index(job)
        queue[place]["asked"] += 1
        self._write(queue)
        if queue[place]["asked"] <= 2:
            return ("QUEUED", "RUNNING")[queue[place]["asked"] - 1], ""
        if place == FAILING:
            return "ERROR", "rehearsed: the device was taken down for maintenance"
        return self.jobs.status(job)

    def counts(self, job: str) -> list[Mapping[int, int]]:
        """Return the counts; those of the last circuit of the second job are missing."""
        found = self.jobs.counts(job)
        if [item["job"] for item in self._read()].index(job) == PARTIAL:
            found = [*found[:-1], {}]
        return found

    def execution(self, job: str) -> Execution:
        """Return what the other service tells; nothing where it does not tell."""
        if isinstance(self.jobs, CalibratedService):
            return self.jobs.execution(job)
        return Execution(None, None)

    def _read(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.store / QUEUE).read_bytes())
        return found

    def _write(self, queue: list[dict[str, Any]]) -> None:
        write_atomically(self.store / QUEUE, json.dumps(queue, indent=1).encode())


def prepare_rehearsal(folder: Path) -> None:
    """Make the service of a submission in `folder`, which is yet to come, a rehearsed one."""
    (folder / "local").mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "local" / QUEUE, b"[]")


def rehearsed(jobs: JobService, store: Path) -> JobService:
    """Return the jobs with the troubles of a rehearsal where one was prepared, else as they are."""
    return RehearsedJobs(jobs, store) if (store / QUEUE).exists() else jobs
