"""The circuit of one time step: preparation, one collision, measurement.

To see: the paper's collision (a) and the same channel with two two-qubit gates (b).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

import qmemcircuit as qm
from experiments.guo2022.params import POINTS_PER_PERIOD, fig4_memristor
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.collision import collision_angle, damping_probability
from qmemcircuit.plotting.figures import make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from qiskit import QuantumCircuit


def step_circuit(steps: int, collision: str) -> QuantumCircuit:
    """Return the circuit of the first `steps` steps of Fig. 4's memristor, measured in Y."""
    memristor = fig4_memristor()
    times = memristor.periods(1, points=POINTS_PER_PERIOD)[: steps + 1]
    circuits = qm.build_circuits(memristor, times, bases="Y", ancilla="fresh", collision=collision)
    return circuits[steps, "Y"]


def compute(settings: Settings) -> Result:
    """Compare the printed collision angle with the one that gives the damping."""
    memristor = fig4_memristor()
    probability = damping_probability(memristor, 0.0, memristor.period / POINTS_PER_PERIOD)
    kappa = 0.5 * math.log1p(-probability)
    literal = math.sin(math.acos(math.exp(kappa)) / 2) ** 2
    gates = {form: step_circuit(1, form) for form in ("paper", "compact")}
    quantities = (
        Quantity("damping probability of the first step", probability),
        Quantity.erratum(
            "collision angle θ of the first step",
            collision_angle(probability),
            f"arccos(e^κ) = {math.acos(math.exp(kappa)):.6f}",
            "with gates that rotate by θ/2 (Qiskit) the angle is 2 arccos(e^κ); the "
            f"printed one damps with p = {literal:.5f} instead of {probability:.5f}",
            unit="rad",
            source="below Eq. 16",
        ),
        *(
            Quantity(
                f"two-qubit gates of one collision compiled gate by gate, {form} form",
                _two_qubit_gates(circuit),
            )
            for form, circuit in gates.items()
        ),
    )
    data = {"collision": xr.Dataset({"probability": probability, "kappa": kappa})}
    return Result(data, quantities)


def _two_qubit_gates(circuit: QuantumCircuit) -> int:
    from qiskit import transpile

    compiled = transpile(
        circuit, basis_gates=["cz", "rz", "sx", "x"], optimization_level=1, seed_transpiler=1
    )
    return int(compiled.count_ops().get("cz", 0))


def draw(result: Result) -> Figure:
    """Draw the paper's form above the form with two two-qubit gates."""
    return draw_circuits(
        {
            "(a) as in the paper: CRY(θ), CNOT": step_circuit(1, "paper"),
            "(b) the same channel with two two-qubit gates": step_circuit(1, "compact"),
        },
        height=4.4,
    )


def draw_circuits(
    circuits: dict[str, QuantumCircuit], *, height: float, width: float = 7.0
) -> Figure:
    """Draw circuits below each other, each with its title."""
    figure, axes = make_figure(len(circuits), 1, width=width, height=height, squeeze=False)
    for ax, (title, circuit) in zip(np.ravel(axes), circuits.items(), strict=True):
        style = {"name": "bw", "subfontsize": 5}
        circuit.draw("mpl", ax=ax, fold=-1, idle_wires=True, style=style)
        ax.set_title(title, loc="left")
    return figure
