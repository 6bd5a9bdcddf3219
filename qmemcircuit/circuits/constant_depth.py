"""`ConstantDepth`: the options of `splitting="compiled"`, whatever the number of memristors.

The whole map over [0, t] is computed classically and compiled into a few collisions and gates, so
that the circuit has the same depth at every t: `pairs.compilation` for two memristors,
`triples.compilation` for three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmemcircuit.circuits.channels.pair_maps import check_pair
from qmemcircuit.circuits.pairs.compilation import (
    CompiledPair,
    compile_pairs,
    restored_pairs,
    stored_pairs,
)
from qmemcircuit.circuits.residuals import TOLERANCE, Exceeded, check_options
from qmemcircuit.circuits.triples.compilation import (
    MIXTURES,
    CompiledTriple,
    compile_triples,
    restored_triples,
    stored_triples,
)
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.memristors import Network

CompiledCircuits = tuple[CompiledPair, ...] | tuple[CompiledTriple, ...]
"""Of every time, of two memristors or of three."""


@data_object
@dataclass(frozen=True, eq=False)
class ConstantDepth:
    """How `splitting="compiled"` is to be done: give this instead of the word, to be explicit.

    Attributes:
        tolerance: the largest residual that any of the circuits may have (see `CompiledPair`).
        collisions: of each memristor, 1 to 8; None takes 2 and more until the tolerance is met at
            all times.
        mixture: at most so many circuits are mixed for a time, 1, 2 or 4, where three memristors
            take fewer gates so: their mean is within the tolerance, each runs with an equal share
            of the shots (`CircuitSet.branches`). 1: one circuit a time. A pair takes one anyway.
        exceeded: what happens where it cannot be met: `"refuse"` raises ValueError, `"warn"` warns
            and goes on; both name the residual.
        pairs: circuits that are already compiled, for exactly the times that are asked. Then
            nothing is computed: `rebuild_circuits(record)` does so with what ran.

    Three memristors are compiled as well (`compile_triples`): at the paper's coupling, a tolerance
    of 0.02 takes at most 40 two-qubit gates a circuit for chains and rings
    (python -m experiments.benchmarks.compiled_triples).

    >>> loose = ConstantDepth(tolerance=0.02, exceeded="warn")
    """

    tolerance: float = TOLERANCE
    collisions: int | None = None
    exceeded: Exceeded = "refuse"
    pairs: CompiledCircuits = ()
    mixture: int = MIXTURES[-1]

    def __post_init__(self) -> None:
        check_fields(self)
        check_options(self.tolerance, self.collisions, self.exceeded)
        if check_integer("mixture", self.mixture, minimum=1) not in MIXTURES:
            raise ValueError(
                "Argument mixture must be 1, 2 or 4 circuits, whose shots are equal, but "
                f"{self.mixture} was given."
            )

    def describe(self) -> dict[str, Any]:
        """Return the options, without the pairs, as JSON values."""
        return {
            "compiled_tolerance": self.tolerance,
            "compiled_collisions_asked": self.collisions,
            "compiled_exceeded": self.exceeded,
            "compiled_mixture_asked": self.mixture,
        }

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> ConstantDepth:
        """Return what `describe` described; what it leaves out has its default.

        But for the mixture: what is from before circuits were mixed had one.
        """
        check_arguments(ConstantDepth.restore, locals())
        return cls(
            described.get("compiled_tolerance", TOLERANCE),
            described.get("compiled_collisions_asked"),
            described.get("compiled_exceeded", "refuse"),
            mixture=described.get("compiled_mixture_asked", 1),
        )

    def compile(self, network: Network, times: FloatArray) -> CompiledCircuits:
        """Return the circuits at `times`: those of `pairs`, or newly compiled ones."""
        check_arguments(ConstantDepth.compile, locals())
        three = len(network.memristors) == 3
        if not self.pairs:
            asked: dict[str, Any] = {"collisions": self.collisions, "tolerance": self.tolerance}
            if three:
                return compile_triples(
                    network, times, **asked, mixture=self.mixture, exceeded=self.exceeded
                )
            return compile_pairs(network, times, **asked, exceeded=self.exceeded)
        if three != isinstance(self.pairs[0], CompiledTriple):
            raise ValueError(
                "Argument pairs must be the circuits of as many memristors as the network has, but "
                f"{type(self.pairs[0]).__name__} was given for {len(network.memristors)}."
            )
        if not three:
            check_pair(network)
        if not np.array_equal([pair.time for pair in self.pairs], times):
            raise ValueError(
                f"Argument times must be those of the compiled pairs, {len(self.pairs)} from "
                f"{self.pairs[0].time:g} to {self.pairs[-1].time:g}, but {len(times)} from "
                f"{times[0]:g} to {times[-1]:g} were given; leave pairs out to compile anew."
            )
        return self.pairs


def stored_circuits(compiled: CompiledCircuits) -> dict[str, Any]:
    """Return compiled circuits as arrays for a file; `restored_circuits` brings back every bit."""
    if not compiled:
        return {}
    pairs = [item for item in compiled if isinstance(item, CompiledPair)]
    three = [item for item in compiled if isinstance(item, CompiledTriple)]
    return stored_triples(three) if three else stored_pairs(pairs)


def restored_circuits(stored: Mapping[str, Any]) -> CompiledCircuits:
    """Return what `stored_circuits` made arrays of; three memristors say who is coupled."""
    return restored_triples(stored) if "members" in stored else restored_pairs(stored)
