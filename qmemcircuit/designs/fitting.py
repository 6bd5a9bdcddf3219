"""`fit`: from counts back to the law and the coupling, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmemcircuit.analysis.counts_test import pearson
from qmemcircuit.circuits.splitting import Splitting
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, IntArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import FrozenMapping, data_object
from qmemcircuit.counts.estimates import Estimate
from qmemcircuit.designs.family import Family
from qmemcircuit.designs.solution import Seeds, Solution, solve
from qmemcircuit.model.memristors import Model, as_network
from qmemcircuit.results.observables import is_driven
from qmemcircuit.results.records import Record

EDGE = 1e-4
"""Of a bound's distance: an estimate this close to it leans on it."""


@data_object
@dataclass(frozen=True, eq=False)
class Fit:
    """What counts say about a family's free parameters.

    Attributes:
        estimates: {parameter: Estimate} with standard error and interval.
        model: the likeliest model.
        covariance: of the estimates, (P, P), the inverse of the Fisher information.
        chi_square: Pearson's, of the counts against the likeliest model, rare outcomes pooled as
            `compare` does.
        freedom: its degrees of freedom: outcomes left after pooling less free parameters.
        p_value: probability of so large a χ² where the family is right. Where it is small, no
            member of the family is the device, and the intervals mean nothing.
        at_bounds: parameters whose estimate leans on a bound; their intervals end there, and
            those of the others take them as known.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(
    ...     memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=5000
    ... )
    >>> found = qm.fit(record, qm.Family(memristor, {"rate.gamma0": (0.1, 1.0)}), starts=1)
    >>> lower, upper = found.estimates["rate.gamma0"].interval
    >>> bool(lower < 0.4 < upper)
    True
    """

    estimates: Mapping[str, Estimate[float]]
    model: Model
    covariance: FloatArray
    chi_square: float
    freedom: int
    p_value: float
    at_bounds: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "estimates", FrozenMapping(self.estimates))

    def __getitem__(self, name: str) -> Estimate[float]:
        """Return the estimate of one parameter."""
        check_arguments(Fit.__getitem__, locals())
        if name not in self.estimates:
            raise KeyError(
                f"Argument name must be one of {', '.join(self.estimates)}, but {name!r} was given."
            )
        return self.estimates[name]


