"""Batches against Aer's simulation of the very circuits, one by one."""

from __future__ import annotations

import re

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.common import checks

TIMES = np.array([0.0, 0.3, 0.45, 1.9])


def networks(members: int, count: int, seed: int = 1) -> list[qm.Network]:
    """Random ones of one graph: laws, strengths, states and frequencies all differ."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        strength, angle, gamma, omega = random.uniform(0.1, 1.5, size=(4, members))
        laws = [qm.SquidRate(g) if g > 0.7 else qm.ConstantRate(g) for g in gamma]
        memristors = [
            qm.Memristor(law, a=a, b=2 * a, omega=w, occupation=0.1 * a, dephasing=0.05)
            for law, a, w in zip(laws, angle, omega, strict=True)
        ]
        couplings = {(1, 0): qm.ControlledRotation("y", strength[0])} if members > 1 else {}
        if members > 2:
            couplings |= {(1, 2): qm.PartialSwap(strength[1]), (2, 0): qm.Native("x", strength[2])}
        found.append(qm.Network(memristors, couplings))
    return found


@pytest.mark.parametrize(("members", "splitting"), [(1, "lie"), (2, "fused"), (3, "strang")])
@pytest.mark.parametrize("steps", [None, 2])
def test_a_batch_is_its_circuits(members: int, splitting: str, steps: int | None) -> None:
    models = networks(members, 3)
    times = np.array([TIMES, TIMES + 0.1, 2 * TIMES])
    batch = qm.exact_batch(models, times, splitting=splitting, steps=steps)
    assert len(batch) == 3
    for k, model in enumerate(models):
        judge = qm.exact_circuit(model, times[k], splitting=splitting, steps=steps, engine="aer")
        assert np.abs(batch.states[k] - judge.states).max() < 1e-12
        assert np.abs(batch.voltage[k] - judge.voltage).max() < 1e-12
        assert np.abs(batch.current[k] - judge.current).max() < 1e-12
        if members > 1:
            concurrence = judge.concurrence(1, 0).value
            assert np.abs(batch.concurrence(1, 0)[k] - concurrence).max() < 1e-6  # roots of 1e-13
        again = qm.exact_circuit(model, times[k], splitting=splitting, steps=steps)
        assert batch[k] == again or np.abs(batch[k].states - again.states).max() < 1e-15


def test_times_that_all_share_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    models = networks(2, 7)
    whole = qm.exact_batch(models, TIMES)
    monkeypatch.setattr("qmemcircuit.simulation.batches.CHUNK", 10**5)
    assert np.array_equal(qm.exact_batch(models, TIMES).means, whole.means)
    assert np.array_equal(qm.exact_batch(models, [TIMES] * 7).means, whole.means)


def test_a_batch_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "available_memory", lambda: 10**8)
    with pytest.raises(ValueError, match=r"models must fit into memory.*split the list of models"):
        qm.exact_batch(networks(2, 2) * 50, np.linspace(0, 1, 10_000))


def test_bad_batches_are_named() -> None:
    good, other = networks(2, 1)[0], networks(3, 1)[0]
    with pytest.raises(ValueError, match=re.escape("models[1] has 3")):
        qm.exact_batch([good, other], TIMES)
    with pytest.raises(ValueError, match="at most 3"):
        qm.exact_batch([qm.chain(good.memristors * 2, qm.PartialSwap(0.1))], TIMES)
    with pytest.raises(ValueError, match="at least one model"):
        qm.exact_batch([], TIMES)
    with pytest.raises(ValueError, match="one row for each of the 1 models"):
        qm.exact_batch([good], [TIMES, TIMES])
    with pytest.raises(ValueError, match="use exact_circuit"):
        qm.exact_batch([good], TIMES, splitting="compiled")
    falling = qm.Memristor(qm.FunctionRate(lambda t: 1 - t), a=0.8)
    with pytest.raises(ValueError, match="must not be negative") as caught:
        qm.exact_batch([qm.Memristor(qm.ConstantRate(1.0), a=0.8), falling], TIMES)
    assert caught.value.__notes__ == ["This is models[1]."]
