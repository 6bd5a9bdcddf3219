"""Compiled triples against the master equation, as channels, and what is stored and refused."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import PTM, DensityMatrix, Kraus, SuperOp, random_statevector
from scipy.stats import unitary_group

import qmemcircuit as qm
from qmemcircuit.circuits.channels.exact_maps import exact_maps
from qmemcircuit.circuits.channels.pauli_maps import unitary_map
from qmemcircuit.circuits.collision import damping_kraus
from qmemcircuit.circuits.splitting import Collision, embed
from qmemcircuit.circuits.triples.ansatz import generator, layer_of, triple_hamiltonian
from qmemcircuit.circuits.triples.fit import TripleFit, _linearised, _map
from qmemcircuit.circuits.triples.sequence import PARITY_PAIRS, split_parity_gate
from qmemcircuit.common.states import trace_distance

G = 1 / 15


def memristor(gamma0: float = 0.02, **options: float) -> qm.Memristor:
    return qm.Memristor(qm.SquidRate(gamma0), a=np.pi / 4, **options)


def triple(coupling: qm.Coupling, graph=qm.chain) -> qm.Network:
    return graph([memristor(), memristor(0.03), memristor(omega=1.1)], coupling)


def channel(elements: tuple) -> SuperOp:
    """The elements as a channel, by Qiskit's own composition and the collision's Kraus form."""
    total = SuperOp(np.eye(64))
    for element in elements:
        if isinstance(element, Collision):
            kraus = Kraus(damping_kraus(element.probability))
            total = total.compose(kraus, qargs=[element.memristor])
        else:
            total = total.compose(SuperOp(element.gate), qargs=list(element.memristors))
    return total


def cz_count(circuit) -> int:
    made = transpile(
        circuit, basis_gates=["cz", "rz", "sx", "x"], optimization_level=3, seed_transpiler=1
    )
    return made.count_ops().get("cz", 0)


@pytest.fixture(scope="module")
def chain():
    network = triple(qm.Native("y", G))
    times = np.array([0.0, 6.5])
    how = qm.ConstantDepth(collisions=2, tolerance=0.02)
    return network, qm.build_circuits(network, times, splitting=how, bases="Z")


def test_elements_are_a_channel_within_the_residual_for_entangled_inputs(chain):
    network, circuits = chain
    still, found = circuits.compiled
    assert (still.elements, still.residual, still.collisions) == ((), 0.0, 0)
    assert 1e-5 < found.residual < 0.02
    made, exact = channel(found.elements), PTM(exact_maps(network, np.array([6.5]))[0])
    for seed in range(5):
        state = DensityMatrix(random_statevector((2,) * 4, seed=seed))
        ends = [state.evolve(item, qargs=[0, 1, 2]).data for item in (made, SuperOp(exact))]
        assert trace_distance([ends[0]], [ends[1]])[0] <= found.residual
    # `certify` integrates and composes for itself, from the circuits' own elements.
    how = qm.ConstantDepth(pairs=circuits.compiled)
    certificate = qm.certify(network, circuits.times, splitting=how)
    assert certificate.upper[1] == pytest.approx(found.residual, abs=1e-6)
    assert certificate.lower[1] > 0.9 * found.residual
    # QuTiP's state against that of the circuits.
    states = qm.exact_circuit(network, circuits.times, splitting=how)
    reference = qm.master_equation(network, circuits.times).states
    assert np.all(trace_distance(states.states, reference) <= [1e-8, found.residual])
    assert states.variables["compilation_residual"][1] == found.residual


def test_a_chain_costs_twelve_gates_a_round(chain):
    _, circuits = chain
    assert cz_count(circuits[1, "ZZZ"]) == 2 * 12


def test_a_ring_costs_twenty_a_round_and_is_a_channel_within_its_residual():
    network = triple(qm.Native("y", G), qm.ring)
    how = qm.ConstantDepth(collisions=2, tolerance=0.02)
    circuits = qm.build_circuits(network, [5.0], splitting=how, bases="Z")
    (found,) = circuits.compiled
    assert cz_count(circuits[0, "ZZZ"]) == 2 * 20
    exact = SuperOp(PTM(exact_maps(network, np.array([5.0]))[0]))
    state = DensityMatrix(random_statevector((2,) * 3, seed=1))
    ends = [state.evolve(item).data for item in (channel(found.elements), exact)]
    assert trace_distance([ends[0]], [ends[1]])[0] <= found.residual <= 0.02


@pytest.mark.slow
def test_paper_s_chain_takes_sixty_gates_at_any_time():
    network = qm.chain([memristor()] * 3, qm.Native("y", G))
    times = np.array([5.0, 10.0, 13.0, 20.0]) * network.period
    how = qm.ConstantDepth(tolerance=0.02, collisions=5)
    circuits = qm.build_circuits(network, times, splitting=how, bases="Z")
    assert max(cz_count(circuits[k, "ZZZ"]) for k in range(4)) == 60
    how = qm.ConstantDepth(pairs=circuits.compiled)
    assert qm.certify(network, times, splitting=how).largest <= 0.02


def test_derivatives_are_those_of_finite_differences():
    layer = layer_of(triple(qm.Native("y", G)))
    random = np.random.default_rng(3)
    still = np.tile(np.eye(8, dtype=complex), (2, 3, 1, 1))
    point = TripleFit(layer, still, random.uniform(0.2, 1.2, (2, 3)))
    point = point.turned(random.normal(size=point.parameters))
    found, slopes = _linearised(point)
    np.testing.assert_allclose(found, _map(point), atol=1e-12)
    np.testing.assert_allclose(found, point.sequence().map(), atol=1e-12)
    for direction in (random.normal(size=point.parameters) for _ in range(3)):
        ends = [_map(point.turned(step * direction)) for step in (1e-5, -1e-5)]
        # Central differences: 1e-10 of the third derivative, and rounding over 1e-5.
        np.testing.assert_allclose(
            (ends[0] - ends[1]).ravel() / 2e-5, direction @ slopes, atol=1e-7
        )


def test_damping_past_a_half_turn_is_damping_and_z():
    layer = layer_of(triple(qm.Native("y", G)))
    still = np.tile(np.eye(8, dtype=complex), (1, 3, 1, 1))
    point = TripleFit(layer, still, np.array([[2.5, 0.4, 1.9]]))
    np.testing.assert_allclose(point.sequence().map(), _map(point), atol=1e-12)


def test_parity_gates_are_split_exactly():
    even = [k for k in range(8) if k.bit_count() % 2 == 0]
    odd = [k for k in range(8) if k not in even]
    matrix = np.zeros((8, 8), dtype=complex)
    for seed, places in ((1, even), (2, odd)):
        matrix[np.ix_(places, places)] = unitary_group.rvs(4, random_state=seed)
    for wanted in (matrix, np.eye(8, dtype=complex)):
        product = np.eye(8)
        for gate, pair in zip(split_parity_gate(wanted), PARITY_PAIRS, strict=True):
            product = embed(gate, list(pair), 3) @ product
        np.testing.assert_allclose(unitary_map(product), unitary_map(wanted), atol=1e-12)


def test_generators_are_the_derivative_of_a_rotation():
    for pauli in (1, 22, 63):
        rows, signs = generator(pauli)
        dense = np.zeros((64, 64))
        dense[rows, np.arange(64)] = signs
        found = _rotation_map(pauli, 1e-6)
        np.testing.assert_allclose((found - np.eye(64)) / 1e-6, dense, atol=2e-6)


def _rotation_map(pauli: int, angle: float) -> np.ndarray:
    from scipy.linalg import expm

    from qmemcircuit.circuits.channels.pauli_maps import pauli_products

    return unitary_map(expm(-0.5j * angle * pauli_products(3)[pauli]))


@pytest.mark.parametrize(
    ("coupling", "graph", "sizes"),
    [
        (qm.Native("x", G), qm.chain, [2, 2, 2]),
        (qm.PartialISwap(G), qm.chain, [2, 2, 2]),
        (qm.Native("z", G), qm.chain, [2, 2]),
        (qm.Native("z", G), qm.ring, [2, 2, 2]),
        (qm.PartialSwap(G), qm.chain, [3]),
        (qm.Native("y", G), qm.ring, [3]),
        (qm.ControlledRotation("z", G), qm.chain, [2, 2]),
    ],
)
def test_the_gates_generate_the_group_of_the_hamiltonian(coupling, graph, sizes):
    network = triple(coupling, graph)
    layer = layer_of(network)
    assert [len(slot.members) for slot in layer] == sizes
    # H is a sum of the slots' own Paulis, but for the identity.
    from qmemcircuit.circuits.channels.pauli_maps import pauli_products

    weights = np.abs(np.einsum("aij,ji->a", pauli_products(3), triple_hamiltonian(network)))
    allowed = {0, *(pauli for slot in layer for pauli in slot.paulis)}
    assert set(np.flatnonzero(weights > 1e-9)) <= allowed


def test_record_holds_the_gates_and_rebuilds_the_circuits(chain, tmp_path):
    network, circuits = chain
    how = qm.ConstantDepth(pairs=circuits.compiled)
    built = qm.build_circuits(network, circuits.times, splitting=how, bases="XY")
    record = qm.run(
        network, circuits.times, target=qm.aer(seed=1), shots=20, splitting=how, bases="XY"
    )
    again = qm.rebuild_circuits(qm.Record.load(record.save(tmp_path / "record.json")))
    assert list(again) == list(built)
    for one, other in zip(again.compiled, circuits.compiled, strict=True):
        assert (one.time, one.residual) == (other.time, other.residual)
        np.testing.assert_array_equal(one.sequence.gates, other.sequence.gates)
    measured = qm.estimate(record)
    assert measured.variables["compilation_residual"][1] == circuits.compiled[1].residual


def test_what_cannot_be_compiled_is_refused_with_its_residual():
    network = triple(qm.Native("y", G))
    loose = qm.ConstantDepth(collisions=1, tolerance=0.001)
    with pytest.raises(ValueError, match=r"compiled triple .* 1 collisions .* reach 0\.\d+"):
        qm.build_circuits(network, [40.0], splitting=loose, bases="Z")
    warned = qm.ConstantDepth(collisions=1, tolerance=0.001, exceeded="warn")
    with pytest.warns(UserWarning, match="exceeds its tolerance of 0.001"):
        found = qm.build_circuits(network, [40.0], splitting=warned, bases="Z")
    assert found.compiled_residual > 0.001
    with pytest.raises(ValueError, match="keep the parity"):
        qm.build_circuits(triple(qm.ControlledRotation("y", G)), [1.0], splitting="compiled")
    pair = qm.chain([memristor()] * 2, qm.Native("y", G))
    with pytest.raises(ValueError, match="as many memristors as the network has"):
        qm.build_circuits(pair, [40.0], splitting=qm.ConstantDepth(pairs=found.compiled))
