"""Error bars said before the run against those obtained afterwards.

Run as `python -m experiments.benchmarks.error_bars`. One line for each measurement and quantity:
the predicted largest standard error, the median over seeds of what `estimate` or `mitigate` says of
it, and their ratio; for V also the scatter of the values over seeds, as a multiple of the error
that was said, root mean square over all times.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

import qmemcircuit as qm
from experiments.hardware.params import pair, single
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.precision import ERROR_BARS

SEEDS = 12


def cases() -> Iterator[tuple[str, Any, Any, dict[str, Any], Any]]:
    """Yield name, model, times, options and a function that makes the target of a seed."""
    memristor, coupled = single(), pair()
    one, two = memristor.periods(1, points=30), coupled.periods(20, points=1)[::4]
    compiled: dict[str, Any] = {"splitting": "compiled"}
    readout = qm.Mitigation()
    folded = qm.Mitigation(factors=(1, 3))
    merged: dict[str, Any] = {"ancilla": "merged"}

    def simulator(seed: int) -> qm.Target:
        return qm.aer(seed=seed)

    def fake(name: str, layout: list[int] | None = None) -> Any:
        backend = fake_backend(name)
        return lambda seed: qm.device(backend, seed=seed, layout=layout)

    manila, torino = fake("FakeManilaV2"), fake("FakeTorino")
    yield "one, simulator, 5000 shots", memristor, one, {"shots": 5000}, simulator
    yield "one, simulator, 1000 shots", memristor, one, {"shots": 1000}, simulator
    yield "one, Manila, merged", memristor, one, {"shots": 5000, **merged}, manila
    yield (
        "one, Torino, merged, folded 1 and 3",
        memristor,
        one,
        {"shots": 5000, "mitigation": folded, **merged},
        torino,
    )
    yield "pair, simulator", coupled, two, {"shots": 5000, **compiled}, simulator
    yield (
        "pair, Torino, readout corrected",
        coupled,
        two,
        {"shots": 5000, "mitigation": readout, **compiled},
        torino,
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = parser.parse_args(arguments).seeds
    print(f"{'measurement':36s} {'quantity':12s} predicted  obtained  predicted/obtained  scatter")
    for name, model, times, options, target in cases():
        expected = qm.plan(model, times, target=target(1), **options).expected.errors
        found = []
        for seed in range(seeds):
            record = qm.run(model, times, target=target(seed), **options)
            found.append((qm.mitigate if "mitigation" in options else qm.estimate)(record))
        for quantity, error in expected.items():
            obtained = float(np.median([ERROR_BARS[quantity].largest(item) for item in found]))
            scatter = ""
            if quantity == "voltage":
                values = np.array([item.voltage for item in found])
                spread = np.sqrt(np.mean(np.var(values, axis=0, ddof=1)))
                said = np.array([item.voltage_error for item in found], dtype=float)
                reported = np.sqrt(np.mean(said**2))
                scatter = f"{spread / reported:.2f}"
            print(
                f"{name:36s} {quantity:12s} {error:9.3g} {obtained:9.3g} "
                f"{error / obtained:19.3f}  {scatter}",
                flush=True,
            )


if __name__ == "__main__":
    main()
