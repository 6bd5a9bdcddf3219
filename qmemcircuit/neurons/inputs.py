"""Inputs of neurons as objects: what is driven in, and where it jumps or bends.

Between its breakpoints every input here is a `Wave`, level + slope·t + amplitude·sin(ωt + phase),
so a solver can be told five numbers in place of a function, and need not step across a jump.
Inputs are right-continuous: at a breakpoint the new value holds. Units are the neuron's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.common.data_objects import data_object


class Wave(NamedTuple):
    """level + slope·t + amplitude·sin(frequency·t + phase)."""

    level: float = 0.0
    slope: float = 0.0
    amplitude: float = 0.0
    frequency: float = 0.0
    phase: float = 0.0

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the wave at `times`."""
        t = np.asarray(times, dtype=float)
        value = self.level + self.slope * t
        if self.amplitude:
            value = value + self.amplitude * np.sin(self.frequency * t + self.phase)
        return np.asarray(value)


@runtime_checkable
class Input(Protocol):
    """An input: its value, the times at which it changes its formula, and the formula there."""

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the input at `times`, same shape."""
        ...

    def breakpoints(self) -> FloatArray:
        """Return the increasing times at which the input jumps or bends."""
        ...

    def wave(self, time: float) -> Wave:
        """Return the formula that holds from `time` to the next breakpoint."""
        ...


@data_object
@dataclass(frozen=True)
class ConstantInput:
    """The same value at all times.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> found = neurons.simulate(
    ...     neurons.IntegrateAndFire(), np.linspace(0, 5, 101), input=neurons.ConstantInput(1.0)
    ... )
    >>> found.voltage.shape
    (101, 1)
    """

    level: float

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "level", check_real("level", self.level))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the level."""
        check_arguments(ConstantInput.value, locals())
        return self.wave(0.0).value(times)

    def breakpoints(self) -> FloatArray:
        """There are none."""
        return np.empty(0)

    def wave(self, time: float) -> Wave:
        """Return the formula, the same at all times."""
        check_arguments(ConstantInput.wave, locals())
        return Wave(level=self.level)


@data_object
@dataclass(frozen=True)
class SinusoidalDrive:
    """offset + A sin(ωt + φ).

    Attributes:
        amplitude: A ≥ 0, in the neuron's unit of its input.
        frequency: ω > 0, angular, in the neuron's unit of time.
        phase: φ in radians.
        offset: what the sine swings about. A neuron with a bias adds it.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> drive = neurons.SinusoidalDrive(0.5, frequency=2.0, offset=1.0)
    >>> neurons.simulate(
    ...     neurons.IntegrateAndFire(), np.linspace(0, 5, 101), input=drive
    ... ).voltage.shape
    (101, 1)
    """

    amplitude: float
    frequency: float
    phase: float = 0.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("amplitude", self.amplitude, minimum=0)
        check_real("frequency", self.frequency, minimum=0, exclusive=True)
        check_real("phase", self.phase)
        check_real("offset", self.offset)

    @property
    def period(self) -> float:
        """2π/ω."""
        return 2 * math.pi / self.frequency

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the sine at `times`."""
        check_arguments(SinusoidalDrive.value, locals())
        return self.wave(0.0).value(times)

    def breakpoints(self) -> FloatArray:
        """There are none."""
        return np.empty(0)

    def wave(self, time: float) -> Wave:
        """Return the formula, the same at all times."""
        check_arguments(SinusoidalDrive.wave, locals())
        return Wave(self.offset, 0.0, self.amplitude, self.frequency, self.phase)


@data_object
@dataclass(frozen=True)
class LinearRamp:
    """offset + r·t, for hysteresis swept at finite speed. A neuron with a bias adds it.

    >>> from qmemcircuit import neurons
    >>> neurons.LinearRamp(0.1, offset=2.0).value(5.0)
    array(2.5)
    """

    rate: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("rate", self.rate)
        check_real("offset", self.offset)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the ramp at `times`."""
        check_arguments(LinearRamp.value, locals())
        return self.wave(0.0).value(times)

    def breakpoints(self) -> FloatArray:
        """There are none."""
        return np.empty(0)

    def wave(self, time: float) -> Wave:
        """Return the formula, the same at all times."""
        check_arguments(LinearRamp.wave, locals())
        return Wave(level=self.offset, slope=self.rate)


