"""The shuttle neuron in SI units, and its dimensionless parameters (Potter et al., Table I)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, check_relaxation_ratio


# More than ten fields: the device's quantities in SI units, each under its symbol's name.
@data_object
@dataclass(frozen=True, kw_only=True)
class PhysicalShuttle:
    """The same neuron in SI units; `neuron()` makes it dimensionless by Table I.

    Attributes:
        mass: m in kg; charge: q in C of the shuttling particle.
        level_frequency: Ω_p in rad/s.
        half_gap: L in m; the terminals are 2L apart.
        equilibrium_position, tunnelling_length: x₀, λ in m.
        minimal_resistance: R₀ in Ω of the device.
        external_resistance, external_capacitance: R_ext in Ω, C_ext in F.
        external_voltage: V_ext in V.
        temperature: T in K.
        dephasing_rate: γ in 1/s, of X and Y.
        relaxation_ratio: α = γ_T/γ in [0, 2].
    """

    mass: float
    charge: float
    level_frequency: float
    half_gap: float
    equilibrium_position: float
    tunnelling_length: float
    minimal_resistance: float
    external_resistance: float
    external_capacitance: float
    external_voltage: float
    temperature: float
    dephasing_rate: float
    relaxation_ratio: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self)
        for name in (
            "mass",
            "level_frequency",
            "half_gap",
            "tunnelling_length",
            "minimal_resistance",
            "external_resistance",
            "external_capacitance",
        ):
            check_real(name, getattr(self, name), minimum=0, exclusive=True)
        for name in ("temperature", "dephasing_rate"):
            check_real(name, getattr(self, name), minimum=0)
        for name in ("charge", "equilibrium_position", "external_voltage"):
            check_real(name, getattr(self, name))
        check_relaxation_ratio(self.relaxation_ratio)
        if self.charge == 0:
            raise ValueError(
                "Argument charge must not be 0, but 0 was given: no field would move the shuttle."
            )

    @property
    def time_unit(self) -> float:
        """τ_c = R_ext C_ext in s."""
        return self.external_resistance * self.external_capacitance

    @property
    def oscillator_length(self) -> float:
        """l = √(ħ/(mΩ_p)) in m."""
        from scipy.constants import hbar

        return math.sqrt(hbar / (self.mass * self.level_frequency))

    @property
    def voltage_unit(self) -> float:
        """The voltage that is 1 in the dimensionless model: 2√2 m Ω_p² L l/q, in V (Table I)."""
        stiffness = self.mass * self.level_frequency**2
        return 2 * math.sqrt(2) * stiffness * self.half_gap * self.oscillator_length / self.charge

    @property
    def thermal_polarisation(self) -> float:
        """Z_T = tanh(ħΩ_p/(2 k_B T)), 1 at T = 0 (Eq. B6)."""
        from scipy.constants import hbar, k

        if self.temperature == 0:
            return 1.0
        return math.tanh(hbar * self.level_frequency / (2 * k * self.temperature))

    def neuron(self) -> ShuttleNeuron:
        """Return the dimensionless neuron."""
        return ShuttleNeuron(
            resistance=self.external_resistance / self.minimal_resistance,
            bias=self.external_voltage / self.voltage_unit,
            decoherence_rate=self.dephasing_rate * self.time_unit,
            frequency=self.level_frequency * self.time_unit,
            relaxation_ratio=self.relaxation_ratio,
            thermal_polarisation=self.thermal_polarisation,
            oscillator_length=self.oscillator_length / self.half_gap,
            equilibrium_position=self.equilibrium_position / self.half_gap,
            tunnelling_length=self.tunnelling_length / self.half_gap,
        )
