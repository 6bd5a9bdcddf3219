"""The current from measured means of X and Y: two estimators that differentiate data.

I = √(mħω/2) (d<σy>/dt − ω<σx>) with <σx> = <X>, <σy> = −<Y>. Both estimators are linear in the
data, I = A x + B y, so their covariance is exact: A Σx Aᵀ + B Σy Bᵀ. What they get wrong even
without noise is their *bias*: no finite set of times fixes a derivative. There are two ways to
deal with it.

**With a model** (`expected`), the bias is computable: it is what the very estimator makes of the
model's own means, less the model's current. It is subtracted,

    I = I_model + A (x − x_model) + B (y − y_model),

so the model enters through its fine structure alone: what the estimator can resolve is measured,
with the estimator's full noise, and nothing is pulled towards the model. Where the device follows
the model, this is unbiased at every time and every number of shots. Where it does not, what stays
wrong is the bias of the *deviation*, which structure finer than a period (local fit) or a few
times (finite differences) hides: there the value leans towards the model. `subtracted` is kept, so
that value + subtracted is the raw value, and where |subtracted| exceeds the noise, the model has
more say than the data. What the deviations themselves show to be left is `bias`.

**Without a model**, nothing says that the coherence is smooth, and the error must allow for all
that the times can resolve. The local fit takes freer bases (more harmonics) where those contradict
the poorer ones, and so stays sharp where the coherence is smooth; but the *error* of either
estimator includes its distance from a parabola through three neighbours, that parabola's noise,
and half the difference of the slopes on either side. So it holds at edges, steps and pulses, and
is wide: at the paper's settings about twice that of finite differences, ten times that of the
local fit with a model. Where structure has fewer than about four points a cycle, or lies between
two times, no bound from the data can know it.

The third estimator, `current_operator`, differentiates nothing; it lives in `estimation`, where
the Pauli means are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtri

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.linear_estimators import (
    LinearEstimator,
    estimator_ladder,
    one_sided,
    parabola,
    window_marks,
    windows_about,
)

FEWEST_TIMES = 10
"""A current that differentiates measured means needs so many times."""

_SEEN = 1e-5
"""Structure counts as seen where noise alone shows it so rarely.

It is asked some hundred times per series: a true model's errors shall not grow by chance, and a
local fit without a model shall not take a noisier basis by chance.
"""

_JUDGES = 3
"""With a model: so many bases, the smallest, look for structure in the deviations from it.

The freer ones are noisier than anything that they could find.
"""

_FEWEST_IN_PERIOD = 7
"""One more than the functions that a local fit has."""


@data_object
@dataclass(frozen=True)
class ExpectedMeans:
    """What a model says: its exact means of Qiskit's X and Y, and its current, each (T,)."""

    x: FloatArray
    y: FloatArray
    current: FloatArray


@data_object
@dataclass(frozen=True, eq=False)
class CurrentEstimate:
    """A current at T times: `value` (…, T), `error` (…, T), `covariance` (…, T, T).

    `subtracted` (T,) is the estimator's bias by the model, already taken off `value`; zeros
    without a model. `bias` (…, T) bounds what is left; `covariance` has its square added on the
    diagonal, so that its diagonal is `error`². `y_covariance` (…, T, T) is that of <Y> at the
    first time with I at the second. Leading axes are those of the data: one for repeated runs, say.
    """

    value: FloatArray
    error: FloatArray
    covariance: FloatArray
    bias: FloatArray
    subtracted: FloatArray
    y_covariance: FloatArray


def finite_difference(
    times: FloatArray,
    x: FloatArray,
    y: FloatArray,
    x_error: FloatArray,
    y_error: FloatArray,
    *,
    omega: float,
    scale: float,
    expected: ExpectedMeans | None = None,
) -> CurrentEstimate:
    """Return guo2022's estimator: central differences of <σy>, one-sided second order at the ends.

    Args:
        times: shape (T,), T ≥ 10, any spacing.
        x, y: means of Qiskit's X and Y, shape (…, T), with standard errors x_error, y_error.
        omega: the memristor's ω.
        scale: √(mħω/2).
        expected: the model's means, to take its bias off; None bounds it from the data alone.

    Its bias is of order dt² ω³; the noise of a difference is √2 σ/(2 dt). Raises ValueError for
    fewer times.
    """
    _check_length(times, FEWEST_TIMES)
    derivative = np.asarray(np.gradient(np.eye(times.size), times, axis=0, edge_order=2))
    estimator = LinearEstimator(-scale * omega * np.eye(times.size), -scale * derivative)
    data = _Data(times, x, y, x_error, y_error, omega)
    if expected is not None:
        ladder = estimator_ladder(times, omega, scale)
        return _with_model(estimator, ladder[:_JUDGES], data, expected)
    return _without_model(estimator, data, scale)


