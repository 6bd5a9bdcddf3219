"""SciPy's solvers, for what the compiled stepper cannot do: stiff systems, plain functions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.neurons.dynamics.integration.errors import IntegrationError

MOST_STEPS = 10**5
"""Of one integration: some tens of seconds."""


# More than eight parameters: what is integrated, and how.
def integrate_by_scipy(
    formula: Callable[[float], tuple[Any, Any]],
    cuts: FloatArray,
    times: FloatArray,
    start: FloatArray,
    *,
    method: str,
    longest: float,
    rtol: float,
    atol: float,
) -> FloatArray:
    """Return the states at `times`, shape (T, n), with a new start at each of `cuts`.

    `formula(t)` gives f(t, y) and its Jacobian as they hold in the piece around t. "implicit" is
    Radau IIA, "explicit" DOP853.
    """
    from scipy.integrate import DOP853, Radau

    inner = cuts[(cuts > times[0]) & (cuts < times[-1])]
    states = np.empty((times.size, start.size))
    states[0], state, sampled, taken = start, start, 1, 0
    for first, last in pairwise([times[0], *inner, times[-1]]):
        rate, jacobian = formula(0.5 * (first + last))  # this piece's, also at its end
        # SciPy takes no smaller relative tolerance.
        known: dict[str, Any] = {"rtol": max(rtol, 1e-12), "atol": atol, "max_step": longest}
        try:
            solver = (
                Radau(rate, first, state, last, jac=jacobian, **known)
                if method == "implicit"
                else DOP853(rate, first, state, last, **known)
            )
        except ValueError as error:  # the first slope is not finite
            raise IntegrationError(f"SciPy's integration could not begin: {error}") from error
        while solver.status == "running":
            try:
                message = solver.step()
            except ValueError as error:  # an infinite Jacobian, or a function that is no number
                if "current must return" in str(error):
                    raise
                message, solver.status = str(error), "failed"
            taken += 1
            if solver.status == "failed" or taken > MOST_STEPS:
                reason = message or f"its {MOST_STEPS} steps were used up"
                raise IntegrationError(
                    f"SciPy's integration stopped at t = {solver.t:g} of {times[-1]:g}: {reason}."
                )
            dense = solver.dense_output()
            while sampled < times.size and times[sampled] <= solver.t:
                states[sampled] = dense(times[sampled])
                sampled += 1
        state = solver.y
    return states
