"""The digital neuron in closed loop: against the ODE, against Aer, with shots, on a device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qiskit.quantum_info import DensityMatrix
from qiskit_aer import AerSimulator

import qmemcircuit as qm
from qmemcircuit.neurons.dynamics.cycles import find_limit_cycle
from qmemcircuit.neurons.dynamics.oscillations import Oscillation, measure_oscillation
from qmemcircuit.neurons.shuttle.bifurcations import find_folds
from qmemcircuit.neurons.shuttle.circuits import history_circuits
from qmemcircuit.neurons.shuttle.device import execute_on, run_digital
from qmemcircuit.neurons.shuttle.digital import simulate_digital
from qmemcircuit.neurons.shuttle.field import rate
from qmemcircuit.neurons.shuttle.neuron import (
    LinearRamp,
    ShuttleNeuron,
    SinusoidalDrive,
    pack_parameters,
    simulate,
)
from qmemcircuit.results.trajectory import Trajectory

NEURON = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
SILENT = replace(NEURON, bias=0.20)
START = (0.3, 1.0, 0.0, 0.0)


def grid(duration: float, dt: float) -> np.ndarray:
    return np.linspace(0, duration, round(duration / dt) + 1)


def settled(neuron: ShuttleNeuron, dt: float, **options: object) -> Oscillation:
    """The oscillation of the 300 time units (some 335 periods) after a transient of 200."""
    run = simulate_digital(neuron, grid(500, dt), state=START, **options)
    late = run.times > 200
    return measure_oscillation(run.times[late], run.voltage[late, 0], frequency=7.03)


@pytest.fixture(scope="module")
def cycle() -> tuple[float, float]:
    """Period and span of the ODE's cycle, by shooting: good to 1e-9."""
    orbit = find_limit_cycle(NEURON.system(), START, transient=300.0)
    return orbit.period, orbit.span()


def test_the_cycle_of_the_ode_and_the_order(cycle: tuple[float, float]) -> None:
    period, span = cycle
    found = [settled(NEURON, dt) for dt in (0.08, 0.04, 0.02)]
    periods = np.array([item.period / period - 1 for item in found])
    spans = np.array([item.span / span - 1 for item in found])
    # The bounds.
    assert abs(spans[-1]) < 1e-3
    assert abs(periods[-1]) < 1e-4
    for errors in (periods, spans):
        orders = np.log2(errors[:-1] / errors[1:])
        assert np.all((orders > 1.8) & (orders < 2.2))


def test_an_euler_step_of_the_voltage_would_fail(cycle: tuple[float, float]) -> None:
    """The mutant: V + Δt V̇ instead of the RK4 step, all else equal, misses the span's bound."""
    dt, x, y, z, v = 0.02, 0.0, 0.0, 1.0, 0.3
    turn = np.exp((-1j * NEURON.frequency - NEURON.decoherence_rate) * dt)
    relaxed = np.exp(-NEURON.decoherence_rate * dt)
    parameters = pack_parameters(NEURON, 100.0)
    voltages = []
    for _ in range(round(300 / dt)):
        state, change = np.array([v, z, x, y]), np.empty(4)
        rate(0.0, state, change, parameters)
        angle = 2 * change[0] * dt
        v += change[0] * dt
        x, z = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
        transverse = turn * (x + 1j * y)
        x, y, z = transverse.real, transverse.imag, 1 + (z - 1) * relaxed
        voltages.append(v)
    late = np.array(voltages[len(voltages) // 2 :])
    found = measure_oscillation(dt * np.arange(late.size), late, frequency=7.03)
    assert abs(found.span / cycle[1] - 1) > 1e-2


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"thermal_polarisation": 0.6, "relaxation_ratio": 0.5},
        {"drive": SinusoidalDrive(0.5, 6.0, 0.3)},
        {"drive": LinearRamp(-0.05)},
    ],
)
def test_voltage_current_and_bloch_vector_are_second_order_at_fixed_times(change: dict) -> None:
    neuron = replace(NEURON, **change)
    state = (0.3, 0.5, 0.4, -0.2)
    wanted = simulate(neuron, grid(4, 0.08) + 1.5, state=state)
    errors = []
    for dt in (0.02, 0.01, 0.005):
        run = simulate_digital(neuron, grid(4, dt) + 1.5, state=state)
        every = round(0.08 / dt)
        errors.append(
            [
                np.abs(run.voltage[::every] - wanted.voltage).max(),
                np.abs(run.current[::every] - wanted.current).max(),
                np.abs(run.states[::every] - wanted.states).max(),
            ]
        )
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.max(errors[0]) < 0.01
    assert np.all((orders > 1.8) & (orders < 2.2))
    np.testing.assert_allclose(run.variables["input"][::16], wanted.variables["input"], rtol=1e-12)


