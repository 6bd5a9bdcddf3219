"""The self-consistent SQUID memristor beside guo2022's law with a prescribed phase.

To see: with its own phase the SQUID's rate settles instead of swinging for ever, and the loop
follows; the error bar that one run states is the scatter of many.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import draw_mosaic, letter_panels, mark_pinch, mark_start
from experiments.loops import loop_words
from experiments.memory.params import BARE, PHASE, PRESCRIBED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.memory import (
    PhaseMemory,
    exact_feedback,
    feedback_ensemble,
    feedback_equation,
    run_feedback,
)
from qmemcircuit.plotting.figures import DATA_COLOUR, REFERENCE_COLOUR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOTS = 5000
POINTS = 30


def compute(settings: Settings) -> Result:
    """Solve both devices, run the loop on circuits, and measure what its feedback does to noise."""
    periods = 1 if settings.quick else 3
    shots = settings.shots_or(SHOTS)
    fine = BARE.periods(periods, points=240)
    times = BARE.periods(periods, points=POINTS)
    own, paper = feedback_equation(BARE, PHASE, fine), qm.master_equation(PRESCRIBED, fine)
    run = run_feedback(BARE, PHASE, times, target=qm.aer(seed=settings.seed), shots=shots)
    exact = exact_feedback(BARE, PHASE, times)
    runs = 400 if settings.quick else 4000
    voltage, current = feedback_ensemble(
        BARE, PHASE, times, shots=shots, runs=runs, seed=settings.seed
    )
    open_loop = _open_loop(exact, shots)
    rates = [one.variables["decay_rate"][:, 0] for one in (own, paper)]
    pulls = (run.voltage - exact.voltage)[:, 0] / run.voltage_error[:, 0]
    stated = np.sqrt(np.mean(run.current_error**2) / np.mean(current.var(axis=0)))
    quantities = (
        Quantity("RMS of Γ(own phase) − Γ(paper)", _rms(rates[0] - rates[1]), unit="ω"),
        Quantity("RMS of the paper's Γ itself", _rms(rates[1]), unit="ω"),
        Quantity(
            "swing of the own phase, last period over first",
            _swing(own, -1) / _swing(own, 0) if periods > 1 else 1.0,
            evidence="the paper's stays 1: its phase is a clock, not the device's own",
        ),
        *(
            Quantity(
                f"form factor of loop {k}, {name}",
                float(loop.form_factor),
                evidence=loop_words(loop),
            )
            for name, one in (("own phase", own), ("paper", paper))
            for k, loop in enumerate(qm.find_loops(one))
        ),
        Quantity(
            "largest |V(loop of circuits) − V(equation)|, no shots",
            float(np.abs(exact.voltage - own.voltage[:: 240 // POINTS]).max()),
            unit="√(mħω)",
            evidence="order 2 in the step",
        ),
        Quantity("mean square pull of V, loop against its limit", float(np.mean(pulls**2))),
        Quantity(
            "stated over true error of I (RMS over times)",
            float(stated),
            evidence="the linearised flow at one noisy run, against an ensemble of runs",
        ),
        *(
            Quantity(
                f"true over open-loop error of I, {name}",
                float(choose(current.std(axis=0)[1:] / open_loop[1:])),
                evidence="below 1 feedback damps the noise, above 1 it amplifies it: at this gain "
                "it does not double the shot noise",
            )
            for name, choose in (("least", np.min), ("largest", np.max))
        ),
        *(
            Quantity(
                f"the same at {factor:g} times the gain, RMS over times",
                _amplification(replace(PHASE, gain=factor * PHASE.gain), times, shots, runs),
                evidence="at single times the ratio has no bound: where Γ(μ) passes 0 an open loop "
                "has no noise",
            )
            for factor in (1.0, 4.0, -1.0, -4.0)
        ),
    )
    data = {
        "own": own,
        "paper": paper,
        "run": run,
        "scatter": xarray.Dataset(
            {
                "voltage": ("time", voltage.std(axis=0)),
                "current": ("time", current.std(axis=0)),
                "open_loop": ("time", open_loop),
            },
            coords={"time": times},
        ),
    }
    return Result(data, quantities, {"law": repr(PHASE), "shots": shots, "points": POINTS})


def draw(result: Result) -> Figure:
    """Draw Γ(t), both loops with the run's points, and the errors of I."""
    own, paper, run = (result.data[name] for name in ("own", "paper", "run"))
    scatter = result.data["scatter"]
    figure, panels = draw_mosaic("ab;cb", height=4.4)
    axes = [panels[letter] for letter in "abc"]
    for one, style, label in (
        (paper, {"color": REFERENCE_COLOUR}, "paper: phase π/2 + cos ωt"),
        (own, {"color": DATA_COLOUR, "ls": "--"}, "own phase, φ′ = kV"),
    ):
        axes[0].plot(one.times / (2 * np.pi), one.variables["decay_rate"], label=label, **style)
        axes[1].plot(one.voltage[:, 0], one.current[:, 0], label=label, **style)
    axes[1].errorbar(
        run.voltage[:, 0],
        run.current[:, 0],
        xerr=run.voltage_error[:, 0],
        yerr=run.current_error[:, 0],
        fmt=".",
        ms=3,
        elinewidth=0.5,
        color=DATA_COLOUR,
        label=f"circuits in loop, {result.parameters['shots']} shots",
    )
    mark_start(axes[1], own.voltage[0, 0], own.current[0, 0])
    mark_pinch(axes[1])
    late = run.times / (2 * np.pi)
    axes[2].semilogy(late, scatter["current"], color=REFERENCE_COLOUR, label="ensemble of runs")
    axes[2].semilogy(
        late, run.current_error[:, 0], ".", ms=3, color=DATA_COLOUR, label="stated by one run"
    )
    axes[2].semilogy(late, scatter["open_loop"], ":", color="0.3", label="open loop")
    axes[0].set(xlabel="time (periods)", ylabel="decay rate Γ (ω)", ylim=(0, 0.98))
    axes[1].set(xlabel="V (√(mħω))", ylabel="I (ω√(mħω))")
    axes[2].set(xlabel="time (periods)", ylabel="standard error of I (ω√(mħω))")
    letter_panels(axes, ("decay rate", "loops", "error of the current"), fontsize=8)
    for ax, place in zip(axes, ("upper right", "upper left", "lower right"), strict=True):
        ax.legend(fontsize=6, loc=place)
    return figure


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _open_loop(exact: qm.Trajectory, shots: int) -> np.ndarray:
    """Return the binomial error of I at each time, as if Γ were known."""
    half = 0.5 * BARE.current_scale
    binomial = np.sqrt(np.maximum(half**2 - exact.voltage[:, 0] ** 2, 0) / shots)
    return np.asarray(exact.variables["decay_rate"][:, 0] * binomial)


def _amplification(law: PhaseMemory, times: np.ndarray, shots: int, runs: int) -> float:
    """Return the RMS error of I of an ensemble over that of an open loop."""
    current = feedback_ensemble(BARE, law, times, shots=shots, runs=runs, seed=2)[1]
    open_loop = _open_loop(exact_feedback(BARE, law, times), shots)
    return float(np.sqrt(np.mean(current.var(axis=0)) / np.mean(open_loop**2)))


def _swing(trajectory: qm.Trajectory, period: int) -> float:
    memory = trajectory.variables["memory"][:-1, 0].reshape(-1, 240)
    return float(np.ptp(memory[period]))
