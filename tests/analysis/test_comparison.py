from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest
from shot_statistics import coverage_bounds, draw_record

import qmemcircuit as qm
from qmemcircuit.circuits.settings import parse_bases

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
TIMES = MEMRISTOR.periods(1, points=30)
RUNS = 200


def digital(model, seed: int, shots: int = 1000, **options) -> qm.Trajectory:
    record = qm.run(model, TIMES, target=qm.aer(seed=seed), shots=shots, **options)
    return qm.estimate(record, current="current_operator")


@pytest.fixture(scope="module")
def p_values() -> np.ndarray:
    from scipy.stats import chi2

    from qmemcircuit.analysis.counts_test import _chi_square

    master = qm.master_equation(MEMRISTOR, TIMES)
    exact = qm.exact_circuit(MEMRISTOR, TIMES)
    network = qm.Network([MEMRISTOR])
    values = []
    for seed in range(RUNS):
        record = draw_record(network, exact, ("X", "Y"), 1000, seed)
        found = qm.estimate(record, current="current_operator")
        values.append(chi2.sf(*_chi_square(found, master)[:2]))
    return np.array(values)


def test_true_models_are_rejected_as_often_as_they_should(p_values):
    for level in (0.05, 0.3):
        low, high = coverage_bounds(level, RUNS)
        assert low <= np.mean(p_values < level) <= high


def test_p_values_are_uniform(p_values):
    assert kstest(p_values, "uniform").pvalue > 1e-4


def test_a_pairs_tomography_is_rejected_as_often_as_it_should():
    from scipy.stats import chi2

    from qmemcircuit.analysis.counts_test import _chi_square

    pair = qm.Network([MEMRISTOR, MEMRISTOR], {(0, 1): qm.Native("y", 0.1)})
    times = pair.periods(1, points=6)
    exact = qm.exact_circuit(pair, times)
    values = []
    for seed in range(RUNS):
        record = draw_record(pair, exact, parse_bases("tomography", 2), 300, seed)
        values.append(chi2.sf(*_chi_square(qm.estimate(record), exact)[:2]))
    low, high = coverage_bounds(0.05, RUNS)
    assert low <= np.mean(np.array(values) < 0.05) <= high


def test_wrong_models_are_rejected():
    """Mutants: p → 1.1 p (at more shots), flipped sign of V, and X and Y exchanged."""
    master = qm.master_equation(MEMRISTOR, TIMES)
    strong = qm.Memristor(qm.SquidRate(0.44), a=np.pi / 4, b=np.pi / 5)
    flipped = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=-np.pi / 5)
    for mutant, shots in ((strong, 50_000), (flipped, 1000)):
        comparison = qm.compare(digital(mutant, 1, shots), master)
        assert comparison.agree is False
        assert "do not agree" in comparison.verdict
    true = digital(MEMRISTOR, 1)
    exchanged = qm.Samples(("Y", "X"), true.samples.counts)
    from dataclasses import replace

    assert qm.compare(replace(true, samples=exchanged), master).agree is False


SETTINGS = ("X", "Y", "Z")


def draws_of_a_decayed_memristor(occupation: float, runs: int, shots: int = 2000):
    """Counts late in a decay: |1> in Z should hardly ever be seen; the state in closed form."""
    decay = 2.0 * np.linspace(3, 6, 12)
    excited = occupation + (np.cos(0.3) ** 2 - occupation) * np.exp(-decay)
    flat = np.full_like(excited, 0.5)
    ones = np.stack([flat, flat, excited], axis=1)
    rng = np.random.default_rng(5)
    drawn = rng.binomial(shots, ones, size=(runs, *ones.shape))
    return np.stack([shots - drawn, drawn], axis=-1), np.stack([1 - ones, ones], axis=-1)


