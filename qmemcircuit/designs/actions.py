"""What acts in a step of a solution: a bath, a drive, coherent evolution, each with its tangents.

Every action has the maps of all steps at once, (n, 4^k, 4^k) on its k memristors, their derivative
with respect to one parameter (`tangent`), and that derivative contracted with an adjoint
(`contract`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import PAIRS, PAULIS, evolution_maps
from qmemcircuit.circuits.collision import bath_probabilities
from qmemcircuit.circuits.splitting import (
    Coherent,
    Damping,
    Free,
    Interaction,
    Part,
    Rotation,
    drive_angles,
    pair_hamiltonian,
)
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import IDENTITY, PAULI_Z
from qmemcircuit.designs.parameters import Tangent
from qmemcircuit.model.drives import constant_number
from qmemcircuit.model.memristors import Memristor, Network


@dataclass(frozen=True)
class Steps:
    """The steps of a model: step k runs from `starts[k]` to `stops[k]`."""

    network: Network
    starts: FloatArray
    stops: FloatArray

    @classmethod
    def to(cls, network: Network, times: FloatArray) -> Steps:
        """Return the steps that `times` bound, the first one from 0."""
        return cls(network, np.concatenate([[0.0], times[:-1]]), times)

    @cached_property
    def _known(self) -> dict[tuple[Any, ...], Any]:
        return {}

    def remembered(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Return what was computed under this key before, or compute it."""
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]


