"""Memory outside, shot by shot: a measured ancilla changes the later collisions of that very shot.

Each step's collision has the rate of the shot's bit x; its ancilla is measured, and a click (the
excitation has left) sets x = 1; without one, x = 1 survives the step with e^{−dt/τ}. As a dynamic
circuit that is a few `if_test`. The exact reference is the hybrid state ρ_x, one unnormalised
matrix for each value of the bit: with K0, K1 of the collision at Γ_x,

    ρ_0 ← K0 ρ_0 K0† + (1 − e^{−dt/τ}) K0 ρ_1 K0†,    ρ_1 ← e^{−dt/τ} K0 ρ_1 K0† + Σ_x K1 ρ_x K1†.

For dt → 0, ρ_0' = L ρ_0 − ½Γ0{n, ρ_0} + ρ_1/τ and ρ_1' the rest: `shotwise_equation`, reached in
first order. V = Σ V_x and I = Σ Γ_x V_x, by the definition of I. The mean is *not* pinched: at
V = 0 the two V_x may still differ in what they conduct.

A cold memristor without a drive has nothing left to lose after a click, and no voltage. Only with
a drive (`Drive("y", …)`, which brings no current of its own) does the bit change what is seen.

The loop of each shot is classical communication to the device itself, so its memory is never
quantum (`classify_memory`).
"""

# More than 400 lines: one law as maps, as an equation, as circuits and as shots.

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.primitives import BaseSamplerV2
from qiskit.transpiler import PassManager
from scipy.integrate import solve_ivp

from qmemcircuit.circuits.channels.pauli_maps import damping_maps, density_matrices, pauli_means
from qmemcircuit.circuits.collision import collision_angle, damping_probabilities
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import (
    FloatArray,
    IntArray,
    check_choice,
    check_integer,
    check_times,
    check_work,
)
from qmemcircuit.memory.laws import LeakyBit, driven_by
from qmemcircuit.model.drives import Drive
from qmemcircuit.model.memristors import Memristor, Network
from qmemcircuit.model.units import memristor_units
from qmemcircuit.results.trajectory import Trajectory

LOST = np.zeros((4, 4))
"""What a click makes of the means of p-scaled states: (1 − z)/2 of them in |0>."""
LOST[0, [0, 3]], LOST[3, [0, 3]] = (0.5, -0.5), (0.5, -0.5)


def shotwise_maps(memristor: Memristor, bit: LeakyBit, times: ArrayLike) -> FloatArray:
    """Return the digital maps from 0 to each time, for each final bit: (T, 2, 4, 4).

    They act on the means of (1, X, Y, Z). The bit starts at 0. Their sum over the bit is the
    memristor's channel. The steps are those between the times (the first one from 0), so more
    times are a finer step.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> bit = memory.LeakyBit(lifetime=2.0, quiet_rate=0.4, clicked_rate=1.5)
    >>> memory.shotwise_maps(memristor, bit, [0.0, 0.1, 0.2]).shape  # times, final bit, map
    (3, 2, 4, 4)
    """
    check_arguments(shotwise_maps, locals())
    drive = driven_by(memristor)
    instants = check_times(times)
    starts = np.concatenate([[0.0], instants[:-1]])
    chances = _chances(memristor, bit, starts, instants)
    stays = np.exp(-(instants - starts) / bit.lifetime)
    turns = _turns(memristor, drive, starts, instants)
    hybrid = np.zeros((2, 4, 4))
    hybrid[0] = np.eye(4)
    found = np.empty((instants.size, 2, 4, 4))
    for k in range(instants.size):
        clicked = [chances[x, k] * LOST @ hybrid[x] for x in (0, 1)]
        quiet = [damping_maps(chances[x, k]) @ hybrid[x] - clicked[x] for x in (0, 1)]
        turn = turns[k]
        hybrid = np.array(
            [
                turn @ (quiet[0] + (1 - stays[k]) * quiet[1]),
                turn @ (stays[k] * quiet[1] + clicked[0] + clicked[1]),
            ]
        )
        found[k] = hybrid
    return found


