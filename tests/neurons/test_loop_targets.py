"""The closed loops of three neurons on the same targets: `aer`, `device`, samplers, one's own.

Judged by what shares no circuit with them: QLIF's closed form step by step, the photonic device's
integral, and the shuttle's compiled channels. On a device whose T1 is a year the targets must agree
with the ideal; on one with T1 = 3 steps a silent QLIF must leak as fast as that T1 says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target as QiskitTarget
from qiskit_aer import AerSimulator

import qmemcircuit as qm
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.neurons.closed_loop import calibrate_readout
from qmemcircuit.neurons.photonic import PhotonicMemristor, run_photonic, simulate_photonic
from qmemcircuit.neurons.qlif import CircuitNeuron, next_population, run_layers
from qmemcircuit.neurons.shuttle import ShuttleNeuron
from qmemcircuit.neurons.shuttle.device import run_digital
from qmemcircuit.neurons.shuttle.digital import simulate_digital

NEURON = CircuitNeuron()
ONE = [([NEURON], [[1.0]])]
TRAIN = [1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 1]
QUIET = {"t1": 3e7, "t2": 3e7}
TARGETS = {
    "aer": lambda: qm.aer(seed=3),
    "device": lambda: qm.device(PlainBackend(**QUIET), seed=3),
    "own": lambda: Own(),
    "ibm": lambda: qm.ibm("quiet", channel="local", seed=3, backend=QuietBackend()),
}


class Own:
    """A user's target, which derives from nothing: its shots are Aer's, stream by stream."""

    def __init__(self, stream: int = 0) -> None:
        self.stream = stream

    def sample(self, circuits: qm.CircuitSet, shots: int) -> np.ndarray:
        return qm.aer(seed=self.stream).sample(circuits, shots)

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[Mapping[int, int]]:
        return qm.aer(seed=self.stream).count(circuits, shots)

    def independent(self, stream: int) -> Own:
        return Own(100 + stream)

    def describe(self) -> Mapping[str, Any]:
        return {"name": "own"}


class QuietBackend(BackendV2):
    """What the runtime client's local mode runs on: a device's instructions, Aer without noise."""

    max_circuits = None

    def __init__(self) -> None:
        super().__init__(name="quiet")
        self._target = PlainBackend(**QUIET).target

    @property
    def target(self) -> QiskitTarget:
        return self._target

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024)

    def run(self, run_input: Any, **options: Any) -> Any:
        return AerSimulator().run(run_input, **options)


def pulls(run: qm.Trajectory, neuron: CircuitNeuron, shots: int) -> np.ndarray:
    """Each measured α against the closed form from the measured α before it, in its errors."""
    before = run.voltage[:-1, 0]
    alpha = np.where(before > neuron.threshold, 0, before)
    expected = next_population(neuron, alpha, run.current[1:, 0])
    error = np.sqrt(np.maximum(expected * (1 - expected), 1 / shots) / shots)
    return np.asarray((run.voltage[1:, 0] - expected) / error)


@pytest.mark.parametrize("name", TARGETS)
def test_the_circuit_neuron_follows_its_closed_form_on_every_target(name):
    shots = 4000
    run = run_layers(ONE, TRAIN, shots=shots, target=TARGETS[name]())
    assert np.abs(pulls(run, NEURON, shots)).max() < 3.6  # 12 checks
    wrong = CircuitNeuron(relaxation_time=NEURON.relaxation_time / 2)
    assert np.abs(pulls(run, wrong, shots)).max() > 6  # a leak twice as fast is seen
    assert run.provenance["target"]["name"].split(":")[0] == name
    again = run_layers(ONE, TRAIN, shots=shots, target=TARGETS[name]())
    assert np.array_equal(run.voltage, again.voltage)


def test_a_device_leaks_by_its_t1_and_its_readout_is_undone():
    shots, step = 4000, 1e-5
    backend = PlainBackend(t1=3 * step, t2=6 * step, readout=0.05)
    target = qm.device(backend, seed=5, layout=[0])
    readout = calibrate_readout(target, shots=10**6)
    # Five binomial standard errors of 0.05.
    np.testing.assert_allclose(readout, 0.05, atol=5 * np.sqrt(0.05 * 0.95 / 10**6))
    neuron = CircuitNeuron(step=step, relaxation_time=3 * step)
    run = run_layers(
        [([neuron], [[1.0]])],
        [1, 1, 0, 1, 0, 0],
        shots=shots,
        target=target,
        leak="delay",
        readout=readout,
    )
    # T1 during two pulses of 20 ns, 1e-3, is a tenth of the shots' error.
    contrast = 1 - sum(readout)
    assert np.abs(contrast * pulls(run, neuron, shots)).max() < 4
    lossless = CircuitNeuron(step=step, relaxation_time=1e3 * step)
    assert np.abs(contrast * pulls(run, lossless, shots)).max() > 8
    with pytest.raises(ValueError, match="layout fixed"):
        calibrate_readout(qm.device(backend, seed=5), shots=10)


@pytest.mark.parametrize("name", TARGETS)
def test_the_photonic_memristor_follows_its_integral_on_every_target(name):
    device, shots = PhotonicMemristor(0.4), 4000
    times = np.linspace(0, 0.8, 17)

    def photons(t):
        return np.sin(np.pi * t) ** 2

    run = run_photonic(device, times, photons, shots=shots, target=TARGETS[name]())
    late = times >= 0.4
    exact = simulate_photonic(device, times, photons).current[late, 0]
    # R is a mean of eight estimates; the step's own error, dt² n''/12 = 4e-3, is added. 26 checks.
    spread = np.sqrt(0.25 / shots * (1 + 1 / 8))
    assert np.abs(run.voltage[:, 0] - photons(times)).max() < 3.8 * np.sqrt(0.25 / shots)
    assert np.abs(run.current[late, 0] - exact).max() < 3.8 * spread + 4e-3
    # Mutant: a reflectivity fixed at ½ (no memory) is told apart.
    assert np.abs(run.current[:, 0] - 0.5 * run.voltage[:, 0]).max() > 8 * spread


@pytest.mark.slow  # numba compiles the channels
@pytest.mark.parametrize("feedback", ["history", "reprepare", "composed"])
@pytest.mark.parametrize("name", TARGETS)
def test_the_shuttle_follows_its_channels_on_every_target(name, feedback):
    neuron = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    times, shots = np.linspace(0, 0.3, 7), 20_000
    options = {"feedback": feedback, "shots": shots, "state": (0.6, 0.8, 0.3, 0.2)}
    run = run_digital(neuron, times, target=TARGETS[name](), **options)
    # On an ideal target the composed circuits measure what the history's do.
    same = {**options, "feedback": "history" if feedback == "composed" else feedback}
    many = np.array(
        [simulate_digital(neuron, times, seed=s, **same).voltage[1:, 0] for s in range(60)]
    )
    deviation = (run.voltage[1:, 0] - many.mean(axis=0)) / many.std(axis=0, ddof=1)
    assert np.abs(deviation).max() < 4
    assert run.provenance["target"]["name"].split(":")[0] == name


def test_every_step_has_shots_of_its_own():
    coin = QuantumCircuit(1, 1)
    coin.h(0)
    coin.measure(0, 0)
    for make in TARGETS.values():
        target = qm.circuits.samplers.as_target(make())
        steps = [target.independent(k).count([coin], 1000)[0] for k in range(8)]
        assert len({found[1] for found in steps}) > 4
        assert target.independent(3).count([coin], 1000)[0] == steps[3]
        assert all(sum(found.values()) == 1000 for found in steps)


def test_single_circuits_and_sets_of_circuits_are_the_same_on_a_device():
    """Without resets `count` and `sample` compile alike: the same probabilities, so 1e12 shots."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    circuits = qm.build_circuits(memristor, [0.0, 1.0], ancilla="fresh")
    backend = PlainBackend(gate_error=1e-3, readout=0.03)
    target = qm.device(backend, seed=2, twirling=2, layout=[0, 1, 2]).place(circuits)
    found = target.count(list(circuits), 10**12)
    table = np.array([[item.get(k, 0) for k in (0, 1)] for item in found]) / 1e12
    # Two twirled instances differ from any other two by less than the noise itself.
    wanted = target.probabilities(circuits).reshape(-1, 2)
    untwirled = qm.device(backend, seed=2, layout=[0, 1, 2])
    same = untwirled.count(list(circuits), 10**12)
    plain = np.array([[item.get(k, 0) for k in (0, 1)] for item in same]) / 1e12
    # 12 binomial draws: 5 standard errors of 1e12 shots.
    exact = untwirled.probabilities(circuits).reshape(-1, 2)
    np.testing.assert_allclose(plain, exact, atol=2.5e-6)
    np.testing.assert_allclose(table, wanted, atol=5e-3)
    ideal = qm.aer(seed=1).count(list(circuits), 10**12)
    assert np.abs(plain - [[item.get(k, 0) / 1e12 for k in (0, 1)] for item in ideal]).max() > 0.01


