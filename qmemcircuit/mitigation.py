"""Error mitigation, declared before the measurement and carried by the record.

`Mitigation` says which noise factors and readout calibrations are measured and how they are
combined; `run`, `submit` and `collect` measure them, and `mitigate` combines them. Everything is a
linear function of measured frequencies, so every error bar is propagated from the counts and
includes the price: correcting readout by 5 % flips multiplies errors by 1.1 a qubit, the linear
extrapolation of factors 1, 3, 5 by 1.21 (and needs three runs).

That it is declared first is the point: several extrapolations with a choice at the end are a bias
with an error bar. Folding amplifies the errors of two-qubit gates; those of waiting and of resets
stay as they are, and no error bar knows of the bias that is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from qmemcircuit.checks import ComplexArray, FloatArray, check_integer
from qmemcircuit.means import (
    Terms,
    is_tomography,
    pauli_weights,
    tomography_states,
    weighted_mean,
)
from qmemcircuit.readout import Inversion, Readout, check_inversion
from qmemcircuit.trajectory import Samples


@dataclass(frozen=True)
class Mitigation:
    """What is measured against a device's errors, and how it is combined.

    Attributes:
        factors: noise factors, odd and increasing from 1: each is a run of all circuits with
            every two-qubit gate repeated that often, with the full number of shots.
        order: of the polynomial in the factor that is fitted by least squares and extrapolated to
            0; None is 1, or 0 for one factor.
        readout: whether readout flips are measured (two circuits more) and undone.
        inversion: how: `"tensored"` inverts on all outcomes, `"mthree"` on those seen (needs the
            extra `mitigation`).

    Raises ValueError or TypeError where they do not fit together.
    """

    factors: tuple[int, ...] = (1,)
    order: int | None = None
    readout: bool = True
    inversion: Inversion = "tensored"

    def __post_init__(self) -> None:
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
        if not isinstance(self.readout, bool):
            raise TypeError(
                f"Argument readout must be True or False, but {self.readout!r} was given; the "
                "method is the argument inversion."
            )
        order = check_integer("order", self.degree, minimum=0)
        if order >= len(factors):
            raise ValueError(
                f"Argument order must be below the number of factors, but order {order} was given "
                f"for {list(factors)}; measure more factors."
            )
        check_inversion(self.inversion)

    @property
    def degree(self) -> int:
        """The order of the extrapolation with its default filled in."""
        return min(1, len(self.factors) - 1) if self.order is None else self.order

    @property
    def coefficients(self) -> FloatArray:
        """The weight of each factor's run in the extrapolated value, summing to 1."""
        design = np.vander(np.array(self.factors, dtype=float), self.degree + 1, increasing=True)
        return np.asarray(np.linalg.pinv(design)[0])

    def describe(self) -> dict[str, Any]:
        """Return the declaration as JSON values."""
        return {**asdict(self), "factors": list(self.factors)}


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
        factors, first = self.mitigation.factors, self.runs[0] if self.runs else None
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
        if self.readout is not None and self.readout.memristors != memristors:
            raise ValueError(
                f"Argument readout must be of {memristors} memristors, but it is of "
                f"{self.readout.memristors}."
            )

    @property
    def bases(self) -> tuple[str, ...]:
        """The measurement settings, the same at every factor."""
        return self.runs[0].bases

    def combine(self, terms: Terms) -> tuple[FloatArray, FloatArray]:
        """Return Σ coefficient × <Pauli>, mitigated, and its standard error, each (T,).

        The error has the shots of all runs (Jeffreys posterior, correlations included) and the
        uncertainty of the measured flips. It does not have what extrapolation leaves.
        """
        mean, variance = self._value(terms, None)
        for moved in self.moved_flips():
            variance = variance + (self._value(terms, moved)[0] - mean) ** 2
        return mean, np.sqrt(variance)

    def moved_flips(self) -> list[FloatArray]:
        """Return the flips with one of them moved by its standard error, one after the other."""
        if self.readout is None:
            return []
        flips, errors = self.readout.flips, self.readout.flip_errors
        found = []
        for place in np.ndindex(flips.shape):
            moved = flips.copy()
            moved[place] += errors[place]
            found.append(moved)
        return found

    def _value(self, terms: Terms, flips: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        mean, variance = 0.0, 0.0
        for run, coefficient in zip(self.runs, self.mitigation.coefficients, strict=True):
            weights = pauli_weights(run, terms)
            if self.readout is not None and self.mitigation.inversion == "mthree":
                weights = self.readout.correct_seen(weights, run.counts, flips)
            elif self.readout is not None:
                weights = self.readout.correct(weights, flips)
            one, spread = weighted_mean(run.counts, weights)
            mean, variance = mean + coefficient * one, variance + coefficient**2 * spread
        return np.asarray(mean), np.asarray(variance)

    def states(self) -> ComplexArray:
        """Return the physical states nearest to the linear inversion, (T, 2^M, 2^M), M ≤ 2.

        Raises ValueError where the settings are not those of a tomography.
        """
        if not is_tomography(self.runs[0]):
            raise ValueError(
                f"Argument runs must hold the tomography of one or two memristors, but the "
                f"settings are {', '.join(self.bases)}; run with bases='tomography'."
            )
        return tomography_states(self.combine, len(self.bases[0]))

    def redrawn(self, random: np.random.Generator) -> MitigatedSamples:
        """Return all counts drawn anew from their frequencies, for a bootstrap; flips are kept."""
        runs = []
        for run in self.runs:
            frequencies = run.counts / run.shots[:, :, None]
            runs.append(Samples(run.bases, random.multinomial(run.shots, frequencies)))
        return replace(self, runs=tuple(runs))

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
