"""`design`: the best of a family under constraints, by gradients from many starts.

SciPy's SLSQP (sequential quadratic programming) with exact gradients. An optimum of it is a local
one: what several starts find is a lower bound on the maximum, and says so by their spread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import circuits_with
from qmemcircuit.circuits.expense import ideal_expense
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.circuits.splitting import Splitting
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_times, check_work
from qmemcircuit.common.data_objects import FrozenMapping, data_object
from qmemcircuit.designs.family import Family
from qmemcircuit.designs.gradients import solve_model
from qmemcircuit.designs.loop_gradients import NoDerivativeError
from qmemcircuit.designs.quantities.quantity import Quantity
from qmemcircuit.model.memristors import Model

TOLERANCE = 1e-6
"""By which a constraint may be missed, in units of its bound (of 1 where that is smaller)."""

MOST_ITERATIONS = 60


@data_object
@dataclass(frozen=True)
class Constraint:
    """A quantity that is held at or above `lower`, at or below `upper`, or both.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> qm.Constraint(designs.DecayIntegral(), upper=2.0).upper  # ∫Γ over a period at most 2
    2.0
    """

    quantity: Quantity
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        check_fields(self, infinite=("lower", "upper"), own=("quantity",))
        _check_quantity("quantity", self.quantity)
        if not self.lower <= self.upper or (math.isinf(self.lower) and math.isinf(self.upper)):
            raise ValueError(
                f"Argument lower must not be above upper, and one of them must be finite, but they "
                f"are {self.lower:g} and {self.upper:g}."
            )

    def missed_by(self, value: float) -> float:
        """Return by how much a value is outside, 0 inside."""
        check_arguments(Constraint.missed_by, locals())
        return max(self.lower - value, value - self.upper, 0.0)

    def __str__(self) -> str:
        """Return e.g. `DecayIntegral(device=0) <= 2`."""
        low = "" if math.isinf(self.lower) else f"{self.lower:g} <= "
        high = "" if math.isinf(self.upper) else f" <= {self.upper:g}"
        return f"{low}{self.quantity!r}{high}"


@data_object
@dataclass(frozen=True, eq=False)
class Design:
    """The best of a family that a search found.

    Attributes:
        values: {free parameter: its value}.
        model: the memristor or network with them.
        objective: the largest value of the objective found. A local optimum: a lower bound on the
            family's maximum.
        constraints: {constraint in words: its quantity's value}.
        active: constraints and bounds that the optimum leans on: without them it would move.
        starts: the objective that each start reached, NaN where it ended outside the constraints or
            had no derivative to begin with, in the order of the starts.
        seed: of the starts.
        times, splitting: of the steps, as in `exact_circuit`.
        evaluations: solutions computed, each with its gradients, in all starts together.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> family = qm.Family(
    ...     qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6), {"rate.gamma0": (0.1, 0.4)}
    ... )
    >>> times = family.at([0.4]).periods(1, points=21)
    >>> found = qm.design(family, designs.LobeArea(), times=times, starts=1, seed=1)
    >>> found.active  # the bound that holds the optimum
    ('rate.gamma0 <= 0.4',)
    """

    # More than ten fields would be a trajectory too: `exact_circuit(model, times)` gives it.
    values: Mapping[str, float]
    model: Model
    objective: float
    constraints: Mapping[str, float]
    active: tuple[str, ...]
    starts: tuple[float, ...]
    seed: int
    times: FloatArray
    splitting: Splitting
    evaluations: int

    def __post_init__(self) -> None:
        check_fields(self, missing=("starts",))
        object.__setattr__(self, "values", FrozenMapping(self.values))
        object.__setattr__(self, "constraints", FrozenMapping(self.constraints))


# More than eight parameters: what is wanted and held, and by name how it is searched for.
def design(
    family: Family,
    objective: Quantity,
    constraints: Sequence[Constraint] = (),
    *,
    times: ArrayLike,
    splitting: Splitting | None = None,
    most_two_qubit_gates: int | None = None,
    starts: int = 6,
    first: Sequence[ArrayLike] = (),
    seed: int = 0,
) -> Design:
    """Return the member of `family` with the largest `objective` among those within constraints.

    Args:
        family: the model and its free parameters.
        objective: any `Quantity` of `qmemcircuit.designs`: a form factor, an area, a concurrence,
            `LoopAgreement` with a wanted loop.
        constraints: hard ones; an answer misses none by more than 1e-6 of its bound. A form
            factor needs some: it knows neither how weak the signal is (bound `DecayIntegral` from
            below too) nor whether one lobe has gone (bound `LobeBalance`).
        times, splitting: of the steps, as in `exact_circuit`; None is `"lie"`.
        most_two_qubit_gates: in the circuit of the last time, as CX. It depends on the steps
            alone, so it is held before the search: ValueError where they need more.
        starts: the model's own parameters first, then random ones within the bounds. More starts
            take longer and find more.
        first: parameters (P,) to start from before these, as those of an optimum of a smaller
            family: the answer is then no worse than that.
        seed: of the random starts.

    Raises:
        ValueError: no start reaches the constraints; it says which one is missed, by how much.
        NoDerivativeError: the objective has no derivative at any start.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> family = qm.Family(
    ...     qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6), {"rate.gamma0": (0.1, 0.4)}
    ... )
    >>> times = family.at([0.4]).periods(1, points=21)
    >>> found = qm.design(family, designs.LobeArea(), times=times, starts=1, seed=1)
    >>> round(found.values["rate.gamma0"], 3)  # the strongest damping in the box
    0.4
    """
    check_arguments(design, locals(), own=("objective",))
    _check_quantity("objective", objective)
    starts = check_integer("starts", starts, minimum=1)
    check_work("starts", starts, 10**4, "searches")
    seed = check_integer("seed", seed, minimum=0)
    grid = check_times(times)
    if most_two_qubit_gates is not None:
        _check_gates(family, grid, splitting, most_two_qubit_gates)
    search = Search(family, objective, tuple(constraints), grid, splitting or "lie")
    low, high = family.limits
    points = [np.clip(np.asarray(item, dtype=float), low, high) for item in first]
    for point in points:
        family.at(point)  # a wrong number of parameters is said here
    points.append(family.values)
    points += list(np.random.default_rng(seed).uniform(low, high, (starts - 1, len(low))))
    reached: list[FloatArray | None] = []
    without: list[str] = []
    for point in points:
        try:
            search.require_derivatives(point)
        except NoDerivativeError as error:
            without.append(str(error))
            reached.append(None)
            continue
        reached.append(search.climb(point))
    if len(without) == len(points):
        raise NoDerivativeError(
            f"Argument objective must have a derivative where the search starts, but at none of "
            f"{len(points)} starts it has one: {without[0]} Start elsewhere: give first=[…] or "
            "another model in the family."
        )
    return search.best_of(reached, seed)


class Search:
    """The objective and constraints of one family at points of its box, each solved once."""

    def __init__(
        self,
        family: Family,
        objective: Quantity,
        constraints: tuple[Constraint, ...],
        times: FloatArray,
        splitting: Splitting,
    ) -> None:
        self.family, self.objective, self.constraints = family, objective, constraints
        self.times, self.splitting = times, splitting
        self.evaluations = 0
        low, high = family.limits
        self._low, self._width = low, high - low
        self._last: tuple[bytes, FloatArray, FloatArray] | None = None
        self._best: tuple[float, FloatArray] | None = None

    def require_derivatives(self, point: FloatArray) -> None:
        """Raise NoDerivativeError where the objective has none."""
        self.objective.measure(solve_model(self.family.at(point), self.times, self.splitting))

    def climb(self, point: FloatArray) -> FloatArray:
        """Return the local optimum that SLSQP reaches from a point, (P,).

        Of all the points that it tried within the constraints the best one, as it may end outside
        or lower: never worse than where it started. Where it tried none, where it ended.
        """
        from scipy.optimize import minimize

        rules = []
        for place, rule in enumerate(self.constraints, start=1):
            for bound, sign in ((rule.lower, 1.0), (rule.upper, -1.0)):
                if math.isfinite(bound):
                    rules.append(self._rule(place, bound, sign))
        unit = np.clip((point - self._low) / self._width, 0.0, 1.0)
        self._last = self._best = None
        self._table(unit)
        found = minimize(
            lambda x: -self._table(x)[0][0],
            unit,
            jac=lambda x: -self._table(x)[1][0],
            bounds=[(0.0, 1.0)] * len(unit),
            constraints=rules,
            method="SLSQP",
            options={"maxiter": MOST_ITERATIONS, "ftol": 1e-6},
        )
        unit = self._restored(np.clip(found.x, 0.0, 1.0))
        self._table(unit)
        if self._best is not None:
            unit = self._best[1]
        reached: FloatArray = self._low + unit * self._width
        return reached

    def _restored(self, unit: FloatArray) -> FloatArray:
        """Return a point moved back into constraints that SLSQP missed by little.

        The shortest steps to where the missed ones' tangents meet their bounds.
        """
        for _ in range(8):
            values, slopes = self._table(unit)
            missed = self.missed(values)
            out = np.flatnonzero(missed > 0)
            if not len(out) or missed.max() > 0.1:
                return unit
            wanted = []
            for k in out:
                rule, value = self.constraints[k], values[k + 1]
                sign = 1.0 if value < rule.lower else -1.0
                bound = rule.lower if sign > 0 else rule.upper
                wanted.append(bound - value + sign * 0.5 * TOLERANCE * max(1.0, abs(bound)))
            step = np.linalg.lstsq(slopes[out + 1], np.array(wanted), rcond=1e-10)[0]
            unit = np.clip(unit + step, 0.0, 1.0)
        return unit

    def _rule(self, place: int, bound: float, sign: float) -> dict[str, object]:
        scale = max(1.0, abs(bound))
        # Held a little inside: SLSQP ends within its own tolerance of a bound.
        margin = 0.1 * TOLERANCE
        return {
            "type": "ineq",
            "fun": lambda x: sign * (self._table(x)[0][place] - bound) / scale - margin,
            "jac": lambda x: sign * self._table(x)[1][place] / scale,
        }

    def _table(self, unit: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return all values (1 + C,) and their gradients (1 + C, P) in units of the box.

        Where a quantity has no derivative inside a search, it counts as flat: the line search then
        turns back.
        """
        key = unit.tobytes()
        if self._last is not None and self._last[0] == key:
            return self._last[1:]
        self.evaluations += 1
        model = self.family.at(self._low + np.clip(unit, 0.0, 1.0) * self._width)
        solution = solve_model(model, self.times, self.splitting)
        tangents = self.family.tangents(model)
        quantities = [self.objective, *(rule.quantity for rule in self.constraints)]
        values, slopes = np.zeros(len(quantities)), np.zeros((len(quantities), len(unit)))
        for row, quantity in enumerate(quantities):
            try:
                values[row], seeds = quantity.measure(solution)
            except NoDerivativeError as error:
                values[row] = error.value
                continue
            adjoint = solution.pull_back(seeds)
            slopes[row] = [sum(adjoint.along(one) for one in tied) for tied in tangents]
        if np.all(self.missed(values) <= TOLERANCE) and (
            self._best is None or values[0] > self._best[0]
        ):
            self._best = float(values[0]), np.clip(unit, 0.0, 1.0)
        self._last = (key, values, slopes * self._width)
        return self._last[1:]

    def measure(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return all values (1 + C,) and gradients (1 + C, P) in units of the box at a point."""
        return self._table((point - self._low) / self._width)

    def missed(self, values: FloatArray) -> FloatArray:
        """Return by how much each constraint is missed, in units of its bound, (C,)."""
        found = np.zeros(len(self.constraints))
        for k, (rule, value) in enumerate(zip(self.constraints, values[1:], strict=True)):
            bound = rule.lower if value < rule.lower else rule.upper
            if (miss := rule.missed_by(float(value))) > 0:
                found[k] = miss / max(1.0, abs(bound))
        return found

    def best_of(self, reached: Sequence[FloatArray | None], seed: int) -> Design:
        """Return the best point within the constraints; ValueError where none is."""
        tables = [None if point is None else self.measure(point)[0] for point in reached]
        missed = [None if table is None else self.missed(table) for table in tables]
        good = [m is not None and bool(np.all(m <= TOLERANCE)) for m in missed]
        objectives = [
            float(table[0]) if fine and table is not None else math.nan
            for table, fine in zip(tables, good, strict=True)
        ]
        if not any(good):
            nearest = min((m for m in missed if m is not None), key=lambda m: float(m.max()))
            at = next(t for t, m in zip(tables, missed, strict=True) if m is nearest)
            assert at is not None
            lines = [
                f"{rule} (reached {float(value):.4g})"
                for rule, value, miss in zip(self.constraints, at[1:], nearest, strict=True)
                if miss > TOLERANCE
            ]
            raise ValueError(
                "Argument constraints must leave some of the family, but no search found any; "
                f"nearest, these are missed: {'; '.join(lines)}. Loosen them, widen the family's "
                "bounds, or try more starts."
            )
        best = reached[int(np.nanargmax(objectives))]
        assert best is not None
        values = self.measure(best)[0]
        return Design(
            values=dict(zip(self.family.names, best.tolist(), strict=True)),
            model=self.family.at(best),
            objective=float(values[0]),
            constraints={
                str(rule): float(value)
                for rule, value in zip(self.constraints, values[1:], strict=True)
            },
            active=self._active(best, values),
            starts=tuple(objectives),
            seed=seed,
            times=self.times,
            splitting=self.splitting,
            evaluations=self.evaluations,
        )

    def _active(self, point: FloatArray, values: FloatArray) -> tuple[str, ...]:
        found = []
        for rule, value in zip(self.constraints, values[1:], strict=True):
            for bound in (rule.lower, rule.upper):
                if math.isfinite(bound) and abs(value - bound) <= 1e-4 * max(1.0, abs(bound)):
                    found.append(str(rule))
                    break
        low, high = self.family.limits
        for name, value, below, above in zip(self.family.names, point, low, high, strict=True):
            near = 1e-6 * (above - below)
            if value - below <= near:
                found.append(f"{name} >= {below:g}")
            elif above - value <= near:
                found.append(f"{name} <= {above:g}")
        return tuple(found)


def _check_quantity(name: str, quantity: object) -> None:
    if isinstance(quantity, type) or not isinstance(quantity, Quantity):
        raise TypeError(
            f"Argument {name} must have the method measure, but {quantity!r} has none; "
            "FormFactor() is one that does, of qmemcircuit.designs."
        )


def _check_gates(family: Family, times: FloatArray, splitting: Splitting | None, most: int) -> None:
    most = check_integer("most_two_qubit_gates", most, minimum=0)
    options = CircuitOptions("Z", "reset", splitting or "lie", None, "compact")
    middle = family.at(np.mean(family.limits, axis=0))
    needed = ideal_expense(circuits_with(middle, times, options)).two_qubit_gates[1]
    if needed > most:
        raise ValueError(
            f"Argument most_two_qubit_gates must be at least {needed}, which the steps of `times` "
            f"need, but it is {most}; give fewer times, which are fewer steps, or another "
            "splitting."
        )
