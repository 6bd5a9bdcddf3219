"""The table of coverages: its verdicts, and that every family makes rows."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.benchmarks.coverage import FAMILIES, Row, mitigated_values


def row(coverage: list[float]) -> Row:
    return Row("V", "law", 100, 1000, np.arange(len(coverage)), np.array(coverage))


def test_verdicts():
    assert row([0.95, 0.96, 0.955]).verdict == "holds"
    assert row([0.95, 0.5, 0.3]).verdict == "FAILS at 2 of 3 times"
    assert row([0.99, 0.999, 0.98]).verdict == "wide"
    assert "FAILS" in str(row([0.95, 0.5, 0.3]))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_makes_rows(family):
    first = next(family(20))
    assert first.coverage.shape == first.times.shape
    assert np.all((first.coverage >= 0) & (first.coverage <= 1))


def test_mitigated_values_hold():
    assert all("FAILS" not in found.verdict for found in mitigated_values(60))
