"""Pauli propagation against dense maps of the very circuits, and at its limits."""

import numpy as np
import pytest
import qutip
from qiskit.quantum_info import Pauli

import qmemcircuit as qm
from qmemcircuit.simulation import propagation

MEMRISTOR = qm.Memristor(qm.SquidRate(0.05), a=np.pi / 4, b=0.3)
T = MEMRISTOR.period
EVERYTHING = qm.PauliPropagation(9, 1e-15)


def network(kind, count=4):
    coupling = {
        "native": qm.Native("y", 0.1),
        "rotation": qm.ControlledRotation("y", 0.3),
        "swap": qm.PartialSwap(0.1),
        "exchange": qm.PartialISwap(0.1),
    }[kind]
    items = [qm.Memristor(qm.SquidRate(0.05 + 0.02 * j), a=0.5 + 0.1 * j) for j in range(count)]
    return qm.ring(items, coupling)


@pytest.mark.parametrize("kind", ["native", "rotation", "swap", "exchange"])
def test_without_cut_offs_it_is_the_circuit(kind):
    """All of V, I and two-site states; steps of each time's own, and shared ones."""
    model = network(kind)
    for times, how in (
        ([1.3 * T], {"splitting": "strang", "steps": 6}),
        (T * np.arange(3) / 6, {}),
    ):
        exact = qm.exact_circuit(model, times, **how)
        found = qm.simulate_circuit(model, times, method=EVERYTHING, pairs=[(0, 1), (3, 1)], **how)
        assert found.voltage == pytest.approx(exact.voltage, abs=1e-12)
        assert found.current == pytest.approx(exact.current, abs=1e-12)
        assert set(found.pair_states) == {(0, 1), (1, 3)}
        for pair, states in found.pair_states.items():
            assert states == pytest.approx(exact.pair_state(*pair), abs=1e-12)
        # Dropping nothing costs nothing, but for the 1e-15 above; the coarser run drops heavy ones.
        assert found.variables["rigorous_bound"].max() < 1e-9


def test_warm_and_dephased_baths_are_in_it():
    item = qm.Memristor(qm.SquidRate(0.1), a=0.7, occupation=0.3, dephasing=0.05)
    model = qm.chain([item] * 3, qm.Native("x", 0.1))
    how = {"splitting": "strang", "steps": 6}
    exact = qm.exact_circuit(model, [4.0], **how)
    found = qm.simulate_circuit(model, [4.0], method=EVERYTHING, **how)
    assert found.voltage == pytest.approx(exact.voltage, abs=1e-12)
    assert found.current == pytest.approx(exact.current, abs=1e-12)


def test_driven_memristors_have_their_sources_own_currents():
    items = [
        qm.Memristor(qm.SquidRate(0.1), a=0.7, drive=qm.Drive(axis, 0.3, frequency=1.2))
        for axis in "xyz"
    ]
    model = qm.chain(items, qm.Native("x", 0.1))
    how = {"splitting": "strang", "steps": 6}
    exact = qm.exact_circuit(model, [4.0], **how)
    found = qm.simulate_circuit(model, [4.0], method=EVERYTHING, **how)
    assert found.voltage == pytest.approx(exact.voltage, abs=1e-12)
    assert found.current == pytest.approx(exact.current, abs=1e-12)
    source = found.variables["source_current"]
    assert source == pytest.approx(exact.variables["source_current"], abs=1e-12)
    assert np.abs(source[0, [0, 2]]).min() > 0.01
    rest = qm.select_current(exact, "memristor").current
    cut = qm.simulate_circuit(model, [4.0], method=qm.PauliPropagation(3, 1e-3), **how)
    own = qm.select_current(cut, "memristor")
    off = np.abs(own.current - rest)
    assert np.all(off <= own.current_error)
    assert off.max() > 1e-6  # something was dropped
    assert np.all(own.current_error[0, [0, 2]] < cut.current_error[0, [0, 2]])


