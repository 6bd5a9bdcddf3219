"""Which error suppression and mitigation helps, on which noise: each alone, and all together.

To see: what helps depends on the noise: extrapolation and readout correction where it is
calibrated, twirling where it is coherent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from experiments.hardware.params import FIRST_SEED, PAIR_SHOTS, TRANSPILER_SEED, pair, single
from experiments.hardware.suppression_methods import (
    DETUNING,
    FACTORS,
    METHODS,
    NODES,
    NOISES,
    QUICK,
    RIVALS,
    SEEDS,
    TWIRLS,
    TWO_QUBIT_ANGLE,
    judge,
)
from experiments.results import Quantity, Result, Settings
from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.devices.compilation.circuits import CompiledCircuit
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.devices.compilation.suppression import UNSUPPRESSED
from qmemcircuit.devices.noise.coherent_errors import CoherentErrors
from qmemcircuit.devices.target import DeviceTarget
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEVICE = "FakeTorino"

TITLES = {
    "calibrated": "calibrated noise alone",
    "detuned": "+ slow detuning, 3 kHz",
    "coherent": "+ coherent CZ error, $10^{-3}$",
}

EFFECT, SIGMAS = 0.05, 3.0
"""A change of distance counts from 5 % on; below three standard errors it is undecided."""


OFFSETS_KHZ = (0.0, 2.0, 4.0, 6.0, 8.0)
"""σ/2π for which the memristor is decoupled or not, to find where decoupling pays."""
SCANNED = ("none", "decoupling XX", "decoupling XY4")

SYSTEMS = ("pair", "memristor")


def compute(settings: Settings) -> Result:
    """Predict exact probabilities under each noise, then shots, for each method alone."""
    import xarray

    methods = [m for m in METHODS if not settings.quick or m.name in QUICK]
    seeds = 5 if settings.quick else SEEDS
    shots = settings.shots_or(PAIR_SHOTS)
    target = qm.device(fake_backend(DEVICE), seed=TRANSPILER_SEED)
    columns = ("bias", "bias_error", "sampled", "sampled_error", "growth")
    table = np.zeros((len(columns), len(SYSTEMS), len(NOISES), len(methods)))
    times, lengths = {}, {}
    variants = sorted({(m.suppression, m.extrapolated) for m in methods}, key=str)
    advance = settings.stages(len(SYSTEMS) * len(variants) + 1)
    for row, system in enumerate(SYSTEMS):
        circuits = _circuits(system, quick=settings.quick)
        master = qm.master_equation(circuits.network, circuits.times).states
        assert master is not None
        placed = target.place(circuits)
        chances: dict[Any, FloatArray] = {}
        for suppression, extrapolated in variants:
            for factor in FACTORS if extrapolated else FACTORS[:1]:
                if (suppression, factor, "calibrated") in chances:
                    continue
                chosen = replace(placed, folding=Folding(factor), suppression=suppression)
                compiled = chosen.compile(circuits)
                if suppression == UNSUPPRESSED and factor == 1:
                    times[system] = (circuits.times / (2 * np.pi)).tolist()
                    lengths[system] = _size(compiled)
                for noise, errors in NOISES.items():
                    if errors is not None:
                        errors = replace(errors, nodes=NODES[system])
                    noisy = replace(chosen, coherent_errors=errors)
                    with qm.allow_large():  # a thousand instances: about two minutes
                        chances[suppression, factor, noise] = noisy.instance_probabilities(
                            circuits, compiled
                        )
            advance()
        for (column, noise), (place, method) in product(enumerate(NOISES), enumerate(methods)):
            factors = FACTORS if method.extrapolated else FACTORS[:1]
            found = judge(
                method,
                replace(placed, suppression=method.suppression),
                circuits,
                [chances[method.suppression, factor, noise] for factor in factors],
                master,
                shots,
                seeds,
            )
            table[:, row, column, place] = found
    scan = _scan(target, quick=settings.quick)
    advance()
    table[-1] /= table[-1, :, :, :1]
    dimensions = ("system", "noise", "technique")
    data = xarray.Dataset(
        {name: (dimensions, values) for name, values in zip(columns, table, strict=True)},
        coords={
            "system": list(SYSTEMS),
            "noise": list(NOISES),
            "technique": [method.name for method in methods],
        },
    )
    parameters = {
        "device": DEVICE,
        "periods": times,
        "circuits": lengths,
        "shots": shots,
        "seeds": [FIRST_SEED, seeds],
        "factors": list(FACTORS),
        "twirls": TWIRLS,
        "detuning_rad_per_s": DETUNING,
        "two_qubit_angle_rad": TWO_QUBIT_ANGLE,
        "nodes": NODES,
    }
    quantities = (*_assumptions(target), *_quantities(data, lengths), *_break_even(scan))
    return Result({"table": data, "scan": scan}, quantities, parameters)


def _assumptions(target: DeviceTarget) -> list[Quantity]:
    """Return what the assumed errors mean beside the device's calibrated medians."""
    device = target.backend.target
    t2 = float(np.median([item.t2 for item in device.qubit_properties]))
    errors = [item.error for item in device["cz"].values() if item.error < 1]
    # t/T2 + σ²t²/2 = 1
    ramsey = (math.sqrt(1 / t2**2 + 2 * DETUNING**2) - 1 / t2) / DETUNING**2
    infidelity = 0.8 * math.sin(TWO_QUBIT_ANGLE / 2) ** 2
    return [
        Quantity(
            "T2* (1/e) that the assumed detuning and the median T2 give together",
            1e6 * ramsey,
            unit="µs",
            evidence=(
                f"median T2 of {DEVICE} {1e6 * t2:.0f} µs; σ/2π {DETUNING / 2e3 / math.pi:g} kHz"
            ),
        ),
        Quantity(
            "assumed coherent infidelity of a CZ / median calibrated CZ error",
            infidelity / float(np.median(errors)),
            evidence=f"{infidelity:.2g} and {float(np.median(errors)):.2g}",
        ),
    ]


