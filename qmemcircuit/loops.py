"""I–V loops: one per period, with enclosed area, perimeter, form factor and pinch.

The geometry is shapely's: a loop is a closed polygon through its samples that may cross itself.
Where the trajectory has standard errors, noise makes the raw polygon longer and its form factor
smaller; `find_loops` then infers the smooth curve behind the samples and corrects the rest of the
bias by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmemcircuit.checks import FloatArray, check_choice, check_integer, check_real
from qmemcircuit.trajectory import DeviceSeries, Trajectory

# Coordinates are snapped to this fraction of the curve's extent before the geometry, so that two
# passages through the pinch that differ by rounding (sin π = 1.2e-16) meet in one point.
_SNAP_DIGITS = 12
# Faces below this fraction of the bounding box are rounding between two retraced branches.
_SLIVER = 1e-10
# Central probabilities from which the 95 % interval and the standard error are taken: wider than
# nominal (98 and 80 %), since the prior below favours smooth curves; tests measure the coverage.
_INTERVAL = (0.01, 0.99)
_ERROR = (0.10, 0.90)


@dataclass(frozen=True, eq=False)
class Loop:
    """One period of a device's I–V characteristic, closed by its chord.

    Attributes:
        index: n, for a loop over t in [nT, (n+1)T].
        start, stop: its two times.
        voltage, current: the polygon's vertices as measured, normalised, each of shape (P,). The
            chord from the last vertex to the first closes it.
        area: the area S enclosed by the polygon, all lobes summed. *Not* the shoelace sum, which
            cancels for a pinched loop, nor the sum of |segments|, which is right only for curves
            that are star-shaped about the origin. A region encircled twice counts once.
        perimeter: length P of the polygon, chord included.
        form_factor: F = 4πS/P², from 0 (a retraced line, or a single point) to 1 (a circle);
            Guo et al. (2022), after Eq. 23. It depends on the scaling of the axes.
        area_error, perimeter_error, form_factor_error: standard errors, None where exact.
        area_interval, perimeter_interval, form_factor_interval: 95 % intervals (low, high), None
            where exact. In a weak signal they are wide and lopsided: quote them, not the error.
        area_raw, perimeter_raw, form_factor_raw: of the measured polygon, noise and all; equal to
            the above where exact.
        lobes: areas of the faces of the *measured* polygon, largest first; two for a clean pinched
            loop, none for a retraced line, many under noise. They sum to `area_raw`.
        pinch: (V, I), normalised, of the point nearest the origin at which the measured polygon
            crosses or touches itself, or None if it never does.
        pinch_distance: its distance from the origin, or None.
    """

    index: int
    start: float
    stop: float
    voltage: FloatArray
    current: FloatArray
    area: float
    perimeter: float
    form_factor: float
    area_error: float | None
    perimeter_error: float | None
    form_factor_error: float | None
    area_interval: tuple[float, float] | None
    perimeter_interval: tuple[float, float] | None
    form_factor_interval: tuple[float, float] | None
    area_raw: float
    perimeter_raw: float
    form_factor_raw: float
    lobes: tuple[float, ...]
    pinch: tuple[float, float] | None
    pinch_distance: float | None


def find_loops(
    trajectory: Trajectory,
    device: int = 0,
    *,
    period: float | None = None,
    normalise: str | None = "max",
    samples: int = 300,
    seed: int = 0,
) -> tuple[Loop, ...]:
    """Return one `Loop` per whole period T of `device`.

    Loop n is t in [nT, (n+1)T], n counted from t = 0; end points between two samples are
    interpolated linearly and incomplete periods at either end are left out.

    Exact trajectories give exact polygons, which approach the curve's own S and P at second order
    in the time step. Where the trajectory has errors, V and I of each loop are fitted by least
    squares with

        c0 + c1 τ + (a1 + b1 τ) cos 2πτ + (a2 + b2 τ) sin 2πτ + harmonics 2 … K

    (K = 3 for V and 4 for I, raised until the residual agrees with the stated errors). Curves are
    drawn from the posterior of the coefficients under a prior that lets each harmonic shrink or
    vanish (Strawderman's with an atom at 0, likelier for higher harmonics: a smooth curve). The
    median is corrected by the bias that it shows on replicas of the posterior mean, with the same
    noise and the same normalisation, and the interval spans both. Where V or I cannot be told from
    zero in a loop, the interval of S and F starts at 0; where neither can, that of F is (0, 1).

    Coverage against known curves is tested in tests/test_loops.py for one memristor at 30 points
    per period (γ0 = 0.4 and 0.02, independent and correlated current noise, from a clear signal to
    none). It is not promised for curves with structure finer than the samples resolve. Errors of V
    and of I are taken as independent, since a trajectory keeps no covariance between them.

    Args:
        trajectory: any device's series: memristors, networks, neurons.
        device: which one, 0 … M − 1.
        period: T; by default `trajectory.periods[device]`.
        normalise: `"max"` divides V and I by the largest |V| and |I| of the whole trajectory,
            `"initial"` by |V| and |I| at its first time, None leaves them in their units.
        samples: posterior draws per loop, at least 100. Used only where there are errors.
        seed: of those draws.

    Raises:
        ValueError: no period, less than one whole period, a normalisation that would divide by
            zero, or, with errors, fewer than 9 samples in a period.

    >>> times = np.linspace(0, 2 * np.pi, 201)
    >>> pair = Trajectory(
    ...     times,
    ...     voltage=np.sin(times)[:, None],
    ...     current=(np.sin(times) * np.cos(times))[:, None],
    ...     periods=np.array([2 * np.pi]),
    ... )
    >>> loop, = find_loops(pair, normalise=None)   # exact area of this figure-8: 4/3
    >>> round(loop.area, 3), len(loop.lobes), loop.form_factor_interval
    (1.333, 2, None)
    """
    samples = check_integer("samples", samples, minimum=100)
    seed = check_integer("seed", seed, minimum=0)
    if normalise is not None:
        check_choice("normalise", normalise, ("max", "initial"))
    series = trajectory[device]
    duration = _check_period(series, period, device)
    for name in ("voltage", "current"):
        if not np.all(np.isfinite(getattr(series, name))):
            raise ValueError(
                f"Argument trajectory must be finite, but its {name} holds NaN or infinity for "
                f"device {device}; cut those times off first."
            )
    times = series.times
    slack = 1e-9 * duration  # a time this close to nT is nT: 30 · (2π/30) is not 2π
    first = math.ceil((times[0] - slack) / duration)
    last = math.floor((times[-1] + slack) / duration)
    if last <= first:
        raise ValueError(
            f"Argument trajectory must hold one whole period [nT, (n+1)T] of T = {duration:g}, but "
            f"its times run from {times[0]:g} to {times[-1]:g}; simulate longer or give period=."
        )
    starts = [n * duration for n in range(first, last)]
    scale = _scale(series, normalise)
    windows = [_window(times, start, start + duration) for start in starts]
    raw = [
        np.stack([matrix @ series.voltage, matrix @ series.current], axis=-1) / scale
        for matrix in windows
    ]
    estimates: Sequence[_Estimate | None] = [None] * len(raw)
    if series.voltage_error is not None or series.current_error is not None:
        estimates = _estimate(series, starts, duration, normalise, scale, samples, seed)
    return tuple(
        _make_loop(first + n, starts[n], starts[n] + duration, raw[n], estimates[n])
        for n in range(len(raw))
    )


def _check_period(series: DeviceSeries, period: float | None, device: int) -> float:
    if period is None:
        period = series.period
        if period is None:
            raise ValueError(
                f"Argument trajectory must say the period of device {device}, but its periods are "
                "None; give find_loops(trajectory, device, period=…)."
            )
    return check_real("period", period, minimum=0, exclusive=True)


def _scale(series: DeviceSeries, normalise: str | None) -> FloatArray:
    """Return what V and I are divided by, shape (2,)."""
    if normalise is None:
        return np.ones(2)
    scales = []
    for name in ("voltage", "current"):
        values, errors = getattr(series, name), getattr(series, f"{name}_error")
        largest = float(np.abs(values).max())
        scale = largest if normalise == "max" else abs(float(values[0]))
        # Below 1e-9 of the maximum, a computed initial value is rounding; below three standard
        # errors, a measured one is noise, and so is its reciprocal.
        floor = 0.0 if normalise == "max" else 1e-9 * largest
        if normalise == "initial" and errors is not None:
            floor = max(floor, 3 * float(errors[0]))
        if scale <= floor:
            raise ValueError(
                f"Argument normalise must not be {normalise!r} for this trajectory: its "
                f"{'largest' if normalise == 'max' else 'initial'} |{name}| is {scale:.3g}, "
                "which cannot be told from 0; give "
                + ("normalise=None." if normalise == "max" else 'normalise="max".')
            )
        scales.append(scale)
    return np.array(scales)


def _window(times: FloatArray, start: float, stop: float) -> FloatArray:
    """Return the matrix (P, T) that takes samples to one loop's vertices, ends interpolated."""
    vertices = _vertex_times(times, start, stop)
    after = np.clip(np.searchsorted(times, vertices), 1, times.size - 1)
    before = after - 1
    weight = np.clip((vertices - times[before]) / (times[after] - times[before]), 0.0, 1.0)
    # A vertex that is a sample up to rounding is that sample.
    weight = np.where(np.abs(weight - np.round(weight)) < 1e-9, np.round(weight), weight)
    matrix = np.zeros((vertices.size, times.size))
    rows = np.arange(vertices.size)
    matrix[rows, before] += 1 - weight
    matrix[rows, after] += weight
    return matrix


def _vertex_times(times: FloatArray, start: float, stop: float) -> FloatArray:
    slack = 1e-9 * (stop - start)
    inside = times[(times > start + slack) & (times < stop - slack)]
    return np.concatenate([[start], inside, [stop]])


# Geometry


def _snap(curves: FloatArray) -> FloatArray:
    """Close `curves`, shape (…, P, 2), and snap them to a grid fine against their extent."""
    extent = np.abs(curves).max(axis=-2, keepdims=True)
    extent = np.where(extent > 0, extent, 1.0)
    snapped = np.round(curves / extent, _SNAP_DIGITS) * extent
    return np.concatenate([snapped, snapped[..., :1, :]], axis=-2)


def _measure(curves: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return enclosed area S, perimeter P and F = 4πS/P² of curves of shape (N, P, 2)."""
    import shapely

    lines = shapely.linestrings(_snap(curves))
    # Polygonising the noded ring gives every bounded face once; their sum is the union's area.
    faces = shapely.polygonize(shapely.node(lines)[:, np.newaxis])
    box = np.prod(np.ptp(curves, axis=-2), axis=-1)
    areas = np.asarray(shapely.area(faces))
    areas = np.where(areas > _SLIVER * box, areas, 0.0)
    perimeters = np.asarray(shapely.length(lines))
    return areas, perimeters, _form_factor(areas, perimeters)


def _form_factor(areas: FloatArray, perimeters: FloatArray) -> FloatArray:
    positive = perimeters > 0
    return np.where(positive, 4 * np.pi * areas / np.where(positive, perimeters, 1.0) ** 2, 0.0)


def _find_faces(curve: FloatArray) -> tuple[tuple[float, ...], tuple[float, float] | None]:
    """Return the areas of the enclosed faces and the self-intersection nearest the origin."""
    import shapely

    noded = shapely.get_parts(shapely.node(shapely.linestrings(_snap(curve))))
    faces = shapely.get_parts(shapely.polygonize(noded))
    areas = np.sort(np.asarray(shapely.area(faces)))[::-1]
    lobes = tuple(float(area) for area in areas if area > _SLIVER * np.prod(np.ptp(curve, axis=0)))
    ends = np.concatenate([shapely.get_coordinates(part)[[0, -1]] for part in noded])
    points, degree = np.unique(ends, axis=0, return_counts=True)
    crossings = points[degree >= 4]  # two branches in, two out; a closing point has 2
    if not len(crossings):
        return lobes, None
    nearest = crossings[np.argmin(np.hypot(*crossings.T))]
    return lobes, (float(nearest[0]), float(nearest[1]))


# Inference from noisy samples


@dataclass(frozen=True)
class _Estimate:
    """Corrected values, errors and intervals, each (area, perimeter, form factor)."""

    values: FloatArray
    errors: FloatArray
    intervals: FloatArray


@dataclass(frozen=True)
class _Fit:
    """A fitted branch y = mean + shapes·w, w measured with unit independent errors.

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
        from scipy.stats import chi2

        size = self.whitened.size
        return bool(size and np.sum(self.whitened**2) < chi2.ppf(0.95, size))


def _estimate(
    series: DeviceSeries,
    starts: list[float],
    duration: float,
    normalise: str | None,
    scale: FloatArray,
    samples: int,
    seed: int,
) -> list[_Estimate]:
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
            _fit_branch(series.times, values, covariance, start, duration, harmonics)
            for values, covariance, harmonics in (
                (series.voltage, covariances[0], 3),
                (series.current, covariances[1], 4),
            )
        )
        for start in all_starts
    ]
    first = all_starts.index(min(all_starts))

    def measure(whitened: list[list[FloatArray]]) -> FloatArray:
        """Return (loops, N, 3) from N draws of every window's two branches."""
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
        return np.array(
            [
                np.stack(_measure(curve / scales[:, np.newaxis, :]), axis=-1)
                for curve in curves[: len(starts)]
            ]
        )

    posterior = [
        [_draw_posterior(fit, fit.whitened, samples, rng) for fit in pair] for pair in fits
    ]
    drawn = measure(posterior)
    # Simulation: what does the posterior median make of replicas of a known curve, the posterior
    # mean? The mean has the right smoothness; the fit itself would carry the noise twice.
    replicas, inner = 24, 32
    centre = [[draws.mean(axis=0) for draws in pair] for pair in posterior]
    known = measure([[draws[np.newaxis] for draws in pair] for pair in centre])[:, 0]
    redrawn = [
        [
            np.concatenate(
                [
                    _draw_posterior(fit, draws + rng.normal(size=draws.size), inner, rng)
                    for _ in range(replicas)
                ]
            )
            for fit, draws in zip(pair, means, strict=True)
        ]
        for pair, means in zip(fits, centre, strict=True)
    ]
    again = measure(redrawn).reshape(len(starts), replicas, inner, 3)
    bias = np.median(again, axis=2).mean(axis=1) - known
    return [
        _summarise(drawn[n], bias[n], [fit.is_consistent_with_zero() for fit in fits[n]])
        for n in range(len(starts))
    ]


