"""10⁴ steps of the digital neuron: exact channels against one Aer job a step.

Run: python -m experiments.benchmarks.digital_neuron
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from qiskit_aer import AerSimulator

from qmemcircuit.neurons.shuttle.digital import simulate_digital
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron
from qmemcircuit.results.trajectory import Trajectory

STEPS, AER_STEPS, STEP, SHOTS = 10_000, 200, 0.05, 1000
NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)  # potter2024 at V_n = 2


def timed(call: Callable[[], Trajectory]) -> tuple[float, Trajectory]:
    """Return the wall time of one call in seconds, and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def main() -> None:
    """Time both routes in this process; the ratio is what does not depend on the machine."""
    times = STEP * np.arange(STEPS + 1)
    few = times[: AER_STEPS + 1]
    simulator = AerSimulator(method="density_matrix")
    first, _ = timed(lambda: simulate_digital(NEURON, few, feedback="history", shots=SHOTS, seed=1))
    print(f"first call:                        {first:8.3f} s")
    direct = {}
    for feedback in ("history", "reprepare"):
        direct[feedback] = np.median(
            [
                timed(
                    lambda mode=feedback: simulate_digital(
                        NEURON, times, feedback=mode, shots=SHOTS, seed=1
                    )
                )[0]
                for _ in range(5)
            ]
        )
        print(f"{STEPS} steps, {feedback}, direct:  {direct[feedback]:8.4f} s  (claimed ≤ 1 s)")
    aer, by_circuits = timed(lambda: simulate_digital(NEURON, few, simulator=simulator))
    print(f"{AER_STEPS} steps, exact, one Aer job a step: {aer:.2f} s")
    ratio = (aer / AER_STEPS) / (direct["history"] / STEPS)
    print(f"ratio per step, Aer / direct:      {ratio:8.0f}")
    exact = simulate_digital(NEURON, few)
    difference = np.abs(exact.voltage - by_circuits.voltage).max()
    difference = max(difference, np.abs(exact.states - by_circuits.states).max())
    print(f"largest difference of V and states: {difference:.1e}  (claimed ≤ 1e-10)")


if __name__ == "__main__":
    main()
