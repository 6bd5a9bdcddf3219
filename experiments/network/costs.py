"""What a route costs here: seconds and memory of a run, tasks, a cluster that is simulated."""

from __future__ import annotations

import contextlib
import heapq
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import qmemcircuit as qm
from experiments.network.identical import COUPLING, MEMRISTOR
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.sweeps.sweep import sweep

STEPS = 12
"""Strang steps of a period, of every route."""

TRAJECTORIES, BOND_DIMENSION = 16, 8
KEPT = qm.PauliPropagation(5, 1e-4)
NAMES = {
    "density_matrix": "exact states",
    "statevector": "state-vector trajectories",
    "matrix_product_state": f"matrix products, χ = {BOND_DIMENSION}",
    "pauli_propagation": "Pauli strings",
}
BATCHES = 8
"""Of each kind of trajectories are measured; a job has `JOB` trajectories of such batches."""

JOB = 10_000


def various(count: int) -> qm.Network:
    """Return a chain without two memristors alike, of which propagation would run only one."""
    items = [qm.Memristor(qm.SquidRate(0.02), a=0.8 + 0.1 * np.sin(j)) for j in range(count)]
    return qm.chain(items, COUPLING)


def cost_of(
    route: str, count: int, periods: int, trajectories: int = TRAJECTORIES, *, apart: bool = True
) -> tuple[float, float, float]:
    """Return processor seconds, peak bytes and the root mean square error of V of one run.

    In a process of its own (`apart`), whose memory nothing has used before. The error is that of
    the trajectories, 0 for the other routes.
    """
    if not apart:
        return _cost_here(route, count, periods, trajectories)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_cost_here, route, count, periods, trajectories).result()


def _cost_here(
    route: str, count: int, periods: int, trajectories: int
) -> tuple[float, float, float]:
    strings = route == "pauli_propagation"
    method: Any = KEPT if strings else route

    def work(network: qm.Network) -> qm.Trajectory:
        return qm.simulate_circuit(
            network, [periods * MEMRISTOR.period], method=method, splitting="strang",
            steps=STEPS * periods, trajectories=trajectories, seed=1,
            bond_dimension=BOND_DIMENSION, pairs=[],
        )  # fmt: skip

    with qm.allow_large():  # what is out of reach is to be measured, too
        work(various(3))  # imported and compiled before it is timed
        found, seconds, memory = metered(lambda: work(various(count)))
    sampled = route in ("statevector", "matrix_product_state")
    error = float(np.sqrt(np.mean(found.voltage_error**2))) if sampled else 0.0
    return seconds, memory, error


def metered(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what `work` returns, its processor seconds, and by how many bytes memory peaked.

    Linux forgets the old peak where asked, and the bytes are above what was in use. Elsewhere they
    are above the old peak, thus a lower bound; where there is no `resource`, NaN.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    start = time.process_time()
    found = work()
    seconds = time.process_time() - start
    return found, seconds, _memory("VmHWM") - before


def _memory(key: str) -> float:
    """Return the bytes of a line of /proc/self/status, else the largest this process ever used."""
    with contextlib.suppress(OSError):
        rows = Path("/proc/self/status").read_text().splitlines()
        return 1024 * float(next(row for row in rows if row.startswith(key)).split()[1])
    try:
        import resource
    except ImportError:
        return np.nan
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def task_costs(quick: bool, seed: int) -> tuple[dict[str, FloatArray], float]:
    """Return the measured seconds of each task of four jobs, and what sending one task takes."""
    costs: dict[str, FloatArray] = {}
    rng = np.random.default_rng(seed)
    kinds = (
        ("statevector", 6 if quick else 14, 8),
        ("matrix_product_state", 8 if quick else 48, 4),
    )
    for route, count, size in kinds:
        network = various(count)

        def work(number: int, route: str = route, network: Any = network, size: int = size) -> Any:
            return qm.simulate_circuit(
                network, [MEMRISTOR.period], splitting="strang", steps=STEPS, method=route,
                trajectories=size, bond_dimension=BOND_DIMENSION, seed=number, pairs=[],
            )  # fmt: skip

        work(0)
        seen = [metered(lambda n=n: work(n))[1] for n in range(2 if quick else BATCHES)]
        costs[f"{JOB:,} × {NAMES[route].split(',')[0]}, N = {count}"] = rng.choice(
            seen, JOB // size
        )
    network = various(8 if quick else 127)
    strings = [
        metered(lambda t=t: qm.simulate_circuit(network, [t], method=KEPT, splitting="strang",
                                                steps=STEPS))[1] / len(network.memristors)
        for t in MEMRISTOR.periods(1, points=STEPS)[1 : 3 if quick else None]
    ]  # fmt: skip
    costs[f"strings of N = {len(network.memristors)}, each V and time"] = np.repeat(
        strings, len(network.memristors)
    )
    # Tight cut-offs late, where one V takes a while; measured on a chain of ten.
    late, late_count = (1, 4) if quick else (3, 10)
    tight = metered(
        lambda: qm.simulate_circuit(
            various(late_count), [late * MEMRISTOR.period], method=qm.PauliPropagation(7, 1e-5),
            splitting="strang", steps=STEPS * late,
        )
    )[1]  # fmt: skip
    costs[f"tight strings of N = 127 at {late}T, each V"] = np.full(127, tight / late_count)
    with ExitStack() as stack:
        executor: Executor = stack.enter_context(ThreadPoolExecutor(1))
        if not quick:
            executor = stack.enter_context(_cluster())
        number = 20 if quick else 200
        sweep(_nothing, {"task": np.arange(2)}, executor=executor, chunk=1)
        start = time.process_time()
        sweep(_nothing, {"task": np.arange(number)}, executor=executor, chunk=1)
        each = (time.process_time() - start) / number
    return costs, each


def _nothing(task: float) -> float:
    return float(task)


def _cluster() -> Any:
    """Return an executor on Dask's scheduler, which lives in this process, and one worker."""
    from contextlib import contextmanager

    from distributed import Client, LocalCluster

    @contextmanager
    def opened() -> Any:
        with (
            LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as workers,
            Client(workers) as client,
        ):
            yield client.get_executor()

    return opened()


def makespan(costs: Sequence[float] | FloatArray, workers: int, each: float) -> float:
    """Return when the last task ends: the next one to whoever is free, one sent after another.

    List scheduling (Graham, Bell Syst. Tech. J. 45, 1563, 1966) with one scheduler that takes
    `each` seconds for a task; what a task returns is some kilobytes and travels meanwhile.
    """
    free = [0.0] * workers
    for number, cost in enumerate(costs, start=1):
        start = max(heapq.heappop(free), number * each)
        heapq.heappush(free, start + float(cost))
    return max(free)
