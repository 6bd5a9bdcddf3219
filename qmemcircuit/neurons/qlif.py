"""The circuit integrate-and-fire neuron (QLIF): one qubit, spikes in, spikes out.

Brand and Petruccione, *A quantum leaky integrate-and-fire spiking neuron and network*, 2024
(arXiv 2407.16398). The excited population α of a qubit is the membrane potential. Each step
prepares RX(φ), φ = 2 arcsin √α, and then

- an input of angle θ rotates on: α' = sin²((φ + θ)/2);
- silence lets it relax for τ: α' = α e^{−τ/T1}, a damping collision or the device's own T1;
- where α' exceeds the threshold the neuron fires and α returns to 0.

The step's α' is measured and becomes the next step's α: the memory between steps is classical.
(The authors' public code leaks with the inverse of T1 decay; here it is T1 decay.)
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    FloatArray,
    IntArray,
    check_choice,
    check_integer,
    check_real,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.contract import refuse_input, refuse_state
from qmemcircuit.neurons.inputs import FunctionInput, Input, SpikeTrain
from qmemcircuit.neurons.methods import Digital, Exact, sampled_shots
from qmemcircuit.neurons.signals import Signals
from qmemcircuit.neurons.spike_trains import SpikeArray
from qmemcircuit.neurons.spike_trains import bin_spikes as bin_spikes
from qmemcircuit.neurons.spike_trains import read_spikes as read_spikes
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives import BaseSamplerV2
    from qiskit.transpiler import PassManager

    from qmemcircuit.circuits.protocols import Target
    from qmemcircuit.neurons.closed_loop import StepSampler


@data_object
@dataclass(frozen=True)
class CircuitNeuron:
    """A QLIF neuron.

    Attributes:
        angle: θ > 0 of an input spike of weight 1, radians.
        threshold: of α, in (0, 1).
        step: τ > 0, the duration of a time step.
        relaxation_time: T1 > 0, in the same unit.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> neuron = neurons.CircuitNeuron()
    >>> found = neurons.simulate(
    ...     neuron, np.arange(5.0), input=neurons.SpikeTrain((0.0, 1.0, 2.0), 1.0, 1.0)
    ... )
    >>> found.times.size
    5
    """

    angle: float = math.pi / 4
    threshold: float = 0.8
    step: float = 1.0
    relaxation_time: float = 5.0

    signals = Signals(
        voltage="excited population α before the reset [1]",
        current="input angle of the step [rad]",
        input="the times of a SpikeTrain; a spike's charge and duration say nothing [step]",
        time="[step]",
    )
    methods = (Exact, Digital)
    home = __name__

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("angle", "step", "relaxation_time"):
            check_real(name, getattr(self, name), minimum=0, exclusive=True)
        if not 0 < check_real("threshold", self.threshold) < 1:
            raise ValueError(
                f"Argument threshold must be between 0 and 1, but {self.threshold:g} was given; "
                "it is an excited population."
            )

    @property
    def leak_probability(self) -> float:
        """The damping 1 − e^{−τ/T1} of a silent step."""
        return -math.expm1(-self.step / self.relaxation_time)


def next_population(neuron: CircuitNeuron, population: ArrayLike, angle: ArrayLike) -> FloatArray:
    """Return α' of one step in closed form; angle 0 is silence.

    >>> neuron, alpha = CircuitNeuron(), [0.0]
    >>> for _ in range(3):
    ...     alpha.append(float(next_population(neuron, alpha[-1], neuron.angle)))
    >>> [round(value, 3) for value in alpha]
    [0.0, 0.146, 0.5, 0.854]
    """
    check_arguments(next_population, locals())
    alpha, turned = np.asarray(population, dtype=float), np.asarray(angle, dtype=float)
    phi = 2 * np.arcsin(np.sqrt(np.clip(alpha, 0, 1)))
    kept = alpha * math.exp(-neuron.step / neuron.relaxation_time)
    return np.asarray(np.where(turned == 0, kept, np.sin((phi + turned) / 2) ** 2))


def respond(
    neuron: CircuitNeuron,
    times: FloatArray,
    *,
    input: Input | FunctionInput | None,
    method: Exact | Digital,
    state: ArrayLike | None,
    tolerance: float,
) -> Trajectory:
    """Do what `neurons.simulate` promises, at `times` 0, τ, 2τ, …: a neuron that steps."""
    refuse_state(neuron, state)
    count = times.size - 1
    if not np.allclose(times, neuron.step * np.arange(times.size), rtol=1e-9, atol=0):
        raise ValueError(
            f"Argument times must be the neuron's steps 0, {neuron.step:g}, {2 * neuron.step:g}, "
            f"…, but they run from {times[0]:g} to {times[-1]:g} in {count} intervals; "
            "step·arange makes them."
        )
    if input is not None and not isinstance(input, SpikeTrain):
        refuse_input(neuron, input, "a SpikeTrain or None (spikes are all that it takes)")
    arriving = np.array(input.times if isinstance(input, SpikeTrain) else ())
    inside = arriving[(arriving >= 0) & (arriving < count * neuron.step)]
    spikes = bin_spikes([inside], step=neuron.step, count=count)
    layers = [([neuron], [[1.0]])]
    if isinstance(method, Exact):
        return simulate_layers(layers, spikes)
    return run_layers(
        layers, spikes, shots=sampled_shots(method, neuron), target=method.target, seed=method.seed
    )


def step_circuit(
    neuron: CircuitNeuron, population: float, angle: float, *, leak: str = "collision"
) -> QuantumCircuit:
    """Return one step's circuit, measured into the one-bit register "outcome".

    `leak` says how a silent step relaxes: "collision" with an ancilla (the memristors' gadget),
    or "delay", which idles the qubit for `neuron.step` seconds (best a multiple of the device's
    clock cycle): its own T1 does it.
    """
    check_arguments(step_circuit, locals())
    angle = check_real("angle", angle)
    population = check_real("population", population)
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

    from qmemcircuit.circuits.collision import collision_circuit

    check_choice("leak", leak, ("collision", "delay"))
    collides = angle == 0 and leak == "collision"
    outcome = ClassicalRegister(1, "outcome")
    circuit = QuantumCircuit(QuantumRegister(1 + collides, "neuron"), outcome)
    circuit.rx(2 * math.asin(math.sqrt(min(max(population, 0.0), 1.0))), 0)
    if collides:
        circuit.compose(collision_circuit(neuron.leak_probability), [0, 1], inplace=True)
    elif angle == 0:
        circuit.delay(neuron.step, 0, unit="s")
    else:
        circuit.rx(angle, 0)
    circuit.measure(0, outcome[0])
    return circuit


def simulate_layers(
    layers: Sequence[tuple[Sequence[CircuitNeuron], ArrayLike]], spikes: ArrayLike
) -> Trajectory:
    """Return a feed-forward network's populations and spikes in closed form.

    Args:
        layers: for each layer its neurons and its weights, shape (neurons, inputs). The angle
            of neuron i in step k is angle_i Σ_j w_ij s_j(k); 0 is silence. The inputs of layer 1
            are `spikes`, those of the next layers the spikes of the same step of the layer before.
        spikes: booleans of shape (K, inputs), or (K,) for one input.

    Returns a Trajectory with times kτ (k = 0 … K, τ of the first neuron, which all must share),
    all neurons of all layers as devices in order, `voltage` α *before* the reset (so a firing
    step shows what crossed the threshold), `current` the input angle of the step that led there;
    events "input_0", …, "neuron_0", … hold the spike times.
    """
    check_arguments(simulate_layers, locals())

    def advance(
        neurons: Sequence[CircuitNeuron], alpha: FloatArray, angles: FloatArray, k: int
    ) -> FloatArray:
        pairs = zip(neurons, alpha, angles, strict=True)
        return np.array([float(next_population(n, a, t)) for n, a, t in pairs])

    return _run(layers, spikes, advance, None, {"method": "simulate_layers"})


# More than eight parameters: seed, sampler and pass_manager say what a target says alone, and
# stay for the programs that use them.
def run_layers(
    layers: Sequence[tuple[Sequence[CircuitNeuron], ArrayLike]],
    spikes: ArrayLike,
    *,
    shots: int,
    target: Target | BaseSamplerV2 | None = None,
    seed: int | None = None,
    sampler: StepSampler | None = None,
    pass_manager: PassManager | None = None,
    leak: str = "collision",
    readout: tuple[float, float] = (0.0, 0.0),
    journal: str | os.PathLike[str] | None = None,
    accept_calibration: bool = False,
) -> Trajectory:
    """Return the same network run as circuits, one circuit for each neuron and step.

    The circuits of a layer's step are one job; layers and steps wait for each other, since
    the measured α decides. As `simulate_layers`, with `voltage_error` the standard error of each
    step's own shots (Jeffreys posterior): errors of earlier steps are carried along in α and are
    not in it. They are therefore no errors of α against `simulate_layers`, neighbouring residuals
    are correlated, and there are no `samples`: `qm.compare` gives distances, no χ². Test a step
    against `next_population` of the α before it.

    Args:
        layers, spikes: as for `simulate_layers`.
        shots: per circuit.
        target: where the circuits run: `aer(seed=…)`, `device(…)`, `ibm(…)`, `sampler(…)`, or
            anything with their `count`. None uses the next three instead.
        seed: of the samplers; a target has its own.
        sampler: see `qmemcircuit.neurons.closed_loop`; None is Qiskit's StatevectorSampler.
        pass_manager: compiles the circuits for a sampler's device.
        leak: "collision", or "delay" where the sampler's device relaxes by itself; then
            `step` is in seconds and `relaxation_time` the device's T1.
        readout: the device's P(1 read | 0) and P(0 read | 1), which
            `qmemcircuit.neurons.closed_loop.calibrate_readout` measures; inverted in every α,
            clipped to [0, 1]. It matters more than its size: α = ε read from an empty neuron
            becomes the angle 2√ε of the next step.
        journal: a folder where every job's counts are kept before the next one is asked for. A
            network that is run again with the same arguments goes on at its first missing job.
        accept_calibration: whether a journal goes on although the target's layout or
            calibration is another one now; it notes both.

    Raises:
        ValueError: what is wrong with which argument; a `journal` of another network, or of a
            calibration that has changed.
    """
    check_arguments(run_layers, locals(), own=("sampler", "target"))
    from qmemcircuit.neurons.closed_loop import loop_target
    from qmemcircuit.neurons.journal import measure_step, open_journal

    number = check_integer("shots", shots, minimum=1)
    check_choice("leak", leak, ("collision", "delay"))
    jobs = np.atleast_1d(np.asarray(spikes)).shape[0] * len(layers)
    false_one, false_zero = (check_real("readout", value, minimum=0) for value in readout)
    if false_one + false_zero >= 1:
        raise ValueError(
            f"Argument readout must sum to less than 1, but {readout} was given; at 1 the outcome "
            "says nothing about the qubit."
        )
    contrast = 1 - false_one - false_zero
    ran = loop_target(
        target, sampler=sampler, pass_manager=pass_manager, seed=seed, steps=max(jobs, 1)
    )
    first = next((neuron for neurons, _ in layers for neuron in neurons), CircuitNeuron())
    ran = ran.place([step_circuit(first, 0.5, angle, leak=leak) for angle in (0.0, 1.0)])
    each = iter(range(jobs))

    def advance(
        neurons: Sequence[CircuitNeuron], alpha: FloatArray, angles: FloatArray, k: int
    ) -> FloatArray:
        circuits = [
            step_circuit(n, float(a), float(t), leak=leak)
            for n, a, t in zip(neurons, alpha, angles, strict=True)
        ]
        job = next(each)

        def measure() -> IntArray:
            found = ran.independent(job).count(circuits, number)
            return np.array([[item.get(0, 0), item.get(1, 0)] for item in found], dtype=np.int64)

        counts, _ = measure_step(kept, job + 1, measure)
        read = counts[:, 1] / number
        return np.asarray(np.clip((read - false_one) / contrast, 0, 1))

    details = {
        "method": "run_layers",
        "shots": number,
        "seed": seed,
        "target": None if target is None else dict(ran.describe()),
        "leak": leak,
        "readout": list(readout),
    }
    network = {
        "layers": [
            {"neurons": [asdict(neuron) for neuron in neurons], "weights": np.asarray(weights)}
            for neurons, weights in layers
        ],
        "spikes": np.asarray(spikes, dtype=bool),
        **{name: details[name] for name in ("shots", "seed", "leak", "readout")},
    }
    described = dict(ran.describe())
    with open_journal(journal, network, described, accept=accept_calibration) as kept:
        return _run(layers, spikes, advance, (number, false_one, contrast), details)


Advance = Callable[[Sequence[CircuitNeuron], FloatArray, FloatArray, int], FloatArray]


def _run(
    layers: Sequence[tuple[Sequence[CircuitNeuron], ArrayLike]],
    spikes: ArrayLike,
    advance: Advance,
    counting: tuple[int, float, float] | None,
    details: dict[str, Any],
) -> Trajectory:
    inputs = _check_spikes(spikes)
    weights = _check_layers(layers, inputs.shape[1])
    steps, total = inputs.shape[0], sum(len(neurons) for neurons, _ in layers)
    every = [neuron for neurons, _ in layers for neuron in neurons]
    if len({neuron.step for neuron in every}) != 1:
        raise ValueError(
            "Argument layers must share one step, but the neurons have "
            f"{sorted({neuron.step for neuron in every})}; time advances for all at once."
        )
    alpha = [np.zeros(len(neurons)) for neurons, _ in layers]
    voltage, turned = np.zeros((steps + 1, total)), np.zeros((steps + 1, total))
    fired = np.zeros((steps + 1, total), dtype=bool)
    for k in range(steps):
        arriving, column = inputs[k].astype(float), 0
        for place, (neurons, _) in enumerate(layers):
            theta = np.array([n.angle for n in neurons]) * (weights[place] @ arriving)
            new = advance(neurons, alpha[place], theta, k)
            spiking = new > np.array([n.threshold for n in neurons])
            here = slice(column, column + len(neurons))
            voltage[k + 1, here], turned[k + 1, here] = new, theta
            fired[k + 1, here] = spiking
            alpha[place] = np.where(spiking, 0.0, new)
            arriving, column = spiking.astype(float), column + len(neurons)
    times = every[0].step * np.arange(steps + 1)
    events = {f"input_{j}": times[1:][inputs[:, j]] for j in range(inputs.shape[1])}
    events |= {f"neuron_{i}": times[fired[:, i]] for i in range(total)}
    error = None
    if counting is not None:
        shots, floor, contrast = counting
        mean = ((floor + contrast * voltage) * shots + 0.5) / (shots + 1)
        error = np.sqrt(mean * (1 - mean) / (shots + 2)) / contrast
        error[0] = 0.0  # the start is known
    method = details.pop("method")
    return Trajectory(
        times=times,
        voltage=voltage,
        current=turned,
        voltage_error=error,
        events=events,
        units={"times": "[step]", "voltage": "1", "current": "rad"},
        provenance=make_provenance(
            method,
            layers=[
                {"neurons": [asdict(n) for n in neurons], "weights": w.tolist()}
                for (neurons, _), w in zip(layers, weights, strict=True)
            ],
            **details,
        ),
    )


def _check_spikes(spikes: ArrayLike) -> SpikeArray:
    array = np.asarray(spikes)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[0] < 1 or not np.all((array == 0) | (array == 1)):
        raise ValueError(
            "Argument spikes must be zeros and ones of shape (steps, inputs), but an array of "
            f"shape {array.shape} was given; bin_spikes makes one from spike times."
        )
    return array.astype(bool)


def _check_layers(
    layers: Sequence[tuple[Sequence[CircuitNeuron], ArrayLike]], inputs: int
) -> list[FloatArray]:
    if len(layers) == 0 or not all(len(neurons) for neurons, _ in layers):
        raise ValueError("Argument layers must hold neurons, but a layer is empty.")
    checked = []
    for place, (neurons, weights) in enumerate(layers):
        matrix = np.asarray(weights, dtype=float)
        if matrix.shape != (len(neurons), inputs) or not np.all(np.isfinite(matrix)):
            raise ValueError(
                f"Argument layers must have finite weights of shape ({len(neurons)}, {inputs}) in "
                f"layer {place}, but shape {matrix.shape} was given."
            )
        checked.append(matrix)
        inputs = len(neurons)
    return checked
