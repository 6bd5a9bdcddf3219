"""What a measurement costs and can give, said before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_backend import PlainBackend
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager

import qmemcircuit as qm
from qmemcircuit.command_line.main import main
from qmemcircuit.common import resources
from qmemcircuit.results.requirements import QUANTITIES
from qmemcircuit.runs.planning import SECONDS_PER_JOB

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
PAIR = qm.Network([MEMRISTOR, MEMRISTOR], {(0, 1): qm.Native("y", 0.07)})
TIMES = MEMRISTOR.periods(1, points=12)


@pytest.fixture(autouse=True)
def few_repetitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expected error bars are not judged here: `test_precision` does."""
    for name in ("FEWEST_DRAWS", "MOST_DRAWS"):
        monkeypatch.setattr(f"qmemcircuit.runs.precision.{name}", 2)


def test_the_plan_counts_what_runs() -> None:
    declared = qm.Mitigation(factors=(1, 3))
    target = qm.device(PlainBackend(), seed=1)
    plan = qm.plan(
        MEMRISTOR, TIMES, target=target, shots=100, ancilla="merged", mitigation=declared
    )
    assert plan.circuits == 2 * 2 * TIMES.size + 2  # settings × factors, and the calibration
    assert plan.executions == 100 * plan.circuits
    record = qm.run(
        MEMRISTOR, TIMES, target=target, shots=100, ancilla="merged", mitigation=declared
    )
    assert record.mitigated is not None
    counted = sum(int(run.shots.sum()) for run in record.mitigated.runs)
    assert record.mitigated.readout is not None
    assert plan.executions == counted + int(record.mitigated.readout.counts.sum())
    # Gates are those of the longest circuit that the target compiles.
    circuits = qm.build_circuits(MEMRISTOR, TIMES, ancilla="merged")
    compiled = target.place(circuits).compile(circuits)
    assert plan.expense.two_qubit_gates == (0, max(item.two_qubit_gates for item in compiled))
    assert plan.expense.durations is not None
    # Only three times are compiled for a plan: a pulse of 20 ns more or less elsewhere.
    longest = max(item.duration for item in compiled)
    assert plan.expense.durations[1] == pytest.approx(longest, abs=40e-9)
    assert plan.processor_seconds is not None
    # Every execution waits at least for the repetition delay.
    assert plan.processor_seconds > SECONDS_PER_JOB + 250e-6 * plan.executions
    assert "two-qubit gates" in str(plan)


def test_what_can_be_estimated_is_what_estimate_gives() -> None:
    """Every quantity that the plan promises is there; every one that it denies is refused."""
    cases = [(MEMRISTOR, "XY", 12, 100), (MEMRISTOR, "X", 12, 100), (MEMRISTOR, "XY", 4, 100)]
    cases += [(PAIR, None, 12, 100), (PAIR, "XY", 12, 100), (PAIR, None, 12, 20)]
    for model, bases, points, shots in cases:
        times = MEMRISTOR.periods(1, points=points)
        target = qm.aer(seed=1)
        missing = qm.plan(model, times, target=target, shots=shots, bases=bases).missing
        assert tuple(missing) == QUANTITIES
        record = qm.run(model, times, target=target, shots=shots, bases=bases)
        if missing["current"]:
            with pytest.raises(ValueError, match="Argument"):
                qm.estimate(record)
            continue
        found = qm.estimate(record)
        assert bool(missing["states"]) == (found.states is None)
        assert len(qm.find_loops(found, 0)) == 1
        if missing["concurrence"]:
            with pytest.raises((ValueError, IndexError), match="Argument"):
                found.concurrence(0, 1)
        else:
            assert found.concurrence(0, 1).lower is not None


