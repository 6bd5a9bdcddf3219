"""The classical Hodgkin–Huxley membrane (J. Physiol. 117, 500, 1952) and the rates of its gates."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.input_tables import as_input, input_period, tabulate_pieces
from qmemcircuit.neurons.inputs import ConstantInput, FunctionInput, Input, describe_input
from qmemcircuit.neurons.methods import Classical
from qmemcircuit.neurons.signals import Signals
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, Field

Array = NDArray[Any]

LARGEST_DEPOLARISATION = 5000.0
"""mV; beyond it the exponentials of the rates leave the range in which they mean anything."""


def gate_rates(depolarisation: ArrayLike) -> tuple[tuple[Array, Array], ...]:
    """Return (α, β) of the gates n, m and h in 1/ms at `depolarisation` (mV above rest).

    Hodgkin and Huxley (1952), with the sign of the voltage turned to today's convention:
    α_n = 0.01 (10−u)/(e^{(10−u)/10} − 1), β_n = 0.125 e^{−u/80}, α_m = 0.1 (25−u)/(e^{(25−u)/10}
    − 1), β_m = 4 e^{−u/18}, α_h = 0.07 e^{−u/20}, β_h = 1/(e^{(30−u)/10} + 1). The removable
    singularities at u = 10 and u = 25 are taken in the limit (0.1 and 1 per ms).

    Raises:
        ValueError: where |u| exceeds 5000 mV.

    >>> [round(float(alpha), 4) for alpha, beta in gate_rates(10.0)]
    [0.1, 0.4308, 0.0425]
    """
    check_arguments(gate_rates, locals(), missing=("depolarisation",))
    u = np.asarray(depolarisation, dtype=float)
    if not np.all(np.abs(u) <= LARGEST_DEPOLARISATION):
        worst = float(u.flat[int(np.argmax(np.abs(np.nan_to_num(u, nan=np.inf))))])
        raise ValueError(
            f"Argument depolarisation must stay within ±{LARGEST_DEPOLARISATION:g} mV of rest, "
            f"but {worst:g} mV was reached, where the gate rates overflow; use a smaller current "
            "amplitude, larger conductances, or check the units."
        )
    with np.errstate(under="ignore"):
        return (
            (0.1 * _over_expm1((10 - u) / 10), 0.125 * np.exp(-u / 80)),
            (_over_expm1((25 - u) / 10), 4 * np.exp(-u / 18)),
            (0.07 * np.exp(-u / 20), 1 / (np.exp((30 - u) / 10) + 1)),
        )


def _over_expm1(x: Array) -> Array:
    """Return x/(e^x − 1), 1 at x = 0."""
    safe = np.where(np.abs(x) < 1e-8, 1.0, x)
    # Below 1e-8 the series 1 − x/2 is exact to double precision.
    return np.where(np.abs(x) < 1e-8, 1 - x / 2, safe / np.expm1(safe))


@data_object
@dataclass(frozen=True)
class Membrane:
    """The classical Hodgkin–Huxley membrane (paper, Eqs. 1–4), per cm² of axon.

    Attributes:
        capacitance: µF/cm².
        potassium_conductance, sodium_conductance, leak_conductance: mS/cm².
        potassium_potential, sodium_potential, leak_potential: mV above the resting potential.

    The defaults are Hodgkin and Huxley's squid axon (1952).

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> found = neurons.simulate(neurons.Membrane(), np.linspace(0, 20, 201), input=10.0)
    >>> found.voltage.shape
    (201, 1)
    """

    capacitance: float = 1.0
    potassium_conductance: float = 36.0
    sodium_conductance: float = 120.0
    leak_conductance: float = 0.3
    potassium_potential: float = -12.0
    sodium_potential: float = 115.0
    leak_potential: float = 10.613

    signals = Signals(
        voltage="membrane potential above rest [mV]",
        current="input current [µA/cm²]",
        input="input current [µA/cm²]",
        time="ms",
        variables=("u", "n", "m", "h"),
        units=("mV", "1", "1", "1"),
    )
    methods = (Classical,)
    home = __name__

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("capacitance", self.capacitance, minimum=0, exclusive=True)
        for name in ("potassium", "sodium", "leak"):
            check_real(f"{name}_conductance", getattr(self, f"{name}_conductance"), minimum=0)
            check_real(f"{name}_potential", getattr(self, f"{name}_potential"))

    @property
    def resting_state(self) -> FloatArray:
        """The state (u, n, m, h) at u = 0, the gates stationary there."""
        return np.concatenate(([0.0], resting_gates(0.0)))

    def system(self, current: Input | FunctionInput | float = 0.0) -> DynamicalSystem:
        """Return the compiled equations (variables u, n, m, h) under an input current."""
        check_arguments(Membrane.system, locals(), own=("current",))
        from qmemcircuit.neurons.dynamics.systems import DynamicalSystem
        from qmemcircuit.neurons.hodgkin_huxley import compiled as eq

        drive = as_input(current)
        numbers = np.zeros(eq.MEMBRANE_COUNT)
        numbers[eq.CAPACITANCE] = self.capacitance
        numbers[eq.POTASSIUM] = self.potassium_conductance
        numbers[eq.SODIUM] = self.sodium_conductance
        numbers[eq.LEAK] = self.leak_conductance
        numbers[eq.POTASSIUM_POTENTIAL] = self.potassium_potential
        numbers[eq.SODIUM_POTENTIAL] = self.sodium_potential
        numbers[eq.LEAK_POTENTIAL] = self.leak_potential
        if isinstance(drive, FunctionInput):
            return DynamicalSystem(_field(), numbers, eq.MEMBRANE, math.inf, function=drive.at)
        pieces = tabulate_pieces(drive)
        if len(pieces) == 1:
            numbers[: eq.CAPACITANCE] = pieces[0, 1:]
            return DynamicalSystem(_field(), numbers, eq.MEMBRANE, input_period(drive))
        return DynamicalSystem(_field(), numbers, eq.MEMBRANE, math.inf, pieces)


def respond(
    neuron: Membrane,
    times: FloatArray,
    *,
    input: Input | FunctionInput | None,
    method: Classical,
    state: ArrayLike | None,
    tolerance: float,
) -> Trajectory:
    """Do what `neurons.simulate` promises."""
    current = ConstantInput(0.0) if input is None else input
    return simulate_membrane(neuron, times, current=current, state=state, tolerance=tolerance)


def equations(
    neuron: Membrane, *, input: Input | FunctionInput | None, method: Classical
) -> DynamicalSystem:
    """Do what `neurons.dynamical_system` promises."""
    return neuron.system(ConstantInput(0.0) if input is None else input)


@lru_cache(maxsize=1)
def _field() -> Field:
    from qmemcircuit.neurons.dynamics.systems import compile_field
    from qmemcircuit.neurons.hodgkin_huxley import compiled as eq

    return compile_field(
        eq.membrane_rate, eq.membrane_jacobian, dimension=4, place=eq.LEVEL, cache=True
    )


def simulate_membrane(
    membrane: Membrane,
    times: ArrayLike,
    *,
    current: Input | FunctionInput | float | Any,
    spike_level: float = 50.0,
    state: ArrayLike | None = None,
    tolerance: float = 1e-9,
) -> Trajectory:
    """Return the classical neuron's response to an input `current` (µA/cm²).

    `current` is a number, an input of `qmemcircuit.neurons.inputs` or a function of time, with
    the limits that `neurons.simulate` names. `times` are in ms. The Trajectory has the voltage
    (mV above rest), the input current, the gates and conductances as variables, and the upward
    crossings of `spike_level` (mV) as the event "spikes". It starts from `state` (u, n, m, h) at
    times[0], or without one at t = 0 with u = 0 and the gates stationary there.

    Raises:
        ValueError: where the current drives the membrane beyond 5000 mV, where the rates of the
            gates mean nothing.
    """
    check_arguments(simulate_membrane, locals(), own=("current", "state"))
    from qmemcircuit.neurons.dynamics.systems import IntegrationError

    grid = check_times(times, minimum_length=2)
    drive = as_input(current)
    currents = drive.value(grid)  # refuses what is unknown
    level = check_real("spike_level", spike_level)
    check_real("tolerance", tolerance, minimum=1e-13)
    system = membrane.system(drive)
    start = membrane.resting_state if state is None else system.check_state(state)
    late = int(state is None and grid[0] > 0)
    moments = np.concatenate(([0.0], grid)) if late else grid
    try:
        states, spikes = _follow(system, moments, start, level, tolerance)
    except IntegrationError as error:
        raise ValueError(
            f"Argument current must keep the membrane within ±{LARGEST_DEPOLARISATION:g} mV of "
            f"rest, but it could not be followed: {error} Use a smaller current, larger "
            "conductances, or check the units."
        ) from error
    u, n, m, h = states[late:].T
    return Trajectory(
        times=grid,
        voltage=u[:, None].copy(),
        current=currents[:, None],
        variables={
            "n": n.copy(),
            "m": m.copy(),
            "h": h.copy(),
            "potassium_conductance": membrane.potassium_conductance * n**4,
            "sodium_conductance": membrane.sodium_conductance * m**3 * h,
        },
        events={"spikes": spikes},
        units={
            "times": "ms",
            "voltage": "mV",
            "current": "µA/cm²",
            **dict.fromkeys("nmh", "1"),
            "potassium_conductance": "mS/cm²",
            "sodium_conductance": "mS/cm²",
        },
        provenance=make_provenance(
            "simulate_membrane",
            neuron=asdict(membrane),
            input=describe_input(drive),
            initial_state=start.tolist(),
            spike_level=level,
            tolerance=tolerance,
        ),
    )


def _follow(
    system: DynamicalSystem, times: FloatArray, start: FloatArray, level: float, tolerance: float
) -> tuple[FloatArray, FloatArray]:
    """Return the states at `times` and the upward crossings of `level`."""
    from qmemcircuit.neurons.dynamics.integration.stepper import STIFF, USED_UP, plane
    from qmemcircuit.neurons.dynamics.systems import AUTOMATIC_STEPS, check_march, march
    from qmemcircuit.neurons.dynamics.systems import integrate as integrate_system

    accuracy: dict[str, Any] = {"rtol": tolerance, "atol": tolerance / 1000}
    if system.function is None:
        # Room: no membrane fires more often than ten times a millisecond. Steps: far below a
        # microsecond each, the gates are slaves of a strongly hyperpolarised membrane: stiff.
        duration = float(np.ptp(times))
        run = march(
            system, times, start, **accuracy, event=plane,
            event_numbers=np.array([level, 1.0, 0.0, 0.0, 0.0]), direction=1.0,
            room=1000 + int(min(10 * duration, 1e7)),
            maximum_steps=AUTOMATIC_STEPS + int(min(1000 * duration, 2e7)),
        )  # fmt: skip
        if run.status not in (STIFF, USED_UP):
            check_march(run, times[0], times[-1])
            return run.samples, run.event_times
    method = "explicit" if system.function is not None else "implicit"
    # A hundredth of a millisecond: straight lines then find a spike's time to 1e-5 ms.
    count = int(min(np.ptp(times) / 0.01, 1e6)) + 2
    fine = np.union1d(times, np.linspace(times[0], times[-1], count))
    states = integrate_system(system, fine, start, **accuracy, method=method)
    values = states[:, 0]
    below = np.flatnonzero((values[:-1] < level) & (values[1:] >= level))
    part = (level - values[below]) / (values[below + 1] - values[below])
    spikes = fine[below] + part * (fine[below + 1] - fine[below])
    return states[np.searchsorted(fine, times)], spikes


def resting_gates(depolarisation: float) -> FloatArray:
    """Return the stationary n, m, h at a fixed voltage (mV above rest): α/(α + β)."""
    check_arguments(resting_gates, locals())
    return np.array([a / (a + b) for a, b in gate_rates(depolarisation)], dtype=float)
