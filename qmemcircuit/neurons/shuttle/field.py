"""The shuttle neuron's right-hand side and Jacobian, compiled; `shuttle.py` packs its numbers.

Potter et al. 2024, Eq. 10, in the variable order (V, Z, X, Y) of their Eq. 14.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np

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


# π in three parts, the first two of 33 bits: their multiples below 2²⁰ have no rounding.
_PI_1, _PI_2, _PI_3 = 3.1415926534682512, 1.2154201012607932e-10, 4.044532497591901e-21
_LARGEST_ANGLE = 3e6
# Of sin r/r in r²; the series' next term is below 2e-18 at r = π/2.
_SINE = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(11))


@njit(inline="always", fastmath=FUSED)
def _sine(angle: float) -> float:
    """Return sin for |angle| < 3e6 without a branch or a call, to 2e-16."""
    turns = math.floor(angle * 0.3183098861837907 + 0.5)
    r = ((angle - turns * _PI_1) - turns * _PI_2) - turns * _PI_3
    square = r * r
    value = _SINE[10]
    value = value * square + _SINE[9]
    value = value * square + _SINE[8]
    value = value * square + _SINE[7]
    value = value * square + _SINE[6]
    value = value * square + _SINE[5]
    value = value * square + _SINE[4]
    value = value * square + _SINE[3]
    value = value * square + _SINE[2]
    value = value * square + _SINE[1]
    value = value * square + _SINE[0]
    odd = turns - 2 * math.floor(0.5 * turns)
    return (1 - 2 * odd) * r * value


@njit(inline="always", fastmath=FUSED)
def _inputs(t: Any, numbers: Any, out: Any) -> None:
    """Write V_n(t) of every orbit."""
    driven, far = 0, 0
    for lane in range(t.size):
        angle = numbers[DRIVE_FREQUENCY, lane] * t[lane] + numbers[PHASE, lane]
        driven += 1 if numbers[AMPLITUDE, lane] != 0.0 else 0
        far += 1 if math.fabs(angle) > _LARGEST_ANGLE else 0
    for lane in range(t.size):
        out[lane] = numbers[BIAS, lane] + numbers[RAMP_RATE, lane] * t[lane]
    if driven == 0:
        return
    if far == 0:
        for lane in range(t.size):
            angle = numbers[DRIVE_FREQUENCY, lane] * t[lane] + numbers[PHASE, lane]
            out[lane] += numbers[AMPLITUDE, lane] * _sine(angle)
    else:
        for lane in range(t.size):
            angle = numbers[DRIVE_FREQUENCY, lane] * t[lane] + numbers[PHASE, lane]
            out[lane] += numbers[AMPLITUDE, lane] * math.sin(angle)


@njit(inline="always", fastmath=FUSED)
def _places(voltages: Any, numbers: Any, table: Any, scaled: Any, local: Any) -> None:
    """Write where each orbit is in the table, in cells, and its place in that cell."""
    below_end = (table.size // STRIDE) * (1 - 1e-15)
    for lane in range(voltages.size):
        x = numbers[OFFSET, lane] - numbers[SHIFT, lane] * voltages[lane]
        x = x if math.fabs(x) < numbers[SUPPORT, lane] else 0.0  # NaN is not
        place = (x + numbers[SUPPORT, lane]) * numbers[CELLS_PER_UNIT, lane]
        scaled[lane] = place if place < below_end else below_end
    for lane in range(voltages.size):
        local[lane] = 2 * (scaled[lane] - math.floor(scaled[lane])) - 1


@njit(inline="always", fastmath=FUSED)
def _within(voltage: float, numbers: Any, lane: int) -> float:
    """Return 1 within the support of F, 0 beyond it, NaN beyond the table's reach."""
    x = math.fabs(numbers[OFFSET, lane] - numbers[SHIFT, lane] * voltage)
    inside = 1.0 if x < numbers[SUPPORT, lane] else 0.0
    return inside if x <= numbers[REACH, lane] else math.nan


