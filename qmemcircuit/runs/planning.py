"""`plan`: what a measurement costs and what it can give, before anything runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.expense import Expense
from qmemcircuit.circuits.options import AnySplitting, CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.circuits.samplers import as_target
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.devices.ancillas import BestAncilla
from qmemcircuit.devices.best import BestForm, describe_choice
from qmemcircuit.model.memristors import Model
from qmemcircuit.results.requirements import missing_requirements
from qmemcircuit.runs.jobs.arrangement import arranged_jobs
from qmemcircuit.runs.jobs.protocols import Submittable
from qmemcircuit.runs.measurement import Measurement, MeasurementOptions, plan_measurement
from qmemcircuit.runs.precision import ExpectedErrors, Precision, expected_errors, parse_shots
from qmemcircuit.simulation.routes import compare_routes

if TYPE_CHECKING:
    from qiskit.primitives import BaseSamplerV2

SECONDS_PER_JOB = 3.0
"""Processor time that loading a job takes. Assumed: IBM bills the time in which the processor is
held, a few seconds of which are not the circuits'."""


SECONDS_PER_DAY = 86_400.0


# More than ten fields: all that a user asks before spending, each printed as a line.
@data_object
@dataclass(frozen=True, eq=False)
class Plan:
    """What a measurement costs, and what can be estimated from it.

    Attributes:
        target: its name.
        circuits: how many in all, noise factors and readout calibration included.
        shots: of each circuit.
        jobs: how many the target takes them in; None where it takes none.
        expense: qubits, two-qubit gates and durations of the model's own circuits, compiled for
            the target (noise factors multiply the gates).
        processor_seconds: on a device, all circuits × shots × (duration + repetition delay) and
            3 s a job. An estimate: the service bills by rules of its own. None without a device.
        missing: for each quantity why it could not be estimated, "" where it can.
        expected: the error bars that the estimates will have (see `expected_errors`), largest over
            times and memristors, those of the mitigated values where mitigation is declared.
        form: where it was chosen, the choice and the losers' predictions (`FormChoice.describe`).
        calibration_age: days since the device was calibrated; None where it does not say.
        route: how `simulate_circuit` would compute the same circuits' averages without noise, to
            check the measurement by: its method and the error of V, or why none fits this machine.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> plan = qm.plan(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> plan.circuits, plan.executions
    (20, 10000)
    """

    target: str
    circuits: int
    shots: int
    jobs: int | None
    expense: Expense
    processor_seconds: float | None
    missing: Mapping[str, str]
    expected: ExpectedErrors
    form: Mapping[str, Any] | None = None
    calibration_age: float | None = None
    route: str = ""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def executions(self) -> int:
        """Circuits × shots."""
        return self.circuits * self.shots

    def __str__(self) -> str:
        """Return the plan in a few lines."""
        fewest, most = self.expense.two_qubit_gates
        gates = f"{most}" if fewest == most else f"{fewest} to {most}"
        lines = [
            f"plan for {self.target}",
            f"  circuits      {self.circuits}, {self.expense.qubits} qubits, {gates} two-qubit "
            "gates each",
            f"  executions    {self.executions} ({self.shots} shots a circuit)",
        ]
        if self.expense.durations is not None:
            lines.append(f"  duration      {1e6 * self.expense.durations[1]:.3g} µs the longest")
        if self.form is not None:
            lines += describe_choice(self.form)
        if self.processor_seconds is not None:
            jobs = "1 job" if (self.jobs or 1) == 1 else f"{self.jobs} jobs"
            lines.append(
                f"  processor     about {self.processor_seconds:.3g} s in {jobs}; "
                f"assumed: {1e6 * (self.expense.overhead or 0):.3g} µs between executions, "
                f"{SECONDS_PER_JOB:g} s a job"
            )
        possible = [name for name, reason in self.missing.items() if not reason]
        if self.calibration_age is not None and self.calibration_age > 1:
            lines.append(
                f"  calibration   {self.calibration_age:.0f} days old: the device may have changed "
                "since"
            )
        errors, *hidden = self.expected.describe()
        lines.append(f"  error bars    largest: {errors}")
        lines += [f"    {line}" for line in hidden]
        lines.append(f"  estimates     {', '.join(possible) or 'nothing'}")
        if self.route:
            lines.append(f"  to check by   {self.route}")
        lines += [f"  not {name}: {reason}" for name, reason in self.missing.items() if reason]
        return "\n".join(lines)


