"""Right-hand sides as C functions: how one compiled stepper calls any system's equations.

Numba's cache on disk knows a function by its file and its name, and a closure by what it closes
over, which it pickles with a new identity in every process: a closure over a compiled function is
never found again. The C functions here are therefore no closures: each is a template whose global
name `inner` is the system's function, and whose own name tells that function and its file's stamp.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic

from qmemcircuit.neurons.dynamics.integration.kernels import cfunc, does_as

_POINTER = types.CPointer(types.float64)
_ROW = types.Array(types.float64, 1, "C")
RATE = types.void(types.float64, _POINTER, _POINTER, _POINTER, types.intp)
"""f(t, y, change, p, length of p); ∂f/∂y(t, y, matrix, p, length) has the same."""
LANES = types.void(types.intp, *[_POINTER] * 4, types.intp, _POINTER, types.intp)
"""Of many orbits at once: (L, t, y, change, their numbers, how many each, shared ones, length)."""
EVENT = types.float64(types.float64, _ROW, _ROW)
"""An event's value(t, y, q)."""


def _rate(t: float, state: Any, change: Any, numbers: Any, length: int) -> None:
    inner(t, carray(state, (n,)), carray(change, (n,)), carray(numbers, (length,)))  # type: ignore[name-defined]  # noqa: F821


def _jacobian(t: float, state: Any, matrix: Any, numbers: Any, length: int) -> None:
    inner(t, carray(state, (n,)), carray(matrix, (n, n)), carray(numbers, (length,)))  # type: ignore[name-defined]  # noqa: F821


def _rate_lanes(
    lanes: int, t: Any, state: Any, change: Any, own: Any, many: int, table: Any, length: int
) -> None:
    times, states = carray(t, (lanes,)), carray(state, (n, lanes))  # type: ignore[name-defined]  # noqa: F821
    changes, numbers = carray(change, (n, lanes)), carray(own, (many, lanes))  # type: ignore[name-defined]  # noqa: F821
    for lane in range(lanes):
        inner(times[lane], states[:, lane], changes[:, lane], numbers[:, lane])  # type: ignore[name-defined]  # noqa: F821


def _jacobian_lanes(
    lanes: int, t: Any, state: Any, matrix: Any, own: Any, many: int, table: Any, length: int
) -> None:
    times, states = carray(t, (lanes,)), carray(state, (n, lanes))  # type: ignore[name-defined]  # noqa: F821
    matrices, numbers = carray(matrix, (n, n, lanes)), carray(own, (many, lanes))  # type: ignore[name-defined]  # noqa: F821
    for lane in range(lanes):
        inner(times[lane], states[:, lane], matrices[:, :, lane], numbers[:, lane])  # type: ignore[name-defined]  # noqa: F821


def _rate_side_by_side(
    lanes: int, t: Any, state: Any, change: Any, own: Any, many: int, table: Any, length: int
) -> None:
    inner(  # type: ignore[name-defined]  # noqa: F821
        carray(t, (lanes,)), carray(state, (n, lanes)), carray(change, (n, lanes)),  # type: ignore[name-defined]  # noqa: F821
        carray(own, (many, lanes)), carray(table, (length,)),
    )  # fmt: skip


def _jacobian_side_by_side(
    lanes: int, t: Any, state: Any, matrix: Any, own: Any, many: int, table: Any, length: int
) -> None:
    inner(  # type: ignore[name-defined]  # noqa: F821
        carray(t, (lanes,)), carray(state, (n, lanes)), carray(matrix, (n, n, lanes)),  # type: ignore[name-defined]  # noqa: F821
        carray(own, (many, lanes)), carray(table, (length,)),
    )  # fmt: skip


