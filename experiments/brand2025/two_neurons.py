"""An excitatory–inhibitory pair of quantized memristive neurons.

To see: the inhibitory neuron fires while the excitatory one drives it, and each of its spikes
delays the next excitatory one; grey is the same without inhibition.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.brand2025.params import NEURON, RECONSTRUCTION
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.integrate_and_fire import simulate_network
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAIR = (replace(NEURON, on_resistance=2.0), replace(NEURON, on_resistance=2.0, threshold=0.6))
_WEIGHTS = np.array([[0.0, -0.6], [0.35, 0.0]])
_SYNAPSE_TIME = 1.0


def _drive(_: float) -> np.ndarray:
    return np.array([0.6, 0.0])


def compute(settings: Settings) -> Result:
    """Run the pair with and without its synapses."""
    times = np.linspace(0, 60, 1201 if settings.quick else 6001)
    pair = simulate_network(
        _PAIR, times, _drive, weights=_WEIGHTS, synapse_time=_SYNAPSE_TIME, tolerance=1e-8
    )
    alone = simulate_network(
        _PAIR, times, _drive, weights=np.tril(_WEIGHTS), synapse_time=_SYNAPSE_TIME, tolerance=1e-8
    )
    rest = {"verdict": "inferred", "evidence": RECONSTRUCTION}
    first, second = pair.events["spikes_0"], pair.events["spikes_1"]
    per = first.size / second.size if second.size else float("inf")
    quantities = (
        *Quantity.each(
            {
                "spikes of the excitatory neuron, coupled": first.size,
                "spikes of the excitatory neuron, no inhibition": alone.events["spikes_0"].size,
                "spikes of the inhibitory neuron": second.size,
                "excitatory spikes for one inhibitory": per,
                "mean interspike interval, excitatory": np.diff(first).mean(),
                "the same without inhibition": np.diff(alone.events["spikes_0"]).mean(),
            },
            **rest,
        ),
        *(
            Quantity(f"excitatory spike {k + 1}", first[k], **rest)
            for k in range(min(3, first.size))
        ),
        Quantity("first inhibitory spike", second[0], **rest),
    )
    return Result(
        {"pair": pair, "alone": alone},
        quantities,
        {"weights": _WEIGHTS.tolist(), "synapse_time": _SYNAPSE_TIME},
    )


def draw(result: Result) -> Figure:
    """Draw both voltages and the raster with and without inhibition."""
    pair, alone = result.data["pair"], result.data["alone"]
    figure, axes = make_figure(3, 1, width=7.0, height=4.8, sharex=True)
    for axis, device, colour, name in (
        (axes[0], 0, PALETTE[0], "excitatory"),
        (axes[1], 1, PALETTE[1], "inhibitory"),
    ):
        axis.plot(pair.times, pair.voltage[:, device], color=colour, lw=0.9)
        axis.axhline(_PAIR[device].threshold, color="black", ls="--", lw=0.7)
        axis.set_ylabel(f"⟨V⟩ {name}")
    rows = [alone.events["spikes_0"], pair.events["spikes_1"], pair.events["spikes_0"]]
    axes[2].eventplot(rows, colors=["0.5", PALETTE[1], PALETTE[0]], linelengths=0.8)
    axes[2].set_yticks([0, 1, 2], ["E, no inhibition", "I", "E"])
    axes[2].set_xlabel("time (R$_{on}$C of Fig. spikes)")
    figure.suptitle("Reconstruction: parameters are ours; dashed: thresholds", fontsize=8)
    return figure
