"""What does Aer's gate fusion cost in accuracy where Kraus operators are fused? (No speed here.)

    python -m experiments.benchmarks.aer_fusion

Needs qiskit and qiskit-aer only. A chain of n qubits starts in RY(0.8)|0> each; each of 60 steps
turns every qubit by RZ, damps it (amplitude damping, probability p) and couples all neighbours by
RYY; p and the two angles are drawn anew for each step (fixed seed). Printed is the largest
difference of neighbours' reduced states from a dense NumPy evolution, with fusion (Aer's default)
and without, and how far the merged operations that Aer itself reports are from keeping the trace.
Then the very LAPACK that Aer ships diagonalises the Choi matrices of 1000 such merged maps, called
as Aer calls it and otherwise. See experiments/derivations/aer_fusion.md.
"""

from __future__ import annotations

import ctypes
from importlib.metadata import version
from pathlib import Path

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import Kraus
from qiskit_aer import AerSimulator

ROTATION = 0.8
STEPS = 60
MATRICES = 1000
SAFE_MINIMUM = float(np.finfo(float).tiny)
"""DLAMCH('S') of IEEE doubles."""


def damping(p: float) -> list[np.ndarray]:
    """Return the Kraus operators of amplitude damping."""
    return [np.diag([1, np.sqrt(1 - p)]), np.array([[0, np.sqrt(p)], [0, 0]])]


def drawn(number: int) -> np.ndarray:
    """Return (p, RZ angle, RYY angle) of so many steps, shape (number, 3): p log-uniform."""
    random = np.random.default_rng(1)
    p = 10 ** random.uniform(-5, -1, number)
    return np.stack([p, random.uniform(0.05, 0.5, number), random.uniform(0.05, 0.5, number)], 1)


def chain(qubits: int) -> QuantumCircuit:
    """Return the circuit, all neighbours' reduced states saved at the end."""
    circuit = QuantumCircuit(qubits)
    circuit.ry(ROTATION, range(qubits))
    for p, turn, coupling in drawn(STEPS):
        kraus = Kraus(damping(p)).to_instruction()
        for j in range(qubits):
            circuit.rz(turn, j)
            circuit.append(kraus, [j])
        for j in range(qubits - 1):
            circuit.ryy(coupling, j, j + 1)
    for j in range(qubits - 1):
        circuit.save_density_matrix([j, j + 1], label=f"{j}")
    return circuit


def by_aer(qubits: int, *, fusion: bool) -> tuple[np.ndarray, dict]:
    """Return the reduced states, shape (n − 1, 4, 4), and Aer's own words about fusion."""
    simulator = AerSimulator(method="density_matrix", fusion_enable=fusion, fusion_verbose=True)
    result = simulator.run(chain(qubits), shots=1).result()
    states = [np.asarray(result.data(0)[f"{j}"]) for j in range(qubits - 1)]
    return np.array(states), result.results[0].metadata["fusion"]


def by_numpy(qubits: int) -> np.ndarray:
    """Return the same by plain tensor contractions of the density matrix."""
    half = ROTATION / 2
    local = np.outer([np.cos(half), np.sin(half)], [np.cos(half), np.sin(half)]).astype(complex)
    state = np.ones((1, 1), dtype=complex)
    for _ in range(qubits):
        state = np.kron(state, local)
    for p, turn, coupling in drawn(STEPS):
        phase = np.diag(np.exp([-0.5j * turn, 0.5j * turn]))
        for j in range(qubits):
            state = _apply(state, [k @ phase for k in damping(p)], j)
        for j in range(qubits - 1):
            state = _apply(state, [ryy(coupling)], j)
    found = []
    for j in range(qubits - 1):
        shape = (2 ** (qubits - 2 - j), 4, 2**j)
        found.append(np.einsum("axbayb->xy", state.reshape(*shape, *shape)))
    return np.array(found)


def ryy(angle: float) -> np.ndarray:
    """Return exp(−i angle Y⊗Y/2)."""
    y = np.array([[0, -1j], [1j, 0]])
    return np.cos(angle / 2) * np.eye(4) - 1j * np.sin(angle / 2) * np.kron(y, y)


def _apply(state: np.ndarray, operators: list[np.ndarray], first: int) -> np.ndarray:
    """Return Σ K ρ K† with each K on qubits `first`, `first` + 1, …"""
    left = (_on(state, k, first).conj().T for k in operators)
    pairs = zip(left, operators, strict=True)
    return np.asarray(sum(_on(item, k, first).conj().T for item, k in pairs))


def _on(state: np.ndarray, matrix: np.ndarray, first: int) -> np.ndarray:
    """Return (matrix on qubits `first`, `first` + 1, …) · state."""
    size = len(matrix)
    shape = (-1, size, 2**first * len(state))
    return np.einsum("xy,ayb->axb", matrix, state.reshape(shape)).reshape(state.shape)