def with_globals_of_now(function: Callable[..., None]) -> Callable[..., None]:
    """Return a plain function whose global names keep what they stand for now."""
    if not isinstance(function, FunctionType):
        return function
    return FunctionType(
        function.__code__, dict(function.__globals__), function.__name__, function.__defaults__,
        function.__closure__,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Callback:
    """A function that the stepper calls: Python's own, and C's once it is asked for.

    Attributes:
        function: plain, or compiled by numba.
        compile: returns the C function, which must outlive its address.
    """

    function: Callable[..., Any]
    compile: Callable[[], Any]

    @cached_property
    def code(self) -> Any:
        """The C function."""
        return self.compile()

    @property
    def address(self) -> int:
        """Where the C function stands in memory."""
        return int(self.code.address)


def rate_callback(function: Callable[..., None], dimension: int, *, cache: bool) -> Callback:
    """Return a right-hand side of `dimension` variables as a callback."""
    return Callback(function, partial(_compile, _rate, RATE, function, dimension, cache))


def jacobian_callback(function: Callable[..., None], dimension: int, *, cache: bool) -> Callback:
    """Return a Jacobian as a callback."""
    return Callback(function, partial(_compile, _jacobian, RATE, function, dimension, cache))


def event_callback(function: Callable[[float, Any, Any], float]) -> Callback:
    """Return an event's value(t, y, q), kept on disk, as a callback."""
    return Callback(function, partial(cfunc(EVENT, cache=True), function))


def compile_lanes(
    function: Callable[..., None], dimension: int, *, rate: bool, many: bool, cache: bool
) -> Any:
    """Return the C function that does many orbits at once.

    `function` is one orbit's right-hand side (`rate`) or Jacobian, which is then called lane by
    lane; or, with `many`, takes all lanes: (t (L,), y (n, L), change (n, L), numbers (m, L),
    table).
    """
    if many:
        template: Any = _rate_side_by_side if rate else _jacobian_side_by_side
    else:
        template = _rate_lanes if rate else _jacobian_lanes
    return _compile(template, LANES, function, dimension, cache)


def _compile(
    template: Any, kind: Any, function: Callable[..., None], dimension: int, cache: bool
) -> Any:
    inner = function if hasattr(function, "py_func") else njit(function)
    plain = inner.py_func
    made = FunctionType(template.__code__, {"inner": inner, "carray": carray, "n": dimension})
    made.__module__ = __name__
    made.__qualname__ = made.__name__ = f"{template.__name__}_{dimension}"
    if cache:
        found = os.stat(inspect.getfile(plain))
        owner = f"{plain.__module__}.{plain.__qualname__}".replace(".", "_")
        made.__qualname__ += f"_{owner}_{found.st_mtime_ns}_{found.st_size}"
        made.__name__ = made.__qualname__
    return cfunc(kind, cache=cache)(made)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


@does_as(_call)
@intrinsic
def call_rate(context: Any, address: Any, t: Any, y: Any, change: Any, p: Any) -> Any:
    """Call the C function of a right-hand side at `address` on contiguous arrays."""
    return types.void(types.int64, types.float64, _ROW, _ROW, _ROW), _generate_call


@does_as(_call)
@intrinsic
def call_jacobian(context: Any, address: Any, t: Any, y: Any, matrix: Any, p: Any) -> Any:
    """Call the C function of a Jacobian at `address`."""
    square = types.Array(types.float64, 2, "C")
    return types.void(types.int64, types.float64, _ROW, square, _ROW), _generate_call


def _generate_call(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    pairs = list(zip(signature.args[2:], values[2:], strict=True))
    arrays = [context.make_array(kind)(context, builder, value) for kind, value in pairs]
    number, pointer = ir.DoubleType(), ir.DoubleType().as_pointer()
    length = arrays[-1].nitems
    kind = ir.FunctionType(ir.VoidType(), [number, pointer, pointer, pointer, length.type])
    function = builder.inttoptr(values[0], kind.as_pointer())
    builder.call(function, [values[1], *(array.data for array in arrays), length])
    return context.get_dummy_value()


@intrinsic
def call_lanes(
    context: Any, address: Any, lanes: Any, t: Any, y: Any, change: Any, p: Any, table: Any
) -> Any:
    """Call the C function of `lanes` orbits at `address` on contiguous, flat arrays."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pairs = list(zip(signature.args[2:], values[2:], strict=True))
        arrays = [context.make_array(kind)(context, builder, value) for kind, value in pairs]
        pointer, whole = ir.DoubleType().as_pointer(), arrays[-1].nitems.type
        each = builder.sdiv(arrays[3].nitems, values[1])
        kind = ir.FunctionType(ir.VoidType(), [whole, *[pointer] * 4, whole, pointer, whole])
        function = builder.inttoptr(values[0], kind.as_pointer())
        data = [array.data for array in arrays]
        builder.call(function, [values[1], *data[:4], each, data[4], arrays[4].nitems])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, *[_ROW] * 5), generate


@does_as(_call)
@intrinsic
def call_event(context: Any, address: Any, t: Any, y: Any, q: Any) -> Any:
    """Call the C function of an event at `address`."""

    def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in EVENT.args]
        kind = ir.FunctionType(context.get_value_type(EVENT.return_type), kinds)
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), list(values[1:]))

    return types.float64(types.int64, *EVENT.args), generate
