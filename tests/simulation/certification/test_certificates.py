"""Bounds on the diamond norm: closed forms, random inputs, and the master equation's own states."""

from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.circuits.build import circuits_with
from qmemcircuit.circuits.channels.diamond_norms import half_diamond_norms
from qmemcircuit.circuits.channels.exact_maps import exact_maps
from qmemcircuit.circuits.channels.pauli_maps import density_matrices, pauli_means, unitary_map
from qmemcircuit.circuits.options import CircuitOptions
from qmemcircuit.common.states import trace_distance
from qmemcircuit.simulation.certification.light_cones import light_cone_bounds

ONE = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.3)
OTHER = qm.Memristor(qm.ConstantRate(0.3), a=0.4, omega=1.4)
NETWORKS = {
    "pair": qm.Network([ONE, OTHER], {(0, 1): qm.ControlledRotation("y", 0.7)}),
    "swapped": qm.Network(
        [ONE, OTHER], {(1, 0): qm.MatrixCoupling(np.diag([0.3, -0.2, 0.4, 0.1]))}
    ),
    "hot": qm.Network(
        [
            qm.Memristor(qm.SquidRate(0.4), a=0.8, occupation=0.3),
            qm.Memristor(qm.ConstantRate(0.3), a=0.4, omega=1.4, dephasing=0.2),
        ],
        {(0, 1): qm.Native("x", 0.3)},
    ),
    "three": qm.chain([ONE, OTHER, ONE], qm.Native("y", 0.3)),
}
TIMES = np.array([0.4, 0.8, 1.2])


def bracket(difference: np.ndarray) -> tuple[float, float]:
    lower, upper = half_diamond_norms(difference[None])
    return float(lower[0]), float(upper[0])


@pytest.mark.parametrize("angle", [1e-6, 0.3, 2.0])
def test_two_rotations_differ_by_the_sine_of_half_their_angle(angle: float) -> None:
    turned = np.diag([np.exp(-0.5j * angle), np.exp(0.5j * angle)])
    low, high = bracket(unitary_map(turned) - np.eye(4))
    wanted = np.sin(angle / 2)  # reached by an input on the equator
    assert low <= wanted * (1 + 1e-6)
    assert high >= wanted * (1 - 1e-6)
    assert high <= 1.003 * wanted


def test_pauli_channels_differ_by_half_the_sum_of_their_weights_differences() -> None:
    random = np.random.default_rng(1)
    signs = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    for _ in range(5):
        weights = random.dirichlet([1] * 4) - random.dirichlet([1] * 4)
        low, high = bracket(np.diag(signs.T @ weights))
        wanted = 0.5 * np.abs(weights).sum()
        assert low == pytest.approx(wanted, rel=1e-6)
        assert high == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_exact_maps_give_the_master_equations_states(name: str) -> None:
    network = NETWORKS[name]
    circuits = circuits_with(network, TIMES, CircuitOptions("Z", "reset", "lie", None))
    means = exact_maps(circuits.network, circuits.times) @ pauli_means(network.initial_state)
    assert np.abs(density_matrices(means) - qm.master_equation(network, TIMES).states).max() < 1e-9


@pytest.mark.parametrize("splitting", ["lie", "strang"])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_input_is_further_than_the_bound(name: str, splitting: str) -> None:
    """Random inputs, half of them entangled with a memristor that nothing touches."""
    random = np.random.default_rng(2)
    network = NETWORKS[name]
    bound = qm.certify(network, TIMES, splitting=splitting)
    assert np.all(bound.lower <= bound.upper)
    assert np.all(bound.upper < 1.05 * bound.lower + 1e-8)
    idle = qm.Memristor(qm.ConstantRate(0.0), a=0.0)
    wide = qm.Network([*network.memristors, idle], network.couplings)
    count = len(network.memristors)
    largest = 0.0
    for number in range(20):
        vector = random.normal(size=2 ** (count + 1)) + 1j * random.normal(size=2 ** (count + 1))
        if number % 2:  # product with the idle one
            part = vector[: 2**count]
            vector = np.kron([1, 0], part)
        vector = vector / np.linalg.norm(vector)
        model = qm.Network(wide.memristors, wide.couplings, state=vector)
        digital = qm.exact_circuit(model, TIMES, splitting=splitting)
        distance = trace_distance(digital.states, qm.master_equation(model, TIMES).states)
        assert np.all(distance <= bound.upper)
        largest = max(largest, float((distance / bound.upper).max()))
    assert largest > 0.3  # a bound that is not far from what happens


def test_the_bound_falls_with_the_order_of_the_splitting() -> None:
    weak = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 1 / 15))
    at = [17.3]  # no whole number of periods
    for splitting, order in (("lie", 1), ("strang", 2), ("fused", 2)):
        errors = [qm.certify(weak, at, splitting=splitting, steps=n).largest for n in (100, 200)]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_compiled_circuits_are_within_their_residual_and_uncoupled_ones_exact() -> None:
    weak = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 1 / 15))
    times = np.array([3.0, 40.0])
    bound = qm.certify(weak, times, splitting="compiled")
    assert 1e-4 < bound.largest < 0.005  # the tolerance, which its residual kept
    assert qm.certify(ONE, TIMES).largest < 5e-9


def test_a_stronger_damping_is_noticed() -> None:
    """Mutant: Γ → 1.1 Γ in the circuits."""
    circuits, wrong = (
        circuits_with(
            qm.Memristor(qm.SquidRate(gamma), a=0.8),
            TIMES,
            CircuitOptions("Z", "reset", "lie", None),
        )
        for gamma in (0.4, 0.44)
    )
    lower, _ = half_diamond_norms(
        exact_maps(wrong.network, wrong.times) - exact_maps(circuits.network, circuits.times)
    )
    assert lower.min() > 0.002  # 0.0027 after 0.4, growing


