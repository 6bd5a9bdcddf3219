"""Round trips, damaged files, newer files, and nothing left behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import qmemcircuit as qm
from qmemcircuit.serialization import describe_model, restore_model
from qmemcircuit.storage import FileFormatError, load_file, save_file, write_atomically

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
TIMES = MEMRISTOR.periods(1, points=12)
any_float = st.floats(allow_nan=True, allow_infinity=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    arrays(float, st.tuples(st.integers(0, 3), st.integers(0, 3)), elements=any_float),
    arrays(complex, st.integers(0, 4), elements=st.complex_numbers(allow_nan=False)),
    arrays(np.int64, st.integers(0, 4)),
    st.sampled_from([".npz", ".json"]),
)
def test_arrays_come_back_to_the_last_bit(tmp_path, real, complex_, integer, suffix):
    path = tmp_path / f"file{suffix}"
    save_file(path, "test", {"word": "ħ"}, {"real": real, "c": complex_, "i": integer})
    header, found = load_file(path, "test")
    assert header == {"word": "ħ"}
    for name, array in (("real", real), ("c", complex_), ("i", integer)):
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_record_and_trajectory_round_trip(tmp_path, suffix):
    record = qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=100)
    again = qm.Record.load(record.save(tmp_path / f"record{suffix}"))
    assert again.network == record.network
    assert np.array_equal(again.samples.counts, record.samples.counts)
    assert again.provenance == record.provenance
    digital, restored = qm.estimate(record), qm.estimate(again)
    assert np.array_equal(digital.current_error, restored.current_error)
    loaded = qm.Trajectory.load(digital.save(tmp_path / f"trajectory{suffix}"))
    for name in ("times", "voltage", "current", "voltage_error", "current_covariance", "periods"):
        assert np.array_equal(getattr(loaded, name), getattr(digital, name))
    assert loaded.samples.bases == ("X", "Y")
    assert loaded.provenance["record"]["target"]["seed"] == 1
    assert "decay_rate" in loaded.variables
    exact = qm.exact_circuit(MEMRISTOR, TIMES)
    assert np.array_equal(
        qm.Trajectory.load(exact.save(tmp_path / f"exact{suffix}")).states, exact.states
    )


def test_a_readers_own_law_and_coupling_survive_without_pickle():
    class Own:
        def hamiltonian(self):
            return 0.1 * np.diag([0, 1, 2, 3]).astype(complex)

        def unitary(self, dt):
            return np.diag(np.exp(-0.1j * dt * np.arange(4)))

        def gate(self, dt):
            return qm.MatrixCoupling(self.hamiltonian()).gate(dt)

    model = qm.Network(
        [
            qm.Memristor(qm.FunctionRate(lambda t: 0.1 * (1 + np.sin(t) ** 2)), a=0.3),
            qm.Memristor(qm.SquidRate(0.2), state=[[0.5, 0.2j], [-0.2j, 0.5]], omega=2.0),
        ],
        {(1, 0): Own(), (0, 1): qm.ControlledRotation("z", 0.2)},
        state=np.array([1, 0, 0, 1]) / np.sqrt(2),
    )
    text = json.dumps(describe_model(model, TIMES), allow_nan=False)
    restored = restore_model(json.loads(text))
    assert restored.memristors[1] == model.memristors[1]
    assert restored.couplings[1] == model.couplings[1]
    assert restored.state == model.state
    a, b = (qm.exact_circuit(m, TIMES).states for m in (model, restored))
    # The table keeps the very integrals between these times.
    assert b == pytest.approx(a, abs=1e-12)
    # The solver looks beyond the last time; the table ends there. A cubic stands between knots.
    a, b = (qm.master_equation(m, TIMES).states for m in (model, restored))
    assert b == pytest.approx(a, abs=1e-4)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_damaged_files_are_named(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=10).save(path)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"\x00" * 100):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match="Argument path must name an intact"):
            qm.Record.load(path)
    with pytest.raises(FileNotFoundError):
        qm.Record.load(tmp_path / f"none{suffix}")


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_every_damaged_byte_is_a_file_error_or_harmless(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    record = qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=10)
    for saved, load in ((record, qm.Record.load), (qm.estimate(record), qm.Trajectory.load)):
        content = saved.save(path).read_bytes()
        random = np.random.default_rng(3)
        refused = 0
        for _ in range(60):
            damaged = bytearray(content)
            damaged[random.integers(len(content))] ^= 1 << int(random.integers(8))
            path.write_bytes(bytes(damaged))
            try:
                load(path)
            except FileFormatError:
                refused += 1
        # Any other exception fails the test. What loads was a flip inside a number or a word.
        assert refused > 10


def test_newer_and_foreign_files_are_named(tmp_path):
    path = tmp_path / "run.json"
    qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=10).save(path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "schema": 99}))
    with pytest.raises(FileFormatError, match="has schema 99; install a newer qmemcircuit"):
        qm.Record.load(path)
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match="must name a trajectory file"):
        qm.Trajectory.load(path)
    with pytest.raises(ValueError, match=r"must end in .npz or .json"):
        qm.Record.load(path).save(tmp_path / "run.pkl")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_pickle_is_read(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, document=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="intact"):
        load_file(path, "record")


def test_nothing_in_the_package_reads_or_writes_pickles():
    """`sweeps` only asks whether a function *could* be sent to another process."""
    root = Path(qm.__file__).parent
    for source in root.rglob("*.py"):
        text = source.read_text()
        for word in ("pickle.load", "pickle.dump(", "allow_pickle=True", "joblib"):
            assert word not in text, (source, word)
