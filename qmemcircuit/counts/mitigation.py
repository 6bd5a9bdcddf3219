"""Error mitigation, declared before the measurement and carried by the record.

`Mitigation` says which noise factors and readout calibrations are measured and how they are
combined; `run`, `submit` and `collect` measure them, and `mitigate` combines them. Everything is a
linear function of measured frequencies, so every error bar is propagated from the counts and
includes the price: correcting readout by 5 % flips multiplies errors by 1.1 a qubit, the linear
extrapolation of factors 1, 3, 5 by 1.21 (and needs three runs).

That it is declared first is the point: several extrapolations with a choice at the end are a bias
with an error bar. Folding two-qubit gates leaves the errors of one-qubit gates and of waiting as
they are; folding everything leaves those of readout and of a reset's outcome. No error bar knows
of the bias that is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import (
    ComplexArray,
    FloatArray,
    check_boolean,
    check_choice,
    check_integer,
)
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.extrapolation import (
    Extrapolation,
    FittedRate,
    exponential_weights,
    kind_of,
    polynomial_weights,
    pooled_rates,
)
from qmemcircuit.counts.means import (
    Terms,
    is_tomography,
    joint_weights,
    measured_labels,
    pauli_weights,
    tomography_states,
    weighted_mean,
)
from qmemcircuit.counts.readout import Inversion, Readout, check_inversion
from qmemcircuit.counts.samples import Samples


@data_object
@dataclass(frozen=True)
class Mitigation:
    """What is measured against a device's errors, and how it is combined.

    Attributes:
        factors: noise factors, odd and increasing from 1: each is a run of all circuits with that
            much more noise, with the full number of shots.
        order: of the polynomial in the factor that is fitted by least squares and extrapolated to
            0; None is 1, or 0 for one factor.
        fold_all: whether all gates and waits are folded (see `folding.fold_all_noise`), or
            two-qubit gates alone.
        extrapolation: `"polynomial"`, or `"exponential"` with rates pooled over times and alike
            Paulis and means joint over settings (see `extrapolation`): for one or two memristors
            with the same gates at all times, `fold_all` and at least three factors.
        readout: whether readout flips are measured (two circuits more) and undone.
        inversion: how: `"tensored"` inverts on all outcomes, `"mthree"` on those seen (needs the
            extra `mitigation`).

    Raises ValueError or TypeError where they do not fit together.
    """

    factors: tuple[int, ...] = (1,)
    _: KW_ONLY
    order: int | None = None
    fold_all: bool = False
    extrapolation: Extrapolation = "polynomial"
    readout: bool = True
    inversion: Inversion = "tensored"

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
        for name in ("readout", "fold_all"):
            check_boolean(name, getattr(self, name))
        order = check_integer("order", self.degree, minimum=0)
        if order >= len(factors):
            raise ValueError(
                f"Argument order must be below the number of factors, but order {order} was given "
                f"for {list(factors)}; measure more factors."
            )
        check_inversion(self.inversion)
        check_choice("extrapolation", self.extrapolation, get_args(Extrapolation))
        if self.extrapolation == "exponential":
            self._check_exponential()

    def _check_exponential(self) -> None:
        for wrong, found, remedy in (
            (len(self.factors) < 3, f"factors {list(self.factors)}", "give at least three"),
            (not self.fold_all, "fold_all=False", "give fold_all=True: all noise must grow alike"),
            (self.order is not None, f"order {self.order}", "leave it out"),
            (self.inversion == "mthree", "inversion='mthree'", "use 'tensored'"),
        ):
            if wrong:
                raise ValueError(
                    f"Argument extrapolation must be 'polynomial' with {found}, but 'exponential' "
                    f"was given; {remedy}."
                )

    @property
    def degree(self) -> int:
        """The order of the extrapolation with its default filled in."""
        return min(1, len(self.factors) - 1) if self.order is None else self.order

    def __str__(self) -> str:
        """Return the declaration in one line."""
        folded = "all gates and waits" if self.fold_all else "two-qubit gates"
        how = f"polynomial of order {self.degree}"
        if self.extrapolation == "exponential":
            how = "exponential, pooled rates"
        readout = f"readout {self.inversion}" if self.readout else "readout as it is"
        if len(self.factors) == 1:
            return f"{readout}, no extrapolation"
        return f"{readout}, {folded} folded by {list(self.factors)}, {how}"

    def describe(self) -> dict[str, Any]:
        """Return the declaration as JSON values."""
        return {**asdict(self), "factors": list(self.factors)}


@data_object
@dataclass(frozen=True, eq=False)
class Assumption:
    """What the combination of the counts takes for known.

    Attributes:
        flips: readout flips, shape (M, 2), or None.
        rates: the decay rate of each kind of label; empty for polynomials.
    """

    flips: FloatArray | None
    rates: Mapping[str, float]


@data_object
@dataclass(frozen=True, eq=False)
class MitigatedSamples:
    """Counts at every noise factor, the readout calibration, and how they are combined.

    Attributes:
        mitigation: as it was declared.
        runs: the counts at each of its factors.
        readout: the calibration, or None where none was declared.
    """

    mitigation: Mitigation
    runs: tuple[Samples, ...]
    readout: Readout | None

    def __post_init__(self) -> None:
        check_fields(self)
        factors, first = self.mitigation.factors, self.runs[0] if len(self.runs) else None
        if first is None or len(self.runs) != len(factors):
            raise ValueError(
                f"Argument runs must hold the counts of factors {list(factors)}, but there are "
                f"{len(self.runs)}."
            )
        for run in self.runs:
            if run.bases != first.bases or run.counts.shape != first.counts.shape:
                raise ValueError(
                    "Argument runs must have the same times and settings, but they differ; "
                    "collect all of them completely first."
                )
        if (self.readout is not None) != self.mitigation.readout:
            raise ValueError(
                f"Argument readout must be a calibration just where one is declared, but "
                f"{self.readout!r} was given with readout={self.mitigation.readout}."
            )
        memristors = len(first.bases[0])
        if self.mitigation.extrapolation == "exponential" and memristors > 2:
            raise ValueError(
                f"Argument extrapolation must be 'polynomial' for {memristors} memristors, but "
                "'exponential' was declared: rates are pooled over all Paulis of one or two."
            )
        if self.readout is not None and self.readout.memristors != memristors:
            raise ValueError(
                f"Argument readout must be of {memristors} memristors, but it is of "
                f"{self.readout.memristors}."
            )

    def under(self, mitigation: Mitigation) -> MitigatedSamples:
        """Return the same counts as if `mitigation` had been declared, e.g. readout alone.

        Raises ValueError where it needs a noise factor or a readout calibration that was not
        measured.
        """
        check_arguments(MitigatedSamples.under, locals())
        here = self.mitigation.factors
        missing = [factor for factor in mitigation.factors if factor not in here]
        if missing or (mitigation.readout and self.readout is None):
            lacking = f"factor {missing[0]}" if missing else "a readout calibration"
            raise ValueError(
                f"Argument mitigation must need only what was measured, factors {list(here)}"
                f"{'' if self.readout is None else ' and readout'}, but it needs {lacking}."
            )
        runs = tuple(self.runs[here.index(factor)] for factor in mitigation.factors)
        return MitigatedSamples(mitigation, runs, self.readout if mitigation.readout else None)

    @property
    def bases(self) -> tuple[str, ...]:
        """The measurement settings, the same at every factor."""
        return self.runs[0].bases

    @cached_property
    def decay_rates(self) -> dict[str, FittedRate]:
        """The fitted decay rate of each kind of label; none for a polynomial."""
        if self.mitigation.extrapolation == "polynomial":
            return {}
        flips = None if self.readout is None else self.readout.flips
        means, variances = [], []
        for run, weights in zip(self.runs, self._joint(flips), strict=True):
            pairs = [weighted_mean(run.counts, weights[..., p]) for p in range(weights.shape[3])]
            mean, variance = (np.stack(part, axis=1) for part in zip(*pairs, strict=True))
            means.append(mean)
            variances.append(variance)
        labels = measured_labels(self.bases)
        factors = self.mitigation.factors
        return pooled_rates(np.array(means), labels, factors, np.array(variances))

    @cached_property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Flips and rates as measured, then with one of them moved by its standard error."""
        flips = None if self.readout is None else self.readout.flips
        if flips is not None and np.any(flips.sum(axis=1) >= 1):
            raise ValueError(
                f"Argument record must have a readout calibration better than chance, but its "
                f"flips are {flips.tolist()}; measure again with another layout or more shots. "
                "estimate(record) takes the raw counts."
            )
        rates = self.decay_rates
        values = {kind: rate.value for kind, rate in rates.items()}
        found = [Assumption(flips, values)]
        if flips is not None and self.readout is not None:
            for place in np.ndindex(flips.shape):
                moved = flips.copy()
                moved[place] += self.readout.flip_errors[place]
                found.append(Assumption(moved, values))
        for kind, rate in rates.items():
            other = rate.moved(self.mitigation.factors).value
            found.append(Assumption(flips, {**values, kind: other}))
        return tuple(found)

    def coefficients(self, label: str, assumption: Assumption | None = None) -> FloatArray:
        """Return the weight of each run in the extrapolated mean of `label`, summing to 1."""
        check_arguments(MitigatedSamples.coefficients, locals())
        mitigation = self.mitigation
        if mitigation.extrapolation == "polynomial":
            return polynomial_weights(mitigation.factors, mitigation.degree)
        if set(label) == {"I"}:
            return np.full(len(self.runs), 1 / len(self.runs))
        rates = (assumption or self.assumptions[0]).rates
        if kind_of(label) not in rates:
            pauli_weights(self.runs[0], {label: 1.0})  # says which setting is missing
        return exponential_weights(mitigation.factors, rates[kind_of(label)])

    def combine(self, terms: Terms) -> tuple[FloatArray, FloatArray]:
        """Return Σ coefficient × <Pauli>, mitigated, and its standard error, each (T,).

        The error has the shots of all runs (as in `weighted_mean`, correlations included) and the
        uncertainty of the measured flips and rates. It does not have what extrapolation leaves.
        """
        check_arguments(MitigatedSamples.combine, locals())
        mean, variance = self._value(terms, self.assumptions[0])
        for moved in self.assumptions[1:]:
            variance = variance + (self._value(terms, moved)[0] - mean) ** 2
        return mean, np.sqrt(variance)

    def _value(self, terms: Terms, assumption: Assumption) -> tuple[FloatArray, FloatArray]:
        times = self.runs[0].counts.shape[0]
        mean, variance = np.zeros(times), np.zeros(times)
        coefficients = {label: self.coefficients(label, assumption) for label in terms}
        for number, run in enumerate(self.runs):
            scaled = {
                label: np.asarray(factor) * coefficients[label][number]
                for label, factor in terms.items()
            }
            one, spread = weighted_mean(run.counts, self._weights(number, scaled, assumption))
            mean, variance = mean + one, variance + spread
        return mean, variance

    def _weights(self, number: int, terms: Terms, assumption: Assumption) -> FloatArray:
        """Return the weights of one run's frequencies, (T, B, 2^M), readout corrected."""
        run = self.runs[number]
        if self.mitigation.extrapolation == "exponential":
            table = self._joint(assumption.flips)[number]
            labels = measured_labels(self.bases)
            factors = np.zeros((run.counts.shape[0], len(labels)))
            for label, factor in terms.items():
                if label not in labels:
                    pauli_weights(run, {label: 1.0})
                factors[:, labels.index(label)] += factor
            return np.asarray(np.einsum("tskp,tp->tsk", table, factors))
        weights = pauli_weights(run, terms)
        if self.readout is None:
            return weights
        if self.mitigation.inversion == "mthree":
            return self.readout.correct_seen(weights, run.counts, assumption.flips)
        return self.readout.correct(weights, assumption.flips)

    def _joint(self, flips: FloatArray | None) -> list[FloatArray]:
        """Return `joint_weights` of every run, kept: each mean asks for them again."""
        key = b"" if flips is None else flips.tobytes()
        if key not in self._tables:
            self._tables[key] = [joint_weights(run, flips) for run in self.runs]
        return self._tables[key]

    @cached_property
    def _tables(self) -> dict[bytes, list[FloatArray]]:
        return {}

    def states(self) -> ComplexArray:
        """Return the physical states nearest to the linear inversion, (T, 2^M, 2^M), M ≤ 2.

        Raises ValueError where the settings are not those of a tomography.
        """
        if not is_tomography(self.runs[0]):
            raise ValueError(
                f"Argument runs must hold the tomography of one or two memristors, but the "
                f"settings are {', '.join(self.bases)}; run with bases='tomography'."
            )
        here = self.assumptions[0]
        return tomography_states(lambda terms: self._value(terms, here), len(self.bases[0]))

    def arrays(self) -> dict[str, Any]:
        """Return the counts by name, as `restore` takes them."""
        named = zip(self.mitigation.factors, self.runs, strict=True)
        found = {f"factor_{factor}": run.counts for factor, run in named}
        if self.readout is not None:
            found["readout"] = self.readout.counts
        return found


def restore_mitigated(
    described: Mapping[str, Any], bases: tuple[str, ...], arrays: Mapping[str, Any]
) -> MitigatedSamples:
    """Return what `Mitigation.describe` and `MitigatedSamples.arrays` wrote."""
    mitigation = restore_mitigation(described)
    runs = tuple(Samples(bases, arrays[f"factor_{factor}"]) for factor in mitigation.factors)
    readout = Readout(arrays["readout"]) if mitigation.readout else None
    return MitigatedSamples(mitigation, runs, readout)


def restore_mitigation(described: Mapping[str, Any]) -> Mitigation:
    """Return what `Mitigation.describe` wrote."""
    return Mitigation(**{**described, "factors": tuple(described["factors"])})
