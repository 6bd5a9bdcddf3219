"""The house in numbers: rooms, floors, arrows, circles, long files and functions.

    python tests/house.py [ROOT]

ROOT is a checkout (default: this one). Imports are read from the source, those inside functions
and under TYPE_CHECKING included. A room is one file; a floor is how many rooms stand below it on
the longest way down (rooms of one circle share a floor).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

WINGS = (
    ("__main__",),
    ("command_line",),
    ("runs",),
    ("devices",),
    ("designs",),
    ("memory",),
    ("simulation", "neurons", "plotting"),
    ("circuits", "analysis"),
    ("results",),
    ("model", "counts", "sweeps"),
    ("common",),
)
"""The wings of `qmemcircuit`, top to bottom. An import goes only down this list; wings on one line
do not know each other."""


def modules_of(root: Path, package: str) -> dict[str, Path]:
    """Return every module of a package: dotted name -> file."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_modules(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules among `known` that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            # `from package import module` names a module, `from module import name` does not.
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in inner]
        found |= {name for name in names if name in known and known[name] != path}
    return found


def arrows_of(root: Path, package: str) -> dict[str, set[str]]:
    """Return who imports whom inside a package."""
    known = modules_of(root, package)
    return {name: imported_modules(path, known) for name, path in known.items()}


def circles_of(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle (Tarjan's components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(arrows[name]):
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            circle = [stack.pop()]
            while circle[-1] != name:
                circle.append(stack.pop())
            if len(circle) > 1:
                circles.append(sorted(circle))

    for name in sorted(arrows):
        if name not in order:
            visit(name)
    return circles


def wing_of(module: str) -> str | None:
    """Return the wing of a module of `qmemcircuit`; None for the face and for former places."""
    parts = module.split(".")
    wings = {wing for line in WINGS for wing in line}
    inside = parts[0] == "qmemcircuit" and len(parts) > 1 and parts[1] in wings
    return parts[1] if inside else None


def upward_imports(arrows: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the imports that do not go down the list of wings, or leave it for the face."""
    height = {wing: -line for line, wings in enumerate(WINGS) for wing in wings}
    upward = []
    for module, others in arrows.items():
        here = wing_of(module)
        for other in others:
            there = wing_of(other)
            if here is None or here == there:
                continue
            if there is None:  # the face, or a former place: for the command line alone
                if here != "command_line":
                    upward.append((module, other))
            elif height[there] >= height[here]:
                upward.append((module, other))
    return sorted(upward)


def floors_of(arrows: dict[str, set[str]]) -> int:
    """Return how many rooms stand on the longest way down."""
    circles = circles_of(arrows)
    group = {name: name for name in arrows} | {n: c[0] for c in circles for n in c}
    below: dict[str, set[str]] = {}
    for name, others in arrows.items():
        below.setdefault(group[name], set()).update(group[o] for o in others)
    heights: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in heights:
            heights[name] = 1 + max((height(o) for o in below[name] - {name}), default=0)
        return heights[name]

    return max(height(name) for name in below)


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file, methods and inner functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameter_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of parameters, without self and cls."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def field_count(node: ast.ClassDef) -> int:
    """Return the number of annotated fields of a class."""
    return sum(isinstance(item, ast.AnnAssign) for item in node.body)


def report(root: Path) -> str:
    """Return the figures of the house as lines of text."""
    lines = []
    for package in ("qmemcircuit", "experiments"):
        modules = modules_of(root, package)
        arrows = arrows_of(root, package)
        rooms = [name for name in arrows if arrows[name] or modules[name].stem != "__init__"]
        circles = circles_of(arrows)
        lines.append(
            f"{package}: {len(rooms)} rooms, {floors_of(arrows)} floors, "
            f"{sum(map(len, arrows.values()))} arrows, {len(upward_imports(arrows))} upward, "
            f"{len(circles)} circles ({sum(map(len, circles))} rooms in them)"
        )
        lines += [f"  upward: {a} -> {b}" for a, b in upward_imports(arrows)]
        lines += [f"  circle: {', '.join(circle)}" for circle in circles]
        folders: dict[Path, int] = {}
        for path in modules.values():
            if path.stem != "__init__":
                folders[path.parent] = folders.get(path.parent, 0) + 1
        fullest = max(folders, key=lambda folder: folders[folder])
        lines.append(f"  fullest folder: {fullest.relative_to(root)}, {folders[fullest]} modules")
        sizes = {path: path.read_text().count("\n") for path in modules.values()}
        longest = max(sizes, key=lambda path: sizes[path])
        lines.append(f"  longest file: {longest.relative_to(root)}, {sizes[longest]} lines")
        found = [(path, f) for path in modules.values() for f in functions_of(path)]
        path, function = max(found, key=lambda pair: (pair[1].end_lineno or 0) - pair[1].lineno)
        lines.append(
            f"  longest function: {path.relative_to(root)}: {function.name}, "
            f"{(function.end_lineno or 0) - function.lineno + 1} lines"
        )
        path, function = max(found, key=lambda pair: parameter_count(pair[1]))
        wide = sum(parameter_count(f) > 8 for _, f in found)
        lines.append(
            f"  most parameters: {path.relative_to(root)}: {function.name}, "
            f"{parameter_count(function)} ({wide} functions have more than eight)"
        )
        classes = [
            (path, node)
            for path in modules.values()
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ClassDef)
        ]
        if classes:
            path, node = max(classes, key=lambda pair: field_count(pair[1]))
            many = sum(field_count(n) > 10 for _, n in classes)
            lines.append(
                f"  most fields: {path.relative_to(root)}: {node.name}, {field_count(node)} "
                f"({many} classes have more than ten)"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]))
