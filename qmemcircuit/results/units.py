"""Trajectories in physical units."""

from __future__ import annotations

from dataclasses import asdict

from qmemcircuit.model.laws.squid import Squid
from qmemcircuit.results.trajectory import Trajectory


def to_volts(squid: Squid, trajectory: Trajectory) -> Trajectory:
    """Return a trajectory of `squid.memristor(…)` with its voltage in volts.

    V = Q/C, twice the memristor's voltage over the capacitance; the current is in amperes as it
    is. The memductance I/V in these units is CΓ(t)/2 siemens. Samples and states are kept.
    """
    scale = 2 / squid.capacitance
    error = trajectory.voltage_error
    rates = {"decay_rate": "1/s"} if "decay_rate" in trajectory.variables else {}
    return trajectory.replace(
        voltage=scale * trajectory.voltage,
        voltage_error=None if error is None else scale * error,
        provenance={
            **trajectory.provenance,
            "squid": asdict(squid),
        },
        units={**trajectory.units, "times": "s", "voltage": "V", "current": "A", **rates},
    )
