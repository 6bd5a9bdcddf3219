"""`ibm`: IBM hardware through the runtime client; the only importer of it.

Also its local testing mode: `ibm("fake_manila", channel="local")` does on a fake backend what the
same lines do on a real one. Tokens stay in the runtime client's own store: nothing here reads,
writes or prints one.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmemcircuit.checks import IntArray, check_choice, check_integer
from qmemcircuit.circuits import CircuitSet
from qmemcircuit.collection import collect
from qmemcircuit.compilation import require_isa, widen
from qmemcircuit.devices import DeviceTarget, device
from qmemcircuit.jobs import JobService, submit_circuits
from qmemcircuit.storage import load_file, save_file

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

MOST_EXECUTIONS = 9_000_000
"""Circuits × shots in one job: IBM takes 10 million, and twirling rounds shots up."""

MOST_CIRCUITS = 300
"""Circuits that we put into one job, so that a lost job is a small loss."""

Mode = Literal["job", "batch", "session"]
Channel = Literal["ibm_quantum_platform", "ibm_cloud", "local"]


@dataclass(frozen=True, eq=False)
class IbmTarget:
    """A device of IBM's behind the protocols `Target` and `Submittable`; made by `ibm`.

    Attributes:
        prediction: the device's noise model with the same seed, layout and compilation: the
            circuits it simulates are the ones that are submitted.
        channel, instance, mode: of the runtime client.
        options: of its `Sampler`, JSON values.
        fractional_gates: whether native RX and RZZ are used.
        service: an own `JobService`, or None for the runtime client's.
    """

    prediction: DeviceTarget
    channel: Channel
    instance: str | None
    mode: Mode
    options: Mapping[str, Any] = field(default_factory=dict)
    fractional_gates: bool = False
    service: JobService | None = None

    def place(self, circuits: CircuitSet) -> IbmTarget:
        """Return the target with its qubits chosen for `circuits`."""
        return replace(self, prediction=self.prediction.place(circuits))

    def prepare(self, circuits: CircuitSet) -> list[QuantumCircuit]:
        """Return the compiled circuits on the device's whole register, checked to be ISA."""
        placed = self.prediction.place(circuits)
        backend, placement = placed.backend, placed.placement
        assert placement is not None
        prepared = []
        for item in placed.compile(circuits):
            wide = widen(item.circuit, placement.qubits, backend.target.num_qubits)
            require_isa(wide, backend.target, backend.name)
            prepared.append(wide)
        return prepared

    def parts(self, circuits: int, shots: int) -> list[range]:
        """Return which circuits go into which job: few enough for IBM's limit on executions."""
        if shots > MOST_EXECUTIONS:
            raise ValueError(
                f"Argument shots must be at most {MOST_EXECUTIONS} for one job of IBM's, but "
                f"{shots} was given."
            )
        size = min(MOST_CIRCUITS, MOST_EXECUTIONS // shots)
        return [range(start, min(start + size, circuits)) for start in range(0, circuits, size)]

    def connect(self, folder: Path) -> JobService:
        """Return the service that runs the jobs of the submission in `folder`."""
        if self.service is not None:
            return self.service
        if self.channel == "local":
            return LocalJobs(self.prediction.backend, self.options, folder / "local")
        return RuntimeJobs(
            _runtime_service(self.channel, self.instance),
            self.prediction.backend,
            self.options,
            self.mode,
        )

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Submit, wait and count: `submit` and `collect` in a new folder of the working directory.

        Raises RuntimeError where a job fails, naming the folder that holds what was measured.
        """
        folder = Path(f"qmemcircuit-jobs-{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:6]}")
        submit_circuits(circuits, self, shots, folder)
        found = collect(folder, service=self.service, wait=math.inf)
        if not found.complete or found.record is None:
            raise RuntimeError(
                f"Argument target must finish all jobs, but it did not; {folder} keeps what was "
                f"measured, resume({str(folder)!r}, retry=True) continues.\n{found}"
            )
        return found.record.samples.counts

    def describe(self) -> Mapping[str, Any]:
        """Return device, channel, mode, options, layout and the calibration of its qubits."""
        described = dict(self.prediction.describe())
        described.pop("noise")
        described.pop("reset_error")
        return {
            **described,
            "name": f"ibm:{self.prediction.backend.name}",
            "device": self.prediction.backend.name,
            "channel": self.channel,
            "instance": self.instance,
            "mode": self.mode,
            "options": dict(self.options),
            "fractional_gates": self.fractional_gates,
        }


def ibm(
    name: str,
    *,
    channel: Channel = "ibm_quantum_platform",
    instance: str | None = None,
    mode: Mode = "batch",
    seed: int | None = None,
    layout: Sequence[int] | None = None,
    dynamical_decoupling: str | None = None,
    twirling: bool = False,
    fractional_gates: bool = False,
    fold: int = 1,
    select_forms: bool = False,
    fold_all: bool = False,
    backend: Any = None,
    service: JobService | None = None,
) -> IbmTarget:
    """Return a device of IBM's as a target for `run`, or for `submit` and `collect`.

    Args:
        name: of the device, e.g. `"ibm_torino"`; with channel `"local"` a fake's, `"fake_torino"`.
        channel, instance: of the account, as saved by the runtime client.
        mode: `"batch"` keeps the jobs of a submission together, `"session"` reserves the device,
            `"job"` does neither.
        seed, layout, fold, select_forms, fold_all: as in `device`.
        dynamical_decoupling: `"XX"`, `"XpXm"` or `"XY4"`, inserted by the service; None for none.
        twirling: Pauli-twirl gates and measurements; rounds the number of shots up. Neither of
            the two can be judged on a fake device: its noise has no memory and nothing coherent.
        fractional_gates: use native RX and RZZ, which the device must offer; not with twirling.
        backend, service: instead of what the account gives, for tests.

    Raises ValueError where there is no such account or device, with the remedy.
    """
    check_choice("channel", channel, ("ibm_quantum_platform", "ibm_cloud", "local"))
    check_choice("mode", mode, ("job", "batch", "session"))
    if fractional_gates and twirling:
        raise ValueError(
            "Argument twirling must be False with fractional_gates, but both were asked for; IBM "
            "twirls only gates that are Clifford."
        )
    if fold > 1 and fractional_gates:
        raise ValueError("Argument fold must be 1 with fractional_gates, for RZZ is no CZ.")
    options: dict[str, Any] = {}
    if dynamical_decoupling is not None:
        check_choice("dynamical_decoupling", dynamical_decoupling, ("XX", "XpXm", "XY4"))
        options["dynamical_decoupling"] = {"enable": True, "sequence_type": dynamical_decoupling}
    if twirling:
        options["twirling"] = {"enable_gates": True, "enable_measure": True}
    if seed is not None and channel == "local":
        options["simulator"] = {"seed_simulator": check_integer("seed", seed, minimum=0)}
    if backend is None:
        backend = _backend(name, channel, instance, fractional_gates)
    compiler = device(
        backend,
        seed=seed,
        layout=layout,
        fold=fold,
        select_forms=select_forms,
        fold_all=fold_all,
    )
    absent = {"rx", "rzz"} - set(backend.target.operation_names)
    if fractional_gates and absent:
        raise ValueError(
            f"Argument fractional_gates must be False for a device without native RX and RZZ, but "
            f"{backend.name} has no {' and no '.join(sorted(absent))}; leave it out (fakes "
            "have none but for FakeFractionalBackend)."
        )
    return IbmTarget(compiler, channel, instance, mode, options, fractional_gates, service)


def connect(described: Mapping[str, Any], folder: Path) -> JobService:
    """Return the service of a submission's target, from its description in the plan."""
    channel, name = described["channel"], described["device"]
    backend = _backend(name, channel, described["instance"], described["fractional_gates"])
    if channel == "local":
        return LocalJobs(backend, described["options"], folder / "local")
    service = _runtime_service(channel, described["instance"])
    return RuntimeJobs(service, backend, described["options"], described["mode"])


@dataclass(eq=False)
class RuntimeJobs:
    """Jobs of the runtime client's `Sampler`, behind `JobService`."""

    service: Any
    backend: Any
    options: Mapping[str, Any]
    mode: Mode
    _opened: Any = None

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Start a job that carries `tag`; return its id."""
        if self._opened is None:
            self._opened = self._open()
        sampler = _sampler(self._opened, self.options, tag)
        return str(sampler.run([(circuit,) for circuit in circuits], shots=shots).job_id())

    def find(self, tag: str) -> str | None:
        """Return the id of the job that carries `tag`, or None."""
        found = self.service.jobs(job_tags=[tag], limit=1)
        return str(found[0].job_id()) if found else None

    def status(self, job: str) -> tuple[str, str]:
        """Return the job's state and, where it failed, why."""
        found = self.service.job(job)
        state = str(found.status())
        reason = found.error_message() if state == "ERROR" else None
        return state, str(reason or "")

    def counts(self, job: str) -> list[Mapping[int, int]]:
        """Return how often each outcome was seen, circuit by circuit."""
        return _counts(self.service.job(job).result())

    def close(self) -> None:
        """Say that no more jobs will come: the batch or session runs what it has and ends."""
        if self._opened is not None and self.mode != "job":
            self._opened.close()
        self._opened = None

    def _open(self) -> Any:
        if self.mode == "job":
            return self.backend
        from qiskit_ibm_runtime import Batch, Session

        return (Batch if self.mode == "batch" else Session)(backend=self.backend)


@dataclass(eq=False)
class LocalJobs:
    """The runtime client's local testing mode behind `JobService`.

    A job runs to its end when it is submitted; its counts are kept as a file below `store`, so
    that another process can collect them.
    """

    backend: Any
    options: Mapping[str, Any]
    store: Path

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Run the circuits on the fake backend and keep the counts; return an id."""
        sampler = _sampler(self.backend, self.options, tag)
        # The client opens a plain job for a fake backend; Aer runs it in this process.
        result = sampler.run([(circuit,) for circuit in circuits], shots=shots).result()
        found = _counts(result)
        pairs = [(row, key, seen) for row, item in enumerate(found) for key, seen in item.items()]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        save_file(
            self.store / f"{tag}.json", "local job", {"circuits": len(found)}, {"counts": table}
        )
        return f"local-{tag}"

    def find(self, tag: str) -> str | None:
        """Return the id of the job that carries `tag`, or None."""
        return f"local-{tag}" if (self.store / f"{tag}.json").exists() else None

    def status(self, job: str) -> tuple[str, str]:
        """Return DONE, or ERROR where the file is gone."""
        there = (self.store / f"{job.removeprefix('local-')}.json").exists()
        return ("DONE", "") if there else ("ERROR", "its file is gone")

    def counts(self, job: str) -> list[Mapping[int, int]]:
        """Return how often each outcome was seen, circuit by circuit."""
        path = self.store / f"{job.removeprefix('local-')}.json"
        header, arrays = load_file(path, "local job")
        found: list[dict[int, int]] = [{} for _ in range(header["circuits"])]
        for row, outcome, seen in arrays["counts"]:
            found[int(row)][int(outcome)] = int(seen)
        return [dict(item) for item in found]


def _sampler(mode: Any, options: Mapping[str, Any], tag: str) -> Any:
    from qiskit_ibm_runtime.executor_sampler import Sampler

    chosen = {**options, "environment": {"job_tags": [tag]}}
    return Sampler(mode=mode, options=chosen)


def _counts(result: Any) -> list[Mapping[int, int]]:
    return [dict(item.data.outcome.get_int_counts()) for item in result]


def _runtime_service(channel: str, instance: str | None) -> Any:
    QiskitRuntimeService = _runtime().QiskitRuntimeService
    try:
        return QiskitRuntimeService(channel=channel, instance=instance)
    except Exception as error:
        # The client's own message may quote the account; its type says what is wrong.
        raise ValueError(
            f"Argument channel must name an account of yours, but the runtime client could not "
            f"open {channel!r} ({type(error).__name__}); save one once with "
            "QiskitRuntimeService.save_account(channel=…, token=…), see `qmemcircuit doctor`."
        ) from None


def _backend(name: str, channel: str, instance: str | None, fractional: bool) -> Any:
    if channel == "local":
        return fake_backend(name)
    service = _runtime_service(channel, instance)
    try:
        return service.backend(name, use_fractional_gates=fractional)
    except Exception as error:
        raise ValueError(
            f"Argument name must be a device of this account, but {name!r} was not found "
            f"({type(error).__name__}); service.backends() lists them."
        ) from None


def fake_backend(name: str) -> Any:
    """Return the fake device of a name such as `"FakeTorino"` or `"fake_torino"`."""
    _runtime()
    from qiskit_ibm_runtime import fake_provider

    wanted = name.replace("_", "").lower()
    for known in dir(fake_provider):
        if known.lower() in (wanted, f"{wanted}v2") and known.startswith("Fake"):
            return getattr(fake_provider, known)()
    raise ValueError(
        f"Argument name must be a fake device such as FakeTorino or FakeManilaV2, but {name!r} is "
        "none; qiskit_ibm_runtime.fake_provider lists them."
    )


def _runtime() -> Any:
    try:
        import qiskit_ibm_runtime
    except ImportError as error:
        raise ImportError(
            "IBM's devices need the runtime client; pip install 'qmemcircuit[hardware]'."
        ) from error
    return qiskit_ibm_runtime
