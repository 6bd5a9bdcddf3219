"""The IBM client's own classes: run against a stub server and in their local testing mode.

`stub_runtime_server` is a stub and called one. That the client asks IBM's real server rightly is
the client's promise; that we ask the client rightly is tested here, with its real classes.
"""

from __future__ import annotations

import errno
import gc
import inspect
import json
import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from qiskit import QuantumCircuit, qpy
from qiskit.quantum_info import Operator
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, RuntimeJobV2, Session
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.options_models import SamplerOptions
from stub_runtime_server import DEVICE, HOME, TOKEN, StubServer, account_file, refusal, serve

import qmemcircuit as qm
from qmemcircuit.command_line.main import main
from qmemcircuit.common.states import outcome_probabilities
from qmemcircuit.devices.compilation.instructions import require_isa
from qmemcircuit.devices.forms import noiseless_state
from qmemcircuit.devices.recorded import recorded_device
from qmemcircuit.neurons.qlif import CircuitNeuron, run_layers
from qmemcircuit.runs.jobs import collection
from qmemcircuit.runs.jobs import submission as jobs
from qmemcircuit.runs.jobs.ibm import ibm
from qmemcircuit.runs.jobs.services import RuntimeJobs, fake_backend

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
PAIR = qm.Network(
    [qm.Memristor(qm.SquidRate(0.4), a=0.8), qm.Memristor(qm.SquidRate(0.4), a=0.8)],
    {(0, 1): qm.Native("y", 0.3)},
)
TIMES = [0.0, 0.5, 1.0]
FRACTIONAL = "FakeFractionalBackend"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StubServer:
    """The stub server, and one time (two circuits) a job."""
    monkeypatch.setattr("qmemcircuit.runs.jobs.ibm.MOST_CIRCUITS", 2)
    account = tmp_path / "account"
    account.mkdir()
    return serve(monkeypatch, account)


def _submit(folder: Path, shots: int = 50, **options: Any) -> Path:
    return qm.submit(
        MEMRISTOR, TIMES, target=ibm(DEVICE, seed=1, **options), shots=shots, folder=folder
    )


def _check_all_once(server: StubServer, folder: Path) -> None:
    tags = [tag for job in server.jobs.values() for tag in job["job_tags"]]
    assert len(tags) == len(set(tags)) == len(TIMES)
    assert qm.collect(folder).complete


# Modes


@pytest.mark.parametrize(
    ("mode", "opened"), [("job", []), ("batch", ["batch"]), ("session", ["dedicated"])]
)
def test_a_mode_opens_at_most_one_for_all_jobs(
    server: StubServer, tmp_path: Path, mode: Any, opened: list[str]
) -> None:
    shots = 4000
    folder = _submit(tmp_path / "s", shots, mode=mode)
    assert [session["mode"] for session in server.sessions.values()] == opened
    assert not any(session["open"] for session in server.sessions.values())
    assert len(server.jobs) == len(TIMES)
    plan = json.loads((folder / "plan.json").read_text())["header"]
    for part, job in zip(plan["parts"], server.jobs.values(), strict=True):
        assert job["job_tags"] == [part["tag"]]
        assert job["session_id"] == (next(iter(server.sessions)) if opened else None)
        assert job["params"]["quantum_program"]["shots"] == shots
    assert plan["target"]["instance"] == HOME  # found by the client: none was named
    found = qm.collect(folder)
    assert found.complete
    assert found.record is not None
    states = qm.exact_circuit(MEMRISTOR, TIMES).states
    assert states is not None
    wanted = np.stack([outcome_probabilities(states, basis) for basis in ("X", "Y")], axis=1)
    # Six independent numbers at 4.5 standard errors: a false alarm in 4e-5, at a fixed seed. The
    # first is a certainty, up to the five decimals to which the client rounds a gate's angle.
    error = np.sqrt(wanted * (1 - wanted) / shots) + 1e-4
    counts = found.record.samples.counts / shots
    assert found.record.samples.bases == ("X", "Y")
    assert np.all(np.abs(counts - wanted) < 4.5 * error)
    assert np.abs(counts - wanted[::-1]).max() > 4.5 * error.max()


