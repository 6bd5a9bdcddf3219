"""The integrate-and-fire neuron in the contract of all neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.neurons.contract import refuse_state
from qmemcircuit.neurons.inputs import ConstantInput, FunctionInput, Input
from qmemcircuit.neurons.integrate_and_fire.fock import simulate_fock
from qmemcircuit.neurons.integrate_and_fire.neuron import IntegrateAndFire
from qmemcircuit.neurons.integrate_and_fire.simulation import (
    one_circuit,
    simulate_classical,
    simulate_moments,
)
from qmemcircuit.neurons.methods import Classical, Fock, Moments
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem


def respond(
    neuron: IntegrateAndFire,
    times: FloatArray,
    *,
    input: Input | FunctionInput | None,
    method: Moments | Classical | Fock,
    state: ArrayLike | None,
    tolerance: float,
) -> Trajectory:
    """Do what `neurons.simulate` promises; the neuron begins at rest at t = 0."""
    refuse_state(neuron, state)
    current = ConstantInput(0.0) if input is None else input
    solver = "scipy" if isinstance(current, FunctionInput) else "compiled"
    given = current.at if isinstance(current, FunctionInput) else current
    if isinstance(method, Classical):
        return simulate_classical(neuron, times, given, tolerance=tolerance, solver=solver)
    if isinstance(method, Fock):
        return simulate_fock(
            neuron,
            times,
            given,
            levels=method.levels,
            leak_scale=method.leak_scale,
            truncation_tolerance=method.truncation_tolerance,
            tolerance=tolerance,
        )
    return simulate_moments(
        neuron,
        times,
        given,
        dissipator=method.dissipator,
        leak_scale=method.leak_scale,
        threshold=method.threshold,
        seed=method.seed,
        covariance=method.covariance,
        tolerance=tolerance,
        solver=solver,
    )


def equations(
    neuron: IntegrateAndFire,
    *,
    input: Input | FunctionInput | None,
    method: Moments | Classical | Fock,
) -> DynamicalSystem:
    """Do what `neurons.dynamical_system` promises: the circuit between its spikes."""
    current = ConstantInput(0.0) if input is None else input
    if isinstance(method, Fock):
        raise ValueError(
            "Argument method must be Classical() or Moments(…) for equations of motion, but "
            "Fock(…) was given: a density matrix has too many variables."
        )
    name, scale, covariance = "classical", 1.0, None
    if isinstance(method, Moments):
        name, scale, covariance = method.dissipator, method.leak_scale, method.covariance
    given = current.at if isinstance(current, FunctionInput) else current
    return one_circuit(neuron, given, name, scale, covariance).system()
