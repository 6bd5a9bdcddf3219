"""Mitigation: oracles are known flips, a polynomial noise, mthree, and the spread over seeds."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.common.states import (
    expectation,
    outcome_probabilities,
    pauli_matrix,
    trace_distance,
)
from qmemcircuit.counts.means import states_of_means
from qmemcircuit.counts.mitigated import MitigatedSamples
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.readout import Readout, confusion_matrix
from qmemcircuit.devices.target import device
from qmemcircuit.runs.measurement import measure_readout

FLIPS = np.array([[0.03, 0.08], [0.01, 0.05]])
SETTINGS = tuple(a + b for a in "XYZ" for b in "XYZ")


def _random_state(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    root = random.normal(size=(4, 4)) + 1j * random.normal(size=(4, 4))
    state = root @ root.conj().T
    return state / np.trace(state)


def _probabilities(state: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """Return the probabilities of all settings with flips, (9, 4): written out independently."""
    confusion = [np.array([[1 - a, b], [a, 1 - b]]) for a, b in flips]
    joint = np.kron(confusion[1], confusion[0])
    return np.array([joint @ outcome_probabilities(state[None], s)[0] for s in SETTINGS])


def _readout(flips: np.ndarray, shots: int) -> Readout:
    """Return a calibration that found just these flips."""
    table = []
    for place in (0, 1):
        ones = np.array([pair[0] if place == 0 else 1 - pair[1] for pair in flips])
        outcomes = np.arange(2 ** len(flips))
        chances = np.ones(outcomes.size)
        for j, one in enumerate(ones):
            chances *= np.where((outcomes >> j) & 1, one, 1 - one)
        table.append(np.round(chances * shots))
    return Readout(np.array(table, dtype=np.int64))


def _mitigated(
    runs: tuple[qm.Samples, ...],
    readout: Readout | None = None,
    *,
    factors: tuple[int, ...] = (1,),
    order: int | None = None,
) -> MitigatedSamples:
    mitigation = Mitigation(factors, order=order, readout=readout is not None)
    return MitigatedSamples(mitigation, runs, readout)


def _samples(probabilities: np.ndarray, shots: int, seed: int | None) -> qm.Samples:
    if seed is None:
        counts = np.round(probabilities * shots).astype(np.int64)
    else:
        counts = np.random.default_rng(seed).multinomial(shots, probabilities)
    return qm.Samples(SETTINGS, counts[None])


@pytest.mark.parametrize("seed", range(3))
def test_known_flips_are_undone_exactly(seed: int) -> None:
    state = _random_state(seed)
    samples = _samples(_probabilities(state, FLIPS), 10**12, None)
    corrected = _mitigated((samples,), _readout(FLIPS, 10**12))
    for label in ("XI", "IZ", "XY", "ZZ"):
        wanted = expectation(state[None], pauli_matrix(label))[0]
        assert corrected.combine({label: 1.0})[0][0] == pytest.approx(wanted, abs=1e-9)
    assert trace_distance(corrected.states(), state[None])[0] < 1e-9
    raw = _mitigated((samples,))
    assert trace_distance(raw.states(), state[None])[0] > 0.01


def test_without_flips_and_folds_it_is_estimate() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.2), a=0.8)
    record = qm.run(
        memristor,
        memristor.periods(2, points=12),
        target=qm.aer(seed=1),
        shots=500,
        mitigation=Mitigation(readout=False),
    )
    plain, same = qm.estimate(record), qm.mitigate(record)
    for name in ("voltage", "voltage_error", "current", "current_error"):
        np.testing.assert_array_equal(getattr(same, name), getattr(plain, name))


@pytest.mark.parametrize("shots", [20_000, 10])
def test_mthree_does_what_its_own_solver_does(shots: int) -> None:
    """The weights that we take from mthree's matrix against mthree's own quasi-probabilities."""
    mthree = pytest.importorskip("mthree")
    samples = _samples(_probabilities(_random_state(5), FLIPS), shots, 3)
    readout = _readout(FLIPS, 10**9)
    mitigation = mthree.M3Mitigation(None)
    mitigation.cals_from_matrices([confusion_matrix(pair) for pair in FLIPS])
    ours = MitigatedSamples(Mitigation(inversion="mthree"), (samples,), readout)
    seen_all = True
    for place, setting in enumerate(SETTINGS):
        counts = {f"{k:02b}": int(n) for k, n in enumerate(samples.counts[0, place]) if n}
        seen_all &= len(counts) == 4
        quasi = mitigation.apply_correction(counts, [0, 1], distance=2)
        theirs = sum(weight * (-1) ** key.count("1") for key, weight in quasi.items())
        # The calibration was rounded to 1e-9; quasi-probabilities are single precision.
        assert ours.combine({setting: 1.0})[0][0] == pytest.approx(theirs, abs=1e-6)
    # 10 shots leave an outcome unseen somewhere, so that its subspace is put to the test.
    assert seen_all == (shots == 20_000)


def test_mthree_is_the_tensored_inverse_where_all_outcomes_were_seen() -> None:
    samples = _samples(_probabilities(_random_state(5), FLIPS), 20_000, 3)
    tensored = _mitigated((samples,), _readout(FLIPS, 10**6))
    by_mthree = replace(tensored, mitigation=Mitigation(inversion="mthree"))
    for label in ("XI", "IZ", "XY", "ZZ"):
        for one, other in zip(
            tensored.combine({label: 1.0}), by_mthree.combine({label: 1.0}), strict=True
        ):
            # mthree holds its matrices in single precision.
            np.testing.assert_allclose(other, one, atol=1e-6)


def test_without_mthree_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mthree", None)
    with pytest.raises(ImportError, match=r"pip install 'qmemcircuit\[mitigation\]'"):
        Mitigation(inversion="mthree")


def test_an_mthree_that_does_not_load_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its compiled part may not load (no static TLS left): installing it again helps nobody."""
    (tmp_path / "mthree.py").write_text("raise ImportError('no static TLS')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mthree", raising=False)
    with pytest.raises(ImportError, match=r"cannot be loaded.*fails with: no static TLS"):
        Mitigation(inversion="mthree")


