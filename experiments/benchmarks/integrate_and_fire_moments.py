"""Gaussian moments against Fock space for the same GKSL neuron, at equal accuracy.

Run: python -m experiments.benchmarks.integrate_and_fire_moments
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from qmemcircuit.neurons.integrate_and_fire import (
    IntegrateAndFire,
    levels_needed,
    simulate_fock,
    simulate_moments,
)
from qmemcircuit.results.trajectory import Trajectory

NEURON = IntegrateAndFire(
    inductance=4.0, temperature=0.1, threshold=0.8, hbar=0.1, refractory_time=0.5
)
CURRENT = 0.6
TIMES = np.linspace(0, 8, 161)
TRUNCATION = 1e-6
TOLERANCE = 1e-7


def timed(call: Callable[[], Trajectory], repeats: int) -> tuple[float, Trajectory]:
    """Return the median time of `repeats` calls after one that imports, and the last result."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), result


def main() -> None:
    """Time both at the same integration tolerance and print ratio and errors."""
    reference = simulate_moments(
        NEURON, TIMES, CURRENT, dissipator="gksl", leak_scale=2.0, tolerance=1e-12
    )
    levels = levels_needed(NEURON, voltage=NEURON.threshold, flux=1.0, tolerance=TRUNCATION)

    def moments(solver: str) -> Trajectory:
        return simulate_moments(
            NEURON,
            TIMES,
            CURRENT,
            dissipator="gksl",
            leak_scale=2.0,
            tolerance=TOLERANCE,
            solver=solver,
        )

    plain, with_scipy = timed(lambda: moments("scipy"), 5)
    fast, compiled = timed(lambda: moments("compiled"), 25)
    slow, fock = timed(
        lambda: simulate_fock(
            NEURON,
            TIMES,
            CURRENT,
            levels=levels,
            leak_scale=2.0,
            tolerance=TOLERANCE,
            truncation_tolerance=TRUNCATION,
        ),
        1,
    )
    print(
        f"{reference.events['spikes'].size} spikes in t = 0 … {TIMES[-1]:g}; {levels} Fock levels"
    )
    for name, seconds, run in (
        ("moments, compiled", fast, compiled),
        ("moments, SciPy", plain, with_scipy),
        ("Fock space", slow, fock),
    ):
        away = TIMES[:, None] - reference.events["spikes"]
        clear = np.abs(away).min(axis=1) > 1e-3  # a sample at a spike may fall on either side
        error = np.abs(run.voltage - reference.voltage)[clear].max()
        spike = np.abs(run.events["spikes"] - reference.events["spikes"]).max()
        print(f"{name:18s} {seconds:8.5f} s   error of <V> {error:.1e}, of spike times {spike:.1e}")
    print(f"truncation error (highest population): {fock.provenance['truncation_error']:.1e}")
    print(f"ratio, compiled: {slow / fast:.0f} × (claimed: at least 50 ×)")
    print(f"ratio, SciPy: {slow / plain:.0f} × (no claim: Python calls cost more than the physics)")


if __name__ == "__main__":
    main()
