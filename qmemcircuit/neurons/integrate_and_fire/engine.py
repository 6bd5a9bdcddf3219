"""Integrate-and-fire neurons from event to event, on SciPy's solver.

`compiled` does the same on the one stepper of all neurons. This way stays for two things: a plain
function of time, which compiled code cannot call, and as a reference that shares no integrator.

Between events (a threshold crossing, the end of a hold, a breakpoint of an input) the state of
all neurons is one smooth solution of `equations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.input_tables import input_period, tabulate_pieces
from qmemcircuit.neurons.inputs import ConstantInput, FunctionInput, Input, longest_step
from qmemcircuit.neurons.integrate_and_fire import equations as eq
from qmemcircuit.neurons.integrate_and_fire.methods import Bound, Classical, Gksl, Method, Threshold
from qmemcircuit.neurons.integrate_and_fire.neuron import IntegrateAndFire

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, Field

Current = float | Input | Callable[[float], ArrayLike] | Sequence[float | Input]
Inputs = tuple[Input | FunctionInput, ...]
Solution = tuple[FloatArray, list[list[float]], Bound]
"""Samples (n, N, T), the spikes of each neuron, and what the steps said of the bound."""


def as_inputs(current: Current, count: int) -> Inputs:
    """Return `current` as one input for each of `count` neurons."""
    if isinstance(current, list | tuple):
        if len(current) != count:
            raise ValueError(
                f"Argument current must hold one input for each of {count} neurons, but "
                f"{len(current)} were given."
            )
        return tuple(as_inputs(item, 1)[0] for item in current)
    if isinstance(current, Input):
        return (current,) * count
    if callable(current):
        function = current
        shape = np.shape(function(0.0))
        if shape not in ((), (count,)):
            raise ValueError(
                f"Argument current must return a number or {count} numbers, but shape "
                f"{shape} was returned."
            )
        if shape == ():
            return (FunctionInput(function),) * count
        return tuple(FunctionInput(_entry(function, i)) for i in range(count))
    return (ConstantInput(check_real("current", current)),) * count


def _entry(function: Callable[[float], ArrayLike], i: int) -> Callable[[float], Any]:
    """Return the i-th of the numbers that a function returns."""
    return lambda t: np.asarray(function(t))[i]


@data_object
@dataclass(frozen=True, eq=False)
class Circuits:
    """What is solved: neurons, their method and inputs, and the synapses between them.

    Attributes:
        weights: shape (N, N); a spike of neuron j adds weights[i, j] to i's synaptic current.
        synapse_time: τ_s.
        rest: covariances at t = 0 and after each reset, shape (N, 3).
    """

    neurons: tuple[IntegrateAndFire, ...]
    method: Method
    inputs: Inputs
    weights: FloatArray
    synapse_time: float
    rest: FloatArray

    def column(self, name: str) -> FloatArray:
        """Return one attribute of all neurons, shape (N,)."""
        return np.array([getattr(neuron, name) for neuron in self.neurons], dtype=float)

    def parameters(self) -> FloatArray:
        """Return the numbers of `equations`, shape (N, COUNT); inputs are filled in on the way."""
        numbers = np.zeros((len(self.neurons), eq.COUNT))
        numbers[:, eq.CAPACITANCE] = self.column("capacitance")
        numbers[:, eq.INVERSE_L] = 1 / self.column("inductance")
        numbers[:, eq.ENERGY] = self.column("thermal_energy")
        numbers[:, eq.ON] = self.column("on_resistance")
        numbers[:, eq.OFF] = self.column("off_resistance")
        numbers[:, eq.RANGE] = self.column("charge_range")
        numbers[:, eq.LEAK_SCALE] = self.method.leak_scale if isinstance(self.method, Gksl) else 0.0
        numbers[:, eq.SYNAPSE_TIME] = self.synapse_time
        return numbers

    def start(self) -> FloatArray:
        """Return the states at t = 0, shape (N, 4) or (N, 7)."""
        states = np.zeros((len(self.neurons), 4 if isinstance(self.method, Classical) else 7))
        states[:, eq.MEMORY] = self.column("initial_charge")
        states[:, 4:] = self.rest[:, : states.shape[1] - 4]
        return states

    def breakpoints(self) -> FloatArray:
        """Return the times at which any input jumps or bends."""
        found = [item.breakpoints() for item in self.inputs if not isinstance(item, FunctionInput)]
        return np.unique(np.concatenate([np.empty(0), *found]))

    def system(self, neuron: int = 0) -> DynamicalSystem:
        """Return one neuron between its events as a `DynamicalSystem`, for the dynamics tools."""
        from qmemcircuit.neurons.dynamics.systems import DynamicalSystem

        item, numbers = self.inputs[neuron], self.parameters()[neuron]
        classical = isinstance(self.method, Classical)
        names = eq.VARIABLES if classical else eq.VARIABLES + eq.MOMENTS
        field = _field(len(names))
        if isinstance(item, FunctionInput):
            return DynamicalSystem(field, numbers, names, math.inf, function=item.at)
        pieces = tabulate_pieces(item)
        if len(pieces) > 1:
            return DynamicalSystem(field, numbers, names, math.inf, pieces)
        numbers[eq.LEVEL : eq.COUNT] = pieces[0, 1:]
        return DynamicalSystem(field, numbers, names, input_period(item))


_FIELDS: dict[int, Field] = {}


def _field(dimension: int) -> Field:
    """Compile the equations once per process and number of variables."""
    from qmemcircuit.neurons.dynamics.systems import compile_field

    if dimension not in _FIELDS:
        _FIELDS[dimension] = compile_field(
            eq.rate, eq.jacobian, dimension=dimension, place=eq.LEVEL, cache=True
        )
    return _FIELDS[dimension]


class Firing:
    """Which neuron is held, what its threshold is now, and what a spike does."""

    def __init__(self, circuits: Circuits, threshold: Threshold) -> None:
        self.circuits, self.draw = circuits, threshold.draws()
        count = len(circuits.neurons)
        self.capacitance, self.level = circuits.column("capacitance"), circuits.column("threshold")
        self.hold, self.rest = circuits.column("refractory_time"), circuits.start()
        self.normal = self.draw(count)
        self.held_until = np.full(count, -math.inf)
        self.spikes: list[list[float]] = [[] for _ in range(count)]

    def margins(self, states: NDArray[Any]) -> FloatArray:
        """Return voltage minus threshold, shape (N,)."""
        limit = self.level
        if states.shape[1] > 4:
            spread = np.sqrt(np.maximum(states[:, 6], 0))
            limit = limit + self.normal * spread / self.capacitance
        return np.asarray(states[:, eq.MOMENTUM] / self.capacitance - limit)

    def fire(
        self, now: float, states: NDArray[Any], active: NDArray[Any], known: int | None = None
    ) -> None:
        """Reset a neuron, hold it, and kick its synapses: the active one of the largest margin."""
        firing = known
        if firing is None:
            firing = int(np.argmax(np.where(active, self.margins(states), -math.inf)))
        self.spikes[firing].append(now)
        kept = states[firing, eq.MEMORY : eq.SYNAPSE + 1].copy()
        states[firing] = self.rest[firing]
        states[firing, eq.MEMORY : eq.SYNAPSE + 1] = kept
        self.held_until[firing] = now + self.hold[firing]
        self.normal[firing] = self.draw(1)[0]
        states[:, eq.SYNAPSE] += self.circuits.weights[:, firing]


def solve_scipy(
    circuits: Circuits, times: FloatArray, threshold: Threshold, tolerance: float
) -> Solution:
    """Solve by DOP853 with its dense output and root finding; any number of neurons, any input."""
    from scipy.integrate import solve_ivp

    numbers, states, firing = circuits.parameters(), circuits.start(), Firing(circuits, threshold)
    shape, end = states.shape, float(times[-1])
    known = [(i, x) for i, x in enumerate(circuits.inputs) if not isinstance(x, FunctionInput)]
    asked = [(i, x) for i, x in enumerate(circuits.inputs) if isinstance(x, FunctionInput)]
    cuts, longest = circuits.breakpoints(), longest_step(circuits.inputs, times)
    samples = np.empty((shape[1], shape[0], times.size))
    quantum, hbar = shape[1] > 4, circuits.column("hbar")[:, None]
    bound, now, sampled, crossed = Bound(), 0.0, 0, False
    instant = 8 * np.spacing(end)  # events closer than this are one

    def slope(t: float, flat: NDArray[Any]) -> NDArray[Any]:
        for i, item in asked:
            numbers[i, eq.LEVEL] = item.at(t)
        return np.asarray(eq.joint_rate(t, flat.reshape(shape), numbers)).ravel()

    def excess(_: float, flat: NDArray[Any]) -> float:
        # A held neuron cannot fire; −1 keeps the maximum below zero.
        margins = firing.margins(flat.reshape(shape))
        return float(np.max(np.where(numbers[:, eq.HELD] == 0, margins, -1.0)))

    event: Any = excess
    event.terminal, event.direction = True, 1.0
    while True:
        numbers[:, eq.HELD] = firing.held_until > now + instant
        if crossed or excess(now, states.ravel()) >= 0:
            crossed = False
            firing.fire(now, states, numbers[:, eq.HELD] == 0)
            continue
        if now >= end:
            break
        for i, known_input in known:
            numbers[i, eq.LEVEL : eq.COUNT] = known_input.wave(now + instant)
        later = np.concatenate([firing.held_until, cuts, [end]])
        stop = float(later[later > now + instant].min(initial=end))
        solution = solve_ivp(
            slope, (now, stop), states.ravel(), method="DOP853", events=event,
            dense_output=True, rtol=tolerance, atol=tolerance / 100, max_step=longest,
        )  # fmt: skip
        if not solution.success:
            raise RuntimeError(
                "Argument current must leave an equation that can be integrated, but from "
                f"t = {now:.6g} on it could not be: {solution.message}"
            )
        reached = int(np.searchsorted(times, solution.t[-1], side="right"))
        if reached > sampled:
            flat = solution.sol(times[sampled:reached])
            samples[:, :, sampled:reached] = flat.reshape(*shape, -1).transpose(1, 0, 2)
            sampled = reached
        if quantum:
            steps = solution.y.reshape(*shape, -1)
            determinant = steps[:, 4] * steps[:, 6] - steps[:, 5] ** 2
            bound.add(solution.t, 4 * determinant / hbar**2)
        states = solution.y[:, -1].reshape(shape).copy()
        highest = circuits.column("charge_range")
        states[:, eq.MEMORY] = np.clip(states[:, eq.MEMORY], 0, highest)
        now = float(solution.t[-1])
        # The root finder stops within rounding of the crossing, on either side of it.
        crossed = bool(solution.t_events[0].size)
    samples[eq.MEMORY] = np.clip(samples[eq.MEMORY], 0, circuits.column("charge_range")[:, None])
    return samples, firing.spikes, bound
