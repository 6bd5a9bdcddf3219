"""Error suppression in compiled circuits: pulses while a qubit waits, Paulis around its gates.

Both leave what a circuit does unchanged and change what noise does to it. Dynamical decoupling
undoes a frequency offset that stays the same while a qubit waits; it cannot undo relaxation or
fast dephasing, and its pulses have errors of their own. Twirling turns the coherent error of a
two-qubit gate, which adds up in amplitude, into a random one, which adds up in probability.
On a calibrated noise model alone, which has neither memory nor coherent errors, neither can help
(`python -m experiments run hardware.suppression`); `coherent_errors` adds both kinds of error.

IBM's service does the same to the circuits that it is sent, where `ibm` asks for it, with one
difference: its Paulis are undone only at the qubit's next two-qubit gate (`twirl_as_service`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Gate, QuantumCircuit
from qiskit.circuit.library import RZGate, XGate

from qmemcircuit.common.checks import check_boolean, check_choice, check_integer
from qmemcircuit.common.data_objects import data_object

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

SEQUENCES = ("XX", "XpXm", "XY4")
"""The sequences of IBM's service: X X, X X⁻¹ and X Y X⁻¹ Y⁻¹."""

TWIRLED = ("cz", "cx", "ecr")
"""Two-qubit gates that Paulis pass through as Paulis."""


@data_object
@dataclass(frozen=True)
class Suppression:
    """What is done to compiled circuits against errors.

    Attributes:
        decoupling: the sequence of pulses that fills waits, one of `SEQUENCES`, or None.
        twirling: over how many random instances each circuit is averaged; 0 for none.
        as_service: whether they are made as IBM's service makes them (`twirl_as_service`).

    Raises:
        ValueError, TypeError: for values out of range.
    """

    decoupling: str | None = None
    twirling: int = 0
    as_service: bool = False

    def __post_init__(self) -> None:
        if self.decoupling is not None:
            check_choice("dynamical_decoupling", self.decoupling, SEQUENCES)
        check_integer("twirling", self.twirling, minimum=0)
        check_boolean("service_twirling", self.as_service)

    def fill_waits(self, circuit: QuantumCircuit, part: QiskitTarget) -> QuantumCircuit:
        """Return a scheduled circuit decoupled, where that is asked for."""
        return circuit if self.decoupling is None else decouple(circuit, self.decoupling, part)

    def instances(
        self, circuit: QuantumCircuit, seed: int, part: QiskitTarget
    ) -> list[TwirledCircuit]:
        """Return the random instances of a compiled circuit, none without twirling.

        `circuit` is scheduled where `as_service`; what is returned never is.
        """
        if not self.twirling:
            return []
        if self.as_service:
            return twirl_as_service(circuit, self.twirling, seed)
        return twirl(circuit, self.twirling, seed, part)

    def describe(self) -> dict[str, Any]:
        """Return the choices as JSON values, under the names that `device` has for them."""
        return {
            "dynamical_decoupling": self.decoupling,
            "twirling": self.twirling,
            "service_twirling": self.as_service,
        }

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Suppression:
        """Return the suppression of a description; older records have none."""
        return cls(
            described.get("dynamical_decoupling"),
            int(described.get("twirling", 0)),
            bool(described.get("service_twirling", False)),
        )


UNSUPPRESSED = Suppression()
"""Nothing is done."""


@data_object
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

    Every two-qubit gate gets random Paulis before it and, at once after it, those that undo them;
    every measurement an X before it or none. The Paulis are then merged into neighbouring
    one-qubit gates; two-qubit gates are not touched again, so folds stay, and a memristor waits
    for its ancilla's reset as it does without twirling. Raises ValueError for two-qubit
    gates other than `TWIRLED`.
    """
    from qiskit.circuit import pauli_twirl_2q_gates
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import Optimize1qGatesDecomposition

    _require_twirled(circuit, randomizations)
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
            measured = [circuit.find_bit(bit).index for bit in instruction.clbits]
            if instruction.operation.name == "measure" and flips[measured[0]]:
                flipped.x(instruction.qubits[0])
            flipped.append(instruction)
        instances.append(TwirledCircuit(merging.run(flipped), flips))
    return instances


def twirl_as_service(
    circuit: QuantumCircuit, randomizations: int, seed: int
) -> list[TwirledCircuit]:
    """Return random instances of a scheduled circuit as IBM's `Sampler` makes them.

    Args:
        circuit: scheduled, as it is submitted.
        randomizations, seed: as in `twirl`.

    It is done by the service's own library (samplomatic), with the Sampler's default strategy.
    Between two two-qubit gates a qubit stays in a random Pauli frame, also while it waits, and
    one-qubit gates move to the next two-qubit gate. So a memristor that waits for a reset is
    turned over half of the time, like with decoupling: the device's T1 no longer damps it towards
    |0>. Each random layer takes two SX pulses on each qubit. The result must be scheduled again.
    Raises ValueError for two-qubit gates other than `TWIRLED`.
    """
    boxing, build = _service_library()
    _require_twirled(circuit, randomizations)
    boxed = boxing(
        enable_gates=True,
        enable_measures=True,
        twirling_strategy="active_accum",
        twirling_group="pauli",
        inject_noise_site="after",
    ).run(circuit)
    template, samplex = build(boxed)
    drawn = dict(samplex.sample({}, num_randomizations=randomizations, rng=seed))
    flips = np.zeros((randomizations, circuit.num_clbits), dtype=bool)
    for register in circuit.cregs:
        found = drawn.get(f"measurement_flips.{register.name}")
        if found is not None:
            places = [circuit.find_bit(bit).index for bit in register]
            flips[:, places] = np.asarray(found).reshape(randomizations, -1)
    return [
        TwirledCircuit(template.assign_parameters(values), tuple(row.tolist()))
        for values, row in zip(drawn["parameter_values"], flips, strict=True)
    ]


def _service_library() -> tuple[Any, Any]:
    try:
        from samplomatic import build
        from samplomatic.transpiler import generate_boxing_pass_manager
    except ImportError as error:
        raise ImportError(
            "The service's twirling needs the runtime client; pip install 'qmemcircuit[hardware]'."
        ) from error
    return generate_boxing_pass_manager, build


def _require_twirled(circuit: QuantumCircuit, randomizations: int) -> None:
    for instruction in circuit.data:
        name = instruction.operation.name
        if len(instruction.qubits) == 2 and name != "barrier" and name not in TWIRLED:
            raise ValueError(
                f"Argument twirling must be 0 for circuits with {name} gates, but "
                f"{randomizations} was given; only {', '.join(TWIRLED)} are twirled."
            )
