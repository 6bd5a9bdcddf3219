"""Slow tests are skipped unless `-m` names them."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="slow; run with -m 'slow or not slow'")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
