"""The journal of a sweep: finished points, appended as they come, exact to the last bit.

A text file of one JSON value per line: the first says which sweep it is, each further one holds
one finished task. No pickle.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmemcircuit.common.storage import FileFormatError, content_digest, read_file

Array = NDArray[Any]
Values = dict[str, Array]


def open_journal(journal: Path, identity: Mapping[str, Any]) -> dict[int, Values]:
    """Return the finished points of `journal`, made ready for appending.

    The first line says which sweep it is, each further line holds one finished task. A last
    line without its end is what a kill left of a write: it is cut off.
    """
    header = {"format": "qmemcircuit", "kind": "sweep journal", "schema": 1, **identity}
    content = read_file(journal, "sweep journal") if journal.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    begin = f"{json.dumps(header)}\n".encode()
    if not whole and begin.startswith(content):  # new, or killed in the middle of its first line
        with journal.open("wb") as stream:  # in place: whoever sweeps holds a lock on this file
            stream.write(begin)
            stream.flush()
            os.fsync(stream.fileno())
        return {}
    try:
        first, *lines = whole.splitlines()
        found = json.loads(first)
        finished = {}
        for line in lines:
            finished.update(read_task(line))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise FileFormatError(
            f"Argument path must belong to an intact journal, but {str(journal)!r} cannot be "
            f"read ({type(error).__name__}); delete it to start afresh."
        ) from error
    check_same(journal, found, header)
    if len(whole) < len(content):
        os.truncate(journal, len(whole))
    return finished


def append_points(journal: Path, indices: Iterable[int], results: Iterable[Values]) -> None:
    """Append one finished task and wait until it is on the disk."""
    with journal.open("ab") as stream:
        stream.write(write_task(indices, results) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def write_task(indices: Iterable[int], results: Iterable[Values]) -> bytes:
    """Return one finished task as one line of JSON, with its SHA-256."""
    values = [{name: encode_array(array) for name, array in result.items()} for result in results]
    task: dict[str, Any] = {"points": list(indices), "values": values}
    return json.dumps({**task, "sha256": content_digest(task, {})}).encode()


def read_task(line: bytes) -> dict[int, Values]:
    """Return what `write_task` wrote; ValueError, KeyError or TypeError where it is damaged."""
    task = json.loads(line)
    if not isinstance(task, dict):
        raise ValueError("a task is not a mapping")
    if task.get("sha256") not in (None, content_digest(task, {})):
        raise ValueError("a point does not have the SHA-256 that it states")
    return {
        index: {name: decode_array(item) for name, item in values.items()}
        for index, values in zip(task["points"], task["values"], strict=True)
    }


def check_same(place: Path, found: Any, identity: Mapping[str, Any]) -> None:
    """Raise FileFormatError where `found` at `place` is another sweep; warn of changed code.

    A function's text may have changed in its comments alone, so that results are kept; files up to
    November 2026 do not state it.
    """
    found = found if isinstance(found, dict) else {}
    if any(found.get(name) != value for name, value in identity.items() if name != "code"):
        _refuse_other(place, found, identity)
    known = found.get("code")
    if known is not None and known != identity["code"]:
        warnings.warn(
            f"The code of {identity['function']} is not that with which {str(place)!r} was begun; "
            "what is finished there is kept as it is: delete the file to compute it again.",
            UserWarning,
            stacklevel=4,
        )


def _refuse_other(place: Path, found: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Raise FileFormatError that says how the sweep `found` at `place` differs from this one."""
    if found.get("function") != identity["function"]:
        what = f"holds a sweep of {found.get('function')!r}, not of {identity['function']!r}"
    else:
        old, new = dict(found.get("grid", [])), dict(identity["grid"])
        differing = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        what = f"holds a sweep over another grid ({', '.join(differing) or 'the order'} differs)"
    raise FileFormatError(
        f"Argument path must name a file of this sweep, but {str(place)!r} {what}; give another "
        "path, or delete the file to start afresh."
    )


def encode_array(array: Array) -> dict[str, Any]:
    """Encode as JSON values that restore the array to the last bit."""
    if array.dtype.kind == "U":
        return {"dtype": "str", "data": array.tolist()}
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "dtype": plain.dtype.str,
        "shape": list(array.shape),
        "data": base64.b64encode(plain.tobytes()).decode(),
    }


def decode_array(item: Mapping[str, Any]) -> Array:
    """Return the array that `encode_array` encoded."""
    content = base64.b64decode(item["data"], validate=True)
    array = np.frombuffer(content, dtype=item["dtype"]).reshape(item["shape"])
    return array.astype(array.dtype.newbyteorder("="))
