"""The first calls of a process are interpreted: the same numbers, and nothing compiled."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmemcircuit import neurons
from qmemcircuit.neurons.dynamics.integration import interpreted
from qmemcircuit.neurons.dynamics.integration.callbacks import Callback
from qmemcircuit.neurons.dynamics.sections import poincare_section
from qmemcircuit.neurons.dynamics.systems import (
    DynamicalSystem,
    IntegrationError,
    compile_field,
    integrate,
)
from qmemcircuit.neurons.shuttle.digital import simulate_digital

TIMES = np.linspace(0, 10, 41)
SHUTTLE = neurons.ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
PULSED = neurons.ShuttleNeuron(
    resistance=5,
    bias=1.0,
    decoherence_rate=0.1,
    drive=neurons.PiecewiseInput([3.0, 4.0], [0.0, 1.5, 0.0]),
)
# Both do the same sums in another order; none of these orbits is chaotic.
ROUNDING = 1e-12

CALLS = {
    "shuttle": lambda: neurons.simulate(SHUTTLE, TIMES).voltage,
    "pulse": lambda: neurons.simulate(PULSED, TIMES).voltage,
    "digital": lambda: neurons.simulate(SHUTTLE, TIMES, method=neurons.Digital()).voltage,
    "integrate and fire": lambda: (
        neurons.simulate(neurons.IntegrateAndFire(), TIMES, input=1.0).voltage
    ),
    "moments": lambda: (
        neurons.simulate(neurons.IntegrateAndFire(inductance=1.0), TIMES, input=1.0).voltage
    ),
    "membrane": lambda: neurons.simulate(neurons.Membrane(), TIMES, input=10.0).voltage,
    "tangents": lambda: integrate(SHUTTLE.system(), TIMES, [0.5, 0.9, 0, 0], tangents=np.eye(4))[1],
    "section": lambda: (
        poincare_section(
            SHUTTLE.system(), [0.8, 0.9, 0, 0], normal=(1, 0, 0, 0), level=0.8, duration=20
        ).states
    ),
    "rate": lambda: SHUTTLE.system().rate([0.5, 0.9, 0.1, 0.1]),
    "jacobian": lambda: SHUTTLE.system().jacobian([0.5, 0.9, 0.1, 0.1]),
}


def _interpret(monkeypatch: pytest.MonkeyPatch, seconds: float) -> interpreted.Allowance:
    """Make this process one that finds nothing compiled and may interpret for so long."""
    allowance = interpreted.Allowance(seconds)
    monkeypatch.setattr(interpreted, "is_compiled", lambda kernel: False)
    monkeypatch.setattr(interpreted, "ALLOWANCE", allowance)
    return allowance


@pytest.mark.parametrize("name", CALLS)
def test_interpreted_and_compiled_give_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = CALLS[name]()
    allowance = _interpret(monkeypatch, 60.0)
    monkeypatch.delattr(Callback, "address")
    found = CALLS[name]()
    assert allowance.seconds < 60.0
    np.testing.assert_allclose(found, compiled, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("feedback", ["history", "reprepare"])
def test_the_same_counts_are_drawn(feedback: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure() -> Any:
        found = simulate_digital(SHUTTLE, TIMES, feedback=feedback, shots=200, seed=3)
        return found.variables["measured_means"]

    compiled = measure()
    allowance = _interpret(monkeypatch, 60.0)
    np.testing.assert_array_equal(measure(), compiled)
    assert allowance.seconds < 60.0


def test_what_takes_too_long_is_compiled_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The steps that were taken in Python before leave no trace in state, input or spikes."""
    drive = neurons.PiecewiseInput([20.0, 400.0], [2.0, 10.0, 0.0])
    times = np.linspace(0, 1000, 11)
    compiled = neurons.simulate(neurons.Membrane(), times, input=drive)
    allowance = _interpret(monkeypatch, 0.02)
    found = neurons.simulate(neurons.Membrane(), times, input=drive)
    assert allowance.seconds < 0.02
    assert len(found.events["spikes"]) > 20
    np.testing.assert_array_equal(found.voltage, compiled.voltage)
    np.testing.assert_array_equal(found.events["spikes"], compiled.events["spikes"])


def test_where_python_refuses_the_compiled_code_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """√(1 − y) of y = t²/4 … : beyond y = 1 compiled code has NaN, and Python an error."""

    def rate(t: float, state: Any, change: Any, parameters: Any) -> None:
        change[0] = math.sqrt(parameters[0] - state[0]) + 1.0

    def jacobian(t: float, state: Any, matrix: Any, parameters: Any) -> None:
        matrix[0, 0] = -0.5 / math.sqrt(parameters[0] - state[0])

    system = DynamicalSystem(compile_field(rate, jacobian, dimension=1), np.array([1.0]))
    _interpret(monkeypatch, 60.0)
    with pytest.raises(IntegrationError, match="not finite"):
        integrate(system, [0.0, 5.0], [0.0])
    assert np.isnan(system.rate([2.0])[0])


def test_a_constant_means_what_it_meant_when_the_field_was_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A notebook's cell may change it between the interpreted and the compiled calls."""
    names: dict[str, Any] = {"speed": 2.0}
    exec(  # as a notebook runs a cell
        "def rate(t, y, change, p):\n    change[0] = -speed * y[0]\n"
        "def jacobian(t, y, matrix, p):\n    matrix[0, 0] = -speed\n",
        names,
    )
    system = DynamicalSystem(
        compile_field(names["rate"], names["jacobian"], dimension=1), np.array([0.0])
    )
    names["speed"] = 3.0
    compiled = integrate(system, [0.0, 1.0], [1.0])[-1, 0]
    _interpret(monkeypatch, 60.0)
    for end in (compiled, integrate(system, [0.0, 1.0], [1.0])[-1, 0]):
        assert end == pytest.approx(math.exp(-2.0), rel=1e-9)


def test_a_first_call_compiles_nothing(tmp_path: Path) -> None:
    """In a process with an empty folder, of which what is compiled is known by its files."""
    program = """
import numpy as np
from qmemcircuit import neurons
from qmemcircuit.neurons.dynamics.integration import interpreted
interpreted.ALLOWANCE.seconds = 60.0  # a busy machine's seconds must not decide a test
times = np.linspace(0, 10, 41)
shuttle = neurons.ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
for found in (
    neurons.simulate(shuttle, times),
    neurons.simulate(shuttle, times, method=neurons.Digital(shots=200, seed=3)),
    neurons.simulate(neurons.IntegrateAndFire(), times, input=1.0),
    neurons.simulate(neurons.Membrane(), times, input=10.0),
):
    print(repr(float(found.voltage[-1, 0])))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not list(tmp_path.rglob("*.nb?"))
    shots = neurons.Digital(shots=200, seed=3)
    expected = [
        CALLS["shuttle"]()[-1, 0],
        neurons.simulate(SHUTTLE, TIMES, method=shots).voltage[-1, 0],
        CALLS["integrate and fire"]()[-1, 0],
        CALLS["membrane"]()[-1, 0],
    ]
    np.testing.assert_allclose([float(line) for line in done.stdout.split()], expected, 1e-9)
