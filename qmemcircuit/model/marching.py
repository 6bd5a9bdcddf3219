"""A differential equation solved from time to time, with every law's integral solved along.

Both sides of a comparison, circuits and master equation, must mean the same Γ(t). The circuits
take `integral`; a solver takes `value` at places of its own choice, between which a pulse may
fall. So the solver's state ends in g_j with g_j' = Γ_j(t), and after every interval what was
added to g_j must be the law's own integral.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.model.drives import Drive
from qmemcircuit.model.laws.rates import DecayRate, stops_with

INTEGRAL_TOLERANCE = 1e-9
"""Of ∫Γ over an interval, relative above 1: a tenth of what `master_equation` promises."""
HALF_TOLERANCE = 1e-10
"""Of ∫Γ over a part of an interval, which leaves room for the sum of the parts' errors."""
HALVINGS = 20
State = NDArray[Any]
Solve = Callable[[State, float, float], State]
"""(state, start, stop) -> state at `stop`, for an interval in which no law has a breakpoint."""


class WatchedLaws:
    """The laws of a network as a solver sees them: one interval at a time, from inside."""

    def __init__(self, laws: Sequence[DecayRate | Drive], names: Sequence[str] = ()) -> None:
        """`names`: what each law is called in messages; the rate of a memristor by default."""
        self.laws = tuple(laws)
        self._names = tuple(names) or tuple(f"rate of memristor {j}" for j in range(len(laws)))
        self._first, self._last = -math.inf, math.inf

    def rate(self, j: int, time: float) -> float:
        """Return Γ_j(t). Where the law jumps at the interval's ends, its value inside counts."""
        value = float(self.laws[j].value(min(max(time, self._first), self._last)))
        if not math.isfinite(value):
            raise ValueError(
                f"Argument {self._names[j]} must be finite, but at t = {time:.9g} it is {value}."
            )
        return value

    def integrals(self, start: ArrayLike, stop: ArrayLike) -> FloatArray:
        """Return the laws' ∫Γ from `start` to `stop`, the memristors along the last axis."""
        return np.stack([law.integral(start, stop) for law in self.laws], axis=-1)

    def march(self, times: FloatArray, state: State, solve: Solve) -> list[State]:
        """Return the states at `times` ≥ 0, from `state` at t = 0, whose last entries are the g_j.

        Raises:
            ValueError: where a law is not known, and where the solver's ∫Γ is not the law's after
                any halving of the interval.
        """
        cuts = [np.asarray(getattr(law, "breakpoints", ()), dtype=float) for law in self.laws]
        stops = np.unique(np.concatenate([[0.0], times]))
        grid = stops_with(stops, np.concatenate(cuts))
        expected = self.integrals(grid[:-1], grid[1:])  # refuses now what a law does not know
        wanted = set(times.tolist())
        states = [state] if 0.0 in wanted else []
        for k in range(1, grid.size):
            start, stop = float(grid[k - 1]), float(grid[k])
            margin = 1e-9 * (stop - start)
            self._first, self._last = start + margin, stop - margin
            state = self._advance(state, start, stop, solve, expected[k - 1], 0)
            if stop in wanted:
                states.append(state)
        return states

    def _advance(
        self,
        state: State,
        start: float,
        stop: float,
        solve: Solve,
        expected: FloatArray,
        depth: int,
    ) -> State:
        found = solve(state, start, stop)
        if self._defect(state, found, expected) <= (
            HALF_TOLERANCE if depth else INTEGRAL_TOLERANCE
        ):
            return found
        if depth < HALVINGS:
            middle = 0.5 * (start + stop)
            first, second = self.integrals([start, middle], [middle, stop])
            half = self._advance(state, start, middle, solve, first, depth + 1)
            found = self._advance(half, middle, stop, solve, second, depth + 1)
            if self._defect(state, found, expected) <= INTEGRAL_TOLERANCE:
                return found
        seen = self._along(found) - self._along(state)
        j = int(np.argmax(np.abs(seen - expected)))
        raise ValueError(
            f"Argument {self._names[j]} must have one integral, but from t = {start:.9g} to "
            f"{stop:.9g} its method integral says {expected[j]:.9g} and its values add up to "
            f"{seen[j]:.9g}; a pulse or jump may be too narrow to be seen: give its edges as "
            "FunctionRate(…, breakpoints=(…)), or correct the law's integral."
        )

    def _along(self, state: State) -> FloatArray:
        return np.asarray(state[-len(self.laws) :].real)

    def _defect(self, before: State, after: State, expected: FloatArray) -> float:
        """Return the largest difference of the solver's ∫Γ from the laws', relative above 1."""
        seen = self._along(after)
        scale = np.maximum(1.0, np.abs(seen))
        return float(np.max(np.abs(seen - self._along(before) - expected) / scale))
