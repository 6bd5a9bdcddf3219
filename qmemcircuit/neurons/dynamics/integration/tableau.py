"""DOP853's sums over stages as vector code, on one array of all that a step needs.

Numba cannot know that the arrays of a sum do not overlap, and looks anew for every sum, which takes
nine times as long as a sum of four variables. These are written for LLVM instead, some numbers at
a time, the weights in the code; LLVM splits the vectors where a processor has shorter ones.

A row of the array `work` holds one number for every variable: rows 0 … 15 are the stages' slopes,
the others have names. The number of columns is a multiple of `ONE` or `MANY`; those that are no
variable's are zero.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from scipy.integrate import DOP853

# STEP holds the step once for every number, STANDS whether it was accepted (1 or 0), ARGUMENT
# where the last slope was taken; FIFTH and THIRD are estimates of the error, DENSE … DENSE + 6 the
# interpolant's coefficients.
STATE, NEW, ARGUMENT, STEP, STANDS, FIFTH, THIRD, DENSE = range(16, 24)
ROWS = DENSE + 7
LAST = 12
"""The row of the new state, and of its slope; 13 … 15 are the interpolant's further stages."""

TIMES = np.concatenate([DOP853.C[:LAST], [1.0], DOP853.C_EXTRA])
"""Where each stage stands, as a fraction of the step."""
_STAGES = dict(enumerate([*DOP853.A[1:LAST], DOP853.B, *DOP853.A_EXTRA], 1))
_SUMS = {FIFTH: DOP853.E5, THIRD: DOP853.E3, **dict(enumerate(DOP853.D, DENSE + 3))}

_VECTOR = ir.VectorType(ir.DoubleType(), 4)
_WORK = types.Array(types.float64, 2, "C")
_FUSED = ("contract",)
ONE, MANY = 4, 16
"""Columns that are done at a time: of one orbit, and of many side by side."""


def _advance(columns: int) -> Any:
    @intrinsic
    def advance(context: Any, work: Any, row: Any) -> Any:
        """Write STATE + STEP Σ_j a_j k[j], stage `row`'s argument; of row LAST the new state."""

        def write(builder: Any, rows: _Rows, row: int, places: list[Any], values: Any) -> None:
            out = NEW if row == LAST else ARGUMENT
            totals = rows.sums(builder, _STAGES[row], places)
            for at, total in zip(places, totals, strict=True):
                step, state = (rows.load(builder, name, at) for name in (STEP, STATE))
                rows.store(builder, _fused(builder, step, total, state), out, at)

        return types.void(_WORK, types.int64), _code(columns, _STAGES, write)

    return advance


def _add_up(columns: int) -> Any:
    @intrinsic
    def add_up(context: Any, work: Any, row: Any) -> Any:
        """Write Σ_j a_j k[j] into `row`: FIFTH, THIRD, or one of DENSE + 3 … DENSE + 6."""

        def write(builder: Any, rows: _Rows, row: int, places: list[Any], values: Any) -> None:
            totals = rows.sums(builder, _SUMS[row], places)
            for at, total in zip(places, totals, strict=True):
                rows.store(builder, total, row, at)

        return types.void(_WORK, types.int64), _code(columns, _SUMS, write)

    return add_up


@intrinsic
def weigh_errors(context: Any, work: Any, rtol: Any, atol: Any) -> Any:
    """Write the squares of FIFTH and THIRD over the tolerance atol + rtol max(|STATE|, |NEW|)."""

    def write(builder: Any, rows: _Rows, row: int, places: list[Any], values: Any) -> None:
        relative, least = (_spread(builder, value) for value in values[1:])
        for at in places:
            old, new = (_size(builder, rows.load(builder, k, at)) for k in (STATE, NEW))
            larger = builder.select(builder.fcmp_ordered(">", old, new), old, new)
            scale = builder.fdiv(
                ir.Constant(_VECTOR, [1.0] * 4), _fused(builder, relative, larger, least)
            )
            for name in (FIFTH, THIRD):
                share = builder.fmul(rows.load(builder, name, at), scale)
                rows.store(builder, builder.fmul(share, share), name, at)

    kinds = (types.float64, types.float64)
    return types.void(_WORK, *kinds), _code(MANY, None, write)


