"""Thirteen memristors and more: what is judged, mitigated and planned for each of them alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from plain_backend import PlainBackend
from scipy.stats import chi2, kstest, norm

import qmemcircuit as qm
from qmemcircuit.analysis.one_site import Expected, one_site_test
from qmemcircuit.counts import means
from qmemcircuit.counts import readout as readout_room
from qmemcircuit.counts.readout import Readout
from qmemcircuit.runs import precision, references
from qmemcircuit.runs.references import describe_reference, propagated_reference

FIVE = [qm.Memristor(qm.SquidRate(0.3 + 0.1 * k), a=0.5 + 0.1 * k) for k in range(5)]
CHAIN = qm.chain(FIVE, qm.Native("y", 0.1))
TIMES = np.array([1.0, 2.0, 4.5])


@pytest.fixture(autouse=True)
def coarser(monkeypatch):
    """Errors may be four times as large here: less time, and more of them to hold the truth."""
    monkeypatch.setattr(references, "WANTED", 4e-3)


def counts_of_five(shots: int, seed: int, network: qm.Network = CHAIN) -> qm.Record:
    """Counts of the split circuits: their error, 10 steps a time, is far below that of shots."""
    target = qm.aer(seed=seed)
    return qm.run(
        network, TIMES, target=target, shots=shots, bases="Y", splitting="strang", steps=10
    )


@pytest.mark.parametrize(
    "network",
    [
        qm.chain(FIVE[:4], qm.Native("y", 0.1)),
        qm.chain(FIVE[::2], qm.PartialSwap(0.15)),
        qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 3, qm.ControlledRotation("x", 0.15)),
    ],
)
def test_its_error_holds_the_master_equation(network):
    """QuTiP's solver knows no splitting and no Pauli string."""
    found, exact = propagated_reference(network, TIMES), qm.master_equation(network, TIMES)
    for name in ("voltage", "current"):
        apart = np.abs(getattr(found, name) - getattr(exact, name))
        assert np.all(apart <= getattr(found, f"{name}_error") + 1e-12)
    assert found.voltage_error.max() < 5e-3
    wrong = qm.master_equation(qm.Network(network.memristors), TIMES)  # the mutant: not coupled
    assert np.any(np.abs(found.voltage - wrong.voltage) > found.voltage_error)
    slower, faster = (
        qm.master_equation(references._with_factor(network, factor), TIMES).voltage
        for factor in (0.99, 1.01)
    )
    slope = (faster - slower) / 0.02
    assert found.variables["rate_slope"] == pytest.approx(slope, abs=0.05 * np.abs(slope).max())


def test_faults_are_rejected_and_the_right_model_is_not(monkeypatch):
    monkeypatch.setattr(references, "CUT_OFFS", (qm.PauliPropagation(6, 1e-5),))
    record = counts_of_five(8000, 1)
    measured = qm.estimate(record)
    right = qm.compare(measured, propagated_reference(CHAIN, TIMES))
    exact = qm.compare(measured, qm.master_equation(CHAIN, TIMES))
    assert right.agree
    # All outcomes know hardly more of the rates than each memristor's own.
    error = exact.rate_factor.error
    assert right.rate_factor.value == pytest.approx(exact.rate_factor.value, abs=error)
    assert error < right.rate_factor.error < 2 * error
    tenth = [dataclasses.replace(m, rate=qm.SquidRate(1.1 * m.rate.gamma0)) for m in FIVE]
    swapped = [FIVE[k] for k in (0, 3, 2, 1, 4)]
    for members in (tenth, swapped):
        other = propagated_reference(qm.chain(members, qm.Native("y", 0.1)), TIMES)
        assert qm.compare(measured, other).agree is False


def test_shares_of_ones_have_the_probability_that_is_said():
    """Bits of one shot are correlated by a half: p-values are uniform all the same."""
    random, size, shots = np.random.default_rng(5), 8, 200
    chances = random.uniform(0.05, 0.95, size)
    mixing = np.linalg.cholesky(0.5 * np.eye(size) + 0.5)
    found, mutant = [], []
    for _ in range(300):
        seen = random.normal(size=(shots, size)) @ mixing.T < norm.ppf(chances)
        table = np.bincount((seen << np.arange(size)).sum(axis=1), minlength=2**size)
        samples = qm.Samples(("Y" * size,), table[None, None])
        for kept, factor in ((found, 1.0), (mutant, 1.1)):
            expected = Expected(factor * chances[None] / max(1.0, factor), np.zeros((1, size)))
            if factor > 1:
                expected = Expected(np.minimum(factor * chances, 0.99)[None], expected.errors)
            kept.append(chi2.sf(*one_site_test(samples, expected)))
    assert kstest(found, "uniform").pvalue > 1e-4
    assert np.median(mutant) < 0.05


