"""Is there a loop at all? The hypothesis "I is a single-valued function of V", tested.

One period of V and I is described by the coefficients v̂ and î of a common basis (harmonics and a
trend), with their joint covariance. Without hysteresis the curve retraces itself, I = f(V); here f
is a polynomial of degree 1 (a resistor with an offset), 2 or 3 (nonlinear ones). For each degree
the residual r = î − f(v̂) and its covariance, which follows by the chain rule from that of v̂, î and
their correlation, give a χ² with as many degrees of freedom as r has entries less the coefficients
of f. For the straight line this is errors in variables, exact for Gaussian errors however weak V
is. χ² is taken up to the third harmonic, where loops live, and over all; p is the probability that
the smaller of their two probabilities is so small, and the largest over the degrees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import chi2

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object

LOW_HARMONICS = 3
"""χ² up to this harmonic is one of the two that `retraced_curve` combines."""
_DEGREES = (1, 2, 3)
# Coordinates whose noise is below this fraction of the typical one are computed, not measured
# (I = ΓV with constant Γ from the very counts of V): the ridge takes them for rounding.
_RIDGE = 1e-9
# The square of what is rounding against coefficients of order 1.
_ROUNDING = 1e-28
# Gauss and Legendre's rule: the integrand is as wide as a χ²'s density, its range at most 1500.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


@data_object
@dataclass(frozen=True)
class Coefficients:
    """One period of V and I in a basis.

    Attributes:
        basis: orthonormal columns, shape (P, d), low harmonics first.
        to_basis: R⁻¹ with basis = `harmonics_and_trend`(phases) R⁻¹.
        groups: columns of the basis by order: the first holds harmonics 0 and 1 and the trend,
            the next ones 2, 3, ….
        value: coefficients of V, then of I, shape (2d,).
        covariance: of `value`, shape (2d, 2d).
    """

    basis: FloatArray
    to_basis: FloatArray
    groups: tuple[slice, ...]
    value: FloatArray
    covariance: FloatArray


@data_object
@dataclass(frozen=True)
class Retraced:
    """The nearest curve without hysteresis, and how far the measured one is from it.

    Attributes:
        p_value: the probability that a curve without hysteresis looks at least so open.
        coefficients: (2d,) of that curve, the most likely one given the data, with the harmonics of
            the motion along it that noise alone explains shrunk.
        deviation: of the measured curve from the most likely one without hysteresis: independent
            coordinates of unit error, (n,), zero in expectation without a loop.
    """

    p_value: float
    coefficients: FloatArray
    deviation: FloatArray


def harmonics_and_trend(phase: FloatArray, order: int) -> tuple[FloatArray, tuple[slice, ...]]:
    """Return the basis at phases 0 … 1 of a period, low harmonics first, and its `groups`."""
    angle, trend = 2 * np.pi * phase, 2 * phase - 1
    columns = [np.cos(angle), np.sin(angle), np.ones_like(phase)]
    columns += [trend, trend * columns[0], trend * columns[1]]
    groups = [slice(0, 6)]
    for k in range(2, order + 1):
        groups.append(slice(len(columns), len(columns) + 2))
        columns += [np.cos(k * angle), np.sin(k * angle)]
    return np.stack(columns, axis=1), tuple(groups)


def pinched_p_value(data: Coefficients, smooth: FloatArray) -> float | None:
    """Return the probability that a loop with I = 0 wherever V = 0 looks at least so open there.

    At each zero t of the smooth voltage, I(t) − V(t) I′/V′ is the current where V passes zero, to
    first order in the noise; χ² of all of them with their joint covariance. None where V has no
    zero.
    """
    size, order = data.basis.shape[1], len(data.groups)
    phase = np.linspace(0, 1, 2001)
    voltage = harmonics_and_trend(phase, order)[0] @ data.to_basis @ smooth[:size]
    at = np.flatnonzero(np.signbit(voltage[1:]) != np.signbit(voltage[:-1]))
    if not at.size:
        return None
    share = voltage[at] / (voltage[at] - voltage[at + 1])
    zeros = phase[at] + share * (phase[1] - phase[0])
    values = harmonics_and_trend(zeros, order)[0] @ data.to_basis
    step = 1e-4
    after, before = (harmonics_and_trend(zeros + d, order)[0] for d in (step, -step))
    slopes = (after - before) @ data.to_basis
    # Scaled by V′, so that a flat crossing is uncertain and no division.
    v_slope, i_slope = slopes @ smooth[:size], slopes @ smooth[size:]
    matrix = np.hstack([-i_slope[:, np.newaxis] * values, v_slope[:, np.newaxis] * values])
    root = _root(matrix, data)
    white = solve_triangular(root, matrix @ data.value, lower=True)
    return float(chi2.sf(np.sum(white**2), white.size))


def retraced_curve(data: Coefficients) -> Retraced:
    """Return the likeliest curve without hysteresis among polynomials I = f(V) of degree 1 to 3."""
    found = [straight_line(data), *(_polynomial(data, degree) for degree in _DEGREES[1:])]
    return max(found, key=lambda retraced: retraced.p_value)


def straight_line(data: Coefficients) -> Retraced:
    """Fit cos φ I/s_I − sin φ V/s_V = constant over all angles φ: also vertical lines."""
    size = data.basis.shape[1]
    scales = np.linalg.norm(data.value.reshape(2, size), axis=1)
    scales = np.where(scales > 0, scales, 1.0)
    one = data.basis.T @ np.full((len(data.basis), 1), len(data.basis) ** -0.5)
    pair = data.value.reshape(2, size) / scales[:, np.newaxis]
    noise = (data.covariance / np.kron(np.outer(scales, scales), np.ones((size, size)))).reshape(
        2, size, 2, size
    )

    def distances(angles: FloatArray) -> FloatArray:
        across = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
        covariance = np.einsum("na,aibj,nb->nij", across, noise, across)
        alone = np.einsum("na,aiai->n", across**2, noise)
        ridge = _RIDGE * alone / size + _ROUNDING
        covariance += ridge[:, np.newaxis, np.newaxis] * np.eye(size)
        residual = across @ pair
        both = np.stack([residual, np.broadcast_to(one[:, 0], residual.shape)], axis=2)
        gram = np.swapaxes(both, 1, 2) @ np.linalg.solve(covariance, both)
        return np.asarray(gram[:, 0, 0] - gram[:, 0, 1] ** 2 / gram[:, 1, 1])

    # A perfect line may be narrower than the grid: ordinary least squares is on it.
    moving = pair - (pair @ one) * one[:, 0]
    guess = np.arctan2(moving[1] @ moving[0], moving[0] @ moving[0])
    step = np.pi / 32
    angles = np.append(np.arange(32) * step, guess)
    for _ in range(4):
        found = distances(angles)
        best = float(angles[np.argmin(found)])
        step /= 8
        angles = best + step * np.arange(-8, 9)
    across = np.array([-np.sin(best), np.cos(best)])
    weights = across / scales
    matrix = np.hstack([weights[0] * np.eye(size), weights[1] * np.eye(size)])
    # A turn of the line moves the residual along the line's own motion: of the curve adjusted to
    # lie on it, whose errors are independent of the residual's, not of the measured one.
    residual = matrix @ data.value
    adjusted = _adjusted(data, matrix, residual, one)
    direction = np.array([np.cos(best), np.sin(best)]) / scales @ adjusted.reshape(2, size)
    free = np.column_stack([one[:, 0], direction])
    along = np.array([np.cos(best), np.sin(best)])
    onto = np.hstack([along[0] / scales[0] * np.eye(size), along[1] / scales[1] * np.eye(size)])

    def place(motion: FloatArray, likeliest: FloatArray) -> FloatArray:
        offset = across / scales @ likeliest.reshape(2, size) @ one[:, 0]
        pair = along[:, np.newaxis] * motion + across[:, np.newaxis] * offset * one[:, 0]
        return np.ravel(scales[:, np.newaxis] * pair)

    return _measure(data, matrix, residual, free, lost=2, onto=onto, place=place)


def _polynomial(data: Coefficients, degree: int) -> Retraced:
    """Fit I = f(V) with errors in both: Gauss and Newton about the curve adjusted to lie on it."""
    size = data.basis.shape[1]
    measured = data.basis @ data.value[:size]
    centre, width = float(np.mean(measured)), float(np.ptp(measured)) / 2 or 1.0
    powers = np.arange(degree + 1)
    motion, current = data.value[:size], data.value[size:]
    columns = data.basis.T @ ((measured - centre) / width)[:, np.newaxis] ** powers
    factors = np.linalg.lstsq(columns, current, rcond=1e-10)[0]
    for _ in range(8):
        unit = (data.basis @ motion - centre) / width
        columns = data.basis.T @ unit[:, np.newaxis] ** powers
        slope = (unit[:, np.newaxis] ** np.maximum(powers - 1, 0)) @ (powers * factors) / width
        carried = data.basis.T @ (slope[:, np.newaxis] * data.basis)
        matrix = np.hstack([-carried, np.eye(size)])
        # I − f(V) linearised about the motion, without f itself: linear in its factors.
        constant = matrix @ data.value + carried @ motion
        factors = _least_squares(data, matrix, constant, columns)
        motion = _adjusted(data, matrix, constant, columns)[:size]
    residual = constant - columns @ factors

    def place(motion: FloatArray, likeliest: FloatArray) -> FloatArray:
        curve = ((data.basis @ motion - centre) / width)[:, np.newaxis] ** powers @ factors
        return np.concatenate([motion, data.basis.T @ curve])

    onto = np.hstack([np.eye(size), np.zeros((size, size))])
    return _measure(data, matrix, residual, columns, lost=degree + 1, onto=onto, place=place)


def _least_squares(
    data: Coefficients, matrix: FloatArray, residual: FloatArray, free: FloatArray
) -> FloatArray:
    """Return the factors of the free columns that leave the least χ² of a residual."""
    root = _root(matrix, data)
    white = solve_triangular(root, np.column_stack([free, residual]), lower=True)
    return np.asarray(np.linalg.lstsq(white[:, :-1], white[:, -1], rcond=1e-10)[0])


def _adjusted(
    data: Coefficients, matrix: FloatArray, residual: FloatArray, free: FloatArray
) -> FloatArray:
    """Return the likeliest coefficients (2d,) for which the residual is in the free columns."""
    left = residual - free @ _least_squares(data, matrix, residual, free)
    root = _root(matrix, data)
    pull = solve_triangular(root.T, solve_triangular(root, left, lower=True), lower=False)
    return np.asarray(data.value - data.covariance @ matrix.T @ pull)


def _root(
    matrix: FloatArray, data: Coefficients, covariance: FloatArray | None = None
) -> FloatArray:
    """Return the Cholesky factor of the covariance of matrix·coefficients, with the ridge."""
    if covariance is None:
        covariance = data.covariance
    noise = matrix @ covariance @ matrix.T
    size = data.basis.shape[1]
    alone = sum(
        float(np.trace(matrix[:, place] @ covariance[place, place] @ matrix[:, place].T))
        for place in (slice(None, size), slice(size, None))
    )
    rounding = _ROUNDING * float(np.mean((np.abs(matrix) @ np.abs(data.value)) ** 2))
    ridge = _RIDGE * alone / len(noise) + rounding + 1e-300
    return np.asarray(np.linalg.cholesky(noise + ridge * np.eye(len(noise))))


def _measure(
    data: Coefficients,
    matrix: FloatArray,
    residual: FloatArray,
    free: FloatArray,
    *,
    lost: int,
    onto: FloatArray,
    place: Callable[[FloatArray, FloatArray], FloatArray],
) -> Retraced:
    """Return χ² of a residual outside the span of the `free` columns, harmonic by harmonic.

    `onto` gives the motion along the retraced curve, (d, 2d), and `place` the curve of a motion.
    """
    root = _root(matrix, data)
    free = np.linalg.qr(solve_triangular(root, free, lower=True))[0]
    coordinates, groups = _by_harmonic(root, data.groups, free)
    deviation = coordinates.T @ solve_triangular(root, residual, lower=True)
    opening = data.covariance @ matrix.T @ solve_triangular(root.T, coordinates, lower=False)
    p_value = either_p_value(deviation, groups[min(LOW_HARMONICS, len(groups)) - 1].stop)
    likeliest = data.value - opening @ deviation
    motion = shrink(
        onto @ likeliest, _root(onto, data, data.covariance - opening @ opening.T), data.groups
    )
    return Retraced(p_value, place(motion, likeliest), deviation)


def either_p_value(deviation: FloatArray, low: int) -> float:
    """Return how probable it is that χ² of the first `low` or of all is as improbable as seen.

    With x the smaller of the two probabilities: x of the first alone, and of the rest wherever the
    first is not as large, ∫ f(u) P(χ²_rest > q − u) du up to the first one's quantile, q that of
    all. Bonferroni's bound, twice the smaller, is a fifth more near 5 % (8 of 18 coordinates).
    """
    count = deviation.size
    low = min(low, count)
    if count == 0:
        return 1.0
    squares = np.cumsum(deviation**2)
    whole = float(chi2.sf(squares[-1], count))
    if low in (0, count):
        return whole
    least = min(float(chi2.sf(squares[low - 1], low)), whole)
    if not 0 < least < 1:
        return least
    end = float(chi2.isf(least, low))
    at = end * (1 + _NODES) / 2
    tail = chi2.sf(float(chi2.isf(least, count)) - at, count - low)
    rest = end / 2 * float(np.sum(_WEIGHTS * chi2.pdf(at, low) * tail))
    return min(least + rest, 2 * least, 1.0)


def smooth_curve(data: Coefficients) -> FloatArray:
    """Return the coefficients (2d,) with V and I shrunk by harmonics."""
    size = data.basis.shape[1]
    parts = []
    for branch in (0, 1):
        places = slice(branch * size, (branch + 1) * size)
        selected = np.zeros((size, 2 * size))
        selected[:, places] = np.eye(size)
        root = _root(selected, data)
        noisy = np.trace(data.covariance[places, places]) > 0
        parts.append(shrink(data.value[places], root, data.groups) if noisy else data.value[places])
    return np.concatenate(parts)


def shrink(motion: FloatArray, root: FloatArray, groups: tuple[slice, ...]) -> FloatArray:
    """Return coefficients, with a root of their covariance, without what noise alone explains.

    Every harmonic is shrunk by the positive part of James and Stein's factor, 0 and the trend
    together; the first is the signal.
    """
    groups = (slice(0, 2), slice(2, 6), *groups[1:])
    coordinates, parts = _by_harmonic(root, groups, np.zeros((motion.size, 0)))
    white = coordinates.T @ solve_triangular(root, motion, lower=True)
    for group in parts[1:]:
        size = float(np.sum(white[group] ** 2))
        white[group] *= max(0.0, 1 - (group.stop - group.start) / size) if size > 0 else 0.0
    return np.asarray(root @ (coordinates @ white))


def _by_harmonic(
    root: FloatArray, groups: tuple[slice, ...], taken: FloatArray
) -> tuple[FloatArray, tuple[slice, ...]]:
    """Return orthonormal coordinates of whitened coefficients, outside the columns `taken`.

    Low harmonics first: a signal without high harmonics has none in these coordinates either.
    """
    basis = solve_triangular(root, np.eye(len(root)), lower=True)
    parts: list[FloatArray] = []
    found: list[slice] = []
    left, count = len(root) - taken.shape[1], 0
    for columns in groups:
        new = basis[:, columns] / np.linalg.norm(basis[:, columns], axis=0)
        for _ in range(2):  # twice is enough (Kahan and Parlett)
            new = new - taken @ (taken.T @ new)
        vectors, sizes, _ = np.linalg.svd(new, full_matrices=False)
        new = vectors[:, sizes > 1e-6][:, : left - count]
        parts.append(new)
        found.append(slice(count, count + new.shape[1]))
        count += new.shape[1]
        taken = np.hstack([taken, new])
    return np.hstack(parts), tuple(found)
