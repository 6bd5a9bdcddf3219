"""What a `Trajectory` is made of: signals with their errors, density matrices, counts.

A trajectory is made from plain arrays under their own names, `Keywords`; it keeps them as these
small objects, and `dataclasses.replace` may change either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields, check_value
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import FrozenMapping, data_object
from qmemcircuit.common.states import reduce_states, reduced_from_pairs
from qmemcircuit.counts.estimates import Estimate
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.samples import Samples

UNKNOWN = ("voltage", "current", "voltage_error", "current_error", "current_covariance")
"""What may hold NaN: it was not measured, or does not exist there."""

PAIR_ERRORS = "pair_errors"
"""The variable with errors of the Pauli means <A_i B_j> behind `pair_states`, (T, P, 4, 4): pairs
(i, j) in ascending order, A and B from I, X, Y, Z."""

COVARIANCES = ("current_covariance", "voltage_current_covariance")


@data_object
@dataclass(frozen=True, eq=False)
class DeviceSeries:
    """One memristor's (or neuron's) voltage and current: one-dimensional arrays of length T."""

    times: FloatArray
    voltage: FloatArray
    current: FloatArray
    voltage_error: FloatArray | None
    current_error: FloatArray | None
    current_covariance: FloatArray | None
    period: float | None
    voltage_current_covariance: FloatArray | None = None


@data_object
@dataclass(frozen=True, eq=False)
class Signals:
    """Voltage and current of M devices at T times, each with its standard error.

    Attributes:
        voltage, current: estimates of shape (T, M); exact ones have no standard error.
        current_covariance: of the currents at two times, shape (M, T, T), or None.
        voltage_current_covariance: of V at the first time with I at the second, shape (M, T, T):
            both come from the same counts. None where exact or not known.

    Raises:
        ValueError: for shapes that do not fit.
    """

    voltage: Estimate[FloatArray]
    current: Estimate[FloatArray]
    current_covariance: FloatArray | None = None
    voltage_current_covariance: FloatArray | None = None

    def __post_init__(self) -> None:
        check_fields(self, missing=UNKNOWN)
        shape = _shape_of_voltage(self.voltage.value)
        _check_shape("current", self.current.value, shape, "the shape of voltage, ")
        joint = (shape[1], shape[0], shape[0])
        for name in COVARIANCES:
            _check_shape(name, getattr(self, name), joint, "shape ")

    @classmethod
    def from_arrays(
        cls,
        voltage: FloatArray,
        current: FloatArray,
        voltage_error: FloatArray | None = None,
        current_error: FloatArray | None = None,
        current_covariance: FloatArray | None = None,
        voltage_current_covariance: FloatArray | None = None,
    ) -> Signals:
        """Return the signals of plain arrays, each checked under its own name."""
        check_arguments(cls.from_arrays, locals(), missing=UNKNOWN)
        shape = _shape_of_voltage(voltage)
        each = {"current": current, "voltage_error": voltage_error, "current_error": current_error}
        for name, values in each.items():
            _check_shape(name, values, shape, "the shape of voltage, ")
        return cls(
            Estimate(voltage, voltage_error),
            Estimate(current, current_error),
            current_covariance,
            voltage_current_covariance,
        )

    def of_device(self, device: int, times: FloatArray, period: float | None) -> DeviceSeries:
        """Return the one-dimensional series of one device."""
        found = {name: item for name, item in self.arrays().items() if item is not None}
        series: dict[str, Any] = dict.fromkeys(SIGNALS)
        for name, item in found.items():
            series[name] = item[device] if name in COVARIANCES else item[:, device]
        return DeviceSeries(times=times, period=period, **series)

    def arrays(self) -> dict[str, Any]:
        """Return the arguments of `from_arrays`."""
        return {
            "voltage": self.voltage.value,
            "current": self.current.value,
            "voltage_error": self.voltage.standard_error,
            "current_error": self.current.standard_error,
            "current_covariance": self.current_covariance,
            "voltage_current_covariance": self.voltage_current_covariance,
        }


def _shape_of_voltage(voltage: FloatArray) -> tuple[int, ...]:
    shape = np.shape(voltage)
    if len(shape) != 2:
        raise ValueError(
            f"Argument voltage must have shape ({shape[0] if shape else 'T'}, M), but {shape} was "
            "given."
        )
    return shape


def _check_shape(name: str, values: Any, wanted: tuple[int, ...], words: str) -> None:
    if values is not None and np.shape(values) != wanted:
        raise ValueError(
            f"Argument {name} must have {words}{wanted}, but {np.shape(values)} was given."
        )


@data_object
@dataclass(frozen=True, eq=False)
class DensityMatrices:
    """States of all memristors at T times, or where those are too large, of pairs of them.

    Attributes:
        states: shape (T, d, d), memristor 0 is the least significant bit, or None.
        pair_states: {(i, j): shape (T, 4, 4)}, i the least significant bit.

    Raises:
        ValueError: for shapes that do not fit.
    """

    states: ComplexArray | None = None
    pair_states: Mapping[tuple[int, int], ComplexArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "pair_states", FrozenMapping(self.pair_states))

    def __bool__(self) -> bool:
        return self.states is not None or bool(self.pair_states)

    def check_times(self, number: int) -> None:
        """Raise ValueError where these are not states at so many times."""
        states = self.states
        if states is not None and (np.ndim(states) != 3 or np.shape(states)[0] != number):
            raise ValueError(
                f"Argument states must have shape ({number}, d, d), but {np.shape(states)} was "
                "given."
            )
        for pair, matrices in self.pair_states.items():
            if np.shape(matrices) != (number, 4, 4):
                raise ValueError(
                    f"Argument pair_states must hold arrays of shape ({number}, 4, 4), but "
                    f"that of {pair} has shape {np.shape(matrices)}."
                )

    def of_pair(self, first: int, second: int) -> ComplexArray:
        """Return the reduced states of two devices, (T, 4, 4); ValueError where not known."""
        if self.states is not None:
            return reduce_states(self.states, (first, second))
        return reduced_from_pairs(self.pair_states, (first, second))


RESERVED = ("time", "times", "device", "voltage", "current", "voltage_error", "current_error")
"""Names that no variable may have: they stand for something else in tables."""


def check_variables(
    variables: Mapping[str, FloatArray],
    dimensions: Mapping[str, tuple[str, ...]],
    shape: tuple[int, ...],
) -> None:
    """Raise ValueError where variables do not fit voltages of shape (T, M), or have no axes."""
    times, devices = shape
    for name, values in variables.items():
        if name in RESERVED:
            raise ValueError(
                f"Argument variables must not hold a series {name!r}, but it does: the name "
                "stands for something else; choose another."
            )
        named = dimensions.get(name)
        fits = np.shape(values) in ((times,), (times, devices))
        if named is not None:
            fits = np.shape(values)[:1] == (times,) and np.ndim(values) == 1 + len(named)
        if not fits:
            raise ValueError(
                f"Argument variables must hold series of shape ({times},) or ({times}, "
                f"{devices}), but {name!r} has shape {np.shape(values)}; name its further "
                f"axes, dimensions={{{name!r}: (…)}}."
            )
    _check_known("dimensions", dimensions, variables)


def check_units(units: Mapping[str, str], variables: Mapping[str, FloatArray]) -> None:
    """Raise ValueError for a unit of what is not there, TypeError for one that is no text."""
    _check_known("units", units, ("times", "voltage", "current", *variables))
    for name, unit in units.items():
        if not isinstance(unit, str) or not unit:
            raise TypeError(
                f"Argument units must hold texts such as 'mV', but that of {name!r} is "
                f"{unit!r}; '1' is that of a pure number."
            )


def _check_known(argument: str, given: Iterable[str], there: Iterable[str]) -> None:
    names = list(there)
    for name in given:
        if name not in names:
            raise ValueError(
                f"Argument {argument} must name series that are there, but {name!r} is not; "
                f"there are {', '.join(names) or 'none'}."
            )


class PlainKeywords(TypedDict, total=False):
    """Arguments of `Trajectory` that its small objects keep: `Trajectory` describes them."""

    voltage_error: FloatArray | None
    current_error: FloatArray | None
    current_covariance: FloatArray | None
    voltage_current_covariance: FloatArray | None
    states: ComplexArray | None
    pair_states: Mapping[tuple[int, int], ComplexArray]
    samples: Samples | None
    mitigated: MitigatedSamples | None


class Keywords(PlainKeywords, total=False):
    """All arguments of `Trajectory` after times, voltage and current.

    Where one of the last three is given, as `dataclasses.replace` does, plain arrays given beside
    it replace their part of it.
    """

    variables: Mapping[str, FloatArray]
    events: Mapping[str, FloatArray]
    periods: FloatArray | None
    provenance: Mapping[str, Any]
    units: Mapping[str, str]
    dimensions: Mapping[str, tuple[str, ...]]
    signals: Signals
    density_matrices: DensityMatrices
    counts: Samples | MitigatedSamples | None


class Changes(Keywords, total=False):
    """Arguments of `Trajectory.replace`: all of `Trajectory`'s."""

    times: FloatArray
    voltage: FloatArray
    current: FloatArray


