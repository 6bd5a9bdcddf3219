"""The command line's two habits: a progress bar on a terminal only, and targets by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qmemcircuit.command_line.main import parse_target

__all__ = ["parse_target", "progress_bar"]


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Yield `progress(done, total)`; it draws a bar on a terminal and nothing in a pipe."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield progress
