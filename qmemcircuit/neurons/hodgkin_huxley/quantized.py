"""The quantized Hodgkin–Huxley neuron: three memristive channels in a circuit.

The quantized neuron (Gonzalez-Raya, Solano, Sanz, *Quantum* 4, 224 (2020), "the paper" below)
replaces each ion channel by a transmission line whose impedance is a memristor. For a source in
a state with mean input current I(t) = I0 sin Ωt, the mean membrane voltage is that of a linear
circuit with admittance

    Y(Ω) = 1/(θZ) + iΩC_c + iΩC_r/(1 + iΩC_r Z1),      <V>(t) = I0 Im(e^{iΩt}/Y),

in which Z = 1/(g_K + g_Na + g_Cl) follows the gates adiabatically: at every instant the stationary
response at the present conductances, with the gates integrated as ordinary differential
equations (Eqs. 2–4; Eqs. 30, 31 follow from them). This equals Eqs. 24, 25 of the paper exactly.

An input without a stationary response (a pulse, a ramp, a recording) is answered by the circuit's
own equations of motion, whose stationary response this is: see `hodgkin_huxley.response`.

There are no batteries in this circuit, so there is no threshold and no all-or-none action
potential: what the paper calls a spike is the transient of the first cycles.
"""

# More than 400 lines: one neuron: its presets, channels, impedances, equations and solution.

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    FloatArray,
    check_choice,
    check_integer,
    check_real,
    check_times,
    check_work,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.contract import refuse_input
from qmemcircuit.neurons.hodgkin_huxley.membrane import Array
from qmemcircuit.neurons.inputs import FunctionInput, Input, SinusoidalDrive
from qmemcircuit.neurons.methods import Exact
from qmemcircuit.neurons.signals import Signals
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, Field


