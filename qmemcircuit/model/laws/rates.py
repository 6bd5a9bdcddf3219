"""Decay-rate laws Γ(t): their value, and their integral over a step.

A law is anything with the three methods of `DecayRate`. The circuits use only `integral`,
because a collision over [t0, t1] with probability 1 − exp(−∫Γ) is exact at any step size. The
master equation uses `value`, integrates it along its own way, and refuses where the two differ.
A law that jumps or bends says where in an attribute `breakpoints`, which both sides respect. One
that cannot be negative, by its form, may say `never_negative = True`; all others are searched for
negative values before circuits are made of them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import jv

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.laws.quadrature import WIDEST_GAP, Quadrature


@runtime_checkable
class DecayRate(Protocol):
    """What any decay-rate law has: Γ(t) in 1/time, by its values and its integrals.

    `SquidRate`, `ConstantRate`, `FunctionRate`, `TabulatedRate` and others are such laws.

    >>> import qmemcircuit as qm
    >>> isinstance(qm.SquidRate(0.4), qm.DecayRate), isinstance(0.4, qm.DecayRate)
    (True, False)
    """

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


def stops_with(times: FloatArray, breakpoints: FloatArray) -> FloatArray:
    """Return `times` and the breakpoints between them, increasing.

    A breakpoint within the rounding of another stop (64 units in the last place of the last time)
    is that stop: no interval is too short to be solved or tabulated.
    """
    least = 64 * np.spacing(times[-1])
    inside = np.unique(breakpoints)
    inside = inside[(inside > times[0]) & (inside < times[-1])]
    inside = inside[np.diff(inside, prepend=-np.inf) > least]
    after = np.searchsorted(times, inside)
    clear = np.minimum(times[after] - inside, inside - times[after - 1]) > least
    return np.union1d(times, inside[clear])


def finite_results(method: str, results: Any, times: FloatArray) -> FloatArray:
    """Return what a law's `method` gave for `times`: finite numbers of the same shape."""
    try:
        checked = np.asarray(results, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"Argument rate must return real numbers from its method {method}, but it returned "
            f"{results!r}."
        ) from None
    if checked.shape != times.shape:
        raise ValueError(
            f"Argument rate must return one number for each time from its method {method}, but "
            f"the shapes are {checked.shape} and {times.shape}."
        )
    if not np.isfinite(checked).all():
        where = np.unravel_index(int(np.argmin(np.isfinite(checked))), checked.shape)
        raise ValueError(
            f"Argument rate must return finite numbers from its method {method}, but at "
            f"t = {times[where]:.12g} it returned {checked[where]}."
        )
    return checked


ORDERS: FloatArray = np.arange(1.0, 17.0, 2.0)
JACOBI_ANGER: FloatArray = np.asarray(2 * (-1.0) ** np.arange(8) * jv(ORDERS, 1.0))
"""sin(cos x) = Σ weight · cos(order · x) to rounding."""


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
    never_negative = True

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "gamma0", check_real("gamma0", self.gamma0, minimum=0))
        if self.omega is not None:
            omega = check_real("omega", self.omega, minimum=0, exclusive=True)
            object.__setattr__(self, "omega", omega)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return γ0 (1 − sin(cos ωt))."""
        check_arguments(SquidRate.value, locals())
        phase = self._frequency() * finite_times("times", times)
        return np.asarray(self.gamma0 * (1 - np.sin(np.cos(phase))))

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ Γ dt from `start` to `stop`, exact to rounding."""
        check_arguments(SquidRate.integral, locals())
        start, stop = finite_times("start", start), finite_times("stop", stop)
        frequencies = self._frequency() * ORDERS
        amplitudes = JACOBI_ANGER / frequencies
        after = np.sin(stop[..., None] * frequencies) @ amplitudes
        if start.ndim == 1 and start.shape == stop.shape and (start[1:] == stop[:-1]).all():
            # Each interval begins where the one before it ends.
            first = np.sin(start[:1, None] * frequencies) @ amplitudes
            before = np.concatenate([first, after[:-1]])
        else:
            before = np.sin(start[..., None] * frequencies) @ amplitudes
        return np.asarray(self.gamma0 * ((stop - start) - (after - before)))

    def at_frequency(self, omega: float) -> SquidRate:
        """Return the law with this ω; ValueError if it already has another one."""
        check_arguments(SquidRate.at_frequency, locals())
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
    """Γ(t) = γ, for oracles with closed forms and for T1 decay (γ = 1/T1, in 1/time).

    >>> import qmemcircuit as qm
    >>> law = qm.ConstantRate(0.1)
    >>> float(law.value(3.0)), round(float(law.integral(0.0, 3.0)), 12)
    (0.1, 0.3)
    """

    gamma: float
    never_negative = True

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "gamma", check_real("gamma", self.gamma, minimum=0))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return γ at every time."""
        check_arguments(ConstantRate.value, locals())
        return np.full(finite_times("times", times).shape, self.gamma)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return γ (stop − start)."""
        check_arguments(ConstantRate.integral, locals())
        duration = finite_times("stop", stop) - finite_times("start", start)
        return np.asarray(self.gamma * duration, dtype=float)

    def at_frequency(self, omega: float) -> ConstantRate:
        """Return itself: the law has no frequency."""
        check_arguments(ConstantRate.at_frequency, locals())
        return self


