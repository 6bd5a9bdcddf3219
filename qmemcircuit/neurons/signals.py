"""What a neuron's voltage, current and input are, and in which units."""

from __future__ import annotations

from dataclasses import dataclass

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True)
class Signals:
    """Each a name in words with its unit in brackets, and the unit of time.

    `variables` and `units` name the state of the neuron's `system`, in its order.
    """

    voltage: str
    current: str
    input: str
    time: str
    variables: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.units) != len(self.variables):
            raise ValueError(
                f"Argument units must name one for each of {len(self.variables)} variables, but "
                f"{len(self.units)} were given."
            )
