"""Decay-rate laws Γ(t): their value, and their integral over a step.

A law is anything with the three methods of `DecayRate`. The circuits use only `integral`,
because a collision over [t0, t1] with probability 1 − exp(−∫Γ) is exact at any step size. The
master equation uses `value`, integrates it along its own way, and refuses where the two differ.
A law that jumps or bends says where in an attribute `breakpoints`, which both sides respect.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import jv

from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.model.quadrature import WIDEST_GAP, Quadrature


@runtime_checkable
class DecayRate(Protocol):
    """A decay-rate law Γ(t) ≥ 0 in units of 1/time."""

    def value(self, times: ArrayLike) -> FloatArray:
        """Return Γ at `times`, same shape."""
        ...

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ Γ(t) dt from `start` to `stop`, which broadcast."""
        ...

    def at_frequency(self, omega: float) -> DecayRate:
        """Return the law for a memristor of angular frequency `omega` (most return themselves)."""
        ...


def finite_times(name: str, values: ArrayLike) -> FloatArray:
    """Return `values` as an array of finite times, of any shape."""
    if type(values) is float and math.isfinite(values):  # a solver asks one by one, very often
        return np.asarray(values)
    try:
        checked = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"Argument {name} must hold real numbers, but {values!r} was given."
        ) from None
    if not np.isfinite(checked).all():
        found = float(checked[~np.isfinite(checked)].ravel()[0])
        raise ValueError(f"Argument {name} must be finite, but it holds {found}.")
    return checked


@dataclass(frozen=True)
class SquidRate:
    """The conductance-asymmetric SQUID's law Γ(t) = γ0 (1 − sin(cos ωt)) (guo2022, Eq. 7).

    Args:
        gamma0: γ0 ≥ 0, in 1/time.
        omega: ω > 0, in 1/time; None takes the memristor's. A rate with another frequency than
            its memristor's is an error.

    The integral is the Jacobi–Anger series sin(cos x) = 2 Σ (−1)^k J_{2k+1}(1) cos((2k+1)x),
    integrated term by term; eight terms reach the rounding error.

    >>> float(SquidRate(0.4, omega=1.0).value(0.0))   # γ0 (1 − sin 1)
    0.0634...
    """

    gamma0: float
    omega: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma0", check_real("gamma0", self.gamma0, minimum=0))
        if self.omega is not None:
            omega = check_real("omega", self.omega, minimum=0, exclusive=True)
            object.__setattr__(self, "omega", omega)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return γ0 (1 − sin(cos ωt))."""
        phase = self._frequency() * finite_times("times", times)
        return np.asarray(self.gamma0 * (1 - np.sin(np.cos(phase))))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ Γ dt from `start` to `stop`, exact to rounding."""
        omega = self._frequency()
        start, stop = finite_times("start", start), finite_times("stop", stop)
        oscillating = np.zeros(np.broadcast(start, stop).shape)
        for k in range(8):
            order = 2 * k + 1
            weight = 2 * (-1) ** k * jv(order, 1.0) / (order * omega)
            oscillating += weight * (np.sin(order * omega * stop) - np.sin(order * omega * start))
        return np.asarray(self.gamma0 * ((stop - start) - oscillating))

    def at_frequency(self, omega: float) -> SquidRate:
        """Return the law with this ω; ValueError if it already has another one."""
        if self.omega is not None and not math.isclose(self.omega, omega, rel_tol=1e-12):
            raise ValueError(
                f"Argument omega must agree between the memristor and its SquidRate, but they are "
                f"{omega:g} and {self.omega:g}; leave the rate's omega out, or use "
                "FunctionRate for a law of another frequency."
            )
        return replace(self, omega=omega)

    def _frequency(self) -> float:
        if self.omega is None:
            raise ValueError(
                "Argument omega must be known before a SquidRate is evaluated, but it is None; "
                "give SquidRate(gamma0, omega=…) or ask the memristor: memristor.decay_rate(times)."
            )
        return self.omega