def local_fit(
    times: FloatArray,
    x: FloatArray,
    y: FloatArray,
    x_error: FloatArray,
    y_error: FloatArray,
    *,
    omega: float,
    scale: float,
    expected: ExpectedMeans | None = None,
) -> CurrentEstimate:
    """Return the current from local least-squares fits in the frame that rotates at ω.

    There the coherence c(t) = ρ_eg e^{iωt} is slow, and I = −2 √(mħω/2) Im(c′(t) e^{−iωt}). About
    each time, c is fitted over one period (at the ends: the first or last one) with
    {1, τ, cos kωτ, sin kωτ; k = 1, 2}, and the fit is differentiated. With `expected` its bias by
    the model is taken off; without, freer bases are used where the data ask for them. Arguments as
    in `finite_difference`. Raises ValueError for fewer than 10 times, or 7 in every period.
    """
    _check_length(times, FEWEST_TIMES)
    _check_density(times, omega)
    data = _Data(times, x, y, x_error, y_error, omega)
    ladder = estimator_ladder(times, omega, scale)
    if expected is not None:
        return _with_model(ladder[0], ladder[1:_JUDGES], data, expected)
    return _without_model(_climb(ladder, data), data, scale)


@dataclass(frozen=True)
class _Data:
    """Means of X and Y with their errors, (…, T), at `times` (T,)."""

    times: FloatArray
    x: FloatArray
    y: FloatArray
    x_error: FloatArray
    y_error: FloatArray
    omega: float


def _with_model(
    estimator: LinearEstimator, richer: list[LinearEstimator], data: _Data, expected: ExpectedMeans
) -> CurrentEstimate:
    """Take the model's bias off, and bound what the deviations from the model show to be left."""
    subtracted = estimator.apply(expected.x, expected.y) - expected.current
    rest = replace(data, x=data.x - expected.x, y=data.y - expected.y)
    squared = (_misfit(rest, expected) * subtracted) ** 2
    for other in richer:
        squared = np.maximum(squared, _excess(estimator.minus(other), rest, _SEEN))
    return _summarise(estimator, data, np.sqrt(squared), subtracted)


def _misfit(rest: _Data, expected: ExpectedMeans) -> FloatArray:
    """Return by what fraction the model's decay may be wrong, (…, T), from 0 to 1.

    A decay wrong by the factor 1 + ε moves the means m by ε m ln(|m|/|m_0|) to first order. The
    larger of two: the factor that all means together ask for, by weighted least squares, where it
    exceeds its error; and any significant misfit in units of what such a factor does, over all
    times or over the period about each one. A model that misses what is easy to see is not trusted
    to better than that in what is not; at ε = 1, not at all.
    """
    size = np.maximum(expected.x**2 + expected.y**2, 1e-300)
    decay = 0.5 * np.log(size / size.max())
    moves = ((expected.x * decay, rest.x, rest.x_error), (expected.y * decay, rest.y, rest.y_error))
    # Errors of zero (no noise) leave finite weights.
    weights = [move / np.maximum(error**2, 1e-30) for move, _, error in moves]
    asked = sum(np.sum(w * r, axis=-1) for w, (_, r, _) in zip(weights, moves, strict=True))
    scale = sum(np.sum(w * m, axis=-1) for w, (m, _, _) in zip(weights, moves, strict=True))
    scale = np.maximum(scale, 1e-300)
    # It counts from its own error (1/√scale) on: noise alone asks for that in a third of runs.
    factor = np.where(np.abs(asked) > np.sqrt(scale), (asked / scale) ** 2, 0.0)
    variance = rest.x_error**2 + rest.y_error**2
    square = rest.x**2 + rest.y**2
    spread = 2 * (rest.x_error**4 + rest.y_error**4)  # the variance of the squares
    lever = size * np.minimum(1.0, decay**2)
    found = np.broadcast_to(factor[..., None], square.shape)
    everywhere = np.ones((rest.times.size,) * 2)
    for about in (everywhere, window_marks(windows_about(rest.times, rest.omega))):
        excess = _significant_excess(square @ about.T, variance @ about.T, spread @ about.T, _SEEN)
        found = np.maximum(found, excess / np.maximum(lever @ about.T, 1e-300))
    return np.asarray(np.sqrt(np.minimum(found, 1.0)))


