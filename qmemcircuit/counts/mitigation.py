"""Error mitigation, declared before the measurement and carried by the record.

`Mitigation` says which noise factors and calibrations are measured and how they are combined;
`run`, `submit` and `collect` measure them, and `mitigate` combines them (`MitigatedSamples`).

That it is declared first is the point: several extrapolations with a choice at the end are a bias
with an error bar. Folding two-qubit gates leaves the errors of one-qubit gates and of waiting as
they are; folding everything leaves those of readout and of a reset's outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import Any, Literal, get_args

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import check_boolean, check_choice, check_integer, check_real
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.extrapolations.methods import METHODS, Extrapolation
from qmemcircuit.counts.extrapolations.protocols import ExtrapolationMethod
from qmemcircuit.counts.readout import Inversion, check_inversion
from qmemcircuit.counts.resets import ResetCalibration, restore_resets

Allocation = Literal["equal", "predicted"]
"""How shots are shared: alike over all circuits, or as the calibrated model predicts is best."""


# More than ten fields: a declaration is written as one call, and each word is a decision by itself.
@data_object
@dataclass(frozen=True)
class Mitigation:
    """What is measured to undo a device's errors on means, and how it is combined.

    When to take which: docs/pages/concepts/devices.md.

    Attributes:
        factors: noise factors, odd and increasing from 1. For each, all circuits are run with that
            much more noise.
        order: of the polynomial in the factor that is fitted by least squares and extrapolated to
            no noise; None is 1, or 0 for one factor.
        fold_all: whether all gates and waits are folded, or two-qubit gates alone.
        extrapolation: `"polynomial"`; `"exponential"`, with rates pooled over times (one or two
            memristors with the same gates at all times, `fold_all`, at least three factors); or
            `"shaped"`, where the calibration says how noise changes each mean and factors (1, 3)
            measure how large it is. It is *not* a test of the circuit: a wrong one is corrected by
            the right one's shape.
        readout: whether readout flips are measured (two circuits more) and undone.
        inversion: how they are undone: `"tensored"` on all outcomes, `"mthree"` on those seen
            (needs the extra `mitigation`).
        allocation: `"equal"`, all circuits take the same shots; `"predicted"`, the same number in
            all is shared so that the errors predicted from the calibration are least.
        exchange: declares that a pair's memristors are identical, so that all means are symmetric.
            The antisymmetric ones test it (`MitigatedSamples.exchange_residuals`).
        drift: for `"shaped"`, the share by which calibrated numbers may be off, each by itself;
            the error bar contains what that does.
        resets: a calibration of the resets (`measure_resets`), whose errors are then inverted:
            for each reset, every circuit is also run with an X after it.

    Raises:
        ValueError, TypeError: where they do not fit together.

    >>> import qmemcircuit as qm
    >>> mitigation = qm.Mitigation(
    ...     (1, 3), fold_all=True
    ... )
    >>> mitigation.factors, mitigation.readout
    ((1, 3), True)
    """

    factors: tuple[int, ...] = (1,)
    _: KW_ONLY
    order: int | None = None
    fold_all: bool = False
    extrapolation: Extrapolation = "polynomial"
    readout: bool = True
    inversion: Inversion = "tensored"
    allocation: Allocation = "equal"
    exchange: bool = False
    drift: float = 0.2
    resets: ResetCalibration | None = None

    def __post_init__(self) -> None:
        check_fields(self, own=("factors", "inversion"))
        if isinstance(self.factors, str) or not isinstance(self.factors, Sequence):
            raise TypeError(
                f"Argument factors must be a sequence of integers, but {self.factors!r} was given; "
                "(1, 3, 5) is one."
            )
        factors = tuple(check_integer("factors", factor, minimum=1) for factor in self.factors)
        if not factors or factors[0] != 1 or list(factors) != sorted(set(factors)):
            raise ValueError(
                f"Argument factors must increase from 1, but {list(self.factors)} was given; "
                "(1, 3, 5) is usual."
            )
        if any(factor % 2 == 0 for factor in factors):
            raise ValueError(
                f"Argument factors must be odd, but {list(factors)} was given: a gate repeated an "
                "even number of times does nothing."
            )
        object.__setattr__(self, "factors", factors)
        for name in ("readout", "fold_all", "exchange"):
            check_boolean(name, getattr(self, name))
        order = check_integer("order", self.degree, minimum=0)
        if order >= len(factors):
            raise ValueError(
                f"Argument order must be below the number of factors, but order {order} was given "
                f"for {list(factors)}; measure more factors."
            )
        check_inversion(self.inversion)
        check_choice("extrapolation", self.extrapolation, get_args(Extrapolation))
        check_choice("allocation", self.allocation, get_args(Allocation))
        drift = check_real("drift", self.drift, minimum=0)
        if drift >= 1:
            raise ValueError(
                f"Argument drift must be below 1, but {drift:g} was given: calibrated numbers that "
                "are off by their own size tell no shape; calibrate again."
            )
        self._check_method()

    def _check_method(self) -> None:
        """Raise ValueError where the method does not take what else is declared."""
        refusals = self.method.refusals(
            self, fold_all=self.fold_all, own_order=self.order is not None
        )
        joint = self.method.fits or self.exchange
        mthree = (joint and self.inversion == "mthree", "inversion='mthree'", "use 'tensored'")
        for wrong, found, remedy in (*refusals, mthree):
            if wrong and self.method.fits:
                raise ValueError(
                    f"Argument extrapolation must be 'polynomial' with {found}, but "
                    f"{self.extrapolation!r} was given; {remedy}."
                )
            if wrong:
                raise ValueError(
                    f"Argument exchange must be False with {found}, but it is True; {remedy}."
                )

    @property
    def degree(self) -> int:
        """The order of the extrapolation with its default filled in."""
        return min(1, len(self.factors) - 1) if self.order is None else self.order

    @property
    def method(self) -> ExtrapolationMethod:
        """How means at the factors become those at no noise."""
        return METHODS[self.extrapolation]

    @property
    def predicts(self) -> bool:
        """Whether the calibrated model's prediction is needed to combine the counts."""
        return self.method.predicts

    def __str__(self) -> str:
        """Return the declaration in one line."""
        folded = "all gates and waits" if self.fold_all else "two-qubit gates"
        how = self.method.describe(self)
        words = [f"readout {self.inversion}" if self.readout else "readout as it is"]
        if len(self.factors) == 1:
            words.append(how if self.method.predicts else "no extrapolation")
        else:
            words += [f"{folded} folded by {list(self.factors)}", how]
        if self.allocation != "equal":
            words.append(f"shots as {self.allocation}")
        if self.exchange:
            words.append("identical memristors")
        if self.resets is not None:
            words.append("reset errors inverted")
        return ", ".join(words)

    def describe(self) -> dict[str, Any]:
        """Return the declaration as JSON values."""
        resets = None if self.resets is None else self.resets.describe()
        plain = asdict(replace(self, resets=None))
        return {**plain, "factors": list(self.factors), "resets": resets}


def restore_mitigation(described: Mapping[str, Any]) -> Mitigation:
    """Return what `Mitigation.describe` wrote; records of before November 2026 have fewer words."""
    resets = restore_resets(described.get("resets"))
    return Mitigation(**{**described, "factors": tuple(described["factors"]), "resets": resets})
