"""The command line, from file to comparison; errors are one line and an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import qmemcircuit as qm
from qmemcircuit.command_line.description import read_description
from qmemcircuit.command_line.main import EXTRAS, _parser, main, parse_target
from qmemcircuit.common.states import trace_distance

SINGLE = """
[run]
target = "aer"
periods = 2
points = 12
shots = 300
seed = 4
ancilla = "reset"

[[memristor]]
rate = "squid"
gamma = 0.4
a = 0.7853981633974483
b = 0.6283185307179586
"""

PAIR = """
[run]
periods = 2
points = 1
splitting = "compiled"
ancilla = "pool(2)"
shots = 200
[[memristor]]
rate = "constant"
gamma = 0.02
a = 0.8
[[memristor]]
rate = "constant"
gamma = 0.02
a = 0.8
[[coupling]]
pair = [0, 1]
kind = "native"
axis = "y"
strength = 0.066
"""

MITIGATED = """
[device]
reset_error = 0.02
[ibm]
mode = "job"
[mitigation]
factors = [1, 3]
order = 1
"""

_COUPLING = '[[coupling]]\npair = {}\nkind = "native"\naxis = "y"\nstrength = 0.1\n[[memristor]]'


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.toml"
    path.write_text(SINGLE)
    return path


def test_the_file_is_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(PAIR)
    described = read_description(path)
    memristor = qm.Memristor(qm.ConstantRate(0.02), a=0.8)
    assert described.network == qm.Network([memristor] * 2, {(0, 1): qm.Native("y", 0.066)})
    assert described.times.shape == (3,)
    assert described.circuits["ancilla"] == qm.pool(2)
    assert described.circuits["splitting"] == "compiled"


def test_the_compiled_splitting_takes_its_options(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(PAIR + '[compiled]\ntolerance = 0.02\nexceeded = "warn"\n')
    splitting = read_description(path).circuits["splitting"]
    assert splitting == qm.ConstantDepth(tolerance=0.02, exceeded="warn")
    for wrong, words in (
        ("[compiled]\ntolerance = -1\n", "Argument tolerance must"),
        ("[compiled]\npairs = []\n", r"\[compiled\] has 'pairs'"),
        ("", "splitting must be 'compiled' where the file has"),
    ):
        text = PAIR if wrong else PAIR.replace('splitting = "compiled"', "")
        path.write_text(text + (wrong or "[compiled]\n"))
        with pytest.raises(ValueError, match=words):
            read_description(path)


def test_the_example_files_are_valid() -> None:
    example = Path(__file__).parents[2] / "experiments/hardware/memristor.toml"
    assert read_description(example).times.size == 91
    pair = read_description(example.with_name("pair.toml"))
    assert pair.times.size == 5
    assert pair.mitigation == qm.Mitigation((1, 3, 5), fold_all=True, extrapolation="exponential")
    assert pair.device["reset_error"] == 0.005
    assert pair.device["coherent_errors"] == qm.CoherentErrors(detuning=6283.0, nodes=2)
    assert pair.ibm == {"mode": "batch", "twirling": False}
    twenty = read_description(example.with_name("twenty.toml"))
    assert len(twenty.network.memristors) == 20
    assert len(twenty.network.couplings) == 19
    assert twenty.circuits["bases"] == ["Y" * 20]
    assert twenty.circuits["steps"] == 4


def test_run_writes_the_record_and_compares(model: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["run", str(model), "--shots", "200", "--out", "r.json"]) == 0
    printed = capsys.readouterr().out
    assert "error budget (voltage)" in printed
    assert "χ²" in printed
    record = qm.Record.load("r.json")
    assert record.samples.shots.min() == 200
    assert record.provenance["target"] == {**parse_target("aer", 4).describe()}
    assert main(["compare", "r.json", "--figure", "budget.png"]) == 0
    assert Path("budget.png").stat().st_size > 5000


def test_run_on_a_fake_device_has_its_part_in_the_budget(
    model: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ["run", str(model), "--target", "fake:FakeManilaV2", "--out", "r.json"]
    assert main(arguments) == 0
    device_line = next(
        x for x in capsys.readouterr().out.splitlines() if "device  " in x and "0." in x
    )
    assert float(device_line.split()[1]) > 0.01


def test_submit_and_collect_in_local_testing_mode(
    model: Path, capsys: pytest.CaptureFixture
) -> None:
    model.write_text(
        SINGLE.replace("points = 12", "points = 2").replace("periods = 2", "periods = 1")
    )
    assert main(["submit", str(model), "--target", "fake:FakeManilaV2", "--folder", "sub"]) == 0
    assert main(["collect", "sub", "--out", "c.json"]) == 0
    assert "3 of 3 times are complete" in capsys.readouterr().out
    assert main(["resume", "sub"]) == 0
    assert qm.Record.load("c.json").times.size == 3


def test_an_incomplete_record_is_compared_with_the_circuits_that_ran(
    model: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lie steps through three planned times; without the middle one they would be other steps."""
    monkeypatch.setattr("qmemcircuit.runs.jobs.ibm.MOST_CIRCUITS", 9)
    # A stronger coupling than PAIR's, so that the steps matter.
    text = PAIR.replace('"compiled"', '"lie"').replace("0.066", "0.3").replace("pool(2)", "reset")
    model.write_text(text + "\n")
    assert main(["submit", str(model), "--target", "fake:FakeManilaV2", "--folder", "sub"]) == 0
    next(Path("sub/local").glob("*-001.json")).unlink()  # the job of the middle time is lost
    assert main(["collect", "sub", "--out", "part.json"]) == 1
    assert "2 of 3 times are complete" in capsys.readouterr().out
    assert main(["compare", "part.json"]) == 0
    record = qm.Record.load("part.json")
    planned = record.provenance["planned_times"]
    wanted = qm.exact_circuit(record.network, planned).states[-1]
    other = qm.exact_circuit(record.network, record.times).states[-1]
    master = qm.master_equation(record.network, record.times).states[-1]
    right, wrong = (trace_distance(state[None], master[None])[0] for state in (wanted, other))
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if line.startswith("  splitting "))
    assert float(line.split()[1]) == pytest.approx(right, abs=1e-4)
    assert abs(right - wrong) > 0.005  # 50 times the tolerance above


