"""Decay-rate laws Γ(t): their value, and their integral over a step.

A law is anything with the three methods of `DecayRate`. The circuits use only `integral`,
because a collision over [t0, t1] with probability 1 − exp(−∫Γ) is exact at any step size.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad
from scipy.interpolate import PchipInterpolator
from scipy.special import jv

from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.common.data_objects import data_object


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


@data_object
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
        phase = self._frequency() * np.asarray(times, dtype=float)
        return np.asarray(self.gamma0 * (1 - np.sin(np.cos(phase))))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ Γ dt from `start` to `stop`, exact to rounding."""
        omega = self._frequency()
        start, stop = np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
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


@data_object
@dataclass(frozen=True)
class ConstantRate:
    """Γ(t) = γ, for oracles with closed forms and for T1 decay (γ = 1/T1, in 1/time)."""

    gamma: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", check_real("gamma", self.gamma, minimum=0))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return γ at every time."""
        return np.full(np.shape(times), self.gamma)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return γ (stop − start)."""
        duration = np.asarray(stop, dtype=float) - np.asarray(start, dtype=float)
        return np.asarray(self.gamma * duration, dtype=float)

    def at_frequency(self, omega: float) -> ConstantRate:
        """Return itself: the law has no frequency."""
        return self


@data_object
@dataclass(frozen=True)
class FunctionRate:
    """Any law: `function(t)` returns Γ at one time, in 1/time.

    The integral is adaptive quadrature (QUADPACK) to a relative error of 1e-10; where it notices
    that it cannot reach that, it raises ValueError. A pulse so narrow that all of its first 21
    points miss it goes unnoticed: keep the times closer than such structure. A saved run keeps the
    integrals that it used and reloads them as a `TabulatedRate`.

    Two are equal where their functions are one and the same object. A function that a module
    defines by name pickles as that name; for any other (a lambda, one defined in a function)
    pickling raises TypeError with the remedy. cloudpickle takes those too, and they come back as
    other functions of the same values.

    >>> float(FunctionRate(lambda t: 0.1 * t).integral(0.0, 2.0))   # 0.1 · 2²/2
    0.2000...
    """

    function: Callable[[float], float]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"Argument function must be a callable t -> rate, but {self.function!r} was given; "
                "for a constant use ConstantRate."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        if not _importable(self.function) and not _cloudpickle_is_at_work():
            raise TypeError(
                f"Argument function must be importable by name to be pickled, but "
                f"{self.function!r} is not; define it with def at the top level of a module, or "
                "send tabulate(rate, times) instead, which keeps the integrals between times."
            )
        return FunctionRate, (self.function,)

    def __deepcopy__(self, memo: dict[int, Any]) -> FunctionRate:
        return self  # nothing in it can be changed

    def value(self, times: ArrayLike) -> FloatArray:
        """Return function(t) at every time; ValueError where it is not a finite number."""
        times = np.asarray(times, dtype=float)
        try:
            values = np.array([float(self.function(float(t))) for t in times.ravel()])
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Argument function must return a real number for every time, but it does not "
                f"({error})."
            ) from error
        if not np.all(np.isfinite(values)):
            where = float(times.ravel()[~np.isfinite(values)][0])
            raise ValueError(
                f"Argument function must return a finite rate, but at t = {where:g} it does not."
            )
        return values.reshape(times.shape)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return the quadrature of `function` from `start` to `stop`."""
        start, stop = np.broadcast_arrays(np.asarray(start, float), np.asarray(stop, float))
        pairs = zip(start.ravel(), stop.ravel(), strict=True)
        return np.array([self._quadrature(float(a), float(b)) for a, b in pairs]).reshape(
            start.shape
        )

    def at_frequency(self, omega: float) -> FunctionRate:
        """Return itself: the function brings its own frequencies."""
        return self

    def _quadrature(self, start: float, stop: float) -> float:
        value, error, *problem = quad(
            lambda t: float(self.value(t)),
            start,
            stop,
            epsabs=1e-13,
            epsrel=1e-10,
            limit=500,
            full_output=1,
        )
        # full_output adds a message as a fourth item where the tolerance was not met.
        if len(problem) > 1 and error > 1e-9 * max(1.0, abs(value)):
            raise ValueError(
                f"Argument function must be integrable over [{start:g}, {stop:g}], but the "
                f"quadrature stopped at an error of {error:.2g}; split the times at its jumps."
            )
        return float(value)


