"""Fig. 8: stable voltage for V_n rising and falling, with the band of self-oscillation.

To see: a wide loop between the two folds, and the band of the oscillation on the lower branch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray

from experiments.drawing import draw_band
from experiments.driven2026.params import HOPF_BIASES, JUMP_VOLTAGE, JUMPS, NEURON
from experiments.ramps import jump_bias, ramp_loop
from experiments.results import Quantity, Result, Settings, judge
from qmemcircuit.neurons.shuttle.bifurcations import (
    CriticalPoint,
    find_folds,
    find_hopf_points,
    find_steady_states,
    static_bias,
    static_current,
)
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.results.trajectory import Trajectory


def compute(settings: Settings) -> Result:
    """Ramp V_n up and down, slowly."""
    rate = 0.02 if settings.quick else 0.001
    loops = ramp_loop(NEURON, 0.0, 5.0, rate=rate, points=20000)
    folds, hopf = find_folds(NEURON), find_hopf_points(NEURON)
    quantities = [
        Quantity.against(
            f"{way} jump of the ramp",
            jump_bias(loop),
            printed,
            digits=digits,
            source="Fig. 3's caption, '≈'",
            evidence=f"the fold at V_n = {fold.bias:.4f}, passed at |dV_n/dt| = {rate:g}",
        )
        # Printed as "4" and "2.8".
        for way, loop, fold, printed, digits in zip(
            ("upward", "downward"), loops, folds, JUMPS, (0, 1), strict=True
        )
    ]
    quantities += [
        Quantity.against(
            f"{name} end of the oscillation",
            point.bias,
            printed,
            digits=2,
            source="Sec. III",
            evidence="Hopf point from the closed condition",
        )
        for name, point, printed in zip(("lower", "upper"), hopf, HOPF_BIASES, strict=True)
    ]
    quantities += [_after_the_jump(loops[0], rate), _falling_at_four(folds[1])]
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
    return Result(data, tuple(quantities), {"rate": rate})


def _after_the_jump(rising: Trajectory, rate: float) -> Quantity:
    """Compare the voltage after the upward jump with the paper's, by the root and by the ramp."""
    jump = jump_bias(rising)
    inputs = rising.variables["input"]
    # Ten circuit times after the jump what is left of it is e⁻¹⁰.
    place = int(np.searchsorted(inputs, jump + 10 * rate))
    bias, reached = float(inputs[place]), float(rising.voltage[place, 0])
    upper = find_steady_states(replace(NEURON, bias=bias))[-1].voltage
    conductance = float(static_current(NEURON, upper)) / upper
    there = float(static_bias(NEURON, JUMP_VOLTAGE))
    same = judge(upper, JUMP_VOLTAGE, digits=1) == "agrees"
    # The ramp's voltage lags behind its input by one circuit time.
    confirmed = abs(reached - upper) < 2 * rate + 1e-3 and there < jump
    return Quantity(
        "voltage after the upward jump",
        upper,
        published=JUMP_VOLTAGE,
        source="Fig. 3's caption, '≈'",
        verdict="agrees" if same else "erratum" if confirmed else "differs",
        evidence=f"the upper steady state at V_n = {bias:.4f}, just above the jump; the ramp is at "
        f"{reached:.4f} there. The device conducts G = {conductance:.1g}, so that V is V_n, and "
        f"V = {JUMP_VOLTAGE:g} is the steady state of V_n = {there:.4f}",
    )


def _falling_at_four(lower: CriticalPoint) -> Quantity:
    """Look for the bifurcation near V_n = 4 that the paper's caption names for V_n falling."""
    biases = np.linspace(3.5, 4.5, 101)  # all that "≈ 4" can mean
    growth = [
        float(find_steady_states(replace(NEURON, bias=float(bias)))[-1].eigenvalues[0].real)
        for bias in biases
    ]
    stable = max(growth) < 0
    return Quantity(
        "stability of the upper state from V_n = 3.5 to 4.5, largest Re μ",
        max(growth),
        published="bifurcation at V_n ≈ 4 for V_n falling",
        source="Fig. 3's caption",
        # A bifurcation needs Re μ = 0; the same caption gives the true end as 2.8.
        verdict="erratum"
        if stable and judge(lower.bias, JUMPS[1], digits=1) == "agrees"
        else "differs"
        if stable
        else "agrees",
        evidence=f"{'negative throughout: nothing happens there' if stable else 'it changes sign'};"
        f" the falling branch ends at the lower fold, {lower.bias:.4f}; the same caption says "
        f"{JUMPS[1]:g}",
    )


def draw(result: Result) -> Any:
    """Draw both ways; the band's thickness is the oscillation."""
    figure, ax = make_figure(width=4.8, height=3.3)
    for name, colour in (("rising", PALETTE[0]), ("falling", PALETTE[1])):
        draw_band(ax, result.data[name], color=colour, lw=1.2, alpha=0.8, label=f"$V_n$ {name}")
    ax.set(xlim=(0, 5), ylim=(0, 5))
    ax.legend(loc="upper left")
    ax.set_title(f"$R_n = 5$, $|dV_n/dt| = {result.parameters['rate']:g}$")
    return figure
