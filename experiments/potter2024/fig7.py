"""Fig. 7: the conductance matrix F_ij(x_V) for l = 0.5, λ = 0.13.

To see: the conductance functions that the neuron's current is made of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray

from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.shuttle.conductance import conductance_elements, tabulate_conductance
from qmemcircuit.plotting.figures import PALETTE, make_figure

NAMES = ("F00", "F01", "F11")


def compute(settings: Settings) -> Result:
    """Evaluate F_ij exactly and from the table that compiled code uses."""
    positions = np.linspace(-3, 3, 601)
    exact = conductance_elements(positions)
    error = float(np.abs(tabulate_conductance()(positions) - exact).max())
    quantities = (
        *Quantity.each(
            {
                "F00(0)": (exact[0, 300], 1e-15),
                "F11(0)": (exact[2, 300], 1e-15),
                "largest |F01| on the grid": np.abs(exact[1]).max(),
                "largest F11 on the grid": exact[2].max(),
            }
        ),
        Quantity(
            "largest error of the table on the grid", error, evidence="our goal: at most 1e-13"
        ),
    )
    dataset = xarray.Dataset(
        {name: ("position", values) for name, values in zip(NAMES, exact, strict=True)},
        coords={"position": positions},
    )
    return Result({"elements": dataset}, quantities)


def draw(result: Result) -> Any:
    """Draw the three functions."""
    data = result.data["elements"]
    figure, ax = make_figure(width=4.4, height=3.0)
    for name, colour in zip(NAMES, (PALETTE[0], PALETTE[1], PALETTE[2]), strict=True):
        ax.plot(data["position"], data[name], color=colour, label=f"$F_{{{name[1]},{name[2]}}}$")
    ax.axhline(0, color="0.8", lw=0.6, zorder=0)
    ax.set(xlabel="$x_V$", ylabel="$F_{i,j}(x_V)$", xlim=(-3, 3))
    ax.legend()
    ax.set_title("$l = 0.5$, $\\lambda = 0.13$")
    return figure
