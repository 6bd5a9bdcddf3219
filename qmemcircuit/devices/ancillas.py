"""`ancilla="best"`: fresh, recycled or pooled ancillas, predicted from the calibration.

Resets take time in which a memristor decoheres; fresh ancillas take qubits that may be far away
or badly coupled. Which costs less depends on the device and on the number of collisions, so each
choice is simulated with the calibrated noise and compared with the exact circuit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.assembly import most_collisions
from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.options import Ancilla, AncillaPool, CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.target import DeviceTarget, scheduled_device
from qmemcircuit.model.memristors import Model
from qmemcircuit.simulation.exact import circuit_states

MOST_QUBITS = 9
"""Choices that need more qubits than this are not simulated: 4^9 numbers a gate, seconds each."""


BestAncilla = Ancilla | Literal["best"]


@data_object
@dataclass(frozen=True)
class AncillaChoice:
    """Which ancillas were chosen, and what each choice was predicted to do.

    Attributes:
        pool: the choice.
        predicted: for each choice that was simulated, the largest trace distance between noisy
            and exact states, at the middle and the last time.
        left_out: for each that was not, why.
    """

    pool: AncillaPool
    predicted: dict[str, float]
    left_out: dict[str, str]

    def describe(self) -> dict[str, Any]:
        """Return the choice and its reasons as JSON values."""
        return {
            "chosen": self.pool.describe(),
            "predicted": self.predicted,
            "left_out": self.left_out,
        }

    def __str__(self) -> str:
        """Return why."""
        listed = ", ".join(f"{name}: {value:.4f}" for name, value in self.predicted.items())
        others = "".join(f"; {name} left out, {why}" for name, why in self.left_out.items())
        return f"{self.pool.describe()}, for it has the least predicted error ({listed}{others})."


def choose_ancilla(
    build: Callable[[AncillaPool], CircuitSet], target: DeviceTarget
) -> AncillaChoice:
    """Return the ancillas with the smallest predicted error on a device.

    Args:
        build: returns the circuits for a pool.
        target: the device; each choice gets its own best layout, unless one was given.

    Candidates are `reset`, `pool(2)`, `pool(3)` and `fresh`. Raises ValueError where none can run.
    """
    circuits = build(AncillaPool(1))
    last = len(circuits.times) - 1
    only = sorted({last // 2, last})
    collisions = most_collisions(circuits.branches[0].elements(last))
    exact = circuit_states(circuits)[only]
    predicted: dict[str, float] = {}
    left_out: dict[str, str] = {}
    pools: dict[str, AncillaPool] = {}
    for size in (1, 2, 3, None):
        pool = AncillaPool(size)
        name = pool.describe()
        if size is not None and size >= max(collisions, 2):
            left_out[name] = f"the same as fresh for {collisions} collisions"
            continue
        candidate = build(pool)
        resets = size is not None and collisions > size
        if resets and "reset" not in target.backend.target.operation_names:
            left_out[name] = "the device has no reset"
            continue
        device_qubits = target.backend.target.num_qubits
        if candidate.num_qubits > min(MOST_QUBITS, device_qubits):
            left_out[name] = f"it needs {candidate.num_qubits} qubits"
            continue
        states = np.mean(
            [target.noisy_states(branch, only=only)[0] for branch in candidate.branches], axis=0
        )
        predicted[name] = float(np.max(trace_distance(states, exact)))
        pools[name] = pool
    if not predicted:
        raise ValueError(
            f"Argument ancilla must be possible on {target.backend.name}, but no choice is: "
            + "; ".join(f"{name}: {why}" for name, why in left_out.items())
            + "; use fewer times or a larger device."
        )
    return AncillaChoice(pools[min(predicted, key=predicted.__getitem__)], predicted, left_out)


def resolve_ancilla(
    model: Model, times: ArrayLike, options: CircuitOptions, target: Target
) -> tuple[CircuitSet, AncillaChoice | None]:
    """Return the circuits of `options`, and the choice of ancillas where it was left to us."""

    def build(ancilla: AncillaPool) -> CircuitSet:
        return circuits_with(model, times, replace(options, ancilla=ancilla))

    if options.ancilla != "best":
        return circuits_with(model, times, options), None
    choice = choose_ancilla(build, scheduled_device(target, "ancilla='best'"))
    return build(choice.pool), choice
