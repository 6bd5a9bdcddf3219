"""Which calibrated number would have to be better for a device to reach a demand, and by how much.

The circuits are compiled, decay is absorbed where it was, and all is simulated again with T1 and T2
longer, two-qubit errors smaller, or both. Predicted as everything else is: by the calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, check_choice, check_real
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.best import FormChoice
from qmemcircuit.devices.calibration import describe_calibration
from qmemcircuit.devices.compilation.placement import Placement
from qmemcircuit.devices.recorded import recorded_backend
from qmemcircuit.devices.target import DeviceTarget

IMPROVEMENTS = ("T1 and T2", "two-qubit errors", "both")
"""What is made better; `"both"` by one factor."""

LARGEST = 1000.0
"""The factor that stands for a perfect device."""

TRIES, TOLERANCE = 4, 0.01
"""Of the search for a factor: simulations, and how near to the demand they end."""


def improved_calibration(
    calibration: Mapping[str, Any], what: str, factor: float
) -> dict[str, Any]:
    """Return a calibration with one of `IMPROVEMENTS` better by `factor` ≥ 1.

    T1 and T2 of all qubits are multiplied, errors of two-qubit gates divided. Aer keeps an error
    at no less than the decay in the gate's duration.
    """
    check_arguments(improved_calibration, locals())
    check_choice("what", what, IMPROVEMENTS)
    if check_real("factor", factor) < 1:
        raise ValueError(f"Argument factor must be at least 1, but {factor:g} was given.")

    def better(entry: Mapping[str, Any]) -> dict[str, Any]:
        error = entry["error"]
        # An error of 1 says that the operation is not calibrated.
        known = error is not None and error < 1 and len(entry["qubits"]) == 2
        return {**entry, "error": error / factor if known else error}

    found = dict(calibration)
    if what != "two-qubit errors":
        for name in ("t1", "t2"):
            found[name] = [None if time is None else factor * time for time in found[name]]
    if what != "T1 and T2":
        found["operations"] = {
            name: [better(entry) for entry in entries]
            for name, entries in calibration["operations"].items()
        }
    return found


def needed_improvements(
    choice: FormChoice, reference: ComplexArray, demand: float
) -> dict[str, float | None]:
    """Return for each of `IMPROVEMENTS` the factor that brings the raw distance to `demand`.

    The distance is the largest of the chosen form's states to `reference`, before readout, at the
    times that were compared. None where even `LARGEST` does not.
    """
    check_arguments(needed_improvements, locals())
    check_real("demand", demand, minimum=0)
    ancilla, handling = choice.name.rsplit(", ", 1)
    plain = choice.forms.get(f"{ancilla}, plain", choice.chosen).circuits
    device = replace(choice.chosen.device, coherent_errors=None).unsuppressed()
    described = describe_calibration(device.restricted())
    only = [int(np.argmin(np.abs(plain.times - time))) for time in choice.times]

    def distance(what: str, share: float) -> float:
        better = improved_calibration(described, what, 1 / share)
        return _distance(plain, _at_home(device, better), handling, only, reference)

    now = float(np.max(trace_distance(choice.states[choice.name], reference)))
    if now <= demand:
        return {}
    return {what: _factor(partial(distance, what), now, demand) for what in IMPROVEMENTS}


def _at_home(device: DeviceTarget, calibration: Mapping[str, Any]) -> DeviceTarget:
    """Return the device on its chosen qubits alone, with another calibration."""
    placement = device.placement
    assert placement is not None
    count = len(placement.qubits)
    own = Placement(tuple(range(count)), placement.embedded, None, "improved", placement.seats)
    backend = recorded_backend(str(device.backend.name), calibration)
    return replace(device, backend=backend, placement=own)


def _distance(
    circuits: CircuitSet,
    device: DeviceTarget,
    handling: str,
    only: Sequence[int],
    reference: ComplexArray,
) -> float:
    if handling == "absorbed":
        circuits, _ = absorb_device_decay(circuits, device)
    states, _ = device.noisy_states(circuits, only=only)
    return float(np.max(trace_distance(states, reference)))


def _factor(distance: Callable[[float], float], now: float, demand: float) -> float | None:
    """Return the factor 1/share at which the distance, nearly linear in the share, is `demand`."""
    low, high = 1 / LARGEST, 1.0
    at_low, at_high = distance(low) - demand, now - demand
    if at_low > 0:
        return None
    share = low
    for _ in range(TRIES):
        share = low - at_low * (high - low) / (at_high - at_low)
        found = distance(share) - demand
        if abs(found) <= TOLERANCE * demand:
            break
        if found > 0:
            high, at_high = share, found
        else:
            low, at_low = share, found
    return 1 / share
