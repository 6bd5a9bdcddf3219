"""ancilla="best": on devices made so that the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.devices.target import device

TIMES = np.array([0.5, 1.0])


@pytest.fixture(scope="module")
def memristor() -> qm.Memristor:
    return qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4)


def _chosen(memristor: qm.Memristor, backend: PlainBackend) -> dict:
    record = qm.run(memristor, TIMES, target=device(backend, seed=1), shots=5, ancilla="best")
    choice = record.provenance["ancilla_choice"]
    assert record.provenance["ancilla"] == choice["chosen"]
    return choice


def test_slow_resets_call_for_fresh_ancillas(memristor: qm.Memristor) -> None:
    choice = _chosen(memristor, PlainBackend(t1=20e-6, t2=20e-6, reset_duration=5e-6))
    assert choice["chosen"] == "fresh"
    assert choice["predicted"]["reset"] > 5 * choice["predicted"]["fresh"]
    assert "fresh" in choice["left_out"]["pool(2)"]


def test_a_bad_neighbourhood_calls_for_one_ancilla(memristor: qm.Memristor) -> None:
    """Two qubits are good, instant resets; the third one that fresh ancillas need is broken."""
    backend = PlainBackend(
        t1=1e-3, t2=1e-3, qubits=3, bad_qubit=2, reset_duration=1e-9, gate_error=1e-4
    )
    # Only qubits 0 and 1 are clean, and a middle memristor would need 2 as its ancilla.
    assert _chosen(memristor, backend)["chosen"] == "reset"


def test_no_reset_and_too_few_qubits_are_said(memristor: qm.Memristor) -> None:
    assert _chosen(memristor, PlainBackend(reset=False))["chosen"] == "fresh"
    with pytest.raises(ValueError, match="it needs 3 qubits"):
        _chosen(memristor, PlainBackend(reset=False, qubits=2))
    with pytest.raises(ValueError, match="calibration"):
        qm.run(memristor, TIMES, target=qm.aer(seed=1), shots=5, ancilla="best")
