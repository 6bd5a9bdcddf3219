"""`Estimate`: value, error, interval and raw value of one quantity."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit import Concurrence, Estimate


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(0.5), "0.5"),
        (Estimate(0.11037, 0.0123), "0.110 ± 0.012"),
        (Estimate(0.11037, 0.0123, 0.0904, 0.1312), "0.110 ± 0.012 [0.090, 0.131]"),
        (Estimate(3.0, lower=2.0, upper=4.0, level=0.68), "3.0 [2.0, 4.0] at 68 %"),
        (Estimate(0.163, 0.837, 0.0, 1.0, level=0.95), "0.16 [0.00, 1.00] at 95 %"),
        (Estimate(0.34, 0.18, 0.076, 1.0), "0.34 [0.08, 1.00]"),
        (Estimate(0.0, 0.1, 0.0, 0.2), "0.00 [0.00, 0.20]"),
        (Estimate(12345.0, 340.0), "12345 ± 340"),
        (Estimate(0.0, 0.0), "0 ± 0"),
        (Estimate(float("nan"), 0.1), "nan ± 0.10"),
    ],
)
def test_repr_shows_two_digits_of_the_error(estimate, words):
    assert repr(estimate) == str(estimate) == words


def test_a_series_is_brief_and_has_places():
    times = np.linspace(0, 1, 1000)
    series = Estimate(times, 0.1 + times, times - 0.2, times + 0.2, raw=times**2, level=0.95)
    assert len(repr(series).splitlines()) <= 10
    assert "(1000,)" in repr(series)
    place = series[500]
    assert place == Estimate(
        times[500], 0.1 + times[500], times[500] - 0.2, times[500] + 0.2, times[500] ** 2, 0.95
    )
    assert place.raw == pytest.approx(times[500] ** 2)
    with pytest.raises(TypeError, match="series"):
        place[0]
    with pytest.raises(IndexError):
        series[1000]


@given(st.floats(allow_infinity=False), st.floats(0, 1e6))
def test_equal_after_a_pickle_and_only_to_the_same(value, error):
    estimate = Estimate(value, error)
    assert pickle.loads(pickle.dumps(estimate)) == estimate
    assert hash(pickle.loads(pickle.dumps(estimate))) == hash(estimate)
    assert estimate != Estimate(value, error + 1.0)
    assert estimate != Estimate(value, error, level=0.5)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"lower": 0.0}, "together"),
        ({"lower": 1.0, "upper": 0.0}, "lower must not exceed"),
        ({"standard_error": -1.0}, "must not be negative"),
        ({"standard_error": np.ones(3)}, "standard_error must have the shape"),
        ({"level": 95}, "between 0 and 1"),
    ],
)
def test_what_does_not_fit_is_named(values, word):
    with pytest.raises(ValueError, match=word):
        Estimate(0.5, **values)


def test_exact_means_no_error_and_no_interval():
    assert Estimate(1.0).is_exact
    assert not Estimate(1.0, 0.1).is_exact
    assert Estimate(1.0, lower=0.0, upper=2.0).interval == (0.0, 2.0)
    assert Estimate(1.0).interval is None


def test_a_concurrence_is_a_series_of_estimates():
    times = np.array([0.0, 1.0])
    value, lower, upper = np.array([0.1, 0.3]), np.array([0.0, 0.2]), np.array([0.2, 0.4])
    found = Concurrence(times, value, value, lower, upper, level=0.95)
    assert repr(found.estimate[1]) == "0.30 [0.20, 0.40] at 95 %"
    assert Concurrence(times, value, value).estimate[0].is_exact


def test_a_loop_has_three_estimates_and_keeps_its_flat_names():
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4)
    times = memristor.periods(1)
    exact = qm.find_loops(qm.exact_circuit(memristor, times))[0]
    assert exact.form_factor_estimate.is_exact
    assert exact.area == exact.area_raw == exact.area_estimate.value
    assert exact.area_error is exact.area_interval is None
    record = qm.run(memristor, times, target=qm.aer(seed=1), shots=2000)
    loop = qm.find_loops(qm.estimate(record))[0]
    for name in ("area", "perimeter", "form_factor"):
        estimate = getattr(loop, f"{name}_estimate")
        assert getattr(loop, name) == estimate.value
        assert getattr(loop, f"{name}_error") == estimate.standard_error > 0
        assert getattr(loop, f"{name}_interval") == estimate.interval
        assert getattr(loop, f"{name}_raw") == estimate.raw != estimate.value
        assert estimate.level == 0.95
    assert repr(loop.area_estimate) in repr(loop)


def test_an_interval_of_unequal_sides_is_lopsided():
    series = Estimate(
        np.array([1.0, 1.0, 3.0]), lower=np.array([0.0, 0.9, 0.0]), upper=np.full(3, 2.0)
    )
    assert list(series.is_lopsided) == [False, True, True]  # the last value lies outside
    assert Estimate(1.0, 0.1).is_lopsided is False
    assert Estimate(1.0, lower=1.0, upper=1.0).is_lopsided is False
