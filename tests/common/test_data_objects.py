"""Every data object prints briefly, pickles, copies and compares by content."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cloudpickle
import numpy as np
import pytest
from example_calls import objects
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from public_entries import public_objects

import qmemcircuit as qm
from qmemcircuit.common.data_objects import FrozenMapping, data_object, same_content
from qmemcircuit.designs import FormFactor
from qmemcircuit.neurons.dynamics.spectra import power_spectrum
from qmemcircuit.neurons.hodgkin_huxley.membrane import Membrane, simulate_membrane
from qmemcircuit.neurons.hodgkin_huxley.quantized import spike_preset
from qmemcircuit.neurons.integrate_and_fire.neuron import IntegrateAndFire
from qmemcircuit.neurons.photonic.measured import MeasuredMemristor
from qmemcircuit.neurons.photonic.memristor import PhotonicMemristor
from qmemcircuit.neurons.qlif import CircuitNeuron, simulate_layers
from qmemcircuit.neurons.shuttle.neuron import ShuttleNeuron, SinusoidalDrive
from qmemcircuit.runs.jobs.collection import MissingPart
from qmemcircuit.sweeps.identity import describe_function

TIMES = np.linspace(0, 2 * np.pi, 31)
MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
PAIR = qm.chain([MEMRISTOR] * 2, qm.Native("y", 0.3))


def law(t: float) -> float:
    return 0.1 * t


DRIFT = qm.CalibrationDrift(
    ("job7",), np.array([1.5]), {"T1": ("qubit 5",)}, {"T1": np.array([[0.7]])}
)
DEVICE = qm.DevicePrediction("plain", None, {}, {}, {}, "it has no reset")


@pytest.fixture(scope="module")
def examples() -> dict[str, object]:
    """One instance of every class of data among the public names, and some of the neurons'."""
    record = qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=500)
    measured, master = qm.estimate(record), qm.master_equation(MEMRISTOR, TIMES)
    exact = qm.exact_circuit(MEMRISTOR, TIMES)
    pair = qm.estimate(
        qm.run(PAIR, TIMES[:9], target=qm.aer(seed=2), shots=500, bases="tomography")
    )
    concurrence = pair.concurrence(0, 1)
    readout = qm.Readout(np.array([[490, 10], [20, 480]]))
    samples = qm.Samples(("X", "Y"), record.samples.counts)
    long = qm.master_equation(PAIR, PAIR.periods(9, points=20))
    joint = np.diag([0.25] * 4)
    three = qm.exact_circuit(qm.ring([MEMRISTOR] * 3, qm.Native("y", 0.1)), [0.0, 9.0])
    found = [
        MEMRISTOR,
        qm.Memristor(qm.ConstantRate(0.1), state=[[0.5, 0], [0, 0.5]]),
        PAIR,
        qm.Network([MEMRISTOR] * 2, state=joint),
        qm.chain([MEMRISTOR] * 40, qm.PartialSwap(0.1)),
        qm.ConstantRate(0.1),
        qm.LorentzianRate(1.0, 0.5),
        qm.Drive("x", 0.2, frequency=1.0),
        qm.HarmonicRate((0.3, 0.1, 0.2), omega=2.0),
        qm.Family(MEMRISTOR, {"b": (0.0, 1.0)}),
        qm.Constraint(FormFactor(), upper=0.5),
        qm.gradient(MEMRISTOR, TIMES, FormFactor(), ["b"]),
        qm.SquidRate(0.4, omega=2.0),
        qm.FunctionRate(law),
        qm.TabulatedRate(tuple(TIMES), integrals=tuple(TIMES**2)),
        qm.Native("x", 0.1),
        qm.ControlledRotation("y", 0.2),
        qm.PartialSwap(0.1),
        qm.PartialISwap(0.1),
        qm.MatrixCoupling(np.diag([0.0, 0.1, 0.2, 0.3])),
        qm.pool(3),
        qm.classify_memory(MEMRISTOR, [0.5, 1.0]),
        qm.build_circuits(PAIR, TIMES, bases="tomography"),
        qm.Rehearsal(
            qm.build_circuits(MEMRISTOR, TIMES[:2]),
            qm.Mitigation(readout=False),
            (np.full((1, 2, 1, 2), 0.5),),
            None,
        ),
        qm.compile_pair(PAIR, 1.0),
        qm.build_circuits(
            qm.chain([MEMRISTOR] * 3, qm.Native("z", 0.1)),
            [1.0],
            splitting=qm.ConstantDepth(collisions=1, tolerance=1.0),
        ).compiled[0],
        qm.ConstantDepth(tolerance=0.02, exceeded="warn"),
        qm.aer(seed=3),
        record,
        samples,
        measured,
        master,
        master[0],
        pair,
        concurrence,
        qm.compare(measured, master, noisy=exact, exact=exact),
        qm.error_budget(measured, noisy=exact, exact=exact, master=master),
        qm.find_loops(measured)[0],
        qm.judge(record),
        qm.plan(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=100),
        qm.Precision(0.01, "voltage"),
        DEVICE,
        qm.DeviceChoice((DEVICE,), 0.02, 1000),
        DRIFT,
        qm.ExpectedErrors(
            {"voltage": 0.1, "form factor": 0.2},
            {"concurrence": "one memristor"},
            {"form factor": (0.1, 0.3)},
            {"form factor": ("memristor 0 from t = 6.28",)},
        ),
        qm.Event("death", 1.0, 0.9, 1.1),
        qm.inverse_relation(long.concurrence(0, 1), qm.find_loops(long), largest_lag=1),
        qm.PauliPropagation(4, 1e-4),
        qm.Route("density_matrix", 0.1, 1e6, 0.0),
        qm.Routes((qm.Route("density_matrix", 0.1, 1e6, 0.0),), "density_matrix"),
        qm.VolumeCell(4, 2, failure="too few qubits"),
        qm.MemristorVolume("own", (qm.VolumeCell(2, 1, 1.0, 3.0, 2),)),
        qm.genuine_entanglement(three, criterion="elements"),
        qm.Estimate(0.11, 0.012, 0.09, 0.13),
        qm.Estimate(TIMES, 0.1 * np.ones(31)),
        qm.Mitigation((1, 3, 5), order=1),
        readout,
        qm.MitigatedSamples(qm.Mitigation((1,)), (samples,), readout),
        qm.ResetCalibration(np.full((1, 5, 2), 50)),
        qm.ResetChoice("doubled", qm.pool(1, resets=2), qm.Mitigation(), {"doubled": 0.1}, {}),
        qm.CoherentErrors(two_qubit_angle=0.1),
        qm.certify(MEMRISTOR, TIMES[:3]),
        qm.exact_batch([PAIR, PAIR], TIMES[:3]),
        qm.Collection(record, (MissingPart(1, None, "QUEUED", 3, "later"),), (1.0,), ("odd",)),
        simulate_membrane(Membrane(), TIMES, current=10.0),
        simulate_layers([([CircuitNeuron()], [[1.0]])], [1, 0, 1]),
        ShuttleNeuron(
            resistance=5, bias=2.0, decoherence_rate=0.1, drive=SinusoidalDrive(0.1, 1.0)
        ),
        Membrane(),
        spike_preset(),
        IntegrateAndFire(),
        MeasuredMemristor(),
        PhotonicMemristor(0.4),
        CircuitNeuron(),
        power_spectrum(TIMES, np.sin(TIMES)),
    ]
    return {f"{place}-{type(item).__name__}": item for place, item in enumerate(found)}


