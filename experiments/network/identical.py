"""N identical memristors on a graph: what chain, star and ring compute and draw alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels, mark_pinch, mark_start
from experiments.guo2022.params import (
    PAIR_GAMMA0,
    PAIR_INFERENCE,
    PAIR_PERIODS,
    PAIR_STRENGTH,
    POINTS_PER_PERIOD,
)
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.states import concurrence_of_states
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEMRISTOR = qm.Memristor(qm.SquidRate(PAIR_GAMMA0), a=np.pi / 4)
COUPLING = qm.Native("y", PAIR_STRENGTH)
LARGEST = 8
LATER_LOOP = 2  # shown beside the first: later ones are too small to be seen on its scale
ROUNDING = 1e-9  # a concurrence below is the rounding of an exact zero
AXES = ("voltage", "current")

Graph = Callable[[Sequence[qm.Memristor], qm.Coupling], qm.Network]


def compute_graph(graph: Graph, smallest: int, settings: Settings) -> Result:
    """Simulate the graph with `smallest` to `LARGEST` memristors (to 4, where quick)."""
    sizes = range(smallest, (4 if settings.quick else LARGEST) + 1)
    periods = 4 if settings.quick else PAIR_PERIODS
    times = MEMRISTOR.periods(periods, points=POINTS_PER_PERIOD)
    finer_times = MEMRISTOR.periods(periods, points=2 * POINTS_PER_PERIOD)
    data: dict[str, xarray.Dataset] = {}
    finer: dict[str, xarray.Dataset] = {}
    for size in settings.track(sizes):
        network = graph([MEMRISTOR] * size, COUPLING)
        trajectory = qm.exact_circuit(network, times, splitting="strang")
        data[f"n{size}"] = _dataset(network, trajectory)
        halved = qm.exact_circuit(network, finer_times, splitting="strang")
        finer[f"n{size}"] = _dataset(network, _every_second(halved))
    parameters = {
        "gamma0": PAIR_GAMMA0,
        "coupling": f"g σyσy; {PAIR_INFERENCE}",
        "initial_state": "(|e> + |g>)/√2 each",
        "periods": periods,
        "points_per_period": POINTS_PER_PERIOD,
        "splitting": "strang",
        "sizes": list(sizes),
    }
    three = qm.master_equation(graph([MEMRISTOR] * 3, COUPLING), times)
    splitting = Quantity(
        "N = 3: largest |ΔV| from the master equation",
        np.abs(data["n3"].voltage.values - three.voltage).max(),
        error=1e-9,  # the master equation's
        unit="√(mħω)",
        evidence="the splitting error of the exact circuit; nothing here is sampled",
    )
    # Strang's error falls by four: the finer values' own is a third of the difference. All of it
    # is stated, so that what is smaller than the leading order is covered too.
    quantities = [
        replace(fine, error=abs(fine.value - coarse.value) or None)
        for coarse, fine in zip(_quantities(data), _quantities(finer), strict=True)
    ]
    return Result(data, (*quantities, splitting), parameters)


def _every_second(trajectory: qm.Trajectory) -> qm.Trajectory:
    """Return the trajectory at every second time, for the loops of the same points."""
    return replace(
        trajectory,
        times=trajectory.times[::2],
        voltage=trajectory.voltage[::2],
        current=trajectory.current[::2],
        states=None if trajectory.states is None else trajectory.states[::2],
        pair_states={key: item[::2] for key, item in trajectory.pair_states.items()},
        variables={key: item[::2] for key, item in trajectory.variables.items()},
    )


def _dataset(network: qm.Network, trajectory: qm.Trajectory) -> xarray.Dataset:
    size = len(network.memristors)
    distance = _distances(network)
    pairs = sorted(combinations(range(size), 2), key=lambda pair: (distance[pair], pair))
    concurrence = np.array(
        [concurrence_of_states(trajectory.pair_state(*pair)) for pair in pairs]
    ).T
    concurrence[concurrence < ROUNDING] = 0
    loops = [qm.find_loops(trajectory, j) for j in range(size)]
    return xarray.Dataset(
        {
            "voltage": (("time", "memristor"), trajectory.voltage),
            "current": (("time", "memristor"), trajectory.current),
            "decay_rate": (("time", "memristor"), trajectory.variables["decay_rate"]),
            "concurrence": (("time", "pair"), concurrence),
            "first": ("pair", [pair[0] for pair in pairs]),
            "second": ("pair", [pair[1] for pair in pairs]),
            "distance": ("pair", [distance[pair] for pair in pairs]),
            **{
                name: (
                    ("loop", "memristor"),
                    np.array([[getattr(loop, name) for loop in row] for row in loops]).T,
                )
                for name in ("form_factor", "form_factor_bound", "balance")
            },
        },
        coords={"time": trajectory.times / MEMRISTOR.period},
    )


def _distances(network: qm.Network) -> np.ndarray:
    """Return how many couplings lie between any two memristors."""
    from scipy.sparse.csgraph import shortest_path

    size = len(network.memristors)
    edges = np.zeros((size, size))
    for pair, _ in network.couplings:
        edges[pair] = 1
    return shortest_path(edges, directed=False, unweighted=True).astype(int)


def _quantities(data: dict[str, xarray.Dataset]) -> list[Quantity]:
    found = []
    sizes = [int(name[1:]) for name in data]
    for size in (sizes[0], sizes[-1]):
        item = data[f"n{size}"]
        concurrence, far = item.concurrence.values, item.distance.values > 1
        total = item.form_factor.sum("memristor").values
        largest = concurrence[:, ~far].max()
        found.append(Quantity(f"N = {size}: largest concurrence of neighbours", largest))
        if far.any():
            name = f"N = {size}: largest concurrence beyond neighbours"
            found.append(Quantity(name, concurrence[:, far].max()))
        for name, loop in (
            ("total form factor of the first loop", 0),
            ("largest total form factor of a loop", int(total.argmax())),
        ):
            found.append(Quantity(f"N = {size}: {name}", total[loop], evidence=_words(item, loop)))
    every = f"N = {sizes[0]} to {sizes[-1]}"
    return [
        *found,
        Quantity(
            f"{every}: largest sum of one memristor's squared concurrences",
            max(_tangle(item).max() for item in data.values()),
            evidence="monogamy (Osborne and Verstraete 2006) bounds it by 1",
        ),
        Quantity(
            f"{every}: memristive defect, largest |I − ΓV|",
            max(
                float(np.abs(item.current - item.decay_rate * item.voltage).max())
                for item in data.values()
            ),
            unit="ω√(mħω)",
            evidence="σyσy commutes with σy, so I = ΓV holds on any graph",
        ),
    ]


def _words(data: xarray.Dataset, loop: int) -> str:
    """Return the bound of a total form factor, and the least balanced memristor's lobes."""
    item = data.isel(loop=loop)
    bound, least = float(item.form_factor_bound.sum()), float(item.balance.min())
    return f"bound {bound:.3f}, N/2 for equal lobes; least balance {least:.3f}, period {loop + 1}"


