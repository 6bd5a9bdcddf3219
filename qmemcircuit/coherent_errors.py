"""Errors that a calibration does not state: slow frequency offsets and coherent gate errors.

A calibrated noise model forgets at once and adds errors in probability. Real errors also last:
a qubit's frequency is off by an amount that stays for a whole shot, and a two-qubit gate turns
too far each time it is used. `CoherentErrors` adds both to a prediction, with magnitudes that
are the user's assumption. They come on top of the calibrated errors, which on a device already
contain part of them: T2 is usually measured with an echo, that is without the slow offset, but
a gate's error includes its coherent part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import RZGate, RZZGate

from qmemcircuit.checks import FloatArray, check_integer, check_real
from qmemcircuit.compilation import operation_duration

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

DIAGONAL = ("rz", "cz", "rzz", "p", "delay", "id", "barrier")
"""Instructions that rotations about z pass through."""

LABEL = "coherent error"
"""Gates with a label have only the noise of that label in Aer: none."""


@dataclass(frozen=True)
class CoherentErrors:
    """Assumed errors with memory, constant during a shot; no calibration states them.

    Attributes:
        detuning: standard deviation σ of each qubit's angular frequency offset, in rad/s (2π times
            that in Hz). Offsets are Gaussian from shot to shot, constant in a shot, independent
            between qubits, and act as RZ(offset × duration) during every wait and gate. A waiting
            qubit's coherence then falls as exp(−σ²t²/2): σ = √2/T where a Ramsey decay beyond T2
            reaches 1/e at T.
        two_qubit_angle: ε in radians: every two-qubit gate is followed by RZZ(ε) =
            exp(−iεZZ/2), an average gate infidelity of (4/5) sin²(ε/2).
        draws: number of offsets averaged over, a power of two: points of a Sobol sequence,
            mirrored and scaled so that mean and covariance are exact. At σt = 1 the error of the
            averaged coherence is below 1e-3 with 64 (tests/test_suppression.py); the time of a
            prediction grows with it.

    Raises ValueError for values out of range.
    """

    detuning: float = 0.0
    two_qubit_angle: float = 0.0
    draws: int = 64

    def __post_init__(self) -> None:
        check_real("detuning", self.detuning, minimum=0)
        check_real("two_qubit_angle", self.two_qubit_angle)
        draws = check_integer("draws", self.draws, minimum=2)
        if draws & (draws - 1):
            raise ValueError(
                f"Argument draws must be a power of two, but {draws} was given; 64 usually does."
            )


def draw_detunings(errors: CoherentErrors, qubits: int) -> FloatArray:
    """Return offsets in rad/s, shape (draws, qubits); one row of zeros without detuning.

    Raises ValueError where there are too few draws for an exact covariance of so many qubits.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    if errors.detuning == 0:
        return np.zeros((1, qubits))
    half = errors.draws // 2
    if half < 2 * qubits:
        raise ValueError(
            f"Argument draws must be at least four for each of {qubits} qubits, but "
            f"{errors.draws} was given."
        )
    # A fixed seed: the draws are nodes of an integration, not an experiment's randomness.
    uniform = qmc.Sobol(qubits, scramble=True, seed=0).random_base2(half.bit_length() - 1)
    normal = ndtri(uniform)
    spread = np.linalg.cholesky(normal.T @ normal / half)
    exact = np.linalg.solve(spread, normal.T).T
    return np.asarray(errors.detuning * np.concatenate([exact, -exact]))


def insert_coherent_errors(
    circuit: QuantumCircuit, part: QiskitTarget, errors: CoherentErrors
) -> tuple[QuantumCircuit, list[Parameter]]:
    """Return a scheduled circuit with its coherent errors as gates, and the offsets as parameters.

    The parameters, one for each qubit, are offsets in rad/s; a qubit whose offset does nothing
    has none in the circuit. During a pulse the offset acts half before and half after it.
    """
    offsets = [Parameter(f"offset{qubit}") for qubit in range(circuit.num_qubits)]
    pending = np.zeros(circuit.num_qubits)
    found = circuit.copy_empty_like()

    def flush(place: int) -> None:
        if errors.detuning > 0 and pending[place] > 0:
            angle = offsets[place] * float(pending[place])
            found.append(RZGate(angle, label=LABEL), [place])
        pending[place] = 0.0

    for instruction in circuit.data:
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        name = instruction.operation.name
        length = operation_duration(instruction, places, part)
        if name == "reset":
            # Whatever its phase was, the qubit is in |0> afterwards.
            pending[places] = 0.0
            found.append(instruction)
            continue
        if name in DIAGONAL:
            pending[places] += length
            found.append(instruction)
        else:
            pending[places] += 0.5 * length
            for place in places:
                flush(place)
            found.append(instruction)
            pending[places] += 0.5 * length
        if len(places) == 2 and name != "barrier" and errors.two_qubit_angle != 0:
            found.append(RZZGate(errors.two_qubit_angle, label=LABEL), places)
    for place in range(circuit.num_qubits):
        flush(place)
    return found, offsets
