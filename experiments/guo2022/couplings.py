"""All eight couplings in one table: memristive defect, form factor, concurrence.

To see: I = ΓV survives the σyσy coupling and, for identical memristors, the partial SWAP; every
other coupling loses it on at least one side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.guo2022.coupled_pairs import PRESERVED_BELOW
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH, pair, pair_times
from experiments.loops import loop_words
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.states import expectation, pauli_matrix, reduce_states
from qmemcircuit.plotting.figures import PALETTE, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUPLINGS = {
    "σxσx": qm.Native("x", PAIR_STRENGTH),
    "σyσy": qm.Native("y", PAIR_STRENGTH),
    "σzσz": qm.Native("z", PAIR_STRENGTH),
    "CR_x": qm.ControlledRotation("x", PAIR_STRENGTH),
    "CR_y": qm.ControlledRotation("y", PAIR_STRENGTH),
    "CR_z": qm.ControlledRotation("z", PAIR_STRENGTH),
    "partial SWAP": qm.PartialSwap(PAIR_STRENGTH),
    "partial iSWAP": qm.PartialISwap(PAIR_STRENGTH),
}


def compute(settings: Settings) -> Result:
    """Solve the master equation for every coupling."""
    defects, factors, peaks = np.empty((8, 2)), np.empty((8, 2)), np.empty(8)
    quantities = []
    for row, (name, coupling) in enumerate(COUPLINGS.items()):
        model = pair(coupling)
        master = qm.master_equation(model, pair_times(model, quick=settings.quick))
        defects[row] = qm.memristive_defect(master)
        derived = _defect_by_derivative(model, settings.quick)
        loops = [qm.find_loops(master, j)[0] for j in range(2)]
        factors[row] = [loop.form_factor for loop in loops]
        peaks[row] = master.concurrence(0, 1).value.max()
        for j in range(2):
            kept = "preserved" if defects[row, j] < PRESERVED_BELOW else "lost"
            quantities.append(
                Quantity.inferred(
                    f"{name}, memristor {j + 1}: memristive defect ({kept})",
                    defects[row, j],
                    f"{derived[j]:.2g} with d<σy>/dt by a spline; form factor of the "
                    f"first loop {factors[row, j]:.3f} ({loop_words(loops[j])}), peak "
                    f"concurrence {peaks[row]:.3f}; {PAIR_INFERENCE}",
                    unit="ω√(mħω)",
                )
            )
    data = xr.Dataset(
        {
            "defect": (("coupling", "memristor"), defects),
            "form_factor": (("coupling", "memristor"), factors),
            "peak_concurrence": ("coupling", peaks),
        },
        coords={"coupling": list(COUPLINGS), "memristor": [1, 2]},
    )
    return Result({"couplings": data}, tuple(quantities))


def _defect_by_derivative(model: qm.Network, quick: bool) -> np.ndarray:
    """Return the RMS of I − ΓV with I = √(mħω/2)(d<σy>/dt − ω<σx>) and a spline's derivative.

    At 120 points a period the spline's derivative is good to about 1e-6: it sees what the
    operator identity behind `memristive_defect` takes for granted.
    """
    times = model.periods(2 if quick else 20, points=120)
    master = qm.master_equation(model, times)
    defects = []
    for j, memristor in enumerate(model.memristors):
        x, y = (
            expectation(reduce_states(master.states, (j,)), pauli_matrix(axis)) for axis in "XY"
        )
        slope = CubicSpline(times, y)(times, 1)
        current = memristor.current_scale * (-slope - memristor.omega * x)
        defect = current - memristor.decay_rate(times) * master.voltage[:, j]
        defects.append(np.sqrt(np.mean(defect[4:-4] ** 2)))  # a spline's ends are of lower order
    return np.array(defects)


def draw(result: Result) -> Figure:
    """Draw the defects as bars (or a word where they vanish) beside form factor and concurrence."""
    data = result.data["couplings"]
    figure, axes = make_figure(1, 3, width=TWO_COLUMNS, height=3.4, sharey=True)
    rows = np.arange(data.coupling.size)
    for j, (colour, shift) in enumerate(zip(PALETTE, (-0.18, 0.18), strict=False)):
        defect = data.defect.values[:, j]
        shown = np.where(defect < PRESERVED_BELOW, 0, defect)
        axes[0].barh(rows + shift, shown, 0.34, color=colour, label=f"memristor {j + 1}")
        for row in np.flatnonzero(shown == 0):
            axes[0].text(2e-4, row + shift, "preserved", va="center", fontsize=7, color=colour)
        axes[1].barh(rows + shift, data.form_factor.values[:, j], 0.34, color=colour)
    axes[2].barh(rows, data.peak_concurrence.values, 0.5, color=PALETTE[2])
    axes[0].set_yticks(rows, data.coupling.values)
    axes[0].invert_yaxis()
    axes[0].set_xlabel("memristive defect  [ω√(mħω)]")
    axes[1].set_xlabel("form factor of loop 1")
    axes[2].set_xlabel("peak concurrence")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