def _summarise(drawn: FloatArray, bias: FloatArray, absent: list[bool]) -> _Estimate:
    upper = np.array([np.inf, np.inf, 1.0])
    median = np.median(drawn, axis=0)
    low, high = np.quantile(drawn, _INTERVAL, axis=0)
    low, high = np.minimum(low, low - bias), np.maximum(high, high - bias)
    if any(absent):  # a straight line fits as well, and encloses nothing
        low[[0, 2]] = 0.0
    if all(absent):
        high[2] = 1.0
    values = np.clip(median - bias, 0.0, upper)
    inner = np.quantile(drawn, _ERROR, axis=0)
    errors = np.hypot(np.diff(inner, axis=0)[0] / 2, bias / 2)
    low, high = np.clip(low, 0.0, upper), np.clip(high, 0.0, upper)
    intervals = np.stack([np.minimum(low, values), np.maximum(high, values)], axis=-1)
    return _Estimate(values, errors, intervals)


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
    harmonics: int,
) -> _Fit:
    vertices = _vertex_times(times, start, start + duration)
    window = _window(times, start, start + duration)
    samples = window @ values
    if covariance is None:
        return _Fit(samples, np.zeros((samples.size, 0)), np.zeros(0), ())
    noise = window @ covariance @ window.T
    if not np.trace(noise) > 0:
        return _Fit(samples, np.zeros((samples.size, 0)), np.zeros(0), ())
    most = (vertices.size - 5) // 2  # at least one degree of freedom stays for the residual
    if most < 2:
        raise ValueError(
            f"Argument trajectory must have at least 9 samples in a period where it has errors, "
            f"but the period from t = {start:g} has {vertices.size - 1}; take more points per "
            "period, or drop the errors (dataclasses.replace) to measure the raw polygons."
        )
    for order in range(min(harmonics, most), most + 1):
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
    ridge = 1e-9 * np.trace(coefficient_noise) / len(coefficient_noise)
    root = np.linalg.cholesky(coefficient_noise + ridge * np.eye(len(coefficient_noise)))
    whitened = np.linalg.solve(root, inverse @ samples)
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
    """Return draws (count, dim) of w given one observation of w with unit errors.

    Per group of d coordinates: absent with the given prior probability; else
    w ~ N(0, (1/u − 1) 1) with density u^(−1/2)/2 on 0 < u < 1, so that u given the data is a
    truncated gamma and w given u and the data is N((1−u) w_measured, (1−u) 1).
    """
    from scipy.special import gammainc, gammaincinv, gammaln

    draws = np.zeros((count, whitened.size))
    for columns, absent in fit.groups:
        measured = whitened[columns]
        half = max(float(measured @ measured) / 2, 1e-12)
        shape = measured.size / 2 + 0.5
        mass = float(gammainc(shape, half))
        shrinkage = gammaincinv(shape, rng.uniform(size=count) * mass) / half
        keep = np.clip(1 - shrinkage, 0.0, 1.0)[:, np.newaxis]
        drawn = keep * measured + np.sqrt(keep) * rng.normal(size=(count, measured.size))
        if absent > 0:
            odds = math.log(0.5) + gammaln(shape) - shape * math.log(half) + math.log(mass) + half
            odds += math.log(1 / absent - 1)
            present = 1 / (1 + math.exp(-min(max(odds, -700.0), 700.0)))
            drawn *= rng.uniform(size=(count, 1)) < present
        draws[:, columns] = drawn
    return draws


def _make_loop(
    index: int, start: float, stop: float, vertices: FloatArray, estimate: _Estimate | None
) -> Loop:
    areas, perimeters, factors = _measure(vertices[np.newaxis])
    raw = np.array([areas[0], perimeters[0], factors[0]])
    lobes, pinch = _find_faces(vertices)
    values = raw if estimate is None else estimate.values

    def error(n: int) -> float | None:
        return None if estimate is None else float(estimate.errors[n])

    def interval(n: int) -> tuple[float, float] | None:
        if estimate is None:
            return None
        low, high = estimate.intervals[n]
        return float(low), float(high)

    geometry: dict[str, Any] = {}
    for n, name in enumerate(("area", "perimeter", "form_factor")):
        geometry[name] = float(values[n])
        geometry[f"{name}_error"] = error(n)
        geometry[f"{name}_interval"] = interval(n)
        geometry[f"{name}_raw"] = float(raw[n])
    voltage, current = np.ascontiguousarray(vertices.T)
    return Loop(
        index=index,
        start=start,
        stop=stop,
        voltage=voltage,
        current=current,
        lobes=lobes,
        pinch=pinch,
        pinch_distance=None if pinch is None else math.hypot(*pinch),
        **geometry,
    )
