"""One integrate-and-fire neuron from event to event, compiled by numba.

`equations` on SciPy's own Dormand–Prince table with step control; spikes, samples and breakpoints
are reached by a shorter step from the last accepted point, so they have the accuracy of a step,
not of an interpolant.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.integrate import RK45

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.neurons.dynamics.integration.kernels import njit
from qmemcircuit.neurons.inputs import FunctionInput, longest_step
from qmemcircuit.neurons.integrate_and_fire.engine import Circuits, Solution
from qmemcircuit.neurons.integrate_and_fire.equations import (
    CAPACITANCE,
    COUNT,
    HELD,
    LEVEL,
    OFF,
    ON,
    RANGE,
    rate,
)
from qmemcircuit.neurons.integrate_and_fire.methods import Bound, Threshold

_A, _B = np.ascontiguousarray(RK45.A), np.ascontiguousarray(RK45.B)
_C, _E = np.ascontiguousarray(RK45.C), np.ascontiguousarray(RK45.E)
# Where each number of the firing rule stands.
THRESHOLD, HOLD, HBAR, LONGEST, TOLERANCE = range(5)


@njit(cache=True)
def _step(t: float, y: Any, h: float, p: Any, k: Any, new: Any, tolerance: float) -> float:
    """Fill `new` with the state a step h later; return the error over the tolerance."""
    rate(t, y, k[0], p)
    for stage in range(1, 6):
        for i in range(y.size):
            total = 0.0
            for j in range(stage):
                total += _A[stage, j] * k[j, i]
            new[i] = y[i] + h * total
        rate(t + _C[stage] * h, new, k[stage], p)
    for i in range(y.size):
        total = 0.0
        for j in range(6):
            total += _B[j] * k[j, i]
        new[i] = y[i] + h * total
    rate(t + h, new, k[6], p)
    worst = 0.0
    for i in range(y.size):
        error = 0.0
        for j in range(7):
            error += _E[j] * k[j, i]
        scale = tolerance * (0.01 + max(abs(y[i]), abs(new[i])))
        worst = max(worst, abs(h * error) / scale)
    return worst


@njit(cache=True)
def _excess(y: Any, p: Any, level: float, normal: float) -> float:
    spread = math.sqrt(max(y[6], 0.0)) if normal != 0.0 and y.size > 4 else 0.0
    return (y[1] - normal * spread) / p[CAPACITANCE] - level


@njit(cache=True)
def _march(
    times: Any, start: Any, p: Any, rule: Any, segments: Any, normals: Any
) -> tuple[Any, Any, int, Any]:
    """Return samples (n, T), spike times, their number (−1: not enough normals), the bound.

    `segments` has a row (until, level, slope, amplitude, frequency, phase) for each piece of the
    input, the last one until infinity. `normals` holds ξ of each interval (zeros: deterministic);
    its length bounds the number of spikes. The bound's record is steps, violations, smallest
    determinant over ħ²/4, first time of a violation (or NaN).
    """
    samples = np.empty((start.size, times.size))
    spikes = np.empty(normals.size)
    bound = np.array([0.0, 0.0, np.inf, np.nan])
    y, new, middle = start.copy(), np.empty(start.size), np.empty(start.size)
    k = np.empty((7, start.size))
    level, tolerance = rule[THRESHOLD], rule[TOLERANCE]
    now, count, sampled, end, piece = 0.0, 0, 0, times[-1], 0
    p[HELD] = 0.0
    p[LEVEL:COUNT] = segments[0, 1:]
    h = 1e-3 * p[CAPACITANCE] * min(p[ON], p[OFF])
    while True:
        while segments[piece, 0] <= now:
            piece += 1
            p[LEVEL:COUNT] = segments[piece, 1:]
        if _excess(y, p, level, normals[count]) >= 0:
            spikes[count] = now
            count += 1
            if count == normals.size:
                return samples, spikes, -1, bound
            memory = y[2]
            y[:] = start
            y[2] = memory
            until = now + rule[HOLD]
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
        limit = min(end, segments[piece, 0])
        step = min(h, limit - now, rule[LONGEST])
        error = _step(now, y, step, p, k, new, tolerance)
        factor = 5.0 if error == 0 else min(5.0, max(0.2, 0.9 * error ** (-0.2)))
        if error > 1:
            h = step * factor
            continue
        fires = _excess(new, p, level, normals[count]) >= 0
        if fires:
            # Bisection with shorter steps: 60 halvings end within rounding of the crossing.
            low, high = 0.0, step
            for _ in range(60):
                half = 0.5 * (low + high)
                if half in (low, high):
                    break
                _step(now, y, half, p, k, middle, tolerance)
                if _excess(middle, p, level, normals[count]) >= 0:
                    high = half
                else:
                    low = half
            step = high
            _step(now, y, step, p, k, new, tolerance)
        while sampled < times.size and times[sampled] <= now + step:
            _step(now, y, times[sampled] - now, p, k, middle, tolerance)
            samples[:, sampled] = middle
            sampled += 1
        y[:] = new
        y[2] = min(max(y[2], 0.0), p[RANGE])
        now = limit if step == limit - now else now + step
        if not fires and step == h:
            h = h * factor
        if y.size > 4:
            bound[0] += 1
            relative = 4 * (y[4] * y[6] - y[5] ** 2) / rule[HBAR] ** 2
            bound[2] = min(bound[2], relative)
            if relative < 1 - 1e-6:
                bound[1] += 1
                if math.isnan(bound[3]):
                    bound[3] = now
    return samples, spikes, count, bound


def solve_compiled(
    circuits: Circuits, times: FloatArray, threshold: Threshold, tolerance: float
) -> Solution:
    """Solve one neuron whose input is no plain function."""
    neuron, item = circuits.neurons[0], circuits.inputs[0]
    assert not isinstance(item, FunctionInput)
    cuts = item.breakpoints()
    cuts = cuts[(cuts > 0) & (cuts < times[-1])]
    segments = np.array(
        [
            [until, *item.wave(start)]
            for start, until in zip([0.0, *cuts], [*cuts, math.inf], strict=True)
        ]
    )
    rule = np.array(
        [
            neuron.threshold,
            neuron.refractory_time,
            neuron.hbar,
            longest_step(circuits.inputs, times),
            tolerance,
        ]
    )
    start, numbers = circuits.start()[0], circuits.parameters()[0]
    draw, size, normals = threshold.draws(), 256, np.empty(0)
    while True:
        normals = np.concatenate((normals, draw(size - normals.size)))
        samples, spikes, count, found = _march(times, start, numbers, rule, segments, normals)
        if count >= 0:
            break
        size *= 4
    first = None if math.isnan(found[3]) else float(found[3])
    bound = Bound(int(found[0]), int(found[1]), float(found[2]), first)
    return samples[:, None, :], [spikes[:count].tolist()], bound
