"""Resets that err on a device: which circuits undo that."""

from __future__ import annotations

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.resets import MOST_RESETS


def flipped_resets(circuits: CircuitSet, mitigation: Mitigation) -> list[tuple[int, ...]]:
    """Return which resets an X follows in each of the 2^R circuits that stand for one.

    Raises ValueError for more than four resets, and for a calibration of other ancillas.
    """
    count = circuits.resets
    if mitigation.resets is None or not count:
        return [()]
    memristors = len(circuits.network.memristors)
    if count > MOST_RESETS:
        raise ValueError(
            f"Argument resets must be None for circuits with more than {MOST_RESETS} resets, but "
            f"these have {count}: 2^{count} circuits would stand for each; give "
            "splitting='compiled' for a pair, ancilla='merged' for one memristor, or "
            "ancilla='fresh'."
        )
    if mitigation.resets.ancillas != memristors or circuits.ancilla.size != 1:
        raise ValueError(
            f"Argument resets must be a calibration of one ancilla for each of {memristors} "
            f"memristors, but it is of {mitigation.resets.ancillas} and these circuits use "
            f"{circuits.ancilla.describe()}; give ancilla='reset' and measure_resets(…) of the "
            "same model."
        )
    return [
        tuple(reset for reset in range(count) if variant >> reset & 1)
        for variant in range(2**count)
    ]


def reset_errors(circuits: CircuitSet, mitigation: Mitigation) -> FloatArray:
    """Return the measured error of each reset of the circuits, (R,); empty where none is undone."""
    count = len(flipped_resets(circuits, mitigation)).bit_length() - 1
    if mitigation.resets is None or not count:
        return np.zeros(0)
    return mitigation.resets.errors[np.arange(count) % mitigation.resets.ancillas]
