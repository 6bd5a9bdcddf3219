"""Which device reaches a demand: on devices made so that the right answer is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.transpiler import InstructionProperties

import qmemcircuit as qm
from qmemcircuit.common.states import trace_distance

MEMRISTOR = qm.Memristor(qm.SquidRate(0.2), a=math.pi / 4)
TIMES = [2.0, 4.0]


def named(name: str, **numbers: float) -> qm.DeviceTarget:
    backend = PlainBackend(t1=1e-3, t2=1e-3, reset_duration=1e-8, **numbers)
    backend.name = name
    return qm.device(backend, seed=1)


def test_the_better_device_is_chosen_and_its_numbers_are_the_exact_ones() -> None:
    good, bad = named("good", gate_error=2e-4), named("bad", gate_error=3e-3, readout=0.03)
    small = named("small", qubits=1)
    found = qm.choose_device(
        MEMRISTOR, TIMES, [bad, good, small], demand=0.05, executions=30_000, splitting="lie"
    )
    assert [item.device for item in found.predictions] == ["good", "bad", "small"]
    assert found.reached
    assert found.verdict.startswith("good, qubits")
    assert "qubits" in found.predictions[2].reason
    # The oracle: the record's own estimate of the same circuits, with many shots.
    worst = found.predictions[1]
    assert worst.form is not None
    assert worst.form["chosen"].startswith("merged")
    record = qm.run(MEMRISTOR, TIMES, target=bad, shots=10**9, ancilla="merged", bases="tomography")
    measured = qm.estimate(record, current="current_operator").states
    reference = qm.master_equation(MEMRISTOR, TIMES).states
    raw = float(trace_distance(measured, reference).max())
    # Two gates that turn the basis come on top, each with an error of 3e-3.
    assert worst.unlimited["raw"] == pytest.approx(raw, abs=6e-3)
    # Readout is what it has most of: correcting it helps, and leaves what states alone have.
    assert worst.unlimited["readout corrected"] == pytest.approx(
        worst.unlimited["before readout"], abs=1e-4
    )
    assert worst.unlimited["readout corrected"] < 0.7 * raw


def test_what_nothing_reaches_is_said_with_what_would() -> None:
    target = named("only", gate_error=1e-3)
    arguments = {"executions": 3000, "splitting": "lie"}
    found = qm.choose_device(MEMRISTOR, TIMES, [target], demand=0.015, **arguments)
    assert not found.reached
    assert "executions a time would" in found.verdict
    wanted = int(found.verdict.split("About ")[1].split(" ")[0].replace(",", ""))
    more = qm.choose_device(
        MEMRISTOR, TIMES, [target], demand=0.015, **{**arguments, "executions": wanted}
    )
    assert more.reached
    assert "times smaller would" in replace(found, demand=1e-6).verdict


def test_where_only_raw_states_miss_it_is_said_which_error_would_have_to_be_smaller() -> None:
    target = named("only", gate_error=1e-3)
    arguments = {"executions": 10**8, "splitting": "lie"}
    free = qm.choose_device(MEMRISTOR, TIMES, [target], demand=1.0, **arguments)
    raw = free.predictions[0].unlimited["before readout"]
    assert free.predictions[0].needed == {}
    found = qm.choose_device(MEMRISTOR, TIMES, [target], demand=0.7 * raw, **arguments)
    assert found.reached
    assert "times better" in found.verdict
    factor = found.predictions[0].needed["two-qubit errors"]
    assert factor is not None
    assert factor > 1
    # The oracle: the same device made with two-qubit errors so much smaller.
    better = PlainBackend(t1=1e-3, t2=1e-3, reset_duration=1e-8, gate_error=1e-3)
    for pair in list(better.target["cz"]):
        own = better.target["cz"][pair]
        properties = InstructionProperties(duration=own.duration, error=own.error / factor)
        better.target.update_instruction_properties("cz", pair, properties)
    again = qm.choose_device(MEMRISTOR, TIMES, [qm.device(better, seed=1)], demand=1.0, **arguments)
    assert again.predictions[0].unlimited["before readout"] == pytest.approx(0.7 * raw, rel=0.03)


def test_bad_input() -> None:
    target = named("only")
    for words, said in (
        ({"executions": 5}, "Argument executions must pay for a shot of each of 3 settings"),
        ({"targets": []}, "Argument targets must hold devices"),
        ({"demand": 0.0}, "Argument demand must be above 0"),
        ({"model": qm.ring([MEMRISTOR] * 3, qm.Native("y", 0.1))}, "Argument model must have one"),
    ):
        arguments = {"model": MEMRISTOR, "targets": [target], "demand": 0.1, "executions": 100}
        arguments |= words
        model, targets = arguments.pop("model"), arguments.pop("targets")
        with pytest.raises(ValueError, match=said):
            qm.choose_device(model, np.array(TIMES), targets, **arguments)
