"""Error bars before the run, and the number of shots that reaches a wanted one.

Counts are predicted for every circuit of a measurement and put through the very estimators that
will judge the real ones: what they say of their errors is what they would say then, mitigation
and its price included. Predicted are the exact states of the noiseless circuits, drawn towards
the fully mixed state as the device's calibration does it at `MOST_TIMES` times (interpolated
between them, and to the power f at noise factor f), measured, and flipped by the calibrated
readout.

It is a prediction of error bars, not of results: a few percent of the state's size that this
misses move 1 − <P>², and so the error, by less. Drift, and what no calibration knows, are missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.circuits.constant_depth import stored_circuits
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    IntArray,
    check_choice,
    check_integer,
    check_real,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.compilation.folding import UNFOLDED
from qmemcircuit.devices.noise.calibrated import readout_matrices
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.results.estimation import CurrentEstimator, estimate, mitigate
from qmemcircuit.results.records import Record
from qmemcircuit.results.requirements import missing_requirements
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.measurement import Measurement, join_runs, mitigated_samples
from qmemcircuit.runs.planned_runs import describe_run
from qmemcircuit.simulation.exact import circuit_states, setting_probabilities

if TYPE_CHECKING:
    from qmemcircuit.circuits.build import CircuitSet

MOST_TIMES = 6
"""The device's noise is simulated at so many times."""

SEED = 0
"""Of the random repetitions: the same measurement has the same prediction."""

MOST_MEMRISTORS = 5
"""Of more memristors nothing is predicted: 2^M outcomes of every time and setting."""

TRIAL_SHOTS = 10_000
"""Shots of each circuit with which the search for a number of shots begins."""

ROUNDS = 4
"""Of the search: errors fall as 1/√shots, but for what a circuit's residual adds."""

STANDARD = 1.959963984540054
"""Standard errors in half of a 95 % interval."""


def _largest_voltage(found: Trajectory) -> float:
    assert found.voltage_error is not None
    return float(np.max(found.voltage_error))


def _largest_current(found: Trajectory) -> float:
    assert found.current_error is not None
    return float(np.max(found.current_error))


def _largest_form_factor(found: Trajectory) -> float:
    errors = [
        loop.form_factor_estimate.standard_error or 0.0
        for j in range(found.device_count)
        for loop in find_loops(found, j)
    ]
    return max(errors)


def _largest_concurrence(found: Trajectory) -> float:
    widths = []
    for first in range(found.device_count):
        for second in range(first + 1, found.device_count):
            interval = found.concurrence(first, second)
            assert interval.lower is not None
            assert interval.upper is not None
            widths.append(np.max(interval.upper - interval.lower))
    return float(max(widths)) / (2 * STANDARD)


@data_object
@dataclass(frozen=True)
class ErrorBar:
    """What is predicted of one quantity.

    Attributes:
        requirement: its name among those of `missing_requirements`.
        largest: its largest standard error in a trajectory, over times and memristors, loops or
            pairs. That of concurrence is half of the 95 % interval divided by 1.96.
        draws: from how many random repetitions the median is taken; 1 where the error hardly
            depends on the counts themselves, and mean counts tell it.
    """

    requirement: str
    largest: Callable[[Trajectory], float]
    draws: int


ERROR_BARS = {
    "voltage": ErrorBar("voltage", _largest_voltage, 1),
    "current": ErrorBar("current", _largest_current, 1),
    # A loop's error is that of the values which its own noise does not reject.
    "form factor": ErrorBar("loops", _largest_form_factor, 9),
    "concurrence": ErrorBar("concurrence", _largest_concurrence, 9),
}
"""What is predicted; a new quantity is one more entry."""

