"""Many orbits of one right-hand side at once: DOP853 in lanes, each with its own step and time.

The same method as `stepper`, for what maps and basins ask: the state at a few times, extremes, the
growth of tangent vectors. Variable i of lane l stands in column i·L + l of the work array (see
`tableau`), so that every line of the method is one loop over neighbouring numbers, which the
compiler makes vector instructions of. A lane whose orbit has ended takes the next one.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"
# More than 400 lines: one kernel, whose parts share its working arrays.

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from qmemcircuit.neurons.dynamics.integration.callbacks import call_lanes
from qmemcircuit.neurons.dynamics.integration.kernels import njit
from qmemcircuit.neurons.dynamics.integration.stepper import BROKE_DOWN, DONE, STIFF, USED_UP
from qmemcircuit.neurons.dynamics.integration.steps import FUSED
from qmemcircuit.neurons.dynamics.integration.tableau import (
    ARGUMENT,
    DENSE,
    FIFTH,
    LAST,
    MANY,
    NEW,
    ROWS,
    STANDS,
    STATE,
    STEP,
    THIRD,
    TIMES,
    add_up_many,
    advance_many,
    repeat,
    take_over,
    weigh_errors,
)

# What of a step's interior is looked at for a turn: the root of the slope, by so many secants.
_SECANTS = 12
# Every so many steps Hairer's test for stiffness is made (`stepper`); of an orbit that fails it
# so often in a row, no more than this number of steps is waited for.
_WATCH, _SAY_SO, _STABILITY, _STIFF_STEPS = 64, 15, 6.1, 1_000_000


class ManyEquations(NamedTuple):
    """What is integrated, with what the lanes are given.

    Attributes:
        rate, jacobian: addresses of C functions of lanes; the latter for tangents only.
        p: (m, L), each lane's own parameters, flat. table: those that all share.
        matrix: n·n·L, room for the Jacobians. now: (L,), for the times of a stage.
    """

    rate: int
    jacobian: int
    p: Any
    table: Any
    matrix: Any
    now: Any


class Orbits(NamedTuple):
    """What is asked of K orbits, and found.

    Attributes:
        numbers: (K, m), each orbit's own parameters.
        times: (K, T), increasing; a step ends at each of them.
        starts: (K, n(1 + count)), the tangent vectors behind the state.
        longest: (K,), the longest step.
        samples: (K, T, size). extremes: (K, 2, n), or (0, 2, n) for none.
        growth: (K, T, count): at each time but the first the tangent vectors are made
            orthonormal, and the logarithms of their lengths noted here; (0, T, count): neither.
        outcome: (K, 3): how each ended, the steps that it took, the time that it reached.
    """

    numbers: Any
    times: Any
    starts: Any
    longest: Any
    samples: Any
    extremes: Any
    growth: Any
    outcome: Any


# More than ten fields: an array for everything that a lane has.
class LaneStates(NamedTuple):
    """Where each lane is, arrays (L,).

    Attributes:
        t, end: its time, and the next that is asked for.
        step, longest: the length that the tolerance allows next, and the input.
        trial, error, accepted: the step that is tried, its error over the tolerance, and 1 or 0.
        slack: shorter than this is no time at all.
        job, at, began: its orbit or −1, the index of `end`, the round in which it began.
        warned: how often in a row it seemed stiff.
    """

    t: Any
    end: Any
    step: Any
    longest: Any
    trial: Any
    error: Any
    accepted: Any
    slack: Any
    job: Any
    at: Any
    began: Any
    warned: Any


@njit(cache=True)
def _room(size: int) -> Any:
    """Return zeros that begin with a line of the cache, so that no vector straddles two."""
    room = np.zeros(size + 8)
    before = np.int64(room.ctypes.data) // 8 % 8
    return room[8 - before : 8 - before + size]


@njit(cache=True)
def _make_lanes(lanes: int) -> Any:
    return LaneStates(
        np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.zeros(lanes),
        np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.full(lanes, -1),
        np.zeros(lanes, np.int64), np.zeros(lanes, np.int64), np.zeros(lanes, np.int64),
    )  # fmt: skip


# Python's max and min are branches to numba, which keep a loop from becoming vectors; so is the
# question of every division whether it is one by zero, which error_model="numpy" leaves out.
@njit(inline="always")
def _larger(a: float, b: float) -> float:
    return a if a > b else b


@njit(inline="always")
def _smaller(a: float, b: float) -> float:
    return a if a < b else b


@njit(cache=True, fastmath=FUSED)
def _write_slopes(equations: Any, n: int, wide: int, work: Any, source: int, target: int) -> None:
    """Write the slopes of the states at equations.now, and of the tangent vectors behind them."""
    lanes, y, change = equations.now.size, work[source, :wide], work[target, :wide]
    call_lanes(equations.rate, lanes, equations.now, y, change, equations.p, equations.table)
    if wide > n * lanes:
        matrix = equations.matrix
        call_lanes(
            equations.jacobian, lanes, equations.now, y, matrix, equations.p, equations.table
        )
        for first in range(n, wide // lanes, n):
            for i in range(n):
                out = (first + i) * lanes
                for lane in range(lanes):
                    change[out + lane] = matrix[i * n * lanes + lane] * y[first * lanes + lane]
                for j in range(1, n):
                    entry, by = (i * n + j) * lanes, (first + j) * lanes
                    for lane in range(lanes):
                        change[out + lane] += matrix[entry + lane] * y[by + lane]


@njit(cache=True, fastmath=FUSED)
def _write_stages(
    equations: Any, n: int, wide: int, at: Any, work: Any, first: int, last: int
) -> None:
    """Fill rows first … last: 1 … 12 for the new state, 13 … 15 for the interpolant."""
    for row in range(first, last + 1):
        advance_many(work, row)
        for lane in range(at.t.size):
            equations.now[lane] = at.t[lane] + TIMES[row] * at.trial[lane]
        _write_slopes(equations, n, wide, work, NEW if row == LAST else ARGUMENT, row)


@njit(cache=True, fastmath=FUSED, error_model="numpy")
def _write_errors(wide: int, work: Any, rtol: float, atol: float, at: Any) -> None:
    """Write each lane's error over the tolerance (II.10, Eq. 10.17)."""
    weigh_errors(work, rtol, atol)
    fifth, third, lanes = work[FIFTH], work[THIRD], at.t.size
    rows = wide // lanes
    for row in range(1, rows):
        for lane in range(lanes):
            fifth[lane] += fifth[row * lanes + lane]
            third[lane] += third[row * lanes + lane]
    for lane in range(lanes):
        # 1e-300: 0/0 where nothing moves.
        norm = math.sqrt((fifth[lane] + 0.01 * third[lane]) * rows) + 1e-300
        at.error[lane] = math.fabs(at.trial[lane]) * fifth[lane] / norm


