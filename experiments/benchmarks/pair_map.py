"""A map of 100 × 100 pairs: form factor and peak concurrence against coupling and rate.

    python -m experiments.benchmarks.pair_map [--points N] [--singly] [--out DIR]

Each row, of one rate, is one `exact_batch` (91 times over three periods, `fused`), with its loops
and the concurrence of each pair, over all cores by `qm.sweep`; with `--singly` each point is an
`exact_circuit` of its own. Prints seconds, those of the processors too (what else runs on the
machine adds to the clock's), ranges and the largest form factor with
its bound and lobe balance; writes pair_map.nc, PNG and PDF where DIR is given.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS
from qmemcircuit.plotting.figures import make_figure, save_figure

LIMIT = 120.0
"""Seconds that 100 × 100 points may take on two cores."""


def make_pair(coupling: float, rate: float) -> qm.Network:
    """Return a pair of equal memristors coupled by σyσy."""
    memristor = qm.Memristor(qm.SquidRate(rate), a=np.pi / 4)
    return qm.Network([memristor] * 2, {(0, 1): qm.Native("y", coupling)})


def measure_row(rate: float, couplings: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Return numbers of the pairs of one rate over three periods, an array of each."""
    start = time.process_time()
    pairs = [make_pair(coupling, rate) for coupling in couplings]
    batch = qm.exact_batch(pairs, pairs[0].periods(3, points=30), splitting="fused")
    loops = [qm.find_loops(batch[k])[0] for k in range(len(batch))]
    return {
        "form_factor": np.array([loop.form_factor for loop in loops]),
        "bound": np.array([loop.form_factor_bound for loop in loops]),
        "lobe_balance": np.array([loop.balance for loop in loops]),
        "peak_concurrence": batch.concurrence(0, 1).max(axis=1),
        "processor_seconds": np.full(len(pairs), (time.process_time() - start) / len(pairs)),
    }


def measure_pair(coupling: float, rate: float) -> dict[str, float]:
    """Return the same of one pair."""
    start = time.process_time()
    pair = make_pair(coupling, rate)
    run = qm.exact_circuit(pair, pair.periods(3, points=30), splitting="fused")
    loop = qm.find_loops(run)[0]
    return {
        "form_factor": loop.form_factor,
        "bound": loop.form_factor_bound,
        "lobe_balance": loop.balance,
        "peak_concurrence": float(run.concurrence(0, 1).value.max()),
        "processor_seconds": time.process_time() - start,
    }


def main() -> None:
    """Compute, print and draw the map."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100, help="along each axis")
    parser.add_argument("--singly", action="store_true", help="one call for each point")
    parser.add_argument("--out", type=Path, help="folder of the figure and the numbers")
    options = parser.parse_args()
    grid = {
        "coupling": np.linspace(0.005, 0.5, options.points),
        "rate": np.linspace(0.01, 1.0, options.points),
    }
    start = time.perf_counter()
    units = {"coupling": "ω", "rate": "ω"}
    if options.singly:
        table = qm.sweep(measure_pair, grid, units=units)
    else:
        row = partial(measure_row, couplings=tuple(grid["coupling"].tolist()))
        rows = qm.sweep(row, {"rate": grid["rate"]}, units={"rate": "ω"})
        table = xarray.Dataset(
            {name: (("rate", "coupling"), rows[name].values) for name in rows.data_vars},
            coords={"rate": rows.rate, "coupling": ("coupling", grid["coupling"], {"units": "ω"})},
        ).transpose("coupling", "rate")
    seconds = time.perf_counter() - start
    count, cores = table.form_factor.size, os.cpu_count()
    print(
        f"{count} pairs in {seconds:.1f} s on {cores} cores ({1e3 * seconds / count:.1f} ms each); "
        f"{float(table.processor_seconds.sum()):.1f} processor seconds"
    )
    if options.points == 100:
        idle = float(table.processor_seconds.sum()) / (cores or 1)
        print(
            f"within {LIMIT:.0f} s by the clock: {seconds <= LIMIT}; by the processors' time, "
            f"where nothing else runs: {idle <= LIMIT} ({idle:.0f} s)"
        )
    for name in ("form_factor", "peak_concurrence"):
        print(f"{name}: {float(table[name].min()):.4f} to {float(table[name].max()):.4f}")
    place = table.form_factor.argmax(...)
    best = table.isel(place)
    print(
        f"largest form factor at coupling {float(best.coupling):.3f} ω, rate "
        f"{float(best.rate):.3f} ω: {float(best.form_factor):.4f} ≤ {float(best.bound):.4f}, "
        f"lobe balance {float(best.lobe_balance):.3f}"
    )
    over = int((table.form_factor > table.bound + 1e-9).sum())
    print(f"points above their bound: {over}")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.2)
        qm.plot_map(table, "form_factor", ax=axes[0])
        qm.plot_map(table, "peak_concurrence", ax=axes[1])
        save_figure(figure, options.out / "pair_map")
        table.to_netcdf(options.out / "pair_map.nc")


if __name__ == "__main__":
    main()
