"""The integral of a law of which only single values can be asked, by two rules that must agree.

The line is cut into panels on a fixed grid and at the law's breakpoints. In each panel the law is
taken at 21 places that belong to two interlaced rules: ten of Gauss–Legendre, whose polynomial
is integrated, and eleven of Fejér, at which that polynomial must give the law's own values, as
it must just inside the panel's ends. A panel that fails is halved, and its halves must explain
its samples too, so that what one sample has seen can not be lost again further down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object

NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)
_INSIDE = 1 - 2.0**-40  # not the end itself, where a law that jumps there may have either value
CHECKS = np.concatenate([[-_INSIDE], np.cos((np.arange(11)[::-1] + 0.5) * np.pi / 11), [_INSIDE]])
WIDEST_GAP = float(np.diff(np.sort(np.concatenate([NODES, CHECKS]))).max()) / 2
"""Of neighbouring samples, in units of the panel's width."""
TOLERANCE = 1e-12
"""Of a panel's integral, times the integral itself where that exceeds 1."""
DEPTH = 60
"""Halvings after which a panel is given up: a jump is then far below the rounding of t."""
LARGEST_COUNT = 20_000_000
"""Of samples in one call: about half a minute of a plain Python function."""

_BARYCENTRIC = np.array(
    [1 / np.prod(NODES[k] - np.delete(NODES, k)) for k in range(NODES.size)], dtype=float
)
Samples = tuple[FloatArray, FloatArray]


def _lagrange(places: FloatArray) -> FloatArray:
    """Return the matrix from values at the nodes to the polynomial's values at `places`."""
    distance = places[:, None] - NODES
    hit = distance == 0
    terms = _BARYCENTRIC / np.where(hit, 1.0, distance)
    matrix = terms / terms.sum(axis=1, keepdims=True)
    matrix[hit.any(axis=1)] = 0.0
    matrix[hit] = 1.0
    return np.asarray(matrix)


_AT_CHECKS = _lagrange(CHECKS)


@data_object
@dataclass(frozen=True, eq=False)
class Quadrature:
    """∫ f between any two times; panels that were integrated once are remembered.

    Attributes:
        function: times of shape (n,) to values of shape (n,).
        width: of a panel, > 0; samples are at most WIDEST_GAP × width apart.
        cuts: increasing times at which f may jump or bend; no panel contains one.
        memory: of whole panels, by their number on the grid.
    """

    function: Callable[[FloatArray], FloatArray]
    width: float
    cuts: FloatArray
    memory: MutableMapping[int, float] = field(default_factory=dict)

    def between(self, start: FloatArray, stop: FloatArray) -> FloatArray:
        """Return ∫ f from each of `start` to each of `stop`, arrays of one shape."""
        knots, places = np.unique(
            np.concatenate([start.ravel(), stop.ravel()]), return_inverse=True
        )
        if knots.size and (count := (knots[-1] - knots[0]) / self.width * 23) > LARGEST_COUNT:
            raise ValueError(
                f"Argument resolution must leave at most {LARGEST_COUNT:,} samples of function, "
                f"but from t = {knots[0]:g} to {knots[-1]:g} it takes {count:.2g}; give "
                "FunctionRate(…, resolution=…), the width of the law's narrowest structure, or a "
                "TabulatedRate."
            )
        steps = [self._piece(float(a), float(b)) for a, b in pairwise(knots)]
        total = np.concatenate([[0.0], np.cumsum(steps)])[places]
        return np.asarray(total[start.size :] - total[: start.size]).reshape(start.shape)

    def _piece(self, start: float, stop: float) -> float:
        """Return ∫ f over one interval: what is left of a panel, whole panels, and the rest."""
        first, last = math.ceil(start / self.width), math.floor(stop / self.width)
        if first > last:
            return self._cut(start, stop)
        terms = [self._cut(start, first * self.width)]
        for number in range(first, last):
            if number not in self.memory:
                self.memory[number] = self._cut(number * self.width, (number + 1) * self.width)
            terms.append(self.memory[number])
        terms.append(self._cut(last * self.width, stop))
        return math.fsum(terms)

    def _cut(self, start: float, stop: float) -> float:
        """Return ∫ f over a panel or a part of one, cut at the breakpoints within."""
        if stop <= start:
            return 0.0
        low, high = np.searchsorted(self.cuts, start, "right"), np.searchsorted(self.cuts, stop)
        inside = self.cuts[low:high]
        edges = [start, *inside.tolist(), stop]
        nothing = np.empty(0)
        return math.fsum(self._panel(a, b, (nothing, nothing), 0, 0.0) for a, b in pairwise(edges))

    def _panel(
        self, start: float, stop: float, known: Samples, depth: int, allowed: float
    ) -> float:
        """Return ∫ f over [start, stop], which must explain the samples `known` from above."""
        half, middle = 0.5 * (stop - start), 0.5 * (start + stop)
        places = middle + half * np.concatenate([NODES, CHECKS])
        values = self.function(places)
        nodes, checks = values[: NODES.size], values[NODES.size :]
        defect = float(np.abs(_AT_CHECKS @ nodes - checks).max())
        within = (known[0] > start) & (known[0] < stop)
        times, seen = known[0][within], known[1][within]
        if times.size:
            predicted = _lagrange((times - middle) / half) @ nodes
            defect = max(defect, float(np.abs(predicted - seen).max()))
        if depth == 0:
            allowed = TOLERANCE * max(1.0, half * float(WEIGHTS @ np.abs(nodes)))
        # Near the rounding of t itself no halving is left, and a finite jump no longer counts.
        if defect * 2 * half <= allowed or 2 * half <= 16 * np.spacing(max(abs(start), abs(stop))):
            return half * float(WEIGHTS @ nodes)
        if depth == DEPTH:
            raise ValueError(
                f"Argument function must be integrable, but near t = {middle:.12g} two rules of "
                f"integration differ by {defect * 2 * half:.2g} however short the step; give the "
                "law without its singularity, or its jumps as breakpoints=(…)."
            )
        more = (np.concatenate([times, places]), np.concatenate([seen, values]))
        return self._panel(start, middle, more, depth + 1, allowed) + self._panel(
            middle, stop, more, depth + 1, allowed
        )
