"""What every neuron gives, and the two verbs for all of them: `simulate`, `dynamical_system`.

A neuron is a frozen dataclass with

- `signals`: what its voltage, current and input are, and in which units;
- `methods`: how it can be simulated, see `neurons.methods`; the first is the default;
- `home`: the module with its `respond(neuron, times, *, input, method, state, tolerance)`, which
  simulates it, and, where it is given as equations, `equations(neuron, *, input, method)`, which
  returns its `DynamicalSystem`. It is opened when it is asked: a model does not know its solvers.

A new neuron is one more such class and module; nothing here has to know of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_real, check_times
from qmemcircuit.neurons.input_tables import as_input
from qmemcircuit.neurons.inputs import Input

if TYPE_CHECKING:
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem
    from qmemcircuit.neurons.methods import Method
    from qmemcircuit.neurons.signals import Signals
    from qmemcircuit.results.trajectory import Trajectory


@runtime_checkable
class Neuron(Protocol):
    """What `simulate` needs of a neuron."""

    signals: ClassVar[Signals]
    methods: ClassVar[tuple[type, ...]]

    home: ClassVar[str]


def simulate(
    neuron: Neuron,
    times: ArrayLike,
    *,
    input: Input | float | Any = None,
    method: Method | None = None,
    state: ArrayLike | None = None,
    tolerance: float = 1e-9,
) -> Trajectory:
    """Return a neuron's response to an input at `times`, whichever neuron it is.

    Args:
        neuron: of `qmemcircuit.neurons`, or anything with the same attributes.
        times: shape (T,), increasing, in the neuron's unit; the state is that at times[0].
        input: what is driven in, in the unit of `neuron.signals.input`: a number, an object of
            `neurons.inputs`, or a plain function of time. Solvers meet the jumps of an object
            exactly; of a function only values can be asked, so a pulse shorter than the longest
            interval of `times` may be lost. None: the neuron's own (no input, or its drive).
        method: an object of `neurons.methods`; None: the first of `neuron.methods`.
        state: the state at times[0], for neurons given as equations; None: at rest.
        tolerance: relative error of an integrator's step; the absolute one is a thousand times
            smaller, in the unit of each variable. It is not the error of the result, which
            grows along an unstable orbit. Closed forms and circuits have no use for it.

    Returns:
        Trajectory with `voltage` and `current` as `neuron.signals` names them.

    Raises:
        TypeError, ValueError: what is wrong with which argument.

    Example:
        >>> import numpy as np
        >>> from qmemcircuit.neurons import IntegrateAndFire, PiecewiseInput
        >>> pulse = PiecewiseInput((1.0, 3.0), (0.0, 2.0, 0.0))
        >>> times = np.linspace(0, 5, 51)
        >>> run = simulate(IntegrateAndFire(), times, input=pulse)
        >>> run.voltage.shape, len(run.events["spikes"])
        ((51, 1), 2)
    """
    check_arguments(simulate, locals(), own=("neuron", "input", "method", "state"))
    chosen = _choose(neuron, method)
    grid = check_times(times, minimum_length=2)
    drive = None if input is None else as_input(input)
    if drive is not None:
        drive.value(grid)  # refuses times that the input does not cover, values that are none
    check_real("tolerance", tolerance, minimum=1e-13)
    found: Trajectory = import_module(neuron.home).respond(
        neuron, grid, input=drive, method=chosen, state=state, tolerance=tolerance
    )
    return found


def dynamical_system(
    neuron: Neuron, *, input: Input | float | Any = None, method: Method | None = None
) -> DynamicalSystem:
    """Return a neuron's compiled equations, for all of `neurons.dynamics`.

    The variables and their units are `neuron.signals.variables` and `units`; what fires is
    described between its spikes. Arguments as for `simulate`.

    Raises:
        ValueError: for a neuron of steps or delays, which has no differential equations.

    >>> from qmemcircuit import neurons
    >>> neuron = neurons.ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    >>> neurons.dynamical_system(neuron).names
    ('V', 'Z', 'X', 'Y')
    """
    check_arguments(dynamical_system, locals(), own=("neuron", "input", "method"))
    chosen = _choose(neuron, method)
    home = import_module(neuron.home)
    if not hasattr(home, "equations"):
        raise ValueError(
            f"Argument neuron must be given as differential equations, but {type(neuron).__name__} "
            "is not; simulate(…) runs it."
        )
    drive = None if input is None else as_input(input)
    found: DynamicalSystem = home.equations(neuron, input=drive, method=chosen)
    return found


def _choose(neuron: Any, method: Any) -> Any:
    """Return the method, the neuron's first where it is None; TypeError where it has no such."""
    if not isinstance(neuron, Neuron):
        raise TypeError(
            "Argument neuron must be a neuron of qmemcircuit.neurons, but "
            f"{type(neuron).__name__} was given; neurons.contract says what one has."
        )
    chosen = neuron.methods[0]() if method is None else method
    if type(chosen) not in neuron.methods:
        known = ", ".join(f"{kind.__name__}(…)" for kind in neuron.methods)
        raise TypeError(
            f"Argument method must be {known} for {type(neuron).__name__}, but {method!r} was "
            "given."
        )
    return chosen


def refuse_state(neuron: Any, state: ArrayLike | None) -> None:
    """Raise ValueError where a state is given to a neuron that begins at its own."""
    if state is not None:
        raise ValueError(
            f"Argument state must be None for {type(neuron).__name__}, which begins at rest or as "
            f"its fields say, but {state!r} was given."
        )


def refuse_input(neuron: Any, input: Any, allowed: str) -> None:
    """Raise ValueError: this input makes no sense for this neuron."""
    raise ValueError(
        f"Argument input must be {allowed} for {type(neuron).__name__}, but "
        f"{type(input).__name__} was given."
    )
