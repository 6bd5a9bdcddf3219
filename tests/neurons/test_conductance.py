"""F_ij against adaptive quadrature in 30 digits, symmetries, derivatives, and the table."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmemcircuit.neurons.shuttle.conductance import conductance_elements, tabulate_conductance

lengths = st.floats(0.2, 1.0)
tunnellings = st.floats(0.05, 0.6)


def quadrature(i: int, j: int, position: float, length: float, tunnelling: float) -> float:
    """The defining integral (below Eq. 9) by scipy's adaptive quadrature, split at the peaks."""
    from math import factorial, pi

    from scipy.integrate import quad
    from scipy.special import eval_hermite

    def integrand(u: float) -> float:
        weight = np.exp(-u * u) * eval_hermite(i, u) * eval_hermite(j, u)
        return float(weight / np.cosh((length * u + position) / tunnelling))

    peak = -position / length
    width = tunnelling / length
    marks = np.concatenate([[-8.0, 8.0, 0.0], peak + width * np.array([-8, -3, -1, 0, 1, 3, 8])])
    edges = np.unique(np.clip(marks, -8, 8))
    total = sum(
        quad(integrand, a, b, epsabs=1e-16, epsrel=1e-13, limit=400)[0] for a, b in pairwise(edges)
    )
    return total / np.sqrt(2.0 ** (i + j) * factorial(i) * factorial(j) * pi)


@pytest.mark.parametrize(("length", "tunnelling"), [(0.5, 0.13), (0.5, 0.03), (0.2, 0.5)])
def test_elements_equal_adaptive_quadrature(length: float, tunnelling: float) -> None:
    for position in (0.0, 0.31, -0.9, 2.2):
        expected = [
            quadrature(i, j, position, length, tunnelling) for i, j in ((0, 0), (0, 1), (1, 1))
        ]
        found = conductance_elements(
            position, oscillator_length=length, tunnelling_length=tunnelling
        )
        # The bound. quad itself is good to some 1e-15.
        assert np.abs(found - expected).max() < 1e-13


def test_narrow_tunnelling_is_a_delta_function() -> None:
    """λ → 0: sech((l u + x)/λ) → πλ δ(l u + x), so F_00 → πλ e^{−x²/l²}/(l√π), error O(λ²)."""
    x, length = 0.3, 0.5
    errors = []
    for tunnelling in (0.02, 0.01):
        limit = np.pi * tunnelling * np.exp(-((x / length) ** 2)) / (length * np.sqrt(np.pi))
        found = conductance_elements(x, oscillator_length=length, tunnelling_length=tunnelling)[0]
        errors.append(abs(found / limit - 1))
    order = np.log2(errors[0] / errors[1])
    assert 1.9 < order < 2.1


def test_wide_tunnelling_is_a_constant() -> None:
    found = conductance_elements(0.0, oscillator_length=0.5, tunnelling_length=200.0)
    # 1 − ⟨x²⟩/2λ² with ⟨x²⟩ ≤ 3 l²/2: below 5e-6; orthogonality makes F_01 vanish.
    assert np.allclose(found, [1, 0, 1], atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(position=st.floats(-3, 3), length=lengths, tunnelling=tunnellings)
def test_parity_bounds_and_positivity(position: float, length: float, tunnelling: float) -> None:
    options = {"oscillator_length": length, "tunnelling_length": tunnelling}
    f00, f01, f11 = conductance_elements(position, **options)
    g00, g01, g11 = conductance_elements(-position, **options)
    assert abs(f00 - g00) + abs(f01 + g01) + abs(f11 - g11) < 1e-14
    # 0 < sech ≤ 1: the matrix is positive with norm at most 1.
    assert 0 <= f00 <= 1
    assert 0 <= f11 <= 1
    assert f00 * f11 - f01**2 >= -1e-15


@settings(max_examples=20, deadline=None)
@given(length=lengths, tunnelling=tunnellings, seed=st.integers(0, 1000))
def test_table_is_exact(length: float, tunnelling: float, seed: int) -> None:
    table = tabulate_conductance(length, tunnelling)
    positions = np.random.default_rng(seed).uniform(-table.support, table.support, 300)
    exact = conductance_elements(positions, oscillator_length=length, tunnelling_length=tunnelling)
    assert np.abs(table(positions) - exact).max() < 1e-13
    edge = conductance_elements(
        table.support, oscillator_length=length, tunnelling_length=tunnelling
    )
    assert np.abs(edge).max() < 1e-16  # nothing is cut off


def test_derivatives_by_central_differences() -> None:
    x, h = 0.37, 1e-3
    for order in (1, 2, 3):
        forward = conductance_elements(x + h, derivative=order - 1)
        backward = conductance_elements(x - h, derivative=order - 1)
        slope = (forward - backward) / (2 * h)
        # h²/6 times the (order + 2)-th derivative, at most some 10⁴ here.
        assert np.abs(conductance_elements(x, derivative=order) - slope).max() < 1e-2 * 20**order


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="tunnelling_length must be greater than 0"):
        conductance_elements(0.0, tunnelling_length=0.0)
    with pytest.raises(ValueError, match="position must be finite"):
        conductance_elements(np.nan)
    with pytest.raises(ValueError, match="reach of this table"):
        tabulate_conductance(reach=1.0)(1.5)
