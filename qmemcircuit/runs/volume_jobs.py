"""Cells of the memristor volume measured by jobs of a service: a submission's folder for each.

What was measured is never measured again: a cell whose folder holds a submission is resumed and
collected, so that the same call after an interruption goes on where it ended.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.model.memristors import Network
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.estimation import mitigate
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.jobs.collection import collect
from qmemcircuit.runs.jobs.folder import plan_of
from qmemcircuit.runs.jobs.protocols import Submittable
from qmemcircuit.runs.jobs.submission import resume, submit
from qmemcircuit.runs.planning import Plan, plan


class Measure(Protocol):
    """What stands for a device: it measures V and I of a network, with errors."""

    def __call__(self, network: Network, times: FloatArray, steps: int) -> Trajectory:
        """Return V and I at these times by circuits of so many Strang steps."""
        ...


MITIGATION = Mitigation((1, 3))
"""Two-qubit gates folded, a straight line, readout calibrated: where the noise can be amplified."""

CIRCUITS: dict[str, Any] = {"bases": "Y", "splitting": "strang"}


def planned_cell(
    network: Network,
    times: FloatArray,
    steps: int,
    *,
    target: Submittable,
    shots: int,
) -> Plan:
    """Return what one cell would cost; ValueError where the device cannot run it."""
    mitigation = _mitigation_on(target)
    return plan(
        network, times, target=target, shots=shots, steps=steps, mitigation=mitigation, **CIRCUITS
    )


def measured_by_jobs(
    target: Submittable,
    shots: int,
    folder: str | os.PathLike[str] | None,
    cells: Iterable[tuple[Network, FloatArray]],
    *,
    wait: float,
    confirm: Callable[[Plan], bool] | None,
) -> Measure:
    """Return how a service measures V and I of a cell: submitted, or resumed, and waited for.

    Raises ValueError where the folder holds one of `cells` measured otherwise. A cell raises
    ValueError where the device cannot run it, and RuntimeError where its jobs are not all done
    after `wait` seconds or its folder is damaged.
    """
    now = f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:6]}"
    whole = Path(f"qmemcircuit-volume-{now}" if folder is None else folder)
    mitigation = _mitigation_on(target)
    for asked, at in cells:
        if (_place(whole, asked, at) / "plan.json").exists():
            _check_same(_place(whole, asked, at), asked, at, target, shots, mitigation)

    def measure(network: Network, times: FloatArray, steps: int) -> Trajectory:
        place = _place(whole, network, times)
        if not (place / "plan.json").exists():
            submit(
                network,
                times,
                target=target,
                shots=shots,
                folder=place,
                steps=steps,
                mitigation=mitigation,
                confirm=confirm,
                **CIRCUITS,
            )
        try:
            service = target.connect(place)
            resume(place, service=service)
            found = collect(place, service=service, wait=wait)
        except ValueError as error:  # no reason to end the row: it was planned and sent
            raise RuntimeError(str(error)) from error
        if not found.complete or found.record is None:
            raise RuntimeError(
                f"The jobs of {place} are not all done: {' '.join(map(str, found.missing))} The "
                f"same call with folder={str(whole)!r} goes on from here; "
                f"resume({str(place)!r}, retry=True) sends failed jobs again."
            )
        return mitigate(found.record, current="current_operator")

    return measure


def _mitigation_on(target: Submittable) -> Mitigation:
    """Return what is declared on a target: readout alone where noise cannot be amplified."""
    try:
        target.amplify(MITIGATION.factors[-1])
    except ValueError:
        return Mitigation()
    return MITIGATION


def _place(folder: Path, network: Network, times: FloatArray) -> Path:
    periods = max(1, round(float(times[-1]) / network.period))
    return folder / f"{len(network.memristors)}x{periods}"


def _check_same(
    place: Path,
    network: Network,
    times: FloatArray,
    target: Submittable,
    shots: int,
    mitigation: Mitigation,
) -> None:
    """Raise ValueError where a cell's folder was measured otherwise than now asked."""
    kept, _ = plan_of(place)
    asked = {
        "shots": (kept["shots"], shots),
        "target": (kept["target"]["name"], target.describe()["name"]),
        "model": (kept["model"], describe_model(network, times)),
        "mitigation": (kept["mitigation"], mitigation.describe()),
    }
    for name, (there, now) in asked.items():
        if _plain(there) != _plain(now):
            words = f": {there} there, {now} now" if name in ("shots", "target") else ""
            raise ValueError(
                f"Argument folder must hold cells of the same volume, but {str(place)!r} has "
                f"another {name}{words}; choose another folder."
            )


def _plain(value: object) -> object:
    """Return a value as a file keeps it: tuples are lists."""
    return json.loads(json.dumps(value))
