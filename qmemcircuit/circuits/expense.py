"""`Expense`: what circuits cost where they run, known before they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True)
class Expense:
    """The cost of a set of circuits, from those of its first, middle and last time.

    Attributes:
        qubits: of the longest circuit.
        two_qubit_gates: fewest and most in one circuit.
        durations: shortest and longest circuit in seconds, up to its measurement; None where
            nothing says how long a gate takes.
        overhead: seconds between two executions (readout and the device's repetition delay); None
            likewise.
    """

    qubits: int
    two_qubit_gates: tuple[int, int]
    durations: tuple[float, float] | None = None
    overhead: float | None = None


def some_times(circuits: CircuitSet) -> list[int]:
    """Return the indices of the first, middle and last time: enough to know what all cost."""
    last = len(circuits.times) - 1
    return sorted({0, last // 2, last})


def ideal_expense(circuits: CircuitSet) -> Expense:
    """Return the cost in CX and one-qubit gates on qubits that are all coupled, without times."""
    from qiskit.transpiler import generate_preset_pass_manager

    manager = generate_preset_pass_manager(1, basis_gates=["u", "rz", "cx"], seed_transpiler=0)
    compiled = manager.run([circuits.evolution(index) for index in some_times(circuits)])
    return Expense(circuits.num_qubits, spread([item.num_nonlocal_gates() for item in compiled]))


def spread(values: Sequence[int]) -> tuple[int, int]:
    """Return the least and the greatest."""
    return min(values), max(values)