@pytest.mark.parametrize(
    ("model", "options", "quantity", "said"),
    [
        (PAIR, {"bases": "XY"}, "concurrence", "nine settings"),
        (PAIR, {"shots": 20}, "concurrence", "50 shots"),
        (MEMRISTOR, {}, "concurrence", "this model has one"),
        (MEMRISTOR, {"bases": "X"}, "voltage", "no setting measures Y"),
        (MEMRISTOR, {"bases": "Y"}, "current", "no setting measures X"),
        (MEMRISTOR, {"times": np.linspace(0, 7, 5)}, "current", "needs 10 times, not 5"),
        (MEMRISTOR, {"times": np.linspace(0, 5, 20)}, "loops", "measure longer"),
    ],
)
def test_what_cannot_be_estimated_is_refused_before_anything_runs(
    model: qm.Memristor | qm.Network, options: dict[str, object], quantity: str, said: str
) -> None:
    class Untouched:
        """A target that must not be asked."""

        def sample(self, circuits: qm.CircuitSet, shots: int) -> None:
            raise AssertionError("it ran")

        def describe(self) -> dict[str, str]:
            return {"name": "untouched"}

    arguments = {"times": TIMES, "shots": 100, **options, "quantities": [quantity]}
    times = arguments.pop("times")
    for verb in (qm.plan, qm.run):
        with pytest.raises(ValueError, match=said):
            verb(model, times, target=Untouched(), **arguments)
    with pytest.raises(TypeError, match="Argument quantities must be a list"):
        qm.run(model, times, target=Untouched(), shots=100, quantities="current")


def test_a_pass_manager_that_cannot_compile_the_calibration_is_found_before_the_run() -> None:
    """Its layout has as many qubits as the model's circuits; the calibration has fewer."""
    from qiskit.primitives import StatevectorSampler

    class Counting(StatevectorSampler):
        """A sampler that says when it is asked."""

        asked = 0

        def run(self, pubs: object, *, shots: int | None = None) -> object:
            Counting.asked += 1
            return super().run(pubs, shots=shots)

    manager = generate_preset_pass_manager(
        1, coupling_map=CouplingMap.from_line(2), initial_layout=[1, 0], basis_gates=["u", "cx"]
    )
    target = qm.sampler(Counting(seed=np.random.default_rng(1)), manager)
    times = MEMRISTOR.periods(1, points=2)
    with pytest.raises(ValueError, match="Argument pass_manager must compile"):
        qm.run(
            MEMRISTOR,
            times,
            target=target,
            shots=10,
            ancilla="merged",
            mitigation=qm.Mitigation(),
        )
    assert Counting.asked == 0


def test_the_plan_names_the_route_that_simulate_circuit_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = qm.chain([MEMRISTOR] * 8, qm.Native("y", 0.07))
    how: dict[str, Any] = {"splitting": "strang", "steps": 6}
    taken = []
    for longest in (resources.LONGEST, 5e-3, 0.0):  # then the exact one, then every one is too long
        monkeypatch.setattr(resources, "LONGEST", longest)
        plan = qm.plan(chain, [0.5], target=qm.aer(seed=1), shots=10, **how)
        assert plan.route in str(plan)
        if longest == 0:
            assert plan.route.startswith("nothing: no route fits")
            with pytest.raises(ValueError, match="no route fits"):
                qm.simulate_circuit(chain, [0.5], **how)
            continue
        found = qm.simulate_circuit(chain, [0.5], seed=1, **how)
        taken.append(found.provenance["route"]["method"])
        assert plan.route.startswith(f"simulate_circuit: {taken[-1]}, ")
    assert taken[0] == "density_matrix"
    assert taken[1] != taken[0]


def test_a_declined_plan_sends_nothing(tmp_path: Path) -> None:
    target = qm.ibm("fake_manila", channel="local", seed=1)
    seen: list[qm.Plan] = []

    def decline(plan: qm.Plan) -> bool:
        seen.append(plan)
        return False

    with pytest.raises(RuntimeError, match="nothing was sent"):
        qm.submit(MEMRISTOR, TIMES, target=target, shots=10, folder=tmp_path / "s", confirm=decline)
    assert not (tmp_path / "s").exists()
    assert seen[0].jobs == 1
    assert seen[0].executions == 2 * TIMES.size * 10


def test_the_command_line_plans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.toml"
    path.write_text(
        '[run]\ntarget = "aer"\nperiods = 1\npoints = 12\nshots = 100\nseed = 1\n\n'
        '[[memristor]]\nrate = "squid"\ngamma = 0.4\na = 0.8\n'
    )
    assert main(["plan", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "26, 2 qubits" in printed
    assert "estimates     voltage, current, loops" in printed
    assert list(tmp_path.iterdir()) == [path]
