"""`sampler`: any of Qiskit's samplers as a target, every circuit for itself; and `as_target`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.expense import Expense, some_times, spread
from qmemcircuit.circuits.protocols import OwnTarget, Target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import IntArray, available_memory
from qmemcircuit.common.data_objects import data_object

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit.primitives import BaseSamplerV2
    from qiskit.transpiler import PassManager


@data_object
@dataclass(frozen=True, eq=False)
class SamplerTarget(Target):
    """Every circuit for itself on a `BaseSamplerV2`, compiled by `pass_manager`.

    Without one, gates are only translated to u, rz, cx, which every simulator knows.
    """

    sampler: BaseSamplerV2
    pass_manager: PassManager | None = None

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Run all circuits as one job of the sampler and count the outcomes."""
        self._check_size(circuits.num_qubits)
        plain = list(circuits)
        refuse_wrong_sampler(self.sampler, plain)
        compiled = self._compiled(plain)
        results = self.sampler.run([(circuit,) for circuit in compiled], shots=shots).result()
        memristors = len(circuits.bases[0])
        counts = np.zeros((len(plain), 2**memristors), dtype=np.int64)
        for place, result in enumerate(results):
            for outcome, number in result.data.outcome.get_int_counts().items():
                counts[place, outcome] = number
        return counts.reshape(len(circuits.times), len(circuits.bases), -1)

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Run plain circuits as one job; without a pass manager, as they are."""
        plain = list(circuits)
        refuse_wrong_sampler(self.sampler, plain)
        compiled = plain if self.pass_manager is None else self._compiled(plain)
        results = self.sampler.run([(circuit,) for circuit in compiled], shots=shots).result()
        return [
            dict(getattr(result.data, circuit.cregs[0].name).get_int_counts())
            for circuit, result in zip(plain, results, strict=True)
        ]

    def check(self, circuits: CircuitSet) -> None:
        """Raise ValueError for circuits too large, counted wrongly, or that do not compile."""
        self._check_size(circuits.num_qubits)
        some = [circuits[index, circuits.bases[0]] for index in some_times(circuits)]
        refuse_wrong_sampler(self.sampler, some)
        self._compiled(some)

    def expense(self, circuits: CircuitSet) -> Expense:
        """Return the cost as this target's pass manager compiles the circuits."""
        some = [circuits.evolution(index) for index in some_times(circuits)]
        compiled = self._compiled(some)
        gates = spread([item.num_nonlocal_gates() for item in compiled])
        return Expense(circuits.num_qubits, gates)

    def _compiled(self, plain: list[QuantumCircuit]) -> list[QuantumCircuit]:
        from qiskit.transpiler.exceptions import TranspilerError

        try:
            compiled: list[QuantumCircuit] = (self.pass_manager or _plain_pass_manager()).run(plain)
        except TranspilerError as error:
            raise ValueError(
                "Argument pass_manager must compile circuits of every size that is measured, "
                f"readout calibration included, but it does not: {error}; give it no fixed layout, "
                "or measure without mitigation."
            ) from error
        return compiled

    def _check_size(self, qubits: int) -> None:
        """Raise ValueError where the sampler's backend, or a state vector here, is too small."""
        backend = _backend_of(self.sampler)
        limit = getattr(backend, "num_qubits", None)
        if limit is None:
            limit = int(math.log2(available_memory() / 16))
        if qubits > limit:
            raise ValueError(
                f"Argument ancilla must leave at most {limit} qubits for "
                f"{type(self.sampler).__name__}, but the longest of these circuits has {qubits}; "
                "use ancilla='reset' (one recycled ancilla a memristor) or fewer times."
            )

    def describe(self) -> Mapping[str, Any]:
        """Return the sampler's class and seed, where it has one."""
        described = {"name": f"sampler:{type(self.sampler).__name__}"}
        backend = _backend_of(self.sampler)
        device = getattr(backend, "name", None)
        if isinstance(device, str):
            described["backend"] = device
        seed = getattr(self.sampler, "seed", None)
        if isinstance(seed, np.random.Generator):
            entropy = getattr(seed.bit_generator.seed_seq, "entropy", None)
            return {**described, "seed": f"a generator made from {entropy}"}
        return described if seed is None else {**described, "seed": int(seed)}


