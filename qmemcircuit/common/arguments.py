"""Arguments against their annotations: the first check that every public entry makes.

A signature says what an argument is (`shots: int`, `ancilla: Literal[…] | None`,
`times: ArrayLike`). `check_arguments` holds the given values against that, so that the annotation
is stated once and true at run time; `check_fields` does so for a dataclass. Nothing is converted.
Ranges, shapes and what arguments must be together are checked by the entry itself, with `checks`.

    def find_loops(trajectory: Trajectory, device: int = 0, …) -> tuple[Loop, ...]:
        check_arguments(find_loops, locals())

What an annotation means here:

- `float`: a finite real number, of Python's, NumPy's or any other type that `float` takes; no
  string, no boolean, no complex number. `int`: an integer up to 10^15, no boolean.
- `ArrayLike` and `FloatArray`: finite real numbers of any shape. `ComplexArray`: complex ones.
- `Literal`: one of the choices. A class, a protocol, `Callable`, `Mapping`: what they say.
  `Sequence`, `tuple` and `list`: any ordered container but a string, whose entries are checked.
- `Any`: anything.
"""

from __future__ import annotations

import builtins
import inspect
import reprlib
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np

from qmemcircuit.common.acceptance import ARRAY_CHOICES, Test, acceptance
from qmemcircuit.common.checks import LARGEST_INTEGER, is_integer, is_real


class Mismatch(NamedTuple):
    """The argument (or the part of one), what it must, and what was found instead."""

    name: str
    wanted: str
    found: str
    kind: type[Exception] = TypeError


class Numbers(NamedTuple):
    """Which numbers an argument may hold beyond finite real ones."""

    infinite: bool
    missing: bool
    imaginary: bool


def check_arguments(
    function: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    infinite: Sequence[str] = (),
    missing: Sequence[str] = (),
    complex_numbers: Sequence[str] = (),
    own: Sequence[str] = (),
) -> None:
    """Raise TypeError or ValueError where a value is not what `function`'s annotation says.

    Args:
        function: whose annotations are meant.
        given: {name: value}, as `locals()` in its first line; other names are left out.
        infinite: arguments that may be infinite.
        missing: arguments that may hold NaN (and infinities): "not known".
        complex_numbers: arguments annotated `ArrayLike` that may be complex.
        own: arguments whose kind the entry checks itself, with a remedy that no annotation knows.
    """
    for name, hint, accepts in _tests(function):
        if name in given and not accepts(value := given[name]) and name not in own:
            numbers = Numbers(name in infinite, name in missing, name in complex_numbers)
            _check(name, hint, value, numbers)


def check_fields(
    instance: Any,
    *,
    infinite: Sequence[str] = (),
    missing: Sequence[str] = (),
    complex_numbers: Sequence[str] = (),
    own: Sequence[str] = (),
) -> None:
    """Do what `check_arguments` does for the fields of a dataclass, in its `__post_init__`."""
    of_class: Any = type(instance)
    for name, hint, accepts in _tests(of_class):
        value = getattr(instance, name)
        if not accepts(value) and name not in own:
            numbers = Numbers(name in infinite, name in missing, name in complex_numbers)
            _check(name, hint, value, numbers)


def check_value(name: str, hint: Any, value: Any) -> None:
    """Do what `check_arguments` does for one value and one annotation."""
    _check(name, hint, value, Numbers(infinite=False, missing=False, imaginary=False))


def _check(name: str, hint: Any, value: Any, numbers: Numbers) -> None:
    found = _mismatch(name, hint, value, numbers)
    if found is not None:
        raise found.kind(f"Argument {found.name} must {found.wanted}, but {found.found}.")


class _Names(dict[str, Any]):
    """Looks names up where a function was written; one imported only for type checkers is new.

    Such a class is then recognised by its name alone: importing Matplotlib to check an argument
    that is almost always None would be dear.
    """

    def __init__(self, module: str) -> None:
        super().__init__(vars(sys.modules[module]))

    def __missing__(self, name: str) -> Any:
        if name.startswith("__"):  # Python itself asks for some, of any mapping
            raise KeyError(name)
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return type(name, (_KnownByName,), {})


class _KnownByName:
    """Base of the classes that stand for those that are not imported here."""


@cache
def _tests(function: Any) -> list[tuple[str, Any, Test]]:
    """Return (name, annotation, quick test) of a function's arguments or a dataclass's fields."""
    hints = _hints(function)
    names = [item.name for item in fields(function)] if isinstance(function, type) else list(hints)
    return [(name, hints[name], acceptance(hints[name], _KnownByName)) for name in names]


