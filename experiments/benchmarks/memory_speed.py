"""How long memory takes: classification, a million feed-forward shots, and a noisy dynamic circuit.

    python -m experiments.benchmarks.memory_speed [--quick]

A classification of 100 times, without shots, of four memristors: goal 5 s. A million shots of a
feed-forward memristor at each of 60 steps: goal 60 s; drawn from the exact hybrid states, all
histories that end in the same bit and outcome at once, which is the distribution of running shot
by shot. Then a few of its dynamic circuits (`if_test`) are compiled for FakeManilaV2 and run by
Aer with that device's calibrated noise, gate by gate: how far V and I are from the exact hybrid
states, in standard errors, and the same without noise, which must agree. Aer's noise model holds
gates, readout and resets; not what a qubit loses while it waits for the classical outcome.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

import qmemcircuit as qm
from qmemcircuit.memory import LeakyBit, exact_shotwise, run_shotwise
from qmemcircuit.runs.jobs.services import fake_backend

DRIVE = qm.Drive("y", 0.5, frequency=1.0)
BIT = LeakyBit(lifetime=2.0, quiet_rate=0.2, clicked_rate=1.0)
FEED_FORWARD = qm.Memristor(qm.ConstantRate(0.0), a=0.8, b=0.6, drive=DRIVE)
STEPS, SHOTS = 60, 10**6
FEW, NOISY_SHOTS = 6, 4000


def subjects() -> dict[str, qm.Memristor]:
    """Return one memristor of each kind that circuits merge differently."""
    return {
        "decaying": qm.Memristor(qm.SquidRate(0.4), a=0.8),
        "with a memory": qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8),
        "hot": qm.Memristor(qm.SquidRate(0.4), a=0.8, occupation=0.4, dephasing=0.05),
        "driven": qm.Memristor(qm.SquidRate(0.4), a=0.8, drive=DRIVE),
    }


def pulls(found: qm.Trajectory, exact: qm.Trajectory) -> str:
    """Return the mean and the largest distances in standard errors, of V and of I."""
    parts = []
    for name in ("voltage", "current"):
        error = getattr(found, f"{name}_error")[:, 0]
        away = (getattr(found, name) - getattr(exact, name))[:, 0] / error
        parts.append(f"{name} {np.abs(away).mean():.1f} (largest {np.abs(away).max():.1f})")
    return ", ".join(parts)


def main() -> None:
    """Print the three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no dynamic circuits")
    quick = parser.parse_args().quick
    for name, memristor in subjects().items():
        start = time.perf_counter()
        found = qm.classify_memory(memristor, np.linspace(0.1, 14.0, 100))
        print(
            f"classification, 100 times, {name}: {time.perf_counter() - start:.2f} s "
            f"({found.kind})",
            flush=True,
        )
    times = np.linspace(0.0, 12.0, STEPS + 1)
    start = time.perf_counter()
    drawn = run_shotwise(FEED_FORWARD, BIT, times, shots=SHOTS, seed=1)
    seconds = time.perf_counter() - start
    exact = exact_shotwise(FEED_FORWARD, BIT, times)
    print(
        f"{SHOTS:,} shots at each of {STEPS} steps: {seconds:.2f} s; standard errors from the "
        f"exact states: {pulls(drawn, exact)}",
        flush=True,
    )
    if quick:
        return
    few = times[1 : FEW + 1]
    exact = exact_shotwise(FEED_FORWARD, BIT, few)
    noisy = AerSimulator.from_backend(fake_backend("FakeManilaV2"), seed_simulator=1)
    manager = generate_preset_pass_manager(1, backend=noisy, seed_transpiler=1)
    sampler = SamplerV2.from_backend(noisy, seed=1)
    for label, options in (
        ("ideal", {"sampler": SamplerV2(seed=1)}),
        ("FakeManilaV2's noise", {"sampler": sampler, "pass_manager": manager}),
    ):
        start = time.perf_counter()
        measured = run_shotwise(FEED_FORWARD, BIT, few, shots=NOISY_SHOTS, **options)
        print(
            f"dynamic circuits of 1 to {FEW} steps, {NOISY_SHOTS} shots, {label}: "
            f"{time.perf_counter() - start:.1f} s; {pulls(measured, exact)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
