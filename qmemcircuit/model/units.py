"""Units of a trajectory's series, by name, as short texts.

A unit is `"1"` for a pure number, a unit of the SI (`"mV"`, `"1/s"`), a natural unit of the model
(`"√(mħω)"`), or, in square brackets, the unit in which a parameter was given: where `window` was
given in nanoseconds, `"[window]"` is the nanosecond. A missing entry means that nobody said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qmemcircuit.model.memristors import Network

NATURAL = {
    "times": "1/ω",
    "voltage": "√(mħω)",
    "current": "ω√(mħω)",
    "decay_rate": "ω",
    "conductance": "ω",
    "source_current": "ω√(mħω)",
}
GIVEN = {
    "times": "1/[ω]",
    "voltage": "√([m][ħ][ω])",
    "current": "[ω]√([m][ħ][ω])",
    "decay_rate": "[ω]",
    "conductance": "[ω]",
    "source_current": "[ω]√([m][ħ][ω])",
}

MEMRISTOR_METHODS = (
    "master_equation",
    "exact_circuit",
    "simulate_circuit",
    "device_states",
    "expected_trajectory",
    "estimate",
    "mitigate",
)
"""What older files, without units, name as the method of a memristor's trajectory."""


def memristor_units(network: Network) -> dict[str, str]:
    """Return the units of a network's times, voltages, currents and decay rates.

    Where all memristors have m = ħ = ω = 1 these are the natural ones, √(mħω) for a voltage.
    Otherwise numbers are in whatever units m, ħ and ω were given in, and not multiples of any one
    memristor's √(mħω): "√([m][ħ][ω])" says that.
    """
    natural = all(item.mass == item.hbar == item.omega == 1 for item in network.memristors)
    units = dict(NATURAL if natural else GIVEN)
    if all(item.drive is None for item in network.memristors):
        del units["source_current"]
        if all(item.is_cold for item in network.memristors):
            del units["conductance"]  # Γ itself
    return units


def recorded_units(provenance: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Return the units that a file of before the field `units` says in its provenance.

    Args:
        provenance: of the file.
        names: of its series; units of others are left out.
    """
    said = provenance.get("units")
    if isinstance(said, str):
        return dict.fromkeys(names, "1" if said.startswith("dimensionless") else said)
    if isinstance(said, Mapping):
        found = {"times" if name == "time" else str(name): str(unit) for name, unit in said.items()}
    else:
        found = dict(GIVEN) if provenance.get("method") in MEMRISTOR_METHODS else {}
    wanted = set(names)
    return {name: unit for name, unit in found.items() if name in wanted}
