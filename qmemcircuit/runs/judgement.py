"""`judge`: how far a record is from its master equation, and where the distance comes from."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from scipy.stats import chi2

from qmemcircuit.analysis.budget import ErrorBudget
from qmemcircuit.analysis.comparison import Comparison, compare
from qmemcircuit.analysis.one_site import expected_of, one_site_test
from qmemcircuit.circuits.build import CircuitSet, rebuild_circuits
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.currents import FEWEST_TIMES
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.expected import trajectory_of_probabilities
from qmemcircuit.devices.recorded import recorded_device
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.results.certificate import Certificate
from qmemcircuit.results.estimation import CurrentEstimator, estimate, mitigate
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.references import describe_reference, reference_trajectory
from qmemcircuit.runs.voltages import voltages_on
from qmemcircuit.simulation.certification.certificates import certificate_of
from qmemcircuit.simulation.exact import exact_circuit
from qmemcircuit.simulation.propagation import PauliPropagation
from qmemcircuit.simulation.trajectories import simulate_circuit

FEWEST_EXPECTED = 10
"""Counts below are no normal numbers, and χ² would not be one."""

MOST_DENSE = 5, 10
"""Of more memristors on more qubits a device's noise is predicted for each memristor alone."""

LOCAL_KEPT = PauliPropagation(10, 1e-4)
"""Then letters on ancillas count: with fewer the probabilities of twenty are off by 0.01."""

UNLIKELY = 1e-3
"""A device is called another than predicted where its counts had less than this chance."""


@data_object(also=("verdict",))
@dataclass(frozen=True, eq=False)
class Judgement:
    """A record beside what it should show; `print` gives the tables, `verdict` one sentence.

    Attributes:
        record: what was judged.
        trajectory: its raw counts, estimated.
        reference: the master equation at the record's times; of more than about eight memristors
            its V and I by Pauli propagation, with errors (`reference_trajectory`).
        comparison: of these two, with the error budget where there is one.
        exact: the circuits without noise or shots; None where there is no budget to make with it.
        noisy: the circuits with the noise that the target states, and infinitely many shots: the
            exact circuits themselves on the ideal simulator, the recorded calibration's prediction
            on a device. None where the target states nothing.
        mitigated: the mitigated estimate, None where no mitigation was declared and measured.
        mitigated_comparison: of it with the reference. It has no budget: the parts are of raw
            counts.
        notes: what was chosen without being asked, whether the device was as its recorded
            calibration predicts, and how far its calibration moved from submission to execution,
            in words.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> judgement = qm.judge(record)
    >>> judgement.comparison.agree, judgement.trajectory.voltage.shape
    (True, (10, 1))
    """

    record: Record
    trajectory: Trajectory
    reference: Trajectory
    comparison: Comparison
    exact: Trajectory | None
    noisy: Trajectory | None
    mitigated: Trajectory | None
    mitigated_comparison: Comparison | None
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def budget(self) -> ErrorBudget | None:
        """Where the distance comes from: splitting, device and shots; None where not known."""
        return self.comparison.budget

    @property
    def agree(self) -> bool | None:
        """Whether raw counts and master equation agree within the shots; see `Comparison.agree`."""
        return self.comparison.agree

    @property
    def verdict(self) -> str:
        """The comparison of the raw counts in one sentence."""
        return self.comparison.verdict

    def __str__(self) -> str:
        """Return the tables that a person reads: raw counts with their budget, then mitigated."""
        lines = [*self.notes, str(self.comparison)]
        if self.budget is None:
            lines += ["no error budget: the target states no calibration to tell device from shots"]
        if self.record.mitigated is not None:
            lines += ["", f"mitigated: {self.record.mitigated.mitigation}"]
            lines += self.record.mitigated.remarks
            lines += [str(self.mitigated_comparison)]
        return "\n".join(lines)


