"""A closed loop's journal: what each step measured, on disk before the next step is asked for.

A session on hardware lasts hours, and its process may die. `step_journal` opens a folder with one
file that says what runs, and one for each step, each written whole or not at all; a loop that is
started again with the same arguments reads what was measured and goes on at the first step that is
missing. A device that has changed its calibration meanwhile is the caller's decision: nothing is
lost whichever way it goes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.common.locks import locked
from qmemcircuit.common.storage import load_file, save_file

SESSION, STEP = "closed loop", "closed loop step"


@dataclass(frozen=True)
class StepJournal:
    """The journal of one loop, made by `step_journal`.

    Attributes:
        folder: where the steps' files are.
        done: how many steps were measured before; theirs are the numbers 1 to `done`.
    """

    folder: Path
    done: int

    def read(self, step: int) -> tuple[IntArray, FloatArray]:
        """Return a step's counts, and the readout errors that were inverted in it."""
        _, arrays = load_file(_place(self.folder, step), STEP)
        return arrays["counts"].astype(np.int64), arrays["readout"].astype(float)

    def write(self, step: int, counts: IntArray, readout: FloatArray) -> None:
        """Keep what a step measured, on disk when this returns."""
        arrays = {"counts": counts, "readout": readout}
        save_file(_place(self.folder, step), STEP, {"step": step}, arrays)


@contextmanager
def step_journal(
    folder: Path, loop: Mapping[str, Any], calibration: Mapping[str, Any], *, accept: bool
) -> Iterator[StepJournal]:
    """Open the journal of a loop, new or begun, for this process alone.

    Args:
        folder: new, or the journal of the same loop.
        loop: what runs, as JSON values; all of it must be the same when a loop goes on.
        calibration: of what it runs on, as JSON values; may change if `accept`.
        accept: whether to go on where the calibration is another one now.

    Raises:
        ValueError: where the journal is of another loop, or its calibration has changed.
    """
    now: dict[str, Any] = {
        "loop": _plain(loop),
        "calibrations": [{"from": 1, **_plain(calibration)}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    refusal = f"Argument journal must be used by one process, but {folder} is in use."
    with locked(folder / "lock", refusal):
        place = folder / "session.json"
        if not place.exists():
            save_file(place, SESSION, now, {})
            yield StepJournal(folder, 0)
            return
        before, _ = load_file(place, SESSION)
        changed = sorted(
            key
            for key in {*before["loop"], *now["loop"]}
            if before["loop"].get(key) != now["loop"].get(key)
        )
        if changed:
            raise ValueError(
                f"Argument journal must be of the same loop, but {folder} has another "
                f"{' and another '.join(changed)}; give the arguments that it was begun with, or "
                "a new folder."
            )
        done = 0
        while _place(folder, done + 1).exists():
            done += 1
        latest = {key: value for key, value in before["calibrations"][-1].items() if key != "from"}
        if latest != _plain(calibration):
            if not accept:
                raise ValueError(
                    f"Argument journal must go on under the calibration that it has, but that of "
                    f"the target has changed after step {done}; all steps are kept in {folder}. "
                    "accept_calibration=True goes on with the new one (the session notes both), "
                    "the target of that time finishes with the old."
                )
            began = {"from": done + 1, **_plain(calibration)}
            kept = [item for item in before["calibrations"] if item["from"] <= done]
            save_file(place, SESSION, {**now, "calibrations": [*kept, began]}, {})
        yield StepJournal(folder, done)


def open_journal(
    folder: str | os.PathLike[str] | None,
    loop: Mapping[str, Any],
    target: Mapping[str, Any],
    *,
    readout: ArrayLike = (0.0, 0.0),
    accept: bool,
) -> AbstractContextManager[StepJournal | None]:
    """Open a loop's journal, none without a folder; a new calibration of the target is told apart.

    Args:
        folder, loop, accept: see `step_journal`.
        target: as it describes itself; its layout, calibration and compiled forms may change.
        readout: the errors that are inverted, which may change too.
    """
    if folder is None:
        return nullcontext()
    calibration = {key: target.get(key) for key in ("layout", "calibration", "forms")}
    fixed = {key: value for key, value in target.items() if key not in calibration}
    return step_journal(
        Path(folder),
        {**loop, "target": fixed},
        {**calibration, "readout": np.asarray(readout)},
        accept=accept,
    )


def measure_step(
    kept: StepJournal | None,
    step: int,
    measure: Callable[[], IntArray],
    *,
    readout: ArrayLike = (0.0, 0.0),
) -> tuple[IntArray, FloatArray]:
    """Return a step's counts and readout errors: what the journal has, or what is measured now.

    The journal's steps are numbered from 1.
    """
    if kept is not None and step <= kept.done:
        return kept.read(step)
    counts, flips = measure(), np.asarray(readout, dtype=float)
    if kept is not None:
        kept.write(step, counts, flips)
    return counts, flips


def _place(folder: Path, step: int) -> Path:
    return folder / f"step-{step:07d}.json"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what comes back from JSON: tuples as lists, NumPy's numbers as Python's."""
    found: dict[str, Any] = json.loads(json.dumps(values, default=np.ndarray.tolist))
    return found
