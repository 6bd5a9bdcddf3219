"""Regimes of the driven neuron over (V_Amp, ω): locked, torus, chaos, and where several coexist.

To see: at the paper's R_n the map has locking and tori only; at R_n = 40 chaos, and wide parts in
which the start decides between two locked states, or between chaos and locking.

New: the paper has no such map. At R_n = 5 (its value) and at R_n = 40, where chaos lives. Every
point is run from two starts, and what they end on is told apart. Where an exponent is too near to
zero to tell, the multipliers of the drive's own period-1 orbit decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.dynamics.attractors import CHAOS, CYCLE, TORUS, Basins, sort_attractors
from qmemcircuit.neurons.dynamics.cycles import ConvergenceError, find_periodic_orbit
from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, IntegrationError
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive
from qmemcircuit.plotting.figures import make_figure

CASES = (
    ("R5", 5.0, 0.23, np.geomspace(0.01, 10.0, 100), np.linspace(2.0, 10.0, 100)),
    ("R40", 40.0, 7.5, np.linspace(1.0, 20.0, 100), np.linspace(0.5, 6.0, 100)),
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
ROWS = 10


def compute(settings: Settings) -> Result:
    """Sort the attractors on both grids."""
    transient, duration = (60.0, 60.0) if settings.quick else (200.0, 150.0)
    thin = 12 if settings.quick else 1
    data, quantities = {}, []
    advance = settings.stages(sum(-(-rows.size // thin // ROWS) for *_, rows, _ in CASES))
    for name, resistance, bias, amplitudes, frequencies in CASES:
        rows, columns = amplitudes[::thin], frequencies[::thin]
        neuron = ShuttleNeuron(resistance=resistance, bias=bias, decoherence_rate=0.1)
        starts = np.array([[0.0, 0.98, 0.15, 0.0], [bias, 0.3, -0.4, 0.3]])
        regimes, exponents = [], []
        for first in range(0, rows.size, ROWS):
            systems = [
                replace(neuron, drive=SinusoidalDrive(float(a), float(w))).system()
                for a in rows[first : first + ROWS]
                for w in columns
            ]
            found = sort_attractors(
                [system for system in systems for _ in starts],
                np.broadcast_to(starts, (len(systems), *starts.shape)),
                transient=transient,
                duration=duration,
                threads=1 if settings.quick else 2,
            )
            for system, basins in zip(systems, found, strict=True):
                regimes.append(name_point(system, basins))
                exponents.append(max(item.exponent for item in basins.attractors))
            advance()
        regime = np.array(regimes).reshape(rows.size, columns.size)
        data[name] = xarray.Dataset(
            {
                "regime": (("amplitude", "frequency"), regime),
                "exponent": (
                    ("amplitude", "frequency"),
                    np.array(exponents).reshape(regime.shape),
                ),
            },
            coords={"amplitude": rows, "frequency": columns},
        )
        quantities += [
            Quantity(
                f"share of the map that is «{label}», R_n = {resistance:g}",
                float(np.mean(regime == code)),
                evidence=f"{rows.size} × {columns.size} points from {len(starts)} starts, "
                f"V_DC = {bias:g}, {transient:g} + {2 * duration:g} time units each; weak locking "
                "at other ratios than 1:1 stays undecided",
            )
            for code, label in enumerate(LABELS)
        ]
        quantities += [
            Quantity(
                f"share of points unlike all their neighbours, R_n = {resistance:g}",
                share_of_speckles(regime),
                evidence="of the eight around each; these are the map's speckles",
            ),
            Quantity(
                f"largest exponent on the map, R_n = {resistance:g}",
                float(max(exponents)),
                evidence=f"over {0.75 * duration:g} time units a point",
            ),
        ]
    return Result(data, tuple(quantities))


def name_point(system: DynamicalSystem, basins: Basins) -> int:
    """Return which of `LABELS` the attractors of a point are."""
    kinds, ranges = set(), []
    for item in basins.attractors:
        kind = item.kind
        if kind == TORUS and attracts(system, item.state):
            kind = CYCLE
        kinds.add(kind)
        if kind == CYCLE:
            ranges.append((item.minima[0], item.maxima[0]))
    if CHAOS in kinds:
        return 5 if len(kinds) > 1 else 4
    if TORUS in kinds:
        return 3 if CYCLE in kinds else 2
    ends = np.array(ranges)
    return int(np.ptp(ends, axis=0).max() > APART * np.ptp(ends))


def attracts(system: DynamicalSystem, state: np.ndarray[Any, Any]) -> bool:
    """Whether the drive's period-1 orbit near a state is found and stable."""
    try:
        return find_periodic_orbit(system, state, iterations=12).stable
    except (ConvergenceError, IntegrationError, np.linalg.LinAlgError):
        return False


def share_of_speckles(regime: np.ndarray[Any, Any]) -> float:
    """Return the share of points whose regime none of the eight around them has."""
    padded = np.pad(regime, 1, constant_values=-1)
    rows, columns = regime.shape
    around = [
        padded[1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    ]
    return float(np.mean(np.all([regime != other for other in around], axis=0)))


def draw(result: Result) -> Any:
    """Draw both maps, one colour a regime."""
    figure, axes = make_figure(1, 2, width=9.0, height=4.2)
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
