"""A coherent drive of a memristor, and numbers that may also be laws of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_choice, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.couplings import PAPER_SIGMA, Axis
from qmemcircuit.model.laws.rates import ConstantRate, DecayRate, FunctionRate, finite_results
from qmemcircuit.model.laws.rates import finite_times as checked_times


@data_object
@dataclass(frozen=True)
class Drive:
    """A classical source: H_drive = ħΩ(t) σ_axis with Ω(t) = A(t) cos(νt + φ), the paper's σ.

    It adds a current of its own to the definition of I: −2sΩ<σz> for axis x, nothing for y,
    +2sΩ<σx> for z, with s = √(mħω/2). A constant drive along z is a detuning: it turns at ω + 2A.

    Args:
        axis: "x", "y" or "z".
        amplitude: A, of either sign, in 1/time; or a law A(t) with the methods of `DecayRate`.
        frequency: ν ≥ 0, in 1/time; 0 is a drive that does not oscillate.
        phase: φ in radians.

    Raises TypeError or ValueError where an argument is not of this kind.

    >>> drive = Drive("y", 0.2, frequency=1.0)
    >>> round(float(drive.integral(0.0, np.pi / 2)), 12)   # 0.2 sin(π/2)
    0.2
    """

    axis: Axis
    amplitude: float | DecayRate
    frequency: float = 0.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, own=("amplitude",))
        check_choice("axis", self.axis, ("x", "y", "z"))
        if not isinstance(self.amplitude, DecayRate):
            object.__setattr__(self, "amplitude", check_real("amplitude", self.amplitude))
        elif isinstance(self.amplitude, type):
            raise TypeError(
                f"Argument amplitude must be a number or a law, but the class "
                f"{self.amplitude.__name__} was given; make one of it."
            )
        frequency = check_real("frequency", self.frequency, minimum=0)
        object.__setattr__(self, "frequency", frequency)
        object.__setattr__(self, "phase", check_real("phase", self.phase))

    def value(self, times: ArrayLike) -> FloatArray:
        """Return Ω(t), in 1/time."""
        check_arguments(Drive.value, locals())
        instants = checked_times("times", times)
        wave = np.cos(self.frequency * instants + self.phase)
        if isinstance(self.amplitude, DecayRate):
            return finite_results("value", self.amplitude.value(instants), instants) * wave
        return np.asarray(self.amplitude * wave)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫Ω dt from `start` to `stop`, which broadcast: the angle of the rotation."""
        check_arguments(Drive.integral, locals())
        first, last = checked_times("start", start), checked_times("stop", stop)
        if not isinstance(self.amplitude, DecayRate):
            half = 0.5 * self.frequency * (last - first)
            middle = 0.5 * self.frequency * (first + last) + self.phase
            # sin(b) − sin(a) over ν, also where ν is 0.
            return np.asarray(
                self.amplitude * (last - first) * np.sinc(half / np.pi) * np.cos(middle)
            )
        if self.frequency == 0.0 and self.phase == 0.0:
            return np.asarray(self.amplitude.integral(first, last))
        cuts = tuple(getattr(self.amplitude, "breakpoints", ()))
        law = FunctionRate(lambda time: float(self.value(time)), breakpoints=cuts)
        return law.at_frequency(max(self.frequency, 1e-3)).integral(first, last)

    def at_frequency(self, omega: float) -> Drive:
        """Return the drive of a memristor of this ω: that of its amplitude's law."""
        check_arguments(Drive.at_frequency, locals())
        if not isinstance(self.amplitude, DecayRate):
            return self
        law = self.amplitude.at_frequency(omega)
        return Drive(self.axis, law, self.frequency, self.phase)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """The times at which A(t) jumps or bends."""
        return tuple(getattr(self.amplitude, "breakpoints", ()))

    @property
    def operator(self) -> ComplexArray:
        """σ_axis in Qiskit's basis, 2×2."""
        return PAPER_SIGMA[self.axis]

    @property
    def source(self) -> ComplexArray:
        """i[σ_axis, σy]: its mean, times sΩ(t), is the source's own current."""
        sigma_y = PAPER_SIGMA["y"]
        return np.asarray(1j * (self.operator @ sigma_y - sigma_y @ self.operator))


def check_number_or_law(name: str, value: object) -> float | DecayRate:
    """Return a number ≥ 0, or a law of time; TypeError or ValueError for anything else."""
    if (
        not isinstance(value, float)
        and isinstance(value, DecayRate)
        and not isinstance(value, type)
    ):
        return value
    return check_real(name, value, minimum=0)


def as_law(value: float | DecayRate, omega: float) -> DecayRate:
    """Return a number or law as the law of a memristor of this ω."""
    if isinstance(value, DecayRate):
        return value.at_frequency(omega)
    return ConstantRate(float(value))


def constant_number(name: str, value: float | DecayRate) -> float:
    """Return a number; ValueError for a law, where only a number can be had."""
    # A float first: to ask for a protocol takes longer than all else of a design's step.
    if not isinstance(value, float) and isinstance(value, DecayRate):
        raise ValueError(
            f"Argument model must have a number as its {name} here, but it has the law {value!r}; "
            "this is known for numbers alone."
        )
    return value
