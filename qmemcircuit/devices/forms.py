"""Which of the equivalent circuits of a compiled pair loses least on a device, by its calibration.

The closed form of `compile_pairs` is a family: its damping may be shared between the two
collisions in many ways (`balance`) with the same channel. And the memristor may wait for its
ancilla's reset in its own basis, or wherever as-late-as-possible scheduling leaves it, which
saves the pulses that separate the two. Without noise all are equal; with it they are not. Each is
compiled and simulated with the calibrated noise, and for every time the one whose state is
nearest to the noiseless state is kept.

The choice fits one initial state and one calibration: it is as good as the noise model is. On a
device that drifts, differences of a few 1e-3 between forms need not survive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qmemcircuit.circuits.build import CircuitSet
from qmemcircuit.circuits.pairs.compilation import CompiledPair, balanced_pairs
from qmemcircuit.common.checks import ComplexArray
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.common.states import trace_distance

BALANCES = (0.0, -0.25, 0.25, -0.5, 0.5, -0.75, 0.75)
"""An even grid over the family; its ends ±1 are left out. 0, the symmetric form, wins ties.

The distance is not smooth in the balance, for the number of one-qubit pulses depends on it. On
FakeTorino (hardware.fig8, largest distance) 1, 3, 5, 7, 9 points give 0.0331, 0.0326, 0.0297,
0.0296, 0.0301: the third digit is the grid's, and not a property of the device.
"""


@data_object
@dataclass(frozen=True)
class Form:
    """The chosen circuit for one time.

    Attributes:
        time: t.
        balance: of `compile_pairs`.
        own_basis: whether the memristors wait for their ancillas in their own basis.
        predicted_distance: of the noisy to the noiseless state, trace distance, without readout.
        plain_distance: the same of the form that is used without a choice.
    """

    time: float
    balance: float
    own_basis: bool
    predicted_distance: float
    plain_distance: float

    def describe(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        return asdict(self)


def choose_forms(
    circuits: CircuitSet,
    noisy_states: Callable[[Sequence[tuple[Form, ...]], Sequence[int]], ComplexArray],
) -> tuple[Form, ...]:
    """Return the form with the smallest predicted distance for every time.

    Args:
        circuits: of `build_circuits`; only `splitting="compiled"` in closed form has a choice.
        noisy_states: returns the states (C, T, d, d) that the device's noise leaves of `circuits`
            in C given sets of forms at given time indices. 14 circuits a time are simulated, about
            a second.
    """
    indices = formed_times(circuits)
    if not indices:
        return ()
    times = [float(circuits.times[index]) for index in indices]
    memristors = len(circuits.network.memristors)
    noiseless = np.array([noiseless_state(circuits.evolution(k), memristors) for k in indices])
    candidates = [(own, balance) for own in (False, True) for balance in BALANCES]
    sets = [
        tuple(Form(time, balance, own_basis, 0.0, 0.0) for time in times)
        for own_basis, balance in candidates
    ]
    distances = [trace_distance(states, noiseless) for states in noisy_states(sets, indices)]
    found = []
    for time, column in zip(times, np.array(distances).T, strict=True):
        best = int(np.argmin(column))
        own_basis, balance = candidates[best]
        found.append(Form(time, balance, own_basis, float(column[best]), float(column[0])))
    return tuple(found)


def formed_times(circuits: CircuitSet) -> list[int]:
    """Return the time indices at which there is a choice: closed form, and nothing absorbed."""
    if circuits.absorbed:
        return []
    return [
        index
        for index, pair in enumerate(circuits.compiled)
        if isinstance(pair, CompiledPair) and pair.elements and pair.method == "closed form"
    ]


def apply_forms(circuits: CircuitSet, forms: Sequence[Form]) -> tuple[CircuitSet, dict[int, bool]]:
    """Return the circuits in the chosen forms, and by time index whether they wait in own basis."""
    chosen = {form.time: form for form in forms}
    indices = formed_times(circuits)
    if not indices:
        return circuits, {}
    places = {
        index: chosen[float(circuits.times[index])]
        for index in indices
        if float(circuits.times[index]) in chosen
    }
    compiled = [pair for pair in circuits.compiled if isinstance(pair, CompiledPair)]
    for balance in {form.balance for form in places.values()} - {0.0}:
        # All times, whichever are wanted: the last bits of a gate depend on the instants of the
        # integration, and the transpiler's choice of pulses can depend on the last bits.
        chosen_pairs = [circuits.compiled[index] for index in indices]
        plain = tuple(pair for pair in chosen_pairs if isinstance(pair, CompiledPair))
        pairs = balanced_pairs(circuits.network, plain, balance)
        for index, pair in zip(indices, pairs, strict=True):
            if index in places and places[index].balance == balance:
                compiled[index] = pair
    own_basis = {index: form.own_basis for index, form in places.items()}
    return replace(circuits, compiled=tuple(compiled)), own_basis


def noiseless_state(circuit: QuantumCircuit, memristors: int) -> ComplexArray:
    """Return the density matrix of the first `memristors` qubits after an abstract circuit."""
    from qiskit.quantum_info import DensityMatrix, partial_trace

    whole = DensityMatrix(circuit)
    return np.asarray(partial_trace(whole, list(range(memristors, circuit.num_qubits))).data)
