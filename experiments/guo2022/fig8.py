"""Concurrence and form factor of two memristors coupled by σyσy against time.

To see: entanglement dies at seven periods and is reborn at eight (a), while the loops' form factor
goes up and down with a lag (b).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.coupled_pairs import measure_pair, parameters
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.entanglement import plot_concurrence
from qmemcircuit.plotting.figures import DATA_COLOUR, REFERENCE_COLOUR, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED = {0: ("death", 7), 1: ("birth", 8), 2: ("death", 15)}


def compute(settings: Settings) -> Result:
    """Locate deaths and births, exactly and from shots; correlate concurrence and form factor."""
    judgement = measure_pair(qm.Native("y", PAIR_STRENGTH), settings)
    digital, master = judgement.trajectory, judgement.reference
    period = float(master.periods[0])
    exact, sampled = master.concurrence(0, 1), digital.concurrence(0, 1)
    quantities = [
        Quantity.inferred("peak concurrence, master equation", exact.value.max(), PAIR_INFERENCE),
        Quantity("peak concurrence, digital", sampled.value.max()),
    ]
    for number, event in enumerate(qm.find_deaths_and_births(exact)):
        kind, published = PUBLISHED.get(number, (None, None))
        quantities.append(
            Quantity(
                f"sudden {event.kind}, event {number + 1}, master equation",
                event.time / period,
                error=0.5 * (event.upper - event.lower) / period,
                unit="T",
                published=None if published is None else f"about {published} T",
                source=None if published is None else "Fig. 8 and its caption",
                verdict="inferred" if kind == event.kind else "new",
                evidence=PAIR_INFERENCE,
            )
        )
    found = qm.find_deaths_and_births(sampled)
    for number, event in enumerate(found):
        quantities.append(
            Quantity(
                f"sudden {event.kind}, event {number + 1}, digital",
                event.time / period,
                unit="T",
                evidence=f"between {event.lower / period:.2f} T and {event.upper / period:.2f} T, "
                f"all claims together at {sampled.level:.0%} confidence",
            )
        )
    quantities.append(
        Quantity(
            "time that the shots leave undecided, digital",
            sum(stretch.upper - stretch.lower for stretch in found.undecided) / period,
            unit="T",
            evidence="; ".join(str(stretch) for stretch in found.undecided),
        )
    )
    if not settings.quick:
        relation = qm.inverse_relation(exact, qm.find_loops(master, 0))
        quantities += [
            Quantity(
                "lag of the form factor's changes behind the concurrence's at the strongest "
                "anticorrelation",
                relation.lag,
                unit="loops",
                published="inversely proportional",
                source="Sec. III B",
                verdict="inferred",
                evidence="their changes from loop to loop move inversely (not proportionally, and "
                "the values themselves do not: both decay); the most negative of 9 lags; Spearman "
                "correlation "
                f"{relation.spearman.min():.2f} there; "
                f"{PAIR_INFERENCE}",
            ),
            Quantity(
                "Spearman correlation of concurrence and form factor at that lag",
                relation.spearman.min(),
            ),
        ]
    return Result({"master": master, "digital": digital}, tuple(quantities), parameters(settings))


def draw(result: Result) -> Figure:
    """Draw the concurrence above the form factor, deaths and births marked."""
    master, digital = result.data["master"], result.data["digital"]
    exact, sampled = master.concurrence(0, 1), digital.concurrence(0, 1)
    figure, axes = make_figure(2, 1, width=7.0, height=5.0, sharex=True)
    plot_concurrence(sampled, reference=exact, events=qm.find_deaths_and_births(exact), ax=axes[0])
    axes[0].set_xlabel("")
    axes[0].legend(loc="upper center", fontsize=7)
    period = float(master.periods[0])
    for trajectory, colour in ((master, REFERENCE_COLOUR), (digital, DATA_COLOUR)):
        loops = qm.find_loops(trajectory, 0)
        middle = [(loop.start + loop.stop) / (2 * period) for loop in loops]
        values = np.array([loop.form_factor for loop in loops])
        if loops[0].form_factor_interval is None:
            axes[1].plot(middle, values, "-", color=colour, label="master equation")
            continue
        intervals = np.array([loop.form_factor_interval for loop in loops])
        spread = np.abs(intervals.T - values)
        axes[1].errorbar(
            middle,
            values,
            yerr=spread,
            fmt="o",
            color=colour,
            elinewidth=0.8,
            label="digital, 95 % intervals",
        )
    axes[1].set_xlabel("time t/T")
    axes[1].set_ylabel("form factor F of each loop")
    axes[1].set_ylim(bottom=0)
    axes[1].legend(loc="upper right", fontsize=7)
    for ax, letter in zip(axes, "ab", strict=True):
        ax.set_title(f"({letter})", loc="left")
    return figure
