"""What the figures of several experiments draw alike: orbits, spectra, bands, maps, letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from qmemcircuit.plotting.figures import START_COLOUR, house_style, make_figure

TWO_COLUMNS = 7.2
"""Inches that a figure on two columns of a journal is wide; none is wider."""


def draw_mosaic(layout: str, *, height: float) -> tuple[Any, dict[str, Any]]:
    """Return a figure on two columns and its panels by letter: "ab;cc" has c below a and b."""
    figure, whole = make_figure(width=TWO_COLUMNS, height=height)
    whole.remove()
    rows = [list(row) for row in layout.split(";")]
    with house_style():
        return figure, figure.subplot_mosaic(rows)


def letter_panels(axes: Iterable[Any], titles: Iterable[str], **style: Any) -> None:
    """Title the panels "(a) …", "(b) …" in their order."""
    for number, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        ax.set_title(f"({chr(ord('a') + number)}) {title}", **style)


def mark_start(ax: Any, x: float, y: float, **style: Any) -> Any:
    """Mark where a loop starts by a filled circle; return its handle."""
    return ax.plot(x, y, "o", **{"color": START_COLOUR, "ms": 5, "label": "start", **style})[0]


def mark_pinch(ax: Any, **style: Any) -> Any:
    """Mark the origin, where a loop is pinched, by an open circle; return its handle."""
    look = {"mfc": "none", "mec": "black", "ms": 8, "label": "pinch"}
    return ax.plot(0, 0, "o", **{**look, **style})[0]


def replace_by_3d(ax: Any) -> Any:
    """Replace `ax` by a three-dimensional one at the same place of the grid."""
    place = ax.get_subplotspec()
    figure = ax.figure
    ax.remove()
    return figure.add_subplot(place, projection="3d")


def draw_bloch_sphere(ax: Any) -> Any:
    """Replace `ax` by a pale unit sphere with its axes X, Y, Z; return that."""
    ax = replace_by_3d(ax)
    polar, around = np.meshgrid(np.linspace(0, np.pi, 13), np.linspace(0, 2 * np.pi, 25))
    ax.plot_wireframe(
        np.sin(polar) * np.cos(around),
        np.sin(polar) * np.sin(around),
        np.cos(polar),
        color="0.85",
        linewidth=0.3,
    )
    ax.set_box_aspect((1, 1, 1))
    for setter in (ax.set_xticks, ax.set_yticks, ax.set_zticks):
        setter([-1, 0, 1])
    ax.tick_params(pad=-3)
    ax.set_xlabel("X", labelpad=-8)
    ax.set_ylabel("Y", labelpad=-8)
    ax.set_zlabel("Z", labelpad=-8)
    return ax


def draw_bloch_path(
    ax: Any, data: Mapping[str, Any], *, part: Any = slice(None), **style: Any
) -> Any:
    """Draw the path of a Bloch vector, `part` of its X, Y, Z, in a sphere; return its axes."""
    ax = draw_bloch_sphere(ax)
    ax.plot(*(np.asarray(data[name])[part] for name in "XYZ"), **style)
    return ax


def draw_spectrum(
    ax: Any, data: Mapping[str, Any], marks: Mapping[str, float] | None = None, **style: Any
) -> None:
    """Draw the power density S(ω), with the frequencies of `marks` named above the panel."""
    ax.semilogy(data["frequency"], data["density"], **style)
    for label, frequency in (marks or {}).items():
        ax.axvline(frequency, color="0.6", lw=0.6, ls=":", zorder=0)
        above = {"ha": "center", "va": "bottom", "transform": ax.get_xaxis_transform()}
        ax.text(frequency, 1.01, label, fontsize=6.5, **above)
    ax.set(xlabel=r"frequency $\omega$", ylabel=r"power density $S(\omega)$")


def draw_band(ax: Any, data: Mapping[str, Any], **style: Any) -> None:
    """Draw what lies between the minimum and the maximum of V at each input V_n."""
    ax.fill_between(data["bias"], data["minimum"], data["maximum"], **style)
    ax.set(xlabel="input $V_n$", ylabel="voltage $V$")


def draw_span_map(ax: Any, x: Any, y: Any, spans: Any, *, above: float, largest: float) -> Any:
    """Draw the oscillation's span on a grid, grey where it is not above a threshold."""
    shown = np.where(spans > above, spans, np.nan)
    ax.set_facecolor("0.95")
    return ax.pcolormesh(x, y, shown, vmin=0, vmax=largest, rasterized=True)


def add_span_bar(axes: Iterable[Any], mesh: Any) -> None:
    """Add the colour bar of `draw_span_map` beside `axes`."""
    axes = list(axes)
    axes[0].figure.colorbar(mesh, ax=axes, label=r"span $V_{\max} - V_{\min}$")
