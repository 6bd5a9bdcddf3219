"""`Estimate`: one quantity's value, standard error, interval and raw value, in one small object."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object, summary_text

Quantity = TypeVar("Quantity", bound=float | FloatArray)


@data_object
@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Generic[Quantity]):
    """A number with what is known of its error; or a series of such numbers, all of one shape.

    Attributes:
        value: the estimate, corrected where a correction is known.
        standard_error: one standard error, None where exact or where only an interval is known.
        lower, upper: ends of the interval, None where exact. Where it is lopsided about the
            value, quote it instead of the standard error.
        raw: the value before any correction (of bias, noise, mitigation); None where it is the
            same.
        level: the probability with which the interval is meant to hold the truth, in (0, 1); None
            where it was not stated. How well it does is said where the estimate is made.

    Raises:
        ValueError: where only one end of the interval is given, where shapes differ, for a negative
            standard error, and for lower > upper. That the value lies between them is *not*
            required: a corrected value and an interval can come from different arguments.

    >>> Estimate(0.11037, 0.0123, 0.0904, 0.1312, level=0.95)
    0.110 ± 0.012 [0.090, 0.131] at 95 %
    >>> Estimate(0.5)
    0.5
    >>> Estimate(0.163, 0.837, 0.0, 1.0, level=0.95)   # a ± would say nothing
    0.16 [0.00, 1.00] at 95 %
    """

    value: Quantity
    standard_error: Quantity | None = None
    lower: Quantity | None = None
    upper: Quantity | None = None
    raw: Quantity | None = None
    level: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, missing=("value", "standard_error", "lower", "upper", "raw"))
        shape = np.shape(self.value)
        for name in ("value", "standard_error", "lower", "upper", "raw"):
            given = getattr(self, name)
            if given is None:
                continue
            if np.shape(given) != shape:
                raise ValueError(
                    f"Argument {name} must have the shape of value, {shape}, but "
                    f"{np.shape(given)} was given."
                )
            plain = np.asarray(given, dtype=float)
            object.__setattr__(self, name, plain if shape else float(plain))
        if (self.lower is None) != (self.upper is None):
            raise ValueError(
                "Arguments lower and upper must be given together, but only one of them was; an "
                "open interval has an end at ±inf."
            )
        if self.standard_error is not None and np.any(np.asarray(self.standard_error) < 0):
            raise ValueError(
                f"Argument standard_error must not be negative, but {self.standard_error!r} was "
                "given."
            )
        if self.lower is not None and np.any(np.asarray(self.lower) > np.asarray(self.upper)):
            raise ValueError(
                f"Argument lower must not exceed upper, but {self.lower!r} and {self.upper!r} "
                "were given."
            )
        if self.level is not None and not 0 < self.level < 1:
            raise ValueError(
                f"Argument level must lie between 0 and 1, but {self.level!r} was given; 0.95 is "
                "usual."
            )

    @property
    def is_exact(self) -> bool:
        """Whether neither an error nor an interval is known."""
        return self.standard_error is None and self.lower is None

    @property
    def interval(self) -> tuple[Quantity, Quantity] | None:
        """(lower, upper), or None."""
        if self.lower is None or self.upper is None:
            return None
        return self.lower, self.upper

    @property
    def is_lopsided(self) -> Any:
        """Whether one side of the interval is more than twice as long as the other, per place.

        Then no ± describes it: print the interval. Also where the value is outside; False where
        there is no interval.
        """
        if self.lower is None or self.upper is None:
            return False if np.ndim(self.value) == 0 else np.zeros(np.shape(self.value), dtype=bool)
        below = np.asarray(self.value) - np.asarray(self.lower)
        above = np.asarray(self.upper) - np.asarray(self.value)
        found = np.maximum(below, above) > 2 * np.minimum(below, above)
        return found if np.ndim(self.value) else bool(found)

    def __getitem__(self, index: int) -> Estimate[float]:
        """Return the estimate at one place of a series; TypeError for a single number."""
        check_arguments(Estimate.__getitem__, locals())
        if np.ndim(self.value) != 1:
            raise TypeError(
                "Argument index must be left out unless the estimate is a series, but its value "
                f"has shape {np.shape(self.value)}; read value, standard_error, lower and upper."
            )
        parts = (self.value, self.standard_error, self.lower, self.upper, self.raw)
        at_place = [None if part is None else float(np.asarray(part)[index]) for part in parts]
        return Estimate(*at_place, level=self.level)  # type: ignore[arg-type, misc]

    def __repr__(self) -> str:
        return summary_text(self) if np.ndim(self.value) else str(self)

    def __str__(self) -> str:
        """Return `value ± error [lower, upper] at level`, with two digits of the error.

        Without the error where the interval is lopsided.
        """
        if np.ndim(self.value):
            return repr(self)
        error, interval = self.standard_error, self.interval
        if self.is_lopsided:
            error = None
        form = _form(_half_width(interval) if error is None else float(error))
        words = format(float(self.value), form)
        if error is not None:
            words += f" ± {format(float(error), form)}"
        if interval is not None:
            words += f" [{', '.join(format(float(end), form) for end in interval)}]"
            if self.level is not None:
                words += f" at {100 * self.level:.3g} %"
        return words


def _half_width(interval: tuple[Any, Any] | None) -> float:
    return math.nan if interval is None else float(interval[1] - interval[0]) / 2


def _form(error: float) -> str:
    """Return the format that shows two digits of `error`."""
    if not math.isfinite(error) or error <= 0:
        return ".6g"
    decimals = 1 - math.floor(math.log10(error))
    return f".{decimals}f" if 0 <= decimals <= 9 else ".6g"
