"""Circuits simulated by Aer: all times in one pass, in pieces short enough to be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from qiskit.circuit import Instruction, QuantumCircuit
from qiskit.circuit.library import UnitaryGate

from qmemcircuit.circuits.assembly import CircuitBuilder, most_collisions
from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.collision import damping_kraus
from qmemcircuit.circuits.settings import check_plain
from qmemcircuit.circuits.splitting import (
    Collision,
    Element,
    Operation,
    Synthesis,
    split_evolution,
)
from qmemcircuit.common.aer import make_simulator
from qmemcircuit.common.checks import ComplexArray, FloatArray
from qmemcircuit.common.resources import Effort, progress_of, require
from qmemcircuit.model.memristors import Network

PARALLEL_FROM = 22
"""From this many index bits (11 memristors' density matrix), one operation takes so long (tens
of milliseconds) that Aer's threads pay; below, their barriers cost more than they save."""


PIECE_SECONDS = 2.0
"""One call of Aer is meant to take no longer, so that Ctrl-C is seen."""


COPIES = 12
"""Of the density matrix, at the peak: handing it to the next piece converts it (measured)."""


WHOLE = "whole"
"""The label of the state that one piece hands to the next."""


TRAJECTORIES = (
    "simulate_circuit averages trajectories, which need 2^M numbers or, as matrix-product states, "
    "far fewer"
)
"""What goes on where no density matrix does."""


Save = Callable[[QuantumCircuit, int], None]
"""Appends to a circuit whatever shall be saved at the time with this index."""


def estimate_aer(
    circuits: CircuitSet, members: Sequence[tuple[int, ...]], *, traced: bool = True
) -> Effort:
    """Return what Aer will take for `reduced_states`: operations × 4^qubits, and copies of a state.

    The coefficients are measured (see `qmemcircuit.common.resources`).
    """
    memristors, count = len(circuits.network.memristors), len(circuits.times)
    qubits = memristors if traced else circuits.num_qubits
    operations = _count_operations(circuits, traced=traced)
    kept = count * sum(16 * 4 ** len(item) for item in members)
    what = f"{memristors} memristors" if traced else f"{qubits} qubits"
    return Effort(
        f"the density matrix of {what} at {count} times, {operations:,} operations,",
        operations * seconds_of_one(qubits),
        COPIES * 16 * 4**qubits + kept,
    )


def seconds_of_one(qubits: int) -> float:
    """Return the measured seconds of one operation on a density matrix, on one core."""
    return float(2.4e-4 + 1.4e-8 * 4.0**qubits)


def _count_operations(circuits: CircuitSet, *, traced: bool) -> int:
    """Return how many operations, roughly, all passes together apply."""
    count, network = len(circuits.times), circuits.network
    if circuits.compiled:
        step, repetitions = circuits.elements(count - 1), count
    else:
        last = float(circuits.times[-1]) or 1.0
        step = split_evolution(network, np.array([0.0, last / count]), circuits.splitting)
        if not circuits.share_steps:
            repetitions = count * (circuits.steps or 1)
        elif traced or circuits.splitting == "lie":
            repetitions = count
        else:  # half-steps merge with the next, so every time has a circuit of its own
            repetitions = count * (count + 1) // 2
    couplings = sum(isinstance(item, Operation) and len(item.memristors) == 2 for item in step)
    coupled = {j for pair, _ in network.couplings for j in pair}
    collisions = sum(isinstance(item, Collision) for item in step)
    # A collision is some three gates and a reset; traced, it merges with the free evolution.
    locally = len(coupled) if traced else 3 * collisions + len(step) - couplings
    return repetitions * (couplings + locally) + count


def save_exact(members: Sequence[tuple[int, ...]]) -> Save:
    """Return how the exact states of these memristors are saved."""
    from qiskit_aer.library import SaveDensityMatrix

    def save(circuit: QuantumCircuit, index: int) -> None:
        for place, item in enumerate(members):
            circuit.append(SaveDensityMatrix(len(item), label=f"{place}@{index}"), list(item))

    return save


