"""Which way to simulate a network: what each route would take, and what error it would leave.

Four routes lead to V(t): exact maps on 4^M Pauli means, trajectories of state vectors, trajectories
of matrix-product states, and Pauli propagation. Time, memory and error of each are predicted, and
the one with the least error² × seconds is taken: for sampled routes that product does not depend
on how many are sampled (it is the inverse of a Monte Carlo efficiency). An error below the accuracy
that is asked for buys nothing and is counted as that accuracy, a time below `PATIENCE` as that, so
that an exact route has a price, too: it is taken where it is quick, and left where another is as
accurate as asked for and much quicker. Of equal ones the most accurate is taken.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet, build_circuits
from qmemcircuit.circuits.options import AnySplitting
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.resources import Effort, too_large, too_long
from qmemcircuit.model.memristors import Model
from qmemcircuit.simulation.ensembles import estimate_trajectories, kept_states, named_pairs
from qmemcircuit.simulation.maps import estimate_maps
from qmemcircuit.simulation.propagation import PauliPropagation, probe_propagation

PATIENCE = 3.0
"""Seconds. Nobody minds less."""

ACCURACY = 1e-3
"""Of V, as a share of the range that it can have, √(mħω/2): our goal for two periods."""

RouteName = Literal["density_matrix", "statevector", "matrix_product_state", "pauli_propagation"]


@data_object
@dataclass(frozen=True)
class Route:
    """One way to simulate.

    Attributes:
        method: its name, as in `simulate_circuit`; `"pauli_propagation"` is `PauliPropagation(…)`.
        seconds: predicted, on this machine's cores; within a factor of about three.
        memory: predicted bytes.
        error: of V at the last time, in its unit, predicted: 0 for exact maps; for trajectories
            at most √(mħω/2)/(2√n), what n values at both ends of V's range would have (the
            truncation of matrix-product states is not in it: only their ladder sees it); for
            propagation what it is for V of the memristor with the most neighbours, by a run. NaN
            where unknown.
        obstacle: why it cannot be taken, "" where it can.

    >>> import qmemcircuit as qm
    >>> print(qm.Route("density_matrix", 2.0, 1e9, 0.0, obstacle="no memory is free"))
    density_matrix: not taken, no memory is free
    """

    method: RouteName
    seconds: float
    memory: float
    error: float
    obstacle: str = ""

    def __post_init__(self) -> None:
        check_fields(self, missing=("error", "seconds", "memory"))

    def __str__(self) -> str:
        """Return it as a line."""
        if self.obstacle:
            return f"{self.method}: not taken, {self.obstacle}"
        error = "no error" if self.error == 0 else f"an error of V of {self.error:.2g}"
        return f"{self.method}: {Effort('', self.seconds, self.memory)}, {error}"


@data_object
@dataclass(frozen=True)
class Routes:
    """All of them, and the one to take, "" where there is none; `wanted` is the error asked for.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> routes = qm.compare_routes(pair, [0.2])
    >>> routes.chosen in [route.method for route in routes.candidates]
    True
    """

    candidates: tuple[Route, ...]
    chosen: str
    wanted: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def reason(self) -> str:
        """Why that one, in a sentence."""
        others = "; ".join(str(item) for item in self.candidates if item.method != self.chosen)
        if not self.chosen:
            return f"no route fits: {others}"
        taken = next(item for item in self.candidates if item.method == self.chosen)
        if taken.error == 0 and taken.seconds <= PATIENCE:
            return f"exact, and quick: {taken}"
        return (
            f"least error² × seconds, where an error below {self.wanted:.2g} counts as that and "
            f"less than {PATIENCE:g} seconds as those: {taken} (beside {others})"
        )

    def __str__(self) -> str:
        """Return the routes, a line each, the chosen one marked."""
        lines = [f"{'→' if i.method == self.chosen else ' '} {i}" for i in self.candidates]
        return "\n".join(lines)

    def describe(self) -> dict[str, Any]:
        """Return what `provenance` keeps."""
        rows = [
            {key: None if isinstance(value, float) and math.isnan(value) else value
             for key, value in asdict(item).items()}
            for item in self.candidates
        ]  # fmt: skip
        return {"method": self.chosen, "reason": self.reason, "candidates": rows}


# More than eight parameters: those of `simulate_circuit` that decide, and how many are compared.
def compare_routes(
    model: Model,
    times: ArrayLike,
    *,
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    trajectories: int = 400,
    bond_dimension: int = 16,
    pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"] = "coupled",
    accuracy: float = ACCURACY,
    every: bool = True,
) -> Routes:
    """Return what every route of `simulate_circuit` would take and leave, and which it would take.

    Arguments as in `simulate_circuit`; where not `every`, the others are left out if the exact one
    takes less than three seconds. The prediction of propagation is a run of one voltage; the others
    are counted, so that a busy machine changes nothing. A route is out where it exceeds the free
    memory or two minutes (unless inside `allow_large()`), where its error is as large as V can be,
    or where it does not know the model. Of the rest that with the least error² × seconds is chosen,
    errors below `accuracy` × √(mħω/2) counted as that, seconds below three as three.

    Raises:
        ValueError: for arguments that `simulate_circuit` would refuse.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> chain = qm.chain([memristor] * 3, qm.Native("y", 0.06))
    >>> compare_routes(chain, [0.2]).chosen
    'density_matrix'
    """
    check_arguments(compare_routes, locals())
    circuits = build_circuits(model, times, bases="Z", splitting=splitting, steps=steps)
    check_integer("trajectories", trajectories, minimum=2)
    check_integer("bond_dimension", bond_dimension, minimum=1)
    wanted = check_real("accuracy", accuracy, minimum=0.0)
    if wanted == 0:
        raise ValueError(
            "Argument accuracy must be above 0, but 0 was given; method='density_matrix' is exact."
        )
    wanted *= max(item.current_scale for item in circuits.network.memristors)
    exact = _exact(circuits)
    if not exact.obstacle and exact.seconds <= PATIENCE and not every:
        return Routes((exact,), exact.method, wanted)
    candidates = (
        exact,
        *_sampled(circuits, trajectories, bond_dimension, pairs),
        _propagated(circuits, pairs),
    )
    open_ones = [item for item in candidates if not item.obstacle]
    if not open_ones:
        return Routes(candidates, "", wanted)

    def price(route: Route) -> tuple[float, float]:
        # Of equals the first is taken: the exact one, as where the others are left out.
        return max(route.error, wanted) ** 2 * max(route.seconds, PATIENCE), route.error

    return Routes(candidates, min(open_ones, key=price).method, wanted)


def _exact(circuits: CircuitSet) -> Route:
    count = len(circuits.network.memristors)
    estimate = estimate_maps(circuits, list(combinations(range(count), 2)))
    return Route("density_matrix", estimate.seconds, estimate.memory, 0.0, _excess(estimate))


def _sampled(
    circuits: CircuitSet,
    trajectories: int,
    bond_dimension: int,
    pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"],
) -> tuple[Route, Route]:
    network, count = circuits.network, len(circuits.times)
    parts = 2 * len(network.memristors) + len(network.couplings)
    steps = count if circuits.share_steps else count * (circuits.steps or 10)
    kept = kept_states(network, pairs)
    scale = max(item.current_scale for item in network.memristors)
    found = []
    methods: tuple[RouteName, RouteName] = ("statevector", "matrix_product_state")
    for method in methods:
        estimate = estimate_trajectories(
            method,
            len(network.memristors),
            operations=steps * parts + count * len(kept),
            states=count * np.array([4.0 ** len(item) for item in kept]),
            trajectories=trajectories,
            bond_dimension=bond_dimension,
            workers=os.cpu_count() or 1,
        )
        obstacle = "a joint initial state" if network.state is not None else _excess(estimate)
        error = 0.5 * scale / math.sqrt(trajectories)
        found.append(Route(method, estimate.seconds, estimate.memory, error, obstacle))
    return found[0], found[1]


def _propagated(
    circuits: CircuitSet, pairs: Sequence[tuple[int, int]] | Literal["coupled", "all"]
) -> Route:
    method: RouteName = "pauli_propagation"
    if circuits.network.state is not None:
        return Route(method, math.nan, math.nan, math.nan, "a joint initial state")
    if circuits.compiled:
        return Route(method, math.nan, math.nan, math.nan, "compiled circuits")
    named = len(named_pairs(circuits.network, pairs))
    try:
        probe = probe_propagation(circuits, PauliPropagation(), pairs=named)
    except ImportError as error:
        return Route(method, math.nan, math.nan, math.nan, str(error))
    estimate = probe.effort
    obstacle = probe.obstacle or _excess(estimate)
    return Route(method, estimate.seconds, estimate.memory, probe.error, obstacle)


def _excess(estimate: Effort) -> str:
    """Return why an effort is too much, "" where it is not."""
    if too_long(estimate) or too_large(estimate):
        return f"it takes {estimate}"
    return ""
