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

# Where each parameter of the quantized circuit under any input stands, behind the input's `Wave`.
(
    CIRCUIT_POTASSIUM,
    CIRCUIT_SODIUM,
    CIRCUIT_CHLORIDE,
    CIRCUIT_MATCHED,
    CIRCUIT_REST,
    CIRCUIT_MILLIVOLTS,
    CIRCUIT_MILLISECONDS,
    NODE_CAPACITANCE,
    LINE_CAPACITANCE,
    LINE_IMPEDANCE,
    CIRCUIT_COUNT,
) = range(5, 16)
CIRCUIT = ("n", "m", "h", "V", "V_C")
"""V_C is the voltage of the output line's capacitor, so that the line has V − V_C."""

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
def _channels(y: Any, maxima: Any) -> tuple[float, float, float, float]:
    """Return the joint admittance 1/(θZ) and its derivatives by n, m, h.

    `maxima` holds the potassium, sodium and chloride conductance, and whether θ is that of Eq. 21.
    """
    g = maxima[0] * y[0] ** 4
    f = maxima[1] * y[1] ** 3 * y[2]
    total = g + f + maxima[2]
    by_g, by_f = 1.0, 1.0
    if maxima[3] > 0 and total > 0:  # Σg/θ = √(Σg) Σ√g
        roots = math.sqrt(g) + math.sqrt(f) + math.sqrt(maxima[2])
        root = math.sqrt(total)
        by_g = 0.5 * roots / root + (0.5 * root / math.sqrt(g) if g > 0 else 0.0)
        by_f = 0.5 * roots / root + (0.5 * root / math.sqrt(f) if f > 0 else 0.0)
        total = root * roots
    by_n = by_g * 4 * maxima[0] * y[0] ** 3
    by_m = by_f * 3 * maxima[1] * y[1] ** 2 * y[2]
    by_h = by_f * maxima[1] * y[1] ** 3
    return total, by_n, by_m, by_h


@njit(cache=True)
def _response(t: float, y: Any, p: Any) -> tuple[float, float, float, float]:
    """Return the voltage and its derivatives by n, m, h: V = I₀ Im(e^{iΩt}/Y)."""
    maxima = (p[POTASSIUM_MAXIMUM], p[SODIUM_MAXIMUM], p[CHLORIDE], p[MATCHED])
    total, by_n, by_m, by_h = _channels(y, maxima)
    turned = complex(math.cos(p[OMEGA] * t), math.sin(p[OMEGA] * t)) * p[CURRENT]
    impedance = 1 / complex(total + p[REACTANCE_RE], p[REACTANCE_IM])
    steep = -(turned * impedance * impedance).imag
    return (turned * impedance).imag, steep * by_n, steep * by_m, steep * by_h


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


@njit(cache=True)
def _circuit_channels(y: Any, p: Any) -> tuple[float, float, float, float]:
    maxima = (p[CIRCUIT_POTASSIUM], p[CIRCUIT_SODIUM], p[CIRCUIT_CHLORIDE], p[CIRCUIT_MATCHED])
    return _channels(y, maxima)


@njit(cache=True)
def circuit_rate(t: float, y: Any, change: Any, p: Any) -> None:
    """Write d(n, m, h, V, V_C)/dt of the quantized circuit's means, per its unit of time."""
    current = p[LEVEL] + p[SLOPE] * t
    if p[AMPLITUDE] != 0:
        current += p[AMPLITUDE] * math.sin(p[DRIVE_FREQUENCY] * t + p[PHASE])
    current -= _circuit_channels(y, p)[0] * y[3]
    line, load = p[LINE_CAPACITANCE], p[LINE_IMPEDANCE]
    alpha = change[:3].copy()
    gate_rates(y[3] * p[CIRCUIT_MILLIVOLTS] - p[CIRCUIT_REST], alpha, change[:3])
    for k in range(3):
        change[k] = p[CIRCUIT_MILLISECONDS] * (alpha[k] * (1 - y[k]) - change[k] * y[k])
    if line > 0 and load > 0:
        into_line = (y[3] - y[4]) / load
        change[3] = (current - into_line) / p[NODE_CAPACITANCE]
        change[4] = into_line / line
    else:  # without a load the line's capacitor is in parallel; without a capacitor there is none
        change[3] = current / (p[NODE_CAPACITANCE] + line)
        change[4] = change[3] if line > 0 else 0.0


@njit(cache=True)
def circuit_jacobian(t: float, y: Any, matrix: Any, p: Any) -> None:
    """Write ∂(d(n, m, h, V, V_C)/dt)/∂(n, m, h, V, V_C)."""
    total, by_n, by_m, by_h = _circuit_channels(y, p)
    line, load = p[LINE_CAPACITANCE], p[LINE_IMPEDANCE]
    loaded = line > 0 and load > 0
    capacitance = p[NODE_CAPACITANCE] if loaded else p[NODE_CAPACITANCE] + line
    u = y[3] * p[CIRCUIT_MILLIVOLTS] - p[CIRCUIT_REST]
    alpha, beta = matrix[0, :3].copy(), matrix[0, :3].copy()
    for k in range(5):
        for j in range(5):
            matrix[k, j] = 0.0
    gate_bends(u, alpha, beta)
    scale = p[CIRCUIT_MILLISECONDS]
    for k in range(3):
        bend = alpha[k] * (1 - y[k]) - beta[k] * y[k]
        matrix[k, 3] = scale * p[CIRCUIT_MILLIVOLTS] * bend
    gate_rates(u, alpha, beta)
    for k in range(3):
        matrix[k, k] = -scale * (alpha[k] + beta[k])
    matrix[3, 0], matrix[3, 1], matrix[3, 2] = by_n, by_m, by_h
    for k in range(3):
        matrix[3, k] *= -y[3] / capacitance
    matrix[3, 3] = -total / capacitance
    if loaded:
        matrix[3, 3] -= 1 / (load * capacitance)
        matrix[3, 4] = 1 / (load * capacitance)
        matrix[4, 3], matrix[4, 4] = 1 / (load * line), -1 / (load * line)
    elif line > 0:
        for k in range(5):
            matrix[4, k] = matrix[3, k]