def fit(
    record: Record, family: Family, *, level: float = 0.95, starts: int = 3, seed: int = 0
) -> Fit:
    """Return the parameters of `family` that explain the counts of `record` best, with intervals.

    Maximum likelihood: the counts of each time and setting are multinomial, with the probabilities
    of the exact circuits in the record's splitting. The intervals are value ± z·error, with the
    error from the Fisher information Σ N (∂p/∂θ)(∂p/∂θ)ᵀ/p at the likeliest parameters. They hold
    for many shots, where no parameter is at a bound (`at_bounds`) and the family contains the
    device (`p_value`); `python -m experiments run design.inverse` measures how often. They end at
    the bounds, and those of an angle do not go on at the other end: let b run from −π to π, not
    from 0 to 2π, where it is near 0.

    What the model is *not*: readout errors and device noise are not in it. Give a family with
    `dephasing` or `occupation`, or see `p_value`.

    Args:
        record: of at most three memristors, its circuits in steps bounded by its times.
        family: its model has as many memristors as the record.
        level: of the intervals.
        starts: searches: from the family's own model, then from random parameters.
        seed: of the random ones.

    Raises:
        ValueError: where record and family do not fit each other, for circuits with steps of their
            own (`steps=`) or `compiled`, and where the counts leave a direction of the parameters
            open (it names it).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(
    ...     memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=5000
    ... )
    >>> found = qm.fit(record, qm.Family(memristor, {"rate.gamma0": (0.1, 1.0)}), starts=1)
    >>> list(found.estimates), bool(found.p_value > 0.01)
    (['rate.gamma0'], True)
    """
    from scipy.optimize import minimize
    from scipy.stats import chi2, norm

    check_arguments(fit, locals())
    level = check_real("level", level, minimum=0, exclusive=True)
    if level >= 1:
        raise ValueError(f"Argument level must be below 1, but {level:g} was given.")
    starts = check_integer("starts", starts, minimum=1)
    check_work("starts", starts, 10**4, "searches")
    seed = check_integer("seed", seed, minimum=0)
    likelihood = _Likelihood(record, family)
    low, high = family.limits
    width = high - low
    rng = np.random.default_rng(seed)
    points = [family.values, *rng.uniform(low, high, (starts - 1, len(low)))]
    best: Any = None
    for point in points:
        found = minimize(
            lambda x: likelihood.loss(low + np.clip(x, 0, 1) * width),
            np.clip((point - low) / width, 0, 1),
            jac=lambda x: likelihood.slope(low + np.clip(x, 0, 1) * width) * width,
            bounds=[(0.0, 1.0)] * len(low),
            method="L-BFGS-B",
            options={"maxiter": 200, "ftol": 1e-13, "gtol": 1e-9},
        )
        if best is None or found.fun < best.fun:
            best = found
    values = likelihood.polish(low + np.clip(best.x, 0, 1) * width)
    at_bounds = np.minimum(values - low, high - values) <= EDGE * width
    free = np.flatnonzero(~at_bounds)
    information = likelihood.information(values)
    covariance = np.zeros((len(low), len(low)))
    covariance[np.ix_(free, free)] = _inverse(
        information[np.ix_(free, free)], width[free], free, family
    )
    reach = float(norm.isf((1 - level) / 2))
    estimates = {}
    for k, name in enumerate(family.names):
        error = float(np.sqrt(covariance[k, k])) if k in free else 1 / np.sqrt(information[k, k])
        ends = np.clip(values[k] + reach * error * np.array([-1.0, 1.0]), low[k], high[k])
        estimates[name] = Estimate(
            float(values[k]), float(error), float(ends[0]), float(ends[1]), level=level
        )
    chi_square, freedom = likelihood.chi_square(values)
    freedom -= len(free)
    return Fit(
        estimates,
        family.at(values),
        covariance,
        chi_square,
        freedom,
        float(chi2.sf(chi_square, max(freedom, 1))),
        tuple(np.array(family.names)[at_bounds].tolist()),
    )


