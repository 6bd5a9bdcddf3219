"""Area, perimeter and form factor of the smooth loops behind noisy samples.

`qmemcircuit.analysis.loops.find_loops` states the method; this module carries it out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmemcircuit.analysis.loop_geometry import measure_curves, vertex_times, window_matrix
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.results.trajectory import DeviceSeries

# Quantiles from which the 95 % interval and the standard error are taken. They are stretched about
# the median (more upwards where the interval is wide, see `_summarise`) and the error is taken from
# 80 %, not 68 %, since the prior below favours smooth curves and a posterior never reaches the ends
# 0 and 1. The stretches were chosen on repeated simulations of the settings in
# tests/analysis/test_loops.py, which measure the coverage with other seeds; they are calibration,
# not theory.
_INTERVAL = (0.025, 0.975)
_STRETCH = 1.35
_EXTRA_STRETCH = 0.75
_ERROR = (0.10, 0.90)
# Harmonics fitted from the start; more only where the residual asks for them.
_HARMONICS = 8


@data_object
@dataclass(frozen=True, eq=False)
class Estimate:
    """Corrected values, errors and intervals, each (area, perimeter, form factor)."""

    values: FloatArray
    errors: FloatArray
    intervals: FloatArray


@dataclass(frozen=True)
class _Fit:
    """A fitted branch y = offset + shapes·w, with w measured with unit independent errors.

    `groups` holds, per harmonic, its columns and the prior probability that it is absent.
    A branch without error has no shapes.
    """

    offset: FloatArray
    shapes: FloatArray
    whitened: FloatArray
    groups: tuple[tuple[slice, float], ...]

    def curve(self, whitened: FloatArray) -> FloatArray:
        return self.offset + whitened @ self.shapes.T

    def is_consistent_with_zero(self) -> bool:
        """Say whether χ² of harmonics 0 to 3 is within the 95 % of a vanishing signal.

        Higher harmonics would add noise alone, and hide a weak signal in it.
        """
        from scipy.stats import chi2

        if not self.groups:
            return False
        low = self.whitened[self.groups[-min(5, len(self.groups))][0].start :]
        return bool(np.sum(low**2) < chi2.ppf(0.95, low.size))


def estimate_geometry(
    series: DeviceSeries,
    starts: list[float],
    duration: float,
    normalise: str | None,
    scale: FloatArray,
    samples: int,
    seed: int,
) -> list[Estimate]:
    """Return the corrected geometry of the loops that begin at `starts`."""
    rng = np.random.default_rng(seed)
    begin, end = float(series.times[0]), float(series.times[-1])
    # The maximum may lie in an incomplete period: fit a window there too, for the scale alone.
    extra = []
    if starts[0] - begin > 1e-9 * duration:
        extra.append(begin)
    if end - (starts[-1] + duration) > 1e-9 * duration:
        extra.append(end - duration)
    all_starts = starts + extra
    covariances = (_voltage_covariance(series), _current_covariance(series))
    fits = [
        tuple(
            _fit_branch(series.times, values, covariance, start, duration)
            for values, covariance in (
                (series.voltage, covariances[0]),
                (series.current, covariances[1]),
            )
        )
        for start in all_starts
    ]
    first = all_starts.index(min(all_starts))

    def measure(whitened: list[list[FloatArray]]) -> FloatArray:
        """Return S, P, F and the extents in V and I, (loops, N, 5), of N draws per window."""
        curves = [
            np.stack(
                [fit.curve(draw) for fit, draw in zip(pair, draws, strict=True)],
                axis=-1,
            )
            for pair, draws in zip(fits, whitened, strict=True)
        ]
        scales = np.broadcast_to(scale, (len(curves[0]), 2))
        if normalise == "max":
            scales = np.max([np.abs(curve).max(axis=1) for curve in curves], axis=0)
        elif normalise == "initial":
            scales = np.abs(curves[first][:, 0, :])
        scaled = [curve / scales[:, np.newaxis, :] for curve in curves[: len(starts)]]
        return np.array(
            [np.column_stack([*measure_curves(curve), np.ptp(curve, axis=1)]) for curve in scaled]
        )

    posterior = [
        [_draw_posterior(fit, fit.whitened[np.newaxis], samples, rng) for fit in pair]
        for pair in fits
    ]
    drawn = measure(posterior)
    # Simulation: what does the posterior median make of replicas of a known curve, the posterior
    # mean? The mean has the right smoothness; the fit itself would carry the noise twice.
    replicas, inner = 20, 25
    centre = [[draws.mean(axis=0) for draws in pair] for pair in posterior]
    known = measure([[draws[np.newaxis] for draws in pair] for pair in centre])[:, 0]
    redrawn = [
        [
            _draw_posterior(fit, mean + rng.normal(size=(replicas, mean.size)), inner, rng)
            for fit, mean in zip(pair, means, strict=True)
        ]
        for pair, means in zip(fits, centre, strict=True)
    ]
    again = measure(redrawn).reshape(len(starts), replicas, inner, 5)
    bias = np.median(again, axis=2).mean(axis=1) - known
    return [
        _summarise(drawn[n], bias[n], [fit.is_consistent_with_zero() for fit in fits[n]])
        for n in range(len(starts))
    ]


def _summarise(drawn: FloatArray, bias: FloatArray, absent: list[bool]) -> Estimate:
    geometry, extents, bias = drawn[:, :3], drawn[:, 3:], bias[:3]
    median = np.median(geometry, axis=0)
    low, high = np.quantile(geometry, _INTERVAL, axis=0)
    low, high = np.minimum(low, low - bias), np.maximum(high, high - bias)
    low = median - _STRETCH * (median - low)
    # Upwards all three are skewed: where noise is as wide as the loop, stretching the value alone
    # left too many truths above the interval (finite differences at γ0 = 0.4 in the tests). So
    # stretch the logarithm, and the more, the wider the interval already is.
    ratio = np.divide(high, median, out=np.ones(3), where=median > 0)
    power = _STRETCH + _EXTRA_STRETCH * np.clip(ratio - 1, 0.0, 1.0)
    high = np.maximum(median + _STRETCH * (high - median), median * ratio**power)
    if any(absent):
        # A straight line there and back fits as well: it encloses nothing, and is as long as
        # twice the extent of whichever of V and I is there.
        lengths = 2 * np.quantile(extents, _INTERVAL[0], axis=0)
        line = max(0.0 if gone else float(size) for gone, size in zip(absent, lengths, strict=True))
        low = np.array([0.0, min(low[1], line), 0.0])
    if all(absent):
        high[2] = 1.0
    upper = np.array([np.inf, np.inf, 1.0])
    low, high = np.clip(low, 0.0, upper), np.clip(high, 0.0, upper)
    values = np.clip(median - bias, low, high)
    inner = np.quantile(geometry, _ERROR, axis=0)
    # The longer side, stretched alike, and the bias on top: it is systematic, and known no better
    # than to its own size.
    side = np.maximum(inner[1] - median, median - inner[0])
    errors = side * power / _STRETCH + np.abs(bias)
    if any(absent):  # nothing is known but the interval
        errors = (high - low) / 2
    errors = np.minimum(errors, np.maximum(high - values, values - low))
    return Estimate(values, errors, np.stack([low, high], axis=-1))


def _voltage_covariance(series: DeviceSeries) -> FloatArray | None:
    return None if series.voltage_error is None else np.diag(series.voltage_error**2)


def _current_covariance(series: DeviceSeries) -> FloatArray | None:
    error, covariance = series.current_error, series.current_covariance
    if error is None or covariance is None:
        return None if error is None else np.diag(error**2)
    # Errors include a bias bound that the covariance lacks: keep the correlations, widen to them.
    spread = np.sqrt(np.diag(covariance))
    ratio = np.divide(error, spread, out=np.ones_like(error), where=spread > 0)
    return np.asarray(covariance * np.outer(ratio, ratio))


def _fit_branch(
    times: FloatArray,
    values: FloatArray,
    covariance: FloatArray | None,
    start: float,
    duration: float,
) -> _Fit:
    vertices = vertex_times(times, start, start + duration)
    window = window_matrix(times, start, start + duration)
    samples = window @ values
    if covariance is None:
        return _Fit(samples, np.zeros((samples.size, 0)), np.zeros(0), ())
    noise = window @ covariance @ window.T
    if not np.trace(noise) > 0:
        return _Fit(samples, np.zeros((samples.size, 0)), np.zeros(0), ())
    most = (vertices.size - 5) // 2  # at least one degree of freedom stays for the residual
    if most < 2:
        raise ValueError(
            f"Argument trajectory must have at least 8 samples in a period where it has errors, "
            f"but the period from t = {start:g} has {vertices.size - 1}; take more points per "
            "period, or drop the errors (dataclasses.replace) to measure the raw polygons."
        )
    for order in range(min(_HARMONICS, most), most + 1):
        basis, groups = _basis((vertices - start) / duration, order)
        inverse = np.linalg.pinv(basis)
        residual_maker = np.eye(vertices.size) - basis @ inverse
        residual_noise = residual_maker @ noise @ residual_maker.T
        expected = float(np.trace(residual_noise))
        spread = math.sqrt(2 * float(np.sum(residual_noise**2)))
        # Three standard deviations: a signal as smooth as assumed raises K in few loops of 1000.
        if float(np.sum((residual_maker @ samples) ** 2)) <= expected + 3 * spread:
            break
    coefficient_noise = inverse @ noise @ inverse.T
    # Smoothed currents have a rank-deficient covariance; the ridge is far below any error.
    ridge = 1e-7 * np.trace(coefficient_noise) / len(coefficient_noise)
    root = np.linalg.cholesky(coefficient_noise + ridge * np.eye(len(coefficient_noise)))
    whitened = np.asarray(np.linalg.solve(root, inverse @ samples), dtype=float)
    return _Fit(np.zeros(samples.size), basis @ root, whitened, groups)


def _basis(phase: FloatArray, order: int) -> tuple[FloatArray, tuple[tuple[slice, float], ...]]:
    """Return the basis, high harmonics first, and its groups with their probability of absence.

    In this order the Cholesky factor leaves each harmonic's coordinates free of lower ones, so
    that setting them to zero removes it.
    """
    angle, trend = 2 * np.pi * phase, 2 * phase - 1
    blocks: list[tuple[list[FloatArray], float]] = []
    for k in range(order, 1, -1):
        absent = {2: 0.5, 3: 0.9}.get(k, 0.95)
        blocks.append(([np.cos(k * angle), np.sin(k * angle)], absent))
    blocks.append(([trend, trend * np.cos(angle), trend * np.sin(angle)], 0.25))
    blocks.append(([np.ones_like(phase)], 0.5))
    blocks.append(([np.cos(angle), np.sin(angle)], 0.0))  # there is a loop to speak of
    columns = [column for block, _ in blocks for column in block]
    groups, at = [], 0
    for block, absent in blocks:
        groups.append((slice(at, at + len(block)), absent))
        at += len(block)
    return np.stack(columns, axis=1), tuple(groups)


def _draw_posterior(
    fit: _Fit, whitened: FloatArray, count: int, rng: np.random.Generator
) -> FloatArray:
    """Return `count` draws of w for each of the observations `whitened`, shape (R, dim).

    An observation has unit errors. Per group of d coordinates: absent with the given prior
    probability; else w ~ N(0, (1/u − 1) 1) with density u^(−1/2)/2 on 0 < u < 1, so that u given
    the data is a truncated gamma and w given u and the data is N((1−u) w_measured, (1−u) 1).
    The result has shape (R count, dim), all draws of the first observation first.
    """
    from scipy.special import gammainc, gammaincinv, gammaln

    observations, dimension = whitened.shape
    draws = np.zeros((observations, count, dimension))
    for columns, absent in fit.groups:
        measured = whitened[:, np.newaxis, columns]
        half = np.maximum(np.sum(measured**2, axis=2) / 2, 1e-12)
        size = measured.shape[2]
        shape = size / 2 + 0.5
        mass = gammainc(shape, half)
        shrinkage = gammaincinv(shape, rng.uniform(size=(observations, count)) * mass) / half
        keep = np.clip(1 - shrinkage, 0.0, 1.0)[..., np.newaxis]
        noise = rng.normal(size=(observations, count, size))
        drawn = keep * measured + np.sqrt(keep) * noise
        if absent > 0:
            odds = math.log(0.5) + gammaln(shape) - shape * np.log(half) + np.log(mass) + half
            odds += math.log(1 / absent - 1)
            present = 1 / (1 + np.exp(-np.clip(odds, -700.0, 700.0)))
            drawn *= (rng.uniform(size=(observations, count)) < present)[..., np.newaxis]
        draws[..., columns] = drawn
    return draws.reshape(observations * count, dimension)
