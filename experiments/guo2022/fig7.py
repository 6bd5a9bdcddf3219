"""I–V loops of two memristors coupled by σyσy, periods 1–7 and 8–15.

To see: all loops stay pinched under σyσy; of three estimators of the current only the current
operator resolves them at this number of shots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.guo2022.coupled_pairs import (
    agreement,
    defect_quantities,
    draw_pair_loops,
    measure_pair,
    parameters,
    place_legend,
)
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ESTIMATORS = ("finite_difference", "local_fit", "current_operator")


def compute(settings: Settings) -> Result:
    """Measure by tomography; the three current estimators on the same counts."""
    judgement = measure_pair(qm.Native("y", PAIR_STRENGTH), settings)
    master = judgement.reference
    data = {"master": master, "current_operator": judgement.trajectory}
    for name in ESTIMATORS[:2]:
        data[name] = qm.estimate(judgement.record, current=name)
    signal = float(np.sqrt(np.mean(master.current**2)))
    quantities = [
        agreement("σyσy", judgement.comparison),
        *defect_quantities("σyσy", master, ("preserved", "preserved")),
        Quantity.inferred("RMS of I", signal, PAIR_INFERENCE, unit="ω√(mħω)"),
        *(
            Quantity(
                f"RMS error of I, {name}",
                np.sqrt(np.mean((data[name].current - master.current) ** 2)),
                unit="ω√(mħω)",
                evidence="above the signal: cannot see the loop"
                if name != "current_operator"
                else "resolves I, but assumes the damping law: no evidence of memristivity",
            )
            for name in ESTIMATORS
        ),
        Quantity.erratum(
            "displacement of the σyσy loop from the origin: |I| where V = 0, master equation",
            _pinch_offset(master),
            "slightly displaced from the origin",
            "σyσy commutes with σy, so I = ΓV is exact and the loop passes the origin; "
            "finite differences at 30 points a period displace it",
            unit="ω√(mħω)",
            source="Sec. IV",
        ),
    ]
    return Result(data, tuple(quantities), parameters(settings))


def _pinch_offset(master: qm.Trajectory) -> float:
    """Return the largest |I| at the zeros of V, by linear interpolation of both."""
    v, i = master.voltage[:, 0], master.current[:, 0]
    before = np.flatnonzero(v[:-1] * v[1:] < 0)
    share = v[before] / (v[before] - v[before + 1])
    return float(np.abs(i[before] + share * (i[before + 1] - i[before])).max())


def draw(result: Result) -> dict[str, Figure]:
    """Draw the paper's four panels, and one loop by the three current estimators."""
    master, digital = result.data["master"], result.data["current_operator"]
    last = float(master.times[-1] / master.periods[0])
    figure, axes = make_figure(2, 2, width=7.0, height=6.0)
    spans = ((0, 7), (7, 15)) if last > 15 else ((0, 2), (2, last))
    for column, (start, stop) in enumerate(spans):
        for row in range(2):
            ax = axes[column, row]
            draw_pair_loops(ax, digital, master, row, start, stop)
            letter = "abcd"[2 * column + row]
            title = f"({letter}) memristor {row + 1}, periods {start + 1:g}–{stop:g}"
            ax.set_title(title, loc="left")
    place_legend(figure, axes[0, 0])
    return {"": figure, "estimators": _draw_estimators(result)}


def _draw_estimators(result: Result) -> Figure:
    master = result.data["master"]
    figure, axes = make_figure(1, 3, width=TWO_COLUMNS, height=2.8)
    for ax, name in zip(axes, ESTIMATORS, strict=True):
        draw_pair_loops(ax, result.data[name], master, 0, 0, 1)
        ax.set_title(name.replace("_", " "), loc="left")
    place_legend(figure, axes[2])
    return figure
