"""`Family`: a model of which some numbers are free within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import FrozenMapping, data_object
from qmemcircuit.designs.parameters import (
    TIME_SCALE,
    Tangent,
    parameter_names,
    read_parameter,
    tangent_of,
    with_parameters,
)
from qmemcircuit.model.memristors import Model


@data_object
@dataclass(frozen=True, eq=False)
class Family:
    """A model, and which of its numbers may move, from where to where.

    Args:
        model: one of the family; its own numbers are the first guess of every search.
        bounds: {name: (lower, upper)}, finite, lower < upper, for the free parameters. Names are
            those of the model's numbers (`qmemcircuit.designs.parameter_names`) or of `ties`.
        ties: {name: numbers of the model that are all equal to it}.

    >>> from qmemcircuit.model.memristors import Memristor
    >>> from qmemcircuit.model.laws.rates import SquidRate
    >>> memristor = Memristor(SquidRate(0.4), a=0.7, b=0.5)
    >>> family = Family(memristor, {"rate.gamma0": (0.0, 0.5), "b": (0.0, np.pi)})
    >>> family.at([0.3, 0.0]).rate
    SquidRate(gamma0=0.3)
    """

    model: Model
    bounds: Mapping[str, tuple[float, float]]
    ties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.bounds:
            raise ValueError(
                "Argument bounds must name at least one free parameter, but it is empty; the model "
                f"has {', '.join(parameter_names(self.model))}."
            )
        known = parameter_names(self.model)
        for name in self.bounds:
            for place in self.ties.get(name, (name,)):
                if place not in known or place == TIME_SCALE:
                    raise ValueError(
                        f"Argument bounds must name numbers of the model or ties, but {place!r} is "
                        f"none; there are {', '.join(known[:-1])}."
                    )
            low, high = self.bounds[name]
            if not low < high:
                raise ValueError(
                    f"Argument bounds must have lower < upper, but {name!r} has {low:g} and "
                    f"{high:g}; leave out what does not move."
                )
        unused = [name for name in self.ties if name not in self.bounds]
        if unused:
            raise ValueError(f"Argument ties must have bounds, but {unused[0]!r} has none.")
        object.__setattr__(self, "bounds", FrozenMapping(self.bounds))
        object.__setattr__(self, "ties", FrozenMapping(self.ties))
        corners = np.array(list(self.bounds.values())).T
        for corner in corners:  # bounds outside a law's are an error now, not in a search
            self.at(corner)

    @property
    def names(self) -> tuple[str, ...]:
        """The free parameters, in order."""
        return tuple(self.bounds)

    @property
    def values(self) -> FloatArray:
        """The free parameters of `model` itself, moved into the bounds, (P,)."""
        found = [read_parameter(self.model, self._places(name)[0]) for name in self.names]
        low, high = self.limits
        return np.asarray(np.clip(np.array(found), low, high))

    @property
    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds, (P,) each."""
        low, high = np.array(list(self.bounds.values()), dtype=float).T
        return low, high

    def at(self, values: ArrayLike) -> Model:
        """Return the model with these free parameters, (P,)."""
        check_arguments(Family.at, locals())
        numbers = np.asarray(values, dtype=float)
        if numbers.shape != (len(self.bounds),):
            raise ValueError(
                f"Argument values must hold the {len(self.bounds)} free parameters "
                f"{', '.join(self.bounds)}, but its shape is {numbers.shape}."
            )
        changed = {}
        for name, value in zip(self.names, numbers, strict=True):
            changed.update({place: float(value) for place in self._places(name)})
        return with_parameters(self.model, changed)

    def tangents(self, model: Model) -> list[list[Tangent]]:
        """Return how one of the family moves with each free parameter, (P, ties)."""
        return [[tangent_of(model, place) for place in self._places(name)] for name in self.names]

    def _places(self, name: str) -> Sequence[str]:
        return self.ties.get(name, (name,))
