"""One contract: what any solver returns goes through every verb.

Rows are the solvers of memristors and of neurons; columns are what a reader does with a result.
The numbers themselves are judged elsewhere; here nothing may crash, get lost or lack a unit.
"""

from __future__ import annotations

import copy
import math
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.neurons.hodgkin_huxley.membrane import Membrane, simulate_membrane
from qmemcircuit.neurons.hodgkin_huxley.quantized import simulate_quantized, spike_preset
from qmemcircuit.neurons.inputs import SpikeTrain
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
from qmemcircuit.neurons.shuttle import ShuttleNeuron, SinusoidalDrive, simulate
from qmemcircuit.neurons.shuttle.digital import simulate_digital

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
PAIR = qm.Network([MEMRISTOR] * 2, {(0, 1): qm.Native("y", 0.2)})
TURN = MEMRISTOR.periods(2, points=12)
FEW = TURN[:13]
TIMES = np.linspace(0, 2, 81)
SHUTTLE = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
DRIVEN = ShuttleNeuron(
    resistance=5, bias=2.0, decoherence_rate=0.1, drive=SinusoidalDrive(0.5, 6.0)
)
OSCILLATOR = IntegrateAndFire(inductance=1.0)
LAYERS = [([CircuitNeuron()], [[1.0]])]
MITIGATION = qm.Mitigation(factors=(1, 3))


def ideal_device():
    return qm.device(PlainBackend(t1=1e-3, t2=1e-3, gate_error=1e-4), seed=1)


def photons(times):
    return np.sin(np.pi * times) ** 2


RUNS = {
    "master_equation": lambda: qm.master_equation(MEMRISTOR, TURN),
    "master_equation of a pair": lambda: qm.master_equation(PAIR, TURN),
    "exact_circuit": lambda: qm.exact_circuit(MEMRISTOR, TURN),
    "simulate_circuit": lambda: qm.simulate_circuit(PAIR, FEW, trajectories=20, seed=1),
    "estimate": lambda: qm.estimate(qm.run(MEMRISTOR, TURN, target=qm.aer(seed=1), shots=500)),
    "estimate of a pair": lambda: qm.estimate(
        qm.run(PAIR, FEW, target=qm.aer(seed=1), shots=500, bases="tomography")
    ),
    "mitigate": lambda: qm.mitigate(
        qm.run(MEMRISTOR, FEW, target=ideal_device(), shots=500, mitigation=MITIGATION)
    ),
    "device_states": lambda: qm.device_states(MEMRISTOR, FEW, target=ideal_device()),
    "expected_trajectory": lambda: qm.expected_trajectory(
        qm.build_circuits(MEMRISTOR, FEW, bases="XY"), ideal_device()
    ),
    "shuttle": lambda: simulate(SHUTTLE, TIMES),
    "driven shuttle": lambda: simulate(DRIVEN, np.linspace(0, 3, 121)),
    "digital shuttle": lambda: simulate_digital(SHUTTLE, TIMES),
    "sampled shuttle": lambda: simulate_digital(
        SHUTTLE, TIMES[:9], feedback="reprepare", shots=100, seed=1
    ),
    "membrane": lambda: simulate_membrane(Membrane(), TIMES, current=10.0),
    "quantized": lambda: simulate_quantized(spike_preset(), spike_preset().periods(2, points=50)),
    "measured": lambda: simulate_measured(
        MeasuredMemristor(), np.linspace(0, 7, 30), trajectories=3, seed=1, steps_per_period=50
    ),
    "classical": lambda: simulate_classical(IntegrateAndFire(), TIMES, SpikeTrain((0.5,), 1, 1e-3)),
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
_FOUND: dict[str, qm.Trajectory] = {}
pytestmark = pytest.mark.xdist_group("contract")  # each solver is solved once, in one process


@pytest.fixture(params=RUNS, scope="module")
def run(request):
    """Each solver's result, solved once."""
    if request.param not in _FOUND:
        _FOUND[request.param] = RUNS[request.param]()
    return _FOUND[request.param]


def same(a, b):
    """Whether two trajectories hold the same numbers, names and units."""
    np.testing.assert_array_equal(a.voltage, b.voltage)
    np.testing.assert_array_equal(a.current, b.current)
    for group in ("variables", "events"):
        first, second = getattr(a, group), getattr(b, group)
        assert first.keys() == second.keys()
        for name, values in first.items():
            np.testing.assert_array_equal(values, second[name])
    assert dict(a.units) == dict(b.units)
    return a == b


def test_every_series_has_a_unit(run):
    assert set(run.units) == {"times", "voltage", "current", *run.variables}
    assert all(isinstance(unit, str) and unit for unit in run.units.values())


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_save_and_load(run, ending, tmp_path):
    assert same(run, qm.Trajectory.load(run.save(tmp_path / f"run.{ending}")))


def test_pickle_and_copy(run):
    for again in (pickle.loads(pickle.dumps(run)), copy.copy(run), copy.deepcopy(run)):
        assert same(run, again)


def test_repr_is_short(run):
    assert 1 <= len(repr(run).splitlines()) <= 10
    assert len(repr(run)) < 2000


def test_to_xarray(run):
    table = run.to_xarray()
    assert table.sizes["time"] == run.times.size
    assert {"voltage", "current", *run.variables} <= set(table.data_vars)
    assert table["voltage"].attrs["units"] == run.units["voltage"]


def test_compare_with_itself(run):
    comparison = qm.compare(run, run)
    assert float(comparison.voltage_max.max()) == float(comparison.current_max.max()) == 0
    assert str(comparison)
    if comparison.voltage_residual is None or comparison.current_residual is None:
        with pytest.raises(ValueError, match="must have residuals"):
            qm.plot_residuals(comparison)
    else:
        assert qm.plot_residuals(comparison).get_ylabel()
    plt.close("all")


def test_plots_carry_the_unit(run):
    for quantity in ("voltage", "current"):
        unit = run.units[quantity]
        label = qm.plot_series(run, quantity).get_ylabel()
        assert (unit in label) if unit != "1" else label
    label = qm.plot_loop(run, normalise=False).get_xlabel()
    assert (run.units["voltage"] in label) if run.units["voltage"] != "1" else label
    assert qm.plot_loop(run).get_xlabel()
    plt.close("all")


def test_find_loops(run):
    """By the run's own period, or by a given one; a record that is too short is named."""
    period = None if run.periods is not None else float(run.times[-1] - run.times[0]) / 2
    try:
        loops = qm.find_loops(run, period=period)
    except ValueError as found:
        error = str(found)
    else:
        for loop in loops:
            assert repr(loop)
            assert math.isfinite(loop.area)
        return
    assert error.startswith("Argument ")
