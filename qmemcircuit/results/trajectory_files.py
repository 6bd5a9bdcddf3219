"""What the file of a trajectory holds, old files included, as the fields of a `Trajectory`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.counts.mitigated import restore_mitigated
from qmemcircuit.counts.samples import Samples
from qmemcircuit.model.units import recorded_units


def parts_of_file(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields by name; KeyError, TypeError or ValueError where something is missing."""
    counts = arrays.get("counts")
    samples = None if counts is None else Samples(tuple(header["bases"]), counts)
    groups: dict[str, dict[str, Any]] = {"variables": {}, "events": {}, "mitigated": {}}
    pair_states: dict[tuple[int, int], ComplexArray] = {}
    plain: dict[str, Any] = {}
    for name, value in arrays.items():
        group, _, rest = name.partition("/")
        if name == "counts":
            continue
        if group == "pair_states":
            first, second = rest.split("-")
            pair_states[int(first), int(second)] = value
        elif rest:
            groups[group][rest] = value
        else:
            plain[name] = value
    mitigated = None
    if "mitigation" in header:
        bases = tuple(header["bases"])
        mitigated = restore_mitigated(header["mitigation"], bases, groups["mitigated"])
    # Files of before these two fields: the provenance had units, and axes had no names.
    named = header.get("dimensions")
    units = header.get("units")
    if named is None:
        named = _unnamed_axes(groups["variables"], plain["voltage"].shape)
    if units is None:
        series = ("times", "voltage", "current", *groups["variables"])
        units = recorded_units(header["provenance"], series)
    return {
        **plain,
        "units": units,
        "dimensions": {name: tuple(axes) for name, axes in named.items()},
        "samples": samples,
        "mitigated": mitigated,
        "pair_states": pair_states,
        "variables": groups["variables"],
        "events": groups["events"],
        "provenance": header["provenance"],
    }


def _unnamed_axes(
    variables: Mapping[str, FloatArray], shape: tuple[int, ...]
) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(f"{name}_{axis}" for axis in range(1, values.ndim))
        for name, values in variables.items()
        if values.shape not in (shape[:1], shape)
    }
