"""The memristor volume: what passes, what scores zero, and that noise only lowers it."""

from dataclasses import replace

import numpy as np
import pytest

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
    from plain_backend import PlainBackend

    target = qm.device(PlainBackend(qubits=2), seed=1)
    found = qm.memristor_volume(target, sizes=(1, 2), periods=(1,))
    assert found.value == 1
    assert "4 qubits" in found.cells[1].failure
