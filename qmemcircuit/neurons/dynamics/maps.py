"""Stroboscopic maps and rotation numbers of driven systems."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields, check_value
from qmemcircuit.common.checks import FloatArray, check_integer, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.cycles import PeriodicOrbit
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, drive_period, integrate


def stroboscopic_map(
    system: DynamicalSystem,
    state: ArrayLike,
    *,
    count: int,
    transient: int = 0,
    rtol: float = 1e-10,
) -> FloatArray:
    """Return `count` states at successive multiples of the drive period, shape (count, n).

    The first `transient` periods are left out. A locked state is a finite set of points, a
    two-torus a closed curve, chaos neither.

    Raises:
        ValueError: the system is not driven.
    """
    check_arguments(stroboscopic_map, locals())
    period = drive_period(system)
    check_integer("count", count, minimum=1)
    check_integer("transient", transient, minimum=0)
    check_work("count", count + transient, 1e8, "periods")
    times = np.concatenate([[0.0], np.arange(max(transient, 1), transient + count + 1) * period])
    states = integrate(system, times, state, rtol=rtol)
    return np.asarray(states[1 : count + 1])


@data_object
@dataclass(frozen=True)
class RotationNumber:
    """Turns per drive period.

    Attributes:
        value: the mean, NaN where the state has settled on the centre (radius below 1e-9).
        error: half the difference between the two halves of the run.
        radius: smallest distance from the centre; near 0 the number has no meaning.
    """

    value: float
    error: float
    radius: float

    def __post_init__(self) -> None:
        check_fields(self, missing=("value", "error"))


def rotation_number(
    system: DynamicalSystem,
    state: ArrayLike,
    *,
    periods: int = 400,
    transient: int = 200,
    plane: tuple[int, int] = (0, 1),
    centre: tuple[float, float] | PeriodicOrbit = (0.0, 0.0),
    points: int = 24,
    rtol: float = 1e-9,
) -> RotationNumber:
    """Return the mean number of turns around `centre` in a plane of variables per drive period.

    A `PeriodicOrbit` as centre moves with the drive: the turns of y(t) − y_p(t). This is the
    rotation number of a torus around that orbit, ω₀/ω; turns around a fixed point instead follow
    whichever of the two oscillations is larger, and may show a locking that is none.

    The increments of the angle over one period are averaged with the weight exp(−1/(s(1 − s))),
    which converges faster than any power of 1/periods on a torus (Das, Saiki, Sander and Yorke
    2017). On a locked state n:m the number is rational.

    `points` samples per period must resolve the angle: below half a turn between samples.

    Raises:
        ValueError: the system is not driven; the angle jumps by more than 0.45 turns.
    """
    check_arguments(rotation_number, locals(), own=("centre",))
    if not isinstance(centre, PeriodicOrbit):
        check_value("centre", ArrayLike, centre)
    period = drive_period(system)
    number = check_integer("periods", periods, minimum=8)
    check_integer("transient", transient, minimum=0)
    check_integer("points", points, minimum=3)
    check_work("periods", (number + transient) * points, 10**8, "points")
    times = (transient + np.arange(number * points + 1) / points) * period
    if transient > 0:
        times = np.concatenate([[0.0], times])
    states = integrate(system, times, state, rtol=rtol)[-(number * points + 1) :]
    if isinstance(centre, PeriodicOrbit):
        cycle = centre.sample(points * round(centre.period / period) + 1)[1][:-1]
        middle = np.resize(cycle, states.shape)[:, list(plane)]
    else:
        if np.shape(centre) not in ((), (2,)):
            raise ValueError(
                f"Argument centre must be two numbers or a PeriodicOrbit, but an array of shape "
                f"{np.shape(centre)} was given."
            )
        middle = np.broadcast_to(np.asarray(centre, dtype=float), (len(states), 2))
    first, second = (states[:, list(plane)] - middle).T
    radius = float(np.hypot(first, second).min())
    if radius < 1e-9:
        return RotationNumber(math.nan, math.nan, radius)
    angles = np.unwrap(np.arctan2(second, first)) / (2 * np.pi)
    if np.abs(np.diff(angles)).max() > 0.45:
        raise ValueError(
            "Argument points must resolve the rotation, but the angle jumps by "
            f"{np.abs(np.diff(angles)).max():.2f} turns between samples; give more points, or a "
            "centre that the orbit encloses."
        )
    increments = np.diff(angles[::points])
    half = number // 2
    parts = [_weighted_mean(increments[:half]), _weighted_mean(increments[half:])]
    return RotationNumber(
        float(_weighted_mean(increments)),
        float(abs(parts[0] - parts[1]) / 2),
        radius,
    )


def _weighted_mean(values: FloatArray) -> float:
    s = (np.arange(values.size) + 1) / (values.size + 1)
    weights = np.exp(-1 / (s * (1 - s)))
    return float(np.sum(weights * values) / np.sum(weights))