@pytest.mark.parametrize(
    ("mode", "opened"), [("job", []), ("batch", ["batch"]), ("session", ["dedicated"])]
)
def test_the_steps_of_a_loop_share_one_session_which_ends_with_the_target(
    server: StubServer, mode: Any, opened: list[str]
) -> None:
    """Three steps of QLIF: turned by π/2 each, so that the third has fired, and silence."""
    neuron, shots = CircuitNeuron(angle=np.pi / 2, threshold=0.9), 2000
    target = ibm(DEVICE, seed=1, mode=mode)
    run = run_layers([([neuron], [[1.0]])], [1, 1, 0], shots=shots, target=target)
    assert len(server.jobs) == 3
    tags = [tag for job in server.jobs.values() for tag in job["job_tags"]]
    assert len(set(tags)) == 3
    assert [session["mode"] for session in server.sessions.values()] == opened
    assert {job["session_id"] for job in server.jobs.values()} == set(server.sessions or [None])
    # sin²(π/4) and sin²(π/2) at 4.5 standard errors; the certain ones up to the client's rounding.
    np.testing.assert_allclose(run.voltage[1:, 0], [0.5, 1.0, 0.0], atol=4.5 * 0.5 / shots**0.5)
    assert run.provenance["target"]["name"] == f"ibm:{DEVICE}"
    del target
    gc.collect()
    assert not any(session["open"] for session in server.sessions.values())


def test_a_step_whose_job_fails_ends_the_loop_with_its_name(server: StubServer) -> None:
    coin = QuantumCircuit(1, 1)
    coin.h(0)
    coin.measure(0, 0)
    server.ending = {"status": "Failed", "reason": "out of helium"}
    with pytest.raises(RuntimeError, match=r"Job job0 .* ended with ERROR \(.*out of helium.*\)"):
        ibm(DEVICE, seed=1).count([coin], 10)
    server.fail("program_run", refusal())
    with pytest.raises(RuntimeError, match="did not take a job"):
        ibm(DEVICE, seed=1).count([coin], 10)


def test_twirled_circuits_go_through_the_client_and_come_back(
    server: StubServer, tmp_path: Path
) -> None:
    """Twirling sends another kind of item, and rounds the shots up."""
    folder = _submit(tmp_path / "s", 1000, twirling=True, dynamical_decoupling="XY4")
    record = qm.collect(folder).record
    assert record is not None
    assert np.all(record.samples.shots >= 1000)


def test_a_submit_that_fails_closes_its_batch_and_a_resume_opens_another(
    server: StubServer, tmp_path: Path
) -> None:
    server.fail("program_run", None, refusal())
    with pytest.raises(RuntimeError, match=r"did not take a job .*resume"):
        _submit(tmp_path / "s")
    assert [session["open"] for session in server.sessions.values()] == [False]
    assert len(server.jobs) == 1
    qm.resume(tmp_path / "s")
    assert [session["open"] for session in server.sessions.values()] == [False, False]
    used = [job["session_id"] for job in server.jobs.values()]
    assert used == ["session0", "session1", "session1"]
    _check_all_once(server, tmp_path / "s")


def test_an_answer_that_is_lost_is_found_by_its_tag_in_the_devices_instance(
    server: StubServer, tmp_path: Path
) -> None:
    """The job is there, but the client never hears of it; the account has three instances."""
    server.fail("program_run after acceptance", None, refusal("connection lost"))
    with pytest.raises(RuntimeError, match="connection lost"):
        _submit(tmp_path / "s")
    assert len(server.jobs) == 2
    # Where the client is asked without naming the instance, it asks the wrong one: the trap.
    tag = server.jobs["job1"]["job_tags"][0]
    fresh = QiskitRuntimeService(channel="ibm_quantum_platform")
    assert fresh.jobs(job_tags=[tag], limit=1) == []
    assert RuntimeJobs(fresh, ibm(DEVICE).prediction.backend, {}, "job").find(tag) == "job1"
    qm.resume(tmp_path / "s")
    _check_all_once(server, tmp_path / "s")


def test_a_batch_that_cannot_be_opened_or_closed(server: StubServer, tmp_path: Path) -> None:
    server.fail("create_session", refusal("your plan has no batches"))
    with pytest.raises(RuntimeError, match="your plan has no batches"):
        _submit(tmp_path / "s")
    assert not server.jobs
    server.fail("close_session", refusal())
    with pytest.warns(UserWarning, match="it ends by itself when it stays idle"):
        qm.resume(tmp_path / "s")
    _check_all_once(server, tmp_path / "s")


