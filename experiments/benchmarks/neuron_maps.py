"""Cost of a 100 × 100 regime map of the driven neuron, 500 time units a point, on two cores.

Our goals for the 10⁴ points: one minute for the spans, two for the largest Lyapunov exponent. The
whole map over (V_Amp, ω) is run, side by side on two threads, and 10 × 10 points of it one by one
for comparison; the largest difference between the two is printed.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from qmemcircuit.neurons.dynamics.ensembles import integrate_many
from qmemcircuit.neurons.dynamics.lyapunov import lyapunov_spectrum
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, integrate
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive

NEURON = ShuttleNeuron(resistance=5, bias=0.23, decoherence_rate=0.1)
START = np.array([0.0, 0.98, 0.15, 0.0])
TRANSIENT, DURATION = 400.0, 500.0
AMPLITUDES, FREQUENCIES = np.geomspace(0.01, 10, 100), np.linspace(2, 10, 100)


def system_at(amplitude: float, frequency: float) -> DynamicalSystem:
    """Return the driven neuron at a point of the map."""
    return replace(NEURON, drive=SinusoidalDrive(amplitude, frequency)).system()


def main() -> None:
    """Print seconds of wall clock and of processor for each map, and the differences."""
    systems = [system_at(a, w) for a in AMPLITUDES.tolist() for w in FREQUENCIES.tolist()]
    few = [systems[100 * i + j] for i in range(4, 100, 11) for j in range(4, 100, 11)]
    integrate_many(few[:2], [0, 1, 2], START, extremes_from=1, exponents=1)  # compile
    begin = time.perf_counter(), time.process_time()
    ends = [0.0, TRANSIENT, DURATION]
    found = integrate_many(systems, ends, START, extremes_from=1, threads=2)
    spans = found.maxima[:, 0] - found.minima[:, 0]
    _report("spans of 10⁴ points", begin)
    begin = time.perf_counter(), time.process_time()
    moments = np.arange(100, DURATION + 1)  # orthonormal once a unit of time, after 100
    found = integrate_many(systems, np.concatenate([[0.0], moments]), START, exponents=1, threads=2)
    exponents = found.growth[:, 2:, 0].sum(1) / np.ptp(moments)
    _report("largest exponents of 10⁴ points", begin)
    begin = time.perf_counter(), time.process_time()
    times = np.concatenate([[0.0], np.arange(TRANSIENT, DURATION, 0.01)])
    one_by_one = [
        float(np.ptp(integrate(system, times, START, rtol=1e-8)[1:, 0])) for system in few
    ]
    _report(f"spans of {len(few)} points, one by one, sampled", begin)
    begin = time.perf_counter(), time.process_time()
    singly = [
        float(
            lyapunov_spectrum(
                system, START, count=1, transient=100, duration=400, blocks=8, rtol=1e-8
            ).exponents[0]
        )
        for system in few
    ]
    _report(f"largest exponents of {len(few)} points, one by one", begin)
    chosen = [100 * i + j for i in range(4, 100, 11) for j in range(4, 100, 11)]
    print(
        f"largest differences: spans {np.abs(spans[chosen] - one_by_one).max():.1e}, exponents "
        f"{np.abs(exponents[chosen] - singly).max():.1e}"
    )


def _report(label: str, begin: tuple[float, float]) -> None:
    wall, work = time.perf_counter() - begin[0], time.process_time() - begin[1]
    print(f"{label}: {wall:.1f} s of wall clock, {work:.1f} s of processor")


if __name__ == "__main__":
    main()
