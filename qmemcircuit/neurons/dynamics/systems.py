"""`DynamicalSystem`: a compiled right-hand side with its Jacobian, and its integration.

Integrator: CyRK's C++ DOP853 (Hairer's 8(5,3) pair with its dense output), called from numba.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object

try:
    from CyRK import nbsolve2_ivp
    from numba import carray, cfunc, njit, types
except ImportError as error:  # pragma: no cover - depends on the installation
    raise ImportError(
        "The dynamics tools need numba and CyRK; pip install 'qmemcircuit[neurons]'."
    ) from error

_DOUBLES = types.CPointer(types.float64)
_FIELD_SIGNATURE = types.void(_DOUBLES, types.float64, _DOUBLES, _DOUBLES)


class IntegrationError(RuntimeError):
    """The integration stopped before its end: the message says where and what to do."""


@data_object
@dataclass(frozen=True, eq=False)
class Field:
    """A compiled right-hand side with Jacobian; made by `compile_field`, shared by systems.

    Attributes:
        address: of the C function that integrates state and tangent vectors together.
        rate, jacobian: the compiled Python-callable functions.
        dimension: n.
        keep_alive: the compiled object that owns the code at `address`.
    """

    address: int
    rate: Callable[..., None]
    jacobian: Callable[..., None]
    dimension: int
    keep_alive: Any


@data_object
@dataclass(frozen=True, eq=False)
class DynamicalSystem:
    """ẏ = f(t, y; p), with the numbers p filled in.

    Attributes:
        field: the compiled f and ∂f/∂y.
        parameters: p, one-dimensional.
        names: of the n variables, or empty.
        period: T if f is T-periodic in t (a driven system), None if f does not depend on t, inf
            if f depends on t and never repeats (a ramp).
    """

    field: Field
    parameters: FloatArray
    names: tuple[str, ...] = ()
    period: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, infinite=("period",))
        values = np.ascontiguousarray(self.parameters, dtype=float)
        if values.ndim != 1 or not np.all(np.isfinite(values)):
            raise ValueError(
                "Argument parameters must be a one-dimensional array of finite numbers, but "
                f"{self.parameters!r} was given."
            )
        object.__setattr__(self, "parameters", values)
        if self.period is not None and self.period != math.inf:
            check_real("period", self.period, minimum=0, exclusive=True)

    @property
    def dimension(self) -> int:
        """Number of variables n."""
        return self.field.dimension

    def rate(self, state: ArrayLike, time: float = 0.0) -> FloatArray:
        """Return f(t, y), shape (n,)."""
        check_arguments(DynamicalSystem.rate, locals())
        change = np.empty(self.dimension)
        self.field.rate(float(time), self.check_state(state), change, self.parameters)
        return change

    def jacobian(self, state: ArrayLike, time: float = 0.0) -> FloatArray:
        """Return ∂f_i/∂y_j, shape (n, n)."""
        check_arguments(DynamicalSystem.jacobian, locals())
        matrix = np.empty((self.dimension, self.dimension))
        self.field.jacobian(float(time), self.check_state(state), matrix, self.parameters)
        return matrix

    def with_parameters(self, parameters: ArrayLike) -> DynamicalSystem:
        """Return the same field with other numbers."""
        check_arguments(DynamicalSystem.with_parameters, locals())
        return replace(self, parameters=np.asarray(parameters, dtype=float))

    def check_state(self, state: ArrayLike) -> FloatArray:
        """Return `state` as a contiguous array of n finite numbers."""
        check_arguments(DynamicalSystem.check_state, locals())
        values = np.ascontiguousarray(state, dtype=float)
        if values.shape != (self.dimension,) or not np.all(np.isfinite(values)):
            raise ValueError(
                f"Argument state must hold {self.dimension} finite numbers"
                + (f" ({', '.join(self.names)})" if self.names else "")
                + f", but {state!r} was given."
            )
        return values


def drive_period(system: DynamicalSystem) -> float:
    """Return T of a driven system; ValueError where there is none."""
    if system.period is None:
        raise ValueError("Argument system must be driven with a period, but it is autonomous.")
    if system.period == math.inf:
        raise ValueError(
            "Argument system must be driven with a period, but its input never repeats; integrate "
            "it instead."
        )
    return system.period


def require_autonomous(system: DynamicalSystem, remedy: str) -> None:
    """Raise ValueError where f depends on time, with what to do if it is periodic."""
    if system.period == math.inf:
        raise ValueError(
            "Argument system must be autonomous, but its input never repeats; drop the ramp."
        )
    if system.period is not None:
        raise ValueError(
            f"Argument system must be autonomous, but it is driven with period "
            f"{system.period:g}: {remedy}."
        )


def compile_field(
    rate: Callable[..., None], jacobian: Callable[..., None], *, dimension: int
) -> Field:
    """Compile a right-hand side and its Jacobian once; systems with any parameters share it.

    Args:
        rate: `rate(t, state, change, parameters)` writes f into `change`; plain Python that
            numba can compile, or already compiled.
        jacobian: `jacobian(t, state, matrix, parameters)` writes ∂f_i/∂y_j into `matrix`.
        dimension: n, the number of variables.

    Example:
        >>> def rate(t, state, change, parameters):
        ...     change[0] = -parameters[0] * state[0]
        >>> def jacobian(t, state, matrix, parameters):
        ...     matrix[0, 0] = -parameters[0]
        >>> decay = DynamicalSystem(compile_field(rate, jacobian, dimension=1), np.array([0.5]))
        >>> bool(abs(integrate(decay, [0.0, 2.0], [1.0])[-1, 0] - np.exp(-1)) < 1e-9)
        True
    """
    check_arguments(compile_field, locals())
    n = check_integer("dimension", dimension, minimum=1)
    compiled_rate = rate if hasattr(rate, "py_func") else njit(rate)
    compiled_jacobian = jacobian if hasattr(jacobian, "py_func") else njit(jacobian)

    # numbers = [length of parameters, number of tangent vectors, parameters…]; the state is
    # followed by the tangent vectors δ, each n numbers, which obey δ′ = (∂f/∂y) δ.
    def derivative(change: Any, t: float, state: Any, numbers: Any) -> None:
        head = carray(numbers, (2,))
        length, tangents = int(head[0]), int(head[1])
        parameters = carray(numbers, (2 + length,))[2:]
        y = carray(state, (n * (1 + tangents),))
        dy = carray(change, (n * (1 + tangents),))
        compiled_rate(t, y[:n], dy[:n], parameters)
        if tangents > 0:
            matrix = np.empty((n, n))
            compiled_jacobian(t, y[:n], matrix, parameters)
            for k in range(1, tangents + 1):
                for i in range(n):
                    total = 0.0
                    for j in range(n):
                        total += matrix[i, j] * y[k * n + j]
                    dy[k * n + i] = total

    callback = cfunc(_FIELD_SIGNATURE)(derivative)
    return Field(callback.address, compiled_rate, compiled_jacobian, n, callback)


def pack(system: DynamicalSystem, tangents: int = 0) -> FloatArray:
    """Return the numbers that the compiled field expects: lengths first, then the parameters."""
    return np.concatenate([[system.parameters.size, tangents], system.parameters])


@njit
def solve_compiled(
    address: int, times: Any, start: Any, numbers: Any, rtol: float, atol: float, limit: int
) -> Any:
    """Return (states (m, T), reached end?, steps): one call of CyRK's DOP853, for numba code."""
    solution = nbsolve2_ivp(
        address,
        (times[0], times[-1]),
        start,
        "DOP853",
        times,
        False,
        numbers,
        rtol,
        atol,
        None,
        None,
        0,
        0,
        1e300,
        0.0,
        limit,
    )
    states = solution.y.copy()
    success = solution.success
    steps = solution.steps_taken
    solution.free()
    return states, success, steps


