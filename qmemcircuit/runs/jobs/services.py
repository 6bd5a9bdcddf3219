"""Jobs of IBM's service and of the runtime client's local testing mode, behind `JobService`."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmemcircuit.common.storage import load_file, save_file
from qmemcircuit.runs.jobs.bitwise import bitwise_counts, takes_too_long
from qmemcircuit.runs.jobs.protocols import Execution, JobService
from qmemcircuit.runs.jobs.rehearsed import rehearsed

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Mode = Literal["job", "batch", "session"]

LARGEST_STATE = 16
"""Qubits up to which the local mode simulates a state vector; beyond, a matrix-product state of
every shot, or, where that takes more than half a minute, each bit by itself (`bitwise`)."""


@dataclass(eq=False)
class RuntimeJobs:
    """Jobs of the runtime client's `Sampler`, behind `JobService`.

    Whatever the client raises becomes one RuntimeError with its words, less any token.

    Attributes:
        service: the client's, the one that `backend` came from.
        backend: a device of the client's.
        options: of the `Sampler`, JSON values.
        mode: "job", "batch" or "session": the last two open one for all jobs until `close`.
        remedy: what to do where the service does not answer, in words.
    """

    service: Any
    backend: Any
    options: Mapping[str, Any]
    mode: Mode
    remedy: str = "nothing is lost: resume and collect continue from the submission's folder"
    _opened: Any = None

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Start a job that carries `tag`; return its id."""
        with self._asked("take a job"):
            if self._opened is None:
                self._opened = self._open()
            sampler = _sampler(self._opened, self.options, tag)
            return str(sampler.run([(circuit,) for circuit in circuits], shots=shots).job_id())

    def find(self, tag: str) -> str | None:
        """Return the id of the job that carries `tag`, or None.

        Asked of the instance that the device belongs to: that of an account with several is not
        always the active one, and a job that is not found would be sent again.
        """
        with self._asked("say which jobs it has"):
            found = self.service.jobs(job_tags=[tag], limit=1, instance=instance_of(self.backend))
        return str(found[0].job_id()) if found else None

    def status(self, job: str) -> tuple[str, str]:
        """Return the job's state and, where it failed, why."""
        with self._asked(f"tell the state of job {job}"):
            found = self.service.job(job)
            state = str(found.status())
            reason = found.error_message() if state == "ERROR" else None
        return state, self._clean(str(reason or ""))

    def counts(self, job: str) -> list[Mapping[int, int]]:
        """Return how often each outcome was seen, circuit by circuit."""
        with self._asked(f"give the counts of job {job}"):
            return _counts(self.service.job(job).result())

    def execution(self, job: str) -> Execution:
        """Return when a job began to run, and the device's calibration at that time."""
        with self._asked(f"tell the calibration of job {job}"):
            found = self.service.job(job)
            text = (found.metrics().get("timestamps") or {}).get("running")
            started = found.creation_date if text is None else datetime.fromisoformat(text)
            if started.tzinfo is None:
                started = started.astimezone()
            device = None
            if self.backend.properties(datetime=started) is not None:
                device = self.backend.target_history(datetime=started)
        return Execution(None if text is None else started.isoformat(), device)

    def close(self) -> None:
        """Say that no more jobs will come: the batch or session runs what it has and ends."""
        opened, self._opened = self._opened, None
        if opened is None or self.mode == "job":
            return
        try:
            opened.close()
        except Exception as error:
            # No reason to fail: the jobs are there, and IBM closes what stays idle. An error here
            # would also hide the one that ended the submission.
            warnings.warn(
                f"IBM's service did not close the {self.mode} ({type(error).__name__}: "
                f"{self._clean(_message(error))}); it ends by itself when it stays idle.",
                stacklevel=2,
            )

    def _open(self) -> Any:
        if self.mode == "job":
            return self.backend
        from qiskit_ibm_runtime import Batch, Session

        return (Batch if self.mode == "batch" else Session)(backend=self.backend)

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Turn the client's exceptions into a RuntimeError that says what was asked."""
        try:
            yield
        except Exception as error:
            # Not chained: a traceback would print the client's own message.
            raise RuntimeError(
                f"IBM's service did not {what} ({type(error).__name__}: "
                f"{self._clean(_message(error))}); {self.remedy}."
            ) from None

    def _clean(self, text: str) -> str:
        """Return the client's words on one line without the account's token."""
        secrets = [os.environ.get("QISKIT_IBM_TOKEN")]
        account = getattr(self.service, "active_account", None)
        if account is not None:
            secrets.append((account() or {}).get("token"))
        for secret in filter(None, secrets):
            text = text.replace(secret, "[token]")
        # Access tokens that the client derives from the account's.
        text = re.sub(r"(?i)\b(bearer|apikey)\b[\s:=]+\S+", r"\1 [token]", text)
        return " ".join(text.split())


