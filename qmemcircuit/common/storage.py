"""Files: one header and named arrays, written whole or not at all, read without pickle.

A file is a `.npz` archive (NumPy arrays and a JSON header) or the same content as `.json`.
The header says what the file holds (`kind`) and in which `schema` version, and carries a SHA-256
of the content, so that a number that changed on its way is noticed. It guards against accidents
and not against people: whoever edits a file can compute the sum again.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = 3
"""Version of the file layout; a file with a higher number is refused.

1, up to November 2026, had no checksum; such files are still read. 2 must have one. 3 is written
where an array of mostly zeros stands in JSON as the rest alone (`_sparse`), and nowhere else.
"""

DENSE_SCHEMA = 2
"""Of files without such an array, which older versions read, too."""

SPARSE_FROM = 4096
"""Numbers in an array from which JSON has those alone that are not zero, where most are."""

LARGEST_CONTENT = 2 * 2**30
"""Bytes of one file, packed or unpacked, 2 GiB: more is not read. Of numbers, half is written.

A compressed archive of megabytes can claim terabytes; what a file states about its size is
checked before anything of that size is allocated.
"""

Array = NDArray[Any]

# What readers raise on bytes that were not written so: bad JSON, bad archives, bad arrays. (An
# OSError then is zipfile's, looking for a place that is not there: the bytes are already read.)
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


class FileFormatError(ValueError):
    """A file that is damaged, of another kind, or written by a newer version.

    >>> import qmemcircuit as qm
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "record.json")
    ...     _ = path.write_text("not a record")
    ...     try:
    ...         qm.Record.load(path)
    ...     except qm.FileFormatError as error:
    ...         print(type(error).__name__)
    FileFormatError
    """


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write `content` to `path` so that a reader sees the old file or the new one, never a part.

    The bytes go to a temporary file in the same folder, are flushed to disk and renamed.
    Raises OSError (disk full, no permission) with the temporary file removed.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name}.", suffix=".part"
    )
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.add_note(
                f"{target} was not written, and what was there before is as it was; make room or "
                "give permission, and repeat."
            )
        raise
    return target


def save_file(
    path: str | os.PathLike[str], kind: str, header: Mapping[str, Any], arrays: Mapping[str, Array]
) -> Path:
    """Write `header` (JSON values) and `arrays` as `kind` to `path` (`.npz` or `.json`).

    A file of that name is replaced, whole. Raises ValueError for more than half of
    `LARGEST_CONTENT`, so that whatever was saved can be loaded.
    """
    suffix = check_suffix(path)
    packed = {name: suffix == ".json" and _sparse(array) for name, array in arrays.items()}
    size = sum(
        2 * np.count_nonzero(array) * array.itemsize if packed[name] else np.asarray(array).nbytes
        for name, array in arrays.items()
    )
    limit = LARGEST_CONTENT // (2 if suffix == ".npz" else 8)  # a number in JSON: 25 characters
    if size > limit:
        raise ValueError(
            f"Argument path must name a file for at most {limit:,} bytes of arrays, but these "
            f"have {size:,}; drop the states (dataclasses.replace) or keep fewer times."
        )
    schema = SCHEMA if any(packed.values()) else DENSE_SCHEMA
    document = {"format": "qmemcircuit", "schema": schema, "kind": kind, "header": dict(header)}
    if suffix == ".json":
        document["arrays"] = {name: _encode(array) for name, array in arrays.items()}
        document["sha256"] = content_digest(document, {})
        return write_atomically(path, json.dumps(document, allow_nan=False, indent=1).encode())
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    document["sha256"] = content_digest(document, plain)
    buffer = io.BytesIO()
    named: dict[str, Any] = {f"array/{name}": array for name, array in plain.items()}
    named["document"] = np.array(json.dumps(document, allow_nan=False))
    np.savez_compressed(buffer, **named)
    return write_atomically(path, buffer.getvalue())


def load_file(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays of a file that `save_file` wrote as `kind`.

    Raises:
        FileNotFoundError: where there is none.
        FileFormatError: where the file is damaged or was edited (its SHA-256 is wrong), holds
            another kind, or has a newer schema than this version reads.
    """
    content = read_file(path, kind)
    try:
        if check_suffix(path) == ".npz":
            _check_archive(content)
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                document = json.loads(str(archive["document"]))
                arrays = {
                    name.removeprefix("array/"): archive[name]
                    for name in archive.files
                    if name.startswith("array/")
                }
            digest = content_digest(document, arrays)
        else:
            document = json.loads(content)
            _check_places(document["arrays"])
            arrays = {name: _decode(item) for name, item in document["arrays"].items()}
            digest = content_digest(document, {})
        stated = document.get("sha256")
        found = (document["format"], document["schema"], document["kind"])
        header = dict(document["header"])
    except FileFormatError:
        raise
    except DAMAGE as error:
        raise FileFormatError(
            f"Argument path must name an intact qmemcircuit file, but {str(path)!r} cannot be "
            f"read ({type(error).__name__}); restore it from a copy or run again."
        ) from error
    if found[0] != "qmemcircuit" or found[2] != kind:
        raise FileFormatError(
            f"Argument path must name a {kind} file, but {str(path)!r} holds a {found[2]}."
        )
    if not isinstance(found[1], int) or not 1 <= found[1] <= SCHEMA:
        raise FileFormatError(
            f"Argument path must name a file of schema {SCHEMA} or older, but {str(path)!r} has "
            f"schema {found[1]}; install a newer qmemcircuit to read it."
        )
    if stated != digest and (stated is not None or found[1] > 1):
        raise FileFormatError(
            f"Argument path must name an intact qmemcircuit file, but the content of "
            f"{str(path)!r} does not have the SHA-256 that it states: it was damaged or edited; "
            "restore it from a copy or run again."
        )
    return header, arrays


