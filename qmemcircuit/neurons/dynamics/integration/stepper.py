"""The one compiled stepper of every system given as equations: Hairer's DOP853, cached on disk.

It takes the right-hand side as the address of a C function, so that it is compiled once for all
systems, and numba's cache on disk serves every later process. What a system costs is then the
compiling of its own few lines.

One call of `march` integrates state and tangent vectors with step control, and on the way samples
them (dense output of order 7), lands on the breakpoints of an input, finds events, keeps extremes
and watches for stiffness.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from qmemcircuit.neurons.dynamics.integration.callbacks import (
    call_event,
    call_jacobian,
    call_rate,
    event_callback,
)
from qmemcircuit.neurons.dynamics.integration.kernels import njit
from qmemcircuit.neurons.dynamics.integration.steps import (
    eighth_root,
    first_step,
    make_work,
    step_error,
    take_step,
    value_within,
    write_interpolant,
    write_slope,
    write_within,
)
from qmemcircuit.neurons.dynamics.integration.tableau import ARGUMENT, LAST, NEW, STATE

# How a march ended.
DONE, BROKE_DOWN, USED_UP, STIFF, STOPPED, FULL = range(6)
# Where each number of `settings` stands.
RTOL, ATOL, LONGEST, STEPS, FIRST_STEP, DIRECTION, STOPS, EXTREMES_FROM, STIFF_STEPS = range(9)
# Where each number of `outcome` stands.
STATUS, TAKEN, EVENTS, REACHED, STEP_LENGTH = range(5)

# Of each step this many inner points are looked at for a pair of crossings or a turn.
_LOOKS = 4
# Hairer's test: beyond |hλ| = 6.1 the step is held by stability, not by accuracy. The steps must
# say so fifteen times, with no six in a row that do not.
_STABILITY, _SAY_SO, _ACQUIT = 6.1, 15, 6
# So many steps in a row that do not move the time: something is faster than any clock.
_LOST = 1000


class Events(NamedTuple):
    """What is looked for, and what was found.

    Attributes:
        function: the event's callback, 0 for none; for compiled code its address. numbers: what
            it is given.
        times, states: (M,), (M, n): room for M events.
    """

    function: Any
    numbers: Any
    times: Any
    states: Any


@event_callback
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


# An assignment to a slice compares shapes and, where they differ, says so: a second of compiling.
@njit(cache=True)
def _copy(source: Any, target: Any) -> None:
    """Copy the numbers that both rows have place for."""
    for i in range(min(source.size, target.size)):
        target[i] = source[i]


@njit(cache=True)
def _take_up_piece(equations: Any, piece: int, now: float) -> int:
    """Fill in the input's formula that holds from `now` on; return its row."""
    pieces = equations.pieces
    while piece < pieces.shape[0] and pieces[piece, 0] <= now:
        piece += 1
    if piece < pieces.shape[0]:
        for i in range(5):
            equations.p[equations.place + i] = pieces[piece, 1 + i]
    return piece


@njit(cache=True)
def _is_held_by_stability(size: int, h: float, work: Any) -> bool:
    """Say whether |hλ| > 6.1, by the last stage and the new state (IV.2)."""
    change, distance = 0.0, 0.0
    for i in range(size):
        change += (work[LAST, i] - work[LAST - 1, i]) ** 2
        distance += (work[NEW, i] - work[ARGUMENT, i]) ** 2
    return h * h * change > _STABILITY * _STABILITY * distance


@njit(cache=True)
def _crosses(before: float, after: float, direction: float) -> bool:
    """Whether a value that is zero counts as the side that it came to."""
    up = before < 0.0 and after >= 0.0
    down = before > 0.0 and after <= 0.0
    return (up and direction >= 0) or (down and direction <= 0)


@njit(cache=True)
def _value_within(x: float, events: Any, t: float, h: float, work: Any, look: Any) -> float:
    """Return the event's value at the fraction x of the step; the state in `look`."""
    write_within(x, work, look)
    return call_event(events.function, t + x * h, look, events.numbers)


@njit(cache=True)
def _peak(events: Any, t: float, h: float, work: Any, values: Any, look: Any) -> float:
    """Return where in the step the event's values, all of one sign, come to zero or beyond; or −1.

    Between two looks a voltage may touch its threshold and leave it again.
    """
    sign, best = (1.0 if values[0] < 0 else -1.0), 0
    lowest = highest = sign * values[0]
    for k in range(1, values.size):
        lowest, highest = min(lowest, sign * values[k]), max(highest, sign * values[k])
        if sign * values[k] > sign * values[best]:
            best = k
    # Between looks a smooth curve rises by less than the looks differ.
    if not -highest <= highest - lowest:
        return -1.0
    low, high = max(0, best - 1) / (_LOOKS + 1), min(_LOOKS + 1, best + 1) / (_LOOKS + 1)
    # Golden section: 40 turns narrow the place to 4e-9, the value to rounding.
    for _ in range(40):
        left, right = high - 0.6180339887 * (high - low), low + 0.6180339887 * (high - low)
        at_left = sign * _value_within(left, events, t, h, work, look)
        at_right = sign * _value_within(right, events, t, h, work, look)
        if at_left >= 0 or at_right >= 0:
            return left if at_left >= 0 else right
        if at_left > at_right:
            high = right
        else:
            low = left
    return -1.0


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True)
def _locate(
    events: Any, direction: float, t: float, h: float, work: Any, value: float, left: float,
    right: float, look: Any,
) -> float:  # fmt: skip
    """Return the crossing between two fractions of a step, by bisection; its state in `look`."""
    for _ in range(60):
        middle = 0.5 * (left + right)
        if middle in (left, right):
            break
        if _crosses(value, _value_within(middle, events, t, h, work, look), direction):
            right = middle
        else:
            left = middle
    write_within(right, work, look)
    return right


