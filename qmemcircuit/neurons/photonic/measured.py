"""A quantum memristor as a weakly measured, fed-back resistor on an LC circuit.

Gonzalez-Raya et al. 2020, Eqs. 7–10 (after Pfeiffer et al., Sci. Rep. 6, 29507): the charge q of
the circuit is measured continuously with strength κ = τ/q0², the record drives a memory
variable μ, and the relaxation rate γ(μ) follows it. The Hamiltonian is quadratic, so a Gaussian
state stays Gaussian under every trajectory and its five moments are the whole state:

    d<φ> = <q>/C dt + √(8κ) σ_φq dW
    d<q> = (−<φ>/L − 2γ<q>) dt + √(8κ) σ_qq dW
    dσ_φφ/dt = 2σ_φq/C + 2κħ² − 8κσ_φq²
    dσ_φq/dt = σ_qq/C − σ_φφ/L − 2γσ_φq − 8κσ_φqσ_qq
    dσ_qq/dt = −2σ_φq/L − 4γσ_qq + 4Cħλγ − 8κσ_qq²

with λ = k_BT/ħ. The current through the memristor is I = 2γ(μ)<q>.

The paper prints neither how μ follows the record nor γ(μ). Inferred here: the memory is the
measured flux, C dμ = <q> dt + dW/√(8κ), and γ(μ) = γ0 [1 + d tanh(μ/μ0)], bounded and positive.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import check_integer, check_real, check_times, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.results.trajectory import Trajectory

# In square brackets: the unit that the parameter was given in. ħ = 1 ties that of the flux to
# that of the charge, [flux] = 1/[charge].
UNITS = {
    "times": "√([L][C])",
    "voltage": "[charge]/[C]",
    "current": "[charge]/√([L][C])",
    "charge": "[charge]",
    "flux": "1/[charge]",
    "memory": "1/[charge]",
    "flux_variance": "1/[charge]²",
    "covariance": "1",
    "charge_variance": "[charge]²",
}


@data_object
@dataclass(frozen=True)
class MeasuredMemristor:
    """The LC circuit, the measurement and the feedback law (ħ = 1).

    Attributes:
        capacitance, inductance: C and L.
        relaxation_rate: γ0 ≥ 0; the charge decays at 2γ.
        modulation: d, in [0, 1): how far the memory moves γ. 0 is an ordinary resistor.
        memory_scale: μ0 > 0.
        measurement_strength: κ > 0. The measurement heats the flux by 2κħ² per time.
        temperature: λ = k_BT/ħ > 0. The Caldeira–Leggett form (Eq. 10) is for λ ≫ ω.
        charge, flux: mean values at t = 0; the state is the LC circuit's ground state displaced.
    """

    capacitance: float = 1.0
    inductance: float = 1.0
    relaxation_rate: float = 0.05
    modulation: float = 0.8
    memory_scale: float = 1.0
    measurement_strength: float = 0.01
    temperature: float = 1.0
    charge: float = 1.0
    flux: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("capacitance", "inductance", "memory_scale", "measurement_strength"):
            check_real(name, getattr(self, name), minimum=0, exclusive=True)
        check_real("temperature", self.temperature, minimum=0, exclusive=True)
        check_real("relaxation_rate", self.relaxation_rate, minimum=0)
        if not 0 <= check_real("modulation", self.modulation) < 1:
            raise ValueError(
                f"Argument modulation must be in [0, 1) so that the rate stays positive, but "
                f"{self.modulation:g} was given."
            )
        check_real("charge", self.charge)
        check_real("flux", self.flux)

    @property
    def period(self) -> float:
        """Period 2π√(LC) of the undamped circuit."""
        return 2 * math.pi * math.sqrt(self.inductance * self.capacitance)

    def rate(self, memory: ArrayLike) -> np.ndarray:
        """Return γ(μ)."""
        check_arguments(MeasuredMemristor.rate, locals())
        tanh = np.tanh(np.asarray(memory, dtype=float) / self.memory_scale)
        return np.asarray(self.relaxation_rate * (1 + self.modulation * tanh))


def simulate_measured(
    memristor: MeasuredMemristor,
    times: ArrayLike,
    *,
    trajectories: int,
    seed: int,
    steps_per_period: int = 2000,
    noise: bool = True,
) -> Trajectory:
    """Return `trajectories` conditional evolutions of the fed-back circuit.

    Device k of the Trajectory is run k: `voltage` is its conditional mean <q>/C, `current` the
    memristor's 2γ(μ)<q>. Variables of shape (T, trajectories): "charge", "flux", "memory";
    and the three covariances, shape (T, trajectories). Averages over the devices are the
    ensemble's; their standard error falls with the root of `trajectories`.

    The Euler–Maruyama step is 1/steps_per_period of the undamped period, shortened to hit the
    `times`. `noise=False` sets dW = 0: the mean-field feedback loop, one run.
    """
    check_arguments(simulate_measured, locals())
    grid = check_times(times, minimum_length=2)
    runs = check_integer("trajectories", trajectories, minimum=1)
    check_integer("seed", seed, minimum=0)
    check_integer("steps_per_period", steps_per_period, minimum=20)
    check_work("steps_per_period", steps_per_period, 10**6, "steps")
    check_work("trajectories", runs, 10**7, "trajectories")
    m = memristor
    c, inverse_l, kappa = m.capacitance, 1 / m.inductance, m.measurement_strength
    root = math.sqrt(8 * kappa) if noise else 0.0
    generator = np.random.default_rng(seed)
    ground = 0.5 * math.sqrt(m.inductance / c)
    flux, charge = np.full(runs, m.flux), np.full(runs, m.charge)
    ff, fq, qq = np.full(runs, ground), np.zeros(runs), np.full(runs, 0.25 / ground)
    memory = np.zeros(runs)
    longest = m.period / steps_per_period
    saved = np.empty((grid.size, 6, runs))
    now = 0.0
    for index, until in enumerate(grid):
        count = max(0, math.ceil((until - now) / longest - 1e-9))
        dt = (until - now) / count if count else 0.0
        for _ in range(count):
            gamma = m.rate(memory)
            dw = generator.standard_normal(runs) * math.sqrt(dt)
            # The record's noise is dW/√(8κ): weaker measurement, noisier memory.
            recorded = charge * dt + (dw / root if noise else 0.0)
            flux, charge, memory, ff, fq, qq = (
                flux + charge / c * dt + root * fq * dw,
                charge - (flux * inverse_l + 2 * gamma * charge) * dt + root * qq * dw,
                memory + recorded / c,
                ff + (2 * fq / c + 2 * kappa - 8 * kappa * fq**2) * dt,
                fq + (qq / c - ff * inverse_l - 2 * gamma * fq - 8 * kappa * fq * qq) * dt,
                qq
                + (
                    -2 * fq * inverse_l
                    - 4 * gamma * qq
                    + 4 * c * m.temperature * gamma
                    - 8 * kappa * qq**2
                )
                * dt,
            )
        now = float(until)
        saved[index] = flux, charge, memory, ff, fq, qq
    names = ("flux", "charge", "memory", "flux_variance", "covariance", "charge_variance")
    series = {name: saved[:, k] for k, name in enumerate(names)}
    return Trajectory(
        times=grid,
        voltage=series["charge"] / c,
        current=2 * m.rate(series["memory"]) * series["charge"],
        variables=series,
        units=UNITS,
        periods=np.full(runs, m.period),
        provenance=make_provenance(
            "simulate_measured",
            memristor=asdict(m),
            seed=seed,
            noise=noise,
            step=longest,
            inferred="memory law and rate law: the paper prints neither",
        ),
    )