def read_file(path: str | os.PathLike[str], kind: str, *, largest: int = LARGEST_CONTENT) -> bytes:
    """Return the bytes of a file that is said to be a `kind`.

    Raises:
        FileNotFoundError: where there is none.
        FileFormatError: for what is no ordinary file (a folder, a device, a pipe: reading one may
            never end) or has more than `largest` bytes.
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(
            f"Argument path must name a {kind} file, but {str(path)!r} does not exist; check its "
            "name."
        )
    if not place.is_file():
        raise FileFormatError(
            f"Argument path must name a {kind} file, but {str(path)!r} is no ordinary file; check "
            "its name."
        )
    size = place.stat().st_size
    if size > largest:
        raise FileFormatError(_too_large(f"{str(path)!r} has {size:,}", largest))
    return place.read_bytes()


def _too_large(found: str, largest: int = LARGEST_CONTENT) -> str:
    return (
        f"Argument path must name a file of at most {largest:,} bytes, but {found}; ask "
        "whoever made it for a smaller one."
    )


def _check_archive(content: bytes) -> None:
    """Refuse an archive that states more than it may hold, before any of it is unpacked.

    A member never unpacks to more than the archive states. NumPy allocates what the array's own
    header states, so that must be what the archive states, too.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        stated = sum(member.file_size for member in archive.infolist())
        if stated > LARGEST_CONTENT:
            raise FileFormatError(_too_large(f"this archive unpacks to {stated:,}"))
        for member in archive.infolist():
            with archive.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0
                if version != (1, 0):
                    read = np.lib.format.read_array_header_2_0
                shape, _, dtype = read(stream)
                size = math.prod(shape) * dtype.itemsize
                if size != member.file_size - stream.tell():
                    raise ValueError(
                        f"{member.filename} claims {size:,} bytes of numbers and has "
                        f"{member.file_size - stream.tell():,}"
                    )


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a file to be written, .npz or .json; ValueError for others."""
    suffix = Path(path).suffix
    if suffix not in (".npz", ".json"):
        raise ValueError(f"Argument path must end in .npz or .json, but {str(path)!r} was given.")
    return suffix


def content_digest(document: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of what a file says, however its bytes are laid out.

    Of the JSON values but the sum itself, keys sorted, and of the arrays' names, types, shapes
    and numbers.
    """
    values = {name: value for name, value in document.items() if name != "sha256"}
    # Through text first: tuples become lists and number keys words, as a reader will find them.
    values = json.loads(json.dumps(values, allow_nan=False))
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json.dumps([name, array.dtype.str, list(array.shape)]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _sparse(array: Array) -> bool:
    """Whether JSON has an array as its places and numbers that are not zero.

    Counts of twenty memristors: a million outcomes at each time, most of them never seen.
    """
    found = np.asarray(array)
    if found.dtype.kind not in "iu" or found.size < SPARSE_FROM:
        return False
    return 8 * int(np.count_nonzero(found)) < found.size


def _encode(array: Array) -> dict[str, Any]:
    """Encode an array as JSON values that restore it to the last bit."""
    if _sparse(array):
        flat = np.asarray(array).ravel()
        places = np.flatnonzero(flat)
        return {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "places": places.tolist(),
            "data": flat[places].tolist(),
        }
    if np.iscomplexobj(array):
        parts = np.stack([array.real, array.imag], axis=-1)
        return {"dtype": "complex128", "shape": list(array.shape), "data": _flat(parts)}
    return {"dtype": str(array.dtype), "shape": list(array.shape), "data": _flat(array)}


def _flat(array: Array) -> list[Any]:
    """Flatten; numbers that JSON has no word for become the strings 'nan', 'inf' and '-inf'."""
    values = array.ravel().tolist()
    if array.dtype.kind == "f":
        return [value if np.isfinite(value) else str(value) for value in values]
    return list(values)


def _decode(item: Mapping[str, Any]) -> Array:
    shape = tuple(item["shape"])
    if item["dtype"] == "complex128":
        # As a view: real + 1j * imaginary would turn an infinite part into NaN.
        parts = np.array(item["data"], dtype=float)
        return parts.view(np.complex128).reshape(shape)
    if "places" in item:
        return _filled(item, shape)
    return np.array(item["data"], dtype=item["dtype"]).reshape(shape)


def _check_places(arrays: Mapping[str, Any]) -> None:
    """Refuse arrays that state more than a file may hold, before any of them is made."""
    stated = sum(8 * math.prod(item["shape"]) for item in arrays.values() if "places" in item)
    if stated > LARGEST_CONTENT:
        raise FileFormatError(_too_large(f"its arrays unpack to {stated:,}"))


def _filled(item: Mapping[str, Any], shape: tuple[int, ...]) -> Array:
    """Return an array of which the numbers stand there that are not zero."""
    dtype = np.dtype(item["dtype"])
    if dtype.kind not in "iu" or min(shape, default=0) < 0:
        raise ValueError("only whole numbers are stored by their places")
    places = np.array(item["places"], dtype=np.int64)
    data = np.array(item["data"], dtype=dtype)
    ordered = places.ndim == 1 and places.shape == data.shape and bool(np.all(np.diff(places) > 0))
    if not ordered or (places.size and (places[0] < 0 or places[-1] >= math.prod(shape))):
        raise ValueError("places must increase within the array, one for each number")
    found = np.zeros(math.prod(shape), dtype=dtype)
    found[places] = data
    return found.reshape(shape)
