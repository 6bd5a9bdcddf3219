"""How long will it take, how much memory: asked before anything starts, by every simulating verb.

Each verb counts its work (operations, amplitudes, evaluations) and turns the count into an
`Effort` with coefficients measured on one core of a 2020s server processor;
`python -m experiments.benchmarks.resources` prints measured against estimated, which agree within
a factor of about three. `require` refuses what exceeds the free memory or `LONGEST` seconds and
names the verb that can; `with allow_large():` goes ahead all the same.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from qmemcircuit.common.checks import available_memory, check_memory

LONGEST = 120.0
"""Seconds. What is estimated to take longer is refused: someone who wants it can say so."""

SHOWN_FROM = 3.0
"""Seconds. Work estimated to take longer shows its progress on a terminal."""

UNASKED = 1e6
"""Bytes. For less than a megabyte, nobody asks how much is free: it takes longer than the work."""

_LARGE: ContextVar[bool] = ContextVar("qmemcircuit_allow_large", default=False)


@dataclass(frozen=True)
class Effort:
    """What some work will take.

    Attributes:
        work: what it is, in words ("the master equation of 12 memristors").
        seconds: of one processor core.
        memory: bytes at the peak.
    """

    work: str
    seconds: float
    memory: float

    def __str__(self) -> str:
        """Return it as a sentence's end, e.g. "about 3 minutes and 2.1 GB"."""
        duration = _duration(self.seconds)
        about = "" if duration.startswith("more") else "about "
        return f"{about}{duration} and {_size(self.memory)}"


@contextmanager
def allow_large() -> Iterator[None]:
    """Let work inside the `with` block start even where it is estimated to be too long or large.

    >>> import qmemcircuit as qm
    >>> with qm.allow_large():
    ...     exact = qm.exact_circuit(qm.Memristor(qm.SquidRate(0.4), a=0.7), [0.0, 0.2])
    """
    token = _LARGE.set(True)
    try:
        yield
    finally:
        _LARGE.reset(token)


def large_allowed() -> bool:
    """Return whether this is inside `with allow_large():`."""
    return _LARGE.get()


def too_long(estimate: Effort) -> bool:
    """Return whether `require` would refuse it for its time."""
    return estimate.seconds > LONGEST and not _LARGE.get()


def too_large(estimate: Effort) -> bool:
    """Return whether `require` would refuse it for its memory."""
    return estimate.memory > available_memory() and not _LARGE.get()


def require(estimate: Effort, remedy: str, *, argument: str = "model") -> None:
    """Raise ValueError where the work exceeds the free memory or `LONGEST` seconds.

    `remedy` names the verb that can, or what to reduce.
    """
    if _LARGE.get():
        return
    if estimate.memory < UNASKED and not too_long(estimate):
        return
    going_ahead = f"{remedy.rstrip('. ')}, or go ahead inside `with qm.allow_large():`."
    work = f"{estimate.work} for {_duration(estimate.seconds)},"
    check_memory(argument, int(estimate.memory), work, going_ahead)
    if too_long(estimate):
        raise ValueError(
            f"Argument {argument} must leave work for at most {_duration(LONGEST)}, but "
            f"{estimate.work} takes {estimate}; {going_ahead}"
        )


@contextmanager
def progress_of(estimate: Effort) -> Iterator[Callable[[float, float], None]]:
    """Yield `report(done, total)`: a bar on a terminal for long work, nothing in a pipe."""
    from rich.console import Console

    console = Console(stderr=True)
    if estimate.seconds < SHOWN_FROM or not console.is_terminal:
        yield lambda done, total: None
        return
    from rich.errors import LiveError
    from rich.progress import Progress

    bar = Progress(console=console, transient=True)
    try:
        bar.start()
    except LiveError:  # another bar is on this terminal already, and says enough
        yield lambda done, total: None
        return
    try:
        task = bar.add_task(estimate.work, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        bar.stop()


@contextmanager
def interrupts_held() -> Iterator[Callable[[], None]]:
    """Yield `check()`, which alone raises KeyboardInterrupt while the block runs.

    SciPy's compiled DOP853 loses an exception that reaches it inside its right-hand side, and
    may crash; a Ctrl-C during such a call waits for the next `check()`. Signals reach the main
    thread only: in others nothing is held, and nothing needs to be. Who handles SIGINT in another
    way than Python's own (or ignores it) keeps doing so.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    pressed: list[int] = []

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield check
        check()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _duration(seconds: float) -> str:
    if seconds > 1e6 * 3.15e7:
        return "more than a million years"
    for unit, size in (("years", 3.15e7), ("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size or (seconds >= size and unit == "years"):
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} seconds" if seconds >= 2 else "a second"


def _size(memory: float) -> str:
    if memory > 1e18:
        return "more than a million TB"
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if memory >= size:
            return f"{memory / size:,.1f} {unit}"
    return "less than 1 MB"
