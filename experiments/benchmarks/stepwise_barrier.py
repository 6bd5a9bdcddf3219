"""Does it help a memristor to wait for its ancilla's reset in its own basis?

    python -m experiments.benchmarks.stepwise_barrier [--quick]

Raw stepwise circuits of the paper's memristor (guo2022, Fig. 4) on scheduled noise models: the
largest trace distance between noisy and noiseless states over the times, readout left out. Three
ways: without the barrier of `wait_in_own_basis` (what `run` does by default), with it
(`Compilation(own_basis=True)`), and with it and `absorb_decay`, which counts on that wait and
therefore always has it. All states are density matrices of the noise model: no shots.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import qmemcircuit as qm
from experiments.hardware.params import TRANSPILER_SEED, single
from qmemcircuit.common.states import trace_distance
from qmemcircuit.runs.jobs.services import fake_backend

DEVICES = ("FakeMarrakesh", "FakeTorino", "FakeFez")
WAYS = ("without", "with", "absorbed")


def distances(name: str, *, points: int) -> dict[str, float]:
    """Return the largest trace distance of each of `WAYS` on a fake device, at 3 periods."""
    memristor = single()
    times = memristor.periods(3, points=points)
    exact = qm.exact_circuit(memristor, times).states
    plain = qm.device(fake_backend(name), seed=TRANSPILER_SEED)
    waiting = replace(plain, compilation=replace(plain.compilation, own_basis=True))
    found = {}
    for way, target in zip(WAYS, (plain, waiting, plain), strict=True):
        absorbed = way == "absorbed"
        states = qm.device_states(memristor, times, target=target, absorb_decay=absorbed).states
        found[way] = float(trace_distance(states, exact).max())
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="5 times a period on one device")
    quick = parser.parse_args().quick
    print(f"{'device':<16}" + "".join(f"{way:>10}" for way in WAYS))
    for name in DEVICES[:1] if quick else DEVICES:
        row = distances(name, points=5 if quick else 10)
        print(f"{name:<16}" + "".join(f"{row[way]:10.4f}" for way in WAYS), flush=True)


if __name__ == "__main__":
    main()
