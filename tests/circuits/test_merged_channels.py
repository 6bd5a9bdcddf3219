"""`ancilla="merged"` by channel synthesis: any memristor at any t in two circuits."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from qiskit import transpile

import qmemcircuit as qm
from qmemcircuit.runs.measurement import join_branches
from qmemcircuit.simulation.exact import circuit_states

DRIVE = qm.Drive("x", 0.3, frequency=1.1, phase=0.2)
SAME = {"a": 0.8, "b": 0.6}
MEMRISTORS = {
    "hot": qm.Memristor(qm.SquidRate(0.3), **SAME, occupation=0.4),
    "hot and dephased": qm.Memristor(qm.SquidRate(2.0), **SAME, occupation=3.0, dephasing=0.2),
    "dephased": qm.Memristor(qm.ConstantRate(0.0), **SAME, dephasing=0.3),
    "driven": qm.Memristor(qm.SquidRate(0.3), **SAME, drive=DRIVE),
    "all": qm.Memristor(qm.SquidRate(0.3), **SAME, occupation=0.2, dephasing=0.1, drive=DRIVE),
    "strong, fast drive": qm.Memristor(
        qm.SquidRate(3.0), **SAME, drive=qm.Drive("y", 4.0, frequency=7.0)
    ),
}
TIMES = np.array([0.0, 0.3, 4.0, 11.0])


@pytest.mark.parametrize("name", MEMRISTORS)
def test_the_mean_of_the_branches_is_the_master_equation(name):
    item = MEMRISTORS[name]
    reference = qm.master_equation(item, TIMES).states
    found = qm.exact_circuit(item, TIMES, ancilla="merged")
    assert found.states == pytest.approx(reference, abs=1e-8)
    circuits = qm.build_circuits(item, TIMES, ancilla="merged")
    for branch in circuits.branches:
        for index in range(TIMES.size):
            compiled = transpile(
                branch.evolution(index), basis_gates=["cz", "rz", "sx", "x"], optimization_level=1
            )
            assert compiled.num_nonlocal_gates() <= 2
    if name == "all":
        # The mutant: one branch alone is another channel.
        alone = circuit_states(circuits.branches[0])
        assert np.abs(alone - reference).max() > 0.02


def test_the_very_circuits_have_the_same_states():
    item, times = MEMRISTORS["all"], TIMES[2:3]
    aer = qm.exact_circuit(item, times, ancilla="merged", engine="aer").states
    maps = qm.exact_circuit(item, times, ancilla="merged").states
    assert aer == pytest.approx(maps, abs=1e-12)
    assert aer == pytest.approx(qm.master_equation(item, times).states, abs=1e-8)


def test_one_circuit_where_the_rank_allows():
    unitary = qm.Memristor(qm.ConstantRate(0.0), **SAME, drive=DRIVE)
    circuits = qm.build_circuits(unitary, [0.0], ancilla="merged")
    assert len(circuits.branches) == 1
    cold = qm.Memristor(qm.SquidRate(0.3), **SAME)
    plain = qm.build_circuits(cold, TIMES, ancilla="merged")
    assert plain.channels == ()
    assert len(plain.branches) == 1
    dephased = qm.build_circuits(MEMRISTORS["dephased"], TIMES, ancilla="merged")
    assert len(dephased.branches) == 1  # two Kraus operators


def test_shots_are_split_evenly_and_records_rebuild(tmp_path):
    item = MEMRISTORS["all"]
    times = item.periods(1, points=10)
    record = qm.run(item, times, target=qm.aer(seed=3), shots=4000, ancilla="merged")
    assert np.all(record.samples.shots == 4000)
    exact = qm.master_equation(item, times)
    found = qm.estimate(record)
    pull = (found.voltage - exact.voltage)[:, 0] / found.voltage_error[:, 0]
    assert np.abs(pull).max() < 3.3  # 11 values: 1 % by chance
    record.save(tmp_path / "merged.npz")
    again = qm.rebuild_circuits(qm.Record.load(tmp_path / "merged.npz"))
    assert len(again.branches) == 2
    assert again.branches[1].evolution(4) == qm.build_circuits(
        item, times, ancilla="merged"
    ).branches[1].evolution(4)
    with pytest.raises(ValueError, match="shots must be a multiple of 2"):
        qm.run(item, times, target=qm.aer(seed=3), shots=4001, ancilla="merged")
    found = qm.plan(item, times, target=qm.aer(seed=3), shots=4000, ancilla="merged")
    assert (found.circuits, found.shots) == (2 * 3 * times.size, 2000)


@pytest.mark.parametrize("later", ["factor 1, branch 2", "factor 1, second half"])
def test_counts_of_branches_are_added_only_where_all_are_there(later):
    first = np.array([[[3, 1]], [[0, 0]], [[2, 2]]])
    second = np.array([[[1, 3]], [[4, 0]], [[0, 0]]])
    roles = ["factor 1", later, "readout 0"]
    joined = join_branches(roles, [first, second, first])
    assert joined[0].tolist() == [[[4, 4]], [[0, 0]], [[0, 0]]]
    assert joined[1] is first


def test_what_is_refused():
    circuits = qm.build_circuits(MEMRISTORS["all"], TIMES, ancilla="merged")
    with pytest.raises(ValueError, match=r"take each of circuits\.branches"):
        circuits[2, "X"]
    with pytest.raises(ValueError, match=r"more than 6 memristors .* but 7 do"):
        qm.build_circuits(qm.Network([MEMRISTORS["all"]] * 7), TIMES, ancilla="merged")
    gaining = qm.FunctionRate(lambda t: 0.1 - 0.3 * t)
    memory = replace(MEMRISTORS["driven"], rate=gaining, a=0.8)
    message = r"of all of \[0, t\], but that of memristor 0 up to t = 3 .* none from t = (\S+) on"
    with pytest.raises(ValueError, match=message) as refused:
        qm.build_circuits(memory, [0.2, 3.0], ancilla="merged")
    first = float(re.search(message, str(refused.value)).group(1))
    # Γ < 0 from 1/3 on, ∫Γ < 0 from 2/3 on: a drive turns away what would be given back.
    assert 1 / 3 < first < 2 / 3
    qm.build_circuits(memory, [0.2, first * (1 - 1e-5)], ancilla="merged")
    with pytest.raises(ValueError, match="of memristor 0 up to"):
        qm.build_circuits(memory, [0.2, first * (1 + 1e-5)], ancilla="merged")
