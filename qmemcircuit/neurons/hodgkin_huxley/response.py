"""The quantized neuron in the contract of all neurons, and its circuit under any input.

The paper (Gonzalez-Raya et al. 2020) answers one input, I0 sin Ωt, by the stationary response of
the circuit. Every other one is put into the circuit's own equations of motion: with the voltage V
of the membrane and V_C of the output line's capacitor,

    C_c V̇ = I(t) − V/(θZ) − (V − V_C)/Z1,      C_r V̇_C = (V − V_C)/Z1,

Kirchhoff's law for the means (Eqs. 16 and 20), for lines that take what flows in and send
nothing back are resistors to the mean. The gates follow V as ever. Where the conductances rest,
the stationary response of these equations to I0 sin Ωt is Eq. 24; in addition they have the
transient: the circuit begins uncharged. So a sine given with a phase or as a plain function of
time differs from the neuron's own drive by the first charging, and by what the gates' change
within a period does to V.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_real, check_times
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.hodgkin_huxley.quantized import (
    QuantizedNeuron,
    channel_admittance,
    check_probabilities,
    is_own_drive,
    matching_factor,
    quantized_units,
    refuse_overdrive,
    simulate_quantized,
    unit_scales,
)
from qmemcircuit.neurons.input_tables import input_period, tabulate_pieces
from qmemcircuit.neurons.inputs import FunctionInput, Input, describe_input
from qmemcircuit.neurons.methods import Exact
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, Field


def respond(
    neuron: QuantizedNeuron,
    times: FloatArray,
    *,
    input: Input | FunctionInput | None,
    method: Exact,
    state: ArrayLike | None,
    tolerance: float,
) -> Trajectory:
    """Do what `neurons.simulate` promises.

    The state is (n, m, h), and of inputs other than I0 sin Ωt (n, m, h, V, V_C).
    """
    if input is None or is_own_drive(input):
        driven = neuron if input is None else neuron.driven_by(input)
        return simulate_quantized(driven, times, tolerance=tolerance, state=state)
    return simulate_circuit(neuron, times, input=input, tolerance=tolerance, state=state)


def equations(
    neuron: QuantizedNeuron, *, input: Input | FunctionInput | None, method: Exact
) -> DynamicalSystem:
    """Do what `neurons.dynamical_system` promises."""
    if input is None or is_own_drive(input):
        return (neuron if input is None else neuron.driven_by(input)).system()
    return circuit_system(neuron, input)


def circuit_system(neuron: QuantizedNeuron, input: Input | FunctionInput) -> DynamicalSystem:
    """Return the circuit's compiled equations (variables n, m, h, V, V_C) under an input."""
    check_arguments(circuit_system, locals())
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem
    from qmemcircuit.neurons.hodgkin_huxley import compiled as eq

    numbers = np.zeros(eq.CIRCUIT_COUNT)
    numbers[eq.CIRCUIT_POTASSIUM] = neuron.potassium_conductance
    numbers[eq.CIRCUIT_SODIUM] = neuron.sodium_conductance
    numbers[eq.CIRCUIT_CHLORIDE] = neuron.chloride_conductance
    numbers[eq.CIRCUIT_MATCHED] = neuron.matching == "paper"
    numbers[eq.CIRCUIT_REST] = neuron.resting_potential
    numbers[eq.CIRCUIT_MILLIVOLTS], numbers[eq.CIRCUIT_MILLISECONDS] = unit_scales(neuron)
    numbers[eq.NODE_CAPACITANCE] = neuron.membrane_capacitance
    numbers[eq.LINE_CAPACITANCE] = neuron.output_capacitance
    numbers[eq.LINE_IMPEDANCE] = neuron.output_impedance
    if isinstance(input, FunctionInput):
        return DynamicalSystem(_field(), numbers, eq.CIRCUIT, math.inf, function=input.at)
    pieces = tabulate_pieces(input)
    if len(pieces) == 1:
        numbers[: eq.CIRCUIT_POTASSIUM] = pieces[0, 1:]
        return DynamicalSystem(_field(), numbers, eq.CIRCUIT, input_period(input))
    return DynamicalSystem(_field(), numbers, eq.CIRCUIT, math.inf, pieces)


