"""Integrate-and-fire neurons from spike to spike on the one compiled stepper.

A spike is an event of the stepper, found on its interpolant; the breakpoints of an input are its
own. Only what a spike does, and what it does to other neurons, is done here.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.neurons.dynamics.integration import interpreted, stepper
from qmemcircuit.neurons.dynamics.integration.callbacks import event_callback
from qmemcircuit.neurons.dynamics.integration.errors import IntegrationError
from qmemcircuit.neurons.dynamics.systems import quarter_period, stepper_equations
from qmemcircuit.neurons.integrate_and_fire import equations as eq
from qmemcircuit.neurons.integrate_and_fire.engine import Circuits, Firing, Solution
from qmemcircuit.neurons.integrate_and_fire.methods import Bound, Threshold

# Where each number stands that the event is given, and in which it notes what it saw.
_LEVEL, _NORMAL, _CAPACITANCE, _HBAR, _SEEN, _VIOLATED, _SMALLEST, _FIRST = range(8)
_MOST_STEPS = 20_000_000


# `fires` is called at five points of every step, so it is here that the moments' bound is watched.
@event_callback
def fires(t: float, y: Any, q: Any) -> float:
    """Return the voltage minus the threshold; note σ_φφσ_QQ − σ_φQ² in units of ħ²/4."""
    spread = 0.0
    if y.size > 4:
        spread = q[_NORMAL] * math.sqrt(max(y[6], 0.0))
        relative = 4 * (y[4] * y[6] - y[5] ** 2) / q[_HBAR] ** 2
        q[_SEEN] += 1
        q[_SMALLEST] = min(q[_SMALLEST], relative)
        if relative < 1 - 1e-6:  # as `Bound.add`
            q[_VIOLATED] += 1
            q[_FIRST] = min(q[_FIRST], t)
    return (y[1] - spread) / q[_CAPACITANCE] - q[_LEVEL]


@dataclass(eq=False)
class _Neuron:
    """One neuron's equations and its event's numbers, and the step that it takes next."""

    equations: Any
    numbers: FloatArray
    settings: FloatArray

    def march(self, times: FloatArray, state: FloatArray, held: bool) -> tuple[Any, float, bool]:
        """Move `state` on to the last time, or to a spike: samples, time reached, whether fired."""
        n, outcome = state.size, np.zeros(5)
        events = stepper.Events(0 if held else fires, self.numbers, np.empty(1), np.empty((1, n)))
        samples = np.empty((times.size, n))
        self.equations.p[eq.HELD] = held
        interpreted.march(
            self.equations, times, state, self.settings, events, samples, np.empty((0, n)), outcome
        )
        status = int(outcome[stepper.STATUS])
        if status not in (stepper.DONE, stepper.STOPPED) or not np.all(np.isfinite(state)):
            why = {
                stepper.STIFF: "it is stiff there, its fastest decay far quicker than the run",
                stepper.USED_UP: f"its {_MOST_STEPS} steps were used up",
            }.get(status, "the step became too small or the state is not finite there")
            raise IntegrationError(
                f"The neuron could not be followed beyond t = {outcome[stepper.REACHED]:g}: {why}."
            )
        return samples, float(outcome[stepper.REACHED]), status == stepper.STOPPED


def solve_compiled(
    circuits: Circuits, times: FloatArray, threshold: Threshold, tolerance: float
) -> Solution:
    """Solve neurons whose inputs are no plain functions.

    Between two spikes neurons with synapses know nothing of each other: all run until the first
    of them fires, and those that ran beyond that moment run to it once more.
    """
    firing, count = Firing(circuits, threshold), len(circuits.neurons)
    known, states = [_prepare(circuits, i, tolerance) for i in range(count)], circuits.start()
    samples = np.empty((states.shape[1], count, times.size))
    now, end, sampled, highest = 0.0, float(times[-1]), 0, circuits.column("charge_range")
    instant = 8 * np.spacing(end)  # events closer than this are one
    crossed: int | None = None
    while True:
        held = firing.held_until > now + instant
        if crossed is not None or np.any(firing.margins(states)[~held] >= 0):
            firing.fire(now, states, ~held, crossed)
            crossed = None
            continue
        if now >= end:
            break
        for i, neuron in enumerate(known):
            neuron.numbers[_NORMAL] = firing.normal[i]
        stop = float(firing.held_until[held].min(initial=end))
        later = int(np.searchsorted(times, stop, side="right"))
        moments = np.unique(np.concatenate([[now], times[sampled:later], [stop]]))
        ends = states.copy()
        runs = [known[i].march(moments, ends[i], bool(held[i])) for i in range(count)]
        reached = min(run[1] for run in runs)
        first = [i for i, run in enumerate(runs) if run[2] and run[1] == reached]
        for i, run in enumerate(runs):
            if run[1] > reached:
                ends[i] = states[i]
                # The events of this stretch are known: none.
                known[i].march(np.array([now, reached]), ends[i], bool(held[i]))
        later = int(np.searchsorted(times, reached, side="right"))
        place = np.searchsorted(moments, times[sampled:later])
        for i, run in enumerate(runs):
            samples[:, i, sampled:later] = run[0][place].T
        states, sampled, now = ends, later, reached
        states[:, eq.MEMORY] = np.clip(states[:, eq.MEMORY], 0, highest)
        crossed = first[0] if first else None
    samples[eq.MEMORY] = np.clip(samples[eq.MEMORY], 0, highest[:, None])
    return samples, firing.spikes, _bound(known)


def _prepare(circuits: Circuits, i: int, tolerance: float) -> _Neuron:
    neuron, system = circuits.neurons[i], circuits.system(i)
    numbers = np.array(
        [neuron.threshold, 0.0, neuron.capacitance, neuron.hbar, 0.0, 0.0, math.inf, math.inf]
    )
    settings = np.zeros(9)
    settings[[stepper.RTOL, stepper.ATOL]] = tolerance, tolerance / 100
    settings[stepper.LONGEST] = quarter_period(system)
    settings[[stepper.STEPS, stepper.STIFF_STEPS]] = _MOST_STEPS, _MOST_STEPS / 4
    settings[[stepper.DIRECTION, stepper.STOPS]] = 1.0
    return _Neuron(stepper_equations(system), numbers, settings)


def _bound(known: list[_Neuron]) -> Bound:
    """Return what all events saw of the bound."""
    found = np.array([neuron.numbers for neuron in known])
    first = float(found[:, _FIRST].min())
    return Bound(
        int(found[:, _SEEN].sum()),
        int(found[:, _VIOLATED].sum()),
        float(found[:, _SMALLEST].min()),
        None if first == math.inf else first,
    )