class _Likelihood:
    """−log likelihood of a record's counts, with its slope and its information."""

    def __init__(self, record: Record, family: Family) -> None:
        members = len(record.network.memristors)
        if len(as_network(family.model).memristors) != members:
            raise ValueError(
                f"Argument family must have as many memristors as the record, but they are "
                f"{len(as_network(family.model).memristors)} and {members}."
            )
        made = record.provenance
        splitting = made.get("splitting", "lie")
        split = bool(record.network.couplings) or is_driven(record.network)
        if splitting == "compiled" or (split and made.get("steps") is not None):
            raise ValueError(
                "Argument record must be of circuits whose steps its times bound, but its "
                f"splitting is {splitting!r} with steps = {made.get('steps')}; run it with "
                "splitting='lie', 'strang' or 'fused'."
            )
        if record.times[0] == 0 and len(record.times) < 2:
            raise ValueError("Argument record must hold a time after 0, but it does not.")
        self.family, self.times = family, record.times
        self.splitting: Splitting = splitting
        self.counts = np.asarray(record.samples.counts, dtype=float)
        self.signs, self.places = _readings(record.samples.bases, members)
        self._last: tuple[bytes, Solution, FloatArray] | None = None

    def _probabilities(self, values: FloatArray) -> tuple[Solution, FloatArray]:
        key = values.tobytes()
        if self._last is None or self._last[0] != key:
            solution = solve(as_network(self.family.at(values)), self.times, self.splitting)
            raw = solution.means[:, self.places] @ self.signs / self.signs.shape[0]
            self._last = key, solution, np.maximum(raw, 1e-12)
        return self._last[1:]

    def loss(self, values: FloatArray) -> float:
        """Return −Σ n log p per count."""
        _, chances = self._probabilities(values)
        return float(-np.sum(self.counts * np.log(chances)) / self.counts.sum())

    def slope(self, values: FloatArray) -> FloatArray:
        """Return the gradient of `loss`, (P,), by one pass back."""
        solution, chances = self._probabilities(values)
        pull = -(self.counts / chances) / self.counts.sum()
        weights = pull @ self.signs.T / self.signs.shape[0]
        means = np.zeros_like(solution.means)
        for row, place in enumerate(self.places):
            means[:, place] += weights[:, row]
        adjoint = solution.pull_back(Seeds(means=means))
        tangents = self.family.tangents(self.family.at(values))
        return np.array([sum(adjoint.along(one) for one in tied) for tied in tangents])

    def _sensitivities(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return probabilities (T, B, O) and their derivatives (P, T, B, O)."""
        solution, chances = self._probabilities(values)
        found = []
        for tied in self.family.tangents(self.family.at(values)):
            means = sum(solution.push_forward(one) for one in tied)
            found.append(np.asarray(means)[:, self.places] @ self.signs / self.signs.shape[0])
        return chances, np.array(found)

    def information(self, values: FloatArray) -> FloatArray:
        """Return the Fisher information of all counts, (P, P)."""
        chances, moved = self._sensitivities(values)
        shots = self.counts.sum(axis=2, keepdims=True)
        weighted = moved * np.where(chances > 1e-9, shots / chances, 0.0)
        return np.asarray(np.einsum("atbo,ctbo->ac", weighted, moved))

    def polish(self, values: FloatArray) -> FloatArray:
        """Return the parameters after up to five steps of Fisher scoring that lower the loss."""
        low, high = self.family.limits
        for _ in range(5):
            information = self.information(values)
            step = np.linalg.pinv(information, rcond=1e-12) @ (
                -self.slope(values) * self.counts.sum()
            )
            moved = np.clip(values + step, low, high)
            if not self.loss(moved) < self.loss(values):
                break
            values = moved
        return values

    def chi_square(self, values: FloatArray) -> tuple[float, int]:
        """Return Pearson's χ² and how many independent outcomes it is of."""
        _, chances = self._probabilities(values)
        return pearson(self.counts, chances)


def _readings(bases: tuple[str, ...], members: int) -> tuple[FloatArray, IntArray]:
    """Return signs (S, O) and places (B, S): p_o = Σ_S sign·mean[place]/2^M of each setting."""
    outcomes = np.arange(2**members)
    parities = np.array(
        [[bin(int(subset & outcome)).count("1") % 2 for outcome in outcomes] for subset in outcomes]
    )
    places = np.zeros((len(bases), len(outcomes)), dtype=np.int64)
    for row, basis in enumerate(bases):
        for j, letter in enumerate(basis):
            places[row] += (outcomes >> j & 1) * "IXYZ".index(letter) * 4**j
    return 1.0 - 2.0 * parities, places


def _inverse(
    information: FloatArray, width: FloatArray, free: IntArray, family: Family
) -> FloatArray:
    """Return the inverse; ValueError where a direction within the bounds is left open."""
    scaled = information * np.outer(width, width)
    if not len(scaled):
        return scaled
    weights, directions = np.linalg.eigh(scaled)
    if weights[0] <= 1e-12 * weights[-1] or weights[0] <= 0:
        share = np.abs(directions[:, 0])
        names = [family.names[free[k]] for k in np.flatnonzero(share > 0.2 * share.max())]
        raise ValueError(
            f"Argument record must determine the free parameters, but it leaves {', '.join(names)} "
            "open: fix one of them, or measure other settings or times."
        )
    return np.asarray(np.outer(width, width) * np.linalg.inv(scaled))
