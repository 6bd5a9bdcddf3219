"""Channel synthesis on random and degenerate channels: distance, and two-qubit gates as compiled.

    python -m experiments.benchmarks.channel_synthesis [--channels N]

Prints the largest difference of the mean of the circuits' channels from the wanted one, before and
after transpilation (which drops rotations of some 1e-12), and how many circuits have how many CZ.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator
from qiskit.transpiler import generate_preset_pass_manager

from qmemcircuit.circuits.channels.pauli_maps import damping_maps, kraus_map, unitary_map
from qmemcircuit.circuits.channels.synthesis import split_channel


def _isometry(random: np.random.Generator, rank: int) -> np.ndarray:
    parts = random.normal(size=(2, 2 * rank, 2))
    return np.linalg.qr(parts[0] + 1j * parts[1])[0].reshape(rank, 2, 2)


def _degenerate(random: np.random.Generator) -> list[np.ndarray]:
    """Return generalised damping, dephasing, depolarising, constant and almost pure channels."""
    flip = np.diag([1, 1, -1, -1.0])
    found = [np.eye(4), unitary_map(_isometry(random, 1)[0])]
    for p in (0, 1e-16, 1e-14, 1e-12, 1e-8, 0.3, 1 - 1e-12, 1):
        collision = damping_maps(p)
        for heated in (0, 1e-13, 0.2, 0.5, 1):
            found.append((1 - heated) * collision + heated * flip @ collision @ flip)
        found += [np.diag([1, 1 - p, 1 - p, 1]), np.diag([1, 1 - p, 1 - p, 1 - p])]
    for length in (0, 0.5, 1 - 1e-12, 1):
        constant = np.zeros((4, 4))
        constant[0, 0], constant[3, 0] = 1, length
        found.append(constant)
    return found


def _channel(circuit: QuantumCircuit) -> np.ndarray:
    """Return the map of qubit 0 with the ancilla in |0> and traced out."""
    whole = Operator.from_circuit(circuit).data.reshape(2, 2, 2, 2)
    return kraus_map([whole[outcome, :, 0, :] for outcome in (0, 1)])


def main() -> None:
    """Synthesise, compile, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=2000)
    count = parser.parse_args().channels
    random = np.random.default_rng(1)
    manager = generate_preset_pass_manager(
        1, basis_gates=["cz", "rz", "sx", "x"], seed_transpiler=0
    )
    kinds = {
        "random": [kraus_map(_isometry(random, 1 + k % 4)) for k in range(count)],
        "degenerate": _degenerate(random),
    }
    for name, channels in kinds.items():
        circuits, gates = Counter[int](), Counter[int]()
        worst = [0.0, 0.0]
        for wanted in channels:
            halves = [half.circuit() for half in split_channel(wanted)]
            compiled = manager.run(halves)
            gates.update(circuit.num_nonlocal_gates() for circuit in compiled)
            circuits[len(halves)] += 1
            for place, made in enumerate((halves, compiled)):
                found = np.mean([_channel(circuit) for circuit in made], axis=0)
                worst[place] = max(worst[place], float(np.abs(found - wanted).max()))
        print(
            f"{name}: {len(channels)} channels, largest difference {worst[0]:.2e}, "
            f"after transpilation {worst[1]:.2e}"
        )
        print(f"  circuits a channel: {dict(sorted(circuits.items()))}")
        print(f"  circuits by CZ after transpilation: {dict(sorted(gates.items()))}")


if __name__ == "__main__":
    main()
