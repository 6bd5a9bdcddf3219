"""Orders of convergence, over a non-integer number of periods where errors cannot cancel."""

from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.circuits.splitting import Collision, Operation, pair_hamiltonian, split_evolution
from qmemcircuit.common.states import trace_distance

RATE = qm.SquidRate(0.05)
FIRST = qm.Memristor(RATE, a=0.7, b=0.4)
SECOND = qm.Memristor(qm.ConstantRate(0.03), a=1.1, omega=1.3)
PERIODS = 2.3


def pair(coupling: qm.Coupling, order: tuple[int, int] = (0, 1)) -> qm.Network:
    return qm.Network([FIRST, SECOND], {order: coupling})


def measured_order(model: qm.Network, splitting: str, steps: list[int]) -> float:
    times = np.array([PERIODS * model.period])
    master = qm.master_equation(model, times)
    errors = []
    for number in steps:
        exact = qm.exact_circuit(model, times, splitting=splitting, steps=number)
        errors.append(trace_distance(exact.states, master.states)[0])
    return -float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


@pytest.mark.parametrize(
    "coupling", [qm.Native("x", 0.1), qm.Native("y", 0.1), qm.ControlledRotation("y", 0.2)]
)
@pytest.mark.parametrize(
    ("splitting", "order"), [("lie", 1), ("strang", 2), ("couplings_first", 2), ("fused", 2)]
)
def test_orders(coupling, splitting, order):
    # The next term of the error changes the slope by a few per cent at these steps.
    found = measured_order(pair(coupling), splitting, [40, 80, 160])
    assert found == pytest.approx(order, abs=0.1)


def test_orders_on_a_graph_with_couplings_that_do_not_commute():
    third = qm.Memristor(qm.ConstantRate(0.02), a=0.4)
    model = qm.Network(
        [FIRST, SECOND, third], {(0, 1): qm.Native("x", 0.1), (2, 1): qm.Native("z", 0.15)}
    )
    assert measured_order(model, "lie", [40, 80, 160]) == pytest.approx(1, abs=0.1)
    assert measured_order(model, "strang", [40, 80, 160]) == pytest.approx(2, abs=0.1)


def test_uncoupled_memristors_are_exact_at_any_step():
    model = qm.Network([FIRST, SECOND])
    times = np.array([PERIODS * model.period])
    master = qm.master_equation(model, times)
    for splitting in ("lie", "strang", "couplings_first", "fused"):
        exact = qm.exact_circuit(model, times, splitting=splitting, steps=1)
        # The master equation's own accuracy (rtol 1e-10 over 14 time units).
        assert trace_distance(exact.states, master.states)[0] < 1e-8


def test_merged_circuits_are_the_same_channel():
    """The one-pass states use unmerged halves; circuits built with steps=None merge them."""
    model = pair(qm.Native("y", 0.1))
    times = model.periods(0.2, points=30)
    exact = qm.exact_circuit(model, times, splitting="strang")
    circuits = qm.build_circuits(model, times, splitting="strang")
    from qiskit.quantum_info import DensityMatrix, partial_trace

    circuit = circuits.evolution(len(times) - 1)
    found = partial_trace(DensityMatrix(circuit), [2, 3]).data
    assert found == pytest.approx(exact.states[-1], abs=1e-12)


def counts(model: qm.Network, splitting: str, steps: int) -> tuple[int, int]:
    """Collisions of each memristor, and gates on two memristors."""
    elements = split_evolution(model, np.linspace(0, 5, steps + 1), splitting)
    collisions = sum(isinstance(e, Collision) and e.memristor == 0 for e in elements)
    gates = sum(isinstance(e, Operation) and len(e.memristors) == 2 for e in elements)
    return collisions, gates


def test_half_steps_merge():
    model = pair(qm.Native("y", 0.1))
    assert counts(model, "lie", 10) == (10, 10)
    assert counts(model, "strang", 10) == (11, 10)
    assert counts(model, "fused", 10) == (11, 10)


def test_commuting_couplings_of_a_chain_merge_too():
    memristors = [FIRST] * 4
    chain = qm.Network(memristors, {(j, j + 1): qm.Native("y", 0.1) for j in range(3)})
    assert counts(chain, "strang", 10) == (11, 30)


def test_pair_hamiltonian_is_what_qutip_uses():
    for order in ((0, 1), (1, 0)):
        model = pair(qm.ControlledRotation("z", 0.3), order)
        full = model.to_qutip()[0].full()
        ours = pair_hamiltonian(model, (0, 1))
        # Equal up to a constant energy.
        difference = full - ours
        assert difference - difference[0, 0] * np.eye(4) == pytest.approx(0, abs=1e-14)


def test_fused_needs_pairs():
    chain = qm.Network([FIRST] * 3, {(0, 1): qm.Native("y", 0.1), (1, 2): qm.Native("y", 0.1)})
    with pytest.raises(ValueError, match="memristor 1 has 2; use splitting='strang'"):
        qm.exact_circuit(chain, [0.0, 1.0], splitting="fused")
    with pytest.raises(ValueError, match="Argument splitting must be one of"):
        qm.exact_circuit(chain, [0.0, 1.0], splitting="trotter")