def integrate(
    system: DynamicalSystem,
    times: ArrayLike,
    state: ArrayLike,
    *,
    tangents: ArrayLike | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-12,
    maximum_steps: int = 20_000_000,
) -> Any:
    """Integrate from `state` at times[0] and return the states at `times`, shape (T, n).

    With `tangents` (n, k): return (states, tangents at all times (T, n, k)), the solution of the
    variational equations δ′ = (∂f/∂y) δ along the way. Values between the integrator's own steps
    come from DOP853's seventh-order dense output.

    Raises:
        IntegrationError: the step became too small (a singularity, or NaN from the right-hand
            side, such as a table that was left), or the steps were used up.
        ValueError: shapes, times that do not increase.
    """
    check_arguments(integrate, locals())
    moments = np.ascontiguousarray(times, dtype=float)
    if moments.ndim != 1 or moments.size < 2 or not np.all(np.diff(moments) > 0):
        raise ValueError(
            "Argument times must be two or more increasing numbers, but "
            f"an array of shape {moments.shape} was given that is not."
        )
    if not np.all(np.isfinite(moments)):
        raise ValueError("Argument times must be finite, but it holds NaN or infinity.")
    check_real("rtol", rtol, minimum=0, exclusive=True)
    check_real("atol", atol, minimum=0, exclusive=True)
    check_integer("maximum_steps", maximum_steps, minimum=1)
    n = system.dimension
    start = system.check_state(state)
    count = 0
    if tangents is not None:
        vectors = np.asarray(tangents, dtype=float)
        if vectors.ndim != 2 or vectors.shape[0] != n:
            raise ValueError(
                f"Argument tangents must have shape ({n}, k), but {vectors.shape} was given."
            )
        count = vectors.shape[1]
        start = np.concatenate([start, vectors.T.ravel()])
    values, success, _ = solve_compiled(
        system.field.address, moments, start, pack(system, count), rtol, atol, maximum_steps
    )
    if not success or values.shape[1] != moments.size or not np.all(np.isfinite(values)):
        raise IntegrationError(
            f"The integration from t = {moments[0]:g} to {moments[-1]:g} stopped after "
            f"{values.shape[1]} of {moments.size} times: the step became too small, the "
            "right-hand side is not finite there, or maximum_steps was too few."
        )
    states = np.ascontiguousarray(values[:n].T)
    if tangents is None:
        return states
    return states, values[n:].T.reshape(moments.size, count, n).transpose(0, 2, 1)
