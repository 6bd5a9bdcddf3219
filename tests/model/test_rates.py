from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from qmemcircuit.model.rates import (
    ConstantRate,
    DecayRate,
    FunctionRate,
    SquidRate,
    TabulatedRate,
    tabulate,
)

numbers = st.floats(0.0, 20.0)


@given(st.floats(0, 2), st.floats(0.2, 5), numbers, numbers)
def test_squid_integral_is_quadrature(gamma0, omega, start, duration):
    rate = SquidRate(gamma0, omega)
    stop = start + duration
    points = np.arange(np.ceil(omega * start / np.pi), omega * stop / np.pi) * np.pi / omega
    edges = np.unique(np.concatenate([[start], points, [stop]]))
    pieces = [quad(rate.value, a, b, epsabs=1e-14)[0] for a, b in pairwise(edges)]
    # QUADPACK reaches 1e-14 a piece; there are at most 33 pieces.
    assert float(rate.integral(start, stop)) == pytest.approx(sum(pieces), abs=1e-12)


def test_squid_law_is_the_papers():
    rate = SquidRate(0.4, 1.0)
    times = np.linspace(0, 9, 50)
    assert rate.value(times) == pytest.approx(0.4 * (1 - np.sin(np.cos(times))), abs=1e-15)


@given(numbers, numbers, numbers)
def test_integrals_add(a, b, c):
    a, b, c = sorted((a, b, c))
    for rate in (SquidRate(0.3, 1.1), ConstantRate(0.2)):
        whole = float(rate.integral(a, c))
        parts = float(rate.integral(a, b) + rate.integral(b, c))
        assert whole == pytest.approx(parts, abs=1e-13)


def test_function_rate_has_the_closed_forms_integral():
    law = FunctionRate(lambda t: 0.3 * np.exp(-t))
    start, stop = np.array([0.0, 1.0]), np.array([1.0, 5.0])
    expected = 0.3 * (np.exp(-start) - np.exp(-stop))
    assert law.integral(start, stop) == pytest.approx(expected, abs=1e-12)
    assert law.value([[0.0, 1.0]]).shape == (1, 2)


def test_function_rate_refuses_what_it_cannot_integrate():
    with pytest.raises(ValueError, match="must be integrable"):
        FunctionRate(lambda t: 1 / t if t else 0.0).integral(0.0, 1.0)
    with pytest.raises(ValueError, match="finite rate"):
        FunctionRate(lambda t: float("nan")).integral(0.0, 1.0)
    with pytest.raises(TypeError, match="Argument function must be a callable"):
        FunctionRate(0.3)


def test_table_keeps_the_step_integrals():
    law = FunctionRate(lambda t: 0.1 * (1 + np.sin(t)))
    times = np.linspace(0, 7, 23)
    table = tabulate(law, times)
    for start, stop in pairwise(times):
        # Exact at the knots: only the rounding of a sum of integrals up to 0.8.
        assert float(table.integral(start, stop)) == pytest.approx(
            float(law.integral(start, stop)), abs=1e-14
        )
    inside = np.linspace(0.1, 6.9, 300)
    # Between knots 0.04 apart a cubic of a curve with |Γ''| ≤ 0.1 is far better than this.
    assert table.value(inside) == pytest.approx(law.value(inside), abs=1e-3)
    assert np.all(table.value(inside) >= 0)


def test_table_refuses_what_it_does_not_know():
    table = TabulatedRate((0.0, 1.0), (0.0, 0.5))
    with pytest.raises(ValueError, match="must lie within the table"):
        table.integral(0.0, 2.0)
    falling = TabulatedRate((0.0, 1.0, 2.0), (0.0, 0.5, 0.4))
    assert float(falling.integral(1.0, 2.0)) == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="start at 0"):
        TabulatedRate((1.0, 2.0), (0.0, 0.5))


def test_frequency_mismatch_is_an_error():
    assert SquidRate(0.1).at_frequency(2.0).omega == 2.0
    with pytest.raises(ValueError, match="omega must agree"):
        SquidRate(0.1, omega=1.0).at_frequency(2.0)
    with pytest.raises(ValueError, match="omega must be known"):
        SquidRate(0.1).value(0.0)


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf"), "x"])
def test_bad_numbers_are_named(bad):
    with pytest.raises((ValueError, TypeError), match="Argument gamma0 must be"):
        SquidRate(bad)
    with pytest.raises((ValueError, TypeError), match="Argument gamma must be"):
        ConstantRate(bad)


def test_all_laws_keep_the_protocol():
    for law in (
        SquidRate(0.1),
        ConstantRate(0.1),
        FunctionRate(abs),
        TabulatedRate((0, 1), (0, 1)),
    ):
        assert isinstance(law, DecayRate)
