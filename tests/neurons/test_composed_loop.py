"""The composed circuits of the digital neuron against its history circuits, and on devices."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import DensityMatrix

import qmemcircuit as qm
from qmemcircuit.neurons.closed_loop import calibrate_readout
from qmemcircuit.neurons.shuttle.circuits import history_circuits
from qmemcircuit.neurons.shuttle.composed import ComposedLoop, drift_map, preparation_map, turn_map
from qmemcircuit.neurons.shuttle.device import run_digital
from qmemcircuit.neurons.shuttle.digital import simulate_digital
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
HOT = ShuttleNeuron(
    resistance=5, bias=2.0, decoherence_rate=0.6, relaxation_ratio=1.3, thermal_polarisation=0.4
)
CHANGES = (0.4, -0.3, 0.25, 0.1)
MANY = 10**12
"""Shots on the ideal simulator: the scatter is 1e-6."""


def history_means(neuron: ShuttleNeuron, bloch: np.ndarray, changes) -> np.ndarray:
    """Return <X> and <Z> of the history's own circuits, by Qiskit's density matrices."""
    found = []
    for circuit in history_circuits(neuron, changes, 0.3, bloch_vector=bloch, bases="XZ"):
        circuit.remove_final_measurements()
        found.append(_z_of(circuit))
    return np.array(found)


def _z_of(circuit) -> float:
    chances = DensityMatrix(circuit).probabilities([0])
    return float(chances[0] - chances[1])


@pytest.mark.parametrize("neuron", [NEURON, HOT], ids=["cold", "hot"])
@pytest.mark.parametrize("bloch", [(0.0, 0.0, 1.0), (0.6, -0.48, 0.64), (0.2, 0.1, -0.3)], ids=str)
@pytest.mark.parametrize("window", [0, 2])
def test_composed_steps_are_the_historys(neuron, bloch, window) -> None:
    loop = ComposedLoop(neuron, 0.3, bloch, qm.aer(seed=1), window=window)
    for step in range(len(CHANGES) + 1):
        zeros, ones = loop.count(MANY, step + 1).T
        found = (zeros - ones) / (zeros + ones)
        wanted = history_means(neuron, np.array(bloch), CHANGES[:step])
        assert np.abs(found - wanted).max() < 8e-6  # some 60 numbers, each 1e-6 to 2e-6
        if step < len(CHANGES):
            loop.advance(CHANGES[step], found)


def test_a_forgotten_step_is_noticed() -> None:
    """Mutant: a history that lacks its first step."""
    wanted = history_means(NEURON, np.array([0.0, 0, 1]), CHANGES)
    wrong = history_means(NEURON, np.array([0.0, 0, 1]), CHANGES[1:])
    assert np.abs(wanted - wrong).max() > 0.01


def test_the_maps_are_those_of_the_compiled_loop() -> None:
    from qmemcircuit.neurons.shuttle.digital_step import _drift, _rotate
    from qmemcircuit.neurons.shuttle.neuron import pack_parameters

    x, y, z = 0.3, -0.2, 0.5
    parameters = pack_parameters(HOT, np.inf)
    assert drift_map(HOT, 0.7) @ [1, x, y, z] == pytest.approx(
        [1, *_drift(x, y, z, 0.7, parameters)]
    )
    turned = turn_map(0.4) @ [1, x, y, z]
    assert turned[[1, 3]] == pytest.approx(_rotate(x, z, 0.8))
    for vector in ((0.0, 0.0, 1.0), (0.6, 0.0, -0.8), (0.1, 0.2, 0.3)):
        assert preparation_map(vector) @ [1, 0, 0, 1] == pytest.approx([1, *vector])


def test_on_a_noisy_device_the_cycle_lives_and_the_control_is_silent() -> None:
    provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    target = qm.device(provider.FakeTorino(), seed=1)
    times = 0.05 * np.arange(801)
    late = times > 30
    spans = {}
    for bias in (2.0, 0.2):
        neuron = ShuttleNeuron(resistance=5, bias=bias, decoherence_rate=0.1)
        start = (0.3, 1.0, 0.0, 0.0)
        run = run_digital(
            neuron, times, target=target, shots=1000, feedback="composed", state=start
        )
        exact = simulate_digital(neuron, times, state=start)
        spans[bias] = np.ptp(run.voltage[late, 0]), np.ptp(exact.voltage[late, 0])
    assert spans[2.0][0] == pytest.approx(spans[2.0][1], rel=0.25)  # ten noisy periods
    assert spans[0.2][0] < 0.2 * spans[2.0][0]
    assert run.provenance["feedback"] == "composed"
    assert run.variables["measured_shots"][1:].min() == 1000


def test_readout_is_inverted() -> None:
    provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    target = qm.device(provider.FakeManilaV2(), seed=1, layout=[0, 1])
    flips = calibrate_readout(target, shots=10**6)
    times = 0.05 * np.arange(3)
    state = (0.3, 1.0, 0.0, 0.0)
    shots = 10**6
    runs = [
        run_digital(
            NEURON, times, target=target, shots=shots, feedback="composed", state=state, **o
        )
        for o in ({}, {"readout": flips})
    ]
    raw, corrected = (run.current[1, 0] for run in runs)
    ideal = run_digital(
        NEURON, times, target=qm.aer(seed=1), shots=shots, feedback="composed", state=state
    ).current[1, 0]
    assert abs(corrected - ideal) < 0.5 * abs(raw - ideal)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feedback": "history", "window": 2}, "Argument window must be 0 with feedback='history'"),
        ({"feedback": "composed", "window": -1}, "Argument window must be at least 0"),
        ({"feedback": "composed", "readout": (0.6, 0.5)}, "Argument readout must be"),
        (
            {"feedback": "compose"},
            "feedback must be one of 'history', 'reprepare', 'bath'",
        ),
    ],
)
def test_bad_input(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        run_digital(NEURON, [0, 0.1], target=qm.aer(seed=1), shots=10, **options)