@data_object
@dataclass(frozen=True)
class PiecewiseInput:
    """Steps: values[0] before times[0], values[k] from times[k − 1] on.

    Args:
        times: K increasing times of the jumps.
        values: K + 1 values.

    >>> pulse = PiecewiseInput((7.3, 7.35), (0.0, 50.0, 0.0))
    >>> pulse.value([7.0, 7.3, 7.35])
    array([ 0., 50.,  0.])
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_fields(self, own=("times", "values"))
        times, values = _row("times", self.times), _row("values", self.values)
        _check_increasing(times)
        if values.size != times.size + 1:
            raise ValueError(
                f"Argument values must hold one value more than times, {times.size + 1}, but "
                f"{values.size} were given: the first one holds before the first time."
            )
        object.__setattr__(self, "times", tuple(times.tolist()))
        object.__setattr__(self, "values", tuple(values.tolist()))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the step that holds at each of `times`."""
        check_arguments(PiecewiseInput.value, locals())
        starts, values = self._rows
        return np.asarray(values[np.searchsorted(starts, np.asarray(times, float), side="right")])

    @cached_property
    def _rows(self) -> tuple[FloatArray, FloatArray]:
        return np.array(self.times), np.array(self.values)

    def breakpoints(self) -> FloatArray:
        """Return the times of the jumps."""
        return self._rows[0]

    def wave(self, time: float) -> Wave:
        """Return the step that holds from `time` on."""
        check_arguments(PiecewiseInput.wave, locals())
        return Wave(level=float(self.value(time)))


@data_object
@dataclass(frozen=True)
class SampledInput:
    """A recorded input: straight lines between its samples, and unknown outside them.

    Args:
        times: T ≥ 2 increasing times.
        values: T values.

    Raises ValueError where it is asked for a time outside its samples.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> recorded = neurons.SampledInput((0.0, 5.0), (0.5, 1.5))
    >>> neurons.simulate(
    ...     neurons.IntegrateAndFire(), np.linspace(0, 5, 101), input=recorded
    ... ).voltage.shape
    (101, 1)
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_fields(self, own=("times", "values"))
        times, values = _row("times", self.times), _row("values", self.values)
        _check_increasing(times)
        if times.size < 2 or values.shape != times.shape:
            raise ValueError(
                "Argument values must hold one value for each of two or more times, but "
                f"{values.size} values for {times.size} times were given."
            )
        object.__setattr__(self, "times", tuple(times.tolist()))
        object.__setattr__(self, "values", tuple(values.tolist()))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the interpolated samples."""
        check_arguments(SampledInput.value, locals())
        asked = np.asarray(times, dtype=float)
        # The last digit of a sum of steps may lie beyond the last sample.
        slack = 1e-12 * max(abs(self.times[0]), abs(self.times[-1]))
        outside = ~((asked >= self.times[0] - slack) & (asked <= self.times[-1] + slack))
        if np.any(outside):
            raise ValueError(
                f"Argument times must lie within the samples of the input, {self.times[0]:g} to "
                f"{self.times[-1]:g}, but {float(asked[outside].ravel()[0]):g} was asked for; give "
                "a longer record."
            )
        return np.asarray(np.interp(asked, *self._rows))

    @cached_property
    def _rows(self) -> tuple[FloatArray, FloatArray]:
        return np.array(self.times), np.array(self.values)

    def breakpoints(self) -> FloatArray:
        """Return the samples' times, where the line bends."""
        return self._rows[0]

    def wave(self, time: float) -> Wave:
        """Return the line from the sample before `time` to the next one."""
        check_arguments(SampledInput.wave, locals())
        self.value(time)
        k = int(np.searchsorted(self._rows[0], time, side="right")) - 1
        k = min(max(k, 0), len(self.times) - 2)
        slope = (self.values[k + 1] - self.values[k]) / (self.times[k + 1] - self.times[k])
        return Wave(level=self.values[k] - slope * self.times[k], slope=slope)


