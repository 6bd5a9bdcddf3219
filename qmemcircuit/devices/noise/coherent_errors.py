"""Errors that a calibration does not state: slow frequency offsets and coherent gate errors.

A calibrated noise model forgets at once and adds errors in probability. Real errors also last:
a qubit's frequency is off by an amount that stays for a whole shot, and a two-qubit gate turns
too far each time it is used. `CoherentErrors` adds both to a prediction, with magnitudes that
are the user's assumption. They come on top of the calibrated errors, which on a device already
contain part of them: T2 is usually measured with an echo, that is without the slow offset, but
a gate's error includes its coherent part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import RZGate, RZZGate

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.compilation.instructions import operation_duration

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

DIAGONAL = ("rz", "cz", "rzz", "p", "delay", "id", "barrier")
"""Instructions that rotations about z pass through."""

MOST_NODES = 4096
"""Runs of one circuit that an average over detunings may take: seconds for a short one."""

LABEL = "coherent error"
"""Gates with a label have only the noise of that label in Aer: none."""


@data_object
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
        nodes: Gauss–Hermite nodes n for each qubit's offset; the average takes n^qubits runs. The
            error of a waiting qubit's coherence is about n!/(2n)! (σt)^2n of it: for n = 4 and
            σt = 1, 6e-4. Take more for longer waits; 2 or 3 do for many qubits and short ones.

    Raises:
        ValueError: for values out of range.

    >>> import qmemcircuit as qm
    >>> errors = qm.CoherentErrors(two_qubit_angle=0.01)  # radians, of every two-qubit gate
    >>> errors.detuning
    0.0
    """

    detuning: float = 0.0
    two_qubit_angle: float = 0.0
    nodes: int = 4

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("detuning", self.detuning, minimum=0)
        check_real("two_qubit_angle", self.two_qubit_angle)
        check_integer("nodes", self.nodes, minimum=2)


def detuning_nodes(errors: CoherentErrors, qubits: int) -> tuple[FloatArray, FloatArray]:
    """Return offsets in rad/s, shape (K, qubits), and their weights (K,), which sum to 1.

    One row of zeros without detuning. Raises ValueError for more than `MOST_NODES` rows.
    """
    if errors.detuning == 0:
        return np.zeros((1, qubits)), np.ones(1)
    if errors.nodes**qubits > MOST_NODES:
        raise ValueError(
            f"Argument nodes must leave at most {MOST_NODES} runs a circuit, but {errors.nodes} "
            f"for each of {qubits} qubits are {errors.nodes**qubits}; use fewer nodes."
        )
    points, weights = np.polynomial.hermite_e.hermegauss(errors.nodes)
    offsets = np.array(list(product(points, repeat=qubits)))
    shares = np.array([math.prod(item) for item in product(weights, repeat=qubits)])
    return errors.detuning * offsets, shares / shares.sum()


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
