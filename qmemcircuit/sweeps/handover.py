"""What a worker has finished, in a file of its own until the journal has it.

A cluster gives the task of a lost worker to another one. What the first had finished, and had not
yet sent, the other finds here instead of computing it again, where both see the same folder.
"""

from __future__ import annotations

import binascii
import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qmemcircuit.sweeps.journal import Values, read_task, write_task

Results = list[Values | str]
"""Of the points of one task; the error's text where a point failed and is kept."""


def hand_over(
    evaluate: Callable[[list[Any]], Results],
    points: list[Any],
    indices: Sequence[int],
    folder: Path | None,
) -> Results:
    """Run in the worker: the results at `points`, computed or found in `folder`."""
    if folder is None or not folder.is_dir():  # a machine that does not see it
        return evaluate(points)
    place = folder / f"{indices[0]}-{indices[-1]}.json"
    try:
        found = read_task(place.read_bytes())
        if list(found) == list(indices):
            return [found[index] for index in indices]
    except (OSError, ValueError, KeyError, TypeError, binascii.Error):
        pass  # none, or damaged: computed anew
    results = evaluate(points)
    whole = [result for result in results if not isinstance(result, str)]
    if len(whole) == len(results):
        # Whole or not at all, but neither flushed nor insisted on: the results are sent as well.
        part = place.with_suffix(f".{os.getpid()}.part")
        with contextlib.suppress(OSError):
            part.write_bytes(write_task(indices, whole))
            part.replace(place)
    return results
