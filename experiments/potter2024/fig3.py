"""Fig. 3: self-oscillation at V_n = 0.23: time series, cycle in the Bloch ball, spectrum.

To see: a small oscillation of nearly one frequency, and a flat circle near the pole of the Bloch
ball.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray

from experiments.drawing import TWO_COLUMNS, draw_bloch_path, draw_spectrum
from experiments.potter2024.params import EIGENVALUE, FREQUENCY, OSCILLATION
from experiments.ramps import final_state
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.cycles import find_limit_cycle
from qmemcircuit.neurons.dynamics.spectra import power_spectrum, spectral_lines
from qmemcircuit.neurons.shuttle.bifurcations import find_steady_states
from qmemcircuit.neurons.shuttle.neuron import VARIABLES, simulate
from qmemcircuit.plotting.figures import PALETTE, make_figure


def compute(settings: Settings) -> Result:
    """Settle on the cycle, sample it, and refine it by shooting."""
    advance = settings.stages(3)
    settled = simulate(OSCILLATION, [0.0, 9970.0])
    length = 300.0 if settings.quick else 1500.0
    times = np.arange(0, length, 0.02)
    series = simulate(OSCILLATION, 9970.0 + times, state=final_state(settled), rtol=1e-11)
    advance()
    cycle = find_limit_cycle(OSCILLATION.system(), final_state(series))
    lines = spectral_lines(times, series.voltage[:, 0], count=4, threshold=1e-5)
    spectrum = power_spectrum(times, series.voltage[:, 0])
    keep = spectrum.frequencies < 40
    phase, orbit = cycle.sample(721)
    advance()
    frequency = 2 * np.pi / cycle.period
    bin_width = 2 * np.pi / 1000
    nearest = bin_width * round(frequency / bin_width)
    multipliers = cycle.transverse_multipliers
    state = find_steady_states(OSCILLATION)[0]
    before = find_steady_states(replace(OSCILLATION, bias=0.22))[0]
    inside = np.linalg.norm(orbit[:, 1:], axis=1)
    quantities = (
        Quantity.against(
            "frequency of the cycle, 2π/period",
            frequency,
            FREQUENCY,
            holds=round(nearest, 4) == FREQUENCY,
            error=1e-8,
            source="Sec. IV",
            evidence="to the paper's Fourier resolution: of a record of 1000 (or 500, or 2000) "
            f"time units the bin nearest to our frequency is {nearest:.4f}; ours is from shooting",
        ),
        Quantity("strongest spectral line", lines[0].frequency, evidence="from the time series"),
        *Quantity.each(
            {
                "second line over first, amplitude": lines[1].amplitude / lines[0].amplitude,
                "period": (cycle.period, 1e-9),
                "span V_max − V_min": (cycle.span(), 1e-9),
            }
        ),
        Quantity(
            "transverse Floquet multipliers",
            ", ".join(f"{value:.8f}" for value in multipliers.real),
            evidence="real, all inside the unit circle: stable",
        ),
        Quantity(
            "distance of the trivial multiplier from 1",
            np.abs(cycle.multipliers - 1).min(),
            evidence="measures the error of the multipliers",
        ),
        Quantity.erratum(
            "Im μ of the equilibrium at V_n = 0.23",
            state.eigenvalues[0].imag,
            EIGENVALUE,
            f"7.0224 belongs to V_n = 0.22, where it is {before.eigenvalues[0].imag:.4f} "
            f"and the equilibrium is stable (Re μ = {before.eigenvalues[0].real:.5f})",
            source="Sec. IV",
        ),
        Quantity("largest Bloch vector on the cycle", inside.max()),
    )
    window = times <= 30
    shown = xarray.Dataset(
        {"density": ("frequency", spectrum.density[keep])},
        coords={"frequency": spectrum.frequencies[keep]},
    )
    closed = xarray.Dataset(
        {name: ("phase", orbit[:, k]) for k, name in enumerate(VARIABLES)},
        coords={"phase": phase},
    )
    part = xarray.Dataset(
        {"voltage": ("time", series.voltage[window, 0])}, coords={"time": series.times[window]}
    )
    advance()
    return Result(
        {"series": part, "spectrum": shown, "cycle": closed},
        quantities,
        {"lines": [line.frequency for line in lines]},
    )


def draw(result: Result) -> Any:
    """Draw the three panels of the paper."""
    series, spectrum, cycle = (result.data[k] for k in ("series", "spectrum", "cycle"))
    figure, axes = make_figure(2, 2, width=TWO_COLUMNS, height=5.4)
    axes = axes.ravel()
    axes[0].plot(series["time"], series["voltage"], color=PALETTE[0])
    axes[0].set(xlabel=r"time $\tilde t$", ylabel="voltage $V$", xlim=(9970, 9980))
    axes[0].ticklabel_format(useOffset=False)
    axes[0].set_title("(a) voltage")
    ax = draw_bloch_path(axes[1], cycle, color=PALETTE[1])
    ax.set_title("(b) cycle in the Bloch ball")
    ax = axes[2]
    ax.plot(cycle["X"], cycle["Y"], color=PALETTE[1])
    ax.set(xlabel="$X$", ylabel="$Y$", aspect="equal")
    ax.set_title("(c) the cycle seen from above")
    ax = axes[3]
    lines = enumerate(result.parameters["lines"], start=1)
    draw_spectrum(ax, spectrum, {f"{k}$\\omega_0$": line for k, line in lines}, color=PALETTE[0])
    ax.set_xlim(0, 35)
    ax.set_ylim(spectrum["density"].values.max() * 1e-16, None)
    ax.set_title("(d) spectrum of the voltage", pad=14)
    return figure
