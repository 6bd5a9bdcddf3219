"""`absorb_decay=True`: the device's own T1 does part of the damping, the collisions do the rest.

A device's qubit decays from |1> to |0> while a scheduled circuit runs: that is the channel that a
collision is there to make. Amplitude damping composes: with g = −ln(1−p) the model's exponent of
a collision and e = τ/T1 the device's over the time that belongs to it, a collision of exponent
g − e and the device together damp by g. Where the device alone suffices the collision is left
out, and the memristor waits for what is then missing.

What cannot be absorbed is reported: dephasing beyond T1 (a rate 1/T2 − 1/2T1), and a device that
decays faster than the model. The T1 of the calibration is trusted; a drift of T1 by 10 % leaves
10 % of the absorbed exponent as an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Delay

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.splitting import Collision, Element, Operation
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.compilation.folding import UNFOLDED
from qmemcircuit.devices.compilation.instructions import operation_duration, start_times
from qmemcircuit.model.memristors import require_cold

if TYPE_CHECKING:
    from qiskit.transpiler import Target as QiskitTarget

    from qmemcircuit.devices.target import DeviceTarget

NEGLIGIBLE = 1e-3
"""Exponents below are not called excess: a few gates' duration in T1."""

ROUNDS = 4
"""Leaving a collision out shortens the circuit, so it is compiled again, at most so often."""


