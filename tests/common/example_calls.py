"""A valid call of every public entry: what the fuzz of `test_bad_input` changes, one value a time.

Values are looked up as "entry.argument" (the entry's last name), then by the argument's name, then
by its annotation among `objects()`. Arguments with a default keep it unless a value stands here.
"""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from plain_backend import PlainBackend
from public_entries import methods_of, public_objects
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

import qmemcircuit as qm
from qmemcircuit.circuits.channels.pauli_maps import damping_maps
from qmemcircuit.circuits.protocols import Chain
from qmemcircuit.runs.measurement import measurement_of

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
RECORD = qm.run(MEMRISTOR, [0.3, 0.6], target=qm.aer(seed=1), shots=20, bases="XYZ")
REMEMBERING = qm.Memristor(qm.LorentzianRate(1.0, 0.5), a=0.8, b=0.6)
CHANNELS = np.array([damping_maps(0.9), damping_maps(0.6)])
PAIR = qm.chain([MEMRISTOR] * 2, qm.Native("y", 0.1))
THREE = qm.ring([MEMRISTOR] * 3, qm.Native("y", 0.1))
TIMES = MEMRISTOR.periods(1, points=6)
ONE_LOOP = MEMRISTOR.periods(1, points=9)
PAIR_TIMES = PAIR.periods(4, points=8)
RESETS = np.full((1, 5, 2), 500)
RESETS[0, :, 1] = [10, 990, 20, 30, 25]
SERIES = np.linspace(0.0, 100.0, 1001)
SINE = np.sin(2 * np.pi * 0.35 * SERIES)


def oscillator_rate(t: float, s: Any, d: Any, p: Any) -> None:
    d[0] = s[1]
    d[1] = -2 * p[0] * s[1] - p[1] ** 2 * s[0] + p[2] * np.cos(p[3] * t)


def oscillator_jacobian(t: float, s: Any, m: Any, p: Any) -> None:
    m[0, 0], m[0, 1], m[1, 0], m[1, 1] = 0.0, 1.0, -(p[1] ** 2), -2 * p[0]


def stuart_landau_rate(t: float, s: Any, d: Any, p: Any) -> None:
    square = s[0] ** 2 + s[1] ** 2
    d[0] = p[0] * s[0] - s[1] - square * s[0]
    d[1] = p[0] * s[1] + s[0] - square * s[1]


def stuart_landau_jacobian(t: float, s: Any, m: Any, p: Any) -> None:
    square = s[0] ** 2 + s[1] ** 2
    m[0, 0] = p[0] - square - 2 * s[0] ** 2
    m[0, 1] = -1 - 2 * s[0] * s[1]
    m[1, 0] = 1 - 2 * s[0] * s[1]
    m[1, 1] = p[0] - square - 2 * s[1] ** 2


def measured_circuit() -> QuantumCircuit:
    from qiskit import ClassicalRegister, QuantumRegister

    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, "outcome"))
    circuit.h(0)
    circuit.measure(0, 0)
    return circuit