@njit(cache=True, fastmath=FUSED)
def _choose_trials(work: Any, at: Any) -> None:
    """Write the steps to try, once for every number."""
    lanes = at.t.size
    for lane in range(lanes):
        left = at.end[lane] - at.t[lane]
        wanted = _smaller(at.step[lane], at.longest[lane])
        at.trial[lane] = left if wanted >= left - at.slack[lane] else wanted
    repeat(at.trial, work, STEP)


# One array is written a loop, from eight others at most: of more LLVM does not test whether they
# overlap, and makes no vectors.
@njit(cache=True, fastmath=FUSED, error_model="numpy")
def _judge(work: Any, at: Any) -> int:
    """Say which steps stand, and how long the next may be; return how many lanes need a look."""
    lanes, attention = at.t.size, 0
    for lane in range(lanes):
        at.accepted[lane] = 1.0 if at.error[lane] < 1.0 else 0.0
    repeat(at.accepted, work, STANDS)
    for lane in range(lanes):
        found = at.error[lane] if at.error[lane] < 1e30 else 1e30  # NaN too
        # Seven digits of a step's length are enough, and take a third of the time.
        root = math.sqrt(math.sqrt(math.sqrt(np.float32(found + 1e-30))))
        factor = 0.9 / root
        at.error[lane] = at.trial[lane] * _smaller(10.0, _larger(0.2, factor))
    for lane in range(lanes):
        # A step that a time cut short says nothing against the longer one.
        cut = (at.trial[lane] >= at.end[lane] - at.t[lane]) & (at.accepted[lane] > 0)
        best = _larger(at.step[lane], at.error[lane])
        at.step[lane] = best if cut else at.error[lane]
    for lane in range(lanes):
        cut = at.trial[lane] >= at.end[lane] - at.t[lane]
        attention += 1 if cut | (not at.error[lane] > at.slack[lane]) else 0
    return attention


