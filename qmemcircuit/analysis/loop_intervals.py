"""Intervals of areas, perimeters and form factors by inverted tests of hypothetical loops.

A family of hypothetical loops has one parameter, 1 for the likeliest: how far it is open, or how
long. A hypothesis is kept where the data are not improbable among its replicas. The form factor
4πS/P² is a ratio of two such quantities, tested as Fieller does: √S − fP = 0, for each f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from qmemcircuit.common.checks import BoolArray, FloatArray

# Spreads of replicas are multiplied by _FLOOR; those of √S by _FLOOR + _WIDENING times the square
# of the relative spread, the latter term at most 1. Eighty replicas alone need _FLOOR: at 97.5 %,
# Student's t of 79 degrees of freedom over the normal, 1.016, and √(1 + 1/80) = 1.006 for their
# mean's own error. Where noise is not small beside the loop, the hypothetical loops' shapes are
# partly noise; shapes enter areas at second order, hence the square: a loop of twenty standard
# errors is widened by 0.3 %, one of three by 14 %. The numbers below were chosen on repeated
# simulations (tests/oracles/coverage.md): calibration, not theory.
_FLOOR = 1.02
_WIDENING = 5.0
# The same for areas larger than the one seen: a loop that noise has made small is taken for a
# smaller one with too little noise.
_WIDENING_UPWARDS = 10.0
# The bias of P comes from the shape too, and this share of it is not known.
_BIAS_SHARE = 0.5
# Hypotheses, in units of the likeliest one's distance to either side.
_STEPS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_POINTS = 100
"""Of the fine grid between two hypotheses, which are at most two standard errors apart."""


@dataclass(frozen=True)
class Family:
    """Hypotheses of ascending parameter, (H,), and what is seen of each, (H, 2 + N).

    The truth, the data, replicas; of S its root, which is nearly normal, of P itself.
    """

    parameters: FloatArray
    seen: FloatArray

    @property
    def data(self) -> float:
        """What is seen of the data, whichever the hypothesis."""
        return float(self.seen[0, 1])

    @property
    def likeliest(self) -> FloatArray:
        """What is seen of hypothesis 1, (2 + N,)."""
        return np.asarray(self.seen[np.argmin(np.abs(self.parameters - 1))])

    def on(self, grid: FloatArray, values: FloatArray) -> FloatArray:
        """Return values of the hypotheses, (H,), at parameters between them."""
        return np.interp(grid, self.parameters, values)


@dataclass(frozen=True)
class Tested:
    """A quantity's hypotheses on a fine grid, each (G,).

    Truth, mean and spread of replicas, how far the data are above that mean in its spreads, and
    whether no loop is far: 1 where a hypothesis is tested on both sides, 0 where it is no loop's.
    """

    data: float
    truths: FloatArray
    means: FloatArray
    spreads: FloatArray
    pulls: FloatArray
    away: FloatArray

    @property
    def best(self) -> int:
        """Place of the hypothesis whose replicas the data are nearest."""
        return int(np.argmin(np.abs(self.pulls)))

    @property
    def centre(self) -> float:
        """The value seen, less its bias."""
        return float(self.truths[self.best] + self.data - self.means[self.best])

    def at(self, truth: FloatArray, values: FloatArray) -> FloatArray:
        """Return values on the grid, (G,), at other truths."""
        return np.interp(truth, self.truths, values)

    def interval(self, outside: float) -> tuple[float, float]:
        """Return the least and the greatest truth not rejected at a level of 1 − `outside`."""
        kept = _kept(self.pulls, self.away, outside)
        kept[self.best] = True
        chosen = self.truths[kept]
        return float(chosen.min()), float(chosen.max())


def _kept(pulls: FloatArray, away: FloatArray, outside: float) -> BoolArray:
    """Say which hypotheses are not rejected: on one side where no loop is near, else on two."""
    below = outside / 2 * away
    lowest, highest = norm.ppf(np.maximum(below, 1e-300)), norm.isf(outside - below)
    return np.asarray((pulls >= lowest) & (pulls <= highest))


def area_tests(roots: Family) -> Tested:
    """Return the tests of √S."""
    return _tests(roots, lower=_WIDENING, upper=_WIDENING_UPWARDS, share=0.0)


def length_tests(lengths: Family) -> Tested:
    """Return the tests of P, on two sides everywhere: no length is a boundary."""
    found = _tests(lengths, lower=0.0, upper=0.0, share=_BIAS_SHARE)
    return replace(found, away=np.ones_like(found.away))


def _tests(family: Family, *, lower: float, upper: float, share: float) -> Tested:
    """Return the tests of a family.

    Spreads are widened by `lower` and `upper` where hypotheses are below and above the data, and by
    `share` of the bias in quadrature. Beyond the likeliest hypothesis they do not shrink: replicas
    of more and more of one shape come to spread less, but what is not known of the shape stays.
    """
    count = family.parameters.size
    steps = np.arange((count - 1) * _POINTS + 1) / _POINTS
    grid = np.interp(steps, np.arange(count), family.parameters)
    averages = family.seen[:, 2:].mean(axis=1)
    spread = family.seen[:, 2:].std(axis=1, ddof=1)
    beyond = family.parameters >= 1
    spread[beyond] = np.maximum.accumulate(spread[beyond])
    square = (spread / np.maximum(averages, 1e-150)) ** 2
    unknown = share * (averages - family.seen[:, 0])
    truths = np.maximum.accumulate(family.on(grid, family.seen[:, 0]))
    means = family.on(grid, averages)
    narrow, wide = (
        family.on(grid, np.hypot(spread * (_FLOOR + np.minimum(widening * square, 1.0)), unknown))
        for widening in (lower, upper)
    )
    data = family.data
    rounding = 1e-9 * max(data, float(means.max())) + 1e-300
    spreads = np.maximum(np.where(means > data, wide, narrow), rounding)
    away = np.clip((means - means[0]) / (1.645 * max(narrow[0], rounding)), 0, 1)
    return Tested(data, truths, means, spreads, (data - means) / spreads, away)


@dataclass(frozen=True)
class Replicas:
    """√S and P of the likeliest loop's replicas, together.

    Attributes:
        correlation: of √S with P; 0 where one of them is exact.
        bias: mean of √S/P of the replicas less that of the likeliest loop.
    """

    correlation: float
    bias: float


def compare_replicas(roots: FloatArray, lengths: FloatArray) -> Replicas:
    """Return how √S and P, (2 + N,) as in `Family.seen`, go together."""
    root, length = roots[2:], lengths[2:]
    spread = float(root.std() * length.std())
    together = float(np.mean((root - root.mean()) * (length - length.mean())))
    ratios = np.divide(roots, lengths, out=np.zeros_like(roots), where=lengths > 0)
    bias = float(ratios[2:].mean() - ratios[0])
    return Replicas(together / spread if spread > 0 else 0.0, bias)


def ratio_interval(
    area: Tested, length: Tested, replicas: Replicas, outside: float
) -> tuple[float, float]:
    """Return the form factors 4πS/P² not rejected: √S − fP = 0 tested for each f (Fieller).

    The bias of √S/P is of second order in the shape, which is partly noise: it is known no better
    than to its own size.
    """
    # Without an area, whatever the length.
    greatest = area.interval(0.01)[1]
    if greatest <= 1e-6 * length.data:
        return 0.0, 4 * np.pi * (greatest / length.data) ** 2 if greatest > 0 else 0.0
    largest = 1 / np.sqrt(4 * np.pi)
    f = np.linspace(0, largest, 201)
    if length.centre > 0:  # fine about the value
        ratio = max(area.centre, 0.0) / length.centre
        scale = np.hypot(area.spreads[area.best], ratio * length.spreads[length.best])
        near = ratio + scale / length.centre * np.linspace(-6, 6, 601)
        f = np.unique(np.clip(np.append(f, near), 0, largest))
    root, side = np.full_like(f, area.centre), np.full_like(f, length.centre)
    for _ in range(3):
        # Biases and spreads are those of the likeliest √S and P with this ratio.
        at, along = np.maximum(root, 0.0), np.maximum(side, 0.0)
        seen = area.data - (area.at(at, area.means) - at)
        seen_length = length.data - (length.at(along, length.means) - along)
        a, p = area.at(at, area.spreads), length.at(along, length.spreads)
        cross = replicas.correlation * a * p
        variance = np.maximum(a**2 - 2 * f * cross + (f * p) ** 2, 0.0) + 1e-300
        difference = seen - f * seen_length
        root = seen - (a**2 - f * cross) / variance * difference
        side = seen_length - (cross - f * p**2) / variance * difference
    pulls = difference / np.hypot(np.sqrt(variance), replicas.bias * seen_length)
    kept = _kept(pulls, area.at(np.maximum(root, 0.0), area.away), outside)
    best = int(np.argmin(np.abs(pulls)))
    # Up to the first one rejected: far away the likeliest P with a ratio leaves the family.
    below, above = np.flatnonzero(~kept[:best]), np.flatnonzero(~kept[best + 1 :])
    low = f[below[-1] + 1] if below.size else f[0]
    high = f[best + above[0]] if above.size else f[-1]
    return float(4 * np.pi * low**2), float(4 * np.pi * high**2)


def explore(measure: Callable[[float], FloatArray]) -> Family:
    """Return what is seen of hypotheses 0, 1 (the likeliest) and of those to either side.

    `measure` gives (2 + N,) of a hypothesis: its truth, the data, replicas.
    They reach down by four standard errors, and up until the data are four below the replicas.
    """
    seen = {parameter: measure(parameter) for parameter in (0.0, 1.0)}
    steepness = abs(float(seen[1.0][0] - seen[0.0][0]))
    spread = float(seen[1.0][2:].std())
    reach = min(4 * spread / steepness, 20.0) if steepness > 0 else 1.0
    for parameter in 1 + reach * _STEPS:
        if parameter > 0:
            seen.setdefault(float(parameter), measure(float(parameter)))
    for _ in range(4):
        largest = max(seen)
        found = seen[largest]
        if found[2:].mean() - found[1] >= 4 * found[2:].std():
            break
        seen[2 * largest - 1] = measure(2 * largest - 1)
    parameters = sorted(seen)
    return Family(np.array(parameters), np.array([seen[parameter] for parameter in parameters]))