def test_mitigation_is_declared_in_the_file(model: Path, capsys: pytest.CaptureFixture) -> None:
    text = SINGLE.replace('ancilla = "reset"', 'ancilla = "merged"')
    text = text.replace("periods = 2", "periods = 1").replace("points = 12", "points = 9")
    model.write_text(text + MITIGATED)
    assert main(["run", str(model), "--target", "fake:FakeManilaV2", "--out", "r.json"]) == 0
    printed = capsys.readouterr().out
    assert (
        "mitigated: readout tensored, two-qubit gates folded by [1, 3], polynomial of order 1"
        in printed
    )
    record = qm.Record.load("r.json")
    assert record.provenance["target"]["reset_error"] == 0.02
    assert record.provenance["mitigation"]["factors"] == [1, 3]
    assert main(["submit", str(model), "--target", "fake:FakeManilaV2", "--folder", "sub"]) == 0
    assert main(["collect", "sub", "--out", "c.json"]) == 0
    collected = qm.Record.load("c.json")
    assert collected.provenance["target"]["mode"] == "job"
    capsys.readouterr()
    assert main(["compare", "c.json"]) == 0
    assert (
        "mitigated: readout tensored, two-qubit gates folded by [1, 3]" in capsys.readouterr().out
    )
    error = qm.mitigate(collected).voltage_error
    # Coefficients 1.5 and −0.5 cost √2.5 = 1.58, and the readout's correction a little more.
    assert 1.58 < (error / qm.estimate(collected).voltage_error).mean() < 2.0
    assert main(["run", str(model), "--out", "ideal.json"]) == 0
    assert "not used for this target: [device], [ibm], [mitigation]" in capsys.readouterr().out
    assert qm.Record.load("ideal.json").mitigated is None


