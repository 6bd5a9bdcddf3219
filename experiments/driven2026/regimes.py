"""Regimes of the driven neuron over (V_Amp, ω): locked, torus, chaos, by the largest exponent.

To see: at the paper's R_n the map has locking (blank) and tori (rings) only; at R_n = 40 there is
an island of chaos (dots).

New: the paper has no such map. At R_n = 5 (its value) and at R_n = 40, where chaos lives. Where
the exponent is too near to zero to tell, the multipliers of the drive's own period-1 orbit decide.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray

from experiments.drawing import TWO_COLUMNS
from experiments.maps import sweep_map
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.cycles import ConvergenceError, find_periodic_orbit
from qmemcircuit.neurons.dynamics.lyapunov import lyapunov_spectrum
from qmemcircuit.neurons.dynamics.systems import IntegrationError
from qmemcircuit.neurons.shuttle.bifurcations import find_steady_states
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive
from qmemcircuit.plotting.figures import make_figure

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
        # A regular orbit's exponent after time T is off by about ln(distortion)/T.
        resolution = 3 / duration
        measure = partial(
            _measure,
            resistance=resistance,
            bias=bias,
            transient=transient,
            duration=duration,
            resolution=resolution,
        )
        found = sweep_map(measure, {"amplitude": rows, "frequency": columns}, settings)
        largest, errors = found["exponent"].values, found["error"].values
        chaotic = largest > resolution + 3 * errors
        # The stable orbit's own rate must be the exponent seen, or the run was elsewhere.
        rates = found["orbit_rate"].values
        weakly = (rates < 0) & (np.abs(rates - largest) < resolution)
        locked = (largest < -resolution) | weakly
        rescued = int(weakly.sum())
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
                np.mean(part),
                evidence=f"{rows.size} × {columns.size} points, V_DC = {bias:g}, {duration:g} time "
                f"units each; of the exponents within ±{resolution:.4f} of zero, {rescued} "
                "count as locked because the drive's period-1 orbit is stable; weak locking at "
                "other ratios than 1:1 stays undecided",
            )
            for label, part in (
                ("locked", locked),
                ("torus or undecided", ~locked & ~chaotic),
                ("chaotic", chaotic),
            )
        ]
        quantities.append(
            Quantity(f"largest exponent on the map, R_n = {resistance:g}", largest.max())
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
    resolution: float,
) -> dict[str, float]:
    """Return the largest exponent, its error and, where it is near zero, the orbit's own rate."""
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
    largest = float(found.exponents[0])
    rate = _orbit_rate(neuron, found.state) if abs(largest) <= resolution else np.nan
    return {"exponent": largest, "error": float(found.errors[0]), "orbit_rate": rate}


def _orbit_rate(neuron: ShuttleNeuron, state: np.ndarray[Any, Any]) -> float:
    """Return ln|largest multiplier|/period of the orbit of the drive's period, NaN if not found.

    Sought by Newton's method from the lowest equilibrium, then from the state of the run.
    """
    system = neuron.system()
    rest = neuron.ground_state
    rest[0] = find_steady_states(replace(neuron, drive=None))[0].voltage
    rates = []
    for start in (rest, state):
        try:
            orbit = find_periodic_orbit(system, start)
        except (ConvergenceError, IntegrationError, np.linalg.LinAlgError):
            continue
        rates.append(float(np.log(np.abs(orbit.multipliers[0])) / orbit.period))
    return min(rates, default=np.nan)


def draw(result: Result) -> Any:
    """Draw both maps; chaos and what is not locked are marked."""
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.4)
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
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=2, title="no mark: locked", fontsize=7
    )
    figure.colorbar(mesh, ax=list(axes), label=r"largest exponent $\lambda_1$", extend="both")
    return figure
