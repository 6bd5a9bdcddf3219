"""The circuit integrate-and-fire neuron: closed form, Aer, a device's own T1, spike files."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmemcircuit as qm
from qmemcircuit.neurons.closed_loop import calibrate_readout, count_outcomes, samplers_for_steps
from qmemcircuit.neurons.qlif import (
    CircuitNeuron,
    next_population,
    run_layers,
    simulate_layers,
    step_circuit,
)
from qmemcircuit.neurons.spike_trains import bin_spikes, read_spikes

NEURON = CircuitNeuron(threshold=0.8)
ONE = [([NEURON], [[1.0]])]
TRAIN = [1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1]


@settings(max_examples=40, deadline=None)
@given(population=st.floats(0, 1), angle=st.floats(0, 2), ratio=st.floats(0.01, 5))
def test_circuit_is_the_closed_form(population, angle, ratio):
    from qiskit.quantum_info import DensityMatrix, partial_trace

    neuron = CircuitNeuron(step=ratio, relaxation_time=1.0)
    circuit = step_circuit(neuron, population, angle)
    circuit.remove_final_measurements()
    state = DensityMatrix(circuit)
    if circuit.num_qubits == 2:
        state = partial_trace(state, [1])
    wanted = float(next_population(neuron, population, angle))
    assert state.data[1, 1].real == pytest.approx(wanted, abs=1e-12)


def test_three_spikes_from_rest_and_the_third_fires():
    run = simulate_layers(ONE, [1, 1, 1, 0])
    values = run.voltage[:, 0]
    np.testing.assert_allclose(values[:4], np.sin(np.arange(4) * np.pi / 8) ** 2, atol=1e-15)
    np.testing.assert_array_equal(run.events["neuron_0"], [3.0])
    assert values[4] == 0  # reset, then silence


def test_silence_is_t1_decay_and_not_its_inverse():
    neuron = CircuitNeuron(step=2.0, relaxation_time=3.0)
    run = simulate_layers([([neuron], [[1.0]])], [1, 1, 0, 0, 0])
    np.testing.assert_allclose(run.voltage[2:, 0], 0.5 * np.exp(-2 / 3 * np.arange(4)), rtol=1e-14)


def check_steps(run, neuron, shots, contrast=1.0):
    """Each measured α against the closed form from the measured α before it."""
    alpha = np.where(run.voltage[:-1, 0] > neuron.threshold, 0, run.voltage[:-1, 0])
    expected = next_population(neuron, alpha, run.current[1:, 0])
    error = np.sqrt(np.maximum(expected * (1 - expected), 1 / shots) / shots) / contrast
    return (run.voltage[1:, 0] - expected) / error


def test_circuits_follow_the_closed_form_within_the_shots():
    shots = 2000
    run = run_layers(ONE, TRAIN * 2, shots=shots, seed=4)
    pulls = check_steps(run, NEURON, shots)
    assert np.abs(pulls).max() < 3.8  # 24 checks
    wrong = CircuitNeuron(threshold=0.8, relaxation_time=5 / 2)
    assert np.abs(check_steps(run, wrong, shots)).max() > 6  # a leak twice as fast is seen


def test_aer_agrees_and_every_step_has_noise_of_its_own():
    from qiskit_aer.primitives import SamplerV2

    shots = 1000
    silent = [1] + [0] * 1 + [1, 0] * 11
    run = run_layers(ONE, silent, shots=shots, seed=2, sampler=lambda s: SamplerV2(seed=s))
    assert np.abs(check_steps(run, NEURON, shots)).max() < 3.8
    # One Aer sampler for all steps repeats its noise; seeds of their own do not.
    circuit = step_circuit(NEURON, 0.5, 0.0)
    fixed = SamplerV2(seed=1)
    same = [count_outcomes(fixed, [circuit], shots)[0] for _ in range(3)]
    assert same[0] == same[1] == same[2]
    fresh = samplers_for_steps(lambda s: SamplerV2(seed=s), 1, 3)
    different = [count_outcomes(sampler, [circuit], shots)[0][1] for sampler in fresh]
    assert len(set(different)) > 1


def test_a_device_leaks_by_its_own_t1_in_a_delay():
    from qiskit.primitives import BackendSamplerV2
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_aer import AerSimulator
    from qiskit_ibm_runtime.fake_provider import FakeNairobiV2

    fake = FakeNairobiV2()
    qubit, shots = 2, 4000
    t1 = fake.target.qubit_properties[qubit].t1
    step = 16 * fake.dt * round(0.3 * t1 / fake.dt / 16)  # what the device's clock can count
    neuron = CircuitNeuron(step=step, relaxation_time=t1)
    simulator = AerSimulator.from_backend(fake)
    passes = generate_preset_pass_manager(
        1, backend=fake, initial_layout=[qubit], scheduling_method="alap"
    )

    def sampler(s):
        return BackendSamplerV2(backend=simulator, options={"seed_simulator": s})

    readout = calibrate_readout(sampler, shots=100_000, seed=3, pass_manager=passes)
    run = run_layers(
        [([neuron], [[1.0]])],
        [1, 1, 0, 1, 0, 0],
        shots=shots,
        seed=1,
        sampler=sampler,
        pass_manager=passes,
        leak="delay",
        readout=readout,
    )
    # Gate errors of a few 1e-4 and T1 during the gates (35 ns of 133 µs) are below the shots'.
    contrast = 1 - sum(readout)
    assert np.abs(check_steps(run, neuron, shots, contrast)).max() < 4
    lossless = CircuitNeuron(step=step, relaxation_time=1e6 * t1)
    assert np.abs(check_steps(run, lossless, shots, contrast)).max() > 8


def test_layers_feed_forward_within_a_step():
    fast = CircuitNeuron(angle=math.pi * 0.9, threshold=0.9)
    layers = [([fast, fast], [[1.0, 0.0], [0.0, 0.5]]), ([NEURON], [[1.0, 1.0]])]
    run = simulate_layers(layers, [[1, 0], [0, 1], [1, 1], [1, 0]])
    # Neuron 0 fires at each spike of input 0; neuron 1 needs two; neuron 2 sees them at once.
    np.testing.assert_array_equal(run.events["neuron_0"], [1, 3, 4])
    np.testing.assert_array_equal(run.events["neuron_1"], [3])
    assert run.current[1, 2] == pytest.approx(NEURON.angle)
    assert run.current[3, 2] == pytest.approx(2 * NEURON.angle)
    np.testing.assert_array_equal(run.events["input_1"], [2, 3])


def test_spike_files_are_read_binned_and_refused(tmp_path):
    path = tmp_path / "spikes.csv"
    path.write_text("# time, input\n0.5, 0\n0.7,2\n\n1.2,0\n")
    trains = read_spikes(path)
    assert [train.tolist() for train in trains] == [[0.5, 1.2], [], [0.7]]
    binned = bin_spikes(trains, step=0.5, count=3)
    assert binned.astype(int).tolist() == [[0, 0, 0], [1, 0, 1], [1, 0, 0]]
    assert bin_spikes([[0.3]], step=0.1, count=4)[3, 0]  # 0.3/0.1 is 2.9999…
    path.write_text("0.5,0\n0.4,1\n")
    with pytest.raises(ValueError, match=r"sorted times, but line 2 .* has 0.4 after 0.5"):
        read_spikes(path)
    for text, line in (("a,0\n", 1), ("1,0\n2\n", 2), ("-1,0\n", 1), ("1,-2\n", 1), ("nan,0\n", 1)):
        path.write_text(text)
        with pytest.raises(ValueError, match=f"but line {line} of"):
            read_spikes(path)
    path.write_text("# nothing\n")
    with pytest.raises(ValueError, match="has none"):
        read_spikes(path)
    with pytest.raises(FileNotFoundError):
        read_spikes(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="input 0 is not sorted"):
        bin_spikes([[2.0, 1.0]], step=1.0, count=4)
    with pytest.raises(ValueError, match="count must cover all spikes"):
        bin_spikes([[5.0]], step=1.0, count=4)


def test_bad_input():
    with pytest.raises(ValueError, match="threshold must be between 0 and 1"):
        CircuitNeuron(threshold=1.0)
    with pytest.raises(ValueError, match="relaxation_time must be greater than 0"):
        CircuitNeuron(relaxation_time=0.0)
    with pytest.raises(ValueError, match="zeros and ones"):
        simulate_layers(ONE, [0.5, 1.0])
    with pytest.raises(ValueError, match=r"shape \(1, 2\) in layer 0"):
        simulate_layers(ONE, [[1, 0]])
    with pytest.raises(ValueError, match="share one step"):
        simulate_layers([([NEURON, CircuitNeuron(step=2.0)], [[1.0], [1.0]])], [1, 0])
    with pytest.raises(ValueError, match="readout must sum to less than 1"):
        run_layers(ONE, [1], shots=10, seed=1, readout=(0.5, 0.5))
    with pytest.raises(TypeError, match="sampler must be a BaseSamplerV2"):
        run_layers(ONE, [1], shots=10, seed=1, sampler=3)
    with pytest.raises(ValueError, match="leak must be one of"):
        run_layers(ONE, [1], shots=10, seed=1, leak="t1")


def test_raster_draws_what_the_labels_name():
    from qmemcircuit.plotting.spikes import plot_raster

    run = simulate_layers(ONE, TRAIN)
    ax = plot_raster(run, reference=run)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["input_0", "neuron_0"]
    assert ax.lines[0].get_xdata().tolist() == run.events["neuron_0"].tolist()
    with pytest.raises(ValueError, match="must have the events"):
        plot_raster(run, labels={"neuron_7": "seven"})


def test_compare_gives_distances_and_no_verdict_on_fed_back_alphas():
    """Errors of earlier steps are carried along in α: the steps' own errors are no test of it."""
    closed = simulate_layers(ONE, TRAIN)
    comparison = qm.compare(run_layers(ONE, TRAIN, shots=1000, seed=1), closed)
    assert comparison.agree is None
    assert 0 < comparison.voltage_max[0] < 0.2


def test_neurons_of_a_layer_have_shots_of_their_own():
    """Twins with the same input: with an integer seed of the sampler their counts were equal."""
    twins = [([NEURON, NEURON], [[1.0], [1.0]])]
    run = run_layers(twins, TRAIN, shots=1000, seed=3)
    alpha = run.voltage[1:]
    moving = (alpha.min(axis=1) > 0.05) & (alpha.max(axis=1) < 0.95)
    assert moving.sum() >= 4
    assert np.all(alpha[moving, 0] != alpha[moving, 1])
