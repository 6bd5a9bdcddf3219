"""Couplings of two memristors: each one class with its generator, step unitary and gate.

Conventions. A coupling acts on an ordered pair (first, second). Matrices are 4×4 in Qiskit's
order, the first memristor the least significant bit: kron(second, first). Strengths g are
angular frequencies: the generator is H/ħ, and one step of duration dt is exp(−iH dt/ħ), with
δ = g dt in the papers' words. The Pauli operators are the paper's (see `memristors`):
σx = X, σy = −Y, σz = −Z, so σiσi keeps its sign and the controlled rotations do not.

To add a coupling, write one class with the three methods of `Coupling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import Gate
from qiskit.circuit.library import (
    CRXGate,
    CRYGate,
    CRZGate,
    RXXGate,
    RYYGate,
    RZZGate,
    UnitaryGate,
    XXPlusYYGate,
)

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, check_choice, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import PAULI_X, PAULI_Y, PAULI_Z, evolve, tensor_product

Axis = Literal["x", "y", "z"]

PAPER_SIGMA: dict[str, ComplexArray] = {"x": PAULI_X, "y": -PAULI_Y, "z": -PAULI_Z}
"""The paper's σx, σy, σz in Qiskit's basis (|0> = |g>, |1> = |e>)."""


@runtime_checkable
class Coupling(Protocol):
    """What any coupling has: an interaction of an ordered pair of memristors.

    >>> import qmemcircuit as qm
    >>> import numpy as np
    >>> isinstance(qm.Native("y", 0.1), qm.Coupling)
    True
    >>> any_hermitian = qm.MatrixCoupling(np.diag([0.1, 0.0, 0.0, 0.1]))
    >>> isinstance(any_hermitian, qm.Coupling)
    True
    """

    def hamiltonian(self) -> ComplexArray:
        """Return H/ħ, 4×4, in 1/time."""
        ...

    def unitary(self, dt: float) -> ComplexArray:
        """Return exp(−iH dt/ħ), 4×4."""
        ...

    def gate(self, dt: float) -> Gate:
        """Return the step as a Qiskit gate on (first, second)."""
        ...


def _product(first: ComplexArray, second: ComplexArray) -> ComplexArray:
    return tensor_product(second, first)


@data_object
@dataclass(frozen=True)
class Native:
    """The paper's native coupling, H = g σi⊗σi with i = x, y or z (guo2022, Eq. 21 with δ = g dt).

    `axis` is i and `strength` is g, in 1/time (ħ = 1). Its gate is RXX, RYY or RZZ(2δ). With σyσy
    each memristor keeps I = ΓV; with σxσx and σzσz neither does (`guo2022.couplings`).

    >>> import qmemcircuit as qm
    >>> one = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> qm.chain([one, one], qm.Native("y", 0.1)).couplings
    (((0, 1), Native(axis='y', strength=0.1)),)
    """

    axis: Axis
    strength: float

    def __post_init__(self) -> None:
        check_fields(self)
        check_choice("axis", self.axis, ("x", "y", "z"))
        object.__setattr__(self, "strength", check_real("strength", self.strength))

    def hamiltonian(self) -> ComplexArray:
        """Return g σi⊗σi."""
        sigma = PAPER_SIGMA[self.axis]
        return self.strength * _product(sigma, sigma)

    def unitary(self, dt: float) -> ComplexArray:
        """Return exp(−iδ σi⊗σi)."""
        check_arguments(Native.unitary, locals())
        return evolve(self.hamiltonian(), dt)

    def gate(self, dt: float) -> Gate:
        """Return R_ii(2δ)."""
        check_arguments(Native.gate, locals())
        return {"x": RXXGate, "y": RYYGate, "z": RZZGate}[self.axis](2 * self.strength * dt)


@data_object
@dataclass(frozen=True)
class ControlledRotation:
    """H = (g/2) |e><e|⊗σi: the first memristor, in |e>, rotates the second (guo2022, Eq. 22).

    One step is exactly the paper's gate |e><e|⊗R_i(δ) + |g><g|⊗1 with R_i(δ) = exp(−iδσi/2).
    The paper gives the gate only; this generator, whose step of any length is that gate, is
    what our master equation uses for it.

    >>> import qmemcircuit as qm
    >>> one = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> qm.chain([one, one], qm.ControlledRotation("y", 0.1)).couplings[0]
    ((0, 1), ControlledRotation(axis='y', strength=0.1))
    """

    axis: Axis
    strength: float

    def __post_init__(self) -> None:
        check_fields(self)
        check_choice("axis", self.axis, ("x", "y", "z"))
        object.__setattr__(self, "strength", check_real("strength", self.strength))

    def hamiltonian(self) -> ComplexArray:
        """Return (g/2) |e><e|⊗σi."""
        excited = np.diag([0.0 + 0j, 1.0])
        return 0.5 * self.strength * _product(excited, PAPER_SIGMA[self.axis])

    def unitary(self, dt: float) -> ComplexArray:
        """Return |e><e|⊗R_i(δ) + |g><g|⊗1."""
        check_arguments(ControlledRotation.unitary, locals())
        return evolve(self.hamiltonian(), dt)

    def gate(self, dt: float) -> Gate:
        """Return the controlled rotation; y and z turn the other way in Qiskit's basis."""
        check_arguments(ControlledRotation.gate, locals())
        delta = self.strength * dt
        if self.axis == "x":
            return CRXGate(delta)
        return {"y": CRYGate, "z": CRZGate}[self.axis](-delta)


