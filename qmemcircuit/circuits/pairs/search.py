"""The fewest collisions that meet a tolerance: closed form, then fits from several starts.

A `CompilationProblem` is a pair's exact maps at some times; `search_sequences` finds gates and
collisions for all of them, with one number of collisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from qmemcircuit.circuits.channels.pair_maps import map_distances
from qmemcircuit.circuits.pairs.fit import fit_sequences, quadrature_start, shaken
from qmemcircuit.circuits.pairs.sequence import PairSequence
from qmemcircuit.circuits.residuals import MOST_COLLISIONS
from qmemcircuit.circuits.splitting import pair_hamiltonian
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.common.states import evolve
from qmemcircuit.model.memristors import Network

CompiledMethod = Literal["closed form", "fitted"]

PROBES = 12
"""So many of the times, evenly chosen, are tried first: a number of collisions that fails at one
of them is not tried at the others."""
HOPELESS = 6.0
"""A residual above so many tolerances is not tried again from other starts: experience with random
pairs (experiments/benchmarks/compiled_pairs.py) is that a start matters by less."""
EXACT = 0.002
"""A residual below this part of the tolerance is not improved by a fit."""
SHAKES = ((0.02, 1), (0.02, 2), (0.1, 3))
"""Size and seed of what breaks the symmetry of each start (see `fit`); the first one goes
to every time, the others to those where it fails."""


class SearchedSequences(NamedTuple):
    """What was found at each time: the gates, how far they are from the map, and by which way."""

    sequences: list[PairSequence]
    residuals: FloatArray
    methods: list[CompiledMethod]


@dataclass(frozen=True, eq=False)
class CompilationProblem:
    """What is to be compiled: times (T,), ∫Γ to each (2, T), exact maps (T, 16, 16)."""

    network: Network
    times: FloatArray
    damping: FloatArray
    maps: FloatArray
    tolerance: float

    def at(self, places: IntArray) -> CompilationProblem:
        """Return the problem at some of the times."""
        return CompilationProblem(
            self.network,
            self.times[places],
            self.damping[:, places],
            self.maps[places],
            self.tolerance,
        )

    def residuals(self, sequences: list[PairSequence]) -> FloatArray:
        """Return how far each is from the exact map, (T,); see `CompiledPair.residual`."""
        return map_distances(np.array([sequence.map() for sequence in sequences]), self.maps)


def search_sequences(
    problem: CompilationProblem, formula: list[PairSequence], only: bool, collisions: int | None
) -> SearchedSequences:
    """Return the circuits with the fewest collisions that meet the tolerance, else the best ones.

    `formula` is the closed form, or empty; `only`: nothing else is allowed.
    """
    count = problem.times.size
    methods: list[CompiledMethod] = ["closed form" if formula else "fitted"] * count
    best, residuals = formula, np.full(count, np.inf)
    if formula:
        residuals = problem.residuals(formula)
        if only or residuals.max() <= problem.tolerance:
            return SearchedSequences(best, residuals, methods)
    probes = np.unique(np.linspace(0, count - 1, min(count, PROBES)).round().astype(int))
    numbers = range(2, MOST_COLLISIONS + 1) if collisions is None else (collisions,)
    for number in numbers:
        allowed = formula if number == 2 else []
        if number < numbers[-1] and probes.size < count:
            # Not worth trying at every time what fails at one of a dozen.
            tried, _ = _fitted(problem.at(probes), number, [allowed[k] for k in probes if allowed])
            if problem.at(probes).residuals(tried).max() > problem.tolerance:
                continue
        sequences, kept = _fitted(problem, number, allowed)
        reached = problem.residuals(sequences)
        if reached.max() < residuals.max() or not best:
            best, residuals = sequences, reached
            methods = ["closed form" if k in kept else "fitted" for k in range(count)]
        if residuals.max() <= problem.tolerance:
            break
    return SearchedSequences(best, residuals, methods)


def _fitted(
    problem: CompilationProblem, collisions: int, formula: list[PairSequence]
) -> tuple[list[PairSequence], set[int]]:
    """Return the best circuits with so many collisions, and where they are the closed form.

    Tried in this order, each where the tolerance is not met yet: the closed form, or Gauss's rule
    where that is as good as exact; a fit from Gauss's rule; a fit from the closed form; fits from
    what was found at the neighbouring times, on either side, the coherent evolution between put
    after it; fits from Gauss's rule with other seeds.
    """
    count = problem.times.size
    best: list[PairSequence] = list(formula)
    reached = problem.residuals(best) if best else np.full(count, np.inf)
    kept = set(range(count)) if best else set()
    wrong = np.flatnonzero(reached > problem.tolerance)

    def attempt(places: IntArray, starts: list[PairSequence]) -> None:
        part = problem.at(places)
        found = fit_sequences(starts, part.maps)
        for place, sequence, residual in zip(places, found, part.residuals(found), strict=True):
            if residual < reached[place]:
                best[place], reached[place] = sequence, residual
                kept.discard(int(place))

    def quadrature(places: IntArray, size: float, seed: int) -> list[PairSequence]:
        starts = [
            quadrature_start(
                problem.network, float(problem.times[k]), problem.damping[:, k], collisions
            )
            for k in places
        ]
        return [shaken(start, size, seed) for start in starts] if size else starts

    first, *others = SHAKES
    if not best:
        # Where the rule is as good as exact (no damping, say), it is not shaken and fitted again.
        best = quadrature(np.arange(count), 0.0, 0)
        reached = problem.residuals(best)
        wrong = np.flatnonzero(reached > EXACT * problem.tolerance)
    if wrong.size:
        attempt(wrong, quadrature(wrong, *first))
        if formula:
            attempt(wrong, [shaken(formula[k], *first) for k in wrong])
    hamiltonian = pair_hamiltonian(problem.network, (0, 1))
    for side in (-1, 1, 0, 0):
        wrong = np.flatnonzero(reached > problem.tolerance)
        if not wrong.size or reached.max() > HOPELESS * problem.tolerance:
            break
        if side == 0:
            attempt(wrong, quadrature(wrong, *others.pop(0)))
            continue
        near = wrong[(wrong + side >= 0) & (wrong + side < count)]
        if near.size:
            starts = [
                _carried(best[k + side], hamiltonian, problem.times[k] - problem.times[k + side])
                for k in near
            ]
            attempt(near, [shaken(start, *first) for start in starts])
    return best, kept


def _carried(sequence: PairSequence, hamiltonian: ComplexArray, duration: float) -> PairSequence:
    """Return a sequence with the coherent evolution for `duration` after it."""
    gates = sequence.gates.copy()
    gates[-1] = evolve(hamiltonian, float(duration)) @ gates[-1]
    return PairSequence(gates, sequence.probabilities)
