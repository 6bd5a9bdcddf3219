"""Inputs of neurons: their values, and that no solver loses one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmemcircuit.neurons.inputs import (
    ConstantInput,
    FunctionInput,
    Input,
    LinearRamp,
    PiecewiseInput,
    SampledInput,
    SinusoidalDrive,
    SpikeTrain,
)
from qmemcircuit.neurons.integrate_and_fire import (
    IntegrateAndFire,
    simulate_classical,
    simulate_fock,
    simulate_moments,
    simulate_network,
)

PULSE = PiecewiseInput((7.3, 7.35), (0.0, 50.0, 0.0))
INPUTS = [
    ConstantInput(0.3),
    SinusoidalDrive(0.4, 3.0, 0.2, offset=0.1),
    LinearRamp(0.05, offset=0.2),
    PULSE,
    SampledInput((0.0, 2.0, 5.0, 10.0), (0.0, 0.6, 0.1, 0.4)),
    SpikeTrain((4.0, 1.0, 1.2), charge=0.3, duration=0.5),
]


@pytest.mark.parametrize("item", INPUTS)
@given(time=st.floats(0, 9.99))
def test_the_wave_is_the_value_until_the_next_breakpoint(item, time):
    assert isinstance(item, Input)
    later = item.breakpoints()
    stop = float(later[later > time].min(initial=10.0))
    inside = np.linspace(time, stop, 5)[:-1]
    # Rounding of numbers up to 50 · 10.
    assert item.wave(time).value(inside) == pytest.approx(item.value(inside), abs=1e-12)


def test_values():
    times = np.array([0.0, 1.0, 1.3, 1.6, 4.2])
    assert INPUTS[5].value(times) == pytest.approx([0, 0.6, 1.2, 0.6, 0.6], abs=1e-12)
    assert INPUTS[4].value([1.0, 3.5]) == pytest.approx([0.3, 0.35])
    assert INPUTS[1].value(2.0) == pytest.approx(0.1 + 0.4 * math.sin(6.2))
    assert INPUTS[2].value(2.0) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "length",
    [20, 50, 100, *(pytest.param(long, marks=pytest.mark.slow) for long in (200, 500))],
)
def test_a_pulse_is_not_lost_in_a_long_record(length):
    """The charge 50·0.05 = 2.5 lifts V over 0.8 in 0.0163 at any length of the record.

    While the neuron charges from rest its memory is near 0, M = 10 and V = IM(1 − e^{−t/10}).
    """
    times = np.linspace(0, length, 20 * length + 1)
    plain = simulate_classical(
        IntegrateAndFire(), times, lambda t: 50.0 if 7.3 < t < 7.35 else 0.0
    ).events["spikes"]
    exact = simulate_classical(IntegrateAndFire(), times, PULSE).events["spikes"]
    assert plain.size == exact.size == 1
    expected = 7.3 - 10 * math.log(1 - 0.8 / 500)
    # The memory that has leaked through by then, q < 2e-3, changes M by less than 1 %, and that
    # changes the current of 0.08 beside 50: 1e-5 of the charging time of 0.016.
    assert exact[0] == pytest.approx(expected, abs=1e-6)
    assert plain[0] == pytest.approx(exact[0], abs=1e-6)


RESISTOR = IntegrateAndFire(
    on_resistance=2.0, off_resistance=2.0, threshold=math.inf, temperature=0.1
)


def charged(times, steps, values):
    """V of an RC circuit with R = 2, C = 1 under steps: V' = I − V/2, exactly, step by step."""
    edges = np.array([0.0, *steps])
    voltage = np.zeros(times.size)
    start, begin = 0.0, 0.0
    for k, current in enumerate(values):
        end = edges[k + 1] if k + 1 < edges.size else np.inf
        inside = (times >= begin) & (times <= end)
        voltage[inside] = 2 * current + (start - 2 * current) * np.exp(-(times[inside] - begin) / 2)
        if np.isfinite(end):
            start = 2 * current + (start - 2 * current) * np.exp(-(end - begin) / 2)
            begin = end
    return voltage


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(1e-3, 30), min_size=1, max_size=5, unique=True),
    st.lists(st.floats(-3, 3), min_size=6, max_size=6),
)
def test_piecewise_input_is_the_closed_form(steps, values):
    steps = sorted(steps)
    values = values[: len(steps) + 1]
    times = np.linspace(0, 40, 41)
    item = PiecewiseInput(tuple(steps), tuple(values))
    expected = charged(times, steps, values)
    runs = [
        simulate_classical(RESISTOR, times, item),
        simulate_classical(RESISTOR, times, item, solver="compiled"),
        simulate_moments(RESISTOR, times, item),
        simulate_moments(RESISTOR, times, item, solver="compiled"),
    ]
    for run in runs:
        # Tolerance 1e-9 a step of numbers up to 6, a few dozen steps.
        assert run.voltage[:, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("length", [20, 500])
def test_a_tiny_pulse_meets_every_solver(length):
    """A pulse of 10⁻⁶ leaves Q = 0.3 behind: V = 0.3 e^{−(t − 7.3)/2}."""
    item = SpikeTrain((7.3,), charge=0.3, duration=1e-6)
    times = np.linspace(0, length, 21)
    expected = np.where(times > 7.3, 0.3 * np.exp(-(times - 7.3) / 2), 0.0)
    pair = simulate_network([RESISTOR] * 2, times, [item, 0.0], dissipator="classical")
    assert pair.voltage[:, 0] == pytest.approx(expected, abs=1e-6)
    assert np.all(pair.voltage[:, 1] == 0)
    for solver in ("scipy", "compiled"):
        run = simulate_moments(RESISTOR, times, item, solver=solver)
        assert run.voltage[:, 0] == pytest.approx(expected, abs=1e-6)


def test_fock_space_meets_the_pulse():
    neuron = IntegrateAndFire(
        inductance=4.0, temperature=0.1, threshold=math.inf, on_resistance=5.0, off_resistance=5.0
    )
    times = np.linspace(0, 16, 9)
    item = SpikeTrain((7.3, 13.0), charge=0.3, duration=1e-5)
    fock = simulate_fock(neuron, times, item, levels=20, truncation_tolerance=1e-5)
    moments = simulate_moments(neuron, times, item, dissipator="gksl")
    assert np.abs(moments.voltage[2:, 0]).max() > 0.01
    assert fock.voltage == pytest.approx(moments.voltage, abs=1e-6)


@pytest.mark.parametrize("item", [INPUTS[1], INPUTS[2], INPUTS[4]])
def test_objects_and_functions_are_the_same_input(item):
    neuron = IntegrateAndFire(temperature=0.1)
    times = np.linspace(0, 10, 201)
    wanted = simulate_moments(neuron, times, lambda t: float(item.value(t)))
    for solver in ("scipy", "compiled"):
        run = simulate_moments(neuron, times, item, solver=solver)
        assert run.events["spikes"] == pytest.approx(wanted.events["spikes"], abs=1e-6)
        assert run.variables["input_current"] == pytest.approx(wanted.variables["input_current"])
        assert run.provenance["inputs"][0]["kind"] == type(item).__name__


def test_a_sine_faster_than_the_record_is_seen():
    """V = Im A e^{iωt}/(½ + iω) once the start is forgotten; ω = 40, sampled twice in 60."""
    times = np.array([0.0, 50.0, 60.0])
    drive = SinusoidalDrive(10.0, 40.0)
    expected = (10 * np.exp(40j * times[1:]) / (0.5 + 40j)).imag
    for solver in ("scipy", "compiled"):
        run = simulate_moments(RESISTOR, times, drive, solver=solver)
        assert run.voltage[1:, 0] == pytest.approx(expected, abs=1e-5)


def test_bad_inputs_are_refused():
    with pytest.raises(ValueError, match="one value more than times, 2, but 1"):
        PiecewiseInput((1.0,), (0.0,))
    with pytest.raises(ValueError, match="times must increase, but 1 follows 2"):
        SampledInput((0.0, 2.0, 1.0), (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="one value for each of two or more"):
        SampledInput((0.0, 1.0), (0.0,))
    with pytest.raises(ValueError, match="values must be a row of finite"):
        PiecewiseInput((1.0,), (0.0, float("nan")))
    with pytest.raises(ValueError, match="duration must be greater than 0"):
        SpikeTrain((1.0,), 1.0, 0.0)
    with pytest.raises(ValueError, match=r"finite number for every time, but at t = 0\.5"):
        FunctionInput(lambda t: math.nan if t >= 0.5 else 0.0).value([0.0, 0.5])
    neuron = IntegrateAndFire()
    with pytest.raises(ValueError, match=r"within the samples of the input, 0 to 10, but 10\.5"):
        simulate_classical(neuron, np.linspace(0, 20, 41), INPUTS[4])
    with pytest.raises(ValueError, match="finite number for every time, but at t = "):
        simulate_classical(neuron, [0, 1.0, 2.0], lambda t: math.nan if t > 1 else 0.1)
    with pytest.raises(ValueError, match="one input for each of 2 neurons, but 1"):
        simulate_network([neuron] * 2, [0, 1.0], [0.1], dissipator="classical")
    with pytest.raises(TypeError, match="neurons must be a list of IntegrateAndFire"):
        simulate_network(neuron, [0, 1.0], 0.1)
