"""Voltages of a noise model by propagation, against Aer's density matrix of the same circuits."""

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.runs.jobs import bitwise, services

MEMRISTOR = qm.Memristor(qm.SquidRate(0.2), a=np.pi / 4)
MODEL = qm.chain([MEMRISTOR] * 2, qm.Native("y", 0.1))
TIMES = [0.0, 2.0]
HOW = {"splitting": "strang", "steps": 2}
TARGET = qm.device(
    PlainBackend(t1=3e-5, t2=2e-5, gate_error=1e-3, readout=0.03, qubits=4),
    seed=1,
    reset_error=0.1,
)
EVERYTHING = qm.PauliPropagation(4, 1e-12)


def measured(mitigation, shots):
    record = qm.run(
        MODEL, TIMES, target=TARGET, shots=shots, bases="Y", mitigation=mitigation, **HOW
    )
    read = qm.estimate if mitigation is None else qm.mitigate
    return read(record, current="current_operator")


@pytest.mark.parametrize("mitigation", [None, qm.Mitigation((1, 3))])
def test_without_shots_it_is_the_density_matrix(mitigation):
    found = qm.predict_voltages(
        MODEL, TIMES, target=TARGET, mitigation=mitigation, kept=EVERYTHING, **HOW
    )
    # The oracle's readout calibration is drawn: 1e-7 of shot noise, five standard errors.
    oracle = measured(mitigation, 10**14)
    assert found.voltage == pytest.approx(oracle.voltage, abs=5e-7)
    assert found.current == pytest.approx(oracle.current, abs=5e-7)
    other = qm.predict_voltages(  # a mutant: resets without their error
        MODEL,
        TIMES,
        target=qm.device(TARGET.backend, seed=1),
        mitigation=mitigation,
        kept=EVERYTHING,
        **HOW,
    )
    assert np.abs(other.voltage - oracle.voltage).max() > 1e-4


def test_with_shots_errors_are_those_of_counts():
    how = {"mitigation": qm.Mitigation((1, 3)), "shots": 4000}
    found = qm.predict_voltages(MODEL, TIMES, target=TARGET, **how, **HOW)
    oracle = measured(**how)
    assert found.voltage_error == pytest.approx(oracle.voltage_error, rel=0.05)
    assert found.current_error == pytest.approx(oracle.current_error, rel=0.05)
    truth = qm.predict_voltages(MODEL, TIMES, target=TARGET, mitigation=how["mitigation"], **HOW)
    # Four values: none beyond 3.9 standard errors in 99.96 % of seeds; this seed is fixed.
    assert np.abs((found.voltage - truth.voltage) / found.voltage_error).max() < 3.9


def test_what_it_cannot_do_it_refuses():
    swapped = qm.chain([MEMRISTOR] * 2, qm.PartialSwap(0.1))
    with pytest.raises(ValueError, match="I = ΓV"):
        qm.predict_voltages(swapped, TIMES, target=TARGET)
    twirled = qm.device(TARGET.backend, seed=1, twirling=2)
    with pytest.raises(ValueError, match="twirling"):
        qm.predict_voltages(MODEL, TIMES, target=twirled)


def test_the_local_mode_runs_what_no_state_vector_holds(monkeypatch):
    """A matrix-product state of every shot, with the same noise: V is the same within its error."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    times = np.array([1.0])
    how = {"shots": 4000, "splitting": "strang", "steps": 8}

    def measured(**more):
        target = qm.ibm("FakeManilaV2", channel="local", seed=3)
        record = qm.run(memristor, times, target=target, **(how | more))
        return qm.estimate(record, current="current_operator")

    usual = measured()
    monkeypatch.setattr(services, "LARGEST_STATE", 1)
    monkeypatch.setattr(bitwise, "LONGEST", np.inf)
    kinds = []
    made = services._simulator

    def spied(backend, circuits):
        simulator = made(backend, circuits)
        kinds.append(simulator.options.method)
        return simulator

    monkeypatch.setattr(services, "_simulator", spied)
    chained = measured()
    assert set(kinds) == {"matrix_product_state"}
    joined = np.hypot(usual.voltage_error, chained.voltage_error)
    # Beyond four standard errors in 0.006 % of seeds; these are fixed.
    assert np.all(np.abs(usual.voltage - chained.voltage) < 4 * joined)
    # Or each bit by itself, where that would take too long: the same V, and it is said.
    monkeypatch.setattr(bitwise, "LONGEST", -1.0)
    with pytest.warns(UserWarning, match="correlations between memristors are not in"):
        alone = measured(shots=40_000)
    assert np.all(np.abs(usual.voltage - alone.voltage) < 4 * joined)
    # The mutant, no noise, is outside: the noise is in it.
    record = qm.run(memristor, times, target=qm.aer(seed=3), **how)
    clean = qm.estimate(record, current="current_operator")
    for found in (chained, alone):
        joined = np.hypot(clean.voltage_error, found.voltage_error)
        assert np.any(np.abs(clean.voltage - found.voltage) > 4 * joined)
