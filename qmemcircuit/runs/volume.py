"""`memristor_volume`: one number for how well a processor engineers dissipation.

A chain of N memristors is measured over P periods. The cell (N, P) is passed where

- every V_k at every time agrees with its reference within their combined errors (Bonferroni over
  all of them: a perfect device fails in at most 5 % of cells), *and*
- every memristor's I–V loop of every period is certified open: "no loop" is rejected at 95 %.

The volume is the largest N × P of a passed cell, of those that follow on passed smaller ones. Each
condition guards the other: large errors pass the first and fail the second, and a device that
returns noise or the fully mixed state has V_k that are not those of the chain. Shots are part of
the definition: with more, smaller errors of the device are seen, and the volume falls. With few it
is no proof of the physics: a perfect device without dissipation may pass a small cell at 1000 shots
(`experiments/hardware/volume.py` measures how often, and for which other physics).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.resources import allow_large
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.model.couplings import Native
from qmemcircuit.model.graphs import chain
from qmemcircuit.model.laws.rates import SquidRate
from qmemcircuit.model.memristors import Memristor, Network
from qmemcircuit.results.estimation import mitigate
from qmemcircuit.results.trajectory import Trajectory
from qmemcircuit.runs.execution import run
from qmemcircuit.runs.jobs.protocols import Submittable
from qmemcircuit.runs.planning import Plan
from qmemcircuit.runs.voltages import predict_voltages
from qmemcircuit.runs.volume_jobs import MITIGATION, Measure, measured_by_jobs, planned_cell
from qmemcircuit.simulation.master_equation import master_equation
from qmemcircuit.simulation.propagation import PauliPropagation
from qmemcircuit.simulation.trajectories import simulate_circuit

GAMMA0, STRENGTH = 0.02, 1 / 15
"""Of the chain: guo2022's Γ and our inferred coupling, in units of ω; all start in (|e>+|g>)/√2."""

POINTS, STEPS = 10, 4
"""Times and Strang steps of a period: the splitting moves V by at most 0.007."""

LEVEL = 0.05
"""What a perfect device may fail each of the two conditions with."""

SIZES: tuple[int, ...] = (2, 3, 4, 6, 8, 12, 16, 20)
"""From two on: one memristor alone takes two two-qubit gates at any t, and every device has it."""

PERIODS: tuple[int, ...] = (1, 2, 3, 4, 6, 8)

EXACT_UP_TO = 5
"""Memristors whose reference is the master equation; beyond, Pauli propagation with its error."""


@data_object
@dataclass(frozen=True, eq=False)
class VolumeCell:
    """One chain of N memristors over P periods.

    Attributes:
        memristors, periods: N and P.
        deviation: the largest |V − reference| in combined standard errors; None if not measured.
        allowed: how large it may be, by Bonferroni over all times and memristors.
        open_loops: how many of the N·P loops are certified open.
        failure: why nothing was measured, "" where it was.

    >>> import qmemcircuit as qm
    >>> (
    ...     qm.VolumeCell(2, 1, deviation=1.0, allowed=3.0, open_loops=2).passed,
    ...     qm.VolumeCell(2, 1, failure="no pair is coupled").passed,
    ... )
    (True, False)
    """

    memristors: int
    periods: int
    deviation: float | None = None
    allowed: float | None = None
    open_loops: int = 0
    failure: str = ""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def passed(self) -> bool:
        """Whether both conditions hold."""
        every = self.open_loops == self.memristors * self.periods
        if self.deviation is None or self.allowed is None:
            return False
        return self.deviation <= self.allowed and every

    def __str__(self) -> str:
        """Return the cell as one line."""
        start = f"{self.memristors:3d} memristors, {self.periods} periods"
        if self.deviation is None or self.allowed is None:
            return f"{start}: not measured: {self.failure}"
        word = "passed" if self.passed else "failed"
        return (
            f"{start}: {word}; V off by up to {self.deviation:.2g} errors, {self.allowed:.2g} "
            f"allowed; {self.open_loops} of {self.memristors * self.periods} loops open"
        )