@lru_cache(maxsize=1)
def _field() -> Field:
    from qmemcircuit.neurons.dynamics.systems import compile_field
    from qmemcircuit.neurons.hodgkin_huxley import compiled as eq

    return compile_field(
        eq.circuit_rate, eq.circuit_jacobian, dimension=5, place=eq.LEVEL, cache=True
    )


def simulate_circuit(
    neuron: QuantizedNeuron,
    times: ArrayLike,
    *,
    input: Input | FunctionInput,
    tolerance: float = 1e-9,
    state: ArrayLike | None = None,
) -> Trajectory:
    """Return the quantized circuit's mean voltages under any input current.

    The Trajectory is that of `simulate_quantized`, with the circuit's charging in it; the
    neuron's own amplitude and frequency have no part in it. The time constant C_c θZ is often far
    shorter than the gates': such a circuit is solved by the stiff method, by itself.

    Args:
        neuron, times, tolerance: as in `simulate_quantized`.
        input: mean current into the membrane, mA ("paper") or A ("SI"); an object of
            `neurons.inputs`, whose breakpoints are met exactly, or a function of time, with the
            limits that `neurons.simulate` names.
        state: (n, m, h, V, V_C) at times[0], or (n, m, h) of an uncharged circuit; None:
            `neuron.gates`, uncharged, at t = 0.

    Raises ValueError where the voltage leaves ±5000 mV, where the gates' rates mean nothing.
    """
    check_arguments(simulate_circuit, locals(), own=("state",))
    from qmemcircuit.neurons.dynamics.systems import IntegrationError, integrate

    grid = check_times(times, minimum_length=2)
    check_real("tolerance", tolerance, minimum=1e-13)
    system = circuit_system(neuron, input)
    begin = np.asarray(neuron.gates if state is None else state, dtype=float)
    start = system.check_state(np.append(begin, [0.0, 0.0]) if begin.shape == (3,) else begin)
    check_probabilities(start[:3])
    late = int(state is None and grid[0] > 0)
    moments = np.concatenate(([0.0], grid)) if late else grid
    current = np.asarray(input.value(moments))[late:]  # refuses what is unknown
    try:
        states = integrate(
            system, moments, start, rtol=tolerance, atol=tolerance / 1000, method="automatic"
        )[late:]
    except IntegrationError as error:
        refuse_overdrive(error)
    return _as_trajectory(neuron, grid, states.T.copy(), current, input)


def _as_trajectory(
    neuron: QuantizedNeuron,
    grid: FloatArray,
    states: FloatArray,
    current: FloatArray,
    input: Input | FunctionInput,
) -> Trajectory:
    gates, voltage, stored = states[:3], states[3], states[4]
    potassium, sodium, channels = channel_admittance(neuron, gates)
    output = np.zeros(grid.size)
    into_line = np.zeros(grid.size)
    if neuron.output_capacitance > 0 and neuron.output_impedance > 0:
        output = voltage - stored
        into_line = output / neuron.output_impedance
    elif neuron.output_capacitance > 0:  # its share of what charges both capacitors
        share = neuron.output_capacitance
        share /= neuron.output_capacitance + neuron.membrane_capacitance
        into_line = share * (current - channels * voltage)
    theta = np.ones(grid.size)
    if neuron.matching == "paper":
        theta = matching_factor(potassium, sodium, neuron.chloride_conductance)
    period = input_period(input)
    repeats = period is not None and period != math.inf
    record: dict[str, Any] = asdict(neuron)
    for own in ("current_amplitude", "drive_frequency"):
        record.pop(own)
    return Trajectory(
        times=grid,
        voltage=voltage[:, None].copy(),
        current=current[:, None].copy(),
        variables={
            "output_voltage": output,
            "output_current": into_line,
            "n": gates[0],
            "m": gates[1],
            "h": gates[2],
            "potassium_conductance": potassium,
            "sodium_conductance": sodium,
            "matching_factor": theta,
        },
        periods=np.array([period]) if repeats else None,
        units=quantized_units(neuron),
        provenance=make_provenance(
            "simulate_circuit",
            neuron=record,
            input=describe_input(input),
            method_note="the circuit's equations of motion, uncharged at first",
        ),
    )
