"""A stub of IBM's server, beneath the real runtime client: what the client sends, it must take.

The client's own classes run unchanged, from the account to the decoded counts; only its HTTP
layer (`RuntimeClient`) and the account's list of instances are replaced. The stub validates
what a job sends with IBM's published schema, runs it without noise in this process, and answers
in the same schema. The device's calibration is FakeManila's; queues and limits there are none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ibm_quantum_schemas.executor import version_2_0 as schema
from ibm_quantum_schemas.executor.version_2_0.models import (
    CompressedTensorModel,
    ItemMetadataModel,
    MetadataModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import fake_provider
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import (
    passthrough_data_to_2_0,
    quantum_program_from_2_0,
)

TOKEN = "t0ken-" + "x" * 38
DEVICE = "ibm_stub"
INSTANCES = {
    name: f"crn:v1:bluemix:public:quantum-computing:us-east:a/stub:{name}::"
    for name in ("first", "second", "third")
}
HOME = INSTANCES["second"]
"""The one of the account's instances that has the device; the client's active one is the third."""


CREATED, STARTED = "2126-01-01T00:00:00.000Z", "2126-01-01T05:30:00.000Z"
"""Of every job: times to come, so that a submission is never after its execution."""


class StubServer:
    """Jobs and sessions of an account; `failures` are raised, oldest first, by the method named."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, list[Exception | None]] = {}
        self.ending = {"status": "Completed"}  # of the jobs to come
        self.t1_factor = 1.0  # of all T1 when jobs run, against the calibration before

    def fail(self, method: str, *errors: Exception | None) -> None:
        """Raise these at the next calls of `method`; None lets a call pass."""
        self.failures[method] = list(errors)

    def due(self, method: str) -> None:
        waiting = self.failures.get(method, [])
        if waiting and (error := waiting.pop(0)) is not None:
            raise error

    def end(self, job: str, status: str, reason: str = "") -> None:
        """Let a job end as "Failed" or "Cancelled"."""
        self.jobs[job].update(status=status, reason=reason)

    def client(self, params: Any) -> StubClient:
        return StubClient(self, params.instance)


def refusal(word: str = "boom") -> RequestsApiError:
    """Return an error of the client's that quotes the token, as a server's answer may."""
    return RequestsApiError(f"{word}: your key {TOKEN} is\nnot welcome, Bearer eyJhbGci.abc", 500)


