"""Sudden deaths and births of entanglement, from the concurrence of a pair against time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.concurrence import Concurrence

if TYPE_CHECKING:
    pass

# Wootters' λ are square roots: rounding of 1e-16 in a state moves them by up to 1e-8.
_ZERO = 1e-7


@data_object
@dataclass(frozen=True)
class Event:
    """A sudden death (C falls to 0) or birth (C leaves 0) of entanglement.

    Attributes:
        kind: `"death"` or `"birth"`.
        time: where it is estimated to be.
        lower, upper: bounds on it. From exact states, the two neighbouring times. From shots,
            see `find_deaths_and_births`.
    """

    kind: Literal["death", "birth"]
    time: float
    lower: float
    upper: float


def find_deaths_and_births(concurrence: Concurrence) -> tuple[Event, ...]:
    """Return the sudden deaths and births of entanglement, in order of time.

    Exact: every change of sign of the signed concurrence between two neighbouring times; `time`
    is the root of the straight line between them, and they are the bounds. Two changes within one
    step are not seen. C = 0 at the first time alone (a product state that starts to entangle) is
    no birth.

    From shots: an event is claimed only where entanglement *and* separability are both established.
    Let α = (1 − level)/2 and m the smallest integer with 2 T α^m ≤ 1 − level. A stretch of m
    neighbouring times whose lower limits are all above 0 establishes that C > 0 at one of
    them; m upper limits that are all 0, that C = 0 at one of them. Shots at different times being
    independent, all such statements of a series hold together with probability at least `level`;
    mitigated ones share a readout calibration and decay rates, so there it is an approximation.
    A death lies between the start of the last such entangled stretch and the end of the first
    separable one after it, a birth the other way round: at least one crossing (an odd number) is
    in there. `time` is where a straight line fitted to `signed` between the bounds crosses
    zero (their midpoint, where it does not); it has no error of its own, quote the bounds. Where C
    stays within the noise of zero nothing is claimed: no event found does not mean that there is
    none.
    """
    if concurrence.lower is None or concurrence.upper is None or concurrence.level is None:
        return _exact_events(concurrence.times, concurrence.signed)
    times = concurrence.times
    length = _stretch_length(times.size, concurrence.level)
    entangled = _stretches(concurrence.lower > 0, length)
    separable = _stretches(concurrence.upper <= 0, length)
    starts = sorted([(k, True) for k in entangled] + [(k, False) for k in separable])
    events = []
    for (before, was), (after, now) in pairwise(starts):
        if was != now:
            stop = after + length - 1
            time = _crossing(concurrence, before, stop)
            events.append(
                Event("death" if was else "birth", time, float(times[before]), float(times[stop]))
            )
    return tuple(events)


def _exact_events(times: FloatArray, signed: FloatArray) -> tuple[Event, ...]:
    entangled = signed > _ZERO
    events = []
    for k in np.flatnonzero(entangled[1:] != entangled[:-1]):
        if k == 0 and abs(signed[0]) <= _ZERO:
            continue
        before, after = (0.0 if abs(c) <= _ZERO else float(c) for c in signed[k : k + 2])
        time = times[k] + (times[k + 1] - times[k]) * before / (before - after)
        kind: Literal["death", "birth"] = "death" if entangled[k] else "birth"
        events.append(Event(kind, float(time), float(times[k]), float(times[k + 1])))
    return tuple(events)


def _stretch_length(times: int, level: float) -> int:
    """Return the smallest m with 2 T α^m ≤ 1 − level, α = (1 − level)/2."""
    return max(1, int(np.ceil(np.log((1 - level) / (2 * times)) / np.log((1 - level) / 2))))


def _stretches(holds: np.ndarray[tuple[int], np.dtype[np.bool_]], length: int) -> list[int]:
    """Return where `length` neighbouring entries are all true."""
    if holds.size < length:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(holds, length)
    return [int(k) for k in np.flatnonzero(windows.all(axis=1))]


def _crossing(concurrence: Concurrence, start: int, stop: int) -> float:
    times = concurrence.times[start : stop + 1]
    middle = concurrence.signed[start : stop + 1]
    slope, offset = np.polyfit(times - times[0], middle, 1)
    root = float(times[0] - offset / slope) if slope != 0 else float("nan")
    return root if times[0] <= root <= times[-1] else float((times[0] + times[-1]) / 2)
