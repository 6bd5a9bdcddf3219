"""Sweeps: labels, exactness, resuming after a kill, refusals, Dask."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray

from qmemcircuit.common.storage import FileFormatError
from qmemcircuit.sweeps.handover import Results, hand_over
from qmemcircuit.sweeps.sweep import sweep

GRID = {"gain": [1.0, 2.5], "steps": [3, 4, 5], "rule": ["euler", "heun"]}


def logistic(gain: float, steps: int, rule: str) -> dict[str, object]:
    """Bits that only the same operations in the same order give."""
    value = 0.1
    for _ in range(steps):
        value = gain * value * (1 - value) + (1e-3 if rule == "heun" else 0.0)
    return {"last": value, "powers": np.array([value, value**2]), "count": steps}


def counted(x: float, log: str, pause: float = 0.0) -> float:
    """Write down every call, so that a test can tell what was computed again."""
    with Path(log).open("a") as stream:
        stream.write(f"{x}\n")
    time.sleep(pause)
    return np.sin(x)


def fails_at_two(x: float) -> float:
    if x == 2:
        raise ZeroDivisionError("no root here")
    return x


def dies(x: float) -> float:
    os._exit(1)


class Inline(Executor):
    """The smallest executor there can be; counts its tasks."""

    def __init__(self) -> None:
        self.tasks = 0

    def submit(self, fn, /, *args, **kwargs):
        self.tasks += 1
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def test_labels_and_values_are_those_of_the_function() -> None:
    dataset = sweep(logistic, GRID, executor=Inline())
    assert dict(dataset.sizes) == {"gain": 2, "steps": 3, "rule": 2, "powers_0": 2}
    for gain in GRID["gain"]:
        for steps in GRID["steps"]:
            for rule in GRID["rule"]:
                here = dataset.sel(gain=gain, steps=steps, rule=rule)
                wanted = logistic(gain, steps, rule)
                assert here["last"].item() == wanted["last"]
                assert here["count"].item() == steps
                np.testing.assert_array_equal(here["powers"], wanted["powers"])
    assert dataset["count"].dtype.kind == "i"


def test_processes_threads_and_files_agree_to_the_last_bit(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as serial:
        wanted = sweep(logistic, GRID, executor=serial)
    path = tmp_path / "map.nc"
    for found in (sweep(logistic, GRID, path=path), sweep(logistic, GRID, path=path)):
        xarray.testing.assert_equal(found, wanted)
    with xarray.open_dataset(path) as stored:
        xarray.testing.assert_equal(stored, wanted)
    assert [item.name for item in tmp_path.iterdir()] == ["map.nc"]


def test_values_survive_the_journal_to_the_last_bit(tmp_path: Path) -> None:
    """NaN, infinities, the smallest subnormal and 0.1 + 0.2 through text and back."""
    awkward = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0]

    def awkward_value(k: int) -> dict[str, object]:
        if k == 2 and not (tmp_path / "second").exists():
            raise KeyboardInterrupt
        return {"number": awkward[k], "nan": np.nan, "infinity": -np.inf, "flag": k > 1}

    path = tmp_path / "map.nc"
    grid = {"k": [0, 1, 2, 3]}
    with pytest.raises(KeyboardInterrupt):
        sweep(awkward_value, grid, executor=Inline(), path=path)
    (tmp_path / "second").touch()
    found = sweep(awkward_value, grid, executor=Inline(), path=path)
    assert found["number"].values.tobytes() == np.array(awkward).tobytes()
    assert np.isnan(found["nan"]).all()
    assert np.isneginf(found["infinity"]).all()
    assert found["flag"].values.tolist() == [False, False, True, True]


def test_cheap_points_share_tasks() -> None:
    inline = Inline()
    sweep(abs_of, {"x": np.arange(1000)}, executor=inline)
    assert inline.tasks == 250
    inline = Inline()
    sweep(abs_of, {"x": np.arange(1000)}, executor=inline, chunk=300)
    assert inline.tasks == 4


def abs_of(x: int) -> int:
    return abs(x)


def test_progress_counts_points_and_starts_with_those_resumed(tmp_path: Path) -> None:
    path, log = tmp_path / "map.nc", str(tmp_path / "log")
    function = partial(counted, log=log)
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(function, {"x": [0.0, 1.0, 2.0, 3.0]}, executor=Inline(), path=path, progress=stop)
    lines = Path(f"{path}.journal").read_text().splitlines()[1:]
    kept = {point for line in lines for point in json.loads(line)["points"]}
    Path(log).unlink()
    sweep(
        function,
        {"x": [0.0, 1.0, 2.0, 3.0]},
        executor=Inline(),
        path=path,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(2, 4), (3, 4), (4, 4)]
    computed = [float(line) for line in Path(log).read_text().split()]
    assert sorted(computed) == sorted({0.0, 1.0, 2.0, 3.0} - kept)


SCRIPT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
import numpy as np
sys.path.insert(0, sys.argv[3])
from test_sweeps import counted
from qmemcircuit.sweeps.sweep import sweep
with ThreadPoolExecutor(1) as serial:
    sweep(partial(counted, log=sys.argv[2], pause=0.02), {"x": np.arange(100.0)},
          executor=serial, path=sys.argv[1])
"""


