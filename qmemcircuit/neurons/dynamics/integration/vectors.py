"""Four numbers at a time in LLVM's own code, written as ordinary arithmetic.

Numba makes vectors only of simple loops over arrays of which it can see that they do not overlap.
Where that is not so, a loop is written for LLVM with these. LLVM splits the vectors where a
processor has shorter ones, and fuses a product and a sum where it can (fewer roundings).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

_DOUBLE, _WHOLE = ir.DoubleType(), ir.IntType(32)
FOUR = ir.VectorType(_DOUBLE, 4)
_NOTHING = ir.Constant(FOUR, ir.Undefined)
_FUSED = ("contract",)


class Four:
    """Four numbers; a sum, difference or product with four others, or with a plain number."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    @classmethod
    def load(cls, builder: Any, data: Any, place: Any) -> Four:
        """Return those of an array that stand from `place` on."""
        return cls(builder, builder.load(_pointer(builder, data, place, FOUR), align=8))

    def store(self, data: Any, place: Any) -> None:
        """Write them into an array from `place` on."""
        kind = self.value.type
        self.builder.store(self.value, _pointer(self.builder, data, place, kind), align=8)

    @classmethod
    def spread(cls, builder: Any, number: Any) -> Four:
        """Return a number four times."""
        single = builder.insert_element(_NOTHING, number, _WHOLE(0))
        return cls(builder, single).shuffled((0, 0, 0, 0))

    def shuffled(self, places: Sequence[int], other: Four | None = None) -> Four:
        """Return the numbers at `places`; from 4 on those of `other`."""
        order = ir.Constant(ir.VectorType(_WHOLE, len(places)), list(places))
        second = _NOTHING if other is None else other.value
        return Four(self.builder, self.builder.shuffle_vector(self.value, second, order))

    def __add__(self, other: Any) -> Four:
        return Four(self.builder, self.builder.fadd(self.value, _value(other), flags=_FUSED))

    def __sub__(self, other: Any) -> Four:
        return Four(self.builder, self.builder.fsub(self.value, _value(other), flags=_FUSED))

    def __mul__(self, other: Any) -> Four:
        return Four(self.builder, self.builder.fmul(self.value, _value(other), flags=_FUSED))

    def __neg__(self) -> Four:
        return Four(self.builder, self.builder.fneg(self.value))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Four:
        return Four(self.builder, self.builder.fsub(_value(other), self.value, flags=_FUSED))

    def __rtruediv__(self, other: Any) -> Four:
        return Four(self.builder, self.builder.fdiv(_value(other), self.value))

    def is_below(self, other: Any) -> Any:
        """Return where they are less; nowhere where one is NaN."""
        return self.builder.fcmp_ordered("<", self.value, _value(other))

    def is_at_most(self, other: Any) -> Any:
        """Return where they are not greater; nowhere where one is NaN."""
        return self.builder.fcmp_ordered("<=", self.value, _value(other))

    def where(self, condition: Any, other: Any) -> Four:
        """Return these where the condition holds, `other` elsewhere."""
        return Four(self.builder, self.builder.select(condition, self.value, _value(other)))

    def size(self) -> Four:
        """Return their absolute values."""
        turned = -self
        return self.where(turned.is_below(self), turned)


class Rows:
    """A two-dimensional array's data and the distance of its rows."""

    def __init__(self, builder: Any, data: Any, stride: Any) -> None:
        self.builder, self.data, self.stride = builder, data, stride

    def place(self, row: int, column: Any) -> Any:
        """Return where an entry stands in the data."""
        start = self.builder.mul(self.stride, self.stride.type(row))
        return self.builder.add(start, column)

    def load(self, row: int, column: Any) -> Four:
        """Return four columns of a row."""
        return Four.load(self.builder, self.data, self.place(row, column))

    def store(self, numbers: Four, row: int, column: Any) -> None:
        """Write four columns of a row."""
        numbers.store(self.data, self.place(row, column))


def transpose(rows: Sequence[Four]) -> list[Four]:
    """Return the four columns of four rows."""
    even = [rows[k].shuffled((0, 4, 2, 6), rows[k + 1]) for k in (0, 2)]
    odd = [rows[k].shuffled((1, 5, 3, 7), rows[k + 1]) for k in (0, 2)]
    return [
        first.shuffled(places, second)
        for places in ((0, 1, 4, 5), (2, 3, 6, 7))
        for first, second in (even, odd)
    ]


def _pointer(builder: Any, data: Any, place: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())


def _value(other: Any) -> Any:
    return other.value if isinstance(other, Four) else ir.Constant(FOUR, [float(other)] * 4)
