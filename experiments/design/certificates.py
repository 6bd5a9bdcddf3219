"""Certificates: how far circuits can be from the master equation, whatever the input.

To see: the largest distance of a thousand inputs lies just below the certified bound for each
splitting (a); for longer chains the sum of local errors is a bound, but a loose one (b).

The pair of guo2022's Figs. 7 and 8 under three splittings: both bounds of half the diamond norm at
every time, and the largest distance of 1,000 random inputs, half of them entangled with a reference
that nothing touches. Then chains: the sum of local errors inside the light cone of the first two
memristors, beside what is seen of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.guo2022.params import PAIR_GAMMA0, PAIR_INFERENCE, PAIR_STRENGTH
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.build import circuits_with
from qmemcircuit.circuits.channels.diamond_norms import half_diamond_norms
from qmemcircuit.circuits.channels.exact_maps import exact_maps
from qmemcircuit.circuits.channels.pauli_maps import pauli_products
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.common.states import trace_distance
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.simulation.certification.light_cones import light_cone_bounds
from qmemcircuit.simulation.maps import digital_maps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPLITTINGS = ("lie", "strang", "fused")
INPUTS = 1000
MEMRISTOR = qm.Memristor(qm.SquidRate(PAIR_GAMMA0), a=np.pi / 4)
COUPLING = qm.Native("y", PAIR_STRENGTH)
ROUNDING = 1e-9
"""Of the exact maps."""


def compute(settings: Settings) -> Result:
    """Bound, and try inputs."""
    times = MEMRISTOR.periods(1, points=15 if settings.quick else 30)[1:]
    inputs = 100 if settings.quick else INPUTS
    done = settings.stages(2 + len(SPLITTINGS))
    pair = _bracket(times, inputs, settings.seed, done)
    chains = _chains((2, 3) if settings.quick else (2, 3, 4, 5, 6), times)
    done()
    looseness = chains.bound.values / np.maximum.accumulate(chains.seen.values, axis=1)
    above = int((pair.seen > pair.upper + ROUNDING).sum())
    quantities = [
        Quantity("times at which any of the inputs exceeds its bound", above),
        *(
            quantity
            for name in SPLITTINGS
            for quantity in _quantities(name, pair.sel(splitting=name))
        ),
        *(
            Quantity(
                f"chain of {int(size)}, lie: local bound over what is seen of memristors 1 and 2",
                float(looseness[place, -1]),
                evidence="largest of the period, of one input; after the first step "
                f"{looseness[place, 0]:.2f}: later errors cancel, which a sum of bounds cannot see",
            )
            for place, size in enumerate(chains["size"].values)
        ),
    ]
    parameters = {
        "gamma0": PAIR_GAMMA0,
        "coupling": f"g σyσy; {PAIR_INFERENCE}",
        "inputs": inputs,
        "steps_per_period": times.size,
    }
    return Result({"pair": pair, "chains": chains}, tuple(quantities), parameters)


def _quantities(name: str, data: xarray.Dataset) -> list[Quantity]:
    worst = int(np.argmax(data.upper.values))
    known = data.lower.values > 1e-6
    return [
        Quantity(f"{name}: certificate, largest of the period", data.upper.values[worst]),
        Quantity(
            f"{name}: upper over lower bound, largest",
            (data.upper / data.lower).values[known].max(),
        ),
        Quantity(
            f"{name}: largest distance seen over the bound", (data.seen / data.upper).values.max()
        ),
    ]


def _bracket(times: np.ndarray, inputs: int, seed: int, done: Callable[[], None]) -> xarray.Dataset:
    """Return both bounds and the largest distance of random inputs, (splitting, time)."""
    network = qm.chain([MEMRISTOR] * 2, COUPLING)
    circuits = {
        name: circuits_with(network, times, CircuitOptions("Z", "reset", name, None))
        for name in SPLITTINGS
    }
    exact = exact_maps(circuits["lie"].network, circuits["lie"].times)
    done()
    rows = []
    for place, item in enumerate(circuits.values()):
        difference = digital_maps(item) - exact
        lower, upper = half_diamond_norms(difference)
        rows.append((lower, upper, _largest_seen(difference, inputs, seed + place)))
        done()
    return xarray.Dataset(
        {
            name: (("splitting", "time"), np.array([row[k] for row in rows]))
            for k, name in enumerate(("lower", "upper", "seen"))
        },
        coords={"splitting": list(SPLITTINGS), "time": times / MEMRISTOR.period},
    )


def _largest_seen(differences: np.ndarray, inputs: int, seed: int) -> np.ndarray:
    """Return the largest trace distance of random pure inputs at each time.

    Every second one is entangled with a reference of the pair's size: a random 4×4 matrix of
    amplitudes; the others are random states of the pair itself.
    """
    random = np.random.default_rng(seed)
    basis = pauli_products(2)
    found = np.zeros(len(differences))
    for number in range(inputs):
        amplitudes = random.normal(size=(4, 4, 2)) @ [1, 1j]
        if number % 2:
            amplitudes[:, 1:] = 0
        amplitudes /= np.linalg.norm(amplitudes)
        # ρ = Σ_r,s A_kr A*_ls |k><l| ⊗ |r><s|; the map acts on the first factor.
        joint = np.einsum("kr,ls->rskl", amplitudes, amplitudes.conj())
        means = np.einsum("akl,rslk->rsa", basis, joint)
        after = np.einsum("tba,rsa,bkl->tkrls", differences, means, basis, optimize=True) / 4
        levels = np.linalg.eigvalsh(after.reshape(len(differences), 16, 16))
        found = np.maximum(found, 0.5 * np.abs(levels).sum(axis=1))
    return found


def _chains(sizes: tuple[int, ...], times: np.ndarray) -> xarray.Dataset:
    """Return the local bound of the first two memristors and what is seen of them."""
    bounds, seen = [], []
    for size in sizes:
        network = qm.chain([MEMRISTOR] * size, COUPLING)
        circuits = circuits_with(network, times, CircuitOptions("Z", "reset", "lie", None))
        bounds.append(light_cone_bounds(circuits, (0, 1)))
        digital, master = qm.exact_circuit(network, times), qm.master_equation(network, times)
        seen.append(trace_distance(digital.pair_state(0, 1), master.pair_state(0, 1)))
    return xarray.Dataset(
        {"bound": (("size", "time"), np.array(bounds)), "seen": (("size", "time"), np.array(seen))},
        coords={"size": list(sizes), "time": times / MEMRISTOR.period},
    )


def draw(result: Result) -> Figure:
    """Draw bounds and inputs against time, and the chains' looseness."""
    pair, chains = result.data["pair"], result.data["chains"]
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.0)
    for colour, mark, name in zip(PALETTE, "os^", SPLITTINGS, strict=False):
        data = pair.sel(splitting=name)
        axes[0].fill_between(data.time, data.lower, data.upper, color=colour, alpha=0.4)
        axes[0].plot(data.time, data.upper, color=colour, linewidth=1.0, label=f"{name}: bound")
        axes[0].plot(data.time, data.seen, mark, color=colour, markersize=2.5)
    axes[0].plot([], [], "o", color="#000000", markersize=2.5, label="largest of the inputs")
    axes[0].set_yscale("log")
    axes[0].set_ylim(bottom=5e-8)
    axes[0].set_xlabel("time t/T")
    axes[0].set_ylabel("trace distance to the master eq.")
    axes[0].legend(fontsize=7, loc="lower center", ncols=2)
    sizes = chains["size"].values
    for colour, size in zip(PALETTE, sizes, strict=False):
        data = chains.sel(size=size)
        axes[1].plot(data.time, data.bound, "-", color=colour, label=f"N = {int(size)}: bound")
        axes[1].plot(data.time, data.seen, ":", color=colour)
    axes[1].plot([], [], ":", color="#000000", label="seen, one input")
    axes[1].set_yscale("log")
    axes[1].set_ylim(bottom=2e-5)
    axes[1].set_xlabel("time t/T")
    axes[1].set_ylabel("the same, memristors 1 and 2 of N")
    axes[1].legend(fontsize=7, loc="lower center", ncols=2)
    letter_panels(axes.flat, ("pair, any input", "chains, lie, local errors"), loc="left")
    return figure
