"""Numba's decorators with a cache on disk that a change of any source of the neurons leaves behind.

Numba keeps a compiled function until the file that it stands in changes. What it calls in other
files is compiled into it, and changes unseen: after an update in place, a digital neuron went on
with the conductances of before, in silence. So the cache lies in a folder named by the state of all
sources here, and what an older state has compiled is never found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

SOURCES = Path(__file__).parents[2]


@cache
def cache_folder(sources: Path = SOURCES) -> Path:
    """Return where functions compiled from `sources`, as they are now, are kept."""
    found = [(path, path.stat()) for path in sorted(sources.rglob("*.py"))]
    state = [(str(path.relative_to(sources)), at.st_mtime_ns, at.st_size) for path, at in found]
    stamp = hashlib.sha256(repr(state).encode()).hexdigest()[:16]
    root = Path(numba.config.CACHE_DIR or sources / "__pycache__")
    return root / f"kernels-{stamp}"


def is_compiled(kernel: Any) -> bool:
    """Say whether this process or its folder has a compiled form of one of these functions."""
    if kernel.signatures:
        return True
    plain = kernel.py_func
    name = f"{Path(plain.__code__.co_filename).stem}.{plain.__qualname__}-*.nbi"
    return any(cache_folder().rglob(name))


def does_as(plain: Callable[..., Any]) -> Callable[[Any], Any]:
    """Give what is written for LLVM the Python that does the same: `py_func`, like numba's own."""

    def decorated(written: Any) -> Any:
        written.py_func = plain
        return written

    return decorated


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's `njit` with these options, whose cache, where asked for, is the folder."""
    return _kept(numba.njit(**options))


def cfunc(kind: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's `cfunc` of this signature, whose cache, where asked for, is the folder."""
    return _kept(numba.cfunc(kind, **options))


def _kept(decorate: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    def decorated(function: Callable[..., Any]) -> Any:
        # Numba reads the setting when it decorates; other functions keep their places.
        before, folder = numba.config.CACHE_DIR, str(cache_folder())
        numba.config.CACHE_DIR = folder
        try:
            return decorate(function)
        finally:
            numba.config.CACHE_DIR = before

    return decorated
