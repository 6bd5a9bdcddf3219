"""What every data object of the library does alike: print briefly, compare by content, travel.

`@data_object` above `@dataclass(frozen=True, eq=False)` gives a class

- a `repr` of at most ten lines: shapes and ranges of arrays, sizes of everything else; the plain
  `Name(field=value, …)` of a dataclass where that fits on one line and holds no array;
- the same as a table in a notebook (`_repr_html_`);
- `==` by content: arrays of equal shape and numbers, NaN equal to NaN. Fields with
  `compare=False` (provenance: when and where, not what) are left out;
- a hash of the sizes, so that equal objects have equal hashes and can be keys of a dictionary;
- pickling of its fields alone, without what was computed and kept on the way.

Classes that hold no arrays keep the equality and the hash of their dataclass.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from numbers import Number
from typing import Any, TypeVar, overload

import numpy as np

T = TypeVar("T")
K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)

MOST_LINES = 10
"""Lines of a `repr`, its first line with the name included."""

LINE_WIDTH = 100

SAME = "same"
"""Key of a field's metadata: a function (a, b) -> bool that replaces `==` for its values."""


class FrozenMapping(Mapping[K, V_co]):
    """A dictionary that cannot be changed, and that pickles and copies (a mappingproxy cannot).

    It equals any mapping of the same content, arrays compared by their numbers.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, V_co]) -> None:
        plain = items._items if isinstance(items, FrozenMapping) else items
        self._items: dict[K, V_co] = dict(plain)

    def __getitem__(self, key: K) -> V_co:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and same_content(self, other)

    def __hash__(self) -> int:
        return hash(_size_key(self))

    def __repr__(self) -> str:
        return brief(self, LINE_WIDTH)

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMapping, (self._items,)


@overload
def data_object(cls: type[T]) -> type[T]: ...
@overload
def data_object(*, also: tuple[str, ...]) -> Callable[[type[T]], type[T]]: ...
def data_object(
    cls: type[T] | None = None, *, also: tuple[str, ...] = ()
) -> type[T] | Callable[[type[T]], type[T]]:
    """Give a dataclass the behaviour that the module describes.

    Args:
        cls: the dataclass. What it defines itself stays.
        also: names of properties that its `repr` shows before the fields.
    """
    if cls is None:
        return lambda other: _equip(other, also)
    return _equip(cls, also)


def _equip(cls: type[T], also: tuple[str, ...]) -> type[T]:
    parameters = cls.__dataclass_params__  # type: ignore[attr-defined]
    methods: dict[str, Any] = {"_repr_html_": _as_html}
    if parameters.repr:
        cls.__repr__ = summary_text  # type: ignore[method-assign]
    if not parameters.eq:
        methods |= {"__eq__": _equal, "__hash__": _hash}
    if parameters.frozen:
        methods |= {"__getstate__": _state, "__setstate__": _restore}
    for name, method in methods.items():
        # A class without __hash__ of its own, but with __eq__, has None there.
        if cls.__dict__.get(name) is None:
            setattr(cls, name, method)
    cls._shown_first = also  # type: ignore[attr-defined]
    return cls


def same_content(first: Any, second: Any) -> bool:
    """Return whether two values say the same: arrays by shape and numbers, NaN equal to NaN."""
    if first is second:
        return True
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return _same_arrays(first, second)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(
            same_content(first[key], second[key]) for key in first
        )
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(same_content, first, second))
    if isinstance(first, Number) and isinstance(second, Number):
        # Any: bool(nan != nan) says NaN, for every type of number.
        one, other = first, second
        return bool(one == other) or (bool(one != one) and bool(other != other))
    try:
        return bool(first == second)
    except ValueError:  # an array-like that will not say yes or no
        return False


def _same_arrays(first: Any, second: Any) -> bool:
    if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray)):
        return False
    if first.shape != second.shape:
        return False
    numeric = all(item.dtype.kind in "fc" for item in (first, second))
    return bool(np.array_equal(first, second, equal_nan=numeric))


def _equal(self: Any, other: Any) -> Any:
    if type(self) is not type(other):
        return NotImplemented
    for item in fields(self):
        if item.compare:
            same = item.metadata.get(SAME, same_content)
            if not same(getattr(self, item.name), getattr(other, item.name)):
                return False
    return True


def _hash(self: Any) -> int:
    """Hash what equal objects certainly have in common; arrays count by their shape alone."""
    parts = [
        _size_key(getattr(self, item.name))
        for item in fields(self)
        if item.compare and SAME not in item.metadata
    ]
    return hash((type(self).__qualname__, *parts))


def _size_key(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape
    if isinstance(value, Mapping):
        return frozenset(value)
    if isinstance(value, list | tuple):
        return tuple(_size_key(item) for item in value)
    if isinstance(value, Number) and value != value:
        return "NaN"  # the hash of a NaN is its identity
    try:
        return hash(value)
    except TypeError:
        return type(value).__qualname__


def _state(self: Any) -> dict[str, Any]:
    values = {item.name: self.__dict__[item.name] for item in fields(self)}
    read_only = [
        name
        for name, value in values.items()
        if isinstance(value, np.ndarray) and not value.flags.writeable
    ]
    return {"fields": values, "read_only": read_only}


def _restore(self: Any, state: Mapping[str, Any]) -> None:
    self.__dict__.update(state["fields"])
    for name in state["read_only"]:  # NumPy forgets it on the way
        self.__dict__[name].flags.writeable = False


def summary_text(thing: Any) -> str:
    """Return the `repr` of a data object: one line, or at most ten."""
    line = _one_line(thing)
    if line is not None and len(line) <= LINE_WIDTH:
        return line
    rows = summary_rows(thing)
    width = max((len(name) for name, _ in rows), default=0)
    room = LINE_WIDTH - width - 4
    return "\n".join(
        [type(thing).__name__, *(f"  {name:<{width}}  {_cut(text, room)}" for name, text in rows)]
    )


def _as_html(self: Any) -> str:
    """Return the `repr` as a table for a notebook; every text is escaped."""
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(text)}</td></tr>'
        for name, text in summary_rows(self, width=400)
    )
    name = html.escape(type(self).__name__)
    return f'<table><caption style="text-align:left"><b>{name}</b></caption>{rows}</table>'


def summary_rows(thing: Any, *, width: int = LINE_WIDTH) -> list[tuple[str, str]]:
    """Return (name, what is in it) of a data object's fields, at most nine, absent ones left out.

    Fields that find no room are named in the last row.
    """
    own = (item.name for item in fields(thing) if item.repr)
    names = dict.fromkeys((*type(thing)._shown_first, *own))
    values = [(name, getattr(thing, name)) for name in names]
    there = [(name, value) for name, value in values if not _is_absent(value)]
    if len(there) <= MOST_LINES - 1:
        return [(name, brief(value, width)) for name, value in there]
    shown, rest = there[: MOST_LINES - 2], there[MOST_LINES - 2 :]
    rows = [(name, brief(value, width)) for name, value in shown]
    return [*rows, ("and", _cut(", ".join(name for name, _ in rest), width))]


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping | tuple | list | str) and len(value) == 0)


def _one_line(thing: Any) -> str | None:
    """Return the plain dataclass text, defaults left out; None where a field holds an array."""
    parts = []
    for item in fields(thing):
        if not item.repr:
            continue
        value = getattr(thing, item.name)
        if _holds_bulk(value):
            return None
        if item.default is not MISSING and same_content(value, item.default):
            continue
        parts.append(f"{item.name}={value!r}")
    text = f"{type(thing).__qualname__}({', '.join(parts)})"
    return None if type(thing)._shown_first or "\n" in text else text


def _holds_bulk(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(value) > MOST_LINES or any(_holds_bulk(item) for item in value)
    return isinstance(value, np.ndarray | Mapping)


def brief(value: Any, width: int = LINE_WIDTH) -> str:
    """Return one line, at most `width` characters, that says what a value is and how large."""
    return _cut(_brief(value), width)


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return _brief_array(value)
    if isinstance(value, bool | int | str) or value is None:
        return value if isinstance(value, str) else repr(value)
    if isinstance(value, float):  # also NumPy's
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        if all(isinstance(item, str) for item in value.values()):
            return ", ".join(f"{key}: {item}" for key, item in value.items())
        return f"{len(value)}: {', '.join(str(key) for key in value)}"
    if isinstance(value, list | tuple):
        return _brief_sequence(value)
    if isinstance(value, complex):
        return f"{value:.4g}"
    if is_dataclass(value) and hasattr(type(value), "_shown_first"):
        kind: Any = type(value)
        if not kind.__dataclass_params__.repr:  # it has its own
            return " ".join(repr(value).split())
        line = _one_line(value)
        if line is not None and len(line) <= LINE_WIDTH:
            return line
        rows = summary_rows(value)
        return f"{type(value).__name__}: {'; '.join(f'{name} {text}' for name, text in rows)}"
    text = " ".join(repr(value).split())
    if " at 0x" in text:  # an address says nothing
        name = getattr(value, "name", None)
        return type(value).__name__ + (f" {name!r}" if isinstance(name, str) else "")
    return text


def _brief_sequence(value: list[Any] | tuple[Any, ...]) -> str:
    if value and all(
        isinstance(row, tuple) and all(isinstance(entry, complex) for entry in row) for row in value
    ):
        return _brief_array(np.asarray(value))  # a matrix, as models keep it
    if len(value) > 1 and all(same_content(item, value[0]) for item in value[1:]):
        return f"{len(value)} × {_brief_part(value[0])}"
    whole = ", ".join(map(_brief_part, value[:MOST_LINES]))
    if len(value) <= MOST_LINES and len(whole) <= LINE_WIDTH - 10:
        return whole
    return f"{len(value)}: {whole}{', …' if len(value) > MOST_LINES else ''}"


def _brief_part(value: Any) -> str:
    return f"({_brief(value)})" if isinstance(value, list | tuple) else _brief(value)


def _brief_array(value: np.ndarray[Any, Any]) -> str:
    kinds = {"f": "real", "c": "complex", "i": "integer", "u": "integer", "b": "boolean"}
    if value.ndim <= 1 and value.size <= 4 and value.dtype.kind != "c":
        return " ".join(np.array2string(value, precision=4).split())
    text = f"{kinds.get(value.dtype.kind, str(value.dtype))} {value.shape}"
    if value.dtype.kind not in "fiu" or value.size == 0:
        return text
    known = value[np.isfinite(value)]
    unknown = value.size - known.size
    within = f", {known.min():.4g} … {known.max():.4g}" if known.size else ""
    return f"{text}{within}" + (f", {unknown} not finite" if unknown else "")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
