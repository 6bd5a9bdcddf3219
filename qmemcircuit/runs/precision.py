"""Error bars before the run, and the number of shots that reaches a wanted one.

Counts are predicted for every circuit of a measurement (`predicted_counts`) and put through the
very estimators that will judge the real ones: what they say of their errors is what they would say
then, mitigation and its price included. No formula propagates errors.

The error bars of form factors and concurrences scatter from run to run, by 10 to 20 % where a loop
stands clear of its noise, and without bound where it does not. So they are predicted by repeated
random counts: the median of the error bars and the range of two thirds of them, with as many
repetitions as the median needs. A loop that stands clear of its noise in too few of them has no
error bar that could be predicted; it is named instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_choice, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.results.requirements import missing_requirements
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.measurement import Measurement
from qmemcircuit.runs.predicted_counts import predicted_chances, predicted_trajectory
from qmemcircuit.runs.predicted_marginals import (
    marginal_obstacle,
    marginal_trajectory,
    predicted_ones,
)
from qmemcircuit.runs.voltages import own_currents

SEED = 0
"""Of the random repetitions: the same measurement has the same prediction."""

MOST_MEMRISTORS = 5
"""Of more memristors each one's own counts are predicted, and not all 2^M outcomes."""

LOOPS_OF = 3
"""Of more memristors the form factors of so many are predicted: the worst, by mean counts."""

TRIAL_SHOTS = 10_000
"""Shots of each circuit with which the search for a number of shots begins."""

ROUNDS = 6
"""Of the search: errors fall as 1/√shots, but for what a circuit's residual adds, and for loops
that fewer shots do not resolve."""

STANDARD = 1.959963984540054
"""Standard errors in half of a 95 % interval."""

FEWEST_DRAWS, MOST_DRAWS = 15, 45
"""Random repetitions, where error bars scatter: until the median is known to `KNOWN`."""

KNOWN = 0.05
"""Relative standard error of a predicted median, a third of what is allowed (15 %). With 14 %
scatter, that of a clear loop, the fewest repetitions reach it."""

RESOLVED = 0.9
"""In this share of the repetitions a loop must stand clear of its noise."""


@data_object
@dataclass(frozen=True)
class Bar:
    """The error bar of one part of a trajectory: a loop, a pair, or all of it.

    Attributes:
        part: its name, `""` for all.
        error: standard error.
        resolved: whether the estimate is told from nothing at all: a loop from a retraced line.
    """

    part: str
    error: float
    resolved: bool = True


def _voltages(found: Trajectory) -> list[Bar]:
    assert found.voltage_error is not None
    return [Bar("", float(np.max(found.voltage_error)))]


def _currents(found: Trajectory) -> list[Bar]:
    assert found.current_error is not None
    return [Bar("", float(np.max(found.current_error)))]


def _form_factors(found: Trajectory, only: tuple[int, ...] | None = None) -> list[Bar]:
    bars = []
    for j in range(found.device_count) if only is None else only:
        for loop in find_loops(found, j):
            estimate = loop.form_factor_estimate
            interval = estimate.interval
            resolved = interval is None or interval[0] > 0
            part = f"memristor {j} from t = {loop.start:.3g}"
            bars.append(Bar(part, estimate.standard_error or 0.0, resolved))
    return bars


def _concurrences(found: Trajectory) -> list[Bar]:
    bars = []
    for first in range(found.device_count):
        for second in range(first + 1, found.device_count):
            interval = found.concurrence(first, second)
            assert interval.lower is not None
            assert interval.upper is not None
            width = float(np.max(interval.upper - interval.lower))
            bars.append(Bar(f"memristors {first} and {second}", width / (2 * STANDARD)))
    return bars


