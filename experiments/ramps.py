"""The shuttle neuron along a ramp of its input: there and back, and where it jumps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qmemcircuit.neurons.shuttle.neuron import LinearRamp, ShuttleNeuron, simulate
from qmemcircuit.results.trajectory import Trajectory


def ramp_loop(
    neuron: ShuttleNeuron, low: float, high: float, *, rate: float, points: int = 1500
) -> tuple[Trajectory, Trajectory]:
    """Return the neuron's response to V_n swept from `low` to `high` and back at ±`rate`.

    It starts settled at `low`, with a kick X = 0.01 so that an instability can show.
    """
    duration = (high - low) / rate
    times = np.linspace(0, duration, points)
    rest = simulate(replace(neuron, bias=low, drive=None), [0.0, 200.0])
    start = final_state(rest) + np.array([0, 0, 0.01, 0])
    # The kick keeps the Bloch vector inside the sphere.
    start[1] = min(start[1], np.sqrt(1 - start[2] ** 2 - start[3] ** 2))
    up = simulate(replace(neuron, bias=low, drive=LinearRamp(rate)), times, state=start)
    top = final_state(up)
    down = simulate(replace(neuron, bias=high, drive=LinearRamp(-rate)), times, state=top)
    return up, down


def final_state(trajectory: Trajectory) -> np.ndarray[Any, Any]:
    """Return (V, Z, X, Y) at the last time."""
    variables = trajectory.variables
    return np.array([trajectory.voltage[-1, 0], *(variables[name][-1] for name in "ZXY")])


def jump_bias(trajectory: Trajectory) -> float:
    """Return the input at which the voltage changes fastest along a slow ramp."""
    change = np.abs(np.diff(trajectory.voltage[:, 0]))
    k = int(np.argmax(change))
    return float(trajectory.variables["input"][k : k + 2].mean())