SAMPLES_PER_PERIOD = 4096


@data_object
@dataclass(frozen=True)
class FunctionRate:
    """Any law: `function(t)` returns Γ at one time, in 1/time, always the same at the same t.

    Args:
        function: a callable of one time.
        breakpoints: times at which Γ jumps or bends: the edges of its pulses. No step of the
            quadrature or of the master equation crosses one.
        resolution: the width of the narrowest structure that Γ has between its breakpoints; None is
            a 4096th of the period of its memristor (of 2π before it has one).

    The integral of Γ, which the circuits use, is accurate to 1e-12 in each panel of samples, and
    any pulse or jump wider than `resolution` is resolved, or refused with ValueError. What it is
    *not*: safe from a narrower pulse that no sample meets. Give the edges of such a one as
    breakpoints. How it is checked: docs/pages/howto/decay_law.md.

    A negative rate is no error here. `master_equation` integrates one, and with `ancilla="merged"`
    circuits run one as long as ∫Γ from 0 is not negative; circuits in steps refuse it.

    Two are equal where their functions are one and the same object. A function that a module
    defines by name pickles as that name; for a lambda, or one defined inside a function, pickling
    raises TypeError with the remedy. A saved run keeps the integrals that it used and reloads them
    as a `TabulatedRate`.

    >>> round(float(FunctionRate(lambda t: 0.1 * t).integral(0.0, 2.0)), 12)   # 0.1 · 2²/2
    0.2
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
        check_fields(self, own=("function", "breakpoints"))
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

    def __reduce__(self) -> tuple[Any, ...]:
        if not _importable(self.function) and not _cloudpickle_is_at_work():
            raise TypeError(
                f"Argument function must be importable by name to be pickled, but "
                f"{self.function!r} is not; define it with def at the top level of a module, or "
                "send tabulate(rate, times) instead, which keeps the integrals between times."
            )
        return _function_rate, (self.function, self.breakpoints, self.resolution)

    def __copy__(self) -> FunctionRate:
        return self  # nothing in it can be changed

    def __deepcopy__(self, memo: dict[int, Any]) -> FunctionRate:
        return self

    def value(self, times: ArrayLike) -> FloatArray:
        """Return function(t) at every time; an error names the time where it is no number."""
        check_arguments(FunctionRate.value, locals())
        times = finite_times("times", times)
        return self._sample(times.ravel()).reshape(times.shape)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ Γ dt from `start` to `stop`, as guaranteed above."""
        check_arguments(FunctionRate.integral, locals())
        start, stop = np.broadcast_arrays(finite_times("start", start), finite_times("stop", stop))
        width = (self.resolution or 2 * math.pi / SAMPLES_PER_PERIOD) / WIDEST_GAP
        panels = self._memory.setdefault(width, {})
        rule = Quadrature(self._sample, width, np.array(self.breakpoints), panels)
        return rule.between(start, stop)

    def at_frequency(self, omega: float) -> FunctionRate:
        """Return the law with the resolution that goes with this ω, where none was given."""
        check_arguments(FunctionRate.at_frequency, locals())
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


def _function_rate(
    function: Callable[[float], float], breakpoints: tuple[float, ...], resolution: float | None
) -> FunctionRate:
    return FunctionRate(function, breakpoints=breakpoints, resolution=resolution)


def _importable(function: Callable[..., Any]) -> bool:
    """Whether another process finds this very function by module and name."""
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in getattr(function, "__qualname__", "<none>").split("."):
        found = getattr(found, part, None)
    return found is function


def _cloudpickle_is_at_work() -> bool:
    """Whether cloudpickle called: it (and Dask with it) takes any function by value.

    Nothing else tells a pickling object who asks.
    """
    frame = sys._getframe()
    while frame is not None:
        if "cloudpickle" in str(frame.f_globals.get("__name__")):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