def traced_circuit(
    circuits: CircuitSet, save: Save, *, unravel: bool = False
) -> tuple[QuantumCircuit, ComplexArray]:
    """Return one circuit on the system alone, all times saved, and what is left to apply.

    Whatever acts on one memristor between two couplings (damping by its Kraus operators, free
    evolution, preparation) is one channel. The channels after the last coupling before a time
    are not in the circuit, for they would keep those of the next interval from merging: they are
    returned as superoperators of shape (T, M, 4, 4), and `finish` applies them to what was saved.

    On a density matrix the circuit is the exact channel. With `unravel` the channels are given by
    Kraus operators instead of superoperators: on a state vector or matrix-product state each shot
    is then one quantum trajectory.
    """
    make = _kraus_instruction if unravel else _superoperator_instruction
    network = circuits.network
    everyone = range(len(network.memristors))
    circuit = QuantumCircuit(len(everyone))
    pending = [np.eye(4, dtype=complex)] * len(everyone)
    left = np.empty((len(circuits.times), len(everyone), 4, 4), dtype=complex)
    instructions: dict[bytes, Instruction] = {}  # identical memristors share one
    for index, elements in enumerate(_new_elements(circuits)):
        if not circuits.share_steps or index == 0:
            pending = _prepare(circuit, network)
        for element in elements:
            if isinstance(element, Collision | Synthesis):
                if isinstance(element, Collision):
                    kraus = damping_kraus(element.probability, element.kind)
                else:
                    kraus = element.half.kraus()
                pending[element.memristor] = superoperator(kraus) @ pending[element.memristor]
                continue
            matrix = np.asarray(element.gate.to_matrix())
            if len(element.memristors) == 1:
                (j,) = element.memristors
                pending[j] = superoperator([matrix]) @ pending[j]
                continue
            for j in element.memristors:
                if np.array_equal(pending[j], np.eye(4)):
                    continue
                key = pending[j].tobytes()
                if key not in instructions:
                    instructions[key] = make(pending[j])
                circuit.append(instructions[key], [j])
                pending[j] = np.eye(4, dtype=complex)
            circuit.append(UnitaryGate(matrix, check_input=False), list(element.memristors))
        save(circuit, index)
        left[index] = pending
    return circuit, left


def finish(states: ComplexArray, left: ComplexArray, members: Sequence[int]) -> ComplexArray:
    """Apply the superoperators that `traced_circuit` left to states of the memristors `members`.

    `states` has shape (…, T, 2^k, 2^k), members[0] least significant, and so has the result.
    """
    count = len(members)
    for place, j in enumerate(members):
        after, before = 2 ** (count - 1 - place), 2**place
        shape = (*states.shape[:-2], after, 2, before, after, 2, before)
        tensor = states.reshape(shape)
        local = left[:, j].reshape(-1, 2, 2, 2, 2)
        states = np.einsum("tacbd,...txbyzdw->...txayzcw", local, tensor).reshape(states.shape)
    return states


def superoperator(operators: Sequence[ComplexArray]) -> ComplexArray:
    """Return Σ K⊗K* of Kraus operators: what multiplies a row-major flattened density matrix."""
    total = np.zeros((4, 4), dtype=complex)
    for operator in operators:
        total += np.kron(operator, operator.conj())
    return total


def _superoperator_instruction(matrix: ComplexArray) -> Instruction:
    """Return a superoperator of one qubit as Aer's own instruction, which stacks columns."""
    columns = matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4)
    return Instruction("superop", 1, 0, [columns])


def _kraus_instruction(matrix: ComplexArray) -> Instruction:
    """Return a superoperator of one qubit as an instruction with canonical Kraus operators."""
    from qiskit.quantum_info import Kraus

    choi = matrix.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4)
    weights, vectors = np.linalg.eigh(choi)
    operators = [
        np.sqrt(weight) * vector.reshape(2, 2)
        for weight, vector in zip(weights, vectors.T, strict=True)
        if weight > 1e-14  # rounding: the weights add up to 2
    ]
    return Kraus(operators).to_instruction()


def _prepare(circuit: QuantumCircuit, network: Network) -> list[ComplexArray]:
    """Return the channels that prepare each memristor anew; append a joint state, if any."""
    from qiskit_aer.library import SetDensityMatrix

    if network.state is not None:
        circuit.append(SetDensityMatrix(network.initial_state), circuit.qubits)
        return [np.eye(4, dtype=complex)] * len(network.memristors)
    trace = np.eye(2).ravel()
    return [np.outer(item.initial_state.ravel(), trace) for item in network.memristors]


