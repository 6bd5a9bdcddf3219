"""What every route costs: seconds and memory against memristors and error, and what a cluster buys.

To see: within two minutes exact states end at fourteen memristors, state vectors at sixteen; matrix
products and Pauli strings go on (a, b). Strings give two more digits at 3T for fifty times the
seconds, at 4T for hundreds (c). Tasks of seconds fill hundreds of nodes, those of half a second one
hundred, and strings are too short to be sent one by one (d).
"""

from __future__ import annotations

import contextlib
import heapq
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.network.identical import COUPLING, MEMRISTOR
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.sweeps.sweep import sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = 12
"""Strang steps of a period, of every route."""

TRAJECTORIES, BOND_DIMENSION = 16, 8
WANTED = 0.01
"""Standard error of V to which trajectories are counted; strings are that exact by themselves."""
LEAST_MEMORY = 0.03
"""Megabytes below which a peak is not told from none."""

KEPT = qm.PauliPropagation(5, 1e-4)
SIZES = {
    "density_matrix": (4, 6, 8, 9, 10, 11),
    "statevector": (4, 6, 8, 10, 12, 14),
    "matrix_product_state": (8, 16, 32),
    "pauli_propagation": (8, 16, 32, 64, 128),
}
NAMES = {
    "density_matrix": "exact states",
    "statevector": "state-vector trajectories",
    "matrix_product_state": f"matrix products, χ = {BOND_DIMENSION}",
    "pauli_propagation": "Pauli strings",
}
LADDER = ((3, 1e-3), (4, 3e-4), (5, 1e-4), (6, 3e-5), (7, 1e-5), (8, 3e-6))
LATE = (1, 2, 3, 4)
"""Periods at which errors are compared, of a chain of ten, whose exact states are known."""

WORKERS = (1, 3, 10, 30, 100, 300, 1000)
BATCHES = 8
"""Of each kind of trajectories are measured; a job has `JOB` trajectories of such batches."""

JOB = 10_000


def various(count: int) -> qm.Network:
    """Return a chain without two memristors alike, of which propagation would run only one."""
    items = [qm.Memristor(qm.SquidRate(0.02), a=0.8 + 0.1 * np.sin(j)) for j in range(count)]
    return qm.chain(items, COUPLING)


def compute(settings: Settings) -> Result:
    """Measure every route against N, propagation and trajectories against t, and schedule."""
    quick = settings.quick
    sizes = {name: tried[:2] if quick else tried for name, tried in SIZES.items()}
    late, ladder = (LATE[:1], LADDER[:3]) if quick else (LATE, LADDER)
    advance = settings.stages(len(sizes) + len(late) + 1)
    data: dict[str, Any] = {}
    qm.simulate_circuit(various(3), [0.1], method=KEPT)  # compiled before it is timed
    for route, tried in sizes.items():
        _measured(route, 3, settings)  # imported, too
        rows = [_measured(route, count, settings) for count in tried]
        data[route] = xarray.Dataset(
            {
                "seconds": ("size", [row[0] for row in rows]),
                "memory": ("size", [r[1] for r in rows]),
            },
            coords={"size": list(tried)},
        )
        advance()
    for periods in late:
        data[f"accuracy_{periods}"] = _accuracy(periods, ladder, 4 if quick else 10)
        advance()
    costs, each = _tasks(quick, settings.seed)
    data["cluster"] = xarray.Dataset(
        {"speedup": (("job", "workers"), [[makespan(c, 1, each) / makespan(c, w, each)
                                           for w in WORKERS] for c in costs.values()]),
         "task_seconds": ("job", [float(np.mean(c)) for c in costs.values()]),
         "tasks": ("job", [len(c) for c in costs.values()])},
        coords={"job": list(costs), "workers": list(WORKERS)},
    )  # fmt: skip
    advance()
    parameters = {
        "coupling": "g σyσy, g = ω/15",
        "steps_per_period": STEPS,
        "wanted": WANTED,
        "ladder": [list(item) for item in ladder],
        "dispatch_seconds": each,
        "bond_dimension": BOND_DIMENSION,
    }
    return Result(data, _quantities(data, _ends(quick)), parameters)


def _measured(route: str, count: int, settings: Settings) -> tuple[float, float]:
    """Return processor seconds and peak bytes of V at one period, trajectories to `WANTED`."""
    network, times = various(count), [MEMRISTOR.period]
    how: dict[str, Any] = {"splitting": "strang", "steps": STEPS}
    if route == "pauli_propagation":
        _, seconds, memory = metered(
            lambda: qm.simulate_circuit(network, times, method=KEPT, **how)
        )
        return seconds, memory
    found, seconds, memory = metered(
        lambda: qm.simulate_circuit(
            network, times, method=route, trajectories=TRAJECTORIES, seed=settings.seed,
            bond_dimension=BOND_DIMENSION, pairs=[], **how,
        )
    )  # fmt: skip
    if route == "density_matrix":
        return seconds, memory
    return seconds * (float(np.sqrt(np.mean(found.voltage_error**2))) / WANTED) ** 2, memory