def _tangle(data: xarray.Dataset) -> np.ndarray:
    """Return the sum of squared concurrences of each memristor with all others, (T, N)."""
    sums = np.zeros(data.voltage.shape)
    for index in range(data.pair.size):
        for name in ("first", "second"):
            sums[:, int(data[name][index])] += data.concurrence.values[:, index] ** 2
    return sums


def draw_graph(result: Result, roles: dict[str, int]) -> Figure:
    """Draw the largest network's loops and concurrences, and all sizes' form factors.

    `roles` names the memristors of the largest network whose loops are shown.
    """
    sizes = sorted(int(name[1:]) for name in result.data)
    largest = result.data[f"n{sizes[-1]}"]
    figure, axes = make_figure(
        2, 2, width=TWO_COLUMNS, height=5.6, gridspec_kw={"width_ratios": (1.1, 1.5)}
    )
    _draw_loops(axes[0, 0], largest, roles)
    _draw_map(axes[0, 1], largest)
    colours = _shades(len(sizes))
    for colour, size in zip(colours, sizes, strict=True):
        data = result.data[f"n{size}"]
        total = data.form_factor.sum("memristor")
        axes[1, 0].plot(np.arange(total.size) + 0.5, total, "o-", color=colour, markersize=2.5)
        neighbours = data.concurrence.values[:, data.distance.values == 1].mean(axis=1)
        axes[1, 1].plot(data.time, neighbours, color=colour, label=f"{size}")
    axes[1, 0].set_xlabel("time t/T (one loop each)")
    axes[1, 0].set_ylabel("total form factor Σ F")
    axes[1, 0].set_ylim(bottom=0)
    axes[1, 1].set_xlabel("time t/T")
    axes[1, 1].set_ylabel("mean concurrence of neighbours")
    axes[1, 1].set_ylim(bottom=0)
    axes[1, 1].set_xlim(0, float(largest.time[-1]))
    axes[1, 1].legend(title="memristors N", ncols=2, title_fontsize=8)
    shown = f"N = {sizes[-1]}"
    titles = (f"loops, {shown}", f"concurrence of all pairs, {shown}", "all N", "all N")
    letter_panels(axes.flat, titles, loc="left")
    return figure