@data_object
@dataclass(frozen=True)
class ErrorBar:
    """What is predicted of one quantity.

    Attributes:
        requirement: its name among those of `missing_requirements`.
        bars: the largest standard errors of a trajectory, over times, for each of its parts. That
            of concurrence is half of the 95 % interval divided by 1.96.
        scatters: whether they do from run to run, so that random repetitions are needed; else mean
            counts tell them.
    """

    requirement: str
    bars: Callable[[Trajectory], list[Bar]]
    scatters: bool

    def largest(self, found: Trajectory, but: tuple[str, ...] = ()) -> float:
        """Return the largest standard error of a trajectory, parts named in `but` left out."""
        return max(bar.error for bar in self.bars(found) if bar.part not in but)


ERROR_BARS = {
    "voltage": ErrorBar("voltage", _voltages, False),
    "current": ErrorBar("current", _currents, False),
    # A loop's error is that of the values which its own noise does not reject.
    "form factor": ErrorBar("loops", _form_factors, True),
    "concurrence": ErrorBar("concurrence", _concurrences, True),
}
"""What is predicted; a new quantity is one more entry."""

SHORT = {"V": "voltage", "I": "current", "F": "form factor", "C": "concurrence"}


@data_object
@dataclass(frozen=True)
class Precision:
    """As many shots as an error bar needs: `shots=Precision(0.01, "voltage")`.

    Attributes:
        error: the largest standard error that any time and memristor may have, in the quantity's
            own unit.
        quantity: `"voltage"`, `"current"`, `"form factor"` or `"concurrence"` (there, half of the
            95 % interval divided by 1.96).

    Where mitigation is declared the error bar is that of the mitigated value. Errors of model and
    device are not in it: it is reached by shots alone.

    >>> Precision(0.02, "form factor")
    Precision(error=0.02, quantity='form factor')
    """

    error: float
    quantity: str = "voltage"

    def __post_init__(self) -> None:
        check_fields(self)
        if check_real("error", self.error) <= 0:
            raise ValueError(
                f"Argument error must be above 0, but {self.error:g} was given: no number of shots "
                "makes an error bar vanish."
            )
        check_choice("quantity", self.quantity, tuple(ERROR_BARS))

    def describe(self) -> dict[str, Any]:
        """Return the demand as JSON values."""
        return {"error": self.error, "quantity": self.quantity}

    def resolve(self, measurement: Measurement) -> int:
        """Return the fewest shots of each time and setting whose predicted error is as wanted.

        Raises:
            ValueError: where the quantity cannot be estimated from this measurement, or where more
                shots do not reach the error.
        """
        check_arguments(Precision.resolve, locals())
        shots, fewest = TRIAL_SHOTS, _fewest(self.quantity)
        for _ in range(ROUNDS):
            found = expected_errors(measurement, shots, only=self.quantity)
            reason = found.missing.get(self.quantity)
            if reason is not None:
                raise ValueError(
                    f"Argument shots must be a number for this measurement, but the error of "
                    f"{self.quantity} was asked for, and {reason}."
                )
            unresolved = found.unresolved.get(self.quantity, ())
            if unresolved:  # first so many that there is something to know the error of
                fewest, wanted = 2 * shots, 8 * shots
                said = f"with {shots:,} the loop of {unresolved[0]} is not resolved"
            else:
                error = found.errors[self.quantity]
                wanted = max(fewest, math.ceil(shots * (error / self.error) ** 2))
                said = f"with {shots:,} it is {error:.2g}"
            if wanted > MOST_SHOTS:
                raise ValueError(
                    f"Argument shots must be within reach, but an error of {self.error:g} on "
                    f"{self.quantity} needs more than {MOST_SHOTS:,} shots of each circuit "
                    f"({said}); ask for a larger error."
                )
            if abs(wanted - shots) <= 0.01 * shots:
                break
            shots = wanted
        return wanted


MOST_SHOTS = 10**9
"""No search goes beyond: what a residual adds to an error bar no shots take away."""


def _fewest(quantity: str) -> int:
    """Return the fewest shots with which a quantity can be estimated at all."""
    return 50 if quantity == "concurrence" else 1


