"""A χ² with its degrees of freedom: how well counts fit what they were held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import check_integer, check_real
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True)
class ChiSquared:
    """A sum of squares of normal numbers, if what was assumed is true.

    Attributes:
        value: χ² ≥ 0.
        degrees: of freedom, at least 1.

    Raises:
        ValueError: where one is out of range.
    """

    value: float
    degrees: int

    def __post_init__(self) -> None:
        check_fields(self)
        check_real("value", self.value, minimum=0)
        check_integer("degrees", self.degrees, minimum=1)

    @property
    def p_value(self) -> float:
        """The probability of a χ² at least as large, if what was assumed is true."""
        from scipy.special import chdtrc

        return float(chdtrc(self.degrees, self.value))

    def __str__(self) -> str:
        """Return χ², its degrees of freedom and its p-value."""
        return f"χ² = {self.value:.1f} of {self.degrees}, p = {self.p_value:.2g}"

    def describe(self) -> dict[str, Any]:
        """Return the three as JSON values."""
        return {"value": self.value, "degrees": self.degrees, "p_value": self.p_value}