def test_what_tells_nothing_is_refused(monkeypatch):
    """Of what a coarse cut-off leaves over two periods nothing follows: the sentence says so."""
    monkeypatch.setattr(references, "CUT_OFFS", (qm.PauliPropagation(3, 3e-3),))
    weak = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 5, qm.Native("y", 0.1))
    with pytest.raises(ValueError, match="must end where the reference still tells"):
        propagated_reference(weak, weak.periods(2, points=4))
    early = propagated_reference(weak, weak.periods(2, points=4)[:2])
    assert "its error of V is at most" in describe_reference(early)


def test_where_half_as_many_steps_are_out_of_reach_more_is_kept(monkeypatch):
    """The coarse cut-off reaches t = 4 with all steps, and with half as many it does not."""
    cuts = (qm.PauliPropagation(3, 1e-2), qm.PauliPropagation(4, 1e-6))
    monkeypatch.setattr(references, "CUT_OFFS", cuts)
    monkeypatch.setattr(references, "_slope", lambda *_: None)
    network = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 4, qm.Native("y", 0.3))
    found, exact = propagated_reference(network, np.array([4.0])), qm.master_equation(network, [4])
    assert np.all(np.abs(found.voltage - exact.voltage) <= found.voltage_error)
    assert found.provenance["reference"]["largest_weight"] == 4


def test_marginals_give_what_all_outcomes_give(monkeypatch):
    random, size = np.random.default_rng(1), 8
    chances = random.dirichlet(np.full(2**size, 0.05), size=(3, 2))
    bases = ("Y" * size, "XY" * (size // 2))
    runs = tuple(qm.Samples(bases, random.multinomial(n, chances)) for n in (300, 200))
    flips = random.uniform(0.01, 0.1, (size, 2))
    bits = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    prepared = [np.where(bits == k, 1 - flips[:, k], flips[:, k]).prod(axis=1) for k in (0, 1)]
    readout = Readout(random.multinomial(500, prepared))
    terms = {"IIIYIIII": 1.0, "IIXYIIII": np.array([0.3, 0.2, 0.1]), "IIYIIIII": -0.4}

    def read():
        mitigated = qm.MitigatedSamples(qm.Mitigation((1, 3)), runs, readout)
        return np.array([mitigated.combine(terms), means.combine_paulis(runs[0], terms)])

    marginal = read()
    monkeypatch.setattr(means, "ALL_OUTCOMES_UP_TO", 99)
    np.testing.assert_allclose(marginal, read(), rtol=1e-12, atol=1e-14)


def test_error_bars_are_those_that_the_counts_then_have(monkeypatch):
    """Predicted for each memristor alone, obtained from the counts of all of them."""
    six = qm.chain(FIVE[:1] * 6, qm.Native("y", 0.1))
    times = six.periods(1, points=9)
    how = {"shots": 4000, "splitting": "strang", "steps": 2, "bases": "Y", "target": qm.aer(seed=2)}
    obtained = qm.estimate(qm.run(six, times, **how))
    monkeypatch.setattr(precision, "FEWEST_DRAWS", 5)
    planned = qm.plan(six, times, **how).expected
    assert planned.errors["voltage"] == pytest.approx(obtained.voltage_error.max(), rel=0.03)
    assert planned.errors["current"] == pytest.approx(obtained.current_error.max(), rel=0.05)
    loops = [qm.find_loops(obtained, j)[0] for j in range(6)]
    largest = max(loop.form_factor_estimate.standard_error for loop in loops)
    assert planned.errors["form factor"] == pytest.approx(largest, rel=0.25)  # it scatters so
    assert "concurrence" in planned.missing
    swapped = qm.plan(
        qm.chain([FIVE[0]] * 6, qm.PartialSwap(0.1)), [0.5], **(how | {"bases": None})
    )
    assert swapped.expected.missing["current"].startswith("where I is not ΓV")
    assert "voltage" in swapped.expected.errors


def test_of_a_noisy_pair_both_predictions_are_the_same(monkeypatch):
    pair = qm.chain(FIVE[:2], qm.Native("y", 0.1))
    backend = PlainBackend(t1=4e-5, t2=3e-5, gate_error=2e-3, readout=0.03, qubits=4)
    how = {
        "target": qm.device(backend, seed=1),
        "shots": 1000,
        "bases": "Y",
        "mitigation": qm.Mitigation((1, 3)),
    }
    dense = qm.plan(pair, TIMES, **how).expected.errors
    monkeypatch.setattr(precision, "MOST_MEMRISTORS", 1)
    each = qm.plan(pair, TIMES, **how).expected.errors
    assert each == pytest.approx(dense, rel=0.02)
    bare = qm.plan(pair, TIMES, **(how | {"mitigation": None})).expected.errors
    assert each["voltage"] > 1.2 * bare["voltage"]  # what a prediction without it would say


def test_mthree_of_many_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr(readout_room, "_mthree", lambda: None)  # whether it is installed or not
    many = qm.chain(FIVE[:1] * 13, qm.Native("y", 0.1))
    mitigation = qm.Mitigation((1,), inversion="mthree")
    with pytest.raises(ValueError, match="must be 'tensored' for 13 memristors"):
        qm.plan(many, [0.5], target=qm.aer(seed=1), shots=10, bases="Y", mitigation=mitigation)
