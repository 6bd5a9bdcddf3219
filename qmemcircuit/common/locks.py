"""One process at a time: a lock that vanishes with the process that holds it, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, refusal: str) -> Iterator[None]:
    """Hold the file `path` alone (it is made where it is not there); RuntimeError with `refusal`.

    POSIX only: elsewhere two processes at once are not refused (files are whole all the same).
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    with path.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(refusal) from None
        yield
