"""What the maps save: exact states by maps on Pauli means against Aer's simulation of the circuits.

    python -m experiments.benchmarks.engine [--quick]

End to end: `exact_circuit` returns the same Trajectory, provenance and checks included, by
`engine="maps"` and by `engine="aer"`; ratios are of this run, the least of five calls or more each
(of one for the large chains), in processor seconds, which what else runs on the machine changes
less than those of the clock (on an idle one they are the same: neither uses threads below eleven
memristors where OMP_NUM_THREADS=1). Beside the chains stands the rate at which this machine copies
memory, and the least time that one pass over 4^N means (8 bytes read, 8 written) for every `BLOCK`
neighbours and step would take at that rate: the limit of this way to do it. About three minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import qmemcircuit as qm
from qmemcircuit.simulation.maps import BLOCK

SINGLE = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
WEAK = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
SHORTEST = 0.5
"""Seconds over which short calls are repeated."""
COUPLING = qm.Native("y", 1 / 15)


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the least processor time of a call, of all its threads."""
    taken = []
    while len(taken) < repeats or (repeats > 1 and sum(taken) < SHORTEST):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken)


def difference(one: qm.Trajectory, other: qm.Trajectory) -> float:
    """Return the largest difference of any state's entry."""
    if one.states is not None:
        return float(np.abs(one.states - other.states).max())
    return max(float(np.abs(one.pair_states[p] - s).max()) for p, s in other.pair_states.items())


def bandwidth() -> float:
    """Return bytes a second, read and written, of a copy of 128 MB."""
    source = np.ones(2**24)
    target = np.empty_like(source)
    np.copyto(target, source)
    return 2 * source.nbytes / seconds(lambda: np.copyto(target, source), 5)


def row(label: str, model: object, times: np.ndarray, splitting: str, repeats: int) -> None:
    """Print one comparison."""

    def call(engine: str) -> qm.Trajectory:
        with qm.allow_large():
            return qm.exact_circuit(model, times, splitting=splitting, engine=engine)

    apart = difference(call("maps"), call("aer")) if repeats > 1 else None
    maps = seconds(lambda: call("maps"), repeats)
    aer = seconds(lambda: call("aer"), repeats)
    same = "" if apart is None else f"   states differ by {apart:.1e}"
    print(f"{label:34}{1e3 * maps:10.1f} ms{aer:9.3f} s{aer / maps:8.0f} x{same}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no chains above six")
    quick = parser.parse_args().quick
    pair = qm.chain([WEAK] * 2, COUPLING)
    print(f"{'':34}{'maps':>13}{'Aer':>11}{'ratio':>10}")
    row("one memristor, 91 times", SINGLE, SINGLE.periods(3, points=30), "lie", 5)
    row("one memristor, 601 times", SINGLE, SINGLE.periods(20, points=30), "lie", 5)
    for splitting in ("lie", "strang", "fused"):
        row(f"pair, 91 times, {splitting}", pair, WEAK.periods(3, points=30), splitting, 5)
    row("pair, 601 times, lie", pair, WEAK.periods(20, points=30), "lie", 5)
    rate = bandwidth()
    for count in (3, 4, 6) if quick else (3, 4, 6, 8, 10):
        chain = qm.chain([WEAK] * count, COUPLING)
        label = f"chain of {count}, 60 steps, strang"
        row(label, chain, WEAK.periods(2, points=30)[1:], "strang", 1 if count > 6 else 5)
        if count > 6:
            passes = 60 * np.ceil((count - 1) / (BLOCK - 1))
            print(f"{'':8}memory-bound: {1e3 * passes * 16 * 4**count / rate:.0f} ms")
    print(f"memory: {rate / 1e9:.1f} GB/s copied, read and written")


if __name__ == "__main__":
    main()
