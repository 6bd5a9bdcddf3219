"""Our qubit placement against Qiskit's own (VF2 with its error scoring), on the same circuits.

    python -m experiments.benchmarks.placement [NAME …]

For each fake device and two models (one memristor on an own pair of qubits, the compiled pair of
guo2022, Fig. 8): the score that our placement minimises (`predicted_error` in
`devices.compilation.demands`) and the trace distance to the ideal circuit's state, averaged over
three times, on the scheduled noise model. Qiskit's layout is that of its preset pass manager at
level 3, the best of three transpiler seeds by that same score; where it needs SWAPs it has no
embedding to compare, and that is said. Both are simulated with the same compilation. About five
minutes.

Decided with it (November 2026): ours stays. On FakeTorino and FakeBrisbane its score was smaller in
three of four cases and the same in one; the simulated distance was smaller in two, the same in
one, and larger in one, by 4 % (0.0234 against 0.0226, the compiled pair on FakeTorino). Qiskit's
scoring knows the gates' errors, but neither waits nor resets.
"""

from __future__ import annotations

import sys

import numpy as np

import qmemcircuit as qm
from experiments.hardware.params import pair, single
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.compilation.demands import demand_of, predicted_error
from qmemcircuit.runs.jobs.services import fake_backend

NAMES = ("FakeTorino", "FakeMarrakesh", "FakePittsburgh", "FakeBrisbane")
SEEDS = (1, 2, 3)


def qiskit_layout(circuit: object, backend: object, memristors: int) -> tuple[int, ...] | None:
    """Return the physical qubits that level 3 chooses; None where it inserts SWAPs."""
    from qiskit import transpile

    demand = demand_of(circuit, memristors)
    found = []
    for seed in SEEDS:
        compiled = transpile(circuit, backend, optimization_level=3, seed_transpiler=seed)
        initial = compiled.layout.initial_index_layout(filter_ancillas=True)
        if compiled.layout.final_index_layout(filter_ancillas=True) == initial:
            found.append(tuple(initial))
    if not found:
        return None
    return min(found, key=lambda qubits: predicted_error(demand, backend.target, qubits))


def compare_on(name: str) -> list[tuple[str, str]]:
    """Return a line for each model."""
    backend = fake_backend(name)
    lines = []
    for label, model, options in (
        ("one memristor, 12 steps", single(), {}),
        ("pair, compiled", pair(), {"splitting": "compiled"}),
    ):
        count = 1 if isinstance(model, qm.Memristor) else 2
        times = model.periods(1 if count == 1 else 12, points=12 if count == 1 else 1)
        circuits = qm.build_circuits(model, times, bases="Z", **options)
        ideal = qm.exact_circuit(model, times, **options).states
        longest = circuits.evolution(len(times) - 1)
        demand = demand_of(longest, count)
        chosen = [len(times) // 3, 2 * len(times) // 3, len(times) - 1]
        ours = qm.device(backend, seed=1).place(circuits)
        theirs = qiskit_layout(longest, backend, count)
        cells = []
        for layout in (None if ours.placement is None else ours.placement.qubits, theirs):
            if layout is None:
                cells.append("needs SWAPs")
                continue
            target = qm.device(backend, seed=1, layout=layout)
            try:
                states, _ = target.noisy_states(circuits, only=chosen)
            except ValueError:
                cells.append("does not embed")
                continue
            distance = float(np.mean(trace_distance(states, ideal[chosen])))
            score = predicted_error(demand, backend.target, layout)
            cells.append(f"score {score:.4f}, distance {distance:.4f}")
        lines.append((label, "; Qiskit: ".join(cells)))
    return lines


def main(names: list[str]) -> None:
    """Print a line per device and model."""
    for name in names or NAMES:
        for label, cells in compare_on(name):
            print(f"{name}, {label}: ours: {cells}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
