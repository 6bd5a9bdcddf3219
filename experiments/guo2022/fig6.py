"""The native interaction exp(−iδ σi⊗σi) as gates.

To see: two CNOTs and one rotation for each of the three interactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

import qmemcircuit as qm
from experiments.guo2022.fig2 import draw_circuits
from experiments.guo2022.params import PAIR_STRENGTH, pair
from experiments.results import Quantity, Result, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit

AXES = ("x", "y", "z")


def compute(settings: Settings) -> Result:
    """Check each decomposition against exp(−iδ σi⊗σi) and count its two-qubit gates."""
    from qiskit.quantum_info import Operator

    quantities = []
    for axis in AXES:
        circuit = _circuit(axis)
        exact = qm.Native(axis, PAIR_STRENGTH).unitary(_step())
        error = float(np.abs(Operator(circuit).data - exact).max())
        quantities += Quantity.each(
            {
                f"σ{axis}σ{axis}: largest deviation of the gates from the unitary": error,
                f"σ{axis}σ{axis}: two-qubit gates of one interaction": (
                    circuit.num_nonlocal_gates()
                ),
            }
        )
    data = {"step": xr.Dataset({"duration": _step(), "strength": PAIR_STRENGTH})}
    return Result(data, tuple(quantities))


def _step() -> float:
    return float(pair(qm.Native("y", PAIR_STRENGTH)).periods(1)[1])


def _circuit(axis: str) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit, QuantumRegister

    circuit = QuantumCircuit(QuantumRegister(2, "system"))
    circuit.append(qm.Native(axis, PAIR_STRENGTH).gate(_step()), [0, 1])
    return circuit.decompose()


def draw(result: Result) -> Figure:
    """Draw the three decompositions."""
    circuits = {
        f"({letter}) exp(−iδ σ{axis}⊗σ{axis})": _circuit(axis)
        for letter, axis in zip("abc", AXES, strict=True)
    }
    return draw_circuits(circuits)