def exact_shotwise(memristor: Memristor, bit: LeakyBit, times: ArrayLike) -> Trajectory:
    """Return the exact hybrid state of the circuits, V and I: infinitely many shots.

    Variables: clicked, P(x = 1); voltage_quiet and voltage_clicked, V_x with V = V_0 + V_1;
    decay_rate, Σ_x P(x)Γ_x.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> bit = memory.LeakyBit(lifetime=2.0, quiet_rate=0.4, clicked_rate=1.5)
    >>> sorted(memory.exact_shotwise(memristor, bit, [0.0, 0.1, 0.2]).variables)
    ['clicked', 'decay_rate', 'voltage_clicked', 'voltage_quiet']
    """
    check_arguments(exact_shotwise, locals())
    maps = shotwise_maps(memristor, bit, times)
    means = maps @ pauli_means(memristor.initial_state)
    return _hybrid(memristor, bit, check_times(times), means, "exact_shotwise")


def shotwise_equation(memristor: Memristor, bit: LeakyBit, times: ArrayLike) -> Trajectory:
    """Return the continuous limit, two coupled master equations; variables as `exact_shotwise`.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> bit = memory.LeakyBit(lifetime=2.0, quiet_rate=0.4, clicked_rate=1.5)
    >>> memory.shotwise_equation(memristor, bit, [0.0, 0.1]).voltage.shape
    (2, 1)
    """
    check_arguments(shotwise_equation, locals())
    drive = driven_by(memristor)
    instants = check_times(times)
    own = memristor.rate.at_frequency(memristor.omega)
    # d/dt of the means of ρ_x without a click: −½Γ{n, ρ}, n = (1 − Z)/2.
    quiet = np.zeros((4, 4))
    quiet[0, [0, 3]] = quiet[3, [3, 0]] = (-0.5, 0.5)
    quiet[1, 1] = quiet[2, 2] = -0.5
    turning = np.zeros((4, 4))
    turning[1, 2], turning[2, 1] = memristor.omega, -memristor.omega

    def flow(t: float, state: FloatArray) -> FloatArray:
        hybrid = state.reshape(2, 4)
        given = float(own.value(np.array([t]))[0])
        rates = given + bit.quiet_rate, given + bit.clicked_rate
        leak = hybrid[1] / bit.lifetime
        # Ωσy = −ΩY turns from Z to X.
        driven = 2 * float(drive.value(np.array(t)))
        turning[1, 3], turning[3, 1] = -driven, driven
        clicks = LOST @ (rates[0] * hybrid[0] + rates[1] * hybrid[1])
        change = [(turning + rates[x] * quiet) @ hybrid[x] for x in (0, 1)]
        return np.concatenate([change[0] + leak, change[1] - leak + clicks])

    first = np.concatenate([pauli_means(memristor.initial_state), np.zeros(4)])
    solved = solve_ivp(
        flow,
        (0.0, max(float(instants[-1]), 1e-12)),
        first,
        method="DOP853",
        t_eval=instants,
        rtol=1e-10,
        atol=1e-13,
        max_step=memristor.period / 8,
    )
    means = solved.y.T.reshape(instants.size, 2, 4)
    return _hybrid(memristor, bit, instants, means, "shotwise_equation")


