"""Pieces of figures that the two papers of the shuttle neuron share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qmemcircuit.neurons.shuttle.neuron import LinearRamp, ShuttleNeuron, simulate
from qmemcircuit.results.trajectory import Trajectory


def replace_by_3d(figure: Any, axes: Any, position: tuple[int, int, int]) -> Any:
    """Replace `axes` by a three-dimensional one at the same `position` of the grid."""
    axes.remove()
    return figure.add_subplot(*position, projection="3d")


def draw_bloch_sphere(ax: Any, *, labels: bool = True) -> None:
    """Draw a pale unit sphere with its axes X, Y, Z."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, 13), np.linspace(0, 2 * np.pi, 25))
    ax.plot_wireframe(
        np.sin(polar) * np.cos(around),
        np.sin(polar) * np.sin(around),
        np.cos(polar),
        color="0.85",
        linewidth=0.3,
    )
    ax.set_box_aspect((1, 1, 1))
    for setter in (ax.set_xticks, ax.set_yticks, ax.set_zticks):
        setter([-1, 0, 1])
    ax.tick_params(pad=-3)
    if labels:
        ax.set_xlabel("X", labelpad=-8)
        ax.set_ylabel("Y", labelpad=-8)
        ax.set_zlabel("Z", labelpad=-8)


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
