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
from qmemcircuit.common.storage import FileFormatError, load_file, save_file, write_atomically
from qmemcircuit.model.serialization import describe_model, restore_model

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
TIMES = MEMRISTOR.periods(1, points=12)
MEMRISTOR_NETWORK = qm.Network([MEMRISTOR])
SAMPLES = qm.Samples(("X", "Y"), np.arange(4 * TIMES.size).reshape(-1, 2, 2))
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
def test_every_damaged_byte_is_a_file_error_or_changes_nothing(tmp_path, suffix):
    """Each byte of a small file, each of its bits for .json: no number changes unnoticed."""
    path = tmp_path / f"file{suffix}"
    arrays = {"times": np.array([0.0, 0.1, np.nan, -np.inf]), "counts": np.array([[7, 0]])}
    save_file(path, "test", {"seed": 12, "words": ["a", "b"], "x": 0.25}, arrays)
    content = path.read_bytes()
    wanted = load_file(path, "test")
    refused = 0
    for place in range(len(content)):
        for bit in range(8) if suffix == ".json" else (place % 8,):
            path.write_bytes(_changed(content, place, content[place] ^ (1 << bit)))
            refused += _refused(path, wanted)
    assert refused > (0.7 if suffix == ".json" else 0.2) * len(content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data(), st.sampled_from([".npz", ".json"]))
def test_any_change_of_a_record_is_noticed(tmp_path, data, suffix):
    """Any bytes, or digits of a .json, changed to any others, cut out or put in."""
    path = tmp_path / f"run{suffix}"
    qm.Record(MEMRISTOR_NETWORK, TIMES, SAMPLES, {"seed": 3, "note": "0.5"}).save(path)
    content = path.read_bytes()
    wanted = load_file(path, "record")
    places = range(len(content))
    if suffix == ".json" and data.draw(st.booleans()):
        places = [place for place in places if content[place : place + 1].isdigit()]
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
        new = data.draw(st.sampled_from(b"0123456789-e.x\x00\xff"))
        content = _changed(content, min(place, len(content) - 1), new)
    cut = data.draw(st.integers(0, 3))
    path.write_bytes(content[cut:] if data.draw(st.booleans()) else content + bytes(cut))
    _refused(path, wanted, "record")


def _changed(content, place, value):
    damaged = bytearray(content)
    damaged[place] = value
    return bytes(damaged)


def _refused(path, wanted, kind="test"):
    """Whether the file is refused; where it is read, it must say the same as before."""
    try:
        header, arrays = load_file(path, kind)
    except FileFormatError:
        return True  # any other exception fails the test
    assert header == wanted[0]
    assert arrays.keys() == wanted[1].keys()
    for name, array in arrays.items():
        assert array.dtype == wanted[1][name].dtype
        assert array.shape == wanted[1][name].shape
        assert array.tobytes() == wanted[1][name].tobytes()
    return False


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_a_changed_number_is_named_and_old_files_are_read(tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    arrays = {"counts": np.array([10, 20])}
    save_file(path, "test", {"seed": 1}, arrays)
    document = _document(path)
    changed = {**document, "header": {"seed": 2}}
    _write_document(path, changed, arrays)
    with pytest.raises(FileFormatError, match=r"file\.\w+' does not have the SHA-256 .* run again"):
        load_file(path, "test")
    unsigned = {name: value for name, value in document.items() if name != "sha256"}
    _write_document(path, unsigned, arrays)
    with pytest.raises(FileFormatError, match="SHA-256"):
        load_file(path, "test")
    # Schema 1 had no sum; what has one must have the right one whatever its number.
    _write_document(path, {**unsigned, "schema": 1}, arrays)
    header, found = load_file(path, "test")
    assert header == {"seed": 1}
    assert found["counts"].tolist() == [10, 20]
    _write_document(path, {**document, "schema": 1}, arrays)
    with pytest.raises(FileFormatError, match="SHA-256"):
        load_file(path, "test")


def _document(path):
    if path.suffix == ".json":
        return json.loads(path.read_text())
    with np.load(path) as archive:
        return json.loads(str(archive["document"]))


def _write_document(path, document, arrays):
    if path.suffix == ".json":
        path.write_text(json.dumps(document))
    else:
        named = {f"array/{name}": array for name, array in arrays.items()}
        np.savez_compressed(path, document=np.array(json.dumps(document)), **named)


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


def test_a_table_of_mostly_zeros_takes_what_was_seen(tmp_path):
    """Counts of twenty memristors have a million outcomes, and four thousand shots."""
    counts = np.zeros((2, 1, 2**16), dtype=np.int64)
    counts[0, 0, [0, 7, 65535]], counts[1, 0, 9] = (3, 4, 5), 6
    path = save_file(tmp_path / "counts.json", "counts", {}, {"counts": counts})
    assert path.stat().st_size < 1000
    assert np.array_equal(load_file(path, "counts")[1]["counts"], counts)
    document = json.loads(path.read_text())
    for change, said in (
        ({"places": [0, 7, 65535, 2**17]}, "cannot be read"),
        ({"places": [7, 0, 65535, 65536]}, "cannot be read"),
        ({"places": [0, 7]}, "cannot be read"),
        ({"shape": [2, 1, 2**40]}, "its arrays unpack to"),
        ({"dtype": "object"}, "cannot be read"),
    ):
        damaged = {**document, "arrays": {"counts": {**document["arrays"]["counts"], **change}}}
        path.write_text(json.dumps(damaged))
        with pytest.raises(FileFormatError, match=said):
            load_file(path, "counts")
