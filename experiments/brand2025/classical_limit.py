"""The classical limit: means on the circuit's, spike-time spread falling as √ħ; Fock check.

To see: the means of the quantized circuit lie on the classical one (left), and what is quantum, the
spread of the spike times, falls as √ħ (middle).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.brand2025.params import OSCILLATOR, RECONSTRUCTION
from experiments.drawing import draw_mosaic
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.integrate_and_fire import (
    levels_needed,
    simulate_classical,
    simulate_fock,
    simulate_moments,
)
from qmemcircuit.plotting.figures import PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CURRENT = 0.6
_FOCK = replace(OSCILLATOR, hbar=0.3, temperature=0.3, inductance=1.0)
_TRUNCATION = 1e-4


def compute(settings: Settings) -> Result:
    """Compare means, spreads at several ħ, and a Fock-space run with its moments."""
    import xarray

    advance = settings.stages(3)
    times = np.linspace(0, 12, 601)
    classical = simulate_classical(OSCILLATOR, times, _CURRENT)
    forms = {
        "caldeira_leggett": simulate_moments(OSCILLATOR, times, _CURRENT),
        "gksl_1": simulate_moments(OSCILLATOR, times, _CURRENT, dissipator="gksl"),
        "gksl_2": simulate_moments(OSCILLATOR, times, _CURRENT, dissipator="gksl", leak_scale=2.0),
    }
    advance()
    runs = 400 if settings.quick else 4000
    hbars = np.geomspace(1e-4, 1e-1, 4 if settings.quick else 7)
    means, spreads = [], []
    short = np.array([0.0, 6.0])
    for index, hbar in enumerate(hbars):
        neuron = replace(OSCILLATOR, hbar=float(hbar), refractory_time=100.0)
        first = [
            simulate_moments(
                neuron,
                short,
                _CURRENT,
                threshold="stochastic",
                seed=settings.seed * 1_000_000 + index * 10_000 + k,
                tolerance=1e-7,
                solver="compiled",
            ).events["spikes"][:1]
            for k in range(runs)
        ]
        found = np.concatenate(first)
        means.append(found.mean())
        spreads.append(found.std(ddof=1))
    advance()
    fitted = hbars <= 1e-2
    power = np.polyfit(np.log(hbars[fitted]), np.log(np.array(spreads)[fitted]), 1)[0]
    levels = levels_needed(_FOCK, voltage=_FOCK.threshold, flux=1.0, tolerance=_TRUNCATION)
    fock_times = np.linspace(0, 6, 121)
    fock = simulate_fock(
        _FOCK,
        fock_times,
        1.2,
        levels=levels,
        leak_scale=2.0,
        truncation_tolerance=_TRUNCATION,
        tolerance=1e-8,
    )
    moments = simulate_moments(_FOCK, fock_times, 1.2, dissipator="gksl", leak_scale=2.0)
    advance()
    # A sample at a spike may fall on either side of the reset.
    clear = np.abs(fock_times[:, None] - moments.events["spikes"]).min(axis=1) > 1e-3

    def gap(name: str) -> float:
        return float(np.abs(forms[name].voltage - classical.voltage).max())

    rest = {"verdict": "inferred", "evidence": RECONSTRUCTION}
    quantities = (
        Quantity.against(
            "largest |<V> − V_classical|, Caldeira–Leggett",
            gap("caldeira_leggett"),
            "reproduces classical dynamics in the weak-coupling, adiabatic limit",
            source="summary",
            holds=gap("caldeira_leggett") < 1e-8,
            evidence="exact for this form: its first moments are the circuit; " + RECONSTRUCTION,
        ),
        *Quantity.each(
            {
                "first spike, classical": classical.events["spikes"][0],
                "first spike, GKSL s = 1: leaks half as fast": forms["gksl_1"].events["spikes"][0],
                "first spike, GKSL s = 2": forms["gksl_2"].events["spikes"][0],
                "power of ħ with which the spread of the first spike time falls (ħ ≤ 0.01)": (
                    power,
                    np.sqrt(1 / (2 * (runs - 1))) / np.ptp(np.log(hbars[fitted])),
                ),
                f"truncation error, Fock space with {levels} levels (population of the highest)": (
                    fock.provenance["truncation_error"]
                ),
                "largest |<V>_Fock − <V>_moments|, away from the resets": np.abs(
                    fock.voltage - moments.voltage
                )[clear].max(),
            },
            **rest,
        ),
    )
    spread = xarray.Dataset(
        {"spread": ("hbar", np.array(spreads)), "mean": ("hbar", np.array(means))},
        coords={"hbar": hbars},
        attrs={"runs": runs},
    )
    data = {
        "classical": classical,
        **forms,
        "spread": spread,
        "fock": fock,
        "fock_moments": moments,
    }
    return Result(data, quantities, {"neuron": {k: str(v) for k, v in asdict(OSCILLATOR).items()}})


def draw(result: Result) -> Figure:
    """Draw the means of the forms, the spread against ħ, and Fock space against its moments."""
    figure, axes = draw_mosaic("aa;bc", height=5.2)
    left, middle, right = axes["a"], axes["b"], axes["c"]
    classical = result.data["classical"]
    left.plot(classical.times, classical.voltage[:, 0], color="black", label="classical circuit")
    every = slice(None, None, 25)
    left.plot(
        classical.times[every],
        result.data["caldeira_leggett"].voltage[every, 0],
        "o",
        color=PALETTE[0],
        label="Caldeira–Leggett",
    )
    for name, colour, style, label in (
        ("gksl_1", PALETTE[1], "--", "GKSL, s = 1"),
        ("gksl_2", PALETTE[2], ":", "GKSL, s = 2"),
    ):
        run = result.data[name]
        left.plot(run.times, run.voltage[:, 0], style, color=colour, label=label)
    left.set(xlabel="time (R$_{on}$C)", ylabel="voltage ⟨V⟩", ylim=(-0.05, 0.85))
    left.set_title("(a) means of the quantized circuit")
    left.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    spread = result.data["spread"]
    middle.errorbar(
        spread.hbar,
        spread.spread,
        yerr=spread.spread / np.sqrt(2 * (spread.attrs["runs"] - 1)),
        fmt="o",
        color=PALETTE[0],
        label=f"{spread.attrs['runs']} runs each",
    )
    guide = float(spread.spread[0]) * np.sqrt(spread.hbar / spread.hbar[0])
    middle.plot(spread.hbar, guide, color="black", label="∝ √ħ")
    middle.set(xscale="log", yscale="log", xlabel="ħ", ylabel="spread of the first spike time")
    middle.set_title("(b) what is quantum")
    middle.legend()
    fock, moments = result.data["fock"], result.data["fock_moments"]
    right.plot(moments.times, moments.voltage[:, 0], color="black", label="Gaussian moments")
    right.plot(
        fock.times[::4], fock.voltage[::4, 0], "o", color=PALETTE[3], label="Fock space (QuTiP)"
    )
    right.set(xlabel="time (R$_{on}$C)", ylabel="voltage ⟨V⟩, GKSL s = 2", ylim=(None, 1.25))
    right.set_title("(c) two ways to the means")
    right.legend(loc="upper center", fontsize=7)
    figure.suptitle("Reconstruction: parameters are ours")
    return figure
