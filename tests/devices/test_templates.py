"""Circuits with open angles, compiled once, against Aer's simulation of the bound circuits."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit_ibm_runtime.fake_provider import FakeManilaV2, FakeTorino

import qmemcircuit as qm
from qmemcircuit.circuits.protocols import Chain
from qmemcircuit.devices.compilation.circuits import Site, compile_circuit
from qmemcircuit.devices.noise.calibrated import simulate
from qmemcircuit.devices.noise.templates import noisy_templates

A, B, C = (Parameter(name) for name in "abc")


def loop_circuit() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.ry(A, 0)
    circuit.rz(B, 0)
    circuit.ry(C - A, 1)
    circuit.cz(0, 1)
    circuit.ry(2 * B, 1)
    circuit.cx(1, 0)
    circuit.reset(1)
    circuit.ry(0.4, 1)
    circuit.cx(0, 1)
    circuit.ry(C, 0)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize("backend", [FakeManilaV2(), FakeTorino()], ids=["Manila", "Torino"])
@pytest.mark.parametrize(
    "options", [{}, {"reset_error": 0.03, "fold": 3}, {"twirling": 3}], ids=str
)
def test_probabilities_are_aers(backend, options) -> None:
    circuit = loop_circuit()
    target = qm.device(backend, seed=1, **options).place([circuit])
    site = Site(target.placement, target.restricted(), 1)
    compiled = compile_circuit(
        circuit,
        site,
        compilation=target.compilation,
        folding=target.folding,
        suppression=target.suppression,
        own_basis=False,
        twirling_seed=5,
    )
    parameters = list(circuit.parameters)
    templates = noisy_templates(compiled, parameters, site.part, target.reset_error)
    random = np.random.default_rng(0)
    unread = []
    for _ in range(3):
        values = random.uniform(-3, 3, len(parameters))
        found = [item.probabilities(values) for item in templates]
        bound = compiled_with(compiled, dict(zip(parameters, values, strict=True)))
        judge = target._read([bound], site.part)[0]
        assert np.abs(np.array(found) - judge).max() < 1e-9  # Aer's relaxation is good to 1e-10
        raw = simulate([bound], site.part, target.reset_error, save="probabilities")[0]
        unread.append(np.abs(np.array(found) - raw).max())
    assert max(unread) > 1e-3  # mutant: readout forgotten


@pytest.mark.parametrize("qubits", [1, 2])
def test_a_chain_is_the_whole_circuit_at_every_length(qubits) -> None:
    """Against one compilation of the whole, simulated by Aer; a step's angle is open in both."""
    chain = growing(qubits)
    target = qm.device(FakeTorino(), seed=1, reset_error=0.03)
    target = target.place(chain.circuits([np.array([0.1])] * 3))
    prepared = target.compile_chain(chain)
    values = [np.array([angle]) for angle in (0.7, -0.4)]
    before = np.zeros(2)
    for length in range(3):
        names = [Parameter(f"step{place}") for place in range(length)]
        wholes = chain.join([chain.step.assign_parameters([name]) for name in names])
        compiled, part = target.compile_plain(wholes)
        given = {name: one[0] for name, one in zip(names, values, strict=False)}
        judge = target._read([compiled_with(item, given) for item in compiled], part)[:, 0]
        found = np.array(prepared.probabilities())
        assert np.abs(found - judge).max() < 1e-9  # Aer's relaxation is good to 1e-10
        assert np.abs(found - before).max() > 1e-3  # mutant: a step is forgotten
        before = found
        if length < 2:
            prepared.append(values[length])
    first, again, other = (prepared.count(1000, step) for step in (1, 1, 2))
    assert first == again != other


def test_a_chain_on_other_targets_is_put_together_each_time() -> None:
    chain = growing(2)
    assert [item.count_ops()["barrier"] for item in chain.circuits([np.zeros(1)] * 2)] == [3, 3]
    twirled = qm.device(FakeTorino(), seed=1, twirling=2).place(chain.circuits([np.zeros(1)]))
    for target in (qm.aer(seed=1), twirled):
        prepared = target.compile_chain(chain)
        prepared.append(np.array([0.7]))
        assert [sum(item.values()) for item in prepared.count(50, 1)] == [50, 50]


def growing(qubits: int) -> Chain:
    start, step = QuantumCircuit(qubits), QuantumCircuit(qubits)
    start.ry(0.8, 0)
    step.ry(A, 0)
    step.delay(3200, 0, unit="dt")
    step.rz(-0.3, 0)
    if qubits > 1:
        step.reset(1)
        step.ry(0.4, 1)
        step.cx(0, 1)
    ends = []
    for basis in "XZ":
        end = QuantumCircuit(qubits, 1)
        if basis == "X":
            end.h(0)
        end.measure(0, 0)
        ends.append(end)
    return Chain(start, step, tuple(ends))


def compiled_with(compiled, values):
    from dataclasses import replace

    return replace(
        compiled,
        circuit=compiled.circuit.assign_parameters(values),
        twirled=tuple(
            replace(item, circuit=item.circuit.assign_parameters(values))
            for item in compiled.twirled
        ),
    )


def test_counts_are_drawn_from_them_and_differ_between_steps() -> None:
    circuit = loop_circuit()
    target = qm.device(FakeManilaV2(), seed=1).place([circuit])
    ready = target.compile_once([circuit])
    values = np.array([0.3, 1.0, -0.7])
    first, again, other = (ready.count([values], 1000, step)[0] for step in (1, 1, 2))
    assert first == again != other
    many = ready.count([values], 10**6, 3)[0]
    wanted = ready.templates[0][0].probabilities(values)
    error = np.sqrt(wanted[0] * wanted[1] / 10**6)
    assert abs(many[0] / 10**6 - wanted[0]) < 4 * error


def test_ideal_targets_bind_each_time() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.ry(A, 0)
    circuit.measure(0, 0)
    found = qm.aer(seed=1).compile_once([circuit]).count([np.array([np.pi])], 100, 1)
    assert found == [{1: 100}]


def test_open_angles_of_other_gates_become_those_of_rz() -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.rzz(A, 0, 1)
    circuit.measure(0, 0)
    placed = qm.device(FakeTorino(), seed=1).place([circuit.assign_parameters([0.3])])
    assert sum(placed.compile_once([circuit]).count([np.array([0.3])], 50, 1)[0].values()) == 50
