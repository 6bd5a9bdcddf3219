"""Conductance matrix of the shuttle: ⟨ψ_i| sech((x̃ + x_V)/λ) |ψ_j⟩ for its two lowest levels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object

DEGREE = 7
HIGHEST_DERIVATIVE = 30
MOST_NODES = 10**6
"""Of the quadrature. Lengths of which one is 10⁴ times the other need as many."""
# Cells per unit of max(l, λ). Twelve cells and degree 7 leave an interpolation error of about
# 1e-15 (the scale on which F varies is the wider of the Gaussian and the sech), so that rounding
# of the quadrature, some 3e-16, is what remains.
CELLS_PER_WIDTH = 12
# sech falls as 2 exp(−|x|/λ); what is below this is nothing beside F ≤ 1 in double precision.
NEGLIGIBLE = 1e-18


def conductance_elements(
    position: ArrayLike,
    *,
    oscillator_length: float = 0.5,
    tunnelling_length: float = 0.13,
    derivative: int = 0,
) -> FloatArray:
    """Return [F₀₀, F₀₁, F₁₁] at x_V = `position`, or their `derivative`-th derivative.

    F_ij(x_V) = (2^{i+j} i! j! π)^{−1/2} ∫ e^{−u²} H_i(u) H_j(u) sech((l u + x_V)/λ) du
    (Potter et al. 2024, below Eq. 9). Integration by parts makes all of them derivatives of one
    function: F₀₁ = (l/√2) F₀₀′ and F₁₁ = F₀₀ + (l²/2) F₀₀″, with
    F₀₀^{(k)} = l^{−k} π^{−1/2} ∫ H_k(u) e^{−u²} sech((l u + x_V)/λ) du.

    The trapezoid rule converges geometrically here: its step is a fortieth of 2π times the
    distance of sech's nearest pole to the real axis, hence an error near 1e-16 (Gauss–Hermite
    with 20 nodes is wrong in the second digit: sech is narrow).

    Args:
        position: x_V, any shape, in the unit of the lengths (half the gap, L).
        oscillator_length: l > 0, the ground state's ψ₀² has variance l²/2.
        tunnelling_length: λ > 0.
        derivative: order k ≥ 0 of d/dx_V.

    Returns:
        array of shape (3, *position.shape); dimensionless (units of 1/R₀) for k = 0.

    Raises:
        ValueError: a length is not positive, or `position` is not finite.

    Example:
        >>> conductance_elements(0.0).round(6)
        array([0.40416 , 0.      , 0.086661])
    """
    check_arguments(conductance_elements, locals())
    width = check_real("oscillator_length", oscillator_length, minimum=0, exclusive=True)
    tunnelling = check_real("tunnelling_length", tunnelling_length, minimum=0, exclusive=True)
    order = check_integer("derivative", derivative, minimum=0)
    if order > HIGHEST_DERIVATIVE:
        raise ValueError(
            f"Argument derivative must be at most {HIGHEST_DERIVATIVE}, but {order} was given."
        )
    points = np.asarray(position, dtype=float)
    if not np.all(np.isfinite(points)):
        raise ValueError("Argument position must be finite, but it holds NaN or infinity.")
    flat = points.ravel()
    nodes, weights = _quadrature(width, tunnelling, order + 2)
    base = np.empty((order + 3, flat.size))
    # Blocks bound the memory: a block has at most some 10^6 sech values.
    block = max(1, 10**6 // nodes.size)
    for start in range(0, flat.size, block):
        part = slice(start, start + block)
        argument = np.abs(width * nodes[None, :] + flat[part, None]) / tunnelling
        # sech without overflow: 2 e^{−a}/(1 + e^{−2a}).
        decay = np.exp(-argument)
        base[:, part] = weights @ (2 * decay / (1 + decay * decay)).T
    elements = np.stack(
        [
            base[order],
            width / math.sqrt(2) * base[order + 1],
            base[order] + width**2 / 2 * base[order + 2],
        ]
    )
    return elements.reshape(3, *points.shape)


@lru_cache(maxsize=64)
def _quadrature(width: float, tunnelling: float, order: int) -> tuple[FloatArray, FloatArray]:
    """Return trapezoid nodes u and the weights of F₀₀'s derivatives 0 … order, (order + 1, N)."""
    # |error| ~ exp(−2π d/h) for a pole at distance d, and exp(−(π/h)²) for the Gaussian.
    pole = math.pi * tunnelling / (2 * width)
    step = min(2 * math.pi * pole / (40 + pole**2), math.pi / 6.5)
    half = (6.5 + 0.3 * order) / step if step > 0 else math.inf
    if not half < MOST_NODES:
        raise ValueError(
            f"Argument tunnelling_length must not be that far from oscillator_length, but they are "
            f"{tunnelling:g} and {width:g}: the quadrature would need {2 * half:.2g} nodes."
        )
    half = math.ceil(half)
    nodes = step * np.arange(-half, half + 1)
    gauss = step / math.sqrt(math.pi) * np.exp(-(nodes**2))
    hermite = [np.ones_like(nodes), 2 * nodes]
    for k in range(1, order):
        hermite.append(2 * nodes * hermite[k] - 2 * k * hermite[k - 1])
    weights = np.stack([gauss * hermite[k] / width**k for k in range(order + 1)])
    nodes.flags.writeable = weights.flags.writeable = False
    return np.asarray(nodes, dtype=float), np.asarray(weights, dtype=float)


