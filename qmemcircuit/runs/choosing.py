"""`choose_device`: which device, qubits, form and method reach a demand for a given price.

For every device all forms of the circuits are predicted from its calibration (`choose_form`); the
best one is then judged by each method at the declared number of shots: raw counts, readout
corrected, straight-line extrapolation of noise factors 1 and 3, and extrapolation shaped by a
calibration that has drifted (`predicted_distances`). What counts is the largest trace distance to
the master equation over the times, with shot noise, which 95 % of repetitions do not exceed.

Where the raw states of a device miss the demand, before readout, it is said which calibrated
number would have to be better, and by how much (`needed_improvements`), whether a method reaches
it or not.

It is as good as the calibrations are. Crosstalk, leakage, coherent errors, errors of resets and
drift are in none of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.options import AnySplitting, CircuitOptions
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import check_boolean, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.devices.best import choose_form
from qmemcircuit.devices.improvements import needed_improvements
from qmemcircuit.devices.target import scheduled_device
from qmemcircuit.model.memristors import Model, as_network
from qmemcircuit.runs.predicted_distances import METHODS, predicted_distances
from qmemcircuit.simulation.master_equation import master_equation


@data_object
@dataclass(frozen=True, eq=False)
class DevicePrediction:
    """What one device is predicted to do with a model.

    Attributes:
        device: its name.
        form: the choice of the form and the losers (`FormChoice.describe`); None where none runs.
        unlimited: for each method the largest trace distance to the master equation with unlimited
            shots; under `"before readout"` that of the raw states without readout errors.
        limited: for each method the same with the budget's shots, which 95 % of runs stay below.
        left_out: methods that the device cannot do, with why.
        reason: why the device cannot run the model, "" where it can.
        needed: where the raw distance before readout misses the demand, the factor by which T1 and
            T2, two-qubit errors, or both would have to be better to reach it; None where none is
            enough. Whether a method reaches it all the same is in `limited`.

    >>> import qmemcircuit as qm
    >>> unfit = qm.DevicePrediction("fake_small", None, {}, {}, {}, reason="it has no reset")
    >>> unfit.reason
    'it has no reset'
    """

    device: str
    form: Mapping[str, Any] | None
    unlimited: Mapping[str, float]
    limited: Mapping[str, float]
    left_out: Mapping[str, str]
    reason: str = ""
    needed: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def best(self) -> tuple[str, float]:
        """The method with the smallest distance at the budget, and that distance."""
        if not self.limited:
            return "none", math.inf
        method = min(self.limited, key=lambda name: self.limited[name])
        return method, self.limited[method]

    @property
    def improvement(self) -> str:
        """Which calibrated number would bring raw states to the demand; "" where they are there."""
        if not self.needed:
            return ""
        enough = [
            f"{name} {factor:.2g} times better"
            for name, factor in self.needed.items()
            if factor is not None
        ]
        vain = [name for name, factor in self.needed.items() if factor is None]
        said = f"raw states ({self.unlimited['before readout']:.4f} before readout) would reach it "
        said += f"with {', or '.join(enough)}" if enough else "with nothing better alone"
        return said + (f"; {' and '.join(vain)} alone would not." if enough and vain else ".")


@data_object
@dataclass(frozen=True, eq=False)
class DeviceChoice:
    """Devices compared for a model, a demand and a budget; `print` gives the table and the choice.

    Attributes:
        predictions: of each device, the best first.
        demand: the largest trace distance to the master equation that is allowed.
        executions: the budget, executions of circuits at each time, for all settings and factors.

    >>> import qmemcircuit as qm
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> choice = qm.choose_device(
    ...     memristor,
    ...     [0.3],
    ...     [qm.device(FakeManilaV2(), seed=1)],
    ...     demand=0.05,
    ...     executions=10_000,
    ...     splitting="lie",
    ... )
    >>> choice.demand, choice.executions
    (0.05, 10000)
    """

    predictions: tuple[DevicePrediction, ...]
    demand: float
    executions: int

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def reached(self) -> bool:
        """Whether some device and method stays within the demand."""
        return self.predictions[0].best[1] <= self.demand

    @property
    def verdict(self) -> str:
        """What to use; where nothing reaches the demand, what would."""
        first = self.predictions[0]
        if first.form is None:
            return "no device can run this model."
        method, distance = first.best
        chosen = first.form["predicted"][first.form["chosen"]]
        said = (
            f"{first.device}, qubits {chosen['qubits']}, form {first.form['chosen']}, {method}: "
            f"{distance:.4f}"
        )
        wanted = first.improvement
        if wanted:
            wanted = f" Its {wanted}"
        if self.reached:
            return f"{said}, within {self.demand:g}.{wanted}"
        return f"nothing reaches {self.demand:g}; nearest is {said}. {self._remedy()}{wanted}"

    def _remedy(self) -> str:
        """Say which of more shots and less noise would reach the demand."""
        wanted: dict[str, int] = {}
        least = math.inf
        for item in self.predictions:
            for method, bias in item.unlimited.items():
                if method not in item.limited:
                    continue
                least = min(least, bias)
                if bias < self.demand:
                    # Shot noise falls as 1/√shots; what it adds to the bias is counted in full.
                    share = (item.limited[method] - bias) / (self.demand - bias)
                    wanted[f"{item.device}, {method}"] = math.ceil(self.executions * share**2)
        if wanted:
            name = min(wanted, key=wanted.__getitem__)
            return f"About {wanted[name]:,} executions a time would ({name})."
        return (
            f"With unlimited shots the smallest is {least:.4f}: noise {least / self.demand:.2g} "
            "times smaller would."
        )

    def __str__(self) -> str:
        """Return the table, and the verdict."""
        lines = [
            f"largest trace distance to the master equation; {self.executions:,} executions a time",
            f"{'device':18s} {'form':18s} gates    µs  before readout     raw  "
            "raw/read/line/shaped at the budget (95 %)",
        ]
        for item in self.predictions:
            if item.form is None:
                lines.append(f"{item.device:18s} cannot: {item.reason}")
                continue
            chosen = item.form["predicted"][item.form["chosen"]]
            budget = " / ".join(f"{value:.4f}" for value in item.limited.values())
            lines.append(
                f"{item.device:18s} {item.form['chosen']:18s} {chosen['two_qubit_gates']:5d} "
                f"{1e6 * chosen['duration']:5.2f} {item.unlimited['before readout']:15.4f} "
                f"{item.unlimited['raw']:7.4f}  {budget}"
            )
        return "\n".join([*lines, self.verdict])


def choose_device(
    model: Model,
    times: ArrayLike,
    targets: Sequence[Target],
    *,
    demand: float,
    executions: int,
    splitting: AnySplitting = "compiled",
    select_forms: bool = True,
) -> DeviceChoice:
    """Predict a model of one or two memristors on every device and say which to take.

    Args:
        model, times, splitting: as in `run`; all nine settings of a pair are measured (three of
            one memristor).
        targets: of `device` or `ibm`; nothing runs on them.
        demand: largest trace distance to the master equation that is allowed, above 0.
        executions: executions of circuits at each time that may be paid for: settings and noise
            factors share them.
        select_forms: whether equal circuits of a pair are selected from, too (slowest).

    Raises:
        ValueError: for more than two memristors, no targets, and a budget below one shot of each
            setting and noise factor.

    >>> import qmemcircuit as qm
    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> choice = qm.choose_device(
    ...     memristor,
    ...     [0.3],
    ...     [qm.device(FakeManilaV2(), seed=1)],
    ...     demand=0.05,
    ...     executions=10_000,
    ...     splitting="lie",
    ... )
    >>> choice.predictions[0].device
    'fake_manila'
    """
    check_arguments(choose_device, locals(), own=("targets",))
    network = as_network(model)
    count = len(network.memristors)
    limit = check_real("demand", demand)
    if limit <= 0:
        raise ValueError(f"Argument demand must be above 0, but {demand:g} was given.")
    if count > 2:
        raise ValueError(
            f"Argument model must have one or two memristors, whose states are reconstructed, but "
            f"it has {count}."
        )
    if not isinstance(targets, Sequence) or not targets:
        raise ValueError(
            f"Argument targets must hold devices, but {targets!r} was given; "
            "[device(FakeTorino())] is one."
        )
    for target in targets:
        if not isinstance(target, Target):
            raise TypeError(
                f"Argument targets must hold targets, but {target!r} is none; "
                "[device(FakeTorino())] holds one."
            )
    total = check_integer("executions", executions, minimum=1)
    fewest = 3**count * max(len(method.factors) for method in METHODS.values())
    if total < fewest:
        raise ValueError(
            f"Argument executions must pay for a shot of each of {3**count} settings at each noise "
            f"factor, {fewest} at least, but {total} was given."
        )
    options = CircuitOptions("tomography", splitting=splitting)
    skip = () if check_boolean("select_forms", select_forms) else ("selected",)
    predictions = []
    for target in targets:
        device = scheduled_device(target, "a choice of devices")
        try:
            choice = choose_form(model, times, options, device, skip=skip)
        except ValueError as error:
            predictions.append(DevicePrediction(device.backend.name, None, {}, {}, {}, str(error)))
            continue
        reference = master_equation(network, np.asarray(choice.times)).states
        assert reference is not None
        judged = predicted_distances(choice, reference, total)
        needed = needed_improvements(choice, reference, limit)
        name = device.backend.name
        predictions.append(DevicePrediction(name, choice.describe(), *judged, needed=needed))
    ordered = sorted(predictions, key=lambda item: item.best[1])
    return DeviceChoice(tuple(ordered), limit, total)
