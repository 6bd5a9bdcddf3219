"""A pair of memristors on eleven devices of five generations, in its best form on each.

To see: a star is a distance of at most 0.02. Without readout errors and shot noise (a), all devices
from Heron r2 on except Fez reach it for every coupling; (b) has both, with the best method for the
budget. Where raw states miss the goal, the table says which calibrated error would have to be
smaller, and by how much.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.hardware.params import PAIR_GAMMA0, PAIR_STRENGTH, TRANSPILER_SEED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.plotting.figures import house_style, make_figure
from qmemcircuit.runs.choosing import DevicePrediction, choose_device
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.predicted_distances import METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENERATIONS = {
    "FakeSherbrooke": "Eagle r3",
    "FakeKyiv": "Eagle r3",
    "FakeTorino": "Heron r1",
    "FakeFez": "Heron r2",
    "FakeMarrakesh": "Heron r2",
    "FakeKingston": "Heron r2",
    "FakePittsburgh": "Heron r3",
    "FakeBoston": "Heron r3",
    "FakeNighthawk": "Nighthawk r1",
    "FakeMiami": "Nighthawk r1",
    "FakeFractionalBackend": "fractional RZZ",
}
"""The last one has native RX and RZZ (5 qubits, calibration of a Falcon r4)."""

LATE = ("Heron r2", "Heron r3", "Nighthawk r1")
LATE_GOAL, GOAL = 0.020, 0.030
"""Largest raw distance before readout: on Heron r2 and later, and on all."""

DEMAND, EXECUTIONS = 0.020, 140_000
"""Of `choose_device`; executions at each time, for nine settings and all noise factors: the budget
that hardware.certainty declares."""

SPAN = (0.1, 0.5)
"""Parts of `Point.periods` at which states are compared: where the distance is largest on
FakeTorino and FakeKyiv at the paper's parameters (of 0, 2T, …, 20T it is 2T), and where the
memristors have decayed by half."""


@dataclass(frozen=True)
class Point:
    """Strength g of the coupling, the memristors' γ0, and the length of the experiment."""

    strength: float
    gamma0: float
    periods: int


POINTS = {
    "paper": Point(PAIR_STRENGTH, PAIR_GAMMA0, 20),
    "strong": Point(1 / 10, 0.05, 10),
    "weak": Point(1 / 30, 0.01, 40),
}

SELECTED = ("yy", "paper")
"""For this model alone forms are selected among equal circuits, the slowest part."""

COUPLINGS: dict[str, Any] = {
    "xx": lambda g: qm.Native("x", g),
    "yy": lambda g: qm.Native("y", g),
    "zz": lambda g: qm.Native("z", g),
    "CR_y": lambda g: qm.ControlledRotation("y", g),
    "partial iSWAP": qm.PartialISwap,
}

WORDS = ("form", "method", "reason", "improvement")
KEPT = ("two_qubit_gates", "microseconds", "before_readout")


