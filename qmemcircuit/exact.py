"""`exact_circuit`: the density matrices of the real circuit, all times in one Aer pass.

No shot noise: what is left between this and the master equation is the splitting error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate

from qmemcircuit.checks import ComplexArray
from qmemcircuit.circuits import (
    Ancilla,
    CircuitBuilder,
    CircuitSet,
    build_circuits,
    most_collisions,
)
from qmemcircuit.collision import CollisionForm, damping_kraus
from qmemcircuit.memristors import Model
from qmemcircuit.observables import trajectory_of_states
from qmemcircuit.provenance import make_provenance
from qmemcircuit.serialization import describe_model
from qmemcircuit.splitting import Collision, Element, Splitting, split_evolution
from qmemcircuit.trajectory import Trajectory


def exact_circuit(
    model: Model,
    times: ArrayLike,
    *,
    ancilla: Ancilla | Literal["traced"] = "traced",
    splitting: Splitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
) -> Trajectory:
    """Return the exact states of the circuits that `build_circuits` makes, without shot noise.

    Args:
        model, times, splitting, steps, collision: as in `build_circuits`.
        ancilla: `"traced"` replaces each collision by the Kraus operators that it has on the
            system, which is the same channel (tests/test_collision.py) on far fewer qubits; any
            other choice simulates the ancillas themselves.

    Returns a `Trajectory` with states of shape (T, 2^M, 2^M). Raises ValueError where the
    ancillas do not fit Aer's density-matrix method, naming the number of qubits.
    """
    traced = ancilla == "traced"
    circuits = build_circuits(
        model,
        times,
        bases="Z",
        ancilla="reset" if ancilla == "traced" else ancilla,
        splitting=splitting,
        steps=steps,
        collision=collision,
    )
    states = circuit_states(circuits, traced=traced)
    provenance = make_provenance(
        "exact_circuit",
        model=describe_model(circuits.network, circuits.times),
        ancilla="traced" if traced else circuits.ancilla.describe(),
        splitting=splitting,
        steps=circuits.steps,
        compiled_method=circuits.compiled[0].method if circuits.compiled else None,
        compiled_residual=circuits.compiled_residual,
    )
    return trajectory_of_states(circuits.network, circuits.times, states, provenance)


def circuit_states(circuits: CircuitSet, *, traced: bool = True) -> ComplexArray:
    """Return the system's density matrices before measurement, shape (T, 2^M, 2^M)."""
    if traced:
        circuit = _traced_circuit(circuits)
        return _simulate([circuit], len(circuits.times))
    check_qubits(circuits)
    return _simulate(list(_ancilla_circuits(circuits)), len(circuits.times))


def _traced_circuit(circuits: CircuitSet) -> QuantumCircuit:
    """One circuit on the system alone: Kraus operators for collisions, a save at every time."""
    from qiskit.quantum_info import Kraus
    from qiskit_aer.library import SaveDensityMatrix, SetDensityMatrix

    network = circuits.network
    qubits = list(range(len(network.memristors)))
    circuit = QuantumCircuit(len(qubits))
    initial = network.initial_state
    circuit.append(SetDensityMatrix(initial), qubits)
    for index, elements in enumerate(_new_elements(circuits)):
        if not circuits.share_steps and index > 0:
            circuit.append(SetDensityMatrix(initial), qubits)
        for element in elements:
            if isinstance(element, Collision):
                channel = Kraus(damping_kraus(element.probability)).to_instruction()
                circuit.append(channel, [element.memristor])
            else:
                matrix = element.gate.to_matrix()
                circuit.append(UnitaryGate(matrix, check_input=False), list(element.memristors))
        circuit.append(SaveDensityMatrix(len(qubits), label=f"t{index}"), qubits)
    return circuit


def _ancilla_circuits(circuits: CircuitSet) -> Iterator[QuantumCircuit]:
    """The circuits as they are, ancillas and all: one pass where steps are shared, else each."""
    from qiskit_aer.library import SaveDensityMatrix

    system = list(range(len(circuits.network.memristors)))
    if not circuits.share_steps:
        for index in range(len(circuits.times)):
            circuit = circuits.evolution(index)
            circuit.append(SaveDensityMatrix(len(system), label=f"t{index}"), system)
            yield circuit
        return
    parts = list(_new_elements(circuits))
    most = most_collisions([element for part in parts for element in part])
    builder = CircuitBuilder(circuits.network, circuits.ancilla, circuits.collision, most)
    for index, elements in enumerate(parts):
        builder.append(elements)
        builder.circuit.append(SaveDensityMatrix(len(system), label=f"t{index}"), system)
    yield builder.circuit


def _new_elements(circuits: CircuitSet) -> Iterator[tuple[Element, ...]]:
    """What comes between one saved time and the next: an interval, or all of [0, t]."""
    if not circuits.share_steps:
        for index in range(len(circuits.times)):
            yield circuits.elements(index)
        return
    previous = 0.0
    for time in circuits.times:
        boundaries = np.array([previous, time]) if time > previous else np.zeros(1)
        yield split_evolution(circuits.network, boundaries, circuits.splitting)
        previous = float(time)


def check_qubits(circuits: CircuitSet) -> None:
    """Raise ValueError where the largest circuit exceeds Aer's density-matrix method here."""
    from qiskit_aer import AerSimulator

    limit = AerSimulator(method="density_matrix").num_qubits
    if circuits.num_qubits > limit:
        raise ValueError(
            f"Argument ancilla must leave at most {limit} qubits for Aer's density-matrix method "
            f"on this machine, but the longest of these circuits has {circuits.num_qubits}; use "
            "ancilla='reset' (one recycled ancilla a memristor) or fewer times."
        )


def _simulate(circuits: list[QuantumCircuit], count: int) -> ComplexArray:
    """Run the circuits on Aer's density-matrix method and collect the states saved as t0, t1, …"""
    from qiskit import transpile
    from qiskit_aer import AerSimulator

    simulator = AerSimulator(method="density_matrix")
    compiled = transpile(circuits, simulator, optimization_level=0)
    job = simulator.run(compiled, shots=1)
    result = job.result()
    if not result.success:
        raise RuntimeError(f"Aer failed: {result.status}")
    found: dict[str, Any] = {}
    for index in range(len(circuits)):
        found.update(result.data(index))
    return np.array([np.asarray(found[f"t{index}"]) for index in range(count)])
