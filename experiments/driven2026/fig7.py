"""Fig. 7: at V_n = 3.9 the neuron rings down to a constant voltage.

To see: a few turns about Z, then rest: no oscillation at this input.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from experiments.drawing import TWO_COLUMNS, draw_bloch_path
from experiments.driven2026.params import CONSTANT_BIAS, NEURON
from experiments.ramps import final_state
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.shuttle.bifurcations import find_steady_states
from qmemcircuit.neurons.shuttle.neuron import simulate
from qmemcircuit.plotting.figures import PALETTE, START_COLOUR, make_figure


def compute(settings: Settings) -> Result:
    """Integrate from V = 0, Z = 1 for 50 time units, and on to the end."""
    neuron = replace(NEURON, bias=CONSTANT_BIAS)
    trajectory = simulate(neuron, np.linspace(0, 50, 4001))
    last = final_state(simulate(neuron, [0.0, 2000.0]))
    steady = find_steady_states(neuron)
    nearest = min(steady, key=lambda state: abs(state.voltage - last[0]))
    quantities = (
        *Quantity.each(
            {
                "final voltage": last[0],
                "distance from the steady state there": abs(float(last[0]) - nearest.voltage),
            }
        ),
        Quantity.erratum(
            "stable equilibria at V_n = 3.9, (V, Z)",
            ", ".join(f"({state.voltage:.4f}, 1)" for state in steady if state.stable),
            "three, two at Z = 1 or 0",
            f"{len(steady)} equilibria, all with X = Y = 0 and Z = Z_T = 1; they differ "
            "in V. Z = 0 is the centre of the Bloch ball and no equilibrium",
            source="Sec. III",
        ),
        Quantity(
            "ringing frequency (Im μ)",
            max(state.eigenvalues.imag.max() for state in [nearest]),
        ),
    )
    return Result({"trajectory": trajectory}, quantities)


def draw(result: Result) -> Any:
    """Draw the voltage and the path of the Bloch vector."""
    trajectory = result.data["trajectory"]
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.2)
    axes[0].plot(trajectory.times, trajectory.voltage[:, 0], color=PALETTE[0])
    axes[0].plot(0, trajectory.voltage[0, 0], "o", color=START_COLOUR)
    axes[0].set(xlabel=r"time $\tilde t$", ylabel="voltage $V$", title="(a) ringing down to rest")
    path = trajectory.variables
    ax = draw_bloch_path(axes[1], path, color=PALETTE[1], lw=0.6)
    ax.scatter(*(path[name][:1] for name in "XYZ"), color=START_COLOUR, s=18)
    ax.set_title("(b) Bloch vector", y=1.02)
    return figure
