"""The digital neuron's closed loop, compiled: the voltage's step and the qubit's exact channels.

Numba's cache on disk looks at this file alone: after a change in `field`, touch this one too.
The channels are those of the circuits in `shuttle_circuits`, written as maps of the Bloch vector.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np

try:
    from qmemcircuit.neurons.dynamics.integration.kernels import njit
except ImportError as error:  # pragma: no cover - depends on the installation
    raise ImportError(
        "The digital neuron needs numba; pip install 'qmemcircuit[neurons]'."
    ) from error

from qmemcircuit.neurons.shuttle.field import (
    DECOHERENCE,
    FREQUENCY,
    OFFSET,
    POLARISATION,
    RELAXATION,
    RESISTANCE,
    SHIFT,
    elements,
)

SECONDS = 3e-5
"""Of processor time for a step, where Python runs `close_loop`."""

EXACT, HISTORY, REPREPARE = range(3)


@njit(cache=True)
def _conductance(v: float, x: float, z: float, parameters: Any) -> float:
    """Return G = ½(1 + Z)F₀₀ + X F₀₁ + ½(1 − Z)F₁₁ at x_V = x₀ − l√2 V."""
    f00, f01, f11 = elements(parameters[OFFSET] - parameters[SHIFT] * v, parameters)
    return 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01


@njit(cache=True)
def _rotate(x: float, z: float, angle: float) -> tuple[float, float]:
    """Return (X, Z) after RY(angle)."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return x * cosine + z * sine, z * cosine - x * sine


@njit(cache=True)
def _slope(input: float, v: float, start: float, x: float, z: float, parameters: Any) -> float:
    """V̇ while RY(2(v − start)) turns the (X, Z) that belong to `start`."""
    turned_x, turned_z = _rotate(x, z, 2 * (v - start))
    loss = 1 + parameters[RESISTANCE] * _conductance(v, turned_x, turned_z, parameters)
    return input - loss * v


# A map by definition, not an integration: what is measured once a step holds for the whole of it,
# so step control would have nothing to control. The step is the circuit's.
@njit(cache=True)
def advance_voltage(
    durations: Any, inputs: Any, v: float, x: float, z: float, parameters: Any
) -> float:
    """Return V at the end of a step from V at its beginning and the measured (X, Z).

    One RK4 step for each part of it; `inputs` (parts, 3) are V_n at the beginning, in the middle
    and at the end of each.
    """
    start = v
    for part in range(len(durations)):
        dt = durations[part]
        first, middle, last = inputs[part, 0], inputs[part, 1], inputs[part, 2]
        k1 = _slope(first, v, start, x, z, parameters)
        k2 = _slope(middle, v + dt / 2 * k1, start, x, z, parameters)
        k3 = _slope(middle, v + dt / 2 * k2, start, x, z, parameters)
        k4 = _slope(last, v + dt * k3, start, x, z, parameters)
        v += dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return v


@njit(cache=True)
def _drift(
    x: float, y: float, z: float, duration: float, parameters: Any
) -> tuple[float, float, float]:
    """Return the Bloch vector after RZ(−Ω t), relaxation towards Z_T and dephasing: exact."""
    angle = parameters[FREQUENCY] * duration
    cosine, sine = math.cos(angle), math.sin(angle)
    transverse = math.exp(-parameters[DECOHERENCE] * duration)
    longitudinal = math.exp(-parameters[RELAXATION] * duration)
    equilibrium = parameters[POLARISATION]
    return (
        transverse * (x * cosine + y * sine),
        transverse * (y * cosine - x * sine),
        equilibrium + (z - equilibrium) * longitudinal,
    )


@njit(cache=True)
def _count_zeros(generator: Any, shots: int, value: float) -> int:
    """Draw how many of `shots` give +1 where the expectation value is `value`."""
    return generator.binomial(shots, min(max(0.5 * (1 + value), 0.0), 1.0))


# More than eight parameters: compiled code takes arrays one by one.
@njit(cache=True)
def close_loop(
    dt: float,
    first: Any,
    durations: Any,
    inputs: Any,
    state: Any,
    feedback: int,
    shots: int,
    generator: Any,
    parameters: Any,
) -> tuple[Any, Any]:
    """Return states (steps + 1, 4) at the step ends, and counts of +1 (steps + 1, 3).

    The counts are those of X, Y, Z measured in the step that ends at this index. `first`,
    `durations` and `inputs` are the input's, `input_tables.StepInputs`.
    """
    steps = len(first) - 1
    states = np.empty((steps + 1, 4))
    zeros = np.zeros((steps + 1, 3), np.int64)
    v, z, x, y = state[0], state[1], state[2], state[3]
    states[0] = state
    x, y, z = _drift(x, y, z, dt / 2, parameters)
    for k in range(1, steps + 1):
        seen_x, seen_z = x, z
        if feedback != EXACT:
            zeros[k, 0] = _count_zeros(generator, shots, x)
            if feedback == REPREPARE:
                zeros[k, 1] = _count_zeros(generator, shots, y)
            zeros[k, 2] = _count_zeros(generator, shots, z)
            seen_x = 2 * zeros[k, 0] / shots - 1
            seen_z = 2 * zeros[k, 2] / shots - 1
            if feedback == REPREPARE:
                seen_y = 2 * zeros[k, 1] / shots - 1
                length = max(1.0, math.sqrt(seen_x**2 + seen_y**2 + seen_z**2))
                x, y, z = seen_x / length, seen_y / length, seen_z / length
                seen_x, seen_z = x, z
        parts = slice(first[k - 1], first[k])
        following = advance_voltage(durations[parts], inputs[parts], v, seen_x, seen_z, parameters)
        x, z = _rotate(x, z, 2 * (following - v))
        v = following
        now_x, now_y, now_z = _drift(x, y, z, dt / 2, parameters)
        states[k, 0], states[k, 1], states[k, 2], states[k, 3] = v, now_z, now_x, now_y
        x, y, z = _drift(x, y, z, dt, parameters)
    return states, zeros
