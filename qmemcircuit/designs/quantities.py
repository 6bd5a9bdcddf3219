"""What can be differentiated, maximised, or held: one number of a model at given times each.

To add one, write a class with the method of `Quantity`: its value, and the `Seeds` that say how it
moves with what is read off the solution.
"""

# More than 400 lines: one small class for each quantity, which are read side by side.

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from qmemcircuit.analysis.loop_geometry import window_matrix
from qmemcircuit.circuits.channels.pauli_maps import density_matrices, pauli_means
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import ComplexArray, FloatArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import signed_concurrence
from qmemcircuit.designs.loop_gradients import LoopShape, NoDerivativeError, measure_shape
from qmemcircuit.designs.solution import Seeds, Solution, pair_places
from qmemcircuit.results.trajectory import Trajectory

Normalisation = Literal["max"] | None
FLIP = np.fliplr(np.diag([-1.0, 1.0, 1.0, -1.0]))
"""Y⊗Y."""


@runtime_checkable
class Quantity(Protocol):
    """One number of a solution, with its derivatives.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> isinstance(designs.FormFactor(), designs.Quantity)
    True
    """

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the value, and how it moves; NoDerivativeError (a ValueError) where it cannot."""
        ...


# --- loops --------------------------------------------------------------------------------------


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
        if len(self.wanted.times) != len(solution.times):
            raise ValueError(
                f"Argument wanted must have the times of the model, but it has "
                f"{len(self.wanted.times)} and the model {len(solution.times)}."
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


# --- single readings ----------------------------------------------------------------------------


@data_object
@dataclass(frozen=True)
class Reading:
    """V or I of one device at the time with this index.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> found = qm.gradient(memristor, times, designs.Reading("voltage", index=3), ["b"])
    >>> found.value.shape
    ()
    """

    series: Literal["voltage", "current"]
    index: int
    device: int = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the value and its seeds."""
        values = getattr(solution, self.series)
        _check_device(solution, self.device)
        if not -len(values) <= self.index < len(values):
            raise ValueError(
                f"Argument index must be of one of the {len(values)} times, but {self.index} was "
                "given."
            )
        one = np.zeros_like(values)
        one[self.index, self.device] = 1.0
        seeds = Seeds(voltage=one) if self.series == "voltage" else Seeds(current=one)
        return float(values[self.index, self.device]), seeds


# --- entanglement and distance ------------------------------------------------------------------


@data_object
@dataclass(frozen=True)
class PeakConcurrence:
    """The largest signed concurrence λ1 − λ2 − λ3 − λ4 of a pair over the times after t = 0.

    Where it is positive it is the concurrence; below 0 the pair is separable throughout, and it
    still says how far. Its derivative does not exist where two times share the largest.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> found = qm.gradient(
    ...     pair,
    ...     [0.0, 2.0, 4.0],
    ...     designs.PeakConcurrence(),
    ...     ["couplings.0.strength"],
    ...     splitting="strang",
    ... )
    >>> bool(found.derivatives["couplings.0.strength"] > 0)
    True
    """

    pair: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the largest value and its seeds."""
        values = _signed(solution, self.pair)
        later = np.flatnonzero(solution.times > 0)
        index = int(later[np.argmax(values[later])])
        return float(values[index]), _concurrence_seeds(solution, self.pair, {index: 1.0})


@data_object
@dataclass(frozen=True)
class ConcurrenceAt:
    """The signed concurrence of a pair at the time with this index (see `PeakConcurrence`).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> found = qm.gradient(
    ...     pair,
    ...     [0.0, 2.0, 4.0],
    ...     designs.ConcurrenceAt(1),
    ...     ["couplings.0.strength"],
    ...     splitting="strang",
    ... )
    >>> bool(found.derivatives["couplings.0.strength"] > 0)
    True
    """

    index: int
    pair: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the value and its seeds."""
        values = _signed(solution, self.pair)
        index = range(len(values))[self.index]
        return float(values[index]), _concurrence_seeds(solution, self.pair, {index: 1.0})


@data_object
@dataclass(frozen=True)
class MeanConcurrence:
    """The concurrence of a pair, averaged over the times by the trapezoidal rule.

    Where the pair is separable it counts 0; at the instants of death and birth it bends, which a
    derivative of the average does not feel unless a time falls on one.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> found = qm.gradient(
    ...     pair,
    ...     [0.0, 2.0, 4.0],
    ...     designs.MeanConcurrence(),
    ...     ["couplings.0.strength"],
    ...     splitting="strang",
    ... )
    >>> bool(found.derivatives["couplings.0.strength"] > 0)
    True
    """

    pair: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the average and its seeds."""
        values = _signed(solution, self.pair)
        steps = np.diff(solution.times)
        weights = np.zeros(len(values))
        weights[1:] += 0.5 * steps
        weights[:-1] += 0.5 * steps
        weights /= weights.sum()
        entangled = {int(k): float(weights[k]) for k in np.flatnonzero(values > 1e-9)}
        value = float(sum(weight * values[k] for k, weight in entangled.items()))
        return value, _concurrence_seeds(solution, self.pair, entangled)


@data_object
@dataclass(frozen=True, eq=False)
class DistanceTo:
    """Trace distance ½‖ρ − ρ'‖₁ to the state of a reference at the time with this index.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> weaker = qm.Memristor(qm.SquidRate(0.3), a=0.8, b=0.6)
    >>> found = qm.gradient(
    ...     memristor, times, designs.DistanceTo(qm.exact_circuit(weaker, times)), ["rate.gamma0"]
    ... )
    >>> bool(found.value > 0)
    True
    """

    reference: Trajectory
    index: int = -1

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the distance and its seeds."""
        if self.reference.states is None:
            raise ValueError("Argument reference must hold states, but it holds none.")
        states = density_matrices(solution.means[[self.index]])[0]
        apart, vectors = np.linalg.eigh(states - self.reference.states[self.index])
        if np.min(np.abs(apart)) < 1e-12:
            raise NoDerivativeError(
                "Argument quantity must have a derivative, but an eigenvalue of the states' "
                f"difference is {float(np.min(np.abs(apart))):.2g}, where its size bends."
            )
        slope = 0.5 * (vectors * np.sign(apart)) @ vectors.conj().T
        means = np.zeros_like(solution.means)
        means[self.index] = _mean_gradient(slope)
        return float(0.5 * np.abs(apart).sum()), Seeds(means=means)


