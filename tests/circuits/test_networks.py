"""Networks: pair states, merged local channels, trajectories, routes. See oracles/networks.md."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit.common import checks, resources
from qmemcircuit.common.states import reduce_states, trace_distance
from qmemcircuit.results.observables import trajectory_of_states
from qmemcircuit.simulation import aer_passes, ensembles, exact

PAPER = qm.Memristor(qm.SquidRate(0.02), a=np.pi / 4)
STRONG = qm.Memristor(qm.SquidRate(0.4), a=0.7, b=0.5)
MIXED = qm.Memristor(qm.ConstantRate(0.2), state=[[0.6, 0.1j], [-0.1j, 0.4]], omega=1.3)
TIMES = [0.3, 0.8, 1.5]

# Three memristors that differ, couplings that neither commute nor keep I = ΓV, one memristor alone.
MIXTURE = qm.Network(
    [STRONG, MIXED, PAPER, STRONG],
    {(1, 0): qm.ControlledRotation("x", 0.5), (1, 2): qm.Native("x", 0.3)},
)


def yy_chain(count: int) -> qm.Network:
    return qm.chain([PAPER] * count, qm.Native("y", 1 / 15))


# --- graphs


def test_graphs_have_their_edges():
    coupling = qm.PartialISwap(0.1)
    for graph, count, edges in (
        (qm.chain, 4, [(0, 1), (1, 2), (2, 3)]),
        (qm.ring, 4, [(0, 1), (1, 2), (2, 3), (3, 0)]),
        (qm.star, 4, [(0, 1), (0, 2), (0, 3)]),
        (qm.chain, 2, [(0, 1)]),
    ):
        network = graph([PAPER] * count, coupling)
        assert [pair for pair, _ in network.couplings] == edges
        assert len(network.memristors) == count


@pytest.mark.parametrize(("graph", "minimum"), [(qm.chain, 2), (qm.ring, 3), (qm.star, 2)])
def test_graphs_need_enough_memristors(graph, minimum):
    with pytest.raises(ValueError, match=f"at least {minimum} for a {graph.__name__}"):
        graph([PAPER] * (minimum - 1), qm.Native("y", 0.1))


# --- the exact route


@pytest.mark.parametrize("steps", [None, 2])
@pytest.mark.parametrize("splitting", ["lie", "strang"])
@pytest.mark.parametrize("ancilla", ["traced", "reset"])
def test_pair_states_give_what_full_states_give(monkeypatch, ancilla, splitting, steps):
    options = {"splitting": splitting, "steps": steps, "ancilla": ancilla}
    full = qm.exact_circuit(MIXTURE, TIMES, **options)
    monkeypatch.setattr(exact, "STATES_UP_TO", 1)
    pairs = qm.exact_circuit(MIXTURE, TIMES, **options)
    assert pairs.states is None
    assert set(pairs.pair_states) == set(combinations(range(4), 2))
    # Rounding of some 50 operations on 256 numbers.
    assert pairs.voltage == pytest.approx(full.voltage, abs=1e-12)
    assert pairs.current == pytest.approx(full.current, abs=1e-12)
    for first, second in product(range(4), repeat=2):
        if first != second:
            expected = reduce_states(full.states, (first, second))
            assert pairs.pair_state(first, second) == pytest.approx(expected, abs=1e-12)
            assert full.pair_state(first, second) == pytest.approx(expected, abs=1e-12)


def test_kraus_form_is_the_ancilla_circuits_channel():
    """Two maps that agree on 4^M states spanning all matrices are the same channel."""
    poles = [[1, 0], [0, 1], np.array([1, 1]) / np.sqrt(2), np.array([1, 1j]) / np.sqrt(2)]
    rates = (qm.SquidRate(0.4), qm.ConstantRate(0.3))
    inputs, differences = [], []
    for states in product(poles, repeat=2):
        members = [qm.Memristor(r, state=s) for r, s in zip(rates, states, strict=True)]
        network = qm.Network(members, {(0, 1): qm.PartialISwap(0.8)})
        inputs.append(network.initial_state.ravel())
        traced, ancillas = (
            qm.exact_circuit(
                network, [0.4, 1.1], splitting="strang", ancilla=ancilla, engine="aer"
            ).states
            for ancilla in ("traced", "fresh")
        )
        differences.append(np.abs(traced - ancillas).max())
    assert np.linalg.matrix_rank(np.array(inputs)) == 16
    assert max(differences) < 1e-12  # rounding
    # And the comparison sees a channel that is not the same:
    stronger = qm.Network([qm.Memristor(qm.SquidRate(0.44), state=poles[1]), members[1]])
    weaker = qm.Network([qm.Memristor(qm.SquidRate(0.40), state=poles[1]), members[1]])
    one, two = (qm.exact_circuit(item, [1.1]).states for item in (stronger, weaker))
    assert np.abs(one - two).max() > 1e-3


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_merged_channels_keep_their_map(seed):
    """Any composition of one-memristor channels, as superoperator and as Kraus operators."""
    random = np.random.default_rng(seed)
    total = np.eye(4, dtype=complex)
    for _ in range(3):
        # A random channel: an isometry from 2 to 2·3 dimensions, cut into three Kraus operators.
        matrix = random.normal(size=(6, 2)) + 1j * random.normal(size=(6, 2))
        isometry = np.linalg.qr(matrix)[0]
        total = aer_passes.superoperator(list(isometry.reshape(3, 2, 2))) @ total
    operators = aer_passes._kraus_instruction(total).params
    assert aer_passes.superoperator(operators) == pytest.approx(total, abs=1e-12)
    states = random.normal(size=(1, 4, 4)) + 1j * random.normal(size=(1, 4, 4))
    left = np.array([[np.eye(4), total]])
    expected = sum(
        np.kron(k, np.eye(2)) @ states[0] @ np.kron(k, np.eye(2)).conj().T for k in operators
    )
    assert aer_passes.finish(states, left, (0, 1))[0] == pytest.approx(expected, abs=1e-12)
    swapped = sum(
        np.kron(np.eye(2), k) @ states[0] @ np.kron(np.eye(2), k).conj().T for k in operators
    )
    assert aer_passes.finish(states, left, (1, 0))[0] == pytest.approx(swapped, abs=1e-12)


def test_uncoupled_memristors_follow_the_closed_form(monkeypatch):
    monkeypatch.setattr(exact, "STATES_UP_TO", 1)
    times = PAPER.periods(2.3, points=10)
    found = qm.exact_circuit(qm.Network([STRONG, PAPER, STRONG]), times)
    for j, memristor in enumerate([STRONG, PAPER, STRONG]):
        kappa = -0.5 * memristor.decay_integral(0.0, times)
        coherence = memristor.initial_state[1, 0] * np.exp(kappa - 1j * times)
        assert found.voltage[:, j] == pytest.approx(
            memristor.current_scale * coherence.imag, abs=1e-12
        )


def test_a_ring_of_identical_memristors_is_homogeneous(monkeypatch):
    monkeypatch.setattr(exact, "STATES_UP_TO", 1)
    found = qm.exact_circuit(qm.ring([PAPER] * 5, qm.Native("y", 0.2)), [1.0, 4.0])
    assert np.ptp(found.voltage, axis=1) == pytest.approx(0, abs=1e-12)
    neighbours = [found.pair_state(j, (j + 1) % 5) for j in range(5)]
    for states in neighbours[1:]:
        assert states == pytest.approx(neighbours[0], abs=1e-12)


@pytest.mark.parametrize("graph", [qm.chain, qm.ring, qm.star])
def test_yy_keeps_memristivity_on_every_graph_and_xx_does_not(graph):
    for axis, kept in (("y", True), ("x", False)):
        network = graph([STRONG] * 3, qm.Native(axis, 0.2))
        found = qm.exact_circuit(network, STRONG.periods(1))
        defect = np.abs(found.current - found.variables["decay_rate"] * found.voltage).max()
        assert (defect < 1e-12) == kept, (axis, defect)


@pytest.mark.slow
def test_strang_chain_of_six_against_the_master_equation():
    import qutip

    network = yy_chain(6)
    times = network.periods(2)
    hamiltonian, collapse = network.to_qutip()
    initial = qutip.Qobj(network.initial_state, dims=hamiltonian.dims)
    # 1e-8 is far below the splitting error, and much faster than master_equation's 1e-12.
    options = {"atol": 1e-10, "rtol": 1e-8, "nsteps": 100_000, "progress_bar": ""}
    solved = qutip.mesolve(hamiltonian, initial, times, collapse, options=options).states
    master = trajectory_of_states(
        network, times, np.array([state.full() for state in solved]), provenance={}
    )
    digital = qm.exact_circuit(network, times, splitting="strang")
    # The bound; V runs to 0.35 and I to 0.014. Measured: 1.3e-4 and 2e-6.
    assert np.abs(digital.voltage - master.voltage).max() < 5e-4
    assert np.abs(digital.current - master.current).max() < 5e-4
    halved = qm.exact_circuit(network, times[[20]], splitting="strang", steps=40)
    errors = [
        trace_distance(item, master.states[[20]]) for item in (digital.states[[20]], halved.states)
    ]
    assert float(errors[0][0] / errors[1][0]) == pytest.approx(4, rel=0.1)  # second order


# --- trajectories


@pytest.fixture(scope="module")
def sampled() -> qm.Trajectory:
    return qm.simulate_circuit(
        MIXTURE, TIMES, method="statevector", trajectories=4000, pairs="all", seed=5
    )


def z_scores(sampled: qm.Trajectory, exact: qm.Trajectory) -> np.ndarray:
    return np.concatenate(
        [
            (sampled.voltage - exact.voltage) / sampled.voltage_error,
            (sampled.current - exact.current) / sampled.current_error,
        ]
    )


def test_trajectories_average_to_the_exact_circuit(sampled):
    # 24 correlated numbers at 4 standard errors: false alarm below 24 · 6e-5.
    assert np.abs(z_scores(sampled, qm.exact_circuit(MIXTURE, TIMES))).max() < 4
    for pair, states in sampled.pair_states.items():
        expected = qm.exact_circuit(MIXTURE, TIMES).pair_state(*pair)
        # Each real number lies in [−1, 1]: its standard error is at most 1/√4000.
        assert np.abs(states - expected).max() < 5 / np.sqrt(4000)


def test_trajectories_reject_another_rate(sampled):
    mutant = qm.Network(
        [qm.Memristor(qm.SquidRate(0.8), a=0.7, b=0.5), *MIXTURE.memristors[1:]],
        dict(MIXTURE.couplings),
    )
    assert np.abs(z_scores(sampled, qm.exact_circuit(mutant, TIMES))).max() > 4


def test_standard_errors_are_honest():
    """Over independent seeds the scatter of the mean is the standard error that was stated."""
    network = qm.chain([STRONG] * 2, qm.Native("y", 0.2))
    truth = qm.exact_circuit(network, [1.0, 5.0]).voltage
    runs = [
        qm.simulate_circuit(network, [1.0, 5.0], method="statevector", trajectories=50, seed=seed)
        for seed in range(60)
    ]
    scores = np.array([(run.voltage - truth) / run.voltage_error for run in runs])
    # χ² of 60 seeds for each of four numbers, z = 4: the spread is 1 ± 4·√(2/60)/2 = 1 ± 0.37;
    # the Jeffreys term makes errors a little larger, never smaller.
    assert 0.55 < np.sqrt(np.mean(scores**2)) < 1.37


def test_a_jump_that_did_not_occur_still_has_an_error():
    weak = qm.chain([qm.Memristor(qm.ConstantRate(1e-6), a=0.7)] * 2, qm.Native("y", 0.2))
    found = qm.simulate_circuit(weak, [1.0], method="statevector", trajectories=10, seed=1)
    assert np.all(found.voltage_error >= np.sqrt(0.5) * PAPER.current_scale / 10 * (1 - 1e-9))


def test_seeds_fix_the_trajectories():
    def once(seed: int | None) -> qm.Trajectory:
        return qm.simulate_circuit(MIXTURE, TIMES, method="statevector", trajectories=20, seed=seed)

    assert np.array_equal(once(3).voltage, once(3).voltage)
    assert not np.array_equal(once(3).voltage, once(4).voltage)
    drawn = once(None)
    again = once(drawn.provenance["seed"])
    assert np.array_equal(drawn.voltage, again.voltage)


def test_batches_are_independent(monkeypatch):
    monkeypatch.setattr(ensembles, "BATCH_BYTES", 1)  # one trajectory a batch
    done = []
    found = qm.simulate_circuit(
        MIXTURE,
        TIMES,
        method="statevector",
        trajectories=60,
        seed=2,
        progress=lambda *a: done.append(a),
    )
    assert done[-1] == (60, 60)
    assert len(done) == 60
    assert np.abs(z_scores(found, qm.exact_circuit(MIXTURE, TIMES))).max() < 4


def test_steps_restart_from_the_initial_state():
    found = qm.simulate_circuit(
        MIXTURE, TIMES, method="statevector", trajectories=1000, seed=2, steps=2, splitting="strang"
    )
    expected = qm.exact_circuit(MIXTURE, TIMES, steps=2, splitting="strang")
    assert np.abs(z_scores(found, expected)).max() < 4


def test_matrix_product_states_agree_and_check_their_truncation():
    network = qm.chain([STRONG] * 4, qm.Native("y", 0.5))
    options = {"method": "matrix_product_state", "trajectories": 200, "seed": 3}
    found = qm.simulate_circuit(network, [1.0, 3.0], bond_dimension=4, **options)
    expected = qm.exact_circuit(network, [1.0, 3.0])
    assert np.abs(z_scores(found, expected)).max() < 4
    # χ = 4 holds any state of four qubits: what is left is the threshold's 1e-12 a gate.
    assert found.provenance["truncation"]["voltage"] < 1e-6
    assert found.provenance["truncation"]["bond_dimensions"] == [4, 8, 16]


def test_too_small_a_bond_dimension_is_noticed():
    network = qm.chain([STRONG] * 4, qm.Native("y", 0.5))
    with pytest.warns(RuntimeWarning, match="bond_dimension must be larger"):
        found = qm.simulate_circuit(
            network,
            [1.0, 3.0],
            method="matrix_product_state",
            bond_dimension=1,
            trajectories=400,
            seed=3,
        )
    assert found.voltage_error.max() > found.provenance["truncation"]["voltage"] > 0.01


@pytest.mark.slow
def test_the_end_of_a_long_chain_does_not_know_its_length():
    """At gt = 0.4 memristors six and more away matter less than 1e-5, and eight stand for 16."""
    long = qm.simulate_circuit(
        yy_chain(16),
        PAPER.periods(1, points=15),
        method="matrix_product_state",
        splitting="strang",
        trajectories=60,
        seed=4,
    )
    short = qm.exact_circuit(yy_chain(8), PAPER.periods(1, points=15), splitting="strang")
    errors = long.voltage_error[:, :3]
    assert np.abs((long.voltage[:, :3] - short.voltage[:, :3]) / errors).max() < 4
    six = qm.exact_circuit(yy_chain(6), PAPER.periods(1, points=15), splitting="strang")
    assert np.abs(six.voltage[:, 0] - short.voltage[:, 0]).max() < 1e-5
    distance = trace_distance(long.pair_state(0, 1), short.pair_state(0, 1))
    assert distance.max() < 4 * 4 / np.sqrt(60)


# --- routes


def test_small_networks_are_exact_and_large_ones_go_by_the_least_error_for_the_time():
    small = qm.simulate_circuit(yy_chain(2), [0.5])
    assert small.provenance["route"]["method"] == "density_matrix"
    assert "no error" in small.provenance["route"]["reason"]
    assert small.voltage_error is None
    assert np.array_equal(small.voltage, qm.exact_circuit(yy_chain(2), [0.5]).voltage)
    long = qm.simulate_circuit(yy_chain(40), [PAPER.period], splitting="strang", steps=8)
    route = long.provenance["route"]
    assert route["method"] == "pauli_propagation"
    assert "least error² × seconds" in route["reason"]
    by_name = {item["method"]: item for item in route["candidates"]}
    assert by_name["density_matrix"]["obstacle"].startswith("it takes more than a million years")
    assert long.voltage_error.max() < 2 * by_name["pauli_propagation"]["error"] + 1e-4


def price(route, wanted):
    """Least error² × seconds, with what is worth nothing to anybody taken off."""
    return max(route.error, wanted) ** 2 * max(route.seconds, 3.0)


def test_exact_is_left_where_strings_are_as_good_and_much_quicker(monkeypatch):
    """Both fit: half a minute for no error at all, or a second for a thousandth."""
    monkeypatch.setattr(resources, "available_memory", lambda: 1e11)
    few = PAPER.period * np.array([0.1, 0.2, 0.3])
    routes = qm.compare_routes(yy_chain(14), few, splitting="strang")
    exact, *_, strings = routes.candidates
    assert exact.obstacle == strings.obstacle == ""
    assert exact.seconds > 10 * strings.seconds
    assert routes.chosen == "pauli_propagation"
    assert routes.wanted == pytest.approx(1e-3 * np.sqrt(0.5))
    assert price(strings, routes.wanted) < price(exact, routes.wanted)
    # What is asked for decides, and what the machine does meanwhile does not.
    assert qm.compare_routes(yy_chain(14), few, splitting="strang") == routes
    finer = qm.compare_routes(yy_chain(14), few, splitting="strang", accuracy=1e-7)
    assert finer.chosen == "density_matrix"
    with pytest.raises(ValueError, match="accuracy must be above 0"):
        qm.compare_routes(yy_chain(2), few, accuracy=0.0)


@pytest.mark.parametrize(
    ("count", "periods", "chosen"),
    [
        (6, 0.2, "density_matrix"),
        (6, 3, "density_matrix"),
        (10, 3, "density_matrix"),
        (12, 2, "density_matrix"),  # 20 seconds; strings are seconds, but ten times as wrong
        (20, 0.2, "pauli_propagation"),
        (20, 1, "pauli_propagation"),
    ],
)
def test_the_route_of_few_and_many_memristors_short_and_long(count, periods, chosen):
    times = PAPER.periods(periods, points=20)
    routes = qm.compare_routes(yy_chain(count), times, splitting="strang")
    assert routes.chosen == chosen, str(routes)


def test_a_route_is_chosen_by_what_its_error_costs():
    routes = qm.compare_routes(yy_chain(40), [0.5])
    chosen = {item.method: item for item in routes.candidates}[routes.chosen]
    for item in routes.candidates:
        if not item.obstacle:
            assert price(chosen, routes.wanted) <= price(item, routes.wanted)
    marked = next(line for line in str(routes).splitlines() if line.startswith("→"))
    assert routes.chosen in marked
    # As many trajectories cost as much more as their error is smaller.
    few, many = (
        {r.method: r for r in qm.compare_routes(yy_chain(40), [0.5], trajectories=n).candidates}[
            "statevector"
        ]
        for n in (100, 10_000)
    )
    assert few.error == pytest.approx(10 * many.error)
    assert many.seconds == pytest.approx(100 * few.seconds)


def test_times_beyond_the_reach_of_propagation_are_refused_with_the_error_it_would_have():
    strong = qm.chain([PAPER] * 5, qm.Native("y", 0.4))
    late = [8 * PAPER.period]
    how = {"method": qm.PauliPropagation(3, 1e-2), "splitting": "strang", "steps": 80}
    with pytest.raises(ValueError, match=r"reach .* \(8 T\) .* keep nothing.* of V of 0.35; end"):
        qm.simulate_circuit(strong, late, **how)
    with qm.allow_large():
        found = qm.simulate_circuit(strong, late, **how)
    assert found.voltage[0, 3] == 0  # which is why it was refused


def test_where_no_route_fits_all_of_them_say_why(monkeypatch):
    monkeypatch.setattr(resources, "LONGEST", 1e-3)
    why = r"20 memristors no route fits: density_matrix: not taken, it takes .* statevector: .*"
    with pytest.raises(ValueError, match=why + "pauli_propagation: .*Take fewer times"):
        qm.simulate_circuit(yy_chain(20), [PAPER.period], splitting="strang", steps=8)


# --- bad input


def test_memory_refusals_name_the_bytes_and_the_remedy(monkeypatch):
    with pytest.raises(ValueError, match=r"26,388,279,[\d,]+ bytes .*simulate_circuit"):
        qm.exact_circuit(yy_chain(20), [0.1])
    with pytest.raises(ValueError, match=r"[\d,]{18,} bytes .*'matrix_product_state', which"):
        qm.simulate_circuit(yy_chain(50), [0.1], method="statevector")
    monkeypatch.setattr(checks, "available_memory", lambda: 1000)
    with pytest.raises(ValueError, match="1,000 are available; reduce bond_dimension"):
        qm.simulate_circuit(yy_chain(20), [0.1], method="matrix_product_state")
    with pytest.raises(
        ValueError, match=r"needs [\d,]{9,} bytes and 1,000 are available.*with qm.allow_large"
    ):
        qm.exact_circuit(PAPER, np.arange(1, 20_000) * 1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "tensor"}, "Argument method must be one of 'density_matrix'"),
        ({"trajectories": 1}, "Argument trajectories must be at least 2"),
        ({"trajectories": 2.5}, "Argument trajectories must be an integer"),
        ({"bond_dimension": 0}, "Argument bond_dimension must be at least 1"),
        ({"pairs": [(0, 2)]}, "memristors from 0 to 1, but \\(0, 2\\)"),
        ({"pairs": [(1, 1)]}, "two different memristors"),
        ({"pairs": "every"}, "Argument pairs must be one of 'coupled', 'all'"),
        ({"seed": -1}, "Argument seed must be at least 0"),
        ({"splitting": "trotter"}, "Argument splitting must be one of"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"method": "statevector", "trajectories": 2, "seed": 1, **change}
    with pytest.raises((ValueError, TypeError), match=message):
        qm.simulate_circuit(yy_chain(2), [0.1], **arguments)


def test_joint_states_are_for_the_exact_route():
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    network = qm.Network([PAPER] * 2, {(0, 1): qm.Native("y", 0.1)}, state=bell)
    with pytest.raises(ValueError, match="joint initial state; use method='density_matrix'"):
        qm.simulate_circuit(network, [0.1], method="statevector", seed=1)
    assert qm.simulate_circuit(network, [0.1]).states is not None


# --- pair states in a Trajectory


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_pair_states_survive_a_file(tmp_path, suffix):
    found = qm.simulate_circuit(
        yy_chain(3), TIMES, method="statevector", trajectories=4, pairs=[(2, 0)], seed=1
    )
    again = qm.Trajectory.load(found.save(tmp_path / f"run{suffix}"))
    assert set(again.pair_states) == set(found.pair_states) == {(0, 1), (1, 2), (0, 2)}
    for pair, states in found.pair_states.items():
        assert np.array_equal(again.pair_states[pair], states)


def test_missing_pairs_are_named():
    found = qm.simulate_circuit(yy_chain(3), [0.1], method="statevector", trajectories=2, seed=1)
    with pytest.raises(ValueError, match=r"\(0, 2\) does not; kept are \(0, 1\), \(1, 2\)"):
        found.pair_state(0, 2)
    for first, second in ((0, 0), (0, 3), (-1, 1)):
        with pytest.raises(ValueError, match="two different devices from 0 to 2"):
            found.pair_state(first, second)
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), but that of \(0, 1\)"):
        qm.Trajectory([0.1], np.zeros((1, 2)), np.zeros((1, 2)), pair_states={(0, 1): np.eye(4)})


@pytest.mark.parametrize("method", ["statevector", "matrix_product_state"])
def test_uncoupled_memristors_need_no_random_trajectory(method: str) -> None:
    """Aer then saves one state for all trajectories: it must count for all of them."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    network = qm.Network([memristor] * 2)
    times = memristor.periods(1, points=6)
    found = qm.simulate_circuit(
        network, times, method=method, trajectories=20, seed=1, pairs=[(0, 1)]
    )
    master = qm.master_equation(network, times)
    assert np.abs(found.voltage - master.voltage).max() < 1e-8  # the solver's
    assert found.voltage_error is not None
    assert np.isfinite(found.voltage_error).all()
    assert np.abs(np.trace(found.pair_state(0, 1), axis1=1, axis2=2) - 1).max() < 1e-12
