"""The SQUID in physical units against a circuit calculation and the memristor in natural units."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.constants import e, h, hbar
from scipy.linalg import expm

import qmemcircuit as qm
from qmemcircuit.model.laws.squid import Squid, quasiparticle_spectral_density
from qmemcircuit.results.units import to_volts

SQUID = Squid(charging_energy=1e9 * h, inductive_energy=20e9 * h, spectral_density=4e9)


def test_frequency_is_the_lc_circuits():
    lc = 1 / math.sqrt(SQUID.inductance * SQUID.capacitance)
    assert pytest.approx(lc, rel=1e-12) == SQUID.omega
    # Zero-point charge in Cooper pairs and phase: n φ = 1/2.
    pairs = math.sqrt(SQUID.capacitance * hbar * SQUID.omega / 2) / (2 * e)
    assert pairs * 2 * SQUID.coupling == pytest.approx(0.5, rel=1e-12)


def test_matrix_element_is_that_of_a_truncated_oscillator():
    size = 60
    a = np.diag(np.sqrt(np.arange(1, size)), 1)
    turn = expm(1j * SQUID.coupling * (a + a.T))
    sine = (turn - turn.conj().T) / 2j
    cosine = (turn + turn.conj().T) / 2
    for bias in (0.3, 1.7):
        operator = sine * np.cos(bias / 2) + cosine * np.sin(bias / 2)
        rate = abs(operator[0, 1]) ** 2 * SQUID.spectral_density
        closed = SQUID.decay_scale * (1 + math.cos(bias))
        assert rate == pytest.approx(closed, rel=1e-12)


def test_rate_is_the_papers_law_at_the_bias_of_the_docstring():
    memristor = SQUID.memristor(a=np.pi / 4)
    times = memristor.periods(1, points=16)
    bias = np.pi / 2 + np.cos(SQUID.omega * times)
    wanted = SQUID.decay_scale * (1 + np.cos(bias))
    np.testing.assert_allclose(memristor.decay_rate(times), wanted, rtol=1e-12)


def test_si_and_natural_units_are_one_loop():
    memristor = SQUID.memristor(a=np.pi / 4, b=np.pi / 5)
    natural = qm.Memristor(qm.SquidRate(SQUID.decay_scale / SQUID.omega), a=np.pi / 4, b=np.pi / 5)
    si = to_volts(SQUID, qm.exact_circuit(memristor, memristor.periods(2)))
    plain = qm.exact_circuit(natural, natural.periods(2))
    volt = math.sqrt(hbar * SQUID.omega / SQUID.capacitance)
    ampere = math.sqrt(SQUID.capacitance * hbar * SQUID.omega) * SQUID.omega
    np.testing.assert_allclose(si.voltage, 2 * volt * plain.voltage, atol=1e-10 * volt)
    np.testing.assert_allclose(si.current, ampere * plain.current, atol=1e-10 * ampere)
    # I = (CΓ/2) V, all in SI.
    memductance = SQUID.capacitance * memristor.decay_rate(si.times)[:, None] / 2
    np.testing.assert_allclose(si.current, memductance * si.voltage, atol=1e-9 * ampere)
    # The zero-point voltage of a GHz circuit with a 100 fF capacitor is microvolts.
    assert 1e-7 < np.abs(si.voltage).max() < 1e-4
    loops = [[loop.form_factor for loop in qm.find_loops(run)] for run in (si, plain)]
    np.testing.assert_allclose(*loops, rtol=1e-6)


def test_spectral_density_gives_the_transmons_known_rate():
    """Γ = (x_qp/π) √(2Δω/ħ) for a transmon: Catelani et al. (2011), Eq. for E_J ≫ E_C."""
    charging, josephson, gap = 0.25e9 * h, 15e9 * h, 44e9 * h
    omega = math.sqrt(8 * charging * josephson) / hbar
    density = quasiparticle_spectral_density(josephson, gap, 1e-6, omega)
    matrix_element = math.sqrt(charging / (8 * josephson))
    known = 1e-6 / math.pi * math.sqrt(2 * gap * omega / hbar)
    assert matrix_element * density == pytest.approx(known, rel=1e-12)


def test_labels_carry_the_units():
    memristor = SQUID.memristor(a=np.pi / 4)
    run = to_volts(SQUID, qm.exact_circuit(memristor, memristor.periods(1)))
    ax = qm.plot_loop(run, normalise=False)
    assert ax.get_xlabel().endswith("[V]")
    assert ax.get_ylabel().endswith("[A]")


def test_bad_input():
    with pytest.raises(ValueError, match="charging_energy must be greater than 0"):
        Squid(0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="omega must be greater than 0"):
        quasiparticle_spectral_density(1.0, 1.0, 1e-6, 0.0)
