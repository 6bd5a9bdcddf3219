"""Shooting for periodic orbits: a flow with its derivative, Newton's step, a cycle's search."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmemcircuit.common.checks import FloatArray, check_real
from qmemcircuit.neurons.dynamics.equilibria import settling_time
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, IntegrationError, integrate

# Some seconds of stepping: whoever asks for more has a period that is a mistake.
_PERIOD_STEPS = 1_000_000
NEGLIGIBLE = 1e-9
"""Singular values below this part of the largest count as zero: the flow's derivative, to some
1e-12 a step, is not known better. Such are those of a whole family of orbits."""


class ConvergenceError(RuntimeError):
    """Newton's method found no periodic orbit near the guess."""


def shoot(
    system: DynamicalSystem, state: FloatArray, length: float
) -> tuple[FloatArray, FloatArray]:
    """Return φ_T(y) and its derivative, the monodromy matrix, to near rounding."""
    states, tangents = _integrate(system, state, length, tangents=np.eye(state.size))
    return states[-1], tangents[-1]


def flow(system: DynamicalSystem, state: FloatArray, length: float) -> FloatArray:
    """Return φ_T(y) alone."""
    return np.asarray(_integrate(system, state, length)[-1])


def _integrate(system: DynamicalSystem, state: FloatArray, length: float, **more: Any) -> Any:
    try:
        return integrate(
            system, [0.0, length], state, rtol=1e-12, atol=1e-13, maximum_steps=_PERIOD_STEPS,
            **more,
        )  # fmt: skip
    except IntegrationError as error:
        raise ConvergenceError(f"A shooting step could not be integrated: {error}") from error
    except ValueError as error:
        raise ConvergenceError(f"Newton's method diverged: {error}") from error


def newton_step(matrix: FloatArray, defect: FloatArray) -> FloatArray:
    """Return the shortest step that solves matrix · step = defect.

    The shortest: of a family of solutions, the one nearest to where the search is.
    """
    return np.asarray(np.linalg.lstsq(matrix, defect, rcond=NEGLIGIBLE)[0], dtype=float)


def sort_multipliers(monodromy: FloatArray) -> NDArray[np.complex128]:
    """Return the eigenvalues, largest modulus first."""
    values = np.asarray(np.linalg.eigvals(monodromy), dtype=complex)
    return np.asarray(values[np.argsort(-np.abs(values))])


def search_cycle(
    system: DynamicalSystem,
    start: FloatArray,
    period: float | None = None,
    *,
    tolerance: float = 1e-11,
    iterations: int = 30,
) -> tuple[FloatArray, float, FloatArray, float]:
    """Return a point of the limit cycle near `start`, its period, its monodromy, |φ_T(y) − y|.

    Newton's method on (y, T), see `cycles.find_limit_cycle`.
    """
    length = (
        _measure_period(system, start)
        if period is None
        else check_real("period", period, minimum=0, exclusive=True)
    )
    y = start.copy()
    anchor, direction = start.copy(), system.rate(start)
    for _ in range(iterations):
        end, monodromy = shoot(system, y, length)
        residual = end - y
        size = float(np.abs(residual).max())
        if size < tolerance:
            break
        matrix = np.zeros((y.size + 1, y.size + 1))
        matrix[:-1, :-1] = monodromy - np.eye(y.size)
        matrix[:-1, -1] = system.rate(end)
        matrix[-1, :-1] = direction
        defect = np.append(-residual, -direction @ (y - anchor))
        change = newton_step(matrix, defect)
        # A step may not change the period by more than a fifth: Newton's method far from its
        # orbit would otherwise jump to the equilibrium or to a multiple.
        scale = min(1.0, 0.2 * length / max(abs(change[-1]), 1e-300))
        y = y + scale * change[:-1]
        length = length + scale * change[-1]
    else:
        raise ConvergenceError(
            f"No limit cycle found from {start.tolist()}: after {iterations} iterations the "
            f"residual is {size:.3g}; start nearer, or give a transient."
        )
    if np.abs(system.rate(y)).max() < 1e-9:
        raise ConvergenceError(
            f"No limit cycle found from {start.tolist()}: the search ended at an equilibrium."
        )
    return y, float(length), monodromy, size


def _measure_period(system: DynamicalSystem, state: FloatArray) -> float:
    """Return the mean time between upward crossings of variable 0's mid-level."""
    size = max(float(np.linalg.norm(state)), 1e-3)
    speed = float(np.linalg.norm(system.rate(state))) / size
    window = min(20.0 / max(speed, 1e-3), settling_time(system, state))
    for _ in range(8):
        times = np.linspace(0, window, 4000)
        values = integrate(system, times, state)[:, 0]
        level = (values.max() + values.min()) / 2
        if values.max() - values.min() < 1e-9 * max(1.0, abs(level)):
            break
        up = np.flatnonzero((values[:-1] < level) & (values[1:] >= level))
        if up.size >= 4:
            gap = (level - values[up]) / (values[up + 1] - values[up])
            crossings = times[up] + gap * (times[1] - times[0])
            return float(np.mean(np.diff(crossings)))
        window *= 3
    raise ConvergenceError(
        "No limit cycle found: variable 0 does not oscillate there; give a period, or a "
        "transient that leads to the cycle."
    )
