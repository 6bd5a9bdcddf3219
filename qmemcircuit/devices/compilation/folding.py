"""Folding: the same circuit with a known multiple of its noise, for zero-noise extrapolation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.checks import check_boolean, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.compilation.instructions import operation_duration

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

SELF_INVERSE = ("cz", "cx", "ecr")
"""Two-qubit gates that folding repeats; G G G = G needs no inverse of another angle."""


def _check_factor(fold: int) -> int:
    fold = check_integer("fold", fold, minimum=1)
    if fold % 2 == 0:
        raise ValueError(f"Argument fold must be odd, but {fold} was given; use 1, 3, 5, ….")
    return fold


@data_object
@dataclass(frozen=True)
class Folding:
    """What is repeated in a compiled circuit, before it is scheduled.

    Attributes:
        factor: how often, odd; 1 for a circuit as it is.
        everything: whether one-qubit gates and waits for resets are folded too
            (`fold_all_noise`), or two-qubit gates alone (`fold_two_qubit_gates`).

    Raises:
        ValueError, TypeError: for an even factor and for values of the wrong kind.
    """

    factor: int = 1
    everything: bool = False

    def __post_init__(self) -> None:
        _check_factor(self.factor)
        check_boolean("fold_all", self.everything)

    @property
    def folds_all(self) -> bool:
        """Whether anything but two-qubit gates is repeated."""
        return self.everything and self.factor > 1

    def apply(self, circuit: QuantumCircuit, part: QiskitTarget) -> QuantumCircuit:
        """Return a compiled circuit, not yet scheduled, folded; `part` is its device."""
        if self.everything:
            return fold_all_noise(circuit, self.factor, part)
        return fold_two_qubit_gates(circuit, self.factor)

    def amplified(self, factor: int, *, everything: bool = False) -> Folding:
        """Return the folding whose noise is `factor` times this one's.

        Raises:
            ValueError: where all noise cannot grow alike, for two-qubit gates alone are folded.
        """
        if everything and self.factor > 1 and not self.everything:
            raise ValueError(
                "Argument fold must be 1 on a target that is amplified with fold_all, but it is "
                f"{self.factor}: its own folds are of two-qubit gates alone, so that not all noise "
                "would grow alike; leave it out, or give fold_all=True with it."
            )
        return Folding(self.factor * factor, self.everything or everything)

    def describe(self) -> dict[str, Any]:
        """Return the folding as JSON values, under the names that `device` has for them."""
        return {"fold": self.factor, "fold_all": self.everything}

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Folding:
        """Return the folding of a description; records without the word fold two-qubit gates."""
        return cls(int(described["fold"]), bool(described.get("fold_all", False)))


UNFOLDED = Folding()
"""Circuits as they are."""


def fold_two_qubit_gates(circuit: QuantumCircuit, fold: int) -> QuantumCircuit:
    """Return `circuit` with every two-qubit gate G replaced by G repeated `fold` times.

    For gates that are their own inverse, G^fold = G for odd `fold`: the circuit does the same,
    with `fold` times the two-qubit error. Waiting and resets are not amplified.
    Raises ValueError for an even `fold` and for gates that are not their own inverse.

    >>> pair = QuantumCircuit(2)
    >>> _ = pair.cz(0, 1)
    >>> fold_two_qubit_gates(pair, 3).count_ops()["cz"]
    3
    """
    if _check_factor(fold) == 1:
        return circuit
    folded = circuit.copy_empty_like()
    for instruction in circuit.data:
        repeat = 1
        if len(instruction.qubits) == 2 and instruction.operation.name != "barrier":
            if instruction.operation.name not in SELF_INVERSE:
                raise ValueError(
                    f"Argument fold must be 1 for circuits with {instruction.operation.name} "
                    f"gates, but {fold} was given; only {', '.join(SELF_INVERSE)} fold."
                )
            repeat = fold
        for _ in range(repeat):
            folded.append(instruction)
    return folded


def fold_all_noise(circuit: QuantumCircuit, fold: int, part: QiskitTarget) -> QuantumCircuit:
    """Return `circuit` with `fold` times the noise of gates *and* of waiting, doing the same.

    Two-qubit gates and X are repeated `fold` times; a √X is followed by `fold` − 1 X, which are
    the identity; an explicit delay lasts `fold` times as long, and so does a reset: its qubit
    then waits in |0>, where T1 and T2 do nothing, and the others wait with it. RZ is free on the
    devices meant here. Once scheduled, everything but the measurement lasts `fold` times as long,
    so that gate errors and relaxation grow together, to first order nearly in proportion to `fold`
    (between two X, or two CZ, relaxation acts in a turned frame).

    Not amplified: readout, the error of a reset itself (`reset_error`), and the pulses of
    decoupling, which come in afterwards: longer waits get as many. Raises ValueError for an even
    `fold`, and for gates other than these.

    Args:
        circuit: in the device's instructions, before scheduling.
        fold: odd.
        part: the device restricted to the circuit's qubits; knows the reset's duration.
    """
    from qiskit.circuit.library import XGate

    folded = fold_two_qubit_gates(circuit, fold)
    if fold == 1:
        return folded
    circuit, folded = folded, circuit.copy_empty_like()
    for instruction in circuit.data:
        name, places = instruction.operation.name, instruction.qubits
        if name == "delay":
            folded.delay(fold * instruction.operation.duration, places, instruction.operation.unit)
            continue
        folded.append(instruction)
        if name in ("x", "sx"):
            for _ in range(fold - 1):
                folded.append(XGate(), places)
        elif name == "reset":
            where = circuit.find_bit(places[0]).index
            length = operation_duration(instruction, [where], part)
            if length > 0 and part.dt:
                step = max(int(part.granularity or 1), 1)
                ticks = step * round((fold - 1) * length / part.dt / step)
                folded.delay(ticks, places, "dt")
        elif len(places) == 1 and name not in ("rz", "measure", "barrier"):
            raise ValueError(
                f"Argument fold_all must be False for circuits with {name} gates, but it is True; "
                "only x, sx, rz, delay and reset fold among one-qubit instructions."
            )
    return folded
