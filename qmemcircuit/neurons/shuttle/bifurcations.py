"""The shuttle neuron's equilibria, folds, cusps and Hopf points from their closed conditions.

At an equilibrium X = Y = 0, Z = Z_T and V_n = V + R_n h(V) with h(V) = V g(V),
g = ½(1 + Z_T) F₀₀ + ½(1 − Z_T) F₁₁ at x_V = x₀ − l√2 V (Potter et al. 2024, Eqs. 11–13). Then

    fold   1 + R_n h′(V) = 0                                              (Eq. E4)
    cusp   and h″(V) = 0, a minimum of h′                                 (Eqs. E1, E2)
    Hopf   (2Γ − a − q)(O² − 2aΓ − qΓ) + aO² = 0,  ω² = O² − 2aΓ − qΓ > 0,
           a = −1 − R_n h′(V),  q = −2 Z_T R_n F₀₁ V,  O² = Ω² + Γ²,

the last from the Jacobian's characteristic polynomial, whose factor (μ + αΓ) splits off: α does
not enter. At fixed V it is a quadratic equation in R_n, so that the Hopf curve is explicit.
"""

# More than 400 lines: one analysis; curves, folds and Hopf points share their derivatives.

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_choice, check_integer, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.shuttle.conductance import conductance_elements, tabulate_conductance
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron

# Every feature of F is wider than a tenth of max(l, λ), so of the closed conditions too: forty
# points per width cannot skip a pair of their roots that matters.
POINTS_PER_WIDTH = 40


@data_object
@dataclass(frozen=True)
class CriticalPoint:
    """A bifurcation point: `voltage` V, `bias` V_n, `resistance` R_n, and for Hopf `frequency`."""

    voltage: float
    bias: float
    resistance: float
    frequency: float | None = None

    def __post_init__(self) -> None:
        check_fields(self)


@data_object
@dataclass(frozen=True, eq=False)
class SteadyState:
    """An equilibrium (V, Z_T, 0, 0) with the eigenvalues of Eq. 14's Jacobian, shape (4,)."""

    voltage: float
    eigenvalues: NDArray[np.complex128]

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def stable(self) -> bool:
        """All eigenvalues have negative real parts."""
        return bool(np.all(self.eigenvalues.real < 0))


@data_object
@dataclass(frozen=True, eq=False)
class HopfCurve:
    """Points of the Hopf curve: arrays of equal length, NaN where R_n > 0, ω² > 0 fails."""

    voltages: FloatArray
    resistances: FloatArray
    biases: FloatArray
    frequencies: FloatArray

    def __post_init__(self) -> None:
        check_fields(self, missing=("resistances", "biases", "frequencies"))


def static_current(
    neuron: ShuttleNeuron, voltages: ArrayLike, *, derivative: int = 0
) -> FloatArray:
    """Return I = h(V) = V G(V) at equilibrium (Fig. 2b), or a derivative with respect to V.

    Raises:
        ValueError: the neuron has a drive; `derivative` is negative.
    """
    check_arguments(static_current, locals())
    _need_autonomous(neuron)
    voltage = np.asarray(voltages, dtype=float)
    order = check_integer("derivative", derivative, minimum=0)
    value = voltage * _static_conductance(neuron, voltage, order)
    if order > 0:
        value = value + order * _static_conductance(neuron, voltage, order - 1)
    return np.asarray(value)


def static_bias(neuron: ShuttleNeuron, voltages: ArrayLike) -> FloatArray:
    """Return the bias V_n = V + R_n h(V) that holds each voltage V in equilibrium (Eq. 12).

    Raises:
        ValueError: the neuron has a drive.
    """
    check_arguments(static_bias, locals())
    _need_autonomous(neuron)
    voltage = np.asarray(voltages, dtype=float)
    return np.asarray(voltage + neuron.resistance * static_current(neuron, voltage))


def find_steady_states(neuron: ShuttleNeuron) -> tuple[SteadyState, ...]:
    """Return all equilibria, lowest voltage first: between two folds V_n(V) is monotonic."""
    check_arguments(find_steady_states, locals())
    _need_autonomous(neuron)
    bound = abs(neuron.bias) + 1.0
    folds = [v for v in _fold_voltages(neuron) if abs(v) < bound]
    edges = [-bound, *folds, bound]
    found = []
    for low, high in pairwise(edges):
        if _balance(neuron, low) * _balance(neuron, high) < 0:
            found.append(_refine(lambda v: _balance(neuron, v), low, high))
    return tuple(SteadyState(v, _eigenvalues(neuron, v)) for v in found)


