"""The memristive leaky integrate-and-fire neuron: classical circuit and Gaussian quantum moments.

A reconstruction. Of the paper (Brand, Dibenedetto, Petruccione: *Canonical quantization of a
memristive leaky integrate-and-fire neuron circuit*, 2025) only the abstract was available; the
equations follow its stated method: canonical quantisation, the memristor as a transmission-line
bath, weak coupling, adiabatic memory. Nothing here is known to be the authors' own formula or
parameter.

The circuit: a capacitor C, an inductor L (L → ∞ is the leaky integrate-and-fire limit) and a
memristor M(q) in parallel, driven by a current I(t):

    φ' = Q/C,   Q' = I − φ/L − Q/(CM),   q' = Q/(CM),
    M(q) = R_on q/q_max + R_off (1 − q/q_max),   q kept in [0, q_max].

Where the mean voltage Q/C reaches the threshold the neuron fires: the oscillator returns to its
initial state, is held there for the refractory time (input off), and the memory q stays.

Quantum, H = Q²/2C + φ²/2L − I(t)φ, with two dissipators at Γ = 1/(CM):
(A) "caldeira-leggett", −(iΓ/2ħ)[φ, {Q, ρ}] − D[φ, [φ, ρ]], D = ΓCE/ħ², E = (ħω0/2) coth(ħω0/2k_BT).
    Its means are exactly the classical circuit. It is not completely positive: the uncertainty
    bound σ_φφσ_QQ − σ_φQ² ≥ ħ²/4 is checked at every step and violations are reported.
(B) "gksl": the mode operator a decays at κ = sΓ towards the thermal occupation, s = `leak_scale`.
    s = 1 has the circuit's underdamped envelope; s = 2 restores its leak where ω0 → 0.
Both keep a Gaussian state Gaussian, so five moments are the whole state: no truncation.
The memory follows the mean voltage (adiabatic, mean field).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.methods import Classical, Fock, Moments
from qmemcircuit.neurons.signals import Signals

UNITS = {
    "times": "[time]",
    "voltage": "[voltage]",
    "current": "[charge]/[time]",
    "flux": "[voltage]·[time]",
    "charge": "[charge]",
    "resistance": "[voltage]·[time]/[charge]",
    "input_current": "[charge]/[time]",
    "flux_variance": "([voltage]·[time])²",
    "covariance": "[voltage]·[time]·[charge]",
    "charge_variance": "[charge]²",
    "uncertainty": "1",
    "spike_probability": "1",
    "top_population": "1",
}
"""Of any consistent set that the parameters are in, with k_B = 1: [voltage] is the unit of
`threshold`, [charge] that of `charge_range`, [time] that of `refractory_time`."""


class UncertaintyWarning(UserWarning):
    """The Caldeira–Leggett moments fell below the uncertainty bound: not a quantum state.

    >>> from qmemcircuit.neurons.integrate_and_fire import UncertaintyWarning
    >>> issubclass(UncertaintyWarning, Warning)
    True
    """


@data_object
@dataclass(frozen=True)
class IntegrateAndFire:
    """One memristive neuron, in units with k_B = 1.

    Attributes:
        capacitance: C > 0.
        on_resistance, off_resistance: M at q = q_max and at q = 0, both > 0.
        charge_range: q_max > 0.
        threshold: V_th > 0; math.inf for a circuit that never fires.
        refractory_time: τ_ref ≥ 0.
        initial_charge: q at t = 0, in [0, q_max].
        inductance: L > 0; math.inf is the leaky integrate-and-fire limit.
        temperature: k_BT ≥ 0 of the bath.
        hbar: ħ > 0; smaller is more classical.

    >>> import numpy as np
    >>> from qmemcircuit import neurons
    >>> found = neurons.simulate(neurons.IntegrateAndFire(), np.linspace(0, 5, 101), input=1.0)
    >>> found.events["spikes"].size > 0
    True
    """

    capacitance: float = 1.0
    on_resistance: float = 1.0
    off_resistance: float = 10.0
    charge_range: float = 2.0
    threshold: float = 0.8
    refractory_time: float = 0.5
    initial_charge: float = 0.0
    inductance: float = math.inf
    temperature: float = 0.0
    hbar: float = 1.0

    signals = Signals(
        voltage="mean voltage of the capacitor [voltage]",
        current="mean current through the memristor [charge/time]",
        input="current into the circuit [charge/time]",
        time="time",
        variables=("flux", "momentum", "charge", "synaptic_current"),
        units=("voltage·time", "charge", "charge", "charge/time"),
    )
    methods = (Classical, Moments, Fock)
    home = "qmemcircuit.neurons.integrate_and_fire.response"

    def __post_init__(self) -> None:
        check_fields(self, infinite=("inductance", "threshold"))
        for name in ("capacitance", "on_resistance", "off_resistance", "charge_range", "hbar"):
            check_real(name, getattr(self, name), minimum=0, exclusive=True)
        for name in ("threshold", "inductance"):
            if getattr(self, name) != math.inf:
                check_real(name, getattr(self, name), minimum=0, exclusive=True)
        check_real("refractory_time", self.refractory_time, minimum=0)
        check_real("temperature", self.temperature, minimum=0)
        if not 0 <= check_real("initial_charge", self.initial_charge) <= self.charge_range:
            raise ValueError(
                f"Argument initial_charge must be from 0 to charge_range = {self.charge_range:g}, "
                f"but {self.initial_charge:g} was given."
            )

    @property
    def frequency(self) -> float:
        """ω0 = 1/√(LC); 0 where L is infinite."""
        return 1 / math.sqrt(self.inductance * self.capacitance)

    @property
    def occupation(self) -> float:
        """Thermal occupation n̄ of the mode at ω0; infinite where ω0 = 0 and T > 0."""
        if self.temperature == 0:
            return 0.0
        if self.frequency == 0:
            return math.inf
        return 1 / math.expm1(self.hbar * self.frequency / self.temperature)

    @property
    def thermal_energy(self) -> float:
        """E = (ħω0/2) coth(ħω0/2k_BT): k_BT where ω0 = 0."""
        if self.frequency == 0:
            return self.temperature
        return self.hbar * self.frequency * (self.occupation + 0.5)

    def resistance(self, charge: ArrayLike) -> FloatArray:
        """Return M(q)."""
        check_arguments(IntegrateAndFire.resistance, locals())
        part = np.clip(np.asarray(charge, dtype=float) / self.charge_range, 0.0, 1.0)
        return np.asarray(self.on_resistance * part + self.off_resistance * (1 - part))

    def rest_covariance(self) -> tuple[float, float, float]:
        """Return σ_φφ, σ_φQ, σ_QQ of the thermal state, which (A) and (B) leave at rest.

        For L = ∞ the flux is free and has no thermal state: σ_QQ = Ck_BT with the smallest
        σ_φφ that the uncertainty bound allows.
        """
        charge = self.capacitance * self.thermal_energy
        if self.frequency > 0:
            return self.inductance * self.thermal_energy, 0.0, charge
        if charge == 0:
            raise ValueError(
                "Argument temperature must be positive where inductance is infinite, but 0 was "
                "given: σ_QQ = Ck_BT would vanish; give a temperature, an inductance, or a "
                "covariance."
            )
        return self.hbar**2 / (4 * charge), 0.0, charge


def check_covariance(covariance: Sequence[float], hbar: float) -> FloatArray:
    """Return (σ_φφ, σ_φQ, σ_QQ) of a quantum state."""
    values = np.asarray(covariance, dtype=float)
    # 1e-9: a minimum-uncertainty state, up to rounding, is a state.
    if (
        values.shape != (3,)
        or not np.all(np.isfinite(values))
        or min(values[0], values[2]) <= 0
        or values[0] * values[2] - values[1] ** 2 < (1 - 1e-9) * hbar**2 / 4
    ):
        raise ValueError(
            "Argument covariance must be (σ_φφ, σ_φQ, σ_QQ) of a quantum state, "
            f"σ_φφσ_QQ − σ_φQ² ≥ ħ²/4 = {hbar**2 / 4:g}, but {covariance!r} was given."
        )
    return values
