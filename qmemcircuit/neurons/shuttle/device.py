"""The digital neuron on a device: a closed loop of short jobs, for a few steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, IntArray, check_choice
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.closed_loop import loop_target
from qmemcircuit.neurons.shuttle.conductance import tabulate_conductance
from qmemcircuit.neurons.shuttle.digital import (
    BASES,
    MEASURED_AXES,
    check_even_times,
    check_shots,
    check_voltages,
    measured_series,
)
from qmemcircuit.neurons.shuttle.neuron import (
    UNITS,
    ShuttleNeuron,
    check_neuron_state,
    describe,
    drive_periods,
    input_voltages,
    pack_parameters,
)
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives import BaseSamplerV2

Execute = Callable[["list[QuantumCircuit]", int], Sequence[Mapping[str, int]]]
"""`execute(circuits, shots)` runs circuits and returns counts by bit string for each."""


def run_digital(
    neuron: ShuttleNeuron,
    times: ArrayLike,
    *,
    target: Target | BaseSamplerV2 | None = None,
    execute: Execute | None = None,
    shots: int,
    feedback: Literal["history", "reprepare"] = "history",
    state: ArrayLike | None = None,
) -> Trajectory:
    """Run the closed loop on a device: one job of 2 (history) or 3 (reprepare) circuits a step.

    Each job needs the one before it. Ten periods at Δt = 0.05 would be some 180 jobs in a row,
    so this is for a few steps (≤ 20), with the device's own noise on top of shots and steps.

    Args:
        neuron, times, shots, feedback, state: as in `simulate_digital`.
        target: where the circuits run: `device(…)`, `aer(seed=…)`, `sampler(…)`, or anything with
            their `count`.
        execute: instead of a target, a function that runs circuits and returns one mapping from
            bit strings to counts for each; `execute_on(backend)` makes one.

    Returns:
        Trajectory with V at `times`. The current is that of the step's middle: at index k
        I = G V at times[k] − Δt/2, from the measured ⟨X⟩, ⟨Z⟩ and V, each taken half of the
        step's change further, with its standard error from the counts; at index 0 it is that of
        the given state. "measured_means" and "measured_shots" are as in `simulate_digital`, in
        the step's middle. `states` is None: the qubit is known through these means only.

    Raises:
        TypeError, ValueError: bad arguments, or times too coarse for the RK4 step.
    """
    check_arguments(run_digital, locals(), own=("target",))
    from qmemcircuit.neurons.shuttle.circuits import history_circuits, reprepare_circuits
    from qmemcircuit.neurons.shuttle.digital_step import advance_voltage

    moments, dt = check_even_times(times)
    check_choice("feedback", feedback, ("history", "reprepare"))
    count = check_shots(shots, feedback)
    begin = check_neuron_state(neuron, neuron.ground_state if state is None else state)
    bloch = np.array([begin[2], begin[3], begin[1]])
    parameters = pack_parameters(neuron, np.inf)
    voltages = np.full(moments.size, begin[0])
    counts = np.zeros((moments.size, len(BASES[feedback]), 2), dtype=np.int64)
    currents, errors = np.zeros(moments.size), np.zeros(moments.size)
    currents[0], _ = _current(neuron, begin[0], 0.0, bloch[[0, 2]], np.zeros(2))
    changes: list[float] = []
    if feedback == "history":  # the last step's circuits are the longest
        still = [0.0] * (moments.size - 2)
        longest = history_circuits(neuron, still, dt, bloch_vector=bloch)
    else:  # what is measured is mixed, and takes an ancilla to prepare
        longest = reprepare_circuits(neuron, 0.0, dt, bloch_vector=0.9 * bloch)
    ran = _loop_target(target, execute, steps=moments.size - 1).place(longest)
    for k in range(1, moments.size):
        if feedback == "history" or not changes:
            circuits = history_circuits(
                neuron, changes, dt, bloch_vector=bloch, bases=BASES[feedback]
            )
        else:
            circuits = reprepare_circuits(neuron, changes[-1], dt, bloch_vector=bloch)
        for number, outcome in enumerate(ran.independent(k).count(circuits, count)):
            counts[k, number] = outcome.get(0, 0), outcome.get(1, 0)
        zeros, total = counts[k, :, 0], counts[k].sum(axis=1)
        seen = 2 * zeros / total - 1
        # Jeffreys posterior: a count of all zeros or all ones is not free of error.
        probability = (zeros + 0.5) / (total + 1)
        spread = 2 * np.sqrt(probability * (1 - probability) / total)
        if feedback == "reprepare":
            seen = bloch = seen / max(1.0, float(np.linalg.norm(seen)))
        voltages[k] = advance_voltage(
            moments[0] + (k - 1) * dt, dt, voltages[k - 1], seen[0], seen[-1], parameters
        )
        changes.append(float(voltages[k] - voltages[k - 1]))
        middle = (voltages[k - 1] + voltages[k]) / 2
        currents[k], errors[k] = _current(
            neuron, middle, changes[-1] / 2, seen[[0, -1]], spread[[0, -1]]
        )
    check_voltages(voltages, neuron, moments, dt)
    return Trajectory(
        times=moments,
        voltage=voltages[:, None],
        current=currents[:, None],
        current_error=errors[:, None],
        variables={
            "input": input_voltages(neuron, moments),
            **measured_series(counts[:, :, 0], counts.sum(axis=2)),
        },
        units={
            name: UNITS[name] for name in ("times", "voltage", "current", "input", *MEASURED_AXES)
        },
        dimensions=MEASURED_AXES,
        periods=drive_periods(neuron),
        provenance=make_provenance(
            "neurons.run_digital",
            neuron=describe(neuron),
            initial_state=begin.tolist(),
            feedback=feedback,
            bases=list(BASES[feedback]),
            shots=count,
            target=dict(ran.describe()),
        ),
    )


@data_object
@dataclass(frozen=True, eq=False)
class Executed(Target):
    """A function that runs circuits, as a target of this loop."""

    execute: Execute

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Raise TypeError: a loop asks for single circuits."""
        raise TypeError("Argument target must run sets of circuits, but it runs single ones alone.")

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Return the counts of each circuit."""
        return [
            {int(bits, 2): seen for bits, seen in found.items()}
            for found in self.execute(list(circuits), shots)
        ]

    def describe(self) -> Mapping[str, Any]:
        """Return the function's name."""
        return {"name": f"execute:{getattr(self.execute, '__qualname__', self.execute)}"}


