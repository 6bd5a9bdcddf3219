"""A function over a parameter grid, on any `concurrent.futures.Executor`, resumable after a kill.

There is no scheduler here: an executor runs the points (this machine's processes by default,
threads, or a Dask cluster's `Client.get_executor()`), and this module labels the results and
keeps a journal of what is finished.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import multiprocessing
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import check_integer
from qmemcircuit.common.locks import locked
from qmemcircuit.common.provenance import versions
from qmemcircuit.sweeps.handover import hand_over
from qmemcircuit.sweeps.journal import (
    Array,
    Values,
    append_points,
    encode_array,
    open_journal,
)

if TYPE_CHECKING:
    import xarray
from qmemcircuit.sweeps.datasets import (
    check_path,
    check_units,
    label_results,
    read_finished,
    with_units,
    write_dataset,
)
from qmemcircuit.sweeps.identity import check_importable, describe_function, fingerprint_code

Point = dict[str, Any]

TASKS = 256
"""Default number of tasks: enough to balance unequal points, few enough for cheap functions."""

PATIENCE = 30.0
"""Seconds without a worker after which a cluster that had some is given up: a worker that died is
started again within a few."""

SINGLE = "value"
"""Name of the result where the function returns one number or one array."""


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, ArrayLike],
    *,
    executor: Executor | None = None,
    path: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    chunk: int | None = None,
    units: Mapping[str, str] | None = None,
    failures: Literal["raise", "keep"] = "raise",
) -> xarray.Dataset:
    """Return `function` at every point of the product of `grid`, as a labelled dataset.

    Args:
        function: called as `function(name=value, …)`. Returns a number, an array, or a mapping from
            names to them, at every point with the same names and shapes. A random one takes its
            seed from the grid.
        grid: one-dimensional, distinct, finite values by name.
        executor: any `concurrent.futures.Executor`, shut down by the caller: serial, a pool or a
            cluster (docs/pages/howto/parameter_map.md). Default: one process per core.
        path: netCDF file (`.nc`) for the result, with a journal beside it: the same call after a
            kill computes only what is missing. A change of the function's own text is warned of;
            what it calls or reads may change *unnoticed*.
        progress: called as `progress(done, total)`, in points.
        chunk: points per task, which a kill loses; default a 256th of the points, at least 1.
        units: by the name of a parameter or result, "1" for pure numbers.
        failures: where the function raises, `"raise"` its error, or `"keep"` the point as NaN,
            named in the attribute `failures`, and warn.

    Returns:
        Dataset with the dimensions of `grid` and one variable per returned name ("value" where
        there is none), bit for bit as the function returned them. An array adds the dimensions
        `name_0`, `name_1`, ….

    Raises:
        TypeError, ValueError: bad arguments; a function that processes cannot import; results that
            are not numbers or that differ in names or shapes.
        FileFormatError: `path` or its journal is damaged, or holds another sweep.
        RuntimeError: a worker process died; a point killed several workers of a cluster, or all of
            them have been gone for half a minute. Finished points stay in the journal.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(1) as serial:
    ...     powers = sweep(pow, {"base": [2, 3], "exp": [1, 2, 3]}, executor=serial)
    >>> int(powers.value.sel(base=3, exp=2))
    9
    """
    check_arguments(sweep, locals(), own=("grid", "units"))
    axes = _check_grid(grid)
    check_units(units)
    if not callable(function):
        raise TypeError(f"Argument function must be callable, but {function!r} was given.")
    if chunk is not None:
        chunk = check_integer("chunk", chunk, minimum=1)
    if executor is None or isinstance(executor, ProcessPoolExecutor):
        check_importable(function)
    names = tuple(axes)
    points: list[Point] = [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(axis.tolist() for axis in axes.values()))
    ]
    identity = {
        "function": describe_function(function),
        "grid": [[name, encode_array(axis)] for name, axis in axes.items()],
        "code": fingerprint_code(function),
    }
    if progress is None:
        progress = _say_nothing
    with ExitStack() as held:
        journal = folder = None
        finished: dict[int, Values] = {}
        failed: dict[int, str] = {}
        if path is not None:
            target = check_path(path)
            journal = Path(f"{target}.journal")
            if not target.exists():
                refusal = (
                    "Argument path must not be in use, but another process is sweeping to "
                    f"{str(target)!r}; wait for it to finish."
                )
                held.enter_context(locked(journal, refusal))
            if target.exists():  # also where another process has just finished it
                done = read_finished(target, identity)
                journal.unlink(missing_ok=True)
                progress(len(points), len(points))
                return with_units(done, units)
            finished = open_journal(journal, identity)
            folder = Path(f"{target}.finished").absolute()
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            held.callback(shutil.rmtree, folder, ignore_errors=True)
        progress(len(finished), len(points))

        waiting = [index for index in range(len(points)) if index not in finished]
        size = chunk or max(1, math.ceil(len(waiting) / TASKS))
        tasks = [waiting[start : start + size] for start in range(0, len(waiting), size)]
        if tasks:
            with _ready(executor) as running:
                evaluate = functools.partial(_evaluate, function, failures)
                for indices, results in _run(evaluate, points, tasks, running, journal, folder):
                    new: dict[int, Values] = {}
                    for index, result in zip(indices, results, strict=True):
                        if isinstance(result, str):
                            failed[index] = result
                        else:
                            new[index] = result
                    if not new:
                        continue
                    finished.update(new)
                    _check_layout(axes, points, finished, list(new))
                    if journal is not None:
                        append_points(journal, new, new.values())
                    progress(len(finished), len(points))

        if failed and not finished:
            raise RuntimeError(
                f"The function raised at every point of the sweep: {failed[min(failed)]}"
            )
        dataset = with_units(label_results(axes, finished), units)
        dataset.attrs["sweep"] = json.dumps(identity)
        dataset.attrs["versions"] = json.dumps(dict(versions()))
        if failed:
            named = [{"point": points[k], "error": text} for k, text in sorted(failed.items())]
            dataset.attrs["failures"] = json.dumps(named)
            warnings.warn(_failure_text(named, len(points)), UserWarning, stacklevel=2)
            return dataset  # the journal stays, for another try
        if journal is not None:
            write_dataset(target, dataset)
            journal.unlink()
        return dataset


def _say_nothing(done: int, total: int) -> None:
    """Progress that nobody asked for."""


def _failure_text(named: list[dict[str, Any]], count: int) -> str:
    first = named[0]
    return (
        f"The function of the sweep raised at {len(named)} of {count} points, which are NaN: "
        f"{first['error']} at {first['point']}"
        + ("" if len(named) == 1 else "; the others stand in attrs['failures']")
        + "."
    )


def _run(
    evaluate: Callable[[list[Point]], list[Values | str]],
    points: list[Point],
    tasks: list[list[int]],
    executor: Executor,
    journal: Path | None,
    folder: Path | None,
) -> Iterator[tuple[list[int], list[Values | str]]]:
    """Yield (indices, results) of each task as it finishes.

    After an error no task is started; those under way are waited for and yielded, so that they
    are kept, and then the error is raised.
    """
    futures: dict[Future[list[Values | str]], list[int]] = {}
    failure: BaseException | None = None
    try:
        for indices in tasks:
            asked = [points[index] for index in indices]
            future = executor.submit(hand_over, evaluate, asked, indices, folder)
            futures[future] = indices
        try:
            for future in _as_finished(futures, executor):
                failure = CancelledError() if future.cancelled() else future.exception()
                if failure is not None:
                    break
                yield futures.pop(future), future.result()
        except _WorkersGone as gone:
            failure = gone
        if failure is None:
            return
        for future in [future for future in futures if not future.cancel()]:
            if future.exception() is None:
                yield futures[future], future.result()
    finally:
        for future in futures:
            future.cancel()
    what = _loss(failure)
    if not what:
        raise failure
    kept = (
        "give path= to keep what is finished"
        if journal is None
        else f"the finished points are kept in {str(journal)!r}, and the same call goes on"
    )
    raise RuntimeError(f"{what}; {kept}.") from failure


class _WorkersGone(Exception):
    """A cluster has no workers any more."""


def _as_finished(futures: Iterable[Future[Any]], executor: Executor) -> Iterator[Future[Any]]:
    """Yield futures as they finish; raise `_WorkersGone` where nobody is left to finish them."""
    client = getattr(executor, "_client", None)  # of Dask, which waits for workers for ever
    waiting = set(futures)
    last_seen: float | None = None
    while waiting:
        done, waiting = wait(
            waiting, timeout=None if client is None else 1.0, return_when=FIRST_COMPLETED
        )
        yield from done
        if client is None or client.status != "running":
            continue  # what a lost scheduler was to do is cancelled
        if done or client.nthreads():
            last_seen = time.monotonic()
        elif last_seen is not None and time.monotonic() - last_seen > PATIENCE:
            raise _WorkersGone


def _loss(failure: BaseException) -> str:
    """Return in words how workers were lost; "" for an error of the function itself."""
    if isinstance(failure, BrokenProcessPool):
        return (
            "A worker process of the sweep died (out of memory, killed, or a script that starts a "
            "sweep outside `if __name__ == '__main__':`)"
        )
    if isinstance(failure, _WorkersGone):
        return f"All workers of the sweep have been gone for {PATIENCE:.0f} seconds"
    if isinstance(failure, CancelledError):
        return "The cluster of the sweep has closed, or its scheduler is lost"
    if type(failure).__name__ == "KilledWorker":  # Dask's
        return f"One task of the sweep killed several workers of the cluster ({failure})"
    return ""


def _evaluate(
    function: Callable[..., Any], failures: str, points: list[Point]
) -> list[Values | str]:
    """Run in the worker: the function at `points`, results as named arrays, or the error's text."""
    results: list[Values | str] = []
    for point in points:
        try:
            results.append(_named_arrays(function(**point)))
        except Exception as error:
            if failures == "keep":
                results.append(f"{type(error).__name__}: {error}")
                continue
            error.add_note(f"in a sweep, at the point {point}")
            raise
    return results


