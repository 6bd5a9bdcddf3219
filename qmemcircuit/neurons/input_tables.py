"""What solvers ask of inputs: their formulas in a table, their integrals, their bounds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, IntArray, check_integer, check_real, check_work
from qmemcircuit.neurons.inputs import ConstantInput, FunctionInput, Input, Wave


def as_input(value: Any) -> Input | FunctionInput:
    """Return a number as a `ConstantInput`, a function as a `FunctionInput`, an input as it is."""
    if isinstance(value, FunctionInput | Input):
        return value
    if callable(value) and not isinstance(value, type):
        return FunctionInput(value)
    return ConstantInput(check_real("input", value))


def tabulate_pieces(item: Input) -> FloatArray:
    """Return the formulas of an input, one row a piece, shape (S, 6).

    Each row is the time until which it holds, the last one inf, and the five numbers of `Wave`.
    Outside of a `SampledInput`'s record its first and last lines go on: ask `value` of the times
    first, which refuses them.

    >>> from qmemcircuit.neurons.inputs import PiecewiseInput
    >>> tabulate_pieces(PiecewiseInput((1.0,), (0.0, 0.5)))
    array([[1. , 0. , 0. , 0. , 0. , 0. ],
           [inf, 0.5, 0. , 0. , 0. , 0. ]])
    """
    check_arguments(tabulate_pieces, locals())
    cuts = item.breakpoints()
    if not cuts.size:
        return np.array([[math.inf, *item.wave(0.0)]])
    starts = [float(np.nextafter(cuts[0], -math.inf)), *cuts.tolist()]
    ends = [*cuts.tolist(), math.inf]
    rows = [[end, *item.wave(start)] for start, end in zip(starts, ends, strict=True)]
    return np.array(rows)


def integrate_input(item: Input, times: FloatArray) -> FloatArray:
    """Return ∫₀ᵗ of an input at each of `times`, exactly, piece by piece.

    >>> from qmemcircuit.neurons.inputs import PiecewiseInput
    >>> integrate_input(PiecewiseInput((1.0,), (0.0, 0.5)), np.array([0.5, 3.0]))
    array([0., 1.])
    """
    check_arguments(integrate_input, locals())
    pieces = tabulate_pieces(item)
    cuts = pieces[:-1, 0]
    starts = np.concatenate(([-math.inf], cuts))
    whole = np.zeros(len(pieces))
    for k in range(1, len(pieces) - 1):
        whole[k] = _area(pieces[k], cuts[k]) - _area(pieces[k], cuts[k - 1])
    # A place in the middle of the table; the first piece has no beginning.
    before = np.concatenate(([0.0], np.cumsum(whole[1:-1]), [0.0]))[: max(len(pieces) - 1, 0)]

    def from_first_cut(t: float) -> float:
        k = int(np.searchsorted(cuts, t, side="right"))
        if k == 0:
            return _area(pieces[0], t) - (_area(pieces[0], cuts[0]) if cuts.size else 0.0)
        return float(before[k - 1]) + _area(pieces[k], t) - _area(pieces[k], starts[k])

    origin = from_first_cut(0.0)
    flat = [from_first_cut(t) - origin for t in np.asarray(times, dtype=float).ravel().tolist()]
    return np.array(flat).reshape(np.shape(times))


def _area(piece: FloatArray, t: float) -> float:
    """Return a piece's antiderivative at t."""
    wave = Wave(*piece[1:].tolist())
    area = wave.level * t + 0.5 * wave.slope * t * t
    if wave.amplitude:
        area -= wave.amplitude / wave.frequency * math.cos(wave.frequency * t + wave.phase)
    return area


class StepInputs(NamedTuple):
    """An input over equal steps, each cut where the input jumps or bends.

    Attributes:
        first: (K + 1,): the parts of step k are first[k] to first[k + 1].
        durations: (M,) of the parts.
        values: (M, 3): the input at the beginning, in the middle and at the end of each part, by
            the formula that holds within it.
    """

    first: IntArray
    durations: FloatArray
    values: FloatArray


def tabulate_steps(
    item: Input | FunctionInput, start: float, step: float, steps: int
) -> StepInputs:
    """Return what a solver of fixed steps needs of an input: its values within each step.

    A plain function has no known jumps: what happens between the beginning, the middle and the end
    of a step is not seen.

    >>> from qmemcircuit.neurons.inputs import PiecewiseInput
    >>> table = tabulate_steps(PiecewiseInput((0.25,), (0.0, 8.0)), 0.0, 1.0, 2)
    >>> table.first.tolist(), table.durations.tolist(), table.values[:, 1].tolist()
    ([0, 2, 3], [0.25, 0.75, 1.0], [0.0, 8.0, 8.0])
    """
    check_arguments(tabulate_steps, locals())
    check_integer("steps", steps, minimum=1)
    check_real("step", step, minimum=0, exclusive=True)
    check_work("steps", steps, 1e7, "steps")
    grid = start + step * np.arange(steps + 1)
    if isinstance(item, FunctionInput):
        values = item.value(start + 0.5 * step * np.arange(2 * steps + 1))
        parts = np.stack([values[:-1:2], values[1::2], values[2::2]], axis=1)
        return StepInputs(np.arange(steps + 1), np.full(steps, step), parts)
    pieces = tabulate_pieces(item)
    swinging = pieces[pieces[:, 3] != 0, 4]
    if swinging.size and step * np.abs(swinging).max() > math.pi:
        raise ValueError(
            "Argument times must have steps below half a period of the input's sine, "
            f"{math.pi / np.abs(swinging).max():.3g}, but steps of {step:.3g} were given."
        )
    cuts = pieces[:-1, 0]
    edges = np.union1d(grid, cuts[(cuts > grid[0]) & (cuts < grid[-1])])
    durations = np.diff(edges)
    within = edges[:-1] + 0.5 * durations
    row = pieces[np.searchsorted(cuts, within, side="right"), 1:].T
    moments = np.stack([edges[:-1], within, edges[1:]], axis=1)
    level, slope, amplitude, frequency, phase = row[:, :, None]
    values = level + slope * moments + amplitude * np.sin(frequency * moments + phase)
    return StepInputs(np.searchsorted(edges, grid), durations, values)


def bound_input(item: Input | FunctionInput, duration: float) -> float:
    """Return a bound of |input| from 0 to `duration`; inf for a plain function, which has none."""
    check_arguments(bound_input, locals())
    if isinstance(item, FunctionInput):
        return math.inf
    largest, start = 0.0, 0.0
    for row in tabulate_pieces(item):
        end = min(float(row[0]), duration)
        if end >= start:
            lines = (row[1] + row[2] * start, row[1] + row[2] * end)
            largest = max(largest, *(abs(line) + abs(row[3]) for line in lines))
            start = end
    return float(largest)


def input_period(item: Input | FunctionInput) -> float | None:
    """Return 2π/ω of a sine for all times, None of a constant, inf of all that never repeats."""
    check_arguments(input_period, locals())
    if isinstance(item, FunctionInput) or item.breakpoints().size:
        return math.inf
    wave = item.wave(0.0)
    if wave.slope:
        return math.inf
    return 2 * math.pi / wave.frequency if wave.amplitude else None
