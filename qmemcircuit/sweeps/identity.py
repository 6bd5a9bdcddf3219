"""The function that a sweep is of: whether processes can have it, and a lasting name of it."""

from __future__ import annotations

import functools
import hashlib
import inspect
import pickle
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def describe_function(value: Any) -> str:
    """Return a lasting name of a function with its bound arguments (not of its code)."""
    if isinstance(value, functools.partial):
        bound = [describe_function(item) for item in value.args]
        bound += [
            f"{name}={describe_function(item)}" for name, item in sorted(value.keywords.items())
        ]
        return f"{describe_function(value.func)}({', '.join(bound)})"
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if is_dataclass(value) and not isinstance(value, type):
        # Not its repr: that of a data object is brief, and names many objects alike.
        names = getattr(type(value), "described_by", None)
        names = names or [item.name for item in fields(value) if item.repr]
        shown = [f"{name}={_describe_part(getattr(value, name))}" for name in names]
        return f"{type(value).__qualname__}({', '.join(shown)})"
    if inspect.ismethod(value):
        return f"{describe_function(value.__self__)}.{value.__name__}"
    if hasattr(value, "__qualname__"):
        cells = [
            describe_function(cell.cell_contents)
            for cell in getattr(value, "__closure__", ()) or ()
        ]
        name = f"{value.__module__}.{value.__qualname__}"
        return f"{name}[{', '.join(cells)}]" if cells else name
    return _describe_part(value)


def fingerprint_code(function: Callable[..., Any]) -> str | None:
    """Return the SHA-256 of a function's source text; None where it has none (C, a prompt).

    What it calls in turn is not in it.
    """
    while isinstance(function, functools.partial):
        function = function.func
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def _describe_part(value: Any) -> str:
    """Return the whole text of a field's value; for plain values that of its repr."""
    if isinstance(value, Mapping):
        items = [f"{_describe_part(key)}: {_describe_part(item)}" for key, item in value.items()]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_describe_part, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(_describe_part, value))}]"
    if isinstance(value, np.ndarray) or (is_dataclass(value) and not isinstance(value, type)):
        return describe_function(value)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def check_importable(function: Callable[..., Any]) -> None:
    """Raise TypeError where a fresh process could not receive `function`."""
    remedy = (
        "define it with def at the top level of a module, bind parameters with "
        "functools.partial, or pass executor=concurrent.futures.ThreadPoolExecutor()"
    )
    inner = function.func if isinstance(function, functools.partial) else function
    main = sys.modules["__main__"]
    if getattr(inner, "__module__", None) == "__main__" and not hasattr(main, "__file__"):
        raise TypeError(
            f"Argument function must be importable by worker processes, but {inner!r} was "
            f"defined in an interactive session; {remedy}."
        )
    try:
        pickle.dumps(function)
    except Exception as error:
        raise TypeError(
            f"Argument function must be importable by worker processes, but {function!r} cannot "
            f"be sent to them ({error}); {remedy}."
        ) from error
