"""The digital neuron on a device: a closed loop of short jobs, with a journal on disk.

Here are the verbs; the ways to run the qubit are in `feedback`, `bath` and `composed`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    FloatArray,
    IntArray,
    check_choice,
    check_integer,
    check_real,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.closed_loop import loop_target
from qmemcircuit.neurons.inputs import FunctionInput
from qmemcircuit.neurons.journal import measure_step, open_journal
from qmemcircuit.neurons.shuttle.bath import BathLoop
from qmemcircuit.neurons.shuttle.composed import ComposedLoop
from qmemcircuit.neurons.shuttle.conductance import tabulate_conductance
from qmemcircuit.neurons.shuttle.digital import (
    MEASURED_AXES,
    check_even_times,
    check_shots,
    check_voltages,
    measured_series,
    step_errors,
)
from qmemcircuit.neurons.shuttle.feedback import Feedback, HistoryLoop, ReprepareLoop
from qmemcircuit.neurons.shuttle.neuron import (
    UNITS,
    ShuttleNeuron,
    check_neuron_state,
    describe,
    drive_periods,
    input_voltages,
    pack_parameters,
    step_inputs,
)
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives import BaseSamplerV2

SERIES = ("times", "voltage", "current", "input")

DeviceFeedback = Literal["history", "reprepare", "bath", "composed"]
"""The ways to run the qubit on a device."""

Execute = Callable[["list[QuantumCircuit]", int], Sequence[Mapping[str, int]]]
"""`execute(circuits, shots)` runs circuits and returns counts by bit string for each."""


# More than eight parameters: a public verb takes its options as plain keywords. `execute` is what
# ran the loop before there were targets: `Executed` makes one of it, and the rest knows no other.
def run_digital(
    neuron: ShuttleNeuron,
    times: ArrayLike,
    *,
    target: Target | BaseSamplerV2 | None = None,
    execute: Execute | None = None,
    shots: int,
    feedback: DeviceFeedback = "history",
    window: int = 0,
    readout: tuple[float, float] | None = None,
    state: ArrayLike | None = None,
    journal: str | os.PathLike[str] | None = None,
    accept_calibration: bool = False,
) -> Trajectory:
    """Run the closed loop on a device: one job of 2 to 4 circuits a step, each after the last.

    The ways to run the qubit differ in what the device carries:

    - "history": every step is run again from t = 0. All of the dynamics is the device's, and so
      is an error that grows with every step: the oscillation dies within some tens of steps.
    - "reprepare": one step from the measured state. Shots and errors enter the Bloch vector.
    - "bath": as "history", but a wait for the device's own T1 and T2 is the decay: no ancilla, no
      reset, RY and virtual RZ alone. All of the dynamics is the device's, and only its gate
      errors come on top: they take polarisation from the qubit, the less the longer the steps
      (`experiments/neuron/hysteresis.py`). Needs Z_T = 1, α = T2/T1 within 5 % on some qubit, a
      pure `state`.
    - "composed": the known maps of all steps so far, composed on the classical computer into one
      channel of one qubit, run as two circuits of two two-qubit gates (half of the shots each),
      however many steps there were. The device supplies that channel and the measured means that
      are fed back; after 10/Γ the channel has forgotten its input, and the circuit prepares a
      state that is known classically. With `window` the last steps run as real ones.

    On a noise model "composed" takes about a millisecond a step; on `ibm(…)` every step is a job,
    all in one batch or session.

    Args:
        neuron, times, shots, feedback, state: as in `simulate_digital`.
        window: for "composed": how many of the last steps run as steps.
        readout: measured P(1 read | 0) and P(0 read | 1), which are inverted in the means
            (`calibrate_readout`); None takes the means as read. Their own error is not in the
            current's.
        target: where the circuits run: `device(…)`, `aer(seed=…)`, `ibm(…)`, `sampler(…)`, or
            anything with their `count`.
        execute: instead of a target, a function that runs circuits and returns one mapping from
            bit strings to counts for each; `execute_on(backend)` makes one.
        journal: a folder where every step's counts are kept before the next step is asked for. A
            loop that was killed is called again with the same arguments and goes on at its step;
            with a target of a fixed seed it ends as if nothing had happened.
        accept_calibration: whether a journal goes on although layout, calibration or `readout`
            are others than when it was begun. Earlier steps keep the readout errors that they had.

    Returns:
        Trajectory with V at `times`. The current is that of the step's middle: at index k
        I = G V at times[k] − Δt/2, from the measured ⟨X⟩, ⟨Z⟩ and V, each taken half of the
        step's change further, with its standard error from the counts; at index 0 it is that of
        the given state. "measured_means" and "measured_shots" are as in `simulate_digital`, in
        the step's middle, and so is "step_error", which is the exact loop's. `states` is None: the
        qubit is known through these means only.

    Raises:
        TypeError, ValueError: bad arguments, or times too coarse for the RK4 step;
            a `journal` of another loop, or of another calibration that is not accepted.
    """
    check_arguments(run_digital, locals(), own=("target",))
    from qmemcircuit.neurons.dynamics.integration.interpreted import call
    from qmemcircuit.neurons.shuttle.digital_step import SECONDS, advance_voltage

    moments, dt = check_even_times(times)
    check_choice("feedback", feedback, get_args(DeviceFeedback))
    count = check_shots(shots, feedback)
    flips = _check_readout(readout)
    begin = check_neuron_state(neuron, neuron.ground_state if state is None else state)
    bloch = np.array([begin[2], begin[3], begin[1]])
    driven = input_voltages(neuron, moments)  # refuses what is unknown
    inputs = step_inputs(neuron, moments)
    parameters = pack_parameters(neuron, np.inf)
    steps = moments.size - 1
    where = _loop_target(target, execute, steps=steps)
    loop = _loop(neuron, dt, bloch, where, feedback, window, steps)
    description = {
        "neuron": describe(neuron),
        "initial_state": begin.tolist(),
        "feedback": feedback,
        "window": window,
        "shots": count,
        "bases": list(loop.bases),
    }
    if isinstance(neuron.drive, FunctionInput):  # a function has no other name
        description["input"] = sha256(inputs.values.tobytes()).hexdigest()
    target_now = dict(loop.target.describe())
    voltages = np.full(moments.size, begin[0])
    counts = np.zeros((moments.size, len(loop.bases), 2), dtype=np.int64)
    currents, errors = np.zeros(moments.size), np.zeros(moments.size)
    currents[0], _ = _current(neuron, begin[0], 0.0, bloch[[0, 2]], np.zeros(2))
    with open_journal(
        journal,
        {**description, "start": moments[0], "step": dt},
        target_now,
        readout=flips,
        accept=accept_calibration,
    ) as kept:
        for k in range(1, moments.size):
            counts[k], flips_then = measure_step(
                kept, k, partial(loop.count, count, k), readout=flips
            )
            zeros, total = counts[k, :, 0], counts[k].sum(axis=1)
            contrast = 1 - flips_then.sum()
            seen = (2 * zeros / total - 1 - (flips_then[1] - flips_then[0])) / contrast
            # Jeffreys posterior: a count of all zeros or all ones is not free of error.
            probability = (zeros + 0.5) / (total + 1)
            spread = 2 * np.sqrt(probability * (1 - probability) / total) / contrast
            if feedback == "reprepare":
                seen = seen / max(1.0, float(np.linalg.norm(seen)))
            parts = slice(inputs.first[k - 1], inputs.first[k])
            voltages[k] = call(
                advance_voltage,
                SECONDS,
                inputs.durations[parts],
                inputs.values[parts],
                voltages[k - 1],
                seen[0],
                seen[-1],
                parameters,
            )
            change = float(voltages[k] - voltages[k - 1])
            loop.advance(change, seen)
            middle = (voltages[k - 1] + voltages[k]) / 2
            currents[k], errors[k] = _current(
                neuron, middle, change / 2, seen[[0, -1]], spread[[0, -1]]
            )
    check_voltages(voltages, inputs, dt)
    return Trajectory(
        times=moments,
        voltage=voltages[:, None],
        current=currents[:, None],
        current_error=errors[:, None],
        variables={
            "input": driven,
            "step_error": step_errors(neuron, moments, begin),
            **measured_series(counts[:, :, 0], counts.sum(axis=2)),
        },
        units={
            **{name: UNITS[name] for name in (*SERIES, *MEASURED_AXES)},
            "step_error": UNITS["voltage"],
        },
        dimensions=MEASURED_AXES,
        periods=drive_periods(neuron),
        provenance=make_provenance(
            "neurons.run_digital",
            **description,
            readout=None if readout is None else flips.tolist(),
            target=target_now,
        ),
    )


def place_digital(
    neuron: ShuttleNeuron,
    step: float,
    target: Target,
    *,
    feedback: DeviceFeedback = "composed",
    window: int = 0,
    steps: int = 1,
) -> Target:
    """Return the target with its qubits chosen, as `run_digital` would for such a loop.

    What `calibrate_readout` needs: flips belong to qubits.

    Args:
        neuron, target, feedback, window: as in `run_digital`.
        step: Δt.
        steps: how many there will be; with "history" the last one's circuit is the longest.
    """
    check_arguments(place_digital, locals(), own=("target",))
    check_real("step", step, minimum=0, exclusive=True)
    check_integer("steps", steps, minimum=1)
    check_choice("feedback", feedback, get_args(DeviceFeedback))
    check_work("steps", steps, 10_000, "steps, each longer than the last")
    where = _loop_target(target, None, steps=1)
    north = np.array([0.0, 0.0, 1.0])
    return _loop(neuron, step, north, where, feedback, window, steps).target


def _loop(
    neuron: ShuttleNeuron,
    step: float,
    bloch_vector: FloatArray,
    target: Target,
    feedback: DeviceFeedback,
    window: int,
    steps: int,
) -> Feedback:
    window = check_integer("window", window, minimum=0)
    check_work("window", window, 1000, "real steps")
    if feedback == "composed":
        return ComposedLoop(neuron, step, bloch_vector, target, window=window)
    if window:
        raise ValueError(
            f"Argument window must be 0 with feedback={feedback!r}, whose steps are all real, but "
            f"{window!r} was given; feedback='composed' has one."
        )
    if feedback == "history":
        return HistoryLoop(neuron, step, bloch_vector, target, steps=steps)
    if feedback == "bath":
        return BathLoop(neuron, step, bloch_vector, target)
    return ReprepareLoop(neuron, step, bloch_vector, target)


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


def _check_readout(readout: tuple[float, float] | None) -> FloatArray:
    if readout is None:
        return np.zeros(2)
    if len(readout) != 2 or not all(0 <= flip <= 1 for flip in readout) or sum(readout) > 0.99:
        raise ValueError(
            "Argument readout must be P(1 read | 0) and P(0 read | 1), from 0 to 1 and together "
            f"below 0.99, or nothing can be told apart, but {readout!r} was given."
        )
    return np.array([float(readout[0]), float(readout[1])])


def _current(
    neuron: ShuttleNeuron,
    voltage: float,
    voltage_change: float,
    seen: FloatArray,
    spread: FloatArray,
) -> tuple[float, float]:
    """Return I = G V and its standard error for the measured (X, Z), turned by RY(2ΔV)."""
    cosine, sine = np.cos(2 * voltage_change), np.sin(2 * voltage_change)
    table = tabulate_conductance(neuron.oscillator_length, neuron.tunnelling_length)
    position = neuron.equilibrium_position - neuron.displacement * voltage
    # Beyond the table's reach F is zero, as it is there.
    f00, f01, f11 = table(np.clip(position, -table.reach, table.reach))
    # G = ½(F₀₀ + F₁₁) + gradient · (X, Z): linear, so the errors add in quadrature.
    by_x, by_z = f01, (f00 - f11) / 2
    gradient = np.array([cosine * by_x - sine * by_z, sine * by_x + cosine * by_z])
    conductance = (f00 + f11) / 2 + gradient @ seen
    return float(conductance * voltage), float(abs(voltage) * np.hypot(*(gradient * spread)))
