"""The README's example and that of CONTRIBUTING run as printed; CI runs the commands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_example_runs_and_draws(tmp_path, monkeypatch, capsys):
    code = "".join(re.findall(r"```python\n(.*?)```", README, re.S))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "loop.png").stat().st_size > 10_000
    assert "The two agree within the shots" in capsys.readouterr().out


def test_the_example_of_contributing_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)
    exec(compile(code, "CONTRIBUTING.md", "exec"), {})


def test_the_test_command_is_what_ci_runs():
    section = README[README.index("## Two commands") :]
    commands = re.findall(r"```sh\n(.*?)\n```", section, re.S)
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert commands[1] in (ROOT / ".ci" / "run").read_text()


def test_the_toml_is_the_example_file():
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    assert text == (ROOT / "experiments/hardware/memristor.toml").read_text()


def test_the_qmemcircuit_commands_exist():
    from qmemcircuit.command_line.main import _parser

    for command in re.findall(r"bin/qmemcircuit (.*)", README):
        assert _parser().parse_args(command.split()).action


def test_named_experiments_files_and_scripts_exist():
    from experiments.registry import experiment_names

    for name in re.findall(r"experiments run ([a-z0-9.]+[a-z0-9])", README):
        assert name in experiment_names()
    for path in re.findall(r"\]\(([^)]+)\)|pytest (tests/\S+?)[`\s]", README):
        assert (ROOT / (path[0] or path[1])).exists(), path
    for module in re.findall(r"-m (experiments\.benchmarks\.\w+)", README):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
