"""A closed loop that dies goes on at its step, from what it had on disk."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit

import qmemcircuit as qm
from qmemcircuit.neurons.photonic.memristor import PhotonicMemristor, run_photonic
from qmemcircuit.neurons.qlif import CircuitNeuron, run_layers
from qmemcircuit.neurons.shuttle.device import run_digital
from qmemcircuit.neurons.shuttle.digital import simulate_digital
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
TIMES = 0.05 * np.arange(9)
DEATH = 5


class Counter:
    """A target whose counts depend on the step alone; at one step it may kill its process."""

    def __init__(self, calibration: float = 0.1, deadly: bool = False, stream: int = 0) -> None:
        self.calibration, self.deadly, self.stream = calibration, deadly, stream
        self.asked: list[int] = []

    def sample(self, circuits: qm.CircuitSet, shots: int) -> np.ndarray:
        raise NotImplementedError

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[Mapping[int, int]]:
        if self.deadly and self.stream == DEATH:
            os.kill(os.getpid(), signal.SIGKILL)
        self.asked.append(self.stream)
        random = np.random.default_rng(self.stream)
        ones = random.binomial(shots, 0.4, len(circuits))
        return [{0: shots - int(one), 1: int(one)} for one in ones]

    def independent(self, stream: int) -> Counter:
        found = Counter(self.calibration, self.deadly, stream)
        found.asked = self.asked
        return found

    def describe(self) -> Mapping[str, Any]:
        return {"name": "counter", "calibration": {"T1": self.calibration}}


def run(target: Counter, journal: Path | None, **options: Any) -> qm.Trajectory:
    given = {"shots": 100, "feedback": "history", **options}
    return run_digital(NEURON, TIMES, target=target, journal=journal, **given)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The journal of a process that was killed in its fifth step."""
    run(Counter(), None)  # compiled before the fork
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child never uses a thread
        child = os.fork()
    if child == 0:
        run(Counter(deadly=True), tmp_path)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return tmp_path


def test_a_killed_loop_goes_on_at_its_step(begun: Path) -> None:
    target = Counter()
    resumed = run(target, begun)
    assert target.asked == [5, 6, 7, 8]
    whole = run(Counter(), None)
    for name in ("voltage", "current", "current_error"):
        assert np.array_equal(getattr(resumed, name), getattr(whole, name))
    # Mutant: a loop that starts anew at its step is another loop.
    assert not np.array_equal(resumed.voltage[DEATH:], whole.voltage[: 1 - DEATH])
    again = Counter()
    assert np.array_equal(run(again, begun).voltage, whole.voltage)
    assert again.asked == []


def test_a_new_calibration_is_a_choice_and_loses_nothing(begun: Path) -> None:
    files = {path: path.read_bytes() for path in begun.glob("*.json")}
    target = Counter(calibration=0.2)
    with pytest.raises(ValueError, match="has changed after step 4; all steps are kept"):
        run(target, begun)
    assert {path: path.read_bytes() for path in begun.glob("*.json")} == files
    accepted = run(target, begun, accept_calibration=True, readout=(0.02, 0.03))
    assert target.asked == [5, 6, 7, 8]
    plain = run(Counter(), None)
    corrected = run(Counter(), None, readout=(0.02, 0.03))
    # Steps before the change keep the readout that they had; those after it have the new one.
    assert np.array_equal(accepted.voltage[:DEATH], plain.voltage[:DEATH])
    assert not np.array_equal(accepted.voltage[DEATH], plain.voltage[DEATH])
    assert not np.array_equal(corrected.voltage[1], plain.voltage[1])
    with pytest.raises(ValueError, match="calibration"):  # and now the old one is the other
        run(Counter(), begun)


def test_a_journal_of_another_loop_is_refused(begun: Path) -> None:
    with pytest.raises(ValueError, match="has another shots; give the arguments"):
        run(Counter(), begun, shots=200)
    whole = (begun / "step-0000002.json").read_bytes()
    (begun / "step-0000002.json").write_bytes(whole[:-9])
    with pytest.raises(ValueError, match="step-0000002"):
        run(Counter(), begun)


def test_half_steps_say_how_far_off_a_step_is() -> None:
    """Against a sixteenth of the step: at R_n = 50 the estimate holds what was silent."""
    times = 0.05 * np.arange(801)
    for neuron, least in (
        (ShuttleNeuron(resistance=50, bias=10.0, decoherence_rate=0.1), 0.3),
        (NEURON, 2e-3),
    ):
        run = simulate_digital(neuron, times)
        fine = simulate_digital(neuron, np.linspace(0, 40, 16 * 800 + 1)).voltage[::16, 0]
        true = np.abs(run.voltage[:, 0] - fine).max()
        estimate = run.variables["step_error"].max()
        assert true > least
        assert estimate == pytest.approx(true, rel=0.15)  # the next order


class Interrupted(Counter):
    """Its process is asked to end in the fifth job."""

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[Mapping[int, int]]:
        if self.stream == DEATH - 1:
            raise KeyboardInterrupt
        return super().count(circuits, shots)

    def independent(self, stream: int) -> Interrupted:
        return Interrupted(self.calibration, self.deadly, stream)


def run_network(target: Counter, journal: Path | None, **options: Any) -> qm.Trajectory:
    layers = [([CircuitNeuron()], [[1.0]]), ([CircuitNeuron(), CircuitNeuron()], [[1.0], [0.5]])]
    spikes = [True, False, True, True]
    return run_layers(layers, spikes, shots=100, target=target, journal=journal, **options)


def run_light(target: Counter, journal: Path | None, **options: Any) -> qm.Trajectory:
    times = np.linspace(0, 1, 8)
    return run_photonic(
        PhotonicMemristor(0.4), times, lambda t: np.sin(np.pi * t) ** 2, shots=100, target=target,
        journal=journal, **options,
    )  # fmt: skip


@pytest.mark.parametrize("loop", [run_network, run_light])
def test_every_loop_goes_on_at_its_step(loop: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        loop(Interrupted(), tmp_path)
    target, whole = Counter(), Counter()
    resumed, expected = loop(target, tmp_path), loop(whole, None)
    assert whole.asked == list(range(8))
    assert target.asked == list(range(DEATH - 1, 8))
    assert np.array_equal(resumed.voltage, expected.voltage)
    with pytest.raises(ValueError, match="under the calibration that it has"):
        loop(Counter(calibration=0.2), tmp_path)
    changed = loop(Counter(calibration=0.2), tmp_path, accept_calibration=True)
    assert np.array_equal(changed.voltage, expected.voltage)  # all steps were kept
    with pytest.raises(ValueError, match="of the same loop"):
        (run_light if loop is run_network else run_network)(Counter(), tmp_path)