def test_errors_are_the_spread_over_seeds() -> None:
    state, shots = _random_state(1), 400
    readout = _readout(FLIPS, 10**9)
    values, errors = [], []
    for seed in range(300):
        runs = tuple(
            _samples(_probabilities(state, FLIPS), shots, 1000 * k + seed) for k in range(3)
        )
        mean, error = _mitigated(runs, readout, factors=(1, 3, 5)).combine({"XY": 1.0})
        values.append(mean[0])
        errors.append(error[0])
    # The sample deviation of 300 values is itself uncertain by 1/√600 = 4 %; 4 of those allowed.
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.16)
    single = _mitigated(runs[:1]).combine({"XY": 1.0})[1][0]
    # The mutant: an error bar that forgets the price of mitigation would be 40 % too small.
    assert np.std(values) > 1.25 * single


def test_the_calibrations_uncertainty_is_in_the_error() -> None:
    """Counts without shot noise, so that the calibration's own 1000 shots are all the noise."""
    samples = _samples(_probabilities(_random_state(2), FLIPS), 10**9, None)
    exact = _readout(FLIPS, 10**9)
    random = np.random.default_rng(7)
    values, errors = [], []
    for _ in range(300):
        drawn = Readout(
            np.array([random.multinomial(1000, row / row.sum()) for row in exact.counts])
        )
        mean, error = _mitigated((samples,), drawn).combine({"ZZ": 1.0})
        values.append(mean[0])
        errors.append(error[0])
    # As above, 16 % is four times the uncertainty of a deviation from 300 values.
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.16)
    # The mutant: an error bar of the shots alone would be far too small.
    assert np.std(values) > 20 * _mitigated((samples,), exact).combine({"ZZ": 1.0})[1][0]


