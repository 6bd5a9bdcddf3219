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

from qmemcircuit.neurons.dynamics.integration.kernels import does_as
from qmemcircuit.neurons.dynamics.integration.vectors import Four, Rows

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

_WORK, _ROW = types.Array(types.float64, 2, "C"), types.Array(types.float64, 1, "C")
ONE, MANY = 4, 16
"""Columns that are done at a time: of one orbit, and of many side by side."""


def _advance_in_python(work: Any, row: int) -> None:
    total = _STAGES[row] @ work[: len(_STAGES[row])]
    work[NEW if row == LAST else ARGUMENT] = work[STEP] * total + work[STATE]


def _add_up_in_python(work: Any, row: int) -> None:
    work[row] = _SUMS[row] @ work[: len(_SUMS[row])]


def _advance(columns: int) -> Any:
    @does_as(_advance_in_python)
    @intrinsic
    def advance(context: Any, work: Any, row: Any) -> Any:
        """Write STATE + STEP Σ_j a_j k[j], stage `row`'s argument; of row LAST the new state."""

        def write(rows: Rows, row: int, places: list[Any], values: Any) -> None:
            out = NEW if row == LAST else ARGUMENT
            totals = _sums(rows, _STAGES[row], places)
            for at, total in zip(places, totals, strict=True):
                rows.store(rows.load(STEP, at) * total + rows.load(STATE, at), out, at)

        return types.void(_WORK, types.int64), _code(columns, _STAGES, write)

    return advance


def _add_up(columns: int) -> Any:
    @does_as(_add_up_in_python)
    @intrinsic
    def add_up(context: Any, work: Any, row: Any) -> Any:
        """Write Σ_j a_j k[j] into `row`: FIFTH, THIRD, or one of DENSE + 3 … DENSE + 6."""

        def write(rows: Rows, row: int, places: list[Any], values: Any) -> None:
            totals = _sums(rows, _SUMS[row], places)
            for at, total in zip(places, totals, strict=True):
                rows.store(total, row, at)

        return types.void(_WORK, types.int64), _code(columns, _SUMS, write)

    return add_up


@intrinsic
def weigh_errors(context: Any, work: Any, rtol: Any, atol: Any) -> Any:
    """Write FIFTH² and THIRD² over the square of the tolerance atol + rtol max(|STATE|, |NEW|)."""

    def write(rows: Rows, row: int, places: list[Any], values: Any) -> None:
        relative, least = (Four.spread(rows.builder, value) for value in values[1:])
        # Both sums before anything is written: the compiler reads each slope once.
        both = [_sums(rows, _SUMS[name], places) for name in (FIFTH, THIRD)]
        for at, fifth, third in zip(places, *both, strict=True):
            old, new = (rows.load(k, at).size() for k in (STATE, NEW))
            larger = old.where(new.is_below(old), new)
            scale = 1.0 / (relative * larger + least)
            for name, total in ((FIFTH, fifth), (THIRD, third)):
                share = total * scale
                rows.store(share * share, name, at)

    kinds = (types.float64, types.float64)
    return types.void(_WORK, *kinds), _code(MANY, None, write)


@intrinsic
def take_over(context: Any, work: Any) -> Any:
    """Write the new states and their slopes over the old ones where the step STANDS."""

    def write(rows: Rows, row: int, places: list[Any], values: Any) -> None:
        for at in places:
            fails = rows.load(STANDS, at).is_at_most(0.0)
            for old, new in ((STATE, NEW), (0, LAST)):
                rows.store(rows.load(old, at).where(fails, rows.load(new, at)), old, at)

    return types.void(_WORK), _code(MANY, None, write)


@intrinsic
def repeat(context: Any, numbers: Any, work: Any, row: Any) -> Any:
    """Write the numbers of all lanes, (L,), into `row`, once for every variable."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        each, all_rows = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:2], values[:2], strict=True)
        )
        stride, lanes = cgutils.unpack_tuple(builder, all_rows.shape)[1], each.nitems
        kind = stride.type
        begin = builder.mul(values[2], stride)
        ranges = builder.sdiv(stride, lanes)
        with cgutils.for_range_slice(builder, kind(0), lanes, kind(4), kind, inc=True) as (at, _):
            found = Four.load(builder, each.data, at)
            with cgutils.for_range(builder, ranges) as loop:
                column = builder.add(builder.mul(loop.index, lanes), at)
                found.store(all_rows.data, builder.add(begin, column))
        return context.get_dummy_value()

    return types.void(_ROW, _WORK, types.int64), generate


def _sums(rows: Rows, weights: Any, places: list[Any]) -> list[Four]:
    """Return Σ_j a_j k[j] at each place; the stage that is known last comes last."""
    first, *others = np.flatnonzero(weights).tolist()
    totals = [float(weights[first]) * rows.load(first, at) for at in places]
    for stage in others:
        weight = float(weights[stage])
        totals = [
            weight * rows.load(stage, at) + total for at, total in zip(places, totals, strict=True)
        ]
    return totals


def _code(columns: int, known: Any, write: Callable[..., None]) -> Callable[..., Any]:
    """Return numba's generator of a loop over the columns; of a branch to one for each row."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        work = context.make_array(signature.args[0])(context, builder, values[0])
        rows = Rows(builder, work.data, cgutils.unpack_tuple(builder, work.shape)[1])
        kind = rows.stride.type

        def loop(row: int | None) -> None:
            with cgutils.for_range_slice(
                builder, kind(0), rows.stride, kind(columns), kind, inc=True
            ) as (at, _):
                places = [builder.add(at, kind(i)) for i in range(0, columns, 4)]
                write(rows, row, places, values)

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


advance, add_up = _advance(ONE), _add_up(ONE)
advance_many, add_up_many = _advance(MANY), _add_up(MANY)
