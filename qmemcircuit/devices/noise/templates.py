"""Circuits with open angles, compiled once: a loop's step on a noise model in a millisecond.

A closed loop runs the same circuit at every step with other angles. Compiling it anew takes a
second a step; here it is compiled once, every gate's noise, wait and reset becomes a map on the
qubits' Pauli means (`circuits.channels.pauli_maps`), and what lies between two open angles is
one matrix. A circuit that grows by a step at a time (`Chain`) is compiled once in pieces, and the
means after the steps so far are kept: the noise has no memory, so step k costs what step 1 does.
 Open angles must end in RZ gates, which take no time and have no error of their own;
that is what RY, RX, RZ and U become on today's devices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import CircuitInstruction, Parameter, ParameterExpression, QuantumCircuit

from qmemcircuit.circuits.protocols import SEAM, counts_of
from qmemcircuit.circuits.settings import measured_qubits
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.drawing import draw_counts, random_stream
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.compilation.suppression import TwirledCircuit
from qmemcircuit.devices.noise.calibrated import read_out, readout_matrices
from qmemcircuit.devices.noise.instruction_maps import gate_errors, maps_of

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


@dataclass(frozen=True)
class _Turn:
    """RZ on one qubit by constant + Σ weights · values, after `before` on all means."""

    before: FloatArray
    qubit: int
    constant: float
    weights: FloatArray


@dataclass(frozen=True)
class _Piece:
    """A stretch of a compiled circuit: open rotations and what is before each, then the rest."""

    turns: tuple[_Turn, ...]
    last: FloatArray

    @property
    def ground(self) -> FloatArray:
        """The means of all qubits in |0>."""
        qubits = (len(self.last).bit_length() - 1) // 2
        found = one = np.array([1.0, 0.0, 0.0, 1.0])
        for _ in range(qubits - 1):
            found = np.kron(one, found)
        return found

    def apply(self, means: FloatArray, values: FloatArray) -> FloatArray:
        """Return the means after this piece, for one value of each parameter."""
        for turn in self.turns:
            means = turn.before @ means
            angle = turn.constant + float(turn.weights @ values)
            cosine, sine = math.cos(angle), math.sin(angle)
            digits = means.reshape(-1, 4, 4**turn.qubit)
            x, y = digits[:, 1].copy(), digits[:, 2].copy()
            digits[:, 1] = cosine * x - sine * y
            digits[:, 2] = sine * x + cosine * y
        return np.asarray(self.last @ means)


@dataclass(frozen=True)
class _Readout:
    """What is read of the means: the circuit's measured qubits and how they are misread."""

    instance: TwirledCircuit
    matrices: Sequence[FloatArray]

    def probabilities(self, means: FloatArray) -> FloatArray:
        """Return the probabilities of the outcomes, (2^M,)."""
        places = measured_qubits(self.instance.circuit)
        strings = np.arange(2 ** len(places))
        kept = sum((3 * (strings >> bit & 1)) * 4**place for bit, place in enumerate(places))
        signs = np.array(
            [[(-1.0) ** int(a & b).bit_count() for b in strings.tolist()] for a in strings.tolist()]
        )
        chances = signs @ means[kept] / len(strings)
        found = np.maximum(read_out(chances, self.instance, self.matrices), 0.0)
        return np.asarray(found / found.sum())


@dataclass(frozen=True)
class NoisyTemplate:
    """One compiled circuit as maps: `probabilities(values)` of what is read."""

    whole: _Piece
    readout: _Readout

    def probabilities(self, values: FloatArray) -> FloatArray:
        """Return the probabilities of the outcomes, (2^M,), for one value of each parameter."""
        return self.readout.probabilities(self.whole.apply(self.whole.ground, values))


def noisy_templates(
    compiled: CompiledCircuit,
    parameters: Sequence[Parameter],
    part: QiskitTarget,
    reset_error: float,
) -> tuple[NoisyTemplate, ...]:
    """Return a compiled circuit's random instances (one without twirling) as templates.

    Raises:
        ValueError: where an open angle stands in another gate than RZ.
    """
    matrices = readout_matrices(part)
    errors = gate_errors(part, reset_error)
    return tuple(
        NoisyTemplate(
            _piece(item.circuit, item.circuit.data, parameters, part, errors),
            _Readout(item, matrices),
        )
        for item in compiled.instances
    )


