"""Γ with a pulse: circuits, master equation and closed form mean the same law, or it is refused."""

from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm

TIMES = np.linspace(0, 6 * np.pi, 91)
EXCITED = np.cos(0.3) ** 2


def pulsed(edge, width, height, *, base=0.02, breakpoints=False):
    """One memristor under a pulse, and its exact excited population e^{−∫Γ} cos² a."""
    law = qm.FunctionRate(
        lambda t: height if edge < t < edge + width else base,
        breakpoints=(edge, edge + width) if breakpoints else (),
    )
    integral = base * TIMES + (height - base) * np.clip(TIMES - edge, 0, width)
    return qm.Memristor(law, a=0.3), EXCITED * np.exp(-integral)


@pytest.mark.parametrize(
    ("edge", "width", "height", "breakpoints"),
    [
        (7.3, 0.05, 30.0, False),  # merged circuits: 0.333 for 0.081 once
        (7.3, 0.002, 700.0, False),  # circuit and master equation once wrong alike
        (7.3, 0.05, 30.0, True),
        (11.0, 1e-6, 1e6, True),
        (0.0, 1e-5, 1e5, True),
        (TIMES[40], 0.01, 100.0, True),
        (np.nextafter(TIMES[40], 0), TIMES[41] - TIMES[40], 10.0, True),
        (3.0, 2e-15, 10.0, True),  # breakpoints within the rounding of t
    ],
)
def test_nobody_misses_the_pulse(edge, width, height, breakpoints):
    memristor, expected = pulsed(edge, width, height, breakpoints=breakpoints)
    master = qm.master_equation(memristor, TIMES)
    # The bound of master_equation, 1e-8; of the circuits, the integral's own 1e-12 a panel.
    assert master.states[:, 1, 1].real == pytest.approx(expected, abs=1e-8)
    for options in ({"ancilla": "merged"}, {}):
        exact = qm.exact_circuit(memristor, TIMES, **options)
        assert exact.states[:, 1, 1].real == pytest.approx(expected, abs=1e-9)
        ours = exact.provenance["decay_integrals"]
        assert ours == master.provenance["decay_integrals"]
        assert ours == pytest.approx(master.provenance["decay_integrals_of_solver"], abs=1e-8)


def test_a_smooth_pulse_that_the_solver_would_jump_over():
    """Γ = A exp(−(t − 9)²/2s²), s = 0.002: ∫Γ = A s √2π."""
    law = qm.FunctionRate(lambda t: 200 * np.exp(-0.5 * ((t - 9.0) / 0.002) ** 2))
    memristor = qm.Memristor(law, a=0.3)
    master = qm.master_equation(memristor, [0.0, 18.0])
    expected = EXCITED * np.exp(-200 * 0.002 * np.sqrt(2 * np.pi))
    assert master.states[-1, 1, 1].real == pytest.approx(expected, abs=1e-8)


class Liar:
    """A law whose integral is not that of its values."""

    def __init__(self, hidden):
        self.hidden = hidden

    def value(self, times):
        return np.full(np.shape(times), 0.1)

    def integral(self, start, stop):
        start, stop = np.asarray(start), np.asarray(stop)
        return 0.1 * (stop - start) + self.hidden * ((start < 7.3) & (stop >= 7.3))

    def at_frequency(self, omega):
        return self


def test_two_integrals_of_one_law_are_refused():
    with pytest.raises(ValueError, match=r"memristor 0 must have one integral.*breakpoints"):
        qm.master_equation(qm.Memristor(Liar(1e-4), a=0.3), TIMES)
    qm.master_equation(qm.Memristor(Liar(0.0), a=0.3), TIMES)


def test_the_pairs_map_sees_the_pulse():
    """Pauli transfer matrices of two uncoupled memristors are amplitude damping of each."""
    from qmemcircuit.circuits.channels.pair_maps import damping_map, pair_maps

    memristor, population = pulsed(7.3, 0.002, 700.0)
    other = qm.Memristor(qm.ConstantRate(0.1), a=0.3)
    maps = pair_maps(qm.Network([memristor, other]), TIMES)
    damping = damping_map(1 - population[-1] / EXCITED)
    # Z and 1 of memristor 0 (letters 0 and 3), which a free precession leaves alone.
    kept = np.ix_([0, 3], [0, 3])
    assert maps[-1][kept] == pytest.approx(damping[kept], abs=1e-8)


def test_a_table_ends_in_one_voice():
    table = qm.TabulatedRate.from_values(np.linspace(0, 20, 200), np.linspace(0, 0.3, 200))
    memristor = qm.Memristor(table, a=0.3)
    pair = qm.Network([memristor, memristor], {(0, 1): qm.Native("y", 0.1)})
    late = [0.0, 10.0, 30.0]
    asked = [
        lambda: table.value(30.0),
        lambda: table.integral(0.0, 30.0),
        lambda: memristor.decay_rate(late),
        lambda: memristor.decay_integral(0.0, late),
        lambda: qm.master_equation(memristor, late),
        lambda: qm.exact_circuit(memristor, late),
        lambda: qm.exact_circuit(memristor, late, ancilla="merged"),
        lambda: qm.exact_circuit(pair, late, splitting="compiled"),
        lambda: qm.run(memristor, late, shots=10, target=qm.aer(seed=1)),
        lambda: qm.simulate_circuit(pair, late, trajectories=2, seed=1),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="within the table of the rate, 0 to 20, but "):
            ask()


def test_a_measured_table_is_one_law_for_both_sides():
    rows = np.linspace(0, 20, 200)
    table = qm.TabulatedRate.from_values(rows, 0.2 * (1 + np.sin(rows) ** 2))
    memristor = qm.Memristor(table, a=0.3)
    times = np.linspace(0, 20, 101)
    master = qm.master_equation(memristor, times)
    expected = EXCITED * np.exp(-table.integral(0.0, times))
    assert master.states[:, 1, 1].real == pytest.approx(expected, abs=1e-8)
    exact = qm.exact_circuit(memristor, times)
    assert exact.states[:, 1, 1].real == pytest.approx(expected, abs=1e-11)


@pytest.mark.slow
def test_without_damping_errors_stay_small_for_300_periods():
    memristor = qm.Memristor(qm.ConstantRate(0.0), a=np.pi / 4)
    times = memristor.periods(300, points=4)
    master = qm.master_equation(memristor, times)
    expected = 0.5 * np.exp(-1j * times)
    # master_equation's own bound.
    assert master.states[:, 1, 0] == pytest.approx(expected, abs=1e-8)
