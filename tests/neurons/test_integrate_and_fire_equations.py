"""The one right-hand side: its Jacobian, and as a `DynamicalSystem` like every neuron."""

from __future__ import annotations

import numpy as np
import pytest

from qmemcircuit.neurons.dynamics.systems import integrate
from qmemcircuit.neurons.inputs import PiecewiseInput, SinusoidalDrive
from qmemcircuit.neurons.integrate_and_fire import IntegrateAndFire, simulate_moments
from qmemcircuit.neurons.integrate_and_fire.engine import Circuits, as_inputs
from qmemcircuit.neurons.integrate_and_fire.methods import CaldeiraLeggett, Classical, Gksl

NEURON = IntegrateAndFire(inductance=4.0, temperature=0.2, threshold=np.inf, hbar=0.5)


def circuits(method, current=0.4):
    rest = np.array([NEURON.rest_covariance()])
    return Circuits((NEURON,), method, as_inputs(current, 1), np.zeros((1, 1)), 1.3, rest)


@pytest.mark.parametrize("method", [Classical(), CaldeiraLeggett(), Gksl(2.0)])
def test_jacobian_is_the_derivative(method):
    system = circuits(method, SinusoidalDrive(0.3, 2.0)).system()
    generator = np.random.default_rng(3)
    for _ in range(5):
        state = generator.uniform(0.2, 1.5, system.dimension)
        step = 1e-6
        columns = [
            (system.rate(state + step * e, 0.7) - system.rate(state - step * e, 0.7)) / (2 * step)
            for e in np.eye(system.dimension)
        ]
        # Central differences: third derivatives below 10 times h²/6, rounding 1e-16/h.
        assert system.jacobian(state, 0.7) == pytest.approx(np.array(columns).T, abs=1e-8)


@pytest.mark.slow  # numba compiles the stepper
@pytest.mark.parametrize("method", [CaldeiraLeggett(), Gksl(2.0)])
def test_the_dynamics_tools_and_the_verbs_solve_one_system(method):
    times = np.linspace(0, 12, 25)
    problem = circuits(method)
    states = integrate(problem.system(), times, problem.start()[0])
    run = simulate_moments(
        NEURON,
        times,
        0.4,
        dissipator=method.name,
        leak_scale=getattr(method, "leak_scale", 1.0),
    )
    # Both at 1e-9 or better a step; the stepper against SciPy.
    assert run.voltage[:, 0] == pytest.approx(states[:, 1], abs=1e-7)
    assert run.variables["charge_variance"][:, 0] == pytest.approx(states[:, 6], abs=1e-7)


def test_a_system_holds_the_formula_of_its_time():
    jumping = circuits(Classical(), PiecewiseInput((1.0,), (0.0, 1.0))).system()
    assert [jumping.rate(np.zeros(4), t)[1] for t in (0.5, 1.0, 1.5)] == [0.0, 1.0, 1.0]
    function = circuits(Classical(), lambda t: 0.1 * t).system()
    assert function.rate(np.zeros(4), 3.0)[1] == pytest.approx(0.3)
