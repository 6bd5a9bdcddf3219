"""Many orbits of one right-hand side, run side by side: for maps, and for several starts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.integration import stepper
from qmemcircuit.neurons.dynamics.integration.callbacks import compile_lanes
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    Lanes,
    quarter_period,
    require_formula,
)

# So many numbers are a row of the working arrays: longer loops gain nothing.
_ROW = 256
_MOST_STEPS = 5_000_000
_WHY = {
    stepper.USED_UP: f"its {_MOST_STEPS} steps were used up: stiff, or far too long",
    stepper.STIFF: "it is stiff there, so that its fastest decay, not the tolerance, holds the "
    "step; integrate(…, method='implicit') has the method for it",
}


@data_object
@dataclass(frozen=True, eq=False)
class Ensemble:
    """Orbits that were run side by side.

    Attributes:
        states: (K, T, n), each orbit at its T times.
        minima, maxima: (K, n), of the time that was asked for; the last states where none was.
        growth: (K, T, k): logarithm of the growth of k tangent vectors since the time before.
        steps: (K,), how many each took.
    """

    states: FloatArray
    minima: FloatArray
    maxima: FloatArray
    growth: FloatArray
    steps: FloatArray

    def __post_init__(self) -> None:
        check_fields(self)


# More than eight parameters: what is run, what is kept, and how it is computed.
def integrate_many(
    systems: Sequence[DynamicalSystem] | DynamicalSystem,
    times: ArrayLike,
    states: ArrayLike,
    *,
    extremes_from: int | None = None,
    exponents: int = 0,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    threads: int = 1,
) -> Ensemble:
    """Integrate many orbits side by side, several times faster than one after the other.

    The method is that of `integrate` (DOP853 with step control, each orbit its own), in lanes of
    vector instructions. A step ends at each of the times, so a few of them cost nothing, and a
    fine grid, for which `integrate` has dense output, costs steps.

    Args:
        systems: K systems of one field and one table, whose inputs are single formulas; or one
            for all starts.
        times: (T,) for all, or (K, T), increasing; the states are those at the first. Each orbit
            may have the periods of its own drive.
        states: (K, n), or (n,) for all.
        extremes_from: index into the times from which minima and maxima are kept, on the
            method's interpolant. Two turns within one step are not seen.
        exponents: how many tangent vectors run along; they are made orthonormal at each time
            (Benettin et al. 1980), and the logarithms of their growth kept. The exponents are
            `growth` over the times between.
        rtol, atol: error of a step.
        threads: how many cores.

    Raises:
        ValueError: shapes; systems that do not belong together; an input with breakpoints.
        IntegrationError: an orbit stopped before its end: says which and why.
    """
    check_arguments(integrate_many, locals())
    several = [systems] if isinstance(systems, DynamicalSystem) else list(systems)
    if not several:
        raise ValueError("Argument systems must hold one or more systems, but it is empty.")
    start = np.atleast_2d(np.asarray(states, dtype=float))
    grid = np.atleast_2d(np.asarray(times, dtype=float))
    count = max(len(several), len(start), len(grid))
    first, n = several[0], several[0].dimension
    for name, found in (("systems", len(several)), ("states", len(start)), ("times", len(grid))):
        if found not in (1, count):
            raise ValueError(
                f"Argument {name} must hold one row, or {count} as the longest of systems, states "
                f"and times, but it holds {found}."
            )
    if start.ndim != 2 or start.shape[1] != n:
        raise ValueError(
            f"Argument states must be finite numbers of shape (K, {n}), but shape "
            f"{np.shape(states)} was given."
        )
    if grid.ndim != 2 or grid.shape[1] < 2 or not np.all(np.diff(grid, axis=1) > 0):
        raise ValueError(
            "Argument times must be two or more increasing numbers a row, but shape "
            f"{np.shape(times)} was given, or a row that does not increase."
        )
    check_real("rtol", rtol, minimum=0, exclusive=True)
    check_real("atol", atol, minimum=0, exclusive=True)
    vectors = check_integer("exponents", exponents, minimum=0)
    if vectors > n:
        raise ValueError(f"Argument exponents must be at most {n}, but {exponents} was given.")
    keep = grid.shape[1]
    if extremes_from is not None:
        keep = check_integer("extremes_from", extremes_from, minimum=0)
        if keep > grid.shape[1] - 2:
            raise ValueError(
                f"Argument extremes_from must be at most {grid.shape[1] - 2}, the last but one of "
                f"the times, but {extremes_from} was given."
            )
    check_integer("threads", threads, minimum=1)
    check_work("threads", threads, 256, "threads")
    numbers, table = _collect(several)
    longest = np.array([quarter_period(system) for system in several])
    tangents = np.tile(np.eye(n)[:vectors].ravel(), (count, 1))
    starts = np.hstack([np.broadcast_to(start, (count, n)), tangents])
    grid = np.ascontiguousarray(np.broadcast_to(grid, (count, grid.shape[1])))
    samples, extremes, growth, outcome = _run(
        first,
        np.ascontiguousarray(np.broadcast_to(numbers, (count, numbers.shape[1]))),
        table, grid, starts, np.broadcast_to(longest, count).copy(),
        vectors=vectors, keep=keep, rtol=float(rtol), atol=float(atol), threads=threads,
    )  # fmt: skip
    for k in np.flatnonzero((outcome[:, 0] != stepper.DONE) | ~np.isfinite(samples).all((1, 2))):
        why = (
            _WHY.get(int(outcome[k, 0]))
            or "the step became too small or the right-hand side is not finite there"
        )
        raise IntegrationError(
            f"Orbit {k} of {count} stopped at t = {outcome[k, 2]:g} of {grid[k, -1]:g}: {why}."
        )
    if extremes_from is None:
        extremes = np.repeat(samples[:, -1:, :n], 2, axis=1)
    if not vectors:
        growth = np.zeros((count, grid.shape[1], 0))
    low, high = extremes[:, 0].copy(), extremes[:, 1].copy()
    return Ensemble(samples[:, :, :n].copy(), low, high, growth, outcome[:, 1].copy())


# More than eight parameters: what the compiled stepper takes.
def _run(
    system: DynamicalSystem,
    numbers: FloatArray,
    table: FloatArray,
    times: FloatArray,
    starts: FloatArray,
    longest: FloatArray,
    *,
    vectors: int,
    keep: int,
    rtol: float,
    atol: float,
    threads: int,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Run the lanes, in as many parts as threads; samples, extremes, growth, outcome."""
    from qmemcircuit.neurons.dynamics.integration.lanes import Orbits, march_lanes

    field, (count, size), n = system.field, starts.shape, system.dimension
    rate = _compiled(field.lanes, n, True).address
    jacobian = _compiled(field.lanes, n, False).address if vectors else 0
    samples = np.empty((count, times.shape[1], size))
    extremes = np.empty((count if keep < times.shape[1] else 0, 2, n))
    growth = np.zeros((count if vectors else 0, times.shape[1], vectors))
    outcome = np.zeros((count, 3))

    def run(part: slice) -> None:
        many = len(starts[part])
        lanes = -(-min(many, max(4, _ROW // size)) // 4) * 4
        orbits = Orbits(
            numbers[part], times[part], starts[part], longest[part], samples[part],
            extremes[part], growth[part], outcome[part],
        )  # fmt: skip
        march_lanes(rate, jacobian, lanes, table, orbits, rtol, atol, _MOST_STEPS, keep)

    # Parts of some hundred orbits: an orbit that takes long does not keep the others waiting.
    parts = min(count, threads if threads == 1 else max(threads, count // 256))
    edges = np.linspace(0, count, parts + 1).astype(int)
    slices = [slice(a, b) for a, b in pairwise(edges)]
    if threads == 1:
        run(slices[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, slices))
    return samples, extremes, growth, outcome


def _collect(systems: Sequence[DynamicalSystem]) -> tuple[FloatArray, FloatArray]:
    """Return each system's own parameters, (K, m), and those that all share."""
    first = systems[0]
    own = first.field.lanes.own
    own = first.parameters.size if own is None else own
    table = first.parameters[own:]
    for system in systems:
        require_formula(system)
        if len(system.pieces):
            raise ValueError(
                "Argument systems must have inputs of one formula for all times, but one has "
                "breakpoints; integrate(…) takes it."
            )
        if system.field is not first.field:
            raise ValueError(
                "Argument systems must be systems of one field, such as one kind of neuron, but "
                "two different ones were given."
            )
        if system is not first and not np.array_equal(system.parameters[own:], table):
            raise ValueError(
                f"Argument systems must agree in the parameters from {own} on, their table, but "
                "they do not: run those of each table by themselves."
            )
    # A copy that begins with a line of the cache, so that no vector straddles two.
    room = np.empty(table.size + 8)
    aligned = room[-room.ctypes.data // 8 % 8 :][: table.size]
    aligned[:] = table
    return np.array([system.parameters[:own] for system in systems]), aligned


@lru_cache(maxsize=64)
def _compiled(lanes: Lanes, dimension: int, rate: bool) -> Any:
    """Compile the C function of many orbits once a process."""
    function = lanes.rate if rate else lanes.jacobian
    return compile_lanes(function, dimension, rate=rate, many=lanes.together, cache=lanes.cache)
