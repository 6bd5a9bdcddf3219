"""The README's example and that of CONTRIBUTING run as printed; commands and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
HARDWARE = ROOT / "docs" / "pages" / "howto" / "hardware.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += [
    ROOT / "tests" / "README.md",
    ROOT / "paper" / "paper.md",
    *sorted((ROOT / "experiments").rglob("*.md")),
]


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
    (text,) = re.findall(r"```toml\n(.*?)```", HARDWARE.read_text(), re.S)
    assert text == (ROOT / "experiments/hardware/memristor.toml").read_text()


def test_the_qmemcircuit_commands_exist():
    from qmemcircuit.command_line.main import _parser

    commands = re.findall(r"bin/qmemcircuit (.*)", HARDWARE.read_text())
    assert len(commands) > 3
    for command in commands:
        assert _parser().parse_args(command.split()).action


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_experiments_files_and_scripts_exist(page):
    from experiments.registry import experiment_names

    text = page.read_text()
    known = set(experiment_names())
    for names in re.findall(r"experiments run ((?: ?[a-z0-9]+\.[a-z0-9_]+)+)", text):
        assert set(names.split()) <= known, names
    for path in re.findall(r"pytest (tests/\S+?)[`\s]", text):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"-m (experiments\.benchmarks\.\w+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Offline: a relative link is a file, and its # a heading of it; others are https."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, heading = link.partition("#")
        if path.startswith("http"):
            assert path.startswith("https://"), link
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)", target.read_text(), re.M)
            assert heading in {_anchor(title) for title in titles}, link


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def test_the_readme_is_short():
    """The example first; two screens in all. What is longer has a page of its own."""
    assert len(README.splitlines()) < 90
