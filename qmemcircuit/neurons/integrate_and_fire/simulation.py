"""The integrate-and-fire neuron's verbs: the classical circuit, Gaussian moments, a network."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_choice, check_real, check_times
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.inputs import FunctionInput, describe_input
from qmemcircuit.neurons.integrate_and_fire.engine import (
    Circuits,
    Current,
    Solution,
    as_inputs,
    solve_scipy,
)
from qmemcircuit.neurons.integrate_and_fire.methods import (
    Classical,
    Gksl,
    Method,
    method_named,
    threshold_named,
)
from qmemcircuit.neurons.integrate_and_fire.neuron import (
    UNITS,
    IntegrateAndFire,
    UncertaintyWarning,
    check_covariance,
)
from qmemcircuit.results.trajectory import Trajectory


def simulate_classical(
    neuron: IntegrateAndFire,
    times: ArrayLike,
    current: Current,
    *,
    tolerance: float = 1e-9,
    solver: str = "scipy",
) -> Trajectory:
    """Return the classical circuit's response to `current`.

    `current` is a number, an input of `qmemcircuit.neurons.inputs` (constant, piecewise,
    sampled, sine, ramp, spikes), whose jumps the solver meets exactly however short they are, or
    a plain function of time. Of a plain function only values can be asked: no step is longer
    than the longest interval of `times`, nor than a hundredth of the whole, so a pulse at least
    as long as the sampling is integrated (twelve values are asked in each step), and a shorter
    one may be lost without a word: give it as a `PiecewiseInput` or a `SpikeTrain`.

    The Trajectory has `voltage` Q/C and `current` V/M through the memristor; variables "flux",
    "charge" (the memory q), "resistance", "input_current"; the event "spikes". `solver` is as for
    `simulate_moments`; "compiled" is much faster under an input of many breakpoints.

    >>> import numpy as np
    >>> from qmemcircuit.neurons import integrate_and_fire
    >>> neuron = integrate_and_fire.IntegrateAndFire(inductance=1.0)
    >>> times = np.linspace(0, 2, 21)
    >>> integrate_and_fire.simulate_classical(neuron, times, 0.5).voltage.shape
    (21, 1)
    """
    check_arguments(simulate_classical, locals())
    return simulate_network(
        [neuron], times, current, dissipator="classical", tolerance=tolerance, solver=solver
    )


# More than eight parameters: each one is of the model or of the threshold.
def simulate_moments(
    neuron: IntegrateAndFire,
    times: ArrayLike,
    current: Current,
    *,
    dissipator: str = "caldeira-leggett",
    leak_scale: float = 1.0,
    threshold: str = "deterministic",
    seed: int | None = None,
    covariance: Sequence[float] | None = None,
    tolerance: float = 1e-9,
    solver: str = "scipy",
) -> Trajectory:
    """Return the quantum neuron's Gaussian moments under `current`.

    As `simulate_classical`, with `voltage` the mean <Q>/C, and the further variables
    "flux_variance", "covariance", "charge_variance", "uncertainty" (their determinant over
    ħ²/4; below 1 is no quantum state) and "spike_probability", P(V > V_th) of the Gaussian
    voltage at that time. provenance["uncertainty"] says how many solver steps violated the
    bound and by how much; an UncertaintyWarning is given once.

    Args:
        neuron: the circuit.
        times: shape (T,).
        current: a number, an input object or a function of time, as for `simulate_classical`.
        dissipator: "caldeira-leggett" (default) or "gksl" (needs a finite inductance).
        leak_scale: s of the "gksl" dissipator.
        threshold: "deterministic" fires where the mean reaches V_th. "stochastic" draws one
            standard normal ξ for each interval and fires where the mean reaches V_th + ξσ_V:
            while the mean rises, the probability of having fired is then P(V > V_th).
        seed: needed for "stochastic".
        covariance: (σ_φφ, σ_φQ, σ_QQ) at t = 0 and after each reset; None is the thermal state.
        tolerance: relative tolerance of the integration.
        solver: "compiled", the one stepper of all neurons, for a number or an input object; much
            faster, and what `neurons.simulate` takes; needs
            `pip install 'qmemcircuit[neurons]'`. "scipy", which takes a plain function too, is a
            reference that shares no integrator with it.

    >>> import numpy as np
    >>> from qmemcircuit.neurons import integrate_and_fire
    >>> neuron = integrate_and_fire.IntegrateAndFire(inductance=1.0)
    >>> times = np.linspace(0, 2, 21)
    >>> integrate_and_fire.simulate_moments(neuron, times, 0.5).voltage.shape
    (21, 1)
    """
    check_arguments(simulate_moments, locals())
    return simulate_network(
        [neuron],
        times,
        current,
        dissipator=check_choice("dissipator", dissipator, ("caldeira-leggett", "gksl")),
        leak_scale=leak_scale,
        threshold=threshold,
        seed=seed,
        covariance=covariance,
        tolerance=tolerance,
        solver=solver,
    )


# More than eight parameters: each one is of the model or of the threshold.
def simulate_network(
    neurons: Sequence[IntegrateAndFire],
    times: ArrayLike,
    current: Current,
    *,
    weights: ArrayLike | None = None,
    synapse_time: float = 1.0,
    dissipator: str = "caldeira-leggett",
    leak_scale: float = 1.0,
    threshold: str = "deterministic",
    seed: int | None = None,
    covariance: Sequence[float] | None = None,
    tolerance: float = 1e-9,
    solver: str = "scipy",
) -> Trajectory:
    """Return several neurons' evolution, coupled by their spikes.

    A spike of neuron j adds weights[i, j] to a current into neuron i, which decays at
    1/synapse_time; negative weights inhibit. The neurons share no entanglement: a spike is a
    classical event. Device i of the Trajectory is neuron i; with one neuron its spikes are the
    event "spikes", with more "spikes_0", "spikes_1", …

    Args:
        neurons: N parameter sets.
        times, dissipator, leak_scale, threshold, seed, covariance, tolerance, solver: as for
            `simulate_moments`; dissipator may also be "classical".
        current: the external current: a number, an input object or a function of time that
            returns a number or N numbers, or a list of N numbers and input objects.
        weights: shape (N, N); None couples nothing.
        synapse_time: τ_s > 0.

    >>> import numpy as np
    >>> from qmemcircuit.neurons import integrate_and_fire
    >>> neuron = integrate_and_fire.IntegrateAndFire(inductance=1.0)
    >>> times = np.linspace(0, 2, 21)
    >>> weights = [[0.0, 0.5], [0.0, 0.0]]  # neuron 1 drives neuron 0
    >>> integrate_and_fire.simulate_network(
    ...     [neuron, neuron], times, 0.5, weights=weights
    ... ).voltage.shape
    (21, 2)
    """
    check_arguments(simulate_network, locals(), own=("neurons",))
    grid = check_times(times, minimum_length=2)
    method = method_named(dissipator, leak_scale)
    rule = threshold_named(threshold, seed, method)
    check_real("tolerance", tolerance, minimum=1e-13)
    circuits = _circuits(neurons, current, method, weights, synapse_time, covariance)
    currents = np.array([item.value(grid) for item in circuits.inputs])  # refuses what is unknown
    solve = solve_scipy if solver == "scipy" else _compiled(solver, circuits)
    samples, spikes, bound = solve(circuits, grid, rule, tolerance)
    variables = _variables(circuits, samples)
    variables["input_current"] = currents + samples[3]
    if bound.violations:
        warnings.warn(
            f"The moments violate the uncertainty bound at {bound.violations} of "
            f"{bound.steps} steps (smallest determinant {bound.smallest:.3g} of ħ²/4): "
            "the Caldeira–Leggett form is not completely positive; raise the temperature or "
            "use dissipator='gksl'.",
            UncertaintyWarning,
            stacklevel=3,
        )
    voltage = samples[1] / circuits.column("capacitance")[:, None]
    names = ["spikes"] if len(spikes) == 1 else [f"spikes_{i}" for i in range(len(spikes))]
    return Trajectory(
        times=grid,
        voltage=voltage.T,
        current=(voltage / variables["resistance"]).T,
        variables={name: values.T for name, values in variables.items()},
        units={name: UNITS[name] for name in ("times", "voltage", "current", *variables)},
        events=dict(zip(names, (np.array(s) for s in spikes), strict=True)),
        provenance=make_provenance(
            "integrate_and_fire",
            neurons=[describe_neuron(neuron) for neuron in circuits.neurons],
            inputs=[describe_input(item) for item in circuits.inputs],
            dissipator=method.name,
            leak_scale=method.leak_scale if isinstance(method, Gksl) else None,
            threshold=threshold,
            seed=seed,
            weights=None if weights is None else circuits.weights.tolist(),
            synapse_time=None if weights is None else circuits.synapse_time,
            uncertainty=None if isinstance(method, Classical) else asdict(bound),
            solver=solver,
            reconstruction="brand2025: from the abstract and the stated method only",
        ),
    )


def describe_neuron(neuron: IntegrateAndFire) -> dict[str, Any]:
    """Return the parameters as JSON values; infinity, which JSON lacks, as a string."""
    check_arguments(describe_neuron, locals())
    return {k: str(v) if v == math.inf else v for k, v in asdict(neuron).items()}


def one_circuit(
    neuron: IntegrateAndFire,
    current: Current,
    dissipator: str,
    leak_scale: float,
    covariance: Sequence[float] | None,
) -> Circuits:
    """Return a neuron without synapses as what is solved."""
    return _circuits([neuron], current, method_named(dissipator, leak_scale), None, 1.0, covariance)


def _circuits(
    neurons: Sequence[IntegrateAndFire],
    current: Current,
    method: Method,
    weights: ArrayLike | None,
    synapse_time: float,
    covariance: Sequence[float] | None,
) -> Circuits:
    """Return what is solved, with every argument checked."""
    tau = check_real("synapse_time", synapse_time, minimum=0, exclusive=True)
    if not isinstance(neurons, Sequence) or not all(
        isinstance(neuron, IntegrateAndFire) for neuron in neurons
    ):
        raise TypeError(
            f"Argument neurons must be a list of IntegrateAndFire, but {neurons!r} was given."
        )
    count = len(neurons)
    if count == 0:
        raise ValueError("Argument neurons must hold at least one neuron, but it is empty.")
    if isinstance(method, Gksl) and any(neuron.frequency == 0 for neuron in neurons):
        raise ValueError(
            "Argument inductance must be finite for dissipator='gksl', but inf was given: the "
            "mode operator needs an oscillator; use 'caldeira-leggett'."
        )
    coupling = np.zeros((count, count)) if weights is None else np.array(weights, dtype=float)
    if coupling.shape != (count, count) or not np.isfinite(coupling).all():
        raise ValueError(
            f"Argument weights must have shape ({count}, {count}) and be finite, but shape "
            f"{coupling.shape} was given."
        )
    rest = np.zeros((count, 3))
    if not isinstance(method, Classical):
        for i, neuron in enumerate(neurons):
            rest[i] = (
                neuron.rest_covariance()
                if covariance is None
                else check_covariance(covariance, neuron.hbar)
            )
    return Circuits(tuple(neurons), method, as_inputs(current, count), coupling, tau, rest)


def _variables(circuits: Circuits, samples: FloatArray) -> dict[str, FloatArray]:
    """Return the series that follow from the samples (n, N, T), each of shape (N, T)."""
    variables = {
        "flux": samples[0],
        "charge": samples[2],
        "resistance": np.array(
            [n.resistance(q) for n, q in zip(circuits.neurons, samples[2], strict=True)]
        ),
    }
    if samples.shape[0] == 4:
        return variables
    from scipy.special import ndtr

    capacitance = circuits.column("capacitance")[:, None]
    determinant = samples[4] * samples[6] - samples[5] ** 2
    deviation = np.sqrt(np.maximum(samples[6], 0)) / capacitance
    with np.errstate(divide="ignore"):
        excess = (samples[1] / capacitance - circuits.column("threshold")[:, None]) / deviation
    return variables | {
        "flux_variance": samples[4],
        "covariance": samples[5],
        "charge_variance": samples[6],
        "uncertainty": 4 * determinant / circuits.column("hbar")[:, None] ** 2,
        "spike_probability": ndtr(excess),
    }


def _compiled(solver: str, circuits: Circuits) -> Callable[..., Solution]:
    """Return the compiled solver; ValueError where it cannot take these circuits."""
    check_choice("solver", solver, ("scipy", "compiled"))
    if any(isinstance(item, FunctionInput) for item in circuits.inputs):
        raise ValueError(
            "Argument solver='compiled' must have no plain function as its current, but one was "
            "given; use 'scipy', or an input object of neurons.inputs."
        )
    try:
        from qmemcircuit.neurons.integrate_and_fire.compiled import solve_compiled
    except ImportError as error:
        raise ImportError(
            "Argument solver='compiled' needs numba: pip install 'qmemcircuit[neurons]'"
        ) from error
    return solve_compiled