def _scan(target: DeviceTarget, *, quick: bool) -> xarray.Dataset:
    """Return the memristor's distance without shot noise against the detuning."""
    import xarray

    circuits = _circuits("memristor", quick=quick)
    master = qm.master_equation(circuits.network, circuits.times).states
    assert master is not None
    placed = target.place(circuits)
    names = SCANNED[:2] if quick else SCANNED
    found = []
    for method in (item for item in METHODS if item.name in names):
        chosen = replace(placed, suppression=method.suppression)
        compiled = chosen.compile(circuits)
        for offset in OFFSETS_KHZ:
            errors = CoherentErrors(2e3 * math.pi * offset, nodes=NODES["scan"])
            noisy = replace(chosen, coherent_errors=errors)
            with qm.allow_large():
                chances = noisy.instance_probabilities(circuits, compiled)
            found.append(judge(method, noisy, circuits, [chances], master, 1000, 1)[0])
    return xarray.Dataset(
        {"bias": (("technique", "offset"), np.array(found).reshape(len(names), -1))},
        coords={"technique": list(names), "offset": list(OFFSETS_KHZ)},
    )


def _break_even(scan: xarray.Dataset) -> list[Quantity]:
    """Return the detuning from which each sequence helps the memristor, by interpolation."""
    offsets = scan.offset.values
    quantities = []
    for name in scan.technique.values[1:]:
        gain = scan.bias.sel(technique="none").values - scan.bias.sel(technique=name).values
        crossing = np.flatnonzero((gain[:-1] < 0) & (gain[1:] >= 0))
        value: float | str = f"not up to {offsets[-1]:g} kHz"
        if crossing.size:
            k = int(crossing[0])
            step = offsets[k + 1] - offsets[k]
            value = float(offsets[k] - gain[k] * step / (gain[k + 1] - gain[k]))
        quantities.append(
            Quantity(
                f"memristor: detuning σ/2π from which {name} lowers the distance",
                value,
                unit="kHz" if crossing.size else "1",
                evidence=(
                    f"linear between steps of {offsets[1]:g} kHz; distance at {offsets[-1]:g} kHz "
                    f"{float(scan.bias.sel(technique='none')[-1]):.4f} without and "
                    f"{float(scan.bias.sel(technique=name)[-1]):.4f} with it"
                ),
            )
        )
    return quantities


def _circuits(system: str, *, quick: bool) -> CircuitSet:
    """Return the pair at a lobe, its death and its rebirth, or one memristor in twenty steps."""
    period = 2 * np.pi
    if system == "pair":
        times = np.array([8.0]) if quick else np.array([2.0, 8.0, 12.0])
        return qm.build_circuits(pair(), times * period, splitting="compiled")
    times = np.array([1.0]) if quick else np.array([1.0, 3.0])
    return qm.build_circuits(single(), times * period, bases="XYZ", steps=4 if quick else 20)


def _size(compiled: list[CompiledCircuit]) -> dict[str, float]:
    last = compiled[-1]
    return {
        "two_qubit_gates": last.two_qubit_gates,
        "microseconds": round(1e6 * max(item.duration for item in compiled), 2),
    }


def _verdict(value: float, error: float, plain: float, plain_error: float) -> str:
    """Return what the change of a distance says: `EFFECT` and `SIGMAS` decide."""
    change = value - plain
    if abs(change) < EFFECT * plain:
        return "no effect"
    if abs(change) < SIGMAS * math.hypot(error, plain_error):
        return "undecided"
    return "helps" if change < 0 else "hurts"


def _verdicts(data: xarray.Dataset, system: str, noise: str, method: str) -> tuple[str, str]:
    """Return the verdicts without shot noise and with it, against the method's rival."""
    here, rival = (
        data.sel(system=system, noise=noise, technique=name) for name in (method, RIVALS[method])
    )
    first, second = (
        _verdict(
            float(here[key]),
            float(here[f"{key}_error"]),
            float(rival[key]),
            float(rival[f"{key}_error"]),
        )
        for key in ("bias", "sampled")
    )
    return first, second


