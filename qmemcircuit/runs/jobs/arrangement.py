"""In which order circuits go into jobs: so that a device that drifts slowly is averaged over.

All circuits of a time stand in one job where it holds them, whatever their noise factor: a job
that is lost takes its times with it and no others. Within a job they are spread: settings one
after the other, times forwards in one and backwards in the next, all noise factors of a circuit
together; the readout's calibration stands in the middle. A number that drifts evenly is then,
averaged over a time's settings, what it is in the middle of the job, for all times and for the
calibration alike. Without that the first time would see another device than the last, and the
calibration one that none of them saw.

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
    by_setting = sorted(circuits, key=lambda place: _setting(runs, place))
    ordered: list[Place] = []
    groups = groupby(by_setting, key=lambda place: _setting(runs, place))
    for turn, (_, group) in enumerate(groups):
        own = sorted(group, key=lambda place: (_time(runs, place), place))
        ordered += own[::-1] if turn % 2 else own
    middle = len(ordered) // 2
    return [*ordered[:middle], *calibration, *ordered[middle:]]
