"""Gates and collisions of a triple fitted to its exact map, by Levenberg's and Marquardt's method.

‖R − R_exact‖² of the maps on the 64 Pauli means, R that of one circuit or the mean of several. A
step turns each gate inside its group, U → exp(−i Σ θ_a P_a/2) U, so that the derivatives are exact;
a collision has √p = sin(angle).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import pauli_products
from qmemcircuit.circuits.splitting import embed
from qmemcircuit.circuits.triples.ansatz import Slot, generator
from qmemcircuit.circuits.triples.sequence import (
    PARITY_PAIRS,
    TripleSequence,
    split_parity_gate,
)
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import PAULI_Z

STEPS = 150
FLAT, FLATS = 3e-4, 3
"""The fit ends after so many steps in a row that gain less than this part of the distance."""
GOOD = 1e-9
"""A distance ‖R − R_exact‖ below which nothing is left to gain."""
SOFTEST, STUCK = 1e-9, 1e9
"""Bounds of the damping of the steps; beyond the upper one no step gains."""


@dataclass(frozen=True)
class TripleFit:
    """A point of the fit: for each of n rounds the angles of three collisions, then the gates.

    Attributes: `layer`, the slots of a round; `gates` (n, slots, 8, 8); `angles` (n, 3),
    or (n, 0) for gates alone.
    """

    layer: tuple[Slot, ...]
    gates: ComplexArray
    angles: FloatArray

    def turned(self, step: FloatArray) -> TripleFit:
        """Return the point after a step: the angles' changes first, then the gates' turns."""
        angles = self.angles + step[: self.angles.size].reshape(self.angles.shape)
        gates, place = self.gates.copy(), self.angles.size
        for number in range(len(gates)):
            for index, slot in enumerate(self.layer):
                turn = step[place : place + len(slot.paulis)]
                gates[number, index] = _rotation(slot.paulis, turn) @ gates[number, index]
                place += len(slot.paulis)
        return replace(self, gates=gates, angles=angles)

    @property
    def parameters(self) -> int:
        """The length of a step."""
        return self.angles.size + len(self.gates) * sum(len(slot.paulis) for slot in self.layer)

    def sequence(self) -> TripleSequence:
        """Return the two-qubit gates; where cos(angle) < 0, a collision is damping and then a Z."""
        gates = self.gates.copy()
        for number, j in np.argwhere(np.cos(self.angles) < 0):
            index = next(k for k, slot in enumerate(self.layer) if j in slot.members)
            turn = embed(np.asarray(PAULI_Z, dtype=complex), [int(j)], 3)
            gates[number, index] = gates[number, index] @ turn
        probabilities = np.sin(self.angles) ** 2
        if len(self.layer[0].members) == 3:
            split = np.array([split_parity_gate(gate) for (gate,) in gates])
            return TripleSequence(PARITY_PAIRS, split, probabilities)
        pairs = tuple((slot.members[0], slot.members[1]) for slot in self.layer)
        small = np.array(
            [[_on_pair(g, pair) for g, pair in zip(row, pairs, strict=True)] for row in gates]
        )
        return TripleSequence(pairs, small, probabilities)


def fit_triple(start: TripleFit, exact: FloatArray) -> TripleFit:
    """Return the end of the fit of one circuit to the exact map (64, 64)."""
    return fit_mixture((start,), exact)[0]


def fit_mixture(starts: Sequence[TripleFit], exact: FloatArray) -> tuple[TripleFit, ...]:
    """Return the end of the fit of the mean of several circuits; Nielsen's rule for the damping."""
    now = tuple(starts)
    found, slopes = _mean_linearised(now)
    missed = (found - exact).ravel()
    distance, damping, growth, flat = missed @ missed, 1e-3, 2.0, 0
    for _ in range(STEPS):
        if distance < GOOD**2 or flat == FLATS:
            break
        curvature, slope = slopes @ slopes.T, slopes @ missed
        while True:
            step = -np.linalg.solve(curvature + damping * np.eye(len(slope)), slope)
            candidate = _turned(now, np.asarray(step))
            mean = np.mean([_map(point) for point in candidate], axis=0)
            reached = (mean - exact).ravel()
            gain = distance - reached @ reached
            if gain > 0:
                break
            damping, growth = damping * growth, 2 * growth
            if damping > STUCK:
                return now
        quality = min(float(gain / (step @ (damping * step - slope))), 1.0)
        damping = max(damping * max(0.2, 1 - (2 * quality - 1) ** 3), SOFTEST)
        growth = 2.0
        flat = flat + 1 if gain < FLAT * distance else 0
        now, distance = candidate, distance - gain
        found, slopes = _mean_linearised(now)
        missed = (found - exact).ravel()
    return now


