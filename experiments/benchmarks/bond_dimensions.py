"""Matrix-product trajectories against exact states: how often error bars with a ladder cover.

    python -m experiments.benchmarks.bond_dimensions [--cases N]

Random chains, rings and stars of 5 to 7 memristors (five couplings, g 0.05 to 0.6, γ0 0.01 to 0.4,
1 to 3 periods of 8 times) by 100 trajectories with bond dimensions of 1 to 3, far too small for
them, and the same circuits exactly. Printed: in how many cases every V_k(t) lies within k stated
errors, and within k statistical errors alone, as if nothing had been truncated; and how often the
warning was given where truncation cost more than the statistical error. Then one long run: 30
memristors, 6 periods. About four minutes of one core.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

import qmemcircuit as qm
from experiments.terminal import progress_bar

TRAJECTORIES, POINTS = 100, 8


def random_case(rng: np.random.Generator) -> tuple[qm.Network, int, int]:
    """Return a network, a number of periods, and a bond dimension."""
    strength = float(np.exp(rng.uniform(np.log(0.05), np.log(0.6))))
    couplings = (
        qm.Native("x", strength),
        qm.Native("y", strength),
        qm.Native("z", strength),
        qm.PartialSwap(strength),
        qm.ControlledRotation("y", 2 * strength),
    )
    coupling = couplings[rng.integers(len(couplings))]
    rate = float(np.exp(rng.uniform(np.log(0.01), np.log(0.4))))
    memristor = qm.Memristor(qm.SquidRate(rate), a=rng.uniform(0.4, 1.2))
    graph = (qm.chain, qm.ring, qm.star)[rng.integers(3)]
    network = graph([memristor] * int(rng.integers(5, 8)), coupling)
    return network, int(rng.integers(1, 4)), int(rng.integers(1, 4))


def main() -> None:
    """Print how often the errors cover, and what a long run costs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=60)
    cases = parser.parse_args().cases
    rng = np.random.default_rng(20261126)
    stated, alone, warned = [], [], []
    with progress_bar("cases") as report:
        for number in range(cases):
            network, periods, bond = random_case(rng)
            times = network.memristors[0].periods(periods, points=POINTS)[1:]
            with warnings.catch_warnings(record=True) as given:
                warnings.simplefilter("always")
                found = qm.simulate_circuit(
                    network, times, method="matrix_product_state", bond_dimension=bond,
                    trajectories=TRAJECTORIES, seed=number,
                )  # fmt: skip
            exact = qm.exact_circuit(network, times)
            error = np.abs(found.voltage - exact.voltage)
            assert found.voltage_error is not None
            statistical = found.voltage_error - found.variables["truncation_error"]
            stated.append((error / found.voltage_error).max())
            alone.append((error / statistical).max())
            warned.append((bool(given), np.any(error > 3 * statistical)))
            report(number + 1, cases)
    print(f"{cases} cases of {TRAJECTORIES} trajectories, χ from 1 to 3; every V_k(t) within")
    for factor in (1, 2, 3, 4):
        covered, without = (sum(item <= factor for item in row) for row in (stated, alone))
        print(
            f"  {factor} stated errors: {covered} of {cases}; {factor} statistical errors alone: "
            f"{without}"
        )
    print(
        f"  largest error in stated ones: {max(stated):.1f}; in statistical ones {max(alone):.1f}"
    )
    wrong = [given for given, off in warned if off]
    print(f"  off by more than 3 statistical errors: {len(wrong)}, of them warned {sum(wrong)}")
    memristor = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
    chain = qm.chain([memristor] * 30, qm.Native("y", 1 / 15))
    start = time.process_time()
    found = qm.simulate_circuit(
        chain, memristor.periods(6, points=10)[1:], splitting="strang", trajectories=16, seed=1,
        method="matrix_product_state",
    )  # fmt: skip
    assert found.voltage_error is not None
    truncation = found.provenance["truncation"]
    print(
        f"chain of 30, 6T, 16 trajectories, χ = 16, 32, 64: {time.process_time() - start:.0f} s of "
        f"one core, largest error of V {found.voltage_error.max():.3f}, of it truncation "
        f"{truncation['voltage']:.1e}, ratio of the steps {truncation['ratio']:.2f}"
    )


if __name__ == "__main__":
    main()
