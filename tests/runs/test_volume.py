"""The memristor volume: what passes, what scores zero, and that noise only lowers it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit_aer.primitives import SamplerV2

import qmemcircuit as qm
from qmemcircuit.command_line.main import main

SIZES, PERIODS = (1, 2), (1, 2)
ERROR = 0.008


def attenuating(loss, *, error=ERROR):
    """A device that returns V e^{−loss·N·t/T} within its shots: seeds fixed by size and length."""

    def measure(network, times, steps):
        count = len(network.memristors)
        truth = qm.master_equation(network, times)
        kept = np.exp(-loss * count * times / network.period)[:, None]
        random = np.random.default_rng([count, steps])
        voltage = truth.voltage * kept + error * random.normal(size=truth.voltage.shape)
        return as_measured(truth, voltage, error)

    return measure


def as_measured(truth, voltage, error):
    rate = truth.variables["decay_rate"]
    errors = np.full_like(voltage, error)
    return replace(
        truth,
        voltage=voltage,
        current=rate * voltage,
        voltage_error=errors,
        current_error=rate * errors,
        voltage_current_covariance=np.einsum(
            "tm,ts->mts", rate * errors**2, np.eye(len(truth.times))
        ),
    )


def only(kind):
    """A device that returns noise, or the fully mixed state, or errors as large as its range."""

    def measure(network, times, steps):
        truth = qm.master_equation(network, times)
        random = np.random.default_rng(4)
        noise = random.normal(size=truth.voltage.shape)
        if kind == "noise":
            return as_measured(truth, 0.35 * np.tanh(noise), ERROR)
        if kind == "mixed":
            return as_measured(truth, ERROR * noise, ERROR)
        return as_measured(truth, truth.voltage + 0.35 * noise, 0.35)

    return measure


def volume(measure):
    return qm.memristor_volume(measure, sizes=SIZES, periods=PERIODS)


def test_it_falls_as_noise_rises():
    found = [volume(attenuating(loss)).value for loss in (0.0, 0.06, 0.5)]
    assert found[0] == 4
    assert found[-1] == 0
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 3


@pytest.mark.parametrize("kind", ["noise", "mixed", "vague"])
def test_a_device_without_memristors_scores_zero(kind):
    found = volume(only(kind))
    assert found.value == 0
    assert found.staircase == {1: 0}
    (cell,) = found.cells
    if kind == "vague":  # it agrees, but certifies nothing
        assert cell.deviation <= cell.allowed
        assert cell.open_loops == 0
    else:
        assert cell.deviation > cell.allowed


def test_what_does_not_fit_ends_the_row():
    def small(network, times, steps):
        if len(network.memristors) > 1:
            raise ValueError("Argument backend must have at least 4 qubits, but it has 2.")
        return attenuating(0.0)(network, times, steps)

    found = volume(small)
    assert found.staircase == {1: 1, 2: 1}
    assert "at least 4 qubits" in str(found)


def test_the_command_prints_the_staircase(capsys):
    assert main(["volume", "--sizes", "1", "--periods", "1", "--shots", "500"]) == 0
    assert "memristor volume of aer: 1" in capsys.readouterr().out
    assert main(["volume", "--sizes", "2", "1"]) == 2
    assert "Argument sizes must increase" in capsys.readouterr().err


def test_a_device_is_read_by_propagation():
    target = qm.device(PlainBackend(qubits=2), seed=1)
    found = qm.memristor_volume(target, sizes=(1, 2), periods=(1,))
    assert found.value == 1
    assert "4 qubits" in found.cells[1].failure


class Jobs:
    """A service without noise. It refuses job number `refused`, and leaves `queued` undone."""

    def __init__(self, refused=None, queued=()):
        self.jobs: dict[str, Any] = {}
        self.refused, self.queued = refused, queued

    def submit(self, circuits, shots, tag):
        if len(self.jobs) == self.refused:
            raise RuntimeError("The service does not answer.")
        results = SamplerV2(seed=7 + len(self.jobs)).run(circuits, shots=shots).result()
        counts = [next(iter(item.data.values())).get_int_counts() for item in results]
        self.jobs[f"job{len(self.jobs)}"] = (tag, counts)
        return f"job{len(self.jobs) - 1}"

    def find(self, tag):
        return next((job for job, (own, _) in self.jobs.items() if own == tag), None)

    def status(self, job):
        return ("QUEUED" if job in self.queued else "DONE"), ""

    def counts(self, job):
        return self.jobs[job][1]


@pytest.fixture
def jobs(monkeypatch):
    """A service, and a device of that name with room for two memristors."""
    service, backend = Jobs(refused=1), PlainBackend(qubits=4)
    found = qm.ibm("plain", backend=backend, service=service, seed=1)
    monkeypatch.setattr("qmemcircuit.ibm", lambda name, **_: found)
    return service


def test_jobs_that_were_measured_are_not_sent_again(jobs, tmp_path, monkeypatch):
    """The service breaks down after the first cell; the same call goes on with the second."""
    target, folder = qm.ibm("plain"), tmp_path / "v"

    def measure(**options):
        return qm.memristor_volume(
            target, sizes=(1, 2), periods=(1,), shots=300, folder=folder, **options
        )

    with pytest.raises(RuntimeError, match="does not answer"):
        measure()
    assert len(jobs.jobs) == 1
    jobs.refused, jobs.queued = None, ("job1",)
    with pytest.raises(RuntimeError, match=r"2x1 are not all done: .*QUEUED.*goes on from here"):
        measure(wait=0.0)
    jobs.queued = ()
    found = measure(confirm=lambda plan: pytest.fail("it asks to send what was sent"))
    assert len(jobs.jobs) == 2
    assert found.value == 2  # without noise
    with pytest.raises(ValueError, match="another shots: 300 there, 200 now; choose another"):
        qm.memristor_volume(target, sizes=(1, 2), periods=(1,), shots=200, folder=folder)
    # A damaged file is an error, and no cell that the device failed.
    (folder / "1x1" / "part000.counts.npz").write_bytes(b"x")
    with pytest.raises(RuntimeError, match="cannot be read; remove that file"):
        measure()
    with pytest.raises(TypeError, match="must take jobs where folder or confirm"):
        qm.memristor_volume(only("noise"), folder=folder)


def test_the_command_gives_the_plan_before_it_sends_jobs(jobs, tmp_path, monkeypatch, capsys):
    jobs.refused = None
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    command = ["volume", "--target", "ibm:plain", "--sizes", "1", "3", "--periods", "1"]
    command += ["--shots", "300", "--folder", str(tmp_path / "v")]
    assert main(command) == 1
    printed = capsys.readouterr().out
    # 11 times, two noise factors, and a calibration of two circuits: 24 of 300 shots.
    assert "1 memristors, 1 periods: 7200 executions, about" in printed
    assert "3 memristors, 1 periods: cannot be measured: Argument backend" in printed
    assert "nothing was sent; --yes sends the cells" in printed
    assert not jobs.jobs
    assert not (tmp_path / "v").exists()
    assert main([*command, "--yes"]) == 0
    assert len(jobs.jobs) == 1
    assert "memristor volume of ibm:plain: 1" in capsys.readouterr().out
    assert main(["volume", "--folder", "v"]) == 2
    assert "--folder must go with --target ibm:NAME" in capsys.readouterr().err