def judge(
    record: Record, *, current: CurrentEstimator | None = None, certificate: bool = False
) -> Judgement:
    """Compare a record with its master equation, and say where the distance comes from.

    Everything is made from the record alone. Its model gives the master equation and the exact
    circuits; the target's recorded calibration gives the noisy ones. The error budget splits the
    distance of the raw counts into splitting, device and shots (`error_budget`), where the target
    is the ideal simulator or has left a calibration. Of many memristors all of this is about each
    one's voltage: the reference has an error, which `notes` states and which is joined to the
    counts', and χ² is of each memristor's own counts. On real hardware the part of the shots is
    *not* theirs alone: it contains everything that the calibration does not know.

    Args:
        record: of `run`, or collected. An incomplete one is judged at the times that it has.
        current: as in `estimate`. None, with fewer times than a derivative takes, is
            `"current_operator"`, and `notes` says so.
        certificate: whether to say too what the circuits' splitting can do to any other input
            (`certify`: up to three memristors, some seconds); it stands in `comparison`.

    Raises:
        ValueError: as `estimate` does, and as `reference_trajectory` does where the times of many
            memristors are too long for a reference that tells something.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    >>> record = qm.run(memristor, memristor.periods(1), target=qm.aer(seed=1), shots=1000)
    >>> judgement = qm.judge(record)
    >>> judgement.agree, bool((judgement.budget.device == 0).all())
    (True, True)
    """
    check_arguments(judge, locals(), own=("record",))
    if not isinstance(record, Record):
        raise TypeError(
            f"Argument record must be a Record, but {type(record).__name__} was given; "
            "run(…) returns one, Record.load(path) reads one."
        )
    notes: tuple[str, ...] = ()
    times = record.times.size
    if current is None and times < FEWEST_TIMES and not record.network.couplings:
        current = "current_operator"
        notes = (f"I from I = ΓV: {times} times are too few to differentiate",)
    reference = reference_trajectory(record.network, record.times)
    if reference.states is None:
        notes = (*notes, describe_reference(reference))
    measured = estimate(record, current=current)
    prediction = _Prediction(record, reference)
    exact = prediction.exact() if prediction.is_known else None
    noisy = exact if prediction.device is None else prediction.noisy(current)
    if prediction.device is not None:
        notes = (*notes, prediction.remark(noisy))
    drift = record.calibration_drift
    if drift is not None:
        notes = (*notes, str(drift))
    mitigated = None if record.mitigated is None else mitigate(record, current=current)
    return Judgement(
        record,
        measured,
        reference,
        compare(
            measured,
            reference,
            noisy=noisy,
            exact=exact,
            certificate=prediction.certificate() if certificate else None,
        ),
        exact,
        noisy,
        mitigated,
        None if mitigated is None else compare(mitigated, reference),
        notes,
    )


