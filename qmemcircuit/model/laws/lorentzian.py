"""A bath with memory: the exact decay rate of a two-level system in a Lorentzian spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.laws.rates import finite_times


@data_object
@dataclass(frozen=True)
class LorentzianRate:
    """Γ(t) = −2 Ġ/G of a Lorentzian bath on resonance, at zero temperature.

    G(t) = e^{−λt/2} (cosh(dt/2) + (λ/d) sinh(dt/2)), d² = λ² − 2γ0λ, is the amplitude of the
    excitation that is left, so ∫Γ from 0 to t is −2 ln|G| ≥ 0. The bath is exactly one memory
    qubit, exchanged at g = √(γ0λ/2) and damped at 2λ (G is that of its single excitation). For
    γ0 > λ/2 the excitation comes back: **Γ < 0 for a while**, information flows back, and the
    current with it. Circuits take it with `ancilla="merged"` only, for a step in which Γ < 0 has
    no collision. Breuer and Petruccione, The Theory of Open Quantum Systems, Sec. 10.1.

    Γ has a pole where G = 0, where V = 0 too. The circuits need only ∫Γ and pass it; the
    `master_equation` in Γ does not, and stops there with an error.

    Args:
        strength: γ0 ≥ 0, the rate that a memoryless bath (λ → ∞) of this coupling has, in 1/time.
        width: λ > 0, of the spectrum, in 1/time; 1/λ is how long the bath remembers.

    >>> law = LorentzianRate(strength=1.0, width=1000.0)
    >>> round(float(law.value(3.0)), 2)   # hardly any memory: γ0
    1.0
    """

    strength: float
    width: float

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "strength", check_real("strength", self.strength, minimum=0))
        width = check_real("width", self.width, minimum=0, exclusive=True)
        object.__setattr__(self, "width", width)

    def amplitude(self, times: ArrayLike) -> FloatArray:
        """Return G(t), real, 1 at t = 0."""
        check_arguments(LorentzianRate.amplitude, locals())
        growth, other = self._parts(finite_times("times", times))
        return np.asarray((growth + self.width * other).real)

    def value(self, times: ArrayLike) -> FloatArray:
        """Return Γ(t): γ0λ (2/d) sinh / (cosh + (λ/d) sinh), 0 at t = 0."""
        check_arguments(LorentzianRate.value, locals())
        # Without their common factor, which underflows at late times.
        growth, other = self._parts(finite_times("times", times), decaying=False)
        ratio = 2 * self.strength * self.width * other / (growth + self.width * other)
        return np.asarray(ratio.real)

    def integral(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return −2 ln|G(stop)/G(start)|: across a zero of G it is the map's, not the pole's."""
        check_arguments(LorentzianRate.integral, locals())
        ends = [finite_times("start", start), finite_times("stop", stop)]
        # Where nothing is left, p = 1 − e^{−∫Γ} is 1 for any integral of this size.
        least = np.finfo(float).tiny
        logarithms = [np.log(np.maximum(np.abs(self.amplitude(times)), least)) for times in ends]
        return np.asarray(2 * (logarithms[0] - logarithms[1]))

    def at_frequency(self, omega: float) -> LorentzianRate:
        """Return itself: the bath is centred at the memristor's frequency, whichever it is."""
        check_arguments(LorentzianRate.at_frequency, locals())
        return self

    def _parts(
        self, times: FloatArray, *, decaying: bool = True
    ) -> tuple[ComplexArray, ComplexArray]:
        """Return e^{−λt/2} cosh(dt/2) and e^{−λt/2} sinh(dt/2)/d, also at d = 0.

        With `decaying` False both are divided by e^{(d−λ)t/2}.
        """
        root = complex(self.width * (self.width - 2 * self.strength)) ** 0.5
        # Exponents together: cosh alone overflows where the bath is fast.
        slow = np.exp(0.5 * (root - self.width) * times) if decaying else np.ones(times.shape)
        fast = np.exp(-0.5 * (root + self.width) * times) if decaying else np.exp(-root * times)
        if abs(root) * float(np.max(np.abs(times), initial=0.0)) < math.sqrt(1e-12):
            other = 0.25 * times * (slow + fast)
        else:
            other = 0.5 * (slow - fast) / root
        return np.asarray(0.5 * (slow + fast)), np.asarray(other)
