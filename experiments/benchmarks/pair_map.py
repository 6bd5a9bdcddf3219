"""A map of 100 × 100 pairs: form factor and peak concurrence against coupling and rate.

    python -m experiments.benchmarks.pair_map [--points N] [--out DIR]

Each point is a whole `exact_circuit` (91 times over three periods, `fused`), `find_loops` and
`concurrence`, over all cores by `qm.sweep`. Prints seconds, ranges and the largest form factor with
its bound and lobe balance; writes pair_map.nc, PNG and PDF where DIR is given.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

import qmemcircuit as qm
from qmemcircuit.plotting.figures import make_figure, save_figure

LIMIT = 120.0
"""Seconds that 100 × 100 points may take on two cores."""


def measure_pair(coupling: float, rate: float) -> dict[str, float]:
    """Return numbers of a pair of equal memristors coupled by σyσy, over three periods."""
    memristor = qm.Memristor(qm.SquidRate(rate), a=np.pi / 4)
    pair = qm.Network([memristor] * 2, {(0, 1): qm.Native("y", coupling)})
    run = qm.exact_circuit(pair, memristor.periods(3, points=30), splitting="fused")
    loop = qm.find_loops(run)[0]
    return {
        "form_factor": loop.form_factor,
        "bound": loop.form_factor_bound,
        "lobe_balance": loop.balance,
        "peak_concurrence": float(run.concurrence(0, 1).value.max()),
    }


def main() -> None:
    """Compute, print and draw the map."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100, help="along each axis")
    parser.add_argument("--out", type=Path, help="folder of the figure and the numbers")
    options = parser.parse_args()
    grid = {
        "coupling": np.linspace(0.005, 0.5, options.points),
        "rate": np.linspace(0.01, 1.0, options.points),
    }
    start = time.perf_counter()
    table = qm.sweep(measure_pair, grid, units={"coupling": "ω", "rate": "ω"})
    seconds = time.perf_counter() - start
    count, cores = table.form_factor.size, os.cpu_count()
    print(
        f"{count} pairs in {seconds:.1f} s on {cores} cores ({1e3 * seconds / count:.1f} ms each)"
    )
    if options.points == 100:
        print(f"within {LIMIT:.0f} s: {seconds <= LIMIT}")
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
        figure, axes = make_figure(1, 2, width=8.0, height=3.2)
        qm.plot_map(table, "form_factor", ax=axes[0])
        qm.plot_map(table, "peak_concurrence", ax=axes[1])
        save_figure(figure, options.out / "pair_map")
        table.to_netcdf(options.out / "pair_map.nc")


if __name__ == "__main__":
    main()
