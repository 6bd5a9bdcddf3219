"""`TabulatedRate`: a decay-rate law known at given times, by its values or by its integrals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.laws.rates import DecayRate, finite_times, stops_with


@data_object
@dataclass(frozen=True, init=False)
class TabulatedRate:
    """A law known at given times: `from_values` makes one of measured rates.

    Args:
        times: T ≥ 2 increasing times, the first one 0.
        integrals: ∫Γ from 0 to each time, so the first one is 0; by keyword only. Saved files
            keep laws of a reader's own in this form.
        rates: Γ at each time (≥ 0), as `from_values` takes them.
        values: beside `integrals`, Γ at each time where it is known: `value` then returns it
            there, where the cubic has only an approximation (a saved record's currents need it).

    Of `rates`, the law is the straight line from row to row, and `integral` is exact. Of
    `integrals` it is exact between tabulated times; between them, and for `value`, a cubic that
    is monotone wherever the table is (PCHIP) interpolates: an approximation, but one in which no
    negative rate appears that the table does not have. Before 0 and past the last time the law
    is not known: ValueError, from `value`, `integral`, circuits and master equation alike.

    >>> law = TabulatedRate.from_values([0.0, 1.0, 3.0], [0.0, 0.4, 0.2])
    >>> law.integral(0.0, [1.0, 3.0])   # ½ · 1 · 0.4, and 2 · 0.3 more
    array([0.2, 0.8])
    """

    times: tuple[float, ...]
    integrals: tuple[float, ...]
    rates: tuple[float, ...] | None = None
    values: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def __init__(
        self,
        times: ArrayLike,
        *unnamed: Any,
        integrals: ArrayLike | None = None,
        rates: ArrayLike | None = None,
        values: ArrayLike | None = None,
    ) -> None:
        knots = finite_times("times", times)
        if unnamed or (integrals is None and rates is None):
            raise TypeError(
                "Argument integrals of TabulatedRate must be given by its name, but "
                + (_guess(knots, unnamed[0]) if unnamed else "neither integrals nor rates were")
                + "; TabulatedRate.from_values(times, rates) takes rates Γ(t), "
                "TabulatedRate(times, integrals=…) takes ∫Γ from 0 to each time."
            )
        if knots.ndim != 1 or knots.size < 2 or knots[0] != 0 or np.any(np.diff(knots) <= 0):
            raise ValueError(
                "Argument times must be two or more increasing times that start at 0, but an "
                f"array of shape {knots.shape} was given"
                + (f" that starts at {knots.ravel()[0]:g}" if knots.size else "")
                + "; sort the rows, and count the time from the first one."
            )
        if values is not None and rates is not None:
            raise ValueError(
                "Argument values must not be given with rates, but it was; rates say it all."
            )
        column = None
        if rates is not None:
            column = _column("rates", rates, knots)
            if np.any(column < 0):
                where = int(np.argmax(column < 0))
                raise ValueError(
                    f"Argument rates must not be negative, but at t = {knots[where]:g} it is "
                    f"{column[where]:.3g}; only master_equation can integrate a negative rate, "
                    "of a FunctionRate."
                )
            steps = 0.5 * (column[1:] + column[:-1]) * np.diff(knots)
            sums = np.concatenate([[0.0], np.cumsum(steps)])
        if integrals is not None:
            found = _column("integrals", integrals, knots)
            if found[0] != 0:
                raise ValueError(
                    f"Argument integrals must start at 0, but it starts at {found[0]:g}; if it "
                    "holds rates, TabulatedRate.from_values(times, rates) takes them."
                )
            # 1e-9: integrals that were written to a file beside their rates, and no others.
            if column is not None and not np.allclose(found, sums, rtol=1e-9, atol=1e-12):
                raise ValueError(
                    "Arguments integrals and rates must belong together, but the integral of "
                    "rates is not integrals; give one of them."
                )
            sums = found
        object.__setattr__(self, "times", tuple(knots.tolist()))
        object.__setattr__(self, "integrals", tuple(sums.tolist()))
        object.__setattr__(self, "rates", None if column is None else tuple(column.tolist()))
        known = None if values is None else tuple(_column("values", values, knots).tolist())
        object.__setattr__(self, "values", known)

    @classmethod
    def from_values(cls, times: ArrayLike, rates: ArrayLike) -> TabulatedRate:
        """Return the law with the values `rates` ≥ 0 at `times`, and straight lines between."""
        check_arguments(TabulatedRate.from_values, locals(), own=("times", "rates"))
        return cls(times, rates=rates)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the interpolated Γ at `times`."""
        check_arguments(TabulatedRate.value, locals())
        inside = self._inside("times", times)
        if self.rates is None:
            found = np.asarray(self._cubic.derivative()(inside))
            if self.values is None:
                return found
            place = np.clip(np.searchsorted(self._knots, inside), 1, self._knots.size - 1)
            nearest = place - (inside - self._knots[place - 1] < self._knots[place] - inside)
            is_row = np.abs(self._knots[nearest] - inside) <= 1e-12 * self.times[-1]
            return np.where(is_row, np.array(self.values)[nearest], found)
        return np.asarray(np.interp(inside, self._knots, self.rates))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return the difference of the integrals from 0."""
        check_arguments(TabulatedRate.integral, locals())
        return np.asarray(self._from_zero("stop", stop) - self._from_zero("start", start))

    def at_frequency(self, omega: float) -> TabulatedRate:
        """Return itself."""
        check_arguments(TabulatedRate.at_frequency, locals())
        return self

    @cached_property
    def _knots(self) -> FloatArray:
        return np.array(self.times)

    @cached_property
    def _cubic(self) -> Any:
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(self.times, self.integrals)

    @cached_property
    def _lines(self) -> Any:
        from scipy.interpolate import PPoly

        rates = np.array(self.rates)
        slopes = np.diff(rates) / np.diff(self._knots)
        return PPoly([slopes / 2, rates[:-1], np.array(self.integrals[:-1])], self._knots)

    def _from_zero(self, name: str, times: ArrayLike) -> FloatArray:
        inside = self._inside(name, times)
        return np.asarray((self._cubic if self.rates is None else self._lines)(inside))

    def _inside(self, name: str, times: ArrayLike) -> FloatArray:
        checked = finite_times(name, times)
        # The last digit of a sum of steps may lie beyond the table's end.
        tolerance = 1e-12 * self.times[-1]
        outside = (checked < -tolerance) | (checked > self.times[-1] + tolerance)
        if np.any(outside):
            raise ValueError(
                f"Argument {name} must lie within the table of the rate, 0 to "
                f"{self.times[-1]:g}, but {float(checked[outside].ravel()[0]):g} was asked for; "
                "give a longer table, or the law itself."
            )
        return np.asarray(np.clip(checked, 0.0, self.times[-1]))


def _column(name: str, values: ArrayLike, times: FloatArray) -> FloatArray:
    """Return `values` as finite numbers, one for each time; errors name the time."""
    try:
        column = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"Argument {name} must hold real numbers, but {values!r} was given."
        ) from None
    if column.shape != times.shape:
        raise ValueError(
            f"Argument {name} must have one entry for each of times, but the shapes are "
            f"{column.shape} and {times.shape}."
        )
    if not np.all(np.isfinite(column)):
        where = int(np.argmin(np.isfinite(column)))
        raise ValueError(
            f"Argument {name} must be finite, but at t = {times[where]:g} it is {column[where]}."
        )
    return column


def _guess(times: FloatArray, given: Any) -> str:
    """Return what an unnamed second argument looks like."""
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError, OverflowError):
        values = np.empty(0)
    if values.ndim != 1 or values.shape != times.shape or not values.size:
        return "a second argument without a name was given"
    if values[0] != 0 or np.any(np.diff(values) < 0):
        return (
            "an array without a name was given, which looks like rates: integrals start at 0 and "
            "never fall"
        )
    return (
        "an array without a name was given, which starts at 0 and never falls: it could be "
        "integrals, or rates that rise from 0"
    )


def tabulate(rate: DecayRate, times: ArrayLike, *, refinement: int = 8) -> TabulatedRate:
    """Return `rate` as a table of its integrals at `times` and `refinement` points between them.

    Breakpoints of the law are rows of the table too. Its values at the rows are kept beside.
    """
    knots = np.unique(np.concatenate([[0.0], np.asarray(times, float)]))
    if knots.size < 2:
        knots = np.array([0.0, 1.0])
    cuts = np.array(getattr(rate, "breakpoints", ()), dtype=float)
    knots = stops_with(knots, cuts)
    fine = np.interp(
        np.arange(refinement * (knots.size - 1) + 1) / refinement, np.arange(knots.size), knots
    )
    steps = rate.integral(fine[:-1], fine[1:])
    return TabulatedRate(fine, integrals=[0.0, *np.cumsum(steps).tolist()], values=rate.value(fine))
