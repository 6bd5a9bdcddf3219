"""One collision: amplitude damping by an ancilla, as probability, gates and Kraus operators.

Over [t0, t1] the excited state decays with p = 1 − exp(−∫Γ dt). An ancilla in |0> is rotated by
CRY(θ), controlled by the system, and a CNOT back from the ancilla flips the system; tracing the
ancilla out leaves amplitude damping with p = sin²(θ/2). In Qiskit's convention, RY(θ) rotates by
θ/2, so θ = 2 arccos(e^κ) with κ = −½∫Γ. guo2022 (below Eq. 16) prints θ = arccos(e^κ), which is
the same circuit only if its gate rotates by the full angle; taken literally in Qiskit it
under-damps.

A warm bath is two such meetings, without any random choice or measured ancilla: cooling with p1,
then heating (the same between two X) with p2 make Λ = (1−p1)(1−p2) of the excited population
survive and p2 be added, the coherence shrinks by √Λ. So p2 = τ and 1−p1 = Λ/(1−τ) are generalised
amplitude damping, at any step size: Λ = exp(−(2n̄+1)∫Γ), τ = (1−Λ) n̄/(2n̄+1); for a law n̄(t) see
`qmemcircuit.model.thermal`. Pure dephasing is a flip of the phase with probability
½(1 − exp(−∫Γφ)): RY on an ancilla, then CZ.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.checks import ComplexArray, FloatArray, check_choice, check_real
from qmemcircuit.common.states import IDENTITY, PAULI_Z
from qmemcircuit.model.drives import as_law
from qmemcircuit.model.laws.rates import DecayRate, finite_results
from qmemcircuit.model.memristors import Memristor, bath_exchange

CollisionForm = Literal["compact", "paper"]
CollisionKind = Literal["cool", "heat", "dephase"]
"""What one meeting with an ancilla does with probability p: takes the excitation away, gives one,
or flips the phase."""
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
ROUNDING = 1e-12
"""Of ∫Γ: where all that was taken is back it may come out just below 0."""
MOST_PLACES = 10**6
"""Times at which the sign of a rate is looked at in one call."""


def damping_probability(memristor: Memristor, start: float, stop: float) -> float:
    """Return p = 1 − exp(−∫Γ dt) over [start, stop], as `damping_probabilities` does for many."""
    return float(damping_probabilities(memristor, np.array([start]), np.array([stop]))[0])


def damping_probabilities(
    memristor: Memristor, starts: FloatArray, stops: FloatArray
) -> FloatArray:
    """Return p = 1 − exp(−∫Γ dt) over each [start, stop], shape (n,), exact at any step size.

    Raises ValueError where Γ is negative anywhere in a step that starts after 0. From 0 to t a
    negative Γ is legal as long as ∫Γ ≥ 0: the memristor has at t what amplitude damping with this
    p leaves, and what it was given back before t had been taken from it. So `ancilla="merged"`
    runs laws with memory, and ValueError names the first t with ∫Γ < 0. The
    integral is exact; the sign is checked at 33 irregular times in every period of the memristor
    (at least 33 in each step), at the ends and between the law's breakpoints, so a much shorter
    negative dip without them can pass unseen. A law that is `never_negative` by its form is not
    searched.
    """
    return np.asarray(-np.expm1(-_loss_integrals("rate", memristor.law, memristor, starts, stops)))


def _loss_integrals(
    name: str, law: DecayRate, memristor: Memristor, starts: FloatArray, stops: FloatArray
) -> FloatArray:
    """Return the integrals of Γ or Γφ over each step, once its sign is looked at.

    `law` is that at the memristor's frequency.
    """
    integrals = finite_results("integral", law.integral(starts, stops), stops)
    integrals = np.where(np.abs(integrals) < ROUNDING, np.abs(integrals), integrals)
    if getattr(law, "never_negative", False) and integrals.min(initial=0.0) >= 0:
        return np.asarray(integrals)
    lengths = stops - starts
    # No array of many millions where thousands of steps are many periods long.
    periods = max(1.0, float(lengths.max(initial=0.0)) / memristor.period)
    count = 33 * math.ceil(periods)
    if starts.size > 1 and starts.size * count > MOST_PLACES:
        middle = starts.size // 2
        halves = (slice(None, middle), slice(middle, None))
        parts = [_loss_integrals(name, law, memristor, starts[k], stops[k]) for k in halves]
        return np.concatenate(parts)
    # Multiples of the golden ratio fill the step evenly and keep step with no periodic law.
    places = np.concatenate([[0.0, 1.0], np.arange(count) * GOLDEN_RATIO % 1.0])
    instants = starts[:, None] + lengths[:, None] * places
    rates = finite_results("value", law.value(instants), instants)
    if np.any(gains := (starts == 0) & (integrals < 0)):
        first = int(np.argmax(gains))
        known = stops[(starts == 0) & (integrals >= 0) & (stops < stops[first])]
        begins = _first_gain(law, float(known.max(initial=0.0)), float(stops[first]))
        raise ValueError(
            f"Argument {name} must not be negative for so long that more comes back than was "
            f"taken, but from t = 0 to {stops[first]:.9g} its integral is {integrals[first]:.3g}: "
            f"that is no map of states, and is none from t = {begins:.6g} on. Stop before this "
            "time, or use a law whose integral from 0 is never negative."
        )
    smallest = np.where(starts == 0, 0.0, np.minimum(rates.min(axis=1, initial=np.inf), integrals))
    cuts = np.asarray(getattr(law, "breakpoints", ()), dtype=float)
    if cuts.size:
        edges = np.unique(np.concatenate([cuts, starts, stops]))
        middles = 0.5 * (edges[1:] + edges[:-1])
        between = law.value(middles) if middles.size else middles
        for place in np.flatnonzero(between < 0):
            here = (starts > 0) & (starts < middles[place]) & (middles[place] < stops)
            smallest[here] = np.minimum(smallest[here], between[place])
    if np.any(smallest < 0):
        first = int(np.argmax(smallest < 0))
        raise ValueError(
            f"Argument {name} must not be negative, but within the step from t = "
            f"{starts[first]:g} to {stops[first]:g} it falls to {smallest[first]:.3g}. A "
            "collision with a fresh "
            "ancilla only takes excitation away (a CP-divisible map); a negative rate gives some "
            "back, for which the ancilla would have to remember. For one memristor "
            "ancilla='merged' makes one collision of all of [0, t], which is legal while "
            "the integral from 0 is not negative; memory_network gives a LorentzianRate the memory "
            "qubit that remembers; master_equation integrates any rate."
        )
    return integrals


def _first_gain(law: DecayRate, good: float, bad: float) -> float:
    """Return the first time at which the integral from 0 turns negative, between two times.

    Of dips shorter than 1/256 of the interval the first may be passed over.
    """
    places = np.linspace(good, bad, 257)
    places[-1] = bad
    k = max(1, int(np.argmax(law.integral(np.zeros(places.size), places) < 0)))
    low, high = places[k - 1], places[k]
    for _ in range(50):
        middle = 0.5 * (low + high)
        if float(law.integral(np.zeros(1), np.array([middle]))[0]) < 0:
            high = middle
        else:
            low = middle
    return float(high)


def bath_probabilities(
    memristor: Memristor, starts: FloatArray, stops: FloatArray
) -> dict[CollisionKind, FloatArray]:
    """Return what the bath does over each [start, stop]: the probability of each meeting, (n,).

    In their order; only what this memristor has. Exact at any step size. Raises as
    `damping_probabilities`.
    """
    found: dict[CollisionKind, FloatArray] = {
        "cool": damping_probabilities(memristor, starts, stops)
    }
    if memristor.occupation != 0.0:
        loss, heated = bath_exchange(memristor, starts, stops)
        # 1 − p1 = Λ/(1 − τ): nothing is left where the bath did all it can.
        found["cool"] = np.clip((-np.expm1(-loss) - heated) / (1 - heated), 0.0, 1.0)
        found["heat"] = heated
    if memristor.dephasing != 0.0:
        law = as_law(memristor.dephasing, memristor.omega)
        lost = _loss_integrals("dephasing", law, memristor, starts, stops)
        found["dephase"] = np.asarray(-0.5 * np.expm1(-lost))
    return found


def collision_angle(probability: float) -> float:
    """Return θ = 2 arcsin √p, the CRY angle of a collision with damping probability p."""
    p = check_real("probability", probability, minimum=0)
    if p > 1:
        raise ValueError(f"Argument probability must be at most 1, but {p:g} was given.")
    return 2 * math.asin(math.sqrt(p))


def collision_circuit(
    probability: float, *, form: CollisionForm = "compact", kind: CollisionKind = "cool"
) -> QuantumCircuit:
    """Return the collision of system (qubit 0) with an ancilla in |0> (qubit 1).

    `"paper"` is guo2022's Fig. 2: CRY(θ), then CNOT, three two-qubit gates once CRY is compiled.
    `"compact"` has two: RY(−θ/2), CZ, RY(θ/2) take the ancilla's |0> where CRY(θ) takes it (the
    rotations cancel for a system in |0> and add up to RY(θ) for one in |1>). Both give the same
    channel on the system. `kind`: what it does with that probability; a phase flip has one
    two-qubit gate and no other form.

    >>> collision_circuit(0.1).num_nonlocal_gates()
    2
    """
    check_choice("form", form, ("compact", "paper"))
    check_choice("kind", kind, ("cool", "heat", "dephase"))
    theta = collision_angle(probability)
    circuit = QuantumCircuit(2, name="collision")
    if kind == "dephase":
        circuit.ry(theta, 1)
        circuit.cz(0, 1)
        return circuit
    if kind == "heat":
        circuit.x(0)
    if form == "paper":
        circuit.cry(theta, 0, 1)
    else:
        circuit.ry(-theta / 2, 1)
        circuit.cz(0, 1)
        circuit.ry(theta / 2, 1)
    circuit.cx(1, 0)
    if kind == "heat":
        circuit.x(0)
    return circuit


def damping_kraus(probability: float, kind: CollisionKind = "cool") -> list[ComplexArray]:
    """Return the Kraus operators of a meeting: of amplitude damping to |0> where it cools.

    These are diag(1, √(1−p)) and √p |0><1|; with 0 and 1 exchanged where it heats; √(1−p) and √p Z
    where it dephases.
    """
    p = check_real("probability", probability, minimum=0)
    if kind == "dephase":
        return [np.asarray(math.sqrt(1 - p) * IDENTITY), np.asarray(math.sqrt(p) * PAULI_Z)]
    keep = np.array([[1, 0], [0, math.sqrt(1 - p)]], dtype=complex)
    lose = np.array([[0, math.sqrt(p)], [0, 0]], dtype=complex)
    if kind == "heat":
        return [np.asarray(keep[::-1, ::-1]), np.asarray(lose[::-1, ::-1])]
    return [keep, lose]
