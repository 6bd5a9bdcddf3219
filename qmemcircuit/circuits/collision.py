"""One collision: amplitude damping by an ancilla, as probability, gates and Kraus operators.

Over [t0, t1] the excited state decays with p = 1 − exp(−∫Γ dt). An ancilla in |0> is rotated by
CRY(θ), controlled by the system, and a CNOT back from the ancilla flips the system; tracing the
ancilla out leaves amplitude damping with p = sin²(θ/2). In Qiskit's convention, RY(θ) rotates by
θ/2, so θ = 2 arccos(e^κ) with κ = −½∫Γ. guo2022 (below Eq. 16) prints θ = arccos(e^κ), which is
the same circuit only if its gate rotates by the full angle; taken literally in Qiskit it
under-damps.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.common.checks import ComplexArray, check_choice, check_real
from qmemcircuit.model.memristors import Memristor

CollisionForm = Literal["compact", "paper"]
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def damping_probability(memristor: Memristor, start: float, stop: float) -> float:
    """Return p = 1 − exp(−∫Γ dt) over [start, stop], exact at any step size.

    Raises ValueError where Γ is negative anywhere in the step. The integral is exact; the sign
    is checked at 33 irregular times in every period of the memristor (at least 33), at the ends
    and between the law's breakpoints, so a much shorter negative dip without them can pass
    unseen.
    """
    integral = float(memristor.decay_integral(start, stop))
    cuts = np.asarray(getattr(memristor.rate, "breakpoints", ()), dtype=float)
    edges = np.concatenate([[start], cuts[(cuts > start) & (cuts < stop)], [stop]])
    count = 33 * max(1, math.ceil((stop - start) / memristor.period))
    # Multiples of the golden ratio fill the step evenly and keep step with no periodic law.
    places = np.concatenate([[0.0, 1.0], np.arange(count) * GOLDEN_RATIO % 1.0])
    places = np.concatenate([start + (stop - start) * places, 0.5 * (edges[1:] + edges[:-1])])
    smallest = float(np.min(memristor.decay_rate(places)))
    if smallest < 0 or integral < 0:
        raise ValueError(
            f"Argument rate must not be negative, but within the step from t = {start:g} to "
            f"{stop:g} it falls to {min(smallest, integral):.3g}. A collision with a fresh "
            "ancilla only takes excitation away (a CP-divisible map); a negative rate gives some "
            "back, for which the ancilla would have to remember. Use a rate ≥ 0, or "
            "master_equation, which can integrate it."
        )
    return -math.expm1(-integral)


def collision_angle(probability: float) -> float:
    """Return θ = 2 arcsin √p, the CRY angle of a collision with damping probability p."""
    p = check_real("probability", probability, minimum=0)
    if p > 1:
        raise ValueError(f"Argument probability must be at most 1, but {p:g} was given.")
    return 2 * math.asin(math.sqrt(p))


def collision_circuit(probability: float, *, form: CollisionForm = "compact") -> QuantumCircuit:
    """Return the collision of system (qubit 0) with an ancilla in |0> (qubit 1).

    `"paper"` is guo2022's Fig. 2: CRY(θ), then CNOT, three two-qubit gates once CRY is compiled.
    `"compact"` has two: RY(−θ/2), CZ, RY(θ/2) take the ancilla's |0> where CRY(θ) takes it (the
    rotations cancel for a system in |0> and add up to RY(θ) for one in |1>). Both give the same
    channel on the system.

    >>> collision_circuit(0.1).num_nonlocal_gates()
    2
    """
    check_choice("form", form, ("compact", "paper"))
    theta = collision_angle(probability)
    circuit = QuantumCircuit(2, name="collision")
    if form == "paper":
        circuit.cry(theta, 0, 1)
    else:
        circuit.ry(-theta / 2, 1)
        circuit.cz(0, 1)
        circuit.ry(theta / 2, 1)
    circuit.cx(1, 0)
    return circuit


def damping_kraus(probability: float) -> list[ComplexArray]:
    """Return the Kraus operators of amplitude damping to |0>: diag(1, √(1−p)) and √p |0><1|."""
    p = check_real("probability", probability, minimum=0)
    keep = np.array([[1, 0], [0, math.sqrt(1 - p)]], dtype=complex)
    lose = np.array([[0, math.sqrt(p)], [0, 0]], dtype=complex)
    return [keep, lose]
