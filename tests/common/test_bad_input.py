"""Bad input to every public entry: right, refused by name, and in time. Nothing else.

Each case is a valid call (`example_calls`) with one argument replaced by a bad value. What may
happen: the call returns, or our own code raises one of `REFUSALS` with a message that names an
argument («Argument x must …, but …»), or a file is not there. A traceback of another library, a
MemoryError, a warning (they are errors here) or a call that does not return in time is a failure.
For a value of the wrong kind even returning is one: `NEVER` says which values those are.
"""

from __future__ import annotations

import contextlib
import inspect
import random
import re
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_calls import example
from public_entries import OURS, ROOMS, entries_with_arguments, public_objects

import qmemcircuit

pytestmark = pytest.mark.xdist_group("bad input")  # Numba compiles once, in one process

GRAMMAR = re.compile(r"\AArguments? \S.* must .+, but .+", re.DOTALL)
REFUSALS = (ValueError, TypeError, IndexError, KeyError, ImportError, OSError, RuntimeError)
PACKAGE = Path(qmemcircuit.__file__).parent
SECONDS = 20.0
"""Of the processor for one call, so that a busy machine makes no difference; Numba may compile."""


class Stranger:
    """An object of no class that anything here takes."""

    def __repr__(self) -> str:
        return "<a stranger>"


NEVER: dict[str, Any] = {
    "a stranger": Stranger(),
    "a class": Stranger,
    "a word": "no such word",
    "bytes": b"\x00\xff",
    "a complex number": 1 + 2j,
    "NaN": float("nan"),
    "NaN in an array": [0.0, float("nan")],
    "words in a list": ["x", "y"],
    "a ragged list": [[1.0, 2.0], [3.0]],
    "an integer beyond any float": 10**400,
    "a dictionary": {"x": object()},
    "a set": {1.0, 2.0},
    "an ellipsis": ...,
}
"""No number, no array, no choice, no object of ours. (Paths and names may be any word.)"""

UNLIKELY: dict[str, Any] = {
    "None": None,
    "True": True,
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "zero": 0,
    "minus one": -1,
    "a half": 0.5,
    "a huge float": 1e100,
    "a huge integer": 10**12,
    "a tiny number": 1e-100,
    "an empty list": [],
    "an empty array": np.zeros((0, 3)),
    "a cube": np.zeros((2, 2, 2)),
    "NumPy's integer": np.int64(1),
    "NumPy's float": np.float32(0.5),
    "an array of shape ()": np.array(1.0),
    "an empty word": "",
    "a function": lambda *_: None,
}
"""Right for some arguments and wrong for others."""


UNKNOWN = {
    # What was not measured, or does not exist there, is NaN in these results.
    "Estimate": ("value", "standard_error", "lower", "upper", "raw"),
    "Trajectory": ("voltage", "current", "voltage_error", "current_error", "current_covariance"),
    "RotationNumber": ("value", "error"),
    "HopfCurve": ("resistances", "biases", "frequencies"),
    "Route": ("seconds", "memory", "error"),
}

FUNCTIONS = r"Callable|Execute|Photons|Current|StepSampler"
"""Annotations of functions: what a reader's own function raises is the reader's to see."""


