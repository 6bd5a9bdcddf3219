"""An ensemble of quantum trajectories: its batches, where they run, their means and errors.

A batch is fixed by its number and a seed of its own, so that it is the same here, in a thread and
on a cluster; `sweep` carries batches to the workers of an executor and keeps those that are
finished. Of matrix-product states the first trajectories are run again at twice and four times the
bond dimension under the same random numbers: a ladder, whose steps say what truncation costs.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.aer import make_simulator
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_choice
from qmemcircuit.common.resources import Effort
from qmemcircuit.common.states import reduced_from_pairs
from qmemcircuit.model.memristors import Network
from qmemcircuit.results.observables import (
    interaction_terms,
    is_driven,
    source_currents,
    voltages_and_currents,
)
from qmemcircuit.simulation.aer_passes import Save, finish
from qmemcircuit.sweeps.sweep import sweep

TRUNCATION_THRESHOLD = 1e-12
"""Squared Schmidt weight that a matrix-product state may drop at each gate, besides what exceeds
the bond dimension, a hundred times less on each further rung of the ladder. Aer's own 1e-16 keeps
rounding and takes twice as long."""

GROUP = 4
"""Trajectories in each of the first batches, which the ladder runs again…"""

RUNGS = (16, 4)
"""…as many trajectories with 2χ, and with 4χ."""

LARGEST_RATIO = 0.75
"""Of one step of the ladder to the one before; what is larger does not converge, and is said."""

BATCH_BYTES = 30_000_000
"""Trajectories run in batches whose saved states take about this much…"""

BATCH_SECONDS = 4.0
"""…and that take one core about this long."""


@dataclass(frozen=True)
class Batch:
    """Some trajectories of an ensemble: how many, their seed, and their rung of the ladder."""

    number: int
    seed: int
    rung: int = 0


# More than ten fields: what a worker must be handed; those with repr are the ensemble's identity.
@dataclass(frozen=True)
class Ensemble:
    """Everything that the trajectories have in common; called with a batch's place it runs it."""

    network: Network
    times: FloatArray
    splitting: Any
    steps: int | None
    kept: tuple[tuple[int, ...], ...]
    method: str
    bond_dimension: int
    total: int
    seed: int
    circuit: QuantumCircuit = field(repr=False)
    left: ComplexArray = field(repr=False)
    threads: int = field(repr=False)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The pairs whose mean states are kept."""
        return tuple((item[0], item[1]) for item in self.kept if len(item) == 2)

    @property
    def seconds(self) -> float:
        """Of one trajectory on one core, estimated."""
        return self.seconds_on(0)

    def seconds_on(self, rung: int) -> float:
        """Return the estimated seconds of one trajectory on a rung of the ladder."""
        memristors = len(self.network.memristors)
        one = seconds_of_one(self.method, memristors, 2**rung * self.bond_dimension)
        return max(1, len(self.circuit.data)) * one

    @property
    def batches(self) -> tuple[Batch, ...]:
        """All batches: those that are averaged, then the repetitions on higher rungs.

        A batch is few enough bytes, and few enough seconds: Aer holds Python's lock while it
        runs, and Ctrl-C waits for it.
        """
        numbers = self.times.size * sum(4 ** len(item) for item in self.kept)
        fitting = BATCH_BYTES // int(16 * numbers)
        largest = max(1, min(fitting, int(BATCH_SECONDS / self.seconds)))
        sizes: list[int] = []
        groups: list[int] = []
        if self.method == "matrix_product_state":
            size = min(GROUP, largest, self.total)
            groups = [min(number, self.total) // size for number in RUNGS]
            sizes = [size] * groups[0]
        rest = self.total - sum(sizes)
        sizes += [min(largest, rest - start) for start in range(0, rest, largest)]
        seeds = np.random.SeedSequence(self.seed).generate_state(len(sizes))
        first = [Batch(size, int(own)) for size, own in zip(sizes, seeds, strict=True)]
        again = [
            Batch(item.number, item.seed, rung)
            for rung, count in enumerate(groups, start=1)
            for item in first[:count]
        ]
        return (*first, *again)

    def __call__(self, batch: int) -> dict[str, FloatArray]:
        """Return means and summed squared deviations of V and I, and the mean pair states."""
        item = self.batches[batch]
        states = self._run(item)
        values = self._read(states)
        mean = values.mean(axis=1)
        pairs = [states[pair].mean(axis=0) for pair in self.pairs]
        found = np.array(pairs) if pairs else np.zeros((0, self.times.size, 4, 4), dtype=complex)
        return {
            "mean": mean,
            "squares": np.sum((values - mean[:, None]) ** 2, axis=1),
            "real": found.real,
            "imaginary": found.imag,
        }

    def _run(self, batch: Batch) -> dict[tuple[int, ...], ComplexArray]:
        """Return the reduced states of every trajectory, {members: shape (n, T, 2^k, 2^k)}."""
        options: dict[str, Any] = {}
        if self.method == "matrix_product_state":
            options = {
                "matrix_product_state_max_bond_dimension": 2**batch.rung * self.bond_dimension,
                "matrix_product_state_truncation_threshold": TRUNCATION_THRESHOLD / 100**batch.rung,
                # Aer overestimates what it will allocate and would refuse 30 memristors. A petabyte
                # is never reached; 2**40 overflows and makes Aer return nothing at all.
                "max_memory_mb": 2**30,
            }
        # Whole trajectories run in parallel; their random numbers do not depend on the threads.
        simulator = make_simulator(self.method, max_parallel_shots=self.threads, **options)
        seed = batch.seed % 2**31
        result = simulator.run(self.circuit, shots=batch.number, seed_simulator=seed).result()
        found = result.data(0) if result.success else {}
        if not found:
            raise RuntimeError(f"Aer returned no states: {result.status}")
        states = {}
        for place, item in enumerate(self.kept):
            series = [np.asarray(found[f"{place}@{k}"]) for k in range(self.times.size)]
            every = finish(np.stack(series, axis=1), self.left, item)
            # Uncoupled memristors need no random operation (all damping waits for the end, where it
            # is exact), and Aer then saves one state for all trajectories.
            states[item] = np.broadcast_to(every, (batch.number, *every.shape[1:]))
        return states

    def _read(self, states: dict[tuple[int, ...], ComplexArray]) -> FloatArray:
        """Return V and I of every trajectory, (2, n, T, M); driven: and I without the sources'."""
        number = next(iter(states.values())).shape[0]
        flat = {item: series.reshape(-1, *series.shape[2:]) for item, series in states.items()}
        of_pairs = {pair: flat[pair] for pair in self.pairs}

        def reduced(keep: tuple[int, ...]) -> ComplexArray:
            return flat[keep] if keep in flat else reduced_from_pairs(of_pairs, keep)

        times = np.tile(self.times, number)
        voltage, current, _ = voltages_and_currents(self.network, times, reduced)
        read = [voltage, current]
        if is_driven(self.network):
            read.append(current - source_currents(self.network, times, reduced))
        return np.stack(read).reshape(len(read), number, self.times.size, -1)


