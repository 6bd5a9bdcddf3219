"""Compiled triples: two-qubit gates and certificates over 20 periods, beside Strang's steps.

    python -m experiments.benchmarks.compiled_triples [--tolerance 0.02] [--times 8] [--collisions]

For chains and rings of three memristors: the collisions a memristor that the tolerance takes, the
two-qubit gates of the last circuit (transpiled to CZ on qubits that are all coupled), the largest
half diamond norm to the master equation that `certify` allows over the times, the steps and
two-qubit gates with which the splitting `strang` (`fused` is for pairs) has the same certificate at
the last time (or 0.001, where the compiled one is smaller), and processor seconds of compiling. A
certificate above the tolerance makes the script fail.

`--collisions` prints instead how the residual of chain and ring falls with the collisions.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings

import numpy as np

import qmemcircuit as qm

GOAL = 60
"""Two-qubit gates that we hoped for."""
STRENGTH, GAMMA = 1 / 15, 0.02
MOST_STEPS = 4000
LEAST = 1e-3
"""Where the compiled circuits are exact, Strang's steps are counted for this certificate."""


def network(
    graph: str, kind: str, strength: float = STRENGTH, gamma: float = GAMMA, detuning: float = 0.0
) -> qm.Network:
    """Return three memristors on a chain or ring, frequencies 1 − δ, 1 and 1 + δ."""
    items = [
        qm.Memristor(qm.SquidRate(gamma), a=np.pi / 4, omega=1 + detuning * k) for k in (-1, 0, 1)
    ]
    named: dict[str, qm.Coupling] = {
        "swap": qm.PartialSwap(strength),
        "iswap": qm.PartialISwap(strength),
    }
    coupling = named[kind] if kind in named else qm.Native(kind[0], strength)
    return {"chain": qm.chain, "ring": qm.ring}[graph](items, coupling)


CASES = [
    *(("chain", kind) for kind in ("yy", "xx", "iswap", "zz", "swap")),
    *(("ring", kind) for kind in ("yy", "zz", "swap")),
]
ELSEWHERE: list[tuple[str, str, float, float, float]] = [
    ("chain", "yy", 0.2, 0.1, 0.0),
    ("chain", "yy", STRENGTH, GAMMA, 0.05),
    ("chain", "xx", 0.3, 0.01, 0.0),
]


def two_qubit_gates(circuits: qm.CircuitSet) -> int:
    """Return the CZ gates of the circuit for the last time."""
    from qiskit import transpile

    (made,) = transpile(
        [circuits[-1]], basis_gates=["cz", "rz", "sx", "x"], optimization_level=3, seed_transpiler=1
    )
    return int(made.count_ops().get("cz", 0))


def strang(model: qm.Network, stop: float, wanted: float) -> tuple[int, int]:
    """Return the steps, within a tenth, that certify `wanted` at `stop`, and two-qubit gates."""

    def certificate(steps: int) -> float:
        return qm.certify(model, [stop], splitting="strang", steps=steps).largest

    high = 16
    while certificate(high) > wanted:
        if high > MOST_STEPS:
            return high, 0
        high *= 2
    low = high // 2
    while high > 1.1 * low:
        middle = (low + high) // 2
        low, high = (low, middle) if certificate(middle) <= wanted else (middle, high)
    few, more = (
        two_qubit_gates(
            qm.build_circuits(model, [stop], splitting="strang", steps=steps, bases="Z")
        )
        for steps in (64, 65)
    )
    return high, few + (more - few) * (high - 64)


def table(tolerance: float, count: int) -> int:
    """Print the table; return how many certificates are above the tolerance."""
    print(
        "triple                                    n   CZ  certificate  strang: steps     CZ  "
        "seconds  goal"
    )
    broken = 0
    for graph, kind, *others in [*CASES, *ELSEWHERE]:
        model = network(graph, kind, *others)
        g, gamma, detuning = (*others, *(STRENGTH, GAMMA, 0.0)[len(others) :])
        words = f"{graph:5s} {kind:5s} g={g:.3f} γ0={gamma:.2f} δ={detuning:.2f}"
        times = np.linspace(0, 40 * np.pi, count + 1)[1:]
        begin = time.process_time()
        try:
            how = qm.ConstantDepth(tolerance=tolerance)
            circuits = qm.build_circuits(model, times, splitting=how, bases="Z")
        except ValueError as error:
            print(f"{words}  refused: {error}", flush=True)
            continue
        seconds = time.process_time() - begin
        found = qm.certify(
            model, times, splitting=qm.ConstantDepth(tolerance, pairs=circuits.compiled)
        )
        gates = two_qubit_gates(circuits)
        steps, theirs = strang(model, float(times[-1]), max(float(found.upper[-1]), LEAST))
        broken += found.largest > tolerance
        goal = "met" if gates <= GOAL else "not met"
        print(
            f"{words}  {circuits.compiled[-1].collisions}  {gates:3d}  {found.largest:.4f}       "
            f"{steps:6d}        {theirs:6d}  {seconds:6.1f}   {goal}",
            flush=True,
        )
    return broken


def against_collisions(count: int) -> None:
    """Print the largest residual of chain and ring for each number of collisions."""
    for graph in ("chain", "ring"):
        model = network(graph, "yy")
        times = np.linspace(0, 40 * np.pi, count + 1)[1:]
        for collisions in (2, 3, 4, 5, 6):
            how = qm.ConstantDepth(tolerance=0.002, collisions=collisions, exceeded="warn")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                circuits = qm.build_circuits(model, times, splitting=how, bases="Z")
            residuals = [item.residual for item in circuits.compiled]
            worst = int(np.argmax(residuals))
            print(
                f"{graph:5s} yy  n = {collisions}  CZ {two_qubit_gates(circuits):3d}  largest "
                f"residual {residuals[worst]:.4f} at {times[worst] / (2 * np.pi):.1f}T, at 20T "
                f"{residuals[-1]:.4f}",
                flush=True,
            )


def main() -> int:
    """Print a table; return 1 where a certificate broke the tolerance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tolerance", type=float, default=0.02)
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--collisions", action="store_true")
    options = parser.parse_args()
    if options.collisions:
        against_collisions(options.times)
        return 0
    return 1 if table(options.tolerance, options.times) else 0


if __name__ == "__main__":
    sys.exit(main())
