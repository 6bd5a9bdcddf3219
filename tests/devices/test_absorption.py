"""Decay absorption on a noise model of known T1: the result must be right, and where it cannot be
the report must say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices import target as target_module
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.states import device_states
from qmemcircuit.devices.target import device

RATE = 0.3


@pytest.fixture(scope="module")
def memristor() -> qm.Memristor:
    return qm.Memristor(qm.SquidRate(RATE), a=np.pi / 4, b=np.pi / 5)


def _distances(
    model: qm.Memristor | qm.Network, times: np.ndarray, backend: PlainBackend, **options: object
) -> tuple[np.ndarray, np.ndarray, qm.Trajectory]:
    exact = qm.exact_circuit(model, times, **options).states
    found = [
        device_states(model, times, target=device(backend, seed=1), absorb_decay=absorb, **options)
        for absorb in (False, True)
    ]
    plain, absorbed = (trace_distance(item.states, exact) for item in found)
    return plain, absorbed, found[1]


@pytest.mark.parametrize("ancilla", ["reset", "merged"])
def test_the_result_is_right_for_a_known_t1(memristor: qm.Memristor, ancilla: str) -> None:
    """T2 = 2 T1 and no other error: collisions and device together are the model's channel."""
    backend = PlainBackend(t1=30e-6, t2=60e-6, fast=5)
    times = memristor.periods(1, points=6)
    plain, absorbed, found = _distances(memristor, times, backend, ancilla=ancilla)
    # What stays is decay along the wrong axis while a collision's CNOT holds the memristor out of
    # its basis, 28 ns of T1 = 30 µs (the fast gates take 4 and 20 ns), and as much of its ancilla.
    collisions = np.arange(times.size) if ancilla == "reset" else np.ones(times.size)
    assert np.all(absorbed <= 2 * 28e-9 / 30e-6 * collisions + 1e-4)
    if ancilla == "reset":
        assert plain[-1] > 5 * absorbed[-1]
    report = found.provenance["absorption"]
    assert np.all(np.array(report["excess"]) == 0)
    np.testing.assert_allclose(
        np.array(report["device"])[1:] + np.array(report["collisions"])[1:],
        np.array(report["model"])[1:],
        atol=1e-6,
    )


def test_a_wrong_t1_is_seen(memristor: qm.Memristor) -> None:
    """The mutant: calibrated T1 = 30 µs, true T1 = 20 µs. The test above would not pass with it."""
    times = memristor.periods(1, points=6)
    circuits = qm.build_circuits(memristor, times, bases="Z")
    believed = device(PlainBackend(t1=30e-6, t2=60e-6, fast=5), seed=1).place(circuits)
    absorbed, _ = absorb_device_decay(circuits, believed)

    true = device(
        PlainBackend(t1=20e-6, t2=40e-6, fast=5), seed=1, layout=believed.placement.qubits
    )
    exact = qm.exact_circuit(memristor, times).states
    right = believed.noisy_states(absorbed)[0]
    wrong = true.noisy_states(absorbed)[0]
    assert trace_distance(wrong, exact)[-1] > 3 * trace_distance(right, exact)[-1]


