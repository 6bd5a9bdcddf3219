"""`build_circuits`: a model and times become plain Qiskit circuits.

Circuits are built when they are asked for, so a set of 601 times × 9 settings costs nothing
until someone runs it. Registers: `system` (one qubit a memristor), `ancilla`, and the classical
`outcome` (bit j is memristor j).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn, overload

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.assembly import CircuitBuilder, absorb_first_gate, most_collisions
from qmemcircuit.circuits.channels.one_memristor import memristor_channels
from qmemcircuit.circuits.channels.synthesis import ChannelHalf
from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.constant_depth import (
    CompiledCircuits,
    ConstantDepth,
    restored_circuits,
)
from qmemcircuit.circuits.options import Ancilla, AncillaPool, AnySplitting, CircuitOptions
from qmemcircuit.circuits.pairs.compilation import CompiledPair
from qmemcircuit.circuits.pairs.sequence import PairSequence
from qmemcircuit.circuits.settings import measure
from qmemcircuit.circuits.splitting import (
    Element,
    Splitting,
    Synthesis,
    split_evolution,
)
from qmemcircuit.circuits.triples.compilation import CompiledTriple
from qmemcircuit.circuits.triples.sequence import TripleSequence
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.memristors import Model, Network, as_network
from qmemcircuit.results.records import Record
from qmemcircuit.results.trajectory import Trajectory


@data_object
@dataclass(frozen=True, eq=False)
class CircuitSet(Sequence[QuantumCircuit]):
    """The circuits of every time and setting, time-major; also indexed `[time_index, basis]`.

    Attributes:
        network: what is simulated.
        times: shape (T,).
        options: how they are built, with the defaults for this network filled in.
        compiled: for the splitting `"compiled"`, the circuit at every time, of three memristors
            possibly several, whose mean it is.
        absorbed: elements that replace the model's at some times, where a device's own decay
            does part of the damping (`absorption.absorb_decay`).
        channels: where all of [0, t] is one channel a memristor (`ancilla="merged"` of warm,
            dephased or driven ones), at every time, for every memristor, the one or two halves
            whose mean it is.
        branch: which of these circuits, or combinations of halves, is meant; None for all (see
            `branches`).
        flipped: numbers of the resets that an X follows, so that they leave |1> (see `resets`).

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> circuits = qm.build_circuits(memristor, [0.3, 0.6], bases=["X", "Y"])
    >>> len(circuits), circuits[1, "Y"].count_ops()["measure"]
    (4, 1)
    """

    network: Network
    times: FloatArray
    options: CircuitOptions
    compiled: CompiledCircuits = ()
    absorbed: tuple[tuple[Element, ...] | None, ...] = ()
    channels: tuple[tuple[tuple[ChannelHalf, ...], ...], ...] = ()
    branch: int | None = None
    flipped: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)

    def __len__(self) -> int:
        return len(self.times) * len(self.bases)

    @overload
    def __getitem__(self, index: int) -> QuantumCircuit: ...
    @overload
    def __getitem__(self, index: slice) -> list[QuantumCircuit]: ...
    @overload
    def __getitem__(self, index: tuple[int, str]) -> QuantumCircuit: ...
    def __getitem__(
        self, index: int | slice | tuple[int, str]
    ) -> QuantumCircuit | list[QuantumCircuit]:
        """Return the circuit at a flat index, a list for a slice, or that of `[time, basis]`."""
        check_arguments(CircuitSet.__getitem__, locals())
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if isinstance(index, tuple):
            time_index, basis = index
            if basis not in self.bases:
                raise KeyError(
                    f"Argument basis must be one of {', '.join(self.bases)}, but {basis!r} was "
                    "given; build the circuits with that basis."
                )
            return self._measured(range(len(self.times))[time_index], basis)
        place = range(len(self))[index]
        return self._measured(place // len(self.bases), self.bases[place % len(self.bases)])

    @property
    def bases(self) -> tuple[str, ...]:
        """The measurement settings, a letter X, Y or Z per memristor, memristor 0 first."""
        return self.options.settings

    @property
    def ancilla(self) -> AncillaPool:
        """How many ancillas each memristor has."""
        return self.options.pool

    @property
    def splitting(self) -> Splitting:
        """How collisions and couplings alternate."""
        return self.options.name

    @property
    def steps(self) -> int | None:
        """Equal steps of each circuit, or None where `times` bound them."""
        return self.options.steps

    @property
    def collision(self) -> CollisionForm:
        """The gates of a collision."""
        return self.options.collision

    @property
    def num_qubits(self) -> int:
        """Qubits of the longest circuit, system and ancillas."""
        last = self.branches[0].elements(len(self.times) - 1)
        most = most_collisions(last)
        builder = CircuitBuilder(self.network, self.options, most)
        return int(builder.circuit.num_qubits)

    @property
    def resets(self) -> int:
        """How many numbers the resets of the longest circuit take: a turn has one a memristor.

        Reset number `turn × M + j` is the `turn`-th one of memristor j's ancilla or ancillas.
        """
        size = self.ancilla.size
        if size is None:
            return 0
        most = most_collisions(self.branches[0].elements(len(self.times) - 1))
        return max(0, most - size) * len(self.network.memristors)

    def with_flips(self, flipped: Sequence[int]) -> CircuitSet:
        """Return the circuits with an X after the resets of these numbers.

        Raises:
            ValueError: for a number that is none of them.
        """
        check_arguments(CircuitSet.with_flips, locals())
        flipped = [check_integer("flipped", number, minimum=0) for number in flipped]
        if any(number >= self.resets for number in flipped):
            raise ValueError(
                f"Argument flipped must name resets from 0 to {self.resets - 1}, but "
                f"{list(flipped)} was given."
            )
        return replace(self, flipped=tuple(flipped))

    def with_bases(self, bases: Sequence[str]) -> CircuitSet:
        """Return the circuits of some of the settings; ValueError for one that is none of them."""
        check_arguments(CircuitSet.with_bases, locals())
        if not len(bases) or any(basis not in self.bases for basis in bases):
            raise ValueError(
                f"Argument bases must name some of {', '.join(self.bases)}, but {list(bases)} was "
                "given."
            )
        return replace(self, options=replace(self.options, bases=tuple(bases)))

    @property
    def branches(self) -> tuple[CircuitSet, ...]:
        """One set of circuits, or several whose mean is the channel, for equal shots.

        Compiled circuits of three memristors are mixed as they are; where m memristors take two
        halves each, there are 2^m combinations. The counts of all branches, with equal shots, are
        simply added. At times where one circuit is the whole channel the branches have the same.
        """
        mixed = max((len(_sequences(item)) for item in self.compiled), default=1)
        number = max(mixed, 2 ** len(self._halved))
        if self.branch is not None or number == 1:
            return (self,)
        return tuple(replace(self, branch=k) for k in range(number))

    @property
    def _halved(self) -> tuple[int, ...]:
        """The memristors that take two halves at some time; bit k of `branch` is the kth one's."""
        return tuple(
            j
            for j in range(len(self.network.memristors))
            if any(len(found[j]) > 1 for found in self.channels)
        )

    @property
    def share_steps(self) -> bool:
        """Whether the circuit of a later time continues the steps of the earlier ones."""
        return self.steps is None and not self.compiled

    @property
    def compiled_residual(self) -> float | None:
        """The largest residual of the compiled circuits (see `CompiledPair`); else None."""
        return max((pair.residual for pair in self.compiled), default=None)

    def with_residuals(self, found: Trajectory, *, only: Sequence[int] | None = None) -> Trajectory:
        """Return a trajectory of these circuits with `variables["compilation_residual"]`, if any.

        Only that of compiled circuits has one. `only` lists the time indices that it holds.
        """
        check_arguments(CircuitSet.with_residuals, locals())
        if not self.compiled:
            return found
        residuals = np.array([pair.residual for pair in self.compiled])
        if only is not None:
            residuals = residuals[list(only)]
        return replace(
            found,
            variables={**found.variables, "compilation_residual": residuals},
            units={**found.units, "compilation_residual": "1"},
        )

    def describe_compilation(self) -> dict[str, str | float | int | None]:
        """Return method, largest residual and numbers of compiled circuits as JSON values."""
        later = [pair for pair in self.compiled if pair.time > 0] or self.compiled
        return {
            "compiled_method": " and ".join(sorted({pair.method for pair in later})) or None,
            "compiled_residual": self.compiled_residual,
            "compiled_collisions": max((pair.collisions for pair in self.compiled), default=None),
            "compiled_circuits": max((len(_sequences(item)) for item in later), default=None),
        }

    def _check_time(self, time_index: int) -> None:
        if not -len(self.times) <= time_index < len(self.times):
            raise IndexError(
                f"Argument time_index must be from 0 to {len(self.times) - 1}, but {time_index} "
                "was given."
            )

    def boundaries(self, time_index: int) -> FloatArray:
        """Return the instants that bound the steps of the circuit for `times[time_index]`."""
        check_arguments(CircuitSet.boundaries, locals())
        self._check_time(time_index)
        stop = float(self.times[time_index])
        if not self.share_steps:
            return np.linspace(0.0, stop, (self.steps or 1) + 1) if stop > 0 else np.zeros(1)
        inside = self.times[: time_index + 1]
        return np.concatenate([[0.0], inside[inside > 0]])

    def elements(self, time_index: int) -> tuple[Element, ...]:
        """Return the collisions and gates of the circuit for `times[time_index]`."""
        check_arguments(CircuitSet.elements, locals())
        self._check_time(time_index)
        if self.absorbed:
            replaced = self.absorbed[time_index]
            if replaced is not None:
                return replaced
        if self.compiled:
            mixed = _sequences(self.compiled[time_index])
            if self.branch is None and len(mixed) > 1:
                self._refuse_all(time_index)
            return mixed[min(self.branch or 0, len(mixed) - 1)].elements()
        if self.channels:
            return self._synthesised(time_index)
        return split_evolution(self.network, self.boundaries(time_index), self.splitting)

    def _synthesised(self, time_index: int) -> tuple[Element, ...]:
        """Return the half of each memristor's channel that this branch has."""
        found = self.channels[time_index]
        if self.branch is None and any(len(halves) > 1 for halves in found):
            self._refuse_all(time_index)
        chosen = dict.fromkeys(range(len(found)), 0)
        for place, j in enumerate(self._halved):
            chosen[j] = (self.branch or 0) >> place & 1
        return tuple(
            Synthesis(j, halves[min(chosen[j], len(halves) - 1)]) for j, halves in enumerate(found)
        )

    def _refuse_all(self, time_index: int) -> NoReturn:
        single = "build with splitting=ConstantDepth(mixture=1), or " if self.compiled else ""
        raise ValueError(
            "Argument circuits must be one branch where several circuits are needed for a time, "
            f"but all are asked for at t = {self.times[time_index]:.6g}; {single}take each of "
            "circuits.branches, with equal shots, and add their counts."
        )

    def evolution(self, time_index: int) -> QuantumCircuit:
        """Return the circuit for `times[time_index]` without its measurement."""
        check_arguments(CircuitSet.evolution, locals())
        self._check_time(time_index)
        network, elements = self.network, self.elements(time_index)
        if self.compiled:
            network, elements = absorb_first_gate(network, elements)
        most = most_collisions(elements)
        builder = CircuitBuilder(network, self.options, most, self.flipped)
        builder.append(elements)
        circuit = builder.circuit
        circuit.name = f"t{time_index}"
        circuit.metadata = {
            "time_index": int(time_index),
            "time": float(self.times[time_index]),
            "steps": len(self.boundaries(time_index)) - 1,
        }
        return circuit

    def _measured(self, time_index: int, basis: str) -> QuantumCircuit:
        circuit = self.evolution(time_index)
        circuit.name = f"t{time_index}_{basis}"
        circuit.metadata = {**circuit.metadata, "basis": basis}
        measure(circuit, basis)
        return circuit


