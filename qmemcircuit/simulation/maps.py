"""Exact states by maps on Pauli means, without building a circuit: the fast engine.

A collision, a gate and free evolution are small real matrices (`circuits.channels.pauli_maps`).
Up to three memristors, a whole step is one 4^M × 4^M matrix, made for all steps at once; larger
networks take one pass over their 4^M means for every few parts. Ancillas do not appear: whichever
there are, the memristors go through the same channel (tests/simulation/test_maps.py holds it
against Aer's simulation of the very circuits).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.channels.pauli_maps import (
    damping_maps,
    density_matrices,
    kraus_map,
    pauli_means,
    swap_qubits,
    unitary_map,
)
from qmemcircuit.circuits.splitting import Collision, Element, Synthesis, step_maps
from qmemcircuit.common.checks import ComplexArray, FloatArray, IntArray
from qmemcircuit.common.resources import Effort, progress_of
from qmemcircuit.model.memristors import Network
from qmemcircuit.simulation.steps import apply_maps

Part = tuple[tuple[int, ...], FloatArray]
"""Memristors, and the map of one step on them."""

WHOLE_UP_TO = 3
"""Memristors of which one matrix a step is kept; for four it would be 256 × 256."""

BLOCK = 3
"""Neighbouring memristors that one pass over the means acts on: more would be arithmetic, fewer
passes; both are measured by `experiments/benchmarks/engine.py`."""


def states_by_maps(
    circuits: CircuitSet, members: Sequence[tuple[int, ...]], estimate: Effort
) -> list[ComplexArray]:
    """Return the exact reduced states of each tuple of memristors, (T, 2^k, 2^k).

    The first one of a tuple is the least significant.
    """
    places = [_places(item) for item in members]
    if len(circuits.network.memristors) <= WHOLE_UP_TO:
        means = _whole_means(circuits)
        return [density_matrices(means[:, place]) for place in places]
    kept = [np.empty((len(circuits.times), place.size)) for place in places]
    with progress_of(estimate) as report:
        for index, means in enumerate(_means_along(circuits)):
            for table, place in zip(kept, places, strict=True):
                table[index] = means[place]
            report(index + 1, len(circuits.times))
    return [density_matrices(table) for table in kept]


def probabilities_by_maps(circuits: CircuitSet, estimate: Effort) -> FloatArray:
    """Return the outcome probabilities of every setting, (T, B, 2^M), without a density matrix.

    In a setting only the 2^M means of its own letters and identities count, and a Walsh–Hadamard
    transform turns them into probabilities. Rounding may leave them at −1e-17.
    """
    memristors = len(circuits.network.memristors)
    outcomes = np.arange(2**memristors)
    places = np.zeros((len(circuits.bases), len(outcomes)), dtype=np.int64)
    for row, basis in enumerate(circuits.bases):
        for j, letter in enumerate(basis):
            places[row] += (outcomes >> j & 1) * "IXYZ".index(letter) * 4**j
    if memristors <= WHOLE_UP_TO:
        return _from_signs(_whole_means(circuits)[:, places], memristors)
    found = np.empty((len(circuits.times), *places.shape))
    with progress_of(estimate) as report:
        for index, means in enumerate(_means_along(circuits)):
            found[index] = _from_signs(means[places], memristors)
            report(index + 1, len(circuits.times))
    return found


def _from_signs(means: FloatArray, bits: int) -> FloatArray:
    """Return probabilities (…, 2^M) from the means of all products of signs ±1."""
    found = means
    for bit in range(bits):
        pairs = found.reshape(*means.shape[:-1], -1, 2, 2**bit)
        both, apart = pairs[..., 0, :] + pairs[..., 1, :], pairs[..., 0, :] - pairs[..., 1, :]
        found = np.stack([both, apart], axis=-2)
    return np.asarray(found.reshape(means.shape) / 2**bits)


def digital_maps(circuits: CircuitSet) -> FloatArray:
    """Return the circuits' maps from 0 to each time on all Pauli means, (T, 4^M, 4^M).

    For up to `WHOLE_UP_TO` memristors.
    """
    return _walk(circuits, np.eye(4 ** len(circuits.network.memristors)))


def estimate_maps(
    circuits: CircuitSet, members: Sequence[tuple[int, ...]], *, settings: int = 0
) -> Effort:
    """Return what `states_by_maps` will take, or `probabilities_by_maps` of so many settings.

    The coefficients are measured. Passes over 4^M real means; beside them two copies, and the
    reduced states or the probabilities that are kept.
    """
    network, count = circuits.network, len(circuits.times)
    memristors = len(network.memristors)
    passes = 1 + memristors / BLOCK + len(network.couplings)
    steps = count if circuits.share_steps else count * (circuits.steps or 10)
    kept = (
        40 * count * sum(4 ** len(item) for item in members) + 32 * count * settings * 2**memristors
    )
    work = f"the Pauli means of {memristors} memristors at {count} times, {steps:,} steps,"
    seconds = steps * passes * (2e-5 + 1.8e-9 * 4.0**memristors)
    seconds += count * settings * (1e-4 + 1e-7 * 2.0**memristors)  # transforming and drawing
    return Effort(work, seconds, 24 * 4**memristors + kept)


@lru_cache(1024)
def _places(members: tuple[int, ...]) -> IntArray:
    """Return where the means of `members` alone stand among those of all memristors."""
    digits = np.arange(4 ** len(members))
    places = np.zeros_like(digits)
    for position, j in enumerate(members):
        places += (digits // 4**position % 4) * 4**j
    places.flags.writeable = False
    return places


# --- a whole step as one matrix -----------------------------------------------------------------


def _whole_means(circuits: CircuitSet) -> FloatArray:
    """Return the means (T, 4^M) of a small network."""
    means = pauli_means(circuits.network.initial_state)
    return np.asarray(_walk(circuits, means[:, None])[:, :, 0])


def _walk(circuits: CircuitSet, start: FloatArray) -> FloatArray:
    """Return what the circuit of each time makes of columns of Pauli means, (T, 4^M, columns)."""
    times, steps = circuits.times, circuits.steps or 1
    if _has_own_elements(circuits):
        return np.array([_after(start, _own_parts(circuits, k)) for k in range(len(times))])
    if circuits.share_steps:
        starts = np.concatenate([[0.0], times[:-1]])
        factors, last = _shared_factors(circuits, starts, times)
        if start.shape[1] == 1:
            found = _vectors_along(factors, start[:, 0])[:, :, None]
        else:
            found = np.empty((len(times), *start.shape))
            now = start
            for index in range(len(times)):
                for matrices in factors:
                    now = matrices[index].dot(now)
                found[index] = now
        for members, maps in last:
            found = apply_maps(found, members, maps)
        return found
    edges = times[:, None] * np.linspace(0.0, 1.0, steps + 1)
    found = np.broadcast_to(start, (len(times), *start.shape))
    for step in range(steps):
        for matrices in _step_factors(circuits, edges[:, step], edges[:, step + 1]):
            found = matrices @ found
    return found


def _vectors_along(factors: list[FloatArray], now: FloatArray) -> FloatArray:
    """Return what the steps make of one vector, (n, 4^M).

    Half of the time that products with a single column take, and no more names than needed: at
    this size Python's own time is what counts.
    """
    found = np.empty((len(factors[0]), now.size))
    match factors:
        case [first]:
            for a, row in zip(first, found, strict=True):
                now = a.dot(now, row)
        case [first, second]:
            for a, b, row in zip(first, second, found, strict=True):
                now = b.dot(a.dot(now), row)
        case _:
            for *before, last, row in zip(*factors, found, strict=True):
                for matrix in before:
                    now = matrix.dot(now)
                now = last.dot(now, row)
    return found


def _shared_factors(
    circuits: CircuitSet, starts: FloatArray, stops: FloatArray
) -> tuple[list[FloatArray], Sequence[Part]]:
    """Return the factors of steps that follow each other, and what each one's states then lack.

    What ends a pair's step on one memristor alone is joined to the start of the next step, and is
    left to be done at each time for itself, at all times at once.
    """
    parts = step_maps(circuits.network, starts, stops, circuits.splitting)
    end = len(parts)
    while end and len(parts[end - 1][0]) == 1:
        end -= 1
    if end == 0 or len(circuits.network.memristors) != 2:
        return _factors_of(circuits.network, parts), ()
    last = parts[end:]
    before = [(who, np.concatenate([np.eye(4)[None], maps[:-1]])) for who, maps in last]
    return _factors_of(circuits.network, [*before, *parts[:end]]), last


def _step_factors(circuits: CircuitSet, starts: FloatArray, stops: FloatArray) -> list[FloatArray]:
    """Return the factors of separate steps."""
    network = circuits.network
    return _factors_of(network, step_maps(network, starts, stops, circuits.splitting))


def _factors_of(network: Network, parts: Sequence[Part]) -> list[FloatArray]:
    """Return matrices on all memristors, each (n, 4^M, 4^M), that make a step one after another.

    For two, those on one memristor each are put side by side, which costs less than a product
    of matrices; for three it is the whole step.
    """
    if len(network.memristors) != 2:
        return [_whole_matrices(len(network.memristors), parts)]
    found: list[FloatArray] = []
    alone: dict[int, FloatArray] = {}
    for members, maps in parts:
        if len(members) == 1:
            (j,) = members
            alone[j] = maps @ alone[j] if j in alone else maps
            continue
        if alone:
            found.append(_side_by_side(alone))
            alone = {}
        found.append(maps if members == (0, 1) else swap_qubits(maps))
    return [*found, _side_by_side(alone)] if alone else found


def _side_by_side(alone: dict[int, FloatArray]) -> FloatArray:
    """Return the maps of memristors 0 and 1, each (n, 4, 4) or left out, as one, (n, 16, 16)."""
    low, high = (alone.get(j, np.eye(4)[None]) for j in (0, 1))
    # Products in one run of memory, put in order afterwards: a third less time than broadcasting.
    product = (high.reshape(-1, 16, 1) * low.reshape(-1, 1, 16)).reshape(-1, 256)
    return np.take(product, _PRODUCT_ORDER, axis=1).reshape(-1, 16, 16)


_PRODUCT_ORDER: IntArray = np.arange(256).reshape(4, 4, 4, 4).transpose(0, 2, 1, 3).ravel()
"""Where entry [(h, l), (h', l')] of a product stands among [(h, h'), (l, l')]."""


def _after(columns: FloatArray, parts: Sequence[Part]) -> FloatArray:
    """Return columns of Pauli means after `parts`."""
    found = columns[None]
    for members, matrix in parts:
        found = apply_maps(found, members, matrix[None])
    return np.asarray(found[0])


def _whole_matrices(count: int, parts: Sequence[Part]) -> FloatArray:
    """Return each step's map on all memristors, (n, 4^M, 4^M)."""
    if count == 1:
        ((_, total),) = parts
        return total
    total = np.broadcast_to(np.eye(4**count), (len(parts[0][1]), 4**count, 4**count))
    for members, maps in parts:
        total = apply_maps(total, members, maps)
    return total