@intrinsic
def take_over(context: Any, work: Any) -> Any:
    """Write the new states and their slopes over the old ones where the step STANDS."""

    def write(builder: Any, rows: _Rows, row: int, places: list[Any], values: Any) -> None:
        zero = ir.Constant(_VECTOR, [0.0] * 4)
        for at in places:
            stands = builder.fcmp_ordered(">", rows.load(builder, STANDS, at), zero)
            for old, new in ((STATE, NEW), (0, LAST)):
                known = [rows.load(builder, name, at) for name in (new, old)]
                rows.store(builder, builder.select(stands, *known), old, at)

    return types.void(_WORK), _code(MANY, None, write)


def _size(builder: Any, value: Any) -> Any:
    turned = builder.fneg(value)
    return builder.select(builder.fcmp_ordered(">", value, turned), value, turned)


def _spread(builder: Any, value: Any) -> Any:
    whole = ir.IntType(32)
    single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, whole(0))
    first = ir.Constant(ir.VectorType(whole, 4), [0] * 4)
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), first)


class _Rows:
    """The array's data and the distance of its rows."""

    def __init__(self, data: Any, stride: Any) -> None:
        self.data, self.stride = data, stride

    def _place(self, builder: Any, row: int, at: Any) -> Any:
        place = builder.add(builder.mul(self.stride, self.stride.type(row)), at)
        return builder.bitcast(builder.gep(self.data, [place]), _VECTOR.as_pointer())

    def load(self, builder: Any, row: int, at: Any) -> Any:
        """Return four columns of a row."""
        return builder.load(self._place(builder, row, at), align=8)

    def store(self, builder: Any, value: Any, row: int, at: Any) -> None:
        """Write four columns of a row."""
        builder.store(value, self._place(builder, row, at), align=8)

    def sums(self, builder: Any, weights: Any, places: list[Any]) -> list[Any]:
        """Return Σ_j a_j k[j] at each place; the stage that is known last comes last."""
        totals: list[Any] = [None] * len(places)
        for stage in np.flatnonzero(weights).tolist():
            weight = ir.Constant(_VECTOR, [float(weights[stage])] * 4)
            for i, at in enumerate(places):
                slope = self.load(builder, stage, at)
                totals[i] = (
                    builder.fmul(weight, slope)
                    if totals[i] is None
                    else _fused(builder, weight, slope, totals[i])
                )
        return totals


def _code(columns: int, known: Any, write: Callable[..., None]) -> Callable[..., Any]:
    """Return numba's generator of a loop over the columns; of a branch to one for each row."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        work = context.make_array(signature.args[0])(context, builder, values[0])
        rows = _Rows(work.data, cgutils.unpack_tuple(builder, work.shape)[1])
        kind = rows.stride.type

        def loop(row: int | None) -> None:
            with cgutils.for_range_slice(
                builder, kind(0), rows.stride, kind(columns), kind, inc=True
            ) as (at, _):
                places = [builder.add(at, kind(i)) for i in range(0, columns, 4)]
                write(builder, rows, row, places, values)

        if known is None:
            loop(None)
            return context.get_dummy_value()
        end = builder.append_basic_block("end")
        switch = builder.switch(values[1], end)
        for row in known:
            block = builder.append_basic_block(f"row_{row}")
            switch.add_case(ir.Constant(values[1].type, row), block)
            builder.position_at_end(block)
            loop(row)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return generate


def _fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a·b + c, with one rounding where the processor can."""
    return builder.fadd(builder.fmul(a, b, flags=_FUSED), c, flags=_FUSED)


advance, add_up = _advance(ONE), _add_up(ONE)
advance_many, add_up_many = _advance(MANY), _add_up(MANY)