def test_a_killed_sweep_goes_on_with_nothing_computed_again(tmp_path: Path) -> None:
    path, log = tmp_path / "map.nc", tmp_path / "log"
    journal = Path(f"{path}.journal")
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(log), str(Path(__file__).parent)]
    )
    while not journal.exists() or journal.read_bytes().count(b"\n") < 6:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    # A write that the kill cut: the resumed sweep must drop it, not choke on it.
    finished = [json.loads(line)["points"][0] for line in journal.read_text().splitlines()[1:]]
    with journal.open("ab") as stream:
        stream.write(b'{"points": [99], "val')
    assert 5 <= len(finished) < 100
    function = partial(counted, log=str(log), pause=0.02)
    found = sweep(function, {"x": np.arange(100.0)}, executor=Inline(), path=path)
    calls = log.read_text().split()
    assert all(calls.count(f"{float(x)}") == 1 for x in finished)
    assert len(calls) <= 101  # at most the one point that was under way at the kill, again
    wanted = np.array([np.sin(x) for x in range(100)])
    assert found["value"].values.tobytes() == wanted.tobytes()
    assert path.exists()
    assert not journal.exists()


def test_another_sweep_is_refused(tmp_path: Path) -> None:
    path, log = tmp_path / "map.nc", str(tmp_path / "log")
    grid = {"x": [0.0, 1.0]}

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    function = partial(counted, log=log)
    with pytest.raises(KeyboardInterrupt):
        sweep(function, grid, executor=Inline(), path=path, progress=interrupt)
    for state in ("journal", "finished"):
        with pytest.raises(FileFormatError, match=r"another grid \(x differs\)"):
            sweep(function, {"x": [0.0, 1.5]}, executor=Inline(), path=path)
        with pytest.raises(FileFormatError, match="holds a sweep of"):
            sweep(partial(function, pause=0.001), grid, executor=Inline(), path=path)
        if state == "journal":
            sweep(function, grid, executor=Inline(), path=path)


def test_the_order_of_the_grid_is_part_of_its_identity(tmp_path: Path) -> None:
    path = tmp_path / "map.nc"
    sweep(pow, {"base": [2, 3], "exp": [1, 2]}, executor=Inline(), path=path)
    with pytest.raises(FileFormatError, match="the order differs"):
        sweep(pow, {"exp": [1, 2], "base": [2, 3]}, executor=Inline(), path=path)


@dataclass(frozen=True)
class Scale:
    """A model whose method is swept."""

    factor: float

    def times(self, x: float) -> float:
        return self.factor * x


