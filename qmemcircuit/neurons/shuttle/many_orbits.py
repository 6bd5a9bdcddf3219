"""The shuttle neuron's right-hand side and Jacobian of many orbits side by side (`field`: of one).

The number of orbits L is a multiple of four.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from qmemcircuit.neurons.dynamics.integration.kernels import njit
from qmemcircuit.neurons.dynamics.integration.vectors import Four, Rows, transpose
from qmemcircuit.neurons.shuttle.field import (
    AMPLITUDE,
    BIAS,
    CELLS_PER_UNIT,
    DECOHERENCE,
    DRIVE_FREQUENCY,
    FREQUENCY,
    FUSED,
    OFFSET,
    PHASE,
    POLARISATION,
    RAMP_RATE,
    REACH,
    RELAXATION,
    RESISTANCE,
    SHIFT,
    SUPPORT,
)
from qmemcircuit.neurons.shuttle.polynomials import (
    STRIDE,
    evaluate,
    evaluate_slopes,
    load_cell,
    sum_powers,
)

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
        out[lane] = numbers[BIAS, lane] + numbers[RAMP_RATE, lane] * t[lane]
        driven += 1 if numbers[AMPLITUDE, lane] != 0.0 else 0
    if driven == 0:
        return
    for lane in range(t.size):
        angle = numbers[DRIVE_FREQUENCY, lane] * t[lane] + numbers[PHASE, lane]
        far += 1 if math.fabs(angle) > _LARGEST_ANGLE else 0
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


@njit(fastmath=FUSED, cache=True)
def rates(t: Any, state: Any, change: Any, numbers: Any, table: Any) -> None:
    """Write d(V, Z, X, Y)/dt of many orbits into `change`, (4, L)."""
    _inputs(t, numbers, change[3])
    _write_rates(state, change, numbers, table)


_TABLE, _ROWS = types.Array(types.float64, 1, "C"), types.Array(types.float64, 2, "C")


@intrinsic
def _write_rates(context: Any, state: Any, change: Any, numbers: Any, table: Any) -> Any:
    """Write d(V, Z, X, Y)/dt, four orbits at a time; the inputs stand in change[3].

    Three loops, which leave to each other what stands in `change`: in one loop, an orbit's chain
    of instructions, each of which waits for the one before, is longer than the processor looks
    ahead, and takes half as long again.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, values, strict=True)
        ]
        lanes = cgutils.unpack_tuple(builder, arrays[0].shape)[1]
        y, out, p = (Rows(builder, array.data, lanes) for array in arrays[:3])
        kind = lanes.type
        for part in (_find_cells, _look_up, _put_together):
            with cgutils.for_range_slice(builder, kind(0), lanes, kind(4), kind, inc=True) as (
                at,
                _,
            ):
                part(y, out, p, arrays[3], at)
        return context.get_dummy_value()

    return types.void(_ROWS, _ROWS, _ROWS, _TABLE), generate


def _find_cells(y: Rows, out: Rows, p: Rows, table: Any, at: Any) -> None:
    """Leave in out[0] where in the table the cell begins, in out[1] the place in it, −1 … 1.

    In out[2]: 1 within the support of F, 0 beyond it, NaN beyond the table's reach.
    """
    builder, kind = y.builder, y.stride.type
    cells = builder.uitofp(builder.udiv(table.nitems, kind(STRIDE)), ir.DoubleType())
    below_end = Four.spread(builder, cells) * (1 - 1e-15)
    x, support = p.load(OFFSET, at) - p.load(SHIFT, at) * y.load(0, at), p.load(SUPPORT, at)
    size = x.size()
    inside = size.is_below(support)  # NaN is not
    kept = Four.spread(builder, ir.Constant(ir.DoubleType(), 1.0)).where(inside, 0.0)
    out.store(kept.where(size.is_at_most(p.load(REACH, at)), math.nan), 2, at)
    scaled = (x.where(inside, 0.0) + support) * p.load(CELLS_PER_UNIT, at)
    scaled = scaled.where(scaled.is_below(below_end), below_end)
    four = ir.VectorType(kind, 4)
    cell = builder.fptosi(scaled.value, ir.VectorType(ir.IntType(32), 4))
    first = builder.mul(builder.sext(cell, four), ir.Constant(four, [STRIDE] * 4))
    Four(builder, first).store(out.data, out.place(0, at))
    local = scaled - Four(builder, builder.sitofp(cell, scaled.value.type))
    out.store(2.0 * local - 1.0, 1, at)


def _look_up(y: Rows, out: Rows, p: Rows, table: Any, at: Any) -> None:
    """Leave F₀₀, F₀₁ and F₁₁ in out[0 … 2]."""
    builder, kind, kept = y.builder, y.stride.type, out.load(2, at)
    firsts = builder.bitcast(out.data, kind.as_pointer())
    found = []
    for k in range(4):
        lane = builder.add(at, kind(k))
        first = builder.load(builder.gep(firsts, [out.place(0, lane)]))
        local = builder.load(builder.gep(out.data, [out.place(1, lane)]))
        found.append(sum_powers(load_cell(builder, table.data, first), Four.spread(builder, local)))
    for row, element in enumerate(transpose(found)[:3]):
        out.store(kept * element, row, at)


def _put_together(y: Rows, out: Rows, p: Rows, table: Any, at: Any) -> None:
    """Write the rates from what the other loops left."""
    v, z, x, w = (y.load(row, at) for row in range(4))
    f00, f01, f11, bias = (out.load(row, at) for row in range(4))
    conductance = 0.5 * ((1.0 + z) * f00 + (1.0 - z) * f11) + x * f01
    slope = bias - (1.0 + p.load(RESISTANCE, at) * conductance) * v
    twice, frequency, lost = 2.0 * slope, p.load(FREQUENCY, at), p.load(DECOHERENCE, at)
    out.store(slope, 0, at)
    polarised = p.load(RELAXATION, at) * (z - p.load(POLARISATION, at))
    out.store(-(twice * x) - polarised, 1, at)
    out.store(frequency * w + twice * z - lost * x, 2, at)
    out.store(-(frequency * x) - lost * w, 3, at)


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
