"""Where a number comes from: versions, parameters, seeds, in plain JSON values."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from qmemcircuit.common.data_objects import FrozenMapping

PACKAGES = (
    "qmemcircuit",
    "qiskit",
    "qiskit-aer",
    "qiskit-ibm-runtime",
    "qutip",
    "numpy",
    "scipy",
    "numba",
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on.

    Reads the installed metadata, once a process; imports none of them. Absent packages are left
    out.
    """
    return _installed().copy()


@cache
def _installed() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def make_provenance(method: str, **details: Any) -> Mapping[str, Any]:
    """Return a read-only record of `method`, the time now (UTC), the versions and `details`.

    `details` must be JSON values; those that are None are left out.
    """
    record: dict[str, Any] = {
        "method": method,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }
    record.update({name: value for name, value in details.items() if value is not None})
    return FrozenMapping(record)