def test_it_bounds_voltages_and_currents_of_random_inputs() -> None:
    """And stands in the comparison and the budget, whose splitting never exceeds it."""
    random = np.random.default_rng(3)
    laws = [qm.Memristor(qm.SquidRate(0.4), a=0.8), qm.Memristor(qm.ConstantRate(0.2), a=0.3)]
    couplings = {(0, 1): qm.ControlledRotation("x", 0.7)}
    certificate = qm.certify(qm.Network(laws, couplings), TIMES)
    for _ in range(20):
        vector = random.normal(size=4) + 1j * random.normal(size=4)
        network = qm.Network(laws, couplings, state=vector / np.linalg.norm(vector))
        exact, master = qm.exact_circuit(network, TIMES), qm.master_equation(network, TIMES)
        assert np.all(np.abs(exact.voltage - master.voltage) <= certificate.voltage + 1e-8)
        assert np.all(np.abs(exact.current - master.current) <= certificate.current + 1e-8)
        found = qm.compare(exact, master, noisy=exact, exact=exact, certificate=certificate)
        assert np.all(found.budget.splitting <= found.budget.certificate + 1e-8)
    assert str(certificate) in str(found)
    assert "splitting, any input" in str(found)
    half = np.abs(exact.voltage - master.voltage).max() / certificate.voltage.max()
    assert half > 0.05  # no empty promise
    with pytest.raises(ValueError, match="certificate must be for the times"):
        qm.compare(exact, master, certificate=qm.certify(laws[0], TIMES[:2]))


@pytest.mark.parametrize("splitting", ["lie", "strang"])
def test_local_errors_bound_larger_networks(splitting: str) -> None:
    """Never below the bracket where there is one, nor below what any input shows."""
    chain = qm.chain([ONE, OTHER, ONE], qm.Native("y", 0.3))
    times = np.linspace(0.1, 1.2, 12)
    options = CircuitOptions("Z", "reset", splitting, None)
    circuits = circuits_with(chain, times, options)
    whole = light_cone_bounds(circuits, (0, 1, 2))
    bracket = qm.certify(chain, times, splitting=splitting)
    assert np.all(bracket.lower <= whole)
    loose = 4 if splitting == "lie" else 60  # of second order, where the bound sees the first
    assert np.all(whole <= loose * bracket.upper)
    assert np.all(light_cone_bounds(circuits, (0,)) <= whole)


def test_a_light_cone_leaves_out_what_is_far_away() -> None:
    memristors = [qm.Memristor(qm.SquidRate(0.4), a=0.4 + 0.3 * j) for j in range(7)]
    chain = qm.chain(memristors, qm.Native("x", 0.5))
    times = np.array([0.2, 0.4, 0.6])
    local, whole = (qm.certify(chain, times, members=who) for who in ((0, 1), None))
    assert np.all(local.upper < whole.upper)
    # In the last step four of the six couplings count, two steps before the end all of them.
    assert whole.upper[0] == pytest.approx(1.5 * local.upper[0], rel=1e-6)
    exact = qm.exact_circuit(chain, times)
    master = qm.master_equation(chain, times)
    seen = trace_distance(exact.pair_state(0, 1), master.pair_state(0, 1))
    assert np.all(seen <= local.upper)
    assert np.all(seen > 0.02 * local.upper)  # the looseness here
    assert np.all(np.abs(exact.voltage - master.voltage) <= local.voltage)
    assert np.all(np.abs(exact.current - master.current) <= local.current)


def test_four_driven_memristors_are_not_certified_to_be_exact() -> None:
    """A drive is split from the damping: 0.09 in V, where the bound was 0, coupled or not."""
    driven = qm.Memristor(qm.ConstantRate(1.0), a=0.4, drive=qm.Drive("x", 1.0, frequency=0.7))
    still = qm.Memristor(qm.ConstantRate(1.0), a=0.4)
    times = still.periods(1, points=8)
    for model in (
        qm.Network([driven] * 4),
        qm.Network([driven, *[still] * 3], {(2, 3): qm.Native("y", 0.1)}),
    ):
        with pytest.raises(ValueError, match="no drive for the bounds of more than three"):
            qm.certify(model, times)


def test_rates_that_turn_negative_are_not_certified() -> None:
    """Their circuits do not exist, and their steps are no channels."""
    law = qm.FunctionRate(lambda t: 0.1 + 0.4 * np.cos(9 * t))
    for end in (6.0, 0.5):  # in later steps, and within the first one alone
        model = qm.chain([qm.Memristor(law, a=0.8)] * 4, qm.Native("y", 0.1))
        with pytest.raises(ValueError, match="rate must not be negative"):
            qm.certify(model, np.linspace(0, end, 2 if end < 1 else 61)[1:])


def test_what_is_not_proved_is_refused() -> None:
    many = qm.chain([ONE] * 4, qm.Native("y", 0.3))
    mixed = {(0, 1): qm.Native("x", 0.3), (1, 2): qm.Native("y", 0.3)}
    with pytest.raises(ValueError, match="splitting must be 'lie' or 'strang'"):
        qm.certify(many, TIMES, steps=3)
    with pytest.raises(ValueError, match="couplings that commute"):
        qm.certify(qm.Network([ONE] * 4, mixed), TIMES)
    with pytest.raises(ValueError, match="different memristors from 0 to 3"):
        qm.certify(many, TIMES, members=(4,))
