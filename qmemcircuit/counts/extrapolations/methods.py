"""The methods of extrapolation by name: a new one is a file beside these and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from qmemcircuit.counts.extrapolations.exponential import Exponential
from qmemcircuit.counts.extrapolations.polynomial import Polynomial
from qmemcircuit.counts.extrapolations.protocols import ExtrapolationMethod
from qmemcircuit.counts.extrapolations.shaped import Shaped

Extrapolation = Literal["polynomial", "exponential", "shaped"]

METHODS: Mapping[str, ExtrapolationMethod] = {
    "polynomial": Polynomial(),
    "exponential": Exponential(),
    "shaped": Shaped(),
}
