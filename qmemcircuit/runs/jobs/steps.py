"""Steps of a closed loop as jobs: each is sent, waited for and counted before the next is known."""

from __future__ import annotations

import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from qiskit.circuit import Parameter, QuantumCircuit

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.runs.jobs.folder import FAILED
from qmemcircuit.runs.jobs.protocols import JobService

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
"""Seconds between two questions for a job's state: twice as long each time."""


class StepService:
    """One service for all steps of a loop, opened by the first and shared by copies of a target.

    A batch or session of IBM's then holds the whole loop. It is closed when the last target that
    shares it is forgotten, or Python ends; the service also ends what stays idle. Copies to other
    processes open their own.
    """

    def __init__(self) -> None:
        """Begin with nothing opened."""
        self._opened: JobService | None = None

    def get(self, connect: Callable[[], JobService]) -> JobService:
        """Return the service, opened by `connect` the first time."""
        if self._opened is None:
            self._opened = connect()
            close = getattr(self._opened, "close", None)
            if close is not None:
                weakref.finalize(self, close)
        return self._opened

    def __deepcopy__(self, memo: Mapping[int, Any]) -> StepService:
        return StepService()

    def __reduce__(self) -> tuple[type[StepService], tuple[()]]:
        return StepService, ()


def count_as_job(
    service: JobService, circuits: Sequence[QuantumCircuit], shots: int
) -> list[dict[int, int]]:
    """Send plain circuits as one job, wait for it and return the counts of each.

    Raises:
        RuntimeError: where the job fails. Interrupted while it waits, it leaves the job alone, and
            names it.
    """
    job = service.submit(circuits, shots, f"qmemcircuit-step-{uuid.uuid4().hex}")
    pause = FIRST_PAUSE
    try:
        while True:
            state, reason = service.status(job)
            if state == "DONE":
                return [dict(found) for found in service.counts(job)]
            if state in FAILED:
                raise RuntimeError(
                    f"Job {job} of a step ended with {state} ({reason or 'no reason given'}); the "
                    "loop needs its counts to choose the next step, and stops here."
                )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
    except BaseException as error:
        error.add_note(f"The step's job is {job}.")
        raise


class CountingTarget(Protocol):
    """What sends compiled circuits; `IbmTarget` does."""

    def independent(self, stream: int) -> CountingTarget:
        """Return the target with other shots."""
        ...

    def count_compiled(
        self, compiled: Sequence[QuantumCircuit], shots: int
    ) -> list[dict[int, int]]:
        """Send circuits that are compiled already."""
        ...


class SentEachTime:
    """Circuits with open parameters, compiled once; bound and sent for each step."""

    def __init__(
        self,
        target: CountingTarget,
        compiled: Sequence[QuantumCircuit],
        parameters: Sequence[Sequence[Parameter]],
    ) -> None:
        """Take the compiled circuits, and of each the parameters in the order of their values."""
        self._target, self._compiled, self._parameters = target, compiled, parameters

    def count(self, values: Sequence[FloatArray], shots: int, step: int) -> list[dict[int, int]]:
        """Bind and send."""
        bound = [
            # The compiler leaves out a parameter that it finds to have no effect.
            circuit.assign_parameters(dict(zip(names, given, strict=True)), strict=False)
            for circuit, names, given in zip(self._compiled, self._parameters, values, strict=True)
        ]
        return self._target.independent(step).count_compiled(bound, shots)
