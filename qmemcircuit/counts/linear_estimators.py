"""Derivatives of measured means as matrices: local least-squares fits in windows about each time.

Which of them a current takes, and what is known of its bias, `currents` says.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmemcircuit.common.checks import FloatArray


@dataclass(frozen=True)
class LinearEstimator:
    """An estimator as its two matrices: I = from_x @ x + from_y @ y.

    Each (T, T), or (…, T, T) where the data chose it run by run.
    """

    from_x: FloatArray
    from_y: FloatArray

    def apply(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return the current (…, T) of the means."""
        return apply_matrix(self.from_x, x) + apply_matrix(self.from_y, y)

    def covariance(self, x_error: FloatArray, y_error: FloatArray) -> FloatArray:
        """Return the current's covariance (…, T, T): A Σx Aᵀ + B Σy Bᵀ."""
        by_x = self.from_x * x_error[..., None, :]
        by_y = self.from_y * y_error[..., None, :]
        return np.asarray(by_x @ by_x.swapaxes(-1, -2) + by_y @ by_y.swapaxes(-1, -2))

    def variance(self, x_error: FloatArray, y_error: FloatArray) -> FloatArray:
        """Return the diagonal of the covariance, (…, T)."""
        return apply_matrix(self.from_x**2, x_error**2) + apply_matrix(self.from_y**2, y_error**2)

    def at(self, runs: NDArray[np.bool_]) -> LinearEstimator:
        """Return the estimator of some runs; the same one where all share it."""
        return (
            self if self.from_x.ndim == 2 else LinearEstimator(self.from_x[runs], self.from_y[runs])
        )

    def minus(self, other: LinearEstimator) -> LinearEstimator:
        """Return the difference of two estimators of the same times."""
        return LinearEstimator(self.from_x - other.from_x, self.from_y - other.from_y)


def apply_matrix(matrix: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return a matrix, or one of each run, times vectors (…, T)."""
    if matrix.ndim == 2:
        return np.asarray(vectors @ matrix.T)
    return np.asarray((matrix @ vectors[..., None])[..., 0])


Basis = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Gives functions of the phase ωτ about a time, (points, functions), and their slopes at 0."""


def estimator_ladder(times: FloatArray, omega: float, scale: float) -> list[LinearEstimator]:
    """Return estimators of ever more freedom; those that the points of a period allow."""
    windows = windows_about(times, omega)
    fewest = min(window.stop - window.start for window in windows)
    found = [
        _estimator(times, omega, scale, windows, _harmonics(degree, order))
        for degree, order in ((1, 2), (2, 3), (3, 5), (3, 8), (3, 10))
        if degree + 2 * order + 2 <= fewest
    ]
    return found or [parabola(times, omega, scale)]


def parabola(times: FloatArray, omega: float, scale: float) -> LinearEstimator:
    """Return central differences of the coherence: a parabola through each time and its two."""
    middle = np.clip(np.arange(times.size), 1, times.size - 2)
    neighbours = [slice(int(place) - 1, int(place) + 2) for place in middle]
    return _estimator(times, omega, scale, neighbours, _harmonics(2, 0))


def one_sided(times: FloatArray, omega: float, scale: float) -> LinearEstimator:
    """Return half the difference of the slopes of the coherence after and before each time."""
    last = times.size - 1
    right = [slice(low, low + 2) for low in np.minimum(np.arange(times.size), last - 1)]
    left = [slice(high - 1, high + 1) for high in np.maximum(np.arange(times.size), 1)]
    # At the ends both are the same pair: the next pair inwards stands for the missing side.
    left[0], right[-1] = slice(1, 3), slice(last - 2, last)
    line = _harmonics(1, 0)
    after = _estimator(times, omega, 0.5 * scale, right, line)
    return after.minus(_estimator(times, omega, 0.5 * scale, left, line))


def _estimator(
    times: FloatArray, omega: float, scale: float, windows: list[slice], basis: Basis
) -> LinearEstimator:
    """Return local least-squares fits, differentiated, as matrices."""
    from_x, from_y = np.zeros((times.size,) * 2), np.zeros((times.size,) * 2)
    for index, window in enumerate(windows):
        phase = omega * (times[window] - times[index])
        values, slope = basis(phase)
        # c'(t_i) = Σ_k weights_k c_k: the slope of the least-squares fit, a linear functional.
        weights = omega * (slope @ np.linalg.pinv(values))
        from_x[index, window] = -scale * weights * np.sin(phase)
        from_y[index, window] = -scale * weights * np.cos(phase)
    return LinearEstimator(from_x, from_y)


def _harmonics(degree: int, order: int) -> Basis:
    """Return {1, τ … τ^degree, cos kτ, sin kτ; k = 1 … order} as a basis."""

    def basis(phase: FloatArray) -> tuple[FloatArray, FloatArray]:
        values = [phase**n for n in range(degree + 1)]
        slopes = [1.0 if n == 1 else 0.0 for n in range(degree + 1)]
        for k in range(1, order + 1):
            values += [np.cos(k * phase), np.sin(k * phase)]
            slopes += [0.0, float(k)]
        return np.stack(values, axis=1), np.array(slopes)

    return basis


def windows_about(times: FloatArray, omega: float, part: float = 1.0) -> list[slice]:
    """Return for each time the window of `part` of a period about it, shifted inwards at the ends.

    At least the time itself.
    """
    period = 2 * math.pi / omega
    length = part * period
    windows = []
    for time in times:
        low = min(max(time - length / 2, times[0]), max(times[0], times[-1] - length))
        # Rounding must not decide whether the point at the window's end belongs to it.
        inside = np.flatnonzero(
            (times >= low - 1e-9 * period) & (times <= low + length + 1e-9 * period)
        )
        windows.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return windows


def window_marks(windows: list[slice]) -> FloatArray:
    """Return the 0/1 matrix (T, T) whose row i marks the times in window i."""
    marks = np.zeros((len(windows),) * 2)
    for index, window in enumerate(windows):
        marks[index, window] = 1.0
    return marks
