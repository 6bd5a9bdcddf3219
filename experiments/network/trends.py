"""Do entanglement and memristivity of three memristors go together? On a chain and on a triangle.

To see: arXiv:2201.10309 finds that they go alike on the triangle and against each other on the
chain, at its own parameters. At ours neither graph has a trend for σyσy (a), and for σzσz both go
against each other (b), by the same measure, the tripartite negativity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from scipy.stats import spearmanr

import qmemcircuit as qm
from experiments.drawing import letter_panels
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH
from experiments.network.genuine import COLOURS, CUTS, GRAPHS, means_of_periods, negativity_of_cut
from experiments.network.identical import MEMRISTOR
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERIODS, POINTS = 8, 30
"""Beyond eight periods little of either is left."""

CLAIMED = {"chain": "against each other", "ring": "alike"}
LETTERS = "yz"


def compute(settings: Settings) -> Result:
    """Solve the four networks, and rank the periods by both quantities."""
    periods = 3 if settings.quick else PERIODS
    advance = settings.stages(len(GRAPHS) * len(LETTERS))
    data: dict[str, Any] = {}
    quantities = []
    for letter in LETTERS:
        for name, graph in GRAPHS.items():
            network = graph([MEMRISTOR] * 3, qm.Native(letter, PAIR_STRENGTH))
            times = MEMRISTOR.periods(periods, points=POINTS)
            exact = qm.exact_circuit(network, times, splitting="strang")
            assert exact.states is not None
            cuts = np.array([negativity_of_cut(exact.states, cut) for cut in CUTS])
            means = means_of_periods(
                np.cbrt(cuts.prod(axis=0)), exact.times / MEMRISTOR.period, periods
            )
            loops = [[loop.form_factor for loop in qm.find_loops(exact, j)] for j in range(3)]
            factors = np.sum(loops, axis=0)
            data[f"{name}_{letter}"] = xarray.Dataset(
                {"tripartite_negativity": ("period", means), "form_factor": ("period", factors)},
                coords={"period": np.arange(1, periods + 1)},
            )
            quantities += _correlations(f"{name} σ{letter}σ{letter}", name, means, factors)
            advance()
    parameters = {
        "coupling": f"g σσ; {PAIR_INFERENCE}",
        "periods": periods,
        "points_per_period": POINTS,
    }
    return Result(data, tuple(quantities), parameters)


def _correlations(label: str, name: str, means: list[float], factors: np.ndarray) -> list[Quantity]:
    """Return Spearman's rank correlation of the periods' values, and of their changes."""
    found = []
    for what, first, second in (
        ("tripartite negativity and total form factor", np.array(means), factors),
        ("their changes from period to period", np.diff(means), np.diff(factors)),
    ):
        seen = spearmanr(first, second)
        found.append(
            Quantity(
                f"{label}: rank correlation of {what}",
                float(seen.statistic),
                evidence=f"{len(first)} values, p = {seen.pvalue:.2g} of none; arXiv:2201.10309: "
                f"on the {name} they go {CLAIMED[name]}",
            )
        )
    return found


def draw(result: Result) -> Figure:
    """Draw the total form factor of each period against its tripartite negativity."""
    figure, axes = make_figure(1, 2, width=7.2, height=3.0)
    for ax, letter in zip(axes, LETTERS, strict=True):
        for marker, name in zip("os", GRAPHS, strict=True):
            item = result.data[f"{name}_{letter}"]
            ax.plot(
                item.tripartite_negativity, item.form_factor, marker + "-", ms=4, lw=0.8,
                color=COLOURS[name], label=name,
            )  # fmt: skip
            for x, y, period in zip(
                item.tripartite_negativity.values,
                item.form_factor.values,
                item.period.values,
                strict=True,
            ):
                ax.annotate(
                    str(period), (x, y), xytext=(3, 3), textcoords="offset points", fontsize=6,
                    color=COLOURS[name],
                )  # fmt: skip
        ax.set(xlabel="tripartite negativity, mean of a period", ylabel="total form factor Σ F")
        ax.set_ylim(bottom=0)
        ax.legend(title="number: the period", title_fontsize=6)
    letter_panels(axes, ("coupling σyσy", "coupling σzσz"), loc="left")
    return figure
