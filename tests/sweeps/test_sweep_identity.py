"""The name by which a finished sweep is known again."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

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


def test_results_of_other_code_are_not_returned_without_a_word(tmp_path, monkeypatch):
    """The same name with another body: the finished file was returned in silence."""
    text = "def scaled(x):\n    return {factor} * x\n"
    monkeypatch.syspath_prepend(tmp_path)
    with ThreadPoolExecutor(1) as serial:

        def run(factor: int, path: Path) -> list[float]:
            (tmp_path / "scaling.py").write_text(text.format(factor=factor))
            sys.modules.pop("scaling", None)
            linecache.clearcache()
            importlib.invalidate_caches()
            spec = importlib.util.spec_from_file_location("scaling", tmp_path / "scaling.py")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return qm.sweep(module.scaled, {"x": [1.0, 2.0]}, executor=serial, path=path).value

        target = tmp_path / "scaled.nc"
        assert run(2, target).values.tolist() == [2.0, 4.0]
        assert run(2, target).values.tolist() == [2.0, 4.0]  # no warning: they are errors here
        with pytest.warns(UserWarning, match="The code of scaling.scaled is not that with which"):
            assert run(33, target).values.tolist() == [2.0, 4.0]
        target.unlink()
        assert run(33, target).values.tolist() == [33.0, 66.0]