@dataclass(frozen=True)
class Averages:
    """Means and errors of V and I, each (2, T, M), mean pair states, and what truncation cost.

    Of driven networks also of I without the sources', each (3, T, M). `truncated` is the part of
    the errors that the ladder adds, `truncation` its record.
    """

    means: FloatArray
    errors: FloatArray
    pair_states: dict[tuple[int, int], ComplexArray]
    truncated: FloatArray
    truncation: dict[str, Any] | None


def average(
    ensemble: Ensemble,
    executor: Executor | None,
    path: str | os.PathLike[str] | None,
    progress: Callable[[int, int], None],
) -> Averages:
    """Run all batches, here or on the executor's workers, and average them in their order."""
    batches = ensemble.batches

    def report(done: int, of: int) -> None:
        progress(round(ensemble.total * done / of), ensemble.total)

    if executor is None and path is None:
        found = []
        for place in range(len(batches)):
            found.append(ensemble(place))
            report(place + 1, len(batches))
    else:
        here = ThreadPoolExecutor(1) if executor is None else nullcontext(executor)
        with here as workers:
            table = sweep(
                ensemble,
                {"batch": np.arange(len(batches))},
                executor=workers,
                path=path,
                progress=report,
                chunk=1,
            )
        names = ("mean", "squares", "real", "imaginary")
        found = [
            {name: table[name].values[place] for name in names} for place in range(len(batches))
        ]
    return _joined(ensemble, found)