def _loop_target(
    target: Target | BaseSamplerV2 | None, execute: Execute | None, *, steps: int
) -> Target:
    if execute is None and target is None:
        raise ValueError(
            "Argument target must be given, but it is None; device(backend), aer(seed=1) or "
            "execute=execute_on(backend) run the loop."
        )
    if execute is None:
        return loop_target(target, sampler=None, pass_manager=None, seed=None, steps=steps)
    if target is not None:
        raise ValueError(
            f"Argument execute must be left out with a target, but {execute!r} was given; a "
            "target runs the circuits by itself."
        )
    return Executed(execute)


def execute_on(
    backend: Any, *, seed: int | None = None, scheduling: str | None = "alap"
) -> Execute:
    """Return an `execute` for `run_digital` that transpiles for `backend` and runs there.

    Args:
        backend: anything with Qiskit's `BackendV2` and a `run` that returns counts
            (`AerSimulator.from_backend(FakeManilaV2())` for a device's noise).
        seed: of the transpiler and, where the backend takes it, of the simulation; advanced
            by one with every call, so that the steps' noise is independent.
        scheduling: "alap", "asap", or None where the backend has no durations. With it, idle
            qubits decohere as on the device.
    """
    check_arguments(execute_on, locals())
    calls = 0

    def execute(circuits: list[QuantumCircuit], shots: int) -> list[dict[str, int]]:
        nonlocal calls
        from qiskit import transpile

        compiled = transpile(
            circuits,
            backend,
            optimization_level=1,
            seed_transpiler=seed,
            scheduling_method=scheduling,
        )
        options = {} if seed is None else {"seed_simulator": seed + calls}
        calls += 1
        result = backend.run(compiled, shots=shots, **options).result()
        return [dict(result.get_counts(index)) for index in range(len(circuits))]

    return execute


def _current(
    neuron: ShuttleNeuron,
    voltage: float,
    voltage_change: float,
    seen: FloatArray,
    spread: FloatArray,
) -> tuple[float, float]:
    """Return I = G V and its standard error for the measured (X, Z), turned by RY(2ΔV)."""
    cosine, sine = np.cos(2 * voltage_change), np.sin(2 * voltage_change)
    position = neuron.equilibrium_position - neuron.displacement * voltage
    f00, f01, f11 = tabulate_conductance(neuron.oscillator_length, neuron.tunnelling_length)(
        position
    )
    # G = ½(F₀₀ + F₁₁) + gradient · (X, Z): linear, so the errors add in quadrature.
    by_x, by_z = f01, (f00 - f11) / 2
    gradient = np.array([cosine * by_x - sine * by_z, sine * by_x + cosine * by_z])
    conductance = (f00 + f11) / 2 + gradient @ seen
    return float(conductance * voltage), float(abs(voltage) * np.hypot(*(gradient * spread)))
