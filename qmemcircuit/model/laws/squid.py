"""The conductance-asymmetric SQUID in physical units: from E_C and E_L to volts and amperes.

Salmilehto et al., *Quantum memristors with superconducting circuits*, Sci. Rep. 7, 42044 (2017);
guo2022 uses its decay law with an unspecified γ0. An inductively shunted superconducting loop,
H = E_C n² + E_L φ²/2, loses its excitation to quasiparticles that tunnel through one arm. For a
flux bias φ_d the rate is |<0| sin((φ + φ_d)/2) |1>|² S_qp(ω); of the two terms only
sin(φ/2) cos(φ_d/2) changes the parity, and <0| sin(g0(a + a†)) |1> = g0 e^{−g0²/2}, so

    Γ = ½ g0² e^{−g0²} S_qp(ω) (1 + cos φ_d),   g0 = (E_C/32E_L)^{1/4},   ħω = √(2E_C E_L).

The bias φ_d = π/2 + cos ωt gives guo2022's Γ(t) = γ0 (1 − sin cos ωt) with
γ0 = ½ g0² e^{−g0²} S_qp(ω). (Rederived here: the 2017 paper was not at hand.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.constants import e as elementary_charge
from scipy.constants import hbar

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.laws.rates import SquidRate
from qmemcircuit.model.memristors import Memristor


@data_object
@dataclass(frozen=True)
class Squid:
    """A conductance-asymmetric SQUID at zero temperature, with at most one excitation.

    Attributes:
        charging_energy: E_C = (2e)²/2C in joules (four times the e²/2C of transmon papers).
        inductive_energy: E_L = (ħ/2e)²/L in joules.
        spectral_density: S_qp(ω) in 1/s, of the quasiparticle current; see
            `quasiparticle_spectral_density`.

    >>> from scipy.constants import h
    >>> squid = Squid(charging_energy=1e9 * h, inductive_energy=20e9 * h, spectral_density=1e9)
    >>> round(squid.omega / 6.283185307179586 / 1e9, 3)   # GHz
    6.325
    """

    charging_energy: float
    inductive_energy: float
    spectral_density: float

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("charging_energy", self.charging_energy, minimum=0, exclusive=True)
        check_real("inductive_energy", self.inductive_energy, minimum=0, exclusive=True)
        check_real("spectral_density", self.spectral_density, minimum=0)

    @property
    def capacitance(self) -> float:
        """C in farads."""
        return float((2 * elementary_charge) ** 2 / (2 * self.charging_energy))

    @property
    def inductance(self) -> float:
        """L in henries."""
        return float((hbar / (2 * elementary_charge)) ** 2 / self.inductive_energy)

    @property
    def omega(self) -> float:
        """ω = √(2E_C E_L)/ħ = 1/√(LC), radians per second."""
        return float(math.sqrt(2 * self.charging_energy * self.inductive_energy) / hbar)

    @property
    def coupling(self) -> float:
        """g0 = (E_C/32E_L)^{1/4}: half the zero-point phase fluctuation."""
        return float((self.charging_energy / (32 * self.inductive_energy)) ** 0.25)

    @property
    def decay_scale(self) -> float:
        """γ0 = ½ g0² e^{−g0²} S_qp(ω), in 1/s."""
        g = self.coupling
        return 0.5 * g**2 * math.exp(-(g**2)) * self.spectral_density

    def memristor(self, *, a: float, b: float = 0.0) -> Memristor:
        """Return the two-level memristor in SI units, from cos a |e> + sin a e^{ib} |g>.

        Its mass is C and its momentum the charge on the capacitor, so its times are seconds and
        its current amperes; its "voltage" is half that charge. `to_volts` turns a Trajectory's
        voltage into volts.
        """
        check_arguments(Squid.memristor, locals())
        rate = SquidRate(self.decay_scale, omega=self.omega)
        return Memristor(rate, a=a, b=b, omega=self.omega, mass=self.capacitance, hbar=hbar)


def quasiparticle_spectral_density(
    josephson_energy: float, gap: float, fraction: float, omega: float
) -> float:
    """Return S_qp(ω) = x_qp (8E_J/πħ) √(2Δ/ħω) in 1/s.

    Catelani et al., Phys. Rev. B 84, 064517 (2011), for ħω ≪ Δ and cold quasiparticles.

    Args:
        josephson_energy: E_J of the junction, joules.
        gap: Δ of the superconductor, joules.
        fraction: x_qp, quasiparticles per Cooper pair (1e-8 to 1e-5 in experiments).
        omega: ω > 0, radians per second.
    """
    check_arguments(quasiparticle_spectral_density, locals())
    for name, value in (("josephson_energy", josephson_energy), ("gap", gap), ("omega", omega)):
        check_real(name, value, minimum=0, exclusive=True)
    check_real("fraction", fraction, minimum=0)
    scale = 8 * josephson_energy / (math.pi * hbar) * math.sqrt(2 * gap / (hbar * omega))
    return float(fraction * scale)
