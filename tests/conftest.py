"""Slow tests are skipped unless `-m` names them; one BLAS thread per test process."""

from __future__ import annotations

import os

# Several test processes with several BLAS threads each wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# The same examples every time, and no time limit on them: a landing never waits on luck or load.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="slow; run with -m 'slow or not slow'")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
