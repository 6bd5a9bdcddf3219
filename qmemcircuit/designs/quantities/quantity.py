"""What every quantity gives: its value, and the `Seeds` that say how it moves.

To add one, write a class with the method of `Quantity` in the file of its kind.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from qmemcircuit.designs.solution import Seeds, Solution


@runtime_checkable
class Quantity(Protocol):
    """One number of a solution, with its derivatives.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> isinstance(designs.FormFactor(), designs.Quantity)
    True
    """

    def measure(self, solution: Solution) -> tuple[float, Seeds]:
        """Return the value, and how it moves; NoDerivativeError (a ValueError) where it cannot."""
        ...


def check_device(solution: Solution, device: int) -> None:
    """Refuse a memristor that the model does not have."""
    count = len(solution.network.memristors)
    if not 0 <= device < count:
        raise ValueError(
            f"Argument device must be one of the model's {count} memristors, but {device} was "
            "given."
        )


def check_index(solution: Solution, index: int) -> int:
    """Return the place of a time counted from 0, or from the end where negative; refuse others."""
    count = len(solution.times)
    if not -count <= index < count:
        raise ValueError(
            f"Argument index must be of one of the {count} times, but {index} was given."
        )
    return index % count
