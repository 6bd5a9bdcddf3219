"""A submission's folder: its plan, the attempts at each part, its lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qmemcircuit.common.storage import FileFormatError, load_file, write_atomically

FAILED = ("ERROR", "CANCELLED")


def plan_of(place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and arrays of a submission's plan; FileNotFoundError where there is none."""
    path = place / "plan.json"
    if not path.exists():
        raise FileNotFoundError(
            f"Argument folder must hold a submission, but {str(place)!r} has no plan.json: "
            "nothing was sent from it; check its name, or submit again."
        )
    return load_file(path, "submission")


def attempts_of(place: Path, number: int) -> list[dict[str, Any]]:
    """Return the attempts at one part, each with its tag, its job once accepted, and its failure.

    `failure` is there only where the job is done, but its counts lack circuits.
    """
    path = place / file_name(number, "json")
    if not path.exists():
        return []
    try:
        attempts = list(json.loads(path.read_bytes())["attempts"])
        for attempt in attempts:
            if not isinstance(attempt["tag"], str) or not isinstance(attempt["job"], str | None):
                raise TypeError
        return attempts
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"Argument folder must hold an intact submission, but {str(path)!r} cannot be read; "
            "remove that file and resume, which asks the service for the plan's tag."
        ) from error


def write_attempts(place: Path, number: int, attempts: list[dict[str, Any]]) -> None:
    """Write the attempts at one part, as `attempts_of` returns them."""
    content = json.dumps({"attempts": attempts}, indent=1).encode()
    write_atomically(place / file_name(number, "json"), content)


def file_name(number: int, suffix: str) -> str:
    """Return the name of one part's file."""
    return f"part{number:03d}.{suffix}"


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Hold the folder alone; the lock vanishes with the process, however it ends.

    POSIX only: elsewhere two processes at once are not refused (files are whole all the same).
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    with (place / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"Argument folder must not be in use, but another process is submitting or "
                f"collecting {str(place)!r}; wait for it to finish."
            ) from None
        yield