@data_object
@dataclass(frozen=True)
class MemristorVolume:
    """The staircase that a device climbs; `value` is its largest passed N × P, 0 for none.

    `cells` are those tried, in their order.

    >>> import qmemcircuit as qm
    >>> volume = qm.MemristorVolume(
    ...     "own", (qm.VolumeCell(2, 1, deviation=1.0, allowed=3.0, open_loops=2),)
    ... )
    >>> volume.value  # two memristors over one period
    2
    """

    name: str
    cells: tuple[VolumeCell, ...]

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def value(self) -> int:
        """The largest N × P of the passed cells."""
        return max(
            (cell.memristors * cell.periods for cell in self.cells if cell.passed), default=0
        )

    @property
    def staircase(self) -> dict[int, int]:
        """The largest number of memristors passed at each number of periods that was tried."""
        tried = sorted({cell.periods for cell in self.cells})
        return {
            periods: max(
                (c.memristors for c in self.cells if c.periods == periods and c.passed), default=0
            )
            for periods in tried
        }

    def __str__(self) -> str:
        """Return the staircase, each period a row, and the cells behind it."""
        lines = [f"memristor volume of {self.name}: {self.value}"]
        for periods, memristors in self.staircase.items():
            lines.append(f"  {periods} periods  {'█' * memristors}{memristors}")
        return "\n".join([*lines, *(f"  {cell}" for cell in self.cells)])


def memristor_volume(
    target: Target | Measure,
    *,
    sizes: Sequence[int] = SIZES,
    periods: Sequence[int] = PERIODS,
    shots: int = 1000,
    progress: Callable[[VolumeCell], None] = lambda cell: None,
    folder: str | os.PathLike[str] | None = None,
    wait: float = math.inf,
    confirm: Callable[[Plan], bool] | None = None,
) -> MemristorVolume:
    """Return the largest chain, times periods, that a device shows as it should.

    Args:
        target: made by `device` (the noise model, `predict_voltages`) or `ibm` (jobs), any other
            target that runs circuits (counts, readout corrected), or a function (network, times,
            steps) → `Trajectory` with errors that measures by itself: a laboratory's own.
        sizes: numbers of memristors, increasing; each is tried where the one before passed.
        periods: numbers of periods, increasing; each up to the largest chain that passed the one
            before.
        shots: of each circuit, part of the definition; noise is amplified where it can be.
        progress: called with each cell.
        folder: of the jobs of `ibm`, one submission for each cell. Cells that are there are not
            measured again: the same call goes on after an interruption. None: a new one.
        wait: at most so many seconds for the jobs of each cell.
        confirm: as in `submit`, asked with the plan of each cell before it is sent.

    A cell that cannot be measured (too few qubits, too long) ends its row and says why. Raises
    ValueError for sizes or periods that do not increase from at least 1, and RuntimeError where
    jobs are not done or a plan is declined.

    >>> from qiskit_ibm_runtime.fake_provider import FakeManilaV2
    >>> import qmemcircuit as qm
    >>> volume = qm.memristor_volume(qm.device(FakeManilaV2(), seed=1), sizes=(2,), periods=(1,))
    >>> len(volume.cells)
    1
    """
    check_arguments(memristor_volume, locals(), own=("target",), infinite=("wait",))
    shots = _check_stairs(sizes, periods, shots)
    wait = check_real("wait", wait, minimum=0) if wait != math.inf else wait
    if isinstance(target, Submittable):
        kept = [_cell_of(size, number)[:2] for number in periods for size in sizes]
        measure = measured_by_jobs(target, shots, folder, kept, wait=wait, confirm=confirm)
        label = str(target.describe()["name"])
    elif folder is None and confirm is None:
        measure, label = _measure_on(target, shots)
    else:
        raise TypeError(
            "Argument target must take jobs where folder or confirm is given, but "
            f"{target!r} was given; ibm(name) does."
        )
    cells: list[VolumeCell] = []
    most = max(sizes)
    for number in periods:
        reached = 0
        for size in sizes:
            if size > most:
                break
            cells.append(_cell(measure, size, number))
            progress(cells[-1])
            if not cells[-1].passed:
                break
            reached = size
        most = reached
        if not reached:
            break
    return MemristorVolume(label, tuple(cells))


def plan_volume(
    target: Submittable, *, sizes: Sequence[int], periods: Sequence[int], shots: int
) -> Iterator[tuple[int, int, Plan | str]]:
    """Yield memristors, periods and plan of every cell that may be sent, or why it cannot be."""
    shots = _check_stairs(sizes, periods, shots)
    for number in periods:
        for size in sizes:
            network, times, steps = _cell_of(size, number)
            try:
                found: Plan | str = planned_cell(network, times, steps, target=target, shots=shots)
            except ValueError as error:
                found = " ".join(str(error).split())
            yield size, number, found