@data_object
@dataclass(frozen=True, eq=False)
class ConductanceTable:
    """F₀₀, F₀₁, F₁₁ as piecewise polynomials of degree 7, for compiled code.

    Attributes:
        support: outside |x_V| ≤ support every F is below 1e-16 and taken as zero.
        reach: outside |x_V| ≤ reach the table refuses to answer (NaN in compiled code).
        cells_per_unit: cells per unit of x_V.
        coefficients: shape (cells, 3, 8); in cell c with s ∈ [−1, 1) its local coordinate,
            F = Σ_k coefficients[c, element, k] s^k.
    """

    support: float
    reach: float
    cells_per_unit: float
    coefficients: FloatArray

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, position: ArrayLike) -> FloatArray:
        """Return [F₀₀, F₀₁, F₁₁], shape (3, *position.shape); ValueError beyond the reach."""
        check_arguments(ConductanceTable.__call__, locals())
        points = np.asarray(position, dtype=float)
        if not np.all(np.abs(points) <= self.reach):
            raise ValueError(
                f"Argument position must lie within ±{self.reach:g}, the reach of this table, "
                f"but it extends from {points.min():g} to {points.max():g}; tabulate with a "
                "larger reach."
            )
        scaled = (np.clip(points, -self.support, self.support) + self.support) * (
            self.cells_per_unit
        )
        cell = np.minimum(scaled.astype(int), len(self.coefficients) - 1)
        local = 2 * (scaled - cell) - 1
        values = np.zeros((*points.shape, 3))
        for k in range(DEGREE, -1, -1):
            values = values * local[..., None] + self.coefficients[cell][..., k]
        values[np.abs(points) > self.support] = 0
        return np.moveaxis(values, -1, 0)


@lru_cache(maxsize=32)
def tabulate_conductance(
    oscillator_length: float = 0.5,
    tunnelling_length: float = 0.13,
    reach: float | None = None,
) -> ConductanceTable:
    """Tabulate F₀₀, F₀₁, F₁₁ for compiled code, exact to about 1e-15 (tested to 1e-13).

    Args:
        oscillator_length, tunnelling_length: l and λ, see `conductance_elements`.
        reach: largest |x_V| that the table answers for; None: where F vanishes (its support).

    Raises:
        ValueError: a length or the reach is not positive.
    """
    width = check_real("oscillator_length", oscillator_length, minimum=0, exclusive=True)
    tunnelling = check_real("tunnelling_length", tunnelling_length, minimum=0, exclusive=True)
    # The tail of F₀₀ is at most 2 e^{(l/2λ)²} e^{−|x|/λ}; where that exponential regime never
    # comes (λ ≪ l), the Gaussian e^{−x²/l²} bounds it up to its own width.
    exponent = -math.log(NEGLIGIBLE) + math.log(1 + (width / tunnelling) ** 2)
    tail = tunnelling * (exponent + (width / (2 * tunnelling)) ** 2)
    support = min(tail, width * math.sqrt(exponent) + tunnelling * exponent)
    limit = support if reach is None else check_real("reach", reach, minimum=0, exclusive=True)
    cells = 2 * math.ceil(support * CELLS_PER_WIDTH / max(width, tunnelling))
    cells_per_unit = cells / (2 * support)
    nodes = chebyshev.chebpts1(DEGREE + 1)
    centres = -support + (np.arange(cells) + 0.5) / cells_per_unit
    positions = centres[:, None] + nodes[None, :] / (2 * cells_per_unit)
    values = conductance_elements(positions, oscillator_length=width, tunnelling_length=tunnelling)
    to_chebyshev = np.linalg.inv(chebyshev.chebvander(nodes, DEGREE))
    to_powers = np.zeros((DEGREE + 1, DEGREE + 1))
    for k in range(DEGREE + 1):
        to_powers[: k + 1, k] = chebyshev.cheb2poly([0] * k + [1])
    coefficients = np.einsum("kn,ecn->cek", to_powers @ to_chebyshev, values)
    coefficients = np.ascontiguousarray(coefficients)
    coefficients.flags.writeable = False
    return ConductanceTable(support, limit, cells_per_unit, coefficients)
