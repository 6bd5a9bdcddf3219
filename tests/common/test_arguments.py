"""Annotations hold at run time: what each of them takes, what it refuses, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from numpy.typing import ArrayLike

import qmemcircuit as qm
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray

if TYPE_CHECKING:
    from nowhere import Unimported


def entry(
    number: float = 1.0,
    count: int = 1,
    flag: bool = False,
    word: str = "a",
    choice: Literal["a", "b"] | None = None,
    array: ArrayLike | None = None,
    table: FloatArray | None = None,
    integers: IntArray | None = None,
    waves: ComplexArray | None = None,
    pair: tuple[float, float] = (0.0, 1.0),
    many: Sequence[int] = (),
    named: Mapping[str, float] | None = None,
    function: Callable[[float], float] = abs,
    rate: qm.DecayRate | None = None,
    memristor: qm.Memristor | None = None,
    stranger: Unimported | None = None,
    anything: Any = None,
    end: float = 0.0,
    state: ArrayLike | None = None,
) -> dict[str, Any]:
    given = locals().copy()
    check_arguments(entry, given, infinite=("end",), complex_numbers=("state",))
    return given


class Unimported:
    """A class that the module above knows for type checkers alone has this name."""


MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=0.8)


@pytest.mark.parametrize(
    "given",
    [
        {"number": 1},
        {"number": np.float32(0.5)},
        {"number": np.array(0.5)},
        {"count": np.int64(3)},
        {"flag": np.True_},
        {"choice": "b"},
        {"array": [1, 2]},
        {"array": 0.5},
        {"array": [True, False]},
        {"integers": np.arange(3)},
        {"waves": np.array([1j])},
        {"pair": [1, 2]},
        {"many": np.arange(3)},
        {"named": {"x": 1}},
        {"function": np.sin},
        {"rate": qm.ConstantRate(0.1)},
        {"memristor": MEMRISTOR},
        {"stranger": Unimported()},
        {"anything": object()},
        {"end": float("inf")},
        {"state": [1, 1j]},
    ],
)
def test_what_fits_is_taken_as_it_is_and_nowhere_else(given):
    """Nothing is converted; the same value is refused where a memristor (or a number) belongs."""
    ((name, value),) = given.items()
    assert entry(**given)[name] is value
    other = "memristor" if name != "memristor" else "number"
    with pytest.raises(TypeError, match=f"Argument {other} must be a"):
        entry(**{other: value})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"number": "1"}, "Argument number must be a real number, but '1' of type str was given"),
        ({"number": True}, "Argument number must be a real number"),
        ({"number": 1j}, "Argument number must be a real number"),
        ({"number": 10**400}, "Argument number must be a real number"),
        ({"number": float("nan")}, "Argument number must be finite, but nan was given"),
        ({"number": float("inf")}, "Argument number must be finite"),
        ({"count": 1.0}, "Argument count must be an integer"),
        ({"count": 10**16}, r"Argument count must be at most 10\^15"),
        ({"flag": "no"}, "Argument flag must be True or False"),
        ({"word": 3}, "Argument word must be a string"),
        ({"choice": "c"}, "Argument choice must be one of 'a', 'b', but 'c' was given"),
        ({"array": "abc"}, "Argument array must be an array of real numbers or None"),
        ({"array": [1j]}, "Argument array must be an array of real numbers"),
        ({"array": [[1.0], [1.0, 2.0]]}, "Argument array must be an array of real numbers"),
        ({"array": [0.0, np.nan]}, r"Argument array must be finite, but array\[1\] is nan"),
        ({"table": np.array(["x"])}, "Argument table must be an array of real numbers"),
        ({"integers": np.array([0.5])}, "Argument integers must be an array of integers"),
        ({"pair": (1.0,)}, r"Argument pair must have 2 entries, but \(1.0,\) of 1 was given"),
        ({"pair": (1.0, "x")}, r"Argument pair\[1\] must be a real number"),
        ({"many": 3}, "Argument many must be a sequence"),
        ({"many": "123"}, "Argument many must be a sequence"),
        ({"named": {"x": "y"}}, r"Argument named\['x'\] must be a real number"),
        ({"function": 3}, "Argument function must be callable"),
        ({"rate": qm.ConstantRate}, "Argument rate must be a DecayRate"),
        ({"memristor": 1}, "Argument memristor must be a Memristor or None, but 1 of type int"),
        ({"stranger": 1}, "Argument stranger must be an Unimported or None"),
        ({"end": float("nan")}, "Argument end must be finite"),
    ],
)
def test_what_does_not_fit_is_named(given, message):
    with pytest.raises((TypeError, ValueError), match=message):
        entry(**given)


@dataclass(frozen=True)
class Thing:
    size: int
    share: float = float("nan")

    def __post_init__(self) -> None:
        check_fields(self, missing=("share",))


def test_fields_are_checked_and_nothing_is_converted():
    assert Thing(np.int64(3)).size.__class__ is np.int64
    with pytest.raises(
        TypeError, match=r"Argument size must be an integer, but 3\.0 of type float"
    ):
        Thing(3.0)
    with pytest.raises(TypeError, match="Argument share must be a real number"):
        Thing(3, "x")


@pytest.mark.parametrize(
    "law",
    [
        qm.SquidRate(0.4, omega=1.0),
        qm.ConstantRate(0.1),
        qm.FunctionRate(lambda t: 0.1),
        qm.TabulatedRate((0.0, 1.0), integrals=(0.0, 0.1)),
    ],
)
def test_laws_refuse_what_is_no_time(law):
    """They returned NaN for NaN."""
    for bad in (float("nan"), [0.0, float("inf")], "0.1", 1j):
        with pytest.raises((TypeError, ValueError), match=r"Argument times.* must"):
            law.value(bad)
        with pytest.raises((TypeError, ValueError), match=r"Argument stop.* must"):
            law.integral(0.0, bad)


def test_a_grid_of_a_million_million_times_is_refused():
    """It ended in a bare MemoryError."""
    for count, points in ((10**12, 30), (1, 10**12), (1e300, 10)):
        with pytest.raises(ValueError, match="Argument count must ask for at most"):
            MEMRISTOR.periods(count, points=points)
