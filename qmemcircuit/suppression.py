"""Error suppression in compiled circuits: pulses while a qubit waits, Paulis around its gates.

Both leave what a circuit does unchanged and change what noise does to it. Dynamical decoupling
undoes a frequency offset that stays the same while a qubit waits; it cannot undo relaxation or
fast dephasing, and its pulses have errors of their own. Twirling turns the coherent error of a
two-qubit gate, which adds up in amplitude, into a random one, which adds up in probability.
On a calibrated noise model alone, which has neither memory nor coherent errors, neither can help
(`python -m experiments run hardware.suppression`); `coherent_errors` adds both kinds of error.

IBM's service does the same to the circuits that it is sent; `ibm` asks it to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import Gate, QuantumCircuit
from qiskit.circuit.library import RZGate, XGate

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

SEQUENCES = ("XX", "XpXm", "XY4")
"""The sequences of IBM's service: X X, X X⁻¹ and X Y X⁻¹ Y⁻¹."""

TWIRLED = ("cz", "cx", "ecr")
"""Two-qubit gates that Paulis pass through as Paulis."""


@dataclass(frozen=True, eq=False)
class TwirledCircuit:
    """One random instance of a circuit: the same channel up to known flips of its outcomes.

    Attributes:
        circuit: in the device's own instructions.
        flips: for each classical bit, whether X stands before its measurement, so that the bit
            must be flipped back.
    """

    circuit: QuantumCircuit
    flips: tuple[bool, ...]


def decouple(circuit: QuantumCircuit, sequence: str, part: QiskitTarget) -> QuantumCircuit:
    """Return a scheduled circuit with a decoupling sequence in place of every wait.

    Args:
        circuit: scheduled, its waits explicit.
        sequence: one of `SEQUENCES`, pulses at equal distances (τ/2, τ, …, τ, τ/2).
        part: the device restricted to the circuit's qubits; it must have `x` and `rz`.

    Nothing is inserted where a qubit waits before its first gate or after its reset (it is in
    |0>, and pulses would lift it to |1>, which decays), nor where the pulses do not fit. That
    leaves a memristor's waits while its ancilla is reset or the other memristor is busy, an
    ancilla's between its two gates, and waits before the measurement. The length of every wait
    stays. X⁻¹ and Y are X between rotations about z, which take no time, so that all
    pulses have the calibrated error of `x`: XX and XpXm differ on a device whose pulses turn too
    far, and not in this prediction.
    """
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import (
        ALAPScheduleAnalysis,
        PadDynamicalDecoupling,
        TimeUnitConversion,
    )

    gates, spacing = _pulses(sequence)
    decoupling = PassManager(
        [
            TimeUnitConversion(target=part),
            ALAPScheduleAnalysis(target=part),
            PadDynamicalDecoupling(
                dd_sequence=gates, spacing=spacing, skip_reset_qubits=True, target=part
            ),
        ]
    )
    return decoupling.run(circuit)


def _pulses(sequence: str) -> tuple[list[Gate], list[float]]:
    """Return the gates of a sequence and the share of the wait before each, and after the last."""
    # An X about an axis at the angle φ from x is RZ(−φ), X, RZ(φ) in the order of time.
    angles = {
        "XX": [0.0, 0.0],
        "XpXm": [0.0, np.pi],
        "XY4": [0.0, np.pi / 2, np.pi, -np.pi / 2],
    }[sequence]
    gates: list[Gate] = []
    spacing: list[float] = []
    for place, angle in enumerate(angles):
        spacing.append((0.5 if place == 0 else 1.0) / len(angles))
        if angle == 0:
            gates.append(XGate())
        else:
            gates += [RZGate(-angle), XGate(), RZGate(angle)]
            spacing += [0.0, 0.0]
    return gates, [*spacing, 0.5 / len(angles)]


def twirl(
    circuit: QuantumCircuit, randomizations: int, seed: int, part: QiskitTarget
) -> list[TwirledCircuit]:
    """Return random instances of a compiled circuit, before it is scheduled.

    Args:
        circuit: compiled, folded where it is to be; each two-qubit gate is twirled for itself.
        randomizations: number N of instances. A device runs as many and no more: their average
            is not yet the average over all Paulis, and differs from it by about 1/√N of the
            coherent error.
        seed: of the Paulis.
        part: the device restricted to the circuit's qubits.

    Every two-qubit gate gets random Paulis before it and those after it that undo them; every
    measurement an X before it or none. The Paulis are then merged into neighbouring one-qubit
    gates; two-qubit gates are not touched again, so folds stay. Raises ValueError for two-qubit
    gates other than `TWIRLED`.
    """
    from qiskit.circuit import pauli_twirl_2q_gates
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import Optimize1qGatesDecomposition

    for instruction in circuit.data:
        name = instruction.operation.name
        if len(instruction.qubits) == 2 and name != "barrier" and name not in TWIRLED:
            raise ValueError(
                f"Argument twirling must be 0 for circuits with {name} gates, but "
                f"{randomizations} was given; only {', '.join(TWIRLED)} are twirled."
            )
    random = np.random.default_rng(seed)
    drawn = pauli_twirl_2q_gates(
        circuit, seed=int(random.integers(2**63)), num_twirls=randomizations
    )
    merging = PassManager([Optimize1qGatesDecomposition(target=part)])
    instances = []
    for plain in drawn:
        flips = tuple(bool(flip) for flip in random.integers(2, size=circuit.num_clbits))
        flipped = plain.copy_empty_like()
        for instruction in plain.data:
            if instruction.operation.name == "measure":
                if flips[circuit.find_bit(instruction.clbits[0]).index]:
                    flipped.x(instruction.qubits[0])
            flipped.append(instruction)
        instances.append(TwirledCircuit(merging.run(flipped), flips))
    return instances