@dataclass(frozen=True)
class ConstantRate:
    """Γ(t) = γ, for oracles with closed forms and for T1 decay (γ = 1/T1, in 1/time)."""

    gamma: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", check_real("gamma", self.gamma, minimum=0))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return γ at every time."""
        return np.full(finite_times("times", times).shape, self.gamma)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return γ (stop − start)."""
        duration = finite_times("stop", stop) - finite_times("start", start)
        return np.asarray(self.gamma * duration, dtype=float)

    def at_frequency(self, omega: float) -> ConstantRate:
        """Return itself: the law has no frequency."""
        return self


SAMPLES_PER_PERIOD = 4096


@dataclass(frozen=True)
class FunctionRate:
    """Any law: `function(t)` returns Γ at one time, in 1/time, always the same at the same t.

    Args:
        function: a callable of one time.
        breakpoints: times at which Γ jumps or bends: the edges of its pulses. No step of the
            quadrature or of the master equation crosses one.
        resolution: the width of the narrowest structure that Γ has between its breakpoints;
            None is a 4096th of the period of its memristor (of 2π before it has one).

    What is guaranteed of the integral: between breakpoints Γ is sampled at places at most
    `resolution` apart, and two rules of integration that share no sample must agree to 1e-12 in
    each panel of 21 samples, which is halved until they do. Every sample is kept as a witness.
    A pulse, dip or jump on which one sample falls is therefore resolved, or refused with
    ValueError; one that is wider than `resolution` always meets a sample. A narrower one that
    no sample meets cannot be seen in a function of which only values can be asked: give its
    edges as breakpoints, or the resolution.

    A negative rate is no error here: `master_equation` integrates one; circuits refuse it. A
    saved run keeps the integrals that it used and reloads them as a `TabulatedRate`.

    >>> float(FunctionRate(lambda t: 0.1 * t).integral(0.0, 2.0))   # 0.1 · 2²/2
    0.2000...
    >>> pulse = FunctionRate(lambda t: 900.0 if 7.3 < t < 7.301 else 0.1, breakpoints=(7.3, 7.301))
    >>> round(float(pulse.integral(0.0, 10.0)), 9)
    1.8999
    """

    function: Callable[[float], float]
    breakpoints: tuple[float, ...] = field(default=(), kw_only=True)
    resolution: float | None = field(default=None, kw_only=True)
    _memory: dict[float, dict[int, float]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not callable(self.function) or isinstance(self.function, type):
            raise TypeError(
                f"Argument function must be a callable t -> rate, but {self.function!r} was given; "
                "for a constant use ConstantRate."
            )
        cuts = finite_times("breakpoints", self.breakpoints)
        if cuts.ndim != 1:
            raise ValueError(
                f"Argument breakpoints must be a row of times, but {self.breakpoints!r} was given."
            )
        object.__setattr__(self, "breakpoints", tuple(np.unique(cuts).tolist()))
        if self.resolution is not None:
            check_real("resolution", self.resolution, minimum=0, exclusive=True)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return function(t) at every time; an error names the time where it is no number."""
        times = finite_times("times", times)
        return self._sample(times.ravel()).reshape(times.shape)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ Γ dt from `start` to `stop`, as guaranteed above."""
        start, stop = np.broadcast_arrays(finite_times("start", start), finite_times("stop", stop))
        width = (self.resolution or 2 * math.pi / SAMPLES_PER_PERIOD) / WIDEST_GAP
        panels = self._memory.setdefault(width, {})
        rule = Quadrature(self._sample, width, np.array(self.breakpoints), panels)
        return rule.between(start, stop)

    def at_frequency(self, omega: float) -> FunctionRate:
        """Return the law with the resolution that goes with this ω, where none was given."""
        if self.resolution is not None:
            return self
        period = 2 * math.pi / check_real("omega", omega, minimum=0, exclusive=True)
        law = replace(self, resolution=period / SAMPLES_PER_PERIOD)
        object.__setattr__(law, "_memory", self._memory)  # panels are integrated once for both
        return law

    def _sample(self, times: FloatArray) -> FloatArray:
        values = np.empty(times.size)
        for k, time in enumerate(times.tolist()):
            values[k] = rate_of(self.function, time)
        return values


def rate_of(function: Callable[[float], Any], time: float) -> float:
    """Return function(time) as a finite number; errors name the time."""
    found = function(time)
    if type(found) is not float:
        try:
            if isinstance(found, str | bytes) or np.ndim(found) != 0:
                raise TypeError
            found = float(found)
        except (TypeError, ValueError, OverflowError):
            raise TypeError(
                f"Argument function must return a real number for every time, but at "
                f"t = {time:.12g} it returned {found!r}."
            ) from None
    if not math.isfinite(found):
        raise ValueError(
            f"Argument function must return a finite rate, but at t = {time:.12g} it returned "
            f"{found}."
        )
    return float(found)


@dataclass(frozen=True, init=False)
class TabulatedRate:
    """A law known at given times: `from_values` makes one of measured rates.

    Args:
        times: T ≥ 2 increasing times, the first one 0.
        integrals: ∫Γ from 0 to each time, so the first one is 0; by keyword only. Saved files
            keep laws of a reader's own in this form.
        rates: Γ at each time (≥ 0), as `from_values` takes them.

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

    def __init__(
        self,
        times: ArrayLike,
        *unnamed: Any,
        integrals: ArrayLike | None = None,
        rates: ArrayLike | None = None,
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
        values = None
        if rates is not None:
            values = _column("rates", rates, knots)
            if np.any(values < 0):
                where = int(np.argmax(values < 0))
                raise ValueError(
                    f"Argument rates must not be negative, but at t = {knots[where]:g} it is "
                    f"{values[where]:.3g}; only master_equation can integrate a negative rate, "
                    "of a FunctionRate."
                )
            steps = 0.5 * (values[1:] + values[:-1]) * np.diff(knots)
            sums = np.concatenate([[0.0], np.cumsum(steps)])
        if integrals is not None:
            found = _column("integrals", integrals, knots)
            if found[0] != 0:
                raise ValueError(
                    f"Argument integrals must start at 0, but it starts at {found[0]:g}; if it "
                    "holds rates, TabulatedRate.from_values(times, rates) takes them."
                )
            # 1e-9: integrals that were written to a file beside their rates, and no others.
            if values is not None and not np.allclose(found, sums, rtol=1e-9, atol=1e-12):
                raise ValueError(
                    "Arguments integrals and rates must belong together, but the integral of "
                    "rates is not integrals; give one of them."
                )
            sums = found
        object.__setattr__(self, "times", tuple(knots.tolist()))
        object.__setattr__(self, "integrals", tuple(sums.tolist()))
        object.__setattr__(self, "rates", None if values is None else tuple(values.tolist()))

    @classmethod
    def from_values(cls, times: ArrayLike, rates: ArrayLike) -> TabulatedRate:
        """Return the law with the values `rates` ≥ 0 at `times`, and straight lines between."""
        return cls(times, rates=rates)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the interpolated Γ at `times`."""
        inside = self._inside("times", times)
        if self.rates is None:
            return np.asarray(self._cubic.derivative()(inside))
        return np.asarray(np.interp(inside, self._knots, self.rates))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return the difference of the integrals from 0."""
        return np.asarray(self._from_zero("stop", stop) - self._from_zero("start", start))

    def at_frequency(self, omega: float) -> TabulatedRate:
        """Return itself."""
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

    Breakpoints of the law are rows of the table too.
    """
    knots = np.unique(np.concatenate([[0.0], np.asarray(times, float)]))
    if knots.size < 2:
        knots = np.array([0.0, 1.0])
    cuts = np.array(getattr(rate, "breakpoints", ()), dtype=float)
    knots = np.union1d(knots, cuts[(cuts > 0) & (cuts < knots[-1])])
    fine = np.interp(
        np.arange(refinement * (knots.size - 1) + 1) / refinement, np.arange(knots.size), knots
    )
    steps = rate.integral(fine[:-1], fine[1:])
    return TabulatedRate(fine, integrals=[0.0, *np.cumsum(steps).tolist()])
