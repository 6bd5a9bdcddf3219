"""Quick tests of annotations: "certainly right", so that only the rest is looked at closely.

Nearly all arguments are right, and most of them in the plainest way: a float, an array of floats,
an instance of the class. `acceptance(hint)` is a function that says True for such values alone;
False means nothing. What is wrong, and in which words, only `qmemcircuit.common.arguments` says;
tests/common/test_arguments.py holds the two together.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import LARGEST_INTEGER

Test = Callable[[Any], bool]

ARRAY_CHOICES = set(get_args(ArrayLike))
"""`ArrayLike` is itself a union, which dissolves in `ArrayLike | None`."""

EXACT = 2**53
"""Up to this an integer is a float."""


def acceptance(hint: Any, unknown: type) -> Test:
    """Return a test that accepts only what `hint` accepts without any allowance.

    `unknown` is the base of classes that stand for those that are not imported; none is accepted.
    """
    hint = getattr(hint, "__value__", hint)  # of a `type` statement
    origin, parts = get_origin(hint), get_args(hint)
    if isinstance(hint, TypeVar):
        return acceptance(hint.__bound__ or Any, unknown)
    if hint in (Any, object):
        return lambda value: True
    if origin is Annotated:
        return acceptance(parts[0], unknown)
    if origin in (Union, types.UnionType):
        return _any_of(parts, unknown)
    if origin is Literal:
        words = frozenset(choice for choice in parts if type(choice) is str)
        return lambda value: type(value) is str and value in words
    if hint in _PLAIN:
        return _PLAIN[hint]
    container = origin or hint
    if container is np.ndarray:
        element = str(parts[1]) if len(parts) > 1 else ""
        return _array_of("iu" if "int" in element else "fc" if "complex" in element else "f")
    if container is Callable:
        return callable
    if not isinstance(container, type) or issubclass(container, unknown):
        return lambda value: False
    if issubclass(container, Mapping):
        return _mapping_of(parts, unknown)
    if issubclass(container, tuple | list) or container is Sequence:
        return _sequence_of(container, parts, unknown)
    if getattr(container, "_is_protocol", False):
        return lambda value: False
    return lambda value: isinstance(value, container)


def _any_of(choices: tuple[Any, ...], unknown: type) -> Test:
    tests: list[Test] = []
    if set(choices) >= ARRAY_CHOICES:
        choices = tuple(choice for choice in choices if choice not in ARRAY_CHOICES)
        array = _array_of("f")
        tests.append(lambda value: _is_float(value) or array(value))
    tests = [acceptance(choice, unknown) for choice in choices if not _is_none(choice)] + tests
    one_of = reduce(_either, tests)
    if not any(map(_is_none, choices)):
        return one_of
    # None first: most options are not given.
    return lambda value: value is None or one_of(value)


def _is_none(hint: Any) -> bool:
    return hint in (None, type(None))


def _either(first: Test, second: Test) -> Test:
    return lambda value: first(value) or second(value)


def _array_of(kinds: str) -> Test:
    # A sum of squares is finite where all numbers are, and one pass; squares that overflow are
    # left to the closer look.
    return lambda value: (
        type(value) is np.ndarray
        and value.dtype.kind in kinds
        and math.isfinite(np.vdot(value, value).real)
    )


def _mapping_of(parts: tuple[Any, ...], unknown: type) -> Test:
    if not parts:
        return lambda value: isinstance(value, Mapping)
    key_test, item_test = (acceptance(part, unknown) for part in parts)
    return lambda value: (
        isinstance(value, Mapping)
        and all(key_test(key) and item_test(item) for key, item in value.items())
    )


def _sequence_of(container: type, parts: tuple[Any, ...], unknown: type) -> Test:
    if issubclass(container, tuple) and parts and parts[-1] is not ...:
        tests = [acceptance(part, unknown) for part in parts]
        return lambda value: (
            type(value) in (tuple, list)
            and len(value) == len(tests)
            and all(test(item) for test, item in zip(tests, value, strict=True))
        )
    if not parts:
        return lambda value: type(value) in (tuple, list)
    test = acceptance(parts[0], unknown)
    return lambda value: type(value) in (tuple, list) and all(map(test, value))


def _is_float(value: Any) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int and -EXACT < value < EXACT


_PLAIN: dict[Any, Test] = {
    None: lambda value: value is None,
    type(None): lambda value: value is None,
    bool: lambda value: type(value) is bool,
    int: lambda value: type(value) is int and -LARGEST_INTEGER <= value <= LARGEST_INTEGER,
    float: _is_float,
    complex: _is_float,
    str: lambda value: type(value) is str,
}
