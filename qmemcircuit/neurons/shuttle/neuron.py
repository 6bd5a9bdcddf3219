"""The memristive quantum neuron: a charge shuttle (one qubit) in an RC circuit.

F. Potter, A. Zagoskin, S. Savel'ev, A. G. Balanov, *Hysteresis and self-oscillations in an
artificial memristive quantum neuron*, Phys. Rev. A 110, 042604 (2024), Eqs. 1–10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.input_tables import (
    StepInputs,
    bound_input,
    input_period,
    tabulate_pieces,
    tabulate_steps,
)
from qmemcircuit.neurons.inputs import ConstantInput, FunctionInput, Input, describe_input
from qmemcircuit.neurons.inputs import LinearRamp as LinearRamp
from qmemcircuit.neurons.inputs import SinusoidalDrive as SinusoidalDrive
from qmemcircuit.neurons.methods import Digital, Exact
from qmemcircuit.neurons.shuttle.conductance import tabulate_conductance
from qmemcircuit.neurons.signals import Signals
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, Field

VARIABLES = ("V", "Z", "X", "Y")

UNITS = {
    "times": "R_ext C_ext",
    "voltage": "V_0",
    "current": "V_0/R_0",
    **dict.fromkeys(("Z", "X", "Y"), "1"),
    "conductance": "1/R_0",
    "input": "V_0",
    "measured_means": "1",
    "measured_shots": "1",
}
"""Those of Potter et al., Table I; V_0 is `PhysicalShuttle.voltage_unit`."""

STATE_SERIES = ("times", "voltage", "current", "Z", "X", "Y", "conductance", "input")


@data_object
@dataclass(frozen=True, kw_only=True)
class ShuttleNeuron:
    """The memristive quantum neuron in the dimensionless quantities of Potter et al., Table I.

        Ż = −2V̇X − αΓ(Z − Z_T),   Ẋ = ΩY + 2V̇Z − ΓX,   Ẏ = −ΩX − ΓY,
        V̇ = V_n(t) − {1 + R_n G} V,
        G = ½(1 + Z) F₀₀ + X F₀₁ + ½(1 − Z) F₁₁  at  x_V = x₀ − l√2 V      (Eq. 10)

    Time is in units of R_ext C_ext, lengths in half the gap L, the current I = G V in units of
    (unit of voltage)/R₀. Z = +1 is the shuttle's ground state.

    Attributes:
        resistance: R_n = R_ext/R₀ ≥ 0.
        bias: V_n, the constant input voltage.
        decoherence_rate: Γ ≥ 0, the decay rate of X and Y.
        frequency: Ω > 0, the level splitting.
        relaxation_ratio: α in [0, 2]; Z relaxes at αΓ. Above 2 the pure dephasing rate
            Γ(1 − α/2) would be negative and the Bloch vector would leave the sphere.
        thermal_polarisation: Z_T = tanh(ħΩ_p/2kT) in [0, 1], 1 at zero temperature.
        oscillator_length: l > 0.
        equilibrium_position: x₀.
        tunnelling_length: λ > 0.
        drive: an input of `neurons.inputs`, added to the bias, or None.

    Raises:
        ValueError: a parameter is outside its physical bounds.

    Example:
        >>> neuron = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
        >>> trajectory = simulate(neuron, np.linspace(0, 20, 201))
        >>> trajectory.voltage.shape
        (201, 1)
    """

    resistance: float
    bias: float
    decoherence_rate: float
    frequency: float = 7.0
    relaxation_ratio: float = 1.0
    thermal_polarisation: float = 1.0
    oscillator_length: float = 0.5
    equilibrium_position: float = 0.8
    tunnelling_length: float = 0.13
    drive: Input | FunctionInput | None = None

    signals = Signals(
        voltage="voltage of the capacitor [V_0]",
        current="current G V through the memristor [V_0/R_0]",
        input="added to the bias V_n [V_0]",
        time="R_ext C_ext",
        variables=VARIABLES,
        units=("V_0", "1", "1", "1"),
    )
    methods = (Exact, Digital)
    home = "qmemcircuit.neurons.shuttle.response"

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("resistance", self.resistance, minimum=0)
        check_real("bias", self.bias)
        check_real("decoherence_rate", self.decoherence_rate, minimum=0)
        check_real("frequency", self.frequency, minimum=0, exclusive=True)
        check_relaxation_ratio(self.relaxation_ratio)
        polarisation = check_real("thermal_polarisation", self.thermal_polarisation, minimum=0)
        if polarisation > 1:
            raise ValueError(
                "Argument thermal_polarisation must be at most 1 (zero temperature), but "
                f"{polarisation:g} was given."
            )
        check_real("oscillator_length", self.oscillator_length, minimum=0, exclusive=True)
        check_real("equilibrium_position", self.equilibrium_position)
        check_real("tunnelling_length", self.tunnelling_length, minimum=0, exclusive=True)
        if self.drive is not None and not isinstance(self.drive, FunctionInput | Input):
            raise TypeError(
                "Argument drive must be a SinusoidalDrive, a LinearRamp, another input of "
                f"neurons.inputs or None, but {type(self.drive).__name__} was given."
            )

    @property
    def displacement(self) -> float:
        """dx_V/d(−V) = l√2: how far one unit of voltage moves the shuttle."""
        return math.sqrt(2) * self.oscillator_length

    @property
    def ground_state(self) -> FloatArray:
        """The state (V, Z, X, Y) = (0, Z_T, 0, 0): no voltage, shuttle in equilibrium."""
        return np.array([0.0, self.thermal_polarisation, 0.0, 0.0])

    def voltage_bound(self, start: float, duration: float = 0.0) -> float:
        """Return a bound of |V(t)|: V̇ = V_n − (1 + R_n G)V with G ≥ 0 cannot exceed it."""
        check_arguments(ShuttleNeuron.voltage_bound, locals())
        driven = 0.0 if self.drive is None else bound_input(self.drive, duration)
        return max(abs(start), abs(self.bias) + driven)

    def system(self, *, table_reach: float | None = None) -> DynamicalSystem:
        """Return the compiled equations (variables V, Z, X, Y) for the dynamics tools.

        `table_reach` bounds |x_V|: beyond it an integration fails with a clear error. None:
        no bound, since F vanishes outside its table to double precision.
        """
        check_arguments(ShuttleNeuron.system, locals())
        from qmemcircuit.neurons.dynamics.systems import DynamicalSystem

        reach = math.inf if table_reach is None else float(table_reach)
        drive = self.drive
        if drive is None:
            return DynamicalSystem(_field(), pack_parameters(self, reach), VARIABLES)
        still = pack_parameters(self, reach)
        if isinstance(drive, FunctionInput):
            return DynamicalSystem(_field(), still, VARIABLES, math.inf, function=drive.at)
        pieces = tabulate_pieces(drive)
        pieces[:, 1] += self.bias
        if len(pieces) == 1:
            still[: pieces.shape[1] - 1] = pieces[0, 1:]
            return DynamicalSystem(_field(), still, VARIABLES, input_period(drive))
        return DynamicalSystem(_field(), still, VARIABLES, math.inf, pieces)


def simulate(
    neuron: ShuttleNeuron,
    times: ArrayLike,
    *,
    state: ArrayLike | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-12,
    table_reach: float | None = None,
) -> Trajectory:
    """Integrate the neuron and return voltage, current and Bloch vector at `times`.

    Args:
        neuron: what to simulate.
        times: increasing, from 0 or later; the state is given at times[0]. Two or more.
        state: (V, Z, X, Y) at times[0]; None: `neuron.ground_state`.
        rtol, atol: tolerances of DOP853.
        table_reach: bound on |x_V| for which the conductance may be asked; None: no bound.

    Returns:
        Trajectory of one device: `voltage` V and `current` I = G V, shape (T, 1); `variables`
        Z, X, Y, conductance G and input V_n(t), shape (T,); `states`, shape (T, 2, 2), |0⟩ the
        ground state. The current is the memristor's, not the circuit's V_n − V. `periods` is
        the period 2π/ω of a sinusoidal drive (a loop is then one turn of the drive), else None.

    Raises:
        TypeError, ValueError: bad arguments; the Bloch vector lies outside the sphere, or x_V
            leaves the table.

    >>> from qmemcircuit.neurons import shuttle
    >>> neuron = shuttle.ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    >>> shuttle.simulate(neuron, [0.0, 0.5]).voltage.shape
    (2, 1)
    """
    check_arguments(simulate, locals(), own=("state",))
    from qmemcircuit.neurons.dynamics.systems import AUTOMATIC_STEPS, IntegrationError, integrate
    from qmemcircuit.neurons.shuttle.field import find_conductances

    moments = check_times(times, minimum_length=2)
    start = check_neuron_state(neuron, neuron.ground_state if state is None else state)
    driven = input_voltages(neuron, moments)  # refuses what is unknown
    if table_reach is not None:
        check_real("table_reach", table_reach, minimum=0, exclusive=True)
    system = neuron.system(table_reach=table_reach)
    try:
        # About a hundred times what the neurons of the papers take: an input that drives it
        # faster is refused within seconds.
        most = AUTOMATIC_STEPS + int(min(2000 * float(moments[-1] - moments[0]), 2e7))
        states = integrate(system, moments, start, rtol=rtol, atol=atol, maximum_steps=most)
    except IntegrationError as error:
        bound = neuron.voltage_bound(float(start[0]), float(moments[-1]))
        needed = abs(neuron.equilibrium_position) + neuron.displacement * bound
        if table_reach is not None and needed > table_reach:
            raise ValueError(
                f"Argument table_reach must be at least {needed:.3g} for this neuron, but "
                f"{table_reach:g} was given and the trajectory left the table of F_ij; give a "
                "larger one, or None."
            ) from error
        raise
    voltage = states[:, :1]
    conductance = find_conductances(states, system.parameters)
    _, polarisation, x, y = states.T
    return Trajectory(
        times=moments,
        voltage=voltage,
        current=conductance[:, None] * voltage,
        states=bloch_states(x, y, polarisation),
        variables={
            "Z": polarisation.copy(),
            "X": x.copy(),
            "Y": y.copy(),
            "conductance": conductance,
            "input": driven,
        },
        units={name: UNITS[name] for name in STATE_SERIES},
        periods=drive_periods(neuron),
        provenance=make_provenance(
            "neurons.simulate",
            neuron=describe(neuron),
            initial_state=start.tolist(),
            rtol=rtol,
            atol=atol,
        ),
    )


def describe(neuron: ShuttleNeuron) -> dict[str, Any]:
    """Return every parameter as JSON values; the drive carries its kind."""
    record = {item.name: getattr(neuron, item.name) for item in fields(neuron)}
    if neuron.drive is not None:
        record["drive"] = describe_input(neuron.drive)
    return record


def check_relaxation_ratio(value: float) -> float:
    """Return α in [0, 2]."""
    ratio = check_real("relaxation_ratio", value, minimum=0)
    if ratio > 2:
        raise ValueError(
            f"Argument relaxation_ratio must be at most 2, but {ratio:g} was given: pure "
            "dephasing would be negative and the Bloch vector would leave the sphere."
        )
    return ratio


def check_neuron_state(neuron: ShuttleNeuron, state: ArrayLike) -> FloatArray:
    """Return (V, Z, X, Y) as four finite numbers with the Bloch vector inside the sphere."""
    try:
        values = np.array(state, dtype=float)
        readable = np.asarray(state).dtype.kind in "biuf"  # strings of digits are none
    except (TypeError, ValueError, OverflowError):
        readable = False
    if not readable:
        raise TypeError(
            f"Argument state must hold four numbers (V, Z, X, Y), but {state!r} was given."
        )
    if values.shape != (4,) or not np.all(np.isfinite(values)):
        raise ValueError(
            f"Argument state must hold four finite numbers (V, Z, X, Y), but {state!r} was given."
        )
    length = float(np.linalg.norm(values[1:]))
    if length > 1 + 1e-9:  # far above rounding, far below anything visible
        raise ValueError(
            "Argument state must have its Bloch vector (Z, X, Y) inside the unit sphere, but its "
            f"length is {length:.6g}; divide by it."
        )
    return values


def bloch_states(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> np.ndarray[Any, Any]:
    """Return the density matrices ½(1 + X σx + Y σy + Z σz), shape (T, 2, 2) (Eq. 5)."""
    first, second, third = (np.asarray(part, dtype=float) for part in (x, y, z))
    states = np.empty((*first.shape, 2, 2), dtype=complex)
    states[..., 0, 0] = (1 + third) / 2
    states[..., 1, 1] = (1 - third) / 2
    states[..., 0, 1] = (first - 1j * second) / 2
    states[..., 1, 0] = (first + 1j * second) / 2
    return states


def drive_periods(neuron: ShuttleNeuron) -> FloatArray | None:
    """Return the period of a sinusoidal drive as `Trajectory.periods`, shape (1,), else None."""
    period = None if neuron.drive is None else input_period(neuron.drive)
    return None if period is None or period == math.inf else np.array([period])


def input_voltages(neuron: ShuttleNeuron, times: FloatArray) -> FloatArray:
    """Return V_n(t) at `times`: bias and drive."""
    if neuron.drive is None:
        return np.full(times.size, float(neuron.bias))
    return np.asarray(neuron.bias + neuron.drive.value(times))


def step_inputs(neuron: ShuttleNeuron, times: FloatArray) -> StepInputs:
    """Return V_n(t) over the steps between evenly spaced times, cut where the drive jumps."""
    steps = times.size - 1
    step = float(times[-1] - times[0]) / steps
    drive = ConstantInput(0.0) if neuron.drive is None else neuron.drive
    table = tabulate_steps(drive, float(times[0]), step, steps)
    return table._replace(values=neuron.bias + table.values)


def pack_parameters(neuron: ShuttleNeuron, reach: float) -> FloatArray:
    """Return the parameters in the order of `shuttle.field`, the table of F behind them.

    The input's formula is the bias alone: who adds a drive writes it over it.
    """
    from qmemcircuit.neurons.shuttle import field as order

    table = tabulate_conductance(neuron.oscillator_length, neuron.tunnelling_length)
    # A cell's row of each power holds the three F and an empty column.
    rows = np.pad(table.coefficients.transpose(0, 2, 1), ((0, 0), (0, 0), (0, 1)))
    parameters = np.zeros(order.TABLE + rows.size)
    parameters[order.BIAS] = neuron.bias
    parameters[order.RESISTANCE] = neuron.resistance
    parameters[order.RELAXATION] = neuron.relaxation_ratio * neuron.decoherence_rate
    parameters[order.DECOHERENCE] = neuron.decoherence_rate
    parameters[order.FREQUENCY] = neuron.frequency
    parameters[order.POLARISATION] = neuron.thermal_polarisation
    parameters[order.OFFSET] = neuron.equilibrium_position
    parameters[order.SHIFT] = neuron.displacement
    parameters[order.SUPPORT] = table.support
    parameters[order.CELLS_PER_UNIT] = table.cells_per_unit
    parameters[order.REACH] = min(reach, 1e300)
    parameters[order.TABLE :] = rows.ravel()
    return parameters


@lru_cache(maxsize=1)
def _field() -> Field:
    """Compile the neuron's equations once per process."""
    from qmemcircuit.neurons.dynamics.systems import compile_field
    from qmemcircuit.neurons.shuttle import field as shuttle_field
    from qmemcircuit.neurons.shuttle import many_orbits

    rate, jacobian = shuttle_field.rate, shuttle_field.jacobian
    together = (many_orbits.rates, many_orbits.jacobians, shuttle_field.TABLE)
    return compile_field(
        rate, jacobian, dimension=4, place=shuttle_field.BIAS, cache=True, together=together
    )
