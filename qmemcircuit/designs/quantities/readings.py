"""Quantities of one time: V or I of a memristor, the distance of the state to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import density_matrices
from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.designs.loop_gradients import NoDerivativeError
from qmemcircuit.designs.quantities.quantity import check_device, check_index
from qmemcircuit.designs.solution import Seeds, Solution, mean_gradient
from qmemcircuit.results.trajectory import Trajectory


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
        check_device(solution, self.device)
        index = check_index(solution, self.index)
        one = np.zeros_like(values)
        one[index, self.device] = 1.0
        seeds = Seeds(voltage=one) if self.series == "voltage" else Seeds(current=one)
        return float(values[index, self.device]), seeds


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
        index = check_index(solution, self.index)
        states = density_matrices(solution.means[[index]])[0]
        held = self.reference.states.shape
        if held != (len(solution.times), *states.shape):
            raise ValueError(
                "Argument reference must hold a state of the model's memristors at each of its "
                f"times, {(len(solution.times), *states.shape)}, but its states are {held}."
            )
        apart, vectors = np.linalg.eigh(states - self.reference.states[index])
        if np.min(np.abs(apart)) < 1e-12:
            raise NoDerivativeError(
                "Argument quantity must have a derivative, but an eigenvalue of the states' "
                f"difference is {float(np.min(np.abs(apart))):.2g}, where its size bends."
            )
        slope = 0.5 * (vectors * np.sign(apart)) @ vectors.conj().T
        means = np.zeros_like(solution.means)
        means[index] = mean_gradient(slope)
        return float(0.5 * np.abs(apart).sum()), Seeds(means=means)
