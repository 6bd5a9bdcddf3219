"""The classifier: exact classes, bounds that always hold, coverage, false certification."""

from __future__ import annotations

import time

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.circuits.channels.pauli_maps import damping_maps
from qmemcircuit.memory import (
    LeakyBit,
    ProcessRecord,
    classify_memory,
    concurrence_and_assistance,
    design_witness,
    draw_process,
    memory_network,
    memristor_maps,
    prepared_inputs,
    process_record,
    shotwise_maps,
)
from qmemcircuit.memory.witnesses import assistance_bound, concurrence_bound, weights_on_maps

STRONG = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8)


def random_channel(random: np.random.Generator, kraus: int) -> np.ndarray:
    """Haar: on (1, X, Y, Z)."""
    stacked = random.normal(size=(2 * kraus, 2)) + 1j * random.normal(size=(2 * kraus, 2))
    isometry = np.linalg.qr(stacked)[0].reshape(kraus, 2, 2)
    paulis = [np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]
    return np.array(
        [
            [
                sum(np.trace(np.array(p) @ k @ np.array(q) @ k.conj().T).real for k in isometry) / 2
                for q in paulis
            ]
            for p in paulis
        ]
    )


def test_an_amplitude_damping_channel_has_both_numbers_equal():
    for p in (0.0, 0.3, 0.99, 1.0):
        assert concurrence_and_assistance(damping_maps(p)) == pytest.approx(
            (np.sqrt(1 - p), np.sqrt(1 - p)), abs=1e-7
        )


@pytest.mark.parametrize("kraus", [1, 2, 3, 4])
def test_the_linear_bounds_hold_for_every_channel_and_are_tight_for_their_own(kraus):
    random = np.random.default_rng(kraus)
    maps = [random_channel(random, kraus) for _ in range(25)]
    from qmemcircuit.circuits.channels.synthesis import choi_matrix

    own = choi_matrix(maps[0]) / 2
    mixed = 0.999 * own + 0.001 * np.eye(4) / 4
    lower, upper = (
        weights_on_maps(concurrence_bound(mixed)),
        weights_on_maps(assistance_bound(mixed)),
    )
    for item in maps:
        kept, assisted = concurrence_and_assistance(item)
        assert (lower * item).sum() < kept + 1e-9
        assert (upper * item).sum() > assisted - 1e-9
    kept, assisted = concurrence_and_assistance(maps[0])
    if kept > 0.05:
        assert (lower * maps[0]).sum() == pytest.approx(kept, abs=0.02)
    assert (upper * maps[0]).sum() == pytest.approx(assisted, abs=0.05)


@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        (qm.SquidRate(0.4), "divisible"),
        (qm.ConstantRate(0.3), "divisible"),
        (qm.LorentzianRate(1.0, 0.1), "quantum memory"),
        (qm.LorentzianRate(0.04, 0.1), "divisible"),
        (qm.FunctionRate(lambda t: 0.1 + 0.3 * np.sin(t)), "quantum memory"),
    ],
    ids=["SQUID", "constant", "strong", "weak", "dips"],
)
def test_quantum_memory_appears_exactly_where_a_rate_is_negative(rate, kind):
    memristor = qm.Memristor(rate, a=0.8)
    times = np.linspace(0.1, 14.4, 100)
    begun = time.monotonic()
    found = classify_memory(memristor, times)
    assert time.monotonic() - begun < 5
    assert found.kind == kind
    negative = memristor.decay_rate(times).min() < 0
    assert negative == (found.quantum_gap.value > 0) == (found.growth.value > 0)
    assert negative == (found.least_eigenvalue.value < 0)


def test_a_hot_bath_forgets_and_feed_forward_is_never_quantum():
    times = np.linspace(0.2, 14.4, 60)
    hot = qm.Memristor(qm.LorentzianRate(1.0, 0.1), a=0.8, occupation=1.0)
    assert classify_memory(hot, times).kind != "quantum memory"
    random = np.random.default_rng(7)
    for _ in range(20):
        tau, quiet, clicked, amplitude, frequency = random.exponential([2, 0.3, 2, 1, 1])
        drive = qm.Drive("y", amplitude, frequency)
        driven = qm.Memristor(qm.ConstantRate(0.0), a=0.8, drive=drive)
        maps = shotwise_maps(driven, LeakyBit(tau, quiet, clicked), times).sum(axis=1)
        assert classify_memory(maps, times).quantum_gap.value < 1e-9


