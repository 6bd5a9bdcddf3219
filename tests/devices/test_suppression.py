"""Decoupling, twirling and coherent errors: the same channel without noise, closed forms with it.

The derivations stand in oracles/suppression.md.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.circuit import QuantumCircuit

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.absorption import absorb_device_decay
from qmemcircuit.devices.compilation.circuits import Compilation, CompiledCircuit
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.devices.compilation.instructions import (
    operation_duration,
    restrict_target,
    start_times,
)
from qmemcircuit.devices.compilation.suppression import (
    SEQUENCES,
    Suppression,
    decouple,
    twirl,
    twirl_as_service,
)
from qmemcircuit.devices.noise.calibrated import simulate
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors, detuning_nodes
from qmemcircuit.devices.recorded import recorded_device
from qmemcircuit.devices.target import device
from qmemcircuit.runs.jobs.ibm import ibm

QUIET = {"t1": 1e6, "t2": 1e6}
WAIT = 1600  # ns; a quarter and an eighth of what the pulses leave are whole ns


def _part(backend: PlainBackend, qubits: int) -> object:
    return restrict_target(backend.target, range(qubits))


def _state(
    circuit: QuantumCircuit,
    backend: PlainBackend,
    errors: CoherentErrors | None = None,
    twirled: tuple = (),
) -> np.ndarray:
    """Return the density matrix after a hand-made circuit on the first qubits of `backend`."""
    qubits = circuit.num_qubits
    item = CompiledCircuit(circuit, tuple(range(qubits)), 0.0, 0, twirled)
    return simulate([item], _part(backend, qubits), 0.0, errors, save="density_matrix")[0].mean(0)


def _ramsey(wait: int = WAIT) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    circuit.delay(wait, 0, unit="dt")
    return _physical(circuit)


def _physical(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit on a register "q", which Qiskit takes for physical qubits."""
    from qiskit.circuit import QuantumRegister

    found = QuantumCircuit(QuantumRegister(circuit.num_qubits, "q"))
    found.compose(circuit, inplace=True)
    return found


@pytest.fixture(scope="module")
def circuits() -> qm.CircuitSet:
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 0.3)})
    return qm.build_circuits(pair, [0.0, 0.7, 1.4], bases=["XY", "ZZ"])


@pytest.mark.parametrize(
    ("sequence", "fold"), [(None, 1), (None, 3), ("XX", 1), ("XpXm", 1), ("XY4", 1), ("XY4", 3)]
)
@pytest.mark.parametrize("twirling", ["no", "own", "service"])
def test_without_noise_suppressed_circuits_do_the_same(
    circuits: qm.CircuitSet, sequence: str | None, twirling: str, fold: int
) -> None:
    """States, and distributions of every single instance."""
    plain = device(PlainBackend(**QUIET), seed=3).place(circuits)
    target = replace(
        plain,
        suppression=Suppression(sequence, 0 if twirling == "no" else 3, twirling == "service"),
        folding=Folding(fold),
    )
    wanted = plain.instance_probabilities(circuits)
    found = target.instance_probabilities(circuits)
    assert found.shape[0] == max(target.suppression.twirling, 1)
    # T1 = 1e6 s leaves 1e-11 of decay; the service's library computes angles in single precision.
    tolerance = 1e-6 if target.suppression.as_service else 1e-9
    assert np.abs(found - wanted).max() < tolerance
    states = [item.noisy_states(circuits)[0] for item in (plain, target)]
    assert trace_distance(*states).max() < tolerance


def test_routed_circuits_are_suppressed_too() -> None:
    """A ring has no embedding in a line: swaps, a layout, and the same states all the same."""
    memristor = qm.Memristor(qm.ConstantRate(0.3), a=0.8)
    yy = qm.Native("y", 0.3)
    ring = qm.Network([memristor] * 3, {(0, 1): yy, (1, 2): yy, (0, 2): yy})
    target = device(PlainBackend(**QUIET, qubits=7), seed=1, dynamical_decoupling="XX", twirling=2)
    found = qm.device_states(ring, [0.4], target=target)
    assert found.provenance["target"]["layout"]["embedded"] is False
    assert trace_distance(found.states, qm.exact_circuit(ring, [0.4]).states).max() < 1e-9