@pytest.mark.parametrize("order", [1, 2])
def test_a_polynomial_noise_is_extrapolated_exactly(order: int) -> None:
    clean, dirty = _random_state(3), np.eye(4) / 4
    factors = (1, 3, 5, 7)
    runs = []
    for factor in factors:
        share = 0.03 * factor + (0.002 * factor**2 if order == 2 else 0.0)
        mixed = (1 - share) * clean + share * dirty
        runs.append(_samples(_probabilities(mixed, 0 * FLIPS), 10**12, None))
    mitigated = _mitigated(tuple(runs), factors=factors, order=order)
    assert mitigated.coefficients("XX").sum() == pytest.approx(1, abs=1e-12)
    assert trace_distance(mitigated.states(), clean[None])[0] < 1e-8
    lower = _mitigated(tuple(runs), factors=factors, order=order - 1)
    assert trace_distance(lower.states(), clean[None])[0] > 0.004


def test_it_helps_on_a_noise_model_from_end_to_end() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.05), a=np.pi / 4)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 1 / 15)})
    times = np.array([10.0, 20.0])
    backend = PlainBackend(t1=1e-3, t2=2e-3, gate_error=5e-4, readout=0.04)
    record = qm.run(
        pair,
        times,
        target=device(backend, seed=2),
        shots=20_000,
        splitting="compiled",
        mitigation=Mitigation(factors=(1, 3, 5)),
    )
    assert record.mitigated is not None
    readout = record.mitigated.readout
    assert readout is not None
    # Four flips at 4 standard errors of 0.0014, and 5e-4 of gate error in the preparation of |1>.
    assert np.abs(readout.flips - 0.04).max() < 0.0061
    exact = qm.exact_circuit(pair, times, splitting="compiled").states
    alone = MitigatedSamples(Mitigation(), (record.samples,), readout)
    raw = trace_distance(qm.estimate(record).states, exact).max()
    read = trace_distance(qm.mitigate(replace(record, mitigated=alone)).states, exact).max()
    both = qm.mitigate(record)
    assert both.provenance["mitigation"]["factors"] == [1, 3, 5]
    assert trace_distance(both.states, exact).max() < 0.6 * read < 0.6 * raw


def test_no_two_runs_share_their_shots() -> None:
    """The mutant: one seed for all runs makes their counts move together."""
    memristor = qm.Memristor(qm.ConstantRate(0.0), a=0.8)
    times = np.linspace(0, 1, 40)
    target = device(PlainBackend(t1=10.0, t2=10.0, gate_error=1e-9, readout=0.04), seed=2)
    record = qm.run(
        memristor, times, target=target, shots=1000, mitigation=Mitigation(factors=(1, 3))
    )
    assert record.mitigated is not None
    first, second = (run.counts[:, 1, 0].astype(float) for run in record.mitigated.runs)
    expected = 1000 * target.probabilities(qm.build_circuits(memristor, times))[:, 1, 0]
    correlation = np.corrcoef(first - expected, second - expected)[0, 1]
    # 40 independent pairs correlate by 1/√40 = 0.16; 4 of those. With one seed it is above 0.9.
    assert abs(correlation) < 0.64
    zeros, ones = record.mitigated.readout.counts
    assert zeros[1] != ones[0]


def test_states_of_means_are_physical() -> None:
    labels = [a + b for a in "IXYZ" for b in "IXYZ"][1:]
    means = {label: np.array([0.9]) for label in labels}
    found = states_of_means(means)
    assert np.linalg.eigvalsh(found).min() > -1e-12
    assert np.trace(found[0]).real == pytest.approx(1)


