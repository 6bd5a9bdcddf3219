"""Equivalent circuits of a pair, and the choice among them by a device's noise."""

import math
from dataclasses import replace

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.circuits.pairs.compilation import compile_pairs
from qmemcircuit.common.states import trace_distance
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.devices.forms import BALANCES, apply_forms, noiseless_state
from qmemcircuit.devices.recorded import recorded_device


def the_pair(coupling):
    memristor = qm.Memristor(qm.SquidRate(0.05), a=math.pi / 4)
    return qm.Network([memristor, memristor], {(0, 1): coupling})


@pytest.mark.parametrize(
    "coupling", [qm.Native("y", 0.06), qm.Native("z", 0.1), qm.PartialSwap(0.1)]
)
def test_every_balance_is_the_same_channel(coupling):
    model = the_pair(coupling)
    (symmetric,) = compile_pairs(model, [9.0])
    shares = []
    for balance in (-1.0, -0.6, 0.3, 1.0):
        (turned,) = compile_pairs(model, [9.0], balance=balance)
        # The residual is that of the exact map's approximation, to the integration's 1e-9.
        assert turned.residual == pytest.approx(symmetric.residual, abs=1e-8)
        shares.append(turned.elements[1].probability)
    assert np.all(np.diff(shares) > 1e-4)  # and yet they are different circuits
    with pytest.raises(ValueError, match="Argument balance must be between"):
        compile_pairs(model, [9.0], balance=1.1)


def test_device_chooses_the_form_nearest_to_the_noiseless_state():
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    model = the_pair(qm.Native("y", 0.06))
    circuits = qm.build_circuits(model, [0.0, 4 * math.pi], bases="Z", splitting="compiled")
    target = qm.device(FakeManilaV2(), seed=1, select_forms=True)
    placed = target.place(circuits)
    (form,) = placed.forms
    noiseless = noiseless_state(circuits.evolution(1), 2)[None]

    def distance(chosen):
        states, _ = replace(placed, forms=chosen).noisy_states(circuits, only=[1])
        return float(trace_distance(states, noiseless)[0])

    # What was predicted is what is compiled, and no other form, nor the plain one, is nearer.
    assert distance(placed.forms) == pytest.approx(form.predicted_distance, abs=1e-12)
    assert distance(()) == pytest.approx(form.plain_distance, abs=1e-12)
    every = {
        (own, balance): distance((replace(form, own_basis=own, balance=balance),))
        for own in (True, False)
        for balance in BALANCES[::3]  # all of them take 20 s
    }
    assert form.predicted_distance <= min(every.values()) + 1e-12
    # Negative control: a choice at random would be seen, for the worst is clearly worse.
    assert max(every.values()) > form.predicted_distance + 1e-3
    # Mutant: forms of another time change nothing.
    elsewhere = (replace(form, time=form.time + 1),)
    assert distance(elsewhere) == pytest.approx(form.plain_distance, abs=1e-12)
    # The same seed chooses the same; the record brings it back; zero-noise factors share it.
    assert target.place(circuits).forms == placed.forms
    assert recorded_device(placed.describe()).forms == placed.forms
    assert replace(target, folding=Folding(3)).place(circuits).forms == placed.forms
    turned, own_basis = apply_forms(circuits, placed.forms)
    assert own_basis == {1: form.own_basis}
    assert turned.compiled[1].residual == pytest.approx(circuits.compiled[1].residual, abs=1e-8)


def test_only_absorbed_decay_waits_in_the_own_basis_unasked():
    """The barrier of that wait makes raw stepwise predictions better or worse: it is asked for.

    `absorb_decay` counts on the wait: it has it always, and asking changes nothing.
    """
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    plain = qm.device(FakeManilaV2(), seed=1)
    waiting = replace(plain, compilation=replace(plain.compilation, own_basis=True))
    for absorbed in (False, True):
        states = [
            qm.device_states(memristor, [1.0, 2.0], target=target, absorb_decay=absorbed).states
            for target in (plain, waiting)
        ]
        assert np.allclose(*states, rtol=0, atol=1e-12) is absorbed
