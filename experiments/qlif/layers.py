"""A feed-forward network of circuit neurons, driven by a spike file: raster plots.

To see: circuits fire where the closed form does, except for one hidden neuron, whose population
comes closer to the threshold than the shots can tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.qlif import CircuitNeuron, run_layers, simulate_layers
from qmemcircuit.neurons.spike_trains import bin_spikes, read_spikes
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.plotting.spikes import plot_raster

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEPS = 32
_HIDDEN = [CircuitNeuron(threshold=0.75, relaxation_time=t1) for t1 in (2.0, 4.0, 8.0, 16.0)]
_OUTPUT = [CircuitNeuron(threshold=0.6, relaxation_time=8.0) for _ in range(2)]
_IN = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.6, 0.6, 0.6], [1.0, 0.0, 0.0]])
_OUT = np.array([[1.5, 0.0, 1.0, 0.5], [0.0, 1.5, 1.0, 0.0]])


def compute(settings: Settings) -> Result:
    """Run the network in closed form and as circuits, several times over."""
    spikes = bin_spikes(read_spikes(Path(__file__).with_name("spikes.csv")), step=1.0, count=_STEPS)
    layers = [(_HIDDEN, _IN), (_OUTPUT, _OUT)]
    closed = simulate_layers(layers, spikes)
    repeats = 4 if settings.quick else 20
    shots = settings.shots or 1000
    runs = []
    for repeat in settings.track(range(repeats)):
        runs.append(run_layers(layers, spikes, shots=shots, seed=settings.seed * 1000 + repeat))
    count = closed.device_count
    wanted = np.array([closed.events[f"neuron_{i}"].size for i in range(count)])
    found = np.array([[run.events[f"neuron_{i}"].size for i in range(count)] for run in runs])
    same = [
        all(
            np.array_equal(run.events[f"neuron_{i}"], closed.events[f"neuron_{i}"])
            for i in range(count)
        )
        for run in runs
    ]
    share = float(np.mean(same))
    quantities = (
        *(Quantity(f"spikes of neuron {i}, closed form", wanted[i]) for i in range(count)),
        *(
            Quantity(
                f"spikes of neuron {i}, circuits, mean of {repeats} runs",
                found[:, i].mean(),
                float(found[:, i].std(ddof=1) / np.sqrt(repeats)) or None,
            )
            for i in range(count)
        ),
        Quantity(
            f"share of runs with every spike as in closed form, {shots} shots",
            share,
            np.sqrt((share * (1 - share) + 0.25 / repeats) / repeats),
        ),
    )
    return Result({"closed": closed, "circuits": runs[0]}, quantities, {"shots": shots})


def draw(result: Result) -> Figure:
    """Draw the raster of inputs, hidden and output neurons, and two populations."""
    closed, circuits = result.data["closed"], result.data["circuits"]
    figure, (top, bottom) = make_figure(
        2, 1, width=7.0, height=4.8, sharex=True, height_ratios=(1.6, 1)
    )
    labels = {f"input_{j}": f"input {j}" for j in range(_IN.shape[1])}
    for i in range(closed.device_count):
        hidden = i < len(_HIDDEN)
        labels[f"neuron_{i}"] = f"hidden {i}" if hidden else f"output {i - len(_HIDDEN)}"
    plot_raster(closed, reference=circuits, labels=labels, ax=top)
    top.plot([], [], "ko", mfc="none", ms=6, label=f"circuits, {result.parameters['shots']} shots")
    top.plot([], [], "|", color=PALETTE[0], ms=10, mew=1.6, label="closed form")
    top.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    top.set_xlabel("")
    for i, colour in ((2, PALETTE[0]), (4, PALETTE[1])):
        name = labels[f"neuron_{i}"]
        values = closed.voltage[:, i]
        bottom.step(closed.times, values, where="mid", color=colour, label=f"{name}, closed form")
        bottom.errorbar(
            circuits.times,
            circuits.voltage[:, i],
            yerr=circuits.voltage_error[:, i],
            fmt="o",
            ms=1.5,
            elinewidth=1.2,
            color=colour,
            label=f"{name}, circuits ± standard error",
        )
    bottom.set(xlabel="time (steps)", ylabel="population α", ylim=(0, 1.05))
    bottom.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), fontsize=7)
    return figure
