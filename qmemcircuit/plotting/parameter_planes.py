"""Maps: one result of a `sweep` over two of its parameters, as a coloured plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.plotting.figures import house_style, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from xarray import Dataset


def plot_map(
    dataset: Dataset,
    name: str | None = None,
    *,
    ax: Axes | None = None,
    cmap: str | None = None,
    label: str | None = None,
) -> Axes:
    """Draw a result of `sweep` over its two numerical parameters, with a colour bar.

    Args:
        dataset: what `sweep` returned; select a point of every further axis before,
            `dataset.sel(device=0)`.
        name: which result; None where there is only one.
        ax: where to draw; None makes a figure.
        cmap: Matplotlib's name of the colours; None is the house's cividis.
        label: of the colour bar; None is the result's name and unit.

    The first parameter of the grid is on the horizontal axis. Labels have the units that the sweep
    was given. Cells are centred on their points; NaN is left white. Returns the axes. Raises
    ValueError where the result is unknown or has another number of axes than two, or where a
    parameter is not numerical or has one value only.

    >>> import qmemcircuit as qm
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(1) as serial:
    ...     powers = qm.sweep(pow, {"base": [2, 3], "exp": [1, 2, 3]}, executor=serial)
    >>> axes = qm.plot_map(powers)
    """
    import xarray

    check_arguments(plot_map, locals(), own=("dataset",))
    if not isinstance(dataset, xarray.Dataset):
        raise TypeError(
            "Argument dataset must be an xarray.Dataset, as sweep returns it, but "
            f"{type(dataset).__name__} was given."
        )
    known = [str(item) for item in dataset.data_vars]
    if name is None and len(known) == 1:
        name = known[0]
    if name not in known:
        raise ValueError(
            f"Argument name must be one of the results, {', '.join(known)}, but {name!r} was given."
        )
    values = dataset[name]
    if values.ndim != 2:
        raise ValueError(
            f"Argument dataset must have two axes for a map, but {name!r} has {values.ndim}, "
            f"{tuple(map(str, values.dims))}; select one point of each further axis with "
            "dataset.sel(…)."
        )
    across, up = values.dims
    for axis in (across, up):
        if dataset[axis].dtype.kind not in "biuf" or dataset[axis].size < 2:
            raise ValueError(
                "Argument dataset must have at least two numbers on both axes for a map, but "
                f"{str(axis)!r} has {dataset[axis].size} of type {dataset[axis].dtype}."
            )
    from matplotlib import colormaps

    if cmap is not None and cmap not in colormaps:
        raise ValueError(
            "Argument cmap must be a colour map that Matplotlib knows, such as 'viridis', but "
            f"{cmap!r} was given."
        )
    if ax is None:
        ax = make_figure(width=4.6, height=3.6)[1]
    order = values.sortby([across, up])
    x, y = (np.asarray(order[axis].values, dtype=float) for axis in (across, up))
    drawn = ax.pcolormesh(x, y, order.values.T, shading="nearest", rasterized=True, cmap=cmap)
    ax.set_xlabel(_label(dataset, str(across)))
    ax.set_ylabel(_label(dataset, str(up)))
    figure = ax.get_figure()
    assert figure is not None  # axes that nobody removed
    with house_style():  # the bar is new axes, with letters of their own
        figure.colorbar(drawn, ax=ax, label=_label(dataset, name) if label is None else label)
    return ax


def _label(dataset: Dataset, name: str) -> str:
    unit = dataset[name].attrs.get("units", "1")
    shown = name.replace("_", " ")
    return shown if unit == "1" else f"{shown}  [{unit}]"
