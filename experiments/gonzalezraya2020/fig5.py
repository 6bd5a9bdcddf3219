"""Fig. 5: membrane voltage, its loop against the input current, and the two conductances.

To see: the loop of voltage against current is open but not pinched (b); potassium's conductance
rises and stays (c), sodium's spikes and relaxes (d).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.gonzalezraya2020.cycles import (
    MATCHINGS,
    conductance_quantities,
    run_matchings,
    voltage_quantities,
)
from experiments.gonzalezraya2020.params import ADAPTATION, INFERRED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.hodgkin_huxley.area_maps import map_loop_area
from qmemcircuit.plotting.figures import PALETTE, START_COLOUR, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Run both matchings over several periods and summarise them."""
    cycles = 16 if settings.quick else 40
    runs = run_matchings(ADAPTATION, cycles=cycles, points=400 if settings.quick else 2000)
    paper = runs["paper"]
    voltage = paper.voltage[:, 0]
    last = paper.times >= (cycles - 1) * ADAPTATION.period
    at_zero = np.abs(voltage[-1])  # the last sample ends a period: I = 0
    areas = [
        float(
            map_loop_area(
                replace(ADAPTATION, matching=matching),
                {"current_amplitude": [ADAPTATION.current_amplitude]},
                settle_periods=cycles,
                points=800,
            )[0]
        )
        for matching in MATCHINGS
    ]
    potassium = paper.variables["potassium_conductance"]
    sodium = paper.variables["sodium_conductance"]
    quantities = [
        Quantity.against(
            "|V| at I = 0 over the largest |V|, last cycle (0 would be pinched)",
            at_zero / np.abs(voltage[last]).max(),
            "a loop that is not pinched",
            source="Sec. 4.1, Fig. 5b",
            holds=at_zero > 0.01 * np.abs(voltage[last]).max(),
        ),
        *(
            Quantity.inferred(
                f"area of the settled V–I loop, {matching} matching", area, INFERRED, unit="mV mA"
            )
            for matching, area in zip(MATCHINGS, areas, strict=True)
        ),
        Quantity.against(
            "largest g_K over g_K(0)",
            potassium.max() / potassium[0],
            "rises and adapts",
            source="Sec. 4.1, Fig. 5c",
            holds=potassium.max() > max(potassium[0], potassium[-1]),
        ),
        Quantity.against(
            "largest g_Na over its last value",
            sodium.max() / sodium[-1],
            "a clear spike and relaxation",
            source="Sec. 4.1, Fig. 5d",
            holds=sodium.max() > 2 * sodium[-1],
        ),
        *voltage_quantities(runs, verdict="inferred", evidence=INFERRED),
        *conductance_quantities(runs, verdict="inferred", evidence=INFERRED),
    ]
    data = {matching: runs[matching] for matching in MATCHINGS}
    return Result(data, tuple(quantities), {"neuron": asdict(ADAPTATION), "cycles": cycles})


def draw(result: Result) -> Figure:
    """Draw the four panels with both matchings."""
    figure, axes = make_figure(2, 2, width=7.0, height=5.2)
    (voltage, loop), (potassium, sodium) = axes
    for matching, colour, width in zip(MATCHINGS, PALETTE, (2.2, 0.9), strict=False):
        run = result.data[matching]
        label = "θ of Eq. 21" if matching == "paper" else "θ = 1 (Kirchhoff)"
        early = run.times <= 12 * run.periods[0]
        voltage.plot(run.times[early], run.voltage[early, 0], color=colour, label=label)
        loop.plot(run.current[early, 0], run.voltage[early, 0], color=colour, lw=0.8)
        potassium.plot(
            run.times, 1e3 * run.variables["potassium_conductance"], color=colour, lw=width
        )
        sodium.plot(run.times, 1e3 * run.variables["sodium_conductance"], color=colour, lw=width)
        loop.plot(run.current[0, 0], run.voltage[0, 0], "o", ms=5, color=START_COLOUR, zorder=3)
    voltage.legend(loc="lower right")
    voltage.set(xlabel="time t", ylabel="membrane voltage (mV)", title="(a)")
    voltage.set_ylim(bottom=-27)
    loop.set(xlabel="input current (mA)", ylabel="membrane voltage (mV)", title="(b)")
    potassium.set(xlabel="time t", ylabel="$g_K$ (mS)", title="(c)")
    sodium.set(xlabel="time t", ylabel="$g_{Na}$ (mS)", title="(d)")
    figure.suptitle(
        "Parameters inferred (the paper prints none); time in the unit of 1/Ω and of the rates",
        fontsize=8,
    )
    return figure