def _joined(ensemble: Ensemble, found: Sequence[dict[str, FloatArray]]) -> Averages:
    batches, total = ensemble.batches, ensemble.total
    first = [place for place, item in enumerate(batches) if item.rung == 0]
    numbers = np.array([batches[place].number for place in first])
    parts = np.array([found[place]["mean"] for place in first])
    means = np.tensordot(numbers, parts, axes=1) / total
    # Within the batches and between them (Chan, Golub and LeVeque, Am. Stat. 37, 242, 1983).
    within = np.sum([found[place]["squares"] for place in first], axis=0)
    squares = within + np.tensordot(numbers, (parts - means) ** 2, axes=1)
    statistical = np.sqrt(squares / (total - 1) / total)
    ranges = np.stack(value_ranges(ensemble.network, ensemble.times))[: len(means)]
    errors = np.hypot(statistical, math.sqrt(0.5) * ranges / total)
    states = np.zeros((len(ensemble.pairs), ensemble.times.size, 4, 4), dtype=complex)
    for place in first:
        states += batches[place].number * (found[place]["real"] + 1j * found[place]["imaginary"])
    pair_states = dict(zip(ensemble.pairs, states / total, strict=True))
    truncation, truncated = None, np.zeros(errors.shape)
    if ensemble.method == "matrix_product_state":
        added, truncation = _truncation(ensemble, found, float(errors[0].max()))
        truncated = np.minimum(added, ranges)
    return Averages(means, errors + truncated, pair_states, truncated, truncation)


def _truncation(
    ensemble: Ensemble, found: Sequence[dict[str, FloatArray]], statistical: float
) -> tuple[FloatArray, dict[str, Any]]:
    """Return the truncation error (2 or 3, T, 1), and what `provenance` keeps of the ladder.

    Of V and I, of driven networks also of I without the sources'.
    The first step of the ladder, from χ to 2χ, is the largest |mean| + standard error of the
    differences over memristors and earlier times. On the trajectories that were run a third time,
    the second step is r times the first; further steps are taken to shrink alike, so that all of
    them come to first/(1 − r).
    """
    batches = ensemble.batches
    rows = {(item.seed, item.rung): found[place]["mean"] for place, item in enumerate(batches)}
    second = [item for item in batches if item.rung == 1]
    third = [item for item in batches if item.rung == 2]
    steps = np.array([rows[item.seed, 0] - rows[item.seed, 1] for item in second])
    size = np.abs(steps.mean(axis=0))
    if len(steps) > 1:
        size = size + steps.std(axis=0, ddof=1) / math.sqrt(len(steps))
    worst = np.maximum.accumulate(size.max(axis=2, keepdims=True), axis=1)
    before, after = (
        np.mean([rows[item.seed, k] - rows[item.seed, k + 1] for item in third], axis=0)[0]
        for k in (0, 1)
    )
    scale = float(np.abs(before).max())
    ratio = float(np.abs(after).max()) / scale if scale > 0 else 0.0
    added = worst / (1 - min(ratio, LARGEST_RATIO))
    voltage, current = (float(item.max()) for item in added[:2])
    chi = ensemble.bond_dimension
    if voltage > statistical:
        more = "" if ratio < LARGEST_RATIO else ", and the steps of the ladder do not shrink"
        warnings.warn(
            f"Argument bond_dimension must be larger for this network: that {chi} is not enough "
            f"changes the voltage by about {voltage:.2g}, more than the statistical error of "
            f"{statistical:.2g}{more}.",
            RuntimeWarning,
            stacklevel=5,
        )
    return added, {
        "bond_dimensions": [chi, 2 * chi, 4 * chi],
        "threshold": TRUNCATION_THRESHOLD,
        "trajectories": [sum(item.number for item in rung) for rung in (second, third)],
        "ratio": ratio,
        "voltage": voltage,
        "current": current,
    }


def estimate_ensemble(ensemble: Ensemble, workers: int) -> Effort:
    """Return what the trajectories will take."""
    return estimate_trajectories(
        ensemble.method,
        len(ensemble.network.memristors),
        operations=len(ensemble.circuit.data),
        states=ensemble.times.size * np.array([4.0 ** len(item) for item in ensemble.kept]),
        trajectories=ensemble.total,
        bond_dimension=ensemble.bond_dimension,
        workers=workers,
        batches=len(ensemble.batches),
    )