def test_suppression_is_there_and_folds_stay(circuits: qm.CircuitSet) -> None:
    """The test above would pass for circuits that nothing was done to."""
    plain = device(PlainBackend(), seed=3, fold=3).place(circuits)
    base = plain.compile(circuits)[-1]
    assert base.instances[0].circuit is base.circuit
    for sequence, pulses in (("XX", 2), ("XpXm", 2), ("XY4", 4)):
        item = replace(plain, suppression=Suppression(sequence)).compile(circuits)[-1]
        extra = item.circuit.count_ops()["x"] - base.circuit.count_ops().get("x", 0)
        assert extra > 0
        assert extra % pulses == 0
        # The pulses stand inside the waits: nothing takes longer.
        assert item.duration == pytest.approx(base.duration, abs=1e-12)
    for service in (False, True):
        target = replace(plain, suppression=Suppression(None, 8, service))
        instances = target.compile(circuits)[-1].twirled
        assert {item.circuit.num_nonlocal_gates() for item in instances} == {base.two_qubit_gates}
        angles = {
            tuple(round(float(i.operation.params[0]), 9) for i in c.circuit if i.name == "rz")
            for c in instances
        }
        assert len(angles) == 8
        assert len({item.flips for item in instances}) > 1
        # The same seed draws the same Paulis, for every circuit its own.
        again = target.compile(circuits, only=[2])[-1].twirled
        assert [item.flips for item in again] == [item.flips for item in instances]


def test_pulses_stand_at_equal_distances_and_not_in_the_ground_state() -> None:
    backend = PlainBackend()
    part = _part(backend, 2)
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    circuit.delay(3000, 1, unit="dt")  # before the first gate
    circuit.sx(1)
    circuit.delay(1600, 1, unit="dt")
    circuit.delay(3000 + 1600, 0, unit="dt")
    circuit.cz(0, 1)
    circuit.reset(1)
    circuit.delay(3000, 1, unit="dt")  # after a reset
    circuit.delay(4000, 0, unit="dt")
    circuit.sx([0, 1])
    found = decouple(_physical(circuit), "XX", part)
    starts = start_times(found, part)
    pulses = [
        (found.find_bit(item.qubits[0]).index, 1e9 * start)
        for item, start in zip(found.data, starts, strict=True)
        if item.name == "x"
    ]
    # Qubit 0: a wait of 4600 ns from 20 ns on, pulses of 20 ns: (4600 − 40)/4 before the first.
    # Qubit 1 waits from 3020 to 4620 ns in superposition; (1600 − 40)/4 before its first.
    first = [20 + 1140, 20 + 1140 + 20 + 2280]
    second = [4720 + 990, 4720 + 990 + 20 + 1980]
    third = [3020 + 390, 3020 + 390 + 20 + 780]
    assert sorted(start for qubit, start in pulses if qubit == 0) == pytest.approx(first + second)
    assert sorted(start for qubit, start in pulses if qubit == 1) == pytest.approx(third)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_ramsey_decay_is_gaussian_and_an_echo_undoes_it(strength: float) -> None:
    """Coherence ½ exp(−σ²t²/2), t the wait and half of the pulse before it."""
    backend = PlainBackend(**QUIET)
    t = (WAIT + 10) * 1e-9
    errors = CoherentErrors(detuning=strength / t)
    found = abs(_state(_ramsey(), backend, errors)[0, 1])
    wanted = 0.5 * np.exp(-(strength**2) / 2)
    # The error of the n nodes' average is n!/(2n)! (σt)^2n; n = 4, so 4!/8! = 6e-4 at σt = 1.
    assert 0.5 * strength**8 * 4e-4 < abs(found - wanted) < 0.5 * strength**8 * 6e-4
    fine = abs(_state(_ramsey(), backend, replace(errors, nodes=8))[0, 1])
    assert fine == pytest.approx(wanted, abs=1e-8)
    for sequence in SEQUENCES:
        echoed = decouple(_ramsey(), sequence, _part(backend, 1))
        # Only what the first SX leaves, 10 ns, is not undone: exp(−(10/1610)² σ²t²/2).
        lost = 0.5 * (1 - np.exp(-((strength * 10 / 1610) ** 2) / 2))
        assert 0.5 - abs(_state(echoed, backend, errors)[0, 1]) == pytest.approx(lost, abs=1e-6)


