"""Pauli propagation against exact states: how often its error covers, and what a hundred cost.

    python -m experiments.benchmarks.propagation [--cases N]

Random networks of 4 to 10 memristors, mostly 6 and 7 (chains, rings, stars, random trees with
further edges; alike or all different; five couplings, g 0.03 to 0.3; five laws, rates of 0.01 to
0.4; 1 to 3 periods; two cut-offs) by `simulate_circuit(…, method=PauliPropagation(…))`, and the
same circuits exactly. A case covers where |V_k − exact| of *all* memristors is within the stated
error. The factor in that error is `ERROR_FACTOR`; the table says what others would have covered.
Then chains of 100: seconds and, where the light cone does not reach the ends, the difference to
the middle of 10, which is exact. The 127 memristors of the heavy-hexagonal lattice, against exact
patches, are the experiment `network.heavy_hex`.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import qmemcircuit as qm
from experiments.terminal import progress_bar
from qmemcircuit.simulation.propagation import ERROR_FACTOR

STEPS_A_PERIOD = 12
SIZES = (4, 5, 6, 6, 6, 7, 7, 7, 8, 10)


def random_graph(rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    """Return the edges of a chain, a ring, a star, or a random tree with up to two more edges."""
    chain = [(j, j + 1) for j in range(count - 1)]
    kind = rng.integers(4)
    if kind == 0:
        return chain
    if kind == 1:
        return [*chain, (0, count - 1)]
    if kind == 2:
        return [(0, j) for j in range(1, count)]
    edges = {(int(rng.integers(j)), j) for j in range(1, count)}
    for _ in range(rng.integers(3)):
        first, second = sorted(rng.choice(count, 2, replace=False).tolist())
        edges.add((first, second))
    return sorted(edges)


def random_law(rng: np.random.Generator, rate: float) -> object:
    """Return one of five laws whose rate is about `rate`."""
    laws = (
        qm.SquidRate(rate),
        qm.ConstantRate(rate),
        qm.HarmonicRate((np.sqrt(rate), 0.5 * np.sqrt(rate), 0.3 * np.sqrt(rate))),
        qm.SquidRate(2 * rate),
        qm.ConstantRate(0.5 * rate),
    )
    return laws[rng.integers(len(laws))]


def random_case(rng: np.random.Generator) -> tuple[qm.Network, float, qm.PauliPropagation]:
    """Return a network, a number of periods, and cut-offs."""
    count = int(rng.choice(SIZES))
    alike = bool(rng.integers(2))

    def strength() -> float:
        return float(np.exp(rng.uniform(np.log(0.03), np.log(0.3))))

    def coupling(kind: int, g: float) -> object:
        return (
            qm.Native("x", g),
            qm.Native("y", g),
            qm.Native("z", g),
            qm.PartialSwap(g),
            qm.ControlledRotation("y", 2 * g),
        )[kind]

    def memristor() -> qm.Memristor:
        rate = float(np.exp(rng.uniform(np.log(0.01), np.log(0.4))))
        return qm.Memristor(random_law(rng, rate), a=rng.uniform(0.4, 1.2), b=rng.uniform(0, 1))

    kind, g, one = int(rng.integers(5)), strength(), memristor()
    items = [one if alike else memristor() for _ in range(count)]
    network = qm.Network(
        items,
        {pair: coupling(kind, g if alike else strength()) for pair in random_graph(rng, count)},
    )
    kept = (qm.PauliPropagation(4, 1e-4), qm.PauliPropagation(5, 3e-5))[rng.integers(2)]
    return network, float(rng.uniform(1, 3)), kept


def main() -> None:
    """Print coverage and times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=120)
    cases = parser.parse_args().cases
    rng = np.random.default_rng(20261126)
    ratios, errors, bounds, stated_errors, refused = [], [], [], [], 0
    with progress_bar("cases") as report:
        for number in range(cases):
            network, periods, kept = random_case(rng)
            times = [periods * network.memristors[0].period]
            how = {"splitting": "strang", "steps": int(np.ceil(STEPS_A_PERIOD * periods))}
            try:
                found = qm.simulate_circuit(network, times, method=kept, **how)
            except ValueError:
                refused += 1
                continue
            exact = qm.exact_circuit(network, times, **how)
            error = np.abs(found.voltage - exact.voltage)
            stated = np.maximum(found.voltage_error / ERROR_FACTOR, 1e-15)
            ratios.append(float((error / stated).max()))
            errors.append(float(error.max()))
            stated_errors.append(float(found.voltage_error.max()))
            bounds.append(float(found.variables["rigorous_bound"].max()))
            report(number + 1, cases)
    run = len(ratios)
    print(f"{cases} cases, {refused} of them refused as beyond the route's reach")
    print(f"of {run}, all V within factor × difference of the cut-offs:")
    for factor in (1.0, 2.0, 3.0, 5.0):
        covered = int(np.sum(np.array(ratios) <= factor))
        mark = "  <- stated" if factor == ERROR_FACTOR else ""
        print(f"  {factor:.0f}: {covered} of {run} ({100 * covered / run:.1f} %){mark}")
    print(f"  largest ratio {max(ratios):.1f}")
    print(f"  error: median {np.median(errors):.1e}, largest {max(errors):.1e}")
    print(f"  stated: median {np.median(stated_errors):.1e}, largest {max(stated_errors):.1e}")
    print(f"  rigorous bound: median {np.median(bounds):.2f}, largest {max(bounds):.2f} (V ≤ 0.35)")
    memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    for periods, goal in ((1.05, 1e-3), (2.0, 1e-3), (3.0, 2e-3)):
        times = [periods * memristor.period]
        how = {"splitting": "strang", "steps": int(20 * periods)}
        hundred = qm.chain([memristor] * 100, qm.Native("y", 1 / 15))
        start, used = time.perf_counter(), time.process_time()
        found = qm.simulate_circuit(
            hundred, times, method=qm.PauliPropagation(6, 3e-5), pairs=[(49, 50)], **how
        )
        seconds, used = time.perf_counter() - start, time.process_time() - used
        ten = qm.chain([memristor] * 10, qm.Native("y", 1 / 15))
        bulk = qm.exact_circuit(ten, times, **how)
        off = np.abs(found.voltage[0, 5:95] - bulk.voltage[0, 4]).max()
        ends = np.abs(found.voltage[0, [0, -1]] - bulk.voltage[0, [0, -1]]).max()
        state = np.abs(found.pair_state(49, 50)[0] - bulk.pair_state(4, 5)[0]).max()
        current = np.abs(found.current[0, 50] - bulk.current[0, 4])
        print(
            f"chain of 100, {periods:.2f}T: {used:.1f} s of processor time ({seconds:.1f} s), "
            f"{found.provenance['route']['strings']} strings, V in the middle "
            f"{found.voltage[0, 50]:.5f} ± {found.voltage_error[0, 50]:.5f}; from 10, exact: "
            f"|ΔV| {off:.1e} in the bulk (goal {goal:g}), {ends:.1e} at the ends, |ΔI| "
            f"{current:.1e}, two-site state {state:.1e}"
        )


if __name__ == "__main__":
    main()
