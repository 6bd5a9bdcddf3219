"""Cost of a 100 × 100 regime map of the driven neuron, 500 time units a point, in one run.

Our goals are for two cores: 3 minutes for the spans, 10 for the largest Lyapunov exponent.
A 10 × 10 grid of the same (V_Amp, ω) is timed on one core, and the whole map extrapolated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from qmemcircuit.neurons.dynamics.lyapunov import lyapunov_spectrum
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, integrate
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive

NEURON = ShuttleNeuron(resistance=5, bias=0.23, decoherence_rate=0.1)
START = np.array([0.0, 0.98, 0.15, 0.0])
DURATION = 500.0


def span(system: DynamicalSystem) -> float:
    """Return max V − min V over the last 100 time units."""
    times = np.concatenate([[0.0], np.arange(400.0, DURATION, 0.05)])
    return float(np.ptp(integrate(system, times, START, rtol=1e-8)[1:, 0]))


def exponent(system: DynamicalSystem) -> float:
    """Return the largest Lyapunov exponent over 400 time units after 100."""
    found = lyapunov_spectrum(
        system, START, count=1, transient=100, duration=400, blocks=8, rtol=1e-8
    )
    return float(found.exponents[0])


def main() -> None:
    """Print seconds per point and the extrapolation."""
    for label, function, bound in (
        ("span", span, 3.0),
        ("largest Lyapunov exponent", exponent, 10.0),
    ):
        seconds = _seconds_per_point(function)
        minutes = seconds * 1e4 / 60
        print(
            f"{label}: {1e3 * seconds:.1f} ms a point; 100 × 100 points: {minutes:.1f} minutes on "
            f"one core, {minutes / 2:.1f} on two (bound {bound:g})"
        )


def _seconds_per_point(function: Callable[[DynamicalSystem], Any]) -> float:
    systems = [
        replace(NEURON, drive=SinusoidalDrive(float(a), float(w))).system()
        for a in np.geomspace(0.01, 10, 10)
        for w in np.linspace(2, 10, 10)
    ]
    function(systems[0])  # compile
    begin = time.perf_counter()
    for system in systems:
        function(system)
    return (time.perf_counter() - begin) / len(systems)


if __name__ == "__main__":
    main()
