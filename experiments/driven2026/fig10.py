"""Fig. 10: regions of self-oscillation in (V_n, R_n) for Z_T = 0.3 and 0.6, with the span.

To see: the neuron oscillates inside the Hopf curve and nowhere else, and more polarisation makes
the region larger.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray

from experiments.drawing import TWO_COLUMNS, add_span_bar, draw_span_map, letter_panels
from experiments.driven2026.params import NEURON, REGIONS
from experiments.maps import sweep_map
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.systems import integrate
from qmemcircuit.neurons.shuttle.bifurcations import (
    find_hopf_onset,
    find_hopf_points,
    find_steady_states,
)
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron
from qmemcircuit.plotting.figures import make_figure

LIMITS = (8.0, 15.0)


def compute(settings: Settings) -> Result:
    """Integrate a grid from beside the lowest equilibrium and trace the Hopf curve."""
    size = 10 if settings.quick else 30
    duration = 300.0 if settings.quick else 1200.0
    biases = (np.arange(size) + 0.5) / size * LIMITS[0]
    resistances = (np.arange(size) + 0.5) / size * LIMITS[1]
    spans = np.zeros((len(REGIONS), size, size))
    edges = np.full((len(REGIONS), 60, 3), np.nan)
    quantities = []
    for number, z in enumerate(REGIONS):
        neuron = replace(NEURON, thermal_polarisation=z)
        measure = partial(_span, neuron, duration=duration)
        found = sweep_map(measure, {"resistance": resistances, "bias": biases}, settings)
        spans[number] = found["value"].values
        onset = find_hopf_onset(neuron)
        edges[number, 0] = onset.resistance, onset.bias, onset.bias
        for k, fraction in enumerate(np.linspace(0, 1, 60)[1:] ** 2, start=1):
            resistance = onset.resistance + (LIMITS[1] - onset.resistance) * fraction
            points = find_hopf_points(replace(neuron, resistance=float(resistance)))
            edges[number, k] = resistance, points[0].bias, points[-1].bias
        quantities += [
            Quantity(f"smallest R_n of the region, Z_T = {z:g}", onset.resistance),
            Quantity(
                f"largest span in the window, Z_T = {z:g}",
                spans[number].max(),
                evidence="on the grid",
            ),
        ]
    dataset = xarray.Dataset(
        {
            "span": (("polarisation", "resistance", "bias"), spans),
            "edge": (("polarisation", "point", "part"), edges),
        },
        coords={"polarisation": list(REGIONS), "resistance": resistances, "bias": biases},
    )
    return Result({"regions": dataset}, tuple(quantities))


def _span(neuron: ShuttleNeuron, *, resistance: float, bias: float, duration: float) -> float:
    """Return the span of V that is left after `duration` from beside the lowest equilibrium."""
    changed = replace(neuron, resistance=resistance, bias=bias)
    z = neuron.thermal_polarisation
    times = np.concatenate([[0.0], duration + np.linspace(0, 2, 100)])
    start = [find_steady_states(changed)[0].voltage, 0.999 * z, 0.02 * z, 0.0]
    return float(np.ptp(integrate(changed.system(), times, start, rtol=1e-8)[1:, 0]))


def draw(result: Result) -> Any:
    """Draw both heat maps with the exact boundary."""
    data = result.data["regions"]
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.0)
    for number, ax in enumerate(axes):
        spans = data["span"].values[number]
        largest = float(data["span"].max())
        mesh = draw_span_map(
            ax, data["bias"], data["resistance"], spans, above=1e-3, largest=largest
        )
        resistance, lower, upper = data["edge"].values[number].T
        ax.plot(lower, resistance, color="black", label="Hopf, closed condition")
        ax.plot(upper, resistance, color="black")
        ax.set(xlabel="input $V_n$", ylabel="resistance $R_n$", xlim=(0, LIMITS[0]))
        ax.set_ylim(0, LIMITS[1])
    letter_panels(axes, (f"$Z_T = {z:g}$" for z in REGIONS))
    axes[0].legend(loc="lower right")
    add_span_bar(axes, mesh)
    return figure
