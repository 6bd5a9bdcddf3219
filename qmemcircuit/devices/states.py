"""The exact states that a device's noise leaves, without shots and before readout."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import Ancilla, CircuitSet, build_circuits
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.splitting import Splitting
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.compilation import CompiledCircuit
from qmemcircuit.devices.noise import simulate
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.memristors import Model
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory


def device_states(
    model: Model,
    times: ArrayLike,
    *,
    target: DeviceTarget,
    ancilla: Ancilla = "reset",
    splitting: Splitting = "lie",
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
    check_arguments(device_states, locals())
    circuits = build_circuits(
        model,
        times,
        bases="Z",
        ancilla=ancilla,
        splitting=splitting,
        steps=steps,
        collision=collision,
    )
    placed = target.place(circuits)
    report = None
    if absorb_decay:
        circuits, report = absorb_device_decay(circuits, placed)
    states, compiled = noisy_states(circuits, placed)
    provenance = make_provenance(
        "device_states",
        model=describe_model(circuits.network, circuits.times),
        target=dict(placed.describe()),
        ancilla=circuits.ancilla.describe(),
        splitting=splitting,
        steps=circuits.steps,
        two_qubit_gates=[item.two_qubit_gates for item in compiled],
        durations=[item.duration for item in compiled] if target.schedule else None,
        absorption=None if report is None else report.describe(),
    )
    return trajectory_of_states(circuits.network, circuits.times, states, provenance)


def noisy_states(
    circuits: CircuitSet, target: DeviceTarget, *, only: Sequence[int] | None = None
) -> tuple[ComplexArray, list[CompiledCircuit]]:
    """Return the system's noisy states (T, 2^M, 2^M) and the circuits that were simulated.

    With twirling a state is the average over the random instances.
    """
    placed = target.place(circuits)
    compiled = placed.compile(circuits, measured=False, only=only)
    states = simulate(
        compiled,
        placed.restricted(),
        target.reset_error,
        target.coherent_errors,
        save="density_matrix",
    )
    return states.mean(axis=1), compiled
