"""`simulate_circuit`: the circuit's averages by the route that fits the size of the network.

Up to ten memristors the density matrix itself (`exact_circuit`). Beyond, the channel of each
collision is unravelled: at every collision one Kraus operator K is drawn with its probability
‖Kψ‖² and applied, which makes one pure-state quantum trajectory (Mølmer, Castin and Dalibard,
J. Opt. Soc. Am. B 10, 524 (1993)); its average over trajectories is the density matrix. State
vectors carry this to about fourteen memristors, matrix-product states further. Only the exact
route has no statistical error, which is why this verb is not called exact. For hundreds of
memristors over a few periods there is the Heisenberg picture (`propagation`), on request.
"""

# More than 400 lines: one verb, with what only it needs: the choice of its route, what that costs,
# batches of trajectories and their averages.

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.build import build_circuits
from qmemcircuit.circuits.options import AnySplitting
from qmemcircuit.common.aer import make_simulator
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    check_choice,
    check_integer,
)
from qmemcircuit.common.drawing import chosen_seed
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.resources import Effort, progress_of, require, too_long
from qmemcircuit.common.states import reduced_from_pairs
from qmemcircuit.model.memristors import Model, Network, as_network
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.model.units import memristor_units
from qmemcircuit.results.observables import (
    interaction_terms,
    rate_variables,
    voltages_and_currents,
)
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.simulation.exact import (
    STATES_UP_TO,
    Save,
    exact_circuit,
    finish,
    traced_circuit,
)
from qmemcircuit.simulation.maps import estimate_maps
from qmemcircuit.simulation.propagation import PauliPropagation, propagate_circuits

Method = Literal["density_matrix", "statevector", "matrix_product_state"]
"""Aer's names. The first is exact; the other two average quantum trajectories."""

DENSITY_MATRIX_UP_TO = 10
STATEVECTOR_UP_TO = 14

TRUNCATION_THRESHOLD = 1e-12
"""Squared Schmidt weight that a matrix-product state may drop at each gate, besides what exceeds
the bond dimension. Aer's own 1e-16 keeps rounding and takes twice as long."""

CHECKED_TRAJECTORIES = 4
"""How many trajectories are run again with twice the bond dimension."""

BATCH_BYTES = 30_000_000
"""Trajectories run in batches whose saved states take about this much…"""

BATCH_SECONDS = 4.0
"""…and that take one core about this long."""


