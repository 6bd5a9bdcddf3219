"""In which order circuits go into jobs: so that a device that drifts slowly is averaged over.

All circuits of a time stand in one job where it holds them, whatever their noise factor: a job
that is lost takes its times with it and no others. Within a job times and settings are spread: the
settings of a time over the whole job, and the times of a setting too, scattered by the golden
ratio so that a drift is no trend in time; all noise factors of a circuit stand together, and the
readout's calibration in the middle. A number that drifts evenly is then, on average over the
circuits behind any mean or series, what it is for the calibration. Otherwise the first time would
see another device than the last, factor 3 another than factor 1, and the calibration one that none
of them saw.

In long submissions each job has a calibration of its own, and their counts are added.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from qmemcircuit.runs.jobs.protocols import Submittable
from qmemcircuit.runs.planned_runs import PlannedRun

FEWEST_BETWEEN = 20
"""Calibration circuits are repeated in each job that has at least so many times their number: they
then cost at most 5 %."""

GOLDEN = (math.sqrt(5) - 1) / 2
"""Multiples of it, modulo 1, are spread as evenly as numbers in a row can be."""

Place = tuple[int, int]
"""Which run, and which of its circuits (time-major)."""


def arranged_jobs(runs: Sequence[PlannedRun], target: Submittable) -> list[tuple[int, list[Place]]]:
    """Return shots and circuits of each job, in the order in which they are sent.

    All circuits of a job have the same number of shots.
    """
    found = []
    for shots in dict.fromkeys(run.shots for run in runs):
        physics: list[Place] = []
        calibration: list[Place] = []
        for number, run in enumerate(runs):
            if run.shots == shots:
                chosen = calibration if run.role.startswith("readout") else physics
                chosen += [(number, index) for index in range(len(run.circuits))]
        # By time, whatever the run.
        physics.sort(key=lambda place: (_time(runs, place), place))
        limit = len(target.parts(len(physics) + len(calibration), shots)[0])
        room = limit - len(calibration)
        if room < 1 or not physics:
            middle = len(physics) // 2
            ordered = [*physics[:middle], *calibration, *physics[middle:]]
            found += [(shots, list(some)) for some in _batched(ordered, limit)]
            continue
        jobs = _jobs_of_times(runs, physics, room)
        everywhere = room >= FEWEST_BETWEEN * len(calibration)
        for number, job in enumerate(jobs):
            here = everywhere or number == len(jobs) // 2
            found.append((shots, _spread(runs, job, calibration if here else ())))
    return found


def _jobs_of_times(
    runs: Sequence[PlannedRun], circuits: Sequence[Place], room: int
) -> list[list[Place]]:
    """Return the circuits of each job: whole times where one fits, about equally many in each."""
    times = [list(group) for _, group in groupby(circuits, key=lambda place: _time(runs, place))]
    most = max(len(group) for group in times)
    if most > room:
        return [list(some) for some in _batched(circuits, room)]
    count = math.ceil(len(times) / (room // most))
    ends = [round(part * len(times) / count) for part in range(count + 1)]
    return [functools.reduce(operator.iadd, times[start:end], []) for start, end in pairwise(ends)]


def _batched(circuits: Sequence[Place], size: int) -> Iterator[Sequence[Place]]:
    """Yield `size` circuits at a time."""
    for start in range(0, len(circuits), size):
        yield circuits[start : start + size]


def _time(runs: Sequence[PlannedRun], place: Place) -> int:
    return place[1] // len(runs[place[0]].circuits.bases)


def _setting(runs: Sequence[PlannedRun], place: Place) -> str:
    bases = runs[place[0]].circuits.bases
    return bases[place[1] % len(bases)]


def _spread(
    runs: Sequence[PlannedRun], circuits: Sequence[Place], calibration: Sequence[Place]
) -> list[Place]:
    """Return the order within one job."""
    settings = sorted({_setting(runs, place) for place in circuits})
    rank = {setting: number / len(settings) for number, setting in enumerate(settings)}

    def position(place: Place) -> tuple[float, str, Place]:
        setting = _setting(runs, place)
        share = (GOLDEN * _time(runs, place) + rank[setting]) % 1.0
        return round(share, 9), setting, place

    ordered = sorted(circuits, key=position)
    middle = len(ordered) // 2
    return [*ordered[:middle], *calibration, *ordered[middle:]]