def metered(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what `work` returns, its processor seconds, and by how many bytes memory peaked.

    Linux forgets the old peak where asked; elsewhere the bytes are NaN.
    """
    status, forget = Path("/proc/self/status"), Path("/proc/self/clear_refs")

    def kilobytes(key: str) -> float:
        line = next(row for row in status.read_text().splitlines() if row.startswith(key))
        return float(line.split()[1])

    before = None
    with contextlib.suppress(OSError):
        forget.write_text("5")
        before = kilobytes("VmRSS")
    start = time.process_time()
    found = work()
    seconds = time.process_time() - start
    return found, seconds, np.nan if before is None else 1000 * (kilobytes("VmHWM") - before)


def _accuracy(periods: int, ladder: Sequence[tuple[int, float]], count: int) -> xarray.Dataset:
    """Return errors and seconds of V at one time, by strings and by trajectories, from exact."""
    network, times = qm.chain([MEMRISTOR] * count, COUPLING), [periods * MEMRISTOR.period]
    how: dict[str, Any] = {"splitting": "strang", "steps": STEPS * periods}
    exact = qm.exact_circuit(network, times, **how)
    rows = []
    with qm.allow_large():  # what is beyond reach is to be seen
        for kept in ladder:
            method = qm.PauliPropagation(*kept)

            def work(method: qm.PauliPropagation = method) -> qm.Trajectory:
                return qm.simulate_circuit(network, times, method=method, **how)

            found, seconds, _ = metered(work)
            apart = np.abs(found.voltage - exact.voltage)
            rows.append((seconds, apart.max(), found.voltage_error.max()))
    number = 16 if count < 10 else 100
    found, spent, _ = metered(
        lambda: qm.simulate_circuit(
            network, times, method="statevector", trajectories=number, seed=1, **how
        )
    )
    seconds, errors, stated = np.transpose(rows)
    return xarray.Dataset(
        {
            "seconds": ("kept", seconds),
            "error": ("kept", errors),
            "stated": ("kept", stated),
            "sampled_seconds": spent,
            "sampled_error": float(np.sqrt(np.mean((found.voltage - exact.voltage) ** 2))),
        }
    )


def _tasks(quick: bool, seed: int) -> tuple[dict[str, FloatArray], float]:
    """Return the measured seconds of each task of three jobs, and what sending one task takes."""
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


def _ends(quick: bool) -> dict[str, str]:
    """Return where each route ends on this machine: what `compare_routes` says of larger ones."""
    how: dict[str, Any] = {"splitting": "strang", "steps": STEPS, "trajectories": 400}
    found: dict[str, str] = {}
    for count in range(8, 12 if quick else 34, 1):
        network = qm.chain([MEMRISTOR] * count, COUPLING)
        for item in qm.compare_routes(network, [MEMRISTOR.period], **how).candidates:
            if item.obstacle and item.method not in found:
                found[item.method] = f"{count - 1} memristors at one period ({item.obstacle})"
    network = qm.chain([MEMRISTOR] * (10 if quick else 100), COUPLING)
    for periods in range(1, 3 if quick else 13):
        how["steps"] = STEPS * periods
        last = qm.compare_routes(network, [periods * MEMRISTOR.period], **how).candidates[-1]
        if last.obstacle or last.error > WANTED:
            why = last.obstacle or f"its stated error of V is {last.error:.2g}"
            found["pauli_propagation"] = f"{periods}T of 100 memristors by default ({why})"
            break
    return found


def _slope(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Return the slope of a straight line through at least three points, and its standard error."""
    if len(x) < 3:
        return np.nan, np.nan
    (slope, _), covariance = np.polyfit(x, y, 1, cov="unscaled")
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    return float(slope), float(np.sqrt(covariance[0, 0] * np.sum(residual**2) / (len(x) - 2)))


def _quantities(data: dict[str, Any], ends: dict[str, str]) -> tuple[Quantity, ...]:
    found = []
    for route, name in NAMES.items():
        item = data[route]
        size, exponential = (
            item.size.values.astype(float),
            route in ("density_matrix", "statevector"),
        )
        for key in ("seconds", "memory"):
            good = item[key].values > (0.05 if key == "seconds" else 5e6)  # above the overhead
            x = size[good] if exponential else np.log(size[good])
            slope, error = _slope(x, np.log(item[key].values[good]))
            if not np.isfinite(slope):
                continue
            if exponential:
                label, value, error = f"{name}: factor in {key} of one more memristor", np.exp(
                    slope), error * np.exp(slope)  # fmt: skip
            else:
                label, value = f"{name}: exponent of N in {key}", slope
            evidence = f"a straight line through N = {', '.join(f'{n:.0f}' for n in size[good])}"
            found.append(Quantity(label, value, error=error, evidence=evidence))
        at, last = item.seconds.values[-1], item.size.values[-1]
        found.append(
            Quantity(
                f"{name}: processor seconds of one period, N = {last}",
                at,
                unit="s",
                evidence=f"V to {WANTED}; it ends at {ends[route]}" if route in ends else "",
            )
        )
    reached = {}
    for key, item in data.items():
        if key.startswith("accuracy"):
            slope, error = _slope(np.log(item.seconds.values), np.log(item.error.values))
            if np.isfinite(slope):
                name = f"Pauli strings: exponent of seconds in the error of V at {key[9:]}T"
                found.append(Quantity(name, slope, error=error, evidence="a chain of 10"))
            enough = item.seconds.values[item.error.values <= 1e-3]
            if enough.size:
                reached[int(key[9:])] = float(enough[0])
                name = f"Pauli strings: seconds for all V within 0.001 at {key[9:]}T"
                found.append(Quantity(name, enough[0], unit="s", evidence="a chain of 10"))
    if len(reached) > 2:
        slope, error = _slope(np.array(list(reached)), np.log(list(reached.values())))
        name = "Pauli strings: factor in seconds of one more period, V within 0.001"
        found.append(Quantity(name, np.exp(slope), error=error * np.exp(slope)))
    for job in data["cluster"].job.values:
        row = data["cluster"].sel(job=job)
        for workers in (10, 1000):
            found.append(
                Quantity(
                    f"{job}: times faster on {workers} nodes",
                    float(row.speedup.sel(workers=workers)),
                    evidence=f"{int(row.tasks)} tasks of {float(row.task_seconds):.3g} s; "
                    "simulated list scheduling of measured costs",
                )
            )
    return tuple(found)


def draw(result: Result) -> Figure:
    """Draw seconds and memory against N, error against seconds, and speed-ups."""
    figure, axes = make_figure(2, 2, width=TWO_COLUMNS, height=5.6)
    for colour, marker, (route, name) in zip(PALETTE, "osD^", NAMES.items(), strict=False):
        item = result.data[route]
        axes[0, 0].loglog(item.size, item.seconds, marker + "-", ms=4, color=colour, label=name)
        # At the lower edge: less than the pages that the system counts in.
        shown = np.maximum(item.memory / 1e6, LEAST_MEMORY)
        axes[0, 1].loglog(item.size, shown, marker + "-", ms=4, color=colour)
    axes[0, 0].set(ylabel=f"processor seconds, V to {WANTED}")
    axes[0, 0].legend(fontsize=6)
    axes[0, 1].set(ylabel="peak memory in MB")
    axes[0, 1].set_ylim(bottom=LEAST_MEMORY)
    for ax in axes[0]:
        ax.set(xlabel="memristors $N$")
        ax.set_xticks([4, 8, 16, 32, 64, 128], ["4", "8", "16", "32", "64", "128"], minor=False)
        ax.set_xticks([], minor=True)
    late = [key for key in result.data if key.startswith("accuracy")]
    for colour, key in zip(PALETTE, late, strict=False):
        item = result.data[key]
        axes[1, 0].loglog(
            item.seconds, item.error, "o-", ms=4, color=colour, label=f"strings, {key[9:]}T"
        )
        axes[1, 0].loglog(item.seconds, item.stated, ":", lw=1, color=colour)
        axes[1, 0].loglog(item.sampled_seconds, item.sampled_error, "x", ms=5, color=colour)
    axes[1, 0].loglog([], [], "k:", lw=1, label="stated")
    axes[1, 0].loglog([], [], "kx", label="state vectors (rms)")
    axes[1, 0].set(xlabel="processor seconds", ylabel="largest |ΔV| of a chain of 10")
    axes[1, 0].legend(fontsize=6)
    cluster = result.data["cluster"]
    for colour, marker, job in zip(PALETTE, "os^", cluster.job.values, strict=False):
        axes[1, 1].loglog(
            cluster.workers,
            cluster.speedup.sel(job=job),
            marker + "-",
            ms=4,
            color=colour,
            label=job,
        )
    axes[1, 1].loglog(cluster.workers, cluster.workers, color="0.6", lw=0.8, label="as many")
    axes[1, 1].set(xlabel="nodes", ylabel="times faster than one")
    axes[1, 1].legend(fontsize=6)
    titles = ("seconds", "memory", "accuracy", "a cluster, simulated")
    letter_panels(axes.flat, titles, loc="left")
    return figure
