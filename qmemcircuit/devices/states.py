"""The exact states that a device's noise leaves, without shots and before readout."""

from __future__ import annotations

from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import circuits_with
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.options import Ancilla, AnySplitting, CircuitOptions
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.memristors import Model
from qmemcircuit.results.trajectory import Trajectory


def device_states(
    model: Model,
    times: ArrayLike,
    *,
    target: DeviceTarget,
    ancilla: Ancilla = "reset",
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
    absorb_decay: bool = False,
) -> Trajectory:
    """Return the exact states that the device's noise leaves, before readout: no shot noise.

    Args:
        model, times, ancilla, splitting, steps, collision: as in `build_circuits`.
        target: a target made by `device`.
        absorb_decay: let the device's own decay do part of the damping (see `absorption`).

    Returns a `Trajectory` with states of shape (T, 2^M, 2^M). The state is the one at the end of
    the scheduled circuit; the gates that turn the measurement's basis, and readout, come on top.
    """
    options = CircuitOptions("Z", ancilla, splitting, steps, collision)
    circuits = circuits_with(model, times, options)
    placed = target.place(circuits)
    report = None
    if absorb_decay:
        circuits, report = absorb_device_decay(circuits, placed)
    absorption = None if report is None else report.describe()
    return placed.predicted_states(circuits, absorption=absorption)