# More than eight parameters: the circuit's, the method's and what is kept of it, each by its name.
def simulate_circuit(
    model: Model,
    times: ArrayLike,
    *,
    method: Method | PauliPropagation | None = None,
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    trajectories: int = 400,
    bond_dimension: int = 16,
    pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"] = "coupled",
    seed: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trajectory:
    """Return V, I and pair states of the circuits of `build_circuits`, for any size of network.

    Args:
        model, times, splitting, steps: as in `build_circuits`; ancillas are traced out.
        method: `"density_matrix"` (exact, 16·4^M bytes), `"statevector"` (trajectories, 16·2^M
            bytes) or `"matrix_product_state"` (trajectories, M·χ² numbers). None takes the first
            up to 10 memristors unless it would be refused as too long, the second up to 14, the
            third beyond. The choice and its reason stand in `provenance["route"]`.
            `PauliPropagation(…)` pushes each observable backwards as a sum of Pauli strings,
            dropping heavy and small ones: seconds for a hundred memristors and three periods.
        trajectories: how many are averaged, at least 2. Ignored by the exact route.
        bond_dimension: χ, the largest bond dimension of a matrix-product state.
        pairs: whose reduced states the trajectories keep beside the coupled ones. The exact route
            keeps all, propagation those that are named here one by one: each costs as much as 15
            memristors.
        seed: of the trajectories; None draws one from the system and records it.
        progress: called with trajectories done and in total.

    Returns a `Trajectory`. On the stochastic routes `voltage_error` and `current_error` are
    standard errors of the mean, s/√n with the sample's standard deviation s, joined by √½ R/n,
    where R is the range of the observable's values: what a jump too rare to have occurred in n
    trajectories may contribute (the standard deviation of Jeffreys' posterior for 0 of n). On
    matrix-product states the first trajectories are run again with 2χ and a hundredth of the
    truncation threshold under the same random numbers; the largest difference of their mean V and
    I stands in `provenance["truncation"]` and is added to the errors, and where it exceeds the
    statistical error of V a RuntimeWarning is given. `pair_states` are averages *without* errors:
    a concurrence computed from them is biased upwards, for it is a convex function.
    Errors at different times are correlated, since one trajectory serves all times.

    Propagation has no noise: its errors are three times the difference to a run that drops more
    (the rigorous bound where that is smaller, or where both runs drop the same), an indication and
    no interval (`experiments/benchmarks/propagation.py` measures how often it covers).
    `variables["rigorous_bound"]` bounds the error of V, by what was dropped in all; beyond about
    one period it says nothing.

    Raises ValueError where the work is too long or too large for this machine, see `allow_large`,
    naming the bytes, for a joint
    initial state on the stochastic routes, and for pairs that do not exist.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> pair = qm.chain([memristor] * 2, qm.Native("y", 0.06))
    >>> sampled = simulate_circuit(
    ...     pair, [0.0, 0.2], method="statevector", trajectories=10, seed=1)
    >>> sampled.voltage_error.shape, sampled.provenance["route"]["method"]
    ((2, 2), 'statevector')
    """
    check_arguments(simulate_circuit, locals())
    network = as_network(model)
    if isinstance(method, PauliPropagation):
        return _propagated(network, times, splitting, steps, method, pairs, progress)
    route = choose_route(len(network.memristors), method)
    if method is None and route["method"] == "density_matrix" and network.state is None:
        route = _shorter_route(network, times, splitting, steps, route)
    if route["method"] == "density_matrix":
        exact = exact_circuit(network, times, splitting=splitting, steps=steps)
        changed = {**exact.provenance, "method": "simulate_circuit", "route": route}
        return replace(exact, provenance=changed)
    circuits = build_circuits(network, times, bases="Z", splitting=splitting, steps=steps)
    bond_dimension = check_integer("bond_dimension", bond_dimension, minimum=1)
    total = check_integer("trajectories", trajectories, minimum=2)
    kept = _kept(network, pairs)
    _check_state(network, route["method"])
    circuit, left = traced_circuit(circuits, _save_each(kept), unravel=True)
    plan = _Plan(network, circuits.times, circuit, left, kept, route["method"], bond_dimension)
    estimate = _estimate(plan, total)
    remedy = "take fewer trajectories, or method='matrix_product_state', which is linear in M"
    if route["method"] == "matrix_product_state":
        remedy = "reduce bond_dimension, trajectories or times"
    require(estimate, remedy)
    seed = chosen_seed(seed)
    with progress_of(estimate) as report:

        def advance(done: int, of: int) -> None:
            report(done, of)
            progress(done, of)

        averages = _average(plan, total, seed, advance)
    truncation: dict[str, Any] | None = None
    if plan.method == "matrix_product_state":
        truncation = _check_truncation(plan, averages)
        for errors, quantity in zip(averages.errors, ("voltage", "current"), strict=True):
            errors += truncation[quantity]
    provenance = make_provenance(
        "simulate_circuit",
        model=describe_model(network, circuits.times),
        route=route,
        ancilla="traced",
        splitting=circuits.splitting,
        steps=circuits.steps,
        **circuits.describe_compilation(),
        trajectories=total,
        seed=seed,
        truncation=truncation,
        decay_integrals=network.decay_integrals(float(circuits.times[-1])),
    )
    units = memristor_units(network)
    units.pop("source_current", None)  # averaged with the rest of the current
    found = Trajectory(
        circuits.times,
        *averages.means,
        voltage_error=averages.errors[0],
        current_error=averages.errors[1],
        pair_states=averages.pair_states,
        variables=rate_variables(network, circuits.times, averages.rate),
        periods=np.array([memristor.period for memristor in network.memristors]),
        units=units,
        provenance=provenance,
    )
    return circuits.with_residuals(found)


def _propagated(
    network: Network,
    times: ArrayLike,
    splitting: AnySplitting,
    steps: int | None,
    method: PauliPropagation,
    pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"],
    progress: Callable[[int, int], None],
) -> Trajectory:
    """Return the trajectory by Pauli propagation."""
    circuits = build_circuits(network, times, bases="Z", splitting=splitting, steps=steps)
    if circuits.compiled:
        raise ValueError(
            "Argument splitting must not be 'compiled' for PauliPropagation, but it is; take "
            "'lie', 'strang' or 'fused'."
        )
    _check_state(network, "pauli_propagation")
    named = [] if isinstance(pairs, str) else [item for item in _kept(network, pairs)]
    wanted = {(min(pair), max(pair)) for pair in pairs if not isinstance(pair, str)}
    units = memristor_units(network)
    found = propagate_circuits(
        circuits,
        method,
        [(item[0], item[1]) for item in named if len(item) == 2 and item in wanted],
        progress,
    )
    return Trajectory(
        circuits.times,
        *found.means,
        voltage_error=found.errors[0],
        current_error=found.errors[1],
        pair_states=found.pair_states,
        variables={**found.variables, "rigorous_bound": found.bound},
        periods=np.array([memristor.period for memristor in network.memristors]),
        units={**units, "rigorous_bound": units["voltage"]},
        provenance=make_provenance(
            "simulate_circuit",
            model=describe_model(network, circuits.times),
            route={
                "method": "pauli_propagation",
                "reason": "chosen by the caller",
                "largest_weight": method.largest_weight,
                "smallest_coefficient": method.smallest_coefficient,
                "strings": found.strings,
            },
            ancilla="traced",
            splitting=circuits.splitting,
            steps=circuits.steps,
            decay_integrals=network.decay_integrals(float(circuits.times[-1])),
        ),
    )


def choose_route(memristors: int, method: Method | None = None) -> dict[str, str]:
    """Return the method for a network of this size, and the reason, as `provenance` keeps them.

    >>> choose_route(12)["method"], choose_route(12, "matrix_product_state")["reason"]
    ('statevector', 'chosen by the caller')
    """
    if method is not None:
        check_choice("method", method, ("density_matrix", "statevector", "matrix_product_state"))
        return {"method": method, "reason": "chosen by the caller"}
    if memristors <= DENSITY_MATRIX_UP_TO:
        return {
            "method": "density_matrix",
            "reason": f"{memristors} memristors: exact up to {DENSITY_MATRIX_UP_TO}",
        }
    if memristors <= STATEVECTOR_UP_TO:
        return {
            "method": "statevector",
            "reason": f"{memristors} memristors: a density matrix of 4^{memristors} numbers is too "
            f"slow beyond {DENSITY_MATRIX_UP_TO}, a state vector fits up to {STATEVECTOR_UP_TO}",
        }
    return {
        "method": "matrix_product_state",
        "reason": f"{memristors} memristors: a state vector of 2^{memristors} numbers is too slow "
        f"beyond {STATEVECTOR_UP_TO}",
    }


def _shorter_route(
    network: Network,
    times: ArrayLike,
    splitting: AnySplitting,
    steps: int | None,
    route: dict[str, str],
) -> dict[str, str]:
    """Return the route by trajectories where the density matrix would be refused as too long."""
    memristors = len(network.memristors)
    if memristors <= STATES_UP_TO:
        return route
    circuits = build_circuits(network, times, bases="Z", splitting=splitting, steps=steps)
    estimate = estimate_maps(circuits, list(combinations(range(memristors), 2)))
    if not too_long(estimate):
        return route
    return {"method": "statevector", "reason": f"{estimate.work} would take {estimate}"}


@dataclass(frozen=True)
class _Plan:
    """What every batch of trajectories has in common."""

    network: Network
    times: FloatArray
    circuit: QuantumCircuit
    left: ComplexArray
    kept: tuple[tuple[int, ...], ...]
    method: str
    bond_dimension: int

    @property
    def batch(self) -> int:
        """How many trajectories to run at once: few enough bytes, and few enough seconds.

        Aer holds Python's lock while a batch runs, and Ctrl-C waits for it.
        """
        numbers = self.times.size * sum(4 ** len(item) for item in self.kept)
        fitting = BATCH_BYTES // int(16 * numbers)
        return max(1, min(fitting, int(BATCH_SECONDS / self.seconds)))

    @property
    def seconds(self) -> float:
        """Of one trajectory on one core, estimated."""
        one = _seconds_of_one(self.method, len(self.network.memristors), self.bond_dimension)
        return max(1, len(self.circuit.data)) * one


@dataclass(frozen=True)
class _Averages:
    """Means and errors of V and I, each of shape (T, M), and mean pair states.

    `first` are V and I of the first trajectories, and `first_seed` the seed that made them.
    """

    means: tuple[FloatArray, FloatArray]
    errors: tuple[FloatArray, FloatArray]
    rate: FloatArray
    pair_states: dict[tuple[int, int], ComplexArray]
    first: tuple[FloatArray, FloatArray]
    first_seed: int


def _estimate(plan: _Plan, trajectories: int) -> Effort:
    """Return what the trajectories will take; the coefficients are measured."""
    network, method = plan.network, plan.method
    memristors, operations = len(network.memristors), len(plan.circuit.data)
    workers = os.cpu_count() or 1
    seconds = trajectories * plan.seconds
    numbers = 2.0**memristors
    if method == "matrix_product_state":
        # Two tensors of χ×χ a memristor, at the doubled χ that the truncation is checked with.
        numbers = 2.0 * memristors * (2 * plan.bond_dimension) ** 2
        checked = min(CHECKED_TRAJECTORIES, trajectories)
        seconds += (
            checked * operations * _seconds_of_one(method, memristors, 2 * plan.bond_dimension)
        )
    kept = plan.times.size * sum(4 ** len(item) for item in plan.kept)
    return Effort(
        f"the {method} of {memristors} memristors on each of {workers} threads, "
        f"{operations:,} operations, {trajectories} trajectories,",
        seconds / workers,
        16 * numbers * workers + 2 * 16 * kept * min(plan.batch, trajectories),
    )


def _seconds_of_one(method: str, memristors: int, bond_dimension: int) -> float:
    """Return the measured seconds of one operation on one trajectory, on one core."""
    if method == "statevector":
        return 5e-6 + 1.3e-8 * 2.0**memristors
    return 4e-5 + 1.5e-9 * (2.0 * bond_dimension) ** 3


def _check_state(network: Network, method: str) -> None:
    """Refuse joint initial states, which trajectories do not start from."""
    if network.state is not None:
        raise ValueError(
            f"Argument model must start from the memristors' own states on the route {method!r}, "
            "but this network has a joint initial state; use method='density_matrix'."
        )


def _kept(
    network: Network, pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"]
) -> tuple[tuple[int, ...], ...]:
    """Return the pairs, and the memristors in none of them, whose states trajectories save."""
    count = len(network.memristors)
    if isinstance(pairs, str):
        check_choice("pairs", pairs, ("coupled", "all"))
        wanted = list(combinations(range(count), 2)) if pairs == "all" else []
    else:
        wanted = [(int(first), int(second)) for first, second in pairs]
    for pair in wanted:
        if pair[0] == pair[1] or not all(0 <= j < count for j in pair):
            raise ValueError(
                f"Argument pairs must name two different memristors from 0 to {count - 1}, but "
                f"{pair} was given."
            )
    coupled = [pair for pair, _ in network.couplings]
    chosen = tuple(dict.fromkeys((min(pair), max(pair)) for pair in [*coupled, *wanted]))
    alone = [j for j in range(count) if all(j not in pair for pair in chosen)]
    return (*chosen, *((j,) for j in alone))


def _save_each(kept: Sequence[tuple[int, ...]]) -> Save:
    """Save the reduced states of every trajectory."""
    from qiskit_aer.library import SaveDensityMatrix

    def save(circuit: QuantumCircuit, index: int) -> None:
        for place, item in enumerate(kept):
            label = f"{place}@{index}"
            circuit.append(SaveDensityMatrix(len(item), label=label, pershot=True), list(item))

    return save


def _average(plan: _Plan, total: int, seed: int, progress: Callable[[int, int], None]) -> _Averages:
    """Run all trajectories in batches and average them."""
    network, times = plan.network, plan.times
    sizes = [min(plan.batch, total - start) for start in range(0, total, plan.batch)]
    seeds = np.random.SeedSequence(seed).generate_state(len(sizes))
    sums: dict[tuple[int, ...], ComplexArray] = {}
    values: list[tuple[FloatArray, FloatArray]] = []
    done = 0
    for number, batch_seed in zip(sizes, seeds, strict=True):
        states = _run(plan, number, int(batch_seed), plan.bond_dimension, TRUNCATION_THRESHOLD)
        values.append(_read(network, times, states))
        for item, series in states.items():
            sums[item] = sums.get(item, 0) + series.sum(axis=0)
        done += number
        progress(done, total)
    ranges = _ranges(network, times)
    means, errors = [], []
    for place in range(2):
        every = np.concatenate([pair[place] for pair in values])
        means.append(every.mean(axis=0))
        statistical = every.std(axis=0, ddof=1) / math.sqrt(total)
        errors.append(np.hypot(statistical, math.sqrt(0.5) * ranges[place] / total))
    rate = np.stack([item.decay_rate(times) for item in network.memristors], axis=1)
    pair_states = {(k[0], k[1]): series / total for k, series in sums.items() if len(k) == 2}
    first = values[0]
    return _Averages(
        (means[0], means[1]), (errors[0], errors[1]), rate, pair_states, first, int(seeds[0])
    )


def _run(
    plan: _Plan, trajectories: int, seed: int, bond_dimension: int, threshold: float
) -> dict[tuple[int, ...], ComplexArray]:
    """Return the reduced states of every trajectory, {members: shape (n, T, 2^k, 2^k)}."""
    options: dict[str, Any] = {}
    if plan.method == "matrix_product_state":
        options = {
            "matrix_product_state_max_bond_dimension": bond_dimension,
            "matrix_product_state_truncation_threshold": threshold,
            # Aer overestimates what it will allocate and would refuse 30 memristors. A petabyte
            # is never reached; 2**40 overflows and makes Aer return nothing at all.
            "max_memory_mb": 2**30,
        }
    # Whole trajectories run in parallel; a shot's random numbers do not depend on the threads.
    simulator = make_simulator(plan.method, max_parallel_shots=os.cpu_count() or 1, **options)
    result = simulator.run(plan.circuit, shots=trajectories, seed_simulator=seed % 2**31).result()
    found = result.data(0) if result.success else {}
    if not found:
        raise RuntimeError(f"Aer returned no states: {result.status}")
    states = {}
    for place, item in enumerate(plan.kept):
        series = [np.asarray(found[f"{place}@{k}"]) for k in range(plan.times.size)]
        every = finish(np.stack(series, axis=1), plan.left, item)
        # Uncoupled memristors need no random operation (all damping waits for the end, where it
        # is exact), and Aer then saves one state for all trajectories.
        states[item] = np.broadcast_to(every, (trajectories, *every.shape[1:]))
    return states


def _read(
    network: Network, times: FloatArray, states: dict[tuple[int, ...], ComplexArray]
) -> tuple[FloatArray, FloatArray]:
    """Return V and I of every trajectory, each of shape (n, T, M)."""
    number = next(iter(states.values())).shape[0]
    flat = {item: series.reshape(-1, *series.shape[2:]) for item, series in states.items()}
    of_pairs = {(k[0], k[1]): series for k, series in flat.items() if len(k) == 2}

    def reduced(keep: tuple[int, ...]) -> ComplexArray:
        return flat[keep] if keep in flat else reduced_from_pairs(of_pairs, keep)

    voltage, current, _ = voltages_and_currents(network, np.tile(times, number), reduced)
    shape = (number, times.size, -1)
    return voltage.reshape(shape), current.reshape(shape)


def _ranges(network: Network, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return largest minus smallest possible V and I, each of shape (T, M)."""
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
    return np.broadcast_to(scale, rate.shape), scale * (rate + coupled + driven)


def _check_truncation(plan: _Plan, averages: _Averages) -> dict[str, Any]:
    """Run the first trajectories again at 2χ under the same random numbers and compare."""
    network, times = plan.network, plan.times
    number = min(CHECKED_TRAJECTORIES, averages.first[0].shape[0])
    bond, threshold = 2 * plan.bond_dimension, TRUNCATION_THRESHOLD / 100
    states = _run(plan, number, averages.first_seed, bond, threshold)
    first, second = averages.first, _read(network, times, states)
    found = {
        name: float(np.abs(np.mean(one[:number] - two, axis=0)).max())
        for name, one, two in zip(("voltage", "current"), first, second, strict=True)
    }
    statistical = float(averages.errors[0].max())
    if found["voltage"] > statistical:
        warnings.warn(
            f"Argument bond_dimension must be larger for this network: with "
            f"{plan.bond_dimension} and with {2 * plan.bond_dimension} the voltage differs by "
            f"{found['voltage']:.2g}, more than the statistical error of {statistical:.2g}.",
            RuntimeWarning,
            stacklevel=3,
        )
    return {
        "bond_dimension": plan.bond_dimension,
        "checked_with": 2 * plan.bond_dimension,
        "threshold": TRUNCATION_THRESHOLD,
        "trajectories": number,
        **found,
    }