def _quantities(data: xarray.Dataset, lengths: Mapping[str, Any]) -> tuple[Quantity, ...]:
    quantities: list[Quantity] = []
    for system, noise, method in product(SYSTEMS, NOISES, data.technique.values):
        here = data.sel(system=system, noise=noise, technique=method)
        evidence = (
            f"with shots {float(here.sampled):.4f} ± {float(here.sampled_error):.4f}; error bars "
            f"× {float(here.growth):.2f}"
        )
        if method == "none":
            evidence += (
                f"; {lengths[system]['two_qubit_gates']} two-qubit gates, "
                f"{lengths[system]['microseconds']} µs"
            )
        else:
            exact, sampled = _verdicts(data, system, noise, method)
            against = "" if RIVALS[method] == "none" else f", against {RIVALS[method]!r}"
            evidence = f"{exact}{against}; with shots: {sampled}; {evidence}"
        quantities.append(
            Quantity(
                f"{system}, {noise}, {method}: mean trace distance without shot noise",
                here.bias,
                float(here.bias_error) or None,
                evidence=evidence,
            )
        )
    return tuple(quantities)


COLOURS = {
    "helps": PALETTE[2],
    "no effect": "0.6",
    "undecided": PALETTE[4],
    "hurts": PALETTE[1],
}


def draw(result: Result) -> dict[str, Figure]:
    """Draw each method beside none, a panel for each system and noise; and the detuning's scan."""
    from qmemcircuit.plotting.figures import house_style

    data = result.data["table"]
    with house_style():
        figure, axes = make_figure(2, 3, width=TWO_COLUMNS, height=6.4)
        for row, column in product(range(2), range(3)):
            system, noise = SYSTEMS[row], list(NOISES)[column]
            ax = axes[row][column]
            _draw_panel(data, system, noise, ax)
            ax.set_title(f"({'abcdef'[3 * row + column]}) {TITLES[noise]}", fontsize=8)
            if column == 0:
                ax.set_yticks(range(data.technique.size), data.technique.values)
                ax.set_ylabel(_title(system, result.parameters))
            else:
                ax.set_yticks(range(data.technique.size), [])
            if row == 1:
                ax.set_xlabel("mean trace distance")
        _draw_legend(axes[0][0])
        scan_figure, ax = make_figure(width=3.6, height=2.7)
        _draw_scan(result.data["scan"], _title("memristor", result.parameters), ax)
    return {"": figure, "detuning": scan_figure}


def _title(system: str, parameters: Mapping[str, Any]) -> str:
    size = parameters["circuits"][system]
    name = "one memristor" if system == "memristor" else "pair"
    return f"{name}, {size['two_qubit_gates']} CZ, {size['microseconds']:.1f} µs"


def _draw_scan(scan: xarray.Dataset, title: str, ax: Axes) -> None:
    colours = ("black", PALETTE[0], PALETTE[4])
    for name, colour in zip(scan.technique.values, colours, strict=False):
        ax.plot(scan.offset, scan.bias.sel(technique=name), "o-", color=colour, label=name)
    ax.set_xlabel("slow detuning σ/2π (kHz)")
    ax.set_ylabel("mean trace distance")
    ax.set_ylim(bottom=0)
    ax.set_title(title)
    ax.legend(loc="upper left")


def _draw_panel(data: xarray.Dataset, system: str, noise: str, ax: Axes) -> None:
    here = data.sel(system=system, noise=noise)
    none = here.sel(technique="none")
    ax.axvline(float(none.bias), color="0.3", linewidth=0.8)
    ax.axvline(float(none.sampled), color="0.3", linewidth=0.8, linestyle=":")
    for place, method in enumerate(data.technique.values):
        item = here.sel(technique=method)
        verdicts = ("no effect", "no effect")
        if method != "none":
            verdicts = _verdicts(data, system, noise, method)
        for key, marker, verdict in zip(("bias", "sampled"), ("o", "D"), verdicts, strict=True):
            ax.errorbar(
                float(item[key]),
                place + (0.16 if key == "sampled" else -0.16),
                xerr=float(item[f"{key}_error"]),
                fmt=marker,
                markersize=4.5,
                color=COLOURS[verdict] if method != "none" else "black",
                markerfacecolor="white" if key == "sampled" else None,
            )
    ax.set_ylim(data.technique.size - 0.5, -0.5)
    ax.set_xlim(left=0)


def _draw_legend(ax: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=verdict)
        for verdict, colour in COLOURS.items()
    ]
    handles += [
        Line2D([], [], marker="o", linestyle="-", color="0.3", label="without shot noise"),
        Line2D(
            [],
            [],
            marker="D",
            linestyle=":",
            color="0.3",
            markerfacecolor="white",
            label="with shots",
        ),
    ]
    ax.figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=6,
        title="against none; rows beginning with +: against the row above",
        title_fontsize=8,
    )
