"""What every route costs: seconds and memory against memristors, time and error, and on a cluster.

To see: within two minutes exact states end at fourteen memristors, state vectors at sixteen; matrix
products and Pauli strings go on (a, b; at the lower edge of b and d: less than a megabyte). With
time the cost of exact states and state vectors grows as the number of steps, that of matrix
products, whose bonds fill, and of strings, which spread at fixed cut-offs, about as its square
(c, d). At 3T strings give two more digits for a hundred times the seconds, at 4T for three hundred;
trajectories give one (e). Tasks of seconds fill hundreds of nodes, those of half a second one
hundred, and short strings are not worth sending one by one (f).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.network.costs import (
    BOND_DIMENSION,
    KEPT,
    NAMES,
    STEPS,
    cost_of,
    makespan,
    metered,
    task_costs,
    various,
)
from experiments.network.identical import COUPLING, MEMRISTOR
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WANTED = 0.01
"""Standard error of V to which trajectories are counted; strings are that exact by themselves."""

LEAST_SECONDS, LEAST_MEMORY = 0.05, 1.0
"""Seconds and megabytes below which what is measured is the overhead."""

SIZES = {
    "density_matrix": (4, 6, 8, 9, 10, 11),
    "statevector": (4, 6, 8, 10, 12, 14),
    "matrix_product_state": (8, 16, 32),
    "pauli_propagation": (8, 16, 32, 64, 128),
}
LATER = {
    "density_matrix": 10,
    "statevector": 12,
    "matrix_product_state": 12,
    "pauli_propagation": 32,
}
"""Memristors of each route whose cost is followed over `LATE` periods."""

SAMPLES = {"statevector": (128, 512, 2048), "matrix_product_state": (32, 128, 512)}
"""Trajectories over which the error of those routes is followed, of a chain of `SAMPLED`."""

SAMPLED = 12
LADDER = ((3, 1e-3), (4, 3e-4), (5, 1e-4), (6, 3e-5), (7, 1e-5), (8, 3e-6))
LATE = (1, 2, 3, 4)
"""Periods at which costs and errors are compared, errors of a chain of ten, known exactly."""

WORKERS = (1, 3, 10, 30, 100, 300, 1000)


def compute(settings: Settings) -> Result:
    """Measure every route against N, propagation and trajectories against t, and schedule."""
    quick = settings.quick
    sizes = {name: tried[:2] if quick else tried for name, tried in SIZES.items()}
    late, ladder = (LATE[:1], LADDER[:3]) if quick else (LATE, LADDER)
    advance = settings.stages(2 * len(sizes) + len(late) + 2)
    data: dict[str, Any] = {}
    for route, tried in sizes.items():
        data[route] = _costs("size", [(n, _measured(route, n, 1, quick)) for n in tried])
        advance()
    for route, count in LATER.items():
        count = 4 if quick else count
        data[f"late_{route}"] = _costs("periods", [(p, _measured(route, count, p, quick))
                                                   for p in late])  # fmt: skip
        advance()
    size = 4 if quick else SAMPLED
    for route, numbers in SAMPLES.items():
        tried = numbers[:1] if quick else numbers
        rows = [cost_of(route, size, 1, number, apart=not quick) for number in tried]
        data[f"sampled_{route}"] = xarray.Dataset(
            {"seconds": ("kept", [r[0] for r in rows]), "error": ("kept", [r[2] for r in rows])}
        )
    advance()
    for how in ({"method": KEPT}, {"method": "statevector"}, {}):  # compiled before it is timed
        qm.simulate_circuit(various(3), [0.1], trajectories=2, seed=1, **how)
    for periods in late:
        data[f"accuracy_{periods}"] = _accuracy(periods, ladder, 4 if quick else 10)
        advance()
    costs, each = task_costs(quick, settings.seed)
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


def _measured(route: str, count: int, periods: int, quick: bool) -> tuple[float, float]:
    """Return processor seconds and peak bytes of V, trajectories counted to `WANTED`."""
    seconds, memory, error = cost_of(route, count, periods, apart=not quick)
    return seconds * ((error / WANTED) ** 2 if error else 1.0), memory


def _costs(name: str, rows: Sequence[tuple[int, tuple[float, float]]]) -> xarray.Dataset:
    values = [row[1] for row in rows]
    return xarray.Dataset(
        {"seconds": (name, [v[0] for v in values]), "memory": (name, [v[1] for v in values])},
        coords={name: [row[0] for row in rows]},
    )


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
            strings = found.provenance["route"]["strings"]
            rows.append((seconds, apart.max(), found.voltage_error.max(), strings))
    number = 16 if count < 10 else 100
    found, spent, _ = metered(
        lambda: qm.simulate_circuit(
            network, times, method="statevector", trajectories=number, seed=1, **how
        )
    )
    seconds, errors, stated, strings = np.transpose(rows)
    return xarray.Dataset(
        {
            "seconds": ("kept", seconds),
            "error": ("kept", errors),
            "stated": ("kept", stated),
            "strings": ("kept", strings),
            "sampled_seconds": spent,
            "sampled_error": float(np.sqrt(np.mean((found.voltage - exact.voltage) ** 2))),
        }
    )


def _ends(quick: bool) -> dict[str, str]:
    """Return where each route ends on this machine: what `compare_routes` says of larger ones."""
    how: dict[str, Any] = {
        **{"splitting": "strang", "steps": STEPS},
        **{"trajectories": 400, "bond_dimension": 16},
    }
    found: dict[str, str] = {}
    before = 0
    for count in range(8, 12) if quick else (*range(8, 34), *range(36, 200, 4)):
        network = qm.chain([MEMRISTOR] * count, COUPLING)
        for item in qm.compare_routes(network, [MEMRISTOR.period], **how).candidates:
            if item.obstacle and item.method not in found:
                chi = " at χ = 16" if item.method == "matrix_product_state" else ""
                found[item.method] = f"up to N = {before} over 1T{chi}; of {count}, {item.obstacle}"
        before = count
    network = qm.chain([MEMRISTOR] * (10 if quick else 100), COUPLING)
    for periods in range(1, 3 if quick else 13):
        how["steps"] = STEPS * periods
        last = qm.compare_routes(network, [periods * MEMRISTOR.period], **how).candidates[-1]
        if last.obstacle or last.error > WANTED:
            why = last.obstacle or f"its stated error of V is {last.error:.2g}"
            found["pauli_propagation"] = (
                f"up to {periods - 1}T of N = 100 at the default cut-offs; at {periods}T {why}"
            )
            break
    return found


def _slope(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Return the slope of a straight line through at least three points, and its standard error."""
    if len(x) < 3:
        return np.nan, np.nan
    (slope, _), covariance = np.polyfit(x, y, 1, cov="unscaled")
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    return float(slope), float(np.sqrt(covariance[0, 0] * np.sum(residual**2) / (len(x) - 2)))


