"""The name by which a finished sweep is known again."""

from __future__ import annotations

import functools

import numpy as np

import qmemcircuit as qm
from qmemcircuit.sweeps.identity import describe_function


def largest(trajectory: qm.Trajectory, factor: float) -> float:
    return factor * float(trajectory.voltage.max())


def test_another_bound_trajectory_is_another_sweep():
    made = qm.Trajectory(np.arange(2.0), np.zeros((2, 1)), np.ones((2, 1)))
    name = describe_function(functools.partial(largest, made))
    assert "times=array float64 (2,)" in name
    for change in ({"voltage": made.voltage + 1}, {"current_error": np.ones((2, 1))}):
        other = functools.partial(largest, made.replace(**change))
        assert describe_function(other) != name
