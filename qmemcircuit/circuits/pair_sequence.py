"""Gates and collisions of a pair in turn, and their fit to an exact map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from qiskit.circuit.library import UnitaryGate
from scipy.optimize import least_squares

from qmemcircuit.circuits.channels import TWO_QUBIT, damping_map, transfer_matrix, unitary_map
from qmemcircuit.circuits.splitting import Collision, Element, Operation, pair_hamiltonian
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import evolve
from qmemcircuit.model.memristors import Network

EVALUATIONS = 60
"""A fit stops after this many evaluations: the residual is flat by then, and it is reported."""


@data_object
@dataclass(frozen=True, eq=False)
class PairSequence:
    """n + 1 gates with n collisions between them: gates (n + 1, 4, 4), probabilities (n, 2)."""

    gates: ComplexArray
    probabilities: FloatArray  # [collision, memristor]

    def elements(self) -> tuple[Element, ...]:
        """Return gates and collisions in the order of application; certain survival is left out."""
        elements: list[Element] = []
        for place, gate in enumerate(self.gates):
            elements.append(Operation((0, 1), UnitaryGate(gate, label=f"V{place}")))
            if place < len(self.probabilities):
                elements += [
                    Collision(j, float(p)) for j, p in enumerate(self.probabilities[place]) if p > 0
                ]
        return tuple(elements)

    def map(self) -> FloatArray:
        """Return the Pauli transfer matrix of the whole sequence, shape (16, 16)."""
        total = np.eye(16)
        for place, gate in enumerate(self.gates):
            total = unitary_map(gate) @ total
            if place < len(self.probabilities):
                first, second = (damping_map(p) for p in self.probabilities[place])
                total = np.kron(second, first) @ total
        return total


def fit_pair_sequence(
    network: Network, time: float, damping: FloatArray, exact: FloatArray, collisions: int
) -> PairSequence:
    """Fit n + 1 two-qubit gates and 2n probabilities to `exact`, least squares in the PTM.

    The start lets the coherent evolution run undamped between collisions at the instants and with
    the weights of Gauss's rule, which is what the closed form tends to for short t. Each gate is
    the start's, followed by 15 Pauli rotations.
    """
    hamiltonian = pair_hamiltonian(network, (0, 1))
    nodes, weights = np.polynomial.legendre.leggauss(collisions)
    instants = 0.5 * time * (1 + nodes)
    durations = np.diff([0.0, *instants, time])
    starts = np.array([evolve(hamiltonian, float(duration)) for duration in durations])
    lost = np.outer(0.5 * weights, -np.expm1(-damping))
    probabilities = lost / (1 - np.cumsum(lost, axis=0) + lost)
    # At p = 1 the derivative in arcsin √p vanishes, and the fit could not leave it.
    angles = np.arcsin(np.sqrt(np.minimum(probabilities, 0.99)))
    problem = _FitProblem(exact, np.array([unitary_map(gate) for gate in starts]))
    turning = 15 * (collisions + 1)
    start = np.concatenate([np.zeros(turning), angles.ravel()])
    solved = least_squares(
        problem.residual,
        start,
        jac=problem.jacobian,
        method="lm",
        xtol=1e-9,
        ftol=1e-9,
        max_nfev=EVALUATIONS,
    )
    gates = []
    for gate, turns in zip(starts, solved.x[:turning].reshape(-1, 15), strict=True):
        for pauli, angle in zip(TWO_QUBIT[1:], turns, strict=True):
            gate = evolve(0.5 * pauli, float(angle)) @ gate
        gates.append(gate)
    return PairSequence(np.array(gates), np.sin(solved.x[turning:].reshape(-1, 2)) ** 2)


@dataclass(frozen=True, eq=False)
class _FitProblem:
    """The distance of a sequence's PTM from `exact`, entry by entry, and its derivatives.

    Parameters: 15 angles of Pauli rotations after each of the n + 1 gates `starts`, then the
    angles arcsin √p of n × 2 collisions, which keep every p between 0 and 1.
    """

    exact: FloatArray
    starts: FloatArray

    def residual(self, parameters: FloatArray) -> FloatArray:
        total = np.eye(16)
        for factor, _ in self._factors(parameters):
            total = factor @ total
        return np.asarray((total - self.exact).ravel())

    def jacobian(self, parameters: FloatArray) -> FloatArray:
        factors = self._factors(parameters)
        before = [np.eye(16)]
        for factor, _ in factors:
            before.append(factor @ before[-1])
        after = np.eye(16)
        columns: list[tuple[int, FloatArray]] = []
        for place in range(len(factors) - 1, -1, -1):
            factor, slopes = factors[place]
            for index, slope in slopes:
                columns.append((index, (after @ slope @ before[place]).ravel()))
            after = after @ factor
        return np.array([column for _, column in sorted(columns, key=lambda item: item[0])]).T

    def _factors(
        self, parameters: FloatArray
    ) -> list[tuple[FloatArray, list[tuple[int, FloatArray]]]]:
        """Return each factor with [(parameter, derivative)], in the order of application."""
        factors: list[tuple[FloatArray, list[tuple[int, FloatArray]]]] = []
        for place, start in enumerate(self.starts):
            factors.append((start, []))
            turns = parameters[15 * place : 15 * place + 15, None, None]
            # Each generator G has G³ = −G, for a Pauli rotation turns Paulis in planes.
            rotations = np.eye(16) + np.sin(turns) * TURNS + (1 - np.cos(turns)) * TURNS_SQUARED
            slopes = TURNS @ rotations
            factors += [(rotations[k], [(15 * place + k, slopes[k])]) for k in range(15)]
            if place < len(self.starts) - 1:
                index = 15 * len(self.starts) + 2 * place
                (first, d_first), (second, d_second) = (
                    _damping_slope(angle) for angle in parameters[index : index + 2]
                )
                both: list[tuple[int, FloatArray]] = [
                    (index, _product(second, d_first)),
                    (index + 1, _product(d_second, first)),
                ]
                factors.append((_product(second, first), both))
        return factors


def _product(second: FloatArray, first: FloatArray) -> FloatArray:
    return np.asarray(np.kron(second, first), dtype=np.float64)


def _damping_slope(angle: float) -> tuple[FloatArray, FloatArray]:
    """Return damping with √p = sin(angle) as a 4×4 PTM, and its derivative."""
    c, s = math.cos(angle), math.sin(angle)
    value: FloatArray = np.diag([1.0, c, c, c * c])
    slope: FloatArray = np.diag([0.0, -s, -s, -2 * s * c])
    value[3, 0], slope[3, 0] = s * s, 2 * s * c
    return value, slope


TURNS = np.array(
    [transfer_matrix(-0.5j * (pauli @ TWO_QUBIT - TWO_QUBIT @ pauli)) for pauli in TWO_QUBIT[1:]]
)
TURNS_SQUARED = TURNS @ TURNS
"""The generators of the 15 Pauli rotations as Pauli transfer matrices, and their squares."""
