"""Power spectra and spectral lines of any time series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True, eq=False)
class Spectrum:
    """One-sided power spectral density S(ω): `frequencies` (angular) and `density`, shape (K,)."""

    frequencies: FloatArray
    density: FloatArray

    def __post_init__(self) -> None:
        check_fields(self)


@data_object
@dataclass(frozen=True)
class Line:
    """A spectral line a·cos(ωt + φ): angular `frequency`, `amplitude` a ≥ 0, `phase`."""

    frequency: float
    amplitude: float
    phase: float

    def __post_init__(self) -> None:
        check_fields(self)


def power_spectrum(times: ArrayLike, values: ArrayLike, *, segments: int = 1) -> Spectrum:
    """Return the power spectral density of `values` − mean, Hann-windowed.

    With `segments` > 1 half-overlapping segments are averaged (Welch). ∫S dω = the variance.

    Raises:
        ValueError: the times are not equidistant.
    """
    check_arguments(power_spectrum, locals())
    from scipy.signal import welch

    step, data = _check_series(times, values)
    parts = check_integer("segments", segments, minimum=1)
    length = 2 * data.size // (parts + 1)
    frequencies, density = welch(
        data, fs=1 / step, window="hann", nperseg=length, detrend="constant"
    )
    return Spectrum(2 * np.pi * frequencies, density / (2 * np.pi))


def spectral_lines(
    times: ArrayLike, values: ArrayLike, *, count: int = 8, threshold: float = 1e-6
) -> tuple[Line, ...]:
    """Return up to `count` lines of a quasi-periodic signal, strongest first.

    Each is the maximum of the Hann-windowed Fourier integral, refined by a scalar search, and
    subtracted before the next is sought (Laskar's frequency analysis). For isolated lines the
    frequency error falls like 1/duration³ or faster; two lines closer than four bins, 8π/duration,
    disturb each other. Lines below `threshold` times the strongest are left out.
    """
    check_arguments(spectral_lines, locals())
    from scipy.optimize import minimize_scalar

    step, data = _check_series(times, values)
    number = check_integer("count", count, minimum=1)
    check_real("threshold", threshold, minimum=0)
    moments = step * (np.arange(data.size) - (data.size - 1) / 2)
    window = np.hanning(data.size)
    window /= window.sum()
    remainder = data - np.sum(data * window)
    bin_width = 2 * np.pi / (data.size * step)
    found: list[Line] = []
    for _ in range(number):
        transform = np.abs(np.fft.rfft(remainder * window))
        transform[:2] = 0.0
        peak = int(np.argmax(transform)) * bin_width

        def size(frequency: float, series: FloatArray = remainder) -> float:
            return -float(np.abs(np.sum(series * window * np.exp(-1j * frequency * moments))))

        best = minimize_scalar(
            size,
            bounds=(peak - bin_width, peak + bin_width),
            method="bounded",
            options={"xatol": 1e-12},
        ).x
        amplitude = 2 * np.sum(remainder * window * np.exp(-1j * best * moments))
        if found and abs(amplitude) < threshold * found[0].amplitude:
            break
        found.append(Line(float(best), float(abs(amplitude)), float(np.angle(amplitude))))
        remainder = remainder - np.real(amplitude * np.exp(1j * best * moments))
    found.sort(key=lambda line: -line.amplitude)
    start = step * (data.size - 1) / 2
    return tuple(
        Line(
            line.frequency,
            line.amplitude,
            float(np.angle(np.exp(1j * (line.phase - line.frequency * start)))),
        )
        for line in found
    )


def identify_line(
    frequency: float, bases: tuple[float, float], *, order: int = 8
) -> tuple[int, int, float]:
    """Return (m, n, |ω − mω₁ − nω₂|) of the combination with |m| + |n| ≤ `order` nearest to ω.

    Among combinations equally near to 1e-9 the lowest order is taken.
    """
    check_arguments(identify_line, locals())
    check_integer("order", order, minimum=1)
    check_work("order", order, 500, "orders")
    choices = [
        (abs(frequency - m * bases[0] - n * bases[1]), abs(m) + abs(n), m, n)
        for m in range(-order, order + 1)
        for n in range(-order, order + 1)
        if 0 < abs(m) + abs(n) <= order
    ]
    smallest = min(choice[0] for choice in choices)
    near = [choice for choice in choices if choice[0] <= smallest + 1e-9]
    distance, _, m, n = min(near, key=lambda choice: choice[1])
    return m, n, distance


def _check_series(times: ArrayLike, values: ArrayLike) -> tuple[float, FloatArray]:
    moments, data = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    if moments.ndim != 1 or data.shape != moments.shape or moments.size < 16:
        raise ValueError(
            "Arguments times and values must be one-dimensional with the same 16 or more entries,"
            f" but shapes {moments.shape} and {data.shape} were given."
        )
    steps = np.diff(moments)
    # Rounding of long time axes is below 1e-6 of a step; real unevenness is above.
    if not (steps[0] > 0 and np.allclose(steps, steps.mean(), rtol=1e-6, atol=0)):
        raise ValueError(
            "Argument times must be equidistant and increasing, but its steps vary from "
            f"{steps.min():g} to {steps.max():g}; sample with np.linspace."
        )
    return float((moments[-1] - moments[0]) / (moments.size - 1)), data