@pytest.mark.parametrize(("mode", "kind"), [("batch", Batch), ("session", Session)])
def test_the_real_batch_and_session_in_local_testing_mode(mode: Any, kind: type) -> None:
    circuits = ibm("fake_manila", channel="local", seed=1).prepare(
        qm.build_circuits(MEMRISTOR, [0.5])
    )
    adapter = RuntimeJobs(None, fake_backend("fake_manila"), {}, mode)
    first = adapter.submit(circuits, 10, "a")
    opened = adapter._opened
    assert type(opened) is kind
    assert adapter.submit(circuits, 10, "b") != first
    assert adapter._opened is opened
    adapter.close()
    with pytest.raises(Exception, match="closed"):
        Sampler(mode=opened)._mode._run("sampler", {})
    adapter.close()  # once more does nothing
    adapter.submit(circuits, 10, "c")
    assert adapter._opened is not opened


# Failed, cancelled, short


def test_failed_and_cancelled_jobs_are_said_and_sent_again_only_if_asked(
    server: StubServer, tmp_path: Path
) -> None:
    folder = _submit(tmp_path / "s")
    server.end("job0", "Failed", f"qubit 3 is in maintenance, apikey {TOKEN}")
    server.end("job2", "Cancelled")
    found = qm.collect(folder)
    assert [item.state for item in found.missing] == ["ERROR", "CANCELLED"]
    assert "qubit 3 is in maintenance" in str(found)
    assert TOKEN not in str(found)
    assert found.record is not None
    assert found.record.times.tolist() == [0.5]
    qm.resume(folder)
    assert len(server.jobs) == 3
    qm.resume(folder, retry=True)
    assert len(server.jobs) == 5
    assert qm.collect(folder).complete


@pytest.mark.parametrize("method", ["job_get", "job_results"])
def test_a_service_that_is_down_while_collecting_loses_nothing(
    server: StubServer, tmp_path: Path, method: str
) -> None:
    folder = _submit(tmp_path / "s")
    server.fail(method, *[None] * (1 + 4 * (method == "job_get")), refusal())
    with pytest.raises(RuntimeError, match="IBM's service did not"):
        qm.collect(folder)
    assert (folder / "part000.counts.npz").exists()
    assert qm.collect(folder).complete


def test_a_record_says_how_far_the_calibration_moved(server: StubServer, tmp_path: Path) -> None:
    """Asked of the service for the time at which each job began to run."""
    server.t1_factor = 0.7
    record = qm.collect(_submit(tmp_path / "s", layout=[3, 2])).record
    assert record is not None
    drift = record.calibration_drift
    assert drift is not None
    assert drift.jobs == ("job0", "job1", "job2")
    np.testing.assert_allclose(drift.factors["T1"], 0.7, rtol=1e-9)
    assert drift.places["T1"] == ("qubit 3", "qubit 2")
    for kind, factors in drift.factors.items():
        assert kind == "T1" or np.all(factors == 1.0)  # Manila states all that is compared
    assert drift.largest is not None
    assert drift.largest[0] == "T1"
    assert drift.hours.min() > 24  # the stub's jobs run in 2126
    assert "T1 of qubit 3 × 0.70 in job0" in repr(record)
    assert "T1 × 0.70 to 0.70; most: T1" in str(drift)
    loaded = qm.Record.load(record.save(tmp_path / "record.json"))
    assert loaded.calibration_drift == drift
    assert "T1 of qubit" in str(qm.judge(loaded))
    # On a device that stays as it is the record says so, and where the service is silent nothing.
    server.t1_factor = 1.0
    still = qm.collect(_submit(tmp_path / "t")).record
    assert still is not None
    assert "it did not move" in str(still.calibration_drift)
    server.fail("job_metadata", *[refusal()] * 3)
    silent = qm.collect(_submit(tmp_path / "u"))
    assert silent.complete
    assert silent.record is not None
    assert silent.record.calibration_drift is None


def test_a_full_disk_while_planning_or_collecting(
    server: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "save_file", full)
        with pytest.raises(OSError, match="No space left"):
            _submit(tmp_path / "s")
    assert not server.jobs
    assert not server.sessions
    folder = _submit(tmp_path / "s")  # the folder is still free
    with monkeypatch.context() as patch:
        patch.setattr(collection, "save_file", full)
        with pytest.raises(OSError, match="No space left"):
            qm.collect(folder)
    assert qm.collect(folder).complete