def _backend_of(primitive: object) -> object | None:
    """Return the backend behind a sampler, if it names one: Qiskit's `BaseSamplerV2` need not."""
    return getattr(primitive, "backend", None) or getattr(primitive, "_backend", None)


def _plain_pass_manager() -> PassManager:
    from qiskit.transpiler import generate_preset_pass_manager

    return generate_preset_pass_manager(1, basis_gates=["u", "rz", "cx"], seed_transpiler=0)


def sampler(primitive: BaseSamplerV2, pass_manager: PassManager | None = None) -> SamplerTarget:
    """Return a target that runs every circuit on `primitive`: the brute-force path.

    Refused by name is what returns wrong counts in silence (`refuse_wrong_sampler`): Qiskit's
    `StatevectorSampler` on circuits with a mid-circuit reset, and samplers that repeat their
    random numbers for every circuit.

    >>> import numpy as np
    >>> from qiskit.primitives import StatevectorSampler
    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> target = qm.sampler(StatevectorSampler(seed=np.random.default_rng(1)))
    >>> record = qm.run(memristor, [0.3], target=target, shots=100, ancilla="merged")
    >>> int(record.samples.counts.sum())  # two settings
    200
    """
    check_arguments(sampler, locals())
    from qiskit.primitives import BaseSamplerV2 as Base

    if not isinstance(primitive, Base):
        raise TypeError(f"Argument primitive must be a BaseSamplerV2, but {primitive!r} was given.")
    return SamplerTarget(primitive, pass_manager)


def as_target(target: object) -> Target:
    """Return `target` as a `Target`; a bare `BaseSamplerV2` or a user's own object is wrapped."""
    if isinstance(target, Target):
        return target
    if all(callable(getattr(target, name, None)) for name in ("sample", "describe")):
        return OwnTarget(target)
    from qiskit.primitives import BaseSamplerV2 as Base

    if isinstance(target, Base):
        return SamplerTarget(target)
    raise TypeError(
        f"Argument target must be a target such as aer(seed=1), or a BaseSamplerV2, but "
        f"{target!r} was given; only command lines name targets by strings."
    )


def starts_anew(primitive: object) -> bool:
    """Return whether every job of a sampler begins with the same random numbers: a fixed seed.

    Aer's `SamplerV2(seed=…)` does, and every sampler with a simulator's integer seed among its
    options; steps of a loop would all have the same shot noise.
    """
    # Where a seed stands is each sampler's own affair: these are the places of Aer's, Qiskit's
    # and the runtime client's.
    options = getattr(primitive, "options", None)
    seeds = (
        getattr(primitive, "seed", None),
        getattr(primitive, "_seed", None),
        getattr(options, "seed_simulator", None),
        getattr(getattr(options, "simulator", None), "seed_simulator", None),
    )
    return any(isinstance(seed, int) for seed in seeds)


def refuse_wrong_sampler(primitive: object, circuits: Sequence[QuantumCircuit]) -> None:
    """Raise ValueError for samplers whose counts of these circuits are silently wrong.

    Qiskit's `StatevectorSampler` follows one random branch of a mid-circuit reset. With an integer
    seed it starts every circuit of a job with the same random numbers, and so does the runtime
    client's local mode: counts at different times would move together.
    """
    from qiskit.primitives import StatevectorSampler

    is_statevector = isinstance(primitive, StatevectorSampler)
    if is_statevector and any("reset" in circuit.count_ops() for circuit in circuits):
        raise ValueError(
            "Argument target must simulate mid-circuit reset, but StatevectorSampler follows one "
            "random branch of it and returns wrong counts; use aer(seed=…), "
            "qiskit_aer.primitives.SamplerV2, or ancilla='fresh', which needs no reset."
        )
    if len(circuits) > 1 and is_statevector and isinstance(getattr(primitive, "_seed", None), int):
        raise ValueError(
            "Argument target must draw new random numbers for every circuit, but "
            "StatevectorSampler(seed=<integer>) repeats them; give it "
            "seed=numpy.random.default_rng(…)."
        )
    simulator = getattr(getattr(primitive, "options", None), "simulator", None)
    if len(circuits) > 1 and isinstance(getattr(simulator, "seed_simulator", None), int):
        raise ValueError(
            f"Argument target must draw new random numbers for every circuit, but "
            f"{type(primitive).__name__} with options.simulator.seed_simulator repeats them; use "
            "ibm(name, channel='local', seed=…), or no seed."
        )
