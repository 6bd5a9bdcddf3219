"""Memory inside: a Lorentzian bath as one damped memory qubit.

At zero temperature a two-level system in a Lorentzian bath (strength γ0, width λ) shares its one
excitation with one mode: exchange at g = √(γ0λ/2), the mode damped at 2λ (Garraway, Phys. Rev. A
55, 2290 (1997); Breuer and Petruccione, Sec. 10.1). One excitation fits into a qubit, so the bath
*is* a memristor of its own, and `memory_network` is the pair. All verbs take it: circuits that
exchange, damp and exchange are `splitting="couplings_first"`, of order 2, with 4n + 2 two-qubit
gates for n steps. The current that flows back from the memory is measured as it is defined,
through i[H, σy] of the exchange, and stays finite where the decay rate Γ(t) has a pole: there
V = 0 and I is not, and the loop of a strong memory misses the origin.

At a finite temperature a two-level memory is *not* a mode, and is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    check_choice,
    check_real,
    check_times,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import reduce_states
from qmemcircuit.counts.means import Combine, combine_paulis
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.model.couplings import PartialISwap
from qmemcircuit.model.laws.lorentzian import LorentzianRate
from qmemcircuit.model.laws.rates import ConstantRate, DecayRate
from qmemcircuit.model.memristors import Memristor, Network, require_cold
from qmemcircuit.model.units import memristor_units
from qmemcircuit.results.estimation import covariance_of_terms, operator_terms, widened
from qmemcircuit.results.trajectory import Trajectory

STORED_ROUNDING = 1e-9
"""How far below zero the population of a memory may be computed to fall."""


def memory_network(memristor: Memristor, *, detuning: float = 0.0) -> Network:
    """Return the memristor (0), without a bath of its own, and its memory qubit (1).

    H/ħ = (g/2)(XX + YY) between them, g = √(γ0λ/2); the memory starts empty and decays at 2λ.

    Args:
        memristor: with a `LorentzianRate`, cold.
        detuning: Δ, of the memory's frequency ω + Δ > 0 from the memristor's, in 1/time.

    Device 1's voltage and current are the memory's own. Raises TypeError for another law,
    ValueError for a warm or dephased memristor and a memory of no frequency.

    >>> import qmemcircuit as qm
    >>> remembering = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8)
    >>> pair = memory_network(remembering)
    >>> circuits = qm.build_circuits(pair, [9.0], splitting="couplings_first", steps=4)
    """
    check_arguments(memory_network, locals())
    law = _law_of(memristor)
    shift = check_real("detuning", detuning, minimum=-memristor.omega, exclusive=True)
    shared: dict[str, Any] = {"mass": memristor.mass, "hbar": memristor.hbar}
    bare = Memristor(
        ConstantRate(0.0), state=memristor.initial_state, omega=memristor.omega, **shared
    )
    memory = Memristor(
        ConstantRate(2 * law.width), state=[1, 0], omega=memristor.omega + shift, **shared
    )
    exchange = math.sqrt(0.5 * law.strength * law.width)
    return Network([bare, memory], {(0, 1): PartialISwap(exchange)})


def memory_amplitude(
    law: LorentzianRate, times: ArrayLike, *, detuning: float = 0.0
) -> tuple[ComplexArray, ComplexArray]:
    """Return G(t) and Ġ(t), (T,) each: the excited amplitude that is left, in the rotating frame.

    With L = λ + iΔ and d² = L² − 2γ0λ, G = e^{−Lt/2}(cosh(dt/2) + (L/d) sinh(dt/2)) and
    Ġ = −(γ0λ/d) e^{−Lt/2} sinh(dt/2). The decay rate is −2 Re(Ġ/G), the shift of the frequency
    −Im(Ġ/G).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> amplitude, derivative = memory.memory_amplitude(qm.LorentzianRate(1.0, 0.5), [0.0, 1.0])
    >>> complex(amplitude[0])
    (1+0j)
    """
    check_arguments(memory_amplitude, locals())
    instants = check_times(times)
    leak = complex(law.width, check_real("detuning", detuning))
    product = law.strength * law.width
    root = np.sqrt(leak**2 - 2 * product)
    # Exponents together: cosh alone overflows where the bath is fast.
    slow = np.exp(0.5 * (root - leak) * instants)
    fast = np.exp(-0.5 * (root + leak) * instants)
    # Below 1e-6 the sine over d is t/2 up to 1e-13 of itself.
    near = np.abs(root) * instants < 1e-6
    other = np.where(near, 0.25 * instants * (slow + fast), 0.0)
    other = np.where(near, other, 0.5 * (slow - fast) / (root if root != 0 else 1.0))
    return np.asarray(0.5 * (slow + fast) + leak * other), np.asarray(-product * other)


def memory_trajectory(
    memristor: Memristor,
    times: ArrayLike,
    *,
    detuning: float = 0.0,
    frequency: Literal["bare", "shifted"] = "bare",
) -> Trajectory:
    """Return V and I of a memristor in a Lorentzian bath in closed form, past poles of Γ too.

    ρ_ee(t) = |G|²ρ_ee, ρ_eg(t) = G e^{−iωt} ρ_eg, V = s Im[ρ_eg(t)] with s = √(mħω/2), and
    I = −2s Im[ρ_eg Ġ e^{−iωt}], its definition with the bare ω. A detuned memory turns the
    memristor at ω + S instead, S = −Im(Ġ/G). With `frequency="shifted"` the definition of I has
    ω + S in place of ω; I is then I_bare − sS<X> = Γ(t)V, and pinched. `memory_network` gives I
    with the bare ω, exact or measured, and `shift_current` turns it into the other one.

    Variables: decay_rate and frequency_shift S (both diverge where G = 0), population of the
    excited state.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.5), a=0.8, b=0.6)
    >>> found = memory.memory_trajectory(memristor, [0.0, 1.0, 4.0])
    >>> found.current.shape
    (3, 1)
    """
    check_arguments(memory_trajectory, locals())
    check_choice("frequency", frequency, ("bare", "shifted"))
    law, instants = _law_of(memristor), check_times(times)
    amplitude, slope = memory_amplitude(law, instants, detuning=detuning)
    first, turning = memristor.initial_state, np.exp(-1j * memristor.omega * instants)
    coherence = first[1, 0] * amplitude * turning
    excited = first[1, 1].real * np.abs(amplitude) ** 2
    states = np.empty((instants.size, 2, 2), dtype=complex)
    states[:, 1, 1], states[:, 0, 0] = excited, 1 - excited
    states[:, 1, 0], states[:, 0, 1] = coherence, coherence.conj()
    # V = ½ s <Y>, and <Y> = 2 Im ρ_10.
    scale = memristor.current_scale
    ratio = slope / np.where(np.abs(amplitude) > 0, amplitude, np.finfo(float).tiny)
    current = -2 * scale * (first[1, 0] * slope * turning).imag
    if frequency == "shifted":
        there = np.abs(amplitude) > 0  # where nothing is left there is no V either
        current = np.where(there, current + 2 * scale * ratio.imag * coherence.real, 0.0)
    return Trajectory(
        instants,
        scale * coherence.imag[:, None],
        current[:, None],
        states=states,
        variables={
            "decay_rate": -2 * ratio.real[:, None],
            "frequency_shift": -ratio.imag[:, None],
            "population": excited[:, None],
        },
        periods=np.array([memristor.period]),
        units=memristor_units(Network([memristor])),
        provenance={"method": "memory_trajectory", "detuning": detuning, "frequency": frequency},
    )


def shift_current(
    trajectory: Trajectory, memristor: Memristor, *, detuning: float = 0.0
) -> Trajectory:
    """Return a `memory_network`'s trajectory with ω + S in the definition of the memristor's I.

    I_bare − sS<X>, S = −Im(Ġ/G) of the law and the detuning: by the law Γ(t)V, and pinched, as
    `memory_trajectory(…, frequency="shifted")`. Where hardly anything is left, S diverges and the
    error with it. Device 1, the memory, keeps its current.

    Args:
        trajectory: of `memory_network(memristor, detuning=…)`: of exact states, or measured in
            settings that tell I and X (the default, or "XZ", "YY", "ZX"), raw or mitigated. Then I
            is the current operator's, with the error of the sum: both come from the same counts.
        memristor, detuning: those of the network. S is computed from them, not measured.

    Raises:
        ValueError: for another number of devices, neither states nor counts, or a setting that is
            missing, naming it.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.5), a=0.8, b=0.6)
    >>> network = memory.memory_network(memristor, detuning=0.2)
    >>> states = qm.exact_circuit(network, [0.0, 0.5, 1.0], splitting="couplings_first", steps=50)
    >>> shifted = memory.shift_current(states, memristor, detuning=0.2)
    >>> closed = memory.memory_trajectory(
    ...     memristor, states.times, detuning=0.2, frequency="shifted"
    ... )
    >>> bool(abs(shifted.current[:, 0] - closed.current[:, 0]).max() < 1e-3)
    True
    """
    check_arguments(shift_current, locals())
    network = memory_network(memristor, detuning=detuning)
    if trajectory.device_count != 2:
        raise ValueError(
            "Argument trajectory must have two devices, the memristor and its memory, but it has "
            f"{trajectory.device_count}; for the closed form take "
            "memory_trajectory(…, frequency='shifted')."
        )
    if trajectory.provenance.get("frequency") == "shifted":
        raise ValueError(
            "Argument trajectory must have its current with the bare frequency, but it is shifted "
            "already; give the trajectory before."
        )
    slow, slope = memory_amplitude(_law_of(memristor), trajectory.times, detuning=detuning)
    there = np.abs(slow) > 0  # where nothing is left there is no X either
    shift = np.where(there, -(slope / np.where(there, slow, 1.0)).imag, 0.0)
    scale, changed = memristor.current_scale, {}
    current = trajectory.current.copy()
    data = trajectory.mitigated or trajectory.samples
    if data is not None:
        combine: Combine = (
            data.combine
            if isinstance(data, MitigatedSamples)
            else lambda terms: combine_paulis(data, terms)
        )
        combine = widened(combine, trajectory.variables.get("compilation_residual"))
        terms = dict(operator_terms(network, 0, trajectory.times))
        terms["XI"] = terms.get("XI", 0.0) - scale * shift
        current[:, 0], error = combine(terms)
        joint = covariance_of_terms(combine, {"YI": 0.5 * scale}, terms)
        for name, place, value in (
            ("current_error", (slice(None), 0), error),
            ("current_covariance", 0, np.diag(error**2)),
            ("voltage_current_covariance", 0, np.diag(joint)),
        ):
            whole = getattr(trajectory, name)
            if whole is not None:
                changed[name] = whole.copy()
                changed[name][place] = value
    elif trajectory.states is not None:
        reduced = reduce_states(trajectory.states, (0,))
        current[:, 0] -= scale * shift * 2 * reduced[:, 1, 0].real
    else:
        raise ValueError(
            "Argument trajectory must hold states or counts, but it has neither; make it with "
            "exact_circuit, master_equation, estimate or mitigate."
        )
    return trajectory.replace(
        current=current,
        provenance={**trajectory.provenance, "frequency": "shifted", "detuning": detuning},
        **changed,
    )


@data_object
@dataclass(frozen=True, eq=False)
class MemoryDesign:
    """How strongly a memory qubit must be coupled so that a memristor decays as wanted.

    Attributes:
        times: (T,).
        exchange: g(t), (T,), in 1/time.
        amplitude: G(t) = exp(−½∫Γ), (T,), of the memristor's excitation.
        population: N(t), (T,), of the memory, for a memristor that starts excited.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> found = memory.design_memory(qm.ConstantRate(0.1), [0.1, 0.2], width=0.1)
    >>> found.exchange.shape
    (2,)
    """

    times: FloatArray
    exchange: FloatArray
    amplitude: FloatArray
    population: FloatArray

    def __post_init__(self) -> None:
        check_fields(self)


def design_memory(rate: DecayRate, times: ArrayLike, *, width: float) -> MemoryDesign:
    """Return the exchange g(t) with a memory damped at 2λ that makes a memristor decay with Γ(t).

    Ṅ = −2λN + ΓG², N(0) = 0, g = ΓG/(2√N): what is to come back must have been stored. (The
    Riccati equation for g alone divides by Γ, and stops where Γ = 0.)

    Args:
        rate: the decay law Γ(t) wanted; it may be negative for a while.
        times: after 0, shape (T,): where Γ(0) > 0, g rises as t^{−½} towards t = 0.
        width: λ ≥ 0, the decay rate of the memory's amplitude, in 1/time.

    Raises:
        ValueError: that names the first time at which the population of the memory would turn
            negative, if it would: no memory qubit of this width has the law.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> found = memory.design_memory(qm.ConstantRate(0.1), [0.1, 0.2], width=0.1)
    >>> found.population.shape
    (2,)
    """
    check_arguments(design_memory, locals(), own=("rate",))
    if isinstance(rate, type) or not isinstance(rate, DecayRate):
        raise TypeError(
            "Argument rate must be a decay law such as FunctionRate(function), but "
            f"{rate!r} was given."
        )
    instants, damping = check_times(times), 2 * check_real("width", width, minimum=0)
    if instants[0] <= 0:
        raise ValueError(
            f"Argument times must begin after 0, but {instants[0]:g} was given: nothing is in the "
            "memory yet, and the exchange has no finite value."
        )

    def left(t: ArrayLike) -> FloatArray:
        return np.asarray(np.exp(-rate.integral(np.zeros(np.shape(t)), t)))

    def flow(t: float, stored: FloatArray) -> FloatArray:
        return np.asarray(-damping * stored + rate.value(np.array([t])) * left([t]))

    def emptied(t: float, stored: FloatArray) -> float:
        return float(stored[0]) + STORED_ROUNDING

    emptied.terminal = True  # type: ignore[attr-defined]
    solved = solve_ivp(
        flow,
        (0.0, float(instants[-1])),
        [0.0],
        method="DOP853",
        t_eval=instants,
        events=emptied,
        rtol=1e-11,
        atol=1e-13,
        max_step=float(instants[-1]) / 50,
    )
    if solved.status != 0:
        when = solved.t_events[0][0] if solved.status == 1 else solved.t[-1] if solved.t.size else 0
        raise ValueError(
            "Argument rate must take back no more than the memory holds, but with width = "
            f"{width:g} its population would turn negative at t = {when:.6g}; a smaller width "
            "remembers longer."
        )
    stored = np.maximum(solved.y[0], np.finfo(float).tiny)
    amplitude = np.sqrt(left(instants))
    exchange = rate.value(instants) * amplitude / (2 * np.sqrt(stored))
    return MemoryDesign(instants, np.asarray(exchange), amplitude, np.asarray(solved.y[0]))


def _law_of(memristor: Memristor) -> LorentzianRate:
    """Return the Lorentzian law of a memristor, or say what it must be."""
    if not isinstance(memristor.rate, LorentzianRate):
        raise TypeError(
            "Argument memristor must have a LorentzianRate, whose bath is one memory qubit, but "
            f"it has {memristor.rate!r}; design_memory couples a memory for other laws."
        )
    require_cold(Network([memristor]), "a memory qubit, which is a mode at zero temperature only")
    return memristor.rate
