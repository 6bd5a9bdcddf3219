"""Circuits compiled for a device: instructions it has, on chosen qubits, scheduled in time.

Compilation sees the device restricted to the chosen qubits. The same small circuit is simulated
for the prediction and, widened to the device's register, submitted: what is predicted is what
runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.checks import FloatArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.placement import Placement
from qmemcircuit.devices.suppression import TwirledCircuit, decouple, twirl, twirl_as_service

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

SELF_INVERSE = ("cz", "cx", "ecr")
"""Two-qubit gates that folding repeats; G G G = G needs no inverse of another angle."""

NOT_SIMULATED = ("measure_2", "reset_2")
"""Mid-circuit variants that few devices have and Aer does not know; the plain ones are used."""

ANGLE_BOUNDS = {"rzz": [(0.0, np.pi / 2)]}
"""Angles that IBM's fractional gates take. Qiskit's `Target` tells that a gate is bounded, and
whether an angle is allowed, but not the bounds, so that a restricted target needs them again."""


@data_object
@dataclass(frozen=True, eq=False)
class CompiledCircuit:
    """One circuit in a device's own instructions on the placement's qubits.

    Attributes:
        circuit: on `len(placement.qubits)` qubits, scheduled and decoupled where that was asked
            for, never twirled.
        system: where each memristor's qubit ends, as an index into `placement.qubits`.
        duration: of `circuit`, from the first instruction to the start of the measurement, in
            seconds; NaN where the circuit is not scheduled. Twirled instances may take a few
            pulses longer.
        two_qubit_gates: their number.
        twirled: the random instances that run in place of `circuit`, scheduled and decoupled like
            it; empty without twirling.
    """

    circuit: QuantumCircuit
    system: tuple[int, ...]
    duration: float
    two_qubit_gates: int
    twirled: tuple[TwirledCircuit, ...] = ()

    @property
    def instances(self) -> tuple[TwirledCircuit, ...]:
        """The circuits that run: the twirled ones, or `circuit` alone."""
        return self.twirled or (TwirledCircuit(self.circuit, (False,) * self.circuit.num_clbits),)


def restrict_target(target: QiskitTarget, qubits: Sequence[int]) -> QiskitTarget:
    """Return the part of `target` on `qubits`, renumbered from 0 in the order given.

    Control flow and instructions without a fixed set of qubits are left out, and gates whose
    angles are bounded otherwise than in `ANGLE_BOUNDS`.
    """
    from qiskit.transpiler import Target

    place = {qubit: index for index, qubit in enumerate(qubits)}
    known = target.qubit_properties
    part = Target(
        num_qubits=len(qubits),
        dt=target.dt,
        granularity=target.granularity,
        min_length=target.min_length,
        pulse_alignment=target.pulse_alignment,
        acquire_alignment=target.acquire_alignment,
        qubit_properties=None if known is None else [known[qubit] for qubit in qubits],
    )
    for name in target.operation_names:
        properties = target[name]
        if properties is None or None in properties or name in NOT_SIMULATED:
            continue
        bounded = target.gate_has_angle_bounds(name)
        if bounded and name not in ANGLE_BOUNDS:
            continue
        kept = {
            tuple(place[qubit] for qubit in where): value
            for where, value in properties.items()
            if all(qubit in place for qubit in where)
        }
        if kept:
            part.add_instruction(
                target.operation_from_name(name),
                kept,
                name=name,
                angle_bounds=ANGLE_BOUNDS[name] if bounded else None,
            )
    return part


def require_instructions(circuit: QuantumCircuit, target: QiskitTarget, device: str) -> None:
    """Raise ValueError where `circuit` resets qubits and the device cannot."""
    if "reset" in circuit.count_ops() and "reset" not in target.operation_names:
        raise ValueError(
            f"Argument backend must have the instruction reset for recycled ancillas, but "
            f"{device} has only {', '.join(sorted(target.operation_names))}; use "
            "ancilla='fresh', which needs no reset."
        )


def require_isa(circuit: QuantumCircuit, target: QiskitTarget, device: str) -> None:
    """Raise ValueError naming the first instruction of `circuit` that `target` does not take."""
    for instruction in circuit.data:
        name = instruction.operation.name
        places = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        if name in ("barrier", "delay"):
            continue
        if name not in target.operation_names or not target.instruction_supported(name, places):
            raise ValueError(
                f"Argument circuits must hold only instructions of {device}, but it has no "
                f"{name} on qubits {places}; compile for it first, as device(backend) and "
                "ibm(name) do."
            )
        angles = list(instruction.operation.params)
        if target.gate_has_angle_bounds(name) and not target.supported_angle_bound(name, angles):
            raise ValueError(
                f"Argument circuits must hold only angles that {device} takes, but it has no "
                f"{name}({', '.join(f'{float(angle):g}' for angle in angles)}); compile for it "
                "first, as device(backend) and ibm(name) do."
            )


def compile_circuit(
    circuit: QuantumCircuit,
    placement: Placement,
    part: QiskitTarget,
    *,
    where: Sequence[int],
    memristors: int,
    seed: int,
    schedule: bool,
    own_basis: bool,
    fold: int,
    fold_all: bool = False,
    optimization_level: int,
    dynamical_decoupling: str | None,
    twirling: int,
    service_twirling: bool,
    twirling_seed: int,
) -> CompiledCircuit:
    """Compile one circuit for a restricted target.

    Args:
        circuit: an abstract circuit, its first `memristors` qubits the system.
        placement: the chosen qubits.
        part: the device restricted to `placement.qubits`.
        where: the index into `placement.qubits` of every circuit qubit (used where embedded).
        seed: of the transpiler.
        schedule: whether to schedule as late as possible, so that waiting is explicit.
        own_basis: whether memristors wait for a reset in their own basis (`wait_in_own_basis`).
        fold: how often every two-qubit gate is repeated, odd; after compilation, before
            scheduling, at no further optimisation, or the folds would cancel.
        fold_all: whether one-qubit gates and waits for resets are folded too (`fold_all_noise`).
        optimization_level: of the preset pass manager, 0 to 3.
        dynamical_decoupling: the sequence that fills waits, or None (see `decouple`).
        twirling: the number of random instances, 0 for none, drawn from `twirling_seed` after
            folding (see `twirl`; `twirl_as_service` where `service_twirling`).
    """
    from qiskit.transpiler import generate_preset_pass_manager

    manager = generate_preset_pass_manager(
        optimization_level=optimization_level,
        target=part,
        initial_layout=list(where) if placement.embedded else None,
        seed_transpiler=seed,
        scheduling_method="alap" if schedule else None,
    )
    # The preset manager's scheduling stage is run by itself, after the folding.
    scheduling, manager.scheduling = manager.scheduling, None
    compiled = manager.run(wait_in_own_basis(circuit, memristors) if own_basis else circuit)
    layout = compiled.layout
    system = tuple(range(memristors))
    if layout is not None:
        system = tuple(layout.final_index_layout(filter_ancillas=True)[:memristors])
    if fold_all:
        compiled = fold_all_noise(compiled, fold, part)
    else:
        compiled = fold_two_qubit_gates(compiled, fold)

    def finish(plain: QuantumCircuit, sequence: str | None) -> QuantumCircuit:
        scheduled = scheduling.run(plain) if schedule else plain
        if sequence is not None:
            scheduled = decouple(scheduled, sequence, part)
        return without_idle_ends(scheduled, system)

    finished = finish(compiled, dynamical_decoupling)
    twirled: list[TwirledCircuit] = []
    if twirling and service_twirling:
        submitted = finish(compiled, None)
        twirled = twirl_as_service(submitted, twirling, twirling_seed)
    elif twirling:
        twirled = twirl(compiled, twirling, twirling_seed, part)
    return CompiledCircuit(
        finished,
        system,
        _duration_before_measurement(finished, part) if schedule else float("nan"),
        finished.num_nonlocal_gates(),
        tuple(
            replace(item, circuit=finish(item.circuit, dynamical_decoupling)) for item in twirled
        ),
    )


def wait_in_own_basis(circuit: QuantumCircuit, memristors: int) -> QuantumCircuit:
    """Return `circuit` with a barrier where an ancilla leaves its memristor to be reset.

    As-late-as-possible scheduling would push the last Hadamard of a collision to the end of the
    wait that follows, and the memristor would decay along the wrong axis meanwhile. The barrier
    stands after the ancilla's last gate, so ancillas of a pool are still reset in parallel.
    """
    data = list(circuit.data)
    own = (circuit.num_qubits - memristors) // memristors
    latest: dict[int, int] = {}
    after: dict[int, int] = {}
    for number, instruction in enumerate(data):
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if instruction.operation.name == "reset" and places[0] in latest:
            after[latest[places[0]]] = places[0]
        for place in places:
            latest[place] = number
    marked = circuit.copy_empty_like()
    for number, instruction in enumerate(data):
        marked.append(instruction)
        if number in after:
            ancilla = after[number]
            marked.barrier((ancilla - memristors) // own, ancilla)
    return marked


def without_idle_ends(circuit: QuantumCircuit, system: Sequence[int]) -> QuantumCircuit:
    """Return `circuit` without what ancillas do alone after their last two-qubit gate.

    A schedule lets them wait up to the end of the measurement. That changes nothing; but the
    service's twirling puts a barrier before the measurement, which would then wait for them, and
    the memristors with it: 5.4 µs on FakeManila.
    """
    busy = set(system)
    kept = []
    for instruction in reversed(circuit.data):
        places = {circuit.find_bit(qubit).index for qubit in instruction.qubits}
        if len(places) == 1 and not places & busy:
            continue
        if instruction.operation.name != "barrier":
            busy |= places
        kept.append(instruction)
    found = circuit.copy_empty_like()
    for instruction in reversed(kept):
        found.append(instruction)
    return found


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
    fold = check_integer("fold", fold, minimum=1)
    if fold % 2 == 0:
        raise ValueError(f"Argument fold must be odd, but {fold} was given; use 1, 3, 5, ….")
    if fold == 1:
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


def widen(circuit: QuantumCircuit, qubits: Sequence[int], width: int) -> QuantumCircuit:
    """Return `circuit` on a register of `width` qubits, its qubit k on `qubits[k]`."""
    from qiskit.circuit import QuantumRegister

    wide = QuantumCircuit(QuantumRegister(width, "q"), *circuit.cregs, name=circuit.name)
    wide.metadata = dict(circuit.metadata or {})
    wide.compose(circuit, list(qubits), circuit.clbits, inplace=True)
    return wide


def start_times(circuit: QuantumCircuit, part: QiskitTarget) -> FloatArray:
    """Return when each instruction of a scheduled circuit starts, in seconds.

    Delays are explicit in a scheduled circuit, so qubit by qubit the durations add up.
    """
    clock = np.zeros(circuit.num_qubits)
    starts = np.zeros(len(circuit.data))
    for number, instruction in enumerate(circuit.data):
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        begin = float(clock[places].max())
        starts[number] = begin
        clock[places] = begin + operation_duration(instruction, places, part)
    return starts


def operation_duration(instruction: Any, places: Sequence[int], part: QiskitTarget) -> float:
    """Return the duration of an instruction in seconds; 0 where the device states none."""
    operation = instruction.operation
    if operation.name == "barrier":
        return 0.0
    if operation.name == "delay":
        scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}
        unit = float(part.dt) if operation.unit == "dt" else scale[operation.unit]
        return float(operation.duration) * unit
    properties = part[operation.name].get(tuple(places)) if operation.name in part else None
    return float(getattr(properties, "duration", None) or 0.0)


def _duration_before_measurement(circuit: QuantumCircuit, part: QiskitTarget) -> float:
    """Return when the measurement starts, or the whole length where there is none."""
    starts = start_times(circuit, part)
    ends = [0.0]
    measured = []
    for number, instruction in enumerate(circuit.data):
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if instruction.operation.name == "measure":
            measured.append(starts[number])
        ends.append(starts[number] + operation_duration(instruction, places, part))
    return float(min(measured)) if measured else float(max(ends))
