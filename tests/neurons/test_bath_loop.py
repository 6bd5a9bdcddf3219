"""The device's T1 and T2 as the digital neuron's bath, against the history circuits' channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qiskit.quantum_info import DensityMatrix

import qmemcircuit as qm
from qmemcircuit.neurons.closed_loop import calibrate_readout
from qmemcircuit.neurons.shuttle.bath import BathLoop
from qmemcircuit.neurons.shuttle.circuits import history_circuits
from qmemcircuit.neurons.shuttle.device import place_digital, run_digital
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.5)
CHANGES = (0.4, -0.3, 0.25, 0.1)
BLOCH = np.array([0.6, -0.48, 0.64])
MANY = 10**9
GATES = 3e-3
"""Eleven pulses of less than 3e-4 each, and the basis change's own decay: 32 ns of 1e5 ns."""


@pytest.fixture(scope="module")
def torino():
    return place_digital(NEURON, 0.3, qm.device(provider.FakeTorino(), seed=1), feedback="bath")


def test_a_target_of_jobs_is_placed_as_its_prediction(torino):
    sent = qm.ibm("fake_torino", channel="local", seed=1)
    placed = place_digital(NEURON, 0.3, sent, feedback="bath")
    assert placed.predict().placement == torino.placement
    with pytest.raises(ValueError, match="physical qubits to choose"):
        qm.aer(seed=1).place_on([0], "none")


def wanted(neuron: ShuttleNeuron, changes) -> np.ndarray:
    """Return <X> and <Z> of the history's collisions, by Qiskit's density matrices."""
    found = []
    for circuit in history_circuits(neuron, changes, 0.3, bloch_vector=BLOCH, bases="XZ"):
        circuit.remove_final_measurements()
        chances = DensityMatrix(circuit).probabilities([0])
        found.append(chances[0] - chances[1])
    return np.array(found)


def test_waiting_is_the_neurons_decay(torino) -> None:
    flips = calibrate_readout(torino, shots=MANY)
    item = torino.backend.target.qubit_properties[torino.placement.qubits[0]]
    exact = replace(NEURON, relaxation_ratio=item.t2 / item.t1)
    loop = BathLoop(exact, 0.3, BLOCH, torino)
    for step in range(len(CHANGES) + 1):
        zeros, ones = loop.count(MANY, step + 1).T
        seen = (zeros - ones) / MANY
        found = (seen - (flips[1] - flips[0])) / (1 - sum(flips))
        deviation = np.abs(found - wanted(exact, CHANGES[:step])).max()
        assert deviation < GATES
        if step < len(CHANGES):
            loop.advance(CHANGES[step], found)
    # Mutants: a decay that is a tenth too fast, an α that is 0.8, a history without a step.
    for neuron, changes in (
        (replace(exact, decoherence_rate=0.55), CHANGES),
        (replace(exact, relaxation_ratio=0.8), CHANGES),
        (exact, CHANGES[1:]),
    ):
        assert np.abs(found - wanted(neuron, changes)).max() > 1.5 * GATES


def test_the_qubit_has_the_ratio_and_no_gate_is_of_two_qubits(torino) -> None:
    (qubit,) = torino.placement.qubits
    item = torino.backend.target.qubit_properties[qubit]
    assert item.t2 / item.t1 == pytest.approx(1, rel=0.05)
    run = run_digital(NEURON, [0, 0.1], target=torino, shots=100, feedback="bath")
    assert run.provenance["target"]["layout"]["qubits"] == [qubit]


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        ({"relaxation_ratio": 0.01}, {}, r"T2/T1 of .* from 0\.135 to .* but 0\.01 was given"),
        ({"thermal_polarisation": 0.5}, {}, "thermal_polarisation=1 with feedback='bath'"),
        ({"decoherence_rate": 0.0}, {}, "decoherence_rate above 0 with feedback='bath'"),
        ({}, {"state": (0.3, 0.5, 0.0, 0.0)}, "Argument state must be pure"),
        ({}, {"times": [0, 1e-5]}, "Argument times must have steps above"),
        ({}, {"target": qm.aer(seed=1)}, "Argument target must be scheduled and know its T1"),
        ({}, {"layout": [0]}, "The qubit in use, 0, has"),
    ],
)
def test_bad_input(changed, options, message) -> None:
    neuron, given = replace(NEURON, **changed), dict(options)
    layout = given.pop("layout", None)
    given.setdefault("target", qm.device(provider.FakeTorino(), seed=1, layout=layout))
    times = given.pop("times", [0, 0.1])
    with pytest.raises(ValueError, match=message):
        run_digital(neuron, times, shots=10, feedback="bath", **given)
