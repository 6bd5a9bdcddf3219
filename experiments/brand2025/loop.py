"""The pinched loop of the quantized memristor, whose lobes vanish with frequency.

To see: the loop is pinched at the origin, and its lobes close as the drive gets faster.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.brand2025.params import LOOP_CURRENT, RECONSTRUCTION, SILENT
from experiments.drawing import mark_pinch, mark_start
from experiments.results import Quantity, Result, Settings
from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.neurons.integrate_and_fire import simulate_moments
from qmemcircuit.plotting.figures import PALETTE, START_COLOUR, make_figure
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = (0.1, 0.2, 0.4)


def compute(settings: Settings) -> Result:
    """Drive the circuit at several frequencies and measure the lobes of its second period."""
    import xarray

    frequencies = np.geomspace(0.1, 12.8, 8 if settings.quick else 15)
    shown, areas, factors, pinches = {}, [], [], []
    for frequency in settings.track(frequencies):
        run = _run(float(frequency))
        loop = find_loops(run)[1]
        areas.append(sum(find_loops(run, normalise=None)[1].lobes))
        factors.append(loop.form_factor)
        pinches.append(math.nan if loop.pinch_distance is None else loop.pinch_distance)
        if any(math.isclose(frequency, value, rel_tol=1e-9) for value in _SHOWN):
            shown[f"run_{frequency:.3g}".replace(".", "p")] = run
    table = xarray.Dataset(
        {
            "area": ("frequency", np.array(areas)),
            "form_factor": ("frequency", np.array(factors)),
            "pinch_distance": ("frequency", np.array(pinches)),
        },
        coords={"frequency": frequencies},
    )
    slope = np.log(areas[-1] / areas[-2]) / np.log(frequencies[-1] / frequencies[-2])
    quantities = (
        Quantity.against(
            "largest distance of the pinch from the origin, |V| and |I| scaled to 1",
            np.nanmax(pinches),
            "the characteristic pinched hysteresis loop",
            source="abstract and summary",
            holds=np.nanmax(pinches) < 1e-3,
            evidence=RECONSTRUCTION,
        ),
        *(
            Quantity.inferred(f"lobe area at ω = {frequency:.3g}", area, RECONSTRUCTION)
            for frequency, area in list(zip(frequencies, areas, strict=True))[
                :: 2 if settings.quick else 4
            ]
        ),
        Quantity.inferred(
            "power of ω with which the area falls at the highest frequencies",
            slope,
            "V falls as 1/ω, I as 1/ω and the memory's swing as 1/ω², so the area as "
            "ω⁻⁴; " + RECONSTRUCTION,
        ),
    )
    return Result({"table": table, **shown}, quantities, {"current": LOOP_CURRENT})


def _run(frequency: float) -> Trajectory:
    from dataclasses import replace

    period = 2 * math.pi / frequency
    # The phase at which the circuit starts without a charging transient (at its mean resistance).
    phase = math.atan(frequency * SILENT.capacitance * float(SILENT.resistance(1.0)))
    times = np.linspace(0, 2 * period, 1601)
    run = simulate_moments(
        SILENT, times, lambda t: LOOP_CURRENT * math.sin(frequency * t + phase), tolerance=1e-10
    )
    return replace(run, periods=np.array([period]))


def draw(result: Result) -> Figure:
    """Draw loops at three frequencies and the lobe area against frequency."""
    figure, (left, right) = make_figure(1, 2, width=7.0, height=3.1)
    for frequency, colour in zip(_SHOWN, (PALETTE[0], PALETTE[1], PALETTE[3]), strict=True):
        run = result.data[f"run_{frequency:.3g}".replace(".", "p")]
        half = run.times.size // 2
        volts, amperes = run.voltage[half:, 0], run.current[half:, 0]
        left.plot(
            volts / np.abs(volts).max(),
            amperes / np.abs(amperes).max(),
            color=colour,
            label=f"ω = {frequency:g}",
        )
        left.plot(
            volts[0] / np.abs(volts).max(),
            amperes[0] / np.abs(amperes).max(),
            "o",
            ms=4,
            color=START_COLOUR,
        )
    mark_start(left, [], [], ms=4, label="start of the period")
    mark_pinch(left)
    left.set(xlabel="voltage ⟨V⟩/max", ylabel="memristor current/max")
    left.legend()
    table = result.data["table"]
    right.loglog(table.frequency, table.area, "o-", color=PALETTE[0], label="lobe area (V·I)")
    right.loglog(table.frequency, table.form_factor, "s-", color=PALETTE[1], label="form factor")
    right.set(xlabel="drive frequency ω", ylabel="lobe area, form factor")
    right.legend()
    figure.suptitle("Reconstruction: parameters are ours (units $C = R_{on} = 1$)", fontsize=8)
    return figure
