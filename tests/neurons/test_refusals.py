"""What a user may do wrong with neurons: one clear sentence each, within seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.neurons import (
    Digital,
    LinearRamp,
    PiecewiseInput,
    SampledInput,
    ShuttleNeuron,
    SinusoidalDrive,
    SpikeTrain,
    simulate,
)
from qmemcircuit.neurons.dynamics.cycles import ConvergenceError, find_limit_cycle
from qmemcircuit.neurons.hodgkin_huxley import spike_preset

SHUTTLE = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
TIMES = np.linspace(0, 2, 41)


def digital(drive: Any, **changes: Any) -> Any:
    return simulate(replace(SHUTTLE, **changes), TIMES, input=drive, method=Digital())


# What is done wrong, the kind of the error, and a part of its sentence.
WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a string as a number": (
        lambda: replace(SHUTTLE, bias="2"), TypeError, "bias must be a real number, but '2'",
    ),
    "digits in a drive": (
        lambda: SinusoidalDrive("1", 2.0), TypeError, "amplitude must be a real number",
    ),
    "digits in jumps": (
        lambda: PiecewiseInput(("1.0",), (0.0, 1.0)), TypeError, "times must hold real numbers",
    ),
    "digits in a record": (
        lambda: SampledInput((0, 1), ("1", "2")), TypeError, "values must hold real numbers",
    ),
    "digits as spikes": (
        lambda: SpikeTrain("123", 1.0, 1.0), TypeError, "times must hold real numbers",
    ),
    "digits as a state": (
        lambda: simulate(SHUTTLE, TIMES, state=["0.3", "1", "0", "0"]),
        TypeError, "state must hold four numbers",
    ),
    "a string as an input": (
        lambda: simulate(SHUTTLE, TIMES, input="0.4"), TypeError, "input must be a real number",
    ),
    "strings from a function": (
        lambda: digital(lambda t: "1"), ValueError, "finite number for every time, but at t = 0",
    ),
    "an infinite drive": (
        lambda: SinusoidalDrive(math.inf, 1.0), ValueError, "amplitude must be finite",
    ),
    "an infinite ramp": (lambda: LinearRamp(math.inf), ValueError, "rate must be finite"),
    "a function that becomes infinite": (
        lambda: digital(lambda t: math.inf if t > 1 else 0.0),
        ValueError, "finite number for every time, but at t = 1.0",
    ),
    "nothing between the times": (
        lambda: digital(lambda t: math.nan if 0.51 < t < 0.53 else 0.0),
        ValueError, "at t = 0.525 it returned nan",
    ),
    "a record shorter than the times": (
        lambda: digital(SampledInput((0.0, 1.0), (0.0, 1.0))),
        ValueError, "0 to 1, but 1.05 was asked for",
    ),
    "a sine faster than the steps": (
        lambda: digital(SinusoidalDrive(1.0, 100.0)), ValueError, "steps below half a period",
    ),
    "a sine that takes for ever": (
        lambda: simulate(SHUTTLE, TIMES, input=SinusoidalDrive(1.0, 1e12)),
        RuntimeError, "maximum_steps were used up",
    ),
    "steps too coarse": (
        lambda: simulate(
            replace(SHUTTLE, resistance=5e3), np.linspace(0, 200, 101), method=Digital()
        ),
        ValueError, "spaced finely enough",
    ),
    "an overdriven membrane": (
        lambda: simulate(spike_preset(), TIMES, input=PiecewiseInput((0.5,), (0.0, 1e6))),
        ValueError, "within ±5000 mV",
    ),
    "a state that is none": (
        lambda: simulate(spike_preset(), TIMES, input=1.0, state=[0.1, 0.2]),
        ValueError, "state must hold 5 finite numbers",
    ),
    "gates that are no probabilities": (
        lambda: simulate(spike_preset(), TIMES, input=1.0, state=[2.0, 0.1, 0.1]),
        ValueError, "probabilities from 0 to 1, but n = 2",
    ),
    "a cycle where there is none": (
        lambda: find_limit_cycle(replace(SHUTTLE, bias=0.1).system(), [0.3, 1, 0, 0]),
        ConvergenceError, "does not oscillate",
    ),
    "a cycle without polarisation": (
        lambda: find_limit_cycle(
            replace(SHUTTLE, thermal_polarisation=0.0).system(), [0.3, 0, 0, 0]
        ),
        ConvergenceError, "ended at an equilibrium",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_one_clear_sentence(name: str) -> None:
    """Within seconds: pytest's own time-out is the judge of the rest."""
    wrong, kind, sentence = WRONG[name]
    with pytest.raises(kind, match=sentence) as found:
        wrong()
    assert len(str(found.value)) < 400


@pytest.mark.parametrize("method", [None, Digital(), Digital(shots=100, seed=1)])
def test_the_bloch_components_of_a_neuron_can_be_drawn(method: Digital | None) -> None:
    run = simulate(SHUTTLE, TIMES, method=method)
    for name in "XYZ":
        drawn = qm.plot_series(run, name).get_lines()[0].get_ydata()
        assert np.asarray(drawn) == pytest.approx(run.variables[name])
    line = qm.plot_bloch(run).get_lines()[0].get_data_3d()
    assert np.array(line) == pytest.approx(np.array([run.variables[name] for name in "XYZ"]))


def test_a_voltage_beyond_the_conductances_table_is_a_voltage_without_current() -> None:
    """At V = 60 the shuttle is far out: F = 0 there, for the exact and the digital neuron."""
    for method in (None, Digital(), Digital(shots=10, seed=1)):
        run = simulate(SHUTTLE, TIMES, input=58.0, method=method, state=[60.0, 1.0, 0.0, 0.0])
        assert run.voltage[:, 0] == pytest.approx(np.full(TIMES.size, 60.0))
        assert run.current == pytest.approx(np.zeros((TIMES.size, 1)))