def _turned(points: Sequence[TripleFit], step: FloatArray) -> tuple[TripleFit, ...]:
    steps = np.split(step, len(points))  # all have the same parameters
    return tuple(point.turned(part) for point, part in zip(points, steps, strict=True))


def _mean_linearised(points: Sequence[TripleFit]) -> tuple[FloatArray, FloatArray]:
    """Return the mean of the maps, and its derivatives by the parameters of each in turn."""
    maps, slopes = zip(*(_linearised(point) for point in points), strict=True)
    return np.mean(maps, axis=0), np.concatenate(slopes) / len(points)


def gate_map(gate: ComplexArray) -> FloatArray:
    """Return what an 8×8 gate does to the means: `unitary_map` as one product, ten times faster."""
    basis = pauli_products(3)
    after = gate @ basis @ gate.conj().T
    return np.asarray((basis.conj().reshape(64, 64) @ after.reshape(64, 64).T).real / 8)


def _rotation(paulis: tuple[int, ...], turn: FloatArray) -> ComplexArray:
    energies, vectors = np.linalg.eigh(
        0.5 * np.tensordot(turn, pauli_products(3)[list(paulis)], axes=1)
    )
    return np.asarray((vectors * np.exp(-1j * energies)) @ vectors.conj().T)


def _on_pair(gate: ComplexArray, pair: tuple[int, int]) -> ComplexArray:
    """Return the 4×4 gate that `embed` put on a pair: its block where the third is in |0>."""
    first, second = pair
    places = [(k & 1) << first | (k >> 1) << second for k in range(4)]
    return np.asarray(gate[np.ix_(places, places)])


def _damped(angle: float) -> tuple[FloatArray, FloatArray]:
    """Return damping with √p = sin(angle), 4×4, and its derivative."""
    c, s = np.cos(angle), np.sin(angle)
    value, slope = np.diag([1.0, c, c, c * c]), np.diag([0.0, -s, -s, -2 * s * c])
    value[3, 0], slope[3, 0] = s * s, 2 * s * c
    return value, slope


def _wide(single: FloatArray, j: int) -> FloatArray:
    return np.asarray(np.kron(np.eye(4 ** (2 - j)), np.kron(single, np.eye(4**j))))


def _factors(point: TripleFit) -> list[FloatArray]:
    """Return the maps of all collisions and gates in the order of application."""
    found = []
    for row, gates in zip(point.angles, point.gates, strict=True):
        found += [_wide(_damped(angle)[0], j) for j, angle in enumerate(row)]
        found += [gate_map(gate) for gate in gates]
    return found


def _map(point: TripleFit) -> FloatArray:
    total = np.eye(64)
    for factor in _factors(point):
        total = factor @ total
    return total


def _linearised(point: TripleFit) -> tuple[FloatArray, FloatArray]:
    """Return R and its derivatives (parameters, 64²), in the order of a step."""
    factors = _factors(point)
    before = [np.eye(64)]
    for factor in factors:
        before.append(factor @ before[-1])
    after, (rounds, colliding) = np.eye(64), point.angles.shape
    by_angle, by_turn = np.empty((rounds, colliding, 4096)), []
    place = len(factors)
    for number in reversed(range(rounds)):
        for slot in reversed(point.layer):
            place -= 1
            pieces = [generator(pauli) for pauli in slot.paulis]
            turned = np.concatenate([after[:, rows] * signs for rows, signs in pieces])
            by_turn.append((turned @ before[place + 1]).reshape(len(pieces), -1))
            after = after @ factors[place]
        for j in reversed(range(colliding)):
            place -= 1
            slope = _wide(_damped(point.angles[number, j])[1], j)
            by_angle[number, j] = (after @ (slope @ before[place])).ravel()
            after = after @ factors[place]
    return before[-1], np.concatenate([by_angle.reshape(-1, 4096), *reversed(by_turn)])
