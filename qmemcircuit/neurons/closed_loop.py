"""Samplers for circuits in a closed loop, where each step is a job that waits for the last.

A `StepSampler` is either one `BaseSamplerV2` used for all steps (hardware), or a function that
makes one from a seed. The function matters for simulators: Aer's SamplerV2(seed=…) starts its
generator anew at every run, so one object for all steps would give every step the same noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.primitives import BaseSamplerV2, StatevectorSampler
from qiskit.transpiler import PassManager

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_integer

StepSampler: TypeAlias = "BaseSamplerV2 | Callable[[int], BaseSamplerV2]"


def samplers_for_steps(
    sampler: StepSampler | None, seed: int, steps: int
) -> Sequence[BaseSamplerV2]:
    """Return one sampler for each step; None makes StatevectorSamplers with seeds of their own."""
    check_arguments(samplers_for_steps, locals())
    check_integer("seed", seed, minimum=0)
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
    compiled = list(circuits) if pass_manager is None else pass_manager.run(list(circuits))
    results = sampler.run([(circuit,) for circuit in compiled], shots=shots).result()
    return [dict(result.data.outcome.get_int_counts()) for result in results]


def calibrate_readout(
    sampler: StepSampler,
    *,
    shots: int,
    seed: int,
    pass_manager: PassManager | None = None,
) -> tuple[float, float]:
    """Return the measured P(1 read | 0) and P(0 read | 1) of one qubit, from two circuits.

    Preparation errors count as readout errors. Ask the target, not its data sheet: Aer's model
    of a device takes the mean of the two published numbers for both.
    """
    check_arguments(calibrate_readout, locals())
    number = check_integer("shots", shots, minimum=1)
    circuits = []
    for excited in (False, True):
        circuit = QuantumCircuit(QuantumRegister(1, "qubit"), ClassicalRegister(1, "outcome"))
        if excited:
            circuit.x(0)
        circuit.measure(0, 0)
        circuits.append(circuit)
    (run,) = samplers_for_steps(sampler, seed, 1)
    empty, full = count_outcomes(run, circuits, number, pass_manager=pass_manager)
    return empty.get(1, 0) / number, full.get(0, 0) / number