def test_outcomes_that_should_never_be_seen_are_not_lost_in_a_frequent_one():
    """They were pooled with |0>: 2 % of warm counts "agreed" with a cold model."""
    from scipy.stats import chi2

    from qmemcircuit.analysis.counts_test import _homogeneity, pearson

    cold, expected = draws_of_a_decayed_memristor(0.0, RUNS)
    values = [chi2.sf(*pearson(counts, expected)) for counts in cold]
    low, high = coverage_bounds(0.05, RUNS)
    assert low <= np.mean(np.array(values) < 0.05) <= high
    halves = zip(cold[::2], cold[1::2], strict=True)
    both = [
        chi2.sf(*_homogeneity(*(qm.Samples(SETTINGS, counts) for counts in two))) for two in halves
    ]
    low, high = coverage_bounds(0.05, RUNS // 2)
    assert low <= np.mean(np.array(both) < 0.05) <= high
    warm, _ = draws_of_a_decayed_memristor(0.003, 20)
    for counts, other in zip(warm, cold, strict=False):
        assert chi2.sf(*pearson(counts, expected)) < 0.005
        two = (qm.Samples(SETTINGS, one) for one in (counts, other))
        assert chi2.sf(*_homogeneity(*two)) < 0.01


def test_agreement_is_said_in_words_and_numbers():
    comparison = qm.compare(digital(MEMRISTOR, 1), qm.master_equation(MEMRISTOR, TIMES))
    text = str(comparison)
    assert comparison.agree is True
    assert "The two agree within the shots" in text
    assert "form factor" in text
    assert comparison.voltage_residual.shape == (len(TIMES), 1)
    # 31 residuals of unit variance.
    assert 0.5 < np.sqrt(np.mean(comparison.voltage_residual**2)) < 1.6


def test_two_exact_trajectories_are_compared_by_distance():
    comparison = qm.compare(
        qm.exact_circuit(MEMRISTOR, TIMES), qm.master_equation(MEMRISTOR, TIMES)
    )
    assert comparison.agree is None
    assert comparison.trace_distance.max() < 1e-8
    assert "neither side was sampled" in comparison.verdict
    assert comparison.loops_a[0][0].form_factor == pytest.approx(
        comparison.loops_b[0][0].form_factor, abs=1e-6
    )


def test_two_samples_are_compared_with_each_other():
    a, b = digital(MEMRISTOR, 1), digital(MEMRISTOR, 2, shots=3000)
    comparison = qm.compare(a, b)
    assert comparison.p_value > 1e-4
    assert comparison.tested == "counts of both sides"
    strong = qm.Memristor(qm.SquidRate(0.6), a=np.pi / 4, b=np.pi / 5)
    assert qm.compare(digital(strong, 1, 10_000), digital(MEMRISTOR, 2, 10_000)).agree is False


def test_errors_without_counts_are_no_test():
    from dataclasses import replace

    a = replace(digital(MEMRISTOR, 1), samples=None)
    b = replace(qm.master_equation(MEMRISTOR, TIMES), states=None)
    comparison = qm.compare(a, b)
    assert comparison.p_value is None
    assert comparison.agree is None
    assert "not how they are correlated" in comparison.verdict


def test_too_few_counts_are_no_test():
    other = qm.Memristor(qm.ConstantRate(3.0), a=0.1)
    comparison = qm.compare(digital(MEMRISTOR, 1, shots=4), qm.master_equation(other, TIMES))
    assert comparison.agree is None
    assert "too few counts" in comparison.verdict


def test_devices_that_do_not_move_have_no_loops():
    still = qm.Memristor(qm.SquidRate(0.4), a=0.0)
    comparison = qm.compare(digital(still, 1), qm.master_equation(still, TIMES))
    assert comparison.loops_b == ((),)
    assert "agree" in str(comparison)


def test_tables_say_whose_the_numbers_are():
    a, b = qm.exact_circuit(MEMRISTOR, TIMES), qm.master_equation(MEMRISTOR, TIMES)
    assert "RMS of exact circuits − master equation" in str(qm.compare(a, b))
    assert "RMS of digital − master equation" in str(qm.compare(digital(MEMRISTOR, 1), b))
    assert qm.compare(a, a).names == ("exact circuits (first)", "exact circuits (second)")


def test_the_concurrence_of_one_memristor_is_refused_as_such():
    with pytest.raises(ValueError, match="has one; concurrence is of two"):
        qm.exact_circuit(MEMRISTOR, TIMES).concurrence(0, 1)


def test_different_times_are_refused():
    a = qm.exact_circuit(MEMRISTOR, TIMES)
    with pytest.raises(ValueError, match="Argument b must have the times and devices of a"):
        qm.compare(a, qm.exact_circuit(MEMRISTOR, TIMES[:-1]))
    with pytest.raises(ValueError, match="different times"):
        qm.compare(a, qm.exact_circuit(MEMRISTOR, 1.01 * TIMES))
    fast = qm.Memristor(qm.SquidRate(0.4e10), a=0.4, omega=1e10)
    times = fast.periods(1, points=10)
    with pytest.raises(ValueError, match="different times"):
        qm.compare(qm.exact_circuit(fast, times), qm.exact_circuit(fast, 0.5 * times))


def test_times_that_were_not_measured_do_not_count():
    from dataclasses import replace

    master = qm.master_equation(MEMRISTOR, TIMES)
    measured = digital(MEMRISTOR, 1)
    counts = measured.samples.counts.copy()
    counts[[0, 5]] = 0
    partial = replace(measured, samples=qm.Samples(measured.samples.bases, counts))
    for other in (master, digital(MEMRISTOR, 2)):
        comparison = qm.compare(partial, other)
        assert comparison.degrees_of_freedom == 2 * (len(TIMES) - 2)
        assert comparison.p_value > 1e-4
    nothing = replace(measured, samples=qm.Samples(measured.samples.bases, 0 * counts))
    assert qm.compare(nothing, master).agree is None


# The size of the whole verdict

SIZED = {
    "weak signal": (qm.SquidRate(0.4), 300),
    "usual signal": (qm.SquidRate(0.4), 5000),
    "resistor": (qm.ConstantRate(0.4), 5000),
}


def sampled_comparisons(rate, shots: int, seeds, true_rate=None) -> list[qm.Comparison]:
    """Counts of a memristor with `true_rate` (default `rate`), compared with one with `rate`."""
    model = qm.Memristor(rate, a=np.pi / 4, b=np.pi / 5)
    times = model.periods(1, points=12)
    master = true = qm.master_equation(model, times)
    if true_rate is not None:
        true = qm.master_equation(qm.Memristor(true_rate, a=np.pi / 4, b=np.pi / 5), times)
    network = qm.Network([model])
    return [
        qm.compare(
            qm.estimate(
                draw_record(network, true, ("X", "Y"), shots, seed), current="current_operator"
            ),
            master,
        )
        for seed in seeds
    ]


def test_a_true_model_is_said_to_disagree_in_one_run_of_twenty_at_most():
    """χ², the factor on the rates and the loops together, not each by itself."""
    found = [
        comparison
        for case, (rate, shots) in enumerate(SIZED.values())
        for comparison in sampled_comparisons(rate, shots, range(100 * case, 100 * case + 20))
    ]
    disagreeing = sum(comparison.agree is False for comparison in found)
    most = coverage_bounds(0.05, len(found))[1] * len(found)
    assert disagreeing <= most
    # Mutant: a verdict that says no where either p-value is below a fifth.
    smaller = [min(c.p_value, c.rate_factor.p_value) for c in found]
    assert np.sum(np.array(smaller) < 0.2) > most


def test_a_rate_wrong_by_a_tenth_is_said_to_disagree():
    found = sampled_comparisons(qm.SquidRate(0.4), 50_000, range(8), true_rate=qm.SquidRate(0.44))
    assert all(comparison.agree is False for comparison in found)
