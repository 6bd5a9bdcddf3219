from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from scipy.stats import chi2

import qmemcircuit as qm
from qmemcircuit.analysis.comparison import compare
from qmemcircuit.simulation import targets

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
TIMES = MEMRISTOR.periods(0.5, points=12)


def aer_sampler(seed: int):
    from qiskit_aer.primitives import SamplerV2

    # SamplerV2 builds its own AerSimulator; the method must be named, automatic is 50 times slower.
    return SamplerV2(seed=seed, options={"backend_options": {"method": "density_matrix"}})


def chi_square(first: qm.Record, second: qm.Record) -> tuple[float, int]:
    """Homogeneity χ² of two sets of counts, all cells (no cell is rare here)."""
    a, b = first.samples.counts.astype(float), second.samples.counts.astype(float)
    ratio = np.sqrt(b.sum(axis=2, keepdims=True) / a.sum(axis=2, keepdims=True))
    total = np.sum((ratio * a - b / ratio) ** 2 / (a + b))
    return float(total), a.shape[0] * a.shape[1] * (a.shape[2] - 1)


@pytest.mark.parametrize("ancilla", ["reset", "fresh", "merged"])
def test_one_pass_sampling_has_the_distribution_of_brute_force(ancilla):
    fast = qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=20_000)
    slow = qm.run(
        MEMRISTOR, TIMES, target=qm.sampler(aer_sampler(2)), shots=20_000, ancilla=ancilla
    )
    statistic, degrees = chi_square(fast, slow)
    assert 1e-4 < chi2.sf(statistic, degrees) < 1 - 1e-4


def test_brute_force_rejects_a_stronger_damping():
    """The mutant: p → about 1.1 p in one of the two."""
    mutant = qm.Memristor(qm.SquidRate(0.44), a=np.pi / 4, b=np.pi / 5)
    times = MEMRISTOR.periods(1, points=12)
    fast = qm.run(mutant, times, target=qm.aer(seed=1), shots=60_000)
    slow = qm.run(MEMRISTOR, times, target=qm.sampler(aer_sampler(2)), shots=60_000)
    statistic, degrees = chi_square(fast, slow)
    assert chi2.sf(statistic, degrees) < 1e-4


def test_pairs_too_and_the_bits_are_not_swapped():
    up = qm.Memristor(qm.ConstantRate(0.3), a=0.2)
    down = qm.Memristor(qm.ConstantRate(0.1), a=1.3)
    pair = qm.Network([up, down], {(0, 1): qm.ControlledRotation("x", 0.5)})
    fast = qm.run(pair, [0.0, 0.7], target=qm.aer(seed=1), shots=20_000)
    slow = qm.run(pair, [0.0, 0.7], target=aer_sampler(2), shots=20_000)
    statistic, degrees = chi_square(fast, slow)
    assert 1e-4 < chi2.sf(statistic, degrees) < 1 - 1e-4
    swapped = qm.Samples(slow.samples.bases, slow.samples.counts[:, :, [0, 2, 1, 3]])
    mutant = qm.Record(slow.network, slow.times, swapped)
    assert chi2.sf(*chi_square(fast, mutant)) < 1e-4


def test_the_seed_fixes_the_counts_and_is_recorded():
    first, second, other = (
        qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=seed), shots=100) for seed in (5, 5, 6)
    )
    assert np.array_equal(first.samples.counts, second.samples.counts)
    assert not np.array_equal(first.samples.counts, other.samples.counts)
    assert first.provenance["target"]["seed"] == 5
    drawn = qm.aer()
    assert isinstance(drawn.seed, int)


