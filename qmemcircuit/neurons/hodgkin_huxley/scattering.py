"""Scattering and voltage fluctuations of the quantized Hodgkin–Huxley circuit.

Three transmission lines meet at the membrane: the source (impedance Z0, through C_g), the ion
channels (impedance θZ, directly, with C_c to ground) and the output (Z1, through C_r).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import hbar
from scipy.constants import k as boltzmann

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import ComplexArray, check_choice, check_real
from qmemcircuit.neurons.hodgkin_huxley.quantized import QuantizedNeuron, channel_admittance


def scattering_matrix(
    neuron: QuantizedNeuron,
    frequency: ArrayLike,
    *,
    gates: ArrayLike | None = None,
    form: str = "corrected",
) -> ComplexArray:
    """Return S(ω) with a_out = S a_in, lines in the order source, channels, output.

    Args:
        neuron: the circuit; its `matching` sets θ.
        frequency: ω > 0 in radians per second (with R in Ω and C in F), any shape.
        gates: n, m, h at which the channels are held; None takes the neuron's initial gates.
        form: "corrected", or "printed" for the paper's Eq. 41, whose sign is wrong: printed
            R = (i + X)/d, but continuity at the membrane demands R = (i − X)/d.

    Returns:
        shape (…, 3, 3). Unitary to rounding for form="corrected" and matching="kirchhoff" only:
        θ ≠ 1 (Eqs. 37, 38) loses or creates photons, and so does the printed Eq. 41.

    Source: paper, Eqs. 40–48.
    """
    check_arguments(scattering_matrix, locals())
    check_choice("form", form, ("corrected", "printed"))
    w = np.asarray(frequency, dtype=float)
    if not np.all(np.isfinite(w)) or np.any(w <= 0):
        raise ValueError(
            f"Argument frequency must be positive, but {float(np.min(w)):g} was given; the "
            "modes of a transmission line have ω > 0."
        )
    channels, theta = _impedance(neuron, gates)
    z = channels * theta
    z0, z1 = neuron.source_impedance, neuron.output_impedance
    cg, cc, cr = (
        neuron.source_capacitance,
        neuron.membrane_capacitance,
        neuron.output_capacitance,
    )
    total = (cg + cc + cr) * z
    d = 1j + w * (
        total
        + cg * z0 * (1 - 1j * (cc + cr) * w * z)
        + cr * z1 * (1 - 1j * (cg + cc) * w * z - cg * w * z0 * (1j + cc * w * z))
    )
    x = w * (total - cg * z0 * (1 + 1j * (cc + cr) * w * z)) - w * cr * z1 * (
        1 + 1j * (cg + cc) * w * z - cg * w * z0 * (1j - cc * w * z)
    )
    r0 = 1j + w * (
        total
        - cg * z0 * (1 - 1j * (cc + cr) * w * z)
        + cr * z1 * (1 - 1j * (cg + cc) * w * z + cg * w * z0 * (1j + cc * w * z))
    )
    r1 = 1j + w * (
        total
        + cg * z0 * (1 - 1j * (cc + cr) * w * z)
        - cr * z1 * (1 - 1j * (cg + cc) * w * z - cg * w * z0 * (1j + cc * w * z))
    )
    s0 = -2j * cg * w * np.sqrt(z0 * channels) * (1j + cr * w * z1)
    s1 = -2j * cr * w * np.sqrt(channels * z1) * (1j + cg * w * z0)
    t0 = -2j * cg * cr * w**2 * theta * channels * np.sqrt(z0 * z1)
    r = 1j + x if form == "printed" else 1j - x
    rows = ((r0, s0, t0), (theta * s0, r, theta * s1), (t0, s1, r1))
    matrix = np.empty((*w.shape, 3, 3), dtype=complex)
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            matrix[..., i, j] = entry / d
    return matrix


def zero_point_variance(
    neuron: QuantizedNeuron, cutoff: float, *, gates: ArrayLike | None = None
) -> float:
    """Return the vacuum part of <φ̇_0²> in V², modes up to `cutoff` (rad/s): Eq. 27.

    (ħZ/4π) ∫_0^cutoff ω (|1+R|² + |s|² + |t|²) dω. It grows without bound with the cutoff, as
    the paper says, so no number of it means anything without one. For a source in a coherent
    state the second moment is this plus <φ̇_0>²: a coherent state has the vacuum's fluctuations.
    (The paper's one-photon state, Eqs. 22, 23, cannot be normalised.)
    """
    check_arguments(zero_point_variance, locals())
    highest = check_real("cutoff", cutoff, minimum=0, exclusive=True)
    channels, _ = _impedance(neuron, gates)
    logs = np.linspace(np.log(highest) - 60, np.log(highest), 40001)
    w = np.exp(logs)
    s = scattering_matrix(neuron, w, gates=gates)
    weight = np.abs(1 + s[..., 1, 1]) ** 2 + np.abs(s[..., 1, 0]) ** 2 + np.abs(s[..., 1, 2]) ** 2
    return float(hbar * channels / (4 * np.pi) * np.trapezoid(w**2 * weight, logs))


HOTTEST = 1e9
"""Kelvin, far above any circuit: at 1e100 the frequencies of the integral overflow."""


def thermal_variance(
    neuron: QuantizedNeuron,
    temperature: float,
    *,
    gates: ArrayLike | None = None,
    statistics: str = "bose",
    reflection: str = "circuit",
) -> float:
    """Return Δ of Eq. 28 in V²: what channels at `temperature` (K) add to <φ̇_0²>.

    Δ = (ħZ/4π) ∫ ω |1 + R(ω)|² 2 n(ω) dω, convergent. `statistics` is "bose",
    n = 1/(e^{βħω} − 1), or "wien", n = e^{−βħω}; `reflection` is "circuit" (the circuit's R) or
    "open" (R = 1: no capacitance, no lines). The paper's Eq. 29, Δ = 2Z/(πħβ²), is "wien" with
    "open"; the Bose distribution gives π²/6 times that, and any capacitance C gives far
    less (k_B T/C at high temperature).
    """
    check_arguments(thermal_variance, locals())
    kelvin = check_real("temperature", temperature, minimum=0, exclusive=True)
    if kelvin > HOTTEST:
        raise ValueError(
            f"Argument temperature must be at most {HOTTEST:g} K, but {kelvin:g} was given."
        )
    check_choice("statistics", statistics, ("bose", "wien"))
    check_choice("reflection", reflection, ("circuit", "open"))
    channels, _ = _impedance(neuron, gates)
    # The integrand dies as e^{−x} above x = βħω = 1 and as a power of ω below the circuit's
    # corner 1/(ZC); in ln ω it is smooth and the trapezoidal rule converges geometrically.
    logs = np.linspace(np.log(700.0) - 100, np.log(700.0), 20001)
    x = np.exp(logs)
    w = x * boltzmann * kelvin / hbar
    number = np.exp(-x) if statistics == "wien" else 1 / np.expm1(x)
    gain: Any = 4.0
    if reflection == "circuit":
        gain = np.abs(1 + scattering_matrix(neuron, w, gates=gates)[..., 1, 1]) ** 2
    integral = np.trapezoid(w**2 * gain * 2 * number, logs)
    return float(hbar * channels / (4 * np.pi) * integral)


def _impedance(neuron: QuantizedNeuron, gates: ArrayLike | None) -> tuple[float, float]:
    """Return Z (Ω) and θ at the gates."""
    held: NDArray[Any] = np.asarray(neuron.gates if gates is None else gates, dtype=float)
    potassium, sodium, joint = channel_admittance(neuron, held)
    total = float(potassium + sodium + neuron.chloride_conductance)
    if total <= 0:
        raise ValueError(
            "Argument gates must leave a channel open, but the total conductance is 0; give the "
            "neuron a chloride conductance."
        )
    return 1 / total, total / float(joint)
