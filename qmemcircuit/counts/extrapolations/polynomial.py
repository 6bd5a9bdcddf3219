"""A polynomial in the noise factor: it assumes nothing but smoothness, and pays for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.counts.extrapolations.protocols import (
    Declared,
    Fitted,
    MeasuredMeans,
    Prices,
    Refusals,
)


def polynomial_weights(factors: Sequence[int], order: int) -> FloatArray:
    """Return w (F,) with w · m(factors) the least-squares polynomial's value at 0; Σ w = 1."""
    design = np.vander(np.array(factors, dtype=float), order + 1, increasing=True)
    return np.asarray(np.linalg.pinv(design)[0])


@dataclass(frozen=True)
class Polynomial:
    """Least squares in the factor, the same weights for every Pauli."""

    fits: bool = False
    predicts: bool = False
    equal_gates: bool = False

    def refusals(self, declared: Declared, *, fold_all: bool, own_order: bool) -> Refusals:
        """Return nothing: it takes what there is."""
        return ()

    def fit(self, measured: MeasuredMeans) -> Mapping[str, Fitted]:
        """Return nothing: there is no parameter."""
        return {}

    def weights(
        self, label: str, declared: Declared, parameters: Mapping[str, float]
    ) -> FloatArray | None:
        """Return the weight of each factor's mean in the polynomial's value at 0."""
        return polynomial_weights(declared.factors, declared.degree)

    def subtracted(self, declared: Declared, parameters: Mapping[str, float]) -> FloatArray:
        """Return zeros."""
        return np.zeros(len(declared.factors))

    def shares(self, declared: Declared, prices: Prices) -> FloatArray:
        """Return shares like the weights' sizes: then Σ w²/n is least."""
        sizes = np.abs(polynomial_weights(declared.factors, declared.degree))
        return np.asarray(sizes / sizes.sum())

    def describe(self, declared: Declared) -> str:
        """Return the order."""
        return f"polynomial of order {declared.degree}"