@dataclass(eq=False)
class LocalJobs:
    """The runtime client's local testing mode behind `JobService`.

    A job runs to its end when it is submitted; its counts are kept as a file below `store`, so
    that another process can collect them. Every circuit gets a seed of its own: the client gives
    one seed to all circuits of a job, and their shots would move together.
    """

    backend: Any
    options: Mapping[str, Any]
    store: Path

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Run the circuits on the fake backend and keep the counts; return an id."""
        number = len(list(self.store.glob("*.json")))
        options = [self._seeded(number, row) for row in range(len(circuits))]
        found: list[Mapping[int, int]] = []
        if len(_used(circuits)) > LARGEST_STATE and takes_too_long(circuits, shots):
            seeds = [item.get("simulator", {}).get("seed_simulator") for item in options]
            found = bitwise_counts(circuits, self.backend, shots, seeds)
        else:
            simulator = _simulator(self.backend, circuits)
            for circuit, own in zip(circuits, options, strict=True):
                sampler = _sampler(simulator, own, tag)
                # The client opens a plain job for a simulator; Aer runs it in this process.
                found += _counts(sampler.run([(circuit,)], shots=shots).result())
        pairs = [(row, key, seen) for row, item in enumerate(found) for key, seen in item.items()]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        save_file(
            self.store / f"{tag}.json", "local job", {"circuits": len(found)}, {"counts": table}
        )
        return f"local-{tag}"

    def execution(self, job: str) -> Execution:
        """Return the fake's calibration, which never moves."""
        return Execution(None, self.backend.target)

    def _seeded(self, job: int, circuit: int) -> dict[str, Any]:
        """Return the options with the seed of one circuit of one job, where there is a seed."""
        options = dict(self.options)
        if "simulator" in options:
            seed = [options["simulator"]["seed_simulator"], job, circuit]
            own = int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
            options["simulator"] = {"seed_simulator": own}
        return options

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


def _used(circuits: Sequence[QuantumCircuit]) -> set[int]:
    """Return the device's qubits that circuits use."""
    return {
        circuit.find_bit(qubit).index
        for circuit in circuits
        for instruction in circuit.data
        for qubit in instruction.qubits
    }


def _simulator(backend: Any, circuits: Sequence[QuantumCircuit]) -> Any:
    """Return Aer with the fake's noise on the qubits that circuits use.

    Given the fake itself, the client makes the noise of every qubit anew for every circuit, which
    takes 10 s on a fake of 133 qubits; the counts are the same. Forty qubits have no state vector:
    then every shot is a trajectory of a matrix-product state, as good as its entanglement is small.
    """
    from qiskit.transpiler import Target
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel

    used = _used(circuits)
    whole = backend.target
    part = Target(num_qubits=whole.num_qubits, dt=whole.dt, qubit_properties=whole.qubit_properties)
    for name in whole.operation_names:
        places = whole[name]
        if places is None or None in places:  # control flow, which has no noise of its own
            continue
        kept = {where: value for where, value in places.items() if used.issuperset(where)}
        if kept:
            part.add_instruction(whole.operation_from_name(name), kept, name=name)
    # What `from_backend` reads of a backend.
    seen = SimpleNamespace(
        version=2, target=part, operation_names=list(part.operation_names), dt=part.dt
    )
    options: dict[str, Any] = {}
    if len(used) > LARGEST_STATE:
        options["method"] = "matrix_product_state"
        options["max_memory_mb"] = 2**30  # Aer overestimates what it will allocate, and refuses
    return AerSimulator.from_backend(backend, noise_model=NoiseModel.from_backend(seen), **options)


def _sampler(mode: Any, options: Mapping[str, Any], tag: str) -> Any:
    from qiskit_ibm_runtime.executor_sampler import Sampler

    chosen = {**options, "environment": {"job_tags": [tag]}}
    return Sampler(mode=mode, options=chosen)


def _counts(result: Any) -> list[Mapping[int, int]]:
    """Return the counts of each circuit's one register, whatever its name."""
    return [dict(next(iter(item.data.values())).get_int_counts()) for item in result]


def _message(error: Exception) -> str:
    """Return an error's words; Qiskit's errors print theirs in quotation marks, escaped."""
    return str(getattr(error, "message", error))


def instance_of(backend: Any) -> str | None:
    """Return the instance (CRN) through which the client reaches a device; None for fakes."""
    # No public name for it; tests/runs/test_runtime.py notices if the client renames it.
    found = getattr(backend, "_instance", None)
    return None if found is None else str(found)


def connect(described: Mapping[str, Any], folder: Path) -> JobService:
    """Return the service of a submission's target, from its description in the plan."""
    channel, name = described["channel"], described["device"]
    backend = open_backend(name, channel, described["instance"], described["fractional_gates"])
    if channel == "local":
        return local_jobs(backend, described["options"], folder)
    return RuntimeJobs(backend.service, backend, described["options"], described["mode"])


def local_jobs(backend: Any, options: Mapping[str, Any], folder: Path) -> JobService:
    """Return the local testing mode of a submission's folder, rehearsed where it is a rehearsal."""
    store = folder / "local"
    return rehearsed(LocalJobs(backend, options, store), store)


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


def open_backend(name: str, channel: str, instance: str | None, fractional: bool) -> Any:
    """Return a device of an account, or the fake of that name on the channel `local`."""
    if channel == "local":
        return fake_backend(name)
    if name.replace("_", "").lower().startswith("fake"):
        raise ValueError(
            f"Argument name must be a real device on channel {channel!r}, but {name!r} is a fake, "
            "to which no live job can be sent; use channel='local' (on the command line, --target "
            f"fake:{name}), or a device of your account."
        )
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
        if known.startswith("Fake"):
            found = getattr(fake_provider, known)
            # A plan holds the device's own name, which need not be its class's.
            own = str(getattr(found, "backend_name", known)).replace("_", "")
            if wanted in (known.lower(), known.lower().removesuffix("v2"), own):
                return found()
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