def test_cut_offs_stay_within_error_and_bound():
    model = qm.chain([MEMRISTOR] * 7, qm.Native("y", 1 / 15))
    how = {"splitting": "strang", "steps": 30}
    exact = qm.exact_circuit(model, [1.5 * T], **how)
    found = qm.simulate_circuit(model, [1.5 * T], method=qm.PauliPropagation(6, 3e-5), **how)
    error = np.abs(found.voltage - exact.voltage)
    assert np.all(error <= found.voltage_error)
    assert np.all(error <= found.variables["rigorous_bound"])
    assert error.max() > 1e-7  # something was dropped
    # The mutant, a coupling 10 % too strong, is outside.
    stronger = qm.chain([MEMRISTOR] * 7, qm.Native("y", 1.1 / 15))
    wrong = qm.simulate_circuit(stronger, [1.5 * T], method=qm.PauliPropagation(6, 3e-5), **how)
    assert np.any(np.abs(wrong.voltage - exact.voltage) > found.voltage_error)


@pytest.mark.parametrize("kept", [qm.PauliPropagation(3, 0.01), qm.PauliPropagation(8, 0.05)])
def test_two_cut_offs_that_drop_the_same_do_not_vouch_for_each_other(kept):
    """Early, both runs drop the same strings: their difference is 0, and was the stated error."""
    items = [qm.Memristor(qm.ConstantRate(1.0), a=0.2)] * 4
    model = qm.ring(items, qm.Native("y", 0.5))
    times = items[0].periods(0.4, points=15)
    with qm.allow_large():  # the second keeps nothing to the end, which is refused otherwise
        found = qm.simulate_circuit(model, times, method=kept)
    error = np.abs(found.voltage - qm.exact_circuit(model, times).voltage)
    assert error.max() > 1e-3
    assert np.all(error <= found.voltage_error + 1e-12)
    assert np.all(found.voltage_error <= found.variables["rigorous_bound"])


def test_two_runs_that_agree_by_accident_are_not_believed():
    """A case of the benchmark (star, alike): the error is six times the difference of two runs."""
    item = qm.Memristor(qm.HarmonicRate((0.24, 0.12, 0.07)), a=0.8, b=0.2)
    star = qm.star([item] * 8, qm.ControlledRotation("y", 0.1))
    how = {"splitting": "strang", "steps": 27}
    times = [2.2 * item.period]
    exact = qm.exact_circuit(star, times, **how).voltage
    fine, coarse = (
        qm.simulate_circuit(star, times, method=qm.PauliPropagation(*kept), **how)
        for kept in ((4, 1e-4), (3, 3e-4))
    )
    error = np.abs(fine.voltage - exact)
    assert np.any(error > propagation.ERROR_FACTOR * np.abs(fine.voltage - coarse.voltage))
    assert np.all(error <= fine.voltage_error)
    # And not because it says nothing: the error is a third of a percent of V's range.
    assert fine.voltage_error.max() < 0.05


def test_alike_memristors_are_run_once_and_are_the_same_number():
    """In the middle of a chain; the one that differs, and its neighbours, are not taken for it."""
    odd = qm.Memristor(qm.SquidRate(0.3), a=np.pi / 4, b=0.3)
    items = [MEMRISTOR] * 40
    items[30] = odd
    how = {"splitting": "strang", "steps": 4, "method": qm.PauliPropagation(3, 1e-3)}
    found = qm.simulate_circuit(qm.chain(items, qm.Native("y", 0.1)), [1.0], **how).voltage[0]
    assert np.all(found[15:22] == found[18])
    assert found[30] != found[18]
    assert found[31] != found[18]
    alone = qm.simulate_circuit(qm.chain(items[8:], qm.Native("y", 0.1)), [1.0], **how).voltage[0]
    assert alone[20:25] == pytest.approx(found[28:33], abs=1e-15)


