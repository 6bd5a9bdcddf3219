"""`rehearse`: a measurement on a noise model, simulated once, from which shots are drawn again.

How often would this mitigation, with these shots, reach what it is for? One run is one draw. A
rehearsal keeps the exact outcome probabilities of every circuit, so that a hundred repetitions of
the whole measurement, noise factors and readout calibration included, cost only their shots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.options import AnySplitting, CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.drawing import draw_counts
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.ancillas import BestAncilla
from qmemcircuit.devices.best import BestForm
from qmemcircuit.devices.expected import INFINITE_SHOTS, trajectory_of_probabilities
from qmemcircuit.devices.resets import flipped_resets
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.memristors import Model
from qmemcircuit.results.estimation import CurrentEstimator
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.measurement import (
    MeasurementOptions,
    measure_readout,
    plan_measurement,
    shots_of_each,
)
from qmemcircuit.runs.planned_runs import NO_FORECAST, Forecast, allocated_shots


@data_object
@dataclass(frozen=True, eq=False)
class Rehearsal:
    """A measurement's exact outcome probabilities on a noise model; made by `rehearse`.

    Attributes:
        circuits: what is measured.
        mitigation: as it was declared.
        probabilities: of each run (noise factor, and where reset errors are inverted each of its
            2^R circuits), (N, T, B, 2^M), readout errors included; N is the number of random
            instances, 1 without twirling, those of all branches in turn where the circuits come in
            several (`CircuitSet.branches`). Each has an equal share of shots.
        readout: the calibration with so many shots that its flips are those of the model to 1e-6;
            None where none was declared.
        forecast: what the mitigation takes from the calibrated model.

    >>> import qmemcircuit as qm
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> rehearsal = qm.rehearse(memristor, [0.3], target=qm.device(FakeManilaV2(), seed=1))
    >>> rehearsal.probabilities[0].shape  # times, settings, outcomes, at noise factor 1
    (1, 1, 2, 2)
    """

    circuits: CircuitSet
    mitigation: Mitigation
    probabilities: tuple[FloatArray, ...]
    readout: Readout | None
    forecast: Forecast = NO_FORECAST

    def __post_init__(self) -> None:
        check_fields(self)

    def draw_counts(self, shots: int, random: np.random.Generator) -> tuple[Samples, ...]:
        """Return the counts of one repetition of each run, `shots` a circuit as in `run`.

        Where the allocation or the inverse of reset errors shares them, that is their mean.
        """
        check_arguments(Rehearsal.draw_counts, locals())
        shots = check_integer("shots", shots, minimum=1)
        shots_of_each(self.circuits, shots)  # what `run` would refuse
        each = allocated_shots(self.circuits, self.mitigation, shots, self.forecast.shares)
        found = []
        for table, own in zip(self.probabilities, each.reshape(-1, each.shape[2]), strict=True):
            alike = bool(np.all(own == own[0]))
            counts = draw_counts(table, int(own[0]) if alike else own, random)
            found.append(Samples(self.circuits.bases, counts))
        return tuple(found)

    def draw_readout(self, shots: int, random: np.random.Generator) -> Readout | None:
        """Return the calibration of one repetition, `shots` for each of its two circuits."""
        check_arguments(Rehearsal.draw_readout, locals())
        shots = check_integer("shots", shots, minimum=1)
        return None if self.readout is None else self.readout.redrawn(shots, random)

    def draw(self, shots: int, random: np.random.Generator) -> MitigatedSamples:
        """Return one repetition of the whole measurement, counts first and then the readout."""
        check_arguments(Rehearsal.draw, locals())
        counts = self.draw_counts(shots, random)
        readout = self.draw_readout(shots, random)
        return MitigatedSamples(self.mitigation, counts, readout, self.forecast.excess)

    def expected(self, *, current: CurrentEstimator | None = None) -> Trajectory:
        """Return what `estimate` gives, unmitigated, for infinitely many shots."""
        check_arguments(Rehearsal.expected, locals())
        chances = self.probabilities[0].mean(axis=0)
        return trajectory_of_probabilities(self.circuits, chances, current=current)


# More than eight parameters: a public verb takes its options as plain keywords, and makes
# one value of them at once.
def rehearse(
    model: Model,
    times: ArrayLike,
    *,
    target: Target,
    mitigation: Mitigation | None = None,
    bases: str | Sequence[str | Sequence[str]] | None = None,
    ancilla: BestAncilla = "reset",
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
    absorb_decay: bool = False,
    form: BestForm | None = None,
) -> Rehearsal:
    """Simulate the measurement that `run` would make on a noise model; draw its shots later.

    Args:
        model, times, bases, ancilla, splitting, steps, collision, absorb_decay, form: as in `run`.
        target: made by `device`, or by `ibm`: then its noise model is rehearsed.
        mitigation: as in `run`; None is the counts as they are.

    Repetitions differ in shot noise alone: neither drift from run to run nor the choice of other
    qubits is in them. Raises ValueError or TypeError as `run` does, and for other targets.

    >>> import numpy as np
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> rehearsal = qm.rehearse(memristor, [0.3], target=qm.device(FakeManilaV2(), seed=1))
    >>> drawn = rehearsal.draw(100, np.random.default_rng(1))
    >>> int(drawn.runs[0].counts.sum())
    200
    """
    check_arguments(rehearse, locals())
    device = target.predict() if isinstance(target, Target) else None
    if not isinstance(device, DeviceTarget):
        raise TypeError(
            f"Argument target must have a device's noise model, but {target!r} has none; "
            "device(backend, seed=1) is one."
        )
    declared = Mitigation(readout=False) if mitigation is None else mitigation
    built = CircuitOptions(bases, ancilla, splitting, steps, collision)
    options = MeasurementOptions(INFINITE_SHOTS, built, absorb_decay, declared, form=form)
    measurement = plan_measurement(model, times, device, options)
    circuits = replace(measurement.circuits, branch=None)
    declared = measurement.mitigation or declared
    placed = measurement.target
    assert isinstance(placed, DeviceTarget)
    probabilities = []
    for factor in declared.factors:
        amplified = placed
        if factor > 1:
            amplified = placed.amplify(factor, fold_all=declared.fold_all)
        for flipped in flipped_resets(circuits, declared):
            own = circuits.with_flips(flipped) if flipped else circuits
            found = [amplified.instance_probabilities(branch) for branch in own.branches]
            probabilities.append(np.concatenate(found))
    readout = None
    if declared.readout:
        memristors = len(circuits.network.memristors)
        readout = measure_readout(measurement.target, memristors, shots=INFINITE_SHOTS)
    predicted = measurement.forecast
    return Rehearsal(circuits, declared, tuple(probabilities), readout, predicted)
