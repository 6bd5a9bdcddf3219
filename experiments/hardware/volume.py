"""The memristor volume of seven processors: how many memristors they show, and for how long.

To see: the largest number of memristors whose voltages agree with theory and whose loops are all
open, at each number of periods (a); the volume falls as noise is added (b). What a perfect device
scores that runs other physics (c): 1000 shots do not see half as much dissipation again, 20,000 do;
σxσx gives nearly the voltages of σyσy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.hardware.params import TRANSPILER_SEED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.model.couplings import Native
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.volume import GAMMA0, STRENGTH

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEVICES = (
    "FakeNighthawk",
    "FakePittsburgh",
    "FakeMarrakesh",
    "FakeFez",
    "FakeTorino",
    "FakeBrisbane",
    "FakeManilaV2",
)
INJECTED = "FakeNighthawk"
FOLDS = (1, 3, 7, 15)
"""Every two-qubit gate so often: that much more of its noise is injected."""

SIZES, PERIODS = (2, 4, 8), (1, 2)
"""Fewer than `memristor_volume` tries by itself: 16 is the largest volume here."""

SHOTS = 1000
MANY_SHOTS = 20_000


def undamped(network: qm.Network) -> qm.Network:
    """Return the network with (nearly) no dissipation."""
    item = replace(network.memristors[0], rate=qm.SquidRate(1e-9))
    return qm.chain([item] * len(network.memristors), Native("y", STRENGTH))


def damped_more(network: qm.Network) -> qm.Network:
    """Return the network with half as much dissipation again."""
    item = replace(network.memristors[0], rate=qm.SquidRate(1.5 * GAMMA0))
    return qm.chain([item] * len(network.memristors), Native("y", STRENGTH))


def coupled_by(coupling: qm.Coupling) -> Callable[[qm.Network], qm.Network]:
    """Return how a network is coupled otherwise."""
    return lambda network: qm.chain(network.memristors, coupling)


PRETENDERS: dict[str, Callable[[qm.Network], qm.Network] | None] = {
    "the chain itself": lambda network: network,
    "no dissipation": undamped,
    "Γ half as large again": damped_more,
    "no coupling": coupled_by(Native("y", 1e-9)),
    "coupling twice as strong": coupled_by(Native("y", 2 * STRENGTH)),
    "σxσx instead of σyσy": coupled_by(Native("x", STRENGTH)),
    "σzσz instead of σyσy": coupled_by(Native("z", STRENGTH)),
    "the fully mixed state": None,
}
"""What a device without noise does instead of the chain; None: <σy> = 0."""

PRETENDED_SIZES, PRETENDED_PERIODS, REPEATS = (2, 4), (1, 2), 10


def pretending(
    other: Callable[[qm.Network], qm.Network] | None, shots: int, seed: int
) -> Callable[[qm.Network, np.ndarray, int], qm.Trajectory]:
    """Return a device that is perfect but for what it runs, with the errors of mitigated shots."""

    def measure(network: qm.Network, times: np.ndarray, steps: int) -> qm.Trajectory:
        truth = qm.master_equation(network, times)
        means = np.zeros_like(truth.voltage)
        scale = 0.5 * network.memristors[0].current_scale
        if other is not None:
            means = qm.master_equation(other(network), times).voltage / scale
        random = np.random.default_rng([seed, len(network.memristors), steps])
        # Noise factors 1 and 3, a straight line: weights 3/2 and −1/2.
        errors = scale * np.sqrt(2.5 * (1 - means**2).clip(1 / shots) / shots)
        voltage = scale * means + errors * random.normal(size=means.shape)
        rate = truth.variables["decay_rate"]
        covariance = np.einsum("tm,ts->mts", rate * errors**2, np.eye(times.size))
        return replace(
            truth,
            voltage=voltage,
            current=rate * voltage,
            voltage_error=errors,
            current_error=rate * errors,
            voltage_current_covariance=covariance,
        )

    return measure


def compute(settings: Settings) -> Result:
    """Climb the staircase of every device, and of one with more and more noise."""
    import xarray

    devices = ("FakeManilaV2",) if settings.quick else DEVICES
    sizes, periods = ((2,), (1,)) if settings.quick else (SIZES, PERIODS)
    injected = "FakeManilaV2" if settings.quick else INJECTED
    folds = FOLDS[:1] if settings.quick else FOLDS
    shots = settings.shots_or(SHOTS)
    advance = settings.stages(len(devices) + len(folds) + 1)
    found: dict[str, qm.MemristorVolume] = {}
    for name in devices:
        target = qm.device(fake_backend(name), seed=TRANSPILER_SEED)
        found[name] = qm.memristor_volume(target, shots=shots, sizes=sizes, periods=periods)
        advance()
    falling = []
    for fold in folds:
        target = qm.device(fake_backend(injected), seed=TRANSPILER_SEED, fold=fold)
        falling.append(qm.memristor_volume(target, shots=shots, sizes=sizes, periods=periods).value)
        advance()
    repeats = 1 if settings.quick else REPEATS
    pretended = np.array(
        [
            [
                [
                    qm.memristor_volume(
                        pretending(other, number, settings.seed + repeat),
                        sizes=PRETENDED_SIZES[:1] if settings.quick else PRETENDED_SIZES,
                        periods=PRETENDED_PERIODS,
                    ).value
                    for repeat in range(repeats)
                ]
                for number in (SHOTS, MANY_SHOTS)
            ]
            for other in PRETENDERS.values()
        ]
    )
    advance()
    stairs = [[item.staircase.get(number, 0) for number in periods] for item in found.values()]
    data = {
        "staircases": xarray.Dataset(
            {"memristors": (("device", "periods"), np.array(stairs))},
            coords={"device": list(found), "periods": list(periods)},
        ),
        "injected": xarray.Dataset(
            {"volume": ("fold", np.array(falling))}, coords={"fold": list(folds)}
        ),
        "pretenders": xarray.Dataset(
            {"volume": (("other", "shots", "repeat"), pretended)},
            coords={"other": list(PRETENDERS), "shots": [SHOTS, MANY_SHOTS]},
        ),
    }
    cells = {name: [str(cell) for cell in item.cells] for name, item in found.items()}
    quantities = [
        Quantity(f"volume of {name}", item.value, evidence="; ".join(map(str, item.cells)))
        for name, item in found.items()
    ]
    quantities += [
        Quantity(
            f"volume of {injected} with {fold} times the gates",
            value,
        )
        for fold, value in zip(folds, falling, strict=True)
    ]
    quantities += [
        Quantity(
            f"mean volume of a perfect device that runs {name}, {number} shots",
            row.mean(),
            evidence=f"{row.min()} to {row.max()} in {repeats} repetitions, of at most 8: two and "
            "four memristors, one and two periods",
        )
        for name, rows in zip(PRETENDERS, pretended, strict=True)
        for number, row in zip((SHOTS, MANY_SHOTS), rows, strict=True)
    ]
    parameters = {"shots": shots, "sizes": list(sizes), "cells": cells, "injected": injected}
    return Result(data, tuple(quantities), parameters)


def draw(result: Result) -> Figure:
    """Draw each device's staircase, and the volume against the injected error."""
    stairs, injected = result.data["staircases"], result.data["injected"]
    from matplotlib.ticker import MaxNLocator

    figure, grid = make_figure(2, 2, width=TWO_COLUMNS, height=5.2)
    axes = grid[0]
    below = figure.add_subplot(grid[1, 0].get_gridspec()[1, :])
    for unused in grid[1]:
        unused.remove()
    width = 0.8 / stairs.device.size
    tried = list(stairs.periods.values)
    for number, name in enumerate(stairs.device.values):
        places = np.arange(len(tried)) + width * (number - (stairs.device.size - 1) / 2)
        heights = stairs.memristors.sel(device=name, periods=tried)
        axes[0].bar(
            places, heights, width, color=PALETTE[number], label=str(name).removeprefix("Fake")
        )
    axes[0].set_xticks(np.arange(len(tried)), [str(p) for p in tried])
    axes[0].set(xlabel="periods", ylabel="largest chain passed")
    axes[0].legend(fontsize=7)
    axes[1].plot(injected.fold, injected.volume, "o-", color=PALETTE[0])
    axes[1].set(xlabel="two-qubit gates repeated so often", ylabel="volume (memristors × periods)")
    axes[1].set_ylim(bottom=-0.2)
    axes[1].yaxis.set_major_locator(MaxNLocator(integer=True))
    name = str(result.parameters["injected"]).removeprefix("Fake")
    _draw_pretenders(below, result.data["pretenders"])
    words = ["staircases", f"{name}, more noise", "perfect devices that run other physics"]
    letter_panels([*axes, below], words, loc="left")
    return figure


def _draw_pretenders(ax: Axes, pretended: xarray.Dataset) -> None:
    place = np.arange(pretended.other.size)
    for offset, colour, number in zip((-0.2, 0.2), PALETTE, pretended.shots.values, strict=False):
        ax.barh(
            place + offset,
            np.maximum(pretended.volume.sel(shots=number).mean("repeat"), 0.05),  # a 0 is seen
            0.38,
            color=colour,
            label=f"{number} shots",
        )
    ax.set_yticks(place, [str(name) for name in pretended.other.values], fontsize=7)
    ax.invert_yaxis()
    ax.set(xlabel="mean volume (of at most 8)")
    ax.legend(fontsize=7, loc="lower right")