@njit(cache=True, fastmath=FUSED)
def _move_on(work: Any, at: Any) -> None:
    """Take over what stands."""
    for lane in range(at.t.size):
        at.t[lane] += at.accepted[lane] * at.trial[lane]
    take_over(work)


@njit(cache=True)
def _turn(e: int, work: Any) -> float:
    """Return column e's value where its slope, of other signs at the step's ends, is zero."""
    h, at_low, at_high = work[STEP, e], work[0, e], work[LAST, e]
    change = work[NEW, e] - work[STATE, e]
    # The Illinois rule: a secant that keeps the root between its ends.
    low, high, value, side, small = 0.0, 1.0, 0.0, 0, 1e-9 * abs(h) * (abs(at_low) + abs(at_high))
    for _ in range(_SECANTS):
        x = (low * at_high - high * at_low) / (at_high - at_low)
        value, slope = 0.0, 0.0
        for row in range(6, -1, -1):
            factor, sign = (x, 1.0) if row % 2 == 0 else (1 - x, -1.0)
            if row > 2:
                coefficient = h * work[DENSE + row, e]
            elif row == 2:
                coefficient = 2 * change - h * (work[LAST, e] + work[0, e])
            elif row == 1:
                coefficient = h * work[0, e] - change
            else:
                coefficient = change
            value, slope = (
                (value + coefficient) * factor,
                slope * factor + (value + coefficient) * sign,
            )
        if abs(slope) < small:
            break
        if (slope > 0) == (at_high > 0):
            high, at_high = x, slope
            if side == 1:
                at_low *= 0.5
            side = 1
        else:
            low, at_low = x, slope
            if side == -1:
                at_high *= 0.5
            side = -1
    return work[STATE, e] + value


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True)
def _keep_extremes(
    equations: Any, n: int, wide: int, work: Any, at: Any, orbits: Any, keep_from: int
) -> None:
    """Take the accepted steps' ends and turns into the extremes of their orbits."""
    lanes, turns = at.t.size, False
    for lane in range(lanes):
        if at.job[lane] >= 0 and at.accepted[lane] > 0 and at.at[lane] > keep_from:
            for i in range(n):
                if work[0, i * lanes + lane] * work[LAST, i * lanes + lane] < 0:
                    turns = True
    if turns:
        _write_stages(equations, n, wide, at, work, LAST + 1, LAST + 3)
        for row in range(DENSE + 3, DENSE + 7):
            add_up_many(work, row)
    for lane in range(lanes):
        if at.job[lane] >= 0 and at.accepted[lane] > 0 and at.at[lane] > keep_from:
            extremes = orbits.extremes[at.job[lane]]
            for i in range(n):
                e = i * lanes + lane
                low, high = min(extremes[0, i], work[NEW, e]), max(extremes[1, i], work[NEW, e])
                if work[0, e] * work[LAST, e] < 0:
                    value = _turn(e, work)
                    low, high = min(low, value), max(high, value)
                extremes[0, i], extremes[1, i] = low, high


@njit(cache=True)
def _watch_stiffness(n: int, work: Any, at: Any, orbits: Any) -> int:
    """Return how many lanes are stiff and far from their end."""
    lanes, stiff = at.t.size, 0
    for lane in range(lanes):
        q, change, distance = at.job[lane], 0.0, 0.0
        if q < 0:
            continue
        for i in range(n):
            e = i * lanes + lane
            change += (work[LAST, e] - work[LAST - 1, e]) ** 2
            distance += (work[NEW, e] - work[ARGUMENT, e]) ** 2
        held = at.trial[lane] ** 2 * change > _STABILITY * _STABILITY * distance
        at.warned[lane] = at.warned[lane] + 1 if held else 0
        if at.warned[lane] >= _SAY_SO:
            left = orbits.times[q, -1] - at.t[lane]
            stiff += 1 if left > _STIFF_STEPS * at.trial[lane] else 0
    return stiff


