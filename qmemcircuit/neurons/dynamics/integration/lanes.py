"""Many orbits of one right-hand side at once: DOP853 in lanes, each with its own step and time.

The same method as `stepper`, for what maps and basins ask: the state at a few times, extremes, the
growth of tangent vectors. Variable i of lane l stands at i·L + l, so that every line of the method
is one loop over neighbouring numbers, which the compiler makes vector instructions of. A lane
whose orbit has ended takes the next one.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qmemcircuit.neurons.dynamics.integration.callbacks import call_lanes
from qmemcircuit.neurons.dynamics.integration.kernels import njit
from qmemcircuit.neurons.dynamics.integration.stepper import (
    _A,
    _B,
    _C,
    _D,
    _E3,
    _E5,
    _FUSED,
    _MORE_A,
    _MORE_C,
    BROKE_DOWN,
    DONE,
    USED_UP,
)

# The tableau, one row for each thing that is a sum over stages: rows 1 … 11 the stages, 12 the new
# state, 13 … 15 the interpolant's, then the two errors. Terms that are zero are left out, and
# made up to fours by nothing times the first stage.
_FIFTH, _THIRD = 16, 17
_ROWS = [[], *_A[1:12], _B, *_MORE_A, _E5, _E3]
_PARTS = np.array([-(-np.count_nonzero(row) // 4) for row in _ROWS])
_STAGES, _WEIGHTS = np.zeros((18, 12), np.int64), np.zeros((18, 12))
for _row, _weights in enumerate(_ROWS):
    _which = np.flatnonzero(_weights)
    _STAGES[_row, : _which.size], _WEIGHTS[_row, : _which.size] = _which, np.take(_weights, _which)
_TIMES = np.concatenate([_C[:12], [1.0], _MORE_C])

# What of a step's interior is looked at for a turn: the root of the slope, by so many secants.
_SECANTS = 12


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, fastmath=_FUSED)
def _slopes(
    rate: int, jacobian: int, lanes: int, n: int, t: Any, y: Any, change: Any, p: Any, table: Any,
    matrix: Any,
) -> None:  # fmt: skip
    """Write the rates of the states, and of the tangent vectors behind them."""
    call_lanes(rate, lanes, t, y, change, p, table)
    rows = y.size // lanes
    if rows > n:
        call_lanes(jacobian, lanes, t, y, matrix, p, table)
        for first in range(n, rows, n):
            for i in range(n):
                out = (first + i) * lanes
                for lane in range(lanes):
                    change[out + lane] = matrix[i * n * lanes + lane] * y[first * lanes + lane]
                for j in range(1, n):
                    entry, by = (i * n + j) * lanes, (first + j) * lanes
                    for lane in range(lanes):
                        change[out + lane] += matrix[entry + lane] * y[by + lane]


# Python's max and min are branches to numba, which keep a loop from becoming vectors.
@njit(inline="always")
def _larger(a: float, b: float) -> float:
    return a if a > b else b


@njit(inline="always")
def _smaller(a: float, b: float) -> float:
    return a if a < b else b


@njit(cache=True, fastmath=_FUSED)
def _combine(row: int, k: Any, out: Any) -> None:
    """Write Σ_j a_j k[j] of a row of the tableau, four terms a pass."""
    for part in range(_PARTS[row]):
        first = 4 * part
        a, b = _WEIGHTS[row, first], _WEIGHTS[row, first + 1]
        c, d = _WEIGHTS[row, first + 2], _WEIGHTS[row, first + 3]
        one, two = k[_STAGES[row, first]], k[_STAGES[row, first + 1]]
        three, four = k[_STAGES[row, first + 2]], k[_STAGES[row, first + 3]]
        if part == 0:
            for i in range(out.size):
                out[i] = a * one[i] + b * two[i] + c * three[i] + d * four[i]
        else:
            for i in range(out.size):
                out[i] += a * one[i] + b * two[i] + c * three[i] + d * four[i]


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, fastmath=_FUSED)
def _stages(
    rate: int, jacobian: int, lanes: int, n: int, t: Any, step: Any, h: Any, y: Any, w: Any,
    k: Any, p: Any, table: Any, matrix: Any, now: Any, first: int, last: int,
) -> None:  # fmt: skip
    """Fill k[first … last]; `h` holds each lane's step once for every variable.

    Rows 1 … 11 are the stages, 12 the new state, which is left in `w`, 13 … 15 those that the
    interpolant needs.
    """
    for row in range(first, last + 1):
        _combine(row, k, w)
        for i in range(w.size):
            w[i] = y[i] + h[i] * w[i]
        for lane in range(lanes):
            now[lane] = t[lane] + _TIMES[row] * step[lane]
        _slopes(rate, jacobian, lanes, n, now, w, k[row], p, table, matrix)


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, fastmath=_FUSED)
def _errors(
    step: Any, y: Any, new: Any, k: Any, rtol: float, atol: float, fifth: Any, third: Any, out: Any
) -> None:
    """Write each lane's error over the tolerance (II.10, Eq. 10.17); `fifth`, `third`: room."""
    lanes = step.size
    _combine(_FIFTH, k, fifth)
    _combine(_THIRD, k, third)
    for i in range(y.size):
        scale = atol + rtol * _larger(math.fabs(y[i]), math.fabs(new[i]))
        five, three = fifth[i] / scale, third[i] / scale
        fifth[i], third[i] = five * five, three * three
    rows = y.size // lanes
    for row in range(1, rows):
        for lane in range(lanes):
            fifth[lane] += fifth[row * lanes + lane]
            third[lane] += third[row * lanes + lane]
    for lane in range(lanes):
        # 1e-300: 0/0 where nothing moves.
        norm = math.sqrt((fifth[lane] + 0.01 * third[lane]) * rows) + 1e-300
        out[lane] = math.fabs(step[lane]) * fifth[lane] / norm


