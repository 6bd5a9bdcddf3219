from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import DensityMatrix, partial_trace

import qmemcircuit as qm
from qmemcircuit.circuits.settings import default_bases, parse_bases

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
TIMES = MEMRISTOR.periods(0.2, points=20)  # four collisions


def system_state(circuit, memristors: int = 1) -> np.ndarray:
    """Qiskit's own exact simulation: an oracle independent of Aer."""
    others = list(range(memristors, circuit.num_qubits))
    return partial_trace(DensityMatrix(circuit), others).data


def closed_form(memristor: qm.Memristor, time: float) -> np.ndarray:
    """ρ_eg(t) = ρ_eg(0) e^κ e^{−iωt}, ρ_ee(t) = ρ_ee(0) e^{2κ}."""
    start = memristor.initial_state
    kappa = -0.5 * float(memristor.decay_integral(0.0, time))
    excited = start[1, 1] * np.exp(2 * kappa)
    coherence = start[1, 0] * np.exp(kappa - 1j * memristor.omega * time)
    return np.array([[1 - excited, np.conj(coherence)], [coherence, excited]])


@pytest.mark.parametrize("collision", ["paper", "compact"])
@pytest.mark.parametrize("ancilla", ["fresh", "reset", "merged", qm.pool(2)])
def test_every_circuit_gives_the_closed_form(ancilla, collision):
    circuits = qm.build_circuits(MEMRISTOR, TIMES, ancilla=ancilla, collision=collision)
    for index, time in enumerate(TIMES):
        found = system_state(circuits.evolution(index))
        assert found == pytest.approx(closed_form(MEMRISTOR, time), abs=1e-13)


@settings(max_examples=20)
@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(-3, 3), st.sampled_from(["fresh", "reset"]))
def test_mixed_initial_states_are_purified(p, radius, phase, ancilla):
    coherence = radius * np.sqrt(p * (1 - p)) * np.exp(1j * phase)
    state = np.array([[1 - p, np.conj(coherence)], [coherence, p]])
    memristor = qm.Memristor(qm.ConstantRate(0.3), state=state)
    circuits = qm.build_circuits(memristor, [0.0, 0.7, 1.1], ancilla=ancilla)
    for index, time in enumerate([0.0, 0.7, 1.1]):
        found = system_state(circuits.evolution(index))
        # The state is checked to 1e-9 and prepared from its eigenvectors.
        assert found == pytest.approx(closed_form(memristor, time), abs=1e-9)


def test_joint_pure_states_are_prepared():
    bell = np.array([1, 0, 0, 1j]) / np.sqrt(2)
    pair = qm.Network([MEMRISTOR, MEMRISTOR], state=bell)
    circuit = qm.build_circuits(pair, [0.0], bases="Z").evolution(0)
    assert system_state(circuit, 2) == pytest.approx(np.outer(bell, bell.conj()), abs=1e-12)
    mixed = qm.Network([MEMRISTOR, MEMRISTOR], state=np.eye(4) / 4)
    with pytest.raises(ValueError, match="must be pure for circuits"):
        qm.build_circuits(mixed, [0.0], bases="Z").evolution(0)


def test_ancilla_counts_and_resets():
    def ops(ancilla):
        circuit = qm.build_circuits(MEMRISTOR, TIMES, ancilla=ancilla)[4, "X"]
        return circuit.num_qubits, circuit.count_ops().get("reset", 0)

    assert ops("fresh") == (5, 0)
    assert ops("reset") == (2, 3)  # none before the first collision, none after the last
    assert ops(qm.pool(2)) == (3, 2)
    assert ops("merged") == (2, 0)


def test_time_zero_needs_no_ancilla():
    assert qm.build_circuits(MEMRISTOR, [0.0], bases="X")[0].num_qubits == 1


