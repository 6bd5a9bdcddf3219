from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.common.states import concurrence_of_states


def test_single_memristor_follows_the_closed_form():
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    times = memristor.periods(3)
    master = qm.master_equation(memristor, times)
    kappa = -0.5 * memristor.decay_integral(0.0, times)
    start = memristor.initial_state
    # rtol 1e-11 a step, some 300 steps.
    assert master.states[:, 1, 0] == pytest.approx(
        start[1, 0] * np.exp(kappa - 1j * times), abs=1e-9
    )
    assert master.states[:, 1, 1] == pytest.approx(start[1, 1] * np.exp(2 * kappa), abs=1e-9)


@pytest.mark.parametrize("periods", [20, 300])
def test_the_master_equation_keeps_its_digits_for_long(periods):
    """Undamped, where errors add up: it was 6e-8 after 20 periods and 1e-6 after 300."""
    times = np.linspace(0, periods * 2 * np.pi, 3 * periods + 1)
    free = qm.Memristor(qm.ConstantRate(0.0), a=0.7)
    found = qm.master_equation(free, times).states[:, 1, 0]
    wanted = free.initial_state[1, 0] * np.exp(-1j * times)
    assert np.abs(found - wanted).max() < 2e-9  # what the docstring says
    damped = qm.Memristor(qm.SquidRate(0.02), a=0.7)
    kappa = -0.5 * damped.decay_integral(0.0, times)
    found = qm.master_equation(damped, times).states[:, 1, 0]
    assert np.abs(found - wanted * np.exp(kappa)).max() < 1e-9
    # H = g(σ+σ− + h.c.): |10> and |01> exchange, P = cos²(gt).
    one, other = (qm.Memristor(qm.ConstantRate(0.0), a=a) for a in (0.0, np.pi / 2))
    pair = qm.Network([one, other], {(0, 1): qm.PartialISwap(0.1)})
    population = qm.master_equation(pair, times).states[:, 1, 1].real
    assert np.abs(population - np.cos(0.1 * times) ** 2).max() < 1e-9


def test_current_is_its_definition_by_an_independent_derivative():
    """I = √(mħω/2)(d<σy>/dt − ω<σx>) with d/dt by a spline, m and ħ not 1."""
    from scipy.interpolate import CubicSpline

    memristor = qm.Memristor(qm.SquidRate(0.3), a=0.5, b=0.3, omega=1.4, mass=2.0, hbar=0.5)
    other = qm.Memristor(qm.ConstantRate(0.1), a=1.2, mass=3.0, hbar=0.5)
    pair = qm.Network([memristor, other], {(0, 1): qm.Native("x", 0.2)})
    times = np.linspace(0, 5, 801)
    master = qm.master_equation(pair, times)
    from qmemcircuit.common.states import expectation, pauli_matrix

    for j, (labels, device) in enumerate(((("XI", "YI"), memristor), (("IX", "IY"), other))):
        x, y = (expectation(master.states, pauli_matrix(label)) for label in labels)
        definition = np.sqrt(device.mass * device.hbar * device.omega / 2) * (
            -CubicSpline(times, y)(times, 1) - device.omega * x
        )
        inner = slice(4, -4)  # a spline's end conditions are of lower order
        # Spline: h³ max|y''''| / 24 < 2e-8, plus the solver's 1e-9 / h.
        assert master.current[inner, j] == pytest.approx(definition[inner], abs=1e-6)


def test_times_need_not_start_at_zero():
    memristor = qm.Memristor(qm.ConstantRate(0.2), a=0.4)
    late = qm.master_equation(memristor, [1.0, 2.0])
    full = qm.master_equation(memristor, [0.0, 1.0, 2.0])
    assert late.states == pytest.approx(full.states[1:], abs=1e-9)
    assert qm.master_equation(memristor, [0.0]).states.shape == (1, 2, 2)


def test_exchange_makes_the_known_entanglement():
    """PartialISwap from |10>, no damping: C = |sin 2gt| for H = (g/2)(XX + YY)."""
    up = qm.Memristor(qm.ConstantRate(0.0), a=0.0)
    down = qm.Memristor(qm.ConstantRate(0.0), a=np.pi / 2)
    pair = qm.Network([up, down], {(0, 1): qm.PartialISwap(0.3)})
    times = np.linspace(0, 6, 40)
    master = qm.master_equation(pair, times)
    assert concurrence_of_states(master.states) == pytest.approx(
        np.abs(np.sin(2 * 0.3 * times)), abs=1e-6
    )


def test_negative_rates_have_no_collapse_operator():
    memristor = qm.Memristor(qm.FunctionRate(lambda t: 0.1 - t), a=0.4)
    with pytest.raises(ValueError, match="Argument rate must not be negative"):
        memristor.to_qutip()[1][0](1.0)


def test_negative_rates_are_integrated():
    """Γ = 0.5 cos t is negative from π/2; ρ_ee = ρ_ee(0) exp(−0.5 sin t) grows again."""
    memristor = qm.Memristor(qm.FunctionRate(lambda t: 0.5 * np.cos(t)), a=0.4)
    times = np.linspace(0, 3, 7)
    master = qm.master_equation(memristor, times)
    expected = np.cos(0.4) ** 2 * np.exp(-0.5 * np.sin(times))
    assert master.states[:, 1, 1].real == pytest.approx(expected, abs=1e-8)


def test_to_qutip_gives_what_mesolve_takes():
    import qutip

    memristor = qm.Memristor(qm.ConstantRate(0.5), a=0.0)
    hamiltonian, collapse = memristor.to_qutip()
    start = qutip.Qobj(memristor.initial_state)
    final = qutip.mesolve(hamiltonian, start, [0, 1.0], collapse, options={"progress_bar": ""})
    # QuTiP's default tolerance is wrong in the sixth digit.
    assert final.states[-1].full()[1, 1].real == pytest.approx(np.exp(-0.5), abs=1e-5)
