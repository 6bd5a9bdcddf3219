"""What the accidents of `faults` happen to: a stub service, a slow sweep, a process to kill."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

import qmemcircuit as qm

GRID = {"x": np.arange(40.0), "y": np.arange(2.0)}
TIMES = np.array([0.0, 0.5, 1.0, 1.5])
SHOTS = 50


class FolderService:
    """A stub service: one file a job. Setting k of a time, X or Y, has k times the outcome 1."""

    def __init__(self, server: Path, pause: float = 0.0) -> None:
        self.server, self.pause = server, pause
        server.mkdir(exist_ok=True)

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Accept a job."""
        time.sleep(self.pause)
        job = f"job{len(list(self.server.glob('*.job')))}"
        partial_file = self.server / f"{job}.part"
        rows = ["XY".index(circuit.metadata["basis"]) for circuit in circuits]
        partial_file.write_text(json.dumps({"tag": tag, "shots": shots, "rows": rows}))
        partial_file.rename(self.server / f"{job}.job")
        time.sleep(self.pause)
        return job

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return every job that was accepted."""
        return {path.stem: json.loads(path.read_text()) for path in self.server.glob("*.job")}

    def find(self, tag: str) -> str | None:
        """Return the job that carries the tag."""
        return next((job for job, item in self.jobs().items() if item["tag"] == tag), None)

    def status(self, job: str) -> tuple[str, str]:
        """Every job is done."""
        time.sleep(self.pause)
        return "DONE", ""

    def counts(self, job: str) -> list[Mapping[int, int]]:
        """Return counts that tell their circuit."""
        item = self.jobs()[job]
        return [{0: item["shots"] - row, 1: row} for row in item["rows"]]


def slow_point(x: float, y: float, log: str) -> float:
    """One point of a sweep; it says in a file that it was computed."""
    value = float(np.sin(x) + y)
    time.sleep(0.002)
    with open(log, "a") as stream:
        stream.write(f"{x:g},{y:g}\n")
    return value


@contextmanager
def started(work: Callable[[], object]) -> Iterator[int]:
    """Run `work` in a forked child, silently; yield its process number."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            os.setsid()  # so that its own workers go with it
            code = 1
            try:
                work()
                code = 0
            finally:
                os._exit(code)
    yield child


def killed(work: Callable[[], object], after: float) -> None:
    """Run `work` in a child and kill it, workers and all, `after` seconds (if it still runs)."""
    with started(work) as child:
        time.sleep(after)
        for kill in (partial(os.killpg, child), partial(os.kill, child)):
            with suppress(ProcessLookupError):
                kill(signal.SIGKILL)
        os.waitpid(child, 0)
        with suppress(ProcessLookupError):  # forked workers hold the parent's lock until they go
            for _ in range(5000):
                os.killpg(child, 0)
                time.sleep(0.001)


def duration(work: Callable[[], object]) -> float:
    """Return how long `work` takes in a child."""
    start = time.perf_counter()
    with started(work) as child:
        os.waitpid(child, 0)
    return time.perf_counter() - start


def example_memristor() -> qm.Memristor:
    """Return the memristor of every submission here."""
    return qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)


def count_outcome(folder: Path, service: FolderService, found: Counter[str], jobs: int) -> None:
    """Count what a submission came to, once it was resumed and collected."""
    record = qm.collect(folder, service=service).record
    tags = [item["tag"] for item in service.jobs().values()]
    if len(tags) != len(set(tags)):
        found["twice"] += 1
    elif len(tags) != jobs or record is None:
        found["lost"] += 1
    elif record.samples.counts[:, :, 1].tolist() != [[0, 1]] * TIMES.size:
        found["wrong"] += 1
    else:
        found["kept"] += 1
