"""Error against step size for three ways to take the decay rate of a step.

To see: two rules converge with the order that is expected of them; the integral of Γ, as in the
paper's Eq. 17, is exact at any step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

import qmemcircuit as qm
from experiments.guo2022.params import fig4_memristor
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERIODS = 2.3  # over whole periods the errors cancel and an order would be seen that is not there
RULES = {
    "left": ("left-end rate Γ(t₀)·dt", 1),
    "midpoint": ("midpoint rate Γ(t₀ + dt/2)·dt", 2),
    "integral": ("integral ∫Γ dt (ours, and the paper's Eq. 17)", None),
}


@dataclass(frozen=True)
class RuleRate:
    """A decay law whose integral over a step is a one-point rule: a law of the reader's own."""

    law: qm.DecayRate
    rule: Literal["left", "midpoint"]

    def value(self, times: np.ndarray) -> np.ndarray:
        """Return the law's value."""
        return self.law.value(times)

    def integral(self, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """Return Γ at one point of the step, times the step."""
        start, stop = np.asarray(start), np.asarray(stop)
        point = start if self.rule == "left" else 0.5 * (start + stop)
        return self.law.value(point) * (stop - start)

    def at_frequency(self, omega: float) -> RuleRate:
        """Return the rule for the law at this frequency."""
        return RuleRate(self.law.at_frequency(omega), self.rule)


def compute(settings: Settings) -> Result:
    """Measure the largest trace distance to the master equation for each rule and step."""
    memristor = fig4_memristor()
    steps = np.array([4, 8, 16, 32] if settings.quick else [4, 8, 16, 32, 64, 128, 256])
    times = np.linspace(0, PERIODS * memristor.period, 12)[1:]
    master = qm.master_equation(memristor, times)
    errors = np.empty((len(RULES), steps.size))
    for row, rule in enumerate(RULES):
        law = memristor.rate if rule == "integral" else RuleRate(memristor.rate, rule)
        model = qm.Memristor(law, a=memristor.a, b=memristor.b)
        for column, number in enumerate(steps):
            digital = qm.exact_circuit(model, times, steps=int(number))
            errors[row, column] = qm.compare(digital, master).trace_distance.max()
    data = xr.Dataset(
        {"trace_distance": (("rule", "steps"), errors)},
        coords={"rule": list(RULES), "steps": steps},
    )
    quantities = [
        Quantity(
            f"order of the {rule} rule (slope of the last three points)",
            -np.polyfit(np.log(steps[-3:]), np.log(errors[row, -3:]), 1)[0],
            evidence=f"expected {order}",
        )
        for row, (rule, (_, order)) in enumerate(RULES.items())
        if order
    ]
    quantities.append(
        Quantity(
            "largest error of the integral rule at any step",
            errors[-1].max(),
            evidence="the master equation's own accuracy: collisions are exact at any step",
        )
    )
    return Result({"errors": data}, tuple(quantities), {"periods": PERIODS})


def draw(result: Result) -> Figure:
    """Draw the error against the number of steps, with the slopes 1 and 2 beside."""
    data = result.data["errors"]
    figure, ax = make_figure(width=4.6, height=3.4)
    steps = data.steps.values
    for number, (rule, (label, order)) in enumerate(RULES.items()):
        values = data.trace_distance.sel(rule=rule).values
        ax.loglog(steps, values, "o", color=PALETTE[number], label=label)
        if order:
            guide = values[-1] * (steps / steps[-1]) ** -order
            ax.loglog(steps, guide, "-", color=PALETTE[number], linewidth=0.8)
            ax.annotate(
                f"slope −{order}",
                (steps[1], guide[1]),
                textcoords="offset points",
                xytext=(6, 4),
                fontsize=8,
                color=PALETTE[number],
            )
    ax.set_xlabel("steps for each circuit's own [0, t]")
    ax.set_ylabel("largest trace distance to the master equation")
    ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
    return figure
