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
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.checks import (
    FloatArray,
    check_choice,
    check_integer,
    check_real,
    check_times,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.neurons.integrate_and_fire.engine import Engine
from qmemcircuit.results.trajectory import Trajectory

Current = float | Callable[[float], ArrayLike]


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
    """The Caldeira–Leggett moments fell below the uncertainty bound: not a quantum state."""


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

    def __post_init__(self) -> None:
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


def simulate_classical(
    neuron: IntegrateAndFire, times: ArrayLike, current: Current, *, tolerance: float = 1e-9
) -> Trajectory:
    """Return the classical circuit's response to `current` (a number or a function of time).

    The Trajectory has `voltage` Q/C and `current` V/M through the memristor; variables "flux",
    "charge" (the memory q), "resistance", "input_current"; the event "spikes".
    """
    return simulate_network([neuron], times, current, dissipator="classical", tolerance=tolerance)


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
        current: a number, or a function of time.
        dissipator: "caldeira-leggett" (default) or "gksl" (needs a finite inductance).
        leak_scale: s of the "gksl" dissipator.
        threshold: "deterministic" fires where the mean reaches V_th. "stochastic" draws one
            standard normal ξ for each interval and fires where the mean reaches V_th + ξσ_V:
            while the mean rises, the probability of having fired is then P(V > V_th).
        seed: needed for "stochastic".
        covariance: (σ_φφ, σ_φQ, σ_QQ) at t = 0 and after each reset; None is the thermal state.
        tolerance: relative tolerance of the integration.
        solver: "scipy", or "compiled": numba's, for one neuron under a constant current. Much
            faster after the first call, which compiles; needs `pip install
            'qmemcircuit[neurons]'`.
    """
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
        current: the external current, a number or a function of time that returns a number
            or N numbers.
        weights: shape (N, N); None couples nothing.
        synapse_time: τ_s > 0.
    """
    grid = check_times(times, minimum_length=2)
    check_choice("dissipator", dissipator, ("classical", "caldeira-leggett", "gksl"))
    check_choice("threshold", threshold, ("deterministic", "stochastic"))
    check_real("leak_scale", leak_scale, minimum=0, exclusive=True)
    check_real("tolerance", tolerance, minimum=0, exclusive=True)
    tau = check_real("synapse_time", synapse_time, minimum=0, exclusive=True)
    check_choice("solver", solver, ("scipy", "compiled"))
    compiled = solver == "compiled"
    if compiled and (len(neurons) != 1 or callable(current) or dissipator == "classical"):
        raise ValueError(
            "Argument solver='compiled' must have one quantum neuron and a constant current, but "
            f"{len(neurons)} neurons, dissipator={dissipator!r} and "
            f"{'a function' if callable(current) else 'a constant'} were given; use 'scipy'."
        )
    stochastic = threshold == "stochastic"
    if stochastic and (seed is None or dissipator == "classical"):
        raise ValueError(
            "Argument threshold='stochastic' must come with a seed and a quantum dissipator, but "
            f"seed={seed} and dissipator={dissipator!r} were given; the classical circuit has no "
            "voltage variance."
        )
    if dissipator == "gksl" and any(neuron.frequency == 0 for neuron in neurons):
        raise ValueError(
            "Argument inductance must be finite for dissipator='gksl', but inf was given: the "
            "mode operator needs an oscillator; use 'caldeira-leggett'."
        )
    count = len(neurons)
    if count == 0:
        raise ValueError("Argument neurons must hold at least one neuron, but it is empty.")
    coupling = np.zeros((count, count)) if weights is None else np.array(weights, dtype=float)
    if coupling.shape != (count, count):
        raise ValueError(
            f"Argument weights must have shape ({count}, {count}), but shape {coupling.shape} "
            "was given."
        )
    rest = np.zeros((3, count))
    if dissipator != "classical":
        for i, neuron in enumerate(neurons):
            rest[:, i] = (
                neuron.rest_covariance()
                if covariance is None
                else _check_covariance(covariance, neuron.hbar)
            )
    engine = Engine(
        tuple(neurons),
        dissipator,
        leak_scale,
        tau,
        current_function(current, count),
        # A current that varies may rise and fall within one step of a smooth solution.
        longest_step=float(grid[-1]) / 100 if callable(current) else math.inf,
    )
    generator = np.random.default_rng(check_integer("seed", seed or 0, minimum=0))
    draws = generator if stochastic else None
    if compiled and not callable(current):
        run = _import_compiled()
        samples, spikes, bound = run(
            neurons[0], grid, rest[:, 0], float(current), dissipator, leak_scale, draws, tolerance
        )
    else:
        samples, spikes, bound = engine.run(grid, rest, coupling, draws, tolerance)
    flux, momentum, memory = samples[0], samples[1], samples[2]
    voltage = momentum / engine.capacitance
    resistance = engine.resistance(memory)
    variables = {
        "flux": flux,
        "charge": memory,
        "resistance": resistance,
        "input_current": np.array([engine.current(t) for t in grid]).T + samples[3],
    }
    if dissipator != "classical":
        from scipy.special import ndtr

        hbar = np.array([[neuron.hbar] for neuron in neurons])
        determinant = samples[4] * samples[6] - samples[5] ** 2
        deviation = np.sqrt(np.maximum(samples[6], 0)) / engine.capacitance
        with np.errstate(divide="ignore"):
            excess = (voltage - engine.threshold) / deviation
        variables |= {
            "flux_variance": samples[4],
            "covariance": samples[5],
            "charge_variance": samples[6],
            "uncertainty": 4 * determinant / hbar**2,
            "spike_probability": ndtr(excess),
        }
        if bound["violations"]:
            warnings.warn(
                f"The moments violate the uncertainty bound at {bound['violations']} of "
                f"{bound['steps']} steps (smallest determinant {bound['smallest']:.3g} of ħ²/4): "
                "the Caldeira–Leggett form is not completely positive; raise the temperature or "
                "use dissipator='gksl'.",
                UncertaintyWarning,
                stacklevel=3,
            )
    names = ["spikes"] if count == 1 else [f"spikes_{i}" for i in range(count)]
    return Trajectory(
        times=grid,
        voltage=voltage.T,
        current=(voltage / resistance).T,
        variables={name: values.T for name, values in variables.items()},
        units={name: UNITS[name] for name in ("times", "voltage", "current", *variables)},
        events=dict(zip(names, (np.array(s) for s in spikes), strict=True)),
        provenance=make_provenance(
            "integrate_and_fire",
            neurons=[
                {k: str(v) if v == math.inf else v for k, v in asdict(n).items()} for n in neurons
            ],
            dissipator=dissipator,
            leak_scale=leak_scale if dissipator == "gksl" else None,
            threshold=threshold,
            seed=seed,
            weights=None if weights is None else coupling.tolist(),
            synapse_time=None if weights is None else tau,
            uncertainty=None if dissipator == "classical" else bound,
            reconstruction="brand2025: from the abstract and the stated method only",
        ),
    )


def _import_compiled() -> Callable[..., Any]:
    try:
        from qmemcircuit.neurons.integrate_and_fire.compiled import run_compiled
    except ImportError as error:
        raise ImportError(
            "Argument solver='compiled' needs numba: pip install 'qmemcircuit[neurons]'"
        ) from error
    return run_compiled


def current_function(current: Current, count: int) -> Callable[[float], FloatArray]:
    """Return `current` as a function of time with values of shape (count,), checked at t = 0."""
    if callable(current):
        function = current
        sample = np.asarray(function(0.0), dtype=float)
        if sample.shape not in ((), (count,)):
            raise ValueError(
                f"Argument current must return a number or {count} numbers, but shape "
                f"{sample.shape} was returned."
            )
        return lambda t: np.broadcast_to(np.asarray(function(t), dtype=float), (count,))
    constant = np.full(count, check_real("current", current))
    return lambda t: constant


def _check_covariance(covariance: Sequence[float], hbar: float) -> FloatArray:
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
