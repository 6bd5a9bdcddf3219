"""Quantities of the entanglement of two memristors: concurrence at its peak, at a time, mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import density_matrices
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import signed_concurrence
from qmemcircuit.designs.quantities.quantity import check_index
from qmemcircuit.designs.solution import Seeds, Solution, mean_gradient, pair_places

FLIP = np.fliplr(np.diag([-1.0, 1.0, 1.0, -1.0]))
"""Y⊗Y."""


@data_object
@dataclass(frozen=True)
class PeakConcurrence:
    """The largest signed concurrence λ1 − λ2 − λ3 − λ4 of a pair over the times after t = 0.

    Where it is positive it is the concurrence; below 0 the pair is separable throughout, and it
    still says how far. Its derivative does not exist where two times share the largest.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> found = qm.gradient(
    ...     pair,
    ...     [0.0, 2.0, 4.0],
    ...     designs.PeakConcurrence(),
    ...     ["couplings.0.strength"],
    ...     splitting="strang",
    ... )
    >>> bool(found.derivatives["couplings.0.strength"] > 0)
    True
    """

    pair: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the largest value and its seeds."""
        values = _signed(solution, self.pair)
        later = np.flatnonzero(solution.times > 0)
        if not later.size:
            raise ValueError(
                "Argument times must hold one after t = 0 for a peak, but they hold none."
            )
        index = int(later[np.argmax(values[later])])
        return float(values[index]), _concurrence_seeds(solution, self.pair, {index: 1.0})


@data_object
@dataclass(frozen=True)
class ConcurrenceAt:
    """The signed concurrence of a pair at the time with this index (see `PeakConcurrence`).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> found = qm.gradient(
    ...     pair,
    ...     [0.0, 2.0, 4.0],
    ...     designs.ConcurrenceAt(1),
    ...     ["couplings.0.strength"],
    ...     splitting="strang",
    ... )
    >>> bool(found.derivatives["couplings.0.strength"] > 0)
    True
    """

    index: int
    pair: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the value and its seeds."""
        values = _signed(solution, self.pair)
        index = check_index(solution, self.index)
        return float(values[index]), _concurrence_seeds(solution, self.pair, {index: 1.0})


@data_object
@dataclass(frozen=True)
class MeanConcurrence:
    """The concurrence of a pair, averaged over the times by the trapezoidal rule.

    Where the pair is separable it counts 0; at the instants of death and birth it bends, which a
    derivative of the average does not feel unless a time falls on one.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> found = qm.gradient(
    ...     pair,
    ...     [0.0, 2.0, 4.0],
    ...     designs.MeanConcurrence(),
    ...     ["couplings.0.strength"],
    ...     splitting="strang",
    ... )
    >>> bool(found.derivatives["couplings.0.strength"] > 0)
    True
    """

    pair: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the average and its seeds."""
        values = _signed(solution, self.pair)
        steps = np.diff(solution.times)
        if not steps.size:
            raise ValueError(
                "Argument times must be two or more for an average, but one was given."
            )
        weights = np.zeros(len(values))
        weights[1:] += 0.5 * steps
        weights[:-1] += 0.5 * steps
        weights /= weights.sum()
        entangled = {int(k): float(weights[k]) for k in np.flatnonzero(values > 1e-9)}
        value = float(sum(weight * values[k] for k, weight in entangled.items()))
        return value, _concurrence_seeds(solution, self.pair, entangled)


def _signed(solution: Solution, pair: tuple[int, int]) -> FloatArray:
    return signed_concurrence(_pair_states(solution, pair))


def _pair_states(solution: Solution, pair: tuple[int, int]) -> ComplexArray:
    _check_pair(solution, pair)
    return density_matrices(solution.means[:, pair_places(pair)])


def _check_pair(solution: Solution, pair: Sequence[int]) -> None:
    count = len(solution.network.memristors)
    if pair[0] == pair[1] or not all(0 <= j < count for j in pair):
        raise ValueError(
            f"Argument pair must name two of the model's {count} memristors, but {tuple(pair)} was "
            "given."
        )


def _concurrence_seeds(
    solution: Solution, pair: tuple[int, int], weights: dict[int, float]
) -> Seeds:
    """Return the seeds of Σ weight·(signed concurrence) over times.

    R = ρ(YY)ρ*(YY) has the eigenvalues λ²; dλ = l†dR r/(2λ l†r). Those below 1e-7 are left out: a
    root bends at 0, but there dR vanishes as well for states that stay of lower rank.
    """
    means = np.zeros_like(solution.means)
    places = pair_places(pair)
    indices = np.array(list(weights))
    if not len(indices):
        return Seeds(means=means)
    states = _pair_states(solution, pair)[indices]
    flipped = FLIP @ states.conj() @ FLIP
    squares, right = np.linalg.eig(states @ flipped)
    order = np.argsort(-squares.real, axis=1)
    squares = np.take_along_axis(squares, order, axis=1)
    right = np.take_along_axis(right, order[:, None, :], axis=2)
    roots = np.sqrt(np.maximum(squares.real, 0.0))
    with np.errstate(all="ignore"):
        left = np.linalg.inv(right)
    signs = np.array([1.0, -1.0, -1.0, -1.0]) * np.array(list(weights.values()))[:, None]
    factors = np.where(roots > 1e-7, signs / (2 * np.where(roots > 1e-7, roots, 1.0)), 0.0)
    # d(Σ f λ²) = Tr(E dR) with E = right·f·left; dR = dρ ρ~ + ρ dρ~.
    inner = (right * factors[:, None, :]) @ left
    direct = flipped @ inner
    mirrored = (FLIP @ (inner @ states) @ FLIP).conj()
    slope = direct + mirrored
    slope = 0.5 * (slope + slope.conj().swapaxes(1, 2))
    means[np.ix_(indices, np.array(places))] = mean_gradient(slope)
    return Seeds(means=means)
