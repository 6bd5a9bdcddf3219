"""`simulate_circuit`: the circuit's averages by the route that fits the network and the times.

Where it fits, the density matrix itself (`exact_circuit`). Beyond, the channel of each
collision is unravelled: at every collision one Kraus operator K is drawn with its probability
‖Kψ‖² and applied, which makes one pure-state quantum trajectory (Mølmer, Castin and Dalibard,
J. Opt. Soc. Am. B 10, 524 (1993)); its average over trajectories is the density matrix. State
vectors carry this to about fourteen memristors, matrix-product states further. Only the exact
route has no statistical error, which is why this verb is not called exact. For hundreds of
memristors over a few periods there is the Heisenberg picture (`propagation`); `routes` chooses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import build_circuits
from qmemcircuit.circuits.options import AnySplitting
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_choice, check_integer
from qmemcircuit.common.drawing import chosen_seed
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.resources import large_allowed, progress_of, require
from qmemcircuit.model.memristors import Model, Network, as_network
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.model.units import memristor_units
from qmemcircuit.results.observables import OWN_ERRORS, is_driven, rate_variables
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.results.trajectory_parts import PAIR_ERRORS
from qmemcircuit.simulation.aer_passes import traced_circuit
from qmemcircuit.simulation.ensembles import (
    Ensemble,
    average,
    estimate_ensemble,
    kept_states,
    named_pairs,
    save_each,
)
from qmemcircuit.simulation.exact import exact_circuit
from qmemcircuit.simulation.propagation import (
    PauliPropagation,
    probe_propagation,
    propagate_circuits,
)
from qmemcircuit.simulation.routes import ACCURACY, compare_routes

Method = Literal["density_matrix", "statevector", "matrix_product_state"]
"""Aer's names. The first is exact; the other two average quantum trajectories."""


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
    accuracy: float = ACCURACY,
    seed: int | None = None,
    executor: Executor | None = None,
    path: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trajectory:
    """Return V, I and pair states of the circuits of `build_circuits`, for any size of network.

    Args:
        model, times, splitting, steps: as in `build_circuits`; ancillas are traced out.
        method: `"density_matrix"` (exact, 16·4^M bytes), `"statevector"` (trajectories, 16·2^M
            bytes), `"matrix_product_state"` (trajectories, M·χ² numbers) or `PauliPropagation(…)`
            (seconds for a hundred memristors and three periods). None takes the exact one where it
            is quick, else that with the least predicted error² × seconds (see `compare_routes`).
        trajectories: how many are averaged, at least 2. Ignored by the exact route.
        bond_dimension: χ, the largest bond dimension of a matrix-product state.
        pairs: whose reduced states are kept beside the coupled ones. The exact route keeps all,
            propagation those named or `"all"`, not the coupled ones: each costs as 15 memristors.
        accuracy: error of V, as a share of √(mħω/2), below which less is worth nothing where the
            route is chosen. It is asked for, not promised: read `voltage_error`.
        seed: of the trajectories; None draws one from the system and records it.
        executor: whose workers run the trajectories, as in `sweep`; it changes no bit.
        path: netCDF file (`.nc`) that keeps finished batches, as in `sweep`.
        progress: called with trajectories done and in total.

    Returns:
        Trajectory. On stochastic routes its errors are standard errors, correlated in time; on
        matrix-product states the cost of truncation (`variables["truncation_error"]`) is added,
        with a RuntimeWarning where it is the larger part. Those of truncation and of propagation
        are *no* intervals: how they are made, and how often they hold, says
        docs/pages/concepts/networks.md. `pair_states` of trajectories have no errors; those of
        propagation have them in `variables["pair_errors"]`, and their concurrence has limits from
        them. Driven networks keep the sources' current apart (`select_current`).

    Raises:
        ValueError: where the work is too long or too large for this machine, naming the bytes (see
            `allow_large`); for a joint initial state on the stochastic routes; for pairs that do
            not exist.

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
    route: dict[str, Any] = {"reason": "chosen by the caller"}
    if isinstance(method, PauliPropagation):
        return _propagated(network, times, splitting, steps, method, pairs, progress, route)
    if method is not None:
        check_choice("method", method, get_args(Method))
        route["method"] = method
    else:
        routes = compare_routes(
            network, times, splitting=splitting, steps=steps, trajectories=trajectories,
            bond_dimension=bond_dimension, pairs=pairs, accuracy=accuracy, every=False,
        )  # fmt: skip
        route = routes.describe()
        if not routes.chosen:
            raise ValueError(
                f"Argument model must leave a route that fits this machine, but for "
                f"{len(network.memristors)} memristors {routes.reason}. Take fewer times, "
                "trajectories or pairs, or go ahead inside `with qm.allow_large():`."
            )
        if routes.chosen == "pauli_propagation":
            usual = PauliPropagation()
            return _propagated(network, times, splitting, steps, usual, pairs, progress, route)
    if route["method"] == "density_matrix":
        exact = exact_circuit(network, times, splitting=splitting, steps=steps)
        changed = {**exact.provenance, "method": "simulate_circuit", "route": route}
        return replace(exact, provenance=changed)
    circuits = build_circuits(network, times, bases="Z", splitting=splitting, steps=steps)
    bond_dimension = check_integer("bond_dimension", bond_dimension, minimum=1)
    total = check_integer("trajectories", trajectories, minimum=2)
    kept = kept_states(network, pairs)
    _check_state(network, route["method"])
    circuit, left = traced_circuit(circuits, save_each(kept), unravel=True)
    seed = chosen_seed(seed)
    workers = os.cpu_count() or 1
    ensemble = Ensemble(
        network,
        circuits.times,
        circuits.splitting,
        circuits.steps,
        kept,
        route["method"],
        bond_dimension,
        total,
        seed,
        circuit,
        left,
        threads=workers if executor is None else 1,
    )
    estimate = estimate_ensemble(ensemble, workers)
    remedy = "take fewer trajectories, or method='matrix_product_state', which is linear in M"
    if route["method"] == "matrix_product_state":
        remedy = "reduce bond_dimension, trajectories or times"
    require(estimate, remedy)
    with progress_of(estimate) as report:

        def advance(done: int, of: int) -> None:
            report(done, of)
            progress(done, of)

        averages = average(ensemble, executor, path, advance)
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
        truncation=averages.truncation,
        decay_integrals=network.decay_integrals(float(circuits.times[-1])),
    )
    rate = np.stack([item.decay_rate(circuits.times) for item in network.memristors], axis=1)
    units = memristor_units(network)
    variables = rate_variables(network, circuits.times, rate)
    if is_driven(network):
        variables["source_current"] = averages.means[1] - averages.means[2]
        variables[OWN_ERRORS[0]] = averages.errors[2]
        units[OWN_ERRORS[0]] = units["current"]
    if averages.truncation is not None:
        variables["truncation_error"] = averages.truncated[0]
        units["truncation_error"] = units["voltage"]
    found = Trajectory(
        circuits.times,
        *averages.means[:2],
        voltage_error=averages.errors[0],
        current_error=averages.errors[1],
        pair_states=averages.pair_states,
        variables=variables,
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
    route: dict[str, Any],
) -> Trajectory:
    """Return the trajectory by Pauli propagation; refuse what is beyond its reach."""
    circuits = build_circuits(network, times, bases="Z", splitting=splitting, steps=steps)
    if circuits.compiled:
        raise ValueError(
            "Argument splitting must not be 'compiled' for PauliPropagation, but it is; take "
            "'lie', 'strang' or 'fused'."
        )
    _check_state(network, "pauli_propagation")
    asked = named_pairs(network, pairs)
    probe = probe_propagation(circuits, method, pairs=len(asked))
    require(probe.effort, "take fewer times or steps, or drop more")
    if probe.obstacle and not large_allowed():
        raise ValueError(
            f"Argument times must end within the reach of Pauli propagation, but {probe.obstacle}; "
            "end earlier, drop less, take method='matrix_product_state', or go ahead inside "
            "`with qm.allow_large():`."
        )
    units = memristor_units(network)
    found = propagate_circuits(circuits, method, asked, progress)
    return Trajectory(
        circuits.times,
        *found.means,
        voltage_error=found.errors[0],
        current_error=found.errors[1],
        pair_states=found.pair_states,
        variables={**found.variables, "rigorous_bound": found.bound},
        periods=np.array([memristor.period for memristor in network.memristors]),
        units={
            **units,
            "rigorous_bound": units["voltage"],
            **dict.fromkeys(found.variables.keys() & {OWN_ERRORS[0]}, units["current"]),
            **dict.fromkeys(found.variables.keys() & {PAIR_ERRORS}, "1"),
        },
        dimensions=dict.fromkeys(
            found.variables.keys() & {PAIR_ERRORS}, ("pair", "first_pauli", "second_pauli")
        ),
        provenance=make_provenance(
            "simulate_circuit",
            model=describe_model(network, circuits.times),
            route={
                **route,
                "method": "pauli_propagation",
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


def _check_state(network: Network, method: str) -> None:
    """Refuse joint initial states, which trajectories do not start from."""
    if network.state is not None:
        raise ValueError(
            f"Argument model must start from the memristors' own states on the route {method!r}, "
            "but this network has a joint initial state; use method='density_matrix'."
        )
