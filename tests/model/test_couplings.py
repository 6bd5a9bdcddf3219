from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import Operator
from scipy.linalg import expm

import qmemcircuit as qm

# The paper's Pauli operators, written in its own order (e, g), and the change to Qiskit's (g, e).
PAPER = {
    "x": np.array([[0, 1], [1, 0]], dtype=complex),
    "y": np.array([[0, -1j], [1j, 0]]),
    "z": np.diag([1.0 + 0j, -1]),
}
TURN = np.array([[0, 1], [1, 0]])


def sigma(axis: str) -> np.ndarray:
    return TURN @ PAPER[axis] @ TURN


def couplings(strength: float) -> list[qm.Coupling]:
    axes = ("x", "y", "z")
    return [
        *(qm.Native(axis, strength) for axis in axes),
        *(qm.ControlledRotation(axis, strength) for axis in axes),
        qm.PartialSwap(strength),
        qm.PartialISwap(strength),
        qm.MatrixCoupling(strength * np.diag([0, 1, 2, 4]) + 0.1 * np.ones((4, 4))),
    ]


@given(st.floats(-2, 2), st.floats(0, 2), st.integers(0, 8))
def test_gate_unitary_and_generator_agree(strength, dt, which):
    coupling = couplings(strength)[which]
    exact = expm(-1j * dt * coupling.hamiltonian())
    assert coupling.unitary(dt) == pytest.approx(exact, abs=1e-12)
    # Gates may differ by a global phase only where Qiskit's definition does; these do not.
    assert Operator(coupling.gate(dt)).data == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_native_is_the_papers_gate(axis):
    """Eq. 21: exp(−iδ σi⊗σi) with δ = g dt."""
    delta = 0.3
    exact = expm(-1j * delta * np.kron(sigma(axis), sigma(axis)))
    assert qm.Native(axis, 0.6).unitary(0.5) == pytest.approx(exact, abs=1e-14)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_controlled_rotation_is_the_papers_gate(axis):
    """Eq. 22: |e><e|⊗R_i(δ) + |g><g|⊗1, R_i(δ) = exp(−iδσi/2); the control is least significant."""
    delta = 0.3
    rotation = expm(-0.5j * delta * sigma(axis))
    exact = np.kron(rotation, np.diag([0, 1])) + np.kron(np.eye(2), np.diag([1, 0]))
    found = qm.ControlledRotation(axis, 0.6).unitary(0.5)
    assert found == pytest.approx(exact, abs=1e-14)
    mutant = qm.ControlledRotation(axis, -0.6).unitary(0.5)
    assert np.abs(mutant - exact).max() > 0.1


def test_full_swaps():
    swap = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    found = qm.PartialSwap(1.0).unitary(np.pi / 2)
    phase = found[0, 0]
    assert found / phase == pytest.approx(swap, abs=1e-14)
    iswap = np.array([[1, 0, 0, 0], [0, 0, -1j, 0], [0, -1j, 0, 0], [0, 0, 0, 1]])
    assert qm.PartialISwap(1.0).unitary(np.pi / 2) == pytest.approx(iswap, abs=1e-14)


def test_bad_couplings_are_named():
    with pytest.raises(ValueError, match="Argument axis must be one of 'x', 'y', 'z', but 'q'"):
        qm.Native("q", 0.1)
    with pytest.raises(ValueError, match="Argument strength must be finite"):
        qm.ControlledRotation("x", float("nan"))
    with pytest.raises(ValueError, match="must be Hermitian"):
        qm.MatrixCoupling(np.triu(np.ones((4, 4))))
    with pytest.raises(ValueError, match="4×4"):
        qm.MatrixCoupling(np.eye(2))


def test_all_couplings_keep_the_protocol():
    for coupling in couplings(0.1):
        assert isinstance(coupling, qm.Coupling)