def test_decoupling_does_not_undo_fast_dephasing_and_costs_its_pulses() -> None:
    memoryless = PlainBackend(t1=1e6, t2=10e-6)
    costly = PlainBackend(**QUIET, gate_error=1e-3)
    echoed = decouple(_ramsey(), "XX", _part(memoryless, 1))
    plain = abs(_state(_ramsey(), memoryless)[0, 1])
    # Aer gives gates the dephasing of their length too: the same total time, the same decay.
    assert abs(_state(echoed, memoryless)[0, 1]) == pytest.approx(plain, rel=1e-3)
    assert plain < 0.5 * np.exp(-WAIT / 10e3) + 1e-9
    # Two X of average infidelity 1e-3: depolarizing of 2e-3 each.
    ratio = abs(_state(echoed, costly)[0, 1] / _state(_ramsey(), costly)[0, 1])
    assert ratio == pytest.approx((1 - 2e-3) ** 2, rel=1e-6)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_coherent_errors_add_in_amplitude_and_twirled_ones_in_probability(count: int) -> None:
    """|++> through n CZ, each followed by RZZ(ε): 1 − F = sin²(nε/2); twirled (1 − cosⁿε)/2."""
    backend, angle, instances = PlainBackend(**QUIET), 0.1, 200
    part = _part(backend, 2)
    circuit = QuantumCircuit(2)
    circuit.rz(np.pi / 2, [0, 1])
    circuit.sx([0, 1])
    circuit.rz(np.pi / 2, [0, 1])
    for _ in range(count):
        circuit.cz(0, 1)
    errors = CoherentErrors(two_qubit_angle=angle)
    ideal = _state(circuit, backend)
    assert np.trace(ideal @ ideal).real == pytest.approx(1, abs=1e-9)
    coherent = 1 - np.trace(ideal @ _state(circuit, backend, errors)).real
    assert coherent == pytest.approx(np.sin(count * angle / 2) ** 2, abs=1e-9)
    random = tuple(twirl(circuit, instances, 7, part))
    twirled = 1 - np.trace(ideal @ _state(circuit, backend, errors, random)).real
    wanted = (1 - np.cos(angle) ** count) / 2
    # A sum of n random signs squared spreads by √2 n around n: 4 standard errors of 200.
    spread = angle**2 / 4 * np.sqrt(2 * count * (count - 1) / instances)
    assert abs(twirled - wanted) < 4 * spread + 1e-6
    if count == 9:
        assert coherent > 4 * twirled


def test_the_coherent_error_turns_as_documented() -> None:
    """exp(−iεZZ/2) after each gate, its sign and its factor, against Qiskit's matrix."""
    from qiskit.quantum_info import DensityMatrix

    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    circuit.cz(0, 1)
    found = _state(circuit, PlainBackend(**QUIET), CoherentErrors(two_qubit_angle=0.3))
    z = np.diag([1.0, -1.0, -1.0, 1.0])
    turn = np.diag(np.exp(-0.15j * np.diag(z)))
    wanted = turn @ DensityMatrix(circuit).data @ turn.conj().T
    assert np.abs(found - wanted).max() < 1e-9
    assert np.abs(found - turn.conj() @ DensityMatrix(circuit).data @ turn).max() > 0.05


