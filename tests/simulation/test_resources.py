"""Nothing eats the machine: refusals before the start, Ctrl-C within seconds."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.circuits.build import build_circuits
from qmemcircuit.common import resources
from qmemcircuit.simulation import aer_passes, maps

MEMRISTOR = qm.Memristor(qm.SquidRate(0.02), a=0.8)
TIMES = MEMRISTOR.periods(2, points=30)


def yy_chain(count: int) -> qm.Network:
    return qm.chain([MEMRISTOR] * count, qm.Native("y", 1 / 15))


@pytest.mark.parametrize(
    "verb",
    [
        lambda network: qm.master_equation(network, TIMES),
        lambda network: qm.exact_circuit(network, TIMES, engine="aer"),
        lambda network: qm.exact_circuit(network, np.arange(4000) / 10),
        lambda network: qm.run(network, np.arange(4000) / 10, target=qm.aer(seed=1), shots=10),
        lambda network: qm.simulate_circuit(
            network, TIMES, trajectories=10**6, method="statevector"
        ),
    ],
)
def test_twelve_memristors_are_refused_before_they_start(verb):
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"12 memristors.*(hours|minutes).*with qm.allow_large"):
        verb(yy_chain(12))
    assert time.monotonic() - start < 30  # the reported case: 24 GB, killed; minutes and more


def test_trajectories_carry_twelve_memristors_where_the_others_refuse():
    found = qm.simulate_circuit(
        yy_chain(12), TIMES[:4], trajectories=4, seed=1, method="statevector"
    )
    assert found.voltage_error is not None


def test_another_route_is_taken_where_exact_is_too_long(monkeypatch):
    monkeypatch.setattr(resources, "LONGEST", 0.005)
    with pytest.raises(ValueError, match=r"8 memristors.*simulate_circuit"):
        qm.exact_circuit(yy_chain(8), TIMES[:4])
    route = qm.simulate_circuit(yy_chain(8), TIMES[:4], trajectories=2, seed=1).provenance["route"]
    assert route["method"] != "density_matrix"
    assert "density_matrix: not taken, it takes about" in route["reason"]


def test_it_goes_ahead_where_told_to(monkeypatch):
    monkeypatch.setattr(resources, "LONGEST", 0.0)
    with pytest.raises(ValueError, match="Argument model must leave work for at most a second"):
        qm.exact_circuit(yy_chain(3), [0.1])
    with qm.allow_large():
        assert qm.exact_circuit(yy_chain(3), [0.1]).voltage.shape == (1, 3)
        assert qm.master_equation(yy_chain(2), [0.1]).voltage.shape == (1, 2)
    with pytest.raises(ValueError, match="master equation of 2 memristors"):
        qm.master_equation(yy_chain(2), [0.1])


def test_estimates_grow_as_the_work():
    for estimate in (aer_passes.estimate_aer, maps.estimate_maps):

        def seconds(size: int, count: int, estimate=estimate) -> float:
            circuits = build_circuits(yy_chain(size), TIMES[:count], bases="Z")
            return estimate(circuits, [(0, 1)]).seconds

        assert seconds(11, 40) / seconds(11, 20) == pytest.approx(2, rel=0.01)
        assert 4 < seconds(12, 20) / seconds(11, 20) < 4.8  # 4^M and one more memristor


@pytest.mark.parametrize("ancilla", ["traced", "reset"])
def test_pieces_change_no_bit(monkeypatch, ancilla):
    network = yy_chain(3)
    whole = qm.exact_circuit(network, TIMES[:5], ancilla=ancilla, engine="aer")
    monkeypatch.setattr(aer_passes, "PIECE_SECONDS", 1e-3)
    cut = qm.exact_circuit(network, TIMES[:5], ancilla=ancilla, engine="aer")
    assert np.array_equal(whole.states, cut.states)


# A shell that starts the tests in the background has them, and their children, ignore Ctrl-C.
HEARS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"

START = """
import numpy as np, qmemcircuit as qm
memristor = qm.Memristor(qm.SquidRate(0.02), a=0.8)
def chain(count): return qm.chain([memristor] * count, qm.Native("y", 1 / 15))
times = memristor.periods(20, points=30)
print("started", flush=True)
with qm.allow_large():
    {call}
"""

CALLS = {
    "exact_circuit": "qm.exact_circuit(chain(9), times, engine='aer')",
    "maps": "qm.exact_circuit(chain(11), times)",
    "master_equation": "qm.master_equation(chain(6), times)",
    "statevector": "qm.simulate_circuit(chain(13), times, seed=1, trajectories=10**5,"
    " method='statevector')",
    "matrix_product_state": "qm.simulate_circuit(chain(16), times, seed=1, trajectories=10**5,"
    " method='matrix_product_state')",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_is_seen_within_seconds(name):
    code = HEARS + START.format(call=CALLS[name])
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "started\n"
            time.sleep(4)  # into the work
            assert process.poll() is None
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
            waited = time.monotonic() - sent
        finally:
            process.kill()
    # It may come while a library handles an exception of its own: then both tracebacks are shown.
    assert "Exception ignored" not in errors
    assert errors.rstrip().endswith("KeyboardInterrupt")
    # One call of Aer is some four seconds of an idle core, a few times that of a shared one.
    assert waited < 40


@pytest.mark.slow
def test_the_command_line_ends_with_one_line_and_130():
    code = (
        HEARS
        + """
import sys, time
from qmemcircuit.command_line import main as cli
def wait(options):
    print("started", flush=True)
    time.sleep(60)
cli._doctor = wait
sys.exit(cli.main(["doctor"]))
"""
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "started\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (130, "interrupted\n")


def test_a_fock_space_too_large_names_the_verb_that_needs_none():
    from qmemcircuit.neurons.integrate_and_fire import IntegrateAndFire, simulate_fock

    neuron = IntegrateAndFire(inductance=4.0, temperature=0.5)
    with pytest.raises(ValueError, match=r"Argument levels must .*simulate_moments"):
        simulate_fock(neuron, np.linspace(0, 1000, 11), 0.1, levels=2000)
