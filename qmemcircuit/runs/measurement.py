"""What `run` and `submit` measure: which circuits, on which target, in which role.

A measurement is the model's circuits and, where mitigation is declared, the same with amplified
noise and two circuits that calibrate the readout: all planned before the first of them runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, build_circuits
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.circuits.samplers import as_target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    IntArray,
    check_boolean,
    check_choice,
    check_integer,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.mitigation import MitigatedSamples, Mitigation
from qmemcircuit.counts.readout import Readout
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.ancillas import resolve_ancilla
from qmemcircuit.devices.best import BestForm, choose_form
from qmemcircuit.devices.states import require_equal_gates
from qmemcircuit.devices.target import scheduled_device
from qmemcircuit.model.laws.rates import ConstantRate
from qmemcircuit.model.memristors import Memristor, Model, Network
from qmemcircuit.results.requirements import check_quantities

FIRST_STREAM = 1_000_000
"""Random streams of the two calibration circuits, beyond those of any noise factor."""

BRANCH_STREAM = 500_000
"""Random streams of later branches begin here, also beyond those of any noise factor."""

BRANCH_STRIDE = 1000
"""From the streams of one branch to those of the next: more than noise factors."""

BRANCH = re.compile(r", (second half|branch \d+)$")
"""The role of a run ends so where its counts are added to those of the run before it.

