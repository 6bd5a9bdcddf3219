"""Recorded spikes: read from a file of times, and sorted into the steps of a neuron."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    FloatArray,
    check_integer,
    check_real,
    check_work,
)

SpikeArray = NDArray[np.bool_]


def read_spikes(path: str | os.PathLike[str]) -> list[FloatArray]:
    """Return the spike times of each input from a text file of lines "time, input".

    Times must not fall, over the whole file; inputs count from 0; lines that start with # and
    empty lines are skipped. Raises ValueError that names the line, and FileNotFoundError.
    """
    check_arguments(read_spikes, locals())
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"Argument path must name a file of spikes, but {str(path)!r} does not exist; check "
            "its name."
        )
    found: dict[int, list[float]] = {}
    last = -math.inf
    with Path(path).open(newline="") as stream:
        for number, row in enumerate(csv.reader(stream), start=1):
            if not row or not "".join(row).strip() or row[0].lstrip().startswith("#"):
                continue
            try:
                time, channel = float(row[0]), int(row[1])
                if len(row) != 2 or channel < 0 or not 0 <= time < math.inf:
                    raise ValueError
            except (ValueError, IndexError):
                raise ValueError(
                    f"Argument path must name a file of lines 'time, input' with a time ≥ 0 and an "
                    f"input number ≥ 0, but line {number} of {os.fspath(path)!r} is "
                    f"{','.join(row)!r}."
                ) from None
            if time < last:
                raise ValueError(
                    f"Argument path must name a file with sorted times, but line {number} of "
                    f"{os.fspath(path)!r} has {time:g} after {last:g}; sort the lines by time."
                )
            last = time
            found.setdefault(channel, []).append(time)
    if not found:
        raise ValueError(
            f"Argument path must name a file with spikes, but {os.fspath(path)!r} has none."
        )
    return [np.array(found.get(channel, [])) for channel in range(max(found) + 1)]


def bin_spikes(trains: Sequence[ArrayLike], *, step: float, count: int) -> SpikeArray:
    """Return booleans of shape (count, inputs): whether an input spiked in [kτ, (k+1)τ).

    Two spikes of one input in one step count once, with no warning: choose `step` below the
    shortest interval. Spikes at count·τ or later raise ValueError.
    """
    check_arguments(bin_spikes, locals())
    tau = check_real("step", step, minimum=0, exclusive=True)
    rows = check_integer("count", count, minimum=1)
    check_work("count", rows, 1e8, "steps")
    binned = np.zeros((rows, len(trains)), dtype=bool)
    for j, train in enumerate(trains):
        times = np.asarray(train, dtype=float)
        if np.any(np.diff(times) < 0):
            raise ValueError(
                f"Argument trains must hold sorted times, but input {j} is not sorted; sort it."
            )
        if times.size:
            check_work("step", float(np.max(np.abs(times))) / tau, 10**15, "steps")
        # A time that is k·step up to rounding belongs to step k.
        place = np.floor(times / tau * (1 + 1e-12) + 1e-12).astype(int)
        if place.size and (place.min() < 0 or place.max() >= rows):
            raise ValueError(
                f"Argument count must cover all spikes, but input {j} spikes at "
                f"{times.max():g}, outside of 0 to {rows * tau:g}."
            )
        binned[place, j] = True
    return binned
