"""The current from measured means of X and Y: two estimators that differentiate data.

I = √(mħω/2) (d<σy>/dt − ω<σx>) with <σx> = <X>, <σy> = −<Y>. Both estimators are linear in the
data, I = A x + B y, so their covariance is exact: A Σx Aᵀ + B Σy Bᵀ. What they get wrong even
without noise, their bias, is bounded from the data themselves: the estimator is compared with a
more flexible one, and what their mean-square difference over about a period exceeds its own noise
is bias. That bound is part of the error. It holds on average over a period, not phase by phase.

The third estimator, `current_operator`, differentiates nothing; it lives in `estimation`, where
the Pauli means are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.checks import FloatArray

FEWEST_TIMES = 10
"""A current that differentiates measured means needs so many times."""


@dataclass(frozen=True)
class CurrentEstimate:
    """A current at T times: `value` (…, T), `error` (…, T), `covariance` (…, T, T).

    `bias` (…, T) is the bias bound; `covariance` has its square added on the diagonal, so that
    its diagonal is `error`². Leading axes are those of the data: one for repeated runs, say.
    `y_covariance` (…, T, T) is that of <Y> at the first time with I at the second.
    """

    value: FloatArray
    error: FloatArray
    covariance: FloatArray
    bias: FloatArray
    y_covariance: FloatArray


@dataclass(frozen=True)
class _Linear:
    """An estimator as its two matrices: I = from_x @ x + from_y @ y."""

    from_x: FloatArray
    from_y: FloatArray

    def apply(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return np.asarray(x @ self.from_x.T + y @ self.from_y.T)

    def covariance(self, x_error: FloatArray, y_error: FloatArray) -> FloatArray:
        by_x = self.from_x * x_error[..., None, :]
        by_y = self.from_y * y_error[..., None, :]
        return np.asarray(by_x @ by_x.swapaxes(-1, -2) + by_y @ by_y.swapaxes(-1, -2))

    def variance(self, x_error: FloatArray, y_error: FloatArray) -> FloatArray:
        return np.asarray(x_error**2 @ (self.from_x**2).T + y_error**2 @ (self.from_y**2).T)

    def minus(self, other: _Linear) -> _Linear:
        return _Linear(self.from_x - other.from_x, self.from_y - other.from_y)


def finite_difference(
    times: FloatArray,
    x: FloatArray,
    y: FloatArray,
    x_error: FloatArray,
    y_error: FloatArray,
    *,
    omega: float,
    scale: float,
) -> CurrentEstimate:
    """Return guo2022's estimator: central differences of <σy>, one-sided second order at the ends.

    Args:
        times: shape (T,), T ≥ 10, any spacing, at least 7 in a period: the bias bound compares
            with a local fit.
        x, y: means of Qiskit's X and Y, shape (…, T), with standard errors x_error, y_error.
        omega: the memristor's ω.
        scale: √(mħω/2).

    Its bias is of order dt² ω³; the noise of a difference is √2 σ/(2 dt). Raises ValueError for
    fewer times.
    """
    _check_length(times, FEWEST_TIMES)
    derivative = np.asarray(np.gradient(np.eye(times.size), times, axis=0, edge_order=2))
    estimator = _Linear(-scale * omega * np.eye(times.size), -scale * derivative)
    richer = _local_estimator(times, omega, scale, _basis)
    return _estimate(estimator, richer, times, x, y, x_error, y_error, omega)


def local_fit(
    times: FloatArray,
    x: FloatArray,
    y: FloatArray,
    x_error: FloatArray,
    y_error: FloatArray,
    *,
    omega: float,
    scale: float,
) -> CurrentEstimate:
    """Return the current from local least-squares fits in the frame that rotates at ω.

    There the coherence c(t) = ρ_eg e^{iωt} is slow, and I = −2 √(mħω/2) Im(c′(t) e^{−iωt}). About
    each time, c is fitted over one period (at the ends: the first or last one) with
    {1, τ, cos kωτ, sin kωτ; k = 1, 2}, and the fit is differentiated. Arguments as in
    `finite_difference`; it assumes no decay law, only that c has no fast structure. Raises
    ValueError for fewer than 10 times in every period.
    """
    estimator = _local_estimator(times, omega, scale, _basis)
    richer = _local_estimator(times, omega, scale, _richer_basis)
    return _estimate(estimator, richer, times, x, y, x_error, y_error, omega)


def _estimate(
    estimator: _Linear,
    richer: _Linear,
    times: FloatArray,
    x: FloatArray,
    y: FloatArray,
    x_error: FloatArray,
    y_error: FloatArray,
    omega: float,
) -> CurrentEstimate:
    covariance = estimator.covariance(x_error, y_error)
    difference = estimator.minus(richer)
    excess = difference.apply(x, y) ** 2 - difference.variance(x_error, y_error)
    bias = np.empty_like(excess)
    for index, window in enumerate(_windows(times, omega)):
        bias[..., index] = np.sqrt(np.maximum(0.0, excess[..., window].mean(axis=-1)))
    diagonal = np.arange(times.size)
    covariance[..., diagonal, diagonal] += bias**2
    error = np.sqrt(covariance[..., diagonal, diagonal])
    with_y = (y_error[..., None, :] ** 2 * estimator.from_y).swapaxes(-1, -2)
    return CurrentEstimate(estimator.apply(x, y), error, covariance, bias, with_y)


def _local_estimator(times: FloatArray, omega: float, scale: float, basis: object) -> _Linear:
    """Return the local fit as matrices; `basis(phase)` gives values and slopes at ωτ."""
    _check_length(times, FEWEST_TIMES)
    from_x, from_y = np.zeros((times.size,) * 2), np.zeros((times.size,) * 2)
    for index, window in enumerate(_windows(times, omega)):
        shift = times[window] - times[index]
        values, slope = basis(omega * shift)  # type: ignore[operator]
        if shift.size < values.shape[1] + 1:
            raise ValueError(
                f"Argument times must have at least {values.shape[1] + 1} points in every period "
                f"for a local fit, but around t = {times[index]:g} there are {shift.size}; take "
                "more points a period or current='current_operator'."
            )
        # c'(t_i) = Σ_k weights_k c_k: the slope of the least-squares fit, a linear functional.
        weights = omega * (slope @ np.linalg.pinv(values))
        from_x[index, window] = -scale * weights * np.sin(omega * shift)
        from_y[index, window] = -scale * weights * np.cos(omega * shift)
    return _Linear(from_x, from_y)


def _basis(phase: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return {1, τ, cos kτ, sin kτ; k = 1, 2} at τ = `phase`, and their slopes at τ = 0."""
    values = [np.ones_like(phase), phase]
    slopes = [0.0, 1.0]
    for k in (1, 2):
        values += [np.cos(k * phase), np.sin(k * phase)]
        slopes += [0.0, float(k)]
    return np.stack(values, axis=1), np.array(slopes)


def _richer_basis(phase: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return `_basis` with τ² and the third harmonic, which it lacks."""
    values, slopes = _basis(phase)
    more = [phase**2, np.cos(3 * phase), np.sin(3 * phase)]
    return np.column_stack([values, *more]), np.append(slopes, [0.0, 0.0, 3.0])


def _windows(times: FloatArray, omega: float) -> list[slice]:
    """Return for each time the window of one period about it, shifted inwards at the ends."""
    period = 2 * math.pi / omega
    windows = []
    for time in times:
        low = min(max(time - period / 2, times[0]), max(times[0], times[-1] - period))
        # Rounding must not decide whether the point at the window's end belongs to it.
        inside = np.flatnonzero(
            (times >= low - 1e-9 * period) & (times <= low + period * (1 + 1e-9))
        )
        windows.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return windows


def _check_length(times: FloatArray, minimum: int) -> None:
    if times.size < minimum:
        raise ValueError(
            f"Argument times must have at least {minimum} entries to differentiate data, but "
            f"{times.size} were given; take more, or current='current_operator'."
        )