@pytest.mark.parametrize("polarisation", [1.0, 0.6])
@pytest.mark.parametrize("feedback", ["exact", "history", "reprepare"])
def test_circuits_on_aer_step_by_step_agree(polarisation: float, feedback: str) -> None:
    neuron = replace(NEURON, thermal_polarisation=polarisation)
    options = {} if feedback == "exact" else {"shots": 500, "seed": 4}
    simulator = AerSimulator(method="density_matrix")
    runs = [
        simulate_digital(neuron, grid(1.5, 0.05), state=START, feedback=feedback, **each)
        for each in (options, {**options, "simulator": simulator})
    ]
    # The bound; found: 1e-14.
    np.testing.assert_allclose(runs[0].voltage, runs[1].voltage, atol=1e-10)
    np.testing.assert_allclose(runs[0].states, runs[1].states, atol=1e-10)
    if feedback != "exact":
        for name in ("measured_means", "measured_shots"):
            np.testing.assert_array_equal(runs[0].variables[name], runs[1].variables[name])


def test_the_history_circuit_is_what_the_loop_saw() -> None:
    """Rerun from t = 0 with the recorded angles, by another simulator than Aer."""
    dt = 0.1
    run = simulate_digital(NEURON, grid(1.0, dt), state=(0.3, 0.8, 0.5, -0.1))
    changes = np.diff(run.voltage[:, 0])[:-1]
    circuits = history_circuits(NEURON, changes, dt, bloch_vector=(0.5, -0.1, 0.8), bases="XYZ")
    measured = []
    for circuit in circuits:
        circuit.remove_final_measurements()
        zero, one = DensityMatrix(circuit).probabilities([0])
        measured.append(zero - one)
    # The state at times[-2] half a step later: X and Y turn and shrink, Z relaxes.
    z, x, y = (run.variables[name][-2] for name in "ZXY")
    turn = np.exp((-1j * NEURON.frequency - NEURON.decoherence_rate) * dt / 2)
    later = turn * (x + 1j * y)
    relaxed = 1 + (z - 1) * np.exp(-NEURON.decoherence_rate * dt / 2)
    np.testing.assert_allclose(measured, [later.real, later.imag, relaxed], atol=1e-12)


def test_history_with_1000_shots_keeps_the_cycle() -> None:
    exact = settled(NEURON, 0.05)
    for seed in (1, 2, 3):
        found = settled(NEURON, 0.05, feedback="history", shots=1000, seed=seed)
        assert found.amplitude_ratio < 1.02  # the bounds
        assert found.span == pytest.approx(exact.span, rel=0.01)
        assert found.kind == "cycle"


def test_the_control_below_threshold_stays_silent_although_its_raw_span_does_not() -> None:
    for seed in (1, 2, 3):
        run = simulate_digital(
            SILENT, grid(500, 0.05), state=START, feedback="history", shots=1000, seed=seed
        )
        late = run.times > 200
        found = measure_oscillation(run.times[late], run.voltage[late, 0], frequency=7.03)
        assert found.span < 0.001  # the bound
        assert found.kind != "cycle"
        assert np.ptp(run.voltage[late]) > 0.002


def test_reprepare_with_1000_shots_loses_the_cycle_and_with_a_million_keeps_it() -> None:
    for seed in (1, 2, 3):
        lost = settled(NEURON, 0.05, feedback="reprepare", shots=1000, seed=seed)
        assert lost.kind == "noise"
        kept = settled(NEURON, 0.05, feedback="reprepare", shots=1_000_000, seed=seed)
        assert kept.kind == "cycle"


