"""Memory outside, mean-field: the rate follows a variable that the mean voltage drives.

μ' = f(μ, ⟨V⟩), Γ = Γ(μ), beside the memristor's own Γ(t). The ensemble's mean is fed back, so the
master equation is nonlinear. As circuits: at every time the whole of [0, t] is one collision, with
p = 1 − exp(−∫Γ) from the μ that the estimates so far have made, and ⟨Y⟩ is measured; μ advances by
the two-step Adams–Bashforth rule and ∫Γ by the trapezoid, together of order 2 in the step.

The noise of each estimate goes into all later circuits. Feedback amplifies the shot noise or damps
it (`python -m experiments run memory.feedback` prints by how much), so error bars come from the
linearised flow of these very steps, or from an ensemble (`feedback_ensemble`); the binomial error
of each time alone is not enough. Data at different times are correlated: `current_covariance`
holds how. At every run Γ is never negative, so that what any
one run shows is CP-divisible; its map depends on the state, and is no channel.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BaseSamplerV2
from scipy.integrate import solve_ivp

from qmemcircuit.circuits.collision import damping_probabilities
from qmemcircuit.circuits.protocols import Prepared, Target
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_integer, check_times, check_work
from qmemcircuit.memory.laws import FeedbackLaw, require_plain
from qmemcircuit.model.memristors import Memristor, Network
from qmemcircuit.model.units import memristor_units
from qmemcircuit.neurons.closed_loop import loop_target
from qmemcircuit.results.trajectory import Trajectory

Measure = Callable[[int, FloatArray], tuple[FloatArray, FloatArray]]
"""(step, damping probabilities) -> voltages and their variances, of as many runs."""


def feedback_equation(memristor: Memristor, law: FeedbackLaw, times: ArrayLike) -> Trajectory:
    """Return the nonlinear master equation: Bloch vector and μ together, solved to 1e-10.

    In Qiskit's operators x' = ωy − ½Γx, y' = −ωx − ½Γy, z' = Γ(1 − z), μ' = f(μ, V), V = ½ s y.
    Variables: memory, decay_rate. Raises ValueError where the law gives NaN or a negative rate,
    and for a warm, dephased or driven memristor.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> law = memory.PhaseMemory(0.4, gain=2.0)
    >>> sorted(memory.feedback_equation(memristor, law, [0.0, 0.5]).variables)
    ['decay_rate', 'memory']
    """
    check_arguments(feedback_equation, locals(), own=("law",))
    _check_law(law)
    require_plain(memristor)
    instants = check_times(times)
    own = memristor.rate.at_frequency(memristor.omega)
    scale, omega = memristor.current_scale, memristor.omega

    def flow(t: float, state: FloatArray) -> list[float]:
        x, y, z, memory = state
        rate = float(own.value(np.array([t]))[0]) + float(_rate(law, np.array([memory]), t)[0])
        change = float(_flow(law, np.array([memory]), np.array([0.5 * scale * y]), t)[0])
        # A free step is RZ(−ω dt): the Bloch vector turns from Y to X.
        return [omega * y - 0.5 * rate * x, -omega * x - 0.5 * rate * y, rate * (1 - z), change]

    rho = memristor.initial_state
    first = [2 * rho[1, 0].real, 2 * rho[1, 0].imag, (rho[0, 0] - rho[1, 1]).real, law.initial]
    last = max(float(instants[-1]), 1e-12)
    solved = solve_ivp(
        flow,
        (0.0, last),
        first,
        method="DOP853",
        t_eval=instants,
        rtol=1e-10,
        atol=1e-12,
        max_step=memristor.period / 8,
    )
    x, y, z, memory = solved.y
    states = 0.5 * np.array([[1 + z, x - 1j * y], [x + 1j * y, 1 - z]]).transpose(2, 0, 1)
    rates = own.value(instants) + law.rate(memory)
    return _trajectory(memristor, instants, 0.5 * scale * y, rates, memory, states=states)


def exact_feedback(memristor: Memristor, law: FeedbackLaw, times: ArrayLike) -> Trajectory:
    """Return what the circuits of `run_feedback` show with infinitely many shots.

    It differs from `feedback_equation` by the step alone, of order 2. Arguments as there, with
    t = 0 the first of the times.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> law = memory.PhaseMemory(0.4, gain=2.0)
    >>> memory.exact_feedback(memristor, law, [0.0, 0.1, 0.2]).voltage.shape
    (3, 1)
    """
    check_arguments(exact_feedback, locals(), own=("law",))
    instants = _loop_times(memristor, law, times)
    ideal = _ideal_voltage(memristor, instants)
    memory, _, voltage, _ = _march(
        memristor, law, instants, lambda k, p: (ideal(k, p), np.zeros(1)), 1
    )
    rates = _total_rate(memristor, law, instants, memory[:, 0])
    return _trajectory(memristor, instants, voltage[:, 0], rates, memory[:, 0])


def feedback_ensemble(
    memristor: Memristor, law: FeedbackLaw, times: ArrayLike, *, shots: int, runs: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return V and I, (runs, T) each, of many independent noiseless runs at once.

    Their scatter is the error of one run, without any linearisation.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> law = memory.PhaseMemory(0.4, gain=2.0)
    >>> voltage, current = memory.feedback_ensemble(
    ...     memristor, law, [0.0, 0.1, 0.2], shots=100, runs=5, seed=1
    ... )
    >>> voltage.shape
    (5, 3)
    """
    check_arguments(feedback_ensemble, locals(), own=("law",))
    instants = _loop_times(memristor, law, times)
    count, number = check_integer("shots", shots, minimum=1), check_integer("runs", runs, minimum=1)
    check_work("runs", number * instants.size, 1e8, "voltages")
    ideal = _ideal_voltage(memristor, instants)
    random = np.random.default_rng(check_integer("seed", seed, minimum=0))
    half = 0.5 * memristor.current_scale

    def measure(step: int, damped: FloatArray) -> tuple[FloatArray, FloatArray]:
        chance = np.clip(0.5 * (1 + ideal(step, damped) / half), 0, 1)
        return half * (2 * random.binomial(count, chance) / count - 1), np.zeros(number)

    memory, _, voltage, _ = _march(memristor, law, instants, measure, number)
    own = memristor.rate.at_frequency(memristor.omega).value(instants)
    current = (own[:, None] + law.rate(memory)) * voltage
    return voltage.T, current.T


