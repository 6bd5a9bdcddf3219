from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from qmemcircuit.model.laws.rates import (
    ConstantRate,
    DecayRate,
    FunctionRate,
    SquidRate,
)
from qmemcircuit.model.laws.tabulated import TabulatedRate, tabulate

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
    table = TabulatedRate((0.0, 1.0), integrals=(0.0, 0.5))
    with pytest.raises(ValueError, match="must lie within the table of the rate"):
        table.integral(0.0, 2.0)
    falling = TabulatedRate((0.0, 1.0, 2.0), integrals=(0.0, 0.5, 0.4))
    assert float(falling.integral(1.0, 2.0)) == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="start at 0"):
        TabulatedRate((1.0, 2.0), integrals=(0.0, 0.5))


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
        TabulatedRate((0, 1), integrals=(0, 1)),
        TabulatedRate.from_values((0, 1), (0, 1)),
    ):
        assert isinstance(law, DecayRate)


def pulse(edge, width, height, base=0.1):
    """A law with one rectangular pulse, and its closed integral from 0."""

    def function(t):
        return height if edge < t < edge + width else base

    def integral(t):
        return base * np.asarray(t) + (height - base) * np.clip(np.asarray(t) - edge, 0, width)

    return function, integral


@given(
    st.floats(0.01, 18.0),
    st.floats(0.0016, 3.0),
    st.floats(0.0, 100.0),
    st.floats(0.0, 20.0),
)
@settings(deadline=None, max_examples=60)
def test_a_pulse_wider_than_the_resolution_is_never_missed(edge, width, height, stop):
    """2π/4096 = 0.00153 is the widest distance of two samples: wider pulses are exact anywhere."""
    function, integral = pulse(edge, width, height)
    found = float(FunctionRate(function).integral(0.0, stop))
    # Each of the two jumps is found to 1e-12 of the integral; rounding of 20 panels a unit.
    assert found == pytest.approx(float(integral(stop)), abs=1e-11 * max(1.0, height))


@given(st.floats(0.01, 18.0), st.floats(1e-9, 1e-3), st.floats(0.0, 1e6))
@settings(deadline=None, max_examples=30)
def test_a_pulse_of_any_width_is_exact_between_breakpoints(edge, width, height):
    function, integral = pulse(edge, width, height)
    law = FunctionRate(function, breakpoints=(edge + width, edge))
    stops = np.array([edge / 2, edge + width / 3, 20.0])
    # Rounding of edge + width moves the edge by 4e-15.
    assert law.integral(0.0, stops) == pytest.approx(integral(stops), abs=1e-11 + 8e-15 * height)


def test_every_sample_is_a_witness():
    """A pulse far narrower than the resolution, put on one sample, is resolved all the same."""
    from qmemcircuit.model.laws.quadrature import NODES, WIDEST_GAP

    width = 2 * np.pi / 4096 / WIDEST_GAP
    for node in (NODES[4], NODES[0]):
        place = 100 * width + 0.5 * width * (1 + node)
        function, integral = pulse(place - 0.8e-6, 2e-6, 5.0)
        found = float(FunctionRate(function).integral(0.0, 5.0))
        assert found == pytest.approx(float(integral(5.0)), abs=1e-11)


def test_resolution_follows_the_memristor_and_can_be_told():
    function, _ = pulse(7.3e-9, 2e-12, 1e12, base=0.0)
    fast = FunctionRate(function).at_frequency(1e9)
    assert float(fast.integral(0.0, 1e-8)) == pytest.approx(2.0, rel=1e-9)
    with pytest.raises(ValueError, match="Argument resolution must leave at most"):
        FunctionRate(lambda t: 0.1).integral(0.0, 1e6)
    slow = FunctionRate(lambda t: 0.1, resolution=10.0)
    assert float(slow.integral(0.0, 1e6)) == pytest.approx(1e5, rel=1e-12)
    with pytest.raises(ValueError, match="Argument resolution must be greater"):
        FunctionRate(abs, resolution=0.0)
    with pytest.raises(ValueError, match="Argument breakpoints must be finite"):
        FunctionRate(abs, breakpoints=(1.0, float("nan")))


@pytest.mark.parametrize(
    ("output", "error", "words"),
    [
        (float("nan"), ValueError, "finite rate, but at t = 3"),
        (float("inf"), ValueError, "finite rate, but at t = 3"),
        ("0.3", TypeError, "a real number for every time, but at t = 3"),
        (1j, TypeError, "a real number for every time, but at t = 3"),
        (None, TypeError, "a real number for every time, but at t = 3"),
        (np.zeros(2), TypeError, "a real number for every time, but at t = 3"),
        (10**400, TypeError, "a real number for every time, but at t = 3"),
    ],
)
def test_bad_output_is_named_with_its_time(output, error, words):
    law = FunctionRate(lambda t: output if t >= 3 else 0.1)
    with pytest.raises(error, match=words):
        law.value([1.0, 3.0])
    with pytest.raises(error, match=words.replace("= 3", "= 3.0")):
        law.integral(0.0, 4.0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "x", None, 1j, [0.0, float("nan")]])
def test_laws_refuse_times_that_are_none(bad):
    laws = (
        SquidRate(0.1, 1.0),
        ConstantRate(0.1),
        FunctionRate(abs),
        TabulatedRate.from_values((0, 1), (0, 1)),
    )
    for law in laws:
        for ask in (law.value, lambda t, law=law: law.integral(0.0, t)):
            with pytest.raises((ValueError, TypeError), match=r"Argument (times|stop) must"):
                ask(bad)


