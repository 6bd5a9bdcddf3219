"""The gallery: every figure with what to see, its command, and its numbers with their verdicts."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

from experiments.registry import experiment_names, title_of
from experiments.report import GALLERY, PAPERS
from experiments.results import format_number

SHOWN = 3
"""Numbers shown beside a figure; the table behind has all."""


def write_gallery(folder: Path) -> None:
    """Write the gallery, one page of figures and one of tables for each paper."""
    folder.mkdir(parents=True)
    names = experiment_names()
    papers = sorted({name.split(".")[0] for name in names}, key=_order)
    for paper in papers:
        own = [name for name in names if name.startswith(f"{paper}.")]
        about = (importlib.import_module(f"experiments.{paper}").__doc__ or "").strip()
        parts = [f"# {paper}\n\n{about}\n"]
        parts += [_figure(name, folder) for name in own]
        (folder / f"{paper}.md").write_text("\n".join(parts))
    listed = "\n".join(papers)
    (folder / "index.md").write_text(
        "# Gallery\n\nEvery figure, by paper, then our own. Verdicts: **agrees** with the "
        "published value; **erratum**: the paper is wrong, and the evidence says why; "
        "**inferred**: the paper does not print what is needed; **new**: nobody has published "
        "it.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n{listed}\n```\n"
    )


def _order(paper: str) -> tuple[int, str]:
    return (PAPERS.index(paper) if paper in PAPERS else len(PAPERS), paper)


def _figure(name: str, folder: Path) -> str:
    parts = [f"## {name}\n\n{title_of(name)}.\n\n```sh\npython -m experiments run {name}\n```\n"]
    for picture in sorted(GALLERY.glob(f"{name}.png")) + sorted(GALLERY.glob(f"{name}.*.png")):
        shutil.copy(picture, folder)
        parts.append(f"![{title_of(name)}]({picture.name})\n")
    path = GALLERY / f"{name}.json"
    if not path.is_file():
        return "\n".join([*parts, "Not run yet.\n"])
    quantities = json.loads(path.read_text())["quantities"]
    parts.append(_table(quantities[:SHOWN]))
    if len(quantities) > SHOWN:
        rest = _table(quantities[SHOWN:])
        parts.append(f":::{{dropdown}} all {len(quantities)} numbers\n{rest}\n:::\n")
    return "\n".join(parts)


def _table(quantities: list[dict[str, Any]]) -> str:
    rows = ["| quantity | published | ours | verdict | evidence |", "|---|---|---|---|---|"]
    for item in quantities:
        unit = "" if item["unit"] == "1" else f" {item['unit']}"
        cells = [
            item["name"],
            "—" if item["published"] is None else str(item["published"]),
            f"{_number(item['value'], item['error'])}{unit}",
            item["verdict"],
            item["evidence"],
        ]
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _number(value: Any, error: float | None) -> str:
    """Return a number with the digits that mean something: those of its error, or three."""
    if isinstance(value, str) or error:
        return format_number(value, error)
    text = format_number(value)
    return text if "rounding" in text else f"{value:.3g}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", r"\<").replace("*", r"\*").replace("\n", " ")