def test_what_it_cannot_do_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="largest_weight must be at least 3"):
        qm.PauliPropagation(2)
    with pytest.raises(ValueError, match="between 0 and 1, but 0 was given"):
        qm.PauliPropagation(4, 0.0)
    joint = qm.Network([MEMRISTOR] * 2, state=np.diag([0.25] * 4))
    with pytest.raises(ValueError, match="own states on the route 'pauli_propagation'"):
        qm.simulate_circuit(joint, [1.0], method=EVERYTHING)
    pair = qm.chain([MEMRISTOR] * 2, qm.Native("y", 0.1))
    with pytest.raises(ValueError, match="must not be 'compiled' for PauliPropagation"):
        qm.simulate_circuit(pair, [1.0], method=EVERYTHING, splitting="compiled")
    # Nothing is kept, by a coefficient above that of V itself or by a weight; and too much is.
    many = qm.chain([MEMRISTOR] * 8, qm.Native("y", 0.3))
    late = {"splitting": "strang", "steps": 20}
    with pytest.raises(ValueError, match=r"keep nothing.*an error of V of 0\.3"):
        qm.simulate_circuit(many, [T], method=qm.PauliPropagation(3, 0.4))
    with pytest.raises(ValueError, match=r"\(3 T\) its error of V, 0\.\d+, is as large as V"):
        qm.simulate_circuit(many, [3 * T], method=qm.PauliPropagation(3, 1e-3), **late)
    monkeypatch.setattr(propagation, "MOST_UPDATES", 10_000)
    with pytest.raises(ValueError, match=r"\(1 T\) one V has more strings than fit"):
        qm.simulate_circuit(many, [T], method=EVERYTHING, **late)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="take fewer times or steps"):
        qm.simulate_circuit(pair, np.linspace(0, 50, 1000), splitting="strang", steps=4000,
                            method=EVERYTHING)  # fmt: skip


def pauli_means(state):
    letters = "IXYZ"
    means = [[np.trace(state @ Pauli(b + a).to_matrix()).real for b in letters] for a in letters]
    return np.array(means)


def test_two_site_states_carry_their_errors(tmp_path):
    """Strong controlled rotations: means of pairs are off by some hundredths, as stated.

    The truth is Aer's density matrix of the circuit, its concurrence QuTiP's.
    """
    items = [qm.Memristor(qm.SquidRate(0.05 + 0.02 * j), a=0.5 + 0.1 * j) for j in range(4)]
    model = qm.ring(items, qm.ControlledRotation("y", 0.5))
    how = {"splitting": "strang", "steps": 8}
    pairs = [(3, 1), (0, 1)]
    exact = qm.exact_circuit(model, [0.5 * T, T], engine="aer", **how)
    found = qm.simulate_circuit(
        model, [0.5 * T, T], method=qm.PauliPropagation(3, 3e-3), pairs=pairs, **how
    )
    stated = found.variables["pair_errors"]
    assert stated.shape == (2, 2, 4, 4)
    assert found.axes_of("pair_errors") == ("time", "pair", "first_pauli", "second_pauli")
    apart = [
        [pauli_means(found.pair_state(*p)[k]) - pauli_means(exact.pair_state(*p)[k])
         for p in ((0, 1), (1, 3))]
        for k in range(2)
    ]  # fmt: skip
    apart = np.abs(apart)
    assert np.all(apart <= stated + 1e-12)
    assert apart.max() > 0.01
    for pair in ((0, 1), (3, 1)):
        limits = found.concurrence(*pair)
        truth = [
            qutip.concurrence(qutip.Qobj(state, dims=[[2, 2], [2, 2]]))
            for state in exact.pair_state(*pair)
        ]
        assert np.all(limits.lower - 1e-7 <= truth)
        assert np.all(truth <= limits.upper + 1e-7)
        assert limits.level is None
    # Weaker ones are certainly entangled: the limits say something.
    chain = qm.chain([MEMRISTOR] * 5, qm.Native("y", 1 / 15))
    weak = qm.simulate_circuit(
        chain, [0.5 * T], method=qm.PauliPropagation(4, 1e-4), pairs=[(0, 1)], **how
    ).concurrence(0, 1)
    assert weak.lower[0] > 0.5 * weak.value[0] > 0.05
    found.save(tmp_path / "states.npz")
    assert qm.Trajectory.load(tmp_path / "states.npz") == found
    with pytest.raises(ValueError, match=r"kept pairs, but \(0, 2\) does not"):
        found.concurrence(0, 2)
    with pytest.raises(ValueError, match="one for each of the pairs"):
        found.replace(pair_states={(0, 1): found.pair_state(0, 1)}).concurrence(0, 1)