def _exponents(route: str, axis: str, item: xarray.Dataset) -> list[Quantity]:
    """Return the fitted growth of seconds and memory with N, or with t at a fixed N."""
    found, name, x = [], NAMES[route], item[axis].values.astype(float)
    exponential = axis == "size" and route in ("density_matrix", "statevector")
    for key, least in (("seconds", LEAST_SECONDS), ("memory", 1e6 * LEAST_MEMORY)):
        good = item[key].values > least
        where = x[good] if exponential else np.log(x[good])
        slope, error = _slope(where, np.log(item[key].values[good]))
        if not np.isfinite(slope):
            continue
        label = f"{name}: exponent of {'N' if axis == 'size' else 't'} in {key}"
        if exponential:
            label = f"{name}: factor in {key} of one more memristor"
            slope, error = float(np.exp(slope)), float(error * np.exp(slope))
        evidence = f"a straight line through N = {', '.join(f'{n:.0f}' for n in x[good])}"
        if axis != "size":
            evidence = f"N = {LATER[route]}, t = {', '.join(f'{n:.0f}T' for n in x[good])}"
        found.append(Quantity(label, slope, error=error, evidence=evidence))
    return found


def _quantities(data: dict[str, Any], ends: dict[str, str]) -> tuple[Quantity, ...]:
    found = []
    for route, name in NAMES.items():
        item = data[route]
        found += _exponents(route, "size", item)
        found += _exponents(route, "periods", data[f"late_{route}"])
        if f"sampled_{route}" in data:
            row = data[f"sampled_{route}"]
            slope, error = _slope(np.log(row.error.values), np.log(row.seconds.values))
            if np.isfinite(slope):
                label = f"{name}: exponent of the standard error of V in seconds"
                numbers = ", ".join(map(str, SAMPLES[route]))
                evidence = f"{numbers} trajectories of N = {SAMPLED}, with what is done once"
                if route == "matrix_product_state":
                    evidence += " (the ladder)"
                found.append(Quantity(label, slope, error=error, evidence=evidence))
        at, last = item.seconds.values[-1], item["size"].values[-1]
        found.append(
            Quantity(
                f"{name}: processor seconds of one period, N = {last}",
                at,
                unit="s",
                evidence=f"V to {WANTED}; {ends.get(route, 'no end was met')}",
            )
        )
    reached = {}
    for key, item in data.items():
        if key.startswith("accuracy"):
            for what in ("seconds", "strings"):
                slope, error = _slope(np.log(item.error.values), np.log(item[what].values))
                if np.isfinite(slope):
                    kept = "seconds" if what == "seconds" else "strings kept"
                    name = f"Pauli strings: exponent of the error of V in {kept} at {key[9:]}T"
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
    """Draw seconds and memory against N and t, error against seconds, and speed-ups."""
    figure, axes = make_figure(3, 2, width=TWO_COLUMNS, height=8.0)
    for colour, marker, (route, name) in zip(PALETTE, "osD^", NAMES.items(), strict=False):
        for row, (key, axis) in enumerate(((route, "size"), (f"late_{route}", "periods"))):
            item = result.data[key]
            label = name if row == 0 else f"{name.split(',')[0]}, N = {LATER[route]}"
            style: dict[str, Any] = {"marker": marker, "ms": 4, "color": colour, "label": label}
            axes[row, 0].loglog(item[axis], item.seconds, **style)
            # At the lower edge: less than is told from none.
            shown = np.maximum(item.memory / 1e6, LEAST_MEMORY)
            axes[row, 1].loglog(item[axis], shown, **style)
    for ax in axes[:2].flat:
        _ticks(ax, [4, 8, 16, 32, 64, 128] if ax in axes[0] else list(LATE))
    for row, label in enumerate(("memristors $N$ (one period)", "time $t/T$")):
        axes[row, 0].set(ylabel=f"processor seconds, V to {WANTED}", xlabel=label)
        axes[row, 1].set(ylabel="peak memory in MB", xlabel=label)
        axes[row, 1].set_ylim(bottom=LEAST_MEMORY)
        axes[row, 0].legend(fontsize=6, loc=("lower right", "upper left")[row])
    late = [key for key in result.data if key.startswith("accuracy")]
    for colour, key in zip(PALETTE, late, strict=False):
        item = result.data[key]
        label = f"strings, {key[9:]}T"
        axes[2, 0].loglog(item.seconds, item.error, "o-", ms=4, color=colour, label=label)
        axes[2, 0].loglog(item.seconds, item.stated, ":", lw=1, color=colour)
        axes[2, 0].loglog(item.sampled_seconds, item.sampled_error, "x", ms=5, color=colour)
    axes[2, 0].loglog([], [], "k:", lw=1, label="stated")
    axes[2, 0].loglog([], [], "kx", label="state vectors (rms)")
    axes[2, 0].set(xlabel="processor seconds", ylabel="largest |ΔV| of a chain of 10")
    axes[2, 0].set_ylim(top=10.0)
    axes[2, 0].legend(fontsize=6, ncols=2, loc="upper left")
    cluster = result.data["cluster"]
    for colour, marker, job in zip(PALETTE, "os^D", cluster.job.values, strict=False):
        speed = cluster.speedup.sel(job=job)
        axes[2, 1].loglog(cluster.workers, speed, marker + "-", ms=4, color=colour, label=job)
    axes[2, 1].loglog(cluster.workers, cluster.workers, color="0.6", lw=0.8, label="as many")
    axes[2, 1].set(xlabel="nodes", ylabel="times faster than one")
    axes[2, 1].legend(fontsize=6, loc="upper left")
    titles = (
        *("seconds against N", "memory against N", "seconds against t", "memory against t"),
        *("accuracy", "a cluster, simulated"),
    )
    letter_panels(axes.flat, titles, loc="left")
    return figure


def _ticks(ax: Axes, places: Sequence[int]) -> None:
    ax.set_xticks(places, [str(place) for place in places], minor=False)
    ax.set_xticks([], minor=True)
