"""Drives, n̄(t) and Γφ(t): circuits, currents, files and messages against QuTiP and closed forms."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.command_line.description import read_description
from qmemcircuit.model.serialization import describe_model, restore_model

WARMTH = qm.FunctionRate(lambda t: 0.3 + 0.2 * np.sin(1.7 * t))
LOSS = qm.FunctionRate(lambda t: 0.05 + 0.04 * np.cos(t))


def memristor(axis: str | None = "x", **values) -> qm.Memristor:
    drive = None if axis is None else qm.Drive(axis, 0.3, frequency=1.1, phase=0.2)
    given = {"a": 0.8, "b": 0.6, "occupation": WARMTH, "dephasing": LOSS, **values}
    return qm.Memristor(qm.SquidRate(0.3), drive=drive, **given)


TIMES = memristor().periods(1, points=10)


def test_a_bath_that_changes_is_one_collision_at_any_time():
    item = memristor(None)
    reference = qm.master_equation(item, TIMES)
    found = qm.exact_circuit(item, TIMES, ancilla="merged")
    assert found.states == pytest.approx(reference.states, abs=1e-8)
    assert qm.memristive_defect(found)[0] < 1e-15
    # The mutant: n̄ and Γφ at their means.
    frozen = memristor(None, occupation=0.3, dephasing=0.05)
    apart = qm.exact_circuit(frozen, TIMES).states - reference.states
    assert np.abs(apart).max() > 0.01


def test_a_bath_that_jumps():
    """n̄ and Γ constant on either side of a jump: closed form, in one step across it."""
    jump = qm.FunctionRate(lambda t: 0.4 if t < 1.3 else 0.05, breakpoints=(1.3,))
    item = qm.Memristor(qm.ConstantRate(0.5), state=[0, 1], occupation=jump)
    excited = 1.0
    for quanta, length in ((0.4, 1.3), (0.05, 0.7)):
        left = np.exp(-0.5 * (2 * quanta + 1) * length)
        excited = left * excited + (1 - left) * quanta / (2 * quanta + 1)
    found = qm.exact_circuit(item, [2.0], ancilla="merged").states[0, 1, 1].real
    assert found == pytest.approx(excited, abs=1e-13)


@pytest.mark.parametrize("splitting", ["strang", "couplings_first"])
def test_driven_circuits_converge_at_second_order(splitting):
    reference = qm.master_equation(memristor(), [5.0]).states
    gaps = []
    for steps in (20, 40, 80):
        found = qm.exact_circuit(memristor(), [5.0], splitting=splitting, steps=steps).states
        gaps.append(np.abs(found - reference).max())
    slopes = np.log2(np.array(gaps[:-1]) / np.array(gaps[1:]))
    assert slopes == pytest.approx(2.0, abs=0.1)
    engines = [
        qm.exact_circuit(memristor(), [5.0], splitting=splitting, steps=5, engine=name).states
        for name in ("maps", "aer")
    ]
    assert engines[0] == pytest.approx(engines[1], abs=1e-12)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_the_source_adds_its_own_current(axis):
    """I by its definition, from differences of QuTiP's states in time."""
    item = memristor(axis, occupation=0.2, dephasing=0.0, omega=1.3, mass=2.0)
    step, middle = 1e-3, np.array([1.0, 2.5, 4.0])
    times = np.sort(np.concatenate([middle - step, middle, middle + step]))
    found = qm.master_equation(item, times)
    means = {name: np.trace(found.states @ p, axis1=1, axis2=2).real for name, p in PAULI.items()}
    slope = (-means["Y"][2::3] + means["Y"][::3]) / (2 * step)
    expected = item.current_scale * (slope - item.omega * means["X"][1::3])
    assert found.current[1::3, 0] == pytest.approx(expected, abs=2e-6)  # step² × third derivative
    own = qm.select_current(found, "memristor")
    law = found.variables["conductance"] * found.voltage
    assert own.current == pytest.approx(law, abs=1e-15)
    source = np.abs(found.current - own.current).max()
    assert source == 0 if axis == "y" else source > 0.05


