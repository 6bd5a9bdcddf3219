"""Resets that err: how often a reset leaves |1>, measured, and the inverse of that error.

A reset that leaves |1> with probability r, whatever came before, is a perfect reset followed by
the channel ρ → (1 − r) ρ + r XρX. Its inverse is no channel, but a difference of two,

    [(1 − r) · as it is − r · with an X after the reset] / (1 − 2r):

the circuit is run both ways, and the means are subtracted (a quasi-probability; Temme, Bravyi and
Gambetta, Phys. Rev. Lett. 119, 180509). With R resets there are 2^R circuits. Their shots are
shared as the weights' sizes are, and errors then grow by 1/(1 − 2r) for each reset.

`ResetCalibration` knows r from the counts of five short circuits on each ancilla: |0> and |1> read
at once (the readout's flips), reset first, and |1> reset twice. What the inverse is *not* good
for: a reset whose outcome depends on what came before (the two inputs then show different r; half
of their difference is taken as error of r), and errors of the neighbours while it resets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, IntArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.samples import calibration_counts

PREPARATIONS = ("0", "1", "0 reset", "1 reset", "1 reset twice")
"""What each ancilla is read after, in the order of the counts."""

MOST_RESETS = 4
"""Of a circuit whose reset errors are inverted: 2^4 circuits stand for one."""


@data_object
@dataclass(frozen=True, eq=False)
class ResetCalibration:
    """How often the reset of each ancilla leaves |1>, as measured.

    Attributes:
        counts: shape (A, 5, 2): of each ancilla, after each of `PREPARATIONS`, how often 0 and 1
            were read. Ancilla j is memristor j's.

    Raises ValueError for another shape, and for a preparation without shots.

    >>> import numpy as np
    >>> import qmemcircuit as qm
    >>> counts = np.full((1, 5, 2), 500)
    >>> counts[0, :, 1] = [10, 990, 20, 30, 25]
    >>> calibration = qm.ResetCalibration(counts)
    >>> calibration.errors.shape  # one for each ancilla
    (1,)
    """

    counts: IntArray

    def __post_init__(self) -> None:
        check_fields(self)
        counts = np.asarray(self.counts)
        if counts.ndim != 3 or counts.shape[1:] != (len(PREPARATIONS), 2) or not len(counts):
            raise ValueError(
                f"Argument counts must have shape (A, {len(PREPARATIONS)}, 2), but "
                f"{counts.shape} was given; measure_resets(…) makes them."
            )
        object.__setattr__(self, "counts", calibration_counts(counts, "every preparation"))

    @property
    def ancillas(self) -> int:
        """Their number A."""
        return int(self.counts.shape[0])

    @property
    def by_input(self) -> tuple[FloatArray, FloatArray]:
        """After |0>, after |1>, and after |1> reset twice: r and its standard error, each (A, 3).

        Readout is undone; r below 0 by shot noise is left so. Where the readout tells nothing
        apart, errors are infinite.
        """
        shots = self.counts.sum(axis=2)
        ones = (self.counts[:, :, 1] + 0.5) / (shots + 1)
        variance = ones * (1 - ones) / (shots + 2)
        raw = self.counts[:, :, 1] / shots
        contrast = (raw[:, 1] - raw[:, 0])[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = (raw[:, 2:] - raw[:, :1]) / contrast
            own = variance[:, 2:] + (1 - rate) ** 2 * variance[:, :1] + rate**2 * variance[:, 1:2]
            error = np.where(contrast > 0, np.sqrt(own) / np.abs(contrast), np.inf)
        return np.where(contrast > 0, rate, 0.0), error

    @property
    def errors(self) -> FloatArray:
        """How often a reset leaves |1>, r ≥ 0 of each ancilla, (A,): the mean of both inputs."""
        return np.asarray(np.maximum(self.by_input[0][:, :2].mean(axis=1), 0.0))

    @property
    def uncertainties(self) -> FloatArray:
        """The standard error of `errors`, (A,): of the shots, and half of the inputs' difference.

        Of the difference, what shots alone make of it is taken off.
        """
        rate, error = self.by_input
        # Both inputs share the flips of the readout; taken as independent, the mean of two.
        shots = np.sum(error[:, :2] ** 2, axis=1) / 4
        apart = np.maximum((rate[:, 1] - rate[:, 0]) ** 2 / 4 - shots, 0.0)
        return np.asarray(np.sqrt(shots + apart))

    def describe(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {"counts": self.counts.tolist()}

    def __str__(self) -> str:
        """Return r of each ancilla."""
        pairs = zip(self.errors, self.uncertainties, strict=True)
        return "resets err " + ", ".join(f"{100 * r:.2f} ± {100 * e:.2f} %" for r, e in pairs)


def restore_resets(described: Mapping[str, Any] | None) -> ResetCalibration | None:
    """Return what `ResetCalibration.describe` wrote, None for None."""
    return None if described is None else ResetCalibration(np.array(described["counts"]))


def inversion_weights(errors: FloatArray) -> FloatArray:
    """Return the weights (2^R,) of the circuits with an X after some of R resets; their sum is 1.

    Bit i of a circuit's number says that reset i is followed by an X. Raises ValueError for a
    reset that errs half of the time or more: it does not tell what it leaves.

    >>> inversion_weights(np.array([0.25]))
    array([ 1.5, -0.5])
    """
    check_arguments(inversion_weights, locals())
    if np.any(np.asarray(errors) >= 0.5) or np.any(np.asarray(errors) < 0):
        raise ValueError(
            f"Argument errors must be at least 0 and below 0.5, but {np.asarray(errors).tolist()} "
            "was given; use ancilla='fresh', which resets nothing."
        )
    found = np.ones(1)
    for error in errors:
        plain, flipped = (1 - error) / (1 - 2 * error), -error / (1 - 2 * error)
        found = np.concatenate([plain * found, flipped * found])
    return found


def inversion_price(errors: FloatArray) -> float:
    """Return by how much standard errors grow, Π 1/(1 − 2r)."""
    check_arguments(inversion_price, locals())
    return float(math.prod(1 / (1 - 2 * float(error)) for error in errors))