@data_object
@dataclass(frozen=True)
class SpikeTrain:
    """Rectangular pulses that begin at `times`; where they overlap they add.

    Args:
        times: the beginnings, in any order.
        charge: of one pulse, height × duration.
        duration: > 0.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> spikes = neurons.SpikeTrain((1.0, 3.0), charge=0.5, duration=0.1)
    >>> neurons.simulate(
    ...     neurons.IntegrateAndFire(), np.linspace(0, 5, 101), input=spikes
    ... ).voltage.shape
    (101, 1)
    """

    times: tuple[float, ...]
    charge: float
    duration: float

    def __post_init__(self) -> None:
        check_fields(self, own=("times",))
        times = np.sort(_row("times", self.times))
        check_real("charge", self.charge)
        check_real("duration", self.duration, minimum=0, exclusive=True)
        object.__setattr__(self, "times", tuple(times.tolist()))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the sum of the pulses that are on at each of `times`."""
        check_arguments(SpikeTrain.value, locals())
        asked = np.asarray(times, dtype=float)
        starts, ends = self._edges
        begun = np.searchsorted(starts, asked, side="right")
        ended = np.searchsorted(ends, asked, side="right")
        return np.asarray((begun - ended) * (self.charge / self.duration))

    @cached_property
    def _edges(self) -> tuple[FloatArray, FloatArray]:
        starts = np.array(self.times)
        return starts, starts + self.duration

    def breakpoints(self) -> FloatArray:
        """Return the edges of the pulses."""
        return np.union1d(*self._edges)

    def wave(self, time: float) -> Wave:
        """Return the level that holds from `time` on."""
        check_arguments(SpikeTrain.wave, locals())
        return Wave(level=float(self.value(time)))


@data_object
@dataclass(frozen=True, eq=False)
class FunctionInput:
    """A plain function of one time, of which only values can be asked; it has no `wave`."""

    function: Callable[[float], Any]

    def __post_init__(self) -> None:
        check_fields(self)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return the function at `times`; an error names the time where it is no number."""
        check_arguments(FunctionInput.value, locals())
        asked = np.asarray(times, dtype=float)
        return np.array([self.at(t) for t in asked.ravel().tolist()]).reshape(asked.shape)

    def at(self, time: float) -> float:
        """Return the function at one time."""
        check_arguments(FunctionInput.at, locals())
        found = self.function(time)
        try:
            number = float(found)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number) or isinstance(found, str | bytes):
            raise ValueError(
                f"Argument current must return a finite number for every time, but at "
                f"t = {time:.9g} it returned {found!r}."
            )
        return number


def longest_step(inputs: tuple[Input | FunctionInput, ...], times: FloatArray) -> float:
    """Return the step that a solver may take at most between breakpoints.

    A quarter period of a sine. For a plain function the longest interval of `times`, and at most
    a hundredth of the whole: a pulse as long as the sampling is then seen, a shorter one may not
    be. Inf for what has no structure between its breakpoints.
    """
    longest = math.inf
    for item in inputs:
        if isinstance(item, FunctionInput):
            span = float(times[-1] - times[0])
            longest = min(longest, float(np.diff(times).max()), span / 100)
        else:
            wave = item.wave(float(times[0]))
            if wave.amplitude:
                longest = min(longest, 0.5 * math.pi / wave.frequency)
    return longest


def describe_input(item: Input | FunctionInput) -> dict[str, Any]:
    """Return an input's kind and numbers as JSON values."""
    if isinstance(item, FunctionInput):
        return {"kind": "function"}
    return {"kind": type(item).__name__, **asdict(item)}  # type: ignore[call-overload]


def _row(name: str, values: ArrayLike) -> FloatArray:
    try:
        row = np.asarray(values, dtype=float)
        readable = np.asarray(values).dtype.kind in "biuf"  # strings of digits are none
    except (TypeError, ValueError, OverflowError):
        readable = False
    if not readable:
        raise TypeError(f"Argument {name} must hold real numbers, but {values!r} was given.")
    if row.ndim != 1 or not np.isfinite(row).all():
        raise ValueError(
            f"Argument {name} must be a row of finite numbers, but {values!r} was given."
        )
    return row


def _check_increasing(times: FloatArray) -> None:
    if np.any(np.diff(times) <= 0):
        where = int(np.argmax(np.diff(times) <= 0))
        raise ValueError(
            f"Argument times must increase, but {times[where + 1]:g} follows {times[where]:g}."
        )
