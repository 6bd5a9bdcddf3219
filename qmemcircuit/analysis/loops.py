"""I–V loops: one per period, with enclosed area, perimeter, form factor and pinch.

The geometry is shapely's: a loop is a closed polygon through its samples that may cross itself.
Where the trajectory has standard errors, noise opens every curve, also a resistor's line, makes the
raw polygon longer and its form factor wrong; `find_loops` then tests whether there is a loop at all
and gives the values that the data do not reject.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from qmemcircuit.analysis.loop_errors import LoopEstimate, estimate_geometry
from qmemcircuit.analysis.loop_geometry import (
    find_faces,
    measure_curves,
    simple_loop_perimeters,
    window_matrix,
)
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    FloatArray,
    check_choice,
    check_integer,
    check_real,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.estimates import Estimate
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.results.trajectory_parts import DeviceSeries


# Twelve fields: a polygon, its three sizes, its lobes and pinch, and two tests of what is seen.
# More than ten fields: its place, curve and lobes, three estimates and two p-values.
@data_object(
    also=(
        "area_estimate",
        "perimeter_estimate",
        "form_factor_estimate",
        "form_factor_bound",
        "balance",
    )
)
@dataclass(frozen=True, eq=False)
class Loop:
    """One period of a device's current–voltage curve, closed by its chord.

    Attributes:
        index: n, for a loop over t in [nT, (n+1)T].
        start, stop: its two times.
        voltage, current: the vertices as measured, normalised, each of shape (P,). The chord from
            the last to the first closes the polygon.
        area_estimate: the area S of the points that the curve winds around, each counted once.
            It is *not* the shoelace sum, in which the lobes of a pinched loop cancel.
        perimeter_estimate: length P of the curve, chord included.
        form_factor_estimate: F = 4πS/P², from 0 (a retraced line) to 1 (a circle); guo2022, after
            Eq. 23. It depends on the scaling of the axes.
        lobes: areas of the faces that the *measured* polygon winds around, largest first: two for a
            clean pinched loop, many under noise. They sum to `area_raw`.
        pinch: (V, I), normalised, of the point nearest the origin at which the measured polygon
            crosses or touches itself; None if it never does.
        no_loop_p_value: the chance that a curve without hysteresis, I = f(V) retraced, looks at
            least so open through this noise. It is *not* the probability that there is no loop.
            None where exact.
        pinched_p_value: the same for a curve with I = 0 wherever V = 0. None where exact, and where
            V has no zero or cannot be told from zero.

    Short names are `area`, `area_error`, `area_interval` (95 %; None where exact), `area_raw` (of
    the measured polygon, noise and all), and the same of perimeter and form factor. Quote the
    intervals rather than the errors: they are lopsided for weak signals
    (docs/pages/concepts/loops.md).

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> (loop,) = qm.find_loops(qm.master_equation(memristor, memristor.periods(1, points=91)))
    >>> len(loop.lobes), round(loop.form_factor, 2) <= loop.form_factor_bound
    (2, True)
    """

    index: int
    start: float
    stop: float
    voltage: FloatArray
    current: FloatArray
    area_estimate: Estimate[float]
    perimeter_estimate: Estimate[float]
    form_factor_estimate: Estimate[float]
    lobes: tuple[float, ...]
    pinch: tuple[float, float] | None
    no_loop_p_value: float | None = None
    pinched_p_value: float | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def form_factor_bound(self) -> float:
        """ΣP_k²/(ΣP_k)² of the measured polygon's simple loops: ½ for two equal lobes, at most 1.

        P_k are the perimeters of the simple loops that it falls into at its self-crossings. The
        form factor of the measured polygon, `form_factor_raw`, never exceeds it: each simple loop
        has at most the area P_k²/4π of a circle (proof in
        experiments/derivations/form_factor_bound.md). So a form factor above ½ means lobes that
        differ, or no pinch. It holds in the axes of this loop, and is *not* a bound of the
        noiseless curve's form factor: noise adds crossings. 0 for a single point.
        """
        vertices = np.stack([self.voltage, self.current], axis=1)
        perimeters = simple_loop_perimeters(vertices)
        total = float(perimeters.sum())
        return float((perimeters**2).sum() / total**2) if total > 0 else 0.0

    @property
    def balance(self) -> float:
        """Area of the second largest lobe over the largest one's: 1 for equal lobes, 0 for one."""
        return self.lobes[1] / self.lobes[0] if len(self.lobes) > 1 else 0.0

    @property
    def pinch_distance(self) -> float | None:
        """Distance of the pinch from the origin, or None."""
        return None if self.pinch is None else math.hypot(*self.pinch)

    @property
    def area(self) -> float:
        """S."""
        return self.area_estimate.value

    @property
    def area_error(self) -> float | None:
        """Standard error of S."""
        return self.area_estimate.standard_error

    @property
    def area_interval(self) -> tuple[float, float] | None:
        """95 % interval of S."""
        return self.area_estimate.interval

    @property
    def area_raw(self) -> float:
        """S of the measured polygon."""
        return _raw(self.area_estimate)

    @property
    def perimeter(self) -> float:
        """P."""
        return self.perimeter_estimate.value

    @property
    def perimeter_error(self) -> float | None:
        """Standard error of P."""
        return self.perimeter_estimate.standard_error

    @property
    def perimeter_interval(self) -> tuple[float, float] | None:
        """95 % interval of P."""
        return self.perimeter_estimate.interval

    @property
    def perimeter_raw(self) -> float:
        """P of the measured polygon."""
        return _raw(self.perimeter_estimate)

    @property
    def form_factor(self) -> float:
        """F."""
        return self.form_factor_estimate.value

    @property
    def form_factor_error(self) -> float | None:
        """Standard error of F."""
        return self.form_factor_estimate.standard_error

    @property
    def form_factor_interval(self) -> tuple[float, float] | None:
        """95 % interval of F."""
        return self.form_factor_estimate.interval

    @property
    def form_factor_raw(self) -> float:
        """F of the measured polygon."""
        return _raw(self.form_factor_estimate)


