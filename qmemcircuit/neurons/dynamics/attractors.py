"""Coexisting attractors and their basins: what becomes of several starts of one system."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, IntArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.ensembles import integrate_many
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem

EQUILIBRIUM, CYCLE, TORUS, CHAOS = "equilibrium", "cycle", "torus", "chaos"
UNSTABLE = "unstable equilibrium"

# Tangent vectors are made orthonormal so often within the second window; in the first parts they
# find their directions, and are not counted.
_PARTS, _ALIGN = 24, 6
# Periods of the drive after which a locked state may return, and how near it then comes, relative
# to the largest value of a variable.
_LONGEST_MULTIPLE, _RETURNED = 12, 1e-6


@data_object
@dataclass(frozen=True, eq=False)
class Attractor:
    """Where orbits end.

    Attributes:
        kind: "equilibrium", "cycle" (of a driven system: locked), "torus" or "chaos", by the
            exponents. One within 4/duration of zero counts as zero, for a regular orbit leaves
            as much; so weak chaos is "torus", and so is weak locking that does
            not return within 1e-6 after up to twelve periods.
            "unstable equilibrium" is no attractor: an orbit began on it, and stayed.
        state: a point on it (at a multiple of the drive's period if driven), shape (n,).
        minima, maxima: of each variable over the second window, shape (n,).
        exponent: the largest Lyapunov exponent, over the end of the second window; of an
            autonomous cycle 0.
        multiple: of a locked state, after how many drive periods it returns; 0 where that is not
            known or has no meaning.
        starts: how many of the starts ended here.
    """

    kind: str
    state: FloatArray
    minima: FloatArray
    maxima: FloatArray
    exponent: float
    multiple: int
    starts: int

    def __post_init__(self) -> None:
        check_fields(self)


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
            f"{item.kind}{f' of {item.multiple} drive periods' if item.multiple else ''} from "
            f"{item.starts} of {total} starts, variable 0 from {item.minima[0]:.6g} to "
            f"{item.maxima[0]:.6g}, largest exponent {item.exponent:.3g}"
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
    orbits = _look(systems, points.reshape(-1, n), transient, duration, threads)
    spent, window = first_look, duration
    while spent + 6 * window <= most:
        undecided = np.flatnonzero(~orbits.decided(tolerance))
        if not undecided.size:
            break
        again = [systems[k] for k in undecided.tolist()]
        window *= 4  # after a transient of half of it
        more = _look(again, orbits.ends[undecided], 0.5 * window, window, threads)
        orbits = orbits.replaced(undecided, more)
        spent += 2.5 * window
    return tuple(
        _sort(orbits.row(slice(row * count, (row + 1) * count)), tolerance) for row in range(rows)
    )


def _look(
    systems: Sequence[DynamicalSystem],
    start: FloatArray,
    transient: float,
    duration: float,
    threads: int,
) -> _Orbits:
    """Run orbits over a transient and two windows, and note what was seen."""
    n = start.shape[1]
    driven = systems[0].period is not None
    # Windows are whole periods, and so are their parts: phases of the drive stay what they are.
    unit = np.array([system.period or duration / _PARTS for system in systems])[:, None]
    part = unit * np.maximum(1, np.round(duration / _PARTS / unit))
    before = unit * np.ceil(transient / unit)
    vectors, steps = (1 if driven else min(2, n)), np.arange(_PARTS + 1)
    settled = integrate_many(systems, before * [0, 1], start, threads=threads).states[:, -1]
    windows, ends = [], settled
    for beginning, along in ((before, 0), (before + _PARTS * part, vectors)):
        windows.append(
            integrate_many(
                systems, beginning + part * steps, ends, extremes_from=0, exponents=along,
                threads=threads,
            )
        )  # fmt: skip
        ends = windows[-1].states[:, -1]
    early, late = (np.concatenate([run.minima, run.maxima], axis=1) for run in windows)
    measured = (_PARTS - _ALIGN) * part
    exponents = windows[1].growth[:, 1 + _ALIGN :].sum(1) / measured
    returns = np.full((len(start), _LONGEST_MULTIPLE), np.inf)
    if driven:
        later = before + 2 * _PARTS * part + unit * np.arange(_LONGEST_MULTIPLE + 1)
        strobe = integrate_many(systems, later, ends, rtol=1e-10, atol=1e-12, threads=threads)
        returns = np.abs(strobe.states[:, 1:] - strobe.states[:, :1]).max(2)
    return _Orbits(ends, early, late, exponents, returns, 3 / measured[:, 0], driven)


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


@dataclass(frozen=True, eq=False)
class _Orbits:
    """What was seen of K orbits: states, extremes in two windows, exponents, distances of returns.

    Exponents nearer to zero than `resolution` count as zero.
    """

    ends: FloatArray
    early: FloatArray
    late: FloatArray
    exponents: FloatArray
    returns: FloatArray
    resolution: FloatArray
    driven: bool

    def row(self, part: slice) -> _Orbits:
        """Return some of them."""
        return self._with(values[part] for values in self._arrays)

    def replaced(self, places: IntArray, others: _Orbits) -> _Orbits:
        """Return these orbits with `others` at some places."""
        found = [values.copy() for values in self._arrays]
        for values, new in zip(found, others._arrays, strict=True):
            values[places] = new
        return self._with(found)

    @property
    def _arrays(self) -> tuple[FloatArray, ...]:
        return (self.ends, self.early, self.late, self.exponents, self.returns, self.resolution)

    def _with(self, arrays: Iterable[FloatArray]) -> _Orbits:
        ends, early, late, exponents, returns, resolution = arrays
        return _Orbits(ends, early, late, exponents, returns, resolution, self.driven)

    def decided(self, tolerance: float) -> NDArray[np.bool_]:
        """Return whether each returns (driven) or has settled: seeing it longer adds nothing."""
        largest = np.abs(self.late).max(1)
        if self.driven:
            return np.asarray(self.returns.min(1) <= _RETURNED * np.maximum(largest, 1e-12))
        drift = np.abs(self.late - self.early).max(1)
        return np.asarray(drift <= tolerance * np.maximum(largest, 1e-12))


def _sort(orbits: _Orbits, tolerance: float) -> Basins:
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


def _describe(orbits: _Orbits, k: int, scale: FloatArray, starts: int) -> Attractor:
    """Return what kind of attractor orbit k is on."""
    n = scale.size
    low, high = orbits.late[k, :n], orbits.late[k, n:]
    largest, limit = float(orbits.exponents[k, 0]), float(orbits.resolution[k])
    returned = np.flatnonzero(orbits.returns[k] <= _RETURNED * scale.max())
    # An orbit on its way to rest swings by e⁻⁴ of the window before, or less. The exponent alone
    # cannot tell: of a cycle that is fast here and slow there, such as a spike, it is not yet zero.
    span = float(((high - low) / scale).max())
    before = float(((orbits.early[k, n:] - orbits.early[k, :n]) / scale).max())
    if orbits.driven:
        locked = largest < -limit or (returned.size and largest <= limit)
        kind = CHAOS if largest > limit else CYCLE if locked else TORUS
    elif span <= _RETURNED or span < 0.5 * before:
        kind = UNSTABLE if largest > limit else EQUILIBRIUM
    elif largest > limit:
        kind = CHAOS
    else:
        kind = CYCLE if n > 1 and orbits.exponents[k, 1] < -limit else TORUS
    multiple = int(returned[0]) + 1 if kind == CYCLE and returned.size else 0
    return Attractor(kind, orbits.ends[k], low, high, largest, multiple, starts)
