"""`DynamicalSystem`: a compiled right-hand side with its Jacobian, and its integration.

Every system is integrated by `stepper`, Hairer's DOP853 compiled once and kept on disk.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import field as with_default
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_choice, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.neurons.dynamics.integration.errors import IntegrationError as IntegrationError

try:
    from qmemcircuit.neurons.dynamics.integration import interpreted, stepper
    from qmemcircuit.neurons.dynamics.integration.callbacks import (
        Callback,
        jacobian_callback,
        rate_callback,
        with_globals_of_now,
    )
    from qmemcircuit.neurons.dynamics.integration.steps import Equations
except ImportError as error:  # pragma: no cover - depends on the installation
    raise ImportError(
        "The dynamics tools need numba; pip install 'qmemcircuit[neurons]'."
    ) from error

WAVE = 5
"""Numbers of an input's formula among the parameters: `qmemcircuit.neurons.inputs.Wave`."""


@data_object
@dataclass(frozen=True, eq=False)
class Lanes:
    """A right-hand side for many orbits side by side.

    Attributes:
        rate, jacobian: functions of one orbit, or of all (`together`).
        together: the functions take all orbits, `(t, state, change, numbers, table)`, shapes (L,),
            (n, L), (n, L) or (n, n, L), (m, L), (S,): loops over the last index, which the
            compiler makes vector instructions of.
        own: m, how many of the parameters may differ from orbit to orbit; the rest is the table.
            None: all.
        cache: see `compile_field`.
    """

    rate: Callable[..., None]
    jacobian: Callable[..., None]
    together: bool = False
    own: int | None = None
    cache: bool = False

    def __post_init__(self) -> None:
        check_fields(self)