def test_last_bits_of_the_states_do_not_change_the_counts(monkeypatch):
    """Another machine's rounding: the counts must not, and without the rounding they do."""
    pair = qm.Network([qm.Memristor(qm.SquidRate(0.4), a=0.8)] * 2, {(0, 1): qm.Native("y", 0.3)})
    circuits = qm.build_circuits(pair, np.linspace(0, 20, 41))
    chances = targets.setting_probabilities(circuits)
    random = np.random.default_rng(5)
    seeds = range(10)

    def differing():
        found = 0
        for seed in seeds:
            relative = random.uniform(-1e-15, 1e-15, chances.shape)
            absolute = random.uniform(0, 1e-17, chances.shape)  # where a zero is no zero
            changed = chances * (1 + relative) + absolute
            changed = changed / changed.sum(axis=2, keepdims=True)
            counts = []
            for given in (chances, changed):
                monkeypatch.setattr(targets, "setting_probabilities", lambda _, given=given: given)
                counts.append(qm.aer(seed=seed).sample(circuits, 1000))
            found += not np.array_equal(*counts)
        return found

    assert differing() == 0
    monkeypatch.setattr(targets, "rounded", lambda probabilities: probabilities)
    assert differing() >= len(seeds) // 2


def test_statevector_sampler_is_refused_by_name_on_reset():
    from qiskit.primitives import StatevectorSampler

    with pytest.raises(ValueError, match="StatevectorSampler follows one random branch"):
        qm.run(MEMRISTOR, TIMES, target=StatevectorSampler(seed=1), shots=10)
    # Without a reset it is right, and allowed.
    fine = StatevectorSampler(seed=np.random.default_rng(1))
    record = qm.run(MEMRISTOR, TIMES, target=fine, shots=2000, ancilla="fresh")
    comparison = compare(
        qm.estimate(record, current="current_operator"), qm.exact_circuit(MEMRISTOR, TIMES)
    )
    assert comparison.p_value > 1e-4


def _repeating_samplers():
    from qiskit.primitives import StatevectorSampler
    from qiskit_ibm_runtime.executor_sampler import Sampler
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    local = Sampler(mode=FakeManilaV2(), options={"simulator": {"seed_simulator": 3}})
    return StatevectorSampler(seed=3), local


@pytest.mark.parametrize("place", [0, 1])
def test_samplers_that_repeat_their_random_numbers_are_refused(place):
    repeating = _repeating_samplers()[place]
    with pytest.raises(ValueError, match="new random numbers for every circuit"):
        qm.run(MEMRISTOR, TIMES, target=repeating, shots=10, ancilla="fresh")


def test_they_do_repeat_them():
    """The evidence: eight fair coins, all with the same number of heads; Aer's sampler differs."""
    coin = QuantumCircuit(1, 1)
    coin.sx(0)
    coin.measure(0, 0)
    heads = []
    for primitive in (*_repeating_samplers(), aer_sampler(3)):
        result = primitive.run([(coin,)] * 8, shots=1000).result()
        heads.append({item.data.c.get_counts()["1"] for item in result})
    assert [len(found) for found in heads[:2]] == [1, 1]
    assert len(heads[2]) > 4


@pytest.mark.parametrize("shots", [0, -1, 2.5, True, "many", None])
def test_bad_shots_are_named(shots):
    with pytest.raises((ValueError, TypeError), match="Argument shots must be"):
        qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=shots)


def test_bad_targets_are_named():
    with pytest.raises(TypeError, match="Argument target must be a target such as aer"):
        qm.run(MEMRISTOR, TIMES, target="aer", shots=10)
    with pytest.raises(TypeError, match="Argument primitive must be a BaseSamplerV2"):
        qm.sampler("aer")
    with pytest.raises(ValueError, match="Argument seed must be at least 0"):
        qm.aer(seed=-1)


def test_a_sampler_that_is_too_small_names_qubits_and_remedy():
    from qiskit.primitives import StatevectorSampler

    for primitive in (aer_sampler(1), StatevectorSampler()):
        with pytest.raises(ValueError, match="has 61; use ancilla='reset'"):
            qm.run(MEMRISTOR, [6.0], target=primitive, shots=5, ancilla="fresh", steps=60)


def test_larger_networks_are_sampled_with_what_the_estimate_needs():
    chain = qm.chain([MEMRISTOR] * 8, qm.Native("x", 0.1))
    record = qm.run(chain, [0.0, 0.5], target=qm.aer(seed=1), shots=2000)
    found = qm.estimate(record)
    exact = qm.exact_circuit(chain, [0.0, 0.5])
    # 32 numbers within five standard errors: 2e-5 by chance.
    assert np.all(np.abs(found.voltage - exact.voltage) < 5 * found.voltage_error)
    assert np.all(np.abs(found.current - exact.current) < 5 * found.current_error)
