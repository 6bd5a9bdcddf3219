"""The photonic quantum memristor: a beam splitter whose reflectivity remembers its input.

Spagnolo et al., *Experimental photonic quantum memristor*, Nat. Photonics 16, 318 (2022). A
single-rail qubit √(1−n_in)|0> + √n_in|1> meets a beam splitter of reflectivity R; the reflected
arm is detected and sets R through an integration window T:

    n_out = (1 − R) n_in,     R(t) = ½ + (1/T) ∫_{t−T}^t (n_in(s) − ½) ds,

so R is the mean of n_in over the window. The transmitted mode is damped with probability R: the
collision of the memristor circuits with p = R. Unlike their prescribed Γ(t), R follows the state.

For n_in = sin²(πt/T0) the loop of n_out against n_in encloses sin²(πx)/(8x), x = T/T0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    IntArray,
    check_integer,
    check_real,
    check_times,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.closed_loop import StepSampler, loop_target
from qmemcircuit.neurons.contract import refuse_state
from qmemcircuit.neurons.input_tables import input_period, integrate_input
from qmemcircuit.neurons.inputs import ConstantInput, FunctionInput, Input
from qmemcircuit.neurons.journal import measure_step, open_journal
from qmemcircuit.neurons.methods import Digital, Exact, sampled_shots
from qmemcircuit.neurons.signals import Signals
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives import BaseSamplerV2

    from qmemcircuit.circuits.protocols import Target

Photons = Callable[[FloatArray], ArrayLike]

_NODES = 64
"""Gauss–Legendre nodes a window: exact to rounding for inputs smooth on the window."""


UNITS = {
    "times": "[window]",
    "voltage": "photons",
    "current": "photons",
    "reflectivity": "1",
}


@data_object
@dataclass(frozen=True)
class PhotonicMemristor:
    """One device: `window` is its integration time T > 0, in the unit of `times`.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> found = neurons.simulate(
    ...     neurons.PhotonicMemristor(2.0),
    ...     np.linspace(0, 10, 101),
    ...     input=neurons.SinusoidalDrive(0.5, 1.0, offset=0.5),
    ... )
    >>> found.voltage.shape
    (101, 1)
    """

    window: float

    signals = Signals(
        voltage="mean photon number n_in [photons]",
        current="mean photon number n_out [photons]",
        input="mean photon number n_in, from 0 to 1 [photons]",
        time="[window]",
    )
    methods = (Exact, Digital)
    home = __name__

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("window", self.window, minimum=0, exclusive=True)


def simulate_photonic(
    device: PhotonicMemristor,
    times: ArrayLike,
    photons: Photons | Input,
    *,
    period: float | None = None,
) -> Trajectory:
    """Return the device's output for the mean input photon number `photons`.

    Args:
        device: the integration window.
        times: shape (T,).
        photons: n_in(t) in [0, 1], defined from −window on (the window looks back). An object of
            `neurons.inputs`, whose integral is exact, jumps included; or a function of an array
            of times, smooth there, whose integral is a Gauss–Legendre sum.
        period: of the input, recorded for `find_loops`.

    Returns a Trajectory with n_in as `voltage` and n_out as `current` (photon numbers; the
    device's control and response), `states` the output qubit (shape (T, 2, 2), amplitude damping
    with p = R of the input state) and the variable "reflectivity".

    >>> import numpy as np
    >>> from qmemcircuit.neurons import photonic
    >>> device = photonic.PhotonicMemristor(2.0)
    >>> times = np.linspace(0, 10, 101)
    >>> photonic.simulate_photonic(device, times, lambda t: 0.5 + 0.4 * np.sin(t)).voltage.shape
    (101, 1)
    """
    check_arguments(simulate_photonic, locals())
    grid = check_times(times)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    if isinstance(photons, Input):
        incoming = photons.value(grid)
        inside = photons.breakpoints()
        start = float(grid[0]) - device.window
        _check_photons(photons.value(np.append(inside[inside >= start], [start, *grid])))
        area = integrate_input(photons, grid) - integrate_input(photons, grid - device.window)
        return _as_trajectory(
            grid, incoming, area / device.window, period, {"window": device.window}
        )
    incoming = _evaluate(photons, grid)
    looked = grid[:, None] + device.window * (nodes - 1) / 2
    reflectivity = _evaluate(photons, looked.ravel()).reshape(looked.shape) @ weights / 2
    return _as_trajectory(grid, incoming, reflectivity, period, {"window": device.window})


def simulate_cascade(
    devices: Sequence[PhotonicMemristor],
    times: ArrayLike,
    photons: ArrayLike,
    *,
    period: float | None = None,
) -> Trajectory:
    """Return devices in series: each takes the transmitted mode of the one before.

    Args:
        devices: M devices; device 0 takes the input.
        times: shape (T,), from 0.
        photons: n_in at `times`, shape (T,), in [0, 1]; taken linear between samples, and ½
            before t = 0 (where R is ½).
        period: of the input.

    Device j of the Trajectory has its own n_in and n_out; "reflectivity" has shape (T, M).

    >>> import numpy as np
    >>> from qmemcircuit.neurons import photonic
    >>> device = photonic.PhotonicMemristor(2.0)
    >>> times = np.linspace(0, 10, 101)
    >>> photons = 0.5 + 0.4 * np.sin(times)
    >>> photonic.simulate_cascade([device, device], times, photons).voltage.shape
    (101, 2)
    """
    check_arguments(simulate_cascade, locals())
    grid = check_times(times, minimum_length=2)
    if not len(devices):
        raise ValueError("Argument devices must hold at least one device, but it is empty.")
    incoming = np.asarray(photons, dtype=float)
    if incoming.shape != grid.shape:
        raise ValueError(
            f"Argument photons must have the shape of times, {grid.shape}, but {incoming.shape} "
            "was given."
        )
    _check_photons(incoming)
    inputs, outputs, reflected = [], [], []
    for device in devices:
        reflectivity = _reflectivity(grid, incoming, device.window)
        inputs.append(incoming)
        reflected.append(reflectivity)
        incoming = (1 - reflectivity) * incoming
        outputs.append(incoming)
    return Trajectory(
        times=grid,
        voltage=np.stack(inputs, axis=1),
        current=np.stack(outputs, axis=1),
        variables={"reflectivity": np.stack(reflected, axis=1)},
        units=UNITS,
        periods=None
        if period is None
        else np.full(len(devices), check_real("period", period, minimum=0, exclusive=True)),
        provenance=make_provenance(
            "simulate_cascade",
            windows=[device.window for device in devices],
        ),
    )


def _reflectivity(grid: FloatArray, photons: FloatArray, window: float) -> FloatArray:
    """Return R at every time for n_in linear between samples and ½ before the first."""
    excess = photons - 0.5
    area = np.concatenate(([0.0], np.cumsum(np.diff(grid) * (excess[1:] + excess[:-1]) / 2)))
    start = grid - window
    place = np.clip(np.searchsorted(grid, start, side="right") - 1, 0, grid.size - 2)
    offset = start - grid[place]
    slope = (excess[place + 1] - excess[place]) / (grid[place + 1] - grid[place])
    before = area[place] + offset * excess[place] + slope * offset**2 / 2
    before = np.where(start > grid[0], before, 0.0)
    return np.asarray(np.clip(0.5 + (area - before) / window, 0.0, 1.0))


def respond(
    neuron: PhotonicMemristor,
    times: FloatArray,
    *,
    input: Input | FunctionInput | None,
    method: Exact | Digital,
    state: ArrayLike | None,
    tolerance: float,
) -> Trajectory:
    """Do what `neurons.simulate` promises; closed forms and circuits need no tolerance."""
    refuse_state(neuron, state)
    photons = ConstantInput(0.0) if input is None else input
    found = input_period(photons)
    period = found if found is not None and np.isfinite(found) else None
    if isinstance(method, Exact):
        given = photons.value if isinstance(photons, FunctionInput) else photons
        return simulate_photonic(neuron, times, given, period=period)
    return run_photonic(
        neuron,
        times,
        photons.value,
        shots=sampled_shots(method, neuron),
        target=method.target,
        seed=method.seed,
        period=period,
    )


def photonic_circuit(photons: float, reflectivity: float) -> QuantumCircuit:
    """Return preparation, beam splitter and detection: system qubit 0, reflected arm qubit 1.

    The beam splitter is the memristors' collision gadget with p = R; both arms are measured into
    the register "outcome", whose bit 0 is the transmitted and bit 1 the reflected photon.

    >>> from qmemcircuit.neurons import photonic
    >>> photonic.photonic_circuit(0.5, 0.3).num_qubits
    2
    """
    check_arguments(photonic_circuit, locals())
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

    from qmemcircuit.circuits.collision import collision_circuit

    _check_photons(np.array([photons]))
    outcome = ClassicalRegister(2, "outcome")
    circuit = QuantumCircuit(QuantumRegister(2, "arm"), outcome)
    circuit.ry(2 * np.arcsin(np.sqrt(photons)), 0)
    circuit.compose(collision_circuit(reflectivity), [0, 1], inplace=True)
    circuit.measure([0, 1], outcome)
    return circuit


# More than eight parameters: sampler and seed say what a target says alone.
def run_photonic(
    device: PhotonicMemristor,
    times: ArrayLike,
    photons: Photons,
    *,
    shots: int,
    target: Target | BaseSamplerV2 | None = None,
    seed: int | None = None,
    sampler: StepSampler | None = None,
    period: float | None = None,
    journal: str | os.PathLike[str] | None = None,
    accept_calibration: bool = False,
) -> Trajectory:
    """Return the device as circuits in closed loop: R follows the photons counted so far.

    One circuit for each time step. A photon leaves in one of two arms, so the fraction of shots
    with a click in either estimates n_in; R is the mean over the window of these estimates, linear
    between the steps and extrapolated over the last one, which is not counted yet (the paper
    infers n_in from the reflected arm alone, which divides by R). Before t = 0 the record is ½.

    Args:
        device: the integration window.
        times: shape (T,), equal steps, from 0; the feedback is of second order in the step.
        photons: n_in(t), a function of an array of times.
        shots: per step.
        target: where the circuits run: `aer(seed=…)`, `device(…)`, `ibm(…)`, `sampler(…)`, or
            anything with their `count`. None uses the next two instead.
        seed: of the samplers; a target has its own.
        sampler: see `qmemcircuit.neurons.closed_loop`; None is Qiskit's StatevectorSampler.
        period: of the input.
        journal: a folder where every step's counts are kept before the next step is asked for. A
            loop that is run again with the same arguments goes on at its first missing step.
        accept_calibration: whether a journal goes on although the target's layout or
            calibration is another one now; it notes both.

    Returns:
        Trajectory with n_in and n_out as counted, the standard errors of each step's own shots,
        and the variable "reflectivity" that was set. The noise that R takes over from earlier
        counts is *not* in the error of n_out. n_in and n_out share their counts, so there are no
        `samples`, and `qm.compare` gives distances, no χ².

    >>> import numpy as np
    >>> from qmemcircuit.neurons import photonic
    >>> device = photonic.PhotonicMemristor(2.0)
    >>> times = np.linspace(0, 10, 101)
    >>> found = photonic.run_photonic(device, times[:5], lambda t: 0.5 + 0 * t, shots=200, seed=1)
    >>> found.voltage_error.shape
    (5, 1)
    """
    check_arguments(run_photonic, locals(), own=("sampler", "target"))
    grid = check_times(times, minimum_length=2)
    step = float(grid[1] - grid[0])
    if grid[0] != 0 or not np.allclose(np.diff(grid), step, rtol=1e-9):
        raise ValueError(
            "Argument times must run from 0 in equal steps, but they do not; the feedback counts "
            "steps: use np.linspace."
        )
    number = check_integer("shots", shots, minimum=1)
    ran = loop_target(target, sampler=sampler, pass_manager=None, seed=seed, steps=grid.size)
    ran = ran.place([photonic_circuit(0.5, 0.5)])
    incoming = _evaluate(photons, grid)
    counted = np.empty((grid.size, 2))
    reflectivity = np.empty(grid.size)
    loop: dict[str, Any] = {"window": device.window, "shots": number, "seed": seed}
    loop |= {"times": grid, "photons": incoming}
    described = dict(ran.describe())
    with open_journal(journal, loop, described, accept=accept_calibration) as kept:
        for k in range(grid.size):
            reflectivity[k] = 0.5
            if k > 0:
                seen = counted[:k, 0]
                next_one = seen[-1] if k == 1 else 2 * seen[-1] - seen[-2]
                known = np.append(seen, np.clip(next_one, 0, 1))
                reflectivity[k] = _reflectivity(grid[: k + 1], known, device.window)[-1]
            circuit = photonic_circuit(float(incoming[k]), float(reflectivity[k]))
            measure = partial(_clicks, ran.independent(k), circuit, number)
            counts, _ = measure_step(kept, k + 1, measure)
            transmitted, reflected = counts.tolist()
            counted[k] = (transmitted + reflected) / number, transmitted / number
    mean = (counted * number + 0.5) / (number + 1)
    error = np.sqrt(mean * (1 - mean) / (number + 2))
    return Trajectory(
        times=grid,
        voltage=counted[:, :1],
        current=counted[:, 1:],
        voltage_error=error[:, :1],
        current_error=error[:, 1:],
        variables={"reflectivity": reflectivity},
        units=UNITS,
        periods=None
        if period is None
        else np.array([check_real("period", period, minimum=0, exclusive=True)]),
        provenance=make_provenance(
            "run_photonic",
            window=device.window,
            shots=number,
            seed=seed,
            target=dict(ran.describe()),
        ),
    )


def _clicks(target: Target, circuit: QuantumCircuit, shots: int) -> IntArray:
    """Return how often the transmitted and the reflected arm clicked."""
    (counts,) = target.count([circuit], shots)
    return np.array([counts.get(1, 0), counts.get(2, 0)], dtype=np.int64)


def _evaluate(photons: Photons, times: FloatArray) -> FloatArray:
    values = np.asarray(photons(times), dtype=float)
    if values.shape != times.shape:
        raise ValueError(
            f"Argument photons must return an array of the shape of its argument, {times.shape}, "
            f"but {values.shape} was returned; write it with NumPy functions."
        )
    _check_photons(values)
    return values


def _check_photons(values: FloatArray) -> None:
    if not np.all((values >= -1e-12) & (values <= 1 + 1e-12)):
        raise ValueError(
            f"Argument photons must lie in [0, 1], but values from {np.min(values):.4g} to "
            f"{np.max(values):.4g} were given: a single-rail qubit holds at most one photon."
        )


def _as_trajectory(
    grid: FloatArray,
    incoming: FloatArray,
    reflectivity: FloatArray,
    period: float | None,
    details: dict[str, Any],
) -> Trajectory:
    outgoing = (1 - reflectivity) * incoming
    states: ComplexArray = np.empty((grid.size, 2, 2), dtype=complex)
    states[:, 1, 1], states[:, 0, 0] = outgoing, 1 - outgoing
    coherence = np.sqrt(np.clip((1 - reflectivity) * incoming * (1 - incoming), 0, None))
    states[:, 0, 1] = states[:, 1, 0] = coherence
    return Trajectory(
        times=grid,
        voltage=incoming[:, None],
        current=outgoing[:, None],
        states=states,
        variables={"reflectivity": reflectivity},
        units=UNITS,
        periods=None
        if period is None
        else np.array([check_real("period", period, minimum=0, exclusive=True)]),
        provenance=make_provenance(
            "simulate_photonic",
            **details,
        ),
    )
