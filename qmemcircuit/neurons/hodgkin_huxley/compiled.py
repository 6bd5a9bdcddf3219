"""The Hodgkin–Huxley equations and their Jacobians, compiled: the membrane's and the quantized.

Numba's cache on disk looks at this file alone, and these functions use no other.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from typing import Any

from qmemcircuit.neurons.dynamics.integration.kernels import njit

# Where each parameter of the membrane stands; the first five are those of the input's `Wave`.
(
    LEVEL,
    SLOPE,
    AMPLITUDE,
    DRIVE_FREQUENCY,
    PHASE,
    CAPACITANCE,
    POTASSIUM,
    SODIUM,
    LEAK,
    POTASSIUM_POTENTIAL,
    SODIUM_POTENTIAL,
    LEAK_POTENTIAL,
    MEMBRANE_COUNT,
) = range(13)
MEMBRANE = ("u", "n", "m", "h")

# Where each parameter of the quantized neuron stands.
(
    CURRENT,
    OMEGA,
    POTASSIUM_MAXIMUM,
    SODIUM_MAXIMUM,
    CHLORIDE,
    REACTANCE_RE,
    REACTANCE_IM,
    MATCHED,
    REST,
    MILLIVOLTS,
    MILLISECONDS,
    QUANTIZED_COUNT,
) = range(12)
"""REACTANCE is the admittance beside the channels, of C_c and of the output line."""

LARGEST = 5000.0
"""mV above rest, as `membrane.LARGEST_DEPOLARISATION`: beyond it the rates are NaN."""


@njit(cache=True)
def _over(x: float) -> float:
    """Return x/(e^x − 1)."""
    return 1 - x / 2 if abs(x) < 1e-8 else x / math.expm1(x)


@njit(cache=True)
def _over_slope(x: float) -> float:
    """Return the derivative of x/(e^x − 1)."""
    if abs(x) < 1e-4:  # the next term, x³/180, is below 1e-14
        return -0.5 + x / 6
    below = math.expm1(x)
    return 1 / below - x * (1 + 1 / below) / below


@njit(cache=True)
def gate_rates(u: float, alpha: Any, beta: Any) -> None:
    """Write α and β of n, m, h in 1/ms at u mV above rest."""
    if not abs(u) <= LARGEST:
        u = math.nan
    alpha[0], beta[0] = 0.1 * _over((10 - u) / 10), 0.125 * math.exp(-u / 80)
    alpha[1], beta[1] = _over((25 - u) / 10), 4 * math.exp(-u / 18)
    alpha[2], beta[2] = 0.07 * math.exp(-u / 20), 1 / (math.exp((30 - u) / 10) + 1)


@njit(cache=True)
def gate_bends(u: float, alpha: Any, beta: Any) -> None:
    """Write dα/du and dβ/du."""
    if not abs(u) <= LARGEST:
        u = math.nan
    alpha[0], beta[0] = -0.01 * _over_slope((10 - u) / 10), -0.125 / 80 * math.exp(-u / 80)
    alpha[1], beta[1] = -0.1 * _over_slope((25 - u) / 10), -4 / 18 * math.exp(-u / 18)
    open_share = 1 / (math.exp((30 - u) / 10) + 1)
    alpha[2], beta[2] = -0.07 / 20 * math.exp(-u / 20), 0.1 * open_share * (1 - open_share)


@njit(cache=True)
def _ionic(y: Any, p: Any) -> tuple[float, float, float]:
    potassium = p[POTASSIUM] * y[1] ** 4
    sodium = p[SODIUM] * y[2] ** 3 * y[3]
    return potassium, sodium, potassium + sodium + p[LEAK]


@njit(cache=True)
def membrane_rate(t: float, y: Any, change: Any, p: Any) -> None:
    """Write d(u, n, m, h)/dt, per ms."""
    current = p[LEVEL] + p[SLOPE] * t
    if p[AMPLITUDE] != 0:
        current += p[AMPLITUDE] * math.sin(p[DRIVE_FREQUENCY] * t + p[PHASE])
    potassium, sodium, _ = _ionic(y, p)
    ionic = (
        potassium * (y[0] - p[POTASSIUM_POTENTIAL])
        + sodium * (y[0] - p[SODIUM_POTENTIAL])
        + p[LEAK] * (y[0] - p[LEAK_POTENTIAL])
    )
    # β is written where the slopes go; α needs no array of its own beyond three numbers.
    alpha = change[1:4].copy()
    gate_rates(y[0], alpha, change[1:4])
    change[0] = (current - ionic) / p[CAPACITANCE]
    for k in range(3):
        change[1 + k] = alpha[k] * (1 - y[1 + k]) - change[1 + k] * y[1 + k]


@njit(cache=True)
def membrane_jacobian(t: float, y: Any, matrix: Any, p: Any) -> None:
    """Write ∂(d(u, n, m, h)/dt)/∂(u, n, m, h)."""
    total = _ionic(y, p)[2]
    c = p[CAPACITANCE]
    by_potassium, by_sodium = y[0] - p[POTASSIUM_POTENTIAL], y[0] - p[SODIUM_POTENTIAL]
    matrix[0, 0] = -total / c
    matrix[0, 1] = -4 * p[POTASSIUM] * y[1] ** 3 * by_potassium / c
    matrix[0, 2] = -3 * p[SODIUM] * y[2] ** 2 * y[3] * by_sodium / c
    matrix[0, 3] = -p[SODIUM] * y[2] ** 3 * by_sodium / c
    alpha, beta = matrix[0].copy(), matrix[0].copy()
    gate_bends(y[0], alpha, beta)
    for k in range(1, 4):
        for j in range(1, 4):
            matrix[k, j] = 0.0
        matrix[k, 0] = alpha[k - 1] * (1 - y[k]) - beta[k - 1] * y[k]
    gate_rates(y[0], alpha, beta)
    for k in range(1, 4):
        matrix[k, k] = -alpha[k - 1] - beta[k - 1]


@njit(cache=True)
def _response(t: float, y: Any, p: Any) -> tuple[float, float, float, float]:
    """Return the voltage and its derivatives by n, m, h: V = I₀ Im(e^{iΩt}/Y)."""
    g = p[POTASSIUM_MAXIMUM] * y[0] ** 4
    f = p[SODIUM_MAXIMUM] * y[1] ** 3 * y[2]
    total = g + f + p[CHLORIDE]
    by_g, by_f = 1.0, 1.0
    if p[MATCHED] > 0 and total > 0:  # Σg/θ = √(Σg) Σ√g
        roots = math.sqrt(g) + math.sqrt(f) + math.sqrt(p[CHLORIDE])
        root = math.sqrt(total)
        by_g = 0.5 * roots / root + (0.5 * root / math.sqrt(g) if g > 0 else 0.0)
        by_f = 0.5 * roots / root + (0.5 * root / math.sqrt(f) if f > 0 else 0.0)
        total = root * roots
    turned = complex(math.cos(p[OMEGA] * t), math.sin(p[OMEGA] * t)) * p[CURRENT]
    impedance = 1 / complex(total + p[REACTANCE_RE], p[REACTANCE_IM])
    steep = -(turned * impedance * impedance).imag
    by_n = steep * by_g * 4 * p[POTASSIUM_MAXIMUM] * y[0] ** 3
    by_m = steep * by_f * 3 * p[SODIUM_MAXIMUM] * y[1] ** 2 * y[2]
    by_h = steep * by_f * p[SODIUM_MAXIMUM] * y[1] ** 3
    return (turned * impedance).imag, by_n, by_m, by_h


@njit(cache=True)
def quantized_rate(t: float, y: Any, change: Any, p: Any) -> None:
    """Write d(n, m, h)/dt of the quantized neuron, per its unit of time."""
    u = _response(t, y, p)[0] * p[MILLIVOLTS] - p[REST]
    alpha = change.copy()
    gate_rates(u, alpha, change)
    for k in range(3):
        change[k] = p[MILLISECONDS] * (alpha[k] * (1 - y[k]) - change[k] * y[k])


@njit(cache=True)
def quantized_jacobian(t: float, y: Any, matrix: Any, p: Any) -> None:
    """Write ∂(d(n, m, h)/dt)/∂(n, m, h)."""
    voltage, by_n, by_m, by_h = _response(t, y, p)
    u = voltage * p[MILLIVOLTS] - p[REST]
    alpha, beta = matrix[0].copy(), matrix[0].copy()
    gate_bends(u, alpha, beta)
    for k in range(3):
        slope = p[MILLISECONDS] * p[MILLIVOLTS] * (alpha[k] * (1 - y[k]) - beta[k] * y[k])
        matrix[k, 0], matrix[k, 1], matrix[k, 2] = slope * by_n, slope * by_m, slope * by_h
    gate_rates(u, alpha, beta)
    for k in range(3):
        matrix[k, k] -= p[MILLISECONDS] * (alpha[k] + beta[k])
