"""Compiled functions never outlive a change of what they call."""

from __future__ import annotations

import os
from pathlib import Path

import numba

from qmemcircuit.neurons.dynamics.integration.kernels import cache_folder, njit
from qmemcircuit.neurons.shuttle import digital_step, field


def test_a_change_of_any_source_leaves_the_cache_behind(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    caller, called = tmp_path / "caller.py", tmp_path / "inner" / "called.py"
    for path in (caller, called):
        path.write_text("1\n")

    def folder() -> Path:
        cache_folder.cache_clear()
        return cache_folder(tmp_path)

    before = folder()
    assert folder() == before
    at = called.stat()
    os.utime(called, ns=(at.st_atime_ns, at.st_mtime_ns + 1))
    touched = folder()
    assert touched != before
    (tmp_path / "third.py").write_text("")
    assert folder() not in (before, touched)


def test_kernels_are_kept_there_and_other_functions_elsewhere() -> None:
    setting = numba.config.CACHE_DIR
    for kernel in (digital_step.close_loop, field.elements):
        assert Path(kernel.stats.cache_path).is_relative_to(cache_folder())
    assert setting == numba.config.CACHE_DIR

    @njit(cache=False)
    def doubled(value: float) -> float:
        return 2 * value

    assert doubled(1.5) == 3.0
