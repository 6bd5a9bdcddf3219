"""Area, perimeter and form factor of the smooth loops behind noisy samples.

`qmemcircuit.analysis.loops.find_loops` states the method; this module carries it out. The
hypothesis that there is no loop is tested in `hysteresis`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from qmemcircuit.analysis.hysteresis import (
    LOW_HARMONICS,
    Coefficients,
    Retraced,
    harmonics_and_trend,
    pinched_p_value,
    retraced_curve,
    smooth_curve,
    straight_line,
)
from qmemcircuit.analysis.loop_geometry import (
    lengths_of,
    measure_curves,
    vertex_times,
    window_matrix,
)
from qmemcircuit.analysis.loop_intervals import (
    Family,
    Replicas,
    area_tests,
    compare_replicas,
    explore,
    length_tests,
    ratio_interval,
)
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.results.trajectory_parts import DeviceSeries

# Harmonics fitted from the start; more only where the residual asks for them.
_HARMONICS = 8
# A loop is said to be there where no loop is less probable than this, 1 − the level of intervals.
SIGNIFICANCE = 0.05
# The largest √S, of that of the loop, of a curve from which hypothetical loops open. Such curves
# enclose nearly nothing or nearly as much as the loop: 0.1, 0.25 and 0.5 gave the same intervals.
LARGEST_CLOSED = 0.5


@data_object
@dataclass(frozen=True, eq=False)
class LoopEstimate:
    """Corrected values, errors and intervals, each (area, perimeter, form factor)."""

    values: FloatArray
    errors: FloatArray
    intervals: FloatArray
    no_loop_p_value: float
    pinched_p_value: float | None


@dataclass(frozen=True)
class _Window:
    """One period: its coefficients, the nearest curve without hysteresis, a smooth one with it.

    `closed` are the coefficients of a curve that encloses little, from which hypothetical loops
    open; `noise` (N, 2d) is what replicas have on top.
    """

    data: Coefficients
    retraced: Retraced
    closed: FloatArray
    smooth: FloatArray
    noise: FloatArray

    def curves(self, coefficients: FloatArray) -> FloatArray:
        """Return curves (N, P, 2) of coefficients (N, 2d)."""
        return _curves(self.data, coefficients)

    def opened(self, opening: float) -> FloatArray:
        """Return the coefficients of a loop opened by that multiple of the likeliest one."""
        return np.asarray(self.closed + opening * (self.smooth - self.closed))

    def family(self, opening: float, factor: float = 1.0) -> FloatArray:
        """Return the coefficients of a hypothetical loop, data and replicas, (2 + N, 2d).

        V and I of the hypothetical loop are multiplied by `factor`.
        """
        centre = factor * self.opened(opening)
        return np.vstack([centre, self.data.value, centre + self.noise])


def estimate_geometry(
    series: DeviceSeries,
    starts: list[float],
    duration: float,
    normalise: str | None,
    scale: FloatArray,
    samples: int,
    seed: int,
) -> list[LoopEstimate]:
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
    covariance = joint_covariance(series)
    windows = []
    for start in all_starts:
        data = fit_period(series, covariance, start, duration)
        noise = rng.normal(size=(samples, data.value.size)) @ _factor(data.covariance).T
        windows.append(_make_window(data, noise))
    first = all_starts.index(min(all_starts))
    # Per window, what its curves would be divided by: of the data, of the likeliest loop, of its
    # replicas.
    scales = [_own_scales(window, window.family(1.0), normalise) for window in windows]
    estimates = []
    for n in range(len(starts)):
        others = [own for m, own in enumerate(scales) if m != n]
        if normalise == "initial" and n != first:
            others = [scales[first]]
        estimates.append(_estimate(windows[n], others, normalise, scale, is_first=n == first))
    return estimates


def _make_window(data: Coefficients, noise: FloatArray) -> _Window:
    """Return the window with the curve from which hypothetical loops open.

    It is the likeliest one without hysteresis, unless that one itself encloses half as much as the
    loop. It can where V does not return: the chord and a bent I = f(V) are lobes. Then a straight
    line is taken.
    """
    retraced, smooth = retraced_curve(data), smooth_curve(data)
    closed = retraced.coefficients
    areas = measure_curves(_curves(data, np.stack([closed, smooth])))[0]
    if areas[0] > LARGEST_CLOSED**2 * areas[1]:
        closed = straight_line(data).coefficients
    return _Window(data, retraced, closed, smooth, noise)


def _curves(data: Coefficients, coefficients: FloatArray) -> FloatArray:
    size = data.basis.shape[1]
    pair = coefficients.reshape(len(coefficients), 2, size) @ data.basis.T
    return np.asarray(np.swapaxes(pair, 1, 2))


def joint_covariance(series: DeviceSeries) -> FloatArray:
    """Return the covariance of (V, I) at all times, shape (2T, 2T)."""
    count = series.times.size
    joint = np.zeros((2 * count, 2 * count))
    voltage, current = slice(None, count), slice(count, None)
    if series.voltage_error is not None:
        joint[voltage, voltage] = np.diag(series.voltage_error**2)
    error, covariance = series.current_error, series.current_covariance
    if error is not None:
        if covariance is None:
            covariance = np.diag(error**2)
        # Where errors were widened, keep the correlations and widen the covariance to them.
        spread = np.sqrt(np.diag(covariance))
        ratio = np.divide(error, spread, out=np.ones_like(error), where=spread > 0)
        joint[current, current] = covariance * np.outer(ratio, ratio)
    if series.voltage_current_covariance is not None:
        joint[voltage, current] = series.voltage_current_covariance
        joint[current, voltage] = series.voltage_current_covariance.T
    return joint


def fit_period(
    series: DeviceSeries, covariance: FloatArray, start: float, duration: float
) -> Coefficients:
    """Return the least-squares coefficients of V and I in one period, and their covariance."""
    vertices = vertex_times(series.times, start, start + duration)
    window = window_matrix(series.times, start, start + duration)
    pair = np.kron(np.eye(2), window)
    noise = pair @ covariance @ pair.T
    samples = np.stack([window @ series.voltage, window @ series.current])
    count = vertices.size
    most = (count - 5) // 2  # at least one degree of freedom stays for the residual
    if most < 2:
        raise ValueError(
            f"Argument trajectory must have at least 8 samples in a period where it has errors, "
            f"but the period from t = {start:g} has {count - 1}; take more points per "
            "period, or drop the errors (dataclasses.replace) to measure the raw polygons."
        )
    for order in range(min(_HARMONICS, most), most + 1):
        columns, groups = harmonics_and_trend((vertices - start) / duration, order)
        basis, triangle = np.linalg.qr(columns)
        outside = np.eye(count) - basis @ basis.T
        if all(
            _is_noise(
                outside @ values, outside @ noise[place, place] @ outside.T, noise[place, place]
            )
            for values, place in zip(samples, (slice(None, count), slice(count, None)), strict=True)
        ):
            break
    both = np.kron(np.eye(2), basis.T)
    return Coefficients(
        basis=basis,
        to_basis=np.linalg.inv(triangle),
        groups=groups,
        value=np.ravel(samples @ basis),
        covariance=both @ noise @ both.T,
    )


def _is_noise(residual: FloatArray, covariance: FloatArray, whole: FloatArray) -> bool:
    """Say whether a residual is as long as its noise, within three standard deviations of that.

    A signal as smooth as assumed raises the number of harmonics in few loops of 1000. What is below
    a hundredth of the `whole` noise matters to nothing: smoothed currents have none out there.
    """
    spread = math.sqrt(2 * float(np.sum(covariance**2)))
    rounding = 1e-24 * residual.size  # of V and I of order 1
    rounding += 1e-4 * float(np.trace(whole))
    return float(np.sum(residual**2)) <= float(np.trace(covariance)) + 3 * spread + rounding


def _factor(covariance: FloatArray) -> FloatArray:
    """Return a square root of a covariance that may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _own_scales(window: _Window, coefficients: FloatArray, normalise: str | None) -> FloatArray:
    """Return by how much each curve alone would ask V and I to be divided, (N, 2)."""
    curves = window.curves(coefficients)
    return np.abs(curves[:, 0]) if normalise == "initial" else np.abs(curves).max(axis=1)