def _draw_loops(ax: Axes, data: xarray.Dataset, roles: dict[str, int]) -> None:
    """Draw the first loop and a later one of each memristor in `roles`."""
    later = min(LATER_LOOP, data.loop.size - 1)
    scale = [float(np.abs(data[name]).max()) for name in AXES]
    for colour, (role, j) in zip(PALETTE, roles.items(), strict=False):
        for loop, style in ((0, "-"), (later, "--")):
            part = slice(loop * POINTS_PER_PERIOD, (loop + 1) * POINTS_PER_PERIOD + 1)
            ax.plot(
                data.voltage.values[part, j] / scale[0],
                data.current.values[part, j] / scale[1],
                style,
                color=colour,
                label=f"{role}, period {loop + 1}",
            )
    lines = ax.legend(loc="lower right", handlelength=1.5, fontsize=7, borderaxespad=0)
    start = [data[name].values[0, 0] / by for name, by in zip(AXES, scale, strict=True)]
    marks = [
        mark_start(ax, *start, ms=4.5, zorder=3),
        mark_pinch(ax),
    ]
    ax.add_artist(lines)
    ax.legend(handles=marks, loc="upper left", fontsize=7, borderaxespad=0)
    ax.set_xlabel("voltage V/max")
    ax.set_ylabel("current I/max")


def _draw_map(ax: Axes, data: xarray.Dataset) -> None:
    """Draw every pair's concurrence against time as an image, nearest pairs on top.

    The time axis ends a period after the last pair has disentangled.
    """
    pairs = data.pair.size
    entangled = np.flatnonzero((data.concurrence.values > ROUNDING).any(axis=1))
    last = min(data.time.size - 1, int(entangled[-1]) + POINTS_PER_PERIOD)
    image = ax.imshow(
        data.concurrence.values[: last + 1].T,
        aspect="auto",
        interpolation="nearest",
        extent=(0.0, float(data.time[last]), pairs - 0.5, -0.5),
        vmin=0,
    )
    distance = data.distance.values
    starts = np.flatnonzero(np.diff(distance, prepend=0))
    ends = [*starts[1:], pairs]
    for start in starts[1:]:
        ax.axhline(start - 0.5, color="#ffffff", linewidth=0.8)
    ax.set_yticks(
        [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)],
        [str(distance[start]) for start in starts],
    )
    ax.tick_params(axis="y", length=0)
    rest = "" if last == data.time.size - 1 else f"; all zero from here to {data.time[-1]:.0f}"
    ax.set_xlabel(f"time t/T{rest}")
    ax.set_ylabel("all pairs, by distance on the graph")
    ax.figure.colorbar(image, ax=ax, label="concurrence", pad=0.02)


def _shades(count: int) -> list[str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["cividis"](value)) for value in np.linspace(0, 0.9, count)]
