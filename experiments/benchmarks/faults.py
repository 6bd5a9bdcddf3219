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
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from rich.console import Console
from rich.table import Table

import qmemcircuit as qm
from qmemcircuit.common.storage import content_digest
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs import ibm as ibm_module
from qmemcircuit.sweeps.sweep import sweep

OUTCOMES = ("kept", "refused", "lost", "twice", "wrong")
GRID = {"x": np.arange(40.0), "y": np.arange(2.0)}
TIMES = np.array([0.0, 0.5, 1.0, 1.5])
SHOTS = 50


class FolderService:
    """A stub service: one file a job. Row k of a job has k times the outcome 1."""

    def __init__(self, server: Path, pause: float = 0.0) -> None:
        self.server, self.pause = server, pause
        server.mkdir(exist_ok=True)

    def submit(self, circuits: Sequence[QuantumCircuit], shots: int, tag: str) -> str:
        """Accept a job."""
        time.sleep(self.pause)
        job = f"job{len(list(self.server.glob('*.job')))}"
        partial_file = self.server / f"{job}.part"
        partial_file.write_text(json.dumps({"tag": tag, "shots": shots, "size": len(circuits)}))
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
        return [{0: item["shots"] - row, 1: row} for row in range(item["size"])]


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


# --- kills -----------------------------------------------------------------------------------


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
    workers: int,
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


def _memristor() -> qm.Memristor:
    return qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)


def _judge(folder: Path, service: FolderService, found: Counter[str], jobs: int) -> None:
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


def kill_submissions(
    folder: Path, random: np.random.Generator, trials: int, stage: str
) -> Counter[str]:
    """Kill `submit`, `resume` or `collect`; repeat; every job once, every count in its place."""
    target = qm.ibm("fake_manila", channel="local", seed=1)
    pause = 0.01
    found: Counter[str] = Counter()

    def submitted(place: Path, service: Any) -> None:
        qm.submit(_memristor(), TIMES, target=target, shots=SHOTS, folder=place, service=service)

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
        _judge(place, service, found, 4)
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
            "from experiments.benchmarks.faults import GRID, slow_point\n"
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
                    _memristor(), TIMES, target=target, shots=SHOTS, folder=place, service=service
                )
            except (ValueError, RuntimeError):
                qm.resume(place, service=service)

        with started(submit_all) as one, started(submit_all) as two:
            os.waitpid(one, 0)
            os.waitpid(two, 0)
        service = FolderService(server)
        qm.resume(place, service=service)
        _judge(place, service, found, 4)
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
    few, many = (3, 6) if quick else (60, 60)
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
            place("threads"), random, many, partial(ThreadPoolExecutor, 1), 1
        )
        rows["kill: sweep, two processes"] = kill_sweeps(
            place("processes"),
            random,
            few,
            partial(ProcessPoolExecutor, 2, mp_context=get_context("fork")),
            2,
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
