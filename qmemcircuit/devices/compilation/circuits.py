"""Circuits compiled for a device: instructions it has, on chosen qubits, scheduled in time.

Compilation sees the device restricted to the chosen qubits. The same small circuit is simulated
for the prediction and, widened to the device's register, submitted: what is predicted is what
runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler.exceptions import TranspilerError

from qmemcircuit.common.checks import check_boolean, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.devices.compilation.instructions import operation_duration, start_times
from qmemcircuit.devices.compilation.placement import Placement, qubit_roles
from qmemcircuit.devices.compilation.sharing import share_ancillas
from qmemcircuit.devices.compilation.suppression import Suppression, TwirledCircuit

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget


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


@data_object
@dataclass(frozen=True)
class Compilation:
    """How circuits become a device's instructions.

    Attributes:
        seed: of the transpiler; a target draws its shots and its random Paulis from it, too.
        schedule: whether circuits are scheduled as late as possible, so that waiting is explicit.
        level: of optimization in Qiskit's preset pass manager, 0 to 3.
        own_basis: whether memristors wait for a reset in their own basis everywhere, and not only
            where decay is absorbed (`wait_in_own_basis`). Earlier versions always did. Worth
            trying for raw stepwise circuits: for the paper's memristor it takes the largest trace
            distance from 0.089 to 0.051 on FakeMarrakesh, 0.084 to 0.054 on FakeTorino, 0.105 to
            0.064 on FakeFez (`python -m experiments.benchmarks.stepwise_barrier`). It is no rule:
            plain `compiled` pairs come out a little worse, and there `select_forms=True` of
            `qmemcircuit.device` tries both and keeps the better one, time by time.

    Raises:
        ValueError, TypeError: for values out of range.
    """

    seed: int
    schedule: bool = True
    level: int = 3
    own_basis: bool = False

    def __post_init__(self) -> None:
        check_integer("seed", self.seed, minimum=0)
        check_boolean("schedule", self.schedule)
        check_boolean("own_basis", self.own_basis)
        level = check_integer("optimization_level", self.level, minimum=0)
        if level > 3:
            raise ValueError(
                f"Argument optimization_level must be 0, 1, 2 or 3, but {level} was given."
            )

    def describe(self) -> dict[str, Any]:
        """Return the choices as JSON values, under the names that `device` has for them."""
        return {
            "seed": self.seed,
            "schedule": "alap" if self.schedule else "none",
            "optimization_level": self.level,
            "own_basis": self.own_basis,
        }

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Compilation:
        """Return the compilation of a description; one without the word is of a version before."""
        return cls(
            int(described["seed"]),
            described["schedule"] != "none",
            int(described["optimization_level"]),
            bool(described.get("own_basis", True)),
        )


@data_object
@dataclass(frozen=True, eq=False)
class Site:
    """The chosen qubits of a device, for circuits of so many memristors.

    Attributes:
        placement: which qubits.
        part: the device restricted to them.
        memristors: their number M; the first M qubits of a circuit are the system.
    """

    placement: Placement
    part: QiskitTarget
    memristors: int

    def layout(self, circuit: QuantumCircuit) -> list[int] | None:
        """Return where each circuit qubit sits in `placement.qubits`; None where it is routed."""
        if not self.placement.embedded:
            return None
        if self.placement.seats:
            return list(range(circuit.num_qubits))
        return self._roles(circuit)

    def seat(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return `circuit` with its ancillas on the qubits that they share, where they do."""
        if not self.placement.seats:
            return circuit
        seats = [self.placement.seats[role] for role in self._roles(circuit)]
        return share_ancillas(circuit, seats, self.memristors, self.part)

    def _roles(self, circuit: QuantumCircuit) -> list[int]:
        # The placement's circuit is the longest; absorption may have shortened the last one.
        size = (self.placement.size - self.memristors) // self.memristors
        return qubit_roles(circuit.num_qubits, self.memristors, size)


