"""Our sweep runner beside joblib and Dask: what a point costs, and what a kill loses.

    pip install joblib distributed
    python -m experiments.benchmarks.sweep_runner

One map of 600 points, a millisecond or ten each, on two processes: `sweep` with its journal,
joblib's `Parallel` over a `Memory`-cached function (its way to resume), and Dask's `Client.map`
(which resumes nothing). Then each is killed in the middle, started again, and the points that
were computed twice are counted. Values must be equal to the last bit. Ours is what runs under
`qmemcircuit.sweeps`; that joblib's store is pickle, which we do not write, counts beside the
numbers. About two minutes.

Decided with it (November 2026): ours stays. After a kill it computed 3 of 300 points again, joblib
none, Dask all of 301; a point cost 17 ms beside joblib's 13 ms, both on a machine with ten times
more work than processors. Its file is labelled netCDF and its journal no pickle.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

GRID = {"strength": np.linspace(0.01, 0.5, 30), "decay_rate": np.linspace(0.01, 1, 20)}
RUNNERS = ("sweep", "joblib", "dask")
WORKERS = 2


def point(strength: float, decay_rate: float, seconds: float, log: str) -> float:
    """Work for so long, say so in a log that outlives a kill, and return a number."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
    with open(log, "a") as lines:  # one short line: appended whole
        lines.write(f"{strength!r} {decay_rate!r}\n")
    return float(np.sin(strength) * np.exp(-decay_rate))


def run(runner: str, folder: Path, seconds: float) -> np.ndarray:
    """Return the map by one of `RUNNERS`, resumable in `folder` as far as it can."""
    log = str(folder / "log")
    points = [
        (g, gamma) for g in GRID["strength"].tolist() for gamma in GRID["decay_rate"].tolist()
    ]
    if runner == "sweep":
        import functools
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        from qmemcircuit.sweeps.sweep import sweep

        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(WORKERS, mp_context=spawn) as pool:
            bound = functools.partial(point, seconds=seconds, log=log)
            found = sweep(bound, GRID, executor=pool, path=folder / "map.nc")
        return np.asarray(found["value"]).ravel()
    if runner == "joblib":
        from joblib import Memory, Parallel, delayed

        cached = Memory(folder / "cache", verbose=0).cache(point)
        work = (delayed(cached)(g, gamma, seconds, log) for g, gamma in points)
        return np.array(Parallel(n_jobs=WORKERS)(work))
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        columns = zip(*points, strict=True)
        futures = client.map(point, *columns, seconds=seconds, log=log, pure=False)
        return np.array(client.gather(futures))


def calls(folder: Path) -> int:
    """Return how many points were computed so far."""
    log = folder / "log"
    return log.read_text().count("\n") if log.exists() else 0


def child(runner: str, folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Start a run in a process group of its own, so that a kill takes its workers too."""
    command = [sys.executable, "-m", __spec__.name, runner, str(folder), str(seconds)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, start_new_session=True, stdout=quiet, stderr=quiet)


def main() -> None:
    """Print the table."""
    size = GRID["strength"].size * GRID["decay_rate"].size
    expected = None
    print(f"{size} points, {WORKERS} processes")
    print(
        f"{'':8}{'1 ms':>9}{'10 ms':>9}{'overhead a point':>19}{'computed twice after a kill':>30}"
    )
    for runner in RUNNERS:
        taken = []
        for seconds in (1e-3, 1e-2):
            with tempfile.TemporaryDirectory() as name:
                start = time.perf_counter()
                values = run(runner, Path(name), seconds)
                taken.append(time.perf_counter() - start)
            expected = values if expected is None else expected
            assert np.array_equal(values, expected)
        overhead = (taken[0] - 1e-3 * size / WORKERS) / size
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            process = child(runner, folder, 1e-2)
            while calls(folder) < size // 2:
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(1)  # workers that were not in the group see that they are alone
            done = calls(folder)
            values = run(runner, folder, 1e-2)
            assert np.array_equal(values, expected)
            twice = calls(folder) - size
        print(
            f"{runner:8}{taken[0]:8.2f} s{taken[1]:8.2f} s{1e3 * overhead:16.2f} ms"
            f"{twice:>20} of {done}"
        )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        run(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