def find_cusps(neuron: ShuttleNeuron) -> tuple[CriticalPoint, ...]:
    """Return the cusps, where folds are born as R_n grows, smallest R_n first.

    There are two: one for positive and one for negative voltage (Potter et al. 2024, App. E).
    They do not depend on the neuron's own R_n and V_n.

    Raises:
        ValueError: the neuron has a drive.
    """
    check_arguments(find_cusps, locals())
    _need_autonomous(neuron)
    points = []
    for v in _device_scan(*_device(neuron)).cusp_voltages:
        slope = float(static_current(neuron, v, derivative=1))
        at_cusp = replace(neuron, resistance=-1 / slope)
        points.append(CriticalPoint(v, float(static_bias(at_cusp, v)), -1 / slope))
    return tuple(sorted(points, key=lambda point: point.resistance))


def find_folds(neuron: ShuttleNeuron) -> tuple[CriticalPoint, ...]:
    """Return the saddle-node points of the neuron's R_n, lowest voltage first (Eqs. E4, E5).

    Raises:
        ValueError: R_n lies below the cusps, so that there are none (says where they begin);
            the neuron has a drive.
    """
    check_arguments(find_folds, locals())
    _need_autonomous(neuron)
    voltages = _fold_voltages(neuron)
    if not voltages:
        cusps = find_cusps(neuron)
        begin = (
            f"they begin at the cusp R_n = {cusps[0].resistance:.6g}, V_n = {cusps[0].bias:.6g}"
            if cusps
            else "this neuron has no cusp"
        )
        raise ValueError(
            f"Argument neuron must have a resistance with folds, but at R_n = "
            f"{neuron.resistance:g} there are none: {begin}."
        )
    return tuple(
        CriticalPoint(v, float(static_bias(neuron, v)), float(neuron.resistance)) for v in voltages
    )


def hopf_curve(neuron: ShuttleNeuron, voltages: ArrayLike) -> HopfCurve:
    """Return the Hopf curve in (V_n, R_n), parametrised by the equilibrium's voltage V.

    The quadratic equation in R_n has up to two positive roots; both are returned, one after the
    other, so that the arrays have twice the length of `voltages`.

    Raises:
        ValueError: the neuron has a drive.
    """
    check_arguments(hopf_curve, locals())
    if np.ndim(voltages) > 1 or np.size(voltages) == 0:
        raise ValueError(
            f"Argument voltages must be a row of at least one, but the shape {np.shape(voltages)} "
            "was given."
        )
    _need_autonomous(neuron)
    voltage = np.atleast_1d(np.asarray(voltages, dtype=float))
    check_work("voltages", float(np.abs(voltage).max()), 1e9, "units of voltage")
    c2, c1, c0, slope, mixing = _hopf_quadratic(neuron, voltage)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(c1 * c1 - 4 * c2 * c0)
        # The stable form of both roots, also where c2 → 0.
        half = -0.5 * (c1 + np.where(c1 >= 0, root, -root))
        resistances = np.concatenate([half / c2, c0 / half])
    doubled = np.concatenate([voltage, voltage])
    squared = _hopf_frequency_squared(neuron, resistances, np.tile(slope, 2), np.tile(mixing, 2))
    valid = np.isfinite(resistances) & (resistances > 0) & (squared > 0)
    resistances = np.where(valid, resistances, np.nan)
    biases = doubled + resistances * static_current(neuron, doubled)
    frequencies = np.sqrt(np.where(valid, squared, np.nan))
    return HopfCurve(doubled, resistances, biases, frequencies)


