"""One step of Hairer's DOP853: slopes, stages, error, interpolant, and the first step's length.

The method is that of Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I*, II.5
and II.10, with SciPy's copy of its numbers in `tableau`.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from qmemcircuit.neurons.dynamics.integration.callbacks import call_jacobian, call_rate
from qmemcircuit.neurons.dynamics.integration.kernels import njit
from qmemcircuit.neurons.dynamics.integration.tableau import (
    ARGUMENT,
    DENSE,
    FIFTH,
    LAST,
    NEW,
    ONE,
    ROWS,
    STATE,
    STEP,
    THIRD,
    TIMES,
    add_up,
    advance,
)

# Fused multiply–add: fewer roundings and less time; nothing else of fastmath is allowed.
FUSED = {"contract"}


class Equations(NamedTuple):
    """What is integrated: the state's equations, and those of tangent vectors behind it.

    Attributes:
        rate, jacobian: callbacks; for compiled code the addresses of their C functions. The
            Jacobian is called for tangents only.
        p: parameters. From `place` on stand the five numbers of the input's wave, which are
            replaced on the way if `pieces` has rows.
        pieces: (S, 6): until, level, slope, amplitude, frequency, phase.
        matrix: (n, n), room for the Jacobian.
    """

    rate: Any
    jacobian: Any
    p: Any
    place: int
    pieces: Any
    matrix: Any


@njit(cache=True)
def make_work(size: int) -> Any:
    """Return the array of all that a step of `size` numbers needs, see `tableau`."""
    return np.zeros((ROWS, -(-size // ONE) * ONE))


@njit(inline="always")
def write_slope(equations: Any, size: int, t: float, work: Any, source: int, target: int) -> None:
    """Write into row `target` the slope at row `source`; of tangent vectors δ′ = (∂f/∂y) δ."""
    n = equations.matrix.shape[0]
    y, change = work[source], work[target]
    call_rate(equations.rate, t, y[:n], change[:n], equations.p)
    if size > n:
        call_jacobian(equations.jacobian, t, y[:n], equations.matrix, equations.p)
        for first in range(n, size, n):
            for i in range(n):
                total = 0.0
                for j in range(n):
                    total += equations.matrix[i, j] * y[first + j]
                change[first + i] = total


@njit(cache=True, fastmath=FUSED)
def take_step(equations: Any, size: int, t: float, h: float, work: Any) -> None:
    """Write the new state and its slope; leaves stage 12's argument and slope in their rows."""
    for i in range(size):
        work[STEP, i] = h
    for row in range(1, LAST + 1):
        advance(work, row)
        write_slope(
            equations, size, t + TIMES[row] * h, work, NEW if row == LAST else ARGUMENT, row
        )


@njit(cache=True, fastmath=FUSED, error_model="numpy")
def step_error(size: int, h: float, work: Any, rtol: float, atol: float) -> float:
    """Return the step's error over the tolerance (II.10, Eq. 10.17); infinite where it is NaN."""
    add_up(work, FIFTH)
    add_up(work, THIRD)
    fifth, third = 0.0, 0.0
    for i in range(size):
        scale = 1 / (atol + rtol * max(abs(work[STATE, i]), abs(work[NEW, i])))
        fifth += (work[FIFTH, i] * scale) ** 2
        third += (work[THIRD, i] * scale) ** 2
    if fifth == 0.0 and third == 0.0:
        return 0.0
    error = abs(h) * fifth / math.sqrt((fifth + 0.01 * third) * size)
    return error if error < np.inf else np.inf


@njit(cache=True)
def eighth_root(x: float) -> float:
    """Return x^⅛, what a step's length follows."""
    return math.sqrt(math.sqrt(math.sqrt(x)))


@njit(cache=True, fastmath=FUSED)
def write_interpolant(equations: Any, size: int, t: float, h: float, work: Any) -> None:
    """Fill the rows from DENSE on with the coefficients of the step's interpolant."""
    for row in range(LAST + 1, LAST + 4):
        advance(work, row)
        write_slope(equations, size, t + TIMES[row] * h, work, ARGUMENT, row)
    for row in range(DENSE + 3, DENSE + 7):
        add_up(work, row)
    for i in range(size):
        change = work[NEW, i] - work[STATE, i]
        work[DENSE, i] = change
        work[DENSE + 1, i] = h * work[0, i] - change
        work[DENSE + 2, i] = 2 * change - h * (work[LAST, i] + work[0, i])
        for row in range(DENSE + 3, DENSE + 7):
            work[row, i] *= h


@njit(cache=True, fastmath=FUSED)
def value_within(x: float, work: Any, i: int) -> float:
    """Return variable i at the fraction x of the step."""
    value = 0.0
    for row in range(6, -1, -1):
        value = (value + work[DENSE + row, i]) * (x if row % 2 == 0 else 1 - x)
    return work[STATE, i] + value


@njit(cache=True)
def write_within(x: float, work: Any, out: Any) -> None:
    """Write the first variables at the fraction x of the step."""
    for i in range(out.size):
        out[i] = value_within(x, work, i)


@njit(cache=True)
def first_step(equations: Any, size: int, t: float, work: Any, rtol: float, atol: float) -> float:
    """Return a first step for the tolerances (II.4), from the slope in row 0."""
    d0, d1, d2 = 0.0, 0.0, 0.0
    for i in range(size):
        scale = atol + rtol * abs(work[STATE, i])
        d0 += (work[STATE, i] / scale) ** 2
        d1 += (work[0, i] / scale) ** 2
    d0, d1 = math.sqrt(d0 / size), math.sqrt(d1 / size)
    h = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    for i in range(size):
        work[ARGUMENT, i] = work[STATE, i] + h * work[0, i]
    write_slope(equations, size, t + h, work, ARGUMENT, 1)
    for i in range(size):
        scale = atol + rtol * abs(work[STATE, i])
        d2 += ((work[1, i] - work[0, i]) / scale) ** 2
    d2 = math.sqrt(d2 / size) / h
    if d1 <= 1e-15 and d2 <= 1e-15:
        return max(1e-6, 1e-3 * h)
    return min(100 * h, (0.01 / max(d1, d2)) ** 0.125)
