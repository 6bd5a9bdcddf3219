"""Trajectories: the ladder in bond dimension against exact states, and workers that come and go."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.simulation import ensembles
from qmemcircuit.sweeps import sweep as sweeps

MEMRISTOR = qm.Memristor(qm.SquidRate(0.05), a=0.8)
CHAIN = qm.chain([MEMRISTOR] * 6, qm.Native("y", 0.3))
TIMES = MEMRISTOR.periods(1, points=8)[1:]


def simulate(**changes):
    how = {"method": "matrix_product_state", "trajectories": 24, "bond_dimension": 8, "seed": 3}
    return qm.simulate_circuit(CHAIN, TIMES[:2], **(how | changes))


@pytest.fixture(scope="module")
def serial():
    return simulate()


def bits(found):
    arrays = [found.voltage, found.current, found.voltage_error, found.current_error]
    arrays += [found.pair_state(j, j + 1) for j in range(5)]
    return [array.tobytes() for array in arrays]


# --- the ladder


@pytest.mark.parametrize(("coupling", "bond"), [("y", 1), ("z", 1), ("y", 2)])
def test_a_ladder_covers_what_too_small_bonds_get_wrong(coupling, bond):
    """Strong coupling: statistical errors alone do not cover, the ladder's do.

    48 numbers at z = 4 standard errors; the mutant is the same run without what the ladder adds.
    """
    network = qm.chain([MEMRISTOR] * 6, qm.Native(coupling, 0.3))
    exact = qm.exact_circuit(network, TIMES).voltage
    how = {"method": "matrix_product_state", "trajectories": 100, "seed": 5}
    with pytest.warns(RuntimeWarning, match="bond_dimension must be larger"):
        found = qm.simulate_circuit(network, TIMES, bond_dimension=bond, **how)
    error = np.abs(found.voltage - exact)
    assert np.all(error < 4 * found.voltage_error)
    assert np.any(error > 4 * (found.voltage_error - found.variables["truncation_error"]))
    assert found.provenance["truncation"]["trajectories"] == [16, 4]


def test_bonds_wide_enough_add_nothing(serial):
    """χ = 8 holds any state of six memristors: only the threshold is left."""
    assert serial.provenance["truncation"]["voltage"] < 1e-5
    exact = qm.exact_circuit(CHAIN, TIMES[:2]).voltage
    assert np.all(np.abs(serial.voltage - exact) < 4 * serial.voltage_error)


def climb(values):
    """Return what a ladder with these V and I on its three rungs adds, and its record."""
    rungs = [ensembles.Batch(4, seed, rung) for rung, seeds in enumerate((4, 4, 1))
             for seed in range(seeds)]  # fmt: skip
    found = [{"mean": np.full((2, 3, 5), values[item.rung])} for item in rungs]
    return ensembles._truncation(SimpleNamespace(batches=rungs, bond_dimension=1), found, 1.0)


def test_steps_that_halve_are_followed_to_their_limit():
    added, record = climb((0.4, 0.2, 0.1))  # … and 0.05, 0.025: to 0
    assert added == pytest.approx(0.4)
    assert record["ratio"] == pytest.approx(0.5)
    assert climb((0.4, 0.4, 0.4))[0] == pytest.approx(0)


def test_a_ladder_that_does_not_shrink_is_said():
    with pytest.warns(RuntimeWarning, match="steps of the ladder do not shrink"):
        added, record = climb((1.0, 0.5, 0.0))
    assert record["ratio"] == pytest.approx(1)
    assert added == pytest.approx(2.0)  # as if each further step were three quarters of the last


# --- workers


def test_threads_and_files_give_the_serial_bits(serial, tmp_path):
    with ThreadPoolExecutor(2) as threads:
        assert bits(simulate(executor=threads)) == bits(serial)
    path = tmp_path / "kept.nc"
    assert bits(simulate(path=path)) == bits(serial)
    assert bits(simulate(path=path)) == bits(serial)  # read, not run again
    with pytest.raises(qm.FileFormatError, match="path must name a file of this sweep"):
        simulate(path=path, seed=4)


class Dying(Executor):
    """Runs some tasks, then breaks as a process pool does whose worker was killed."""

    def __init__(self, tasks):
        self.left = tasks

    def submit(self, function, *arguments, **named):
        future = Future()
        if self.left:
            self.left -= 1
            future.set_result(function(*arguments, **named))
        else:
            future.set_exception(BrokenProcessPool("killed"))
        return future


def test_what_is_finished_is_not_run_again(serial, tmp_path, monkeypatch):
    path = tmp_path / "kept.nc"
    with pytest.raises(RuntimeError, match=r"worker process .* died .*the same call goes on"):
        simulate(path=path, executor=Dying(3))
    ran = []
    original = ensembles.Ensemble._run

    def counted(self, batch):
        ran.append(batch)
        return original(self, batch)

    monkeypatch.setattr(ensembles.Ensemble, "_run", counted)
    assert bits(simulate(path=path)) == bits(serial)
    # Of 24 trajectories: four groups of 4 and the other 8; four groups at 2χ and one at 4χ. Three
    # were finished.
    assert [(item.number, item.rung) for item in ran] == [(4, 0), (8, 0), *4 * [(4, 1)], (4, 2)]


class Deserted(Dying):
    """Has the client of a Dask cluster whose workers leave after some tasks; the rest waits."""

    status = "running"

    @property
    def _client(self):
        return self

    def nthreads(self):
        return {}

    def submit(self, function, *arguments, **named):
        return super().submit(function, *arguments, **named) if self.left else Future()


def test_workers_that_all_disappear_are_not_waited_for_and_nothing_is_lost(
    serial, tmp_path, monkeypatch
):
    monkeypatch.setattr(sweeps, "PATIENCE", 0.1)
    path = tmp_path / "kept.nc"
    with pytest.raises(RuntimeError, match=r"All workers .* have been gone.*same call goes on"):
        simulate(path=path, executor=Deserted(4))
    assert len((tmp_path / "kept.nc.journal").read_text().splitlines()) == 5  # and its header
    with pytest.raises(RuntimeError, match="give path= to keep what is finished"):
        simulate(executor=Deserted(4))
    assert bits(simulate(path=path)) == bits(serial)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Dask warns of a slow disk; that is not ours to fail on
def test_a_dask_worker_that_is_killed_loses_nothing(serial):
    distributed = pytest.importorskip("distributed")
    killed = []
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = client.run(os.getpid)

        def kill_one(done, total):
            if done and not killed:
                killed.append(next(iter(workers.values())))
                os.kill(killed[0], signal.SIGKILL)

        found = simulate(executor=client.get_executor(), progress=kill_one)
        assert killed
        assert bits(found) == bits(serial)
