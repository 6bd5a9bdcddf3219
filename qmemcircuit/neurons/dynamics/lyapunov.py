"""Lyapunov exponents of any system, with errors from block averages."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    pack,
    solve_compiled,
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
    n = system.dimension
    number = n if count is None else check_integer("count", count, minimum=1)
    if number > n:
        raise ValueError(f"Argument count must be at most {n}, but {number} was given.")
    check_real("transient", transient, minimum=0)
    check_real("duration", duration, minimum=0, exclusive=True)
    check_real("interval", interval, minimum=0, exclusive=True)
    parts = check_integer("blocks", blocks, minimum=2)
    check_work("blocks", parts, 1e6, "blocks")
    per_block = max(1, round(duration / (interval * parts)))
    check_work("transient", (transient + duration) / interval, 10**9, "intervals")
    before = math.ceil(transient / interval)
    sums, end, success = _accumulate(
        system.field.address,
        system.check_state(state),
        pack(system, number),
        n,
        number,
        interval,
        before,
        per_block,
        parts,
        rtol,
        atol,
    )
    if not success:
        raise IntegrationError(
            "The integration of the tangent vectors stopped before its end: the right-hand side "
            "is not finite there, or the interval lets the vectors under- or overflow."
        )
    means = sums / (per_block * interval)
    errors = means.std(axis=0, ddof=1) / math.sqrt(parts)
    return LyapunovSpectrum(means.mean(axis=0), errors, means, end, per_block * parts * interval)


# More than eight parameters: compiled code takes numbers, not objects.
@njit
def _accumulate(
    address: int,
    start: Any,
    numbers: Any,
    n: int,
    count: int,
    interval: float,
    before: int,
    per_block: int,
    blocks: int,
    rtol: float,
    atol: float,
) -> Any:
    """Return (sums of log lengths (blocks, count), final state, success)."""
    full = np.zeros(n * (1 + count))
    full[:n] = start
    for k in range(count):
        full[n + k * n + k] = 1.0
    sums = np.zeros((blocks, count))
    moments = np.empty(2)
    total = before + per_block * blocks
    for index in range(total):
        moments[0] = index * interval
        moments[1] = (index + 1) * interval
        states, success, _ = solve_compiled(address, moments, full, numbers, rtol, atol, 1_000_000)
        if not success or states.shape[1] != 2:
            return sums, full[:n], False
        full = states[:, 1].copy()
        for k in range(count):
            first = n + k * n
            for j in range(k):
                other = n + j * n
                overlap = 0.0
                for i in range(n):
                    overlap += full[first + i] * full[other + i]
                for i in range(n):
                    full[first + i] -= overlap * full[other + i]
            norm = 0.0
            for i in range(n):
                norm += full[first + i] ** 2
            norm = math.sqrt(norm)
            if not (norm > 0.0 and norm < 1e300):
                return sums, full[:n], False
            for i in range(n):
                full[first + i] /= norm
            if index >= before:
                sums[(index - before) // per_block, k] += math.log(norm)
    return sums, full[:n].copy(), True
