"""What is seen of many orbits over a transient and two windows; `attractors` judges it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.neurons.dynamics.ensembles import integrate_many
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem

# Tangent vectors are made orthonormal so often within the second window; in the first parts they
# find their directions, and are not counted.
_PARTS, _ALIGN = 24, 6
_LONGEST_MULTIPLE = 12
"""Periods of the drive after which a locked state may return,"""
RETURNED = 1e-6
"""and how near it then comes, relative to the largest value of a variable."""


@dataclass(frozen=True, eq=False)
class Orbits:
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

    def row(self, part: slice) -> Orbits:
        """Return some of them."""
        return self._with(values[part] for values in self._arrays)

    def replaced(self, places: IntArray, others: Orbits) -> Orbits:
        """Return these orbits with `others` at some places."""
        found = [values.copy() for values in self._arrays]
        for values, new in zip(found, others._arrays, strict=True):
            values[places] = new
        return self._with(found)

    @property
    def _arrays(self) -> tuple[FloatArray, ...]:
        return (self.ends, self.early, self.late, self.exponents, self.returns, self.resolution)

    def _with(self, arrays: Iterable[FloatArray]) -> Orbits:
        ends, early, late, exponents, returns, resolution = arrays
        return Orbits(ends, early, late, exponents, returns, resolution, self.driven)

    def decided(self, tolerance: float) -> NDArray[np.bool_]:
        """Return whether each returns (driven) or has settled: seeing it longer adds nothing."""
        largest = np.abs(self.late).max(1)
        if self.driven:
            return np.asarray(self.returns.min(1) <= RETURNED * np.maximum(largest, 1e-12))
        drift = np.abs(self.late - self.early).max(1)
        return np.asarray(drift <= tolerance * np.maximum(largest, 1e-12))


def look(
    systems: Sequence[DynamicalSystem],
    start: FloatArray,
    transient: float,
    duration: float,
    threads: int,
) -> Orbits:
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
    return Orbits(ends, early, late, exponents, returns, 3 / measured[:, 0], driven)