def parse_shots(shots: int | Precision | str) -> int | Precision:
    """Return what `shots` stands for: a number, or a precision, also in words.

    >>> parse_shots("to reach 0.02 on I")
    Precision(error=0.02, quantity='current')
    """
    if not isinstance(shots, str):
        return shots if isinstance(shots, Precision) else check_integer("shots", shots, minimum=1)
    words = re.fullmatch(r"\s*to reach (\S+) on (?:the )?(.+?)\s*", shots)
    quantity = "" if words is None else SHORT.get(words[2], words[2].replace("_", " "))
    try:
        error = math.nan if words is None else float(words[1])
    except ValueError:
        error = math.nan
    if quantity not in ERROR_BARS or not math.isfinite(error):
        raise ValueError(
            f"Argument shots must be a number or 'to reach ERROR on QUANTITY' with one of "
            f"{', '.join(ERROR_BARS)} (V, I, F, C), but {shots!r} was given; 'to reach 0.01 on V' "
            "is one."
        )
    return Precision(error, quantity)


@data_object
@dataclass(frozen=True, eq=False)
class ExpectedErrors:
    """Predicted error bars of a measurement.

    Attributes:
        errors: the largest standard error of each quantity (see `ERROR_BARS`), of the loops that
            are resolved.
        missing: for each of the others why there is none.
        ranges: of quantities whose error bars scatter from run to run, between which two of three
            are predicted to lie; `errors` has their median.
        unresolved: of form factors, the loops that noise hides in more than one run of ten, whose
            error is not predicted: it may be as large as the form factor.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> plan = qm.plan(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=5000)
    >>> round(plan.expected.errors["voltage"], 3)
    0.005
    """

    errors: Mapping[str, float]
    missing: Mapping[str, str]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)

    def describe(self) -> list[str]:
        """Return the error bars in lines: the quantities', then the loops that have none."""
        said = []
        for name, error in self.errors.items():
            between = ""
            if name in self.ranges:
                low, high = self.ranges[name]
                between = f" [{low:.2g}, {high:.2g}]"
            said.append(f"{name} ±{error:.2g}{between}")
        lines = [", ".join(said) or "none"]
        if self.ranges:
            lines.append("[…]: where that error bar lies in two runs of three")
        for name, parts in self.unresolved.items():
            lines.append(
                f"not resolved with these shots: the {name} of {', of '.join(parts)}; "
                "shots='to reach 0.1 on F' finds how many shots resolve it"
            )
        return lines


def expected_errors(
    measurement: Measurement, shots: int, *, only: str | None = None
) -> ExpectedErrors:
    """Return the error bars that a measurement with `shots` of each time and setting will have.

    `only` names one quantity; None is all of them.
    """
    wanted = tuple(ERROR_BARS) if only is None else (only,)
    circuits = measurement.circuits
    memristors = len(circuits.network.memristors)
    needs = missing_requirements(circuits.network, circuits.times, circuits.bases, shots=shots)
    reasons = {name: needs[ERROR_BARS[name].requirement] for name in wanted}
    if memristors > MOST_MEMRISTORS:
        reasons = {
            name: reason or _unpredicted(name, measurement) for name, reason in reasons.items()
        }
    missing = {name: reason for name, reason in reasons.items() if reason}
    left = [name for name in wanted if name not in missing]
    if not left:
        return ExpectedErrors({}, missing)
    try:
        counts = _Repeated(measurement, shots)
    except (ValueError, ImportError) as error:  # out of Pauli propagation's reach, or no numba
        if memristors <= MOST_MEMRISTORS:
            raise
        return ExpectedErrors({}, {**missing, **dict.fromkeys(left, str(error))})
    errors: dict[str, float] = {}
    ranges: dict[str, tuple[float, float]] = {}
    unresolved: dict[str, tuple[str, ...]] = {}
    for name in left:
        try:
            bar = ERROR_BARS[name]
            if name == "form factor" and memristors > MOST_MEMRISTORS:
                bar = replace(bar, bars=partial(_form_factors, only=_worst_loops(counts.mean())))
            found = _predicted(counts, bar)
        except ValueError as error:  # e.g. too few samples of a period for a loop's error
            missing[name] = str(error)
            continue
        largest, hidden = found
        if hidden:
            unresolved[name] = hidden
        if largest.size:
            errors[name] = float(np.median(largest))
        if largest.size > 1:
            low, high = np.quantile(largest, [1 / 6, 5 / 6])
            ranges[name] = float(low), float(high)
    return ExpectedErrors(errors, missing, ranges, unresolved)


