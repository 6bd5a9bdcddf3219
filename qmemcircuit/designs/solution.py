"""A model propagated through its steps, with what is needed to differentiate it either way.

The same parts in the same order as `exact_circuit` applies (`step_parts`), every step's maps made
at once. Backwards (`pull_back`): from the derivatives of one number with respect to all means,
voltages and currents, one pass gives those with respect to everything that the steps are made of.
Forwards (`push_forward`): from one parameter's tangent, those of all means.
"""

# More than 400 lines: one pass through the steps, forwards and back, and what acts in a step.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from qmemcircuit.circuits.collision import bath_probabilities
from qmemcircuit.circuits.pauli_maps import PAIRS, PAULIS, evolution_maps, pauli_means
from qmemcircuit.circuits.splitting import (
    Coherent,
    Damping,
    Free,
    Interaction,
    Part,
    Rotation,
    Splitting,
    drive_angles,
    pair_hamiltonian,
    step_parts,
)
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.states import IDENTITY, PAULI_Z
from qmemcircuit.designs.parameters import Tangent
from qmemcircuit.model.couplings import PAPER_SIGMA
from qmemcircuit.model.drives import constant_number
from qmemcircuit.model.memristors import Memristor, Network
from qmemcircuit.results.observables import interaction_terms

LARGEST_NETWORK = 3
"""Memristors of which every step is kept as one matrix."""


