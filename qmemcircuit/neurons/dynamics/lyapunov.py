"""Lyapunov exponents of any system, with errors from block averages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.integration import stepper
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    require_formula,
    stepper_equations,
)


@data_object
@dataclass(frozen=True, eq=False)
class LyapunovSpectrum:
    """Lyapunov exponents, largest first.

    Attributes:
        exponents: shape (k,), per unit of time, natural logarithm.
        errors: standard errors of the block means, shape (k,): statistical only. They do not
            know of a transient that was cut too short.
        blocks: the exponents of each block, shape (B, k).
        state: the final state, from which the run may be continued.
        duration: averaging time.
    """

    exponents: FloatArray
    errors: FloatArray
    blocks: FloatArray
    state: FloatArray
    duration: float

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def kaplan_yorke_dimension(self) -> float:
        """j + Σ_{i≤j} λ_i/|λ_{j+1}|, j the last index with a non-negative partial sum.

        Of the section at fixed drive phase for a driven system. Needs the full spectrum.
        """
        sums = np.cumsum(self.exponents)
        below = np.flatnonzero(sums < 0)
        if below.size == 0:
            return float(self.exponents.size)
        j = int(below[0])
        if j == 0:
            return 0.0
        return float(j + sums[j - 1] / abs(self.exponents[j]))


# More than eight parameters: what is averaged over, and the integrator's two tolerances.
def lyapunov_spectrum(
    system: DynamicalSystem,
    state: ArrayLike,
    *,
    count: int | None = None,
    transient: float = 500.0,
    duration: float = 5000.0,
    interval: float = 1.0,
    blocks: int = 20,
    rtol: float = 1e-9,
    atol: float = 1e-11,
) -> LyapunovSpectrum:
    """Return the `count` largest Lyapunov exponents (all by default).

    State and tangent vectors are integrated together; every `interval` the tangent vectors are
    orthonormalised (Gram–Schmidt) and the logarithms of their lengths collected (Benettin et
    al. 1980). The mean over the duration is the exponent; the scatter of the means of `blocks`
    equal blocks, over √blocks, its standard error.

    A driven system's exponents are those of the flow in its n variables: the trivial zero of
    time is not listed. An interval should let a tangent vector grow or shrink by less than 10⁶.

    Raises:
        IntegrationError: the integration stopped.
        ValueError: an argument is out of range.
    """
    check_arguments(lyapunov_spectrum, locals())
    require_formula(system)
    n = system.dimension
    number = n if count is None else check_integer("count", count, minimum=1)
    if number > n:
        raise ValueError(f"Argument count must be at most {n}, but {number} was given.")
    check_real("transient", transient, minimum=0)
    check_real("duration", duration, minimum=0, exclusive=True)
    check_real("interval", interval, minimum=0, exclusive=True)
    check_real("rtol", rtol, minimum=0, exclusive=True)
    check_real("atol", atol, minimum=0, exclusive=True)
    parts = check_integer("blocks", blocks, minimum=2)
    check_work("blocks", parts, 1e6, "blocks")
    per_block = max(1, round(duration / (interval * parts)))
    check_work("transient", (transient + duration) / interval, 10**9, "intervals")
    before = math.ceil(transient / interval)
    start = np.concatenate([system.check_state(state), np.eye(n)[:number].ravel()])
    sums, outcome = np.zeros((parts, number)), np.zeros(5)
    settings = np.array([rtol, atol, math.inf, 1_000_000, 0.0, 0.0, 0.0, 0.0, math.inf])
    equations = stepper_equations(system)
    compiled = equations._replace(rate=equations.rate.address, jacobian=equations.jacobian.address)
    stepper.grow_tangents(
        compiled, start, float(interval), before, per_block, settings, sums,
        outcome,
    )  # fmt: skip
    if outcome[stepper.STATUS] != stepper.DONE:
        raise IntegrationError(
            "The integration of the tangent vectors stopped before its end: the right-hand side "
            "is not finite there, or the interval lets the vectors under- or overflow."
        )
    means = sums / (per_block * interval)
    errors = means.std(axis=0, ddof=1) / math.sqrt(parts)
    return LyapunovSpectrum(
        means.mean(axis=0), errors, means, start[:n].copy(), per_block * parts * interval
    )
