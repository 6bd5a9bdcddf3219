"""`Samples`: counts of measured outcomes, the independent data behind every estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import IntArray
from qmemcircuit.common.data_objects import data_object


def calibration_counts(counts: IntArray, preparations: str) -> IntArray:
    """Return the counts of a calibration, its outcomes along the last axis, as integers.

    Raises ValueError for a preparation without shots and for a negative number; `preparations`
    says which there have to be.
    """
    found = np.asarray(counts)
    if np.any(found < 0) or np.any(found.sum(axis=-1) == 0):
        raise ValueError(
            f"Argument counts must hold shots of {preparations} and no negative number, but "
            f"{found.tolist()} was given."
        )
    return found.astype(np.int64)


@data_object
@dataclass(frozen=True, eq=False)
class Samples:
    """Counts of measured outcomes: the independent data behind every estimate.

    Attributes:
        bases: measurement settings, one letter per memristor, memristor 0 first: `("X", "Y")`
            for one memristor, `("XX", "XY", …)` for two. Length B.
        counts: shape (T, B, 2^M); `counts[t, s, k]` is how often outcome k was seen at time t
            in setting s. Bit j of k is memristor j's outcome; 0 is the eigenvalue +1.

    >>> import qmemcircuit as qm
    >>> import numpy as np
    >>> samples = qm.Samples(("Y",), np.array([[[60, 40]]]))  # one time, one setting
    >>> int(samples.counts.sum())
    100
    """

    bases: tuple[str, ...]
    counts: IntArray

    def __post_init__(self) -> None:
        check_fields(self)
        memristors = len(self.bases[0]) if len(self.bases) else 0
        wanted = (len(self.bases), 2**memristors)
        if not len(self.bases) or np.ndim(self.counts) != 3 or np.shape(self.counts)[1:] != wanted:
            raise ValueError(
                f"Argument counts must have shape (T, {wanted[0]}, {wanted[1]}) for the bases "
                f"{self.bases}, but shape {np.shape(self.counts)} was given."
            )
        if np.any(self.counts < 0):
            raise ValueError(
                "Argument counts must not be negative, but a negative count was given."
            )

    @property
    def shots(self) -> IntArray:
        """Shots actually taken at each time and setting, shape (T, B)."""
        return np.asarray(self.counts.sum(axis=2))
