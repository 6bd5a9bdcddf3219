"""A map serial, on a process pool and on a Dask cluster of two workers: equal, and when it pays.

    pip install -e '.[distributed]'
    python -m experiments.benchmarks.cluster

The same points, one task each: the three results must be equal to the last bit. What starting an
executor costs and what a task costs beside its work are measured, and from both the number of
points from which two processes are faster than none. Then a worker of the cluster is killed in
the middle: the map must be whole and the same, and the points that were computed more than once
are counted. About a minute, on two free cores; on busy ones the seconds grow, the counts do not.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from qmemcircuit.sweeps.sweep import sweep

WORKERS = 2
GRID = {"strength": np.linspace(0.01, 0.5, 20), "decay_rate": np.linspace(0.01, 1, 15)}
WORK = (1e-3, 1e-2, 1e-1, 1.0)
"""Seconds of a point for which the number of points that pay is printed."""


def point(strength: float, decay_rate: float, seconds: float, log: str) -> float:
    """Work for so long, say so in a log, and return a number."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
    if log:
        with open(log, "a") as lines:  # one short line: appended whole
            lines.write(f"{strength!r} {decay_rate!r}\n")
    return float(np.sin(strength) * np.exp(-decay_rate))


@contextmanager
def serial() -> Iterator[tuple[Executor, Any]]:
    """One point after the other."""
    with ThreadPoolExecutor(1) as executor:
        yield executor, None


@contextmanager
def pool() -> Iterator[tuple[Executor, Any]]:
    """Fresh processes, as `sweep` makes them."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=spawn) as executor:
        yield executor, None


@contextmanager
def cluster() -> Iterator[tuple[Executor, Any]]:
    """Dask's scheduler and two worker processes on this machine."""
    from distributed import Client, LocalCluster

    for name in ("scheduler", "client", "nanny"):  # the kill is ours: no news
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)
    with (
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as workers,
        Client(workers) as client,
    ):
        yield client.get_executor(), client


def timed(make: Callable[[], Any], seconds: float) -> tuple[float, float, Any]:
    """Return the seconds to start and for the map, and the map."""
    function = partial(point, seconds=seconds, log="")
    few = {"strength": [0.1, 0.2], "decay_rate": [0.1, 0.2]}
    start = time.perf_counter()
    with make() as (executor, _):
        sweep(function, few, executor=executor, chunk=1)  # every worker has imported us
        ready = time.perf_counter()
        found = sweep(function, GRID, executor=executor, chunk=1)
        done = time.perf_counter()
    return ready - start, done - ready, found


def kill_one(folder: Path) -> tuple[Any, int, int]:
    """Return the map, how many points had arrived at the kill, and how many were computed twice."""
    log = folder / "log"
    arrived = []
    with cluster() as (executor, client):
        victim = next(iter(client.run(os.getpid).values()))

        def watch(done: int, total: int) -> None:
            if done >= total // 2 and not arrived:
                arrived.append(done)
                os.kill(victim, signal.SIGKILL)

        function = partial(point, seconds=1e-2, log=str(log))
        place = folder / "map.nc"
        found = sweep(function, GRID, executor=executor, chunk=1, progress=watch, path=place)
    calls = Counter(log.read_text().splitlines())
    assert len(calls) == found["value"].size, "a point is missing"
    return found, arrived[0], sum(calls.values()) - len(calls)


def main() -> None:
    """Print the two tables."""
    size = GRID["strength"].size * GRID["decay_rate"].size
    work = 2e-3
    makers = {"serial": serial, "process pool": pool, "Dask cluster": cluster}
    measured = {name: timed(make, work) for name, make in makers.items()}
    bits = {name: np.asarray(found["value"]).tobytes() for name, (*_, found) in measured.items()}
    print(f"{size} points of {1e3 * work:g} ms, one task each, {WORKERS} processes")
    equal = len(set(bits.values())) == 1
    print(f"equal to the last bit: {'yes' if equal else 'NO'}\n")
    assert equal
    paying = "".join(f"{f'{1e3 * w:g} ms':>10}" for w in WORK)
    print(f"{'':14}{'starting':>10}{'map':>9}{'a task':>10}   pays from so many points of{paying}")
    alone = (measured["serial"][1] - work * size) / size
    for name, (start, seconds, _) in measured.items():
        shares = 1 if name == "serial" else WORKERS
        overhead = seconds / size - work / shares
        row = f"{name:14}{start:8.2f} s{seconds:7.2f} s{1e3 * overhead:7.2f} ms"
        if name != "serial":
            gains = [w + alone - (w / WORKERS + overhead) for w in WORK]
            counts = [f"{np.ceil(start / gain):.0f}" if gain > 0 else "never" for gain in gains]
            row += " " * 30 + "".join(f"{count:>10}" for count in counts)
        print(row)
    with tempfile.TemporaryDirectory() as name:
        found, arrived, twice = kill_one(Path(name))
    same = np.asarray(found["value"]).tobytes() == bits["serial"]
    print(
        f"\na worker killed when {arrived} of {size} points had arrived: result equal to the last "
        f"bit: {'yes' if same else 'NO'}; computed more than once: {twice}"
    )
    assert same


if __name__ == "__main__":
    main()
