"""`aer`: the ideal simulator as a target.

`aer(seed)` samples from exact states, computed in one pass for all times: shots at different
times are independent, so this is the distribution of running every circuit for itself
(tests/simulation/test_targets.py), at a fraction of the cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.protocols import Target, counts_of
from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import IntArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.drawing import chosen_seed, random_stream, rounded
from qmemcircuit.simulation.aer_passes import check_qubits, plain_probabilities
from qmemcircuit.simulation.exact import setting_probabilities

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


@data_object
@dataclass(frozen=True)
class AerTarget(Target):
    """The ideal simulator: no noise but the shots'. `seed` and `stream` fix every count.

    On other machines, too, though their linear algebra rounds otherwise: a probability that is
    ½ or 0 up to 1e-16 would send NumPy's generator another way, and all later draws with it. So
    probabilities are rounded to 12 decimals before they are drawn from; that changes each by at
    most 5e-13 (relative to their sum), far below any shot noise. Not guaranteed, but rare: a
    probability on the edge between two roundings moves by 1e-12, and a count then changes with a
    chance of some 1e-12 times the shots. Another NumPy may draw otherwise altogether.
    """

    seed: int
    stream: int = 0

    def independent(self, stream: int) -> AerTarget:
        """Return the simulator with other shots of the same seed."""
        return replace(self, stream=stream)

    def sample(self, circuits: CircuitSet, shots: int) -> IntArray:
        """Draw the counts of every time and setting from the one-pass exact states."""
        if circuits.ancilla.size != 1:  # one recycled ancilla adds nothing to hold at once
            check_qubits(circuits)
        chances = setting_probabilities(circuits)
        random = random_stream(self.seed, self.stream)
        counts = np.empty(chances.shape, dtype=np.int64)
        for place in range(len(circuits.bases)):
            counts[:, place] = random.multinomial(shots, rounded(chances[:, place]))
        return counts

    def count(self, circuits: Sequence[QuantumCircuit], shots: int) -> list[dict[int, int]]:
        """Draw the counts of plain circuits from their exact probabilities."""
        random = random_stream(self.seed, self.stream)
        return [
            counts_of(random.multinomial(shots, rounded(chances)))
            for chances in plain_probabilities(circuits)
        ]

    def describe(self) -> Mapping[str, Any]:
        """Return the target's name and seed."""
        return {"name": "aer", "seed": self.seed, "noise": "none: ideal gates and readout"}


def aer(*, seed: int | None = None) -> AerTarget:
    """Return the ideal simulator as a target: no noise, its only error is that of the shots.

    The shots are drawn from the exact probabilities of every circuit. `seed=None` draws a seed
    from the system and records it.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> qm.run(memristor, [0.3], target=qm.aer(seed=1), shots=100).samples.counts.sum(
    ...     axis=-1
    ... ).tolist()
    [[100, 100]]
    """
    check_arguments(aer, locals())
    return AerTarget(chosen_seed(seed))
