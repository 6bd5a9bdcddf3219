"""What a method of zero-noise extrapolation is, and what it is given.

A method says how the mean at no noise is made of the means m_f at the noise factors,

    <P> = Σ_f w_f(P; θ) m_f(P) − Σ_f s_f(θ) E_f(P),

linear in what was counted once its few parameters θ are known. E_f is the excess: what the
calibrated noise model predicts at factor f, less the same circuits without noise; most methods
take none of it (s = 0). Parameters are fitted to the same counts; `MitigatedSamples` moves each by
its error and adds the square of what moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True, eq=False)
class MeasuredMeans:
    """Pauli means at every noise factor.

    Attributes:
        labels: the P Pauli labels.
        factors: the F noise factors.
        means: shape (F, T, P), readout undone.
        variances: of each mean, (F, T, P).
        covariances: of the means of one factor and time, (F, T, P, P).
        excess: predicted, less noiseless, (F, T, P); None for methods that take none.
    """

    labels: tuple[str, ...]
    factors: tuple[int, ...]
    means: FloatArray
    variances: FloatArray
    covariances: FloatArray
    excess: FloatArray | None = None


@data_object
@dataclass(frozen=True)
class Prices:
    """What a shot buys, as predicted: for the shares of the noise factors.

    Attributes:
        means: of one shot at factor 1, along the direction in which noise moves the means,
            averaged over times.
        fitted: what the fitted number adds to that with one shot at the last factor; None where
            nothing is predicted.
    """

    means: float
    fitted: float | None


class Declared(Protocol):
    """What a method asks of a `Mitigation`."""

    @property
    def factors(self) -> tuple[int, ...]:
        """The noise factors."""
        ...

    @property
    def degree(self) -> int:
        """The order of the polynomial."""
        ...


class Fitted(Protocol):
    """One fitted parameter."""

    @property
    def value(self) -> float:
        """The parameter."""
        ...

    @property
    def error(self) -> float:
        """Its standard error."""
        ...

    def moved(self, factors: Sequence[int]) -> Fitted:
        """Return the parameter moved by its error."""
        ...


class ExtrapolationMethod(Protocol):
    """A method; the registry `METHODS` holds one object of each."""

    @property
    def fits(self) -> bool:
        """Whether it has parameters, fitted to means that are joint over the settings."""
        ...

    @property
    def predicts(self) -> bool:
        """Whether it takes the excess that the calibrated noise model predicts."""
        ...

    @property
    def equal_gates(self) -> bool:
        """Whether its circuits must have the same gates at every time."""
        ...

    def refusals(self, declared: Declared, *, fold_all: bool, own_order: bool) -> Refusals:
        """Return what must not be declared with it: (whether it is, what, the remedy)."""
        ...

    def fit(self, measured: MeasuredMeans) -> Mapping[str, Fitted]:
        """Return the parameters by name."""
        ...

    def weights(
        self, label: str, declared: Declared, parameters: Mapping[str, float]
    ) -> FloatArray | None:
        """Return w (F,) of a label's means; None where the label has no parameter."""
        ...

    def subtracted(self, declared: Declared, parameters: Mapping[str, float]) -> FloatArray:
        """Return s (F,): how much of each factor's excess is subtracted."""
        ...

    def shares(self, declared: Declared, prices: Prices) -> FloatArray:
        """Return each factor's share of the shots, (F,), for the least variance as predicted."""
        ...

    def describe(self, declared: Declared) -> str:
        """Return the method in a few words."""
        ...


Refusals = tuple[tuple[bool, str, str], ...]
"""For each declaration that a method does not take: whether it was made, what it is, a remedy."""
