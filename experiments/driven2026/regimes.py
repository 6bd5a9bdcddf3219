"""Regimes of the driven neuron over (V_Amp, ω): locked, torus, chaos, and where several coexist.

To see: at the paper's R_n the map has locking and tori only; at R_n = 40 chaos, and wide parts in
which the start decides between two locked states, or between chaos and locking.

New: the paper has no such map. At R_n = 5 (its value) and at R_n = 40, where chaos lives. Every
point is run from four starts, and what they end on is told apart; twelve starts drawn at random, at
a sample of points, say how much four of them miss (last rows of the table). Along the
borders of regimes what does not return after some periods of the drive is run again and longer,
and points unlike all of their neighbours longer still. Where tori end and the exponent is too near
to zero to tell, the multipliers of the drive's own period-1 orbit decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from experiments.drawing import TWO_COLUMNS
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.attractors import (
    CHAOS,
    CYCLE,
    TORUS,
    Attractor,
    sort_attractors,
)
from qmemcircuit.neurons.dynamics.cycles import ConvergenceError, find_periodic_orbit
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, IntegrationError
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive
from qmemcircuit.plotting.figures import make_figure

Case = tuple[str, float, float, np.ndarray[Any, Any], np.ndarray[Any, Any]]
CASES: tuple[Case, ...] = (
    ("R5", 5.0, 0.23, np.geomspace(0.01, 10.0, 200), np.linspace(2.0, 10.0, 200)),
    ("R40", 40.0, 7.5, np.linspace(1.0, 20.0, 200), np.linspace(0.5, 6.0, 200)),
)
LABELS = (
    "locked",
    "two locked states",
    "torus or undecided",
    "locked and torus",
    "chaos",
    "chaos and a regular state",
)
# Okabe and Ito's colours, which the colour-blind tell apart.
COLOURS = ("#56B4E9", "#0072B2", "#F0E442", "#009E73", "#D55E00", "#CC79A7")
# Two locked states are two where the voltage's range differs by more than this part of it. Nearer
# to a boundary than that one state is still settling.
APART = 0.02
MARGIN = 0.05
ROWS = 10
CHUNK = 1000


# How long is looked: (transient, window, longest) of `sort_attractors`; at every point, at borders,
# and at points unlike all their neighbours.
LOOKS = {"R5": (100.0, 75.0, None), "R40": (100.0, 60.0, None)}
QUICK_LOOK = (60.0, 30.0, None)
AT_BORDERS = (200.0, 60.0, 1000.0)
AT_SPECKLES = (400.0, 60.0, 3600.0)
STARTS = (
    (0.0, 0.98, 0.15, 0.0),
    (np.nan, 0.3, -0.4, 0.3),  # NaN: V_DC
    # At R_n = 40 a second state lives at negative V; without these two half of the map is misnamed.
    (-4.0, -0.5, 0.5, 0.0),
    (-8.0, 0.0, 0.0, 0.5),
)
SAMPLED, RANDOM_STARTS = 120, 12

Point = tuple[ShuttleNeuron, tuple[Attractor, ...]]


def compute(settings: Settings) -> Result:
    """Sort the attractors on both grids."""
    thin = 24 if settings.quick else 1
    data, quantities = {}, []
    advance = settings.stages(sum(-(-rows.size // thin // ROWS) for *_, rows, _ in CASES))
    for name, resistance, bias, amplitudes, frequencies in CASES:
        rows, columns = amplitudes[::thin], frequencies[::thin]
        look = QUICK_LOOK if settings.quick else LOOKS[name]
        points: list[Point] = []
        for first in range(0, rows.size, ROWS):
            places = [(float(a), float(w)) for a in rows[first : first + ROWS] for w in columns]
            points += sort_points(resistance, bias, places, look, settings)
            advance()
        shape = (rows.size, columns.size)
        regime = np.array([name_point(items) for _, items in points]).reshape(shape)
        first_share = share_of_speckles(regime)
        settle_borders(points, regime)
        if not settings.quick:
            on_border = has_other_neighbour(regime) & ~are_decided(points).reshape(shape)
            places = [(float(a), float(w)) for a in rows for w in columns]
            for chosen, longer in ((on_border, AT_BORDERS), (None, AT_SPECKLES)):
                where = np.flatnonzero(is_speckle(regime) if chosen is None else chosen)
                for first in range(0, where.size, CHUNK):
                    part = where[first : first + CHUNK]
                    again = [places[k] for k in part]
                    found = sort_points(resistance, bias, again, longer, settings)
                    for k, point in zip(part, found, strict=True):
                        points[k], regime.flat[k] = point, name_point(point[1])
                settle_borders(points, regime)
        exponent = [max(item.exponent for item in items) for _, items in points]
        data[name] = xarray.Dataset(
            {
                "regime": (("amplitude", "frequency"), regime),
                "exponent": (("amplitude", "frequency"), np.array(exponent).reshape(shape)),
            },
            coords={"amplitude": rows, "frequency": columns},
        )
        transient, window, _ = look
        quantities += [
            Quantity(
                f"share of the map that is «{label}», R_n = {resistance:g}",
                float(np.mean(regime == code)),
                evidence=f"{rows.size} × {columns.size} points from {len(STARTS)} starts, "
                f"V_DC = {bias:g}, {transient + 2 * window:g} time units each, up to "
                f"{AT_BORDERS[2]:g} along borders; weak locking at other ratios than 1:1 stays "
                "undecided",
            )
            for code, label in enumerate(LABELS)
        ]
        quantities += [
            Quantity(
                f"share of points unlike all their neighbours, R_n = {resistance:g}",
                share_of_speckles(regime),
                evidence=f"of the eight around each; {first_share:.4f} after the first look. "
                f"They were looked at for up to {AT_SPECKLES[2]:g} time units: what is left is "
                "finer than the grid, windows of locking within chaos and a few slow transients",
            ),
            Quantity(
                f"largest exponent on the map, R_n = {resistance:g}",
                float(max(exponent)),
                evidence=f"over {0.75 * window:g} time units a point or more",
            ),
        ]
    if not settings.quick:
        quantities += [_missed(case, data[case[0]]["regime"], settings) for case in CASES]
    return Result(data, tuple(quantities))


def _missed(case: Case, regime: xarray.DataArray, settings: Settings) -> Quantity:
    """Say at how many points of a map starts drawn at random find what its own have not."""
    _, resistance, bias, amplitudes, frequencies = case
    generator = np.random.default_rng(1)
    chosen = generator.choice(regime.size, SAMPLED, replace=False)
    rows, columns = np.unravel_index(chosen, regime.shape)
    places = [
        (float(amplitudes[i]), float(frequencies[j])) for i, j in zip(rows, columns, strict=True)
    ]
    bloch = generator.normal(size=(RANDOM_STARTS, 3))
    bloch /= np.linalg.norm(bloch, axis=1, keepdims=True)
    bloch *= 0.98 * generator.random((RANDOM_STARTS, 1)) ** (1 / 3)  # evenly within the ball
    voltages = generator.uniform(-20, 25, RANDOM_STARTS)
    more = tuple((float(v), *map(float, arrow)) for v, arrow in zip(voltages, bloch, strict=True))
    found = sort_points(resistance, bias, places, AT_BORDERS, settings, more)
    names = [name_point(tuple(settle(neuron, item) for item in items)) for neuron, items in found]
    other = np.array(names) != regime.values.flat[chosen]
    share = float(other.mean())
    return Quantity(
        f"share of points that {RANDOM_STARTS} more starts call otherwise, R_n = {resistance:g}",
        share,
        float(np.sqrt(share * (1 - share) / SAMPLED)),
        evidence=f"of {SAMPLED} points drawn from the map; the starts drawn from |V| ≲ 20 and the "
        "Bloch ball",
    )


def sort_points(
    resistance: float,
    bias: float,
    places: list[tuple[float, float]],
    look: tuple[float, float, float | None],
    settings: Settings,
    more: tuple[tuple[float, ...], ...] = (),
) -> list[Point]:
    """Return the driven neurons at (V_Amp, ω) and the attractors that their starts lead to."""
    neuron = ShuttleNeuron(resistance=resistance, bias=bias, decoherence_rate=0.1)
    starts = np.array(STARTS + more)
    starts[np.isnan(starts)] = bias
    neurons = [replace(neuron, drive=SinusoidalDrive(*place)) for place in places]
    transient, window, longest = look
    found = sort_attractors(
        [system for driven in neurons for system in [driven.system()] * len(starts)],
        np.broadcast_to(starts, (len(neurons), *starts.shape)),
        transient=transient,
        duration=window,
        longest=longest,
        threads=1 if settings.quick else 2,
    )
    return [(driven, basins.attractors) for driven, basins in zip(neurons, found, strict=True)]


def name_point(attractors: tuple[Attractor, ...]) -> int:
    """Return which of `LABELS` the attractors of a point are."""
    kinds = {item.kind for item in attractors}
    if CHAOS in kinds:
        return 5 if len(kinds) > 1 else 4
    if TORUS in kinds:
        return 3 if CYCLE in kinds else 2
    ends = np.array([(item.minima[0], item.maxima[0]) for item in attractors])
    return int(np.ptp(ends, axis=0).max() > APART * np.ptp(ends))


def are_decided(points: list[Point]) -> np.ndarray[Any, Any]:
    """Return where every attractor is a locked state that returned."""
    return np.array([all(item.multiple > 0 for item in items) for _, items in points])


def settle_borders(points: list[Point], regime: np.ndarray[Any, Any]) -> None:
    """Call tori locked where `settle` finds it, from the borders of their regions inwards.

    Deep within a region of tori nothing is near to locking: a point is looked at where a
    neighbour is of another regime, or has just been settled.
    """
    rows, columns = regime.shape
    waiting = {int(k) for k in np.flatnonzero(has_other_neighbour(regime))}
    seen: set[int] = set()
    while waiting:
        k = waiting.pop()
        seen.add(k)
        neuron, items = points[k]
        points[k] = neuron, tuple(settle(neuron, item) for item in items)
        found = name_point(points[k][1])
        if found != regime.flat[k]:
            regime.flat[k] = found
            i, j = divmod(k, columns)
            around = {
                p * columns + q
                for p in range(max(i - 1, 0), min(i + 2, rows))
                for q in range(max(j - 1, 0), min(j + 2, columns))
            }
            waiting |= around - seen


def settle(neuron: ShuttleNeuron, item: Attractor) -> Attractor:
    """Return a torus that is on its way to the drive's own orbit as that cycle."""
    if item.kind == TORUS and attracts(neuron.system(), item):
        return replace(item, kind=CYCLE, multiple=1)
    return item


