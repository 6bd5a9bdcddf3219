"""Closed loops: each step is a job that waits for the last, on any target.

`loop_target` makes a target of what a loop was given: `aer`, `device`, `ibm`, any object with
`count`, a sampler, or a `StepSampler`. Step k then runs on `target.independent(k)`, so that its
shots are its own.

A `StepSampler` is either one `BaseSamplerV2` used for all steps (hardware), or a function that
makes one from a seed. The function matters for simulators: Aer's SamplerV2(seed=…) starts its
generator anew at every run, so one object for all steps would give every step the same noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.primitives import BaseSamplerV2, StatevectorSampler
from qiskit.transpiler import PassManager

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.circuits.samplers import SamplerTarget, as_target, starts_anew
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import IntArray, check_integer, check_work
from qmemcircuit.common.data_objects import data_object

CALIBRATION_STREAM = 1_000_000
"""The random stream of a readout calibration, beyond those of a loop's steps."""


@data_object
@dataclass(frozen=True, eq=False)
class StepSamplers(Target):
    """A sampler for every step of a loop as one target: `independent(step)` is that step's."""

    samplers: Sequence[BaseSamplerV2]
    pass_manager: PassManager | None = None
    step: int = 0

    @property
    def _own(self) -> SamplerTarget:
        return SamplerTarget(self.samplers[self.step], self.pass_manager)

    def independent(self, stream: int) -> StepSamplers:
        """Return the target of one step."""
        return replace(self, step=stream)

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Sample on this step's sampler."""
        return self._own.sample(circuits, shots)

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Count on this step's sampler."""
        return self._own.count(circuits, shots)

    def describe(self) -> Mapping[str, Any]:
        """Return the sampler's class."""
        return {"name": f"sampler:{type(self.samplers[0]).__name__}"}


def loop_target(
    target: Target | BaseSamplerV2 | None,
    *,
    sampler: StepSampler | None,
    pass_manager: PassManager | None,
    seed: int | None,
    steps: int,
) -> Target:
    """Return what a loop of `steps` jobs runs on: `target`, or samplers with seeds of their own.

    Raises:
        ValueError: where a target comes with what it has already, or repeats its shots.
    """
    if target is None:
        return StepSamplers(samplers_for_steps(sampler, seed, steps), pass_manager)
    for name, value in (("sampler", sampler), ("pass_manager", pass_manager), ("seed", seed)):
        if value is not None:
            raise ValueError(
                f"Argument {name} must be left out with a target, which has its own, but {value!r} "
                "was given; sampler(primitive, pass_manager) and aer(seed=…) take them."
            )
    chosen = as_target(target)
    if isinstance(chosen, SamplerTarget) and steps > 1 and starts_anew(chosen.sampler):
        raise ValueError(
            "Argument target must draw new random numbers for every step, but "
            f"{type(chosen.sampler).__name__} with a fixed seed starts anew with every job; give "
            "aer(seed=…), a sampler without a seed, or sampler=<a function of a seed>."
        )
    return chosen


MOST_STEPS = 10**6
"""Of one loop, each step a job."""

StepSampler: TypeAlias = BaseSamplerV2 | Callable[[int], BaseSamplerV2]


def samplers_for_steps(
    sampler: StepSampler | None, seed: int | None, steps: int
) -> Sequence[BaseSamplerV2]:
    """Return one sampler for each step; None makes StatevectorSamplers with seeds of their own."""
    check_arguments(samplers_for_steps, locals(), own=("sampler",))
    seed = check_integer("seed", seed, minimum=0)
    if check_integer("steps", steps, minimum=1) > MOST_STEPS:
        raise ValueError(f"Argument steps must be at most {MOST_STEPS:,}, but {steps:,} was given.")
    if isinstance(sampler, BaseSamplerV2):
        return [sampler] * steps
    seeds = np.random.SeedSequence(seed).generate_state(steps)
    make: Callable[[int], BaseSamplerV2] = _statevector if sampler is None else sampler
    if not callable(make) or not isinstance(made := make(int(seeds[0])), BaseSamplerV2):
        raise TypeError(
            "Argument sampler must be a BaseSamplerV2 or a function that makes one from a seed, "
            f"but {sampler!r} was given."
        )
    return [made, *(make(int(value)) for value in seeds[1:])]


def _statevector(seed: int) -> BaseSamplerV2:
    # A generator: with an integer, all circuits of one job get the same random numbers.
    return StatevectorSampler(seed=np.random.default_rng(seed))


def count_outcomes(
    sampler: BaseSamplerV2,
    circuits: Sequence[QuantumCircuit],
    shots: int,
    *,
    pass_manager: PassManager | None = None,
) -> list[dict[int, int]]:
    """Run `circuits` as one job and return the counts of each one's register "outcome"."""
    check_arguments(count_outcomes, locals())
    check_integer("shots", shots, minimum=1)
    check_work("shots", shots, 1e9, "shots in one job")
    compiled = list(circuits) if pass_manager is None else pass_manager.run(list(circuits))
    results = sampler.run([(circuit,) for circuit in compiled], shots=shots).result()
    return [dict(result.data.outcome.get_int_counts()) for result in results]


def calibrate_readout(
    sampler: StepSampler | Target,
    *,
    shots: int,
    seed: int | None = None,
    pass_manager: PassManager | None = None,
) -> tuple[float, float]:
    """Return the measured P(1 read | 0) and P(0 read | 1) of one qubit, from two circuits.

    Preparation errors count as readout errors. Ask the target, not its data sheet: Aer's model
    of a device takes the mean of the two published numbers for both.

    Args:
        sampler: what the loop runs on: its `sampler`, or its target with the layout fixed.
        shots: of each circuit.
        seed, pass_manager: of the sampler; a target has its own.
    """
    check_arguments(calibrate_readout, locals(), own=("sampler",))
    number = check_integer("shots", shots, minimum=1)
    target = sampler if isinstance(sampler, Target) else None
    if target is not None and not target.placed:
        raise ValueError(
            "Argument sampler must have its layout fixed, but it has none yet: flips belong to "
            "qubits; give device(…, layout=[…])."
        )
    ran = loop_target(
        target,
        sampler=None if isinstance(sampler, Target) else sampler,
        pass_manager=pass_manager,
        seed=seed,
        steps=1,
    )
    circuits = []
    for excited in (False, True):
        circuit = QuantumCircuit(QuantumRegister(1, "qubit"), ClassicalRegister(1, "outcome"))
        if excited:
            circuit.x(0)
        circuit.measure(0, 0)
        circuits.append(circuit)
    if target is not None:
        ran = ran.independent(CALIBRATION_STREAM)
    empty, full = ran.count(circuits, number)
    return empty.get(1, 0) / number, full.get(0, 0) / number
