"""`predict_voltages`: what a device will show of many memristors, one by one, with shot noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.options import Ancilla, AnySplitting, CircuitOptions
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_integer
from qmemcircuit.common.drawing import random_stream
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.counts.extrapolations.polynomial import polynomial_weights
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.devices.noise.heisenberg import KEPT, chances_of_ones
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.memristors import Model, Network
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.model.units import memristor_units
from qmemcircuit.results.observables import interaction_terms, is_driven, rate_variables
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.planned_runs import readout_circuits
from qmemcircuit.simulation.propagation import PauliPropagation


# More than eight parameters: a public verb takes its options as plain keywords.
def predict_voltages(
    model: Model,
    times: ArrayLike,
    *,
    target: DeviceTarget,
    shots: int | None = None,
    ancilla: Ancilla = "reset",
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    mitigation: Mitigation | None = None,
    kept: PauliPropagation = KEPT,
) -> Trajectory:
    """Return V_k and I_k of every memristor on a device's noise model, for tens of qubits.

    Every memristor is measured in Y, and only its own bit is looked at: V_k = ½√(mħω/2)⟨Y_k⟩ and
    I_k = Γ_k V_k. The calibrated noise (gates, waits, resets, readout) is propagated without
    trajectories, so 40 qubits take seconds a circuit; shots are then drawn for each memristor from
    the exact probability of its bit. Correlations *between* memristors are not in it.

    Args:
        model, times, ancilla, splitting, steps: as in `build_circuits`.
        target: made by `device`, without twirling and coherent errors.
        shots: of each circuit and noise factor, drawn with the target's seed; None gives the means
            of infinitely many.
        mitigation: as in `run`: noise factors are folded and extrapolated by its polynomial, and
            readout is calibrated with two circuits of as many shots. None is the raw counts.
        kept: which Pauli strings are kept. Letters on ancillas count.

    Returns:
        Trajectory. With shots, its errors are theirs and the calibration's, whose correlation
        between times is left out; without shots, those of the propagation (see `simulate_circuit`).

    Raises:
        ValueError: for couplings or drives with a current of their own, for which I = ΓV does not
            hold; for targets that are twirled or have coherent errors; for exponential
            extrapolation.
        ImportError: where numba is missing.

    >>> import qmemcircuit as qm
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> predicted = qm.predict_voltages(memristor, [0.3], target=qm.device(FakeManilaV2(), seed=1))
    >>> predicted.voltage.shape
    (1, 1)
    """
    check_arguments(predict_voltages, locals(), own=("ancilla",))
    options = CircuitOptions("Y", ancilla, splitting, steps)
    circuits = circuits_with(model, times, options)
    return voltages_on(circuits, target, mitigation=mitigation, shots=shots, kept=kept)


def voltages_on(
    circuits: CircuitSet,
    target: DeviceTarget,
    *,
    mitigation: Mitigation | None = None,
    shots: int | None = None,
    kept: PauliPropagation = KEPT,
) -> Trajectory:
    """Return what `predict_voltages` does, of circuits with the one setting of all in Y."""
    network = circuits.network
    _check(network, target, mitigation)
    declared = Mitigation(readout=False) if mitigation is None else mitigation
    placed = target.place(circuits)
    part = placed.restricted()
    runs = [
        placed.amplify(factor, fold_all=declared.fold_all).compile(circuits)
        for factor in declared.factors
    ]
    compiled = [item for run in runs for item in run]
    chances = chances_of_ones(compiled, part, reset_error=target.reset_error, kept=kept)
    flips = np.zeros((2, len(network.memristors)))  # of |0> read as 1, of |1> read as 0
    if declared.readout:
        zeros, ones = (placed.compile(item)[0] for item in readout_circuits(flips.shape[1]))
        read = chances_of_ones([zeros, ones], part, reset_error=target.reset_error, kept=kept).ones
        flips = np.array([read[0], 1 - read[1]])
    shape = (len(runs), circuits.times.size, len(network.memristors))
    read_ones, errors = chances.ones.reshape(shape), chances.error.reshape(shape)
    found = _voltages(circuits, read_ones, errors, flips, declared, shots, target.seed)
    provenance = make_provenance(
        "predict_voltages",
        model=describe_model(network, circuits.times),
        target=dict(placed.describe()),
        shots=shots,
        mitigation=None if mitigation is None else mitigation.describe(),
        **circuits.options.describe(),
        two_qubit_gates=[item.two_qubit_gates for item in runs[0]],
        durations=[item.duration for item in runs[0]] if target.compilation.schedule else None,
        propagation={
            "largest_weight": kept.largest_weight,
            "smallest_coefficient": kept.smallest_coefficient,
            "strings": chances.strings,
            "error": float(errors.max()),
        },
    )
    return replace(found, provenance=provenance)


def own_currents(network: Network) -> bool:
    """Whether every I_k is Γ_k V_k, so that one memristor's counts in Y tell it."""
    return not is_driven(network) and all(
        np.abs(operator).max() <= 1e-12
        for j in range(len(network.memristors))
        for _, operator in interaction_terms(network, j)
    )


