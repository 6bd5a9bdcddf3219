"""Kills at random moments: of `run`, `sweep` (threads, processes, Dask), `submit`, `collect`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

import qmemcircuit as qm
from experiments.benchmarks.victims import (
    GRID,
    SHOTS,
    TIMES,
    FolderService,
    count_outcome,
    duration,
    example_memristor,
    killed,
    slow_point,
)
from qmemcircuit.results.records import Record
from qmemcircuit.sweeps.sweep import sweep


def kill_runs(folder: Path, random: np.random.Generator, trials: int) -> Counter[str]:
    """Kill `run` and the saving of its record, over an older record."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4)
    times = memristor.periods(1, points=12)

    def work(path: Path, seed: int) -> None:
        record = qm.run(memristor, times, target=qm.aer(seed=seed), shots=100)
        for _ in range(20):
            record.save(path)

    wanted = {}
    for seed in (1, 2):
        record = qm.run(memristor, times, target=qm.aer(seed=seed), shots=100)
        wanted[seed] = record.samples.counts
    found: Counter[str] = Counter()
    path = folder / "record.npz"
    work(path, 1)
    span = duration(partial(work, path, 2))
    for trial in range(trials):
        killed(partial(work, path, 1 + trial % 2), random.uniform(0.3, 1) * span)
        counts = Record.load(path).samples.counts
        good = any(np.array_equal(counts, these) for these in wanted.values())
        found["kept" if good else "wrong"] += 1
    return found


def kill_sweeps(
    folder: Path,
    random: np.random.Generator,
    trials: int,
    executor: Callable[[], Executor],
) -> Counter[str]:
    """Kill a sweep, then let it finish: finished points are kept and not computed again."""
    wanted = np.sin(GRID["x"])[:, None] + GRID["y"][None, :]
    found: Counter[str] = Counter()

    def work(path: Path, log: Path) -> None:
        with executor() as running:
            sweep(partial(slow_point, log=str(log)), GRID, executor=running, path=path, chunk=2)

    span = duration(partial(work, folder / "whole.nc", folder / "whole.log"))
    for trial in range(trials):
        path, log = folder / f"{trial}.nc", folder / f"{trial}.log"
        killed(partial(work, path, log), random.uniform(0.0, 1.0) * span)
        journal = Path(f"{path}.journal")
        lines = journal.read_bytes().split(b"\n")[1:-1] if journal.exists() else []
        finished = {index for line in lines for index in json.loads(line)["points"]}
        before = len(log.read_text().split()) if log.exists() else 0
        if path.exists():
            finished = set(range(wanted.size))
        with ThreadPoolExecutor(1) as serial:
            again = sweep(
                partial(slow_point, log=str(log)), GRID, executor=serial, path=path, chunk=2
            )
        computed = len(log.read_text().split()) - before if log.exists() else 0
        if not np.array_equal(again["value"].values, wanted):
            found["wrong"] += 1
        elif computed > wanted.size - len(finished):
            found["lost"] += 1
        else:
            found["kept"] += 1
    return found


def kill_submissions(
    folder: Path, random: np.random.Generator, trials: int, stage: str
) -> Counter[str]:
    """Kill `submit`, `resume` or `collect`; repeat; every job once, every count in its place."""
    target = qm.ibm("fake_manila", channel="local", seed=1)
    pause = 0.01
    found: Counter[str] = Counter()

    def submitted(place: Path, service: Any) -> None:
        qm.submit(
            example_memristor(), TIMES, target=target, shots=SHOTS, folder=place, service=service
        )

    class Refusing(FolderService):
        def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
            raise ConnectionError("the network is down")

    def prepared(place: Path, server: Path) -> Callable[[], object]:
        service = FolderService(server, pause)
        if stage == "submit":
            return partial(submitted, place, service)
        with suppress(ConnectionError):
            submitted(place, Refusing(server) if stage == "resume" else FolderService(server))
        verb = qm.resume if stage == "resume" else qm.collect
        return partial(verb, place, service=service)

    first = folder / "first"
    span = duration(prepared(first, folder / "first.server"))
    shutil.rmtree(folder / "first.server")
    for trial in range(trials):
        place, server = folder / str(trial), folder / f"{trial}.server"
        killed(prepared(place, server), random.uniform(0.0, 1.1) * span)
        service = FolderService(server)
        if (place / "plan.json").exists():
            qm.resume(place, service=service)
        else:  # nothing was sent: the submission does not exist yet
            if service.jobs():
                found["lost"] += 1
                continue
            submitted(place, service)
        count_outcome(place, service, found, 4)
    return found


def kill_dask(folder: Path, random: np.random.Generator, trials: int) -> Counter[str]:
    """Kill the client of a Dask cluster's sweep; the cluster goes on."""
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        script = (
            "import sys\nfrom functools import partial\nfrom pathlib import Path\n"
            "import distributed\n"
            "from experiments.benchmarks.victims import GRID, slow_point\n"
            "from qmemcircuit.sweeps.sweep import sweep\n"
            "with distributed.Client(sys.argv[1]) as client:\n"
            "    print('ready', flush=True)\n"
            "    sweep(partial(slow_point, log=sys.argv[3]), GRID, path=sys.argv[2], chunk=2,\n"
            "          executor=client.get_executor())\n"
        )
        found: Counter[str] = Counter()
        wanted = np.sin(GRID["x"])[:, None] + GRID["y"][None, :]
        for trial in range(trials):
            path, log = folder / f"{trial}.nc", folder / f"{trial}.log"
            child = subprocess.Popen(
                [sys.executable, "-c", script, address, str(path), str(log)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(random.uniform(0.0, 0.3))
            child.kill()
            child.wait()
            child.stdout.close()
            with ThreadPoolExecutor(1) as serial:
                again = sweep(
                    partial(slow_point, log=str(log)), GRID, executor=serial, path=path, chunk=2
                )
            equal = np.array_equal(again["value"].values, wanted)
            found["kept" if equal else "wrong"] += 1
    return found
