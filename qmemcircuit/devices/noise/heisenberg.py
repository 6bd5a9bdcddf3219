"""What a noisy device reads of each qubit, for circuits far beyond any density matrix.

Gates with their calibrated errors, waits and resets are maps on the Pauli means of one or two
qubits. So the mean of one read bit is pushed backwards through the compiled and scheduled circuit
as a sum of Pauli strings, as `qmemcircuit.simulation.propagation` does for the circuit without
noise: no trajectories and no shot noise. Noise shrinks the strings and resets end them, so that few
are left to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmemcircuit.circuits.settings import measured_qubits
from qmemcircuit.common.checks import LARGEST_INTEGER, FloatArray
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.noise.calibrated import readout_matrices
from qmemcircuit.devices.noise.instruction_maps import gate_errors, maps_of
from qmemcircuit.simulation.pauli_runs import compiled_loop
from qmemcircuit.simulation.propagation import PauliPropagation, cut_offs, propagation_errors

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

KEPT = PauliPropagation(8, 1e-5)

MAPS_A_STEP = 8
"""Small coefficients are dropped after so many maps."""


@dataclass(frozen=True)
class ReadChances:
    """Of each circuit and bit the probability of reading 1, (C, M); its error; most strings."""

    ones: FloatArray
    error: FloatArray
    strings: int


def chances_of_ones(
    compiled: Sequence[CompiledCircuit],
    part: QiskitTarget,
    *,
    reset_error: float = 0.0,
    kept: PauliPropagation = KEPT,
) -> ReadChances:
    """Return the probability that each measured bit is read as 1, readout errors included.

    Args:
        compiled: untwirled circuits of `DeviceTarget.compile`, on qubits of `part`.
        part: the device restricted to the placement's qubits.
        reset_error: probability that a reset leaves |1>.
        kept: how far strings are kept; letters on ancillas count too.

    The error is that of `simulate_circuit(method=PauliPropagation(…))`: three times the larger of
    the difference to a run that drops more and of what was dropped, in quadrature; an indication
    and no interval. Joint probabilities of several bits are
    not computed. Raises ImportError where numba is missing.
    """
    used = {
        (
            instruction.operation.name,
            tuple(item.circuit.find_bit(q).index for q in instruction.qubits),
        )
        for item in compiled
        for instruction in item.circuit.data
    }
    errors = gate_errors(part, reset_error, used)
    matrices = readout_matrices(part)
    runs = [_ones(item, part, errors, matrices, kept) for item in compiled]
    fine, coarse, bound, quadrature = np.moveaxis(np.array([item for item, _ in runs]), -1, 0)
    errors_of_ones = propagation_errors(fine - coarse, np.array([bound, quadrature]))
    return ReadChances(fine, errors_of_ones, max(most for _, most in runs))


def _ones(
    compiled: CompiledCircuit,
    part: QiskitTarget,
    errors: dict[tuple[str, tuple[int, ...]], FloatArray],
    matrices: list[FloatArray],
    kept: PauliPropagation,
) -> tuple[list[tuple[float, ...]], int]:
    """Return for each bit the probability of 1 at both cut-offs and what is lost; most strings."""
    propagate, words_of = compiled_loop()
    circuit = compiled.circuit
    rows: list[tuple[tuple[int, ...], FloatArray]] = []
    pending = {qubit: np.eye(4) for qubit in range(circuit.num_qubits)}
    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name in ("measure", "barrier"):
            continue
        places = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        ((_, matrix),) = maps_of(operation, places, part)
        matrix = errors.get((operation.name, places), np.eye(len(matrix))) @ matrix
        if len(places) == 1:
            pending[places[0]] = matrix @ pending[places[0]]
            continue
        rows += [((qubit,), pending[qubit]) for qubit in places]
        pending.update({qubit: np.eye(4) for qubit in places})
        rows.append((places, matrix))
    rows += [((qubit,), matrix) for qubit, matrix in pending.items()]
    rows = [row for row in reversed(rows) if not np.array_equal(row[1], np.eye(len(row[1])))]
    seats = np.full((len(rows), 2), -1, dtype=np.int64)
    maps = np.zeros((len(rows), 16, 16))
    for number, (members, matrix) in enumerate(rows):
        seats[number, : len(members)] = members
        maps[number, : len(matrix), : len(matrix)] = np.where(np.abs(matrix) > 1e-15, matrix, 0.0)
    ends = (np.arange(len(rows)) % MAPS_A_STEP == MAPS_A_STEP - 1).astype(np.bool_)
    ground = np.tile([1.0, 0.0, 0.0, 1.0], (circuit.num_qubits, 1))
    found, most = [], 0
    for qubit in measured_qubits(circuit):
        letters = np.zeros((1, circuit.num_qubits), dtype=np.int64)
        letters[0, qubit] = 3
        both, lost = [], []
        slope = 0.5 * abs(float(matrices[qubit][1] @ [1, -1]))
        for cut in cut_offs(kept):
            mean, dropped, strings, *_, squares = propagate(
                words_of(letters),
                np.ones(1),
                seats,
                maps,
                ends,
                ground,
                *cut,
                LARGEST_INTEGER,
            )
            one = 0.5 * (1 - mean)
            both.append(float(matrices[qubit][1] @ [1 - one, one]))
            lost.append((slope * float(dropped), slope * float(np.sqrt(squares))))
            most = max(most, int(strings))
        found.append((*both, *lost[0]))
    return found, most
