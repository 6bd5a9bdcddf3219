"""`Samples`: counts of measured outcomes, the independent data behind every estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import IntArray
from qmemcircuit.common.data_objects import data_object


def calibration_counts(counts: IntArray, preparations: str) -> IntArray:
    """Return the counts of a calibration, its outcomes along the last axis, as integers.

    Raises:
        ValueError: for a preparation without shots and for a negative number; `preparations` says
            which there have to be.
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

    @cached_property
    def _seen(self) -> tuple[IntArray, IntArray]:
        """The places of what was seen among all flattened counts, and how often it was."""
        places = np.flatnonzero(self.counts)
        return places, np.asarray(self.counts).ravel()[places]


def marginal_samples(samples: Samples, members: Sequence[int]) -> Samples:
    """Return the counts of some memristors' outcomes, whatever the others showed.

    Twenty memristors have a million outcomes, of which four thousand shots see four thousand: the
    work is that of what was seen.
    """
    places, numbers = samples._seen
    cells, outcomes = np.divmod(places, samples.counts.shape[2])
    own = np.zeros_like(outcomes)
    for bit, member in enumerate(members):
        own |= ((outcomes >> member) & 1) << bit
    times, settings, size = samples.counts.shape[0], len(samples.bases), 2 ** len(members)
    table = np.bincount(cells * size + own, weights=numbers, minlength=times * settings * size)
    return Samples(
        tuple("".join(basis[member] for member in members) for basis in samples.bases),
        np.rint(table).astype(np.int64).reshape(times, settings, size),
    )


def bits_seen(samples: Samples) -> tuple[IntArray, IntArray, IntArray]:
    """Return what was seen, a row each: its time and setting, (R, 2), bits, (R, M), and number."""
    places, numbers = samples._seen
    cells, outcomes = np.divmod(places, samples.counts.shape[2])
    bits = (outcomes[:, np.newaxis] >> np.arange(len(samples.bases[0]))) & 1
    return np.stack(np.divmod(cells, len(samples.bases)), axis=1), bits, numbers