class StubClient:
    """What the real client asks of its HTTP layer, answered from a `StubServer`."""

    def __init__(self, server: StubServer, instance: str | None) -> None:
        self.server, self._instance = server, instance

    def list_backends(self, include_mocks: bool = False) -> list[dict[str, Any]]:
        self.server.due("list_backends")
        return [{"name": DEVICE}] if self._instance == HOME else []

    def backend_configuration(self, backend_name: str, **_: Any) -> dict[str, Any]:
        return {**_manila("conf"), "backend_name": backend_name}

    def backend_properties(
        self, backend_name: str, datetime: Any = None, **_: Any
    ) -> dict[str, Any]:
        found = {**_manila("props"), "backend_name": backend_name}
        if datetime is not None:  # asked for those of a job
            for entry in (entry for qubit in found["qubits"] for entry in qubit):
                if entry["name"] == "T1":
                    entry["value"] *= self.server.t1_factor
        return found

    def job_metadata(self, job_id: str) -> dict[str, Any]:
        self.server.due("job_metadata")
        assert job_id in self.server.jobs
        return {"timestamps": {"created": CREATED, "running": STARTED, "finished": STARTED}}

    def backend_status(self, backend_name: str) -> dict[str, Any]:
        return {
            "backend_name": backend_name,
            "backend_version": "1",
            "operational": True,
            "pending_jobs": 0,
            "status_msg": "active",
        }

    def cloud_usage(self) -> dict[str, Any]:
        return {"usage_limit_seconds": 600, "usage_consumed_seconds": 1}

    def create_session(
        self, backend: str, instance: str, max_time: Any, mode: str
    ) -> dict[str, Any]:
        self.server.due("create_session")
        assert (backend, instance, self._instance) == (DEVICE, HOME, HOME)
        name = f"session{len(self.server.sessions)}"
        self.server.sessions[name] = {"mode": mode, "open": True}
        return {"id": name}

    def close_session(self, session_id: str) -> None:
        self.server.due("close_session")
        self.server.sessions[session_id]["open"] = False

    def program_run(self, **request: Any) -> dict[str, Any]:
        self.server.due("program_run")
        session = request["session_id"]
        assert session is None or self.server.sessions[session]["open"]
        name = f"job{len(self.server.jobs)}"
        # Through text, as over the wire: this fails on NumPy numbers, as the real server does.
        sent = {**request, "params": json.loads(json.dumps(request["params"]))}
        self.server.jobs[name] = {**sent, "instance": self._instance, **self.server.ending}
        self.server.due("program_run after acceptance")
        return {"id": name, "backend": request["backend_name"]}

    def job_get(self, job_id: str, exclude_params: bool = True) -> dict[str, Any]:
        self.server.due("job_get")
        job = self.server.jobs.get(job_id)
        if job is None or job["instance"] != self._instance:
            raise RequestsApiError(f"no job {job_id} in this instance", 404)
        return {
            "id": job_id,
            "backend": job["backend_name"],
            "program": {"id": job["program_id"]},
            "tags": job["job_tags"],
            "session_id": job["session_id"],
            "state": {"status": job["status"], "reason": job.get("reason")},
        }

    def jobs_get(
        self, limit: int | None = None, job_tags: list[str] | None = None, **_: Any
    ) -> dict[str, Any]:
        self.server.due("jobs_get")
        found = [
            self.job_get(name)
            for name, job in self.server.jobs.items()
            if job["instance"] == self._instance and set(job_tags or ()) <= set(job["job_tags"])
        ]
        return {"jobs": found[:limit], "count": len(found)}

    def job_results(self, job_id: str) -> str:
        self.server.due("job_results")
        params = schema.ParamsModel.model_validate(self.server.jobs[job_id]["params"])
        program, _ = quantum_program_from_2_0(params)
        for item in program.items:
            if hasattr(item, "samplex"):  # twirled
                item.samplex.finalize()
        result = run_quantum_program(AerSimulator(), program, SimulatorOptions(seed_simulator=1))
        items = [
            QuantumProgramResultItemModel(
                results={
                    name: CompressedTensorModel.from_numpy(np.asarray(values))
                    for name, values in dict(item).items()
                },
                metadata=ItemMetadataModel(),
            )
            for item in result
        ]
        return QuantumProgramResultModel(
            data=items,
            metadata=MetadataModel(chunk_timing=[]),
            passthrough_data=passthrough_data_to_2_0(program.passthrough_data),
            semantic_role=program._semantic_role,
        ).model_dump_json()


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> StubServer:
    """Put a new stub server behind the runtime client, and an account file in `folder`."""
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.accounts.account import Account

    server = StubServer()
    listed = [
        {"crn": crn, "plan": "open", "name": name, "tags": [], "pricing_type": "free"}
        for name, crn in INSTANCES.items()
    ]
    monkeypatch.setattr("qiskit_ibm_runtime.qiskit_runtime_service.RuntimeClient", server.client)
    monkeypatch.setattr(Account, "list_instances", lambda self: listed)
    account_file(monkeypatch, folder / "accounts.json")
    QiskitRuntimeService.save_account(
        channel="ibm_quantum_platform", token=TOKEN, filename=str(folder / "accounts.json")
    )
    return server


def account_file(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let the runtime client look for accounts in `path` alone."""
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_CHANNEL", "QISKIT_IBM_INSTANCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE", str(path)
    )


def _manila(kind: str) -> dict[str, Any]:
    path = Path(fake_provider.__file__).parent / f"backends/manila/{kind}_manila.json"
    return dict(json.loads(path.read_text()))