@data_object
@dataclass(frozen=True)
class PartialSwap:
    """H = (g/2)(σxσx + σyσy + σzσz); a full SWAP (up to a phase) at δ = g dt = π/2.

    It exchanges two devices, so it does nothing at all to two identical ones in equal states.

    >>> import qmemcircuit as qm
    >>> one = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> qm.chain([one, one], qm.PartialSwap(0.1)).couplings[0]
    ((0, 1), PartialSwap(strength=0.1))
    """

    strength: float

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "strength", check_real("strength", self.strength))

    def hamiltonian(self) -> ComplexArray:
        """Return (g/2) Σ σi⊗σi."""
        products = [_product(sigma, sigma) for sigma in PAPER_SIGMA.values()]
        return np.asarray(0.5 * self.strength * np.sum(products, axis=0))

    def unitary(self, dt: float) -> ComplexArray:
        """Return exp(−iH dt)."""
        check_arguments(PartialSwap.unitary, locals())
        return evolve(self.hamiltonian(), dt)

    def gate(self, dt: float) -> Gate:
        """Return the step as one two-qubit unitary."""
        check_arguments(PartialSwap.gate, locals())
        return UnitaryGate(self.unitary(dt), label="partial SWAP")


@data_object
@dataclass(frozen=True)
class PartialISwap:
    """H = (g/2)(σxσx + σyσy): one excitation is exchanged; at δ = g dt = π/2 the inverse iSWAP.

    >>> import qmemcircuit as qm
    >>> one = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> qm.chain([one, one], qm.PartialISwap(0.1)).couplings[0]
    ((0, 1), PartialISwap(strength=0.1))
    """

    strength: float

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "strength", check_real("strength", self.strength))

    def hamiltonian(self) -> ComplexArray:
        """Return (g/2)(σxσx + σyσy)."""
        return 0.5 * self.strength * (_product(PAULI_X, PAULI_X) + _product(PAULI_Y, PAULI_Y))

    def unitary(self, dt: float) -> ComplexArray:
        """Return exp(−iH dt)."""
        check_arguments(PartialISwap.unitary, locals())
        return evolve(self.hamiltonian(), dt)

    def gate(self, dt: float) -> Gate:
        """Return XXPlusYY(2δ): Qiskit's gate is exp(−iθ(XX + YY)/4)."""
        check_arguments(PartialISwap.gate, locals())
        return XXPlusYYGate(2 * self.strength * dt)


@data_object
@dataclass(frozen=True)
class MatrixCoupling:
    """Any interaction: H/ħ as a Hermitian 4×4 matrix in 1/time, in the basis |second, first>.

    The rows are |gg>, |eg>, |ge>, |ee> with the first memristor's letter first.

    >>> MatrixCoupling(0.1 * np.diag([0, 0, 0, 1])).unitary(0.0).shape
    (4, 4)
    """

    matrix: tuple[tuple[complex, ...], ...]

    def __init__(self, matrix: ArrayLike) -> None:
        check_arguments(MatrixCoupling.__init__, locals(), complex_numbers=("matrix",))
        try:
            values = np.array(matrix, dtype=complex)
        except (TypeError, ValueError):
            raise TypeError(
                f"Argument matrix must be a 4×4 matrix of numbers, but {matrix!r} was given."
            ) from None
        if values.shape != (4, 4) or not np.all(np.isfinite(values)):
            raise ValueError(
                f"Argument matrix must be a finite 4×4 matrix, but shape {values.shape} was given."
            )
        asymmetry = float(np.abs(values - values.conj().T).max())
        if asymmetry > 1e-12 * max(1.0, float(np.abs(values).max())):
            raise ValueError(
                f"Argument matrix must be Hermitian, but it differs from its adjoint by "
                f"{asymmetry:.3g}; (H + H.conj().T) / 2 is its Hermitian part."
            )
        rows = tuple(tuple(complex(value) for value in row) for row in values)
        object.__setattr__(self, "matrix", rows)

    def hamiltonian(self) -> ComplexArray:
        """Return the matrix."""
        return np.array(self.matrix)

    def unitary(self, dt: float) -> ComplexArray:
        """Return exp(−iH dt)."""
        check_arguments(MatrixCoupling.unitary, locals())
        return evolve(self.hamiltonian(), dt)

    def gate(self, dt: float) -> Gate:
        """Return the step as one two-qubit unitary."""
        check_arguments(MatrixCoupling.gate, locals())
        return UnitaryGate(self.unitary(dt), label="coupling")
