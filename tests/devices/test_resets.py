"""Resets that err on a device: measured, inverted, and what is chosen by predicted cost."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.circuits.options import parse_ancilla
from qmemcircuit.common.states import trace_distance

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
TIMES = [0.8, 2.4]
CIRCUITS = qm.build_circuits(MEMRISTOR, TIMES, bases="XYZ")
ERROR = 0.1


@cache
def _target(error: float = ERROR, **backend: float) -> qm.DeviceTarget:
    return qm.device(
        PlainBackend(readout=0.02, t1=1.0, t2=1.0, **backend), seed=2, reset_error=error
    )


@cache
def _calibration(shots: int = 10**8) -> qm.ResetCalibration:
    return qm.measure_resets(_target().place(CIRCUITS), 1, shots=shots)


def test_five_short_circuits_tell_how_often_a_reset_fails() -> None:
    found = _calibration()
    # Standard errors are √(0.1/10^8) = 3e-5; an X gate is perfect here.
    np.testing.assert_allclose(found.by_input[0][0], ERROR, atol=2e-4)
    assert found.uncertainties[0] < 2e-4
    with pytest.raises(ValueError, match="layout of 1 memristors with an ancilla"):
        qm.measure_resets(_target(), 1, shots=10)
    with pytest.raises(ValueError, match="must have a calibration"):
        qm.measure_resets(qm.aer(seed=1), 1, shots=10)


def test_the_inverse_brings_back_what_a_perfect_reset_gives() -> None:
    exact = qm.exact_circuit(MEMRISTOR, TIMES).states
    inverse = qm.Mitigation(resets=_calibration())
    states = qm.device_states(MEMRISTOR, TIMES, target=_target(), mitigation=inverse).states
    assert trace_distance(states, exact).max() < 1e-3
    raw = qm.device_states(MEMRISTOR, TIMES, target=_target()).states
    assert trace_distance(raw, exact).max() > 0.02
    # The mutant: a calibration that found twice the error overshoots.
    counts = np.array(_calibration().counts)
    counts[:, 2:4, 1] *= 2
    twice = replace(inverse, resets=qm.ResetCalibration(counts))
    wrong = qm.device_states(MEMRISTOR, TIMES, target=_target(), mitigation=twice).states
    assert trace_distance(wrong, exact).max() > 0.02


def test_a_run_takes_both_circuits_with_shares_of_the_shots() -> None:
    record = qm.run(
        MEMRISTOR,
        TIMES,
        target=_target(),
        shots=200_000,
        bases="XYZ",
        mitigation=qm.Mitigation(resets=_calibration(20_000)),
    )
    plain, flipped = record.mitigated.runs
    ratio = flipped.shots.sum() / plain.shots.sum()
    assert ratio == pytest.approx(ERROR / (1 - ERROR), rel=0.05)
    found = qm.mitigate(record, current="current_operator")
    exact = qm.exact_circuit(MEMRISTOR, TIMES)
    pull = (found.voltage - exact.voltage) / found.voltage_error
    assert np.abs(pull).max() < 3.5  # two numbers, a fixed seed
    raw = qm.estimate(record, current="current_operator")
    assert np.abs((raw.voltage - exact.voltage) / raw.voltage_error)[-1] > 5
    assert any(
        "resets err 10" in line or "resets err 9." in line for line in record.mitigated.remarks
    )
    many = qm.build_circuits(MEMRISTOR, np.linspace(0.2, 2, 8))
    with pytest.raises(ValueError, match="more than 4 resets"):
        qm.run(
            MEMRISTOR,
            many.times,
            target=_target(),
            shots=10,
            mitigation=qm.Mitigation(resets=_calibration()),
        )


def test_the_cheapest_way_is_chosen() -> None:
    common = {"shots": 10**6, "mitigation": qm.Mitigation()}
    many = qm.choose_resets(CIRCUITS, _target(), _calibration(), **common)
    assert many.name in ("inverted", "fresh")
    assert many.costs[many.name] == min(many.costs.values())
    assert many.costs["doubled"] == pytest.approx(many.costs["recycled"], rel=0.05)
    # On a device whose second reset always works, twice is enough; and few shots pay for nothing.
    counts = np.array(_calibration().counts)
    counts[:, 4] = counts[:, 0]
    second = qm.choose_resets(CIRCUITS, _target(), qm.ResetCalibration(counts), **common)
    assert second.costs["doubled"] < 0.3 * second.costs["recycled"]
    few = qm.choose_resets(
        CIRCUITS, _target(), _calibration(), shots=30, mitigation=qm.Mitigation()
    )
    assert few.costs["inverted"] > few.costs["recycled"]
    assert str(second).startswith(second.name)
    assert second.describe()["predicted"] == dict(second.costs)
    lost = qm.device(PlainBackend(reset=False, t1=1.0, t2=1.0), seed=2)
    without = qm.choose_resets(CIRCUITS, lost, _calibration(), **common)
    assert without.name == "fresh"
    assert set(without.left_out) == {"recycled", "doubled", "inverted"}


def test_a_run_chooses_the_way_of_resets_and_records_the_losers(tmp_path: Path) -> None:
    """`run` and `submit` do what `choose_resets` says of the same shots, and write it down."""
    declared = qm.Mitigation(resets=_calibration())
    options = {"shots": 2000, "bases": "XYZ", "ancilla": "best", "mitigation": declared}
    record = qm.run(MEMRISTOR, TIMES, target=_target(), **options)
    expected = qm.choose_resets(
        CIRCUITS, _target(), _calibration(), shots=6000, mitigation=qm.Mitigation()
    )
    assert record.provenance["reset_choice"] == expected.describe()
    assert set(expected.costs) == {"recycled", "doubled", "inverted", "fresh"}
    assert expected.name == "fresh"
    assert record.provenance["ancilla"] == "fresh"
    assert record.mitigated.mitigation.resets is None  # there is nothing to invert
    # Where fresh ancillas have no place, the inverse is the cheapest and travels with the record.
    small = qm.device(PlainBackend(readout=0.02, t1=1.0, t2=1.0, qubits=2), seed=2)
    again = qm.run(MEMRISTOR, TIMES, target=replace(small, reset_error=ERROR), **options)
    choice = again.provenance["reset_choice"]
    assert choice["chosen"] == "inverted"
    assert "at least 3 qubits" in choice["left_out"]["fresh"]
    assert again.mitigated.mitigation.resets == _calibration()
    loaded = qm.Record.load(again.save(tmp_path / "record.json"))
    assert loaded.provenance["reset_choice"] == choice
    with pytest.raises(ValueError, match="Argument shots must be a number with ancilla='best'"):
        qm.run(MEMRISTOR, TIMES, target=_target(), **{**options, "shots": "to reach 0.1 on V"})


def test_an_ancilla_may_be_reset_twice() -> None:
    twice = qm.build_circuits(MEMRISTOR, TIMES, ancilla=qm.pool(1, resets=2))
    assert twice[-1].count_ops()["reset"] == 2 * CIRCUITS[-1].count_ops()["reset"]
    assert twice.ancilla.describe() == "pool(1, resets=2)"
    assert parse_ancilla("pool(1, resets=2)") == qm.pool(1, resets=2)
    with pytest.raises(ValueError, match="ancilla must be"):
        parse_ancilla("pool(1, resets=x)")
    with pytest.raises(ValueError, match="resets must be at most 10"):
        qm.pool(1, resets=11)
    with pytest.raises(ValueError, match="flipped must name resets from 0 to 0"):
        CIRCUITS.with_flips([1])
    with pytest.raises(ValueError, match="bases must name some of X, Y, Z"):
        CIRCUITS.with_bases(["Q"])