def test_bounds_cover_and_nothing_false_is_certified():
    """The worst classical device keeps |G1| = |G2|; the certified one comes back from .05 to .486.

    With 200 seeds 2.5 % is 5 ± 2.2; 12 is three standard deviations above.
    """
    times, shots = [1.0, 2.0], 2000
    model = np.array([damping_maps(1 - g**2) for g in (0.05, 0.486)])
    witness = design_witness(model, times)
    true = concurrence_and_assistance(model[1])[0] - concurrence_and_assistance(model[0])[1]
    assert 0.25 < witness.predicted < true == pytest.approx(0.436, abs=1e-3)
    found = [
        classify_memory(draw_process(model, times, shots=shots, seed=k), witness=witness)
        for k in range(200)
    ]
    assert all(one.kind == "quantum memory" for one in found)
    lower = np.array([one.quantum_gap.lower for one in found])
    assert np.mean(lower <= witness.predicted) > 0.94
    width = np.mean([one.quantum_gap.value - one.quantum_gap.lower for one in found])
    scatter = np.std([one.quantum_gap.value for one in found])
    assert width == pytest.approx(1.96 * scatter, rel=0.2)
    for kept in (0.5, 0.2):
        # 3 % depolarising noise on top, at both times.
        null = np.array([damping_maps(1 - kept**2)] * 2)
        null[:, 1:] *= 0.97
        wrong = design_witness(model, times)
        own = design_witness(np.array([damping_maps(1 - (0.97 * kept) ** 2), null[1]]), times)
        for bounds in (wrong, own):
            certified = sum(
                classify_memory(draw_process(null, times, shots=shots, seed=k), witness=bounds).kind
                == "quantum memory"
                for k in range(50)
            )
            assert certified <= 4
    flows = [one.growth.value for one in found]
    assert np.mean(flows) == pytest.approx(
        0.486**2 - 0.05**2, abs=4 * np.std(flows) / np.sqrt(len(flows))
    )


def test_from_circuits_to_the_verdict():
    # The steps of t = 8.25, where hardly anything is left, are a prefix of those of 13.75.
    pair, grid = memory_network(STRONG), 2.75 * np.arange(1, 6)
    how = {"splitting": "couplings_first", "bases": ["XX", "YY", "ZZ"], "shots": 4000}
    records = [
        qm.run(item, grid, target=qm.aer(seed=k), **how)
        for k, item in enumerate(prepared_inputs(pair))
    ]
    witness = design_witness(memristor_maps(STRONG, grid), grid)
    assert (witness.first_time, witness.second_time) == (8.25, 13.75)
    found = classify_memory(process_record(records), witness=witness)
    assert found.kind == "quantum memory"
    # Of a memoryless memristor the same witness certifies nothing.
    memoryless = qm.Memristor(qm.ConstantRate(0.1), a=0.8)
    how = {"bases": ["X", "Y", "Z"], "shots": 4000, "ancilla": "merged"}
    records = [
        qm.run(item, grid, target=qm.aer(seed=k), **how)
        for k, item in enumerate(prepared_inputs(memoryless))
    ]
    assert classify_memory(process_record(records), witness=witness).kind == "undecided"


def test_bad_input():
    times = [1.0, 2.0]
    model = np.array([damping_maps(0.99), damping_maps(0.7)])
    data = draw_process(model, times, shots=100, seed=1)
    with pytest.raises(ValueError, match="witness must be given"):
        classify_memory(data)
    with pytest.raises(ValueError, match="increas"):
        classify_memory(model, [2.0, 1.0])
    with pytest.raises(ValueError, match="increas"):
        ProcessRecord(np.array([2.0, 1.0]), data.means, data.errors)
    with pytest.raises(ValueError, match="at t = 2 the least"):
        classify_memory(np.array([np.eye(4), np.diag([1, 1, 1, -1.0])]), times)
    with pytest.raises(ValueError, match="must hold the witness's times"):
        classify_memory(data, witness=design_witness(model, [1.0, 3.0]))
    rising = qm.Memristor(qm.FunctionRate(lambda t: -0.1 + 0 * t), a=0.8)
    with pytest.raises(ValueError, match="from t = 0 to 1"):
        classify_memory(rising, times)
