"""The circuit of the digitised dynamics: the evolution step repeated before the measurement.

To see: three ways to provide ancillas, one channel: fresh ones, one that is reset, and one
collision for all of [0, t].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

import qmemcircuit as qm
from experiments.guo2022.fig2 import draw_circuits
from experiments.guo2022.params import POINTS_PER_PERIOD, fig4_memristor
from experiments.results import Quantity, Result, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit

STEPS = 3


def compute(settings: Settings) -> Result:
    """Prove on states that the ancilla choices are one channel, and count their qubits."""
    memristor = fig4_memristor()
    times = memristor.periods(1, points=POINTS_PER_PERIOD)[: STEPS + 1]
    exact = qm.exact_circuit(memristor, times)
    quantities = []
    for name in ("fresh", "reset", "merged"):
        other = qm.exact_circuit(memristor, times, ancilla=name, collision="paper", engine="aer")
        assert exact.states is not None
        assert other.states is not None
        distance = float(np.abs(exact.states - other.states).max())
        quantities.append(
            Quantity(f"largest difference of states, {name} ancillas against Kraus form", distance)
        )
        circuit = _circuit(name)
        quantities.append(
            Quantity(f"qubits for {STEPS} steps, {name} ancillas", circuit.num_qubits)
        )
    data = {"times": xr.Dataset({"time": ("index", times)})}
    return Result(data, tuple(quantities))


def _circuit(ancilla: str) -> QuantumCircuit:
    memristor = fig4_memristor()
    times = memristor.periods(1, points=POINTS_PER_PERIOD)[: STEPS + 1]
    circuits = qm.build_circuits(memristor, times, bases="Y", ancilla=ancilla, collision="paper")
    return circuits[STEPS, "Y"]


def draw(result: Result) -> Figure:
    """Draw three steps with fresh ancillas (the paper) and with one recycled ancilla."""
    return draw_circuits(
        {
            "(a) fresh ancillas, as in the paper": _circuit("fresh"),
            "(b) one ancilla, recycled by reset": _circuit("reset"),
            "(c) merged: all of [0, t] as one exact collision": _circuit("merged"),
        },
    )
