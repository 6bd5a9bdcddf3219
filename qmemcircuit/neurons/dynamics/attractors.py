"""Coexisting attractors and their basins: what becomes of several starts of one system."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, IntArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.orbits import RETURNED, Orbits, look
from qmemcircuit.neurons.dynamics.shooting import (
    ConvergenceError,
    search_cycle,
    shoot,
    sort_multipliers,
)
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    drive_period,
    integrate,
)

EQUILIBRIUM, CYCLE, TORUS, CHAOS = "equilibrium", "cycle", "torus", "chaos"
UNSTABLE, DRIFT = "unstable equilibrium", "drift"

# A multiplier so near to 1, or an eigenvalue to 0, is that of a family: returns are known to 1e-6.
_NEUTRAL = 1e-5
# A cycle that Newton's method finds is the attractor where its range is the same to this part.
_SAME_RANGE = 1e-2


@data_object
@dataclass(frozen=True, eq=False)
class Attractor:
    """Where orbits end.

    Attributes:
        kind: "equilibrium", "cycle" (of a driven system: locked), "torus" or "chaos", by the
            exponents. One within 4/duration of zero counts as zero, for a regular orbit leaves
            as much; so weak chaos is "torus", and so is weak locking that does
            not return within 1e-6 after up to twelve periods.
            "unstable equilibrium" is no attractor: an orbit began on it, and stayed. Nor is
            "drift": a variable moved on in one direction throughout both windows, such as the flux
            of a circuit without inductance.
        state: a point on it (at a multiple of the drive's period if driven), shape (n,).
        minima, maxima: of each variable over the second window, shape (n,).
        exponent: the largest Lyapunov exponent, over the end of the second window; of an
            autonomous cycle 0.
        multiple: of a locked state, after how many drive periods it returns; 0 where that is not
            known or has no meaning.
        starts: how many of the starts ended here.
        family: whether it is one of a whole family, of which every start may reach another (a
            memristor's charge and its flux belong together for ever, so that the first charge is
            remembered). They count as one, with the extremes of all that were reached.
    """

    kind: str
    state: FloatArray
    minima: FloatArray
    maxima: FloatArray
    exponent: float
    multiple: int
    starts: int
    family: bool = False

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def name(self) -> str:
        """Its kind in words, such as «cycle of 2 drive periods, one of a family,»."""
        returns = f" of {self.multiple} drive periods" if self.multiple else ""
        return f"{self.kind}{returns}{', one of a family,' if self.family else ''}"


@data_object
@dataclass(frozen=True, eq=False)
class Basins:
    """The attractors that starts lead to, that of most starts first.

    Attributes:
        attractors: told apart by the minima and maxima of their variables.
        indices: which of them each start leads to, of the shape of the starts.
        settled: share of the starts whose extremes agreed in two windows. Those of a torus or of
            chaos never quite do.
    """

    attractors: tuple[Attractor, ...]
    indices: IntArray
    settled: float

    def __post_init__(self) -> None:
        check_fields(self)

    def describe(self) -> str:
        """Return one line for each attractor.

        Example: «chaos from 3 of 9 starts, variable 0 from −1.2 to 4, λ = 0.21».
        """
        total = self.indices.size
        return "\n".join(
            f"{item.name} from {item.starts} of {total} starts, variable 0 from "
            f"{item.minima[0]:.6g} to {item.maxima[0]:.6g}, largest exponent {item.exponent:.3g}"
            for item in self.attractors
        )


def find_attractors(
    system: DynamicalSystem,
    states: ArrayLike,
    *,
    transient: float = 500.0,
    duration: float = 200.0,
    tolerance: float = 1e-3,
    longest: float | None = None,
    threads: int = 1,
) -> Basins:
    """Run several starts of a system and say on which attractors they end.

    A grid of starts gives the basins. What no start leads to is not found.

    Args:
        system: of a formula: autonomous, or with a periodic drive.
        states: starts at t = 0, shape (…, n).
        transient: time before anything is looked at. An orbit that is still on its way after it
            counts as an attractor of its own.
        duration: length of each of two windows of looking.
        tolerance: attractors whose extremes differ by less, relative to the largest value that a
            variable has on any of them, count as one.
        longest: how long an orbit may run in all until it is decided: one that neither returns
            nor settles runs on, and is looked at again in windows four times as long. Slow
            settling, transient chaos and slow beats are told in this way; what is left over at
            the end is a torus, chaos, or very weakly locked. None: every orbit is looked at once.
        threads: how many cores.

    Raises:
        ValueError: shapes; an input that never repeats; `longest` below the first look.
        IntegrationError: an orbit leaves for infinity, or is stiff.

    Example:
        >>> from qmemcircuit.neurons import ShuttleNeuron
        >>> neuron = ShuttleNeuron(resistance=50, bias=10, decoherence_rate=0.1)
        >>> starts = [[0, 1, 0, 0], [0.6, 0.1, 0.2, 0], [10, 1, 0, 0]]
        >>> [item.kind for item in find_attractors(neuron.system(), starts).attractors]
        ['cycle', 'equilibrium']
    """
    check_arguments(find_attractors, locals())
    starts = np.asarray(states, dtype=float)
    if starts.ndim == 0 or starts.shape[-1] != system.dimension or not starts.size:
        raise ValueError(
            f"Argument states must have shape (…, {system.dimension}), but {starts.shape} was "
            "given."
        )
    found = sort_attractors(
        [system] * (starts.size // system.dimension),
        starts.reshape(1, -1, system.dimension),
        transient=transient, duration=duration, tolerance=tolerance, longest=longest,
        threads=threads,
    )[0]  # fmt: skip
    return replace(found, indices=found.indices.reshape(starts.shape[:-1]))


# More than eight parameters: none of them can be left out of another.
def sort_attractors(
    systems: Sequence[DynamicalSystem],
    states: FloatArray,
    *,
    transient: float,
    duration: float,
    tolerance: float = 1e-3,
    longest: float | None = None,
    threads: int = 1,
) -> tuple[Basins, ...]:
    """Return the `Basins` of each row of a map, whose orbits are all run side by side.

    Args:
        systems: one for each start, row by row: R·K systems of one field.
        states: (R, K, n).
        transient, duration, tolerance, longest, threads: see `find_attractors`.
    """
    check_arguments(sort_attractors, locals())
    points = np.asarray(states, dtype=float)
    check_real("transient", transient, minimum=0, exclusive=True)
    check_real("duration", duration, minimum=0, exclusive=True)
    check_real("tolerance", tolerance, minimum=0, exclusive=True)
    check_integer("threads", threads, minimum=1)
    first_look = transient + 2 * duration
    most = first_look if longest is None else check_real("longest", longest, minimum=0)
    if most < first_look:
        raise ValueError(
            f"Argument longest must be at least transient + 2 · duration, {first_look:g}, but "
            f"{most:g} was given."
        )
    check_work("duration", most * len(systems), 1e10, "units of time")
    if points.ndim != 3 or points.shape[0] * points.shape[1] != len(systems) or not len(systems):
        raise ValueError(
            f"Argument states must have shape (R, K, n) for {len(systems)} = R·K systems, but "
            f"{points.shape} was given."
        )
    if any(system.period == np.inf for system in systems):
        raise ValueError(
            "Argument systems must be autonomous or driven with a period, but an input never "
            "repeats; drop the ramp."
        )
    rows, count, n = points.shape
    orbits = look(systems, points.reshape(-1, n), transient, duration, threads)
    spent, window = first_look, duration
    while spent + 6 * window <= most:
        undecided = np.flatnonzero(~orbits.decided(tolerance))
        if not undecided.size:
            break
        again = [systems[k] for k in undecided.tolist()]
        window *= 4  # after a transient of half of it
        more = look(again, orbits.ends[undecided], 0.5 * window, window, threads)
        orbits = orbits.replaced(undecided, more)
        spent += 2.5 * window
    parts = [slice(row * count, (row + 1) * count) for row in range(rows)]
    return tuple(
        _join_families(systems[part], _sort(orbits.row(part), tolerance)) for part in parts
    )


class CoexistenceWarning(UserWarning):
    """What was found is not the only attractor."""


def warn_of_others(system: DynamicalSystem, state: ArrayLike, starts: ArrayLike) -> None:
    """Warn where `starts` lead to another attractor than `state`, and say to which.

    Raises:
        ValueError: as `find_attractors`, with its default times.
    """
    check_arguments(warn_of_others, locals())
    n = system.dimension
    others = np.asarray(starts, dtype=float)
    if others.ndim == 0 or others.shape[-1] != n or not others.size:
        raise ValueError(f"Argument starts must have shape (…, {n}), but {others.shape} was given.")
    found = find_attractors(system, np.vstack([system.check_state(state), others.reshape(-1, n)]))
    count = sum(item.kind != UNSTABLE for item in found.attractors)
    if count > 1:
        warnings.warn(
            f"{count} attractors coexist; this one is number "
            f"{found.indices[0] + 1} of\n{found.describe()}",
            CoexistenceWarning,
            stacklevel=3,
        )


def _sort(orbits: Orbits, tolerance: float) -> Basins:
    """Put together the orbits that end on the same attractor."""
    n = orbits.ends.shape[1]
    reach = np.abs(orbits.late).max(0)
    # A variable that rests at zero is there within the noise of steps, some 1e-9 of the largest:
    # measured against 1e-4 of that, the noise stays a hundred times below the usual tolerance.
    scale = np.maximum(np.maximum(reach[:n], reach[n:]), max(1e-4 * reach.max(), 1e-12))
    late, early = orbits.late / np.tile(scale, 2), orbits.early / np.tile(scale, 2)
    drift = np.abs(late - early).max(1)
    settled = drift <= tolerance
    indices = np.full(len(drift), -1)
    chosen: list[int] = []
    for k in np.argsort(drift, kind="stable"):  # the best settled orbit stands for its attractor
        for index, known in enumerate(chosen):
            # Of orbits that never settle, two windows tell the extremes to an order of magnitude.
            margin = tolerance if settled[k] else 10 * (drift[k] + drift[known])
            alike = settled[k] == settled[known] and np.abs(late[k] - late[known]).max() <= margin
            if alike:
                indices[k] = index
                break
        else:
            indices[k] = len(chosen)
            chosen.append(int(k))
    shares = np.bincount(indices, minlength=len(chosen))
    order = np.argsort(-shares, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(order.size)
    attractors = tuple(
        _describe(orbits, chosen[index], scale, int(shares[index])) for index in order
    )
    return Basins(attractors, places[indices], float(settled.mean()))


def _join_families(systems: Sequence[DynamicalSystem], found: Basins) -> Basins:
    """Return attractors with those of one family together, and slow cycles told from tori."""
    items: list[Attractor] = []
    places = found.indices.copy()
    for index, item in enumerate(found.attractors):
        system = systems[int(np.flatnonzero(found.indices == index)[0])]
        one = replace(item, family=_is_family(system, item))
        if one.kind == TORUS and _is_cycle(system, one):
            one = replace(one, kind=CYCLE)
        for known, other in enumerate(items):
            if one.family and other.family and _alike(one, other):
                items[known] = replace(
                    other,
                    minima=np.minimum(other.minima, one.minima),
                    maxima=np.maximum(other.maxima, one.maxima),
                    exponent=max(other.exponent, one.exponent),
                    starts=other.starts + one.starts,
                )
                places[found.indices == index] = known
                break
        else:
            places[found.indices == index] = len(items)
            items.append(one)
    order = np.argsort([-item.starts for item in items], kind="stable")
    ranks = np.empty_like(order)
    ranks[order] = np.arange(order.size)
    return replace(
        found, attractors=tuple(items[k] for k in order), indices=np.asarray(ranks[places])
    )


def _alike(one: Attractor, other: Attractor) -> bool:
    return (one.kind, one.multiple) == (other.kind, other.multiple)


def _is_family(system: DynamicalSystem, item: Attractor) -> bool:
    """Whether a multiplier of a locked state is 1, or an eigenvalue of an equilibrium 0."""
    if not item.family:
        return False
    if item.kind == EQUILIBRIUM:
        values = np.abs(np.linalg.eigvals(system.jacobian(item.state)))
        return bool(values.min() < _NEUTRAL * values.max())
    length = item.multiple * drive_period(system)
    multipliers = np.linalg.eigvals(shoot(system, item.state, length)[1])
    return bool(np.abs(multipliers - 1).min() < _NEUTRAL)


def _is_cycle(system: DynamicalSystem, item: Attractor) -> bool:
    """Whether an autonomous orbit is a stable cycle, whose second exponent is too near to zero."""
    if system.period is not None:
        return False
    try:
        state, period, monodromy, _ = search_cycle(system, item.state)
        states = integrate(system, np.linspace(0, period, 1024), state)
    except (ConvergenceError, IntegrationError):
        return False
    multipliers = sort_multipliers(monodromy)  # one of them is 1, along the orbit
    stable = np.sum(np.abs(multipliers) > 1 - _NEUTRAL) == 1
    room = _SAME_RANGE * (item.maxima - item.minima)
    same = np.abs(states.min(0) - item.minima) <= room
    return bool(stable and np.all(same & (np.abs(states.max(0) - item.maxima) <= room)))


def _describe(orbits: Orbits, k: int, scale: FloatArray, starts: int) -> Attractor:
    """Return what kind of attractor orbit k is on."""
    n = scale.size
    low, high = orbits.late[k, :n], orbits.late[k, n:]
    largest, limit = float(orbits.exponents[k, 0]), float(orbits.resolution[k])
    returned = np.flatnonzero(orbits.returns[k] <= RETURNED * scale.max())
    # An orbit on its way to rest swings by e⁻⁴ of the window before, or less. The exponent alone
    # cannot tell: of a cycle that is fast here and slow there, such as a spike, it is not yet zero.
    span = float(((high - low) / scale).max())
    before = float(((orbits.early[k, n:] - orbits.early[k, :n]) / scale).max())
    # What moves on in one direction begins the second window where it ended the first.
    gap = np.maximum(low - orbits.early[k, n:], orbits.early[k, :n] - high) / scale
    moved = (gap > -RETURNED) & ((high - low) / scale > RETURNED)
    if orbits.driven:
        locked = largest < -limit or (returned.size and largest <= limit)
        kind = CHAOS if largest > limit else CYCLE if locked else TORUS
    elif span <= RETURNED or span < 0.5 * before:
        kind = UNSTABLE if largest > limit else EQUILIBRIUM
    elif largest > limit:
        kind = CHAOS
    else:
        kind = CYCLE if n > 1 and orbits.exponents[k, 1] < -limit else TORUS
    if moved.any() and kind in (CYCLE, TORUS):
        kind = DRIFT
    multiple = int(returned[0]) + 1 if kind == CYCLE and returned.size else 0
    # Perhaps of a family: what tells costs more than an exponent, see `_is_family`.
    slow = abs(largest) <= limit and (multiple > 0 or kind == EQUILIBRIUM)
    return Attractor(kind, orbits.ends[k], low, high, largest, multiple, starts, bool(slow))
