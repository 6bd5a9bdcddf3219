from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shot_statistics import coverage_bounds, draw_record, z_of

import qmemcircuit as qm
from qmemcircuit.circuits.settings import parse_bases
from qmemcircuit.common.states import expectation, nearest_physical, pauli_matrix
from qmemcircuit.counts.means import combine_paulis
from qmemcircuit.simulation.targets import AerTarget

SHOTS = 5000
PAIR = qm.Network(
    [
        qm.Memristor(qm.SquidRate(0.1), a=0.7, b=0.4),
        qm.Memristor(qm.ConstantRate(0.05), a=1.1, b=-0.3, omega=1.2),
    ],
    {(0, 1): qm.Native("x", 0.2)},
)
TIMES = PAIR.periods(1, points=12)
TOMOGRAPHY = parse_bases("tomography", 2)


@given(st.integers(0, 3), st.integers(0, 3))
def test_bit_order(first, second):
    """Basis states prepared by hand: outcome bit j is memristor j, 0 is +1."""
    counts = np.zeros((1, 1, 4), dtype=np.int64)
    counts[0, 0, (first % 2) + 2 * (second % 2)] = 10
    samples = qm.Samples(("ZZ",), counts)
    assert qm.pauli_mean(samples, "ZI")[0][0] == 1 - 2 * (first % 2)
    assert qm.pauli_mean(samples, "IZ")[0][0] == 1 - 2 * (second % 2)
    assert qm.pauli_mean(samples, "ZZ")[0][0] == (1 - 2 * (first % 2)) * (1 - 2 * (second % 2))


def test_error_is_the_larger_one_of_jeffreys_and_wilson():
    from scipy.stats import beta, binomtest, norm

    for zeros in (1000, 990, 700):
        samples = qm.Samples(("Y",), np.array([[[zeros, 1000 - zeros]]]))
        mean, error = qm.pauli_mean(samples, "Y")
        assert mean[0] == pytest.approx((2 * zeros - 1000) / 1000, rel=1e-14)
        level = 1 - 2 * norm.sf(2)
        wilson = binomtest(zeros, 1000).proportion_ci(level, method="wilson")
        ends = 2 * np.array([wilson.low, wilson.high]) - 1
        assert error[0] == pytest.approx(np.abs(ends - mean[0]).max() / 2, rel=1e-9)
        assert error[0] > 0  # all ones is never certainty
    even = qm.Samples(("Y",), np.array([[[50, 50]]]))
    assert qm.pauli_mean(even, "Y")[1][0] == pytest.approx(2 * beta(50.5, 50.5).std())


@pytest.mark.parametrize("shots", [100, 1000, 5000])
def test_two_errors_hold_a_mean_whatever_it_is(shots):
    """Exactly, by summing the binomial: at every mean, also near the ends (was 77 % there)."""
    from scipy.stats import binom

    ones = np.arange(shots + 1)
    counts = np.stack([shots - ones, ones], axis=1)[:, np.newaxis]
    value, error = qm.pauli_mean(qm.Samples(("Y",), counts), "Y")
    for probability in np.linspace(0, 0.5, 301):
        held = np.abs(value - (1 - 2 * probability)) <= 2 * error
        coverage = np.sum(binom.pmf(ones, shots, probability) * held)
        # Nominal are 95.45 %; whole counts make it jump, by 1 % about means near 0.
        assert coverage > 0.943


def test_pauli_means_agree_with_the_exact_states():
    record = qm.run(PAIR, TIMES, target=qm.aer(seed=3), shots=SHOTS)
    exact = qm.exact_circuit(PAIR, TIMES)
    labels = [a + b for a in "IXYZ" for b in "IXYZ" if a + b != "II"]
    z = z_of(len(labels) * len(TIMES))
    for label in labels:
        mean, error = qm.pauli_mean(record.samples, label)
        truth = expectation(exact.states, pauli_matrix(label))
        assert np.abs(mean - truth).max() < z * error.max()
        assert np.all(np.abs(mean - truth) < z * error)


def test_pauli_means_reject_a_stronger_damping():
    """The mutant: p → 1.1 p, that is Γ → about 1.1 Γ, at enough shots to see it."""
    strong = qm.Memristor(qm.SquidRate(0.44), a=np.pi / 4, b=np.pi / 5)
    weak = qm.Memristor(qm.SquidRate(0.40), a=np.pi / 4, b=np.pi / 5)
    times = weak.periods(1, points=30)
    record = qm.run(strong, times, target=qm.aer(seed=3), shots=100 * SHOTS)
    z = z_of(len(times))
    truth = expectation(qm.exact_circuit(weak, times).states, pauli_matrix("Y"))
    mean, error = qm.pauli_mean(record.samples, "Y")
    assert np.any(np.abs(mean - truth) > z * error)


