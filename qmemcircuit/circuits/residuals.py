"""How far a circuit of constant depth may be from the exact map, and what happens where it is more.

A residual bounds the trace distance to the master equation for every input state; it is never
hidden: above the tolerance, compiling refuses, or warns where that was asked.
"""

from __future__ import annotations

import warnings
from typing import Literal, Protocol

from qmemcircuit.common.checks import check_choice, check_integer, check_real

TOLERANCE = 0.005
"""Default of the largest residual: what the closed form keeps at the paper's coupling, doubled."""

MOST_COLLISIONS = 8
"""Of each memristor: 57 two-qubit gates of a pair. Beyond, steps are no dearer (`fused`)."""

Exceeded = Literal["refuse", "warn"]
"""What happens where the tolerance cannot be met."""


class Compiled(Protocol):
    """The circuit for one time, as far as it is judged here."""

    @property
    def time(self) -> float:
        """t."""

    @property
    def residual(self) -> float:
        """The largest trace distance to the master equation, of any input."""

    @property
    def collisions(self) -> int:
        """Of each memristor."""


def check_options(tolerance: float, collisions: int | None, exceeded: str) -> None:
    """Refuse a tolerance, a number of collisions, or a word that means nothing."""
    if check_real("tolerance", tolerance) <= 0:
        raise ValueError(
            f"Argument tolerance must be above 0, but {tolerance:g} was given: no circuit is "
            "exact to the last digit; 1 accepts any."
        )
    if collisions is not None and (
        check_integer("collisions", collisions, minimum=1) > MOST_COLLISIONS
    ):
        raise ValueError(
            f"Argument collisions must be at most {MOST_COLLISIONS}, but {collisions} was given; "
            "with so many, steps are cheaper: splitting='fused'."
        )
    check_choice("exceeded", exceeded, ("refuse", "warn"))


def report_exceeded(
    what: str, worst: Compiled, tolerance: float, exceeded: Exceeded, remedy: str
) -> None:
    """Refuse or warn: the tolerance is not met by the `worst` circuit of a compiled `what`."""
    found = (
        f"its circuits in {worst.collisions} collisions a memristor reach {worst.residual:.2g} "
        f"at t = {worst.time:g}"
    )
    if exceeded == "warn":
        warnings.warn(
            f"The compiled {what} exceeds its tolerance of {tolerance:g}: {found}; no input comes "
            "out farther from the master equation than that.",
            UserWarning,
            stacklevel=3,
        )
        return
    raise ValueError(
        f"Argument tolerance must be one that the compiled {what} can meet, but {tolerance:g} was "
        f"asked and {found}. {remedy}, allow more collisions or a larger tolerance, or go on with "
        "exceeded='warn' (ConstantDepth(…) as the splitting)."
    )
