"""Resets that err on a device: how often, measured, and which circuits undo that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.options import AncillaPool
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.circuits.samplers import as_target
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_integer, check_work
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import trace_distance
from qmemcircuit.counts.means import measured_labels
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.resets import (
    MOST_RESETS,
    PREPARATIONS,
    ResetCalibration,
    inversion_price,
)
from qmemcircuit.devices.target import DeviceTarget, scheduled_device
from qmemcircuit.simulation.exact import circuit_states

RESET_STREAM = 3_000_000
"""Random stream of the calibration circuits, beyond those of a measurement."""


def measure_resets(target: Target, memristors: int, *, shots: int) -> ResetCalibration:
    """Measure how often resets of the memristors' ancillas leave |1>, with five short circuits.

    Each ancilla is read after |0>, after |1>, after each of them and a reset, and after |1> and
    two resets; all ancillas at once.

    Args:
        target: the target of the run with its layout fixed, `target.place(circuits)`: of M
            memristors with one ancilla each (`ancilla="reset"`).
        memristors: their number M.
        shots: of each of the five circuits. r is known to about √(2 e/shots), e the readout's
            flips of |0>: 0.1 % at 20 000 shots and 1 %.

    Give the result to `Mitigation(resets=…)`. Raises ValueError for a target without qubits to
    choose, without a layout, or without `reset`.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit.runs.jobs.services import fake_backend
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    >>> target = qm.device(fake_backend("FakeTorino"), seed=1, reset_error=0.05)
    >>> placed = target.place(qm.build_circuits(memristor, [0.5, 1.0]))
    >>> bool(abs(measure_resets(placed, 1, shots=10**6).errors[0] - 0.05) < 0.005)
    True
    """
    check_arguments(measure_resets, locals(), own=("target",))
    count = check_integer("memristors", memristors, minimum=1)
    check_work("memristors", count, 100, "qubits")
    shots = check_integer("shots", shots, minimum=1)
    target = as_target(target)
    placement = scheduled_device(target, "a calibration of resets").placement
    if placement is None or len(placement.qubits) < 2 * count:
        raise ValueError(
            f"Argument target must have a layout of {count} memristors with an ancilla each, but "
            f"it has {'none' if placement is None else len(placement.qubits)}; give "
            "target.place(circuits) with ancilla='reset'."
        )
    ancillas = placement.qubits[count : 2 * count]
    own = target.place_on(ancillas, "resets are calibrated").independent(RESET_STREAM)
    found = np.zeros((count, len(PREPARATIONS), 2), dtype=np.int64)
    for place, counts in enumerate(own.count(_reset_circuits(count), shots)):
        for outcome, seen in counts.items():
            for ancilla in range(count):
                found[ancilla, place, outcome >> ancilla & 1] += seen
    return ResetCalibration(found)


def _reset_circuits(count: int) -> list[QuantumCircuit]:
    """Return the circuits of `PREPARATIONS`, on all ancillas at once."""
    circuits = []
    for excited, resets in ((False, 0), (True, 0), (False, 1), (True, 1), (True, 2)):
        circuit = QuantumCircuit(count, count)
        if excited:
            circuit.x(range(count))
        for _ in range(resets):
            circuit.reset(range(count))
        circuit.measure(range(count), range(count))
        circuits.append(circuit)
    return circuits


def flipped_resets(circuits: CircuitSet, mitigation: Mitigation) -> list[tuple[int, ...]]:
    """Return which resets an X follows in each of the 2^R circuits that stand for one.

    Raises:
        ValueError: for more than four resets, and for a calibration of other ancillas.
    """
    count = circuits.resets
    if mitigation.resets is None or not count:
        return [()]
    memristors = len(circuits.network.memristors)
    if count > MOST_RESETS:
        raise ValueError(
            f"Argument resets must be None for circuits with more than {MOST_RESETS} resets, but "
            f"these have {count}: 2^{count} circuits would stand for each; give "
            "splitting='compiled' for a pair, ancilla='merged' for one memristor, or "
            "ancilla='fresh'."
        )
    if mitigation.resets.ancillas != memristors or circuits.ancilla.size != 1:
        raise ValueError(
            f"Argument resets must be a calibration of one ancilla for each of {memristors} "
            f"memristors, but it is of {mitigation.resets.ancillas} and these circuits use "
            f"{circuits.ancilla.describe()}; give ancilla='reset' and measure_resets(…) of the "
            "same model."
        )
    return [
        tuple(reset for reset in range(count) if variant >> reset & 1)
        for variant in range(2**count)
    ]


def reset_errors(circuits: CircuitSet, mitigation: Mitigation) -> FloatArray:
    """Return the measured error of each reset of the circuits, (R,); empty where none is undone."""
    count = len(flipped_resets(circuits, mitigation)).bit_length() - 1
    if mitigation.resets is None or not count:
        return np.zeros(0)
    return mitigation.resets.errors[np.arange(count) % mitigation.resets.ancillas]


@data_object
@dataclass(frozen=True, eq=False)
class ResetChoice:
    """What is done about resets that err, chosen by predicted cost before the run.

    Attributes:
        name: `"recycled"` (as they are), `"doubled"`, `"inverted"` or `"fresh"`.
        ancilla: for `run(…, ancilla=…)`.
        mitigation: for `run(…, mitigation=…)`: with the calibration where errors are inverted.
        costs: predicted of each that can run: what the resets and a share of the other noise leave
            in trace distance, joined with the shots'.
        left_out: for each that cannot, why.

    >>> import qmemcircuit as qm
    >>> import numpy as np
    >>> choice = qm.ResetChoice(
    ...     "fresh",
    ...     qm.AncillaPool(None),
    ...     qm.Mitigation((1, 3)),
    ...     {"fresh": 0.01, "recycled": 0.03},
    ...     {},
    ... )
    >>> min(choice.costs, key=choice.costs.get)
    'fresh'
    """

    name: str
    ancilla: AncillaPool
    mitigation: Mitigation
    costs: Mapping[str, float]
    left_out: Mapping[str, str]

    def __post_init__(self) -> None:
        check_fields(self)

    def describe(self) -> dict[str, Any]:
        """Return the choice and the others' costs as JSON values."""
        return {
            "chosen": self.name,
            "predicted": dict(self.costs),
            "left_out": dict(self.left_out),
        }

    def __str__(self) -> str:
        """Return why."""
        listed = ", ".join(f"{name}: {cost:.4f}" for name, cost in self.costs.items())
        others = "".join(f"; {name} left out, {why}" for name, why in self.left_out.items())
        return f"{self.name}, for it has the least predicted cost ({listed}{others})"