@dataclass
class Seeds:
    """Derivatives of one number with respect to what is read off a solution; None is 0.

    Attributes:
        means: with respect to the Pauli means, (T, 4^M).
        voltage, current: (T, M) each.
        decay: with respect to ∫Γ_j over the first period of memristor j.
        hamiltonians: with respect to coupling k's H/ħ: d = Re Σ conj(entry)·dH.
    """

    means: FloatArray | None = None
    voltage: FloatArray | None = None
    current: FloatArray | None = None
    decay: dict[int, float] = field(default_factory=dict)
    hamiltonians: dict[int, ComplexArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Solution:
    """The exact states of a model at `times`, its steps bounded by them.

    Attributes:
        network, times, splitting: as in `exact_circuit`.
        means: Tr(Pρ) at each time, (T, 4^M).
    """

    network: Network
    times: FloatArray
    splitting: Splitting
    actions: tuple[_Bath | _Turn | _Rotation, ...]
    totals: FloatArray
    before: FloatArray
    means: FloatArray

    @cached_property
    def voltage(self) -> FloatArray:
        """V, (T, M)."""
        scales = np.array([item.current_scale for item in self.network.memristors])
        return np.asarray(0.5 * scales * self.means[:, self._sigma_places])

    @cached_property
    def current(self) -> FloatArray:
        """I, (T, M)."""
        found = self._conductance * self.voltage
        for j, item in enumerate(self.network.memristors):
            for pair, operator in interaction_terms(self.network, j):
                reduced = self.means[:, pair_places(pair)]
                found[:, j] += item.current_scale * (reduced @ _coefficients(operator))
            if item.drive is not None:
                found[:, j] += item.drive_amplitude(self.times) * (self.means @ self._sources[j])
        return np.asarray(found)

    @cached_property
    def _sources(self) -> dict[int, FloatArray]:
        """Return c of each driven memristor: its source's own current is Ω(t) c·means."""
        found = {}
        for j, item in enumerate(self.network.memristors):
            if item.drive is not None:
                weights = np.einsum("pij,ji->p", PAULIS, item.drive.source).real / 2
                found[j] = np.zeros(self.means.shape[1])
                found[j][[letter * 4**j for letter in range(4)]] = item.current_scale * weights
        return found

    @cached_property
    def _conductance(self) -> FloatArray:
        members = self.network.memristors
        return np.stack([item.conductance(self.times) for item in members], axis=1)

    @property
    def _sigma_places(self) -> list[int]:
        return [2 * 4**j for j in range(len(self.network.memristors))]

    @cached_property
    def _known(self) -> dict[tuple[Any, ...], Any]:
        return {}

    def remembered(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Return what was computed under this key before, or compute it.

        The quantities of one search ask for the same polygon, and along the same tangents.
        """
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    @cached_property
    def starts(self) -> FloatArray:
        """Return when each step begins."""
        return np.concatenate([[0.0], self.times[:-1]])

    def pull_back(self, seeds: Seeds) -> Adjoint:
        """Return the derivatives with respect to what the steps and readings are made of."""
        count, size = self.means.shape
        adjoint = Adjoint(self, np.zeros(size), [], seeds)
        if seeds.means is seeds.voltage is seeds.current is None:
            return adjoint  # no state was read
        means = np.zeros((count, size)) if seeds.means is None else seeds.means.copy()
        voltage = np.zeros_like(self.voltage) if seeds.voltage is None else seeds.voltage.copy()
        if seeds.current is not None:
            voltage += self._conductance * seeds.current
            for j, item in enumerate(self.network.memristors):
                for pair, operator in interaction_terms(self.network, j):
                    weights = item.current_scale * _coefficients(operator)
                    means[:, pair_places(pair)] += np.outer(seeds.current[:, j], weights)
                if item.drive is not None:
                    pulled = seeds.current[:, j] * item.drive_amplitude(self.times)
                    means += np.outer(pulled, self._sources[j])
        for j, item in enumerate(self.network.memristors):
            means[:, 2 * 4**j] += 0.5 * item.current_scale * voltage[:, j]
        after = np.empty((count, size))
        carried = np.zeros(size)
        for k in range(count - 1, -1, -1):
            after[k] = carried = means[k] + carried
            carried = carried @ self.totals[k]
        adjoint.initial = carried
        states = [self.before]
        for action in self.actions[:-1]:
            states.append(act(action.maps, action.members, states[-1]))
        for action, state in zip(reversed(self.actions), reversed(states), strict=True):
            adjoint.maps.append(_local_products(after, state, action.members))
            after = act(action.maps.swapaxes(1, 2), action.members, after)
        adjoint.maps.reverse()
        return adjoint

    def push_forward(self, tangent: Tangent) -> FloatArray:
        """Return the derivative of all means with respect to one parameter, (T, 4^M)."""
        moved: FloatArray = np.zeros_like(self.before)
        state = self.before
        for action in self.actions:
            moved = act(action.maps, action.members, moved)
            change = action.tangent(self, tangent)
            if change is not None:
                moved = moved + act(change, action.members, state)
            state = act(action.maps, action.members, state)
        found = np.empty_like(self.means)
        carried = np.zeros(self.means.shape[1]) if tangent.initial is None else tangent.initial
        for k in range(len(self.times)):
            found[k] = carried = self.totals[k] @ carried + moved[k]
        return found

    def read_forward(self, tangent: Tangent, means: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of V and I, (T, M) each, from that of the means."""
        conductance = self._conductance_tangent(tangent)
        scales = np.array([item.current_scale for item in self.network.memristors])
        voltage = 0.5 * scales * means[:, self._sigma_places]
        grown = np.zeros(len(scales))  # d log √(mħω/2)
        for j, rate in tangent.omegas.items():
            grown[j] = 0.5 * rate / self.network.memristors[j].omega
        voltage = voltage + grown * self.voltage
        interaction = self.current - self._conductance * self.voltage
        current = self._conductance * voltage + conductance * self.voltage + grown * interaction
        for j, scale in enumerate(scales):
            for pair, operator in interaction_terms(self.network, j):
                reduced = means[:, pair_places(pair)]
                current[:, j] += scale * (reduced @ _coefficients(operator))
            for pair, operator in interaction_tangents(self.network, j, tangent):
                reduced = self.means[:, pair_places(pair)]
                current[:, j] += scale * (reduced @ _coefficients(operator))
            item = self.network.memristors[j]
            if item.drive is not None:
                current[:, j] += item.drive_amplitude(self.times) * (means @ self._sources[j])
        return voltage, current + self.source_tangent(tangent)

    def source_tangent(self, tangent: Tangent) -> FloatArray:
        """Return what the sources' own currents gain at the states as they are, (T, M)."""
        found = np.zeros_like(self.voltage)
        for j, weights in self._sources.items():
            item, amplitude = self.network.memristors[j], np.zeros(len(self.times))
            if j in tangent.drives:
                amplitude = amplitude + tangent.drives[j].value(self.times)
            if tangent.time_scale:
                slope = _slope(item.drive_amplitude, item.period, self.times)
                amplitude = amplitude + tangent.time_scale * self.times * slope
            found[:, j] = amplitude * (self.means @ weights)
        return found

    def _conductance_tangent(self, tangent: Tangent) -> FloatArray:
        found = np.zeros_like(self.voltage)
        for j, item in enumerate(self.network.memristors):
            if j in tangent.rates:
                found[:, j] += _warmth(item) * tangent.rates[j].value(self.times)
            if j in tangent.occupations:
                found[:, j] += 2 * tangent.occupations[j] * item.decay_rate(self.times)
            found[:, j] += 2 * tangent.dephasings.get(j, 0.0)
            if tangent.time_scale:
                slope = _warmth(item) * rate_slope(item, self.times)
                found[:, j] += tangent.time_scale * self.times * slope
        return found


@dataclass
class Adjoint:
    """Derivatives of one number with respect to what a solution is made of."""

    solution: Solution
    initial: FloatArray
    maps: list[FloatArray]
    seeds: Seeds

    def along(self, tangent: Tangent) -> float:
        """Return the derivative with respect to one parameter."""
        solution, seeds = self.solution, self.seeds
        total = 0.0 if tangent.initial is None else float(self.initial @ tangent.initial)
        for action, maps in zip(solution.actions, self.maps, strict=False):  # none, or all
            total += action.contract(solution, tangent, maps)
        members = solution.network.memristors
        for j, weight in seeds.decay.items():
            if j in tangent.rates:
                ends = np.array([0.0]), np.array([members[j].period])
                total += weight * float(tangent.rates[j].integral(*ends)[0])
            if j in tangent.omegas:  # the period is shorter
                end = members[j].period
                rate = float(members[j].decay_rate(end))
                total -= weight * rate * tangent.omegas[j] * end / members[j].omega
        for k, matrix in seeds.hamiltonians.items():
            if k in tangent.hamiltonians:
                total += float(np.sum(matrix.conj() * tangent.hamiltonians[k]).real)
        if seeds.current is not None:
            readings = solution.remembered(
                ("current", tangent), lambda: self._current_readings(tangent)
            )
            total += float(np.sum(readings * seeds.current))
        for j, rate in tangent.omegas.items():
            grown = 0.5 * rate / members[j].omega
            if seeds.voltage is not None:
                total += grown * float(seeds.voltage[:, j] @ solution.voltage[:, j])
            if seeds.current is not None:
                total += grown * float(seeds.current[:, j] @ solution.current[:, j])
        return total

    def _current_readings(self, tangent: Tangent) -> FloatArray:
        """Return what the currents gain at the states as they are."""
        solution = self.solution
        found = solution._conductance_tangent(tangent) * solution.voltage
        for j, item in enumerate(solution.network.memristors):
            for pair, operator in interaction_tangents(solution.network, j, tangent):
                reduced = solution.means[:, pair_places(pair)]
                found[:, j] += item.current_scale * (reduced @ _coefficients(operator))
        return np.asarray(found + solution.source_tangent(tangent))


def solve(network: Network, times: FloatArray, splitting: Splitting) -> Solution:
    """Return the exact states at `times`, with all steps kept.

    Raises ValueError for more than three memristors, `compiled` circuits, and as `exact_circuit`.
    """
    count = len(network.memristors)
    if count > LARGEST_NETWORK:
        raise ValueError(
            f"Argument model must have at most {LARGEST_NETWORK} memristors to be differentiated, "
            f"but it has {count}; differentiate a part of it, or take differences."
        )
    starts = np.concatenate([[0.0], times[:-1]])
    actions = tuple(
        _action(network, part, starts, times) for part in step_parts(network, splitting)
    )
    size = 4**count
    totals: FloatArray = np.broadcast_to(np.eye(size), (len(times), size, size))
    for action in actions:
        totals = act(action.maps, action.members, totals)
    before = np.empty((len(times) + 1, size))
    before[0] = pauli_means(network.initial_state)
    for k, total in enumerate(totals):
        before[k + 1] = total @ before[k]
    return Solution(network, times, splitting, actions, totals, before[:-1], before[1:])


# --- what acts in a step ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Bath:
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
        return (self.memristor,)

    def _changes(
        self, solution: Solution, tangent: Tangent
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Return the derivatives of what X and Y shrink by, of what Z does, and of its offset."""
        j, item = self.memristor, solution.network.memristors[self.memristor]
        factor, shrunk, kept = (
            _warmth(item),
            self.maps[:, 1, 1],
            self.maps[:, 3, 3],
        )
        begin = solution.starts + self.first * (solution.times - solution.starts)
        end = solution.starts + self.last * (solution.times - solution.starts)
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

    def contract(self, solution: Solution, tangent: Tangent, adjoint: FloatArray) -> float:
        changes = solution.remembered((id(self), tangent), lambda: self._changes(solution, tangent))
        if changes is None:
            return 0.0
        shrunk, kept, offset = changes
        total = shrunk @ (adjoint[:, 1, 1] + adjoint[:, 2, 2])
        return float(total + kept @ adjoint[:, 3, 3] + offset @ adjoint[:, 3, 0])

    def tangent(self, solution: Solution, tangent: Tangent) -> FloatArray | None:
        changes = self._changes(solution, tangent)
        if changes is None:
            return None
        found = np.zeros_like(self.maps)
        found[:, 1, 1] = found[:, 2, 2] = changes[0]
        found[:, 3, 3], found[:, 3, 0] = changes[1:]
        return found


@dataclass(frozen=True)
class _Rotation:
    """What a drive does to one memristor over a share of every step: a turn about its axis."""

    memristor: int
    first: float
    last: float
    generator: FloatArray
    maps: FloatArray

    @property
    def members(self) -> tuple[int, ...]:
        return (self.memristor,)

    def _moved(self, solution: Solution, tangent: Tangent) -> FloatArray | None:
        """Return the derivative of every step's angle ∫Ω."""
        lengths = solution.times - solution.starts
        begin, end = (solution.starts + share * lengths for share in (self.first, self.last))
        item, found = solution.network.memristors[self.memristor], None
        if self.memristor in tangent.drives:
            found = tangent.drives[self.memristor].integral(begin, end)
        if tangent.time_scale:
            gained = end * item.drive_amplitude(end) - begin * item.drive_amplitude(begin)
            found = tangent.time_scale * gained + (0.0 if found is None else found)
        return found

    def contract(self, solution: Solution, tangent: Tangent, adjoint: FloatArray) -> float:
        moved = self._moved(solution, tangent)
        if moved is None:
            return 0.0
        return float(moved @ np.sum(adjoint * (self.generator @ self.maps), axis=(1, 2)))

    def tangent(self, solution: Solution, tangent: Tangent) -> FloatArray | None:
        moved = self._moved(solution, tangent)
        if moved is None:
            return None
        return np.asarray(moved[:, None, None] * (self.generator @ self.maps))


@dataclass(frozen=True)
class _Turn:
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

    def contract(self, solution: Solution, tangent: Tangent, adjoint: FloatArray) -> float:
        moved = self._unitary_tangents(solution.network, tangent)
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

    def tangent(self, solution: Solution, tangent: Tangent) -> FloatArray | None:
        moved = self._unitary_tangents(solution.network, tangent)
        if moved is None:
            return None
        basis, waves = self._operators, self._waves[2].conj()
        after = np.einsum("nij,bjk,nk->nbik", moved, basis, waves)
        found = np.einsum("aki,nbik->nab", basis, after).real
        return np.asarray(2 / len(self.hamiltonian) * found)


def _warmth(item: Memristor) -> float:
    """Return 2n̄ + 1."""
    return 2 * constant_number("occupation", item.occupation) + 1


def _action(
    network: Network, part: Part, starts: FloatArray, stops: FloatArray
) -> _Bath | _Turn | _Rotation:
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
            return _Rotation(j, first, last, generator, maps)


def _turn(
    members: tuple[int, ...],
    hamiltonian: ComplexArray,
    share: float,
    coupling: int | None,
    *,
    with_free: bool,
    lengths: FloatArray,
) -> _Turn:
    durations = share * lengths
    maps = evolution_maps(hamiltonian, durations)
    return _Turn(members, hamiltonian, share, coupling, with_free, durations, maps)


def _bath(
    item: Memristor, j: int, shares: tuple[float, float], begin: FloatArray, end: FloatArray
) -> _Bath:
    bath_probabilities(item, begin, end)  # says where a rate is no rate
    integrals, durations = item.decay_integral(begin, end), end - begin
    sign = item.coherence_sign(begin, end)
    factor, loss = _warmth(item), constant_number("dephasing", item.dephasing)
    maps = np.zeros((len(begin), 4, 4))
    maps[:, 0, 0] = 1
    kept = np.exp(-factor * integrals)
    maps[:, 1, 1] = maps[:, 2, 2] = sign * np.sqrt(kept) * np.exp(-loss * durations)
    maps[:, 3, 3], maps[:, 3, 0] = kept, (1 - kept) / factor
    return _Bath(j, *shares, integrals, durations, sign, maps)


# --- small helpers ------------------------------------------------------------------------------


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


def _local_products(after: FloatArray, before: FloatArray, members: tuple[int, ...]) -> FloatArray:
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


def pair_places(pair: tuple[int, int]) -> list[int]:
    """Return where the 16 means of a pair stand among all, pair[0] the less significant digit."""
    return [low * 4 ** pair[0] + high * 4 ** pair[1] for high in range(4) for low in range(4)]


def _coefficients(operator: ComplexArray) -> FloatArray:
    """Return c with <O> = c·(means of the pair)."""
    return np.asarray(np.einsum("pij,ji->p", PAIRS, operator).real / 4)


def interaction_tangents(
    network: Network, memristor: int, tangent: Tangent
) -> list[tuple[tuple[int, int], ComplexArray]]:
    """Return `interaction_terms` of the Hamiltonians' derivatives."""
    if not tangent.hamiltonians:
        return []
    found = []
    for k, matrix in tangent.hamiltonians.items():
        pair = network.couplings[k][0]
        if memristor in pair:
            one, sigma = np.eye(2), PAPER_SIGMA["y"]
            low, high = (sigma, one) if pair[0] == memristor else (one, sigma)
            operator = np.kron(high, low)
            found.append((pair, 1j * (matrix @ operator - operator @ matrix)))
    return found


def rate_slope(memristor: Memristor, times: FloatArray) -> FloatArray:
    """Return dΓ/dt, see `_slope`."""
    return _slope(memristor.decay_rate, memristor.period, times)


def _slope(
    function: Callable[[FloatArray], FloatArray], period: float, times: FloatArray
) -> FloatArray:
    """Return the slope by fourth-order differences of 1e-4 periods, one-sided near t = 0."""
    step = 1e-4 * period
    inner = (-2, -1, 1, 2), (1 / 12, -2 / 3, 2 / 3, -1 / 12)
    edge = (0, 1, 2, 3, 4), (-25 / 12, 4.0, -3.0, 4 / 3, -0.25)
    found = np.empty(len(times))
    for near, (nodes, weights) in ((False, inner), (True, edge)):
        chosen = (times < 2 * step) == near
        places = times[chosen, None] + step * np.array(nodes)
        found[chosen] = function(places) @ np.array(weights) / step
    return found


def _swapped(matrix: ComplexArray) -> ComplexArray:
    return np.asarray(matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4))