def find_hopf_points(neuron: ShuttleNeuron) -> tuple[CriticalPoint, ...]:
    """Return the Andronov–Hopf points at the neuron's R_n, lowest voltage first.

    Raises:
        ValueError: there are none (says at which R_n they begin); the neuron has a drive.
    """
    check_arguments(find_hopf_points, locals())
    _need_autonomous(neuron)
    try:
        onset = find_hopf_onset(neuron)
    except ValueError:
        onset = None
    voltages = _voltage_grid(neuron)
    if onset is not None:  # so that no pair of points near their birth is too close to see
        voltages = np.sort(np.append(voltages, onset.voltage))

    def condition(v: float) -> float:
        return float(_hopf_condition(neuron, np.array([v]))[0])

    values = _hopf_condition(neuron, voltages)
    points = []
    for k in np.flatnonzero(values[:-1] * values[1:] < 0):
        v = _refine(condition, float(voltages[k]), float(voltages[k + 1]))
        point = _hopf_point(neuron, v)
        if point is not None:
            points.append(point)
    if not points:
        begin = (
            "no resistance gives any (Z_T too small or Γ too large)"
            if onset is None
            else f"they begin at R_n = {onset.resistance:.6g}, V_n = {onset.bias:.6g}"
        )
        raise ValueError(
            f"Argument neuron must have a resistance with Hopf points, but at R_n = "
            f"{neuron.resistance:g} there are none: {begin}."
        )
    return tuple(points)


def find_hopf_onset(neuron: ShuttleNeuron) -> CriticalPoint:
    """Return the point of the Hopf curve with the smallest R_n: the region's lowest corner.

    Raises:
        ValueError: the curve is empty (as at Z_T = 0); the neuron has a drive.
    """
    check_arguments(find_hopf_onset, locals())
    from scipy.optimize import minimize_scalar

    curve = hopf_curve(neuron, _voltage_grid(neuron))
    if np.all(np.isnan(curve.resistances)):
        raise ValueError(
            "Argument neuron must be able to oscillate, but for its Γ = "
            f"{neuron.decoherence_rate:g} and Z_T = {neuron.thermal_polarisation:g} no R_n gives "
            "a Hopf point."
        )
    best = int(np.nanargmin(curve.resistances))
    spacing = float(curve.voltages[1] - curve.voltages[0])

    def smallest(v: float) -> float:
        values = hopf_curve(neuron, v).resistances
        return float(np.nanmin(values)) if not np.all(np.isnan(values)) else math.inf

    centre = float(curve.voltages[best])
    v = float(
        minimize_scalar(
            smallest,
            bounds=(centre - spacing, centre + spacing),
            method="bounded",
            options={"xatol": 1e-10},
        ).x
    )
    at_onset = hopf_curve(neuron, v)
    chosen = int(np.nanargmin(at_onset.resistances))
    return CriticalPoint(
        v,
        float(at_onset.biases[chosen]),
        float(at_onset.resistances[chosen]),
        float(at_onset.frequencies[chosen]),
    )


def find_hopf_parameter(
    neuron: ShuttleNeuron, parameter: str, bracket: tuple[float, float], *, branch: str = "lower"
) -> tuple[float, CriticalPoint]:
    """Return the value of one parameter where the equilibrium passes a Hopf point.

    Args:
        neuron: all other parameters.
        parameter: field of ShuttleNeuron to vary, "thermal_polarisation" for the threshold Z_T.
        bracket: two values between which the Hopf condition changes its sign once.
        branch: "lower" or "upper" voltage, where several equilibria coexist.

    Raises:
        ValueError: the condition has the same sign at both ends; the neuron has a drive.
    """
    check_arguments(find_hopf_parameter, locals())
    _need_autonomous(neuron)
    check_choice("branch", branch, ("lower", "upper"))
    if parameter not in ShuttleNeuron.__dataclass_fields__ or parameter == "drive":
        raise ValueError(
            f"Argument parameter must be a numeric field of ShuttleNeuron, but {parameter!r} was "
            "given."
        )

    def voltage_at(value: float) -> tuple[ShuttleNeuron, float]:
        change: dict[str, Any] = {parameter: value}
        changed = replace(neuron, **change)
        states = find_steady_states(changed)
        return changed, states[0 if branch == "lower" else -1].voltage

    def condition(value: float) -> float:
        changed, v = voltage_at(value)
        return float(_hopf_condition(changed, np.array([v]))[0])

    low, high = condition(bracket[0]), condition(bracket[1])
    if not low * high < 0:
        raise ValueError(
            f"Argument bracket must enclose a Hopf point, but the condition is {low:.4g} at "
            f"{parameter} = {bracket[0]:g} and {high:.4g} at {bracket[1]:g}."
        )
    value = _refine(condition, *bracket)
    changed, v = voltage_at(value)
    squared = float(_frequency_squared(changed, v))
    if squared <= 0:
        raise ValueError(
            "Argument bracket must enclose a Hopf point, but the condition vanishes at "
            f"{parameter} = {value:g} with ω² = {squared:.4g}: a neutral saddle."
        )
    return value, CriticalPoint(v, changed.bias, changed.resistance, math.sqrt(squared))


