"""Cusp, folds and Hopf points: the closed conditions against eigenvalues and other routes."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qmemcircuit.neurons.dynamics.equilibria import find_equilibrium, find_hopf
from qmemcircuit.neurons.shuttle import bifurcations as shuttle_bifurcations
from qmemcircuit.neurons.shuttle.bifurcations import (
    find_cusps,
    find_folds,
    find_hopf_onset,
    find_hopf_parameter,
    find_hopf_points,
    find_steady_states,
    hopf_curve,
    static_bias,
    static_current,
    steady_jacobian,
)
from qmemcircuit.neurons.shuttle.neuron import LinearRamp, ShuttleNeuron, SinusoidalDrive

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)


def test_published_cusp_and_folds() -> None:
    cusp = find_cusps(NEURON)[0]
    assert [round(x, 4) for x in (cusp.voltage, cusp.resistance, cusp.bias)] == [
        1.8866,
        1.7779,
        2.4454,
    ]
    folds = find_folds(replace(NEURON, resistance=8))
    assert [(round(p.voltage, 4), round(p.bias, 4)) for p in folds] == [
        (1.4336, 5.4501),
        (2.6689, 2.9232),
    ]


def test_cusp_in_high_precision() -> None:
    """h″(V) = 0 solved once more with mpmath's quadrature in 25 digits: ten digits and more."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(25):
        length, tunnelling = mpmath.mpf("0.5"), mpmath.mpf("0.13")
        shift = length * mpmath.sqrt(2)

        def base(x, k):
            def integrand(u):
                return (
                    mpmath.hermite(k, u)
                    * mpmath.exp(-u * u)
                    * mpmath.sech((length * u + x) / tunnelling)
                )

            peak = -x / length
            marks = [peak - 2, peak - 0.8, peak - 0.3, peak, peak + 0.3, peak + 0.8, peak + 2]
            edges = sorted([mpmath.mpf(-8), mpmath.mpf(8), *marks])
            return mpmath.quad(integrand, edges) / (mpmath.sqrt(mpmath.pi) * length**k)

        def condition(v):
            x = mpmath.mpf("0.8") - shift * v
            return -2 * shift * base(x, 1) + v * shift**2 * base(x, 2)

        exact = mpmath.findroot(condition, (1.88, 1.89), solver="secant")
    assert abs(find_cusps(NEURON)[0].voltage - float(exact)) < 1e-12


def test_folds_are_double_roots_and_zero_eigenvalues() -> None:
    for point in find_folds(NEURON):
        at_fold = replace(NEURON, bias=point.bias)
        values = np.linalg.eigvals(steady_jacobian(at_fold, point.voltage))
        assert np.abs(values).min() < 1e-12
        shifted = replace(NEURON, bias=point.bias + 1e-4), replace(NEURON, bias=point.bias - 1e-4)
        counts = {len(find_steady_states(neuron)) for neuron in shifted}
        assert counts == {1, 3}


def test_folds_just_above_the_cusp_are_found() -> None:
    cusp = find_cusps(NEURON)[0]
    low, high = find_folds(replace(NEURON, resistance=cusp.resistance * (1 + 1e-8)))
    assert low.voltage < cusp.voltage < high.voltage
    assert high.voltage - low.voltage < 1e-3


@settings(max_examples=15, deadline=None)
@given(
    gamma=st.floats(0.02, 0.3),
    z=st.floats(0.5, 1.0),
    resistance=st.floats(4, 20),
    alpha=st.floats(0.0, 2.0),
)
def test_hopf_points_have_imaginary_pairs(
    gamma: float, z: float, resistance: float, alpha: float
) -> None:
    neuron = ShuttleNeuron(
        resistance=resistance,
        bias=0.0,
        decoherence_rate=gamma,
        thermal_polarisation=z,
        relaxation_ratio=alpha,
    )
    # Below the onset there are none, which is an error with a test of its own.
    assume(_has_hopf_points(neuron))
    for point in find_hopf_points(neuron):
        at_point = replace(neuron, bias=point.bias)
        values = np.linalg.eigvals(steady_jacobian(at_point, point.voltage))
        pair = values[np.argmax(values.imag)]
        assert abs(pair.real) < 1e-11
        assert abs(pair.imag - point.frequency) < 1e-11


def _has_hopf_points(neuron: ShuttleNeuron) -> bool:
    """By another way than the closed conditions: does a pair's real part change sign along V?"""
    for voltage in np.linspace(0.01, 6.0, 400):
        values = np.linalg.eigvals(steady_jacobian(neuron, float(voltage)))
        if values[np.argmax(values.imag)].real > 1e-9:
            return True
    return False


