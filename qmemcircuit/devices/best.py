"""`form="best"`: every form of a model's circuits, predicted from the calibration before the run.

No form wins everywhere, and a sum of calibrated errors does not know which qubits are best: it
takes every error as harmful as every other. So of each choice of ancillas the `MOST_PLACEMENTS`
best-ranked layouts are simulated, unless one is given, and the nearest is kept.

Resets take time in which a memristor decoheres; fresh ancillas take
qubits that may be far away, and are all that a device without `reset` can run; the device's own
decay can do part of the damping; and the closed form of a pair is a family of equal circuits that
noise tells apart (`forms`). So each is compiled, placed on its own best qubits and simulated with
the calibrated noise, and the one whose states are nearest to those of the noiseless circuits wins.

A new form is one more entry of `ANCILLAS` or of `HANDLINGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.assembly import most_collisions
from qmemcircuit.circuits.build import CircuitSet, circuits_with
from qmemcircuit.circuits.options import Ancilla, AncillaPool, CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.checks import ComplexArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.absorption import Absorption, absorb_device_decay
from qmemcircuit.devices.ancillas import MOST_QUBITS
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.compilation.folding import UNFOLDED
from qmemcircuit.devices.compilation.placement import Placement
from qmemcircuit.devices.forms import formed_times
from qmemcircuit.devices.noise.calibrated import simulate
from qmemcircuit.devices.target import DeviceTarget, scheduled_device
from qmemcircuit.model.memristors import Model
from qmemcircuit.simulation.exact import circuit_states

BestForm = Literal["best"]

MOST_TIMES = 11
"""Forms are compared at so many times, evenly spread, where circuits do not grow with time."""

MOST_PLACEMENTS = 5
"""Layouts that are simulated for each choice of ancillas: of the 40 best-ranked of FakeTorino,
FakeFez, FakeMarrakesh, FakeKyiv and FakeSherbrooke the nearest in plain form was among the first
five (`hardware.devices`, σyσy)."""

MOST_PLACED = 6
"""Qubits of circuits whose layouts are compared by simulation: a pair with fresh ancillas."""

ANCILLAS: tuple[Ancilla, ...] = (
    "reset",
    AncillaPool(2),
    AncillaPool(3),
    "fresh",
    "merged",
)
"""Which ancillas are tried, each with every handling."""

Adapt = Callable[[CircuitSet, DeviceTarget], tuple[CircuitSet, DeviceTarget, Absorption | None]]


def _plain(
    circuits: CircuitSet, target: DeviceTarget
) -> tuple[CircuitSet, DeviceTarget, Absorption | None]:
    return circuits, replace(target, forms=()).place(circuits), None


def _selected(
    circuits: CircuitSet, target: DeviceTarget
) -> tuple[CircuitSet, DeviceTarget, Absorption | None]:
    if not formed_times(circuits):
        raise ValueError("there are no equal circuits to select from")
    return circuits, replace(target, forms=None).place(circuits), None


def _absorbed(
    circuits: CircuitSet, target: DeviceTarget
) -> tuple[CircuitSet, DeviceTarget, Absorption | None]:
    placed = replace(target, forms=()).place(circuits)
    absorbed, report = absorb_device_decay(circuits, placed)
    return absorbed, placed, report


HANDLINGS: dict[str, Adapt] = {"plain": _plain, "selected": _selected, "absorbed": _absorbed}
"""What is done with the circuits of each choice of ancillas; ValueError where it cannot be."""


@data_object
@dataclass(frozen=True)
class PredictedForm:
    """What one form is predicted to do on a device.

    Attributes:
        distance: the largest trace distance between the noisy states and those of the noiseless
            circuits, before readout, over the times that were compared.
        two_qubit_gates: of the longest circuit.
        duration: of the longest circuit, seconds.
        qubits: physical ones, memristors first.
    """

    distance: float
    two_qubit_gates: int
    duration: float
    qubits: tuple[int, ...]

    def describe(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        return {
            "distance": self.distance,
            "two_qubit_gates": self.two_qubit_gates,
            "duration": self.duration,
            "qubits": list(self.qubits),
        }


@data_object
@dataclass(frozen=True, eq=False)
class ReadyForm:
    """One form, ready to run.

    Attributes:
        circuits: as they run.
        device: the noise model with the form's qubits and circuits.
        absorption: its report, where decay is absorbed.
    """

    circuits: CircuitSet
    device: DeviceTarget
    absorption: Absorption | None


@data_object
@dataclass(frozen=True, eq=False)
class FormChoice:
    """The form with the smallest predicted distance, ready to run, and what the others would do.

    Attributes:
        name: of the chosen one, e.g. `"fresh, plain"`: its ancillas, and what is done with them.
        predicted: of every form that was simulated.
        left_out: for each that was not, why.
        times: at which the forms were compared.
        forms: every form that was simulated, ready to run.
        states: of each of them the noisy states at `times`, before readout.
    """

    name: str
    predicted: dict[str, PredictedForm]
    left_out: dict[str, str]
    times: tuple[float, ...]
    forms: dict[str, ReadyForm]
    states: dict[str, ComplexArray]

    @property
    def chosen(self) -> ReadyForm:
        """The chosen form."""
        return self.forms[self.name]

    def describe(self) -> dict[str, Any]:
        """Return the choice and the losers' predictions as JSON values."""
        return {
            "chosen": self.name,
            "predicted": {name: item.describe() for name, item in self.predicted.items()},
            "left_out": dict(self.left_out),
            "times": list(self.times),
        }

    def __str__(self) -> str:
        """Return the forms in a table, the best first."""
        return "\n".join(describe_choice(self.describe()))


