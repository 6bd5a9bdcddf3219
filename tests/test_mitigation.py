"""Mitigation: oracles are known flips, a polynomial noise, mthree, and the spread over seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.devices import device
from qmemcircuit.mitigation import (
    MitigatedMeans,
    Readout,
    measure_readout,
    mitigate,
    mitigated_means,
    states_of_means,
)
from qmemcircuit.observables import expectation, pauli_matrix, trace_distance

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
    from qmemcircuit.observables import outcome_probabilities

    return np.array([joint @ outcome_probabilities(state[None], s)[0] for s in SETTINGS])


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
    corrected = MitigatedMeans((samples,), (1,), Readout(FLIPS, 10**9), 0)
    for label in ("XI", "IZ", "XY", "ZZ"):
        wanted = expectation(state[None], pauli_matrix(label))[0]
        assert corrected.combine({label: 1.0})[0][0] == pytest.approx(wanted, abs=1e-9)
    assert trace_distance(corrected.states(), state[None])[0] < 1e-9
    raw = MitigatedMeans((samples,), (1,), None, 0)
    assert trace_distance(raw.states(), state[None])[0] > 0.01


def test_without_flips_and_folds_it_is_estimate() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.2), a=0.8)
    record = qm.run(memristor, memristor.periods(2, points=12), target=qm.aer(seed=1), shots=500)
    plain, same = qm.estimate(record), mitigate(record)
    np.testing.assert_allclose(same.voltage, plain.voltage, atol=1e-14)
    np.testing.assert_allclose(same.voltage_error, plain.voltage_error, rtol=1e-12)
    np.testing.assert_allclose(same.current, plain.current, atol=1e-13)


def test_mthree_agrees() -> None:
    """mthree 3.0, an independent implementation, on the same counts and the same flips."""
    mthree = pytest.importorskip("mthree")
    state = _random_state(5)
    samples = _samples(_probabilities(state, FLIPS), 20_000, 3)
    mitigation = mthree.M3Mitigation(None)
    mitigation.cals_from_matrices([np.array([[1 - a, b], [a, 1 - b]]) for a, b in FLIPS])
    ours = MitigatedMeans((samples,), (1,), Readout(FLIPS, 10**9), 0)
    for place, setting in enumerate(SETTINGS):
        counts = {f"{k:02b}": int(n) for k, n in enumerate(samples.counts[0, place]) if n}
        quasi = mitigation.apply_correction(counts, [0, 1], distance=2)
        theirs = sum(weight * (-1) ** key.count("1") for key, weight in quasi.items())
        assert ours.combine({setting: 1.0})[0][0] == pytest.approx(theirs, abs=1e-6)


def test_errors_are_the_spread_over_seeds() -> None:
    state, shots = _random_state(1), 400
    readout = Readout(FLIPS, 10**9)
    values, errors = [], []
    for seed in range(300):
        runs = tuple(
            _samples(_probabilities(state, FLIPS), shots, 1000 * k + seed) for k in range(3)
        )
        mean, error = MitigatedMeans(runs, (1, 3, 5), readout, 1).combine({"XY": 1.0})
        values.append(mean[0])
        errors.append(error[0])
    # The sample deviation of 300 values is itself uncertain by 1/√600 = 4 %; 4 of those allowed.
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.16)
    single = MitigatedMeans(runs[:1], (1,), None, 0).combine({"XY": 1.0})[1][0]
    # The mutant: an error bar that forgets the price of mitigation would be 40 % too small.
    assert np.std(values) > 1.25 * single


def test_the_calibrations_uncertainty_is_in_the_error() -> None:
    state = _random_state(2)
    samples = _samples(_probabilities(state, FLIPS), 10**9, None)
    known = MitigatedMeans((samples,), (1,), Readout(FLIPS, 10**9), 0).combine({"ZZ": 1.0})
    rough = MitigatedMeans((samples,), (1,), Readout(FLIPS, 100), 0).combine({"ZZ": 1.0})
    assert rough[1][0] > 50 * known[1][0]


@pytest.mark.parametrize("order", [1, 2])
def test_a_polynomial_noise_is_extrapolated_exactly(order: int) -> None:
    clean, dirty = _random_state(3), np.eye(4) / 4
    factors = (1, 3, 5, 7)
    runs = []
    for factor in factors:
        share = 0.03 * factor + (0.002 * factor**2 if order == 2 else 0.0)
        mixed = (1 - share) * clean + share * dirty
        runs.append(_samples(_probabilities(mixed, 0 * FLIPS), 10**12, None))
    means = MitigatedMeans(tuple(runs), factors, None, order)
    assert means.coefficients.sum() == pytest.approx(1, abs=1e-12)
    assert trace_distance(means.states(), clean[None])[0] < 1e-8
    assert trace_distance(replace(means, order=order - 1).states(), clean[None])[0] > 0.004


def test_it_helps_on_a_noise_model_from_end_to_end() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.05), a=np.pi / 4)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 1 / 15)})
    times = np.array([10.0, 20.0])
    backend = PlainBackend(t1=1e-3, t2=2e-3, gate_error=5e-4, readout=0.04)
    circuits = qm.build_circuits(pair, times, splitting="compiled")
    target = device(backend, seed=2).place(circuits)
    records = [
        qm.run(pair, times, target=replace(target, fold=f), shots=20_000, splitting="compiled")
        for f in (1, 3, 5)
    ]
    readout = measure_readout(target, 2, shots=20_000)
    # Four flips at 4 standard errors of 0.0014, and 5e-4 of gate error in the preparation of |1>.
    assert np.abs(readout.flips - 0.04).max() < 0.0061
    exact = qm.exact_circuit(pair, times, splitting="compiled").states
    raw = trace_distance(qm.estimate(records[0]).states, exact).max()
    read = trace_distance(mitigate(records[0], readout=readout).states, exact).max()
    both = mitigate(records, readout=readout)
    assert both.provenance["factors"] == [1, 3, 5]
    assert trace_distance(both.states, exact).max() < 0.6 * read < 0.6 * raw
    error = mitigated_means(records, readout=readout).concurrence_error(repetitions=50, seed=1)
    assert np.all((error > 0.003) & (error < 0.05))


def test_states_of_means_are_physical() -> None:
    labels = [a + b for a in "IXYZ" for b in "IXYZ"][1:]
    means = {label: np.array([0.9]) for label in labels}
    found = states_of_means(means)
    assert np.linalg.eigvalsh(found).min() > -1e-12
    assert np.trace(found[0]).real == pytest.approx(1)


def test_bad_input() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.2), a=0.8)
    one = qm.run(memristor, [0.5, 1.0], target=qm.aer(seed=1), shots=50)
    other = qm.run(memristor, [0.5, 2.0], target=qm.aer(seed=1), shots=50)
    with pytest.raises(ValueError, match="same times"):
        mitigate([one, other])
    with pytest.raises(ValueError, match="different factors"):
        mitigate([one, one])
    with pytest.raises(ValueError, match="must measure"):
        mitigated_means([one]).combine({"Z": 1.0})
    with pytest.raises(ValueError, match="layout fixed"):
        measure_readout(device(PlainBackend(), seed=1), 1, shots=10)
