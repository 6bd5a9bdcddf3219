"""Is a noisy record a cycle or noise? Phase folding, amplitude statistics, phase diffusion.

The difference max − min of a noisy record grows with its length and says nothing: shot noise
fakes an oscillation below the threshold of one. What tells a cycle from noise is that folding at
its period leaves it standing, and that its amplitude does not fluctuate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.spectra import _check_series

# Edges of the record, relative to its length, where the band-pass filter has no meaning.
EDGE = 0.05
# g2 below the first is a cycle with small noise, above the second nearer to Gaussian noise (2)
# than to a cycle (1).
CYCLE_BELOW, NOISE_ABOVE = 1.1, 1.5


@data_object
@dataclass(frozen=True)
class Oscillation:
    """What `measure_oscillation` finds in a record.

    Attributes:
        frequency: angular frequency ω of the best fold.
        span: max − min of the record folded at ω. Noise averages out of it; a phase that
            diffuses over the record shrinks it.
        mean: the record's mean.
        amplitude_ratio: g2 = ⟨R⁴⟩/⟨R²⟩² of the amplitude R at ω: 1 for a cycle, 2 for noise.
    """

    frequency: float
    span: float
    mean: float
    amplitude_ratio: float

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def period(self) -> float:
        """2π/ω."""
        return 2 * math.pi / self.frequency

    @property
    def kind(self) -> Literal["cycle", "marginal", "noise"]:
        """ "cycle" for g2 < 1.1, "noise" for g2 > 1.5, "marginal" between.

        It says how the amplitude fluctuates, not how large it is: compare `span` too.
        """
        if self.amplitude_ratio < CYCLE_BELOW:
            return "cycle"
        return "noise" if self.amplitude_ratio > NOISE_ABOVE else "marginal"


def measure_oscillation(
    times: ArrayLike,
    values: ArrayLike,
    *,
    frequency: float,
    search: float = 0.02,
    harmonics: int = 4,
    bandwidth: float = 0.5,
) -> Oscillation:
    """Measure the oscillation of a record near a known frequency.

    The record is fitted by a mean and `harmonics` harmonics of ω; ω is the best one within the
    `search` range. The search is narrow on purpose: the strongest line of pure noise grows with
    the range that it may be sought in.

    Args:
        times, values: one-dimensional, equidistant, 20 or more periods, transients removed.
        frequency: angular frequency near which to look.
        search: half-width of the range, relative to `frequency`.
        harmonics: how many harmonics the fold has.
        bandwidth: half-width, relative to `frequency`, of the band whose amplitude is R.

    Raises:
        ValueError: the record is too short or too coarse, or a number is out of range.

    Example:
        >>> times = np.arange(0, 200, 0.05)
        >>> found = measure_oscillation(times, 0.3 * np.cos(7.01 * times), frequency=7.0)
        >>> round(found.frequency, 6), round(found.span, 6), found.kind
        (7.01, 0.6, 'cycle')
    """
    check_arguments(measure_oscillation, locals())
    step, data = _check_series(times, values)
    centre = check_real("frequency", frequency, minimum=0, exclusive=True)
    check_real("search", search, minimum=0, exclusive=True)
    count = check_integer("harmonics", harmonics, minimum=1)
    length = data.size * step
    if length * centre < 40 * math.pi:
        raise ValueError(
            "Argument times must span 20 periods or more, but it spans "
            f"{length * centre / (2 * math.pi):.1f}; record longer."
        )
    if centre * (1 + search) * count * step > math.pi:
        raise ValueError(
            f"Argument harmonics must stay below the sampling limit {math.pi / step:.3g}, but "
            f"harmonic {count} of {centre:.3g} is above it; take fewer."
        )
    amplitude = demodulate(times, values, frequency=centre, bandwidth=bandwidth)
    intensity = np.abs(amplitude) ** 2
    ratio = float((intensity**2).mean() / intensity.mean() ** 2)

    clock = step * np.arange(data.size, dtype=float)
    mean = float(data.mean())
    grid = centre * np.linspace(1 - search, 1 + search, 2 + int(2 * search * centre * length))
    strength = [abs(((data - mean) * np.exp(-1j * omega * clock)).sum()) for omega in grid]
    coarse = float(grid[int(np.argmax(strength))])
    best = _refine(clock, data, coarse, math.pi / length, count)
    coefficients, _ = _fit(clock, data, best, count)
    fold = _harmonics(np.linspace(0, 2 * math.pi, 4096), count) @ coefficients
    return Oscillation(best, float(np.ptp(fold)), mean, ratio)


def demodulate(
    times: ArrayLike, values: ArrayLike, *, frequency: float, bandwidth: float = 0.5
) -> NDArray[np.complex128]:
    """Return the complex amplitude of `values` in a band around `frequency`, edges cut off.

    The analytic signal of the part between (1 ± `bandwidth`)·`frequency`, times e^{−iωt}. The
    first and last 5 % of the record, where the filter rings, are left out.
    """
    check_arguments(demodulate, locals())
    step, data = _check_series(times, values)
    centre = check_real("frequency", frequency, minimum=0, exclusive=True)
    width = check_real("bandwidth", bandwidth, minimum=0, exclusive=True)
    spectrum = np.fft.fft(data - data.mean())
    omega = 2 * math.pi * np.fft.fftfreq(data.size, step)
    spectrum[np.abs(omega - centre) > width * centre] = 0
    signal = 2 * np.fft.ifft(spectrum) * np.exp(-1j * centre * step * np.arange(data.size))
    edge = int(EDGE * data.size)
    return np.asarray(signal[edge : data.size - edge])


def phase_diffusion(
    times: ArrayLike,
    values: ArrayLike,
    *,
    frequency: float,
    lags: tuple[float, float] = (10.0, 80.0),
) -> float:
    """Return the phase diffusion D of an oscillation: Var[φ(t + τ) − φ(t)] = 2Dτ + constant.

    D (rad² per unit of time) is half the slope between the two `lags` (in periods); the
    constant, what noise adds to each reading of the phase, drops out. For a cycle only: the
    phase of noise is no random walk.

    Raises:
        ValueError: the record is shorter than ten of the longer lag.
    """
    check_arguments(phase_diffusion, locals())
    step, data = _check_series(times, values)
    centre = check_real("frequency", frequency, minimum=0, exclusive=True)
    short, long = (round(lag * 2 * math.pi / centre / step) for lag in lags)
    if not 0 < short < long or data.size < 10 * long:
        raise ValueError(
            "Argument times must span ten times the longer of two increasing lags, but it has "
            f"{data.size} points for lags of {short} and {long}; record longer."
        )
    phase = np.unwrap(np.angle(demodulate(times, values, frequency=centre)))
    phase -= np.polynomial.Polynomial.fit(np.arange(phase.size), phase, 1)(np.arange(phase.size))
    spread = [float(((phase[lag:] - phase[:-lag]) ** 2).mean()) for lag in (short, long)]
    return (spread[1] - spread[0]) / (2 * step * (long - short))


def _harmonics(phase: FloatArray, count: int) -> FloatArray:
    columns = [np.ones_like(phase)]
    for k in range(1, count + 1):
        columns += [np.cos(k * phase), np.sin(k * phase)]
    return np.column_stack(columns)


def _fit(
    clock: FloatArray, data: FloatArray, omega: float, count: int
) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of the harmonics of ω and the residuals."""
    design = _harmonics(omega * clock, count)
    # Normal equations: the columns are nearly orthogonal over many periods.
    coefficients = np.asarray(np.linalg.solve(design.T @ design, design.T @ data))
    return coefficients, data - design @ coefficients


def _refine(clock: FloatArray, data: FloatArray, coarse: float, reach: float, count: int) -> float:
    """Return ω with the smallest residual within `reach` of `coarse`."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda omega: float((_fit(clock, data, omega, count)[1] ** 2).sum()),
        bounds=(coarse - reach, coarse + reach),
        method="bounded",
        options={"xatol": 1e-9 * coarse},
    )
    return float(found.x)
