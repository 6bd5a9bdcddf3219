"""`gradient`: how a number of a model, or its V and I, move with the model's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.splitting import Splitting
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_choice, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.designs.parameters import parameter_names, read_parameter, tangent_of
from qmemcircuit.designs.quantities.quantity import Quantity
from qmemcircuit.designs.solution import Solution, solve
from qmemcircuit.model.memristors import Model, as_network


@data_object
@dataclass(frozen=True, eq=False)
class Gradient:
    """A quantity and its derivatives.

    Attributes:
        value: shape () for one number; (T, M) for `"voltage"` and `"current"`.
        derivatives: {parameter: derivative of the same shape}.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> found = qm.gradient(memristor, times, "voltage", ["rate.gamma0"])
    >>> found.value.shape, found["rate.gamma0"].shape  # times, devices
    ((22, 1), (22, 1))
    """

    value: FloatArray
    derivatives: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        check_fields(self)

    def __getitem__(self, name: str) -> FloatArray:
        """Return the derivative with respect to one parameter."""
        check_arguments(Gradient.__getitem__, locals())
        if name not in self.derivatives:
            raise KeyError(
                f"Argument name must be one of {', '.join(self.derivatives)}, but {name!r} was "
                "given."
            )
        return self.derivatives[name]


def gradient(
    model: Model,
    times: ArrayLike,
    quantity: Quantity | Literal["voltage", "current"],
    parameters: Sequence[str] | None = None,
    *,
    splitting: Splitting | None = None,
) -> Gradient:
    """Return the derivatives of a quantity with respect to a model's parameters.

    By reverse mode through the very steps of `exact_circuit`: one pass forward, one back, for any
    number of parameters. `"voltage"` and `"current"` have T·M values, so they go forward instead,
    one pass a parameter.

    Args:
        model: of at most three memristors.
        times: as in `exact_circuit`; they bound the steps.
        quantity: see `qmemcircuit.designs`; `"voltage"` or `"current"` for all V or I.
        parameters: names such as `"rate.gamma0"`, `"a"`, `"time_scale"`, or of a network
            `"memristors.0.rate.gamma0"`, `"couplings.0.strength"`; None takes all there are.
            `time_scale` multiplies all times.
        splitting: `"lie"`, `"strang"` or `"fused"`; None is `"lie"`, as elsewhere.

    Raises:
        NoDerivativeError: (a ValueError) the quantity has no derivative there: a lobe appears or
            vanishes, a signal is 0. It says which.
        ValueError: an unknown parameter, more than three memristors, or `compiled`.

    >>> from qmemcircuit.model.memristors import Memristor
    >>> from qmemcircuit.model.laws.rates import ConstantRate
    >>> memristor = Memristor(ConstantRate(0.1), a=0.8, b=0.5)
    >>> found = gradient(memristor, [0.0, 1.0, 2.0], "voltage", ["rate.gamma"])
    >>> ratio = found["rate.gamma"][2, 0] / found.value[2, 0]   # V falls as exp(−γt/2)
    >>> round(float(ratio), 12)
    -1.0
    """
    check_arguments(gradient, locals(), own=("quantity",))
    names = checked_names(model, parameters)
    solution = solve_model(model, times, splitting)
    if isinstance(quantity, str):
        check_choice("quantity", quantity, ("voltage", "current"))
        found = {}
        for name in names:
            tangent = tangent_of(model, name)
            read = solution.read_forward(tangent, solution.push_forward(tangent))
            found[name] = read[0] if quantity == "voltage" else read[1]
        value = solution.voltage if quantity == "voltage" else solution.current
        return Gradient(value, found)
    if isinstance(quantity, type) or not isinstance(quantity, Quantity):
        raise TypeError(
            f"Argument quantity must have the method measure, but {quantity!r} has none; "
            "FormFactor() is one that does, of qmemcircuit.designs."
        )
    number, seeds = quantity.measure(solution)
    adjoint = solution.pull_back(seeds)
    along = {name: np.asarray(adjoint.along(tangent_of(model, name))) for name in names}
    return Gradient(np.asarray(number), along)


def solve_model(model: Model, times: ArrayLike, splitting: Splitting | None) -> Solution:
    """Return the exact solution with all steps kept; `splitting` None is `"lie"`."""
    if splitting == "compiled":
        raise ValueError(
            "Argument splitting must be 'lie', 'strang' or 'fused', but 'compiled' was given: its "
            "circuits are searched for, and no step of theirs moves with a parameter."
        )
    return solve(as_network(model), check_times(times), splitting or "lie")


def checked_names(model: Model, parameters: Sequence[str] | None) -> tuple[str, ...]:
    """Return the parameters to differentiate by; ValueError where one is unknown."""
    known = parameter_names(model)
    if parameters is None:
        return known
    for name in parameters:
        if name not in known:
            raise ValueError(
                f"Argument parameters must name numbers of the model, but {name!r} is none; there "
                f"are {', '.join(known)}."
            )
        read_parameter(model, name)
    return tuple(parameters)