# More than ten fields: the circuit's elements, each under its symbol's name.
@data_object
@dataclass(frozen=True)
class QuantizedNeuron:
    """The quantized three-channel circuit of the paper (its Fig. 3) under I0 sin Ωt.

    Attributes:
        current_amplitude: I0, mA ("paper") or A ("SI").
        drive_frequency: Ω > 0, radians per unit of time: see `units`.
        potassium_conductance, sodium_conductance, chloride_conductance: maximal, S.
        source_capacitance, membrane_capacitance, output_capacitance: C_g, C_c, C_r in F;
            C_r = 0 cuts the output line off.
        source_impedance, output_impedance: Z0 and Z1 in Ω. Z0 enters only the scattering
            matrix: the mean input current is prescribed (paper, Eq. 34).
        gates: n, m, h at t = 0, each in [0, 1].
        matching: "paper" multiplies Z by θ = √(Σg)/Σ√g of Eq. 21; "kirchhoff" has θ = 1, which
            Eqs. 16 and 20 require and without which the scattering matrix is not unitary.
        resting_potential: mV; the gates see u = V − resting_potential.
        units: "paper" reads V = mA·Ω as mV and takes the gate rates, which are per ms, as
            per unit of the time in which Ω is given. With Ω in 1/s that hides a factor 1000,
            but it is the reading that shows the paper's spike. "SI" has V in volts, time in s,
            and converts consistently.

    >>> from qmemcircuit import neurons
    >>> from qmemcircuit.neurons.hodgkin_huxley.quantized import spike_preset
    >>> isinstance(spike_preset(), neurons.QuantizedNeuron)  # the paper's parameters of its spikes
    True
    """

    current_amplitude: float
    drive_frequency: float
    potassium_conductance: float
    sodium_conductance: float
    chloride_conductance: float
    membrane_capacitance: float
    output_capacitance: float
    output_impedance: float
    gates: tuple[float, float, float]
    source_capacitance: float = 1e-6
    source_impedance: float = 50.0
    matching: str = "paper"
    resting_potential: float = -65.0
    units: str = "paper"

    signals = Signals(
        voltage="mean membrane voltage [mV, in SI units V]",
        current="mean input current [mA, in SI units A]",
        input="in place of the neuron's own I0 sin Ωt [mA, in SI units A]",
        time="1/[Ω]",
        variables=("n", "m", "h"),
        units=("1", "1", "1"),
    )
    methods = (Exact,)
    home = "qmemcircuit.neurons.hodgkin_huxley.response"

    def __post_init__(self) -> None:
        check_fields(self, own=("gates",))
        check_real("current_amplitude", self.current_amplitude, minimum=0, exclusive=True)
        check_real("drive_frequency", self.drive_frequency, minimum=0, exclusive=True)
        for ion in ("potassium", "sodium", "chloride"):
            check_real(f"{ion}_conductance", getattr(self, f"{ion}_conductance"), minimum=0)
        check_real("membrane_capacitance", self.membrane_capacitance, minimum=0, exclusive=True)
        check_real("source_capacitance", self.source_capacitance, minimum=0, exclusive=True)
        check_real("output_capacitance", self.output_capacitance, minimum=0)
        check_real("output_impedance", self.output_impedance, minimum=0)
        check_real("source_impedance", self.source_impedance, minimum=0, exclusive=True)
        check_real("resting_potential", self.resting_potential)
        check_choice("matching", self.matching, ("paper", "kirchhoff"))
        check_choice("units", self.units, ("paper", "SI"))
        _check_gates(self.gates)
        check_probabilities(self.gates)

    @property
    def period(self) -> float:
        """Period 2π/Ω of the drive."""
        return 2 * math.pi / self.drive_frequency

    def periods(self, count: int, *, points: int = 400) -> FloatArray:
        """Return the times of `count` periods with `points` intervals each, t = 0 first."""
        check_arguments(QuantizedNeuron.periods, locals())
        check_integer("count", count, minimum=1)
        check_integer("points", points, minimum=2)
        check_work("count", count * points, 10**7, "times")
        return np.linspace(0, count * self.period, count * points + 1)

    def driven_by(self, drive: Input | FunctionInput) -> QuantizedNeuron:
        """Return the same circuit under another sine; nothing else is I0 sin Ωt."""
        check_arguments(QuantizedNeuron.driven_by, locals())
        if not is_own_drive(drive):
            refuse_input(
                self,
                drive,
                "a SinusoidalDrive with an amplitude, phase 0 and offset 0 (the circuit's response "
                "is that to I0 sin Ωt; simulate(…, input=…) takes every input)",
            )
        assert isinstance(drive, SinusoidalDrive)
        return replace(self, current_amplitude=drive.amplitude, drive_frequency=drive.frequency)

    def system(self) -> DynamicalSystem:
        """Return the gates' compiled equations (variables n, m, h), driven with `period`."""
        from qmemcircuit.neurons.dynamics.systems import DynamicalSystem
        from qmemcircuit.neurons.hodgkin_huxley import compiled as eq

        numbers = np.zeros(eq.QUANTIZED_COUNT)
        beside = 1 / complex(_impedance(self, np.array(0.0)))
        numbers[eq.CURRENT], numbers[eq.OMEGA] = self.current_amplitude, self.drive_frequency
        numbers[eq.POTASSIUM_MAXIMUM] = self.potassium_conductance
        numbers[eq.SODIUM_MAXIMUM] = self.sodium_conductance
        numbers[eq.CHLORIDE] = self.chloride_conductance
        numbers[eq.REACTANCE_RE], numbers[eq.REACTANCE_IM] = beside.real, beside.imag
        numbers[eq.MATCHED] = self.matching == "paper"
        numbers[eq.REST] = self.resting_potential
        numbers[eq.MILLIVOLTS], numbers[eq.MILLISECONDS] = unit_scales(self)
        return DynamicalSystem(_field(), numbers, ("n", "m", "h"), self.period)


def is_own_drive(drive: Input | FunctionInput) -> bool:
    """Return whether an input is I0 sin Ωt, which the paper's stationary response answers."""
    return (
        isinstance(drive, SinusoidalDrive)
        and drive.amplitude > 0
        and not drive.phase
        and not drive.offset
    )


