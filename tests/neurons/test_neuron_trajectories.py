"""One shape: every neuron's Trajectory saves, labels itself, and goes through the shared tools."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import xarray

import qmemcircuit as qm
from qmemcircuit.neurons.hodgkin_huxley.membrane import Membrane, simulate_membrane
from qmemcircuit.neurons.hodgkin_huxley.quantized import simulate_quantized, spike_preset
from qmemcircuit.neurons.integrate_and_fire import (
    IntegrateAndFire,
    simulate_classical,
    simulate_fock,
    simulate_moments,
    simulate_network,
)
from qmemcircuit.neurons.photonic.measured import MeasuredMemristor, simulate_measured
from qmemcircuit.neurons.photonic.memristor import (
    PhotonicMemristor,
    run_photonic,
    simulate_cascade,
    simulate_photonic,
)
from qmemcircuit.neurons.qlif import CircuitNeuron, run_layers, simulate_layers
from qmemcircuit.neurons.shuttle.digital import simulate_digital
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, simulate

NEURON = spike_preset()
OSCILLATOR = IntegrateAndFire(inductance=1.0)
LAYERS = [([CircuitNeuron()], [[1.0]])]
TIMES = np.linspace(0, 2, 81)


def photons(times):
    return np.sin(np.pi * times) ** 2


SHUTTLE = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)

RUNS = {
    "shuttle": lambda: simulate(SHUTTLE, TIMES),
    "digital shuttle": lambda: simulate_digital(SHUTTLE, TIMES),
    "sampled shuttle": lambda: simulate_digital(
        SHUTTLE, TIMES[:9], feedback="reprepare", shots=100, seed=1
    ),
    "membrane": lambda: simulate_membrane(Membrane(), TIMES, current=10.0),
    "quantized": lambda: simulate_quantized(NEURON, NEURON.periods(2, points=50)),
    "measured": lambda: simulate_measured(
        MeasuredMemristor(), np.linspace(0, 7, 30), trajectories=3, seed=1, steps_per_period=50
    ),
    "classical": lambda: simulate_classical(IntegrateAndFire(), TIMES, 0.6),
    "moments": lambda: simulate_moments(
        IntegrateAndFire(temperature=0.1), TIMES, lambda t: 0.1 * math.sin(3 * t)
    ),
    "network": lambda: simulate_network(
        [OSCILLATOR] * 2, TIMES, 0.9, weights=[[0, 0.1], [0.1, 0]], dissipator="gksl"
    ),
    "fock": lambda: simulate_fock(OSCILLATOR, TIMES[:5], 0.1, levels=20),
    "photonic": lambda: simulate_photonic(PhotonicMemristor(0.4), TIMES, photons, period=1.0),
    "cascade": lambda: simulate_cascade(
        [PhotonicMemristor(0.4)] * 2, TIMES, photons(TIMES), period=1.0
    ),
    "photonic circuits": lambda: run_photonic(
        PhotonicMemristor(0.4), TIMES, photons, shots=100, seed=1, period=1.0
    ),
    "layers": lambda: simulate_layers(LAYERS, [1, 0, 1]),
    "layer circuits": lambda: run_layers(LAYERS, [1, 0, 1], shots=100, seed=1),
}


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_a_trajectory_that_the_shared_tools_take(name, tmp_path):
    run = RUNS[name]()
    assert set(run.units) == {"times", "voltage", "current", *run.variables}
    again = qm.Trajectory.load(run.save(tmp_path / "run.npz"))
    np.testing.assert_array_equal(again.voltage, run.voltage)
    assert again.events.keys() == run.events.keys()
    assert again.variables.keys() == run.variables.keys()
    assert dict(again.to_xarray().sizes)["time"] == run.times.size
    unit = "" if run.units["voltage"] == "1" else run.units["voltage"]
    assert unit in qm.plot_loop(run, normalise=False).get_xlabel()
    assert unit in qm.plot_series(run).get_ylabel()
    assert again == run
    assert pickle.loads(pickle.dumps(run)) == run
    table = run.to_xarray()
    table.to_netcdf(tmp_path / "run.nc")
    assert xarray.load_dataset(tmp_path / "run.nc").identical(table)
    assert set(run.to_dataframe().quantity) == {"voltage", "current", *run.variables}
    comparison = qm.compare(run, again)
    assert float(comparison.voltage_max.max()) == 0
    if run.periods is not None:
        loops = qm.find_loops(run)
        assert len(loops) >= 1
        assert loops[0].area > 0


def count_spikes(current: float, on_resistance: float) -> float:
    neuron = IntegrateAndFire(on_resistance=on_resistance)
    run = simulate_classical(neuron, [0.0, 40.0], current, tolerance=1e-7)
    return float(run.events["spikes"].size)


def test_neurons_go_through_sweeps():
    from concurrent.futures import ThreadPoolExecutor

    from qmemcircuit.sweeps.sweep import sweep

    grid = {"current": [0.3, 0.6, 0.9], "on_resistance": [1.0, 4.0]}
    with ThreadPoolExecutor(1) as serial:
        spikes = sweep(count_spikes, grid, executor=serial).value
    assert np.all(spikes.diff("current") >= 0)
    assert float(spikes.sel(current=0.6, on_resistance=1.0)) == 17
    assert float(spikes.sel(current=0.9, on_resistance=4.0)) > 17