@njit(cache=True)
def _hand_out(
    given: int, rounds: int, equations: Any, work: Any, at: Any, orbits: Any, keep_from: int
) -> int:
    """Give the free lanes orbits; those that find none idle with steps of zero. Return `given`."""
    lanes, size = at.t.size, orbits.starts.shape[1]
    for lane in range(lanes):
        if at.job[lane] >= 0 or given >= orbits.starts.shape[0]:
            continue
        q = given
        given += 1
        at.job[lane], at.at[lane], at.began[lane], at.warned[lane] = q, 1, rounds, 0
        for i in range(size):
            work[STATE, i * lanes + lane] = orbits.samples[q, 0, i] = orbits.starts[q, i]
        if keep_from == 0:
            for i in range(orbits.extremes.shape[2]):
                orbits.extremes[q, 0, i] = orbits.extremes[q, 1, i] = orbits.starts[q, i]
        for j in range(orbits.numbers.shape[1]):
            equations.p[j * lanes + lane] = orbits.numbers[q, j]
        at.t[lane], at.end[lane] = orbits.times[q, 0], orbits.times[q, 1]
        at.longest[lane], at.step[lane] = orbits.longest[q], 0.0
        at.slack[lane] = 8 * 2.3e-16 * max(abs(orbits.times[q, 0]), abs(orbits.times[q, -1]))
    return given


@njit(cache=True)
def _look_after(
    lane: int, rounds: int, work: Any, at: Any, orbits: Any, most: int, keep_from: int
) -> bool:
    """Note what a lane has reached, and give it its next time; return whether its orbit ended."""
    lanes, n, q, size = at.t.size, orbits.extremes.shape[2], at.job[lane], orbits.starts.shape[1]
    status, ended = DONE, False
    if at.accepted[lane] > 0 and at.end[lane] - at.t[lane] <= at.slack[lane]:
        at.t[lane], here = at.end[lane], at.at[lane]
        if orbits.growth.shape[0] > 0 and not _orthonormalise(
            lane, lanes, n, work, orbits.growth[q, here]
        ):
            status, ended = BROKE_DOWN, True
        for i in range(size):
            value = work[STATE, i * lanes + lane]
            orbits.samples[q, here, i] = value
            ended = ended or not abs(value) < np.inf
        if here == keep_from and orbits.extremes.shape[0] > 0:
            for i in range(n):
                value = work[STATE, i * lanes + lane]
                orbits.extremes[q, 0, i] = orbits.extremes[q, 1, i] = value
        at.at[lane] += 1
        ended = ended or at.at[lane] == orbits.times.shape[1]
        if not ended:
            at.end[lane] = orbits.times[q, at.at[lane]]
    elif not at.step[lane] > at.slack[lane]:  # NaN too
        status, ended = BROKE_DOWN, True
    elif rounds - at.began[lane] >= most:
        status, ended = USED_UP, True
    elif (
        at.warned[lane] >= _SAY_SO
        and orbits.times[q, -1] - at.t[lane] > _STIFF_STEPS * at.trial[lane]
    ):
        status, ended = STIFF, True
    if ended:
        orbits.outcome[q, 0], orbits.outcome[q, 1] = status, rounds - at.began[lane]
        orbits.outcome[q, 2] = at.t[lane]
        at.job[lane], at.end[lane], at.step[lane] = -1, at.t[lane], 0.0
    return ended