def spike_preset(**changes: Any) -> QuantizedNeuron:
    """Return the neuron of the paper's Section 4.2 (Fig. 7); `changes` replace parameters.

    Everything is printed there but Z0 and the reading of the units (see `QuantizedNeuron`).

    >>> from qmemcircuit.neurons import hodgkin_huxley
    >>> hodgkin_huxley.spike_preset(current_amplitude=1e-6).current_amplitude
    1e-06
    """
    check_arguments(spike_preset, locals())
    parameters: dict[str, Any] = {
        "current_amplitude": 1.0,
        "drive_frequency": 10.0,
        "potassium_conductance": 1.95,
        "sodium_conductance": 0.69,
        "chloride_conductance": 3e-4,
        "membrane_capacitance": 1e-6,
        "output_capacitance": 1e-6,
        "output_impedance": 50.0,
        "gates": (0.4, 0.2, 0.6),
    }
    return QuantizedNeuron(**(parameters | changes))


def adaptation_preset(**changes: Any) -> QuantizedNeuron:
    """Return a neuron that behaves as the paper's Figs. 5 and 6; `changes` replace parameters.

    The paper does not print the parameters of these figures: all of these are inferred
    (initial impedances 2000 Ω for potassium and 30 000 Ω for sodium, 6000 Ω for chloride).

    >>> from qmemcircuit.neurons import hodgkin_huxley
    >>> hodgkin_huxley.adaptation_preset(current_amplitude=1e-6).current_amplitude
    1e-06
    """
    check_arguments(adaptation_preset, locals())
    n, m, h = 0.4, 0.1, 0.6
    parameters: dict[str, Any] = {
        "current_amplitude": 0.35,
        "drive_frequency": 10.0,
        "potassium_conductance": 1 / (2000 * n**4),
        "sodium_conductance": 1 / (30000 * m**3 * h),
        "chloride_conductance": 1 / 6000,
        "membrane_capacitance": 1e-3,
        "source_capacitance": 1e-3,
        "output_capacitance": 1e-3,
        "output_impedance": 55.0,
        "gates": (n, m, h),
    }
    return QuantizedNeuron(**(parameters | changes))


def single_channel(neuron: QuantizedNeuron) -> QuantizedNeuron:
    """Return the one-memristor limit of `neuron`: potassium only, no output line, so θ = 1.

    The circuit of Gonzalez-Raya et al., Phys. Rev. Applied 12, 014037 (2019): a memristor and a
    capacitor in parallel.

    >>> from qmemcircuit.neurons import hodgkin_huxley
    >>> neuron = hodgkin_huxley.spike_preset()
    >>> hodgkin_huxley.single_channel(neuron).sodium_conductance
    0.0
    """
    check_arguments(single_channel, locals())
    return replace(neuron, sodium_conductance=0.0, chloride_conductance=0.0, output_capacitance=0.0)


def matching_factor(potassium: ArrayLike, sodium: ArrayLike, chloride: ArrayLike) -> Array:
    """Return θ of Eq. 21 for three conductances: √(Σg)/Σ√g, between 1/√3 and 1.

    The paper writes it with impedances; in conductances a closed channel (g = 0) is no
    special case, and a single open channel gives θ = 1.

    >>> float(matching_factor(2.0, 0.0, 0.0)), round(float(matching_factor(1.0, 1.0, 1.0)), 4)
    (1.0, 0.5774)
    """
    check_arguments(matching_factor, locals())
    for name, value in (("potassium", potassium), ("sodium", sodium), ("chloride", chloride)):
        if np.any(np.asarray(value) < 0):
            raise ValueError(f"Argument {name} must not be negative, but {value!r} was given.")
    conductances = [np.asarray(g, dtype=float) for g in (potassium, sodium, chloride)]
    roots = sum(np.sqrt(g) for g in conductances)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(roots > 0, np.sqrt(sum(conductances)) / roots, 1.0))


def _check_gates(gates: Any) -> None:
    try:
        numbers = np.asarray(gates, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"Argument gates must hold n, m and h, but {gates!r} was given.") from None
    count = numbers.shape[0] if numbers.ndim else 1
    if count != 3:
        raise ValueError(f"Argument gates must hold n, m and h, but {count} values were given.")


def check_probabilities(gates: Iterable[Any]) -> None:
    """Raise where n, m, h are no numbers from 0 to 1."""
    for name, value in zip("nmh", gates, strict=True):
        if not 0 <= check_real(f"gates: {name}", value) <= 1:
            raise ValueError(
                f"Argument gates must hold probabilities from 0 to 1, but {name} = {value:g} "
                "was given."
            )


