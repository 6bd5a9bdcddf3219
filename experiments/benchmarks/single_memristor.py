"""How much faster and sharper is one digital memristor (Fig. 4) than circuit by circuit?

    python -m experiments.benchmarks.single_memristor [--only speed|error]

Prints, from one run: the time of the whole shot-based series (91 times, 2 settings, 5000 shots)
against one transpiled circuit per time and setting on Aer's density-matrix method and on its
default method; and the RMS error of the current against finite differences at the same shots, over
two hundred seeds, with the standard error of that mean and the share of seeds above 0.0069, what
the estimator had before its bias was subtracted.
The default method is slow, so it is run on every tenth time and scaled by the number of circuits.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.params import FIG4_PERIODS, POINTS_PER_PERIOD, SHOTS, fig4_memristor

RUNS = 200
BEFORE = 0.0069  # of the estimator that had its bias not in its error
SUBSET = slice(5, None, 10)  # every tenth time, centred, so that its mean depth is the whole's


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="One digital memristor: how fast, how sharp?")
    parser.add_argument("--only", choices=("speed", "error"))
    only = parser.parse_args().only
    memristor = fig4_memristor()
    times = memristor.periods(FIG4_PERIODS, points=POINTS_PER_PERIOD)
    if only != "error":
        _print_speed(memristor, times)
    if only != "speed":
        _print_errors(memristor, times)


def _print_speed(memristor: qm.Memristor, times: np.ndarray) -> None:
    from qiskit import transpile
    from qiskit_aer import AerSimulator

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


def _print_errors(memristor: qm.Memristor, times: np.ndarray) -> None:
    exact = qm.exact_circuit(memristor, times).current
    squares: dict[str, list[float]] = {"local_fit": [], "finite_difference": []}
    for seed in range(RUNS):
        record = qm.run(memristor, times, target=qm.aer(seed=seed), shots=SHOTS)
        for name in squares:
            found = qm.estimate(record, current=name)
            squares[name].append(float(np.mean((found.current - exact) ** 2)))
    errors = {name: np.sqrt(np.mean(values)) for name, values in squares.items()}
    ratio = errors["finite_difference"] / errors["local_fit"]
    print(
        f"RMS error of I over {RUNS} runs: finite differences {errors['finite_difference']:.5f}, "
        f"local fit {errors['local_fit']:.5f}, ratio {ratio:.2f} "
        f"({ratio**2:.0f} times fewer shots for the same error)"
    )
    ours_alone = np.sqrt(squares["local_fit"])
    print(
        f"local fit, seed by seed: mean {ours_alone.mean():.5f} ± "
        f"{ours_alone.std(ddof=1) / np.sqrt(RUNS):.5f}, from {ours_alone.min():.5f} to "
        f"{ours_alone.max():.5f}, above {BEFORE} in {100 * np.mean(ours_alone > BEFORE):.0f} %"
    )


def _seconds(action: object) -> float:
    start = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