def _named_arrays(result: Any) -> Values:
    named = result if isinstance(result, Mapping) else {SINGLE: result}
    arrays = {}
    for name, value in named.items():
        array = np.asarray(value)
        if not isinstance(name, str) or array.dtype.kind not in "biuf":
            raise TypeError(
                "Argument function must return real numbers or arrays of them (or a mapping from "
                f"names to those), but {value!r} was returned under the name {name!r}; return "
                "real and imaginary parts, or categories as integers, under names of their own."
            )
        arrays[name] = array
    return arrays


@contextmanager
def _ready(executor: Executor | None) -> Iterator[Executor]:
    """Yield the caller's executor as it is, or a pool of fresh processes closed at the end.

    `spawn`: forked children of a process with threads (numba, OpenMP) can hang.
    """
    if executor is not None:
        yield executor
        return
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def _check_grid(grid: Mapping[str, ArrayLike]) -> dict[str, Array]:
    if not isinstance(grid, Mapping) or not grid:
        raise TypeError(
            "Argument grid must be a mapping from parameter names to values, but "
            f"{grid!r} was given; e.g. {{'V_n': numpy.linspace(0, 4, 41)}}."
        )
    axes = {}
    for name, values in grid.items():
        axis = np.asarray(values)
        if axis.ndim != 1 or axis.size == 0:
            raise ValueError(
                f"Argument grid must hold one-dimensional values, but grid[{name!r}] has shape "
                f"{axis.shape}; a fixed parameter is bound with functools.partial."
            )
        if axis.dtype.kind not in "biufU":
            raise TypeError(
                "Argument grid must hold real numbers or strings, but "
                f"grid[{name!r}] has dtype {axis.dtype}."
            )
        if axis.dtype.kind == "f" and not np.all(np.isfinite(axis)):
            raise ValueError(f"Argument grid must be finite, but grid[{name!r}] is not.")
        if np.unique(axis).size != axis.size:
            raise ValueError(
                f"Argument grid must hold distinct values, but grid[{name!r}] repeats one; "
                "repetitions of a random run are told apart by a seed axis."
            )
        axes[str(name)] = axis
    return axes


def _check_layout(
    axes: dict[str, Array], points: list[Point], finished: dict[int, Values], new: list[int]
) -> None:
    """Raise ValueError unless the `new` results have the names and shapes of the others."""
    known, first = next(iter(finished.items()))
    layout = {name: array.shape for name, array in first.items()}
    for index in new:
        found = {name: array.shape for name, array in finished[index].items()}
        if found != layout:
            raise ValueError(
                f"Argument function must return the same names and shapes at every point, but "
                f"{layout} at {points[known]} and {found} at {points[index]} were returned."
            )
    if taken := sorted(set(layout) & set(axes)):
        raise ValueError(
            f"Argument function must not return a parameter's own name, but {taken} is in both; "
            "rename the result."
        )