def _hints(function: Any) -> dict[str, Any]:
    if isinstance(function, type):
        found: dict[str, Any] = {}
        for base in reversed(function.__mro__):  # each in the module where it was written
            written = types.SimpleNamespace(__annotations__=inspect.get_annotations(base))
            names = _Names(base.__module__)
            found.update(get_type_hints(written, names, names))
        return found
    names = _Names(function.__module__)
    arguments = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    return get_type_hints(types.SimpleNamespace(__annotations__=arguments), names, names)


def _wrong(name: str, wanted: str, value: Any) -> Mismatch:
    kind = "" if value is None else f" of type {type(value).__name__}"
    return Mismatch(name, wanted, f"{short(value)}{kind} was given")


def short(value: Any) -> str:
    """Return the value on one short line, whatever its size.

    >>> short("x" * 1000)
    "'xxxxxxxxxxxx...xxxxxxxxxxxxx'"
    """
    try:
        text = reprlib.repr(value)
    except ValueError:  # Python does not print an integer of more than 4300 digits
        return "a number of thousands of digits"
    return " ".join(text.split())[:120]


def _mismatch(name: str, hint: Any, value: Any, numbers: Numbers) -> Mismatch | None:
    """Return what is wrong with `value`, or None."""
    hint = getattr(hint, "__value__", hint)  # of a `type` statement
    if isinstance(hint, TypeVar):
        hint = hint.__bound__ or Any
    origin, parts = get_origin(hint), get_args(hint)
    if hint in (Any, object):
        return None
    if origin is Annotated:
        return _mismatch(name, parts[0], value, numbers)
    if origin in (Union, types.UnionType):
        return _union_mismatch(name, parts, value, numbers)
    if origin is Literal:
        return _choice_mismatch(name, parts, value)
    if hint in (None, type(None)):
        return None if value is None else _wrong(name, "be None", value)
    if hint in (bool, int, float, complex, str):
        return _scalar_mismatch(name, hint, value, numbers)
    container = origin or hint
    if container is np.ndarray:
        element = str(parts[1]) if len(parts) > 1 else ""
        if "complex" in element:
            numbers = numbers._replace(imaginary=True)
        return _array_mismatch(name, value, numbers, integers="int" in element)
    if container is Callable:
        return None if callable(value) else _wrong(name, "be callable", value)
    if not isinstance(container, type):
        return None
    if issubclass(container, Mapping):
        return _mapping_mismatch(name, parts, value, numbers)
    if issubclass(container, tuple | list) or container is Sequence:
        return _sequence_mismatch(name, container, parts, value, numbers)
    return _class_mismatch(name, container, value)


def _union_mismatch(
    name: str, choices: tuple[Any, ...], value: Any, numbers: Numbers
) -> Mismatch | None:
    if isinstance(value, np.ndarray):
        # First: to say that an array is no number, it is written out, a millisecond for nothing.
        arrays = [choice for choice in choices if (get_origin(choice) or choice) is np.ndarray]
        if any(_mismatch(name, choice, value, numbers) is None for choice in arrays):
            return None
    found: list[Mismatch] = []
    if set(choices) >= ARRAY_CHOICES:
        choices = tuple(choice for choice in choices if choice not in ARRAY_CHOICES)
        problem = _array_mismatch(name, value, numbers)
        if problem is None:
            return None
        found.append(problem)
    for choice in choices:
        problem = _mismatch(name, choice, value, numbers)
        if problem is None:
            return None
        found.append(problem)
    # Where one alternative has the right type, or is a container of such, it says most.
    precise = [problem for problem in found if problem.kind is ValueError or problem.name != name]
    if precise:
        return precise[0]
    wanted = " or ".join(dict.fromkeys(problem.wanted.removeprefix("be ") for problem in found))
    return found[0]._replace(wanted=f"be {wanted}")


def _choice_mismatch(name: str, choices: tuple[Any, ...], value: Any) -> Mismatch | None:
    # NumPy's words are strings; but True is not the choice 1.
    plain = str(value) if isinstance(value, str) else value
    if any(type(plain) is type(choice) and plain == choice for choice in choices):
        return None
    listed = ", ".join(repr(choice) for choice in choices)
    found = _wrong(name, f"be one of {listed}", value)
    same = any(type(value) is type(choice) for choice in choices)
    return found._replace(found=f"{short(value)} was given", kind=ValueError) if same else found


