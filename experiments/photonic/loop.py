"""Loops of the photonic memristor: closed form, circuits in closed loop, area against window.

To see: circuits in closed loop lie on the closed form; the area vanishes where the window is a
whole number of periods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.drawing import mark_pinch, mark_start
from experiments.results import Quantity, Result, Settings
from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.neurons.photonic.memristor import (
    PhotonicMemristor,
    run_photonic,
    simulate_photonic,
)
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = (0.1, 0.4, 0.9)
_CIRCUIT = 0.4


def _squared_sine(times: Any) -> Any:
    return np.sin(np.pi * times) ** 2


def compute(settings: Settings) -> Result:
    """Compute the loops, their areas, and the second period of a closed-loop circuit run."""
    import xarray

    times = np.linspace(0, 1, 2001)
    ratios = np.linspace(0.05, 2.5, 50 if settings.quick else 99)
    areas = np.empty(ratios.size)
    for k, ratio in enumerate(ratios):
        run = simulate_photonic(PhotonicMemristor(float(ratio)), times, _squared_sine, period=1.0)
        areas[k] = find_loops(run, normalise=None)[0].area
    closed = np.sin(np.pi * ratios) ** 2 / (8 * ratios)
    shots = settings.shots or (500 if settings.quick else 4000)
    digital_times = np.linspace(0, 2, 81)
    digital = run_photonic(
        PhotonicMemristor(_CIRCUIT),
        digital_times,
        _squared_sine,
        shots=shots,
        seed=settings.seed,
        period=1.0,
    )
    exact = simulate_photonic(PhotonicMemristor(_CIRCUIT), digital_times, _squared_sine, period=1.0)
    second = digital_times >= 1.0
    residual = (digital.current - exact.current)[second, 0] / digital.current_error[second, 0]
    loop = find_loops(digital, normalise=None)[1]
    expected = np.sin(np.pi * _CIRCUIT) ** 2 / (8 * _CIRCUIT)
    quantities = (
        *Quantity.each(
            {
                "largest |area − sin²(πx)/(8x)|, x = T/T0 from 0.05 to 2.5": np.abs(
                    areas - closed
                ).max(),
                "x of the largest loop": (ratios[np.argmax(areas)], np.diff(ratios)[0] / 2),
            }
        ),
        Quantity.against(
            f"area of the circuits' loop, x = {_CIRCUIT}, {shots} shots a point",
            loop.area,
            float(expected),
            holds=bool(loop.area_interval) and np.clip(expected, *loop.area_interval) == expected,
            error=None if loop.area_estimate.is_lopsided else loop.area_error,
            source="sin²(πx)/(8x)",
            evidence="the closed form lies in (agrees) or out of (differs) the 95 % interval "
            f"{loop.area_interval}; the feedback is of second order in the step",
        ),
        Quantity("RMS residual of n_out in standard errors", np.sqrt(np.mean(residual**2))),
    )
    data = {
        f"x_{ratio:g}".replace(".", "p"): simulate_photonic(
            PhotonicMemristor(ratio), times, _squared_sine, period=1.0
        )
        for ratio in _SHOWN
    }
    table = xarray.Dataset(
        {"area": ("x", areas), "closed_form": ("x", closed)}, coords={"x": ratios}
    )
    return Result(
        {**data, "digital": digital, "areas": table},
        quantities,
        {"shots": shots, "seed": settings.seed},
    )


def draw(result: Result) -> Figure:
    """Draw loops at three windows with the circuits' points, and the area against the window."""
    figure, (left, right) = make_figure(1, 2, width=7.0, height=3.2)
    for ratio, colour in zip(_SHOWN, (PALETTE[1], PALETTE[0], PALETTE[3]), strict=True):
        run = result.data[f"x_{ratio:g}".replace(".", "p")]
        left.plot(run.voltage[:, 0], run.current[:, 0], color=colour, label=f"$T/T_0$ = {ratio:g}")
    digital = result.data["digital"]
    second = digital.times >= 1.0
    left.errorbar(
        digital.voltage[second, 0],
        digital.current[second, 0],
        xerr=digital.voltage_error[second, 0],
        yerr=digital.current_error[second, 0],
        fmt="o",
        ms=2.5,
        elinewidth=0.6,
        color=PALETTE[0],
        label=f"circuits, {result.parameters['shots']} shots",
    )
    mark_start(left, 0, 0)
    mark_pinch(left, ms=9)
    left.set(xlabel=r"input photons $n_{in}$", ylabel=r"output photons $n_{out}$")
    left.legend(fontsize=7, loc="upper left")
    table = result.data["areas"]
    right.plot(table.x, table.closed_form, color="black", label=r"$\sin^2(\pi x)/(8x)$")
    right.plot(table.x[::2], table.area[::2], "o", color=PALETTE[0], label="area of the loop")
    right.set(xlabel="window $x = T/T_0$", ylabel="enclosed area")
    right.legend()
    return figure