# More than eight parameters: the model (3), what it runs on (4), and the shots.
def run_feedback(
    memristor: Memristor,
    law: FeedbackLaw,
    times: ArrayLike,
    *,
    target: Target | BaseSamplerV2 | None = None,
    shots: int,
    sampler: BaseSamplerV2 | Callable[[int], BaseSamplerV2] | None = None,
    seed: int | None = None,
) -> Trajectory:
    """Run the closed loop on a target: each circuit's angle comes from the estimates before it.

    Args:
        memristor: cold; its own decay acts beside the law's.
        law: the memory variable and the rate that it sets.
        times: from 0 on, shape (T,): the steps of the loop, each a job of one circuit.
        target: `aer(seed=…)`, `device(…)`, …; the circuit is compiled once for all angles.
        shots: of each circuit.
        sampler, seed: instead of a target, as in the neurons' loops.

    Returns V and I with errors of the linearised flow (what the noise fed back does included) and
    their covariances over time. Variables: memory, decay_rate. Raises ValueError where the law
    gives NaN or a negative rate, or the times do not begin at 0.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> law = memory.PhaseMemory(0.4, gain=2.0)
    >>> found = memory.run_feedback(
    ...     memristor, law, [0.0, 0.1, 0.2], target=qm.aer(seed=1), shots=100
    ... )
    >>> found.voltage_error.shape
    (3, 1)
    """
    check_arguments(run_feedback, locals(), own=("law", "target", "sampler"))
    instants = _loop_times(memristor, law, times)
    count = check_integer("shots", shots, minimum=2)
    ran = loop_target(target, sampler=sampler, pass_manager=None, seed=seed, steps=instants.size)
    template = _template(memristor)
    start = template.assign_parameters([0.1] * len(template.parameters))
    ran = ran.place([start])
    prepared: Prepared = ran.compile_once([template])
    half = 0.5 * memristor.current_scale

    def measure(step: int, damped: FloatArray) -> tuple[FloatArray, FloatArray]:
        angle = math.asin(math.sqrt(float(damped[0])))
        phase = math.remainder(-memristor.omega * float(instants[step]), 2 * math.pi)
        values = {"half": angle, "phase": phase}
        ordered = np.array([values[p.name] for p in template.parameters])
        (found,) = prepared.count([ordered], count, step)
        ones = found.get(1, 0)
        # Half a shot on each side: an outcome never seen is no certainty.
        chance = (ones + 0.5) / (count + 1)
        variance = 4 * chance * (1 - chance) / count
        return np.array([half * (1 - 2 * ones / count)]), np.array([half**2 * variance])

    memory, integral, voltage, variance = _march(memristor, law, instants, measure, 1)
    found = memory[:, 0], integral[:, 0], voltage[:, 0]
    voltage_map, current_map = _linearised(memristor, law, instants, *found)
    noise = variance[:, 0]
    covariance = (current_map * noise) @ current_map.T
    rates = _total_rate(memristor, law, instants, memory[:, 0])
    return _trajectory(
        memristor,
        instants,
        voltage[:, 0],
        rates,
        memory[:, 0],
        voltage_error=np.sqrt(((voltage_map**2) * noise).sum(axis=1))[:, None],
        current_error=np.sqrt(np.diag(covariance))[:, None],
        current_covariance=covariance[None],
        voltage_current_covariance=((voltage_map * noise) @ current_map.T)[None],
        provenance={
            "method": "run_feedback",
            "shots": count,
            "target": dict(ran.describe()),
            "law": repr(law),
        },
    )


