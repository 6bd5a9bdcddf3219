"""Periodic orbits of any system by shooting with the variational equations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.attractors import warn_of_others
from qmemcircuit.neurons.dynamics.equilibria import settling_time
from qmemcircuit.neurons.dynamics.shooting import ConvergenceError as ConvergenceError
from qmemcircuit.neurons.dynamics.shooting import newton_step, search_cycle, shoot, sort_multipliers
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    drive_period,
    integrate,
    require_autonomous,
)

# Some seconds of stepping: whoever asks for more has a transient that is a mistake.
_TRANSIENT_STEPS = 5_000_000


@data_object
@dataclass(frozen=True, eq=False)
class PeriodicOrbit:
    """A closed orbit, stable or not.

    Attributes:
        system: whose orbit it is.
        state: a point on it (at t = 0 for a driven system), shape (n,).
        period: its period; a multiple of the drive's for a driven system.
        multipliers: the n Floquet multipliers, largest modulus first. An autonomous system has
            one at 1 (along the orbit); its distance from 1 measures the error.
        residual: largest |φ_T(y) − y|.
    """

    system: DynamicalSystem
    state: FloatArray
    period: float
    multipliers: NDArray[np.complex128]
    residual: float

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def transverse_multipliers(self) -> NDArray[np.complex128]:
        """Multipliers without the trivial one of an autonomous system."""
        if self.system.period is not None:
            return self.multipliers
        return np.delete(self.multipliers, np.argmin(np.abs(self.multipliers - 1)))

    @property
    def stable(self) -> bool:
        """All transverse multipliers lie inside the unit circle."""
        return bool(np.all(np.abs(self.transverse_multipliers) < 1))

    def sample(self, points: int = 1024) -> tuple[FloatArray, FloatArray]:
        """Return `points` equidistant times from 0 to the period, and the states, (points, n)."""
        check_arguments(PeriodicOrbit.sample, locals())
        _check_points(points)
        check_integer("points", points, minimum=2)
        times = np.linspace(0, self.period, points)
        return times, integrate(self.system, times, self.state, rtol=1e-12, atol=1e-13)

    def extremes(self, variable: int = 0, points: int = 4096) -> tuple[float, float]:
        """Return minimum and maximum of one variable; parabolas refine the sampled ones.

        Relative to the span the error is about (2π k/points)⁴ for the k-th harmonic.
        """
        check_arguments(PeriodicOrbit.extremes, locals())
        _check_points(points)
        if not 0 <= variable < self.state.size:
            raise ValueError(
                f"Argument variable must be from 0 to {self.state.size - 1}, but {variable} was "
                "given."
            )
        values = self.sample(points)[1][:-1, variable]
        return -_peak(-values), _peak(values)

    def span(self, variable: int = 0) -> float:
        """Return maximum − minimum of one variable."""
        check_arguments(PeriodicOrbit.span, locals())
        low, high = self.extremes(variable)
        return high - low


def find_limit_cycle(
    system: DynamicalSystem,
    state: ArrayLike,
    *,
    period: float | None = None,
    transient: float | None = None,
    tolerance: float = 1e-11,
    iterations: int = 30,
    starts: ArrayLike | None = None,
) -> PeriodicOrbit:
    """Return the limit cycle of an autonomous system near `state`.

    Newton's method on (y, T): φ_T(y) = y with the phase condition f(y₀)·(y − y₀) = 0; the
    monodromy matrix comes from the variational equations. Without `period` the period is
    measured from variable 0 after the `transient`.

    Args:
        system: autonomous.
        state: where to begin.
        period: a guess; None measures it.
        transient: time to integrate first. None: none, so that an unstable cycle nearby can be
            found; but where no cycle is found so, or an unstable one and no `period` was given,
            the search begins anew after a long transient, and the cycle that attracts is returned
            if there is one.
        tolerance, iterations: of Newton's method, on the largest |φ_T(y) − y|.
        starts: shape (…, n): a `CoexistenceWarning` tells of other attractors that these lead to.

    Raises:
        ValueError: the system is driven.
        ConvergenceError: it settles at a point, or Newton's method does not converge.
    """
    check_arguments(find_limit_cycle, locals())
    check_integer("iterations", iterations, minimum=1)
    require_autonomous(system, "use find_periodic_orbit")
    start = system.check_state(state)
    if starts is not None:
        known: dict[str, Any] = {"period": period, "transient": transient}
        known |= {"tolerance": tolerance, "iterations": iterations}
        orbit = find_limit_cycle(system, start, **known)
        warn_of_others(system, orbit.state, starts)
        return orbit
    if transient is not None:
        check_real("transient", transient, minimum=0)
        return _shoot(system, start, period, transient, tolerance, iterations)
    try:
        near = _shoot(system, start, period, 0.0, tolerance, iterations)
    except ConvergenceError:
        if period is not None:
            raise
        return _shoot(system, start, None, settling_time(system, start), tolerance, iterations)
    if near.stable or period is not None:
        return near
    try:
        return _shoot(system, start, None, settling_time(system, start), tolerance, iterations)
    except (ConvergenceError, IntegrationError):
        return near


def _shoot(
    system: DynamicalSystem,
    start: FloatArray,
    period: float | None,
    transient: float,
    tolerance: float,
    iterations: int,
) -> PeriodicOrbit:
    """Return the cycle that Newton's method reaches after a transient."""
    if transient > 0:
        start = integrate(system, [0.0, transient], start, maximum_steps=_TRANSIENT_STEPS)[-1]
    state, length, monodromy, size = search_cycle(
        system, start, period, tolerance=tolerance, iterations=iterations
    )
    return PeriodicOrbit(system, state, length, sort_multipliers(monodromy), size)


