"""No function takes more than eight parameters, no class has more than ten fields, unless said why.

What is allowed says so in a comment above it: «More than eight parameters: …». The comment, not a
list here, is what a reader of the function sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import qmemcircuit

PACKAGE = Path(qmemcircuit.__file__).parent
MOST = {"parameters": 8, "fields": 10}
WORDS = {"parameters": "More than eight parameters: ", "fields": "More than ten fields: "}


def sizes(tree: ast.AST) -> Iterator[tuple[str, int, ast.FunctionDef | ast.ClassDef]]:
    """Each function with its parameters, without self and *args, and each class with its fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield "parameters", sum(item.arg not in ("self", "cls") for item in given), node
        elif isinstance(node, ast.ClassDef):
            yield "fields", sum(isinstance(item, ast.AnnAssign) for item in node.body), node


def unexplained(source: str) -> list[str]:
    """Return what is too large without a comment above it, decorators included."""
    lines, found = source.splitlines(), []
    for kind, count, node in sizes(ast.parse(source)):
        if count <= MOST[kind]:
            continue
        row = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
        above = []
        while row > 0 and lines[row - 1].strip().startswith("#"):
            row -= 1
            above.append(lines[row])
        if not any(WORDS[kind] in line for line in above):
            found.append(f"{node.name}: {count} {kind}")
    return found


@pytest.mark.parametrize("package", [PACKAGE, PACKAGE.parent / "experiments"], ids=lambda p: p.name)
def test_what_is_large_says_why(package):
    assert {
        str(path.relative_to(package)): names
        for path in sorted(package.rglob("*.py"))
        if (names := unexplained(path.read_text()))
    } == {}


def test_the_test_sees_what_is_large():
    many = ", ".join(f"p{index}" for index in range(9))
    assert unexplained(f"def f({many}): pass") == ["f: 9 parameters"]
    assert unexplained(f"# {WORDS['parameters']}a reason.\ndef f({many}): pass") == []
    fields = "\n".join(f"    x{index}: int" for index in range(11))
    assert unexplained(f"@d\nclass C:\n{fields}") == ["C: 11 fields"]
    assert unexplained(f"# {WORDS['fields']}a reason.\n@d\nclass C:\n{fields}") == []
