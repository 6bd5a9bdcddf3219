"""Quantities of one I–V loop: form factor, area, balance of its lobes, agreement with another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from qmemcircuit.analysis.loop_geometry import window_matrix
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import FloatArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.designs.loop_gradients import LoopShape, NoDerivativeError, measure_shape
from qmemcircuit.designs.quantities.quantity import check_device
from qmemcircuit.designs.solution import Seeds, Solution
from qmemcircuit.results.trajectory import Trajectory

Normalisation = Literal["max"] | None


@data_object
@dataclass(frozen=True)
class FormFactor:
    """F = 4πS/P² of one loop, as `find_loops(…, normalise=…)` measures it, exact.

    Its derivative does not exist where a stretch of the loop is retraced (a lobe appears or
    vanishes there) and where two samples share the largest |V| or |I|. The window [nT, (n+1)T] is
    held when ω moves, and moves with `time_scale`.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> found = qm.gradient(memristor, times, designs.FormFactor(), ["rate.gamma0"])
    >>> bool(0 < found.value < 0.5)  # ½ is the most that two equal lobes can have
    True
    """

    device: int = 0
    loop: int = 0
    normalise: Normalisation = "max"

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return F and its seeds."""
        window = _window(solution, self.device, self.loop, self.normalise)
        shape = window.differentiable_shape()
        value = 4 * math.pi * shape.area / shape.perimeter**2
        gradient = 4 * math.pi * shape.area_gradient / shape.perimeter**2
        gradient = gradient - 2 * value / shape.perimeter * shape.perimeter_gradient
        return value, window.seeds(gradient)


@data_object
@dataclass(frozen=True)
class LobeArea:
    """The enclosed area S of one loop, all lobes summed, by default in units of V times I.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> bool(
    ...     qm.gradient(memristor, times, designs.LobeArea(), ["rate.gamma0"]).derivatives[
    ...         "rate.gamma0"
    ...     ]
    ...     > 0
    ... )
    True
    """

    device: int = 0
    loop: int = 0
    normalise: Normalisation = None

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return S and its seeds."""
        window = _window(solution, self.device, self.loop, self.normalise)
        shape = window.differentiable_shape()
        return shape.area, window.seeds(shape.area_gradient)


@data_object
@dataclass(frozen=True)
class LobeBalance:
    """Area of the second largest lobe over the largest one's, as `Loop.balance`: 0 for one lobe.

    Its derivative does not exist where the second or third largest lobes are equal, nor where a
    lobe appears: there is none on the side of one lobe (NoDerivativeError).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> bool(0 < qm.gradient(memristor, times, designs.LobeBalance(), ["rate.gamma0"]).value < 1)
    True
    """

    device: int = 0
    loop: int = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the ratio and its seeds."""
        # A ratio of areas is the same in any axes: those of the form factor, if that is asked too.
        window = _window(solution, self.device, self.loop, "max")
        shape = window.differentiable_shape()
        if len(shape.lobes) < 2:
            raise NoDerivativeError(
                "Argument quantity must have a derivative, but the loop has one lobe: its balance "
                "is 0 on this side of where the second one appears."
            )
        first, second = shape.lobes[:2]
        value = second / first
        gradient = (shape.lobe_gradients[1] - value * shape.lobe_gradients[0]) / first
        return value, window.seeds(gradient)


@data_object
@dataclass(frozen=True, eq=False)
class LoopAgreement:
    """−RMS distance of V and I from a wanted trajectory at the same times, in units of its maxima.

    0 where they agree. At exact agreement the root has no derivative (NoDerivativeError).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> wanted = qm.exact_circuit(memristor, times)
    >>> float(
    ...     qm.gradient(
    ...         qm.Memristor(qm.SquidRate(0.3), a=0.8, b=0.6),
    ...         times,
    ...         designs.LoopAgreement(wanted),
    ...         ["rate.gamma0"],
    ...     ).value
    ... ) < 0
    True
    """

    wanted: Trajectory
    device: int = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the negative distance and its seeds."""
        check_device(solution, self.device)
        steps, held = self.wanted.voltage.shape
        if steps != len(solution.times) or self.device >= held:
            raise ValueError(
                f"Argument wanted must hold memristor {self.device} at the {len(solution.times)} "
                f"times of the model, but it holds {held} at {steps}."
            )
        j, seeds, total = self.device, Seeds(), 0.0
        pulls = {}
        for name in ("voltage", "current"):
            wanted = getattr(self.wanted, name)[:, j]
            scale = float(np.abs(wanted).max()) or 1.0
            apart = (getattr(solution, name)[:, j] - wanted) / scale
            total += float(np.mean(apart**2))
            pulls[name] = apart / scale / len(apart)
        distance = math.sqrt(total)
        if distance < 1e-12:
            raise NoDerivativeError(
                "Argument quantity must have a derivative, but the loops agree exactly."
            )
        seeds.voltage = _column(solution.voltage, j, -pulls["voltage"] / distance)
        seeds.current = _column(solution.current, j, -pulls["current"] / distance)
        return -distance, seeds


def _window(solution: Solution, device: int, loop: int, normalise: Normalisation) -> _Window:
    """Return the window, which all quantities of one solution share."""
    key = ("window", device, loop, normalise)
    found: _Window = solution.remembered(key, lambda: _Window(solution, device, loop, normalise))
    return found


class _Window:
    """One period of a device's loop: its polygon, and the way back from it."""

    def __init__(
        self, solution: Solution, device: int, loop: int, normalise: Normalisation
    ) -> None:
        check_device(solution, device)
        self.solution, self.device = solution, device
        period = solution.network.memristors[device].period
        last = round(float(solution.times[-1]) / period, 9)
        loop = check_integer("loop", loop, minimum=0)
        if loop + 1 > last:
            raise ValueError(
                f"Argument times must hold the whole period {loop} of device {device}, but they "
                f"end after {last:g} periods."
            )
        start = loop * period
        self.matrix = window_matrix(solution.times, start, start + period)
        series = np.stack([solution.voltage[:, device], solution.current[:, device]], axis=1)
        self.largest = np.argmax(np.abs(series), axis=0)
        self.signs = np.sign(series[self.largest, [0, 1]])
        self.scale = np.abs(series).max(axis=0) if normalise == "max" else np.ones(2)
        if np.any(self.scale == 0):
            raise NoDerivativeError(
                "Argument quantity must have a derivative, but the signal is 0 at every time."
            )
        self.normalised = normalise == "max"
        self.series = series
        self.curve = (self.matrix @ series) / self.scale

    @cached_property
    def _shape(self) -> LoopShape:
        return measure_shape(self.curve)

    def differentiable_shape(self) -> LoopShape:
        """Return the polygon's sizes; NoDerivativeError where they bend."""
        shape = self._shape
        if shape.kink:
            raise NoDerivativeError(f"Argument quantity must have a derivative, but {shape.kink}.")
        return shape

    def seeds(self, gradient: FloatArray) -> Seeds:
        """Return the seeds of a number with this gradient in the polygon's vertices."""
        pulled = self.matrix.T @ (gradient / self.scale)
        if self.normalised:
            lost = np.sum(gradient * self.curve, axis=0) / self.scale
            pulled[self.largest, [0, 1]] -= lost * self.signs
        return Seeds(
            voltage=_column(self.solution.voltage, self.device, pulled[:, 0]),
            current=_column(self.solution.current, self.device, pulled[:, 1]),
        )


def _column(like: FloatArray, column: int, values: FloatArray) -> FloatArray:
    found = np.zeros_like(like)
    found[:, column] = values
    return found
