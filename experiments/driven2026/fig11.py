"""Fig. 11: locked to the drive: V_DC = 0.23, ω = 6, V_Amp = 0.2.

To see: only the drive's own harmonics are left: the neuron follows it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.drawing import draw_bloch_path, draw_mosaic
from experiments.driven2026.forced import (
    LOCKED,
    draw_relative_spectrum,
    lyapunov_quantity,
    name_regime,
    orbit_quantity,
    study,
)
from experiments.driven2026.params import FREQUENCY, LOCKED_AMPLITUDE, driven
from experiments.results import Quantity, Result, Settings, judge
from qmemcircuit.plotting.figures import PALETTE


def compute(settings: Settings) -> Result:
    """Settle, and look at the spectrum, the exponents and the multipliers."""
    found = study(driven(LOCKED_AMPLITUDE), quick=settings.quick)
    label = f"V_Amp = {LOCKED_AMPLITUDE:g}"
    strongest = found.lines[0].frequency
    regime = name_regime(found)
    turns = np.array([line.frequency for line in found.lines]) / FREQUENCY
    foreign = int(np.sum(np.abs(turns - np.round(turns)) > 1e-4))
    is_locked = regime == LOCKED and foreign == 0
    quantities = (
        Quantity.against(
            "strongest line",
            strongest,
            FREQUENCY,
            source="Fig. 11c, '6.00'",
            holds=is_locked and judge(strongest, FREQUENCY, digits=2) == "agrees",
            evidence=f"{regime}; lines that are no multiple of ω: {foreign} of {turns.size}",
        ),
        orbit_quantity(label, found.orbit),
        lyapunov_quantity(label, found.spectrum),
        Quantity("span of the locked orbit", found.orbit.span()),
    )
    return Result({"forced": found.data}, quantities)


def draw(result: Result) -> Any:
    """Draw time series, orbit and spectrum."""
    data = result.data["forced"]
    figure, panels = draw_mosaic("aa;bc", height=5.2)
    axes = [panels[letter] for letter in "abc"]
    axes[0].plot(data["time"], data["V"])
    axes[0].set(xlabel=r"time $\tilde t$", ylabel="voltage $V$", xlim=(0, 12))
    axes[0].set_title("(a) voltage")
    ax = draw_bloch_path(axes[1], data, color=PALETTE[1], lw=0.8)
    ax.set_title("(b) locked orbit", y=1.04)
    draw_relative_spectrum(axes[2], data, {rf"${k}\omega$": k * FREQUENCY for k in (1, 2, 3, 4)})
    axes[2].set_title("(c) spectrum", pad=14)
    return figure