def shotwise_circuits(
    memristor: Memristor,
    bit: LeakyBit,
    times: ArrayLike,
    *,
    basis: str = "Y",
) -> list[QuantumCircuit]:
    """Return one dynamic circuit for each time, measured in `basis` (X, Y or Z).

    Registers: "memory" (x is bit 0, the last click bit 1) and "outcome". Qubit 0 is the system, 1
    the ancilla, used twice a step: for the collision and, reset, for the coin that lets x survive.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> bit = memory.LeakyBit(lifetime=2.0, quiet_rate=0.4, clicked_rate=1.5)
    >>> len(memory.shotwise_circuits(memristor, bit, [0.0, 0.1, 0.2]))
    3
    """
    check_arguments(shotwise_circuits, locals())
    check_choice("basis", basis, ("X", "Y", "Z"))
    drive = driven_by(memristor)
    instants = check_times(times)
    check_work("times", instants.size**2, 1e6, "collisions in all circuits")
    starts = np.concatenate([[0.0], instants[:-1]])
    chances = _chances(memristor, bit, starts, instants)
    growing = _prepared(memristor)
    found = []
    for k, (start, stop) in enumerate(zip(starts, instants, strict=True)):
        if stop > start:
            survives = math.exp(-(stop - start) / bit.lifetime)
            _append_step(growing, chances[:, k], survives)
            turn = float(drive.integral(start, stop))
            growing.ry(-turn, 0)
            growing.rz(-memristor.omega * (stop - start), 0)
            growing.ry(-turn, 0)
        found.append(_measured(growing, basis))
    return found


# More than eight parameters: the model (3), the shots, and what they are drawn from (4).
def run_shotwise(
    memristor: Memristor,
    bit: LeakyBit,
    times: ArrayLike,
    *,
    shots: int,
    seed: int | None = None,
    sampler: BaseSamplerV2 | None = None,
    pass_manager: PassManager | None = None,
) -> Trajectory:
    """Return V and I from shots, each of them with a memory of its own.

    Args:
        memristor: cold; its own decay acts beside the bit's.
        bit: the rates and the lifetime of the memory.
        times: of the steps, shape (T,); shots at different times are independent.
        shots: at each time.
        seed: without a sampler, counts are drawn from the exact hybrid states: all histories that
            end in the same bit and outcome at once, which is the distribution of running shot by
            shot. (`sampler` has its own seed.)
        sampler, pass_manager: run the dynamic circuits; `pass_manager` compiles them for it.

    Raises:
        ValueError: for a backend whose target lacks `if_else`, and where neither or both of seed
            and sampler are given.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> bit = memory.LeakyBit(lifetime=2.0, quiet_rate=0.4, clicked_rate=1.5)
    >>> found = memory.run_shotwise(memristor, bit, [0.0, 0.1, 0.2], shots=100, seed=1)
    >>> found.voltage_error.shape
    (3, 1)
    """
    check_arguments(run_shotwise, locals())
    count = check_integer("shots", shots, minimum=2)
    instants = check_times(times)
    if (seed is None) == (sampler is None):
        raise ValueError(
            "Argument seed must be given if sampler is not, and only then, but "
            f"{'neither' if seed is None else 'both'} was given."
        )
    if sampler is None:
        maps = shotwise_maps(memristor, bit, instants)
        means = maps @ pauli_means(memristor.initial_state)
        counts = _drawn(means, count, check_integer("seed", seed, minimum=0))
    else:
        require_dynamic(sampler)
        circuits = shotwise_circuits(memristor, bit, instants)
        counts = _counted(sampler, circuits, count, pass_manager)
    return _estimated(memristor, bit, instants, counts)


def require_dynamic(sampler: BaseSamplerV2) -> None:
    """Raise ValueError where a sampler's backend cannot change a shot by its own outcomes."""
    check_arguments(require_dynamic, locals())
    backend = getattr(sampler, "backend", None) or getattr(sampler, "_backend", None)
    backend = backend() if callable(backend) else backend
    target = getattr(backend, "target", None)
    if target is None or not hasattr(target, "operation_names"):
        return
    if "if_else" not in target.operation_names:
        raise ValueError(
            "Argument sampler must run dynamic circuits, but "
            f"{getattr(backend, 'name', backend)!r} has no if_else; give a backend that has, or "
            "leave the sampler out: run_shotwise(…, seed=…) draws the same counts."
        )


# --- steps ----------------------------------------------------------------------------------------


