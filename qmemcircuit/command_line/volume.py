"""`qmemcircuit volume --target ibm:NAME`: its plan first, then its jobs, cell by cell."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

FOLDER = Path("volume")


def measure_by_jobs(options: argparse.Namespace) -> int:
    """Print what all cells would cost; send them where that is agreed to; print the staircase."""
    import qmemcircuit as qm
    from qmemcircuit.runs.volume import PERIODS, SIZES

    channel = {} if options.channel is None else {"channel": options.channel}
    target = qm.ibm(options.target.partition(":")[2], seed=options.seed, **channel)
    folder = FOLDER if options.folder is None else options.folder
    stairs: dict[str, Any] = {
        "sizes": tuple(options.sizes or SIZES),
        "periods": tuple(options.periods or PERIODS),
        "shots": options.shots,
    }
    if not options.yes:
        _print_plan(target, stairs)
        if not sys.stdin.isatty():
            print("nothing was sent; --yes sends the cells one after another")
            return 1
        if input("send the cells, one after another? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was sent")
            return 1
    found = qm.memristor_volume(
        target,
        **stairs,
        folder=folder,
        wait=options.wait,
        confirm=lambda plan: True,  # agreed to as a whole
        progress=lambda cell: print(cell, flush=True),
    )
    print(found)
    return 0


def _print_plan(target: Any, stairs: dict[str, Any]) -> None:
    """Print executions and processor seconds of every cell, and their sum."""
    from qmemcircuit.runs.volume import plan_volume

    executions, seconds, known = 0, 0.0, True
    for memristors, periods, plan in plan_volume(target, **stairs):
        start = f"{memristors:3d} memristors, {periods} periods"
        if isinstance(plan, str):
            print(f"{start}: cannot be measured: {plan}")
            continue
        executions += plan.executions
        known = known and plan.processor_seconds is not None
        seconds += plan.processor_seconds or 0.0
        print(f"{start}: {plan.executions} executions, {_words(plan.processor_seconds)}")
    whole = _words(seconds if known else None)
    print(f"all of them, where every cell passes: {executions} executions, {whole}")


def _words(seconds: float | None) -> str:
    return "processor time not known" if seconds is None else f"about {seconds:.0f} processor s"
