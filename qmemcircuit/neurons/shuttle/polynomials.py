"""The three polynomials of a table's cell at once, in one vector register: (F₀₀, F₀₁, F₁₁, 0).

Numba makes no vectors of straight code, and three polynomials one by one are three times the
loads.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from qmemcircuit.neurons.dynamics.integration.kernels import does_as
from qmemcircuit.neurons.dynamics.integration.vectors import Four

STRIDE = 32
"""Numbers of a cell: eight coefficients, lowest first, of four columns, the last one empty."""

_THREE = types.UniTuple(types.float64, 3)


def _evaluate(table: Any, first: int, s: float) -> tuple[float, float, float]:
    cell = table[first : first + STRIDE].reshape(8, 4)
    f00, f01, f11, _ = (s ** np.arange(8) @ cell).tolist()
    return f00, f01, f11


def _evaluate_slopes(table: Any, first: int, s: float) -> tuple[float, float, float]:
    cell = table[first + 4 : first + STRIDE].reshape(7, 4)
    d00, d01, d11, _ = (np.arange(1, 8) * s ** np.arange(7) @ cell).tolist()
    return d00, d01, d11


@does_as(_evaluate)
@intrinsic
def evaluate(context: Any, table: Any, first: Any, s: Any) -> Any:
    """Return the three polynomials at s; the cell begins at table[first]."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        found = sum_powers(load_cell(builder, data, values[1]), Four.spread(builder, values[2]))
        return _unpack(context, builder, found)

    return _THREE(table, types.int64, types.float64), generate


@does_as(_evaluate_slopes)
@intrinsic
def evaluate_slopes(context: Any, table: Any, first: Any, s: Any) -> Any:
    """Return the derivatives of the three polynomials at s, by Horner's rule."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        rows, power = load_cell(builder, data, values[1]), Four.spread(builder, values[2])
        value = 7.0 * rows[7]
        for k in range(6, 0, -1):
            value = value * power + float(k) * rows[k]
        return _unpack(context, builder, value)

    return _THREE(table, types.int64, types.float64), generate


def load_cell(builder: Any, data: Any, first: Any) -> list[Four]:
    """Return the coefficients, lowest first, of the cell that begins at data[first]."""
    kind = first.type
    return [Four.load(builder, data, builder.add(first, kind(4 * k))) for k in range(8)]


def sum_powers(rows: list[Four], power: Four) -> Four:
    """Return Σ_k rows[k] · power^k, in Estrin's order."""
    square = power * power
    pairs = [power * rows[k + 1] + rows[k] for k in (0, 2, 4, 6)]
    low, high = (square * pairs[k + 1] + pairs[k] for k in (0, 2))
    return square * square * high + low


def _unpack(context: Any, builder: Any, found: Four) -> Any:
    parts = [builder.extract_element(found.value, ir.IntType(32)(k)) for k in range(3)]
    return context.make_tuple(builder, _THREE, parts)
