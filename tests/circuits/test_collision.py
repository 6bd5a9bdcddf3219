"""Collisions are tested as channels: Choi matrices, never gate lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import transpile
from qiskit.quantum_info import Choi, Kraus, Operator, SuperOp, partial_trace

from qmemcircuit.circuits.collision import (
    collision_angle,
    collision_circuit,
    damping_kraus,
    damping_probability,
)
from qmemcircuit.model.laws.rates import ConstantRate, FunctionRate, SquidRate
from qmemcircuit.model.memristors import Memristor

# Near p = 1 the square root of 1 − p turns a rounding of 1e-16 into 1e-8; p = 1 is tested below.
probabilities = st.floats(0, 0.999)


def traced_channel(circuit) -> np.ndarray:
    """Return the Choi matrix on qubit 0 of a circuit whose qubit 1 starts in |0>."""
    isometry = Operator(circuit).data.reshape(2, 2, 2, 2)[:, :, 0, :]  # anc', sys', (anc=0), sys
    kraus = [isometry[k] for k in range(2)]
    return Choi(Kraus(kraus)).data


@given(probabilities, st.sampled_from(["paper", "compact"]))
def test_collision_is_amplitude_damping(p, form):
    expected = Choi(Kraus(damping_kraus(p))).data
    # Products of a few rotations: a few times the rounding unit.
    assert traced_channel(collision_circuit(p, form=form)) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("form", ["paper", "compact"])
def test_certain_damping(form):
    expected = Choi(Kraus(damping_kraus(1.0))).data
    assert traced_channel(collision_circuit(1.0, form=form)) == pytest.approx(expected, abs=1e-13)


@given(st.floats(0.001, 0.9))
def test_a_wrong_probability_is_another_channel(p):
    expected = Choi(Kraus(damping_kraus(p))).data
    mutant = traced_channel(collision_circuit(min(1.0, 1.1 * p)))
    assert np.abs(mutant - expected).max() > 1e-5


def test_the_printed_angle_under_damps():
    """guo2022 prints θ = arccos(e^κ); in Qiskit's convention that is half of the angle."""
    p = 0.2
    literal = np.arccos(np.sqrt(1 - p))
    assert collision_angle(p) == pytest.approx(2 * literal, abs=1e-15)
    assert np.sin(literal / 2) ** 2 < 0.3 * p


@given(probabilities)
def test_kraus_operators_preserve_the_trace(p):
    total = sum(k.conj().T @ k for k in damping_kraus(p))
    assert total == pytest.approx(np.eye(2), abs=1e-15)


@given(probabilities, probabilities)
def test_damping_composes(p, q):
    together = p + q - p * q
    product = SuperOp(Kraus(damping_kraus(p))).compose(SuperOp(Kraus(damping_kraus(q))))
    assert product.data == pytest.approx(SuperOp(Kraus(damping_kraus(together))).data, abs=1e-12)


def test_compact_form_has_two_two_qubit_gates():
    # Gate by gate; from optimisation level 2 on, Qiskit's resynthesis finds the second form itself
    # where nothing else stands between the two gates.
    counts = {
        form: transpile(
            collision_circuit(0.3, form=form),
            basis_gates=["cz", "rz", "sx", "x"],
            optimization_level=1,
        ).count_ops()["cz"]
        for form in ("paper", "compact")
    }
    assert counts == {"paper": 3, "compact": 2}


def test_probability_is_the_integral_and_not_the_left_end():
    memristor = Memristor(SquidRate(0.4), a=0.3)
    p = damping_probability(memristor, 0.0, 1.0)
    assert p == pytest.approx(1 - np.exp(-float(memristor.decay_integral(0.0, 1.0))), abs=1e-15)
    assert abs(p - (1 - np.exp(-float(memristor.decay_rate(0.0))))) > 0.01
    assert damping_probability(Memristor(ConstantRate(0.5), a=0.1), 1.0, 3.0) == pytest.approx(
        1 - np.exp(-1.0), abs=1e-15
    )


def test_a_negative_rate_is_refused_with_the_reason():
    memristor = Memristor(FunctionRate(lambda t: 0.2 - 0.3 * np.sin(t)), a=0.3)
    damping_probability(memristor, 3.5, 6.0)
    # The integral over this step is positive; the rate is negative inside it.
    assert float(memristor.decay_integral(0.1, 6.0)) > 0
    with pytest.raises(ValueError, match=r"must not be negative.*'merged'"):
        damping_probability(memristor, 0.1, 6.0)


def test_a_periodic_negative_rate_does_not_hide_in_a_wide_step():
    memristor = Memristor(FunctionRate(lambda t: 0.1 * (0.5 + np.sin(t))), a=0.3)
    with pytest.raises(ValueError, match="must not be negative"):
        damping_probability(memristor, 0.1, 16 * memristor.period)


def test_from_zero_a_negative_rate_is_legal_while_its_integral_is_not_negative():
    """Γ = 0.5 cos t: ∫Γ = 0.5 sin t, so the excitation is all back at t = π, and then too much."""
    memristor = Memristor(FunctionRate(lambda t: 0.5 * np.cos(t)), a=0.3)
    expected = 1 - np.exp(-0.5 * np.sin(3.0))
    assert damping_probability(memristor, 0.0, 3.0) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match=r"from t = 0 to 3\.2 its integral is -0\.0292"):
        damping_probability(memristor, 0.0, 3.2)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_bad_probabilities_are_named(bad):
    with pytest.raises(ValueError, match="Argument probability must be"):
        collision_angle(bad)


def test_unknown_form_is_named():
    with pytest.raises(ValueError, match="Argument form must be one of"):
        collision_circuit(0.1, form="three")


def test_partial_trace_agrees_with_the_kraus_form_on_entangled_input():
    """The system may be entangled with a bystander: the channel acts locally."""
    rng = np.random.default_rng(3)
    vector = rng.normal(size=4) + 1j * rng.normal(size=4)
    rho = np.outer(vector, vector.conj()) / np.vdot(vector, vector)  # bystander ⊗ system
    circuit = collision_circuit(0.37)
    from qiskit.circuit import QuantumCircuit
    from qiskit.quantum_info import DensityMatrix

    whole = QuantumCircuit(3)
    whole.compose(circuit, [0, 2], inplace=True)
    out = partial_trace(DensityMatrix(np.kron(np.diag([1, 0]), rho)).evolve(whole), [2]).data
    kraus = [np.kron(np.eye(2), k) for k in damping_kraus(0.37)]
    assert out == pytest.approx(sum(k @ rho @ k.conj().T for k in kraus), abs=1e-15)