@data_object
@dataclass(frozen=True, eq=False)
class CompiledOnce:
    """Circuits with open parameters, compiled for a device; made by `DeviceTarget.compile_once`."""

    seed: int
    templates: tuple[tuple[NoisyTemplate, ...], ...]

    def count(self, values: Sequence[FloatArray], shots: int, step: int) -> list[dict[int, int]]:
        """Draw the counts for these values from the exact noisy probabilities."""
        random = random_stream(self.seed, step)
        return [
            counts_of(draw_counts([one.probabilities(given) for one in instances], shots, random))
            for instances, given in zip(self.templates, values, strict=True)
        ]


class NoisyChain:
    """A chain compiled once for a device; made by `DeviceTarget.compile_chain`."""

    def __init__(
        self,
        compiled: Sequence[CompiledCircuit],
        parameters: Sequence[Parameter],
        part: QiskitTarget,
        *,
        reset_error: float,
        seed: int,
    ) -> None:
        """Take start, one step with open parameters and an end from each circuit, untwirled."""
        matrices = readout_matrices(part)
        errors = gate_errors(part, reset_error)
        self._ends = []
        for item in compiled:
            (instance,) = item.instances
            circuit = instance.circuit
            start, self._step, end = (
                _piece(circuit, data, parameters, part, errors) for data in _cut(circuit)
            )
            self._ends.append((end, _Readout(instance, matrices)))
        self._means = start.apply(start.ground, np.zeros(0))
        self._seed = seed

    def append(self, values: FloatArray) -> None:
        """Let one step act on the means."""
        self._means = self._step.apply(self._means, np.asarray(values))

    def probabilities(self) -> list[FloatArray]:
        """Return the exact probabilities of each end's outcomes, (2^M,), after the steps so far."""
        nothing = np.zeros(0)
        return [
            readout.probabilities(end.apply(self._means, nothing)) for end, readout in self._ends
        ]

    def count(self, shots: int, step: int) -> list[dict[int, int]]:
        """Draw the counts from the exact noisy probabilities."""
        random = random_stream(self._seed, step)
        return [
            counts_of(draw_counts([chances], shots, random)) for chances in self.probabilities()
        ]


def _cut(circuit: QuantumCircuit) -> list[list[CircuitInstruction]]:
    """Return the instructions of start, step and end."""
    pieces: list[list[CircuitInstruction]] = [[]]
    for instruction in circuit.data:
        if instruction.operation.name == "barrier" and instruction.operation.label == SEAM:
            pieces.append([])
        else:
            pieces[-1].append(instruction)
    return pieces


def _piece(
    circuit: QuantumCircuit,
    instructions: Sequence[CircuitInstruction],
    parameters: Sequence[Parameter],
    part: QiskitTarget,
    errors: dict[tuple[str, tuple[int, ...]], FloatArray],
) -> _Piece:
    """Return some of a circuit's instructions as maps."""
    total = np.eye(4**circuit.num_qubits)
    turns = []
    for instruction in instructions:
        operation = instruction.operation
        places = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        if operation.name in ("measure", "barrier"):
            continue
        open_angles = [p for p in operation.params if isinstance(p, ParameterExpression)]
        if any(angle.parameters for angle in open_angles):
            if operation.name != "rz":
                raise ValueError(
                    f"Argument circuits must have their parameters in RZ gates once compiled, but "
                    f"{operation.name} has one; the device's other angles are fixed."
                )
            constant, weights = _linear(open_angles[0], parameters)
            turns.append(_Turn(total, places[0], constant, weights))
            total = np.eye(4**circuit.num_qubits)
            continue
        for members, matrix in maps_of(operation, places, part):
            total = _on(matrix, members, circuit.num_qubits) @ total
        found = errors.get((operation.name, places))
        if found is not None:
            total = _on(found, places, circuit.num_qubits) @ total
    return _Piece(tuple(turns), total)


def _linear(
    angle: ParameterExpression, parameters: Sequence[Parameter]
) -> tuple[float, FloatArray]:
    """Return constant and weights of an angle that is linear in its parameters."""
    zero = angle.bind(dict.fromkeys(angle.parameters, 0.0))
    weights = np.zeros(len(parameters))
    for place, parameter in enumerate(parameters):
        if parameter in angle.parameters:
            weights[place] = float(angle.gradient(parameter))
    return float(zero), weights


def _on(matrix: FloatArray, places: tuple[int, ...], qubits: int) -> FloatArray:
    """Return a map on some qubits (first one least significant) as one on all."""
    size = len(places)
    tensor = np.eye(4**qubits).reshape((4,) * qubits + (-1,))
    axes = [qubits - 1 - place for place in reversed(places)]
    moved = np.moveaxis(tensor, axes, range(size))
    done = (matrix @ moved.reshape(4**size, -1)).reshape(moved.shape)
    return np.asarray(np.moveaxis(done, range(size), axes).reshape(4**qubits, -1))
