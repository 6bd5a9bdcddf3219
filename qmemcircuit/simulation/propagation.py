"""Many memristors in the Heisenberg picture: observables pushed backwards, damping exact.

V_k is the mean of one Pauli operator. Backwards through the circuit it becomes a sum of Pauli
strings, few of which matter as long as it has not spread far and as the damping eats the heavy
ones. So a hundred memristors cost a hundred small sums, and no state at all (Pauli propagation:
Rall, Liang, Cook and Kretschmer, Phys. Rev. A 99, 062337, 2019; under damping Schuster, Yin, Gao
and Yao, arXiv:2407.12768). Strings that are heavier than a limit, or whose coefficient is smaller
than one, are dropped. What that costs is estimated in two ways: by dropping more, and by adding
what was dropped in quadrature, as if its signs were random. Three times the larger is the error
(`propagation_errors`; `experiments/benchmarks/propagation.py` measures how often it covers). Adding
what was dropped without regard to signs bounds the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import Any

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.channels.pauli_maps import PAULIS, pauli_means
from qmemcircuit.circuits.splitting import step_maps
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import (
    LARGEST_INTEGER,
    ComplexArray,
    FloatArray,
    IntArray,
    check_integer,
    check_real,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.resources import Effort
from qmemcircuit.common.states import pauli_matrix
from qmemcircuit.model.couplings import PAPER_SIGMA
from qmemcircuit.model.memristors import Network
from qmemcircuit.results.observables import (
    OWN_ERRORS,
    interaction_terms,
    is_driven,
    pauli_terms,
    rate_variables,
)

ERROR_FACTOR = 3.0
"""Times the larger of the two estimates; `experiments/benchmarks/propagation.py` measures it."""

UPDATE_SECONDS, MAP_SECONDS = 1e-7, 1e-5
"""Of one core, measured: for one string and one entry of a map, and to make one map."""

MOST_UPDATES = 40_000_000
"""After which a probe gives up: some two seconds for one voltage."""

Terms = dict[str, float]
_CutOff = tuple[int, float]  # the largest weight, the smallest coefficient


@data_object
@dataclass(frozen=True)
class PauliPropagation:
    """How far strings are kept in `simulate_circuit(…, method=PauliPropagation(…))`.

    Attributes:
        largest_weight: letters other than I that a string may have, from 3.
        smallest_coefficient: of a string that is kept, above 0 and below 1.

    The finer of the two runs has these; the coarser one, for the error, one letter less and three
    times the coefficient. The error is three times the larger of their difference and of what the
    finer one dropped, added in quadrature.

    Raises:
        ValueError: outside of these.
        TypeError: for what is no number.

    >>> import qmemcircuit as qm
    >>> many = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 12, qm.Native("y", 0.06))
    >>> found = qm.simulate_circuit(
    ...     many, [0.5], method=qm.PauliPropagation(4, 1e-4), splitting="strang", steps=2
    ... )
    >>> found.voltage.shape
    (1, 12)
    """

    largest_weight: int = 5
    smallest_coefficient: float = 3e-5

    def __post_init__(self) -> None:
        check_fields(self)
        check_integer("largest_weight", self.largest_weight, minimum=3)
        check_real("smallest_coefficient", self.smallest_coefficient, minimum=0.0)
        if not 0 < self.smallest_coefficient < 1:
            raise ValueError(
                "Argument smallest_coefficient must lie between 0 and 1, but "
                f"{self.smallest_coefficient:g} was given; 3e-5 is usual."
            )


@dataclass(frozen=True)
class Propagated:
    """V and I (T, M), what their errors are, mean pair states, and what was dropped.

    `bound` (T, M) is a rigorous bound on the error of V. No error exceeds its own bound.
    """

    means: tuple[FloatArray, FloatArray]
    errors: tuple[FloatArray, FloatArray]
    bound: FloatArray
    pair_states: dict[tuple[int, int], ComplexArray]
    variables: dict[str, FloatArray]
    strings: int


def propagate_circuits(
    circuits: CircuitSet,
    method: PauliPropagation,
    pairs: Sequence[tuple[int, int]],
    progress: Callable[[int, int], None],
) -> Propagated:
    """Return V, I and the pairs' states of `circuits`, from product states.

    Raises:
        ImportError: naming the extra where numba is missing.
    """
    network, times = circuits.network, circuits.times
    count = len(network.memristors)
    observables: list[list[Terms]] = []  # for each memristor: V, and what I has beside ΓV
    for j, memristor in enumerate(network.memristors):
        voltage = _single(-0.5 * memristor.current_scale * PAPER_SIGMA["y"], j, count)
        extra: Terms = {}
        for pair, operator in interaction_terms(network, j):
            for label, value in pauli_terms(operator, pair, count).items():
                extra[label] = extra.get(label, 0.0) + memristor.current_scale * value
        observables.append([voltage, extra] if extra else [voltage])
    amplitudes = np.stack([item.drive_amplitude(times) for item in network.memristors], axis=1)
    sources = {  # of a drive of amplitude 1
        j: _single(item.current_scale * item.drive.source, j, count)
        for j, item in enumerate(network.memristors)
        if item.drive is not None and item.drive.axis != "y"
    }
    shape = (times.size, count)
    values = np.zeros((2, 2, *shape))  # quantity, cut-off
    dropped = np.zeros((2, 2, *shape))  # quantity; its sum of moduli, and in quadrature
    source, lost = np.zeros((2, *shape)), np.zeros((2, *shape))  # and what it has dropped
    states = {pair: np.empty((times.size, 4, 4), dtype=complex) for pair in pairs}
    cuts = cut_offs(method)
    strings = 0
    for index, chain in enumerate(_chains(circuits)):
        runner = _Runner(network, chain)
        for place, kept in enumerate(cuts):
            found = runner.run([row[0] for row in observables], kept, local=True)
            values[0, place, index] = [item.mean for item in found]
            coupled = [j for j, row in enumerate(observables) if len(row) > 1]
            extras = runner.run([observables[j][1] for j in coupled], kept, local=False)
            values[1, place, index, coupled] = [item.mean for item in extras]
            own = runner.run(list(sources.values()), kept, local=False)
            driven = list(sources)
            source[place, index, driven] = [item.mean for item in own]
            if place == 0:
                strings = max(strings, *(item.strings for item in found))
                dropped[0, :, index] = np.transpose([item.losses for item in found])
                if coupled:
                    losses = np.array([item.losses for item in extras])
                    dropped[1][:, index, coupled] = losses.T
                if driven:
                    lost[:, index, driven] = np.transpose([item.losses for item in own])
        for pair in pairs:
            labels = _pair_labels(pair, count)
            found = runner.run([{label: 1.0} for label in labels], cuts[0], local=False)
            means = np.array([1.0, *(item.mean for item in found)])
            matrices = np.array([pauli_matrix(a + b) for b in "IXYZ" for a in "IXYZ"])
            states[pair][index] = np.tensordot(means, matrices, axes=1) / 4
        progress(index + 1, times.size)
    conductance = np.stack([item.conductance(times) for item in network.memristors], axis=1)
    values[1] += conductance * values[0]
    dropped[1] += np.abs(conductance) * dropped[0]
    source *= amplitudes
    lost *= np.abs(amplitudes)
    rate = np.stack([item.decay_rate(times) for item in network.memristors], axis=1)
    variables = rate_variables(network, times, rate)
    if is_driven(network):
        variables["source_current"] = source[0]
        variables[OWN_ERRORS[0]] = propagation_errors(values[1, 0] - values[1, 1], dropped[1])
    values[1] += source
    dropped[1] += lost
    errors = [
        propagation_errors(fine - coarse, losses)
        for (fine, coarse), losses in zip(values, dropped, strict=True)
    ]
    return Propagated(
        (values[0, 0], values[1, 0]),
        (errors[0], errors[1]),
        dropped[0, 0],
        states,
        variables,
        strings,
    )


@dataclass(frozen=True)
class Probe:
    """What propagation will take, and the error of V at the last time; `obstacle` where it fails.

    Measured on V of the memristor with the most neighbours.
    """

    effort: Effort
    error: float
    obstacle: str


def probe_propagation(circuits: CircuitSet, method: PauliPropagation, *, pairs: int = 0) -> Probe:
    """Push one V back from the last time, and say what all observables and times will take.

    It is beyond this route's reach where the error is as large as V can be: then the result would
    say nothing.
    """
    network, count = circuits.network, len(circuits.network.memristors)
    middle = _most_coupled(network)
    scale = network.memristors[middle].current_scale
    voltage = _single(-0.5 * scale * PAPER_SIGMA["y"], middle, count)
    runner = _Runner(network, _last_chain(circuits), MOST_UPDATES)
    cuts = cut_offs(method)
    finer, coarser = (runner.run([voltage], kept, local=False)[0] for kept in cuts)
    # V of those that are not alike, what I has beside it of each memristor, and 15 strings a pair;
    # earlier times take less.
    extra = any(pauli_terms(item, pair, count) for pair, item in interaction_terms(network, middle))
    others = sum(not runner.are_alike(middle, j, finer.reached) for j in range(count))
    runs = 1 + others + count * extra + 15 * pairs
    whole = max(1.0, circuits.times.size * (0.5 if circuits.share_steps else 1.0))
    updates = whole * runs * (finer.updates + coarser.updates)
    maps = whole * len(runner.chain.places)
    seconds = (UPDATE_SECONDS * updates + MAP_SECONDS * maps) / (cpu_count() or 1)
    width = -(-count // 32)
    effort = Effort(
        f"the Pauli strings of {count} memristors at {circuits.times.size} times",
        seconds,
        1e7 + 3e3 * len(runner.chain.places) + 2.0 * finer.strings * (8 * width + 48),
    )
    period = network.memristors[middle].period
    until = f"at t = {circuits.times[-1]:.3g} ({circuits.times[-1] / period:.2g} T)"
    if not np.isfinite(finer.mean):
        return Probe(effort, np.nan, f"{until} one V has more strings than fit two seconds")
    losses = np.reshape(finer.losses, (2, 1, 1))
    error = float(propagation_errors(np.array([[finer.mean - coarser.mean]]), losses)[0, 0])
    # Small ones may all be gone where the damping has eaten everything; large ones may not.
    little = min(ERROR_FACTOR * method.smallest_coefficient, 0.05 * scale)
    if finer.left == 0 and finer.losses[0] > little:
        lost = min(finer.losses[0], 0.5 * scale)
        what = "the cut-offs keep nothing: all strings are dropped, an error of V of"
        return Probe(effort, lost, f"{until} {what} {lost:.2g}")
    if error >= 0.5 * scale:
        return Probe(effort, error, f"{until} its error of V, {error:.2g}, is as large as V can be")
    return Probe(effort, error, "")


def _most_coupled(network: Network) -> int:
    """Return the memristor with the most neighbours, the middle one where several have as many."""
    count = len(network.memristors)
    neighbours = np.bincount(
        np.array([j for pair, _ in network.couplings for j in pair], dtype=np.int64),
        minlength=count,
    )
    return max(_from_the_middle(count), key=lambda j: int(neighbours[j]))


def _last_chain(circuits: CircuitSet) -> _Chain:
    """Return the maps from 0 to the last time."""
    network, times = circuits.network, circuits.times
    if circuits.share_steps:
        starts = np.concatenate([[0.0], times[:-1]])
        return _backwards(step_maps(network, starts, times, circuits.splitting), times.size)
    edges = np.linspace(0.0, float(times[-1]), (circuits.steps or 1) + 1)
    return _backwards(step_maps(network, edges[:-1], edges[1:], circuits.splitting), len(edges) - 1)


def cut_offs(method: PauliPropagation) -> tuple[_CutOff, _CutOff]:
    """Return the finer and the coarser cut-off."""
    weight, coefficient = method.largest_weight, method.smallest_coefficient
    return (weight, coefficient), (weight - 1, min(3 * coefficient, 0.5))


def propagation_errors(difference: FloatArray, losses: FloatArray) -> FloatArray:
    """Return the errors (T, M) from the differences of the two cut-offs and what the finer dropped.

    A difference may vanish by accident: that of all memristors and earlier times stands in where
    it is larger in the mean of squares. It says nothing where both runs drop the same: what the
    finer one dropped, its signs as if random, stands in where that is larger. `losses` (2, T, M)
    are its sum of moduli, which no error exceeds, and its root of the sum of squares.
    """
    bound, quadrature = losses
    common = np.sqrt(np.mean(difference**2, axis=1, keepdims=True))
    seen = np.maximum(np.abs(difference), np.maximum.accumulate(common, axis=0))
    return np.asarray(np.minimum(ERROR_FACTOR * np.maximum(seen, quadrature), bound))


@dataclass(frozen=True)
class _Chain:
    """The maps from 0 to one time, last first."""

    places: IntArray
    maps: FloatArray
    ends: Any


@dataclass(frozen=True)
class _Mean:
    mean: float
    losses: tuple[float, float]  # the sum of the dropped coefficients' moduli, and in quadrature
    strings: int
    reached: frozenset[int]
    updates: int
    left: int


class _Runner:
    """One chain of maps, and the initial means, for many observables."""

    def __init__(
        self, network: Network, chain: _Chain, most_updates: int = LARGEST_INTEGER
    ) -> None:
        self.network = network
        self.chain = chain
        self.most_updates = most_updates
        self.means = np.array([pauli_means(item.initial_state) for item in network.memristors])

    def run(self, observables: Sequence[Terms], kept: _CutOff, *, local: bool) -> list[_Mean]:
        """Return the means; where `local`, observable j is that of memristor j alone.

        Then those of memristors with alike surroundings are the same number, and one is run.
        """
        found: dict[int, _Mean] = {}
        if local:
            done: dict[int, _Mean] = {}
            for j in _from_the_middle(len(observables)):
                twin = next((k for k in done if self.are_alike(k, j, done[k].reached)), None)
                if twin is None:
                    done[j] = self._one(observables[j], kept)
                found[j] = done[j if twin is None else twin]
        else:
            with ThreadPoolExecutor(cpu_count() or 1) as pool:
                found = dict(enumerate(pool.map(lambda item: self._one(item, kept), observables)))
        return [found[j] for j in range(len(observables))]

    def _one(self, terms: Terms, kept: _CutOff) -> _Mean:
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
        return _Mean(float(mean), losses, int(strings), reached, int(updates), int(left))

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


def _from_the_middle(count: int) -> list[int]:
    """Return the places, the middle first: most are like it."""
    return sorted(range(count), key=lambda j: abs(2 * j - count + 1))


def _single(matrix: ComplexArray, memristor: int, count: int) -> Terms:
    """Return an operator of one memristor as Pauli labels."""
    found = {}
    for letter, pauli in zip("IXYZ", PAULIS, strict=True):
        value = float(np.trace(matrix @ pauli).real) / 2
        if value:
            found["I" * memristor + letter + "I" * (count - memristor - 1)] = value
    return found


def _pair_labels(pair: tuple[int, int], count: int) -> list[str]:
    """Return the 15 labels of a pair, its first memristor's letter changing fastest."""
    labels = []
    for second in "IXYZ":
        for first in "IXYZ":
            letters = ["I"] * count
            letters[pair[0]], letters[pair[1]] = first, second
            labels.append("".join(letters))
    return labels[1:]


def _chains(circuits: CircuitSet) -> Iterator[_Chain]:
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


def _backwards(parts: list[tuple[tuple[int, ...], FloatArray]], steps: int) -> _Chain:
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
    return _Chain(np.tile(places, (steps, 1)), maps.reshape(-1, 16, 16), ends.ravel())