def test_a_law_of_a_readers_own_is_checked_by_its_memristor():
    from qmemcircuit import Memristor

    class Broken:
        def value(self, times):
            return np.where(np.asarray(times) > 2, np.nan, 0.1)

        def integral(self, start, stop):
            return np.full(np.shape(stop), np.inf)

        def at_frequency(self, omega):
            return self

    memristor = Memristor(Broken(), a=0.3)
    with pytest.raises(ValueError, match="from its method value, but at t = 3 it returned nan"):
        memristor.decay_rate([1.0, 3.0])
    with pytest.raises(ValueError, match="from its method integral, but at t = 4 it returned inf"):
        memristor.decay_integral(0.0, [4.0, 5.0])


def test_table_of_rates_is_the_straight_lines():
    """½·1·0.4 = 0.2 up to t = 1; the line from 0.4 to 0.2 adds 0.4 s − 0.05 s² after it."""
    law = TabulatedRate.from_values([0.0, 1.0, 3.0], [0.0, 0.4, 0.2])
    assert law.value([0.0, 0.5, 2.0, 3.0]) == pytest.approx([0.0, 0.2, 0.3, 0.2], abs=1e-15)
    times = np.array([0.5, 1.0, 1.7, 3.0])
    after = np.clip(times - 1, 0, None)
    expected = 0.2 * np.minimum(times, 1) ** 2 + 0.4 * after - 0.05 * after**2
    assert law.integral(0.0, times) == pytest.approx(expected, abs=1e-15)
    assert law.integral(times, 0.0) == pytest.approx(-expected, abs=1e-15)


@given(st.lists(st.floats(0, 50), min_size=2, max_size=12), st.floats(0.1, 5))
def test_table_of_rates_against_the_black_box(rates, spacing):
    times = np.arange(len(rates)) * spacing
    table = TabulatedRate.from_values(times, rates)
    inside = np.linspace(0, times[-1], 7)
    steps = [
        quad(lambda t: float(np.interp(t, times, rates)), a, b, points=times, limit=200)[0]
        for a, b in pairwise(inside)
    ]
    # QUADPACK between the rows: straight lines, exact to rounding.
    assert table.integral(inside[:-1], inside[1:]) == pytest.approx(steps, rel=1e-10, abs=1e-10)


def test_a_table_says_what_it_takes():
    times = [0.0, 1.0, 2.0]
    with pytest.raises(TypeError, match=r"looks like rates.*from_values\(times, rates\)"):
        TabulatedRate(times, [0.3, 0.1, 0.2])
    with pytest.raises(TypeError, match=r"looks like rates.*integrals=…"):
        TabulatedRate(times, [0.0, 0.2, 0.1])
    with pytest.raises(TypeError, match=r"could be integrals, or rates that rise.*from_values"):
        TabulatedRate(times, [0.0, 0.1, 0.2])
    with pytest.raises(TypeError, match="neither integrals nor rates"):
        TabulatedRate(times)
    with pytest.raises(ValueError, match=r"must start at 0, .*from_values"):
        TabulatedRate(times, integrals=[0.3, 0.4, 0.5])
    with pytest.raises(ValueError, match=r"must not be negative, but at t = 1 it is -0\.1"):
        TabulatedRate.from_values(times, [0.0, -0.1, 0.2])
    with pytest.raises(ValueError, match="must be finite, but at t = 2 it is nan"):
        TabulatedRate.from_values(times, [0.0, 0.1, float("nan")])
    with pytest.raises(ValueError, match="one entry for each of times"):
        TabulatedRate.from_values(times, [0.0, 0.1])
    with pytest.raises(ValueError, match="must belong together"):
        TabulatedRate(times, integrals=[0.0, 1.0, 2.0], rates=[0.0, 0.1, 0.2])


def test_tables_are_saved_and_old_files_still_load():
    from qmemcircuit import Memristor, Network
    from qmemcircuit.model.serialization import describe_model, restore_model

    table = TabulatedRate.from_values([0.0, 1.0, 3.0], [0.0, 0.4, 0.2])
    own = FunctionRate(pulse(1.3, 1e-6, 1e5)[0], breakpoints=(1.3, 1.300001))
    network = Network([Memristor(table, a=0.3), Memristor(own, a=0.3)])
    times = np.linspace(0, 3, 4)
    description = json.loads(json.dumps(describe_model(network, times)))
    restored = restore_model(description)
    assert restored.memristors[0] == network.memristors[0]
    for stop in (1.0, 1.3, 1.300001, 2.0, 3.0):
        assert float(restored.memristors[1].decay_integral(0.0, stop)) == pytest.approx(
            float(own.integral(0.0, stop)), abs=1e-12
        )
    # What files held before tables had rates.
    old = {"law": "TabulatedRate", "times": [0.0, 1.0], "integrals": [0.0, 0.5]}
    description["memristors"][0]["rate"] = old
    kept = restore_model(description).memristors[0].rate
    assert kept == TabulatedRate((0.0, 1.0), integrals=(0.0, 0.5))
    found = set(describe_model(network, times)["memristors"][1]["rate"])
    assert found == {*old, "values"}