@pytest.mark.parametrize("inversion", ["tensored", "mthree"])
def test_a_record_and_its_result_come_back_from_file(tmp_path: Path, inversion: str) -> None:
    memristor = qm.Memristor(qm.SquidRate(0.2), a=0.8)
    record = qm.run(
        memristor,
        memristor.periods(1, points=12),
        target=device(PlainBackend(), seed=1),
        shots=300,
        bases="tomography",
        mitigation=Mitigation(factors=(1, 3), inversion=inversion),
    )
    again = qm.Record.load(record.save(tmp_path / "record.json"))
    assert again.mitigated is not None
    assert again.mitigated.mitigation == record.mitigated.mitigation
    assert again.provenance["mitigation"]["inversion"] == inversion
    found = qm.mitigate(again)
    np.testing.assert_array_equal(found.voltage, qm.mitigate(record).voltage)
    reloaded = qm.Trajectory.load(found.save(tmp_path / "mitigated.npz"))
    assert reloaded.mitigated is not None
    for name, counts in record.mitigated.arrays().items():
        np.testing.assert_array_equal(reloaded.mitigated.arrays()[name], counts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": (1, 2)}, "odd"),
        ({"factors": (3, 5)}, "increase from 1"),
        ({"factors": (1, 1)}, "increase from 1"),
        ({"factors": (1, 3), "order": 2}, "below the number of factors"),
        ({"inversion": "other"}, "'tensored' or 'mthree'"),
    ],
)
def test_a_bad_declaration_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mitigation(**arguments)


def test_bad_input() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.2), a=0.8)
    with pytest.raises(ValueError, match="none was declared"):
        qm.mitigate(qm.run(memristor, [0.5, 1.0], target=qm.aer(seed=1), shots=50))
    with pytest.raises(ValueError, match="cannot be amplified"):
        qm.run(
            memristor,
            [0.5],
            target=qm.aer(seed=1),
            shots=50,
            mitigation=Mitigation(factors=(1, 3)),
        )
    with pytest.raises(TypeError, match="must be a Mitigation"):
        qm.run(memristor, [0.5], target=qm.aer(seed=1), shots=50, mitigation="zne")
    with pytest.raises(TypeError, match="True or False"):
        Mitigation(readout="mthree")
    with pytest.raises(TypeError, match="sequence of integers, but 3 was given"):
        Mitigation(3)
    with pytest.raises(ValueError, match="layout fixed"):
        measure_readout(device(PlainBackend(), seed=1), 1, shots=10)
    one = qm.Samples(("X",), np.array([[[5, 5]]]))
    other = qm.Samples(("X",), np.array([[[5, 5]], [[5, 5]]]))
    with pytest.raises(ValueError, match="same times and settings"):
        _mitigated((one, other), factors=(1, 3))


def test_a_readout_no_better_than_chance_keeps_the_raw_counts(tmp_path: Path) -> None:
    """Nothing measured is lost: the record is whole, and only mitigation says what is wrong."""
    memristor = qm.Memristor(qm.SquidRate(0.2), a=0.8)
    times = memristor.periods(1, points=12)
    record = qm.run(memristor, times, target=qm.aer(seed=1), shots=50, mitigation=Mitigation())
    assert record.mitigated is not None
    blind = replace(record.mitigated, readout=Readout(np.array([[10, 90], [10, 90]])))
    again = qm.Record.load(replace(record, mitigated=blind).save(tmp_path / "blind.json"))
    assert qm.estimate(again).voltage.shape == (times.size, 1)
    with pytest.raises(ValueError, match="better than chance"):
        qm.mitigate(again)
    with pytest.raises(ValueError, match="counts of samples as its first run"):
        replace(record, samples=qm.Samples(record.samples.bases, record.samples.counts + 1))


def test_booleans_are_booleans() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.2), a=0.8)
    with pytest.raises(TypeError, match="absorb_decay must be True or False, but 'no'"):
        qm.run(memristor, [0.5], target=device(PlainBackend()), shots=9, absorb_decay="no")
    for name in ("schedule", "select_forms", "fold_all", "service_twirling"):
        with pytest.raises(TypeError, match=f"{name} must be True or False"):
            device(PlainBackend(), **{name: "no"})
    for name in ("twirling", "fractional_gates"):
        with pytest.raises(TypeError, match=f"{name} must be True or False"):
            qm.ibm("fake_manila", channel="local", **{name: "False"})