SIGNALS = tuple(Signals.from_arrays.__annotations__)[:-1]
DENSITIES = tuple(item.name for item in fields(DensityMatrices))
COUNTS = {"samples": Samples, "mitigated": MitigatedSamples}


def gather(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a trajectory from any of its `Keywords`; only what was given.

    Raises:
        TypeError: for an unknown name and where voltage or current is missing.
    """
    unknown = [name for name in given if name not in (*Keywords.__annotations__, *SIGNALS)]
    if unknown:
        raise TypeError(
            f"Argument {unknown[0]} must not be given: a Trajectory takes times, voltage, current "
            f"and {', '.join(Keywords.__annotations__)}, but no {unknown[0]}."
        )
    found = {name: given[name] for name in given if name not in (*SIGNALS, *DENSITIES, *COUNTS)}
    found["signals"] = _signals(given.get("signals"), _among(given, SIGNALS))
    found["density_matrices"] = _densities(given.get("density_matrices"), _among(given, DENSITIES))
    found["counts"] = _counts(given.get("counts"), _among(given, COUNTS))
    return found


def _among(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


def _signals(before: Signals | None, changes: dict[str, Any]) -> Signals:
    if before is not None:
        check_value("signals", Signals, before)
        if not changes:
            return before
        changes = {**before.arrays(), **changes}
    for name in ("voltage", "current"):
        if name not in changes:
            raise TypeError(
                f"Argument {name} must be given to a Trajectory, but it is missing; its shape is "
                "(T, M)."
            )
    return Signals.from_arrays(**changes)


def _densities(before: DensityMatrices | None, changes: dict[str, Any]) -> DensityMatrices:
    if before is None:
        return DensityMatrices(**changes)
    check_value("density_matrices", DensityMatrices, before)
    kept = {name: getattr(before, name) for name in DENSITIES}
    return DensityMatrices(**{**kept, **changes}) if changes else before


def _counts(before: Any, changes: dict[str, Any]) -> Samples | MitigatedSamples | None:
    """Return the one kind of counts that there is: what is given now replaces what was."""
    found: Samples | MitigatedSamples | None = before
    for name, value in changes.items():
        check_value(name, COUNTS[name] | None, value)
        if isinstance(found, COUNTS[name]):
            found = None
    new = [value for value in changes.values() if value is not None]
    if len(new) > 1:
        raise ValueError(
            "Argument mitigated must not be given beside samples, but both were; it holds its own."
        )
    found = new[0] if new else found
    return found