def device_circuit() -> QuantumCircuit:
    circuit = QuantumCircuit(5, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def measured_volume(network: qm.Network, times: np.ndarray, steps: int) -> qm.Trajectory:
    return qm.estimate(
        qm.run(network, times, target=qm.aer(seed=1), shots=50, bases="Y", steps=steps),
        current="current_operator",
    )


def oscillating(t: float) -> float:
    return 0.1 + 0.05 * np.sin(t)


def product(x: float, y: float) -> float:
    return x * y


def half_photon(times: Any) -> Any:
    return np.full(np.shape(times), 0.5)


def run_ideally(circuits: Any, shots: int) -> list[dict[str, int]]:
    results = StatevectorSampler(seed=1).run(circuits, shots=shots).result()
    return [next(iter(result.data.values())).get_counts() for result in results]


@cache
def objects() -> dict[type, Any]:
    """Return one instance of every public class that an entry takes or belongs to."""
    from qmemcircuit import memory
    from qmemcircuit.counts.estimates import Estimate
    from qmemcircuit.designs import FormFactor
    from qmemcircuit.model.laws.squid import Squid
    from qmemcircuit.neurons import inputs, methods
    from qmemcircuit.neurons.dynamics import (
        attractors,
        continuation,
        cycles,
        ensembles,
        equilibria,
        lyapunov,
        maps,
        oscillations,
        sections,
        spectra,
        systems,
    )
    from qmemcircuit.neurons.hodgkin_huxley import membrane, quantized
    from qmemcircuit.neurons.integrate_and_fire import IntegrateAndFire
    from qmemcircuit.neurons.photonic import PhotonicMemristor, measured, reservoir
    from qmemcircuit.neurons.qlif import CircuitNeuron
    from qmemcircuit.neurons.shuttle import (
        LinearRamp,
        ShuttleNeuron,
        SinusoidalDrive,
        bifurcations,
        conductance,
        units,
    )
    from qmemcircuit.runs.jobs.collection import Collection

    law = qm.FunctionRate(lambda t: 0.1 + 0.01 * t)
    table = qm.TabulatedRate((0.0, 1.0, 2.0, 10.0), integrals=(0.0, 0.1, 0.3, 2.0))
    mitigation = qm.Mitigation((1,))
    device = qm.device(PlainBackend(gate_error=1e-3, readout=0.02), seed=1)
    circuits = qm.build_circuits(MEMRISTOR, [0.3, 0.6], bases=["X", "Y"])
    placed = device.place(circuits)
    record = qm.run(MEMRISTOR, ONE_LOOP, target=qm.aer(seed=1), shots=200)
    readout = qm.Readout(np.array([[98, 2], [3, 97]]))
    mitigated = qm.MitigatedSamples(mitigation, (record.samples,), readout)
    record = qm.Record(record.network, record.times, record.samples, record.provenance, mitigated)
    pair = qm.master_equation(PAIR, PAIR_TIMES)
    measured_series, exact = qm.estimate(record), qm.exact_circuit(MEMRISTOR, ONE_LOOP)
    comparison = qm.compare(measured_series, exact, noisy=exact, exact=exact)
    loops = qm.find_loops(measured_series)
    rehearsed = qm.rehearse(MEMRISTOR, ONE_LOOP[:2], target=device, mitigation=mitigation)
    oscillator = systems.DynamicalSystem(
        systems.compile_field(oscillator_rate, oscillator_jacobian, dimension=2),
        np.array([0.05, 2.0, 1.0, 1.3]),
        ("x", "v"),
        2 * np.pi / 1.3,
    )
    cycle_of = systems.DynamicalSystem(
        systems.compile_field(stuart_landau_rate, stuart_landau_jacobian, dimension=2),
        np.array([0.1]),
    )
    shuttle = ShuttleNeuron(resistance=5, bias=2.0, decoherence_rate=0.1)
    # Made, not found: finding one compiles for seconds.
    orbit = cycles.PeriodicOrbit(
        oscillator, np.array([0.1, 0.2]), 2 * np.pi / 1.3, np.array([0.5 + 0.1j, 0.5 - 0.1j]), 0.0
    )
    origin = equilibria.find_equilibrium(cycle_of, [0.01, 0.01])
    critical = cycle_of.with_parameters([0.0])
    steady = bifurcations.find_steady_states(shuttle)[0]
    zeros = np.zeros(2)
    made = [
        MEMRISTOR,
        PAIR,
        MEMRISTOR.rate,
        qm.SquidRate(0.4, omega=1.0),
        qm.ConstantRate(0.1),
        qm.LorentzianRate(1.0, 0.5),
        qm.Drive("x", 0.2, frequency=1.0),
        qm.HarmonicRate((0.3, 0.1, 0.2), omega=1.0),
        qm.Family(MEMRISTOR, {"b": (0.0, 1.0)}),
        qm.Constraint(FormFactor(), upper=0.5),
        law,
        table,
        qm.Native("y", 0.1),
        qm.ControlledRotation("x", 0.1),
        qm.PartialSwap(0.1),
        qm.PartialISwap(0.1),
        qm.MatrixCoupling(np.diag([0.1, 0.0, 0.0, 0.1])),
        qm.AncillaPool(2),
        mitigation,
        mitigated,
        mitigated.readout,
        qm.ResetCalibration(RESETS),
        qm.ResetChoice("fresh", qm.AncillaPool(None), mitigation, {"fresh": 0.01}, {}),
        record,
        record.samples,
        pair,
        comparison,
        comparison.budget,
        pair.concurrence(0, 1),
        qm.Event("death", 1.0, 0.9, 1.1),
        loops[0],
        qm.judge(record),
        qm.LaggedCorrelation(np.array([0, 1]), zeros, zeros, 0),
        Collection(record, (), (), ()),
        qm.compile_pair(PAIR, 1.0),
        qm.build_circuits(
            qm.chain([MEMRISTOR] * 3, qm.Native("z", 0.1)),
            [1.0],
            splitting=qm.ConstantDepth(collisions=1, tolerance=1.0),
        ).compiled[0],
        qm.ConstantDepth(),
        rehearsed,
        circuits,
        Estimate(np.array([0.5, 0.6]), np.array([0.1, 0.2]), np.array([0.4, 0.5]), np.ones(2)),
        qm.CoherentErrors(0.0, 0.01),
        qm.certify(PAIR, PAIR_TIMES[:3]),
        qm.PauliPropagation(),
        qm.Route("density_matrix", 0.1, 1e6, 0.0),
        qm.Routes((qm.Route("density_matrix", 0.1, 1e6, 0.0),), "density_matrix"),
        qm.VolumeCell(1, 1, 1.0, 3.0, 1),
        qm.MemristorVolume("own", (qm.VolumeCell(1, 1, 1.0, 3.0, 1),)),
        qm.genuine_entanglement(qm.exact_circuit(THREE, [0.0, 9.0]), criterion="elements"),
        qm.exact_batch([PAIR, PAIR], PAIR_TIMES[:3]),
        qm.ibm("FakeManilaV2", channel="local", seed=1),
        placed,
        classified := memory.classify_memory(CHANNELS, [1.0, 2.0]),
        classified.growth,
        memory.design_witness(CHANNELS, [1.0, 2.0]),
        memory.draw_process(CHANNELS, [1.0, 2.0], shots=20, seed=1),
        memory.PhaseMemory(0.4, gain=2.0),
        memory.RelaxingMemory(0.4, gain=2.0, lifetime=3.0),
        memory.LeakyBit(2.0, 0.4, 1.5),
        memory.design_memory(qm.ConstantRate(0.1), [0.1, 0.2], width=0.1),
        Squid(6e-25, 1.2e-23, 1e9),
        oscillator,
        orbit,
        continuation.OrbitBranch(np.array([0.1]), (orbit,)),
        origin,
        equilibria.hopf_normal_form(critical, [0.0, 0.0]),
        lyapunov.LyapunovSpectrum(zeros, zeros, np.zeros((3, 2)), zeros, 3.0),
        maps.RotationNumber(0.3, 1e-6, 0.1),
        sections.Section(zeros, np.zeros((2, 2))),
        found := attractors.Attractor("cycle", zeros, zeros, zeros, -0.1, 1, 2),
        attractors.Basins((found,), np.zeros(2, dtype=int), 1.0),
        ensembles.Ensemble(np.zeros((1, 2, 2)), *np.zeros((2, 1, 2)), np.zeros((1, 2, 0)), zeros),
        oscillations.measure_oscillation(SERIES, SINE, frequency=2.2),
        spectra.Line(1.0, 0.1, 0.0),
        spectra.power_spectrum(SERIES, SINE),
        membrane.Membrane(),
        quantized.spike_preset(),
        IntegrateAndFire(),
        PhotonicMemristor(1.0),
        measured.MeasuredMemristor(),
        reservoir.draw_reservoir(3, longest_window=4, seed=1),
        CircuitNeuron(),
        shuttle,
        LinearRamp(0.1),
        methods.Exact(),
        methods.Classical(),
        methods.Moments(),
        methods.Fock(20),
        methods.Digital(),
        shuttle.signals,
        SinusoidalDrive(0.1, 1.0),
        inputs.ConstantInput(0.5),
        inputs.PiecewiseInput((0.0, 1.0), (0.0, 0.5, 0.1)),
        inputs.SampledInput((0.0, 1.0), (0.5, 0.1)),
        inputs.SpikeTrain((0.5,), 0.1, 0.01),
        inputs.FunctionInput(oscillating),
        qm.plan(MEMRISTOR, [0.3, 0.6], target=qm.aer(seed=1), shots=20),
        qm.Precision(0.1),
        qm.DevicePrediction("plain", None, {}, {}, {}, "it has no reset"),
        qm.DeviceChoice(
            (qm.DevicePrediction("plain", None, {}, {}, {}, "it has no reset"),), 0.02, 1000
        ),
        qm.CalibrationDrift(("job7",), np.ones(1), {"T1": ("qubit 5",)}, {"T1": np.ones((1, 1))}),
        qm.ExpectedErrors({"voltage": 0.1}, {}),
        steady,
        bifurcations.CriticalPoint(1.0, 2.0, 3.0, 0.5),
        bifurcations.HopfCurve(zeros, zeros, zeros, zeros),
        conductance.tabulate_conductance(0.5, 0.13),
        units.PhysicalShuttle(
            mass=2e-26,
            charge=1.6e-19,
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
        ),
    ]
    return {type(item): item for item in made}


def instance(cls: type) -> Any:
    """Return the example of a class."""
    return objects()[cls]


@cache
def values() -> dict[str, Any]:
    """Return {"argument" or "entry.argument": value} for what no annotation of a class tells."""
    here = objects()
    from qmemcircuit.neurons.dynamics.cycles import PeriodicOrbit
    from qmemcircuit.neurons.dynamics.systems import DynamicalSystem, compile_field

    oscillator, orbit = here[DynamicalSystem], here[PeriodicOrbit]
    from matplotlib.figure import Figure

    from qmemcircuit import memory
    from qmemcircuit.designs import FormFactor

    figure = Figure()
    outcomes = np.full((2, 3, 2), 10)

    def growing(parameter: float) -> Any:
        field = compile_field(stuart_landau_rate, stuart_landau_jacobian, dimension=2)
        return DynamicalSystem(field, np.array([parameter]))

    def forced(parameter: float) -> Any:
        return oscillator.with_parameters([0.05, 2.0, parameter, 1.3])

    def one(name: str) -> Any:
        return next(item for cls, item in here.items() if cls.__name__ == name)

    return {
        "times": TIMES,
        "simulate.neuron": one("ShuttleNeuron"),
        "dynamical_system.neuron": one("ShuttleNeuron"),
        "driven_by.drive": one("SinusoidalDrive"),
        "item": one("SinusoidalDrive"),
        "input": 0.5,
        "predict_voltages.steps": 1,
        "predict_voltages.model": MEMRISTOR,
        "predict_voltages.times": [0.3],
        "memristor_volume.target": measured_volume,
        "memristor_volume.sizes": (1,),
        "memristor_volume.periods": (1,),
        "genuine_entanglement.trajectory": qm.exact_circuit(THREE, [0.0, 9.0]),
        "genuine_entanglement.reference": None,
        "genuine_entanglement.memristors": None,
        "genuine_entanglement.criterion": "elements",
        "rank_settings.state": np.diag([0.5, 0, 0, 0, 0, 0, 0, 0.5]),
        "law": memory.PhaseMemory(0.4, gain=2.0),
        "classify_memory.subject": CHANNELS,
        "classify_memory.times": [1.0, 2.0],
        "maps": CHANNELS,
        "design_witness.times": [1.0, 2.0],
        "draw_process.times": [1.0, 2.0],
        "pauli_map": damping_maps(0.3),
        "prepared_inputs.memristor": 0,
        "process_record.records": [RECORD] * 4,
        "run_feedback.times": TIMES[:3],
        "run_feedback.sampler": None,
        "run_feedback.target": qm.aer(seed=1),
        "run_feedback.seed": None,
        "feedback_ensemble.runs": 3,
        "run_shotwise.sampler": None,
        "run_shotwise.seed": 1,
        "shotwise_circuits.basis": "Y",
        "shotwise_circuits.times": TIMES[:3],
        "memory_network.memristor": REMEMBERING,
        "memory_trajectory.memristor": REMEMBERING,
        "memory_amplitude.law": REMEMBERING.rate,
        "shift_current.trajectory": qm.exact_circuit(
            memory.memory_network(REMEMBERING), TIMES[:3], splitting="couplings_first"
        ),
        "shift_current.memristor": REMEMBERING,
        "design_memory.times": TIMES[1:],
        "design_memory.width": 0.1,
        "start": 0.1,
        "stop": 0.5,
        "omega": 1.0,
        "dt": 0.1,
        "count": 2,
        "seed": 1,
        "shots": 20,
        "model": MEMRISTOR,
        "models": [MEMRISTOR, MEMRISTOR],
        "rate": MEMRISTOR.rate,
        "Memristor.a": 0.8,
        "memristor.a": 0.8,
        "coupling": qm.Native("y", 0.1),
        "memristors": [MEMRISTOR] * 3,
        "measure_readout.memristors": 2,
        "measure_resets.memristors": 1,
        "measure_resets.target": qm.device(PlainBackend(), seed=1).place(
            qm.build_circuits(MEMRISTOR, [0.5, 1.0])
        ),
        "choose_resets.circuits": qm.build_circuits(MEMRISTOR, [0.5, 1.0], bases="XY"),
        "choose_resets.target": qm.device(PlainBackend(), seed=1),
        "choose_resets.calibration": qm.ResetCalibration(RESETS),
        "choose_resets.mitigation": qm.Mitigation((1, 3)),
        "ResetCalibration.counts": RESETS,
        "with_bases.bases": ["X"],
        "with_flips.flipped": (),
        "read_excess.assumption": objects()[qm.MitigatedSamples].assumptions[0],
        "size": 2,
        "function": oscillating,
        "sweep.function": product,
        # Threads: a process that imports all this costs five seconds, of every call that is right.
        "sweep.executor": ThreadPoolExecutor(1),
        "rates": [0.1] * TIMES.size,
        "figure": figure,
        "dataset": xarray.Dataset(
            {"value": (("x", "y"), np.eye(2))}, coords={"x": [1.0, 2.0], "y": [3.0, 4.0]}
        ),
        "gradient.quantity": FormFactor(),
        "gradient.parameters": ["b"],
        "gradient.times": ONE_LOOP,
        "Constraint.quantity": FormFactor(),
        "lower": 0.1,
        "upper": 0.4,
        "objective": FormFactor(),
        "constraints": [qm.Constraint(FormFactor(), upper=0.5)],
        "design.times": ONE_LOOP,
        "design.starts": 1,
        "design.first": [[0.5]],
        "design.splitting": "lie",
        "fit.starts": 1,
        "most_two_qubit_gates": 1000,
        "bounds": {"b": (0.0, 1.0)},
        "ties": {},
        "Family.at.values": [0.5],
        "coefficients": (0.3, 0.1, 0.2),
        "grid": {"x": [1.0, 2.0], "y": [3.0]},
        "path": Path("made/nothing.npz"),
        "save_figure.path": Path("made/figure"),
        "folder": Path("made/submission"),
        "target": qm.aer(seed=1),
        "count_compiled.compiled": [device_circuit()],
        "choose_device.times": [0.3],
        "choose_device.targets": [qm.device(PlainBackend(), seed=1)],
        "choose_device.splitting": "lie",
        "demand": 0.1,
        "executions": 100,
        "resolve.measurement": measurement_of(
            qm.build_circuits(MEMRISTOR, [0.3, 0.6]), qm.aer(seed=1), 20
        ),
        "adopt.prediction": qm.device(PlainBackend(), seed=1),
        "place_on.qubits": [0],
        "place_on.reason": "an example",
        "submit.target": qm.ibm("FakeManilaV2", channel="local", seed=1),
        "device_states.target": qm.device(PlainBackend(), seed=1),
        "placements.most": 3,
        "expected_trajectory.target": qm.device(PlainBackend(), seed=1),
        "backend": PlainBackend(),
        "name": "FakeManilaV2",
        "ibm.channel": "local",
        "primitive": StatevectorSampler(seed=1),
        "sampler": StatevectorSampler(seed=1),
        "time": 1.0,
        "time_index": 1,
        "index": 0,
        "Estimate.index": 0,
        "device": 0,
        "first": 0,
        "second": 1,
        "factor": 3,
        "stream": 1,
        "label": "Y",
        "described": qm.ConstantDepth().describe(),
        "terms": {"Y": 1.0},
        "random": np.random.default_rng(1),
        "weights": np.ones((2, 3, 2)),
        "correct_seen.counts": outcomes,
        "read_out.weights": np.ones(2),
        "features": np.random.default_rng(1).normal(size=(10, 2)),
        "targets": np.arange(10.0),
        "inputs": np.linspace(0, 1, 12),
        "ridge": 0.1,
        "devices": 3,
        "longest_window": 4,
        "window": 1.0,
        "photons": half_photon,
        "photonic_circuit.photons": 0.5,
        "simulate_cascade.photons": np.full(TIMES.size, 0.5),
        "simulate_cascade.devices": [one("PhotonicMemristor")],
        "reflectivity": 0.5,
        "trains": [[0.5, 2.5], [1.5]],
        "bin_spikes.step": 1.0,
        "bin_spikes.count": 4,
        "spikes": np.array([[True], [False], [True]]),
        "layers": [([one("CircuitNeuron")], [[1.0]])],
        "population": 0.2,
        "angle": 0.3,
        "state": [0.1, 0.1],
        "guess": [0.1, 0.1],
        "integrate.times": np.linspace(0, 1, 5),
        "integrate_many.systems": [oscillator, oscillator],
        "integrate_many.times": np.linspace(0, 1, 3),
        "integrate_many.states": [0.1, 0.1],
        "find_attractors.states": [[0.1, 0.1]],
        "find_attractors.transient": 5.0,
        "find_attractors.duration": 5.0,
        "sort_attractors.systems": [oscillator, oscillator],
        "sort_attractors.states": np.full((1, 2, 2), 0.1),
        "sort_attractors.transient": 5.0,
        "sort_attractors.duration": 5.0,
        "parameters": np.array([0.05, 2.0, 1.0, 1.3]),
        "parameter": 1.0,
        "find_hopf_parameter.parameter": "resistance",
        "find_hopf_parameter.bracket": (3.0, 9.0),
        "bracket": (-0.1, 0.1),
        "find_hopf.system_at": growing,
        "system_at": forced,
        "follow_periodic_orbits.start": orbit,
        "follow_periodic_orbits.step": 0.01,
        "follow_periodic_orbits.count": 2,
        "compile_field.rate": oscillator_rate,
        "jacobian": oscillator_jacobian,
        "dimension": 2,
        "growth_rate": 0.1,
        "lyapunov_spectrum.transient": 5.0,
        "lyapunov_spectrum.duration": 20.0,
        "lyapunov_spectrum.blocks": 4,
        "rotation_number.periods": 20,
        "rotation_number.transient": 5,
        "find_limit_cycle.transient": 10.0,
        "find_periodic_orbit.iterations": 5,
        "system": oscillator,
        "hopf_normal_form.system": growing(0.0),
        "hopf_normal_form.state": [0.0, 0.0],
        "find_limit_cycle.system": growing(0.1),
        "find_equilibrium.system": growing(0.1),
        "poincare_section.normal": [1.0, 0.0],
        "poincare_section.level": 0.0,
        "poincare_section.duration": 20.0,
        "frequency": 2.2,
        "scattering_matrix.frequency": 0.1,
        "identify_line.frequency": 3.0,
        "identify_line.bases": (1.0, 0.3),
        "values": SINE,
        "gates": (0.3, 0.1, 0.6),
        "axes": {"drive_frequency": [0.1, 0.2]},
        "channels": np.array([1.0, 1.0, 1.0]),
        "drive": SINE[:50],
        "response": SINE[:50],
        "depolarisation": 5.0,
        "potassium": 1.0,
        "sodium": 1.0,
        "chloride": 1.0,
        "cutoff": 1.0,
        "temperature": 1.0,
        "current": 0.5,
        "voltage": 0.5,
        "levels": 8,
        "charge": 0.5,
        "memory": 0.5,
        "trajectories": 4,
        "position": 0.3,
        "voltages": np.array([0.5, 1.0]),
        "voltage_change": 0.01,
        "voltage_changes": [0.01, 0.02],
        "step": 0.1,
        "steps": 2,
        "duration": 0.1,
        "bloch_vector": [0.0, 0.0, 1.0],
        "basis": "Z",
        "circuit": QuantumCircuit(8),
        "measured.circuit": QuantumCircuit(2),
        "circuits": one("CircuitSet"),
        "count_outcomes.circuits": [measured_circuit()],
        "parts.circuits": 10,
        "compile_chain.chain": Chain(QuantumCircuit(1), QuantumCircuit(1), (measured_circuit(),)),
        "execute": run_ideally,
        "josephson_energy": 1e-23,
        "gap": 3e-23,
        "fraction": 1e-6,
        "quasiparticle_spectral_density.omega": 1e10,
        "neurons": [one("IntegrateAndFire")],
        "loops": [one("Loop")] * 4,
        "concurrence": one("Concurrence"),
        "noisy": one("Trajectory"),
        "value": 0.5,
        "options": None,
        "changes": None,
    }


def example(label: str) -> tuple[Any, dict[str, Any]]:
    """Return what to call and its arguments; KeyError names an argument without an example."""
    entry, owner = _entry(label)
    if owner is None and is_dataclass(entry):
        given = objects()[entry]
        return entry, {i.name: getattr(given, i.name) for i in fields(entry) if i.init}
    pool = values()
    call = entry
    if owner is not None:
        plain = inspect.getattr_static(owner, entry.__name__)
        call = getattr(
            owner if isinstance(plain, classmethod) else objects()[owner], entry.__name__
        )
    arguments = {}
    for name, parameter in inspect.signature(call).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        key = f"{entry.__name__}.{name}"
        known = key if key in pool else name
        if parameter.default is not parameter.empty:
            arguments[name] = pool.get(key, parameter.default)
        elif known in pool:
            arguments[name] = pool[known]
        else:
            arguments[name] = _by_annotation(label, name, str(parameter.annotation))
    return call, arguments


def _entry(label: str) -> tuple[Any, type | None]:
    found = public_objects()
    if label in found:
        return found[label], None
    owner = found[label.rpartition(".")[0]]
    return dict(methods_of(owner))[label.rpartition(".")[2]], owner


def _by_annotation(label: str, name: str, annotation: str) -> Any:
    for cls, item in objects().items():
        if cls.__name__ == annotation.strip("'"):
            return item
    raise KeyError(f"give {label} an example of its argument {name}: {annotation}")