def _chances(
    memristor: Memristor, bit: LeakyBit, starts: FloatArray, stops: FloatArray
) -> FloatArray:
    """Return the damping probability of each step for x = 0 and 1, (2, T)."""
    own = damping_probabilities(memristor, starts, stops)
    lengths = stops - starts
    rates = np.array([[bit.quiet_rate], [bit.clicked_rate]])
    return np.asarray(1 - (1 - own) * np.exp(-rates * lengths))


def _turns(memristor: Memristor, drive: Drive, starts: FloatArray, stops: FloatArray) -> FloatArray:
    """Return RY(−∫Ω) RZ(−ω dt) RY(−∫Ω) of each step on the means, (T, 4, 4)."""
    free = _rotations(1, 2, memristor.omega * (stops - starts))
    driven = _rotations(3, 1, drive.integral(starts, stops))
    return np.asarray(driven @ free @ driven)


def _rotations(first: int, second: int, angles: FloatArray) -> FloatArray:
    """Return rotations by −angle from axis `first` to `second`, (T, 4, 4)."""
    found = np.broadcast_to(np.eye(4), (angles.size, 4, 4)).copy()
    found[:, first, first] = found[:, second, second] = np.cos(angles)
    found[:, first, second] = np.sin(angles)
    found[:, second, first] = -np.sin(angles)
    return found


def _prepared(memristor: Memristor) -> QuantumCircuit:
    """Return the initial state on qubit 0; a mixed one is a part of qubits 0 and 2."""
    _, x, y, z = pauli_means(memristor.initial_state)
    length = min(1.0, math.sqrt(x**2 + y**2 + z**2))
    mixed = length < 1 - 1e-12
    circuit = QuantumCircuit(
        QuantumRegister(3 if mixed else 2, "qubits"), ClassicalRegister(2, "memory")
    )
    if mixed:
        circuit.ry(math.acos(length), 0)
        circuit.cx(0, 2)
    circuit.ry(math.atan2(math.hypot(x, y), z), 0)
    circuit.rz(math.atan2(y, x), 0)
    return circuit


def _append_step(circuit: QuantumCircuit, chances: FloatArray, survives: float) -> None:
    """Append the collision at the bit's rate, its measurement, and what becomes of the bit."""
    memory = circuit.cregs[0]
    halves = [0.5 * collision_angle(float(chance)) for chance in chances]
    for sign in (-1, 1):
        circuit.ry(sign * halves[0], 1)
        with circuit.if_test((memory[0], 1)):
            circuit.ry(sign * (halves[1] - halves[0]), 1)
        if sign < 0:
            circuit.cz(0, 1)
    circuit.cx(1, 0)
    circuit.measure(1, memory[1])
    circuit.reset(1)
    with circuit.if_test((memory[1], 1)):
        circuit.x(1)
    with circuit.if_test((memory, 1)):  # x = 1 and no click
        circuit.ry(2 * math.asin(math.sqrt(survives)), 1)
    circuit.measure(1, memory[0])
    circuit.reset(1)


def _measured(circuit: QuantumCircuit, basis: str) -> QuantumCircuit:
    copy = circuit.copy(name=f"shotwise {basis}")
    outcome = ClassicalRegister(1, "outcome")
    copy.add_register(outcome)
    if basis == "Y":
        copy.sdg(0)
    if basis in "XY":
        copy.h(0)
    copy.measure(0, outcome[0])
    return copy


# --- counts ---------------------------------------------------------------------------------------


def _drawn(means: FloatArray, shots: int, seed: int) -> IntArray:
    """Return the counts of (bit, outcome) in Y at each time, (T, 2, 2), from hybrid means."""
    signs = np.array([1.0, -1.0])
    chances = 0.5 * (means[:, :, :1] + signs * means[:, :, 2:3])
    flat = np.round(np.clip(chances.reshape(len(means), 4), 0, 1), 12)
    random = np.random.default_rng(seed)
    counts = random.multinomial(shots, flat / flat.sum(axis=1, keepdims=True))
    return np.asarray(counts.reshape(len(means), 2, 2))