def test_nodes_have_the_moments_of_independent_gaussians() -> None:
    errors = CoherentErrors(detuning=2.0, nodes=3)
    offsets, weights = detuning_nodes(errors, 4)
    assert offsets.shape == (81, 4)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(weights @ offsets, 0, atol=1e-12)
    np.testing.assert_allclose(offsets.T @ (weights[:, None] * offsets), 4 * np.eye(4), atol=1e-12)
    # Fourth moment 3σ⁴, which two nodes miss.
    np.testing.assert_allclose(weights @ offsets**4, 3 * 2.0**4, rtol=1e-12)
    assert detuning_nodes(CoherentErrors(), 3)[0].shape == (1, 3)
    with pytest.raises(ValueError, match="nodes must leave at most"):
        detuning_nodes(errors, 8)


def test_detunings_converge_on_a_long_stepwise_circuit() -> None:
    """As in hardware.suppression, four nodes suffice at σt ≈ 0.8: eight give the same."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    circuits = qm.build_circuits(memristor, [6.0], bases="Z", steps=6)
    always = Compilation(1, own_basis=True)  # the longest waits
    waiting = replace(device(PlainBackend(reset_duration=2e-6), seed=1), compilation=always)
    plain = waiting.place(circuits)
    duration = plain.compile(circuits)[0].duration
    states = [
        replace(plain, coherent_errors=CoherentErrors(0.8 / duration, 0.0, nodes)).noisy_states(
            circuits
        )[0]
        for nodes in (4, 8)
    ]
    calibrated = plain.noisy_states(circuits)[0]
    assert trace_distance(calibrated, states[1]).max() > 0.02
    # 4!/8! × 0.8^8 = 1e-4 of the coherence.
    assert trace_distance(*states).max() < 1e-4


def test_circuits_without_and_with_offsets_are_simulated_together() -> None:
    """At t = 0 nothing turns a memristor in |g>, so no offset does; in one call or in several."""
    import qmemcircuit.devices.noise.calibrated

    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 2)
    circuits = qm.build_circuits(memristor, [0.0, 1.0, 2.0], bases="XZ")
    errors = CoherentErrors(detuning=1e6)
    target = device(PlainBackend(), seed=1, twirling=2, coherent_errors=errors).place(circuits)
    found = target.instance_probabilities(circuits)
    # The X before a twirled measurement decays for its 20 ns of T1 = 100 µs.
    np.testing.assert_allclose(found[:, 0, 1], [[1, 0], [1, 0]], atol=2.1e-4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qmemcircuit.devices.noise.calibrated, "MOST_RUNS", 32)
        np.testing.assert_allclose(target.instance_probabilities(circuits), found, atol=1e-12)


def test_a_labelled_error_has_no_calibrated_noise() -> None:
    """RZZ of a device with noisy native RZZ: the inserted error must stay a pure rotation."""
    from qiskit.circuit import Parameter
    from qiskit.circuit.library import RZZGate
    from qiskit.transpiler import InstructionProperties

    backend = PlainBackend(**QUIET)
    noisy = InstructionProperties(duration=1e-7, error=0.1)
    backend.target.add_instruction(RZZGate(Parameter("a")), {(0, 1): noisy})
    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    circuit.cz(0, 1)
    state = _state(circuit, backend, CoherentErrors(two_qubit_angle=0.3))
    assert np.trace(state @ state).real == pytest.approx(1, abs=1e-9)


def test_decoupling_turns_a_memristor_over_so_decay_cannot_be_absorbed() -> None:
    """In |0>, waiting D under XX: found excited with (1 − e^{−D/2T1}) e^{−D/4T1}; else never."""
    t1 = 20e-6
    backend = PlainBackend(t1=t1, t2=2 * t1, fast=20)
    circuit = QuantumCircuit(1)
    circuit.rz(0.1, 0)
    circuit.delay(8000, 0, unit="dt")
    part = _part(backend, 1)
    assert _state(_physical(circuit), backend)[1, 1].real == pytest.approx(0, abs=1e-12)
    excited = _state(decouple(_physical(circuit), "XX", part), backend)[1, 1].real
    x = 8e-6 / t1
    assert excited == pytest.approx((1 - np.exp(-x / 2)) * np.exp(-x / 4), rel=1e-3)

    memristor = qm.Memristor(qm.SquidRate(0.3), a=np.pi / 4, b=np.pi / 5)
    times = memristor.periods(1, points=6)
    circuits = qm.build_circuits(memristor, times, bases="Z")
    plain = device(backend, seed=1).place(circuits)
    absorbed, _ = absorb_device_decay(circuits, plain)
    exact = qm.exact_circuit(memristor, times).states
    right, wrong = (
        trace_distance(item.noisy_states(absorbed)[0], exact)[-1]
        for item in (plain, replace(plain, suppression=Suppression("XX")))
    )
    # What is refused: the absorbed part is undone, and as much excitation comes on top.
    assert right < 0.002
    assert wrong > 0.05
    remedy = "dynamical_decoupling=None"
    with pytest.raises(ValueError, match=f"absorb_decay must be False with .*{remedy}"):
        absorb_device_decay(circuits, replace(plain, suppression=Suppression("XX")))
    with pytest.raises(ValueError, match="absorb_decay must be False with"):
        qm.run(
            memristor,
            times,
            target=device(backend, seed=1, dynamical_decoupling="XY4"),
            shots=1,
            absorb_decay=True,
        )


def test_own_twirling_leaves_waits_alone_and_the_services_does_not() -> None:
    """A waiting memristor decays by exp(−D/T1) with ours, in a random frame with IBM's."""
    backend = PlainBackend(t1=20e-6, t2=40e-6, fast=20, reset_duration=2e-6)
    memristor = qm.Memristor(qm.ConstantRate(1e-9), a=0.0)
    circuits = qm.build_circuits(memristor, [1.0, 2.0, 3.0, 4.0], bases="Z")
    always = Compilation(1, own_basis=True)
    plain = replace(device(backend, seed=1), compilation=always).place(circuits)
    excited, duration = [], plain.compile(circuits)[-1].duration
    for suppression in (Suppression(), Suppression(None, 40), Suppression(None, 40, True)):
        states, _ = replace(plain, suppression=suppression).noisy_states(circuits)
        excited.append(float(states[-1, 1, 1].real))
    x = duration / 20e-6
    assert excited[0] == pytest.approx(np.exp(-x), abs=2e-3)
    assert excited[1] == pytest.approx(np.exp(-x), abs=2e-3)
    # Three waits, each turned over or not: the mean decay to ½ is (1 + e^{−x})/2 for one frame
    # kept throughout, and between the two for three; the spread of 40 instances is 0.01.
    assert excited[2] > excited[0] + 0.05
    with pytest.raises(ValueError, match="absorb_decay must be False with IBM's twirling"):
        absorb_device_decay(circuits, replace(plain, suppression=Suppression(None, 4, True)))
    absorb_device_decay(circuits, replace(plain, suppression=Suppression(None, 4)))


