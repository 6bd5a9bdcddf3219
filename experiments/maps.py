"""Parameter maps of the experiments: `sweep`, on all cores unless quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.results import Settings
from qmemcircuit.sweeps.sweep import sweep

if TYPE_CHECKING:
    import xarray


def sweep_map(
    function: Callable[..., Any], grid: Mapping[str, np.ndarray[Any, Any]], settings: Settings
) -> xarray.Dataset:
    """Return `function` over `grid`, on all cores; in this process where `settings.quick`.

    Every worker process compiles the equations for itself, which takes longer than a quick map.
    """
    if not settings.quick:
        return sweep(function, grid, progress=settings.progress)
    with ThreadPoolExecutor(1) as here:
        return sweep(function, grid, executor=here, progress=settings.progress)
