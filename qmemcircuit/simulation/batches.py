"""`exact_batch`: the exact states of thousands of parameter points at once, by maps.

What a step does is found for each network by itself, for all of its steps together; then all
networks take the same step at the same time (`qmemcircuit.simulation.steps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.channels.pauli_maps import density_matrices, pauli_means
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.circuits.splitting import Splitting, step_maps
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.resources import Effort, progress_of, require
from qmemcircuit.common.states import reduce_states, signed_concurrence
from qmemcircuit.model.memristors import Model, Network, as_network
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.observables import trajectory_of_states, voltages_and_currents
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.simulation.maps import WHOLE_UP_TO
from qmemcircuit.simulation.steps import Parts, propagate

CHUNK = 5 * 10**7
"""Bytes of maps that are kept at a time."""


@data_object
@dataclass(frozen=True, eq=False)
class Batch:
    """Exact circuits' states of many networks of one graph, `batch[k]` a `Trajectory` of its own.

    Attributes:
        networks: B networks of M memristors.
        times: shape (T,), or (B, T) where each network has its own.
        voltage, current: shape (B, T, M), as in `Trajectory`.
        means: the Pauli means Tr(Pρ), shape (B, T, 4^M); one base-4 digit (I, X, Y, Z) a
            memristor, memristor 0 least significant. They are the state: `states` has the
            matrices.
        splitting, steps: how collisions and couplings alternate, as in `exact_batch`.

    >>> import qmemcircuit as qm
    >>> import numpy as np
    >>> models = [qm.Memristor(qm.SquidRate(gamma), a=0.8, b=0.6) for gamma in (0.2, 0.4)]
    >>> batch = qm.exact_batch(models, [0.0, 0.5])
    >>> (
    ...     batch.voltage.shape,
    ...     np.allclose(batch[1].voltage, qm.exact_circuit(models[1], [0.0, 0.5]).voltage),
    ... )
    ((2, 2, 1), True)
    """

    networks: tuple[Network, ...]
    times: FloatArray
    voltage: FloatArray
    current: FloatArray
    means: FloatArray
    splitting: Splitting
    steps: int | None

    def __post_init__(self) -> None:
        check_fields(self)
        count, instants = len(self.networks), np.shape(self.times)[-1:]
        members = len(self.networks[0].memristors) if count else 0
        wanted = {
            "voltage": (count, *instants, members),
            "current": (count, *instants, members),
            "means": (count, *instants, 4**members),
        }
        for name, shape in wanted.items():
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(
                    f"Argument {name} must have shape {shape}, but "
                    f"{np.shape(getattr(self, name))} was given."
                )

    def __len__(self) -> int:
        return len(self.networks)

    def _checked(self, index: int) -> int:
        """Return a place from 0 on; IndexError, which ends a loop over the batch, past its end."""
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"Argument index must be from {-len(self)} to {len(self) - 1}, but {index} was "
                "given."
            )
        return int(index) % len(self)

    def times_of(self, index: int) -> FloatArray:
        """Return the times of network `index`, shape (T,)."""
        check_arguments(Batch.times_of, locals())
        index = self._checked(index)
        return np.asarray(self.times if self.times.ndim == 1 else self.times[index])

    def __getitem__(self, index: int) -> Trajectory:
        """Return what `exact_circuit` returns for network `index`."""
        check_arguments(Batch.__getitem__, locals())
        index = self._checked(index)
        network, times = self.networks[index], self.times_of(index)
        provenance = make_provenance(
            "exact_batch",
            engine="maps",
            model=describe_model(network, times),
            splitting=self.splitting,
            steps=self.steps,
        )
        states = density_matrices(self.means[index])
        return trajectory_of_states(network, times, states, provenance)

    @property
    def states(self) -> ComplexArray:
        """The density matrices, shape (B, T, 2^M, 2^M); memristor 0 is the least significant bit.

        Made from the means each time it is asked for, of four times their size or more.
        """
        return density_matrices(self.means)

    def concurrence(self, first: int, second: int) -> FloatArray:
        """Return Wootters' concurrence of two memristors, shape (B, T)."""
        check_arguments(Batch.concurrence, locals())
        members = len(self.networks[0].memristors)
        if first == second or not all(0 <= j < members for j in (first, second)):
            raise ValueError(
                "Arguments first and second must be two different memristors from 0 to "
                f"{members - 1}, but {first} and {second} were given."
            )
        found = np.empty(self.means.shape[:2])
        for index, means in enumerate(self.means):
            pair = reduce_states(density_matrices(means), (first, second))
            found[index] = np.maximum(signed_concurrence(pair), 0.0)
        return found


