"""`exact_circuit`: the density matrices of the circuits, by maps or by Aer, all times in one pass.

No shot noise: what is left between this and the master equation is the splitting error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.options import Ancilla, AnySplitting, CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_choice
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.resources import require
from qmemcircuit.model.memristors import Model
from qmemcircuit.model.serialization import describe_model
from qmemcircuit.results.observables import trajectory_of_pairs, trajectory_of_states
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.simulation.aer_passes import (
    TRAJECTORIES,
    ancilla_circuits,
    check_qubits,
    estimate_aer,
    finish,
    run_pieces,
    save_exact,
    traced_circuit,
)
from qmemcircuit.simulation.maps import estimate_maps, probabilities_by_maps, states_by_maps

STATES_UP_TO = 6
"""Networks of up to this many memristors keep their full states; larger ones, all pairs'."""


Engine = Literal["maps", "aer"]
"""By maps on Pauli means, or by Aer's simulation of the circuits themselves."""


def exact_circuit(
    model: Model,
    times: ArrayLike,
    *,
    ancilla: Ancilla | Literal["traced"] = "traced",
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
    engine: Engine = "maps",
    target: Target | None = None,
) -> Trajectory:
    """Return the exact states of the circuits that `build_circuits` makes, without shot noise.

    Args:
        model, times, splitting, steps, collision: as in `build_circuits`.
        ancilla: for `engine="aer"`: `"traced"` replaces each collision by the Kraus operators
            that it has on the system, which is the same channel
            (tests/circuits/test_collision.py) on far fewer qubits; any other choice simulates
            the ancillas themselves. For `"maps"` it makes no difference.
        engine: `"maps"` applies what each element does to the Pauli means, without a circuit;
            `"aer"` simulates the very circuits. They agree to 1e-12 for every splitting, coupling
            and ancilla choice (tests/simulation/test_maps.py); `python -m
            experiments.benchmarks.engine` prints what each takes.
        target: a target with a noise model, `device(…)` or `ibm(…)`: its gates' and idle times'
            noise too, as `device_states` does (which can also absorb the device's decay). None:
            ideal gates.

    Where `"merged"` makes several circuits of each time, the states are their mean.
    Returns a `Trajectory` with `states` of shape (T, 2^M, 2^M) for M ≤ 6, and for larger networks
    with `pair_states` of all pairs, from which every V, I and pairwise concurrence follows.
    For compiled circuits `variables["compilation_residual"]` bounds the trace distance of each
    state to the master equation's. Time and memory grow as 4^M; `simulate_circuit` goes on where
    this ends. Raises ValueError where the density matrix does not fit into memory, naming the
    bytes, where ancillas do not fit Aer's density-matrix method, naming the number of qubits, or
    where `target` has no noise model.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> import numpy as np
    >>> times = [0.0, 0.5, 1.0]
    >>> maps = qm.exact_circuit(memristor, times)
    >>> np.allclose(maps.voltage, qm.master_equation(memristor, times).voltage, atol=1e-7)
    True
    """
    check_arguments(exact_circuit, locals(), own=("ancilla", "target"))
    check_choice("engine", engine, get_args(Engine))
    traced = isinstance(ancilla, str) and ancilla == "traced"
    pool: Ancilla = "reset" if isinstance(ancilla, str) and ancilla == "traced" else ancilla
    options = CircuitOptions("Z", pool, splitting, steps, collision)
    circuits = circuits_with(model, times, options)
    # Kept beside `device_states`, which does the same and more: no second way, but the same call
    # (tests/runs/test_own_targets.py), also for targets that do not derive from `DeviceTarget`.
    if target is not None:
        noisy = target.predict() if isinstance(target, Target) else None
        if noisy is None:
            raise ValueError(
                f"Argument target must have a noise model, but {target!r} has none; "
                "device(backend) and ibm(name) have one, and target=None is the ideal circuit."
            )
        return noisy.place(circuits).predicted_states(circuits)
    provenance = make_provenance(
        "exact_circuit",
        engine=engine,
        model=describe_model(circuits.network, circuits.times),
        ancilla="traced" if traced else circuits.ancilla.describe(),
        splitting=circuits.splitting,
        steps=circuits.steps,
        **circuits.describe_compilation(),
        decay_integrals=circuits.network.decay_integrals(float(circuits.times[-1])),
    )
    memristors = len(circuits.network.memristors)
    if memristors <= STATES_UP_TO:
        states = circuit_states(circuits, traced=traced, engine=engine)
        found = trajectory_of_states(circuits.network, circuits.times, states, provenance)
        return circuits.with_residuals(found)
    pairs = list(combinations(range(memristors), 2))
    reduced = reduced_states(circuits, pairs, traced=traced, engine=engine)
    pair_states = dict(zip(pairs, reduced, strict=True))
    return trajectory_of_pairs(circuits.network, circuits.times, pair_states, provenance)


def circuit_states(
    circuits: CircuitSet, *, traced: bool = True, engine: Engine = "maps"
) -> ComplexArray:
    """Return the system's density matrices before measurement, shape (T, 2^M, 2^M)."""
    everyone = tuple(range(len(circuits.network.memristors)))
    return reduced_states(circuits, [everyone], traced=traced, engine=engine)[0]


def setting_probabilities(circuits: CircuitSet) -> FloatArray:
    """Return the exact outcome probabilities of every time and setting, (T, B, 2^M)."""
    if len(circuits.branches) > 1:
        parts = [setting_probabilities(branch) for branch in circuits.branches]
        return np.asarray(np.mean(parts, axis=0))
    needed = estimate_maps(circuits, [], settings=len(circuits.bases))
    require(needed, TRAJECTORIES)
    found = np.maximum(probabilities_by_maps(circuits, needed), 0.0)
    return np.asarray(found / found.sum(axis=2, keepdims=True))


def reduced_states(
    circuits: CircuitSet,
    members: Sequence[tuple[int, ...]],
    *,
    traced: bool = True,
    engine: Engine = "maps",
) -> list[ComplexArray]:
    """Return the exact reduced states of each tuple of memristors, first one least significant.

    Each has shape (T, 2^k, 2^k). Only these are kept, not the states of the whole network.
    """
    if len(circuits.branches) > 1:
        parts = [
            reduced_states(branch, members, traced=traced, engine=engine)
            for branch in circuits.branches
        ]
        return [np.mean(series, axis=0) for series in zip(*parts, strict=True)]
    if engine == "maps":
        needed = estimate_maps(circuits, members)
        require(needed, TRAJECTORIES)
        return states_by_maps(circuits, members, needed)
    save = save_exact(members)
    count = len(circuits.times)
    if not traced:
        check_qubits(circuits)
    estimate = estimate_aer(circuits, members, traced=traced)
    require(
        estimate,
        TRAJECTORIES if traced else "use ancilla='traced', which needs no ancillas",
    )
    if traced:
        circuit, left = traced_circuit(circuits, save)
        found = run_pieces([circuit], estimate)
    else:
        found = run_pieces(list(ancilla_circuits(circuits, save)), estimate)
        left = None
    series = [
        np.array([found[f"{place}@{index}"] for index in range(count)])
        for place in range(len(members))
    ]
    if left is None:
        return series
    return [finish(states, left, item) for states, item in zip(series, members, strict=True)]