def test_what_a_loop_cannot_use_is_refused():
    from qiskit_aer.primitives import SamplerV2

    class SetsAlone(Target):
        def sample(self, circuits, shots):
            return qm.aer(seed=1).sample(circuits, shots)

        def describe(self):
            return {"name": "sets alone"}

    for options, words in (
        ({"target": SetsAlone()}, "must run single circuits in a loop"),
        ({"target": SamplerV2(seed=1)}, "new random numbers for every step"),
        ({"target": qm.aer(seed=1), "seed": 2}, "seed must be left out with a target"),
        ({"target": qm.aer(seed=1), "sampler": SamplerV2}, "sampler must be left out"),
    ):
        with pytest.raises(ValueError, match=words):
            run_layers(ONE, [1, 0, 1], shots=10, **options)
    with pytest.raises(TypeError, match="seed must be an integer, but None"):
        run_layers(ONE, [1], shots=10)
    neuron = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    with pytest.raises(ValueError, match="target must be given"):
        run_digital(neuron, [0, 0.1], shots=10)
    with pytest.raises(ValueError, match="execute must be left out with a target"):
        run_digital(neuron, [0, 0.1], shots=10, target=qm.aer(seed=1), execute=print)
    late = QuantumCircuit(1, 1)
    late.measure(0, 0)
    late.x(0)
    crossed = QuantumCircuit(2, 1)
    crossed.measure(1, 0)
    for circuit, words in ((late, "measure each qubit at its end"), (crossed, "first qubits")):
        for target in (qm.aer(seed=1), qm.device(PlainBackend(), seed=1)):
            with pytest.raises(ValueError, match=words):
                target.count([circuit], 10)