def describe_choice(described: Mapping[str, Any]) -> list[str]:
    """Return the lines of a described choice: the best form first, then what was left out."""
    lines = [f"  form          {described['chosen']}, for its predicted distance is the smallest:"]
    for name, item in sorted(described["predicted"].items(), key=lambda p: p[1]["distance"]):
        lines.append(
            f"    {name:18s} {item['distance']:.4f}, {item['two_qubit_gates']} two-qubit gates, "
            f"{1e6 * item['duration']:.3g} µs, qubits {item['qubits']}"
        )
    lines += [f"    {name:18s} left out: {why}" for name, why in described["left_out"].items()]
    return lines


def choose_form(
    model: Model,
    times: ArrayLike,
    options: CircuitOptions,
    target: Target,
    *,
    absorbable: bool = True,
    skip: Collection[str] = (),
) -> FormChoice:
    """Return the form of the circuits with the smallest predicted distance on a device.

    Args:
        model, times: as in `build_circuits`.
        options: how circuits are built; the ancillas are chosen here.
        target: made by `device` or `ibm`, scheduled. Its layout is kept where one was given.
        absorbable: whether decay may be absorbed: not where it is extrapolated away.
        skip: names of `HANDLINGS` that are not tried.

    The prediction is of the calibration alone, unfolded, unsuppressed and without assumed
    coherent errors, so that all noise factors run the same circuits; the target's `reset_error`
    counts. It is a prediction of states: readout, which `Mitigation` corrects, is left out.
    Differences of a few 1e-3 need not survive the drift of a real device.

    Raises:
        ValueError: where no form can run, with the reason of each.
    """
    device = scheduled_device(target, "form='best'")
    require_predictable(device)
    calibrated = replace(device.unsuppressed(), folding=UNFOLDED, coherent_errors=None, forms=())
    predicted: dict[str, PredictedForm] = {}
    left_out: dict[str, str] = {}
    noisy: dict[str, ComplexArray] = {}
    found: dict[str, ReadyForm] = {}
    reference: ComplexArray | None = None
    only: list[int] = []
    for ancilla, circuits in _circuits(model, times, options, calibrated, left_out):
        if reference is None:
            only = compared_times(circuits)
            reference = circuit_states(circuits)[only]
        try:
            placement = _nearest_placement(circuits, calibrated, only, reference)
        except ValueError as error:
            left_out[ancilla] = str(error)
            continue
        compiled: dict[str, list[CompiledCircuit]] = {}
        for handling, adapt in HANDLINGS.items():
            name = f"{ancilla}, {handling}"
            if handling in skip:
                left_out[name] = "it was not asked for"
                continue
            if handling == "absorbed" and not absorbable:
                left_out[name] = "the declared mitigation extrapolates all decay away"
                continue
            try:
                whole = device if handling == "absorbed" else calibrated
                adapted, placed, report = adapt(circuits, replace(whole, placement=placement))
            except ValueError as error:
                left_out[name] = str(error)
                continue
            bare = replace(calibrated, placement=placed.placement, forms=placed.forms)
            compiled[name] = bare.compile(adapted, measured=False, only=only)
            kept = replace(device, placement=placed.placement, forms=placed.forms)
            found[name] = ReadyForm(adapted, kept, report)
        if not compiled:
            continue
        # All are on the same qubits, whose noise is the slow part: made once.
        assert bare.placement is not None
        every = [item for items in compiled.values() for item in items]
        part, chance = bare.restricted(), bare.reset_error
        states = simulate(every, part, chance, None, save="density_matrix").mean(axis=1)
        for place, (name, items) in enumerate(compiled.items()):
            noisy[name] = states[place * len(only) : (place + 1) * len(only)]
            predicted[name] = PredictedForm(
                float(np.max(trace_distance(noisy[name], reference))),
                max(item.two_qubit_gates for item in items),
                max(item.duration for item in items),
                bare.placement.qubits,
            )
    if not predicted:
        raise ValueError(
            f"Argument form must be possible on {device.backend.name}, but none is: "
            + "; ".join(f"{name}: {why}" for name, why in left_out.items())
            + "; use fewer times or steps, another layout, or a larger device."
        )
    best = min(predicted, key=lambda name: predicted[name].distance)
    where = tuple(float(found[best].circuits.times[index]) for index in only)
    return FormChoice(best, predicted, left_out, where, found, noisy)