@dataclass(frozen=True)
class BathAction:
    """Damping of one memristor over a share of every step."""

    memristor: int
    first: float
    last: float
    integrals: FloatArray
    durations: FloatArray
    sign: FloatArray
    maps: FloatArray

    @property
    def members(self) -> tuple[int, ...]:
        """The memristors that it acts on."""
        return (self.memristor,)

    def _changes(
        self, steps: Steps, tangent: Tangent
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Return the derivatives of what X and Y shrink by, of what Z does, and of its offset."""
        j, item = self.memristor, steps.network.memristors[self.memristor]
        factor, shrunk, kept = (
            warmth(item),
            self.maps[:, 1, 1],
            self.maps[:, 3, 3],
        )
        begin = steps.starts + self.first * (steps.stops - steps.starts)
        end = steps.starts + self.last * (steps.stops - steps.starts)
        integral: FloatArray | float = 0.0  # of Γ(2n̄ + 1)
        other: FloatArray | float = 0.0  # of Γφ over the duration
        moves = False
        if j in tangent.rates:
            moves, integral = True, factor * tangent.rates[j].integral(begin, end)
        if j in tangent.dephasings:
            moves, other = True, tangent.dephasings[j] * self.durations
        if j in tangent.occupations:
            moves, integral = True, integral + 2 * tangent.occupations[j] * self.integrals
        if tangent.time_scale:
            moves = True
            gained = end * item.decay_rate(end) - begin * item.decay_rate(begin)
            integral = integral + factor * tangent.time_scale * gained
            other = (
                other
                + constant_number("dephasing", item.dephasing) * tangent.time_scale * self.durations
            )
        if not moves:
            return None
        less = -kept * integral
        offset = -less / factor
        if j in tangent.occupations:
            offset = offset - (1 - kept) * 2 * tangent.occupations[j] / factor**2
        return (
            np.asarray(-shrunk * (0.5 * integral + other)),
            np.asarray(less),
            np.asarray(offset),
        )

    def contract(self, steps: Steps, tangent: Tangent, adjoint: FloatArray) -> float:
        """Return the derivative of the number that `adjoint` belongs to, (n, 4^k, 4^k)."""
        changes = steps.remembered((id(self), tangent), lambda: self._changes(steps, tangent))
        if changes is None:
            return 0.0
        shrunk, kept, offset = changes
        total = shrunk @ (adjoint[:, 1, 1] + adjoint[:, 2, 2])
        return float(total + kept @ adjoint[:, 3, 3] + offset @ adjoint[:, 3, 0])

    def tangent(self, steps: Steps, tangent: Tangent) -> FloatArray | None:
        """Return the derivative of the maps with respect to one parameter; None for 0."""
        changes = self._changes(steps, tangent)
        if changes is None:
            return None
        found = np.zeros_like(self.maps)
        found[:, 1, 1] = found[:, 2, 2] = changes[0]
        found[:, 3, 3], found[:, 3, 0] = changes[1:]
        return found


@dataclass(frozen=True)
class DriveAction:
    """What a drive does to one memristor over a share of every step: a turn about its axis."""

    memristor: int
    first: float
    last: float
    generator: FloatArray
    maps: FloatArray

    @property
    def members(self) -> tuple[int, ...]:
        """The memristors that it acts on."""
        return (self.memristor,)

    def _moved(self, steps: Steps, tangent: Tangent) -> FloatArray | None:
        """Return the derivative of every step's angle ∫Ω."""
        lengths = steps.stops - steps.starts
        begin, end = (steps.starts + share * lengths for share in (self.first, self.last))
        item, found = steps.network.memristors[self.memristor], None
        if self.memristor in tangent.drives:
            found = tangent.drives[self.memristor].integral(begin, end)
        if tangent.time_scale:
            gained = end * item.drive_amplitude(end) - begin * item.drive_amplitude(begin)
            found = tangent.time_scale * gained + (0.0 if found is None else found)
        return found

    def contract(self, steps: Steps, tangent: Tangent, adjoint: FloatArray) -> float:
        """Return the derivative of the number that `adjoint` belongs to, (n, 4^k, 4^k)."""
        moved = self._moved(steps, tangent)
        if moved is None:
            return 0.0
        return float(moved @ np.sum(adjoint * (self.generator @ self.maps), axis=(1, 2)))

    def tangent(self, steps: Steps, tangent: Tangent) -> FloatArray | None:
        """Return the derivative of the maps with respect to one parameter; None for 0."""
        moved = self._moved(steps, tangent)
        if moved is None:
            return None
        return np.asarray(moved[:, None, None] * (self.generator @ self.maps))


@dataclass(frozen=True)
class TurnAction:
    """Coherent evolution exp(−iH dt) over a share of every step."""

    members: tuple[int, ...]
    hamiltonian: ComplexArray
    share: float
    coupling: int | None
    with_free: bool
    durations: FloatArray
    maps: FloatArray

    def _move(self, network: Network, tangent: Tangent) -> ComplexArray | None:
        """Return dH of this evolution, or None."""
        found: ComplexArray | None = None
        if self.with_free:
            for place, j in enumerate(self.members):
                if j in tangent.omegas:
                    turning = np.asarray(-0.5 * tangent.omegas[j] * PAULI_Z, dtype=complex)
                    if len(self.members) == 2:
                        factors = (turning, IDENTITY) if place == 0 else (IDENTITY, turning)
                        turning = np.asarray(np.kron(factors[1], factors[0]))
                    found = turning if found is None else found + turning
        for k, matrix in tangent.hamiltonians.items():
            pair = network.couplings[k][0]
            if self.coupling == k:
                found = matrix if found is None else found + matrix
            elif self.coupling is None and set(pair) == set(self.members):
                turned = matrix if pair == self.members else _swapped(matrix)
                found = turned if found is None else found + turned
        return found

    @cached_property
    def _waves(self) -> tuple[FloatArray, ComplexArray, ComplexArray]:
        """Return energies, eigenvectors and exp(−iE dt), (n, d)."""
        energies, vectors = np.linalg.eigh(self.hamiltonian)
        return energies, vectors, np.exp(-1j * np.multiply.outer(self.durations, energies))

    def _unitary_tangents(self, network: Network, tangent: Tangent) -> ComplexArray | None:
        """Return dU of every step in H's eigenbasis, (n, d, d)."""
        energies, _, waves = self._waves
        moved = self._move(network, tangent)
        found: ComplexArray | None = None
        if moved is not None:
            _, vectors, _ = self._waves
            gaps = energies[:, None] - energies[None]
            near = np.abs(gaps) < 1e-9 * max(1.0, float(np.abs(energies).max()))
            # Duhamel's formula: divided differences of exp(−iE dt).
            apart = (waves[:, :, None] - waves[:, None, :]) / np.where(near, 1.0, gaps)
            same = -1j * self.durations[:, None, None] * waves[:, :, None]
            found = np.where(near, same, apart) * (vectors.conj().T @ moved @ vectors)
        if tangent.time_scale:
            speeds = -1j * tangent.time_scale * energies * self.durations[:, None] * waves
            turned = speeds[:, :, None] * np.eye(len(energies))
            found = turned if found is None else found + turned
        return found

    @cached_property
    def _operators(self) -> ComplexArray:
        """Return the Pauli operators in H's eigenbasis, (4^k, d, d)."""
        _, vectors, _ = self._waves
        paulis = PAULIS if len(self.members) == 1 else PAIRS
        return np.asarray(vectors.conj().T @ paulis @ vectors)

    def contract(self, steps: Steps, tangent: Tangent, adjoint: FloatArray) -> float:
        """Return the derivative of the number that `adjoint` belongs to, (n, 4^k, 4^k)."""
        moved = self._unitary_tangents(steps.network, tangent)
        if moved is None:
            return 0.0
        return float(np.sum(self._weights(adjoint) * moved).real)

    def _weights(self, adjoint: FloatArray) -> ComplexArray:
        """Return W with d = Re Σ W·dU: M_ab = Tr(P_a U P_b U†)/d."""
        count, size, dimension = len(adjoint), adjoint.shape[1], len(self.hamiltonian)
        flat = self._operators.reshape(size, -1)
        # Σ_ab Λ_ab (P_b U†)_ji (P_a)_ik, U† diagonal here.
        joint = (adjoint.swapaxes(1, 2).reshape(-1, size) @ flat).reshape(count, size, -1)
        joint = np.einsum("nbx,by->nyx", joint, flat).reshape(count, *(dimension,) * 4)
        waves = self._waves[2].conj()
        # [j, m, m', i] = Σ (P_b)_jm (P_a)_m'i; between them U†_m m' is diagonal.
        return np.asarray(2 / dimension * np.einsum("njmmi,nm->nij", joint, waves))

    def tangent(self, steps: Steps, tangent: Tangent) -> FloatArray | None:
        """Return the derivative of the maps with respect to one parameter; None for 0."""
        moved = self._unitary_tangents(steps.network, tangent)
        if moved is None:
            return None
        basis, waves = self._operators, self._waves[2].conj()
        after = np.einsum("nij,bjk,nk->nbik", moved, basis, waves)
        found = np.einsum("aki,nbik->nab", basis, after).real
        return np.asarray(2 / len(self.hamiltonian) * found)


Action = BathAction | DriveAction | TurnAction


def warmth(item: Memristor) -> float:
    """Return 2n̄ + 1."""
    return 2 * constant_number("occupation", item.occupation) + 1


def make_action(part: Part, steps: Steps) -> Action:
    """Return one part of the splitting in every step."""
    network, starts, stops = steps.network, steps.starts, steps.stops
    lengths = stops - starts
    match part:
        case Damping(j, first, last):
            return _bath(
                network.memristors[j],
                j,
                (first, last),
                starts + first * lengths,
                starts + last * lengths,
            )
        case Free(j, share):
            turning = np.asarray(-0.5 * network.memristors[j].omega * PAULI_Z, dtype=complex)
            return _turn((j,), turning, share, None, with_free=True, lengths=lengths)
        case Interaction(index, share):
            pair, coupling = network.couplings[index]
            return _turn(
                pair, coupling.hamiltonian(), share, index, with_free=False, lengths=lengths
            )
        case Coherent(pair, share):
            total = pair_hamiltonian(network, pair)
            return _turn(pair, total, share, None, with_free=True, lengths=lengths)
        case Rotation(j, first, last):
            item = network.memristors[j]
            assert item.drive is not None
            operator = item.drive.operator
            begin, end = starts + first * lengths, starts + last * lengths
            maps = evolution_maps(operator, drive_angles(item, begin, end))
            # d/dθ of exp(−iσθ) ρ exp(iσθ) is −i[σ, ρ] of it.
            turned = -1j * (operator @ PAULIS - PAULIS @ operator)
            generator = np.einsum("aij,bji->ab", PAULIS, turned).real / 2
            return DriveAction(j, first, last, generator, maps)


def _turn(
    members: tuple[int, ...],
    hamiltonian: ComplexArray,
    share: float,
    coupling: int | None,
    *,
    with_free: bool,
    lengths: FloatArray,
) -> TurnAction:
    durations = share * lengths
    maps = evolution_maps(hamiltonian, durations)
    return TurnAction(members, hamiltonian, share, coupling, with_free, durations, maps)


def _bath(
    item: Memristor, j: int, shares: tuple[float, float], begin: FloatArray, end: FloatArray
) -> BathAction:
    bath_probabilities(item, begin, end)  # says where a rate is no rate
    integrals, durations = item.decay_integral(begin, end), end - begin
    sign = item.coherence_sign(begin, end)
    factor, loss = warmth(item), constant_number("dephasing", item.dephasing)
    maps = np.zeros((len(begin), 4, 4))
    maps[:, 0, 0] = 1
    kept = np.exp(-factor * integrals)
    maps[:, 1, 1] = maps[:, 2, 2] = sign * np.sqrt(kept) * np.exp(-loss * durations)
    maps[:, 3, 3], maps[:, 3, 0] = kept, (1 - kept) / factor
    return BathAction(j, *shares, integrals, durations, sign, maps)


def act(maps: FloatArray, members: tuple[int, ...], columns: FloatArray) -> FloatArray:
    """Apply maps (n, 4^k, 4^k) on memristors to means (n, 4^M) or matrices (n, 4^M, D)."""
    shape = columns.shape
    digits = (int(shape[1]).bit_length() - 1) // 2
    tensor = columns.reshape(shape[0], *(4,) * digits, -1)
    # Memristor j is axis digits − j; of a pair, the first one is the less significant digit.
    axes = [digits - j for j in reversed(members)]
    front = range(1, 1 + len(members))
    moved = np.moveaxis(tensor, axes, front)
    done = np.matmul(maps, moved.reshape(shape[0], maps.shape[1], -1)).reshape(moved.shape)
    return np.asarray(np.moveaxis(done, front, axes).reshape(shape))


def local_products(after: FloatArray, before: FloatArray, members: tuple[int, ...]) -> FloatArray:
    """Return Σ over all others' digits of after ⊗ before, (n, 4^k, 4^k)."""
    count, size = after.shape
    digits = (int(size).bit_length() - 1) // 2
    axes = [digits - j for j in reversed(members)]
    front = range(1, 1 + len(members))
    parts = [
        np.moveaxis(x.reshape(count, *(4,) * digits), axes, front).reshape(
            count, 4 ** len(members), -1
        )
        for x in (after, before)
    ]
    return np.asarray(parts[0] @ parts[1].swapaxes(1, 2))


def _swapped(matrix: ComplexArray) -> ComplexArray:
    return np.asarray(matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4))
