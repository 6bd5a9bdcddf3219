"""Reference pages from the code: every public name, its signature and its docstring."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qmemcircuit

PACKAGE = Path(qmemcircuit.__file__).parent
SECTIONS = ("Args:", "Attributes:", "Returns:", "Raises:")


def write_reference(folder: Path) -> None:
    """Write one page for each wing that has public names, and an index."""
    folder.mkdir(parents=True)
    pages: dict[str, list[tuple[str, Any]]] = {}
    for place, name, thing in public_names():
        pages.setdefault(place, []).append((name, thing))
    titles = []
    for place, names in sorted(pages.items()):
        stem = place.replace(".", "_")
        doc = importlib.import_module(f"qmemcircuit.{place}").__doc__ or ""
        parts = [f"# {place}\n\n{to_markdown(inspect.cleandoc(doc))}\n"]
        parts += [_entry(name, thing) for name, thing in sorted(names, key=lambda n: n[0].lower())]
        (folder / f"{stem}.md").write_text("\n".join(parts))
        titles.append(stem)
    listed = "\n".join(titles)
    (folder / "index.md").write_text(
        "# Reference\n\nEvery public name, by the part of the package that it is in. The list is "
        "alphabetical; data go model → circuits → simulation, devices → runs → counts → results → "
        f"analysis → plotting.\n\n```{{toctree}}\n:maxdepth: 2\n{listed}\n```\n"
    )


def public_names() -> Iterator[tuple[str, str, Any]]:
    """Yield (wing, full name, object) of what the stubs of the package and its wings show."""
    seen = set()
    for stub in sorted(PACKAGE.rglob("__init__.pyi"), key=lambda path: len(path.parts)):
        inside = stub.parent.relative_to(PACKAGE).parts
        module = importlib.import_module(".".join(["qmemcircuit", *inside]))
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.ismodule(thing) or id(thing) in seen:
                continue
            seen.add(id(thing))
            wing = ".".join(inside)
            if not inside:
                wing = getattr(thing, "__module__", "qmemcircuit.common").split(".")[1]
            shown = ".".join(["qm" if not inside else f"qmemcircuit.{wing}", name])
            yield wing, shown, thing


def _entry(name: str, thing: Any) -> str:
    heading = f"## {name.rpartition('.')[2]}\n\n"
    if not (inspect.isclass(thing) or callable(thing)):
        return f"{heading}`{name}`, a value.\n"
    try:
        signature = str(inspect.signature(thing)).replace("'", "")
    except (TypeError, ValueError):
        signature = "(...)"
    body = to_markdown(inspect.getdoc(thing) or "")
    return f"{heading}```python\n{name}{signature}\n```\n\n{body}\n"


def to_markdown(text: str) -> str:
    """Return a docstring as Markdown: sections as lists of definitions, examples as code.

    >>> print(to_markdown("Return |e><g|.\\n\\nArgs:\\n    x: a number."))
    Return |e>\\<g|.
    <BLANKLINE>
    <BLANKLINE>
    **Args**
    <BLANKLINE>
    <BLANKLINE>
    `x`
    : a number.
    <BLANKLINE>
    """
    lines = text.splitlines()
    found: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if line in SECTIONS:
            place = _section(lines, place, found)
        elif line.startswith(">>>"):
            found += ["", "```python"]
            while place < len(lines) and lines[place].strip():
                found.append(lines[place])
                place += 1
            found += ["```", ""]
        else:
            found.append(line if line.startswith("    ") else _escaped(line))
            place += 1
    return "\n".join(found)


def _section(lines: list[str], place: int, found: list[str]) -> int:
    """Append a section's items; return the line after it."""
    known = lines[place].rstrip(":")
    found += ["", f"**{known}**", ""]
    place += 1
    while place < len(lines) and (not lines[place] or lines[place].startswith("    ")):
        line = lines[place][4:]
        if line and not line.startswith(" ") and ": " in line + " " and known != "Returns":
            names, _, rest = line.partition(":")
            found += [
                "",
                ", ".join(f"`{name.strip()}`" for name in names.split(",")),
                f": {_escaped(rest.strip()) or '…'}",
            ]
        else:
            indent = "" if known == "Returns" else "  "
            found.append(f"{indent}{_escaped(line.strip())}" if line.strip() else "")
        place += 1
    found.append("")
    return place


def _escaped(line: str) -> str:
    """Return the line with < escaped outside of code: <Y> is a mean here, and no tag of HTML.

    A page of the site that is named becomes a link.

    >>> _escaped("see docs/pages/concepts/loops.md")
    'see [concepts/loops](../concepts/loops.md)'
    """
    parts = re.split(r"(`[^`]*`)", line)
    found = "".join(
        p if p.startswith("`") else p.replace("<", r"\<").replace("*", r"\*") for p in parts
    )
    return re.sub(r"docs/pages/(\w+/\w+)\.md", r"[\1](../\1.md)", found)