def steady_jacobian(neuron: ShuttleNeuron, voltage: float) -> FloatArray:
    """Return Eq. 14, order (V, Z, X, Y), at (V, Z_T, 0, 0), with the exact F_ij.

    Raises:
        ValueError: the neuron has a drive.
    """
    check_arguments(steady_jacobian, locals())
    _need_autonomous(neuron)
    f00, f01, f11 = conductance_elements(
        neuron.equilibrium_position - neuron.displacement * voltage,
        oscillator_length=neuron.oscillator_length,
        tunnelling_length=neuron.tunnelling_length,
    )
    slope = -1 - neuron.resistance * float(static_current(neuron, voltage, derivative=1))
    by_z = neuron.resistance / 2 * (f11 - f00) * voltage
    by_x = -neuron.resistance * f01 * voltage
    z, gamma, omega = neuron.thermal_polarisation, neuron.decoherence_rate, neuron.frequency
    return np.array(
        [
            [slope, by_z, by_x, 0],
            [0, -neuron.relaxation_ratio * gamma, 0, 0],
            [2 * z * slope, 2 * z * by_z, 2 * z * by_x - gamma, omega],
            [0, 0, -omega, -gamma],
        ]
    )


def _static_conductance(neuron: ShuttleNeuron, voltage: FloatArray, derivative: int) -> FloatArray:
    """Return dᵏg/dVᵏ; each derivative with respect to V brings a factor −l√2."""
    f00, _, f11 = conductance_elements(
        neuron.equilibrium_position - neuron.displacement * voltage,
        oscillator_length=neuron.oscillator_length,
        tunnelling_length=neuron.tunnelling_length,
        derivative=derivative,
    )
    z = neuron.thermal_polarisation
    mixture = 0.5 * (1 + z) * f00 + 0.5 * (1 - z) * f11
    return np.asarray((-neuron.displacement) ** derivative * mixture)


def _balance(neuron: ShuttleNeuron, voltage: float) -> float:
    return neuron.bias - float(static_bias(neuron, voltage))


def _eigenvalues(neuron: ShuttleNeuron, voltage: float) -> NDArray[np.complex128]:
    values = np.linalg.eigvals(steady_jacobian(neuron, voltage)).astype(complex)
    return np.asarray(values[np.argsort(-values.real)])


@dataclass(frozen=True, eq=False)
class _DeviceScan:
    """h′ on a grid of voltages that holds the cusps: what depends on the device alone."""

    voltages: FloatArray
    slopes: FloatArray
    cusp_voltages: tuple[float, ...]


def _device(neuron: ShuttleNeuron) -> tuple[float, float, float, float]:
    """Return the parameters that h(V) depends on."""
    return (
        float(neuron.oscillator_length),
        float(neuron.tunnelling_length),
        float(neuron.equilibrium_position),
        float(neuron.thermal_polarisation),
    )


@lru_cache(maxsize=256)
def _device_scan(length: float, tunnelling: float, position: float, polarisation: float) -> Any:
    """Scan h′ and find the cusps once per device; folds and equilibria at any R_n reuse it."""
    neuron = ShuttleNeuron(
        resistance=1.0,
        bias=0.0,
        decoherence_rate=0.0,
        thermal_polarisation=polarisation,
        oscillator_length=length,
        equilibrium_position=position,
        tunnelling_length=tunnelling,
    )
    grid = _voltage_grid(neuron)
    second = static_current(neuron, grid, derivative=2)
    cusps = []
    # A minimum of h′: h″ goes from negative to positive.
    for k in np.flatnonzero((second[:-1] < 0) & (second[1:] >= 0)):
        v = _refine(
            lambda value: float(static_current(neuron, value, derivative=2)),
            float(grid[k]),
            float(grid[k + 1]),
        )
        # Where the current is below 1e-12 of its peak, h′ < 0 is rounding, not physics.
        if float(static_current(neuron, v, derivative=1)) < -1e-12:
            cusps.append(v)
    # With the minima of h′ in the grid no pair of folds is too close to see.
    voltages = np.sort(np.append(grid, cusps))
    slopes = static_current(neuron, voltages, derivative=1)
    return _DeviceScan(voltages, slopes, tuple(cusps))


