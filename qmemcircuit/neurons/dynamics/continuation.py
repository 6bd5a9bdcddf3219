"""Periodic orbits of any system along a parameter, also around folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.cycles import PeriodicOrbit
from qmemcircuit.neurons.dynamics.shooting import (
    NEGLIGIBLE,
    ConvergenceError,
    flow,
    newton_step,
    shoot,
    sort_multipliers,
)
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, drive_period

_CORRECTIONS, _CONVERGED, _FLOW = 8, 1e-10, 1e-12


@data_object
@dataclass(frozen=True, eq=False)
class OrbitBranch:
    """Periodic orbits along a parameter: `parameters` (N,) and `orbits`, in order of arclength."""

    parameters: FloatArray
    orbits: tuple[PeriodicOrbit, ...]

    def __post_init__(self) -> None:
        check_fields(self)


def follow_periodic_orbits(
    system_at: Callable[[float], DynamicalSystem],
    start: PeriodicOrbit,
    parameter: float,
    *,
    step: float,
    count: int,
    scale: float = 1.0,
    stop: Callable[[float, PeriodicOrbit], bool] | None = None,
) -> OrbitBranch:
    """Follow orbits along a parameter, also around folds (pseudo-arclength).

    Those of a driven system keep the drive's period; of a limit cycle the period is found at every
    point, which is chosen on the plane across the orbit at the point before. Of orbits that are a
    whole family (see `find_periodic_orbit`), those nearest to one another are taken.

    Args:
        system_at: system for a parameter value; all with the same number of variables.
        start: an orbit at `parameter`.
        step: arclength per point in (y, parameter/scale), with the period of a limit cycle in it;
            its sign chooses the direction.
        count: number of further points at most.
        scale: size of the parameter that counts like 1 in the variables.
        stop: ends the branch when true.

    Raises:
        ConvergenceError: the corrector fails even with a step 64 times smaller.
        ValueError: an argument is out of range, such as a step of 0.

    Example:
        The squid axon fires below the current at which rest becomes unstable, 9.78 µA/cm²:

        >>> from qmemcircuit.neurons import Membrane
        >>> from qmemcircuit.neurons.dynamics.cycles import find_limit_cycle
        >>> axon = Membrane()
        >>> firing = find_limit_cycle(axon.system(8.0), axon.resting_state)
        >>> branch = follow_periodic_orbits(axon.system, firing, 8.0, step=-1.0, count=2)
        >>> bool(branch.parameters[-1] < 8), branch.orbits[-1].stable
        (True, True)
    """
    check_arguments(follow_periodic_orbits, locals())
    check_real("scale", scale, minimum=0, exclusive=True)
    check_work("count", count, 10**5, "orbits")
    if check_real("step", step) == 0:
        raise ValueError("Argument step must be positive or negative, but 0 was given.")
    driven = start.system.period is not None
    multiple = round(start.period / drive_period(start.system)) if driven else 0

    def length_of(system: DynamicalSystem, point: FloatArray) -> float:
        return drive_period(system) * multiple if driven else float(point[-2])

    def defect(point: FloatArray, anchor: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        system, y = system_at(float(point[-1] * scale)), point[: start.state.size]
        end, monodromy = shoot(system, y, length_of(system, point))
        # The parameter derivative by a central difference; only Newton's rate depends on it.
        delta = 1e-6
        ends = []
        for sign in (1, -1):
            moved = system_at(float((point[-1] + sign * delta) * scale))
            ends.append(flow(moved, y, length_of(moved, point)))
        slope = (ends[0] - ends[1]) / (2 * delta)
        square = monodromy - np.eye(y.size)
        if driven:
            return end - y, np.column_stack([square, slope]), monodromy
        across = system.rate(anchor)
        across /= np.linalg.norm(across)
        upper = np.column_stack([square, system.rate(end), slope])
        residual = np.append(end - y, across @ (y - anchor))
        return residual, np.vstack([upper, np.append(across, [0.0, 0.0])]), monodromy

    def correct(
        guess: FloatArray, tangent: FloatArray, room: float
    ) -> tuple[FloatArray, ...] | None:
        """Return the point of the branch beside a guess, with `defect` there, if there is one."""
        trial, anchor = guess.copy(), guess[: start.state.size]
        size = max(1.0, float(np.abs(anchor).max()))
        for _ in range(_CORRECTIONS):
            try:
                residual, matrix, monodromy = defect(trial, anchor)
            except ConvergenceError:
                return None
            # The flow's own error is some 1e-12 of the variables, times its growth on the way.
            known = max(_CONVERGED * size, _FLOW * float(np.abs(monodromy).max()))
            if np.abs(residual).max() < known:
                return trial, residual, matrix, monodromy
            full = np.vstack([matrix, tangent])
            trial = trial + newton_step(full, np.append(-residual, -tangent @ (trial - guess)))
            # Farther aside than the step is long: another branch, or an equilibrium, which
            # returns after any time.
            if np.linalg.norm(trial - guess) > room:
                return None
        return None

    extra = [] if driven else [start.period]
    point = np.concatenate([start.state, extra, [parameter / scale]])
    tangent = _tangent(defect(point, start.state)[1], np.eye(point.size)[-1])
    orbits, parameters = [start], [parameter]
    size = step
    while len(orbits) <= count:
        found = correct(point + size * tangent, tangent, abs(size))
        if found is None:
            size /= 2
            if abs(size) < abs(step) / 64:
                raise ConvergenceError(
                    f"The branch could not be followed beyond parameter {parameters[-1]:g}; give a "
                    "smaller step."
                )
            continue
        point, residual, matrix, monodromy = found
        tangent = _tangent(matrix, tangent)
        size = float(np.copysign(min(abs(step), 1.5 * abs(size)), step))
        system = system_at(float(point[-1] * scale))
        orbit = PeriodicOrbit(
            system,
            point[: start.state.size].copy(),
            length_of(system, point),
            sort_multipliers(monodromy),
            float(np.abs(residual[: start.state.size]).max()),
        )
        orbits.append(orbit)
        parameters.append(float(point[-1] * scale))
        if stop is not None and stop(parameters[-1], orbit):
            break
    return OrbitBranch(np.array(parameters), tuple(orbits))


def _tangent(matrix: FloatArray, along: FloatArray) -> FloatArray:
    """Return the unit vector of the matrix's null space that is nearest to `along`.

    It has one dimension, or more where orbits are a family.
    """
    _, sizes, rows = np.linalg.svd(matrix)
    null = rows[np.count_nonzero(sizes > NEGLIGIBLE * sizes[0]) :]
    nearest: FloatArray = (null @ along) @ null
    if not np.linalg.norm(nearest) > 0:  # the parameter's own turning point
        return np.asarray(null[-1])
    return np.asarray(nearest / np.linalg.norm(nearest))