def jumps(dt: float, **options: object) -> np.ndarray:
    """V_n where V crosses the middle of the folds, up and down at a rate of 0.02."""
    middle = np.mean([fold.voltage for fold in find_folds(NEURON)])
    times = grid(175, dt)
    up = simulate_digital(
        replace(NEURON, bias=1.5, drive=LinearRamp(0.02)), times, state=(0.6, 1, 0, 0), **options
    )
    top = [up.voltage[-1, 0], *(up.variables[name][-1] for name in "ZXY")]
    down = simulate_digital(
        replace(NEURON, bias=5.0, drive=LinearRamp(-0.02)), times, state=top, **options
    )
    rise = np.argmax(up.voltage[:, 0] > middle)
    fall = np.argmax(down.voltage[:, 0] < middle)
    return np.array([up.variables["input"][rise], down.variables["input"][fall]])


def test_hysteresis_jumps_where_the_exact_loop_jumps() -> None:
    exact = jumps(0.05)
    assert exact[0] - exact[1] > 1.3
    for shots in (1000, 10_000):
        noisy = jumps(0.05, feedback="history", shots=shots, seed=5)
        assert np.abs(noisy - exact).max() < 0.02  # the bound
    lost = jumps(0.05, feedback="reprepare", shots=10, seed=5)
    assert np.abs(lost - exact).max() > 0.1  # the measure does see a loop that differs


def chi_square(probabilities: np.ndarray, zeros: np.ndarray, shots: int) -> float:
    return float((((zeros - shots * probabilities) ** 2) / (shots * probabilities)).sum())


@pytest.mark.parametrize("feedback", ["history", "reprepare"])
def test_counts_are_binomial(feedback: str) -> None:
    """First step of 200 loops: mean and variance of the counts, z = 4 for at most six checks."""
    shots, repeats, state = 200, 200, (0.3, 0.6, 0.4, -0.5)
    runs = [
        simulate_digital(NEURON, [0, 0.05], state=state, feedback=feedback, shots=shots, seed=seed)
        for seed in range(repeats)
    ]
    # Outcome 0, the eigenvalue +1, as whole numbers.
    zeros = np.array([shots * (1 + run.variables["measured_means"][1]) / 2 for run in runs])
    assert np.abs(zeros - np.round(zeros)).max() < 1e-9
    turn = np.exp((-7j - 0.1) * 0.025) * (0.4 - 0.5j)
    relaxed = 1 + (0.6 - 1) * np.exp(-0.1 * 0.025)
    values = {"X": turn.real, "Y": turn.imag, "Z": relaxed}
    assert all(np.all(run.variables["measured_shots"] == [[0], [shots]]) for run in runs)
    assert all(np.all(np.isnan(run.variables["measured_means"][0])) for run in runs)
    for k, basis in enumerate("XZ" if feedback == "history" else "XYZ"):
        p = (1 + values[basis]) / 2
        error = np.sqrt(p * (1 - p) / shots / repeats)
        mean = zeros[:, k].mean() / shots
        assert abs(mean - p) < 4 * error
        assert abs(mean - 1.1 * p) > 4 * error  # the mutant
        variance = zeros[:, k].var(ddof=1)
        # A variance from n normal-like values has a relative error √(2/(n − 1)).
        assert variance == pytest.approx(shots * p * (1 - p), rel=4 * np.sqrt(2 / (repeats - 1)))


def test_shot_noise_of_the_first_voltage_scales_as_one_over_root_shots() -> None:
    spreads = []
    for shots in (100, 10_000):
        voltages = [
            simulate_digital(
                NEURON,
                [0, 0.05],
                state=(1.0, 0.6, 0.4, -0.5),
                feedback="history",
                shots=shots,
                seed=seed,
            ).voltage[1, 0]
            for seed in range(150)
        ]
        spreads.append(np.std(voltages, ddof=1))
    # Each spread has a relative error of 1/√300 = 6 %, their ratio 8 %.
    assert spreads[0] / spreads[1] == pytest.approx(10, rel=4 * 0.08)