# --- a large network, pass by pass --------------------------------------------------------------


def _means_along(circuits: CircuitSet) -> Iterator[FloatArray]:
    """Yield the means (4^M,) at each time."""
    network, times = circuits.network, circuits.times
    first = _product_means(network)
    if _has_own_elements(circuits):
        for index in range(len(times)):
            yield _through(first, _own_parts(circuits, index))
        return
    if circuits.share_steps:
        starts = np.concatenate([[0.0], times[:-1]])
        parts = step_maps(network, starts, times, circuits.splitting)
        means = first
        for index in range(len(times)):
            means = _through(means, [(who, maps[index]) for who, maps in parts])
            yield means
        return
    for time in times:
        edges = np.linspace(0.0, float(time), (circuits.steps or 1) + 1)
        parts = step_maps(network, edges[:-1], edges[1:], circuits.splitting)
        means = first
        for step in range(len(edges) - 1):
            means = _through(means, [(who, maps[step]) for who, maps in parts])
        yield means


def _product_means(network: Network) -> FloatArray:
    """Return the initial means without the 4^M entries of a density matrix in between."""
    if network.state is not None:
        return pauli_means(network.initial_state)
    means: FloatArray = np.ones(1)
    for memristor in network.memristors:
        means = np.asarray(np.kron(pauli_means(memristor.initial_state), means))
    return means


