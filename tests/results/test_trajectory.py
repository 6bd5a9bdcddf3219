from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.common.data_objects import same_content


def make(**changes) -> qm.Trajectory:
    values = {
        "times": np.array([0.0, 1.0, 2.0]),
        "voltage": np.arange(6.0).reshape(3, 2),
        "current": np.ones((3, 2)),
        "variables": {"gate": np.zeros(3)},
        "events": {"spike": np.array([0.5])},
        "periods": np.array([1.0, 2.0]),
    }
    return qm.Trajectory(**{**values, **changes})


def test_one_device_is_one_dimensional():
    series = make(voltage_error=np.full((3, 2), 0.1))[1]
    assert series.voltage.shape == (3,)
    assert series.voltage_error.shape == (3,)
    assert series.current_error is None
    assert series.period == 2.0
    with pytest.raises(IndexError, match="from 0 to 1, but 2"):
        make()[2]


def test_it_is_read_only():
    trajectory = make()
    with pytest.raises(AttributeError):
        trajectory.voltage = np.zeros((3, 2))
    with pytest.raises(TypeError):
        trajectory.variables["gate"] = np.zeros(3)


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match=r"Argument voltage must have shape \(3, M\)"):
        make(voltage=np.zeros(3))
    with pytest.raises(ValueError, match="Argument current must have the shape of voltage"):
        make(current=np.zeros((3, 1)))
    with pytest.raises(ValueError, match="counts must have shape"):
        qm.Samples(("X", "Y"), np.zeros((3, 1, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="counts must not be negative"):
        qm.Samples(("X",), np.full((3, 1, 2), -1))


def test_xarray_has_labels():
    dataset = make(voltage_error=np.ones((3, 2))).to_xarray()
    assert dataset.voltage.dims == ("time", "device")
    assert float(dataset.voltage.sel(time=1.0, device=1)) == 3.0
    assert dataset.gate.dims == ("time",)


def test_events_and_variables_survive_saving(tmp_path):
    again = qm.Trajectory.load(make().save(tmp_path / "t.npz"))
    assert np.array_equal(again.events["spike"], [0.5])
    assert np.array_equal(again.variables["gate"], np.zeros(3))
    assert again.samples is None


ZEROS = np.zeros((3, 2))
STATES = np.tile(np.eye(4) / 4, (3, 1, 1))
COUNTS = qm.Samples(("XX",), np.full((3, 1, 4), 25))
MITIGATED = qm.MitigatedSamples(qm.Mitigation((1,), readout=False), (COUNTS,), None)
EVERYTHING = {
    "voltage_error": ZEROS + 0.1,
    "current_error": ZEROS + 0.2,
    "current_covariance": np.zeros((2, 3, 3)),
    "voltage_current_covariance": np.ones((2, 3, 3)),
    "states": STATES,
    "pair_states": {(0, 1): STATES},
    "samples": COUNTS,
    "units": {"times": "s"},
    "dimensions": {"gate": ()},
    "provenance": {"method": "by hand"},
}


def test_it_is_made_from_plain_arrays_and_keeps_small_objects():
    made = make(**EVERYTHING)
    for name, value in EVERYTHING.items():
        assert same_content(getattr(made, name), value), name
    assert made.signals.current == qm.Estimate(np.ones((3, 2)), EVERYTHING["current_error"])
    assert made.density_matrices.states is STATES
    assert made.counts is COUNTS
    assert len(dataclasses.fields(made)) == 10


@pytest.mark.parametrize("change", [dataclasses.replace, qm.Trajectory.replace])
def test_one_array_or_one_object_is_changed(change):
    made = make(**EVERYTHING)
    assert change(made) == made
    other = change(made, current=2 * made.current, states=None, voltage_error=None)
    assert np.array_equal(other.current, 2 * made.current)
    assert other.current_error is made.current_error
    assert other.voltage_error is None
    assert other.states is None
    assert other.pair_states == made.pair_states
    assert other.samples is COUNTS
    assert change(made, signals=other.signals).current is other.current
    mitigated = change(made, mitigated=MITIGATED)
    assert (mitigated.samples, mitigated.mitigated) == (None, MITIGATED)
    assert change(mitigated, samples=None).mitigated is MITIGATED
    assert change(mitigated, mitigated=None).counts is None


@pytest.mark.parametrize(
    "name", sorted({*EVERYTHING, "mitigated", "signals", "density_matrices", "counts"})
)
def test_every_keyword_is_checked_under_its_own_name(name):
    with pytest.raises((TypeError, ValueError), match=f"^Argument {name} must"):
        make(**{name: "a word"})


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(ValueError, match="mitigated must not be given beside samples"):
        make(samples=COUNTS, mitigated=MITIGATED)
    with pytest.raises(TypeError, match="Argument volts must not be given"):
        make(volts=ZEROS)
    with pytest.raises(TypeError, match="Argument current must be given"):
        qm.Trajectory([0.0, 1.0], np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"voltage must have shape \(3, M\), but \(2, 2\)"):
        make(voltage=ZEROS[:2], current=ZEROS[:2])
    with pytest.raises(ValueError, match=r"pair_states must hold arrays of shape \(3, 4, 4\)"):
        make(pair_states={(0, 1): STATES[:2]})
    with pytest.raises(ValueError, match="standard_error must not be negative"):
        make(voltage_error=ZEROS - 0.1)