def test_indexing_is_time_major_and_lazy():
    circuits = qm.build_circuits(MEMRISTOR, TIMES, bases="XYZ")
    assert len(circuits) == 15
    assert circuits[4].metadata == circuits[1, "Y"].metadata
    assert [c.metadata["basis"] for c in circuits[3:6]] == ["X", "Y", "Z"]
    assert circuits[-1].metadata["time_index"] == 4
    with pytest.raises(IndexError):
        circuits[15]
    with pytest.raises(KeyError, match="Argument basis must be one of X, Y, Z"):
        circuits[0, "XX"]


def test_metadata_is_plain_json():
    circuit = qm.build_circuits(MEMRISTOR, TIMES)[3, "Y"]
    restored = json.loads(json.dumps(circuit.metadata))
    assert restored == {"time_index": 3, "time": float(TIMES[3]), "steps": 3, "basis": "Y"}
    assert all(type(value) in (int, float, str) for value in circuit.metadata.values())


def test_registers_are_named():
    circuit = qm.build_circuits(MEMRISTOR, TIMES)[3, "Y"]
    assert [register.name for register in circuit.qregs] == ["system", "ancilla"]
    assert [register.name for register in circuit.cregs] == ["outcome"]
    assert "system" in str(circuit.draw("text"))


def test_steps_divide_each_circuits_own_interval():
    circuits = qm.build_circuits(MEMRISTOR, TIMES, steps=3)
    assert circuits[2, "X"].metadata["steps"] == 3
    assert circuits.boundaries(2) == pytest.approx(np.linspace(0, TIMES[2], 4))


def test_bases():
    pair = qm.Network([MEMRISTOR] * 2)
    assert default_bases(qm.Network([MEMRISTOR])) == ("X", "Y")
    assert len(default_bases(pair)) == 9
    chain = qm.chain([MEMRISTOR] * 3, qm.Native("x", 0.1))
    # i[σxσx, σy] is ZX: ZXI, XZI, IZX, IXZ fit into two settings beside XXX and YYY.
    assert default_bases(chain)[:2] == ("XXX", "YYY")
    assert len(default_bases(chain)) == 4
    assert default_bases(qm.chain([MEMRISTOR] * 3, qm.Native("y", 0.1))) == ("XXX", "YYY")
    assert parse_bases("XY", 3) == ("XXX", "YYY")
    assert parse_bases([("X", "Y"), "ZZ"], 2) == ("XY", "ZZ")
    for bad in ("XQ", ["X"], []):
        with pytest.raises(ValueError, match="Argument bases must hold"):
            parse_bases(bad, 2)
    with pytest.raises(ValueError, match="different settings"):
        parse_bases("XX", 1)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"times must be finite, but times\[1\] is nan"):
        qm.build_circuits(MEMRISTOR, [0.0, np.nan])
    with pytest.raises(ValueError, match="times must increase strictly"):
        qm.build_circuits(MEMRISTOR, [0.0, 1.0, 0.5])
    with pytest.raises(ValueError, match="times must start at 0 or later"):
        qm.build_circuits(MEMRISTOR, [-1.0, 1.0])
    with pytest.raises(ValueError, match="times must be one-dimensional"):
        qm.build_circuits(MEMRISTOR, [])
    with pytest.raises(TypeError, match="times must be an array"):
        qm.build_circuits(MEMRISTOR, ["a"])
    with pytest.raises(ValueError, match="ancilla must be 'fresh'"):
        qm.build_circuits(MEMRISTOR, TIMES, ancilla="new")
    with pytest.raises(ValueError, match="Argument size must be at least 1"):
        qm.pool(0)
    with pytest.raises(ValueError, match="Argument steps must be at least 1"):
        qm.build_circuits(MEMRISTOR, TIMES, steps=0)
    pair = qm.Network([MEMRISTOR] * 2, {(0, 1): qm.Native("y", 0.1)})
    with pytest.raises(ValueError, match="must not be 'merged' for coupled"):
        qm.build_circuits(pair, TIMES, ancilla="merged")
