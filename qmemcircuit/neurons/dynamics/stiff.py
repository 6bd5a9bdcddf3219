"""The implicit method for stiff systems: SciPy's Radau IIA with the system's own Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.neurons.dynamics.errors import IntegrationError

MOST_STEPS = 10**5
"""Of one integration: some tens of seconds."""


def integrate_implicit(
    formula: Callable[[float], tuple[Any, Any]],
    cuts: FloatArray,
    times: FloatArray,
    start: FloatArray,
    *,
    rtol: float,
    atol: float,
) -> FloatArray:
    """Return the states at `times`, shape (T, n), with a new start at each of `cuts`.

    `formula(t)` gives f(t, y) and its Jacobian as they hold in the piece around t.
    """
    from scipy.integrate import Radau

    inner = cuts[(cuts > times[0]) & (cuts < times[-1])]
    states = np.empty((times.size, start.size))
    states[0], state, sampled, taken = start, start, 1, 0
    for first, last in pairwise([times[0], *inner, times[-1]]):
        rate, jacobian = formula(0.5 * (first + last))  # this piece's, also at its end
        # Radau takes no smaller relative tolerance.
        solver = Radau(rate, first, state, last, rtol=max(rtol, 1e-12), atol=atol, jac=jacobian)
        while solver.status == "running":
            message = solver.step()
            taken += 1
            if solver.status == "failed" or taken > MOST_STEPS:
                reason = message or f"its {MOST_STEPS} steps were used up"
                raise IntegrationError(
                    f"The implicit integration stopped at t = {solver.t:g} of {times[-1]:g}: "
                    f"{reason}."
                )
            dense = solver.dense_output()
            while sampled < times.size and times[sampled] <= solver.t:
                states[sampled] = dense(times[sampled])
                sampled += 1
        state = solver.y
    return states
