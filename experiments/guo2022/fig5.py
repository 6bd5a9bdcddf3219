"""The circuit of two coupled memristors: each evolves by itself, then they interact.

To see: each memristor meets its own ancilla and evolves; then the two are coupled, step after step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

import qmemcircuit as qm
from experiments.guo2022.fig2 import draw_circuits
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH, pair, pair_times
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.states import trace_distance

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit

STEPS = 2


def compute(settings: Settings) -> Result:
    """Prove on states that recycled ancillas give what the paper's fresh ones give."""
    model = pair(qm.Native("y", PAIR_STRENGTH))
    times = pair_times(model)[: STEPS + 1]
    fresh = qm.exact_circuit(model, times, ancilla="fresh", collision="paper", engine="aer")
    reset = qm.exact_circuit(model, times, ancilla="reset", engine="aer")
    assert fresh.states is not None
    assert reset.states is not None
    quantities = (
        Quantity(
            f"trace distance after {STEPS} steps, recycled against fresh ancillas",
            trace_distance(fresh.states, reset.states).max(),
        ),
        Quantity.inferred(
            "interaction angle δ of one step",
            PAIR_STRENGTH * float(times[1]),
            PAIR_INFERENCE,
            unit="rad",
        ),
    )
    return Result({"times": xr.Dataset({"time": ("index", times)})}, quantities)


def _circuit() -> QuantumCircuit:
    model = pair(qm.Native("y", PAIR_STRENGTH))
    circuits = qm.build_circuits(
        model, pair_times(model)[: STEPS + 1], bases=["YY"], ancilla="fresh", collision="paper"
    )
    return circuits[STEPS, "YY"]


def draw(result: Result) -> Figure:
    """Draw two steps with the yy coupling."""
    title = "two steps with fresh ancillas: damp both, free evolution, coupling"
    return draw_circuits({title: _circuit()})
