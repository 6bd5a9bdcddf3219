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
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.circuits.splitting import Collision, embed
from qmemcircuit.circuits.triples.ansatz import generator, layer_of, triple_hamiltonian
from qmemcircuit.circuits.triples.compilation import restored_triples, stored_triples
from qmemcircuit.circuits.triples.fit import TripleFit, _linearised, _map
from qmemcircuit.circuits.triples.sequence import PARITY_PAIRS, split_parity_gate
from qmemcircuit.common.states import trace_distance
from qmemcircuit.runs.measurement import MeasurementOptions, plan_measurement
from qmemcircuit.runs.predicted_counts import predicted_chances
from qmemcircuit.simulation.exact import circuit_states, setting_probabilities

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
    assert (still.branches, still.residual, still.collisions) == (((),), 0.0, 0)
    assert 1e-5 < found.residual < 0.02
    made, exact = channel(found.branches[0]), PTM(exact_maps(network, np.array([6.5]))[0])
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


def test_a_ring_costs_nineteen_a_round_and_is_a_channel_within_its_residual():
    network = triple(qm.Native("y", G), qm.ring)
    how = qm.ConstantDepth(collisions=2, tolerance=0.02)
    circuits = qm.build_circuits(network, [5.0], splitting=how, bases="Z")
    (found,) = circuits.compiled
    assert cz_count(circuits[0, "ZZZ"]) == 2 * 19
    exact = SuperOp(PTM(exact_maps(network, np.array([5.0]))[0]))
    state = DensityMatrix(random_statevector((2,) * 3, seed=1))
    ends = [state.evolve(item).data for item in (channel(found.branches[0]), exact)]
    assert trace_distance([ends[0]], [ends[1]])[0] <= found.residual <= 0.02


@pytest.fixture(scope="module")
def mixed():
    network = triple(qm.Native("z", G))
    how = qm.ConstantDepth(collisions=2, tolerance=0.02)
    return network, qm.build_circuits(network, [0.0, 15.0], splitting=how, bases="Y")


def test_the_mean_of_mixed_circuits_is_within_the_residual_and_each_alone_is_not(mixed):
    network, circuits = mixed
    still, found = circuits.compiled
    assert (len(circuits.branches), len(still.branches), found.collisions) == (2, 1, 2)
    channels = [channel(elements).data for elements in found.branches]
    mean = SuperOp(np.mean(channels, axis=0))
    exact = SuperOp(PTM(exact_maps(network, circuits.times)[1]))
    for seed in range(3):
        state = DensityMatrix(random_statevector((2,) * 4, seed=seed))
        ends = [state.evolve(item, qargs=[0, 1, 2]).data for item in (mean, exact)]
        assert trace_distance([ends[0]], [ends[1]])[0] <= found.residual <= 0.02
    how = qm.ConstantDepth(pairs=circuits.compiled)
    certificate = qm.certify(network, circuits.times, splitting=how)
    assert certificate.upper[1] == pytest.approx(found.residual, abs=1e-6)
    # The circuits themselves: their mean against QuTiP's state, and each of them alone.
    reference = qm.master_equation(network, circuits.times).states
    apart = trace_distance(
        qm.exact_circuit(network, circuits.times, splitting=how).states, reference
    )
    assert apart[1] <= found.residual
    alone = [trace_distance(circuit_states(item), reference)[1] for item in circuits.branches]
    assert min(alone) > 2 * found.residual
    assert max(cz_count(item[1, "YYY"]) for item in circuits.branches) <= 2 * 10


def test_one_circuit_is_taken_where_it_is_asked_for_or_enough(mixed):
    network, _ = mixed
    how = qm.ConstantDepth(collisions=2, tolerance=0.02, mixture=1)
    with pytest.raises(ValueError, match="compiled triple can meet"):
        qm.build_circuits(network, [15.0], splitting=how)
    enough = qm.ConstantDepth(collisions=2, tolerance=0.02)
    assert len(qm.build_circuits(network, [6.5], splitting=enough).branches) == 1
    with pytest.raises(ValueError, match="mixture must be 1, 2 or 4"):
        qm.ConstantDepth(mixture=3)


