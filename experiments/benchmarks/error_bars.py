"""Error bars said before the run against those obtained afterwards.

Run as `python -m experiments.benchmarks.error_bars`: about five minutes of a processor. One line
for each measurement and quantity: the predicted largest standard error; the median over seeds of
what `estimate` or `mitigate` says of it, of the simulator's runs or of counts drawn from a fake's
exact outcomes (`rehearse`, which shares no state with the prediction); their ratio with the
standard error that both medians leave in it; and whether they agree within 15 %.
Form factors are of the loops that were predicted to be resolved, of which the last column says how
many there are. For V it has the scatter of the values over seeds, as a multiple of the error that
was said, root mean square over all times.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import qmemcircuit as qm
from experiments.hardware.params import pair, single
from qmemcircuit.circuits.constant_depth import stored_circuits
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.runs.precision import ERROR_BARS

SEEDS = 60
AGREE = 0.15
FAKES = ("FakeManilaV2", "FakeSherbrooke", "FakeTorino", "FakeMarrakesh", "FakeNighthawk")
Case = tuple[str, qm.Memristor | qm.Network, Any, dict[str, Any], Callable[[int], Any]]


def simulated() -> Iterator[Case]:
    """Yield name, model, times, options and what makes the target of a seed, on the simulator."""

    def simulator(seed: int) -> qm.Target:
        return qm.aer(seed=seed)

    memristor = single()
    for shots in (100_000, 5000, 1000):
        yield (
            f"one, {shots} shots",
            memristor,
            memristor.periods(1, points=30),
            {
                "shots": shots,
                "ancilla": "merged",
            },
            simulator,
        )
    yield (
        "one, 3 periods, 5000 shots",
        memristor,
        memristor.periods(3, points=30),
        {
            "shots": 5000,
            "ancilla": "merged",
        },
        simulator,
    )
    yield from _pairs("simulator", simulator)


def on_fakes() -> Iterator[Case]:
    """Yield the same of noisy devices: without mitigation, with readout's, and extrapolated."""
    memristor = single()
    times = memristor.periods(1, points=30)
    merged = {"ancilla": "merged", "shots": 5000}
    for name in FAKES:
        backend = fake_backend(name)

        def fake(seed: int, backend: Any = backend) -> Any:
            return qm.device(backend, seed=seed)

        yield f"one, {name}", memristor, times, merged, fake
        folded = {**merged, "mitigation": qm.Mitigation((1, 3))}
        yield f"one, {name}, factors 1 and 3", memristor, times, folded, fake
        if name != "FakeManilaV2":  # five qubits in a row: 24 gates more
            yield from _pairs(name, fake)


def _pairs(name: str, target: Callable[[int], Any]) -> Iterator[Case]:
    """Yield the paper's pair over twenty periods, and a strong one's loops."""
    slow = pair()
    options: dict[str, Any] = {
        "shots": 5000,
        "splitting": "compiled",
        "mitigation": qm.Mitigation(),
    }
    yield f"pair, {name}", slow, slow.periods(20, points=1)[::4], options, target
    strong = qm.Network([single()] * 2, {(0, 1): qm.Native("y", 1 / 15)})
    yield f"strong pair, {name}", strong, strong.periods(1, points=12), options, target


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", default="", help="cases whose names hold this")
    given = parser.parse_args(arguments)
    print(
        f"{'measurement':38s} {'quantity':12s} predicted  obtained  predicted/obtained  agrees  "
        "scatter of V; loops"
    )
    agreed, asked = 0, 0
    for name, model, times, options, target in (*simulated(), *on_fakes()):
        if given.only not in name:
            continue
        expected = qm.plan(model, times, target=target(1), **options).expected
        estimator = qm.mitigate if "mitigation" in options else qm.estimate
        found = [
            estimator(record) for record in _records(model, times, target, options, given.seeds)
        ]
        for quantity, error in expected.errors.items():
            hidden = expected.unresolved.get(quantity, ())
            obtained = np.array([ERROR_BARS[quantity].largest(item, hidden) for item in found])
            middle = float(np.median(obtained))
            ratio = error / middle
            spread = _median_error(obtained) / middle
            if quantity in expected.ranges:  # a prediction is a median of repetitions, too
                spread = float(np.hypot(spread, 0.04))
            within = abs(ratio - 1) <= AGREE
            agreed, asked = agreed + within, asked + 1
            note = ""
            if quantity == "voltage":
                note = f"{_scatter(found):.2f}"
            if quantity == "form factor":
                loops = len(ERROR_BARS[quantity].bars(found[0]))
                note = f"{loops - len(hidden)} of {loops} loops resolved"
            print(
                f"{name:38s} {quantity:12s} {error:9.3g} {middle:9.3g} "
                f"{ratio:10.3f} ± {spread:5.3f}  {'yes' if within else 'NO':>6s}  {note}",
                flush=True,
            )
        for quantity, parts in expected.unresolved.items():
            if quantity not in expected.errors:
                print(f"{name:38s} {quantity:12s} not predicted, no loop is resolved: {parts}")
    print(f"{agreed} of {asked} agree within {100 * AGREE:.0f} %.")


def _records(
    model: Any, times: Any, target: Callable[[int], Any], options: dict[str, Any], seeds: int
) -> Iterator[qm.Record]:
    """Yield the record of each seed: of a device drawn from its exact outcomes, simulated once."""
    if not isinstance(target(1), qm.DeviceTarget):
        for seed in range(seeds):
            yield qm.run(model, times, target=target(seed), **options)
        return
    shots = options["shots"]
    others = {name: value for name, value in options.items() if name != "shots"}
    rehearsal = qm.rehearse(model, times, target=target(1), **others)
    circuits = rehearsal.circuits
    for seed in range(seeds):
        drawn = rehearsal.draw(shots, np.random.default_rng([seed, 20]))
        yield qm.Record(
            circuits.network,
            circuits.times,
            drawn.runs[0],
            mitigated=drawn if "mitigation" in options else None,
            compiled=stored_circuits(circuits.compiled),
        )


def _median_error(values: np.ndarray[Any, Any]) -> float:
    """Return the standard error of the median of nearly normal values."""
    low, high = np.quantile(values, [0.159, 0.841])
    return float(1.2533 * (high - low) / 2 / np.sqrt(values.size))


def _scatter(found: list[qm.Trajectory]) -> float:
    values = np.array([item.voltage for item in found])
    spread = np.sqrt(np.mean(np.var(values, axis=0, ddof=1)))
    said = np.array([item.voltage_error for item in found], dtype=float)
    return float(spread / np.sqrt(np.mean(said**2)))


if __name__ == "__main__":
    main()
