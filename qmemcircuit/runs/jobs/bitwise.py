"""Counts of circuits that no simulator of the local testing mode finishes: each bit by itself.

A shot of forty noisy qubits is a matrix-product state and takes seconds; 4000 shots of each of 24
circuits take a day. The probability of reading 1 on each qubit takes a second a circuit
(`devices.noise.heisenberg`), with the same calibrated noise, and V_k, I_k = ΓV_k and their error
bars are made of nothing else. What is *not* in such counts: correlations between memristors.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.common.checks import FloatArray
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.compilation.instructions import restrict_target
from qmemcircuit.devices.noise.heisenberg import chances_of_ones
from qmemcircuit.simulation.propagation import PauliPropagation

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

SHOT_SECONDS = 2e-3
"""Of one two-qubit gate in one shot of a matrix-product state; a tenth for weak entanglement."""

LONGEST = 30.0
"""Seconds of matrix-product states, estimated, beyond which each bit is drawn by itself."""

KEPT = PauliPropagation(10, 1e-4)
"""Letters on ancillas count: with fewer the probabilities of twenty memristors are off by 0.01."""


def takes_too_long(circuits: Sequence[QuantumCircuit], shots: int) -> bool:
    """Whether matrix-product states of all shots are estimated to take longer than `LONGEST`."""
    gates = sum(int(item.num_nonlocal_gates()) for item in circuits)
    return shots * SHOT_SECONDS * gates > LONGEST


def bitwise_counts(
    circuits: Sequence[QuantumCircuit], backend: Any, shots: int, seeds: Sequence[int | None]
) -> list[Mapping[int, int]]:
    """Return the counts of each circuit, its bits drawn independently of each other, and say so.

    Args:
        circuits: compiled and scheduled for `backend`, without twirling.
        backend: a fake with a calibration.
        shots: of each circuit.
        seeds: of each circuit's shots; None draws one from the system.
    """
    warnings.warn(
        "Argument shots must be fewer for a local simulation of all qubits together, which would "
        "take hours: each memristor's bit is drawn by itself, from its own noisy probability; "
        "correlations between memristors are not in these counts.",
        UserWarning,
        stacklevel=2,
    )
    chances = _chances(circuits, backend)
    found: list[Mapping[int, int]] = []
    for ones, seed in zip(chances, seeds, strict=True):
        random = np.random.default_rng(seed)
        bits = random.random((shots, ones.size)) < ones
        outcomes, numbers = np.unique(bits @ (1 << np.arange(ones.size)), return_counts=True)
        found.append(dict(zip(outcomes.tolist(), numbers.tolist(), strict=True)))
    return found


def _chances(circuits: Sequence[QuantumCircuit], backend: Any) -> FloatArray:
    from qiskit.circuit import QuantumCircuit, QuantumRegister

    used = sorted(
        {
            circuit.find_bit(qubit).index
            for circuit in circuits
            for instruction in circuit.data
            for qubit in instruction.qubits
        }
    )
    place = {qubit: index for index, qubit in enumerate(used)}
    compiled = []
    for circuit in circuits:
        renumbered = QuantumCircuit(QuantumRegister(len(used)), *circuit.cregs)
        for instruction in circuit.data:
            where = [place[circuit.find_bit(qubit).index] for qubit in instruction.qubits]
            bits = [circuit.find_bit(bit).index for bit in instruction.clbits]
            renumbered.append(instruction.operation, where, bits)
        compiled.append(CompiledCircuit(renumbered, (), np.nan, circuit.num_nonlocal_gates()))
    part = restrict_target(backend.target, used)
    return np.clip(chances_of_ones(compiled, part, kept=KEPT).ones, 0.0, 1.0)
