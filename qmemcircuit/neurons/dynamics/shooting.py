"""What shooting for periodic orbits is made of: a flow with its derivative, and Newton's step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmemcircuit.common.checks import FloatArray
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
