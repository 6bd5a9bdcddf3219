"""What accidents do: kills, full disks, flipped bits, strange paths, two processes at once.

    python -m experiments.benchmarks.faults [--quick] [--seed N]

Each row counts trials and what came of them. *Kept*: after the accident the same call, repeated,
gives what an undisturbed run gives, to the last bit; *refused*: an error of ours names the file;
*lost*, *twice*, *wrong*: something that was finished had to be measured again, a job was sent
twice, or a number changed without a word. The last three must be 0. POSIX only (fork, signals);
about four minutes, a few seconds with `--quick`.

The service is a stub: a folder whose files are its jobs, so that it outlives the client.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from rich.console import Console
from rich.table import Table

import qmemcircuit as qm
from experiments.benchmarks.kills import kill_dask, kill_runs, kill_submissions, kill_sweeps
from experiments.benchmarks.victims import (
    GRID,
    SHOTS,
    TIMES,
    FolderService,
    count_outcome,
    example_memristor,
    slow_point,
    started,
)
from qmemcircuit.common.storage import content_digest
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.jobs import ibm as ibm_module
from qmemcircuit.sweeps.sweep import sweep

OUTCOMES = ("kept", "refused", "lost", "twice", "wrong")


# --- full disks, flipped bits, strange paths, two at once --------------------------------------


def fill_disk(folder: Path) -> Counter[str] | None:
    """Write every kind of file to a disk of 64 KiB with an older file on it; None where root is
    not given.
    """
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        return None
    found: Counter[str] = Counter()
    try:
        memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4)
        small, large = memristor.periods(1, points=6), memristor.periods(40, points=30)
        nouns = {
            "record": lambda times: qm.run(
                memristor, times, target=qm.aer(seed=1), shots=10**6, ancilla="merged"
            ),
            "trajectory": lambda times: qm.exact_circuit(memristor, times),
        }
        for kind, make in nouns.items():
            old, new = make(small), make(large)
            for suffix in (".npz", ".json"):
                path = disk / f"{kind}{suffix}"
                old.save(path)
                before = path.read_bytes()
                try:
                    new.save(path)
                    outcome = "kept"  # it fitted
                except OSError:
                    outcome = "kept" if path.read_bytes() == before else "wrong"
                left = [p for p in disk.iterdir() if p != path]
                found["wrong" if left else outcome] += 1
                path.unlink()
        path = disk / "map.nc"
        log = folder / "disk.log"
        grid = {"x": np.arange(3000.0), "y": np.arange(1.0)}
        with ThreadPoolExecutor(1) as serial:
            try:
                sweep(partial(_wide, log=str(log)), grid, executor=serial, path=path)
                found["wrong"] += 1  # 3000 × 1000 numbers do not fit
            except OSError:
                found["wrong" if path.exists() else "kept"] += 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    return found


def _wide(x: float, y: float, log: str) -> Any:
    return np.full(1000, x + y)


def files_of_every_kind(folder: Path) -> dict[str, tuple[Path, Callable[[], str]]]:
    """Return, for each kind of file, one of it and what reads it as a digest of its content."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4)
    times = memristor.periods(1, points=6)
    record = qm.run(memristor, times, target=qm.aer(seed=1), shots=100)
    trajectory = qm.exact_circuit(memristor, times)
    kinds: dict[str, tuple[Path, Callable[[], str]]] = {}

    def of_record(path: Path) -> str:
        found = Record.load(path)
        return content_digest(
            {"provenance": dict(found.provenance), "bases": list(found.samples.bases)},
            {"times": found.times, "counts": found.samples.counts},
        )

    def of_trajectory(path: Path) -> str:
        found = Trajectory.load(path)
        return content_digest(
            {"provenance": dict(found.provenance)},
            {"v": found.voltage, "i": found.current, "s": np.asarray(found.states)},
        )

    for suffix in (".npz", ".json"):
        path = record.save(folder / f"record{suffix}")
        kinds[f"record{suffix}"] = (path, partial(of_record, path))
        path = trajectory.save(folder / f"trajectory{suffix}")
        kinds[f"trajectory{suffix}"] = (path, partial(of_trajectory, path))

    log = folder / "flip.log"

    def of_sweep(path: Path) -> str:
        with ThreadPoolExecutor(1) as serial:
            found = sweep(partial(slow_point, log=str(log)), GRID, executor=serial, path=path)
        return content_digest({}, {"value": found["value"].values, "x": found["x"].values})

    path = folder / "map.nc"
    of_sweep(path)
    kinds["sweep.nc"] = (path, partial(of_sweep, path))

    journal = folder / "half.nc.journal"
    half = folder / "half.nc"

    def stop(done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as serial, suppress(KeyboardInterrupt):
        sweep(partial(slow_point, log=str(log)), GRID, executor=serial, path=half, progress=stop)

    def of_journal() -> str:
        kept = journal.read_bytes()
        try:
            return of_sweep(half)
        finally:
            half.unlink(missing_ok=True)
            journal.write_bytes(kept)

    kinds["sweep journal"] = (journal, of_journal)

    target = qm.ibm("fake_manila", channel="local", seed=1)
    place, service = folder / "submission", FolderService(folder / "server")

    class Half(FolderService):
        def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
            if len(self.jobs()) == 2:
                raise ConnectionError("the network is down")
            return super().submit(circuits, shots, tag)

    with suppress(ConnectionError):
        qm.submit(
            memristor,
            TIMES,
            target=target,
            shots=SHOTS,
            folder=place,
            service=Half(folder / "server"),
        )
    qm.collect(place, service=service)

    def of_submission() -> str:
        copy, server = folder / "copy", folder / "server.copy"
        for source, into in ((place, copy), (folder / "server", server)):
            shutil.rmtree(into, ignore_errors=True)
            shutil.copytree(source, into)
        stub = FolderService(server)
        qm.resume(copy, service=stub)
        found = qm.collect(copy, service=stub)
        assert found.record is not None
        tags = sorted(item["tag"] for item in stub.jobs().values())
        return content_digest({"tags": tags}, {"counts": found.record.samples.counts})

    for name in ("plan.json", "part002.qpy", "part001.json", "part000.counts.npz"):
        kinds[f"submission: {name}"] = (place / name, of_submission)
    return kinds


def flip_bits(folder: Path, random: np.random.Generator, flips: int) -> dict[str, Counter[str]]:
    """Flip one bit at a time in every kind of file: refused, or the content is the same."""
    found = {}
    for kind, (path, digest) in files_of_every_kind(folder).items():
        counter: Counter[str] = Counter()
        whole, wanted = path.read_bytes(), digest()
        for _ in range(flips):
            turned = bytearray(whole)
            turned[random.integers(len(whole))] ^= 1 << int(random.integers(8))
            path.write_bytes(turned)
            try:
                counter["kept" if digest() == wanted else "wrong"] += 1
            except (ValueError, OSError) as error:
                counter["refused" if "Argument " in str(error) else "wrong"] += 1
            path.write_bytes(whole)
        found[kind] = counter
    return found


def strange_paths(folder: Path) -> Counter[str]:
    """Save over a link that leads elsewhere: what it led to is not touched."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4)
    trajectory = qm.exact_circuit(memristor, memristor.periods(1, points=6))
    outside = folder / "outside"
    outside.mkdir()
    found: Counter[str] = Counter()
    for suffix in (".npz", ".json"):
        precious = outside / f"precious{suffix}"
        precious.write_text("do not touch")
        link = folder / f"link{suffix}"
        link.symlink_to(precious)
        trajectory.save(link)
        good = precious.read_text() == "do not touch" and Trajectory.load(link) is not None
        found["kept" if good else "wrong"] += 1
    # A submission whose circuits are a link to another's: they are not those of its plan.
    target = qm.ibm("fake_manila", channel="local", seed=1)
    places = []
    for name in ("one", "two"):
        place, service = folder / name, FolderService(folder / f"{name}.server")
        memristor = qm.Memristor(qm.SquidRate(0.4 if name == "one" else 0.1), a=np.pi / 4)
        qm.submit(memristor, TIMES, target=target, shots=SHOTS, folder=place, service=service)
        places.append(place)
    (places[0] / "part001.qpy").unlink()
    (places[0] / "part001.json").unlink()
    (places[0] / "part001.qpy").symlink_to(places[1] / "part001.qpy")
    shutil.rmtree(folder / "one.server")
    try:
        qm.resume(places[0], service=FolderService(folder / "one.server"))
        found["wrong"] += 1
    except ValueError:
        found["refused"] += 1
    return found


def two_at_once(folder: Path, trials: int) -> Counter[str]:
    """Two processes submit, resume, collect or sweep on one folder: one goes on, one is refused."""
    target = qm.ibm("fake_manila", channel="local", seed=1)
    found: Counter[str] = Counter()
    for trial in range(trials):
        place, server = folder / str(trial), folder / f"{trial}.server"

        def submit_all(place: Path = place, server: Path = server) -> None:
            service = FolderService(server, 0.01)
            try:
                qm.submit(
                    example_memristor(),
                    TIMES,
                    target=target,
                    shots=SHOTS,
                    folder=place,
                    service=service,
                )
            except (ValueError, RuntimeError):
                qm.resume(place, service=service)

        with started(submit_all) as one, started(submit_all) as two:
            os.waitpid(one, 0)
            os.waitpid(two, 0)
        service = FolderService(server)
        qm.resume(place, service=service)
        count_outcome(place, service, found, 4)
    wanted = np.sin(GRID["x"])[:, None] + GRID["y"][None, :]
    for trial in range(trials):
        path, log = folder / f"{trial}.nc", folder / f"{trial}.log"

        def work(path: Path = path, log: Path = log) -> Any:
            with ThreadPoolExecutor(1) as serial:
                function = partial(slow_point, log=str(log))
                return sweep(function, GRID, executor=serial, path=path, chunk=2)

        with started(work) as one, started(work) as two:
            os.waitpid(one, 0)
            os.waitpid(two, 0)
        good = np.array_equal(work()["value"].values, wanted)
        computed = len(log.read_text().split())
        found["wrong" if not good else "kept" if computed == wanted.size else "lost"] += 1
    return found


# --- the table ---------------------------------------------------------------------------------


def run_trials(seed: int, *, quick: bool) -> dict[str, Counter[str]]:
    """Return what came of every kind of accident."""
    random = np.random.default_rng(seed)
    few, many = (2, 4) if quick else (60, 60)
    ibm_module.MOST_CIRCUITS = 2  # four jobs of two circuits
    os.environ["QISKIT_IN_PARALLEL"] = "TRUE"  # no threads of Qiskit's: a fork would lose them
    rows: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as temporary:

        def place(name: str) -> Path:
            path = Path(temporary) / name
            path.mkdir()
            return path

        rows["kill: run, save its record"] = kill_runs(place("runs"), random, few)
        rows["kill: sweep, one thread"] = kill_sweeps(
            place("threads"), random, many, partial(ThreadPoolExecutor, 1)
        )
        rows["kill: sweep, two processes"] = kill_sweeps(
            place("processes"),
            random,
            few,
            partial(ProcessPoolExecutor, 2, mp_context=get_context("fork")),
        )
        for stage in ("submit", "resume", "collect"):
            rows[f"kill: {stage}"] = kill_submissions(place(stage), random, many, stage)
        if not quick:
            rows["kill: sweep, client of a Dask cluster"] = kill_dask(place("dask"), random, 20)
        filled = fill_disk(place("full"))
        if filled is not None:
            rows["full disk of 64 KiB"] = filled
        for kind, counter in flip_bits(place("bits"), random, 10 if quick else 220).items():
            rows[f"flipped bit: {kind}"] = counter
        rows["links out of the folder"] = strange_paths(place("paths"))
        rows["two processes on one folder"] = two_at_once(place("two"), 2 if quick else 20)
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the table; exit code 1 where anything was lost, sent twice or silently wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few trials of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    rows = run_trials(options.seed, quick=options.quick)
    table = Table("accident", "trials", *OUTCOMES)
    for name, counter in rows.items():
        table.add_row(name, str(counter.total()), *(str(counter[key]) for key in OUTCOMES))
    Console(width=110).print(table)
    kills = sum(c.total() for name, c in rows.items() if name.startswith("kill"))
    flips = sum(c.total() for name, c in rows.items() if name.startswith("flipped"))
    print(f"{kills} kills, {flips} flipped bits")
    if "full disk of 64 KiB" not in rows:
        print("the full disk was not tried: mounting one needs root")
    return int(any(counter[key] for counter in rows.values() for key in OUTCOMES[2:]))


if __name__ == "__main__":
    sys.exit(main())
