"""What does a network cost, by size and route, and against qutip.mesolve?

    python -m experiments.benchmarks.networks [--quick]

A chain of identical memristors (γ0 = 0.02, yy, g = ω/15), 60 steps of T/30, Strang. Prints seconds
(wall clock and processor), peak memory of the process so far, the fitted growth with N, the
splitting error and the ratio to mesolve at N = 6 and 8, all from one run; growth and ratios are of
processor seconds, which a shared machine changes less. Ours is exact to rounding but for the
splitting error printed beside it (tests/simulation/test_dense_oracle.py), on every size.

mesolve reads
off V only; our run gives V, I and the states of all pairs. It is called in two ways: with one
collapse operator a memristor (`to_qutip()`; atol 1e-10, rtol 1e-8), and as fast as we could make
it: the memristors are identical, so one rate multiplies the sum of all dissipators, at atol 1e-8,
rtol 1e-6, which is still far below our splitting error.
Short runs are repeated and the best is taken. `--quick` leaves out what takes more than seconds.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import qmemcircuit as qm
from experiments.guo2022.params import PAIR_GAMMA0, PAIR_STRENGTH, POINTS_PER_PERIOD

STEPS = 60


def chain(size: int) -> qm.Network:
    """Return the chain that everything here is measured on."""
    memristor = qm.Memristor(qm.SquidRate(PAIR_GAMMA0), a=math.pi / 4)
    return qm.chain([memristor] * size, qm.Native("y", PAIR_STRENGTH))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    times = chain(2).periods(STEPS / POINTS_PER_PERIOD, points=POINTS_PER_PERIOD)
    qm.exact_circuit(chain(2), times[:2])  # imports are not what we time

    print(f"exact (density matrix), {STEPS} steps, all pair states:")
    sizes = list(range(2, 9 if quick else 11))
    seconds: dict[int, float] = {}
    exact: dict[int, qm.Trajectory] = {}
    for size in sizes:
        wall, seconds[size], exact[size] = best(
            lambda size=size: qm.exact_circuit(chain(size), times, splitting="strang"),
            runs=3 if size <= 8 else 1,
        )
        print(f"  N = {size:2d}: {wall:7.2f} s ({seconds[size]:.2f} s CPU), {peak()}")
    growth("exact", {size: value for size, value in seconds.items() if size >= 6})

    cases = [(12, 20 if quick else 400), (14, 4 if quick else 20), (16, 4 if quick else 20)]
    cases += [(30, 4 if quick else 20)]
    cost: dict[int, float] = {}
    print("trajectories, coupled pairs' states:")
    for size, count in cases:
        total, processor, found = best(
            lambda size=size, count=count: qm.simulate_circuit(
                chain(size),
                times,
                method="statevector" if size < 15 else "matrix_product_state",
                splitting="strang",
                trajectories=count,
                seed=1,
            ),
            runs=1,
        )
        cost[size] = processor / count
        route = found.provenance["route"]["method"]
        truncation = found.provenance.get("truncation")
        checked = "" if truncation is None else f", truncation: {truncation['voltage']:.1e}"
        print(
            f"  N = {size:2d}, {count} trajectories, {route}: {total:.1f} s, {total / count:.3f} s "
            f"each ({cost[size]:.3f} s CPU), largest error of V "
            f"{found.voltage_error.max():.3f}{checked}, {peak()}"
        )
    growth("matrix-product states", {size: cost[size] for size in (16, 30)})

    print("against qutip.mesolve:")
    for size in (6,) if quick else (6, 8):
        for name, solve in (("one operator each", mesolve), ("at its fastest", mesolve_fastest)):
            total, processor, voltage = best(
                lambda size=size, solve=solve: solve(chain(size), times), runs=2
            )
            error = np.abs(exact[size].voltage - voltage).max()
            print(
                f"  N = {size}, {name}: mesolve {total:.2f} s ({processor:.2f} s CPU), ours "
                f"{seconds[size]:.2f} s CPU, ratio {processor / seconds[size]:.1f}; splitting "
                f"error, largest |ΔV| = {error:.1e}"
            )


def mesolve(network: qm.Network, times: np.ndarray) -> np.ndarray:
    """Return V of every memristor, shape (T, N), from QuTiP as `to_qutip` serves it."""
    return _voltages(network, times, *network.to_qutip(), atol=1e-10, rtol=1e-8)


def mesolve_fastest(network: qm.Network, times: np.ndarray) -> np.ndarray:
    """Return the same with one time-dependent term, for memristors of one rate."""
    import qutip

    hamiltonian, _ = network.to_qutip()
    rate = network.memristors[0].decay_rate
    size = len(network.memristors)
    damping = sum(qutip.lindblad_dissipator(on(j, qutip.destroy(2), size)) for j in range(size))
    generator = qutip.QobjEvo([qutip.liouvillian(hamiltonian), [damping, lambda t: float(rate(t))]])
    return _voltages(network, times, generator, [], atol=1e-8, rtol=1e-6)


def _voltages(
    network: qm.Network, times: np.ndarray, generator: Any, collapse: list[Any], **tolerances: float
) -> np.ndarray:
    import qutip

    size = len(network.memristors)
    initial = qutip.Qobj(network.initial_state, dims=on(0, qutip.qeye(2), size).dims)
    pauli = [on(j, qutip.sigmay(), size) for j in range(size)]
    options = {**tolerances, "nsteps": 100_000, "progress_bar": ""}
    solved = qutip.mesolve(generator, initial, times, collapse, e_ops=pauli, options=options)
    scale = np.array([item.current_scale for item in network.memristors])
    # V = −½√(mħω/2)<σy>, and the paper's σy is −Y.
    return 0.5 * scale * np.array(solved.expect).T


def on(index: int, operator: Any, size: int) -> Any:
    """Return `operator` on one memristor; the last tensor factor is memristor 0."""
    import qutip

    return qutip.tensor([operator if size - 1 - k == index else qutip.qeye(2) for k in range(size)])


def best(action: Callable[[], Any], *, runs: int) -> tuple[float, float, Any]:
    """Return the least wall-clock and processor seconds of some runs, and what came out."""
    walls, processors, value = [], [], None
    for _ in range(runs):
        start, used = time.perf_counter(), time.process_time()
        value = action()
        walls.append(time.perf_counter() - start)
        processors.append(time.process_time() - used)
    return min(walls), min(processors), value


def growth(name: str, seconds: dict[int, float]) -> None:
    """Print the factor that one more memristor costs, fitted to log seconds."""
    sizes = np.array(list(seconds))
    slope, offset = np.polyfit(sizes, np.log(list(seconds.values())), 1)
    print(
        f"  {name}: one more memristor costs × {math.exp(slope):.2f} "
        f"(fit over N = {sizes[0]} to {sizes[-1]}: {math.exp(offset):.2g} · "
        f"{math.exp(slope):.2f}^N s)"
    )


def peak() -> str:
    """Return the peak memory of this process so far, in words."""
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB"


if __name__ == "__main__":
    main()
