"""Does what the verbs estimate before they start agree with what they take?

    python -m experiments.benchmarks.resources [--quick]

Every case runs in a process of its own: seconds of processor time and growth of the peak memory,
measured and estimated (qmemcircuit.common.resources), and their ratios. The estimate is good where
the ratios lie between 1/2 and 2; below a tenth of a second and 20 MB nothing is claimed. Work is
measured in seconds of one core: trajectories, which share the cores, are estimated accordingly.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.params import PAIR_GAMMA0, PAIR_STRENGTH
from qmemcircuit.common import resources

QUICK = (
    ("exact_circuit", 8, 60), ("exact_circuit", 9, 20), ("exact_circuit", 10, 6),
    ("ancillas", 4, 10), ("ancillas", 5, 3),
    ("master_equation", 5, 60), ("master_equation", 7, 10), ("master_equation", 8, 4),
    ("statevector", 12, 60), ("matrix_product_state", 16, 60), ("device_states", 4, 3),
)  # fmt: skip
SLOW = (
    ("exact_circuit", 8, 600), ("exact_circuit", 10, 60), ("exact_circuit", 11, 3),
    ("master_equation", 6, 600), ("master_equation", 8, 30),
    ("statevector", 14, 60), ("matrix_product_state", 30, 60),
)  # fmt: skip
TRAJECTORIES = 12


def work(verb: str, size: int, steps: int) -> Callable[[], Any]:
    """Return a call on a chain of `size` memristors at `steps` times T/30 apart."""
    memristor = qm.Memristor(qm.SquidRate(PAIR_GAMMA0), a=np.pi / 4)
    chain = qm.chain([memristor] * size, qm.Native("y", PAIR_STRENGTH))
    times = memristor.periods(steps / 30, points=30)[1:]
    if verb == "exact_circuit":
        return lambda: qm.exact_circuit(chain, times)
    if verb == "ancillas":
        return lambda: qm.exact_circuit(chain, times, ancilla="reset", engine="aer")
    if verb == "master_equation":
        return lambda: qm.master_equation(chain, times)
    if verb == "device_states":
        from qiskit_ibm_runtime.fake_provider import FakeMarrakesh

        target = qm.device(FakeMarrakesh(), seed=1)
        return lambda: qm.device_states(chain, times, target=target)
    return lambda: qm.simulate_circuit(chain, times, method=verb, trajectories=TRAJECTORIES, seed=1)  # type: ignore[arg-type]


def measure(verb: str, size: int, steps: int) -> None:
    """Print seconds and MB, measured and estimated, of one case."""
    work(verb, 2, 1)()  # imports are not what we measure
    estimates: list[resources.Effort] = []
    original = resources.progress_of

    def spy(estimate: resources.Effort) -> Any:
        estimates.append(estimate)
        return original(estimate)

    for name, module in list(sys.modules.items()):  # wherever a verb begins its long work
        if name.startswith("qmemcircuit.") and hasattr(module, "progress_of"):
            module.progress_of = spy  # type: ignore[attr-defined]
    call = work(verb, size, steps)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with qm.allow_large():
        call()
    seconds = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    shared = (os.cpu_count() or 1) if verb in ("statevector", "matrix_product_state") else 1
    expected = sum(item.seconds for item in estimates) * shared
    memory = max(item.memory for item in estimates) / 1e6
    print(
        f"{verb:22s}{size:3d} memristors {steps:4d} times: {seconds:7.2f} s, estimated "
        f"{expected:7.2f} s (ratio {seconds / expected:4.2f}); {grown:5.0f} MB, estimated "
        f"{memory:5.0f} MB",
        flush=True,
    )


def main() -> None:
    """Measure each case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        verb, size, steps = options.case
        measure(verb, int(size), int(steps))
        return
    for case in QUICK if options.quick else QUICK + SLOW:
        command = [sys.executable, "-m", __spec__.name, "--case", *map(str, case)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
