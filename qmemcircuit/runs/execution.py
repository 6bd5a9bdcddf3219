"""`run`: circuits go to a target, counts come back as a `Record`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.constant_depth import stored_circuits
from qmemcircuit.circuits.options import AnySplitting, CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.circuits.samplers import as_target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.samples import Samples
from qmemcircuit.devices.ancillas import BestAncilla
from qmemcircuit.devices.best import BestForm
from qmemcircuit.model.memristors import Model
from qmemcircuit.results.records import Record
from qmemcircuit.runs.jobs.collection import run_jobs
from qmemcircuit.runs.jobs.protocols import Submittable
from qmemcircuit.runs.measurement import (
    MeasurementOptions,
    describe_circuits,
    join_runs,
    mitigated_samples,
    plan_measurement,
)
from qmemcircuit.runs.planned_runs import describe_run
from qmemcircuit.runs.precision import Precision, parse_shots

if TYPE_CHECKING:
    from qiskit.primitives import BaseSamplerV2


# More than eight parameters: a public verb takes its options as plain keywords, and makes
# one value of them at once.
def run(
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
) -> Record:
    """Measure the circuits of `model` at `times` on `target`; return the counts as a `Record`.

    Args:
        model, times, bases, ancilla, splitting, steps, collision: as in `build_circuits`.
            `ancilla="best"` predicts fresh, recycled and pooled ancillas from the device's
            calibration and takes the best; with measured resets declared
            (`Mitigation(resets=…)`), the cheapest remedy that `choose_resets` finds. The record
            holds the predictions of all.
        target: where the circuits run, e.g. `aer(seed=1)`; any `BaseSamplerV2` is accepted too.
            On `ibm(…)` this submits, waits and collects in a new folder of the working directory.
        shots: of each time and setting, an integer ≥ 1 (where `ancilla="merged"` makes several
            circuits of each, a multiple of their number). `Precision(0.01, "voltage")`, or
            `"to reach 0.01 on V"`, takes as many as that error bar is predicted to need.
        absorb_decay: let the device's own T1 do part of the damping; for `device(…)` and `ibm(…)`.
        form: `"best"` predicts every equivalent form of the circuits from the device's calibration,
            runs the one nearest to the noiseless states, and records the others' predictions. None
            runs what the other arguments say.
        mitigation: what is measured in addition, declared before the run, for `mitigate(record)`;
            each noise factor takes `shots` of each circuit again.
        quantities: what will be estimated, any of "voltage", "current", "loops", "states" and
            "concurrence". Where settings, times and shots cannot give one of them, this is refused
            before anything runs.

    Raises:
        ValueError, TypeError: for bad arguments, before anything runs.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> record.samples.bases, len(record.times)
    (('X', 'Y'), 10)
    """
    check_arguments(run, locals(), own=("target", "quantities"))
    built = CircuitOptions(bases, ancilla, splitting, steps, collision)
    options = MeasurementOptions(
        parse_shots(shots), built, absorb_decay, mitigation, quantities, form
    )
    measurement = plan_measurement(model, times, as_target(target), options)
    if isinstance(measurement.target, Submittable):
        return run_jobs(measurement)
    circuits = measurement.circuits
    _, counts = join_runs(
        [describe_run(item, circuits.bases) for item in measurement.runs],
        [item.target.sample(item.circuits, item.shots) for item in measurement.runs],
        len(circuits.bases),
    )
    mitigated = None
    if measurement.mitigation is not None:
        mitigated = mitigated_samples(
            measurement.mitigation, circuits.bases, counts, measurement.forecast.excess
        )
    provenance = make_provenance(
        "run",
        target=dict(measurement.target.describe()),
        shots_asked=measurement.shots_asked,
        **describe_circuits(circuits),
        **measurement.details,
    )
    return Record(
        circuits.network,
        circuits.times,
        Samples(circuits.bases, counts[0]),
        provenance,
        mitigated,
        stored_circuits(circuits.compiled),
    )
