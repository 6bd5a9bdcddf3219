"""What a drift says of numbers that the calibration at execution does not state."""

from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm

NOT_KNOWN = float("nan")


@pytest.mark.parametrize(
    ("factors", "verdict"),
    [
        ([1.0, 1.0], "it did not move"),
        # A coupler that was switched off has no number left: it said "it did not move".
        ([NOT_KNOWN, NOT_KNOWN], "not known: no number is stated at execution"),
        ([NOT_KNOWN, 1.0], "it did not move; 1 of 2 numbers not stated at execution"),
        ([NOT_KNOWN, 1.5], "T1 of qubit 6 × 1.50 in job; 1 of 2 numbers not stated at execution"),
    ],
)
def test_what_is_not_stated_is_not_still(factors, verdict):
    drift = qm.CalibrationDrift(
        ("job",), np.ones(1), {"T1": ("qubit 5", "qubit 6")}, {"T1": np.array([factors])}
    )
    assert drift.verdict == verdict
    assert verdict in str(drift)


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_a_quotient_of_errors_is_above_zero(factor):
    with pytest.raises(ValueError, match="Argument factors must be above 0"):
        qm.CalibrationDrift(
            ("job",), np.ones(1), {"T1": ("qubit 5",)}, {"T1": np.array([[factor]])}
        )
