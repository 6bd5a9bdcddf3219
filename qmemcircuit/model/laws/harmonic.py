"""`HarmonicRate`: any periodic law that is never negative, by a few numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.laws.rates import finite_times


@data_object
@dataclass(frozen=True)
class HarmonicRate:
    """Γ(t) = s(t)², s = c0 + Σ_k (a_k cos kωt + b_k sin kωt): periodic and never negative.

    Every trigonometric polynomial that is nowhere negative is such a square (of a possibly complex
    s: Fejér and Riesz); with a real s these are those whose zeros in t are double. A SQUID reaches
    any of them that stays below 2γ0, by its flux bias (`qmemcircuit.model.laws.squid`):
    1 + cos φ_d = Γ/γ0.

    Args:
        coefficients: (c0, a1, b1, a2, b2, …), an odd number of them, in 1/√time.
        omega: ω > 0, in 1/time; None takes the memristor's.

    >>> law = HarmonicRate((0.0, 1.0, 0.0), omega=1.0)   # cos² t
    >>> round(float(law.integral(0.0, 2 * np.pi)), 12) == round(np.pi, 12)
    True
    """

    coefficients: tuple[float, ...]
    omega: float | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.coefficients) % 2 == 0:
            raise ValueError(
                "Argument coefficients must be c0 and then pairs a_k, b_k, but "
                f"{len(self.coefficients)} numbers were given; put 0 for what is not wanted."
            )
        numbers = tuple(check_real("coefficients", value) for value in self.coefficients)
        if max(abs(value) for value in numbers) > 1e150:
            raise ValueError("Argument coefficients must have finite squares, but they do not.")
        object.__setattr__(self, "coefficients", numbers)
        if self.omega is not None:
            omega = check_real("omega", self.omega, minimum=0, exclusive=True)
            object.__setattr__(self, "omega", omega)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return s(t)²."""
        check_arguments(HarmonicRate.value, locals())
        return np.asarray(FourierSeries(self._root(), self._frequency()).value(times) ** 2)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ Γ dt from `start` to `stop`, exact to rounding."""
        check_arguments(HarmonicRate.integral, locals())
        return product(self._root(), self._root(), self._frequency()).integral(start, stop)

    def at_frequency(self, omega: float) -> HarmonicRate:
        """Return the law with this ω; ValueError if it already has another one."""
        check_arguments(HarmonicRate.at_frequency, locals())
        if self.omega is not None and not math.isclose(self.omega, omega, rel_tol=1e-12):
            raise ValueError(
                "Argument omega must agree between the memristor and its HarmonicRate, but they "
                f"are {omega:g} and {self.omega:g}; leave the rate's omega out."
            )
        return replace(self, omega=omega)

    def derivative(self, index: int) -> FourierSeries:
        """Return ∂Γ/∂(coefficient with this index), which has `value` and `integral` too."""
        check_arguments(HarmonicRate.derivative, locals())
        count = len(self.coefficients)
        if not -count <= index < count:
            raise ValueError(
                f"Argument index must be of one of the {count} coefficients, but {index} was given."
            )
        direction = np.zeros(count)
        direction[index] = 2.0
        return product(self._root(), _half_series(direction), self._frequency())

    def _root(self) -> ComplexArray:
        return _half_series(np.array(self.coefficients))

    def _frequency(self) -> float:
        if self.omega is None:
            raise ValueError(
                "Argument omega must be known before a HarmonicRate is evaluated, but it is None; "
                "give HarmonicRate(coefficients, omega=…) or ask the memristor: "
                "memristor.decay_rate(times)."
            )
        return self.omega


@dataclass(frozen=True, eq=False)
class FourierSeries:
    """f(t) = S_0 + 2 Re Σ_{k>0} S_k exp(ikωt), `harmonics` S_0 … S_K."""

    harmonics: ComplexArray
    omega: float

    def value(self, times: ArrayLike) -> FloatArray:
        """Return f, same shape as `times`."""
        turns = self._turns(finite_times("times", times))
        return np.asarray(self.harmonics[0].real + 2 * (turns @ self.harmonics[1:]).real)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return ∫ f dt from `start` to `stop`, which broadcast."""
        start, stop = finite_times("start", start), finite_times("stop", stop)
        orders = np.arange(1, len(self.harmonics))
        waves = self._turns(stop) - self._turns(start)
        oscillating = 2 * (waves @ (self.harmonics[1:] / (1j * orders * self.omega))).real
        return np.asarray(self.harmonics[0].real * (stop - start) + oscillating)

    def _turns(self, times: FloatArray) -> ComplexArray:
        """Return exp(ikωt) for k = 1 … K, shape (…, K), by powers of one exponential."""
        first = np.exp(1j * self.omega * times)
        steps = np.broadcast_to(first[..., None], (*times.shape, len(self.harmonics) - 1))
        return np.asarray(np.cumprod(steps, axis=-1))


def product(first: ComplexArray, second: ComplexArray, omega: float) -> FourierSeries:
    """Return the product of two real series, given by their harmonics S_0 … S_K."""
    both = np.convolve(_all(first), _all(second))
    return FourierSeries(both[len(both) // 2 :], omega)


def _half_series(coefficients: FloatArray) -> ComplexArray:
    pairs = coefficients[1:].reshape(-1, 2)
    return np.concatenate([coefficients[:1], 0.5 * (pairs[:, 0] - 1j * pairs[:, 1])])


def _all(harmonics: ComplexArray) -> ComplexArray:
    """Return S_{−K} … S_K."""
    return np.concatenate([harmonics[:0:-1].conj(), harmonics])
