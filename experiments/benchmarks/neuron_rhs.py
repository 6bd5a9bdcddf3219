"""Speed of the shuttle neuron's compiled integration against SciPy and NumPy, in one run.

All routes integrate Eq. 10 of potter2024 by DOP853 at rtol 1e-8, atol 1e-10, from the same state.
Our goals: 150 times SciPy's solve_ivp with the same compiled right-hand side, and
300 times SciPy with a right-hand side in plain NumPy. Best of 30 turns each; it prints what it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from qmemcircuit.neurons.dynamics import stepper
from qmemcircuit.neurons.dynamics.systems import integrate
from qmemcircuit.neurons.shuttle.conductance import tabulate_conductance
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
RTOL, ATOL = 1e-8, 1e-10
ROUNDS = 30


def main() -> None:
    """Print time per unit of model time for each route, the ratios, and their agreement."""
    system = NEURON.system()
    start = np.array([0.85, 0.98, 0.1, 0.0])
    integrate(system, [0.0, 1.0], start)  # compile

    def compiled(length: float) -> Any:
        return integrate(system, [0.0, length], start, rtol=RTOL, atol=ATOL)[-1]

    change = np.empty(4)

    def same_rate(t: float, y: Any) -> Any:
        stepper.evaluate_rate(system.field.rate, t, y, change, system.parameters)
        return change.copy()

    def scipy_compiled(length: float) -> Any:
        return _scipy(same_rate, start, length)

    table = tabulate_conductance()

    def numpy_rate(t: float, y: Any) -> Any:
        v, z, x, w = y
        f00, f01, f11 = table(NEURON.equilibrium_position - NEURON.displacement * v)
        conductance = 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01
        slope = NEURON.bias - (1 + NEURON.resistance * conductance) * v
        gamma = NEURON.decoherence_rate
        return np.array(
            [
                slope,
                -2 * slope * x - NEURON.relaxation_ratio * gamma * (z - 1),
                NEURON.frequency * w + 2 * slope * z - gamma * x,
                -NEURON.frequency * x - gamma * w,
            ]
        )

    def scipy_numpy(length: float) -> Any:
        return _scipy(numpy_rate, start, length)

    rows = [
        ("compiled DOP853", compiled, 1000.0),
        ("SciPy's DOP853, same compiled right-hand side", scipy_compiled, 20.0),
        ("SciPy's DOP853, NumPy right-hand side", scipy_numpy, 5.0),
    ]
    costs = [math.inf] * len(rows)
    # The routes take turns, so that a busy machine slows all of them; the best turn counts.
    for _ in range(ROUNDS):
        for number, (_, route, length) in enumerate(rows):
            begin = time.perf_counter()
            route(length)
            costs[number] = min(costs[number], (time.perf_counter() - begin) / length)
    for (label, _, _), cost in zip(rows, costs, strict=True):
        print(f"{label:48s} {1e6 * cost:10.2f} µs per time unit")
    print(f"compiled against SciPy with the same right-hand side: {costs[1] / costs[0]:.0f} ×")
    print(f"compiled against SciPy with NumPy: {costs[2] / costs[0]:.0f} ×")
    difference = np.abs(compiled(30.0) - scipy_numpy(30.0)).max()
    print(f"largest difference after 30 units: {difference:.1e}")


def _scipy(rate: Callable[..., Any], start: Any, length: float) -> Any:
    return solve_ivp(rate, (0, length), start, method="DOP853", rtol=RTOL, atol=ATOL).y[:, -1]


if __name__ == "__main__":
    main()