def _check_stairs(sizes: Sequence[int], periods: Sequence[int], shots: int) -> int:
    """Return the number of shots; ValueError where sizes or periods do not increase."""
    for name, values in (("sizes", sizes), ("periods", periods)):
        numbers = [check_integer(name, value, minimum=1) for value in values]
        if not numbers or numbers != sorted(set(numbers)):
            raise ValueError(
                f"Argument {name} must increase from at least 1, but {list(values)} was given."
            )
    return check_integer("shots", shots, minimum=2)


def volume_chain(memristors: int) -> Network | Memristor:
    """Return the chain that the volume is defined on; a single memristor for 1."""
    item = Memristor(SquidRate(GAMMA0), a=math.pi / 4)
    return chain([item] * memristors, Native("y", STRENGTH)) if memristors > 1 else item


def _measure_on(target: Target | Measure, shots: int) -> tuple[Measure, str]:
    """Return how a target measures V and I, and its name."""
    if isinstance(target, DeviceTarget):
        device = target

        def predicted(network: Network, times: FloatArray, steps: int) -> Trajectory:
            return predict_voltages(
                network,
                times,
                target=device,
                shots=shots,
                splitting="strang",
                steps=steps,
                mitigation=MITIGATION,
                kept=PauliPropagation(10, 1e-4),
            )

        return predicted, str(device.describe()["name"])
    if isinstance(target, Target):
        other = target

        def counted(network: Network, times: FloatArray, steps: int) -> Trajectory:
            # Readout alone: not every target's noise can be amplified.
            found = run(
                network,
                times,
                target=other,
                shots=shots,
                bases="Y",
                splitting="strang",
                steps=steps,
                mitigation=Mitigation(),
            )
            return mitigate(found, current="current_operator")

        return counted, str(other.describe()["name"])
    if callable(target) and not isinstance(target, type):
        return target, getattr(target, "__name__", "own measurement")
    raise TypeError(
        f"Argument target must be a target or a function that measures, but {target!r} was given; "
        "device(backend, seed=1) is one."
    )


def _cell(measure: Measure, memristors: int, periods: int) -> VolumeCell:
    """Measure one cell and judge it."""
    network, times, steps = _cell_of(memristors, periods)
    reference = _reference(network, times)
    try:
        measured = measure(network, times, steps)
    except ValueError as error:
        return VolumeCell(memristors, periods, failure=" ".join(str(error).split()))
    return judge_cell(measured, reference, memristors, periods)


def _cell_of(memristors: int, periods: int) -> tuple[Network, FloatArray, int]:
    """Return network, times and Strang steps of a cell."""
    model = volume_chain(memristors)
    network = model if isinstance(model, Network) else Network([model])
    return network, network.periods(periods, points=POINTS), STEPS * periods


def _reference(network: Network, times: FloatArray) -> Trajectory:
    """Return the truth: the master equation, or a finely split circuit with its error."""
    if len(network.memristors) <= EXACT_UP_TO:
        return master_equation(network, times)
    steps = 3 * STEPS * max(1, round(float(times[-1]) / network.period))
    kept = PauliPropagation(6, 3e-5)
    with allow_large():  # a reference that says little says so by its error
        return simulate_circuit(network, times, method=kept, splitting="strang", steps=steps)


def judge_cell(
    measured: Trajectory, reference: Trajectory, memristors: int, periods: int
) -> VolumeCell:
    """Return the cell of a measured trajectory: agreement of every V_k, and every loop."""
    if not isinstance(measured, Trajectory):
        raise TypeError(
            f"Argument target must return a Trajectory, but {type(measured).__name__} came back; "
            "predict_voltages and estimate return one."
        )
    if measured.voltage_error is None:
        raise ValueError(
            "Argument target must measure with errors, but its trajectory has none; without them "
            "nothing is certified."
        )
    squared = measured.voltage_error**2
    if reference.voltage_error is not None:
        squared = squared + reference.voltage_error**2
    apart = np.abs(measured.voltage - reference.voltage)
    deviation = np.divide(apart, np.sqrt(squared), out=np.zeros_like(apart), where=apart > 0)
    allowed = float(norm.isf(LEVEL / (2 * apart.size)))
    loops = [loop for k in range(memristors) for loop in find_loops(measured, k) if _is_open(loop)]
    return VolumeCell(memristors, periods, float(deviation.max()), allowed, len(loops))


def _is_open(loop: Any) -> bool:
    return loop.no_loop_p_value is not None and loop.no_loop_p_value < LEVEL