# More than eight parameters: compiled code takes numbers, not objects.
@njit(cache=True)
def _find_events(
    events: Any, settings: Any, t: float, h: float, after: float, work: Any, value: float,
    found: int,
) -> tuple[int, float, float, int]:  # fmt: skip
    """Note the events of a step; return DONE, STOPPED or FULL, where, the value, their number."""
    look, direction = np.empty(events.states.shape[1]), settings[DIRECTION]
    places, values = np.empty(_LOOKS + 3), np.empty(_LOOKS + 3)
    count, same = _LOOKS + 2, True
    values[0], places[0] = value, 0.0
    for k in range(1, count):
        places[k] = k / (_LOOKS + 1)
        if k == count - 1:
            _copy(work[NEW], look)
            values[k] = call_event(events.function, after, look, events.numbers)
        else:
            values[k] = _value_within(places[k], events, t, h, work, look)
        same = same and values[k] * value > 0
    if same:
        peak = _peak(events, t, h, work, values[:count], look)
        if peak < 0:
            return DONE, 1.0, values[count - 1], found
        k = count
        while places[k - 1] > peak:
            places[k], values[k] = places[k - 1], values[k - 1]
            k -= 1
        places[k], values[k] = peak, _value_within(peak, events, t, h, work, look)
        count += 1
    for k in range(1, count):
        if _crosses(values[k - 1], values[k], direction):
            if found == events.times.size:
                return FULL, places[k - 1], values[k - 1], found
            place = _locate(
                events, direction, t, h, work, values[k - 1], places[k - 1], places[k], look
            )
            events.times[found] = t + place * h
            _copy(look, events.states[found])
            found += 1
            if settings[STOPS] > 0:
                return STOPPED, place, values[k - 1], found
    return DONE, 1.0, values[count - 1], found


@njit(cache=True)
def _keep_extremes(work: Any, extremes: Any) -> None:
    """Take the step's ends and its inner turns into the minima and maxima (2, n)."""
    for i in range(extremes.shape[1]):
        extremes[0, i] = min(extremes[0, i], work[NEW, i])
        extremes[1, i] = max(extremes[1, i], work[NEW, i])
        for sign in (-1.0, 1.0):
            best, low, high = -np.inf, 0.0, 1.0
            for look in range(_LOOKS + 2):
                x = look / (_LOOKS + 1)
                value = sign * value_within(x, work, i)
                if value > best:
                    best = value
                    low = max(0.0, x - 1 / (_LOOKS + 1))
                    high = min(1.0, x + 1 / (_LOOKS + 1))
            # Golden section: 40 turns narrow the place to 4e-9, the value to rounding.
            for _ in range(40):
                left, right = high - 0.6180339887 * (high - low), low + 0.6180339887 * (high - low)
                if sign * value_within(left, work, i) > sign * value_within(right, work, i):
                    high = right
                else:
                    low = left
            best = max(best, sign * value_within(0.5 * (low + high), work, i))
            if sign < 0:
                extremes[0, i] = min(extremes[0, i], -best)
            else:
                extremes[1, i] = max(extremes[1, i], best)


