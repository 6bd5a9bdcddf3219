"""The one compiled stepper of every system given as equations: Hairer's DOP853, cached on disk.

It takes the right-hand side as the address of a C function, so that it is compiled once for all
systems, and numba's cache on disk serves every later process. What a system costs is then the
compiling of its own few lines.

One call of `march` integrates state and tangent vectors with step control, and on the way samples
them (dense output of order 7), lands on the breakpoints of an input, finds events, keeps extremes
and watches for stiffness. The method is that of Hairer, Nørsett and Wanner, *Solving Ordinary
Differential Equations I*, II.5 and II.10, with SciPy's copy of its numbers.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"
# More than 400 lines: one kernel, whose parts share its working arrays.

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.integrate import DOP853

from qmemcircuit.neurons.dynamics.integration.callbacks import (
    EVENT,
    call_event,
    call_jacobian,
    call_rate,
)
from qmemcircuit.neurons.dynamics.integration.kernels import cfunc, njit

_A, _B = np.ascontiguousarray(DOP853.A), np.ascontiguousarray(DOP853.B)
_C, _MORE_A = np.ascontiguousarray(DOP853.C), np.ascontiguousarray(DOP853.A_EXTRA)
_MORE_C, _D = np.ascontiguousarray(DOP853.C_EXTRA), np.ascontiguousarray(DOP853.D)
_E3, _E5 = np.ascontiguousarray(DOP853.E3), np.ascontiguousarray(DOP853.E5)
STAGES = 12

# How a march ended.
DONE, BROKE_DOWN, USED_UP, STIFF, STOPPED, FULL = range(6)
# Where each number of `settings` stands.
RTOL, ATOL, LONGEST, STEPS, FIRST_STEP, DIRECTION, STOPS, EXTREMES_FROM, STIFF_STEPS = range(9)
# Where each number of `outcome` stands.
STATUS, TAKEN, EVENTS, REACHED, STEP = range(5)

# Fused multiply–add: fewer roundings and less time; nothing else of fastmath is allowed.
_FUSED = {"contract"}
# Of each step this many inner points are looked at for a pair of crossings or a turn.
_LOOKS = 4
# Hairer's test: beyond |hλ| = 6.1 the step is held by stability, not by accuracy. The steps must
# say so fifteen times, with no six in a row that do not.
_STABILITY, _SAY_SO, _ACQUIT = 6.1, 15, 6


@cfunc(EVENT, cache=True)
def plane(t: float, y: Any, q: Any) -> float:
    """Return Σ q[1 + i] y[i] − q[0]: the signed distance from a plane, up to its norm."""
    total = -q[0]
    for i in range(q.size - 1):
        total += q[1 + i] * y[i]
    return total


@njit(cache=True)
def evaluate_rate(address: int, t: float, y: Any, change: Any, p: Any) -> None:
    """Write f(t, y; p) into `change`."""
    call_rate(address, t, y, change, p)


@njit(cache=True)
def evaluate_jacobian(address: int, t: float, y: Any, matrix: Any, p: Any) -> None:
    """Write ∂f/∂y into `matrix`."""
    call_jacobian(address, t, y, matrix, p)


@njit(cache=True, fastmath=_FUSED)
def _slope(
    rate: int, jacobian: int, n: int, t: float, y: Any, change: Any, p: Any, matrix: Any
) -> None:
    """Write the rate of the state, and of the tangent vectors behind it, δ′ = (∂f/∂y) δ."""
    call_rate(rate, t, y[:n], change[:n], p)
    if y.size > n:
        call_jacobian(jacobian, t, y[:n], matrix, p)
        for first in range(n, y.size, n):
            for i in range(n):
                total = 0.0
                for j in range(n):
                    total += matrix[i, j] * y[first + j]
                change[first + i] = total


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, fastmath=_FUSED)
def _stages(
    rate: int, jacobian: int, n: int, t: float, h: float, y: Any, new: Any, w: Any, k: Any, p: Any,
    matrix: Any,
) -> None:  # fmt: skip
    """Fill `new` and k[1 … 12] from k[0] = f(t, y); leaves stage 12's argument in `w`."""
    size = y.size
    for i in range(size):
        w[i] = y[i] + h * _A[1, 0] * k[0, i]
    _slope(rate, jacobian, n, t + _C[1] * h, w, k[1], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (_A[2, 0] * k[0, i] + _A[2, 1] * k[1, i])
    _slope(rate, jacobian, n, t + _C[2] * h, w, k[2], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (_A[3, 0] * k[0, i] + _A[3, 2] * k[2, i])
    _slope(rate, jacobian, n, t + _C[3] * h, w, k[3], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (_A[4, 0] * k[0, i] + _A[4, 2] * k[2, i] + _A[4, 3] * k[3, i])
    _slope(rate, jacobian, n, t + _C[4] * h, w, k[4], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (_A[5, 0] * k[0, i] + _A[5, 3] * k[3, i] + _A[5, 4] * k[4, i])
    _slope(rate, jacobian, n, t + _C[5] * h, w, k[5], p, matrix)
    # From the seventh stage on only the second and third fall out.
    for i in range(size):
        w[i] = y[i] + h * (
            _A[6, 0] * k[0, i] + _A[6, 3] * k[3, i] + _A[6, 4] * k[4, i] + _A[6, 5] * k[5, i]
        )
    _slope(rate, jacobian, n, t + _C[6] * h, w, k[6], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (
            _A[7, 0] * k[0, i] + _A[7, 3] * k[3, i] + _A[7, 4] * k[4, i] + _A[7, 5] * k[5, i]
            + _A[7, 6] * k[6, i]
        )  # fmt: skip
    _slope(rate, jacobian, n, t + _C[7] * h, w, k[7], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (
            _A[8, 0] * k[0, i] + _A[8, 3] * k[3, i] + _A[8, 4] * k[4, i] + _A[8, 5] * k[5, i]
            + _A[8, 6] * k[6, i] + _A[8, 7] * k[7, i]
        )  # fmt: skip
    _slope(rate, jacobian, n, t + _C[8] * h, w, k[8], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (
            _A[9, 0] * k[0, i] + _A[9, 3] * k[3, i] + _A[9, 4] * k[4, i] + _A[9, 5] * k[5, i]
            + _A[9, 6] * k[6, i] + _A[9, 7] * k[7, i] + _A[9, 8] * k[8, i]
        )  # fmt: skip
    _slope(rate, jacobian, n, t + _C[9] * h, w, k[9], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (
            _A[10, 0] * k[0, i] + _A[10, 3] * k[3, i] + _A[10, 4] * k[4, i] + _A[10, 5] * k[5, i]
            + _A[10, 6] * k[6, i] + _A[10, 7] * k[7, i] + _A[10, 8] * k[8, i]
            + _A[10, 9] * k[9, i]
        )  # fmt: skip
    _slope(rate, jacobian, n, t + _C[10] * h, w, k[10], p, matrix)
    for i in range(size):
        w[i] = y[i] + h * (
            _A[11, 0] * k[0, i] + _A[11, 3] * k[3, i] + _A[11, 4] * k[4, i] + _A[11, 5] * k[5, i]
            + _A[11, 6] * k[6, i] + _A[11, 7] * k[7, i] + _A[11, 8] * k[8, i]
            + _A[11, 9] * k[9, i] + _A[11, 10] * k[10, i]
        )  # fmt: skip
    _slope(rate, jacobian, n, t + h, w, k[11], p, matrix)
    for i in range(size):
        new[i] = y[i] + h * (
            _B[0] * k[0, i] + _B[5] * k[5, i] + _B[6] * k[6, i] + _B[7] * k[7, i]
            + _B[8] * k[8, i] + _B[9] * k[9, i] + _B[10] * k[10, i] + _B[11] * k[11, i]
        )  # fmt: skip
    _slope(rate, jacobian, n, t + h, new, k[12], p, matrix)


@njit(cache=True, fastmath=_FUSED)
def _error(h: float, y: Any, new: Any, k: Any, rtol: float, atol: float) -> float:
    """Return the step's error over the tolerance (II.10, Eq. 10.17)."""
    fifth, third = 0.0, 0.0
    for i in range(y.size):
        five = (
            _E5[0] * k[0, i] + _E5[5] * k[5, i] + _E5[6] * k[6, i] + _E5[7] * k[7, i]
            + _E5[8] * k[8, i] + _E5[9] * k[9, i] + _E5[10] * k[10, i] + _E5[11] * k[11, i]
        )  # fmt: skip
        three = (
            _E3[0] * k[0, i] + _E3[5] * k[5, i] + _E3[6] * k[6, i] + _E3[7] * k[7, i]
            + _E3[8] * k[8, i] + _E3[9] * k[9, i] + _E3[10] * k[10, i] + _E3[11] * k[11, i]
        )  # fmt: skip
        scale = 1 / (atol + rtol * max(abs(y[i]), abs(new[i])))
        fifth += (five * scale) ** 2
        third += (three * scale) ** 2
    if fifth == 0.0 and third == 0.0:
        return 0.0
    return abs(h) * fifth / math.sqrt((fifth + 0.01 * third) * y.size)


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, fastmath=_FUSED)
def _interpolant(
    rate: int, jacobian: int, n: int, t: float, h: float, y: Any, new: Any, w: Any, k: Any, p: Any,
    matrix: Any, dense: Any,
) -> None:  # fmt: skip
    """Fill `dense` (7, size) with the coefficients of the step's interpolant."""
    for stage in range(3):
        for i in range(y.size):
            total = 0.0
            for j in range(13 + stage):
                total += _MORE_A[stage, j] * k[j, i]
            w[i] = y[i] + h * total
        _slope(rate, jacobian, n, t + _MORE_C[stage] * h, w, k[13 + stage], p, matrix)
    for i in range(y.size):
        change = new[i] - y[i]
        dense[0, i] = change
        dense[1, i] = h * k[0, i] - change
        dense[2, i] = 2 * change - h * (k[12, i] + k[0, i])
        for row in range(4):
            total = 0.0
            for j in range(16):
                total += _D[row, j] * k[j, i]
            dense[3 + row, i] = h * total


@njit(cache=True, fastmath=_FUSED)
def _between(x: float, y: float, dense: Any, i: int) -> float:
    """Return variable i at the fraction x of the step."""
    value = 0.0
    for row in range(6, -1, -1):
        value = (value + dense[row, i]) * (x if row % 2 == 0 else 1 - x)
    return y + value


@njit(cache=True)
def _state_between(x: float, y: Any, dense: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = _between(x, y[i], dense, i)


@njit(cache=True)
def _keep_extremes(y: Any, new: Any, h: float, k: Any, dense: Any, n: int, extremes: Any) -> None:
    """Take the step's ends and its inner turns into the minima and maxima (2, n)."""
    for i in range(n):
        extremes[0, i] = min(extremes[0, i], new[i])
        extremes[1, i] = max(extremes[1, i], new[i])
        for sign in (-1.0, 1.0):
            best, low, high = -np.inf, 0.0, 1.0
            for look in range(_LOOKS + 2):
                x = look / (_LOOKS + 1)
                value = sign * _between(x, y[i], dense, i)
                if value > best:
                    best = value
                    low = max(0.0, x - 1 / (_LOOKS + 1))
                    high = min(1.0, x + 1 / (_LOOKS + 1))
            # Golden section: 40 turns narrow the place to 4e-9, the value to rounding.
            for _ in range(40):
                left, right = high - 0.6180339887 * (high - low), low + 0.6180339887 * (high - low)
                if sign * _between(left, y[i], dense, i) > sign * _between(right, y[i], dense, i):
                    high = right
                else:
                    low = left
            best = max(best, sign * _between(0.5 * (low + high), y[i], dense, i))
            if sign < 0:
                extremes[0, i] = min(extremes[0, i], -best)
            else:
                extremes[1, i] = max(extremes[1, i], best)


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True)
def _first_step(
    rate: int, jacobian: int, n: int, t: float, y: Any, w: Any, k: Any, p: Any, matrix: Any,
    settings: Any,
) -> float:  # fmt: skip
    """Return a first step for the tolerances (II.4)."""
    d0, d1, d2 = 0.0, 0.0, 0.0
    for i in range(y.size):
        scale = settings[ATOL] + settings[RTOL] * abs(y[i])
        d0 += (y[i] / scale) ** 2
        d1 += (k[0, i] / scale) ** 2
    d0, d1 = math.sqrt(d0 / y.size), math.sqrt(d1 / y.size)
    h = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    for i in range(y.size):
        w[i] = y[i] + h * k[0, i]
    _slope(rate, jacobian, n, t + h, w, k[1], p, matrix)
    for i in range(y.size):
        scale = settings[ATOL] + settings[RTOL] * abs(y[i])
        d2 += ((k[1, i] - k[0, i]) / scale) ** 2
    d2 = math.sqrt(d2 / y.size) / h
    if d1 <= 1e-15 and d2 <= 1e-15:
        return max(1e-6, 1e-3 * h)
    return min(100 * h, (0.01 / max(d1, d2)) ** 0.125)


@njit(cache=True)
def _crosses(before: float, after: float, direction: float) -> bool:
    """Whether a value that is zero counts as the side that it came to."""
    up = before < 0.0 and after >= 0.0
    down = before > 0.0 and after <= 0.0
    return (up and direction >= 0) or (down and direction <= 0)


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, nogil=True)
def march(
    rate: int, jacobian: int, n: int, p: Any, place: int, pieces: Any, times: Any, start: Any,
    settings: Any, event: int, q: Any, samples: Any, event_times: Any, event_states: Any,
    extremes: Any, outcome: Any,
) -> None:  # fmt: skip
    """Integrate from `start` at times[0] to times[-1]; fill samples, events, extremes, outcome.

    Args:
        rate, jacobian: addresses of the C functions; the latter is called for tangents only.
        n: variables; `start` holds n(1 + number of tangent vectors) numbers, and the final
            state on return.
        p: parameters. From `place` on stand the five numbers of the input's wave, which are
            replaced on the way if `pieces` has rows.
        pieces: (S, 6): until, level, slope, amplitude, frequency, phase.
        settings: see its places; FIRST_STEP 0 chooses one, EXTREMES_FROM is a time.
        event, q: address of the event's function and its numbers, 0 for none.
        samples: (T, size), or (0, size) where only the end is wanted.
        event_times, event_states: (M,), (M, n): room for M events.
        extremes: (2, n), minima and maxima from EXTREMES_FROM on, or (0, n).
        outcome: STATUS, steps TAKEN, EVENTS, time REACHED, next STEP.
    """
    size = start.size
    y, new, w = start.copy(), np.empty(size), np.empty(size)
    k, dense, matrix = np.empty((16, size)), np.empty((7, size)), np.empty((n, n))
    look = np.empty(n)
    t, end, piece, sampled, taken, found = times[0], times[-1], 0, 0, 0, 0
    rtol, atol = settings[RTOL], settings[ATOL]
    status, h, value = DONE, settings[FIRST_STEP], 0.0
    warned, calm, lost, edge = 0, 0, 0, True
    slack = 8 * np.finfo(np.float64).eps * max(abs(t), abs(end))
    keeps = extremes.shape[0] == 2
    if keeps:
        extremes[0, :], extremes[1, :] = np.inf, -np.inf
    if samples.shape[0] > 0:
        samples[0] = y
        sampled = 1
    while True:
        if edge:  # a new formula of the input holds from here on: nothing is known of the slope
            while piece < pieces.shape[0] and pieces[piece, 0] <= t + slack:
                piece += 1
            if piece < pieces.shape[0]:
                for i in range(5):
                    p[place + i] = pieces[piece, 1 + i]
            _slope(rate, jacobian, n, t, y, k[0], p, matrix)
            if h <= 0.0:
                h = _first_step(rate, jacobian, n, t, y, w, k, p, matrix, settings)
            if event != 0:
                value = call_event(event, t, y[:n], q)
            edge = False
        if t >= end:
            break
        limit = end
        if piece < pieces.shape[0]:
            limit = min(limit, pieces[piece, 0])
        if keeps and t < settings[EXTREMES_FROM]:
            limit = min(limit, settings[EXTREMES_FROM])
        step = min(h, settings[LONGEST])
        last = step >= limit - t - slack
        if last:
            step = limit - t
        if taken >= settings[STEPS]:
            status = USED_UP
            break
        taken += 1
        # A thousand steps that do not move the time: something there is faster than any clock.
        lost = lost + 1 if step <= slack else 0
        if lost > 1000:
            status = BROKE_DOWN
            break
        _stages(rate, jacobian, n, t, step, y, new, w, k, p, matrix)
        error = _error(step, y, new, k, rtol, atol)
        if not error < 1.0:
            if not error < np.inf:  # NaN too
                error = 1e30
            h = step * max(0.2, 0.9 * error ** (-0.125))
            if not h > slack:  # NaN too
                status = BROKE_DOWN
                break
            continue
        longer = step * (10.0 if error == 0.0 else min(10.0, 0.9 * error ** (-0.125)))
        # A step that a sample's end or a breakpoint cut short says nothing against the longer one.
        h = max(h, longer) if last and step < h else longer
        change, distance = 0.0, 0.0
        for i in range(size):
            change += (k[12, i] - k[11, i]) ** 2
            distance += (new[i] - w[i]) ** 2
        if step * step * change > _STABILITY * _STABILITY * distance:
            warned, calm = warned + 1, 0
            if warned >= _SAY_SO and (end - t) / step > settings[STIFF_STEPS]:
                status = STIFF
                break
        elif warned > 0:
            calm += 1
            if calm == _ACQUIT:
                warned = 0
        after = limit if last else t + step
        ready = False
        stopped = False
        if event != 0 or (keeps and t >= settings[EXTREMES_FROM]):
            _interpolant(rate, jacobian, n, t, step, y, new, w, k, p, matrix, dense)
            ready = True
        if event != 0:
            low = 0.0
            for number in range(1, _LOOKS + 2):
                high = number / (_LOOKS + 1)
                if number == _LOOKS + 1:
                    later = call_event(event, after, new[:n], q)
                else:
                    _state_between(high, y, dense, look)
                    later = call_event(event, t + high * step, look, q)
                if _crosses(value, later, settings[DIRECTION]):
                    left, right = low, high
                    for _ in range(60):
                        middle = 0.5 * (left + right)
                        if middle in (left, right):
                            break
                        _state_between(middle, y, dense, look)
                        here = call_event(event, t + middle * step, look, q)
                        if _crosses(value, here, settings[DIRECTION]):
                            right = middle
                        else:
                            left = middle
                    if found == event_times.size:
                        status = FULL
                        stopped = True
                        break
                    _state_between(right, y, dense, look)
                    event_times[found] = t + right * step
                    event_states[found] = look
                    found += 1
                    if settings[STOPS] > 0:
                        status, stopped = STOPPED, True
                        after = t + right * step
                        for i in range(size):
                            w[i] = _between(right, y[i], dense, i)
                        break
                value, low = later, high
        while sampled < samples.shape[0] and times[sampled] <= after:
            if times[sampled] == after and not stopped:
                samples[sampled] = new
            else:
                if not ready:
                    _interpolant(rate, jacobian, n, t, step, y, new, w, k, p, matrix, dense)
                    ready = True
                x = (times[sampled] - t) / step
                for i in range(size):
                    samples[sampled, i] = _between(x, y[i], dense, i)
            sampled += 1
        if keeps and t >= settings[EXTREMES_FROM] and not stopped:
            _keep_extremes(y, new, step, k, dense, n, extremes)
        t = after
        if stopped:
            if status == STOPPED:
                y[:] = w
            break
        for i in range(size):
            y[i], k[0, i] = new[i], k[12, i]
        if last:
            edge = True
    start[:] = y
    outcome[STATUS], outcome[TAKEN], outcome[EVENTS] = status, taken, found
    outcome[REACHED], outcome[STEP] = t, h


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True, nogil=True)
def grow_tangents(
    rate: int, jacobian: int, n: int, p: Any, place: int, pieces: Any, start: Any,
    interval: float, before: int, per_block: int, settings: Any, sums: Any, outcome: Any,
) -> None:  # fmt: skip
    """Add the logarithms of the tangent vectors' growth to `sums` (blocks, count), block by block.

    Benettin et al. 1980: every `interval` the vectors are orthonormalised (Gram–Schmidt). The
    first `before` intervals are left out. `start` holds the state and the vectors.
    """
    blocks, count = sums.shape
    moments, no_row, no_event = np.empty(2), np.empty((0, start.size)), np.empty((0, n))
    none = np.empty(0)
    for index in range(before + per_block * blocks):
        moments[0], moments[1] = index * interval, (index + 1) * interval
        march(
            rate, jacobian, n, p, place, pieces, moments, start, settings, 0, none, no_row, none,
            no_event, no_event, outcome,
        )  # fmt: skip
        if outcome[STATUS] != DONE:
            return
        settings[FIRST_STEP] = outcome[STEP]
        for k in range(count):
            first = n + k * n
            for j in range(k):
                other = n + j * n
                overlap = 0.0
                for i in range(n):
                    overlap += start[first + i] * start[other + i]
                for i in range(n):
                    start[first + i] -= overlap * start[other + i]
            norm = 0.0
            for i in range(n):
                norm += start[first + i] ** 2
            norm = math.sqrt(norm)
            if not (norm > 0.0 and norm < 1e300):
                outcome[STATUS] = BROKE_DOWN
                return
            for i in range(n):
                start[first + i] /= norm
            if index >= before:
                sums[(index - before) // per_block, k] += math.log(norm)
