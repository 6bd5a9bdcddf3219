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

from qmemcircuit.analysis.loop_errors import Estimate, estimate_geometry
from qmemcircuit.analysis.loop_geometry import find_faces, measure_curves, window_matrix
from qmemcircuit.common.checks import FloatArray, check_choice, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.results.trajectory import DeviceSeries, Trajectory


@data_object
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

    (K = 8, fewer where the points do not allow it, more where the residual exceeds the errors).
    Curves are drawn from the posterior of the coefficients under a prior that lets each harmonic
    shrink or vanish (Strawderman's with an atom at 0, likelier for higher harmonics). The median
    is corrected by the bias that it shows on replicas of the posterior mean, with the same noise
    and the same normalisation; the interval spans both and is stretched to hold its coverage. Where
    V or I cannot be told from zero in a loop, the intervals of S and F start at 0, that of P at a
    line there and back, and errors are half the widths; where neither can be told from zero, the
    interval of F is (0, 1).

    Coverage, of 95 % by the interval and of 68 % by the error, is tested against known curves in
    tests/analysis/test_loops.py: one memristor at 30 points per period and 5000 shots, γ0 = 0.4 and
    0.02, with independent, correlated and voltage-bound current noise, from a clear signal to none.
    Both are conservative there: they hold the truth more often than they say. It is not promised
    elsewhere. In particular, sharp switching whose harmonics sink into the noise
    is seen too long and its F a few percent too low (a test shows it). Errors of V and of I are
    taken as independent, since a trajectory keeps no covariance between them; where I is computed
    from the same V, intervals come out too wide.

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
            zero, or, with errors, fewer than 8 samples in a period.

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
    for name in ("voltage", "current", "voltage_error", "current_error", "current_covariance"):
        values = getattr(series, name)
        if values is not None and not np.all(np.isfinite(values)):
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
    windows = [window_matrix(times, start, start + duration) for start in starts]
    raw = [
        np.stack([matrix @ series.voltage, matrix @ series.current], axis=-1) / scale
        for matrix in windows
    ]
    estimates: Sequence[Estimate | None] = [None] * len(raw)
    if series.voltage_error is not None or series.current_error is not None:
        estimates = estimate_geometry(series, starts, duration, normalise, scale, samples, seed)
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


def _make_loop(
    index: int, start: float, stop: float, vertices: FloatArray, estimate: Estimate | None
) -> Loop:
    areas, perimeters, factors = measure_curves(vertices[np.newaxis])
    raw = np.array([areas[0], perimeters[0], factors[0]])
    lobes, pinch = find_faces(vertices)
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
