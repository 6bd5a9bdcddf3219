"""Heavy-hexagonal lattice: 127 memristors, as many as an Eagle processor's qubits, over one period.

To see: the more neighbours, the less a memristor swings (b) and the thinner its loop (c); V by
Pauli propagation is as exact patches of ten memristors about four of them have it, within its
error (d).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.network.identical import COUPLING, MEMRISTOR
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS, STEPS, PATCH = 12, 12, 10
"""Times of the period, which are also its Strang steps, and the memristors of an exact patch."""

KEPT = qm.PauliPropagation(6, 3e-5)
SITES = (13, 63, 62, 53)
"""About these there are patches: an end, and three of the middle."""


def lattice() -> tuple[dict[int, tuple[float, float]], list[tuple[int, int]]]:
    """Return places and couplers of the lattice: seven rows, four bridges between two of them."""
    places: dict[int, tuple[float, float]] = {}
    for row in range(7):
        columns = range(14) if row == 0 else range(1, 15) if row == 6 else range(15)
        for column in columns:
            places[len(places)] = (float(column), -2.0 * row)
        if row < 6:
            for column in range(0 if row % 2 == 0 else 2, 15, 4):
                places[len(places)] = (float(column), -2.0 * row - 1)
    sites = {place: site for site, place in places.items()}
    edges = []
    for site, (x, y) in places.items():
        beside = [(x + 1, y)] if y % 2 == 0 else [(x, y + 1), (x, y - 1)]
        edges += [tuple(sorted((site, sites[place]))) for place in beside if place in sites]
    return places, sorted((int(a), int(b)) for a, b in edges)


def patch(edges: list[tuple[int, int]], site: int, size: int) -> list[int]:
    """Return the nearest memristors about a site, the site first."""
    found = [site]
    for known in found:
        found += [
            b if a == known else a
            for a, b in edges
            if known in (a, b) and (b if a == known else a) not in found
        ]
        if len(found) >= size:
            break
    return found[:size]


def compute(settings: Settings) -> Result:
    """Propagate every V of the lattice, and solve patches exactly."""
    places, edges = lattice()
    kept = qm.PauliPropagation(3, 3e-3) if settings.quick else KEPT
    times = MEMRISTOR.periods(1, points=POINTS)[1 : 4 if settings.quick else None]
    network = qm.Network([MEMRISTOR] * len(places), dict.fromkeys(edges, COUPLING))
    advance = settings.stages(1 + len(SITES))
    used = time.process_time()
    found = qm.simulate_circuit(network, times, method=kept, splitting="strang")
    used = time.process_time() - used
    advance()
    assert found.voltage_error is not None
    off, own = {}, 0.0
    for site in SITES:
        members = patch(edges, site, 6 if settings.quick else PATCH)
        inner = {
            (members.index(a), members.index(b)): COUPLING
            for a, b in edges
            if a in members and b in members
        }
        part = qm.Network([MEMRISTOR] * len(members), inner)
        exact = qm.exact_circuit(part, times, splitting="strang")
        off[site] = np.abs(found.voltage[:, site] - exact.voltage[:, 0])
        # The patch itself by propagation: without what the patch leaves out.
        alone = qm.simulate_circuit(part, times, method=kept, splitting="strang")
        own = max(own, float(np.abs(alone.voltage - exact.voltage).max()))
        advance()
    data = xarray.Dataset(
        {
            "voltage": (("time", "site"), found.voltage),
            "current": (("time", "site"), found.current),
            "error": (("time", "site"), found.voltage_error),
            "bound": (("time", "site"), found.variables["rigorous_bound"]),
            "neighbours": ("site", np.bincount(np.ravel(edges), minlength=len(places))),
            "from_patch": (("patch", "time"), list(off.values())),
        },
        coords={"time": times / MEMRISTOR.period, "patch": list(off)},
    )
    swing = np.abs(found.voltage).max(axis=0)
    quantities = [
        Quantity(
            f"largest |V| of memristors with {count} neighbour{'s' if count > 1 else ''}, mean "
            "over the lattice",
            swing[data.neighbours.values == count].mean(),
            error=float(found.voltage_error.max()),
            unit="√(mħω)",
        )
        for count in (1, 2, 3)
    ]
    quantities += [
        Quantity(
            f"largest |ΔV| of memristor {site} from an exact patch of {PATCH}",
            item.max(),
            unit="√(mħω)",
            evidence="of a finite patch and of propagation together",
        )
        for site, item in off.items()
    ]
    quantities += [
        Quantity(
            "largest |ΔV| of propagation on the patches themselves",
            own,
            unit="√(mħω)",
            evidence="of all memristors of all patches, at all times; our goal is 0.001",
        ),
        Quantity("largest stated error of V", found.voltage_error.max(), unit="√(mħω)"),
        Quantity(
            "largest rigorous bound of that error",
            found.variables["rigorous_bound"].max(),
            unit="√(mħω)",
            evidence="|V| is at most 0.35: beyond one period it says nothing",
        ),
        Quantity(
            "processor seconds of all V and I at all times",
            used,
            unit="s",
            evidence="on a busy machine",
        ),
    ]
    parameters = {
        "memristors": len(places),
        "couplers": edges,
        "places": [list(places[site]) for site in range(len(places))],
        "largest_weight": kept.largest_weight,
        "smallest_coefficient": kept.smallest_coefficient,
        "steps_per_period": POINTS,
    }
    return Result({"lattice": data}, tuple(quantities), parameters)


def draw(result: Result) -> Figure:
    """Draw the largest |V| on the lattice, loops, and the difference to exact patches."""
    data = result.data["lattice"]
    places = np.array(result.parameters["places"])
    figure, axes = make_figure(2, 2, width=TWO_COLUMNS, height=6.0)
    last = {
        "V at the end": data.voltage.values[-1],
        "largest |V|": np.abs(data.voltage).max("time"),
    }
    for ax, (name, values), colours in zip(
        axes[0], last.items(), ("RdBu_r", "viridis"), strict=True
    ):
        for a, b in result.parameters["couplers"]:
            ax.plot(*places[[a, b]].T, color="0.7", lw=0.6, zorder=1)
        symbol = "$V$" if name.startswith("V") else "largest $|V|$"
        limits = {"vmin": -np.abs(values).max(), "vmax": np.abs(values).max()}
        shown = ax.scatter(
            *places.T, c=values, s=22, cmap=colours, zorder=2, edgecolors="black", linewidths=0.3,
            **(limits if name.startswith("V") else {}),
        )  # fmt: skip
        figure.colorbar(shown, ax=ax, label=f"{symbol} in $\\sqrt{{m\\hbar\\omega}}$", shrink=0.75)
        ax.set(xticks=[], yticks=[], xlabel="column", ylabel="row")
        ax.set_aspect("equal")
    for colour, count in zip(PALETTE, (1, 2, 3), strict=False):
        (sites,) = np.nonzero(data.neighbours.values == count)
        site = sites[len(sites) // 2]
        axes[1, 0].plot(
            data.voltage[:, site], data.current[:, site], "o-", ms=3, color=colour,
            label=f"{count} neighbour{'s' if count > 1 else ''}",
        )  # fmt: skip
    axes[1, 0].plot(0, 0, "o", mfc="none", mec="black", ms=8)
    axes[1, 0].set(
        xlabel="voltage $V$ in $\\sqrt{m\\hbar\\omega}$",
        ylabel="current $I$ in $\\omega\\sqrt{m\\hbar\\omega}$",
    )
    axes[1, 0].legend()
    for colour, site in zip(PALETTE, data.patch.values, strict=False):
        axes[1, 1].semilogy(
            data.time, np.maximum(data.from_patch.sel(patch=site), 1e-8), "o-", ms=3, color=colour,
            label=f"memristor {site}",
        )  # fmt: skip
    axes[1, 1].semilogy(
        data.time, np.maximum(data.error.max("site"), 1e-8), "k--", label="stated, largest of 127"
    )
    axes[1, 1].set(xlabel="time t/T", ylabel="|ΔV| from exact patches")
    axes[1, 1].legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    titles = ("V at the end", "largest |V| in the period", "loops", "against exact patches")
    letter_panels(axes.flat, titles, loc="left")
    return figure
