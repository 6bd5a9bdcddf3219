"""Fig. 12: quasi-periodic: V_DC = 0.23, ω = 6, V_Amp = 0.1, with its lines at m·ω + n·ω0.

To see: beating, and lines at sums of multiples of two frequencies: a torus.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.drawing import draw_bloch_path, draw_mosaic
from experiments.driven2026.forced import (
    draw_relative_spectrum,
    lyapunov_quantity,
    orbit_quantity,
    study,
)
from experiments.driven2026.params import (
    DIFFERENCE_LINE,
    FREQUENCY,
    NATURAL_FREQUENCY,
    NEURON,
    TORUS_AMPLITUDE,
    driven,
)
from experiments.results import Quantity, Result, Settings, judge
from qmemcircuit.neurons.dynamics.cycles import find_limit_cycle
from qmemcircuit.neurons.dynamics.maps import rotation_number
from qmemcircuit.neurons.dynamics.spectra import identify_line
from qmemcircuit.plotting.figures import PALETTE


def compute(settings: Settings) -> Result:
    """Settle on the torus; name its lines; count its turns."""
    neuron = driven(TORUS_AMPLITUDE)
    found = study(neuron, quick=settings.quick)
    label = f"V_Amp = {TORUS_AMPLITUDE:g}"
    turns = rotation_number(
        neuron.system(),
        found.data["strobe"].values[-1],
        periods=200 if settings.quick else 1000,
        plane=(3, 2),
        centre=found.orbit,
    )
    natural = turns.value * FREQUENCY
    measured = min((line.frequency for line in found.lines), key=lambda f: abs(f - natural))
    # The torus surrounds the free neuron's cycle, to which it falls back without the drive.
    start = found.data["strobe"].values[-1]
    free = 2 * np.pi / find_limit_cycle(NEURON.system(), start, transient=3000.0).period
    verdict = judge(natural, NATURAL_FREQUENCY, digits=3)
    # Two independent ways, one number: then it is not ours that is off.
    if verdict == "differs" and abs(measured - natural) < 1e-5:
        verdict = "erratum"
    quantities = [
        Quantity(
            "second frequency of the torus, ω0 = rotation number × ω",
            natural,
            error=turns.error * FREQUENCY,
            published=NATURAL_FREQUENCY,
            source="Sec. IV",
            verdict=verdict,
            evidence=f"the spectrum's own line is at {measured:.4f}: two ways, one number. The "
            f"drive shifts the self-oscillation from {free:.4f} (shooting, no drive); 7.024 is "
            "neither, so its third decimal is not a measurement. A Fourier bin explains it: the "
            "one nearest to ours in a record of 500 time units is 7.0246, bins being 0.0126 wide; "
            "the paper does not print its record's length",
        ),
        orbit_quantity(label, found.orbit),
        lyapunov_quantity(label, found.spectrum),
    ]
    for line in found.lines:
        m, n, distance = identify_line(line.frequency, (FREQUENCY, natural), order=4)
        is_difference = (m, n) == (-1, 1)
        quantities.append(
            Quantity(
                f"line at {m}·ω + {n}·ω0, frequency",
                line.frequency,
                error=max(distance, 1e-8),
                published=DIFFERENCE_LINE if is_difference else None,
                source="Sec. IV, '≈'" if is_difference else None,
                verdict=judge(line.frequency, DIFFERENCE_LINE, digits=0)
                if is_difference
                else "new",
                evidence=f"amplitude {line.amplitude:.3g}; the error is its distance from the "
                "combination",
            )
        )
    return Result({"forced": found.data}, tuple(quantities), {"natural": natural})


def draw(result: Result) -> Any:
    """Draw beating, torus and spectrum."""
    data, natural = result.data["forced"], result.parameters["natural"]
    figure, panels = draw_mosaic("aa;bc", height=5.2)
    axes = [panels[letter] for letter in "abc"]
    axes[0].plot(data["time"], data["V"], lw=0.8)
    axes[0].set(xlabel=r"time $\tilde t$", ylabel="voltage $V$", xlim=(0, 30))
    axes[0].set_title("(a) beating")
    ax = draw_bloch_path(axes[1], data, color=PALETTE[1], lw=0.3)
    ax.set_title("(b) two-torus", y=1.04)
    marks = {
        r"$\omega_0{-}\omega$": natural - FREQUENCY,
        r"$\omega$": FREQUENCY,
        r"$\ \omega_0$": natural,
        r"$\omega{+}\omega_0$": FREQUENCY + natural,
    }
    draw_relative_spectrum(axes[2], data, marks)
    axes[2].set_xlim(0, 20)
    axes[2].set_title("(c) spectrum", pad=14)
    return figure
