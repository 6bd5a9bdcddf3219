"""The certificate's two bounds beside the semidefinite programme that they do without.

    python -m experiments.benchmarks.certificate_programme [--cases N] [--triples N]

Half the diamond norm of differences of channels of one memristor and of pairs: digital minus exact
for random laws, couplings, splittings and times, pairs' compiled circuits, and random channels.
Watrous's programme,
max Tr JW over 0 ≤ W ≤ σ ⊗ 1, Tr σ = 1, is solved by cvxpy (SCS, 1e-7 of the scaled problem), which
is installed with `pip install -e '.[test]'`.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import qmemcircuit as qm
from qmemcircuit.circuits.build import circuits_with
from qmemcircuit.circuits.channels.diamond_norms import choi_matrices, half_diamond_norms
from qmemcircuit.circuits.channels.exact_maps import exact_maps
from qmemcircuit.circuits.channels.pauli_maps import pauli_products
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.simulation.maps import digital_maps

KINDS = ("pair", "random channels, 1", "compiled pair", "random channels, 2", "pair")


def solve_programme(difference: np.ndarray) -> float:
    """Return half the diamond norm of a difference of channels, by the programme."""
    return solve_choi(choi_matrices(difference[None])[0])


def solve_choi(choi: np.ndarray) -> float:
    """Return it for a Choi matrix, input first."""
    import cvxpy as cp

    size = int(np.sqrt(len(choi)))
    scale = float(np.linalg.norm(choi, 2))  # a small difference is no small problem
    weight = cp.Variable((size**2, size**2), hermitian=True)
    state = cp.Variable((size, size), hermitian=True)
    limits = [
        weight >> 0,
        cp.kron(state, np.eye(size)) - weight >> 0,
        cp.real(cp.trace(state)) == 1,
    ]
    aim = cp.Maximize(cp.real(cp.trace((choi / scale) @ weight)))
    return scale * float(cp.Problem(aim, limits).solve(solver="SCS", eps=1e-7, max_iters=20_000))


def random_channel(random: np.random.Generator, size: int) -> np.ndarray:
    """Return the Pauli map of a random channel with as many Kraus operators as its size."""
    shape = (size, size, size)
    operators = random.normal(size=shape) + 1j * random.normal(size=shape)
    total = np.einsum("aji,ajk->ik", operators.conj(), operators)
    values, vectors = np.linalg.eigh(total)
    operators = operators @ (vectors / np.sqrt(values) @ vectors.conj().T)
    basis = pauli_products(1 if size == 2 else 2)
    after = np.einsum("kij,bjl,kml->bim", operators, basis, operators.conj())
    return np.einsum("aij,bji->ab", basis, after).real / size


def random_pair(random: np.random.Generator) -> np.ndarray:
    """Return digital minus exact of a random pair at a random time."""
    strength, first, second, angle = random.uniform(0.05, 1.0, size=4)
    coupling = [
        qm.Native("y", strength),
        qm.ControlledRotation("x", strength),
        qm.PartialSwap(strength),
    ][random.integers(3)]
    memristors = [
        qm.Memristor(qm.SquidRate(first), a=angle),
        qm.Memristor(qm.ConstantRate(second), a=angle, omega=0.5 + angle),
    ]
    splitting = ("lie", "strang", "fused")[random.integers(3)]
    times = np.array([random.uniform(0.2, 3.0)])
    network = qm.Network(memristors, {(0, 1): coupling})
    circuits = circuits_with(network, times, CircuitOptions("Z", "reset", splitting, 4))
    return (digital_maps(circuits) - exact_maps(circuits.network, circuits.times))[0]


def compiled_pair(random: np.random.Generator) -> np.ndarray:
    """Return digital minus exact of a compiled pair with the paper's coupling, at a random time."""
    memristor = qm.Memristor(qm.SquidRate(random.uniform(0.01, 0.1)), a=random.uniform(0.2, 1.4))
    coupling = qm.Native("y", random.uniform(0.02, 0.1))
    network = qm.Network([memristor] * 2, {(0, 1): coupling})
    times = np.array([random.uniform(1.0, 40.0)])
    circuits = circuits_with(network, times, CircuitOptions("Z", "reset", "compiled"))
    return (digital_maps(circuits) - exact_maps(circuits.network, circuits.times))[0]


def random_triple(random: np.random.Generator) -> np.ndarray:
    """Return digital minus exact of a random chain of three at a random time."""
    items = [
        qm.Memristor(qm.SquidRate(rate), a=0.8, omega=omega)
        for rate, omega in zip(
            random.uniform(0.05, 0.6, 3), random.uniform(0.8, 1.2, 3), strict=True
        )
    ]
    network = qm.chain(items, qm.Native("y", random.uniform(0.05, 0.5)))
    times = np.array([random.uniform(0.5, 3.0)])
    circuits = circuits_with(network, times, CircuitOptions("Z", "reset", "strang", 4))
    return (digital_maps(circuits) - exact_maps(circuits.network, circuits.times))[0]


def main() -> None:
    """Print each case and the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--triples", type=int, default=0, help="half a minute each")
    options = parser.parse_args()
    kinds = [KINDS[case % len(KINDS)] for case in range(options.cases)]
    kinds += ["triple"] * options.triples
    random = np.random.default_rng(1)
    print(f"{'':22}{'programme':>12}{'upper / it':>12}{'lower / it':>12}{'seconds':>10}{'ours':>8}")
    uppers, lowers = [], []
    for kind in kinds:
        if kind == "pair":
            difference = random_pair(random)
        elif kind == "compiled pair":
            difference = compiled_pair(random)
        elif kind == "triple":
            difference = random_triple(random)
        else:
            size = 2 if kind.endswith("1") else 4
            difference = random_channel(random, size) - random_channel(random, size)
        start = time.perf_counter()
        wanted = solve_programme(difference)
        middle = time.perf_counter()
        (lower,), (upper,) = half_diamond_norms(difference[None])
        end = time.perf_counter()
        uppers.append(upper / wanted)
        lowers.append(lower / wanted)
        print(
            f"{kind:22}{wanted:12.6g}{upper / wanted:12.5f}{lower / wanted:12.5f}"
            f"{middle - start:10.2f}{end - middle:8.3f}",
            flush=True,
        )
    print(
        f"upper bound: {min(uppers):.5f} to {max(uppers):.5f} of the programme's value; lower "
        f"{min(lowers):.5f} to {max(lowers):.5f}; {len(kinds)} cases"
    )
    print(f"upper bound within 1.01 of it in all: {max(uppers) <= 1.01}")


if __name__ == "__main__":
    main()
