"""`Trajectory`: voltages and currents against time, the one noun that every solver returns."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_integer, check_times
from qmemcircuit.common.data_objects import FrozenMapping, data_object
from qmemcircuit.common.storage import FileFormatError, load_file, save_file
from qmemcircuit.counts.concurrence import Concurrence, concurrence_of_counts, concurrence_of_states
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.samples import Samples
from qmemcircuit.results.tables import Column, Table
from qmemcircuit.results.trajectory_files import parts_of_file
from qmemcircuit.results.trajectory_parts import (
    PAIR_ERRORS,
    Changes,
    DensityMatrices,
    DeviceSeries,
    Keywords,
    Signals,
    check_units,
    check_variables,
    gather,
)

if TYPE_CHECKING:
    import pandas
    import xarray


ARRAYS = (
    "voltage",
    "current",
    "voltage_error",
    "current_error",
    "current_covariance",
    "states",
    "periods",
    "voltage_current_covariance",
)
"""What a file holds under its own name, besides "times"."""

PLAIN = (
    *("times", "voltage", "current", "voltage_error", "current_error", "current_covariance"),
    *("states", "pair_states", "samples", "mitigated", "variables", "events", "periods"),
    *("provenance", "units", "dimensions", "voltage_current_covariance"),
)
"""What a trajectory is made of, by the names that its user knows, in the order of its `repr`."""


@data_object(also=("units", *PLAIN))
@dataclass(frozen=True, eq=False, init=False)
class Trajectory:
    """Voltage and current of M devices at T times, with errors, units and provenance.

    `Trajectory(times, voltage, current, …)` takes plain arrays, everything else by keyword. Two
    are equal (`==`) where all numbers and units are; provenance is not compared.

    Attributes:
        times: shape (T,).
        voltage, current: shape (T, M).
        voltage_error, current_error: standard errors, shape (T, M), or None where exact.
            Current errors include the estimator's bias bound.
        current_covariance: shape (M, T, T); estimated currents at neighbouring times are
            correlated. None where exact.
        voltage_current_covariance: of V at the first time with I at the second, (M, T, T), or None.
        states: density matrices, shape (T, 2^M, 2^M), memristor 0 is qubit 0 (the least significant
            bit), or None.
        pair_states: reduced states of pairs, {(i, j): shape (T, 4, 4)}, i the least significant
            bit, where `states` would be too large.
        samples, mitigated: the counts behind the estimates, or behind mitigated ones; None where
            nothing was sampled.
        variables: further real series by name, (T,) for the whole, (T, M) for each device; others
            (T, …) name their further axes in `dimensions`. `"compilation_residual"` bounds, in
            trace distance, what compiling the circuits moved the state by.
        events: instants by name (spikes), each a one-dimensional array of times.
        periods: the period that defines one loop of each device, shape (M,), or None.
        provenance: how these numbers came to be, JSON values.
        units: of "times", "voltage", "current" and the variables, by name.
        dimensions: names of the axes after time of variables that are neither (T,) nor (T, M).

    Raises:
        ValueError: for parts that do not fit together, times that do not increase, and negative
            errors.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> found = qm.master_equation(memristor, [0.0, 0.5, 1.0])
    >>> found.voltage.shape, found.voltage_error is None  # exact
    ((3, 1), True)
    """

    times: FloatArray
    signals: Signals = field(repr=False)
    density_matrices: DensityMatrices = field(repr=False)
    counts: Samples | MitigatedSamples | None = field(repr=False)
    variables: Mapping[str, FloatArray]
    events: Mapping[str, FloatArray]
    periods: FloatArray | None
    provenance: Mapping[str, Any] = field(compare=False)
    units: Mapping[str, str]
    dimensions: Mapping[str, tuple[str, ...]]

    described_by = PLAIN

    def __init__(
        self,
        times: FloatArray,
        voltage: FloatArray | None = None,
        current: FloatArray | None = None,
        **parts: Unpack[Keywords],
    ) -> None:
        given: dict[str, Any] = dict(parts)
        for name, values in (("voltage", voltage), ("current", current)):
            if values is not None:
                given[name] = values
        found = {"times": times, "periods": None, **gather(given)}
        for item in fields(self):
            object.__setattr__(self, item.name, found.get(item.name, {}))
        self._check()

    def _check(self) -> None:
        check_fields(self, missing=("variables",), own=("units",))
        times = check_times(self.times)
        object.__setattr__(self, "times", times)
        shape = np.shape(self.voltage)
        if shape[0] != times.size:
            raise ValueError(
                f"Argument voltage must have shape ({times.size}, M), but {shape} was given."
            )
        if self.periods is not None and np.shape(self.periods) != shape[1:]:
            raise ValueError(
                f"Argument periods must have shape {shape[1:]}, but {np.shape(self.periods)} was "
                "given."
            )
        self.density_matrices.check_times(times.size)
        if not isinstance(self.units, Mapping):
            raise TypeError(
                f"Argument units must be a mapping such as {{'times': 's'}}, but {self.units!r} "
                "was given."
            )
        for name in ("variables", "events", "provenance", "units", "dimensions"):
            object.__setattr__(self, name, FrozenMapping(getattr(self, name)))
        check_variables(self.variables, self.dimensions, shape)
        check_units(self.units, self.variables)

    @property
    def voltage(self) -> FloatArray:
        """Voltage of each device, shape (T, M)."""
        return self.signals.voltage.value

    @property
    def current(self) -> FloatArray:
        """Current of each device, shape (T, M)."""
        return self.signals.current.value

    @property
    def voltage_error(self) -> FloatArray | None:
        """Standard error of the voltage, shape (T, M), or None where exact."""
        return self.signals.voltage.standard_error

    @property
    def current_error(self) -> FloatArray | None:
        """Standard error of the current, shape (T, M), or None where exact."""
        return self.signals.current.standard_error

    @property
    def current_covariance(self) -> FloatArray | None:
        """Covariance of the currents at two times, shape (M, T, T), or None."""
        return self.signals.current_covariance

    @property
    def voltage_current_covariance(self) -> FloatArray | None:
        """Covariance of V at the first time with I at the second, shape (M, T, T), or None."""
        return self.signals.voltage_current_covariance

    @property
    def states(self) -> ComplexArray | None:
        """Density matrices, shape (T, 2^M, 2^M), or None."""
        return self.density_matrices.states

    @property
    def pair_states(self) -> Mapping[tuple[int, int], ComplexArray]:
        """Reduced states of pairs, each of shape (T, 4, 4)."""
        return self.density_matrices.pair_states

    @property
    def samples(self) -> Samples | None:
        """The counts behind plain estimates, or None."""
        return self.counts if isinstance(self.counts, Samples) else None

    @property
    def mitigated(self) -> MitigatedSamples | None:
        """The counts behind mitigated estimates, or None."""
        return self.counts if isinstance(self.counts, MitigatedSamples) else None

    @property
    def device_count(self) -> int:
        """Number of devices M."""
        return int(self.voltage.shape[1])

    def __getitem__(self, device: int) -> DeviceSeries:
        """Return the one-dimensional series of device `device` (0 … M − 1)."""
        check_arguments(Trajectory.__getitem__, locals())
        if not 0 <= device < self.device_count:
            raise IndexError(
                f"Argument device must be from 0 to {self.device_count - 1}, "
                f"but {device} was given."
            )
        period = None if self.periods is None else float(self.periods[device])
        return self.signals.of_device(device, self.times, period)

    def concurrence(
        self, first: int, second: int, *, level: float = 0.95, seed: int = 0
    ) -> Concurrence:
        """Return Wootters' concurrence of two devices, with its interval where not exact.

        Counts take precedence over states; `counts.concurrence.concurrence_of_counts` says how
        their interval is made. States with `variables["pair_errors"]` (Pauli propagation) have the
        concurrences that those errors allow (`concurrence_of_states` there); it has no level.

        Args:
            first, second: two different devices.
            level: of the interval, between 0.5 and 1; unused where exact.
            seed: of the random halves of the counts.

        Raises:
            ValueError: where there are neither states nor samples of this pair, a pair that was not
                measured in all nine settings, fewer than 50 shots in one, bad indices or level.
        """
        check_arguments(Trajectory.concurrence, locals())
        if self.device_count == 1:
            raise ValueError(
                "Argument trajectory must have two memristors for a concurrence, but it has one; "
                "concurrence is of two."
            )
        for name, index in (("first", first), ("second", second)):
            if not 0 <= check_integer(name, index, minimum=0) < self.device_count:
                raise ValueError(
                    f"Argument {name} must be from 0 to {self.device_count - 1}, but {index} was "
                    "given."
                )
        if first == second:
            raise ValueError(
                f"Argument second must differ from first, but both are {first}; concurrence is of "
                "two."
            )
        if self.counts is not None:
            found = concurrence_of_counts(
                self.times,
                self.counts,
                (first, second),
                level=level,
                seed=seed,
                residual=self.variables.get("compilation_residual"),
            )
        elif self.density_matrices:
            states = self.pair_state(first, second)
            errors = self._pair_errors(first, second)
            found = concurrence_of_states(self.times, states, errors)
        else:
            raise ValueError(
                "Argument trajectory must hold states or samples, but it has neither; make it with "
                "exact_circuit, master_equation, or estimate(run(…, bases='tomography'))."
            )
        return replace(found, period=None if self.periods is None else float(self.periods[first]))

    def _pair_errors(self, first: int, second: int) -> FloatArray | None:
        """Return the errors (T, 4, 4) of the Pauli means of a kept pair's states, None of none."""
        if PAIR_ERRORS not in self.variables:
            return None
        kept = sorted(self.pair_states)
        pair = (min(first, second), max(first, second))
        errors = self.variables[PAIR_ERRORS]
        if np.shape(errors)[1:] != (len(kept), 4, 4):
            raise ValueError(
                f"Argument variables must hold {PAIR_ERRORS!r} of shape (T, {len(kept)}, 4, 4), "
                f"one for each of the pairs {kept}, but {np.shape(errors)} was given."
            )
        return np.asarray(errors[:, kept.index(pair)])

    def pair_state(self, first: int, second: int) -> ComplexArray:
        """Return the reduced states of two devices, shape (T, 4, 4), `first` least significant.

        Raises:
            ValueError: where neither `states` nor `pair_states` holds them.
        """
        check_arguments(Trajectory.pair_state, locals())
        if first == second or not all(0 <= j < self.device_count for j in (first, second)):
            raise ValueError(
                f"Arguments first and second must be two different devices from 0 to "
                f"{self.device_count - 1}, but {first} and {second} were given."
            )
        return self.density_matrices.of_pair(first, second)

    def axes_of(self, name: str) -> tuple[str, ...]:
        """Return the names of a variable's axes: "time", then "device" or those of `dimensions`."""
        check_arguments(Trajectory.axes_of, locals())
        if name not in self.variables:
            known = ", ".join(self.variables) or "none"
            raise KeyError(f"Argument name must be one of {known}, but {name!r} was given.")
        if name in self.dimensions:
            return ("time", *self.dimensions[name])
        return ("time", "device") if np.ndim(self.variables[name]) == 2 else ("time",)

    def to_xarray(self) -> xarray.Dataset:
        """Return the real series, with units and provenance, as an `xarray.Dataset`.

        Its dimensions are "time", "device" and those of `dimensions`; events have one each,
        "spikes_index". Every series has its unit as the attribute "units"; the data set has the
        provenance as JSON text, so that `to_netcdf` writes it. States, counts and the covariance
        of the currents stay behind: `save` keeps everything.
        """
        return self._table().to_xarray()

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the real series in long form, one row a number, as a `pandas.DataFrame`.

        Columns: time, device (missing where a series is of the whole), quantity, value,
        standard_error (NaN where none is known) and unit (missing where nobody said); then one for
        every name in `dimensions`, the place along that axis. `attrs` hold the unit of time and
        the provenance as JSON text.
        """
        return self._table().to_dataframe()

    def _table(self) -> Table:
        each = ("time", "device")
        columns = {
            name: Column(each, values, error, self.units.get(name))
            for name, values, error in (
                ("voltage", self.voltage, self.voltage_error),
                ("current", self.current, self.current_error),
            )
        }
        for name, values in self.variables.items():
            columns[name] = Column(self.axes_of(name), values, None, self.units.get(name))
        return Table(
            self.times,
            columns,
            self.events,
            self.periods,
            self.units.get("times"),
            json.dumps(dict(self.provenance), ensure_ascii=False, default=str),
        )

    def replace(self, **changes: Unpack[Changes]) -> Trajectory:
        """Return the trajectory with some of its arguments changed, by the names it is made with.

        `dataclasses.replace` does the same, but a type checker knows only this one's names.
        """
        return replace(self, **changes)  # type: ignore[misc]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to `path` (`.npz` or `.json`), whole or not at all.

        A file of that name is replaced.
        """
        check_arguments(Trajectory.save, locals())
        known = {"times": self.times} | {name: getattr(self, name) for name in ARRAYS}
        arrays = {name: value for name, value in known.items() if isinstance(value, np.ndarray)}
        for group in ("variables", "events"):
            for name, value in getattr(self, group).items():
                arrays[f"{group}/{name}"] = np.asarray(value)
        for (first, second), states in self.pair_states.items():
            arrays[f"pair_states/{first}-{second}"] = states
        header: dict[str, Any] = {
            "provenance": dict(self.provenance),
            "units": dict(self.units),
            "dimensions": {name: list(axes) for name, axes in self.dimensions.items()},
        }
        if self.samples is not None:
            arrays["counts"] = self.samples.counts
            header["bases"] = list(self.samples.bases)
        if self.mitigated is not None:
            header["bases"] = list(self.mitigated.bases)
            header["mitigation"] = self.mitigated.mitigation.describe()
            for name, counts in self.mitigated.arrays().items():
                arrays[f"mitigated/{name}"] = counts
        return save_file(path, "trajectory", header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trajectory:
        """Read what `save` wrote; raises FileFormatError where the file cannot be trusted."""
        check_arguments(Trajectory.load, locals())
        header, arrays = load_file(path, "trajectory")
        try:
            return cls(**parts_of_file(header, arrays))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise FileFormatError(
                f"Argument path must name an intact trajectory, but in {str(path)!r} something is "
                f"missing or wrong: {error}; restore it from a copy or compute it again."
            ) from error