@njit(cache=True, fastmath=_FUSED)
def _turn(i: int, h: float, y: Any, new: Any, k: Any, dense: Any) -> float:
    """Return element i's value where its slope, of other signs at the step's ends, is zero."""
    change = new[i] - y[i]
    dense[0], dense[1] = change, h * k[0, i] - change
    dense[2] = 2 * change - h * (k[12, i] + k[0, i])
    for row in range(4):
        total = 0.0
        for j in range(16):
            total += _D[row, j] * k[j, i]
        dense[3 + row] = h * total
    # The Illinois rule: a secant that keeps the root between its ends.
    low, high, at_low, at_high, value = 0.0, 1.0, k[0, i], k[12, i], 0.0
    side = 0
    for _ in range(_SECANTS):
        x = (low * at_high - high * at_low) / (at_high - at_low)
        value, slope = 0.0, 0.0
        for row in range(6, -1, -1):
            factor, sign = (x, 1.0) if row % 2 == 0 else (1 - x, -1.0)
            value, slope = (
                (value + dense[row]) * factor,
                slope * factor + (value + dense[row]) * sign,
            )
        if abs(slope) < 1e-9 * abs(h) * (abs(k[0, i]) + abs(k[12, i])):
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
    return y[i] + value


@njit(cache=True)
def _orthonormalise(
    lane: int, lanes: int, n: int, y: Any, k: Any, growth: Any, q: int, at: int
) -> bool:
    """Make a lane's tangent vectors orthonormal, their slopes with them; logarithms of lengths."""
    count = y.size // (lanes * n) - 1
    for c in range(count):
        first = n + c * n
        for d in range(c):
            other = n + d * n
            overlap = 0.0
            for i in range(n):
                overlap += y[(first + i) * lanes + lane] * y[(other + i) * lanes + lane]
            for i in range(n):
                one, two = (first + i) * lanes + lane, (other + i) * lanes + lane
                y[one] -= overlap * y[two]
                k[0, one] -= overlap * k[0, two]
        norm = 0.0
        for i in range(n):
            norm += y[(first + i) * lanes + lane] ** 2
        norm = math.sqrt(norm)
        if not (norm > 0.0 and norm < 1e300):
            return False
        for i in range(n):
            y[(first + i) * lanes + lane] /= norm
            k[0, (first + i) * lanes + lane] /= norm
        growth[q, at, c] = math.log(norm)
    return True


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, nogil=True, fastmath=_FUSED)
def march_lanes(
    rate: int, jacobian: int, lanes: int, n: int, numbers: Any, table: Any, times: Any,
    starts: Any, longest: Any, rtol: float, atol: float, most: int, keep_from: int, samples: Any,
    extremes: Any, growth: Any, outcome: Any,
) -> None:  # fmt: skip
    """Integrate K orbits from starts[q] at times[q, 0]; fill samples, extremes, growth, outcome.

    Args:
        rate, jacobian: addresses of C functions of lanes; the latter for tangents only.
        lanes: L, how many go side by side.
        n: variables; `starts` (K, n(1 + count)) holds the tangent vectors behind the state.
        numbers: (K, m), each orbit's own parameters. table: those that all share.
        times: (K, T), increasing; a step ends at each of them.
        longest: (K,), the longest step.
        most: of an orbit's steps.
        keep_from: index of the time from which extremes are kept.
        samples: (K, T, size). extremes: (K, 2, n), or (0, 2, n) for none.
        growth: (K, T, count): at each time but the first the tangent vectors are made
            orthonormal, and the logarithms of their lengths noted here; (0, T, count): neither.
        outcome: (K, 3): how each ended, the steps that it took, the time that it reached.
    """
    jobs, size, m = starts.shape[0], starts.shape[1], numbers.shape[1]
    wide = size * lanes
    y, new, w, more = np.zeros(wide), np.zeros(wide), np.zeros(wide), np.zeros(wide)
    k, h, matrix = np.zeros((16, wide)), np.zeros(wide), np.zeros(n * n * lanes)
    p, now, dense = np.zeros(m * lanes), np.zeros(lanes), np.zeros(7)
    t, end, step, trial = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    cap, error, accepted = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    job, at, began = np.full(lanes, -1), np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    slack = np.zeros(lanes)
    given, alive, fresh, rounds = 0, 0, True, 0
    while True:
        if fresh:  # the free lanes take orbits; those that find none idle with steps of zero
            started = False
            for lane in range(lanes):
                if job[lane] >= 0 or given >= jobs:
                    continue
                q = given
                given += 1
                job[lane], at[lane], began[lane], started = q, 1, rounds, True
                alive += 1
                for i in range(size):
                    y[i * lanes + lane] = samples[q, 0, i] = starts[q, i]
                if keep_from == 0:
                    for i in range(n):
                        extremes[q, 0, i] = extremes[q, 1, i] = starts[q, i]
                for j in range(m):
                    p[j * lanes + lane] = numbers[q, j]
                t[lane], end[lane] = times[q, 0], times[q, 1]
                cap[lane], step[lane] = longest[q], 0.0
                slack[lane] = 8 * 2.3e-16 * max(abs(times[q, 0]), abs(times[q, -1]))
            if alive == 0:
                return
            if started:
                _first_steps(
                    rate, jacobian, lanes, n, t, step, y, new, w, k, p, table, matrix, now,
                    rtol, atol,
                )  # fmt: skip
            fresh = False
        for lane in range(lanes):
            left = end[lane] - t[lane]
            wanted = _smaller(step[lane], cap[lane])
            trial[lane] = left if wanted >= left - slack[lane] else wanted
        for i in range(size):
            for lane in range(lanes):
                h[i * lanes + lane] = trial[lane]
        _stages(
            rate, jacobian, lanes, n, t, trial, h, y, new, k, p, table, matrix, now, 1, 12
        )  # fmt: skip
        _errors(trial, y, new, k, rtol, atol, w, more, error)
        for lane in range(lanes):
            found = error[lane] if error[lane] < 1e30 else 1e30  # NaN too
            accepted[lane] = 1.0 if found < 1.0 else 0.0
            factor = 0.9 / math.sqrt(math.sqrt(math.sqrt(found + 1e-30)))
            longer = trial[lane] * _smaller(10.0, _larger(0.2, factor))
            # A step that a time cut short says nothing against the longer one.
            cut = trial[lane] >= end[lane] - t[lane]
            best = _larger(step[lane], longer)
            step[lane] = best if cut & (found < 1.0) else longer
            error[lane] = 1.0 if cut | (not longer > slack[lane]) else 0.0
        attention, rounds = 0, rounds + 1
        for lane in range(lanes):
            attention += 1 if error[lane] > 0.0 else 0
        if keep_from < times.shape[1]:
            turns = False
            for lane in range(lanes):
                if job[lane] >= 0 and accepted[lane] > 0 and at[lane] > keep_from:
                    for i in range(n):
                        if k[0, i * lanes + lane] * k[12, i * lanes + lane] < 0:
                            turns = True
            if turns:
                _stages(
                    rate, jacobian, lanes, n, t, trial, h, y, w, k, p, table, matrix, now, 13, 15
                )  # fmt: skip
            for lane in range(lanes):
                if job[lane] >= 0 and accepted[lane] > 0 and at[lane] > keep_from:
                    for i in range(n):
                        e, q = i * lanes + lane, job[lane]
                        low, high = min(extremes[q, 0, i], new[e]), max(extremes[q, 1, i], new[e])
                        if k[0, e] * k[12, e] < 0:
                            value = _turn(e, trial[lane], y, new, k, dense)
                            low, high = min(low, value), max(high, value)
                        extremes[q, 0, i], extremes[q, 1, i] = low, high
        for lane in range(lanes):
            t[lane] += accepted[lane] * trial[lane]
        for i in range(size):
            for lane in range(lanes):
                e = i * lanes + lane
                y[e] = new[e] if accepted[lane] > 0 else y[e]
                k[0, e] = k[12, e] if accepted[lane] > 0 else k[0, e]
        if attention == 0 and rounds < most:
            continue
        for lane in range(lanes):
            q = job[lane]
            if q < 0:
                continue
            status, ended = DONE, False
            if accepted[lane] > 0 and end[lane] - t[lane] <= slack[lane]:
                t[lane] = end[lane]
                if growth.shape[0] > 0 and not _orthonormalise(
                    lane, lanes, n, y, k, growth, q, at[lane]
                ):
                    status, ended = BROKE_DOWN, True
                for i in range(size):
                    samples[q, at[lane], i] = y[i * lanes + lane]
                    ended = ended or not abs(y[i * lanes + lane]) < np.inf
                if at[lane] == keep_from and extremes.shape[0] > 0:
                    for i in range(n):
                        extremes[q, 0, i] = extremes[q, 1, i] = y[i * lanes + lane]
                at[lane] += 1
                ended = ended or at[lane] == times.shape[1]
                if not ended:
                    end[lane] = times[q, at[lane]]
            elif not step[lane] > slack[lane]:  # NaN too
                status, ended = BROKE_DOWN, True
            elif rounds - began[lane] >= most:
                status, ended = USED_UP, True
            if ended:
                outcome[q, 0], outcome[q, 1] = status, rounds - began[lane]
                outcome[q, 2] = t[lane]
                job[lane], end[lane], step[lane], fresh = -1, t[lane], 0.0, True
                alive -= 1


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True)
def _first_steps(
    rate: int, jacobian: int, lanes: int, n: int, t: Any, step: Any, y: Any, new: Any, w: Any,
    k: Any, p: Any, table: Any, matrix: Any, now: Any, rtol: float, atol: float,
) -> None:  # fmt: skip
    """Write the slopes of all, and a first step (II.4) for the lanes that have none yet."""
    size = y.size // lanes
    _slopes(rate, jacobian, lanes, n, t, y, k[0], p, table, matrix)
    first = np.zeros((3, lanes))
    for lane in range(lanes):
        for i in range(size):
            e = i * lanes + lane
            scale = atol + rtol * abs(y[e])
            first[0, lane] += (y[e] / scale) ** 2 / size
            first[1, lane] += (k[0, e] / scale) ** 2 / size
        d0, d1 = math.sqrt(first[0, lane]), math.sqrt(first[1, lane])
        first[0, lane], first[1, lane] = d1, 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
        now[lane] = t[lane] + first[1, lane]
        for i in range(size):
            e = i * lanes + lane
            w[e] = y[e] + first[1, lane] * k[0, e]
    _slopes(rate, jacobian, lanes, n, now, w, new, p, table, matrix)
    for lane in range(lanes):
        if step[lane] > 0:
            continue
        for i in range(size):
            e = i * lanes + lane
            scale = atol + rtol * abs(y[e])
            first[2, lane] += ((new[e] - k[0, e]) / scale) ** 2 / size
        d1, h = first[0, lane], first[1, lane]
        d2 = math.sqrt(first[2, lane]) / h
        if d1 <= 1e-15 and d2 <= 1e-15:
            step[lane] = max(1e-6, 1e-3 * h)
        else:
            step[lane] = min(100 * h, (0.01 / max(d1, d2)) ** 0.125)