def _unpredicted(name: str, measurement: Measurement) -> str:
    """Return why a quantity of many memristors has no predicted error bar, "" where it has."""
    if name == "concurrence":
        return f"its error bar is predicted for up to {MOST_MEMRISTORS} memristors"
    if name != "voltage" and not own_currents(measurement.circuits.network):
        return (
            f"where I is not ΓV, its error bar is predicted for up to {MOST_MEMRISTORS} memristors"
        )
    return marginal_obstacle(measurement)


def _worst_loops(found: Trajectory) -> tuple[int, ...]:
    """Return the memristors whose form factors have the largest errors."""
    largest = [
        max((item.error for item in _form_factors(found, (j,))), default=0.0)
        for j in range(found.device_count)
    ]
    return tuple(int(j) for j in sorted(np.argsort(largest)[-LOOPS_OF:]))


class _Repeated:
    """Predicted trajectories of one measurement: of its mean counts, and of random ones."""

    def __init__(self, measurement: Measurement, shots: int) -> None:
        self.measurement, self.shots = measurement, shots
        many = len(measurement.circuits.network.memristors) > MOST_MEMRISTORS
        self.chances = (predicted_ones if many else predicted_chances)(measurement)
        self.estimated = marginal_trajectory if many else predicted_trajectory
        self.random = np.random.default_rng(SEED)
        self.drawn: list[Trajectory] = []

    @property
    def scatters(self) -> bool:
        """Whether even error bars of means do: rates that are fitted to counts scatter."""
        mitigation = self.measurement.mitigation
        return mitigation is not None and mitigation.method.fits and not mitigation.predicts

    def mean(self) -> Trajectory:
        return self.estimated(self.measurement, self.chances, self.shots, None)

    def draw(self, place: int) -> Trajectory:
        """Return one of the random repetitions: every quantity has the same ones."""
        if place == len(self.drawn):
            self.drawn.append(
                self.estimated(self.measurement, self.chances, self.shots, self.random)
            )
        return self.drawn[place]


def _predicted(counts: _Repeated, bar: ErrorBar) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the largest error of each repetition, (D,), and the parts that are not resolved.

    There is one repetition, of mean counts, where errors do not scatter, and no error where no part
    is resolved.
    """
    if not (bar.scatters or counts.scatters):
        return np.array([bar.largest(counts.mean())]), ()
    rows: list[list[Bar]] = []
    while True:
        rows.append(bar.bars(counts.draw(len(rows))))
        if len(rows) < FEWEST_DRAWS:
            continue
        clear = np.mean([[item.resolved for item in row] for row in rows], axis=0) >= RESOLVED
        hidden = tuple(item.part for item, seen in zip(rows[0], clear, strict=True) if not seen)
        if not clear.any():
            return np.array([]), hidden
        errors = np.array([[item.error for item in row] for row in rows])
        largest = errors[:, clear].max(axis=1)
        if len(rows) >= MOST_DRAWS or _median_error(largest) <= KNOWN * np.median(largest):
            return largest, hidden


def _median_error(values: FloatArray) -> float:
    """Return the standard error of the median, from the values √n/2 ranks to its sides."""
    ordered, n = np.sort(values), values.size
    reach = math.sqrt(n) / 2
    ranks = (n - 1) / 2 + np.array([-reach, reach])
    low, high = np.interp(ranks, np.arange(n), ordered)
    return float(high - low) / 2
