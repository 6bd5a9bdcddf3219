"""Figures: functions (data, ax) -> ax with one style; the only importer of matplotlib.

The palette is Okabe and Ito's, which readers with any colour vision can tell apart. References
are lines, measured data are points with error bars, the pinch is a black ring and the start a
filled green circle, everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmemcircuit.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # green
    "#CC79A7",  # purple
    "#E69F00",  # orange
    "#56B4E9",  # sky
    "#F0E442",  # yellow
    "#000000",  # black
)
REFERENCE_COLOUR = "#000000"
DATA_COLOUR = PALETTE[0]
START_COLOUR = PALETTE[2]

STYLE: dict[str, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "errorbar.capsize": 0,
    "image.cmap": "cividis",
    "pdf.fonttype": 42,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside this context; matplotlib's own settings stay untouched."""
    import matplotlib as mpl
    from cycler import cycler

    settings: Any = {**STYLE, "axes.prop_cycle": cycler(color=PALETTE)}
    with mpl.rc_context(settings):
        yield


def make_figure(
    rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 3.0, **options: Any
) -> tuple[Figure, Any]:
    """Return a new figure (inches) in the house style and its axes, as `plt.subplots` does.

    The figure is not registered with pyplot: it needs no display and no closing. `options`
    are those of `Figure.subplots`.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    with house_style():
        figure = MatplotlibFigure(figsize=(width, height))
        axes = figure.subplots(rows, columns, **options)
    return figure, axes


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> list[Path]:
    """Write `figure` as `path`.png and `path`.pdf, each whole or not at all; return both paths."""
    import io

    written = []
    for suffix in (".png", ".pdf"):
        buffer = io.BytesIO()
        with house_style():
            figure.savefig(buffer, format=suffix[1:])
        written.append(write_atomically(Path(f"{os.fspath(path)}{suffix}"), buffer.getvalue()))
    return written