def _raw(estimate: Estimate[float]) -> float:
    return estimate.value if estimate.raw is None else estimate.raw


def find_loops(
    trajectory: Trajectory,
    device: int = 0,
    *,
    period: float | None = None,
    normalise: str | None = "max",
    samples: int = 80,
    seed: int = 0,
) -> tuple[Loop, ...]:
    """Return one `Loop` per whole period T of `device`.

    Loop n is t in [nT, (n+1)T], n counted from t = 0. End points between two samples are
    interpolated linearly, and incomplete periods at either end are left out.

    Exact trajectories give exact polygons. Where the trajectory has errors, V and I of each loop
    are fitted, and the loop has 95 % intervals and `no_loop_p_value`, the chance that a device
    without a loop (I = f(V), f a polynomial up to degree 3) looks at least so open.

    What the intervals are *not*: a promise for sharp switching whose harmonics sink into the noise
    (F comes out too low), nor proof against a sharper nonlinear resistor, which may be taken for a
    loop. How they are made, and how often they hold: docs/pages/concepts/loops.md.

    Args:
        trajectory: any device's series: memristors, networks, neurons.
        device: which one, 0 … M − 1.
        period: T; by default `trajectory.periods[device]`.
        normalise: `"max"` divides V and I by the largest |V| and |I| of the whole trajectory,
            `"initial"` by |V| and |I| at its first time, None leaves them in their units.
        samples: replicas of each hypothetical loop, at least 40. Used only where there are errors.
        seed: of their noise.

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
    check_arguments(find_loops, locals())
    samples = check_integer("samples", samples, minimum=40)
    seed = check_integer("seed", seed, minimum=0)
    if normalise is not None:
        check_choice("normalise", normalise, ("max", "initial"))
    series = trajectory[device]
    duration = _check_period(series, period, device)
    for item in fields(series):
        name = item.name
        if name in ("times", "period"):
            continue
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
    check_work("period", last - first, 10**6, "loops")
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
    estimates: Sequence[LoopEstimate | None] = [None] * len(raw)
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
    index: int, start: float, stop: float, vertices: FloatArray, estimate: LoopEstimate | None
) -> Loop:
    areas, perimeters, factors = measure_curves(vertices[np.newaxis])
    raw = np.array([areas[0], perimeters[0], factors[0]])
    lobes, pinch = find_faces(vertices)
    sizes = [Estimate(float(value)) for value in raw]
    if estimate is not None:
        sizes = [
            Estimate(value, error, low, high, raw=measured, level=0.95)
            for value, error, (low, high), measured in zip(
                estimate.values.tolist(),
                estimate.errors.tolist(),
                estimate.intervals.tolist(),
                raw.tolist(),
                strict=True,
            )
        ]
    voltage, current = np.ascontiguousarray(vertices.T)
    return Loop(
        index=index,
        start=start,
        stop=stop,
        voltage=voltage,
        current=current,
        area_estimate=sizes[0],
        perimeter_estimate=sizes[1],
        form_factor_estimate=sizes[2],
        lobes=lobes,
        pinch=pinch,
        no_loop_p_value=None if estimate is None else estimate.no_loop_p_value,
        pinched_p_value=None if estimate is None else estimate.pinched_p_value,
    )
