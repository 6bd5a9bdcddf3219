"""Fig. 13: the torus of Fig. 12 seen in (X, Y), and its stroboscopic map: a closed curve.

To see: once a period of the drive the orbit falls on a closed curve (torus), or, when locked, on
one point.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.driven2026.forced import study
from experiments.driven2026.params import LOCKED_AMPLITUDE, TORUS_AMPLITUDE, driven
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure


def compute(settings: Settings) -> Result:
    """Strobe the quasi-periodic and the locked neuron with the drive."""
    data, quantities = {}, []
    orbits = (("torus", TORUS_AMPLITUDE), ("locked", LOCKED_AMPLITUDE))
    for name, amplitude in settings.track(orbits):
        found = study(driven(amplitude), quick=settings.quick, transient=8000.0)
        data[name] = found.data
        points = found.data["strobe"].values
        offset = points - found.orbit.state
        quantities.append(
            Quantity(
                f"largest distance of the stroboscopic points from the period-1 orbit, {name}",
                np.linalg.norm(offset, axis=1).max(),
                evidence="a closed curve around it" if name == "torus" else "on it: locked",
            )
        )
    return Result(data, tuple(quantities))


def draw(result: Result) -> Any:
    """Draw the projection and the section."""
    torus, locked = result.data["torus"], result.data["locked"]
    figure, axes = make_figure(1, 2, width=7.0, height=3.4)
    axes[0].plot(torus["X"], torus["Y"], lw=0.3, color=PALETTE[0])
    axes[0].set_title("$V_{\\rm Amp} = 0.1$, trajectory")
    axes[1].plot(
        torus["strobe"][:, 2], torus["strobe"][:, 3], ".", ms=2, color=PALETTE[0], label="torus"
    )
    axes[1].plot(
        locked["strobe"][:, 2],
        locked["strobe"][:, 3],
        "s",
        ms=5,
        color=PALETTE[1],
        label="locked, $V_{\\rm Amp} = 0.2$",
    )
    axes[1].set_title("once per drive period")
    axes[1].legend(loc="best")
    for ax in axes:
        ax.set(xlabel="$X$", ylabel="$Y$", aspect="equal")
    return figure