def _nearest_placement(
    circuits: CircuitSet, device: DeviceTarget, only: Sequence[int], reference: ComplexArray
) -> Placement:
    """Return the one of the best-ranked placements whose noisy states are nearest.

    Judged by the largest distance at the first, middle and last of the times `only`.
    """
    if device.placement is not None:
        given = device.place(circuits).placement
        assert given is not None
        return given
    most = MOST_PLACEMENTS if circuits.num_qubits <= MOST_PLACED else 1
    ranked = device.placements(circuits, most)
    if len(ranked) == 1:
        return ranked[0]
    places = sorted({0, len(only) // 2, len(only) - 1})
    few = [only[place] for place in places]
    distances = []
    for placement in ranked:
        placed = replace(device, placement=placement, forms=())
        states, _ = placed.noisy_states(circuits, only=few)
        distances.append(float(np.max(trace_distance(states, reference[places]))))
    # Of equal ones, up to rounding, the best-ranked.
    least = min(distances)
    nearest = next(k for k, distance in enumerate(distances) if distance <= least + 1e-9)
    chosen = ranked[nearest]
    return replace(chosen, reason=f"nearest states of {len(ranked)} layouts; {chosen.reason}")


def compared_times(circuits: CircuitSet) -> list[int]:
    """Return the time indices at which forms are compared.

    Where circuits grow with time the noise does too, and the middle and the last are enough.
    """
    last = len(circuits.times) - 1
    if circuits.share_steps:
        return sorted({last // 2, last})
    count = min(last + 1, MOST_TIMES)
    return sorted({round(place) for place in np.linspace(0, last, count)})


def require_predictable(device: DeviceTarget) -> None:
    """Raise ValueError for a device of which a prediction would leave waiting out."""
    if not device.compilation.schedule:
        raise ValueError(
            "Argument target must be scheduled to predict its noise, but schedule=False was given: "
            "without a schedule nothing waits."
        )


def _circuits(
    model: Model,
    times: ArrayLike,
    options: CircuitOptions,
    device: DeviceTarget,
    left_out: dict[str, str],
) -> Iterator[tuple[str, CircuitSet]]:
    """Yield the circuits of every choice of ancillas that the device can hold."""
    names = device.backend.target.operation_names
    collisions = 0
    for ancilla in ANCILLAS:
        try:
            circuits = circuits_with(model, times, replace(options, ancilla=ancilla))
        except ValueError as error:
            if ancilla != "merged":
                raise
            left_out["merged"] = str(error)
            continue
        name = ancilla if isinstance(ancilla, str) else ancilla.describe()
        if not collisions:
            first = circuits.branches[0]
            collisions = most_collisions(first.elements(len(circuits.times) - 1))
        size = circuits.ancilla.size
        if name.startswith("pool") and size is not None and size >= max(collisions, 2):
            left_out[name] = f"the same as fresh for {collisions} collisions"
        elif name == "merged" and len(circuits.branches) > 1:
            left_out[name] = "it takes two circuits for each time"
        elif name != "merged" and size is not None and collisions > size and "reset" not in names:
            left_out[name] = "the device has no reset"
        elif circuits.num_qubits > min(MOST_QUBITS, device.backend.target.num_qubits):
            left_out[name] = f"it needs {circuits.num_qubits} qubits"
        else:
            yield name, circuits
