"""An exponential in the noise factor, its rates pooled over times and alike Paulis.

Where *all* noise is amplified (`fold_all`) and the circuits have the same gates at every time
(`splitting="compiled"`), more is known than that means are smooth in the factor: a Pauli mean falls
with the factor f as

    m(f) = m∞ + (m(0) − m∞) e^{−r f},

exactly for one Pauli or damping channel, nearly for a circuit's worth of them. One rate r for each
Pauli at each time is more than the shots can tell. Two simplifications leave few: dephasing and
damping act alike on X and Y, and the same gates lose the same at every time. So r is common to all
times and to all Paulis with as many transverse letters (X, Y) and as many Z: five rates for a
pair. With r known the extrapolation is linear: what it costs is that of a straight line, without
its bias by the decay's curvature.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.extrapolations.protocols import (
    Declared,
    MeasuredMeans,
    Prices,
    Refusals,
)

RATE_RANGE = (1e-3, 4.0)
"""Bounds of r × (largest − smallest factor). Below, the decay is a straight line; beyond, it is
over before the last factors and cannot be told."""


@data_object
@dataclass(frozen=True)
class FittedRate:
    """The decay of one kind of Pauli means per unit of the noise factor.

    Attributes:
        value: r.
        error: its standard error from the means' variances, to first order, at most the width of
            `RATE_RANGE`, for beyond it nothing is known; 0 where the variances are 0.
    """

    value: float
    error: float

    def moved(self, factors: Sequence[int]) -> FittedRate:
        """Return the rate moved by its error, up where `RATE_RANGE` leaves room for it.

        Where it does not, it is moved to where there is more room: a rate that the data cannot
        tell must not look known because it was found at a bound.
        """
        low, high = _rate_bounds(factors)
        up, down = min(self.value + self.error, high), max(self.value - self.error, low)
        farther = up if up - self.value >= self.value - down else down
        return FittedRate(farther, self.error)


@dataclass(frozen=True)
class Exponential:
    """Pooled rates; for one or two memristors, all noise folded, at least three factors."""

    fits: bool = True
    predicts: bool = False
    equal_gates: bool = True

    def refusals(self, declared: Declared, *, fold_all: bool, own_order: bool) -> Refusals:
        """Return what its model of the decay does not fit."""
        factors = list(declared.factors)
        return (
            (len(factors) < 3, f"factors {factors}", "give at least three"),
            (not fold_all, "fold_all=False", "give fold_all=True: all noise must grow alike"),
            (own_order, f"order {declared.degree}", "leave it out"),
        )

    def fit(self, measured: MeasuredMeans) -> Mapping[str, FittedRate]:
        """Return the rate of each kind of label."""
        return pooled_rates(measured.means, measured.labels, measured.factors, measured.variances)

    def weights(
        self, label: str, declared: Declared, parameters: Mapping[str, float]
    ) -> FloatArray | None:
        """Return the weights of the label's rate."""
        rate = parameters.get(kind_of(label))
        return None if rate is None else exponential_weights(declared.factors, rate)

    def subtracted(self, declared: Declared, parameters: Mapping[str, float]) -> FloatArray:
        """Return zeros."""
        return np.zeros(len(declared.factors))

    def shares(self, declared: Declared, prices: Prices) -> FloatArray:
        """Return equal shares: the weights depend on the rates, which are not known yet."""
        return np.full(len(declared.factors), 1 / len(declared.factors))

    def describe(self, declared: Declared) -> str:
        """Return the method in a few words."""
        return "exponential, pooled rates"


def exponential_weights(factors: Sequence[int], rate: float) -> FloatArray:
    """Return w (F,) with w · m(factors) the value at 0 of m∞ + (m(0) − m∞) e^{−rf}; Σ w = 1."""
    return np.asarray(np.linalg.pinv(_design(rate, np.array(factors, dtype=float)))[0])


def pooled_rates(
    means: FloatArray, labels: Sequence[str], factors: Sequence[int], variances: FloatArray
) -> dict[str, FittedRate]:
    """Return the rate of each kind of label that least squares finds in the means.

    Args:
        means: at each factor, shape (F, T, P).
        labels: the P Pauli labels.
        factors: the F factors, different, at least three.
        variances: of the means, (F, T, P), for the rates' errors; correlations are left out.
    """
    from scipy.optimize import minimize_scalar

    if len(factors) < 3 or len(set(factors)) < len(factors):
        raise ValueError(
            f"Argument factors must be at least three different noise factors, but "
            f"{list(factors)} were given: a decay and its asymptote need three."
        )
    instants = np.array(factors, dtype=float)
    kinds = np.array([kind_of(label) for label in labels])
    found = {}
    for kind in sorted(set(kinds)):
        flat = means[:, :, kinds == kind].reshape(len(instants), -1)
        spread = variances[:, :, kinds == kind].reshape(len(instants), -1)

        def left_over(rate: float, flat: FloatArray = flat) -> float:
            basis, _ = np.linalg.qr(_design(rate, instants))
            return float(np.sum((flat - basis @ (basis.T @ flat)) ** 2))

        solved = minimize_scalar(left_over, bounds=_rate_bounds(factors), method="bounded")
        rate = float(solved.x)
        found[str(kind)] = FittedRate(rate, _rate_error(rate, instants, flat, spread))
    return found


def extrapolate_pooled(
    means: FloatArray, labels: Sequence[str], factors: Sequence[int]
) -> tuple[FloatArray, dict[str, float]]:
    """Return exact means, (F, T, P), extrapolated to factor 0, (T, P), and the pooled rates."""
    rates = pooled_rates(means, labels, factors, np.zeros_like(means))
    weights = np.array([exponential_weights(factors, rates[kind_of(p)].value) for p in labels])
    values = np.einsum("pf,ftp->tp", weights, means)
    return values, {kind: rate.value for kind, rate in rates.items()}


def kind_of(label: str) -> str:
    """Return the letters of a Pauli label that decide its decay, X and Y as T.

    >>> kind_of("XZ"), kind_of("ZY"), kind_of("IX")
    ('TZ', 'TZ', 'T')
    """
    return "".join(sorted(label.replace("X", "T").replace("Y", "T").replace("I", "")))


def _design(rate: float, factors: FloatArray) -> FloatArray:
    """Return the columns 1 and e^{−rf} − 1: the first's coefficient is the value at f = 0."""
    return np.stack([np.ones_like(factors), np.expm1(-rate * factors)], axis=1)


def _rate_bounds(factors: Sequence[int] | FloatArray) -> tuple[float, float]:
    span = float(max(factors) - min(factors))
    return RATE_RANGE[0] / span, RATE_RANGE[1] / span


def _rate_error(
    rate: float, factors: FloatArray, means: FloatArray, variances: FloatArray
) -> float:
    """Return the standard error of a rate by variable projection (Kaufman's derivative).

    The residual's derivative is −(1 − QQᵀ)(dA/dr) β, β the fitted coefficients; the rate is the
    sum of residuals along it over its square.
    """
    design = _design(rate, factors)
    basis, _ = np.linalg.qr(design)
    coefficients = np.linalg.pinv(design) @ means
    turned = np.stack([np.zeros_like(factors), -factors * np.exp(-rate * factors)], axis=1)
    slope = turned @ coefficients
    slope = slope - basis @ (basis.T @ slope)
    square, noise = float(np.sum(slope**2)), float(np.sum(slope**2 * variances))
    low, high = _rate_bounds(factors)
    if not variances.any():
        return 0.0
    return min(math.sqrt(noise) / square, high - low) if square > 0 else high - low