@njit(cache=True, nogil=True)
def march(
    equations: Any, times: Any, start: Any, settings: Any, events: Any, samples: Any,
    extremes: Any, outcome: Any,
) -> None:  # fmt: skip
    """Integrate from `start` at times[0] to times[-1]; fill samples, events, extremes, outcome.

    Args:
        equations: see `Equations`; of n variables.
        start: n(1 + number of tangent vectors) numbers; the final state on return.
        settings: see its places; FIRST_STEP 0 chooses one, EXTREMES_FROM is a time.
        events: see `Events`.
        samples: (T, size), or (0, size) where only the end is wanted.
        extremes: (2, n), minima and maxima from EXTREMES_FROM on, or (0, n).
        outcome: STATUS, steps TAKEN, EVENTS, time REACHED, next STEP_LENGTH.
    """
    size, n, work = start.size, equations.matrix.shape[0], make_work(start.size)
    _copy(start, work[STATE])
    t, end, h = times[0], times[-1], settings[FIRST_STEP]
    slack = 8 * np.finfo(np.float64).eps * max(abs(t), abs(end))
    none = min(0, size)  # no literal 0, for which numba would compile what takes it once more
    piece, sampled, taken, found, value, status = none, 0, 0, none, 0.0, DONE
    warned, calm, lost, edge, keeps = 0, 0, 0, True, extremes.shape[0] == 2
    if keeps:
        extremes[0, :], extremes[1, :] = np.inf, -np.inf
    if samples.shape[0] > 0:
        _copy(start, samples[0])
        sampled = 1
    while True:
        if edge:  # a new formula of the input holds from here on: nothing is known of the slope
            piece = _take_up_piece(equations, piece, t + slack)
            write_slope(equations, size, t, work, STATE, 0)
            if h <= 0.0:
                h = first_step(equations, size, t, work, settings[RTOL], settings[ATOL])
            if events.function != 0:
                value = call_event(events.function, t, work[STATE, :n], events.numbers)
            edge = False
        if t >= end:
            break
        limit = end
        if piece < equations.pieces.shape[0]:
            limit = min(limit, equations.pieces[piece, 0])
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
        lost = lost + 1 if step <= slack else 0
        if lost > _LOST:
            status = BROKE_DOWN
            break
        take_step(equations, size, t, step, work)
        error = step_error(size, step, work, settings[RTOL], settings[ATOL])
        if error >= 1.0:
            h = step * max(0.2, 0.9 / eighth_root(error))
            if not h > slack:  # NaN too
                status = BROKE_DOWN
                break
            continue
        longer = step * min(10.0, 0.9 / eighth_root(error + 1e-30))
        # A step that a sample's end or a breakpoint cut short says nothing against the longer one.
        h = max(h, longer) if last and step < h else longer
        if _is_held_by_stability(size, step, work):
            warned, calm = warned + 1, 0
            if warned >= _SAY_SO and (end - t) / step > settings[STIFF_STEPS]:
                status = STIFF
                break
        elif warned > 0:
            calm += 1
            if calm == _ACQUIT:
                warned = 0
        after, place = limit if last else t + step, 1.0
        kept = keeps and t >= settings[EXTREMES_FROM]
        due = sampled < samples.shape[0] and times[sampled] < after
        if events.function != 0 or kept or due:
            write_interpolant(equations, size, t, step, work)
        if events.function != 0:
            status, place, value, found = _find_events(
                events, settings, t, step, after, work, value, found
            )
            if status == STOPPED:
                after = t + place * step
        while sampled < samples.shape[0] and times[sampled] <= after:
            if times[sampled] == after and status == DONE:
                _copy(work[NEW], samples[sampled])
            else:
                write_within((times[sampled] - t) / step, work, samples[sampled])
            sampled += 1
        if status == STOPPED:
            write_within(place, work, start)
            _copy(start, work[STATE])
        t = after
        if status != DONE:
            break
        if kept:
            _keep_extremes(work, extremes)
        for i in range(size):
            work[STATE, i], work[0, i] = work[NEW, i], work[LAST, i]
        edge = last
    _copy(work[STATE], start)
    outcome[STATUS], outcome[TAKEN], outcome[EVENTS] = status, taken, found
    outcome[REACHED], outcome[STEP_LENGTH] = t, h


@njit(cache=True)
def _orthonormalise(vectors: Any, logarithms: Any) -> bool:
    """Make the rows orthonormal in turn (Gram–Schmidt); say whether their lengths are numbers."""
    for k in range(vectors.shape[0]):
        for j in range(k):
            vectors[k] -= (vectors[j] * vectors[k]).sum() * vectors[j]
        norm = math.sqrt((vectors[k] ** 2).sum())
        if not (norm > 0.0 and norm < 1e300):
            return False
        vectors[k] /= norm
        logarithms[k] = math.log(norm)
    return True


@njit(cache=True, nogil=True)
def grow_tangents(
    equations: Any, start: Any, interval: float, before: int, per_block: int, settings: Any,
    sums: Any, outcome: Any,
) -> None:  # fmt: skip
    """Add the logarithms of the tangent vectors' growth to `sums` (blocks, count), block by block.

    Benettin et al. 1980: every `interval` the vectors are orthonormalised. The first `before`
    intervals are left out. `start` holds the state and the vectors.
    """
    (blocks, count), n = sums.shape, equations.matrix.shape[0]
    moments, no_row, none = np.empty(2), np.empty((0, start.size)), np.empty((0, n))
    nothing = Events(0, np.empty(0), np.empty(0), none)
    logarithms, vectors = np.empty(count), start[n:].reshape(count, n)
    for index in range(before + per_block * blocks):
        moments[0], moments[1] = index * interval, (index + 1) * interval
        march(equations, moments, start, settings, nothing, no_row, none, outcome)
        if outcome[STATUS] != DONE:
            return
        settings[FIRST_STEP] = outcome[STEP_LENGTH]
        if not _orthonormalise(vectors, logarithms):
            outcome[STATUS] = BROKE_DOWN
            return
        if index >= before:
            sums[(index - before) // per_block] += logarithms