@dataclass(frozen=True)
class _Block:
    """A map on the neighbouring memristors from `low` on."""

    low: int
    matrix: FloatArray

    @property
    def count(self) -> int:
        return (len(self.matrix).bit_length() - 1) // 2

    def widened(self, low: int, high: int) -> _Block:
        """Return the same map on the memristors from `low` to `high`, both included."""
        below, above = self.low - low, high + 1 - self.low - self.count
        return _Block(low, np.kron(np.eye(4**above), np.kron(self.matrix, np.eye(4**below))))

    def then(self, members: tuple[int, ...], matrix: FloatArray) -> _Block:
        """Return the block followed by a map on some of its memristors."""
        local = tuple(j - self.low for j in members)
        return _Block(self.low, apply_maps(self.matrix[None], local, matrix[None])[0])

    def __call__(self, means: FloatArray) -> FloatArray:
        size = len(self.matrix)
        if self.low == 0:
            return np.asarray((means.reshape(-1, size) @ self.matrix.T).ravel())
        return np.asarray(np.matmul(self.matrix, means.reshape(-1, size, 4**self.low)).ravel())


def _through(means: FloatArray, parts: Sequence[Part]) -> FloatArray:
    """Return the means after `parts`, joining what acts on at most `BLOCK` neighbours."""
    block: _Block | None = None
    waiting: dict[int, FloatArray] = {}  # maps of one memristor, until a pair needs it
    for members, matrix in parts:
        if len(members) == 1:
            (j,) = members
            waiting[j] = matrix @ waiting[j] if j in waiting else matrix
            continue
        low, high = min(members), max(members)
        if block is not None:
            low, high = min(low, block.low), max(high, block.low + block.count - 1)
        if high - low >= BLOCK:
            if block is not None:
                means = block(means)
            block, low, high = None, min(members), max(members)
        if high - low >= BLOCK:  # not neighbours
            for j in members:
                if j in waiting:
                    means = _Block(j, waiting.pop(j))(means)
            means = apply_maps(means[None, :, None], members, matrix[None])[0, :, 0]
            continue
        block = _Block(low, np.eye(4)) if block is None else block
        block = block.widened(low, high)
        for j in members:
            if j in waiting:
                block = block.then((j,), waiting.pop(j))
        block = block.then(members, matrix)
    if block is not None:
        # A memristor of the block may have turned on after its last pair.
        for j in [j for j in waiting if block.low <= j < block.low + block.count]:
            block = block.then((j,), waiting.pop(j))
        means = block(means)
    while waiting:
        low = min(waiting)
        high = low
        while high + 1 in waiting and high + 1 - low < BLOCK:
            high += 1
        block = _Block(low, waiting.pop(low))
        for j in range(low + 1, high + 1):
            block = block.widened(low, j).then((j,), waiting.pop(j))
        means = block(means)
    return means


# --- circuits whose elements are their own ------------------------------------------------------


def _has_own_elements(circuits: CircuitSet) -> bool:
    """Whether each time has elements of its own, that no common step gives."""
    return not circuits.share_steps and bool(
        circuits.compiled or circuits.absorbed or circuits.channels
    )


def _own_parts(circuits: CircuitSet, index: int) -> list[Part]:
    return [_part(element) for element in circuits.elements(index)]


def _part(element: Element) -> Part:
    if isinstance(element, Collision):
        return (element.memristor,), damping_maps(element.probability, element.kind)
    if isinstance(element, Synthesis):
        return (element.memristor,), kraus_map(element.half.kraus())
    return element.memristors, unitary_map(np.asarray(element.gate.to_matrix()))