def _scalar_mismatch(name: str, hint: type, value: Any, numbers: Numbers) -> Mismatch | None:
    if hint is str:
        return None if isinstance(value, str) else _wrong(name, "be a string", value)
    if hint is bool:
        good = isinstance(value, bool | np.bool_)
        return None if good else _wrong(name, "be True or False", value)
    if hint is int:
        if not is_integer(value):
            return _wrong(name, "be an integer", value)
        if abs(int(value)) > LARGEST_INTEGER:
            return Mismatch(name, "be at most 10^15", f"{short(int(value))} was given", ValueError)
        return None
    if hint is complex and isinstance(value, complex | np.complexfloating):
        return None if np.isfinite(value) else _unbounded(name, value)
    if not is_real(value):
        return _wrong(name, "be a real number", value)
    return None if _bounded(np.array(float(value)), numbers).all() else _unbounded(name, value)


def _unbounded(name: str, value: Any) -> Mismatch:
    return Mismatch(name, "be finite", f"{value} was given", ValueError)


def _bounded(array: Any, numbers: Numbers) -> Any:
    """Return which of the numbers are allowed."""
    if numbers.missing:
        return np.ones(array.shape, dtype=bool)
    return ~np.isnan(array) if numbers.infinite else np.isfinite(array)


def _array_mismatch(
    name: str, value: Any, numbers: Numbers, *, integers: bool = False
) -> Mismatch | None:
    word, kinds = ("numbers", "biufc") if numbers.imaginary else ("real numbers", "biuf")
    word, kinds = ("integers", "iu") if integers else (word, kinds)
    wanted = f"be an array of {word}"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        return _wrong(name, wanted, value)
    if array.dtype.kind not in kinds:
        return _wrong(name, wanted, value)
    bounded = _bounded(array, numbers)
    if not bounded.all():
        where = tuple(int(index) for index in np.argwhere(~bounded)[0])
        place = f"{name}[{', '.join(map(str, where))}]" if where else name
        return Mismatch(name, "be finite", f"{place} is {array[where]}", ValueError)
    return None


def _mapping_mismatch(
    name: str, parts: tuple[Any, ...], value: Any, numbers: Numbers
) -> Mismatch | None:
    if not isinstance(value, Mapping):
        return _wrong(name, "be a mapping", value)
    for key, item in value.items() if parts else ():
        problem = _mismatch(f"{name}: key {short(key)}", parts[0], key, numbers)
        problem = problem or _mismatch(f"{name}[{short(key)}]", parts[1], item, numbers)
        if problem is not None:
            return problem
    return None


def _sequence_mismatch(
    name: str, container: type, parts: tuple[Any, ...], value: Any, numbers: Numbers
) -> Mismatch | None:
    ordered = isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim > 0)
    if not ordered or isinstance(value, str | bytes):
        return _wrong(name, "be a sequence", value)
    if issubclass(container, tuple) and parts and parts[-1] is not ...:
        if len(value) != len(parts):
            found = f"{short(value)} of {len(value)} was given"
            return Mismatch(name, f"have {len(parts)} entries", found, ValueError)
        hints = parts
    elif not parts or (isinstance(value, range) and parts[0] in (int, float)):
        return None
    elif isinstance(value, np.ndarray) and value.ndim == 1 and parts[0] is float:
        return _array_mismatch(name, value, numbers)  # the same for long arrays, but fast
    else:
        hints = (parts[0],) * len(value)
    for index, (hint, item) in enumerate(zip(hints, value, strict=True)):
        problem = _mismatch(f"{name}[{index}]", hint, item, numbers)
        if problem is not None:
            return problem
    return None


def _class_mismatch(name: str, container: type, value: Any) -> Mismatch | None:
    word = container.__name__
    article = "an" if word[0] in "AEIOU" else "a"
    if issubclass(container, _KnownByName):
        known = any(base.__name__ == word for base in type(value).__mro__)
    elif getattr(container, "_is_protocol", False):
        # Python checks protocols only where they are `runtime_checkable`, and takes classes too.
        if not getattr(container, "_is_runtime_protocol", False):
            return None
        known = isinstance(value, container) and not isinstance(value, type)
    else:
        known = isinstance(value, container)
        if not known and inspect.isabstract(container) and not isinstance(value, type):
            # An abstract class of ours says which methods it takes; so does `Target`.
            known = all(hasattr(value, method) for method in vars(container)["__abstractmethods__"])
    return None if known else _wrong(name, f"be {article} {word}", value)