class Late(BaseException):
    """Not an Exception: nothing under test may catch it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Late

    clocks = ((signal.SIGPROF, signal.ITIMER_PROF, 1), (signal.SIGALRM, signal.ITIMER_REAL, 20))
    before = [signal.signal(number, stop) for number, _, _ in clocks]
    for _, clock, factor in clocks:  # a call that sleeps takes no processor
        signal.setitimer(clock, factor * seconds)
    try:
        yield
    finally:
        for (number, clock, _), handler in zip(clocks, before, strict=True):
            signal.setitimer(clock, 0)
            signal.signal(number, handler)


def raised_by_us(error: BaseException) -> bool:
    """Whether the last frame of the traceback is this package's, not a library's under it."""
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    return PACKAGE in Path(last).parents


def outcome(label: str, argument: str, bad: Any, *, kind_is_wrong: bool) -> str:
    """Return "right", "refused" or what went wrong."""
    call, arguments = example(label)
    try:
        with time_limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error")
            call(**{**arguments, argument: bad})
    except Late:
        return f"no answer in {SECONDS:g} s"
    except REFUSALS as error:
        if label.endswith(".__getitem__") and isinstance(error, IndexError):
            return "refused"  # how Python's sequences end
        if type(error).__module__.startswith("qmemcircuit."):
            return "refused"  # an exception of ours: no orbit found, an integration that stopped
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        if GRAMMAR.match(text) and raised_by_us(error):
            return "refused"
        return f"{type(error).__name__}: {text[:150]}"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:150]}"
    return "accepted what it cannot mean" if kind_is_wrong else "right"


def annotation_of(label: str, argument: str) -> str:
    found = public_objects()
    entry = found.get(label) or getattr(found[label.rpartition(".")[0]], label.rpartition(".")[2])
    return str(inspect.signature(entry).parameters[argument].annotation)


def may_be_right(label: str, argument: str, name: str) -> bool:
    """Whether one of `NEVER` can be right after all."""
    annotation = annotation_of(label, argument)
    words = r"\bstr\b|\bAny\b|PathLike|Path\b"  # any name, label or path; anything at all
    if re.search(words, annotation) or (name == "a complex number" and "omplex" in annotation):
        return True
    if name == "a ragged list":
        return re.search(r"(Sequence|tuple)\[(ArrayLike|FloatArray)", annotation) is not None
    entry = label.rpartition(".")[2]
    return name.startswith("NaN") and argument in UNKNOWN.get(entry, ())


@cache
def cases(number: int) -> list[tuple[str, str, str, Any, bool]]:
    """Return so many of all cases (about 30,000), drawn once and for all."""
    found = []
    for label, arguments in sorted(entries_with_arguments().items()):
        for argument in arguments:
            takes_function = re.search(FUNCTIONS, annotation_of(label, argument))
            for name, bad in NEVER.items():
                if name == "a class" and takes_function:
                    continue
                found.append((label, argument, name, bad, not may_be_right(label, argument, name)))
            for name, bad in UNLIKELY.items():
                if name != "a function" or not takes_function:
                    found.append((label, argument, name, bad, False))
    return random.Random(20261126).sample(found, number)


def run(chosen: list[tuple[str, str, str, Any, bool]]) -> Counter[str]:
    """Run the cases; fail with all that went wrong."""
    counted: Counter[str] = Counter()
    wrong = []
    for label, argument, name, bad, never in chosen:
        found = outcome(label, argument, bad, kind_is_wrong=never)
        counted[found if found in ("right", "refused") else "wrong"] += 1
        if found not in ("right", "refused"):
            wrong.append(f"{label}({argument} = {name}): {found}")
    assert not wrong, f"{len(wrong)} of {len(chosen)} went wrong:\n" + "\n".join(wrong)
    return counted


def test_every_public_entry_has_an_example() -> None:
    """A new entry without one, or whose example is no valid call, fails here."""
    for label in entries_with_arguments():
        _, arguments = example(label)
        assert arguments is not None, label


def test_what_is_left_out_is_used_by_nobody_else() -> None:
    root = Path(__file__).parents[2]
    texts = [
        root / "README.md",
        *root.glob("docs/pages/**/*.md"),
        *root.glob("notebooks/*.ipynb"),
        *root.glob("experiments/**/*.py"),
    ]
    for path in texts:
        text = path.read_text()
        for room, names in OURS.items():
            for name in names:
                imported = re.search(rf"from {re.escape(room)} import [^\n]*\b{name}\b", text)
                assert imported is None, (path, name)
    assert set(OURS) <= set(ROOMS)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Calls that write, write into a folder of their own."""
    monkeypatch.chdir(tmp_path)


# The first part belongs to the fast suite; the slow parts bring the cases to 10,000.
PARTS = [(0, 500), *((start, start + 2375) for start in range(500, 10_000, 2375))]


@pytest.mark.parametrize(
    ("first", "last"),
    [PARTS[0], *(pytest.param(*part, marks=pytest.mark.slow) for part in PARTS[1:])],
)
def test_bad_input_is_refused_by_name(elsewhere: None, first: int, last: int) -> None:
    counted = run(cases(10_000)[first:last])
    assert counted["refused"] > counted["right"]


def test_the_parts_are_ten_thousand_cases() -> None:
    assert PARTS[-1][1] == 10_000
    assert [last for _, last in PARTS[:-1]] == [first for first, _ in PARTS[1:]]
