"""A submission's folder: its plan, the attempts at each part, its lock."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from qmemcircuit.common.locks import locked as hold
from qmemcircuit.common.storage import (
    FileFormatError,
    content_digest,
    load_file,
    write_atomically,
)

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
        content = json.loads(path.read_bytes())
        attempts = list(content["attempts"])
        # Files of up to November 2026 state no sum.
        if content.get("sha256") not in (None, content_digest(content, {})):
            raise ValueError("it does not have the SHA-256 that it states")
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
    content: dict[str, Any] = {"attempts": attempts}
    content["sha256"] = content_digest(content, {})
    write_atomically(place / file_name(number, "json"), json.dumps(content, indent=1).encode())


def file_name(number: int, suffix: str) -> str:
    """Return the name of one part's file."""
    return f"part{number:03d}.{suffix}"


def locked(place: Path) -> AbstractContextManager[None]:
    """Hold the folder alone; RuntimeError where another process does."""
    return hold(
        place / ".lock",
        f"Argument folder must not be in use, but another process is submitting or "
        f"collecting {str(place)!r}; wait for it to finish.",
    )