# Accounts and tokens


def test_accounts_and_devices_that_are_not_there(
    server: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"Argument name must be a device .*'ibm_moon'"):
        ibm("ibm_moon")
    with pytest.raises(ValueError, match=r"Argument channel must name an account"):
        ibm(DEVICE, instance="nobody")
    account_file(monkeypatch, tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"Argument channel must name .*save_account"):
        ibm(DEVICE)


def test_no_token_is_printed_or_written_whatever_the_client_says(
    server: StubServer, tmp_path: Path, capfd: pytest.CaptureFixture, monkeypatch: Any
) -> None:
    """Every question, answered with an error that quotes the token; Python and command line."""
    monkeypatch.chdir(tmp_path)
    shown: list[str] = []

    def failing(method: str, *errors: Exception | None) -> None:
        server.fail(method, *errors)
        with pytest.raises((RuntimeError, ValueError)) as caught:
            qm.resume("s") if (tmp_path / "s/plan.json").exists() else _submit(tmp_path / "s")
        shown.append("".join(traceback.format_exception(caught.value)))
        server.failures.clear()

    failing("list_backends", *[refusal()] * 3)
    failing("create_session", refusal())
    failing("program_run", refusal())
    failing("jobs_get", refusal())
    qm.resume("s")
    for method in ("job_get", "job_results"):
        server.fail(method, refusal())
        assert main(["collect", "s"]) == 2
    server.end("job0", "Failed", f"apikey {TOKEN}")
    assert main(["collect", "s"]) == 1
    assert main(["resume", "s", "--retry"]) == 0
    (tmp_path / "m.toml").write_text(
        '[run]\ntarget = "ibm:ibm_stub"\nperiods = 1\npoints = 2\nshots = 5\n'
        '[[memristor]]\nrate = "squid"\ngamma = 0.4\na = 0.8\n'
    )
    server.fail("program_run", refusal())
    assert main(["submit", "m.toml", "--folder", "t"]) == 2
    assert main(["collect", "t"]) == 1
    assert main(["doctor"]) == 0
    output = capfd.readouterr()
    shown += [output.out, output.err]
    text = "\n".join(shown)
    assert "boom: your key [token] is not welcome, Bearer [token]" in text
    assert "default-ibm-quantum-platform: channel ibm_quantum_platform" in output.out
    for secret in (TOKEN, "eyJhbGci"):
        assert secret not in text
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "accounts.json":
            content = path.read_bytes()
            assert TOKEN.encode() not in content
            assert b"eyJhbGci" not in content


# What we ask of the client


def test_the_clients_methods_take_what_we_give_them() -> None:
    """Bound to the real signatures, so that a change of the client's is noticed here."""
    service, job = QiskitRuntimeService, RuntimeJobV2
    for method, arguments, named in (
        (service.__init__, ["self"], {"channel": "ibm_cloud", "instance": None}),
        (service.backend, ["self", "ibm_torino"], {"use_fractional_gates": True}),
        (service.jobs, ["self"], {"job_tags": ["t"], "limit": 1, "instance": None}),
        (service.job, ["self", "id"], {}),
        (service.active_account, ["self"], {}),
        (service.saved_accounts, [], {}),
        (job.job_id, ["self"], {}),
        (job.status, ["self"], {}),
        (job.error_message, ["self"], {}),
        (job.result, ["self"], {}),
        (Batch.__init__, ["self"], {"backend": None}),
        (Session.__init__, ["self"], {"backend": None}),
        (Batch.close, ["self"], {}),
        (Sampler.__init__, ["self"], {"mode": None, "options": {}}),
        (Sampler.run, ["self", []], {"shots": 1}),
    ):
        inspect.signature(method).bind(*arguments, **named)  # type: ignore[arg-type]
    assert set(jobs.FAILED) < set(RuntimeJobV2.JOB_FINAL_STATES)
    assert "DONE" in RuntimeJobV2.JOB_FINAL_STATES