PAULI = {"X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]])}


def test_undamped_drives_have_closed_forms():
    """Rabi: |g> under Ωσx at ω → 0; a constant σz drive is a detuning."""
    still = qm.Memristor(qm.ConstantRate(0.0), state=[1, 0], omega=1e-9, drive=qm.Drive("x", 0.4))
    found = qm.exact_circuit(still, [0.5, 2.0], splitting="strang")
    expected = np.sin(0.4 * found.times) ** 2
    assert found.states[:, 1, 1].real == pytest.approx(expected, abs=1e-9)
    detuned = qm.Memristor(qm.ConstantRate(0.1), a=0.8, b=0.6, drive=qm.Drive("z", 0.15))
    shifted = qm.Memristor(qm.ConstantRate(0.1), a=0.8, b=0.6, omega=1.3)
    states = [qm.exact_circuit(item, TIMES).states for item in (detuned, shifted)]
    assert states[0] == pytest.approx(states[1], abs=1e-13)


def test_the_integral_of_a_drive():
    slow = qm.Drive("x", 0.3, frequency=1.1, phase=0.4)
    enveloped = qm.Drive("x", qm.ConstantRate(0.3), frequency=1.1, phase=0.4)
    for start, stop in ((0.0, 2.0), (1.0, 1.0), (0.5, 9.0)):
        exact = 0.3 / 1.1 * (np.sin(1.1 * stop + 0.4) - np.sin(1.1 * start + 0.4))
        assert float(slow.integral(start, stop)) == pytest.approx(exact, abs=1e-15)
        assert float(enveloped.integral(start, stop)) == pytest.approx(exact, abs=1e-12)


def test_coupled_driven_memristors_fused_and_certified():
    pair = qm.Network([memristor(), memristor("y", a=0.3)], {(0, 1): qm.Native("y", 0.2)})
    reference = qm.master_equation(pair, [2.0])
    gaps = []
    for steps in (10, 20):
        found = qm.exact_circuit(pair, [2.0], splitting="fused", steps=steps)
        gaps.append(qm.compare(found, reference).trace_distance.max())
        bound = qm.certify(pair, [2.0], splitting="fused", steps=steps)
        assert gaps[-1] <= bound.largest
    assert np.log2(gaps[0] / gaps[1]) == pytest.approx(2.0, abs=0.15)


def test_shots_and_files(tmp_path):
    item = memristor(occupation=0.2, dephasing=0.03)
    record = qm.run(item, TIMES, target=qm.aer(seed=5), shots=4000, splitting="strang", steps=20)
    assert set(record.samples.bases) == {"X", "Y", "Z"}
    exact = qm.exact_circuit(item, TIMES, splitting="strang", steps=20)
    found = qm.estimate(record)
    pull = (found.current - exact.current)[:, 0] / found.current_error[:, 0]
    assert np.abs(pull).max() < 3.3  # 11 values: 1 % by chance
    # The mutant: no source current, from the same counts.
    bare = found.variables["conductance"] * found.voltage
    assert np.abs((bare - exact.current)[:, 0] / found.current_error[:, 0]).max() > 10
    # The memristor's own current is (Γ(2n̄ + 1) + 2Γφ)V: error and covariance are those of V.
    own = qm.select_current(found, "memristor")
    law = found.variables["conductance"]
    assert own.current == pytest.approx(law * found.voltage, abs=1e-15)
    assert own.current_error == pytest.approx(law * found.voltage_error, abs=1e-15)
    joint = np.diagonal(own.voltage_current_covariance, axis1=1, axis2=2).T
    assert joint == pytest.approx(law * found.voltage_error**2, abs=1e-15)
    assert not np.allclose(own.current_error, found.current_error)
    smooth = qm.estimate(record, current="local_fit")
    with pytest.raises(ValueError, match="current='current_operator'"):
        qm.select_current(smooth, "memristor")
    warm = qm.run(replace(item, drive=None), TIMES, target=qm.aer(seed=5), shots=100)
    plain = qm.estimate(warm)
    assert qm.select_current(plain, "memristor") is plain
    record.save(tmp_path / "driven.npz")
    assert qm.Record.load(tmp_path / "driven.npz").network == record.network
    text = json.loads(json.dumps(describe_model(qm.Network([memristor()]), TIMES)))
    again = qm.exact_circuit(restore_model(text), TIMES)
    assert again.states == pytest.approx(qm.exact_circuit(memristor(), TIMES).states, abs=2e-4)


def test_a_description(tmp_path):
    path = tmp_path / "driven.toml"
    path.write_text(
        "[[memristor]]\nrate = 'constant'\ngamma = 0.1\na = 0.8\n"
        "occupation = { times = [0.0, 10.0], rates = [0.1, 0.3] }\n"
        "dephasing = { rate = 'constant', gamma = 0.02 }\n"
        "drive = { axis = 'x', amplitude = 0.2, frequency = 1.0 }\n"
    )
    (item,) = read_description(path).network.memristors
    assert item.drive == qm.Drive("x", 0.2, frequency=1.0)
    assert float(item.thermal_quanta(5.0)) == pytest.approx(0.2)
    assert float(item.conductance(5.0)) == pytest.approx(0.1 * 1.4 + 0.04)
    path.write_text(
        "[[memristor]]\nrate = 'constant'\ngamma = 0.1\na = 0.8\ndrive = { axis = 'x' }"
    )
    with pytest.raises(ValueError, match="amplitude in every drive"):
        read_description(path)


def test_what_is_refused():
    rate = qm.ConstantRate(0.1)
    with pytest.raises(ValueError, match="axis"):
        qm.Drive("w", 0.1)
    with pytest.raises((TypeError, ValueError), match="amplitude"):
        qm.Drive("x", float("nan"))
    with pytest.raises(TypeError, match="drive"):
        qm.Memristor(rate, a=0.1, drive=0.3)
    sometimes = qm.Memristor(rate, a=0.1, occupation=qm.FunctionRate(lambda t: 0.5 - t))
    for compute in (qm.exact_circuit, qm.master_equation):
        with pytest.raises(ValueError, match=r"occupation must not be negative, but at t = "):
            compute(sometimes, [0.4, 1.0])
    gaining = qm.Memristor(rate, a=0.1, dephasing=qm.FunctionRate(lambda t: 0.5 - t))
    with pytest.raises(ValueError, match="Argument dephasing must not be negative"):
        qm.exact_circuit(gaining, [0.4, 0.9])
    pair = qm.Network([memristor(occupation=0.0, dephasing=0.0)] * 2, {(0, 1): qm.Native("y", 0.1)})
    with pytest.raises(ValueError, match="no drive"):
        qm.build_circuits(pair, TIMES, splitting="compiled")


def test_driven_chains_by_trajectories():
    chain = qm.chain([memristor(a=0.7)] * 3, qm.Native("x", 0.1))
    how = {"splitting": "strang", "steps": 2}
    found = qm.simulate_circuit(chain, [1.0], method="statevector", trajectories=100, seed=1, **how)
    exact = qm.exact_circuit(chain, [1.0], **how)
    for name in ("voltage", "current"):
        pull = getattr(found, name) - getattr(exact, name)
        assert np.abs(pull / getattr(found, f"{name}_error")).max() < 3.6  # 6 values: 0.2 %
    own, whole = (qm.select_current(item, "memristor") for item in (found, exact))
    pull = (own.current - whole.current) / own.current_error
    assert np.abs(pull).max() < 3.1  # 3 values: 0.6 %
    # The mutant: the sources' current left in.
    assert np.abs((found.current - whole.current) / own.current_error).max() > 5
    assert np.abs(own.current_error - found.current_error).max() > 1e-3
    # Of an uncoupled one the rest is (Γ(2n̄ + 1) + 2Γφ)V, with the error of V.
    lonely = qm.Network([*chain.memristors[:2], memristor(a=0.7)], dict(chain.couplings[:1]))
    item = qm.simulate_circuit(
        lonely, [1.0], method="matrix_product_state", trajectories=20, seed=2, **how
    )
    law = item.variables["conductance"][0, 2]
    own = qm.select_current(item, "memristor")
    assert own.current[0, 2] == pytest.approx(law * item.voltage[0, 2], abs=1e-12)
    assert own.current_error[0, 2] == pytest.approx(law * item.voltage_error[0, 2], rel=1e-9)
