"""Fig. 8: stable voltage for V_n rising and falling, with the band of self-oscillation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray

from experiments.driven2026.params import HOPF_BIASES, JUMP_VOLTAGE, JUMPS, NEURON
from experiments.neuron_drawing import jump_bias, ramp_loop
from experiments.results import Quantity, Result, Settings, judge
from qmemcircuit.neurons.shuttle_bifurcations import (
    find_folds,
    find_hopf_points,
    find_steady_states,
)
from qmemcircuit.plotting import PALETTE, make_figure


def compute(settings: Settings) -> Result:
    """Ramp V_n up and down, slowly."""
    rate = 0.02 if settings.quick else 0.001
    settings.progress(0, 1)
    loops = ramp_loop(NEURON, 0.0, 5.0, rate=rate, points=20000)
    folds, hopf = find_folds(NEURON), find_hopf_points(NEURON)
    quantities = [
        Quantity(
            f"{way} jump of the ramp",
            jump_bias(loop),
            published=printed,
            source="Fig. 3's caption, '≈'",
            verdict=judge(jump_bias(loop), printed, digits=digits),
            evidence=f"the fold at V_n = {fold.bias:.4f}, passed at |dV_n/dt| = {rate:g}",
        )
        # Printed as "4" and "2.8".
        for way, loop, fold, printed, digits in zip(
            ("upward", "downward"), loops, folds, JUMPS, (0, 1), strict=True
        )
    ]
    quantities += [
        Quantity(
            f"{name} end of the oscillation",
            point.bias,
            published=printed,
            source="Sec. III",
            verdict=judge(point.bias, printed, digits=2),
            evidence="Hopf point from the closed condition",
        )
        for name, point, printed in zip(("lower", "upper"), hopf, HOPF_BIASES, strict=True)
    ]
    at_fold = find_steady_states(replace(NEURON, bias=folds[0].bias - 1e-6))
    quantities += [
        Quantity(
            "voltage after the upward jump",
            at_fold[-1].voltage,
            published=JUMP_VOLTAGE,
            source="Fig. 3's caption, '≈'",
            verdict="erratum",
            evidence="the upper steady state at the fold; the device hardly conducts there, so "
            "that V is V_n. 3.5 is reached only on the way down",
        ),
        Quantity(
            "stability of the upper state at V_n = 4, largest Re μ",
            float(find_steady_states(replace(NEURON, bias=4.0))[-1].eigenvalues[0].real),
            published="bifurcation at V_n ≈ 4 for V_n falling",
            source="Fig. 3's caption",
            verdict="erratum",
            evidence="negative: nothing happens there; the falling branch ends at the lower fold, "
            "2.7985, as the same caption says",
        ),
    ]
    data = {}
    for name, loop in zip(("rising", "falling"), loops, strict=True):
        parts = np.array_split(np.arange(loop.times.size), 500)
        voltage, inputs = loop.voltage[:, 0], loop.variables["input"]
        data[name] = xarray.Dataset(
            {
                "minimum": ("bias", [voltage[part].min() for part in parts]),
                "maximum": ("bias", [voltage[part].max() for part in parts]),
            },
            coords={"bias": [inputs[part].mean() for part in parts]},
        )
    settings.progress(1, 1)
    return Result(data, tuple(quantities), {"rate": rate})


def draw(result: Result) -> Any:
    """Draw both ways; the band's thickness is the oscillation."""
    figure, ax = make_figure(width=4.8, height=3.3)
    for name, colour in (("rising", PALETTE[0]), ("falling", PALETTE[1])):
        band = result.data[name]
        ax.fill_between(
            band["bias"],
            band["minimum"],
            band["maximum"],
            color=colour,
            lw=1.2,
            alpha=0.8,
            label=f"$V_n$ {name}",
        )
    ax.set(xlabel="input $V_n$", ylabel="voltage $V$", xlim=(0, 5), ylim=(0, 5))
    ax.legend(loc="upper left")
    ax.set_title(f"$R_n = 5$, $|dV_n/dt| = {result.parameters['rate']:g}$")
    return figure