def test_few_times_are_compared_by_the_law(model: Path, capsys: pytest.CaptureFixture) -> None:
    model.write_text(SINGLE.replace("points = 12", "points = 2"))
    assert main(["run", str(model), "--target", "fake:FakeManilaV2", "--out", "r.json"]) == 0
    printed = capsys.readouterr().out
    assert "I from I = ΓV: 5 times are too few to differentiate" in printed
    assert "error budget" in printed


def test_a_sampler_of_ones_own_has_no_budget(model: Path, capsys: pytest.CaptureFixture) -> None:
    """Its noise is not known here, and must not be taken for the shots'."""
    from qiskit.primitives import BackendSamplerV2
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    described = read_description(model)
    backend = FakeManilaV2()
    target = qm.sampler(
        BackendSamplerV2(backend=backend), generate_preset_pass_manager(1, backend=backend)
    )
    record = qm.run(described.network, described.times, target=target, shots=50, ancilla="merged")
    assert record.provenance["target"]["backend"] == "fake_manila"
    record.save("own.json")
    assert main(["compare", "own.json"]) == 0
    assert "no error budget" in capsys.readouterr().out
    assert main(["compare", "own.json", "--figure", "budget.png"]) == 2
    assert "Argument --figure must be left out" in capsys.readouterr().err


def test_a_bad_output_name_is_refused_before_anything_runs(
    model: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["run", str(model), "--out", "record.txt"]) == 2
    captured = capsys.readouterr()
    assert "must end in .npz or .json" in captured.err
    assert captured.out == ""


def test_doctor_tells_versions_and_never_a_token(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qiskit_ibm_runtime

    accounts = {"mine": {"channel": "ibm_cloud", "token": "very-secret", "instance": "crn:1"}}
    monkeypatch.setattr(
        qiskit_ibm_runtime.QiskitRuntimeService, "saved_accounts", staticmethod(lambda: accounts)
    )
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "another-secret")
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "qiskit-aer" in printed
    assert "mine: channel ibm_cloud" in printed
    assert "from the environment: QISKIT_IBM_TOKEN is set" in printed
    assert "secret" not in printed


@pytest.mark.parametrize("content", ['{"broken', '{"mine": {"token": "very-secret"}}', "[]"])
def test_doctor_with_a_damaged_account_file(
    tmp_path: Path,
    capfd: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(content)
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE", str(path)
    )
    assert main(["doctor"]) == 0
    output = capfd.readouterr()
    assert "unreadable" in output.out
    assert "save the account again" in output.out
    assert "very-secret" not in output.out + output.err


