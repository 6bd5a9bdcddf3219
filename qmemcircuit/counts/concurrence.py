"""Wootters' concurrence of a pair against time: exact from states, with an interval from counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import signed_concurrence
from qmemcircuit.counts.estimates import Estimate
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.samples import Samples
from qmemcircuit.counts.witnesses import concurrence_limits, concurrence_within, pair_counts


@data_object
@dataclass(frozen=True, eq=False)
class Concurrence:
    """Wootters' concurrence of one pair against time; every array has shape (T,).

    Attributes:
        times: the times.
        value: the concurrence, 0 to 1. From shots: that of the physical state nearest to the
            least-variance linear inversion, moved to the end of the interval where it falls
            outside. It is *not* unbiased: the projection onto physical states makes a product
            state look entangled and a Bell state less so, each by a few times 1/√shots at most. It
            is less noisy than the concurrence of `estimate(record).states`, where all settings
            weigh alike.
        signed: λ1 − λ2 − λ3 − λ4, whose positive part is the concurrence; negative in separable
            states. From shots: that of the same physical state.
        lower, upper: ends of the interval at each time, None where exact. lower > 0 means that
            the pair is entangled, and upper = 0 that it is separable, each time by itself at
            confidence (1 + level)/2.
        level: the probability, at each time by itself, that the interval holds the concurrence;
            None where exact, and where the interval is that of states with stated errors (Pauli
            propagation) and holds as often as those do.
        period: the period of the first of the pair, or None.
        seed: of the random halves of the counts behind `lower`, None where exact.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> times = pair.periods(4, points=5)
    >>> concurrence = qm.master_equation(pair, times).concurrence(0, 1)
    >>> concurrence.value.shape, concurrence.lower is None  # exact: no interval
    ((21,), True)
    """

    times: FloatArray
    value: FloatArray
    signed: FloatArray
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    level: float | None = None
    period: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def estimate(self) -> Estimate[FloatArray]:
        """Value and interval as one object; `estimate[k]` is that of time k, ready to print."""
        return Estimate(self.value, lower=self.lower, upper=self.upper, level=self.level)


def concurrence_of_states(
    times: FloatArray, states: ComplexArray, errors: FloatArray | None = None
) -> Concurrence:
    """Return the concurrence of two-qubit states of shape (T, 4, 4), exact ones or with errors.

    `errors` (T, 4, 4) are those of the states' Pauli means <AB>, A of the least significant qubit;
    with them the states need not be physical, and `lower` and `upper` are the least and the largest
    concurrence of physical states within them (`concurrence_within`). That interval has no level:
    it holds where the errors do.

    Raises:
        ValueError: where a state without errors is not physical (`signed_concurrence`).
    """
    if errors is None:
        signed = signed_concurrence(states)
        return Concurrence(times, np.maximum(0.0, signed), signed)
    lower, upper, signed = concurrence_within(states, errors)
    return Concurrence(times, np.clip(np.maximum(0.0, signed), lower, upper), signed, lower, upper)


def concurrence_of_counts(
    times: FloatArray,
    data: Samples | MitigatedSamples,
    pair: tuple[int, int],
    *,
    level: float = 0.95,
    seed: int = 0,
    residual: FloatArray | None = None,
) -> Concurrence:
    """Return the concurrence of a pair, with its interval, from tomographic counts.

    From shots, the two ends of the interval are made differently. z is the normal quantile of
    (1 + level)/2; means and errors are those of a witness, a linear function of the Pauli means of
    the pair's nine tomography settings, weighted for the least variance.

    - Lower: the counts are halved at random. A witness chosen by one half is evaluated on the
      other, where its mean is that of a function which never exceeds C; both ways round, mean of
      4 halvings, less z standard errors. So noise is not taken for entanglement.
    - Upper: the largest over a few witnesses of the mean on all counts plus z standard errors.
      The witness that is best for the true state would give a valid limit by itself.

    The standard errors include the choice of the witness. The limits rest on normal errors and on
    a finite list of witnesses, so coverage is a measured fact, not a theorem: at least nominal at
    levels 0.68 and 0.95 for the states and 100 to 20000 shots per setting of
    tests/analysis/test_entanglement.py. It holds at each time by itself: of 100 times, up to
    100 (1 − level) may miss.

    From mitigated counts the same, with the witnesses' means readout-corrected and extrapolated:
    the interval includes the price of both and the readout calibration's error, and not the bias
    that the extrapolation leaves, which no shot can show.

    With a `residual` the interval is for the state of the master equation, which the measured one
    may miss by so much: each witness W is moved outwards by residual × (largest − smallest
    eigenvalue of W). C itself has no such bound: it changes as the square root of the distance at
    worst (tests/oracles/entanglement.md).

    Args:
        times: shape (T,).
        data: counts of all nine tomography settings of the pair, plain or mitigated.
        pair: two different memristors.
        level: of the interval, between 0.5 and 1.
        seed: of the random halves.
        residual: largest trace distance of the measured states to those that are meant, shape
            (T,), as of compiled circuits; None is 0.

    Raises:
        ValueError: a pair that was not measured in all nine settings, fewer than 50 shots in one
            of them, a bad level.
    """
    level = check_real("level", level, minimum=0.5)
    if level >= 1:
        raise ValueError(f"Argument level must be below 1, but {level:g} was given.")
    seed = check_integer("seed", seed, minimum=0)
    moved = np.zeros(len(times)) if residual is None else residual
    lower, upper, signed = concurrence_limits(pair_counts(data, *pair), level, seed, moved)
    value = np.clip(np.maximum(0.0, signed), lower, upper)
    return Concurrence(times, value, signed, lower, upper, level, seed=seed)
