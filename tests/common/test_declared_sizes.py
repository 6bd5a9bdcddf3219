"""Files of strangers: what they claim is checked before it is unpacked, allocated or waited for."""

from __future__ import annotations

import io
import os
import resource
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.command_line.description import LARGEST_DESCRIPTION, read_description
from qmemcircuit.common import storage
from qmemcircuit.sweeps.journal import open_journal


@pytest.fixture(autouse=True)
def refused_within_a_second_and_little_memory():
    """Every test here; the largest claim is 8 TB, and half a gigabyte more may not be touched."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 5  # a second, and room for a loaded machine
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 * 1024


def zeros_archive(path: Path, gibibytes: int) -> None:
    """An archive of a few megabytes whose one member unpacks to as many bytes as it states."""
    block = b"\0" * 2**20
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("array/times.npy", 8 * block)
    # The eight megabytes are enough: the directory at the end states what a reader believes.
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    size = int.from_bytes(content[directory + 24 : directory + 28], "little")
    assert size == 8 * 2**20
    content[directory + 24 : directory + 28] = (gibibytes * 2**30).to_bytes(4, "little")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("load", [qm.Record.load, qm.Trajectory.load])
def test_an_archive_that_states_gigabytes_is_refused(tmp_path, load):
    zeros_archive(tmp_path / "bomb.npz", 3)
    with pytest.raises(storage.FileFormatError, match=r"Argument path must name a file of at most"):
        load(tmp_path / "bomb.npz")


@pytest.mark.parametrize("load", [qm.Record.load, qm.Trajectory.load])
def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path, load):
    """NumPy allocates what the array's header says: here 8 TB, of which 80 bytes are there."""
    plain = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(plain, header)
    with zipfile.ZipFile(tmp_path / "claim.npz", "w") as archive:
        archive.writestr("array/times.npy", plain.getvalue() + bytes(80))
    with pytest.raises(storage.FileFormatError, match="Argument path must name an intact"):
        load(tmp_path / "claim.npz")


@pytest.mark.parametrize("load", [qm.Record.load, qm.Trajectory.load])
@pytest.mark.parametrize(
    "text",
    [
        '{"arrays": {"times": {"dtype": "float64", "shape": [1000000000000], "data": [0.0]}}}',
        "[" * 200_000,
        '{"arrays": {"times": {"dtype": "S9000000000000", "shape": [1], "data": ["x"]}}}',
    ],
    ids=["shape", "nesting", "item size"],
)
def test_json_that_claims_or_nests_without_end_is_refused(tmp_path, load, text):
    (tmp_path / "claim.json").write_text(text)
    with pytest.raises(storage.FileFormatError, match="Argument path must name an intact"):
        load(tmp_path / "claim.json")


def test_devices_pipes_folders_and_links_to_them_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    for name in ("pipe.json", "folder.json", "zero.json"):
        for load in (qm.Record.load, qm.Trajectory.load, read_description):
            with pytest.raises(storage.FileFormatError, match="no ordinary file"):
                load(tmp_path / name)
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="Argument path must name"):
        qm.Record.load(tmp_path / "nowhere.json")


def test_a_file_larger_than_any_of_ours_is_not_read(tmp_path):
    for name, size, load in (
        ("large.json", storage.LARGEST_CONTENT, qm.Record.load),
        ("large.toml", LARGEST_DESCRIPTION, read_description),
        ("large.journal", storage.LARGEST_CONTENT, lambda path: open_journal(path, {})),
    ):
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(size + 1)  # a hole: it takes no room on the disk
        with pytest.raises(storage.FileFormatError, match="at most"):
            load(tmp_path / name)


def test_what_is_saved_can_be_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "LARGEST_CONTENT", 2**16)
    for name, most in (("a.npz", 2**12), ("a.json", 2**10)):  # numbers of 8 bytes
        with pytest.raises(ValueError, match="Argument path must name a file for at most"):
            storage.save_file(tmp_path / name, "thing", {}, {"x": np.zeros(most + 1)})
        assert not (tmp_path / name).exists()
        numbers = np.random.default_rng(1).normal(size=most) * 1e-300
        path = storage.save_file(tmp_path / name, "thing", {}, {"x": numbers})
        assert np.array_equal(storage.load_file(path, "thing")[1]["x"], numbers)


def test_a_saved_link_is_replaced_and_what_it_points_at_stays(tmp_path):
    """Writing through a link would change a file elsewhere."""
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text("precious")
    (tmp_path / "link.json").symlink_to(elsewhere)
    storage.save_file(tmp_path / "link.json", "thing", {}, {"x": np.zeros(2)})
    assert elsewhere.read_text() == "precious"
    assert not (tmp_path / "link.json").is_symlink()
