"""A model propagated through its steps, with what is needed to differentiate it either way.

The same parts in the same order as `exact_circuit` applies (`step_parts`), every step's maps made
at once. Backwards (`pull_back`): from the derivatives of one number with respect to all means,
voltages and currents, one pass gives those with respect to everything that the steps are made of.
Forwards (`push_forward`): from one parameter's tangent, those of all means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import PAIRS, PAULIS, pauli_means
from qmemcircuit.circuits.splitting import (
    Splitting,
    step_parts,
)
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.designs.actions import Action, Steps, act, local_products, make_action, warmth
from qmemcircuit.designs.parameters import Tangent
from qmemcircuit.model.couplings import PAPER_SIGMA
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


def mean_gradient(slopes: ComplexArray) -> FloatArray:
    """Return ∂/∂(Pauli means) of a number with d = Re Tr(slope dρ), (…, 4^k)."""
    return np.asarray(pauli_means(slopes) / slopes.shape[-1])


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
    actions: tuple[Action, ...]
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
    def steps(self) -> Steps:
        """Return when each step begins and ends."""
        return Steps.to(self.network, self.times)

    def remembered(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """Return what was computed under this key before, or compute it.

        The quantities of one search ask for the same polygon, and along the same tangents.
        """
        return self.steps.remembered(key, compute)

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
            adjoint.maps.append(local_products(after, state, action.members))
            after = act(action.maps.swapaxes(1, 2), action.members, after)
        adjoint.maps.reverse()
        return adjoint

    def push_forward(self, tangent: Tangent) -> FloatArray:
        """Return the derivative of all means with respect to one parameter, (T, 4^M)."""
        moved: FloatArray = np.zeros_like(self.before)
        state = self.before
        for action in self.actions:
            moved = act(action.maps, action.members, moved)
            change = action.tangent(self.steps, tangent)
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
                found[:, j] += warmth(item) * tangent.rates[j].value(self.times)
            if j in tangent.occupations:
                found[:, j] += 2 * tangent.occupations[j] * item.decay_rate(self.times)
            found[:, j] += 2 * tangent.dephasings.get(j, 0.0)
            if tangent.time_scale:
                slope = warmth(item) * rate_slope(item, self.times)
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
            total += action.contract(solution.steps, tangent, maps)
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

    Raises:
        ValueError: for more than three memristors, `compiled` circuits, and as `exact_circuit`.
    """
    count = len(network.memristors)
    if count > LARGEST_NETWORK:
        raise ValueError(
            f"Argument model must have at most {LARGEST_NETWORK} memristors to be differentiated, "
            f"but it has {count}; differentiate a part of it, or take differences."
        )
    steps = Steps.to(network, times)
    actions = tuple(make_action(part, steps) for part in step_parts(network, splitting))
    size = 4**count
    totals: FloatArray = np.broadcast_to(np.eye(size), (len(times), size, size))
    for action in actions:
        totals = act(action.maps, action.members, totals)
    before = np.empty((len(times) + 1, size))
    before[0] = pauli_means(network.initial_state)
    for k, total in enumerate(totals):
        before[k + 1] = total @ before[k]
    return Solution(network, times, splitting, actions, totals, before[:-1], before[1:])


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