@data_object
@dataclass(frozen=True, eq=False)
class Field:
    """A right-hand side with Jacobian, compiled; made by `compile_field`, shared by systems.

    Attributes:
        rate, jacobian: the functions as the stepper calls them, compiled when first asked for.
        dimension: n.
        place: where the input's five numbers (level, slope, amplitude, frequency, phase) begin
            among the parameters; None if the equations have no input.
        lanes: how many orbits are done at once, `Lanes`; compiled when it is first asked for.
        functions: what was compiled. Two fields are equal where these are; a field is copied as
            itself, and pickled as its functions, which are compiled again where it arrives.
    """

    rate: Callback = with_default(repr=False, compare=False)
    jacobian: Callback = with_default(repr=False, compare=False)
    dimension: int
    place: int | None
    lanes: Lanes = with_default(compare=False)
    functions: tuple[Callable[..., None], Callable[..., None]]

    def __deepcopy__(self, memo: dict[int, Any]) -> Field:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        lanes = self.lanes
        together = None
        if lanes.together and lanes.own is not None:
            together = (lanes.rate, lanes.jacobian, lanes.own)
        again = partial(
            compile_field,
            dimension=self.dimension,
            place=self.place,
            cache=lanes.cache,
            together=together,
        )
        return again, self.functions


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
        pieces: of an input with breakpoints, shape (S, 6): each row holds until its first number,
            with the five of `inputs.Wave`; `input_tables.tabulate_pieces` makes them. Empty: none.
        function: a plain function of time that is added to the input's level. Such a system is
            integrated by SciPy's DOP853, some hundred times slower, no step longer than the
            longest interval of the times asked for, nor than a hundredth of their span: what is
            shorter than that may be missed. None: no such function.
    """

    field: Field
    parameters: FloatArray
    names: tuple[str, ...] = ()
    period: float | None = None
    pieces: FloatArray = with_default(default_factory=lambda: np.empty((0, 1 + WAVE)))
    function: Callable[[float], float] | None = None

    def __post_init__(self) -> None:
        check_fields(self, infinite=("period", "pieces"))
        values = np.ascontiguousarray(self.parameters, dtype=float)
        if values.ndim != 1 or not np.all(np.isfinite(values)):
            raise ValueError(
                "Argument parameters must be a one-dimensional array of finite numbers, but "
                f"{self.parameters!r} was given."
            )
        object.__setattr__(self, "parameters", values)
        if self.period is not None and self.period != math.inf:
            check_real("period", self.period, minimum=0, exclusive=True)
        rows = np.ascontiguousarray(self.pieces, dtype=float)
        if rows.ndim != 2 or rows.shape[1] != 1 + WAVE or (len(rows) and self.field.place is None):
            raise ValueError(
                "Argument pieces must have shape (S, 6), and the field a place for an input, but "
                f"shape {rows.shape} was given."
            )
        object.__setattr__(self, "pieces", rows)
        if self.function is not None and self.field.place is None:
            raise ValueError(
                "Argument function must be None for a field without a place for an input, but "
                f"{self.function!r} was given."
            )

    @property
    def dimension(self) -> int:
        """Number of variables n."""
        return self.field.dimension

    def rate(self, state: ArrayLike, time: float = 0.0) -> FloatArray:
        """Return f(t, y), shape (n,)."""
        check_arguments(DynamicalSystem.rate, locals())
        change = np.empty(self.dimension)
        interpreted.evaluate(
            stepper.evaluate_rate, self.field.rate, float(time), self.check_state(state), change,
            self.parameters_at(time),
        )  # fmt: skip
        return change

    def jacobian(self, state: ArrayLike, time: float = 0.0) -> FloatArray:
        """Return ∂f_i/∂y_j, shape (n, n)."""
        check_arguments(DynamicalSystem.jacobian, locals())
        matrix = np.empty((self.dimension, self.dimension))
        interpreted.evaluate(
            stepper.evaluate_jacobian, self.field.jacobian, float(time), self.check_state(state),
            matrix, self.parameters_at(time),
        )  # fmt: skip
        return matrix

    def parameters_at(self, time: float) -> FloatArray:
        """Return p with the formula of the input that holds at a time."""
        check_arguments(DynamicalSystem.parameters_at, locals())
        place = self.field.place
        if place is None or (not len(self.pieces) and self.function is None):
            return self.parameters
        numbers = self.parameters.copy()
        if len(self.pieces):
            row = int(np.searchsorted(self.pieces[:, 0], time, side="right"))
            numbers[place : place + WAVE] = self.pieces[min(row, len(self.pieces) - 1), 1:]
        if self.function is not None:
            numbers[place] += self.function(float(time))
        return numbers

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


def require_formula(system: DynamicalSystem) -> None:
    """Raise ValueError where the input is a plain function, which compiled code cannot call."""
    if system.function is not None:
        raise ValueError(
            "Argument system must have an input with a formula, but it is a plain function of "
            "time; give an object of neurons.inputs, such as a SampledInput."
        )


def compile_field(
    rate: Callable[..., None],
    jacobian: Callable[..., None],
    *,
    dimension: int,
    place: int | None = None,
    cache: bool = False,
    together: tuple[Callable[..., None], Callable[..., None], int] | None = None,
) -> Field:
    """Return a right-hand side with Jacobian, compiled once for systems with any parameters.

    Args:
        rate: `rate(t, state, change, parameters)` writes f into `change`; plain Python that
            numba can compile, or already compiled.
        jacobian: `jacobian(t, state, matrix, parameters)` writes ∂f_i/∂y_j into `matrix`.
        dimension: n, the number of variables.
        place: see `Field`.
        cache: keep the compiled code on disk, beside the functions' file. A later process then
            compiles nothing. It is found again until that file changes: say False where the
            functions use what is defined in another file or a notebook's cell.
        together: (rate, jacobian, m) of many orbits at once, see `Lanes`, where a hand-written
            form is faster than `rate` and `jacobian` in a loop.

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
    if place is not None:
        check_integer("place", place, minimum=0)
    f, slope = rate, jacobian
    if not cache:  # compiled now or later: a notebook's constants may change meanwhile
        f, slope = with_globals_of_now(rate), with_globals_of_now(jacobian)
    lanes = Lanes(f, slope, cache=cache)
    if together is not None:
        lanes = Lanes(together[0], together[1], together=True, own=together[2], cache=cache)
    called = rate_callback(f, n, cache=cache), jacobian_callback(slope, n, cache=cache)
    return Field(*called, n, place, lanes, (rate, jacobian))


