"""The circuit of one time step: preparation, one collision, measurement.

To see: the paper's collision (a) and the same channel with two two-qubit gates (b).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import xarray as xr

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.guo2022.params import POINTS_PER_PERIOD, fig4_memristor
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.collision import collision_angle, damping_probability
from qmemcircuit.plotting.figures import house_style, make_figure

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


CIRCUIT_STYLE = {"name": "bw", "subfontsize": 6}

LARGEST_GATE = 0.6
"""Inches that a gate is wide at most, so that short circuits have the letters of long ones."""


def draw(result: Result) -> Figure:
    """Draw the paper's form above the form with two two-qubit gates."""
    return draw_circuits(
        {
            "(a) as in the paper: CRY(θ), CNOT": step_circuit(1, "paper"),
            "(b) the same channel with two two-qubit gates": step_circuit(1, "compact"),
        },
    )


def draw_circuits(circuits: dict[str, QuantumCircuit]) -> Figure:
    """Draw circuits below each other, each with its title, all at one scale on two columns."""
    from matplotlib.figure import Figure as MatplotlibFigure

    sizes = [_natural_size(circuit) for circuit in circuits.values()]
    title_height = 0.3
    inch = min(TWO_COLUMNS / max(width for width, _ in sizes), LARGEST_GATE)
    width = inch * max(width for width, _ in sizes)
    height = sum(inch * rows + title_height for _, rows in sizes)
    with house_style():
        figure = MatplotlibFigure(figsize=(width, height))
        top = height
        for (title, circuit), (columns, rows) in zip(circuits.items(), sizes, strict=True):
            top -= inch * rows + title_height
            place = (0, top / height, inch * columns / width, inch * rows / height)
            ax = figure.add_axes(place)
            circuit.draw("mpl", ax=ax, fold=-1, idle_wires=True, style=CIRCUIT_STYLE)
            figure.text(0.1 / width, (top + inch * rows + 0.08) / height, title)
    figure.set_layout_engine("none")  # every circuit stands where it was put
    return figure


def _natural_size(circuit: QuantumCircuit) -> tuple[float, float]:
    """Return the drawing's width and height in the drawer's units, a gate being one wide."""
    ax = make_figure(width=TWO_COLUMNS, height=2.0)[1]
    circuit.draw("mpl", ax=ax, fold=-1, idle_wires=True, style=CIRCUIT_STYLE)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    return right - left, top - bottom
