"""The exact states that a device's noise leaves, without shots and before readout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.options import Ancilla, AnySplitting, CircuitOptions
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import expectation, nearest_physical, pauli_matrix
from qmemcircuit.counts.extrapolations.protocols import MeasuredMeans
from qmemcircuit.counts.means import states_of_means
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.resets import inversion_weights
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.resets import flipped_resets, reset_errors
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.memristors import Model
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.simulation.exact import circuit_states


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

    >>> import qmemcircuit as qm
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> noisy = qm.device_states(memristor, [0.3], target=qm.device(FakeManilaV2(), seed=1))
    >>> noisy.states.shape
    (1, 2, 2)
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
    if mitigation.method.equal_gates:
        require_equal_gates(circuits)
    if mitigation.predicts and absorb_decay:
        raise ValueError(
            f"Argument mitigation must not have extrapolation={mitigation.extrapolation!r} with "
            "absorb_decay, but it has: what the device adds is then part of what the circuits do."
        )
    weights = inversion_weights(reset_errors(circuits, mitigation))
    found = [
        [
            placed.amplify(factor, fold_all=mitigation.fold_all).predicted_states(
                circuits.with_flips(flipped), only=only, absorption=absorption
            )
            for flipped in flipped_resets(circuits, mitigation)
        ]
        for factor in mitigation.factors
    ]
    states = np.array([[item.states for item in variants] for variants in found])
    plain = np.einsum("v,fvtij->ftij", weights, states)
    excess = _excess_of_states(circuits, placed, mitigation, only) if mitigation.predicts else None
    first = found[0][0]
    provenance = {**first.provenance, "mitigation": mitigation.describe()}
    combined = trajectory_of_states(
        circuits.network, first.times, _extrapolated(plain, mitigation, excess), provenance
    )
    return circuits.with_residuals(combined, only=only)


def _excess_of_states(
    circuits: CircuitSet, placed: DeviceTarget, mitigation: Mitigation, only: Sequence[int] | None
) -> ComplexArray:
    """Return what the calibrated noise adds to the states at each factor, (F, T, d, d)."""
    calibrated = replace(placed, reset_error=0.0, coherent_errors=None)
    exact = circuit_states(circuits)[slice(None) if only is None else list(only)]
    noisy = [
        calibrated.amplify(factor, fold_all=mitigation.fold_all).noisy_states(circuits, only=only)
        for factor in mitigation.factors
    ]
    return np.array([states - exact for states, _ in noisy])


def _extrapolated(
    states: ComplexArray, mitigation: Mitigation, excess: ComplexArray | None
) -> ComplexArray:
    """Return states (F, T, d, d) at the noise factors extrapolated to no noise, (T, d, d).

    `excess` is what the calibrated noise adds to them, where the method takes it.
    """
    method = mitigation.method
    if not method.fits:
        weights = method.weights("", mitigation, {})
        assert weights is not None
        return nearest_physical(np.einsum("f,ftij->tij", weights, states))
    labels = _labels(states.shape[-1].bit_length() - 1)
    means = _means(states, labels)
    shifts = None if excess is None else _means(excess, labels)
    exact = np.zeros((*means.shape, len(labels)))
    zeros = np.zeros_like(means)
    measured = MeasuredMeans(labels, mitigation.factors, means, zeros, exact, shifts)
    parameters = {name: found.value for name, found in method.fit(measured).items()}
    weights = np.array([method.weights(label, mitigation, parameters) for label in labels])
    values = np.einsum("pf,ftp->tp", weights, means)
    if shifts is not None:
        values -= np.einsum("f,ftp->tp", method.subtracted(mitigation, parameters), shifts)
    return states_of_means(dict(zip(labels, values.T, strict=True)))


def _means(states: ComplexArray, labels: Sequence[str]) -> FloatArray:
    """Return the Pauli means of states (F, T, d, d), (F, T, P)."""
    operators = [pauli_matrix(label) for label in labels]
    return np.array(
        [np.stack([expectation(these, item) for item in operators], axis=1) for these in states]
    )


def _labels(memristors: int) -> tuple[str, ...]:
    """Return all Pauli labels but the identity's."""
    return tuple("".join(letters) for letters in product("IXYZ", repeat=memristors))[1:]


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