BACKENDS = {"DeviceTarget", "IbmTarget"}
"""Tested below, where there is the extra that brings a backend."""


def test_every_public_class_of_data_has_an_example(examples):
    public = {getattr(qm, name) for name in qm.__all__}
    data = {item for item in public if isinstance(item, type) and dataclasses.is_dataclass(item)}
    missing = {item.__name__ for item in data} - {type(item).__name__ for item in examples.values()}
    assert missing == BACKENDS


def test_every_public_class_of_data_is_a_data_object():
    for name in qm.__all__:
        item = getattr(qm, name)
        if isinstance(item, type) and dataclasses.is_dataclass(item):
            assert hasattr(item, "_repr_html_"), name


def test_repr_has_at_most_ten_lines(examples):
    for name, item in examples.items():
        lines = repr(item).splitlines()
        assert len(lines) <= 10, (name, repr(item))
        assert max(map(len, lines)) <= 110, (name, repr(item))
        assert type(item).__name__ in lines[0] or isinstance(item, qm.Estimate), name


def test_repr_says_shapes_and_sizes(examples):
    texts = {type(item).__name__: repr(item) for item in examples.values()}
    assert "(31, 1)" in texts["Trajectory"] or "(4, 1)" in texts["Trajectory"]
    assert "(31, 2, 2)" in texts["Samples"]
    assert "agree" in texts["Comparison"]
    assert repr(MEMRISTOR).startswith("Memristor(rate=SquidRate(gamma0=0.4), a=")
    assert "40 × Memristor" in repr(qm.chain([MEMRISTOR] * 40, qm.PartialSwap(0.1)))


