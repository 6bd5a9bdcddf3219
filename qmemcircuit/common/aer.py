"""The one place that makes Aer simulators: everything called exact goes through `make_simulator`.

Aer merges neighbouring operations before it runs them («fusion», from 8 qubits on for density
matrices, 15 for state vectors). Where Kraus operators are among them, it turns the merged map into
Kraus operators again through LAPACK's `zheevx` with an absolute tolerance of 4.5e-308. Being
positive, that selects bisection and inverse iteration, whose eigenvectors of close eigenvalues are
not orthogonal: the map keeps its trace to some 1e-6 only and a chain of eight memristors is wrong
by up to 2e-4. `experiments/derivations/aer_fusion.md` has the measurement; here fusion is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit_aer import AerSimulator


def make_simulator(method: str, **options: Any) -> AerSimulator:
    """Return Aer's simulator for `method`, without gate fusion (see above)."""
    from qiskit_aer import AerSimulator

    return AerSimulator(method=method, fusion_enable=False, **options)