def channel_admittance(neuron: QuantizedNeuron, gates: ArrayLike) -> tuple[Array, Array, Array]:
    """Return g_K, g_Na (S) and the joint admittance 1/(θZ) of the channels at `gates` (3, …).

    >>> from qmemcircuit.neurons import hodgkin_huxley
    >>> neuron = hodgkin_huxley.spike_preset()
    >>> potassium, sodium, joint = hodgkin_huxley.channel_admittance(neuron, [[0.3], [0.1], [0.6]])
    >>> potassium.shape
    (1,)
    """
    check_arguments(channel_admittance, locals())
    _check_gates(gates)
    return _channels(neuron, np.asarray(gates, dtype=float))


def _channels(neuron: Any, gates: Array) -> tuple[Array, Array, Array]:
    n, m, h = gates
    potassium = neuron.potassium_conductance * n**4
    sodium = neuron.sodium_conductance * m**3 * h
    total = potassium + sodium + neuron.chloride_conductance
    if neuron.matching == "paper":
        total = total / matching_factor(potassium, sodium, neuron.chloride_conductance)
    return potassium, sodium, total


def line_transfer(neuron: QuantizedNeuron) -> complex:
    """Return the ratio of the output line's voltage to the membrane's: iΩC_rZ1/(1 + iΩC_rZ1).

    >>> from qmemcircuit.neurons import hodgkin_huxley
    >>> neuron = hodgkin_huxley.spike_preset()
    >>> abs(hodgkin_huxley.line_transfer(neuron)) <= 1.0
    True
    """
    check_arguments(line_transfer, locals())
    load = 1j * neuron.drive_frequency * neuron.output_capacitance * neuron.output_impedance
    return complex(load / (1 + load))


def membrane_impedance(neuron: QuantizedNeuron, channels: Array) -> Array:
    """Return 1/Y(Ω) (Ω) where the channels have the joint admittance `channels` (S).

    >>> import numpy as np
    >>> from qmemcircuit.neurons import hodgkin_huxley
    >>> neuron = hodgkin_huxley.spike_preset()
    >>> _, _, joint = hodgkin_huxley.channel_admittance(neuron, [[0.3], [0.1], [0.6]])
    >>> hodgkin_huxley.membrane_impedance(neuron, joint).shape
    (1,)
    """
    check_arguments(membrane_impedance, locals())
    return _impedance(neuron, np.asarray(channels))


def _impedance(neuron: Any, channels: Array) -> Array:
    frequency = neuron.drive_frequency
    load = 1j * frequency * neuron.output_capacitance
    admittance: Array = (
        channels
        + 1j * frequency * neuron.membrane_capacitance
        + load / (1 + load * neuron.output_impedance)
    )
    return 1 / admittance


def impedance_at(neuron: Any, gates: Array) -> Array:
    """Return `membrane_impedance` at `gates` of one neuron or, unchecked, of many at once.

    For many, `neuron` is anything with `QuantizedNeuron`'s attributes, arrays where they differ.
    """
    return _impedance(neuron, _channels(neuron, gates)[2])


def unit_scales(neuron: QuantizedNeuron) -> tuple[float, float]:
    """Return mV per unit of voltage and ms per unit of time."""
    return (1.0, 1.0) if neuron.units == "paper" else (1e3, 1e3)


