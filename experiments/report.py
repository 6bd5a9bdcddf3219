"""Turn the summaries of all experiments into the table of experiments/README.md."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

from experiments.registry import experiment_names
from experiments.results import Quantity, format_number
from qmemcircuit.common.storage import write_atomically

HERE = Path(__file__).parent
GALLERY = HERE / "gallery"
PAPERS = ("guo2022", "potter2024", "driven2026", "gonzalezraya2020", "brand2025")

HEADER = """# Experiments

This page is written by `python -m experiments report` from the summaries of the runs; nothing
in its tables is typed. One experiment is run by `python -m experiments run NAME`, which saves
its figures (PNG, PDF), data and `summary.json` below `results/NAME/`.

Verdicts: **agrees** with the published value; **erratum**: the paper is wrong, evidence beside
it; **differs**: it does not agree and we do not know why; **inferred**: the paper does not print
what is needed, we say what we inferred; **new**: nobody has published it.
"""


def collect_summaries(out: Path) -> list[Path]:
    """Copy the summary and the PNG figures of every run below `out` into the gallery."""
    copied = []
    for summary in sorted(out.glob("*/summary.json")):
        name = summary.parent.name
        if name not in experiment_names():
            continue
        copied.append(write_atomically(GALLERY / f"{name}.json", summary.read_bytes()))
        for picture in sorted(summary.parent.glob("*.png")):
            copied.append(Path(shutil.copy(picture, GALLERY / picture.name)))
    return copied


def render_report() -> str:
    """Return the text of experiments/README.md for the summaries in the gallery."""
    names = experiment_names()
    parts = [HEADER]
    folders = sorted({name.split(".")[0] for name in names} | {p for p in PAPERS if _exists(p)})
    for paper in sorted(folders, key=lambda p: (PAPERS.index(p) if p in PAPERS else 99, p)):
        module = importlib.import_module(f"experiments.{paper}")
        parts.append(f"\n## {paper}\n\n{(module.__doc__ or '').strip()}\n")
        parts.append(
            "\n| figure | quantity | published | ours | verdict | evidence |\n"
            "|---|---|---|---|---|---|\n"
        )
        for name in names:
            if name.startswith(f"{paper}."):
                parts.append(_rows(name))
        for figure, reason in getattr(module, "NOT_REPRODUCED", {}).items():
            parts.append(f"| {paper}.{figure} | — | — | not reproduced | — | {_cell(reason)} |\n")
        parts += [_picture(path) for path in sorted(GALLERY.glob(f"{paper}.*.png"))]
    return "".join(parts)


def write_report(out: Path) -> list[Path]:
    """Collect the summaries below `out`, write experiments/README.md, return what was written."""
    written = collect_summaries(out)
    written.append(write_atomically(HERE / "README.md", render_report().encode()))
    return written


def _exists(paper: str) -> bool:
    return (HERE / paper / "__init__.py").is_file()


def _rows(name: str) -> str:
    path = GALLERY / f"{name}.json"
    if not path.is_file():
        return f"| `{name}` | — | — | not run yet | — | `python -m experiments run {name}` |\n"
    summary = json.loads(path.read_text())
    seconds = summary["provenance"]["seconds"]
    rows = []
    for number, item in enumerate(summary["quantities"]):
        quantity = Quantity(**item)
        figure = f"`{name}` ({seconds:.0f} s)" if number == 0 else ""
        unit = "" if quantity.unit == "1" else f" {quantity.unit}"
        published = "—"
        if quantity.published is not None:
            source = f" ({quantity.source})" if quantity.source else ""
            published = f"{quantity.published}{source}"
        ours = f"{format_number(quantity.value, quantity.error)}{unit}"
        cells = (figure, quantity.name, published, ours, quantity.verdict, quantity.evidence)
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |\n")
    return "".join(rows)


def _picture(path: Path) -> str:
    return f"\n![{path.stem}](gallery/{path.name})\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
