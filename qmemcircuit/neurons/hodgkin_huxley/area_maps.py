"""Maps of the quantized Hodgkin–Huxley neuron's loop area over two or more parameters."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray, check_integer
from qmemcircuit.neurons.hodgkin_huxley.membrane import gate_rates
from qmemcircuit.neurons.hodgkin_huxley.quantized import (
    QuantizedNeuron,
    impedance_at,
)

if TYPE_CHECKING:
    import xarray


def two_branch_area(drive: ArrayLike, response: ArrayLike) -> FloatArray:
    """Return the area enclosed by one period of a response to a sinusoidal drive.

    Args:
        drive: shape (P + 1,), one period of −cos: lowest at both ends, P even, and symmetric
            about its middle, so that the rising and the falling branch share their values.
        response: shape (P + 1, …), the response at the same instants.

    The area is that of the polygon through the points, its lobes counted positive: between two
    values of the drive the branches bound a trapezium, or two triangles where they cross. A
    response that has not settled leaves a gap at the lowest drive, closed by its chord, which
    has no width there. Much faster than `find_loops`, and only for single-valued branches.
    """
    check_arguments(two_branch_area, locals())
    x = np.asarray(drive, dtype=float)
    y = np.asarray(response, dtype=float)
    half = (x.size - 1) // 2
    spread = np.ptp(x) if x.size else 0.0
    if x.ndim != 1 or x.size % 2 == 0 or x.size < 3 or y.shape[:1] != x.shape:
        raise ValueError(
            "Argument drive must have shape (P + 1,) with P even, and response the same axis 0, "
            f"but shapes {x.shape} and {y.shape} were given."
        )
    # 1e-9 of the spread: rounding of a period's end is 1e-13, a shifted window 1e-3.
    if np.abs(x - x[::-1]).max() > 1e-9 * spread or np.any(np.diff(x[: half + 1]) <= 0):
        raise ValueError(
            "Argument drive must rise from its minimum to its middle and fall back the same way, "
            "but it does not; start the window a quarter period before the drive's rising zero."
        )
    gap = y[: half + 1] - y[::-1][: half + 1]
    left, right = np.abs(gap[:-1]), np.abs(gap[1:])
    crosses = gap[:-1] * gap[1:] < 0
    sums = np.where(left + right > 0, left + right, 1.0)
    mean = np.where(crosses, (left**2 + right**2) / (2 * sums), (left + right) / 2)
    widths = np.diff(x[: half + 1]).reshape(-1, *([1] * (y.ndim - 1)))
    return np.asarray((mean * widths).sum(axis=0))


MOST_PERIODS = 10_000
MOST_POINTS = 10**6
"""Of one period of the drive."""


def map_loop_area(
    neuron: QuantizedNeuron,
    axes: Mapping[str, Sequence[float] | FloatArray],
    *,
    settle_periods: int = 6,
    points: int = 200,
) -> xarray.DataArray:
    """Return the area of the voltage–current loop over a grid of the neuron's parameters.

    All points of the grid are integrated at once with the exponential midpoint rule: in each
    step the gates relax exactly at the voltage of the step's middle. It is of second order and
    stable for any rate; the tests measure its order against `simulate_quantized`.

    Args:
        neuron: the parameters that the axes do not name.
        axes: parameter name -> values, numbers only (not gates, matching or units).
        settle_periods: periods that pass before the loop is taken, from the drive's minimum on.
        points: steps a period, a multiple of 4.

    Returns:
        DataArray with the axes as dimensions, in mV·mA (= µW; "paper" units) or V·A ("SI").
    """
    check_arguments(map_loop_area, locals())
    if points > MOST_POINTS:
        raise ValueError(
            f"Argument points must be at most {MOST_POINTS:,}, but {points:,} was given; 200 are "
            "usual."
        )
    import xarray

    check_integer("settle_periods", settle_periods, minimum=1)
    if settle_periods > MOST_PERIODS:
        raise ValueError(
            f"Argument settle_periods must be at most {MOST_PERIODS:,}, but {settle_periods:,} was "
            "given; the gates forget their start within a few periods."
        )
    check_integer("points", points, minimum=8)
    if points % 4:
        raise ValueError(f"Argument points must be a multiple of 4, but {points} was given.")
    for name, values in axes.items():
        if not isinstance(getattr(neuron, name, None), float | int):
            raise ValueError(
                f"Argument axes must name numeric parameters of QuantizedNeuron, but {name!r} "
                "was given."
            )
        for value in np.atleast_1d(values):
            change: dict[str, Any] = {name: float(value)}
            replace(neuron, **change)  # the dataclass checks every value
    shape = tuple(len(values) for values in axes.values())
    mesh = np.array(list(itertools.product(*axes.values())), dtype=float)
    # The same equations, with arrays for the parameters that the axes name.
    many: Any = SimpleNamespace(**asdict(neuron))
    for column, name in enumerate(axes):
        setattr(many, name, mesh[:, column])
    area = _settled_area(many, mesh.shape[0], settle_periods, points)
    return xarray.DataArray(
        area.reshape(shape),
        coords={name: np.asarray(values, dtype=float) for name, values in axes.items()},
        name="loop_area",
        attrs={"units": "mV mA" if neuron.units == "paper" else "V A"},
    )


# A rule of its own, not the stepper's: the area asks for 200 steps a period whatever the error, and
# at fixed steps the gates' exponentials are those of whole arrays. It took 0.35 ms a point (of
# 1600), `integrate_many` at rtol 1e-6 0.53 ms (of 64); both areas were off by the polygon's 1.6e-4.
def _settled_area(neuron: Any, count: int, settle_periods: int, points: int) -> NDArray[np.float64]:
    frequency = np.broadcast_to(np.asarray(neuron.drive_frequency, dtype=float), count)
    millivolts, milliseconds = (1.0, 1.0) if neuron.units == "paper" else (1e3, 1e3)
    step = 2 * np.pi / points
    duration = milliseconds * step / frequency
    gates = np.repeat(np.array(neuron.gates, dtype=float)[:, None], count, axis=1)

    def voltage(phase: float, gates: NDArray[Any]) -> NDArray[Any]:
        impedance = impedance_at(neuron, gates)
        return np.asarray(neuron.current_amplitude * (np.exp(1j * phase) * impedance).imag)

    def relax(gates: NDArray[Any], at: NDArray[Any], time: NDArray[Any]) -> NDArray[Any]:
        new = np.empty_like(gates)
        for k, (alpha, beta) in enumerate(gate_rates(at * millivolts - neuron.resting_potential)):
            total = alpha + beta
            target = alpha / total
            new[k] = target + (gates[k] - target) * np.exp(-total * time)
        return new

    # From phase 0 the loop is taken from phase 2π settle_periods − π/2 on: the drive's minimum.
    first = settle_periods * points - points // 4
    taken = np.empty((points + 1, count))
    for k in range(first + points + 1):
        now = voltage(k * step, gates)
        if k >= first:
            taken[k - first] = now
        middle = relax(gates, now, duration / 2)
        gates = relax(gates, voltage((k + 0.5) * step, middle), duration)
    drive = -np.cos(step * np.arange(points + 1))
    return np.asarray(two_branch_area(drive, taken) * neuron.current_amplitude)
