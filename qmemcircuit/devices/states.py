"""The exact states that a device's noise leaves, without shots and before readout."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.options import Ancilla, AnySplitting, CircuitOptions
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray
from qmemcircuit.common.states import expectation, nearest_physical, pauli_matrix
from qmemcircuit.counts.extrapolation import extrapolate_pooled, polynomial_weights
from qmemcircuit.counts.means import states_of_means
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.memristors import Model
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory


# More than eight parameters: a public verb takes its options as plain keywords, and makes
# one value of them at once.
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
    mitigation: Mitigation | None = None,
    only: Sequence[int] | None = None,
) -> Trajectory:
    """Return the exact states that the device's noise leaves, before readout: no shot noise.

    Args:
        model, times, ancilla, splitting, steps, collision: as in `build_circuits`.
        target: a target made by `device`.
        absorb_decay: let the device's own decay do part of the damping (see `absorption`).
        mitigation: return what its extrapolation leaves with unlimited shots: its bias. Readout is
            taken as corrected, whatever it declares of it.
        only: indices of the times wanted, where `times` are the steps of a finer grid; None is
            all of them.

    Returns a `Trajectory` with states of shape (T, 2^M, 2^M). The state is the one at the end of
    the scheduled circuit; the gates that turn the measurement's basis, and readout, come on top.
    """
    check_arguments(device_states, locals())
    options = CircuitOptions("Z", ancilla, splitting, steps, collision)
    circuits = circuits_with(model, times, options)
    placed = target.place(circuits.branches[0])
    report = None
    if absorb_decay:
        circuits, report = absorb_device_decay(circuits, placed)
    absorption = None if report is None else report.describe()
    if mitigation is None:
        return placed.predicted_states(circuits, only=only, absorption=absorption)
    if mitigation.extrapolation == "exponential":
        require_equal_gates(circuits)
    found = [
        placed.amplify(factor, fold_all=mitigation.fold_all).predicted_states(
            circuits, only=only, absorption=absorption
        )
        for factor in mitigation.factors
    ]
    states = _extrapolated(np.array([item.states for item in found]), mitigation)
    provenance = {**found[0].provenance, "mitigation": mitigation.describe()}
    combined = trajectory_of_states(circuits.network, found[0].times, states, provenance)
    return circuits.with_residuals(combined, only=only)


def _extrapolated(states: ComplexArray, mitigation: Mitigation) -> ComplexArray:
    """Return states (F, T, d, d) at the noise factors extrapolated to no noise, (T, d, d)."""
    if mitigation.extrapolation == "polynomial":
        weights = polynomial_weights(mitigation.factors, mitigation.degree)
        return nearest_physical(np.einsum("f,ftij->tij", weights, states))
    memristors = states.shape[-1].bit_length() - 1
    labels = ["".join(letters) for letters in product("IXYZ", repeat=memristors)][1:]
    operators = [pauli_matrix(label) for label in labels]
    means = [np.stack([expectation(these, item) for item in operators], axis=1) for these in states]
    values, _ = extrapolate_pooled(np.array(means), labels, mitigation.factors)
    return states_of_means(dict(zip(labels, values.T, strict=True)))


def require_equal_gates(circuits: CircuitSet) -> None:
    """Raise ValueError for circuits whose decay is not that of `extrapolation`'s pooled rates."""
    memristors = len(circuits.network.memristors)
    if memristors > 2:
        raise ValueError(
            f"Argument mitigation must have extrapolation='polynomial' for {memristors} "
            "memristors, but 'exponential' was declared: rates are pooled over all Paulis of one "
            "or two."
        )
    if circuits.share_steps and len(circuits.times) > 1:
        raise ValueError(
            f"Argument mitigation must have extrapolation='polynomial' for circuits that grow with "
            f"time (splitting={circuits.splitting!r}), but 'exponential' was declared: its rates "
            "are common to all times; give splitting='compiled' for a pair, ancilla='merged' for "
            "one memristor, or a number of steps."
        )
