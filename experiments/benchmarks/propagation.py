"""Pauli propagation against exact states: how often its error covers, and what a hundred cost.

    python -m experiments.benchmarks.propagation [--cases N]

Random chains and rings of 7 memristors (five couplings, g 0.03 to 0.3, γ0 0.01 to 0.4, 1 to 3
periods, two cut-offs) by `simulate_circuit(…, method=PauliPropagation(…))`, and the same circuits
exactly. A case covers where |V_k − exact| of *all* seven is within the stated error. The factor in
that error is `ERROR_FACTOR`; the table says what others would have covered. Then chains of 100:
seconds and, where the light cone does not reach the ends, the difference to the middle of 10.
Last, 127 memristors on the couplers of FakeBrisbane (a heavy-hexagonal lattice) at 1T.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import qmemcircuit as qm
from experiments.terminal import progress_bar
from qmemcircuit.runs.jobs.services import fake_backend
from qmemcircuit.simulation.propagation import ERROR_FACTOR

MEMRISTORS, STEPS_A_PERIOD = 7, 20


def random_case(rng: np.random.Generator) -> tuple[qm.Network, float, qm.PauliPropagation]:
    """Return a network, a number of periods, and cut-offs."""
    strength = float(np.exp(rng.uniform(np.log(0.03), np.log(0.3))))
    couplings = (
        qm.Native("x", strength),
        qm.Native("y", strength),
        qm.Native("z", strength),
        qm.PartialSwap(strength),
        qm.ControlledRotation("y", 2 * strength),
    )
    coupling = couplings[rng.integers(len(couplings))]
    rate = float(np.exp(rng.uniform(np.log(0.01), np.log(0.4))))
    items = [qm.Memristor(qm.SquidRate(rate), a=rng.uniform(0.4, 1.2))] * MEMRISTORS
    network = (qm.chain, qm.ring)[rng.integers(2)](items, coupling)
    kept = (qm.PauliPropagation(4, 1e-4), qm.PauliPropagation(5, 3e-5))[rng.integers(2)]
    return network, float(rng.uniform(1, 3)), kept


def main() -> None:
    """Print coverage and times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=120)
    cases = parser.parse_args().cases
    rng = np.random.default_rng(20261126)
    ratios, errors, bounds = [], [], []
    with progress_bar("cases") as report:
        for number in range(cases):
            network, periods, kept = random_case(rng)
            times = [periods * network.memristors[0].period]
            how = {"splitting": "strang", "steps": int(np.ceil(STEPS_A_PERIOD * periods))}
            found = qm.simulate_circuit(network, times, method=kept, **how)
            exact = qm.exact_circuit(network, times, **how)
            error = np.abs(found.voltage - exact.voltage)
            stated = np.maximum(found.voltage_error / ERROR_FACTOR, 1e-15)
            ratios.append(float((error / stated).max()))
            errors.append(float(error.max()))
            bounds.append(float(found.variables["rigorous_bound"].max()))
            report(number + 1, cases)
    print(f"{cases} cases; all seven V within factor × difference of the cut-offs:")
    for factor in (1.0, 2.0, 3.0, 5.0):
        covered = int(np.sum(np.array(ratios) <= factor))
        mark = "  <- stated" if factor == ERROR_FACTOR else ""
        print(f"  {factor:.0f}: {covered} of {cases}{mark}")
    print(f"  largest ratio {max(ratios):.1f}")
    print(f"  error: median {np.median(errors):.1e}, largest {max(errors):.1e}")
    print(f"  rigorous bound: median {np.median(bounds):.2f}, largest {max(bounds):.2f} (V ≤ 0.35)")
    memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    for periods in (1.05, 2.15, 3.15):
        times = [periods * memristor.period]
        how = {"splitting": "strang", "steps": int(20 * periods)}
        hundred = qm.chain([memristor] * 100, qm.Native("y", 1 / 15))
        start = time.perf_counter()
        found = qm.simulate_circuit(hundred, times, method=qm.PauliPropagation(), **how)
        seconds = time.perf_counter() - start
        ten = qm.chain([memristor] * 10, qm.Native("y", 1 / 15))
        bulk = qm.exact_circuit(ten, times, **how).voltage[0, 4]
        print(
            f"chain of 100, {periods:.2f}T: {seconds:.1f} s, "
            f"{found.provenance['route']['strings']} strings, V in the middle "
            f"{found.voltage[0, 50]:.5f} ± {found.voltage_error[0, 50]:.5f}; "
            f"in the middle of 10, exact: {bulk:.5f}"
        )
    couplers = sorted({tuple(sorted(pair)) for pair in fake_backend("FakeBrisbane").coupling_map})
    lattice = qm.Network([memristor] * 127, {pair: qm.Native("y", 1 / 15) for pair in couplers})
    for kept in (qm.PauliPropagation(4, 1e-4), qm.PauliPropagation(5, 3e-5)):
        start = time.perf_counter()
        found = qm.simulate_circuit(
            lattice, [memristor.period], method=kept, splitting="strang", steps=16
        )
        print(
            f"heavy-hexagonal lattice of 127, 1T, weight {kept.largest_weight}: "
            f"{time.perf_counter() - start:.1f} s, {found.provenance['route']['strings']} strings, "
            f"error of V: median {np.median(found.voltage_error):.1e}, largest "
            f"{found.voltage_error.max():.1e}"
        )


if __name__ == "__main__":
    main()