def choose_resets(
    circuits: CircuitSet,
    target: Target,
    calibration: ResetCalibration,
    *,
    shots: int,
    mitigation: Mitigation,
) -> ResetChoice:
    """Choose the cheapest remedy for resets that fail.

    None, a second reset, inversion of what the failures do, or fresh ancillas without resets.

    The cost of each is the larger one, at the last time and the middle one, of the trace distance
    √((R + κN)² + (γS)²):

    - R is what the remaining reset error makes of the state: all of the measured r, that after two
      resets, its standard error where it is inverted, none with fresh ancillas;
    - N is what all calibrated noise does, and κ the part that mitigation leaves: all without
      extrapolation, the declared drift with it;
    - S = ½ √(Σ variances of all Pauli means) is that of the shots, and γ the price of the inverse.

    Args:
        circuits: of `build_circuits`, with `ancilla="reset"`.
        target: made by `device` or `ibm`; each choice gets its own best layout unless one is given.
        calibration: of `measure_resets`, on the ancillas of these circuits.
        shots: of each time in all, in the settings of `circuits`.
        mitigation: as it would be declared without inverting resets.

    Raises:
        ValueError: where nothing can run.

    >>> import numpy as np
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> counts = np.full((1, 5, 2), 500)
    >>> counts[0, :, 1] = [10, 990, 20, 30, 25]
    >>> circuits = qm.build_circuits(memristor, [0.5, 1.0], bases="XY")
    >>> choice = qm.choose_resets(
    ...     circuits,
    ...     qm.device(FakeManilaV2(), seed=1),
    ...     qm.ResetCalibration(counts),
    ...     shots=1000,
    ...     mitigation=qm.Mitigation((1, 3)),
    ... )
    >>> choice.name == min(choice.costs, key=choice.costs.get)
    True
    """
    check_arguments(choose_resets, locals(), own=("target",))
    shots = check_integer("shots", shots, minimum=1)
    device = replace(
        scheduled_device(as_target(target), "ancilla='best'"), coherent_errors=None, reset_error=0.0
    )
    last = len(circuits.times) - 1
    only = sorted({last // 2, last})
    exact = circuit_states(circuits)[only]
    extrapolated = len(mitigation.factors) > 1 or mitigation.predicts
    left = mitigation.drift if extrapolated else 1.0
    inverse = replace(mitigation, resets=calibration)
    twice = np.clip(calibration.by_input[0][:, 2], 0.0, 1.0)
    rivals = {
        "recycled": (AncillaPool(1), mitigation, float(calibration.errors.max())),
        "doubled": (AncillaPool(1, resets=2), mitigation, float(twice.max())),
        "inverted": (AncillaPool(1), inverse, float(calibration.uncertainties.max())),
        "fresh": (AncillaPool(None), mitigation, 0.0),
    }
    costs: dict[str, float] = {}
    left_out: dict[str, str] = {}
    for name, (ancilla, declared, error) in rivals.items():
        own = replace(circuits, options=replace(circuits.options, ancilla=ancilla))
        try:
            price = inversion_price(reset_errors(own, declared))
            placed = device.place(own.branches[0])
            noisy = _mean_states(own, placed, only)
            worse = noisy
            if own.resets and error > 0:
                worse = _mean_states(own, replace(placed, reset_error=min(error, 1.0)), only)
        except ValueError as reason:
            left_out[name] = str(reason)
            continue
        bias = trace_distance(worse, noisy) + left * trace_distance(noisy, exact)
        spread = price * _shot_distance(circuits.bases, shots)
        costs[name] = float(np.hypot(bias.max(), spread))
    if not costs:
        listed = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise ValueError(
            f"Argument target must run these circuits in some way, but it cannot: {listed}."
        )
    best = min(costs, key=costs.__getitem__)
    return ResetChoice(best, rivals[best][0], rivals[best][1], costs, left_out)


def _mean_states(circuits: CircuitSet, device: DeviceTarget, only: list[int]) -> ComplexArray:
    found = [device.noisy_states(branch, only=only)[0] for branch in circuits.branches]
    return np.asarray(np.mean(found, axis=0))


def _shot_distance(bases: Sequence[str], shots: int) -> float:
    """Return ½ √(Σ variances of the measured Pauli means) of `shots` shared over the settings.

    Of means near 0: half of the norm that bounds a trace distance from linear inversion.
    """
    each = shots / len(bases)
    settings = [
        sum(all(a in ("I", b) for a, b in zip(label, basis, strict=True)) for basis in bases)
        for label in measured_labels(bases)
    ]
    return 0.5 * math.sqrt(sum(1 / (each * count) for count in settings))
