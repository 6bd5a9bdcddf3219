"""Two photonic memristors in series: the second sees a memory of a memory.

To see: the second device sees the first one's output, so that the pair has a loop of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.drawing import mark_pinch, mark_start
from experiments.results import Quantity, Result, Settings
from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.neurons.photonic.memristor import PhotonicMemristor, simulate_cascade
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WINDOWS = (0.4, 0.4)


def compute(settings: Settings) -> Result:
    """Run the pair over three periods; loop areas of each device and of the pair."""
    from dataclasses import replace

    times = np.linspace(0, 4, 1601 if settings.quick else 8001)
    photons = np.sin(np.pi * times) ** 2
    run = simulate_cascade([PhotonicMemristor(w) for w in _WINDOWS], times, photons, period=1.0)
    pair = replace(
        run,
        voltage=run.voltage[:, :1],
        current=run.current[:, 1:],
        periods=run.periods[:1],
        variables={},
        units={},  # of a reflectivity that is left out
    )
    areas = [find_loops(run, device, normalise=None)[-1].area for device in (0, 1)]
    whole = find_loops(pair, normalise=None)[-1]
    closed = np.sin(np.pi * _WINDOWS[0]) ** 2 / (8 * _WINDOWS[0])
    quantities = Quantity.each(
        {
            "settled loop area, first device": areas[0],
            "its closed form sin²(πx)/(8x)": closed,
            "settled loop area, second device (its own n_in)": areas[1],
            "settled loop area of the pair, n_out,2 against n_in,1": whole.area,
            "lobes of the pair's loop": len(whole.lobes),
        }
    )
    return Result({"cascade": run}, quantities, {"windows": list(_WINDOWS)})


def draw(result: Result) -> Figure:
    """Draw the loops of both devices and of the pair, and both reflectivities."""
    run = result.data["cascade"]
    figure, (left, right) = make_figure(1, 2, width=7.0, height=3.1)
    last = run.times >= run.times[-1] - 1
    for x, y, colour, label in (
        (0, 0, PALETTE[0], "device 1"),
        (1, 1, PALETTE[1], "device 2"),
        (0, 1, PALETTE[3], "the pair"),
    ):
        left.plot(run.voltage[last, x], run.current[last, y], color=colour, label=label)
    mark_start(left, 0, 0)
    mark_pinch(left, ms=9)
    left.set(xlabel=r"input photons $n_{in}$", ylabel=r"output photons $n_{out}$")
    left.legend()
    for device in (0, 1):
        right.plot(
            run.times,
            run.variables["reflectivity"][:, device],
            color=PALETTE[device],
            label=f"device {device + 1}",
        )
    right.set(xlabel="time $t/T_0$", ylabel="reflectivity R", ylim=(0, 1.2))
    right.legend()
    return figure
