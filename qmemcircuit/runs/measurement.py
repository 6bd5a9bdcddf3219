"""What `run` and `submit` measure: which circuits, on which target, in which role.

A measurement is the model's circuits and, where mitigation is declared, the same with amplified
noise and two circuits that calibrate the readout: all planned before the first of them runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.circuits.samplers import as_target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    FloatArray,
    IntArray,
    check_boolean,
    check_choice,
    check_integer,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.ancillas import resolve_ancilla
from qmemcircuit.devices.best import BestForm, choose_form
from qmemcircuit.devices.resets import ResetChoice, choose_resets
from qmemcircuit.devices.states import require_equal_gates
from qmemcircuit.devices.target import scheduled_device
from qmemcircuit.model.memristors import Model
from qmemcircuit.results.requirements import check_quantities
from qmemcircuit.runs.planned_runs import (
    BRANCH,
    FIRST_STREAM,
    NO_FORECAST,
    Forecast,
    PlannedRun,
    forecast,
    join_settings,
    plan_runs,
    readout_circuits,
)

TRIAL_SHOTS = 10_000
"""Shots of each circuit of the measurement for which a rule chooses their number."""


class ShotRule(Protocol):
    """What chooses the shots of a measurement once its circuits are known; `Precision` does."""

    def resolve(self, measurement: Measurement) -> int:
        """Return the shots of each time and setting."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return the rule as JSON values, for the record."""
        ...


@data_object
@dataclass(frozen=True)
class MeasurementOptions:
    """How a model is measured: what `run`, `plan`, `submit` and `rehearse` take as keywords.

    Attributes:
        shots: of each circuit, an integer ≥ 1, or a rule that chooses it.
        circuits: how these are built.
        absorb_decay: whether the device's own T1 does part of the damping.
        mitigation: what is measured in addition, or None.
        quantities: what will be estimated.
        form: `"best"` leaves ancillas, forms and absorption to the device's calibration; None is
            what the other options say.

    Raises:
        ValueError, TypeError: where one is out of range, or two exclude each other.
    """

    shots: int | ShotRule
    circuits: CircuitOptions
    absorb_decay: bool = False
    mitigation: Mitigation | None = None
    quantities: Sequence[str] = ()
    form: BestForm | None = None

    def __post_init__(self) -> None:
        if not hasattr(self.shots, "resolve"):
            object.__setattr__(self, "shots", check_integer("shots", self.shots, minimum=1))
        object.__setattr__(self, "absorb_decay", check_boolean("absorb_decay", self.absorb_decay))
        if self.form is not None:
            self._check_form()
        if self.mitigation is None:
            return
        if not isinstance(self.mitigation, Mitigation):
            raise TypeError(
                f"Argument mitigation must be a Mitigation, but {self.mitigation!r} was given; "
                "Mitigation(factors=(1, 3, 5)) is one."
            )
        if self.mitigation.predicts and self.absorb_decay:
            raise ValueError(
                f"Argument mitigation must not have extrapolation="
                f"{self.mitigation.extrapolation!r} with absorb_decay, but it has: what the device "
                "adds is then part of what the circuits do, and must not be taken off."
            )
        if self.mitigation.fold_all and self.absorb_decay:
            raise ValueError(
                "Argument mitigation must have fold_all=False with absorb_decay, but it is True: "
                "the device's T1 is part of what the circuits do, and must not be extrapolated "
                "away."
            )

    def _check_form(self) -> None:
        check_choice("form", self.form, get_args(BestForm))
        ancilla = self.circuits.ancilla
        if ancilla != "reset" or self.absorb_decay:
            taken = "absorb_decay=True" if self.absorb_decay else f"ancilla={ancilla!r}"
            raise ValueError(
                f"Argument form must be None with {taken}, but 'best' was given, which chooses "
                "that itself; leave one of the two out."
            )


@data_object
@dataclass(frozen=True, eq=False)
class Measurement:
    """All that is measured for one record.

    Attributes:
        circuits: the model's, all settings.
        runs: those of the model's circuits first.
        shots: of each circuit, unless its run has its own; an equal share of those asked where
            circuits come in branches.
        mitigation: as declared, or None.
        details: how the circuits were made, for the record's provenance.
        forecast: what the mitigation takes from the calibrated model.
    """

    circuits: CircuitSet
    runs: tuple[PlannedRun, ...]
    shots: int
    mitigation: Mitigation | None
    details: Mapping[str, Any]
    forecast: Forecast = NO_FORECAST

    @property
    def target(self) -> Target:
        """The target with its qubits chosen."""
        return self.runs[0].target

    @property
    def shots_asked(self) -> int:
        """Shots of each time and setting, all branches together."""
        return self.shots * len([item for item in self.runs if factor_of(item.role) == "factor 1"])


