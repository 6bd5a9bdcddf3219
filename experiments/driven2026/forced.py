"""What Figs. 11 to 15 share: one driven neuron seen in time, phase space, spectrum, exponents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray

from experiments.drawing import draw_spectrum
from experiments.results import Quantity
from qmemcircuit.neurons.dynamics.cycles import PeriodicOrbit, find_periodic_orbit
from qmemcircuit.neurons.dynamics.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from qmemcircuit.neurons.dynamics.maps import stroboscopic_map
from qmemcircuit.neurons.dynamics.spectra import Line, power_spectrum, spectral_lines
from qmemcircuit.neurons.dynamics.systems import integrate
from qmemcircuit.neurons.shuttle.neuron import VARIABLES, ShuttleNeuron


@dataclass(frozen=True, eq=False)
class Forced:
    """A settled driven neuron: `data` for drawing, and what was measured on it."""

    data: xarray.Dataset
    lines: tuple[Line, ...]
    spectrum: LyapunovSpectrum
    orbit: PeriodicOrbit


def study(
    neuron: ShuttleNeuron, *, quick: bool, transient: float = 4000.0, strobes: int = 600
) -> Forced:
    """Settle from rest, sample 2000 time units, and find the orbit of the drive's period."""
    system = neuron.system()
    length = 500.0 if quick else 2000.0
    step = 0.05
    periods = int(transient / system.period)
    start = integrate(system, [0.0, periods * system.period], neuron.ground_state)[-1]
    times = np.arange(0, length, step)
    states = integrate(system, times, start)
    spectrum = power_spectrum(times, states[:, 0])
    keep = spectrum.frequencies < 25
    fine = np.arange(0, 60, 0.02)
    path = integrate(system, fine, start)
    strobe = stroboscopic_map(system, start, count=strobes)
    lyapunov = lyapunov_spectrum(
        system, start, transient=200, duration=1500 if quick else 6000, blocks=12
    )
    data = xarray.Dataset(
        {
            **{name: ("time", path[:, k]) for k, name in enumerate(VARIABLES)},
            "density": ("frequency", spectrum.density[keep]),
            "strobe": (("period", "variable"), strobe),
        },
        coords={"time": fine, "frequency": spectrum.frequencies[keep]},
    )
    lines = spectral_lines(times, states[:, 0], count=6, threshold=1e-3)
    return Forced(data, lines, lyapunov, find_periodic_orbit(system, start))


LOCKED, TORUS, CHAOS, UNDECIDED = "locked, period 1", "two-torus", "chaos", "undecided"


def name_regime(found: Forced) -> str:
    """Return the regime that exponents and multipliers say together, or "undecided".

    An exponent counts as zero within three standard errors, or within ln(20)/T ≈ 3/T, what a
    distortion of the orbit's neighbourhood by a factor 20 leaves of it after the time T.
    """
    first, second = found.spectrum.exponents[:2]
    errors = found.spectrum.errors[:2]
    near_first, near_second = np.maximum(3 * errors, 3 / found.spectrum.duration)
    if first > near_first:
        return CHAOS
    if found.orbit.stable and first < -near_first:
        return LOCKED
    if not found.orbit.stable and abs(first) <= near_first and second < -near_second:
        return TORUS
    return UNDECIDED


def lyapunov_quantity(label: str, spectrum: LyapunovSpectrum) -> Quantity:
    """Return the spectrum with its errors as one row of the table."""
    shown = ", ".join(
        f"{value:.5f} ± {error:.5f}"
        for value, error in zip(spectrum.exponents, spectrum.errors, strict=True)
    )
    return Quantity(
        f"Lyapunov spectrum, {label}",
        shown,
        evidence=f"block averages over {spectrum.duration:g} time units",
    )


def orbit_quantity(label: str, orbit: PeriodicOrbit) -> Quantity:
    """Return the multipliers of the orbit of the drive's period."""
    shown = ", ".join(f"{value:.8f}" for value in orbit.multipliers).replace("j", "i")
    return Quantity(
        f"Floquet multipliers of the period-1 orbit, {label}",
        shown,
        evidence="all inside the unit circle: locked"
        if orbit.stable
        else f"largest modulus {abs(orbit.multipliers[0]):.8f} > 1: not locked",
    )


def draw_relative_spectrum(ax: Any, data: xarray.Dataset, marks: dict[str, float]) -> None:
    """Draw S(ω) normalised to its peak, with marked frequencies above."""
    density = data["density"] / data["density"].max()
    draw_spectrum(ax, {"frequency": data["frequency"], "density": density}, marks, lw=0.8)
    ax.set(ylabel=r"$S(\omega)/S_{\max}$", ylim=(1e-14, 3))