def test_a_record_predicts_itself_with_its_suppression(tmp_path: Path) -> None:
    memristor = qm.Memristor(qm.SquidRate(0.3), a=0.8)
    target = device(
        PlainBackend(gate_error=1e-3, readout=0.03),
        seed=5,
        dynamical_decoupling="XY4",
        twirling=3,
        coherent_errors=CoherentErrors(1e4, 0.05, 3),
    )
    path = qm.run(memristor, [0.5, 1.0], target=target, shots=10).save(tmp_path / "record.json")
    described = qm.Record.load(path).provenance["target"]
    assert described["dynamical_decoupling"] == "XY4"
    assert described["twirling"] == 3
    assert described["coherent_errors"] == {
        "detuning": 1e4,
        "two_qubit_angle": 0.05,
        "nodes": 3,
    }
    circuits = qm.build_circuits(memristor, [0.5, 1.0])
    np.testing.assert_allclose(
        recorded_device(described).probabilities(circuits),
        target.probabilities(circuits),
        atol=1e-12,
    )
    # A record from before there was suppression.
    for name in ("dynamical_decoupling", "twirling", "service_twirling", "coherent_errors"):
        del described[name]
    assert recorded_device(described).coherent_errors is None


def test_shots_are_divided_over_the_instances() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.3), a=0.8)
    circuits = qm.build_circuits(memristor, [0.5, 1.0])
    errors = CoherentErrors(two_qubit_angle=0.4)
    target = device(PlainBackend(), seed=5, twirling=4, coherent_errors=errors).place(circuits)
    assert np.ptp(target.instance_probabilities(circuits), axis=0).max() > 0.02
    counts = target.sample(circuits, 10_003)
    assert np.all(counts.sum(axis=2) == 10_003)
    wanted = target.probabilities(circuits)
    # Four independent proportions, 4.5 binomial standard errors, at a fixed seed.
    assert np.all(np.abs(counts / 10_003 - wanted) < 4.5 * np.sqrt(wanted * (1 - wanted) / 10_003))