FITTED_DRAWS = 9
"""Repetitions where the extrapolation fits rates to the counts."""

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
        shots = TRIAL_SHOTS
        for _ in range(ROUNDS):
            found = expected_errors(measurement, shots, only=self.quantity)
            reason = found.missing.get(self.quantity)
            if reason is not None:
                raise ValueError(
                    f"Argument shots must be a number for this measurement, but the error of "
                    f"{self.quantity} was asked for, and {reason}."
                )
            error = found.errors[self.quantity]
            wanted = max(1, math.ceil(shots * (error / self.error) ** 2))
            if wanted > MOST_SHOTS:
                raise ValueError(
                    f"Argument shots must be within reach, but an error of {self.error:g} on "
                    f"{self.quantity} needs more than {MOST_SHOTS:,} shots of each circuit (with "
                    f"{shots:,} it is {error:.2g}); ask for a larger error."
                )
            if abs(wanted - shots) <= 0.01 * shots:
                break
            shots = max(wanted, _fewest(self.quantity))
        return max(wanted, _fewest(self.quantity))


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
        errors: the largest standard error of each quantity (see `ERROR_BARS`).
        missing: for each of the others why there is none.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> plan = qm.plan(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=5000)
    >>> round(plan.expected.errors["voltage"], 3)
    0.005
    """

    errors: Mapping[str, float]
    missing: Mapping[str, str]

    def __post_init__(self) -> None:
        check_fields(self)


def expected_errors(
    measurement: Measurement, shots: int, *, only: str | None = None
) -> ExpectedErrors:
    """Return the error bars that a measurement with `shots` of each time and setting will have.

    `only` names one quantity; None is all of them.
    """
    wanted = tuple(ERROR_BARS) if only is None else (only,)
    circuits = measurement.circuits
    memristors = len(circuits.network.memristors)
    if memristors > MOST_MEMRISTORS:
        reason = f"error bars are predicted for up to {MOST_MEMRISTORS} memristors"
        return ExpectedErrors({}, dict.fromkeys(wanted, reason))
    needs = missing_requirements(circuits.network, circuits.times, circuits.bases, shots=shots)
    reasons = {name: needs[ERROR_BARS[name].requirement] for name in wanted}
    missing = {name: reason for name, reason in reasons.items() if reason}
    left = [name for name in wanted if name not in missing]
    if not left:
        return ExpectedErrors({}, missing)
    chances = _predicted_chances(measurement)
    random = np.random.default_rng(SEED)
    found: dict[str, float] = {}
    repeated = {name: ERROR_BARS[name].draws for name in left}
    mitigation = measurement.mitigation
    if mitigation is not None and mitigation.method.fits and not mitigation.predicts:
        # Fitted rates scatter, and the error bars with them: mean counts do not tell their median.
        repeated = {name: max(draws, FITTED_DRAWS) for name, draws in repeated.items()}
    for draws in sorted(set(repeated.values())):
        names = [name for name in left if repeated[name] == draws]
        series = [
            _trajectory(measurement, chances, shots, None if draws == 1 else random)
            for _ in range(draws)
        ]
        for name in names:
            try:
                errors = [ERROR_BARS[name].largest(item) for item in series]
            except ValueError as error:  # e.g. too few samples of a period for a loop's error
                missing[name] = str(error)
            else:
                found[name] = float(np.median(errors))
    return ExpectedErrors({name: found[name] for name in left if name in found}, missing)


def _predicted_chances(measurement: Measurement) -> list[FloatArray]:
    """Return the predicted outcome probabilities of each run's settings, (T, B, 2^M).

    Circuits with an X after a reset are taken for those without: its inverse is of small weight.
    """
    circuits = measurement.circuits
    ideal = circuit_states(replace(circuits, absorbed=()))
    device = measurement.target.predict()
    left, rest, matrix = np.ones(len(ideal)), np.zeros_like(ideal), None
    if isinstance(device, DeviceTarget):
        left, rest = _noise(circuits, device, ideal)
        matrix = readout_of(circuits, device)
    mixed = np.eye(ideal.shape[1]) / ideal.shape[1]
    found = []
    for item in measurement.runs:
        factor = item.role.split(",")[0].removeprefix("factor ")
        if factor.isdecimal():
            share = (left ** int(factor))[:, np.newaxis, np.newaxis]
            states = mixed + share * (ideal - mixed) + int(factor) * rest
            chances = outcomes_of_states(states, item.circuits.bases)
        else:  # the readout's calibration, of one time and setting
            chances = setting_probabilities(item.circuits)
        found.append(chances if matrix is None else chances @ matrix.T)
    return found


def _trajectory(
    measurement: Measurement,
    chances: Sequence[FloatArray],
    shots: int,
    random: np.random.Generator | None,
) -> Trajectory:
    """Return what would be estimated of random counts, or of the mean counts without `random`."""
    circuits, mitigation = measurement.circuits, measurement.mitigation
    each = [max(1, -(-item.shots * shots // measurement.shots_asked)) for item in measurement.runs]
    drawn = [
        _rounded(table, own) if random is None else random.multinomial(own, _normal(table))
        for table, own in zip(chances, each, strict=True)
    ]
    described = [describe_run(item, circuits.bases) for item in measurement.runs]
    _, counts = join_runs(described, drawn, len(circuits.bases))
    mitigated = None
    if mitigation is not None:
        excess = measurement.forecast.excess
        mitigated = mitigated_samples(mitigation, circuits.bases, counts, excess)
    record = Record(
        circuits.network,
        circuits.times,
        Samples(circuits.bases, counts[0]),
        {},
        mitigated,
        stored_circuits(circuits.compiled),
    )
    needs = missing_requirements(circuits.network, circuits.times, circuits.bases, shots=shots)
    # With too few times to differentiate, the error of I is that of I = ΓV.
    method: CurrentEstimator | None = "current_operator" if needs["current"] else None
    return (estimate if mitigation is None else mitigate)(record, current=method)


def _normal(chances: FloatArray) -> FloatArray:
    found = np.maximum(chances, 0.0)
    return np.asarray(found / found.sum(axis=2, keepdims=True))


def _noise(
    circuits: CircuitSet, device: DeviceTarget, ideal: ComplexArray
) -> tuple[FloatArray, ComplexArray]:
    """Return at every time the factor r and the rest R of the device's noise, (T,) and (T, d, d).

    noisy − 1/d = r (ideal − 1/d) + R, with r of least squares, interpolated between the times that
    are simulated: r is smooth where the state oscillates, and R is small.
    """
    last = len(circuits.times) - 1
    only = sorted({round(place) for place in np.linspace(0, last, min(last + 1, MOST_TIMES))})
    bare = replace(device.unsuppressed(), folding=UNFOLDED)
    noisy = np.mean(
        [bare.noisy_states(branch, only=only)[0] for branch in circuits.branches], axis=0
    )
    mixed = np.eye(ideal.shape[1]) / ideal.shape[1]
    bloch = ideal[only] - mixed
    overlap = np.einsum("tij,tji->t", noisy - mixed, bloch).real
    size = np.einsum("tij,tji->t", bloch, bloch).real
    share = np.divide(overlap, size, out=np.ones_like(overlap), where=size > 0)
    share = np.clip(share, 0.0, 1.0)
    rest = noisy - mixed - share[:, np.newaxis, np.newaxis] * bloch
    known = circuits.times[only]
    return (
        np.asarray(np.interp(circuits.times, known, share)),
        np.apply_along_axis(lambda entry: np.interp(circuits.times, known, entry), 0, rest),
    )


TURNS = {
    "X": np.array([[1, 1], [1, -1]]) / math.sqrt(2),
    "Y": np.array([[1, -1j], [1, 1j]]) / math.sqrt(2),
    "Z": np.eye(2),
}
"""What turns each setting's eigenstates to |0> and |1>."""