# --- what a design may not cheat on -------------------------------------------------------------


@data_object
@dataclass(frozen=True)
class DecayIntegral:
    """∫Γ dt of one memristor over its first period.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> found = qm.gradient(memristor, times, designs.DecayIntegral(), ["rate.gamma0"])
    >>> bool(abs(found.value - 0.4 * found.derivatives["rate.gamma0"]) < 1e-9)  # proportional to γ0
    True
    """

    device: int = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the integral and its seeds."""
        _check_device(solution, self.device)
        item = solution.network.memristors[self.device]
        return float(item.decay_integral(0.0, item.period)), Seeds(decay={self.device: 1.0})


@data_object
@dataclass(frozen=True)
class CouplingStrength:
    """The largest eigenvalue's size of one coupling's H/ħ, in 1/time: |g| of a native one.

    At no coupling its derivative does not exist (NoDerivativeError).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> float(
    ...     qm.gradient(
    ...         pair, [0.0, 2.0], designs.CouplingStrength(), ["couplings.0.strength"]
    ...     ).value
    ... )
    0.06
    """

    coupling: int = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the strength and its seeds."""
        couplings = solution.network.couplings
        if not 0 <= self.coupling < len(couplings):
            raise ValueError(
                f"Argument coupling must be one of the model's {len(couplings)}, but "
                f"{self.coupling} was given."
            )
        energies, vectors = np.linalg.eigh(couplings[self.coupling][1].hamiltonian())
        k = int(np.argmax(np.abs(energies)))
        if energies[k] == 0:
            raise NoDerivativeError(
                "Argument quantity must have a derivative, but the coupling's strength is 0."
            )
        slope = np.sign(energies[k]) * np.outer(vectors[:, k], vectors[:, k].conj())
        return abs(float(energies[k])), Seeds(hamiltonians={self.coupling: slope})


# --- helpers ------------------------------------------------------------------------------------


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
        _check_device(solution, device)
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


def _check_device(solution: Solution, device: int) -> None:
    count = len(solution.network.memristors)
    if not 0 <= device < count:
        raise ValueError(
            f"Argument device must be one of the model's {count} memristors, but {device} was "
            "given."
        )


def _column(like: FloatArray, column: int, values: FloatArray) -> FloatArray:
    found = np.zeros_like(like)
    found[:, column] = values
    return found


def _check_pair(solution: Solution, pair: Sequence[int]) -> None:
    count = len(solution.network.memristors)
    if pair[0] == pair[1] or not all(0 <= j < count for j in pair):
        raise ValueError(
            f"Argument pair must name two of the model's {count} memristors, but {tuple(pair)} was "
            "given."
        )


def _pair_states(solution: Solution, pair: tuple[int, int]) -> ComplexArray:
    _check_pair(solution, pair)
    return density_matrices(solution.means[:, pair_places(pair)])


def _signed(solution: Solution, pair: tuple[int, int]) -> FloatArray:
    return signed_concurrence(_pair_states(solution, pair))


def _concurrence_seeds(
    solution: Solution, pair: tuple[int, int], weights: dict[int, float]
) -> Seeds:
    """Return the seeds of Σ weight·(signed concurrence) over times.

    R = ρ(YY)ρ*(YY) has the eigenvalues λ²; dλ = l†dR r/(2λ l†r). Those below 1e-7 are left out: a
    root bends at 0, but there dR vanishes as well for states that stay of lower rank.
    """
    means = np.zeros_like(solution.means)
    places = pair_places(pair)
    indices = np.array(list(weights))
    if not len(indices):
        return Seeds(means=means)
    states = _pair_states(solution, pair)[indices]
    flipped = FLIP @ states.conj() @ FLIP
    squares, right = np.linalg.eig(states @ flipped)
    order = np.argsort(-squares.real, axis=1)
    squares = np.take_along_axis(squares, order, axis=1)
    right = np.take_along_axis(right, order[:, None, :], axis=2)
    roots = np.sqrt(np.maximum(squares.real, 0.0))
    with np.errstate(all="ignore"):
        left = np.linalg.inv(right)
    signs = np.array([1.0, -1.0, -1.0, -1.0]) * np.array(list(weights.values()))[:, None]
    factors = np.where(roots > 1e-7, signs / (2 * np.where(roots > 1e-7, roots, 1.0)), 0.0)
    # d(Σ f λ²) = Tr(E dR) with E = right·f·left; dR = dρ ρ~ + ρ dρ~.
    inner = (right * factors[:, None, :]) @ left
    direct = flipped @ inner
    mirrored = (FLIP @ (inner @ states) @ FLIP).conj()
    slope = direct + mirrored
    slope = 0.5 * (slope + slope.conj().swapaxes(1, 2))
    means[np.ix_(indices, np.array(places))] = _mean_gradient(slope)
    return Seeds(means=means)


def _mean_gradient(slopes: ComplexArray) -> FloatArray:
    """Return ∂/∂(Pauli means) of a number with d = Re Tr(slope dρ), (…, 4^k)."""
    return np.asarray(pauli_means(slopes) / slopes.shape[-1])
