"""The memristor volume of seven processors: how many memristors they show, and for how long.

To see: the largest number of memristors whose voltages agree with theory and whose loops are all
open, at each number of periods; the volume falls as errors of the resets are added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.hardware.params import TRANSPILER_SEED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
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


def compute(settings: Settings) -> Result:
    """Climb the staircase of every device, and of one with more and more noise."""
    import xarray

    devices = ("FakeManilaV2",) if settings.quick else DEVICES
    sizes, periods = ((2,), (1,)) if settings.quick else (SIZES, PERIODS)
    injected = "FakeManilaV2" if settings.quick else INJECTED
    folds = FOLDS[:1] if settings.quick else FOLDS
    shots = settings.shots_or(SHOTS)
    advance = settings.stages(len(devices) + len(folds))
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
    stairs = [[item.staircase.get(number, 0) for number in periods] for item in found.values()]
    data = {
        "staircases": xarray.Dataset(
            {"memristors": (("device", "periods"), np.array(stairs))},
            coords={"device": list(found), "periods": list(periods)},
        ),
        "injected": xarray.Dataset(
            {"volume": ("fold", np.array(falling))}, coords={"fold": list(folds)}
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
    parameters = {"shots": shots, "sizes": list(sizes), "cells": cells, "injected": injected}
    return Result(data, tuple(quantities), parameters)


def draw(result: Result) -> Figure:
    """Draw each device's staircase, and the volume against the injected error."""
    stairs, injected = result.data["staircases"], result.data["injected"]
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.0)
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
    name = str(result.parameters["injected"]).removeprefix("Fake")
    letter_panels(axes, ["staircases", f"{name}, more and more noise"], loc="left")
    return figure
