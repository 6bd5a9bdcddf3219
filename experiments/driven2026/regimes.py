"""Regimes of the driven neuron over (V_Amp, ω): locked, torus, chaos, by the largest exponent.

New: the paper has no such map. At R_n = 5 (its value) and at R_n = 40, where chaos lives.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import xarray

from experiments.maps import sweep_map
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.lyapunov import lyapunov_spectrum
from qmemcircuit.neurons.shuttle import ShuttleNeuron, SinusoidalDrive
from qmemcircuit.plotting import make_figure

CASES = (
    ("R5", 5.0, 0.23, np.geomspace(0.01, 10.0, 24), np.linspace(2.0, 10.0, 24)),
    ("R40", 40.0, 7.5, np.linspace(1.0, 20.0, 16), np.linspace(0.5, 6.0, 16)),
)


def compute(settings: Settings) -> Result:
    """Measure the largest exponent on both grids."""
    duration, transient = (60.0, 60.0) if settings.quick else (400.0, 200.0)
    thin = 4 if settings.quick else 1
    data, quantities = {}, []
    for name, resistance, bias, amplitudes, frequencies in CASES:
        rows, columns = amplitudes[::thin], frequencies[::thin]
        measure = partial(
            _measure, resistance=resistance, bias=bias, transient=transient, duration=duration
        )
        found = sweep_map(measure, {"amplitude": rows, "frequency": columns}, settings)
        largest, errors = found["exponent"].values, found["error"].values
        # A regular orbit's exponent after time T is off by about ln(distortion)/T.
        resolution = 3 / duration
        chaotic = largest > resolution + 3 * errors
        locked = largest < -resolution
        data[name] = xarray.Dataset(
            {
                "exponent": (("amplitude", "frequency"), largest),
                "error": (("amplitude", "frequency"), errors),
                "regime": (
                    ("amplitude", "frequency"),
                    np.where(chaotic, 2, np.where(locked, 0, 1)),
                ),
            },
            coords={"amplitude": rows, "frequency": columns},
        )
        quantities += [
            Quantity(
                f"share of the map that is {label}, R_n = {resistance:g}",
                float(np.mean(part)),
                evidence=f"{rows.size} × {columns.size} points, V_DC = {bias:g}, {duration:g} time "
                f"units each; exponents within ±{resolution:.4f} of zero count as torus, so that "
                "weakly locked points near the boundary (driven2026.fig14) are among them",
            )
            for label, part in (
                ("locked", locked),
                ("torus or undecided", ~locked & ~chaotic),
                ("chaotic", chaotic),
            )
        ]
        quantities.append(
            Quantity(f"largest exponent on the map, R_n = {resistance:g}", float(largest.max()))
        )
    return Result(data, tuple(quantities))


def _measure(
    *,
    amplitude: float,
    frequency: float,
    resistance: float,
    bias: float,
    transient: float,
    duration: float,
) -> dict[str, float]:
    """Return the largest exponent and its error: one point of a map, independent of the others."""
    neuron = ShuttleNeuron(
        resistance=resistance,
        bias=bias,
        decoherence_rate=0.1,
        drive=SinusoidalDrive(amplitude, frequency),
    )
    found = lyapunov_spectrum(
        neuron.system(),
        neuron.ground_state + np.array([0.0, -0.02, 0.15, 0.0]),
        count=1,
        transient=transient,
        duration=duration,
        blocks=8,
        rtol=1e-7,
    )
    return {"exponent": float(found.exponents[0]), "error": float(found.errors[0])}


def draw(result: Result) -> Any:
    """Draw both maps; chaos is outlined."""
    figure, axes = make_figure(1, 2, width=9.0, height=3.5)
    for ax, (name, resistance, bias, *_) in zip(axes, CASES, strict=True):
        data = result.data[name]
        limit = 0.25
        mesh = ax.pcolormesh(
            data["frequency"],
            data["amplitude"],
            data["exponent"],
            cmap="PuOr_r",
            vmin=-limit,
            vmax=limit,
            rasterized=True,
        )
        rows, columns = np.nonzero(data["regime"].values == 2)
        ax.plot(
            data["frequency"].values[columns],
            data["amplitude"].values[rows],
            "k.",
            ms=3,
            label="chaos",
        )
        rows, columns = np.nonzero(data["regime"].values == 1)
        ax.plot(
            data["frequency"].values[columns],
            data["amplitude"].values[rows],
            "o",
            ms=2.5,
            color="0.35",
            markerfacecolor="none",
            markeredgewidth=0.5,
            label="torus or undecided",
        )
        if name == "R5":
            ax.set_yscale("log")
        ax.set(xlabel=r"drive frequency $\omega$", ylabel=r"amplitude $V_{\rm Amp}$")
        ax.set_title(rf"$R_n = {resistance:g}$, $V_{{DC}} = {bias:g}$, $\Gamma = 0.1$")
        ax.legend(loc="upper right", frameon=True, fontsize=7)
    figure.colorbar(mesh, ax=list(axes), label=r"largest exponent $\lambda_1$", extend="both")
    return figure