# The rows of `change` serve as room for what is needed on the way. One row is written a loop, from
# eight others at most: of more LLVM does not test whether they overlap, and makes no vectors.
@njit(fastmath=FUSED, cache=True)
def rates(t: Any, state: Any, change: Any, numbers: Any, table: Any) -> None:
    """Write d(V, Z, X, Y)/dt of many orbits into `change`, (4, L)."""
    _places(state[0], numbers, table, change[0], change[1])
    for lane in range(t.size):
        change[0, lane], change[1, lane], change[2, lane] = evaluate(
            table, STRIDE * int(change[0, lane]), change[1, lane]
        )
    for lane in range(t.size):
        change[3, lane] = _within(state[0, lane], numbers, lane)
    for lane in range(t.size):
        z, x = state[1, lane], state[2, lane]
        f00, f01, f11 = change[0, lane], change[1, lane], change[2, lane]
        change[0, lane] = change[3, lane] * (0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01)
    _inputs(t, numbers, change[3])
    for lane in range(t.size):
        leak = 1 + numbers[RESISTANCE, lane] * change[0, lane]
        change[0, lane] = change[3, lane] - leak * state[0, lane]
    for lane in range(t.size):
        polarised = numbers[RELAXATION, lane] * (state[1, lane] - numbers[POLARISATION, lane])
        change[1, lane] = -2 * change[0, lane] * state[2, lane] - polarised
    for lane in range(t.size):
        turned = numbers[FREQUENCY, lane] * state[3, lane] + 2 * change[0, lane] * state[1, lane]
        change[2, lane] = turned - numbers[DECOHERENCE, lane] * state[2, lane]
    for lane in range(t.size):
        turned = -numbers[FREQUENCY, lane] * state[2, lane]
        change[3, lane] = turned - numbers[DECOHERENCE, lane] * state[3, lane]


@njit(fastmath=FUSED, cache=True)
def jacobians(t: Any, state: Any, matrix: Any, numbers: Any, table: Any) -> None:
    """Write ∂(d(V, Z, X, Y)/dt)/∂(V, Z, X, Y) of many orbits into `matrix`, (4, 4, L)."""
    _places(state[0], numbers, table, matrix[0, 0], matrix[0, 1])
    for lane in range(t.size):
        first, s = STRIDE * int(matrix[0, 0, lane]), matrix[0, 1, lane]
        matrix[0, 0, lane], matrix[0, 1, lane], matrix[0, 2, lane] = evaluate(table, first, s)
        matrix[1, 0, lane], matrix[1, 1, lane], matrix[1, 2, lane] = evaluate_slopes(
            table, first, s
        )
    _inputs(t, numbers, matrix[0, 3])
    for lane in range(t.size):
        v, z, x = state[0, lane], state[1, lane], state[2, lane]
        kept = _within(v, numbers, lane)
        steep = 2 * kept * numbers[CELLS_PER_UNIT, lane]
        f00, f01, f11 = (
            kept * matrix[0, 0, lane], kept * matrix[0, 1, lane], kept * matrix[0, 2, lane],
        )  # fmt: skip
        d00, d01, d11 = (
            steep * matrix[1, 0, lane], steep * matrix[1, 1, lane], steep * matrix[1, 2, lane],
        )  # fmt: skip
        resistance, frequency = numbers[RESISTANCE, lane], numbers[FREQUENCY, lane]
        decoherence = numbers[DECOHERENCE, lane]
        conductance = 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01
        steepness = -numbers[SHIFT, lane] * (0.5 * ((1 + z) * d00 + (1 - z) * d11) + x * d01)
        slope = matrix[0, 3, lane] - (1 + resistance * conductance) * v
        by_v = -(1 + resistance * conductance) - resistance * v * steepness
        by_z = -0.5 * resistance * v * (f00 - f11)
        by_x = -resistance * v * f01
        matrix[0, 0, lane], matrix[0, 1, lane], matrix[0, 2, lane] = by_v, by_z, by_x
        matrix[0, 3, lane] = 0.0
        matrix[1, 0, lane] = -2 * x * by_v
        matrix[1, 1, lane] = -2 * x * by_z - numbers[RELAXATION, lane]
        matrix[1, 2, lane] = -2 * x * by_x - 2 * slope
        matrix[1, 3, lane] = 0.0
        matrix[2, 0, lane] = 2 * z * by_v
        matrix[2, 1, lane] = 2 * z * by_z + 2 * slope
        matrix[2, 2, lane] = 2 * z * by_x - decoherence
        matrix[2, 3, lane] = frequency
        matrix[3, 0, lane] = 0.0
        matrix[3, 1, lane] = 0.0
        matrix[3, 2, lane] = -frequency
        matrix[3, 3, lane] = -decoherence


@njit(cache=True)
def conductances(states: Any, parameters: Any) -> Any:
    """Return G = Tr ρ sech(…) for states of shape (T, 4)."""
    values = np.empty(states.shape[0])
    for k in range(states.shape[0]):
        v, z, x = states[k, 0], states[k, 1], states[k, 2]
        f00, f01, f11 = elements(parameters[OFFSET] - parameters[SHIFT] * v, parameters)
        values[k] = 0.5 * ((1 + z) * f00 + (1 - z) * f11) + x * f01
    return values