def test_seeds_are_recorded_and_repeat(tmp_path: Path) -> None:
    times = grid(2, 0.05)
    options = {"feedback": "history", "shots": 100}
    first = simulate_digital(NEURON, times, **options)
    again = simulate_digital(NEURON, times, **options, seed=first.provenance["seed"])
    np.testing.assert_array_equal(first.voltage, again.voltage)
    other = simulate_digital(NEURON, times, **options, seed=first.provenance["seed"] + 1)
    assert np.any(first.voltage != other.voltage)
    first.save(tmp_path / "run.npz")
    loaded = Trajectory.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(first.voltage, loaded.voltage)
    assert loaded.provenance["feedback"] == "history"
    assert loaded.provenance["neuron"]["resistance"] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feedback": "none"}, "feedback must be one of"),
        ({"shots": 100}, "shots must be None"),
        ({"feedback": "history"}, "shots must be given"),
        ({"feedback": "history", "shots": 0}, "shots must be at least 1"),
        ({"feedback": "history", "shots": 1e3}, "shots must be an integer"),
        ({"feedback": "history", "shots": 10, "seed": -1}, "seed must be at least 0"),
        ({"times": [0, 1, 3]}, "times must be evenly spaced"),
        ({"times": [0]}, "times must be"),
        ({"state": (0, 1, 1, 0)}, "inside the unit sphere"),
        ({"times": np.arange(0, 300, 3.0)}, "RK4 step"),
    ],
)
def test_bad_input(change: dict, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        simulate_digital(**{"neuron": NEURON, "times": grid(2, 0.05), **change})


@pytest.mark.parametrize("feedback", ["history", "reprepare"])
def test_an_ideal_device_gives_the_loop_within_its_shots(feedback: str) -> None:
    times = grid(0.3, 0.05)
    backend = AerSimulator(method="density_matrix")
    run = run_digital(
        NEURON,
        times,
        execute=execute_on(backend, seed=2, scheduling=None),
        shots=20_000,
        feedback=feedback,
        state=(0.6, 0.8, 0.3, 0.2),
    )
    many = np.array(
        [
            simulate_digital(
                NEURON,
                times,
                feedback=feedback,
                shots=20_000,
                seed=seed,
                state=(0.6, 0.8, 0.3, 0.2),
            ).voltage[1:, 0]
            for seed in range(60)
        ]
    )
    deviation = (run.voltage[1:, 0] - many.mean(axis=0)) / many.std(axis=0, ddof=1)
    assert np.abs(deviation).max() < 4
    exact = simulate_digital(NEURON, times, state=(0.6, 0.8, 0.3, 0.2))
    middle = (exact.current[1:] + exact.current[:-1])[:, 0] / 2
    # The mean of two step ends is the middle's current to Δt² İ̈/8, below 0.005 here.
    assert np.all(np.abs(run.current[1:, 0] - middle) < 4 * run.current_error[1:, 0] + 0.005)
    bases = "XZ" if feedback == "history" else "XYZ"
    assert run.provenance["bases"] == list(bases)
    assert run.variables["measured_shots"].sum() == 6 * len(bases) * 20_000
    assert qm.compare(run, exact).agree is None


@pytest.mark.parametrize("feedback", ["history", "reprepare"])
def test_compare_gives_distances_and_no_verdict_on_fed_back_shots(feedback: str) -> None:
    """Counts of a step's middle are not of the states at its end: no χ² may be drawn from them."""
    times = grid(5, 0.05)
    ode = simulate(NEURON, times, state=START)
    digital = simulate_digital(NEURON, times, state=START, feedback=feedback, shots=100_000, seed=1)
    comparison = qm.compare(digital, ode)
    assert comparison.agree is None
    assert comparison.p_value is None
    # Both sides hold states, so that the distance of the qubits is there too: small, not zero.
    assert 0 < comparison.trace_distance.max() < 0.2
    assert 0 < comparison.voltage_max[0] < 0.05


def test_device_options_are_checked() -> None:
    with pytest.raises(ValueError, match="feedback must be one of 'history', 'reprepare'"):
        run_digital(NEURON, [0, 0.1], execute=print, shots=10, feedback="exact")
    with pytest.raises(ValueError, match="shots must be at least 1"):
        run_digital(NEURON, [0, 0.1], execute=print, shots=0)


@pytest.mark.slow
def test_ten_steps_on_a_noisy_device_with_its_schedule() -> None:
    provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    backend = AerSimulator.from_backend(provider.FakeManilaV2(), method="density_matrix")
    times = grid(0.5, 0.05)
    run = run_digital(NEURON, times, execute=execute_on(backend, seed=1), shots=4000)
    exact = simulate_digital(NEURON, times)
    ideal = simulate_digital(NEURON, times, feedback="history", shots=4000, seed=1)
    shots = np.abs(ideal.voltage - exact.voltage).max()
    device = np.abs(run.voltage - exact.voltage).max()
    # V is driven by the classical circuit, so the device's noise is small in V, but it is there.
    assert shots < device < 0.05