def test_hopf_points_by_generic_eigenvalue_search() -> None:
    """brentq on the leading pair's real part, equilibria by Newton: no closed condition."""
    points = find_hopf_points(NEURON)
    assert [round(p.bias, 2) for p in points] == [0.23, 3.31]
    for point, bracket in zip(points, ((0.2, 0.3), (3.2, 3.35)), strict=True):
        bias, equilibrium = find_hopf(
            lambda v: replace(NEURON, bias=v).system(), bracket, [point.voltage, 1.0, 0.0, 0.0]
        )
        assert bias == pytest.approx(point.bias, rel=1e-10)
        assert equilibrium.state[0] == pytest.approx(point.voltage, rel=1e-10)
        assert equilibrium.leading_pair.imag == pytest.approx(point.frequency, rel=1e-10)


def test_hopf_curve_passes_through_the_points() -> None:
    for point in find_hopf_points(NEURON):
        curve = hopf_curve(NEURON, point.voltage)
        near = np.nanargmin(np.abs(curve.resistances - 5))
        assert curve.resistances[near] == pytest.approx(5, rel=1e-12)
        assert curve.biases[near] == pytest.approx(point.bias, rel=1e-12)


def test_alpha_does_not_enter_and_hot_neurons_do_not_oscillate() -> None:
    first, second = (
        find_hopf_onset(replace(NEURON, relaxation_ratio=alpha)) for alpha in (0.1, 2.0)
    )
    assert first == second
    with pytest.raises(ValueError, match="no R_n gives"):
        find_hopf_onset(replace(NEURON, thermal_polarisation=0.0))


def test_thermal_threshold() -> None:
    threshold, point = find_hopf_parameter(NEURON, "thermal_polarisation", (0.05, 1.0))
    assert round(threshold, 3) == 0.167
    hotter = replace(NEURON, thermal_polarisation=threshold - 1e-6)
    colder = replace(NEURON, thermal_polarisation=threshold + 1e-6)
    assert find_steady_states(hotter)[0].stable
    assert not find_steady_states(colder)[0].stable
    assert point.frequency == pytest.approx(7.034216664191, rel=1e-10)


def test_steady_states_are_equilibria_of_the_compiled_field() -> None:
    neuron = replace(NEURON, bias=3.31)
    steady = find_steady_states(neuron)
    assert len(steady) == 3
    assert [s.stable for s in steady] == [True, False, True]
    for state in steady:
        point = find_equilibrium(neuron.system(), [state.voltage, 1, 0, 0])
        # Both evaluate f exactly to rounding; the slope of f at the roots is above 1.
        assert point.state[0] == pytest.approx(state.voltage, abs=1e-11)
        ours, theirs = np.sort_complex(point.eigenvalues), np.sort_complex(state.eigenvalues)
        assert np.abs(ours - theirs).max() < 1e-8  # the table's derivative, not the exact F


def test_static_current_derivatives() -> None:
    v, h = 1.2, 1e-4
    for order in (1, 2):
        slope = (
            static_current(NEURON, v + h, derivative=order - 1)
            - static_current(NEURON, v - h, derivative=order - 1)
        ) / (2 * h)
        # h²/6 times a derivative of order 10³.
        assert static_current(NEURON, v, derivative=order) == pytest.approx(slope, abs=1e-5)
    assert static_bias(NEURON, 0.0) == 0


def test_roots_that_do_not_exist_say_where_they_begin() -> None:
    with pytest.raises(ValueError, match=r"they begin at the cusp R_n = 1.77792, V_n = 2.44543"):
        find_folds(replace(NEURON, resistance=1.5))
    with pytest.raises(ValueError, match=r"they begin at R_n = 0.722291, V_n = 0.91417"):
        find_hopf_points(replace(NEURON, resistance=0.7))
    with pytest.raises(ValueError, match="must enclose a Hopf point"):
        find_hopf_parameter(NEURON, "bias", (1.0, 2.0))
    with pytest.raises(ValueError, match="numeric field"):
        find_hopf_parameter(NEURON, "colour", (1.0, 2.0))


@pytest.mark.parametrize("drive", [LinearRamp(0.1), SinusoidalDrive(0.1, 6.0)])
def test_a_drive_is_refused_and_not_forgotten(drive: LinearRamp | SinusoidalDrive) -> None:
    """Every public function of the module that takes a neuron, found by its signature."""
    more = {
        "static_current": (1.0,),
        "static_bias": (1.0,),
        "hopf_curve": (1.0,),
        "steady_jacobian": (1.0,),
        "find_hopf_parameter": ("thermal_polarisation", (0.05, 1.0)),
    }
    found = [
        function
        for name, function in inspect.getmembers(shuttle_bifurcations, inspect.isfunction)
        if function.__module__ == shuttle_bifurcations.__name__
        and not name.startswith("_")
        and "neuron" in inspect.signature(function).parameters
    ]
    assert len(found) == 10
    for function in found:
        rest = more.get(function.__name__, ())
        function(NEURON, *rest)
        with pytest.raises(ValueError, match=r"neuron must have no drive .*drive=None\) drops"):
            function(replace(NEURON, drive=drive), *rest)