def test_html_is_a_table_with_escaped_text(examples):
    for name, item in examples.items():
        table = item._repr_html_()
        assert table.startswith("<table>"), name
        assert table.endswith("</table>"), name
        assert table.count("<tr>") <= 9, name
    wicked = qm.Trajectory(
        np.array([0.0]), np.zeros((1, 1)), np.zeros((1, 1)), units={"voltage": "<script>&"}
    )
    assert "<script>" not in wicked._repr_html_()
    assert "&lt;script&gt;&amp;" in wicked._repr_html_()


@pytest.mark.parametrize("way", ["pickle", "deepcopy", "copy"])
def test_a_copy_is_equal_and_hashes_alike(examples, way):
    how = {
        "pickle": lambda item: pickle.loads(pickle.dumps(item)),
        "deepcopy": copy.deepcopy,
        "copy": copy.copy,
    }[way]
    for name, item in examples.items():
        again = how(item)
        assert type(again) is type(item), name
        assert again == item, name
        assert hash(again) == hash(item), name
        assert repr(again) == repr(item), name


def test_each_differs_from_all_others(examples):
    items = list(examples.values())
    for place, item in enumerate(items):
        for other in items[place + 1 :]:
            assert item != other, (item, other)


def numbers_changed(item: object) -> object | None:
    """The same object with one number of its first array field another; None without arrays."""
    for part in dataclasses.fields(item):
        value = getattr(item, part.name)
        if isinstance(value, np.ndarray) and value.size and value.dtype.kind in "fci":
            changed = copy.deepcopy(item)
            other = np.array(value)
            other.flat[-1] += 1
            object.__setattr__(changed, part.name, other)
            return changed
    return None


def test_one_other_number_makes_another_object(examples):
    tried = 0
    for name, item in examples.items():
        changed = numbers_changed(item)
        if changed is not None:
            tried += 1
            assert changed != item, name
            assert item != changed, name
    assert tried >= 12


def test_what_was_read_only_stays_read_only(examples):
    for item in examples.values():
        if isinstance(item, qm.Trajectory | qm.Record):
            assert not pickle.loads(pickle.dumps(item)).times.flags.writeable


def test_provenance_does_not_count(examples):
    """Two runs with one seed are the same measurement, whenever they were made."""
    one = next(item for item in examples.values() if isinstance(item, qm.Record))
    other = dataclasses.replace(one, provenance={"created": "another day"})
    assert one == other
    with pytest.raises(TypeError):
        other.provenance["created"] = "today"


def public_classes() -> dict[str, type]:
    """Every public class that holds data, found by looking, the newest included."""
    return {label: item for label, item in public_objects().items() if inspect.isclass(item)}


def test_every_public_class_prints_briefly_and_travels():
    """As found by inspection, on the instances that the fuzz of all entries takes."""
    instances, classes = objects(), public_classes()
    assert len(classes) > 90
    for label, cls in classes.items():
        item = instances[cls]
        lambdas = isinstance(item, qm.FunctionRate)  # says so itself: see below
        ways = [copy.copy, copy.deepcopy]
        ways += [] if lambdas else [lambda thing: pickle.loads(pickle.dumps(thing))]
        for again in (way(item) for way in ways):
            assert type(again) is type(item), label
            assert again == item, label
            assert hash(again) == hash(item), label
            assert repr(again) == repr(item), label
        assert repr(item).count("\n") < 10, label
        assert max(map(len, repr(item).split("\n"))) <= 120, label
        assert item._repr_html_().startswith("<table"), label


def solve(network: qm.Network) -> qm.Trajectory:
    return qm.master_equation(network, TIMES[:5])


@pytest.mark.slow
def test_a_process_pool_returns_a_trajectory():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(solve, PAIR).result()
    assert found == solve(PAIR)
    assert found.provenance["method"] == "master_equation"


