"""Speed of the shuttle neuron's integration at an error of 1e-8, in one run, against four others.

Eq. 10 of potter2024 for 1000 time units on its limit cycle. Each route has the tolerance with
which its state at the end is within about 1e-8 of a run at 1e-13; the error that it then has is
printed beside its time. The routes are one orbit and 64 orbits side by side of ours, SciPy's DOP853
with the same compiled right-hand side and with one in plain NumPy, and heyoka's Taylor method, one
orbit and eight in a batch (a vector register), if heyoka is installed (`pip install heyoka`).

In four runs on an idle machine ours in lanes was 0.99, 1.05, 1.13 and 1.13 times as fast as
heyoka's batch (in three on a busy one 1.05, 1.25 and 1.28; heyoka's time differs from process to
process, ours by 4 %), and one orbit alone 0.85 to 0.89 times as fast as heyoka's: per orbit, lanes
are what this stepper is made for.

heyoka differentiates closed formulas, and a table is none: it is given a polynomial for log F₀₀
over the voltages that this orbit visits, which no other orbit could use.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from qmemcircuit.neurons.dynamics.ensembles import integrate_many
from qmemcircuit.neurons.dynamics.integration import stepper
from qmemcircuit.neurons.dynamics.systems import integrate
from qmemcircuit.neurons.shuttle.conductance import conductance_elements, tabulate_conductance
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
START = np.array([0.85, 0.98, 0.1, 0.0])
LENGTH, WANTED = 1000.0, 1e-8
LANES = 64
ROUNDS = 12

Route = Callable[[float], Any]


def main() -> None:
    """Print the processor time per unit of model time and orbit, the errors and the ratios."""
    system = NEURON.system()
    exact = integrate(system, [0.0, LENGTH], START, rtol=1e-13, atol=1e-15)[-1]
    loose = integrate(system, [0.0, LENGTH], START, rtol=1e-8, atol=1e-10)[-1]
    # The error follows the tolerance in proportion; the same for all who use this method.
    rtol = 1e-8 * WANTED / float(np.abs(loose - exact).max())
    atol = rtol / 100
    change = np.empty(4)

    def same_rate(t: float, y: Any) -> Any:
        stepper.evaluate_rate(system.field.rate.address, t, y, change, system.parameters)
        return change.copy()

    def scipy_run(rate: Callable[..., Any]) -> Route:
        return lambda length: solve_ivp(
            rate, (0, length), START, method="DOP853", rtol=rtol, atol=atol
        ).y[:, -1]

    # Name, how many orbits, how long the timed run is, the run.
    routes: list[tuple[str, int, float, Route]] = [
        (
            "ours, one orbit",
            1,
            LENGTH,
            lambda length: integrate(system, [0.0, length], START, rtol=rtol, atol=atol)[-1],
        ),
        (
            f"ours, {LANES} orbits side by side",
            LANES,
            LENGTH,
            lambda length: integrate_many(
                system, [0.0, length], np.tile(START, (LANES, 1)), rtol=rtol, atol=atol
            ).states[0, -1],
        ),
        ("SciPy's DOP853, same right-hand side", 1, 20.0, scipy_run(same_rate)),
        ("SciPy's DOP853, NumPy right-hand side", 1, 5.0, scipy_run(_plain_rate())),
        *_heyoka(),
    ]
    costs = dict.fromkeys((name for name, *_ in routes), math.inf)
    for _, _, _, run in routes:
        run(1.0)  # compile
    # The routes take turns, so that a busy machine slows all of them; the best turn counts.
    for _ in range(ROUNDS):
        for name, orbits, length, run in routes:
            begin = time.process_time()
            run(length)
            costs[name] = min(costs[name], (time.process_time() - begin) / length / orbits)
    for name, _, length, run in routes:
        # SciPy takes the same steps: its error after the whole length is ours.
        shown = f"error {np.abs(run(LENGTH) - exact).max():.1e}" if length == LENGTH else "as ours"
        print(f"{name:42s} {1e6 * costs[name]:10.2f} µs per time unit and orbit, {shown}")
    one, many, same, plain = (costs[name] for name, *_ in routes[:4])
    print(f"against SciPy with the same right-hand side: {same / one:.0f} ×, {same / many:.0f} ×")
    print(f"against SciPy with NumPy: {plain / one:.0f} ×, {plain / many:.0f} ×")
    if len(routes) > 4:
        scalar, batch = (costs[name] for name, *_ in routes[4:])
        print(f"against heyoka, one orbit: {scalar / one:.2f} ×; its batch: {batch / many:.2f} ×")


def _plain_rate() -> Callable[[float, Any], Any]:
    table = tabulate_conductance()

    def rate(t: float, y: Any) -> Any:
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

    return rate


def _heyoka() -> list[tuple[str, int, float, Route]]:
    """Return heyoka's two routes, none where it is not installed."""
    try:
        import heyoka as hy
    except ImportError:
        print("heyoka is not installed: its routes are left out")
        return []
    voltages = integrate(NEURON.system(), np.arange(0, LENGTH, 0.05), START)[:, 0]
    ends = NEURON.equilibrium_position - NEURON.displacement * (
        np.array([voltages.max(), voltages.min()]) + np.array([0.02, -0.02])
    )
    middle, half = ends.mean(), np.ptp(ends) / 2
    nodes = np.cos(np.pi * (np.arange(200) + 0.5) / 200)
    logarithm = np.log(conductance_elements(middle + half * nodes)[0])
    fit = np.polynomial.Polynomial(
        np.polynomial.chebyshev.cheb2poly(np.polynomial.chebyshev.chebfit(nodes, logarithm, 10))
    )
    v, z, x, y = hy.make_vars("v", "z", "x", "y")
    place = (NEURON.equilibrium_position - middle - NEURON.displacement * v) * (1 / half)

    def polynomial(numbers: Any) -> Any:
        value = hy.expression(float(numbers[-1]))
        for number in numbers[-2::-1]:
            value = value * place + float(number)
        return value

    width = NEURON.oscillator_length
    first, second = polynomial(fit.deriv().coef / half), polynomial(fit.deriv(2).coef / half**2)
    higher = 1.0 + width**2 / 2 * (second + first * first)  # F₁₁/F₀₀
    conductance = hy.exp(polynomial(fit.coef)) * (
        0.5 * ((1.0 + z) + (1.0 - z) * higher) + x * (width / math.sqrt(2) * first)
    )
    slope = NEURON.bias - (1.0 + NEURON.resistance * conductance) * v
    gamma = NEURON.decoherence_rate
    equations = [
        (v, slope),
        (z, -2.0 * slope * x - NEURON.relaxation_ratio * gamma * (z - 1.0)),
        (x, NEURON.frequency * y + 2.0 * slope * z - gamma * x),
        (y, -NEURON.frequency * x - gamma * y),
    ]
    one = hy.taylor_adaptive(equations, START.tolist(), tol=WANTED)
    starts = np.tile(START[:, None], (1, 8))
    several = hy.taylor_adaptive_batch(equations, starts, tol=WANTED)

    def run_one(length: float) -> Any:
        one.time = 0.0
        one.state[:] = START
        one.propagate_until(length)
        return one.state.copy()

    def run_several(length: float) -> Any:
        several.set_time(0.0)
        several.state[:] = starts
        several.propagate_until(length)
        return several.state[:, 0].copy()

    return [
        ("heyoka, one orbit", 1, LENGTH, run_one),
        ("heyoka, batch of 8", 8, LENGTH, run_several),
    ]


if __name__ == "__main__":
    main()
