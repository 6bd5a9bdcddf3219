"""Quantities that a design may not cheat on: damping over a period, strength of a coupling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.designs.loop_gradients import NoDerivativeError
from qmemcircuit.designs.quantities.quantity import check_device
from qmemcircuit.designs.solution import Seeds, Solution


@data_object
@dataclass(frozen=True)
class DecayIntegral:
    """∫Γ dt of one memristor over its first period.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> times = memristor.periods(1, points=21)
    >>> found = qm.gradient(memristor, times, designs.DecayIntegral(), ["rate.gamma0"])
    >>> bool(abs(found.value - 0.4 * found.derivatives["rate.gamma0"]) < 1e-9)  # proportional to γ0
    True
    """

    device: int = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the integral and its seeds."""
        check_device(solution, self.device)
        item = solution.network.memristors[self.device]
        return float(item.decay_integral(0.0, item.period)), Seeds(decay={self.device: 1.0})


@data_object
@dataclass(frozen=True)
class CouplingStrength:
    """The largest eigenvalue's size of one coupling's H/ħ, in 1/time: |g| of a native one.

    At no coupling its derivative does not exist (NoDerivativeError).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> float(
    ...     qm.gradient(
    ...         pair, [0.0, 2.0], designs.CouplingStrength(), ["couplings.0.strength"]
    ...     ).value
    ... )
    0.06
    """

    coupling: int = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the strength and its seeds."""
        couplings = solution.network.couplings
        if not 0 <= self.coupling < len(couplings):
            raise ValueError(
                f"Argument coupling must be one of the model's {len(couplings)}, but "
                f"{self.coupling} was given."
            )
        energies, vectors = np.linalg.eigh(couplings[self.coupling][1].hamiltonian())
        k = int(np.argmax(np.abs(energies)))
        if energies[k] == 0:
            raise NoDerivativeError(
                "Argument quantity must have a derivative, but the coupling's strength is 0."
            )
        slope = np.sign(energies[k]) * np.outer(vectors[:, k], vectors[:, k].conj())
        return abs(float(energies[k])), Seeds(hamiltonians={self.coupling: slope})