def test_a_lambda_law_says_what_to_do_and_travels_by_cloudpickle():
    rate = qm.FunctionRate(lambda t: 0.1 * t)
    memristor = qm.Memristor(rate, a=0.3)
    with pytest.raises(TypeError, match=r"importable by name.*top level of a module"):
        pickle.dumps(memristor)
    assert copy.deepcopy(memristor) == memristor
    again = cloudpickle.loads(cloudpickle.dumps(memristor))
    np.testing.assert_array_equal(again.decay_rate(TIMES), memristor.decay_rate(TIMES))
    assert pickle.loads(pickle.dumps(qm.FunctionRate(math.sin))) == qm.FunctionRate(math.sin)


def test_a_device_target_travels():
    pytest.importorskip("qiskit_ibm_runtime")
    fake = pytest.importorskip("qmemcircuit.runs.jobs.services").fake_backend
    target = qm.device(fake("FakeManilaV2"), seed=1)
    again = pickle.loads(pickle.dumps(target))
    assert again == target
    assert hash(again) == hash(target)
    assert copy.deepcopy(target) == target
    assert qm.device(fake("FakeManilaV2"), seed=1) == target
    assert qm.device(fake("FakeLimaV2"), seed=1) != target
    assert qm.device(fake("FakeManilaV2"), seed=2) != target
    assert len(repr(target).splitlines()) <= 10
    ibm = qm.ibm("FakeManilaV2", channel="local", seed=1)
    assert len(repr(ibm).splitlines()) <= 10
    assert pickle.loads(pickle.dumps(ibm)) == ibm


def test_a_changed_calibration_is_another_device():
    pytest.importorskip("qiskit_ibm_runtime")
    fake = pytest.importorskip("qmemcircuit.runs.jobs.services").fake_backend
    backend = fake("FakeManilaV2")
    other = fake("FakeManilaV2")
    properties = other.target["cx"][0, 1]
    other.target.update_instruction_properties(
        "cx", (0, 1), type(properties)(properties.duration, 2 * properties.error)
    )
    assert qm.device(backend, seed=1) != qm.device(other, seed=1)


@given(
    arrays(
        np.float64,
        array_shapes(max_dims=3, max_side=4),
        elements=st.floats(allow_nan=True, allow_infinity=True),
    )
)
def test_arrays_are_the_same_as_their_copies_with_nan(values):
    assert same_content(values, values.copy())
    assert same_content({"a": (values,)}, FrozenMapping({"a": [values.copy()]}))
    assert not same_content(values, values.ravel()[:-1])
    changed = values.copy()
    changed.flat[0] = 0.0 if np.isnan(changed.flat[0]) else np.nan
    assert not same_content(values, changed)


def test_a_frozen_mapping_is_a_dictionary_that_cannot_change():
    mapping = FrozenMapping({"a": 1, "b": np.arange(3)})
    assert mapping == {"a": 1, "b": np.arange(3)}
    assert mapping != {"a": 1, "b": np.arange(4)}
    assert {**mapping}.keys() == {"a", "b"}
    with pytest.raises(TypeError):
        mapping["a"] = 2
    assert pickle.loads(pickle.dumps(mapping)) == mapping
    assert copy.deepcopy(mapping) == mapping


def test_a_class_keeps_what_it_defines_itself():
    @data_object
    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Named:
        value: float

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert repr(Named(1.0)) == "mine"
    assert Named(1.0) == 3
    assert hash(Named(1.0)) == 7


def test_a_sweep_names_bound_objects_by_their_whole_content():
    """A brief repr would name two models alike, and a finished sweep be taken for another's."""
    one = qm.TabulatedRate(tuple(TIMES), integrals=tuple(TIMES**2))
    other = dataclasses.replace(one, integrals=(*one.integrals[:-1], 99.0))
    assert repr(one)[:40] == repr(other)[:40]
    for wrap in (lambda x: x, lambda x: (x,), lambda x: {"a": [x]}):
        assert describe_function(wrap(one)) != describe_function(wrap(other))
    # As files before November 2026 have it.
    assert describe_function(qm.SquidRate(0.4)) == "SquidRate(gamma0=0.4, omega=None)"
    assert describe_function(((1, "a"), [2.5], {"b": None})) == repr(((1, "a"), [2.5], {"b": None}))
