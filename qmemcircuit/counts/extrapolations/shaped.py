"""Extrapolation shaped by the calibrated noise model: its shape is believed, its size measured.

A calibration predicts for each circuit what the noise does to each Pauli mean at noise factor f,
the excess E_f = (noisy − noiseless). It is off by its size more than by its shape: gate errors and
decay times drift, often together. So only the size λ is fitted, one number for all times and
Paulis, from the difference that folding makes,

    m_k − m_1 = λ (E_k − E_1) + noise,        <P> = m_1 − λ E_1,

by least squares with the covariance of the counts; the value at no noise then has the shots'
variance of factor 1 alone, plus E_1² var λ: a tenth of the shots at factor 3 is enough. A straight
line through the same two factors pays (3/2)² + (1/2)² times the variance of one of them.

What it is *not*. It cannot find a wrong circuit: E is of the circuit that was meant, and a device
that runs another one is corrected by the wrong shape. It sees no noise that does not grow with
folds: the error of a reset itself, leakage, coherent errors that folds undo; λ far from 1 or a
large χ² of the residuals are alarms, and their silence is no proof. The error bar holds λ's
standard error and, with `Mitigation.drift`, the change of shape that calibrated numbers off by so
much would make, λ fitted anew.

With factor 1 alone, λ = 1: the calibration is believed altogether, and `drift` is all that the
error bar knows of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.chi_squared import ChiSquared
from qmemcircuit.counts.extrapolations.protocols import (
    Declared,
    MeasuredMeans,
    Prices,
    Refusals,
)

NOISE_SCALE = "noise_scale"
"""The name of λ."""


@data_object
@dataclass(frozen=True)
class NoiseScale:
    """The size λ of the device's noise in units of its calibration's.

    Attributes:
        value: λ; 1 where the device is as calibrated.
        error: its standard error; 0 where λ = 1 was believed.
        residuals: of (m_k − m_1) − λ (E_k − E_1), by the covariance of the shots; None where λ was
            believed.
    """

    value: float
    error: float
    residuals: ChiSquared | None = None

    def moved(self, factors: Sequence[int]) -> NoiseScale:
        """Return the scale moved by its error."""
        return NoiseScale(self.value + self.error, self.error, self.residuals)

    def __str__(self) -> str:
        """Return the scale and how well the shape fits."""
        if self.residuals is None:
            return "noise 1 × calibrated, believed"
        fit = f"shape: {self.residuals}"
        return f"noise {self.value:.3f} ± {self.error:.3f} × calibrated; {fit}"


@dataclass(frozen=True)
class Shaped:
    """One scale of the predicted excess, from factor 1 and one other."""

    fits: bool = True
    predicts: bool = True
    equal_gates: bool = False

    def refusals(self, declared: Declared, *, fold_all: bool, own_order: bool) -> Refusals:
        """Return what does not fit: a third factor, and a polynomial's order."""
        factors = list(declared.factors)
        return (
            (len(factors) > 2, f"factors {factors}", "give two, (1, 3)"),
            (own_order, f"order {declared.degree}", "leave it out"),
        )

    def fit(self, measured: MeasuredMeans) -> Mapping[str, NoiseScale]:
        """Return λ."""
        return {NOISE_SCALE: fit_noise_scale(measured)}

    def weights(
        self, label: str, declared: Declared, parameters: Mapping[str, float]
    ) -> FloatArray | None:
        """Return 1 for factor 1: the other serves λ alone."""
        return np.asarray(np.eye(len(declared.factors))[0])

    def subtracted(self, declared: Declared, parameters: Mapping[str, float]) -> FloatArray:
        """Return λ for factor 1."""
        return np.asarray(parameters[NOISE_SCALE] * np.eye(len(declared.factors))[0])

    def shares(self, declared: Declared, prices: Prices) -> FloatArray:
        """Return the shares that make A/n_1 + B/n_k least: as √A to √B.

        A is the variance of the means along E_1, B = E_1² var λ, each for one shot; that of m_1 in
        λ is left out, for n_1 is many times n_k.
        """
        if len(declared.factors) == 1 or prices.fitted is None:
            return np.full(len(declared.factors), 1 / len(declared.factors))
        sizes = np.sqrt([prices.means, prices.fitted])
        return np.asarray(sizes / sizes.sum())

    def describe(self, declared: Declared) -> str:
        """Return the method in a few words."""
        return "shaped by the calibrated noise"


def fit_noise_scale(measured: MeasuredMeans) -> NoiseScale:
    """Return λ by generalised least squares; see the module's text.

    Covariances of all zeros (exact means) weigh all means alike, and λ then has no error. Raises
    ValueError where folding does not change what the model predicts.
    """
    assert measured.excess is not None
    if len(measured.factors) == 1:
        return NoiseScale(1.0, 0.0)
    change = measured.means[1] - measured.means[0]
    predicted = measured.excess[1] - measured.excess[0]
    exact = not measured.covariances.any()
    covariance = measured.covariances[0] + measured.covariances[1]
    if exact:
        covariance = np.broadcast_to(np.eye(change.shape[1]), covariance.shape)
    weighed = np.linalg.solve(covariance, predicted[..., None])[..., 0]
    square = float(np.sum(weighed * predicted))
    if square <= 0:
        raise ValueError(
            "Argument factors must change what the noise model predicts, but folding changes "
            "nothing: without noise there is nothing to extrapolate; use extrapolation="
            "'polynomial', or readout alone."
        )
    scale = float(np.sum(weighed * change)) / square
    if exact:
        return NoiseScale(scale, 0.0)
    left = change - scale * predicted
    statistic = float(np.sum(left * np.linalg.solve(covariance, left[..., None])[..., 0]))
    return NoiseScale(scale, 1 / math.sqrt(square), ChiSquared(statistic, change.size - 1))