def _fold_voltages(neuron: ShuttleNeuron) -> list[float]:
    scan = _device_scan(*_device(neuron))

    def condition(v: float) -> float:
        return 1 + neuron.resistance * float(static_current(neuron, v, derivative=1))

    values = 1 + neuron.resistance * scan.slopes
    return [
        _refine(condition, float(scan.voltages[k]), float(scan.voltages[k + 1]))
        for k in np.flatnonzero(values[:-1] * values[1:] < 0)
    ]


def _hopf_slopes(neuron: ShuttleNeuron, voltage: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return h′(V) and k(V) = q/R_n = −2 Z_T F₀₁ V."""
    mixed = conductance_elements(
        neuron.equilibrium_position - neuron.displacement * voltage,
        oscillator_length=neuron.oscillator_length,
        tunnelling_length=neuron.tunnelling_length,
    )[1]
    mixing = -2 * neuron.thermal_polarisation * mixed * voltage
    return static_current(neuron, voltage, derivative=1), np.asarray(mixing)


def _hopf_quadratic(
    neuron: ShuttleNeuron, voltage: FloatArray
) -> tuple[FloatArray, FloatArray, float, FloatArray, FloatArray]:
    """Return c₂, c₁, c₀ of the Hopf condition c₂R² + c₁R + c₀ = 0, and h′, k."""
    gamma = neuron.decoherence_rate
    squared = neuron.frequency**2 + gamma**2
    slope, mixing = _hopf_slopes(neuron, voltage)
    c2 = gamma * (slope - mixing) * (2 * slope - mixing)
    c1 = (
        (1 + 2 * gamma) * gamma * (2 * slope - mixing)
        + (slope - mixing) * (squared + 2 * gamma)
        - slope * squared
    )
    c0 = 2 * gamma * (1 + 2 * gamma + squared)
    return c2, c1, c0, slope, mixing


def _hopf_condition(neuron: ShuttleNeuron, voltage: FloatArray) -> FloatArray:
    c2, c1, c0, _, _ = _hopf_quadratic(neuron, voltage)
    return (c2 * neuron.resistance + c1) * neuron.resistance + c0


def _hopf_frequency_squared(
    neuron: ShuttleNeuron, resistance: FloatArray, slope: FloatArray, mixing: FloatArray
) -> FloatArray:
    gamma = neuron.decoherence_rate
    growth = -1 - resistance * slope
    return neuron.frequency**2 + gamma**2 - 2 * growth * gamma - resistance * mixing * gamma


def _frequency_squared(neuron: ShuttleNeuron, voltage: float) -> float:
    slope, mixing = _hopf_slopes(neuron, np.array([voltage]))
    resistance = np.array([neuron.resistance], dtype=float)
    return float(_hopf_frequency_squared(neuron, resistance, slope, mixing)[0])


def _hopf_point(neuron: ShuttleNeuron, voltage: float) -> CriticalPoint | None:
    """Return the Hopf point at `voltage`, None for a neutral saddle (ω² ≤ 0)."""
    squared = _frequency_squared(neuron, voltage)
    if squared <= 0:
        return None
    bias = float(static_bias(neuron, voltage))
    return CriticalPoint(voltage, bias, float(neuron.resistance), math.sqrt(squared))


def _voltage_grid(neuron: ShuttleNeuron) -> FloatArray:
    """Return voltages over which the device conducts at all."""
    width = max(neuron.oscillator_length, neuron.tunnelling_length)
    support = tabulate_conductance(neuron.oscillator_length, neuron.tunnelling_length).support
    points = 2 * math.ceil(support / width * POINTS_PER_WIDTH) + 2
    centre = neuron.equilibrium_position
    return np.linspace(centre - support, centre + support, points) / neuron.displacement


def _refine(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-15, rtol=1e-14))


def _need_autonomous(neuron: ShuttleNeuron) -> None:
    if neuron.drive is not None:
        raise ValueError(
            "Argument neuron must have no drive for an equilibrium, but it has "
            f"{type(neuron.drive).__name__}; replace(neuron, drive=None) drops it."
        )
