"""How much faster and sharper is one digital memristor (Fig. 4) than circuit by circuit?

    python -m experiments.benchmarks.single_memristor

Prints, from one run: the time of the whole shot-based series (91 times, 2 settings, 5000 shots)
against one transpiled circuit per time and setting on Aer's density-matrix method and on its
default method; and the RMS error of the current against finite differences at the same shots.
The default method is slow, so it is run on every tenth time and scaled by the number of circuits.
"""

from __future__ import annotations

import time

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.params import FIG4_PERIODS, POINTS_PER_PERIOD, SHOTS, fig4_memristor

RUNS = 40
SUBSET = slice(5, None, 10)  # every tenth time, centred, so that its mean depth is the whole's


def main() -> None:
    """Measure and print."""
    from qiskit import transpile
    from qiskit_aer import AerSimulator

    memristor = fig4_memristor()
    times = memristor.periods(FIG4_PERIODS, points=POINTS_PER_PERIOD)
    circuits = qm.build_circuits(memristor, times)
    qm.run(memristor, times[:2], target=qm.aer(seed=0), shots=1)  # imports are not what we time

    ours = min(
        _seconds(lambda: qm.run(memristor, times, target=qm.aer(seed=1), shots=SHOTS))
        for _ in range(3)
    )
    print(f"whole series, {len(circuits)} circuits × {SHOTS} shots, ours: {ours:.3f} s")
    for method, chosen in (("density_matrix", slice(None)), ("automatic", SUBSET)):
        simulator = AerSimulator(method=method, seed_simulator=1)
        picked = [
            circuit
            for index in range(len(times))[chosen]
            for circuit in (circuits[index, "X"], circuits[index, "Y"])
        ]

        def run(simulator: AerSimulator = simulator, picked: list = picked) -> None:
            for circuit in picked:
                simulator.run(transpile(circuit, simulator), shots=SHOTS).result().get_counts()

        seconds = _seconds(run) * len(circuits) / len(picked)
        scaled = "" if len(picked) == len(circuits) else f" (scaled from {len(picked)} circuits)"
        print(
            f"one circuit per time and setting, Aer {method}: {seconds:.2f} s{scaled}, "
            f"ratio {seconds / ours:.0f}"
        )

    exact = qm.exact_circuit(memristor, times).current
    squares = {"local_fit": 0.0, "finite_difference": 0.0}
    for seed in range(RUNS):
        record = qm.run(memristor, times, target=qm.aer(seed=seed), shots=SHOTS)
        for name in squares:
            found = qm.estimate(record, current=name)
            squares[name] += float(np.mean((found.current - exact) ** 2)) / RUNS
    errors = {name: np.sqrt(value) for name, value in squares.items()}
    ratio = errors["finite_difference"] / errors["local_fit"]
    print(
        f"RMS error of I over {RUNS} runs: finite differences {errors['finite_difference']:.5f}, "
        f"local fit {errors['local_fit']:.5f}, ratio {ratio:.2f} "
        f"({ratio**2:.0f} times fewer shots for the same error)"
    )


def _seconds(action: object) -> float:
    start = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