def test_no_two_runs_share_their_paulis() -> None:
    """Noise factors and readout calibrations are runs of their own, on a device too."""
    memristor = qm.Memristor(qm.SquidRate(0.3), a=0.8)
    circuits = qm.build_circuits(memristor, [0.5, 1.0], bases="XZ")
    target = device(PlainBackend(), seed=5, twirling=32).place(circuits)
    drawn = [
        tuple(instance.flips for instance in item.twirled)
        for stream in (0, 1, 2)
        for item in target.independent(stream).compile(circuits)
    ]
    # Three streams of four circuits, 32 coins each: no two alike.
    assert len(set(drawn)) == 12


def test_measurement_twirling_makes_readout_symmetric() -> None:
    """Flips of 2 % after |0> and 8 % after |1> become 5 % after both, on average."""
    memristor = qm.Memristor(qm.ConstantRate(0.0), a=0.0)
    circuits = qm.build_circuits(memristor, [0.0], bases="Z")
    target = device(PlainBackend(**QUIET), seed=1).place(circuits)
    from qmemcircuit.devices.noise.calibrated import read_out

    matrix = np.array([[0.98, 0.08], [0.02, 0.92]])
    (item,) = replace(target, suppression=Suppression(None, 400)).compile(circuits)
    (true,) = simulate([item], target.restricted(), 0.0, save="probabilities")
    wrong = [
        read_out(chances, instance, [matrix] * 4)[0]
        for chances, instance in zip(true, item.instances, strict=True)
    ]
    assert {round(value, 9) for value in wrong} == {0.02, 0.08}
    # 400 fair coins: the mean of 0.02 and 0.08 spreads by 0.03/20.
    assert np.mean(wrong) == pytest.approx(0.05, abs=4 * 0.03 / 20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dynamical_decoupling": "CPMG"}, "dynamical_decoupling must be one of"),
        ({"dynamical_decoupling": "XX", "schedule": False}, "schedule must be True"),
        ({"twirling": -1}, "twirling"),
        ({"coherent_errors": CoherentErrors(1.0), "schedule": False}, "schedule must be True"),
    ],
)
def test_bad_arguments_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"Argument {message}"):
        device(PlainBackend(), seed=1, **options)