def _sequences(compiled: CompiledPair | CompiledTriple) -> Sequence[PairSequence | TripleSequence]:
    """Return the circuits whose mean is meant, with equal shots."""
    return (compiled.sequence,) if isinstance(compiled, CompiledPair) else compiled.sequences


def build_circuits(
    model: Model,
    times: ArrayLike,
    *,
    bases: str | Sequence[str | Sequence[str]] | None = None,
    ancilla: Ancilla = "reset",
    splitting: AnySplitting = "lie",
    steps: int | None = None,
    collision: CollisionForm = "compact",
) -> CircuitSet:
    """Return the circuits that prepare `model`, evolve it to each time and measure it.

    Args:
        model: a `Memristor` or a `Network`.
        times: increasing times, shape (T,).
        bases: measurement settings. `"XY"`: all memristors in X, and all in Y; `"tomography"`:
            all 3^M products of X, Y, Z; or a list of settings, letters in memristor order:
            `["XX", ("X", "Y")]`. None: what V, I and a pair's concurrence need, see
            `default_bases`.
        ancilla: see `Ancilla`.
        splitting: `"lie"` (the paper), `"strang"` (damping outside), `"couplings_first"` (Strang
            with the couplings outside: better where a partner starts empty) or `"fused"`; all are
            the same, and exact, for uncoupled memristors. `"compiled"`: for two or three, the
            same few collisions a memristor at every t (`compile_pair`), within 0.005 of the master
            equation or refused, for three possibly as several circuits (`CircuitSet.branches`);
            `ConstantDepth(…)` is the same with another tolerance or number.
        steps: n divides each circuit's own [0, t] into n equal steps; None takes one step for
            each interval of `times` (the first one from 0). None for `"compiled"`.
        collision: `"compact"` (two two-qubit gates) or `"paper"` (CRY and CNOT).

    Raises:
        ValueError: for bad times, bases or rates, for `merged` on coupled memristors, and for
            `compiled` with steps, on one or more than three memristors, or where its tolerance
            cannot be met.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> circuits = build_circuits(memristor, memristor.periods(1, points=4))
    >>> circuits[4, "X"].count_ops()["reset"]   # four collisions, one recycled ancilla
    3
    """
    check_arguments(build_circuits, locals(), own=("ancilla",))
    options = CircuitOptions(bases, ancilla, splitting, steps, collision)
    return circuits_with(model, times, options)


