"""`run`: circuits go to a target, counts come back as a `Record` that saves and reloads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from qmemcircuit.ancillas import BestAncilla
from qmemcircuit.checks import FloatArray, check_integer, check_times
from qmemcircuit.collision import CollisionForm
from qmemcircuit.measurement import describe_circuits, mitigated_samples, plan_measurement
from qmemcircuit.memristors import Model, Network
from qmemcircuit.mitigation import MitigatedSamples, Mitigation, restore_mitigated
from qmemcircuit.provenance import make_provenance
from qmemcircuit.serialization import describe_model, restore_model
from qmemcircuit.splitting import Splitting
from qmemcircuit.storage import FileFormatError, load_file, save_file
from qmemcircuit.targets import Target, as_target
from qmemcircuit.trajectory import Samples

if TYPE_CHECKING:
    from qiskit.primitives import BaseSamplerV2


@dataclass(frozen=True, eq=False)
class Record:
    """What was measured: the model, the times, the counts, and how they came to be.

    Attributes:
        network: the model (a single memristor is a network of one).
        times: shape (T,).
        samples: counts of shape (T, B, 2^M) and their settings.
        provenance: target, seed, shots, circuit options, versions, time: JSON values.
        mitigated: the same counts with those at amplified noise and the readout calibration, where
            mitigation was declared and all of it is there.
    """

    network: Network
    times: FloatArray
    samples: Samples
    provenance: Mapping[str, Any] = field(default_factory=dict)
    mitigated: MitigatedSamples | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", check_times(self.times))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))
        if self.samples.counts.shape[0] != self.times.size:
            raise ValueError(
                f"Argument samples must have counts at all {self.times.size} times, but it has "
                f"{self.samples.counts.shape[0]}."
            )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to `path` (`.json` or `.npz`), whole or not at all."""
        header = {
            "model": describe_model(self.network, self.times),
            "bases": list(self.samples.bases),
            "provenance": dict(self.provenance),
        }
        arrays = {"times": self.times, "counts": self.samples.counts}
        if self.mitigated is not None:
            header["mitigation"] = self.mitigated.mitigation.describe()
            for name, counts in self.mitigated.arrays().items():
                arrays[f"mitigated/{name}"] = counts
        return save_file(path, "record", header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Record:
        """Read what `save` wrote; raises FileFormatError where the file cannot be trusted."""
        header, arrays = load_file(path, "record")
        try:
            samples = Samples(tuple(header["bases"]), arrays["counts"])
            mitigated = None
            if "mitigation" in header:
                group = "mitigated/"
                counts = {name.removeprefix(group): arrays[name] for name in arrays}
                mitigated = restore_mitigated(header["mitigation"], samples.bases, counts)
            network = restore_model(header["model"])
            return cls(network, arrays["times"], samples, header["provenance"], mitigated)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise FileFormatError(
                f"Argument path must name an intact record, but in {str(path)!r} something is "
                f"missing or wrong: {error}; restore it from a copy or run again."
            ) from error


def run(
    model: Model,
    times: ArrayLike,
    *,
    target: Target | BaseSamplerV2,
    shots: int,
    bases: str | Sequence[str | Sequence[str]] | None = None,
    ancilla: BestAncilla = "reset",
    splitting: Splitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
    absorb_decay: bool = False,
    mitigation: Mitigation | None = None,
) -> Record:
    """Measure the circuits of `model` at `times` on `target`; return the counts.

    Args:
        model, times, bases, ancilla, splitting, steps, collision: as in `build_circuits`.
            `ancilla="best"` chooses among fresh, recycled and pooled ancillas by simulating each
            with the device's calibrated noise; the record says why.
        target: where the circuits run, e.g. `aer(seed=1)`; any `BaseSamplerV2` is accepted too.
        shots: shots of each circuit, an integer ≥ 1.
        absorb_decay: let the device's own T1 do part of the damping; for targets with a
            schedule, `device(…)` and `ibm(…)` (see `absorption`).
        mitigation: what is measured in addition, declared before the run, for `mitigate(record)`;
            each noise factor takes `shots` of each circuit again.

    Raises ValueError or TypeError for bad arguments, before anything runs.
    """
    shots = check_integer("shots", shots, minimum=1)
    measurement = plan_measurement(
        model,
        times,
        target=as_target(target),
        bases=bases,
        ancilla=ancilla,
        splitting=splitting,
        steps=steps,
        collision=collision,
        absorb_decay=absorb_decay,
        mitigation=mitigation,
    )
    counts = [item.target.sample(item.circuits, shots) for item in measurement.runs]
    circuits = measurement.circuits
    provenance = make_provenance(
        "run",
        target=dict(measurement.target.describe()),
        shots_asked=shots,
        **describe_circuits(circuits),
        **measurement.details,
    )
    return Record(
        circuits.network,
        circuits.times,
        Samples(circuits.bases, counts[0]),
        provenance,
        None if mitigation is None else mitigated_samples(mitigation, circuits.bases, counts),
    )
