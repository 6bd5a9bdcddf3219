"""The integrate-and-fire moments of one neuron under a constant current, compiled by numba.

The same equations as `integrate_and_fire`, whose SciPy solver is the test of this one.
Dormand–Prince 5(4) with step control; spikes and samples are reached by a shorter step from the
last accepted point, so they have the accuracy of a step, not of an interpolant.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from qmemcircuit.common.checks import FloatArray

# Where each parameter stands in the array that the compiled functions receive.
(
    CAPACITANCE,
    INVERSE_L,
    ENERGY,
    ON,
    OFF,
    RANGE,
    CURRENT,
    LEAK_SCALE,
    GKSL,
    THRESHOLD,
    HOLD,
    HBAR,
) = range(12)

# Dormand and Prince (1980): nodes are not needed, the equations do not depend on time.
_A = np.array(
    [
        [1 / 5, 0, 0, 0, 0, 0],
        [3 / 40, 9 / 40, 0, 0, 0, 0],
        [44 / 45, -56 / 15, 32 / 9, 0, 0, 0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
_E = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])


@njit(cache=True)
def _slope(y: Any, p: Any, out: Any) -> None:
    """d(φ, Q, q, σ_φφ, σ_φQ, σ_QQ)/dt."""
    c, inverse_l = p[CAPACITANCE], p[INVERSE_L]
    part = min(max(y[2] / p[RANGE], 0.0), 1.0)
    gamma = 1 / (c * (p[ON] * part + p[OFF] * (1 - part)))
    leak = gamma * y[1]
    stuck = (y[2] >= p[RANGE] and leak > 0) or (y[2] <= 0 and leak < 0)
    out[2] = 0.0 if stuck else leak
    out[3] = 2 * y[4] / c
    out[4] = y[5] / c - y[3] * inverse_l
    out[5] = -2 * y[4] * inverse_l
    if p[GKSL] > 0:
        kappa = p[LEAK_SCALE] * gamma
        out[0] = y[1] / c - kappa / 2 * y[0]
        out[1] = p[CURRENT] - y[0] * inverse_l - kappa / 2 * y[1]
        out[3] += kappa * (p[ENERGY] / inverse_l - y[3])
        out[4] -= kappa * y[4]
        out[5] += kappa * (c * p[ENERGY] - y[5])
    else:
        out[0] = y[1] / c
        out[1] = p[CURRENT] - y[0] * inverse_l - leak
        out[4] -= gamma * y[4]
        out[5] += 2 * gamma * (c * p[ENERGY] - y[5])


@njit(cache=True)
def _step(y: Any, h: float, p: Any, k: Any, new: Any, tolerance: float) -> float:
    """Fill `new` with the state a step h later; return the error over the tolerance."""
    _slope(y, p, k[0])
    for stage in range(6):
        for i in range(6):
            total = 0.0
            for j in range(stage + 1):
                total += _A[stage, j] * k[j, i]
            new[i] = y[i] + h * total
        _slope(new, p, k[stage + 1])
    worst = 0.0
    for i in range(6):
        error = 0.0
        for j in range(7):
            error += _E[j] * k[j, i]
        scale = tolerance * (0.01 + max(abs(y[i]), abs(new[i])))
        worst = max(worst, abs(h * error) / scale)
    return worst


@njit(cache=True)
def _excess(y: Any, p: Any, normal: float) -> float:
    spread = math.sqrt(max(y[5], 0.0)) if normal != 0.0 else 0.0
    return (y[1] - normal * spread) / p[CAPACITANCE] - p[THRESHOLD]


@njit(cache=True)
def integrate(
    times: Any, start: Any, p: Any, normals: Any, tolerance: float
) -> tuple[Any, Any, int, Any]:
    """Return samples (6, T), spike times, their number (−1: not enough normals), the bound.

    `start` is φ, Q, q and the covariances that every reset restores. `normals` holds ξ of each
    interval (zeros: deterministic); its length bounds the number of spikes. The bound's record
    is steps, violations, smallest determinant over ħ²/4, first time of a violation (or NaN).
    """
    samples = np.empty((6, times.size))
    spikes = np.empty(normals.size)
    bound = np.array([0.0, 0.0, np.inf, np.nan])
    y, new, middle = start.copy(), np.empty(6), np.empty(6)
    k = np.empty((7, 6))
    now, count, sampled, end = 0.0, 0, 0, times[-1]
    h = 1e-3 * p[CAPACITANCE] * min(p[ON], p[OFF])
    while True:
        if _excess(y, p, normals[count]) >= 0:
            spikes[count] = now
            count += 1
            if count == normals.size:
                return samples, spikes, -1, bound
            y[0], y[1] = 0.0, 0.0
            y[3:] = start[3:]
            until = now + p[HOLD]
            while sampled < times.size and times[sampled] <= until:
                if times[sampled] >= now:
                    samples[:, sampled] = y
                sampled += 1
            now = until
            if now >= end:
                break
            continue
        if now >= end:
            break
        step = min(h, end - now)
        error = _step(y, step, p, k, new, tolerance)
        factor = 5.0 if error == 0 else min(5.0, max(0.2, 0.9 * error ** (-0.2)))
        if error > 1:
            h = step * factor
            continue
        fires = _excess(new, p, normals[count]) >= 0
        if fires:
            # Bisection with shorter steps: 60 halvings end within rounding of the crossing.
            low, high = 0.0, step
            for _ in range(60):
                half = 0.5 * (low + high)
                if half in (low, high):
                    break
                _step(y, half, p, k, middle, tolerance)
                if _excess(middle, p, normals[count]) >= 0:
                    high = half
                else:
                    low = half
            step = high
            _step(y, step, p, k, new, tolerance)
        while sampled < times.size and times[sampled] <= now + step:
            _step(y, times[sampled] - now, p, k, middle, tolerance)
            samples[:, sampled] = middle
            sampled += 1
        y[:] = new
        y[2] = min(max(y[2], 0.0), p[RANGE])
        now += step
        if not fires:
            h = max(h, step) * factor if step == h else h
        bound[0] += 1
        relative = 4 * (y[3] * y[5] - y[4] ** 2) / p[HBAR] ** 2
        bound[2] = min(bound[2], relative)
        if relative < 1 - 1e-6:
            bound[1] += 1
            if math.isnan(bound[3]):
                bound[3] = now
    return samples, spikes, count, bound


def run_compiled(
    neuron: Any,
    grid: FloatArray,
    rest: FloatArray,
    current: float,
    dissipator: str,
    leak_scale: float,
    generator: np.random.Generator | None,
    tolerance: float,
) -> tuple[FloatArray, list[list[float]], dict[str, Any]]:
    """Return what `Engine.run` returns, for one neuron under a constant current."""
    inverse_l = 1 / neuron.inductance
    parameters = np.array(
        [
            neuron.capacitance,
            inverse_l,
            neuron.thermal_energy,
            neuron.on_resistance,
            neuron.off_resistance,
            neuron.charge_range,
            current,
            leak_scale,
            float(dissipator == "gksl"),
            neuron.threshold,
            neuron.refractory_time,
            neuron.hbar,
        ]
    )
    start = np.concatenate(([0.0, 0.0, neuron.initial_charge], rest))
    size, normals = 256, np.empty(0)
    while True:
        more = size - normals.size
        drawn = np.zeros(more) if generator is None else generator.standard_normal(more)
        normals = np.concatenate((normals, drawn))
        samples, spikes, count, bound = integrate(grid, start, parameters, normals, tolerance)
        if count >= 0:
            break
        size *= 4
    rows = np.insert(samples, 3, 0.0, axis=0)[:, None, :]
    record = {
        "steps": int(bound[0]),
        "violations": int(bound[1]),
        "smallest": float(bound[2]),
        "first_time": None if math.isnan(bound[3]) else float(bound[3]),
    }
    return rows, [spikes[:count].tolist()], record
