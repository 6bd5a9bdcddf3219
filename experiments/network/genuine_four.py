"""Genuine entanglement of four memristors: chain, ring, star, native and controlled couplings.

To see: counts show that four memristors share genuine entanglement on every native graph, most of
it on the chain of σzσz; on the controlled chain none is found (a). Their loops stay open (b).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH
from experiments.network.identical import MEMRISTOR
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NATIVE = qm.Native("y", PAIR_STRENGTH)
CASES = {
    # Few times, for the programme of four takes some 15 processor seconds each.
    "chain σyσy": (qm.chain, NATIVE, (1.25, 2.25, 3.25)),
    "ring σyσy": (qm.ring, NATIVE, (2.25,)),
    "star σyσy": (qm.star, NATIVE, (2.25,)),
    "chain CR_y": (qm.chain, qm.ControlledRotation("y", PAIR_STRENGTH), (4.25,)),
    "chain σzσz": (qm.chain, qm.Native("z", PAIR_STRENGTH), (1.25,)),
}
SHOTS = 20_000
STEPS = 160
PERIODS = 6


def compute(settings: Settings) -> Result:
    """Find the witnesses on the master equation, and measure them on fresh counts."""
    shots = settings.shots_or(SHOTS)
    names = ["chain σzσz"] if settings.quick else list(CASES)
    advance = settings.stages(len(names))
    data: dict[str, Any] = {}
    for name in names:
        graph, coupling, periods = CASES[name]
        network = graph([MEMRISTOR] * 4, coupling)
        measured = periods[:1] if settings.quick else periods
        times = np.array(measured) * MEMRISTOR.period
        # The inequalities need no programme: a quick run takes them.
        criterion = "elements" if settings.quick else "mixtures"
        fixed = qm.genuine_entanglement(qm.master_equation(network, times), criterion=criterion)
        record = qm.run(
            network,
            times,
            target=qm.aer(seed=settings.seed),
            shots=shots,
            bases="tomography",
            splitting="strang",
            steps=STEPS,
        )
        found = qm.genuine_entanglement(qm.estimate(record), fixed).violation
        loops = 1 if settings.quick else PERIODS
        fine = qm.exact_circuit(network, MEMRISTOR.periods(loops, points=30), splitting="strang")
        factors = np.array(
            [[loop.form_factor for loop in qm.find_loops(fine, j)] for j in range(4)]
        )
        data[name.replace(" ", "_")] = xarray.Dataset(
            {
                "exact": ("time", fixed.violation.value),
                "genuine": ("time", found.value),
                "error": ("time", found.standard_error),
                "kind": ("time", [{"": 0, "GHZ": 1, "W": 2}[kind] for kind in fixed.kinds]),
                "form_factor": ("loop", factors.sum(axis=0)),
            },
            coords={"time": list(measured)},
        )
        advance()
    parameters = {
        "coupling": f"g = ω/15; {PAIR_INFERENCE}",
        "shots": shots,
        "settings": 81,
        "seed": settings.seed,
        "steps": STEPS,
    }
    return Result(data, _quantities(data), parameters)


def _quantities(data: Mapping[str, Any]) -> tuple[Quantity, ...]:
    found = []
    for key, item in data.items():
        name = key.replace("_", " ", 1)
        peak = int(np.argmax(item.exact.values))
        kinds = {("neither", "GHZ", "W")[int(k)] for k in item.kind.values}
        score = item.genuine.values / np.where(item.error.values > 0, item.error.values, np.inf)
        found += [
            Quantity(
                f"{name}: largest genuine negativity at the chosen times",
                item.exact.values[peak],
                error=1e-4,
                evidence=f"at {item.time.values[peak]:.2f}T, so a lower bound of the peak; ½ for a "
                f"GHZ state; violates the inequalities of type: {', '.join(sorted(kinds))}",
            ),
            Quantity(
                f"{name}: largest violation from counts in standard errors",
                score.max(),
                evidence="20,000 shots in each of 81 settings; our goal is 5",
            ),
            Quantity(
                f"{name}: largest |counts − exact| in standard errors",
                np.max(
                    np.abs(item.genuine - item.exact).values
                    / np.where(item.error.values > 0, item.error.values, np.inf)
                ),
                evidence="of the fixed witnesses",
            ),
        ]
    return tuple(found)


def draw(result: Result) -> Figure:
    """Draw entanglement against time, and form factors beside it."""
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=2.9)
    for colour, (key, item) in zip(PALETTE, result.data.items(), strict=False):
        name = key.replace("_", " ", 1)
        axes[0].plot(item.time, item.exact, "_", ms=9, color=colour)
        axes[0].errorbar(
            item.time, item.genuine, 2 * item.error, fmt="o", ms=3, color=colour, label=name
        )
        place = np.arange(item.loop.size) + 0.5
        axes[1].plot(place, item.form_factor, "o-", ms=3, color=colour, label=name)
    axes[0].axhline(0, color="0.6", lw=0.6)
    axes[0].set(xlabel="time t/T", ylabel="genuine negativity")
    axes[0].set_xlim(0, PERIODS)
    axes[0].legend(fontsize=6, title="counts ± 2σ; dash: exact", title_fontsize=6)
    axes[1].set(xlabel="time t/T (one loop each)", ylabel="total form factor Σ F")
    axes[1].set_ylim(bottom=0)
    axes[1].set_xlim(0, PERIODS)
    letter_panels(axes, ("four memristors", "their loops"), loc="left")
    return figure