# A step that stability holds this short is refused: the run would take minutes.
_STIFF_STEPS = 5_000_000
AUTOMATIC_STEPS = 500_000
"""Of the explicit method before "automatic" takes the other: some half a second."""


@data_object
@dataclass(frozen=True, eq=False)
class March:
    """What one run of the stepper left: arrays of `stepper.march`, and how it ended."""

    samples: FloatArray
    end: FloatArray
    event_times: FloatArray
    event_states: FloatArray
    extremes: FloatArray
    status: int
    reached: float


def quarter_period(system: DynamicalSystem) -> float:
    """Return a quarter of the shortest period of a sine in the input, or inf.

    A sine between two silences is then never stepped over.
    """
    place, waves = system.field.place, system.pieces[:, 1:]
    if place is None:
        return math.inf
    if not len(waves):
        waves = system.parameters[None, place : place + WAVE]
    swinging = waves[(waves[:, 2] != 0) & (waves[:, 3] != 0), 3]
    return 0.5 * math.pi / float(np.abs(swinging).max()) if swinging.size else math.inf


def stepper_equations(system: DynamicalSystem) -> Equations:
    """Return what the stepper integrates, with parameters of its own."""
    field, n = system.field, system.dimension
    return Equations(
        field.rate, field.jacobian, system.parameters.copy(), field.place or 0, system.pieces,
        np.empty((n, n)),
    )  # fmt: skip


# More than eight parameters: everything that the stepper can be asked on the way.
def march(
    system: DynamicalSystem,
    times: FloatArray,
    start: FloatArray,
    *,
    rtol: float,
    atol: float,
    maximum_steps: int = 20_000_000,
    sample: bool = True,
    event: Callback | None = None,
    event_numbers: FloatArray | None = None,
    direction: float = 0.0,
    room: int = 0,
    stop: bool = False,
    extremes_from: float | None = None,
) -> March:
    """Run the stepper on a system; `start` is the state, with the tangent vectors behind it."""
    require_formula(system)
    n = system.dimension
    settings = np.array(
        [rtol, atol, quarter_period(system), maximum_steps, 0.0, direction, stop,
         extremes_from or 0.0, min(_STIFF_STEPS, maximum_steps)]
    )  # fmt: skip
    end, outcome = start.copy(), np.zeros(5)
    samples = np.empty((times.size if sample else 0, start.size))
    extremes = np.empty((0 if extremes_from is None else 2, n))
    events = stepper.Events(
        event or 0, np.empty(0) if event_numbers is None else event_numbers, np.empty(room),
        np.empty((room, n)),
    )  # fmt: skip
    interpreted.march(
        stepper_equations(system), times, end, settings, events, samples, extremes, outcome
    )
    found = int(outcome[stepper.EVENTS])
    return March(
        samples, end, events.times[:found], events.states[:found], extremes,
        int(outcome[stepper.STATUS]), float(outcome[stepper.REACHED]),
    )  # fmt: skip


def check_march(run: March, first: float, last: float) -> None:
    """Raise IntegrationError with the reason where a run did not reach its end."""
    where = f"The integration from t = {first:g} to {last:g} stopped at t = {run.reached:g}: "
    if run.status == stepper.STIFF:
        raise IntegrationError(
            where + "the system is stiff there, so that its fastest decay, not the tolerance, "
            "holds the step; integrate(…, method='implicit') has the method for it."
        )
    if run.status == stepper.USED_UP:
        raise IntegrationError(where + "the maximum_steps were used up.")
    if run.status == stepper.BROKE_DOWN or not np.all(np.isfinite(run.end)):
        raise IntegrationError(
            where + "the step became too small or the right-hand side is not finite there."
        )