@pytest.mark.parametrize("sequence", [None, "XX", "XpXm", "XY4"])
@pytest.mark.parametrize("twirling", [False, True])
def test_every_option_that_we_set_is_one_of_the_clients(
    sequence: str | None, twirling: bool
) -> None:
    target = ibm(
        "fake_manila", channel="local", seed=4, dynamical_decoupling=sequence, twirling=twirling
    )
    given = {**target.options, "environment": {"job_tags": ["a-tag"]}}
    options = SamplerOptions(**given)  # refuses words and values that it does not know
    _check_set(options, given)
    assert options.simulator.seed_simulator == 4
    for group, values in given.items():
        with pytest.raises(ValidationError):
            SamplerOptions(**{**given, group: {**values, "misspelt": 1}})


def _check_set(options: Any, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, Mapping):
            _check_set(getattr(options, name), value)
        else:
            assert getattr(options, name) == value


# Chosen forms and fractional gates, from submission to the prediction of the record


def _submitted_circuits(folder: Path) -> list[QuantumCircuit]:
    found: list[QuantumCircuit] = []
    for path in sorted(folder.glob("part*.qpy")):
        with path.open("rb") as stream:
            found += qpy.load(stream)
    return found


def _operations(circuit: QuantumCircuit, place: Mapping[int, int]) -> list[tuple[Any, ...]]:
    return [
        (
            item.operation.name,
            tuple(place[circuit.find_bit(qubit).index] for qubit in item.qubits),
            tuple(circuit.find_bit(bit).index for bit in item.clbits),
            tuple(map(float, item.operation.params)),
        )
        for item in circuit.data
    ]


def _check_recompiles(folder: Path, record: qm.Record, circuits: qm.CircuitSet) -> None:
    """The record alone gives back the very circuits that were submitted."""
    described = record.provenance["target"]
    places = {qubit: k for k, qubit in enumerate(described["layout"]["qubits"])}
    again = recorded_device(described).place(circuits).compile(circuits)
    submitted = _submitted_circuits(folder)
    assert len(submitted) == len(again) > 0
    for sent, item in zip(submitted, again, strict=True):
        same = {k: k for k in range(item.circuit.num_qubits)}
        assert _operations(sent, places) == _operations(item.circuit, same)


def test_chosen_forms_are_recorded_and_recompiled(tmp_path: Path) -> None:
    target = ibm("fake_manila", channel="local", seed=2, select_forms=True)
    # Strong damping: any residual is allowed, so that the closed form with its choice is kept.
    closed = qm.ConstantDepth(tolerance=1.0)
    options: dict[str, Any] = {"bases": "Z", "splitting": closed}
    folder = qm.submit(PAIR, [0.5, 1.5], target=target, shots=20, folder=tmp_path / "s", **options)
    plan = json.loads((folder / "plan.json").read_text())["header"]
    forms = plan["target"]["forms"]
    assert [form["time"] for form in forms] == [0.5, 1.5]
    # The choice is one: somewhere another form than the plain one is predicted to be better.
    assert any(form["predicted_distance"] < form["plain_distance"] for form in forms)
    found = qm.collect(folder)
    assert found.record is not None
    assert json.loads(json.dumps(found.record.provenance["target"]["forms"])) == forms
    circuits = qm.build_circuits(PAIR, [0.5, 1.5], **options)
    _check_recompiles(folder, found.record, circuits)
    _check_recompiles(folder, found.record, qm.rebuild_circuits(found.record))
    # Without the forms it would be other circuits: the check above can fail.
    described = {**found.record.provenance["target"], "forms": []}
    plain = recorded_device(described).place(circuits).compile(circuits)
    chosen = recorded_device(found.record.provenance["target"]).place(circuits).compile(circuits)
    assert any(
        a.circuit.count_ops() != b.circuit.count_ops() or a.duration != b.duration
        for a, b in zip(plain, chosen, strict=True)
    )


