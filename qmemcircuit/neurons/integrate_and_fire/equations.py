"""The integrate-and-fire neuron's equations between events, stated once.

One neuron is (φ, Q, q, J) and, unless it is classical, (σ_φφ, σ_φQ, σ_QQ); J is its synaptic
current. Plain Python that numba compiles: `system` in `engine` makes the `DynamicalSystem` of it,
and both solvers call it.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from qmemcircuit.neurons.dynamics.integration.kernels import njit
except ImportError:  # the extra qmemcircuit[neurons] is not there: the same, slowly

    def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Return functions as they are."""
        return lambda function: function


FLUX, MOMENTUM, MEMORY, SYNAPSE = range(4)
VARIABLES = ("flux", "momentum", "charge", "synaptic_current")
MOMENTS = ("flux_variance", "covariance", "charge_variance")
# Where each parameter stands in the array that the compiled functions receive.
(
    CAPACITANCE,
    INVERSE_L,
    ENERGY,
    ON,
    OFF,
    RANGE,
    LEAK_SCALE,
    SYNAPSE_TIME,
    HELD,
    LEVEL,
    SLOPE,
    AMPLITUDE,
    DRIVE_FREQUENCY,
    PHASE,
    COUNT,
) = range(15)
"""LEAK_SCALE is s of "gksl", and 0 for "caldeira-leggett" and the classical circuit. HELD is 1
while a neuron is refractory. LEVEL … PHASE are the input's `Wave`."""


@njit(cache=True)
def rate(t: float, y: Any, change: Any, p: Any) -> None:
    """Write dy/dt of one neuron; y has four or seven entries."""
    change[3] = -y[3] / p[SYNAPSE_TIME]
    if p[HELD] > 0:
        for k in range(y.size):
            if k != 3:
                change[k] = 0.0
        return
    c, inverse_l, scale = p[CAPACITANCE], p[INVERSE_L], p[LEAK_SCALE]
    current = p[LEVEL] + p[SLOPE] * t + y[3]
    if p[AMPLITUDE] != 0:
        current += p[AMPLITUDE] * math.sin(p[DRIVE_FREQUENCY] * t + p[PHASE])
    part = min(max(y[2] / p[RANGE], 0.0), 1.0)
    gamma = 1 / (c * (p[ON] * part + p[OFF] * (1 - part)))
    leak = gamma * y[1]
    stuck = (y[2] >= p[RANGE] and leak > 0) or (y[2] <= 0 and leak < 0)
    kappa = scale * gamma
    change[0] = y[1] / c - kappa / 2 * y[0]
    change[1] = current - y[0] * inverse_l - (kappa / 2 * y[1] if scale > 0 else leak)
    change[2] = 0.0 if stuck else leak
    if y.size > 4:
        change[4] = 2 * y[5] / c
        change[5] = y[6] / c - y[4] * inverse_l
        change[6] = -2 * y[5] * inverse_l
        if scale > 0:
            change[4] += kappa * (p[ENERGY] / inverse_l - y[4])
            change[5] -= kappa * y[5]
            change[6] += kappa * (c * p[ENERGY] - y[6])
        else:
            change[5] -= gamma * y[5]
            change[6] += 2 * gamma * (c * p[ENERGY] - y[6])


@njit(cache=True)
def jacobian(t: float, y: Any, matrix: Any, p: Any) -> None:
    """Write ∂(dy/dt)_i/∂y_j of one neuron."""
    matrix[:] = 0.0
    matrix[3, 3] = -1 / p[SYNAPSE_TIME]
    if p[HELD] > 0:
        return
    c, inverse_l, scale = p[CAPACITANCE], p[INVERSE_L], p[LEAK_SCALE]
    part = min(max(y[2] / p[RANGE], 0.0), 1.0)
    resistance = p[ON] * part + p[OFF] * (1 - part)
    gamma = 1 / (c * resistance)
    bend = 0.0  # dγ/dq
    if 0.0 < y[2] < p[RANGE]:
        bend = -gamma * (p[ON] - p[OFF]) / p[RANGE] / resistance
    leak = gamma * y[1]
    stuck = (y[2] >= p[RANGE] and leak > 0) or (y[2] <= 0 and leak < 0)
    damping = scale / 2 if scale > 0 else 1.0  # of Q, in units of γ
    matrix[0, 1] = 1 / c
    matrix[0, 0] = -scale * gamma / 2
    matrix[0, 2] = -scale * bend / 2 * y[0]
    matrix[1, 0] = -inverse_l
    matrix[1, 1] = -damping * gamma
    matrix[1, 2] = -damping * bend * y[1]
    matrix[1, 3] = 1.0
    if not stuck:
        matrix[2, 1] = gamma
        matrix[2, 2] = bend * y[1]
    if y.size > 4:
        matrix[4, 5] = 2 / c
        matrix[5, 6] = 1 / c
        matrix[5, 4] = -inverse_l
        matrix[6, 5] = -2 * inverse_l
        if scale > 0:
            for k in range(4, 7):
                matrix[k, k] -= scale * gamma
            matrix[4, 2] = scale * bend * (p[ENERGY] / inverse_l - y[4])
            matrix[5, 2] = -scale * bend * y[5]
            matrix[6, 2] = scale * bend * (c * p[ENERGY] - y[6])
        else:
            matrix[5, 5] -= gamma
            matrix[6, 6] -= 2 * gamma
            matrix[5, 2] = -bend * y[5]
            matrix[6, 2] = 2 * bend * (c * p[ENERGY] - y[6])


@njit(cache=True)
def joint_rate(t: float, states: Any, parameters: Any) -> Any:
    """Return dy/dt of N neurons; states (N, n), parameters (N, COUNT)."""
    change = np.empty_like(states)
    for i in range(states.shape[0]):
        rate(t, states[i], change[i], parameters[i])
    return change
