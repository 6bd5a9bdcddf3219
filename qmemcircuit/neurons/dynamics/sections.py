"""Poincaré sections: where an orbit crosses a plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    check_march,
    march,
    require_formula,
)


@data_object
@dataclass(frozen=True, eq=False)
class Section:
    """Crossings of a plane: `times` (K,) and `states` (K, n), in order."""

    times: FloatArray
    states: FloatArray

    def __post_init__(self) -> None:
        check_fields(self)


# More than eight parameters: the plane, the time, and the integrator's tolerance.
def poincare_section(
    system: DynamicalSystem,
    state: ArrayLike,
    *,
    normal: ArrayLike,
    level: float,
    direction: int = 1,
    transient: float = 0.0,
    duration: float = 1000.0,
    tolerance: float = 1e-10,
) -> Section:
    """Return where the orbit from `state` crosses the plane normal·y = level.

    Each crossing is found on the step's dense output by bisection, to the accuracy of a step. A
    pair of crossings closer than a fifth of a step can be missed.

    Args:
        system: whose orbit it is; its input, if any, must have a formula.
        state: at t = 0.
        normal: n numbers; (1, 0, …) for a plane of constant variable 0.
        level: normal·y on the plane.
        direction: 1 for crossings towards larger normal·y, −1 for the others, 0 for both.
        transient: time before which crossings are left out.
        duration: time after it.
        tolerance: relative error of a step; the absolute one is a hundred times smaller.

    Raises:
        ValueError: the orbit does not cross the plane: says between which values normal·y stays.
        IntegrationError: the integration stopped before its end.
    """
    check_arguments(poincare_section, locals())
    from qmemcircuit.neurons.dynamics.integration.stepper import FULL, plane

    require_formula(system)
    start = system.check_state(state)
    vector = np.ascontiguousarray(normal, dtype=float)
    if vector.shape != start.shape or not np.all(np.isfinite(vector)) or not np.any(vector):
        raise ValueError(
            f"Argument normal must hold {start.size} finite numbers, not all zero, but {normal!r} "
            "was given."
        )
    height = check_real("level", level)
    if abs(check_integer("direction", direction, minimum=-1)) > 1:
        raise ValueError(f"Argument direction must be 1, −1 or 0, but {direction} was given.")
    before = check_real("transient", transient, minimum=0)
    after = check_real("duration", duration, minimum=0, exclusive=True)
    check_real("tolerance", tolerance, minimum=1e-13)
    check_work("duration", before + after, 1e7, "units of time")
    times, accuracy = np.linspace(before, before + after, 1001), (tolerance, tolerance / 100)
    if before > 0:
        settled = march(system, np.array([0.0, before]), start, rtol=accuracy[0], atol=accuracy[1])
        check_march(settled, 0.0, before)
        start = settled.end
    room = 10_000
    while True:
        run = march(
            system, times, start, rtol=accuracy[0], atol=accuracy[1], event=plane,
            event_numbers=np.concatenate(([height], vector)), direction=float(direction), room=room,
        )  # fmt: skip
        if run.status != FULL:
            break
        room *= 10
    check_march(run, times[0], times[-1])
    if not run.event_times.size:
        heights = run.samples @ vector
        raise ValueError(
            f"Argument level must lie where the orbit crosses the plane, but normal·y goes from "
            f"{heights.min():.6g} to {heights.max():.6g} and never through {height:.6g} in that "
            "direction."
        )
    return Section(run.event_times, run.event_states)
