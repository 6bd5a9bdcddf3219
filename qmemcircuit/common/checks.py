"""The checks that every public entry shares; each error names argument, value and remedy."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def is_real(value: Any) -> bool:
    """Whether `value` is a real number: one that `float` takes, but no string and no boolean."""
    if isinstance(value, bool | np.bool_ | str | bytes | complex | np.complexfloating):
        return False
    if isinstance(value, np.ndarray) and value.ndim > 0:
        return False
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):  # the last: an integer beyond 1.8e308
        return False
    return True


def is_integer(value: Any) -> bool:
    """Whether `value` is an integer, of Python's, NumPy's or another type; booleans are none."""
    if isinstance(value, bool | np.bool_):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def check_real(
    name: str, value: Any, *, minimum: float = -math.inf, exclusive: bool = False
) -> float:
    """Return `value` as a finite float not below `minimum` (above it, when `exclusive`)."""
    if not is_real(value):
        raise TypeError(f"Argument {name} must be a real number, but {value!r} was given.")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"Argument {name} must be finite, but {number} was given.")
    if number < minimum or (exclusive and number == minimum):
        bound = "greater than" if exclusive else "at least"
        raise ValueError(f"Argument {name} must be {bound} {minimum:g}, but {number:g} was given.")
    return number


def check_boolean(name: str, value: Any) -> bool:
    """Return `value` as a bool; strings such as "no", which are true, are refused."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"Argument {name} must be True or False, but {value!r} was given.")
    return bool(value)


LARGEST_INTEGER = 10**15
"""Beyond any number of shots or steps, and well within 64 bits."""


def check_integer(name: str, value: Any, *, minimum: int, remedy: str = "") -> int:
    """Return `value` as an int, `minimum` to 10^15; floats, bools and strings are refused."""
    if not is_integer(value):
        raise TypeError(
            f"Argument {name} must be an integer, but {value!r} of type "
            f"{type(value).__name__} was given." + (f" {remedy}" if remedy else "")
        )
    number = operator.index(value)
    if number < minimum:
        raise ValueError(
            f"Argument {name} must be at least {minimum}, but {number} was given."
            + (f" {remedy}" if remedy else "")
        )
    if number > LARGEST_INTEGER:
        raise ValueError(f"Argument {name} must be at most 10^15, but {number:.3g} was given.")
    return number


def check_work(name: str, number: float, most: float, what: str) -> None:
    """Raise ValueError where `number` of `what`, which an argument asks for, is beyond `most`."""
    if not number <= most:
        raise ValueError(
            f"Argument {name} must ask for at most {most:,.0f} {what}, but {number:.4g} were asked "
            "for; ask for fewer."
        )


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"Argument {name} must be one of {listed}, but {value!r} was given.")
    return str(value)


def check_times(times: ArrayLike, *, minimum_length: int = 1) -> FloatArray:
    """Return `times` as a read-only copy: finite, non-negative, strictly increasing, shape (T,)."""
    try:
        checked = np.array(times, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            f"Argument times must be an array of real numbers, but {type(times).__name__} "
            "that cannot be read as one was given."
        ) from None
    if checked.ndim != 1 or checked.size < minimum_length:
        raise ValueError(
            f"Argument times must be one-dimensional with at least {minimum_length} entries, "
            f"but an array of shape {checked.shape} was given; memristor.periods(3, points=30) "
            "makes one."
        )
    if not np.isfinite(checked).all():
        where = int(np.flatnonzero(~np.isfinite(checked))[0])
        raise ValueError(
            f"Argument times must be finite, but times[{where}] is {checked[where]}; "
            "remove that entry."
        )
    if checked[0] < 0:
        raise ValueError(
            f"Argument times must start at 0 or later, but times[0] is {checked[0]:g}; "
            "the initial state is given at t = 0."
        )
    rising = checked[1:] > checked[:-1]
    if not rising.all():
        where = int(np.flatnonzero(~rising)[0])
        raise ValueError(
            f"Argument times must increase strictly, but times[{where + 1}] = "
            f"{checked[where + 1]:g} follows times[{where}] = {checked[where]:g}; sort the times "
            "and drop repetitions."
        )
    checked.flags.writeable = False
    return checked


def check_memory(name: str, needed: int, what: str, remedy: str) -> None:
    """Raise ValueError where `what`, which takes `needed` bytes, exceeds the free memory."""
    available = available_memory()
    if needed > available:
        raise ValueError(
            f"Argument {name} must fit into memory, but {what} needs {needed:,} bytes and "
            f"{available:,} are available; {remedy}"
        )


def available_memory() -> int:
    """Return the bytes that can be allocated without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def check_density_matrix(name: str, value: ArrayLike, *, dimension: int) -> ComplexArray:
    """Return `value` as a (dimension, dimension) density matrix; a state vector is promoted.

    Trace 1, Hermiticity and positivity are required to 1e-9: far above rounding, far below
    anything that 10^9 shots could see.
    """
    try:
        matrix = np.array(value, dtype=complex)
    except (TypeError, ValueError):
        raise TypeError(
            f"Argument {name} must be a matrix of numbers, but {value!r} was given."
        ) from None
    if matrix.shape == (dimension,):
        matrix = np.outer(matrix, matrix.conj())
    if matrix.shape != (dimension, dimension):
        raise ValueError(
            f"Argument {name} must have shape ({dimension}, {dimension}) or ({dimension},), "
            f"but shape {matrix.shape} was given."
        )
    if not np.all(np.isfinite(matrix)):
        raise ValueError(f"Argument {name} must be finite, but it holds NaN or infinity.")
    trace = complex(np.trace(matrix))
    if abs(trace - 1) > 1e-9:
        raise ValueError(
            f"Argument {name} must have trace 1, but its trace is {trace:.6g}; divide by it."
        )
    if np.abs(matrix - matrix.conj().T).max() > 1e-9:
        raise ValueError(
            f"Argument {name} must be Hermitian, but it differs from its adjoint by "
            f"{np.abs(matrix - matrix.conj().T).max():.3g}."
        )
    smallest = float(np.linalg.eigvalsh(matrix).min())
    if smallest < -1e-9:
        raise ValueError(
            f"Argument {name} must be positive semidefinite, but its smallest eigenvalue is "
            f"{smallest:.3g}; project it to a physical state first."
        )
    return matrix
