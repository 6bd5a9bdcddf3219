"""Fig. 2b: current against charge of a weakly measured quantum memristor on an LC circuit.

To see: the average of many measured runs lies on the noiseless loop (left); single runs scatter
about it (right).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from experiments.drawing import mark_pinch, mark_start
from experiments.gonzalezraya2020.params import MEASURED, MEASURED_PERIODS
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.photonic.measured import simulate_measured
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INFERRED = (
    "inferred: the paper prints C, L and the time span but neither the law of the memory, "
    "nor γ(μ), nor the measurement strength, temperature or initial state"
)


def compute(settings: Settings) -> Result:
    """Run the mean-field loop and an ensemble of measured trajectories."""
    times = np.linspace(0, MEASURED_PERIODS * MEASURED.period, 361)
    runs = 200 if settings.quick else 4000
    steps = 400 if settings.quick else 1000
    mean_field = simulate_measured(
        MEASURED, times, trajectories=1, seed=0, noise=False, steps_per_period=4000
    )
    ensemble = simulate_measured(
        MEASURED, times, trajectories=runs, seed=settings.seed, steps_per_period=steps
    )
    current = ensemble.current
    charge = ensemble.variables["charge"]
    mean, error = charge.mean(axis=1), charge.std(axis=1, ddof=1) / np.sqrt(runs)
    peaks = [
        float(np.abs(mean_field.current[(times >= a) & (times <= a + MEASURED.period), 0]).max())
        for a in MEASURED.period * np.arange(MEASURED_PERIODS)
    ]
    average = current.mean(axis=1)
    spread = current.std(axis=1, ddof=1) / np.sqrt(runs)
    crossings = np.flatnonzero(np.diff(np.sign(mean)))
    weight = mean[crossings] / (mean[crossings] - mean[crossings + 1])
    at_zero = (1 - weight) * average[crossings] + weight * average[crossings + 1]
    worst = int(np.argmax(np.abs(at_zero) / spread[crossings]))
    quantities = (
        *(
            Quantity.inferred(
                f"largest |I| in cycle {k + 1}, mean field", peak, _INFERRED, unit="C/s"
            )
            for k, peak in enumerate(peaks)
        ),
        Quantity.inferred(
            f"ensemble <I> where <q> = 0, worst of {crossings.size} crossings",
            at_zero[worst],
            "every run has I = 2γ(μ)<q> and is pinched; the average need not be, "
            "because μ and <q> are correlated; " + _INFERRED,
            error=spread[crossings][worst],
            unit="C/s",
        ),
        Quantity.inferred("final <q>, ensemble", mean[-1], _INFERRED, error=error[-1], unit="C"),
    )
    return Result(
        {"mean_field": mean_field, "ensemble": _thin(ensemble)},
        quantities,
        {"memristor": asdict(MEASURED), "trajectories": runs, "seed": settings.seed},
    )


def draw(result: Result) -> Figure:
    """Draw the mean-field loops, the ensemble's average and three single trajectories."""
    mean_field, ensemble = result.data["mean_field"], result.data["ensemble"]
    figure, (left, right) = make_figure(1, 2, width=7.0, height=3.2)
    q, i = mean_field.variables["charge"][:, 0], mean_field.current[:, 0]
    left.plot(q, i, color="black", lw=1, label="mean field (no noise)")
    left.errorbar(
        ensemble.variables["mean_charge"][6::6],
        ensemble.variables["mean_current"][6::6],
        xerr=ensemble.variables["mean_charge_error"][6::6],
        yerr=ensemble.variables["mean_current_error"][6::6],
        fmt="o",
        ms=2.5,
        color=PALETTE[0],
        label=f"mean of {result.parameters['trajectories']} runs",
    )
    mark_start(left, q[0], i[0], ms=6)
    mark_pinch(left, label=None)
    left.legend(loc="upper left")
    for k in range(ensemble.device_count):
        right.plot(
            ensemble.variables["charge"][:, k],
            ensemble.current[:, k],
            color=PALETTE[(0, 1, 3)[k]],
            lw=0.9,
            label=f"run {k + 1}",
        )
    mark_pinch(right)
    mark_start(right, q[0], i[0], ms=6, label=None)
    right.legend(loc="upper left")
    for axis, title in ((left, "averaged"), (right, "single measured trajectories")):
        axis.set(xlabel="charge ⟨q⟩ (C)", ylabel="memristor current (C/s)", title=title)
    figure.suptitle("Laws and rates inferred (the paper prints neither); ħ = 1", fontsize=8)
    return figure


def _thin(ensemble):  # type: ignore[no-untyped-def]
    """Keep three runs and the ensemble's averages: enough for the figure, small enough to keep."""
    from dataclasses import replace

    runs = ensemble.device_count
    variables = {name: values[:, :3] for name, values in ensemble.variables.items()}
    for name, values in (
        ("charge", ensemble.variables["charge"]),
        ("current", ensemble.current),
    ):
        variables[f"mean_{name}"] = values.mean(axis=1)
        variables[f"mean_{name}_error"] = values.std(axis=1, ddof=1) / np.sqrt(runs)
    return replace(
        ensemble,
        voltage=ensemble.voltage[:, :3],
        current=ensemble.current[:, :3],
        periods=ensemble.periods[:3],
        variables=variables,
    )
