"""Shares of the shots: which setting and which noise factor a shot helps most.

The variance of all means at time t is the trace of C_t = (Σ_s n_s J_s(t))^{-1}, J_s the precision
of one shot in setting s, from predicted outcome probabilities. The settings' shares make its mean
over times least (an A-optimal design): at the optimum n_s ∝ n_s √(mean_t tr C_t J_s C_t), which is
iterated.

Noise factors of a shaped extrapolation share so that the direction in which noise moves the means
is known best: along the excess E_1 the variance is E_1ᵀ C E_1 / E_1² over the shots of factor 1,
plus E_1² var λ over those of the other. Least for the sum of all means would be a third of that
share (3 % instead of 9 % on FakeTorino), and then λ's error moves what noise takes away most, the
concurrence (experiment hardware.certainty).
"""

from __future__ import annotations

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.counts.extrapolations.protocols import Prices
from qmemcircuit.counts.means import exchange_classes, measured_labels, setting_estimates
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import read_probabilities
from qmemcircuit.counts.samples import Samples

_ROUNDS = 200
"""Of the iteration; it gains less than 1e-3 of the variance after a few dozen."""

_MANY = 10**9
"""Probabilities are passed on as so many counts; precisions are divided by it again."""


def predicted_shares(
    chances: FloatArray,
    bases: tuple[str, ...],
    mitigation: Mitigation,
    *,
    flips: FloatArray,
    excess: FloatArray | None = None,
) -> FloatArray:
    """Return each factor's and setting's share of the shots, (F, B), summing to 1.

    Args:
        chances: predicted outcome probabilities at factor 1, readout flips included, (T, B, 2^M).
        bases: the settings.
        mitigation: its method, factors and exchange symmetry.
        flips: predicted readout flips, (M, 2).
        excess: of the shaped extrapolation, as calibrated, (F, T, B, 2^M), before readout.

    Factors after the first have equal settings: what they fit is then tested by every mean.
    """
    check_arguments(predicted_shares, locals())
    samples = Samples(bases, np.round(np.asarray(chances) * _MANY).astype(np.int64))
    labels = measured_labels(bases)
    precision = np.zeros((len(bases), len(chances), len(labels), len(labels)))
    values, found, places = setting_estimates(samples, flips)
    for setting, (own, place) in enumerate(zip(found, places, strict=True)):
        precision[setting][:, place[:, None], place] = own / _MANY
    alike = exchange_classes(labels) if mitigation.exchange else np.eye(len(labels))
    settings = _optimal_settings(precision, alike)
    variance, scale = 1.0, None
    if excess is not None:
        read = [read_probabilities(item, flips) for item in excess]
        # Labels' means of the excess, from the settings alike.
        shifts = np.zeros((len(read), len(chances), len(labels)))
        seen = np.zeros(len(labels))
        for setting, (value, place) in enumerate(zip(values, places, strict=True)):
            shifts[:, :, place] += np.array([item[:, setting] @ value.T for item in read])
            seen[place] += 1
        shifts /= seen
        square = np.sum(shifts[0] ** 2, axis=1)
        size = float(np.sum(square**2) / np.sum(square))
        covariance = _covariance(precision, alike, settings)
        along = np.einsum("tp,tpq,tq->", shifts[0], covariance, shifts[0]) / np.sum(square)
        variance = float(along)
        change = shifts[-1] - shifts[0]
        told = float(np.einsum("tp,stpq,tq->", change, precision, change)) / len(bases)
        scale = size / told if told > 0 else None
    weights = mitigation.method.shares(mitigation, Prices(variance, scale))
    found_shares = np.full((len(mitigation.factors), len(bases)), 1 / len(bases))
    found_shares[0] = settings
    if scale is None:
        found_shares[:] = settings
    return np.asarray(weights[:, None] * found_shares)


def _covariance(precision: FloatArray, alike: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the covariance (T, P, P) of all labels' means with one shot shared like that."""
    normal = np.einsum("s,stpq->tpq", shares, precision)
    return np.asarray(alike @ np.linalg.inv(alike.T @ normal @ alike) @ alike.T)


def _optimal_settings(precision: FloatArray, alike: FloatArray) -> FloatArray:
    """Return the shares (B,) of the settings.

    Args:
        precision: of one shot in each setting, (B, T, P, P).
        alike: the parameters behind the labels, (P, C).
    """
    reduced = np.einsum("pc,stpq,qd->stcd", alike, precision, alike, optimize=True)
    weight = alike.T @ alike
    shares = np.full(len(precision), 1 / len(precision))
    for _ in range(_ROUNDS):
        covariance = np.linalg.inv(np.einsum("s,stcd->tcd", shares, reduced))
        gain = np.einsum(
            "tab,stbc,tcd,da->s", covariance, reduced, covariance, weight, optimize=True
        )
        shares = shares * np.sqrt(np.maximum(gain, 0.0))
        shares = shares / shares.sum()
    return np.asarray(shares)
