"""The shuttle neuron in the contract of all neurons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.neurons.inputs import FunctionInput, Input
from qmemcircuit.neurons.methods import Digital, Exact
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, simulate
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem


def respond(
    neuron: ShuttleNeuron,
    times: FloatArray,
    *,
    input: Input | FunctionInput | None,
    method: Exact | Digital,
    state: ArrayLike | None,
    tolerance: float,
) -> Trajectory:
    """Do what `neurons.simulate` promises; the input takes the place of the neuron's drive."""
    driven = neuron if input is None else replace(neuron, drive=input)
    if isinstance(method, Exact):
        return simulate(driven, times, state=state, rtol=tolerance, atol=tolerance / 1000)
    from qmemcircuit.neurons.shuttle.device import run_digital
    from qmemcircuit.neurons.shuttle.digital import simulate_digital

    way: Any = method.feedback or ("exact" if method.shots is None else "history")
    if method.target is None:
        return simulate_digital(
            driven, times, feedback=way, shots=method.shots, seed=method.seed, state=state
        )
    if method.shots is None:
        raise ValueError("Argument shots must be given with a target, but it is None.")
    target, shots = method.target, method.shots
    return run_digital(driven, times, target=target, shots=shots, feedback=way, state=state)


def equations(
    neuron: ShuttleNeuron, *, input: Input | FunctionInput | None, method: Exact | Digital
) -> DynamicalSystem:
    """Do what `neurons.dynamical_system` promises."""
    return (neuron if input is None else replace(neuron, drive=input)).system()
