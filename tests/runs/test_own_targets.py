"""One `Target`: its defaults are honest, and any object with two methods can be one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.runs.measurement import measure_readout

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
TIMES = np.array([0.0, 0.5, 1.0])


class Bare:
    """The narrowest target: it knows nothing of ours."""

    def sample(self, circuits: Any, shots: int) -> np.ndarray:
        return qm.aer(seed=3).sample(circuits, shots)

    def describe(self) -> Mapping[str, Any]:
        return {"name": "bare"}


class Derived(qm.Target):
    def sample(self, circuits: Any, shots: int) -> np.ndarray:
        return qm.aer(seed=3).sample(circuits, shots)

    def describe(self) -> Mapping[str, Any]:
        return {"name": "derived"}


@dataclass(frozen=True)
class Full:
    """A user's device: it chooses qubits, has a seed, and can fold; each call leaves a trace."""

    qubits: int = 0
    stream: int = 0
    folds: int = 1
    everything: bool = False

    def sample(self, circuits: Any, shots: int) -> np.ndarray:
        counts = np.zeros((len(circuits.times), len(circuits.bases), 2), dtype=np.int64)
        counts[..., 0] = shots - self.folds - 10 * self.stream % 7
        counts[..., 1] = self.folds + 10 * self.stream % 7
        return counts

    def describe(self) -> Mapping[str, Any]:
        return {"name": "full", "qubits": self.qubits}

    def place(self, circuits: Any) -> Full:
        return replace(self, qubits=circuits.num_qubits)

    def independent(self, stream: int) -> Full:
        return replace(self, stream=stream)

    def amplify(self, factor: int, *, fold_all: bool = False) -> Full:
        return replace(self, folds=self.folds * factor, everything=fold_all)


@pytest.mark.parametrize("target", [Bare(), Derived()])
def test_two_methods_are_enough_and_the_rest_is_refused_with_the_remedy(target):
    record = qm.run(MEMRISTOR, TIMES, target=target, shots=200)
    same = qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=3), shots=200)
    assert np.array_equal(record.samples.counts, same.samples.counts)
    assert record.provenance["target"] == target.describe()
    mitigated = qm.run(MEMRISTOR, TIMES, target=target, shots=200, mitigation=qm.Mitigation())
    assert np.array_equal(mitigated.samples.counts, same.samples.counts)
    assert measure_readout(target, 1, shots=50).counts.shape == (2, 2)
    for options, words in (
        ({"mitigation": qm.Mitigation(factors=(1, 3))}, "cannot be amplified"),
        ({"absorb_decay": True}, "must have a calibration"),
        ({"ancilla": "best"}, "must have a calibration"),
    ):
        with pytest.raises(ValueError, match=words):
            qm.run(MEMRISTOR, TIMES, target=target, shots=200, **options)
    with pytest.raises(TypeError, match="must take jobs"):
        qm.submit(MEMRISTOR, TIMES, target=target, shots=200, folder="nowhere")


def test_what_an_own_target_can_do_is_used():
    declared = qm.Mitigation(factors=(1, 3), fold_all=True)
    record = qm.run(MEMRISTOR, TIMES, target=Full(), shots=200, bases="Z", mitigation=declared)
    assert record.provenance["target"]["qubits"] == 2  # the memristor and one recycled ancilla
    assert record.mitigated is not None
    plain, folded = (run.counts[0, 0, 1] for run in record.mitigated.runs)
    assert (plain, folded) == (1, 3 + 10 % 7)  # folded three times, on stream 1
    assert not np.array_equal(*record.mitigated.readout.counts)  # two calibrations, two streams


def test_exact_states_are_asked_of_the_target():
    target = qm.device(PlainBackend(), seed=1)
    asked = qm.exact_circuit(MEMRISTOR, TIMES, target=target)
    direct = qm.device_states(MEMRISTOR, TIMES, target=target)
    assert np.array_equal(asked.states, direct.states)
    assert asked.provenance["method"] == "device_states"
    with pytest.raises(ValueError, match="must have a noise model, but AerTarget"):
        qm.exact_circuit(MEMRISTOR, TIMES, target=qm.aer(seed=1))
    with pytest.raises(ValueError, match="must have a noise model, but 'aer'"):
        qm.exact_circuit(MEMRISTOR, TIMES, target="aer")


def test_a_target_that_sends_jobs_predicts_and_is_placed_too():
    sent = qm.ibm("fake_manila", channel="local", seed=4)
    asked = qm.exact_circuit(MEMRISTOR, TIMES, target=sent)
    direct = qm.exact_circuit(MEMRISTOR, TIMES, target=sent.prediction)
    assert np.array_equal(asked.states, direct.states)
    # The flips of qubits that the run would not use are no calibration of it.
    with pytest.raises(ValueError, match="layout fixed"):
        measure_readout(sent, 1, shots=10)