def attracts(system: DynamicalSystem, item: Attractor) -> bool:
    """Whether the drive's period-1 orbit within an attractor's range is found and stable.

    Within: Newton's steps may end on another state, far away, which decides nothing here.
    """
    try:
        orbit = find_periodic_orbit(system, item.state, transient=0.0, iterations=12)
    except (ConvergenceError, IntegrationError, np.linalg.LinAlgError):
        return False
    room = MARGIN * (item.maxima - item.minima)
    inside = (item.minima - room <= orbit.state) & (orbit.state <= item.maxima + room)
    return orbit.stable and bool(inside.all())


def is_speckle(regime: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return where the regime is none of those of the eight points around."""
    return np.asarray(np.all([regime != other for other in _around(regime)], axis=0))


def has_other_neighbour(regime: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return where one of the eight points around is of another regime."""
    differs = [(regime != other) & (other >= 0) for other in _around(regime)]
    return np.asarray(np.any(differs, axis=0))


def share_of_speckles(regime: np.ndarray[Any, Any]) -> float:
    """Return the share of points whose regime none of the eight around them has."""
    return float(np.mean(is_speckle(regime)))


def _around(regime: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    padded = np.pad(regime, 1, constant_values=-1)
    rows, columns = regime.shape
    return [
        padded[1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    ]


def draw(result: Result) -> Any:
    """Draw both maps, one colour a regime."""
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.6)
    colours, edges = ListedColormap(COLOURS), BoundaryNorm(np.arange(7) - 0.5, 6)
    present: set[int] = set()
    for ax, (name, resistance, bias, *_) in zip(axes, CASES, strict=True):
        data = result.data[name]
        present |= set(np.unique(data["regime"].values).tolist())
        ax.pcolormesh(
            data["frequency"],
            data["amplitude"],
            data["regime"],
            cmap=colours,
            norm=edges,
            rasterized=True,
        )
        if name == "R5":
            ax.set_yscale("log")
        ax.set(
            xlabel=r"drive frequency $\omega$ $[1/R_{\rm ext}C_{\rm ext}]$",
            ylabel=r"amplitude $V_{\rm Amp}$ $[V_0]$",
        )
        ax.set_title(rf"$R_n = {resistance:g}$, $V_{{DC}} = {bias:g}$, $\Gamma = 0.1$")
    patches = [Patch(color=COLOURS[code], label=LABELS[code]) for code in sorted(present)]
    figure.legend(handles=patches, loc="outside lower center", ncols=3, fontsize=7)
    return figure