def exact_batch(
    models: Sequence[Model],
    times: ArrayLike,
    *,
    splitting: Splitting = "lie",
    steps: int | None = None,
) -> Batch:
    """Return the exact states of the circuits of many models, as `exact_circuit` does of one.

    Args:
        models: memristors or networks, of one to three memristors, all with the same couplings'
            pairs in the same order; laws, couplings, states and frequencies may all differ.
        times: increasing times, shape (T,); or (B, T), a row for each model.
        splitting: `"lie"`, `"strang"`, `"couplings_first"` or `"fused"`.
        steps: as in `build_circuits`.

    The states agree with those of `exact_circuit` to rounding
    (tests/simulation/test_batches.py); what is saved is the overhead of a call. Raises ValueError
    for models of different graphs, a model that has no circuits (with its index), and where the
    batch does not fit into memory, naming the bytes.

    >>> import qmemcircuit as qm
    >>> models = [qm.Memristor(qm.SquidRate(gamma), a=0.8) for gamma in (0.1, 0.2, 0.4)]
    >>> batch = exact_batch(models, models[0].periods(1))
    >>> batch.current.shape, qm.find_loops(batch[2])[0].index
    ((3, 31, 1), 0)
    """
    check_arguments(exact_batch, locals())
    networks = _check_graph(models)
    checked = _check_times(times, len(networks))
    options = CircuitOptions("Z", "reset", splitting, steps).for_network(networks[0])
    if options.constant_depth is not None:
        raise ValueError(
            "Argument splitting must be 'lie', 'strang', 'couplings_first' or 'fused', but "
            "'compiled' was given: its circuits are fitted one by one; use exact_circuit."
        )
    estimate = estimate_batch(networks, checked.shape[-1], options.steps)
    require(estimate, "split the list of models", argument="models")
    shape = (len(networks), checked.shape[-1])
    members = len(networks[0].memristors)
    means = np.empty((*shape, 4**members))
    voltage, current = np.empty((*shape, members)), np.empty((*shape, members))
    at_a_time = max(1, CHUNK // (shape[1] * 2 * len(networks[0].couplings or [0]) * 16**2 * 8))
    with progress_of(estimate) as report:
        for first in range(0, len(networks), at_a_time):
            part = slice(first, min(first + at_a_time, len(networks)))
            instants = np.broadcast_to(checked, shape)[part]
            means[part] = _means(networks[part], instants, options, first)
            for index in range(part.start, part.stop):
                own = checked if checked.ndim == 1 else checked[index]
                voltage[index], current[index] = _series(networks[index], own, means[index])
            report(part.stop, len(networks))
    return Batch(networks, checked, voltage, current, means, splitting, options.steps)


def estimate_batch(networks: Sequence[Network], instants: int, steps: int | None) -> Effort:
    """Return what `exact_batch` will take: an overhead a model, work a step, the means it keeps."""
    count, members = len(networks), len(networks[0].memristors)
    parts = 2 * members + 2 * len(networks[0].couplings)
    each = 1.5e-3 + instants * (steps or 1) * parts * (2e-6 + 2e-8 * 4**members)
    # The means, V and I, and while it is checked, one array of truths as long.
    memory = count * instants * (10.0 * 4**members + 16 * members) + 2 * CHUNK
    work = f"{count:,} networks of {members} memristors at {instants} times"
    return Effort(work, count * each, memory)


def _check_graph(models: Sequence[Model]) -> tuple[Network, ...]:
    if not len(models):
        raise ValueError("Argument models must hold at least one model, but it is empty.")
    networks = tuple(as_network(model) for model in models)
    members, pairs = _graph(networks[0])
    if members > WHOLE_UP_TO:
        raise ValueError(
            f"Argument models must have at most {WHOLE_UP_TO} memristors each, but they have "
            f"{members}; exact_circuit takes them one by one."
        )
    for index, network in enumerate(networks):
        if _graph(network) != (members, pairs):
            raise ValueError(
                f"Argument models must share one graph, but models[0] has {members} memristors "
                f"with couplings {pairs} and models[{index}] has {_graph(network)[0]} with "
                f"{_graph(network)[1]}; a coupling of strength 0 keeps a place."
            )
    return networks


def _graph(network: Network) -> tuple[int, list[tuple[int, int]]]:
    return len(network.memristors), [pair for pair, _ in network.couplings]


def _check_times(times: ArrayLike, count: int) -> FloatArray:
    given = np.asarray(times, dtype=float)
    if given.ndim != 2:
        return check_times(given)
    if len(given) != count:
        raise ValueError(
            f"Argument times must have one row for each of the {count} models, but {len(given)} "
            "were given; times of shape (T,) serve all."
        )
    return np.array([check_times(row) for row in given])


def _series(
    network: Network, times: FloatArray, means: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return V and I of one network, (T, M)."""
    states = density_matrices(means)
    voltage, current, _ = voltages_and_currents(
        network, times, lambda keep: reduce_states(states, keep)
    )
    return voltage, current


def _means(
    networks: Sequence[Network], times: FloatArray, options: CircuitOptions, offset: int
) -> FloatArray:
    """Return the means (B, T, 4^M) of networks at their times (B, T)."""
    first = np.array([pauli_means(network.initial_state) for network in networks])
    if options.steps is None:
        starts = np.concatenate([np.zeros((len(times), 1)), times[:, :-1]], axis=1)
        return propagate(first, _parts(networks, starts, times, options, offset))
    # Each time has steps of its own from 0 on: one state for each network and time.
    shape, edges = times.shape, times[..., None] * np.linspace(0.0, 1.0, options.steps + 1)
    means = np.repeat(first, shape[1], axis=0)
    for step in range(options.steps):
        parts = _parts(networks, edges[..., step], edges[..., step + 1], options, offset)
        single = [(who, maps.reshape(-1, 1, *maps.shape[2:])) for who, maps in parts]
        means = propagate(means, single)[:, 0]
    return means.reshape(*shape, -1)


def _parts(
    networks: Sequence[Network],
    starts: FloatArray,
    stops: FloatArray,
    options: CircuitOptions,
    offset: int,
) -> Parts:
    """Return the parts of all steps, maps of shape (B, n, 4^k, 4^k)."""
    found: list[list[tuple[tuple[int, ...], FloatArray]]] = []
    for index, network in enumerate(networks):
        try:
            found.append(step_maps(network, starts[index], stops[index], options.name))
        except ValueError as error:
            error.add_note(f"This is models[{offset + index}].")
            raise
    return [(same[0][0], np.array([maps for _, maps in same])) for same in zip(*found, strict=True)]