def _without_model(estimator: LinearEstimator, data: _Data, scale: float) -> CurrentEstimate:
    """Bound the bias by what three neighbouring times say, and by what they cannot say."""
    curved = parabola(data.times, data.omega, scale)
    difference = estimator.minus(curved)
    apart = np.maximum(
        difference.apply(data.x, data.y) ** 2, difference.variance(data.x_error, data.y_error)
    )
    # A kink of the coherence (a step of Γ) puts a parabola wrong by half the difference of the
    # slopes on either side; a slope that oscillates, where its own slope vanishes, by that of its
    # neighbours; at the ends the slopes stand a step further off.
    kink = one_sided(data.times, data.omega, scale).apply(data.x, data.y) ** 2
    around = np.concatenate([4 * kink[..., :1], kink, 4 * kink[..., -1:]], axis=-1)
    kink = np.maximum(np.maximum(around[..., :-2], around[..., 2:]), kink)
    return _summarise(estimator, data, np.sqrt(apart + kink), np.zeros(data.times.size))


def _climb(ladder: list[LinearEstimator], data: _Data) -> LinearEstimator:
    """Return at each time the first estimator that no freer one contradicts."""
    rung = np.full(data.x.shape, len(ladder) - 1)
    for k in reversed(range(len(ladder) - 1)):
        fits = np.ones(data.x.shape, dtype=bool)
        for other in ladder[k + 1 :]:
            fits &= _excess(ladder[k].minus(other), data, _SEEN) == 0
        rung = np.where(fits, k, rung)
    rows = np.arange(data.times.size)
    return LinearEstimator(
        np.stack([item.from_x for item in ladder])[rung, rows],
        np.stack([item.from_y for item in ladder])[rung, rows],
    )


def _excess(difference: LinearEstimator, data: _Data, level: float) -> FloatArray:
    """Return by how much a difference's mean square exceeds its noise, (…, T), not below 0.

    Averages are taken over the period about each time, a quarter of it, and the time itself; the
    largest counts of those that noise alone would exceed with a probability below `level`.
    """
    square = difference.apply(data.x, data.y) ** 2
    variance = difference.variance(data.x_error, data.y_error)
    found = np.zeros(square.shape)
    for part in (1.0, 0.25, 0.0):
        about = window_marks(windows_about(data.times, data.omega, part))
        number = about.sum(axis=1)
        total, mean = square @ about.T, variance @ about.T
        # Independent squares fluctuate least. What they could do by chance needs no closer look.
        doubtful = (total > mean * chdtri(number, level) / number).any(axis=-1)
        if not np.any(doubtful):
            continue
        covariance = difference.at(doubtful).covariance(
            data.x_error[doubtful], data.y_error[doubtful]
        )
        spread = ((about @ (2 * covariance**2)) * about).sum(axis=-1)  # variance of the sum
        excess = _significant_excess(total[doubtful], mean[doubtful], spread, level)
        found[doubtful] = np.maximum(found[doubtful], excess / number)
    return found


def _significant_excess(
    total: FloatArray, mean: FloatArray, spread: FloatArray, level: float
) -> FloatArray:
    """Return total − mean where noise alone exceeds `total` with less probability, else 0.

    A sum of squares of correlated Gaussians with this mean and variance `spread` is taken for a
    scaled χ² (Satterthwaite).
    """
    degrees = 2 * mean**2 / np.maximum(spread, 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = mean * chdtri(degrees, level) / degrees
    # Where there is no noise (errors of zero), any excess is real.
    return np.where(total > np.where(mean > 0, limit, 0.0), np.maximum(total - mean, 0.0), 0.0)


def _summarise(
    estimator: LinearEstimator, data: _Data, bias: FloatArray, subtracted: FloatArray
) -> CurrentEstimate:
    value = estimator.apply(data.x, data.y) - subtracted
    covariance = estimator.covariance(data.x_error, data.y_error)
    diagonal = np.arange(data.times.size)
    covariance[..., diagonal, diagonal] += bias**2
    error = np.sqrt(covariance[..., diagonal, diagonal])
    with_y = (data.y_error[..., None, :] ** 2 * estimator.from_y).swapaxes(-1, -2)
    return CurrentEstimate(value, error, covariance, bias, subtracted, with_y)


def _check_length(times: FloatArray, minimum: int) -> None:
    if times.size < minimum:
        raise ValueError(
            f"Argument times must have at least {minimum} entries to differentiate data, but "
            f"{times.size} were given; take more, or current='current_operator'."
        )


def _check_density(times: FloatArray, omega: float) -> None:
    for time, window in zip(times, windows_about(times, omega), strict=True):
        points = window.stop - window.start
        if points < _FEWEST_IN_PERIOD:
            raise ValueError(
                f"Argument times must have at least {_FEWEST_IN_PERIOD} points in every period "
                f"for a local fit, but around t = {time:g} there are {points}; take "
                "more points a period or current='current_operator'."
            )