@pytest.mark.parametrize("label", ["XI", "ZZ", "IY"])
def test_pauli_error_coverage(label):
    exact = qm.exact_circuit(PAIR, TIMES)
    truth = expectation(exact.states, pauli_matrix(label))
    inside = 0
    runs = 60
    for seed in range(runs):
        record = draw_record(PAIR, exact, TOMOGRAPHY, 400, seed)
        mean, error = qm.pauli_mean(record.samples, label)
        inside += int(np.sum(np.abs(mean - truth) < error))
    trials = runs * len(TIMES)
    low, high = coverage_bounds(0.683, trials)
    # A discrete mean on 400 (or 1200) shots: the Gaussian coverage is off by up to 1/√(2π·100).
    assert low - 0.02 < inside / trials < high + 0.02


def test_combined_paulis_know_their_correlation():
    """XX and XI from the setting XX are correlated in an entangled state."""
    bell = qm.Network(PAIR.memristors, state=np.array([1, 0, 0, 1]) / np.sqrt(2))
    exact = qm.exact_circuit(bell, [0.0])
    assert exact.states is not None
    record = qm.run(bell, [0.0], target=qm.aer(seed=1), shots=SHOTS, bases=["ZZ"])
    # ZI + IZ is ±2 in a Bell state; ZI − IZ is always 0.
    total = combine_paulis(record.samples, {"ZI": 1.0, "IZ": 1.0})[1][0]
    difference = combine_paulis(record.samples, {"ZI": 1.0, "IZ": -1.0})[1][0]
    assert total == pytest.approx(2 / np.sqrt(SHOTS), rel=0.01)
    assert difference < 0.05 * total


@pytest.mark.parametrize("where", ["inside", "edge"])
def test_operator_current_coverage(where):
    exact = qm.exact_circuit(PAIR, TIMES)
    chosen = slice(1, -1) if where == "inside" else [0, -1]
    one, two, trials = 0, 0, 0
    for seed in range(80):
        found = qm.estimate(draw_record(PAIR, exact, TOMOGRAPHY, 1000, seed))
        score = np.abs((found.current - exact.current) / found.current_error)[chosen]
        one, two, trials = one + np.sum(score < 1), two + np.sum(score < 2), trials + score.size
    for inside, nominal in ((one, 0.683), (two, 0.954)):
        low, high = coverage_bounds(nominal, trials)
        # Devices share settings, so trials are not quite independent: 1 % of slack.
        assert low - 0.01 < inside / trials < high + 0.01


def test_estimators_by_name():
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    times = memristor.periods(1)
    record = qm.run(memristor, times, target=qm.aer(seed=1), shots=SHOTS)
    found = {
        name: qm.estimate(record, current=name)
        for name in ("finite_difference", "local_fit", "current_operator")
    }
    assert qm.estimate(record).provenance["current"] == "local_fit"
    errors = {name: float(np.mean(item.current_error)) for name, item in found.items()}
    assert errors["current_operator"] < errors["local_fit"] < errors["finite_difference"]
    for item in found.values():
        diagonal = np.diagonal(item.current_covariance, axis1=1, axis2=2).T
        assert np.sqrt(diagonal) == pytest.approx(item.current_error)
    with pytest.raises(ValueError, match="Argument current must be one of"):
        qm.estimate(record, current="savgol")


def test_missing_settings_are_named():
    record = qm.run(PAIR, TIMES, target=qm.aer(seed=1), shots=10, bases=["XX", "YY"])
    with pytest.raises(ValueError, match="measures 'ZX', but only XX, YY were"):
        qm.estimate(record)
    with pytest.raises(ValueError, match="Argument label must be 2 letters"):
        qm.pauli_mean(record.samples, "X")


@given(st.integers(0, 2**31))
def test_nearest_physical_state_is_physical_and_a_projection(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(3, 4, 4)) + 1j * rng.normal(size=(3, 4, 4))
    matrix = matrix + np.swapaxes(matrix.conj(), 1, 2)
    trace = np.trace(matrix, axis1=1, axis2=2).real
    matrix += np.eye(4) * ((1 - trace) / 4)[:, None, None]
    found = nearest_physical(matrix)
    assert np.trace(found, axis1=1, axis2=2) == pytest.approx(1, abs=1e-12)
    assert np.linalg.eigvalsh(found).min() > -1e-12
    assert nearest_physical(found) == pytest.approx(found, abs=1e-12)
    # Nearest: no mixture of it with another state is nearer (the variational inequality).
    other = np.eye(4) / 4
    inner = np.einsum("tij,tji->t", matrix - found, other - found).real
    assert np.all(inner < 1e-10)


def test_tomography_recovers_the_state():
    record = qm.run(PAIR, TIMES, target=AerTarget(2), shots=200_000)
    exact = qm.exact_circuit(PAIR, TIMES)
    distance = qm.compare(qm.estimate(record), exact).trace_distance
    # 15 Pauli means with errors of at most 1/√200000 each, d = 4: trace distance about
    # ½·√(15)·0.0022·... below 0.01 by a wide margin.
    assert distance.max() < 0.01
    assert qm.estimate(record).states.shape == (len(TIMES), 4, 4)


