"""Sudden deaths and births of entanglement, from the concurrence of a pair against time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

import numpy as np
from scipy.stats import norm

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.concurrence import Concurrence

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

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> found = qm.find_deaths_and_births(
    ...     qm.master_equation(pair, pair.periods(20, points=8)).concurrence(0, 1)
    ... )
    >>> [event.kind for event in found][:2]
    ['death', 'birth']
    """

    kind: Literal["death", "birth"]
    time: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        check_fields(self)


@data_object
@dataclass(frozen=True)
class Undecided:
    """Times at which the shots leave open whether the pair is entangled.

    Attributes:
        lower, upper: the first and last of these times.
        shots_factor: about how many times the shots would decide about a typical time in there:
            the widths of the intervals, which shrink as 1/√shots, against the measured `signed`
            without its noise, in mean squares. Good to a factor of a few; a lower bound where
            `signed` cannot be told from 0, and inf where no shots were taken but stated errors are
            too large.
    """

    lower: float
    upper: float
    shots_factor: float

    def __str__(self) -> str:
        """Return the sentence that a person reads."""
        remedy = f"about {self.shots_factor:.2g} times the shots would decide"
        if np.isinf(self.shots_factor):
            remedy = "the stated errors are too large"
        return f"undecided from t = {self.lower:.4g} to {self.upper:.4g}: {remedy}"


class Events(tuple[Event, ...]):
    """The events found, a tuple, and in `undecided` where the data cannot say.

    An empty one with nothing undecided means that there is no event; an empty one with undecided
    stretches means that the shots do not tell.
    """

    undecided: tuple[Undecided, ...]

    def __new__(cls, events: Iterable[Event] = (), undecided: Iterable[Undecided] = ()) -> Self:
        """Return the tuple of `events` that knows `undecided`."""
        made = super().__new__(cls, events)
        made.undecided = tuple(undecided)
        return made

    def __getnewargs__(self) -> tuple[tuple[Event, ...], tuple[Undecided, ...]]:
        """Return what copies are made from."""
        return tuple(self), self.undecided

    def __str__(self) -> str:
        """Return one line per event and per undecided stretch."""
        lines = [
            f"{event.kind} at t = {event.time:.4g}, between {event.lower:.4g} and {event.upper:.4g}"
            for event in self
        ]
        lines += [str(stretch) for stretch in self.undecided]
        return "\n".join(lines) or "no event"


def find_deaths_and_births(concurrence: Concurrence) -> Events:
    """Return the sudden deaths and births of entanglement in order, and what is undecided.

    From an exact concurrence: every change of sign of the signed concurrence between two
    neighbouring times. `time` is the root of the straight line between them, and they are the
    bounds. Two changes within one step are not seen. C = 0 at the first time alone (a product state
    that starts to entangle) is no birth.

    From shots: an event is claimed only where entanglement on one side and separability on the
    other are both established, at the concurrence's level for the whole series. For that, several
    neighbouring times must agree; how many, and why: docs/pages/concepts/entanglement.md. Between
    an event's bounds lies at least one crossing of zero (an odd number). `time` is where a straight
    line fitted to `signed` between the bounds crosses zero, or their midpoint; it has no error of
    its own, so quote the bounds. From states with stated errors (an interval without a level) each
    time speaks for itself.

    What it is *not*: where `undecided` of the result is not empty, no event found does not mean
    that there is none. It holds the stretches in which the counts establish neither, each with an
    estimate of how many more shots would.

    >>> times = np.linspace(0, 1, 21)
    >>> signed = np.full(21, 0.02)
    >>> found = find_deaths_and_births(
    ...     Concurrence(times, signed, signed, np.zeros(21), signed + 0.03, level=0.95)
    ... )
    >>> len(found)
    0
    >>> print(found)
    undecided from t = 0 to 1: about 5.4 times the shots would decide
    """
    check_arguments(find_deaths_and_births, locals())
    if concurrence.lower is None or concurrence.upper is None:
        return Events(_exact_events(concurrence.times, concurrence.signed))
    times, level = concurrence.times, concurrence.level
    length = 1 if level is None else _stretch_length(times.size, level)
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
    return Events(events, _undecided(concurrence, [k for k, _ in starts], events, length))


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


def _undecided(
    concurrence: Concurrence, established: Sequence[int], events: Sequence[Event], length: int
) -> list[Undecided]:
    """Return the runs of at least `length` times that no established stretch or event covers."""
    times, upper = concurrence.times, concurrence.upper
    assert upper is not None
    covered = np.zeros(times.size, dtype=bool)
    for k in established:
        covered[k : k + length] = True
    for event in events:
        covered |= (times >= event.lower) & (times <= event.upper)
    edges = np.flatnonzero(np.diff(np.concatenate([[1], covered, [1]])))
    found = []
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - first < min(length, times.size):
            continue
        if concurrence.level is None:
            found.append(Undecided(float(times[first]), float(times[stop - 1]), np.inf))
            continue
        # A time is decided where its interval is narrower than its distance from 0: compare their
        # mean squares, the noise taken off the latter; below its own error it is not known.
        widths = (upper[first:stop] - concurrence.signed[first:stop]) ** 2
        noise = float(np.mean(widths)) / float(norm.isf((1 - concurrence.level) / 2)) ** 2
        distance = float(np.mean(concurrence.signed[first:stop] ** 2)) - noise
        distance = max(distance, noise * float(np.sqrt(2 / (stop - first))))
        factor = float(np.mean(widths)) / distance if distance > 0 else np.inf
        last = int(stop) - 1
        found.append(Undecided(float(times[first]), float(times[last]), max(1.0, factor)))
    return found


def _crossing(concurrence: Concurrence, start: int, stop: int) -> float:
    times = concurrence.times[start : stop + 1]
    middle = concurrence.signed[start : stop + 1]
    slope, offset = np.polyfit(times - times[0], middle, 1)
    root = float(times[0] - offset / slope) if slope != 0 else float("nan")
    return root if times[0] <= root <= times[-1] else float((times[0] + times[-1]) / 2)