def test_other_bad_input() -> None:
    with pytest.raises(TypeError, match="coherent_errors must be CoherentErrors"):
        device(PlainBackend(), seed=1, coherent_errors=0.1)
    for options, message in (
        ({"detuning": -1.0}, "detuning"),
        ({"two_qubit_angle": np.nan}, "two_qubit_angle"),
        ({"nodes": 1}, "nodes"),
        ({"nodes": 2.5}, "nodes"),
    ):
        with pytest.raises((ValueError, TypeError), match=f"Argument {message}"):
            CoherentErrors(**options)
    slow = PlainBackend()
    slow.target = restrict_target(slow.target, range(4))
    circuit = QuantumCircuit(2)
    circuit.rzz(0.3, 0, 1)
    with pytest.raises(ValueError, match="twirling must be 0 for circuits with rzz"):
        twirl(circuit, 2, 1, _part(PlainBackend(), 2))
    with pytest.raises(ValueError, match="twirling must be 0 for circuits with rzz"):
        twirl_as_service(circuit, 2, 1)


def test_ibm_submits_plain_circuits_and_predicts_suppressed_ones() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    circuits = qm.build_circuits(memristor, [0.5, 1.0, 1.5], bases="Z")
    plain = ibm("fake_manila", channel="local", seed=3).place(circuits)
    chosen = ibm(
        "fake_manila", channel="local", seed=3, dynamical_decoupling="XY4", twirling=True
    ).place(circuits)
    assert chosen.prepare(circuits) == plain.prepare(circuits)
    assert chosen.prediction.suppression == Suppression("XY4", 32, as_service=True)
    described = chosen.describe()
    assert described["dynamical_decoupling"] == "XY4"
    assert described["service_twirling"] is True
    assert described["options"]["dynamical_decoupling"]["skip_reset_qubits"] is True
    with pytest.raises(ValueError, match="absorb_decay must be False"):
        qm.run(memristor, [0.5, 1.0], target=chosen, shots=1, absorb_decay=True)
    # Ancillas do nothing alone at the end: a barrier before the measurement would wait for them.
    last = plain.prepare(circuits)[-1]
    system = last.find_bit(last.data[-1].qubits[0]).index
    for instruction in reversed(last.data):
        places = {last.find_bit(qubit).index for qubit in instruction.qubits}
        if places - {system} and instruction.name != "barrier":
            assert len(places) == 2
            break


@pytest.mark.parametrize("options", [{"dynamical_decoupling": "XX"}, {"twirling": True}])
def test_the_runtimes_local_mode_agrees_with_the_prediction(options: dict) -> None:
    """The client decouples and twirls locally too: its counts follow ours, not the plain ones."""
    from qiskit_ibm_runtime.executor_sampler import Sampler

    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    circuits = qm.build_circuits(memristor, [memristor.period], bases="XYZ", steps=5)
    target = ibm("fake_manila", channel="local", seed=3, **options)
    # Waits in the own basis are the longer ones: what is done while waiting shows most.
    waiting = replace(target.prediction, compilation=Compilation(3, own_basis=True))
    target = replace(target, prediction=waiting).place(circuits)
    shots = 32_000
    sampler = Sampler(mode=target.prediction.backend, options=dict(target.options))
    result = sampler.run([(item,) for item in target.prepare(circuits)], shots=shots).result()
    found = np.array([item.data.outcome.get_int_counts().get(0, 0) for item in result]) / shots
    wanted = target.prediction.probabilities(circuits)[0, :, 0]
    plain = target.prediction.unsuppressed().probabilities(circuits)[0, :, 0]
    error = np.sqrt(wanted * (1 - wanted) / shots)
    # Three proportions, 4.5 standard errors; 32 random instances each, on both sides, move the
    # mean of an incoherent noise model by less than one.
    assert np.abs((found - wanted) / error).max() < 4.5
    assert np.abs((found - plain) / error).max() > 6


def test_durations_add_up_in_decoupled_circuits() -> None:
    backend = PlainBackend()
    part = _part(backend, 1)
    found = decouple(_ramsey(1601), "XY4", part)
    total = sum(operation_duration(item, [0], part) for item in found.data)
    assert total == pytest.approx(1621e-9, abs=1e-15)