# More than eight parameters: a public verb takes its options as plain keywords, and makes
# one value of them at once.
def plan(
    model: Model,
    times: ArrayLike,
    *,
    target: Target | BaseSamplerV2,
    shots: int | Precision | str,
    bases: str | Sequence[str | Sequence[str]] | None = None,
    ancilla: BestAncilla = "reset",
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
    absorb_decay: bool = False,
    form: BestForm | None = None,
    mitigation: Mitigation | None = None,
    quantities: Sequence[str] = (),
) -> Plan:
    """Return what `run` or `submit` with the same arguments would cost and could give.

    Nothing is measured. Circuits of the first, middle and last time are compiled for the target.

    Args:
        model, times, target, shots, bases, ancilla, splitting, steps, collision, absorb_decay,
            form, mitigation, quantities: as in `run`.

    Raises:
        ValueError, TypeError: where `run` would: bad arguments, circuits that the target cannot
            run, quantities that cannot be estimated.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=30)
    >>> print(plan(memristor, times, target=qm.aer(seed=1), shots=5000))
    plan for aer
      circuits      62, 2 qubits, 0 to 60 two-qubit gates each
      executions    310000 (5000 shots a circuit)
      error bars    largest: voltage ±0.005, current ±0.0094, form factor ±0.03 [0.027, 0.031]
        […]: where that error bar lies in two runs of three
      estimates     voltage, current, loops
      to check by   simulate_circuit: density_matrix, exact
      not states: states take more settings than are measured: bases='tomography' has all
      not concurrence: concurrence is of two memristors; this model has one
    """
    check_arguments(plan, locals(), own=("target", "quantities"))
    built = CircuitOptions(bases, ancilla, splitting, steps, collision)
    options = MeasurementOptions(
        parse_shots(shots), built, absorb_decay, mitigation, quantities, form
    )
    return plan_of_measurement(plan_measurement(model, times, as_target(target), options))


def plan_of_measurement(measurement: Measurement) -> Plan:
    """Return the plan of a measurement whose circuits are made."""
    circuits, target, shots = measurement.circuits, measurement.target, measurement.shots
    expense = target.expense(circuits)
    asked = measurement.shots_asked
    total = sum(len(item.circuits) for item in measurement.runs)
    jobs = None
    if isinstance(target, Submittable):
        sent = arranged_jobs(measurement.runs, target)
        jobs, total = len(sent), sum(len(circuits) for _, circuits in sent)
    seconds = None
    if expense.durations is not None and expense.overhead is not None:
        seconds = SECONDS_PER_JOB * (jobs or 1)
        for item in measurement.runs:
            each = item.target.expense(item.circuits).durations or expense.durations
            # Durations grow evenly with the time where they grow.
            mean = 0.5 * (each[0] + each[1])
            seconds += len(item.circuits) * item.shots * (mean + expense.overhead)
    return Plan(
        target=str(target.describe()["name"]),
        circuits=total,
        shots=shots,
        jobs=jobs,
        expense=expense,
        processor_seconds=seconds,
        missing=missing_requirements(circuits.network, circuits.times, circuits.bases, shots=asked),
        expected=expected_errors(measurement, asked),
        form=measurement.details.get("form_choice"),
        calibration_age=_calibration_age(target),
        route=_route(circuits),
    )


def _route(circuits: CircuitSet) -> str:
    """Return which route `simulate_circuit` would take through these circuits, as a phrase."""
    routes = compare_routes(
        circuits.network,
        circuits.times,
        splitting=circuits.splitting,
        steps=circuits.steps,
        every=False,
    )
    if not routes.chosen:
        return f"nothing: {routes.reason}"
    taken = next(item for item in routes.candidates if item.method == routes.chosen)
    error = "exact" if taken.error == 0 else f"an error of V of about {taken.error:.1g}"
    return f"simulate_circuit: {taken.method}, {error}"


def _calibration_age(target: Target) -> float | None:
    """Return the days since a target's device was calibrated, where it says when that was."""
    properties = getattr(getattr(target.predict(), "backend", None), "properties", None)
    found = properties() if callable(properties) else None
    date = getattr(found, "last_update_date", None)
    if not isinstance(date, datetime):
        return None
    return (datetime.now(date.tzinfo) - date).total_seconds() / SECONDS_PER_DAY


def on_terminal() -> bool:
    """Whether somebody can read a plan and answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask_on_terminal(found: Plan) -> bool:
    """Print the plan and ask whether to go on."""
    print(found)
    return input("submit? [y/N] ").strip().lower() in ("y", "yes")