def _check(network: Network, target: DeviceTarget, mitigation: Mitigation | None) -> None:
    """Refuse what is not in the method."""
    if not own_currents(network):
        raise ValueError(
            "Argument model must have I = ΓV for predict_voltages, but its couplings or drives "
            "have currents of their own; take Native('y', …), or run and estimate."
        )
    if target.suppression.twirling or target.coherent_errors is not None:
        raise ValueError(
            "Argument target must be without twirling and coherent errors for predict_voltages, "
            "but it has some; leave them out, or run on fewer qubits."
        )
    if mitigation is not None and mitigation.extrapolation != "polynomial":
        raise ValueError(
            "Argument mitigation must have extrapolation='polynomial' for predict_voltages, but "
            f"{mitigation.extrapolation!r} was declared: its rates are of one or two memristors."
        )


def _voltages(
    circuits: CircuitSet,
    ones: FloatArray,
    errors: FloatArray,
    flips: FloatArray,
    declared: Mitigation,
    shots: int | None,
    seed: int,
) -> Trajectory:
    """Return the trajectory of the probabilities (F, T, M) of reading 1."""
    network, times = circuits.network, circuits.times
    weights = polynomial_weights(declared.factors, declared.degree)
    false_one, false_zero = flips
    if shots is not None:
        shots = check_integer("shots", shots, minimum=2)
        random = random_stream(seed, 0)
        ones = random.binomial(shots, np.clip(ones, 0.0, 1.0)) / shots
        # Of Jeffreys' posterior: not 0 where a bit was never seen.
        smooth = (ones * shots + 0.5) / (shots + 1)
        variance = 4 * smooth * (1 - smooth) / (shots + 1)
        false_one = random.binomial(shots, false_one) / shots
        false_zero = random.binomial(shots, false_zero) / shots
    else:
        variance = (2 * errors) ** 2
    contrast = 1 - false_one - false_zero
    read = np.tensordot(weights, 1 - 2 * ones, axes=1)
    mean = (read - (false_zero - false_one)) / contrast
    squared = np.tensordot(weights**2, variance, axes=1) / contrast**2
    if declared.readout and shots is not None:
        for flip, sign in ((false_one, 1.0), (false_zero, -1.0)):
            uncertain = (flip * (1 - flip) + 0.25 / shots) / shots
            squared = squared + ((1 + sign * mean) / contrast) ** 2 * uncertain
    scale = 0.5 * np.array([item.current_scale for item in network.memristors])
    rate = np.stack([item.conductance(times) for item in network.memristors], axis=1)
    error = scale * np.sqrt(squared)
    joint = None
    if shots is not None:  # the same counts, and no others at other times
        joint = np.einsum("tm,ts->mts", rate * error**2, np.eye(times.size))
    return Trajectory(
        times,
        scale * mean,
        rate * scale * mean,
        voltage_error=error,
        current_error=np.abs(rate) * error,
        voltage_current_covariance=joint,
        variables=rate_variables(
            network, times, np.stack([m.decay_rate(times) for m in network.memristors], axis=1)
        ),
        periods=np.array([item.period for item in network.memristors]),
        units=memristor_units(network),
    )