def _estimate(
    window: _Window,
    others: list[FloatArray],
    normalise: str | None,
    scale: FloatArray,
    *,
    is_first: bool,
) -> LoopEstimate:
    # Hypotheses are compared in the scales of the likeliest loop, of the data and of its replicas:
    # a loop that is divided by its own maximum would not grow with its opening.
    likeliest = window.curves(window.family(1.0))
    scales = np.broadcast_to(scale, (len(likeliest), 2))
    if normalise == "max":
        scales = np.max([np.abs(likeliest).max(axis=1), *others], axis=0)
    elif normalise == "initial":
        scales = np.abs(likeliest[:, 0]) if is_first else others[0]
    divisor = np.where(scales > 0, scales, 1.0)[:, np.newaxis]

    def roots(opening: float) -> FloatArray:
        """Return √S of a hypothetical loop, of the data, of its replicas, (2 + N,)."""
        return np.sqrt(measure_curves(window.curves(window.family(opening)) / divisor)[0])

    def lengths(factor: float) -> FloatArray:
        """Return P of the likeliest loop made that much longer, data and replicas, (2 + N,)."""
        return lengths_of(window.curves(window.family(1.0, factor)) / divisor)

    areas, perimeters = explore(roots), explore(lengths)
    replicas = compare_replicas(areas.likeliest, perimeters.likeliest)
    return _invert(areas, perimeters, replicas, window)