@dataclass(frozen=True, eq=False)
class _Prediction:
    """The circuits of a record, and what they would show without shots."""

    record: Record
    reference: Trajectory

    @property
    def is_known(self) -> bool:
        """Whether the target's noise is known: none on the ideal simulator, or a calibration."""
        target = self.record.provenance.get("target", {})
        return target.get("name") == "aer" or self.device is not None

    @cached_property
    def device(self) -> DeviceTarget | None:
        target = self.record.provenance.get("target", {})
        return recorded_device(target) if target.get("calibration") else None

    @cached_property
    def circuits(self) -> CircuitSet:
        """Those that ran, at all planned times: later ones step through the missing ones, too."""
        return rebuild_circuits(self.record)

    @property
    def kept(self) -> IntArray:
        return np.flatnonzero(np.isin(self.circuits.times, self.record.times))

    @property
    def is_local(self) -> bool:
        """Whether the noise is predicted for each memristor alone, and not for all outcomes."""
        if self.reference.states is None:
            return True
        assert self.device is not None
        placement = self.device.placement
        size = 0 if placement is None else placement.size
        return len(self.record.network.memristors) > MOST_DENSE[0] and size > MOST_DENSE[1]

    def exact(self) -> Trajectory | None:
        options = self.circuits.options
        splitting = options.constant_depth or options.splitting
        said = self.reference.provenance.get("reference")
        if said is not None:
            if options.channel or options.constant_depth is not None:
                return None  # circuits that nothing simulates for so many
            found = simulate_circuit(
                self.record.network,
                self.circuits.times,
                method=PauliPropagation(said["largest_weight"], said["smallest_coefficient"]),
                splitting=splitting,
                steps=options.steps,
            )
            return _at(found, self.kept)
        found = exact_circuit(
            self.record.network,
            self.circuits.times,
            # All ancillas give the same states, but where all of [0, t] is one channel: it is not
            # the split step of that length.
            ancilla="merged" if options.channel else "traced",
            splitting=splitting,
            steps=options.steps,
        )
        return _at(found, self.kept)

    def certificate(self) -> Certificate:
        found = certificate_of(self.circuits)
        return Certificate(*(getattr(found, item.name)[self.kept] for item in fields(found)))

    def noisy(self, current: CurrentEstimator | None) -> Trajectory | None:
        assert self.device is not None
        if self.is_local:
            in_y = ("Y" * len(self.record.network.memristors),)
            formed = replace(self._formed, options=replace(self._formed.options, bases=in_y))
            try:
                return _at(voltages_on(formed, self.device, kept=LOCAL_KEPT), self.kept)
            except ValueError:  # I is not ΓV, or the target has errors that no propagation takes
                return None
        found = trajectory_of_probabilities(self._formed, self._chances, current=current)
        return _at(found, self.kept)

    def remark(self, noisy: Trajectory | None) -> str:
        """Return whether the counts are those that the recorded calibration predicts, in words.

        Pearson's χ² of all outcomes; those of which fewer than `FEWEST_EXPECTED` are expected
        at a time and setting are one outcome together. Of many memristors each one's counts in Y.
        """
        if self.is_local:
            expected = None if noisy is None else expected_of(noisy)
            if expected is None:
                return (
                    "the device's noise was not predicted: for so many memristors it is where "
                    "I = ΓV, without twirling and coherent errors"
                )
            square, freedom = one_site_test(self.record.samples, expected)
            return self._said(square, freedom, "each memristor's counts in Y")
        counts, chances = self.record.samples.counts, self._chances[self.kept]
        shots = counts.sum(axis=2, keepdims=True)
        expected = shots * chances
        rare = expected < FEWEST_EXPECTED
        joined = [
            np.concatenate(
                [np.where(rare, 0, table), np.sum(table * rare, axis=2, keepdims=True)], 2
            )
            for table in (counts, expected)
        ]
        seen, wanted = joined
        used = wanted > 0
        square = float(np.sum((seen[used] - wanted[used]) ** 2 / wanted[used]))
        freedom = int(np.sum(used)) - int(np.sum(shots > 0))
        return self._said(square, freedom, "counts")

    def _said(self, square: float, freedom: int, counts: str) -> str:
        chance = float(chi2.sf(square, freedom)) if freedom > 0 else 1.0
        said = f"χ² = {square:.1f} for {freedom} degrees of freedom, p = {chance:.2g}"
        if chance >= UNLIKELY:
            return f"the device was as its recorded calibration predicts ({said})"
        return (
            f"the device was not the one that was predicted: {counts} against the recorded "
            f"calibration {said}; it drifted, or has errors that no calibration states"
        )

    @cached_property
    def _chances(self) -> FloatArray:
        assert self.device is not None
        return self.device.probabilities(self._formed)

    @cached_property
    def _formed(self) -> CircuitSet:
        if not self.record.provenance.get("absorption"):
            return self.circuits
        assert self.device is not None
        return absorb_device_decay(self.circuits, self.device)[0]


def _at(trajectory: Trajectory, indices: IntArray) -> Trajectory:
    """Return a predicted trajectory at some of its times."""
    voltage_error, current_error = trajectory.voltage_error, trajectory.current_error
    return trajectory.replace(
        times=trajectory.times[indices],
        voltage=trajectory.voltage[indices],
        current=trajectory.current[indices],
        voltage_error=None if voltage_error is None else voltage_error[indices],
        current_error=None if current_error is None else current_error[indices],
        states=None if trajectory.states is None else trajectory.states[indices],
        pair_states={pair: states[indices] for pair, states in trajectory.pair_states.items()},
        variables={name: values[indices] for name, values in trajectory.variables.items()},
    )
