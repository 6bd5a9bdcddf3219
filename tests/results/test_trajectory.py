from __future__ import annotations

import numpy as np
import pytest

import qmemcircuit as qm


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
