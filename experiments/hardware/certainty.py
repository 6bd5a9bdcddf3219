"""How many shots until the pair is certain: extrapolation shaped by the calibrated noise.

To see: at equal shots, only the extrapolation that takes the shape of the noise from the
calibration and its size from a tenth of the shots keeps the distance below 0.02, on drifted
devices, too. It does not see errors of resets; inverting those brings the numbers back. How high
the first lobe of the concurrence comes out is a matter of shots: the table has it with more of
them, and for a device without noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.drawing import draw_mosaic, letter_panels
from experiments.hardware.certainty_devices import (
    COVERED,
    DRIFTED,
    EXCHANGED,
    INVERTED,
    METHODS,
    NOISELESS,
    Bench,
    make_bench,
)
from experiments.hardware.params import FIRST_SEED
from experiments.results import Quantity, Result, Settings
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.states import (
    concurrence_of_states,
    expectation,
    pauli_matrix,
    trace_distance,
)
from qmemcircuit.counts.extrapolations.shaped import NOISE_SCALE
from qmemcircuit.plotting.figures import PALETTE, REFERENCE_COLOUR, house_style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOTS, SYMMETRIC_SHOTS = 140_000, 100_000
"""Our goals, shots a time in all: without, and with identical memristors declared."""

DEMAND = 0.02
"""Largest trace distance to the master equation that we want in 95 % of the seeds."""

SEEDS, FEWER = 200, 40
"""On the device as calibrated, and on the others; every method has the same number of shots."""

UNLIMITED = 10**12

LOBES = {
    NOISELESS: "readout",
    "as calibrated": "shaped",
    "reset 1 %": INVERTED,
    "reset 3 %": INVERTED,
}
"""On which devices, and by which method, the first lobe is followed to more shots."""

LOBE, LOBE_SHOTS, LOBE_SEEDS = 0.98, (140_000, 280_000, 420_000, 560_000), 100
"""The part of the reference's first lobe that 95 % of seeds shall reach. Of so many seeds the 5 %
quantile has a standard error of 2.1/√100 of their standard deviation."""

COLUMNS = (
    "bias",
    "lobe_left",
    "middle",
    "high",
    "within",
    "lobe",
    "death",
    "rebirth",
    "scale",
    "scale_error",
)
HIGH_LABELS = ("YI", "IY", "XX", "YY", "ZZ", "ZI")
"""Means whose error bars are judged: both voltages, three correlations, one population."""


def compute(settings: Settings) -> Result:
    """Simulate every circuit once, then draw shots for every method on every device."""
    import xarray

    bench = make_bench(quick=settings.quick)
    advance = settings.stages(len(bench.devices) + 2)
    methods = [name for name in METHODS if not settings.quick or name in ("readout", "shaped")]
    table = np.full((len(COLUMNS), len(bench.devices), len(methods)), np.nan)
    for row, device in enumerate(bench.devices):
        seeds = SEEDS if device == "as calibrated" else FEWER
        for place, method in enumerate(methods):
            if method == INVERTED and not device.startswith("reset"):
                continue
            shots = SYMMETRIC_SHOTS if method == EXCHANGED else SHOTS
            table[:, row, place] = _judged(
                bench, device, method, settings.shots_or(shots), 5 if settings.quick else seeds
            )
        advance()
    covered = _coverage(bench, 2 if settings.quick else COVERED, settings.shots_or(SHOTS))
    advance()
    lobes = _lobes(bench, 5 if settings.quick else LOBE_SEEDS)
    advance()
    data = xarray.Dataset(
        {
            name: (("device", "technique"), values)
            for name, values in zip(COLUMNS, table, strict=True)
        },
        coords={"device": list(bench.devices), "technique": methods},
    )
    parameters = {
        "shots_a_time": SHOTS,
        "with_exchange": SYMMETRIC_SHOTS,
        "seeds": [FIRST_SEED, SEEDS, FEWER],
        "shares": {name: bench.shares[name].tolist() for name in methods},
        "damping_price": bench.damping_price,
    }
    quantities = (*_quantities(data, covered, bench), *_lobe_quantities(lobes))
    return Result({"table": data}, quantities, parameters)


def _lobes(bench: Bench, seeds: int) -> dict[str, FloatArray]:
    """Return mean, standard deviation and 5 % quantile of the first lobe, (shots, 3), by device."""
    reference = concurrence_of_states(bench.master)
    before = bench.times < 8 * 2 * np.pi - 1e-9
    found = {}
    for device, method in LOBES.items():
        if device not in (*bench.devices, NOISELESS):
            continue
        rows = []
        for shots in LOBE_SHOTS:
            heights = []
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                random = np.random.default_rng([seed, 18])
                states = bench.measured(device, method, shots, random).states()
                heights.append(concurrence_of_states(states)[before].max())
            relative = np.array(heights) / reference[before].max()
            rows.append([relative.mean(), relative.std(ddof=1), np.quantile(relative, 0.05)])
        found[device] = np.array(rows)
    return found


def _lobe_quantities(lobes: dict[str, FloatArray]) -> Iterator[Quantity]:
    """Yield the fewest of `LOBE_SHOTS` with which 95 % of seeds have `LOBE` of the first lobe."""
    for device, rows in lobes.items():
        enough = [n for n, row in zip(LOBE_SHOTS, rows, strict=True) if row[2] >= LOBE]
        said = "; ".join(
            f"{n}: 95 % of seeds at least {100 * low:.1f} %, mean {100 * mean:.1f} ± "
            f"{100 * deviation:.1f} %"
            for n, (mean, deviation, low) in zip(LOBE_SHOTS, rows, strict=True)
        )
        yield Quantity(
            f"{device}, {LOBES[device]}: shots a time for {100 * LOBE:.0f} % of the first lobe",
            float(enough[0]) if enough else f"more than {LOBE_SHOTS[-1]}",
            evidence=f"{said}; ± is the standard deviation of one experiment",
        )


def _judged(bench: Bench, device: str, method: str, shots: int, seeds: int) -> list[float]:
    """Return the columns of the table for one method on one device."""
    exact = bench.measured(device, method, UNLIMITED, None)
    reference = concurrence_of_states(bench.master)
    where = {round(float(t / (2 * np.pi))): k for k, t in enumerate(bench.times)}
    first = reference[: where[8]].max()
    rows, scales, errors = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        found = bench.measured(device, method, shots, np.random.default_rng([seed, 16]))
        states = found.states()
        c = concurrence_of_states(states)
        # Rebirth at five standard errors each; the spread over seeds is taken for one below.
        later = [c[where[period]] for period in (10, 12) if period in where]
        largest = trace_distance(states, bench.master).max()
        rows.append([largest, c[: where[8]].max() / first, c[where[8]], *later])
        fit = found.fitted.get(NOISE_SCALE)
        scales.append(np.nan if fit is None else fit.value)
        errors.append(np.nan if fit is None else fit.error)
    values = np.array(rows)
    spread = values[:, 3:].std(axis=0)
    reborn = np.all(values[:, 3:] >= 5 * spread, axis=1).mean()
    unlimited = exact.states()
    return [
        float(trace_distance(unlimited, bench.master).max()),
        float(concurrence_of_states(unlimited)[: where[8]].max() / first),
        float(np.median(values[:, 0])),
        float(np.quantile(values[:, 0], 0.95)),
        float(np.mean(values[:, 0] <= DEMAND)),
        float(np.quantile(values[:, 1], 0.05)),
        float(np.mean(values[:, 2] <= DEMAND)),
        float(reborn),
        float(np.mean(scales)),
        float(np.mean(errors)),
    ]


def _coverage(bench: Bench, seeds: int, shots: int) -> dict[str, FloatArray]:
    """Return the share of 95 % intervals that hold the truth: on devices that have drifted.

    Of every time but the first, for `HIGH_LABELS`: with the declared drift in the error bar, and
    without it; and with what compiling may have moved, against the master equation.
    """
    truth = {label: expectation(bench.noiseless, pauli_matrix(label))[1:] for label in HIGH_LABELS}
    master = {label: expectation(bench.master, pauli_matrix(label))[1:] for label in HIGH_LABELS}
    inside: dict[str, list[bool]] = {"shaped": [], "without drift": [], "master": []}
    for device in bench.drifted:
        for seed in range(seeds):
            random = np.random.default_rng([seed, 17])
            found = bench.measured(device, "shaped", shots, random)
            bare = replace(found, excess=found.excess[:1])
            for label in HIGH_LABELS:
                mean, error = (item[1:] for item in found.combine({label: 1.0}))
                narrow = bare.combine({label: 1.0})[1][1:]
                wide = np.hypot(error, 2 * bench.residual[1:])
                inside["shaped"] += list(np.abs(mean - truth[label]) <= 1.96 * error)
                inside["without drift"] += list(np.abs(mean - truth[label]) <= 1.96 * narrow)
                inside["master"] += list(np.abs(mean - master[label]) <= 1.96 * wide)
    return {name: np.array([np.mean(found), len(found)]) for name, found in inside.items()}


def _quantities(
    data: xarray.Dataset, covered: dict[str, FloatArray], bench: Bench
) -> tuple[Quantity, ...]:
    found = []
    for device in data.device.values:
        for method in data.technique.values:
            here = data.sel(device=device, technique=method)
            if np.isnan(float(here.bias)):
                continue
            shots = SYMMETRIC_SHOTS if method == EXCHANGED else SHOTS
            evidence = (
                f"{shots} shots a time; median {float(here.middle):.4f}, unlimited shots "
                f"{float(here.bias):.4f} and first lobe {100 * float(here.lobe_left):.1f} %; at "
                f"most {DEMAND:g} in {100 * float(here.within):.0f} %; first lobe at least "
                f"{100 * float(here.lobe):.1f} % in 95 % of seeds; C(8T) at most 0.02 in "
                f"{100 * float(here.death):.0f} %; C(10T) and C(12T) at least 5 standard errors "
                f"in {100 * float(here.rebirth):.0f} %"
            )
            if not np.isnan(float(here.scale)):
                evidence += f"; noise {float(here.scale):.3f} ± {float(here.scale_error):.3f}"
            found.append(
                Quantity(
                    f"{device}, {method}: 95 % quantile of the largest trace distance",
                    here.high,
                    evidence=f"{evidence}; {METHODS[method].assumption}",
                )
            )
    for name, (share, count) in covered.items():
        what = {
            "shaped": "with the declared drift of 20 %, against the noiseless circuits",
            "without drift": "without it, against the noiseless circuits",
            "master": "with it and what compiling may have moved, against the master equation",
        }[name]
        found.append(
            Quantity(
                f"95 % intervals of shaped means that hold the truth, {what}",
                share,
                evidence=f"{int(count)} intervals on {len(bench.drifted)} devices whose "
                f"calibrated numbers are each off by up to {100 * DRIFTED:.0f} %",
            )
        )
    return tuple(found)


def draw(result: Result) -> Figure:
    """Draw the largest distance of every method on every device, and the scale of the noise."""
    figure, axes = draw_mosaic("aab", height=3.6)
    data = result.data["table"]
    drawn = _draw_distances(data, axes["a"])
    with house_style():
        figure.colorbar(
            drawn, ax=axes["a"], label="trace distance to the master equation", extend="both"
        )
    _draw_scale(data, axes["b"])
    letter_panels(axes.values(), (r"95 % of seeds are within, $10^{-3}$", "what the counts say"))
    return figure


def _draw_distances(data: xarray.Dataset, ax: Axes) -> Any:
    from matplotlib.colors import LogNorm

    table = data.high.transpose("technique", "device")
    drawn = ax.imshow(table.values, norm=LogNorm(0.01, 0.1), cmap="cividis", aspect="auto")
    for row, column in np.ndindex(table.shape):
        value = float(table[row, column])
        mark = "*" if value <= DEMAND else ""
        ax.text(
            column,
            row,
            "–" if np.isnan(value) else f"{1000 * value:.0f}{mark}",
            ha="center",
            va="center",
            color="white" if value < 0.04 else "black",
            fontsize=7,
        )
    ax.set_xticks(range(data.device.size), data.device.values, rotation=35, ha="right")
    ax.set_yticks(range(data.technique.size), data.technique.values)
    ax.set_xlabel(f"device (* within {DEMAND:g})")
    return drawn


def _draw_scale(data: xarray.Dataset, ax: Axes) -> None:
    here = data.sel(technique="shaped")
    places = np.arange(data.device.size)
    ax.errorbar(places, here.scale, yerr=here.scale_error, fmt="o", color=PALETTE[0])
    ax.axhline(1.0, color=REFERENCE_COLOUR, linewidth=0.5, linestyle="--")
    ax.set_xticks(places, data.device.values, rotation=35, ha="right")
    ax.set_ylabel("size of the noise / calibrated")