def _counted(
    sampler: BaseSamplerV2,
    circuits: Sequence[QuantumCircuit],
    shots: int,
    pass_manager: PassManager | None,
) -> IntArray:
    """Run dynamic circuits and return the counts of (bit, outcome), (T, 2, 2)."""
    compiled = list(circuits) if pass_manager is None else pass_manager.run(list(circuits))
    results = sampler.run([(circuit,) for circuit in compiled], shots=shots).result()
    counts = np.zeros((len(compiled), 2, 2), dtype=np.int64)
    for place, result in enumerate(results):
        bits = result.data.memory.array[..., 0] & 1  # x is the register's low bit
        outcomes = result.data.outcome.array[..., 0] & 1
        np.add.at(counts[place], (bits, outcomes), 1)
    return counts


def _estimated(
    memristor: Memristor, bit: LeakyBit, times: FloatArray, counts: IntArray
) -> Trajectory:
    """Return V and I of counts (T, 2, 2): I is the mean of ±½ s Γ_x over the shots."""
    shots = counts.sum(axis=(1, 2))
    half = 0.5 * memristor.current_scale
    own = memristor.rate.at_frequency(memristor.omega).value(times)
    rates = own[:, None] + np.array([bit.quiet_rate, bit.clicked_rate])
    worth = np.array([half, -half])
    voltages = np.broadcast_to(worth, counts.shape)
    currents = rates[:, :, None] * worth
    # Half a shot in each place: what was never seen is no certainty.
    chances = (counts + 0.5) / (shots + 2)[:, None, None]
    seen = counts / shots[:, None, None]

    def mean(values: FloatArray, weights: FloatArray) -> FloatArray:
        return np.asarray((values * weights).sum(axis=(1, 2)))

    def covariance(first: FloatArray, second: FloatArray) -> FloatArray:
        product = mean(first * second, chances)
        return np.asarray((product - mean(first, chances) * mean(second, chances)) / shots)

    variances = covariance(currents, currents)
    return Trajectory(
        times,
        mean(voltages, seen)[:, None],
        mean(currents, seen)[:, None],
        voltage_error=np.sqrt(covariance(voltages, voltages))[:, None],
        current_error=np.sqrt(variances)[:, None],
        current_covariance=np.diag(variances)[None],
        voltage_current_covariance=np.diag(covariance(voltages, currents))[None],
        variables={"clicked": seen[:, 1].sum(axis=1)[:, None]},
        periods=np.array([memristor.period]),
        units=_units(memristor),
        provenance={"method": "run_shotwise", "shots": int(shots[0]), "bit": repr(bit)},
    )


def _hybrid(
    memristor: Memristor, bit: LeakyBit, times: FloatArray, means: FloatArray, method: str
) -> Trajectory:
    """Return the trajectory of hybrid means (T, 2, 4)."""
    half = 0.5 * memristor.current_scale
    own = memristor.rate.at_frequency(memristor.omega).value(times)
    rates = own[:, None] + np.array([bit.quiet_rate, bit.clicked_rate])
    parts = half * means[:, :, 2]
    return Trajectory(
        times,
        parts.sum(axis=1)[:, None],
        (rates * parts).sum(axis=1)[:, None],
        states=density_matrices(means.sum(axis=1)),
        variables={
            "clicked": means[:, 1, :1],
            "voltage_quiet": parts[:, :1],
            "voltage_clicked": parts[:, 1:],
            "decay_rate": (rates * means[:, :, 0]).sum(axis=1)[:, None],
        },
        periods=np.array([memristor.period]),
        units={
            **_units(memristor),
            "decay_rate": memristor_units(Network([memristor]))["decay_rate"],
        },
        provenance={"method": method, "bit": repr(bit)},
    )


def _units(memristor: Memristor) -> dict[str, str]:
    given = memristor_units(Network([memristor]))
    return {name: given[name] for name in ("times", "voltage", "current")} | {"clicked": "1"}