# More than eight parameters: what is integrated, and how.
def integrate(
    system: DynamicalSystem,
    times: ArrayLike,
    state: ArrayLike,
    *,
    tangents: ArrayLike | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-12,
    method: str = "explicit",
    maximum_steps: int = 20_000_000,
) -> Any:
    """Integrate from `state` at times[0] and return the states at `times`, shape (T, n).

    With `tangents` (n, k): return (states, tangents at all times (T, n, k)), the solution of the
    variational equations δ′ = (∂f/∂y) δ along the way. Values between the integrator's own steps
    come from its dense output, of seventh order ("explicit", DOP853) or third ("implicit",
    Radau IIA of order 5 with the system's Jacobian, for stiff systems: SciPy's, 100 times slower
    a step, without tangents and with at most 10⁵ steps). "automatic" gives the explicit method half
    a million steps, and then takes the implicit one.

    Raises:
        IntegrationError: the step became too small (a singularity, or NaN from the right-hand
            side, such as a table that was left), the steps were used up, or the system is so
            stiff that the explicit method would need millions of them.
        ValueError: shapes, times that do not increase.
    """
    check_arguments(integrate, locals())
    moments = check_moments(times)
    check_real("rtol", rtol, minimum=0, exclusive=True)
    check_real("atol", atol, minimum=0, exclusive=True)
    check_integer("maximum_steps", maximum_steps, minimum=1)
    check_choice("method", method, ("explicit", "implicit", "automatic"))
    n = system.dimension
    start = system.check_state(state)
    if method == "implicit" or system.function is not None:
        if tangents is not None:
            raise ValueError(
                "Argument tangents must be None with method='implicit' or an input that is a plain "
                "function, but vectors were given; the compiled stepper has them."
            )
        from qmemcircuit.neurons.dynamics.integration.scipy_solvers import integrate_by_scipy

        def formula(inside: float) -> tuple[Any, Any]:
            numbers = replace(system, function=None).parameters_at(inside)
            piece = replace(system, parameters=numbers, pieces=system.pieces[:0])
            return (lambda t, y: piece.rate(y, t)), (lambda t, y: piece.jacobian(y, t))

        cuts = system.pieces[:, 0]
        longest = math.inf
        if system.function is not None:
            longest = min(float(np.diff(moments).max()), float(np.ptp(moments)) / 100)
        return integrate_by_scipy(
            formula, cuts, moments, start, method=method, longest=longest, rtol=rtol, atol=atol
        )
    count = 0
    if tangents is not None:
        vectors = np.asarray(tangents, dtype=float)
        if vectors.ndim != 2 or vectors.shape[0] != n:
            raise ValueError(
                f"Argument tangents must have shape ({n}, k), but {vectors.shape} was given."
            )
        count = vectors.shape[1]
        start = np.concatenate([start, vectors.T.ravel()])
    automatic = method == "automatic"
    most = min(maximum_steps, AUTOMATIC_STEPS) if automatic else maximum_steps
    run = march(system, moments, start, rtol=rtol, atol=atol, maximum_steps=most)
    if automatic and tangents is None and run.status in (stepper.STIFF, stepper.USED_UP):
        return integrate(system, moments, state, rtol=rtol, atol=atol, method="implicit")
    check_march(run, moments[0], moments[-1])
    states = np.ascontiguousarray(run.samples[:, :n])
    if tangents is None:
        return states
    return states, run.samples[:, n:].reshape(moments.size, count, n).transpose(0, 2, 1)


def check_moments(times: ArrayLike) -> FloatArray:
    """Return `times` as two or more finite, increasing numbers."""
    moments = np.ascontiguousarray(times, dtype=float)
    if moments.ndim != 1 or moments.size < 2 or not np.all(np.diff(moments) > 0):
        raise ValueError(
            "Argument times must be two or more increasing numbers, but "
            f"an array of shape {moments.shape} was given that is not."
        )
    if not np.all(np.isfinite(moments)):
        raise ValueError("Argument times must be finite, but it holds NaN or infinity.")
    return moments