Submissions of up to November 2026 call the second of two a second half.
"""


@data_object
@dataclass(frozen=True, eq=False)
class PlannedRun:
    """One set of circuits, and where it runs.

    Attributes:
        role: `"factor 1"`, `"factor 3"`, … or `"readout 0"`, `"readout 1"`; where circuits come
            in several branches, each factor is followed by its other branches, `", branch 2"`, ….
        circuits: what is measured.
        target: with its qubits chosen.
    """

    role: str
    circuits: CircuitSet
    target: Target


@data_object
@dataclass(frozen=True)
class MeasurementOptions:
    """How a model is measured: what `run`, `plan`, `submit` and `rehearse` take as keywords.

    Attributes:
        shots: of each circuit, an integer ≥ 1.
        circuits: how these are built.
        absorb_decay: whether the device's own T1 does part of the damping.
        mitigation: what is measured in addition, or None.
        quantities: what will be estimated.
        form: `"best"` leaves ancillas, forms and absorption to the device's calibration; None is
            what the other options say.

    Raises ValueError or TypeError where one is out of range, or two exclude each other.
    """

    shots: int
    circuits: CircuitOptions
    absorb_decay: bool = False
    mitigation: Mitigation | None = None
    quantities: Sequence[str] = ()
    form: BestForm | None = None

    def __post_init__(self) -> None:
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
        runs: the model's circuits first.
        shots: of each circuit; an equal share of those asked where circuits come in branches.
        mitigation: as declared, or None.
        details: how the circuits were made, for the record's provenance.
    """

    runs: tuple[PlannedRun, ...]
    shots: int
    mitigation: Mitigation | None
    details: Mapping[str, Any]

    @property
    def circuits(self) -> CircuitSet:
        """The model's circuits."""
        return self.runs[0].circuits

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

    Raises ValueError or TypeError for what would fail in the middle of the measurement or after
    it: circuits that the target cannot run, quantities that cannot be estimated.
    """
    mitigation = options.mitigation
    circuits, placed, choices = _formed(model, times, target, options)
    details = {
        **choices,
        "mitigation": None if mitigation is None else mitigation.describe(),
    }
    shots = shots_of_each(circuits, options.shots)
    found = Measurement(_runs(circuits, placed, mitigation), shots, mitigation, details)
    check_quantities(
        options.quantities, circuits.network, circuits.times, circuits.bases, shots=options.shots
    )
    for item in found.runs:
        item.target.check(item.circuits)
    return found


def _formed(
    model: Model, times: ArrayLike, target: Target, options: MeasurementOptions
) -> tuple[CircuitSet, Target, dict[str, Any]]:
    """Return the circuits as they run, the target with its qubits, and how both were chosen."""
    mitigation = options.mitigation
    exponential = mitigation is not None and mitigation.extrapolation == "exponential"
    if options.form is not None:
        absorbable = mitigation is None or not mitigation.fold_all
        form = choose_form(model, times, options.circuits, target, absorbable=absorbable)
        circuits, placed, report = form.circuits, target.adopt(form.device), form.absorption
        chosen = {"ancilla_choice": None, "form_choice": form.describe()}
        if exponential:
            require_equal_gates(circuits)
    else:
        circuits, choice = resolve_ancilla(model, times, options.circuits, target)
        if exponential:
            require_equal_gates(circuits.branches[0])
        placed, report = target.place(circuits.branches[0]), None
        if options.absorb_decay:
            circuits, report = absorb_device_decay(circuits, scheduled_device(placed))
        chosen = {"ancilla_choice": None if choice is None else choice.describe()}
    return circuits, placed, {"absorption": None if report is None else report.describe(), **chosen}


def measurement_of(circuits: CircuitSet, target: Target, shots: int) -> Measurement:
    """Return the measurement of circuits that are already made, without mitigation."""
    shots = check_integer("shots", shots, minimum=1)
    placed = target.place(circuits.branches[0])
    return Measurement(_runs(circuits, placed, None), shots_of_each(circuits, shots), None, {})


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


def _runs(
    circuits: CircuitSet, placed: Target, mitigation: Mitigation | None
) -> tuple[PlannedRun, ...]:
    runs = _branches("factor 1", circuits, placed, 0)
    if mitigation is None:
        return tuple(runs)
    for stream, factor in enumerate(mitigation.factors[1:], start=1):
        amplified = placed.amplify(factor, fold_all=mitigation.fold_all)
        runs += _branches(f"factor {factor}", circuits, amplified, stream)
    if mitigation.readout:
        for place, calibration in enumerate(readout_circuits(len(circuits.network.memristors))):
            own = placed.independent(FIRST_STREAM + place)
            runs.append(PlannedRun(f"readout {place}", calibration, own))
    return tuple(runs)


def _branches(role: str, circuits: CircuitSet, target: Target, stream: int) -> list[PlannedRun]:
    """Return the runs of one noise factor, with shots of their own."""
    first, *later = circuits.branches
    runs = [PlannedRun(role, first, target.independent(stream) if stream else target)]
    for place, branch in enumerate(later):
        own = target.independent(BRANCH_STREAM + BRANCH_STRIDE * place + stream)
        runs.append(PlannedRun(f"{role}, branch {place + 2}", branch, own))
    return runs


def readout_circuits(memristors: int) -> tuple[CircuitSet, CircuitSet]:
    """Return the two calibration circuits: all memristors in |0>, and all in |1>."""
    count = check_integer("memristors", memristors, minimum=1)
    zeros, ones = (
        build_circuits(Network([Memristor(ConstantRate(0.0), a=angle)] * count), [0.0], bases="Z")
        for angle in (np.pi / 2, 0.0)
    )
    return zeros, ones


def measure_readout(target: Target, memristors: int, *, shots: int) -> Readout:
    """Measure the readout flips of `memristors` qubits on `target` with two circuits.

    Args:
        target: the target of the run, with its layout fixed, for flips belong to qubits:
            `target.place(circuits)` fixes it. `run(…, mitigation=…)` does all of this by itself.
        memristors: their number M.
        shots: of each of the two circuits, all in |0> and all in |1>.
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
    mitigation: Mitigation, bases: tuple[str, ...], counts: Sequence[IntArray]
) -> MitigatedSamples:
    """Return the counts of all runs, in their order, each (T, B, 2^M), with their mitigation."""
    count = len(mitigation.factors)
    samples = tuple(Samples(bases, table) for table in counts[:count])
    readout = None
    if mitigation.readout:
        readout = Readout(np.array([table[0, 0] for table in counts[count:]]))
    return MitigatedSamples(mitigation, samples, readout)


def describe_circuits(circuits: CircuitSet) -> dict[str, Any]:
    """Return how circuits were made, as JSON values, for a record's provenance."""
    return {
        **circuits.options.describe(),
        **circuits.describe_compilation(),
        "decay_integrals": circuits.network.decay_integrals(float(circuits.times[-1])),
    }
