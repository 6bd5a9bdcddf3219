"""What stands at the top of the repository is known by name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
KNOWN = {
    ".ci", ".gitignore", "CHANGELOG.md", "CITATION.cff", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md",
    "LICENSE", "README.md", "docs", "experiments", "notebooks", "paper", "pyproject.toml",
    "qmemcircuit", "tests",
}  # fmt: skip


def test_nothing_else_is_kept_at_the_top() -> None:
    """What a run leaves in the working folder, such as a job's, does not belong to the library."""
    if not (TOP / ".git").exists():
        pytest.skip("not a repository")
    done = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=True)
    assert {name.split("/")[0] for name in done.stdout.splitlines()} == KNOWN