def simulate_quantized(
    neuron: QuantizedNeuron,
    times: ArrayLike,
    *,
    tolerance: float = 1e-9,
    state: ArrayLike | None = None,
) -> Trajectory:
    """Return the mean voltage of the quantized neuron and of its output line.

    The Trajectory's device 0 is the membrane: `voltage` is <φ̇_0> (Eq. 24), `current` the
    prescribed mean input current I0 sin Ωt. Variables: "output_voltage" <φ̇_0^R> (Eq. 25),
    "output_current" (into the line, that over Z1; Eq. 26 prints it without C_r and with the
    opposite sign), the gates, g_K, g_Na (S) and the matching factor θ. The voltage at t = 0 is
    the stationary response, not zero: the adiabatic circuit has no charging transient. It is a
    mean; `hodgkin_huxley_scattering` has the fluctuations.

    Args:
        neuron: the circuit, its drive and its units.
        times: shape (T,), in the neuron's unit of time, not negative and rising.
        tolerance: relative tolerance of the gates' integration; the absolute one is 1000 times
            smaller.
        state: the gates (n, m, h) at times[0]; None: `neuron.gates` at t = 0.

    Raises ValueError where the voltage leaves ±5000 mV, where the gates' rates mean nothing.

    >>> import numpy as np
    >>> from qmemcircuit.neurons import hodgkin_huxley
    >>> neuron = hodgkin_huxley.spike_preset()
    >>> times = np.linspace(0, 2 * np.pi / neuron.drive_frequency, 11)
    >>> hodgkin_huxley.simulate_quantized(neuron, times).voltage.shape
    (11, 1)
    """
    check_arguments(simulate_quantized, locals(), own=("state",))
    from qmemcircuit.neurons.dynamics.systems import IntegrationError, integrate

    grid = check_times(times, minimum_length=2)
    check_real("tolerance", tolerance, minimum=1e-13)
    system = neuron.system()
    start = system.check_state(neuron.gates if state is None else state)
    check_probabilities(start)
    late = int(state is None and grid[0] > 0)
    moments = np.concatenate(([0.0], grid)) if late else grid
    try:
        gates = integrate(
            system, moments, start, rtol=tolerance, atol=tolerance / 1000, method="automatic"
        )[late:]
    except IntegrationError as error:
        refuse_overdrive(error)
    return _as_trajectory(neuron, grid, gates.T.copy())


def refuse_overdrive(error: Exception) -> NoReturn:
    """Raise ValueError: the gates could not be followed."""
    raise ValueError(
        "Argument neuron must keep its voltage within ±5000 mV of rest, but the gate rates "
        f"overflow: {error} Use a smaller current amplitude, larger conductances, or check "
        "the units."
    ) from error


def quantized_units(neuron: QuantizedNeuron) -> dict[str, str]:
    """Return the units of a quantized neuron's Trajectory."""
    volts, amperes = ("mV", "mA") if neuron.units == "paper" else ("V", "A")
    return {
        # The paper's gate rates, printed per ms, are read per this unit: see QuantizedNeuron.
        "times": "s" if neuron.units == "SI" else "1/[Ω]",
        "voltage": volts,
        "current": amperes,
        "output_voltage": volts,
        "output_current": amperes,
        **dict.fromkeys(("n", "m", "h", "matching_factor"), "1"),
        "potassium_conductance": "S",
        "sodium_conductance": "S",
    }


@lru_cache(maxsize=1)
def _field() -> Field:
    from qmemcircuit.neurons.dynamics.systems import compile_field
    from qmemcircuit.neurons.hodgkin_huxley import compiled as eq

    return compile_field(eq.quantized_rate, eq.quantized_jacobian, dimension=3, cache=True)


def _as_trajectory(neuron: QuantizedNeuron, grid: FloatArray, gates: FloatArray) -> Trajectory:
    potassium, sodium, channels = channel_admittance(neuron, gates)
    phase = np.exp(1j * neuron.drive_frequency * grid)
    phasor = neuron.current_amplitude * phase * membrane_impedance(neuron, channels)
    output = (phasor * line_transfer(neuron)).imag
    # The current into the line, iΩC_r V/(1 + iΩC_rZ1): Eq. 26 without dividing by Z1 = 0.
    load = 1j * neuron.drive_frequency * neuron.output_capacitance
    into_line = (phasor * load / (1 + load * neuron.output_impedance)).imag
    theta = np.ones(grid.size)
    if neuron.matching == "paper":
        theta = matching_factor(potassium, sodium, neuron.chloride_conductance)
    return Trajectory(
        times=grid,
        voltage=phasor.imag[:, None],
        current=(neuron.current_amplitude * phase.imag)[:, None],
        variables={
            "output_voltage": output,
            "output_current": into_line,
            "n": gates[0],
            "m": gates[1],
            "h": gates[2],
            "potassium_conductance": potassium,
            "sodium_conductance": sodium,
            "matching_factor": theta,
        },
        periods=np.array([neuron.period]),
        units=quantized_units(neuron),
        provenance=make_provenance(
            "simulate_quantized",
            neuron=asdict(neuron),
            method_note="adiabatic circuit, gates as ordinary differential equations",
        ),
    )
