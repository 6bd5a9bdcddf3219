"""The digital neuron: the shuttle's qubit as circuits, in closed loop with a classical voltage.

Every step measures the qubit, solves the voltage's equation with what was measured, and turns
the qubit by the voltage's change. The model is `ShuttleNeuron` (Potter et al. 2024, Eq. 10); its
digital version is ours and nobody has published one.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    FloatArray,
    IntArray,
    check_choice,
    check_integer,
    check_times,
)
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.input_tables import StepInputs
from qmemcircuit.neurons.shuttle.neuron import (
    STATE_SERIES,
    UNITS,
    ShuttleNeuron,
    bloch_states,
    check_neuron_state,
    describe,
    drive_periods,
    input_voltages,
    pack_parameters,
    step_inputs,
)
from qmemcircuit.results.trajectory import Trajectory

Feedback = Literal["exact", "history", "reprepare"]

MEASURED_AXES = {"measured_means": ("setting",), "measured_shots": ("setting",)}
BASES = {"exact": "XZ", "history": "XZ", "reprepare": "XYZ"}


def simulate_digital(
    neuron: ShuttleNeuron,
    times: ArrayLike,
    *,
    feedback: Feedback = "exact",
    shots: int | None = None,
    seed: int | None = None,
    state: ArrayLike | None = None,
    simulator: Any = None,
) -> Trajectory:
    """Return the digital neuron's voltage, current and Bloch vector at evenly spaced `times`.

    Each step measures ⟨X⟩ and ⟨Z⟩ of the qubit, solves V̇ = V_n(t) − (1 + R_n G)V classically, and
    turns the qubit by RY(2ΔV); V, span and period are accurate to Δt². The feedback modes are
    different physics:

    - "exact": expectation values are fed back; no shot noise (no experiment can do this).
    - "history": each step's circuit is run again from t = 0, `shots` times per basis (X, Z). Shot
      noise enters the voltage only. Step k costs k steps of gates.
    - "reprepare": X, Y and Z are measured, and the next step starts from the measured Bloch vector
      (shortened to 1 where longer): short circuits, but shot noise enters the Bloch vector too.

    The step in equations is on the concept page "Neurons" (docs/pages/concepts/neurons.md).

    Args:
        neuron: the model. Its drive may be any input of `neurons.inputs`: a step is cut where the
            input jumps or bends. Of a plain function the beginning, middle and end of each step
            are asked, and a pulse between them is not seen.
        times: evenly spaced, at least two, from 0 or later.
        feedback, shots: see above; `shots` is needed unless `feedback` is "exact".
        seed: of the shot noise; None draws one and records it in the provenance.
        state: (V, Z, X, Y) at times[0]; None: `neuron.ground_state`.
        simulator: None samples from the exact channels, as numbers.
            `AerSimulator(method="density_matrix")` runs every step as a circuit instead, slowly:
            the proof that the channels are the circuits'.

    Returns:
        Trajectory of one device with V and I = G V, shape (T, 1), `states` (T, 2, 2) and the
        variables Z, X, Y, conductance and input, shape (T,): the simulated qubit itself at
        `times`, not what was measured of it. V is what the classical side recorded and
        applied: it has no error of its own, so `voltage_error` is None.

        The variable "step_error" estimates from half steps by how much V is off because Δt is not
        0 (see `step_errors`): look at it before you believe a Δt, e.g. at R_n = 50 Δt = 0.05.

        With shots, "measured_means" and "measured_shots", shape (T, B), hold what was measured in
        the middle of each step and how often, in the order of `provenance["bases"]`. They are not
        of the states at `times`: `samples` is None, and `qm.compare` reports distances only.

    Raises:
        TypeError, ValueError: bad arguments; times unevenly spaced, or so coarse that the
            voltage's RK4 step is unstable.

    Example:
        >>> neuron = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
        >>> times = np.linspace(0, 20, 401)
        >>> noisy = simulate_digital(neuron, times, feedback="history", shots=1000, seed=1)
        >>> noisy.voltage.shape, noisy.variables["measured_means"].shape
        ((401, 1), (401, 2))
    """
    check_arguments(simulate_digital, locals())
    from qmemcircuit.neurons.shuttle.field import find_conductances

    if simulator is not None and not callable(getattr(simulator, "run", None)):
        raise TypeError(
            f"Argument simulator must have the method run, as AerSimulator does, but {simulator!r} "
            "does not; None samples from the exact channels."
        )
    moments, dt = check_even_times(times)
    check_choice("feedback", feedback, tuple(BASES))
    if feedback == "exact":
        if shots is not None:
            raise ValueError(
                f"Argument shots must be None with feedback='exact', but {shots!r} was given; "
                "use feedback='history' or 'reprepare' for shot noise."
            )
        count, used_seed = 0, None
    else:
        count = check_shots(shots, feedback)
        used_seed = check_seed(seed)
    begin = check_neuron_state(neuron, neuron.ground_state if state is None else state)
    driven = input_voltages(neuron, moments)  # refuses what is unknown
    inputs = step_inputs(neuron, moments)
    generator = np.random.default_rng(used_seed)
    if simulator is None:
        from qmemcircuit.neurons.dynamics.integration.interpreted import call
        from qmemcircuit.neurons.shuttle import digital_step

        states, zeros = call(
            digital_step.close_loop,
            digital_step.SECONDS * len(inputs.durations),
            dt,
            *inputs,
            begin,
            getattr(digital_step, feedback.upper()),
            count,
            generator,
            pack_parameters(neuron, np.inf),
        )
    else:
        states, zeros = _close_loop_on(
            simulator, neuron, inputs, dt, begin, feedback, count, generator
        )
    check_voltages(states[:, 0], inputs, dt)
    voltage, z, x, y = states.T
    conductance = find_conductances(states, pack_parameters(neuron, np.inf))
    measured = {}
    if feedback != "exact":
        columns = ["XYZ".index(basis) for basis in BASES[feedback]]
        shots_taken = np.full((moments.size, len(columns)), count)
        shots_taken[0] = 0
        measured = measured_series(zeros[:, columns], shots_taken)
    return Trajectory(
        times=moments,
        voltage=voltage[:, None].copy(),
        current=(conductance * voltage)[:, None],
        states=bloch_states(x, y, z),
        variables={
            "Z": z.copy(),
            "X": x.copy(),
            "Y": y.copy(),
            "conductance": conductance,
            "input": driven,
            "step_error": step_errors(neuron, moments, begin),
            **measured,
        },
        units={
            **{name: UNITS[name] for name in (*STATE_SERIES, *measured)},
            "step_error": UNITS["voltage"],
        },
        dimensions=MEASURED_AXES if measured else {},
        periods=drive_periods(neuron),
        provenance=make_provenance(
            "neurons.simulate_digital",
            neuron=describe(neuron),
            initial_state=begin.tolist(),
            feedback=feedback,
            bases=None if feedback == "exact" else list(BASES[feedback]),
            shots=shots,
            seed=used_seed,
            simulator=None if simulator is None else str(simulator),
        ),
    )


def step_errors(neuron: ShuttleNeuron, times: FloatArray, begin: FloatArray) -> FloatArray:
    """Return by how much V at `times` is off because steps are Δt long, (T,): by half steps.

    4/3 |V(Δt) − V(Δt/2)| of the exact loop, whose error falls as Δt²: an estimate, good where it is
    small against V's span. An error of the period adds up: of a cycle it is at last the span.
    """
    from qmemcircuit.neurons.dynamics.integration.interpreted import call
    from qmemcircuit.neurons.shuttle import digital_step

    parameters, steps = pack_parameters(neuron, np.inf), times.size - 1
    dt = float(times[-1] - times[0]) / steps
    nothing, voltages = np.random.default_rng(0), []
    for parts in (1, 2):
        inputs = step_inputs(neuron, np.linspace(times[0], times[-1], parts * steps + 1))
        states, _ = call(
            digital_step.close_loop,
            digital_step.SECONDS * len(inputs.durations),
            dt / parts,
            *inputs,
            begin,
            digital_step.EXACT,
            0,
            nothing,
            parameters,
        )
        voltages.append(states[::parts, 0])
    return np.asarray(4 / 3 * np.abs(voltages[0] - voltages[1]))


def _close_loop_on(
    simulator: Any,
    neuron: ShuttleNeuron,
    inputs: StepInputs,
    dt: float,
    begin: FloatArray,
    feedback: Feedback,
    shots: int,
    generator: np.random.Generator,
) -> tuple[FloatArray, IntArray]:
    """Do what `digital_step.close_loop` does, every evolution of the qubit being a circuit."""
    from qmemcircuit.neurons.dynamics.integration.interpreted import call
    from qmemcircuit.neurons.shuttle.digital_step import SECONDS, advance_voltage

    parameters = pack_parameters(neuron, np.inf)
    states = np.empty((inputs.first.size, 4))
    zeros = np.zeros((inputs.first.size, 3), dtype=np.int64)
    states[0] = begin
    v, z, x, y = begin
    [bloch] = _evolve(simulator, neuron, np.array([x, y, z]), 0.0, [dt / 2])
    for k in range(1, inputs.first.size):
        seen = bloch
        if feedback != "exact":
            for axis, basis in enumerate("XYZ"):
                if basis in BASES[feedback]:
                    probability = np.clip(0.5 * (1 + bloch[axis]), 0, 1)
                    zeros[k, axis] = generator.binomial(shots, probability)
            seen = 2 * zeros[k] / shots - 1
        if feedback == "reprepare":
            seen = bloch = seen / max(1.0, float(np.sqrt((seen**2).sum())))
        parts = slice(inputs.first[k - 1], inputs.first[k])
        following = call(
            advance_voltage,
            SECONDS,
            inputs.durations[parts],
            inputs.values[parts],
            v,
            seen[0],
            seen[2],
            parameters,
        )
        now, bloch = _evolve(simulator, neuron, bloch, following - v, [dt / 2, dt])
        v = following
        states[k] = v, now[2], now[0], now[1]
    return states, zeros


def _evolve(
    simulator: Any,
    neuron: ShuttleNeuron,
    bloch: FloatArray,
    voltage_change: float,
    durations: list[float],
) -> list[FloatArray]:
    """Return the Bloch vectors after RY(2ΔV) and each of `durations`, from circuits."""
    from qiskit import QuantumCircuit

    from qmemcircuit.neurons.shuttle.circuits import SHUTTLE, append_step, shuttle_qubits

    width = shuttle_qubits(neuron)
    others = np.zeros((2 ** (width - 1), 2 ** (width - 1)))
    others[0, 0] = 1
    circuits = []
    for duration in durations:
        circuit = QuantumCircuit(width)
        circuit.set_density_matrix(np.kron(others, bloch_states(*bloch)))
        append_step(circuit, neuron, voltage_change, duration)
        circuit.save_density_matrix([SHUTTLE])
        circuits.append(circuit)
    result = simulator.run(circuits).result()
    vectors = []
    for index in range(len(circuits)):
        matrix = np.asarray(result.data(index)["density_matrix"])
        polarisation = (matrix[0, 0] - matrix[1, 1]).real
        vectors.append(np.array([2 * matrix[1, 0].real, 2 * matrix[1, 0].imag, polarisation]))
    return vectors


def measured_series(zeros: IntArray, shots: IntArray) -> dict[str, FloatArray]:
    """Return the variables "measured_means" and "measured_shots" from counts of outcome 0."""
    taken = shots > 0
    means = np.where(taken, 2 * zeros / np.where(taken, shots, 1) - 1, np.nan)
    return {"measured_means": means, "measured_shots": shots.astype(float)}


def check_even_times(times: ArrayLike) -> tuple[FloatArray, float]:
    """Return `times` checked to be evenly spaced (to 1e-6 of a step), and the step."""
    moments = check_times(times, minimum_length=2)
    step = float(moments[-1] - moments[0]) / (moments.size - 1)
    uneven = float(np.abs(np.diff(moments) - step).max())
    if uneven > 1e-6 * step:  # rounding of linspace and arange stays far below
        raise ValueError(
            "Argument times must be evenly spaced, but its steps differ by "
            f"{uneven:.3g}; numpy.linspace(0, 20, 401) makes steps of 0.05."
        )
    return moments, step


def check_shots(shots: int | None, feedback: str) -> int:
    """Return `shots`, which sampled feedback needs, as a positive int."""
    if shots is None:
        raise ValueError(
            f"Argument shots must be given with feedback={feedback!r}, but it is None; "
            "1000 or more keeps a cycle in the history mode."
        )
    return check_integer("shots", shots, minimum=1)


def check_voltages(voltages: FloatArray, inputs: StepInputs, dt: float) -> None:
    """Raise ValueError where the voltages show that the RK4 step was unstable."""
    # The equation itself keeps |V| below the larger of V(0) and the input; shot noise can pass it a
    # little.
    bound = 10 * (1 + max(abs(float(voltages[0])), float(np.abs(inputs.values).max())))
    if not np.all(np.abs(voltages) < bound):
        raise ValueError(
            "Argument times must be spaced finely enough for the voltage's RK4 step, but a "
            f"spacing of {dt:g} makes it unstable; try {min(dt / 4, 0.05):.3g}."
        )


def check_seed(seed: int | None) -> int:
    """Return `seed`, or a fresh one where it is None."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return check_integer("seed", seed, minimum=0)
