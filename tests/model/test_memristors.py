from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit.model.memristors import as_network

angles = st.floats(-7, 7)


@given(angles, angles)
def test_initial_state_is_the_papers(a, b):
    """cos a |e> + sin a e^{ib} |g>, |e> = |1>."""
    memristor = qm.Memristor(qm.ConstantRate(0.1), a=a, b=b)
    vector = np.array([np.sin(a) * np.exp(1j * b), np.cos(a)])
    assert memristor.initial_state == pytest.approx(np.outer(vector, vector.conj()), abs=1e-15)


def test_printed_density_matrix_has_the_wrong_phase():
    """guo2022, Eq. 15 prints e^{+ib} for <e|ρ|g>; the state gives e^{−ib}."""
    a, b = 0.5, 0.7
    state = qm.Memristor(qm.ConstantRate(0.1), a=a, b=b).initial_state
    assert state[1, 0] == pytest.approx(np.cos(a) * np.sin(a) * np.exp(-1j * b))
    assert abs(state[1, 0] - np.cos(a) * np.sin(a) * np.exp(1j * b)) > 0.4


def test_periods():
    memristor = qm.Memristor(qm.SquidRate(0.1), a=0.1, omega=2.0)
    times = memristor.periods(3, points=30)
    assert times.shape == (91,)
    assert times[0] == 0
    assert times[-1] == pytest.approx(3 * np.pi, abs=1e-14)
    assert memristor.periods(0.5, points=4).shape == (3,)
    with pytest.raises(ValueError, match="whole number of steps"):
        memristor.periods(0.3, points=4)
    with pytest.raises(TypeError, match="Argument points must be an integer"):
        memristor.periods(1, points=3.5)


def test_replace_changes_one_thing():
    memristor = qm.Memristor(qm.SquidRate(0.1), a=0.1)
    faster = replace(memristor, omega=2.0)
    assert faster.period == pytest.approx(np.pi)
    assert faster.decay_rate(0.3) == pytest.approx(0.1 * (1 - np.sin(np.cos(0.6))))
    assert faster.a == memristor.a
    assert memristor == qm.Memristor(qm.SquidRate(0.1), a=0.1)
    assert hash(memristor) == hash(qm.Memristor(qm.SquidRate(0.1), a=0.1))


def test_bad_memristors_are_named():
    rate = qm.SquidRate(0.1)
    with pytest.raises(ValueError, match="Argument state must be given if a is not"):
        qm.Memristor(rate)
    with pytest.raises(ValueError, match="both was given"):
        qm.Memristor(rate, a=0.1, state=np.diag([1, 0]))
    with pytest.raises(ValueError, match="trace 1, but its trace is"):
        qm.Memristor(rate, state=np.diag([1, 0.5]))
    with pytest.raises(ValueError, match="positive semidefinite"):
        qm.Memristor(rate, state=np.diag([1.5, -0.5]))
    with pytest.raises(ValueError, match="Hermitian"):
        qm.Memristor(rate, state=[[0.5, 0.1], [0.2, 0.5]])
    with pytest.raises(ValueError, match="shape"):
        qm.Memristor(rate, state=np.eye(3) / 3)
    with pytest.raises(ValueError, match="Argument omega must be greater than 0"):
        qm.Memristor(rate, a=0.1, omega=0.0)
    with pytest.raises(TypeError, match="Argument rate must have the methods"):
        qm.Memristor(0.4, a=0.1)
    with pytest.raises(ValueError, match="omega must agree"):
        qm.Memristor(qm.SquidRate(0.1, omega=1.0), a=0.1, omega=2.0)


def test_network_state_is_the_product_with_memristor_0_least_significant():
    excited = qm.Memristor(qm.ConstantRate(0.1), a=0.0)
    ground = qm.Memristor(qm.ConstantRate(0.1), a=np.pi / 2)
    state = qm.Network([excited, ground]).initial_state
    assert state[1, 1] == pytest.approx(1.0)  # |01>: memristor 0 in |1>


def test_bad_networks_are_named():
    memristor = qm.Memristor(qm.ConstantRate(0.1), a=0.0)
    with pytest.raises(ValueError, match="name memristors from 0 to 1, but \\(0, 2\\)"):
        qm.Network([memristor] * 2, {(0, 2): qm.Native("y", 0.1)})
    with pytest.raises(ValueError, match="two different memristors, but \\(1, 1\\)"):
        qm.Network([memristor] * 2, {(1, 1): qm.Native("y", 0.1)})
    with pytest.raises(TypeError, match="has no hamiltonian"):
        qm.Network([memristor] * 2, {(0, 1): 0.1})
    with pytest.raises(TypeError, match="non-empty list"):
        qm.Network([])
    with pytest.raises(ValueError, match="share one hbar"):
        qm.Network([memristor, replace(memristor, hbar=2.0)])
    with pytest.raises(TypeError, match="Argument model must be"):
        as_network("memristor")