def test_memristors_wait_in_their_own_basis_only_where_decay_is_absorbed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Waiting as the schedule has it, raw circuits stay nearer to the model."""
    chosen: list[bool] = []
    force = [False]
    compile_circuit = target_module.compile_circuit

    def watched(*arguments: Any, own_basis: bool, **options: Any) -> Any:
        chosen.append(own_basis)
        return compile_circuit(*arguments, own_basis=own_basis or force[0], **options)

    monkeypatch.setattr(target_module, "compile_circuit", watched)
    slow = qm.Memristor(qm.ConstantRate(0.02), a=0.5)
    times = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
    backend = PlainBackend(t1=20e-6, t2=40e-6, reset_duration=2e-6)
    exact = qm.exact_circuit(slow, times).states
    distance = []
    for force[0] in (False, True):
        raw = device_states(slow, times, target=device(backend, seed=1))
        distance.append(trace_distance(raw.states, exact).max())
    assert not any(chosen)
    assert distance[0] < distance[1]
    chosen.clear()
    force[0] = False
    device_states(slow, times, target=device(backend, seed=1), absorb_decay=True)
    assert any(chosen)


def test_where_the_device_suffices_it_waits_instead_of_colliding() -> None:
    """Exponent 0.05 in all, T1 = 20 µs, resets of 2 µs: collisions alone would last too long."""
    slow = qm.Memristor(qm.ConstantRate(0.02), a=0.5)
    times = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
    backend = PlainBackend(t1=20e-6, t2=40e-6, reset_duration=2e-6)
    plain, absorbed, found = _distances(slow, times, backend)
    assert found.provenance["two_qubit_gates"][-1] == 0
    assert plain[-1] > 0.09
    # Left: rounding to the clock, and 40 ns of preparation before which there is nothing to decay.
    assert absorbed.max() < 2e-3
    report = found.provenance["absorption"]
    np.testing.assert_allclose(report["device"], report["model"], atol=1e-6)
    # The wait is what the model asks for: T1 × 0.02 t.
    np.testing.assert_allclose(found.provenance["durations"], 20e-6 * 0.02 * times, atol=45e-9)


def test_too_short_a_t1_is_reported_with_the_step_that_would_do(
    memristor: qm.Memristor,
) -> None:
    """T1 = 0.5 µs: a coupled pair's gates alone take longer than the model's damping allows."""
    slow = qm.Memristor(qm.ConstantRate(0.01), a=0.5)
    pair = qm.Network([slow, slow], {(0, 1): qm.Native("y", 0.1)})
    backend = PlainBackend(t1=0.5e-6, t2=1e-6)
    circuits = qm.build_circuits(pair, [1.0, 2.0], bases="Z")
    target = device(backend, seed=1)
    _, report = absorb_device_decay(circuits, target)
    assert np.all(report.excess[-1] > 0.1)
    assert np.all(report.shortest_step > 1.0)
    assert "T1 is too short" in str(report)
    found = device_states(pair, [1.0, 2.0], target=target, absorb_decay=True)
    assert np.all(np.array(found.provenance["absorption"]["excess"])[-1] > 0.1)


def test_dephasing_beyond_t1_is_reported_and_not_absorbed(memristor: qm.Memristor) -> None:
    t1, t2 = 30e-6, 10e-6
    times = memristor.periods(1, points=4)
    _, absorbed, found = _distances(memristor, times, PlainBackend(t1=t1, t2=t2))
    report = found.provenance["absorption"]
    duration = np.array(report["device"])[:, 0] * t1
    np.testing.assert_allclose(
        np.array(report["dephasing"])[:, 0], duration * (1 / t2 - 0.5 / t1), rtol=1e-9
    )
    coherence = np.abs(found.states[:, 0, 1])
    exact = np.abs(qm.exact_circuit(memristor, times).states[:, 0, 1])
    lost = -np.log(coherence[1:] / exact[1:])
    # Dephasing acts as such while the memristor waits; during two-qubit gates it is out of basis.
    np.testing.assert_allclose(lost, np.array(report["dephasing"])[1:, 0], rtol=0.25)
    assert absorbed[-1] > 0.02


def test_a_certain_decay_stays_certain() -> None:
    fast = qm.Memristor(qm.ConstantRate(1e4), a=0.5)
    found = device_states(
        fast,
        [1.0, 2.0],
        target=device(PlainBackend(t1=1e-3, t2=2e-3), seed=1),
        absorb_decay=True,
    )
    assert found.states[:, 1, 1].real.max() < 1e-3


def test_left_out_collisions_move_no_other_ancilla() -> None:
    """The last circuit loses its collisions; the earlier ones' fresh ancillas stay in place."""
    from dataclasses import replace

    from qmemcircuit.circuits.splitting import Collision

    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.7)
    # Uncoupled: each with its two ancillas fits on a line of six, so that roles are places.
    pair = qm.Network([memristor, memristor])
    times = np.array([0.5, 1.0])
    circuits = qm.build_circuits(pair, times, bases="Z", ancilla="fresh")
    target = device(PlainBackend(t1=1e6, t2=1e6, qubits=6), seed=1).place(circuits)
    assert target.placement.embedded
    without = tuple(item for item in circuits.elements(1) if not isinstance(item, Collision))
    states, _ = target.noisy_states(replace(circuits, absorbed=(None, without)), only=[0])
    assert trace_distance(states, qm.exact_circuit(pair, times).states[:1]).max() < 1e-6


def test_a_coupled_pair_gains() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.05), a=np.pi / 4)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 1 / 15)})
    times = np.array([10.0, 20.0])
    plain, absorbed, _ = _distances(
        pair, times, PlainBackend(t1=30e-6, t2=60e-6, fast=5), splitting="compiled"
    )
    assert np.all(absorbed < 0.5 * plain)


def test_an_unscheduled_target_is_refused(memristor: qm.Memristor) -> None:
    circuits = qm.build_circuits(memristor, [1.0], bases="Z")
    with pytest.raises(ValueError, match="must be scheduled"):
        absorb_device_decay(circuits, device(PlainBackend(), seed=1, schedule=False))


def test_run_records_the_absorption(memristor: qm.Memristor) -> None:
    record = qm.run(
        memristor,
        [1.0, 2.0],
        target=device(PlainBackend(), seed=1),
        shots=10,
        absorb_decay=True,
    )
    assert record.provenance["absorption"]["device"][-1][0] > 0
    with pytest.raises(ValueError, match="calibration for absorb_decay"):
        qm.run(memristor, [1.0], target=qm.aer(seed=1), shots=10, absorb_decay=True)


@pytest.mark.slow
def test_it_helps_on_a_heron_fake(memristor: qm.Memristor) -> None:
    from qiskit_ibm_runtime.fake_provider import FakeTorino

    times = memristor.periods(2, points=6)[::3]
    exact = qm.exact_circuit(memristor, times).states
    pair = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    network = qm.Network([pair, pair], {(0, 1): qm.Native("y", 1 / 15)})
    coupled = network.periods(4, points=1)[::2]
    master = qm.master_equation(network, coupled).states
    for model, grid, reference, options in (
        (memristor, times, exact, {}),
        (network, coupled, master, {"splitting": "compiled"}),
    ):
        plain, absorbed = (
            trace_distance(
                device_states(
                    model, grid, target=device(FakeTorino(), seed=1), absorb_decay=on, **options
                ).states,
                reference,
            ).max()
            for on in (False, True)
        )
        assert absorbed < plain