def test_a_method_of_another_object_is_another_sweep(tmp_path: Path) -> None:
    path = tmp_path / "map.nc"
    sweep(Scale(2.0).times, {"x": [1.0]}, path=path)
    assert sweep(Scale(2.0).times, {"x": [1.0]}, path=path)["value"].item() == 2.0
    with pytest.raises(FileFormatError, match=r"Scale\(factor=2.0\).times"):
        sweep(Scale(3.0).times, {"x": [1.0]}, path=path)


@pytest.mark.parametrize("left", [b"", b'{"format": "qmem'])
def test_a_journal_killed_in_its_first_line_starts_afresh(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "map.nc"
    Path(f"{path}.journal").write_bytes(left)
    assert sweep(abs_of, {"x": [-1, 2]}, executor=Inline(), path=path)["value"].values.tolist() == [
        1,
        2,
    ]


def test_two_sweeps_to_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.nc"

    def sweep_again(done: int, total: int) -> None:
        if done == 0:
            with pytest.raises(RuntimeError, match="another process is sweeping"):
                sweep(abs_of, {"x": [-1, 2]}, executor=Inline(), path=path)

    sweep(abs_of, {"x": [-1, 2]}, executor=Inline(), path=path, progress=sweep_again)
    assert [item.name for item in tmp_path.iterdir()] == ["map.nc"]


@pytest.mark.parametrize(
    "damage", [b"no journal\n", b'{"a": 1}\n{"points": [0]}\n', b"{}\n[1]\n", b"x"]
)
def test_a_damaged_journal_is_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "map.nc"
    Path(f"{path}.journal").write_bytes(damage)
    with pytest.raises(FileFormatError, match="delete"):
        sweep(abs_of, {"x": [1, 2]}, executor=Inline(), path=path)


def test_a_damaged_result_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.nc"
    path.write_bytes(b"not netCDF")
    with pytest.raises(FileFormatError, match="intact netCDF"):
        sweep(abs_of, {"x": [1, 2]}, executor=Inline(), path=path)


def many_kinds(k: int) -> dict[str, object]:
    """Return numbers that a finished sweep would not compute again: 1000 times k is expensive."""
    return {"number": k / 7, "nan": np.nan, "flag": k > 1, "pair": np.array([k, -k])}


@pytest.mark.parametrize("kept", ["map.nc", "map.nc.journal"])
def test_a_changed_number_in_a_file_is_noticed(tmp_path: Path, kept: str) -> None:
    """Every byte that stands for a number, and a sample of the others, with one bit changed."""
    path, file = tmp_path / "map.nc", tmp_path / kept
    grid = {"k": [0, 1, 2], "name": ["a", "b"]}

    def named(k: int, name: str) -> dict[str, object]:
        if kept != path.name and (k, name) == (2, "b"):
            raise KeyboardInterrupt  # leaves the journal
        return many_kinds(k)

    def run() -> xarray.Dataset:
        with warnings.catch_warnings():  # where the bit is one of the function's fingerprint
            warnings.filterwarnings("ignore", "The code of")
            return sweep(named, grid, executor=Inline(), path=path, chunk=1)

    wanted: xarray.Dataset | None = None
    with contextlib.suppress(KeyboardInterrupt):
        wanted = run()
    content = file.read_bytes()
    if wanted is not None:
        assert run().identical(wanted)  # read back, its sum is right
        numbers = wanted["number"].values.tobytes()
        begin = content.index(numbers)
        places = [*range(begin, begin + len(numbers)), *range(0, len(content), 97)]
    else:
        places = list(range(0, len(content), 7))
    refused = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(bytes(damaged))
        try:
            found = run()
        except FileFormatError:
            refused += 1
        except KeyboardInterrupt:
            pass  # the journal was read, a torn or an unsigned line computed again
        else:
            assert wanted is not None
            xarray.testing.assert_identical(found, wanted)
        if wanted is None:
            path.unlink(missing_ok=True)
    assert refused >= (len(numbers) if wanted is not None else len(places) // 2)


def test_an_error_names_its_point_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "map.nc"
    with pytest.raises(ZeroDivisionError, match="no root") as caught:
        sweep(fails_at_two, {"x": [0, 1, 2, 3]}, path=path)
    assert "in a sweep, at the point {'x': 2}" in caught.value.__notes__
    assert Path(f"{path}.journal").exists()
    with pytest.raises(ZeroDivisionError):
        sweep(fails_at_two, {"x": [0, 1, 2, 3]}, executor=Inline(), path=tmp_path / "inline.nc")
    lines = (tmp_path / "inline.nc.journal").read_text().splitlines()[1:]
    assert sorted(json.loads(line)["points"] for line in lines) == [[0], [1], [3]]


def test_a_dead_process_is_reported() -> None:
    with pytest.raises(RuntimeError, match="worker process of the sweep died"):
        sweep(dies, {"x": [0.0]})


def test_a_function_that_processes_cannot_import_is_refused() -> None:
    with pytest.raises(TypeError, match=r"cannot be sent(.|\n)*ThreadPoolExecutor"):
        sweep(lambda x: x, {"x": [1.0]})
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(TypeError, match="top level of a module"),
    ):
        sweep(lambda x: x, {"x": [1.0]}, executor=pool)
    assert sweep(lambda x: x, {"x": [1.0]}, executor=Inline())["value"].item() == 1.0


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({}, "mapping"),
        ([1, 2], "mapping"),
        ({"x": 1.0}, "one-dimensional"),
        ({"x": []}, "one-dimensional"),
        ({"x": [[1.0]]}, "functools.partial"),
        ({"x": [1.0, np.nan]}, "finite"),
        ({"x": [1.0, 1.0]}, "seed axis"),
        ({"x": [1j]}, "complex"),
    ],
)
def test_bad_grids(grid: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        sweep(abs_of, grid, executor=Inline())


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("abs", "callable"),
        (lambda x: 1j, "imaginary"),
        (lambda x: "yes", "imaginary"),
        (lambda x: None, "real numbers"),
        (lambda x: {"x": 1.0}, "parameter's own name"),
        (lambda x: np.zeros(x), "same names and shapes"),
    ],
)
def test_bad_functions(function: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        sweep(function, {"x": [1, 2]}, executor=Inline())


@pytest.mark.parametrize(("name", "value"), [("path", "map.csv"), ("chunk", 0), ("chunk", 1.5)])
def test_bad_options(name: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=f"Argument {name} must"):
        sweep(abs_of, {"x": [1, 2]}, executor=Inline(), **{name: value})


def slow_logistic(gain: float, steps: int, rule: str, log: str) -> dict[str, object]:
    time.sleep(0.15)
    found = logistic(gain, steps, rule)
    with open(log, "a") as lines:  # one short line: appended whole
        lines.write(f"{gain!r} {steps} {rule}\n")
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Dask warns of a slow disk; that is not ours to fail on
def test_a_dask_cluster_that_loses_a_worker_gives_the_serial_result(tmp_path: Path) -> None:
    """And computes nothing twice that was finished."""
    distributed = pytest.importorskip("distributed")
    grid = {**GRID, "gain": np.linspace(1, 3.9, 8)}
    with ThreadPoolExecutor(1) as serial:
        wanted = sweep(logistic, grid, executor=serial)
    killed: list[int] = []
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = client.run(os.getpid)
        assert len(workers) == 2

        def kill_one(done: int, total: int) -> None:
            if done >= total // 3 and not killed:
                killed.append(next(iter(workers.values())))
                os.kill(killed[0], signal.SIGKILL)

        function = partial(slow_logistic, log=str(tmp_path / "log"))
        found = sweep(
            function,
            grid,
            executor=client.get_executor(),
            path=tmp_path / "map.nc",
            progress=kill_one,
        )
        assert killed
        assert killed[0] not in client.run(os.getpid).values()
    xarray.testing.assert_equal(found, wanted)
    for name in wanted.variables:
        assert found[name].values.tobytes() == wanted[name].values.tobytes()
    calls = (tmp_path / "log").read_text().splitlines()
    assert len(set(calls)) == found["last"].size
    assert len(calls) - len(set(calls)) <= 1  # killed between its last line and the file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "map.nc"]


@pytest.mark.parametrize("damage", [None, b"", b"{}", b"[1]", b'{"points": [3], "values": [{}]}'])
def test_what_a_lost_worker_finished_is_found(tmp_path: Path, damage: bytes | None) -> None:
    calls = []

    def evaluate(points: list[dict[str, float]]) -> Results:
        calls.append(points)
        return [{"value": np.array(point["x"])} for point in points]

    points = [{"x": 0.1}, {"x": np.pi}]
    for _ in range(2):
        found = hand_over(evaluate, points, [3, 4], tmp_path)
        assert [float(item["value"]) for item in found] == [0.1, np.pi]
        if damage is not None:
            (tmp_path / "3-4.json").write_bytes(damage)
    assert len(calls) == (1 if damage is None else 2)
    hand_over(evaluate, points, [3, 5], tmp_path)
    hand_over(evaluate, points, [3, 4], None)
    hand_over(evaluate, points, [3, 4], tmp_path / "elsewhere")
    assert len(calls) == (4 if damage is None else 5)


def test_points_that_raised_are_tried_again(tmp_path: Path) -> None:
    assert hand_over(lambda points: ["ValueError: no"], [{"x": 1}], [0], tmp_path)
    assert not list(tmp_path.iterdir())


def test_units_are_kept_in_the_file_and_must_name_something(tmp_path: Path) -> None:
    units = {"gain": "1/s", "last": "V"}
    path = tmp_path / "units.nc"
    with ThreadPoolExecutor(1) as here:
        for _ in range(2):  # computed, then read
            found = sweep(logistic, GRID, executor=here, path=path, units=units)
            assert {name: found[name].attrs["units"] for name in units} == units
        with pytest.raises(
            ValueError, match="units must name parameters and results, last, powers"
        ):
            sweep(logistic, GRID, executor=here, units={"loss": "1"})
        with pytest.raises(TypeError, match="units must be a mapping from names to units"):
            sweep(logistic, GRID, executor=here, units={"gain": 1})  # type: ignore[dict-item]


def reciprocal(x: float, y: float) -> dict[str, float]:
    if x == 2.0 and y == 3.0:
        raise ZeroDivisionError("no reciprocal here")
    return {"value": 1 / (x + y), "count": 1}


def test_a_point_that_raises_is_named_and_the_rest_is_kept(tmp_path):
    grid = {"x": [1.0, 2.0], "y": [3.0, 4.0]}
    path = tmp_path / "kept.nc"
    with ThreadPoolExecutor(1) as serial:
        with pytest.warns(
            UserWarning, match=r"1 of 4 points.*no reciprocal here at \{'x': 2.0, 'y'"
        ):
            table = sweep(reciprocal, grid, executor=serial, failures="keep", path=path)
        assert np.isnan(table.value.sel(x=2.0, y=3.0))
        assert int(table.value.notnull().sum()) == int(table["count"].sum()) == 3
        [failure] = json.loads(table.attrs["failures"])
        assert failure["point"] == {"x": 2.0, "y": 3.0}
        assert not path.exists()
        assert Path(f"{path}.journal").exists()
        with pytest.raises(ZeroDivisionError):
            sweep(reciprocal, grid, executor=serial)
        everywhere = {"x": [2.0], "y": [3.0]}
        with pytest.raises(RuntimeError, match="at every point of the sweep: ZeroDivisionError"):
            sweep(reciprocal, everywhere, executor=serial, failures="keep")