def outcomes_of_states(states: ComplexArray, bases: Sequence[str]) -> FloatArray:
    """Return the outcome probabilities of every setting, (T, B, 2^M)."""
    found = []
    for setting in bases:
        turn: ComplexArray = np.eye(1, dtype=complex)
        for letter in setting:
            turn = np.asarray(np.kron(TURNS[letter], turn))
        found.append(np.einsum("ai,tij,aj->ta", turn, states, turn.conj()).real)
    return _normal(np.stack(found, axis=1))


def readout_of(circuits: CircuitSet, device: DeviceTarget) -> FloatArray:
    """Return P(read | true) of all memristors together, (2^M, 2^M); bit j is memristor j."""
    each = readout_matrices(device.place(circuits).restricted())
    memristors = len(circuits.network.memristors)
    found: FloatArray = np.eye(1)
    for matrix in each[:memristors]:
        found = np.asarray(np.kron(matrix, found))
    return found


def _rounded(chances: FloatArray, shots: int) -> IntArray:
    """Return whole counts that add up to `shots` and are nearest to their means."""
    means = chances * shots
    whole = np.floor(means).astype(np.int64)
    order = np.argsort(whole - means, axis=2)  # the largest remainders first
    rank = np.argsort(order, axis=2)
    short = shots - whole.sum(axis=2, keepdims=True)
    return np.asarray(whole + (rank < short))
