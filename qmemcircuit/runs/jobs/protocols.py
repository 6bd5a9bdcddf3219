"""What a submission asks of a target and of the service that runs its jobs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.protocols import Target

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


@dataclass(frozen=True, eq=False)
class Execution:
    """When a job began, and how its device was calibrated then.

    Attributes:
        started: ISO 8601 with its time zone; None where it is not known.
        device: the device's Qiskit target; None where it is not known.
    """

    started: str | None
    device: QiskitTarget | None


@runtime_checkable
class CalibratedService(Protocol):
    """A service that also tells how the device was calibrated when a job ran."""

    def execution(self, job: str) -> Execution:
        """Return when a finished job began, and the device's calibration then."""
        ...


@runtime_checkable
class JobService(Protocol):
    """What jobs are sent to: four questions that any service answers.

    One that answers `execution`, too (`CalibratedService`), lets a record say how far the
    calibration moved between submission and execution.

    >>> import qmemcircuit as qm
    >>> target = qm.ibm("FakeManilaV2", channel="local", seed=1)
    >>> target.service is None  # the client itself, unless another is given
    True
    """

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


class Submittable(Target):
    """A target whose circuits are sent as jobs; `ibm(name)` is one.

    Its `describe` goes into a file: layout, options and calibration, and never a token.
    """

    @abstractmethod
    def prepare(self, circuits: CircuitSet) -> list[QuantumCircuit]:
        """Return the circuits as the service takes them, time-major."""

    @abstractmethod
    def parts(self, circuits: int, shots: int) -> list[range]:
        """Return which circuits go into which job."""

    @abstractmethod
    def connect(self, folder: Path) -> JobService:
        """Return the service that runs the jobs of the submission in `folder`."""


def submittable(target: object) -> Submittable:
    """Return `target`, which must take jobs; TypeError for the others."""
    if not isinstance(target, Submittable):
        raise TypeError(
            f"Argument target must take jobs, but a {type(target).__name__} does not; "
            "ibm('ibm_torino') does, ibm('FakeTorino', channel='local') rehearses it, and run(…) "
            "measures on the others."
        )
    return target
