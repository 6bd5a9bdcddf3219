"""Series with their axes, errors and units as a table of xarray or pandas, both imported lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.common.checks import FloatArray

if TYPE_CHECKING:
    import pandas
    import xarray


@dataclass(frozen=True, eq=False)
class Column:
    """One real series: values along named axes, "time" first, with an error and a unit if known."""

    axes: tuple[str, ...]
    values: FloatArray
    error: FloatArray | None
    unit: str | None


@dataclass(frozen=True, eq=False)
class Table:
    """What both kinds of table are made of; `provenance` is JSON text."""

    times: FloatArray
    columns: Mapping[str, Column]
    events: Mapping[str, FloatArray]
    periods: FloatArray | None
    time_unit: str | None
    provenance: str

    def to_xarray(self) -> xarray.Dataset:
        """Return a data set, as `Trajectory.to_xarray` describes it."""
        import xarray

        data: dict[str, Any] = {}
        for name, column in self.columns.items():
            data[name] = (column.axes, column.values, _attributes(column.unit))
        for name, column in self.columns.items():
            if column.error is not None:
                data[f"{name}_error"] = (column.axes, column.error, _attributes(column.unit))
        in_time = _attributes(self.time_unit)
        for name, moments in self.events.items():
            data[name] = ((f"{name}_index",), np.asarray(moments), in_time)
        coordinates: dict[str, Any] = {
            "time": ("time", self.times, in_time),
            "device": np.arange(self.columns["voltage"].values.shape[1]),
        }
        if self.periods is not None:
            coordinates["period"] = ("device", self.periods, in_time)
        return xarray.Dataset(data, coords=coordinates, attrs={"provenance": self.provenance})

    def to_dataframe(self) -> pandas.DataFrame:
        """Return a data frame in long form, as `Trajectory.to_dataframe` describes it."""
        import pandas

        parts = []
        for name, column in self.columns.items():
            values, error = np.asarray(column.values), column.error
            places = np.indices(values.shape).reshape(values.ndim, -1)
            row: dict[str, Any] = {"time": self.times[places[0]], "quantity": name}
            row |= dict(zip(column.axes[1:], places[1:], strict=True))
            row["value"] = values.ravel()
            row["standard_error"] = np.nan if error is None else np.asarray(error).ravel()
            row["unit"] = column.unit
            parts.append(pandas.DataFrame(row))
        frame = pandas.concat(parts, ignore_index=True)
        axes = [axis for column in self.columns.values() for axis in column.axes]
        named = [axis for axis in dict.fromkeys(axes) if axis not in ("time", "device")]
        for name in ("device", *named):
            frame[name] = frame[name].astype("Int64")
        order = ["time", "device", "quantity", "value", "standard_error", "unit", *named]
        frame = frame[order]
        frame.attrs = {"time_unit": self.time_unit, "provenance": self.provenance}
        return frame


def _attributes(unit: str | None) -> dict[str, str]:
    return {} if unit is None else {"units": unit}
