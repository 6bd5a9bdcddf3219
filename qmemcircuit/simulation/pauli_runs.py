"""Observables pushed backwards through one chain of maps each, and what comes of them.

A chain is all maps from 0 to one time, last first. `Runner` sends many sums of Pauli strings
through one chain, those of memristors with alike surroundings once (`pauli_sums` is the compiled
loop).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import Any

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.channels.pauli_maps import PAULIS, pauli_means
from qmemcircuit.circuits.splitting import step_maps
from qmemcircuit.common.checks import LARGEST_INTEGER, ComplexArray, FloatArray, IntArray
from qmemcircuit.model.memristors import Network

Terms = dict[str, float]
CutOff = tuple[int, float]  # the largest weight, the smallest coefficient


@dataclass(frozen=True)
class Chain:
    """The maps from 0 to one time, last first."""

    places: IntArray
    maps: FloatArray
    ends: Any


@dataclass(frozen=True)
class Mean:
    """What one observable came to, what was dropped of it, and what it took."""

    mean: float
    losses: tuple[float, float]  # the sum of the dropped coefficients' moduli, and in quadrature
    strings: int
    reached: frozenset[int]
    updates: int
    left: int


class Runner:
    """One chain of maps, and the initial means, for many observables."""

    def __init__(self, network: Network, chain: Chain, most_updates: int = LARGEST_INTEGER) -> None:
        self.network = network
        self.chain = chain
        self.most_updates = most_updates
        self.means = np.array([pauli_means(item.initial_state) for item in network.memristors])

    def run(self, observables: Sequence[Terms], kept: CutOff, *, local: bool) -> list[Mean]:
        """Return the means; where `local`, observable j is that of memristor j alone.

        Then those of memristors with alike surroundings are the same number, and one is run.
        """
        found: dict[int, Mean] = {}
        if local:
            done: dict[int, Mean] = {}
            for j in from_the_middle(len(observables)):
                twin = next((k for k in done if self.are_alike(k, j, done[k].reached)), None)
                if twin is None:
                    done[j] = self._one(observables[j], kept)
                found[j] = done[j if twin is None else twin]
        else:
            with ThreadPoolExecutor(cpu_count() or 1) as pool:
                found = dict(enumerate(pool.map(lambda item: self._one(item, kept), observables)))
        return [found[j] for j in range(len(observables))]

    def _one(self, terms: Terms, kept: CutOff) -> Mean:
        propagate, words_of = compiled_loop()
        letters = np.array([["IXYZ".index(letter) for letter in label] for label in terms])
        mean, dropped, strings, ever, updates, left, squares = propagate(
            words_of(letters),
            np.array(list(terms.values())),
            self.chain.places,
            self.chain.maps,
            self.chain.ends,
            self.means,
            *kept,
            self.most_updates,
        )
        count = len(self.network.memristors)
        reached = frozenset(j for j in range(count) if int(ever[j // 32]) >> 2 * (j % 32) & 3)
        losses = (float(dropped), float(np.sqrt(squares)))
        return Mean(float(mean), losses, int(strings), reached, int(updates), int(left))

    def are_alike(self, known: int, other: int, reached: frozenset[int]) -> bool:
        """Whether all that the known one reached, moved along, is the same about the other."""
        network, shift = self.network, other - known
        items = network.memristors
        if not all(0 <= j + shift < len(items) for j in reached):
            return False
        if any(items[j] != items[j + shift] for j in reached):
            return False
        moved = {j + shift for j in reached}
        here = [
            ((a + shift, b + shift), coupling)
            for (a, b), coupling in network.couplings
            if a in reached or b in reached
        ]
        there = [
            (pair, coupling)
            for pair, coupling in network.couplings
            if pair[0] in moved or pair[1] in moved
        ]
        return here == there


def compiled_loop() -> tuple[Any, Any]:
    """Return `propagate` and `words_of` of `pauli_sums`; ImportError naming the extra."""
    try:
        from qmemcircuit.simulation.pauli_sums import propagate, words_of
    except ImportError as error:
        raise ImportError(
            "Pauli propagation is compiled by numba: pip install 'qmemcircuit[neurons]'."
        ) from error
    return propagate, words_of


def from_the_middle(count: int) -> list[int]:
    """Return the places, the middle first: most are like it."""
    return sorted(range(count), key=lambda j: abs(2 * j - count + 1))


def single_terms(matrix: ComplexArray, memristor: int, count: int) -> Terms:
    """Return an operator of one memristor as Pauli labels."""
    found = {}
    for letter, pauli in zip("IXYZ", PAULIS, strict=True):
        value = float(np.trace(matrix @ pauli).real) / 2
        if value:
            found["I" * memristor + letter + "I" * (count - memristor - 1)] = value
    return found


def pair_labels(pair: tuple[int, int], count: int) -> list[str]:
    """Return the 15 labels of a pair, its second memristor's letter changing fastest."""
    labels = []
    for first in "IXYZ":
        for second in "IXYZ":
            letters = ["I"] * count
            letters[pair[0]], letters[pair[1]] = first, second
            labels.append("".join(letters))
    return labels[1:]


def all_chains(circuits: CircuitSet) -> Iterator[Chain]:
    """Yield the maps from 0 to each time."""
    network, times = circuits.network, circuits.times
    if circuits.share_steps:
        starts = np.concatenate([[0.0], times[:-1]])
        parts = step_maps(network, starts, times, circuits.splitting)
        for index in range(times.size):
            yield _backwards(parts, index + 1)
        return
    for time in times:
        edges = np.linspace(0.0, float(time), (circuits.steps or 1) + 1)
        parts = step_maps(network, edges[:-1], edges[1:], circuits.splitting)
        yield _backwards(parts, len(edges) - 1)


def _backwards(parts: list[tuple[tuple[int, ...], FloatArray]], steps: int) -> Chain:
    size = len(parts)
    places = np.full((size, 2), -1, dtype=np.int64)
    maps = np.zeros((steps, size, 16, 16))
    for row, (members, matrices) in enumerate(reversed(parts)):
        places[row, : len(members)] = members
        width = matrices.shape[-1]
        cleaned = np.where(np.abs(matrices[:steps]) > 1e-15, matrices[:steps], 0.0)
        maps[:, row, :width, :width] = cleaned[::-1]
    ends = np.zeros((steps, size), dtype=np.bool_)
    ends[:, -1] = True
    return Chain(np.tile(places, (steps, 1)), maps.reshape(-1, 16, 16), ends.ravel())


def last_chain(circuits: CircuitSet) -> Chain:
    """Return the maps from 0 to the last time."""
    network, times = circuits.network, circuits.times
    if circuits.share_steps:
        starts = np.concatenate([[0.0], times[:-1]])
        return _backwards(step_maps(network, starts, times, circuits.splitting), times.size)
    edges = np.linspace(0.0, float(times[-1]), (circuits.steps or 1) + 1)
    return _backwards(step_maps(network, edges[:-1], edges[1:], circuits.splitting), len(edges) - 1)
