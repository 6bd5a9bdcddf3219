"""Spike trains with a refractory period, adapting to silence as the memory saturates.

To see: the neuron fires ever more slowly as its memory charges, and falls silent where the memory
is full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.brand2025.params import CURRENT, NEURON, RECONSTRUCTION
from experiments.drawing import TWO_COLUMNS
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.integrate_and_fire import simulate_moments
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Run the deterministic neuron and several stochastic ones."""
    times = np.linspace(0, 80, 1601 if settings.quick else 8001)
    exact = simulate_moments(NEURON, times, CURRENT)
    runs = 10 if settings.quick else 40
    noisy = {}
    for k in range(runs):
        run = simulate_moments(
            NEURON,
            times[:: times.size - 1],
            CURRENT,
            threshold="stochastic",
            seed=settings.seed * 1000 + k,
            tolerance=1e-7,
            solver="compiled",
        )
        noisy[f"run_{k}"] = run.events["spikes"]
    from dataclasses import replace

    spikes = exact.events["spikes"]
    intervals = np.diff(spikes)
    counts = np.array([found.size for found in noisy.values()])
    rest = {"verdict": "inferred", "evidence": RECONSTRUCTION}
    quantities = (
        Quantity.against(
            "shortest interspike interval over the refractory time",
            intervals.min() / NEURON.refractory_time,
            "thresholding and refractory mechanisms, spike-like outputs",
            source="summary",
            holds=intervals.min() >= NEURON.refractory_time,
            evidence=RECONSTRUCTION,
        ),
        Quantity("number of spikes before silence", spikes.size, **rest),
        *(Quantity(f"spike {k + 1}", spikes[k], **rest) for k in (0, 1, 2)),
        *Quantity.each(
            {
                "last spike": spikes[-1],
                "first interspike interval": intervals[0],
                "last interspike interval": intervals[-1],
                "spikes, stochastic threshold, mean of the runs": (
                    counts.mean(),
                    counts.std(ddof=1) / np.sqrt(runs),
                ),
                "smallest uncertainty determinant over ħ²/4": exact.provenance["uncertainty"][
                    "smallest"
                ],
            },
            **rest,
        ),
    )
    data = {"exact": replace(exact, events={**exact.events, **noisy})}
    return Result(data, quantities, {"current": CURRENT, "runs": runs})


def draw(result: Result) -> Figure:
    """Draw voltage, memory, interspike intervals and the raster."""
    run = result.data["exact"]
    spikes = run.events["spikes"]
    figure, axes = make_figure(2, 2, width=TWO_COLUMNS, height=4.6)
    (volts, memory), (interval, raster) = axes
    volts.plot(run.times, run.voltage[:, 0], color=PALETTE[0], lw=0.8)
    volts.axhline(NEURON.threshold, color="black", ls="--", lw=0.8)
    volts.text(run.times[-1], 0.82, "threshold", ha="right", va="bottom", fontsize=8)
    volts.set(xlabel="time (R$_{on}$C)", ylabel="voltage ⟨V⟩", ylim=(0, 0.95))
    memory.plot(run.times, run.variables["charge"][:, 0], color=PALETTE[1])
    memory.axhline(NEURON.charge_range, color="black", ls="--", lw=0.8)
    memory.text(0, 1.97, "saturated", va="top", fontsize=8)
    memory.set(xlabel="time (R$_{on}$C)", ylabel="memory charge q")
    interval.plot(spikes[1:], np.diff(spikes), "o-", color=PALETTE[2])
    interval.set(xlabel="spike time", ylabel="interspike interval")
    noisy = [times for name, times in run.events.items() if name.startswith("run_")]
    raster.eventplot(noisy, colors=PALETTE[0], linewidths=0.6)
    raster.eventplot([spikes], colors=PALETTE[1], lineoffsets=[-2], linelengths=2.5)
    raster.set(
        xlabel="time (R$_{on}$C)",
        ylabel="run (below: deterministic)",
        ylim=(-4, len(noisy)),
    )
    figure.suptitle("Reconstruction: parameters are ours", fontsize=8)
    return figure