@pytest.mark.parametrize(
    ("model", "splitting"),
    [(MEMRISTOR, "lie"), (PAIR, "lie"), (PAIR, qm.ConstantDepth(tolerance=1.0))],
)
def test_fractional_gates_compile_to_the_same_channel_within_their_angles(
    model: Any, splitting: Any
) -> None:
    target = ibm(FRACTIONAL, channel="local", seed=3, fractional_gates=True)
    circuits = qm.build_circuits(model, TIMES, bases="Z", splitting=splitting)
    placed = target.place(circuits)
    names: set[str] = set()
    for circuit in placed.prepare(circuits):
        for item in circuit.data:
            names.add(item.operation.name)
            if item.operation.name == "rzz":
                # What the client itself checks, for the hardware takes no other angle.
                assert 0 <= item.operation.params[0] <= np.pi / 2 + 1e-10
    assert {"rx", "rzz"} <= names
    memristors = len(circuits.network.memristors)
    for index, item in enumerate(placed.prediction.compile(circuits, measured=False)):
        # The compiled circuit begins in |0…0>, as the abstract one: resets and states compare.
        ordered = QuantumCircuit(item.circuit.num_qubits)
        rest = [k for k in range(item.circuit.num_qubits) if k not in item.system]
        place = {qubit: k for k, qubit in enumerate([*item.system, *rest])}
        for instruction in item.circuit.data:
            if instruction.operation.name not in ("delay", "barrier"):
                wires = [place[item.circuit.find_bit(qubit).index] for qubit in instruction.qubits]
                ordered.append(instruction.operation, wires)
        found = noiseless_state(ordered, memristors)
        wanted = noiseless_state(circuits.evolution(index), memristors)
        # Rounding of some 50 gates; a wrong angle shows in the second digit.
        assert np.abs(found - wanted).max() < 1e-12


@pytest.mark.parametrize("angle", [-3.0, -0.4, -1e-3, 0.4, 1.5, 2.0, 3.1, 5.0])
def test_any_interaction_angle_is_folded_into_the_devices(angle: float) -> None:
    from qiskit.transpiler import generate_preset_pass_manager

    from qmemcircuit.devices.compilation.instructions import restrict_target

    target = fake_backend(FRACTIONAL).target
    part = restrict_target(target, [0, 1])
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)
    found = generate_preset_pass_manager(3, target=part, initial_layout=[0, 1]).run(circuit)
    assert Operator(found).equiv(Operator(circuit))
    require_isa(found, part, "the part")
    outside = QuantumCircuit(2)
    outside.rzz(-0.4, 0, 1)
    for taker in (target, part):
        with pytest.raises(ValueError, match=r"only angles that fractional takes.* rzz\(-0.4\)"):
            require_isa(outside, taker, "fractional")


def test_fractional_gates_through_submit_and_collect(tmp_path: Path) -> None:
    target = ibm(FRACTIONAL, channel="local", seed=3, fractional_gates=True)
    shots = 2000
    folder = qm.submit(MEMRISTOR, [0.5], target=target, shots=shots, folder=tmp_path / "s")
    found = qm.collect(folder)
    assert found.record is not None
    circuits = qm.build_circuits(MEMRISTOR, [0.5])
    _check_recompiles(folder, found.record, circuits)
    wanted = target.prediction.probabilities(circuits)
    counts = found.record.samples.counts / shots
    # Two independent means at 4.5 standard errors: a false alarm in 1.4e-5, at a fixed seed.
    assert np.all(np.abs(counts - wanted) < 4.5 * np.sqrt(wanted * (1 - wanted) / shots))


def test_fractional_gates_are_refused_where_they_cannot_be() -> None:
    options: list[tuple[str, dict[str, Any], str]] = [
        ("fake_manila", {}, r"fractional_gates must be False .* no rx and no rzz; leave it out"),
        (FRACTIONAL, {"twirling": True}, r"Argument twirling must be False with fractional_gates"),
        (FRACTIONAL, {"fold": 3}, r"Argument fold must be 1 with fractional_gates"),
    ]
    for name, more, message in options:
        with pytest.raises(ValueError, match=message):
            ibm(name, channel="local", fractional_gates=True, **more)


def test_a_circuit_that_the_device_does_not_know_is_not_sent() -> None:
    backend = fake_backend("fake_manila")
    for gate in ("cz", "cx"):  # a gate it has not, and one it has not between these qubits
        circuit = QuantumCircuit(5)
        getattr(circuit, gate)(0, 2)
        with pytest.raises(ValueError, match=rf"has no {gate} on qubits \(0, 2\); compile for it"):
            require_isa(circuit, backend.target, backend.name)


def test_the_live_test_is_there_and_skips_without_an_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import test_jobs

    live = test_jobs.test_one_circuit_on_real_hardware
    assert [mark.name for mark in live.pytestmark] == ["live"]
    monkeypatch.delenv("QMEMCIRCUIT_LIVE_DEVICE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="QMEMCIRCUIT_LIVE_DEVICE"):
        live(tmp_path)
    assert os.listdir(tmp_path) == []