# --- one loop, many runs at once ----------------------------------------------------------------


def _march(
    memristor: Memristor, law: FeedbackLaw, times: FloatArray, measure: Measure, runs: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return μ, the law's ∫Γ, V and the variance of each estimate, (T, runs) each."""
    own = damping_probabilities(memristor, np.zeros(times.size), times)
    memory, integral, voltage, variance = (np.zeros((times.size, runs)) for _ in range(4))
    memory[0] = law.initial
    flows = np.zeros((times.size, runs))
    rate = _rate(law, memory[0], 0.0)
    for k, t in enumerate(times):
        damped = 1 - (1 - own[k]) * np.exp(-integral[k])
        voltage[k], variance[k] = measure(k, damped)
        flows[k] = _flow(law, memory[k], voltage[k], float(t))
        if k + 1 == times.size:
            break
        step, latest, before = _adams(times, k)
        memory[k + 1] = memory[k] + step * (latest * flows[k] + before * flows[k - 1])
        following = _rate(law, memory[k + 1], float(times[k + 1]))
        integral[k + 1] = integral[k] + 0.5 * step * (rate + following)
        rate = following
    return memory, integral, voltage, variance


def _adams(times: FloatArray, k: int) -> tuple[float, float, float]:
    """Return step k's length and the weights of its own and the last flow (Adams–Bashforth)."""
    step = float(times[k + 1] - times[k])
    if k == 0:
        return step, 1.0, 0.0
    ratio = 0.5 * step / float(times[k] - times[k - 1])
    return step, 1 + ratio, -ratio


def _linearised(
    memristor: Memristor,
    law: FeedbackLaw,
    times: FloatArray,
    memory: FloatArray,
    integral: FloatArray,
    voltage: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return what a small error of each estimate does to every V and I: two (T, T) matrices."""
    size = times.size
    ideal = _ideal_voltage(memristor, times)
    own = damping_probabilities(memristor, np.zeros(size), times)
    slope = _slope(lambda m: law.rate(m), memory)
    by_memory = _slope(lambda m: law.flow(m, voltage), memory)
    by_voltage = _slope(lambda v: law.flow(memory, v), voltage)
    rates = _total_rate(memristor, law, times, memory)
    d_memory, d_integral, d_voltage, d_flow = (np.zeros((size, size)) for _ in range(4))
    for k in range(size):
        damped = 1 - (1 - own[k]) * np.exp(-integral[k : k + 1])
        # V ∝ exp(−½∫Γ).
        d_voltage[k] = -0.5 * float(ideal(k, damped)[0]) * d_integral[k]
        d_voltage[k, k] += 1
        d_flow[k] = by_memory[k] * d_memory[k] + by_voltage[k] * d_voltage[k]
        if k + 1 == size:
            break
        step, latest, before = _adams(times, k)
        d_memory[k + 1] = d_memory[k] + step * (latest * d_flow[k] + before * d_flow[k - 1])
        change = slope[k] * d_memory[k] + slope[k + 1] * d_memory[k + 1]
        d_integral[k + 1] = d_integral[k] + 0.5 * step * change
    d_current = rates[:, None] * d_voltage + (slope * voltage)[:, None] * d_memory
    return d_voltage, d_current


def _slope(function: Callable[[FloatArray], FloatArray], at: FloatArray) -> FloatArray:
    """Return a derivative by central differences, to some 1e-9 of the function."""
    width = 1e-5 * np.maximum(1.0, np.abs(at))
    return np.asarray((function(at + width) - function(at - width)) / (2 * width))


def _ideal_voltage(
    memristor: Memristor, times: FloatArray
) -> Callable[[int, FloatArray], FloatArray]:
    """Return (step, damping probability) -> V: the coherence turns, and shrinks by √(1 − p)."""
    coherence = memristor.initial_state[1, 0] * np.exp(-1j * memristor.omega * times)
    unspent = memristor.current_scale * coherence.imag

    def voltage(step: int, damped: FloatArray) -> FloatArray:
        return np.asarray(unspent[step] * np.sqrt(np.maximum(0.0, 1 - damped)))

    return voltage


def _template(memristor: Memristor) -> QuantumCircuit:
    """Return preparation, one collision of open angle, free rotation and ⟨Y⟩'s measurement.

    `half` is θ/2 of the collision, arcsin √p; `phase` is −ωt. Qubit 0 is the system, 1 the ancilla;
    a mixed state takes a third, of which the system is a part.
    """
    rho = memristor.initial_state
    x, y, z = 2 * rho[1, 0].real, 2 * rho[1, 0].imag, (rho[0, 0] - rho[1, 1]).real
    length = min(1.0, math.sqrt(x**2 + y**2 + z**2))
    mixed = length < 1 - 1e-12
    circuit = QuantumCircuit(3 if mixed else 2)
    circuit.add_register(ClassicalRegister(1, "outcome"))
    if mixed:
        circuit.ry(math.acos(length), 0)
        circuit.cx(0, 2)
    circuit.ry(math.atan2(math.hypot(x, y), z), 0)
    circuit.rz(math.atan2(y, x), 0)
    half, phase = Parameter("half"), Parameter("phase")
    circuit.ry(-half, 1)
    circuit.cz(0, 1)
    circuit.ry(half, 1)
    circuit.cx(1, 0)
    circuit.rz(phase, 0)
    circuit.sdg(0)
    circuit.h(0)
    circuit.measure(0, 0)
    return circuit


# --- laws and results ---------------------------------------------------------------------------


def _check_law(law: FeedbackLaw) -> None:
    if isinstance(law, type) or not isinstance(law, FeedbackLaw):
        raise TypeError(
            "Argument law must have initial, flow(memory, voltage) and rate(memory), but "
            f"{law!r} does not; PhaseMemory(decay_scale, gain) is one that does."
        )


def _loop_times(memristor: Memristor, law: FeedbackLaw, times: ArrayLike) -> FloatArray:
    _check_law(law)
    require_plain(memristor)
    instants = check_times(times, minimum_length=2)
    if instants[0] != 0:
        raise ValueError(
            f"Argument times must begin at 0, but {instants[0]:g} was given: the memory follows "
            "the voltage from the start."
        )
    return instants


def _rate(law: FeedbackLaw, memory: FloatArray, time: float) -> FloatArray:
    """Return Γ(μ), or say when it is none."""
    rates = np.asarray(law.rate(memory), dtype=float)
    if rates.shape != memory.shape or not np.all(np.isfinite(rates)) or np.any(rates < 0):
        raise ValueError(
            f"Argument law must give a rate ≥ 0 for every memory, but at t = {time:g} it gave "
            f"{rates.ravel()[:3]} for {memory.ravel()[:3]}; clip it there, or stop before."
        )
    return rates


def _flow(law: FeedbackLaw, memory: FloatArray, voltage: FloatArray, time: float) -> FloatArray:
    """Return dμ/dt, or say when it is no number."""
    flows = np.asarray(law.flow(memory, voltage), dtype=float)
    if flows.shape != memory.shape or not np.all(np.isfinite(flows)):
        raise ValueError(
            f"Argument law must give a finite flow for every memory and voltage, but at t = "
            f"{time:g} it gave {flows.ravel()[:3]} for {memory.ravel()[:3]} and "
            f"{voltage.ravel()[:3]}."
        )
    return flows


def _total_rate(
    memristor: Memristor, law: FeedbackLaw, times: FloatArray, memory: FloatArray
) -> FloatArray:
    own = memristor.rate.at_frequency(memristor.omega).value(times)
    return np.asarray(own + law.rate(memory))


def _trajectory(
    memristor: Memristor,
    times: FloatArray,
    voltage: FloatArray,
    rates: FloatArray,
    memory: FloatArray,
    **more: object,
) -> Trajectory:
    """Return V and I = ΓV with the memory that led to them."""
    found: dict[str, object] = {"provenance": {"method": "feedback"}, **more}
    return Trajectory(
        times,
        voltage[:, None],
        (rates * voltage)[:, None],
        variables={"decay_rate": rates[:, None], "memory": memory[:, None]},
        periods=np.array([memristor.period]),
        units=memristor_units(Network([memristor])),
        **found,  # type: ignore[arg-type]
    )
