"""Many memristors in the Heisenberg picture: observables pushed backwards, damping exact.

V_k is the mean of one Pauli operator. Backwards through the circuit it becomes a sum of Pauli
strings, few of which matter as long as it has not spread far and as the damping eats the heavy
ones. So a hundred memristors cost a hundred small sums, and no state at all (Pauli propagation:
Rall, Liang, Cook and Kretschmer, Phys. Rev. A 99, 062337, 2019; under damping Schuster, Yin, Gao
and Yao, arXiv:2407.12768). Strings that are heavier than a limit, or whose coefficient is smaller
than one, are dropped. What that costs is estimated in two ways: by dropping more, and by adding
what was dropped in quadrature, as if its signs were random. Three times the larger is the error
(five times the latter, where few were dropped: `propagation_errors`;
`experiments/benchmarks/propagation.py` measures how often it covers). Adding what was dropped
without regard to signs bounds the error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import cpu_count

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_integer, check_real
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
from qmemcircuit.results.trajectory_parts import PAIR_ERRORS
from qmemcircuit.simulation.pauli_runs import (
    CutOff,
    Runner,
    Terms,
    all_chains,
    from_the_middle,
    last_chain,
    pair_labels,
    single_terms,
)

ERROR_FACTOR = 3.0
"""Times the larger of the two estimates; `experiments/benchmarks/propagation.py` measures it…"""

FEW_FACTOR, FEW = 5.0, 10.0
"""…and times what was dropped, in quadrature, where without signs it is less than ten times that:
of n equal strings √n times, and signs of less than a hundred are not taken for random."""

UPDATE_SECONDS, MAP_SECONDS = 1e-7, 1e-5
"""Of one core, measured: for one string and one entry of a map, and to make one map."""

MOST_UPDATES = 40_000_000
"""After which a probe gives up: some two seconds for one voltage."""


@data_object
@dataclass(frozen=True)
class PauliPropagation:
    """How far strings are kept in `simulate_circuit(…, method=PauliPropagation(…))`.

    Attributes:
        largest_weight: letters other than I that a string may have, from 3.
        smallest_coefficient: of a string that is kept, above 0 and below 1.

    The finer of the two runs has these; the coarser one, for the error, one letter less and three
    times the coefficient. The error is three times the larger of their difference and of what the
    finer one dropped, added in quadrature (five times, where it dropped few).

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
    """V and I (T, M), what their errors are, pair states, and what was dropped.

    `bound` (T, M) is a rigorous bound on the error of V. No error exceeds its own bound. The errors
    of the pairs' Pauli means are among the variables (`PAIR_ERRORS`).
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
        voltage = single_terms(-0.5 * memristor.current_scale * PAPER_SIGMA["y"], j, count)
        extra: Terms = {}
        for pair, operator in interaction_terms(network, j):
            for label, value in pauli_terms(operator, pair, count).items():
                extra[label] = extra.get(label, 0.0) + memristor.current_scale * value
        observables.append([voltage, extra] if extra else [voltage])
    amplitudes = np.stack([item.drive_amplitude(times) for item in network.memristors], axis=1)
    sources = {  # of a drive of amplitude 1
        j: single_terms(item.current_scale * item.drive.source, j, count)
        for j, item in enumerate(network.memristors)
        if item.drive is not None and item.drive.axis != "y"
    }
    shape = (times.size, count)
    values = np.zeros((2, 2, *shape))  # quantity, cut-off
    dropped = np.zeros((2, 2, *shape))  # quantity; its sum of moduli, and in quadrature
    source, lost = np.zeros((2, *shape)), np.zeros((2, *shape))  # and what it has dropped
    means = np.zeros((2, len(pairs), times.size, 15))  # cut-off
    missing = np.zeros((len(pairs), 2, times.size, 15))
    cuts = cut_offs(method)
    strings = 0
    for index, chain in enumerate(all_chains(circuits)):
        runner = Runner(network, chain)
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
        for number, pair in enumerate(pairs):
            labels = [{label: 1.0} for label in pair_labels(pair, count)]
            for place, kept in enumerate(cuts):
                found = runner.run(labels, kept, local=False)
                means[place, number, index] = [item.mean for item in found]
                if place == 0:
                    missing[number, :, index] = np.transpose([item.losses for item in found])
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
    if pairs:
        apart = means[0] - means[1]
        found_errors = [propagation_errors(*item) for item in zip(apart, missing, strict=True)]
        of_identity = np.zeros((times.size, len(pairs), 1))
        padded = np.concatenate([of_identity, np.stack(found_errors, axis=1)], axis=2)
        variables[PAIR_ERRORS] = padded.reshape(times.size, len(pairs), 4, 4)
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
        dict(zip(pairs, map(_pair_states, means[0]), strict=True)),
        variables,
        strings,
    )


def _pair_states(means: FloatArray) -> ComplexArray:
    """Return states (T, 4, 4) of the means of `pair_labels`, (T, 15)."""
    matrices = np.array([pauli_matrix(a + b) for a in "IXYZ" for b in "IXYZ"])
    return np.asarray((matrices[0] + np.tensordot(means, matrices[1:], axes=1)) / 4)


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
    voltage = single_terms(-0.5 * scale * PAPER_SIGMA["y"], middle, count)
    runner = Runner(network, last_chain(circuits), MOST_UPDATES)
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
    return max(from_the_middle(count), key=lambda j: int(neighbours[j]))


def cut_offs(method: PauliPropagation) -> tuple[CutOff, CutOff]:
    """Return the finer and the coarser cut-off."""
    weight, coefficient = method.largest_weight, method.smallest_coefficient
    return (weight, coefficient), (weight - 1, min(3 * coefficient, 0.5))


def propagation_errors(difference: FloatArray, losses: FloatArray) -> FloatArray:
    """Return the errors (T, M) from the differences of the two cut-offs and what the finer dropped.

    A difference may vanish by accident: that of all memristors and earlier times stands in where
    it is larger in the mean of squares. It says nothing where both runs drop the same: what the
    finer one dropped, its signs as if random, stands in where that is larger; counted more where
    few were dropped, which may well have the same sign. `losses` (2, T, M) are its sum of moduli,
    which no error exceeds, and its root of the sum of squares.
    """
    bound, quadrature = losses
    common = np.sqrt(np.mean(difference**2, axis=1, keepdims=True))
    seen = np.maximum(np.abs(difference), np.maximum.accumulate(common, axis=0))
    factor = np.where(bound < FEW * quadrature, FEW_FACTOR, ERROR_FACTOR)
    return np.asarray(np.minimum(np.maximum(ERROR_FACTOR * seen, factor * quadrature), bound))