@data_object
@dataclass(frozen=True, eq=False)
class Absorption:
    """What was absorbed, exponents −ln(probability that |1> survives), each of shape (T, M).

    Attributes:
        model: what the model asks for.
        device: what the device does during the scheduled circuit.
        collisions: what the collisions are left to do.
        excess: device beyond model: cannot be absorbed. 0 where everything could.
        dephasing: (1/T2 − 1/2T1) × duration: coherences lose exp(−dephasing), and nothing
            absorbs it.
        shortest_step: the shortest step, in units of the model's time, for which the device is
            slow enough on average, shape (M,): (duration per collision / T1) / mean Γ.
    """

    model: FloatArray
    device: FloatArray
    collisions: FloatArray
    excess: FloatArray
    dephasing: FloatArray
    shortest_step: FloatArray

    def describe(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        names = ("model", "device", "collisions", "excess", "dephasing", "shortest_step")
        return {name: getattr(self, name).tolist() for name in names}

    def __str__(self) -> str:
        """Return what a person wants to know of it."""
        last = self.model.shape[0] - 1
        lines = []
        for j in range(self.model.shape[1]):
            lines.append(
                f"memristor {j}, last time: the model damps by {self.model[last, j]:.3g}, the "
                f"device by {self.device[last, j]:.3g}, collisions by "
                f"{self.collisions[last, j]:.3g}; excess dephasing {self.dephasing[last, j]:.2g}."
            )
            if self.excess[:, j].max() > 0:
                lines.append(
                    f"  Not absorbed: up to {self.excess[:, j].max():.2g}, for T1 is too short; "
                    f"steps of at least {self.shortest_step[j]:.3g} could be."
                )
        return "\n".join(lines)


def absorb_device_decay(
    circuits: CircuitSet, target: DeviceTarget
) -> tuple[CircuitSet, Absorption]:
    """Return the circuits whose collisions leave out what `target` damps by itself, and a report.

    Args:
        circuits: of `build_circuits`.
        target: made by `device`, scheduled.

    Each time is scheduled, the duration that belongs to each collision is read from the schedule
    (gaps between collisions count half to each neighbour), and exponents are subtracted. Where a
    collision would have to be negative it is left out and its balance goes to the memristor's
    other collisions; for coupled memristors that moves damping in time, a second-order error.

    Raises:
        ValueError: for a target that is not scheduled, does not know T1, or turns memristors over
            while they wait, by decoupling or as IBM's twirling does: T1 then damps |0> for half of
            the time.
    """
    require_cold(circuits.network, "absorb_decay=True, which counts with T1 at zero temperature")
    suppression = target.suppression
    for chosen, option, remedy in (
        (suppression.decoupling is not None, "dynamical decoupling", "dynamical_decoupling=None"),
        (suppression.twirling > 0 and suppression.as_service, "IBM's twirling", "twirling=False"),
    ):
        if chosen:
            raise ValueError(
                f"Argument absorb_decay must be False with {option}, but both were asked for: it "
                "turns a memristor over while it waits, so that the device damps the wrong state "
                f"for half of the time; use {remedy}, or absorb_decay=False."
            )
    if not target.compilation.schedule:
        raise ValueError(
            "Argument target must be scheduled for absorb_decay, but schedule=False was given: "
            "without a schedule the device's decay has no duration."
        )
    # Folded gates last longer, but all noise factors must run the same collisions.
    # And forms are not chosen: decay is absorbed only while the memristor waits in its own basis.
    # Twirled instances have the plain circuit's schedule up to a few pulses.
    plain = replace(suppression, twirling=0)
    placed = replace(target, forms=(), folding=UNFOLDED, suppression=plain).place(circuits)
    part = placed.restricted()
    assert placed.placement is not None
    memristors = len(circuits.network.memristors)
    known = part.qubit_properties
    if known is None or any(known[j] is None or not known[j].t1 for j in range(part.num_qubits)):
        raise ValueError(
            f"Argument target must know T1 of its qubits for absorb_decay, but "
            f"{target.backend.name} does not state it."
        )
    t1 = np.array([known[j].t1 for j in range(part.num_qubits)])
    t2 = np.array([known[j].t2 or 2 * known[j].t1 for j in range(part.num_qubits)])
    shape = (len(circuits.times), memristors)
    model, by_device, by_collisions, dephasing = (np.zeros(shape) for _ in range(4))
    changed = []
    for index in range(shape[0]):
        elements, exponents = _absorb_one(circuits, index, placed, part, t1)
        changed.append(elements)
        model[index], by_device[index], by_collisions[index] = exponents[:3]
        where = exponents[3].astype(int)
        extra = np.maximum(1 / t2[where] - 0.5 / t1[where], 0.0)
        dephasing[index] = exponents[1] * t1[where] * extra
    excess = np.maximum(by_device + by_collisions - model, 0.0)
    # Rounding of a wait to the device's clock, and the preparation at t = 0, are no excess.
    excess[excess < NEGLIGIBLE] = 0.0
    report = Absorption(
        model,
        by_device,
        by_collisions,
        excess,
        dephasing,
        _shortest_step(circuits, model, by_device),
    )
    return replace(circuits, absorbed=tuple(changed)), report


def _absorb_one(
    circuits: CircuitSet, index: int, target: DeviceTarget, part: QiskitTarget, t1: FloatArray
) -> tuple[tuple[Element, ...], FloatArray]:
    """Return the elements for one time, and (model, device, collisions, qubit), shape (4, M)."""
    original = circuits.elements(index)
    memristors = len(circuits.network.memristors)
    wanted = np.array([_exponent(element) for element in original])
    owner = np.array(
        [element.memristor if isinstance(element, Collision) else -1 for element in original]
    )
    total = np.array([wanted[owner == j].sum() for j in range(memristors)])
    left = wanted.copy()
    waits = np.zeros(memristors)
    device = np.zeros(memristors)
    qubit = np.zeros(memristors)
    for _ in range(ROUNDS):
        now = replace(
            circuits, absorbed=_placeholders(circuits, index, original, left, waits, part)
        )
        (compiled,) = target.compile(now, measured=False, only=[index])
        before = left.copy()
        for j in range(memristors):
            place = compiled.system[j]
            qubit[j] = place
            active = np.flatnonzero((owner == j) & (left > 0))
            spans = _spans(compiled, part, place, len(active))
            device[j] = spans.sum() / t1[place]
            own = waits[j] * (part.dt or 0.0) / t1[place]
            wish = np.maximum(wanted[active] - spans / t1[place], 0.0)
            rest = total[j] - device[j]
            if len(active) and rest > 0 and wish.sum() > 0:
                left[active] = wish * rest / wish.sum()
            elif len(active):
                left[active] = 0.0
            else:
                # The device alone: wait for what is missing, if anything is.
                waits[j] = max(0.0, (rest + own) * t1[place] / part.dt) if part.dt else 0.0
                device[j] += waits[j] * (part.dt or 0.0) / t1[place] - own
        if np.array_equal(before > 0, left > 0) and np.allclose(before, left, atol=1e-6):
            break
    collisions = np.array([left[owner == j].sum() for j in range(memristors)])
    elements = _with_exponents(original, left, waits, part)
    return elements, np.array([total, device, collisions, qubit])


def _placeholders(
    circuits: CircuitSet,
    index: int,
    original: Sequence[Element],
    left: FloatArray,
    waits: FloatArray,
    part: QiskitTarget,
) -> tuple[tuple[Element, ...] | None, ...]:
    """Return `CircuitSet.absorbed` with the elements of one time changed."""
    table: list[tuple[Element, ...] | None] = [None] * len(circuits.times)
    table[index] = _with_exponents(original, left, waits, part)
    return tuple(table)


def _with_exponents(
    original: Sequence[Element], left: FloatArray, waits: FloatArray, part: QiskitTarget
) -> tuple[Element, ...]:
    """Return the elements with collisions of the exponents `left`, and the waits at the end."""
    elements: list[Element] = []
    for element, exponent in zip(original, left, strict=True):
        if not isinstance(element, Collision):
            elements.append(element)
        elif exponent > 0:
            elements.append(Collision(element.memristor, -math.expm1(-exponent)))
    step = max(int(part.granularity or 1), 1)
    for j, wait in enumerate(waits):
        ticks = step * round(wait / step)
        if ticks > 0:
            # A Delay is no unitary Gate, but appends, and has the identity as its matrix.
            elements.append(Operation((j,), Delay(ticks, "dt")))
    return tuple(elements)


def _spans(
    compiled: CompiledCircuit, part: QiskitTarget, place: int, collisions: int
) -> FloatArray:
    """Return the duration in seconds that belongs to each of a memristor's collisions.

    One number, the whole duration, where there are no collisions, and equal ones where the
    memristor's gates with its ancillas cannot be told (routed circuits).
    """
    circuit = compiled.circuit
    begin = _first_start(compiled, part, place)
    whole = compiled.duration - begin
    if collisions == 0:
        return np.array([whole])
    starts = start_times(circuit, part)
    middles = []
    for number, instruction in enumerate(circuit.data):
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        name = instruction.operation.name
        if len(places) == 2 and name != "barrier" and place in places:
            other = places[0] if places[1] == place else places[1]
            if other not in compiled.system:
                length = operation_duration(instruction, places, part)
                middles.append(starts[number] + 0.5 * length)
    if len(middles) == 0 or len(middles) % collisions:
        return np.full(collisions, whole / collisions)
    centres = np.array(middles).reshape(collisions, -1).mean(axis=1)
    edges = np.concatenate([[begin], 0.5 * (centres[1:] + centres[:-1]), [begin + whole]])
    return np.asarray(np.diff(edges))


def _first_start(compiled: CompiledCircuit, part: QiskitTarget, place: int) -> float:
    """Return when a qubit's first instruction other than waiting starts: before, it is in |0>."""
    circuit = compiled.circuit
    starts = start_times(circuit, part)
    for number, instruction in enumerate(circuit.data):
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if place in places and instruction.operation.name not in ("delay", "barrier", "rz"):
            return float(starts[number])
    return compiled.duration


def _exponent(element: Element) -> float:
    if not isinstance(element, Collision):
        return 0.0
    # A certain decay has an infinite exponent; exp(−40) is below the rounding of 1.
    return min(-math.log1p(-element.probability), 40.0) if element.probability < 1 else 40.0


def _shortest_step(circuits: CircuitSet, model: FloatArray, device: FloatArray) -> FloatArray:
    """Return (device exponent per collision) / (mean Γ) of the last time, shape (M,)."""
    last = len(circuits.times) - 1
    shortest = np.full(model.shape[1], math.inf)
    elements = circuits.elements(last)
    for j in range(model.shape[1]):
        count = sum(isinstance(item, Collision) and item.memristor == j for item in elements)
        if count and model[last, j] > 0:
            rate = model[last, j] / float(circuits.times[last])
            shortest[j] = device[last, j] / count / rate
    return shortest
