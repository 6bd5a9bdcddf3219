"""Concurrence of two memristors coupled by a controlled rotation about y against time.

To see: a controlled rotation entangles little and briefly, too little for this number of shots:
nearly all intervals reach down to zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.coupled_pairs import measure_pair, parameters
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.entanglement import plot_concurrence

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compute(settings: Settings) -> Result:
    """Find the peak, and when the concurrence is gone."""
    judgement = measure_pair(qm.ControlledRotation("y", PAIR_STRENGTH), settings)
    digital, master = judgement.trajectory, judgement.reference
    exact, sampled = master.concurrence(0, 1), digital.concurrence(0, 1)
    assert sampled.lower is not None
    period = float(master.periods[0])
    peak = int(np.argmax(exact.value))
    established = np.flatnonzero(sampled.lower > 0)
    quantities = [
        Quantity(
            "peak concurrence, master equation",
            exact.value[peak],
            published="small, within a short time at the beginning",
            source="Fig. 10",
            verdict="inferred",
            evidence=PAIR_INFERENCE,
        ),
        *Quantity.each(
            {
                "time of the peak": float(exact.times[peak]) / period,
                "last time with a concurrence above a tenth of its peak": float(
                    exact.times[exact.value > 0.1 * exact.value[peak]][-1]
                )
                / period,
            },
            unit="T",
        ),
        Quantity(
            "times at which 5000 shots a setting show entanglement (lower 95 % limit above 0)",
            established.size,
            evidence=f"of {sampled.times.size}; about 2.5 % of separable times would too",
        ),
    ]
    data = {"master": master, "digital": digital}
    return Result(data, tuple(quantities), parameters(settings))


def draw(result: Result) -> Figure:
    """Draw the concurrence with its intervals on the master-equation line."""
    master, digital = result.data["master"], result.data["digital"]
    exact = master.concurrence(0, 1)
    ax = plot_concurrence(digital.concurrence(0, 1), reference=exact)
    ax.legend(loc="upper center", frameon=False)
    return ax.figure