def ancilla_circuits(circuits: CircuitSet, save: Save) -> Iterator[QuantumCircuit]:
    """The circuits as they are, ancillas and all: one pass where steps are shared, else each."""
    if not circuits.share_steps or circuits.splitting != "lie":
        # Nothing is shared: other steps at every time, or half-steps that merge with the next.
        for index in range(len(circuits.times)):
            circuit = circuits.evolution(index)
            save(circuit, index)
            yield circuit
        return
    parts = list(_new_elements(circuits))
    most = most_collisions([element for part in parts for element in part])
    builder = CircuitBuilder(circuits.network, circuits.options, most)
    for index, elements in enumerate(parts):
        builder.append(elements)
        save(builder.circuit, index)
    yield builder.circuit


def plain_probabilities(circuits: Sequence[QuantumCircuit]) -> list[FloatArray]:
    """Return the exact outcome probabilities (2^M,) of circuits that measure their first M qubits.

    Waits do nothing, for nothing here decays.
    """
    from qiskit_aer.library import SaveProbabilities

    bits = check_plain(circuits)
    prepared = []
    for number, circuit in enumerate(circuits):
        kept = circuit.copy_empty_like()
        for instruction in circuit.data:
            if instruction.operation.name not in ("measure", "barrier"):
                kept.append(instruction)
        kept.append(SaveProbabilities(bits, label=str(number)), list(range(bits)))
        prepared.append(kept)
    qubits = max(circuit.num_qubits for circuit in prepared)
    operations = sum(len(circuit.data) for circuit in prepared)
    estimate = Effort(
        f"the density matrices of {len(prepared)} circuits of up to {qubits} qubits",
        seconds_of_one(qubits) * operations,
        16 * 4**qubits,
    )
    require(estimate, "a sampler draws shots without a density matrix", argument="circuits")
    found = run_pieces(prepared, estimate)
    return [np.maximum(found[str(number)], 0.0) for number in range(len(prepared))]


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
    limit = make_simulator("density_matrix").num_qubits
    if circuits.num_qubits > limit:
        raise ValueError(
            f"Argument ancilla must leave at most {limit} qubits for Aer's density-matrix method "
            f"on this machine, but the longest of these circuits has {circuits.num_qubits}; use "
            "ancilla='reset' (one recycled ancilla a memristor) or fewer times."
        )


def run_pieces(circuits: list[QuantumCircuit], estimate: Effort) -> dict[str, Any]:
    """Run the circuits on Aer's density-matrix method and collect what they save, by label.

    In pieces of about two seconds: Aer holds Python's lock while it runs, and Ctrl-C would wait for
    it. The whole state is handed from piece to piece, bit for bit.
    """
    from qiskit import transpile

    qubits = max(circuit.num_qubits for circuit in circuits)
    threads = 0 if 2 * qubits >= PARALLEL_FROM else 1  # 0 stands for all
    simulator = make_simulator("density_matrix", max_parallel_threads=threads)
    compiled = transpile(circuits, simulator, optimization_level=0)
    total, done = sum(len(circuit.data) for circuit in compiled), 0
    size = max(1, int(PIECE_SECONDS / seconds_of_one(qubits)))
    found: dict[str, Any] = {}
    with progress_of(estimate) as report:
        for circuit in compiled:
            state: ComplexArray | None = None
            for start in range(0, len(circuit.data), size):
                piece = circuit.copy_empty_like()
                if state is not None:
                    # Not SetDensityMatrix, which would diagonalise the state to check it.
                    handed = Instruction("set_density_matrix", piece.num_qubits, 0, [state])
                    piece.append(handed, piece.qubits)
                for instruction in circuit.data[start : start + size]:
                    piece.append(instruction)
                last = start + size >= len(circuit.data)
                if not last:
                    _save_whole(piece)
                result = simulator.run(piece, shots=1).result()
                if not result.success:
                    raise RuntimeError(f"Aer failed: {result.status}")
                data = result.data(0)
                state = None if last else np.asarray(data.pop(WHOLE))
                found.update(data)
                done += min(size, len(circuit.data) - start)
                report(done, total)
    return found


def _save_whole(circuit: QuantumCircuit) -> None:
    from qiskit_aer.library import SaveDensityMatrix

    circuit.append(SaveDensityMatrix(circuit.num_qubits, label=WHOLE), circuit.qubits)