def circuits_with(model: Model, times: ArrayLike, options: CircuitOptions) -> CircuitSet:
    """Return the circuits of `build_circuits` for options that are one object already."""
    network = as_network(model)
    checked = check_times(times)
    chosen = options.for_network(network)
    how = chosen.constant_depth
    return CircuitSet(
        network,
        checked,
        chosen,
        () if how is None else how.compile(network, checked),
        channels=memristor_channels(network, checked) if chosen.channel else (),
    )


def rebuild_circuits(record: Record) -> CircuitSet:
    """Return the circuits that a record was measured with, from the record alone.

    They cover all times that were planned, also where only some were collected. The angles of
    compiled circuits are those that the record holds: nothing is fitted again. What a device
    target adds (placement, absorbed decay) is not in them, see `recorded_device`.

    Warns for records of compiled circuits without angles (before December 2026): these are
    compiled anew, and fitted circuits need not be those that ran.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> record = qm.run(memristor, memristor.periods(1, points=9), target=qm.aer(seed=1), shots=500)
    >>> len(qm.rebuild_circuits(record)) == len(record.times) * len(record.samples.bases)
    True
    """
    check_arguments(rebuild_circuits, locals())
    used = record.provenance
    options = CircuitOptions.restore(used, record.samples.bases)
    if options.constant_depth is not None:
        options = replace(options, constant_depth=_recorded(record))
    return circuits_with(record.network, np.array(used.get("planned_times", record.times)), options)


def _recorded(record: Record) -> ConstantDepth:
    """Return the compiled circuits of a record, or how to compile those of an old one."""
    if record.compiled:
        return ConstantDepth(pairs=restored_circuits(record.compiled))
    if record.provenance.get("compiled_method") != "closed form":
        warnings.warn(
            "Argument record must hold the angles of its compiled circuits, but it is older than "
            "that: they are fitted again, and need not be those that ran.",
            UserWarning,
            stacklevel=3,
        )
    return ConstantDepth(exceeded="warn")
