"""Concurrence of a pair against time, its sudden deaths and births, its relation to the loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import rankdata

from qmemcircuit.common.checks import FloatArray, IntArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.witnesses import concurrence_limits, pair_counts
from qmemcircuit.results.observables import signed_concurrence

if TYPE_CHECKING:
    from qmemcircuit.analysis.loops import Loop
    from qmemcircuit.results.trajectory import Trajectory

# Wootters' λ are square roots: rounding of 1e-16 in a state moves them by up to 1e-8.
_ZERO = 1e-7


@data_object
@dataclass(frozen=True, eq=False)
class Concurrence:
    """Wootters' concurrence of one pair against time; every array has shape (T,).

    Attributes:
        times: the times.
        value: the concurrence, 0 to 1. From shots: that of the physical state nearest to the linear
            inversion with least-variance weights, moved to the end of the interval where it falls
            outside. It is *not* unbiased: projection makes a product state look entangled and
            a Bell state less so, each by a few times 1/√shots at most. The weights make it less
            noisy than the concurrence of `estimate(record).states`, where all settings weigh alike.
        signed: λ1 − λ2 − λ3 − λ4, whose positive part is the concurrence; negative in separable
            states. From shots: that of the same physical state.
        lower, upper: ends of the interval at each time, None where exact. lower > 0 means that
            the pair is entangled, and upper = 0 that it is separable, each time by itself at
            confidence (1 + level)/2.
        level: the probability, at each time by itself, that the interval holds the concurrence;
            None where exact.
        period: the period of the first of the pair, or None.
        seed: of the random halves behind `lower`, None where exact.
    """

    times: FloatArray
    value: FloatArray
    signed: FloatArray
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    level: float | None = None
    period: float | None = None
    seed: int | None = None


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


@data_object
@dataclass(frozen=True, eq=False)
class LaggedCorrelation:
    """Correlation of the changes of concurrence and form factor from loop to loop, at several lags.

    Attributes:
        lags: in loops, shape (L,); positive where the form factor follows the concurrence.
        pearson, spearman: correlation of C_{n+1} − C_n with F_{n+1+lag} − F_{n+lag}, shape (L,).
        lag: the lag of the most negative Spearman correlation.
    """

    lags: IntArray
    pearson: FloatArray
    spearman: FloatArray
    lag: int


def concurrence_of(
    trajectory: Trajectory, first: int, second: int, *, level: float = 0.95, seed: int = 0
) -> Concurrence:
    """Return the concurrence of memristors `first` and `second`; see `Trajectory.concurrence`.

    From shots, the two ends of the interval are made differently. z is the normal quantile of
    (1 + level)/2; means and errors are those of a witness, a linear function of the Pauli means of
    the pair's nine tomography settings, weighted for the least variance.

    - Lower: the counts are halved at random. A witness chosen by one half is evaluated on the
      other, where its mean is that of a function which never exceeds C; both ways round, mean of
      4 halvings, less z standard errors. So noise is not taken for entanglement.
    - Upper: the largest over a few witnesses of the mean on all counts plus z standard errors.
      The witness that is best for the true state would give a valid limit by itself.

    The standard errors include the choice of the witness. The limits rest on normal errors and on
    a finite list of witnesses, so coverage is a measured fact, not a theorem: at least nominal at
    levels 0.68 and 0.95 for the states and 100 to 20000 shots per setting of
    tests/analysis/test_entanglement.py. It holds at each time by itself: of 100 times, up to
    100 (1 − level) may miss.

    From mitigated counts the same, with the witnesses' means readout-corrected and extrapolated:
    the interval includes the price of both and the readout calibration's error, and not the bias
    that the extrapolation leaves, which no shot can show.

    Args:
        trajectory: with exact states, or with tomography settings of the pair among its samples.
            Counts take precedence over states.
        first, second: two different devices.
        level: of the interval, between 0.5 and 1; unused where exact.
        seed: of the random halves.

    Raises:
        ValueError: neither states nor samples, a pair that was not measured in all nine settings,
            fewer than 50 shots in one of them, bad indices or level.
    """
    count = trajectory.device_count
    for name, index in (("first", first), ("second", second)):
        if not 0 <= check_integer(name, index, minimum=0) < count:
            raise ValueError(
                f"Argument {name} must be from 0 to {count - 1}, but {index} was given."
            )
    if first == second:
        raise ValueError(
            f"Argument second must differ from first, but both are {first}; concurrence is of two."
        )
    level = check_real("level", level, minimum=0.5)
    if level >= 1:
        raise ValueError(f"Argument level must be below 1, but {level:g} was given.")
    seed = check_integer("seed", seed, minimum=0)
    period = None if trajectory.periods is None else float(trajectory.periods[first])
    data = trajectory.mitigated or trajectory.samples
    if data is not None:
        lower, upper, signed = concurrence_limits(pair_counts(data, first, second), level, seed)
        value = np.clip(np.maximum(0.0, signed), lower, upper)
        return Concurrence(trajectory.times, value, signed, lower, upper, level, period, seed)
    if trajectory.states is None and not trajectory.pair_states:
        raise ValueError(
            "Argument trajectory must hold states or samples, but it has neither; make it with "
            "exact_circuit, master_equation, or estimate(run(…, bases='tomography'))."
        )
    signed = signed_concurrence(trajectory.pair_state(first, second))
    return Concurrence(trajectory.times, np.maximum(0.0, signed), signed, period=period)


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


def inverse_relation(
    concurrence: Concurrence, loops: Sequence[Loop], *, largest_lag: int = 4
) -> LaggedCorrelation:
    """Correlate the change of the concurrence with that of the form factor `lag` loops later.

    Fig. 8 of guo2022 calls the two inversely related; this says how strongly, and with what delay.
    C_n is the mean of `value` over loop n by the trapezoidal rule. Changes from loop to loop are
    correlated, not the values: both decay in the long run, and that common trend would hide any
    inverse relation. Neighbouring loops are far from independent, so no p-value is given.

    Args:
        concurrence: of the pair, at times that cover the loops.
        loops: from `find_loops`, consecutive.
        largest_lag: lags from −largest_lag to +largest_lag; at least 5 loops must remain.

    Raises ValueError where loops are too few or not covered by the times.
    """
    largest_lag = check_integer("largest_lag", largest_lag, minimum=0)
    if len(loops) < largest_lag + 5:
        raise ValueError(
            f"Argument loops must hold at least {largest_lag + 5} loops for largest_lag = "
            f"{largest_lag}, but it has {len(loops)}; simulate longer or lower largest_lag."
        )
    times = concurrence.times
    slack = 1e-9 * (loops[0].stop - loops[0].start)
    if times[0] > loops[0].start + slack or times[-1] < loops[-1].stop - slack:
        raise ValueError(
            f"Argument concurrence must cover the loops, {loops[0].start:g} to {loops[-1].stop:g}, "
            f"but its times run from {times[0]:g} to {times[-1]:g}."
        )
    means = np.array([_mean_between(concurrence, loop.start, loop.stop) for loop in loops])
    rises, falls = np.diff(means), np.diff([loop.form_factor for loop in loops])
    lags = np.arange(-largest_lag, largest_lag + 1)
    pearson, spearman = (np.empty(lags.size) for _ in range(2))
    for place, lag in enumerate(lags.tolist()):
        first = rises[max(0, -lag) : len(rises) - max(0, lag)]
        second = falls[max(0, lag) : len(falls) - max(0, -lag)]
        if np.ptp(first) == 0 or np.ptp(second) == 0:
            raise ValueError(
                "Arguments concurrence and loops must change unevenly for a correlation, but one "
                "of them is constant or a straight line."
            )
        pearson[place] = np.corrcoef(first, second)[0, 1]
        spearman[place] = np.corrcoef(rankdata(first), rankdata(second))[0, 1]
    return LaggedCorrelation(lags, pearson, spearman, int(lags[np.argmin(spearman)]))


def _mean_between(concurrence: Concurrence, start: float, stop: float) -> float:
    times, values = concurrence.times, concurrence.value
    inside = (times > start) & (times < stop)
    grid = np.concatenate([[start], times[inside], [stop]])
    return float(np.trapezoid(np.interp(grid, times, values), grid) / (stop - start))


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