def compute(settings: Settings) -> Result:
    """Predict every device for every coupling and point."""
    names = ["FakeTorino"] if settings.quick else list(GENERATIONS)
    couplings = ["yy"] if settings.quick else list(COUPLINGS)
    points = ["paper"] if settings.quick else list(POINTS)
    shape = (len(names), len(couplings), len(points))
    limited = [f"limited_{method.replace(' ', '_')}" for method in METHODS]
    unlimited = [f"unlimited_{method.replace(' ', '_')}" for method in METHODS]
    keys = dict.fromkeys((*KEPT, *limited, *unlimited))
    table = {key: np.full(shape, np.nan) for key in keys}
    words = {key: np.full(shape, "", dtype=object) for key in WORDS}
    losers: dict[str, Any] = {}
    with warnings.catch_warnings():
        # FakeNighthawk says that its properties are not typical of the device.
        warnings.filterwarnings("ignore", message="Properties of fake_nighthawk")
        targets = [qm.device(fake_backend(name), seed=TRANSPILER_SEED) for name in names]
    places = [(c, p, d) for p in points for c in couplings for d in names]
    for coupling, point, name in settings.track(places):
        model, times = pair_of(coupling, POINTS[point])
        choice = choose_device(
            model,
            times,
            [targets[names.index(name)]],
            demand=goal_of(name),
            executions=EXECUTIONS,
            select_forms=(coupling, point) == SELECTED and not settings.quick,
        )
        (found,) = choice.predictions
        place = names.index(name), couplings.index(coupling), points.index(point)
        _fill(found, place, table, words)
        if found.form is not None:
            predicted = found.form["predicted"]
            losers[f"{name}, {coupling}, {point}"] = {
                "qubits": predicted[found.form["chosen"]]["qubits"],
                **{form: round(item["distance"], 5) for form, item in predicted.items()},
            }
    dimensions = ("device", "coupling", "point")
    data = xarray.Dataset(
        {
            **{key: (dimensions, values) for key, values in table.items()},
            **{key: (dimensions, values.astype(str)) for key, values in words.items()},
        },
        coords={"device": names, "coupling": couplings, "point": points},
    )
    parameters = {
        "demand": DEMAND,
        "executions": EXECUTIONS,
        "times_in_spans": list(SPAN),
        "points": {name: [POINTS[name].strength, POINTS[name].gamma0] for name in points},
        "forms": losers,
    }
    return Result({"table": data}, quantities_of(data), parameters)


def goal_of(name: str) -> float:
    """Return the goal of a device's raw distance before readout."""
    return LATE_GOAL if GENERATIONS[name] in LATE else GOAL


def pair_of(coupling: str, point: Point) -> tuple[qm.Network, np.ndarray[Any, Any]]:
    """Return two identical memristors and the times at which their states are compared."""
    memristor = qm.Memristor(qm.SquidRate(point.gamma0), a=math.pi / 4)
    model = qm.Network([memristor, memristor], {(0, 1): COUPLINGS[coupling](point.strength)})
    return model, np.array(SPAN) * point.periods * model.period


def _fill(
    found: DevicePrediction,
    place: tuple[int, int, int],
    table: dict[str, np.ndarray[Any, Any]],
    words: dict[str, np.ndarray[Any, Any]],
) -> None:
    """Write one prediction into the table."""
    words["reason"][place] = found.reason
    if found.form is None:
        return
    chosen = found.form["predicted"][found.form["chosen"]]
    words["form"][place], words["method"][place] = found.form["chosen"], found.best[0]
    words["improvement"][place] = found.improvement
    table["two_qubit_gates"][place] = chosen["two_qubit_gates"]
    table["microseconds"][place] = 1e6 * chosen["duration"]
    table["before_readout"][place] = found.unlimited["before readout"]
    for method, distance in found.limited.items():
        table[f"limited_{method.replace(' ', '_')}"][place] = distance
        table[f"unlimited_{method.replace(' ', '_')}"][place] = found.unlimited[method]


def best_method(data: xarray.Dataset) -> xarray.DataArray:
    """Return the smallest distance of any method at the budget."""
    keys = [f"limited_{method.replace(' ', '_')}" for method in METHODS]
    return data[keys].to_dataarray("method_name").min("method_name")


