"""The shuttle neuron's right-hand side and Jacobian, compiled; `shuttle.py` packs its numbers.

Potter et al. 2024, Eq. 10, in the variable order (V, Z, X, Y) of their Eq. 14.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.neurons.dynamics.integration.interpreted import call
from qmemcircuit.neurons.dynamics.integration.kernels import njit
from qmemcircuit.neurons.shuttle.polynomials import STRIDE, evaluate, evaluate_slopes

# Where each parameter stands in the array that the compiled functions receive; the first five are
# those of the input's `Wave`, the bias in its level.
(
    BIAS,
    RAMP_RATE,
    AMPLITUDE,
    DRIVE_FREQUENCY,
    PHASE,
    RESISTANCE,
    RELAXATION,
    DECOHERENCE,
    FREQUENCY,
    POLARISATION,
    OFFSET,
    SHIFT,
    SUPPORT,
    CELLS_PER_UNIT,
    REACH,
    TABLE,
) = range(16)


# Fused multiply–add: fewer roundings and half the time; nothing else of fastmath is allowed.
FUSED = {"contract"}


@njit(fastmath=FUSED, cache=True)
def elements(x: float, parameters: Any) -> tuple[float, float, float]:
    """Return F₀₀, F₀₁, F₁₁ at x_V = x from the table; NaN beyond its reach."""
    if not abs(x) <= parameters[REACH]:
        return math.nan, math.nan, math.nan
    support = parameters[SUPPORT]
    if abs(x) >= support:
        return 0.0, 0.0, 0.0
    scaled = (x + support) * parameters[CELLS_PER_UNIT]
    cell = int(scaled)
    return evaluate(parameters, TABLE + STRIDE * cell, 2 * (scaled - cell) - 1)


@njit(fastmath=FUSED, cache=True)
def element_slopes(x: float, parameters: Any) -> tuple[float, float, float]:
    """Return dF/dx_V: the exact derivatives of the tabulated polynomials."""
    if not abs(x) <= parameters[REACH]:
        return math.nan, math.nan, math.nan
    support = parameters[SUPPORT]
    if abs(x) >= support:
        return 0.0, 0.0, 0.0
    scaled = (x + support) * parameters[CELLS_PER_UNIT]
    cell = int(scaled)
    s = 2 * (scaled - cell) - 1
    d00, d01, d11 = evaluate_slopes(parameters, TABLE + STRIDE * cell, s)
    scale = 2 * parameters[CELLS_PER_UNIT]
    return scale * d00, scale * d01, scale * d11


@njit(inline="always", fastmath=FUSED)
def input_voltage(t: float, parameters: Any) -> float:
    """Return V_n(t) = V_DC + V_Amp sin(ωt + φ) + r t."""
    value = parameters[BIAS] + parameters[RAMP_RATE] * t
    if parameters[AMPLITUDE] != 0.0:
        angle = parameters[DRIVE_FREQUENCY] * t + parameters[PHASE]
        value += parameters[AMPLITUDE] * math.sin(angle)
    return value


@njit(fastmath=FUSED, cache=True)
def rate(t: float, state: Any, change: Any, parameters: Any) -> None:
    """Write d(V, Z, X, Y)/dt into `change`."""
    v, z, x, y = state[0], state[1], state[2], state[3]
    f00, f01, f11 = elements(parameters[OFFSET] - parameters[SHIFT] * v, parameters)
    conductance = 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01
    slope = input_voltage(t, parameters) - (1 + parameters[RESISTANCE] * conductance) * v
    change[0] = slope
    change[1] = -2 * slope * x - parameters[RELAXATION] * (z - parameters[POLARISATION])
    change[2] = parameters[FREQUENCY] * y + 2 * slope * z - parameters[DECOHERENCE] * x
    change[3] = -parameters[FREQUENCY] * x - parameters[DECOHERENCE] * y


@njit(fastmath=FUSED, cache=True)
def jacobian(t: float, state: Any, matrix: Any, parameters: Any) -> None:
    """Write ∂(d(V, Z, X, Y)/dt)/∂(V, Z, X, Y) into `matrix`, (4, 4)."""
    v, z, x = state[0], state[1], state[2]
    position = parameters[OFFSET] - parameters[SHIFT] * v
    f00, f01, f11 = elements(position, parameters)
    d00, d01, d11 = element_slopes(position, parameters)
    resistance = parameters[RESISTANCE]
    conductance = 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01
    steepness = -parameters[SHIFT] * (0.5 * ((1 + z) * d00 + (1 - z) * d11) + x * d01)
    slope = input_voltage(t, parameters) - (1 + resistance * conductance) * v
    by_v = -(1 + resistance * conductance) - resistance * v * steepness
    by_z = -0.5 * resistance * v * (f00 - f11)
    by_x = -resistance * v * f01
    matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3] = by_v, by_z, by_x, 0.0
    matrix[1, 0] = -2 * x * by_v
    matrix[1, 1] = -2 * x * by_z - parameters[RELAXATION]
    matrix[1, 2] = -2 * x * by_x - 2 * slope
    matrix[1, 3] = 0.0
    matrix[2, 0] = 2 * z * by_v
    matrix[2, 1] = 2 * z * by_z + 2 * slope
    matrix[2, 2] = 2 * z * by_x - parameters[DECOHERENCE]
    matrix[2, 3] = parameters[FREQUENCY]
    matrix[3, 0] = 0.0
    matrix[3, 1] = 0.0
    matrix[3, 2] = -parameters[FREQUENCY]
    matrix[3, 3] = -parameters[DECOHERENCE]


@njit(cache=True)
def conductances(states: Any, parameters: Any) -> Any:
    """Return G = Tr ρ sech(…) for states of shape (T, 4)."""
    values = np.empty(states.shape[0])
    for k in range(states.shape[0]):
        v, z, x = states[k, 0], states[k, 1], states[k, 2]
        f00, f01, f11 = elements(parameters[OFFSET] - parameters[SHIFT] * v, parameters)
        values[k] = 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01
    return values


def find_conductances(states: FloatArray, parameters: FloatArray) -> FloatArray:
    """Return `conductances`, whose first call is not worth compiling: 10 µs a state in Python."""
    return np.asarray(call(conductances, 1e-5 * len(states), states, parameters))
