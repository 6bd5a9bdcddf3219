"""Several uncoupled memristors, each with its own halves: all combinations run with equal shots."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.runs.jobs.collection import collect
from qmemcircuit.runs.jobs.ibm import ibm
from qmemcircuit.runs.jobs.submission import submit
from qmemcircuit.simulation.exact import circuit_states

WARM = qm.Memristor(qm.SquidRate(0.5), a=0.8, b=0.6, occupation=0.4)
DRIVEN = qm.Memristor(qm.SquidRate(0.5), a=0.3, drive=qm.Drive("x", 0.3, frequency=1.1))
COLD = qm.Memristor(qm.SquidRate(0.3), a=0.5)
TIMES = np.array([0.0, 0.7, 5.0])
NOISY = {"t1": 4e-5, "t2": 3e-5, "gate_error": 2e-3, "readout": 0.03}
MERGED = {"ancilla": "merged", "bases": ["XX", "YY", "ZZ"]}


def product_of(members) -> np.ndarray:
    """Each memristor's master equation by itself, (T, 2^M, 2^M)."""
    alone = [qm.master_equation(item, TIMES).states for item in members]
    return reduce(
        lambda low, high: np.einsum("tij,tkl->tkilj", low, high).reshape(
            TIMES.size, 2 * low.shape[1], 2 * low.shape[1]
        ),
        alone,
    )


def test_the_mean_of_the_branches_is_every_memristors_master_equation():
    members = [WARM, COLD, DRIVEN]
    network = qm.Network(members)
    circuits = qm.build_circuits(network, TIMES, ancilla="merged")
    assert len(circuits.branches) == 4  # the cold one takes one circuit
    gates = {b.evolution(2).num_nonlocal_gates() for b in circuits.branches}
    assert gates == {6}
    expected = product_of(members)
    found = qm.exact_circuit(network, TIMES, ancilla="merged").states
    assert found == pytest.approx(expected, abs=1e-8)
    aer = qm.exact_circuit(network, TIMES[1:2], ancilla="merged", engine="aer").states
    assert aer == pytest.approx(found[1:2], abs=1e-12)
    # The mutant: both memristors always in the same half are correlated, though each is right.
    same = np.mean([circuit_states(circuits.branches[k]) for k in (0, 3)], axis=0)
    assert np.abs(same - expected).max() > 1e-3


def test_shots_are_split_over_all_combinations_in_runs_and_rehearsals():
    pair = qm.Network([WARM, DRIVEN])
    record = qm.run(pair, TIMES, target=qm.aer(seed=4), shots=8000, **MERGED)
    assert np.all(record.samples.shots == 8000)
    truth = np.einsum("tij,ji->t", product_of([WARM, DRIVEN]), np.kron(*2 * [[[0, -1j], [1j, 0]]]))
    mean, error = qm.pauli_mean(record.samples, "YY")
    assert np.abs((mean - truth.real) / error).max() < 3.5  # 3 values: 0.14 % by chance
    with pytest.raises(ValueError, match=r"a multiple of 4 .* take 8004"):
        qm.run(pair, TIMES, target=qm.aer(seed=4), shots=8001, **MERGED)


def test_rehearsals_and_noisy_states_are_those_of_the_branches():
    target = qm.device(PlainBackend(**NOISY), seed=1)
    options = {"target": target, "mitigation": qm.Mitigation((1, 3), readout=True)}
    measured = (DRIVEN, TIMES[1:])
    rehearsal = qm.rehearse(*measured, ancilla="merged", bases="Y", **options)
    assert rehearsal.probabilities[0].shape == (2, 2, 1, 2)
    record = qm.run(*measured, ancilla="merged", bases="Y", shots=4000, **options)
    mean, error = record.mitigated.combine({"Y": 1.0})
    random = np.random.default_rng(5)
    draws = [rehearsal.draw(4000, random).combine({"Y": 1.0})[0] for _ in range(100)]
    # One run beside the mean of a hundred: two times, 0.14 % by chance.
    assert np.abs((mean - np.mean(draws, axis=0)) / error).max() < 3.4
    # 100 draws know a spread to 7 %.
    assert np.std(draws, axis=0, ddof=1) == pytest.approx(error, rel=0.3)
    with pytest.raises(ValueError, match="a multiple of 2"):
        rehearsal.draw(4001, random)
    # An almost perfect device: what its T1 and T2 of an hour do to pulses of 50 ns.
    quiet = qm.device(PlainBackend(t1=3600.0, t2=3600.0, gate_error=0.0), seed=1)
    found = qm.device_states(DRIVEN, TIMES[2:], ancilla="merged", target=quiet).states
    assert found == pytest.approx(qm.master_equation(DRIVEN, TIMES[2:]).states, abs=1e-8)


def test_submissions_add_the_counts_of_all_branches(tmp_path):
    target = ibm("fake_manila", channel="local", seed=1)
    item = replace(WARM, a=0.6)
    how = {"ancilla": "merged", "bases": "Y"}
    place = submit(item, TIMES[2:], target=target, shots=2000, folder=tmp_path, **how)
    record = collect(place).record
    assert np.all(record.samples.shots == 2000)
    assert record.provenance["shots_asked"] == 2000
    chances = target.predict().probabilities(qm.build_circuits(item, TIMES[2:], **how))[0, 0]
    mean, error = qm.pauli_mean(record.samples, "Y")
    assert abs(mean[0] - (chances[0] - chances[1])) < 3 * error[0]