def quantities_of(data: xarray.Dataset) -> tuple[Quantity, ...]:
    """Return the goals, each device's worst case, and what to take for each coupling."""
    found = []
    raw, best = data.before_readout, best_method(data)
    for goal, chosen in (
        (LATE_GOAL, [d for d in data.device.values if GENERATIONS[d] in LATE]),
        (GOAL, list(data.device.values)),
    ):
        if not chosen:
            continue
        here = raw.sel(device=chosen).values
        known = here[np.isfinite(here)]
        which = "Heron r2 and later" if goal == LATE_GOAL else "all devices"
        found.append(
            Quantity(
                f"{which}: share of models with raw distance before readout ≤ {goal:g}",
                float(np.mean(known <= goal)),
                evidence=f"{np.sum(known <= goal)} of {known.size}; largest {known.max():.4f}",
            )
        )
    for name in data.device.values:
        here, least = data.sel(device=name), best.sel(device=name)
        gates, length = here.two_qubit_gates.values, here.microseconds.values
        forms, counts = np.unique(here.form.values[here.form.values != ""], return_counts=True)
        worst = np.unravel_index(np.nanargmax(here.before_readout), here.before_readout.shape)
        wanted = str(here.improvement.values[worst])
        found.append(
            Quantity(
                f"{name}: largest raw distance before readout",
                float(np.nanmax(here.before_readout)),
                evidence=(
                    f"{GENERATIONS[name]}; with readout errors up to "
                    f"{float(np.nanmax(here.unlimited_raw)):.4f}; best method at "
                    f"{EXECUTIONS:,} executions a time {float(np.nanmin(least)):.4f} to "
                    f"{float(np.nanmax(least)):.4f}; "
                    f"{np.nanmin(gates):.0f} to {np.nanmax(gates):.0f} two-qubit gates, up to "
                    f"{np.nanmax(length):.2f} µs; forms: "
                    + ", ".join(f"{form} × {n}" for form, n in zip(forms, counts, strict=True))
                    + (f"; goal {goal_of(name):g}, and {wanted}" if wanted else "")
                ),
            )
        )
    for coupling in data.coupling.values:
        for point in data.point.values:
            here = best.sel(coupling=coupling, point=point)
            if not np.isfinite(here).any():
                continue
            name = str(here.device.values[int(here.argmin("device"))])
            row = data.sel(coupling=coupling, point=point, device=name)
            reached = float(here.sel(device=name)) <= DEMAND
            found.append(
                Quantity(
                    f"{coupling}, {point}: distance of the chosen device, 95 % of runs",
                    float(here.sel(device=name)),
                    evidence=(
                        f"{name}, {row.form.item()}, {row.method.item()}; "
                        f"{'within' if reached else 'above'} {DEMAND:g}; "
                        f"{int((here <= DEMAND).sum())} of {here.size} devices are within"
                    ),
                )
            )
    return tuple(found)


def draw(result: Result) -> dict[str, Figure]:
    """Draw both distances, a row for each device and a column for each model."""
    data = result.data["table"]
    assert isinstance(data, xarray.Dataset)
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=4.8, sharey=True)
    titles = (
        "(a) raw, before readout",
        f"(b) {EXECUTIONS // 1000} 000 executions a time",
    )
    for ax, values, title in zip(
        axes, (data.before_readout, best_method(data)), titles, strict=True
    ):
        drawn = _draw_map(ax, values, title)
    axes[0].set_yticks(
        range(data.device.size),
        [f"{name.removeprefix('Fake')}, {GENERATIONS[name]}" for name in data.device.values],
    )
    with house_style():
        label = "trace distance to the master equation"
        figure.colorbar(drawn, ax=list(axes), label=label, extend="both")
    return {"": figure}


def _draw_map(ax: Axes, values: xarray.DataArray, title: str) -> Any:
    from matplotlib.colors import LogNorm

    table = values.values.reshape(values.device.size, -1)
    drawn = ax.imshow(table, norm=LogNorm(0.01, 0.1), cmap="cividis", aspect="auto")
    for row, column in zip(*np.nonzero(table <= DEMAND), strict=True):
        ax.text(column, row, "*", ha="center", va="center", color="white")
    for row, column in zip(*np.nonzero(~np.isfinite(table)), strict=True):
        ax.text(column, row, "–", ha="center", va="center", color="black")
    labels = [f"{c}, {p}" for c in values.coupling.values for p in values.point.values]
    ax.set_xticks(range(len(labels)), labels, rotation=90)
    ax.set_xlabel("coupling, parameters")
    ax.set_title(title)
    return drawn
