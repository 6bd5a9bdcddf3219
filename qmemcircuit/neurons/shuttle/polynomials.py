"""The three polynomials of a table's cell at once, in one vector register: (F₀₀, F₀₁, F₁₁, 0).

Numba makes no vectors of straight code, and three polynomials one by one are three times the
loads. LLVM splits the vectors where a processor has shorter ones.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

STRIDE = 32
"""Numbers of a cell: eight coefficients, lowest first, of four columns, the last one empty."""

_DOUBLE, _FOUR = ir.DoubleType(), ir.VectorType(ir.DoubleType(), 4)
_THREE = types.UniTuple(types.float64, 3)
_FUSED = ("contract",)


@intrinsic
def evaluate(context: Any, table: Any, first: Any, s: Any) -> Any:
    """Return the three polynomials at s, in Estrin's order; the cell begins at table[first]."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows, power = _load(context, builder, signature, values), _spread(builder, values[2])
        square = builder.fmul(power, power)
        pairs = [_fused(builder, power, rows[k + 1], rows[k]) for k in (0, 2, 4, 6)]
        low, high = (_fused(builder, square, pairs[k + 1], pairs[k]) for k in (0, 2))
        return _unpack(context, builder, _fused(builder, builder.fmul(square, square), high, low))

    return _THREE(table, types.int64, types.float64), generate


@intrinsic
def evaluate_slopes(context: Any, table: Any, first: Any, s: Any) -> Any:
    """Return the derivatives of the three polynomials at s, by Horner's rule."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows, power = _load(context, builder, signature, values), _spread(builder, values[2])
        value = builder.fmul(rows[7], ir.Constant(_FOUR, [7.0] * 4))
        for k in range(6, 0, -1):
            term = builder.fmul(rows[k], ir.Constant(_FOUR, [float(k)] * 4), flags=_FUSED)
            value = _fused(builder, value, power, term)
        return _unpack(context, builder, value)

    return _THREE(table, types.int64, types.float64), generate


def _load(context: Any, builder: Any, signature: Any, values: Any) -> list[Any]:
    data = context.make_array(signature.args[0])(context, builder, values[0]).data
    rows = []
    for k in range(8):
        place = builder.add(values[1], ir.Constant(values[1].type, 4 * k))
        here = builder.bitcast(builder.gep(data, [place]), _FOUR.as_pointer())
        rows.append(builder.load(here, align=8))
    return rows


def _spread(builder: Any, value: Any) -> Any:
    whole = ir.IntType(32)
    single = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), value, whole(0))
    undefined, first = (
        ir.Constant(_FOUR, ir.Undefined),
        ir.Constant(ir.VectorType(whole, 4), [0] * 4),
    )
    return builder.shuffle_vector(single, undefined, first)


def _fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a·b + c, with one rounding where the processor can."""
    return builder.fadd(builder.fmul(a, b, flags=_FUSED), c, flags=_FUSED)


def _unpack(context: Any, builder: Any, vector: Any) -> Any:
    parts = [builder.extract_element(vector, ir.IntType(32)(k)) for k in range(3)]
    return context.make_tuple(builder, _THREE, parts)
