"""How far a device's calibration moved between the submission of circuits and their execution.

A plan chooses qubits, forms and shots by the calibration of its day; the jobs run hours or days
later. Where the service tells how the device was calibrated when each job began, a record keeps
that beside the calibration of its plan. What the calibration does not state (crosstalk, drift
since it was taken) is in neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object

SECONDS_PER_HOUR = 3600

STILL = 1e-9
"""Relative changes below are those of writing and reading numbers."""


@data_object(also=("verdict",))
@dataclass(frozen=True, eq=False)
class CalibrationDrift:
    """Calibrated numbers at execution divided by those at submission; `print` gives the summary.

    Attributes:
        jobs: those of which the service told the calibration, J of them.
        hours: from submission to the start of each job, (J,); NaN where it is not known.
        places: for each kind of number ("T1", "two-qubit errors", "readout errors", …) what it is
            of, e.g. "qubit 5" or "cz 5-6": the qubits that were used.
        factors: for each kind the quotient, (J, N) in the order of `places`, of all numbers that
            the calibration at submission states above 0; NaN where the one at execution does not.

    Raises:
        ValueError: for other shapes and for factors that are not above 0.

    >>> import numpy as np
    >>> import qmemcircuit as qm
    >>> factors = {"T1": np.array([[0.7, 1.02]])}
    >>> places = {"T1": ("qubit 5", "qubit 6")}
    >>> print(qm.CalibrationDrift(("job7",), np.array([1.5]), places, factors).verdict)
    T1 of qubit 5 × 0.70 in job7
    """

    jobs: tuple[str, ...]
    hours: FloatArray
    places: Mapping[str, tuple[str, ...]]
    factors: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        check_fields(self, missing=("hours", "factors"))
        if np.shape(self.hours) != (len(self.jobs),):
            raise ValueError(
                f"Argument hours must have one entry for each of {len(self.jobs)} jobs, but it has "
                f"shape {np.shape(self.hours)}; give NaN where it is not known."
            )
        for kind, names in self.places.items():
            wanted = (len(self.jobs), len(names))
            if kind not in self.factors or np.shape(self.factors[kind]) != wanted:
                raise ValueError(
                    f"Argument factors must have the shape {wanted} for {kind!r}, one row a job "
                    "and one column a place, but it has "
                    f"{np.shape(self.factors[kind]) if kind in self.factors else 'none'}; give NaN "
                    "where the calibration at execution states none."
                )
            if np.any(self.factors[kind] <= 0):
                raise ValueError(
                    f"Argument factors must be above 0, but {kind!r} has "
                    f"{float(np.nanmin(self.factors[kind])):g}; give NaN where the calibration at "
                    "execution states none."
                )

    @property
    def largest(self) -> tuple[str, str, str, float] | None:
        """Kind, place, job and factor of the number that moved most, by ratio; None for none."""
        found = None
        most = STILL
        for kind, table in self.factors.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                sizes = np.abs(np.log(table))
            if not np.any(sizes > most):
                continue
            job, place = np.unravel_index(int(np.nanargmax(sizes)), sizes.shape)
            most = float(sizes[job, place])
            found = kind, self.places[kind][place], self.jobs[job], float(table[job, place])
        return found

    @property
    def verdict(self) -> str:
        """What moved most, in a few words, and how many numbers are not known at execution."""
        total = sum(table.size for table in self.factors.values())
        missing = sum(int(np.isnan(table).sum()) for table in self.factors.values())
        if missing == total:
            return "not known: no number is stated at execution"
        said = "it did not move"
        if self.largest is not None:
            kind, place, job, factor = self.largest
            said = f"{kind} of {place} × {factor:.2f} in {job}"
        return said + (f"; {missing} of {total} numbers not stated at execution" if missing else "")

    def __str__(self) -> str:
        """Return what moved, and by how much."""
        known = self.hours[np.isfinite(self.hours)]
        later = f" (up to {known.max():.1f} hours later)" if known.size else ""
        head = f"calibration from submission to execution{later}"
        parts = []
        for kind, table in self.factors.items():
            there = table[np.isfinite(table)]
            if there.size and np.any(np.abs(np.log(there)) > STILL):
                parts.append(f"{kind} × {there.min():.2f} to {there.max():.2f}")
        said = f"{', '.join(parts)}; most: {self.verdict}" if parts else self.verdict
        return f"{head}: {said}"


def calibration_drift(provenance: Mapping[str, Any]) -> CalibrationDrift | None:
    """Return the drift that a record's provenance tells; None where it tells none.

    Args:
        provenance: with the plan's calibration below `"target"`, and below `"executed"` for each
            job when it started and the device's calibration then.
    """
    target = provenance.get("target", {})
    before = target.get("calibration")
    executed = {
        str(job): found
        for job, found in provenance.get("executed", {}).items()
        if found.get("calibration")
    }
    if not before or not executed:
        return None
    qubits = [int(qubit) for qubit in target["layout"]["qubits"]]
    planned = {key: value for key, value in _numbers(before, qubits) if value}
    later = [dict(_numbers(found["calibration"], qubits)) for found in executed.values()]
    kinds = dict.fromkeys(kind for kind, _ in planned)
    places = {kind: tuple(place for own, place in planned if own == kind) for kind in kinds}
    factors = {
        kind: np.array(
            [
                [
                    _quotient(found.get((kind, place)), planned[kind, place])
                    for place in places[kind]
                ]
                for found in later
            ]
        )
        for kind in kinds
    }
    created = provenance.get("created")
    hours = np.array([_hours(created, found.get("started")) for found in executed.values()])
    return CalibrationDrift(tuple(executed), hours, places, factors)


def _numbers(
    calibration: Mapping[str, Any], qubits: list[int]
) -> Iterator[tuple[tuple[str, str], float | None]]:
    """Yield kind and place with the number of a calibration of the used qubits."""
    for kind, name in (("T1", "t1"), ("T2", "t2")):
        for qubit, value in zip(qubits, calibration[name], strict=True):
            yield (kind, f"qubit {qubit}"), value
    sizes = {1: "one-qubit", 2: "two-qubit"}
    for name, entries in calibration["operations"].items():
        for entry in entries:
            count = len(entry["qubits"])
            where = "-".join(str(qubits[index]) for index in entry["qubits"])
            place = f"{name} {where}"
            if name == "measure":
                yield ("readout errors", f"qubit {where}"), entry["error"]
            elif count in sizes:
                yield (f"{sizes[count]} errors", place), entry["error"]
            if count in sizes and entry["duration"]:
                yield ("durations", place), entry["duration"]


def _quotient(after: float | None, before: float | None) -> float:
    return after / before if after and before else math.nan


def _hours(created: str | None, started: str | None) -> float:
    if created is None or started is None:
        return math.nan
    waited = datetime.fromisoformat(started) - datetime.fromisoformat(created)
    return waited.total_seconds() / SECONDS_PER_HOUR