def test_every_argument_says_what_it_is_and_its_default() -> None:
    commands = _parser()._subparsers._group_actions[0].choices
    assert commands
    for name, command in commands.items():
        for argument in command._actions:
            assert argument.help, (name, argument.dest)
            default = argument.default not in (None, False, "==SUPPRESS==")
            assert not default or "default" in argument.help, (name, argument.dest)


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_leaves_early_is_no_error(buffered: bool) -> None:
    """`qmemcircuit doctor | head -1`, with a reader that has left before the first line."""
    reader, writer = os.pipe()
    os.close(reader)
    flags = [] if buffered else ["-u"]
    command = [sys.executable, *flags, "-m", "qmemcircuit.command_line.main", "doctor"]
    with os.fdopen(writer, "w") as stream:
        ended = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_doctor_knows_every_extra_and_what_is_missing(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extras = set(project["project"]["optional-dependencies"]) - {"test"}
    assert {extra for extra, _ in EXTRAS.values()} == extras
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "pip install 'qmemcircuit[distributed]' (sweeps" in printed
    assert "pip install 'qmemcircuit[mitigation]' (readout" in printed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('rate = "squid"', 'rate = "square"'), "Argument rate must be one of"),
        (("gamma = 0.4", "gama = 0.4"), "has 'gama'"),
        (("gamma = 0.4", ""), "must hold gamma"),
        (("[[memristor]]", "[[memristors]]"), "has 'memristors'"),
        (("shots = 300", "shots = 0"), "Argument shots must be at least 1"),
        (("shots = 300", "shots = "), "must be a TOML file"),
        (('target = "aer"', 'target = "moon"'), "Argument --target must be aer"),
        (('target = "aer"', 'target = "fake:FakeMoon"'), "must be a fake device"),
        (('ancilla = "reset"', 'absorb_decay = "false"'), "Argument absorb_decay must be true or"),
        (('ancilla = "reset"', 'ancilla = "pool(x)"'), "Argument ancilla must be 'fresh'"),
        (('ancilla = "reset"', 'ancilla = "pool2"'), "Argument ancilla must be 'fresh'"),
        (("[[memristor]]", "[device]\nmoon = 1\n[[memristor]]"), "[device] has 'moon'"),
        (("[[memristor]]", "[device]\ncoherent_errors = 3\n[[memristor]]"), "must be a table"),
        (("[[memristor]]", "[ibm]\nseed = 1\n[[memristor]]"), "[ibm] has 'seed'"),
        (("[[memristor]]", "[device]\nschedule = 'no'\n[[memristor]]"), "true or false"),
        (
            ("[[memristor]]", "[device]\ncoherent_errors = {moon = 1}\n[[memristor]]"),
            "coherent_errors of [device] has 'moon'",
        ),
        (("[run]", "mitigation = 3\n[run]"), "must hold mitigation as [mitigation] on a line"),
        (("[run]", "coupling = [3]\n[run]"), "must hold coupling as [[coupling]] on a line"),
        (("[[memristor]]", "[mitigation]\nfactors = 3\n[[memristor]]"), "must be a list"),
        (("[[memristor]]", "[mitigation]\nfactors = [1, 4]\n[[memristor]]"), "must be odd"),
        (("[[memristor]]", "[mitigation]\nfolds = [1]\n[[memristor]]"), "has 'folds'"),
        (("[[memristor]]", _COUPLING.format("[0]")), "Argument pair must hold two memristors"),
        (("[[memristor]]", _COUPLING.format("3")), "Argument pair must hold two memristors"),
        (("[[memristor]]", _COUPLING.format("[0, 0.5]")), "Argument pair must be an integer"),
    ],
)
def test_errors_are_one_line(
    model: Path, capsys: pytest.CaptureFixture, change: tuple[str, str], message: str
) -> None:
    model.write_text(SINGLE.replace(*change))
    assert main(["run", str(model)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_files_are_named(model: Path, capsys: pytest.CaptureFixture) -> None:
    for command, name in (("run", "no.toml"), ("collect", "no"), ("compare", "no.json")):
        assert main([command, name]) == 2
        error = capsys.readouterr().err
        assert re.match(rf"error: Argument \w+ must .*, but '{name}' .*; .*\.$", error)
    assert not Path("no").exists()


def test_a_table_of_rates_is_a_law(tmp_path):
    path = tmp_path / "model.toml"
    table = 'rate = "table"\ntimes = [0.0, 5.0, 20.0]\nrates = [0.0, 0.4, 0.1]'
    path.write_text(SINGLE.replace('rate = "squid"\ngamma = 0.4', table))
    law = read_description(path).network.memristors[0].rate
    assert law == qm.TabulatedRate.from_values([0.0, 5.0, 20.0], [0.0, 0.4, 0.1])
    for wrong, words in (
        (table.replace("rates = [0.0, 0.4, 0.1]", ""), "must hold rates"),
        (table + "\ngamma = 0.4", "rate = 'table' has 'gamma'"),
        (table.replace("0.4", "-0.4"), "must not be negative, but at t = 5"),
        ('rate = "squid"\ngamma = 0.4\ntimes = [0.0]', "rate = 'squid' has 'times'"),
    ):
        path.write_text(SINGLE.replace('rate = "squid"\ngamma = 0.4', wrong))
        with pytest.raises(ValueError, match=words):
            read_description(path)