def _importable(function: Callable[..., Any]) -> bool:
    """Whether another process finds this very function by module and name."""
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in getattr(function, "__qualname__", "<none>").split("."):
        found = getattr(found, part, None)
    return found is function


def _cloudpickle_is_at_work() -> bool:
    """Whether cloudpickle called: it (and Dask and joblib with it) takes any function by value.

    Nothing else tells a pickling object who asks.
    """
    frame = sys._getframe()
    while frame is not None:
        if "cloudpickle" in str(frame.f_globals.get("__name__")):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


@data_object
@dataclass(frozen=True)
class TabulatedRate:
    """A law known by its integral from 0 to given times, as saved files keep it.

    Args:
        times: T ≥ 2 increasing times, the first one 0.
        integrals: ∫Γ from 0 to each time, so the first one is 0.

    `integral` is exact between tabulated times. Between them, and for `value`, a cubic that is
    monotone wherever the table is (PCHIP) interpolates: an approximation, but one in which no
    negative rate appears that the table does not have.
    """

    times: tuple[float, ...]
    integrals: tuple[float, ...]

    def __post_init__(self) -> None:
        times, integrals = np.array(self.times, float), np.array(self.integrals, float)
        if times.ndim != 1 or times.size < 2 or times.shape != integrals.shape:
            raise ValueError(
                f"Argument integrals must match at least two times, but the shapes are "
                f"{times.shape} and {integrals.shape}."
            )
        if times[0] != 0 or np.any(np.diff(times) <= 0) or not np.all(np.isfinite(times)):
            raise ValueError("Argument times must start at 0 and increase, but they do not.")
        if not np.all(np.isfinite(integrals)) or integrals[0] != 0:
            raise ValueError("Argument integrals must be finite and start at 0, but they do not.")
        object.__setattr__(self, "times", tuple(times.tolist()))
        object.__setattr__(self, "integrals", tuple(integrals.tolist()))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the interpolated Γ at `times`."""
        return np.asarray(self._interpolator().derivative()(self._inside(times)))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return the difference of the tabulated integrals."""
        cumulative = self._interpolator()
        return np.asarray(cumulative(self._inside(stop)) - cumulative(self._inside(start)))

    def at_frequency(self, omega: float) -> TabulatedRate:
        """Return itself."""
        return self

    def _interpolator(self) -> PchipInterpolator:
        interpolator: PchipInterpolator = PchipInterpolator(self.times, self.integrals)
        return interpolator

    def _inside(self, times: ArrayLike) -> FloatArray:
        times = np.asarray(times, dtype=float)
        # The last digit of a sum of steps may lie beyond the table's end.
        tolerance = 1e-12 * self.times[-1]
        if np.any(times < -tolerance) or np.any(times > self.times[-1] + tolerance):
            raise ValueError(
                f"Argument times must lie within the table, 0 to {self.times[-1]:g}, but "
                f"{float(np.max(times)):g} was asked for; give the law itself instead."
            )
        return np.asarray(np.clip(times, 0.0, self.times[-1]))


def tabulate(rate: DecayRate, times: ArrayLike, *, refinement: int = 8) -> TabulatedRate:
    """Return `rate` as a table of its integrals at `times` and `refinement` points between them."""
    knots = np.unique(np.concatenate([[0.0], np.asarray(times, float)]))
    if knots.size < 2:
        knots = np.array([0.0, 1.0])
    fine = np.interp(
        np.arange(refinement * (knots.size - 1) + 1) / refinement, np.arange(knots.size), knots
    )
    steps = rate.integral(fine[:-1], fine[1:])
    return TabulatedRate(tuple(fine), (0.0, *np.cumsum(steps).tolist()))
