"""Does the witness of quantum memory cover, and does it ever certify what is not there?

    python -m experiments.benchmarks.memory_witness [--seeds N]

Every row simulates process tomography (12 settings, two times) of one device in so many seeds.
*Null* devices have no quantum memory: amplitude damping with |G(t2)| = |G(t1)|, the edge of the
classical ones, with depolarising and readout errors on top. "certified" is the share whose
one-sided 97.5 % bound is above zero; for nulls it should be at most 0.025. "valid" is the share
whose bound lies below the true gap C[χ(t2)] − C#[χ(t1)]; it should be at least 0.97. The witness
is designed from the device itself ("own"), or from one with memory, |G| .05 → .486 ("other").
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from qmemcircuit.circuits.channels.pauli_maps import damping_maps
from qmemcircuit.memory import (
    classify_memory,
    concurrence_and_assistance,
    design_witness,
    draw_process,
)

TIMES = [1.0, 2.0]
MODEL = np.array([damping_maps(1 - kept**2) for kept in (0.05, 0.486)])
NOISES = {"none": (0.0, 0.0), "5 % depolarised": (0.05, 0.0), "3 % and 2 % flips": (0.03, 0.02)}


def device(kept: tuple[float, float], depolarised: float, flips: float) -> np.ndarray:
    """Return the two maps of a noisy device: readout flips shrink all measured means alike."""
    maps = np.array([damping_maps(1 - one**2) for one in kept])
    maps[:, 1:] *= (1 - depolarised) * (1 - 2 * flips)
    return maps


def measure(maps: np.ndarray, design: np.ndarray, shots: int, seeds: int) -> tuple[float, ...]:
    """Return the shares certified and valid, the mean bound and its scatter over stated error."""
    witness = design_witness(design, TIMES)
    gap = concurrence_and_assistance(maps[1])[0] - concurrence_and_assistance(maps[0])[1]
    found = [
        classify_memory(draw_process(maps, TIMES, shots=shots, seed=k), witness=witness).quantum_gap
        for k in range(seeds)
    ]
    lower, value = (np.array([getattr(one, key) for one in found]) for key in ("lower", "value"))
    stated = float(np.mean(value - lower)) / 1.959964
    return (
        float(np.mean(lower > 0)),
        float(np.mean(lower <= gap)),
        gap,
        float(value.mean()),
        float(value.std()) / stated,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=400)
    seeds = parser.parse_args().seeds
    begun = time.monotonic()
    print("device        noise              witness shots certified valid   gap    bound scatter")
    worst = {"certified": 0.0, "valid": 1.0}
    for kept in ((0.5, 0.5), (0.2, 0.2), (0.05, 0.05), (0.0, 0.0), (0.05, 0.486), (0.3, 0.4)):
        for name, (depolarised, flips) in NOISES.items():
            maps = device(kept, depolarised, flips)
            for design_name, design in (("own", maps), ("other", MODEL)):
                for shots in (2000, 20_000):
                    row = measure(maps, design, shots, seeds)
                    if row[2] <= 1e-9:
                        worst["certified"] = max(worst["certified"], row[0])
                    worst["valid"] = min(worst["valid"], row[1])
                    print(
                        f"{kept[0]:4.2f} → {kept[1]:5.3f} {name:18s} {design_name:6s} {shots:6d} "
                        f"{row[0]:9.3f} {row[1]:5.3f} {row[2]:+6.3f} {row[3]:+6.3f} {row[4]:7.2f}"
                    )
    print(
        f"worst of the nulls: certified {worst['certified']:.3f}; worst of all: valid "
        f"{worst['valid']:.3f}; {seeds} seeds, {time.monotonic() - begun:.0f} s"
    )


if __name__ == "__main__":
    main()
