"""What the first call of each neuron costs where nothing has been compiled, and where it has.

Each call is made in a process of its own, whose seconds begin before the imports: first with an
empty folder for compiled functions, then, after one long run has filled it, again. Printed are the
processor's seconds, the wall's, and how many functions the process has compiled.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

SETTING = """
import time
began, wall = time.process_time(), time.perf_counter()
import numpy as np
from qmemcircuit import neurons
times = np.linspace(0, 20, 201)
shuttle = neurons.ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
"""
CALLS = {
    "shuttle, 20 time units": "neurons.simulate(shuttle, times)",
    "shuttle, digital": "neurons.simulate(shuttle, times, method=neurons.Digital())",
    "shuttle, digital with shots": (
        "neurons.simulate(shuttle, times, method=neurons.Digital(shots=500, seed=1))"
    ),
    "integrate and fire": "neurons.simulate(neurons.IntegrateAndFire(), times, input=1.0)",
    "membrane, 50 ms": (
        "neurons.simulate(neurons.Membrane(), np.linspace(0, 50, 501), input=10.0)"
    ),
    "shuttle, 10,000 time units": "neurons.simulate(shuttle, 500 * times)",
    "shuttle, 64 orbits side by side": (
        "from qmemcircuit.neurons.dynamics.ensembles import integrate_many\n"
        "integrate_many(shuttle.system(), times, np.zeros((64, 4)))"
    ),
}
PRINT = """
import sys
compiled = 0
if "numba" in sys.modules:
    from numba.core.dispatcher import Dispatcher
    import gc
    compiled = sum(sum(found.stats.cache_misses.values()) for found in gc.get_objects()
                   if isinstance(found, Dispatcher))
print(time.process_time() - began, time.perf_counter() - wall, compiled)
"""


def run(call: str, folder: str) -> tuple[float, float, int]:
    """Return processor seconds, wall seconds and compiled functions of a process that calls."""
    program = SETTING + call + PRINT
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"NUMBA_CACHE_DIR": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    processor, wall, compiled = done.stdout.split()
    return float(processor), float(wall), int(compiled)


def main() -> None:
    """Print the table."""
    columns = f"{'processor':>10} {'wall':>8} {'new':>8}"
    print(f"{'':32} {'nothing compiled':>28} {'compiled before':>28}")
    print(f"{'call':32} {columns} {columns}")
    for name, call in CALLS.items():
        with tempfile.TemporaryDirectory() as folder:
            fresh = run(call, folder)
        with tempfile.TemporaryDirectory() as folder:
            for long in ("shuttle, 10,000 time units", name):
                run(CALLS[long], folder)
            again = run(call, folder)
        print(
            f"{name:32} {fresh[0]:8.2f} s {fresh[1]:6.2f} s {fresh[2]:8d} "
            f"{again[0]:8.2f} s {again[1]:6.2f} s {again[2]:8d}"
        )


if __name__ == "__main__":
    main()
