"""`Record`: what was measured, and how; saves and reloads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_times
from qmemcircuit.common.data_objects import FrozenMapping, data_object
from qmemcircuit.common.storage import Array, FileFormatError, load_file, save_file
from qmemcircuit.counts.mitigated import MitigatedSamples, restore_mitigated
from qmemcircuit.counts.samples import Samples
from qmemcircuit.model.memristors import Network
from qmemcircuit.model.serialization import describe_model, restore_model
from qmemcircuit.results.calibration_drift import CalibrationDrift, calibration_drift


@data_object(also=("calibration_drift",))
@dataclass(frozen=True, eq=False)
class Record:
    """What was measured: the model, the times, the counts, and how they came to be.

    Two records are equal (`==`) where model, times and counts are; provenance is not compared.

    Attributes:
        network: the model (a single memristor is a network of one).
        times: shape (T,).
        samples: counts of shape (T, B, 2^M) and their settings.
        provenance: target, seed, shots, circuit options, versions, time: JSON values.
        mitigated: the same counts with those at amplified noise and the readout calibration, where
            mitigation was declared and all of it is there.
        compiled: the very gates, probabilities and residuals of compiled circuits at all times
            that were planned, by name (`constant_depth.stored_circuits`), for `rebuild_circuits`;
            empty for other splittings.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> record.samples.counts.shape  # times, settings, outcomes
    (10, 2, 2)
    """

    network: Network
    times: FloatArray
    samples: Samples
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)
    mitigated: MitigatedSamples | None = None
    compiled: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, complex_numbers=("compiled",))
        object.__setattr__(self, "times", check_times(self.times))
        object.__setattr__(self, "provenance", FrozenMapping(self.provenance))
        object.__setattr__(self, "compiled", FrozenMapping(self.compiled))
        if self.compiled and not np.all(np.isin(self.times, self.compiled["times"])):
            raise ValueError(
                "Argument compiled must hold the circuits of all times, but some of the times are "
                "not among its own; use those that were measured."
            )
        if self.samples.counts.shape[0] != self.times.size:
            raise ValueError(
                f"Argument samples must have counts at all {self.times.size} times, but it has "
                f"{self.samples.counts.shape[0]}."
            )
        if self.mitigated is not None and not np.array_equal(
            self.mitigated.runs[0].counts, self.samples.counts
        ):
            raise ValueError(
                "Argument mitigated must have the counts of samples as its first run, but they "
                "differ; use those of the same record."
            )

    @property
    def calibration_drift(self) -> CalibrationDrift | None:
        """How far the calibration moved from submission to execution; None where not told."""
        return calibration_drift(self.provenance)

    @property
    def compilation_residual(self) -> FloatArray | None:
        """What compilation may have moved each state by, in trace distance, (T,).

        None where circuits were not compiled; for records without angles, their largest residual.
        """
        if self.compiled:
            places = np.searchsorted(self.compiled["times"], self.times)
            return np.asarray(self.compiled["residuals"][places])
        largest = self.provenance.get("compiled_residual")
        return None if largest is None else np.full(self.times.size, float(largest))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to `path` (`.json` or `.npz`), whole or not at all.

        A file of that name is replaced; the command line refuses that without `--force`.
        """
        check_arguments(Record.save, locals())
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
        for name, values in self.compiled.items():
            arrays[f"compiled/{name}"] = values
        return save_file(path, "record", header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Record:
        """Read what `save` wrote; raises FileFormatError where the file cannot be trusted."""
        check_arguments(Record.load, locals())
        header, arrays = load_file(path, "record")
        try:
            samples = Samples(tuple(header["bases"]), arrays["counts"])
            mitigated = None
            if "mitigation" in header:
                group = "mitigated/"
                counts = {name.removeprefix(group): arrays[name] for name in arrays}
                mitigated = restore_mitigated(header["mitigation"], samples.bases, counts)
            network = restore_model(header["model"])
            group = "compiled/"
            compiled = {
                name.removeprefix(group): values
                for name, values in arrays.items()
                if name.startswith(group)
            }
            return cls(network, arrays["times"], samples, header["provenance"], mitigated, compiled)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise FileFormatError(
                f"Argument path must name an intact record, but in {str(path)!r} something is "
                f"missing or wrong: {error}; restore it from a copy or run again."
            ) from error
