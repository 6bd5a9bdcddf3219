"""The dataset that a sweep returns: labelled, given units, written whole and read back."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.common.storage import (
    DAMAGE,
    LARGEST_CONTENT,
    FileFormatError,
    content_digest,
)
from qmemcircuit.sweeps.journal import (
    Array,
    Values,
    check_same,
)

if TYPE_CHECKING:
    import xarray


def check_path(path: str | os.PathLike[str]) -> Path:
    """Return where a sweep is written; ValueError for another kind of file."""
    target = Path(path)
    if target.suffix != ".nc":
        raise ValueError(f"Argument path must end in .nc (netCDF), but {str(path)!r} was given.")
    return target


def read_finished(target: Path, identity: Mapping[str, Any]) -> xarray.Dataset:
    """Return a finished sweep; FileFormatError for damage and for another sweep."""
    import xarray

    try:
        with xarray.open_dataset(target, engine="netcdf4") as dataset:
            if dataset.nbytes > LARGEST_CONTENT:  # stated; nothing is read yet
                raise ValueError(f"it claims {dataset.nbytes:,} bytes of numbers")
            loaded = dataset.load()
        found = json.loads(loaded.attrs.get("sweep", "{}"))
        stated = loaded.attrs.pop("sha256", None)  # files up to November 2026 have none
        digest = _dataset_digest(loaded)
    except DAMAGE as error:
        raise FileFormatError(
            f"Argument path must name an intact netCDF file, but {str(target)!r} cannot be read; "
            "delete it to compute again."
        ) from error
    if stated not in (None, digest):
        raise FileFormatError(
            f"Argument path must name an intact netCDF file, but the content of {str(target)!r} "
            "does not have the SHA-256 that it states: it was damaged or edited; delete it to "
            "compute again."
        )
    check_same(target, found, identity)
    return loaded


def _dataset_digest(dataset: xarray.Dataset) -> str:
    """Return the SHA-256 of attributes, names, axes and values, as netCDF gives them back."""
    arrays: dict[str, Array] = {}
    described: dict[str, Any] = {}
    for name, variable in dataset.variables.items():
        described[str(name)] = {"axes": list(variable.dims)}
        if variable.dtype.kind in "biufc":
            arrays[str(name)] = variable.values
        else:  # words, whose type in memory is the reader's affair
            described[str(name)]["words"] = [str(word) for word in variable.values.ravel()]
    return content_digest({"attributes": dict(dataset.attrs), "variables": described}, arrays)


def label_results(axes: dict[str, Array], finished: dict[int, Values]) -> xarray.Dataset:
    """Assemble the dataset from the results of all points."""
    import xarray

    lengths = tuple(axis.size for axis in axes.values())
    data = {}
    count = math.prod(lengths)
    for name, array in next(iter(finished.values())).items():
        missing = np.full(array.shape, np.nan) if len(finished) < count else array
        stacked = np.stack([finished[k][name] if k in finished else missing for k in range(count)])
        inner = tuple(f"{name}_{axis}" for axis in range(array.ndim))
        data[name] = ((*axes, *inner), stacked.reshape(*lengths, *array.shape))
    return xarray.Dataset(data, coords=axes)


def check_units(units: Mapping[str, str] | None) -> None:
    """Raise TypeError where units are no words by name."""
    if units is None:
        return
    if not isinstance(units, Mapping) or not all(
        isinstance(item, str) for pair in units.items() for item in pair
    ):
        raise TypeError(
            "Argument units must be a mapping from names to units, both words, but "
            f"{units!r} was given; e.g. {{'coupling': 'ω'}}."
        )


def with_units(dataset: xarray.Dataset, units: Mapping[str, str] | None) -> xarray.Dataset:
    """Return the dataset with the attribute `units` of each name that has one."""
    for name, unit in (units or {}).items():
        if name not in dataset.variables:
            raise ValueError(
                "Argument units must name parameters and results, "
                f"{', '.join(map(str, dataset.variables))}, but {name!r} was given."
            )
        dataset[name].attrs["units"] = unit
    return dataset


def write_dataset(target: Path, dataset: xarray.Dataset) -> None:
    """Write netCDF through a temporary file and a rename: the whole file or none."""
    descriptor, temporary = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name}.", suffix=".part"
    )
    os.close(descriptor)
    try:
        signed = dataset.assign_attrs(sha256=_dataset_digest(dataset))
        signed.to_netcdf(temporary, engine="netcdf4")
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
