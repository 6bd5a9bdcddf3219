"""Files that an earlier version wrote (tests/saved, its seeds in the files) keep their meaning.

They were saved before options were grouped into objects and before the package had folders:
`aer.json` (Strang, a pool of two, the paper's collision), `device.json` (decoupling, twirling,
coherent and reset errors, factors 1 and 3), `pair.json` (compiled, chosen forms, everything
folded, exponential), `absorbed.json`, and a submission whose job was done and not yet collected.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plain_backend import PlainBackend

import qmemcircuit as qm
from qmemcircuit.circuits.options import AncillaPool, CircuitOptions
from qmemcircuit.command_line.main import main
from qmemcircuit.devices.compilation.circuits import Compilation
from qmemcircuit.devices.compilation.folding import Folding
from qmemcircuit.devices.compilation.suppression import Suppression
from qmemcircuit.devices.recorded import recorded_device

SAVED = Path(__file__).parents[1] / "saved"
RECORDS = ("aer", "device", "pair", "absorbed")


@pytest.mark.parametrize("name", RECORDS)
def test_a_saved_record_loads_saves_and_is_judged(name, tmp_path, capsys):
    record = qm.Record.load(SAVED / f"{name}.json")
    again = qm.Record.load(record.save(tmp_path / "again.json"))
    assert np.array_equal(again.samples.counts, record.samples.counts)
    assert dict(again.provenance) == dict(record.provenance)
    if record.mitigated is not None:
        assert qm.mitigate(again, current="current_operator" if name == "device" else None)
    if name != "device":  # its two-node noise takes a second; the next test reads it
        assert main(["compare", str(SAVED / f"{name}.json")]) == 0
        assert "χ²" in capsys.readouterr().out


def test_options_come_back_as_they_were():
    record = qm.Record.load(SAVED / "aer.json")
    options = CircuitOptions.restore(record.provenance, record.samples.bases)
    assert options == CircuitOptions(["X", "Y"], AncillaPool(2), "strang", None, "paper")
    same = qm.run(
        record.network,
        record.times,
        target=qm.aer(seed=3),
        shots=200,
        ancilla=options.ancilla,
        splitting=options.splitting,
        collision=options.collision,
    )
    assert np.array_equal(same.samples.counts, record.samples.counts)

    described = qm.Record.load(SAVED / "device.json").provenance["target"]
    device = recorded_device(described)
    assert device.compilation == Compilation(5, schedule=True, level=3, own_basis=True)
    assert device.folding == Folding()
    assert device.suppression == Suppression("XX", 2)
    assert device.reset_error == 0.01
    assert device.coherent_errors == qm.CoherentErrors(2000.0, 0.01, nodes=2)

    described = qm.Record.load(SAVED / "pair.json").provenance["target"]
    device = recorded_device(described)
    assert device.folding == Folding(everything=True)
    assert [form.time for form in device.forms] == [4 * np.pi]


@pytest.mark.parametrize(
    "value",
    [
        CircuitOptions(None, "fresh", "fused", 3, "paper"),
        CircuitOptions(None, AncillaPool(3), "compiled"),
        Compilation(9, schedule=False, level=1),
        Compilation(9, own_basis=True),
        Folding(5, everything=True),
        Suppression("XY4", 8, as_service=True),
    ],
)
def test_what_is_described_is_restored(value):
    assert type(value).restore(value.describe()) == value


def test_records_of_versions_that_waited_in_the_own_basis_still_do():
    """A record's prediction is of the circuits that ran; since then waits have changed."""
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    circuits = qm.build_circuits(memristor, [1.0], steps=3)
    target = qm.device(PlainBackend(), seed=1).place(circuits)
    described = dict(target.describe())
    now = target.probabilities(circuits)
    np.testing.assert_allclose(recorded_device(described).probabilities(circuits), now, atol=1e-12)
    del described["own_basis"]
    before = recorded_device(described).probabilities(circuits)
    always = replace(target, compilation=Compilation(1, own_basis=True)).probabilities(circuits)
    np.testing.assert_allclose(before, always, atol=1e-12)
    assert np.abs(before - now).max() > 1e-4  # and the two are told apart


def test_a_saved_submission_is_collected(tmp_path):
    folder = tmp_path / "submission"
    shutil.copytree(SAVED / "submission", folder)
    found = qm.collect(folder)
    assert found.complete
    assert found.record.samples.counts.sum(axis=2).tolist() == [[100, 100], [100, 100]]
    assert found.record.mitigated.mitigation == qm.Mitigation(factors=(1, 3))
    assert recorded_device(found.record.provenance["target"]).suppression == Suppression("XY4")
    assert found.record.mitigated.combine({"Z": 1.0})[0].shape == (2,)
    assert qm.resume(folder) == folder  # nothing is left to send
