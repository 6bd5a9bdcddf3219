"""`pareto_front`: what one objective costs in terms of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.splitting import Splitting
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.designs.family import Family
from qmemcircuit.designs.quantities.quantity import Quantity
from qmemcircuit.designs.search import Constraint, Design, Search, design


@data_object
@dataclass(frozen=True, eq=False)
class ParetoFront:
    """Designs of which none is better than another in both objectives.

    Attributes:
        first, second: the two objectives of each, (N,), ordered by rising `second`.
        designs: the designs themselves; `objective` of each is its `first`.
        dropped: points of the search that another one equals or beats in both.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> family = qm.Family(
    ...     qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6), {"rate.gamma0": (0.1, 0.4)}
    ... )
    >>> times = family.at([0.4]).periods(1, points=21)
    >>> front = designs.pareto_front(
    ...     family, designs.LobeArea(), designs.LobeBalance(), times=times, points=3, starts=1
    ... )
    >>> front.first.shape == front.second.shape
    True
    """

    first: FloatArray
    second: FloatArray
    designs: tuple[Design, ...]
    dropped: int

    def __post_init__(self) -> None:
        check_fields(self)


# More than eight parameters: two objectives and what is held, and by name how it is searched for.
def pareto_front(
    family: Family,
    first: Quantity,
    second: Quantity,
    constraints: Sequence[Constraint] = (),
    *,
    times: ArrayLike,
    points: int = 20,
    splitting: Splitting | None = None,
    starts: int = 4,
    seed: int = 0,
) -> ParetoFront:
    """Return the best `first` at each of `points` levels of `second`, dominated ones left out.

    The ends are the best of either alone; between them `first` is maximised with `second` held at
    or above evenly spaced levels, each search starting from its neighbour's answer, up and then
    down again, the better kept. Local optima, as in `design`: the front is a lower bound.

    Raises:
        ValueError: as `design` does, and for fewer than 3 points.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> family = qm.Family(
    ...     qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6), {"rate.gamma0": (0.1, 0.4)}
    ... )
    >>> times = family.at([0.4]).periods(1, points=21)
    >>> front = designs.pareto_front(
    ...     family, designs.LobeArea(), designs.LobeBalance(), times=times, points=3, starts=1
    ... )
    >>> len(front.designs) <= 3
    True
    """
    check_arguments(pareto_front, locals(), own=("first", "second"))
    points = check_integer("points", points, minimum=3)
    held = tuple(constraints)
    grid = check_times(times)
    ends = [
        design(family, one, held, times=grid, splitting=splitting, starts=starts, seed=seed)
        for one in (first, second)
    ]
    corner = [np.array(list(end.values.values())) for end in ends]
    low = Search(family, second, held, grid, splitting or "lie").measure(corner[0])[0][0]
    high = ends[1].objective
    kept: list[tuple[Design, float]] = []
    # Where many designs share the best `first`, the front begins beyond the first levels; then the
    # levels are spread anew, from where it begins.
    for _ in range(2):
        levels = np.linspace(low, high, points)
        rules = [Constraint(second, lower=float(k) - 1e-5 * abs(high - low)) for k in levels]
        searches = [
            Search(family, first, (*held, rule), grid, splitting or "lie") for rule in rules
        ]
        kept = _undominated(_search_levels(searches, corner, seed))
        if len(kept) in (0, points):
            break
        (begin, low), *_ = kept
        corner[0] = np.array(list(begin.values.values()))
    return ParetoFront(
        np.array([one.objective for one, _ in kept]),
        np.array([level for _, level in kept]),
        tuple(one for one, _ in kept),
        points - len(kept),
    )


def _search_levels(
    searches: Sequence[Search], corner: Sequence[FloatArray], seed: int
) -> list[tuple[Design, float]]:
    """Return the best design of each level that one was found for, and its second objective."""
    points = len(searches)
    found: list[FloatArray | None] = [None] * points
    best = np.full(points, -np.inf)
    for order, start in ((range(points), corner[0]), (range(points - 1, -1, -1), corner[1])):
        at = start
        for k in order:
            # The last level is reached at one point alone.
            at = searches[k].climb(at)
            values = searches[k].measure(at)[0]
            if np.all(searches[k].missed(values) <= 1e-6) and values[0] > best[k]:
                best[k], found[k] = values[0], at
            elif found[k] is not None:
                at = found[k]  # type: ignore[assignment]
    return [
        (search.best_of([point], seed), float(search.measure(point)[0][-1]))
        for search, point in zip(searches, found, strict=True)
        if point is not None
    ]


def _undominated(made: list[tuple[Design, float]]) -> list[tuple[Design, float]]:
    """Return those that no other equals or beats in both objectives, by rising second one."""
    made = sorted(made, key=lambda item: (item[1], item[0].objective))
    # A later one has as much of the second or more; of equal points the last one stays.
    return [
        (one, level)
        for k, (one, level) in enumerate(made)
        if not any(other.objective >= one.objective for other, _ in made[k + 1 :])
    ]
