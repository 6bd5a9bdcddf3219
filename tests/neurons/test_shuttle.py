"""The shuttle neuron: equations, limits, physical bounds, errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from qmemcircuit.analysis.loops import find_loops
from qmemcircuit.neurons.dynamics.cycles import find_limit_cycle, find_periodic_orbit
from qmemcircuit.neurons.dynamics.equilibria import find_equilibrium, hopf_normal_form
from qmemcircuit.neurons.dynamics.maps import rotation_number, stroboscopic_map
from qmemcircuit.neurons.shuttle.conductance import conductance_elements
from qmemcircuit.neurons.shuttle.neuron import (
    LinearRamp,
    ShuttleNeuron,
    SinusoidalDrive,
    simulate,
)
from qmemcircuit.neurons.shuttle.units import PhysicalShuttle
from qmemcircuit.results.trajectory import Trajectory

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1, thermal_polarisation=0.8)


def plain_rate(neuron: ShuttleNeuron, t: float, state: np.ndarray) -> np.ndarray:
    """Eq. 10 written once more, with operators: independent of the compiled form."""
    v, z, x, y = state
    f00, f01, f11 = conductance_elements(neuron.equilibrium_position - neuron.displacement * v)
    rho = 0.5 * np.array([[1 + z, x - 1j * y], [x + 1j * y, 1 - z]])
    conductance = np.trace(rho @ np.array([[f00, f01], [f01, f11]])).real
    bias = neuron.bias
    if isinstance(neuron.drive, SinusoidalDrive):
        bias += neuron.drive.amplitude * np.sin(neuron.drive.frequency * t + neuron.drive.phase)
    slope = bias - (1 + neuron.resistance * conductance) * v
    # H = −(Ω/2)σz + V̇σy, damping towards Z_T at αΓ, pure dephasing Γ(1 − α/2).
    sz, sy = np.diag([1, -1]), np.array([[0, -1j], [1j, 0]])
    hamiltonian = -neuron.frequency / 2 * sz + slope * sy
    drho = -1j * (hamiltonian @ rho - rho @ hamiltonian)
    gamma, alpha = neuron.decoherence_rate, neuron.relaxation_ratio
    lower, upper = np.array([[0, 1], [0, 0]]), np.array([[0, 0], [1, 0]])
    cold = (1 + neuron.thermal_polarisation) / 2
    for operator, rate in (
        (lower, alpha * gamma * cold),
        (upper, alpha * gamma * (1 - cold)),
        (sz, gamma * (1 - alpha / 2) / 2),
    ):
        product = operator.conj().T @ operator
        drho = drho + rate * (
            operator @ rho @ operator.conj().T - 0.5 * (product @ rho + rho @ product)
        )
    paulis = (np.array([[0, 1], [1, 0]]), sy)
    dx, dy = (np.trace(drho @ pauli).real for pauli in paulis)
    return np.array([slope, np.trace(drho @ sz).real, dx, dy])


states = st.tuples(st.floats(-3, 5), *[st.floats(-0.57, 0.57)] * 3).map(np.array)


@settings(max_examples=30, deadline=None)
@given(state=states, alpha=st.floats(0, 2), time=st.floats(0, 10))
def test_compiled_rate_is_the_lindblad_equation(
    state: np.ndarray, alpha: float, time: float
) -> None:
    neuron = replace(NEURON, relaxation_ratio=alpha, drive=SinusoidalDrive(0.7, 6.0, 0.3))
    difference = neuron.system().rate(state, time) - plain_rate(neuron, time, state)
    assert np.abs(difference).max() < 1e-12


@settings(max_examples=20, deadline=None)
@given(state=states)
def test_compiled_jacobian_by_differences(state: np.ndarray) -> None:
    system = replace(NEURON, resistance=30.0).system()
    h = 1e-5
    columns = [
        (system.rate(state + h * e) - system.rate(state - h * e)) / (2 * h) for e in np.eye(4)
    ]
    # Central differences: h² f‴/6 with f‴ up to some 10⁴, and rounding 1e-15·100/h.
    assert np.abs(np.array(columns).T - system.jacobian(state)).max() < 1e-5


def test_trajectory_equals_scipy() -> None:
    neuron = replace(NEURON, drive=SinusoidalDrive(0.3, 5.0))
    times = np.linspace(0, 20, 41)
    found = simulate(neuron, times, rtol=1e-12, atol=1e-14)
    expected = solve_ivp(
        lambda t, y: plain_rate(neuron, t, y),
        (0, 20),
        neuron.ground_state,
        method="DOP853",
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
    ).y
    assert np.abs(found.voltage[:, 0] - expected[0]).max() < 1e-9  # 100 × the tolerance
    for name, values in zip("ZXY", expected[1:], strict=True):
        assert np.abs(found.variables[name] - values).max() < 1e-9


def test_without_coupling_the_circuit_charges_exponentially() -> None:
    """R_n = 0: V = V_n(1 − e^{−t}), whatever the qubit does."""
    times = np.linspace(0, 5, 21)
    trajectory = simulate(ShuttleNeuron(resistance=0, bias=1.7, decoherence_rate=0.1), times)
    assert np.abs(trajectory.voltage[:, 0] - 1.7 * (1 - np.exp(-times))).max() < 1e-8


def test_free_shuttle_precesses_and_relaxes() -> None:
    """V = V_n = 0: Eq. B2 with its erratum, Z decays with αΓ."""
    neuron = ShuttleNeuron(
        resistance=5, bias=0, decoherence_rate=0.2, relaxation_ratio=0.6, thermal_polarisation=0.7
    )
    times = np.linspace(0, 10, 31)
    found = simulate(neuron, times, state=[0, -0.3, 0.4, 0.5]).variables
    decay = np.exp(-0.2 * times)
    assert np.abs(found["Z"] - (0.7 - 1.0 * np.exp(-0.12 * times))).max() < 1e-8
    rotated = (0.4 + 0.5j) * np.exp(-7j * times) * decay
    assert np.abs(found["X"] + 1j * found["Y"] - rotated).max() < 1e-8


def test_a_ramp_is_neither_autonomous_nor_periodic() -> None:
    """Its system used to pass for an autonomous one, and the ramp was forgotten."""
    neuron = replace(NEURON, drive=LinearRamp(0.1))
    system = neuron.system()
    state = neuron.ground_state
    for search in (find_equilibrium, find_limit_cycle, hopf_normal_form):
        with pytest.raises(ValueError, match=r"must be autonomous, but .* drop the ramp"):
            search(system, state)
    for periodic in (
        lambda: find_periodic_orbit(system, state),
        lambda: stroboscopic_map(system, state, count=3),
        lambda: rotation_number(system, state, plane=(0, 1), centre=state),
    ):
        with pytest.raises(ValueError, match=r"with a period, but its input never repeats"):
            periodic()


def test_ramp_and_current() -> None:
    neuron = replace(NEURON, drive=LinearRamp(0.1))
    found = simulate(neuron, np.linspace(0, 10, 11))
    assert np.allclose(found.variables["input"], 2 + 0.1 * found.times)
    assert np.allclose(found.current, found.variables["conductance"][:, None] * found.voltage)
    traces = np.trace(found.states, axis1=1, axis2=2)
    assert np.allclose(traces, 1)


@settings(max_examples=10, deadline=None)
@given(
    alpha=st.floats(0, 2),
    gamma=st.floats(0, 1),
    resistance=st.floats(0, 50),
    bias=st.floats(-10, 10),
    amplitude=st.floats(0, 20),
)
def test_bloch_vector_stays_inside_and_voltage_bounded(
    alpha: float, gamma: float, resistance: float, bias: float, amplitude: float
) -> None:
    neuron = ShuttleNeuron(
        resistance=resistance,
        bias=bias,
        decoherence_rate=gamma,
        relaxation_ratio=alpha,
        drive=SinusoidalDrive(amplitude, 3.0),
    )
    found = simulate(neuron, np.linspace(0, 20, 200))
    length = np.sqrt(sum(found.variables[name] ** 2 for name in "XYZ"))
    assert length.max() < 1 + 1e-6  # rtol 1e-9 over some 10³ steps
    assert np.abs(found.voltage).max() <= neuron.voltage_bound(0.0) + 1e-6


def test_a_sinusoidal_drive_defines_the_loop() -> None:
    """One turn of the drive is a loop; find_loops needs no period from the user."""
    neuron = replace(NEURON, drive=SinusoidalDrive(0.2, 6.0))
    run = simulate(neuron, np.linspace(0, 3 * neuron.drive.period, 181))
    assert run.periods == pytest.approx([2 * np.pi / 6.0])
    assert len(find_loops(run)) == 3
    assert simulate(NEURON, [0, 1]).periods is None
    assert simulate(replace(NEURON, drive=LinearRamp(0.1)), [0, 1]).periods is None


def test_trajectory_saves_and_loads(tmp_path: Path) -> None:
    neuron = replace(NEURON, drive=SinusoidalDrive(0.1, 6.0))
    found = simulate(neuron, [0.0, 1.0, 2.0])
    loaded = Trajectory.load(found.save(tmp_path / "neuron.npz"))
    assert np.array_equal(loaded.voltage, found.voltage)
    assert loaded.provenance["neuron"]["drive"]["amplitude"] == 0.1


def test_physical_units_round_trip() -> None:
    """Integrate Eqs. 6–8 in SI units directly and compare with the dimensionless neuron."""
    from scipy.constants import elementary_charge, hbar, k

    shuttle = PhysicalShuttle(
        mass=2e-26,
        charge=elementary_charge,
        level_frequency=1e12,
        half_gap=1.5e-10,
        equilibrium_position=1.0e-10,
        tunnelling_length=3e-11,
        minimal_resistance=1e5,
        external_resistance=5e5,
        external_capacitance=1.4e-17,
        external_voltage=0.01,
        temperature=4.0,
        dephasing_rate=2e10,
        relaxation_ratio=1.3,
    )
    for ratio, message in ((2.1, "at most 2"), (-0.1, "at least 0")):
        with pytest.raises(ValueError, match=f"Argument relaxation_ratio must be {message}"):
            replace(shuttle, relaxation_ratio=ratio)
    neuron = shuttle.neuron()
    assert neuron.resistance == pytest.approx(5.0)
    assert neuron.frequency == pytest.approx(7.0)
    assert neuron.thermal_polarisation == pytest.approx(np.tanh(hbar * 1e12 / (2 * k * 4.0)))
    stiffness = shuttle.mass * shuttle.level_frequency**2
    coupling = shuttle.charge / (
        np.sqrt(2) * stiffness * shuttle.oscillator_length * shuttle.half_gap
    )

    def rate(t: float, state: np.ndarray) -> np.ndarray:
        v, z, x, y = state
        shift = shuttle.charge * v / (2 * stiffness * shuttle.half_gap)
        f00, f01, f11 = conductance_elements(
            shuttle.equilibrium_position - shift,
            oscillator_length=shuttle.oscillator_length,
            tunnelling_length=shuttle.tunnelling_length,
        )
        ratio = 5.0 * (0.5 * (1 + z) * f00 + x * f01 + 0.5 * (1 - z) * f11)
        slope = (shuttle.external_voltage - (1 + ratio) * v) / shuttle.time_unit
        omega, gamma = shuttle.level_frequency, shuttle.dephasing_rate
        return np.array(
            [
                slope,
                -coupling * slope * x - 1.3 * gamma * (z - neuron.thermal_polarisation),
                omega * y + coupling * slope * z - gamma * x,
                -omega * x - gamma * y,
            ]
        )

    end = 3.0
    expected = solve_ivp(
        rate,
        (0, end * shuttle.time_unit),
        neuron.ground_state,
        method="DOP853",
        rtol=1e-10,
        atol=1e-14,
    ).y[:, -1]
    found = simulate(neuron, [0.0, end])
    assert found.voltage[-1, 0] * shuttle.voltage_unit == pytest.approx(expected[0], rel=1e-7)
    assert found.variables["X"][-1] == pytest.approx(expected[2], rel=1e-6)
    assert replace(shuttle, temperature=0.0).thermal_polarisation == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relaxation_ratio": 2.1}, "relaxation_ratio must be at most 2"),
        ({"decoherence_rate": -0.1}, "decoherence_rate must be at least 0"),
        ({"thermal_polarisation": 1.2}, "thermal_polarisation must be at most 1"),
        ({"thermal_polarisation": -0.1}, "thermal_polarisation must be at least 0"),
        ({"tunnelling_length": 0.0}, "tunnelling_length must be greater than 0"),
        ({"oscillator_length": -1.0}, "oscillator_length must be greater than 0"),
        ({"resistance": -1.0}, "resistance must be at least 0"),
        ({"bias": float("nan")}, "bias must be finite"),
    ],
)
def test_unphysical_parameters_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(NEURON, **change)


def test_bad_states_drives_and_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="inside the unit sphere"):
        simulate(NEURON, [0.0, 1.0], state=[0, 1, 0.5, 0])
    with pytest.raises(ValueError, match="four finite numbers"):
        simulate(NEURON, [0.0, 1.0], state=[0, 1, 0])
    with pytest.raises(ValueError, match=r"table_reach must be at least .* left the table"):
        simulate(replace(NEURON, bias=8.0), [0.0, 10.0], table_reach=1.5)
    with pytest.raises(ValueError, match="at least 2 entries"):
        simulate(NEURON, [0.0])
    with pytest.raises(TypeError, match=r"Argument state must hold four numbers.*'abc'"):
        simulate(NEURON, [0, 1], state="abc")
    with pytest.raises(TypeError, match="drive must be"):
        replace(NEURON, drive=0.1)
    with pytest.raises(ValueError, match="amplitude must be at least 0"):
        SinusoidalDrive(-1.0, 6.0)
    with pytest.raises(ValueError, match="frequency must be greater than 0"):
        SinusoidalDrive(1.0, 0.0)
    with pytest.raises(ValueError, match="charge must not be 0"):
        PhysicalShuttle(
            mass=1,
            charge=0,
            level_frequency=1,
            half_gap=1,
            equilibrium_position=0,
            tunnelling_length=1,
            minimal_resistance=1,
            external_resistance=1,
            external_capacitance=1,
            external_voltage=1,
            temperature=0,
            dephasing_rate=0,
        )