def find_periodic_orbit(
    system: DynamicalSystem,
    state: ArrayLike,
    *,
    multiple: int = 1,
    transient: float | None = None,
    tolerance: float = 1e-11,
    iterations: int = 30,
) -> PeriodicOrbit:
    """Return the orbit of `multiple` drive periods near `state` (at t = 0) of a driven system.

    Where orbits are one of a whole family (a first integral, such as the flux that belongs to a
    memristor's charge, gives a multiplier 1), that nearest to the start is returned.

    Args:
        system: driven with a period.
        state: where to begin.
        multiple: after how many drive periods the orbit returns.
        transient: time to integrate first, rounded up to whole periods. None: none, so that an
            unstable orbit nearby can be found; but where none is found so, the search begins anew
            after a long transient.
        tolerance, iterations: of Newton's method, on the largest |φ_T(y) − y|.

    Raises:
        ValueError: the system is autonomous.
        ConvergenceError: Newton's method does not converge from there.
    """
    check_arguments(find_periodic_orbit, locals())
    check_integer("iterations", iterations, minimum=1)
    if system.period is None:
        raise ValueError(
            "Argument system must be driven, but it is autonomous: use find_limit_cycle."
        )
    check_work("multiple", multiple, 1e5, "drive periods")
    length = drive_period(system) * check_integer("multiple", multiple, minimum=1)
    start = system.check_state(state)
    if transient is not None:
        check_real("transient", transient, minimum=0)
        return _return(system, start, length, transient, tolerance, iterations)
    try:
        return _return(system, start, length, 0.0, tolerance, iterations)
    except ConvergenceError:
        settling = settling_time(system, start)
        return _return(system, start, length, settling, tolerance, iterations)


def _return(
    system: DynamicalSystem,
    start: FloatArray,
    length: float,
    transient: float,
    tolerance: float,
    iterations: int,
) -> PeriodicOrbit:
    """Return the orbit of a driven system that Newton's method reaches after a transient."""
    y = start.copy()
    if transient > 0:
        settled = [0.0, length * math.ceil(transient / length)]
        try:
            y = integrate(system, settled, y, maximum_steps=_TRANSIENT_STEPS)[-1]
        except IntegrationError as error:
            raise ConvergenceError(f"The transient could not be integrated: {error}") from error
    size = np.inf
    for _ in range(iterations):
        end, monodromy = shoot(system, y, length)
        size = float(np.abs(end - y).max())
        if size < tolerance * max(1.0, float(np.abs(y).max())):
            return PeriodicOrbit(system, y, length, sort_multipliers(monodromy), size)
        y = y + newton_step(np.eye(y.size) - monodromy, end - y)
    raise ConvergenceError(
        f"No orbit with period {length:g} found from {start.tolist()}: after {iterations} "
        f"iterations the residual is {size:.3g}."
    )


def _peak(values: FloatArray) -> float:
    """Return the maximum of a sampled periodic function, refined by a parabola."""
    k = int(np.argmax(values))
    left, centre, right = (float(values[(k + shift) % values.size]) for shift in (-1, 0, 1))
    curvature = left - 2 * centre + right
    if curvature == 0:
        return float(centre)
    return float(centre - (right - left) ** 2 / (8 * curvature))


def _check_points(points: int) -> None:
    if not 1 <= points <= 10**7:
        raise ValueError(f"Argument points must be from 1 to 10^7, but {points} was given.")
