"""A calibration whose numbers are off: what a device may be by the time that circuits run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_real
from qmemcircuit.devices.calibration import describe_calibration
from qmemcircuit.devices.recorded import recorded_backend

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


def drifted_calibration(
    calibration: Mapping[str, Any], size: float, random: np.random.Generator | None
) -> dict[str, Any]:
    """Return a calibration with every T1, T2 and gate error off by up to a share `size`.

    Errors and rates 1/T1, 1/T2 are multiplied by a factor that is uniform in 1 ± size, each by its
    own; with `random=None` all by 1 + size, which may be negative. Readout, which is measured, and
    durations stay.
    Raises ValueError for a size that leaves no positive number.
    """
    check_arguments(drifted_calibration, locals())
    if abs(check_real("size", size)) >= 1:
        raise ValueError(f"Argument size must be between −1 and 1, but {size:g} was given.")

    def factor() -> float:
        return 1 + size * (1.0 if random is None else float(random.uniform(-1, 1)))

    def longer(time: float | None) -> float | None:
        return None if time is None else time / factor()

    def worse(entry: Mapping[str, Any]) -> dict[str, Any]:
        error = entry["error"]
        # An error of 1 says that the operation is not calibrated.
        known = error is not None and error < 1
        return {**entry, "error": min(error * factor(), 0.99) if known else error}

    operations = {
        name: list(entries) if name == "measure" else [worse(entry) for entry in entries]
        for name, entries in calibration["operations"].items()
    }
    t1 = [longer(time) for time in calibration["t1"]]
    t2 = [longer(time) for time in calibration["t2"]]
    return {**calibration, "t1": t1, "t2": t2, "operations": operations}


def drifted_part(
    part: QiskitTarget, size: float, random: np.random.Generator | None
) -> QiskitTarget:
    """Return a (restricted) device's target with its calibration off, see `drifted_calibration`."""
    described = drifted_calibration(describe_calibration(part), size, random)
    return recorded_backend("drifted", described).target