def _invert(areas: Family, perimeters: Family, replicas: Replicas, window: _Window) -> LoopEstimate:
    """Return values, errors and intervals: hypotheses that the data do not reject."""
    p_value = window.retraced.p_value
    area, length = area_tests(areas), length_tests(perimeters)
    root, side = max(area.centre, 0.0), max(length.centre, 0.0)
    values = np.array(
        [root**2, side, min(4 * np.pi * (root / side) ** 2, 1.0) if side > 0 else 1.0]
    )

    def limits(outside: float) -> tuple[FloatArray, FloatArray]:
        """Return the least and the greatest S, P and F not rejected."""
        low, high = area.interval(outside)
        ratio = ratio_interval(area, length, replicas, outside)
        found = np.array([(low**2, high**2), length.interval(outside), ratio])
        return found[:, 0], found[:, 1]

    (low, high), (inner_low, inner_high) = limits(0.05), limits(1 - 0.683)
    if p_value >= SIGNIFICANCE:
        low[[0, 2]] = 0.0
        inner_low[[0, 2]] = 0.0
    absent = [_is_absent(window.data, branch) for branch in (0, 1)]
    if any(absent):
        # A straight line there and back fits as well: it encloses nothing. How long the loop is
        # without the noise, and so which share of its length it encloses, is not known either:
        # the replicas' lengths are all noise.
        low[:] = 0.0
        # The widest loop that noise alone draws: the family of hypotheses follows the likeliest
        # current, which here is noise and not the loop's.
        high[0] = max(high[0], float(areas.seen[:, 2:].max()) ** 2)
        high[2] = 1.0
    ceiling = np.array([np.inf, np.inf, 1.0])
    low, high = np.clip(low, 0.0, ceiling), np.clip(high, 0.0, ceiling)
    values = np.clip(values, low, high)
    errors = np.maximum(inner_high - values, values - inner_low)
    if any(absent):  # nothing is known but the interval
        errors = (high - low) / 2
    errors = np.clip(errors, 0.0, np.maximum(high - values, values - low))
    pinched = None if absent[0] else pinched_p_value(window.data, window.smooth)
    return LoopEstimate(values, errors, np.stack([low, high], axis=-1), p_value, pinched)


def _is_absent(data: Coefficients, branch: int) -> bool:
    """Say whether χ² of harmonics 0 to 3 of V (0) or I (1) is within 95 % of a vanishing signal.

    Higher harmonics would add noise alone, and hide a weak signal in it.
    """
    count = data.groups[min(LOW_HARMONICS, len(data.groups)) - 1].stop
    start = branch * data.basis.shape[1]
    low = data.value[start : start + count]
    noise = data.covariance[start : start + count, start : start + count]
    if not np.trace(noise) > 0:
        return not np.any(low)
    ridge = 1e-9 * np.trace(noise) / count * np.eye(count)
    return bool(low @ np.linalg.solve(noise + ridge, low) < chi2.ppf(0.95, count))