def trace_defects(metadata: dict) -> list[float]:
    """Return |Σ K†K − 1| of every merged map that Aer reports."""
    found = []
    for operation in metadata.get("output_ops", []):
        if operation["name"] == "kraus" and len(operation["qubits"]) > 1:
            operators = [_matrix(item) for item in operation["mats"]]
            total = sum(k.conj().T @ k for k in operators)
            found.append(float(np.abs(total - np.eye(len(total))).max()))
    return found


def _matrix(numbers: object) -> np.ndarray:
    """Return a matrix that came as JSON: complex, or real and imaginary parts last."""
    array = np.array(numbers)
    return array if array.ndim == 2 else array[..., 0] + 1j * array[..., 1]


def merged_choi(p: float, turn: float, coupling: float) -> np.ndarray:
    """Return the Choi matrix of «turn and damp the second qubit, then couple»."""
    phase = np.diag(np.exp([-0.5j * turn, 0.5j * turn]))
    operators = [ryy(coupling) @ np.kron(k @ phase, np.eye(2)) for k in damping(p)]
    vectors = np.array([k.ravel(order="F") for k in operators])
    return np.asarray(vectors.T @ vectors.conj())


def aers_lapack() -> ctypes.CDLL | None:
    """Return the OpenBLAS of the Linux wheel of qiskit-aer, if this is one."""
    import qiskit_aer

    folder = Path(qiskit_aer.__file__).parent.parent / "qiskit_aer.libs"
    found = sorted(folder.glob("libopenblas*"))
    return ctypes.CDLL(str(found[0])) if found else None


def heevx(library: ctypes.CDLL, matrix: np.ndarray, tolerance: float) -> tuple[float, float]:
    """Return |Z†Z − 1| and |ZΛZ† − A| of LAPACK's zheevx with this absolute tolerance."""
    n = len(matrix)
    copy, vectors = np.array(matrix, order="F"), np.zeros((n, n), dtype=complex, order="F")
    values = np.zeros(n)
    work, real = np.zeros(2 * n, dtype=complex), np.zeros(7 * n)
    whole, failed = np.zeros(5 * n, dtype=np.int32), np.zeros(n, dtype=np.int32)
    number, bound, size = ctypes.c_int(n), ctypes.c_double(0), ctypes.c_int(2 * n)
    unused, count, info = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
    limit = ctypes.c_double(tolerance)
    ref = ctypes.byref

    def data(array: np.ndarray) -> ctypes.c_void_p:
        return array.ctypes.data_as(ctypes.c_void_p)

    library.zheevx_(
        b"V", b"A", b"U", ref(number), data(copy), ref(number), ref(bound), ref(bound),
        ref(unused), ref(unused), ref(limit), ref(count), data(values), data(vectors),
        ref(number), data(work), ref(size), data(real), data(whole), data(failed), ref(info),
    )  # fmt: skip
    assert info.value == 0, info.value
    gram = vectors.conj().T @ vectors
    rebuilt = vectors @ np.diag(values) @ vectors.conj().T
    return float(np.abs(gram - np.eye(n)).max()), float(np.abs(rebuilt - matrix).max())


def main() -> None:
    """Measure and print."""
    print(f"qiskit {version('qiskit')}, qiskit-aer {version('qiskit-aer')}")
    print("largest difference of neighbours' reduced states from NumPy, with and without fusion:")
    for qubits in (7, 8):
        exact = by_numpy(qubits)
        fused, metadata = by_aer(qubits, fusion=True)
        plain, _ = by_aer(qubits, fusion=False)
        defects = trace_defects(metadata)
        words = f"; worst merged map: |Σ K†K − 1| = {max(defects):.0e}" if defects else ""
        print(
            f"  n = {qubits}: {np.abs(fused - exact).max():.0e} with, "
            f"{np.abs(plain - exact).max():.0e} without fusion; it merged {len(defects)} maps "
            f"(its threshold: {metadata.get('threshold')} qubits, method: "
            f"{metadata.get('method')}){words}"
        )
    library = aers_lapack()
    if library is None:
        print("The LAPACK in this qiskit-aer is not a shared library; its zheevx is not called.")
        return
    print(f"zheevx of Aer's LAPACK ({core(library)}) on {MATRICES} merged maps' Choi matrices:")
    matrices = [merged_choi(*row) for row in drawn(MATRICES)]
    for name, tolerance in (("2·DLAMCH('S'), as Aer", 2 * SAFE_MINIMUM), ("0", 0.0)):
        orthogonal, rebuilt = np.array([heevx(library, item, tolerance) for item in matrices]).T
        print(
            f"  abstol = {name}: |Z†Z − 1| up to {orthogonal.max():.0e}, |ZΛZ† − A| up to "
            f"{rebuilt.max():.0e}, above 1e-12 in {np.count_nonzero(rebuilt > 1e-12)}"
        )


def core(library: ctypes.CDLL) -> str:
    """Return which kernels OpenBLAS chose for this processor: the digits depend on them."""
    library.openblas_get_config.restype = ctypes.c_char_p
    return str(library.openblas_get_config().decode())


if __name__ == "__main__":
    main()