# More than eight parameters: the factors of one product.
def estimate_trajectories(
    method: str,
    memristors: int,
    *,
    operations: int,
    states: FloatArray,
    trajectories: int,
    bond_dimension: int,
    workers: int,
    batches: int = 1,
) -> Effort:
    """Return what trajectories of a circuit will take; the coefficients are measured.

    `states` are the numbers of a trajectory's saved states, one entry for each set of memristors.
    """
    numbers = 2.0**memristors
    runs = [float(trajectories)]
    if method == "matrix_product_state":
        # Two tensors of χ×χ a memristor, at the largest χ of the ladder.
        numbers = 2.0 * memristors * (4 * bond_dimension) ** 2
        runs += [float(min(number, trajectories)) for number in RUNGS]
    each = [
        seconds_of_one(method, memristors, 2**rung * bond_dimension) for rung in range(len(runs))
    ]
    seconds = max(1, operations) * float(np.dot(runs, each))
    kept = 16 * float(states.sum())
    largest = max(1.0, min(trajectories, BATCH_BYTES / kept))
    return Effort(
        f"the {method} of {memristors} memristors on each of {workers} threads, "
        f"{operations:,} operations, {trajectories} trajectories,",
        seconds / workers,
        16 * numbers * workers + 2 * kept * largest + 2 * kept * batches,
    )


def seconds_of_one(method: str, memristors: int, bond_dimension: int) -> float:
    """Return the measured seconds of one operation on one trajectory, on one core."""
    if method == "statevector":
        return 5e-6 + 1.3e-8 * 2.0**memristors
    # No bond is wider than half of the memristors allow.
    chi = min(bond_dimension, 2.0 ** (memristors // 2))
    return 4e-5 + 1.5e-9 * (2.0 * chi) ** 3


def kept_states(
    network: Network, pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"]
) -> tuple[tuple[int, ...], ...]:
    """Return the pairs, and the memristors in none of them, whose states trajectories save."""
    count = len(network.memristors)
    wanted = named_pairs(network, pairs)
    coupled = [pair for pair, _ in network.couplings]
    chosen = tuple(dict.fromkeys([*coupled, *wanted]))
    alone = [j for j in range(count) if all(j not in pair for pair in chosen)]
    return (*chosen, *((j,) for j in alone))


def named_pairs(
    network: Network, pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"]
) -> list[tuple[int, int]]:
    """Return the pairs that are asked for beside the coupled ones, in ascending order.

    Raises:
        ValueError: for pairs that do not exist.
    """
    count = len(network.memristors)
    if isinstance(pairs, str):
        check_choice("pairs", pairs, ("coupled", "all"))
        return list(combinations(range(count), 2)) if pairs == "all" else []
    for first, second in pairs:
        if first == second or not (0 <= first < count and 0 <= second < count):
            raise ValueError(
                f"Argument pairs must name two different memristors from 0 to {count - 1}, but "
                f"{(int(first), int(second))} was given."
            )
    return sorted({(int(min(pair)), int(max(pair))) for pair in pairs})


def save_each(kept: Sequence[tuple[int, ...]]) -> Save:
    """Save the reduced states of every trajectory."""
    from qiskit_aer.library import SaveDensityMatrix

    def save(circuit: QuantumCircuit, index: int) -> None:
        for place, item in enumerate(kept):
            label = f"{place}@{index}"
            circuit.append(SaveDensityMatrix(len(item), label=label, pershot=True), list(item))

    return save


def value_ranges(network: Network, times: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return largest minus smallest possible V, I and I without the sources', (T, M) each."""
    scale = np.array([memristor.current_scale for memristor in network.memristors])
    rate = np.stack([memristor.conductance(times) for memristor in network.memristors], axis=1)
    coupled = np.array(
        [
            sum(2 * np.linalg.norm(operator, 2) for _, operator in interaction_terms(network, j))
            for j in range(scale.size)
        ]
    )
    driven = np.stack(
        [
            np.zeros(times.size)
            if item.drive is None
            else 2 * np.linalg.norm(item.drive.source, 2) * np.abs(item.drive_amplitude(times))
            for item in network.memristors
        ],
        axis=1,
    )
    own = scale * (rate + coupled)
    return np.broadcast_to(scale, rate.shape), own + scale * driven, own
