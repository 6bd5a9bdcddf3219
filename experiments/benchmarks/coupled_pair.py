"""How much faster is the shot-based Fig. 7 + Fig. 8 than circuit by circuit?

    python -m experiments.benchmarks.coupled_pair

Prints, from one run: the time of the whole series (601 times, 9 tomography settings, 5000 shots),
imports and estimation included, and of its sampling alone against one transpiled circuit per time
and setting on Aer's density-matrix method. The latter is measured on 7 times spread over the
series, whose mean depth is the whole's, in 3 settings, and scaled by the number of circuits.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.params import PAIR_STRENGTH, SHOTS, pair, pair_times

SETTINGS = ("XX", "YY", "ZZ")


def main() -> None:
    """Measure and print."""
    from qiskit import transpile
    from qiskit_aer import AerSimulator

    whole = _seconds(
        lambda: subprocess.run(
            [sys.executable, "-c", f"from {__spec__.name} import figures; figures()"], check=True
        )
    )
    print(f"Figs. 7 and 8 from shots in a fresh process, imports included: {whole:.1f} s")

    model = pair(qm.Native("y", PAIR_STRENGTH))
    times = pair_times(model)
    circuits = qm.build_circuits(model, times, bases="tomography")
    qm.run(model, times[:2], target=qm.aer(seed=0), shots=1)  # imports are not what we time
    ours = min(
        _seconds(lambda: qm.run(model, times, target=qm.aer(seed=1), shots=SHOTS)) for _ in range(2)
    )
    print(f"its {len(circuits)} circuits × {SHOTS} shots, ours: {ours:.2f} s")
    simulator = AerSimulator(method="density_matrix", seed_simulator=1)
    indices = np.linspace(0, len(times) - 1, 7).astype(int)
    picked = [circuits[int(index), basis] for index in indices for basis in SETTINGS]

    def run() -> None:
        for circuit in picked:
            simulator.run(transpile(circuit, simulator), shots=SHOTS).result().get_counts()

    theirs = _seconds(run) * len(circuits) / len(picked)
    print(
        f"one circuit per time and setting, Aer density_matrix: {theirs:.0f} s "
        f"(scaled from {len(picked)} circuits), ratio {theirs / ours:.0f}"
    )


def figures() -> None:
    """Do everything that Figs. 7 and 8 need from shots, except the drawing."""
    model = pair(qm.Native("y", PAIR_STRENGTH))
    times = pair_times(model)
    digital = qm.estimate(qm.run(model, times, target=qm.aer(seed=1), shots=SHOTS))
    digital.concurrence(0, 1)
    for device in range(2):
        qm.find_loops(digital, device)


def _seconds(action: object) -> float:
    start = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
