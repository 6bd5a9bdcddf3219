"""A 10 000-point map of the Hodgkin–Huxley neuron's loop area: time and accuracy.

Run: python -m experiments.benchmarks.hodgkin_huxley_map
"""

from __future__ import annotations

import time

import numpy as np

from qmemcircuit.neurons.hodgkin_huxley.area_maps import map_loop_area, two_branch_area
from qmemcircuit.neurons.hodgkin_huxley.quantized import adaptation_preset, simulate_quantized

SIDE = 100
SETTLE = 6
REFINEMENT = 2000


def main() -> None:
    """Time the map on one core, and check a sample of its points with the adaptive solver."""
    neuron = adaptation_preset()
    axes = {
        "current_amplitude": np.linspace(0.05, 0.5, SIDE),
        "drive_frequency": np.linspace(2.0, 40.0, SIDE),
    }
    start = time.perf_counter()
    area = map_loop_area(neuron, axes, settle_periods=SETTLE)
    seconds = time.perf_counter() - start
    print(f"map of {area.size} points: {seconds:.2f} s on one core (claimed: under 120 s on two)")
    generator = np.random.default_rng(0)
    errors, start = [], time.perf_counter()
    checks = 10
    for i, j in generator.integers(0, SIDE, (checks, 2)):
        point = adaptation_preset(
            current_amplitude=float(area.current_amplitude[i]),
            drive_frequency=float(area.drive_frequency[j]),
        )
        run = simulate_quantized(point, point.periods(SETTLE + 1, points=REFINEMENT))
        first = SETTLE * REFINEMENT - REFINEMENT // 4
        window = slice(first, first + REFINEMENT + 1)
        reference = two_branch_area(run.current[window, 0], run.voltage[window, 0])
        errors.append(abs(float(area[i, j]) / float(reference) - 1))
    each = (time.perf_counter() - start) / checks
    print(f"largest relative error at {checks} random points: {max(errors):.1e}")
    ratio = each * area.size / seconds
    print(f"one point at a time, adaptive: {each:.2f} s each, {ratio:.0f} × slower")


if __name__ == "__main__":
    main()