def compile_circuit(
    circuit: QuantumCircuit,
    site: Site,
    *,
    compilation: Compilation,
    folding: Folding,
    suppression: Suppression,
    own_basis: bool,
    twirling_seed: int,
) -> CompiledCircuit:
    """Compile one circuit for the chosen qubits of a device.

    Args:
        circuit: an abstract circuit, its first memristors the system.
        site: the chosen qubits.
        compilation, suppression: how, and what is done against errors.
        folding: done after compilation and before scheduling, at no further optimisation, or the
            folds would cancel.
        own_basis: whether memristors wait for a reset in their own basis (`wait_in_own_basis`).
        twirling_seed: of the random instances, which are drawn after folding.
    """
    circuit = wait_in_own_basis(circuit, site.memristors) if own_basis else circuit
    circuit = site.seat(circuit)
    manager, scheduling = _stages(compilation, site.part, site.layout(circuit))
    compiled = manager.run(circuit)
    layout = compiled.layout
    system = tuple(range(site.memristors))
    if layout is not None:
        system = tuple(layout.final_index_layout(filter_ancillas=True)[: site.memristors])
    compiled = folding.apply(compiled, site.part)

    def scheduled(item: QuantumCircuit) -> QuantumCircuit:
        if not compilation.schedule:
            return item
        try:
            return scheduling.run(item)
        except TranspilerError as error:
            raise ValueError(
                f"Argument backend must state how long its instructions last, but it does not "
                f"({error.message}); give schedule=False, which leaves waiting out and is no "
                "prediction, or another device."
            ) from None

    def finish(item: QuantumCircuit) -> QuantumCircuit:
        decoupled = suppression.fill_waits(scheduled(item), site.part)
        return without_idle_ends(decoupled, system)

    finished = finish(compiled)
    plain = compiled
    if suppression.twirling and suppression.as_service:
        # The service twirls what it is sent, and that is scheduled already.
        plain = without_idle_ends(scheduled(compiled), system)
    twirled = suppression.instances(plain, twirling_seed, site.part)
    return CompiledCircuit(
        finished,
        system,
        _duration_before_measurement(finished, site.part) if compilation.schedule else math.nan,
        finished.num_nonlocal_gates(),
        tuple(replace(item, circuit=finish(item.circuit)) for item in twirled),
    )


def _stages(
    compilation: Compilation, part: QiskitTarget, layout: Sequence[int] | None
) -> tuple[Any, Any]:
    """Return Qiskit's preset pass manager without its scheduling, and the scheduling alone.

    The scheduling runs by itself, after the folding.
    """
    return _kept_stages(compilation, part, None if layout is None else tuple(layout))


# To put a pass manager together takes longer than to run it on a circuit of one collision, and all
# circuits of a set share theirs.
@lru_cache(maxsize=16)
def _kept_stages(
    compilation: Compilation, part: QiskitTarget, layout: tuple[int, ...] | None
) -> tuple[Any, Any]:
    from qiskit.transpiler import generate_preset_pass_manager

    manager = generate_preset_pass_manager(
        optimization_level=compilation.level,
        target=part,
        initial_layout=None if layout is None else list(layout),
        seed_transpiler=compilation.seed,
        scheduling_method="alap" if compilation.schedule else None,
    )
    scheduling, manager.scheduling = manager.scheduling, None
    return manager, scheduling


def wait_in_own_basis(circuit: QuantumCircuit, memristors: int) -> QuantumCircuit:
    """Return `circuit` with a barrier where an ancilla leaves its memristor to be reset.

    As-late-as-possible scheduling would push the last Hadamard of a collision to the end of the
    wait that follows, and the memristor would decay along the wrong axis meanwhile: wrong for
    `absorb_decay`, which counts on that decay; else it depends on circuit and device which is
    better (`Compilation.own_basis`). The barrier stands after the ancilla's last gate, so ancillas
    of a pool are still reset in parallel.
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
