"""The site builds without a warning, its code blocks run, and its terms are defined."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import docs.reference
from docs.papers import write_papers
from docs.reference import public_names, to_markdown
from experiments.registry import experiment_names
from experiments.report import escape_cell, read_quantities

PAGES = Path(docs.reference.__file__).parent / "pages"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "docs", "--out", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert (tmp_path / "reference" / "model.html").is_file()
    assert len(list((tmp_path / "_images").glob("*.png"))) > 50


def test_every_concept_has_a_picture():
    for page in PAGES.glob("concepts/*.md"):
        pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page.read_text())
        assert pictures or page.stem == "index", page.name
        assert all((page.parent / picture).is_file() for picture in pictures), page.name


def test_the_papers_page_hides_no_erratum(tmp_path):
    write_papers(tmp_path / "papers.md")
    shown = (tmp_path / "papers.md").read_text()
    for name in experiment_names():
        for quantity in read_quantities(name):
            if quantity.verdict in ("erratum", "differs"):
                assert escape_cell(quantity.name) in shown, (name, quantity.name)
                assert quantity.published is None or escape_cell(str(quantity.published)) in shown


@pytest.mark.parametrize(
    "page", [page for page in sorted(PAGES.rglob("*.md")) if "```python" in page.read_text()],
    ids=lambda page: page.stem,
)  # fmt: skip
def test_code_blocks_run(page, tmp_path, monkeypatch):
    import matplotlib.pyplot

    monkeypatch.chdir(tmp_path)
    code = "".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
    exec(compile(code, page.name, "exec"), {"__name__": "__main__"})
    matplotlib.pyplot.close("all")


def test_docstrings_become_markdown():
    assert doctest.testmod(docs.reference).failed == 0
    shown = to_markdown("Sum.\n\nArgs:\n    x, y: numbers,\n        two.\n\n>>> 1 + 1\n2")
    assert "`x`, `y`\n: numbers," in shown
    assert "```python\n>>> 1 + 1\n2\n```" in shown


def test_the_reference_has_every_public_name():
    import qmemcircuit as qm

    shown = {name for _, name, _ in public_names()}
    assert {f"qm.{name}" for name in qm.__all__} <= shown


def test_every_public_name_has_a_runnable_example():
    """The doctests of the package run them."""
    without = [
        shown
        for _, shown, thing in public_names()
        if callable(thing) and ">>>" not in (inspect.getdoc(thing) or "")
    ]
    assert without == []


def test_commands_of_the_pages_exist():
    from qmemcircuit.command_line.main import _parser

    actions = _parser()._subparsers._group_actions[0].choices
    for page in PAGES.rglob("*.md"):
        for command in re.findall(r"`qmemcircuit (\w+)", page.read_text()):
            assert command in actions, (page.name, command)


EVERYDAY = {
    *(
        "",
        "aer",
        "all",
        "bare",
        "batch",
        "birth",
        "closed form",
        "coupled",
        "current",
        "cycle",
        "data",
    ),
    *("death", "density_matrix", "exact", "fitted", "ibm_cloud", "ibm_quantum_platform", "job"),
    *("keep", "local", "max", "memristor", "model", "noise", "raise", "rate", "refuse", "session"),
    *("statevector", "total", "voltage", "warn", "x", "y", "z", "GHZ", "W"),
}
"""Options that say what they mean, or that are others' names; all others are in the glossary, or
quoted in a docstring that says what they do."""


def test_the_glossary_or_a_docstring_has_every_option():
    package = Path(docs.reference.PACKAGE)
    text = "\n".join(path.read_text() for path in package.rglob("*.py"))
    options = {
        word
        for choices in re.findall(r"\bLiteral\[([^]]*)\]", text)
        for word in re.findall(r'"([^"]*)"', choices)
    }
    terms = set(re.findall(r"^([^\s`#].*)$", (PAGES / "glossary.md").read_text(), re.M))
    known = {word for term in terms for word in (term, term.replace(" ", "_"))}
    docstrings = "\n".join(re.findall(r'"""(.*?)"""', text, re.S))
    explained = {word for word in options if re.search(rf'["`=]{re.escape(word)}["`]', docstrings)}
    assert options - EVERYDAY - known - explained == set()