def plan_measurement(
    model: Model, times: ArrayLike, target: Target, options: MeasurementOptions
) -> Measurement:
    """Build, place and adapt the circuits of `model`.

    Raises:
        ValueError, TypeError: for what would fail in the middle of the measurement or after it:
            circuits that the target cannot run, quantities that cannot be estimated.
    """
    circuits, placed, choices, mitigation = _formed(model, times, target, options)
    details = {
        **choices,
        "mitigation": None if mitigation is None else mitigation.describe(),
    }
    predicted = forecast(circuits, placed, mitigation)

    def measured(shots: int) -> Measurement:
        runs = plan_runs(circuits, placed, mitigation, shots, predicted.shares)
        return Measurement(circuits.branches[0], runs, shots, mitigation, details, predicted)

    branches = len(circuits.branches)
    if isinstance(options.shots, int):
        found = measured(shots_of_each(circuits, options.shots))
    else:
        details["shot_rule"] = options.shots.describe()
        # Shared as they will be, of a number that hardly any share rounds away.
        found = measured(-(-options.shots.resolve(measured(TRIAL_SHOTS)) // branches))
    check_quantities(
        options.quantities,
        circuits.network,
        circuits.times,
        circuits.bases,
        shots=found.shots_asked,
    )
    checked = set()
    for item in found.runs:
        # Runs of one role differ in settings alone, and later branches in angles.
        if item.role not in checked:
            item.target.check(item.circuits)
        checked.add(item.role)
    return found


def _formed(
    model: Model, times: ArrayLike, target: Target, options: MeasurementOptions
) -> tuple[CircuitSet, Target, dict[str, Any], Mitigation | None]:
    """Return the circuits as they run, the target with its qubits, and how both were chosen.

    And the mitigation: as declared but where the way of resets was chosen too.
    """
    mitigation = options.mitigation
    equal_gates = mitigation is not None and mitigation.method.equal_gates
    if options.form is not None:
        absorbable = mitigation is None or not (mitigation.fold_all or mitigation.predicts)
        form = choose_form(model, times, options.circuits, target, absorbable=absorbable)
        chosen_form = form.chosen
        circuits, report = chosen_form.circuits, chosen_form.absorption
        placed = target.adopt(chosen_form.device)
        chosen = {"ancilla_choice": None, "form_choice": form.describe()}
        if equal_gates:
            require_equal_gates(circuits)
    else:
        resets = None
        if options.circuits.ancilla == "best" and mitigation is not None and mitigation.resets:
            resets = _chosen_resets(model, times, target, options, mitigation)
            own = replace(options.circuits, ancilla=resets.ancilla)
            options, mitigation = replace(options, circuits=own), resets.mitigation
        circuits, choice = resolve_ancilla(model, times, options.circuits, target)
        if equal_gates:
            require_equal_gates(circuits.branches[0])
        placed, report = target.place(circuits.branches[0]), None
        if options.absorb_decay:
            circuits, report = absorb_device_decay(
                circuits, scheduled_device(placed, "absorb_decay")
            )
        chosen = {
            "ancilla_choice": None if choice is None else choice.describe(),
            "reset_choice": None if resets is None else resets.describe(),
        }
    absorption = None if report is None else report.describe()
    return circuits, placed, {"absorption": absorption, **chosen}, mitigation


def _chosen_resets(
    model: Model,
    times: ArrayLike,
    target: Target,
    options: MeasurementOptions,
    mitigation: Mitigation,
) -> ResetChoice:
    """Return what is done about resets that err, by its predicted cost."""
    if not isinstance(options.shots, int):
        raise ValueError(
            "Argument shots must be a number with ancilla='best' and measured resets, for the "
            f"price of undoing their errors depends on it, but {options.shots!r} was given; "
            "plan(…) says what a number of shots reaches."
        )
    assert mitigation.resets is not None
    circuits = circuits_with(model, times, replace(options.circuits, ancilla="reset"))
    return choose_resets(
        circuits,
        target,
        mitigation.resets,
        shots=options.shots * len(circuits.bases) * len(mitigation.factors),
        mitigation=replace(mitigation, resets=None),
    )


def measurement_of(circuits: CircuitSet, target: Target, shots: int) -> Measurement:
    """Return the measurement of circuits that are already made, without mitigation."""
    shots = check_integer("shots", shots, minimum=1)
    placed = target.place(circuits.branches[0])
    each = shots_of_each(circuits, shots)
    runs = plan_runs(circuits, placed, None, each)
    return Measurement(circuits.branches[0], runs, each, None, {})


def shots_of_each(circuits: CircuitSet, shots: int) -> int:
    """Return the shots of each circuit: equal ones for all branches, or the mean is biased."""
    branches = len(circuits.branches)
    if shots % branches:
        raise ValueError(
            f"Argument shots must be a multiple of {branches} where every time takes {branches} "
            f"circuits, but {shots} was given: equal shares go to each; take "
            f"{shots + branches - shots % branches}."
        )
    return shots // branches


def _is_later(role: str) -> bool:
    return BRANCH.search(role) is not None


def factor_of(role: str) -> str:
    """Return a run's role without its branch."""
    return BRANCH.sub("", role)


def join_runs(
    described: Sequence[Mapping[str, Any]], counts: Sequence[IntArray], settings: int
) -> tuple[list[str], list[IntArray]]:
    """Return roles and counts (T, B, 2^M) of all runs, settings put together, branches added."""
    roles, tables = join_settings(described, counts, settings)
    return first_roles(roles), join_branches(roles, tables)


def join_branches(roles: Sequence[str], counts: Sequence[IntArray]) -> list[IntArray]:
    """Return the counts (T, B, 2^M) of each run, those of later branches added to the first.

    Nothing is kept where one of the branches is missing: without it they are another channel.
    """
    joined: list[IntArray] = []
    for role, table in zip(roles, counts, strict=True):
        if not _is_later(role):
            joined.append(table)
            continue
        first = joined[-1]
        there = np.logical_and(*(item.sum(axis=2, keepdims=True) > 0 for item in (first, table)))
        joined[-1] = np.where(there, first + table, 0)
    return joined


def first_roles(roles: Sequence[str]) -> list[str]:
    """Return the roles of the joined runs."""
    return [role for role in roles if not _is_later(role)]


def measure_readout(target: Target, memristors: int, *, shots: int) -> Readout:
    """Measure the readout flips of `memristors` qubits on `target` with two circuits.

    Args:
        target: the target of the run, with its layout fixed, for flips belong to qubits:
            `target.place(circuits)` fixes it. `run(…, mitigation=…)` does all of this by itself.
        memristors: their number M.
        shots: of each of the two circuits, all in |0> and all in |1>.

    >>> import qmemcircuit as qm
    >>> qm.measure_readout(
    ...     qm.aer(seed=1), 2, shots=100
    ... ).counts.tolist()
    [[100, 0, 0, 0], [0, 0, 0, 100]]
    """
    check_arguments(measure_readout, locals(), own=("target",))
    check_work("memristors", check_integer("memristors", memristors, minimum=1), 1000, "qubits")
    shots = check_integer("shots", shots, minimum=1)
    target = as_target(target)
    if not target.placed:
        raise ValueError(
            "Argument target must have its layout fixed, but it has none yet; give "
            "target.place(circuits) with the circuits of the run."
        )
    counts = [
        target.independent(FIRST_STREAM + place).sample(circuits, shots)[0, 0]
        for place, circuits in enumerate(readout_circuits(memristors))
    ]
    return Readout(np.array(counts))


def mitigated_samples(
    mitigation: Mitigation,
    bases: tuple[str, ...],
    counts: Sequence[IntArray],
    excess: FloatArray | None = None,
) -> MitigatedSamples:
    """Return the counts of all runs, in their order, each (T, B, 2^M), with their mitigation."""
    count = len(counts) - (2 if mitigation.readout else 0)
    samples = tuple(Samples(bases, table) for table in counts[:count])
    readout = None
    if mitigation.readout:
        readout = Readout(np.array([table[0, 0] for table in counts[count:]]))
    return MitigatedSamples(mitigation, samples, readout, excess)


def describe_circuits(circuits: CircuitSet) -> dict[str, Any]:
    """Return how circuits were made, as JSON values, for a record's provenance."""
    return {
        **circuits.options.describe(),
        **circuits.describe_compilation(),
        "decay_integrals": circuits.network.decay_integrals(float(circuits.times[-1])),
    }