ODD = qm.Memristor(
    qm.SquidRate(2.0), state=[[0.7, 0.1 + 0.3j], [0.1 - 0.3j, 0.3]], omega=2.0, mass=3.0, hbar=0.5
)


@pytest.mark.parametrize("current", ["local_fit", "finite_difference", "current_operator"])
def test_a_million_shots_hold_the_current(current):
    """From the circuits themselves; units other than 1, a mixed state; a bias of many errors."""
    times = ODD.periods(2, points=14)
    record = qm.run(ODD, times, target=qm.aer(seed=5), shots=10**6)
    truth = qm.master_equation(ODD, times).current
    found = qm.estimate(record, current=current)
    z = z_of(len(times))
    assert np.all(np.abs(found.current - truth) <= z * found.current_error)
    if current == "current_operator":
        assert "current_bias" not in found.variables
        return
    raw = found.current + found.variables["current_bias"]
    assert np.abs((raw - truth) / found.current_error).max() > z  # the mutant: not subtracted
    assert found.provenance["current_bias"] == ["model"]
    assert found.provenance["times_resting_on_model"][0] > 0
    assert "the current rests on the model" in str(qm.compare(found, qm.exact_circuit(ODD, times)))


def test_the_bias_of_coupled_memristors_comes_from_a_trajectory():
    """Both differentiate; without the exact states they have their bias, and wide errors."""
    times = PAIR.periods(2, points=14)
    exact = qm.exact_circuit(PAIR, times)
    record = draw_record(PAIR, exact, TOMOGRAPHY, 10**6, 3)
    z = z_of(2 * len(times))
    for current in ("local_fit", "finite_difference"):
        known = qm.estimate(record, current=current, bias=exact)
        plain = qm.estimate(record, current=current)
        for found in (known, plain):
            assert np.all(np.abs(found.current - exact.current) <= z * found.current_error)
        assert plain.provenance["current_bias"] == ["data", "data"]
        assert np.all(plain.variables["current_bias"] == 0)
        assert known.current_error.mean() < 0.5 * plain.current_error.mean()
    # The mutant: the states of another circuit do not hold.
    with pytest.raises(ValueError, match="Argument bias must be an exact trajectory"):
        qm.estimate(record, current="local_fit", bias=qm.exact_circuit(PAIR, times[:-1]))
    with pytest.raises(ValueError, match="Argument bias must be an exact trajectory"):
        qm.estimate(record, current="local_fit", bias=plain)
    with pytest.raises(ValueError, match="coupled: it has no closed form"):
        qm.estimate(record, current="local_fit", bias="model")
    with pytest.raises(ValueError, match="Argument bias must be one of"):
        qm.estimate(record, current="local_fit", bias="nothing")


def test_uncoupled_memristors_of_a_joint_state_have_their_closed_form():
    bell = np.array([1, 0.3, 0.5j, 0.4]) / np.linalg.norm([1, 0.3, 0.5, 0.4])
    network = qm.Network([PAIR.memristors[0], ODD_PARTNER], state=bell)
    times = network.periods(1, points=14)
    exact = qm.exact_circuit(network, times)
    record = draw_record(network, exact, ["XX", "YY"], 10**6, 3)
    found = qm.estimate(record)
    assert found.provenance["current_bias"] == ["model", "model"]
    z = z_of(2 * len(times))
    assert np.all(np.abs(found.current - exact.current) <= z * found.current_error)


ODD_PARTNER = qm.Memristor(qm.ConstantRate(2.0), a=1.0, omega=1.5)


@pytest.mark.parametrize("breakpoints", [(), (2.0,)])
def test_a_reloaded_record_has_the_same_currents(tmp_path, breakpoints):
    """A law of the reader's own is kept as a table; between its rows it is a cubic, at them not."""

    def rate(t: float) -> float:
        return 0.3 * (1 + np.sin(9 * t)) + (0.5 if breakpoints and t >= 2 else 0.0)

    law = qm.FunctionRate(rate, breakpoints=breakpoints)
    memristor = qm.Memristor(law, a=np.pi / 4, b=np.pi / 5)
    record = qm.run(memristor, memristor.periods(1), target=qm.aer(seed=1), shots=10**6)
    again = qm.Record.load(record.save(tmp_path / "record.json"))
    for current in ("local_fit", "current_operator"):
        ours, theirs = (qm.estimate(item, current=current) for item in (record, again))
        assert np.allclose(theirs.current, ours.current, rtol=1e-9, atol=1e-12)
        assert np.allclose(theirs.current_error, ours.current_error, rtol=1e-9, atol=1e-12)
    master = qm.master_equation(again.network, again.times)
    assert np.abs(master.current - qm.exact_circuit(memristor, again.times).current).max() < 1e-6