def test_a_record_of_mixed_circuits_counts_all_and_rebuilds_them(mixed, tmp_path):
    network, circuits = mixed
    how = qm.ConstantDepth(pairs=circuits.compiled)
    record = qm.run(
        network, circuits.times, target=qm.aer(seed=2), shots=8000, splitting=how, bases="Y"
    )
    assert np.all(record.samples.counts.sum(axis=-1) == 8000)
    chances = setting_probabilities(circuits)[1, 0]
    counts = record.samples.counts[1, 0]
    # Shares are fixed, so the variance is at most the multinomial one; 5σ, and one count.
    allowed = 5 * np.sqrt(8000 * chances * (1 - chances)) + 1
    assert np.all(np.abs(counts - 8000 * chances) <= allowed)
    # The shots in Y tell the mean from either circuit; populations are the same in all of them.
    alone = [setting_probabilities(item)[1, 0] for item in circuits.branches]
    assert all(np.any(np.abs(counts - 8000 * item) > allowed) for item in alone)
    again = qm.rebuild_circuits(qm.Record.load(record.save(tmp_path / "record.json")))
    for one, other in zip(again.branches, circuits.branches, strict=True):
        assert one[1, "YYY"] == other[1, "YYY"]
    assert record.provenance["compiled_circuits"] == 2
    with pytest.raises(ValueError, match=r"one branch .*mixture=1"):
        circuits[1, "YYY"]
    with pytest.raises(ValueError, match="multiple of 2"):
        qm.run(network, circuits.times, target=qm.aer(seed=2), shots=9, splitting=how, bases="Y")


def test_a_plan_predicts_the_mean_of_mixed_circuits(mixed):
    network, circuits = mixed
    built = CircuitOptions("Y", splitting=qm.ConstantDepth(pairs=circuits.compiled))
    options = MeasurementOptions(8000, built)
    runs = predicted_chances(plan_measurement(network, circuits.times, qm.aer(seed=2), options))
    exact = setting_probabilities(circuits)
    assert len(runs) == 2
    for chances in runs:
        np.testing.assert_allclose(chances, exact, atol=1e-12)
    # The first circuit alone shows something else.
    assert np.abs(setting_probabilities(circuits.branches[0]) - exact).max() > 0.01


def test_arrays_from_before_circuits_were_mixed_are_read(chain):
    _, circuits = chain
    stored = stored_triples(circuits.compiled)
    old = {**stored, **{name: stored[name][:, 0] for name in ("gates", "probabilities")}}
    for one, other in zip(restored_triples(old), circuits.compiled, strict=True):
        (ours,), (theirs,) = one.sequences, other.sequences
        np.testing.assert_array_equal(ours.gates, theirs.gates)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("graph", "coupling"), [(qm.chain, qm.PartialSwap(G)), (qm.ring, qm.Native("y", G))]
)
def test_two_collisions_and_38_gates_are_enough_after_ten_periods(graph, coupling):
    network = graph([memristor()] * 3, coupling)
    times = np.array([10.0]) * network.period
    how = qm.ConstantDepth(tolerance=0.02, collisions=2)
    circuits = qm.build_circuits(network, times, splitting=how, bases="Z")
    assert max(cz_count(item[0, "ZZZ"]) for item in circuits.branches) == 38
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
        for ours, theirs in zip(one.sequences, other.sequences, strict=True):
            np.testing.assert_array_equal(ours.gates, theirs.gates)
    measured = qm.estimate(record)
    assert measured.variables["compilation_residual"][1] == circuits.compiled[1].residual


def test_what_cannot_be_compiled_is_refused_with_its_residual():
    network = triple(qm.Native("y", G))
    loose = qm.ConstantDepth(collisions=1, tolerance=0.001, mixture=1)
    with pytest.raises(ValueError, match=r"compiled triple .* 1 collisions .* reach 0\.\d+"):
        qm.build_circuits(network, [6.5], splitting=loose, bases="Z")
    warned = qm.ConstantDepth(collisions=1, tolerance=0.001, mixture=1, exceeded="warn")
    with pytest.warns(UserWarning, match="exceeds its tolerance of 0.001"):
        found = qm.build_circuits(network, [6.5], splitting=warned, bases="Z")
    assert found.compiled_residual > 0.001
    with pytest.raises(ValueError, match="keep the parity"):
        qm.build_circuits(triple(qm.ControlledRotation("y", G)), [1.0], splitting="compiled")
    pair = qm.chain([memristor()] * 2, qm.Native("y", G))
    with pytest.raises(ValueError, match="as many memristors as the network has"):
        qm.build_circuits(pair, [6.5], splitting=qm.ConstantDepth(pairs=found.compiled))
