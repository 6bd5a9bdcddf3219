"""A trajectory's units and dimensions: filled by every solver, checked, saved, in its tables."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import xarray

import qmemcircuit as qm
from qmemcircuit.common.storage import save_file
from qmemcircuit.model.laws.squid import Squid
from qmemcircuit.results.units import to_volts

TIMES = np.linspace(0, 2 * np.pi, 21)
MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4)
PAIR = qm.chain([MEMRISTOR] * 2, qm.Native("y", 0.2))
NATURAL = {"times": "1/ω", "voltage": "√(mħω)", "current": "ω√(mħω)", "decay_rate": "ω"}


def expect(model, times):
    circuits = qm.build_circuits(model, times[:12])
    return qm.expected_trajectory(circuits, qm.device(fake(), seed=1))


def odd(**changes):
    """Two devices at three times with a variable of each shape."""
    values = {
        "times": np.arange(3.0),
        "voltage": np.arange(6.0).reshape(3, 2),
        "current": -np.arange(6.0).reshape(3, 2),
        "voltage_error": np.full((3, 2), 0.1),
        "variables": {
            "whole": np.arange(3.0),
            "each": np.ones((3, 2)),
            "counted": np.arange(12.0).reshape(3, 4),
        },
        "events": {"spikes": np.array([0.5, 1.5])},
        "units": {"times": "ms", "voltage": "mV", "counted": "1"},
        "dimensions": {"counted": ("setting",)},
        "provenance": {"method": "by hand", "created": "today"},
    }
    return qm.Trajectory(**{**values, **changes})


@pytest.mark.parametrize(
    "solve",
    [
        qm.master_equation,
        qm.exact_circuit,
        lambda m, t: qm.estimate(qm.run(m, t, target=qm.aer(seed=1), shots=100)),
        lambda _, t: qm.simulate_circuit(PAIR, t[:3], method="statevector", trajectories=9, seed=1),
        lambda m, t: qm.expected_trajectory(
            qm.build_circuits(m, t[:12]), qm.device(fake(), seed=1)
        ),
    ],
)
def test_every_solver_fills_the_units(solve):
    for model in (MEMRISTOR, PAIR):
        found = solve(model, TIMES)
        assert NATURAL.items() <= found.units.items()
        assert set(found.units) == {"times", "voltage", "current", *found.variables}


def fake():
    return pytest.importorskip("qmemcircuit.runs.jobs.services").fake_backend("FakeManilaV2")


def test_another_frequency_is_not_called_natural():
    """V of ω = 2 is not a multiple of its own √(mħω): the label must not say that it is."""
    fast = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, omega=2.0)
    found = qm.master_equation(fast, TIMES)
    assert found.units["voltage"] == "√([m][ħ][ω])"
    assert found.units["times"] == "1/[ω]"
    assert qm.plot_series(found).get_ylabel().endswith("[√([m][ħ][ω])]")
    joint = qm.chain([MEMRISTOR, fast], qm.Native("x", 0.1))
    assert qm.master_equation(joint, TIMES).units["voltage"] == "√([m][ħ][ω])"


def test_a_squid_is_in_si_units():
    squid = Squid(charging_energy=2e-25, inductive_energy=5e-25, spectral_density=1e6)
    model = squid.memristor(a=np.pi / 4)
    found = to_volts(squid, qm.master_equation(model, model.periods(1, points=9)))
    assert dict(found.units) == {"times": "s", "voltage": "V", "current": "A", "decay_rate": "1/s"}


def test_shapes_of_variables_are_checked_and_named():
    found = odd()
    assert found.axes_of("whole") == ("time",)
    assert found.axes_of("each") == ("time", "device")
    assert found.axes_of("counted") == ("time", "setting")
    with pytest.raises(ValueError, match=r"'counted' has shape \(3, 4\); name its further axes"):
        odd(dimensions={})
    with pytest.raises(ValueError, match="has shape"):
        odd(dimensions={"counted": ("setting", "qubit")})
    with pytest.raises(ValueError, match="has shape"):
        odd(variables={**odd().variables, "whole": np.arange(4.0)})
    with pytest.raises(ValueError, match="'nobody' is not"):
        odd(dimensions={"counted": ("setting",), "nobody": ("x",)})
    with pytest.raises(ValueError, match="'resistance' is not; there are times"):
        odd(units={"resistance": "Ω"})
    with pytest.raises(TypeError, match="that of 'voltage' is 1"):
        odd(units={"voltage": 1})
    with pytest.raises(ValueError, match="'voltage'"):
        odd(variables={**odd().variables, "voltage": np.arange(3.0)})


def test_xarray_has_units_provenance_and_named_dimensions(tmp_path):
    found = odd()
    table = found.to_xarray()
    assert table["voltage"].dims == ("time", "device")
    assert table["counted"].dims == ("time", "setting")
    assert table["spikes"].dims == ("spikes_index",)
    assert table["voltage"].attrs["units"] == table["voltage_error"].attrs["units"] == "mV"
    assert table["time"].attrs["units"] == table["spikes"].attrs["units"] == "ms"
    assert "units" not in table["current"].attrs  # nobody said
    assert json.loads(table.attrs["provenance"]) == dict(found.provenance)
    table.to_netcdf(tmp_path / "table.nc")
    assert xarray.load_dataset(tmp_path / "table.nc").identical(table)


def test_dataframe_is_long():
    frame = odd().to_dataframe()
    columns = ["time", "device", "quantity", "value", "standard_error", "unit", "setting"]
    assert list(frame.columns) == columns
    assert len(frame) == 6 + 6 + 3 + 6 + 12
    row = frame[(frame.quantity == "voltage") & (frame.time == 2) & (frame.device == 1)]
    assert row.value.item() == 5.0
    assert row.standard_error.item() == 0.1
    assert row.unit.item() == "mV"
    assert row.setting.isna().all()
    counted = frame[frame.quantity == "counted"]
    assert counted[(counted.time == 1) & (counted.setting == 3)].value.item() == 7.0
    assert counted.device.isna().all()
    assert frame[frame.quantity == "whole"].device.isna().all()
    assert frame[frame.quantity == "current"].unit.isna().all()
    assert frame[frame.quantity == "current"].standard_error.isna().all()
    assert frame.attrs["time_unit"] == "ms"


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_units_and_dimensions_are_saved(tmp_path, suffix):
    found = odd()
    again = qm.Trajectory.load(found.save(tmp_path / f"odd.{suffix}"))
    assert again == found
    assert dict(again.provenance) == dict(found.provenance)


@pytest.mark.parametrize(
    ("provenance", "units"),
    [
        ({"method": "estimate"}, {"times": "1/[ω]", "voltage": "√([m][ħ][ω])"}),
        ({"units": {"time": "ms", "voltage": "mV above rest"}}, {"voltage": "mV above rest"}),
        ({"units": "dimensionless, Potter et al. 2024, Table I"}, {"current": "1", "gate": "1"}),
        ({"method": "by hand"}, {}),
    ],
)
def test_older_files_keep_what_they_said(tmp_path, provenance, units):
    """As written before November 2026: units in the provenance, axes without names."""
    arrays = {
        "times": TIMES,
        "voltage": np.ones((21, 1)),
        "current": np.ones((21, 1)),
        "variables/gate": np.ones(21),
        "variables/measured_means": np.ones((21, 3)),
    }
    path = save_file(tmp_path / "old.npz", "trajectory", {"provenance": provenance}, arrays)
    found = qm.Trajectory.load(path)
    assert units.items() <= dict(found.units).items()
    if not units:
        assert not found.units
    assert found.axes_of("measured_means") == ("time", "measured_means_1")
    assert qm.plot_series(found).get_ylabel().startswith("voltage V")


def test_equal_means_numbers_and_units():
    found = odd()
    assert found == odd(provenance={})
    assert found != odd(units={"times": "s"})
    assert found != dataclasses.replace(found, voltage=found.voltage + 1e-15)