@njit(cache=True)
def _orthonormalise(lane: int, lanes: int, n: int, work: Any, logarithms: Any) -> bool:
    """Make a lane's tangent vectors orthonormal, their slopes with them; logarithms of lengths."""
    y, slope = work[STATE], work[0]
    for c in range(logarithms.size):
        first = n + c * n
        for d in range(c):
            other = n + d * n
            overlap = 0.0
            for i in range(n):
                overlap += y[(first + i) * lanes + lane] * y[(other + i) * lanes + lane]
            for i in range(n):
                one, two = (first + i) * lanes + lane, (other + i) * lanes + lane
                y[one] -= overlap * y[two]
                slope[one] -= overlap * slope[two]
        norm = 0.0
        for i in range(n):
            norm += y[(first + i) * lanes + lane] ** 2
        norm = math.sqrt(norm)
        if not (norm > 0.0 and norm < 1e300):
            return False
        for i in range(n):
            y[(first + i) * lanes + lane] /= norm
            slope[(first + i) * lanes + lane] /= norm
        logarithms[c] = math.log(norm)
    return True


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, nogil=True)
def march_lanes(
    rate: int, jacobian: int, lanes: int, table: Any, orbits: Any, rtol: float, atol: float,
    most: int, keep_from: int,
) -> None:  # fmt: skip
    """Integrate K orbits from starts[q] at times[q, 0]; fill samples, extremes, growth, outcome.

    Args:
        rate, jacobian, table: see `ManyEquations`.
        lanes: L, how many go side by side, a multiple of 4.
        orbits: see `Orbits`.
        most: of an orbit's steps.
        keep_from: index of the time from which extremes are kept.
    """
    size, n = orbits.starts.shape[1], orbits.extremes.shape[2]
    wide = size * lanes
    columns = -(-wide // MANY) * MANY
    work = _room(ROWS * columns).reshape((ROWS, columns))
    equations = ManyEquations(
        rate, jacobian, _room(orbits.numbers.shape[1] * lanes), table,
        _room(n * n * lanes), _room(lanes),
    )  # fmt: skip
    at = _make_lanes(lanes)
    # A lane that never finds an orbit idles at the first one's start: of numbers that are all zero
    # a right-hand side may be no number.
    for lane in range(lanes):
        at.t[lane] = at.end[lane] = orbits.times[0, 0]
        for i in range(size):
            work[STATE, i * lanes + lane] = orbits.starts[0, i]
        for j in range(orbits.numbers.shape[1]):
            equations.p[j * lanes + lane] = orbits.numbers[0, j]
    given, done, fresh, rounds = 0, 0, True, 0
    while True:
        if fresh:
            if done == orbits.starts.shape[0]:
                return
            before = given
            given = _hand_out(given, rounds, equations, work, at, orbits, keep_from)
            if given > before:
                _first_steps(equations, n, wide, work, at, rtol, atol)
            fresh = False
        _choose_trials(work, at)
        _write_stages(equations, n, wide, at, work, 1, LAST)
        _write_errors(wide, work, rtol, atol, at)
        attention, rounds = _judge(work, at), rounds + 1
        if keep_from < orbits.times.shape[1]:
            _keep_extremes(equations, n, wide, work, at, orbits, keep_from)
        if rounds % _WATCH == 0:
            attention += _watch_stiffness(n, work, at, orbits)
        _move_on(work, at)
        if attention == 0 and rounds < most:
            continue
        for lane in range(lanes):
            if at.job[lane] >= 0 and _look_after(lane, rounds, work, at, orbits, most, keep_from):
                done, fresh = done + 1, True


@njit(cache=True)
def _first_steps(
    equations: Any, n: int, wide: int, work: Any, at: Any, rtol: float, atol: float
) -> None:
    """Write the slopes of all, and a first step (II.4) for the lanes that have none yet."""
    lanes = at.t.size
    size, first = wide // lanes, np.zeros((3, lanes))
    for lane in range(lanes):  # a slice would compare shapes: two seconds of compiling
        equations.now[lane] = at.t[lane]
    _write_slopes(equations, n, wide, work, STATE, 0)
    for lane in range(lanes):
        for i in range(size):
            e = i * lanes + lane
            scale = atol + rtol * abs(work[STATE, e])
            first[0, lane] += (work[STATE, e] / scale) ** 2 / size
            first[1, lane] += (work[0, e] / scale) ** 2 / size
        d0, d1 = math.sqrt(first[0, lane]), math.sqrt(first[1, lane])
        first[0, lane], first[1, lane] = d1, 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
        equations.now[lane] = at.t[lane] + first[1, lane]
        for i in range(size):
            e = i * lanes + lane
            work[ARGUMENT, e] = work[STATE, e] + first[1, lane] * work[0, e]
    _write_slopes(equations, n, wide, work, ARGUMENT, 1)
    for lane in range(lanes):
        if at.step[lane] > 0:
            continue
        for i in range(size):
            e = i * lanes + lane
            scale = atol + rtol * abs(work[STATE, e])
            first[2, lane] += ((work[1, e] - work[0, e]) / scale) ** 2 / size
        d1, h = first[0, lane], first[1, lane]
        d2 = math.sqrt(first[2, lane]) / h
        if d1 <= 1e-15 and d2 <= 1e-15:
            at.step[lane] = max(1e-6, 1e-3 * h)
        else:
            at.step[lane] = min(100 * h, (0.01 / max(d1, d2)) ** 0.125)
